/* SPDX-License-Identifier: Apache-2.0 */
/* Lines on disk: what goes in comes out once and in order, over restarts, torn ends and a cap. */
#include "folder.h"
#include "sample.h"

#include "alert/spool.h"
#include "base/clean.h"
#include "base/io.h"
#include "base/limits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static struct lz_spool *opened(uint64_t cap)
{
	struct lz_err err = {0};
	struct lz_spool *s = lz_spool_open(dir, cap, &err);

	if (!s)
		fail_msg("%s", err.text);
	return s;
}

static uint64_t append(struct lz_spool *s, unsigned from, unsigned n, unsigned pad)
{
	struct lz_err err;
	struct lz_buf b;
	uint64_t lost = 0;

	lz_buf_init(&b, 64 * LZ_M);
	for (unsigned i = 0; i < n; i++)
		lz_buf_printf(&b, "{\"n\": %u, \"p\": \"%*s\"}\n", from + i, (int)pad, "");
	assert_int_equal(b.code, 0);
	assert_ok(lz_spool_append(s, lz_buf_view(&b), n, &lost, &err), err);
	lz_buf_done(&b);
	return lost;
}

/* The numbers that the next batch has, "3 4 5"; dealt with or not. */
static const char *take(struct lz_spool *s, size_t most, bool good, uint64_t *lost)
{
	static char text[4096];
	struct lz_span rest, line;
	struct lz_err err;
	struct lz_buf b;
	size_t lines = 0, seen = 0;

	lz_buf_init(&b, 16 * LZ_M);
	assert_ok(lz_spool_read(s, most, LZ_M, &b, &lines, &err), err);
	rest = lz_buf_view(&b);
	text[0] = 0;
	while (lz_span_line(&rest, &line)) {
		unsigned n;
		assert_int_equal(sscanf(line.p, "{\"n\": %u", &n), 1);
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%u",
			 seen++ ? " " : "", n);
	}
	assert_int_equal(seen, lines);
	lz_spool_done(s, good, lost);
	lz_buf_done(&b);
	return text;
}

static unsigned files(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	unsigned n = 0;

	while ((e = readdir(d)))
		n += strstr(e->d_name, ".ndjson") != NULL;
	closedir(d);
	return n;
}

static void test_in_order(void **state)
{
	struct lz_spool *s = opened(2 * LZ_M);
	uint64_t lost;

	(void)state;
	assert_string_equal(take(s, 10, true, &lost), "");
	append(s, 0, 5, 0);
	assert_int_equal(lz_spool_lines(s), 5);
	assert_string_equal(take(s, 2, true, &lost), "0 1");
	assert_string_equal(take(s, 2, false, &lost), "2 3"); /* not delivered: again */
	assert_string_equal(take(s, 1, true, &lost), "2");
	append(s, 5, 1, 0);
	assert_string_equal(take(s, 10, true, &lost), "3 4 5");
	assert_int_equal(lost, 0);
	assert_int_equal(lz_spool_lines(s), 0);
	assert_string_equal(take(s, 10, true, &lost), "");
	lz_spool_close(s);
	assert_int_equal(files(), 0); /* nothing is left behind */
}

static void test_restart(void **state)
{
	struct lz_spool *s = opened(2 * LZ_M);
	uint64_t lost;

	(void)state;
	append(s, 0, 10, 0);
	assert_string_equal(take(s, 4, true, &lost), "0 1 2 3");
	lz_spool_close(s);
	s = opened(2 * LZ_M);
	assert_int_equal(lz_spool_lines(s), 6);
	append(s, 10, 2, 0);
	assert_string_equal(take(s, 100, true, &lost), "4 5 6 7 8 9");
	assert_string_equal(take(s, 100, true, &lost), "10 11");
	lz_spool_close(s);
	s = opened(2 * LZ_M); /* an old cursor does not skip what is new */
	append(s, 12, 1, 0);
	lz_spool_close(s);
	s = opened(2 * LZ_M);
	assert_string_equal(take(s, 100, true, &lost), "12");
	lz_spool_close(s);
}

