/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Paths from the kernel's own objects: names from the last to the first, up to the root of the
 * task that asked. A symbolic link, "..", or a pointer that is changed behind the call has no say.
 */
#include "core.h"

#define container_of_mount(vfs) ((u64)(vfs)-bpf_core_field_offset(struct mount, mnt))

/* The path walk goes on in another mount. */
static __always_inline void enter_mount(struct out *o, u64 mount)
{
	struct vfsmount *vfs =
		(struct vfsmount *)(mount + bpf_core_field_offset(struct mount, mnt));

	o->mount = mount;
	bpf_core_read(&o->top, sizeof(o->top), &vfs->mnt_root);
}

/* One name, or one step from a mount to what it is mounted on. 1 ends the walk. */
static long path_step(u32 i, void *ctx)
{
	struct out *o = *(struct out **)ctx;
	const unsigned char *name;
	u64 n, parent;
	u32 used;
	char *at;

	if (!o)
		return 1;
	if (o->dentry == o->root_dentry && o->mount == o->root_mount)
		return 1;
	if (o->dentry == o->top) {
		struct mount *mount = (struct mount *)o->mount, *up = 0;
		bpf_core_read(&up, sizeof(up), &mount->mnt_parent);
		if (!up || up == mount)
			return 1;
		bpf_core_read(&o->dentry, sizeof(o->dentry), &mount->mnt_mountpoint);
		enter_mount(o, (u64)up);
		return 0;
	}
	READ_BLOCK(o, struct dentry, o->dentry);
	parent = (u64)IN_BLOCK(o, struct dentry, d_parent);
	name = IN_BLOCK(o, struct dentry, d_name.name);
	n = IN_BLOCK(o, struct dentry, d_name.len);
	used = *(volatile u32 *)&o->used;
	if (used > TAIL_BYTES - 512)
		return 1;
	at = o->tail + used;
	barrier_var(n); /* or the bound is checked on a copy that is not used */
	n &= 255;
	barrier_var(n);
	*at = (char)n;
	bpf_probe_read_kernel(at + 1, n, name);
	o->used = used + 1 + n;
	if (parent == o->dentry)
		return 1; /* pipe:, memfd:, anon_inode: lie below nothing */
	o->dentry = parent;
	return 0;
}

/* A part that holds the path of (dentry, mount), as the running task's root sees it. */
static __always_inline void put_path(struct out *o, u16 id, u64 vfsmount, u64 dentry)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct lz_ev_part head = {id, 0};
	struct dentry *d = (struct dentry *)dentry;
	u32 from = *(volatile u32 *)&o->used;
	struct out *ctx = o;
	void *hashed = 0;
	u8 flags = 0;
	long steps;

	if (from > TAIL_BYTES - 8192) {
		o->ev.flags |= LZ_EVF_CUT;
		return;
	}
	o->root_dentry = (u64)BPF_CORE_READ(task, fs, root.dentry);
	o->root_mount = container_of_mount(BPF_CORE_READ(task, fs, root.mnt));
	o->dentry = dentry;
	enter_mount(o, container_of_mount(vfsmount));
	o->used = from + sizeof(head) + 1;
	steps = bpf_loop(LZ_PATH_DEPTH, path_step, &ctx, 0);
	bpf_core_read(&hashed, sizeof(hashed), &d->d_hash.pprev);
	if (BPF_CORE_READ(d, d_parent) == d &&
	    BPF_CORE_READ((struct vfsmount *)vfsmount, mnt_root) != d)
		flags |= LZ_PATH_NO_MOUNT;
	else if (!hashed)
		flags |= LZ_PATH_DELETED;
	if (steps >= LZ_PATH_DEPTH || *(volatile u32 *)&o->used > TAIL_BYTES - 512)
		flags |= LZ_PATH_CUT;
	if (from > TAIL_BYTES - 8192)
		return;
	head.n = o->used - from - sizeof(head);
	__builtin_memcpy(o->tail + from, &head, sizeof(head));
	o->tail[from + sizeof(head)] = flags;
}
