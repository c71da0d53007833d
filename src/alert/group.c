/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One alert per fact.
 *
 *	hit ──► group of its fingerprint ──► new: out at once
 *	                                 └─► there: counted; out when the window ends, and when the
 *	                                     total reaches 10, 100, 1000 …
 *	out ──► bucket of its rule ──► a token: goes out, with the `more` that the rule owes
 *	                           └─► none: the rule owes its hits (`more`)
 *
 * A hit is always in one of three places: in an alert that went out, in a group's `pending`, or in
 * a rule's `more`. Moving it between them is all that happens here, so totals can't go wrong.
 */
#include "group.h"

#include "../base/alloc.h"
#include "../base/clean.h"
#include "../base/limits.h"

enum { RULES_MAX = 1024, KINDS_MAX = 256, TOKEN = 1000 };

struct group {
	struct lz_entry entry; /* key: the fingerprint */
	struct lz_link born;   /* in order of their windows' ends */
	struct lz_alert *first;
	size_t bytes;
	uint64_t ends_ms;
	uint64_t total, next_mark; /* the power of ten that is told early */
	uint64_t pending;	   /* hits in no alert yet */
	uint64_t pending_first_ns, last_ns;
	bool known; /* all of those */
};

struct limit {
	struct lz_entry entry;	/* key: the rule */
	uint64_t tokens, at_ms; /* in thousandths */
	uint64_t more;
	struct lz_alert *kept; /* one of those it owes; NULL: more is 0, or memory was short */
};

struct lz_groups {
	struct lz_group_options o;
	lz_alert_sink *sink;
	void *arg;
	struct lz_table groups, limits;
	struct lz_link born;
	size_t bytes;
	uint64_t ticked_ms;
	uint64_t lost; /* events, not told yet */
	char kinds[KINDS_MAX];
};

static struct group *of_born(struct lz_link *l)
{
	return (struct group *)(void *)((char *)l - offsetof(struct group, born));
}

/* --- loss ------------------------------------------------------------------------------------- */

static bool has_kind(struct lz_span kinds, struct lz_span kind)
{
	struct lz_span one;

	while (kinds.n) {
		lz_span_cut(kinds, ',', &one, &kinds);
		if (lz_span_eq(lz_span_trim(one), kind))
			return true;
	}
	return false;
}

void lz_alert_kinds_add(char *kinds, size_t size_bytes, struct lz_span more)
{
	struct lz_span one;

	while (more.n) {
		size_t n = strlen(kinds);
		lz_span_cut(more, ',', &one, &more);
		one = lz_span_trim(one);
		if (one.n && n + 2 + one.n < size_bytes && !memchr(one.p, 0, one.n) &&
		    !has_kind(lz_span(kinds, n), one))
			snprintf(kinds + n, size_bytes - n, "%s%.*s", n ? ", " : "", LZ_FMT(one));
	}
}

/* What was lost before a hit that is only counted must be told all the same. */
static void owe_loss(struct lz_groups *g, const struct lz_alert *a)
{
	g->lost = g->lost > UINT64_MAX - a->lost ? UINT64_MAX : g->lost + a->lost;
	if (a->lost)
		lz_alert_kinds_add(g->kinds, sizeof(g->kinds), a->lost_kinds);
}

static void out(struct lz_groups *g, struct lz_alert *a)
{
	a->lost = g->lost;
	a->lost_kinds = lz_str(g->kinds);
	g->sink(g->arg, a);
	g->lost = 0;
	g->kinds[0] = 0;
}

/* --- limits ----------------------------------------------------------------------------------- */

/* What a rule owes goes out as the alert that it kept, and the others behind it. */
static void pay(struct lz_groups *g, struct limit *l)
{
	struct lz_alert *a = l->kept;

	if (!a)
		return;
	a->more = l->more - a->count;
	l->kept = NULL;
	l->more = 0;
	out(g, a);
	lz_free(a);
}

static void forget_limit(struct lz_groups *g, struct limit *l)
{
	pay(g, l);
	lz_table_del(&g->limits, &l->entry);
	lz_free(l);
}

static void refill(const struct lz_groups *g, struct limit *l, uint64_t now_ms)
{
	uint64_t full = (uint64_t)g->o.burst * TOKEN, added;

	if (now_ms <= l->at_ms)
		return;
	if (__builtin_mul_overflow(now_ms - l->at_ms, g->o.rate, &added) ||
	    added > full - l->tokens)
		l->tokens = full;
	else
		l->tokens += added;
	l->at_ms = now_ms;
}

