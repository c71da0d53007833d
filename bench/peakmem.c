/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peakmem [-i MS] [-r RUNS] [-o FILE] COMMAND...
 *
 * Runs a command and tells, one line per run on FILE (standard error): wall seconds, processor
 * seconds of the whole tree, peak of the anonymous memory of all its processes together in bytes,
 * and the exit code.
 *
 * The peak is sampled every MS milliseconds (2; 0: not at all, so that a timed run is undisturbed)
 * from smaps_rollup of each process: "Anonymous", which counts a page that two processes share
 * twice (the figure errs upward), and "Pss_Shmem", so that shared memory does not hide. Where a
 * process refuses that file (not dumpable, another user), resident minus file-backed pages of statm
 * is used. A process that lives shorter than one interval may be missed; nothing else is.
 *
 * The tree is found by /proc/PID/task/TID/children; we are its subreaper, so nobody leaves it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_PIDS 4096

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t slurp(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t r;

	if (fd < 0)
		return 0;
	while (n < size - 1 && (r = read(fd, buf + n, size - 1 - n)) > 0)
		n += (size_t)r;
	close(fd);
	buf[n] = 0;
	return n;
}

static unsigned long long field_kib(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static unsigned long long memory_of(int pid)
{
	char path[64], buf[4096];
	unsigned long long size, resident, shared;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	if (slurp(path, buf, sizeof(buf)) && strstr(buf, "\nAnonymous:"))
		return 1024 * (field_kib(buf, "\nAnonymous:") + field_kib(buf, "\nPss_Shmem:"));
	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	if (!slurp(path, buf, sizeof(buf)) ||
	    sscanf(buf, "%llu %llu %llu", &size, &resident, &shared) != 3 || resident < shared)
		return 0;
	return (resident - shared) * (unsigned long long)sysconf(_SC_PAGESIZE);
}

/* Appends the children of every thread of `pid`. */
static void children_of(int pid, int *pids, size_t *n)
{
	char path[128], buf[16384];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		char *at = buf, *end;
		long child;
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/children", pid, e->d_name);
		if (!slurp(path, buf, sizeof(buf)))
			continue;
		for (; (child = strtol(at, &end, 10)) > 0 && *n < MAX_PIDS; at = end)
			pids[(*n)++] = (int)child;
	}
	if (d)
		closedir(d);
}

static unsigned long long tree_memory(void)
{
	static int pids[MAX_PIDS];
	unsigned long long sum = 0;
	size_t n = 0;

	children_of(getpid(), pids, &n);
	for (size_t i = 0; i < n; i++) {
		sum += memory_of(pids[i]);
		children_of(pids[i], pids, &n);
	}
	return sum;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* Waits for the command; orphans of it that we inherit are reaped by the way. */
static int await(pid_t pid, long interval_ms, unsigned long long *peak)
{
	int status = 0, got_status = 0;
	pid_t got;

	for (;;) {
		got = waitpid(-1, &status, interval_ms ? WNOHANG : 0);
		if (got == pid) {
			got_status = status;
			break;
		}
		if (got < 0 && errno != EINTR)
			break;
		if (got == 0) {
			unsigned long long sum = tree_memory();
			struct timespec t = {interval_ms / 1000, interval_ms % 1000 * 1000000};
			if (sum > *peak)
				*peak = sum;
			nanosleep(&t, NULL);
		}
	}
	return WIFEXITED(got_status) ? WEXITSTATUS(got_status) : 128 + WTERMSIG(got_status);
}

static int run(char **argv, long interval_ms, FILE *out)
{
	struct rusage before, after;
	unsigned long long peak = 0;
	double begin, cpu, wall;
	int code;
	pid_t pid;

	getrusage(RUSAGE_CHILDREN, &before);
	begin = now();
	code = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
	if (code) {
		fprintf(stderr, "peakmem: %s: %s\n", argv[0], strerror(code));
		exit(127);
	}
	code = await(pid, interval_ms, &peak);
	wall = now() - begin;
	getrusage(RUSAGE_CHILDREN, &after);
	cpu = seconds(after.ru_utime) + seconds(after.ru_stime) - seconds(before.ru_utime) -
	      seconds(before.ru_stime);
	fprintf(out, "peakmem %.6f %.6f %llu %d\n", wall, cpu, peak, code);
	return code;
}

int main(int argc, char **argv)
{
	long interval_ms = 2, runs = 1;
	FILE *out = stderr;
	int c, code = 0;

	while ((c = getopt(argc, argv, "+i:r:o:")) != -1) {
		if (c == 'i')
			interval_ms = strtol(optarg, NULL, 10);
		else if (c == 'r')
			runs = strtol(optarg, NULL, 10);
		else if (c != 'o' || !(out = fopen(optarg, "we")))
			optind = argc;
	}
	if (optind >= argc || interval_ms < 0 || runs < 1) {
		fputs("usage: peakmem [-i MS] [-r RUNS] [-o FILE] COMMAND...\n", stderr);
		return 125;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (long i = 0; i < runs; i++)
		code = run(argv + optind, interval_ms, out);
	if (out != stderr)
		fclose(out);
	return code;
}
