/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tar. The first byte chooses how the rest is split into chunks and whether checksums are repaired
 * first (bit 7), without which a fuzzer hardly gets past a header. Asserted: whatever the split,
 * entries and contents are the same; safe paths are normal; content has the size that was said;
 * each entry costs input.
 */
#include "base/buf.h"
#include "format/tar.h"

#include "fuzz.h"

#define READ_MAX (256 * 1024) /* of one sparse file's zeros */

static void check_path(struct lz_span p)
{
	struct lz_span part, rest = p;

	while (rest.n) {
		bool more = lz_span_cut(rest, '/', &part, &rest);
		CHECK(part.n && !lz_span_is(part, ".") && !lz_span_is(part, ".."));
		CHECK(!more || rest.n);
	}
	CHECK(!memchr(p.p, 0, p.n));
}

static int content(struct lz_tar *t, const struct lz_tar_entry *e, uint64_t *sum,
		   struct lz_err *err)
{
	struct lz_span s;
	uint64_t n = 0;
	int code = 1;

	while (n < READ_MAX && (code = lz_tar_read(t, &s, err)) > 0) {
		CHECK(s.n);
		n += s.n;
		for (size_t i = 0; i < s.n && n < READ_MAX; i++)
			*sum = (*sum ^ (unsigned char)s.p[i]) * 0x100000001b3;
	}
	CHECK(n <= e->size);
	CHECK(code || n == e->size);
	return code < 0 ? code : 0;
}

static int walk(struct lz_span bytes, size_t chunk, struct lz_buf *out)
{
	struct lz_err err = {0};
	struct lz_limits limits;
	struct lz_tar_entry e;
	struct lz_reader *r;
	struct lz_tar *t;
	uint64_t entries = 0;
	int code;

	lz_limits_default(&limits);
	limits.path_bytes = 300;
	limits.pax_bytes = 2048;
	r = lz_reader_mem(bytes, chunk, &err);
	t = r ? lz_tar_open(r, &limits, &err) : NULL;
	CHECK(t);
	while ((code = lz_tar_next(t, &e, &err)) > 0) {
		uint64_t sum = 0;
		CHECK(++entries <= bytes.n / 512);
		CHECK(e.path.n <= limits.path_bytes && e.link.n <= limits.path_bytes);
		CHECK(e.size <= INT64_MAX && e.offset < bytes.n && e.data_offset <= bytes.n);
		if (!e.unsafe)
			check_path(e.path);
		lz_buf_span(out, e.path);
		lz_buf_span(out, e.link);
		lz_buf_printf(out, " %d %o %d %d %llu %llu %llu", e.type, e.mode, e.unsafe,
			      e.sparse, (unsigned long long)e.size, (unsigned long long)e.offset,
			      (unsigned long long)e.data_offset);
		if (entries % 3) { /* every third is skipped unread */
			code = content(t, &e, &sum, &err);
			if (code < 0)
				break;
		}
		lz_buf_printf(out, " %llx\n", (unsigned long long)sum);
	}
	CHECK(code == 0 || err.text[0]);
	lz_buf_printf(out, "%d %s\n", code, code ? err.text : "");
	lz_tar_close(t);
	lz_reader_close(r);
	return code;
}

static void repair_checksums(uint8_t *p, size_t n)
{
	for (; n >= 512; p += 512, n -= 512) {
		unsigned sum = 0;
		if (!p[0])
			continue;
		memset(p + 148, ' ', 8);
		for (int i = 0; i < 512; i++)
			sum += p[i];
		for (int i = 5; i >= 0; i--, sum >>= 3)
			p[148 + i] = (uint8_t)('0' + (sum & 7));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t chunks[] = {1, 3, 100, 511, 512, 513, 1024, 1500};
	struct lz_buf whole, split;
	uint8_t *copy;
	size_t chunk;
	int code;

	if (!size)
		return 0;
	chunk = chunks[data[0] & 7];
	copy = malloc(size);
	CHECK(copy);
	memcpy(copy, data + 1, size - 1);
	if (data[0] & 0x80)
		repair_checksums(copy, size - 1);
	lz_buf_init(&whole, 16 * LZ_M);
	lz_buf_init(&split, 16 * LZ_M);
	code = walk(lz_span(copy, size - 1), 0, &whole);
	CHECK(walk(lz_span(copy, size - 1), chunk, &split) == code);
	CHECK(lz_span_eq(lz_buf_view(&whole), lz_buf_view(&split)));
	lz_buf_done(&whole);
	lz_buf_done(&split);
	free(copy);
	return 0;
}
