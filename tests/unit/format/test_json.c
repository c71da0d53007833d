/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON: strict loading, and large documents cut at the top. What the splitter hands out is compared
 * with what jansson finds in the whole, for every size of chunk.
 */
#include "base/buf.h"
#include "format/json.h"

#include "../../test.h"

static const char *const documents[] = {
	"{\"a\": 1, \"b\": [1, {\"c\": \"\\u00e9\\n}\"}], \"\": null, \"d\\\"e\": \"x\\\"},{\"}",
	"[1, -2.5e3, true, [], {}, \"]\", {\"a\": [{\"b\": \"[\"}]}]",
	"{}",
	"[]",
	"  {\n\t\"k\" : \"v\" }\r\n ",
};

static size_t whole_count(const char *text)
{
	json_t *j = json_loads(text, 0, NULL);
	size_t n = json_is_object(j) ? json_object_size(j) : json_array_size(j);

	assert_non_null(j);
	json_decref(j);
	return n;
}

static void test_split(void **state)
{
	(void)state;
	for (size_t d = 0; d < sizeof(documents) / sizeof(documents[0]); d++)
		for (size_t chunk = 1; chunk <= strlen(documents[d]) + 1; chunk++) {
			struct lz_err err;
			struct lz_json_member m;
			struct lz_json_split *s;
			size_t n = 0;
			int r;
			s = lz_json_split_open(lz_reader_mem(lz_str(documents[d]), chunk, &err),
					       NULL, 4096, &err);
			assert_non_null(s);
			while ((r = lz_json_split_next(s, &m, &err)) > 0) {
				json_t *v = json_loadb(m.value.p, m.value.n, JSON_DECODE_ANY, NULL);
				assert_non_null(v); /* each is a value of its own */
				json_decref(v);
				assert_memory_equal(documents[d] + m.offset, m.value.p, m.value.n);
				n++;
			}
			assert_int_equal(r, 0);
			assert_int_equal(n, whole_count(documents[d]));
			lz_json_split_close(s);
		}
}

static void test_split_below(void **state)
{
	const char *text = "{\"x\": 7, \"list\": [{\"n\": 1}, {\"n\": 2}], \"y\": {\"z\": 3}}";
	struct lz_err err;
	struct lz_json_member m;
	struct lz_json_split *s;
	char seen[200] = "";

	(void)state;
	s = lz_json_split_open(lz_reader_mem(lz_str(text), 3, &err), "list", 4096, &err);
	assert_non_null(s);
	while (lz_json_split_next(s, &m, &err) > 0)
		snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s%.*s=%.*s;",
			 m.inside ? "in:" : "", LZ_FMT(m.key), LZ_FMT(m.value));
	assert_string_equal(seen, "x=7;in:={\"n\": 1};in:={\"n\": 2};y={\"z\": 3};");
	lz_json_split_close(s);
}

static void test_split_damage(void **state)
{
	static const char *const bad[] = {"",	       "{",	   "{\"a\"",	 "{\"a\": 1",
					  "{\"a\" 1}", "[1, 2",	   "[1}",	 "{\"a\": 1}]",
					  "[1] [2]",   "nonsense", "{\"a\": \"x"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct lz_err err;
		struct lz_json_member m;
		struct lz_json_split *s;
		int r;
		s = lz_json_split_open(lz_reader_mem(lz_str(bad[i]), 2, &err), NULL, 4096, &err);
		assert_non_null(s);
		while ((r = lz_json_split_next(s, &m, &err)) > 0)
			;
		if (r != LZ_E_FORMAT)
			fail_msg("\"%s\" gives %d", bad[i], r);
		lz_json_split_close(s);
	}
}

static void test_split_limit(void **state)
{
	struct lz_err err;
	struct lz_json_member m;
	struct lz_json_split *s;

	(void)state;
	s = lz_json_split_open(
		lz_reader_mem(LZ_SPAN("[\"0123456789012345678901234567890\"]"), 0, &err), NULL, 16,
		&err);
	assert_int_equal(lz_json_split_next(s, &m, &err), LZ_E_LIMIT);
	lz_json_split_close(s);
}

