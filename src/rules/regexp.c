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

#include <ctype.h>

enum {
	STEPS_MAX = 10000,
	STEPS_NEAR = 1024, /* run on the stack */
	REPEAT_MAX = 1000, /* as RE2 has it */
	DEPTH_MAX = 200,
};
#define NO_END UINT32_MAX

enum op {
	OP_BYTE,
	OP_SET,
	OP_ANY,
	OP_SPLIT,
	OP_JUMP,
	OP_BEGIN,
	OP_END,
	OP_EDGE,
	OP_INSIDE,
	OP_MET
};

struct step {
	uint32_t op; /* enum op */
	uint32_t x;  /* a byte; a set's number; where to go on */
	uint32_t y;  /* of a split: where else */
};

struct set {
	uint64_t bits[4];
};

struct lz_regexp {
	const struct step *steps;
	const struct set *sets;
	uint32_t count;
	size_t bytes_max;
};

enum kind { EMPTY, LEAF, CAT, ALT, REPEAT };

struct tree {
	enum kind kind;
	enum op op; /* of a leaf */
	uint32_t x;
	uint32_t least, most; /* of a repeat */
	unsigned depth;
	struct tree *first, *last, *next;
};

struct reader {
	struct lz_span text;
	size_t at;
	unsigned depth;
	struct lz_arena *arena; /* of the trees */
	struct lz_vec sets, steps;
	uint64_t work; /* of writing the program */
	struct lz_err *err;
	bool failed;
};

/* --- reading --- */

static void *fault(struct reader *r, const char *what)
{
	if (!r->failed)
		lz_fail(r->err, LZ_E_FORMAT, "\"%.*s\" is no regular expression: %s",
			LZ_FMT(r->text), what);
	r->failed = true;
	return NULL;
}

static void *no_memory(struct reader *r, int code)
{
	if (!r->failed)
		lz_fail(r->err, code ? code : LZ_E_NOMEM, "regular expression: %s",
			lz_code_text(code ? code : LZ_E_NOMEM));
	r->failed = true;
	return NULL;
}

static bool more(const struct reader *r)
{
	return r->at < r->text.n;
}

static bool next_is(const struct reader *r, char c)
{
	return more(r) && r->text.p[r->at] == c;
}

static bool take(struct reader *r, char c)
{
	bool is = next_is(r, c);

	r->at += is;
	return is;
}

static struct tree *fresh(struct reader *r, enum kind kind)
{
	struct tree *t = LZ_ARENA_NEW(r->arena, struct tree);

	if (!t)
		return no_memory(r, r->arena->code);
	t->kind = kind;
	return t;
}

static struct tree *leaf(struct reader *r, enum op op, uint32_t x)
{
	struct tree *t = fresh(r, LEAF);

	if (t) {
		t->op = op;
		t->x = x;
	}
	return t;
}

static struct tree *set_leaf(struct reader *r, const struct set *s)
{
	if (!lz_vec_add(&r->sets, s))
		return no_memory(r, r->sets.code);
	return leaf(r, OP_SET, (uint32_t)r->sets.n - 1);
}

static void adopt(struct tree *parent, struct tree *child)
{
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	if (parent->depth <= child->depth)
		parent->depth = child->depth + 1;
}

/* --- sets --- */

static void add(struct set *s, unsigned char c)
{
	s->bits[c / 64] |= 1ULL << c % 64;
}

static void add_where(struct set *s, int (*is)(int c), bool no)
{
	for (int c = 0; c < 256; c++)
		if ((c < 128 && is(c)) != no)
			add(s, (unsigned char)c);
}

static int is_word(int c)
{
	return isalnum(c) || c == '_';
}

static int is_gap(int c) /* RE2's \s: no vertical tab */
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

static const struct {
	const char *name;
	int (*is)(int c);
} classes[] = {
	{"alnum", isalnum},   {"alpha", isalpha}, {"blank", isblank}, {"cntrl", iscntrl},
	{"digit", isdigit},   {"graph", isgraph}, {"lower", islower}, {"print", isprint},
	{"punct", ispunct},   {"space", isspace}, {"upper", isupper}, {"word", is_word},
	{"xdigit", isxdigit},
};

/* \d \D \w \W \s \S */
static bool add_letter_class(struct set *s, char c)
{
	switch (c) {
	case 'd':
	case 'D':
		add_where(s, isdigit, c == 'D');
		return true;
	case 'w':
	case 'W':
		add_where(s, is_word, c == 'W');
		return true;
	case 's':
	case 'S':
		add_where(s, is_gap, c == 'S');
		return true;
	default:
		return false;
	}
}

