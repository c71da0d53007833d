/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Regular expressions: the extended POSIX ones, with what RE2 adds that rules use: \d \D \w \W \s
 * \S (also in brackets), \b \B, \A \z, \n \t \xHH and other escapes, (?:…). A text is met as a
 * whole or not at all. "." and [^…] take any one byte, a line's end too; classes are those of
 * ASCII. No back references.
 *
 * Time is at most bytes × size of the program, for which there is a rule: a text is looked at when
 * it has up to LZ_REGEXP_BYTES, and bytes × size is no more than LZ_REGEXP_WORK (a pattern of 1,000
 * characters: the full 256 KiB). A longer one is not met. No memory is taken but for programs of
 * over 1,024 steps.
 */
#include "../base/arena.h"
#include "../base/err.h"

#define LZ_REGEXP_BYTES (256U * 1024)
#define LZ_REGEXP_WORK	(1U << 28)

struct lz_regexp;

/* NULL with err: LZ_E_FORMAT says what is wrong with the pattern. Memory is the arena's. */
const struct lz_regexp *lz_regexp_compile(struct lz_arena *arena, struct lz_span pattern,
					  struct lz_err *err);
bool lz_regexp_match(const struct lz_regexp *r, struct lz_span text);
