/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sources at the bottom of a stack of readers: a descriptor read in order, a window of a
 * seekable file, memory. Chunks are 128 KiB: large enough that system calls don't count, small
 * enough to stay in the L2 cache between the reader that fills them and the one that looks at them.
 */
#include "reader.h"

#include "../base/alloc.h"
#include "../base/io.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

#define CHUNK	(128 * 1024)
#define BUFFERS 7   /* so that a stage may be a few chunks behind without copying */
#define LOOK_MS 100 /* how soon a silent pipe is left */

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

/* --- descriptors --- */

struct fd_reader {
	struct lz_reader r;
	int fd;
	bool seekable, ended;
	bool stop; /* set by another thread */
	struct lz_err failed;
	uint64_t base; /* of the window */
	uint64_t left;
	unsigned at;
	char chunk[BUFFERS][CHUNK];
};

static struct fd_reader *fd_of(struct lz_reader *r)
{
	return (struct fd_reader *)(void *)r;
}

/* Fills a chunk from a descriptor that may keep silent. Data is waited for in short turns, so that
 * a thread that sits here can be told to go. */
static int read_waiting(struct fd_reader *f, char *chunk, size_t want, size_t *got,
			struct lz_err *err)
{
	struct pollfd p = {.fd = f->fd, .events = POLLIN};

	while (*got < want) {
		size_t n = 0;
		int code;

		if (__atomic_load_n(&f->stop, __ATOMIC_RELAXED))
			return lz_fail(err, LZ_E_CANCELLED, "stopped");
		code = poll(&p, 1, LOOK_MS);
		if (code == 0 || (code < 0 && errno == EINTR))
			continue;
		code = lz_read_some(f->fd, chunk + *got, want - *got, &n, err);
		if (code)
			return code;
		if (!n) {
			f->ended = true;
			break;
		}
		*got += n;
	}
	return 0;
}

static int read_window(struct fd_reader *f, char *chunk, size_t want, size_t *got,
		       struct lz_err *err)
{
	uint64_t at = f->base + f->r.offset;
	int code;

	if (__atomic_load_n(&f->stop, __ATOMIC_RELAXED))
		return lz_fail(err, LZ_E_CANCELLED, "stopped");
	code = lz_pread_full(f->fd, chunk, want, at, got, err);
	if (code || *got == want)
		return code;
	return lz_fail(err, LZ_E_FORMAT, "ends early: byte %llu of %llu is not there",
		       (unsigned long long)(f->r.offset + *got),
		       (unsigned long long)(f->r.offset + f->left));
}

static int fd_next(struct lz_reader *r, struct lz_span *ret, struct lz_err *err)
{
	struct fd_reader *f = fd_of(r);
	size_t want = f->left < CHUNK ? (size_t)f->left : CHUNK, got = 0;
	char *chunk = f->chunk[f->at];

	if (!f->failed.code && want && !f->ended)
		f->failed.code = f->seekable ? read_window(f, chunk, want, &got, &f->failed)
					     : read_waiting(f, chunk, want, &got, &f->failed);
	if (f->failed.code) {
		if (err)
			*err = f->failed;
		return f->failed.code;
	}
	if (!got)
		return 0;
	if (f->left != UINT64_MAX)
		f->left -= got;
	__atomic_store_n(&r->offset, r->offset + got, __ATOMIC_RELAXED);
	f->at = (f->at + 1) % BUFFERS;
	*ret = lz_span(chunk, got);
	return 1;
}

/* The last byte of a window is never skipped but read, which tells whether the file has it. */
static int fd_skip(struct lz_reader *r, uint64_t n, uint64_t *ret_n, struct lz_err *err)
{
	struct fd_reader *f = fd_of(r);

	(void)err;
	*ret_n = 0;
	if (f->failed.code || !f->left)
		return 0;
	*ret_n = n < f->left ? n : f->left - 1;
	f->left -= *ret_n;
	__atomic_store_n(&r->offset, r->offset + *ret_n, __ATOMIC_RELAXED);
	return 0;
}

static void fd_stop(struct lz_reader *r)
{
	__atomic_store_n(&fd_of(r)->stop, true, __ATOMIC_RELAXED);
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
				  .stop = fd_stop,
				  .close = plain_close,
				  .keeps = BUFFERS - 1};
	f->ended = false;
	f->stop = false;
	f->failed.code = 0;
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

/* --- memory --- */

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
	m->r = (struct lz_reader){
		.next = mem_next, .skip = mem_skip, .close = plain_close, .keeps = UINT_MAX};
	m->left = bytes;
	m->chunk = chunk_bytes ? chunk_bytes : SIZE_MAX;
	return &m->r;
}
