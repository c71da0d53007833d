/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Version orders. The first byte is the scheme, the rest three versions divided by zero bytes.
 * Asserted: a = a; a < b is b > a; orders of three agree; a version is comparable exactly when it
 * can be parsed.
 */
#include "format/version.h"

#include "fuzz.h"

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

static int cmp(enum lz_version_scheme s, struct lz_span a, struct lz_span b)
{
	struct lz_err err = {0};
	int n = 0, back = 0;

	CHECK(checked(lz_version_cmp(s, a, b, &n, &err), &err) == 0);
	CHECK(checked(lz_version_cmp(s, b, a, &back, &err), &err) == 0);
	CHECK(sign(n) == -sign(back));
	return sign(n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lz_span v[3], rest;
	enum lz_version_scheme s;
	struct lz_err err = {0};
	int ab, bc, ac, ignored;

	if (!size)
		return 0;
	s = data[0] % LZ_VER_COUNT;
	rest = lz_span(data + 1, size - 1);
	for (int i = 0; i < 3; i++) {
		lz_span_cut(rest, '\0', &v[i], &rest);
		if (checked(lz_version_check(s, v[i], &err), &err)) {
			CHECK(lz_version_cmp(s, v[i], v[i], &ignored, &err));
			return 0;
		}
		CHECK(cmp(s, v[i], v[i]) == 0);
	}
	ab = cmp(s, v[0], v[1]);
	bc = cmp(s, v[1], v[2]);
	ac = cmp(s, v[0], v[2]);
	if (ab == bc)
		CHECK(ac == ab);
	if (ab == 0)
		CHECK(ac == bc);
	return 0;
}
