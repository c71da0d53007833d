/* SPDX-License-Identifier: Apache-2.0 */
/* Acts that reach for more: namespaces, the kernel. Where refusal is as good, it is enough to ask. */
#include "act.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The namespace that it is in already. */
static int act_setns(int argc, char **argv)
{
	int fd = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return act_failed("/proc/self/ns/uts");
	return act_done(setns(fd, CLONE_NEWUTS), "setns");
}

static int act_unshare(int argc, char **argv)
{
	return act_done(unshare(CLONE_NEWUTS), "unshare");
}

static int refused(long ret, const char *what)
{
	if (ret < 0)
		return 0;
	errno = 0;
	return act_failed(what);
}

static int act_unshare_refused(int argc, char **argv)
{
	return refused(unshare(CLONE_NEWUTS), "unshare was allowed");
}

/* Four bytes are no module, whatever the kernel allows. */
static int act_init_module(int argc, char **argv)
{
	return refused(syscall(SYS_init_module, "none", 4, ""), "init_module took it");
}

static int act_finit_module(int argc, char **argv)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return refused(syscall(SYS_finit_module, fd, "", 0), "finit_module took it");
}

/* A command with nothing to it: no program is loaded, no map touched. */
static int act_bpf(int argc, char **argv)
{
	char attr[128];

	memset(attr, 0, sizeof(attr));
	return refused(syscall(SYS_bpf, atoi(argv[1]), attr, sizeof(attr)), "bpf took it");
}

static int act_userfaultfd(int argc, char **argv)
{
	return act_done(syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* faults of user mode only */),
			"userfaultfd");
}

static int act_setuid(int argc, char **argv)
{
	return act_done(setuid((uid_t)atoi(argv[1])), "setuid");
}

static int act_setuid_refused(int argc, char **argv)
{
	return refused(setuid((uid_t)atoi(argv[1])), "setuid was allowed");
}

const struct act acts_priv[] = {
	{"setns", 0, act_setns, ""},
	{"unshare", 0, act_unshare, ""},
	{"unshare-refused", 0, act_unshare_refused, ""},
	{"init_module", 0, act_init_module, ""},
	{"finit_module", 0, act_finit_module, ""},
	{"bpf", 1, act_bpf, "COMMAND"},
	{"userfaultfd", 0, act_userfaultfd, ""},
	{"setuid", 1, act_setuid, "UID"},
	{"setuid-refused", 1, act_setuid_refused, "UID"},
	{NULL, 0, NULL, NULL},
};
