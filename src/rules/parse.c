/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions: recursive descent, "or" below "and" below "not".
 *
 *	condition  = and { "or" and }          and  = not { "and" not }
 *	not        = "not" not | "(" condition ")" | check | macro
 *	check      = term operator [ values ]  term = field [ "[" arg "]" ] | name "(" terms ")"
 *
 * Symbols need no blanks around them, words need one behind; "in", "intersects", "pmatch" and
 * "exists" need none. A word behind a string operator is a modifier when "(" follows.
 */
#include "expr.h"

#include <stdio.h>

#define DEPTH_MAX 200

struct parser {
	struct lz_span text;
	size_t at;
	unsigned depth;
	struct lz_arena *arena;
	struct lz_err *err;
	size_t fault_at;
	bool failed;
};

static const struct {
	const char *name;
	enum lz_op op;
	bool word; /* a blank must follow */
	enum { TAKES_NOTHING, TAKES_NUMBER, TAKES_STRING, TAKES_LIST } takes;
} operators[] = {
	{"exists", LZ_OP_EXISTS, false, TAKES_NOTHING},
	{"<=", LZ_OP_LE, false, TAKES_NUMBER},
	{"<", LZ_OP_LT, false, TAKES_NUMBER},
	{">=", LZ_OP_GE, false, TAKES_NUMBER},
	{">", LZ_OP_GT, false, TAKES_NUMBER},
	{"==", LZ_OP_EQ, false, TAKES_STRING},
	{"=", LZ_OP_EQ, false, TAKES_STRING},
	{"!=", LZ_OP_NE, false, TAKES_STRING},
	{"glob", LZ_OP_GLOB, true, TAKES_STRING},
	{"iglob", LZ_OP_IGLOB, true, TAKES_STRING},
	{"contains", LZ_OP_CONTAINS, true, TAKES_STRING},
	{"icontains", LZ_OP_ICONTAINS, true, TAKES_STRING},
	{"bcontains", LZ_OP_BCONTAINS, true, TAKES_STRING},
	{"startswith", LZ_OP_STARTSWITH, true, TAKES_STRING},
	{"bstartswith", LZ_OP_BSTARTSWITH, true, TAKES_STRING},
	{"endswith", LZ_OP_ENDSWITH, true, TAKES_STRING},
	{"regex", LZ_OP_REGEX, true, TAKES_STRING},
	{"intersects", LZ_OP_INTERSECTS, false, TAKES_LIST},
	{"in", LZ_OP_IN, false, TAKES_LIST},
	{"pmatch", LZ_OP_PMATCH, false, TAKES_LIST},
};

static const char *const transforms[] = {
	[LZ_TERM_TOLOWER] = "tolower",	 [LZ_TERM_TOUPPER] = "toupper", [LZ_TERM_B64] = "b64",
	[LZ_TERM_BASENAME] = "basename", [LZ_TERM_LEN] = "len",		[LZ_TERM_JOIN] = "join",
	[LZ_TERM_CONCAT] = "concat",	 [LZ_TERM_GETOPT] = "getopt",	[LZ_TERM_VAL] = "val",
};

const char *lz_op_name(enum lz_op op)
{
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
		if (operators[i].op == op && strcmp(operators[i].name, "=="))
			return operators[i].name;
	return "?";
}

const char *lz_transform_name(enum lz_transform t)
{
	return t < sizeof(transforms) / sizeof(transforms[0]) && transforms[t] ? transforms[t] : "";
}

/* --- characters --- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\b' || c == '\r' || c == '\n';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '_';
}

static char look(const struct parser *p)
{
	return p->at < p->text.n ? p->text.p[p->at] : 0;
}

static void blanks(struct parser *p)
{
	while (p->at < p->text.n && is_blank(p->text.p[p->at]))
		p->at++;
}

static void *fault(struct parser *p, size_t at, const char *what)
{
	if (!p->failed) {
		lz_fail(p->err, LZ_E_FORMAT, "%s", what);
		p->fault_at = at;
	}
	p->failed = true;
	return NULL;
}

static void *no_memory(struct parser *p)
{
	if (!p->failed)
		lz_fail(p->err, p->arena->code, "condition: %s", lz_code_text(p->arena->code));
	p->failed = true;
	return NULL;
}

/* The word with this spelling and what may not be part of it behind it. */
static bool keyword(struct parser *p, const char *word)
{
	size_t n = strlen(word);
	struct lz_span rest = lz_span_from(p->text, p->at);

	if (!lz_span_starts(rest, word) || (rest.n > n && !is_blank(rest.p[n]) && rest.p[n] != '('))
		return false;
	p->at += n;
	return true;
}

static struct lz_span name(struct parser *p)
{
	size_t from = p->at;

