/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row of the database: an advisory with the one package it is about. Writer and reader of the
 * encoding stand here side by side; the reader treats every byte as hostile.
 */
#include "vdb_format.h"

#include "../base/map.h"

#define LIST_MAX 1000000

void lz_vdb_put_num(struct lz_buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		lz_buf_byte(b, (unsigned char)(v | 0x80));
	lz_buf_byte(b, (unsigned char)v);
}

void lz_vdb_put_text(struct lz_buf *b, struct lz_span s)
{
	lz_vdb_put_num(b, s.n);
	lz_buf_span(b, s);
}

static void put_texts(struct lz_buf *b, const struct lz_span *s, size_t n)
{
	lz_vdb_put_num(b, n);
	for (size_t i = 0; i < n; i++)
		lz_vdb_put_text(b, s[i]);
}

void lz_vdb_put_row(struct lz_buf *b, const struct lz_advisory *a, const struct lz_affected *x)
{
	lz_vdb_put_text(b, a->id);
	lz_vdb_put_text(b, a->feed);
	lz_vdb_put_text(b, a->title);
	lz_vdb_put_num(b, a->severity);
	put_texts(b, a->cvss, a->cvss_count);
	put_texts(b, a->aliases, a->alias_count);
	put_texts(b, a->references, a->reference_count);
	lz_vdb_put_num(b, (uint64_t)a->published_s);
	lz_vdb_put_num(b, (uint64_t)a->modified_s);
	lz_vdb_put_num(b, (uint64_t)a->withdrawn_s);
	lz_vdb_put_text(b, x->module);
	lz_vdb_put_num(b, x->order);
	lz_vdb_put_num(b, x->fix);
	lz_vdb_put_num(b, x->not_affected);
	lz_vdb_put_num(b, x->severity);
	lz_vdb_put_text(b, x->cvss);
	lz_vdb_put_num(b, x->event_count);
	for (size_t i = 0; i < x->event_count; i++) {
		lz_vdb_put_num(b, x->events[i].kind);
		lz_vdb_put_text(b, x->events[i].version);
	}
	put_texts(b, x->versions, x->version_count);
}

uint64_t lz_vdb_num(struct lz_vdb_cursor *c)
{
	uint64_t v = 0;

	for (unsigned shift = 0; c->rest.n && shift < 64; shift += 7) {
		unsigned char x = (unsigned char)c->rest.p[0];
		c->rest = lz_span_from(c->rest, 1);
		v |= (uint64_t)(x & 0x7f) << shift;
		if (x < 0x80)
			return v;
	}
	c->bad = true;
	return 0;
}

struct lz_span lz_vdb_text(struct lz_vdb_cursor *c)
{
	uint64_t n = lz_vdb_num(c);
	struct lz_span s;

	if (c->bad || n > c->rest.n) {
		c->bad = true;
		return (struct lz_span){"", 0};
	}
	s = lz_span_head(c->rest, (size_t)n);
	c->rest = lz_span_from(c->rest, (size_t)n);
	return s;
}

/* A list can't have more entries than there are bytes left: no allocation is larger than the file
 * allows. */
static uint64_t take_count(struct lz_vdb_cursor *c)
{
	uint64_t n = lz_vdb_num(c);

	if (n > c->rest.n || n > LIST_MAX) {
		c->bad = true;
		return 0;
	}
	return n;
}

static const struct lz_span *take_texts(struct lz_vdb_cursor *c, struct lz_arena *arena,
					size_t *ret_n)
{
	size_t n = (size_t)take_count(c);
	struct lz_span *s = lz_arena_array(arena, n, sizeof(*s));

	*ret_n = s ? n : 0;
	for (size_t i = 0; s && i < n; i++)
		s[i] = lz_arena_dup(arena, lz_vdb_text(c));
	return s;
}

static unsigned take_enum(struct lz_vdb_cursor *c, unsigned count)
{
	uint64_t v = lz_vdb_num(c);

	if (v >= count)
		c->bad = true;
	return v < count ? (unsigned)v : 0;
}

static void take_events(struct lz_vdb_cursor *c, struct lz_arena *arena, struct lz_affected *x)
{
	size_t n = (size_t)take_count(c);
	struct lz_event *e = lz_arena_array(arena, n, sizeof(*e));

	x->event_count = e ? n : 0;
	x->events = e;
	for (size_t i = 0; e && i < n; i++) {
		e[i].kind = (enum lz_event_kind)take_enum(c, LZ_EV_LIMIT + 1);
		e[i].version = lz_arena_dup(arena, lz_vdb_text(c));
	}
}

int lz_vdb_take_row(struct lz_vdb_cursor *c, struct lz_arena *arena, struct lz_span ecosystem,
		    struct lz_span name, struct lz_advisory *a, struct lz_err *err)
{
	struct lz_affected *x = LZ_ARENA_NEW(arena, struct lz_affected);

	if (!x)
		return lz_fail(err, arena->code, "out of memory");
	*a = (struct lz_advisory){.affected = x, .affected_count = 1};
	a->id = lz_arena_dup(arena, lz_vdb_text(c));
	a->feed = lz_arena_dup(arena, lz_vdb_text(c));
	a->title = lz_arena_dup(arena, lz_vdb_text(c));
	a->severity = (enum lz_severity)take_enum(c, LZ_SEV_COUNT);
	a->cvss = take_texts(c, arena, &a->cvss_count);
	a->aliases = take_texts(c, arena, &a->alias_count);
	a->references = take_texts(c, arena, &a->reference_count);
	a->published_s = (int64_t)lz_vdb_num(c);
	a->modified_s = (int64_t)lz_vdb_num(c);
	a->withdrawn_s = (int64_t)lz_vdb_num(c);
	x->ecosystem = lz_arena_dup(arena, ecosystem);
	x->name = lz_arena_dup(arena, name);
	x->module = lz_arena_dup(arena, lz_vdb_text(c));
	x->order = (enum lz_order)take_enum(c, LZ_ORDER_COUNT);
	x->fix = (enum lz_fix_state)take_enum(c, LZ_FIX_COUNT);
	x->not_affected = lz_vdb_num(c) != 0;
	x->severity = (enum lz_severity)take_enum(c, LZ_SEV_COUNT);
	x->cvss = lz_arena_dup(arena, lz_vdb_text(c));
	take_events(c, arena, x);
	x->versions = take_texts(c, arena, &x->version_count);
	if (arena->code)
		return lz_fail(err, arena->code, "out of memory");
	return c->bad ? lz_fail(err, LZ_E_FORMAT, "database: malformed row") : 0;
}
