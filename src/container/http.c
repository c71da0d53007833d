/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least of HTTP that a runtime's Unix socket needs: GET, HTTP/1.0, one answer per connection.
 * A server that answers a 1.0 request in chunks breaks the protocol and is told so. Every wait ends
 * at the caller's moment.
 */
#include "places.h"

#include "../base/clean.h"
#include "../base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { HEAD_MAX = 16384 };

static int wait_for(int fd, short events, uint64_t until_ms, const char *path, struct lz_err *err)
{
	struct pollfd p = {.fd = fd, .events = events};

	for (;;) {
		uint64_t now = lz_now_ms();
		int r = now < until_ms ? poll(&p, 1, (int)(until_ms - now)) : 0;
		if (r > 0)
			return 0;
		if (r == 0)
			return lz_fail(err, LZ_E_LIMIT, "%s: no answer in time", path);
		if (errno != EINTR)
			return lz_fail_errno(err, "%s", path);
	}
}

static int dial(const char *path, struct lz_err *err)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	LZ_CLEAN(fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return lz_fail_errno(err, "socket");
	if (strlen(path) >= sizeof(at.sun_path))
		return lz_fail(err, LZ_E_USAGE, "%s: too long for a socket's path", path);
	memcpy(at.sun_path, path, strlen(path));
	/* A Unix socket connects at once or says EAGAIN: its queue is full. */
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return lz_fail_errno(err, "%s", path);
	return lz_take_fd(&fd);
}

/* Reads some more: 1, 0 at the end, < 0. */
static int more(int fd, const char *path, struct lz_buf *b, uint64_t until_ms, struct lz_err *err)
{
	ssize_t n;
	size_t room = b->max - b->n < 65536 ? b->max - b->n : 65536;
	int r = wait_for(fd, POLLIN, until_ms, path, err);

	if (r)
		return r;
	if (!room || lz_buf_reserve(b, room))
		return lz_fail(err, room ? b->code : LZ_E_LIMIT,
			       "%s: an answer of more than %zu bytes", path, b->max);
	n = recv(fd, b->p + b->n, room, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 1;
	if (n < 0)
		return lz_fail_errno(err, "%s", path);
	b->n += (size_t)n;
	b->p[b->n] = 0;
	return n > 0;
}

static int judge(struct lz_span head, const char *path, const char *target, struct lz_err *err)
{
	struct lz_span line, version, rest, code;
	uint64_t status;

	lz_span_line(&head, &line);
	if (!lz_span_starts(line, "HTTP/1.") || !lz_span_cut(line, ' ', &version, &rest))
		return lz_fail(err, LZ_E_FORMAT, "%s: does not speak HTTP", path);
	lz_span_cut(rest, ' ', &code, &rest);
	if (!lz_span_u64(code, 10, &status))
		return lz_fail(err, LZ_E_FORMAT, "%s: answers without a status", path);
	if (status != 200)
		return lz_fail(err, status == 404 ? LZ_E_NOTFOUND : LZ_E_IO,
			       "%s: answers %llu to %.100s", path, (unsigned long long)status,
			       target);
	while (lz_span_line(&head, &line))
		if (lz_span_cut(line, ':', &code, &rest) &&
		    lz_span_eq_nocase(code, LZ_SPAN("Transfer-Encoding")))
			return lz_fail(err, LZ_E_UNSUPPORTED,
				       "%s: answers HTTP/1.0 with a transfer encoding", path);
	return 0;
}

static int ask(int fd, const char *path, const char *target, uint64_t until_ms, struct lz_err *err)
{
	char text[700];
	int n = snprintf(text, sizeof(text),
			 "GET %s HTTP/1.0\r\nHost: runtime\r\nUser-Agent: lazaret\r\n\r\n", target);
	int r = wait_for(fd, POLLOUT, until_ms, path, err);

	if (r)
		return r;
	if (n < 0 || (size_t)n >= sizeof(text))
		return lz_fail(err, LZ_E_USAGE, "%s: too long a request", path);
	/* Less than any socket's buffer: it goes in one piece or not at all. */
	if (send(fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		return lz_fail_errno(err, "%s", path);
	return 0;
}

int lz_http_open(const char *socket_path, const char *target, uint64_t until_ms,
		 struct lz_buf *ret_body, struct lz_err *err)
{
	LZ_CLEAN(fd) int fd = dial(socket_path, err);
	struct lz_span head;
	ptrdiff_t end;
	int r;

	if (fd < 0)
		return fd;
	r = ask(fd, socket_path, target, until_ms, err);
	if (r)
		return r;
	while ((end = lz_span_search(lz_buf_view(ret_body), LZ_SPAN("\r\n\r\n"))) < 0) {
		if (ret_body->n > HEAD_MAX)
			return lz_fail(err, LZ_E_LIMIT, "%s: too long a head", socket_path);
		r = more(fd, socket_path, ret_body, until_ms, err);
		if (r <= 0)
			return r ? r
				 : lz_fail(err, LZ_E_FORMAT, "%s: ends inside its head",
					   socket_path);
	}
	head = lz_span_head(lz_buf_view(ret_body), (size_t)end + 2);
	r = judge(head, socket_path, target, err);
	if (r)
		return r;
	memmove(ret_body->p, ret_body->p + end + 4, ret_body->n - (size_t)end - 4);
	ret_body->n -= (size_t)end + 4;
	ret_body->p[ret_body->n] = 0;
	return lz_take_fd(&fd);
}

int lz_http_get(const char *socket_path, const char *target, uint64_t until_ms,
		struct lz_buf *ret_body, struct lz_err *err)
{
	LZ_CLEAN(fd) int fd = lz_http_open(socket_path, target, until_ms, ret_body, err);
	int r = fd;

	while (r >= 0 && (r = more(fd, socket_path, ret_body, until_ms, err)) > 0)
		;
	return r;
}
