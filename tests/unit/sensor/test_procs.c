/* SPDX-License-Identifier: Apache-2.0 */
#include "make_record.h"
#include "sensor/proc_record.h"
#include "sensor/procs.h"

#include <grp.h>
#include <malloc.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000ULL

static struct made m;

static struct lz_proc *take(struct lz_procs *p)
{
	struct lz_record r = read_made(&m);

	return lz_procs_take(p, &r, false);
}

/* parent (begun at parent_start) makes a child. */
static void fork_of(struct lz_procs *p, uint32_t parent, uint64_t parent_start, uint32_t pid,
		    uint64_t start)
{
	struct lz_ev_task t = {.pid = pid,
			       .start_ns = start,
			       .ppid = parent,
			       .parent_start_ns = parent_start,
			       .vpid = 3,
			       .comm = "child"};

	make(&m, LZ_EV_FORK, parent, parent_start)->time_ns = start;
	part(&m, LZ_PART_TASK, &t, sizeof(t));
	take(p);
}

static struct lz_proc *exec_of(struct lz_procs *p, uint32_t pid, uint64_t start, const char *comm,
			       const char *exe, const char *argv, size_t n)
{
	struct lz_ev_task t = {.pid = pid, .start_ns = start, .ppid = 1};
	struct lz_ev_file f = {.inode = 77, .mode = 0100755};

	snprintf(t.comm, sizeof(t.comm), "%s", comm);
	make(&m, LZ_EV_EXEC, pid, start);
	part(&m, LZ_PART_TASK, &t, sizeof(t));
	part(&m, LZ_PART_EXE, &f, sizeof(f));
	path(&m, LZ_PART_EXE_PATH, 0, exe);
	part(&m, LZ_PART_ARGV, argv, n);
	path(&m, LZ_PART_CWD, 0, "/srv");
	return take(p);
}

static void exit_of(struct lz_procs *p, uint32_t pid, uint64_t start, uint64_t when)
{
	make(&m, LZ_EV_EXIT, pid, start)->time_ns = when;
	take(p);
}

static void life(void **state)
{
	struct lz_procs *p = lz_procs_new(NULL);
	struct lz_proc *x, *c;

	(void)state;
	x = exec_of(p, 10, 1000, "sh", "/bin/dash", "sh\0-c\0x", 8);
	assert_non_null(x);
	assert_span(lz_shared_span(x->exe_path), "/bin/dash");
	assert_true(lz_span_eq(lz_shared_span(x->argv), lz_span("sh\0-c\0x", 8)));
	assert_span(lz_shared_span(x->cwd), "/srv");
	assert_int_equal(x->exe.inode, 77);
	assert_true(x->exec_seen && x->complete);

	fork_of(p, 10, 1000, 11, 2000);
	c = lz_procs_find(p, 11, 2000);
	assert_non_null(c);
	assert_ptr_equal(lz_procs_find(p, 11, 0), c);
	assert_null(lz_procs_find(p, 11, 2001));
	/* What it shares with its parent is held once. */
	assert_ptr_equal(c->argv, x->argv);
	assert_int_equal(x->argv->refs, 2);
	assert_int_equal(c->exe.inode, 77);
	assert_int_equal(c->task.vpid, 3);
	assert_false(c->exec_seen);
	assert_ptr_equal(lz_procs_parent(p, c, false), x);

	exec_of(p, 11, 2000, "ls", "/bin/ls", "ls\0-l", 6);
	assert_int_equal(lz_shared_span(x->argv).n, 8);
	assert_int_equal(x->argv->refs, 1);
	assert_span(lz_shared_span(c->exe_path), "/bin/ls");
	assert_int_equal(lz_procs_count(p), 2);

	exit_of(p, 11, 2000, 5000);
	assert_int_equal(c->ended_ns, 5000);
	assert_int_equal(lz_procs_count(p), 2); /* stays a while */
	lz_procs_purge(p, 5000 + 4 * SECOND);
	assert_int_equal(lz_procs_count(p), 2);
	lz_procs_purge(p, 5001 + 5 * SECOND);
	assert_int_equal(lz_procs_count(p), 1);
	assert_null(lz_procs_find(p, 11, 0));
	lz_procs_free(p);
	lz_procs_free(NULL);
}

