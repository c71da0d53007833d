/* SPDX-License-Identifier: Apache-2.0 */
#include "facts.h"

#include "../base/alloc.h"
#include "../base/clean.h"
#include "../profile/shape.h"
#include "../sensor/calls.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { VALUES = LZ_HOST_NAMES + 2, VALUE_MAX = 64 * 1024 };

struct lz_fact_reader {
	struct lz_procs *procs;
	struct lz_cgroups *groups;
	const struct lz_field *names;
	struct lz_buf value[VALUES], path;
	size_t values; /* in use for the event at hand */
};

/* Calls that few programs make and that change what a container may do. */
static const char *const noted[] = {
	"bpf",
	"chroot",
	"delete_module",
	"finit_module",
	"fsconfig",
	"fsmount",
	"fsopen",
	"init_module",
	"io_uring_setup",
	"kexec_file_load",
	"kexec_load",
	"keyctl",
	"memfd_create",
	"mknod",
	"mknodat",
	"mount",
	"move_mount",
	"open_by_handle_at",
	"open_tree",
	"perf_event_open",
	"pidfd_getfd",
	"pivot_root",
	"process_vm_readv",
	"process_vm_writev",
	"ptrace",
	"setns",
	"umount2",
	"unshare",
	"userfaultfd",
};

static bool is_noted(const struct lz_call *c)
{
	for (size_t i = 0; i < sizeof(noted) / sizeof(noted[0]); i++)
		if (!strcmp(noted[i], c->name))
			return true;
	return false;
}

struct lz_fact_reader *lz_fact_reader_new(struct lz_engine *engine, struct lz_err *err)
{
	struct lz_fact_reader *r = lz_alloc(sizeof(*r));
	struct lz_span arg;

	if (!r) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	r->procs = lz_engine_procs(engine);
	r->groups = lz_engine_cgroups(engine);
	r->names = lz_field_find(LZ_SPAN("fd.rip.name"), &arg);
	for (size_t i = 0; i < VALUES; i++)
		lz_buf_init(&r->value[i], VALUE_MAX);
	lz_buf_init(&r->path, VALUE_MAX);
	return r;
}

void lz_fact_reader_free(struct lz_fact_reader *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < VALUES; i++)
		lz_buf_done(&r->value[i]);
	lz_buf_done(&r->path);
	lz_free(r);
}

static struct lz_buf *next_value(struct lz_fact_reader *r)
{
	struct lz_buf *b = &r->value[r->values < VALUES ? r->values++ : VALUES - 1];

	lz_buf_clear(b);
	return b;
}

/* Where the beginning was not seen, its name is all there is to go by. */
static bool is_runtime(const struct lz_proc *p)
{
	static const char *const names[] = {"runc", "crun", "youki", "containerd-shim-runc-v2"};
	struct lz_span exe = lz_shared_span(p->exe_path);

	if (lz_span_starts(lz_span(p->task.comm, sizeof(p->task.comm)), "runc:["))
		return true;
	exe = lz_span_from(exe, (size_t)(lz_span_rfind(exe, '/') + 1));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (lz_span_is(exe, names[i]))
			return true;
	return false;
}

static bool in_container(const struct lz_fact_reader *r, const struct lz_proc *p)
{
	struct lz_cgroup *g = lz_cgroups_find(r->groups, p->task.cgroup, p->task.pid);

	return g && g->in_container;
}

static struct lz_proc *parent_of(const struct lz_fact_reader *r, const struct lz_proc *p)
{
	return p->task.ppid ? lz_procs_find(r->procs, p->task.ppid, p->task.parent_start_ns) : NULL;
}

/* A runtime starts itself outside and moves in, or is put into the container at birth by one who is
 * not, and still sees the host's files. */
void lz_facts_meet(struct lz_fact_reader *r, const struct lz_seen *e)
{
	const struct lz_proc *parent;

	if (e->record->head.kind != LZ_EV_EXEC)
		return;
	parent = parent_of(r, e->proc);
	e->proc->began = LZ_BEGAN_INSIDE;
	if (!e->group || !e->group->in_container ||
	    (parent && parent->task.mntns == e->proc->task.mntns && !in_container(r, parent)))
		e->proc->began = LZ_BEGAN_OUTSIDE;
}

static bool is_outsider(const struct lz_proc *p)
{
	return p->began == LZ_BEGAN_UNSEEN ? is_runtime(p) : p->began == LZ_BEGAN_OUTSIDE;
}

/* --- programs --------------------------------------------------------------------------------- */

static bool program(struct lz_fact_reader *r, const struct lz_seen *e, struct lz_facts *ret)
{
	const struct lz_ev_task *t = &e->proc->task;
	struct lz_proc *parent = t->ppid ? lz_procs_find(r->procs, t->ppid, t->parent_start_ns)
					 : NULL;
	struct lz_buf *path = next_value(r), *from = next_value(r);

	if (!e->proc->exe_path)
		return false;
	lz_shape_program(path, lz_shared_span(e->proc->exe_path));
	if (!parent || !parent->exe_path || !in_container(r, parent) || is_outsider(parent))
		lz_buf_str(from, LZ_PARENT_OUTSIDE);
	else
		lz_shape_program(from, lz_shared_span(parent->exe_path));
	ret->fact = (struct lz_fact){LZ_FACT_PROGRAM, lz_buf_view(path), lz_buf_view(from)};
	return !path->code && !from->code;
}

