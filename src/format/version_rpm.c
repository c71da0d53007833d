/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RPM: [epoch:]version[-release], as rpm's own library compares: separators only divide, "~" sorts
 * before everything (the end too), "^" after the end but before anything else, numbers beat
 * letters. A missing epoch is 0; a missing release equals any release.
 */
#include "version_internal.h"

static const char *check(struct lz_span v)
{
	struct lz_span epoch, rest = v;

	if (lz_take_epoch(&rest, &epoch) && (!epoch.n || epoch.n > 10))
		return "epoch is not a number";
	if (!rest.n)
		return "nothing follows the epoch";
	for (size_t i = 0; i < rest.n; i++)
		if ((unsigned char)rest.p[i] <= ' ' || rest.p[i] == 127)
			return "holds a blank or control character";
	return NULL;
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool at(struct lz_span v, char c)
{
	return v.n && v.p[0] == c;
}

static struct lz_span strip(struct lz_span v)
{
	while (v.n && !digit(v.p[0]) && !letter(v.p[0]) && v.p[0] != '~' && v.p[0] != '^')
		v = lz_span_from(v, 1);
	return v;
}

static struct lz_span take_letters(struct lz_span *v)
{
	size_t n = 0;
	struct lz_span run;

	while (n < v->n && letter(v->p[n]))
		n++;
	run = lz_span_head(*v, n);
	*v = lz_span_from(*v, n);
	return run;
}

/* "~" and "^": 2 = neither is at hand, 3 = both had it and it was taken. */
static int marks(struct lz_span *a, struct lz_span *b)
{
	if (at(*a, '~') || at(*b, '~')) {
		if (!at(*a, '~'))
			return 1;
		if (!at(*b, '~'))
			return -1;
		*a = lz_span_from(*a, 1);
		*b = lz_span_from(*b, 1);
		return 3;
	}
	if (at(*a, '^') || at(*b, '^')) {
		if (!a->n)
			return -1;
		if (!b->n)
			return 1;
		if (!at(*a, '^'))
			return 1;
		if (!at(*b, '^'))
			return -1;
		*a = lz_span_from(*a, 1);
		*b = lz_span_from(*b, 1);
		return 3;
	}
	return 2;
}

static int part(struct lz_span a, struct lz_span b)
{
	while (a.n || b.n) {
		struct lz_span x, y;
		int c;

		a = strip(a);
		b = strip(b);
		c = marks(&a, &b);
		if (c == 3)
			continue;
		if (c != 2)
			return c;
		if (!a.n || !b.n)
			break;
		if (digit(a.p[0])) {
			x = lz_take_digits(&a);
			y = lz_take_digits(&b);
			if (!y.n)
				return 1;
			c = lz_digits_cmp(x, y);
		} else {
			x = take_letters(&a);
			y = take_letters(&b);
			if (!y.n)
				return -1;
			c = lz_span_cmp(x, y);
		}
		if (c)
			return c;
	}
	return a.n ? 1 : b.n ? -1 : 0;
}

static int compare_parts(struct lz_span a, struct lz_span b)
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

const struct lz_version_order lz_version_rpm = {"rpm", check, compare_parts};
/* pacman took rpm's order over; it writes neither "~" nor "^". */
const struct lz_version_order lz_version_alpm = {"alpm", check, compare_parts};
