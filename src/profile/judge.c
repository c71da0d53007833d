/* SPDX-License-Identifier: Apache-2.0 */
/* Facts against a profile: what is new is told once. */
#include "profile_in.h"

#include "../base/clean.h"

#define MINUTE_MS 60000

enum { SEEN_KNOWN = 1, SEEN_TOLD = 2 };

static bool parent_met(const struct lz_entry_of *e, struct lz_span parent)
{
	if (!parent.n)
		return true;
	for (unsigned i = 0; i < e->parent_count; i++)
		if (lz_span_is(e->parents[i], "*") || lz_span_eq(e->parents[i], parent) ||
		    (lz_shape_open(e->parents[i]) && lz_shape_met(e->parents[i], parent)))
			return true;
	return false;
}

static bool value_met(enum lz_fact_kind kind, struct lz_span shape, struct lz_span value)
{
	return kind == LZ_FACT_DESTINATION || kind == LZ_FACT_LISTEN
		       ? lz_shape_met_end(shape, value)
		       : lz_shape_met(shape, value);
}

static bool exactly(const struct lz_profile *p, const struct lz_fact *f)
{
	const struct lz_map_item *it = lz_map_get(&p->of[f->kind], f->value);

	return it && (f->kind != LZ_FACT_PROGRAM || parent_met(it->value.ptr, f->parent));
}

static bool by_open(const struct lz_profile *p, const struct lz_fact *f)
{
	LZ_VEC_EACH (struct lz_entry_of *, e, &p->open[f->kind])
		if (value_met(f->kind, (*e)->value, f->value) &&
		    (f->kind != LZ_FACT_PROGRAM || parent_met(*e, f->parent)))
			return true;
	return false;
}

bool lz_profile_has(struct lz_profile *p, const struct lz_fact *f)
{
	return exactly(p, f) || by_open(p, f);
}

/* --- once ------------------------------------------------------------------------------------- */

static int key_of(struct lz_buf *b, const struct lz_fact *f)
{
	lz_buf_byte(b, (unsigned char)f->kind);
	lz_buf_span(b, f->value);
	lz_buf_byte(b, 0);
	return f->kind == LZ_FACT_PROGRAM ? lz_buf_span(b, f->parent) : b->code;
}

/* False without memory or room: then it is asked, or told, again. */
static bool remember(struct lz_profile *p, struct lz_span key, unsigned what)
{
	struct lz_span copy = lz_arena_dup(&p->seen_arena, key);
	struct lz_map_item *it = copy.n ? lz_map_put(&p->seen, copy, NULL, NULL) : NULL;

	if (!it)
		return false;
	it->value.num = what;
	p->told += what == SEEN_TOLD;
	return true;
}

static void turn_minute(struct lz_profile *p, uint64_t now_ms)
{
	if (p->minute_ms && now_ms - p->minute_ms < MINUTE_MS)
		return;
	p->held_before += p->held;
	p->minute_ms = now_ms ? now_ms : 1;
	p->held = p->minute_told = 0;
}

static enum lz_verdict tell(struct lz_profile *p, struct lz_span key, uint64_t now_ms)
{
	turn_minute(p, now_ms);
	if (p->minute_told >= LZ_DEVIATIONS_A_MINUTE || p->told >= LZ_DEVIATIONS_TOLD ||
	    !remember(p, key, SEEN_TOLD)) {
		p->held++;
		return LZ_VERDICT_HELD;
	}
	p->minute_told++;
	return LZ_VERDICT_NEW;
}

enum lz_verdict lz_profile_judge(struct lz_profile *p, const struct lz_fact *f, uint64_t now_ms)
{
	char room[16 * 1024 + 1];
	struct lz_buf key = {.p = room, .cap = sizeof(room) - 1, .max = sizeof(room) - 1};
	struct lz_map_item *it;

	if (exactly(p, f))
		return LZ_VERDICT_KNOWN;
	if (key_of(&key, f)) { /* longer than any path: all such are one */
		if (by_open(p, f))
			return LZ_VERDICT_KNOWN;
		key.n = 1;
	}
	it = lz_map_get(&p->seen, lz_buf_view(&key));
	if (it)
		return it->value.num == SEEN_KNOWN ? LZ_VERDICT_KNOWN : LZ_VERDICT_AGAIN;
	if (by_open(p, f)) {
		/* Half of the room is for what is told. */
		if (p->seen.live - p->told < LZ_DEVIATIONS_TOLD &&
		    p->seen_arena.used_bytes < SEEN_ARENA / 2)
			remember(p, lz_buf_view(&key), SEEN_KNOWN);
		return LZ_VERDICT_KNOWN;
	}
	if (p->cut[f->kind])
		return LZ_VERDICT_OPEN;
	return tell(p, lz_buf_view(&key), now_ms);
}

uint64_t lz_profile_held(struct lz_profile *p, uint64_t now_ms)
{
	uint64_t n;

	if (p->held || p->held_before)
		turn_minute(p, now_ms);
	n = p->held_before;
	p->held_before = 0;
	return n;
}

void lz_profile_inherit(struct lz_profile *p, struct lz_profile *old)
{
	LZ_MAP_EACH (it, &old->seen)
		if (it->value.num == SEEN_TOLD)
			remember(p, it->key, SEEN_TOLD);
	p->held_before += old->held_before;
	p->held = old->held;
	p->minute_told = old->minute_told;
	p->minute_ms = old->minute_ms;
}
