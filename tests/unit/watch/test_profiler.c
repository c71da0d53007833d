/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles as a watch learns and uses them: events in, files and alerts out. */
#include "watch/profiler.h"

#include "folder.h"
#include "make_record.h"

#include "base/bytes.h"
#include "base/clean.h"
#include "base/clock.h"
#include "watch/recording.h"

#include <sys/stat.h>
#include <sys/syscall.h>

#define ID    "3f4b0c1d2e5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
#define IMAGE "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
enum { HOST = 8, BOX = 9, HOST_MNT = 1, BOX_MNT = 2 };

static struct made m;
static struct lz_rules *rules;
static struct lz_engine *e;
static struct lz_profiler *p;
static struct {
	unsigned alerts, hits, known;
	char output[2000], fields[2000], fingerprint[40];
	enum lz_priority priority;
	enum lz_settled settled;
} got;

static void on_word(void *arg, const struct lz_alert *a)
{
	(void)arg;
	assert_span(a->rule, "Deviation from profile");
	got.alerts++;
	got.priority = a->priority;
	snprintf(got.output, sizeof(got.output), "%.*s", (int)a->output.n, a->output.p);
	snprintf(got.fingerprint, sizeof(got.fingerprint), "%.*s", LZ_FMT(a->fingerprint));
	got.fields[0] = 0;
	for (size_t i = 0; i < a->field_count; i++)
		snprintf(got.fields + strlen(got.fields), sizeof(got.fields) - strlen(got.fields),
			 "%.*s=%.*s;", LZ_FMT(a->fields[i].name), LZ_FMT(a->fields[i].text));
}

static void on_event(void *arg, const struct lz_seen *x)
{
	(void)arg;
	lz_profiler_see(p, x);
	got.settled = lz_profiler_settled(p);
}

static void on_alert(void *arg, const struct lz_alert *a)
{
	(void)arg;
	(void)a;
	got.hits++;
	got.known += lz_profiler_known(p);
}

/* What a recording would say of the container. */
static void introduce(void)
{
	struct lz_container c = {
		.image = {"shop/web:1", 10}, .image_id = {IMAGE, 64}, .name = {"web", 3}};
	LZ_CLEAN(buf) struct lz_buf b;
	struct lz_err err = {0};

	assert_true(lz_container_of_cgroup(LZ_SPAN("/docker/" ID), &c.ref));
	lz_buf_init(&b, 65536);
	lz_buf_u64le(&b, BOX);
	assert_int_equal(lz_container_save(&b, &c), 0);
	assert_ok(lz_engine_known(e, LZ_CHUNK_CONTAINER, lz_buf_view(&b), &err), err);
}

static void begin(uint64_t learn_s)
{
	static const struct lz_engine_hooks hooks = {.event = on_event, .alert = on_alert};
	const struct lz_profiler_options o = {
		.folder = folder, .must_exist = true, .learn_s = learn_s, .quiet = true};
	static const char text[] =
		"- rule: Any\n  desc: d\n  condition: evt.type in (execve, openat)\n"
		"  output: o\n  priority: INFO\n";
	struct lz_err err = {0};

	memset(&got, 0, sizeof(got));
	rules = lz_rules_new(&err);
	assert_ok(lz_rules_add(rules, LZ_SPAN("t.yaml"), lz_str(text), &err), err);
	assert_ok(lz_rules_compile(rules, &err), err);
	e = lz_engine_new(rules, NULL, &hooks, &err);
	assert_non_null(e);
	p = lz_profiler_new(&o, e, on_word, NULL, &err);
	assert_non_null(p);
	introduce();
}

static void end(void)
{
	lz_profiler_free(p);
	lz_engine_free(e);
	lz_rules_free(rules);
}

static void exec(uint32_t pid, uint32_t ppid, const char *exe, uint64_t cgroup, uint32_t mntns)
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
	lz_engine_take(e, made_span(&m));
}

static void opens(const char *name, uint32_t how)
{
	struct lz_ev_file f = {.inode = 3, .mode = S_IFREG, .flags = how};

	make(&m, LZ_EV_CALL, 20, 20)->nr = SYS_openat;
	head_of(&m)->ret = 5;
	head_of(&m)->cgroup = BOX;
	head_of(&m)->ppid = 10;
	number(&m, 0, (uint64_t)-100);
	text(&m, 1, name);
	number(&m, 2, how & LZ_FILE_WRITE ? 2 : 0);
	number(&m, 3, 0);
	part(&m, LZ_PART_RET_FILE, &f, sizeof(f));
	path(&m, LZ_PART_RET_PATH, 0, name);
	lz_engine_take(e, made_span(&m));
}

static void calls(unsigned nr)
{
	make(&m, LZ_EV_CALL, 20, 20)->nr = (uint16_t)nr;
	head_of(&m)->cgroup = BOX;
	head_of(&m)->ppid = 10;
	lz_engine_take(e, made_span(&m));
}

static void habits(void)
{
	exec(10, 1, "/usr/bin/runc", HOST, HOST_MNT);
	exec(20, 10, "/bin/sh", BOX, BOX_MNT);
	opens("/etc/passwd", LZ_FILE_READ);
	opens("/tmp/a", LZ_FILE_WRITE);
	calls(SYS_bpf);
}

