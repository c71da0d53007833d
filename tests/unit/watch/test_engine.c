/* SPDX-License-Identifier: Apache-2.0 */
/* Records in, alerts out. */
#include "watch/engine.h"

#include "make_record.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SECOND 1000000000ULL
#define ID     "3f4b0c1d2e5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"

static struct made m;

/* --- what came out --- */

static struct {
	size_t alerts, events, idle, groups;
	uint32_t nonce;
	char rule[200], output[600], fields[2000], lineage[300], container[40], lost_kinds[130];
	uint64_t time_ns, lost;
	enum lz_matters matters;
} got;
static struct lz_rules *rules;
static struct lz_engine *e;

static void copy(char *to, size_t size, struct lz_span s)
{
	snprintf(to, size, "%.*s", LZ_FMT(s));
}

static void on_alert(void *arg, const struct lz_alert *a)
{
	size_t n = 0;

	(void)arg;
	got.alerts++;
	copy(got.rule, sizeof(got.rule), a->rule);
	copy(got.output, sizeof(got.output), a->output);
	copy(got.container, sizeof(got.container), a->container.id);
	copy(got.lost_kinds, sizeof(got.lost_kinds), a->lost_kinds);
	got.time_ns = a->time_ns;
	got.lost = a->lost;
	got.fields[0] = got.lineage[0] = 0;
	for (size_t i = 0; i < a->field_count; i++) {
		const struct lz_alert_field *f = &a->fields[i];
		n += (size_t)snprintf(got.fields + n, sizeof(got.fields) - n,
				      "%s%.*s=", i ? " " : "", LZ_FMT(f->name));
		if (f->kind == LZ_ALERT_TEXT)
			n += (size_t)snprintf(got.fields + n, sizeof(got.fields) - n, "%.*s",
					      LZ_FMT(f->text));
		else if (f->kind != LZ_ALERT_NONE)
			n += (size_t)snprintf(got.fields + n, sizeof(got.fields) - n, "#%lld",
					      (long long)f->num);
		assert_true(n < sizeof(got.fields));
	}
	n = 0;
	for (size_t i = 0; i < a->lineage_count; i++)
		n += (size_t)snprintf(got.lineage + n, sizeof(got.lineage) - n, "%s%.*s:%lld",
				      i ? " " : "", LZ_FMT(a->lineage[i].name),
				      (long long)a->lineage[i].pid);
}

static void on_event(void *arg, const struct lz_seen *x)
{
	(void)arg;
	assert_non_null(x->record);
	assert_non_null(x->proc);
	assert_true(x->kind >= 0);
	got.events++;
}
static void on_group(void *arg, uint64_t id, unsigned known)
{
	(void)arg;
	(void)id;
	(void)known;
	got.groups++;
}
static void on_idle(void *arg, const struct lz_record *r)
{
	(void)arg;
	got.idle++;
	got.matters = lz_engine_matters(e, r, true);
}
static void on_selftest(void *arg, uint32_t nonce)
{
	(void)arg;
	got.nonce = nonce;
}
static const struct lz_engine_hooks hooks = {.event = on_event,
					     .group = on_group,
					     .idle = on_idle,
					     .selftest = on_selftest,
					     .alert = on_alert};

static struct lz_rules *load(const char *text)
{
	struct lz_err err = {0};
	struct lz_rules *r = lz_rules_new(&err);

	assert_ok(lz_rules_add(r, LZ_SPAN("t.yaml"), lz_str(text), &err), err);
	assert_ok(lz_rules_compile(r, &err), err);
	assert_int_equal(lz_rules_errors(r), 0);
	return r;
}

static void begin(const char *text)
{
	struct lz_err err;

	memset(&got, 0, sizeof(got));
	rules = load(text);
	e = lz_engine_new(rules, NULL, &hooks, &err);
	assert_non_null(e);
}

static void end(void)
{
	lz_engine_free(e);
	lz_rules_free(rules);
}

