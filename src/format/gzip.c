/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip (RFC 1952): members of a header, deflated bytes, and a trailer with CRC-32 and length, one
 * after the other; zeros may follow the last. Inflating is ISA-L's work (several times as fast as
 * zlib; zlib's where it is missing), header and trailer are read here.
 *
 * Inflating is what a thread of its own is busiest with, and a CRC on top of it is 5 %: so the sum
 * is made where the bytes are taken out, by the reader at the end of this file. A member that made
 * no bytes has nothing to carry its sum along and is checked at once.
 */
#include "unpack_internal.h"

#include "../base/alloc.h"
#include "../base/bytes.h"

#include "config.h"

#if LZ_HAVE_ISAL
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#else
#include <zlib.h>
#endif

#define TAKE_MAX     (1U << 30) /* igzip and zlib count in 32 bits */
#define HEADER_BYTES 10
#define TRAILER	     8

enum { HAS_HCRC = 2, HAS_EXTRA = 4, HAS_NAME = 8, HAS_COMMENT = 16, RESERVED = 0xe0 };

enum place { IN_HEADER, IN_BODY, IN_TRAILER, BEHIND, IN_PADDING };
enum field { FIXED, EXTRA_LENGTH, EXTRA, NAME, COMMENT, HCRC, FIELDS };

struct gzip {
	enum place place;
	enum field field;
	unsigned have;	       /* bytes of the field or of the trailer */
	unsigned extra_length; /* of the extra field */
	uint32_t header_crc;
	unsigned char fixed[HEADER_BYTES], hcrc[2], trailer[TRAILER];
	uint64_t made; /* by this member */
#if LZ_HAVE_ISAL
	struct inflate_state inflate;
#else
	z_stream inflate;
#endif
};

/* --- raw deflate --- */

#if LZ_HAVE_ISAL
static uint32_t crc_of(uint32_t crc, const char *p, size_t n)
{
	return crc32_gzip_refl(crc, (const unsigned char *)p, n);
}

static int inflate_start(struct gzip *g)
{
	isal_inflate_init(&g->inflate);
	return 0;
}

static void inflate_again(struct gzip *g)
{
	isal_inflate_reset(&g->inflate);
}

static void inflate_stop(struct gzip *g)
{
	(void)g;
}

/* ISA-L may have taken up to 8 bytes more than it used: they belong to the trailer. */
static void take_back(struct gzip *g)
{
	uint64_t bits = g->inflate.read_in;
	int n = g->inflate.read_in_length;

	for (bits >>= n & 7; n >= 8 && g->have < TRAILER; n -= 8, bits >>= 8)
		g->trailer[g->have++] = (unsigned char)bits;
}

static int inflate_some(struct lz_unpacker *u, char *out, size_t room, size_t *ret_made,
			struct lz_err *err)
{
	struct gzip *g = u->state;
	struct inflate_state *s = &g->inflate;
	size_t take = u->in.n < TAKE_MAX ? u->in.n : TAKE_MAX;
	int r;

	s->next_in = (uint8_t *)(uintptr_t)u->in.p;
	s->avail_in = (uint32_t)take;
	s->next_out = (uint8_t *)out;
	s->avail_out = (uint32_t)room;
	r = isal_inflate(s);
	u->in = lz_span_from(u->in, take - s->avail_in);
	*ret_made = room - s->avail_out;
	if (r < 0)
		return lz_unpack_broken(u,
					r == ISAL_INVALID_LOOKBACK
						? "gzip: reference before the beginning"
						: "gzip: bad block",
					err);
	if (s->block_state == ISAL_BLOCK_FINISH) {
		g->place = IN_TRAILER;
		g->have = 0;
		take_back(g);
	}
	return 0;
}
#else
static uint32_t crc_of(uint32_t crc, const char *p, size_t n)
{
	return (uint32_t)crc32_z(crc, (const unsigned char *)p, n);
}

static int inflate_start(struct gzip *g)
{
	return inflateInit2(&g->inflate, -MAX_WBITS) == Z_OK ? 0 : LZ_E_NOMEM;
}

static void inflate_again(struct gzip *g)
{
	inflateReset(&g->inflate);
}

static void inflate_stop(struct gzip *g)
{
	inflateEnd(&g->inflate);
}

static int inflate_some(struct lz_unpacker *u, char *out, size_t room, size_t *ret_made,
			struct lz_err *err)
{
	struct gzip *g = u->state;
	z_stream *s = &g->inflate;
	size_t take = u->in.n < TAKE_MAX ? u->in.n : TAKE_MAX;
	int r;

