/* SPDX-License-Identifier: Apache-2.0 */
/* evt.*, as the documentation of Falco's fields defines them, and what belongs to no family. */
#include "make_view.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct stage *s;

static int begin(void **state)
{
	(void)state;
	setenv("TZ", "Etc/GMT-2", 1);
	tzset();
	s = stage_new();
	run(s, 100, 1, "sh", "/bin/dash", "sh\0-i", 6);
	return 0;
}

static int end(void **state)
{
	(void)state;
	stage_free(s);
	return 0;
}

static void times(void **state)
{
	(void)state;
	call(s, SYS_chdir, 0);
	s->at.wall_ns = 1700000000000000000; /* 2023-11-14 22:13:20 UTC */
	s->at.first_ns = 1000000007;
	s->at.number = 17;
	see(s); /* 5 s later */
	is(s, "evt.time", "00:13:25.000000000");
	is(s, "evt.time.s", "00:13:25");
	is(s, "evt.datetime", "2023-11-15 00:13:25.000000000");
	is(s, "evt.datetime.s", "2023-11-15 00:13:25");
	is(s, "evt.time.iso8601", "2023-11-14T22:13:25.000000000Z");
	is_number(s, "evt.rawtime", 1700000005000000000);
	is_number(s, "evt.rawtime.s", 1700000005);
	is_number(s, "evt.rawtime.ns", 0);
	is_number(s, "evt.reltime", 3999999993);
	is_number(s, "evt.reltime.s", 3);
	is_number(s, "evt.reltime.ns", 999999993);
	is_number(s, "evt.num", 17);
	/* Later than the first event that arrived, but before it in time. */
	s->at.first_ns = 9000000000;
	see(s);
	is_number(s, "evt.reltime", 0);
}

static void kind_is(int nr, const char *type, const char *category)
{
	call(s, nr, 0);
	see(s);
	is(s, "evt.type", type);
	is(s, "syscall.type", type);
	is(s, "evt.category", category);
	is(s, "evt.dir", "<");
	is(s, "evt.source", "syscall");
	is(s, "evt.is_async", "false");
	none(s, "evt.asynctype");
}

static void types(void **state)
{
	(void)state;
	kind_is(SYS_openat, "openat", "file");
	kind_is(SYS_connect, "connect", "net");
	kind_is(SYS_ptrace, "ptrace", "process");
	kind_is(SYS_setuid, "setuid", "user");
	kind_is(SYS_bpf, "bpf", "system");
	kind_is(SYS_userfaultfd, "userfaultfd", "memory");
	is_number(s, "evt.type.is[userfaultfd]", 1);
	is_number(s, "evt.type.is[open]", 0);
	make(&s->m, LZ_EV_EXEC, 100, 100)->nr = SYS_execveat;
	see(s);
	is(s, "evt.type", "execveat");
	make(&s->m, LZ_EV_EXEC, 100, 100)->nr = SYS_execve;
	see(s);
	is(s, "evt.type", "execve");
	is(s, "evt.category", "process");
	is_number(s, "evt.rawres", 0);
	make(&s->m, LZ_EV_FORK, 100, 100)->nr = SYS_clone3;
	head_of(&s->m)->ret = 77;
	see(s);
	is(s, "evt.type", "clone3");
	is_number(s, "evt.rawres", 77);
	make(&s->m, LZ_EV_FORK, 100, 100)->nr = SYS_vfork;
	see(s);
	is(s, "evt.type", "vfork");
	make(&s->m, LZ_EV_FORK, 100, 100)->nr = SYS_clone;
	see(s);
	is(s, "evt.type", "clone");
	make(&s->m, LZ_EV_EXIT, 100, 100)->ret = 256;
	see(s);
	is(s, "evt.type", "procexit");
	none(s, "syscall.type");
	is_number(s, "evt.arg.status", 256);
	make(&s->m, LZ_EV_DNS, 100, 100);
	see(s);
	is(s, "evt.type", "dns");
	is(s, "evt.is_async", "true");
	is(s, "evt.asynctype", "dns");
	is(s, "evt.category", "net");
	none(s, "evt.res");
	none(s, "evt.failed");
	none(s, "evt.args");
	make(&s->m, LZ_EV_CAPABILITY, 100, 100);
	see(s);
	is(s, "evt.type", "capability");
	is(s, "evt.category", "other");
}

