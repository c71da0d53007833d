/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records between roles:  u32 length | u16 type | fields,  all little-endian; length counts type
 * and fields. A field is a u64, or u32 length + bytes, and is read in the order it was written.
 * Reading never goes past the record: the first field that does not fit makes the record malformed,
 * and all later ones empty.
 */
#include "jail.h"

#include "../base/bytes.h"
#include "../base/io.h"

#define FLUSH_AT 65536

uint64_t lz_rec_u64(struct lz_rec *r)
{
	uint64_t v;

	if (r->code || r->rest.n < 8) {
		r->code = LZ_E_FORMAT;
		return 0;
	}
	v = lz_le64(r->rest.p);
	r->rest = lz_span_from(r->rest, 8);
	return v;
}

struct lz_span lz_rec_span(struct lz_rec *r, size_t max_bytes)
{
	struct lz_span s = {"", 0};
	uint32_t n;

	if (r->code || r->rest.n < 4) {
		r->code = LZ_E_FORMAT;
		return s;
	}
	n = lz_le32(r->rest.p);
	if (n > max_bytes || n > r->rest.n - 4) {
		r->code = LZ_E_FORMAT;
		return s;
	}
	s = lz_span(r->rest.p + 4, n);
	r->rest = lz_span_from(r->rest, 4 + (size_t)n);
	return s;
}

int lz_rec_end(const struct lz_rec *r, struct lz_err *err)
{
	if (r->code)
		return lz_fail(err, LZ_E_FORMAT, "a field is missing or too long");
	if (r->rest.n)
		return lz_fail(err, LZ_E_FORMAT, "%zu bytes too many", r->rest.n);
	return 0;
}

void lz_rec_out_init(struct lz_rec_out *o, int fd, const struct lz_limits *l)
{
	*o = (struct lz_rec_out){.fd = fd, .max_record = l->record_bytes};
	lz_buf_init(&o->buf, (size_t)l->record_bytes + 2 * FLUSH_AT);
}

void lz_rec_out_done(struct lz_rec_out *o)
{
	lz_buf_done(&o->buf);
}

void lz_rec_begin(struct lz_rec_out *o, uint16_t type)
{
	o->start = o->buf.n;
	lz_buf_u32le(&o->buf, 0);
	lz_buf_u16le(&o->buf, type);
}

void lz_rec_put_u64(struct lz_rec_out *o, uint64_t v)
{
	lz_buf_u64le(&o->buf, v);
}

void lz_rec_put_span(struct lz_rec_out *o, struct lz_span s)
{
	if (s.n > UINT32_MAX) {
		o->buf.code = LZ_E_LIMIT;
		return;
	}
	lz_buf_u32le(&o->buf, (uint32_t)s.n);
	lz_buf_span(&o->buf, s);
}

int lz_rec_commit(struct lz_rec_out *o, struct lz_err *err)
{
	size_t n = o->buf.n - o->start - 4;

	if (!o->buf.code && n > o->max_record)
		o->buf.code = LZ_E_LIMIT;
	if (o->buf.code == LZ_E_LIMIT) {
		/* Drop this record, keep those before it: the caller may go on. */
		o->buf.code = 0;
		o->buf.n = o->start;
		return lz_fail(err, LZ_E_LIMIT,
			       "more than %llu bytes in one record (limit record_bytes)",
			       (unsigned long long)o->max_record);
	}
	if (o->buf.code)
		return lz_fail(err, o->buf.code, "out of memory");
	for (int i = 0; i < 4; i++)
		o->buf.p[o->start + (size_t)i] = (char)(n >> (8 * i));
	o->start = o->buf.n;
	return o->buf.n >= FLUSH_AT ? lz_rec_flush(o, err) : 0;
}

int lz_rec_flush(struct lz_rec_out *o, struct lz_err *err)
{
	int r = o->start ? lz_write_full(o->fd, o->buf.p, o->start, err) : 0;

	lz_buf_clear(&o->buf);
	o->start = 0;
	return r;
}
