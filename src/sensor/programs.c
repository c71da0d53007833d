/* SPDX-License-Identifier: Apache-2.0 */
#include "programs.h"

#include "../base/alloc.h"
#include "calls.h"
#include "probe.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The names that the programs' own sources give to integers. */
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;
#include "sensor.skel.h"

#if defined(__aarch64__)
#define SYS_PREFIX "__arm64_sys_"
#else
#define SYS_PREFIX "__x64_sys_"
#endif
#define RINGS_MAX	256
#define TRIES		8 /* loads without the program that was refused last */
#define LINKS_MAX	256
#define REFUSED_MAX	LINKS_MAX
#define SCRATCH_PER_CPU 3	  /* as core.h has it */
#define SELFTEST_CALL	SYS_setns /* rare, so that watching it costs nothing */

struct lz_programs {
	struct lz_sensor *skel;
	enum lz_call_path path;
	int ring[RINGS_MAX];
	size_t rings;
	size_t cpus;
	struct bpf_link *links[LINKS_MAX];
	size_t link_count;
	struct bpf_link *extra[8]; /* on the root control group */
	struct lz_program_refused refused[REFUSED_MAX];
	size_t refused_count;
};

/* The end of a conversation by datagrams, which the kernel does not tell. */
struct lz_flow_record {
	struct lz_ev head;
	struct lz_ev_part part;
	unsigned char flow[sizeof(struct lz_ev_flow)];
};

/* What socketcall(2) is asked for → the call of its own. */
static const int socket_calls[LZ_SOCKETCALLS] = {
	[1] = SYS_socket,   [2] = SYS_bind,    [3] = SYS_connect,   [4] = SYS_listen,
	[5] = SYS_accept,   [11] = SYS_sendto, [12] = SYS_recvfrom, [16] = SYS_sendmsg,
	[17] = SYS_recvmsg, [18] = SYS_accept4};

/* Which program libbpf complained about; it says so only in text. */
static _Thread_local char refused_program[64];

static __attribute__((format(printf, 2, 0))) int hear(enum libbpf_print_level level,
						      const char *fmt, va_list args)
{
	char line[300], *name;

	if (level != LIBBPF_WARN || vsnprintf(line, sizeof(line), fmt, args) < 0)
		return 0;
	name = strstr(line, "prog '");
	if (name && strstr(line, "failed to load"))
		snprintf(refused_program, sizeof(refused_program), "%.*s",
			 (int)strcspn(name + 6, "'"), name + 6);
	return 0;
}

/* --- what is loaded --- */

static void refuse(struct lz_programs *p, const char *what, int error)
{
	struct lz_program_refused *r = &p->refused[p->refused_count];

	for (size_t i = 0; i < p->refused_count; i++)
		if (!strcmp(p->refused[i].what, what))
			return;
	if (p->refused_count == REFUSED_MAX)
		return;
	snprintf(r->what, sizeof(r->what), "%s", what);
	r->error = error;
	p->refused_count++;
}

/* By the program's name, in words: those behind calls have a letter in front of the call's. */
static void refuse_program(struct lz_programs *p, const char *name, int error)
{
	char what[64];

	if (!strncmp(name, "x_", 2))
		snprintf(what, sizeof(what), "%.40s", name + 2);
	else if (!strncmp(name, "c_", 2))
		snprintf(what, sizeof(what), "%.40s of 32-bit programs", name + 2);
	else
		snprintf(what, sizeof(what), "%.40s", name);
	refuse(p, what, error);
}

static void choose(struct bpf_object *o, const char *name, bool wanted)
{
	struct bpf_program *p = bpf_object__find_program_by_name(o, name);

	if (p)
		bpf_program__set_autoload(p, wanted);
}

/* The kernel's own name of the function behind a call is another for one of them. */
static const char *function_of(const char *call)
{
	return strcmp(call, "umount2") ? call : "umount";
}

/* The functions of 32-bit entries are named in one of two ways; a kernel without such entries has
 * neither. */
