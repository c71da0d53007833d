/* SPDX-License-Identifier: Apache-2.0 */
#include "view_in.h"

#include "../base/alloc.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/syscall.h>

/* --- memory --- */

/* A family of processes that all have long command lines must not leave other fields unanswered. */
static bool next_block(struct lz_view *v)
{
	char *p = v->blocks < VIEW_BLOCKS ? lz_alloc(VIEW_BYTES) : NULL;

	if (!p)
		return false;
	v->block[v->blocks++] = v->mem = p;
	v->used = 0;
	return true;
}

static void forget_blocks(struct lz_view *v)
{
	while (v->blocks > 1)
		lz_free(v->block[--v->blocks]);
	v->mem = v->block[0];
	v->used = 0;
}

void *lz_view_take(struct lz_view *v, size_t n)
{
	size_t at = (v->used + 15) & ~(size_t)15;

	if (n <= VIEW_BYTES && at > VIEW_BYTES - n && next_block(v))
		at = 0;
	if (n > VIEW_BYTES || at > VIEW_BYTES - n)
		return NULL;
	v->used = at + n;
	return v->mem + at;
}

struct lz_span lz_view_keep(struct lz_view *v, struct lz_span s)
{
	char *p = lz_view_take(v, s.n);

	if (!p)
		return lz_span("", 0);
	if (s.n)
		memcpy(p, s.p, s.n);
	return lz_span(p, s.n);
}

void lz_view_begin(struct lz_view *v)
{
	if (v->used > VIEW_BYTES - VIEW_TEXT)
		next_block(v);
	v->open = v->mem + v->used;
}

void lz_view_add(struct lz_view *v, struct lz_span s)
{
	size_t room = VIEW_BYTES - v->used;
	size_t n = s.n < room ? s.n : room;

	if (n)
		memcpy(v->mem + v->used, s.p, n);
	v->used += n;
}

void lz_view_str(struct lz_view *v, const char *s)
{
	lz_view_add(v, lz_str(s));
}

void lz_view_num(struct lz_view *v, int64_t n)
{
	char buf[24];

	snprintf(buf, sizeof(buf), "%lld", (long long)n);
	lz_view_str(v, buf);
}

struct lz_span lz_view_end(struct lz_view *v)
{
	return lz_span(v->open, (size_t)(v->mem + v->used - v->open));
}

void lz_view_address(struct lz_view *v, const unsigned char *ip, unsigned bytes)
{
	char text[INET6_ADDRSTRLEN];

	if (inet_ntop(bytes == 4 ? AF_INET : AF_INET6, ip, text, sizeof(text)))
		lz_view_str(v, text);
}

/* --- answers --- */

size_t lz_view_text(struct lz_view *v, struct lz_span s, const struct lz_datum **ret)
{
	struct lz_datum *d = lz_view_take(v, sizeof(*d));

	if (!d)
		return 0;
	*d = (struct lz_datum){.text = s.p ? s : lz_span("", 0)};
	*ret = d;
	return 1;
}

size_t lz_view_cstr(struct lz_view *v, const char *s, const struct lz_datum **ret)
{
	return s ? lz_view_text(v, lz_str(s), ret) : 0;
}

size_t lz_view_enum(struct lz_view *v, int64_t n, struct lz_span name, const struct lz_datum **ret)
{
	struct lz_datum *d = lz_view_take(v, sizeof(*d));

	if (!d)
		return 0;
	*d = (struct lz_datum){.text = name, .num = n, .has_num = true};
	*ret = d;
	return 1;
}

size_t lz_view_int(struct lz_view *v, int64_t n, const struct lz_datum **ret)
{
	lz_view_begin(v);
	lz_view_num(v, n);
	return lz_view_enum(v, n, lz_view_end(v), ret);
}

