/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Memory for one unit of work: many small pieces, released together, with a hard cap.
 * The first failure sticks (`code`), so a caller may build a whole structure and ask once.
 * Not thread-safe: one arena, one thread at a time.
 */
#include "span.h"

#include <stdarg.h>

struct lz_arena_block;

struct lz_arena {
	struct lz_arena_block *head;
	size_t used_bytes; /* taken from the system so far */
	size_t cap_bytes;
	int code; /* 0, LZ_E_NOMEM or LZ_E_LIMIT: the first failure */
};

void lz_arena_init(struct lz_arena *a, size_t cap_bytes);
void lz_arena_done(struct lz_arena *a); /* releases everything; a may be used again */

/* Zeroed, aligned for any type; NULL on failure (and a->code is set). */
void *lz_arena_alloc(struct lz_arena *a, size_t size_bytes);
void *lz_arena_array(struct lz_arena *a, size_t count, size_t elem_bytes);
#define LZ_ARENA_NEW(a, type) ((type *)lz_arena_alloc((a), sizeof(type)))

/* A copy with a NUL behind it. On failure an empty span. */
struct lz_span lz_arena_dup(struct lz_arena *a, struct lz_span s);
char *lz_arena_cstr(struct lz_arena *a, struct lz_span s); /* NULL on failure */
struct lz_span lz_arena_printf(struct lz_arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
