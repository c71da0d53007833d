/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to the roles "layer" and "archive", and the images the latter answers with, as records.
 */
#include "wire.h"

#define WANTED_MAX 1024

/* --- requests --- */

void lz_wanted_put(struct lz_rec_out *o, const struct lz_wanted *wanted, size_t count)
{
	lz_rec_put_u64(o, count);
	for (size_t i = 0; i < count; i++) {
		lz_rec_put_span(o, wanted[i].path);
		lz_rec_put_u64(o, wanted[i].cataloger);
	}
}

int lz_wanted_take(struct lz_rec *rec, struct lz_arena *arena, struct lz_wanted **ret,
		   size_t *ret_count, struct lz_err *err)
{
	uint64_t n = lz_rec_u64(rec), known = 0;
	struct lz_wanted *w;

	while (lz_catalogers[known])
		known++;
	if (n > WANTED_MAX)
		return lz_fail(err, LZ_E_LIMIT, "too many extra paths");
	w = lz_arena_array(arena, (size_t)n, sizeof(*w));
	if (!w)
		return lz_fail(err, arena->code, "out of memory");
	for (size_t i = 0; i < n; i++) {
		uint64_t cataloger;
		w[i].path = lz_rec_span(rec, 64 * LZ_K);
		cataloger = lz_rec_u64(rec);
		if (cataloger >= known)
			return lz_fail(err, LZ_E_BUG, "unknown cataloger");
		w[i].cataloger = (unsigned)cataloger;
	}
	*ret = w;
	*ret_count = (size_t)n;
	return 0;
}

/* A request is a record without its length: what lz_child_start wants. */
static int finish(struct lz_rec_out *o, struct lz_buf *b)
{
	int code = o->buf.code;

	if (!code)
		code = lz_buf_add(b, o->buf.p + 4, o->buf.n - 4);
	lz_rec_out_done(o);
	return code;
}

static void begin(struct lz_rec_out *o)
{
	struct lz_limits l;

	lz_limits_default(&l);
	lz_rec_out_init(o, -1, &l);
	lz_rec_begin(o, LZ_REC_FIRST_FREE);
}

int lz_layer_request(struct lz_buf *b, const struct lz_layer_request *q)
{
	struct lz_rec_out o;

	begin(&o);
	lz_rec_put_u64(&o, q->offset);
	lz_rec_put_u64(&o, q->length);
	lz_rec_put_u64(&o, q->seekable);
	lz_rec_put_u64(&o, q->hash);
	lz_wanted_put(&o, q->wanted, q->wanted_count);
	return finish(&o, b);
}

static void put_platform(struct lz_rec_out *o, const struct lz_platform *p)
{
	lz_rec_put_span(o, p->os);
	lz_rec_put_span(o, p->arch);
	lz_rec_put_span(o, p->variant);
}

int lz_archive_request(struct lz_buf *b, const struct lz_archive_request *q)
{
	struct lz_platform host;
	struct lz_rec_out o;

	lz_platform_host(&host);
	begin(&o);
	lz_rec_put_u64(&o, q->seekable);
	lz_rec_put_u64(&o, q->size);
	lz_rec_put_span(&o, q->select.image);
	put_platform(&o, &q->select.platform);
	put_platform(&o, &host);
	lz_rec_put_u64(&o, q->select.all_platforms);
	lz_wanted_put(&o, q->wanted, q->wanted_count);
	return finish(&o, b);
}

/* --- images --- */

static int put_layer(struct lz_rec_out *o, const struct lz_layer *l, struct lz_err *err)
{
	lz_rec_begin(o, LZ_REC_IMAGE_LAYER);
	lz_rec_put_span(o, l->blob);
	lz_rec_put_span(o, l->digest);
	lz_rec_put_u64(o, l->size);
	lz_rec_put_span(o, l->diff_id);
	lz_rec_put_span(o, l->media_type);
	lz_rec_put_span(o, l->created_by);
	lz_rec_put_u64(o, l->offset);
	lz_rec_put_u64(o, l->length);
	lz_rec_put_u64(o, l->located);
	return lz_rec_commit(o, err);
}