/* NULL: no memory; then nothing holds this rule back. */
static struct limit *limit_of(struct lz_groups *g, struct lz_span rule, uint64_t now_ms)
{
	struct limit *l = (struct limit *)(void *)lz_table_get(&g->limits, rule);
	struct lz_entry *oldest;
	char *name;

	if (l) {
		lz_table_touch(&g->limits, &l->entry);
		refill(g, l, now_ms);
		return l;
	}
	while (g->limits.n >= g->limits.max && (oldest = lz_table_oldest(&g->limits)))
		forget_limit(g, (struct limit *)(void *)oldest);
	l = lz_alloc(sizeof(*l) + rule.n + 1);
	if (!l)
		return NULL;
	name = (char *)(l + 1);
	if (rule.n)
		memcpy(name, rule.p, rule.n);
	l->entry.key = lz_span(name, rule.n);
	l->at_ms = now_ms;
	l->tokens = (uint64_t)g->o.burst * TOKEN;
	lz_table_put(&g->limits, &l->entry);
	return l;
}

/* Lets a go out with what its rule owes, or adds it to that. */
static void offer(struct lz_groups *g, const struct lz_alert *a, uint64_t now_ms)
{
	struct limit *l = limit_of(g, a->rule, now_ms);
	struct lz_alert *copy, sent = *a;

	if (l && l->tokens < TOKEN) {
		copy = l->kept ? NULL : lz_alert_copy(a, NULL, NULL);
		if (l->kept || copy) {
			l->kept = l->kept ? l->kept : copy;
			l->more += a->count;
			return;
		}
		/* no memory to keep it in: out with it */
	} else if (l) {
		l->tokens -= TOKEN;
	}
	if (l) {
		sent.more = l->more;
		lz_free(l->kept);
		l->kept = NULL;
		l->more = 0;
	}
	out(g, &sent);
}

/* --- groups ----------------------------------------------------------------------------------- */

/* What a group has counted becomes an alert. */
static void tell(struct lz_groups *g, struct group *x, uint64_t now_ms)
{
	struct lz_alert a = *x->first;

	if (!x->pending)
		return;
	a.time_ns = a.last_ns = x->last_ns;
	a.first_ns = x->pending_first_ns;
	a.count = x->pending;
	a.total = x->total;
	a.known = x->known;
	x->pending = 0;
	offer(g, &a, now_ms);
}

static void end_group(struct lz_groups *g, struct group *x, uint64_t now_ms)
{
	tell(g, x, now_ms);
	lz_table_del(&g->groups, &x->entry);
	lz_link_out(&x->born);
	g->bytes -= x->bytes;
	lz_free(x->first);
	lz_free(x);
}

static void make_room(struct lz_groups *g, size_t bytes, uint64_t now_ms)
{
	while (g->groups.n && (g->groups.n >= g->groups.max || g->bytes + bytes > g->o.bytes_max))
		end_group(g, (struct group *)(void *)lz_table_oldest(&g->groups), now_ms);
}

/* A group that has been told of, by the alert itself. Without memory there is none: the next such
 * hit is told again. */
static void new_group(struct lz_groups *g, const struct lz_alert *a, uint64_t now_ms)
{
	struct group *x = lz_alloc(sizeof(*x));

	if (x)
		x->first = lz_alert_copy(a, &x->bytes, NULL);
	if (!x || !x->first) {
		lz_free(x);
		return;
	}
	x->bytes += sizeof(*x);
	make_room(g, x->bytes, now_ms);
	x->entry.key = x->first->fingerprint;
	x->ends_ms = now_ms + g->o.window_ms;
	x->total = 1;
	x->next_mark = 10;
	x->known = a->known;
	g->bytes += x->bytes;
	lz_table_put(&g->groups, &x->entry);
	lz_link_last(&g->born, &x->born);
}

