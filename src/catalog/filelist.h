/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Paths owned by a package, kept compactly: each entry is
 *
 *	varint shared | varint rest length | rest bytes
 *
 * where `shared` bytes are taken from the path before it. Package databases list files in tree
 * order, so an entry costs about ten bytes.
 */
#include "../base/buf.h"
#include "../base/err.h"

struct lz_filelist {
	struct lz_buf buf;  /* the encoded list */
	struct lz_buf last; /* previous path */
	uint32_t count;
};
void lz_filelist_init(struct lz_filelist *l, size_t max_bytes);
void lz_filelist_done(struct lz_filelist *l);
void lz_filelist_clear(struct lz_filelist *l);
/* path without leading slash; 0 or the sticky code. */
int lz_filelist_add(struct lz_filelist *l, struct lz_span path);

/* Decoding (hostile bytes: every length is checked). */
struct lz_filelist_iter {
	struct lz_span rest;
	char path[4097];
	size_t n;
};
void lz_filelist_iter(struct lz_filelist_iter *it, struct lz_span encoded);
/* 1 and a span valid until the next call; 0 at the end; LZ_E_FORMAT. */
int lz_filelist_next(struct lz_filelist_iter *it, struct lz_span *ret, struct lz_err *err);