/* A recording can say one number in the head and another in the part. */
static void two_numbers(void **state)
{
	struct lz_procs *p = lz_procs_new(NULL);
	struct lz_ev_task t = {.pid = 11, .start_ns = 2000, .ppid = 1, .comm = "other"};
	struct lz_proc *x;

	(void)state;
	exec_of(p, 10, 1000, "sh", "/bin/dash", "sh", 2);
	exit_of(p, 10, 1000, 5000);
	for (int kind = 0; kind < 2; kind++) {
		make(&m, kind ? LZ_EV_EXEC : LZ_EV_TASK, 10, 1000)->time_ns = 5000;
		part(&m, LZ_PART_TASK, &t, sizeof(t));
		x = take(p);
		assert_non_null(x);
		assert_int_equal(x->task.pid, 10);
		assert_int_equal(x->task.start_ns, 1000);
		assert_string_equal(x->task.comm, "other");
	}
	assert_null(lz_procs_find(p, 11, 0));
	lz_procs_purge(p, 5001 + 5 * SECOND);
	assert_null(lz_procs_find(p, 10, 0)); /* and not what was freed */
	assert_int_equal(lz_procs_count(p), 0);
	lz_procs_free(p);
}

/* The number comes back before the end of its last owner was told, or after. */
static void pid_reuse(void **state)
{
	struct lz_procs *p = lz_procs_new(NULL);
	struct lz_proc *old, *now;

	(void)state;
	exec_of(p, 1, 1, "init", "/init", "init", 5);
	old = exec_of(p, 50, 1000, "old", "/bin/old", "old", 4);
	fork_of(p, 1, 1, 50, 9000);
	now = lz_procs_find(p, 50, 0);
	assert_ptr_not_equal(now, old);
	assert_int_equal(now->task.start_ns, 9000);
	assert_true(old->ended_ns);
	assert_false(now->ended_ns);
	/* Each record finds its own. */
	make(&m, LZ_EV_CALL, 50, 1000);
	assert_ptr_equal(take(p), old);
	make(&m, LZ_EV_CALL, 50, 9000);
	assert_ptr_equal(take(p), now);
	/* The end of the first, late, ends only the first. */
	exit_of(p, 50, 1000, 9500);
	assert_false(now->ended_ns);
	lz_procs_purge(p, 100 * SECOND);
	assert_ptr_equal(lz_procs_find(p, 50, 0), now);
	assert_int_equal(lz_procs_count(p), 2);
	/* A child of the old one does not become one of the new. */
	lz_procs_free(p);
}

/* A child whose parent has ended and whose number others use now. */
static void parent_is_not_the_namesake(void **state)
{
	struct lz_procs *p = lz_procs_new(NULL);
	struct lz_proc *child, *old;

	(void)state;
	exec_of(p, 1, 1, "init", "/init", "init", 5);
	old = exec_of(p, 50, 1000, "old", "/bin/old", "old", 4);
	fork_of(p, 50, 1000, 60, 2000);
	exit_of(p, 50, 1000, 3000);
	fork_of(p, 1, 1, 50, 4000);
	child = lz_procs_find(p, 60, 2000);
	assert_ptr_equal(lz_procs_parent(p, child, false), old);
	/* The kernel gave it to init: its next record says so. */
	make(&m, LZ_EV_CALL, 60, 2000)->ppid = 1;
	take(p);
	assert_int_equal(lz_procs_parent(p, child, false)->task.pid, 1);
	lz_procs_free(p);
}

/* An exec by a thread that is not the first: the record comes with the process's number, but heads
 * of other threads before it name threads, and their names are not the process's. */
