/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From evidence to answer: promises are checked, layers are laid over each other, the distribution
 * is decided, packages get their layer and purl, and knowledge turns them into findings. Whatever
 * could not be read, decided or verified becomes a problem, and a scan with a problem is not
 * complete.
 */
#include "gather.h"

#include "../base/clean.h"

static struct lz_span own(struct lz_scan *s, struct lz_span x)
{
	return lz_arena_dup(&s->arena, x);
}

static void problem(struct lz_scan *s, int code, struct lz_span layer, struct lz_span path,
		    int64_t offset, struct lz_span text)
{
	struct lz_problem *p = lz_vec_push(&s->problems);

	s->complete = false;
	if (!p)
		return;
	*p = (struct lz_problem){.code = code,
				 .asset = s->target.given,
				 .layer = own(s, layer),
				 .path = own(s, path),
				 .offset = offset,
				 .text = own(s, text)};
}

/* --- layers --- */

static void verify(struct lz_scan *s, const struct lz_layer *promise, const struct lz_evidence *e)
{
	char text[300];

	if (!e->ended || !e->digest[0])
		return;
	if (promise->size != UINT64_MAX && promise->size != e->packed) {
		snprintf(text, sizeof(text), "has %llu bytes, its descriptor says %llu",
			 (unsigned long long)e->packed, (unsigned long long)promise->size);
		problem(s, LZ_E_DIGEST, promise->blob, (struct lz_span){"", 0}, -1, lz_str(text));
	}
	if (promise->digest.n && !lz_span_is(promise->digest, e->digest)) {
		snprintf(text, sizeof(text), "content has digest %s, its descriptor says %.*s",
			 e->digest, LZ_FMT(promise->digest));
		problem(s, LZ_E_DIGEST, promise->blob, (struct lz_span){"", 0}, -1, lz_str(text));
	}
	if (promise->diff_id.n && !lz_span_is(promise->diff_id, e->diff_id)) {
		snprintf(text, sizeof(text), "unpacks to digest %s, the image config says %.*s",
			 e->diff_id, LZ_FMT(promise->diff_id));
		problem(s, LZ_E_DIGEST, promise->blob, (struct lz_span){"", 0}, -1, lz_str(text));
	}
}

static void take_layer(struct lz_scan *s, size_t i, const struct lz_layer *promise,
		       const struct lz_blob *blob)
{
	const struct lz_evidence *e = &blob->evidence;
	bool dir = s->target.kind == LZ_TARGET_DIR;

	s->layers[i] = (struct lz_scan_layer){
		.digest = own(s, promise->digest.n ? promise->digest : lz_str(e->digest)),
		.diff_id = own(s, promise->diff_id.n ? promise->diff_id : lz_str(e->diff_id)),
		.created_by = own(s, promise->created_by),
		.size = e->packed,
		.unpacked = e->unpacked,
		.entries = e->entries,
	};
	LZ_VEC_EACH (struct lz_problem, p, &e->problems)
		problem(s, p->code, dir ? (struct lz_span){"", 0} : promise->blob, p->path,
			p->offset, p->text);
	if (e->problems.code)
		problem(s, LZ_E_LIMIT, promise->blob, (struct lz_span){"", 0}, -1,
			LZ_SPAN("more problems than are listed"));
	if (!e->ended && !e->problems.n)
		problem(s, LZ_E_CRASH, promise->blob, (struct lz_span){"", 0}, -1,
			LZ_SPAN("the parser ended before the layer did"));
	verify(s, promise, e);
}

/* --- packages --- */

/* name, arch and version of every package of one database, for looking back through layers. */
static int index_packages(const struct lz_file_evidence *f, struct lz_map *map,
			  struct lz_arena *arena)
{
	for (size_t i = 0; i < f->package_count; i++) {
		const struct lz_package *p = &f->packages[i];
		struct lz_span key = lz_arena_printf(arena, "%.*s\n%.*s\n%.*s", (int)p->name.n,
						     p->name.p, (int)p->arch.n, p->arch.p,
						     (int)p->version.n, p->version.p);
		int code = 0;
		if (arena->code || (!lz_map_put(map, key, NULL, &code) && code))
			return LZ_E_NOMEM;
	}
	return 0;
}

struct origin {
	struct lz_arena arena;
	struct lz_map maps[64]; /* of older versions, newest first */
	uint32_t layers[64];
	size_t count;
};

static int origin_init(struct origin *o, const struct lz_file_version *v)
{
	memset(o, 0, sizeof(*o));
	lz_arena_init(&o->arena, LZ_G);
	for (v = v->older; v && o->count < 64; v = v->older) {
		lz_map_init(&o->maps[o->count], UINT32_MAX);
		o->layers[o->count] = v->layer;
		if (index_packages(v->file, &o->maps[o->count++], &o->arena))
			return LZ_E_NOMEM;
	}
	return 0;
}

static void origin_done(struct origin *o)
{
	for (size_t i = 0; i < o->count; i++)
		lz_map_done(&o->maps[i]);
	lz_arena_done(&o->arena);
}