	s->next_in = (Bytef *)(uintptr_t)u->in.p;
	s->avail_in = (uInt)take;
	s->next_out = (Bytef *)out;
	s->avail_out = (uInt)room;
	r = inflate(s, Z_NO_FLUSH);
	u->in = lz_span_from(u->in, take - s->avail_in);
	*ret_made = room - s->avail_out;
	if (r == Z_STREAM_END) {
		g->place = IN_TRAILER;
		g->have = 0;
	}
	if (r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR)
		return 0;
	if (r == Z_MEM_ERROR)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	return lz_unpack_broken(u, "gzip: bad block", err);
}
#endif

/* --- header and trailer --- */

/* Moves up to want - *have bytes from u->in into to; true once all are there. */
static bool gather(struct lz_unpacker *u, unsigned char *to, unsigned *have, unsigned want)
{
	while (*have < want && u->in.n) {
		to[(*have)++] = (unsigned char)u->in.p[0];
		u->in = lz_span_from(u->in, 1);
	}
	return *have == want;
}

static bool has(const struct gzip *g, enum field f)
{
	static const unsigned char flag[FIELDS] = {[EXTRA_LENGTH] = HAS_EXTRA,
						   [EXTRA] = HAS_EXTRA,
						   [NAME] = HAS_NAME,
						   [COMMENT] = HAS_COMMENT,
						   [HCRC] = HAS_HCRC};

	return f == FIXED || (g->fixed[3] & flag[f]);
}

/* Passes over a field that says nothing we need; true at its end. */
static bool pass_over(struct lz_unpacker *u, struct gzip *g)
{
	size_t n = u->in.n;
	const char *zero;

	if (g->field == EXTRA) {
		if (n > g->extra_length - g->have)
			n = g->extra_length - g->have;
		g->have += (unsigned)n;
		u->in = lz_span_from(u->in, n);
		return g->have == g->extra_length;
	}
	zero = n ? memchr(u->in.p, 0, n) : NULL;
	u->in = lz_span_from(u->in, zero ? (size_t)(zero - u->in.p) + 1 : n);
	return zero != NULL;
}

static bool read_field(struct lz_unpacker *u, struct gzip *g)
{
	unsigned char length[2] = {(unsigned char)g->extra_length, 0};
	bool whole;

	switch (g->field) {
	case FIXED:
		return gather(u, g->fixed, &g->have, HEADER_BYTES);
	case EXTRA_LENGTH:
		whole = gather(u, length, &g->have, 2);
		g->extra_length = lz_le16(length);
		return whole;
	case HCRC:
		return gather(u, g->hcrc, &g->have, 2);
	case EXTRA:
	case NAME:
	case COMMENT:
	case FIELDS:
		break;
	}
	return pass_over(u, g);
}

static const char *header_fault(const struct gzip *g)
{
	if (g->field == FIXED && (g->fixed[0] != 0x1f || g->fixed[1] != 0x8b))
		return "gzip: bad header";
	if (g->field == FIXED && g->fixed[2] != 8)
		return "gzip: bad header: an unknown way of packing";
	if (g->field == FIXED && (g->fixed[3] & RESERVED))
		return "gzip: bad header: unknown flags";
	if (g->field == HCRC && lz_le16(g->hcrc) != (g->header_crc & 0xffff))
		return "gzip: checksum of the header differs";
	return NULL;
}

static int read_header(struct lz_unpacker *u, struct gzip *g, struct lz_err *err)
{
	while (g->field < FIELDS) {
		const char *from = u->in.p, *fault;
		bool whole = !has(g, g->field) || read_field(u, g);

		if (g->field != HCRC && u->in.p != from)
			g->header_crc = crc_of(g->header_crc, from, (size_t)(u->in.p - from));
		if (!whole)
			return 0;
		fault = has(g, g->field) ? header_fault(g) : NULL;
		if (fault)
			return lz_unpack_broken(u, fault, err);
		g->field++;
		g->have = 0;
	}
	g->place = IN_BODY;
	g->made = 0;
	return 0;
}

static int read_trailer(struct lz_unpacker *u, struct gzip *g, struct lz_err *err)
{
	struct lz_member_end end = {.set = true};

	if (!gather(u, g->trailer, &g->have, TRAILER))
		return 0;
	end.crc = lz_le32(g->trailer);
	end.packed_at = lz_unpack_packed_at(u);
	if (lz_le32(g->trailer + 4) != (uint32_t)g->made)
		return lz_unpack_broken(u, "gzip: length differs from what the trailer says", err);
	if (g->made)
		u->ended = end;
	else if (end.crc)
		return lz_unpack_broken(u, "gzip: checksum differs", err);
	g->place = BEHIND;
	u->between = true;
	return 0;
}

