/* SPDX-License-Identifier: Apache-2.0 */
/* The table of calls and the names of numbers, against the C library's headers and the kernel. */
#include "rules/rules.h"
#include "sensor/calls.h"

#include "../../test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROW(name)           \
	{                   \
		name, #name \
	}
#define LAST            \
	{               \
		0, NULL \
	}
#define MS(name)                 \
	{                        \
		MS_##name, #name \
	}

struct row {
	unsigned long value;
	const char *name;
};

static const struct row opens[] = {ROW(O_WRONLY),
				   ROW(O_RDWR),
				   ROW(O_CREAT),
				   ROW(O_EXCL),
				   ROW(O_NOCTTY),
				   ROW(O_TRUNC),
				   ROW(O_APPEND),
				   ROW(O_NONBLOCK),
				   ROW(O_DSYNC),
				   ROW(O_DIRECT),
				   {0100000, "O_LARGEFILE"} /* 64-bit headers hide it */,
				   ROW(O_DIRECTORY),
				   ROW(O_NOFOLLOW),
				   ROW(O_NOATIME),
				   ROW(O_CLOEXEC),
				   ROW(O_SYNC),
				   ROW(O_PATH),
				   ROW(O_TMPFILE),
				   LAST};
static const struct row modes[] = {
	ROW(S_ISUID), ROW(S_ISGID), ROW(S_ISVTX), ROW(S_IRUSR),	 ROW(S_IWUSR), ROW(S_IXUSR),
	ROW(S_IRGRP), ROW(S_IWGRP), ROW(S_IXGRP), ROW(S_IROTH),	 ROW(S_IWOTH), ROW(S_IXOTH),
	ROW(S_IFBLK), ROW(S_IFCHR), ROW(S_IFIFO), ROW(S_IFSOCK), LAST};
static const struct row namespaces[] = {ROW(CLONE_NEWTIME), ROW(CLONE_VM),     ROW(CLONE_FS),
					ROW(CLONE_FILES),   ROW(CLONE_NEWNS),  ROW(CLONE_NEWCGROUP),
					ROW(CLONE_NEWUTS),  ROW(CLONE_NEWIPC), ROW(CLONE_NEWUSER),
					ROW(CLONE_NEWPID),  ROW(CLONE_NEWNET), LAST};
static const struct row mounts[] = {MS(RDONLY),	     MS(NOSUID),  MS(NODEV),   MS(NOEXEC),
				    MS(SYNCHRONOUS), MS(REMOUNT), MS(NOATIME), MS(BIND),
				    MS(MOVE),	     MS(REC),	  MS(SILENT),  MS(UNBINDABLE),
				    MS(PRIVATE),     MS(SLAVE),	  MS(SHARED),  LAST};
static const struct row ptraces[] = {
	ROW(PTRACE_TRACEME),	  ROW(PTRACE_PEEKTEXT),	    ROW(PTRACE_PEEKDATA),
	{3, "PTRACE_PEEKUSR"},	  ROW(PTRACE_POKETEXT),	    ROW(PTRACE_POKEDATA),
	{6, "PTRACE_POKEUSR"},	  ROW(PTRACE_CONT),	    ROW(PTRACE_KILL),
	ROW(PTRACE_SINGLESTEP),	  {12, "PTRACE_GETREGS"},   {13, "PTRACE_SETREGS"},
	{14, "PTRACE_GETFPREGS"}, {15, "PTRACE_SETFPREGS"}, ROW(PTRACE_ATTACH),
	ROW(PTRACE_DETACH),	  ROW(PTRACE_SYSCALL),	    ROW(PTRACE_SETOPTIONS),
	ROW(PTRACE_GETEVENTMSG),  ROW(PTRACE_GETREGSET),    ROW(PTRACE_SETREGSET),
	ROW(PTRACE_SEIZE),	  ROW(PTRACE_INTERRUPT),    LAST};
static const struct row bpfs[] = {ROW(BPF_MAP_CREATE),
				  ROW(BPF_MAP_LOOKUP_ELEM),
				  ROW(BPF_MAP_UPDATE_ELEM),
				  ROW(BPF_MAP_DELETE_ELEM),
				  ROW(BPF_MAP_GET_NEXT_KEY),
				  ROW(BPF_PROG_LOAD),
				  ROW(BPF_OBJ_PIN),
				  ROW(BPF_OBJ_GET),
				  ROW(BPF_PROG_ATTACH),
				  ROW(BPF_PROG_DETACH),
				  ROW(BPF_PROG_TEST_RUN),
				  ROW(BPF_RAW_TRACEPOINT_OPEN),
				  ROW(BPF_BTF_LOAD),
				  ROW(BPF_LINK_CREATE),
				  ROW(BPF_LINK_UPDATE),
				  ROW(BPF_LINK_DETACH),
				  LAST};