int lz_wire_image(struct lz_rec_out *o, const struct lz_image *image, struct lz_err *err)
{
	int r;

	lz_rec_begin(o, LZ_REC_IMAGE);
	lz_rec_put_span(o, image->name);
	lz_rec_put_span(o, image->digest);
	lz_rec_put_span(o, image->config_digest);
	put_platform(o, &image->platform);
	lz_rec_put_u64(o, (uint64_t)image->created_s);
	lz_rec_put_u64(o, image->layer_count);
	r = lz_rec_commit(o, err);
	for (size_t i = 0; !r && i < image->layer_count; i++)
		r = put_layer(o, &image->layers[i], err);
	return r;
}

static struct lz_span keep(struct lz_arena *arena, struct lz_rec *rec, const struct lz_limits *l)
{
	return lz_arena_dup(arena, lz_rec_span(rec, l->path_bytes));
}

static int take_image(struct lz_rec *rec, struct lz_arena *arena, const struct lz_limits *l,
		      struct lz_vec *images, struct lz_err *err)
{
	struct lz_image *i = lz_vec_push(images);
	uint64_t layers;

	if (!i)
		return lz_fail(err, images->code, "too many images");
	i->name = keep(arena, rec, l);
	i->digest = keep(arena, rec, l);
	i->config_digest = keep(arena, rec, l);
	i->platform.os = keep(arena, rec, l);
	i->platform.arch = keep(arena, rec, l);
	i->platform.variant = keep(arena, rec, l);
	i->created_s = (int64_t)lz_rec_u64(rec);
	layers = lz_rec_u64(rec);
	if (rec->code || layers > l->layers)
		return lz_fail(err, LZ_E_FORMAT, "the parser sent a malformed image");
	i->layer_room = (size_t)layers;
	i->layers = lz_arena_array(arena, (size_t)layers, sizeof(*i->layers));
	return i->layers ? 0 : lz_fail(err, arena->code, "out of memory");
}

static int take_layer(struct lz_rec *rec, struct lz_arena *arena, const struct lz_limits *l,
		      struct lz_vec *images, struct lz_err *err)
{
	struct lz_image *i = images->n ? lz_vec_at(images, images->n - 1) : NULL;
	struct lz_layer layer = {0};

	if (!i || !i->layers)
		return lz_fail(err, LZ_E_FORMAT, "the parser sent a layer without an image");
	layer.blob = keep(arena, rec, l);
	layer.digest = keep(arena, rec, l);
	layer.size = lz_rec_u64(rec);
	layer.diff_id = keep(arena, rec, l);
	layer.media_type = keep(arena, rec, l);
	layer.created_by = keep(arena, rec, l);
	layer.offset = lz_rec_u64(rec);
	layer.length = lz_rec_u64(rec);
	layer.located = lz_rec_u64(rec) != 0;
	if (i->layer_count >= i->layer_room)
		return lz_fail(err, LZ_E_FORMAT, "the parser sent more layers than it announced");
	i->layers[i->layer_count++] = layer;
	return 0;
}

int lz_image_take(struct lz_rec *rec, struct lz_arena *arena, const struct lz_limits *limits,
		  struct lz_vec *images, struct lz_err *err)
{
	int r = rec->type == LZ_REC_IMAGE ? take_image(rec, arena, limits, images, err)
					  : take_layer(rec, arena, limits, images, err);

	if (!r && arena->code)
		r = lz_fail(err, arena->code, "out of memory");
	return r ? r : lz_rec_end(rec, err);
}

int lz_archive_problem_take(struct lz_rec *rec, struct lz_arena *arena, struct lz_vec *problems,
			    struct lz_err *err)
{
	int64_t code = (int64_t)lz_rec_u64(rec);
	struct lz_problem *p = lz_vec_push(problems);

	if (!p)
		return lz_fail(err, problems->code, "too many problems");
	p->code = code < 0 && code >= LZ_E_BUG ? (int)code : LZ_E_FORMAT;
	p->path = lz_arena_dup(arena, lz_rec_span(rec, 4096));
	p->offset = (int64_t)lz_rec_u64(rec);
	p->text = lz_arena_dup(arena, lz_rec_span(rec, 4096));
	return lz_rec_end(rec, err);
}
