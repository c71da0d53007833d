/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The parts of kernel structures that the programs read, and nothing else. Offsets are those of
 * the kernel that loads them: libbpf moves each access by its BTF.
 */
#include <stdbool.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed int s32;
typedef long long s64;
typedef u8 __u8;
typedef u16 __u16;
typedef u32 __u32;
typedef u64 __u64;
typedef s32 __s32;
typedef s64 __s64;
typedef u16 __be16;
typedef u32 __be32;
typedef u32 __wsum;

enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
	BPF_MAP_TYPE_PERCPU_HASH = 5,
};
enum { BPF_ANY = 0, BPF_F_NO_PREALLOC = 1 };
enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2 };
enum { BPF_RB_AVAIL_DATA = 0, BPF_RB_RING_SIZE = 1 };
enum { BPF_LOCAL_STORAGE_GET_F_CREATE = 1 };
enum { BPF_F_CURRENT_CPU_MASK = 0 };

#define KERNEL __attribute__((preserve_access_index))

struct pt_regs { /* x86-64 */
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax;
	unsigned long ip, cs, flags, sp, ss;
} KERNEL;

typedef struct {
	int counter;
} atomic_t;
typedef struct {
	u32 val;
} kuid_t;
typedef struct {
	u32 val;
} kgid_t;

struct ns_common {
	unsigned int inum;
} KERNEL;
struct pid_namespace {
	struct ns_common ns;
	struct task_struct *child_reaper;
} KERNEL;
struct mnt_namespace {
	struct ns_common ns;
} KERNEL;
struct net {
	struct ns_common ns;
} KERNEL;
struct nsproxy {
	struct mnt_namespace *mnt_ns;
	struct net *net_ns;
} KERNEL;
struct upid {
	int nr;
	struct pid_namespace *ns;
} KERNEL;
struct pid {
	unsigned int level;
	struct upid numbers[1];
} KERNEL;

struct tty_driver {
	int major, minor_start;
} KERNEL;
struct tty_struct {
	int index;
	struct tty_driver *driver;
} KERNEL;
enum pid_type { PIDTYPE_PID, PIDTYPE_TGID, PIDTYPE_PGID, PIDTYPE_SID };
struct signal_struct {
	atomic_t live;
	int nr_threads;
	struct pid *pids[4];
	struct tty_struct *tty;
} KERNEL;

struct kernfs_node {
	u64 id;
} KERNEL;
struct cgroup_root {
	int hierarchy_id;
} KERNEL;
struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
} KERNEL;
struct cgroup_subsys_state {
	struct cgroup *cgroup;
} KERNEL;
enum cgroup_subsys_id { pids_cgrp_id = 11 };
struct css_set {
	struct cgroup_subsys_state *subsys[14];
	struct cgroup *dfl_cgrp;
} KERNEL;

struct cred {
	kuid_t uid, euid;
	kgid_t gid, egid;
	/* two words up to 6.2, one of 64 bits since: 8 bytes at an address either way */
	struct kernel_caps {
		u64 bits;
	} cap_inheritable, cap_permitted, cap_effective;
} KERNEL;

struct super_block {
	u32 s_dev;
	unsigned long s_magic;
} KERNEL;
struct timespec64 {
	s64 tv_sec;
	long tv_nsec;
} KERNEL;
struct inode {
	u16 i_mode;
	kuid_t i_uid;
	kgid_t i_gid;
	struct super_block *i_sb;
	unsigned long i_ino;
	unsigned int i_nlink;
	/* up to 6.5; 6.6: __i_ctime; from 6.11: seconds and nanoseconds apart */
	struct timespec64 i_ctime, i_mtime;
} KERNEL;
struct inode___6_6 {
	struct timespec64 __i_ctime, i_mtime;
} KERNEL;
struct inode___6_7 {
	struct timespec64 __i_ctime, __i_mtime;
} KERNEL;
struct inode___6_11 {
	s64 i_ctime_sec, i_mtime_sec;
	u32 i_ctime_nsec, i_mtime_nsec;
} KERNEL;
struct qstr {
	u32 hash, len;
	const unsigned char *name;
} KERNEL;
struct hlist_bl_node {
	struct hlist_bl_node *next, **pprev;
} KERNEL;
struct dentry {
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
} KERNEL;
struct vfsmount {
	struct dentry *mnt_root;
} KERNEL;
struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	int mnt_id;
} KERNEL;
struct mount___6_8 {
	u64 mnt_id_unique; /* never given out again */
} KERNEL;
struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
} KERNEL;
struct file {
	unsigned int f_mode, f_flags;
	struct path f_path;
	struct inode *f_inode;
	void *private_data;
} KERNEL;
struct fdtable {
	unsigned int max_fds;
	struct file **fd;
} KERNEL;
struct files_struct {
	struct fdtable *fdt;
} KERNEL;
struct fs_struct {
	struct path root, pwd;
} KERNEL;
struct mm_struct {
	unsigned long arg_start, arg_end, env_start, env_end;
	struct file *exe_file;
} KERNEL;
struct thread_info {
	u32 status;
} KERNEL;
struct task_struct {
	struct thread_info thread_info;
	int pid, tgid;
	struct task_struct *real_parent, *group_leader;
	u64 start_boottime;
	char comm[16];
	const struct cred *real_cred, *cred;
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct mm_struct *mm;
	struct css_set *cgroups;
	struct pid *thread_pid;
	kuid_t loginuid;
	u64 self_exec_id;
	int exit_code;
} KERNEL;
struct linux_binprm {
	const char *filename;
	struct file *file;
} KERNEL;

struct in6_addr {
	u8 bytes[16];
};
struct sock_common {
	__be32 skc_daddr, skc_rcv_saddr;
	__be16 skc_dport;
	u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
} KERNEL;
struct sock {
	struct sock_common __sk_common;
	u16 sk_type, sk_protocol;
} KERNEL;
struct tcp_sock {
	u64 bytes_acked, bytes_received;
} KERNEL;
struct socket {
	short type;
	struct sock *sk;
} KERNEL;
struct sockaddr_un {
	unsigned short sun_family;
	char sun_path[108];
} KERNEL;
struct unix_address {
	int len;
	struct sockaddr_un name[1];
} KERNEL;
struct unix_sock {
	struct unix_address *addr;
	struct sock *peer;
} KERNEL;

struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
} KERNEL;
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} KERNEL;

struct io_kiocb {
	u8 opcode;
} KERNEL;

/* What programs on control groups are given: part of the kernel's interface, so never moved. */
struct bpf_sock_addr {
	u32 user_family, user_ip4, user_ip6[4], user_port, family, type, protocol, msg_src_ip4,
		msg_src_ip6[4];
	union {
		struct bpf_sock *sk;
		u64 sk_bits;
	};
};
struct __sk_buff {
	u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto,
		priority, ingress_ifindex, ifindex, tc_index, cb[5], hash, tc_classid, data,
		data_end, napi_id, family;
	u32 remote_ip4, local_ip4, remote_ip6[4], local_ip6[4], remote_port, local_port;
};
struct user_namespace;
