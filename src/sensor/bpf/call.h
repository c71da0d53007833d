/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * System calls, when they return. One body for all of them: a row of the table says how each
 * argument is taken. It runs under fexit programs on the calls that rules ask about, where the
 * kernel has those, else under one program on sys_exit.
 */
#include "fd.h"

#define TS_COMPAT_	0x0002
#define EINPROGRESS_	115
#define AT_FDCWD_	(-100)
#define SNAP_BYTES	256

/* 1 TCP, 2 other IP, 3 Unix, 0 anything else. */
static __always_inline u32 socket_class(u32 fd)
{
	struct file *file = (struct file *)file_of_fd(fd);
	struct sock *sk;
	u16 family;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT_) != S_IFSOCK_)
		return 0;
	sk = sock_of(file);
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family == AF_UNIX_)
		return 3;
	if (family != AF_INET_ && family != AF_INET6_)
		return 0;
	return BPF_CORE_READ(sk, sk_protocol) == 6 ? 1 : 2;
}

/* Whether the file that was opened is one that no rule asks about. */
static __always_inline bool passed_over(struct out *o, struct file *file, u32 nr, u32 class)
{
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	u32 *age;

	o->key.inode = BPF_CORE_READ(inode, i_ino);
	o->key.device = BPF_CORE_READ(inode, i_sb, s_dev);
	o->key.parent = BPF_CORE_READ(dentry, d_parent, d_inode, i_ino);
	o->key.name_hash = BPF_CORE_READ(dentry, d_name.hash);
	o->key.nr = nr;
	o->key.class = class;
	age = bpf_map_lookup_elem(&discarded, &o->key);
	return age && *age == discard_age;
}

/* A container that makes more events than its share is cut off until the next second's. */
static __always_inline bool throttled(struct out *o, struct lz_cgroup_state *s)
{
	u64 now = o->ev.time_ns, rate = set_tokens_per_s;
	u64 passed = now - s->filled_ns;

	if (passed > 1000000000) {
		s->filled_ns = now;
		s->tokens = rate;
		if (s->throttled) {
			s->throttled = 0;
			return false;
		}
	}
	if (s->tokens) {
		s->tokens--;
		return false;
	}
	s->throttled = 1;
	__sync_fetch_and_add(&s->dropped, 1);
	return true;
}

__noinline int put_arg(struct out *o, u32 i, u32 how)
{
	u64 v;

	if (!o || i >= LZ_EV_ARGS)
		return 0;
	v = o->args[i];
	if (how == LZ_HOW_NUMBER || how == LZ_HOW_FD) {
		put_number(o, LZ_PART_ARG + i, v);
	} else if (how == LZ_HOW_PATH || how == LZ_HOW_PATH_AT || how == LZ_HOW_TEXT) {
		put_user_text(o, LZ_PART_ARG + i, v);
	} else if (how == LZ_HOW_OPEN_HOW) {
		put_user_bytes(o, LZ_PART_ARG + i, v, 24);
	} else if (how == LZ_HOW_ADDRESS) {
		if (v && i + 1 < LZ_EV_ARGS)
			put_user_bytes(o, LZ_PART_ADDRESS, v,
				       o->args[i + 1] > 128 ? 128 : o->args[i + 1] & 255);
	} else if (how == LZ_HOW_BYTES) {
		if (o->ev.ret > 0)
			put_user_bytes(o, LZ_PART_BYTES, v,
				       o->ev.ret > SNAP_BYTES ? SNAP_BYTES : o->ev.ret & 511);
	} else if (how == LZ_HOW_MESSAGE) {
		struct {
			u64 name;
			u32 name_bytes, pad;
			u64 vectors, count;
		} m = {};
		struct {
			u64 base, bytes;
		} vector = {};
		if (bpf_probe_read_user(&m, sizeof(m), (void *)v))
			return 0;
		if (m.name)
			put_user_bytes(o, LZ_PART_ADDRESS, m.name,
				       m.name_bytes > 128 ? 128 : m.name_bytes & 255);
		if (o->ev.ret > 0 && m.count &&
		    !bpf_probe_read_user(&vector, sizeof(vector), (void *)m.vectors))
			put_user_bytes(o, LZ_PART_BYTES, vector.base,
				       vector.bytes > SNAP_BYTES ? SNAP_BYTES : vector.bytes & 511);
	}
	return 0;
}

/* Whether one of the paths is relative to the working directory. */
static __always_inline bool from_cwd(struct out *o, u32 i, u32 how)
{
	char first = 0;

	if (how == LZ_HOW_PATH_AT && i > 0 && (s32)o->args[i - 1] != AT_FDCWD_)
		return false;
	bpf_probe_read_user(&first, 1, (void *)o->args[i]);
	return first != '/';
}

