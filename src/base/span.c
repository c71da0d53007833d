/* SPDX-License-Identifier: Apache-2.0 */
#include "span.h"

int lz_span_cmp(struct lz_span a, struct lz_span b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	if (c)
		return c < 0 ? -1 : 1;
	return a.n < b.n ? -1 : a.n > b.n;
}

static unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}

bool lz_span_eq_nocase(struct lz_span a, struct lz_span b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower((unsigned char)a.p[i]) != lower((unsigned char)b.p[i]))
			return false;
	return true;
}

ptrdiff_t lz_span_find(struct lz_span a, char c)
{
	const char *at = a.n ? memchr(a.p, c, a.n) : NULL;
	return at ? at - a.p : -1;
}

ptrdiff_t lz_span_rfind(struct lz_span a, char c)
{
	const char *at = a.n ? memrchr(a.p, c, a.n) : NULL;
	return at ? at - a.p : -1;
}

ptrdiff_t lz_span_search(struct lz_span a, struct lz_span needle)
{
	const char *at;

	if (!needle.n)
		return 0;
	at = a.n ? memmem(a.p, a.n, needle.p, needle.n) : NULL;
	return at ? at - a.p : -1;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct lz_span lz_span_trim(struct lz_span a)
{
	while (a.n && blank(a.p[0])) {
		a.p++;
		a.n--;
	}
	while (a.n && blank(a.p[a.n - 1]))
		a.n--;
	return a;
}

bool lz_span_cut(struct lz_span a, char c, struct lz_span *ret_head, struct lz_span *ret_rest)
{
	ptrdiff_t at = lz_span_find(a, c);

	if (at < 0) {
		*ret_head = a;
		*ret_rest = lz_span_from(a, a.n);
		return false;
	}
	*ret_head = lz_span_head(a, (size_t)at);
	*ret_rest = lz_span_from(a, (size_t)at + 1);
	return true;
}

bool lz_span_line(struct lz_span *text, struct lz_span *ret_line)
{
	struct lz_span line;

	if (!text->n)
		return false;
	lz_span_cut(*text, '\n', &line, text);
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	*ret_line = line;
	return true;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

bool lz_span_u64(struct lz_span a, int base, uint64_t *ret)
{
	uint64_t v = 0;

	if (!a.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		int d = digit(a.p[i]);
		if (d >= base || __builtin_mul_overflow(v, (uint64_t)base, &v) ||
		    __builtin_add_overflow(v, (uint64_t)d, &v))
			return false;
	}
	*ret = v;
	return true;
}

bool lz_span_cstr(struct lz_span a, char *buf, size_t size)
{
	if (a.n >= size || (a.n && memchr(a.p, 0, a.n)))
		return false;
	if (a.n)
		memcpy(buf, a.p, a.n);
	buf[a.n] = 0;
	return true;
}