static void choose_compat(struct bpf_object *o, const char *call)
{
	char name[64], target[96];
	struct bpf_program *p;

	snprintf(name, sizeof(name), "c_%s", call);
	p = bpf_object__find_program_by_name(o, name);
	snprintf(target, sizeof(target), "__ia32_compat_sys_%s", function_of(call));
	if (libbpf_find_vmlinux_btf_id(target, BPF_TRACE_FEXIT) <= 0)
		snprintf(target, sizeof(target), "__ia32_sys_%s", function_of(call));
	if (!p || libbpf_find_vmlinux_btf_id(target, BPF_TRACE_FEXIT) <= 0)
		return;
	if (!bpf_program__set_attach_target(p, 0, target))
		bpf_program__set_autoload(p, true);
}

static void choose_call(struct bpf_object *o, const struct lz_call *c)
{
	char name[64], target[96];
	struct bpf_program *p;

	snprintf(target, sizeof(target), SYS_PREFIX "%s", function_of(c->name));
	/* Without arguments all entries are one function, and BTF may know it by its first name. */
	if (!*c->args && libbpf_find_vmlinux_btf_id(target, BPF_TRACE_FEXIT) <= 0)
		snprintf(target, sizeof(target), "__do_sys_%s", c->name);
	if (libbpf_find_vmlinux_btf_id(target, BPF_TRACE_FEXIT) <= 0)
		return; /* this kernel has no such call */
	snprintf(name, sizeof(name), "x_%s", c->name);
	p = bpf_object__find_program_by_name(o, name);
	if (p && !bpf_program__set_attach_target(p, 0, target))
		bpf_program__set_autoload(p, true);
	choose_compat(o, c->name);
	for (size_t i = 0; i < LZ_SOCKETCALLS; i++)
		if (socket_calls[i] && socket_calls[i] == c->nr)
			choose_compat(o, "socketcall");
}

static bool moves_files(int nr);

static bool is_there(struct lz_programs *p, enum lz_point point, bool *ret_older)
{
	int r = lz_probe_point(point, ret_older);

	if (r)
		refuse(p, lz_probe_what(point), -r);
	return !r;
}

/* One program, or the one for kernels where the same is elsewhere. */
static void choose_point(struct lz_programs *p, enum lz_point point, const char *name,
			 const char *older_name)
{
	bool older, there = is_there(p, point, &older);

	choose(p->skel->obj, older ? older_name : name, there);
}

static void choose_all(struct lz_programs *p, const struct lz_programs_config *c)
{
	static const struct {
		enum lz_point point;
		const char *program;
	} always[] = {
		{LZ_POINT_EXEC, "process_exec"},       {LZ_POINT_FORK, "process_fork"},
		{LZ_POINT_EXIT, "process_exit"},       {LZ_POINT_TASKS, "tasks"},
		{LZ_POINT_CGROUP_MKDIR, "group_made"}, {LZ_POINT_CGROUP_RMDIR, "group_removed"},
	};
	struct bpf_object *o = p->skel->obj;
	bool older;

	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		choose_point(p, always[i].point, always[i].program, NULL);
	if (c->capabilities)
		choose_point(p, LZ_POINT_CAPABLE, "capability_used", "capability_asked");
	if (c->flows)
		choose_point(p, LZ_POINT_TCP_STATE, "tcp_state", NULL);
	if (c->uring)
		choose_point(p, LZ_POINT_URING, "uring_request", "uring_submission");
	if (is_there(p, LZ_POINT_ADDRESS, &older)) {
		static const char *const names[] = {"connect4", "connect6", "sendmsg4",
						    "sendmsg6", "bind4",    "bind6"};
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			choose(o, names[i], true);
	}
	if ((c->dns || c->names || c->flows) && is_there(p, LZ_POINT_PACKET, &older)) {
		choose(o, "packet_out", c->dns || c->flows);
		choose(o, "packet_in", true);
	}
	if (p->path == LZ_PATH_SYS_EXIT) {
		choose(o, "any_call", true);
		return;
	}
	for (size_t i = 0; i < lz_call_count; i++)
		if (lz_calls[i].nr >= 0 &&
		    (c->wanted[lz_calls[i].nr] || lz_calls[i].nr == SELFTEST_CALL ||
		     (c->discard && moves_files(lz_calls[i].nr))))
			choose_call(o, &lz_calls[i]);
}

/* --- settings --- */

/* Calls that change which mount lies where, or give mounts numbers that others had. */
static bool moves_files(int nr)
{
	static const int calls[] = {SYS_mount, SYS_umount2, SYS_move_mount, SYS_pivot_root,
				    SYS_unshare};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i] == nr)
			return true;
	return false;
}

