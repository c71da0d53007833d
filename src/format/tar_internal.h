/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside format/ only: the state that tar.c, tar_pax.c and tar_sparse.c share. */
#include "../base/buf.h"
#include "../base/vec.h"
#include "tar.h"

enum lz_sparse_kind {
	LZ_SPARSE_NONE,
	LZ_SPARSE_GNU,	/* type 'S', map in the header and blocks behind it */
	LZ_SPARSE_PAX0, /* 0.0 and 0.1: map in PAX records */
	LZ_SPARSE_PAX1, /* 1.0: map in front of the content */
};

struct lz_tar_piece { /* a run of stored bytes and where it belongs */
	uint64_t offset, length;
};

struct lz_tar_sparse {
	enum lz_sparse_kind kind;
	struct lz_vec map; /* struct lz_tar_piece */
	uint64_t real_size;
	bool has_real_size;
	bool half_piece; /* 0.0: an offset that waits for its length */
	uint64_t major, minor;
	bool has_major, has_minor;
	/* reading */
	bool reading;
	size_t piece;
	uint64_t at; /* in the expanded file */
};

struct lz_tar {
	struct lz_reader *r;
	struct lz_limits limits;
	struct lz_span chunk; /* of the reader, not used yet */
	uint64_t at;	      /* bytes used */
	uint64_t entry_at;    /* where the entry's first header began */
	uint64_t entries;
	uint64_t left, padding; /* of the current entry, as stored */
	bool ended, in_extension;
	bool extended;		  /* something below has to be forgotten before the next entry */
	struct lz_buf path, link; /* of the current entry */
	/* From extension headers, for the next entry. */
	struct lz_buf long_path, long_link, pax_path, pax_link, sparse_name, records;
	bool has_size;
	uint64_t size;
	struct lz_tar_sparse sparse;
	char block[512];
};

int lz_tar_block(struct lz_tar *t, const char **ret_block, struct lz_err *err);
int lz_tar_stored(struct lz_tar *t, uint64_t max, struct lz_span *ret, struct lz_err *err);
bool lz_tar_number(const char *p, size_t n, uint64_t *ret);

int lz_tar_pax(struct lz_tar *t, struct lz_span records, bool global, struct lz_err *err);

void lz_tar_sparse_reset(struct lz_tar *t);
int lz_tar_sparse_begin(struct lz_tar *t, const char *header, struct lz_tar_entry *e,
			struct lz_err *err);
int lz_tar_sparse_read(struct lz_tar *t, struct lz_span *ret, struct lz_err *err);
