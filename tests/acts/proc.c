/* SPDX-License-Identifier: Apache-2.0 */
/* Acts of processes: who runs what, as whom, from where. Those that end with COMMAND become it. */
#include "act.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int ended(pid_t child)
{
	int status;

	if (child < 0 || waitpid(child, &status, 0) < 0)
		return act_failed("child");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* A child becomes COMMAND, its parent waits. How it ends is its own affair. */
static int act_spawn(int argc, char **argv)
{
	pid_t child = fork();

	if (!child)
		_exit(act_exec(argv + 1));
	return ended(child) == ACT_UNKNOWN ? ACT_FAILED : 0;
}

static int act_user(int argc, char **argv)
{
	uid_t uid = (uid_t)atoi(argv[1]);

	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		return act_failed(argv[1]);
	return act_exec(argv + 2);
}

static int act_env(int argc, char **argv)
{
	putenv(argv[1]);
	return act_exec(argv + 2);
}

static int act_cwd(int argc, char **argv)
{
	return chdir(argv[1]) < 0 ? act_failed(argv[1]) : act_exec(argv + 2);
}

/* Under a terminal of its own, as a session's first process. */
static int act_tty(int argc, char **argv)
{
	char buf[4096];
	int master;
	pid_t child = forkpty(&master, NULL, NULL, NULL);

	if (!child)
		_exit(act_exec(argv + 1));
	while (child > 0 && read(master, buf, sizeof(buf)) > 0)
		continue;
	return ended(child) == ACT_UNKNOWN ? ACT_FAILED : 0;
}

/* Another act in this same process, when it has grown old. */
static int act_later(int argc, char **argv)
{
	unsigned ms = (unsigned)atoi(argv[1]);

	usleep(ms * 1000);
	return act_run(argc - 2, argv + 2);
}

static int act_sleep(int argc, char **argv)
{
	usleep((unsigned)atoi(argv[1]) * 1000);
	return 0;
}

/* This program from a file that is in no folder. */
static int act_memfd(int argc, char **argv)
{
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int fd = (int)syscall(SYS_memfd_create, "payload", 0);
	char buf[65536];
	ssize_t n;

	if (self < 0 || fd < 0)
		return act_failed("memfd");
	while ((n = read(self, buf, sizeof(buf))) > 0)
		if (write(fd, buf, (size_t)n) != n)
			return act_failed("memfd");
	syscall(SYS_execveat, fd, "", argv + 1, environ, 0x1000 /* AT_EMPTY_PATH */);
	return act_failed("execveat");
}

/* A file of a folder, but by its descriptor. */
static int act_execveat(int argc, char **argv)
{
	int fd = open(argv[1], O_PATH | O_CLOEXEC);

	syscall(SYS_execveat, fd, "", argv + 1, environ, 0x1000);
	return act_failed("execveat");
}

static void *become(void *argv)
{
	act_exec(argv);
	return NULL;
}

/* From a thread that is not the first, which ends the others. */
static int act_thread(int argc, char **argv)
{
	pthread_t t;

	if (pthread_create(&t, NULL, become, argv + 1))
		return act_failed("thread");
	pthread_join(t, NULL);
	return ACT_FAILED;
}

/* A child that shares everything with its parent until it runs something. */
static int act_vfork(int argc, char **argv)
{
	char path[4096];
	const char *program = act_find(argv[1], path, sizeof(path));
	pid_t child;

	if (posix_spawn(&child, program, NULL, NULL, argv + 1, environ))
		return act_failed(argv[1]);
	return ended(child) == ACT_UNKNOWN ? ACT_FAILED : 0;
}

static pid_t idle_child(void)
{
	pid_t child = fork();

	if (!child) {
		pause();
		_exit(0);
	}
	return child;
}

static int act_attach(int argc, char **argv)
{
	pid_t child = idle_child();
	long ret = ptrace(PTRACE_ATTACH, child, NULL, NULL);

	if (!ret) {
		waitpid(child, NULL, 0);
		ptrace(PTRACE_DETACH, child, NULL, NULL);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return act_done(ret, "PTRACE_ATTACH");
}

/* Writes into a stopped child, once back what is there. */
static int act_poke(int argc, char **argv)
{
	static long word = 42;
	pid_t child = fork();
	long ret;

	if (!child) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	ret = ptrace(PTRACE_POKEDATA, child, &word, word);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return act_done(ret, "PTRACE_POKEDATA");
}

static int act_seize(int argc, char **argv)
{
	pid_t child = idle_child();
	long ret = ptrace(PTRACE_SEIZE, child, NULL, NULL);

	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return act_done(ret, "PTRACE_SEIZE");
}

static int act_traceme(int argc, char **argv)
{
	pid_t child = fork();

	if (!child)
		_exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0);
	return ended(child);
}

const struct act acts_proc[] = {
	{"spawn", 1, act_spawn, "COMMAND"},
	{"user", 2, act_user, "UID COMMAND"},
	{"env", 2, act_env, "NAME=VALUE COMMAND"},
	{"cwd", 2, act_cwd, "FOLDER COMMAND"},
	{"tty", 1, act_tty, "COMMAND"},
	{"later", 2, act_later, "MILLISECONDS ACT"},
	{"sleep", 1, act_sleep, "MILLISECONDS"},
	{"memfd", 1, act_memfd, "ARGUMENTS"},
	{"execveat", 1, act_execveat, "FILE ARGUMENTS"},
	{"thread", 1, act_thread, "COMMAND"},
	{"vfork", 1, act_vfork, "COMMAND"},
	{"poke", 0, act_poke, ""},
	{"attach", 0, act_attach, ""},
	{"seize", 0, act_seize, ""},
	{"traceme", 0, act_traceme, ""},
	{NULL, 0, NULL, NULL},
};
