/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacking, against what gzip, zstd and xz themselves packed when the test ran. */
#include "test.h"

#include "base/buf.h"
#include "format/reader.h"

#include <unistd.h>

#define TEXT_BYTES 150000

static char *text; /* compresses well, but not to nothing */
static char folder[] = "/tmp/lz-unpack-XXXXXX";

static int prepare(void **state)
{
	static const char *const words[] = {"lib", "usr", "share", "depends", "1.2.3", "\n", "/"};
	unsigned seed = 7;
	size_t n = 0;

	(void)state;
	text = malloc(TEXT_BYTES + 16);
	if (!text || !mkdtemp(folder))
		return -1;
	while (n < TEXT_BYTES) {
		seed = seed * 1103515245 + 12345;
		n += (size_t)sprintf(text + n, "%s", words[(seed >> 16) % 7]);
		if (seed >> 16 & 8)
			text[n++] = (char)(seed >> 20);
	}
	return 0;
}

static int clean_up(void **state)
{
	char command[80];

	(void)state;
	free(text);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

/* What a shell command makes of the text on its standard input. */
static void made_by(struct lz_buf *b, const char *command, size_t text_bytes)
{
	char line[400], path[80];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/in", folder);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, text_bytes, f), text_bytes);
	fclose(f);
	snprintf(line, sizeof(line), "cd %s && (%s) <in", folder, command);
	f = popen(line, "r");
	assert_non_null(f);
	lz_buf_init(b, 64 * LZ_M);
	do {
		assert_int_equal(lz_buf_reserve(b, 65536), 0);
		n = fread(b->p + b->n, 1, 65536, f);
		b->n += n;
	} while (n);
	assert_int_equal(pclose(f), 0);
}

static struct lz_limits limits(void)
{
	struct lz_limits l;

	lz_limits_default(&l);
	return l;
}

static int unpack_ahead(struct lz_span packed, size_t chunk, unsigned ahead,
			const struct lz_limits *l, struct lz_buf *out, enum lz_packing *packing,
			struct lz_err *err)
{
	struct lz_reader *r = lz_reader_mem(packed, chunk, err);
	struct lz_span got;
	int code;

	r = r ? lz_reader_unpack(r, l, ahead, packing, err) : NULL;
	if (!r)
		return err->code;
	while ((code = lz_reader_next(r, &got, err)) > 0)
		if (lz_buf_span(out, got))
			break;
	if (code > 0) {
		code = lz_fail(err, out->code, "out of memory");
	} else if (code < 0) { /* errors stay */
		struct lz_err again = {0};
		assert_int_equal(lz_reader_next(r, &got, &again), code);
		assert_string_equal(again.text, err->text);
	} else {
		assert_int_equal(r->offset, out->n);
		assert_int_equal(lz_reader_next(r, &got, err), 0); /* the end stays too */
	}
	lz_reader_close(r);
	return code;
}

static int unpack(struct lz_span packed, size_t chunk, const struct lz_limits *l,
		  struct lz_buf *out, enum lz_packing *packing, struct lz_err *err)
{
	return unpack_ahead(packed, chunk, 0, l, out, packing, err);
}

static void expect_text(struct lz_span packed, size_t chunk, unsigned ahead, enum lz_packing want,
			size_t times)
{
	struct lz_limits l = limits();
	enum lz_packing packing;
	struct lz_err err = {0};
	struct lz_buf out;

	lz_buf_init(&out, 64 * LZ_M);
	assert_ok(unpack_ahead(packed, chunk, ahead, &l, &out, &packing, &err), err);
	assert_int_equal(packing, want);
	assert_int_equal(out.n, times * TEXT_BYTES);
	for (size_t i = 0; i < times; i++)
		assert_memory_equal(out.p + i * TEXT_BYTES, text, TEXT_BYTES);
	lz_buf_done(&out);
}

static const struct {
	const char *command;
	enum lz_packing packing;
	size_t times;
} tools[] = {
	{"cat", LZ_PACK_NONE, 1},
	{"gzip -1", LZ_PACK_GZIP, 1},
	{"gzip -9", LZ_PACK_GZIP, 1},
	{"cp in named.txt; gzip -c named.txt", LZ_PACK_GZIP, 1}, /* has the name in its header */
	{"gzip; gzip -6 <in", LZ_PACK_GZIP, 2},
	{"gzip; printf '' | gzip; gzip -6 <in; printf '' | gzip", LZ_PACK_GZIP, 2},
	{"gzip; head -c 5000 /dev/zero", LZ_PACK_GZIP, 1}, /* as tapes and some mirrors pad */
	{"zstd -q -3", LZ_PACK_ZSTD, 1},
	{"zstd -q -19 --no-check", LZ_PACK_ZSTD, 1},
	{"zstd -q; zstd -q -1 <in", LZ_PACK_ZSTD, 2},
	/* a skippable frame, as zstd:chunked writes them */
	{"printf 'P*M\\030\\003\\0\\0\\0abc'; zstd -q", LZ_PACK_ZSTD, 1},
	{"xz -1", LZ_PACK_XZ, 1},
	{"xz --check=sha256; xz -0 <in", LZ_PACK_XZ, 2},
};

static void test_tools(void **state)
{
	static const size_t chunks[] = {0, 1, 5, 6, 511, 40000};

	(void)state;
	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		struct lz_buf b;
		made_by(&b, tools[i].command, TEXT_BYTES);
		for (size_t k = 0; k < sizeof(chunks) / sizeof(chunks[0]); k++)
			expect_text(lz_buf_view(&b), chunks[k], (unsigned)(k * 3 % 7),
				    tools[i].packing, tools[i].times);
		lz_buf_done(&b);
	}
}