static enum lz_asks asks_of(int nr)
{
	switch (nr) {
	case SYS_connect:
		return LZ_ASKS_CONNECT;
	case SYS_sendto:
	case SYS_sendmsg:
		return LZ_ASKS_SEND;
	case SYS_bind:
		return LZ_ASKS_BIND;
	default:
		return LZ_ASKS_NOTHING;
	}
}

static void want_call(struct lz_sensor *s, const struct lz_programs_config *config,
		      const struct lz_call *c)
{
	uint16_t wanted = config->wanted[c->nr];
	struct lz_call_row *row = &s->rodata->calls[c->nr];
	struct lz_call_arg args[LZ_EV_ARGS];
	size_t n = lz_call_args(c, args);

	for (size_t i = 0; i < n; i++) {
		row->how[i] = (uint8_t)lz_call_how(args[i].kind);
		if (row->how[i] == LZ_HOW_PATH || row->how[i] == LZ_HOW_PATH_AT)
			row->path = (uint8_t)i;
	}
	row->ret_fd = c->ret_fd;
	row->class = (uint8_t)c->class;
	row->wanted = wanted;
	row->discard = c->class == LZ_CLASS_OPEN && c->nr != SYS_open_by_handle_at;
	for (size_t i = 0; i < 2; i++)
		if (c->compat[i])
			s->rodata->compat_calls[c->compat[i]] = (uint16_t)(c->nr + 1);
	row->asks = (uint8_t)asks_of(c->nr);
	row->moves = config->discard && moves_files(c->nr);
	if (wanted || row->moves || c->nr == SELFTEST_CALL)
		s->rodata->calls_wanted[c->nr / 64] |= 1ULL << c->nr % 64;
}

static void set_sockets(struct lz_sensor *s)
{
	for (size_t i = 0; i < LZ_SOCKETCALLS; i++)
		s->rodata->compat_sockets[i] =
			(uint16_t)(socket_calls[i] ? socket_calls[i] + 1 : 0);
}

/* The pids controller's number differs by configuration. */
static int pids_number(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int id = btf ? btf__find_by_name_kind(btf, "cgroup_subsys_id", BTF_KIND_ENUM) : -1,
	    found = 11;
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;

	for (unsigned i = 0; t && i < btf_vlen(t); i++) {
		const struct btf_enum *e = btf_enum(t) + i;
		if (!strcmp(btf__name_by_offset(btf, e->name_off), "pids_cgrp_id"))
			found = e->val;
	}
	btf__free(btf);
	return found;
}

static void fill_settings(struct lz_programs *p, const struct lz_programs_config *c)
{
	struct lz_sensor *s = p->skel;
	size_t row = 0;

#define CALL(name) s->rodata->nr_##name = (uint32_t)lz_calls[row++].nr;
#include "bpf/calls.inc"
#undef CALL
	s->rodata->set_cgroup_v1 = lz_cgroup_is_v1();
	s->rodata->set_pids_subsys = (uint32_t)pids_number();
	s->rodata->set_environment = c->environment;
	s->rodata->set_rings = (uint32_t)p->rings;
	s->rodata->set_own_pid = (uint32_t)getpid();
	s->rodata->set_tokens_per_s = c->tokens_per_s;
	s->rodata->set_discard = c->discard;
	s->rodata->set_flows = c->flows;
	s->rodata->set_dns = c->dns || c->names;
	s->rodata->set_selftest_nr = SELFTEST_CALL;
	s->rodata->uring_wanted = c->uring;
	for (size_t i = 0; i < lz_call_count; i++)
		if (lz_calls[i].nr >= 0)
			want_call(s, c, &lz_calls[i]);
	set_sockets(s);
	bpf_map__set_max_entries(s->maps.scratch, (__u32)(p->cpus * SCRATCH_PER_CPU));
	bpf_map__set_max_entries(s->maps.rings, (__u32)p->rings);
}

/* --- loading --- */

static int make_rings(struct lz_programs *p, size_t bytes, struct lz_err *err)
{
	int outer = bpf_map__fd(p->skel->maps.rings);

	for (__u32 i = 0; i < p->rings; i++) {
		p->ring[i] =
			bpf_map_create(BPF_MAP_TYPE_RINGBUF, "lz_ring", 0, 0, (__u32)bytes, NULL);
		if (p->ring[i] < 0)
			return lz_fail_errno(err, "ring of %zu bytes", bytes);
		if (bpf_map_update_elem(outer, &i, &p->ring[i], BPF_ANY))
			return lz_fail_errno(err, "ring %u", i);
	}
	return 0;
}

