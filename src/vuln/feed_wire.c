/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Advisories over the wall: the child writes them as records, the parent takes them apart again.
 *
 *	ADVISORY    id feed title severity | cvss[] aliases[] references[] | published modified
 *	            withdrawn | affected[]: ecosystem name module order fix not_affected severity
 * cvss events[]: kind version | versions[] ENRICHMENT  cve kev added epss percentile      (shares
 * as billionths + 1; 0: absent) INFO        name date records skipped SKIPPED     offset why
 *
 * A list is a count and its items. The parent believes nothing: a count can't promise more than
 * the record's remaining bytes hold, numbers must be ones that a reader would send, and the arena
 * bounds what a record may unfold to.
 */
#include "feed_work.h"

#include <stdio.h>

#define SHARE_UNIT 1e9

/* --- the child's side ---------------------------------------------------------------------- */

static void put_list(struct lz_rec_out *o, const struct lz_span *items, size_t n)
{
	lz_rec_put_u64(o, n);
	for (size_t i = 0; i < n; i++)
		lz_rec_put_span(o, items[i]);
}

static void put_affected(struct lz_rec_out *o, const struct lz_affected *a)
{
	lz_rec_put_span(o, a->ecosystem);
	lz_rec_put_span(o, a->name);
	lz_rec_put_span(o, a->module);
	lz_rec_put_u64(o, (uint64_t)a->order);
	lz_rec_put_u64(o, (uint64_t)a->fix);
	lz_rec_put_u64(o, a->not_affected);
	lz_rec_put_u64(o, (uint64_t)a->severity);
	lz_rec_put_span(o, a->cvss);
	lz_rec_put_u64(o, a->event_count);
	for (size_t i = 0; i < a->event_count; i++) {
		lz_rec_put_u64(o, (uint64_t)a->events[i].kind);
		lz_rec_put_span(o, a->events[i].version);
	}
	put_list(o, a->versions, a->version_count);
}

static int put_advisory(struct lz_feed_sink *s, const struct lz_advisory *a, struct lz_err *err)
{
	struct lz_rec_out *o = ((struct lz_feed_wire *)(void *)s)->out;

	lz_rec_begin(o, LZ_REC_ADVISORY);
	lz_rec_put_span(o, a->id);
	lz_rec_put_span(o, a->feed);
	lz_rec_put_span(o, a->title);
	lz_rec_put_u64(o, (uint64_t)a->severity);
	put_list(o, a->cvss, a->cvss_count);
	put_list(o, a->aliases, a->alias_count);
	put_list(o, a->references, a->reference_count);
	lz_rec_put_u64(o, (uint64_t)a->published_s);
	lz_rec_put_u64(o, (uint64_t)a->modified_s);
	lz_rec_put_u64(o, (uint64_t)a->withdrawn_s);
	lz_rec_put_u64(o, a->affected_count);
	for (size_t i = 0; i < a->affected_count; i++)
		put_affected(o, &a->affected[i]);
	return lz_rec_commit(o, err);
}

static uint64_t of_share(double v)
{
	return v < 0 || v > 1 ? 0 : (uint64_t)(v * SHARE_UNIT + 0.5) + 1;
}

static int put_enrichment(struct lz_feed_sink *s, const struct lz_enrichment *e, struct lz_err *err)
{
	struct lz_rec_out *o = ((struct lz_feed_wire *)(void *)s)->out;

	lz_rec_begin(o, LZ_REC_ENRICHMENT);
	lz_rec_put_span(o, e->cve);
	lz_rec_put_u64(o, e->kev);
	lz_rec_put_u64(o, (uint64_t)e->kev_added_s);
	lz_rec_put_u64(o, of_share(e->epss));
	lz_rec_put_u64(o, of_share(e->epss_percentile));
	return lz_rec_commit(o, err);
}

