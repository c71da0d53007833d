/* SPDX-License-Identifier: Apache-2.0 */
#include "vec.h"

#include "alloc.h"
#include "err.h"

#include <string.h>

void lz_vec_init(struct lz_vec *v, size_t elem_bytes, size_t max_count)
{
	*v = (struct lz_vec){.elem_bytes = elem_bytes, .max = max_count};
}

void lz_vec_done(struct lz_vec *v)
{
	lz_free(v->p);
	lz_vec_init(v, v->elem_bytes, v->max);
}

static int grow(struct lz_vec *v)
{
	size_t cap = v->cap ? v->cap * 2 : 8, bytes;
	void *p;

	if (v->n >= v->max)
		return v->code = LZ_E_LIMIT;
	if (cap > v->max)
		cap = v->max;
	if (!lz_mul(cap, v->elem_bytes, &bytes))
		return v->code = LZ_E_LIMIT;
	p = lz_realloc(v->p, bytes);
	if (!p)
		return v->code = LZ_E_NOMEM;
	v->p = p;
	v->cap = cap;
	return 0;
}

void *lz_vec_push(struct lz_vec *v)
{
	void *at;

	if (v->code)
		return NULL;
	if (v->n == v->cap && grow(v))
		return NULL;
	at = lz_vec_at(v, v->n++);
	memset(at, 0, v->elem_bytes);
	return at;
}

void *lz_vec_add(struct lz_vec *v, const void *elem)
{
	void *at = lz_vec_push(v);

	if (at)
		memcpy(at, elem, v->elem_bytes);
	return at;
}

static void merge(char *dst, const char *a, size_t na, const char *b, size_t nb, size_t size,
		  int (*cmp)(const void *, const void *))
{
	while (na && nb) {
		if (cmp(a, b) <= 0) {
			memcpy(dst, a, size);
			a += size;
			na--;
		} else {
			memcpy(dst, b, size);
			b += size;
			nb--;
		}
		dst += size;
	}
	memcpy(dst, na ? a : b, (na + nb) * size);
}

/* Without scratch memory: rotate each element back to its place through a small window. */
static void insertion_sort(struct lz_vec *v, int (*cmp)(const void *, const void *))
{
	for (size_t i = 1; i < v->n; i++) {
		for (size_t j = i; j > 0 && cmp(lz_vec_at(v, j - 1), lz_vec_at(v, j)) > 0; j--) {
			char *x = lz_vec_at(v, j - 1), *y = lz_vec_at(v, j);
			for (size_t k = 0; k < v->elem_bytes; k++) {
				char t = x[k];
				x[k] = y[k];
				y[k] = t;
			}
		}
	}
}

void lz_vec_sort(struct lz_vec *v, int (*cmp)(const void *, const void *))
{
	size_t size = v->elem_bytes;
	char *from = v->p, *to, *scratch;

	if (v->n < 2)
		return;
	scratch = lz_realloc(NULL, v->n * size);
	if (!scratch) {
		insertion_sort(v, cmp);
		return;
	}
	to = scratch;
	for (size_t width = 1; width < v->n; width *= 2) {
		for (size_t i = 0; i < v->n; i += 2 * width) {
			size_t na = v->n - i < width ? v->n - i : width;
			size_t nb = v->n - i - na < width ? v->n - i - na : width;
			merge(to + i * size, from + i * size, na, from + (i + na) * size, nb, size,
			      cmp);
		}
		char *swap = from;
		from = to;
		to = swap;
	}
	if (from != v->p)
		memcpy(v->p, from, v->n * size);
	lz_free(scratch);
}
