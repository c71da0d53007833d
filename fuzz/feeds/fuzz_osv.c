/* SPDX-License-Identifier: Apache-2.0 */
/* One OSV record, without a zip around it. */
#include "feed_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lz_feed_work w;
	struct lz_limits limits;
	struct lz_err err = {0};
	struct feed_seen n;

	lz_limits_default(&limits);
	feed_seen_init(&n);
	lz_feed_work_init(&w, &limits, &n.sink);
	CHECK(checked(lz_osv_record(&w, lz_span(data, size), "fuzz.json", 0, &err), &err) == 0);
	CHECK(n.advisories + n.skipped >= 1); /* never silence */
	lz_feed_work_done(&w);
	lz_buf_done(&n.text);
	return 0;
}
