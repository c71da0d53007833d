/* SPDX-License-Identifier: Apache-2.0 */
#include "top.h"

#include "../base/alloc.h"
#include "../base/clean.h"
#include "../base/clock.h"
#include "../base/io.h"
#include "../base/limits.h"
#include "../sensor/proc_record.h"
#include "../sensor/calls.h"
#include "../sensor/proc_files.h"
#include "top_in.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LINGER_MS 15000 /* a container that does nothing any more is shown that long */
#define LOOK_MS	  100	/* keys are taken at least that often */

struct lz_top {
	struct lz_top_options o;
	struct lz_engine *engine;
	struct lz_top_model m;
	struct lz_top_term *term; /* NULL: plain text */
	struct lz_map rows;	  /* id → struct lz_top_row */
	struct lz_vec before;	  /* struct lz_top_proc: of the look before, by process */
	uint64_t looked_ms, keys_ms, now_ms;
	uint64_t events, events_before;
	uint64_t from_ns; /* since boot; what happened before the first look does not count */
	struct lz_seen seen;
	long ticks_per_s;
	bool done;
};

struct lz_top *lz_top_new(const struct lz_top_options *o, struct lz_engine *engine,
			  struct lz_err *err)
{
	struct lz_top *t = lz_alloc(sizeof(*t));

	if (!t) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	t->o = *o;
	t->engine = engine;
	t->ticks_per_s = sysconf(_SC_CLK_TCK);
	lz_map_init(&t->rows, 4 * TOP_ROWS_MAX);
	lz_vec_init(&t->m.rows, sizeof(struct lz_top_row *), TOP_ROWS_MAX);
	lz_vec_init(&t->m.procs, sizeof(struct lz_top_proc), TOP_PROCS_MAX);
	lz_vec_init(&t->before, sizeof(struct lz_top_proc), TOP_PROCS_MAX);
	if (o->screen)
		t->term = lz_top_term_open(err);
	if (!o->screen || t->term)
		return t;
	lz_top_free(t);
	return NULL;
}

void lz_top_free(struct lz_top *t)
{
	if (!t)
		return;
	lz_top_term_close(t->term);
	LZ_VEC_EACH (struct lz_top_row *, r, &t->m.rows)
		lz_free(*r);
	lz_vec_done(&t->m.rows);
	lz_vec_done(&t->m.procs);
	lz_vec_done(&t->before);
	lz_map_done(&t->rows);
	lz_free(t);
}

void lz_top_want(struct lz_programs_config *c)
{
	const unsigned host = 1U << 0, container = 1U << LZ_CLASS_CONTAINER;
	const unsigned written = LZ_CLASS_WHAT(1);

	for (size_t i = 0; i < lz_call_count; i++) {
		const struct lz_call *x = &lz_calls[i];
		unsigned mask = 0;
		if (x->class == LZ_CLASS_OPEN)
			mask = host | container | host << written | container << written;
		else if (x->nr == SYS_connect)
			for (unsigned what = 1; what <= 2; what++)
				mask |= (host | container | (host | container) << LZ_CLASS_FAILED)
					<< LZ_CLASS_WHAT(what);
		if (x->nr >= 0)
			c->wanted[x->nr] |= (uint16_t)mask;
	}
	c->flows = true;
	c->discard = false; /* each file that is opened counts */
}

bool lz_top_running(const struct lz_top *t)
{
	return !t->done && !t->m.quit;
}

/* --- rows ------------------------------------------------------------------------------------- */

static void copy(char *to, size_t size, struct lz_span s)
{
	s = lz_span_head(s, size - 1);
	if (s.n)
		memcpy(to, s.p, s.n);
	to[s.n] = 0;
	for (size_t i = 0; i < s.n; i++) /* it ends where a NUL is */
		if (!to[i])
			to[i] = '?';
}

static struct lz_top_row *row_of(struct lz_top *t, const struct lz_cgroup *g)
{
	struct lz_span id = lz_str(g && g->in_container ? g->short_id : "host");
	struct lz_map_item *it = lz_map_get(&t->rows, id);
	struct lz_top_row *r = it ? it->value.ptr : NULL, **at;

