/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zip archives made by Python's zipfile: stored, deflated, with 64-bit sizes, damaged in each way
 * that a feed could be. And text made fit for a terminal.
 */
#include "base/buf.h"
#include "format/text.h"
#include "format/zip.h"

#include "../../folder.h"

#include <fcntl.h>
#include <unistd.h>

static const char script[] =
	"import os, struct, sys, zipfile\n"
	"os.chdir(sys.argv[1])\n"
	"A, B = b'alpha ' * 5000, os.urandom(3000)\n"
	"open('a', 'wb').write(A); open('b', 'wb').write(B)\n"
	"def make(name, method, force64=False):\n"
	"    with zipfile.ZipFile(name, 'w', method) as z:\n"
	"        for n, d in (('dir/a.json', A), ('b.bin', B), ('empty', b'')):\n"
	"            with z.open(n, 'w', force_zip64=force64) as f: f.write(d)\n"
	"    return bytearray(open(name, 'rb').read())\n"
	"make('stored.zip', zipfile.ZIP_STORED); d = make('deflated.zip', zipfile.ZIP_DEFLATED)\n"
	"make('zip64.zip', zipfile.ZIP_DEFLATED, True); make('bzip.zip', zipfile.ZIP_BZIP2)\n"
	"s = make('crc.zip', zipfile.ZIP_STORED); s[s.index(A[:60]) + 7] ^= 1; "
	"open('crc.zip', 'wb').write(s)\n"
	"open('torn.zip', 'wb').write(d[:len(d) // 2])\n"
	"open('none.zip', 'wb').write(b'PK no zip at all')\n"
	"with zipfile.ZipFile('bomb.zip', 'w', zipfile.ZIP_DEFLATED) as z:\n"
	"    z.writestr('zeros', bytes(64 << 20))\n"
	"x = bytearray(d); i = x.rindex(b'PK\\x01\\x02'); x[i + 8] |= 1; "
	"open('crypt.zip', 'wb').write(x)\n";

static int at(const char *name)
{
	return open(in_folder(name), O_RDONLY | O_CLOEXEC);
}

static struct lz_buf content(const char *name)
{
	struct lz_buf b;
	char chunk[4096];
	int fd = at(name);
	ssize_t n;

	lz_buf_init(&b, LZ_M);
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		lz_buf_add(&b, chunk, (size_t)n);
	close(fd);
	return b;
}

static void test_read(void **state)
{
	static const char *const archives[] = {"stored.zip", "deflated.zip", "zip64.zip"};
	struct lz_buf a = content("a"), b = content("b"), got;

	(void)state;
	lz_buf_init(&got, LZ_M);
	for (size_t i = 0; i < 3; i++) {
		const struct lz_span want[3] = {lz_buf_view(&a), lz_buf_view(&b), {"", 0}};
		struct lz_limits limits;
		struct lz_err err;
		struct lz_zip_entry e;
		struct lz_zip *z;
		int fd = at(archives[i]);
		lz_limits_default(&limits);
		z = lz_zip_open(fd, &limits, &err);
		assert_non_null(z);
		for (size_t k = 0; k < 3; k++) {
			assert_int_equal(lz_zip_next(z, &e, &err), 1);
			assert_int_equal(e.number, k);
			assert_int_equal(e.size_bytes, want[k].n);
			assert_ok(lz_zip_read(z, &got, &err), err);
			assert_true(lz_span_eq(lz_buf_view(&got), want[k]));
		}
		assert_string_equal(e.name, "empty");
		assert_int_equal(lz_zip_next(z, &e, &err), 0);
		lz_zip_close(z);
		close(fd);
	}
	lz_buf_done(&got);
	lz_buf_done(&a);
	lz_buf_done(&b);
}

/* Reads all members; the first failure. */
static int read_all(const char *name, uint64_t feed_bytes, struct lz_err *err)
{
	struct lz_limits limits;
	struct lz_zip_entry e;
	struct lz_buf got;
	struct lz_zip *z;
	int fd = at(name), r;

	lz_limits_default(&limits);
	limits.feed_bytes = feed_bytes;
	lz_buf_init(&got, 128 * LZ_M);
	z = lz_zip_open(fd, &limits, err);
	r = z ? 1 : err->code;
	while (r > 0) {
		r = lz_zip_next(z, &e, err);
		if (r > 0 && lz_zip_read(z, &got, err))
			r = err->code;
	}
	lz_zip_close(z);
	lz_buf_done(&got);
	close(fd);
	return r;
}