static void attach_groups(struct lz_programs *p)
{
	struct bpf_program *x;
	char path[256];
	size_t n = 0;
	int root = -1;

	bpf_object__for_each_program(x, p->skel->obj)
	{
		enum bpf_prog_type t = bpf_program__type(x);
		if (!bpf_program__autoload(x) ||
		    (t != BPF_PROG_TYPE_CGROUP_SOCK_ADDR && t != BPF_PROG_TYPE_CGROUP_SKB))
			continue;
		if (root < 0 && lz_cgroup_mount(false, path, sizeof(path)))
			root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (n == sizeof(p->extra) / sizeof(p->extra[0]))
			break;
		p->extra[n] = root < 0 ? NULL : bpf_program__attach_cgroup(x, root);
		if (p->extra[n])
			n++;
		else
			refuse_program(p, bpf_program__name(x), root < 0 ? ENOENT : errno);
	}
	if (root >= 0)
		close(root);
}

/* Without it nothing else is of use. */
static bool is_vital(const char *program)
{
	return !strcmp(program, "process_exec") || !strcmp(program, "any_call");
}

static int attach_tracing(struct lz_programs *p, struct lz_err *err)
{
	struct bpf_program *x;

	bpf_object__for_each_program(x, p->skel->obj)
	{
		if (!bpf_program__autoload(x) || bpf_program__type(x) != BPF_PROG_TYPE_TRACING ||
		    bpf_program__expected_attach_type(x) == BPF_TRACE_ITER)
			continue;
		p->links[p->link_count] = bpf_program__attach(x);
		if (p->links[p->link_count])
			p->link_count++;
		else if (is_vital(bpf_program__name(x)))
			return lz_fail_errno(err, "attaching %s", bpf_program__name(x));
		else
			refuse_program(p, bpf_program__name(x), errno);
	}
	return 0;
}

/* A program that is refused is left out and the rest tried again. */
static int load(struct lz_programs *p, const struct lz_programs_config *c, struct lz_err *err)
{
	struct lz_program_refused without[TRIES];
	size_t n = 0;

	for (;;) {
		int r;
		p->skel = lz_sensor__open();
		if (!p->skel)
			return lz_fail_errno(err, "reading the kernel programs");
		p->refused_count = 0;
		choose_all(p, c);
		fill_settings(p, c);
		for (size_t i = 0; i < n; i++) {
			choose(p->skel->obj, without[i].what, false);
			refuse_program(p, without[i].what, without[i].error);
		}
		refused_program[0] = 0;
		r = lz_sensor__load(p->skel);
		if (!r)
			return 0;
		lz_sensor__destroy(p->skel);
		p->skel = NULL;
		if (!refused_program[0] || n == TRIES || is_vital(refused_program)) {
			errno = -r;
			return lz_fail_errno(err, "loading %s",
					     refused_program[0] ? refused_program
								: "the kernel programs");
		}
		without[n].error = -r;
		snprintf(without[n++].what, sizeof(without[0].what), "%s", refused_program);
	}
}

static int choose_path(struct lz_programs *p, enum lz_call_path asked, struct lz_err *err)
{
	bool older;
	int fexit = asked == LZ_PATH_SYS_EXIT ? -EOPNOTSUPP
					      : lz_probe_point(LZ_POINT_FEXIT, &older);
	int all = lz_probe_point(LZ_POINT_SYS_EXIT, &older);

	p->path = fexit ? LZ_PATH_SYS_EXIT : LZ_PATH_FEXIT;
	if (!fexit || (asked != LZ_PATH_FEXIT && !all))
		return 0;
	errno = asked == LZ_PATH_FEXIT ? -fexit : -all;
	return lz_fail_errno(err, "this kernel takes no program behind system calls");
}

static int set_up(struct lz_programs *p, const struct lz_programs_config *c, struct lz_err *err)
{
	int r, cpus = libbpf_num_possible_cpus();

	if (!lz_probe_btf())
		return lz_fail(
			err, LZ_E_UNSUPPORTED,
			"this kernel has no /sys/kernel/btf/vmlinux (CONFIG_DEBUG_INFO_BTF)");
	p->cpus = cpus > 0 ? (size_t)cpus : 1;
	p->rings = (p->cpus + 1) / 2 < RINGS_MAX ? (p->cpus + 1) / 2 : RINGS_MAX;
	r = choose_path(p, c->path, err);
	if (!r)
		r = load(p, c, err);
	if (!r)
		r = make_rings(p, c->ring_bytes, err);
	if (r || c->trial)
		return r;
	attach_groups(p);
	return attach_tracing(p, err);
}