/* What "[:name:]", of which "[:" has been read, stands for. */
static bool read_class(struct reader *r, struct set *s)
{
	bool no = take(r, '^');
	size_t from = r->at;
	struct lz_span name;

	while (more(r) && r->text.p[r->at] >= 'a' && r->text.p[r->at] <= 'z')
		r->at++;
	name = lz_span(r->text.p + from, r->at - from);
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (!lz_span_is(name, classes[i].name) || !take(r, ':') || !take(r, ']'))
			continue;
		add_where(s, classes[i].is, no);
		return true;
	}
	fault(r, "an unknown class in brackets");
	return false;
}

static bool read_hex(struct reader *r, unsigned char *ret)
{
	bool braces = take(r, '{');
	struct lz_span rest = lz_span_from(r->text, r->at), digits = lz_span_head(rest, 2);
	uint64_t n;

	if (braces && !lz_span_cut(rest, '}', &digits, &rest))
		digits.n = 0;
	if (!digits.n || (!braces && digits.n < 2) || !lz_span_u64(digits, 16, &n) || n > 255) {
		fault(r, "\\x needs two hexadecimal digits");
		return false;
	}
	r->at += digits.n + braces;
	*ret = (unsigned char)n;
	return true;
}

/* The byte that a backslash and c stand for. */
static bool read_escape(struct reader *r, char c, unsigned char *ret)
{
	static const char from[] = "afnrtv", to[] = "\a\f\n\r\t\v";
	const char *known = c ? strchr(from, c) : NULL;

	if (c == 'x')
		return read_hex(r, ret);
	if (known || ispunct((unsigned char)c)) {
		*ret = (unsigned char)(known ? to[known - from] : c);
		return true;
	}
	fault(r, isdigit((unsigned char)c) ? "back references are not known" : "an unknown escape");
	return false;
}

/* One byte in brackets, or a class (*ret_class) that was put into s. */
static bool read_member(struct reader *r, struct set *s, unsigned char *ret, bool *ret_class)
{
	char c = r->text.p[r->at++];

	*ret_class = c == '[' && next_is(r, ':');
	if (*ret_class) {
		r->at++;
		return read_class(r, s);
	}
	if (c == '[' && (next_is(r, '.') || next_is(r, '='))) {
		fault(r, "[. and [= are not known in brackets");
		return false;
	}
	if ((unsigned char)c >= 0x80) {
		fault(r, "what is in brackets must be ASCII (or \\xHH)");
		return false;
	}
	*ret = (unsigned char)c;
	if (c != '\\' || !more(r))
		return true;
	c = r->text.p[r->at++];
	*ret_class = add_letter_class(s, c);
	return *ret_class || read_escape(r, c, ret);
}

static struct tree *brackets(struct reader *r)
{
	bool no = take(r, '^'), first = true;
	struct set s = {{0}};

	while (first || !next_is(r, ']')) {
		unsigned char from, to;
		bool class, other;
		first = false;
		if (!more(r))
			return fault(r, "\"[\" that is not closed");
		if (!read_member(r, &s, &from, &class))
			return NULL;
		if (class)
			continue;
		to = from;
		if (next_is(r, '-') && r->at + 1 < r->text.n && r->text.p[r->at + 1] != ']') {
			r->at++;
			if (!read_member(r, &s, &to, &other))
				return NULL;
			if (other || to < from)
				return fault(r, "a range in brackets that is none");
		}
		for (unsigned c = from; c <= to; c++)
			add(&s, (unsigned char)c);
	}
	r->at++;
	for (int i = 0; i < 4 && no; i++)
		s.bits[i] = ~s.bits[i];
	return set_leaf(r, &s);
}

/* --- atoms --- */

static struct tree *either(struct reader *r);

static struct tree *group(struct reader *r)
{
	struct tree *t;

	if (take(r, '?') && !take(r, ':'))
		return fault(r, "\"(?\" is known in \"(?:\" only");
	if (++r->depth > DEPTH_MAX)
		return fault(r, "nested too deep");
	t = either(r);
	r->depth--;
	if (t && !take(r, ')'))
		return fault(r, "\"(\" that is not closed");
	return t;
}

static struct tree *escaped(struct reader *r)
{
	struct set s = {{0}};
	unsigned char byte;
	char c;

