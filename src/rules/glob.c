/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pattern is a row of tokens, each of which takes one byte: a literal, "?", a set. State i means
 * "i tokens have been met"; a star in front of token i lets state i stay whatever byte comes. All
 * states lie in one row of bits, and a byte of the text moves them together:
 *
 *	next = (states & takes[byte]) << 1 | states & stars
 *
 * Bytes that no token tells apart are one class, so that `takes` stays small.
 */
#include "glob.h"

#include "../base/alloc.h"
#include "../base/clean.h"
#include "../base/limits.h"

#include <ctype.h>

enum { WORDS_MAX = LZ_GLOB_MAX / 64 + 1 };

struct set { /* of bytes */
	uint64_t bits[4];
};

struct lz_glob {
	size_t tokens, words;
	bool never;
	unsigned char class_of[256];
	const uint64_t *stars; /* [words] */
	const uint64_t *takes; /* [class][words] */
};

struct lz_glob_path {
	size_t count;
	struct lz_span *texts; /* a component may also stand there as it is written */
	const struct lz_glob **globs;
};

struct reader {
	struct lz_span rest;
	bool nocase, never;
};

/* --- sets --- */

static void add(struct set *s, unsigned char c)
{
	s->bits[c / 64] |= 1ULL << c % 64;
}

static bool has(const struct set *s, unsigned char c)
{
	return s->bits[c / 64] >> c % 64 & 1;
}

static unsigned char fold(const struct reader *r, char c)
{
	return r->nocase && c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : (unsigned char)c;
}

static bool looking_at(const struct reader *r, size_t at, char c)
{
	return at < r->rest.n && r->rest.p[at] == c;
}

static const struct {
	const char *name;
	int (*is)(int c);
} classes[] = {
	{"alnum", isalnum}, {"alpha", isalpha}, {"blank", isblank}, {"cntrl", iscntrl},
	{"digit", isdigit}, {"graph", isgraph}, {"lower", islower}, {"print", isprint},
	{"punct", ispunct}, {"space", isspace}, {"upper", isupper}, {"xdigit", isxdigit},
};

/* False: there is none of this name. */
static bool add_class(struct set *s, struct lz_span name)
{
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (!lz_span_is(name, classes[i].name))
			continue;
		for (int c = 0; c < 128; c++)
			if (classes[i].is(c))
				add(s, (unsigned char)c);
		return true;
	}
	return false;
}

/* "[:name:]" at r->rest[*at], which "[" has been read of. False: it is none. */
static bool class_ahead(const struct reader *r, size_t *at, struct lz_span *ret)
{
	size_t from = *at + 1, end = from;

	if (!looking_at(r, *at, ':'))
		return false;
	while (end < r->rest.n && r->rest.p[end] >= 'a' && r->rest.p[end] <= 'z')
		end++;
	if (!looking_at(r, end, ':') || !looking_at(r, end + 1, ']'))
		return false;
	*ret = lz_span(r->rest.p + from, end - from);
	*at = end + 2;
	return true;
}

/* "[.x.]" or "[=x=]", likewise: a byte's long name. */
static bool named_ahead(const struct reader *r, size_t *at, char kind, char *ret)
{
	if (!looking_at(r, *at, kind) || !looking_at(r, *at + 2, kind) ||
	    !looking_at(r, *at + 3, ']'))
		return false;
	*ret = r->rest.p[*at + 1];
	*at += 4;
	return true;
}

/* What the bytes from first to last are, once folded. */
static void add_range(const struct reader *r, struct set *s, unsigned char first,
		      unsigned char last)
{
	for (int c = 0; c < 256; c++) {
		unsigned char folded = fold(r, (char)c);
		if (folded >= first && folded <= last)
			add(s, (unsigned char)c);
	}
}

enum found { GOOD, OPEN_END, BROKEN };

/* One byte of a set that may begin a range, and the range. */
static enum found read_range(const struct reader *r, size_t *at, struct set *s, unsigned char first)
{
	char last;

	if (!looking_at(r, *at, '-') || looking_at(r, *at + 1, ']')) {
		add_range(r, s, first, first);
		return GOOD;
	}
	if (++*at >= r->rest.n)
		return BROKEN;
	last = r->rest.p[(*at)++];
	if (last == '[' && looking_at(r, *at, '.')) {
		if (!named_ahead(r, at, '.', &last))
			return BROKEN;
	} else if (last == '\\') {
		if (*at >= r->rest.n)
			return BROKEN;
		last = r->rest.p[(*at)++];
	}
	add_range(r, s, first, fold(r, last));
	return GOOD;
}

