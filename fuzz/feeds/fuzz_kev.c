/* SPDX-License-Identifier: Apache-2.0 */
/* CISA's list of what is exploited. */
#include "feed_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return feed_run(&lz_feed_kev, "kev/known_exploited_vulnerabilities.json", data, size);
}
