/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was gathered about one target: its images, the evidence of their layers, and what went
 * wrong. Evidence is kept per blob, so images that share a layer share its evidence.
 */
#include "gather.h"

#include "../base/clean.h"
#include "../base/clock.h"

#include <pthread.h>
#include <stdatomic.h>

int lz_bundle_init(struct lz_bundle *b, const struct lz_limits *limits)
{
	memset(b, 0, sizeof(*b));
	b->limits = *limits;
	lz_arena_init(&b->arena, limits->evidence_bytes);
	lz_vec_init(&b->images, sizeof(struct lz_image), 4096);
	lz_vec_init(&b->problems, sizeof(struct lz_problem), 10000);
	lz_map_init(&b->blobs, limits->blobs);
	return 0;
}

void lz_bundle_done(struct lz_bundle *b)
{
	LZ_MAP_EACH (it, &b->blobs)
		lz_evidence_done(&((struct lz_blob *)it->value.ptr)->evidence);
	lz_map_done(&b->blobs);
	lz_vec_done(&b->images);
	lz_vec_done(&b->problems);
	lz_arena_done(&b->arena);
}

struct lz_blob *lz_bundle_blob(struct lz_bundle *b, struct lz_span path, struct lz_err *err)
{
	struct lz_map_item *it = lz_map_get(&b->blobs, path);
	struct lz_blob *blob;
	int code = LZ_E_NOMEM;

	if (it)
		return it->value.ptr;
	blob = LZ_ARENA_NEW(&b->arena, struct lz_blob);
	path = lz_arena_dup(&b->arena, path);
	it = b->arena.code ? NULL : lz_map_put(&b->blobs, path, NULL, &code);
	if (!it || !blob) {
		lz_fail(err, b->arena.code ? b->arena.code : code, "too many blobs");
		return NULL;
	}
	blob->path = path;
	lz_evidence_init(&blob->evidence, &b->limits);
	it->value.ptr = blob;
	return blob;
}

int lz_bundle_problem(struct lz_bundle *b, const struct lz_err *why, struct lz_span path,
		      struct lz_err *err)
{
	struct lz_problem *p = lz_vec_push(&b->problems);

	if (!p)
		return b->problems.code == LZ_E_LIMIT ? 0
						      : lz_fail(err, LZ_E_NOMEM, "out of memory");
	p->code = why->code;
	p->offset = -1;
	p->path = lz_arena_dup(&b->arena, path);
	p->text = lz_arena_dup(&b->arena, lz_str(why->text));
	return 0;
}

/* --- records of a child --- */

static void remote_error(struct lz_rec *rec, struct lz_err *ret)
{
	int64_t code = (int64_t)lz_rec_u64(rec);
	struct lz_span text = lz_rec_span(rec, sizeof(ret->text) - 1);

	ret->code = code < 0 && code >= LZ_E_BUG ? (int)code : LZ_E_FORMAT;
	ret->sys = 0;
	memcpy(ret->text, text.p, text.n);
	ret->text[text.n] = 0;
}

static int take(struct lz_gather *g, struct lz_bundle *b, struct lz_rec *rec, struct lz_blob **blob,
		bool one_layer, struct lz_err *err)
{
	uint64_t bytes = 0;
	int r;

	/* A child that was given one layer speaks of that layer only: nothing else of the bundle is
	 * its business, and other threads may be at work there. */
	switch (one_layer ? LZ_REC_NODE : rec->type) {
	case LZ_REC_IMAGE:
	case LZ_REC_IMAGE_LAYER:
		return lz_image_take(rec, &b->arena, &b->limits, &b->images, err);
	case LZ_REC_ARCHIVE_PROBLEM:
		b->torn = true;
		return lz_archive_problem_take(rec, &b->arena, &b->problems, err);
	case LZ_REC_BLOB: {
		struct lz_span path = lz_rec_span(rec, b->limits.path_bytes);
		*blob = lz_bundle_blob(b, path, err);
		if (!*blob)
			return err ? err->code : LZ_E_NOMEM;
		if ((*blob)->analysed) { /* the same name twice in one archive: the last one wins */
			lz_evidence_done(&(*blob)->evidence);
			lz_evidence_init(&(*blob)->evidence, &b->limits);
		}
		(*blob)->analysed = true;
		return lz_rec_end(rec, err);
	}
	default:
		if (!*blob)
			return lz_fail(err, LZ_E_FORMAT,
				       "the parser sent evidence that belongs to nothing");
		r = lz_evidence_take(&(*blob)->evidence, rec, &b->limits, &bytes, err);
		lz_progress_add(g->progress, bytes);
		return r < 0 ? r : 0;
	}
}