static void results(void **state)
{
	(void)state;
	call(s, SYS_openat, 5);
	see(s);
	is(s, "evt.res", "SUCCESS");
	is_number(s, "evt.rawres", 5);
	is(s, "evt.failed", "false");
	none(s, "evt.count.error");
	is_number(s, "evt.count", 1);
	call(s, SYS_openat, -EACCES);
	see(s);
	is(s, "evt.res", "EACCES");
	is_number(s, "evt.rawres", -EACCES);
	is(s, "evt.failed", "true");
	is_number(s, "evt.count.error", 1);
	is(s, "evt.arg.fd", "EACCES");
	is_number(s, "evt.arg.fd", -EACCES);
	is(s, "evt.arg.res", "EACCES");
	call(s, SYS_connect, -EINPROGRESS);
	see(s);
	is(s, "evt.res", "EINPROGRESS");
	is(s, "evt.failed", "true");
	call(s, SYS_accept, -512); /* interrupted, to be begun again */
	see(s);
	is(s, "evt.res", "-512");
	call(s, SYS_accept, INT64_MIN);
	see(s);
	is(s, "evt.res", "SUCCESS"); /* no error's number */
}

static void open_as(unsigned flags, int64_t ret, unsigned got, bool read, bool write)
{
	struct lz_ev_file f = {.inode = 4, .mode = S_IFREG, .flags = got};

	call(s, SYS_open, ret);
	text(&s->m, 0, "/x");
	number(&s->m, 1, flags);
	number(&s->m, 2, 0);
	if (ret >= 0)
		part(&s->m, LZ_PART_RET_FILE, &f, sizeof(f));
	see(s);
	is(s, "evt.is_open_read", read ? "true" : "false");
	is(s, "evt.is_open_write", write ? "true" : "false");
}

static void opening(void **state)
{
	struct open_how how = {.flags = O_WRONLY | O_CREAT, .mode = 0755};
	struct lz_ev_file f = {.inode = 4, .mode = S_IFREG, .flags = LZ_FILE_WRITE};

	(void)state;
	open_as(O_RDONLY, 3, LZ_FILE_READ, true, false);
	open_as(O_WRONLY, 3, LZ_FILE_WRITE, false, true);
	open_as(O_RDWR, 3, LZ_FILE_READ | LZ_FILE_WRITE, true, true);
	open_as(O_RDONLY | O_TRUNC, 3, LZ_FILE_READ, true, false);
	/* The kernel makes neither of these; the programs class them as not for writing, too. */
	open_as(O_PATH, 3, 0, false, false);
	open_as(O_PATH | O_WRONLY, 3, 0, false, false);
	open_as(3, 3, 0, false, false);
	open_as(O_RDONLY, -ENOENT, 0, true, false);
	open_as(O_WRONLY, -ENOENT, 0, false, true);
	open_as(O_RDWR, -ENOENT, 0, true, true);
	open_as(O_PATH | O_RDWR, -ENOENT, 0, false, false);
	open_as(3, -EACCES, 0, false, false);

	call(s, SYS_openat2, 3);
	number(&s->m, 0, (uint64_t)AT_FDCWD);
	text(&s->m, 1, "/x");
	part(&s->m, 2, &how, sizeof(how));
	part(&s->m, LZ_PART_RET_FILE, &f, sizeof(f));
	see(s);
	is(s, "evt.is_open_write", "true");
	is(s, "evt.is_open_exec", "true");
	is(s, "evt.is_open_create", "false");
	is(s, "evt.arg.flags", "O_WRONLY|O_CREAT");
	is(s, "evt.arg.mode", "S_IRUSR|S_IWUSR|S_IXUSR|S_IRGRP|S_IXGRP|S_IROTH|S_IXOTH");
	f.flags |= LZ_FILE_CREATED;
	call(s, SYS_creat, 3);
	text(&s->m, 0, "/x");
	number(&s->m, 1, 0600);
	part(&s->m, LZ_PART_RET_FILE, &f, sizeof(f));
	see(s);
	is(s, "evt.is_open_write", "true");
	is(s, "evt.is_open_create", "true");
	is(s, "evt.is_open_exec", "false");
	is(s, "evt.arg.flags", "O_WRONLY|O_CREAT|O_TRUNC");
	call(s, SYS_unlink, 0);
	see(s);
	none(s, "evt.is_open_read");
	none(s, "evt.is_open_write");
	none(s, "evt.is_open_exec");
	none(s, "evt.is_open_create");
}

