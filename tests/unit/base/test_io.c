/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing whole runs, failing at each call in turn; opening files below a root that
 * somebody else has shaped; and the arena's cap and alignment.
 */
#include "base/arena.h"
#include "base/io.h"

#include "../../folder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- whole runs ------------------------------------------------------------------------------- */

static void *drip(void *arg)
{
	int fd = *(int *)arg;

	for (int i = 0; i < 200; i++) { /* short reads on the other side */
		if (write(fd, "0123456789", 1 + (size_t)i % 9) < 0)
			break;
		if (i % 16 == 0)
			usleep(500);
	}
	close(fd);
	return NULL;
}

static void test_short_reads(void **state)
{
	int fds[2];
	pthread_t t;
	char buf[4096];
	size_t n, want = 0;
	struct lz_err err;

	(void)state;
	for (int i = 0; i < 200; i++)
		want += 1 + (size_t)i % 9;
	assert_int_equal(pipe(fds), 0);
	pthread_create(&t, NULL, drip, &fds[1]);
	assert_ok(lz_read_full(fds[0], buf, 700, &n, &err), err);
	assert_int_equal(n, 700);
	assert_ok(lz_read_full(fds[0], buf, sizeof(buf), &n, &err), err);
	assert_int_equal(n, want - 700);
	assert_ok(lz_read_full(fds[0], buf, sizeof(buf), &n, &err), err);
	assert_int_equal(n, 0);
	pthread_join(t, NULL);
	close(fds[0]);
}

static void test_faults(void **state)
{
	struct lz_err err;
	struct lz_buf b;
	int fd = open(in_folder("x"), O_RDWR | O_CREAT | O_TRUNC, 0600), r;
	unsigned long nth = 0;

	(void)state;
	assert_ok(lz_write_full(fd, "hello", 5, &err), err);
	lz_io_fail_at(1);
	assert_int_equal(lz_write_full(fd, "hello", 5, &err), LZ_E_IO);
	assert_int_equal(err.sys, EIO);
	lz_io_fail_at(0);
	lz_buf_init(&b, 100);
	do {
		lz_buf_clear(&b);
		lz_io_fail_at(++nth);
		r = lz_read_file(in_folder("x"), &b, &err);
		lz_io_fail_at(0);
		assert_true(r == 0 || (r == LZ_E_IO && strstr(err.text, "/x")));
	} while (r);
	assert_true(nth > 1);
	assert_span(lz_buf_view(&b), "hello");
	lz_buf_done(&b);
	close(fd);
}

static void test_too_large(void **state)
{
	struct lz_err err;
	struct lz_buf b;

	(void)state;
	lz_buf_init(&b, 4);
	assert_int_equal(lz_read_file(in_folder("x"), &b, &err), LZ_E_LIMIT);
	assert_non_null(strstr(err.text, "/x"));
	lz_buf_done(&b);
	assert_int_equal(lz_read_file(in_folder("absent"), &b, &err), LZ_E_NOTFOUND);
}

/* --- below a root ----------------------------------------------------------------------------- */

static void test_in_root(void **state)
{
	static const char *const outside[] = {"../secret",	"up/../../secret", "link-up",
					      "folder/link-up", "link-abs",	   "/../../secret"};
	struct lz_err err;
	int root, fd;

	(void)state;
	mkdir(in_folder("root"), 0755);
	mkdir(in_folder("root/folder"), 0755);
	close(open(in_folder("secret"), O_WRONLY | O_CREAT, 0600));
	close(open(in_folder("root/inside"), O_WRONLY | O_CREAT, 0600));
	assert_int_equal(symlink("../secret", in_folder("root/link-up")), 0);
	assert_int_equal(symlink("../../secret", in_folder("root/folder/link-up")), 0);
	assert_int_equal(symlink(in_folder("secret"), in_folder("root/link-abs")), 0);
	assert_int_equal(symlink("/inside", in_folder("root/folder/link-in")), 0);
	assert_int_equal(symlink("/proc/self/exe", in_folder("root/link-proc")), 0);
	assert_int_equal(mkfifo(in_folder("root/fifo"), 0600), 0);
	root = open(in_folder("root"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
		if (lz_open_in_root(root, outside[i], &err) >= 0)
			fail_msg("%s was opened", outside[i]);
	assert_true(lz_open_in_root(root, "link-proc", &err) < 0);
	assert_int_equal(lz_open_in_root(root, "fifo", &err), LZ_E_UNSUPPORTED);
	assert_int_equal(lz_open_in_root(root, "absent", &err), LZ_E_NOTFOUND);
	fd = lz_open_in_root(root, "folder/link-in", &err); /* absolute: from the root given */
	assert_true(fd >= 0);
	close(fd);
	fd = lz_open_in_root(root, "/inside", &err);
	assert_true(fd >= 0);
	close(fd);
	close(root);
}

static void test_make_folders(void **state)
{
	struct lz_err err;
	struct stat st;
	int fd;

	(void)state;
	for (int twice = 0; twice < 2; twice++)
		assert_ok(lz_make_folders(AT_FDCWD, in_folder("m/a/b/file"), &err), err);
	assert_int_equal(stat(in_folder("m/a/b"), &st), 0);
	assert_true(stat(in_folder("m/a/b/file"), &st) <
		    0); /* the last one is not a folder of ours */
	fd = open(in_folder("m"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_ok(lz_make_folders(fd, "x/y", &err), err);
	assert_int_equal(stat(in_folder("m/x"), &st), 0);
	assert_ok(lz_make_folders(fd, "plain", &err), err);
	close(fd);
	close(open(in_folder("m/taken"), O_WRONLY | O_CREAT, 0600));
	assert_true(lz_make_folders(AT_FDCWD, in_folder("m/taken/b/c"), &err) < 0);
	assert_non_null(strstr(err.text, "m/taken/b"));
	assert_int_equal(lz_make_folders(AT_FDCWD, "", &err), LZ_E_USAGE);
}

/* --- arena ------------------------------------------------------------------------------------ */

static void test_arena(void **state)
{
	struct lz_arena a;
	uint64_t seed = 1;

	(void)state;
	lz_arena_init(&a, 1 << 20);
	for (int i = 0; i < 2000; i++) {
		size_t n = (size_t)(seed = seed * 6364136223846793005ULL + 1) % 200;
		char *p = lz_arena_alloc(&a, n);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t k = 0; k < n; k++)
			assert_int_equal(p[k], 0);
		memset(p, 0xaa, n); /* ASan sees two pieces that overlap */
	}
	assert_int_equal(a.code, 0);
	assert_null(lz_arena_alloc(&a, 1 << 21));
	assert_int_equal(a.code, LZ_E_LIMIT);
	assert_null(lz_arena_alloc(&a, 1)); /* the first failure sticks */
	assert_true(a.used_bytes <= 1 << 20);
	lz_arena_done(&a);
	lz_arena_init(&a, SIZE_MAX);
	assert_null(lz_arena_array(&a, SIZE_MAX / 2, 16)); /* the product does not fit */
	assert_true(a.code != 0);
	lz_arena_done(&a);
	lz_arena_init(&a, 4096);
	assert_span(lz_arena_printf(&a, "%s-%d", "x", 7), "x-7");
	assert_span(lz_arena_dup(&a, LZ_SPAN("abc")), "abc");
	lz_arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short_reads),  cmocka_unit_test(test_faults),
		cmocka_unit_test(test_too_large),    cmocka_unit_test(test_in_root),
		cmocka_unit_test(test_make_folders), cmocka_unit_test(test_arena),
	};
	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
