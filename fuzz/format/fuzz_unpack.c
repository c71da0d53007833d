/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unpacking. The first byte chooses how the rest is split into chunks. Asserted: whatever the
 * split, the outcome is the same; what is plain comes out as it is; limits hold; what passes for
 * gzip is what zlib makes of it.
 */
#include "base/buf.h"
#include "format/reader.h"

#include "fuzz.h"
#include <zlib.h>

#define OUT_MAX LZ_M

static int unpack(struct lz_span bytes, size_t chunk, struct lz_buf *out, enum lz_packing *packing)
{
	struct lz_err err = {0};
	struct lz_limits limits;
	struct lz_reader *r;
	struct lz_span s;
	int code;

	lz_limits_default(&limits);
	limits.layer_bytes = OUT_MAX;
	limits.zstd_window = LZ_M;
	limits.xz_memory = 8 * LZ_M;
	r = lz_reader_mem(bytes, chunk, &err);
	r = r ? lz_reader_unpack(r, &limits, 0, packing, &err) : NULL;
	if (!r) {
		CHECK(err.code == LZ_E_UNSUPPORTED);
		return err.code;
	}
	while ((code = lz_reader_next(r, &s, &err)) > 0) {
		CHECK(s.n);
		CHECK(lz_buf_span(out, s) == 0);
		CHECK(r->offset == out->n);
	}
	CHECK(code == 0 || code == LZ_E_FORMAT || code == LZ_E_LIMIT);
	CHECK(code == 0 || err.text[0]);
	CHECK(out->n <= OUT_MAX || *packing == LZ_PACK_NONE);
	lz_reader_close(r);
	return code;
}

/* zlib refuses what igzip passes over: Huffman codes that leave some bit patterns without a
 * meaning. Nothing is hidden by it: such a member still has to end with the right checksum and
 * length, and its bytes are scanned. */
static bool zlib_is_stricter(const char *msg)
{
	return strstr(msg, "invalid distances set") || strstr(msg, "invalid literal/lengths set") ||
	       strstr(msg, "invalid code lengths set");
}

/* igzip's fast and careful loops treat the meaningless patterns of such codes differently, so there
 * the outcome may hang on the split: an error in one, bytes with a matching checksum in the other.
 * Neither hides anything. */
static bool zlib_refuses_codes(struct lz_span bytes)
{
	unsigned char out[4096];
	z_stream s = {0};
	int r;
	bool stricter;

	CHECK(inflateInit2(&s, 16 + MAX_WBITS) == Z_OK);
	s.next_in = (Bytef *)(uintptr_t)bytes.p;
	s.avail_in = (uInt)bytes.n;
	do {
		s.next_out = out;
		s.avail_out = sizeof(out);
		r = inflate(&s, Z_NO_FLUSH);
		if (r == Z_STREAM_END && s.avail_in && inflateReset(&s) == Z_OK)
			r = Z_OK;
	} while (r == Z_OK);
	stricter = r == Z_DATA_ERROR && s.msg && zlib_is_stricter(s.msg);
	inflateEnd(&s);
	return stricter;
}

static void same_as_zlib(struct lz_span bytes, struct lz_span want)
{
	unsigned char *out = malloc(want.n + 1);
	z_stream s = {0};
	int r = Z_STREAM_END;

	CHECK(out && inflateInit2(&s, 16 + MAX_WBITS) == Z_OK);
	s.next_in = (Bytef *)(uintptr_t)bytes.p;
	s.avail_in = (uInt)bytes.n;
	s.next_out = out;
	s.avail_out = (uInt)want.n + 1;
	while (r == Z_STREAM_END && s.avail_in && *s.next_in) { /* each member; zeros may follow */
		size_t made = want.n + 1 - s.avail_out;
		CHECK(inflateReset(&s) == Z_OK);
		r = inflate(&s, Z_FINISH);
		CHECK(want.n + 1 - s.avail_out >= made);
	}
	if (r == Z_DATA_ERROR && s.msg && zlib_is_stricter(s.msg)) {
		inflateEnd(&s);
		free(out);
		return;
	}
	CHECK(r == Z_STREAM_END);
	CHECK(want.n + 1 - s.avail_out == want.n);
	CHECK(want.n == 0 || !memcmp(out, want.p, want.n));
	inflateEnd(&s);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t chunks[] = {1, 2, 5, 6, 7, 17, 64, 1000};
	enum lz_packing packing = LZ_PACK_NONE, again = LZ_PACK_NONE;
	struct lz_buf whole, split;
	struct lz_span bytes;
	int code, second;
	bool odd;

	if (!size)
		return 0;
	bytes = lz_span(data + 1, size - 1);
	lz_buf_init(&whole, 8 * LZ_M);
	lz_buf_init(&split, 8 * LZ_M);
	code = unpack(bytes, 0, &whole, &packing);
	second = unpack(bytes, chunks[data[0] & 7], &split, &again);
	CHECK(packing == again);
	odd = packing == LZ_PACK_GZIP && second != code && zlib_refuses_codes(bytes);
	CHECK(odd || second == code);
	CHECK(odd || code || lz_span_eq(lz_buf_view(&whole), lz_buf_view(&split)));
	if (code == 0 && packing == LZ_PACK_NONE)
		CHECK(lz_span_eq(lz_buf_view(&whole), bytes));
	if (code == 0 && packing == LZ_PACK_GZIP)
		same_as_zlib(bytes, lz_buf_view(&whole));
	lz_buf_done(&whole);
	lz_buf_done(&split);
	return 0;
}
