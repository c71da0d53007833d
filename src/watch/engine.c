/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include "../base/alloc.h"
#include "../base/bytes.h"
#include "../base/limits.h"
#include "../sensor/calls.h"
#include "../sensor/sample.h"
#include "workload.h"
#include "recording.h"

#include <stdio.h>
#include <unistd.h>

#define FIELDS_MAX 64
#define TEXT_BYTES (256 * LZ_K)
#define PURGE_NS   1000000000ULL

struct lz_engine {
	const struct lz_rules *rules;
	struct lz_matcher *matcher;
	struct lz_rules_state *state; /* of rules that look at several events */
	struct lz_view *view;
	struct lz_procs *procs;
	struct lz_users *users;
	struct lz_hosts *hosts;
	struct lz_sockets *sockets;
	struct lz_cgroups *cgroups;
	struct lz_containers *containers;
	struct lz_workloads *workloads;
	bool counts_workloads; /* rules ask what is usual */
	bool samples;	       /* … or what containers use */
	struct lz_engine_hooks hooks;
	struct lz_engine_counts counts;
	bool live;
	int64_t wall_ns;
	uint64_t first_ns, purged_ns;
	char host[256];
	/* the alert at hand */
	struct lz_buf output, texts, chunk;
	struct lz_alert_field field[FIELDS_MAX];
	size_t fields;
	uint64_t lost_since; /* events lost since the last alert */
	char lost_kinds[128];
	/* the event at hand */
	const struct lz_record *record;
	struct lz_proc *proc;
	const struct lz_container *container;
	bool hit;
};

static void told(void *arg, uint64_t id, unsigned known)
{
	struct lz_engine *e = arg;

	if (e->hooks.group)
		e->hooks.group(e->hooks.arg, id, known);
}

static bool make_parts(struct lz_engine *e, const struct lz_containers_config *containers,
		       struct lz_err *err)
{
	e->procs = lz_procs_new(err);
	e->users = lz_users_new(err);
	e->hosts = lz_hosts_new(err);
	e->sockets = lz_sockets_new(err);
	e->workloads = lz_workloads_new(err);
	if (e->live)
		e->containers = lz_containers_new(containers, err);
	if (!e->procs || !e->users || !e->hosts || !e->sockets || !e->workloads ||
	    (e->live && !e->containers))
		return false;
	/* This machine's users are not those of a recording. */
	if (!e->live)
		lz_users_put(e->users, 0, LZ_SPAN(""), LZ_SPAN(""));
	e->cgroups = lz_cgroups_new(e->containers, told, e, err);
	e->view = lz_view_new(
		&(struct lz_view_sources){e->procs, e->users, e->hosts, e->sockets, e->live}, err);
	if (!e->cgroups || !e->view)
		return false;
	return !lz_engine_rules(e, e->rules, err);
}

static void listen(struct lz_engine *e);

struct lz_engine *lz_engine_new(const struct lz_rules *rules,
				const struct lz_containers_config *containers,
				const struct lz_engine_hooks *hooks, struct lz_err *err)
{
	struct lz_engine *e = lz_alloc(sizeof(*e));

	if (!e) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	e->rules = rules;
	e->live = containers != NULL;
	e->hooks = *hooks;
	lz_buf_init(&e->output, LZ_M);
	lz_buf_init(&e->texts, TEXT_BYTES);
	lz_buf_init(&e->chunk, LZ_M);
	if (gethostname(e->host, sizeof(e->host) - 1))
		e->host[0] = 0;
	if (make_parts(e, containers, err)) {
		listen(e);
		return e;
	}
	lz_engine_free(e);
	return NULL;
}

void lz_engine_free(struct lz_engine *e)
{
	if (!e)
		return;
	lz_matcher_free(e->matcher);
	lz_rules_state_free(e->state);
	lz_view_free(e->view);
	lz_cgroups_free(e->cgroups);
	lz_containers_free(e->containers);
	lz_workloads_free(e->workloads);
	lz_sockets_free(e->sockets);
	lz_hosts_free(e->hosts);
	lz_users_free(e->users);
	lz_procs_free(e->procs);
	lz_buf_done(&e->output);
	lz_buf_done(&e->texts);
	lz_buf_done(&e->chunk);
	lz_free(e);
}

/* Fields that the workload table answers. */
static bool asks_workloads(const struct lz_rules *rules)
{
	static const char prefix[] = "container.stat.";

	for (size_t i = 0; i < lz_field_count; i++)
		if ((!strncmp(lz_fields[i].name, prefix, sizeof(prefix) - 1) ||
		     !strcmp(lz_fields[i].name, "flow.destination_age")) &&
		    lz_rules_asks(rules, lz_fields[i].name))
			return true;
	return false;
}

