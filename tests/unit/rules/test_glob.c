/* SPDX-License-Identifier: Apache-2.0 */
/* Globs against fnmatch(3): patterns and texts made at random of what globs are made of. Then what
 * fnmatch leaves open, by hand, and what a hostile value would do to it. */
#include "test.h"

#include "rules/glob.h"

#include "base/clean.h"
#include "base/limits.h"

#include <fnmatch.h>
#include <time.h>

static unsigned seed = 20261125;

static unsigned any(unsigned below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % below;
}

static const char *const pieces[] = {
	"a",	       "b",	      "c",	    "A",	   "B",		"1",
	"/",	       ".",	      "*",	    "*",	   "?",		"[",
	"]",	       "!",	      "^",	    "-",	   "\\",	":",
	"[a-c]",       "[!a]",	      "[^b-c1]",    "[]a]",	   "[A-Cx]",	"[[:alpha:]]",
	"[[:digit:]]", "[![:upper:]", "[:lower:]",  "[[=a=]",	   "[[.b.]-c]", "[a-[.c.]]",
	"[\\]]",       "[\\a-\\c]",   "[[:punct:]", "[[:space:]1", "[a-",	"\xe4",
};

static const char letters[] = "abcABC1/.[]!^-\\: \xe4z";

static void random_pattern(char *to, size_t size, unsigned most)
{
	size_t n = 0;

	for (unsigned i = any(most + 1); i; i--) {
		const char *p = pieces[any(sizeof(pieces) / sizeof(pieces[0]))];
		if (n + strlen(p) + 1 >= size)
			break;
		n += (size_t)sprintf(to + n, "%s", p);
	}
	to[n] = 0;
}

static void random_text(char *to, unsigned most)
{
	unsigned n = any(most + 1);

	for (unsigned i = 0; i < n; i++)
		to[i] = letters[any(sizeof(letters) - 1)];
	to[n] = 0;
}

static void test_like_fnmatch(void **state)
{
	unsigned met = 0;

	(void)state;
	for (int round = 0; round < 60000; round++) {
		char pattern[200], text[20];
		struct lz_arena arena;
		bool nocase = any(2);
		const struct lz_glob *g;
		random_pattern(pattern, sizeof(pattern), 6);
		lz_arena_init(&arena, LZ_M);
		g = lz_glob_compile(&arena, lz_str(pattern), nocase);
		assert_non_null(g);
		for (int i = 0; i < 6; i++) {
			bool want, have;
			random_text(text, 6);
			if (i == 5) /* also what the pattern may stand for itself */
				snprintf(text, sizeof(text), "%s", pattern);
			want = fnmatch(pattern, text, nocase ? FNM_CASEFOLD : 0) == 0;
			have = lz_glob_match(g, lz_str(text));
			met += want;
			/* "[[-" at the end: fnmatch sees a literal, but not in "[a-". */
			if (want != have && !lz_span_ends(lz_str(pattern), "[-"))
				fail_msg("\"%s\" and \"%s\"%s: fnmatch says %d", pattern, text,
					 nocase ? " without case" : "", want);
		}
		lz_arena_done(&arena);
	}
	assert_true(met > 5000);
}

/* Longer than one word of states. */
static void test_long_like_fnmatch(void **state)
{
	static const char *const parts[] = {"a", "b", "ab", "?", "*", "[ab]", "[!b]", "aaaaaaaa"};
	unsigned met = 0;

	(void)state;
	for (int round = 0; round < 300; round++) {
		char pattern[4096] = "", text[4096];
		size_t n = 0, t = 0;
		for (unsigned i = 40 + any(200); i; i--) {
			const char *p = parts[any(8)];
			n += (size_t)sprintf(pattern + n, "%s", p);
			/* a text that may well match */
			if (p[0] == '*')
				t += (size_t)sprintf(text + t, "%.*s", (int)any(4), "abab");
			else if (p[0] == '?' || p[0] == '[')
				t += (size_t)sprintf(text + t, "%s", p[1] == '!' ? "a" : "b");
			else
				t += (size_t)sprintf(text + t, "%s", p);
		}
		if (any(3) == 0)
			text[any((unsigned)t)] = 'c';
		met += fnmatch(pattern, text, 0) == 0;
		assert_int_equal(lz_glob_once(lz_str(pattern), lz_str(text), false),
				 fnmatch(pattern, text, 0) == 0);
	}
	assert_true(met > 50 && met < 300);
}

static const struct {
	const char *pattern, *text;
	bool met;
} fixed[] = {
	{"", "", true},
	{"", "a", false},
	{"*", "", true},
	{"[", "[", true},		 /* stands for itself */
	{"[a", "[a", true},		 /* */
	{"a\\", "a\\", false},		 /* ends too early */
	{"[[:nonsense:]]", "n", false},	 /* no such class */
	{"[![:nonsense:]]", "n", false}, /* nor others than it */
	{"[a[:nonsense:]]", "a", true},
	{"*.key", "/etc/ssl/a.key", true}, /* "*" crosses "/" */
};

static void test_fixed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (lz_glob_once(lz_str(fixed[i].pattern), lz_str(fixed[i].text), false) !=
		    fixed[i].met)
			fail_msg("%s, %s", fixed[i].pattern, fixed[i].text);
	/* Zero bytes are bytes. */
	assert_true(lz_glob_once(LZ_SPAN("a?c"), lz_span("a\0c", 3), false));
	assert_true(lz_glob_once(LZ_SPAN("*c"), lz_span("a\0c", 3), false));
}

static void test_bounds(void **state)
{
	static char pattern[LZ_GLOB_MAX + 2], text[131073];
	clock_t start = clock();
	int n = 0;

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	while (n + 3 < 60)
		n += sprintf(pattern + n, "*a?");
	sprintf(pattern + n, "b");
	assert_false(lz_glob_once(lz_str(pattern), lz_str(text), false));
	for (n = 0; n + 3 < LZ_GLOB_MAX;)
		n += sprintf(pattern + n, "*a?");
	pattern[n++] = 'b';
	assert_false(lz_glob_once(lz_span(pattern, (size_t)n), lz_str(text), false));
	memset(pattern, '*', sizeof(pattern));
	assert_true(lz_glob_once(lz_span(pattern, LZ_GLOB_MAX), lz_str(text), false));
	assert_false(lz_glob_once(lz_span(pattern, LZ_GLOB_MAX + 1), lz_str(text), false));
	assert_true(clock() - start < 5 * CLOCKS_PER_SEC); /* far below; sanitizers are slow */
}

static int path_once(const char *pattern)
{
	LZ_CLEAN(arena) struct lz_arena arena;

	lz_arena_init(&arena, LZ_M);
	return lz_glob_path_compile(&arena, lz_str(pattern)) ? 0 : LZ_E_NOMEM;
}

static void test_nomem(void **state)
{
	(void)state;
	assert_survives_nomem(path_once("/a*/[bc]/d?"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_like_fnmatch), cmocka_unit_test(test_long_like_fnmatch),
		cmocka_unit_test(test_fixed),	     cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_nomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