static const struct row domains[] = {
	ROW(AF_UNSPEC),	 ROW(AF_UNIX),	 ROW(AF_INET), ROW(AF_INET6),	  ROW(AF_KEY),
	ROW(AF_NETLINK), ROW(AF_PACKET), ROW(AF_CAN),  ROW(AF_BLUETOOTH), ROW(AF_ALG),
	ROW(AF_VSOCK),	 ROW(AF_XDP),	 LAST};
static const struct row prctls[] = {ROW(PR_SET_PDEATHSIG),
				    ROW(PR_SET_DUMPABLE),
				    ROW(PR_SET_NAME),
				    ROW(PR_SET_SECCOMP),
				    ROW(PR_CAPBSET_READ),
				    ROW(PR_CAPBSET_DROP),
				    ROW(PR_SET_CHILD_SUBREAPER),
				    ROW(PR_SET_NO_NEW_PRIVS),
				    ROW(PR_CAP_AMBIENT),
				    ROW(PR_SET_MM),
				    LAST};

static struct lz_span show(char kind, unsigned long v)
{
	static char text[400];

	return lz_span(text, lz_call_show(kind, v, text, sizeof(text)));
}

static bool has_word(struct lz_span s, const char *word)
{
	struct lz_span one;

	while (s.n) {
		lz_span_cut(s, '|', &one, &s);
		if (lz_span_is(one, word))
			return true;
	}
	return false;
}

/* Bits: each name stands for its value; a bit by itself shows the names whose value it is. */
static void check_bits(char kind, const struct row *rows)
{
	for (const struct row *r = rows; r->name; r++)
		if (!has_word(show(kind, r->value), r->name))
			fail_msg("%c: %s is not in %.*s", kind, r->name,
				 LZ_FMT(show(kind, r->value)));
	for (unsigned bit = 0; bit < 32; bit++) {
		struct lz_span s = show(kind, 1UL << bit), word;
		while (s.n) {
			bool known = false;
			lz_span_cut(s, '|', &word, &s);
			for (const struct row *r = rows; r->name; r++)
				known |= lz_span_is(word, r->name) && (r->value & 1UL << bit);
			if (!known && !lz_span_is(word, "0") && !lz_span_is(word, "O_RDONLY"))
				fail_msg("%c: bit %u is no %.*s", kind, bit, LZ_FMT(word));
		}
	}
	assert_true(show(kind, ~0UL).n > 0);
}

static void check_values(char kind, const struct row *rows)
{
	for (unsigned long v = 0; v < 0x5000; v++) {
		const char *want = NULL;
		for (const struct row *r = rows; r->name; r++)
			if (r->value == v)
				want = r->name;
		if (!lz_span_is(show(kind, v), want ? want : ""))
			fail_msg("%c: %lu is %s, not %.*s", kind, v, want ? want : "nothing",
				 LZ_FMT(show(kind, v)));
	}
}

static void numbers(void **state)
{
	(void)state;
	check_bits('O', opens);
	check_bits('M', modes);
	check_bits('N', namespaces);
	check_bits('T', mounts);
	check_values('R', ptraces);
	check_values('C', bpfs);
	check_values('D', domains);
	check_values('L', prctls);
}

static void shown(void **state)
{
	char tiny[12];

	(void)state;
	assert_span(show('O', O_RDONLY | O_CLOEXEC), "O_RDONLY|O_CLOEXEC");
	assert_span(show('O', O_RDWR | O_CREAT | O_TRUNC), "O_RDWR|O_CREAT|O_TRUNC");
	assert_span(show('O', 0), "O_RDONLY");
	assert_span(show('M', 04755),
		    "S_ISUID|S_IRUSR|S_IWUSR|S_IXUSR|S_IRGRP|S_IXGRP|S_IROTH|S_IXOTH");
	assert_span(show('M', 0), "0");
	assert_span(show('x', 5), "");
	assert_span(show('?', 5), "");
	/* What does not fit is left out whole. */
	assert_int_equal(lz_call_show('O', O_RDONLY | O_CREAT, tiny, sizeof(tiny)), 8);
	assert_int_equal(lz_call_show('M', 0777, tiny, 1), 0);
	assert_string_equal(lz_errno_name(ENOENT), "ENOENT");
	assert_string_equal(lz_errno_name(EINPROGRESS), "EINPROGRESS");
	assert_null(lz_errno_name(512));
}

