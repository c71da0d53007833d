/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that grows by whole lines: a line that the disk had room for only in part is taken back
 * and written again later; the rest of one that a crash left is closed with a newline.
 *
 *	PATH ──► PATH.1 ──► PATH.2 … ──► PATH.keep ──► gone      when the next line would exceed size
 */
#include "output.h"

#include "../base/alloc.h"
#include "../base/io.h"
#include "../base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
	char path[PATH_MAX];
	uint64_t size_max, keep;
	uint64_t size;
	int fd; /* -1: to be opened again */
};

static void shut(struct file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

/* What is there ends with a newline from now on. */
static int end_line(struct file *f, struct lz_err *err)
{
	char last = '\n';

	if (f->size && pread(f->fd, &last, 1, (off_t)f->size - 1) < 0)
		return lz_fail_errno(err, "%s", f->path);
	if (last == '\n')
		return 0;
	if (lz_write_full(f->fd, "\n", 1, err))
		return lz_wrap(err, "%s", f->path);
	f->size++;
	return 0;
}

/* Never through a link in the last place, and neither a pipe nor a device: writing there may wait
 * for ever. */
static int open_file(struct file *f, struct lz_err *err)
{
	struct stat st;
	int code = 0;

	if (f->fd >= 0)
		return 0;
	f->fd = open(f->path,
		     O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY,
		     0640);
	if (f->fd < 0 && errno == ELOOP)
		return lz_fail(err, LZ_E_DENIED, "%s: is a symbolic link; name the file itself",
			       f->path);
	if (f->fd < 0)
		return lz_fail_errno(err, "%s", f->path);
	if (fstat(f->fd, &st) < 0)
		code = lz_fail_errno(err, "%s", f->path);
	else if (!S_ISREG(st.st_mode))
		code = lz_fail(err, LZ_E_UNSUPPORTED, "%s: is no regular file", f->path);
	f->size = code ? 0 : (uint64_t)st.st_size;
	if (!code)
		code = end_line(f, err);
	if (code)
		shut(f);
	return code;
}

static int open_it(struct lz_output *o, struct lz_span rest, struct lz_err *err)
{
	struct file *f = lz_alloc(sizeof(*f));
	struct lz_span path, options;
	int code;

	if (!f)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	o->state = f;
	f->fd = -1;
	f->keep = 5;
	lz_span_cut(rest, ',', &path, &options);
	code = lz_output_path(o, path, f->path, sizeof(f->path), err);
	if (!code)
		code = lz_output_options(
			o, options,
			(const struct lz_output_option[]){
				{.name = "size",
				 .number = &f->size_max,
				 .least = 1,
				 .most = 1024 * LZ_G},
				{.name = "keep", .number = &f->keep, .least = 1, .most = 1000},
			},
			2, err);
	if (code)
		return code;
	code = open_file(f, err);
	if (code)
		lz_wrap(err, "output file");
	return code;
}

/* --- rotation --------------------------------------------------------------------------------- */

static void old_name(const struct file *f, uint64_t i, char buf[PATH_MAX + 24])
{
	if (i)
		snprintf(buf, PATH_MAX + 24, "%s.%llu", f->path, (unsigned long long)i);
	else
		snprintf(buf, PATH_MAX + 24, "%s", f->path);
}

static int rotate(struct file *f, struct lz_err *err)
{
	char from[PATH_MAX + 24], to[PATH_MAX + 24];

	for (uint64_t i = f->keep; i-- > 0;) {
		old_name(f, i, from);
		old_name(f, i + 1, to);
		if (rename(from, to) < 0 && errno != ENOENT)
			return lz_fail_errno(err, "%s to %s", from, to);
	}
	shut(f);
	return open_file(f, err);
}

/* --- writing ---------------------------------------------------------------------------------- */

/* How many of the records from `i` on fit below the size; one at least if the file is empty. */
static size_t fitting(const struct file *f, const struct lz_batch *b, size_t i, size_t *ret_bytes)
{
	uint64_t size = f->size;
	size_t n = 0;

	*ret_bytes = 0;
	for (; i + n < b->count; n++) {
		uint32_t len = b->lens[i + n];
		if (f->size_max && size && size + len > f->size_max)
			break;
		size += len;
		*ret_bytes += len;
	}
	return n;
}

/* Only part of it found room: what is not a whole record is taken back. If somebody else has
 * written behind it in the meantime it stays, closed with a newline when there is room. */
static void take_back(struct file *f, const struct lz_batch *b, size_t i, size_t written,
		      size_t *ret_done)
{
	size_t keep = 0;
	struct stat st;

	while (keep + b->lens[i] <= written) {
		keep += b->lens[i++];
		(*ret_done)++;
	}
	if (written > keep && !fstat(f->fd, &st) && (uint64_t)st.st_size == f->size + written &&
	    !ftruncate(f->fd, (off_t)(f->size + keep)))
		f->size += keep;
	else if (written > keep)
		shut(f); /* opening it again looks at its end */
	else
		f->size += keep;
}

static int append(struct file *f, const struct lz_batch *b, const char *p, size_t n, size_t bytes,
		  size_t *ret_done, struct lz_err *err)
{
	size_t at = 0, i = *ret_done;
	int code = 0;

	while (at < bytes && !code) {
		ssize_t r = write(f->fd, p + at, bytes - at);
		if (r < 0 && errno != EINTR)
			code = lz_fail_errno(err, "%s", f->path);
		at += r > 0 ? (size_t)r : 0;
	}
	if (code) {
		take_back(f, b, i, at, ret_done);
		return code;
	}
	f->size += bytes;
	*ret_done += n;
	return 0;
}

static int write_it(struct lz_output *o, const struct lz_batch *b, size_t *ret_done,
		    struct lz_err *err)
{
	struct file *f = o->state;
	const char *p = b->p;

	while (*ret_done < b->count) {
		size_t bytes, n;
		int code = open_file(f, err);
		if (code)
			return code;
		n = fitting(f, b, *ret_done, &bytes);
		code = n ? append(f, b, p, n, bytes, ret_done, err) : rotate(f, err);
		if (code)
			return code;
		p += bytes;
	}
	return 0;
}

static void reopen(struct lz_output *o)
{
	shut(o->state);
}

static void close_it(struct lz_output *o)
{
	shut(o->state);
	lz_free(o->state);
	o->state = NULL;
}

const struct lz_output_kind lz_output_file = {
	.open = open_it,
	.write = write_it,
	.reopen = reopen,
	.close = close_it,
};
