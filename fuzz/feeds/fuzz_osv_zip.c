/* SPDX-License-Identifier: Apache-2.0 */
/* OSV as it is published: a zip of JSON documents. */
#include "feed_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return feed_run(&lz_feed_osv_zip, "osv/Go.zip", data, size);
}
