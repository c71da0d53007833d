/* SPDX-License-Identifier: Apache-2.0 */
/* YAML as a tree with places, by documents written and measured by hand. */
#include "test.h"

#include "base/limits.h"
#include "format/yaml.h"

struct seen {
	const struct lz_yaml *roots[4];
	size_t n;
};

static int keep(void *arg, const struct lz_yaml *root)
{
	struct seen *s = arg;

	s->roots[s->n++ % 4] = root;
	return 0;
}

static int stop(void *arg, const struct lz_yaml *root)
{
	(void)root;
	return ++*(int *)arg == 2 ? 7 : 0;
}

static int parse(const char *text, struct lz_arena *arena, struct seen *s, struct lz_err *err)
{
	*s = (struct seen){.n = 0};
	lz_arena_init(arena, LZ_M);
	return lz_yaml_each(lz_str(text), 1000, arena, keep, s, err);
}

static void test_tree(void **state)
{
	struct lz_err err = {0};
	struct lz_arena arena;
	struct seen s;
	const struct lz_yaml *list;

	(void)state;
	assert_ok(parse("a: 1\nb: [x, 'y', \"z\"]\nc:\n  d: |\n    two\n    lines\n", &arena, &s,
			&err),
		  err);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.roots[0]->kind, LZ_YAML_MAP);
	assert_int_equal(s.roots[0]->count, 3);
	assert_true(lz_yaml_is(lz_yaml_get(s.roots[0], "a"), "1"));
	assert_false(lz_yaml_get(s.roots[0], "a")->quoted);
	list = lz_yaml_get(s.roots[0], "b");
	assert_int_equal(list->count, 3);
	assert_int_equal(list->line, 2);
	assert_int_equal(list->column, 4);
	assert_true(list->first->next->quoted);
	assert_true(lz_yaml_is(list->last, "z"));
	assert_int_equal(list->last->column, 13);
	assert_true(lz_yaml_is(lz_yaml_get(lz_yaml_get(s.roots[0], "c"), "d"), "two\nlines\n"));
	assert_null(lz_yaml_get(s.roots[0], "e"));
	assert_null(lz_yaml_get(list, "a"));
	lz_arena_done(&arena);
}

static void test_documents(void **state)
{
	struct lz_err err = {0};
	struct lz_arena arena;
	struct seen s;
	int count = 0;

	(void)state;
	assert_ok(parse("a: 1\n---\n---\n- b\n...\n", &arena, &s, &err), err);
	assert_int_equal(s.n, 3);
	assert_true(lz_yaml_is(s.roots[1], ""));
	assert_int_equal(s.roots[2]->kind, LZ_YAML_LIST);
	lz_arena_done(&arena);
	assert_ok(parse("", &arena, &s, &err), err);
	assert_int_equal(s.n, 0);
	assert_int_equal(
		lz_yaml_each(LZ_SPAN("a\n---\nb\n---\nc\n"), 10, &arena, stop, &count, &err), 7);
	assert_int_equal(count, 2);
	lz_arena_done(&arena);
}

/* "offset" counts in the value; line and column where a person finds it in the file. */
static void test_places(void **state)
{
	static const struct {
		const char *text;
		const char *at; /* the value's text from this place on … */
		unsigned line, column;
	} cases[] = {
		{"k: alpha beta\n", "beta", 1, 10},
		{"k: alpha\n   beta\n", "beta", 2, 4}, /* plain, over two lines */
		{"k: >\n  alpha\n  beta gamma\n", "gamma", 3, 8},
		{"k: >-\n\n  alpha\n\n  beta\n", "beta", 5, 3},
		{"k: |\n  alpha\n    beta\n", "beta", 3, 5},
		{"k: 'alpha beta'\n", "beta", 1, 11},
		{"\n\nk: \"alpha beta\"\n", "beta", 3, 11},
		{"k: \xc3\xa4lpha beta\n", "beta", 1, 10}, /* columns count characters */
		{"\xc3\xa4: alpha beta\n", "beta", 1, 10},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lz_err err = {0};
		struct lz_arena arena;
		struct seen s;
		const struct lz_yaml *v;
		unsigned line, column;
		assert_ok(parse(cases[i].text, &arena, &s, &err), err);
		v = s.roots[0]->first->next;
		lz_yaml_place(v, (size_t)lz_span_search(v->text, lz_str(cases[i].at)), &line,
			      &column);
		if (line != cases[i].line || column != cases[i].column)
			fail_msg("%s: %u:%u, expected %u:%u", cases[i].text, line, column,
				 cases[i].line, cases[i].column);
		lz_yaml_place(v, v->text.n + 100, &line, &column); /* beyond: its end */
		assert_true(line >= cases[i].line);
		lz_arena_done(&arena);
	}
}