static void threads(void **state)
{
	struct lz_procs *p = lz_procs_new(NULL);
	struct lz_proc *x = exec_of(p, 70, 1000, "leader", "/bin/a", "a", 2);
	struct lz_ev *h = make(&m, LZ_EV_CALL, 70, 1000);

	(void)state;
	h->tid = 71;
	memcpy(h->comm, "worker", 7);
	h->uid = 33;
	assert_ptr_equal(take(p), x);
	assert_string_equal(x->task.comm, "leader");
	assert_int_equal(x->task.uid, 33);
	h = make(&m, LZ_EV_CALL, 70, 1000);
	memcpy(h->comm, "renamed", 8);
	take(p);
	assert_string_equal(x->task.comm, "renamed");
	x = exec_of(p, 70, 1000, "next", "/bin/b", "b", 2);
	assert_string_equal(x->task.comm, "next");
	assert_int_equal(lz_procs_count(p), 1);
	lz_procs_free(p);
}

static void what_heads_say(void **state)
{
	struct lz_procs *p = lz_procs_new(NULL);
	struct lz_proc *x = exec_of(p, 70, 1000, "a", "/bin/a", "a", 2);
	struct lz_ev *h;

	(void)state;
	h = make(&m, LZ_EV_CALL, 70, 1000);
	h->gid = 4;
	h->cgroup = 9;
	h->cap_effective = 6;
	h->loginuid = 1000;
	h->nr = SYS_chdir;
	path(&m, LZ_PART_CWD, 0, "/new/home");
	take(p);
	assert_int_equal(x->task.gid, 4);
	assert_int_equal(x->task.cgroup, 9);
	assert_int_equal(x->task.cap_effective, 6);
	assert_int_equal(x->task.loginuid, 1000);
	assert_span(lz_shared_span(x->cwd), "/new/home");
	make(&m, LZ_EV_CALL, 70, 1000)->nr = SYS_fchdir;
	path(&m, LZ_PART_PATH, 0, "/by/fd");
	take(p);
	assert_span(lz_shared_span(x->cwd), "/by/fd");
	/* One that failed moves nobody. */
	h = make(&m, LZ_EV_CALL, 70, 1000);
	h->nr = SYS_fchdir;
	h->ret = -20;
	path(&m, LZ_PART_PATH, 0, "/nowhere");
	take(p);
	assert_span(lz_shared_span(x->cwd), "/by/fd");
	/* What others tell does not say who it is. */
	h = make(&m, LZ_EV_FLOW, 70, 1000);
	h->flags = LZ_EVF_OTHER;
	h->uid = 0xffff;
	take(p);
	assert_int_not_equal(x->task.uid, 0xffff);
	lz_procs_free(p);
}

/* A connection's last word may come when its process has long gone: it must not live again. */
static void late_words(void **state)
{
	struct lz_procs *p = lz_procs_new(NULL);
	struct lz_proc *x;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		struct lz_ev *h = make(&m, LZ_EV_FLOW, 1000 + i, 500);
		h->flags = LZ_EVF_OTHER;
		h->time_ns = 7000;
		memcpy(h->comm, "gone", 5);
		x = take(p);
		assert_non_null(x); /* there is something to tell of */
		assert_string_equal(x->task.comm, "gone");
		assert_true(x->ended_ns);
	}
	lz_procs_purge(p, 60 * SECOND);
	assert_int_equal(lz_procs_count(p), 0);
	lz_procs_free(p);
}