static void take(void)
{
	lz_engine_take(e, made_span(&m));
}

/* --- records --- */

static void program(uint32_t pid, uint32_t ppid, const char *comm, const char *argv, size_t n)
{
	struct lz_ev_task t = {
		.pid = pid, .start_ns = pid, .ppid = ppid, .parent_start_ns = ppid, .cgroup = 9};

	snprintf(t.comm, sizeof(t.comm), "%s", comm);
	make(&m, LZ_EV_EXEC, pid, pid)->ppid = ppid;
	head_of(&m)->cgroup = 9;
	head_of(&m)->nr = SYS_execve;
	snprintf(head_of(&m)->comm, 16, "%s", comm);
	part(&m, LZ_PART_TASK, &t, sizeof(t));
	path(&m, LZ_PART_EXE_PATH, 0, "/bin/busybox");
	part(&m, LZ_PART_ARGV, argv, n);
	take();
}

static void opens(uint32_t pid, uint64_t when, const char *name)
{
	struct lz_ev_file f = {.inode = 3, .mode = S_IFREG, .flags = LZ_FILE_READ};
	struct lz_ev *h = make(&m, LZ_EV_CALL, pid, pid);

	h->nr = SYS_openat;
	h->ret = 5;
	h->cgroup = 9;
	h->time_ns = when;
	h->ppid = 1;
	memcpy(h->comm, "cat", 4);
	number(&m, 0, (uint64_t)AT_FDCWD);
	text(&m, 1, name);
	number(&m, 2, O_RDONLY);
	number(&m, 3, 0);
	part(&m, LZ_PART_RET_FILE, &f, sizeof(f));
	path(&m, LZ_PART_RET_PATH, 0, name);
	take();
}

#define SHADOW                                                                           \
	"- rule: Reads shadow\n  desc: d\n  condition: evt.type = openat and fd.name = " \
	"/etc/shadow\n"                                                                  \
	"  output: read by %proc.name of %container.id (%evt.time %proc.pid %fd.name "   \
	"%user.loginname)\n"                                                             \
	"  priority: WARNING\n  tags: [a, b]\n"

static void alert(void **state)
{
	(void)state;
	begin(SHADOW);
	program(1, 0, "init", "init", 5);
	program(20, 1, "cat", "cat\0/etc/shadow", 16);
	opens(20, 5 * SECOND, "/etc/passwd");
	assert_int_equal(got.alerts, 0);
	assert_int_equal(got.idle, 3);
	lz_engine_clock(e, 1700000000000000000);
	opens(20, 6 * SECOND, "/etc/shadow");
	assert_int_equal(got.alerts, 1);
	assert_int_equal(got.events, 4);
	assert_string_equal(got.rule, "Reads shadow");
	assert_non_null(strstr(got.output, "read by cat of host ("));
	assert_non_null(strstr(got.output, "20 /etc/shadow <NA>)"));
	assert_true(got.time_ns == 1700000006000000000);
	assert_non_null(strstr(got.fields, "evt.time=#1700000006000000000"));
	assert_non_null(strstr(got.fields, "proc.name=cat"));
	assert_non_null(strstr(got.fields, "proc.pid=#20"));
	assert_non_null(strstr(got.fields, "fd.name=/etc/shadow"));
	assert_non_null(strstr(got.fields, "user.loginname="));
	assert_string_equal(got.lineage, "cat:20 init:1");
	assert_string_equal(got.container, "host");
	assert_int_equal(got.lost, 0);
	assert_int_equal(lz_engine_counts(e).records, 4);
	assert_int_equal(lz_engine_counts(e).hits, 1);
	assert_int_equal(lz_engine_processes(e), 2);
	end();
}

