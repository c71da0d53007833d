/* SPDX-License-Identifier: Apache-2.0 */
#include "io.h"

#include "clean.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static _Atomic unsigned long countdown;

void lz_io_fail_at(unsigned long nth)
{
	atomic_store(&countdown, nth);
}

static bool refuse(void)
{
	if (__builtin_expect(atomic_load_explicit(&countdown, memory_order_relaxed) == 0, 1))
		return false;
	if (atomic_fetch_sub(&countdown, 1) != 1)
		return false;
	errno = EIO;
	return true;
}

int lz_read_some(int fd, void *p, size_t n, size_t *ret_n, struct lz_err *err)
{
	ssize_t r;

	if (refuse())
		return lz_fail_errno(err, "read");
	do
		r = read(fd, p, n);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return lz_fail_errno(err, "read");
	*ret_n = (size_t)r;
	return 0;
}

int lz_read_full(int fd, void *p, size_t n, size_t *ret_n, struct lz_err *err)
{
	size_t done = 0;

	if (refuse())
		return lz_fail_errno(err, "read");
	while (done < n) {
		ssize_t r = read(fd, (char *)p + done, n - done);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return lz_fail_errno(err, "read");
		if (r == 0)
			break;
		done += (size_t)r;
	}
	*ret_n = done;
	return 0;
}

int lz_pread_full(int fd, void *p, size_t n, uint64_t offset, size_t *ret_n, struct lz_err *err)
{
	size_t done = 0;

	if (refuse())
		return lz_fail_errno(err, "read at %llu", (unsigned long long)offset);
	while (done < n) {
		ssize_t r = pread(fd, (char *)p + done, n - done, (off_t)(offset + done));
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return lz_fail_errno(err, "read at %llu", (unsigned long long)offset);
		if (r == 0)
			break;
		done += (size_t)r;
	}
	*ret_n = done;
	return 0;
}

int lz_write_full(int fd, const void *p, size_t n, struct lz_err *err)
{
	size_t done = 0;

	if (refuse())
		return lz_fail_errno(err, "write");
	while (done < n) {
		ssize_t r = write(fd, (const char *)p + done, n - done);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return lz_fail_errno(err, "write");
		done += (size_t)r;
	}
	return 0;
}

int lz_read_fd(int fd, const char *name, struct lz_buf *b, struct lz_err *err)
{
	for (;;) {
		size_t want = b->max - b->n < 65536 ? b->max - b->n : 65536, got;
		int r;

		if (!want) {
			char one;
			r = lz_read_full(fd, &one, 1, &got, err);
			if (!r && got)
				r = lz_fail(err, LZ_E_LIMIT, "%s: larger than %zu bytes", name,
					    b->max);
			return r;
		}
		if (lz_buf_reserve(b, want))
			return lz_fail(err, b->code, "%s: %s", name, lz_code_text(b->code));
		r = lz_read_full(fd, b->p + b->n, want, &got, err);
		if (r) {
			lz_wrap(err, "%s", name);
			return r;
		}
		b->n += got;
		b->p[b->n] = 0;
		if (got < want)
			return 0;
	}
}

int lz_read_file(const char *path, struct lz_buf *b, struct lz_err *err)
{
	LZ_CLEAN(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return lz_fail_errno(err, "%s", path);
	return lz_read_fd(fd, path, b, err);
}

int lz_open_in_root(int root_fd, const char *path, struct lz_err *err)
{
	struct open_how how = {
		.flags = O_CLOEXEC | O_PATH,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	LZ_CLEAN(fd) int at = -1;
	char self[40];
	struct stat st;
	int fd;

	at = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	if (at < 0)
		return lz_fail_errno(err, "%s", path);
	/* Looked at before it is opened for real: opening a FIFO or device has effects. */
	if (fstat(at, &st) < 0)
		return lz_fail_errno(err, "%s", path);
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return lz_fail(err, LZ_E_UNSUPPORTED, "%s: neither a regular file nor a directory",
			       path);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", at);
	fd = open(self, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT) {
		/* No /proc here: the same look-up again, for reading. */
		how.flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
		fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	}
	if (fd < 0)
		return lz_fail_errno(err, "%s", path);
	return fd;
}

int lz_make_folders(int at_fd, const char *path, struct lz_err *err)
{
	char folder[4096];

	if (!path[0])
		return lz_fail(err, LZ_E_USAGE, "an empty path");
	for (const char *c = strchr(path + 1, '/'); c; c = strchr(c + 1, '/')) {
		if ((size_t)(c - path) >= sizeof(folder))
			return lz_fail(err, LZ_E_LIMIT, "%.200s…: the path is too long", path);
		snprintf(folder, sizeof(folder), "%.*s", (int)(c - path), path);
		if (mkdirat(at_fd, folder, 0755) < 0 && errno != EEXIST)
			return lz_fail_errno(err, "%s", folder);
	}
	return 0;
}
