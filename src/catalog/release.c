/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Release files: what a system says it is. os-release is shell-like assignments (os-release(5));
 * the older files hold one line of text; apk's repositories file names the branch that packages
 * come from, which tells edge from a release.
 */
#include "catalog.h"
#include "lines.h"

#include "../base/clean.h"
#include "../format/json.h"

struct release {
	struct lz_arena arena;
	struct lz_release r;
};

/* Takes quotes off and backslashes out, as a shell would. */
static struct lz_span unquote(struct lz_arena *a, struct lz_span v)
{
	char quote = v.n ? v.p[0] : 0, *out;
	size_t n = 0;

	v = lz_span_trim(v);
	if (v.n < 2 || (quote != '"' && quote != '\'') || v.p[v.n - 1] != quote)
		return lz_arena_dup(a, v);
	v = lz_span(v.p + 1, v.n - 2);
	out = lz_arena_alloc(a, v.n + 1);
	if (!out)
		return (struct lz_span){"", 0};
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '\\' && quote == '"' && i + 1 < v.n)
			i++;
		out[n++] = v.p[i];
	}
	return lz_span(out, n);
}

static void assignment(struct release *x, struct lz_span line, size_t max)
{
	const struct {
		const char *key;
		struct lz_span *to;
	} known[] = {
		{"ID", &x->r.id},
		{"VERSION_ID", &x->r.version_id},
		{"NAME", &x->r.name},
		{"PRETTY_NAME", &x->r.pretty},
		{"VERSION_CODENAME", &x->r.codename},
		{"VARIANT_ID", &x->r.variant},
		{"ID_LIKE", &x->r.id_like},
		{"CPE_NAME", &x->r.cpe},
		{"DISTRIB_ID", &x->r.name},
		{"DISTRIB_RELEASE", &x->r.version_id},
		{"DISTRIB_CODENAME", &x->r.codename},
		{"DISTRIB_DESCRIPTION", &x->r.pretty},
	};
	struct lz_span key, value;

	if (!lz_span_cut(lz_span_trim(line), '=', &key, &value))
		return;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (lz_span_is(key, known[i].key))
			*known[i].to = unquote(&x->arena, lz_span_head(value, max));
}

/* "https://host/alpine/v3.9/main" → v3.9; the last line that names a branch holds, edge above all.
 */
static void repository(struct release *x, struct lz_span line)
{
	struct lz_span rest = lz_span_trim(line), part;

	if (!rest.n || rest.p[0] == '#')
		return;
	while (rest.n) {
		lz_span_cut(rest, '/', &part, &rest);
		if (lz_span_is(part, "edge") ||
		    (part.n > 2 && part.p[0] == 'v' && part.p[1] >= '0' && part.p[1] <= '9' &&
		     !lz_span_is(x->r.text, "edge")))
			x->r.text = lz_arena_dup(&x->arena, part);
	}
}

static int each_line(struct release *x, struct lz_span path, struct lz_reader *r,
		     const struct lz_limits *limits, struct lz_err *err)
{
	bool assignments = lz_span_ends(path, "os-release") || lz_span_ends(path, "lsb-release");
	bool repositories = lz_span_ends(path, "apk/repositories");
	struct lz_lines l;
	struct lz_span line;
	int code;

	lz_lines_init(&l, r, limits);
	while ((code = lz_lines_next(&l, &line, err)) > 0 && l.number <= 1000) {
		if (assignments)
			assignment(x, line, (size_t)limits->field_bytes);
		else if (repositories)
			repository(x, line);
		else if (!x->r.text.n)
			x->r.text =
				lz_arena_dup(&x->arena, lz_span_head(lz_span_trim(line),
								     (size_t)limits->field_bytes));
	}
	lz_lines_done(&l);
	return code < 0 ? code : 0;
}

/* What the client of Ubuntu Pro wrote: is the machine attached, and to which services? The text
 * becomes the first of them that brings fixes. */
static int pro_status(struct release *x, struct lz_reader *r, const struct lz_limits *limits,
		      struct lz_err *err)
{
	LZ_CLEAN(buf) struct lz_buf text;
	LZ_CLEAN_JSON json_t *doc = NULL;
	json_t *service;
	struct lz_span chunk;
	size_t i;
	int code;

	lz_buf_init(&text, (size_t)limits->small_file);
	while ((code = lz_reader_next(r, &chunk, err)) > 0)
		lz_buf_span(&text, chunk);
	if (code || text.code)
		return code ? code : lz_fail(err, text.code, "%s", lz_code_text(text.code));
	doc = lz_json_load(lz_buf_view(&text), limits, "status.json", err);
	if (!doc)
		return err ? err->code : LZ_E_FORMAT;
	if (!json_is_true(json_object_get(doc, "attached")))
		return 0;
	json_array_foreach(json_object_get(doc, "services"), i,
			   service) if (!x->r.text.n &&
					lz_span_starts(lz_json_str(service, "name"), "esm-") &&
					lz_span_is(lz_json_str(service, "status"), "enabled"))
		x->r.text = lz_arena_dup(&x->arena, lz_json_str(service, "name"));
	return 0;
}

static int read_release(struct lz_span path, struct lz_reader *r, uint64_t size,
			const struct lz_limits *limits, struct lz_sink *sink, struct lz_err *err)
{
	struct release x = {0};
	int code;

	if (size > limits->small_file)
		return lz_fail(err, LZ_E_LIMIT, "release file of %llu bytes (limit small_file)",
			       (unsigned long long)size);
	lz_arena_init(&x.arena, 8 * LZ_M);
	x.r.path = path;
	if (lz_span_ends(path, ".json"))
		code = pro_status(&x, r, limits, err);
	else
		code = each_line(&x, path, r, limits, err);
	if (!code && x.arena.code)
		code = lz_fail(err, x.arena.code, "out of memory");
	if (!code)
		code = sink->release(sink, &x.r, err);
	lz_arena_done(&x.arena);
	return code;
}

static const char *const paths[] = {"etc/os-release",
				    "usr/lib/os-release",
				    "etc/alpine-release",
				    "etc/apk/repositories",
				    "etc/debian_version",
				    "etc/redhat-release",
				    "etc/centos-release",
				    "etc/rocky-release",
				    "etc/almalinux-release",
				    "etc/oracle-release",
				    "etc/fedora-release",
				    "etc/system-release",
				    "etc/SuSE-release",
				    "etc/photon-release",
				    "etc/mariner-release",
				    "etc/azurelinux-release",
				    "etc/arch-release",
				    "etc/lsb-release",
				    "etc/system-release-cpe",
				    "var/lib/ubuntu-advantage/status.json",
				    NULL};

const struct lz_cataloger lz_cataloger_release = {"release", paths, read_release};