static int put_info(struct lz_feed_sink *s, const struct lz_feed_info *f, struct lz_err *err)
{
	struct lz_rec_out *o = ((struct lz_feed_wire *)(void *)s)->out;

	lz_rec_begin(o, LZ_REC_FEED_INFO);
	lz_rec_put_span(o, f->name);
	lz_rec_put_u64(o, (uint64_t)f->date_s);
	lz_rec_put_u64(o, f->records);
	lz_rec_put_u64(o, f->skipped);
	return lz_rec_commit(o, err);
}

static int put_skipped(struct lz_feed_sink *s, uint64_t offset, const char *why, struct lz_err *err)
{
	struct lz_rec_out *o = ((struct lz_feed_wire *)(void *)s)->out;

	lz_rec_begin(o, LZ_REC_SKIPPED);
	lz_rec_put_u64(o, offset);
	lz_rec_put_span(o, lz_str(why));
	return lz_rec_commit(o, err);
}

void lz_feed_wire_init(struct lz_feed_wire *f, struct lz_rec_out *out)
{
	*f = (struct lz_feed_wire){
		.sink = {put_advisory, put_enrichment, put_info, put_skipped},
		.out = out,
	};
}

/* --- the parent's side --------------------------------------------------------------------- */

struct taking {
	struct lz_rec *rec;
	struct lz_arena *arena;
	size_t max_bytes;
};

static struct lz_span take_span(struct taking *t)
{
	return lz_rec_span(t->rec, t->max_bytes);
}

/* A count of items that take at least `each` bytes. */
static size_t take_count(struct taking *t, size_t each)
{
	uint64_t n = lz_rec_u64(t->rec);

	if (n <= t->rec->rest.n / each)
		return (size_t)n;
	t->rec->code = LZ_E_FORMAT;
	return 0;
}

/* A number below `bound`. */
static unsigned take_word(struct taking *t, unsigned bound)
{
	uint64_t v = lz_rec_u64(t->rec);

	if (v < bound)
		return (unsigned)v;
	t->rec->code = LZ_E_FORMAT;
	return 0;
}

/* Seconds since 1970, up to the year 9999. */
static int64_t take_time(struct taking *t)
{
	uint64_t v = lz_rec_u64(t->rec);

	if (v <= 253402300799ULL)
		return (int64_t)v;
	t->rec->code = LZ_E_FORMAT;
	return 0;
}

static size_t take_list(struct taking *t, const struct lz_span **ret)
{
	size_t n = take_count(t, 4);
	struct lz_span *items = lz_arena_array(t->arena, n + 1, sizeof(*items));

	for (size_t i = 0; items && i < n; i++)
		items[i] = take_span(t);
	*ret = items;
	return items ? n : 0;
}

static void take_events(struct taking *t, struct lz_affected *a)
{
	size_t n = take_count(t, 12);
	struct lz_event *events = lz_arena_array(t->arena, n + 1, sizeof(*events));

	for (size_t i = 0; events && i < n; i++) {
		events[i].kind = (enum lz_event_kind)take_word(t, LZ_EV_LIMIT + 1);
		events[i].version = take_span(t);
	}
	a->events = events;
	a->event_count = events ? n : 0;
}

static void take_affected(struct taking *t, struct lz_affected *a)
{
	a->ecosystem = take_span(t);
	a->name = take_span(t);
	a->module = take_span(t);
	a->order = (enum lz_order)take_word(t, LZ_ORDER_COUNT);
	a->fix = (enum lz_fix_state)take_word(t, LZ_FIX_COUNT);
	a->not_affected = take_word(t, 2) != 0;
	a->severity = (enum lz_severity)take_word(t, LZ_SEV_COUNT);
	a->cvss = take_span(t);
	take_events(t, a);
	a->version_count = take_list(t, &a->versions);
	if (!a->ecosystem.n || !a->name.n)
		t->rec->code = LZ_E_FORMAT;
}

/* Four spans, four words, two counts. */
#define AFFECTED_BYTES (4 * 4 + 4 * 8 + 2 * 8)

