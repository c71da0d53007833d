/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The one place memory comes from, so that a test can make the Nth request fail and walk every
 * error path. All functions are thread-safe. They return NULL on failure and never abort.
 */
#include <stdbool.h>
#include <stddef.h>

void *lz_alloc(size_t size_bytes);	      /* zeroed; size 0 gives a valid pointer */
void *lz_realloc(void *p, size_t size_bytes); /* not zeroed; p stays valid on failure */
void lz_free(void *p);			      /* NULL accepted */

/* a * b and a + b that report overflow: true when ret is valid. */
static inline bool lz_mul(size_t a, size_t b, size_t *ret)
{
	return !__builtin_mul_overflow(a, b, ret);
}
static inline bool lz_add(size_t a, size_t b, size_t *ret)
{
	return !__builtin_add_overflow(a, b, ret);
}

/* Tests only. The nth request from now on (1 = the next) fails; with sticky, so do all after it.
 * 0 switches injection off. */
void lz_alloc_fail_at(unsigned long nth, bool sticky);
/* True when an injected failure has happened since lz_alloc_fail_at. */
bool lz_alloc_failed(void);