/* The clock of this machine is set while the sensor runs: each alert by the clock that it knew. */
static void clock_jump(void **state)
{
	(void)state;
	begin(SHADOW);
	lz_engine_clock(e, 1700000000000000000);
	opens(20, 5 * SECOND, "/etc/shadow");
	assert_true(got.time_ns == 1700000005000000000);
	lz_engine_clock(e, 1000000000000000000); /* back by years */
	opens(20, 6 * SECOND, "/etc/shadow");
	assert_true(got.time_ns == 1000000006000000000);
	lz_engine_clock(e, 1900000000000000000);
	opens(20, 7 * SECOND, "/etc/shadow");
	assert_true(got.time_ns == 1900000007000000000);
	assert_int_equal(got.alerts, 3);
	end();
}

/* Seconds between events are the kernel's, whatever the clock of day does. */
static void clock_jump_and_windows(void **state)
{
	(void)state;
	begin("- rule: Twice\n  desc: d\n  condition: evt.type = openat and fd.name = /etc/shadow\n"
	      "  count: 2\n  within: 10s\n  by: [proc.pid]\n  output: o\n  priority: INFO\n");
	lz_engine_clock(e, 1700000000000000000);
	opens(20, 5 * SECOND, "/etc/shadow");
	lz_engine_clock(e, 1000000000000000000);
	opens(20, 6 * SECOND, "/etc/shadow");
	assert_int_equal(got.alerts, 1);
	opens(20, 60 * SECOND, "/etc/shadow");
	lz_engine_clock(e, 1900000000000000000);
	opens(20, 100 * SECOND, "/etc/shadow");
	assert_int_equal(got.alerts, 1);
	end();
}

static void loss(void **state)
{
	(void)state;
	begin(SHADOW);
	lz_engine_lost(e, 7, "calls");
	lz_engine_lost(e, 3, "calls, names");
	opens(20, 5 * SECOND, "/etc/passwd");
	opens(20, 6 * SECOND, "/etc/shadow");
	assert_int_equal(got.lost, 10);
	assert_string_equal(got.lost_kinds, "calls, names");
	opens(20, 7 * SECOND, "/etc/shadow"); /* told once */
	assert_int_equal(got.lost, 0);
	assert_string_equal(got.lost_kinds, "");
	assert_int_equal(lz_engine_counts(e).lost, 10);
	end();
}

static void containers(void **state)
{
	struct lz_ev_cgroup c = {.id = 9};

	(void)state;
	begin(SHADOW);
	make(&m, LZ_EV_CGROUP, 1, 1);
	/* The hierarchy is this machine's; of a recording it is whatever it was there. */
	for (c.hierarchy = 0; c.hierarchy < 20; c.hierarchy++) {
		make(&m, LZ_EV_CGROUP, 1, 1);
		part(&m, LZ_PART_CGROUP, &c, sizeof(c));
		text(&m, LZ_PART_NAME, "/docker/" ID);
		take();
	}
	assert_true(got.groups >= 1);
	opens(20, 6 * SECOND, "/etc/shadow");
	assert_string_equal(got.container, "3f4b0c1d2e5a");
	assert_non_null(strstr(got.output, "cat of 3f4b0c1d2e5a"));
	end();
}

static void bad_records(void **state)
{
	(void)state;
	begin(SHADOW);
	lz_engine_take(e, LZ_SPAN(""));
	lz_engine_take(e, LZ_SPAN("rubbish"));
	make(&m, 77, 1, 1);
	take();
	assert_int_equal(lz_engine_counts(e).bad, 3);
	assert_int_equal(lz_engine_counts(e).records, 3);
	make(&m, LZ_EV_SELFTEST, 1, 1)->ret = 4711;
	take();
	assert_int_equal(got.nonce, 4711);
	assert_int_equal(got.events, 0);
	make(&m, LZ_EV_CALL, 1, 1)->nr = SYS_getpid; /* a call that is not ours */
	take();
	make(&m, LZ_EV_CALL, 1, 1)->nr = 65000;
	take();
	make(&m, LZ_EV_TASK, 1, 1); /* no event, but a process */
	take();
	assert_int_equal(got.events, 0);
	assert_int_equal(lz_engine_processes(e), 1);
	end();
}

