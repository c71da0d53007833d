/* SPDX-License-Identifier: Apache-2.0 */
/* Sources, hashes and stages. Digests are those of FIPS 180-4's examples. */
#include "test.h"

#include "base/io.h"
#include "format/reader.h"

#include <fcntl.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#define BIG (1000 * 1000)

static char *big; /* bytes that tell their place */

static int make_big(void **state)
{
	(void)state;
	big = malloc(BIG);
	if (!big)
		return -1;
	for (size_t i = 0; i < BIG; i++)
		big[i] = (char)(i * 2654435761u >> 13);
	return 0;
}

static int free_big(void **state)
{
	(void)state;
	free(big);
	return 0;
}

static int temp_file(const void *p, size_t n)
{
	char path[] = "/tmp/lz-reader-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(write(fd, p, n), (ssize_t)n);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* Reads to the end and compares with big[from, from + n). */
static void expect_big(struct lz_reader *r, size_t from, size_t n)
{
	struct lz_err err = {0};
	struct lz_span chunk;
	size_t got = 0;
	int code;

	assert_non_null(r);
	while ((code = lz_reader_next(r, &chunk, &err)) > 0) {
		assert_true(chunk.n > 0 && chunk.n <= n - got);
		assert_memory_equal(chunk.p, big + from + got, chunk.n);
		got += chunk.n;
		assert_int_equal(r->offset, got);
	}
	assert_ok(code, err);
	assert_int_equal(got, n);
	assert_int_equal(lz_reader_next(r, &chunk, &err), 0);
	lz_reader_close(r);
}

static void test_fd(void **state)
{
	int fd = temp_file(big, BIG);

	(void)state;
	expect_big(lz_reader_fd(fd, UINT64_MAX, NULL), 0, BIG);
	lseek(fd, 0, SEEK_SET);
	expect_big(lz_reader_fd(fd, 200001, NULL), 0, 200001);
	lseek(fd, 0, SEEK_SET);
	expect_big(lz_reader_fd(fd, BIG + 5, NULL), 0, BIG); /* "at most" */
	close(fd);
}

static void test_window(void **state)
{
	int fd = temp_file(big, BIG);
	struct lz_err err = {0};
	struct lz_span chunk;
	struct lz_reader *r;

	(void)state;
	expect_big(lz_reader_pread(fd, 777, 300000, NULL), 777, 300000);
	expect_big(lz_reader_pread(fd, 777, 0, NULL), 777, 0);
	r = lz_reader_pread(fd, BIG - 1000, 3000, &err);
	assert_int_equal(lz_reader_next(r, &chunk, &err), LZ_E_FORMAT);
	assert_non_null(strstr(err.text, "ends early"));
	assert_non_null(strstr(err.text, "1000"));
	err.text[0] = 0;
	assert_int_equal(lz_reader_next(r, &chunk, &err), LZ_E_FORMAT); /* and again */
	assert_non_null(strstr(err.text, "ends early"));
	lz_reader_close(r);
	close(fd);
}

static void skip_all(struct lz_reader *r, uint64_t n)
{
	struct lz_span chunk;

	while (n) {
		uint64_t done = 0;
		assert_int_equal((r->skip)(r, n, &done, NULL), 0);
		assert_true(done <= n);
		n -= done;
		if (!done) {
			assert_int_equal(lz_reader_next(r, &chunk, NULL), 1);
			assert_true(chunk.n <= n);
			n -= chunk.n;
		}
	}
}

static void test_skip(void **state)
{
	int fd = temp_file(big, BIG);
	struct lz_err err = {0};
	struct lz_span chunk;
	struct lz_reader *r = lz_reader_pread(fd, 100, 500000, &err);
	uint64_t done;

	(void)state;
	skip_all(r, 400000);
	assert_int_equal(r->offset, 400000);
	assert_int_equal(lz_reader_next(r, &chunk, &err), 1);
	assert_memory_equal(chunk.p, big + 400100, chunk.n);
	skip_all(r, 100000 - chunk.n);
	assert_int_equal(lz_reader_next(r, &chunk, &err), 0);
	lz_reader_close(r);

	/* A skip over the end of a file that is shorter than promised is noticed. */
	r = lz_reader_pread(fd, 0, BIG + 1, &err);
	assert_int_equal((r->skip)(r, UINT64_MAX, &done, &err), 0);
	assert_true(done <= BIG);
	assert_int_equal(lz_reader_next(r, &chunk, &err), LZ_E_FORMAT);
	lz_reader_close(r);
	close(fd);
}

static void test_mem(void **state)
{
	(void)state;
	expect_big(lz_reader_mem(lz_span(big, BIG), 0, NULL), 0, BIG);
	expect_big(lz_reader_mem(lz_span(big, 1000), 7, NULL), 0, 1000);
	expect_big(lz_reader_mem(lz_span(big, 0), 7, NULL), 0, 0);
}

static void digest_is(const char *text, size_t chunk, const char *hex)
{
	struct lz_err err = {0};
	unsigned char d[32];
	char got[65];
	struct lz_reader *r = lz_reader_sha256(lz_reader_mem(lz_str(text), chunk, NULL), &err);

	assert_non_null(r);
	assert_int_equal(lz_reader_sha256_final(r, d, &err), LZ_E_BUG); /* not drained yet */
	assert_ok(lz_reader_drain(r, &err), err);
	assert_int_equal(r->offset, strlen(text));
	assert_ok(lz_reader_sha256_final(r, d, &err), err);
	for (int i = 0; i < 32; i++)
		snprintf(got + 2 * i, 3, "%02x", d[i]);
	assert_string_equal(got, hex);
	lz_reader_close(r);
}

static void test_sha256(void **state)
{
	const char *two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

	(void)state;
	digest_is("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	digest_is("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	for (size_t chunk = 0; chunk < 60; chunk += 3)
		digest_is(two, chunk,
			  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

/* Chunks that cross as they are (fd keeps them) and chunks that are copied (hash of a stage). */
static void test_stage(void **state)
{
	int fd = temp_file(big, BIG);

	(void)state;
	for (unsigned slots = 0; slots < 20; slots++) {
		struct lz_reader *r;
		expect_big(lz_reader_stage(lz_reader_pread(fd, 0, BIG, NULL), 1000, slots, NULL), 0,
			   BIG);
		expect_big(lz_reader_stage(lz_reader_mem(lz_span(big, BIG), 9999, NULL), 0, slots,
					   NULL),
			   0, BIG);
		r = lz_reader_stage(lz_reader_pread(fd, 0, BIG, NULL), 5000, slots, NULL);
		r = lz_reader_stage(lz_reader_sha256(r, NULL), 777, slots, NULL);
		expect_big(r, 0, BIG);
	}
	close(fd);
}

static void test_stage_passes_errors(void **state)
{
	int fd = temp_file(big, BIG);
	struct lz_err err = {0};
	struct lz_reader *r = lz_reader_pread(fd, 0, BIG + 1, NULL);

	(void)state;
	r = lz_reader_stage(lz_reader_sha256(lz_reader_stage(r, 0, 3, NULL), NULL), 0, 3, NULL);
	assert_int_equal(lz_reader_drain(r, &err), LZ_E_FORMAT);
	assert_non_null(strstr(err.text, "ends early"));
	err.text[0] = 0;
	assert_int_equal(lz_reader_drain(r, &err), LZ_E_FORMAT);
	assert_non_null(strstr(err.text, "ends early"));
	lz_reader_close(r);
	close(fd);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The writer of the pipe keeps silent; closing must not wait for it. */
static void test_close_while_silent(void **state)
{
	struct lz_reader *r;
	struct lz_span chunk;
	int p[2];
	double begin;

	(void)state;
	assert_int_equal(pipe(p), 0);
	r = lz_reader_stage(lz_reader_fd(p[0], UINT64_MAX, NULL), 0, 4, NULL);
	r = lz_reader_stage(lz_reader_sha256(r, NULL), 0, 4, NULL);
	usleep(20000);
	begin = now();
	lz_reader_close(r);
	assert_true(now() - begin < 1.5);
	/* The descriptor is left alone from now on. */
	assert_int_equal(write(p[1], "x", 1), 1);
	usleep(150000);
	r = lz_reader_fd(p[0], 1, NULL);
	assert_int_equal(lz_reader_next(r, &chunk, NULL), 1);
	assert_span(chunk, "x");
	lz_reader_close(r);
	close(p[0]);
	close(p[1]);
}

static void test_close_early(void **state)
{
	int fd = temp_file(big, BIG);
	struct lz_span chunk;

	(void)state;
	for (int i = 0; i < 200; i++) {
		struct lz_reader *r = lz_reader_pread(fd, 0, BIG, NULL);
		r = lz_reader_stage(lz_reader_stage(r, 0, 2, NULL), 3000, 2, NULL);
		for (int k = 0; k < i % 7; k++)
			assert_int_equal(lz_reader_next(r, &chunk, NULL), 1);
		lz_reader_close(r);
	}
	close(fd);
}

static void *feed(void *arg)
{
	int fd = *(int *)arg;

	for (size_t at = 0; at < BIG;) {
		size_t n = at % 70000 + 1;
		if (n > BIG - at)
			n = BIG - at;
		if (write(fd, big + at, n) < 0)
			break;
		at += n;
	}
	close(fd);
	return NULL;
}

static void test_pipe(void **state)
{
	pthread_t t;
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(pthread_create(&t, NULL, feed, &p[1]), 0);
	expect_big(lz_reader_stage(lz_reader_fd(p[0], UINT64_MAX, NULL), 0, 4, NULL), 0, BIG);
	pthread_join(t, NULL);
	close(p[0]);
}

static void test_read_faults(void **state)
{
	int fd = temp_file(big, BIG);
	struct lz_err err = {0};

	(void)state;
	for (unsigned long nth = 1; nth < 20; nth++) {
		for (int seekable = 0; seekable < 2; seekable++) {
			struct lz_reader *r;
			int code;
			lseek(fd, 0, SEEK_SET);
			r = seekable ? lz_reader_pread(fd, 0, BIG, NULL)
				     : lz_reader_fd(fd, UINT64_MAX, NULL);
			lz_io_fail_at(nth);
			code = lz_reader_drain(r, &err);
			lz_io_fail_at(0);
			/* 8 chunks; a stream needs more reads to see its end */
			if (nth <= 8) {
				assert_int_equal(code, LZ_E_IO);
				assert_non_null(strstr(err.text, "read"));
				assert_int_equal(lz_reader_drain(r, &err), LZ_E_IO);
			} else if (nth > 10) {
				assert_int_equal(code, 0);
			}
			lz_reader_close(r);
		}
	}
	close(fd);
}

static int build_and_read(int fd)
{
	struct lz_err err = {0};
	struct lz_reader *r = lz_reader_pread(fd, 0, 300000, &err);
	int code;

	r = r ? lz_reader_sha256(r, &err) : NULL;
	r = r ? lz_reader_stage(r, 1000, 3, &err) : NULL;
	r = r ? lz_reader_stage(r, 1000, 3, &err) : NULL;
	if (!r)
		return err.code;
	code = lz_reader_drain(r, &err);
	lz_reader_close(r);
	return code;
}

static void test_nomem(void **state)
{
	int fd = temp_file(big, BIG);

	(void)state;
	assert_survives_nomem(build_and_read(fd));
	close(fd);
}

/* Last: from here on no stage starts a thread of its own. */
static void test_parked_threads(void **state)
{
	int fd = temp_file(big, BIG);
	struct lz_span chunk;
	struct lz_err err = {0};

	(void)state;
	assert_ok(lz_stage_threads_start(2, &err), err);
	for (int i = 0; i < 300; i++) { /* the threads come back in time, each time */
		struct lz_reader *below = lz_reader_pread(fd, 0, BIG, NULL);
		struct lz_reader *one = lz_reader_stage(below, 0, 2, NULL), *two, *three;
		assert_ptr_not_equal(one, below);
		two = lz_reader_stage(one, 0, 2, NULL);
		assert_ptr_not_equal(two, one);
		three = lz_reader_stage(two, 0, 2, NULL);
		assert_ptr_equal(three, two); /* no third thread: it goes without */
		if (i % 50 == 0) {
			expect_big(three, 0, BIG);
			continue;
		}
		assert_int_equal(lz_reader_next(three, &chunk, NULL), 1);
		assert_memory_equal(chunk.p, big, chunk.n);
		lz_reader_close(three);
	}
	/* Short ones, closed at all moments of the thread's way back. */
	for (unsigned i = 0; i < 12000; i++) {
		struct lz_reader *m = lz_reader_mem(lz_str("x"), 0, NULL);
		struct lz_reader *one = lz_reader_stage(m, 0, 2, NULL), *two;
		assert_ptr_not_equal(one, m);
		two = lz_reader_stage(one, 0, 2, NULL);
		assert_ptr_not_equal(two, one);
		for (unsigned spin = 0; spin < i % 3000; spin++)
			__asm__ volatile("");
		lz_reader_close(two);
	}
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fd),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_skip),
		cmocka_unit_test(test_mem),
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_stage),
		cmocka_unit_test(test_stage_passes_errors),
		cmocka_unit_test(test_close_while_silent),
		cmocka_unit_test(test_close_early),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_read_faults),
		cmocka_unit_test(test_nomem),
		cmocka_unit_test(test_parked_threads),
	};

	return cmocka_run_group_tests(tests, make_big, free_big);
}