static void test_damage(void **state)
{
	static const struct {
		const char *name, *says;
		int code;
	} bad[] = {
		{"crc.zip", "dir/a.json", LZ_E_DIGEST},
		{"torn.zip", "", LZ_E_FORMAT},
		{"none.zip", "", LZ_E_FORMAT},
		{"bzip.zip", "deflate", LZ_E_UNSUPPORTED},
		{"bomb.zip", "zeros", LZ_E_LIMIT},
		{"crypt.zip", "encrypted", LZ_E_UNSUPPORTED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct lz_err err = {0};
		int r = read_all(bad[i].name, 16 * LZ_M, &err);
		if (r != bad[i].code || !strstr(err.text, bad[i].says))
			fail_msg("%s: %d %s", bad[i].name, r, err.text);
	}
}

static int good(void)
{
	struct lz_err err = {0};

	return read_all("deflated.zip", LZ_G, &err);
}

static void test_no_memory(void **state)
{
	(void)state;
	assert_survives_nomem(good());
}

/* --- text ------------------------------------------------------------------------------------- */

static void test_utf8(void **state)
{
	static const char *const good_text[] = {"",
						"a",
						"\xc3\xa9",
						"\xe2\x82\xac",
						"\xf0\x9f\x98\x80",
						"\xed\x9f\xbf",
						"\xef\xbf\xbd",
						"\xf4\x8f\xbf\xbf"};
	static const char *const bad_text[] = {"\x80",	       "\xc3",
					       "\xc0\xaf",     "\xe0\x80\xaf",
					       "\xed\xa0\x80", "\xf4\x90\x80\x80",
					       "\xff",	       "\xf0\x80\x80\xaf",
					       "a\xe2\x82"};

	(void)state;
	for (size_t i = 0; i < sizeof(good_text) / sizeof(good_text[0]); i++)
		assert_true(lz_utf8_valid(lz_str(good_text[i])));
	for (size_t i = 0; i < sizeof(bad_text) / sizeof(bad_text[0]); i++)
		assert_false(lz_utf8_valid(lz_str(bad_text[i])));
}

static void shows(struct lz_span in, const char *want)
{
	struct lz_buf b;

	lz_buf_init(&b, 4096);
	lz_text_show(&b, in);
	assert_span(lz_buf_view(&b), want);
	lz_buf_done(&b);
}

static void test_show(void **state)
{
	(void)state;
	shows(LZ_SPAN("plain \xc3\xa9 \xe6\x97\xa5"), "plain \xc3\xa9 \xe6\x97\xa5");
	shows(LZ_SPAN("\x1b[31mred"), "\\x1b[31mred");
	shows(LZ_SPAN("a\nb\tc\r\x7f"), "a\\x0ab\\x09c\\x0d\\x7f");
	shows(LZ_SPAN("a\xffz"), "a\\xffz");
	shows(LZ_SPAN("a\xe2\x80\xaez"), "a\\u{202e}z"); /* turns the rest of the line around */
	shows(LZ_SPAN("a\xc2\x9bz"), "a\\x9bz");	 /* CSI as one character */
	assert_int_equal(lz_text_width(LZ_SPAN("ab\xc3\xa9")), 3);
	assert_int_equal(lz_text_width(LZ_SPAN("\xe6\x97\xa5\xe6\x9c\xac")), 4);
	assert_int_equal(lz_text_width(LZ_SPAN("e\xcc\x81")), 1);
}

static int set_up(void **s)
{
	char command[700];
	FILE *f;

	if (folder_make(s))
		return -1;
	f = fopen(in_folder("make.py"), "w");
	fputs(script, f);
	fclose(f);
	snprintf(command, sizeof(command), "python3 %s/make.py %s", folder, folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),	  cmocka_unit_test(test_damage),
		cmocka_unit_test(test_no_memory), cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_show),
	};
	return cmocka_run_group_tests(tests, set_up, folder_remove);
}
