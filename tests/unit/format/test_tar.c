/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tar by hand: every field right, wrong and at its edge. Where readers of tar differ, what is
 * expected here is what Go 1.26's archive/tar answered for the same bytes.
 */
#include "tar_make.h"

static void test_types(void **state)
{
	struct lz_buf b;

	(void)state;
	init(&b);
	put_header(&b, (struct made){.name = "reg", .size = 5});
	HELLO;
	put_header(&b, (struct made){.name = "cont", .flag = '7', .size = 5});
	HELLO;
	put_header(&b, (struct made){.name = "hard", .flag = '1', .link = "./a//b"});
	put_header(&b, (struct made){.name = "soft", .flag = '2', .link = "../a//b"});
	put_header(&b, (struct made){.name = "chr", .flag = '3'});
	put_header(&b, (struct made){.name = "blk", .flag = '4'});
	put_header(&b, (struct made){.name = "dir/", .flag = '5'});
	put_header(&b, (struct made){.name = "fifo", .flag = '6'});
	put_header(&b, (struct made){.name = "dump", .flag = 'D', .size = 5});
	HELLO;
	put_header(&b, (struct made){.name = "odd", .flag = 'Z', .size = 5});
	HELLO;
	put_header(&b, (struct made){.name = "slash/", .size = 5});
	HELLO;
	put_end(&b);
	gives(&b,
	      "f reg 5 = hello\nf cont 5 = hello\nh hard -> a/b 0\nl soft -> ../a//b 0\no chr 0\n"
	      "o blk 0\nd dir 0\no fifo 0\no dump 5 = hello\no odd 5 = hello\n"
	      "f slash 5 = hello\n");
}

/* Before ustar there was no type for folders: a name that ends with a slash is one. */
static void test_v7(void **state)
{
	struct lz_buf b;

	(void)state;
	init(&b);
	put_header(&b, (struct made){.name = "d/",
				     .magic = "\0\0\0\0\0\0\0",
				     .at = 156,
				     .raw = "",
				     .raw_bytes = 1});
	put_header(&b, (struct made){.name = "f",
				     .magic = "\0\0\0\0\0\0\0",
				     .at = 156,
				     .raw = "",
				     .raw_bytes = 1,
				     .size = 5,
				     .prefix = "not-a-prefix"});
	HELLO;
	put_end(&b);
	gives(&b, "d d 0\nf f 5 = hello\n");
}

/* Types that have no content have none whatever their size says. */
static void test_size_without_content(void **state)
{
	static const char flags[] = "123456";

	(void)state;
	for (size_t i = 0; flags[i]; i++) {
		struct lz_limits l = limits();
		struct lz_err err = {0};
		struct lz_buf b, out;
		init(&b);
		init(&out);
		put_header(&b, (struct made){.name = "a", .flag = flags[i], .size = 512});
		put_header(&b, (struct made){.name = "second"});
		put_end(&b);
		assert_ok(tell(lz_buf_view(&b), 0, &l, true, &out, &err), err);
		assert_non_null(strstr(out.p, "a 0\nf second 0\n"));
		lz_buf_done(&b);
		lz_buf_done(&out);
	}
}

