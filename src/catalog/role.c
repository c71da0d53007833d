/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two roles that read images, each run in a confined child (jail/jail.h).
 *
 *	layer     one layer's blob: a window of a seekable file, or a stream
 *	archive   a whole archive: which images are in it. A plain seekable one is only skimmed, its
 * layers are left for children of their own; a packed or piped one passes just once, so every
 * member that looks like a layer is analysed on the way, before or after the manifest says that it
 * is one.
 */
#include "wire.h"

#include "../base/clean.h"
#include "../format/tar.h"

/* --- layer --- */

static int run_layer(struct lz_rec *request, int in_fd, const struct lz_limits *limits,
		     struct lz_rec_out *out, struct lz_err *err)
{
	uint64_t offset = lz_rec_u64(request), length = lz_rec_u64(request);
	bool seekable = lz_rec_u64(request) != 0, hash = lz_rec_u64(request) != 0;
	LZ_CLEAN(arena) struct lz_arena arena;
	struct lz_layer_walk w = {.limits = limits, .out = out};
	struct lz_wanted *wanted;
	struct lz_reader *r;
	int code;

	lz_arena_init(&arena, 16 * LZ_M);
	code = lz_wanted_take(request, &arena, &wanted, &w.wanted_count, err);
	if (!code)
		code = lz_rec_end(request, err);
	if (code)
		return code;
	w.wanted = wanted;
	r = seekable ? lz_reader_pread(in_fd, offset, length, err)
		     : lz_reader_fd(in_fd, length, err);
	if (!r)
		return err ? err->code : LZ_E_NOMEM;
	return lz_layer_analyse(&w, r, hash, true, err);
}

const struct lz_role lz_role_layer = {.name = "layer", .run = run_layer, .threads = 2};

/* --- archive --- */

struct archive {
	struct lz_docs docs;
	struct lz_arena arena;
	const struct lz_limits *limits;
	struct lz_rec_out *out;
	struct lz_archive_request q;
	struct lz_buf json;
	struct lz_reader *packed;
};

/* Gives the chunk that was looked at back in front of the rest. */
struct with_head {
	struct lz_reader reader;
	struct lz_span head;
	struct lz_reader *rest;
};

static int head_next(struct lz_reader *r, struct lz_span *ret, struct lz_err *err)
{
	struct with_head *h = (struct with_head *)(void *)r;
	int code = 1;

	if (h->head.n) {
		*ret = h->head;
		h->head.n = 0;
	} else {
		code = lz_reader_next(h->rest, ret, err);
	}
	if (code > 0)
		r->offset += ret->n;
	return code;
}

static void head_close(struct lz_reader *r)
{
	struct with_head *h = (struct with_head *)(void *)r;

	lz_reader_close(h->rest);
	lz_free(h);
}

static struct lz_reader *with_head(struct lz_span head, struct lz_reader *rest, struct lz_err *err)
{
	struct with_head *h = lz_alloc(sizeof(*h));

	if (!h) {
		lz_reader_close(rest);
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	h->reader.next = head_next;
	h->reader.close = head_close;
	h->head = head;
	h->rest = rest;
	return &h->reader;
}

static int archive_problem(struct archive *a, struct lz_span path, const struct lz_err *why,
			   struct lz_err *err)
{
	return lz_wire_problem(a->out, LZ_REC_ARCHIVE_PROBLEM, why->code, path, -1, why->text, err);
}

static bool looks_like_layer(struct lz_span head)
{
	if (lz_packing_of(head) != LZ_PACK_NONE)
		return true;
	if (head.n < 512)
		return false;
	if (lz_tar_is_header(lz_span_head(head, 512)))
		return true;
	for (size_t i = 0; i < 512; i++) /* an empty layer is a tar of zeros */
		if (head.p[i])
			return false;
	return true;
}

static int analyse_member(struct archive *a, const struct lz_tar_entry *e, struct lz_span head,
			  struct lz_reader *content, struct lz_err *err)
{
	struct lz_layer_walk w = {.limits = a->limits,
				  .out = a->out,
				  .wanted = a->q.wanted,
				  .wanted_count = a->q.wanted_count};
	struct lz_reader *r;
	struct lz_err why = {0};
	int code;

	lz_rec_begin(a->out, LZ_REC_BLOB);
	lz_rec_put_span(a->out, e->path);
	code = lz_rec_commit(a->out, err);
	if (code) {
		lz_reader_close(content);
		return code;
	}
	r = with_head(head, content, err);
	if (!r)
		return err ? err->code : LZ_E_NOMEM;
	code = lz_layer_analyse(&w, r, true, true, &why);
	if (code == LZ_E_NOMEM || code == LZ_E_IO) {
		if (err)
			*err = why;
		return code;
	}
	return code ? lz_wire_problem(a->out, LZ_REC_PROBLEM, code, (struct lz_span){"", 0}, -1,
				      why.text, err)
		    : 0;
}

static int collect_json(struct archive *a, const struct lz_tar_entry *e, struct lz_span head,
			struct lz_reader *content, struct lz_err *err)
{
	struct lz_span chunk = head;
	int code = 1;

