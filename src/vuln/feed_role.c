/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The feed role: reads one feed file, or one stream of gathered files, in a confined child, and
 * answers with records (feed_wire.c). A stage of its own reads and inflates while this one parses.
 */
#include "feed_work.h"

static void put_field(struct lz_buf *b, struct lz_span s)
{
	lz_buf_u32le(b, (uint32_t)s.n);
	lz_buf_span(b, s);
}

int lz_feed_request(struct lz_buf *b, const struct lz_feed_format *format, struct lz_span path,
		    struct lz_err *err)
{
	lz_buf_u16le(b, 0);
	put_field(b, lz_str(format->name));
	put_field(b, path);
	return b->code ? lz_fail(err, b->code, "request: %s", lz_code_text(b->code)) : 0;
}

static struct lz_reader *unpacked(int fd, const struct lz_limits *limits, struct lz_err *err)
{
	struct lz_limits l = *limits;
	struct lz_reader *r = lz_reader_fd(fd, UINT64_MAX, err);

	l.layer_bytes = limits->feed_bytes;
	return r ? lz_reader_unpack(r, &l, 4, NULL, err) : NULL;
}

static int run(struct lz_rec *request, int in_fd, const struct lz_limits *limits,
	       struct lz_rec_out *out, struct lz_err *err)
{
	struct lz_span name = lz_rec_span(request, 64), path = lz_rec_span(request, 65536);
	const struct lz_feed_format *format = lz_feed_format_find(name);
	struct lz_reader *r = NULL;
	struct lz_feed_wire wire;

	if (lz_rec_end(request, err))
		return LZ_E_FORMAT;
	if (!format)
		return lz_fail(err, LZ_E_BUG, "no feed format \"%.*s\"", LZ_FMT(name));
	if (!format->seekable) {
		r = unpacked(in_fd, limits, err);
		if (!r)
			return err ? err->code : LZ_E_NOMEM;
	}
	lz_feed_wire_init(&wire, out);
	return format->read(path, r, format->seekable ? in_fd : -1, limits, &wire.sink, err);
}

const struct lz_role lz_role_feed = {.name = "feed", .run = run, .threads = 1};
