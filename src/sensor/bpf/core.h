/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What all families share: settings, counters, the record under construction, the ring.
 *
 * A record is put together in a scratch area and copied to the ring whole, so that its size is
 * what it holds. Each CPU has a few areas, because a program may be interrupted by another.
 */
#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "event.h"

#define SLOTS	       3
#define NAME_MAX_BYTES 255
#define TEXT_MAX       4096 /* paths, arguments, environment: longer ones are cut, and say so */

/* --- settings, written before the programs are loaded --- */

const volatile u32 set_cgroup_v1;    /* take the control group of the pids hierarchy */
const volatile u32 set_pids_subsys;  /* its number among the hierarchies */
const volatile u32 set_environment;  /* a rule asks for it */
const volatile u32 set_rings = 1;    /* number of rings, one per two CPUs */
const volatile u32 set_own_pid;	     /* the sensor's: what it does itself is no event */
const volatile u64 set_tokens_per_s; /* of a container; 0: no limit */
const volatile u32 set_discard;	     /* files may be learnt and passed over */
const volatile u64 calls_wanted[LZ_CALLS / 64];
const volatile struct lz_call_row calls[LZ_CALLS];
const volatile u16 compat_calls[LZ_CALLS];	   /* 32-bit numbers → ours + 1 */
const volatile u16 compat_sockets[LZ_SOCKETCALLS]; /* the same for socketcall(2) */
const volatile u32 set_flows;			   /* connections are followed */
const volatile u32 set_dns;			   /* names are */
const volatile u32 set_selftest_nr;		   /* the call by which the sensor asks itself */

/* Written while they run. */
volatile u32 discard_age; /* what was learnt before the last change of this holds no longer */

/* --- maps --- */

struct ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, u32);
	__array(values, struct ring_map);
} rings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LZ_COUNTS);
	__type(key, u32);
	__type(value, u64);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, u64);
	__type(value, struct lz_cgroup_state);
} cgroups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct lz_discard_key);
	__type(value, u32);
} discarded SEC(".maps");

/* A record under construction. */
#define TAIL_BYTES  24576
#define BLOCK_BYTES 256
struct out {
	u64 busy;
	u32 used; /* of tail */
	u32 reserved;
	u64 args[LZ_EV_ARGS];
	u64 caps[3];
	/* what the path walk is at */
	u64 dentry, mount, top, root_dentry, root_mount;
	struct lz_ev_learn learn;
	char block[BLOCK_BYTES]; /* a structure of the kernel's */
	struct lz_ev ev;
	char tail[TAIL_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, u32);
	__type(value, struct out);
} scratch SEC(".maps");

static __always_inline void count(u32 what)
{
	u64 *n = bpf_map_lookup_elem(&counts, &what);

	if (n)
		*n += 1;
}

static __always_inline void count_lost(u32 kind)
{
	count(LZ_COUNT_LOST);
	count(LZ_COUNT_LOST_KIND + kind);
}

/* --- who --- */

static __always_inline u64 cgroup_of(struct task_struct *task)
{
	struct css_set *set = task->cgroups;
	struct cgroup_subsys_state **all = set->subsys;

	return set_cgroup_v1 ? all[set_pids_subsys & 31]->cgroup->kn->id : set->dfl_cgrp->kn->id;
}

static __always_inline u64 caps_at(const void *p)
{
	u64 bits = 0;

	bpf_probe_read_kernel(&bits, sizeof(bits), p);
	return bits;
}

/* --- the kernel's structures --- */

/* A field of what read_block() copied. */
#define IN_BLOCK(o, type, field) \
	(*(typeof(((type *)0)->field) *)((o)->block + bpf_core_field_offset(type, field)))

/* A whole structure at once: each read by itself would cost as much. */
#define READ_BLOCK(o, type, at) read_block(o, bpf_core_type_size(type), (const void *)(at))
static __always_inline void read_block(struct out *o, u32 size, const void *at)
{
	bpf_probe_read_kernel(o->block, size < BLOCK_BYTES ? size : BLOCK_BYTES, at);
}

/* --- the record --- */

static __always_inline struct out *take_scratch(void)
{
	u32 first = bpf_get_smp_processor_id() * SLOTS;

	for (u32 i = 0; i < SLOTS; i++) {
		u32 at = first + i;
		struct out *o = bpf_map_lookup_elem(&scratch, &at);
		if (!o)
			return 0;
		if (!__sync_val_compare_and_swap(&o->busy, 0, 1))
			return o;
	}
	return 0;
}

static __always_inline void drop(struct out *o)
{
	*(volatile u64 *)&o->busy = 0;
}

/* What every head holds. NULL: it could not be begun, which is counted. */
static __always_inline struct out *begin_plain(u16 kind)
{
	struct out *o = take_scratch();

	if (!o) {
		count(LZ_COUNT_NO_SCRATCH);
		count_lost(kind);
		return 0;
	}
	o->used = 0;
	o->ev.kind = kind;
	o->ev.nr = 0;
	o->ev.ret = 0;
	o->ev.flags = 0;
	o->ev.time_ns = bpf_ktime_get_boot_ns();
	o->ev.cpu = bpf_get_smp_processor_id();
	return o;
}

