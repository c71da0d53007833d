/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Bytes by pull. A reader hands out one borrowed chunk after another; a chunk is valid until the
 * next call on the same reader. Readers stack, each owning the one below it:
 *
 *	fd ──► hash ──► stage ──► inflate ──► stage ──► CRC ──► hash ──► tar
 *	                thread 1             thread 2                    caller's thread
 *
 * A stage moves everything below it to a thread of its own behind a small ring of chunks, so that
 * reading + hashing packed bytes, inflating, and hashing + parsing unpacked bytes overlap: two
 * processors serve one layer.
 */
#include "../base/err.h"
#include "../base/limits.h"
#include "../base/span.h"

#include <stdint.h>

struct lz_reader {
	/* 1: *ret_chunk holds at least one byte; 0: end; < 0: error (and again on each later call).
	 */
	int (*next)(struct lz_reader *r, struct lz_span *ret_chunk, struct lz_err *err);
	/* Skips up to n bytes without delivering them; *ret_n is how many were skipped, which may
	 * be fewer. NULL when the reader can't do better than reading. */
	int (*skip)(struct lz_reader *r, uint64_t n, uint64_t *ret_n, struct lz_err *err);
	/* From another thread: makes a next() that is under way, and all later ones, return
	 * LZ_E_CANCELLED soon. NULL when r can't; its next() then ends by itself. */
	void (*stop)(struct lz_reader *r);
	/* Releases r and all it owns. */
	void (*close)(struct lz_reader *r);
	uint64_t offset; /* bytes delivered or skipped so far; for error messages */
	unsigned keeps;	 /* chunks delivered before the newest that are still valid (0 for most) */
};

static inline int lz_reader_next(struct lz_reader *r, struct lz_span *ret, struct lz_err *err)
{
	return r->next(r, ret, err);
}
void lz_reader_close(struct lz_reader *r); /* NULL accepted */
/* for LZ_CLEAN(reader) struct lz_reader *r = NULL; */
static inline void lz_clean_reader(struct lz_reader **r)
{
	lz_reader_close(*r);
}

/* All constructors return NULL with err filled on failure, and then have closed `inner`. */

/* Sequential reads from fd (a pipe will do), at most `length` bytes (UINT64_MAX: to the end). A
 * read that waits for a silent pipe is left within a tenth of a second of stop(). */
struct lz_reader *lz_reader_fd(int fd, uint64_t length, struct lz_err *err);
/* A window of a seekable file, by pread: skips are free. Ending before `length` is an error. */
struct lz_reader *lz_reader_pread(int fd, uint64_t offset, uint64_t length, struct lz_err *err);
/* Memory that outlives the reader, in chunks of at most chunk_bytes (0: one chunk). */
struct lz_reader *lz_reader_mem(struct lz_span bytes, size_t chunk_bytes, struct lz_err *err);

enum lz_packing { LZ_PACK_NONE, LZ_PACK_GZIP, LZ_PACK_ZSTD, LZ_PACK_XZ, LZ_PACK_BZIP2 };
const char *lz_packing_name(enum lz_packing p);
/* What the first bytes (up to 6 are looked at) say. */
enum lz_packing lz_packing_of(struct lz_span head);

/* Unpacks by the magic found in the first chunk; plain bytes pass through. *ret_packing (may be
 * NULL) tells which. Packed bytes are unpacked in a thread of its own, up to `ahead` chunks ahead
 * (0: in the caller's; 13 at most). Concatenated gzip members and zstd frames are one stream.
 * Limits: layer_bytes, layer_ratio (after 16 MiB), zstd_window, xz_memory. Trailing zeros behind a
 * gzip stream are accepted, other trailing bytes are LZ_E_FORMAT. bzip2 is recognised and
 * LZ_E_UNSUPPORTED. */
struct lz_reader *lz_reader_unpack(struct lz_reader *inner, const struct lz_limits *limits,
				   unsigned ahead, enum lz_packing *ret_packing,
				   struct lz_err *err);

/* Makes OpenSSL do now what it would do at its first hash: for a child that may not open files
 * later. */
int lz_sha256_prepare(struct lz_err *err);
/* Passes chunks on and feeds them to a SHA-256. */
struct lz_reader *lz_reader_sha256(struct lz_reader *inner, struct lz_err *err);
/* Of a reader made by lz_reader_sha256 whose end was reached (drain it first; LZ_E_BUG if not): 32
 * bytes, once. */
int lz_reader_sha256_final(struct lz_reader *r, unsigned char ret[32], struct lz_err *err);

/* Starts n parked threads that later stages take in place of new ones: for a child that may not
 * start threads once it is sealed. A closed stage has given its thread back. Once called, no stage
 * starts a thread of its own. Process-wide; returns 0 or LZ_E_NOMEM. */
int lz_stage_threads_start(unsigned n, struct lz_err *err);

/* Runs `inner` in a thread, up to `slots` chunks ahead. Chunks are handed on as they are when
 * `inner` keeps them long enough, else copied into buffers of chunk_bytes. Closing stops `inner`
 * and waits for the thread. Where no thread is to be had, returns `inner` itself: the same bytes,
 * nothing at the same time. */
struct lz_reader *lz_reader_stage(struct lz_reader *inner, size_t chunk_bytes, unsigned slots,
				  struct lz_err *err);

/* Reads to the end, delivering nothing. */
int lz_reader_drain(struct lz_reader *r, struct lz_err *err);
