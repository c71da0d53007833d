/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream socket on which somebody of this machine listens. He may come later, go and come back:
 * a record is written whole to one connection, or from its beginning to the next. What he had not
 * read when he went is gone, as a stream says nothing of that.
 */
#include "output.h"

#include "../base/alloc.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct stream {
	struct sockaddr_un to;
	int fd;
};

static int open_it(struct lz_output *o, struct lz_span rest, struct lz_err *err)
{
	struct lz_span path, options;
	struct stream *s;

	lz_span_cut(rest, ',', &path, &options);
	if (lz_output_options(o, options, NULL, 0, err))
		return LZ_E_USAGE;
	s = lz_alloc(sizeof(*s));
	if (!s)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	o->state = s;
	s->fd = -1;
	s->to.sun_family = AF_UNIX;
	return lz_output_path(o, path, s->to.sun_path, sizeof(s->to.sun_path), err);
}

/* A reader that went is noticed before something is written into the void. */
static bool gone(const struct stream *s)
{
	struct pollfd p = {.fd = s->fd, .events = POLLRDHUP};

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

static int whole(struct lz_output *o, struct stream *s, const char *p, size_t n, struct lz_err *err)
{
	while (n) {
		ssize_t r = send(s->fd, p, n, MSG_NOSIGNAL);
		if (r < 0 && errno == EAGAIN) {
			if (lz_output_wait(o, s->fd, err))
				return LZ_E_CANCELLED;
		} else if (r < 0 && errno != EINTR) {
			return lz_fail_errno(err, "%s", s->to.sun_path);
		} else if (r > 0) {
			p += r;
			n -= (size_t)r;
		}
	}
	return 0;
}

static int write_it(struct lz_output *o, const struct lz_batch *b, size_t *ret_done,
		    struct lz_err *err)
{
	struct stream *s = o->state;
	const char *p = b->p;
	int code = 0;

	for (; *ret_done < b->count && !code; p += b->lens[(*ret_done)++]) {
		if (s->fd >= 0 && gone(s))
			lz_output_hang_up(&s->fd);
		code = lz_output_connect(&s->fd, SOCK_STREAM, &s->to, err);
		if (!code)
			code = whole(o, s, p, b->lens[*ret_done], err);
		if (code) {
			lz_output_hang_up(&s->fd);
			break;
		}
	}
	return code;
}

static void reopen(struct lz_output *o)
{
	struct stream *s = o->state;

	lz_output_hang_up(&s->fd);
}

static void close_it(struct lz_output *o)
{
	reopen(o);
	lz_free(o->state);
	o->state = NULL;
}

const struct lz_output_kind lz_output_unix = {
	.json = true,
	.open = open_it,
	.write = write_it,
	.reopen = reopen,
	.close = close_it,
};