static void test_aliases(void **state)
{
	struct lz_err err = {0};
	struct lz_arena arena;
	struct seen s;
	char text[3000] = "a0: &a0 [x, x]\n";
	const struct lz_yaml *last;

	(void)state;
	/* Nine times nine … of a little: shared, so small. */
	for (int i = 1; i < 30; i++)
		sprintf(text + strlen(text), "a%d: &a%d [*a%d, *a%d, *a%d]\n", i, i, i - 1, i - 1,
			i - 1);
	assert_ok(parse(text, &arena, &s, &err), err);
	assert_true(arena.used_bytes < 200000);
	last = s.roots[0]->last;
	for (int i = 0; i < 29; i++) {
		assert_int_equal(last->count, 3);
		last = last->first;
	}
	assert_true(lz_yaml_is(last->first, "x"));
	lz_arena_done(&arena);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *says;
	} cases[] = {
		{"a: [", LZ_E_FORMAT, "line 2, column 1: did not find"},
		{"a: 1\n b: 2\n", LZ_E_FORMAT, "line 2, column"},
		{"- *nothing\n", LZ_E_FORMAT, "line 1, column 3: an alias of nothing"},
		{"&a [*a]\n", LZ_E_FORMAT, "an alias of itself"},
		{"? [a]\n: b\n", LZ_E_FORMAT, "a key must be a word"},
		{"a: \"\\0\"\n", LZ_E_FORMAT, "a zero byte"},
		{"a: \xff\xfe\n", LZ_E_FORMAT, "byte 3"},
		{"\t- a\n", LZ_E_FORMAT, "line 1"},
	};
	struct lz_err err = {0};
	struct lz_arena arena;
	struct seen s;
	char deep[300];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].text, &arena, &s, &err), cases[i].code);
		if (!strstr(err.text, cases[i].says))
			fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].says);
		lz_arena_done(&arena);
	}
	memset(deep, '[', 65);
	memset(deep + 65, ']', 65);
	deep[130] = 0;
	assert_int_equal(parse(deep, &arena, &s, &err), LZ_E_LIMIT);
	lz_arena_done(&arena);
	assert_ok(parse("[[[[[[]]]]]]", &arena, &s, &err), err);
	lz_arena_done(&arena);
	assert_int_equal(lz_yaml_each(LZ_SPAN("[a, b, c]"), 3, &arena, keep, &s, &err), LZ_E_LIMIT);
	lz_arena_done(&arena);
}

static int once(void)
{
	struct lz_err err = {0};
	struct lz_arena arena;
	struct seen s;
	int code = parse("- &x a\n- *x\n- {b: c}\n", &arena, &s, &err);

	lz_arena_done(&arena);
	return code;
}

static void test_nomem(void **state)
{
	(void)state;
	assert_survives_nomem(once());
}

/* What a value was made of: several on a line, characters of several bytes, lines folded. */
static void test_raw(void **state)
{
	struct lz_err err = {0};
	struct lz_arena arena;
	struct seen s;
	const struct lz_yaml *v;

	(void)state;
	assert_ok(parse("- [\xc3\xa4\xe2\x82\xac, 'x''y', b] # c\n- \"\\t\xc3\xa4\"\n- a\n  b\n- "
			"{k: \xc3\xb6}\n",
			&arena, &s, &err),
		  err);
	v = s.roots[0]->first;
	assert_span(v->first->raw, "\xc3\xa4\xe2\x82\xac");
	assert_span(v->first->next->raw, "'x''y'");
	assert_span(v->last->raw, "b");
	v = v->next;
	assert_span(v->raw, "\"\\t\xc3\xa4\"");
	v = v->next;
	assert_span(v->raw, "a\n  b");
	v = v->next;
	assert_span(v->first->raw, "k");
	assert_span(v->last->raw, "\xc3\xb6");
	lz_arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_raw),	  cmocka_unit_test(test_tree),
		cmocka_unit_test(test_documents), cmocka_unit_test(test_places),
		cmocka_unit_test(test_aliases),	  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_nomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