/* … for the task that runs. */
static __always_inline void fill_task(struct out *o)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 id = bpf_get_current_pid_tgid();

	o->ev.start_ns = task->group_leader->start_boottime;
	o->ev.cap_effective = caps_at(&task->cred->cap_effective);
	o->ev.cap_permitted = caps_at(&task->cred->cap_permitted);
	o->ev.pid = id >> 32;
	o->ev.tid = (u32)id;
	o->ev.ppid = task->real_parent->tgid;
	id = bpf_get_current_uid_gid();
	o->ev.uid = (u32)id;
	o->ev.gid = id >> 32;
	o->ev.loginuid = bpf_core_field_exists(task->loginuid) ? task->loginuid.val : (u32)-1;
	bpf_get_current_comm(o->ev.comm, sizeof(o->ev.comm));
}

static __always_inline struct out *begin(u16 kind)
{
	struct out *o = begin_plain(kind);

	if (!o)
		return 0;
	o->ev.cgroup = cgroup_of(bpf_get_current_task_btf());
	fill_task(o);
	return o;
}

static __always_inline bool send(struct out *o, const void *record, u32 size, u16 kind)
{
	u32 which = (bpf_get_smp_processor_id() / 2) % (set_rings ? set_rings : 1);
	void *ring = bpf_map_lookup_elem(&rings, &which);
	u64 held, quarter;

	if (!ring)
		return false;
	/* A sleeper is woken when a quarter is full; else it looks by itself every few ms. */
	held = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);
	quarter = bpf_ringbuf_query(ring, BPF_RB_RING_SIZE) / 4;
	if (bpf_ringbuf_output(ring, (void *)record, size,
			       held <= quarter && held + size > quarter ? BPF_RB_FORCE_WAKEUP
									: BPF_RB_NO_WAKEUP)) {
		count_lost(kind);
		return false;
	}
	count(LZ_COUNT_SENT);
	return true;
}

static __always_inline void finish(struct out *o)
{
	u32 used = o->used;

	if (used > TAIL_BYTES)
		used = TAIL_BYTES;
	o->ev.size = sizeof(o->ev) + used;
	send(o, &o->ev, sizeof(o->ev) + used, o->ev.kind);
	drop(o);
}

/* --- parts --- */

/* Room for a part of at most `max` bytes: where its bytes go, or NULL. The verifier wants the
 * bounds to be seen where the bytes are written. */
static __always_inline char *part_room(struct out *o, u32 max)
{
	u32 used = *(volatile u32 *)&o->used;

	if (used > TAIL_BYTES - sizeof(struct lz_ev_part) - TEXT_MAX || max > TEXT_MAX) {
		o->ev.flags |= LZ_EVF_CUT;
		return 0;
	}
	return o->tail + used;
}

static __always_inline void part_end(struct out *o, char *at, u16 id, u32 n)
{
	struct lz_ev_part p = {id, (u16)n};

	__builtin_memcpy(at, &p, sizeof(p));
	o->used += sizeof(p) + n;
}

static __always_inline void put_bytes(struct out *o, u16 id, const void *p, u32 n)
{
	char *at = part_room(o, n);

	if (!at)
		return;
	__builtin_memcpy(at + sizeof(struct lz_ev_part), p, n);
	part_end(o, at, id, n);
}

static __always_inline void put_number(struct out *o, u16 id, u64 v)
{
	put_bytes(o, id, &v, sizeof(v));
}

/* Text of the process, with its NUL. */
static __always_inline long put_user_text(struct out *o, u16 id, u64 user)
{
	char *at = part_room(o, TEXT_MAX);
	long n;

	if (!at)
		return -1;
	n = bpf_probe_read_user_str(at + sizeof(struct lz_ev_part), TEXT_MAX, (void *)user);
	if (n < 0 || n > TEXT_MAX)
		return -1;
	if (n == TEXT_MAX)
		o->ev.flags |= LZ_EVF_CUT;
	part_end(o, at, id, n);
	return n;
}

static __always_inline void put_kernel_text(struct out *o, u16 id, const void *p)
{
	char *at = part_room(o, TEXT_MAX);
	long n;

	if (!at)
		return;
	n = bpf_probe_read_kernel_str(at + sizeof(struct lz_ev_part), TEXT_MAX, p);
	if (n >= 0 && n <= TEXT_MAX)
		part_end(o, at, id, n);
}

/* n bytes of the process, at most TEXT_MAX. */
static __always_inline void put_user_bytes(struct out *o, u16 id, u64 user, u64 n)
{
	char *at = part_room(o, TEXT_MAX);

	if (!at)
		return;
	if (n > TEXT_MAX - 1) {
		n = TEXT_MAX - 1;
		o->ev.flags |= LZ_EVF_CUT;
	}
	n &= TEXT_MAX - 1;
	if (bpf_probe_read_user(at + sizeof(struct lz_ev_part), n, (void *)user))
		return;
	part_end(o, at, id, n);
}
