/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extended headers and sparse maps by hand. Where readers of tar differ, what is expected here is
 * what Go 1.26's archive/tar answered for the same bytes.
 */
#include "tar_make.h"

/* "<length> key=value\n"; the length counts itself. */
static void record(struct lz_buf *pax, const char *key, const char *value)
{
	size_t rest = strlen(key) + strlen(value) + 3, total = rest + 1;
	char digits[24];

	while ((size_t)snprintf(digits, sizeof(digits), "%zu", total) + rest != total)
		total++;
	lz_buf_printf(pax, "%zu %s=%s\n", total, key, value);
}

/* One x (or g) header from "key=value" strings, NULL at the end. */
static void put_pax(struct lz_buf *b, char flag, const char *const *pairs)
{
	struct lz_buf pax;

	init(&pax);
	for (; *pairs; pairs += 2)
		record(&pax, pairs[0], pairs[1]);
	put_extension(b, flag, pax.p, pax.n);
	lz_buf_done(&pax);
}
#define PAX(b, flag, ...) put_pax((b), (flag), (const char *const[]){__VA_ARGS__, NULL})

static void test_names(void **state)
{
	struct lz_buf b;

	(void)state;
	init(&b);
	PAX(&b, 'x', "path", "./pax//name", "linkpath", "pax/link", "mtime", "1.5", "uname", "=\n");
	put_header(&b, (struct made){.flag = '2', .link = "short", .prefix = "p"});
	put_header(&b, (struct made){.name = "next"}); /* nothing is left over */
	PUT_EXTENSION(&b, 'L', "long/name\0ignored");
	PUT_EXTENSION(&b, 'K', "long/link");
	put_header(&b, (struct made){.flag = '2'});
	put_header(&b, (struct made){.name = "last"});
	put_end(&b);
	gives(&b, "l pax/name -> pax/link 0\nf next 0\nl long/name -> long/link 0\nf last 0\n");
}

static void test_which_name_counts(void **state)
{
	struct lz_buf b;

	(void)state;
	init(&b); /* GNU's, before or behind */
	PUT_EXTENSION(&b, 'L', "long");
	PAX(&b, 'x', "path", "pax");
	put_header(&b, (struct made){0});
	PAX(&b, 'x', "path", "pax");
	PUT_EXTENSION(&b, 'L', "long");
	put_header(&b, (struct made){0});
	PUT_EXTENSION(&b, 'K', "long");
	PAX(&b, 'x', "linkpath", "pax");
	put_header(&b, (struct made){.flag = '2', .link = "own"});
	put_end(&b);
	gives(&b, "f long 0\nf long 0\nl file -> long 0\n");
	init(&b); /* the second x header replaces the first */
	PAX(&b, 'x', "path", "first", "size", "5");
	PAX(&b, 'x', "linkpath", "l");
	put_header(&b, (struct made){.flag = '2', .link = "own"});
	put_end(&b);
	gives(&b, "l file -> l 0\n");
	init(&b); /* a global header drops what waits */
	PAX(&b, 'x', "path", "first");
	PUT_EXTENSION(&b, 'L', "long");
	PAX(&b, 'g', "comment", "c");
	put_header(&b, (struct made){0});
	put_end(&b);
	gives(&b, "f file 0\n");
	init(&b); /* empty: the header's own name */
	PAX(&b, 'x', "path", "first", "path", "");
	put_header(&b, (struct made){.prefix = "pre"});
	PUT_EXTENSION(&b, 'L', "\0");
	put_header(&b, (struct made){0});
	put_end(&b);
	gives(&b, "f pre/file 0\nf file 0\n");
}

static void test_size(void **state)
{
	struct lz_buf b;

	(void)state;
	init(&b);
	PAX(&b, 'x', "size", "5");
	put_header(&b, (struct made){.size = 512});
	put_content(&b, "hello", 5);
	PAX(&b, 'x', "size", "512");
	put_header(&b, (struct made){.flag = '2', .link = "no-content"});
	PAX(&b, 'x', "size", "");
	put_header(&b, (struct made){.size = 5});
	put_content(&b, "hello", 5);
	put_end(&b);
	gives(&b, "f file 5 = hello\nl file -> no-content 0\nf file 5 = hello\n");
	for (int i = 0; i < 4; i++) {
		static const char *const bad[] = {"-1", "5x", "18446744073709551616", "0x5"};
		init(&b);
		PAX(&b, 'x', "size", bad[i]);
		put_header(&b, (struct made){0});
		put_end(&b);
		refused(&b, "", LZ_E_FORMAT, "tar entry at byte 0: malformed PAX size");
	}
	init(&b);
	PAX(&b, 'x', "size", "18446744073709551615");
	put_header(&b, (struct made){0});
	put_end(&b);
	refused(&b, "", LZ_E_FORMAT, "tar entry at byte 0: impossible size");
}

