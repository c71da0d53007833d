/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions against the C library's regexec for what both know; what RE2 adds, by hand;
 * mistakes; and how long hostile ones take. */
#include "test.h"

#include "rules/regexp.h"

#include "base/clean.h"
#include "base/limits.h"

#include <regex.h>
#include <time.h>

static unsigned seed = 20261126;

static unsigned any(unsigned below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % below;
}

static bool met(const char *pattern, struct lz_span text)
{
	LZ_CLEAN(arena) struct lz_arena arena;
	struct lz_err err = {0};
	const struct lz_regexp *r;

	lz_arena_init(&arena, 16 * LZ_M);
	r = lz_regexp_compile(&arena, lz_str(pattern), &err);
	if (!r)
		fail_msg("%s", err.text);
	return r && lz_regexp_match(r, text);
}

/* --- against regexec --- */

static void random_pattern(struct lz_buf *to, int depth)
{
	static const char *const atoms[] = {"a",    "b",     "c",	    ".",     "[ab]",
					    "[^a]", "[a-c]", "[[:digit:]]", "[]b-]", "[^]a]",
					    "1",    "x",     "\\.",	    "ab",    "abc"};
	static const char *const repeats[] = {"*",     "+",	"?",	"{2}",
					      "{1,3}", "{0,2}", "{2,}", "{0}"};

	for (unsigned n = 1 + any(3); n; n--) {
		unsigned kind = depth > 2 ? any(6) : any(9);
		if (kind < 6) {
			lz_buf_str(to, atoms[any(sizeof(atoms) / sizeof(atoms[0]))]);
		} else {
			lz_buf_byte(to, '(');
			random_pattern(to, depth + 1);
			if (kind == 8) {
				lz_buf_byte(to, '|');
				random_pattern(to, depth + 1);
			}
			lz_buf_byte(to, ')');
		}
		if (any(3) == 0)
			lz_buf_str(to, repeats[any(8)]);
	}
}

static void test_like_regexec(void **state)
{
	static const char letters[] = "aaabbcc1x.]-";
	unsigned yes = 0, checked = 0;

	(void)state;
	for (int round = 0; round < 4000; round++) {
		char whole[2000], text[12];
		struct lz_buf pattern;
		regex_t other;
		lz_buf_init(&pattern, 1500);
		random_pattern(&pattern, 0);
		lz_buf_byte(&pattern, 0);
		if (!pattern.code) {
			snprintf(whole, sizeof(whole), "^(%s)$", pattern.p ? pattern.p : "");
			assert_int_equal(regcomp(&other, whole, REG_EXTENDED | REG_NOSUB), 0);
			for (int i = 0; i < 20; i++, checked++) {
				unsigned n = any(9);
				bool want;
				for (unsigned k = 0; k < n; k++)
					text[k] = letters[any(sizeof(letters) - 1)];
				text[n] = 0;
				want = regexec(&other, text, 0, NULL, 0) == 0;
				yes += want;
				if (met(pattern.p, lz_str(text)) != want)
					fail_msg("%s and \"%s\": regexec says %d", pattern.p, text,
						 want);
			}
			regfree(&other);
		}
		lz_buf_done(&pattern);
	}
	assert_true(checked > 50000 && yes > 3000);
}

/* --- by hand --- */

