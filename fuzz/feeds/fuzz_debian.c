/* SPDX-License-Identifier: Apache-2.0 */
/* Debian's tracker: one JSON document of tens of megabytes, read member by member. */
#include "feed_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return feed_run(&lz_feed_debian, "debian/tracker.json", data, size);
}
