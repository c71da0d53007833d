/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A database that somebody else made. Asserted: opening, asking and verifying it never reads
 * outside, and what comes out is within what vuln.h promises.
 */
#include "vuln/vuln.h"

#include "fuzz.h"

static void ask(struct lz_vdb *v, struct lz_span ecosystem, struct lz_span name)
{
	struct lz_arena arena;
	struct lz_vec rows;
	struct lz_err err = {0};

	lz_arena_init(&arena, 64 * LZ_M);
	lz_vec_init(&rows, sizeof(struct lz_vdb_row), 10000);
	if (!checked(lz_vdb_lookup(v, ecosystem, name, &arena, &rows, &err), &err))
		LZ_VEC_EACH (struct lz_vdb_row, r, &rows) {
			bool affected;
			struct lz_span fixed;
			CHECK(r->advisory.affected_count == 1);
			CHECK(r->advisory.severity < LZ_SEV_COUNT);
			CHECK(r->advisory.affected->order < LZ_ORDER_COUNT);
			checked(lz_affected_by(r->advisory.affected, LZ_SPAN("1.2.3-4"), &affected,
					       &fixed, &err),
				&err);
		}
	rows.n = 0;
	checked(lz_vdb_by_name(v, name, &arena, &rows, &err), &err);
	rows.n = 0;
	checked(lz_vdb_by_id(v, name, &arena, &rows, &err), &err);
	lz_vec_done(&rows);
	lz_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lz_err err = {0};
	struct lz_vdb *v = lz_vdb_open_mem(lz_span(data, size), &err);
	struct lz_feed_info f;

	if (!v) {
		CHECK(err.text[0]);
		return 0;
	}
	for (size_t i = 0; i < lz_vdb_feed_count(v) && i < 100; i++)
		checked(lz_vdb_feed(v, i, &f, &err), &err);
	lz_vdb_covers(v, LZ_SPAN("debian:12"));
	ask(v, LZ_SPAN("debian:12"), LZ_SPAN("curl"));
	ask(v, LZ_SPAN("go"), LZ_SPAN("e.com/m"));
	ask(v, LZ_SPAN("rocky:8"), LZ_SPAN("CVE-2023-1"));
	checked(lz_vdb_verify(v, NULL, &err), &err);
	lz_vdb_close(v);
	return 0;
}
