/* SPDX-License-Identifier: Apache-2.0 */
/* Acts on files. */
#include "act.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* r w: read, write, both; c creates, t truncates, a appends, d a folder. */
static int flags_of(const char *letters)
{
	int r = !!strchr(letters, 'r'), w = !!strchr(letters, 'w');

	return (r && w ? O_RDWR
		: w    ? O_WRONLY
		       : O_RDONLY) |
	       (strchr(letters, 'c') ? O_CREAT : 0) | (strchr(letters, 't') ? O_TRUNC : 0) |
	       (strchr(letters, 'a') ? O_APPEND : 0) | (strchr(letters, 'd') ? O_DIRECTORY : 0) |
	       O_CLOEXEC;
}

static mode_t mode_of(const char *octal)
{
	return (mode_t)strtoul(octal, NULL, 8);
}

static int closed(int fd, const char *what)
{
	if (fd >= 0)
		close(fd);
	return act_done(fd, what);
}

static int act_open(int argc, char **argv)
{
	return closed(open(argv[2], flags_of(argv[1]), 0644), argv[2]);
}

#ifdef SYS_open
/* Old calls, which C libraries no longer make, and new machines no longer have. */
static int act_open_old(int argc, char **argv)
{
	return closed((int)syscall(SYS_open, argv[2], flags_of(argv[1]), 0644), argv[2]);
}

static int act_creat(int argc, char **argv)
{
	umask(0);
	return closed((int)syscall(SYS_creat, argv[2], mode_of(argv[1])), argv[2]);
}

static int act_unlink(int argc, char **argv)
{
	return act_done(syscall(SYS_unlink, argv[1]), argv[1]);
}
#endif

static int act_openat2(int argc, char **argv)
{
	int flags = flags_of(argv[1]);
	struct open_how how = {.flags = (unsigned)flags, .mode = flags & O_CREAT ? 0644 : 0};

	return closed((int)syscall(SYS_openat2, AT_FDCWD, argv[2], &how, sizeof(how)), argv[2]);
}

#ifdef __x86_64__
/* By the entry that 32-bit programs use; addresses of this static program fit. */
static long old_entry(long nr, long a, long b, long c, long d)
{
	long ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d)
			 : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

static int act_open_32(int argc, char **argv)
{
	static char path[4096];
	long ret;

	snprintf(path, sizeof(path), "%s", argv[2]);
	ret = old_entry(295 /* openat */, AT_FDCWD, (long)path, flags_of(argv[1]), 0644);
	errno = (int)-ret;
	return closed(ret < 0 ? -1 : (int)ret, argv[2]);
}
#endif

/* Below a folder that is open, by a path that alone says little. */
static int act_open_below(int argc, char **argv)
{
	int dir = open(argv[2], O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return act_failed(argv[2]);
	return closed(openat(dir, argv[3], flags_of(argv[1]), 0644), argv[3]);
}

/* Reads what has to be missing or closed to us. */
static int act_open_fails(int argc, char **argv)
{
	int fd = open(argv[2], flags_of(argv[1]), 0644);

	if (fd < 0)
		return 0;
	errno = 0;
	return closed(-1, "it could be opened");
}

static int act_create(int argc, char **argv)
{
	umask(0);
	return closed(open(argv[2], O_WRONLY | O_CREAT | O_CLOEXEC, mode_of(argv[1])), argv[2]);
}

/* Opens a file once more through the link that /proc has of it. */
static int act_reopen(int argc, char **argv)
{
	char path[64];
	int fd = open(argv[2], O_RDWR | O_CREAT, 0644);

	if (fd < 0)
		return act_failed(argv[2]);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return closed(open(path, flags_of(argv[1]) | O_CLOEXEC), path);
}

static int act_copy(int argc, char **argv)
{
	int from = open(argv[1], O_RDONLY | O_CLOEXEC);
	int to = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	char buf[65536];
	ssize_t n;

	if (from < 0 || to < 0)
		return act_failed(argv[2]);
	while ((n = read(from, buf, sizeof(buf))) > 0)
		if (write(to, buf, (size_t)n) != n)
			return act_failed(argv[2]);
	return act_done(n, argv[1]);
}

static int act_link(int argc, char **argv)
{
	return act_done(link(argv[1], argv[2]), argv[2]);
}

static int act_symlink(int argc, char **argv)
{
	return act_done(symlink(argv[1], argv[2]), argv[2]);
}

static int act_linkat(int argc, char **argv)
{
	return act_done(linkat(AT_FDCWD, argv[1], AT_FDCWD, argv[2], 0), argv[2]);
}

static int act_symlinkat(int argc, char **argv)
{
	return act_done(symlinkat(argv[1], AT_FDCWD, argv[2]), argv[2]);
}

static int act_rename(int argc, char **argv)
{
	return act_done(rename(argv[1], argv[2]), argv[2]);
}

static int act_renameat2(int argc, char **argv)
{
	return act_done(syscall(SYS_renameat2, AT_FDCWD, argv[1], AT_FDCWD, argv[2], 0), argv[2]);
}

static int act_unlinkat(int argc, char **argv)
{
	return act_done(unlinkat(AT_FDCWD, argv[1], 0), argv[1]);
}

static int act_unlink_below(int argc, char **argv)
{
	int dir = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);

	return act_done(dir < 0 ? dir : unlinkat(dir, argv[2], 0), argv[2]);
}

