/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of one scan:
 *
 *	gather evidence ──► answer per image ──► paths that links led to?
 *	                                          ├─► yes: gather again, asking for them too
 *	                                          └─► no: done
 *
 * A second look is rare (a package database behind a link with an unusual name) and is possible
 * where the bytes can be read twice. From a pipe they can't, and then the answer says that it is
 * incomplete.
 */
#include "gather.h"

#include "../base/clean.h"
#include "../base/clock.h"

#define ROUNDS_MAX 4

static struct lz_scan *scan_new(const struct lz_limits *l)
{
	struct lz_scan *s = lz_alloc(sizeof(*s));

	if (!s)
		return NULL;
	lz_arena_init(&s->arena, l->evidence_bytes);
	lz_vec_init(&s->packages, sizeof(struct lz_package), SIZE_MAX / sizeof(struct lz_package));
	lz_vec_init(&s->findings, sizeof(struct lz_finding), SIZE_MAX / sizeof(struct lz_finding));
	lz_vec_init(&s->problems, sizeof(struct lz_problem), 100000);
	return s;
}

void lz_scan_free(struct lz_scan *s)
{
	if (!s)
		return;
	lz_vec_done(&s->packages);
	lz_vec_done(&s->findings);
	lz_vec_done(&s->problems);
	lz_arena_done(&s->arena);
	lz_free(s);
}

static int gather(struct lz_gather *g, struct lz_bundle *b, struct lz_err *err)
{
	switch (g->target->kind) {
	case LZ_TARGET_ARCHIVE:
		return lz_gather_archive(g, b, err);
	case LZ_TARGET_OCI:
		return lz_gather_oci(g, b, err);
	case LZ_TARGET_DIR:
		return lz_gather_dir(g, b, err);
	}
	return lz_fail(err, LZ_E_BUG, "unknown target kind");
}

static void unreachable(struct lz_scan *s, const struct lz_vec *wanted)
{
	LZ_VEC_EACH (struct lz_wanted, w, wanted) {
		struct lz_problem *p = lz_vec_push(&s->problems);
		s->complete = false;
		if (!p)
			return;
		p->code = LZ_E_UNSUPPORTED;
		p->asset = s->target.given;
		p->path = lz_arena_dup(&s->arena, w->path);
		p->offset = -1;
		p->text = LZ_SPAN(
			"a link leads here, and these bytes had already passed: scan the image "
			"from a file instead of a pipe");
	}
}

/* Answers of one round. Scans are appended; on failure the caller drops them. */
static int answer_all(struct lz_gather *g, struct lz_bundle *b, struct lz_vec *scans,
		      struct lz_vec *wanted, struct lz_err *err)
{
	LZ_VEC_EACH (struct lz_image, image, &b->images) {
		struct lz_scan *s = scan_new(&b->limits);
		size_t before = wanted->n;
		int r;

		if (!s || !lz_vec_add(scans, &s)) {
			lz_scan_free(s);
			return lz_fail(err, LZ_E_NOMEM, "out of memory");
		}
		r = lz_answer(g, b, image, s, wanted, err);
		if (r)
			return r;
		s->child_cpu_ms = b->cpu_ms;
		s->child_max_rss_bytes = b->max_rss_bytes;
		if (!g->again && wanted->n > before) {
			unreachable(s, wanted);
			wanted->n = before;
		}
	}
	return 0;
}

static void drop(struct lz_vec *scans, size_t keep)
{
	for (size_t i = keep; i < scans->n; i++)
		lz_scan_free(*(struct lz_scan **)lz_vec_at(scans, i));
	scans->n = keep;
}

/* What was asked for last time too and still is not there does not exist. */
static bool asked_before(const struct lz_gather *g, const struct lz_vec *wanted)
{
	size_t known = 0;

	LZ_VEC_EACH (struct lz_wanted, w, wanted)
		for (size_t i = 0; i < g->wanted_count; i++)
			known += lz_span_eq(w->path, g->wanted[i].path) &&
				 w->cataloger == g->wanted[i].cataloger;
	return known == wanted->n;
}

/* The new list is the old one and what is new in it; copied, since scans and bundles go. */
static int extend(struct lz_gather *g, const struct lz_vec *wanted, struct lz_arena *arena,
		  struct lz_err *err)
{
	struct lz_wanted *list = lz_arena_array(arena, g->wanted_count + wanted->n, sizeof(*list));
	size_t n = 0;

	if (!list)
		return lz_fail(err, arena->code, "out of memory");
	for (size_t i = 0; i < g->wanted_count; i++)
		list[n++] = g->wanted[i];
	LZ_VEC_EACH (struct lz_wanted, w, wanted) {
		list[n] = *w;
		list[n++].path = lz_arena_dup(arena, w->path);
	}
	g->wanted = list;
	g->wanted_count = n;
	return arena->code ? lz_fail(err, arena->code, "out of memory") : 0;
}

static int run(struct lz_gather *g, struct lz_vec *scans, struct lz_arena *arena,
	       struct lz_err *err)
{
	size_t keep = scans->n;
	int r = 0;

	for (int round = 0; round < ROUNDS_MAX; round++) {
		LZ_CLEAN(vec) struct lz_vec wanted;
		struct lz_bundle b;
		bool done;

		lz_bundle_init(&b, &g->options->limits);
		lz_vec_init(&wanted, sizeof(struct lz_wanted), 1000);
		r = gather(g, &b, err);
		if (!r && lz_cancelled())
			r = lz_fail(err, LZ_E_CANCELLED, "interrupted");
		if (!r)
			r = answer_all(g, &b, scans, &wanted, err);
		lz_bundle_done(&b);
		done = r || !wanted.n || asked_before(g, &wanted) || round + 1 == ROUNDS_MAX;
		if (!done)
			r = extend(g, &wanted, arena, err);
		if (done && !r)
			return 0;
		drop(scans, keep);
		if (r)
			return r;
	}
	return r;
}

int lz_scan_run(struct lz_span given, const struct lz_scan_options *o, struct lz_vec *ret_scans,
		struct lz_err *err)
{
	LZ_CLEAN(arena) struct lz_arena arena;
	struct lz_gather g = {.options = o};
	struct lz_target target;
	uint64_t start_ms = lz_now_ms();
	size_t before = ret_scans->n;
	int r;

	lz_arena_init(&arena, 16 * LZ_M);
	r = lz_target_parse(given, &arena, &target, err);
	if (r)
		return r;
	g.target = &target;
	g.progress = lz_progress_new("scanning", 0);
	r = run(&g, ret_scans, &arena, err);
	lz_progress_free(g.progress);
	for (size_t i = before; i < ret_scans->n; i++)
		(*(struct lz_scan **)lz_vec_at(ret_scans, i))->wall_ms = lz_now_ms() - start_ms;
	return r;
}

int lz_scan_exit(const struct lz_scan *const *scans, size_t count, bool fail_on_set,
		 enum lz_severity fail_on)
{
	bool unknown = false, incomplete = false, denied = false;

	for (size_t i = 0; i < count; i++) {
		unknown |= scans[i]->knowledge_code != 0;
		incomplete |= !scans[i]->complete;
		LZ_VEC_EACH (struct lz_finding, f, &scans[i]->findings)
			denied |= fail_on_set && !f->suppressed && !f->hidden &&
				  f->severity >= fail_on;
	}
	return unknown ? 4 : incomplete ? 3 : denied ? 1 : 0;
}
