/* SPDX-License-Identifier: Apache-2.0 */
/* Standard output: a terminal, a pipe or a file that somebody else opened and may share. */
#include "output.h"

#include "../base/alloc.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

struct out {
	int fd;
	size_t part; /* bytes of the first record that are out already */
};

static int open_it(struct lz_output *o, struct lz_span rest, struct lz_err *err)
{
	struct out *s;

	if (lz_output_options(o, rest, NULL, 0, err))
		return LZ_E_USAGE;
	if (o->form == LZ_ALERT_LINES && o->o->colour)
		o->form = LZ_ALERT_COLOURED;
	s = lz_alloc(sizeof(*s));
	if (!s)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	s->fd = o->o->stdout_fd ? o->o->stdout_fd : STDOUT_FILENO;
	o->state = s;
	return 0;
}

/* A pipe that is ready has room for PIPE_BUF bytes at least: with no more at a time this never
 * blocks, so the thread can always be stopped, and nobody's descriptor is made non-blocking. */
static int some(struct lz_output *o, struct out *s, const char *p, size_t n, size_t *ret_n,
		struct lz_err *err)
{
	int code = lz_output_wait(o, s->fd, err);
	ssize_t r;

	if (code)
		return code;
	r = write(s->fd, p, n < PIPE_BUF ? n : PIPE_BUF);
	if (r < 0 && (errno == EINTR || errno == EAGAIN))
		r = 0;
	if (r < 0 && errno == EPIPE)
		return lz_fail(err, LZ_E_CANCELLED, "the reader of standard output has gone");
	if (r < 0)
		return lz_fail_errno(err, "standard output");
	*ret_n = (size_t)r;
	return 0;
}

static int write_it(struct lz_output *o, const struct lz_batch *b, size_t *ret_done,
		    struct lz_err *err)
{
	struct out *s = o->state;
	size_t at = s->part, all = 0, end = 0, n = 0;
	int code = 0;

	for (size_t i = 0; i < b->count; i++)
		all += b->lens[i];
	while (at < all && !code) {
		code = some(o, s, b->p + at, all - at, &n, err);
		at += code ? 0 : n;
	}
	while (*ret_done < b->count && end + b->lens[*ret_done] <= at)
		end += b->lens[(*ret_done)++];
	s->part = at - end;
	return code;
}

static void close_it(struct lz_output *o)
{
	lz_free(o->state);
	o->state = NULL;
}

const struct lz_output_kind lz_output_stdout = {
	.open = open_it,
	.write = write_it,
	.close = close_it,
};
