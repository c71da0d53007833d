/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpm's database on SUSE: NDB, "Packages.db". Little endian; two areas:
 *
 *	slot pages  4096 bytes each, 16-byte slots; the first two slots of the file are its header
 *	            "RpmP" version generation slot-pages next-package
 *	            a slot: "Slot" package-number block-offset block-count (in 16-byte blocks)
 *	blobs       "BlbS" package-number generation length | header | padding |
 *	            adler32 length "BlbE"
 *
 * Every slot in use is read; two that share blocks can make a hostile file cost more than its size,
 * so the blocks of all slots together must fit in the file.
 */
#include "rpm.h"

#include "../base/bytes.h"

#include <zlib.h>

enum { SLOT_BYTES = 16, BLOCK_BYTES = 16, SLOT_PAGE_BYTES = 4096, HEADER_SLOTS = 2 };
enum { BLOB_HEAD = 16, BLOB_TAIL = 12 };

struct ndb {
	struct lz_rpm_walk *w;
	uint64_t slot_end;    /* where the blobs begin */
	uint64_t blocks_left; /* blocks that no slot has named yet */
};

bool lz_rpm_is_ndb(struct lz_span file)
{
	return lz_span_starts(file, "RpmP");
}

/* rpm sums the blob's head, the header and the padding: all that comes before the tail. */
static bool sum_fits(struct lz_span blob)
{
	uint32_t want = lz_le32(blob.p + blob.n - BLOB_TAIL);

	return adler32_z(1, (const unsigned char *)blob.p, blob.n - BLOB_TAIL) == want;
}

/* The blob of one slot: head, header, padding, tail. */
static int blob(struct ndb *n, struct lz_span blob, uint64_t at, uint32_t package,
		struct lz_err *err)
{
	struct lz_rpm_walk *w = n->w;
	const char *tail = blob.p + blob.n - BLOB_TAIL;
	uint32_t bytes = lz_le32(blob.p + 12);

	if (!lz_span_starts(blob, "BlbS") || lz_le32(blob.p + 4) != package)
		return w->problem(w, LZ_E_FORMAT, at, err,
				  "package %u: its slot leads to something else", package);
	if (bytes > blob.n - BLOB_HEAD - BLOB_TAIL || lz_le32(tail + 4) != bytes ||
	    memcmp(tail + 8, "BlbE", 4))
		return w->problem(w, LZ_E_FORMAT, at + 12, err,
				  "package %u: claims %u bytes, which do not fit its place",
				  package, bytes);
	if (!sum_fits(blob))
		return w->problem(w, LZ_E_DIGEST, at, err, "package %u: its checksum is wrong",
				  package);
	return w->header(w, lz_span(blob.p + BLOB_HEAD, bytes), at + BLOB_HEAD, err);
}

static int slot(struct ndb *n, uint64_t at, struct lz_err *err)
{
	struct lz_rpm_walk *w = n->w;
	const char *p = w->file.p + at;
	uint32_t package = lz_le32(p + 4), blocks = lz_le32(p + 12);
	uint64_t from = (uint64_t)lz_le32(p + 8) * BLOCK_BYTES;
	uint64_t bytes = (uint64_t)blocks * BLOCK_BYTES;

	if (memcmp(p, "Slot", 4))
		return w->problem(w, LZ_E_FORMAT, at, err, "no slot where one should be");
	if (!package) /* free */
		return 0;
	if (from < n->slot_end || bytes < BLOB_HEAD + BLOB_TAIL || !lz_in(from, bytes, w->file.n))
		return w->problem(w, LZ_E_FORMAT, at + 8, err,
				  "package %u: its slot points outside the database", package);
	if (blocks > n->blocks_left)
		return w->problem(w, LZ_E_FORMAT, at + 12, err,
				  "package %u: its slot claims blocks that others have", package);
	n->blocks_left -= blocks;
	return blob(n, lz_span(w->file.p + from, (size_t)bytes), from, package, err);
}

int lz_rpm_ndb(struct lz_rpm_walk *w, struct lz_err *err)
{
	struct ndb n = {.w = w, .blocks_left = w->file.n / BLOCK_BYTES};
	int code = 0;

	if (w->file.n < SLOT_PAGE_BYTES)
		return w->problem(w, LZ_E_FORMAT, w->file.n, err,
				  "the database ends within its first page");
	if (lz_le32(w->file.p + 4))
		return w->problem(w, LZ_E_UNSUPPORTED, 4, err, "NDB version %u is not known",
				  lz_le32(w->file.p + 4));
	n.slot_end = (uint64_t)lz_le32(w->file.p + 12) * SLOT_PAGE_BYTES;
	if (!n.slot_end)
		return w->problem(w, LZ_E_FORMAT, 12, err, "the database claims no slots");
	if (n.slot_end > w->file.n) {
		code = w->problem(w, LZ_E_FORMAT, w->file.n, err,
				  "the database should have %llu bytes of slots, but ends before",
				  (unsigned long long)n.slot_end);
		n.slot_end = w->file.n;
	}
	for (uint64_t at = HEADER_SLOTS * SLOT_BYTES; !code && at + SLOT_BYTES <= n.slot_end;
	     at += SLOT_BYTES)
		code = slot(&n, at, err);
	return code;
}
