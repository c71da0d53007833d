/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Records as the kernel programs write them, put together by hand. */
#include "sensor/record.h"

#include "test.h"

struct made {
	char bytes[2 * LZ_EV_MAX];
	size_t n;
};

static inline struct lz_ev *head_of(struct made *m)
{
	return (struct lz_ev *)(void *)m->bytes;
}

static inline struct lz_span made_span(struct made *m)
{
	head_of(m)->size = (uint32_t)m->n;
	return lz_span(m->bytes, m->n);
}

/* A head: what a process of this number, begun at that time, did. */
static inline struct lz_ev *make(struct made *m, unsigned kind, uint32_t pid, uint64_t start_ns)
{
	struct lz_ev *h = head_of(m);

	m->n = sizeof(*h);
	memset(h, 0, sizeof(*h));
	h->kind = (uint16_t)kind;
	h->pid = h->tid = pid;
	h->start_ns = start_ns;
	h->time_ns = start_ns + 1000;
	h->loginuid = (uint32_t)-1;
	return h;
}

static inline void part(struct made *m, unsigned id, const void *p, size_t n)
{
	struct lz_ev_part head = {(uint16_t)id, (uint16_t)n};

	assert_true(m->n + sizeof(head) + n <= sizeof(m->bytes));
	memcpy(m->bytes + m->n, &head, sizeof(head));
	if (n)
		memcpy(m->bytes + m->n + sizeof(head), p, n);
	m->n += sizeof(head) + n;
	head_of(m)->size = (uint32_t)m->n;
}

static inline void number(struct made *m, unsigned id, uint64_t v)
{
	part(m, id, &v, sizeof(v));
}

static inline void text(struct made *m, unsigned id, const char *s)
{
	part(m, id, s, strlen(s) + 1);
}

/* "/etc/shadow" as names from the last to the first; without a slash at the front it is one name
 * that lies nowhere. */
static inline void path(struct made *m, unsigned id, unsigned flags, const char *s)
{
	char out[8192];
	size_t n = 1, end = strlen(s);

	out[0] = (char)flags;
	while (end) {
		size_t from = end;
		while (from && s[from - 1] != '/')
			from--;
		if (end > from) {
			out[n++] = (char)(end - from);
			memcpy(out + n, s + from, end - from);
			n += end - from;
		}
		end = from ? from - 1 : 0;
	}
	part(m, id, out, n);
}

static inline struct lz_record read_made(struct made *m)
{
	struct lz_record r;
	struct lz_err err;

	assert_ok(lz_record_read(made_span(m), &r, &err), err);
	return r;
}