	lz_buf_clear(&a->json);
	while (code > 0) {
		if (lz_buf_span(&a->json, chunk))
			return lz_fail(err, a->json.code, "%.*s: %s", LZ_FMT(e->path),
				       lz_code_text(a->json.code));
		code = lz_reader_next(content, &chunk, err);
	}
	return code ? code : lz_docs_add_json(&a->docs, e->path, lz_buf_view(&a->json), err);
}

static int member(struct archive *a, struct lz_tar *tar, const struct lz_tar_entry *e,
		  struct lz_err *err)
{
	struct lz_reader *content = lz_tar_reader(tar, err);
	struct lz_span head = {"", 0};
	int code;

	if (!content)
		return err ? err->code : LZ_E_NOMEM;
	code = lz_reader_next(content, &head, err);
	if (code > 0 && (head.p[0] == '{' || head.p[0] == '[') &&
	    e->size <= a->limits->json_bytes) {
		code = collect_json(a, e, head, content, err);
		lz_reader_close(content);
		return code;
	}
	if (code >= 0)
		code = lz_docs_add_blob(&a->docs, e->path, e->data_offset, e->size, err);
	if (!code && !a->q.seekable && looks_like_layer(head))
		return analyse_member(a, e, head, content, err);
	lz_reader_close(content);
	return code;
}

static int skim(struct archive *a, struct lz_reader *r, struct lz_err *err)
{
	struct lz_tar *tar = lz_tar_open(r, a->limits, err);
	struct lz_tar_entry e;
	int code;

	if (!tar)
		return err ? err->code : LZ_E_NOMEM;
	while ((code = lz_tar_next(tar, &e, err)) > 0) {
		if (e.unsafe || !e.path.n)
			continue;
		code = 0;
		if (e.type == LZ_TAR_FILE)
			code = member(a, tar, &e, err);
		else if (e.type == LZ_TAR_SYMLINK || e.type == LZ_TAR_HARDLINK)
			code = lz_docs_add_link(&a->docs, e.path, e.link, e.type == LZ_TAR_SYMLINK,
						err);
		if (code) {
			lz_wrap(err, "%.*s", LZ_FMT(e.path));
			break;
		}
	}
	lz_tar_close(tar);
	return code;
}

static struct lz_reader *open_archive(struct archive *a, int in_fd, struct lz_err *err)
{
	struct lz_reader *r;

	if (a->q.seekable)
		return lz_reader_pread(in_fd, 0, a->q.size, err);
	r = lz_reader_fd(in_fd, UINT64_MAX, err);
	if (r)
		r = lz_reader_stage(r, 256 * 1024, 4, err);
	return r ? lz_reader_unpack(r, a->limits, 4, NULL, err) : NULL;
}

static int send_images(struct archive *a, struct lz_err *err)
{
	LZ_CLEAN(vec) struct lz_vec images;
	int code;

	lz_vec_init(&images, sizeof(struct lz_image), 4096);
	code = lz_image_resolve(&a->docs, &a->q.select, &a->arena, &images, err);
	for (size_t i = 0; !code && i < images.n; i++)
		code = lz_wire_image(a->out, lz_vec_at(&images, i), err);
	return code;
}

static void take_platform(struct lz_rec *request, struct lz_platform *p)
{
	p->os = lz_rec_span(request, 4096);
	p->arch = lz_rec_span(request, 4096);
	p->variant = lz_rec_span(request, 4096);
}

static int take_request(struct archive *a, struct lz_rec *request, struct lz_err *err)
{
	struct lz_wanted *wanted = NULL;
	int code;

	a->q.seekable = lz_rec_u64(request) != 0;
	a->q.size = lz_rec_u64(request);
	a->q.select.image = lz_rec_span(request, 4096);
	take_platform(request, &a->q.select.platform);
	take_platform(request, &a->q.select.host);
	a->q.select.all_platforms = lz_rec_u64(request) != 0;
	code = lz_wanted_take(request, &a->arena, &wanted, &a->q.wanted_count, err);
	a->q.wanted = wanted;
	return code ? code : lz_rec_end(request, err);
}

static int read_archive(struct archive *a, int in_fd, struct lz_err *err)
{
	LZ_CLEAN(reader) struct lz_reader *r = open_archive(a, in_fd, err);
	struct lz_err why = {0};
	int code;

	if (!r)
		return err ? err->code : LZ_E_NOMEM;
	code = skim(a, r, &why);
	if (code) {
		/* A torn archive may still hold its manifest and some layers: say so, go on. */
		int sent = archive_problem(a, (struct lz_span){"", 0}, &why, err);
		if (sent)
			return sent;
	} else {
		code = lz_reader_drain(r, err);
		if (code)
			return code;
	}
	if (!a->docs.by_path.live && code) {
		if (err)
			*err = why;
		return code;
	}
	return send_images(a, err);
}

static int run_archive(struct lz_rec *request, int in_fd, const struct lz_limits *limits,
		       struct lz_rec_out *out, struct lz_err *err)
{
	struct archive a = {.limits = limits, .out = out};
	int code;

	lz_arena_init(&a.arena, limits->json_total * 2 + 64 * LZ_M);
	lz_docs_init(&a.docs, &a.arena, limits);
	lz_buf_init(&a.json, limits->json_bytes);
	code = take_request(&a, request, err);
	if (!code)
		code = read_archive(&a, in_fd, err);
	lz_docs_done(&a.docs);
	lz_buf_done(&a.json);
	lz_arena_done(&a.arena);
	return code;
}

/* Two stages for the archive itself, two for the layer at hand. */
const struct lz_role lz_role_archive = {.name = "archive", .run = run_archive, .threads = 4};