	if (!more(r))
		return fault(r, "ends with a backslash");
	c = r->text.p[r->at++];
	switch (c) {
	case 'b':
		return leaf(r, OP_EDGE, 0);
	case 'B':
		return leaf(r, OP_INSIDE, 0);
	case 'A':
		return leaf(r, OP_BEGIN, 0);
	case 'z':
		return leaf(r, OP_END, 0);
	case 'C':
		return leaf(r, OP_ANY, 0);
	default:
		break;
	}
	if (add_letter_class(&s, c))
		return set_leaf(r, &s);
	return read_escape(r, c, &byte) ? leaf(r, OP_BYTE, byte) : NULL;
}

static struct tree *atom(struct reader *r)
{
	char c = r->text.p[r->at++];

	switch (c) {
	case '(':
		return group(r);
	case '[':
		return brackets(r);
	case '.':
		return leaf(r, OP_ANY, 0);
	case '^':
		return leaf(r, OP_BEGIN, 0);
	case '$':
		return leaf(r, OP_END, 0);
	case '\\':
		return escaped(r);
	case '*':
	case '+':
	case '?':
		return fault(r, "nothing to repeat");
	default:
		return leaf(r, OP_BYTE, (unsigned char)c);
	}
}

/* --- repeats --- */

static bool number(struct reader *r, uint32_t *ret)
{
	size_t from = r->at;
	uint64_t n;

	while (more(r) && isdigit((unsigned char)r->text.p[r->at]))
		r->at++;
	if (!lz_span_u64(lz_span(r->text.p + from, r->at - from), 10, &n))
		return false;
	*ret = n > REPEAT_MAX ? REPEAT_MAX + 1 : (uint32_t)n;
	return true;
}

/* "{n}", "{n,}", "{n,m}"; anything else in braces stands for itself. */
static bool braces(struct reader *r, uint32_t *least, uint32_t *most)
{
	size_t from = r->at;

	if (!take(r, '{'))
		return false;
	if (number(r, least)) {
		*most = *least;
		if (take(r, ',') && !number(r, most))
			*most = NO_END;
		if (take(r, '}'))
			return true;
	}
	r->at = from;
	return false;
}

static struct tree *repeated(struct reader *r)
{
	struct tree *t = atom(r);
	uint32_t least, most;

	while (t && !r->failed) {
		struct tree *outer;
		if (take(r, '*'))
			least = 0, most = NO_END;
		else if (take(r, '+'))
			least = 1, most = NO_END;
		else if (take(r, '?'))
			least = 0, most = 1;
		else if (!braces(r, &least, &most))
			return t;
		if (least > REPEAT_MAX || (most != NO_END && (most > REPEAT_MAX || most < least)))
			return fault(r, "a repeat that is too large, or the wrong way round");
		outer = fresh(r, REPEAT);
		if (!outer)
			return NULL;
		outer->least = least;
		outer->most = most;
		adopt(outer, t);
		t = outer;
		if (t->depth > 2 * DEPTH_MAX)
			return fault(r, "nested too deep");
	}
	return t;
}

static struct tree *row(struct reader *r)
{
	struct tree *all = fresh(r, CAT), *one;

	while (all && more(r) && !next_is(r, '|') && !next_is(r, ')')) {
		one = repeated(r);
		if (!one)
			return NULL;
		adopt(all, one);
	}
	return all;
}

static struct tree *either(struct reader *r)
{
	struct tree *all = fresh(r, ALT), *one;

	do {
		one = all ? row(r) : NULL;
		if (!one)
			return NULL;
		adopt(all, one);
	} while (take(r, '|'));
	if (all->depth > 2 * DEPTH_MAX)
		return fault(r, "nested too deep");
	return all->first == all->last ? all->first : all;
}

/* --- the program --- */

static uint32_t put(struct reader *r, enum op op, uint32_t x, uint32_t y)
{
	struct step s = {op, x, y};

	if (r->steps.n >= STEPS_MAX)
		fault(r, "it is too large");
	else if (!lz_vec_add(&r->steps, &s))
		no_memory(r, r->steps.code);
	return (uint32_t)r->steps.n - (r->failed ? 0 : 1);
}

static struct step *step_at(struct reader *r, uint32_t i)
{
	return lz_vec_at(&r->steps, i);
}

static void write_tree(struct reader *r, const struct tree *t);

/* a|b|c: splits, and behind each but the last a jump to the end; jumps are chained by x until the
 * end is known. */
