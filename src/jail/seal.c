/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking everything away. In this order, each step needing less than the one before:
 *
 *	no core dumps, not traceable     nothing of an image is left on disk by a crash
 *	resource limits                  address space, processor time, no file grows
 *	capabilities                     all sets empty, also for what might be executed later
 *	no_new_privs                     set-uid programs give nothing
 *	Landlock                         an empty domain: no path, no TCP, no signals outwards
 *	(threads are started)
 *	seccomp                          an allow-list; anything else kills the process
 *
 * Where the kernel has no Landlock the seccomp list still refuses every call that takes a path. A
 * step that the kernel has but that fails is fatal: better no answer than a parser without a wall.
 */
#include "seal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* --- limits --- */

static int limit(int what, const char *name, uint64_t value, uint64_t hard, struct lz_err *err)
{
	struct rlimit r = {value, hard}, now;

	if (getrlimit((__rlimit_resource_t)what, &now) == 0 && now.rlim_max < hard) {
		r.rlim_max = now.rlim_max;
		if (r.rlim_cur > r.rlim_max)
			r.rlim_cur = r.rlim_max;
	}
	if (setrlimit((__rlimit_resource_t)what, &r) < 0)
		return lz_fail_errno(err, "confine: limit %s", name);
	return 0;
}

static int set_limits(const struct lz_limits *l, struct lz_err *err)
{
	int r = limit(RLIMIT_CORE, "core", 0, 0, err);

	/* The shadow memory of a sanitizer is terabytes of address space. */
	if (!r && !SANITIZED)
		r = limit(RLIMIT_AS, "address space", l->child_bytes, l->child_bytes, err);
	if (!r)
		r = limit(RLIMIT_CPU, "processor time", l->child_cpu_s, l->child_cpu_s + 5, err);
	return r ? r : limit(RLIMIT_FSIZE, "file size", 0, 0, err);
}

/* --- privileges --- */

static int drop_capabilities(struct lz_err *err)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}, {0}};

	/* The bounding set can only be shrunk with CAP_SETPCAP; without it there is nothing to
	 * shrink. */
	for (int cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &head, none) < 0)
		return lz_fail_errno(err, "confine: drop capabilities");
	return 0;
}

int lz_landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi < 0 ? 0 : (int)abi;
}

/* A ruleset that handles every right the kernel knows and grants none. The struct has grown over
 * the years; the headers at hand may be older than the kernel. */
static int enter_landlock(struct lz_err *err)
{
	struct {
		uint64_t fs, net, scoped;
	} rules = {0, 0, 0};
	static const uint64_t fs_by_abi[] = {0, 0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff};
	int abi = lz_landlock_abi(), fd;
	size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;

	if (!abi)
		return 0;
	rules.fs = fs_by_abi[abi > 5 ? 5 : abi];
	rules.net = abi >= 4 ? 3 : 0;
	rules.scoped = abi >= 6 ? 3 : 0;
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
	if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return lz_fail_errno(err, "confine: Landlock");
	close(fd);
	return 0;
}

int lz_seal_privileges(const struct lz_limits *l, struct lz_err *err)
{
	int r;

	if (!SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return lz_fail_errno(err, "confine: dumpable");
	r = set_limits(l, err);
	if (!r)
		r = drop_capabilities(err);
	if (r)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return lz_fail_errno(err, "confine: no_new_privs");
	return enter_landlock(err);
}

/* --- system calls --- */

static const int allowed[] = {
	/* bytes in and out of descriptors it was given */
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(pread64),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(lseek),
	SCMP_SYS(fstat),
	SCMP_SYS(close),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	/* memory; mmap and mprotect have rules of their own below */
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(brk),
	/* threads that exist */
	SCMP_SYS(futex),
	SCMP_SYS(sched_yield),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(gettid),
	SCMP_SYS(getpid),
	SCMP_SYS(set_robust_list),
	/* time, chance, the end */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(getrandom),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
#if SANITIZED
	/* What the sanitizers' runtimes need to watch and to report; release builds have none of
	   it. */
	SCMP_SYS(sigaltstack),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(tgkill),
	SCMP_SYS(getrlimit),
	SCMP_SYS(prlimit64),
	SCMP_SYS(readlink),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(prctl),
#endif
};

/* mmap and mprotect, but never executable. */
static int allow_memory(scmp_filter_ctx f)
{
	int r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

	return r ? r
		 : seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

int lz_seal_calls(struct lz_err *err)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r = f ? seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1) : -ENOMEM;

	for (size_t i = 0; !r && i < sizeof(allowed) / sizeof(allowed[0]); i++)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, allowed[i], 0);
	if (!r)
		r = allow_memory(f);
	if (!r)
		r = seccomp_load(f);
	if (f)
		seccomp_release(f);
	errno = -r;
	return r ? lz_fail_errno(err, "confine: seccomp") : 0;
}
