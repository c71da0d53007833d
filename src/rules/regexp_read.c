/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the text of a regular expression into a tree. */
#include "regexp_tree.h"

#include <ctype.h>

enum {
	REPEAT_MAX = 1000, /* as RE2 has it */
	DEPTH_MAX = 200,
};

struct reader {
	struct lz_span text;
	size_t at;
	unsigned depth;
	struct lz_arena *arena;
	struct lz_vec *sets;
	struct lz_err *err;
	bool failed;
};

void *lz_re_wrong(struct lz_span pattern, const char *what, struct lz_err *err)
{
	lz_fail(err, LZ_E_FORMAT, "\"%.*s\" is no regular expression: %s", LZ_FMT(pattern), what);
	return NULL;
}

static void *fault(struct reader *r, const char *what)
{
	if (!r->failed)
		lz_re_wrong(r->text, what, r->err);
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

static struct lz_re_tree *fresh(struct reader *r, enum lz_re_kind kind)
{
	struct lz_re_tree *t = LZ_ARENA_NEW(r->arena, struct lz_re_tree);

	if (!t)
		return no_memory(r, r->arena->code);
	t->kind = kind;
	return t;
}

static struct lz_re_tree *leaf(struct reader *r, enum lz_re_op op, uint32_t x)
{
	struct lz_re_tree *t = fresh(r, LZ_RE_LEAF);

	if (t) {
		t->op = op;
		t->x = x;
	}
	return t;
}

static struct lz_re_tree *set_leaf(struct reader *r, const struct lz_re_set *s)
{
	if (!lz_vec_add(r->sets, s))
		return no_memory(r, r->sets->code);
	return leaf(r, LZ_RE_SET, (uint32_t)r->sets->n - 1);
}

static void adopt(struct lz_re_tree *parent, struct lz_re_tree *child)
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

static void add(struct lz_re_set *s, unsigned char c)
{
	s->bits[c / 64] |= 1ULL << c % 64;
}

static void add_where(struct lz_re_set *s, int (*is)(int c), bool no)
{
	for (int c = 0; c < 256; c++)
		if ((c < 128 && is(c)) != no)
			add(s, (unsigned char)c);
}

int lz_re_is_word(int c)
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
	{"punct", ispunct},   {"space", isspace}, {"upper", isupper}, {"word", lz_re_is_word},
	{"xdigit", isxdigit},
};

/* \d \D \w \W \s \S */
static bool add_letter_class(struct lz_re_set *s, char c)
{
	switch (c) {
	case 'd':
	case 'D':
		add_where(s, isdigit, c == 'D');
		return true;
	case 'w':
	case 'W':
		add_where(s, lz_re_is_word, c == 'W');
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
static bool read_class(struct reader *r, struct lz_re_set *s)
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
static bool read_member(struct reader *r, struct lz_re_set *s, unsigned char *ret, bool *ret_class)
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

static struct lz_re_tree *brackets(struct reader *r)
{
	bool no = take(r, '^'), first = true;
	struct lz_re_set s = {{0}};

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

static struct lz_re_tree *either(struct reader *r);

static struct lz_re_tree *group(struct reader *r)
{
	struct lz_re_tree *t;

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

static struct lz_re_tree *escaped(struct reader *r)
{
	struct lz_re_set s = {{0}};
	unsigned char byte;
	char c;

	if (!more(r))
		return fault(r, "ends with a backslash");
	c = r->text.p[r->at++];
	switch (c) {
	case 'b':
		return leaf(r, LZ_RE_EDGE, 0);
	case 'B':
		return leaf(r, LZ_RE_INSIDE, 0);
	case 'A':
		return leaf(r, LZ_RE_BEGIN, 0);
	case 'z':
		return leaf(r, LZ_RE_END, 0);
	case 'C':
		return leaf(r, LZ_RE_ANY, 0);
	default:
		break;
	}
	if (add_letter_class(&s, c))
		return set_leaf(r, &s);
	return read_escape(r, c, &byte) ? leaf(r, LZ_RE_BYTE, byte) : NULL;
}

static struct lz_re_tree *atom(struct reader *r)
{
	char c = r->text.p[r->at++];

	switch (c) {
	case '(':
		return group(r);
	case '[':
		return brackets(r);
	case '.':
		return leaf(r, LZ_RE_ANY, 0);
	case '^':
		return leaf(r, LZ_RE_BEGIN, 0);
	case '$':
		return leaf(r, LZ_RE_END, 0);
	case '\\':
		return escaped(r);
	case '*':
	case '+':
	case '?':
		return fault(r, "nothing to repeat");
	default:
		return leaf(r, LZ_RE_BYTE, (unsigned char)c);
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
			*most = LZ_RE_NO_END;
		if (take(r, '}'))
			return true;
	}
	r->at = from;
	return false;
}

static struct lz_re_tree *repeated(struct reader *r)
{
	struct lz_re_tree *t = atom(r);
	uint32_t least, most;

	while (t && !r->failed) {
		struct lz_re_tree *outer;
		if (take(r, '*'))
			least = 0, most = LZ_RE_NO_END;
		else if (take(r, '+'))
			least = 1, most = LZ_RE_NO_END;
		else if (take(r, '?'))
			least = 0, most = 1;
		else if (!braces(r, &least, &most))
			return t;
		if (least > REPEAT_MAX ||
		    (most != LZ_RE_NO_END && (most > REPEAT_MAX || most < least)))
			return fault(r, "a repeat that is too large, or the wrong way round");
		outer = fresh(r, LZ_RE_REPEAT);
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

static struct lz_re_tree *row(struct reader *r)
{
	struct lz_re_tree *all = fresh(r, LZ_RE_ROW), *one;

	while (all && more(r) && !next_is(r, '|') && !next_is(r, ')')) {
		one = repeated(r);
		if (!one)
			return NULL;
		adopt(all, one);
	}
	return all;
}

static struct lz_re_tree *either(struct reader *r)
{
	struct lz_re_tree *all = fresh(r, LZ_RE_EITHER), *one;

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

struct lz_re_tree *lz_re_read(struct lz_span pattern, struct lz_arena *arena, struct lz_vec *sets,
			      struct lz_err *err)
{
	struct reader r = {.text = pattern, .arena = arena, .sets = sets, .err = err};
	struct lz_re_tree *t;

	if (pattern.n > LZ_RE_STEPS_MAX)
		return fault(&r, "it is too large");
	t = either(&r);
	if (t && r.at < pattern.n)
		t = fault(&r, "\")\" without \"(\"");
	return r.failed ? NULL : t;
}
