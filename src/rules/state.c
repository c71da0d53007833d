/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rules that look at several events remember. Each such rule has a table: from the values of
 * its "by" fields, as 128 bits of a keyed hash, to what was seen for them. A table is bounded in
 * keys and in bytes; the key that was not seen for longest goes first.
 *
 * count      the times of the last `count` events, in a ring
 * distinct   pairs: hash of a value, and when it was seen last
 * sequence   for each step but the first: when the latest chain began that waits for it
 */
#include "match.h"
#include "timing.h"

#include "../base/alloc.h"
#include "../base/clean.h"
#include "../base/limits.h"

#define BUCKETS	 256
#define KEYS_MIN 16
#define TEXT_MAX (16 * LZ_M) /* of a key's values together */
#define NEVER	 UINT64_MAX

struct key {
	uint64_t hash[2];
	struct key *next; /* in the bucket */
	struct key *newer, *older;
	uint64_t last; /* when it was seen */
	uint32_t used, at;
	uint64_t slots[];
};

struct table {
	uint64_t identity;
	size_t slots; /* of a key */
	size_t keys, keys_max;
	struct key **buckets;
	struct key *newest, *oldest;
};

struct lz_rules_state {
	struct table *tables; /* by lz_timing.number */
	size_t count;
	uint64_t evicted, lost;
};

/* --- tables --- */

static struct key **bucket(const struct table *t, const uint64_t hash[2])
{
	return &t->buckets[hash[0] % BUCKETS];
}

static void unlink_age(struct table *t, struct key *k)
{
	*(k->newer ? &k->newer->older : &t->newest) = k->older;
	*(k->older ? &k->older->newer : &t->oldest) = k->newer;
}

static void make_newest(struct table *t, struct key *k)
{
	k->newer = NULL;
	k->older = t->newest;
	*(t->newest ? &t->newest->newer : &t->oldest) = k;
	t->newest = k;
}

static void drop(struct table *t, struct key *k)
{
	struct key **at = bucket(t, k->hash);

	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	unlink_age(t, k);
	lz_free(k);
	t->keys--;
}

static void make_room(struct lz_rules_state *s, struct table *t, uint64_t now, uint64_t within)
{
	while (t->oldest && t->keys >= t->keys_max) {
		/* What is too old to count is no loss. */
		s->evicted += t->oldest->last > now || now - t->oldest->last <= within;
		drop(t, t->oldest);
	}
}

/* The key of this hash, made when it was not there; NULL: no memory. */
static struct key *find_key(struct lz_rules_state *s, struct table *t, const uint64_t hash[2],
			    uint64_t now, uint64_t within)
{
	struct key *k;

	if (!t->buckets)
		t->buckets = lz_alloc(BUCKETS * sizeof(*t->buckets));
	k = t->buckets ? *bucket(t, hash) : NULL;
	while (k && (k->hash[0] != hash[0] || k->hash[1] != hash[1]))
		k = k->next;
	if (k) {
		unlink_age(t, k);
		make_newest(t, k);
		return k;
	}
	make_room(s, t, now, within);
	k = t->buckets ? lz_alloc(sizeof(*k) + t->slots * sizeof(k->slots[0])) : NULL;
	if (!k)
		return NULL;
	memcpy(k->hash, hash, sizeof(k->hash));
	k->next = *bucket(t, hash);
	*bucket(t, hash) = k;
	make_newest(t, k);
	k->last = now;
	t->keys++;
	return k;
}

static void done(struct table *t)
{
	while (t->oldest)
		drop(t, t->oldest);
	lz_free(t->buckets);
	t->buckets = NULL;
}

/* --- values --- */

static bool put_values(struct lz_matcher *m, struct lz_buf *b, uint32_t term)
{
	const struct lz_datum *v;
	size_t n = lz_term_values(m, term, &v);

	lz_buf_printf(b, "%zu:", n);
	for (size_t i = 0; i < n; i++) {
		size_t from = b->n;
		lz_datum_print(b, m->term[term].type, &v[i]);
		lz_buf_printf(b, "/%zu,", b->n - from);
	}
	return n != 0;
}

static void key_of(struct lz_matcher *m, const struct lz_timing *t, struct lz_buf *b,
		   uint64_t ret[2])
{
	lz_buf_clear(b);
	for (size_t i = 0; i < t->by_count; i++)
		put_values(m, b, t->by[i]);
	ret[0] = lz_hash(lz_buf_view(b));
	lz_buf_byte(b, 'k');
	ret[1] = lz_hash(lz_buf_view(b));
}

/* --- what an event does to a key; true: the rule is met --- */

static bool add_time(const struct lz_timing *t, struct key *k, uint64_t now)
{
	uint64_t first;

	/* With `count` times in the ring, the next slot holds the first of them. */
	k->slots[k->at] = now;
	k->at = (k->at + 1) % t->count;
	k->used += k->used < t->count;
	first = k->slots[k->at];
	return k->used == t->count && now - first <= t->within_ns;
}

static bool add_value(const struct lz_timing *t, struct key *k, uint64_t now, uint64_t value)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < k->used; i++) {
		uint64_t hash = k->slots[2 * i], seen = k->slots[2 * i + 1];
		if (hash == value || now - seen > t->within_ns)
			continue;
		k->slots[2 * kept] = hash;
		k->slots[2 * kept + 1] = seen;
		kept++;
	}
	k->slots[2 * kept] = value;
	k->slots[2 * kept + 1] = now;
	k->used = kept + 1;
	return k->used == t->count;
}