static void arguments(void **state)
{
	(void)state;
	call(s, SYS_openat, 7);
	number(&s->m, 0, (uint64_t)AT_FDCWD);
	text(&s->m, 1, "etc/passwd");
	number(&s->m, 2, O_RDONLY | O_CLOEXEC);
	number(&s->m, 3, 0);
	path(&s->m, LZ_PART_CWD, 0, "/");
	see(s);
	is(s, "evt.arg.name", "/etc/passwd");
	is(s, "evt.arg.path", "/etc/passwd"); /* the same by the name that others have */
	is(s, "evt.arg[1]", "/etc/passwd");
	is(s, "evt.rawarg.name", "etc/passwd");
	is(s, "evt.arg.flags", "O_RDONLY|O_CLOEXEC");
	is_number(s, "evt.rawarg.flags", O_RDONLY | O_CLOEXEC);
	is_number(s, "evt.arg.dirfd", AT_FDCWD);
	is_number(s, "evt.arg.fd", 7);
	none(s, "evt.arg.uid");
	none(s, "evt.arg[9]");
	none(s, "evt.arg[99999999999999999999]");
	is(s, "evt.args", "res=7 dirfd=-100 name=/etc/passwd flags=O_RDONLY|O_CLOEXEC mode=0");
	is(s, "evt.info", "res=7 dirfd=-100 name=/etc/passwd flags=O_RDONLY|O_CLOEXEC mode=0");

	call(s, SYS_ptrace, 0);
	number(&s->m, 0, PTRACE_ATTACH);
	number(&s->m, 1, 4321);
	number(&s->m, 2, 0xffff800000000000);
	see(s);
	is(s, "evt.arg.request", "PTRACE_ATTACH");
	is_number(s, "evt.arg.request", PTRACE_ATTACH);
	is_number(s, "evt.arg.pid", 4321);
	is(s, "evt.arg.addr", "0xffff800000000000");

	call(s, SYS_setuid, -EPERM);
	number(&s->m, 0, 0);
	see(s);
	is(s, "evt.arg.uid", "root");
	is_number(s, "evt.arg.uid", 0);
	is(s, "evt.args", "res=-1(EPERM) uid=root");
	call(s, SYS_setuid, 0);
	number(&s->m, 0, 3999999999U);
	see(s);
	is(s, "evt.arg.uid", "-294967297");

	call(s, SYS_bpf, 3);
	number(&s->m, 0, 5);
	see(s);
	is(s, "evt.arg.cmd", "BPF_PROG_LOAD");
	is_number(s, "evt.arg.cmd", 5);
	call(s, SYS_socket, 3);
	number(&s->m, 0, AF_PACKET);
	number(&s->m, 1, SOCK_RAW);
	number(&s->m, 2, 0);
	see(s);
	is(s, "evt.arg.domain", "AF_PACKET");
	is_number(s, "evt.arg.type", SOCK_RAW);
	call(s, SYS_unshare, 0);
	number(&s->m, 0, 0x10020000);
	see(s);
	is(s, "evt.arg.flags", "CLONE_NEWNS|CLONE_NEWUSER");
	call(s, SYS_chmod, 0);
	text(&s->m, 0, "/bin/x");
	number(&s->m, 1, 04711);
	see(s);
	is(s, "evt.arg.mode", "S_ISUID|S_IRUSR|S_IWUSR|S_IXUSR|S_IXGRP|S_IXOTH");
	is(s, "evt.arg.filename", "/bin/x");
	call(s, SYS_dup2, 1);
	number(&s->m, 0, 7);
	number(&s->m, 1, 1);
	see(s);
	is_number(s, "evt.rawres", 1);
	is_number(s, "evt.arg.oldfd", 7);
	/* A part that is missing: the argument could not be read. */
	call(s, SYS_chmod, -EFAULT);
	number(&s->m, 1, 0);
	see(s);
	none(s, "evt.arg.filename");
	is(s, "evt.args", "res=-14(EFAULT) filename= mode=0");
}