/* A set behind its "[". OPEN_END: "]" never comes. */
static enum found read_set(struct reader *r, struct set *s)
{
	bool no = looking_at(r, 0, '!') || looking_at(r, 0, '^'), known = true;
	size_t at = no, from = at;
	enum found found = GOOD;
	struct lz_span name;

	while (found == GOOD && (at == from || !looking_at(r, at, ']'))) {
		char c;
		if (at >= r->rest.n)
			return OPEN_END;
		c = r->rest.p[at++];
		if (c == '[' && class_ahead(r, &at, &name)) {
			known = known && add_class(s, name);
			continue;
		}
		if (c == '[' && named_ahead(r, &at, '=', &c)) {
			add(s, (unsigned char)c);
			continue;
		}
		if (c == '\\' && at >= r->rest.n)
			return BROKEN;
		if (c == '\\')
			c = r->rest.p[at++];
		else if (c == '[' && looking_at(r, at, '.') && !named_ahead(r, &at, '.', &c))
			return BROKEN;
		if (known)
			found = read_range(r, &at, s, fold(r, c));
	}
	for (int i = 0; i < 4 && no; i++)
		s->bits[i] = known ? ~s->bits[i] : 0;
	if (found == GOOD)
		r->rest = lz_span_from(r->rest, at + 1);
	return found;
}

/* --- reading a pattern --- */

static void literal(const struct reader *r, struct set *s, char c)
{
	add_range(r, s, fold(r, c), fold(r, c));
}

/* The next token that is no star; false: what follows can't be met. */
static bool read_token(struct reader *r, struct set *s)
{
	char c = r->rest.p[0];

	r->rest = lz_span_from(r->rest, 1);
	if (c == '?') {
		memset(s, 0xff, sizeof(*s));
		return true;
	}
	if (c == '[') {
		enum found found = read_set(r, s);
		if (found != OPEN_END)
			return found == GOOD;
		memset(s, 0, sizeof(*s));
	}
	if (c == '\\') {
		if (!r->rest.n)
			return false;
		c = r->rest.p[0];
		r->rest = lz_span_from(r->rest, 1);
	}
	literal(r, s, c);
	return true;
}

/* Splits classes whose bytes the set tells apart. */
static void split(struct lz_glob *g, unsigned *count, const struct set *s)
{
	unsigned char twin[256] = {0};
	bool in[256], out[256], made[256] = {0};

	memset(in, 0, sizeof(in));
	memset(out, 0, sizeof(out));
	for (int c = 0; c < 256; c++)
		(has(s, (unsigned char)c) ? in : out)[g->class_of[c]] = true;
	for (int c = 0; c < 256; c++) {
		unsigned char k = g->class_of[c];
		if (!has(s, (unsigned char)c) || !in[k] || !out[k])
			continue;
		if (!made[k])
			twin[k] = (unsigned char)(*count)++;
		made[k] = true;
		g->class_of[c] = twin[k];
	}
}

static bool fill(struct lz_arena *arena, struct lz_glob *g, const struct set *sets,
		 const bool *star_at)
{
	bool filled[256] = {0};
	unsigned count = 1;
	uint64_t *stars, *takes;

	for (size_t t = 0; t < g->tokens && count < 256; t++)
		split(g, &count, &sets[t]);
	g->words = g->tokens / 64 + 1;
	stars = lz_arena_array(arena, g->words, sizeof(*stars));
	takes = lz_arena_array(arena, g->words * count, sizeof(*takes));
	if (!stars || !takes)
		return false;
	for (size_t t = 0; t <= g->tokens; t++)
		stars[t / 64] |= (uint64_t)star_at[t] << t % 64;
	for (int c = 0; c < 256; c++) {
		uint64_t *row = takes + g->class_of[c] * g->words;
		for (size_t t = 0; t < g->tokens && !filled[g->class_of[c]]; t++)
			row[t / 64] |= (uint64_t)has(&sets[t], (unsigned char)c) << t % 64;
		filled[g->class_of[c]] = true;
	}
	g->stars = stars;
	g->takes = takes;
	return true;
}

