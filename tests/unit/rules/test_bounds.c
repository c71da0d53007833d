/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short rule files that would grow beyond all measure: each ends soon, with a word that says where.
 * Texts are made here, what is said of them is worked by hand.
 */
#include "test.h"

#include "rules/rules.h"

#include "base/limits.h"

#define HEAD "  desc: d\n  priority: INFO\n  output: o\n"

struct tried {
	struct lz_rules *rules;
	struct lz_err err;
	int code;
};

/* Loads and compiles what the buffer holds. */
static struct tried try_rules(struct lz_buf *b)
{
	struct tried t = {.rules = lz_rules_new(NULL)};

	assert_non_null(t.rules);
	assert_int_equal(b->code, 0);
	t.code = lz_rules_add(t.rules, LZ_SPAN("t.yaml"), lz_buf_view(b), &t.err);
	if (!t.code)
		t.code = lz_rules_compile(t.rules, &t.err);
	return t;
}

static const struct lz_rules_note *error_of(const struct lz_rules *r, const char *item)
{
	LZ_VEC_EACH (struct lz_rules_note, n, lz_rules_notes(r))
		if (n->error && lz_span_is(n->item, item))
			return n;
	fail_msg("no error of %s", item);
	return NULL;
}

static size_t usable(const struct lz_rules *r)
{
	size_t n = 0;

	LZ_VEC_EACH (struct lz_rule, rule, lz_rules_all(r))
		n += rule->usable;
	return n;
}

static void on_hit(void *arg, const struct lz_rule *rule)
{
	(void)rule;
	++*(size_t *)arg;
}

static size_t matches(struct lz_rules *r, const char *event)
{
	struct lz_json_event *j = lz_json_event_new(lz_str(event), NULL);
	struct lz_matcher *m = lz_matcher_new(r, NULL);
	size_t hits = 0;

	assert_non_null(j);
	assert_non_null(m);
	lz_match_event(m, lz_json_event_of(j), lz_json_event_kind(j), 0, on_hit, &hits);
	lz_matcher_free(m);
	lz_json_event_free(j);
	return hits;
}

/* m0 or m0, m1 or m1, …: a tree of 2^60 leaves, a graph of a few nodes. */
static void doubling_macros(void **state)
{
	struct tried t;
	struct lz_buf b;

	(void)state;
	lz_buf_init(&b, LZ_M);
	lz_buf_str(&b, "- macro: m0\n  condition: evt.type=open and fd.num=1\n");
	for (int i = 1; i < 60; i++)
		lz_buf_printf(
			&b, "- macro: m%d\n  condition: (m%d and fd.num>0) or (m%d and fd.num<9)\n",
			i, i - 1, i - 1);
	lz_buf_str(&b, "- rule: r\n" HEAD "  condition: m59\n");
	t = try_rules(&b);
	assert_ok(t.code, t.err);
	assert_int_equal(usable(t.rules), 1);
	assert_int_equal(matches(t.rules, "{\"evt.type\":\"open\",\"fd.num\":1}"), 1);
	assert_int_equal(matches(t.rules, "{\"evt.type\":\"open\",\"fd.num\":2}"), 0);
	lz_rules_free(t.rules);
	lz_buf_done(&b);
}

/* Each macro puts an "or" and an "and" around the one before, so m(i) has 2i + 1 levels; rules on the
 * way keep each look into macros short. */
static void deep_macros(void **state)
{
	const struct lz_rules_note *n;
	struct lz_buf b;
	struct tried t;

	(void)state;
	lz_buf_init(&b, 8 * LZ_M);
	lz_buf_str(&b, "- macro: m0\n  condition: evt.type = open\n");
	for (int i = 1; i < 40000; i++)
		lz_buf_printf(&b,
			      "- macro: m%d\n  condition: fd.num = %d or (proc.pid > 0 and m%d)\n",
			      i, i, i - 1);
	for (int i = 0; i < 40000; i += 50)
		lz_buf_printf(&b, "- rule: r%d\n" HEAD "  condition: m%d\n", i, i);
	lz_buf_str(&b, "- rule: good\n" HEAD "  condition: m499\n- rule: steps\n" HEAD
		       "  within: 1m\n  sequence:\n    - condition: m499 and proc.pid = 1\n"
		       "    - condition: m1\n");
	t = try_rules(&b);
	assert_ok(t.code, t.err);
	/* r0 to r450, and the good one. */
	assert_int_equal(usable(t.rules), 11);
	n = error_of(t.rules, "macro 'm500'");
	assert_span(n->text, "macros nest too deep");
	assert_int_equal(n->line, 1002);
	n = error_of(t.rules, "rule 'steps'");
	assert_span(n->text, "macros nest too deep");
	assert_int_equal(n->line, 80000 + 5 * 800 + 5 + 7); /* the list itself */
	assert_int_equal(matches(t.rules, "{\"evt.type\":\"open\",\"proc.pid\":7}"), 11);
	assert_int_equal(matches(t.rules, "{\"evt.type\":\"close\",\"proc.pid\":7}"), 0);
	lz_rules_free(t.rules);
	lz_buf_done(&b);
}