	if (!is_letter(look(p)))
		return lz_span(p->text.p + from, 0);
	while (is_name(look(p)))
		p->at++;
	return lz_span(p->text.p + from, p->at - from);
}

/* Names joined by dots, of at least two parts. */
static struct lz_span dotted(struct parser *p)
{
	size_t from = p->at;

	name(p);
	if (look(p) != '.') {
		p->at = from;
		return lz_span(p->text.p + from, 0);
	}
	while (look(p) == '.' && p->at + 1 < p->text.n && is_name(p->text.p[p->at + 1])) {
		p->at++;
		while (is_name(look(p)))
			p->at++;
	}
	return lz_span(p->text.p + from, p->at - from);
}

/* --- values --- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* The character that a backslash and what follows stand for; -1: none. */
static int escaped(struct parser *p, char quote)
{
	static const char from[] = "bfnrt\\/", to[] = "\b\f\n\r\t\\/";
	char c = look(p);
	const char *known = c ? strchr(from, c) : NULL;

	if (c == 'x' && p->at + 2 < p->text.n) {
		int high = hex_digit(p->text.p[p->at + 1]), low = hex_digit(p->text.p[p->at + 2]);
		p->at += 3;
		return high < 0 || low < 0 ? -1 : high * 16 + low;
	}
	if (c == ' ') /* kept for rules that were written so */
		return '\\';
	p->at++;
	return known ? to[known - from] : c == quote ? c : -1;
}

static bool quoted(struct parser *p, struct lz_span *ret)
{
	size_t from = p->at, n = 0;
	char quote = look(p), *out = lz_arena_alloc(p->arena, p->text.n - p->at + 1);

	if (!out)
		return no_memory(p), false;
	p->at++;
	while (p->at < p->text.n && look(p) != quote) {
		int c = p->text.p[p->at++];
		if (c == '\\') {
			c = escaped(p, quote);
			if (c < 0)
				return fault(p, p->at - 1, "unknown escape in a quoted value"),
				       false;
			if (c == 0)
				return fault(p, p->at, "a zero byte in a value"), false;
		}
		out[n++] = (char)c;
	}
	if (p->at >= p->text.n)
		return fault(p, from, "a quote that is not closed"), false;
	p->at++;
	*ret = lz_span(out, n);
	return true;
}

static bool is_bare(char c)
{
	return c && !is_blank(c) && !strchr("()\"'=,", c);
}

static struct lz_word *word(struct parser *p)
{
	struct lz_word *w = LZ_ARENA_NEW(p->arena, struct lz_word);
	char c = look(p);

	if (!w)
		return no_memory(p);
	w->at = p->at;
	if (c == '"' || c == '\'')
		return quoted(p, &w->text) ? w : NULL;
	while (is_bare(look(p)))
		p->at++;
	w->text = lz_span(p->text.p + w->at, p->at - w->at);
	return w->text.n ? w : fault(p, w->at, "a value is missing here");
}

/* "(" a, b, c ")"; also empty. */
static bool list(struct parser *p, struct lz_expr *e)
{
	struct lz_word **end = &e->words;

	p->at++;
	blanks(p);
	while (look(p) != ')') {
		struct lz_word *w = word(p);
		if (!w)
			return false;
		*end = w;
		end = &w->next;
		e->word_count++;
		blanks(p);
		if (look(p) == ')')
			break;
		if (look(p) != ',')
			return fault(p, p->at, "expected a comma or ')' in a list"), false;
		p->at++;
		blanks(p);
	}
	p->at++;
	return true;
}

/* --- terms --- */

static struct lz_term *term(struct parser *p);

static bool field_arg(struct parser *p, struct lz_span *ret)
{
	size_t from;

	if (look(p) != '[')
		return true;
	from = ++p->at;
	if (look(p) == '"' || look(p) == '\'') {
		if (!quoted(p, ret))
			return false;
	} else {
		while (look(p) && !is_blank(look(p)) && !strchr("][\"'", look(p)))
			p->at++;
		*ret = lz_span(p->text.p + from, p->at - from);
	}
	if (look(p) != ']' || !ret->n)
		return fault(p, from - 1, "expected an argument and ']' behind '['"), false;
	p->at++;
	return true;
}

static bool check_arg(struct parser *p, const struct lz_term *t)
{
	uint64_t n;

	switch (t->field->arg) {
	case LZ_ARG_NONE:
		if (t->arg.n)
			return fault(p, t->at, "this field takes no argument"), false;
		return true;
	case LZ_ARG_INDEX:
	case LZ_ARG_KEY:
		if (!t->arg.n)
			return fault(p, t->at, "this field needs an argument in brackets"), false;
		break;
	case LZ_ARG_INDEX_OPTIONAL:
	case LZ_ARG_KEY_OPTIONAL:
		break;
	}
	if (t->arg.n && (t->field->arg == LZ_ARG_INDEX || t->field->arg == LZ_ARG_INDEX_OPTIONAL) &&
	    (!lz_span_u64(t->arg, 10, &n) || n > 255))
		return fault(p, t->at, "this field's argument is a small number"), false;
	return true;
}