static void write_either(struct reader *r, const struct tree *t)
{
	uint32_t jumps = NO_END, split, after;

	for (const struct tree *c = t->first; c && !r->failed; c = c->next) {
		if (!c->next) {
			write_tree(r, c);
			break;
		}
		split = put(r, OP_SPLIT, (uint32_t)r->steps.n + 1, 0);
		write_tree(r, c);
		jumps = put(r, OP_JUMP, jumps, 0);
		if (!r->failed)
			step_at(r, split)->y = (uint32_t)r->steps.n;
	}
	for (uint32_t j = jumps; j != NO_END && !r->failed; j = after) {
		after = step_at(r, j)->x;
		step_at(r, j)->x = (uint32_t)r->steps.n;
	}
}

static void write_repeat(struct reader *r, const struct tree *t)
{
	uint32_t splits = NO_END, split, after;

	for (uint32_t i = 0; i < t->least && !r->failed; i++)
		write_tree(r, t->first);
	if (t->most == NO_END) {
		split = put(r, OP_SPLIT, (uint32_t)r->steps.n + 1, 0);
		write_tree(r, t->first);
		put(r, OP_JUMP, split, 0);
		if (!r->failed)
			step_at(r, split)->y = (uint32_t)r->steps.n;
		return;
	}
	for (uint32_t i = t->least; i < t->most && !r->failed; i++) {
		splits = put(r, OP_SPLIT, (uint32_t)r->steps.n + 1, splits);
		write_tree(r, t->first);
	}
	for (uint32_t s = splits; s != NO_END && !r->failed; s = after) {
		after = step_at(r, s)->y;
		step_at(r, s)->y = (uint32_t)r->steps.n;
	}
}

static void write_tree(struct reader *r, const struct tree *t)
{
	if (r->failed)
		return;
	if (++r->work > 4 * STEPS_MAX) { /* repeats of nothing grow no program */
		fault(r, "it is too large");
		return;
	}
	switch (t->kind) {
	case EMPTY:
		return;
	case LEAF:
		put(r, t->op, t->x, 0);
		return;
	case CAT:
		for (const struct tree *c = t->first; c; c = c->next)
			write_tree(r, c);
		return;
	case ALT:
		write_either(r, t);
		return;
	case REPEAT:
		write_repeat(r, t);
		return;
	}
}

static const struct lz_regexp *keep(struct reader *r, struct lz_arena *arena)
{
	struct lz_regexp *made = LZ_ARENA_NEW(arena, struct lz_regexp);
	struct step *steps = lz_arena_array(arena, r->steps.n, sizeof(*steps));
	struct set *sets = lz_arena_array(arena, r->sets.n + 1, sizeof(*sets));

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
	struct reader r = {.text = pattern, .arena = &trees, .err = err};
	const struct lz_regexp *made = NULL;
	struct tree *t;

	lz_arena_init(&trees, 64 * LZ_M);
	lz_vec_init(&r.sets, sizeof(struct set), STEPS_MAX);
	lz_vec_init(&r.steps, sizeof(struct step), STEPS_MAX);
	t = pattern.n > STEPS_MAX ? fault(&r, "it is too large") : either(&r);
	if (t && r.at < pattern.n)
		t = fault(&r, "\")\" without \"(\"");
	if (t && !r.failed) {
		write_tree(&r, t);
		put(&r, OP_MET, 0, 0);
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
	bool before = at > 0 && is_word((unsigned char)text.p[at - 1] & 0x7f) &&
		      !(text.p[at - 1] & 0x80);
	bool behind = at < text.n && is_word((unsigned char)text.p[at] & 0x7f) &&
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
		switch ((enum op)s->op) {
		case OP_SPLIT:
			u->stack[depth++] = s->y;
			u->stack[depth++] = s->x;
			continue;
		case OP_JUMP:
			u->stack[depth++] = s->x;
			continue;
		case OP_BEGIN:
			pass = at == 0;
			break;
		case OP_END:
			pass = at == u->text.n;
			break;
		case OP_EDGE:
		case OP_INSIDE:
			pass = edge(u->text, at) == (s->op == OP_EDGE);
			break;
		case OP_BYTE:
		case OP_SET:
		case OP_ANY:
		case OP_MET:
			u->next[u->count++] = i;
			continue;
		}
		if (pass)
			u->stack[depth++] = i + 1;
	}
}

static bool takes(const struct lz_regexp *r, const struct step *s, unsigned char c)
{
	return s->op == OP_ANY || (s->op == OP_BYTE && s->x == c) ||
	       (s->op == OP_SET && (r->sets[s->x].bits[c / 64] >> c % 64 & 1));
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
		if (steps[u->next[i]].op == OP_MET)
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
