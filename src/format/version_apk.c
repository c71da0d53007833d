/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alpine: digits {"." digits} [letter] {"_" suffix [digits]} ["~" hash] ["-r" digits]
 *
 * Versions are compared token by token. Where one has a token that the other has not, the kind
 * decides: more digits beat a letter, a letter beats a suffix, a suffix beats the end, except that
 * alpha, beta, pre and rc come before the release. Components after the first with a leading zero
 * compare as text ("1.01" < "1.1"). What does not follow the grammar sorts below whatever does,
 * which is how apk treats old packages' odd versions.
 */
#include "version_internal.h"

enum kind { INITIAL, DIGITS, LETTER, SUFFIX, SUFFIX_NUMBER, HASH, REVISION, END, INVALID };

struct token {
	enum kind kind;
	struct lz_span text;
	int suffix; /* < 0: before the release */
};

static const char *check(struct lz_span v)
{
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];
		bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			    (c >= 'A' && c <= 'Z');
		if (!word && !strchr("._-~+", c))
			return "holds a character that versions don't have";
	}
	return NULL;
}

static bool digit(struct lz_span v, size_t i)
{
	return v.n > i && v.p[i] >= '0' && v.p[i] <= '9';
}

static struct token take_suffix(struct lz_span *v)
{
	static const char *const names[] = {"alpha", "beta", "pre", "rc", "cvs",
					    "svn",   "git",  "hg",  "p"};
	struct token t = {.kind = INVALID};
	size_t n = 0;

	while (n < v->n && v->p[n] >= 'a' && v->p[n] <= 'z')
		n++;
	for (int i = 0; i < 9; i++) {
		if (!lz_span_is(lz_span_head(*v, n), names[i]))
			continue;
		t.kind = SUFFIX;
		t.suffix = i < 4 ? i - 4 : i;
		*v = lz_span_from(*v, n);
		break;
	}
	return t;
}

static struct token numbered(enum kind kind, struct lz_span *v)
{
	struct token t = {.kind = kind};

	t.text = lz_take_digits(v);
	return t;
}

/* What may follow "-r": digits, the end, or another "-" that then is invalid itself. */
static struct token take_revision(struct lz_span *v)
{
	struct lz_span rest = lz_span_from(*v, 2);
	struct token t = {.kind = INVALID};

	if (v->n < 2 || v->p[1] != 'r' || (rest.n && !digit(rest, 0) && rest.p[0] != '-'))
		return t;
	*v = rest;
	return numbered(REVISION, v);
}

static struct token take_hash(struct lz_span *v)
{
	struct token t = {.kind = HASH};
	size_t n = 1;

	while (n < v->n && (digit(*v, n) || (v->p[n] >= 'a' && v->p[n] <= 'f')))
		n++;
	t.text = lz_span_from(lz_span_head(*v, n), 1);
	*v = lz_span_from(*v, n);
	return t;
}

static struct token next(enum kind last, struct lz_span *v)
{
	struct token t = {.kind = INVALID};
	char c = v->n ? v->p[0] : 0;

	if (!v->n) {
		t.kind = END;
	} else if (c >= 'a' && c <= 'z' && last <= DIGITS) {
		t = (struct token){.kind = LETTER, .text = lz_span_head(*v, 1)};
		*v = lz_span_from(*v, 1);
	} else if (digit(*v, 0) && last == LETTER) {
		t = numbered(DIGITS, v);
	} else if (digit(*v, 0) && last == SUFFIX) {
		t = numbered(SUFFIX_NUMBER, v);
	} else if (c == '.' && last <= LETTER && digit(*v, 1)) {
		*v = lz_span_from(*v, 1);
		t = numbered(DIGITS, v);
	} else if (c == '_' && last <= SUFFIX_NUMBER) {
		*v = lz_span_from(*v, 1);
		t = take_suffix(v);
	} else if (c == '~' && last < HASH) {
		t = take_hash(v);
	} else if (c == '-' && last < REVISION) {
		t = take_revision(v);
	}
	return t;
}

static bool leading_zero(struct lz_span s)
{
	return s.n && s.p[0] == '0';
}

static int compare_tokens(const struct token *a, const struct token *b)
{
	switch (a->kind) {
	case DIGITS:
		if (leading_zero(a->text) || leading_zero(b->text))
			return lz_span_cmp(a->text, b->text);
		return lz_digits_cmp(a->text, b->text);
	case INITIAL:
	case SUFFIX_NUMBER:
	case REVISION:
		return lz_digits_cmp(a->text, b->text);
	case SUFFIX:
		return a->suffix < b->suffix ? -1 : a->suffix > b->suffix;
	case LETTER:
	case HASH:
		return lz_span_cmp(a->text, b->text);
	case END:
	case INVALID:
		break;
	}
	return 0;
}

static int compare(struct lz_span a, struct lz_span b)
{
	struct token x = numbered(INITIAL, &a), y = numbered(INITIAL, &b);

	while (x.kind == y.kind && x.kind < END) {
		int c = compare_tokens(&x, &y);
		if (c)
			return c;
		x = next(x.kind, &a);
		y = next(y.kind, &b);
	}
	if (x.kind == y.kind)
		return 0;
	if (x.kind == SUFFIX && x.suffix < 0)
		return -1;
	if (y.kind == SUFFIX && y.suffix < 0)
		return 1;
	return x.kind > y.kind ? -1 : 1;
}

const struct lz_version_order lz_version_apk = {"apk", check, compare};
