/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image config: what platform the image is for, what each unpacked layer must hash to, and
 * which build step made it.
 *
 *	{"architecture": "amd64", "os": "linux", "created": "…",
 *	 "rootfs":  {"type": "layers", "diff_ids": ["sha256:…", …]},
 *	 "history": [{"created_by": "…"}, {"created_by": "…", "empty_layer": true}, …]}
 *
 * diff_ids has one row per layer, history one per build step: steps marked empty_layer made none.
 */
#include "docs.h"

#include "../base/clock.h"
#include "../format/json.h"

#define HISTORY_TEXT 1000 /* of one created_by line: enough to recognise the step */

static struct lz_span keep(struct lz_arena *arena, struct lz_span s)
{
	return lz_arena_dup(arena, s);
}

static int apply_diff_ids(const json_t *config, struct lz_arena *arena, struct lz_image *ret,
			  struct lz_err *err)
{
	const json_t *ids = json_object_get(json_object_get(config, "rootfs"), "diff_ids");

	if (!json_is_array(ids))
		return lz_fail(err, LZ_E_UNSUPPORTED,
			       "image config has no rootfs.diff_ids: this is no container image");
	if (json_array_size(ids) != ret->layer_count)
		return lz_fail(err, LZ_E_FORMAT,
			       "manifest lists %zu layers, image config lists %zu diff_ids",
			       ret->layer_count, json_array_size(ids));
	for (size_t i = 0; i < ret->layer_count; i++) {
		struct lz_span id = lz_json_text(json_array_get(ids, i));
		if (!lz_digest_valid(id))
			return lz_fail(err, LZ_E_FORMAT, "image config: diff_id %zu is no digest",
				       i);
		ret->layers[i].diff_id = keep(arena, id);
	}
	return 0;
}

/* History is a courtesy: one that does not fit the layers is left out, never guessed. */
static void apply_history(const json_t *config, struct lz_arena *arena, struct lz_image *ret)
{
	const json_t *history = json_object_get(config, "history"), *step;
	size_t i, made = 0;

	json_array_foreach((json_t *)(uintptr_t)history, i, step)
		made += !json_is_true(json_object_get(step, "empty_layer"));
	if (made != ret->layer_count)
		return;
	made = 0;
	json_array_foreach((json_t *)(uintptr_t)history, i, step)
	{
		if (json_is_true(json_object_get(step, "empty_layer")))
			continue;
		ret->layers[made++].created_by =
			keep(arena, lz_span_head(lz_json_str(step, "created_by"), HISTORY_TEXT));
	}
}

int lz_config_apply(struct lz_span text, const struct lz_limits *limits, struct lz_arena *arena,
		    struct lz_image *ret, struct lz_err *err)
{
	LZ_CLEAN_JSON json_t *config = lz_json_load(text, limits, "image config", err);
	struct lz_span created;
	int r;

	if (!config)
		return err ? err->code : LZ_E_FORMAT;
	if (!json_is_object(config))
		return lz_fail(err, LZ_E_FORMAT, "image config is not a JSON object");
	r = apply_diff_ids(config, arena, ret, err);
	if (r)
		return r;
	apply_history(config, arena, ret);
	ret->platform.os = keep(arena, lz_json_str(config, "os"));
	ret->platform.arch = keep(arena, lz_json_str(config, "architecture"));
	ret->platform.variant = keep(arena, lz_json_str(config, "variant"));
	created = lz_json_str(config, "created");
	if (!lz_time_parse(created.p, created.n, &ret->created_s))
		ret->created_s = 0;
	return arena->code ? lz_fail(err, arena->code, "image config: out of memory") : 0;
}