int lz_engine_rules(struct lz_engine *e, const struct lz_rules *rules, struct lz_err *err)
{
	struct lz_rules_state *state = lz_rules_state_new(rules, LZ_RULES_STATE_KEYS, err);
	struct lz_matcher *m = state ? lz_matcher_new(rules, err) : NULL;
	unsigned stats = (unsigned)lz_event_kind(LZ_SPAN("stats"));
	uint64_t kinds[LZ_EVENT_KINDS / 64];

	if (!m) {
		lz_rules_state_free(state);
		return LZ_E_NOMEM;
	}
	if (e->state)
		lz_rules_state_take(state, e->state);
	lz_matcher_use(m, state);
	lz_matcher_free(e->matcher);
	lz_rules_state_free(e->state);
	e->matcher = m;
	e->state = state;
	e->rules = rules;
	lz_rules_kinds(rules, kinds);
	e->samples = kinds[stats / 64] >> stats % 64 & 1;
	e->samples |= lz_rules_asks(rules, "container.stat.samples");
	e->counts_workloads = e->samples || asks_workloads(rules);
	return 0;
}

int lz_engine_walk(struct lz_engine *e, struct lz_err *err)
{
	return lz_cgroups_walk(e->cgroups, err);
}

/* --- alerts --- */

static void add_field(void *arg, struct lz_span name, enum lz_field_type type,
		      const struct lz_datum *d, size_t n)
{
	struct lz_engine *e = arg;
	struct lz_alert_field *f = &e->field[e->fields];
	size_t at = e->texts.n;

	if (e->fields == FIELDS_MAX)
		return;
	for (size_t i = 0; i < e->fields; i++)
		if (lz_span_eq(e->field[i].name, name))
			return;
	*f = (struct lz_alert_field){.kind = LZ_ALERT_NONE};
	if (lz_buf_reserve(&e->texts, name.n))
		return;
	lz_buf_span(&e->texts, name);
	f->name.n = name.n;
	f->name.p = e->texts.p + at;
	e->fields++;
	if (!n)
		return;
	if (type == LZ_FIELD_BOOL || type == LZ_FIELD_INT || type == LZ_FIELD_UINT ||
	    type == LZ_FIELD_PORT || type == LZ_FIELD_TIME) {
		f->kind = type == LZ_FIELD_BOOL ? LZ_ALERT_TRUTH : LZ_ALERT_NUMBER;
		f->num = d->num;
		return;
	}
	f->kind = LZ_ALERT_TEXT;
	f->text = d->text;
}

void lz_engine_lineage(struct lz_engine *e, struct lz_proc *p, struct lz_alert *a)
{
	while (p && a->lineage_count < LZ_ALERT_LINEAGE_MAX) {
		a->lineage[a->lineage_count++] = (struct lz_alert_process){
			p->task.pid, lz_span(p->task.comm, strnlen(p->task.comm, 16)),
			lz_shared_span(p->exe_path), lz_view_line(e->view, p)};
		p = lz_procs_parent(e->procs, p, e->live);
	}
}

static void hit(void *arg, const struct lz_rule *rule)
{
	struct lz_engine *e = arg;
	const struct lz_container *c = e->container;
	struct lz_alert a = {.rule = rule->name,
			     .source = rule->source,
			     .respond = rule->respond,
			     .priority = rule->priority,
			     .tags = rule->tags,
			     .tag_count = rule->tag_count,
			     .time_ns = lz_view_time(e->view),
			     .host = lz_str(e->host),
			     .lost = e->lost_since,
			     .lost_kinds = lz_str(e->lost_kinds)};

	e->hit = true;
	e->counts.hits++;
	lz_buf_clear(&e->output);
	lz_buf_clear(&e->texts);
	/* Names are pointed at while more are added: the buffer must not move. */
	lz_buf_reserve(&e->texts, 16 * LZ_K);
	e->fields = 0;
	lz_match_output(e->matcher, lz_view_event(e->view), rule, &e->output);
	add_field(e, LZ_SPAN("evt.time"), LZ_FIELD_TIME,
		  &(struct lz_datum){.num = (int64_t)a.time_ns, .has_num = true}, 1);
	lz_match_fields(e->matcher, rule, add_field, e);
	a.output = lz_buf_view(&e->output);
	a.fields = e->field;
	a.field_count = e->fields;
	lz_engine_lineage(e, e->proc, &a);
	a.container.id = lz_view_container(e->view);
	if (c) {
		a.container.name = c->name;
		a.container.image = c->image;
		a.container.digest = c->image_digest;
		e->counts.unnamed += !c->name.n;
	}
	e->hooks.alert(e->hooks.arg, &a);
	e->lost_since = 0;
	e->lost_kinds[0] = 0;
}

