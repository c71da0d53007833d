/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buffer, map and vector against models too simple to be wrong: a fixed array for bytes, an array
 * indexed by the key for the map, a stable insertion sort for the vector. The operations are drawn
 * from a fixed seed, so a failure repeats.
 */
#include "base/buf.h"
#include "base/map.h"
#include "base/vec.h"

#include "base/err.h"
#include "test.h"

#include <stdio.h>

static uint64_t chance(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* --- buffer --- */

#define BUF_MAX 3000

static void test_buffer_like_an_array(void **state)
{
	uint64_t seed = 1181783497276652981ULL;
	char model[BUF_MAX], piece[400];

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct lz_buf b;
		size_t n = 0;
		lz_buf_init(&b, BUF_MAX);
		for (int step = 0; step < 60; step++) {
			size_t k = chance(&seed) % sizeof(piece);
			int r;
			memset(piece, (int)('a' + chance(&seed) % 26), sizeof(piece));
			r = lz_buf_add(&b, piece, k);
			if (n + k > BUF_MAX) { /* nothing is added, and it stays refused */
				assert_int_equal(r, LZ_E_LIMIT);
				assert_int_equal(lz_buf_byte(&b, 'x'), LZ_E_LIMIT);
				break;
			}
			assert_int_equal(r, 0);
			memcpy(model + n, piece, k);
			n += k;
		}
		assert_int_equal(b.n, n);
		assert_true(n == 0 || !memcmp(b.p, model, n));
		lz_buf_clear(&b);
		assert_int_equal(lz_buf_byte(&b, 'y'), 0);
		assert_span(lz_buf_view(&b), "y");
		lz_buf_done(&b);
	}
}

/* --- map --- */

#define KEYS	500
#define MAP_MAX 400

struct model {
	uint64_t value[KEYS];
	bool there[KEYS], ever[KEYS];
	size_t live, known; /* known: put at least once; these are what the maximum bounds */
};

static void put(struct lz_map *m, struct model *x, size_t k, struct lz_span key, uint64_t value)
{
	bool is_new = false;
	int code = 0;
	struct lz_map_item *item = lz_map_put(m, key, &is_new, &code);

	if (!item) {
		assert_int_equal(code, LZ_E_LIMIT);
		assert_false(x->ever[k]);
		assert_int_equal(x->known, MAP_MAX);
		return;
	}
	assert_int_equal(is_new, !x->there[k]);
	if (is_new)
		assert_int_equal(item->value.num, 0);
	item->value.num = value;
	x->live += is_new;
	x->known += !x->ever[k];
	x->ever[k] = true;
	x->there[k] = true;
	x->value[k] = value;
}

static void same(const struct lz_map *m, const struct model *x)
{
	size_t seen = 0;

	LZ_MAP_EACH (item, m) {
		unsigned k = KEYS;
		assert_int_equal(sscanf(item->key.p, "key %u", &k), 1);
		assert_true(k < KEYS && x->there[k]);
		assert_int_equal(item->value.num, x->value[k]);
		seen++;
	}
	assert_int_equal(seen, x->live);
	assert_int_equal(m->live, x->live);
}

static void test_map_like_an_array(void **state)
{
	static char names[KEYS][16];
	uint64_t seed = 2685821657736338717ULL;
	struct model x = {0};
	struct lz_map m;

	(void)state;
	for (unsigned k = 0; k < KEYS; k++)
		snprintf(names[k], sizeof(names[k]), "key %u", k);
	lz_map_init(&m, MAP_MAX);
	for (int step = 0; step < 40000; step++) {
		size_t k = chance(&seed) % KEYS;
		struct lz_span key = lz_str(names[k]);
		struct lz_map_item *item = lz_map_get(&m, key);
		assert_int_equal(item != NULL, x.there[k]);
		if (item)
			assert_int_equal(item->value.num, x.value[k]);
		if (chance(&seed) % 5 < 2) {
			assert_int_equal(lz_map_del(&m, key), x.there[k]);
			x.live -= x.there[k];
			x.there[k] = false;
		} else {
			put(&m, &x, k, key, chance(&seed));
		}
		if (step % 1000 == 0)
			same(&m, &x);
	}
	same(&m, &x);
	lz_map_done(&m);
}

/* --- vector --- */

struct pair {
	unsigned key, place;
};

static int by_key(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

static void test_sort_is_stable(void **state)
{
	uint64_t seed = 88172645463325252ULL;

	(void)state;
	for (unsigned n = 0; n < 300; n++) {
		struct lz_vec v;
		lz_vec_init(&v, sizeof(struct pair), n);
		for (unsigned i = 0; i < n; i++) {
			struct pair p = {(unsigned)(chance(&seed) % 17), i};
			assert_non_null(lz_vec_add(&v, &p));
		}
		assert_null(lz_vec_push(&v)); /* n was the maximum */
		assert_int_equal(v.code, LZ_E_LIMIT);
		lz_vec_sort(&v, by_key);
		for (size_t i = 1; i < v.n; i++) {
			const struct pair *a = lz_vec_at(&v, i - 1), *b = lz_vec_at(&v, i);
			assert_true(a->key < b->key || (a->key == b->key && a->place < b->place));
		}
		assert_int_equal(v.n, n);
		lz_vec_done(&v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buffer_like_an_array),
		cmocka_unit_test(test_map_like_an_array),
		cmocka_unit_test(test_sort_is_stable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