/* --- the table --- */

static const char *const programs[] = {
#define CALL(name) #name,
#include "sensor/bpf/calls.inc"
#undef CALL
};

static void same_as_programs(void **state)
{
	(void)state;
	assert_int_equal(sizeof(programs) / sizeof(programs[0]), lz_call_count);
	for (size_t i = 0; i < lz_call_count; i++)
		assert_string_equal(programs[i], lz_calls[i].name);
}

static void rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < lz_call_count; i++) {
		const struct lz_call *c = &lz_calls[i];
		struct lz_call_arg a[LZ_EV_ARGS];
		size_t n = lz_call_args(c, a), words = *c->args != 0;
		for (const char *p = c->args; *p; p++)
			words += *p == ' ';
		assert_int_equal(n, words); /* none is cut off */
		assert_true(lz_event_kind(lz_str(c->name)) >= 0);
		assert_true(c->nr < LZ_CALLS);
		if (c->nr >= 0)
			assert_ptr_equal(lz_call_by_nr((unsigned)c->nr), c);
		for (size_t k = 0; k < n; k++) {
			assert_non_null(strchr("-ixFPASOMUGNRCDdcKHZBLT", a[k].kind));
			assert_true(a[k].kind == '-' || a[k].name.n > 0);
			/* A path from a folder has it in front; a folder has its path behind. */
			if (a[k].kind == 'A')
				assert_true(k && a[k - 1].kind == 'd');
			if (a[k].kind == 'd')
				assert_true(k + 1 < n && a[k + 1].kind == 'A');
			assert_int_equal(lz_call_how(a[k].kind) == LZ_HOW_NONE, a[k].kind == '-');
		}
		for (size_t k = 0; k < i; k++)
			assert_true(strcmp(lz_calls[k].name, c->name) &&
				    (c->nr < 0 || lz_calls[k].nr != c->nr));
	}
	assert_null(lz_call_by_nr(SYS_getpid));
	assert_null(lz_call_by_nr(LZ_CALLS));
	assert_null(lz_call_by_nr(~0U));
}

/* Numbers of the 32-bit entry, from the kernel's own header. */
static void compat(void **state)
{
	FILE *f = fopen("/usr/include/x86_64-linux-gnu/asm/unistd_32.h", "r");
	size_t seen = 0;
	char line[200];

	(void)state;
	if (!f) {
		print_message("SKIPPED: no header of 32-bit calls\n");
		skip();
	}
	while (fgets(line, sizeof(line), f)) {
		char name[80];
		int nr;
		size_t n;
		if (sscanf(line, "#define __NR_%79s %d", name, &nr) != 2)
			continue;
		n = strlen(name);
		if (n > 2 && !strcmp(name + n - 2, "32"))
			name[n - 2] = 0; /* setuid32 */
		for (size_t i = 0; i < lz_call_count; i++)
			for (int k = 0; k < 2; k++) {
				bool is = lz_calls[i].compat[k] == nr;
				if (is && nr && strcmp(lz_calls[i].name, name))
					fail_msg("32-bit %d is %s, not %s", nr, name,
						 lz_calls[i].name);
				seen += is && nr;
			}
		for (size_t i = 0; i < lz_call_count; i++)
			if (!strcmp(lz_calls[i].name, name) && lz_calls[i].compat[0] != nr &&
			    lz_calls[i].compat[1] != nr)
				fail_msg("%s is also 32-bit %d", name, nr);
	}
	fclose(f);
	assert_true(seen > 80);
}