static void test_small_plain(void **state)
{
	struct lz_limits l = limits();
	struct lz_err err = {0};

	(void)state;
	for (size_t n = 0; n < 20; n++) {
		for (size_t chunk = 0; chunk < 9; chunk++) {
			enum lz_packing packing = LZ_PACK_XZ;
			struct lz_buf out;
			lz_buf_init(&out, 100);
			assert_ok(unpack(lz_span("0123456789abcdefghij", n), chunk, &l, &out,
					 &packing, &err),
				  err);
			assert_int_equal(packing, LZ_PACK_NONE);
			assert_int_equal(out.n, n);
			if (n)
				assert_memory_equal(out.p, "0123456789abcdefghij", n);
			lz_buf_done(&out);
		}
	}
}

static void fails(struct lz_span packed, const struct lz_limits *l, int code, const char *says)
{
	for (size_t chunk = 0; chunk < 5000; chunk += 4999) {
		struct lz_err err = {0};
		struct lz_buf out;
		lz_buf_init(&out, 256 * LZ_M);
		assert_int_equal(unpack_ahead(packed, chunk, chunk ? 4 : 0, l, &out, NULL, &err),
				 code);
		if (!strstr(err.text, says))
			fail_msg("\"%s\" does not say \"%s\"", err.text, says);
		lz_buf_done(&out);
	}
}

static void test_cut_short(void **state)
{
	static const char *const commands[] = {"gzip", "zstd -q", "xz"};
	struct lz_limits l = limits();

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct lz_buf b;
		made_by(&b, commands[i], TEXT_BYTES);
		for (size_t n = 6; n < b.n; n += b.n / 23) {
			char says[80];
			snprintf(says, sizeof(says), "ends early at packed byte %zu", n);
			fails(lz_span(b.p, n), &l, LZ_E_FORMAT, says);
		}
		fails(lz_span(b.p, b.n - 1), &l, LZ_E_FORMAT, "ends early at packed byte");
		lz_buf_done(&b);
	}
}

/* A member after a whole one is no less bound to end. */
static void test_second_member_cut_short(void **state)
{
	struct lz_limits l = limits();
	struct lz_buf b;

	(void)state;
	made_by(&b, "gzip; gzip <in", TEXT_BYTES);
	fails(lz_span(b.p, b.n - 9), &l, LZ_E_FORMAT, "ends early at packed byte");
	lz_buf_done(&b);
	made_by(&b, "gzip; printf '\\037'", TEXT_BYTES);
	fails(lz_buf_view(&b), &l, LZ_E_FORMAT, "ends early at packed byte");
	lz_buf_done(&b);
}