static const struct {
	const char *pattern, *text;
	bool met;
} fixed[] = {
	{"", "", true},
	{"", "a", false},
	{"a|", "", true},
	{"()", "", true},
	{"/etc/.*key", "/etc/ssl/a.key", true},
	{"etc", "/etc", false}, /* whole or not at all */
	{"^a$", "a", true},
	{"(^a|b)c", "bc", true},
	{"a^b", "ab", false},
	{"(a*)*b", "aaab", true}, /* loops around nothing end */
	{"(a*)+", "", true},
	{"(a|b*)*c", "abbac", true},
	{"a**", "aaa", true},
	{"a*?b", "aab", true},
	/* RE2's */
	{"\\d+", "0123", true},
	{"\\d+", "12a", false},
	{"\\D", "5", false},
	{"\\w+", "a_Z9", true},
	{"\\w", "-", false},
	{"\\W", "-", true},
	{"\\s\\S", "\tx", true},
	{"\\s", "\v", false},
	{"[\\d.]+", "1.2", true},
	{"[^\\d]", "1", false},
	{"[\\W\\d]+", "1-2", true},
	{"[\\W\\d]+", "a", false},
	{"[[:^digit:]]", "a", true},
	{"[[:word:]]", "_", true},
	{"[\\]\\\\]+", "]\\", true},
	{"\\bab\\b.*", "ab-c", true},
	{"ab\\b.*", "abc", false},
	{"a\\Bb", "ab", true},
	{"a\\bb", "ab", false},
	{"\\Aab\\z", "ab", true},
	{"(?:ab)+", "abab", true},
	{"\\x41\\x{42}", "AB", true},
	{"a\\tb\\.c", "a\tb.c", true},
	{"a{,3}", "a{,3}", true}, /* no repeat */
	{"a{x", "a{x", true},
	{"a{2}{3}", "aaaaaa", true},
	{"(a{0}){1000}b", "b", true},
	{"\xc3\xa4+", "\xc3\xa4", true},
	{"[\\x80-\\xff]+", "\xc3\xa4", true},
	{".", "\n", true},
};

static void test_fixed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (met(fixed[i].pattern, lz_str(fixed[i].text)) != fixed[i].met)
			fail_msg("%s, %s", fixed[i].pattern, fixed[i].text);
	assert_true(met("a.c", lz_span("a\0c", 3)));
}

static void test_mistakes(void **state)
{
	static const char *const wrong[] = {
		"(",
		")",
		"a)",
		"(a",
		"[",
		"[a",
		"[]",
		"*",
		"a|*",
		"(+)",
		"a\\",
		"\\1",
		"\\Q",
		"\\p",
		"(?i)a",
		"[[:x:]]",
		"[[:a",
		"[b-a]",
		"[a-\\d]",
		"\\xg1",
		"\\x{}",
		"a{1001}",
		"a{3,2}",
		"[[=a=]]",
		"[\xc3\xa4]",
		"\\x{41",
		"(((a{1000}){1000}){9})",
		"((){1000}){1000}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		LZ_CLEAN(arena) struct lz_arena arena;
		struct lz_err err = {0};
		lz_arena_init(&arena, 16 * LZ_M);
		if (lz_regexp_compile(&arena, lz_str(wrong[i]), &err))
			fail_msg("%s was taken", wrong[i]);
		assert_int_equal(err.code, LZ_E_FORMAT);
		assert_non_null(strstr(err.text, "is no regular expression: "));
	}
}

static void test_bounds(void **state)
{
	static char text[LZ_REGEXP_BYTES + 2], deep[10001];
	LZ_CLEAN(arena) struct lz_arena arena;
	struct lz_err err = {0};
	clock_t start = clock();

	(void)state;
	lz_arena_init(&arena, 16 * LZ_M);
	memset(text, 'a', sizeof(text) - 1);
	assert_true(met(".*", lz_span(text, LZ_REGEXP_BYTES)));
	assert_false(met(".*", lz_span(text, LZ_REGEXP_BYTES + 1)));
	assert_false(met("(a|aa)*(a|b)*b", lz_span(text, 131072)));
	assert_false(met("(.*a.{12}){2}b", lz_span(text, 20000)));
	assert_true(clock() - start < 20 * CLOCKS_PER_SEC); /* sanitizers are slow */
	memset(deep, '(', 10000);
	assert_null(lz_regexp_compile(&arena, lz_span(deep, 10000), &err));
	memset(deep + 1, '*', 9999);
	deep[0] = 'a';
	assert_null(lz_regexp_compile(&arena, lz_span(deep, 10000), &err));
	assert_null(lz_regexp_compile(&arena, lz_span(text, 10001), &err));
	assert_non_null(lz_regexp_compile(&arena, lz_span(text, 9999), &err));
}

static int compile_once(void)
{
	LZ_CLEAN(arena) struct lz_arena arena;
	struct lz_err err = {0};

	lz_arena_init(&arena, LZ_M);
	return lz_regexp_compile(&arena, LZ_SPAN("(a|b[c-d]+){2,3}\\d"), &err) ? 0 : err.code;
}

static void test_nomem(void **state)
{
	(void)state;
	assert_survives_nomem(compile_once());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_like_regexec), cmocka_unit_test(test_fixed),
		cmocka_unit_test(test_mistakes),     cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_nomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
