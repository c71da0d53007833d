/* SPDX-License-Identifier: Apache-2.0 */
#include "buf.h"

#include "alloc.h"
#include "err.h"

#include <stdarg.h>
#include <stdio.h>

void lz_buf_init(struct lz_buf *b, size_t max_bytes)
{
	*b = (struct lz_buf){.max = max_bytes};
}

void lz_buf_done(struct lz_buf *b)
{
	lz_free(b->p);
	lz_buf_init(b, b->max);
}

void lz_buf_clear(struct lz_buf *b)
{
	b->n = 0;
	b->code = 0;
	if (b->p)
		b->p[0] = 0;
}

int lz_buf_reserve(struct lz_buf *b, size_t n)
{
	size_t need, cap;
	char *p;

	if (b->code)
		return b->code;
	if (n > b->max || b->n > b->max - n)
		return b->code = LZ_E_LIMIT;
	need = b->n + n;
	if (b->p && need <= b->cap)
		return 0;
	cap = b->cap < 64 ? 64 : b->cap;
	while (cap < need)
		cap = cap > b->max / 2 ? b->max : cap * 2;
	if (cap > b->max)
		cap = b->max;
	p = lz_realloc(b->p, cap + 1);
	if (!p)
		return b->code = LZ_E_NOMEM;
	b->p = p;
	b->cap = cap;
	p[b->n] = 0;
	return 0;
}

int lz_buf_add(struct lz_buf *b, const void *p, size_t n)
{
	if (lz_buf_reserve(b, n))
		return b->code;
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = 0;
	return 0;
}

int lz_buf_span(struct lz_buf *b, struct lz_span s)
{
	return lz_buf_add(b, s.p, s.n);
}

int lz_buf_str(struct lz_buf *b, const char *s)
{
	return lz_buf_add(b, s, strlen(s));
}

int lz_buf_byte(struct lz_buf *b, unsigned char c)
{
	return lz_buf_add(b, &c, 1);
}

int lz_buf_printf(struct lz_buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return b->code = LZ_E_BUG;
	if (lz_buf_reserve(b, (size_t)n))
		return b->code;
	va_start(ap, fmt);
	vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
	return 0;
}

int lz_buf_u16le(struct lz_buf *b, uint16_t v)
{
	return lz_buf_add(b, (unsigned char[]){v & 255, v >> 8}, 2);
}

int lz_buf_u32le(struct lz_buf *b, uint32_t v)
{
	unsigned char x[4];

	for (int i = 0; i < 4; i++)
		x[i] = (unsigned char)(v >> (8 * i));
	return lz_buf_add(b, x, 4);
}

int lz_buf_u64le(struct lz_buf *b, uint64_t v)
{
	unsigned char x[8];

	for (int i = 0; i < 8; i++)
		x[i] = (unsigned char)(v >> (8 * i));
	return lz_buf_add(b, x, 8);
}

int lz_buf_zero(struct lz_buf *b, size_t n)
{
	if (lz_buf_reserve(b, n))
		return b->code;
	memset(b->p + b->n, 0, n);
	b->n += n;
	b->p[b->n] = 0;
	return 0;
}
