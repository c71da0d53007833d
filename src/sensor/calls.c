/* SPDX-License-Identifier: Apache-2.0 */
#include "calls.h"

#include <stdio.h>
#include <sys/syscall.h>

/* Newer than the headers that this may be built with. */
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
/* Calls that newer machines have only in their *at form. */
#ifndef SYS_open
#define SYS_open    -1
#define SYS_creat   -1
#define SYS_link    -1
#define SYS_unlink  -1
#define SYS_chmod   -1
#define SYS_chown   -1
#define SYS_lchown  -1
#define SYS_mkdir   -1
#define SYS_rmdir   -1
#define SYS_rename  -1
#define SYS_symlink -1
#define SYS_dup2    -1
#define SYS_mknod   -1
#endif

#define PLAIN LZ_CLASS_PLAIN
#define OPEN  LZ_CLASS_OPEN
#define SOCK  LZ_CLASS_SOCKET
#define ACPT  LZ_CLASS_ACCEPT

/*
 * Kinds of arguments: i number, x number in hex, F descriptor, P path, A path below the descriptor
 * before it, S text, O open flags, M mode, U user, G group, N namespaces, R ptrace request, C bpf
 * command, D socket domain, d folder that a path behind it starts from, c path that becomes the working directory, K socket address, H struct open_how, Z struct msghdr, B bytes, L prctl
 * option, T mount flags, '-' nothing that is kept.
 */
