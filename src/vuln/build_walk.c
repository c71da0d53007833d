/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies in a feed folder. Names are sorted at each level, so the order never depends on the
 * file system; links are followed inside the folder only and never to folders; what is no feed is
 * remembered, so that a misspelt name does not pass for knowledge.
 */
#include "build.h"

#include "../base/clean.h"
#include "../base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define DEPTH_MAX 16

static int walk(struct lz_build *b, struct lz_span dir, unsigned depth, struct lz_err *err);

static int by_name(const void *a, const void *b)
{
	return lz_span_cmp(*(const struct lz_span *)a, *(const struct lz_span *)b);
}

static struct lz_span below(struct lz_build *b, struct lz_span dir, struct lz_span name)
{
	return dir.n ? lz_arena_printf(&b->arena, "%s/%s", dir.p, name.p) : name;
}

static int memory(const struct lz_build *b, const struct lz_vec *v, struct lz_err *err)
{
	int code = b->arena.code ? b->arena.code : v->code;

	return code ? lz_fail(err, code, "file names: %s (limit advisories)", lz_code_text(code))
		    : 0;
}

static int ignore(struct lz_build *b, struct lz_span path, struct lz_err *err)
{
	lz_vec_add(&b->ignored, &path);
	return memory(b, &b->ignored, err);
}

/* "osv/Go/x/y.json" is gathered with all below "osv/Go"; "osv/y.json" with its like. */
static struct lz_span group_of(struct lz_build *b, const struct lz_feed_format *f,
			       struct lz_span path)
{
	struct lz_span top, rest, second, more;

	if (!f->gathered)
		return path;
	lz_span_cut(path, '/', &top, &rest);
	if (!lz_span_cut(rest, '/', &second, &more))
		return lz_arena_dup(&b->arena, top);
	return lz_arena_dup(&b->arena, lz_span(path.p, top.n + 1 + second.n));
}

static int add_file(struct lz_build *b, struct lz_span path, struct lz_err *err)
{
	const struct lz_feed_format *f = lz_feed_format_of(path);
	struct lz_build_file file = {.format = f, .path = path};
	LZ_CLEAN(fd) int fd = -1;
	struct stat st;

	if (b->o->wants && !b->o->wants(b->o->wants_arg, path))
		return 0;
	if (!f)
		return ignore(b, path, err);
	/* What can't be opened now can't be later: its job will say so, and others go on. */
	memset(&st, 0, sizeof(st));
	fd = lz_open_in_root(b->root_fd, path.p, NULL);
	if (fd >= 0 && fstat(fd, &st) < 0)
		return lz_fail_errno(err, "%s", path.p);
	if (fd >= 0 && !S_ISREG(st.st_mode)) /* a link to a folder: might lead in circles */
		return ignore(b, path, err);
	file.size_bytes = (uint64_t)st.st_size;
	file.modified_s = st.st_mtime > 0 ? st.st_mtime : 0;
	file.group = group_of(b, f, path);
	lz_vec_add(&b->files, &file);
	return memory(b, &b->files, err);
}

static int add_name(struct lz_build *b, struct lz_span dir, int dir_fd, struct lz_span name,
		    unsigned depth, struct lz_err *err)
{
	struct lz_span path = below(b, dir, name);
	struct stat st;

	if (b->arena.code)
		return memory(b, &b->files, err);
	if (fstatat(dir_fd, name.p, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return lz_fail_errno(err, "%s", path.p);
	if (S_ISDIR(st.st_mode)) {
		/* Other formats, kept beside the feeds for readers to come. */
		if (!dir.n && lz_span_is(name, "samples"))
			return ignore(b, path, err);
		return walk(b, path, depth + 1, err);
	}
	if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode))
		return add_file(b, path, err);
	return ignore(b, path, err);
}

static int list(struct lz_build *b, DIR *d, struct lz_vec *names, struct lz_span dir,
		struct lz_err *err)
{
	struct dirent *e;

	for (;;) {
		struct lz_span name;

		errno = 0;
		e = readdir(d);
		if (!e)
			break;
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		name = lz_arena_dup(&b->arena, lz_str(e->d_name));
		if (!name.n || !lz_vec_add(names, &name))
			return memory(b, names, err);
	}
	return errno ? lz_fail_errno(err, "%s", dir.n ? dir.p : b->o->from_dir) : 0;
}

static int walk(struct lz_build *b, struct lz_span dir, unsigned depth, struct lz_err *err)
{
	LZ_CLEAN(vec) struct lz_vec names;
	int fd, r;
	DIR *d;

	lz_vec_init(&names, sizeof(struct lz_span), (size_t)b->o->limits.advisories);
	if (depth > DEPTH_MAX)
		return lz_fail(err, LZ_E_LIMIT, "%s: more than %d folders deep", dir.p, DEPTH_MAX);
	fd = lz_open_in_root(b->root_fd, dir.n ? dir.p : ".", err);
	if (fd < 0)
		return fd;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return lz_fail_errno(err, "%s", dir.n ? dir.p : b->o->from_dir);
	}
	r = list(b, d, &names, dir, err);
	lz_vec_sort(&names, by_name);
	for (size_t i = 0; !r && i < names.n; i++)
		r = add_name(b, dir, fd, *(struct lz_span *)lz_vec_at(&names, i), depth, err);
	closedir(d);
	return r;
}

static int by_job(const void *pa, const void *pb)
{
	const struct lz_build_file *a = pa, *b = pb;
	int c = strcmp(a->format->name, b->format->name);

	if (!c)
		c = lz_span_cmp(a->group, b->group);
	return c ? c : lz_span_cmp(a->path, b->path);
}

int lz_build_walk(struct lz_build *b, struct lz_err *err)
{
	int r = walk(b, lz_span("", 0), 0, err);

	if (r)
		return r;
	if (!b->files.n)
		return lz_fail(err, LZ_E_NOTFOUND,
			       "%s: no feed; expected such as debian/tracker.json, "
			       "alpine/v3.18/main.json, osv/Go.zip",
			       b->o->from_dir);
	lz_vec_sort(&b->files, by_job);
	return 0;
}
