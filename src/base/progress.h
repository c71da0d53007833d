/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A bar on standard error for anything that takes over half a second, and only on a terminal.
 * Thread-safe: many workers may add to one bar. Draws at most ten times a second.
 */
#include <stdint.h>

struct lz_progress;

/* what: "scanning", "downloading"; total 0 when unknown. NULL (no memory, no terminal, or quiet)
 * is accepted by all other calls, which then do nothing. */
struct lz_progress *lz_progress_new(const char *what, uint64_t total_bytes);
void lz_progress_add(struct lz_progress *p, uint64_t bytes);
void lz_progress_total(struct lz_progress *p, uint64_t total_bytes);
/* A short text behind the bar, such as the file at hand. */
void lz_progress_note(struct lz_progress *p, const char *note);
/* Erases the bar. */
void lz_progress_free(struct lz_progress *p);
/* --quiet: no bars from now on. */
void lz_progress_quiet(void);
