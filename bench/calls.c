/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calls PROGRAM: what system calls cost here and now. Prints lines "name nanoseconds":
 *
 *	getppid, read (one byte), open (and close, of /dev/null), tcp (connect, accept and both
 *	closes on loopback), spawn (posix_spawn of the static PROGRAM, and wait)
 *
 * Each is the least of several short runs: what others do on this machine only ever adds.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RUNS 15

static int zero, listener;
static struct sockaddr_in where;
static char *program;

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static void call_getppid(void)
{
	syscall(SYS_getppid);
}

static void call_read(void)
{
	char c;

	if (read(zero, &c, 1) != 1)
		die("read");
}

static void call_open(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("/dev/null");
	close(fd);
}

/* The caller resets, so that no port stays behind. */
static void call_tcp(void)
{
	struct linger at_once = {1, 0};
	int a = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), b;

	if (a < 0 || connect(a, (struct sockaddr *)&where, sizeof(where)))
		die("connect");
	b = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (b < 0)
		die("accept");
	setsockopt(a, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(a);
	close(b);
}

static void call_spawn(void)
{
	char *argv[] = {program, NULL}, *env[] = {NULL};
	pid_t pid;
	int status;

	if (posix_spawn(&pid, program, NULL, NULL, argv, env) || waitpid(pid, &status, 0) != pid ||
	    status)
		die(program);
}

static void prepare(void)
{
	socklen_t n = sizeof(where);

	zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	where.sin_family = AF_INET;
	where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (zero < 0 || listener < 0 || bind(listener, (struct sockaddr *)&where, sizeof(where)) ||
	    listen(listener, 16) || getsockname(listener, (struct sockaddr *)&where, &n))
		die("calls");
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double run(void (*call)(void), int times)
{
	double from = now_ns();

	for (int i = 0; i < times; i++)
		call();
	return (now_ns() - from) / times;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*call)(void);
		int times; /* some 10 ms */
	} cases[] = {{"getppid", call_getppid, 40000},
		     {"read", call_read, 40000},
		     {"open", call_open, 4000},
		     {"tcp", call_tcp, 300},
		     {"spawn", call_spawn, 40}};

	if (argc != 2) {
		fputs("usage: calls PROGRAM\n", stderr);
		return 2;
	}
	program = argv[1];
	prepare();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double least = run(cases[i].call, cases[i].times);
		for (int k = 1; k < RUNS; k++) {
			double t = run(cases[i].call, cases[i].times);
			if (t < least)
				least = t;
		}
		printf("%s %.1f\n", cases[i].name, least);
	}
	return 0;
}
