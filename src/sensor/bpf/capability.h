/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Capabilities in use: the first time that a program is asked for one and has it. */
#include "core.h"

struct used_caps {
	u64 bits;
	u64 program; /* counts what the task has executed: each begins anew */
};
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct used_caps);
} used SEC(".maps");

static __always_inline int on_capability(int cap, int ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct used_caps *u;
	struct out *o;

	if (ret || cap < 0 || cap > 63 || bpf_get_current_pid_tgid() >> 32 == set_own_pid)
		return 0;
	/* The kernel acts in another's name for a moment, as overlayfs does in that of who mounted it:
	 * the process has no such capability. */
	if (task->cred != task->real_cred)
		return 0;
	u = bpf_task_storage_get(&used, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!u)
		return 0;
	if (u->program != task->self_exec_id) {
		u->program = task->self_exec_id;
		u->bits = 0;
	}
	if (u->bits >> cap & 1)
		return 0;
	u->bits |= 1ULL << cap;
	count(LZ_COUNT_SEEN);
	o = begin(LZ_EV_CAPABILITY);
	if (!o)
		return 0;
	o->ev.ret = cap;
	finish(o);
	return 0;
}

SEC("?tp_btf/cap_capable")
int BPF_PROG(capability_used, const struct cred *cred, struct user_namespace *target,
	     const struct user_namespace *capable, int cap, int ret)
{
	return on_capability(cap, ret);
}

/* Where there is no such tracepoint: the function that it lies in. */
SEC("?fexit/cap_capable")
int BPF_PROG(capability_asked, const struct cred *cred, struct user_namespace *target, int cap,
	     unsigned int options, int ret)
{
	return on_capability(cap, ret);
}
