/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A byte buffer that grows up to a maximum given at birth. The first failure sticks in `code`, so
 * a writer may append many times and ask once; after a failure appends do nothing.
 * Invariant: n <= cap <= max, and p[n] is 0 whenever p is set.
 */
#include "span.h"

struct lz_buf {
	char *p;
	size_t n;
	size_t cap;
	size_t max;
	int code; /* 0, LZ_E_NOMEM or LZ_E_LIMIT */
};

void lz_buf_init(struct lz_buf *b, size_t max_bytes);
void lz_buf_done(struct lz_buf *b);  /* releases; may be used again with the same maximum */
void lz_buf_clear(struct lz_buf *b); /* keeps memory, forgets content and failure */

/* All return b->code. */
int lz_buf_add(struct lz_buf *b, const void *p, size_t n);
int lz_buf_span(struct lz_buf *b, struct lz_span s);
int lz_buf_str(struct lz_buf *b, const char *s);
int lz_buf_byte(struct lz_buf *b, unsigned char c);
int lz_buf_printf(struct lz_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int lz_buf_u16le(struct lz_buf *b, uint16_t v);
int lz_buf_u32le(struct lz_buf *b, uint32_t v);
int lz_buf_u64le(struct lz_buf *b, uint64_t v);
int lz_buf_zero(struct lz_buf *b, size_t n);
/* Room for n more bytes at p + n; the caller writes there and adds to b->n itself. */
int lz_buf_reserve(struct lz_buf *b, size_t n);

static inline struct lz_span lz_buf_view(const struct lz_buf *b)
{
	return lz_span(b->p ? b->p : "", b->n);
}
