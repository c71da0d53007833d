/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside vuln/ only: the vdb file, byte by byte in docs/vdb.md.
 *
 *	header (64) | section table (n × 64) | sections, 8-aligned | signature (64, if flagged)
 *
 * Rows of one (ecosystem, name) form a group. Groups in the order of their name's hash fill blocks
 * of about BLOCK_BYTES, each packed with zstd and one dictionary for all. So one number a block is
 * all the index that look-ups by name need, and what a package has in several releases lies
 * together. A sorted table leads from the hash of an id or alias to blocks.
 */
#include "../base/buf.h"
#include "../base/map.h"
#include "vuln.h"

#define LZ_VDB_MAGIC	   "LZVDB\r\n\x1a"
#define LZ_VDB_VERSION	   2
#define LZ_VDB_HEADER	   64
#define LZ_VDB_SECTION	   64
#define LZ_VDB_SIGNATURE   64
#define LZ_VDB_BLOCK_BYTES 4096
#define LZ_VDB_DICT_BYTES  (64 * 1024)
#define LZ_VDB_INDEX_ROW   8
#define LZ_VDB_ID_ROW	   12
#define LZ_VDB_FACT_ROW	   24
#define LZ_VDB_BLOCK_MAX \
	(64 * 1024 * 1024) /* one group may be large; a hostile file may not ask for more */
#define LZ_VDB_SIGNED 1u

enum lz_vdb_kind {
	LZ_VDB_FEEDS,
	LZ_VDB_ECOSYSTEMS,
	LZ_VDB_DICT,  /* zstd's; may be empty */
	LZ_VDB_INDEX, /* a block: u32 top of its first name's hash, u32 offset into DATA / 8; then
			 ~0 and the end */
	LZ_VDB_DATA,
	LZ_VDB_BY_ID, /* u64 hash, u32 block; sorted */
	LZ_VDB_FACTS, /* u64 hash, u32 epss, u32 percentile (millionths, ~0 absent), u64 kev day + 1
		       */
	LZ_VDB_KINDS,
};

/* Row encoding: numbers as varints, texts as length + bytes. */
void lz_vdb_put_num(struct lz_buf *b, uint64_t v);
void lz_vdb_put_text(struct lz_buf *b, struct lz_span s);
void lz_vdb_put_row(struct lz_buf *b, const struct lz_advisory *a, const struct lz_affected *x);

struct lz_vdb_cursor {
	struct lz_span rest;
	bool bad; /* sticky */
};
uint64_t lz_vdb_num(struct lz_vdb_cursor *c);
struct lz_span lz_vdb_text(struct lz_vdb_cursor *c);
/* Everything is copied into the arena. */
int lz_vdb_take_row(struct lz_vdb_cursor *c, struct lz_arena *arena, struct lz_span ecosystem,
		    struct lz_span name, struct lz_advisory *ret, struct lz_err *err);

int lz_vdb_sign(const char *key_pem, struct lz_span bytes, unsigned char ret[LZ_VDB_SIGNATURE],
		struct lz_err *err);
int lz_vdb_check_signature(const char *key_pem, struct lz_span bytes, struct lz_span signature,
			   struct lz_err *err);
