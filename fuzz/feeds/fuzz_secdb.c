/* SPDX-License-Identifier: Apache-2.0 */
/* Alpine's secdb, which Wolfi and Chainguard use too. */
#include "feed_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return feed_run(&lz_feed_alpine, "alpine/v3.18/main.json", data, size);
}
