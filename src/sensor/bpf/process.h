/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Processes: they begin, run another program, end; and those that were there before. */
#include "call.h"

static __always_inline u32 tty_of(struct signal_struct *signal)
{
	struct tty_struct *tty = BPF_CORE_READ(signal, tty);
	u32 major, minor;

	if (!tty)
		return 0;
	major = BPF_CORE_READ(tty, driver, major);
	minor = BPF_CORE_READ(tty, driver, minor_start) + BPF_CORE_READ(tty, index);
	return major << 20 | (minor & 0xfffff);
}

/* Number of a pid on the host (level 0) and in the namespace of the process. */
static __always_inline void pid_numbers(struct pid *pid, u32 level, u32 *host, u32 *inner)
{
	struct upid u = {};

	if (!pid)
		return;
	bpf_probe_read_kernel(&u.nr, sizeof(u.nr),
			      (char *)pid + bpf_core_field_offset(struct pid, numbers));
	*host = u.nr;
	bpf_probe_read_kernel(&u.nr, sizeof(u.nr),
			      (char *)pid + bpf_core_field_offset(struct pid, numbers) +
				      (level & 31) * bpf_core_type_size(struct upid));
	*inner = u.nr;
}

/* Fields are read through typed pointers, which costs nothing beside a helper call each; a NULL on
 * the way reads as 0. */
static __always_inline void put_task(struct out *o, struct task_struct *task)
{
	struct lz_ev_task t = {};
	struct task_struct *parent = task->real_parent;
	struct signal_struct *signal = task->signal;
	const struct cred *cred = task->cred;
	/* Not a typed pointer: those take no offset that varies. */
	struct pid *pid = BPF_CORE_READ(task, thread_pid), *parent_pid;
	struct mm_struct *mm = task->mm;
	struct pid_namespace *ns = 0;
	u32 level = BPF_CORE_READ(pid, level) & 31, host = 0;

	t.start_ns = task->group_leader->start_boottime;
	t.parent_start_ns = parent->group_leader->start_boottime;
	t.cgroup = cgroup_of(task);
	/* The three stand side by side, eight bytes each. */
	bpf_probe_read_kernel(&o->caps, sizeof(o->caps), &cred->cap_inheritable);
	t.cap_inheritable = o->caps[0];
	t.cap_permitted = o->caps[1];
	t.cap_effective = o->caps[2];
	t.pid = task->tgid;
	t.ppid = parent->tgid;
	pid_numbers(pid, level, &host, &t.vpid);
	pid_numbers(BPF_CORE_READ(signal, pids[PIDTYPE_SID]), level, &t.sid, &t.vsid);
	pid_numbers(BPF_CORE_READ(signal, pids[PIDTYPE_PGID]), level, &t.pgid, &t.vpgid);
	parent_pid = BPF_CORE_READ(parent, thread_pid);
	if (BPF_CORE_READ(parent_pid, level) >= level)
		pid_numbers(parent_pid, level, &host, &t.vppid);
	bpf_probe_read_kernel(&ns, sizeof(ns),
			      (char *)pid + bpf_core_field_offset(struct pid, numbers) +
				      level * bpf_core_type_size(struct upid) +
				      bpf_core_field_offset(struct upid, ns));
	t.pidns = BPF_CORE_READ(ns, ns.inum);
	t.pidns_start_ns = BPF_CORE_READ(ns, child_reaper, start_boottime);
	t.mntns = task->nsproxy->mnt_ns->ns.inum;
	t.netns = task->nsproxy->net_ns->ns.inum;
	t.uid = cred->euid.val;
	t.gid = cred->egid.val;
	t.loginuid = bpf_core_field_exists(task->loginuid) ? task->loginuid.val : (u32)-1;
	t.tty = tty_of(signal);
	t.threads = signal->nr_threads;
	t.argv_bytes = mm->arg_end - mm->arg_start;
	t.env_bytes = mm->env_end - mm->env_start;
	bpf_core_read(t.comm, sizeof(t.comm), &task->comm);
	put_bytes(o, LZ_PART_TASK, &t, sizeof(t));
}

