/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pattern is read into a tree, the tree is written as a small program, and a text is run through
 * all of the program's paths at once, byte by byte: no path is walked twice at one place, so
 * nothing grows beyond bytes × steps.
 */
#include "regexp.h"

#include "../base/alloc.h"
#include "../base/clean.h"
#include "../base/limits.h"
#include "regexp_tree.h"

enum { STEPS_NEAR = 1024 }; /* of a program that runs on the stack */

struct step {
	uint32_t op; /* enum lz_re_op */
	uint32_t x;  /* a byte; a set's number; where to go on */
	uint32_t y;  /* of a split: where else */
};

struct lz_regexp {
	const struct step *steps;
	const struct lz_re_set *sets;
	uint32_t count;
	size_t bytes_max;
};

struct writer {
	struct lz_span text; /* the pattern */
	struct lz_vec sets, steps;
	uint64_t work;
	struct lz_err *err;
	bool failed;
};

/* --- the program --- */

static void too_large(struct writer *r)
{
	if (!r->failed)
		lz_re_wrong(r->text, "it is too large", r->err);
	r->failed = true;
}

static void *no_memory(struct writer *r, int code)
{
	if (!r->failed)
		lz_fail(r->err, code ? code : LZ_E_NOMEM, "regular expression: %s",
			lz_code_text(code ? code : LZ_E_NOMEM));
	r->failed = true;
	return NULL;
}

static uint32_t put(struct writer *r, enum lz_re_op op, uint32_t x, uint32_t y)
{
	struct step s = {op, x, y};

	if (r->steps.n >= LZ_RE_STEPS_MAX)
		too_large(r);
	else if (!lz_vec_add(&r->steps, &s))
		no_memory(r, r->steps.code);
	return (uint32_t)r->steps.n - (r->failed ? 0 : 1);
}

static struct step *step_at(struct writer *r, uint32_t i)
{
	return lz_vec_at(&r->steps, i);
}

static void write_tree(struct writer *r, const struct lz_re_tree *t);

/* a|b|c: splits, and behind each but the last a jump to the end; jumps are chained by x until the
 * end is known. */
static void write_either(struct writer *r, const struct lz_re_tree *t)
{
	uint32_t jumps = LZ_RE_NO_END, split, after;

	for (const struct lz_re_tree *c = t->first; c && !r->failed; c = c->next) {
		if (!c->next) {
			write_tree(r, c);
			break;
		}
		split = put(r, LZ_RE_SPLIT, (uint32_t)r->steps.n + 1, 0);
		write_tree(r, c);
		jumps = put(r, LZ_RE_JUMP, jumps, 0);
		if (!r->failed)
			step_at(r, split)->y = (uint32_t)r->steps.n;
	}
	for (uint32_t j = jumps; j != LZ_RE_NO_END && !r->failed; j = after) {
		after = step_at(r, j)->x;
		step_at(r, j)->x = (uint32_t)r->steps.n;
	}
}

static void write_repeat(struct writer *r, const struct lz_re_tree *t)
{
	uint32_t splits = LZ_RE_NO_END, split, after;

	for (uint32_t i = 0; i < t->least && !r->failed; i++)
		write_tree(r, t->first);
	if (t->most == LZ_RE_NO_END) {
		split = put(r, LZ_RE_SPLIT, (uint32_t)r->steps.n + 1, 0);
		write_tree(r, t->first);
		put(r, LZ_RE_JUMP, split, 0);
		if (!r->failed)
			step_at(r, split)->y = (uint32_t)r->steps.n;
		return;
	}
	for (uint32_t i = t->least; i < t->most && !r->failed; i++) {
		splits = put(r, LZ_RE_SPLIT, (uint32_t)r->steps.n + 1, splits);
		write_tree(r, t->first);
	}
	for (uint32_t s = splits; s != LZ_RE_NO_END && !r->failed; s = after) {
		after = step_at(r, s)->y;
		step_at(r, s)->y = (uint32_t)r->steps.n;
	}
}

static void write_tree(struct writer *r, const struct lz_re_tree *t)
{
	if (r->failed)
		return;
	if (++r->work > 4 * LZ_RE_STEPS_MAX) { /* repeats of nothing grow no program */
		too_large(r);
		return;
	}
	switch (t->kind) {
	case LZ_RE_LEAF:
		put(r, t->op, t->x, 0);
		return;
	case LZ_RE_ROW:
		for (const struct lz_re_tree *c = t->first; c; c = c->next)
			write_tree(r, c);
		return;
	case LZ_RE_EITHER:
		write_either(r, t);
		return;
	case LZ_RE_REPEAT:
		write_repeat(r, t);
		return;
	}
}

static const struct lz_regexp *keep(struct writer *r, struct lz_arena *arena)
{
	struct lz_regexp *made = LZ_ARENA_NEW(arena, struct lz_regexp);
	struct step *steps = lz_arena_array(arena, r->steps.n, sizeof(*steps));
	struct lz_re_set *sets = lz_arena_array(arena, r->sets.n + 1, sizeof(*sets));

	if (!made || !steps || !sets)
		return no_memory(r, arena->code);
	memcpy(steps, r->steps.p, r->steps.n * sizeof(*steps));
	if (r->sets.n)
		memcpy(sets, r->sets.p, r->sets.n * sizeof(*sets));
	made->steps = steps;
	made->sets = sets;
	made->count = (uint32_t)r->steps.n;
	made->bytes_max = LZ_REGEXP_WORK / r->steps.n;
	if (made->bytes_max > LZ_REGEXP_BYTES)
		made->bytes_max = LZ_REGEXP_BYTES;
	return made;
}

