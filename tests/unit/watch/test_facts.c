/* SPDX-License-Identifier: Apache-2.0 */
/* What of an event a profile remembers, and what the runtime does that none may. */
#include "watch/facts.h"

#include "make_record.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define ID "3f4b0c1d2e5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
enum { HOST = 8, BOX = 9, HOST_MNT = 1, BOX_MNT = 2 };

static struct made m;
static struct lz_rules *rules;
static struct lz_engine *e;
static struct lz_fact_reader *reader;
static char fact[8192], about[8192];

static void show(char *to, const struct lz_facts *f, bool any)
{
	int n = any ? snprintf(to, sizeof(fact), "%s %.*s", lz_fact_rows[f->fact.kind].key,
			       LZ_FMT(f->fact.value))
		    : snprintf(to, sizeof(fact), "-");

	if (any && f->fact.parent.n)
		n += snprintf(to + n, sizeof(fact) - (size_t)n, " < %.*s", LZ_FMT(f->fact.parent));
	for (size_t i = 0; any && i < f->others; i++)
		n += snprintf(to + n, sizeof(fact) - (size_t)n, " | %.*s",
			      LZ_FMT(f->other[i].value));
}

static void on_event(void *arg, const struct lz_seen *x)
{
	struct lz_facts f;

	(void)arg;
	lz_facts_meet(reader, x);
	show(about, &f, lz_facts_about(reader, x, &f));
	show(fact, &f, lz_facts_of(reader, x, &f));
}

static void on_alert(void *arg, const struct lz_alert *a)
{
	(void)arg;
	(void)a;
}

static void begin(void)
{
	static const struct lz_engine_hooks hooks = {.event = on_event, .alert = on_alert};
	struct lz_ev_cgroup c = {.id = BOX};
	struct lz_err err = {0};

	rules = lz_rules_new(&err);
	assert_ok(lz_rules_compile(rules, &err), err);
	e = lz_engine_new(rules, NULL, &hooks, &err);
	assert_non_null(e);
	reader = lz_fact_reader_new(e, &err);
	assert_non_null(reader);
	for (c.hierarchy = 0; c.hierarchy < 20; c.hierarchy++) {
		make(&m, LZ_EV_CGROUP, 1, 1)->cgroup = HOST;
		part(&m, LZ_PART_CGROUP, &c, sizeof(c));
		text(&m, LZ_PART_NAME, "/docker/" ID);
		lz_engine_take(e, made_span(&m));
	}
}

static void end(void)
{
	lz_fact_reader_free(reader);
	lz_engine_free(e);
	lz_rules_free(rules);
}

static const char *take(void)
{
	fact[0] = 0;
	lz_engine_take(e, made_span(&m));
	return fact;
}

static const char *exec(uint32_t pid, uint32_t ppid, const char *exe, uint64_t cgroup,
			uint32_t mntns)
{
	struct lz_ev_task t = {.pid = pid,
			       .start_ns = pid,
			       .ppid = ppid,
			       .parent_start_ns = ppid,
			       .cgroup = cgroup,
			       .mntns = mntns};

	make(&m, LZ_EV_EXEC, pid, pid)->ppid = ppid;
	head_of(&m)->cgroup = cgroup;
	head_of(&m)->nr = SYS_execve;
	part(&m, LZ_PART_TASK, &t, sizeof(t));
	path(&m, LZ_PART_EXE_PATH, 0, exe);
	return take();
}

static struct lz_ev *call(uint32_t pid, unsigned nr, int64_t ret)
{
	struct lz_ev *h = make(&m, LZ_EV_CALL, pid, pid);

	h->nr = (uint16_t)nr;
	h->ret = ret;
	h->cgroup = BOX;
	h->ppid = 1;
	return h;
}

static const char *opens(uint32_t pid, const char *name, uint32_t mode, uint32_t how)
{
	struct lz_ev_file f = {.inode = 3, .mode = mode, .flags = how};

	call(pid, SYS_openat, 5);
	number(&m, 0, (uint64_t)AT_FDCWD);
	text(&m, 1, name);
	number(&m, 2, how & LZ_FILE_WRITE ? O_RDWR : O_RDONLY);
	number(&m, 3, 0);
	part(&m, LZ_PART_RET_FILE, &f, sizeof(f));
	path(&m, LZ_PART_RET_PATH, 0, name);
	return take();
}