struct lz_programs *lz_programs_load(const struct lz_programs_config *c, struct lz_err *err)
{
	struct lz_programs *p = lz_alloc(sizeof(*p));
	libbpf_print_fn_t before;
	struct lz_err own = {0};
	int r;

	if (!p) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	for (size_t i = 0; i < RINGS_MAX; i++)
		p->ring[i] = -1;
	before = libbpf_set_print(hear);
	r = set_up(p, c, &own);
	libbpf_set_print(before);
	if (!r)
		return p;
	if (err)
		*err = own;
	lz_programs_free(p);
	return NULL;
}

void lz_programs_detach(struct lz_programs *p)
{
	for (size_t i = 0; i < p->link_count; i++)
		bpf_link__destroy(p->links[i]);
	p->link_count = 0;
	for (size_t i = 0; i < sizeof(p->extra) / sizeof(p->extra[0]); i++) {
		bpf_link__destroy(p->extra[i]);
		p->extra[i] = NULL;
	}
}

void lz_programs_free(struct lz_programs *p)
{
	if (!p)
		return;
	lz_programs_detach(p);
	for (size_t i = 0; i < RINGS_MAX; i++)
		if (p->ring[i] >= 0)
			close(p->ring[i]);
	lz_sensor__destroy(p->skel);
	lz_free(p);
}

/* --- while they run --- */

size_t lz_programs_refused(const struct lz_programs *p, const struct lz_program_refused **ret)
{
	*ret = p->refused;
	return p->refused_count;
}

enum lz_call_path lz_programs_path(const struct lz_programs *p)
{
	return p->path;
}

size_t lz_programs_rings(const struct lz_programs *p, const int **ret_fds)
{
	*ret_fds = p->ring;
	return p->rings;
}

void lz_programs_counts(const struct lz_programs *p, uint64_t ret[LZ_COUNTS])
{
	int fd = bpf_map__fd(p->skel->maps.counts);
	uint64_t *each = lz_alloc(p->cpus * sizeof(*each));

	memset(ret, 0, LZ_COUNTS * sizeof(*ret));
	for (__u32 k = 0; each && k < LZ_COUNTS; k++)
		if (!bpf_map_lookup_elem(fd, &k, each))
			for (size_t i = 0; i < p->cpus; i++)
				ret[k] += each[i];
	lz_free(each);
}

size_t lz_programs_lost_by_cpu(const struct lz_programs *p, uint64_t *ret, size_t n)
{
	int fd = bpf_map__fd(p->skel->maps.counts);
	uint64_t *each = lz_alloc(p->cpus * sizeof(*each));
	u32 lost = LZ_COUNT_LOST;
	size_t cpus = p->cpus < n ? p->cpus : n;

	if (!each || bpf_map_lookup_elem(fd, &lost, each))
		cpus = 0;
	if (cpus)
		memcpy(ret, each, cpus * sizeof(*each));
	lz_free(each);
	return cpus;
}

uint64_t lz_programs_missed(const struct lz_programs *p)
{
	struct bpf_program *x;
	uint64_t n = 0;

	bpf_object__for_each_program(x, p->skel->obj)
	{
		struct bpf_prog_info info = {0};
		__u32 size = sizeof(info);
		int fd = bpf_program__fd(x);
		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size))
			n += info.recursion_misses;
	}
	return n;
}

void lz_programs_group(struct lz_programs *p, uint64_t cgroup, unsigned known)
{
	int fd = bpf_map__fd(p->skel->maps.cgroups);
	struct lz_cgroup_state s = {.known = known};

	if (!known)
		bpf_map_delete_elem(fd, &cgroup);
	else
		bpf_map_update_elem(fd, &cgroup, &s, BPF_ANY);
}

bool lz_programs_throttled(const struct lz_programs *p, uint64_t cgroup, uint64_t *ret_dropped,
			   bool *ret_now)
{
	struct lz_cgroup_state s;

	if (bpf_map_lookup_elem(bpf_map__fd(p->skel->maps.cgroups), &cgroup, &s))
		return false;
	*ret_dropped = s.dropped;
	*ret_now = s.throttled;
	return true;
}

