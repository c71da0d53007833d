/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans: every helper on empty, NULL, whole and partial input; searches against a naive loop.
 */
#include "base/span.h"

#include "test.h"

static const struct lz_span nothing = {NULL, 0};

static void test_nothing_is_safe(void **state)
{
	struct lz_span head, rest, line = LZ_SPAN("kept");
	uint64_t v = 7;
	char out[4] = "abc";

	(void)state;
	assert_true(lz_span_eq(nothing, LZ_SPAN("")));
	assert_true(lz_span_starts(nothing, "") && lz_span_ends(nothing, ""));
	assert_false(lz_span_starts(nothing, "x") || lz_span_ends(nothing, "x"));
	assert_int_equal(lz_span_cmp(nothing, LZ_SPAN("")), 0);
	assert_int_equal(lz_span_cmp(nothing, LZ_SPAN("a")), -1);
	assert_int_equal(lz_span_from(nothing, 0).n, 0);
	assert_int_equal(lz_span_from(nothing, 9).n, 0);
	assert_int_equal(lz_span_head(nothing, 9).n, 0);
	assert_int_equal(lz_span_find(nothing, 'x'), -1);
	assert_int_equal(lz_span_rfind(nothing, 'x'), -1);
	assert_int_equal(lz_span_search(nothing, LZ_SPAN("x")), -1);
	assert_int_equal(lz_span_search(nothing, nothing), 0);
	assert_int_equal(lz_span_trim(nothing).n, 0);
	assert_false(lz_span_cut(nothing, ':', &head, &rest));
	assert_int_equal(head.n + rest.n, 0);
	rest = nothing;
	assert_false(lz_span_line(&rest, &line));
	assert_span(line, "kept");
	assert_false(lz_span_u64(nothing, 10, &v));
	assert_int_equal(v, 7);
	assert_true(lz_span_cstr(nothing, out, sizeof(out)));
	assert_string_equal(out, "");
	assert_true(lz_span_eq_nocase(nothing, LZ_SPAN("")));
	assert_int_equal(lz_str(NULL).n, 0);
}

static void test_cut_and_lines(void **state)
{
	struct lz_span text = LZ_SPAN("one\r\ntwo\n\nthree"), line, head;
	const char *want[] = {"one", "two", "", "three"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_true(lz_span_line(&text, &line));
		assert_span(line, want[i]);
	}
	assert_false(lz_span_line(&text, &line));
	text = LZ_SPAN("a:b:c");
	assert_true(lz_span_cut(text, ':', &head, &text)); /* rest may be the input */
	assert_span(head, "a");
	assert_span(text, "b:c");
	assert_false(lz_span_cut(text, '=', &head, &text));
	assert_span(head, "b:c");
	assert_int_equal(text.n, 0);
	assert_span(lz_span_trim(LZ_SPAN(" \t x y\r\n")), "x y");
	assert_span(lz_span_from(LZ_SPAN("abc"), 1), "bc");
	assert_span(lz_span_head(LZ_SPAN("abc"), 2), "ab");
}

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		int base;
		bool good;
		uint64_t value;
	} rows[] = {
		{"0", 10, true, 0},
		{"00042", 10, true, 42},
		{"18446744073709551615", 10, true, UINT64_MAX},
		{"18446744073709551616", 10, false, 0},
		{"184467440737095516150", 10, false, 0},
		{"ffffffffffffffff", 16, true, UINT64_MAX},
		{"1ffffffffffffffff", 16, false, 0},
		{"DeadBeef", 16, true, 0xdeadbeef},
		{"0755", 8, true, 0755},
		{"8", 8, false, 0},
		{"a", 10, false, 0},
		{"-1", 10, false, 0},
		{"+1", 10, false, 0},
		{" 1", 10, false, 0},
		{"1 ", 10, false, 0},
		{"0x1", 16, false, 0},
		{"", 10, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t v = 77;
		bool good = lz_span_u64(lz_str(rows[i].text), rows[i].base, &v);
		if (good != rows[i].good || v != (good ? rows[i].value : 77))
			fail_msg("\"%s\" in base %d", rows[i].text, rows[i].base);
	}
}

static void test_cstr(void **state)
{
	char buf[4] = "xyz";

	(void)state;
	assert_false(lz_span_cstr(LZ_SPAN("long"), buf, sizeof(buf)));
	assert_false(lz_span_cstr(lz_span("a\0b", 3), buf, sizeof(buf)));
	assert_string_equal(buf, "xyz");
	assert_true(lz_span_cstr(LZ_SPAN("abc"), buf, sizeof(buf)));
	assert_string_equal(buf, "abc");
	assert_false(lz_span_cstr(nothing, buf, 0));
}

/* Two letters make many repeats, where a search goes wrong if it can. */
static void test_searches_like_a_loop(void **state)
{
	uint32_t x = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		char hay[12], needle[4];
		size_t n = 0, m = 0;
		ptrdiff_t want = -1;

		for (x = x * 1664525 + 1013904223; n < (x >> 28) % sizeof(hay); n++)
			hay[n] = (char)('a' + (x >> (n + 8) & 1));
		for (x = x * 1664525 + 1013904223; m < (x >> 28) % sizeof(needle); m++)
			needle[m] = (char)('a' + (x >> (m + 8) & 1));
		for (size_t i = 0; i + m <= n && want < 0; i++)
			if (!m || !memcmp(hay + i, needle, m))
				want = (ptrdiff_t)i;
		assert_int_equal(lz_span_search(lz_span(hay, n), lz_span(needle, m)), want);
		for (want = (ptrdiff_t)n - 1; want >= 0 && hay[want] != 'b'; want--)
			;
		assert_int_equal(lz_span_rfind(lz_span(hay, n), 'b'), want);
	}
}

static void test_order(void **state)
{
	(void)state;
	assert_int_equal(lz_span_cmp(LZ_SPAN("ab"), LZ_SPAN("abc")), -1);
	assert_int_equal(lz_span_cmp(LZ_SPAN("b"), LZ_SPAN("abc")), 1);
	assert_int_equal(lz_span_cmp(LZ_SPAN("\xff"), LZ_SPAN("a")), 1); /* bytes are unsigned */
	assert_true(lz_span_eq_nocase(LZ_SPAN("aZ[9"), LZ_SPAN("Az[9")));
	assert_false(lz_span_eq_nocase(LZ_SPAN("["), LZ_SPAN("{"))); /* 32 apart, but no letters */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_safe),
		cmocka_unit_test(test_cut_and_lines),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_cstr),
		cmocka_unit_test(test_searches_like_a_loop),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