static int take_advisory(struct taking *t, struct lz_feed_sink *sink, struct lz_err *err)
{
	struct lz_advisory a = {.id = take_span(t)};
	struct lz_affected *affected;
	size_t n;
	int r;

	a.feed = take_span(t);
	a.title = take_span(t);
	a.severity = (enum lz_severity)take_word(t, LZ_SEV_COUNT);
	a.cvss_count = take_list(t, &a.cvss);
	a.alias_count = take_list(t, &a.aliases);
	a.reference_count = take_list(t, &a.references);
	a.published_s = take_time(t);
	a.modified_s = take_time(t);
	a.withdrawn_s = take_time(t);
	n = take_count(t, AFFECTED_BYTES);
	affected = lz_arena_array(t->arena, n + 1, sizeof(*affected));
	for (size_t i = 0; affected && i < n; i++)
		take_affected(t, &affected[i]);
	a.affected = affected;
	a.affected_count = affected ? n : 0;
	if (!a.id.n || !a.feed.n)
		t->rec->code = LZ_E_FORMAT;
	if (t->arena->code)
		return lz_fail(err, t->arena->code, "a record that unfolds too far");
	r = lz_rec_end(t->rec, err);
	return r ? r : sink->advisory(sink, &a, err);
}

static double take_share(struct taking *t)
{
	uint64_t v = lz_rec_u64(t->rec);

	if (v > (uint64_t)SHARE_UNIT + 1)
		t->rec->code = LZ_E_FORMAT;
	return v ? (double)(v - 1) / SHARE_UNIT : -1;
}

static int take_enrichment(struct taking *t, struct lz_feed_sink *sink, struct lz_err *err)
{
	struct lz_enrichment e = {.cve = take_span(t)};
	int r;

	e.kev = take_word(t, 2) != 0;
	e.kev_added_s = take_time(t);
	e.epss = take_share(t);
	e.epss_percentile = take_share(t);
	if (!lz_is_cve(e.cve) || (!e.kev && e.epss < 0)) /* or it says nothing */
		t->rec->code = LZ_E_FORMAT;
	r = lz_rec_end(t->rec, err);
	return r ? r : sink->enrichment(sink, &e, err);
}

static int take_info(struct taking *t, struct lz_feed_sink *sink, struct lz_err *err)
{
	struct lz_feed_info f = {.name = lz_rec_span(t->rec, 512)};
	int r;

	f.date_s = take_time(t);
	f.records = lz_rec_u64(t->rec);
	f.skipped = lz_rec_u64(t->rec);
	if (!f.name.n)
		t->rec->code = LZ_E_FORMAT;
	r = lz_rec_end(t->rec, err);
	return r ? r : sink->info(sink, &f, err);
}

static int take_skipped(struct taking *t, struct lz_feed_sink *sink, struct lz_err *err)
{
	uint64_t offset = lz_rec_u64(t->rec);
	struct lz_span why = lz_rec_span(t->rec, 4096);
	char text[sizeof(((struct lz_err *)0)->text)];
	int r;

	if (!why.n || !why.p[0])
		t->rec->code = LZ_E_FORMAT;
	r = lz_rec_end(t->rec, err);
	snprintf(text, sizeof(text), "%.*s", (int)why.n, why.p);
	return r ? r : sink->skipped(sink, offset, text, err);
}

int lz_feed_wire_take(struct lz_rec *rec, struct lz_arena *arena, const struct lz_limits *limits,
		      struct lz_feed_sink *sink, struct lz_err *err)
{
	struct taking t = {rec, arena, (size_t)limits->record_bytes};

	switch (rec->type) {
	case LZ_REC_ADVISORY:
		return take_advisory(&t, sink, err);
	case LZ_REC_ENRICHMENT:
		return take_enrichment(&t, sink, err);
	case LZ_REC_FEED_INFO:
		return take_info(&t, sink, err);
	case LZ_REC_SKIPPED:
		return take_skipped(&t, sink, err);
	default:
		return lz_fail(err, LZ_E_FORMAT, "a record of unknown type %u", rec->type);
	}
}
