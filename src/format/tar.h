/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Tar archives, one entry after another: ustar, GNU (long names and links, sparse 0.0/0.1/1.0 and
 * old-GNU sparse, base-256 numbers), PAX (local and global). Own code: a layer can have millions of
 * entries, and the parser is the first to touch hostile bytes, so it must be small, bounded and
 * fast.
 */
#include "reader.h"

enum lz_tar_type {
	LZ_TAR_FILE,
	LZ_TAR_HARDLINK,
	LZ_TAR_SYMLINK,
	LZ_TAR_DIR,
	LZ_TAR_OTHER, /* device, FIFO, and anything unknown (its data is skipped) */
};

struct lz_tar_entry {
	enum lz_tar_type type;
	/* Normalised: no leading "/" or "./", no "//", "." or trailing "/". Empty for the root
	 * itself. A path with a ".." component or an embedded NUL has `unsafe` set and is delivered
	 * as found; callers never follow it. */
	struct lz_span path;
	struct lz_span link; /* target as stored (hard link: normalised like path) */
	bool unsafe;
	uint32_t mode;
	uint64_t size;	      /* content bytes that lz_tar_read delivers (sparse: expanded) */
	uint64_t offset;      /* of the entry's first header block in the archive */
	uint64_t data_offset; /* of its content; meaningful when !sparse */
	bool sparse;
};

struct lz_tar;

/* Borrows the reader, which must outlive it; limits are copied. NULL on failure. */
struct lz_tar *lz_tar_open(struct lz_reader *r, const struct lz_limits *limits, struct lz_err *err);
void lz_tar_close(struct lz_tar *t); /* NULL accepted; does not close the reader */

/* 1: *ret is valid until the next call; 0: end (two zero blocks, or a clean end after at least one
 * entry); < 0: error naming the offset. Content that was not read is skipped. */
int lz_tar_next(struct lz_tar *t, struct lz_tar_entry *ret, struct lz_err *err);
/* Next chunk of the current entry's content: 1, 0 at its end, < 0. Holes of a sparse file come as
 * zeros. */
int lz_tar_read(struct lz_tar *t, struct lz_span *ret_chunk, struct lz_err *err);
/* The current entry's content as a reader (borrowing t; valid until lz_tar_next). */
struct lz_reader *lz_tar_reader(struct lz_tar *t, struct lz_err *err);
/* Do these 512 bytes look like a tar header (magic or checksum)? */
bool lz_tar_is_header(struct lz_span block);

/* Writes the header blocks of one regular file, directory or symbolic link into buf (PAX when the
 * path is long), for sources that turn files on disk into a stream. */
struct lz_buf;
int lz_tar_put_header(struct lz_buf *b, enum lz_tar_type type, struct lz_span path,
		      struct lz_span link, uint64_t size);