size_t lz_view_bool(struct lz_view *v, bool b, const struct lz_datum **ret)
{
	return lz_view_enum(v, b, b ? LZ_SPAN("true") : LZ_SPAN("false"), ret);
}

size_t lz_view_ip(struct lz_view *v, const unsigned char *ip, unsigned bytes,
		  const struct lz_datum **ret)
{
	struct lz_datum *d = lz_view_take(v, sizeof(*d));

	if (!d)
		return 0;
	*d = (struct lz_datum){.ip_bytes = (unsigned char)bytes};
	memcpy(d->ip, ip, bytes);
	lz_view_begin(v);
	lz_view_address(v, ip, bytes);
	d->text = lz_view_end(v);
	*ret = d;
	return 1;
}

/* --- arguments --- */

struct lz_span lz_view_path_part(struct lz_view *v, unsigned part, unsigned *ret_flags)
{
	struct lz_span name[LZ_PATH_DEPTH];
	size_t n = lz_record_names(v->at.record, part, name, ret_flags);

	if (!lz_record_has(v->at.record, part))
		return lz_span(NULL, 0);
	lz_view_begin(v);
	if (!n)
		lz_view_str(v, "/");
	if (*ret_flags & LZ_PATH_CUT)
		lz_view_str(v, "…");
	while (n--) {
		if (n || !(*ret_flags & LZ_PATH_NO_MOUNT))
			lz_view_str(v, "/");
		lz_view_add(v, name[n]);
	}
	return lz_view_end(v);
}

bool lz_view_arg_number(struct lz_view *v, unsigned i, uint64_t *ret)
{
	return i < LZ_EV_ARGS && lz_record_number(v->at.record, LZ_PART_ARG + i, ret);
}

struct lz_span lz_view_arg_text(struct lz_view *v, unsigned i)
{
	return lz_record_text(v->at.record, LZ_PART_ARG + i);
}

/* Appends the components of s to the path that is open: "." goes, ".." takes one away. */
static void add_components(struct lz_view *v, struct lz_span s)
{
	struct lz_span word;

	while (s.n) {
		lz_span_cut(s, '/', &word, &s);
		if (!word.n || lz_span_is(word, "."))
			continue;
		if (lz_span_is(word, "..")) {
			struct lz_span so_far = lz_view_end(v);
			ptrdiff_t at = lz_span_rfind(so_far, '/');
			v->used -= at >= 0 ? so_far.n - (size_t)at : 0;
			continue;
		}
		lz_view_str(v, "/");
		lz_view_add(v, word);
	}
}

struct lz_span lz_view_arg_path(struct lz_view *v, unsigned i)
{
	struct lz_span given = lz_view_arg_text(v, i), base = lz_span(NULL, 0);
	unsigned flags;

	if (!given.p)
		return given;
	if (v->shape->arg[i].kind == 'c' && v->at.record->head.ret >= 0)
		return lz_view_path_part(v, LZ_PART_CWD, &flags);
	if (given.n && given.p[0] != '/') {
		if (i > 0 && lz_record_has(v->at.record, LZ_PART_PATH + i - 1))
			base = lz_view_path_part(v, LZ_PART_PATH + i - 1, &flags);
		else if (lz_record_has(v->at.record, LZ_PART_CWD))
			base = lz_view_path_part(v, LZ_PART_CWD, &flags);
		else
			base = lz_shared_span(v->at.proc->cwd);
	}
	lz_view_begin(v);
	add_components(v, base);
	add_components(v, given);
	if (v->open == v->mem + v->used)
		lz_view_str(v, "/");
	return lz_view_end(v);
}

