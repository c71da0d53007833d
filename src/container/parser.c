/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One confined child that lives long, because starting one per container would cost more than the
 * reading. It is renewed after a number of asks, so that neither its memory nor its processor time
 * adds up, and whenever it died, took too long or answered nonsense: then the container that did
 * it is told why, and the next one meets a new child.
 */
#include "parser.h"

#include "../base/clean.h"
#include "../base/clock.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

enum { SERVES_MAX = 2000 };

struct lz_file_id lz_file_id(const struct stat *st)
{
	return (struct lz_file_id){
		.dev = st->st_dev,
		.ino = st->st_ino,
		.size = (uint64_t)st->st_size,
		.mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
		.ctime_ns = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec};
}

void lz_parser_init(struct lz_parser *p, const struct lz_limits *limits, unsigned parse_ms)
{
	*p = (struct lz_parser){.limits = *limits, .parse_ms = parse_ms, .sock = -1};
	p->limits.record_bytes = 2 * LZ_CT_MEMORY_MAX;
	lz_buf_init(&p->out.buf, LZ_CT_ASK_BYTES);
}

static void drop(struct lz_parser *p)
{
	if (p->sock >= 0)
		close(p->sock);
	p->sock = -1;
	lz_child_free(p->child);
	p->child = NULL;
	p->served = 0;
	memset(p->kept, 0, sizeof(p->kept));
}

void lz_parser_done(struct lz_parser *p)
{
	drop(p);
	lz_buf_done(&p->out.buf);
}

/* A child ends when the thread that started it does: then it is no fault of what comes next. */
static bool alive(const struct lz_parser *p)
{
	struct pollfd f = {.fd = p->sock, .events = 0};

	return p->child && poll(&f, 1, 0) == 0;
}

int lz_parser_ready(struct lz_parser *p, struct lz_err *err)
{
	int pair[2];

	if (p->served < SERVES_MAX && alive(p))
		return 0;
	drop(p);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return lz_fail_errno(err, "socket pair for the parser");
	p->sock = pair[0];
	p->child = lz_child_start("container", pair[1], &p->limits, lz_span("\0\0", 2), err);
	close(pair[1]);
	if (!p->child) {
		drop(p);
		return err ? err->code : LZ_E_IO;
	}
	p->starts++;
	return 0;
}

static int send_all(struct lz_parser *p, struct lz_span s, uint64_t until, struct lz_err *err)
{
	struct pollfd f = {.fd = p->sock, .events = POLLOUT};

	while (s.n) {
		ssize_t n = send(p->sock, s.p, s.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		uint64_t now = lz_now_ms();
		if (n > 0) {
			s = lz_span_from(s, (size_t)n);
			continue;
		}
		if (n < 0 && errno == EPIPE)
			return 0; /* it has died; asking for its answer says how */
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return lz_fail_errno(err, "write to the confined parser");
		if (now >= until)
			return lz_fail(err, LZ_E_LIMIT, "the confined parser did not read in time");
		poll(&f, 1, (int)(until - now));
	}
	return 0;
}

/* The finished record in p->out goes out; its answer comes in. */
static int exchange(struct lz_parser *p, struct lz_rec *ret, struct lz_err *err)
{
	uint64_t until = lz_now_ms() + p->parse_ms;
	struct lz_buf *b = &p->out.buf;
	int r;

	if (b->code)
		return lz_fail(err, b->code, "ask of the parser: %s", lz_code_text(b->code));
	for (int i = 0; i < 4; i++)
		b->p[i] = (char)((b->n - 4) >> (8 * i));
	r = send_all(p, lz_buf_view(b), until, err);
	if (!r)
		r = lz_child_next_by(p->child, until, ret, err);
	if (r < 0)
		return r;
	if (r == 0)
		return lz_fail(err, LZ_E_CRASH, "the confined parser ended without an answer");
	p->served++;
	if (ret->type == LZ_REC_ERROR) {
		r = (int)(int64_t)lz_rec_u64(ret);
		return lz_fail(err, r < 0 && r > LZ_E_BUG ? r : LZ_E_FORMAT, "%.*s",
			       LZ_FMT(lz_rec_span(ret, 480)));
	}
	return 0;
}

static void begin(struct lz_parser *p)
{
	lz_buf_clear(&p->out.buf);
	p->out.start = 0;
}

/* A large ask's buffer is not kept for small ones. */
static void end(struct lz_parser *p, bool failed)
{
	if (p->out.buf.cap > LZ_M)
		lz_buf_done(&p->out.buf);
	if (failed)
		drop(p);
}

struct lz_container *lz_parser_read(struct lz_parser *p, const struct lz_meta_ask *ask,
				    struct lz_err *err)
{
	struct lz_container *c = NULL;
	struct lz_rec rec;

	if (lz_parser_ready(p, err))
		return NULL;
	begin(p);
	lz_ct_put_ask(&p->out, ask);
	if (!exchange(p, &rec, err)) {
		if (rec.type == LZ_CT_ANSWER)
			c = lz_ct_take_answer(&rec, &ask->ref, err);
		else
			lz_fail(err, LZ_E_FORMAT, "the parser answers what it was not asked");
	}
	end(p, !c);
	return c;
}

int lz_parser_event(struct lz_parser *p, struct lz_span line, struct lz_event_text *ret,
		    struct lz_err *err)
{
	struct lz_rec rec;
	int r = lz_parser_ready(p, err);

	if (r)
		return r;
	begin(p);
	lz_rec_begin(&p->out, LZ_CT_ASK_EVENT);
	lz_rec_put_span(&p->out, line);
	r = exchange(p, &rec, err);
	if (!r &&
	    (rec.type != LZ_CT_ANSWER_EVENT ||
	     !lz_span_cstr(lz_rec_span(&rec, 64), ret->action, sizeof(ret->action)) ||
	     !lz_span_cstr(lz_rec_span(&rec, LZ_CONTAINER_ID_MAX), ret->id, sizeof(ret->id)) ||
	     lz_rec_end(&rec, err)))
		r = lz_fail(err, LZ_E_FORMAT, "the parser's answer to an event is malformed");
	end(p, r != 0);
	return r;
}