/* --- records --- */

/* What was usual up to now, and what this event adds to it. */
static void note_usual(struct lz_engine *e, struct lz_view_event *at, struct lz_usual *usual,
		       struct lz_stat_values *values)
{
	const struct lz_record *r = at->record;
	const struct lz_container *c = at->container;
	struct lz_span image = c && c->image_id.n ? c->image_id : c ? c->image : LZ_SPAN("");
	struct lz_workload *x =
		lz_workloads_find(e->workloads, lz_str(at->container_id), image, r->head.time_ns);
	struct lz_ev_stats s;
	unsigned char ip[16];
	unsigned bytes;

	if (!x)
		return;
	if (r->head.kind == LZ_EV_FORK)
		lz_workload_forked(x);
	lz_workload_usual(x, r->head.time_ns, usual);
	at->usual = usual;
	if (lz_view_destination(e->view, ip, &bytes))
		usual->destination_ns = (int64_t)lz_workload_goes(x, ip, bytes, r->head.time_ns);
	if (r->head.kind == LZ_EV_STATS && lz_record_copy(r, LZ_PART_STATS, &s, sizeof(s)) &&
	    lz_workload_sample(x, &s, r->head.time_ns, values))
		at->stat = values;
}

static void see(struct lz_engine *e, const struct lz_record *r, int kind)
{
	struct lz_cgroup *g =
		lz_cgroups_find(e->cgroups, r->head.cgroup, e->live ? r->head.pid : 0);
	struct lz_view_event at = {.record = r,
				   .proc = e->proc,
				   .number = e->counts.records,
				   .wall_ns = e->wall_ns,
				   .first_ns = e->first_ns};
	struct lz_stat_values values;
	struct lz_usual usual;

	if (g && g->in_container) {
		at.in_container = true;
		at.container_id = g->short_id;
		at.container = lz_cgroups_container(e->cgroups, g, r->head.time_ns);
	}
	e->container = at.container;
	e->record = r;
	e->hit = false;
	e->counts.matched++;
	lz_view_set(e->view, &at);
	if (e->counts_workloads && at.in_container) {
		note_usual(e, &at, &usual, &values);
		lz_view_know(e->view, at.usual, at.stat);
	}
	if (e->hooks.event)
		e->hooks.event(e->hooks.arg,
			       &(struct lz_seen){r, e->proc, at.container, g, kind, e->view});
	lz_match_event(e->matcher, lz_view_event(e->view), kind, r->head.time_ns, hit, e);
	if (!e->hit && e->hooks.idle)
		e->hooks.idle(e->hooks.arg, r);
}

void lz_engine_take(struct lz_engine *e, struct lz_span bytes)
{
	struct lz_record r;
	int kind;

	e->counts.records++;
	if (lz_record_read(bytes, &r, NULL)) {
		e->counts.bad++;
		return;
	}
	if (!e->first_ns)
		e->first_ns = r.head.time_ns;
	/* By the events' own clock, so that a replay forgets when the watch did. */
	if (r.head.time_ns > e->purged_ns && r.head.time_ns - e->purged_ns > PURGE_NS) {
		e->purged_ns = r.head.time_ns;
		lz_engine_purge(e, r.head.time_ns);
	}
	if (r.head.kind == LZ_EV_SELFTEST) {
		if (e->hooks.selftest)
			e->hooks.selftest(e->hooks.arg, (uint32_t)r.head.ret);
		return;
	}
	if (r.head.kind == LZ_EV_CGROUP)
		lz_cgroups_take(e->cgroups, &r);
	if (r.head.kind == LZ_EV_DNS)
		lz_hosts_learn(e->hosts, r.part[LZ_PART_BYTES], r.head.time_ns);
	e->proc = lz_procs_take(e->procs, &r, e->live);
	kind = lz_view_kind(e->view, &r);
	if (e->proc && kind >= 0 && r.head.kind != LZ_EV_TASK)
		see(e, &r, kind);
}

void lz_engine_clock(struct lz_engine *e, int64_t wall_ns)
{
	e->wall_ns = wall_ns;
}

/* --- what is known beside events --- */