/* The same where /proc may be asked: one that is there lives on, one of its number does not. */
static void late_words_live(void **state)
{
	struct lz_procs *p = lz_procs_new(NULL);
	uint64_t start = 0;
	struct lz_record r;
	struct lz_proc *x;
	struct lz_ev *h;
	char line[2000], *at;
	FILE *f = fopen("/proc/self/stat", "r");

	(void)state;
	assert_true(fgets(line, sizeof(line), f) != NULL);
	fclose(f);
	at = strrchr(line, ')') + 2;
	for (int i = 3; i < 22; i++)
		at = strchr(at, ' ') + 1;
	start = strtoull(at, NULL, 10) * (SECOND / (uint64_t)sysconf(_SC_CLK_TCK));
	h = make(&m, LZ_EV_FLOW, (uint32_t)getpid(), start + 1);
	h->flags = LZ_EVF_OTHER;
	r = read_made(&m);
	x = lz_procs_take(p, &r, true);
	assert_false(x->ended_ns);
	assert_true(x->complete);
	assert_true(lz_shared_span(x->exe_path).n > 0);
	h = make(&m, LZ_EV_FLOW, (uint32_t)getpid(), start - SECOND);
	h->flags = LZ_EVF_OTHER;
	r = read_made(&m);
	x = lz_procs_take(p, &r, true);
	assert_true(x->ended_ns);
	assert_null(x->exe_path); /* /proc speaks of another */
	lz_procs_free(p);
}

/* After a loss: who is not among those that are there has ended. */
static void sweep(void **state)
{
	struct lz_procs *p = lz_procs_new(NULL);
	struct lz_ev_task t = {.pid = 81, .start_ns = 1000};
	struct lz_proc *x;

	(void)state;
	exec_of(p, 80, 1000, "lost", "/l", "l", 2);
	x = exec_of(p, 81, 1000, "here", "/h", "h", 2);
	make(&m, LZ_EV_TASK, 81, 1000)->time_ns = 50000;
	part(&m, LZ_PART_TASK, &t, sizeof(t));
	assert_ptr_equal(take(p), x);
	fork_of(p, 81, 1000, 82, 60000);
	lz_procs_sweep(p, 50000, 70000);
	assert_true(lz_procs_find(p, 80, 1000)->ended_ns);
	assert_false(x->ended_ns);
	assert_false(lz_procs_find(p, 82, 60000)->ended_ns);
	/* What it was told again is not forgotten. */
	assert_span(lz_shared_span(x->exe_path), "/h");
	lz_procs_free(p);
}

static void count_one(void *arg, struct lz_proc *x)
{
	assert_false(x->ended_ns);
	++*(size_t *)arg;
}

static size_t heap(void)
{
#if defined(__SANITIZE_ADDRESS__)
	return 0;
#else
	return mallinfo2().uordblks + mallinfo2().hblkhd;
#endif
}

/* 200,000 that never end, then as many that do: never blind, never more than the bound. */
static void limits(void **state)
{
	struct lz_procs *p = lz_procs_new(NULL);
	size_t before = heap(), living = 0, most = 0;
	struct lz_proc *x = NULL;

	(void)state;
	exec_of(p, 1, 1, "init", "/init", "init", 5);
	for (uint32_t pid = 2; pid < 200000; pid++) {
		make(&m, LZ_EV_CALL, pid, 1000 + pid);
		x = take(p);
		assert_non_null(x);
		assert_int_equal(x->task.pid, pid);
	}
	assert_int_equal(lz_procs_count(p), 131072);
	lz_procs_each(p, count_one, &living);
	assert_int_equal(living, 131072);
	if (heap())
		assert_true(heap() - before < 96UL << 20);
	/* A parent whose child needs the place stays valid while it is at hand. */
	for (uint32_t pid = 300000; pid < 340000; pid++) {
		fork_of(p, 199999, 200999, pid, 500000 + pid);
		assert_non_null(lz_procs_find(p, pid, 0));
		assert_non_null(lz_procs_find(p, 199999, 0));
	}
	for (uint32_t pid = 400000; pid < 600000; pid++) {
		make(&m, LZ_EV_EXIT, pid, 1000 + pid)->time_ns = 900000 + pid;
		take(p);
		if (lz_procs_count(p) > most)
			most = lz_procs_count(p);
	}
	assert_true(most <= 131072);
	lz_procs_purge(p, 900 * SECOND);
	lz_procs_free(p);
}