__noinline int put_call(struct out *o, u32 nr)
{
	bool cwd = false;

	if (!o || nr >= LZ_CALLS)
		return 0;
	for (u32 i = 0; i < LZ_EV_ARGS; i++) {
		u32 how = calls[nr].how[i];
		if (how == LZ_HOW_NONE)
			continue;
		put_arg(o, i, how);
		if (how == LZ_HOW_FD && (s32)o->args[i] >= 0)
			put_fd(o, i, o->args[i]);
		else if (how == LZ_HOW_PATH || how == LZ_HOW_PATH_AT)
			cwd |= from_cwd(o, i, how);
	}
	if (calls[nr].ret_fd && o->ev.ret >= 0)
		put_fd(o, LZ_PART_RET_FILE - LZ_PART_FILE, o->ev.ret);
	if (cwd)
		put_cwd(o);
	return 0;
}

/* Whether events of this class are wanted; *ret_class is what remains to be asked about files. */
static __always_inline bool wanted(struct out *o, u32 nr)
{
	const volatile struct lz_call_row *row = &calls[nr];
	struct lz_cgroup_state *group = bpf_map_lookup_elem(&cgroups, &o->ev.cgroup);
	bool failed = o->ev.ret < 0 && o->ev.ret != -EINPROGRESS_;
	u32 class = failed ? LZ_CLASS_FAILED : 0, mask;
	struct file *file = 0;

	if (row->class == LZ_CLASS_OPEN && !failed) {
		file = (struct file *)file_of_fd(o->ev.ret);
		if (file && BPF_CORE_READ(file, f_mode) & 2)
			class |= LZ_CLASS_WHAT(1);
	} else if (row->class == LZ_CLASS_SOCKET) {
		class |= LZ_CLASS_WHAT(socket_class(o->args[0]));
	} else if (row->class == LZ_CLASS_ACCEPT && !failed) {
		class |= LZ_CLASS_WHAT(socket_class(o->ev.ret));
	}
	/* A group that is not known yet may be either. */
	mask = group ? 1 << (group->known == 2 ? class | LZ_CLASS_CONTAINER : class)
		     : 1 << class | 1 << (class | LZ_CLASS_CONTAINER);
	if (!(row->wanted & mask)) {
		count(LZ_COUNT_CLASS);
		return false;
	}
	if (group && group->known == 2)
		class |= LZ_CLASS_CONTAINER;
	if (set_discard && row->discard && file && group && passed_over(o, file, nr, class)) {
		count(LZ_COUNT_DISCARDED);
		return false;
	}
	if (set_tokens_per_s && group && group->known == 2 && throttled(o, group)) {
		count(LZ_COUNT_THROTTLED);
		return false;
	}
	return true;
}

static __always_inline int on_call(struct out *o, u32 nr, long ret)
{
	o->ev.nr = nr;
	o->ev.ret = ret;
	count(LZ_COUNT_SEEN);
	if (!wanted(o, nr)) {
		drop(o);
		return 0;
	}
	put_call(o, nr);
	finish(o);
	return 0;
}

/* Programs that the call itself started are events of their own (process.h). */
static __always_inline bool is_own(void)
{
	return bpf_get_current_pid_tgid() >> 32 == set_own_pid;
}

static __always_inline void native_args(struct out *o, struct pt_regs *regs)
{
	o->args[0] = regs->di;
	o->args[1] = regs->si;
	o->args[2] = regs->dx;
	o->args[3] = regs->r10;
	o->args[4] = regs->r8;
	o->args[5] = regs->r9;
}

static __always_inline void compat_args(struct out *o, struct pt_regs *regs)
{
	o->args[0] = (u32)regs->bx;
	o->args[1] = (u32)regs->cx;
	o->args[2] = (u32)regs->dx;
	o->args[3] = (u32)regs->si;
	o->args[4] = (u32)regs->di;
	o->args[5] = (u32)regs->bp;
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(any_call, struct pt_regs *regs, long ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 nr = regs->orig_ax & ~0x40000000UL; /* x32 calls carry this bit */
	bool compat = task->thread_info.status & TS_COMPAT_;
	struct out *o;

	if (nr >= LZ_CALLS)
		return 0;
	if (compat) {
		nr = compat_calls[nr];
		if (!nr || --nr >= LZ_CALLS)
			return 0;
	}
	if (!(calls_wanted[nr / 64] >> (nr % 64) & 1))
		return 0;
	if (is_own() || (calls[nr].class == LZ_CLASS_PLAIN && !calls[nr].wanted))
		return 0;
	o = begin(LZ_EV_CALL);
	if (!o)
		return 0;
	if (compat) {
		compat_args(o, regs);
		o->ev.flags |= LZ_EVF_COMPAT;
	} else {
		native_args(o, regs);
	}
	return on_call(o, nr, ret);
}
