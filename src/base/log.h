/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Messages for people, on standard error. Library code logs at debug only; verbs report once.
 * The level is one of the two globals of the program (the other is the signal flag of clock.h).
 */
enum lz_level { LZ_ERROR, LZ_WARN, LZ_INFO, LZ_DEBUG };

void lz_log_level(enum lz_level level);
/* One line, "lazaret: warning: …". Control characters are shown escaped, so hostile names can't
 * drive the terminal. Thread-safe. */
void lz_log(enum lz_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* True when standard error is a terminal and NO_COLOR is unset. */
int lz_log_colour(void);