static struct lz_term *field_term(struct parser *p, struct lz_term *t)
{
	struct lz_span n = dotted(p);
	char text[160];

	t->field = lz_field_find(n, &t->arg);
	if (!t->field) {
		snprintf(text, sizeof(text), "unknown field \"%.*s\"", (int)(n.n < 100 ? n.n : 100),
			 n.p);
		return fault(p, t->at, text);
	}
	return field_arg(p, &t->arg) && check_arg(p, t) ? t : NULL;
}

static bool transform_args(struct parser *p, struct lz_term *t)
{
	struct lz_term **end = &t->first;

	for (;;) {
		struct lz_term *a;
		blanks(p);
		if (look(p) == '"' || look(p) == '\'') {
			a = LZ_ARENA_NEW(p->arena, struct lz_term);
			if (!a)
				return no_memory(p), false;
			a->kind = LZ_TERM_TEXT;
			a->at = p->at;
			if (!quoted(p, &a->arg))
				return false;
		} else {
			a = term(p);
		}
		if (!a)
			return false;
		*end = a;
		end = &a->next;
		t->count++;
		blanks(p);
		if (look(p) != ',')
			break;
		p->at++;
	}
	if (look(p) != ')')
		return fault(p, p->at, "expected ')' behind a transformer's argument"), false;
	p->at++;
	return true;
}

static bool transform_fits(struct parser *p, const struct lz_term *t)
{
	size_t least = t->kind == LZ_TERM_JOIN || t->kind == LZ_TERM_GETOPT ||
				       t->kind == LZ_TERM_CONCAT
			       ? 2
			       : 1;
	size_t most = t->kind == LZ_TERM_CONCAT ? 64 : least;

	if (t->count < least || t->count > most)
		return fault(p, t->at, "wrong number of arguments of a transformer"), false;
	if (t->kind == LZ_TERM_GETOPT && t->arg.n != 1)
		return fault(p, t->at, "getopt(list, \"options\") needs one letter in brackets"),
		       false;
	if (t->kind != LZ_TERM_GETOPT && t->arg.n)
		return fault(p, t->at, "this transformer takes no brackets"), false;
	for (const struct lz_term *a = t->first; a; a = a->next)
		if (a->kind == LZ_TERM_FIELD && (a->field->flags & LZ_FIELD_PLAIN))
			return fault(p, a->at, "this field can't be transformed"), false;
	return true;
}

static struct lz_term *term(struct parser *p)
{
	struct lz_term *t = LZ_ARENA_NEW(p->arena, struct lz_term);
	size_t from = p->at;
	struct lz_span n;

	if (!t)
		return no_memory(p);
	t->at = from;
	if (p->depth++ > DEPTH_MAX)
		return fault(p, from, "nested too deep");
	n = name(p);
	if (look(p) != '(') {
		p->at = from;
		t = field_term(p, t);
		p->depth--;
		return t;
	}
	for (t->kind = LZ_TERM_TOLOWER; t->kind <= LZ_TERM_VAL; t->kind++)
		if (lz_span_is(n, transforms[t->kind]))
			break;
	if (t->kind > LZ_TERM_VAL)
		return fault(p, from, "unknown transformer");
	p->at++;
	if (!transform_args(p, t) || !field_arg(p, &t->arg) || !transform_fits(p, t))
		return NULL;
	p->depth--;
	return t;
}

struct lz_term *lz_term_parse(struct lz_span text, struct lz_arena *arena, size_t *ret_n,
			      struct lz_err *err)
{
	struct parser p = {.text = text, .arena = arena, .err = err};
	struct lz_term *t = term(&p);

	*ret_n = p.at;
	return p.failed ? NULL : t;
}

/* --- checks --- */

static bool is_term_ahead(const struct parser *p)
{
	struct parser ahead = *p;
	struct lz_span n = name(&ahead);

	if (!n.n || look(&ahead) != '(')
		return false;
	for (unsigned i = LZ_TERM_TOLOWER; i <= LZ_TERM_VAL; i++)
		if (lz_span_is(n, transforms[i]))
			return true;
	return false;
}

static enum lz_modifier modifier(struct parser *p)
{
	static const char *const names[] = {"", "oneof", "anyof", "allof"};
	struct parser ahead = *p;
	struct lz_span n = name(&ahead);