/* Processes that come and go without a pause between purges don't pile up. */
static void storm(void **state)
{
	struct lz_procs *p = lz_procs_new(NULL);

	(void)state;
	exec_of(p, 1, 1, "init", "/init", "init", 5);
	for (uint32_t pid = 2; pid < 100000; pid++) {
		fork_of(p, 1, 1, pid, 1000 + pid);
		exec_of(p, pid, 1000 + pid, "x", "/bin/x", "x", 2);
		exit_of(p, pid, 1000 + pid, 2000 + pid);
		assert_true(lz_procs_count(p) < 10000);
	}
	lz_procs_free(p);
}

/* The dead one that makes a child, as only a hostile recording has it, when everything is full. */
static void hostile_parent(void **state)
{
	struct lz_procs *p = lz_procs_new(NULL);

	(void)state;
	exit_of(p, 5, 5, 10);
	for (uint32_t pid = 10; lz_procs_count(p) < 131072; pid++) {
		make(&m, LZ_EV_CALL, pid, 1000);
		take(p);
	}
	fork_of(p, 5, 5, 500000, 2000);
	fork_of(p, 5, 5, 5, 2000); /* a child of its own number */
	fork_of(p, 500000, 2000, 500000, 2000);
	assert_non_null(lz_procs_find(p, 500000, 0));
	lz_procs_free(p);
}

/* Parents that lead in a circle are followed by those who count their steps; here: one step. */
static void circles(void **state)
{
	struct lz_procs *p = lz_procs_new(NULL);
	struct lz_proc *a, *b;

	(void)state;
	make(&m, LZ_EV_CALL, 5, 5)->ppid = 6;
	a = take(p);
	make(&m, LZ_EV_CALL, 6, 6)->ppid = 5;
	b = take(p);
	assert_ptr_equal(lz_procs_parent(p, a, false), b);
	assert_ptr_equal(lz_procs_parent(p, b, false), a);
	make(&m, LZ_EV_CALL, 7, 7)->ppid = 7;
	assert_null(lz_procs_parent(p, take(p), false));
	make(&m, LZ_EV_CALL, 1, 1)->ppid = 0;
	assert_null(lz_procs_parent(p, take(p), false));
	lz_procs_free(p);
}

static void from_memory(void **state)
{
	struct lz_procs *p = lz_procs_new(NULL);
	struct lz_proc *x = exec_of(p, 5, 5, "a", "/bin/a", "a", 2);

	(void)state;
	assert_false(lz_proc_from_memory(x));
	make(&m, LZ_EV_EXEC, 5, 5);
	path(&m, LZ_PART_EXE_PATH, LZ_PATH_NO_MOUNT, "memfd:evil");
	assert_ptr_equal(take(p), x);
	assert_true(lz_proc_from_memory(x));
	fork_of(p, 5, 5, 6, 10);
	assert_true(lz_proc_from_memory(lz_procs_find(p, 6, 0)));
	exec_of(p, 5, 5, "a", "/bin/a", "a", 2);
	assert_false(lz_proc_from_memory(x));
	lz_procs_free(p);
}

