/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring as the kernel lays it out:
 *
 *	page 0    how far we have read, ours to write
 *	page 1    how far it has written
 *	page 2…   the bytes, mapped twice in a row so that a record never breaks
 *
 * Each record: 4 bytes length with two flags on top, 4 bytes of the kernel's own, the bytes, padded
 * to 8. A record whose BUSY flag stands is still being written; what lies behind it waits.
 */
#include "ring.h"

#include "../base/alloc.h"
#include "bpf/event.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#define HEADER 8

struct ring {
	unsigned long *consumer;
	const unsigned long *producer;
	const char *bytes;
	size_t size;
	unsigned long at;	/* read so far, not yet told to the kernel */
	struct lz_span head;	/* the record at the front, when known */
	uint64_t time_ns;	/* of it */
	unsigned long head_end; /* where the next begins */
};

struct lz_rings {
	struct ring *ring;
	size_t count;
	int epoll;
	size_t page;
	struct ring *last; /* whose record the caller holds */
};

static int map_ring(struct lz_rings *r, int fd, struct ring *x, struct lz_err *err)
{
	struct bpf_map_info info = {0};
	__u32 length = sizeof(info);
	struct epoll_event e = {.events = EPOLLIN};
	void *p;

	if (bpf_obj_get_info_by_fd(fd, &info, &length))
		return lz_fail_errno(err, "ring");
	x->size = info.max_entries;
	p = mmap(NULL, r->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return lz_fail_errno(err, "mapping a ring");
	x->consumer = p;
	p = mmap(NULL, r->page + 2 * x->size, PROT_READ, MAP_SHARED, fd, (off_t)r->page);
	if (p == MAP_FAILED)
		return lz_fail_errno(err, "mapping a ring of %zu bytes", x->size);
	x->producer = p;
	x->bytes = (const char *)p + r->page;
	x->at = __atomic_load_n(x->consumer, __ATOMIC_ACQUIRE);
	if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &e))
		return lz_fail_errno(err, "waiting for a ring");
	return 0;
}

struct lz_rings *lz_rings_open(const int *fds, size_t count, struct lz_err *err)
{
	struct lz_rings *r = lz_alloc(sizeof(*r));

	if (r)
		r->ring = lz_alloc(count * sizeof(*r->ring));
	if (!r || !r->ring) {
		lz_free(r);
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	r->count = count;
	r->page = (size_t)sysconf(_SC_PAGESIZE);
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; i < count; i++)
		if (map_ring(r, fds[i], &r->ring[i], err)) {
			lz_rings_close(r);
			return NULL;
		}
	return r;
}

void lz_rings_close(struct lz_rings *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++) {
		struct ring *x = &r->ring[i];
		if (x->consumer)
			munmap(x->consumer, r->page);
		if (x->producer)
			munmap((void *)(uintptr_t)x->producer, r->page + 2 * x->size);
	}
	if (r->epoll >= 0)
		close(r->epoll);
	lz_free(r->ring);
	lz_free(r);
}

/* The next record of one ring, if there is a whole one. */
static bool peek(struct ring *x)
{
	while (!x->head.p) {
		unsigned long end = __atomic_load_n(x->producer, __ATOMIC_ACQUIRE);
		const char *p = x->bytes + (x->at & (x->size - 1));
		struct lz_ev head;
		uint32_t length;
		if (x->at >= end)
			return false;
		length = __atomic_load_n((const uint32_t *)(const void *)p, __ATOMIC_ACQUIRE);
		if (length & BPF_RINGBUF_BUSY_BIT)
			return false;
		x->head_end = x->at + ((((length & ~BPF_RINGBUF_DISCARD_BIT) + 7) & ~7U) + HEADER);
		if (length & BPF_RINGBUF_DISCARD_BIT || length < sizeof(head)) {
			x->at = x->head_end;
			continue;
		}
		memcpy(&head, p + HEADER, sizeof(head));
		x->time_ns = head.time_ns;
		x->head = lz_span(p + HEADER, length);
	}
	return true;
}

int lz_rings_next(struct lz_rings *r, struct lz_span *ret)
{
	struct ring *best = NULL;

	if (r->last) {
		r->last->at = r->last->head_end;
		r->last->head = lz_span(NULL, 0);
		/* In steps: each release makes the kernel's side fetch the line anew. */
		if (r->last->at - *r->last->consumer > r->last->size / 16)
			__atomic_store_n(r->last->consumer, r->last->at, __ATOMIC_RELEASE);
		r->last = NULL;
	}
	for (size_t i = 0; i < r->count; i++)
		if (peek(&r->ring[i]) && (!best || r->ring[i].time_ns < best->time_ns))
			best = &r->ring[i];
	if (!best)
		return 0;
	r->last = best;
	*ret = best->head;
	return 1;
}

void lz_rings_release(struct lz_rings *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (*r->ring[i].consumer != r->ring[i].at)
			__atomic_store_n(r->ring[i].consumer, r->ring[i].at, __ATOMIC_RELEASE);
}

void lz_rings_wait(struct lz_rings *r, int timeout_ms)
{
	struct epoll_event e[8];

	(void)epoll_wait(r->epoll, e, 8, timeout_ms);
}

int lz_rings_fd(const struct lz_rings *r)
{
	return r->epoll;
}

size_t lz_rings_held(const struct lz_rings *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		n += __atomic_load_n(r->ring[i].producer, __ATOMIC_ACQUIRE) - r->ring[i].at;
	return n;
}

size_t lz_rings_size(const struct lz_rings *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		n += r->ring[i].size;
	return n;
}
