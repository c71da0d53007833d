/* SPDX-License-Identifier: Apache-2.0 */
#include "hostile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct attack {
	struct lz_rec_out *out;
	uint64_t arg;
};

/* --- reaching out: true when it worked -------------------------------------------------------- */

static bool open_file(struct attack *a)
{
	(void)a;
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0;
}

static bool create_file(struct attack *a)
{
	(void)a;
	return open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) >= 0;
}

static bool connect_out(struct attack *a)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)a->arg),
				 .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && !connect(fd, (struct sockaddr *)&to, sizeof(to));
}

static bool execute(struct attack *a)
{
	/* a record of its own, should it come to run: 10 bytes, type 16, "done" */
	static const char script[] =
		"printf '\\012\\000\\000\\000\\020\\000\\004\\000\\000\\000done' >&5";
	char *argv[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
			(char *)(uintptr_t)script, NULL};
	char *envp[] = {NULL};

	(void)a;
	execve("/bin/sh", argv, envp);
	return false;
}

static bool fork_off(struct attack *a)
{
	pid_t pid = fork();

	(void)a;
	if (!pid)
		_exit(0);
	return pid > 0;
}

static bool trace_parent(struct attack *a)
{
	(void)a;
	return !ptrace(PTRACE_SEIZE, getppid(), NULL, NULL);
}

static bool read_parent(struct attack *a)
{
	(void)a;
	return syscall(SYS_process_vm_readv, getppid(), NULL, 0UL, NULL, 0UL, 0UL) >= 0;
}

static bool signal_parent(struct attack *a)
{
	(void)a;
	return !kill(getppid(), SIGUSR1);
}

static bool write_elsewhere(struct attack *a)
{
	(void)a;
	for (int fd = 6; fd < 1024; fd++)
		if (write(fd, "x", 1) == 1)
			return true;
	errno = EBADF;
	return false;
}

static bool make_code(struct attack *a)
{
	(void)a;
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0) != MAP_FAILED;
}

static bool undo_death(struct attack *a)
{
	(void)a;
	return !prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) && !prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static bool take_memory(struct attack *a)
{
	for (uint64_t i = 0; i < a->arg; i++) {
		char *p = malloc(LZ_M);
		if (!p)
			return false;
		memset(p, 1, LZ_M); /* given back by ending */
	}
	return true;
}

/* --- answering wrongly: what they do is what the parent sees ---------------------------------- */

static bool spin(struct attack *a)
{
	volatile bool never = false;

	(void)a;
	while (!never)
		;
	return false;
}

static bool flood(struct attack *a)
{
	for (;;) {
		lz_rec_begin(a->out, LZ_REC_FIRST_FREE + 1);
		lz_rec_put_u64(a->out, 7);
		if (lz_rec_commit(a->out, NULL))
			return false;
	}
}

static void raw(const char *bytes, size_t n)
{
	if (write(LZ_JAIL_OUTPUT_FD, bytes, n) < 0)
		_exit(1);
}

static bool huge_record(struct attack *a)
{
	(void)a;
	raw("\xff\xff\xff\xff\x10\0", 6);
	_exit(0);
}

static bool tiny_record(struct attack *a)
{
	(void)a;
	raw("\1\0\0\0\x10\0", 6);
	_exit(0);
}

static bool garbage(struct attack *a)
{
	(void)a;
	for (int i = 0; i < 1000; i++)
		raw("\x9d\x1c\x55\xe0 any bytes that come to mind", 31);
	_exit(0);
}

static bool cut_record(struct attack *a)
{
	(void)a;
	raw("\x40\0\0\0\x10\0half", 10);
	_exit(0);
}

static bool crash(struct attack *a)
{
	(void)a;
	lz_rec_flush(a->out, NULL);
	__builtin_trap();
}

static bool stay_silent(struct attack *a)
{
	(void)a;
	while (poll(NULL, 0, 1000) <= 0)
		;
	return false;
}

static bool close_and_stay(struct attack *a)
{
	close(LZ_JAIL_OUTPUT_FD);
	return stay_silent(a);
}

/* ---------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	bool (*run)(struct attack *a);
} attacks[] = {
	{"open", open_file},   {"create", create_file}, {"connect", connect_out},
	{"exec", execute},     {"fork", fork_off},	{"ptrace", trace_parent},
	{"peek", read_parent}, {"kill", signal_parent}, {"write", write_elsewhere},
	{"code", make_code},   {"prctl", undo_death},	{"memory", take_memory},
	{"spin", spin},	       {"flood", flood},	{"huge", huge_record},
	{"tiny", tiny_record}, {"garbage", garbage},	{"cut", cut_record},
	{"crash", crash},      {"silent", stay_silent}, {"close", close_and_stay},
};

int lz_hostile_attack(struct lz_span name, uint64_t arg, struct lz_rec_out *out, struct lz_err *err)
{
	struct attack a = {out, arg};

	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		char text[80] = "done";
		if (!lz_span_is(name, attacks[i].name))
			continue;
		if (!attacks[i].run(&a))
			snprintf(text, sizeof(text), "refused: errno %d", errno);
		lz_rec_begin(out, LZ_REC_FIRST_FREE);
		lz_rec_put_span(out, lz_str(text));
		return lz_rec_commit(out, err);
	}
	return lz_fail(err, LZ_E_USAGE, "no attack is called \"%.*s\"", LZ_FMT(name));
}

static int run(struct lz_rec *request, int in_fd, const struct lz_limits *limits,
	       struct lz_rec_out *out, struct lz_err *err)
{
	struct lz_span name = lz_rec_span(request, 64);
	uint64_t arg = lz_rec_u64(request);

	(void)in_fd;
	(void)limits;
	return request->code ? lz_fail(err, LZ_E_FORMAT, "request")
			     : lz_hostile_attack(name, arg, out, err);
}

const struct lz_role lz_role_hostile = {.name = "hostile", .run = run};
