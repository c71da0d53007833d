/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parent side: start the binary again as a role, talk to it, find out how it ended.
 *
 * vfork semantics (posix_spawn) are used: the parent may be large and have threads, and a start
 * must cost little. The child inherits exactly six descriptors; all others are closed before exec.
 * Records are read in large pieces; a child that floods the pipe is slowed down by it, and a record
 * larger than record_bytes ends it.
 */
#include "jail.h"

#include "../base/alloc.h"
#include "../base/bytes.h"
#include "../base/clean.h"
#include "../base/clock.h"
#include "../base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define READ_BYTES 65536
#define GRACE_MS   2000 /* for a child that has closed its pipe to end */

struct lz_child {
	pid_t pid;
	int out; /* read end */
	struct lz_buf in;
	size_t used; /* of in */
	uint64_t max_record;
	uint64_t until_ms; /* 0: no hurry */
	bool ended;	   /* reaped */
	int status;
	struct lz_child_usage usage;
};

static const char *binary = "/proc/self/exe";

void lz_jail_set_binary(const char *path)
{
	binary = path;
}

/* A descriptor above those that the child's own numbers will overwrite. */
static int lift(int fd, struct lz_err *err)
{
	int up = fcntl(fd, F_DUPFD_CLOEXEC, 16);

	return up < 0 ? lz_fail_errno(err, "duplicate a descriptor") : up;
}

static int spawn(const char *role, int in, int out, int request, pid_t *ret, struct lz_err *err)
{
	posix_spawn_file_actions_t acts;
	char arg[64], asan[512], ubsan[512];
	char *argv[] = {(char *)(uintptr_t) "lazaret", arg, NULL};
	char *envp[3] = {NULL};
	const char *keep;
	int n = 0, r;

	snprintf(arg, sizeof(arg), "--role=%s", role);
	/* An empty environment, but for what sanitizer builds need to report. */
	keep = getenv("ASAN_OPTIONS");
	if (keep && snprintf(asan, sizeof(asan), "ASAN_OPTIONS=%s", keep) > 0)
		envp[n++] = asan;
	keep = getenv("UBSAN_OPTIONS");
	if (keep && snprintf(ubsan, sizeof(ubsan), "UBSAN_OPTIONS=%s", keep) > 0)
		envp[n++] = ubsan;
	posix_spawn_file_actions_init(&acts);
	r = posix_spawn_file_actions_addopen(&acts, 0, "/dev/null", O_RDONLY, 0);
	r = r ? r : posix_spawn_file_actions_addopen(&acts, 1, "/dev/null", O_WRONLY, 0);
#if !defined(__SANITIZE_ADDRESS__)
	r = r ? r : posix_spawn_file_actions_addopen(&acts, 2, "/dev/null", O_WRONLY, 0);
#endif
	r = r ? r : posix_spawn_file_actions_adddup2(&acts, request, LZ_JAIL_REQUEST_FD);
	r = r ? r : posix_spawn_file_actions_adddup2(&acts, in, LZ_JAIL_INPUT_FD);
	r = r ? r : posix_spawn_file_actions_adddup2(&acts, out, LZ_JAIL_OUTPUT_FD);
	r = r ? r : posix_spawn_file_actions_addclosefrom_np(&acts, LZ_JAIL_OUTPUT_FD + 1);
	r = r ? r : posix_spawn(ret, binary, &acts, NULL, argv, envp);
	posix_spawn_file_actions_destroy(&acts);
	errno = r;
	return r ? lz_fail_errno(err, "start the confined parser") : 0;
}

/* Limits travel as they are in memory: both sides are the same binary. */
static int write_request(int fd, const struct lz_limits *limits, struct lz_span request,
			 struct lz_err *err)
{
	LZ_CLEAN(buf) struct lz_buf b;

	lz_buf_init(&b, LZ_M + sizeof(*limits) + 4);
	lz_buf_add(&b, limits, sizeof(*limits));
	lz_buf_span(&b, request);
	if (b.code)
		return lz_fail(err, b.code, "request to the parser: %s", lz_code_text(b.code));
	return lz_write_full(fd, b.p, b.n, err);
}