const struct lz_call lz_calls[] = {
	/* programs; only failures come this way: success is an event of its own */
	{"execve", SYS_execve, {11}, PLAIN, false, "filename:P"},
	{"execveat", SYS_execveat, {358}, PLAIN, false, "dirfd:d filename:A - - flags:x"},
	/* files */
	{"open", SYS_open, {5}, OPEN, true, "name:P flags:O mode:M"},
	{"openat", SYS_openat, {295}, OPEN, true, "dirfd:d name:A flags:O mode:M"},
	{"openat2", SYS_openat2, {437}, OPEN, true, "dirfd:d name:A how:H"},
	{"creat", SYS_creat, {8}, OPEN, true, "name:P mode:M"},
	{"open_by_handle_at", SYS_open_by_handle_at, {342}, OPEN, true, "mountfd:F - flags:O"},
	{"rename", SYS_rename, {38}, PLAIN, false, "oldpath:P newpath:P"},
	{"renameat",
	 SYS_renameat,
	 {302},
	 PLAIN,
	 false,
	 "olddirfd:d oldpath:A newdirfd:d newpath:A"},
	{"renameat2",
	 SYS_renameat2,
	 {353},
	 PLAIN,
	 false,
	 "olddirfd:d oldpath:A newdirfd:d newpath:A flags:x"},
	{"unlink", SYS_unlink, {10}, PLAIN, false, "path:P"},
	{"unlinkat", SYS_unlinkat, {301}, PLAIN, false, "dirfd:d name:A flags:x"},
	{"rmdir", SYS_rmdir, {40}, PLAIN, false, "path:P"},
	{"mkdir", SYS_mkdir, {39}, PLAIN, false, "path:P mode:M"},
	{"mkdirat", SYS_mkdirat, {296}, PLAIN, false, "dirfd:d path:A mode:M"},
	{"mknod", SYS_mknod, {14}, PLAIN, false, "path:P mode:M dev:x"},
	{"mknodat", SYS_mknodat, {297}, PLAIN, false, "dirfd:d path:A mode:M dev:x"},
	{"link", SYS_link, {9}, PLAIN, false, "oldpath:P newpath:P"},
	{"linkat",
	 SYS_linkat,
	 {303},
	 PLAIN,
	 false,
	 "olddir:d oldpath:A newdir:d newpath:A flags:x"},
	{"symlink", SYS_symlink, {83}, PLAIN, false, "target:S linkpath:P"},
	{"symlinkat", SYS_symlinkat, {304}, PLAIN, false, "target:S linkdirfd:d linkpath:A"},
	{"chmod", SYS_chmod, {15}, PLAIN, false, "filename:P mode:M"},
	{"fchmod", SYS_fchmod, {94}, PLAIN, false, "fd:F mode:M"},
	{"fchmodat", SYS_fchmodat, {306}, PLAIN, false, "dirfd:d filename:A mode:M"},
	{"fchmodat2", SYS_fchmodat2, {452}, PLAIN, false, "dirfd:d filename:A mode:M flags:x"},
	{"chown", SYS_chown, {182, 212}, PLAIN, false, "path:P uid:U gid:G"},
	{"fchown", SYS_fchown, {95, 207}, PLAIN, false, "fd:F uid:U gid:G"},
	{"lchown", SYS_lchown, {16, 198}, PLAIN, false, "path:P uid:U gid:G"},
	{"fchownat", SYS_fchownat, {298}, PLAIN, false, "dirfd:d pathname:A uid:U gid:G flags:x"},
	{"chdir", SYS_chdir, {12}, PLAIN, false, "path:c"},
	{"fchdir", SYS_fchdir, {133}, PLAIN, false, "fd:F"},
	{"chroot", SYS_chroot, {61}, PLAIN, false, "path:P"},
	{"pivot_root", SYS_pivot_root, {217}, PLAIN, false, "new_root:P put_old:P"},
	{"mount", SYS_mount, {21}, PLAIN, false, "dev:S dir:P type:S flags:T"},
	{"umount2", SYS_umount2, {52}, PLAIN, false, "name:P flags:x"},
	{"move_mount", SYS_move_mount, {429}, PLAIN, false, "fromfd:d from:A tofd:d to:A flags:x"},
	{"fsopen", SYS_fsopen, {430}, PLAIN, true, "fstype:S flags:x"},
	{"fsconfig", SYS_fsconfig, {431}, PLAIN, false, "fd:i cmd:i key:S"},
	{"fsmount", SYS_fsmount, {432}, PLAIN, true, "fs_fd:i flags:x attr_flags:x"},
	{"open_tree", SYS_open_tree, {428}, PLAIN, true, "dirfd:d name:A flags:x"},
	{"dup", SYS_dup, {41}, PLAIN, true, "oldfd:i"},
	{"dup2", SYS_dup2, {63}, PLAIN, true, "oldfd:i newfd:i"},
	{"dup3", SYS_dup3, {330}, PLAIN, true, "oldfd:i newfd:i flags:O"},
	{"memfd_create", SYS_memfd_create, {356}, PLAIN, true, "name:S flags:x"},
	/* sockets */
	{"socket", SYS_socket, {359}, PLAIN, true, "domain:D type:i proto:i"},
	{"connect", SYS_connect, {362}, SOCK, false, "fd:F addr:K"},
	{"bind", SYS_bind, {361}, SOCK, false, "fd:F addr:K"},
	{"listen", SYS_listen, {363}, SOCK, false, "fd:F backlog:i"},
	{"accept", SYS_accept, {0}, ACPT, true, "listenfd:i"},
	{"accept4", SYS_accept4, {364}, ACPT, true, "listenfd:i"},
	{"sendto", SYS_sendto, {369}, SOCK, false, "fd:F data:B size:i flags:x addr:K"},
	{"sendmsg", SYS_sendmsg, {370}, SOCK, false, "fd:F msg:Z flags:x"},
	{"recvfrom", SYS_recvfrom, {371}, SOCK, false, "fd:F data:B size:i flags:x addr:K"},
	{"recvmsg", SYS_recvmsg, {372}, SOCK, false, "fd:F msg:Z flags:x"},
	/* who a process is and what it may do */
	{"setuid", SYS_setuid, {23, 213}, PLAIN, false, "uid:U"},
	{"setgid", SYS_setgid, {46, 214}, PLAIN, false, "gid:G"},
	{"setreuid", SYS_setreuid, {70, 203}, PLAIN, false, "ruid:U euid:U"},
	{"setregid", SYS_setregid, {71, 204}, PLAIN, false, "rgid:G egid:G"},
	{"setresuid", SYS_setresuid, {164, 208}, PLAIN, false, "ruid:U euid:U suid:U"},
	{"setresgid", SYS_setresgid, {170, 210}, PLAIN, false, "rgid:G egid:G sgid:G"},
	{"capset", SYS_capset, {185}, PLAIN, false, ""},
	{"setsid", SYS_setsid, {66}, PLAIN, false, ""},
	{"setns", SYS_setns, {346}, PLAIN, false, "fd:F nstype:N"},
	{"unshare", SYS_unshare, {310}, PLAIN, false, "flags:N"},
	{"prctl", SYS_prctl, {172}, PLAIN, false, "option:L arg2:x arg3:x"},
	/* other processes, the kernel */
	{"ptrace", SYS_ptrace, {26}, PLAIN, false, "request:R pid:i addr:x data:x"},
	{"process_vm_readv", SYS_process_vm_readv, {347}, PLAIN, false, "pid:i"},
	{"process_vm_writev", SYS_process_vm_writev, {348}, PLAIN, false, "pid:i"},
	{"pidfd_open", SYS_pidfd_open, {434}, PLAIN, true, "pid:i flags:x"},
	{"pidfd_getfd", SYS_pidfd_getfd, {438}, PLAIN, true, "pid_fd:i target_fd:i flags:x"},
	{"kill", SYS_kill, {37}, PLAIN, false, "pid:i sig:i"},
	{"bpf", SYS_bpf, {357}, PLAIN, false, "cmd:C"},
	{"userfaultfd", SYS_userfaultfd, {374}, PLAIN, true, "flags:O"},
	{"keyctl", SYS_keyctl, {288}, PLAIN, false, "option:i arg2:x arg3:x"},
	{"perf_event_open",
	 SYS_perf_event_open,
	 {336},
	 PLAIN,
	 true,
	 "- pid:i cpu:i group_fd:i flags:x"},
	{"init_module", SYS_init_module, {128}, PLAIN, false, "img:x length:i uargs:S"},
	{"finit_module", SYS_finit_module, {350}, PLAIN, false, "fd:F uargs:S flags:x"},
	{"delete_module", SYS_delete_module, {129}, PLAIN, false, "name:S flags:x"},
	{"kexec_load", SYS_kexec_load, {283}, PLAIN, false, "entry:x nr_segments:i - flags:x"},
	{"kexec_file_load", SYS_kexec_file_load, {0}, PLAIN, false, "kernel_fd:F initrd_fd:i"},
	{"io_uring_setup", SYS_io_uring_setup, {425}, PLAIN, true, "entries:i"},
	{"io_uring_register", SYS_io_uring_register, {427}, PLAIN, false, "fd:i opcode:i"},
};
const size_t lz_call_count = sizeof(lz_calls) / sizeof(lz_calls[0]);
_Static_assert(sizeof(lz_calls) / sizeof(lz_calls[0]) <= LZ_CALL_MAX, "raise LZ_CALL_MAX");

