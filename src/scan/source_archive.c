/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file, or standard input. A plain file that can be read by offset is skimmed for its manifest,
 * then each layer gets a child of its own; anything packed or piped passes once through one child.
 */
#include "gather.h"

#include "../base/clean.h"
#include "../base/io.h"

#include <fcntl.h>
#include <sys/stat.h>

static int open_file(const struct lz_target *t, int *ret_fd, struct lz_err *err)
{
	int fd;

	if (lz_span_is(t->path, "-"))
		fd = dup(STDIN_FILENO);
	else
		fd = open(t->path.p, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return lz_fail_errno(err, "%.*s", LZ_FMT(t->path));
	*ret_fd = fd;
	return 0;
}

struct plain {
	int fd;
	uint64_t size;
};

static int open_window(void *arg, const struct lz_layer *layer, int *ret_fd, uint64_t *ret_offset,
		       uint64_t *ret_length, struct lz_err *err)
{
	const struct plain *p = arg;

	if (!layer->located)
		return lz_fail(err, LZ_E_NOTFOUND, "%.*s is missing from the archive",
			       LZ_FMT(layer->blob));
	if (layer->offset > p->size || layer->length > p->size - layer->offset)
		return lz_fail(err, LZ_E_FORMAT, "%.*s lies beyond the end of the archive",
			       LZ_FMT(layer->blob));
	*ret_fd = fcntl(p->fd, F_DUPFD_CLOEXEC, 3);
	if (*ret_fd < 0)
		return lz_fail_errno(err, "duplicate a descriptor");
	*ret_offset = layer->offset;
	*ret_length = layer->length;
	return 0;
}

static int ask_for_images(struct lz_gather *g, struct lz_bundle *b, int fd, bool seekable,
			  uint64_t size, struct lz_err *err)
{
	struct lz_archive_request q = {.seekable = seekable,
				       .size = size,
				       .select = g->options->select,
				       .wanted = g->wanted,
				       .wanted_count = g->wanted_count};
	LZ_CLEAN(buf) struct lz_buf request;
	struct lz_child_usage usage;
	struct lz_child *c;
	int r;

	lz_buf_init(&request, LZ_M);
	if (lz_archive_request(&request, &q))
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	c = lz_child_start("archive", fd, &b->limits, lz_buf_view(&request), err);
	if (!c)
		return err ? err->code : LZ_E_NOMEM;
	r = lz_receive(g, b, c, NULL, err);
	usage = lz_child_usage(c);
	b->cpu_ms += usage.cpu_ms;
	b->max_rss_bytes = usage.max_rss_bytes;
	lz_child_free(c);
	/* Torn, but some images were found: their layers tell how much is lost. */
	if (r && r != LZ_E_CANCELLED && b->images.n)
		return lz_bundle_problem(b, err, (struct lz_span){"", 0}, err);
	return r;
}

/* In a stream, layers came before or after the manifest; those that never came are missing. */
static int settle_stream(struct lz_bundle *b, struct lz_err *err)
{
	LZ_VEC_EACH (struct lz_image, image, &b->images) {
		for (size_t i = 0; i < image->layer_count; i++) {
			const struct lz_layer *layer = &image->layers[i];
			struct lz_blob *blob = lz_bundle_blob(b, layer->blob, err);
			const char *refusal = lz_layer_refusal(layer->media_type);
			char text[400];

			if (!blob)
				return err ? err->code : LZ_E_NOMEM;
			if (blob->layer)
				continue;
			blob->layer = layer;
			if (blob->analysed && !refusal)
				continue;
			blob->analysed = true;
			snprintf(text, sizeof(text),
				 "%.*s is missing from the archive or is no layer",
				 LZ_FMT(layer->blob));
			lz_evidence_problem(&blob->evidence,
					    refusal ? LZ_E_UNSUPPORTED : LZ_E_NOTFOUND,
					    (struct lz_span){"", 0}, -1, refusal ? refusal : text);
		}
	}
	return 0;
}

int lz_gather_archive(struct lz_gather *g, struct lz_bundle *b, struct lz_err *err)
{
	LZ_CLEAN(fd) int fd = -1;
	char head[6];
	size_t got = 0;
	struct stat st;
	struct plain plain;
	bool regular;
	int r = open_file(g->target, &fd, err);

	if (r)
		return r;
	if (fstat(fd, &st) < 0)
		return lz_fail_errno(err, "%.*s", LZ_FMT(g->target->path));
	regular = S_ISREG(st.st_mode) && !lz_span_is(g->target->path, "-");
	g->again = regular;
	if (regular) {
		r = lz_pread_full(fd, head, sizeof(head), 0, &got, err);
		if (r) {
			lz_wrap(err, "%.*s", LZ_FMT(g->target->path));
			return r;
		}
		lz_progress_total(g->progress, (uint64_t)st.st_size);
	}
	if (!regular || lz_packing_of(lz_span(head, got)) != LZ_PACK_NONE) {
		r = ask_for_images(g, b, fd, false, UINT64_MAX, err);
		return r ? r : settle_stream(b, err);
	}
	plain = (struct plain){.fd = fd, .size = (uint64_t)st.st_size};
	r = ask_for_images(g, b, fd, true, plain.size, err);
	return r ? r : lz_analyse_blobs(g, b, open_window, &plain, err);
}