static void test_paths(void **state)
{
	static const struct {
		const char *name, *prefix, *line;
	} cases[] = {
		{"a", NULL, "f a 0\n"},
		{"./a", NULL, "f a 0\n"},
		{"/a", NULL, "f a 0\n"},
		{"//a//b/./c//", NULL, "f a/b/c 0\n"},
		{"././.", NULL, "f  0\n"},
		{"/", NULL, "f  0\n"},
		{"...", NULL, "f ... 0\n"},
		{".a", NULL, "f .a 0\n"},
		{"a..", NULL, "f a.. 0\n"},
		{"a", "p/q", "f p/q/a 0\n"},
		{"a", "./p/", "f p/a 0\n"},
		{"..", NULL, "f .. 0 unsafe\n"},
		{"../a", NULL, "f ../a 0 unsafe\n"},
		{"a/../b", NULL, "f a/../b 0 unsafe\n"},
		{"a/..", NULL, "f a/.. 0 unsafe\n"},
		{"a", "..", "f ../a 0 unsafe\n"},
		{"\xff\xfe", NULL, "f \xff\xfe 0\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lz_buf b;
		init(&b);
		put_header(&b, (struct made){.name = cases[i].name, .prefix = cases[i].prefix});
		put_end(&b);
		gives(&b, cases[i].line);
	}
}

static void test_full_fields(void **state)
{
	char name[101], prefix[156], line[300];
	struct lz_buf b;

	(void)state;
	memset(name, 'n', 100);
	name[100] = 0;
	memset(prefix, 'p', 155);
	prefix[155] = 0;
	init(&b);
	put_header(&b, (struct made){.name = name, .prefix = prefix}); /* no NUL anywhere */
	put_end(&b);
	snprintf(line, sizeof(line), "f %s/%s 0\n", prefix, name);
	gives(&b, line);
	init(&b); /* star: times follow behind 131 bytes */
	put_header(&b, (struct made){.prefix = prefix,
				     .at = 345 + 131,
				     .raw_bytes = 36,
				     .raw = "00000000000\0"
					    "00000000000\0\0\0\0\0\0\0\0\0tar\0"});
	put_end(&b);
	snprintf(line, sizeof(line), "f %.131s/file 0\n", prefix);
	gives(&b, line);
}

static void test_gnu_prefix(void **state)
{
	static const char gnu[] = "ustar  ";
	static const struct {
		const char *prefix, *line;
	} cases[] = {
		{"etc/dir", "f etc/dir/file 0\n"},
		{"etc/d\xc3\xa4", "f file 0\n"},
		{"00000000000", "f file 0\n"},
		{"", "f file 0\n"},
	};
	struct lz_buf b;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		init(&b);
		put_header(&b, (struct made){.magic = gnu, .prefix = cases[i].prefix});
		put_end(&b);
		gives(&b, cases[i].line);
	}
	init(&b); /* the second time is no number */
	put_header(
		&b,
		(struct made){.magic = gnu, .at = 345, .raw = "00000000000\0abc", .raw_bytes = 15});
	put_end(&b);
	gives(&b, "f 00000000000/file 0\n");
	init(&b); /* a time before 1970 */
	put_header(&b,
		   (struct made){
			   .magic = gnu,
			   .at = 345,
			   .raw_bytes = 24,
			   .raw = "00000000000\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"});
	put_end(&b);
	gives(&b, "f file 0\n");
}

static void test_sizes(void **state)
{
	static const struct {
		const char *raw; /* of the 12 bytes */
		const char *line;
	} good[] = {
		{"00000000005\0", "f file 5 = hello\n"},
		{"000000000005", "f file 5 = hello\n"}, /* all twelve used */
		{"          5 ", "f file 5 = hello\n"},
		{"5\0\0\0\0\0\0\0\0\0\0\0", "f file 5 = hello\n"},
		{"\x80\0\0\0\0\0\0\0\0\0\0\x05", "f file 5 = hello\n"},
		{"\0\0\0\0\0\0\0\0\0\0\0\0", "f file 0\n"},
	};
	static const char *const bad[] = {
		"0000000000x\0",
		"00000000009\0",
		"-0000000005\0",
		"5\0junk\0\0\0\0\0\0",
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfb", /* negative */
		"\x80\0\0\0\x80\0\0\0\0\0\0\0",			    /* 2^63 */
		"\x80\0\0\x01\0\0\0\0\0\0\0\0",			    /* 2^64 */
		"\x81\0\0\0\0\0\0\0\0\0\0\x05",
	};
	struct lz_buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		init(&b);
		put_header(&b, (struct made){.at = 124, .raw = good[i].raw, .raw_bytes = 12});
		if (strstr(good[i].line, "hello"))
			HELLO;
		put_end(&b);
		gives(&b, good[i].line);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		init(&b);
		put_header(&b, (struct made){.name = "first"});
		put_header(&b, (struct made){.at = 124, .raw = bad[i], .raw_bytes = 12});
		put_end(&b);
		refused(&b, "f first 0\n", LZ_E_FORMAT, "tar entry at byte 512: malformed size");
	}
	/* As large as can be said: skipping it ends with the archive, not with an overflow. */
	init(&b);
	put_header(&b, (struct made){.at = 124,
				     .raw = "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff",
				     .raw_bytes = 12});
	put_end(&b);
	{
		struct lz_limits l = limits();
		struct lz_err err = {0};
		struct lz_buf out;
		init(&out);
		assert_int_equal(tell(lz_buf_view(&b), 0, &l, false, &out, &err), LZ_E_FORMAT);
		assert_string_equal(out.p, "f file 9223372036854775807\n");
		assert_non_null(strstr(err.text, "ends inside \"file\", at byte 1536"));
		lz_buf_done(&out);
		lz_buf_done(&b);
	}
}