static struct lz_child *child_new(const struct lz_limits *limits, struct lz_err *err)
{
	struct lz_child *c = lz_alloc(sizeof(*c));

	if (!c) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	c->out = -1;
	c->pid = -1;
	c->max_record = limits->record_bytes;
	lz_buf_init(&c->in, (size_t)limits->record_bytes + 2 * READ_BYTES);
	return c;
}

static int start(struct lz_child *c, const char *role, int input_fd, const struct lz_limits *limits,
		 struct lz_span request, struct lz_err *err)
{
	int out[2], req[2], r = 0;
	LZ_CLEAN(fd) int up_in = lift(input_fd, err);
	LZ_CLEAN(fd) int up_out = -1;
	LZ_CLEAN(fd) int up_req = -1;
	LZ_CLEAN(fd) int req_write = -1;

	if (up_in < 0)
		return up_in;
	if (pipe2(out, O_CLOEXEC) < 0)
		return lz_fail_errno(err, "pipe");
	c->out = out[0];
	up_out = lift(out[1], err);
	close(out[1]);
	if (pipe2(req, O_CLOEXEC) < 0)
		return lz_fail_errno(err, "pipe");
	req_write = req[1];
	up_req = lift(req[0], err);
	close(req[0]);
	if (up_out < 0 || up_req < 0)
		return err ? err->code : LZ_E_IO;
	/* A request fits a pipe of 64 KiB nearly always; a larger one gets a larger pipe. */
	if (request.n + sizeof(*limits) > 60000)
		fcntl(req_write, F_SETPIPE_SZ, (int)LZ_M);
	r = spawn(role, up_in, up_out, up_req, &c->pid, err);
	return r ? r : write_request(req_write, limits, request, err);
}

struct lz_child *lz_child_start(const char *role, int input_fd, const struct lz_limits *limits,
				struct lz_span request, struct lz_err *err)
{
	struct lz_child *c = child_new(limits, err);

	if (c && start(c, role, input_fd, limits, request, err)) {
		lz_child_free(c);
		return NULL;
	}
	return c;
}

/* --- how it ended --- */

