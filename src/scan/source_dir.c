/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A root file system on disk. The tree is not walked: the paths that catalogers name are opened,
 * each as if the folder were "/", so that no link leads out of it, and never a device or FIFO. The
 * files go to the confined child as the tar stream of a layer.
 */
#include "gather.h"

#include "../base/clean.h"
#include "../base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>

struct dir_walk {
	struct lz_feed_pipe *pipe;
	int root;
	struct lz_map seen; /* device and inode: a folder may have two names */
	struct lz_arena arena;
	uint64_t listed;
};

static void report(struct dir_walk *w, const char *path, const struct lz_err *why)
{
	if (lz_bundle_problem(w->pipe->bundle, why, lz_str(path), NULL))
		w->pipe->code = LZ_E_NOMEM;
}

/* Not being there is an answer; not being readable is a problem. */
static int open_known(struct dir_walk *w, const char *path)
{
	struct lz_err why;
	int fd = lz_open_in_root(w->root, path, &why);

	if (fd < 0 && fd != LZ_E_NOTFOUND && why.sys != ENOTDIR)
		report(w, path, &why);
	return fd;
}

static bool first_time(struct dir_walk *w, const struct stat *st)
{
	uint64_t id[2] = {(uint64_t)st->st_dev, (uint64_t)st->st_ino};
	bool fresh = false;

	lz_map_put(&w->seen, lz_arena_dup(&w->arena, lz_span(id, sizeof(id))), &fresh, NULL);
	return fresh;
}

static void give_file(struct dir_walk *w, const char *path)
{
	LZ_CLEAN(fd) int fd = open_known(w, path);
	struct lz_err why;
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) < 0) {
		lz_fail_errno(&why, "fstat");
		report(w, path, &why);
		return;
	}
	if (S_ISREG(st.st_mode) && first_time(w, &st))
		lz_feed_file(w->pipe, lz_str(path), fd, (uint64_t)st.st_size);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list(struct dir_walk *w, const char *path, const char *glob, struct lz_vec *names,
		struct lz_arena *arena)
{
	int fd = open_known(w, path);
	struct dirent *e;
	struct lz_err why;
	DIR *d;

	if (fd < 0)
		return 0;
	d = fdopendir(fd);
	if (!d) {
		if (errno != ENOTDIR) {
			lz_fail_errno(&why, "open folder");
			report(w, path, &why);
		}
		close(fd);
		return 0;
	}
	while ((errno = 0, e = readdir(d))) {
		char *name;
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
		    fnmatch(glob, e->d_name, 0))
			continue;
		if (++w->listed > w->pipe->bundle->limits.blobs) {
			lz_fail(&why, LZ_E_LIMIT, "too many package files (limit blobs)");
			report(w, path, &why);
			break;
		}
		name = lz_arena_cstr(arena, lz_str(e->d_name));
		if (!name || !lz_vec_add(names, &name))
			w->pipe->code = LZ_E_NOMEM;
	}
	if (errno) {
		lz_fail_errno(&why, "read folder");
		report(w, path, &why);
	}
	closedir(d);
	lz_vec_sort(names, compare_names);
	return 0;
}

/* "a/b/STAR.list" or "a/STAR/desc": everything before the "*" component is one folder to list. */
static void give_folder(struct dir_walk *w, const char *pattern, const char *star)
{
	LZ_CLEAN(vec) struct lz_vec names;
	LZ_CLEAN(arena) struct lz_arena arena;
	char folder[512], glob[256], path[1024];
	const char *name_at = star, *name_end;

	lz_vec_init(&names, sizeof(char *), SIZE_MAX / sizeof(char *));
	lz_arena_init(&arena, 64 * LZ_M);
	while (name_at > pattern && name_at[-1] != '/')
		name_at--;
	name_end = name_at + strcspn(name_at, "/");
	snprintf(folder, sizeof(folder), "%.*s",
		 (int)(name_at > pattern ? name_at - pattern - 1 : 0), pattern);
	snprintf(glob, sizeof(glob), "%.*s", (int)(name_end - name_at), name_at);
	list(w, folder, glob, &names, &arena);
	LZ_VEC_EACH (char *, name, &names) {
		if (w->pipe->code)
			return;
		snprintf(path, sizeof(path), "%s/%s%s", folder, *name, name_end);
		give_file(w, path);
	}
}

static void give_pattern(struct dir_walk *w, const char *pattern)
{
	const char *star = strchr(pattern, '*');

	if (star)
		give_folder(w, pattern, star);
	else
		give_file(w, pattern);
}

static void give_all(struct lz_feed_pipe *pipe, void *arg)
{
	struct dir_walk *w = arg;

	w->pipe = pipe;
	for (size_t i = 0; lz_catalogers[i]; i++)
		for (const char *const *p = lz_catalogers[i]->paths; *p && !pipe->code; p++)
			give_pattern(w, *p);
}

int lz_gather_dir(struct lz_gather *g, struct lz_bundle *b, struct lz_err *err)
{
	struct lz_layer_request q = {.length = UINT64_MAX};
	struct dir_walk w = {.root = -1};
	LZ_CLEAN(buf) struct lz_buf request;
	LZ_CLEAN(fd) int root = open(g->target->path.p, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct lz_image *image = lz_vec_push(&b->images);
	struct lz_blob *blob = lz_bundle_blob(b, LZ_SPAN("/"), err);
	int r;

	if (root < 0)
		return lz_fail_errno(err, "%.*s", LZ_FMT(g->target->path));
	if (!image || !blob)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	image->layers = LZ_ARENA_NEW(&b->arena, struct lz_layer);
	lz_buf_init(&request, LZ_M);
	if (!image->layers || lz_layer_request(&request, &q))
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	image->layer_count = 1;
	image->layers[0] = (struct lz_layer){.blob = blob->path, .size = UINT64_MAX};
	blob->layer = image->layers;
	blob->analysed = true;
	w.root = root;
	lz_map_init(&w.seen, b->limits.blobs);
	lz_arena_init(&w.arena, 64 * LZ_M);
	r = lz_feed_child(g, b, "layer", lz_buf_view(&request), give_all, &w, blob, err);
	lz_map_done(&w.seen);
	lz_arena_done(&w.arena);
	if (r && r != LZ_E_CANCELLED) {
		lz_evidence_problem(&blob->evidence, r, (struct lz_span){"", 0}, -1,
				    err ? err->text : lz_code_text(r));
		r = 0;
	}
	return r;
}