int lz_receive(struct lz_gather *g, struct lz_bundle *b, struct lz_child *c, struct lz_blob *blob,
	       struct lz_err *err)
{
	struct lz_rec rec;
	bool one_layer = blob != NULL;
	int r, failed = 0;

	while ((r = lz_child_next(c, &rec, err)) > 0) {
		if (rec.type == LZ_REC_ERROR) {
			struct lz_err why;
			remote_error(&rec, &why);
			if (err)
				*err = why;
			failed = why.code;
			continue;
		}
		r = take(g, b, &rec, &blob, one_layer, err);
		if (r)
			return r;
	}
	return r ? r : failed;
}

/* --- many blobs at once --- */

struct pool {
	struct lz_gather *g;
	struct lz_bundle *b;
	lz_blob_opener open_blob;
	void *arg;
	struct lz_blob **queue;
	size_t count;
	_Atomic size_t next;
	pthread_mutex_t lock; /* figures of the bundle */
};

static int run_child(struct pool *p, struct lz_blob *blob, struct lz_err *err)
{
	struct lz_layer_request q = {.seekable = true,
				     .hash = true,
				     .wanted = p->g->wanted,
				     .wanted_count = p->g->wanted_count};
	LZ_CLEAN(buf) struct lz_buf request;
	LZ_CLEAN(fd) int fd = -1;
	struct lz_child *c;
	int r;

	lz_buf_init(&request, LZ_M);
	r = p->open_blob(p->arg, blob->layer, &fd, &q.offset, &q.length, err);
	if (r)
		return r;
	if (lz_layer_request(&request, &q))
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	c = lz_child_start("layer", fd, &p->b->limits, lz_buf_view(&request), err);
	if (!c)
		return err ? err->code : LZ_E_NOMEM;
	r = lz_receive(p->g, p->b, c, blob, err);
	blob->usage = lz_child_usage(c);
	lz_child_free(c);
	return r;
}

static void *worker(void *arg)
{
	struct pool *p = arg;
	size_t at;

	while ((at = atomic_fetch_add(&p->next, 1)) < p->count) {
		struct lz_blob *blob = p->queue[at];
		const char *refusal = lz_layer_refusal(blob->layer->media_type);
		struct lz_err why;
		int r;

		blob->analysed = true;
		if (refusal) {
			lz_evidence_problem(&blob->evidence, LZ_E_UNSUPPORTED,
					    (struct lz_span){"", 0}, -1, refusal);
			continue;
		}
		r = run_child(p, blob, &why);
		if (r)
			lz_evidence_problem(&blob->evidence, r, (struct lz_span){"", 0}, -1,
					    why.text);
	}
	return NULL;
}

static int queue_blobs(struct lz_bundle *b, struct pool *p, struct lz_err *err)
{
	size_t room = 0;

	LZ_VEC_EACH (struct lz_image, image, &b->images)
		room += image->layer_count;
	p->queue = lz_arena_array(&b->arena, room, sizeof(*p->queue));
	if (!p->queue)
		return lz_fail(err, b->arena.code, "out of memory");
	LZ_VEC_EACH (struct lz_image, image, &b->images) {
		for (size_t i = 0; i < image->layer_count; i++) {
			struct lz_blob *blob = lz_bundle_blob(b, image->layers[i].blob, err);
			if (!blob)
				return err ? err->code : LZ_E_NOMEM;
			if (blob->layer || blob->analysed)
				continue;
			blob->layer = &image->layers[i];
			p->queue[p->count++] = blob;
		}
	}
	return 0;
}

int lz_analyse_blobs(struct lz_gather *g, struct lz_bundle *b, lz_blob_opener open_blob, void *arg,
		     struct lz_err *err)
{
	struct pool p = {.g = g, .b = b, .open_blob = open_blob, .arg = arg};
	pthread_t threads[64];
	size_t started = 0, want = g->options->jobs;
	int r = queue_blobs(b, &p, err);

	if (r)
		return r;
	if (!want)
		want = (size_t)sysconf(_SC_NPROCESSORS_ONLN);
	if (want > p.count)
		want = p.count;
	if (want > 64)
		want = 64;
	/* The calling thread is a worker too. */
	while (started + 1 < want && !pthread_create(&threads[started], NULL, worker, &p))
		started++;
	worker(&p);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < p.count; i++) {
		b->cpu_ms += p.queue[i]->usage.cpu_ms;
		if (p.queue[i]->usage.max_rss_bytes > b->max_rss_bytes)
			b->max_rss_bytes = p.queue[i]->usage.max_rss_bytes;
	}
	return lz_cancelled() ? lz_fail(err, LZ_E_CANCELLED, "interrupted") : 0;
}
