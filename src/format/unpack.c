/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packed bytes in, plain bytes out: gzip (gzip.c), zstd, xz. The format is told by magic, never by
 * name. Output goes into a few buffers in turn, so that a stage can hand chunks to another thread
 * without copying.
 *
 * A stream may be made to grow without end: its unpacked size, and its ratio to the packed bytes,
 * are bounded. A stream that ends early, fails its checksum or is followed by other bytes is an
 * error that names both offsets (of the packed byte to within the few that a codec looks ahead).
 * Every step of a codec must take or make at least a byte, so that none can be made to spin.
 */
#include "unpack_internal.h"

#include "../base/alloc.h"

#include <lzma.h>
#include <stdio.h>
#include <zstd.h>
#include <zstd_errors.h>

#define CHUNK	    LZ_UNPACK_CHUNK
#define BUFFERS	    LZ_UNPACK_BUFFERS
#define MAGIC_BYTES 6
#define RATIO_FROM  (16 * LZ_M)

const char *lz_packing_name(enum lz_packing p)
{
	static const char *const names[] = {"none", "gzip", "zstd", "xz", "bzip2"};

	return (unsigned)p < sizeof(names) / sizeof(names[0]) ? names[p] : "unknown";
}

enum lz_packing lz_packing_of(struct lz_span head)
{
	if (lz_span_starts(head, "\x1f\x8b"))
		return LZ_PACK_GZIP;
	if (lz_span_starts(head, "\x28\xb5\x2f\xfd"))
		return LZ_PACK_ZSTD;
	/* A zstd stream may begin with a skippable frame (zstd:chunked, pzstd). */
	if (head.n >= 4 && (head.p[0] & 0xf0) == 0x50 && !memcmp(head.p + 1, "\x2a\x4d\x18", 3))
		return LZ_PACK_ZSTD;
	if (head.n >= 6 && !memcmp(head.p,
				   "\xfd"
				   "7zXZ\0",
				   6))
		return LZ_PACK_XZ;
	if (lz_span_starts(head, "BZh"))
		return LZ_PACK_BZIP2;
	return LZ_PACK_NONE;
}

uint64_t lz_unpack_packed_at(const struct lz_unpacker *u)
{
	return __atomic_load_n(&u->inner->offset, __ATOMIC_RELAXED) - u->in.n - u->rest.n;
}

int lz_unpack_broken(const struct lz_unpacker *u, const char *what, struct lz_err *err)
{
	return lz_fail(err, LZ_E_FORMAT, "%s at packed byte %llu (unpacked byte %llu)", what,
		       (unsigned long long)lz_unpack_packed_at(u), (unsigned long long)u->made);
}

/* --- zstd --- */

static int zstd_start(struct lz_unpacker *u, struct lz_err *err)
{
	ZSTD_DStream *s = ZSTD_createDStream();
	int log = 10;

	(void)err;
	if (!s)
		return LZ_E_NOMEM;
	u->state = s;
	u->frame_start = true;
	while (log < 31 && (2ULL << log) <= u->limits.zstd_window)
		log++;
	ZSTD_DCtx_setParameter(s, ZSTD_d_windowLogMax, log);
	return 0;
}

static int zstd_step(struct lz_unpacker *u, char *out, size_t room, size_t *ret_made,
		     struct lz_err *err)
{
	ZSTD_inBuffer in = {u->in.p, u->in.n, 0};
	ZSTD_outBuffer to = {out, room, 0};
	size_t r;

	*ret_made = 0;
	if (u->between && !u->in.n)
		return 0;
	/* Given a whole frame at once the library takes a short cut on which its window limit does
	 * not apply; the answer must not depend on how the bytes were cut. */
	if (u->frame_start && in.size > 1)
		in.size = 1;
	r = ZSTD_decompressStream(u->state, &to, &in);
	if (in.pos)
		u->frame_start = false;
	u->in = lz_span_from(u->in, in.pos);
	*ret_made = to.pos;
	u->made += to.pos;
	if (ZSTD_isError(r)) {
		char text[120];
		snprintf(text, sizeof(text), "zstd: %s", ZSTD_getErrorName(r));
		if (ZSTD_getErrorCode(r) == ZSTD_error_frameParameter_windowTooLarge)
			return lz_fail(err, LZ_E_LIMIT,
				       "zstd: asks for a larger window than %llu bytes (limit "
				       "zstd_window)",
				       (unsigned long long)u->limits.zstd_window);
		return lz_unpack_broken(u, text, err);
	}
	u->between = r == 0;
	u->frame_start = u->frame_start || u->between;
	return 0;
}

static void zstd_stop(struct lz_unpacker *u)
{
	ZSTD_freeDStream(u->state);
}

/* --- xz --- */