static void test_locked(void **state)
{
	struct lz_spool *s = opened(2 * LZ_M);
	struct lz_err err;

	(void)state;
	assert_null(lz_spool_open(dir, 2 * LZ_M, &err));
	assert_int_equal(err.code, LZ_E_USAGE);
	assert_non_null(strstr(err.text, dir));
	lz_spool_close(s);
}

static void put_file(const char *name, const char *text, size_t n)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
}

/* A process that was killed in the midst of a write, a disk that had zeros in it, an editor. */
static void test_torn(void **state)
{
	static const char torn[] = "{\"n\": 1}\n{\"n\": 2}\n{\"n\": 3, \"p";
	static const char odd[] =
		"{\"n\": 4}\n\0\0\0\0\n{\"n\": 5}\n[6]\n\n{\"n\": 7}x\n{\"n\": 8}\n";
	struct lz_spool *s;
	uint64_t lost;

	(void)state;
	put_file("0000000000000005.ndjson", torn, sizeof(torn) - 1);
	put_file("0000000000000006.ndjson", odd, sizeof(odd) - 1);
	put_file("0000000000000007.ndjson.old", "not ours", 8);
	put_file("zz.ndjson", "{\"n\": 99}\n", 10);
	put_file("cursor", "0000000000000005 0000000000000009\n", 34);
	s = opened(2 * LZ_M);
	append(s, 9, 1, 0);
	assert_string_equal(take(s, 100, true, &lost), "2"); /* 1 was in front of the cursor */
	assert_string_equal(take(s, 2, true, &lost), "4 5");
	assert_int_equal(lost, 1); /* the zeros */
	assert_string_equal(take(s, 100, true, &lost), "8");
	assert_int_equal(lost, 2); /* no object, and one with something behind it */
	assert_string_equal(take(s, 100, true, &lost), "9");
	assert_int_equal(lz_spool_lines(s), 0);
	lz_spool_close(s);
}

static void test_torn_is_counted(void **state)
{
	struct lz_spool *s;
	uint64_t lost;

	(void)state;
	put_file("0000000000000005.ndjson", "{\"n\": 1}\n{\"n\"", 13);
	s = opened(2 * LZ_M);
	assert_string_equal(take(s, 100, true, &lost), "1");
	assert_int_equal(lost, 1);
	lz_spool_close(s);
}

static void test_wrong_cursor(void **state)
{
	static const char *const cursors[] = {
		"0000000000000005 0000000000000004\n", /* within a line */
		"0000000000000005 ffffffffffffffff\n",
		"0000000000000004 0000000000000009\n",
		"ffffffffffffffff 0000000000000009\n",
		"garbage",
		"",
		"0000000000000005 000000000000000g\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++) {
		struct lz_spool *s;
		uint64_t lost;
		put_file("0000000000000005.ndjson", "{\"n\": 1}\n{\"n\": 2}\n", 18);
		put_file("cursor", cursors[i], strlen(cursors[i]));
		s = opened(2 * LZ_M);
		assert_string_equal(take(s, 100, true, &lost), "1 2");
		lz_spool_close(s);
	}
}

/* The oldest go, and every one of them is counted. */
static void test_cap(void **state)
{
	struct lz_spool *s = opened(2 * LZ_M);
	uint64_t lost = 0, more = 0;
	unsigned got = 0, in = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++, in += 10)
		lost += append(s, in, 10, 5000);
	assert_true(lost > 0);
	assert_int_equal(lz_spool_lines(s) + lost, in);
	assert_true(lz_spool_lines(s) * 5000 > LZ_M); /* not much more than must go */
	while (lz_spool_lines(s)) {
		const char *n = take(s, 1, true, &more);
		assert_int_equal(strtoul(n, NULL, 10), lost + got); /* the youngest are there */
		got++;
	}
	assert_int_equal(got + lost, in);
	lz_spool_close(s);
}