static int act_rename_below(int argc, char **argv)
{
	int dir = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);

	return act_done(dir < 0 ? dir : renameat(dir, argv[2], dir, argv[3]), argv[2]);
}

static int act_mkdir_below(int argc, char **argv)
{
	int dir = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);

	return act_done(dir < 0 ? dir : mkdirat(dir, argv[2], 0755), argv[2]);
}

static int act_rmdir(int argc, char **argv)
{
	return act_done(rmdir(argv[1]), argv[1]);
}

static int act_mkdir(int argc, char **argv)
{
	return act_done(mkdir(argv[1], 0755), argv[1]);
}

static int act_mkdirat(int argc, char **argv)
{
	return act_done(mkdirat(AT_FDCWD, argv[1], 0755), argv[1]);
}

static int act_chmod(int argc, char **argv)
{
	return act_done(chmod(argv[2], mode_of(argv[1])), argv[2]);
}

static int act_fchmod(int argc, char **argv)
{
	int fd = open(argv[2], O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return act_failed(argv[2]);
	return act_done(fchmod(fd, mode_of(argv[1])), argv[2]);
}

static int act_fchmodat(int argc, char **argv)
{
	return act_done(fchmodat(AT_FDCWD, argv[2], mode_of(argv[1]), 0), argv[2]);
}

const struct act acts_files[] = {
	{"open", 2, act_open, "[rwctad] FILE"},
#ifdef SYS_open
	{"open-old", 2, act_open_old, "[rwctad] FILE"},
	{"creat", 2, act_creat, "MODE FILE"},
	{"unlink", 1, act_unlink, "FILE"},
#endif
#ifdef __x86_64__
	{"open-32", 2, act_open_32, "[rwctad] FILE"},
#endif
	{"open-2", 2, act_openat2, "[rwctad] FILE"},
	{"open-below", 3, act_open_below, "[rwcta] FOLDER FILE"},
	{"open-fails", 2, act_open_fails, "[rwcta] FILE"},
	{"create", 2, act_create, "MODE FILE"},
	{"reopen", 2, act_reopen, "[rw] FILE"},
	{"copy", 2, act_copy, "FROM TO"},
	{"link", 2, act_link, "FILE LINK"},
	{"symlink", 2, act_symlink, "TARGET LINK"},
	{"linkat", 2, act_linkat, "FILE LINK"},
	{"symlinkat", 2, act_symlinkat, "TARGET LINK"},
	{"unlink-below", 2, act_unlink_below, "FOLDER FILE"},
	{"rename-below", 3, act_rename_below, "FOLDER FROM TO"},
	{"mkdir-below", 2, act_mkdir_below, "FOLDER NAME"},
	{"rename", 2, act_rename, "FROM TO"},
	{"renameat2", 2, act_renameat2, "FROM TO"},
	{"unlinkat", 1, act_unlinkat, "FILE"},
	{"rmdir", 1, act_rmdir, "FOLDER"},
	{"mkdir", 1, act_mkdir, "FOLDER"},
	{"mkdirat", 1, act_mkdirat, "FOLDER"},
	{"chmod", 2, act_chmod, "MODE FILE"},
	{"fchmod", 2, act_fchmod, "MODE FILE"},
	{"fchmodat", 2, act_fchmodat, "MODE FILE"},
	{NULL, 0, NULL, NULL},
};