	if (r)
		return r;
	r = lz_alloc(sizeof(*r));
	at = r ? lz_vec_push(&t->m.rows) : NULL;
	if (!at) {
		t->m.rows.code = 0; /* more than can be shown */
		lz_free(r);
		return NULL;
	}
	copy(r->id, sizeof(r->id), id);
	*at = r;
	it = lz_map_put(&t->rows, lz_str(r->id), NULL, NULL);
	if (it) {
		it->value.ptr = r;
		return r;
	}
	t->m.rows.n--;
	lz_free(r);
	return NULL;
}

static void name_row(struct lz_top_row *r, const struct lz_container *c)
{
	if (!c)
		return;
	if (c->name.n)
		copy(r->name, sizeof(r->name), c->name);
	if (c->image.n)
		copy(r->image, sizeof(r->image), c->image);
}

/* Those that went some time ago go. The map borrows their ids, so it is made anew. */
static void drop_idle(struct lz_top *t)
{
	size_t to = 0, before = t->m.rows.n;

	LZ_VEC_EACH (struct lz_top_row *, r, &t->m.rows) {
		if (t->now_ms - (*r)->seen_ms > LINGER_MS && strcmp((*r)->id, "host"))
			lz_free(*r);
		else
			((struct lz_top_row **)t->m.rows.p)[to++] = *r;
	}
	if (to == before)
		return;
	t->m.rows.n = to;
	lz_map_done(&t->rows);
	lz_map_init(&t->rows, 4 * TOP_ROWS_MAX);
	LZ_VEC_EACH (struct lz_top_row *, r, &t->m.rows) {
		struct lz_map_item *it = lz_map_put(&t->rows, lz_str((*r)->id), NULL, NULL);
		if (it)
			it->value.ptr = *r;
	}
}

/* --- events ----------------------------------------------------------------------------------- */

static void flow_text(const struct lz_ev_flow *f, struct lz_span name, char *text, size_t size)
{
	char ip[INET6_ADDRSTRLEN] = "?";

	inet_ntop(f->socket.family == AF_INET ? AF_INET : AF_INET6, f->socket.remote, ip,
		  sizeof(ip));
	if (f->server)
		snprintf(text, size, "port %u <- %s", f->socket.local_port, ip);
	else
		snprintf(text, size, "-> %s port %u %.*s", ip, f->socket.remote_port, LZ_FMT(name));
}

static bool same_flow(const struct lz_top_flow *a, const char *id, const struct lz_ev_socket *s)
{
	return a->time_ns && !a->ended && !strcmp(a->id, id) &&
	       a->socket.local_port == s->local_port && a->socket.remote_port == s->remote_port &&
	       !memcmp(a->socket.remote, s->remote, sizeof(s->remote));
}

static void take_flow(struct lz_top *t, struct lz_top_row *r, const struct lz_seen *e)
{
	struct lz_top_flow *f = NULL;
	struct lz_ev_flow flow;

	if (!lz_record_copy(e->record, LZ_PART_FLOW, &flow, sizeof(flow)))
		return;
	for (size_t i = 0; i < TOP_FLOWS && flow.ended && !f; i++)
		if (same_flow(&t->m.flow[i], r->id, &flow.socket))
			f = &t->m.flow[i];
	if (!f)
		f = &t->m.flow[t->m.flow_next++ % TOP_FLOWS];
	if (flow.ended) {
		r->sent_bytes += flow.sent_bytes;
		r->received_bytes += flow.received_bytes;
	}
	memcpy(f->id, r->id, TOP_ID);
	f->socket = flow.socket;
	f->sent_bytes = flow.sent_bytes;
	f->received_bytes = flow.received_bytes;
	f->ended = flow.ended;
	f->time_ns = lz_view_time(e->view);
	flow_text(&flow, lz_view_ask(e->view, "fd.rip.name"), f->text, sizeof(f->text));
}

