/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OCI image layout:
 *
 *	index.json ─┬─► manifest ──► config, layers
 *	            └─► index ─┬─► manifest (linux/amd64) ──► …
 *	                       └─► manifest (linux/arm64) ──► …
 *
 * Every arrow is a digest, and blobs/sha256/<hex> the place of what it names.
 *
 * A hostile index may point to itself or fan out without end: depth and count are bounded.
 * Documents are checked against digest and size before they are believed. Attestations (platform
 * unknown/unknown) are not images and are passed over.
 */
#include "docs.h"

#include "../format/json.h"

#define INDEX_DEPTH    8
#define CANDIDATES_MAX 4096

struct walk {
	const struct lz_docs *docs;
	struct lz_arena *arena;
	struct lz_vec *ret;
	unsigned visited; /* indexes read: bounds fan-out */
};

static bool is_index(struct lz_span media_type)
{
	return lz_span_is(media_type, "application/vnd.oci.image.index.v1+json") ||
	       lz_span_is(media_type, "application/vnd.docker.distribution.manifest.list.v2+json");
}

static struct lz_span ref_name(const json_t *descriptor)
{
	const json_t *notes = json_object_get(descriptor, "annotations");
	struct lz_span full = lz_json_str(notes, "io.containerd.image.name");

	return full.n ? full : lz_json_str(notes, "org.opencontainers.image.ref.name");
}

static struct lz_platform platform_of(const json_t *descriptor, struct lz_arena *arena)
{
	const json_t *p = json_object_get(descriptor, "platform");

	return (struct lz_platform){
		.os = lz_arena_dup(arena, lz_json_str(p, "os")),
		.arch = lz_arena_dup(arena, lz_json_str(p, "architecture")),
		.variant = lz_arena_dup(arena, lz_json_str(p, "variant")),
	};
}

static uint64_t promised_size(const json_t *descriptor)
{
	int64_t n = lz_json_int(descriptor, "size", -1);

	return n < 0 ? UINT64_MAX : (uint64_t)n;
}

static int load_doc(const struct lz_docs *d, struct lz_span digest, uint64_t size, const char *what,
		    struct lz_arena *arena, json_t **ret, struct lz_err *err)
{
	struct lz_span path;
	const struct lz_doc *doc;
	int r = lz_blob_path(digest, arena, &path, err);

	if (r)
		return r;
	doc = lz_docs_find(d, path);
	if (!doc)
		return lz_fail(err, LZ_E_NOTFOUND, "%s %.*s is missing (no %.*s)", what,
			       LZ_FMT(digest), LZ_FMT(path));
	if (doc->kind != LZ_DOC_JSON)
		return lz_fail(err, LZ_E_FORMAT,
			       "%s %.*s is not JSON or larger than %llu bytes "
			       "(limit json_bytes)",
			       what, LZ_FMT(digest), (unsigned long long)d->limits->json_bytes);
	r = lz_doc_verify(doc->text, digest, size, what, err);
	if (r)
		return r;
	*ret = lz_json_load(doc->text, d->limits, what, err);
	if (!*ret)
		return err ? err->code : LZ_E_FORMAT;
	if (!json_is_object(*ret))
		return lz_fail(err, LZ_E_FORMAT, "%s %.*s is not a JSON object", what,
			       LZ_FMT(digest));
	return 0;
}

static int walk_index(struct walk *w, const json_t *index, struct lz_span name, int depth,
		      struct lz_err *err);

static int walk_nested(struct walk *w, struct lz_span digest, uint64_t size, struct lz_span name,
		       int depth, struct lz_err *err)
{
	LZ_CLEAN_JSON json_t *nested = NULL;
	int r;

	if (depth >= INDEX_DEPTH || ++w->visited > CANDIDATES_MAX)
		return lz_fail(err, LZ_E_LIMIT,
			       "index %.*s: indexes nest too deep (one may point to "
			       "itself)",
			       LZ_FMT(digest));
	r = load_doc(w->docs, digest, size, "index", w->arena, &nested, err);
	return r ? r : walk_index(w, nested, name, depth + 1, err);
}

static int add_candidate(struct walk *w, const json_t *descriptor, struct lz_span digest,
			 struct lz_span name, struct lz_err *err)
{
	struct lz_platform platform = platform_of(descriptor, w->arena);
	struct lz_candidate *c;

	if (lz_span_is(platform.os, "unknown"))
		return 0;
	/* Two tags of one image are two rows with one digest. */
	LZ_VEC_EACH (struct lz_candidate, x, w->ret) {
		if (!lz_span_eq(x->digest, digest))
			continue;
		if (name.n && x->name_count < 16)
			x->names[x->name_count++] = lz_arena_dup(w->arena, name);
		return 0;
	}
	c = lz_vec_push(w->ret);
	if (!c)
		return lz_fail(err, w->ret->code, "index lists too many images");
	c->digest = lz_arena_dup(w->arena, digest);
	c->size = promised_size(descriptor);
	c->platform = platform;
	if (name.n)
		c->names[c->name_count++] = lz_arena_dup(w->arena, name);
	return w->arena->code ? lz_fail(err, w->arena->code, "out of memory") : 0;
}

/* Descriptors may leave mediaType out; what they point at then tells. */
static bool points_at_index(struct walk *w, const json_t *descriptor, struct lz_span digest)
{
	struct lz_span type = lz_json_str(descriptor, "mediaType"), path;
	LZ_CLEAN_JSON json_t *doc = NULL;
	const struct lz_doc *found;

	if (type.n)
		return is_index(type);
	if (lz_blob_path(digest, w->arena, &path, NULL))
		return false;
	found = lz_docs_find(w->docs, path);
	if (!found || found->kind != LZ_DOC_JSON)
		return false;
	doc = lz_json_load(found->text, w->docs->limits, "descriptor", NULL);
	return doc && json_is_array(json_object_get(doc, "manifests"));
}

