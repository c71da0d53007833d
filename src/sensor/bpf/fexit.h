/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The first way to see system calls: a program behind each function of interest, so that all other
 * calls cost nothing. One program per call, and on x86 one for its 32-bit entry; those that rules
 * ask about are loaded (load.c), where the kernel lets them be.
 */
#include "call.h"

#if defined(__TARGET_ARCH_x86)
#define SYS_PREFIX "__x64_sys_"
#else
#define SYS_PREFIX "__arm64_sys_"
#endif

static __noinline int on_function(u32 nr, struct pt_regs *regs, long ret, bool compat)
{
	struct out *o;

	if (is_own(nr, ARG0(regs), ARG1(regs)))
		return 0;
	o = begin_call(bpf_get_current_task_btf());
	if (!o)
		return 0;
#if defined(__TARGET_ARCH_x86)
	if (compat)
		compat_args(o, regs);
	else
#endif
		native_args(o, regs);
	o->ev.ret = ret;
	on_call(o, nr);
	return 0;
}

/* The number is written where the programs are loaded: tables of both sides stay one. */
#define CALL(name)                                               \
	const volatile u32 nr_##name;                            \
	SEC("?fexit/" SYS_PREFIX #name)                          \
	int BPF_PROG(x_##name, struct pt_regs *regs, long ret)   \
	{                                                        \
		return on_function(nr_##name, regs, ret, false); \
	}                                                        \
	COMPAT_CALL(name)
#if defined(__TARGET_ARCH_x86)
#define COMPAT_CALL(name)                                       \
	SEC("?fexit/__ia32_sys_" #name)                         \
	int BPF_PROG(c_##name, struct pt_regs *regs, long ret)  \
	{                                                       \
		return on_function(nr_##name, regs, ret, true); \
	}

/* What it was asked for does not come by the entry of its own. */
SEC("?fexit/__ia32_compat_sys_socketcall")
int BPF_PROG(c_socketcall, struct pt_regs *regs, long ret)
{
	struct out *o = begin_call(bpf_get_current_task_btf());

	if (o)
		compat_call(o, regs, 0, ret);
	return 0;
}
#else
#define COMPAT_CALL(name)
#endif

#include "calls.inc"