static void test_malformed(void **state)
{
	static const char *const bad[] = {
		"x",
		"9 path=b",
		"8 path=b\n",
		"11 path=b\n",
		"9 pathxb\n",
		"4 =\n",
		"5 =b\n",
		"0 path=b\n",
		"-9 path=b\n",
		"9path=b\n",
		"99 path=b\n",
		" 9 path=b\n",
		"09 path=b\n\n",
		"9 path=b\n\n",
		"99999999999999999999999 path=b\n",
		"18446744073709551615 path=b\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct lz_buf b;
		init(&b);
		put_header(&b, (struct made){.name = "first"});
		put_extension(&b, 'x', bad[i], strlen(bad[i]));
		put_header(&b, (struct made){0});
		put_end(&b);
		refused(&b, "f first 0\n", LZ_E_FORMAT,
			"tar entry at byte 512: malformed PAX record");
	}
}

static void test_global(void **state)
{
	static const char *const keys[] = {"path", "linkpath", "size", "GNU.sparse.name"};
	struct lz_buf b;

	(void)state;
	init(&b);
	PAX(&b, 'g', "comment", "0123456789abcdef", "mtime", "5");
	put_header(&b, (struct made){0});
	put_end(&b);
	gives(&b, "f file 0\n");
	for (int i = 0; i < 4; i++) {
		init(&b);
		put_header(&b, (struct made){0});
		PAX(&b, 'g', keys[i], "1");
		put_header(&b, (struct made){0});
		put_end(&b);
		refused(&b, "f file 0\n", LZ_E_UNSUPPORTED, keys[i]);
	}
}

static void test_nul_in_name(void **state)
{
	struct lz_buf b;

	(void)state;
	init(&b);
	PUT_EXTENSION(&b, 'x', "12 path=a\0b\n");
	put_header(&b, (struct made){0});
	put_end(&b);
	{
		struct lz_limits l = limits();
		struct lz_err err = {0};
		struct lz_reader *r = lz_reader_mem(lz_buf_view(&b), 0, &err);
		struct lz_tar *t = lz_tar_open(r, &l, &err);
		struct lz_tar_entry e;
		assert_int_equal(lz_tar_next(t, &e, &err), 1);
		assert_true(e.unsafe);
		assert_int_equal(e.path.n, 3);
		assert_memory_equal(e.path.p, "a\0b", 3);
		lz_tar_close(t);
		lz_reader_close(r);
	}
	lz_buf_done(&b);
}

static void test_long_names(void **state)
{
	static const char flags[] = "Lx";
	char *name = malloc(2 * LZ_M);

	(void)state;
	memset(name, 'n', 2 * LZ_M);
	for (int i = 0; i < 2; i++) {
		static const struct {
			size_t bytes;
			const char *limit;
		} cases[] = {{70000, "limit path_bytes"}, {LZ_M + 1, "limit pax_bytes"}};
		for (int k = 0; k < 2; k++) {
			struct lz_buf b;
			char saved = name[cases[k].bytes];
			init(&b);
			name[cases[k].bytes] = 0;
			if (flags[i] == 'L')
				put_extension(&b, 'L', name, cases[k].bytes);
			else
				PAX(&b, 'x', "path", name);
			put_header(&b, (struct made){0});
			put_end(&b);
			refused(&b, "", LZ_E_LIMIT, cases[k].limit);
			name[cases[k].bytes] = saved;
		}
	}
	free(name);
}

/* --- sparse files --- */

#define ABC "aaaaabbbbb"

