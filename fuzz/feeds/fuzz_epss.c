/* SPDX-License-Identifier: Apache-2.0 */
/* FIRST's probabilities, CSV. */
#include "feed_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return feed_run(&lz_feed_epss, "epss/epss_scores-current.csv", data, size);
}