/* Behind a member: another one, zeros to the end, or the end. */
static int read_behind(struct lz_unpacker *u, struct gzip *g, struct lz_err *err)
{
	if (!u->in.n)
		return 0;
	if (g->place == BEHIND && u->in.p[0] == 0x1f) {
		inflate_again(g);
		g->place = IN_HEADER;
		g->field = FIXED;
		g->have = 0;
		g->header_crc = 0;
		u->between = false;
		return 0;
	}
	g->place = IN_PADDING;
	while (u->in.n && u->in.p[0] == 0)
		u->in = lz_span_from(u->in, 1);
	return u->in.n ? lz_unpack_broken(u, "gzip: other bytes follow the end of the stream", err)
		       : 0;
}

/* --- the codec --- */

static int gzip_start(struct lz_unpacker *u, struct lz_err *err)
{
	struct gzip *g = lz_alloc(sizeof(*g));

	(void)err;
	if (!g)
		return LZ_E_NOMEM;
	if (inflate_start(g)) {
		lz_free(g);
		return LZ_E_NOMEM;
	}
	u->state = g;
	return 0;
}

static int step_once(struct lz_unpacker *u, struct gzip *g, char *out, size_t room,
		     size_t *ret_made, struct lz_err *err)
{
	int code;

	switch (g->place) {
	case IN_HEADER:
		return read_header(u, g, err);
	case IN_BODY:
		code = inflate_some(u, out, room, ret_made, err);
		g->made += *ret_made;
		u->made += *ret_made;
		return code;
	case IN_TRAILER:
		return read_trailer(u, g, err);
	case BEHIND:
	case IN_PADDING:
		break;
	}
	return read_behind(u, g, err);
}

/* From place to place, but never over bytes that were made or the end of a member that made some:
 * the caller puts the two in order. */
static int gzip_step(struct lz_unpacker *u, char *out, size_t room, size_t *ret_made,
		     struct lz_err *err)
{
	struct gzip *g = u->state;
	bool ended = u->ended.set;
	enum place was;
	int code;

	*ret_made = 0;
	do {
		was = g->place;
		code = step_once(u, g, out, room, ret_made, err);
	} while (!code && !*ret_made && g->place != was && u->ended.set == ended);
	return code;
}

static void gzip_stop(struct lz_unpacker *u)
{
	if (u->state)
		inflate_stop(u->state);
	lz_free(u->state);
}

const struct lz_codec lz_codec_gzip = {gzip_start, gzip_step, gzip_stop, .summed = true};

/* --- sums --- */

struct members {
	struct lz_reader r;
	struct lz_reader *inner;
	const struct lz_unpacker *u;
	uint32_t crc;
	bool ended;
	int code;
	struct lz_err err;
};

static int check_sum(struct members *m, const struct lz_member_end *end)
{
	uint32_t crc = m->crc;

	if (!end->set)
		return 0;
	m->crc = 0;
	if (end->crc == crc)
		return 0;
	return lz_fail(&m->err, LZ_E_FORMAT,
		       "gzip: checksum differs at packed byte %llu (unpacked byte %llu)",
		       (unsigned long long)end->packed_at, (unsigned long long)m->r.offset);
}

/* What belongs to a chunk, and to the end, crosses threads with it: behind the stage's lock. */
static int sum(struct members *m, struct lz_span *ret)
{
	const struct lz_unpacker *u = m->u;
	int code = m->ended ? 0 : lz_reader_next(m->inner, ret, &m->err), bad;

	if (code < 0 || m->ended)
		return code;
	m->ended = code == 0;
	bad = check_sum(m,
			code ? &u->before[(size_t)(ret->p - u->out) / LZ_UNPACK_CHUNK] : &u->ended);
	if (bad || !code)
		return bad;
	m->crc = crc_of(m->crc, ret->p, ret->n);
	__atomic_store_n(&m->r.offset, m->r.offset + ret->n, __ATOMIC_RELAXED);
	return 1;
}

static int members_next(struct lz_reader *r, struct lz_span *ret, struct lz_err *err)
{
	struct members *m = (struct members *)(void *)r;
	int code = m->code;

	if (code >= 0)
		code = sum(m, ret);
	if (code < 0) {
		m->code = code;
		if (err)
			*err = m->err;
	}
	return code;
}

static void members_stop(struct lz_reader *r)
{
	struct members *m = (struct members *)(void *)r;

	if (m->inner->stop)
		m->inner->stop(m->inner);
}

static void members_close(struct lz_reader *r)
{
	struct members *m = (struct members *)(void *)r;

	lz_reader_close(m->inner);
	lz_free(m);
}

struct lz_reader *lz_reader_members(struct lz_reader *inner, struct lz_unpacker *u,
				    struct lz_err *err)
{
	struct members *m = lz_alloc(sizeof(*m));

	if (!m) {
		lz_reader_close(inner);
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	m->r = (struct lz_reader){.next = members_next,
				  .stop = members_stop,
				  .close = members_close,
				  .keeps = inner->keeps};
	m->inner = inner;
	m->u = u;
	return &m->r;
}