static void end_of(const struct lz_udp_key *k, const struct lz_udp_flow *u, uint64_t now_ns,
		   struct lz_flow_record *r)
{
	struct lz_ev_flow f = {.socket = {.family = k->family,
					  .type = 2,
					  .protocol = 17,
					  .local_port = k->local_port,
					  .remote_port = k->remote_port},
			       .sent_bytes = u->sent_bytes,
			       .received_bytes = u->received_bytes,
			       .began_ns = u->began_ns,
			       .ended = 1,
			       .server = u->server};

	memcpy(f.socket.local, u->local, 16);
	memcpy(f.socket.remote, k->remote, 16);
	*r = (struct lz_flow_record){.head = {.size = sizeof(*r),
					      .kind = LZ_EV_FLOW,
					      .time_ns = now_ns,
					      .start_ns = u->start_ns,
					      .cgroup = u->cgroup,
					      .pid = u->pid,
					      .tid = u->pid,
					      .uid = u->uid,
					      .gid = u->gid,
					      .loginuid = UINT32_MAX,
					      .flags = LZ_EVF_OTHER},
				     .part = {LZ_PART_FLOW, sizeof(f)}};
	memcpy(r->head.comm, u->comm, sizeof(u->comm));
	memcpy(r->flow, &f, sizeof(f));
}

void lz_programs_silent(struct lz_programs *p, uint64_t now_ns, uint64_t silent_ns,
			void (*each)(void *arg, struct lz_span record), void *arg)
{
	int fd = bpf_map__fd(p->skel->maps.conversations);
	struct lz_udp_key key, next;
	struct lz_udp_flow u;
	struct lz_flow_record r;
	bool more = !bpf_map_get_next_key(fd, NULL, &next);

	/* Bounded: others begin while this goes on. */
	for (unsigned i = 0; more && i < 16384; i++) {
		key = next;
		more = !bpf_map_get_next_key(fd, &key, &next);
		if (bpf_map_lookup_elem(fd, &key, &u) || u.last_ns + silent_ns > now_ns)
			continue;
		bpf_map_delete_elem(fd, &key);
		end_of(&key, &u, now_ns, &r);
		each(arg, lz_span(&r, sizeof(r)));
	}
}

void lz_programs_discard(struct lz_programs *p, const struct lz_ev_learn *file)
{
	bpf_map_update_elem(bpf_map__fd(p->skel->maps.discarded), &file->key, &file->age, BPF_ANY);
}

void lz_programs_forget(struct lz_programs *p)
{
	__atomic_fetch_add(&p->skel->bss->discard_age, 1, __ATOMIC_RELAXED);
}

int lz_programs_tasks(struct lz_programs *p, void (*each)(void *arg, struct lz_span record),
		      void *arg, struct lz_err *err)
{
	struct bpf_link *link = NULL;
	char *buf = lz_alloc(2 * LZ_EV_MAX);
	size_t have = 0;
	ssize_t n = 0;
	int fd = -1;

	if (bpf_program__fd(p->skel->progs.tasks) >= 0)
		link = bpf_program__attach_iter(p->skel->progs.tasks, NULL);
	if (link)
		fd = bpf_iter_create(bpf_link__fd(link));
	while (buf && fd >= 0 && (n = read(fd, buf + have, 2 * LZ_EV_MAX - have)) > 0) {
		size_t at = 0;
		uint32_t size;
		have += (size_t)n;
		while (have - at >= sizeof(size)) {
			memcpy(&size, buf + at, sizeof(size));
			if (size < sizeof(struct lz_ev) || size > have - at)
				break;
			each(arg, lz_span(buf + at, size));
			at += size;
		}
		memmove(buf, buf + at, have - at);
		have -= at;
	}
	if (!buf)
		lz_fail(err, LZ_E_NOMEM, "out of memory");
	else if (fd < 0 || n < 0)
		lz_fail_errno(err, "walking the processes");
	else
		n = 1;
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	lz_free(buf);
	return n == 1 ? 0 : -1;
}

void lz_programs_selftest(uint32_t nonce)
{
	syscall(SELFTEST_CALL, LZ_SELFTEST_FD, nonce);
}