static void test_checksum(void **state)
{
	struct lz_buf b;

	(void)state;
	init(&b);
	put_header(&b, (struct made){.name = "\xe4\xf6\xfc", .signed_sum = true});
	put_end(&b);
	gives(&b, "f \xe4\xf6\xfc 0\n");
	for (int at = 0; at < 512; at += 37) {
		init(&b);
		put_header(&b, (struct made){.name = "first"});
		put_header(&b, (struct made){.name = "second"});
		put_end(&b);
		b.p[512 + at] ^= 4;
		refused(&b, "f first 0\n", LZ_E_FORMAT, "tar header at byte 512: wrong checksum");
	}
}

static void test_is_header(void **state)
{
	struct lz_buf b;

	(void)state;
	init(&b);
	put_header(&b, (struct made){.name = "a"});
	assert_true(lz_tar_is_header(lz_buf_view(&b)));
	assert_false(lz_tar_is_header(lz_span(b.p, 511)));
	b.p[3]++;
	assert_false(lz_tar_is_header(lz_buf_view(&b)));
	lz_buf_clear(&b);
	put_end(&b);
	assert_false(lz_tar_is_header(lz_buf_view(&b)));
	lz_buf_done(&b);
}

static void test_ends(void **state)
{
	struct lz_buf b;

	(void)state;
	init(&b);
	refused(&b, "", LZ_E_FORMAT, "empty: not a tar archive");
	init(&b);
	put_end(&b);
	gives(&b, "");
	init(&b);
	put_header(&b, (struct made){.name = "no-end"});
	gives(&b, "f no-end 0\n");
	init(&b);
	put_header(&b, (struct made){.name = "one-block"});
	lz_buf_zero(&b, 512);
	gives(&b, "f one-block 0\n");
	init(&b);
	put_header(&b, (struct made){0});
	put_end(&b);
	put_header(&b, (struct made){.name = "behind-the-end"});
	gives(&b, "f file 0\n");
	init(&b);
	put_header(&b, (struct made){0});
	lz_buf_zero(&b, 512);
	put_header(&b, (struct made){.name = "second"});
	refused(&b, "f file 0\n", LZ_E_FORMAT, "a lone block of zeros at byte 512");
}

static void test_torn(void **state)
{
	struct lz_buf b;

	(void)state;
	init(&b);
	put_header(&b, (struct made){.name = "first"});
	put_header(&b, (struct made){.name = "torn", .size = 1000});
	lz_buf_zero(&b, 600);
	refused(&b, "f first 0\nf torn 1000\n", LZ_E_FORMAT,
		"tar entry at byte 512: the archive ends inside \"torn\", at byte 1624");
	init(&b);
	put_header(&b, (struct made){.name = "first"});
	put_header(&b, (struct made){.name = "torn"});
	b.n -= 100;
	refused(&b, "f first 0\n", LZ_E_FORMAT, "inside a header at byte 924");
	init(&b);
	put_header(&b, (struct made){.name = "first"});
	PUT_EXTENSION(&b, 'x', "9 path=b\n");
	refused(&b, "f first 0\n", LZ_E_FORMAT, "behind an extended header");
	init(&b);
	put_header(&b, (struct made){.name = "first"});
	PUT_EXTENSION(&b, 'L', "long");
	b.n -= 510;
	refused(&b, "f first 0\n", LZ_E_FORMAT,
		"tar entry at byte 512: the archive ends inside its extended header");
}

static void test_entry_limit(void **state)
{
	struct lz_limits l = limits();
	struct lz_err err = {0};
	struct lz_buf b, out;

	(void)state;
	init(&b);
	init(&out);
	for (int i = 0; i < 5; i++)
		put_header(&b, (struct made){0});
	put_end(&b);
	l.layer_entries = 5;
	assert_ok(tell(lz_buf_view(&b), 0, &l, true, &out, &err), err);
	l.layer_entries = 4;
	assert_int_equal(tell(lz_buf_view(&b), 0, &l, true, &out, &err), LZ_E_LIMIT);
	assert_non_null(strstr(err.text, "limit layer_entries"));
	lz_buf_done(&b);
	lz_buf_done(&out);
}