static const char *socket_call(unsigned nr, int64_t ret, unsigned protocol, unsigned local,
			       const char *ip, unsigned remote)
{
	struct lz_ev_file f = {.inode = 77 + remote, .mode = S_IFSOCK};
	struct lz_ev_socket s = {.family = AF_INET,
				 .type = protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM,
				 .protocol = (uint16_t)protocol,
				 .local_port = (uint16_t)local,
				 .remote_port = (uint16_t)remote};

	if (ip)
		inet_pton(AF_INET, ip, s.remote);
	call(20, nr, ret);
	number(&m, 0, 3);
	part(&m, LZ_PART_FILE, &f, sizeof(f));
	part(&m, LZ_PART_SOCKET, &s, sizeof(s));
	return take();
}

static void box(void)
{
	exec(1, 0, "/sbin/init", HOST, HOST_MNT);
	exec(10, 1, "/usr/bin/runc", HOST, HOST_MNT);
	exec(20, 10, "/bin/sh", BOX, BOX_MNT);
}

static void programs(void **state)
{
	(void)state;
	begin();
	box();
	assert_string_equal(fact, "programs /bin/sh < outside");
	assert_string_equal(exec(21, 20, "/usr/bin/id", BOX, BOX_MNT),
			    "programs /usr/bin/id < /bin/sh");
	assert_string_equal(exec(22, 21, "/tmp/tmp.8fKd2L/x", BOX, BOX_MNT),
			    "programs /tmp/tmp.*/x < /usr/bin/id");
	assert_string_equal(about, "programs /tmp/tmp.*/x");
	end();
}

/* It is in the container's group by then, or from its birth on; either way its program is the host's. */
static void runtimes(void **state)
{
	(void)state;
	begin();
	exec(1, 0, "/sbin/init", HOST, HOST_MNT);
	exec(10, 1, "/usr/bin/runc", HOST, HOST_MNT);
	assert_string_equal(opens(10, "/etc/x", S_IFREG, LZ_FILE_WRITE), "-");
	call(10, SYS_mount, 0);
	assert_string_equal(take(), "-");
	exec(11, 1, "/usr/bin/crun", BOX, HOST_MNT);
	assert_string_equal(fact, "-");
	call(11, SYS_pivot_root, 0);
	assert_string_equal(take(), "-");
	assert_string_equal(exec(12, 11, "/bin/sh", BOX, BOX_MNT), "programs /bin/sh < outside");
	call(12, SYS_pivot_root, -1);
	assert_string_equal(take(), "calls pivot_root");
	end();
}

static void files(void **state)
{
	(void)state;
	begin();
	box();
	assert_string_equal(opens(20, "/etc/passwd", S_IFREG, LZ_FILE_READ), "reads /etc");
	assert_string_equal(opens(20, "/f", S_IFREG, LZ_FILE_READ | LZ_FILE_WRITE), "writes /");
	assert_string_equal(opens(20, "/var/lib/x", S_IFDIR, LZ_FILE_READ), "reads /var/lib/x");
	assert_string_equal(opens(20, "/dev/null", S_IFCHR, LZ_FILE_WRITE), "writes /dev/null");
	assert_string_equal(opens(20, "/dev/sda", S_IFBLK, LZ_FILE_READ), "reads /dev/sda");
	assert_string_equal(opens(20, "/run/fifo", S_IFIFO, LZ_FILE_WRITE), "-");
	assert_string_equal(opens(20, "/proc/4711/fd/3", S_IFREG, LZ_FILE_READ),
			    "reads /proc/*/fd");
	call(20, SYS_openat, -2);
	number(&m, 0, (uint64_t)AT_FDCWD);
	text(&m, 1, "/etc/none");
	assert_string_equal(take(), "-");
	/* Rules ask about more than a profile learns. */
	call(20, SYS_unlinkat, 0);
	number(&m, 0, (uint64_t)AT_FDCWD);
	text(&m, 1, "/var/log/x");
	assert_string_equal(take(), "-");
	assert_string_equal(about, "writes /var/log");
	end();
}

/* After a loss: nothing is known of how they began. */
static void unseen(void **state)
{
	(void)state;
	begin();
	call(30, SYS_mount, 0);
	snprintf(head_of(&m)->comm, 16, "runc:[2:INIT]");
	assert_string_equal(take(), "-");
	call(31, SYS_mount, 0);
	snprintf(head_of(&m)->comm, 16, "mount");
	assert_string_equal(take(), "calls mount");
	end();
}

static void names(void **state)
{
	(void)state;
	begin();
	box();
	make(&m, LZ_EV_DNS, 20, 20)->cgroup = BOX;
	part(&m, LZ_PART_BYTES,
	     "\x12\x34\x81\x80\0\1\0\1\0\0\0\0\3www\7example\3com\0\0\1\0\1"
	     "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1",
	     49);
	assert_string_equal(take(), "-");
	assert_string_equal(socket_call(SYS_connect, 0, IPPROTO_TCP, 40000, "192.0.2.1", 443),
			    "destinations tcp www.example.com 443 | tcp 192.0.2.1 443");
	end();
}

