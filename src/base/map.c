/* SPDX-License-Identifier: Apache-2.0 */
#include "map.h"

#include "alloc.h"
#include "err.h"

#include <pthread.h>
#include <sys/random.h>

static uint64_t rotl(uint64_t x, int b)
{
	return (x << b) | (x >> (64 - b));
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

/* SipHash-1-3: one round per word, three to finish; enough against chosen keys in tables. */
static uint64_t sip13(struct lz_span s, uint64_t k0, uint64_t k1)
{
	uint64_t v[4] = {k0 ^ 0x736f6d6570736575ULL, k1 ^ 0x646f72616e646f6dULL,
			 k0 ^ 0x6c7967656e657261ULL, k1 ^ 0x7465646279746573ULL};
	uint64_t m, last = (uint64_t)s.n << 56;
	size_t i = 0;

	for (; i + 8 <= s.n; i += 8) {
		memcpy(&m, s.p + i, 8);
		v[3] ^= m;
		sip_round(v);
		v[0] ^= m;
	}
	for (size_t j = 0; i + j < s.n; j++)
		last |= (uint64_t)(unsigned char)s.p[i + j] << (8 * j);
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int r = 0; r < 3; r++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint64_t key[2];
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

static void draw_key(void)
{
	if (getrandom(key, sizeof(key), GRND_NONBLOCK) != (ssize_t)sizeof(key))
		key[0] = (uint64_t)(uintptr_t)&key; /* address randomisation is better than 0 */
}

uint64_t lz_hash(struct lz_span s)
{
	pthread_once(&key_once, draw_key);
	return sip13(s, key[0], key[1]);
}

uint64_t lz_hash_stable(struct lz_span s)
{
	return sip13(s, 0, 0);
}

void lz_map_init(struct lz_map *m, size_t max_count)
{
	*m = (struct lz_map){.max = max_count < UINT32_MAX / 4 ? max_count : UINT32_MAX / 4};
}

void lz_map_done(struct lz_map *m)
{
	lz_free(m->items);
	lz_free(m->slots);
	lz_map_init(m, m->max);
}

static size_t find(const struct lz_map *m, struct lz_span k, uint32_t hash)
{
	size_t at = hash & (m->slots_cap - 1);

	for (; m->slots[at]; at = (at + 1) & (m->slots_cap - 1)) {
		const struct lz_map_item *it = &m->items[m->slots[at] - 1];
		if (it->hash == hash && lz_span_eq(it->key, k))
			break;
	}
	return at;
}

struct lz_map_item *lz_map_get(const struct lz_map *m, struct lz_span k)
{
	struct lz_map_item *it;
	size_t at;

	if (!m->slots_cap)
		return NULL;
	at = find(m, k, (uint32_t)lz_hash(k));
	if (!m->slots[at])
		return NULL;
	it = &m->items[m->slots[at] - 1];
	return it->live ? it : NULL;
}

static int grow(struct lz_map *m)
{
	size_t slots_cap = m->slots_cap ? m->slots_cap * 2 : 16;
	size_t items_cap = slots_cap / 3 * 2;
	struct lz_map_item *items;
	uint32_t *slots;

	slots = lz_alloc(slots_cap * sizeof(*slots));
	if (!slots)
		return LZ_E_NOMEM;
	items = lz_realloc(m->items, items_cap * sizeof(*items));
	if (!items) {
		lz_free(slots);
		return LZ_E_NOMEM;
	}
	lz_free(m->slots);
	m->items = items;
	m->items_cap = items_cap;
	m->slots = slots;
	m->slots_cap = slots_cap;
	for (size_t i = 0; i < m->n; i++)
		slots[find(m, items[i].key, items[i].hash)] = (uint32_t)i + 1;
	return 0;
}

struct lz_map_item *lz_map_put(struct lz_map *m, struct lz_span k, bool *ret_new, int *ret_code)
{
	uint32_t hash = (uint32_t)lz_hash(k);
	int code = 0;
	struct lz_map_item *it;
	size_t at;

	if (ret_new)
		*ret_new = false;
	if (m->slots_cap) {
		at = find(m, k, hash);
		if (m->slots[at]) {
			it = &m->items[m->slots[at] - 1];
			if (!it->live) {
				if (ret_new)
					*ret_new = true;
				*it = (struct lz_map_item){.key = k, .hash = hash, .live = true};
				m->live++;
			}
			return it;
		}
	}
	if (m->n >= m->max)
		code = LZ_E_LIMIT;
	else if (m->n == m->items_cap)
		code = grow(m);
	if (code) {
		if (ret_code)
			*ret_code = code;
		return NULL;
	}
	it = &m->items[m->n];
	*it = (struct lz_map_item){.key = k, .hash = hash, .live = true};
	m->slots[find(m, k, hash)] = (uint32_t)++m->n;
	m->live++;
	if (ret_new)
		*ret_new = true;
	return it;
}

/* Dead items keep their slot and key, so probing chains stay whole; a later put revives them.
 * The key must therefore stay valid even after removal. */
bool lz_map_del(struct lz_map *m, struct lz_span k)
{
	struct lz_map_item *it = lz_map_get(m, k);

	if (!it)
		return false;
	it->live = false;
	m->live--;
	return true;
}
