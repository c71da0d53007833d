/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attach points are tried, never guessed from the kernel's version: configurations, lockdown and
 * security modules refuse what the version promises.
 */
#include "probe.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#if defined(__aarch64__)
#define SYS_PREFIX "__arm64_sys_"
#else
#define SYS_PREFIX "__x64_sys_"
#endif

/* A place to put a program. */
struct place {
	enum bpf_prog_type type;
	enum bpf_attach_type attach;
	const char *btf; /* name of the function or tracepoint in the kernel's BTF */
	/* Of a tracepoint whose arguments have changed: the structure that the first points to. */
	const char *first;
};

static const struct point {
	const char *what, *point, *without;
	struct place place;
	bool optional;
	/* Where the same is seen on kernels that lack the first. */
	const char *older_point;
	struct place older;
} points[LZ_POINTS] = {
	[LZ_POINT_FEXIT] = {"system calls, a program behind each",
			    "fexit/" SYS_PREFIX "*",
			    "all other calls on this machine cost a little more",
			    {BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, SYS_PREFIX "openat"},
			    true},
	[LZ_POINT_SYS_EXIT] = {"system calls, one program behind all",
			       "tp_btf/sys_exit",
			       "system calls, unless each has its own program",
			       {BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "sys_exit"},
			       true},
	[LZ_POINT_EXEC] = {"programs that start",
			   "tp_btf/sched_process_exec",
			   "which programs run: no rule about processes can work",
			   {BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "sched_process_exec"},
			   false},
	[LZ_POINT_FORK] = {"processes that begin",
			   "tp_btf/sched_process_fork",
			   "ancestry of processes that start and end quickly",
			   {BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "sched_process_fork"},
			   false},
	[LZ_POINT_EXIT] = {"processes that end",
			   "tp_btf/sched_process_exit",
			   "when processes end: their number may be taken for another's",
			   {BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "sched_process_exit"},
			   false},
	[LZ_POINT_TASKS] = {"processes that are there already",
			    "iter/task",
			    "ancestry of processes older than the sensor, but for what /proc says",
			    {BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "task"},
			    false},
	[LZ_POINT_CGROUP_MKDIR] = {"containers that begin",
				   "tp_btf/cgroup_mkdir",
				   "containers at their first event: they are looked up at it",
				   {BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "cgroup_mkdir"},
				   false},
	[LZ_POINT_CGROUP_RMDIR] = {"containers that end",
				   "tp_btf/cgroup_rmdir",
				   "when containers end: they are forgotten later",
				   {BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "cgroup_rmdir"},
				   false},
	[LZ_POINT_CAPABLE] = {"capabilities in use",
			      "tp_btf/cap_capable",
			      "which capabilities a container really uses",
			      {BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "cap_capable"},
			      false,
			      "fexit/cap_capable",
			      {BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, "cap_capable"}},
	[LZ_POINT_TCP_STATE] = {"TCP connections",
				"tp_btf/inet_sock_set_state",
				"bytes and ends of connections; their beginnings are seen as calls",
				{BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "inet_sock_set_state"},
				false},
	[LZ_POINT_URING] = {"io_uring operations",
			    "tp_btf/io_uring_submit_req",
			    "what programs do through io_uring",
			    {BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "io_uring_submit_req",
			     "io_kiocb"},
			    false,
			    "tp_btf/io_uring_submit_sqe",
			    {BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "io_uring_submit_sqe",
			     "io_kiocb"}},
	[LZ_POINT_ADDRESS] = {"addresses asked for",
			      "cgroup/connect4 …",
			      "the kernel's copy of an address where the call failed: the "
			      "process's own is shown",
			      {BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT, NULL},
			      false},
	[LZ_POINT_PACKET] = {"DNS",
			     "cgroup_skb/egress, ingress",
			     "names asked for: fd.sip.name and rules about domains",
			     {BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, NULL},
			     false},
};

bool lz_probe_btf(void)
{
	return access("/sys/kernel/btf/vmlinux", R_OK) == 0;
}

static int attach_cgroup(int prog, enum bpf_attach_type type)
{
	char path[256];
	int root, link;

	if (!lz_cgroup_mount(false, path, sizeof(path)))
		return -ENOENT;
	root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	link = bpf_link_create(prog, root, type, NULL);
	if (link < 0)
		link = -errno;
	else
		close(link);
	close(root);
	return link < 0 ? link : 0;
}