bool lz_view_open_flags(struct lz_view *v, uint64_t *ret_flags, uint64_t *ret_mode)
{
	const struct lz_call_shape *s = v->shape;
	bool found = false;

	*ret_flags = *ret_mode = 0;
	if (!s || s->call->class != LZ_CLASS_OPEN)
		return false;
	if (s->call->nr == SYS_creat)
		*ret_flags = 01 | 0100 | 01000;
	for (unsigned i = 0; i < s->args; i++) {
		struct lz_span how = v->at.record->part[LZ_PART_ARG + i];
		if (s->arg[i].kind == 'O')
			found |= lz_view_arg_number(v, i, ret_flags);
		else if (s->arg[i].kind == 'M')
			lz_view_arg_number(v, i, ret_mode);
		else if (s->arg[i].kind == 'H' && how.n >= 16) {
			memcpy(ret_flags, how.p, 8);
			memcpy(ret_mode, how.p + 8, 8);
			found = true;
		}
	}
	*ret_flags &= 0xffffffff;
	return found || s->call->nr == SYS_creat;
}

/* --- the view itself --- */

static size_t get(struct lz_watch_event *e, const struct lz_field *f, struct lz_span arg,
		  const struct lz_datum **ret)
{
	struct lz_view *v = (struct lz_view *)(void *)e;
	lz_getter *g = (lz_getter *)(uintptr_t)v->getters[f - lz_fields];

	return g && v->at.record ? g(v, arg, ret) : 0;
}

static const struct lz_getter_row *const families[] = {
	lz_getters_event,  lz_getters_proc, lz_getters_fd, lz_getters_net,
	lz_getters_thread, lz_getters_who,  lz_getters_own};

static lz_getter *getter_of(const struct lz_field *f)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		for (const struct lz_getter_row *r = families[i]; r->field; r++)
			if (!strcmp(r->field, f->name))
				return r->get;
	return NULL;
}

struct lz_span lz_view_ask(struct lz_view *v, const char *field)
{
	struct lz_span arg;
	const struct lz_field *f = lz_field_find(lz_str(field), &arg);
	const struct lz_datum *d;

	return f && get(&v->e, f, arg, &d) ? d->text : lz_span(NULL, 0);
}

bool lz_view_answers(const struct lz_field *f)
{
	return getter_of(f) != NULL;
}

static void shape_call(struct lz_call_shape *s, const struct lz_call *c)
{
	s->call = c;
	s->args = (uint8_t)lz_call_args(c, s->arg);
	s->fd = s->path[0] = s->path[1] = -1;
	s->kind = (int16_t)lz_event_kind(lz_str(c->name));
	for (unsigned i = 0; i < s->args; i++) {
		char k = s->arg[i].kind;
		if (k == 'F' && s->fd < 0)
			s->fd = (int8_t)i;
		if (k == 'P' || k == 'A' || k == 'c' ||
		    (k == 'S' && lz_span_is(s->arg[i].name, "target")))
			s->path[s->path[0] >= 0] = (int8_t)i;
	}
}

static void set_kinds(struct lz_view *v)
{
	static const char *const names[LZ_EV_KINDS] = {
		[LZ_EV_EXEC] = "execve",
		[LZ_EV_FORK] = "clone",
		[LZ_EV_EXIT] = "procexit",
		[LZ_EV_CGROUP] = "cgroup",
		[LZ_EV_CAPABILITY] = "capability",
		[LZ_EV_FLOW] = "flow",
		[LZ_EV_DNS] = "dns",
		[LZ_EV_IO_URING] = "io_uring",
		[LZ_EV_THROTTLE] = "throttle",
		[LZ_EV_SELFTEST] = "selftest",
		[LZ_EV_STATS] = "stats",
	};

	for (size_t i = 0; i < LZ_EV_KINDS; i++)
		v->kinds[i] = names[i] ? (int16_t)lz_event_kind(lz_str(names[i])) : -1;
	v->execveat = (int16_t)lz_event_kind(LZ_SPAN("execveat"));
	v->fork = (int16_t)lz_event_kind(LZ_SPAN("fork"));
	v->vfork = (int16_t)lz_event_kind(LZ_SPAN("vfork"));
	v->clone3 = (int16_t)lz_event_kind(LZ_SPAN("clone3"));
}

