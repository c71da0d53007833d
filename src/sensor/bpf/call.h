/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * System calls, when they return. One body for all of them: a row of the table says how each
 * argument is taken. It runs under fexit programs on the calls that rules ask about, where the
 * kernel has those, else under one program on sys_exit.
 */
#include "net.h"

#define TS_COMPAT_   0x0002
#define EINPROGRESS_ 115
#define SNAP_BYTES   256

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

/* Whether a path of the process may have ".." in it: eight bytes at a time, with the first of the
 * next. Long paths may. The record's tail, still empty, holds the text. */
#define DOTS_MAX 129
static __always_inline bool may_have_dots(struct out *o, u64 user)
{
	const u64 dots = 0x2e2e2e2e2e2e2e2eULL, ones = 0x0101010101010101ULL;
	u64 *text = (u64 *)o->tail;
	long n;

	__builtin_memset(text, 0, DOTS_MAX + 15); /* what older records left */
	n = bpf_probe_read_user_str(text, DOTS_MAX, (void *)user);
	if (n <= 0 || n >= DOTS_MAX)
		return true;
	for (u32 i = 0; i < DOTS_MAX / 8; i++) {
		u64 here = text[i] ^ dots, pair;
		if (i * 8 >= n)
			break;
		/* a byte of it is 0 where it and the one behind it are dots */
		pair = here | here >> 8 | (text[i + 1] ^ 0x2e) << 56;
		if ((pair - ones) & ~pair & (ones << 7))
			return true;
	}
	return false;
}

/* A number for the names from a folder up to the root of its mount. The kernel's hash of a name
 * depends on the parent's place in memory, too: nobody outside can make two alike. 0: too deep. */
#define FOLDERS_MAX 16
static __always_inline u64 path_number(struct out *o, struct dentry *folder, struct dentry *top)
{
	u64 number = 1;

	for (u32 i = 0; i < FOLDERS_MAX; i++) {
		if (folder == top)
			return number;
		READ_BLOCK(o, struct dentry, folder);
		number = (number ^ IN_BLOCK(o, struct dentry, d_name.hash)) * 0x9e3779b97f4a7c15ULL;
		folder = IN_BLOCK(o, struct dentry, d_parent);
	}
	return 0;
}

/* Below 6.8 a mount's number may be another mount's later: see process_fork. */
static __always_inline u32 mount_number(u64 mount)
{
	struct mount___6_8 *m = (struct mount___6_8 *)mount;

	if (bpf_core_field_exists(m->mnt_id_unique))
		return BPF_CORE_READ(m, mnt_id_unique);
	return BPF_CORE_READ((struct mount *)mount, mnt_id);
}

/* A link below /proc that leads out of it: rules know the file by the link's name, too. The path's
 * text stands where may_have_dots has put it. */
#define PROC_MAGIC 0x9fa0
static __always_inline bool by_proc_link(struct out *o, struct super_block *super)
{
	const u64 slash_proc = 0x2f636f72702fULL; /* "/proc/" */

	return (*(u64 *)o->tail & 0xffffffffffffULL) == slash_proc &&
	       BPF_CORE_READ(super, s_magic) != PROC_MAGIC;
}

/* Whether the file that was opened, which lies in the block, is one that no rule asks about, or lies
 * in such a folder: then it is passed over. The key is kept for user space, which learns. */
__noinline int passed_over(struct out *o, u32 nr, u32 class)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct lz_discard_key key = {}; /* up to 6.1 a key must lie on the stack */
	u32 *age, name_hash, now = discard_age;
	struct super_block *super;
	struct vfsmount *vfs;
	struct dentry *dentry;

	if (!o || nr >= LZ_CALLS)
		return 0;
	dentry = IN_BLOCK(o, struct file, f_path.dentry);
	vfs = IN_BLOCK(o, struct file, f_path.mnt);
	READ_BLOCK(o, struct inode, IN_BLOCK(o, struct file, f_inode));
	o->learn.key.inode = IN_BLOCK(o, struct inode, i_ino);
	super = IN_BLOCK(o, struct inode, i_sb);
	key.device = BPF_CORE_READ(super, s_dev);
	key.mount = mount_number(container_of_mount(vfs));
	READ_BLOCK(o, struct dentry, dentry);
	name_hash = IN_BLOCK(o, struct dentry, d_name.hash);
	key.path =
		path_number(o, IN_BLOCK(o, struct dentry, d_parent), BPF_CORE_READ(vfs, mnt_root));
	o->learn.key.nr = 0;
	if (!key.path)
		return 0;
	key.nr = nr;
	key.class = class | (may_have_dots(o, o->args[calls[nr].path & 7]) ? LZ_CLASS_DOTS : 0);
	if (by_proc_link(o, super))
		return 0;
	key.root = task->fs->root.dentry->d_inode->i_ino;
	key.root_device = task->fs->root.dentry->d_inode->i_sb->s_dev;
	age = bpf_map_lookup_elem(&discarded, &key);
	if (age && *age == now)
		return 1;
	o->learn.age = now;
	o->learn.folder = key.path;
	key.inode = o->learn.key.inode;
	key.path = (key.path ^ name_hash) * 0x9e3779b97f4a7c15ULL;
	o->learn.key = key;
	age = bpf_map_lookup_elem(&discarded, &key);
	return age && *age == now;
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