static int walk_index(struct walk *w, const json_t *index, struct lz_span name, int depth,
		      struct lz_err *err)
{
	const json_t *rows = json_object_get(index, "manifests");
	int r = 0;

	if (!json_is_array(rows))
		return lz_fail(err, LZ_E_FORMAT, "index has no \"manifests\" list");
	for (size_t i = 0; !r && i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		struct lz_span digest = lz_json_str(row, "digest"), own = ref_name(row);

		if (!lz_digest_valid(digest))
			return lz_fail(err, LZ_E_FORMAT, "index row %zu has no valid digest", i);
		if (!own.n)
			own = name;
		if (points_at_index(w, row, digest))
			r = walk_nested(w, digest, promised_size(row), own, depth, err);
		else
			r = add_candidate(w, row, digest, own, err);
	}
	return r;
}

int lz_oci_candidates(const struct lz_docs *d, struct lz_arena *arena, struct lz_vec *ret,
		      struct lz_err *err)
{
	const struct lz_doc *doc = lz_docs_find(d, LZ_SPAN("index.json"));
	struct walk w = {.docs = d, .arena = arena, .ret = ret};
	LZ_CLEAN_JSON json_t *index = NULL;

	if (!doc || doc->kind != LZ_DOC_JSON)
		return lz_fail(err, LZ_E_NOTFOUND, "no index.json");
	index = lz_json_load(doc->text, d->limits, "index.json", err);
	if (!index)
		return err ? err->code : LZ_E_FORMAT;
	return walk_index(&w, index, (struct lz_span){"", 0}, 0, err);
}

const char *lz_layer_refusal(struct lz_span type)
{
	if (lz_span_search(type, LZ_SPAN("encrypted")) >= 0)
		return "encrypted layer: its content can't be read without the key";
	if (lz_span_search(type, LZ_SPAN("foreign")) >= 0 ||
	    lz_span_search(type, LZ_SPAN("nondistributable")) >= 0)
		return "foreign layer: its content is kept elsewhere";
	if (!type.n || lz_span_starts(type, "application/vnd.oci.image.layer.v1.tar") ||
	    lz_span_starts(type, "application/vnd.docker.image.rootfs.diff.tar"))
		return NULL;
	return "not a file system layer";
}

static int read_layers(const struct lz_docs *d, const json_t *manifest, struct lz_arena *arena,
		       struct lz_image *ret, struct lz_err *err)
{
	const json_t *rows = json_object_get(manifest, "layers");

	if (lz_json_int(manifest, "schemaVersion", 2) == 1)
		return lz_fail(err, LZ_E_UNSUPPORTED, "manifest schema version 1 is not supported");
	if (!json_is_array(rows))
		return lz_fail(err, LZ_E_FORMAT, "manifest has no \"layers\" list");
	ret->layer_count = json_array_size(rows);
	if (ret->layer_count > d->limits->layers)
		return lz_fail(err, LZ_E_LIMIT, "image has %zu layers (limit layers)",
			       ret->layer_count);
	ret->layers = lz_arena_array(arena, ret->layer_count, sizeof(*ret->layers));
	if (!ret->layers)
		return lz_fail(err, arena->code, "out of memory");
	for (size_t i = 0; i < ret->layer_count; i++) {
		const json_t *row = json_array_get(rows, i);
		struct lz_layer *layer = &ret->layers[i];
		const struct lz_doc *blob;
		int r;

		layer->digest = lz_arena_dup(arena, lz_json_str(row, "digest"));
		layer->media_type = lz_arena_dup(arena, lz_json_str(row, "mediaType"));
		layer->size = promised_size(row);
		r = lz_blob_path(layer->digest, arena, &layer->blob, err);
		if (r) {
			lz_wrap(err, "layer %zu", i);
			return r;
		}
		blob = lz_docs_find(d, layer->blob);
		if (blob && blob->kind == LZ_DOC_BLOB) {
			layer->offset = blob->offset;
			layer->length = blob->length;
			layer->located = true;
		}
	}
	return 0;
}

int lz_oci_image(const struct lz_docs *d, const struct lz_candidate *c, struct lz_arena *arena,
		 struct lz_image *ret, struct lz_err *err)
{
	LZ_CLEAN_JSON json_t *manifest = NULL;
	const json_t *config_row;
	const struct lz_doc *config;
	struct lz_span path;
	int r;

	*ret = (struct lz_image){.digest = c->digest};
	ret->name = c->name_count ? c->names[0] : (struct lz_span){"", 0};
	r = load_doc(d, c->digest, c->size, "manifest", arena, &manifest, err);
	if (r)
		return r;
	r = read_layers(d, manifest, arena, ret, err);
	if (r)
		return r;
	config_row = json_object_get(manifest, "config");
	ret->config_digest = lz_arena_dup(arena, lz_json_str(config_row, "digest"));
	r = lz_blob_path(ret->config_digest, arena, &path, err);
	if (r) {
		lz_wrap(err, "manifest %.*s: config", LZ_FMT(c->digest));
		return r;
	}
	config = lz_docs_find(d, path);
	if (!config || config->kind != LZ_DOC_JSON)
		return lz_fail(err, config ? LZ_E_FORMAT : LZ_E_NOTFOUND, "image config %.*s is %s",
			       LZ_FMT(ret->config_digest),
			       config ? "not JSON: this is no container image" : "missing");
	r = lz_doc_verify(config->text, ret->config_digest, promised_size(config_row),
			  "image config", err);
	return r ? r : lz_config_apply(config->text, d->limits, arena, ret, err);
}