static int xz_start(struct lz_unpacker *u, struct lz_err *err)
{
	lzma_stream *s = lz_alloc(sizeof(*s));

	(void)err;
	if (!s)
		return LZ_E_NOMEM;
	u->state = s;
	return lzma_stream_decoder(s, u->limits.xz_memory, LZMA_CONCATENATED) == LZMA_OK
		       ? 0
		       : LZ_E_NOMEM;
}

static int xz_step(struct lz_unpacker *u, char *out, size_t room, size_t *ret_made,
		   struct lz_err *err)
{
	lzma_stream *s = u->state;
	lzma_ret r;

	*ret_made = 0;
	if (u->between)
		return u->in.n ? lz_unpack_broken(u, "xz: other bytes follow the end of the stream",
						  err)
			       : 0;
	s->next_in = (const uint8_t *)u->in.p;
	s->avail_in = u->in.n;
	s->next_out = (uint8_t *)out;
	s->avail_out = room;
	r = lzma_code(s, u->at_end ? LZMA_FINISH : LZMA_RUN);
	u->in = lz_span(s->next_in, s->avail_in);
	*ret_made = room - s->avail_out;
	u->made += *ret_made;
	if (r == LZMA_STREAM_END)
		u->between = true;
	else if (r == LZMA_MEMLIMIT_ERROR)
		return lz_fail(err, LZ_E_LIMIT,
			       "xz: asks for more than %llu bytes of dictionary (limit xz_memory)",
			       (unsigned long long)u->limits.xz_memory);
	else if (r == LZMA_MEM_ERROR)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	else if (r != LZMA_OK && r != LZMA_BUF_ERROR)
		return lz_unpack_broken(u, "xz: damaged stream", err);
	return 0;
}

static void xz_stop(struct lz_unpacker *u)
{
	if (u->state)
		lzma_end(u->state);
	lz_free(u->state);
}

static const struct lz_codec zstd = {.start = zstd_start, .step = zstd_step, .stop = zstd_stop};
static const struct lz_codec xz = {.start = xz_start, .step = xz_step, .stop = xz_stop};
static const struct lz_codec *const codecs[] = {
	[LZ_PACK_GZIP] = &lz_codec_gzip, [LZ_PACK_ZSTD] = &zstd, [LZ_PACK_XZ] = &xz};

/* --- the reader --- */

static int within_limits(struct lz_unpacker *u, uint64_t made, struct lz_err *err)
{
	uint64_t packed = lz_unpack_packed_at(u);

	if (made > u->limits.layer_bytes)
		return lz_fail(err, LZ_E_LIMIT,
			       "unpacks to more than %llu bytes (limit layer_bytes)",
			       (unsigned long long)u->limits.layer_bytes);
	if (made > RATIO_FROM && made / u->limits.layer_ratio > packed)
		return lz_fail(err, LZ_E_LIMIT,
			       "unpacks to %llu bytes from %llu: a decompression bomb? (limit "
			       "layer_ratio)",
			       (unsigned long long)made, (unsigned long long)packed);
	return 0;
}

static int more_input(struct lz_unpacker *u, struct lz_err *err)
{
	int code;

	if (u->rest.n) {
		u->in = u->rest;
		u->rest.n = 0;
		return 0;
	}
	code = u->at_end ? 0 : lz_reader_next(u->inner, &u->in, err);
	if (code <= 0)
		u->in.n = 0;
	u->at_end |= code == 0;
	return code < 0 ? code : 0;
}

/* Enough for the longest magic, however small the first chunks are. */
static int look_at_head(struct lz_unpacker *u, struct lz_err *err)
{
	size_t n = 0;
	int code = more_input(u, err);

	if (code || u->in.n >= MAGIC_BYTES)
		return code;
	while (!code && !u->at_end && n < MAGIC_BYTES) {
		size_t k = u->in.n < MAGIC_BYTES - n ? u->in.n : MAGIC_BYTES - n;
		memcpy(u->head + n, u->in.p, k);
		n += k;
		u->rest = lz_span_from(u->in, k);
		if (n < MAGIC_BYTES)
			code = more_input(u, err);
	}
	u->in = lz_span(u->head, n);
	return code;
}

/* One chunk: full, or to the end of a member or of all. */
static int fill(struct lz_unpacker *u, char *out, size_t *ret_n, struct lz_err *err)
{
	size_t n = 0;

	while (n < CHUNK && !u->done && !(n && u->ended.set)) {
		size_t made = 0, before;
		bool ended = u->ended.set;
		int code = u->in.n || u->at_end ? 0 : more_input(u, err);

		before = u->in.n;
		if (!code)
			code = u->codec->step(u, out + n, CHUNK - n, &made, err);
		if (code)
			return code;
		if (made && !n) {
			u->before[u->buffer] = u->ended;
			u->ended.set = false;
		}
		n += made;
		if (made || u->in.n != before || u->ended.set != ended)
			continue;
		if (!u->at_end || before)
			return lz_unpack_broken(u, "can't be unpacked any further", err);
		if (!u->between)
			return lz_unpack_broken(u, "ends early", err);
		u->done = true;
	}
	*ret_n = n;
	return within_limits(u, u->made, err);
}