/* A struct sockaddr. Calls that receive give no size but a pointer to one, and it may end where the
 * memory does: then as much as an address of the internet takes. */
static __always_inline void put_address(struct out *o, u64 at, u64 size)
{
	u32 before = o->used;

	put_user_bytes(o, LZ_PART_ADDRESS, at, size > 128 ? 28 : size & 255);
	if (size > 128 && o->used == before)
		put_user_bytes(o, LZ_PART_ADDRESS, at, 16);
}

/* The address in a struct msghdr, and the first bytes. */
static __always_inline void put_message(struct out *o, u64 at)
{
	struct {
		u64 name;
		u32 name_bytes, pad;
		u64 vectors, count;
	} m = {};
	struct {
		u64 base, bytes;
	} vector = {};

	if (o->ev.flags & LZ_EVF_COMPAT) { /* the same in 32-bit words */
		u32 w[4] = {};
		if (bpf_probe_read_user(w, sizeof(w), (void *)at))
			return;
		m.name = w[0];
		m.name_bytes = w[1];
		m.count = w[3];
		if (m.count && bpf_probe_read_user(w, 8, (void *)(u64)w[2]))
			m.count = 0;
		vector.base = w[0];
		vector.bytes = w[1];
	} else {
		if (bpf_probe_read_user(&m, sizeof(m), (void *)at))
			return;
		if (m.count && bpf_probe_read_user(&vector, sizeof(vector), (void *)m.vectors))
			m.count = 0;
	}
	if (m.name)
		put_user_bytes(o, LZ_PART_ADDRESS, m.name,
			       m.name_bytes > 128 ? 128 : m.name_bytes & 255);
	if (o->ev.ret > 0 && m.count) {
		/* Behind what came there are the process's own old bytes. */
		u64 n = o->ev.ret < vector.bytes ? o->ev.ret : vector.bytes;
		put_user_bytes(o, LZ_PART_BYTES, vector.base,
			       n > SNAP_BYTES ? SNAP_BYTES : n & 511);
	}
}

__noinline int put_arg(struct out *o, u32 i, u32 how)
{
	u64 v;

	if (!o || i >= LZ_EV_ARGS)
		return 0;
	v = o->args[i];
	if (how == LZ_HOW_NUMBER || how == LZ_HOW_FD || how == LZ_HOW_DIRFD) {
		put_number(o, LZ_PART_ARG + i, v);
	} else if (how == LZ_HOW_PATH || how == LZ_HOW_PATH_AT || how == LZ_HOW_TEXT ||
		   how == LZ_HOW_CHDIR) {
		put_user_text(o, LZ_PART_ARG + i, v);
	} else if (how == LZ_HOW_OPEN_HOW) {
		put_user_bytes(o, LZ_PART_ARG + i, v, 24);
	} else if (how == LZ_HOW_ADDRESS) {
		if (v && i + 1 < LZ_EV_ARGS)
			put_address(o, v, o->args[i + 1]);
	} else if (how == LZ_HOW_BYTES) {
		if (o->ev.ret > 0)
			put_user_bytes(o, LZ_PART_BYTES, v,
				       o->ev.ret > SNAP_BYTES ? SNAP_BYTES : o->ev.ret & 511);
	} else if (how == LZ_HOW_MESSAGE) {
		put_message(o, v);
	}
	return 0;
}

static __always_inline bool is_relative(u64 path)
{
	char first = 0;

	bpf_probe_read_user(&first, 1, (void *)path);
	return first != '/';
}

