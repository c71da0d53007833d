/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One record as the programs wrote it, its parts found and their sizes checked. Records also come
 * from recordings, so they are treated as hostile.
 */
#include "../base/buf.h"
#include "../base/err.h"
#include "bpf/event.h"

struct lz_record {
	struct lz_ev head; /* a copy: records lie unaligned in files */
	struct lz_span part[LZ_PART_COUNT];
};

/* Parts borrow from `bytes`. LZ_E_FORMAT names the offset. */
int lz_record_read(struct lz_span bytes, struct lz_record *ret, struct lz_err *err);

static inline bool lz_record_has(const struct lz_record *r, unsigned part)
{
	return r->part[part].p != NULL;
}
/* A part of fixed size, copied; false: there is none (or it is of another size). */
bool lz_record_copy(const struct lz_record *r, unsigned part, void *ret, size_t n);
bool lz_record_number(const struct lz_record *r, unsigned part, uint64_t *ret);
/* Text without the NUL behind it. */
struct lz_span lz_record_text(const struct lz_record *r, unsigned part);

/* The names of a path part, from the last to the first; returns how many. 0: the root, or none. */
size_t lz_record_names(const struct lz_record *r, unsigned part, struct lz_span ret[LZ_PATH_DEPTH],
		       unsigned *ret_flags);
/* A path part as text: "/etc/shadow"; " (deleted)" is no part of it, *ret_flags says so. 0 and an
 * empty text: there is none. Returns out->code. */
int lz_record_path(const struct lz_record *r, unsigned part, struct lz_buf *out,
		   unsigned *ret_flags);