const struct lz_glob *lz_glob_compile(struct lz_arena *arena, struct lz_span pattern, bool nocase)
{
	struct lz_glob *g = LZ_ARENA_NEW(arena, struct lz_glob);
	struct set *sets = lz_alloc((pattern.n + 1) * sizeof(*sets));
	bool *star_at = lz_alloc(pattern.n + 1), good = g && sets && star_at;
	struct reader r = {.rest = pattern, .nocase = nocase};

	while (good && r.rest.n && !g->never) {
		if (r.rest.p[0] == '*') {
			star_at[g->tokens] = true;
			r.rest = lz_span_from(r.rest, 1);
		} else {
			g->never = !read_token(&r, &sets[g->tokens++]);
		}
	}
	if (good && !g->never)
		good = fill(arena, g, sets, star_at);
	lz_free(sets);
	lz_free(star_at);
	if (!good && !arena->code)
		arena->code = LZ_E_NOMEM;
	return good ? g : NULL;
}

/* --- matching --- */

/* Up to 63 tokens: all states in one word. */
static bool match_short(const struct lz_glob *g, struct lz_span text)
{
	uint64_t states = 1, stars = *g->stars, last = 1ULL << g->tokens;

	for (size_t i = 0; i < text.n && states; i++) {
		if (states & stars & last)
			return true; /* nothing more can go wrong */
		states = (states & g->takes[g->class_of[(unsigned char)text.p[i]]]) << 1 |
			 (states & stars);
	}
	return states & last;
}

static bool match_long(const struct lz_glob *g, struct lz_span text)
{
	uint64_t states[WORDS_MAX + 1] = {1}, any = 1;

	for (size_t i = 0; i < text.n && any; i++) {
		const uint64_t *takes = g->takes + g->class_of[(unsigned char)text.p[i]] * g->words;
		uint64_t carry = 0;
		any = 0;
		for (size_t w = 0; w < g->words; w++) {
			uint64_t met = states[w] & takes[w];
			states[w] = met << 1 | carry | (states[w] & g->stars[w]);
			carry = met >> 63;
			any |= states[w];
		}
	}
	return states[g->tokens / 64] >> g->tokens % 64 & 1;
}

bool lz_glob_match(const struct lz_glob *g, struct lz_span text)
{
	if (g->never || g->words > WORDS_MAX)
		return false;
	return g->words == 1 ? match_short(g, text) : match_long(g, text);
}

bool lz_glob_once(struct lz_span pattern, struct lz_span text, bool nocase)
{
	LZ_CLEAN(arena) struct lz_arena arena;
	const struct lz_glob *g;

	lz_arena_init(&arena, 4 * LZ_M);
	if (pattern.n > LZ_GLOB_MAX)
		return false;
	g = lz_glob_compile(&arena, pattern, nocase);
	return g && lz_glob_match(g, text);
}

/* --- paths --- */

static struct lz_span component(struct lz_span *path)
{
	struct lz_span head;

	while (path->n && path->p[0] == '/')
		*path = lz_span_from(*path, 1);
	lz_span_cut(*path, '/', &head, path);
	return head;
}

const struct lz_glob_path *lz_glob_path_compile(struct lz_arena *arena, struct lz_span pattern)
{
	struct lz_glob_path *p = LZ_ARENA_NEW(arena, struct lz_glob_path);
	struct lz_span rest = pattern, one;
	size_t n = 0;

	pattern = rest = lz_arena_dup(arena, pattern);
	if (!p || arena->code)
		return NULL;
	while (component(&rest).n)
		p->count++;
	p->texts = lz_arena_array(arena, p->count + 1, sizeof(*p->texts));
	p->globs = lz_arena_array(arena, p->count + 1, sizeof(*p->globs));
	if (!p->texts || !p->globs)
		return NULL;
	for (rest = pattern; (one = component(&rest)).n; n++) {
		bool plain = true;
		for (size_t i = 0; i < one.n; i++)
			plain = plain && !strchr("*?[\\", one.p[i]);
		p->texts[n] = one;
		p->globs[n] = plain ? NULL : lz_glob_compile(arena, one, false);
		if (!plain && !p->globs[n])
			return NULL;
	}
	return p;
}

bool lz_glob_path_match(const struct lz_glob_path *p, struct lz_span path)
{
	for (size_t i = 0; i < p->count; i++) {
		struct lz_span have = component(&path);
		if (!have.n)
			return false;
		if (!lz_span_eq(p->texts[i], have) &&
		    (!p->globs[i] || !lz_glob_match(p->globs[i], have)))
			return false;
	}
	return true;
}

bool lz_glob_path_once(struct lz_span pattern, struct lz_span path)
{
	LZ_CLEAN(arena) struct lz_arena arena;
	const struct lz_glob_path *p;

	lz_arena_init(&arena, 4 * LZ_M);
	if (pattern.n > LZ_GLOB_MAX)
		return false;
	p = lz_glob_path_compile(&arena, pattern);
	return p && lz_glob_path_match(p, path);
}
