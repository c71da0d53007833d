/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* When to ask a server again. */
#include <stdbool.h>
#include <stdint.h>

/* Milliseconds to wait before attempt number `attempt` (1: the second try): between nothing and
 * 1 s x 2^(attempt-1), at most 60 s, but never less than the server asked for. `random`: any
 * number; it is what keeps a thousand clients from coming back at the same moment. */
uint64_t lz_retry_wait_ms(unsigned attempt, uint64_t server_asks_s, uint64_t random);
/* May the same request succeed later? For HTTP statuses from 400 on. */
bool lz_retry_status(long status);
