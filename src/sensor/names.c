/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that calls take, as rules write them. */
#include "calls.h"

#include <errno.h>
#include <stdio.h>

struct name {
	uint64_t value;
	const char *text;
};

/* Values as the kernel takes them, whatever the C library makes of the names. */
static const struct name open_flags[] = {
	{01, "O_WRONLY"},
	{02, "O_RDWR"},
	{0100, "O_CREAT"},
	{0200, "O_EXCL"},
	{0400, "O_NOCTTY"},
	{01000, "O_TRUNC"},
	{02000, "O_APPEND"},
	{04000, "O_NONBLOCK"},
	{010000, "O_DSYNC"},
	{040000, "O_DIRECT"},
	{0100000, "O_LARGEFILE"},
	{0200000, "O_DIRECTORY"},
	{0400000, "O_NOFOLLOW"},
	{01000000, "O_NOATIME"},
	{02000000, "O_CLOEXEC"},
	{04000000, "O_SYNC"},
	{010000000, "O_PATH"},
	{020000000, "O_TMPFILE"},
	{0, NULL},
};
static const struct name modes[] = {
	{04000, "S_ISUID"}, {02000, "S_ISGID"}, {01000, "S_ISVTX"}, {0400, "S_IRUSR"},
	{0200, "S_IWUSR"},  {0100, "S_IXUSR"},	{040, "S_IRGRP"},   {020, "S_IWGRP"},
	{010, "S_IXGRP"},   {04, "S_IROTH"},	{02, "S_IWOTH"},    {01, "S_IXOTH"},
	{0, NULL},
};
static const struct name namespaces[] = {
	{0x80, "CLONE_NEWTIME"},      {0x100, "CLONE_VM"},	    {0x200, "CLONE_FS"},
	{0x400, "CLONE_FILES"},	      {0x00020000, "CLONE_NEWNS"},  {0x02000000, "CLONE_NEWCGROUP"},
	{0x04000000, "CLONE_NEWUTS"}, {0x08000000, "CLONE_NEWIPC"}, {0x10000000, "CLONE_NEWUSER"},
	{0x20000000, "CLONE_NEWPID"}, {0x40000000, "CLONE_NEWNET"}, {0, NULL},
};
static const struct name mounts[] = {
	{1, "RDONLY"},	      {2, "NOSUID"},	  {4, "NODEV"},	       {8, "NOEXEC"},
	{16, "SYNCHRONOUS"},  {32, "REMOUNT"},	  {1024, "NOATIME"},   {4096, "BIND"},
	{8192, "MOVE"},	      {16384, "REC"},	  {32768, "SILENT"},   {1 << 17, "UNBINDABLE"},
	{1 << 18, "PRIVATE"}, {1 << 19, "SLAVE"}, {1 << 20, "SHARED"}, {0, NULL},
};
static const struct name ptraces[] = {
	{0, "PTRACE_TRACEME"},		{1, "PTRACE_PEEKTEXT"},	      {2, "PTRACE_PEEKDATA"},
	{3, "PTRACE_PEEKUSR"},		{4, "PTRACE_POKETEXT"},	      {5, "PTRACE_POKEDATA"},
	{6, "PTRACE_POKEUSR"},		{7, "PTRACE_CONT"},	      {8, "PTRACE_KILL"},
	{9, "PTRACE_SINGLESTEP"},	{12, "PTRACE_GETREGS"},	      {13, "PTRACE_SETREGS"},
	{14, "PTRACE_GETFPREGS"},	{15, "PTRACE_SETFPREGS"},     {16, "PTRACE_ATTACH"},
	{17, "PTRACE_DETACH"},		{24, "PTRACE_SYSCALL"},	      {0x4200, "PTRACE_SETOPTIONS"},
	{0x4201, "PTRACE_GETEVENTMSG"}, {0x4204, "PTRACE_GETREGSET"}, {0x4205, "PTRACE_SETREGSET"},
	{0x4206, "PTRACE_SEIZE"},	{0x4207, "PTRACE_INTERRUPT"}, {0, NULL},
};
static const struct name bpfs[] = {
	{0, "BPF_MAP_CREATE"},
	{1, "BPF_MAP_LOOKUP_ELEM"},
	{2, "BPF_MAP_UPDATE_ELEM"},
	{3, "BPF_MAP_DELETE_ELEM"},
	{4, "BPF_MAP_GET_NEXT_KEY"},
	{5, "BPF_PROG_LOAD"},
	{6, "BPF_OBJ_PIN"},
	{7, "BPF_OBJ_GET"},
	{8, "BPF_PROG_ATTACH"},
	{9, "BPF_PROG_DETACH"},
	{10, "BPF_PROG_TEST_RUN"},
	{17, "BPF_RAW_TRACEPOINT_OPEN"},
	{18, "BPF_BTF_LOAD"},
	{28, "BPF_LINK_CREATE"},
	{29, "BPF_LINK_UPDATE"},
	{34, "BPF_LINK_DETACH"},
	{0, NULL},
};
static const struct name domains[] = {
	{0, "AF_UNSPEC"},   {1, "AF_UNIX"},    {2, "AF_INET"}, {10, "AF_INET6"},     {15, "AF_KEY"},
	{16, "AF_NETLINK"}, {17, "AF_PACKET"}, {29, "AF_CAN"}, {31, "AF_BLUETOOTH"}, {38, "AF_ALG"},
	{40, "AF_VSOCK"},   {44, "AF_XDP"},    {0, NULL},
};
static const struct name prctls[] = {
	{1, "PR_SET_PDEATHSIG"},
	{4, "PR_SET_DUMPABLE"},
	{15, "PR_SET_NAME"},
	{22, "PR_SET_SECCOMP"},
	{23, "PR_CAPBSET_READ"},
	{24, "PR_CAPBSET_DROP"},
	{36, "PR_SET_CHILD_SUBREAPER"},
	{38, "PR_SET_NO_NEW_PRIVS"},
	{47, "PR_CAP_AMBIENT"},
	{35, "PR_SET_MM"},
	{0, NULL},
};

