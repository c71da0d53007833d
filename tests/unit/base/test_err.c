/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors: code, errno, context, cutting, and that hostile text can't bring a newline in.
 */
#include "base/err.h"

#include "test.h"

#include <errno.h>

static void test_fail(void **state)
{
	struct lz_err err;

	(void)state;
	memset(&err, 0xaa, sizeof(err)); /* need not be initialised */
	errno = EPIPE;
	assert_int_equal(lz_fail(&err, LZ_E_FORMAT, "line %u: no version", 7u), LZ_E_FORMAT);
	assert_int_equal(err.code, LZ_E_FORMAT);
	assert_int_equal(err.sys, 0);
	assert_string_equal(err.text, "line 7: no version");
	errno = EPIPE;
	assert_int_equal(lz_fail(&err, LZ_E_IO, "x"), LZ_E_IO);
	assert_int_equal(err.sys, EPIPE);
	assert_int_equal(lz_fail(NULL, LZ_E_LIMIT, "nobody listens %d", 1), LZ_E_LIMIT);
}

static void test_errno(void **state)
{
	static const struct {
		int sys, code;
	} rows[] = {{ENOMEM, LZ_E_NOMEM},    {EACCES, LZ_E_DENIED}, {EPERM, LZ_E_DENIED},
		    {ENOENT, LZ_E_NOTFOUND}, {EIO, LZ_E_IO},	    {ENOSPC, LZ_E_IO}};
	struct lz_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		errno = rows[i].sys;
		assert_int_equal(lz_fail_errno(&err, "open %s", "x"), rows[i].code);
		assert_int_equal(err.sys, rows[i].sys);
		assert_true(strstr(err.text, "open x: ") == err.text);
		assert_non_null(strstr(err.text, strerror(rows[i].sys)));
		errno = rows[i].sys;
		assert_int_equal(lz_fail_errno(NULL, "x"), rows[i].code);
	}
}

static void test_wrap(void **state)
{
	struct lz_err err;

	(void)state;
	lz_fail(&err, LZ_E_DIGEST, "differs");
	assert_int_equal(lz_wrap(&err, "layer %d", 3), LZ_E_DIGEST);
	assert_int_equal(lz_wrap(&err, "%s", "x.tar"), LZ_E_DIGEST);
	assert_string_equal(err.text, "x.tar: layer 3: differs");
	assert_int_equal(lz_wrap(NULL, "x"), LZ_E_BUG);
}

static void test_cut(void **state)
{
	char huge[2000];
	struct lz_err err;

	(void)state;
	memset(huge, 'x', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = 0;
	lz_fail(&err, LZ_E_FORMAT, "%s", huge);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	for (int i = 0; i < 3; i++)
		lz_wrap(&err, "%s", huge);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	errno = EIO;
	lz_fail_errno(&err, "%s", huge);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

/* Messages quote names from images: one error stays one line. */
static void test_one_line(void **state)
{
	struct lz_err err;

	(void)state;
	lz_fail(&err, LZ_E_FORMAT, "name \"%s\"", "a\nexit 0\r\t\x1b[2J\x7f");
	assert_string_equal(err.text, "name \"a?exit 0???[2J?\"");
	lz_wrap(&err, "in %s", "b\nc");
	assert_string_equal(err.text, "in b?c: name \"a?exit 0???[2J?\"");
	errno = ENOENT;
	lz_fail_errno(&err, "d\ne");
	assert_true(strstr(err.text, "d?e: ") == err.text);
	lz_fail(&err, LZ_E_FORMAT, "%s", "gr\xc3\xbc\xc3\x9f"); /* text stays text */
	assert_string_equal(err.text, "gr\xc3\xbc\xc3\x9f");
}

static void test_names(void **state)
{
	(void)state;
	for (int code = LZ_OK; code >= LZ_E_BUG; code--) {
		assert_string_not_equal(lz_code_name(code), "unknown");
		assert_string_not_equal(lz_code_text(code), "unknown error");
		for (int other = LZ_OK; other > code; other--)
			assert_string_not_equal(lz_code_name(code), lz_code_name(other));
	}
	assert_string_equal(lz_code_name(12345), "unknown");
	assert_string_equal(lz_code_text(LZ_E_BUG - 1), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fail),	 cmocka_unit_test(test_errno),
		cmocka_unit_test(test_wrap),	 cmocka_unit_test(test_cut),
		cmocka_unit_test(test_one_line), cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
