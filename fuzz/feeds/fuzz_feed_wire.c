/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as the parent takes them from a child that may have been taken over. The first two bytes
 * are the record's type. Asserted: what is handed on is what a reader could have sent.
 */
#include "feed_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lz_limits limits;
	struct lz_err err = {0};
	struct lz_arena arena;
	struct feed_seen n;
	struct lz_rec rec;

	if (size < 2)
		return 0;
	lz_limits_default(&limits);
	lz_arena_init(&arena, 64 * LZ_M);
	feed_seen_init(&n);
	rec = (struct lz_rec){.type = (uint16_t)(LZ_REC_FIRST_FREE + data[0] % 8),
			      .rest = lz_span(data + 2, size - 2)};
	checked(lz_feed_wire_take(&rec, &arena, &limits, &n.sink, &err), &err);
	CHECK(arena.used_bytes < 2 * LZ_M + 64 * size); /* counts are not believed */
	lz_arena_done(&arena);
	lz_buf_done(&n.text);
	return 0;
}