static void test_sparse_pax(void **state)
{
	struct lz_buf b;

	(void)state;
	init(&b); /* 0.0 */
	PAX(&b, 'x', "GNU.sparse.size", "14", "GNU.sparse.numblocks", "2", "GNU.sparse.offset", "0",
	    "GNU.sparse.numbytes", "5", "GNU.sparse.offset", "9", "GNU.sparse.numbytes", "5");
	put_header(&b, (struct made){.size = 10});
	put_content(&b, ABC, 10);
	/* 0.1; the real name goes before all others */
	PAX(&b, 'x', "GNU.sparse.name", "real", "GNU.sparse.size", "14", "GNU.sparse.map",
	    "0,5,9,5", "path", "GNUSparseFile.1/real");
	put_header(&b, (struct made){.size = 10});
	put_content(&b, ABC, 10);
	/* 1.0: the map, padded to a block, is in front of the content */
	PAX(&b, 'x', "GNU.sparse.major", "1", "GNU.sparse.minor", "0", "GNU.sparse.name", "real",
	    "GNU.sparse.realsize", "14");
	put_header(&b, (struct made){.size = 522});
	put_content(&b, "2\n0\n5\n9\n5\n", 10);
	put_content(&b, ABC, 10);
	put_header(&b, (struct made){.name = "next"});
	put_end(&b);
	/* "%.*s" of NULs ends there, so look at the bytes below; here names and sizes. */
	{
		struct lz_limits l = limits();
		struct lz_err err = {0};
		struct lz_reader *r = lz_reader_mem(lz_buf_view(&b), 0, &err);
		struct lz_tar *t = lz_tar_open(r, &l, &err);
		struct lz_tar_entry e;
		for (int i = 0; i < 3; i++) {
			struct lz_span s;
			char got[14];
			size_t n = 0;
			assert_int_equal(lz_tar_next(t, &e, &err), 1);
			assert_span(e.path, i ? "real" : "file");
			assert_true(e.sparse);
			assert_int_equal(e.size, 14);
			while (lz_tar_read(t, &s, &err) > 0) {
				assert_true(s.n <= 14 - n);
				memcpy(got + n, s.p, s.n);
				n += s.n;
			}
			assert_int_equal(n, 14);
			assert_memory_equal(got, "aaaaa\0\0\0\0bbbbb", 14);
		}
		assert_int_equal(lz_tar_next(t, &e, &err), 1);
		assert_span(e.path, "next");
		assert_false(e.sparse);
		lz_tar_close(t);
		lz_reader_close(r);
	}
	lz_buf_done(&b);
}

static void test_sparse_that_is_none(void **state)
{
	struct lz_buf b;

	(void)state;
	init(&b); /* neither a map nor a version */
	PAX(&b, 'x', "GNU.sparse.name", "real", "GNU.sparse.realsize", "10");
	put_header(&b, (struct made){.size = 5});
	put_content(&b, "hello", 5);
	put_end(&b);
	gives(&b, "f file 5 = hello\n");
}

static void sparse_refused(const char *map, unsigned long long stored, int code, const char *says)
{
	struct lz_buf b;

	init(&b);
	PAX(&b, 'x', "GNU.sparse.size", "100", "GNU.sparse.map", map);
	put_header(&b, (struct made){.size = stored});
	put_content(&b, ABC ABC, 20);
	put_end(&b);
	refused(&b, "", code, says);
}

static void test_sparse_refused(void **state)
{
	struct lz_buf b;

	(void)state;
	sparse_refused("0,5,4,5", 10, LZ_E_FORMAT, "overlap");
	sparse_refused("50,5,0,5", 10, LZ_E_FORMAT, "overlap");
	sparse_refused("96,5", 5, LZ_E_FORMAT, "lie outside");
	sparse_refused("18446744073709551615,2", 2, LZ_E_FORMAT, "lie outside");
	sparse_refused("0,5", 6, LZ_E_FORMAT, "do not add up");
	sparse_refused("0,5", 4, LZ_E_FORMAT, "do not add up");
	sparse_refused("0,5,9", 5, LZ_E_FORMAT, "map");
	sparse_refused("0,x", 5, LZ_E_FORMAT, "map");
	sparse_refused("0,5,", 5, LZ_E_FORMAT, "map");
	init(&b);
	PAX(&b, 'x', "GNU.sparse.map", "0,5");
	put_header(&b, (struct made){.size = 5});
	put_content(&b, "hello", 5);
	refused(&b, "", LZ_E_FORMAT, "no real size");
	init(&b);
	PAX(&b, 'x', "GNU.sparse.size", "9", "GNU.sparse.offset", "1");
	put_header(&b, (struct made){0});
	refused(&b, "", LZ_E_FORMAT, "no length");
	init(&b);
	PAX(&b, 'x', "GNU.sparse.size", "9", "GNU.sparse.numbytes", "1");
	put_header(&b, (struct made){0});
	refused(&b, "", LZ_E_FORMAT, "without an offset");
	init(&b);
	PAX(&b, 'x', "GNU.sparse.major", "2", "GNU.sparse.minor", "0");
	put_header(&b, (struct made){0});
	refused(&b, "", LZ_E_UNSUPPORTED, "unknown sparse format 2.0");
	init(&b);
	PAX(&b, 'x', "GNU.sparse.size", "9", "GNU.sparse.map", "0,5");
	put_header(&b, (struct made){.flag = '5'});
	refused(&b, "", LZ_E_FORMAT, "no file");
}

