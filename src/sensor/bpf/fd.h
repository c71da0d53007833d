/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a descriptor is: the file, its path; of a socket, its two ends. */
#include "path.h"

#define S_IFMT_	      0170000
#define S_IFSOCK_     0140000
#define OVERLAY_MAGIC 0x794c7630
#define AF_UNIX_      1
#define AF_INET_      2
#define AF_INET6_     10

static __always_inline u64 file_of_fd(u32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *table = task->files->fdt;
	struct file *file = 0;

	if (fd >= table->max_fds)
		return 0;
	bpf_probe_read_kernel(&file, sizeof(file), table->fd + fd);
	return (u64)file;
}

static __always_inline void file_times(struct inode *inode, struct lz_ev_file *f)
{
	struct inode___6_11 *late = (void *)inode;
	struct inode___6_7 *middle = (void *)inode;
	struct inode___6_6 *early = (void *)inode;

	if (bpf_core_field_exists(late->i_ctime_sec)) {
		f->ctime_s = BPF_CORE_READ(late, i_ctime_sec);
		f->ctime_ns = BPF_CORE_READ(late, i_ctime_nsec);
		f->mtime_s = BPF_CORE_READ(late, i_mtime_sec);
		f->mtime_ns = BPF_CORE_READ(late, i_mtime_nsec);
	} else if (bpf_core_field_exists(middle->__i_mtime)) {
		f->ctime_s = BPF_CORE_READ(middle, __i_ctime.tv_sec);
		f->ctime_ns = BPF_CORE_READ(middle, __i_ctime.tv_nsec);
		f->mtime_s = BPF_CORE_READ(middle, __i_mtime.tv_sec);
		f->mtime_ns = BPF_CORE_READ(middle, __i_mtime.tv_nsec);
	} else if (bpf_core_field_exists(early->__i_ctime)) {
		f->ctime_s = BPF_CORE_READ(early, __i_ctime.tv_sec);
		f->ctime_ns = BPF_CORE_READ(early, __i_ctime.tv_nsec);
		f->mtime_s = BPF_CORE_READ(early, i_mtime.tv_sec);
		f->mtime_ns = BPF_CORE_READ(early, i_mtime.tv_nsec);
	} else {
		f->ctime_s = BPF_CORE_READ(inode, i_ctime.tv_sec);
		f->ctime_ns = BPF_CORE_READ(inode, i_ctime.tv_nsec);
		f->mtime_s = BPF_CORE_READ(inode, i_mtime.tv_sec);
		f->mtime_ns = BPF_CORE_READ(inode, i_mtime.tv_nsec);
	}
}

/* Overlay keeps the upper layer's entry right behind the inode that the world sees. */
static __always_inline u32 overlay_flags(struct inode *inode, u32 magic)
{
	void *upper = 0;

	if (magic != OVERLAY_MAGIC)
		return 0;
	bpf_probe_read_kernel(&upper, sizeof(upper),
			      (char *)inode + bpf_core_type_size(struct inode));
	return LZ_FILE_OVERLAY | (upper ? LZ_FILE_UPPER : 0);
}

static __always_inline u32 put_file(struct out *o, u16 id, struct file *file, u32 number)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct lz_ev_file f = {};
	u32 mode = BPF_CORE_READ(file, f_mode);
	struct super_block *super;

	READ_BLOCK(o, struct inode, inode);
	f.inode = IN_BLOCK(o, struct inode, i_ino);
	f.mode = IN_BLOCK(o, struct inode, i_mode);
	f.links = IN_BLOCK(o, struct inode, i_nlink);
	f.uid = IN_BLOCK(o, struct inode, i_uid.val);
	f.gid = IN_BLOCK(o, struct inode, i_gid.val);
	super = IN_BLOCK(o, struct inode, i_sb);
	f.device = BPF_CORE_READ(super, s_dev);
	f.magic = BPF_CORE_READ(super, s_magic);
	f.number = number;
	file_times(inode, &f);
	f.flags = overlay_flags(inode, f.magic) | (mode & 1 ? LZ_FILE_READ : 0) |
		  (mode & 2 ? LZ_FILE_WRITE : 0) | (mode & 0x100000 ? LZ_FILE_CREATED : 0);
	put_bytes(o, id, &f, sizeof(f));
	return f.mode;
}

static __always_inline void read_socket(struct sock *sk, struct lz_ev_socket *s)
{
	s->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	s->type = BPF_CORE_READ(sk, sk_type);
	s->protocol = BPF_CORE_READ(sk, sk_protocol);
	s->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (s->family != AF_INET_ && s->family != AF_INET6_)
		return;
	s->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	s->remote_port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (s->family == AF_INET_) {
		u32 local = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		u32 remote = BPF_CORE_READ(sk, __sk_common.skc_daddr);
		__builtin_memcpy(s->local, &local, 4);
		__builtin_memcpy(s->remote, &remote, 4);
	} else {
		bpf_core_read(s->local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_core_read(s->remote, 16, &sk->__sk_common.skc_v6_daddr);
	}
}

/* The name that it, or else its peer, is bound to: an abstract one begins with NUL. */
static __always_inline void put_unix_name(struct out *o, u16 id, struct sock *sk)
{
	struct unix_sock *u = (struct unix_sock *)sk;
	struct unix_address *a = 0;
	struct sock *peer = BPF_CORE_READ(u, peer);
	char *at = part_room(o, 128);
	u32 n;

	if (peer)
		a = BPF_CORE_READ((struct unix_sock *)peer, addr);
	if (!a)
		a = BPF_CORE_READ(u, addr);
	if (!a || !at)
		return;
	n = BPF_CORE_READ(a, len);
	if (n < 3 || n > 110)
		return;
	n = (n - 2) & 127;
	if (!bpf_probe_read_kernel(at + sizeof(struct lz_ev_part), n,
				   (char *)a + bpf_core_field_offset(struct unix_address, name) +
					   2))
		part_end(o, at, id, n);
}

static __always_inline struct sock *sock_of(struct file *file)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);

	return BPF_CORE_READ(socket, sk);
}

/* Descriptor `fd` as four parts: base + 0 its file, and so on as event.h lists them. */
__noinline int put_fd(struct out *o, u32 which, u32 fd)
{
	struct file *file;
	u32 mode;

	if (!o)
		return 0;
	which &= 7;
	file = (struct file *)file_of_fd(fd);
	if (!file)
		return 0;
	mode = put_file(o, LZ_PART_FILE + which, file, fd);
	if ((mode & S_IFMT_) == S_IFSOCK_) {
		struct lz_ev_socket s = {};
		struct sock *sk = sock_of(file);
		read_socket(sk, &s);
		put_bytes(o, LZ_PART_SOCKET + which, &s, sizeof(s));
		if (s.family == AF_UNIX_)
			put_unix_name(o, LZ_PART_UNIX + which, sk);
		return 0;
	}
	put_path(o, LZ_PART_PATH + which, (u64)BPF_CORE_READ(file, f_path.mnt),
		 (u64)BPF_CORE_READ(file, f_path.dentry));
	return 0;
}

__noinline int put_cwd(struct out *o)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (!o)
		return 0;
	put_path(o, LZ_PART_CWD, (u64)BPF_CORE_READ(task, fs, pwd.mnt),
		 (u64)BPF_CORE_READ(task, fs, pwd.dentry));
	return 0;
}