/* Another rule set: processes stay, the old rules say nothing more. */
static void other_rules(void **state)
{
	struct lz_rules *next =
		load("- rule: Reads passwd\n  desc: d\n  condition: evt.type = openat and "
		     "fd.name = /etc/passwd\n  output: by %proc.pname\n  priority: INFO\n");
	struct lz_err err;

	(void)state;
	begin(SHADOW);
	program(1, 0, "init", "init", 5);
	program(20, 1, "cat", "cat", 4);
	opens(20, 5 * SECOND, "/etc/shadow");
	assert_ok(lz_engine_rules(e, next, &err), err);
	lz_rules_free(rules);
	rules = next;
	opens(20, 6 * SECOND, "/etc/shadow");
	assert_int_equal(got.alerts, 1);
	opens(20, 7 * SECOND, "/etc/passwd");
	assert_int_equal(got.alerts, 2);
	assert_string_equal(got.output, "by init");
	end();
}

/* Names in DNS answers are known to the connections behind them. */
static void names(void **state)
{
	struct lz_ev_socket k = {.family = 2,
				 .type = 1,
				 .protocol = 6,
				 .state = 1,
				 .local_port = 5,
				 .remote_port = 443,
				 .remote = {192, 0, 2, 1}};
	struct lz_ev_file f = {.inode = 3, .mode = S_IFSOCK};

	(void)state;
	begin("- rule: Pool\n  desc: d\n  condition: evt.type = connect and fd.sip.name = "
	      "www.example.com\n"
	      "  output: to %fd.sip.name\n  priority: INFO\n");
	make(&m, LZ_EV_DNS, 20, 20);
	part(&m, LZ_PART_BYTES,
	     "\x12\x34\x81\x80\0\1\0\1\0\0\0\0\3www\7example\3com\0\0\1\0\1"
	     "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1",
	     49);
	take();
	make(&m, LZ_EV_CALL, 20, 20)->nr = SYS_connect;
	number(&m, 0, 3);
	part(&m, LZ_PART_FILE, &f, sizeof(f));
	part(&m, LZ_PART_SOCKET, &k, sizeof(k));
	take();
	assert_int_equal(got.alerts, 1);
	assert_string_equal(got.output, "to www.example.com");
	end();
}

/* Time goes by in what is replayed, too: who ended is forgotten, whoever calls for it. */
static void forgets(void **state)
{
	(void)state;
	begin(SHADOW);
	for (uint32_t pid = 100; pid < 600; pid++) {
		program(pid, 1, "x", "x", 2);
		make(&m, LZ_EV_EXIT, pid, pid)->time_ns = pid * SECOND / 10;
		take();
	}
	assert_true(lz_engine_processes(e) < 100);
	end();
}

/* --- files that no rule asks about --- */

static bool matters(const char *condition, const char *name)
{
	char text_of[1000];
	bool yes;

	snprintf(text_of, sizeof(text_of),
		 "- rule: r\n  desc: d\n  condition: %s\n  output: o\n"
		 "  priority: INFO\n",
		 condition);
	begin(text_of);
	opens(20, 5 * SECOND, name);
	yes = got.alerts || got.matters == LZ_MATTERS;
	end();
	return yes;
}