static void emit(struct lz_engine *e, int type, const struct lz_buf *b)
{
	if (!b->code)
		e->hooks.known(e->hooks.arg, type, lz_buf_view(b));
}

static void on_process(void *arg, const struct lz_proc *x)
{
	struct lz_engine *e = arg;

	lz_buf_clear(&e->chunk);
	lz_procs_save(&e->chunk, x);
	emit(e, LZ_CHUNK_PROCESS, &e->chunk);
}

static void on_container(void *arg, uint64_t id, const struct lz_container *c)
{
	struct lz_engine *e = arg;

	lz_buf_clear(&e->chunk);
	lz_buf_u64le(&e->chunk, id);
	if (c)
		lz_container_save(&e->chunk, c);
	emit(e, c ? LZ_CHUNK_CONTAINER : LZ_CHUNK_GROUP, &e->chunk);
}

static void on_users(void *arg, uint64_t space, struct lz_span passwd, struct lz_span group)
{
	struct lz_engine *e = arg;

	lz_buf_clear(&e->chunk);
	lz_buf_u64le(&e->chunk, space);
	lz_buf_u32le(&e->chunk, (uint32_t)passwd.n);
	lz_buf_span(&e->chunk, passwd);
	lz_buf_span(&e->chunk, group);
	emit(e, LZ_CHUNK_USERS, &e->chunk);
}

static void listen(struct lz_engine *e)
{
	if (!e->hooks.known)
		return;
	lz_procs_listen(e->procs, on_process, e);
	lz_cgroups_listen(e->cgroups, on_container, e);
	lz_users_listen(e->users, on_users, e);
}

static int take_container(struct lz_engine *e, struct lz_span bytes, struct lz_err *err)
{
	struct lz_container *c;

	if (bytes.n < 8)
		return lz_fail(err, LZ_E_FORMAT, "container of %zu bytes", bytes.n);
	c = lz_container_load(lz_span_from(bytes, 8), err);
	if (!c)
		return err ? err->code : LZ_E_FORMAT;
	lz_cgroups_put(e->cgroups, lz_le64(bytes.p), c);
	lz_container_unref(c);
	return 0;
}

static int take_users(struct lz_engine *e, struct lz_span bytes, struct lz_err *err)
{
	struct lz_span rest = lz_span_from(bytes, 12);
	uint32_t n;

	if (bytes.n < 12 || (n = lz_le32(bytes.p + 8)) > rest.n)
		return lz_fail(err, LZ_E_FORMAT, "users of %zu bytes", bytes.n);
	lz_users_put(e->users, lz_le64(bytes.p), lz_span_head(rest, n), lz_span_from(rest, n));
	return 0;
}

int lz_engine_known(struct lz_engine *e, int type, struct lz_span bytes, struct lz_err *err)
{
	switch (type) {
	case LZ_CHUNK_CLOCK:
		if (bytes.n != 8)
			return lz_fail(err, LZ_E_FORMAT, "clock of %zu bytes", bytes.n);
		lz_engine_clock(e, (int64_t)lz_le64(bytes.p));
		return 0;
	case LZ_CHUNK_GROUP:
		if (bytes.n != 8)
			return lz_fail(err, LZ_E_FORMAT, "control group of %zu bytes", bytes.n);
		lz_cgroups_put(e->cgroups, lz_le64(bytes.p), NULL);
		return 0;
	case LZ_CHUNK_CONTAINER:
		return take_container(e, bytes, err);
	case LZ_CHUNK_USERS:
		return take_users(e, bytes, err);
	case LZ_CHUNK_PROCESS:
		return lz_procs_put(e->procs, bytes, err);
	default:
		return lz_fail(err, LZ_E_FORMAT, "chunk of unknown type %d", type);
	}
}

void lz_engine_lost(struct lz_engine *e, uint64_t n, const char *kinds)
{
	e->counts.lost += n;
	e->lost_since += n;
	lz_alert_kinds_add(e->lost_kinds, sizeof(e->lost_kinds), lz_str(kinds));
}

void lz_engine_purge(struct lz_engine *e, uint64_t now_ns)
{
	lz_procs_purge(e->procs, now_ns);
	lz_cgroups_purge(e->cgroups, now_ns);
	lz_workloads_purge(e->workloads, now_ns);
}

void lz_engine_sample(struct lz_engine *e, uint64_t now_ns,
		      void (*take)(void *arg, struct lz_span record), void *arg)
{
	if (e->samples)
		lz_sample_containers(e->cgroups, e->procs, now_ns, take, arg);
}

/* --- files that no rule asks about --- */

