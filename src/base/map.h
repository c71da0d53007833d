/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Bytes to a pointer-sized value, in insertion order. Keys are borrowed: they must outlive the
 * map (put them in the same arena). The hash is keyed per process, so hostile keys can't make
 * all entries collide; iteration order never depends on the hash.
 *
 *	items[]  {key, value, hash}  {…}  {…}      in insertion order, removed ones marked dead
 *	slots[]  item index + 1, or 0              open addressing, linear probing, load <= 2/3
 */
#include "span.h"

struct lz_map_item {
	struct lz_span key;
	union {
		void *ptr;
		uint64_t num;
	} value;
	uint32_t hash;
	bool live;
};

struct lz_map {
	struct lz_map_item *items;
	uint32_t *slots;
	size_t n;    /* items used, dead ones included */
	size_t live; /* what a caller would count */
	size_t items_cap;
	size_t slots_cap; /* power of two */
	size_t max;
};

void lz_map_init(struct lz_map *m, size_t max_count);
void lz_map_done(struct lz_map *m);

/* The item of key, or NULL. Valid until the next put. */
struct lz_map_item *lz_map_get(const struct lz_map *m, struct lz_span key);
/* The item of key, made (value zero, *ret_new true) when it was not there. NULL: no memory or
 * full; *ret_code then says which. ret_new and ret_code may be NULL. */
struct lz_map_item *lz_map_put(struct lz_map *m, struct lz_span key, bool *ret_new, int *ret_code);
/* True if it was there. The key keeps its place (and must stay valid), so max_count bounds the
 * different keys ever put, not those that are there now. */
bool lz_map_del(struct lz_map *m, struct lz_span key);

#define LZ_MAP_EACH(x, m)                                                           \
	for (struct lz_map_item *x = (m)->items; x && x < (m)->items + (m)->n; x++) \
		if (x->live)

/* Keyed 64-bit hash of bytes (SipHash-1-3); the key is drawn once per process. */
uint64_t lz_hash(struct lz_span s);
/* The same with key 0: stable across processes, for files and fingerprints, not for tables. */
uint64_t lz_hash_stable(struct lz_span s);