/* What the kernel says of a call's arguments, in order: "char *", "int", "umode_t" … */
static size_t kernel_args(const char *call, char type[LZ_EV_ARGS][40])
{
	char path[200], line[300];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/tracing/events/syscalls/sys_enter_%s/format",
		 strcmp(call, "umount2") ? call : "umount");
	f = fopen(path, "r");
	while (f && n < LZ_EV_ARGS && fgets(line, sizeof(line), f)) {
		char *at = strstr(line, "field:"), *end = at ? strchr(at, ';') : NULL;
		if (!end || !strstr(line, "offset:"))
			continue;
		*end = 0;
		if (strstr(at, "common_") || strstr(at, "__syscall_nr"))
			continue;
		while (end > at && end[-1] != ' ' && end[-1] != '*')
			end--;
		*end = 0;
		snprintf(type[n++], sizeof(type[0]), "%s", at + 6);
	}
	if (f)
		fclose(f);
	return n;
}

/* Each argument stands where the kernel has it: a path where the kernel has a text, a descriptor
 * where it has a number. */
static void positions(void **state)
{
	size_t seen = 0;

	(void)state;
	/* Where nobody has mounted it: for this program alone. */
	if (access("/sys/kernel/tracing/events", F_OK) && !unshare(CLONE_NEWNS) &&
	    !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		(void)mount("none", "/sys/kernel/tracing", "tracefs", 0, NULL);
	for (size_t i = 0; i < lz_call_count; i++) {
		char type[LZ_EV_ARGS][40];
		struct lz_call_arg a[LZ_EV_ARGS];
		size_t n = lz_call_args(&lz_calls[i], a), has;
		has = kernel_args(lz_calls[i].name, type);
		if (!has)
			continue;
		seen++;
		if (n > has)
			fail_msg("%s has %zu arguments", lz_calls[i].name, has);
		for (size_t k = 0; k < n; k++) {
			bool pointer = strchr(type[k], '*') != NULL;
			bool want = strchr("PAScKHZB", a[k].kind) != NULL;
			if (a[k].kind != '-' && a[k].kind != 'x' && pointer != want)
				fail_msg("%s, argument %zu: %c is no %s", lz_calls[i].name, k,
					 a[k].kind, type[k]);
		}
	}
	if (!seen) {
		print_message("SKIPPED: the kernel shows no calls (tracefs)\n");
		skip();
	}
}

/* --- what rules ask for --- */

static bool is_other_event(const char *name)
{
	static const char *const others[] = {"clone",	 "clone3",    "fork", "vfork",
					     "procexit", "container", NULL};

	for (size_t i = 0; others[i]; i++)
		if (!strcmp(others[i], name))
			return true;
	return false;
}

static bool is_watched(const char *name)
{
	for (size_t i = 0; i < lz_call_count; i++)
		if (!strcmp(lz_calls[i].name, name))
			return true;
	return is_other_event(name);
}

static void add(struct lz_rules *r, const char *path)
{
	static char text[1 << 20];
	struct lz_err err;
	FILE *f = fopen(path, "rb");
	size_t n = fread(text, 1, sizeof(text), f);

	fclose(f);
	assert_true(n < sizeof(text));
	assert_ok(lz_rules_add(r, lz_str(path), lz_span(text, n), &err), err);
}

static void stock_rules(void **state)
{
	static const char *const files[] = {"compat/falco/falco_rules.yaml",
					    "compat/falco/falco-incubating_rules.yaml",
					    "compat/falco/falco-sandbox_rules.yaml"};
	size_t seen = 0;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct lz_rules *r = lz_rules_new(NULL);
		struct lz_err err;
		add(r, shared_or_skip(files[i]));
		assert_ok(lz_rules_compile(r, &err), err);
		LZ_VEC_EACH (struct lz_rule, rule, lz_rules_all(r)) {
			size_t kinds = 0;
			for (int k = 0; k < (int)lz_event_kind_count; k++)
				kinds += rule->kinds[k / 64] >> k % 64 & 1;
			if (kinds > 100)
				fail_msg("%.*s is about everything", LZ_FMT(rule->name));
			for (int k = 0; k < (int)lz_event_kind_count; k++)
				if (rule->kinds[k / 64] >> k % 64 & 1) {
					seen++;
					if (!is_watched(lz_event_kinds[k]))
						fail_msg("%.*s: %s is not watched",
							 LZ_FMT(rule->name), lz_event_kinds[k]);
				}
		}
		lz_rules_free(r);
	}
	assert_true(seen > 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),	    cmocka_unit_test(shown),
		cmocka_unit_test(same_as_programs), cmocka_unit_test(rows),
		cmocka_unit_test(compat),	    cmocka_unit_test(positions),
		cmocka_unit_test(stock_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