static void map_refused(const char *map, size_t n, int code, const char *says)
{
	struct lz_buf b;

	init(&b);
	PAX(&b, 'x', "GNU.sparse.major", "1", "GNU.sparse.minor", "0", "GNU.sparse.realsize", "9");
	put_header(&b, (struct made){.size = n});
	put_content(&b, map, n);
	put_end(&b);
	refused(&b, "", code, says);
}

static void test_sparse_map_refused(void **state)
{
	(void)state;
	map_refused("1\n0\n", 4, LZ_E_FORMAT, "malformed map"); /* ends too soon */
	map_refused("1\n0\n5\n", 6, LZ_E_FORMAT, "not padded");
	map_refused("x\n", 2, LZ_E_FORMAT, "malformed map");
	map_refused("\n", 1, LZ_E_FORMAT, "malformed map");
	map_refused("1\n0\n0000000000000000000000000005\n", 34, LZ_E_FORMAT, "malformed map");
	map_refused("99999999\n", 9, LZ_E_LIMIT, "too long");
	map_refused("18446744073709551615\n", 21, LZ_E_LIMIT, "too long");
}

/* Old GNU: four pieces in the header, 21 in each block behind it. */
static void test_sparse_gnu(void **state)
{
	enum { PIECES = 4 + 21 + 3 };
	char raw[512 - 386] = {0}, blocks[2][512] = {{0}};
	struct lz_limits l = limits();
	struct lz_err err = {0};
	struct lz_tar_entry e;
	struct lz_reader *r;
	struct lz_tar *t;
	struct lz_buf b;
	struct lz_span s;
	size_t n = 0;

	(void)state;
	for (unsigned i = 0; i < PIECES; i++) {
		char *at = i < 4 ? raw + 24 * i : blocks[(i - 4) / 21] + 24 * ((i - 4) % 21);
		snprintf(at, 12, "%011o", i * 1000);
		snprintf(at + 12, 12, "%011o", 1u);
	}
	raw[482 - 386] = 1;
	blocks[0][504] = 1;
	snprintf(raw + 483 - 386, 12, "%011o", PIECES * 1000u);
	init(&b);
	put_header(&b, (struct made){.flag = 'S',
				     .magic = "ustar  ",
				     .size = PIECES,
				     .at = 386,
				     .raw = raw,
				     .raw_bytes = sizeof(raw)});
	lz_buf_add(&b, blocks, sizeof(blocks));
	put_content(&b, "ABCDEFGHIJKLMNOPQRSTUVWXYZab", PIECES);
	put_end(&b);
	r = lz_reader_mem(lz_buf_view(&b), 600, &err);
	t = lz_tar_open(r, &l, &err);
	assert_ok(lz_tar_next(t, &e, &err), err);
	assert_true(e.sparse && e.type == LZ_TAR_FILE);
	assert_int_equal(e.size, PIECES * 1000);
	while (lz_tar_read(t, &s, &err) > 0)
		for (size_t i = 0; i < s.n; i++, n++)
			assert_int_equal(s.p[i],
					 n % 1000 ? 0 : "ABCDEFGHIJKLMNOPQRSTUVWXYZab"[n / 1000]);
	assert_int_equal(n, PIECES * 1000);
	assert_int_equal(lz_tar_next(t, &e, &err), 0);
	lz_tar_close(t);
	lz_reader_close(r);

	b.n = 512 + 512; /* the second block of the map is missing */
	refused(&b, "", LZ_E_FORMAT, "the archive ends inside the map");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_which_name_counts),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_global),
		cmocka_unit_test(test_nul_in_name),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_sparse_pax),
		cmocka_unit_test(test_sparse_that_is_none),
		cmocka_unit_test(test_sparse_refused),
		cmocka_unit_test(test_sparse_map_refused),
		cmocka_unit_test(test_sparse_gnu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
