/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as the parent takes them from a layer's child that may have been taken over: a byte of
 * type, two of length, and the record, over and over. What was taken is then merged, as an image of
 * one layer. Asserted: whatever comes, memory stays in proportion, and nothing is believed that can
 * lead outside.
 */
#include "catalog/evidence.h"

#include "base/bytes.h"
#include "fuzz.h"

static void merge(const struct lz_evidence *e, const struct lz_limits *limits)
{
	struct lz_err err = {0};
	struct lz_merge *m = lz_merge_new(limits, &err);
	struct lz_arena arena;
	struct lz_vec visible, wanted, circles;

	CHECK(m);
	lz_arena_init(&arena, 64 * LZ_M);
	lz_vec_init(&visible, sizeof(struct lz_visible), 100000);
	lz_vec_init(&wanted, sizeof(struct lz_wanted), 100000);
	lz_vec_init(&circles, sizeof(struct lz_span), 100000);
	if (!checked(lz_merge_layer(m, e, 0, &err), &err) &&
	    !checked(lz_merge_files(m, &arena, &visible, &wanted, &circles, &err), &err))
		LZ_VEC_EACH (struct lz_visible, v, &visible) {
			CHECK(v->path.n && v->path.p[0] != '/' && v->version);
			CHECK(lz_span_search(v->path, LZ_SPAN("/../")) < 0);
		}
	lz_vec_done(&circles);
	lz_vec_done(&wanted);
	lz_vec_done(&visible);
	lz_arena_done(&arena);
	lz_merge_free(m);
}

static void image_records(struct lz_rec rec, const struct lz_limits *limits)
{
	struct lz_err err = {0};
	struct lz_arena arena;
	struct lz_vec images, problems;
	struct lz_rec again = rec;

	lz_arena_init(&arena, 64 * LZ_M);
	lz_vec_init(&images, sizeof(struct lz_image), 100);
	lz_vec_init(&problems, sizeof(struct lz_problem), 100);
	if (rec.type == LZ_REC_IMAGE || rec.type == LZ_REC_IMAGE_LAYER)
		checked(lz_image_take(&rec, &arena, limits, &images, &err), &err);
	else
		checked(lz_archive_problem_take(&again, &arena, &problems, &err), &err);
	lz_vec_done(&problems);
	lz_vec_done(&images);
	lz_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lz_limits limits;
	struct lz_evidence e;
	struct lz_err err = {0};
	uint64_t bytes = 0;
	int code = 0;

	lz_limits_default(&limits);
	limits.packages = 1000;
	lz_evidence_init(&e, &limits);
	while (size >= 3 && !code) {
		size_t n = lz_le16(data + 1);
		struct lz_rec rec = {.type = (uint16_t)(LZ_REC_FIRST_FREE + data[0] % 12)};
		n = n < size - 3 ? n : size - 3;
		rec.rest = lz_span(data + 3, n);
		data += 3 + n;
		size -= 3 + n;
		if (rec.type >= LZ_REC_IMAGE)
			image_records(rec, &limits);
		else
			code = checked(lz_evidence_take(&e, &rec, &limits, &bytes, &err), &err);
	}
	merge(&e, &limits);
	lz_evidence_done(&e);
	return 0;
}