static size_t add(char *buf, size_t size, size_t at, const char *text)
{
	int n = at < size ? snprintf(buf + at, size - at, "%s%s", at ? "|" : "", text) : 0;

	return n > 0 && at + (size_t)n < size ? at + (size_t)n : at;
}

static size_t bits(const struct name *names, uint64_t v, char *buf, size_t size)
{
	size_t n = 0;

	for (; names->text; names++)
		if ((v & names->value) == names->value)
			n = add(buf, size, n, names->text);
	return n ? n : add(buf, size, 0, "0");
}

static size_t one(const struct name *names, uint64_t v, char *buf, size_t size)
{
	for (; names->text; names++)
		if (names->value == v)
			return add(buf, size, 0, names->text);
	return 0;
}

/* What mknod is asked to make; a plain file is not worth a word. */
static const char *kind_of_mode(uint64_t v)
{
	switch (v & 0170000) {
	case 060000:
		return "S_IFBLK";
	case 020000:
		return "S_IFCHR";
	case 010000:
		return "S_IFIFO";
	case 0140000:
		return "S_IFSOCK";
	default:
		return NULL;
	}
}

size_t lz_call_show(char kind, uint64_t v, char *buf, size_t size)
{
	size_t n = 0;

	switch (kind) {
	case 'O':
		if (!(v & 3))
			n = add(buf, size, 0, "O_RDONLY");
		for (const struct name *f = open_flags; f->text; f++)
			if (f->value < 3 ? (v & 3) == f->value : (v & f->value) == f->value)
				n = add(buf, size, n, f->text);
		return n;
	case 'M':
		n = (v & 07777) || !kind_of_mode(v) ? bits(modes, v, buf, size) : 0;
		return kind_of_mode(v) ? add(buf, size, n, kind_of_mode(v)) : n;
	case 'N':
		return bits(namespaces, v, buf, size);
	case 'T':
		return bits(mounts, v & 0xffffffff, buf, size);
	case 'R':
		return one(ptraces, v, buf, size);
	case 'C':
		return one(bpfs, v, buf, size);
	case 'D':
		return one(domains, v, buf, size);
	case 'L':
		return one(prctls, v, buf, size);
	default:
		return 0;
	}
}

const char *lz_errno_name(int number)
{
	return strerrorname_np(number);
}