/* Steps that are aliases of aliases: 1,000^4 values in a few lines. */
static void steps_of_aliases(void **state)
{
	struct lz_buf b;
	struct tried t;

	(void)state;
	lz_buf_init(&b, LZ_M);
	lz_buf_str(&b, "- rule: x\n" HEAD "  within: 1m\n  tags: [a]\n  by: &a0 [proc.pid]\n");
	for (int level = 1; level < 4; level++) {
		lz_buf_printf(&b, "  k%d: &a%d [", level, level);
		for (int i = 0; i < 1000; i++)
			lz_buf_printf(&b, "%s*a%d", i ? "," : "", level - 1);
		lz_buf_str(&b, "]\n");
	}
	lz_buf_str(&b, "  sequence: *a3\n");
	t = try_rules(&b);
	assert_ok(t.code, t.err);
	assert_true(lz_span_search(error_of(t.rules, "rule 'x'")->text, LZ_SPAN("2 to 16 steps")) >=
		    0);
	assert_int_equal(usable(t.rules), 0);
	lz_rules_free(t.rules);
	lz_buf_done(&b);
}

static void put_words(struct lz_buf *b, int count)
{
	for (int i = 0; i < count; i++)
		lz_buf_printf(b, "%sword%d", i ? "," : "", i);
}

/* 20,000 rows of 20,000 words each, one of each written: 400 million words, 3 GB of condition. */
static void rows_of_aliases(void **state)
{
	struct lz_buf b;
	struct tried t;

	(void)state;
	lz_buf_init(&b, 8 * LZ_M);
	lz_buf_str(&b, "- list: w\n  items: &w [");
	put_words(&b, 20000);
	lz_buf_str(&b, "]\n- rule: x\n" HEAD "  condition: evt.type = open\n  exceptions:\n"
		       "  - name: e\n    fields: [proc.name]\n    comps: [in]\n    values:\n"
		       "    - &r [*w]\n");
	for (int i = 1; i < 20000; i++)
		lz_buf_str(&b, "    - *r\n");
	t = try_rules(&b);
	assert_int_equal(t.code, LZ_E_LIMIT);
	assert_string_equal(t.err.text, "t.yaml:3: rule 'x': with its exceptions: limit reached");
	lz_rules_free(t.rules);
	lz_buf_done(&b);
}

/* One list of 200,000 words, taken by 3,000 others: 9 GB of them, 256 MiB are kept. */
static void lists_of_aliases(void **state)
{
	struct lz_buf b;
	struct tried t;

	(void)state;
	lz_buf_init(&b, 8 * LZ_M);
	lz_buf_str(&b, "- list: w\n  items: &w [");
	put_words(&b, 200000);
	lz_buf_str(&b, "]\n");
	for (int i = 0; i < 3000; i++)
		lz_buf_printf(&b, "- list: l%d\n  items: *w\n", i);
	t = try_rules(&b);
	assert_int_equal(t.code, LZ_E_LIMIT);
	/* 16 bytes a word: the 84th list is too much, of two lines each. */
	assert_string_equal(t.err.text, "t.yaml:167: rules grow beyond all measure");
	lz_rules_free(t.rules);
	lz_buf_done(&b);
}

/* The same with the text of macros, and with rows of exceptions. */
static void texts_and_rows_of_aliases(void **state)
{
	struct lz_buf b;
	struct tried t;

	(void)state;
	lz_buf_init(&b, 8 * LZ_M);
	lz_buf_str(&b, "- macro: m\n  condition: &c '");
	for (int i = 0; i < 50000; i++)
		lz_buf_str(&b, "evt.type = open or ");
	lz_buf_str(&b, "evt.type = close'\n");
	for (int i = 0; i < 3000; i++)
		lz_buf_printf(&b, "- macro: m%d\n  condition: *c\n", i);
	t = try_rules(&b);
	assert_int_equal(t.code, LZ_E_LIMIT);
	assert_non_null(strstr(t.err.text, "rules grow beyond all measure"));
	lz_rules_free(t.rules);
	lz_buf_clear(&b);
	lz_buf_str(&b, "- list: w\n  items: &w [");
	put_words(&b, 200000);
	lz_buf_str(&b, "]\n- rule: x\n" HEAD "  condition: evt.type = open\n  exceptions:\n");
	for (int i = 0; i < 3000; i++)
		lz_buf_printf(&b, "  - {name: e%d, fields: proc.name, comps: in, values: *w}\n", i);
	t = try_rules(&b);
	assert_int_equal(t.code, LZ_E_LIMIT);
	assert_string_equal(t.err.text, "t.yaml:3: rules grow beyond all measure");
	lz_rules_free(t.rules);
	lz_buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(doubling_macros),  cmocka_unit_test(deep_macros),
		cmocka_unit_test(steps_of_aliases), cmocka_unit_test(rows_of_aliases),
		cmocka_unit_test(lists_of_aliases), cmocka_unit_test(texts_and_rows_of_aliases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
