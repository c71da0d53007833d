/* SPDX-License-Identifier: Apache-2.0 */
#include "make_record.h"
#include "sensor/cgroups.h"
#include "sensor/programs.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ID     "3f4b0c1d2e5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
#define OTHER  "9f4b0c1d2e5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f9"
#define SECOND 1000000000ULL

static struct made m;

/* What the kernel was told, the last word of each number. */
static struct {
	uint64_t id;
	unsigned known;
} told_last;
static size_t told_count;

static void told(void *arg, uint64_t id, unsigned known)
{
	(void)arg;
	told_last.id = id;
	told_last.known = known;
	told_count++;
}

static uint32_t hierarchy(void)
{
	FILE *f = lz_cgroup_is_v1() ? fopen("/proc/self/cgroup", "r") : NULL;
	unsigned number = 0;
	char line[500];

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, ":pids:"))
			sscanf(line, "%u", &number);
	if (f)
		fclose(f);
	return number;
}

static void group(struct lz_cgroups *g, uint64_t id, bool removed, const char *name, uint64_t when)
{
	struct lz_ev_cgroup c = {.id = id, .hierarchy = hierarchy(), .removed = removed};
	struct lz_record r;

	make(&m, LZ_EV_CGROUP, 1, 1)->time_ns = when;
	part(&m, LZ_PART_CGROUP, &c, sizeof(c));
	text(&m, LZ_PART_NAME, name);
	r = read_made(&m);
	lz_cgroups_take(g, &r);
}

static struct lz_cgroups *fresh(void)
{
	struct lz_err err;
	struct lz_cgroups *g = lz_cgroups_new(NULL, told, NULL, &err);

	assert_non_null(g);
	told_count = 0;
	return g;
}

static void made_and_removed(void **state)
{
	struct lz_cgroups *g = fresh();
	struct lz_cgroup *x;

	(void)state;
	group(g, 100, false, "/docker/" ID, 1000);
	assert_int_equal(told_count, 1);
	assert_int_equal(told_last.id, 100);
	assert_int_equal(told_last.known, 2);
	group(g, 101, false, "/user.slice/session-1.scope", 1000);
	assert_int_equal(told_last.known, 1);
	assert_int_equal(lz_cgroups_count(g), 2);
	x = lz_cgroups_find(g, 100, 0);
	assert_true(x->in_container);
	assert_string_equal(x->short_id, "3f4b0c1d2e5a");
	assert_false(lz_cgroups_find(g, 101, 0)->in_container);
	assert_null(lz_cgroups_container(g, x, 5)); /* no runtimes asked here */
	/* Told twice, known once. */
	group(g, 100, false, "/docker/" ID, 1000);
	assert_int_equal(lz_cgroups_count(g), 2);
	/* Events on their way still find it. */
	group(g, 100, true, "/docker/" ID, 2000);
	group(g, 100, true, "/docker/" ID, 2001);
	assert_true(lz_cgroups_find(g, 100, 0)->in_container);
	lz_cgroups_purge(g, 2000 + 34 * SECOND);
	assert_int_equal(lz_cgroups_count(g), 2);
	lz_cgroups_purge(g, 2002 + 35 * SECOND);
	assert_int_equal(lz_cgroups_count(g), 1);
	assert_int_equal(told_last.id, 100);
	assert_int_equal(told_last.known, 0);
	group(g, 999, true, "/unknown", 3000);
	assert_int_equal(lz_cgroups_count(g), 1);
	lz_cgroups_free(g);
	lz_cgroups_free(NULL);
}

/* Nothing about another hierarchy, nothing from a record without the part. */
static void others(void **state)
{
	struct lz_cgroups *g = fresh();
	struct lz_ev_cgroup c = {.id = 100, .hierarchy = hierarchy() + 1};
	struct lz_record r;

	(void)state;
	make(&m, LZ_EV_CGROUP, 1, 1);
	part(&m, LZ_PART_CGROUP, &c, sizeof(c));
	text(&m, LZ_PART_NAME, "/docker/" ID);
	r = read_made(&m);
	lz_cgroups_take(g, &r);
	make(&m, LZ_EV_CGROUP, 1, 1);
	r = read_made(&m);
	lz_cgroups_take(g, &r);
	assert_int_equal(lz_cgroups_count(g), 0);
	lz_cgroups_free(g);
}

