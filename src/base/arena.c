/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   head ──► block ──► block ──► NULL
 *            [ header | used ....| free ]
 *
 * Blocks grow from 4 KiB to 256 KiB, so that a small job costs a page and a large one few calls.
 * A request larger than a block gets a block of its own behind the head, which keeps filling.
 */
#include "arena.h"

#include "alloc.h"
#include "err.h"

#include <stdalign.h>
#include <stdio.h>

struct lz_arena_block {
	struct lz_arena_block *next;
	size_t size; /* bytes of data[] */
	size_t used;
	alignas(max_align_t) char data[];
};

#define BLOCK_MIN 4096
#define BLOCK_MAX ((size_t)256 * 1024)

void lz_arena_init(struct lz_arena *a, size_t cap_bytes)
{
	*a = (struct lz_arena){.cap_bytes = cap_bytes};
}

void lz_arena_done(struct lz_arena *a)
{
	struct lz_arena_block *b = a->head;

	while (b) {
		struct lz_arena_block *next = b->next;
		lz_free(b);
		b = next;
	}
	lz_arena_init(a, a->cap_bytes);
}

static void *refuse(struct lz_arena *a, int code)
{
	if (!a->code)
		a->code = code;
	return NULL;
}

static struct lz_arena_block *grow(struct lz_arena *a, size_t need)
{
	size_t size = a->head ? a->head->size * 2 : BLOCK_MIN - sizeof(struct lz_arena_block);
	struct lz_arena_block *b;

	if (size > BLOCK_MAX)
		size = BLOCK_MAX;
	if (size < need)
		size = need;
	if (size > a->cap_bytes || a->used_bytes > a->cap_bytes - size)
		return refuse(a, LZ_E_LIMIT);
	b = lz_realloc(NULL, sizeof(*b) + size);
	if (!b)
		return refuse(a, LZ_E_NOMEM);
	b->size = size;
	b->used = 0;
	a->used_bytes += size;
	if (need > BLOCK_MAX / 2 && a->head) {
		b->next = a->head->next;
		a->head->next = b;
	} else {
		b->next = a->head;
		a->head = b;
	}
	return b;
}

static void *take(struct lz_arena *a, size_t size_bytes, size_t align)
{
	struct lz_arena_block *b = a->head;
	size_t at;

	if (a->code)
		return NULL;
	if (size_bytes > a->cap_bytes)
		return refuse(a, LZ_E_LIMIT);
	at = b ? (b->used + align - 1) & ~(align - 1) : 0;
	if (!b || at > b->size || b->size - at < size_bytes) {
		b = grow(a, size_bytes);
		if (!b)
			return NULL;
		at = 0;
	}
	b->used = at + size_bytes;
	return b->data + at;
}

void *lz_arena_alloc(struct lz_arena *a, size_t size_bytes)
{
	void *p = take(a, size_bytes ? size_bytes : 1, alignof(max_align_t));

	if (p)
		memset(p, 0, size_bytes);
	return p;
}

void *lz_arena_array(struct lz_arena *a, size_t count, size_t elem_bytes)
{
	size_t n;

	if (!lz_mul(count, elem_bytes, &n))
		return refuse(a, LZ_E_LIMIT);
	return lz_arena_alloc(a, n);
}

struct lz_span lz_arena_dup(struct lz_arena *a, struct lz_span s)
{
	char *p;

	if (s.n == SIZE_MAX) {
		refuse(a, LZ_E_LIMIT);
		return (struct lz_span){"", 0};
	}
	p = take(a, s.n + 1, 1);
	if (!p)
		return (struct lz_span){"", 0};
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = 0;
	return lz_span(p, s.n);
}

char *lz_arena_cstr(struct lz_arena *a, struct lz_span s)
{
	struct lz_span d = lz_arena_dup(a, s);

	return a->code ? NULL : (char *)(uintptr_t)d.p;
}

struct lz_span lz_arena_printf(struct lz_arena *a, const char *fmt, ...)
{
	va_list ap;
	int n;
	char *p;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	p = n < 0 ? refuse(a, LZ_E_BUG) : take(a, (size_t)n + 1, 1);
	if (!p)
		return (struct lz_span){"", 0};
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return lz_span(p, (size_t)n);
}