/* The lowest layer from which on the database has had this package without a break. */
static uint32_t layer_of(const struct origin *o, const struct lz_package *p, uint32_t layer,
			 struct lz_arena *scratch)
{
	struct lz_span key = lz_arena_printf(scratch, "%.*s\n%.*s\n%.*s", (int)p->name.n, p->name.p,
					     (int)p->arch.n, p->arch.p, (int)p->version.n,
					     p->version.p);

	for (size_t i = 0; i < o->count && lz_map_get(&o->maps[i], key); i++)
		layer = o->layers[i];
	return layer;
}

static int take_database(struct lz_scan *s, const struct lz_visible *v, struct lz_err *err)
{
	const struct lz_file_evidence *f = v->version->file;
	struct lz_span path = own(s, v->path);
	struct origin o;
	int r = origin_init(&o, v->version);

	for (size_t i = 0; !r && i < f->package_count; i++) {
		const struct lz_package *from = &f->packages[i];
		struct lz_package *p = lz_vec_add(&s->packages, from);
		if (!p) {
			r = LZ_E_NOMEM;
			break;
		}
		struct lz_span *fields[] = {&p->name,	&p->version,	    &p->arch,
					    &p->source, &p->source_version, &p->source_rpm,
					    &p->module, &p->vendor,	    &p->licence};
		for (size_t k = 0; k < sizeof(fields) / sizeof(fields[0]); k++)
			*fields[k] = own(s, *fields[k]);
		p->db_path = path;
		p->layer = o.count ? layer_of(&o, from, v->version->layer, &o.arena)
				   : v->version->layer;
	}
	origin_done(&o);
	return r || s->arena.code ? lz_fail(err, LZ_E_NOMEM, "out of memory") : 0;
}

/* Lists of owned files name their package, with its architecture where two may be installed at
 * once. */
static int take_owned(struct lz_scan *s, const struct lz_vec *visible, struct lz_err *err)
{
	LZ_CLEAN(map) struct lz_map by_name;

	lz_map_init(&by_name, UINT32_MAX);
	LZ_VEC_EACH (struct lz_package, p, &s->packages) {
		struct lz_span full = lz_arena_printf(&s->arena, "%.*s:%.*s", (int)p->name.n,
						      p->name.p, (int)p->arch.n, p->arch.p);
		struct lz_span names[2] = {full, p->name};
		for (int i = 0; i < 2; i++) {
			struct lz_map_item *it = lz_map_put(&by_name, names[i], NULL, NULL);
			if (!it)
				return lz_fail(err, LZ_E_NOMEM, "out of memory");
			it->value.ptr = p;
		}
	}
	LZ_VEC_EACH (struct lz_visible, v, visible) {
		const struct lz_file_evidence *f = v->version->file;
		for (size_t i = 0; i < f->owned_count; i++) {
			const struct lz_owned *o = &f->owned[i];
			struct lz_span key =
				o->arch.n
					? lz_arena_printf(&s->arena, "%.*s:%.*s", (int)o->package.n,
							  o->package.p, (int)o->arch.n, o->arch.p)
					: o->package;
			struct lz_map_item *it = lz_map_get(&by_name, key);
			struct lz_package *p;
			if (!it && o->arch.n)
				it = lz_map_get(&by_name, o->package);
			if (!it)
				continue; /* a list whose package is gone: dpkg keeps such */
			p = it->value.ptr;
			p->files = own(s, o->list);
			p->file_count = o->count;
		}
	}
	return s->arena.code ? lz_fail(err, s->arena.code, "out of memory") : 0;
}

static int take_releases(struct lz_scan *s, const struct lz_vec *visible, int64_t now_s,
			 struct lz_err *err)
{
	LZ_CLEAN(vec) struct lz_vec releases;
	struct lz_os os;
	int r;

	lz_vec_init(&releases, sizeof(struct lz_release), 4096);
	LZ_VEC_EACH (struct lz_visible, v, visible) {
		const struct lz_file_evidence *f = v->version->file;
		for (size_t i = 0; i < f->release_count; i++) {
			struct lz_release *x = lz_vec_add(&releases, &f->releases[i]);
			if (!x)
				return lz_fail(err, LZ_E_NOMEM, "out of memory");
			x->path = v->path;
		}
	}
	r = lz_os_detect(releases.p, releases.n, now_s, &s->arena, &os, err);
	if (r)
		return r;
	struct lz_span *fields[] = {&os.id,	&os.version,  &os.codename,
				    &os.pretty, &os.feed_key, &os.found_in};
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		*fields[i] = own(s, *fields[i]);
	s->os = os;
	return 0;
}

/* --- findings --- */

static bool ignored(const struct lz_finding *f, const struct lz_ignore *i)
{
	if (lz_span_eq_nocase(f->id, i->id))
		return true;
	for (size_t k = 0; k < f->alias_count; k++)
		if (lz_span_eq_nocase(f->aliases[k], i->id))
			return true;
	return false;
}

static int by_risk(const void *a, const void *b)
{
	return lz_finding_risk_cmp(a, b);
}

