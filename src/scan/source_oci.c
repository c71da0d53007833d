/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An OCI image layout in a folder. Its JSON documents go to a confined child as one stream, which
 * answers with the images; then each layer's blob is opened and given to a child of its own.
 */
#include "gather.h"

#include "../base/clean.h"
#include "../base/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

struct layout {
	struct lz_feed_pipe *pipe;
	int root;
};

static bool looks_like_json(int fd)
{
	char c = 0;

	return pread(fd, &c, 1, 0) == 1 && (c == '{' || c == '[');
}

static void give(struct layout *l, const char *path, bool must_exist)
{
	struct lz_err why;
	LZ_CLEAN(fd) int fd = lz_open_in_root(l->root, path, &why);
	struct stat st;

	if (fd < 0) {
		if ((must_exist || fd != LZ_E_NOTFOUND) &&
		    lz_bundle_problem(l->pipe->bundle, &why, lz_str(path), NULL))
			l->pipe->code = LZ_E_NOMEM;
		return;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (uint64_t)st.st_size <= l->pipe->bundle->limits.json_bytes && looks_like_json(fd))
		lz_feed_file(l->pipe, lz_str(path), fd, (uint64_t)st.st_size);
}

static void give_documents(struct lz_feed_pipe *pipe, void *arg)
{
	struct layout *l = arg;
	struct lz_err why;
	struct dirent *e;
	uint64_t seen = 0;
	char path[320];
	DIR *d;
	int fd;

	l->pipe = pipe;
	give(l, "index.json", false);
	give(l, "manifest.json", false);
	fd = lz_open_in_root(l->root, "blobs/sha256", &why);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		if (fd >= 0)
			close(fd);
		return; /* the index will name what is missing */
	}
	while (!pipe->code && (e = readdir(d))) {
		if (e->d_name[0] == '.' || strlen(e->d_name) > 255)
			continue;
		if (++seen > pipe->bundle->limits.blobs) {
			lz_fail(&why, LZ_E_LIMIT, "more than %llu blobs (limit blobs)",
				(unsigned long long)pipe->bundle->limits.blobs);
			lz_bundle_problem(pipe->bundle, &why, LZ_SPAN("blobs/sha256"), NULL);
			break;
		}
		snprintf(path, sizeof(path), "blobs/sha256/%s", e->d_name);
		give(l, path, true);
	}
	closedir(d);
}

static int open_blob(void *arg, const struct lz_layer *layer, int *ret_fd, uint64_t *ret_offset,
		     uint64_t *ret_length, struct lz_err *err)
{
	const struct layout *l = arg;
	char path[512];
	struct stat st;
	int fd;

	if (!lz_span_cstr(layer->blob, path, sizeof(path)))
		return lz_fail(err, LZ_E_FORMAT, "blob has an impossible path");
	fd = lz_open_in_root(l->root, path, err);
	if (fd < 0) {
		lz_wrap(err, "blob");
		return fd;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return lz_fail(err, LZ_E_UNSUPPORTED, "%s: not a regular file", path);
	}
	*ret_fd = fd;
	*ret_offset = 0;
	*ret_length = (uint64_t)st.st_size;
	return 0;
}

static void set_total(struct lz_gather *g, const struct lz_bundle *b)
{
	uint64_t total = 0;

	LZ_VEC_EACH (struct lz_image, image, &b->images)
		for (size_t i = 0; i < image->layer_count; i++)
			if (image->layers[i].size != UINT64_MAX)
				total += image->layers[i].size;
	lz_progress_total(g->progress, total);
}

int lz_gather_oci(struct lz_gather *g, struct lz_bundle *b, struct lz_err *err)
{
	struct lz_archive_request q = {.size = UINT64_MAX, .select = g->options->select};
	LZ_CLEAN(fd) int root = open(g->target->path.p, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct layout l = {.root = root};
	LZ_CLEAN(buf) struct lz_buf request;
	int r;

	if (root < 0)
		return lz_fail_errno(err, "%.*s", LZ_FMT(g->target->path));
	g->again = true;
	lz_buf_init(&request, LZ_M);
	if (lz_archive_request(&request, &q))
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	r = lz_feed_child(g, b, "archive", lz_buf_view(&request), give_documents, &l, NULL, err);
	if (r)
		return r;
	set_total(g, b);
	return lz_analyse_blobs(g, b, open_blob, &l, err);
}