/* What descriptors 0 to 2 are: a shell whose three are one socket is somebody else's. */
static __always_inline void put_stdio(struct out *o)
{
	struct lz_ev_stdio s[3] = {};

	for (u32 i = 0; i < 3; i++) {
		struct file *file = (struct file *)file_of_fd(i);
		struct sock *sk;
		if (!file)
			continue;
		s[i].inode = BPF_CORE_READ(file, f_inode, i_ino);
		s[i].mode = BPF_CORE_READ(file, f_inode, i_mode);
		if ((s[i].mode & S_IFMT_) != S_IFSOCK_)
			continue;
		sk = sock_of(file);
		s[i].family = BPF_CORE_READ(sk, __sk_common.skc_family);
		s[i].connected = BPF_CORE_READ(sk, __sk_common.skc_state) == 1;
	}
	put_bytes(o, LZ_PART_STDIO, s, sizeof(s));
}

__noinline int put_exec(struct out *o)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct file *exe;

	if (!o)
		return 0;
	exe = BPF_CORE_READ(task, mm, exe_file);
	if (!exe)
		return 0;
	put_file(o, LZ_PART_EXE, exe, 0);
	put_path(o, LZ_PART_EXE_PATH, (u64)BPF_CORE_READ(exe, f_path.mnt),
		 (u64)BPF_CORE_READ(exe, f_path.dentry));
	return 0;
}

__noinline int put_arguments(struct out *o)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 from, to;

	if (!o)
		return 0;
	from = BPF_CORE_READ(task, mm, arg_start);
	to = BPF_CORE_READ(task, mm, arg_end);
	if (to > from)
		put_user_bytes(o, LZ_PART_ARGV, from, to - from);
	if (!set_environment)
		return 0;
	from = BPF_CORE_READ(task, mm, env_start);
	to = BPF_CORE_READ(task, mm, env_end);
	if (to > from)
		put_user_bytes(o, LZ_PART_ENV, from, to - from);
	return 0;
}

/* The system call that the running task is in; 32-bit ones by the 64-bit table's number. */
static __always_inline u16 running_call(struct task_struct *task)
{
	u64 nr = call_number((struct pt_regs *)bpf_task_pt_regs(task));

	if (nr >= LZ_CALLS)
		return 0;
#if defined(__TARGET_ARCH_x86)
	if (is_compat(task))
		nr = compat_calls[nr] ? compat_calls[nr] - 1 : 0;
#endif
	return nr;
}

SEC("?tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct out *o;

	count(LZ_COUNT_SEEN);
	o = begin(LZ_EV_EXEC);
	if (!o)
		return 0;
	o->ev.nr = running_call(task);
	put_task(o, task);
	put_kernel_text(o, LZ_PART_NAME, bprm->filename);
	put_exec(o);
	put_arguments(o);
	put_cwd(o);
	put_stdio(o);
	finish(o);
	return 0;
}

SEC("?tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct mount___6_8 *m = 0;
	struct out *o;

	/* A namespace of its own has mounts of its own, under numbers that others had. */
	if (set_discard && !bpf_core_field_exists(m->mnt_id_unique) &&
	    BPF_CORE_READ(parent, nsproxy, mnt_ns) != BPF_CORE_READ(child, nsproxy, mnt_ns))
		__sync_fetch_and_add(&discard_age, 1);
	if (child->pid != child->tgid)
		return 0; /* a thread */
	count(LZ_COUNT_SEEN);
	o = begin(LZ_EV_FORK);
	if (!o)
		return 0;
	o->ev.ret = child->tgid;
	o->ev.nr = running_call(parent);
	put_task(o, child);
	finish(o);
	return 0;
}

SEC("?tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	struct out *o;

	if (task->signal->live.counter > 0)
		return 0; /* threads go on */
	count(LZ_COUNT_SEEN);
	o = begin(LZ_EV_EXIT);
	if (!o)
		return 0;
	o->ev.ret = task->exit_code;
	finish(o);
	return 0;
}

/* Those that were there before. Arguments are read by the sensor, which may sleep. */
SEC("?iter/task")
int tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct seq_file *seq = ctx->meta->seq;
	struct file *exe;
	struct out *o;
	u32 used;

	if (!task || task->pid != task->tgid)
		return 0;
	o = begin(LZ_EV_TASK);
	if (!o)
		return 0;
	o->ev.pid = o->ev.tid = task->tgid;
	o->ev.start_ns = task->start_boottime;
	o->ev.cgroup = cgroup_of(task);
	put_task(o, task);
	exe = BPF_CORE_READ(task, mm, exe_file);
	if (exe)
		put_file(o, LZ_PART_EXE, exe, 0);
	used = o->used;
	if (used > TAIL_BYTES)
		used = TAIL_BYTES;
	o->ev.size = sizeof(o->ev) + used;
	bpf_seq_write(seq, &o->ev, sizeof(o->ev) + used);
	drop(o);
	return 0;
}