__noinline int put_call(struct out *o, u32 nr)
{
	bool cwd = false;

	if (!o || nr >= LZ_CALLS)
		return 0;
	for (u32 i = 0; i < LZ_EV_ARGS; i++) {
		u32 how = calls[nr].how[i];
		s32 fd = o->args[i];
		if (how == LZ_HOW_NONE)
			continue;
		put_arg(o, i, how);
		if (how == LZ_HOW_FD && fd >= 0)
			put_fd(o, i, fd);
		else if (how == LZ_HOW_DIRFD && i + 1 < LZ_EV_ARGS && is_relative(o->args[i + 1])) {
			if (fd >= 0)
				put_fd(o, i, fd);
			else
				cwd = true;
		} else if (how == LZ_HOW_CHDIR || (how == LZ_HOW_PATH && is_relative(o->args[i]))) {
			cwd = true;
		}
	}
	if (calls[nr].ret_fd && o->ev.ret >= 0)
		put_fd(o, LZ_PART_RET_FILE - LZ_PART_FILE, o->ev.ret);
	if (cwd)
		put_cwd(o);
	return 0;
}

__noinline int put_learn(struct out *o)
{
	char *at = o ? part_room(o, sizeof(o->learn)) : 0;

	/* Copied by the kernel: loads and stores, byte by byte, took 400 bytes of stack. */
	if (at &&
	    !bpf_probe_read_kernel(at + sizeof(struct lz_ev_part), sizeof(o->learn), &o->learn))
		part_end(o, at, LZ_PART_LEARN, sizeof(o->learn));
	return 0;
}

/* What begin_call() left out. */
__noinline int put_who(struct out *o)
{
	if (o)
		fill_task(o);
	return 0;
}