static bool is_one_of(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

/* What stays the same whatever is opened in this way. */
static bool is_of_class(const struct lz_field *f)
{
	static const char *const fields[] = {
		"evt.type",   "evt.dir", "evt.source",	      "syscall.type", "evt.category",
		"evt.failed", "evt.res", "evt.is_open_write", "fd.l4proto",   "fd.ip",
		"fd.sip",     "fd.cip",	 "fd.sockfamily"};

	return is_one_of(f->name, fields, sizeof(fields) / sizeof(fields[0]));
}

/* The event at hand, seen as one of all that go by the same key. */
struct alike {
	struct lz_watch_event e;
	struct lz_watch_event *of;
	bool dots; /* paths as given may have ".." in them */
	struct lz_datum directory, begins, lacks;
};

/* … and whoever opens the same file. */
static enum lz_knowledge of_file(void *arg, const struct lz_field *f, struct lz_span index)
{
	/* Not its layer: that changes when somebody writes to it. */
	static const char *const fields[] = {"fd.name",	      "fd.directory", "fd.filename",
					     "fd.type",	      "fd.fs",	      "file.path",
					     "fd.credential", "fd.typechar"};
	const struct alike *x = arg;

	(void)index;
	if (!x->dots && !strcmp(f->name, "fd.nameraw"))
		return LZ_LACKS;
	return is_of_class(f) || is_one_of(f->name, fields, sizeof(fields) / sizeof(fields[0]))
		       ? LZ_KNOWN
		       : LZ_UNKNOWN;
}

/* … or any file of the same folder: only how its name begins is known. */
static enum lz_knowledge of_folder(void *arg, const struct lz_field *f, struct lz_span index)
{
	const struct alike *x = arg;

	(void)index;
	if (!strcmp(f->name, "fd.name"))
		return LZ_BEGINS;
	if (!x->dots && !strcmp(f->name, "fd.nameraw"))
		return LZ_LACKS;
	return is_of_class(f) || !strcmp(f->name, "fd.directory") ? LZ_KNOWN : LZ_UNKNOWN;
}

static size_t alike_get(struct lz_watch_event *e, const struct lz_field *f, struct lz_span arg,
			const struct lz_datum **ret)
{
	struct alike *x = (struct alike *)(void *)e;

	if (x->begins.text.n && !strcmp(f->name, "fd.name"))
		*ret = &x->begins;
	else if (x->begins.text.n && !strcmp(f->name, "fd.directory"))
		*ret = &x->directory;
	else if (!x->dots && !strcmp(f->name, "fd.nameraw"))
		*ret = &x->lacks;
	else
		return x->of->get(x->of, f, arg, ret);
	return 1;
}

static bool folder_matters(struct lz_engine *e, int kind, struct alike *x)
{
	char path[4096];
	struct lz_span name = lz_view_ask(e->view, "fd.name");
	ptrdiff_t at = lz_span_rfind(name, '/');
	bool matters;

	/* A folder that was opened itself says nothing of those in it. */
	if (at < 0 || name.p[0] != '/' || (size_t)at + 1 >= sizeof(path) ||
	    !lz_span_is(lz_view_ask(e->view, "fd.type"), "file"))
		return true;
	memcpy(path, name.p, (size_t)at + 1);
	x->begins.text = lz_span(path, (size_t)at + 1);
	x->directory.text = lz_span(path, at ? (size_t)at : 1);
	matters = lz_match_possible(e->matcher, &x->e, kind, of_folder, x);
	x->begins.text.n = 0;
	return matters;
}

enum lz_matters lz_engine_matters(struct lz_engine *e, const struct lz_record *r, bool dots)
{
	struct alike x = {.e = {.get = alike_get},
			  .of = lz_view_event(e->view),
			  .dots = dots,
			  .lacks = {.text = LZ_SPAN("..")}};
	int kind = lz_view_kind(e->view, r);

	if (!folder_matters(e, kind, &x))
		return LZ_MATTERS_NOT_FOLDER;
	return lz_match_possible(e->matcher, &x.e, kind, of_file, &x) ? LZ_MATTERS
								      : LZ_MATTERS_NOT_FILE;
}

/* --- figures --- */

struct lz_engine_counts lz_engine_counts(const struct lz_engine *e)
{
	return e->counts;
}

size_t lz_engine_processes(const struct lz_engine *e)
{
	return lz_procs_count(e->procs);
}

struct lz_cgroups *lz_engine_cgroups(struct lz_engine *e)
{
	return e->cgroups;
}

struct lz_procs *lz_engine_procs(struct lz_engine *e)
{
	return e->procs;
}