static void test_strict(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{"{\"a\": 1, \"a\": 2}", "duplicate"},
		{"[1] x", ""},
		{"[\"\xff\"]", "byte"},
		{"{\"a\": }", "byte"},
		{"[\"\xed\xa0\x80\"]", ""},
		{"", ""},
	};
	struct lz_limits limits;
	struct lz_buf deep;

	(void)state;
	lz_limits_default(&limits);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct lz_err err;
		assert_null(lz_json_load(lz_str(bad[i].text), &limits, "name.json", &err));
		assert_int_equal(err.code, LZ_E_FORMAT);
		if (!strstr(err.text, bad[i].says) || !strstr(err.text, "name.json"))
			fail_msg("\"%s\": %s", bad[i].text, err.text);
	}
	lz_buf_init(&deep, 100000);
	for (unsigned i = 0; i < limits.json_depth + 1; i++)
		lz_buf_byte(&deep, '[');
	for (unsigned i = 0; i < limits.json_depth + 1; i++)
		lz_buf_byte(&deep, ']');
	struct lz_err err;
	assert_null(lz_json_load(lz_buf_view(&deep), &limits, "deep.json", &err));
	deep.n -= 1; /* one level less is allowed */
	json_t *j = lz_json_load(lz_span(deep.p + 1, deep.n - 1), &limits, "deep.json", &err);
	assert_non_null(j);
	json_decref(j);
	lz_buf_done(&deep);
}

/* Whatever the bytes: jansson reads back what valid UTF-8 went in. */
static void test_quote(void **state)
{
	struct lz_buf b;
	json_t *j;

	(void)state;
	lz_buf_init(&b, 4096);
	assert_int_equal(
		lz_json_quote(&b, LZ_SPAN("a\"\\/\b\f\n\r\t\x01\x7f\xc3\xa9\xf0\x9f\x98\x80")), 0);
	j = json_loadb(b.p, b.n, JSON_DECODE_ANY, NULL);
	assert_string_equal(json_string_value(j),
			    "a\"\\/\b\f\n\r\t\x01\x7f\xc3\xa9\xf0\x9f\x98\x80");
	json_decref(j);
	lz_buf_clear(&b);
	lz_json_quote(&b, LZ_SPAN("x\xff\xc3y"));
	j = json_loadb(b.p, b.n, JSON_DECODE_ANY, NULL);
	assert_string_equal(json_string_value(j), "x\xef\xbf\xbd\xef\xbf\xbdy");
	json_decref(j);
	lz_buf_done(&b);
}

static int split_all(const char *text)
{
	struct lz_err err = {0};
	struct lz_json_member m;
	struct lz_reader *r = lz_reader_mem(lz_str(text), 5, &err);
	struct lz_json_split *s = r ? lz_json_split_open(r, NULL, 4096, &err) : NULL;
	int code = s ? 1 : err.code;

	while (s && code > 0)
		code = lz_json_split_next(s, &m, &err);
	if (s)
		lz_json_split_close(s);
	return code;
}

static void test_no_memory(void **state)
{
	(void)state;
	assert_survives_nomem(split_all(documents[0]));
}

static void test_wide(void **state)
{
	static const char text[] = "{\"limit\": 18446744073709551615, \"pid\": 4711}";
	struct lz_limits limits;
	struct lz_err err;
	json_t *j;

	(void)state;
	lz_limits_default(&limits);
	assert_null(lz_json_load(lz_str(text), &limits, "t", &err));
	j = lz_json_load_wide(lz_str(text), &limits, "t", &err);
	assert_non_null(j);
	assert_true(json_number_value(json_object_get(j, "limit")) > 1.8e19);
	assert_true(json_number_value(json_object_get(j, "pid")) == 4711);
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wide),	    cmocka_unit_test(test_split),
		cmocka_unit_test(test_split_below), cmocka_unit_test(test_split_damage),
		cmocka_unit_test(test_split_limit), cmocka_unit_test(test_strict),
		cmocka_unit_test(test_quote),	    cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