/* One that nobody can name is a guess: the kernel isn't told, and the truth is taken when it comes. */
static void guessed(void **state)
{
	struct lz_cgroups *g = fresh();
	struct lz_cgroup *x = lz_cgroups_find(g, 500, 0x7ffffff0);

	(void)state;
	assert_non_null(x);
	assert_false(x->in_container);
	assert_true(x->guessed);
	assert_int_equal(told_count, 0);
	for (int i = 0; i < 100; i++) /* asked for again and again: still a guess */
		assert_ptr_equal(lz_cgroups_find(g, 500, 0x7ffffff0), x);
	assert_int_equal(told_count, 0);
	group(g, 500, false, "/docker/" ID, 1000);
	assert_true(lz_cgroups_find(g, 500, 0)->in_container);
	assert_false(x->guessed);
	assert_int_equal(told_last.known, 2);
	assert_int_equal(lz_cgroups_count(g), 1);
	/* Once settled it stays: a number is given to one group only. */
	group(g, 500, false, "/docker/" OTHER, 1000);
	assert_string_equal(x->short_id, "3f4b0c1d2e5a");
	lz_cgroups_free(g);
}

/* --- the real ones --- */

static char below[400], inner[500];

static pid_t inhabitant(void)
{
	char root[256], file[600];
	FILE *f;
	pid_t pid;

	if (geteuid() || !lz_cgroup_mount(lz_cgroup_is_v1(), root, sizeof(root))) {
		print_message("SKIPPED: control groups need root\n");
		skip();
	}
	snprintf(below, sizeof(below), "%s/lazaret-test-%d", root, getpid());
	snprintf(inner, sizeof(inner), "%s/docker-" ID ".scope", below);
	if (mkdir(below, 0755) || mkdir(inner, 0755)) {
		rmdir(below);
		print_message("SKIPPED: no control group can be made\n");
		skip();
	}
	pid = fork();
	if (!pid) {
		for (;;)
			pause();
	}
	snprintf(file, sizeof(file), "%s/cgroup.procs", inner);
	f = fopen(file, "w");
	assert_non_null(f);
	fprintf(f, "%d\n", pid);
	assert_int_equal(fclose(f), 0);
	return pid;
}

static void away(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (int i = 0; i < 100 && rmdir(inner); i++)
		usleep(10000);
	rmdir(below);
}

static void through_a_process(void **state)
{
	pid_t pid = inhabitant();
	struct lz_cgroups *g = fresh();
	struct lz_cgroup *x;
	struct stat st;

	(void)state;
	assert_int_equal(stat(inner, &st), 0);
	/* First by somebody who has gone, then by one who is in it. */
	assert_true(lz_cgroups_find(g, st.st_ino, 0x7ffffff0)->guessed);
	x = lz_cgroups_find(g, st.st_ino, (uint32_t)pid);
	assert_true(x->in_container && !x->guessed);
	assert_string_equal(x->short_id, "3f4b0c1d2e5a");
	/* A process that is in another group by now does not speak for this number. */
	assert_true(lz_cgroups_find(g, st.st_ino + 777777, (uint32_t)pid)->guessed);
	away(pid);
	lz_cgroups_free(g);
}

static void count_one(void *arg, struct lz_cgroup *x)
{
	*(size_t *)arg += x->in_container;
}

static void by_walking(void **state)
{
	pid_t pid = inhabitant();
	struct lz_cgroups *g = fresh();
	size_t containers = 0;
	struct lz_err err;
	struct stat st;

	(void)state;
	assert_int_equal(stat(inner, &st), 0);
	assert_true(lz_cgroups_find(g, st.st_ino, 0)->guessed);
	assert_ok(lz_cgroups_walk(g, &err), err);
	assert_true(lz_cgroups_find(g, st.st_ino, 0)->in_container);
	assert_true(lz_cgroups_count(g) >= 3); /* the root, ours, the one in it */
	lz_cgroups_each(g, count_one, &containers);
	assert_true(containers >= 1);
	away(pid);
	lz_cgroups_free(g);
}

