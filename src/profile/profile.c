/* SPDX-License-Identifier: Apache-2.0 */
#include "profile_in.h"

#include "../base/alloc.h"
#include "../base/clean.h"

const struct lz_fact_row lz_fact_rows[LZ_FACT_KINDS] = {
	[LZ_FACT_PROGRAM] = {"programs", "program", 1000},
	[LZ_FACT_READ] = {"reads", "folder read", 1000},
	[LZ_FACT_WRITE] = {"writes", "folder written", 1000},
	[LZ_FACT_DESTINATION] = {"destinations", "destination", 1000},
	[LZ_FACT_LISTEN] = {"listens", "listening port", 200},
	[LZ_FACT_CAPABILITY] = {"capabilities", "capability", 64},
	[LZ_FACT_CALL] = {"calls", "system call", 128},
};

static int out_of_memory(struct lz_err *err)
{
	return lz_fail(err, LZ_E_NOMEM, "out of memory");
}

/* --- birth and end ---------------------------------------------------------------------------- */

static bool take_name(struct lz_profile *p, struct lz_span *to, struct lz_span from)
{
	if (to->n || !from.n)
		return true;
	*to = lz_arena_dup(&p->arena, lz_span_head(from, 4096));
	p->bytes += 2 * to->n;
	return to->n > 0;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

int lz_profile_more(struct lz_profile *p, const struct lz_profile_about *more, struct lz_err *err)
{
	struct lz_profile_about *a = &p->about;

	if (!take_name(p, &a->image, more->image) || !take_name(p, &a->digest, more->digest) ||
	    !take_name(p, &a->id, more->id))
		return out_of_memory(err);
	a->learnt_s = more->learnt_s > a->learnt_s ? more->learnt_s : a->learnt_s;
	a->duration_s = plus(a->duration_s, more->duration_s);
	a->containers = plus(a->containers, more->containers);
	a->events = plus(a->events, more->events);
	return 0;
}

struct lz_profile *lz_profile_new(const struct lz_profile_about *about, struct lz_err *err)
{
	struct lz_profile *p = lz_alloc(sizeof(*p));

	if (!p) {
		out_of_memory(err);
		return NULL;
	}
	lz_arena_init(&p->arena, PROFILE_ARENA);
	lz_arena_init(&p->seen_arena, SEEN_ARENA);
	lz_map_init(&p->seen, 2 * LZ_DEVIATIONS_TOLD);
	p->bytes = 4096; /* heading and keys */
	for (unsigned k = 0; k < LZ_FACT_KINDS; k++) {
		lz_map_init(&p->of[k], lz_fact_rows[k].max);
		lz_vec_init(&p->open[k], sizeof(struct lz_entry_of *), lz_fact_rows[k].max);
	}
	if (!lz_profile_more(p, about, err))
		return p;
	lz_profile_free(p);
	return NULL;
}

void lz_profile_free(struct lz_profile *p)
{
	if (!p)
		return;
	for (unsigned k = 0; k < LZ_FACT_KINDS; k++) {
		lz_map_done(&p->of[k]);
		lz_vec_done(&p->open[k]);
	}
	lz_map_done(&p->seen);
	lz_arena_done(&p->seen_arena);
	lz_arena_done(&p->arena);
	lz_free(p);
}

const struct lz_profile_about *lz_profile_about(const struct lz_profile *p)
{
	return &p->about;
}

size_t lz_profile_count(const struct lz_profile *p, enum lz_fact_kind kind)
{
	return p->of[kind].live;
}

uint64_t lz_profile_cut(const struct lz_profile *p, enum lz_fact_kind kind)
{
	return p->cut[kind];
}

/* --- adding ----------------------------------------------------------------------------------- */

static bool is_end(enum lz_fact_kind kind)
{
	return kind == LZ_FACT_DESTINATION || kind == LZ_FACT_LISTEN;
}

/* Whether an entry stands for other values than itself. */
static bool is_open(enum lz_fact_kind kind, struct lz_span value)
{
	if (kind == LZ_FACT_CAPABILITY || kind == LZ_FACT_CALL)
		return false;
	return lz_shape_open(value) ||
	       (is_end(kind) && (lz_span_find(value, '/') >= 0 || lz_span_find(value, '-') >= 0));
}

/* What a value takes in the file: quoted, with its indent. */
static size_t weight(struct lz_span s)
{
	size_t n = s.n + 16;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '"' || s.p[i] == '\\';
	return n;
}

static int cut(struct lz_profile *p, enum lz_fact_kind kind)
{
	p->cut[kind] = plus(p->cut[kind], 1);
	return 0;
}

static int add_entry(struct lz_profile *p, const struct lz_fact *f, struct lz_entry_of **ret,
		     struct lz_err *err)
{
	struct lz_map_item *it = lz_map_get(&p->of[f->kind], f->value);
	struct lz_entry_of *e, **open;

	*ret = it ? it->value.ptr : NULL;
	if (it)
		return 0;
	if (p->of[f->kind].live >= lz_fact_rows[f->kind].max ||
	    p->bytes + weight(f->value) > LZ_PROFILE_BYTES)
		return cut(p, f->kind);
	e = LZ_ARENA_NEW(&p->arena, struct lz_entry_of);
	if (e)
		e->value = lz_arena_dup(&p->arena, f->value);
	if (e && f->kind == LZ_FACT_PROGRAM)
		e->parents = lz_arena_array(&p->arena, LZ_PARENTS_MAX, sizeof(*e->parents));
	if (p->arena.code)
		return out_of_memory(err);
	if (is_open(f->kind, e->value)) {
		open = lz_vec_push(&p->open[f->kind]);
		if (!open)
			return out_of_memory(err);
		*open = e;
	}
	it = lz_map_put(&p->of[f->kind], e->value, NULL, NULL);
	if (!it)
		return out_of_memory(err);
	it->value.ptr = e;
	p->bytes += weight(f->value);
	*ret = e;
	return 0;
}

static bool any_parent(const struct lz_entry_of *e)
{
	return e->parent_count == 1 && lz_span_is(e->parents[0], "*");
}

static int add_parent(struct lz_profile *p, struct lz_entry_of *e, struct lz_span parent,
		      struct lz_err *err)
{
	struct lz_span copy;

	if (any_parent(e))
		return 0;
	for (unsigned i = 0; i < e->parent_count; i++)
		if (lz_span_eq(e->parents[i], parent))
			return 0;
	if (e->parent_count == LZ_PARENTS_MAX || lz_span_is(parent, "*")) {
		e->parents[0] = LZ_SPAN("*");
		e->parent_count = 1;
		return 0;
	}
	if (p->bytes + weight(parent) > LZ_PROFILE_BYTES)
		return cut(p, LZ_FACT_PROGRAM);
	copy = lz_arena_dup(&p->arena, parent);
	if (p->arena.code)
		return out_of_memory(err);
	p->bytes += weight(parent);
	e->parents[e->parent_count++] = copy;
	return 0;
}

int lz_profile_add(struct lz_profile *p, const struct lz_fact *f, struct lz_err *err)
{
	struct lz_entry_of *e;
	int code;

	if (!f->value.n)
		return 0;
	code = add_entry(p, f, &e, err);
	if (code || !e || f->kind != LZ_FACT_PROGRAM || !f->parent.n)
		return code;
	return add_parent(p, e, f->parent, err);
}

static int merge_entry(struct lz_profile *p, enum lz_fact_kind kind, const struct lz_entry_of *e,
		       struct lz_err *err)
{
	struct lz_fact f = {.kind = kind, .value = e->value};
	int code = lz_profile_add(p, &f, err);

	for (unsigned i = 0; i < e->parent_count && !code; i++) {
		f.parent = e->parents[i];
		code = lz_profile_add(p, &f, err);
	}
	return code;
}

int lz_profile_merge(struct lz_profile *p, const struct lz_profile *from, struct lz_err *err)
{
	int code = 0;

	for (unsigned k = 0; k < LZ_FACT_KINDS && !code; k++) {
		p->cut[k] = plus(p->cut[k], from->cut[k]);
		LZ_MAP_EACH (it, &from->of[k])
			if (!code)
				code = merge_entry(p, (enum lz_fact_kind)k, it->value.ptr, err);
	}
	return code;
}

int lz_profile_sorted(const struct lz_profile *p, enum lz_fact_kind kind, struct lz_vec *ret)
{
	LZ_MAP_EACH (it, &p->of[kind])
		lz_vec_add(ret, it->value.ptr);
	return ret->code;
}

/* --- settling --------------------------------------------------------------------------------- */

static int settle_kind(struct lz_profile *p, enum lz_fact_kind kind, struct lz_err *err)
{
	size_t n = p->of[kind].live, i = 0;
	struct lz_span *path = lz_arena_array(&p->arena, n ? n : 1, sizeof(*path));
	uint64_t cut_before = p->cut[kind];
	int left = path ? 0 : LZ_E_NOMEM, code = 0;

	LZ_MAP_EACH (it, &p->of[kind])
		if (path) {
			path[i++] = it->key;
			p->bytes -= weight(it->key);
		}
	if (path)
		left = lz_settle_paths(&p->arena, path, n);
	if (left < 0)
		return out_of_memory(err);
	lz_map_done(&p->of[kind]);
	lz_map_init(&p->of[kind], lz_fact_rows[kind].max);
	lz_vec_done(&p->open[kind]);
	lz_vec_init(&p->open[kind], sizeof(struct lz_entry_of *), lz_fact_rows[kind].max);
	for (i = 0; i < (size_t)left && !code; i++)
		code = lz_profile_add(p, &(struct lz_fact){.kind = kind, .value = path[i]}, err);
	p->cut[kind] = cut_before;
	return code;
}

int lz_profile_settle(struct lz_profile *p, struct lz_err *err)
{
	int code = settle_kind(p, LZ_FACT_READ, err);

	return code ? code : settle_kind(p, LZ_FACT_WRITE, err);
}