static void files(void **state)
{
	(void)state;
	assert_false(matters("evt.type = openat and fd.name = /etc/shadow", "/etc/passwd"));
	assert_true(matters("evt.type = openat and fd.name = /etc/shadow", "/etc/shadow"));
	assert_false(matters("evt.type = openat and fd.name startswith /root", "/etc/passwd"));
	assert_false(
		matters("evt.type = openat and fd.directory = /bin and proc.name = x", "/etc/x"));
	assert_false(
		matters("evt.type = openat and evt.is_open_write = true and fd.name contains etc",
			"/etc/x"));
	/* Whoever opens it, in whatever way, some day. */
	assert_true(
		matters("evt.type = openat and fd.name = /etc/x and proc.name = bad", "/etc/x"));
	assert_true(matters("evt.type = openat and proc.name = bad", "/etc/x"));
	assert_true(matters("evt.type = openat and user.name != root", "/etc/x"));
	assert_true(matters("evt.type = openat and container.id != host", "/etc/x"));
	assert_true(matters("evt.type = openat and fd.nameraw contains ..", "/etc/x"));
	assert_true(matters("evt.type = openat and evt.arg.name contains ..", "/etc/x"));
	assert_true(matters("evt.type = openat and evt.arg.flags contains O_TRUNC", "/etc/x"));
	assert_true(matters("evt.type = openat and fd.num = 9", "/etc/x"));
	/* A file is copied to the upper layer when somebody writes. */
	assert_true(matters("evt.type = openat and fd.is_upper_layer = true", "/etc/x"));
	assert_true(matters("evt.type = openat and evt.is_open_create = true", "/etc/x"));
	assert_true(matters("evt.type = openat and fd.ino = 4", "/etc/x"));
	assert_true(matters("evt.type = openat and not fd.name = /etc/passwd", "/etc/x"));
	assert_true(
		matters("evt.type = openat and not fd.name = /etc/x or proc.name = y", "/etc/x"));
}

/* A whole folder is passed over only if no name in it could be asked for. */
static bool folder_matters(const char *condition, const char *name)
{
	return matters(condition, name) || got.matters != LZ_MATTERS_NOT_FOLDER;
}

static void folders(void **state)
{
	(void)state;
	assert_false(folder_matters("evt.type = openat and fd.name = /etc/shadow", "/usr/lib/x"));
	assert_true(folder_matters("evt.type = openat and fd.name = /etc/shadow", "/etc/passwd"));
	assert_false(folder_matters("evt.type = openat and fd.name startswith /etc", "/usr/lib/x"));
	assert_true(folder_matters("evt.type = openat and fd.name startswith /usr/lib/p",
				   "/usr/lib/x"));
	assert_true(folder_matters("evt.type = openat and fd.name endswith .key", "/usr/lib/x"));
	assert_true(folder_matters("evt.type = openat and fd.name contains secret", "/usr/lib/x"));
	assert_true(
		folder_matters("evt.type = openat and fd.name glob /usr/*/secret", "/usr/lib/x"));
	assert_true(folder_matters("evt.type = openat and fd.name regex .*", "/usr/lib/x"));
	assert_true(folder_matters("evt.type = openat and fd.filename = y", "/usr/lib/x"));
	assert_true(folder_matters("evt.type = openat and fd.typechar = d", "/usr/lib/x"));
	assert_false(folder_matters("evt.type = openat and fd.directory = /etc", "/usr/lib/x"));
	assert_true(folder_matters(
		"evt.type = openat and fd.directory = /usr/lib and proc.name = x", "/usr/lib/x"));
	assert_true(folder_matters("evt.type = openat and not fd.name startswith /usr", "/x"));
	assert_false(
		folder_matters("evt.type = openat and not fd.name startswith /usr", "/usr/lib/x"));
	assert_true(
		folder_matters("evt.type = openat and fd.name pmatch (/usr/lib/y)", "/usr/lib/x"));
	assert_true(folder_matters("evt.type = openat and fd.name in (/a/b, /usr/lib/y)",
				   "/usr/lib/x"));
	assert_true(folder_matters("evt.type = openat and fd.name != /usr/lib/x", "/usr/lib/x"));
	assert_true(folder_matters("evt.type = openat and toupper(fd.name) = /USR/LIB/Y",
				   "/usr/lib/x"));
	assert_true(folder_matters("evt.type = openat and fd.name icontains LIB/Y", "/usr/lib/x"));
	assert_true(folder_matters("evt.type = openat and fd.name > /usr/lib/m", "/usr/lib/x"));
	assert_true(folder_matters("evt.type = openat and fd.name exists and proc.name = q",
				   "/usr/lib/x"));
	assert_true(
		folder_matters("evt.type = openat and fd.name = /y", "/x")); /* the root itself */
}

