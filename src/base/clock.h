/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Time, and the one flag that says the user wants us to stop.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint64_t lz_now_ms(void); /* monotonic */
int64_t lz_today_s(void); /* wall clock, seconds since 1970; SOURCE_DATE_EPOCH overrides */
/* "2026-11-23T10:20:30Z"; buf holds at least 21 bytes. Years 0..9999. */
void lz_time_rfc3339(int64_t unix_s, char *buf, size_t size);
/* RFC 3339 date or date-time to seconds since 1970; false on anything else. */
bool lz_time_parse(const char *p, size_t n, int64_t *ret_unix_s);

/* SIGINT and SIGTERM set the flag once (a second one kills); SIGPIPE is ignored. */
void lz_signals_install(void);
bool lz_cancelled(void);