struct lz_view *lz_view_new(const struct lz_view_sources *s, struct lz_err *err)
{
	struct lz_view *v = lz_alloc(sizeof(*v));

	if (v) {
		next_block(v);
		v->shapes = lz_alloc(lz_call_count * sizeof(*v->shapes));
		v->getters = lz_alloc(lz_field_count * sizeof(*v->getters));
	}
	if (!v || !v->mem || !v->shapes || !v->getters) {
		lz_view_free(v);
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	v->e.get = get;
	v->from = *s;
	for (size_t i = 0; i < lz_call_count; i++)
		shape_call(&v->shapes[i], &lz_calls[i]);
	for (size_t i = 0; i < lz_field_count; i++)
		v->getters[i] = (const void *)(uintptr_t)getter_of(&lz_fields[i]);
	set_kinds(v);
	return v;
}

void lz_view_free(struct lz_view *v)
{
	if (!v)
		return;
	forget_blocks(v);
	lz_free(v->block[0]);
	lz_free(v->shapes);
	lz_free(v->getters);
	lz_free(v);
}

/* What only the sequence of events tells about a socket. */
static void note_socket(struct lz_view *v)
{
	struct lz_ev_socket s;
	struct lz_ev_file f;
	bool server;
	int slot = lz_view_fd_slot(v);

	if (slot < 0 || !lz_view_socket(v, &s, &server) ||
	    !lz_record_copy(v->at.record, LZ_PART_FILE + (unsigned)slot, &f, sizeof(f)))
		return;
	if (v->shape->call->class == LZ_CLASS_ACCEPT) {
		lz_sockets_accepted(v->from.sockets, f.inode, true);
	} else if (s.remote_port) {
		int nr = v->shape->call->nr;
		v->name_changed = lz_sockets_went(v->from.sockets, f.inode, &s);
		/* Of datagrams: who spoke first is the client. */
		if (v->name_changed && s.protocol != IPPROTO_TCP)
			lz_sockets_accepted(v->from.sockets, f.inode,
					    nr == SYS_recvfrom || nr == SYS_recvmsg);
	}
}

void lz_view_set(struct lz_view *v, const struct lz_view_event *e)
{
	const struct lz_ev *h = &e->record->head;
	const struct lz_call *c = h->kind == LZ_EV_CALL ? lz_call_by_nr(h->nr) : NULL;

	v->at = *e;
	forget_blocks(v);
	v->fd_known = false;
	v->shape = c ? &v->shapes[c - lz_calls] : NULL;
	v->name_changed = false;
	if (c && (c->class == LZ_CLASS_SOCKET || c->class == LZ_CLASS_ACCEPT))
		note_socket(v);
}

struct lz_watch_event *lz_view_event(struct lz_view *v)
{
	return &v->e;
}

int lz_view_kind(const struct lz_view *v, const struct lz_record *r)
{
	const struct lz_call *c;

	if (r->head.kind == LZ_EV_CALL) {
		c = lz_call_by_nr(r->head.nr);
		return c ? v->shapes[c - lz_calls].kind : -1;
	}
	if (r->head.kind == LZ_EV_EXEC && r->head.nr == SYS_execveat)
		return v->execveat;
#ifdef SYS_fork
	if (r->head.kind == LZ_EV_FORK && r->head.nr == SYS_fork)
		return v->fork;
	if (r->head.kind == LZ_EV_FORK && r->head.nr == SYS_vfork)
		return v->vfork;
#endif
	if (r->head.kind == LZ_EV_FORK && r->head.nr == SYS_clone3)
		return v->clone3;
	return r->head.kind < LZ_EV_KINDS ? v->kinds[r->head.kind] : -1;
}

uint64_t lz_view_time(const struct lz_view *v)
{
	return v->at.record->head.time_ns + (uint64_t)v->at.wall_ns;
}
