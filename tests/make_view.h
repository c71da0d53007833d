/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A view over hand-made records, and what it answers. */
#include "make_record.h"
#include "sensor/calls.h"
#include "sensor/view.h"

struct stage {
	struct lz_view_sources from;
	struct lz_view *view;
	struct lz_record record;
	struct lz_view_event at; /* what a test changes before it sees */
	struct made m;
};

static inline struct stage *stage_new(void)
{
	struct stage *s = calloc(1, sizeof(*s));

	s->from = (struct lz_view_sources){lz_procs_new(NULL), lz_users_new(NULL),
					   lz_hosts_new(NULL), lz_sockets_new(NULL), false};
	s->view = lz_view_new(&s->from, NULL);
	assert_non_null(s->view);
	return s;
}

static inline void stage_free(struct stage *s)
{
	lz_view_free(s->view);
	lz_sockets_free(s->from.sockets);
	lz_hosts_free(s->from.hosts);
	lz_users_free(s->from.users);
	lz_procs_free(s->from.procs);
	free(s);
}

/* Takes the record that was made, as the engine does. */
static inline void see(struct stage *s)
{
	s->record = read_made(&s->m);
	s->at.record = &s->record;
	s->at.proc = lz_procs_take(s->from.procs, &s->record, false);
	assert_non_null(s->at.proc);
	lz_view_set(s->view, &s->at);
}

/* A program that runs: pid, its number and beginning; the rest is up to the caller. */
static inline void run(struct stage *s, uint32_t pid, uint32_t ppid, const char *comm,
		       const char *exe, const char *argv, size_t argv_n)
{
	struct lz_ev_task t = {.pid = pid,
			       .start_ns = pid,
			       .ppid = ppid,
			       .parent_start_ns = ppid,
			       .vpid = 1,
			       .sid = pid,
			       .pgid = pid,
			       .loginuid = (uint32_t)-1};
	struct lz_ev_file f = {.inode = 1000 + pid, .mode = 0100755};

	snprintf(t.comm, sizeof(t.comm), "%s", comm);
	make(&s->m, LZ_EV_EXEC, pid, pid)->ppid = ppid;
	snprintf(head_of(&s->m)->comm, 16, "%s", comm);
	part(&s->m, LZ_PART_TASK, &t, sizeof(t));
	part(&s->m, LZ_PART_EXE, &f, sizeof(f));
	path(&s->m, LZ_PART_EXE_PATH, 0, exe);
	text(&s->m, LZ_PART_NAME, exe);
	part(&s->m, LZ_PART_ARGV, argv, argv_n);
	path(&s->m, LZ_PART_CWD, 0, "/srv/www");
	see(s);
}

/* A call's head, by a process that runs. */
static inline struct lz_ev *call(struct stage *s, int nr, int64_t ret)
{
	struct lz_ev *h = make(&s->m, LZ_EV_CALL, 100, 100);

	h->nr = (uint16_t)nr;
	h->ret = ret;
	snprintf(h->comm, 16, "sh");
	h->ppid = 1;
	h->time_ns = 5000000000;
	return h;
}

static inline size_t values(struct stage *s, const char *field, const struct lz_datum **ret)
{
	struct lz_watch_event *e = lz_view_event(s->view);
	struct lz_span name, index, arg;
	const struct lz_field *f;

	if (lz_span_cut(lz_str(field), '[', &name, &index))
		index = lz_span_head(index, index.n - 1);
	f = lz_field_find(name, &arg);
	if (!f)
		fail_msg("no field %s", field);
	if (index.n)
		arg = index;
	*ret = NULL;
	return e->get(e, f, arg, ret);
}

static inline void is(struct stage *s, const char *field, const char *want)
{
	const struct lz_datum *d;
	size_t n = values(s, field, &d);

	if (n != 1)
		fail_msg("%s has %zu values, expected \"%s\"", field, n, want);
	if (!lz_span_is(d->text, want))
		fail_msg("%s is \"%.*s\", expected \"%s\"", field, LZ_FMT(d->text), want);
}

static inline void is_number(struct stage *s, const char *field, int64_t want)
{
	const struct lz_datum *d;
	size_t n = values(s, field, &d);

	if (n != 1 || !d->has_num)
		fail_msg("%s has %zu values, expected the number %lld", field, n, (long long)want);
	if (d->num != want)
		fail_msg("%s is %lld, expected %lld", field, (long long)d->num, (long long)want);
}

static inline void none(struct stage *s, const char *field)
{
	const struct lz_datum *d;
	size_t n = values(s, field, &d);

	if (n)
		fail_msg("%s is \"%.*s\", expected none", field, LZ_FMT(d->text));
}

/* Several values, divided by blanks. */
static inline void are(struct stage *s, const char *field, const char *want)
{
	const struct lz_datum *d;
	size_t n = values(s, field, &d), at = 0;
	char got[4000] = "";

	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(got + at, sizeof(got) - at, "%s%.*s", i ? " " : "",
				       LZ_FMT(d[i].text));
	if (strcmp(got, want))
		fail_msg("%s are \"%s\", expected \"%s\"", field, got, want);
}