/* --- files ------------------------------------------------------------------------------------ */

static bool folder(struct lz_fact_reader *r, struct lz_span path, bool of_file,
		   enum lz_fact_kind kind, struct lz_facts *ret)
{
	struct lz_buf *b = next_value(r);
	ptrdiff_t at = of_file ? lz_span_rfind(path, '/') : -1;

	if (of_file)
		path = lz_span_head(path, at > 0 ? (size_t)at : 0);
	lz_shape_folder(b, path);
	ret->fact = (struct lz_fact){kind, lz_buf_view(b), lz_span(NULL, 0)};
	return !b->code;
}

static bool opened(struct lz_fact_reader *r, const struct lz_seen *e, struct lz_facts *ret)
{
	struct lz_ev_file f;
	unsigned flags;

	if (e->record->head.ret < 0 || !lz_record_copy(e->record, LZ_PART_RET_FILE, &f, sizeof(f)))
		return false;
	if (!S_ISREG(f.mode) && !S_ISDIR(f.mode) && !S_ISBLK(f.mode) && !S_ISCHR(f.mode))
		return false;
	lz_buf_clear(&r->path);
	if (lz_record_path(e->record, LZ_PART_RET_PATH, &r->path, &flags) ||
	    (flags & LZ_PATH_NO_MOUNT))
		return false;
	/* A device is no file among others: /dev/null says nothing of /dev/sda. */
	return folder(r, lz_buf_view(&r->path), S_ISREG(f.mode),
		      f.flags & LZ_FILE_WRITE ? LZ_FACT_WRITE : LZ_FACT_READ, ret);
}

/* --- connections ------------------------------------------------------------------------------ */

static struct lz_span protocol_of(const struct lz_seen *e)
{
	struct lz_span s = lz_view_ask(e->view, "fd.l4proto");

	return lz_span_is(s, "<NA>") ? LZ_SPAN("other") : s;
}

static bool to_unix(struct lz_fact_reader *r, const struct lz_seen *e, struct lz_facts *ret)
{
	struct lz_span name = e->record->part[LZ_PART_UNIX];
	struct lz_buf *b = next_value(r);

	if (!name.n || e->record->head.ret < 0)
		return false;
	lz_buf_clear(&r->path);
	if (name.p[0]) {
		lz_buf_add(&r->path, name.p, strnlen(name.p, name.n));
	} else { /* an abstract name; "@" as tools show it */
		lz_buf_byte(&r->path, '@');
		lz_buf_add(&r->path, name.p + 1, name.n - 1);
	}
	lz_shape_destination(b, LZ_SPAN("unix"), lz_buf_view(&r->path), 0);
	ret->fact = (struct lz_fact){LZ_FACT_DESTINATION, lz_buf_view(b), lz_span(NULL, 0)};
	return !b->code && !r->path.code;
}

static void add_destination(struct lz_fact_reader *r, struct lz_facts *ret, struct lz_span protocol,
			    struct lz_span host, unsigned port)
{
	struct lz_buf *b = next_value(r);
	struct lz_fact f = {.kind = LZ_FACT_DESTINATION};

	if (lz_shape_destination(b, protocol, host, port))
		return;
	f.value = lz_buf_view(b);
	if (!ret->fact.value.n)
		ret->fact = f;
	else if (ret->others < LZ_HOST_NAMES)
		ret->other[ret->others++] = f;
}

static bool to_address(struct lz_fact_reader *r, const struct lz_seen *e, struct lz_facts *ret)
{
	struct lz_watch_event *v = lz_view_event(e->view);
	struct lz_span protocol = protocol_of(e), address = lz_view_ask(e->view, "fd.rip");
	const struct lz_datum *name;
	uint64_t port;
	size_t n;

	if (!protocol.n || !address.n ||
	    !lz_span_u64(lz_view_ask(e->view, "fd.rport"), 10, &port) ||
	    (!port && lz_span_is(protocol, "udp")))
		return false;
	n = r->names ? v->get(v, r->names, lz_span(NULL, 0), &name) : 0;
	for (size_t i = 0; i < n && i < LZ_HOST_NAMES; i++)
		if (name[i].text.n)
			add_destination(r, ret, protocol, name[i].text, (unsigned)port);
	add_destination(r, ret, protocol, address, (unsigned)port);
	return ret->fact.value.n > 0;
}

static bool connected(struct lz_fact_reader *r, const struct lz_seen *e, struct lz_facts *ret)
{
	struct lz_ev_socket s;

	if (!lz_record_copy(e->record, LZ_PART_SOCKET, &s, sizeof(s)))
		return false;
	return s.family == AF_UNIX ? to_unix(r, e, ret) : to_address(r, e, ret);
}