static void test_flipped_bits(void **state)
{
	static const char *const commands[] = {"gzip", "zstd -q --check", "xz"};
	struct lz_limits l = limits();

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct lz_buf b;
		made_by(&b, commands[i], TEXT_BYTES);
		/* Behind the headers, where every bit is content or checksum. */
		for (size_t at = 40; at < b.n - 40; at += b.n / 61) {
			struct lz_err err = {0};
			struct lz_buf out;
			b.p[at] ^= 0x10;
			lz_buf_init(&out, 256 * LZ_M);
			assert_int_equal(unpack(lz_buf_view(&b), 0, &l, &out, NULL, &err),
					 LZ_E_FORMAT);
			assert_non_null(strstr(err.text, "packed byte"));
			lz_buf_done(&out);
			b.p[at] ^= 0x10;
		}
		lz_buf_done(&b);
	}
}

static void test_gzip_trailer(void **state)
{
	struct lz_limits l = limits();
	struct lz_buf b;

	(void)state;
	made_by(&b, "gzip", TEXT_BYTES);
	for (size_t i = 1; i <= 8; i++) {
		char says[80];
		snprintf(says, sizeof(says), "%s differs", i <= 4 ? "length" : "checksum");
		b.p[b.n - i] ^= 1;
		fails(lz_buf_view(&b), &l, LZ_E_FORMAT, says);
		b.p[b.n - i] ^= 1;
	}
	lz_buf_done(&b);
}

/* Each member has a sum of its own, wherever chunks end; the error says which it was. */
static void test_gzip_members(void **state)
{
	struct lz_limits l = limits();
	struct lz_buf one, two, three, all;
	size_t ends[3];

	(void)state;
	made_by(&one, "head -c 131072 | gzip", TEXT_BYTES); /* as long as a chunk */
	made_by(&two, "printf '' | gzip", TEXT_BYTES);
	made_by(&three, "gzip -1", TEXT_BYTES);
	lz_buf_init(&all, LZ_M);
	lz_buf_span(&all, lz_buf_view(&one));
	ends[0] = all.n;
	lz_buf_span(&all, lz_buf_view(&two));
	ends[1] = all.n;
	lz_buf_span(&all, lz_buf_view(&three));
	ends[2] = all.n;
	assert_int_equal(all.code, 0);
	for (int i = 0; i < 3; i++) {
		struct lz_err err = {0};
		struct lz_buf out;
		char says[80];
		snprintf(says, sizeof(says), "gzip: checksum differs at packed byte %zu (unpacked ",
			 ends[i]);
		all.p[ends[i] - 8] ^= 0x40;
		fails(lz_buf_view(&all), &l, LZ_E_FORMAT, says);
		/* Nothing of a later member is delivered. */
		lz_buf_init(&out, LZ_M);
		assert_int_equal(unpack(lz_buf_view(&all), 777, &l, &out, NULL, &err), LZ_E_FORMAT);
		assert_in_range(out.n, i < 2 ? 131072 : TEXT_BYTES, i < 2 ? 131072 : 300000);
		lz_buf_done(&out);
		all.p[ends[i] - 8] ^= 0x40;
	}
	lz_buf_done(&one);
	lz_buf_done(&two);
	lz_buf_done(&three);
	lz_buf_done(&all);
}