static void repeat(struct lz_groups *g, struct group *x, const struct lz_alert *a, uint64_t now_ms)
{
	if (!x->pending) {
		x->pending_first_ns = a->time_ns;
		x->last_ns = a->time_ns;
		x->known = true;
	}
	/* events of several processors come a little out of order */
	x->pending_first_ns = a->time_ns < x->pending_first_ns ? a->time_ns : x->pending_first_ns;
	x->last_ns = a->time_ns > x->last_ns ? a->time_ns : x->last_ns;
	x->known = x->known && a->known;
	x->pending++;
	x->total++;
	lz_table_touch(&g->groups, &x->entry);
	if (x->total == x->next_mark) {
		x->next_mark = x->next_mark > UINT64_MAX / 10 ? 0 : x->next_mark * 10;
		tell(g, x, now_ms);
	}
}

void lz_groups_add(struct lz_groups *g, const struct lz_alert *hit, uint64_t now_ms)
{
	char print[LZ_FINGERPRINT_SIZE] = "";
	struct lz_alert a = *hit;
	struct group *x;

	lz_groups_tick(g, now_ms);
	owe_loss(g, hit);
	if (!a.fingerprint.n && !lz_alert_fingerprint(hit, print, NULL))
		a.fingerprint = lz_str(print);
	x = a.fingerprint.n ? (struct group *)(void *)lz_table_get(&g->groups, a.fingerprint)
			    : NULL;
	if (x) {
		repeat(g, x, &a, now_ms);
		return;
	}
	a.count = a.total = 1;
	a.more = 0;
	a.first_ns = a.last_ns = a.time_ns;
	if (a.fingerprint.n)
		new_group(g, &a, now_ms);
	offer(g, &a, now_ms);
}

/* --- time ------------------------------------------------------------------------------------- */

void lz_groups_tick(struct lz_groups *g, uint64_t now_ms)
{
	if (now_ms == g->ticked_ms) /* nothing became due within it */
		return;
	g->ticked_ms = now_ms;
	while (!lz_link_none(&g->born) && of_born(g->born.next)->ends_ms <= now_ms)
		end_group(g, of_born(g->born.next), now_ms);
	for (struct lz_link *l = g->limits.used.next; l != &g->limits.used; l = l->next) {
		struct limit *x = (struct limit *)(void *)l;
		if (!x->kept)
			continue;
		refill(g, x, now_ms);
		if (x->tokens < TOKEN)
			continue;
		x->tokens -= TOKEN;
		pay(g, x);
	}
}

void lz_groups_flush(struct lz_groups *g, uint64_t now_ms)
{
	while (!lz_link_none(&g->born))
		end_group(g, of_born(g->born.next), now_ms);
	for (struct lz_link *l = g->limits.used.next; l != &g->limits.used; l = l->next)
		pay(g, (struct limit *)(void *)l);
}

/* --- life ------------------------------------------------------------------------------------- */

struct lz_groups *lz_groups_new(const struct lz_group_options *o, lz_alert_sink *sink, void *arg,
				struct lz_err *err)
{
	struct lz_groups *g = lz_alloc(sizeof(*g));

	if (!g) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	if (o)
		g->o = *o;
	g->o.window_ms = g->o.window_ms ? g->o.window_ms : 60 * 1000;
	g->o.rate = g->o.rate ? g->o.rate : 10;
	g->o.burst = g->o.burst ? g->o.burst : 50;
	g->o.groups_max = g->o.groups_max ? g->o.groups_max : 4096;
	g->o.bytes_max = g->o.bytes_max ? g->o.bytes_max : 32 * LZ_M;
	g->sink = sink;
	g->arg = arg;
	g->ticked_ms = UINT64_MAX;
	lz_link_init(&g->born);
	if (lz_table_init(&g->groups, g->o.groups_max, err) ||
	    lz_table_init(&g->limits, RULES_MAX, err)) {
		lz_table_done(&g->groups);
		lz_free(g);
		return NULL;
	}
	return g;
}

void lz_groups_free(struct lz_groups *g)
{
	if (!g)
		return;
	while (!lz_link_none(&g->born)) {
		struct group *x = of_born(g->born.next);
		lz_link_out(&x->born);
		lz_free(x->first);
		lz_free(x);
	}
	while (!lz_link_none(&g->limits.used)) {
		struct limit *l = (struct limit *)(void *)g->limits.used.next;
		lz_link_out(&l->entry.used);
		lz_free(l->kept);
		lz_free(l);
	}
	lz_table_done(&g->groups);
	lz_table_done(&g->limits);
	lz_free(g);
}
