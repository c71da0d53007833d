/* SPDX-License-Identifier: Apache-2.0 */
#include "vdb_file.h"

#include "../base/alloc.h"
#include "../base/clean.h"
#include "../base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

static void folder_of(const char *path, char *buf, size_t size)
{
	const char *slash = strrchr(path, '/');

	if (slash == path)
		snprintf(buf, size, "/");
	else
		snprintf(buf, size, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
}

/* PATH.PID.part of a process that is no more. */
static bool left_over(struct lz_span name, struct lz_span own)
{
	uint64_t pid;

	if (name.n <= own.n + 1 || !lz_span_eq(lz_span_head(name, own.n), own) ||
	    name.p[own.n] != '.' || !lz_span_ends(name, ".part"))
		return false;
	name = lz_span_from(name, own.n + 1);
	name.n -= strlen(".part");
	return lz_span_u64(name, 10, &pid) && pid && pid < INT32_MAX && kill((pid_t)pid, 0) < 0 &&
	       errno == ESRCH;
}

static void sweep(const char *path)
{
	struct lz_span own = lz_str(path);
	char folder[4096];
	struct dirent *e;
	DIR *d;

	folder_of(path, folder, sizeof(folder));
	d = opendir(folder);
	if (!d)
		return;
	own = lz_span_from(own, (size_t)(lz_span_rfind(own, '/') + 1));
	while ((e = readdir(d)))
		if (left_over(lz_str(e->d_name), own))
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
}

int lz_vdb_file_begin(struct lz_vdb_file *f, const char *path, struct lz_err *err)
{
	f->path = path;
	f->fd = -1;
	if (asprintf(&f->part, "%s.%d.part", path, (int)getpid()) < 0) {
		f->part = NULL;
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	}
	sweep(path);
	f->fd = open(f->part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (f->fd >= 0)
		return 0;
	lz_fail_errno(err, "%s", f->part);
	free(f->part);
	return err ? err->code : LZ_E_IO;
}

/* The file itself is safe by then; a lost rename leaves the old one. */
static void sync_folder(const char *path)
{
	char folder[4096];
	int fd;

	folder_of(path, folder, sizeof(folder));
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

int lz_vdb_file_end(struct lz_vdb_file *f, int code, struct lz_err *err)
{
	if (!code && fsync(f->fd) < 0)
		code = lz_fail_errno(err, "sync");
	if (close(f->fd) < 0 && !code)
		code = lz_fail_errno(err, "close");
	if (!code && rename(f->part, f->path) < 0)
		code = lz_fail_errno(err, "rename");
	if (code) {
		unlink(f->part);
		lz_wrap(err, "%s", f->path);
	} else {
		sync_folder(f->path);
	}
	free(f->part);
	return code;
}

static int copy(int from, int to, uint64_t max, struct lz_err *err)
{
	LZ_CLEAN(mem) char *buf = lz_alloc(LZ_M);
	uint64_t total = 0;
	size_t n = 0;
	int code;

	if (!buf)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	do {
		code = lz_read_full(from, buf, LZ_M, &n, err);
		total += n;
		if (!code && total > max)
			code = lz_fail(err, LZ_E_LIMIT, "larger than %llu bytes (limit vdb_bytes)",
				       (unsigned long long)max);
		if (!code)
			code = lz_write_full(to, buf, n, err);
	} while (!code && n == LZ_M);
	return code;
}

/* The copy is what is checked, so that nobody can change it in between. */
static int check(const struct lz_vdb_file *f, const char *verify_key, struct lz_err *err)
{
	struct lz_vdb *v = lz_vdb_open(f->part, err);
	int code;

	if (!v)
		return err->code;
	code = lz_vdb_verify(v, verify_key, err);
	lz_vdb_close(v);
	return code;
}

int lz_vdb_install(const char *from, const char *to, const char *verify_key,
		   const struct lz_limits *limits, struct lz_err *err)
{
	LZ_CLEAN(fd) int fd = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct lz_vdb_file f;
	struct stat st;
	int code;

	if (fd < 0 || fstat(fd, &st) < 0)
		return lz_fail_errno(err, "%s", from);
	if (!S_ISREG(st.st_mode))
		return lz_fail(err, LZ_E_UNSUPPORTED, "%s: not a file", from);
	code = lz_vdb_file_begin(&f, to, err);
	if (code)
		return code;
	code = copy(fd, f.fd, limits->vdb_bytes, err);
	if (!code && check(&f, verify_key, err))
		code = lz_wrap(err, "%s", from);
	return lz_vdb_file_end(&f, code, err);
}
