/* SPDX-License-Identifier: Apache-2.0 */
#include "filelist.h"

#define PATH_BYTES 4096

void lz_filelist_init(struct lz_filelist *l, size_t max_bytes)
{
	*l = (struct lz_filelist){0};
	lz_buf_init(&l->buf, max_bytes);
	lz_buf_init(&l->last, PATH_BYTES);
}

void lz_filelist_done(struct lz_filelist *l)
{
	lz_buf_done(&l->buf);
	lz_buf_done(&l->last);
}

void lz_filelist_clear(struct lz_filelist *l)
{
	lz_buf_clear(&l->buf);
	lz_buf_clear(&l->last);
	l->count = 0;
}

static void put_number(struct lz_buf *b, size_t v)
{
	for (; v >= 0x80; v >>= 7)
		lz_buf_byte(b, (unsigned char)(v | 0x80));
	lz_buf_byte(b, (unsigned char)v);
}

int lz_filelist_add(struct lz_filelist *l, struct lz_span path)
{
	size_t shared = 0;

	if (path.n > PATH_BYTES)
		return LZ_E_LIMIT;
	while (shared < path.n && shared < l->last.n && path.p[shared] == l->last.p[shared])
		shared++;
	put_number(&l->buf, shared);
	put_number(&l->buf, path.n - shared);
	lz_buf_span(&l->buf, lz_span_from(path, shared));
	l->last.n = shared;
	lz_buf_span(&l->last, lz_span_from(path, shared));
	l->count++;
	return l->buf.code ? l->buf.code : l->last.code;
}

void lz_filelist_iter(struct lz_filelist_iter *it, struct lz_span encoded)
{
	it->rest = encoded;
	it->n = 0;
}

static bool take_number(struct lz_span *s, size_t *ret)
{
	size_t v = 0;

	for (unsigned shift = 0; s->n && shift < 28; shift += 7) {
		unsigned char c = (unsigned char)s->p[0];
		*s = lz_span_from(*s, 1);
		v |= (size_t)(c & 0x7f) << shift;
		if (c < 0x80) {
			*ret = v;
			return true;
		}
	}
	return false;
}

int lz_filelist_next(struct lz_filelist_iter *it, struct lz_span *ret, struct lz_err *err)
{
	size_t shared, own;

	if (!it->rest.n)
		return 0;
	if (!take_number(&it->rest, &shared) || !take_number(&it->rest, &own) || shared > it->n ||
	    own > it->rest.n || shared + own >= sizeof(it->path))
		return lz_fail(err, LZ_E_FORMAT, "malformed list of files");
	memcpy(it->path + shared, it->rest.p, own);
	it->rest = lz_span_from(it->rest, own);
	it->n = shared + own;
	*ret = lz_span(it->path, it->n);
	return 1;
}
