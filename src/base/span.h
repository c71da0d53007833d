/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A borrowed run of bytes. Whoever makes a span says how long it stays valid; a span never owns.
 * Parsers take spans and a cursor, never NUL-terminated text. Print with "%.*s", LZ_FMT(s).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct lz_span {
	const char *p;
	size_t n;
};

#define LZ_SPAN(lit) ((struct lz_span){(lit), sizeof(lit) - 1})
/* For printf: at most 256 bytes, so that hostile text can't fill an error message. */
#define LZ_FMT(s) ((s).n > 256 ? 256 : (int)(s).n), ((s).p ? (s).p : "")
/* The same without a bound, for what is not said but used: paths, keys. */
#define LZ_FMT_ALL(s) (int)(s).n, ((s).p ? (s).p : "")

static inline struct lz_span lz_span(const void *p, size_t n)
{
	return (struct lz_span){p, n};
}
static inline struct lz_span lz_str(const char *nul_terminated)
{
	return (struct lz_span){nul_terminated, nul_terminated ? strlen(nul_terminated) : 0};
}
static inline bool lz_span_eq(struct lz_span a, struct lz_span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
static inline bool lz_span_is(struct lz_span a, const char *nul_terminated)
{
	return lz_span_eq(a, lz_str(nul_terminated));
}
static inline bool lz_span_starts(struct lz_span a, const char *prefix)
{
	size_t n = strlen(prefix);
	return a.n >= n && (n == 0 || memcmp(a.p, prefix, n) == 0);
}
static inline bool lz_span_ends(struct lz_span a, const char *suffix)
{
	size_t n = strlen(suffix);
	return a.n >= n && (n == 0 || memcmp(a.p + a.n - n, suffix, n) == 0);
}
/* From byte `at` to the end; at > n gives an empty span. */
static inline struct lz_span lz_span_from(struct lz_span a, size_t at)
{
	if (a.n == 0) /* also NULL, to which not even 0 may be added */
		return a;
	return at >= a.n ? (struct lz_span){a.p + a.n, 0} : (struct lz_span){a.p + at, a.n - at};
}
static inline struct lz_span lz_span_head(struct lz_span a, size_t n)
{
	return (struct lz_span){a.p, n < a.n ? n : a.n};
}

/* memcmp order, shorter first. */
int lz_span_cmp(struct lz_span a, struct lz_span b);
bool lz_span_eq_nocase(struct lz_span a, struct lz_span b); /* ASCII */
/* Index of c, or -1. */
ptrdiff_t lz_span_find(struct lz_span a, char c);
ptrdiff_t lz_span_rfind(struct lz_span a, char c);
/* Index of needle, or -1; an empty needle is found at 0. */
ptrdiff_t lz_span_search(struct lz_span a, struct lz_span needle);
/* Without leading and trailing space, tab, CR, LF. */
struct lz_span lz_span_trim(struct lz_span a);
/* Splits at the first c: *ret_head before it, *rest after it; false (and head = all, rest empty)
 * when there is none. rest may be the input. */
bool lz_span_cut(struct lz_span a, char c, struct lz_span *ret_head, struct lz_span *ret_rest);
/* Takes the next line out of *text (without its LF or CR LF); false at the end. */
bool lz_span_line(struct lz_span *text, struct lz_span *ret_line);
/* Whole span as an unsigned number in base 8, 10 or 16; false on anything else or overflow. */
bool lz_span_u64(struct lz_span a, int base, uint64_t *ret);
/* Copies into a fixed buffer as NUL-terminated text; false (and nothing written) if it does not
 * fit or holds a NUL. */
bool lz_span_cstr(struct lz_span a, char *buf, size_t size);