void lz_top_event(struct lz_top *t, const struct lz_seen *e)
{
	const struct lz_ev *h = &e->record->head;
	struct lz_top_row *r = row_of(t, e->group);
	const struct lz_call *c = h->kind == LZ_EV_CALL ? lz_call_by_nr(h->nr) : NULL;

	t->seen = *e;
	if (!r || !t->from_ns || h->time_ns < t->from_ns)
		return;
	t->events++;
	r->seen_ms = t->now_ms;
	name_row(r, e->container);
	if (h->kind == LZ_EV_EXEC)
		r->count[TOP_EXECS]++;
	else if (c && c->class == LZ_CLASS_OPEN && h->ret >= 0)
		r->count[TOP_OPENS]++;
	else if (c && c->nr == SYS_connect)
		r->count[TOP_CONNECTS]++;
	else if (h->kind == LZ_EV_FLOW)
		take_flow(t, r, e);
}

void lz_top_alert(struct lz_top *t, const struct lz_alert *a)
{
	struct lz_top_row *r = row_of(t, t->seen.group);
	struct lz_top_alert *x = &t->m.alert[t->m.alert_next++ % TOP_ALERTS];

	if (!r)
		return;
	r->alerts++;
	memcpy(x->id, r->id, TOP_ID);
	copy(x->text, sizeof(x->text), a->output);
	x->priority = a->priority;
	x->time_ns = a->time_ns;
}

/* --- processes -------------------------------------------------------------------------------- */

/* Own ticks, and those of children that ended; false: it is gone. */
static bool ticks_of(uint32_t pid, uint64_t *ret_own, uint64_t *ret_children)
{
	char buf[1024];
	ssize_t n = lz_proc_read(pid, "stat", buf, sizeof(buf));
	struct lz_span rest, word;
	uint64_t v[4] = {0};

	if (n <= 0)
		return false;
	rest = lz_span(buf, (size_t)n);
	rest = lz_span_from(rest, (size_t)(lz_span_rfind(rest, ')') + 2));
	for (int i = 3; i <= 17 && rest.n; i++) {
		lz_span_cut(rest, ' ', &word, &rest);
		if (i >= 14 && !lz_span_u64(word, 10, &v[i - 14]))
			return false;
	}
	*ret_own = v[0] + v[1];
	*ret_children = v[2] + v[3];
	return true;
}

static int by_process(const void *a, const void *b)
{
	const struct lz_top_proc *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->start_ns < y->start_ns ? -1 : x->start_ns > y->start_ns;
}

static int by_cpu(const void *a, const void *b)
{
	const struct lz_top_proc *x = a, *y = b;

	return x->cpu > y->cpu ? -1 : x->cpu < y->cpu ? 1 : by_process(a, b);
}

static void command_of(const struct lz_proc *p, char text[TOP_TEXT])
{
	struct lz_span argv = lz_shared_span(p->argv);
	size_t n;

	copy(text, TOP_TEXT, lz_span(p->task.comm, strnlen(p->task.comm, sizeof(p->task.comm))));
	if (!argv.n)
		return;
	n = argv.n < TOP_TEXT - 1 ? argv.n : TOP_TEXT - 1;
	memcpy(text, argv.p, n);
	while (n && !text[n - 1])
		n--;
	text[n] = 0;
	for (size_t i = 0; i < n; i++)
		if (!text[i])
			text[i] = ' ';
}

static void take_process(void *arg, struct lz_proc *p)
{
	struct lz_top *t = arg;
	struct lz_cgroups *groups = lz_engine_cgroups(t->engine);
	struct lz_cgroup *g = lz_cgroups_find(groups, p->task.cgroup, p->task.pid);
	struct lz_top_row *r = row_of(t, g);
	struct lz_top_proc *x = r ? lz_vec_push(&t->m.procs) : NULL;
	uint64_t children = 0;

	if (!x)
		return;
	if (!ticks_of(p->task.pid, &x->ticks, &children)) {
		t->m.procs.n--;
		return;
	}
	x->pid = p->task.pid;
	x->start_ns = p->task.start_ns;
	x->row = r;
	command_of(p, x->text);
	r->processes++;
	r->ticks += x->ticks + children;
	r->seen_ms = t->now_ms;
	if (!r->name[0] && g)
		name_row(r, lz_cgroups_container(groups, g, lz_proc_boot_ns()));
}

static double percent(const struct lz_top *t, uint64_t before, uint64_t now, double seconds)
{
	return now > before ? (double)(now - before) * 100 / (double)t->ticks_per_s / seconds : 0;
}