	blanks(&ahead);
	for (unsigned i = 1; i < 4; i++) {
		if (lz_span_is(n, names[i]) && look(&ahead) == '(') {
			p->at = ahead.at;
			return (enum lz_modifier)i;
		}
	}
	return LZ_MOD_NONE;
}

static bool right_side(struct parser *p, struct lz_expr *e, int takes)
{
	if (takes == TAKES_NOTHING)
		return true;
	blanks(p);
	if (takes == TAKES_STRING)
		e->modifier = modifier(p);
	if (is_term_ahead(p)) {
		e->right = term(p);
		return e->right != NULL;
	}
	if (takes == TAKES_LIST || e->modifier) {
		if (look(p) == '(')
			return list(p, e);
		return fault(p, p->at, "expected a list in parentheses"), false;
	}
	e->words = word(p);
	e->word_count = 1;
	return e->words != NULL;
}

static struct lz_expr *check(struct parser *p, struct lz_expr *e)
{
	e->kind = LZ_EXPR_CHECK;
	e->left = term(p);
	if (!e->left)
		return NULL;
	blanks(p);
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		struct lz_span rest = lz_span_from(p->text, p->at);
		size_t n = strlen(operators[i].name);
		if (!lz_span_starts(rest, operators[i].name) ||
		    (operators[i].word && (rest.n <= n || !is_blank(rest.p[n]))))
			continue;
		p->at += n;
		e->op = operators[i].op;
		return right_side(p, e, operators[i].takes) ? e : NULL;
	}
	return fault(p, p->at,
		     "expected an operator: = != < <= > >= in intersects pmatch exists contains "
		     "icontains bcontains startswith bstartswith endswith glob iglob regex");
}

/* --- logic --- */

static struct lz_expr *either(struct parser *p);

static struct lz_expr *fresh(struct parser *p, enum lz_expr_kind kind)
{
	struct lz_expr *e = LZ_ARENA_NEW(p->arena, struct lz_expr);

	if (!e)
		return no_memory(p);
	e->kind = kind;
	e->at = p->at;
	return e;
}

static void adopt(struct lz_expr *parent, struct lz_expr *child)
{
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	parent->count++;
}

static struct lz_expr *group(struct parser *p)
{
	struct lz_expr *e;

	p->at++;
	e = either(p);
	if (!e)
		return NULL;
	blanks(p);
	if (look(p) != ')')
		return fault(p, p->at, "expected ')', \"and\" or \"or\"");
	p->at++;
	return e;
}

static struct lz_expr *simple(struct parser *p)
{
	struct lz_expr *e = fresh(p, LZ_EXPR_MACRO);
	struct parser ahead = *p;

	if (!e)
		return NULL;
	if (look(p) == '(')
		return group(p);
	e->name = name(&ahead);
	if (e->name.n && look(&ahead) != '.' && !is_term_ahead(p)) {
		p->at = ahead.at;
		return e;
	}
	if (!e->name.n)
		return fault(p, p->at, "expected a field, a macro, \"not\" or '('");
	return check(p, e);
}

static struct lz_expr *negated(struct parser *p)
{
	struct lz_expr *e, *child;
	bool no = false;

	blanks(p);
	e = fresh(p, LZ_EXPR_NOT);
	if (!e)
		return NULL;
	while (keyword(p, "not")) {
		no = !no;
		blanks(p);
	}
	child = simple(p);
	if (!child || !no)
		return child;
	adopt(e, child);
	return e;
}

static struct lz_expr *chain(struct parser *p, enum lz_expr_kind kind)
{
	struct lz_expr *all, *one;
	size_t before;

	blanks(p);
	all = fresh(p, kind);
	if (!all)
		return NULL;
	do {
		one = kind == LZ_EXPR_OR ? chain(p, LZ_EXPR_AND) : negated(p);
		if (!one)
			return NULL;
		adopt(all, one);
		before = p->at;
		blanks(p);
	} while (keyword(p, kind == LZ_EXPR_OR ? "or" : "and"));
	p->at = before;
	return all->count == 1 ? all->first : all;
}

static struct lz_expr *either(struct parser *p)
{
	struct lz_expr *e;

	if (++p->depth > DEPTH_MAX)
		return fault(p, p->at, "nested too deep");
	e = chain(p, LZ_EXPR_OR);
	p->depth--;
	return e;
}

struct lz_expr *lz_expr_parse(struct lz_span text, struct lz_arena *arena, size_t *ret_at,
			      struct lz_err *err)
{
	struct parser p = {.text = text, .arena = arena, .err = err};
	struct lz_expr *e = either(&p);

	if (e) {
		blanks(&p);
		if (p.at < text.n)
			e = fault(&p, p.at, "expected \"and\", \"or\" or the end");
	}
	*ret_at = p.fault_at;
	return p.failed ? NULL : e;
}