static int everything(void)
{
	struct lz_err err = {0};

	e = lz_engine_new(rules, NULL, &hooks, &err);
	if (!e)
		return err.code;
	program(1, 0, "init", "init", 5);
	program(20, 1, "cat", "cat", 4);
	opens(20, 6 * SECOND, "/etc/shadow");
	lz_engine_free(e);
	return 0;
}

static void no_memory(void **state)
{
	(void)state;
	rules = load(SHADOW);
	assert_survives_nomem(everything());
	lz_rules_free(rules);
}

/* --- what containers use --- */

static void in_container(void)
{
	struct lz_ev_cgroup c = {.id = 9};

	for (; c.hierarchy < 20; c.hierarchy++) { /* as above: whichever it is */
		make(&m, LZ_EV_CGROUP, 1, 1);
		part(&m, LZ_PART_CGROUP, &c, sizeof(c));
		text(&m, LZ_PART_NAME, "/docker/" ID);
		take();
	}
}

static void sample(uint64_t when, uint64_t cpu_ns)
{
	struct lz_ev_stats st = {.cpu_ns = cpu_ns, .processes = 2, .has = LZ_STATS_CPU};

	make(&m, LZ_EV_STATS, 20, 20)->flags = LZ_EVF_OTHER;
	head_of(&m)->time_ns = when;
	head_of(&m)->cgroup = 9;
	part(&m, LZ_PART_STATS, &st, sizeof(st));
	take();
}

static void samples(void **state)
{
	(void)state;
	begin("- rule: Busy\n  desc: d\n  condition: evt.type = stats and container.stat.cpu > 80\n"
	      "  output: at %container.stat.cpu with %container.stat.processes of %container.id\n"
	      "  respond: look at it\n  priority: WARNING\n");
	in_container();
	program(20, 1, "miner", "miner", 6);
	sample(5 * SECOND, 0);
	sample(10 * SECOND, 1 * SECOND);
	assert_int_equal(got.alerts, 0);
	sample(15 * SECOND, 6 * SECOND);
	assert_int_equal(got.alerts, 1);
	assert_string_equal(got.output, "at 100 with 2 of 3f4b0c1d2e5a");
	end();
	/* Of the host nothing is kept, and where no rule asks nothing is counted. */
	begin("- rule: Busy\n  desc: d\n  condition: evt.type = stats and container.stat.cpu > 80\n"
	      "  output: o\n  priority: WARNING\n");
	program(20, 1, "miner", "miner", 6);
	sample(5 * SECOND, 0);
	sample(10 * SECOND, 5 * SECOND);
	assert_int_equal(got.alerts, 0);
	end();
	begin("- rule: Any\n  desc: d\n  condition: evt.type = stats\n  output: at "
	      "%container.stat.cpu\n"
	      "  priority: WARNING\n");
	in_container();
	program(20, 1, "miner", "miner", 6);
	sample(5 * SECOND, 0);
	sample(10 * SECOND, 5 * SECOND);
	assert_int_equal(got.alerts, 2);
	assert_string_equal(got.output, "at 100");
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples),     cmocka_unit_test(alert),
		cmocka_unit_test(clock_jump),  cmocka_unit_test(clock_jump_and_windows),
		cmocka_unit_test(loss),	       cmocka_unit_test(containers),
		cmocka_unit_test(bad_records), cmocka_unit_test(other_rules),
		cmocka_unit_test(names),       cmocka_unit_test(forgets),
		cmocka_unit_test(files),       cmocka_unit_test(folders),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