static void processor_time(struct lz_top *t, double seconds)
{
	LZ_VEC_EACH (struct lz_top_proc, x, &t->m.procs) {
		const struct lz_top_proc *old =
			t->before.n ? bsearch(x, t->before.p, t->before.n, sizeof(*x), by_process)
				    : NULL;
		x->cpu = percent(t, old ? old->ticks : x->ticks, x->ticks, seconds);
	}
}

/* --- looks ------------------------------------------------------------------------------------ */

static void begin_look(struct lz_top *t)
{
	struct lz_vec swap = t->before;

	t->before = t->m.procs;
	t->m.procs = swap;
	t->m.procs.n = 0;
	t->m.procs.code = t->before.code = 0;
	lz_vec_sort(&t->before, by_process);
	LZ_VEC_EACH (struct lz_top_row *, r, &t->m.rows) {
		(*r)->ticked = (*r)->ticks;
		(*r)->ticks = 0;
		(*r)->processes = 0;
	}
}

static void look(struct lz_top *t, double seconds, bool first)
{
	begin_look(t);
	lz_procs_each(lz_engine_procs(t->engine), take_process, t);
	processor_time(t, seconds);
	lz_vec_sort(&t->m.procs, by_cpu);
	LZ_VEC_EACH (struct lz_top_row *, r, &t->m.rows) {
		/* One that was not there at the last look began since. */
		(*r)->cpu = first ? 0 : percent(t, (*r)->ticked, (*r)->ticks, seconds);
		for (int i = 0; i < TOP_COUNTS; i++) {
			(*r)->rate[i] = (double)((*r)->count[i] - (*r)->counted[i]) / seconds;
			(*r)->counted[i] = (*r)->count[i];
		}
	}
	drop_idle(t);
	t->m.events = (double)(t->events - t->events_before) / seconds;
	t->events_before = t->events;
	t->m.now_s = (int64_t)time(NULL);
	lz_top_sort(&t->m);
}

static void draw(struct lz_top *t)
{
	LZ_CLEAN(buf) struct lz_buf b;
	unsigned columns, lines;

	lz_buf_init(&b, 4 * LZ_M);
	lz_top_term_size(&columns, &lines);
	lz_top_draw(&t->m, columns, lines, t->o.colour, &b);
	if (lz_write_full(STDOUT_FILENO, b.p ? b.p : "", b.n, NULL))
		t->done = true;
}

static void print(struct lz_top *t)
{
	LZ_CLEAN(buf) struct lz_buf b;

	lz_buf_init(&b, 4 * LZ_M);
	lz_top_table(&t->m, &b);
	if (!t->o.once)
		lz_buf_byte(&b, '\n');
	if (lz_write_full(STDOUT_FILENO, b.p ? b.p : "", b.n, NULL) || t->o.once)
		t->done = true;
}

/* Whether something was pressed or the screen's size changed. */
static bool take_keys(struct lz_top *t)
{
	char typed[64];
	struct lz_span bytes = lz_span(typed, 0);
	enum lz_top_key key;
	bool any;

	if (!lz_top_term_read(t->term, typed, sizeof(typed), &bytes.n, &any))
		t->done = true;
	while ((key = lz_top_key(&bytes)) != TOP_KEY_NONE) {
		lz_top_press(&t->m, key);
		any = true;
	}
	return any;
}

void lz_top_tick(struct lz_top *t, uint64_t now_ms, uint64_t lost)
{
	uint64_t passed = now_ms - t->looked_ms;
	bool due = !t->looked_ms || passed >= t->o.interval_s * 1000ULL, fresh = false;

	t->now_ms = now_ms;
	t->m.lost = lost;
	if (due && !t->m.paused) {
		if (!t->from_ns)
			t->from_ns = lz_proc_boot_ns();
		look(t, t->looked_ms && passed ? (double)passed / 1000 : 1, !t->looked_ms);
		/* The first look only says where counting begins. */
		fresh = t->looked_ms || t->term;
		t->looked_ms = now_ms;
	}
	if (t->term && now_ms - t->keys_ms >= LOOK_MS) {
		t->keys_ms = now_ms;
		fresh |= take_keys(t);
	}
	if (fresh && t->term)
		draw(t);
	else if (fresh)
		print(t);
}