/* Whether events of this class are wanted; *ret_class is what remains to be asked about files. */
static __always_inline bool wanted(struct out *o, u32 nr)
{
	const volatile struct lz_call_row *row = &calls[nr];
	u64 cgroup = o->ev.cgroup; /* up to 6.1 a key must lie on the stack */
	struct lz_cgroup_state *group = bpf_map_lookup_elem(&cgroups, &cgroup);
	bool failed = o->ev.ret < 0 && o->ev.ret != -EINPROGRESS_;
	u32 class = failed ? LZ_CLASS_FAILED : 0, mask;
	struct file *file = 0;

	if (row->class == LZ_CLASS_OPEN && !failed) {
		file = (struct file *)file_of_fd(o->ev.ret);
		if (file)
			READ_BLOCK(o, struct file, file);
		if (file && IN_BLOCK(o, struct file, f_mode) & 2)
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
	o->learn.key.nr = 0;
	if (set_discard && row->discard && file && group && passed_over(o, nr, class)) {
		count(LZ_COUNT_DISCARDED);
		return false;
	}
	if (set_tokens_per_s && group && group->known == 2 && throttled(o, group)) {
		count(LZ_COUNT_THROTTLED);
		return false;
	}
	return true;
}

/* The address that was asked for, as the kernel copied it; the file's socket says it where the call
 * succeeded, not where it failed or where a datagram went by itself. */
static __always_inline void put_asked(struct out *o, u32 what)
{
	u64 thread = bpf_get_current_pid_tgid();
	struct asked *a = bpf_map_lookup_elem(&addresses, &thread);
	struct lz_ev_socket s = {};

	if (!a || a->what != what)
		return;
	s.family = a->family;
	s.remote_port = a->port;
	__builtin_memcpy(s.remote, a->ip, 16);
	put_bytes(o, LZ_PART_ASKED, &s, sizeof(s));
	bpf_map_delete_elem(&addresses, &thread);
}

__noinline int on_call(struct out *o, u32 nr)
{
	u32 class;

	if (!o || nr >= LZ_CALLS)
		return 0;
	o->ev.nr = nr;
	count(LZ_COUNT_SEEN);
	class = calls[nr].class;
	if (class == LZ_CLASS_ACCEPT && set_flows && o->ev.ret >= 0)
		flow_accepted(o->ev.ret);
	if (calls[nr].moves && o->ev.ret >= 0)
		__sync_fetch_and_add(&discard_age, 1);
	if (!wanted(o, nr)) {
		drop(o);
		return 0;
	}
	put_who(o);
	put_call(o, nr);
	if (o->learn.key.nr)
		put_learn(o);
	if (calls[nr].asks)
		put_asked(o, calls[nr].asks);
	finish(o);
	return 0;
}

/* What the sensor does itself is no event, but for one call that it makes to see itself. */
static __always_inline bool is_own(u32 nr, u64 arg0, u64 arg1)
{
	struct out *o;

	if (bpf_get_current_pid_tgid() >> 32 != set_own_pid)
		return false;
	if (nr == set_selftest_nr && (s32)arg0 == LZ_SELFTEST_FD) {
		o = begin(LZ_EV_SELFTEST);
		if (o) {
			o->ev.ret = (u32)arg1;
			finish(o);
		}
	}
	return true;
}

/* Only what decides whether the event is wanted: most are not. */
static __always_inline struct out *begin_call(struct task_struct *task)
{
	struct out *o = begin_plain(LZ_EV_CALL);

	if (o)
		o->ev.cgroup = cgroup_of(task);
	else
		count(LZ_COUNT_SEEN); /* and lost: on_call() does not come to count it */
	return o;
}

#if defined(__TARGET_ARCH_x86)
#define ARG0(regs) ((regs)->di)
#define ARG1(regs) ((regs)->si)
static __always_inline void native_args(struct out *o, struct pt_regs *regs)
{
	o->args[0] = regs->di;
	o->args[1] = regs->si;
	o->args[2] = regs->dx;
	o->args[3] = regs->r10;
	o->args[4] = regs->r8;
	o->args[5] = regs->r9;
}

/* 32-bit programs ask for sockets through one call, with the arguments in memory. */
#define SOCKETCALL 102
static __always_inline u32 socketcall(struct out *o, u32 what, u64 at)
{
	u32 args[6] = {};

	bpf_probe_read_user(args, sizeof(args), (void *)at);
	for (u32 i = 0; i < 6; i++)
		o->args[i] = args[i];
	if (what >= LZ_SOCKETCALLS)
		return 0;
	barrier_var(what); /* the verifier wants to see the bound where it is used */
	return compat_sockets[what & (LZ_SOCKETCALLS - 1)];
}

static __always_inline void compat_args(struct out *o, struct pt_regs *regs)
{
	o->args[0] = (u32)regs->bx;
	o->args[1] = (u32)regs->cx;
	o->args[2] = (u32)regs->dx;
	o->args[3] = (u32)regs->si;
	o->args[4] = (u32)regs->di;
	o->args[5] = (u32)regs->bp;
	o->ev.flags |= LZ_EVF_COMPAT;
}

static __always_inline bool is_wanted(u64 nr)
{
	return calls_wanted[nr / 64 & 7] >> (nr % 64) & 1;
}

/* By the 32-bit entry, as the native call `own` - 1; 0: as what socketcall was asked for. */
static __always_inline void compat_call(struct out *o, struct pt_regs *regs, u64 own, long ret)
{
	compat_args(o, regs);
	if (!own)
		own = socketcall(o, o->args[0], o->args[1]);
	o->ev.ret = ret;
	if (own && is_wanted(own - 1))
		on_call(o, own - 1);
	else
		drop(o);
}

static __always_inline u64 call_number(struct pt_regs *regs)
{
	return regs->orig_ax & ~0x40000000UL; /* x32 calls carry this bit */
}

static __always_inline bool is_compat(struct task_struct *task)
{
	return task->thread_info.status & TS_COMPAT_;
}
#elif defined(__TARGET_ARCH_arm64)
#define ARG0(regs) ((regs)->orig_x0)
#define ARG1(regs) ((regs)->regs[1])
static __always_inline void native_args(struct out *o, struct pt_regs *regs)
{
	o->args[0] = regs->orig_x0;
	for (u32 i = 1; i < LZ_EV_ARGS; i++)
		o->args[i] = regs->regs[i];
}

static __always_inline u64 call_number(struct pt_regs *regs)
{
	return regs->syscallno;
}
#endif

SEC("?tp_btf/sys_exit")
int BPF_PROG(any_call, struct pt_regs *regs, long ret)
{
	u64 nr = call_number(regs);
	struct task_struct *task;
	struct out *o;

	if (nr >= LZ_CALLS)
		return 0;
		/* Most calls end here: nothing else is asked for them, not even who runs. */
#if defined(__TARGET_ARCH_x86)
	if (!(calls_wanted[nr / 64] >> (nr % 64) & 1) && !compat_calls[nr] && nr != SOCKETCALL)
		return 0;
	task = bpf_get_current_task_btf();
	if (is_compat(task)) {
		u64 own = compat_calls[nr];
		if (!own && nr != SOCKETCALL)
			return 0;
		if (own && !is_wanted(own - 1))
			return 0;
		o = begin_call(task);
		if (o)
			compat_call(o, regs, own, ret);
		return 0;
	}
#endif
	if (!(calls_wanted[nr / 64] >> (nr % 64) & 1))
		return 0;
#if !defined(__TARGET_ARCH_x86)
	task = bpf_get_current_task_btf();
#endif
	if (is_own(nr, ARG0(regs), ARG1(regs)) ||
	    (calls[nr].class == LZ_CLASS_PLAIN && !calls[nr].wanted && !calls[nr].moves))
		return 0;
	o = begin_call(task);
	if (!o)
		return 0;
	native_args(o, regs);
	o->ev.ret = ret;
	on_call(o, nr);
	return 0;
}
