/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker-archive, as `docker save` writes it:
 *
 *	manifest.json    [{"Config": "<hex>.json", "RepoTags": ["name:tag"],
 *	                   "Layers": ["<id>/layer.tar", …]}]
 *	<hex>.json         the image config, named by its SHA-256
 *	<id>/layer.tar     one layer; a symbolic link when it equals another one's
 *
 * Docker 25 and later write the same with blobs/sha256/<hex> for every path, beside an OCI index.
 */
#include "docs.h"

#include "../format/json.h"

static int add_candidate(const json_t *row, const struct lz_limits *limits, struct lz_arena *arena,
			 struct lz_vec *ret, struct lz_err *err)
{
	const json_t *tags = json_object_get(row, "RepoTags");
	const json_t *layers = json_object_get(row, "Layers");
	struct lz_candidate *c;

	if (!json_is_array(layers) || !lz_json_str(row, "Config").n)
		return lz_fail(err, LZ_E_FORMAT, "manifest.json: image %zu lacks Config or Layers",
			       ret->n);
	if (json_array_size(layers) > limits->layers)
		return lz_fail(err, LZ_E_LIMIT, "image %zu has %zu layers (limit layers)", ret->n,
			       json_array_size(layers));
	c = lz_vec_push(ret);
	if (!c)
		return lz_fail(err, ret->code, "manifest.json: too many images");
	c->size = UINT64_MAX;
	c->config = lz_arena_dup(arena, lz_json_str(row, "Config"));
	for (size_t i = 0; i < json_array_size(tags) && c->name_count < 16; i++)
		c->names[c->name_count++] =
			lz_arena_dup(arena, lz_json_text(json_array_get(tags, i)));
	c->layer_count = json_array_size(layers);
	c->layer_paths = lz_arena_array(arena, c->layer_count, sizeof(*c->layer_paths));
	if (!c->layer_paths)
		return lz_fail(err, arena->code, "manifest.json: out of memory");
	for (size_t i = 0; i < c->layer_count; i++)
		c->layer_paths[i] = lz_arena_dup(arena, lz_json_text(json_array_get(layers, i)));
	return arena->code ? lz_fail(err, arena->code, "manifest.json: out of memory") : 0;
}

/* The config's digest is in its name: "<64 hex>.json" or "blobs/sha256/<64 hex>". */
static struct lz_span digest_of_name(struct lz_span path, struct lz_arena *arena)
{
	struct lz_span name = lz_span_from(path, (size_t)(lz_span_rfind(path, '/') + 1)), digest;

	if (lz_span_ends(name, ".json"))
		name.n -= 5;
	digest = lz_arena_printf(arena, "sha256:%.*s", LZ_FMT(name));
	return lz_digest_valid(digest) ? digest : (struct lz_span){"", 0};
}

int lz_docker_candidates(const struct lz_docs *d, struct lz_arena *arena, struct lz_vec *ret,
			 struct lz_err *err)
{
	const struct lz_doc *doc = lz_docs_find(d, LZ_SPAN("manifest.json"));
	LZ_CLEAN_JSON json_t *rows = NULL;
	int r = 0;

	if (!doc || doc->kind != LZ_DOC_JSON)
		return lz_fail(err, LZ_E_NOTFOUND, "no manifest.json");
	rows = lz_json_load(doc->text, d->limits, "manifest.json", err);
	if (!rows)
		return err ? err->code : LZ_E_FORMAT;
	if (!json_is_array(rows) || !json_array_size(rows))
		return lz_fail(err, LZ_E_FORMAT, "manifest.json: not a list of images");
	for (size_t i = 0; !r && i < json_array_size(rows); i++)
		r = add_candidate(json_array_get(rows, i), d->limits, arena, ret, err);
	for (size_t i = 0; !r && i < ret->n; i++) {
		struct lz_candidate *c = lz_vec_at(ret, i);
		c->digest = digest_of_name(c->config, arena);
	}
	return r;
}

int lz_docker_image(const struct lz_docs *d, const struct lz_candidate *c, struct lz_arena *arena,
		    struct lz_image *ret, struct lz_err *err)
{
	const struct lz_doc *config = lz_docs_find(d, c->config);
	int r;

	if (!config || config->kind != LZ_DOC_JSON)
		return lz_fail(err, LZ_E_NOTFOUND, "image config %.*s is not in the archive",
			       LZ_FMT(c->config));
	if (c->digest.n) {
		r = lz_doc_verify(config->text, c->digest, UINT64_MAX, "image config", err);
		if (r)
			return r;
	}
	*ret = (struct lz_image){.digest = c->digest, .config_digest = c->digest};
	ret->name = c->name_count ? c->names[0] : (struct lz_span){"", 0};
	ret->layer_count = c->layer_count;
	ret->layers = lz_arena_array(arena, c->layer_count, sizeof(*ret->layers));
	if (!ret->layers)
		return lz_fail(err, arena->code, "out of memory");
	for (size_t i = 0; i < c->layer_count; i++) {
		const struct lz_doc *blob = lz_docs_find(d, c->layer_paths[i]);
		struct lz_layer *layer = &ret->layers[i];

		layer->blob = blob ? blob->path : c->layer_paths[i];
		layer->size = UINT64_MAX;
		if (lz_span_starts(layer->blob, "blobs/sha256/"))
			layer->digest = digest_of_name(layer->blob, arena);
		if (blob && blob->kind == LZ_DOC_BLOB) {
			layer->offset = blob->offset;
			layer->length = blob->length;
			layer->located = true;
		}
	}
	return lz_config_apply(config->text, d->limits, arena, ret, err);
}