const struct lz_call *lz_call_by_nr(unsigned nr)
{
	static unsigned char row[LZ_CALLS]; /* + 1; the same whoever fills it */

	if (nr >= LZ_CALLS)
		return NULL;
	if (!row[SYS_execve])
		for (size_t i = 0; i < lz_call_count; i++)
			if (lz_calls[i].nr >= 0)
				row[lz_calls[i].nr] = (unsigned char)(i + 1);
	return row[nr] ? &lz_calls[row[nr] - 1] : NULL;
}

size_t lz_call_args(const struct lz_call *c, struct lz_call_arg ret[LZ_EV_ARGS])
{
	struct lz_span rest = lz_str(c->args), word;
	size_t n = 0;

	while (rest.n && n < LZ_EV_ARGS) {
		lz_span_cut(rest, ' ', &word, &rest);
		ret[n++] = word.n > 2 ? (struct lz_call_arg){lz_span_head(word, word.n - 2),
							     word.p[word.n - 1]}
				      : (struct lz_call_arg){LZ_SPAN(""), '-'};
	}
	return n;
}

enum lz_how lz_call_how(char kind)
{
	switch (kind) {
	case '-':
		return LZ_HOW_NONE;
	case 'F':
		return LZ_HOW_FD;
	case 'd':
		return LZ_HOW_DIRFD;
	case 'c':
		return LZ_HOW_CHDIR;
	case 'P':
		return LZ_HOW_PATH;
	case 'A':
		return LZ_HOW_PATH_AT;
	case 'S':
		return LZ_HOW_TEXT;
	case 'K':
		return LZ_HOW_ADDRESS;
	case 'H':
		return LZ_HOW_OPEN_HOW;
	case 'Z':
		return LZ_HOW_MESSAGE;
	case 'B':
		return LZ_HOW_BYTES;
	default:
		return LZ_HOW_NUMBER;
	}
}
