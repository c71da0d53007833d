/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files on disk, given to a confined child as one tar stream through a pipe: the child can't open
 * anything, and it need not know whether its entries come from an image or from a disk.
 */
#include "gather.h"

#include "../base/clean.h"
#include "../base/clock.h"
#include "../base/io.h"
#include "../format/tar.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#define PIPE_BYTES (256 * 1024)

static void flush(struct lz_feed_pipe *p)
{
	if (!p->code && p->buf.code)
		p->code = p->buf.code;
	if (!p->code && p->buf.n)
		p->code = lz_write_full(p->fd, p->buf.p, p->buf.n, NULL);
	lz_buf_clear(&p->buf);
}

static void room(struct lz_feed_pipe *p, size_t n)
{
	if (p->buf.max - p->buf.n < n)
		flush(p);
}

static void changed(struct lz_feed_pipe *p, struct lz_span name, const struct lz_err *why)
{
	if (lz_bundle_problem(p->bundle, why, name, NULL))
		p->code = LZ_E_NOMEM;
}

/* The header has promised `size` bytes: exactly as many must follow, whatever the file does
 * meanwhile. */
static void copy(struct lz_feed_pipe *p, struct lz_span name, int fd, uint64_t size)
{
	uint64_t left = size;
	struct lz_err why;

	while (left && !p->code) {
		size_t want = left < 65536 ? (size_t)left : 65536, got = 0;
		int r;

		room(p, want);
		if (lz_buf_reserve(&p->buf, want))
			break;
		r = lz_read_full(fd, p->buf.p + p->buf.n, want, &got, &why);
		if (r || got < want) {
			if (!r)
				lz_fail(&why, LZ_E_IO, "became shorter while it was read");
			changed(p, name, &why);
			memset(p->buf.p + p->buf.n + (r ? 0 : got), 0, want - (r ? 0 : got));
		}
		p->buf.n += want;
		left -= want;
	}
	room(p, 512);
	lz_buf_zero(&p->buf, (size_t)(-size & 511));
}

void lz_feed_file(struct lz_feed_pipe *p, struct lz_span name, int fd, uint64_t size)
{
	if (p->code)
		return;
	if (lz_cancelled()) {
		p->code = LZ_E_CANCELLED;
		return;
	}
	room(p, 8192 + 2 * name.n);
	lz_tar_put_header(&p->buf, LZ_TAR_FILE, name, (struct lz_span){"", 0}, size);
	copy(p, name, fd, size);
	lz_progress_add(p->gather->progress, size);
}

struct feeding {
	struct lz_feed_pipe pipe;
	void (*feed)(struct lz_feed_pipe *p, void *arg);
	void *arg;
};

static void *feeder(void *arg)
{
	struct feeding *f = arg;

	f->feed(&f->pipe, f->arg);
	room(&f->pipe, 1024);
	lz_buf_zero(&f->pipe.buf, 1024);
	flush(&f->pipe);
	close(f->pipe.fd);
	return NULL;
}

/* The feeding thread reports problems while the receiving one takes images and problems of the
 * child: each writes to a bundle of its own, joined at the end. */
static int join_problems(struct lz_bundle *into, struct lz_bundle *from, struct lz_err *err)
{
	LZ_VEC_EACH (struct lz_problem, p, &from->problems) {
		struct lz_problem *copy_ = lz_vec_push(&into->problems);
		if (!copy_)
			break;
		*copy_ = *p;
		copy_->path = lz_arena_dup(&into->arena, p->path);
		copy_->text = lz_arena_dup(&into->arena, p->text);
	}
	return into->arena.code ? lz_fail(err, into->arena.code, "out of memory") : 0;
}

static int start(struct lz_bundle *b, const char *role, struct lz_span request, int *ret_write,
		 struct lz_child **ret, struct lz_err *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return lz_fail_errno(err, "pipe");
	fcntl(fds[1], F_SETPIPE_SZ, 1 << 20); /* fewer switches; refused beyond a quota, no harm */
	*ret = lz_child_start(role, fds[0], &b->limits, request, err);
	close(fds[0]);
	if (!*ret) {
		close(fds[1]);
		return err ? err->code : LZ_E_NOMEM;
	}
	*ret_write = fds[1];
	return 0;
}

int lz_feed_child(struct lz_gather *g, struct lz_bundle *b, const char *role,
		  struct lz_span request, void (*feed)(struct lz_feed_pipe *p, void *arg),
		  void *arg, struct lz_blob *blob, struct lz_err *err)
{
	struct feeding f = {.feed = feed, .arg = arg};
	struct lz_bundle aside;
	struct lz_child_usage usage;
	struct lz_child *c;
	pthread_t thread;
	int r;

	r = start(b, role, request, &f.pipe.fd, &c, err);
	if (r)
		return r;
	lz_bundle_init(&aside, &b->limits);
	lz_buf_init(&f.pipe.buf, PIPE_BYTES);
	f.pipe.bundle = &aside;
	f.pipe.gather = g;
	if (pthread_create(&thread, NULL, feeder, &f)) {
		close(f.pipe.fd);
		lz_child_free(c);
		lz_bundle_done(&aside);
		return lz_fail(err, LZ_E_NOMEM, "could not start a thread");
	}
	r = lz_receive(g, b, c, blob, err);
	usage = lz_child_usage(c);
	lz_child_free(c); /* closes the pipe's other end: a stuck feeder gets EPIPE */
	pthread_join(thread, NULL);
	b->cpu_ms += usage.cpu_ms;
	b->max_rss_bytes = usage.max_rss_bytes;
	if (join_problems(b, &aside, r ? NULL : err) && !r)
		r = LZ_E_NOMEM;
	if (!r && f.pipe.code)
		r = lz_fail(err, f.pipe.code, "could not hand the files to the parser: %s",
			    lz_code_text(f.pipe.code));
	lz_buf_done(&f.pipe.buf);
	lz_bundle_done(&aside);
	return r;
}