static bool sent(struct lz_fact_reader *r, const struct lz_seen *e, struct lz_facts *ret)
{
	/* The first datagram to each end is enough. */
	return lz_span_is(lz_view_ask(e->view, "fd.name_changed"), "true") && connected(r, e, ret);
}

static bool listening(struct lz_fact_reader *r, const struct lz_seen *e, struct lz_facts *ret)
{
	struct lz_span protocol = protocol_of(e);
	struct lz_buf *b = next_value(r);
	struct lz_ev_socket s;

	if (e->record->head.ret < 0 || !protocol.n ||
	    !lz_record_copy(e->record, LZ_PART_SOCKET, &s, sizeof(s)) || !s.local_port ||
	    (e->record->head.nr == SYS_bind) == lz_span_is(protocol, "tcp"))
		return false;
	lz_shape_listen(b, protocol, s.local_port);
	ret->fact = (struct lz_fact){LZ_FACT_LISTEN, lz_buf_view(b), lz_span(NULL, 0)};
	return !b->code;
}

/* --- events ----------------------------------------------------------------------------------- */

static bool called(struct lz_fact_reader *r, const struct lz_seen *e, struct lz_facts *ret)
{
	const struct lz_call *c = lz_call_by_nr(e->record->head.nr);

	if (!c)
		return false;
	if (is_noted(c)) {
		ret->fact = (struct lz_fact){LZ_FACT_CALL, lz_str(c->name), lz_span(NULL, 0)};
		return true;
	}
	if (c->class == LZ_CLASS_OPEN)
		return opened(r, e, ret);
	switch (c->nr) {
	case SYS_connect:
		return connected(r, e, ret);
	case SYS_sendto:
	case SYS_sendmsg:
		return sent(r, e, ret);
	case SYS_bind:
	case SYS_listen:
		return listening(r, e, ret);
	default:
		return false;
	}
}

bool lz_facts_of(struct lz_fact_reader *r, const struct lz_seen *e, struct lz_facts *ret)
{
	const char *cap;

	*ret = (struct lz_facts){0};
	r->values = 0;
	if (is_outsider(e->proc))
		return false;
	switch (e->record->head.kind) {
	case LZ_EV_EXEC:
		return program(r, e, ret);
	case LZ_EV_CALL:
		return called(r, e, ret);
	case LZ_EV_CAPABILITY:
		cap = lz_cap_name((unsigned)e->record->head.ret);
		ret->fact = (struct lz_fact){LZ_FACT_CAPABILITY, lz_str(cap), lz_span(NULL, 0)};
		return cap != NULL;
	default:
		return false;
	}
}

bool lz_facts_about(struct lz_fact_reader *r, const struct lz_seen *e, struct lz_facts *ret)
{
	struct lz_span path;

	if (lz_facts_of(r, e, ret)) {
		ret->fact.parent = lz_span(NULL, 0);
		return true;
	}
	if (is_outsider(e->proc) || e->record->head.kind != LZ_EV_CALL)
		return false;
	path = lz_view_ask(e->view, "fs.path.name"); /* removed, renamed, made */
	if (path.n)
		return folder(r, path, true, LZ_FACT_WRITE, ret);
	path = lz_view_ask(e->view, "fd.directory");
	return path.n && folder(r, path, false, LZ_FACT_WRITE, ret);
}

/* --- what the kernel has to send -------------------------------------------------------------- */

enum {
	IN = LZ_CLASS_CONTAINER,
	FAILED = LZ_CLASS_FAILED,
	READS = 0,
	WRITES = 1,
	TCP = 1,
	IP = 2,
	UNIX = 3
};

static uint16_t bit(unsigned class, unsigned what)
{
	return (uint16_t)(1U << (class | LZ_CLASS_WHAT(what)));
}

static uint16_t wanted(const struct lz_call *c, enum lz_profile_use use)
{
	if (is_noted(c))
		return bit(IN, 0) | bit(IN | FAILED, 0) |
		       (c->class == LZ_CLASS_OPEN ? bit(IN, WRITES) : 0);
	if (c->class == LZ_CLASS_OPEN)
		return bit(IN, WRITES) | (use == LZ_PROFILE_LEARN ? bit(IN, READS) : 0);
	switch (c->nr) {
	case SYS_connect:
		return bit(IN, TCP) | bit(IN | FAILED, TCP) | bit(IN, IP) | bit(IN | FAILED, IP) |
		       bit(IN, UNIX);
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_bind:
		return bit(IN, IP);
	case SYS_listen:
		return bit(IN, TCP);
	default:
		return 0;
	}
}

void lz_facts_want(enum lz_profile_use use, struct lz_programs_config *c)
{
	if (use == LZ_PROFILE_UNUSED)
		return;
	for (size_t i = 0; i < lz_call_count; i++)
		if (lz_calls[i].nr >= 0)
			c->wanted[lz_calls[i].nr] |= wanted(&lz_calls[i], use);
	c->capabilities = true;
	c->names = true; /* addresses are called by the names that led to them */
}
