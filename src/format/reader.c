/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sources at the bottom of a stack of readers: a descriptor read in order, a window of a
 * seekable file, memory. Chunks are 128 KiB: large enough that system calls don't count, small
 * enough to stay in the L2 cache between the reader that fills them and the one that looks at them.
 */
#include "reader.h"

#include "../base/alloc.h"
#include "../base/io.h"

#define CHUNK	(128 * 1024)
#define BUFFERS 7 /* so that a stage may be a few chunks behind without copying */

void lz_reader_close(struct lz_reader *r)
{
	if (r)
		r->close(r);
}

int lz_reader_drain(struct lz_reader *r, struct lz_err *err)
{
	struct lz_span chunk;
	int code;

	while ((code = lz_reader_next(r, &chunk, err)) > 0)
		;
	return code;
}

/* --- descriptors
 * --------------------------------------------------------------------------------------- */

struct fd_reader {
	struct lz_reader r;
	int fd;
	bool seekable;
	uint64_t base; /* of the window */
	uint64_t left;
	unsigned at;
	char chunk[BUFFERS][CHUNK];
};

static struct fd_reader *fd_of(struct lz_reader *r)
{
	return (struct fd_reader *)(void *)r;
}

static int fd_next(struct lz_reader *r, struct lz_span *ret, struct lz_err *err)
{
	struct fd_reader *f = fd_of(r);
	size_t want = f->left < CHUNK ? (size_t)f->left : CHUNK, got = 0;
	int code;

	char *chunk = f->chunk[f->at];

	if (!want)
		return 0;
	code = f->seekable ? lz_pread_full(f->fd, chunk, want, f->base + r->offset, &got, err)
			   : lz_read_full(f->fd, chunk, want, &got, err);
	if (code)
		return code;
	if (!got && f->seekable)
		return lz_fail(err, LZ_E_FORMAT, "ends early at byte %llu",
			       (unsigned long long)(f->base + r->offset));
	if (!got) {
		f->left = 0;
		return 0;
	}
	if (f->left != UINT64_MAX)
		f->left -= got;
	__atomic_store_n(&r->offset, r->offset + got, __ATOMIC_RELAXED);
	f->at = (f->at + 1) % BUFFERS;
	*ret = lz_span(chunk, got);
	return 1;
}

static int fd_skip(struct lz_reader *r, uint64_t n, uint64_t *ret_n, struct lz_err *err)
{
	struct fd_reader *f = fd_of(r);

	(void)err;
	if (n > f->left)
		n = f->left;
	f->left -= n;
	r->offset += n;
	*ret_n = n;
	return 0;
}

static void plain_close(struct lz_reader *r)
{
	lz_free(r);
}

static struct lz_reader *fd_new(int fd, bool seekable, uint64_t offset, uint64_t length,
				struct lz_err *err)
{
	struct fd_reader *f = lz_realloc(NULL, sizeof(*f));

	if (!f) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	f->r = (struct lz_reader){.next = fd_next,
				  .skip = seekable ? fd_skip : NULL,
				  .close = plain_close,
				  .keeps = BUFFERS - 1};
	f->at = 0;
	f->fd = fd;
	f->seekable = seekable;
	f->base = offset;
	f->left = length;
	return &f->r;
}

struct lz_reader *lz_reader_fd(int fd, uint64_t length, struct lz_err *err)
{
	return fd_new(fd, false, 0, length, err);
}

struct lz_reader *lz_reader_pread(int fd, uint64_t offset, uint64_t length, struct lz_err *err)
{
	if (length > UINT64_MAX / 4 || offset > UINT64_MAX / 4) {
		lz_fail(err, LZ_E_BUG, "window without an end");
		return NULL;
	}
	return fd_new(fd, true, offset, length, err);
}

/* --- memory
 * --------------------------------------------------------------------------------------------------
 */

struct mem_reader {
	struct lz_reader r;
	struct lz_span left;
	size_t chunk;
};

static int mem_next(struct lz_reader *r, struct lz_span *ret, struct lz_err *err)
{
	struct mem_reader *m = (struct mem_reader *)(void *)r;

	(void)err;
	if (!m->left.n)
		return 0;
	*ret = lz_span_head(m->left, m->chunk);
	m->left = lz_span_from(m->left, ret->n);
	r->offset += ret->n;
	return 1;
}

static int mem_skip(struct lz_reader *r, uint64_t n, uint64_t *ret_n, struct lz_err *err)
{
	struct mem_reader *m = (struct mem_reader *)(void *)r;

	(void)err;
	if (n > m->left.n)
		n = m->left.n;
	m->left = lz_span_from(m->left, (size_t)n);
	r->offset += n;
	*ret_n = n;
	return 0;
}

struct lz_reader *lz_reader_mem(struct lz_span bytes, size_t chunk_bytes, struct lz_err *err)
{
	struct mem_reader *m = lz_alloc(sizeof(*m));

	if (!m) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	m->r = (struct lz_reader){.next = mem_next, .skip = mem_skip, .close = plain_close};
	m->left = bytes;
	m->chunk = chunk_bytes ? chunk_bytes : SIZE_MAX;
	return &m->r;
}