/* What is being sent while its segment is pushed out counts by what comes of it. */
static void test_cap_while_sending(void **state)
{
	(void)state;
	for (int good = 0; good < 2; good++) {
		struct lz_spool *s = opened(2 * LZ_M);
		uint64_t lost = 0, last = 0;
		size_t lines;
		struct lz_err err;
		struct lz_buf b;
		lz_buf_init(&b, 16 * LZ_M);
		append(s, 0, 10, 10000);
		assert_ok(lz_spool_read(s, 4, LZ_M, &b, &lines, &err), err);
		assert_int_equal(lines, 4);
		for (unsigned i = 0; i < 40; i++)
			lost += append(s, 10 + 10 * i, 10, 10000);
		assert_int_equal(lz_spool_lines(s) + lost, 410);
		lz_spool_done(s, good, &last);
		assert_int_equal(last, good ? 0 : 4);
		assert_int_equal(lz_spool_lines(s) + lost + last, good ? 406 : 410);
		lz_buf_done(&b);
		lz_spool_close(s);
		end(NULL);
		begin(NULL);
	}
}

/* Long lines, and a backlog that spans segments and chunks. */
static void test_long_lines(void **state)
{
	struct lz_spool *s = opened(64 * LZ_M);
	unsigned next = 0;
	uint64_t lost;

	(void)state;
	for (unsigned i = 0; i < 12; i++)
		append(s, i, 1, i % 3 == 2 ? 1000000 : i % 3 ? 70000 : 10);
	while (lz_spool_lines(s)) {
		const char *n = take(s, 5, true, &lost);
		for (char *end_ = (char *)(uintptr_t)n; *end_; next++)
			assert_int_equal(strtoul(end_, &end_, 10), next);
		assert_int_equal(lost, 0);
	}
	assert_int_equal(next, 12);
	lz_spool_close(s);
}

/* A disk without room: nothing half is kept, and when there is room again it goes on. */
static void test_disk_full(void **state)
{
	struct lz_spool *s;
	struct lz_err err;
	struct lz_buf b;
	uint64_t lost;
	unsigned in = 0;
	int code = 0;

	(void)state;
	if (mount("lazaret-test", dir, "tmpfs", 0, "size=256k")) {
		print_message("SKIPPED: no tmpfs can be mounted here\n");
		skip();
	}
	s = opened(2 * LZ_M);
	lz_buf_init(&b, LZ_M);
	for (; !code && in < 1000; in += !code) {
		lz_buf_clear(&b);
		lz_buf_printf(&b, "{\"n\": %u, \"p\": \"%3000s\"}\n", in, "");
		code = lz_spool_append(s, lz_buf_view(&b), 1, &lost, &err);
	}
	assert_int_equal(code, LZ_E_IO);
	assert_int_equal(err.sys, ENOSPC);
	assert_true(in > 40);
	assert_int_equal(lz_spool_lines(s), in);
	for (unsigned i = 0; i < in; i++) {
		char want[16];
		snprintf(want, sizeof(want), "%u", i);
		assert_string_equal(take(s, 1, true, &lost), want);
		assert_int_equal(lost, 0);
	}
	assert_ok(lz_spool_append(s, lz_buf_view(&b), 1, &lost, &err), err);
	take(s, 1, true, &lost);
	lz_spool_close(s);
	lz_buf_done(&b);
	umount2(dir, MNT_DETACH);
}

static int walk(void)
{
	struct lz_err err = {0};
	struct lz_spool *s = lz_spool_open(dir, 2 * LZ_M, &err);
	uint64_t lost;
	size_t lines;
	struct lz_buf b;
	int code;

	if (!s)
		return err.code;
	lz_buf_init(&b, 4 * LZ_M);
	code = lz_spool_append(s, LZ_SPAN("{\"n\": 1}\n{\"n\": 2}\n"), 2, &lost, &err);
	if (!code)
		code = lz_spool_read(s, 10, LZ_M, &b, &lines, &err);
	if (!code)
		lz_spool_done(s, true, &lost);
	lz_buf_done(&b);
	lz_spool_close(s);
	return code;
}

static void test_without_memory(void **state)
{
	(void)state;
	put_file("0000000000000005.ndjson", "{\"n\": 1}\n", 9);
	assert_survives_nomem(walk());
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		T(test_in_order),  T(test_restart),	      T(test_locked),
		T(test_torn),	   T(test_torn_is_counted),   T(test_wrong_cursor),
		T(test_cap),	   T(test_cap_while_sending), T(test_long_lines),
		T(test_disk_full), T(test_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
