/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside rules/ only: the commonest checks in a form that is small (a few dozen bytes, so that many
 * lie in the nearest cache) and asked without a call: one field, one value, one constant or a set.
 * Whatever is not of that form is LZ_QUICK_NONE and takes the long way.
 */
#include "../base/span.h"

struct lz_graph;

enum lz_quick_form {
	LZ_QUICK_NONE,
	LZ_QUICK_EXISTS,
	LZ_QUICK_NUMBER, /* = */
	LZ_QUICK_LEAST,	 /* >=, signed */
	LZ_QUICK_MOST,	 /* <=, signed */
	LZ_QUICK_EQUAL,
	LZ_QUICK_STARTS,
	LZ_QUICK_ENDS,
	LZ_QUICK_CONTAINS, /* its answer is worth remembering: asked through its node */
	LZ_QUICK_SET,	   /* one of several texts */
};

struct lz_quick {
	uint8_t form;
	bool no;    /* the answer is turned round, where there is a value */
	char probe; /* the constant's last byte (LZ_QUICK_ENDS: first), which most others lack */
	uint32_t term;
	uint32_t n; /* the constant's bytes; of a set: mask of the filter's bits */
	uint32_t check;
	union {
		const char *text;
		int64_t num;
		const uint64_t *filter; /* of a set: a bit for each that may be in it */
	};
};

/* What a node number stands for, for whoever asks often: a quick check, or the node. */
#define LZ_REF_CHECK 0x80000000U

/* A number from a few of a text's bytes and its length: for filters, nothing hostile must rely on
 * it. */
static inline uint32_t lz_quick_mix(struct lz_span s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	uint32_t h;

	if (!s.n)
		return 0;
	h = (uint32_t)s.n | (uint32_t)p[0] << 8 | (uint32_t)p[s.n / 2] << 16 |
	    (uint32_t)p[s.n - 1] << 24;
	h *= 0x9e3779b1U;
	return h ^ h >> 15;
}

/* Of one value. A set's answer may be a false yes. */
static inline bool lz_quick_text(const struct lz_quick *q, struct lz_span v)
{
	switch ((enum lz_quick_form)q->form) {
	case LZ_QUICK_EQUAL:
		return v.n == q->n &&
		       (!v.n || (v.p[v.n - 1] == q->probe && !memcmp(v.p, q->text, v.n)));
	case LZ_QUICK_STARTS:
		return v.n >= q->n &&
		       (!q->n || (v.p[q->n - 1] == q->probe && !memcmp(v.p, q->text, q->n)));
	case LZ_QUICK_ENDS:
		return v.n >= q->n && (!q->n || (v.p[v.n - q->n] == q->probe &&
						 !memcmp(v.p + (v.n - q->n), q->text, q->n)));
	case LZ_QUICK_CONTAINS:
		return lz_span_search(v, lz_span(q->text, q->n)) >= 0;
	case LZ_QUICK_SET: {
		uint32_t h = lz_quick_mix(v) & q->n;
		return q->filter[h / 64] >> h % 64 & 1;
	}
	case LZ_QUICK_NONE:
	case LZ_QUICK_EXISTS:
	case LZ_QUICK_NUMBER:
	case LZ_QUICK_LEAST:
	case LZ_QUICK_MOST:
		break;
	}
	return true;
}

/* Once, when the graph is complete: fills g->quick (by check) and g->refs (beside children). */
int lz_quick_make(struct lz_graph *g);
/* The ref of a node. */
uint32_t lz_quick_ref(const struct lz_graph *g, uint32_t node);