/* chdir: the folder that it led to, not the text. */
static void moved(void **state)
{
	(void)state;
	call(s, SYS_chdir, 0);
	text(&s->m, 0, "link");
	path(&s->m, LZ_PART_CWD, 0, "/real/place");
	see(s);
	is(s, "evt.arg.path", "/real/place");
	is(s, "evt.rawarg.path", "link");
	is(s, "proc.cwd", "/real/place/");
	call(s, SYS_chdir, -ENOENT);
	text(&s->m, 0, "no");
	path(&s->m, LZ_PART_CWD, 0, "/real/place");
	see(s);
	is(s, "evt.arg.path", "/real/place/no");
}

static void of_exec(void **state)
{
	struct lz_ev_file f = {
		.inode = 9, .mode = 0100755, .uid = 0, .flags = LZ_FILE_OVERLAY | LZ_FILE_UPPER};
	struct lz_ev_task t = {.pid = 100,
			       .start_ns = 100,
			       .uid = 0,
			       .tty = 34816,
			       .cap_effective = 2,
			       .comm = "wget"};

	(void)state;
	make(&s->m, LZ_EV_EXEC, 100, 100);
	part(&s->m, LZ_PART_TASK, &t, sizeof(t));
	part(&s->m, LZ_PART_EXE, &f, sizeof(f));
	path(&s->m, LZ_PART_EXE_PATH, 0, "/tmp/wget");
	text(&s->m, LZ_PART_NAME, "./wget");
	part(&s->m, LZ_PART_ARGV, "wget\0-q\0http://x", 16);
	path(&s->m, LZ_PART_CWD, 0, "/tmp");
	see(s);
	is(s, "evt.arg.filename", "./wget");
	is(s, "evt.arg.exe", "wget");
	is(s, "evt.arg.args", "-q http://x");
	is(s, "evt.arg.comm", "wget");
	is(s, "evt.arg.cwd", "/tmp");
	is(s, "evt.arg.trusted_exepath", "/tmp/wget");
	is(s, "evt.arg.flags", "EXE_WRITABLE|EXE_UPPER_LAYER");
	is(s, "evt.arg.uid", "root");
	is_number(s, "evt.arg.tty", 34816);
	is_number(s, "evt.arg.res", 0);
	none(s, "evt.arg.nothing");
	is(s, "evt.args",
	   "res=0 filename=./wget exe=wget args=-q http://x cwd=/tmp "
	   "flags=EXE_WRITABLE|EXE_UPPER_LAYER uid=root");
	/* One that failed is a call with a path. */
	call(s, SYS_execve, -EACCES);
	text(&s->m, 0, "./tool");
	path(&s->m, LZ_PART_CWD, 0, "/tmp");
	see(s);
	is(s, "evt.type", "execve");
	is(s, "evt.arg.filename", "/tmp/tool");
	is(s, "evt.res", "EACCES");
}

static void io(void **state)
{
	(void)state;
	call(s, SYS_sendto, 4);
	part(&s->m, LZ_PART_BYTES,
	     "a\0\xff"
	     "b",
	     4);
	see(s);
	is(s, "evt.is_io", "true");
	is(s, "evt.is_io_write", "true");
	is(s, "evt.is_io_read", "false");
	is(s, "evt.io_dir", "w");
	is_number(s, "evt.buflen", 4);
	{
		const struct lz_datum *d;
		assert_int_equal(values(s, "evt.buffer", &d), 1);
		assert_true(lz_span_eq(d->text, lz_span("a\0\xff"
							"b",
							4)));
	}
	call(s, SYS_recvfrom, -EAGAIN);
	see(s);
	is(s, "evt.io_dir", "r");
	none(s, "evt.buflen");
	none(s, "evt.buffer");
	call(s, SYS_openat, 3);
	see(s);
	is(s, "evt.io_dir", "-");
	is(s, "evt.is_io", "false");
}

/* --- every field --- */

/* Each row of the table answers or is one of those that docs/fields.md marks: there, an "n" stands
 * where the sensor never answers. */
