/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Lines that wait on disk, oldest first, for a receiver that may be down for an hour:
 *
 *	DIR/0000000000000007.ndjson   being sent; the cursor says up to where it has been
 *	DIR/0000000000000008.ndjson
 *	DIR/0000000000000009.ndjson   being written
 *	DIR/cursor                    "0000000000000007 0000000000012345\n"
 *
 * Each line is delivered once at least: a crash behind a delivery repeats what the cursor did not
 * say yet. A line that a crash tore is left out and counted. When the cap is reached the oldest
 * segment goes, and its lines are counted. Thread-safe: one writes, one reads.
 */
#include "../base/buf.h"
#include "../base/err.h"

enum { LZ_SPOOL_LINE_MAX = 1024 * 1024 + 4096 };

struct lz_spool;
/* Makes the folder (0700) if need be, and locks it: two programs can't share one. */
struct lz_spool *lz_spool_open(const char *dir, uint64_t cap_bytes, struct lz_err *err);
void lz_spool_close(struct lz_spool *s);

/* Whole lines, `count` of them: all or, on failure, none. *ret_lost: lines that had to go for it. */
int lz_spool_append(struct lz_spool *s, struct lz_span text, size_t count, uint64_t *ret_lost,
		    struct lz_err *err);
/* The next lines that are whole, up to lines_max of them and about bytes_max; into *ret, with their
 * newlines. *ret_lines 0: there are none. Stays where it is until lz_spool_done. */
int lz_spool_read(struct lz_spool *s, size_t lines_max, size_t bytes_max, struct lz_buf *ret,
		  size_t *ret_lines, struct lz_err *err);
/* What was read is dealt with (delivered, or refused for good); or is not, and will be read again.
 * *ret_lost: lines that are now known to be lost: damaged, or pushed out by the cap meanwhile. */
void lz_spool_done(struct lz_spool *s, bool dealt_with, uint64_t *ret_lost);
uint64_t lz_spool_lines(struct lz_spool *s); /* that wait */

/* Takes lines from a segment's text, as lz_spool_read does. *ret_damaged: lines left out because
 * they are no JSON object. Returns how many bytes of the text that was, 0 only for an empty one;
 * <0: no memory. A rest without a newline is damaged, as the text ends with the segment. */
int64_t lz_spool_take(struct lz_span text, size_t lines_max, size_t bytes_max, struct lz_buf *ret,
		      size_t *ret_lines, uint64_t *ret_damaged);
/* The cursor file's text; false: it is none. */
bool lz_spool_cursor(struct lz_span text, uint64_t *ret_segment, uint64_t *ret_at);