static void reap(struct lz_child *c, bool kill_it)
{
	struct rusage u;

	if (c->ended || c->pid < 0)
		return;
	if (kill_it)
		kill(c->pid, SIGKILL);
	while (wait4(c->pid, &c->status, 0, &u) < 0)
		if (errno != EINTR)
			return;
	c->ended = true;
	c->usage.cpu_ms = (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
			  (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
	c->usage.max_rss_bytes = (uint64_t)u.ru_maxrss * 1024;
}

/* It has closed its pipe: a moment to end by itself, then it is ended. A pidfd wakes us at once;
 * kernels before 5.3 have none, and are asked again and again. */
static bool wait_a_moment(struct lz_child *c)
{
	uint64_t until = lz_now_ms() + GRACE_MS, now = 0;
	LZ_CLEAN(fd) int pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	siginfo_t info;

	if (c->until_ms && until > c->until_ms)
		until = c->until_ms;
	do {
		info.si_pid = 0;
		if (waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		    info.si_pid)
			return true;
		now = lz_now_ms();
		poll(&p, pidfd >= 0, pidfd >= 0 && now < until ? (int)(until - now) : 1);
	} while (now < until);
	return false;
}

static int died(const struct lz_child *c, struct lz_err *err)
{
	int sig = WIFSIGNALED(c->status) ? WTERMSIG(c->status) : 0;

	switch (sig) {
	case SIGSYS:
		return lz_fail(
			err, LZ_E_CRASH,
			"the confined parser was killed: it made a forbidden system call (SIGSYS)");
	case SIGXCPU:
		return lz_fail(
			err, LZ_E_LIMIT,
			"the confined parser used too much processor time (limit child_cpu_s)");
	case SIGKILL:
		return lz_fail(
			err, LZ_E_CRASH,
			"the confined parser was killed (SIGKILL): out of memory, or processor "
			"time (limit child_cpu_s)");
	case 0:
		return lz_fail(err, LZ_E_CRASH, "the confined parser ended with status %d",
			       WEXITSTATUS(c->status));
	default:
		return lz_fail(err, LZ_E_CRASH, "the confined parser crashed: %s (signal %d)",
			       strsignal(sig), sig);
	}
}

static int at_end(struct lz_child *c, struct lz_err *err)
{
	size_t torn = c->in.n - c->used;

	if (!c->ended) {
		bool by_itself = wait_a_moment(c);
		reap(c, !by_itself);
		if (!by_itself)
			return lz_fail(err, LZ_E_CRASH,
				       "the confined parser closed its pipe but did not end");
	}
	if (!WIFEXITED(c->status) || WEXITSTATUS(c->status))
		return died(c, err);
	return torn ? lz_fail(err, LZ_E_FORMAT, "the confined parser's answer is cut off") : 0;
}

/* --- records --- */

static int stop(struct lz_child *c, int code)
{
	reap(c, true);
	return code;
}

/* More bytes into c->in: 1, 0 at the end, < 0. */
static int more(struct lz_child *c, struct lz_err *err)
{
	struct pollfd p = {.fd = c->out, .events = POLLIN};
	ssize_t n;

	if (c->used) {
		memmove(c->in.p, c->in.p + c->used, c->in.n - c->used);
		c->in.n -= c->used;
		c->used = 0;
	}
	if (lz_buf_reserve(&c->in, READ_BYTES))
		return stop(c, lz_fail(err, c->in.code, "out of memory"));
	for (;;) {
		uint64_t now = c->until_ms ? lz_now_ms() : 0, left = c->until_ms - now;
		bool late = c->until_ms && now >= c->until_ms;
		int ready = poll(&p, 1, late ? 0 : c->until_ms && left < 200 ? (int)left : 200);
		if (!c->until_ms && lz_cancelled())
			return stop(c, lz_fail(err, LZ_E_CANCELLED, "interrupted"));
		if (ready <= 0 && late)
			return stop(c, lz_fail(err, LZ_E_LIMIT,
					       "the confined parser did not answer in time"));
		if (ready <= 0)
			continue;
		n = read(c->out, c->in.p + c->in.n, READ_BYTES);
		if (n >= 0)
			break;
		if (errno != EINTR)
			return stop(c, lz_fail_errno(err, "read from the confined parser"));
	}
	c->in.n += (size_t)n;
	return n > 0;
}

static int next(struct lz_child *c, struct lz_rec *ret, struct lz_err *err)
{
	for (;;) {
		size_t have = c->in.n - c->used;
		const char *at = c->in.p + c->used;
		int r;

		if (have >= 4) {
			uint32_t n = lz_le32(at);
			if (n < 2 || n > c->max_record)
				return stop(c,
					    lz_fail(err, LZ_E_FORMAT,
						    "the confined parser sent a record of %u bytes "
						    "(limit record_bytes)",
						    n));
			if (have - 4 >= n) {
				*ret = (struct lz_rec){.type = lz_le16(at + 4),
						       .rest = lz_span(at + 6, n - 2)};
				c->used += 4 + (size_t)n;
				return 1;
			}
		}
		r = more(c, err);
		if (r < 0)
			return r;
		if (r == 0)
			return at_end(c, err);
	}
}

int lz_child_next(struct lz_child *c, struct lz_rec *ret, struct lz_err *err)
{
	c->until_ms = 0;
	return next(c, ret, err);
}

int lz_child_next_by(struct lz_child *c, uint64_t until_ms, struct lz_rec *ret, struct lz_err *err)
{
	c->until_ms = until_ms ? until_ms : 1;
	return next(c, ret, err);
}

struct lz_child_usage lz_child_usage(const struct lz_child *c)
{
	return c->usage;
}

void lz_child_free(struct lz_child *c)
{
	if (!c)
		return;
	reap(c, true);
	if (c->out >= 0)
		close(c->out);
	lz_buf_done(&c->in);
	lz_free(c);
}
