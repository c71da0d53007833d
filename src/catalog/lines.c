/* SPDX-License-Identifier: Apache-2.0 */
#include "lines.h"

void lz_lines_init(struct lz_lines *l, struct lz_reader *r, const struct lz_limits *limits)
{
	*l = (struct lz_lines){.r = r, .max = (size_t)limits->line_bytes};
	lz_buf_init(&l->joined, l->max);
}

void lz_lines_done(struct lz_lines *l)
{
	lz_buf_done(&l->joined);
}

/* Keeps what fits of a piece of the line. */
static int keep(struct lz_lines *l, struct lz_span piece, struct lz_err *err)
{
	size_t room = l->max - l->joined.n;

	if (piece.n > room) {
		piece.n = room;
		l->too_long = true;
	}
	return lz_buf_span(&l->joined, piece) ? lz_fail(err, LZ_E_NOMEM, "out of memory") : 0;
}

static struct lz_span without_cr(struct lz_span s)
{
	if (s.n && s.p[s.n - 1] == '\r')
		s.n--;
	return s;
}

int lz_lines_next(struct lz_lines *l, struct lz_span *ret, struct lz_err *err)
{
	bool any = false;

	lz_buf_clear(&l->joined);
	l->too_long = false;
	l->number++;
	l->offset = l->next_offset;
	for (;;) {
		ptrdiff_t end;
		struct lz_span piece;
		int code;

		if (!l->chunk.n) {
			code = lz_reader_next(l->r, &l->chunk, err);
			if (code < 0)
				return code;
			if (code == 0) {
				*ret = without_cr(lz_buf_view(&l->joined));
				return any;
			}
		}
		any = true;
		end = lz_span_find(l->chunk, '\n');
		piece = end < 0 ? l->chunk : lz_span_head(l->chunk, (size_t)end);
		l->next_offset += piece.n + (end >= 0);
		l->chunk = lz_span_from(l->chunk, piece.n + (end >= 0));
		if (end >= 0 && !l->joined.n && piece.n <= l->max) {
			*ret = without_cr(piece);
			return 1;
		}
		code = keep(l, piece, err);
		if (code)
			return code;
		if (end >= 0) {
			*ret = without_cr(lz_buf_view(&l->joined));
			return 1;
		}
	}
}