/* One that was there before the sensor, and whose program lies in memory only. */
static void from_memory_before(void **state)
{
	struct lz_ev_task t = {.start_ns = 1000};
	struct lz_ev_file f = {.inode = 7, .mode = 0100777};
	struct lz_procs *p = lz_procs_new(NULL);
	int fd = memfd_create("lurking", MFD_CLOEXEC), in[2];
	struct lz_record r;
	struct lz_proc *x;
	char command[100], c;
	pid_t pid;

	(void)state;
	assert_true(fd >= 0);
	snprintf(command, sizeof(command), "cat /bin/cat > /proc/%d/fd/%d", getpid(), fd);
	assert_int_equal(system(command), 0);
	assert_int_equal(pipe(in), 0);
	pid = fork();
	if (!pid) {
		char name[] = "cat", *argv[] = {name, NULL}, *env[] = {NULL};
		dup2(in[0], 0);
		close(in[1]);
		fexecve(fd, argv, env);
		_exit(1);
	}
	close(in[0]);
	for (int i = 0; i < 500; i++) { /* until it has become the other */
		char link[40], to[100] = "";
		snprintf(link, sizeof(link), "/proc/%d/exe", pid);
		if (readlink(link, to, sizeof(to) - 1) > 0 && strstr(to, "lurking"))
			break;
		usleep(10000);
	}
	t.pid = (uint32_t)pid;
	make(&m, LZ_EV_TASK, (uint32_t)pid, 1000);
	part(&m, LZ_PART_TASK, &t, sizeof(t));
	part(&m, LZ_PART_EXE, &f, sizeof(f));
	r = read_made(&m);
	x = lz_procs_take(p, &r, true);
	assert_true(lz_proc_from_memory(x));
	assert_span(lz_shared_span(x->exe_path), "memfd:lurking");
	c = 0;
	assert_int_equal(write(in[1], &c, 1), 1);
	close(in[1]);
	waitpid(pid, NULL, 0);
	close(fd);
	lz_procs_free(p);
}

static int a_family(void)
{
	struct lz_err err = {0};
	struct lz_procs *p = lz_procs_new(&err);

	if (!p)
		return err.code;
	exec_of(p, 10, 1000, "sh", "/bin/dash", "sh\0-c\0x", 8);
	fork_of(p, 10, 1000, 11, 2000);
	exec_of(p, 11, 2000, "ls", "/bin/ls", "ls\0-l", 6);
	exit_of(p, 11, 2000, 5000);
	lz_procs_purge(p, 100 * SECOND);
	lz_procs_free(p);
	return 0;
}

static void no_memory(void **state)
{
	(void)state;
	assert_survives_nomem(a_family());
}

/* 5,000 groups stand in front of the capabilities in /proc/PID/status. */
static void many_groups(void **state)
{
	static gid_t groups[5000];
	struct lz_record r;
	struct lz_ev_task t;
	struct lz_buf b;
	int ready[2];
	char c;
	pid_t child;

	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		groups[i] = 100000 + i;
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (!child) {
		c = setgroups(5000, groups) ? 'n' : 'y';
		if (write(ready[1], &c, 1) == 1)
			pause();
		_exit(0);
	}
	assert_true(child > 0);
	assert_int_equal(read(ready[0], &c, 1), 1);
	lz_buf_init(&b, LZ_EV_MAX);
	if (c == 'y') {
		assert_true(lz_proc_record((uint32_t)child, LZ_EV_TASK, &b));
		assert_int_equal(lz_record_read(lz_buf_view(&b), &r, NULL), 0);
		assert_true(lz_record_copy(&r, LZ_PART_TASK, &t, sizeof(t)));
		assert_int_equal(t.vpid, child);
		assert_int_equal(t.threads, 1);
		assert_true(t.cap_effective >> 6 & 1); /* CAP_SETGID, which it just used */
		assert_int_equal(r.head.cap_effective, t.cap_effective);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(ready[0]);
	close(ready[1]);
	lz_buf_done(&b);
	if (c != 'y')
		skip(); /* only root sets groups */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(life),
		cmocka_unit_test(two_numbers),
		cmocka_unit_test(many_groups),
		cmocka_unit_test(pid_reuse),
		cmocka_unit_test(parent_is_not_the_namesake),
		cmocka_unit_test(threads),
		cmocka_unit_test(what_heads_say),
		cmocka_unit_test(late_words),
		cmocka_unit_test(late_words_live),
		cmocka_unit_test(sweep),
		cmocka_unit_test(limits),
		cmocka_unit_test(storm),
		cmocka_unit_test(hostile_parent),
		cmocka_unit_test(circles),
		cmocka_unit_test(from_memory),
		cmocka_unit_test(from_memory_before),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
