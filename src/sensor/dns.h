/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* DNS messages as they pass on the wire (RFC 1035). Hostile, and cut at 512 bytes. */
#include "../base/span.h"

#include <stdint.h>

#define LZ_DNS_NAME	 255
#define LZ_DNS_ADDRESSES 16

struct lz_dns {
	bool answer;	   /* else a question */
	uint16_t id, type; /* of the first question: 1 A, 28 AAAA, 16 TXT … */
	uint16_t code;	   /* of an answer: 0 good, 3 no such name */
	uint16_t answers;
	char name[LZ_DNS_NAME + 1]; /* that is asked for, lower case, without the last dot */
	size_t name_n;
	struct {
		unsigned char ip[16];
		unsigned bytes; /* 4 or 16 */
	} address[LZ_DNS_ADDRESSES];
	size_t addresses;
};

/* false: it is none, or breaks within its first question. Answers are read as far as they go. */
bool lz_dns_read(struct lz_span message, struct lz_dns *ret);
const char *lz_dns_type_name(uint16_t type); /* "A"; NULL: none of the usual */
