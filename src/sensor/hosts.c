/* SPDX-License-Identifier: Apache-2.0 */
#include "hosts.h"

#include "../base/alloc.h"
#include "../base/map.h"
#include "dns.h"

#define SETS 2048 /* power of two */
#define WAYS 8	  /* names remembered of addresses that fall together */

struct entry {
	uint64_t time_ns; /* 0: empty */
	unsigned char ip[16];
	unsigned char bytes, name_n;
	char name[LZ_DNS_NAME];
};

struct lz_hosts {
	struct entry *set[SETS]; /* WAYS each, made when first needed */
};

struct lz_hosts *lz_hosts_new(struct lz_err *err)
{
	struct lz_hosts *h = lz_alloc(sizeof(*h));

	if (!h)
		lz_fail(err, LZ_E_NOMEM, "out of memory");
	return h;
}

void lz_hosts_free(struct lz_hosts *h)
{
	for (size_t i = 0; h && i < SETS; i++)
		lz_free(h->set[i]);
	lz_free(h);
}

static size_t set_of(const unsigned char *ip, unsigned bytes)
{
	return lz_hash(lz_span(ip, bytes)) & (SETS - 1);
}

static bool is_of(const struct entry *e, const unsigned char *ip, unsigned bytes)
{
	return e->time_ns && e->bytes == bytes && !memcmp(e->ip, ip, bytes);
}

void lz_hosts_add(struct lz_hosts *h, const unsigned char *ip, unsigned bytes, struct lz_span name,
		  uint64_t now_ns)
{
	struct entry **set = &h->set[set_of(ip, bytes)], *best;
	const uint64_t when_ns = now_ns ? now_ns : 1;

	if (!name.n || name.n > LZ_DNS_NAME)
		return;
	if (!*set)
		*set = lz_alloc(WAYS * sizeof(**set));
	if (!*set)
		return;
	best = *set;
	for (struct entry *e = *set; e < *set + WAYS; e++) {
		if (is_of(e, ip, bytes) && lz_span_eq(lz_span(e->name, e->name_n), name)) {
			e->time_ns = when_ns;
			return;
		}
		if (e->time_ns < best->time_ns)
			best = e;
	}
	best->time_ns = when_ns;
	best->bytes = (unsigned char)bytes;
	memcpy(best->ip, ip, bytes);
	best->name_n = (unsigned char)name.n;
	memcpy(best->name, name.p, name.n);
}

size_t lz_hosts_names(const struct lz_hosts *h, const unsigned char *ip, unsigned bytes,
		      struct lz_span ret[LZ_HOST_NAMES])
{
	const struct entry *set = h->set[set_of(ip, bytes)], *found[WAYS];
	size_t n = 0;

	for (const struct entry *e = set; e && e < set + WAYS; e++) {
		size_t at = n;
		if (!is_of(e, ip, bytes))
			continue;
		for (; at && found[at - 1]->time_ns < e->time_ns; at--)
			found[at] = found[at - 1];
		found[at] = e;
		n++;
	}
	for (size_t i = 0; i < n; i++)
		ret[i] = lz_span(found[i]->name, found[i]->name_n);
	return n;
}

void lz_hosts_learn(struct lz_hosts *h, struct lz_span message, uint64_t now_ns)
{
	struct lz_dns d;

	if (!lz_dns_read(message, &d) || !d.answer)
		return;
	for (size_t i = 0; i < d.addresses; i++)
		lz_hosts_add(h, d.address[i].ip, d.address[i].bytes, lz_span(d.name, d.name_n),
			     now_ns);
}