const struct lz_regexp *lz_regexp_compile(struct lz_arena *arena, struct lz_span pattern,
					  struct lz_err *err)
{
	LZ_CLEAN(arena) struct lz_arena trees;
	struct writer r = {.text = pattern, .err = err};
	const struct lz_regexp *made = NULL;
	const struct lz_re_tree *t;

	lz_arena_init(&trees, 64 * LZ_M);
	lz_vec_init(&r.sets, sizeof(struct lz_re_set), LZ_RE_STEPS_MAX);
	lz_vec_init(&r.steps, sizeof(struct step), LZ_RE_STEPS_MAX);
	t = lz_re_read(pattern, &trees, &r.sets, err);
	r.failed = !t;
	if (t) {
		write_tree(&r, t);
		put(&r, LZ_RE_MET, 0, 0);
	}
	if (!r.failed)
		made = keep(&r, arena);
	lz_vec_done(&r.sets);
	lz_vec_done(&r.steps);
	return made;
}

/* --- running it --- */

struct run {
	const struct lz_regexp *r;
	struct lz_span text;
	uint32_t *now, *next, *stack, *seen; /* seen: at which place, plus one */
	uint32_t count;			     /* in next */
};

static bool edge(struct lz_span text, size_t at)
{
	bool before = at > 0 && lz_re_is_word((unsigned char)text.p[at - 1] & 0x7f) &&
		      !(text.p[at - 1] & 0x80);
	bool behind = at < text.n && lz_re_is_word((unsigned char)text.p[at] & 0x7f) &&
		      !(text.p[at] & 0x80);

	return before != behind;
}

/* All steps that take a byte, or end, which can be reached from this one at this place. */
static void follow(struct run *u, uint32_t first, size_t at)
{
	uint32_t depth = 0;

	u->stack[depth++] = first;
	while (depth) {
		uint32_t i = u->stack[--depth];
		const struct step *s;
		bool pass = true;
		if (u->seen[i] == (uint32_t)at + 1)
			continue;
		u->seen[i] = (uint32_t)at + 1;
		s = &u->r->steps[i];
		switch ((enum lz_re_op)s->op) {
		case LZ_RE_SPLIT:
			u->stack[depth++] = s->y;
			u->stack[depth++] = s->x;
			continue;
		case LZ_RE_JUMP:
			u->stack[depth++] = s->x;
			continue;
		case LZ_RE_BEGIN:
			pass = at == 0;
			break;
		case LZ_RE_END:
			pass = at == u->text.n;
			break;
		case LZ_RE_EDGE:
		case LZ_RE_INSIDE:
			pass = edge(u->text, at) == (s->op == LZ_RE_EDGE);
			break;
		case LZ_RE_BYTE:
		case LZ_RE_SET:
		case LZ_RE_ANY:
		case LZ_RE_MET:
			u->next[u->count++] = i;
			continue;
		}
		if (pass)
			u->stack[depth++] = i + 1;
	}
}

static bool takes(const struct lz_regexp *r, const struct step *s, unsigned char c)
{
	return s->op == LZ_RE_ANY || (s->op == LZ_RE_BYTE && s->x == c) ||
	       (s->op == LZ_RE_SET && (r->sets[s->x].bits[c / 64] >> c % 64 & 1));
}

static bool run(struct run *u)
{
	const struct step *steps = u->r->steps;

	follow(u, 0, 0);
	for (size_t at = 0; at < u->text.n && u->count; at++) {
		uint32_t n = u->count, *swap = u->now;
		unsigned char c = (unsigned char)u->text.p[at];
		u->now = u->next;
		u->next = swap;
		u->count = 0;
		for (uint32_t i = 0; i < n; i++)
			if (takes(u->r, &steps[u->now[i]], c))
				follow(u, u->now[i] + 1, at + 1);
	}
	for (uint32_t i = 0; i < u->count; i++)
		if (steps[u->next[i]].op == LZ_RE_MET)
			return true;
	return false;
}

bool lz_regexp_match(const struct lz_regexp *r, struct lz_span text)
{
	uint32_t near_by[5 * STEPS_NEAR], *room = near_by;
	size_t n = r->count;
	struct run u = {.r = r, .text = text};
	bool met;

	if (text.n > r->bytes_max)
		return false;
	if (n > STEPS_NEAR)
		room = lz_alloc(5 * n * sizeof(*room));
	else
		memset(near_by + 4 * n, 0, n * sizeof(*room));
	if (!room)
		return false;
	u.now = room;
	u.next = room + n;
	u.stack = room + 2 * n; /* each step is put there twice at most */
	u.seen = room + 4 * n;
	met = run(&u);
	if (room != near_by)
		lz_free(room);
	return met;
}
