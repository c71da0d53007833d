/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Zip archives in a seekable file, read member by member (minizip over pread: the descriptor's own
 * position does not matter). Not thread-safe: one archive, one thread.
 *
 * Limits: feed_bytes for the archive and for everything unpacked together, layer_ratio after the
 * first 16 MiB unpacked, advisories for the number of members.
 */
#include "../base/buf.h"
#include "../base/err.h"
#include "../base/limits.h"

struct lz_zip;

struct lz_zip_entry {
	char name[512];	     /* cut if longer, NUL-terminated; not trusted, for messages */
	uint64_t size_bytes; /* unpacked, as promised */
	uint64_t packed_bytes;
	uint64_t number; /* 0, 1, 2 … in the order of the central directory */
	bool folder;
};

/* Borrows fd, which must outlive the archive. NULL on failure: LZ_E_FORMAT for what is no zip or
 * was cut off, LZ_E_LIMIT, LZ_E_IO, LZ_E_NOMEM. */
struct lz_zip *lz_zip_open(int fd, const struct lz_limits *limits, struct lz_err *err);
void lz_zip_close(struct lz_zip *z); /* NULL accepted */
/* 1: *ret is the next member; 0: end; < 0: error, and the archive can't be read further. */
int lz_zip_next(struct lz_zip *z, struct lz_zip_entry *ret, struct lz_err *err);
/* The current member's content, whole, into b (cleared first; its maximum bounds it: LZ_E_LIMIT).
 * A wrong CRC or size is LZ_E_DIGEST, bytes that do not inflate LZ_E_FORMAT, an encrypted member
 * or another method than deflate LZ_E_UNSUPPORTED; each names the member. */
int lz_zip_read(struct lz_zip *z, struct lz_buf *b, struct lz_err *err);