static int unpack_next(struct lz_reader *r, struct lz_span *ret, struct lz_err *err)
{
	struct lz_unpacker *u = (struct lz_unpacker *)(void *)r;
	char *out = u->out + (size_t)u->buffer * CHUNK;
	size_t n = 0;

	if (!u->code && !u->done)
		u->code = fill(u, out, &n, &u->err);
	if (u->code) {
		if (err)
			*err = u->err;
		return u->code;
	}
	if (!n)
		return 0;
	u->buffer = (u->buffer + 1) % BUFFERS;
	__atomic_store_n(&r->offset, r->offset + n, __ATOMIC_RELAXED);
	*ret = lz_span(out, n);
	return 1;
}

/* Plain bytes: the chunk that was looked at, then all others as they come. */
static int plain_next(struct lz_reader *r, struct lz_span *ret, struct lz_err *err)
{
	struct lz_unpacker *u = (struct lz_unpacker *)(void *)r;
	int code = u->in.n ? 0 : more_input(u, err);

	if (code || !u->in.n)
		return code;
	*ret = u->in;
	u->in.n = 0;
	__atomic_store_n(&r->offset, r->offset + ret->n, __ATOMIC_RELAXED);
	return 1;
}

static int plain_skip(struct lz_reader *r, uint64_t n, uint64_t *ret_n, struct lz_err *err)
{
	struct lz_unpacker *u = (struct lz_unpacker *)(void *)r;
	int code = 0;

	if (!u->in.n && u->rest.n)
		code = more_input(u, err);
	if (u->in.n) {
		*ret_n = n < u->in.n ? n : u->in.n;
		u->in = lz_span_from(u->in, (size_t)*ret_n);
	} else {
		code = u->inner->skip(u->inner, n, ret_n, err);
	}
	if (!code)
		__atomic_store_n(&r->offset, r->offset + *ret_n, __ATOMIC_RELAXED);
	return code;
}

static void unpack_stop(struct lz_reader *r)
{
	struct lz_unpacker *u = (struct lz_unpacker *)(void *)r;

	if (u->inner->stop)
		u->inner->stop(u->inner);
}

static void unpack_close(struct lz_reader *r)
{
	struct lz_unpacker *u = (struct lz_unpacker *)(void *)r;

	if (u->codec)
		u->codec->stop(u);
	lz_reader_close(u->inner);
	lz_free(u->out);
	lz_free(u);
}

static int start(struct lz_unpacker *u, enum lz_packing packing, struct lz_err *err)
{
	int code;

	u->r = (struct lz_reader){.next = plain_next,
				  .stop = unpack_stop,
				  .close = unpack_close,
				  .keeps = u->inner->keeps};
	if (packing == LZ_PACK_NONE) {
		u->r.skip = u->inner->skip ? plain_skip : NULL;
		return 0;
	}
	if (packing == LZ_PACK_BZIP2)
		return lz_fail(err, LZ_E_UNSUPPORTED,
			       "packed with bzip2, which image tools don't write: unpack it first");
	u->r.next = unpack_next;
	u->r.keeps = BUFFERS - 1;
	u->codec = codecs[packing];
	u->out = lz_realloc(NULL, (size_t)BUFFERS * CHUNK);
	code = u->out ? u->codec->start(u, err) : LZ_E_NOMEM;
	return code ? lz_fail(err, code, "out of memory") : 0;
}

/* What stands on the unpacker: the stage it runs in, and whoever sums its members. */
static struct lz_reader *built_upon(struct lz_unpacker *u, unsigned ahead, struct lz_err *err)
{
	struct lz_reader *top = &u->r;

	if (!u->codec)
		return top;
	if (ahead)
		top = lz_reader_stage(top, CHUNK, ahead < BUFFERS - 2 ? ahead : BUFFERS - 2, err);
	if (top && u->codec->summed)
		top = lz_reader_members(top, u, err);
	return top;
}

struct lz_reader *lz_reader_unpack(struct lz_reader *inner, const struct lz_limits *limits,
				   unsigned ahead, enum lz_packing *ret_packing, struct lz_err *err)
{
	struct lz_unpacker *u = lz_alloc(sizeof(*u));
	enum lz_packing packing;
	int code;

	if (!u) {
		lz_reader_close(inner);
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	u->inner = inner;
	u->limits = *limits;
	u->r.close = unpack_close;
	code = look_at_head(u, err);
	packing = lz_packing_of(u->in);
	if (!code)
		code = start(u, packing, err);
	if (code) {
		unpack_close(&u->r);
		return NULL;
	}
	if (ret_packing)
		*ret_packing = packing;
	return built_upon(u, ahead, err);
}