static uint32_t crc_by_bits(struct lz_span s)
{
	uint32_t crc = ~0U;

	for (size_t i = 0; i < s.n; i++) {
		crc ^= (unsigned char)s.p[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

/* RFC 1952 2.3: every combination of optional fields, cut at every place. */
static void test_gzip_headers(void **state)
{
	static const char body[] = "\x4b\x4c\x4a\x06\x00\xc2\x41\x24\x35\x03\0\0"; /* "abc" */
	struct lz_limits l = limits();

	(void)state;
	for (unsigned flags = 0; flags < 32; flags++) {
		char head[10] = {0x1f, (char)0x8b, 8, (char)flags, 1, 2, 3, 4, 0, 3};
		struct lz_buf b, out;
		lz_buf_init(&b, 200);
		lz_buf_add(&b, head, 10);
		if (flags & 4)
			lz_buf_add(&b,
				   "\5\0"
				   "AB\0\0C",
				   7);
		if (flags & 8)
			lz_buf_add(&b, "a name", 7);
		if (flags & 16)
			lz_buf_add(&b, "a remark", 9);
		if (flags & 2)
			lz_buf_u16le(&b, (uint16_t)crc_by_bits(lz_buf_view(&b)));
		lz_buf_add(&b, body, sizeof(body)); /* its last zero is the trailer's */
		for (size_t chunk = 1; chunk <= b.n; chunk++) {
			struct lz_err err = {0};
			lz_buf_init(&out, 100);
			assert_ok(unpack(lz_buf_view(&b), chunk, &l, &out, NULL, &err), err);
			assert_span(lz_buf_view(&out), "abc");
			lz_buf_done(&out);
		}
		if (flags & 2) { /* of the sum itself */
			b.p[b.n - sizeof(body) - 1] ^= 1;
			fails(lz_buf_view(&b), &l, LZ_E_FORMAT, "checksum of the header differs");
		}
		b.p[3] |= 0x20 << flags % 3;
		fails(lz_buf_view(&b), &l, LZ_E_FORMAT, "unknown flags");
		b.p[2] = 7;
		fails(lz_buf_view(&b), &l, LZ_E_FORMAT, "unknown way of packing");
		lz_buf_done(&b);
	}
}

static void test_bytes_behind(void **state)
{
	struct lz_limits l = limits();
	struct lz_buf b;

	(void)state;
	made_by(&b, "gzip; echo junk", TEXT_BYTES);
	fails(lz_buf_view(&b), &l, LZ_E_FORMAT, "other bytes follow");
	lz_buf_done(&b);
	made_by(&b, "gzip; head -c 99 /dev/zero; gzip <in", TEXT_BYTES);
	fails(lz_buf_view(&b), &l, LZ_E_FORMAT, "other bytes follow");
	lz_buf_done(&b);
	made_by(&b, "zstd -q; echo junk", TEXT_BYTES);
	fails(lz_buf_view(&b), &l, LZ_E_FORMAT, "zstd");
	lz_buf_done(&b);
	made_by(&b, "xz; echo junk that is longer than a header of xz", TEXT_BYTES);
	fails(lz_buf_view(&b), &l, LZ_E_FORMAT, "xz");
	lz_buf_done(&b);
	fails(LZ_SPAN("BZh91AY&SY"), &l, LZ_E_UNSUPPORTED, "bzip2");
}

static void test_size_limit(void **state)
{
	static const char *const commands[] = {"gzip", "zstd -q", "xz"};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct lz_limits l = limits();
		struct lz_buf b;
		made_by(&b, commands[i], TEXT_BYTES);
		l.layer_bytes = TEXT_BYTES;
		expect_text(lz_buf_view(&b), 0, 0, (enum lz_packing)(LZ_PACK_GZIP + i), 1);
		l.layer_bytes = TEXT_BYTES - 1;
		fails(lz_buf_view(&b), &l, LZ_E_LIMIT, "limit layer_bytes");
		lz_buf_done(&b);
	}
}

/* zeros pack 1,000 : 1 and better; the limit counts from 16 MiB on. */
static void test_ratio_limit(void **state)
{
	struct lz_limits l = limits();
	struct lz_err err = {0};
	struct lz_buf b, out;

	(void)state;
	made_by(&b, "head -c 40000000 /dev/zero | zstd -q -19", 0);
	fails(lz_buf_view(&b), &l, LZ_E_LIMIT, "limit layer_ratio");
	lz_buf_done(&b);

	lz_buf_init(&out, 64 * LZ_M);
	made_by(&b, "head -c 40000000 /dev/zero | gzip -9", 0);
	assert_ok(unpack(lz_buf_view(&b), 0, &l, &out, NULL, &err), err);
	assert_int_equal(out.n, 40000000);
	lz_buf_clear(&out);
	l.layer_ratio = 500;
	fails(lz_buf_view(&b), &l, LZ_E_LIMIT, "limit layer_ratio");
	lz_buf_done(&b);
	made_by(&b, "head -c 16777216 /dev/zero | gzip -9", 0);
	assert_ok(unpack(lz_buf_view(&b), 0, &l, &out, NULL, &err), err);
	lz_buf_done(&b);
	lz_buf_done(&out);
}

static void test_memory_limits(void **state)
{
	struct lz_limits l = limits();
	struct lz_buf b;

	(void)state;
	l.zstd_window = 128 * LZ_K;
	made_by(&b, "zstd -q --long=24 --zstd=wlog=24", TEXT_BYTES);
	lz_buf_done(&b);
	made_by(&b, "head -c 30000000 /dev/urandom | zstd -q --long=24", 0);
	fails(lz_buf_view(&b), &l, LZ_E_LIMIT, "limit zstd_window");
	lz_buf_done(&b);
	l.xz_memory = LZ_M;
	made_by(&b, "xz -9", TEXT_BYTES);
	fails(lz_buf_view(&b), &l, LZ_E_LIMIT, "limit xz_memory");
	lz_buf_done(&b);
}

static void test_magic(void **state)
{
	(void)state;
	assert_int_equal(lz_packing_of(LZ_SPAN("\x1f\x8b\x08")), LZ_PACK_GZIP);
	assert_int_equal(lz_packing_of(LZ_SPAN("\x1f")), LZ_PACK_NONE);
	assert_int_equal(lz_packing_of(LZ_SPAN("\x28\xb5\x2f\xfd")), LZ_PACK_ZSTD);
	assert_int_equal(lz_packing_of(LZ_SPAN("\x5f\x2a\x4d\x18")), LZ_PACK_ZSTD);
	assert_int_equal(lz_packing_of(LZ_SPAN("\xfd"
					       "7zXZ")),
			 LZ_PACK_NONE);
	assert_int_equal(lz_packing_of(LZ_SPAN("\xfd"
					       "7zXZ\0")),
			 LZ_PACK_XZ);
	assert_int_equal(lz_packing_of(LZ_SPAN("BZh9")), LZ_PACK_BZIP2);
	assert_int_equal(lz_packing_of(LZ_SPAN("")), LZ_PACK_NONE);
	assert_string_equal(lz_packing_name(LZ_PACK_ZSTD), "zstd");
	assert_string_equal(lz_packing_name((enum lz_packing)99), "unknown");
}

static int unpack_once(struct lz_span packed)
{
	struct lz_limits l = limits();
	struct lz_err err = {0};
	struct lz_buf out;
	int code;

	lz_buf_init(&out, 64 * LZ_M);
	code = unpack(packed, 1000, &l, &out, NULL, &err);
	lz_buf_done(&out);
	return code;
}

static void test_nomem(void **state)
{
	static const char *const commands[] = {"cat", "gzip", "zstd -q", "xz"};

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct lz_buf b;
		made_by(&b, commands[i], 3000);
		assert_survives_nomem(unpack_once(lz_buf_view(&b)));
		lz_buf_done(&b);
	}
}

/* The reader below fails in the midst of the stream: its error, not one of the codec. */
static void test_error_below(void **state)
{
	struct lz_limits l = limits();
	struct lz_err err = {0};
	struct lz_reader *r;
	struct lz_buf b;
	FILE *f = tmpfile();

	(void)state;
	made_by(&b, "gzip", TEXT_BYTES);
	assert_int_equal(fwrite(b.p, 1, b.n - 100, f), b.n - 100);
	fflush(f);
	r = lz_reader_unpack(lz_reader_pread(fileno(f), 0, b.n, NULL), &l, 0, NULL, &err);
	if (r) {
		assert_int_equal(lz_reader_drain(r, &err), LZ_E_FORMAT);
		lz_reader_close(r);
	}
	assert_non_null(strstr(err.text, "ends early: byte"));
	lz_buf_done(&b);
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tools),	     cmocka_unit_test(test_small_plain),
		cmocka_unit_test(test_cut_short),    cmocka_unit_test(test_second_member_cut_short),
		cmocka_unit_test(test_flipped_bits), cmocka_unit_test(test_gzip_trailer),
		cmocka_unit_test(test_gzip_members), cmocka_unit_test(test_gzip_headers),
		cmocka_unit_test(test_bytes_behind), cmocka_unit_test(test_size_limit),
		cmocka_unit_test(test_ratio_limit),  cmocka_unit_test(test_memory_limits),
		cmocka_unit_test(test_magic),	     cmocka_unit_test(test_nomem),
		cmocka_unit_test(test_error_below),
	};

	return cmocka_run_group_tests(tests, prepare, clean_up);
}