static void documented(void **state)
{
	FILE *f = fopen(source_path("docs/fields.md"), "r");
	size_t rows = 0, unanswered = 0;
	char line[1000];

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		const struct lz_field *field;
		struct lz_span name, rest, arg;
		bool never = strstr(line, "(never has a value)") != NULL;
		if (strncmp(line, "| `", 3))
			continue;
		lz_span_cut(lz_str(line + 3), '`', &name, &rest);
		if (lz_span_find(name, '[') >= 0)
			name = lz_span_head(name, (size_t)lz_span_find(name, '['));
		field = lz_field_find(name, &arg);
		if (!field)
			continue;
		rows++;
		unanswered += never;
		if (lz_view_answers(field) == never)
			fail_msg("%s %s", field->name,
				 never ? "answers"
				       : "never answers and docs/fields.md does not say so");
	}
	fclose(f);
	assert_int_equal(rows, lz_field_count);
	assert_true(unanswered < lz_field_count / 4);
}

static void ask_all(void)
{
	struct lz_watch_event *e = lz_view_event(s->view);
	static const char *const args[] = {"",	    "0",  "1",	"name", "HOME",
					   "/",	    "64", "65", "-1",	"99999999999999999999",
					   "execve"};

	for (size_t i = 0; i < lz_field_count; i++)
		for (size_t k = 0; k < sizeof(args) / sizeof(args[0]); k++) {
			const struct lz_datum *d = NULL;
			size_t n = e->get(e, &lz_fields[i], lz_str(args[k]), &d);
			for (size_t j = 0; j < n; j++) {
				assert_true(d[j].ip_bytes == 0 || d[j].ip_bytes == 4 ||
					    d[j].ip_bytes == 16);
				if (d[j].text.n)
					assert_non_null(memchr(d[j].text.p, 0, 0) ? NULL
										  : d[j].text.p);
			}
		}
}

/* All fields of an event of each kind, with nothing but the head; and with the largest parts that
 * there can be: what does not fit into the view's memory is left out, nothing breaks. */
static void everything(void **state)
{
	static char big[4096];

	(void)state;
	for (unsigned kind = 1; kind < LZ_EV_KINDS; kind++) {
		make(&s->m, kind, 100, 100);
		see(s);
		ask_all();
	}
	for (size_t i = 0; i < lz_call_count; i++) {
		if (lz_calls[i].nr < 0)
			continue;
		call(s, lz_calls[i].nr, -1);
		see(s);
		ask_all();
	}
	memset(big, 'a', sizeof(big));
	big[0] = 'x';
	big[1] = 0;
	for (uint32_t pid = 200; pid < 280; pid++)
		run(s, pid, pid - 1, "deep", "/bin/deep", big, sizeof(big));
	ask_all();
	ask_all();
	is(s, "proc.name", "deep");
}

/* What a view holds when its memory is full: rules about other things still get answers. */
static void deep_family(void **state)
{
	static char big[4096];
	const struct lz_datum *d;
	char field[40];

	(void)state;
	memset(big, 'a', sizeof(big));
	big[0] = 'x';
	big[1] = 0;
	for (uint32_t pid = 200; pid < 300; pid++)
		run(s, pid, pid - 1, "deep", "/bin/deep", big, sizeof(big));
	assert_int_equal(values(s, "proc.acmdline", &d), 64);
	for (int i = 1; i <= 64; i++) {
		snprintf(field, sizeof(field), "proc.acmdline[%d]", i);
		assert_int_equal(values(s, field, &d), 1);
		assert_int_equal(d->text.n, 4 + 1 + 4094);
	}
	is(s, "proc.pname", "deep");
	is_number(s, "proc.pid", 299);
	assert_int_equal(values(s, "proc.cmdline", &d), 1);
	assert_int_equal(d->text.n, 4 + 1 + 4094);
}

static int one_view(void)
{
	struct lz_view_sources from = s->from;
	struct lz_err err = {0};
	struct lz_view *v = lz_view_new(&from, &err);

	lz_view_free(v);
	return v ? 0 : err.code;
}

static void no_memory(void **state)
{
	(void)state;
	assert_survives_nomem(one_view());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(times),	  TEST(types),	    TEST(results),     TEST(opening),
		TEST(arguments),  TEST(moved),	    TEST(of_exec),     TEST(io),
		TEST(documented), TEST(everything), TEST(deep_family), TEST(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
