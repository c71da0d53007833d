/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Control groups: where containers begin and end. */
#include "core.h"

static __always_inline int on_cgroup(struct cgroup *cgroup, const char *path, bool removed)
{
	struct lz_ev_cgroup c = {};
	struct out *o = begin(LZ_EV_CGROUP);

	count(LZ_COUNT_SEEN);
	if (!o)
		return 0;
	c.id = cgroup->kn->id;
	c.hierarchy = cgroup->root->hierarchy_id;
	c.removed = removed;
	put_bytes(o, LZ_PART_CGROUP, &c, sizeof(c));
	put_kernel_text(o, LZ_PART_NAME, path);
	finish(o);
	return 0;
}

SEC("?tp_btf/cgroup_mkdir")
int BPF_PROG(group_made, struct cgroup *cgroup, const char *path)
{
	return on_cgroup(cgroup, path, false);
}

SEC("?tp_btf/cgroup_rmdir")
int BPF_PROG(group_removed, struct cgroup *cgroup, const char *path)
{
	return on_cgroup(cgroup, path, true);
}
