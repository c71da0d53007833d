/* SPDX-License-Identifier: Apache-2.0 */
/*
 *	id 2 | flags 2 | questions 2 | answers 2 | authorities 2 | additional 2
 *	question: name, type 2, class 2        answer: name, type 2, class 2, TTL 4, length 2, data
 *
 * A name is labels behind their lengths; two bits on top of a length make it a pointer backwards.
 * Pointers are followed a bounded number of times and only backwards, so none can go round.
 */
#include "dns.h"

#include <ctype.h>

#define HEADER	 12
#define POINTERS 16

static unsigned u16(struct lz_span m, size_t at)
{
	return (unsigned)(unsigned char)m.p[at] << 8 | (unsigned char)m.p[at + 1];
}

static bool add_label(struct lz_span label, char *out, size_t *n)
{
	if (*n + label.n + (*n != 0) > LZ_DNS_NAME)
		return false;
	if (*n)
		out[(*n)++] = '.';
	for (size_t i = 0; i < label.n; i++)
		out[(*n)++] = (char)tolower((unsigned char)label.p[i]);
	return true;
}

/* The name at *at, which moves behind it. */
static bool read_name(struct lz_span m, size_t *at, char *out, size_t *ret_n)
{
	size_t n = 0, here = *at, behind = 0, jumps = 0;

	for (;;) {
		unsigned length;
		if (here >= m.n)
			return false;
		length = (unsigned char)m.p[here];
		if (length >= 0xc0) {
			size_t to;
			if (m.n - here < 2 || ++jumps > POINTERS)
				return false;
			to = u16(m, here) & 0x3fff;
			if (!behind)
				behind = here + 2;
			if (to >= here)
				return false;
			here = to;
			continue;
		}
		here++;
		if (!length)
			break;
		if (length > 63 || length > m.n - here ||
		    !add_label(lz_span(m.p + here, length), out, &n))
			return false;
		here += length;
	}
	out[n] = 0;
	*ret_n = n;
	*at = behind ? behind : here;
	return true;
}

static bool read_answer(struct lz_span m, size_t *at, struct lz_dns *d)
{
	char name[LZ_DNS_NAME + 1];
	size_t n, length;
	unsigned type;

	if (!read_name(m, at, name, &n) || m.n - *at < 10)
		return false;
	type = u16(m, *at);
	length = u16(m, *at + 8);
	*at += 10;
	if (length > m.n - *at)
		return false;
	if (((type == 1 && length == 4) || (type == 28 && length == 16)) &&
	    d->addresses < LZ_DNS_ADDRESSES) {
		memcpy(d->address[d->addresses].ip, m.p + *at, length);
		d->address[d->addresses++].bytes = (unsigned)length;
	}
	*at += length;
	return true;
}

bool lz_dns_read(struct lz_span m, struct lz_dns *d)
{
	size_t at = HEADER;

	memset(d, 0, sizeof(*d));
	if (m.n < HEADER || u16(m, 4) < 1)
		return false;
	d->id = (uint16_t)u16(m, 0);
	d->answer = u16(m, 2) >> 15;
	d->code = u16(m, 2) & 15;
	d->answers = (uint16_t)u16(m, 6);
	if (!read_name(m, &at, d->name, &d->name_n) || m.n - at < 4)
		return false;
	d->type = (uint16_t)u16(m, at);
	at += 4;
	if (u16(m, 4) > 1)
		return true; /* nobody asks two things at once */
	for (unsigned i = 0; d->answer && i < d->answers; i++)
		if (!read_answer(m, &at, d))
			break;
	return true;
}

const char *lz_dns_type_name(uint16_t type)
{
	static const struct {
		uint16_t type;
		const char *name;
	} names[] = {{1, "A"},	 {2, "NS"},	 {5, "CNAME"}, {6, "SOA"},    {12, "PTR"},
		     {15, "MX"}, {16, "TXT"},	 {28, "AAAA"}, {33, "SRV"},   {35, "NAPTR"},
		     {43, "DS"}, {48, "DNSKEY"}, {64, "SVCB"}, {65, "HTTPS"}, {255, "ANY"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == type)
			return names[i].name;
	return NULL;
}