static void connections(void **state)
{
	(void)state;
	begin();
	box();
	assert_string_equal(socket_call(SYS_connect, 0, IPPROTO_TCP, 40000, "10.0.0.5", 443),
			    "destinations tcp 10.0.0.5 443");
	assert_string_equal(socket_call(SYS_connect, -111, IPPROTO_TCP, 40000, "10.0.0.6", 1),
			    "destinations tcp 10.0.0.6 1");
	assert_string_equal(socket_call(SYS_connect, 0, IPPROTO_UDP, 40000, "10.0.0.5", 53),
			    "destinations udp 10.0.0.5 53");
	assert_string_equal(socket_call(SYS_connect, 0, IPPROTO_UDP, 40000, "10.0.0.5", 0), "-");
	assert_string_equal(socket_call(SYS_listen, 0, IPPROTO_TCP, 80, NULL, 0), "listens tcp 80");
	assert_string_equal(socket_call(SYS_listen, 0, IPPROTO_TCP, 40001, NULL, 0),
			    "listens tcp 32768-65535");
	assert_string_equal(socket_call(SYS_listen, -98, IPPROTO_TCP, 80, NULL, 0), "-");
	assert_string_equal(socket_call(SYS_bind, 0, IPPROTO_UDP, 53, NULL, 0), "listens udp 53");
	assert_string_equal(socket_call(SYS_bind, 0, IPPROTO_TCP, 80, NULL, 0), "-");
	assert_string_equal(socket_call(SYS_bind, 0, IPPROTO_UDP, 0, NULL, 0), "-");
	end();
}

static void unix_sockets(void **state)
{
	struct lz_ev_file f = {.inode = 5, .mode = S_IFSOCK};
	struct lz_ev_socket s = {.family = AF_UNIX, .type = SOCK_STREAM};

	(void)state;
	begin();
	box();
	for (int abstract = 0; abstract < 2; abstract++) {
		call(20, SYS_connect, 0);
		number(&m, 0, 3);
		part(&m, LZ_PART_FILE, &f, sizeof(f));
		part(&m, LZ_PART_SOCKET, &s, sizeof(s));
		part(&m, LZ_PART_UNIX, abstract ? "\0a/b\033" : "/run/docker.sock",
		     abstract ? 5 : 17);
		assert_string_equal(take(), abstract ? "destinations unix @a/b?"
						     : "destinations unix /run/docker.sock");
	}
	end();
}

static void other(void **state)
{
	(void)state;
	begin();
	box();
	make(&m, LZ_EV_CAPABILITY, 20, 20)->ret = 13;
	head_of(&m)->cgroup = BOX;
	assert_string_equal(take(), "capabilities NET_RAW");
	make(&m, LZ_EV_CAPABILITY, 20, 20)->ret = 63; /* none that has a name */
	head_of(&m)->cgroup = BOX;
	assert_string_equal(take(), "-");
	call(20, SYS_bpf, -1);
	number(&m, 0, 5);
	assert_string_equal(take(), "calls bpf");
	call(20, SYS_setuid, 0);
	number(&m, 0, 5);
	assert_string_equal(take(), "-");
	end();
}

static void wanted(void **state)
{
	struct lz_programs_config none = {0}, judge = {0}, learn = {0};

	(void)state;
	lz_facts_want(LZ_PROFILE_UNUSED, &none);
	assert_memory_equal(&none, &(struct lz_programs_config){0}, sizeof(none));
	lz_facts_want(LZ_PROFILE_JUDGE, &judge);
	lz_facts_want(LZ_PROFILE_LEARN, &learn);
	assert_true(judge.capabilities && judge.names);
	/* Bit 2: in a container, for reading; bit 6: for writing. Never the host's. */
	assert_int_equal(judge.wanted[SYS_openat], 1 << 6);
	assert_int_equal(learn.wanted[SYS_openat], 1 << 2 | 1 << 6);
	assert_int_equal(judge.wanted[SYS_mount], 1 << 2 | 1 << 3);
	assert_int_equal(judge.wanted[SYS_setuid], 0);
	for (size_t nr = 0; nr < LZ_CALLS; nr++)
		assert_int_equal(learn.wanted[nr] & 0x3333, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs),	cmocka_unit_test(runtimes),
		cmocka_unit_test(files),	cmocka_unit_test(connections),
		cmocka_unit_test(unix_sockets), cmocka_unit_test(other),
		cmocka_unit_test(wanted),	cmocka_unit_test(unseen),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
