/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of version orders. A scheme is two functions in a file of its own: can it read this
 * version, and how do two versions that it can read compare.
 */
#include "version_internal.h"

#define VERSION_MAX 1024

static const struct lz_version_order *const orders[LZ_VER_COUNT] = {
	[LZ_VER_DPKG] = &lz_version_dpkg,
	[LZ_VER_RPM] = &lz_version_rpm,
	[LZ_VER_APK] = &lz_version_apk,
	[LZ_VER_ALPM] = &lz_version_alpm,
};

int lz_version_check(enum lz_version_scheme scheme, struct lz_span v, struct lz_err *err)
{
	const char *why;

	if ((unsigned)scheme >= LZ_VER_COUNT)
		return lz_fail(err, LZ_E_BUG, "unknown version scheme");
	if (v.n > VERSION_MAX)
		return lz_fail(err, LZ_E_LIMIT, "version of %zu bytes: longer than %d", v.n,
			       VERSION_MAX);
	why = v.n ? orders[scheme]->check(v) : "is empty";
	return why ? lz_fail(err, LZ_E_FORMAT, "\"%.*s\" is no %s version: %s", LZ_FMT(v),
			     orders[scheme]->name, why)
		   : 0;
}

int lz_version_cmp(enum lz_version_scheme scheme, struct lz_span a, struct lz_span b, int *ret_cmp,
		   struct lz_err *err)
{
	int r = lz_version_check(scheme, a, err);

	if (!r)
		r = lz_version_check(scheme, b, err);
	if (!r)
		*ret_cmp = orders[scheme]->compare(a, b);
	return r;
}

const char *lz_version_scheme_name(enum lz_version_scheme s)
{
	return (unsigned)s < LZ_VER_COUNT ? orders[s]->name : "unknown";
}

bool lz_version_scheme_parse(struct lz_span name, enum lz_version_scheme *ret)
{
	for (int i = 0; i < LZ_VER_COUNT; i++) {
		if (lz_span_is(name, orders[i]->name)) {
			*ret = (enum lz_version_scheme)i;
			return true;
		}
	}
	return false;
}

int lz_digits_cmp(struct lz_span a, struct lz_span b)
{
	while (a.n && a.p[0] == '0')
		a = lz_span_from(a, 1);
	while (b.n && b.p[0] == '0')
		b = lz_span_from(b, 1);
	if (a.n != b.n)
		return a.n < b.n ? -1 : 1;
	return a.n ? lz_span_cmp(a, b) : 0;
}

struct lz_span lz_take_digits(struct lz_span *v)
{
	size_t n = 0;
	struct lz_span d;

	while (n < v->n && v->p[n] >= '0' && v->p[n] <= '9')
		n++;
	d = lz_span_head(*v, n);
	*v = lz_span_from(*v, n);
	return d;
}

bool lz_take_epoch(struct lz_span *v, struct lz_span *ret_epoch)
{
	struct lz_span rest = *v, digits = lz_take_digits(&rest);

	*ret_epoch = (struct lz_span){"", 0};
	if (!rest.n || rest.p[0] != ':')
		return false;
	*ret_epoch = digits;
	*v = lz_span_from(rest, 1);
	return true;
}
