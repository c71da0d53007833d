/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debian: [epoch:]upstream[-revision], deb-version(7). Parts are compared by turns: the longest run
 * without digits, where "~" sorts before the end, letters before all others; then the longest run
 * of digits, as a number.
 */
#include "version_internal.h"

static const char *check(struct lz_span v)
{
	struct lz_span epoch, rest = v;
	bool has = lz_take_epoch(&rest, &epoch);

	if (has && (!epoch.n || epoch.n > 10))
		return "epoch is not a number";
	if (!rest.n)
		return "nothing follows the epoch";
	if (rest.p[rest.n - 1] == '-' && rest.n == 1)
		return "no upstream version";
	for (size_t i = 0; i < rest.n; i++) {
		char c = rest.p[i];
		bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			    (c >= 'A' && c <= 'Z');
		if (!word && !strchr(".+-~:_", c))
			return "holds a character that versions don't have";
	}
	return NULL;
}

static int weight(char c)
{
	if (c == '~')
		return -1;
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return c;
	return (unsigned char)c + 256;
}

static bool digit_at(struct lz_span v)
{
	return v.n && v.p[0] >= '0' && v.p[0] <= '9';
}

static int part(struct lz_span a, struct lz_span b)
{
	while (a.n || b.n) {
		int c;
		while ((a.n && !digit_at(a)) || (b.n && !digit_at(b))) {
			int x = a.n && !digit_at(a) ? weight(a.p[0]) : 0;
			int y = b.n && !digit_at(b) ? weight(b.p[0]) : 0;
			if (x != y)
				return x < y ? -1 : 1;
			a = lz_span_from(a, 1);
			b = lz_span_from(b, 1);
		}
		c = lz_digits_cmp(lz_take_digits(&a), lz_take_digits(&b));
		if (c)
			return c;
	}
	return 0;
}

static int compare(struct lz_span a, struct lz_span b)
{
	struct lz_span ea, eb;
	ptrdiff_t da, db;
	int c;

	lz_take_epoch(&a, &ea);
	lz_take_epoch(&b, &eb);
	c = lz_digits_cmp(ea, eb);
	if (c)
		return c;
	da = lz_span_rfind(a, '-');
	db = lz_span_rfind(b, '-');
	c = part(da < 0 ? a : lz_span_head(a, (size_t)da),
		 db < 0 ? b : lz_span_head(b, (size_t)db));
	if (c)
		return c;
	return part(da < 0 ? lz_span_from(a, a.n) : lz_span_from(a, (size_t)da + 1),
		    db < 0 ? lz_span_from(b, b.n) : lz_span_from(b, (size_t)db + 1));
}

const struct lz_version_order lz_version_dpkg = {"dpkg", check, compare};
