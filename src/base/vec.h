/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A growing array of equal elements with a maximum count. Pointers into it are valid until the
 * next push. The first failure sticks in `code`.
 *
 *	struct lz_vec v;
 *	lz_vec_init(&v, sizeof(struct thing), 1000);
 *	struct thing *t = lz_vec_push(&v);        // zeroed, NULL on failure
 *	LZ_VEC_EACH(struct thing, x, &v) use(x);
 */
#include <stddef.h>

struct lz_vec {
	void *p;
	size_t n;
	size_t cap;
	size_t elem_bytes;
	size_t max;
	int code;
};

void lz_vec_init(struct lz_vec *v, size_t elem_bytes, size_t max_count);
void lz_vec_done(struct lz_vec *v);
void *lz_vec_push(struct lz_vec *v);
void *lz_vec_add(struct lz_vec *v, const void *elem); /* push a copy */

static inline void *lz_vec_at(const struct lz_vec *v, size_t i)
{
	return (char *)v->p + i * v->elem_bytes;
}
#define LZ_VEC_EACH(type, x, v) \
	for (type *x = (type *)(v)->p; x && x < (type *)(v)->p + (v)->n; x++)

/* Stable merge sort, so that equal elements keep their order whatever the C library does.
 * On out-of-memory falls back to an in-place (still stable, slower) insertion sort: can't fail. */
void lz_vec_sort(struct lz_vec *v, int (*cmp)(const void *, const void *));
