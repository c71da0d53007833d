/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A profile as anybody may have written it. Asserted: what is read is written, and read again, as the
 * same text; each entry is met by itself; a shape made of any bytes is met by them.
 */
#include "base/clean.h"
#include "profile/profile.h"
#include "profile/shape.h"

#include "fuzz.h"

static void check_shape(struct lz_span bytes)
{
	LZ_CLEAN(buf) struct lz_buf folder, whole;

	lz_buf_init(&whole, 2 * LZ_SHAPE_MAX);
	lz_buf_init(&folder, 8 * LZ_SHAPE_MAX);
	if (bytes.n > LZ_SHAPE_MAX - 1)
		return;
	lz_buf_byte(&whole, '/');
	lz_buf_span(&whole, bytes);
	CHECK(!lz_shape_folder(&folder, lz_buf_view(&whole)));
	CHECK(lz_shape_met(lz_buf_view(&folder), lz_buf_view(&whole)));
	CHECK(!lz_shape_wrong_path(lz_buf_view(&folder)));
	lz_buf_clear(&folder);
	CHECK(!lz_shape_program(&folder, lz_buf_view(&whole)));
	CHECK(lz_shape_met(lz_buf_view(&folder), lz_buf_view(&whole)));
}

static struct lz_profile *again(const struct lz_profile *p, struct lz_buf *text)
{
	struct lz_profile *q;
	struct lz_err err = {0};

	CHECK(!lz_profile_write(p, text));
	if (lz_profile_read(LZ_SPAN("again"), lz_buf_view(text), &q, &err)) {
		fprintf(stderr, "%s\n%.*s\n", err.text, (int)text->n, text->p);
		abort();
	}
	return q;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	LZ_CLEAN(buf) struct lz_buf one, two;
	struct lz_span text = lz_span(data, size);
	struct lz_profile *p, *q, *r;
	struct lz_err err = {0};

	lz_buf_init(&one, 4 * LZ_PROFILE_BYTES);
	lz_buf_init(&two, 4 * LZ_PROFILE_BYTES);
	check_shape(text);
	if (checked(lz_profile_read(LZ_SPAN("file"), text, &p, &err), &err))
		return 0;
	q = again(p, &one);
	r = again(q, &two);
	CHECK(lz_span_eq(lz_buf_view(&one), lz_buf_view(&two)));
	for (unsigned k = 0; k < LZ_FACT_KINDS; k++)
		CHECK(lz_profile_count(p, k) == lz_profile_count(q, k));
	CHECK(!lz_profile_settle(r, &err));
	lz_profile_free(p);
	lz_profile_free(q);
	lz_profile_free(r);
	return 0;
}
