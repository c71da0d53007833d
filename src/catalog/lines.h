/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside catalog/ only: text databases, line by line, in constant memory. A line longer than
 * line_bytes is cut: its beginning is delivered with `too_long` set, the rest is passed over, and
 * what follows is read as usual.
 */
#include "../base/buf.h"
#include "../format/reader.h"

struct lz_lines {
	struct lz_reader *r;
	struct lz_span chunk;
	struct lz_buf joined; /* a line that crosses chunks */
	size_t max;
	uint64_t number; /* of the line at hand, from 1 */
	uint64_t offset; /* of its first byte */
	uint64_t next_offset;
	bool too_long;
};
void lz_lines_init(struct lz_lines *l, struct lz_reader *r, const struct lz_limits *limits);
void lz_lines_done(struct lz_lines *l);
/* 1: *ret is valid until the next call, without its line end; 0; < 0. */
int lz_lines_next(struct lz_lines *l, struct lz_span *ret, struct lz_err *err);