static void test_offsets(void **state)
{
	struct lz_limits l = limits();
	struct lz_err err = {0};
	struct lz_tar_entry e;
	struct lz_reader *r;
	struct lz_tar *t;
	struct lz_buf b;

	(void)state;
	init(&b);
	put_header(&b, (struct made){.name = "a", .size = 5});
	HELLO;
	PUT_EXTENSION(&b, 'L', "long");
	put_header(
		&b,
		(struct made){.name = "b", .size = 5, .at = 100, .raw = "0104755", .raw_bytes = 7});
	HELLO;
	put_end(&b);
	r = lz_reader_mem(lz_buf_view(&b), 0, &err);
	t = lz_tar_open(r, &l, &err);
	assert_int_equal(lz_tar_next(t, &e, &err), 1);
	assert_int_equal(e.offset, 0);
	assert_int_equal(e.data_offset, 512);
	assert_int_equal(e.mode, 0644);
	assert_int_equal(lz_tar_next(t, &e, &err), 1);
	assert_int_equal(e.offset, 1024);
	assert_int_equal(e.data_offset, 1024 + 1024 + 512);
	assert_memory_equal(b.p + e.data_offset, "hello", 5);
	assert_int_equal(e.mode, 04755);
	assert_int_equal(lz_tar_next(t, &e, &err), 0);
	assert_int_equal(lz_tar_next(t, &e, &err), 0);
	lz_tar_close(t);
	lz_reader_close(r);
	lz_buf_done(&b);
}

static void test_content_reader(void **state)
{
	struct lz_limits l = limits();
	struct lz_err err = {0};
	struct lz_tar_entry e;
	struct lz_reader *r, *c;
	struct lz_span s;
	struct lz_tar *t;
	struct lz_buf b;

	(void)state;
	init(&b);
	put_header(&b, (struct made){.size = 5});
	HELLO;
	put_header(&b, (struct made){.name = "next"});
	put_end(&b);
	r = lz_reader_mem(lz_buf_view(&b), 0, &err);
	t = lz_tar_open(r, &l, &err);
	assert_int_equal(lz_tar_next(t, &e, &err), 1);
	c = lz_tar_reader(t, &err);
	assert_int_equal(lz_reader_next(c, &s, &err), 1);
	assert_span(s, "hello");
	assert_int_equal(c->offset, 5);
	assert_int_equal(lz_reader_next(c, &s, &err), 0);
	lz_reader_close(c);
	assert_int_equal(lz_tar_next(t, &e, &err), 1);
	assert_span(e.path, "next");
	lz_tar_close(t);
	lz_reader_close(r);
	lz_buf_done(&b);
}

static const char ROUND_TRIP_LINK[] = "../somewhere/else";

/* What is written is read again; GNU tar reads it too (test_tar_tools.c). */
static void test_put_header(void **state)
{
	char path[300], line[700];
	struct lz_buf b;

	(void)state;
	for (size_t n = 90; n < 300; n += n < 110 ? 1 : 47) {
		memset(path, 'a', sizeof(path));
		path[n] = 0;
		init(&b);
		lz_tar_put_header(&b, LZ_TAR_FILE, lz_str(path), LZ_SPAN(""), 5);
		HELLO;
		lz_tar_put_header(&b, LZ_TAR_SYMLINK, LZ_SPAN("l"), lz_str(path), 0);
		lz_tar_put_header(&b, LZ_TAR_DIR, LZ_SPAN("d"), LZ_SPAN(""), 0);
		assert_int_equal(lz_tar_put_header(&b, LZ_TAR_SYMLINK, LZ_SPAN("m"),
						   lz_str(ROUND_TRIP_LINK), 0),
				 0);
		put_end(&b);
		snprintf(line, sizeof(line),
			 "f %.256s 5 = hello\nl l -> %.256s 0\nd d 0\nl m -> ../somewhere/else 0\n",
			 path, path);
		gives(&b, line);
	}
}

static int tell_once(struct lz_span tar)
{
	struct lz_limits l = limits();
	struct lz_err err = {0};
	struct lz_buf out;
	int code;

	init(&out);
	code = tell(tar, 100, &l, false, &out, &err);
	lz_buf_done(&out);
	return code;
}

static void test_nomem(void **state)
{
	struct lz_buf b;

	(void)state;
	init(&b);
	PUT_EXTENSION(&b, 'L', "long/name");
	PUT_EXTENSION(&b, 'K', "long/link");
	put_header(&b, (struct made){.flag = '1'});
	PUT_EXTENSION(&b, 'x', "12 path=pax\n22 GNU.sparse.size=10\n22 GNU.sparse.map=5,5\n");
	put_header(&b, (struct made){.size = 5});
	HELLO;
	put_end(&b);
	assert_survives_nomem(tell_once(lz_buf_view(&b)));
	lz_buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_v7),
		cmocka_unit_test(test_size_without_content),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_full_fields),
		cmocka_unit_test(test_gnu_prefix),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_is_header),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_torn),
		cmocka_unit_test(test_entry_limit),
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_content_reader),
		cmocka_unit_test(test_put_header),
		cmocka_unit_test(test_nomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