static void begin_chain(struct key *k)
{
	if (!k->used)
		memset(k->slots, 0xff, k->at * sizeof(k->slots[0])); /* NEVER */
	k->used = 1;
}

/* Of all chains that wait for a step, the one that began last has most time left: one is enough. */
static bool add_step(const struct lz_timing *t, struct key *k, uint64_t now, uint32_t step)
{
	uint64_t began;

	k->at = (uint32_t)t->step_count;
	begin_chain(k);
	began = step ? k->slots[step] : now;
	if (began == NEVER || now - began > t->within_ns)
		return false;
	if (step + 1 == t->step_count)
		return true;
	if (k->slots[step + 1] == NEVER || k->slots[step + 1] < began)
		k->slots[step + 1] = began;
	return false;
}

bool lz_state_met(struct lz_matcher *m, const struct lz_timing *t, uint32_t step, uint64_t time_ns)
{
	LZ_CLEAN(buf) struct lz_buf b;
	struct lz_rules_state *s = m->state;
	struct table *table = s->tables + t->number;
	uint64_t hash[2], value = 0;
	struct key *k;
	bool met;

	if (t->number >= s->count || table->identity != t->identity) {
		s->lost++; /* the state of another rule set */
		return false;
	}
	lz_buf_init(&b, TEXT_MAX);
	if (t->distinct != LZ_NO_TERM) {
		if (!put_values(m, &b, t->distinct))
			return false;
		value = lz_hash(lz_buf_view(&b));
	}
	key_of(m, t, &b, hash);
	k = b.code ? NULL : find_key(s, table, hash, time_ns, t->within_ns);
	if (!k) {
		s->lost++;
		return false;
	}
	if (time_ns > k->last)
		k->last = time_ns; /* times of several processors may be out of order */
	if (t->steps)
		met = add_step(t, k, k->last, step);
	else if (t->distinct != LZ_NO_TERM)
		met = add_value(t, k, k->last, value);
	else
		met = add_time(t, k, k->last);
	if (met)
		drop(table, k);
	return met;
}

/* --- a state as a whole --- */

static size_t slots_of(const struct lz_timing *t)
{
	return t->steps			   ? t->step_count
	       : t->distinct != LZ_NO_TERM ? 2 * (size_t)t->count
					   : t->count;
}

struct lz_rules_state *lz_rules_state_new(const struct lz_rules *r, size_t keys_max,
					  struct lz_err *err)
{
	struct lz_rules_state *s = lz_alloc(sizeof(*s));

	if (s)
		s->tables = lz_alloc((r->timings + 1) * sizeof(*s->tables));
	if (!s || !s->tables) {
		lz_free(s);
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	s->count = r->timings;
	LZ_VEC_EACH (struct lz_rule, rule, &r->rules) {
		struct table *t = rule->timing ? &s->tables[rule->timing->number] : NULL;
		size_t bytes, most;
		if (!t)
			continue;
		t->identity = rule->timing->identity;
		t->slots = slots_of(rule->timing);
		bytes = sizeof(struct key) + t->slots * sizeof(uint64_t);
		most = keys_max * LZ_K / bytes;
		t->keys_max = most < keys_max ? most : keys_max;
		if (t->keys_max < KEYS_MIN)
			t->keys_max = KEYS_MIN;
	}
	return s;
}

void lz_rules_state_free(struct lz_rules_state *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		done(&s->tables[i]);
	lz_free(s->tables);
	lz_free(s);
}

static void take_table(struct table *to, struct table *from)
{
	struct table empty = {.identity = from->identity, .slots = from->slots};
	size_t most = to->keys_max;

	empty.keys_max = from->keys_max;
	done(to);
	*to = *from;
	to->keys_max = most;
	*from = empty;
}

size_t lz_rules_state_take(struct lz_rules_state *to, struct lz_rules_state *from)
{
	LZ_CLEAN(map) struct lz_map by_identity;
	size_t taken = 0;

	lz_map_init(&by_identity, from->count + 1);
	for (size_t i = 0; i < from->count; i++) {
		uint64_t *key = &from->tables[i].identity;
		struct lz_map_item *it =
			lz_map_put(&by_identity, lz_span(key, sizeof(*key)), NULL, NULL);
		if (it)
			it->value.ptr = &from->tables[i];
	}
	for (size_t i = 0; i < to->count; i++) {
		struct table *t = &to->tables[i];
		const struct lz_map_item *it =
			lz_map_get(&by_identity, lz_span(&t->identity, sizeof(t->identity)));
		struct table *old = it ? it->value.ptr : NULL;
		if (!old || old->slots != t->slots)
			continue;
		take_table(t, old);
		taken++;
	}
	to->evicted += from->evicted;
	to->lost += from->lost;
	from->evicted = from->lost = 0;
	return taken;
}

struct lz_rules_state_counts lz_rules_state_count(const struct lz_rules_state *s)
{
	struct lz_rules_state_counts c = {.evicted = s->evicted, .lost = s->lost};

	for (size_t i = 0; i < s->count; i++)
		c.keys += s->tables[i].keys;
	return c;
}
