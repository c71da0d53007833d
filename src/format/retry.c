/* SPDX-License-Identifier: Apache-2.0 */
/* When to ask again: exponential back-off with full jitter. */
#include "retry.h"

enum { STEP_MS = 1000, MOST_MS = 60 * 1000 };

uint64_t lz_retry_wait_ms(unsigned attempt, uint64_t server_asks_s, uint64_t random)
{
	uint64_t most = attempt > 6 ? MOST_MS : (uint64_t)STEP_MS << (attempt ? attempt - 1 : 0);
	uint64_t wait = random % ((most < MOST_MS ? most : MOST_MS) + 1);

	/* jitter on top of what the server asks: it asks everybody for the same */
	return server_asks_s ? server_asks_s * 1000 + wait % (STEP_MS + 1) : wait;
}

bool lz_retry_status(long status)
{
	return status == 408 || status == 425 || status == 429 || status == 500 || status == 502 ||
	       status == 503 || status == 504;
}