static void learnt_and_used(void **state)
{
	(void)state;
	begin(10);
	assert_int_equal(lz_profiler_use(p), LZ_PROFILE_LEARN);
	habits();
	assert_int_equal(got.alerts, 0);
	lz_profiler_tick(p, lz_now_ms() + 9000);
	assert_int_equal(lz_profiler_use(p), LZ_PROFILE_LEARN);
	assert_int_equal(lz_profiler_turn(p), 0);
	lz_profiler_tick(p, lz_now_ms() + 11000);
	assert_int_equal(lz_profiler_use(p), LZ_PROFILE_JUDGE);
	assert_int_equal(lz_profiler_turn(p), 1);
	assert_int_equal(access(in_folder(IMAGE ".yaml"), R_OK), 0);

	got.hits = got.known = 0;
	habits();
	assert_int_equal(got.alerts, 0);
	assert_int_equal(got.hits, 4); /* runc's start is none of the container's */
	assert_int_equal(got.known, 3);

	exec(21, 20, "/tmp/evil", BOX, BOX_MNT);
	assert_int_equal(got.alerts, 1);
	assert_int_equal(got.priority, LZ_PRIO_WARNING);
	assert_non_null(strstr(got.output,
			       "New program for this image: /tmp/evil, started by /bin/sh "
			       "(profile "));
	assert_non_null(strstr(got.output, IMAGE ".yaml)"));
	assert_non_null(strstr(got.fields, "profile.kind=programs;profile.value=/tmp/evil;"
					   "profile.parent=/bin/sh;profile.file="));
	assert_int_equal(strlen(got.fingerprint), 32);
	exec(22, 20, "/tmp/evil", BOX, BOX_MNT);
	assert_int_equal(got.alerts, 1);
	opens("/etc/new", LZ_FILE_WRITE);
	assert_int_equal(got.alerts, 2);
	assert_int_equal(got.priority, LZ_PRIO_NOTICE);
	opens("/somewhere/else", LZ_FILE_READ); /* reading is never told */
	assert_int_equal(got.alerts, 2);
	calls(SYS_mount);
	assert_int_equal(got.alerts, 3);
	assert_non_null(strstr(got.fields, "profile.kind=calls;profile.value=mount;"));
	assert_int_equal(lz_profiler_counts(p).deviations, 3);
	end();
}

/* With the file of the test before. */
static void read_at_start(void **state)
{
	(void)state;
	begin(0);
	assert_int_equal(lz_profiler_use(p), LZ_PROFILE_JUDGE);
	habits();
	assert_int_equal(got.alerts, 0);
	for (int i = 0; i < 400; i++) {
		char name[40];
		snprintf(name, sizeof(name), "/srv/d%dx/file", i);
		opens(name, LZ_FILE_WRITE);
		assert_int_equal(got.settled, i < LZ_DEVIATIONS_A_MINUTE ? LZ_SETTLED_FOLDER
									 : LZ_SETTLED_NOTHING);
	}
	assert_int_equal(got.alerts, LZ_DEVIATIONS_A_MINUTE);
	lz_profiler_tick(p, lz_now_ms() + 61000);
	assert_int_equal(got.alerts, LZ_DEVIATIONS_A_MINUTE + 1);
	assert_non_null(strstr(got.output, "100 more deviations within a minute"));
	lz_profiler_tick(p, lz_now_ms() + 200000);
	assert_int_equal(got.alerts, LZ_DEVIATIONS_A_MINUTE + 1);
	assert_int_equal(lz_profiler_counts(p).held, 100);
	end();
}

/* What may be passed over in the kernel. */
static void settled(void **state)
{
	(void)state;
	begin(0);
	exec(1, 0, "/sbin/init", HOST, HOST_MNT);
	assert_int_equal(got.settled, LZ_SETTLED_FOLDER); /* the host's are none of ours */
	habits();
	opens("/tmp/a", LZ_FILE_WRITE);
	assert_int_equal(got.settled, LZ_SETTLED_FOLDER);
	opens("/dev/shm/a", LZ_FILE_WRITE);
	assert_int_equal(got.settled, LZ_SETTLED_FILE);
	end();
}

static int made_and_gone(void)
{
	const struct lz_profiler_options o = {.folder = folder, .learn_s = 10};
	struct lz_err err = {0};
	struct lz_profiler *x = lz_profiler_new(&o, e, on_word, NULL, &err);

	lz_profiler_free(x);
	return x ? 0 : err.code;
}

static void no_memory_at_start(void **state)
{
	(void)state;
	begin(10);
	assert_survives_nomem(made_and_gone());
	end();
}

static void no_memory(void **state)
{
	(void)state;
	begin(10);
	for (unsigned long nth = 1; nth < 60; nth++) {
		lz_alloc_fail_at(nth, false);
		habits();
		lz_profiler_known(p);
		lz_alloc_fail_at(0, false);
	}
	lz_profiler_tick(p, lz_now_ms() + 11000);
	assert_int_equal(lz_profiler_use(p), LZ_PROFILE_JUDGE);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(learnt_and_used),
		cmocka_unit_test(read_at_start),
		cmocka_unit_test(settled),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(no_memory_at_start),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