static int match(struct lz_scan *s, const struct lz_scan_options *o, struct lz_err *err)
{
	struct lz_err why;
	size_t before = s->problems.n;
	int r;

	if (!o->vdb || !s->packages.n)
		return 0;
	r = lz_match(o->vdb, &s->os, s->packages.p, s->packages.n, &s->arena, &s->findings,
		     &s->problems, &why);
	if (r == LZ_E_STALE) {
		s->knowledge_code = r;
		s->knowledge_text = own(s, lz_str(why.text));
		return 0;
	}
	if (r) {
		if (err)
			*err = why;
		return r;
	}
	for (size_t i = before; i < s->problems.n; i++) {
		struct lz_problem *p = lz_vec_at(&s->problems, i);
		p->asset = s->target.given;
		s->complete = false;
	}
	LZ_VEC_EACH (struct lz_finding, f, &s->findings) {
		f->hidden = f->severity < o->min_severity ||
			    (o->only_fixed && f->fix != LZ_FIX_AVAILABLE);
		for (size_t i = 0; i < o->ignore_count && !f->suppressed; i++) {
			if (!ignored(f, &o->ignores[i]))
				continue;
			f->suppressed = true;
			f->suppressed_by = LZ_SPAN("--ignore");
			f->suppressed_reason = own(s, o->ignores[i].reason);
		}
	}
	lz_vec_sort(&s->findings, by_risk);
	return 0;
}

/* --- all of it --- */

static int lay_over(struct lz_bundle *b, const struct lz_image *image, struct lz_merge *m,
		    struct lz_scan *s, struct lz_err *err)
{
	for (size_t i = 0; i < image->layer_count; i++) {
		struct lz_map_item *it = lz_map_get(&b->blobs, image->layers[i].blob);
		int r;

		if (!it)
			return lz_fail(err, LZ_E_BUG, "layer %zu was not analysed", i);
		take_layer(s, i, &image->layers[i], it->value.ptr);
		r = lz_merge_layer(m, &((struct lz_blob *)it->value.ptr)->evidence, (uint32_t)i,
				   err);
		if (r)
			return r;
	}
	return 0;
}

static void name_it(const struct lz_gather *g, const struct lz_image *image, struct lz_scan *s)
{
	s->target = *g->target;
	s->target.given = own(s, g->target->given);
	s->target.path = own(s, g->target->path);
	s->name = own(s, image->name.n ? image->name : g->target->path);
	s->digest = own(s, image->digest);
	s->platform.os = own(s, image->platform.os);
	s->platform.arch = own(s, image->platform.arch);
	s->platform.variant = own(s, image->platform.variant);
	s->created_s = g->options->now_s;
	s->vdb = g->options->vdb;
	s->complete = true;
}

static int take_visible(const struct lz_gather *g, struct lz_scan *s, const struct lz_vec *visible,
			struct lz_err *err)
{
	int r = take_releases(s, visible, g->options->now_s, err);

	LZ_VEC_EACH (struct lz_visible, v, visible)
		if (!r && v->version->file->package_count)
			r = take_database(s, v, err);
	if (!r && g->options->want_files)
		r = take_owned(s, visible, err);
	if (r)
		return r;
	LZ_VEC_EACH (struct lz_package, p, &s->packages)
		p->purl = lz_purl(p, &s->os, &s->arena);
	if (!s->packages.n && s->os.known)
		problem(s, LZ_E_NOTFOUND, (struct lz_span){"", 0}, s->os.found_in, -1,
			LZ_SPAN("a distribution is named here, but no package database was found"));
	return match(s, g->options, err);
}

int lz_answer(const struct lz_gather *g, struct lz_bundle *b, const struct lz_image *image,
	      struct lz_scan *s, struct lz_vec *wanted, struct lz_err *err)
{
	struct lz_merge *m = lz_merge_new(&b->limits, err);
	LZ_CLEAN(vec) struct lz_vec visible;
	LZ_CLEAN(vec) struct lz_vec circles;
	int r;

	if (!m)
		return err ? err->code : LZ_E_NOMEM;
	lz_vec_init(&visible, sizeof(struct lz_visible), SIZE_MAX / sizeof(struct lz_visible));
	lz_vec_init(&circles, sizeof(struct lz_span), 1000);
	name_it(g, image, s);
	LZ_VEC_EACH (struct lz_problem, p, &b->problems)
		problem(s, p->code, (struct lz_span){"", 0}, p->path, p->offset, p->text);
	s->layers = lz_arena_array(&s->arena, image->layer_count, sizeof(*s->layers));
	s->layer_count = image->layer_count;
	r = s->layers ? lay_over(b, image, m, s, err) : lz_fail(err, LZ_E_NOMEM, "out of memory");
	if (!r)
		r = lz_merge_files(m, &s->arena, &visible, wanted, &circles, err);
	LZ_VEC_EACH (struct lz_span, c, &circles)
		problem(s, LZ_E_FORMAT, (struct lz_span){"", 0}, *c, -1,
			LZ_SPAN("symbolic links run in a circle"));
	if (!r)
		r = take_visible(g, s, &visible, err);
	lz_merge_free(m);
	return r;
}