static int attach(int prog, const struct place *x)
{
	int link;

	if (!x->btf)
		return attach_cgroup(prog, x->attach);
	if (x->attach == BPF_TRACE_ITER)
		return 0;
	link = bpf_raw_tracepoint_open(NULL, prog);
	if (link < 0)
		return -errno;
	close(link);
	return 0;
}

/* Whether the tracepoint's first argument points to the structure of that name: behind the name of a
 * tracepoint, kernels have put other arguments before. */
static bool has_first(const struct btf *btf, const char *tracepoint, const char *structure)
{
	char name[80];
	const struct btf_type *t;
	int id;

	snprintf(name, sizeof(name), "btf_trace_%s", tracepoint);
	id = btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);
	t = id > 0 ? btf__type_by_id(btf, btf__type_by_id(btf, (__u32)id)->type) : NULL;
	if (!t || !btf_is_ptr(t))
		return false;
	t = btf__type_by_id(btf, t->type);
	if (!t || !btf_is_func_proto(t) || btf_vlen(t) < 2) /* the first is the tracepoint's own */
		return false;
	t = btf__type_by_id(btf, btf_params(t)[1].type);
	t = t && btf_is_ptr(t) ? btf__type_by_id(btf, t->type) : NULL;
	return t && btf_is_struct(t) && !strcmp(btf__name_by_offset(btf, t->name_off), structure);
}

static bool is_as_known(const struct place *x)
{
	struct btf *btf = x->first ? btf__load_vmlinux_btf() : NULL;
	bool good = !x->first || (btf && has_first(btf, x->btf, x->first));

	btf__free(btf);
	return good;
}

static int try_place(const struct place *x)
{
	/* r0 = 1; exit: "go on" to the programs that are asked for a verdict */
	static const struct bpf_insn refuse_nothing[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
		{.code = BPF_JMP | BPF_EXIT},
	};
	static const struct bpf_insn nothing[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	struct bpf_prog_load_opts o = {.sz = sizeof(o), .expected_attach_type = x->attach};
	int prog, r;

	if (x->btf) {
		r = libbpf_find_vmlinux_btf_id(x->btf, x->attach);
		if (r <= 0 || !is_as_known(x))
			return r < 0 ? r : -ENOENT;
		o.attach_btf_id = (__u32)r;
	}
	prog = bpf_prog_load(x->type, "lz_probe", "GPL", x->btf ? nothing : refuse_nothing, 2, &o);
	if (prog < 0)
		return -errno;
	r = attach(prog, x);
	close(prog);
	return r;
}

int lz_probe_point(enum lz_point number, bool *ret_older)
{
	const struct point *x = &points[number];
	int r = try_place(&x->place);

	*ret_older = r && x->older_point && !try_place(&x->older);
	return *ret_older ? 0 : r;
}

const char *lz_probe_what(enum lz_point p)
{
	return points[p].what;
}

void lz_programs_probe(struct lz_program_row ret[LZ_PROGRAM_ROWS])
{
	libbpf_print_fn_t before = libbpf_set_print(NULL);

	for (unsigned i = 0; i < LZ_POINTS; i++) {
		const struct point *x = &points[i];
		bool older;
		int r = lz_probe_point((enum lz_point)i, &older);
		ret[i] = (struct lz_program_row){x->what, older ? x->older_point : x->point,
						 x->without, x->optional, -r};
	}
	libbpf_set_print(before);
}

/* --- control groups --- */

static bool find_mount(const char *type, const char *option, char *buf, size_t size)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	bool found = false;

	while (f && !found && (m = getmntent(f)))
		if (!strcmp(m->mnt_type, type) && (!option || hasmntopt(m, option)))
			found = snprintf(buf, size, "%s", m->mnt_dir) < (int)size;
	if (f)
		endmntent(f);
	return found;
}

bool lz_cgroup_mount(bool v1, char *buf, size_t size)
{
	return v1 ? find_mount("cgroup", "pids", buf, size)
		  : find_mount("cgroup2", NULL, buf, size);
}

bool lz_cgroup_is_v1(void)
{
	char path[256];

	return lz_cgroup_mount(true, path, sizeof(path));
}
