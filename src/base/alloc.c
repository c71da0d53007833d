/* SPDX-License-Identifier: Apache-2.0 */
#include "alloc.h"

#include <stdatomic.h>
#include <stdlib.h>

static _Atomic unsigned long countdown; /* 0 = off */
static _Atomic bool keep_failing;
static _Atomic bool failed;

void lz_alloc_fail_at(unsigned long nth, bool sticky)
{
	atomic_store(&failed, false);
	atomic_store(&keep_failing, sticky);
	atomic_store(&countdown, nth);
}

bool lz_alloc_failed(void)
{
	return atomic_load(&failed);
}

static bool refuse(void)
{
	if (__builtin_expect(atomic_load_explicit(&countdown, memory_order_relaxed) == 0, 1))
		return false;
	if (atomic_load(&failed) && atomic_load(&keep_failing))
		return true;
	if (atomic_fetch_sub(&countdown, 1) != 1) {
		return false;
	}
	atomic_store(&failed, true);
	if (atomic_load(&keep_failing))
		atomic_store(&countdown, 1);
	return true;
}

void *lz_alloc(size_t size_bytes)
{
	if (refuse())
		return NULL;
	return calloc(1, size_bytes ? size_bytes : 1);
}

void *lz_realloc(void *p, size_t size_bytes)
{
	if (refuse())
		return NULL;
	return realloc(p, size_bytes ? size_bytes : 1);
}

void lz_free(void *p)
{
	free(p);
}