/* --- bounds --- */

/* A machine on which much comes and goes keeps little of what went. */
static void much_goes(void **state)
{
	struct lz_cgroups *g = fresh();

	(void)state;
	for (unsigned i = 0; i < 1100; i++) {
		group(g, 1000 + i, false, "/docker/" ID, 1000);
		group(g, 1000 + i, true, "/docker/" ID, 1000);
	}
	lz_cgroups_purge(g, 4 * SECOND);
	assert_int_equal(lz_cgroups_count(g), 1100);
	lz_cgroups_purge(g, 6 * SECOND);
	assert_int_equal(lz_cgroups_count(g), 1024);
	lz_cgroups_purge(g, 36 * SECOND);
	assert_int_equal(lz_cgroups_count(g), 0);
	lz_cgroups_free(g);
}

/* Those that nobody can place do not fill the table, where real ones need room. */
static void guessed_go(void **state)
{
	struct lz_cgroups *g = fresh();

	(void)state;
	group(g, 1, false, "/docker/" ID, 1000);
	for (unsigned i = 0; i < 40000; i++)
		assert_non_null(lz_cgroups_find(g, 100000 + i, 0));
	lz_cgroups_purge(g, 2 * SECOND);
	assert_int_equal(lz_cgroups_count(g), 1);
	assert_true(lz_cgroups_find(g, 1, 0)->in_container);
	lz_cgroups_free(g);
}

static void limits(void **state)
{
	struct lz_cgroups *g = fresh();
	char name[200];

	(void)state;
	for (uint64_t id = 1; id <= 70000; id++) {
		snprintf(name, sizeof(name), "/docker/%064llx", (unsigned long long)id);
		group(g, id, false, name, 1000 + id);
		if (id <= 10000)
			group(g, id, true, name, 1000 + id);
	}
	assert_int_equal(lz_cgroups_count(g), 65536);
	/* Those that went made room. */
	assert_true(lz_cgroups_find(g, 70000, 0)->in_container);
	assert_true(lz_cgroups_find(g, 10001, 0)->in_container);
	assert_int_equal(lz_cgroups_refused(g), 0);
	for (uint64_t id = 70001; id <= 80000; id++) {
		snprintf(name, sizeof(name), "/docker/%064llx", (unsigned long long)id);
		group(g, id, false, name, 80000 + id);
	}
	/* 60,000 lived and 5,536 had gone: 10,000 more are 4,464 too many. */
	assert_int_equal(lz_cgroups_count(g), 65536);
	assert_int_equal(lz_cgroups_refused(g), 4464);
	assert_null(lz_cgroups_find(g, 80000, 0));
	assert_true(lz_cgroups_find(g, 10001, 0)->in_container);
	lz_cgroups_free(g);
	g = fresh();
	for (uint64_t id = 1; id <= 65536; id++)
		assert_non_null(lz_cgroups_find(g, id, 0));
	assert_null(lz_cgroups_find(g, 65537, 0));
	assert_non_null(lz_cgroups_find(g, 5, 0));
	lz_cgroups_free(g);
}

static int a_group(void)
{
	struct lz_err err = {0};
	struct lz_cgroups *g = lz_cgroups_new(NULL, told, NULL, &err);

	if (!g)
		return err.code;
	group(g, 100, false, "/docker/" ID, 1000);
	lz_cgroups_find(g, 101, 0);
	lz_cgroups_walk(g, &err);
	group(g, 100, true, "/docker/" ID, 1000);
	lz_cgroups_purge(g, 100 * SECOND);
	lz_cgroups_free(g);
	return 0;
}

static void no_memory(void **state)
{
	(void)state;
	assert_survives_nomem(a_group());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_and_removed), cmocka_unit_test(others),
		cmocka_unit_test(guessed),	    cmocka_unit_test(through_a_process),
		cmocka_unit_test(by_walking),	    cmocka_unit_test(limits),
		cmocka_unit_test(no_memory),	    cmocka_unit_test(much_goes),
		cmocka_unit_test(guessed_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
