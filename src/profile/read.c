/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A profile out of a file that anybody may have written. What is not understood is an error with its
 * place: a key that was mistyped must not leave a list empty.
 */
#include "profile_in.h"

#include "../base/clean.h"
#include "../base/clock.h"
#include "../base/limits.h"
#include "../format/yaml.h"

enum { VALUES_MAX = 100000, TREE_BYTES = 64 * 1024 * 1024 };

struct reading {
	struct lz_span file, text;
	char start[300]; /* of errors that say their place: "web.yaml:" */
	struct lz_profile_about about;
	struct lz_profile *p;
	unsigned documents;
	struct lz_err *err;
};

static int __attribute__((format(printf, 3, 4)))
wrong(const struct reading *r, const struct lz_yaml *at, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return lz_fail(r->err, LZ_E_FORMAT, "%.*s:%u:%u: %s", LZ_FMT(r->file), at->line, at->column,
		       text);
}

/* For a message: hostile bytes shown, and not too many. */
static const char *shown(struct lz_span s, char buf[80])
{
	size_t n = s.n < 60 ? s.n : 60, to = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		buf[to++] = (char)(c < 0x20 || c >= 0x7f ? '?' : c);
	}
	if (n < s.n) {
		memcpy(buf + to, "...", 3);
		to += 3;
	}
	buf[to] = 0;
	return buf;
}

/* --- names and numbers ------------------------------------------------------------------------ */

static int text_of(const struct reading *r, const struct lz_yaml *v, struct lz_span *ret)
{
	if (v->kind != LZ_YAML_SCALAR || !v->text.n)
		return wrong(r, v, "a text is wanted");
	if (v->text.n > 4096)
		return wrong(r, v, "a text of at most 4096 bytes is wanted");
	*ret = v->text;
	return 0;
}

static int number_of(const struct reading *r, const struct lz_yaml *v, uint64_t *ret)
{
	if (v->kind != LZ_YAML_SCALAR || !lz_span_u64(v->text, 10, ret))
		return wrong(r, v, "a whole number is wanted");
	return 0;
}

static int duration_of(const struct reading *r, const struct lz_yaml *v, uint64_t *ret)
{
	struct lz_span s = v->text;
	uint64_t unit = 0;

	if (v->kind == LZ_YAML_SCALAR && s.n > 1)
		unit = s.p[s.n - 1] == 's'   ? 1
		       : s.p[s.n - 1] == 'm' ? 60
		       : s.p[s.n - 1] == 'h' ? 3600
					     : 0;
	s.n -= unit > 0;
	if (!unit || !lz_span_u64(s, 10, ret) || *ret > UINT64_MAX / 3600)
		return wrong(r, v, "a duration such as 90s, 15m or 2h is wanted");
	*ret *= unit;
	return 0;
}

static bool hex_only(struct lz_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("0123456789abcdef", s.p[i]) || !s.p[i])
			return false;
	return s.n >= 32 && s.n <= 128;
}

static int digest_of(struct reading *r, const struct lz_yaml *v)
{
	struct lz_span name, hex;

	if (text_of(r, v, &r->about.digest))
		return LZ_E_FORMAT;
	if (!lz_span_cut(r->about.digest, ':', &name, &hex) || !name.n || name.n > 16 ||
	    !hex_only(hex))
		return wrong(r, v, "a digest such as sha256:0123… in lower case is wanted");
	return 0;
}

static int id_of(struct reading *r, const struct lz_yaml *v)
{
	if (text_of(r, v, &r->about.id))
		return LZ_E_FORMAT;
	return hex_only(r->about.id) ? 0 : wrong(r, v, "hex digits in lower case are wanted");
}

static int time_of(struct reading *r, const struct lz_yaml *v)
{
	if (v->kind != LZ_YAML_SCALAR || !lz_time_parse(v->text.p, v->text.n, &r->about.learnt_s) ||
	    r->about.learnt_s < 0)
		return wrong(r, v, "a time such as 2026-11-25T18:00:00Z is wanted");
	return 0;
}

static int version_of(const struct reading *r, const struct lz_yaml *v)
{
	return lz_yaml_is(v, "1") ? 0 : wrong(r, v, "version 1 is the only one there is");
}

static int about_key(struct reading *r, struct lz_span key, const struct lz_yaml *v)
{
	if (lz_span_is(key, "version"))
		return version_of(r, v);
	if (lz_span_is(key, "image"))
		return text_of(r, v, &r->about.image);
	if (lz_span_is(key, "digest"))
		return digest_of(r, v);
	if (lz_span_is(key, "id"))
		return id_of(r, v);
	if (lz_span_is(key, "learnt"))
		return time_of(r, v);
	if (lz_span_is(key, "learning"))
		return duration_of(r, v, &r->about.duration_s);
	if (lz_span_is(key, "containers"))
		return number_of(r, v, &r->about.containers);
	if (lz_span_is(key, "events"))
		return number_of(r, v, &r->about.events);
	return 1; /* none of these */
}

/* --- entries ---------------------------------------------------------------------------------- */

static const char *wrong_word(struct lz_span s, bool capital)
{
	const char *letters = capital ? "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789"
				      : "abcdefghijklmnopqrstuvwxyz_0123456789";

	for (size_t i = 0; i < s.n; i++)
		if (!s.p[i] || !strchr(letters, s.p[i]))
			return capital ? "a capability such as NET_RAW is wanted"
				       : "a system call such as mount is wanted";
	if (capital && lz_span_starts(s, "CAP_"))
		return "a capability is written without CAP_";
	return s.n > 0 && s.n <= 64 ? NULL : "a name of 1 to 64 characters is wanted";
}

static const char *wrong_value(enum lz_fact_kind kind, struct lz_span s)
{
	switch (kind) {
	case LZ_FACT_PROGRAM:
		return lz_shape_wrong_path(s);
	case LZ_FACT_READ:
	case LZ_FACT_WRITE:
		return s.n && s.p[0] == '/' ? lz_shape_wrong_path(s)
					    : "a folder that begins with / is wanted";
	case LZ_FACT_DESTINATION:
		return lz_shape_wrong_destination(s);
	case LZ_FACT_LISTEN:
		return lz_shape_wrong_listen(s);
	case LZ_FACT_CAPABILITY:
		return wrong_word(s, true);
	case LZ_FACT_CALL:
		return wrong_word(s, false);
	case LZ_FACT_KINDS:
		break;
	}
	return "";
}

static int add(struct reading *r, const struct lz_yaml *at, const struct lz_fact *f)
{
	uint64_t cut = r->p->cut[f->kind];
	int code = lz_profile_add(r->p, f, r->err);

	if (!code && r->p->cut[f->kind] > cut)
		return lz_fail(r->err, LZ_E_LIMIT,
			       "%.*s:%u:%u: no more than %zu %s and %u bytes in all are allowed",
			       LZ_FMT(r->file), at->line, at->column, lz_fact_rows[f->kind].max,
			       lz_fact_rows[f->kind].key, LZ_PROFILE_BYTES);
	return code;
}

static int value_of(const struct reading *r, enum lz_fact_kind kind, const struct lz_yaml *v,
		    struct lz_span *ret)
{
	const char *why;
	char text[80];

	if (v->kind != LZ_YAML_SCALAR)
		return wrong(r, v, "a text is wanted");
	why = wrong_value(kind, v->text);
	if (why)
		return wrong(r, v, "\"%s\": %s", shown(v->text, text), why);
	*ret = v->text;
	return 0;
}

static int add_parents(struct reading *r, struct lz_span path, const struct lz_yaml *list)
{
	struct lz_fact f = {.kind = LZ_FACT_PROGRAM, .value = path};
	int code = 0;

	if (list->kind != LZ_YAML_LIST)
		return wrong(r, list, "a list of programs is wanted");
	if (!list->count)
		return wrong(r, list, "no parent; \"*\" stands for all");
	if (list->count > LZ_PARENTS_MAX)
		return wrong(r, list, "more than %d parents; \"*\" stands for all", LZ_PARENTS_MAX);
	for (const struct lz_yaml *v = list->first; v && !code; v = v->next) {
		code = value_of(r, LZ_FACT_PROGRAM, v, &f.parent);
		if (!code)
			code = add(r, v, &f);
	}
	return code;
}

/* {path: …, parents: […]}, or the path alone: whoever starts it. */
static int add_program(struct reading *r, const struct lz_yaml *v)
{
	const struct lz_yaml *path = NULL, *parents = NULL;
	struct lz_fact f = {.kind = LZ_FACT_PROGRAM, .parent = LZ_SPAN("*")};
	char text[80];

	if (v->kind != LZ_YAML_MAP)
		return value_of(r, f.kind, v, &f.value) ? LZ_E_FORMAT : add(r, v, &f);
	for (const struct lz_yaml *k = v->first; k; k = k->next->next) {
		const struct lz_yaml **to = lz_yaml_is(k, "path")      ? &path
					    : lz_yaml_is(k, "parents") ? &parents
								       : NULL;
		if (!to)
			return wrong(r, k, "\"%s\": path and parents are the keys of a program",
				     shown(k->text, text));
		if (*to)
			return wrong(r, k, "\"%s\" is there twice", shown(k->text, text));
		*to = k->next;
	}
	if (!path)
		return wrong(r, v, "a program has a path");
	if (value_of(r, f.kind, path, &f.value))
		return LZ_E_FORMAT;
	return parents ? add_parents(r, f.value, parents) : add(r, path, &f);
}

static int add_list(struct reading *r, enum lz_fact_kind kind, const struct lz_yaml *list)
{
	int code = 0;

	if (list->kind != LZ_YAML_LIST)
		return wrong(r, list, "%s is a list", lz_fact_rows[kind].key);
	for (const struct lz_yaml *v = list->first; v && !code; v = v->next) {
		struct lz_fact f = {.kind = kind};
		if (kind == LZ_FACT_PROGRAM) {
			code = add_program(r, v);
			continue;
		}
		code = value_of(r, kind, v, &f.value);
		if (!code)
			code = add(r, v, &f);
	}
	return code;
}

static int kind_of(struct lz_span key)
{
	for (int k = 0; k < LZ_FACT_KINDS; k++)
		if (lz_span_is(key, lz_fact_rows[k].key))
			return k;
	return -1;
}

static int add_cuts(struct reading *r, const struct lz_yaml *map)
{
	char text[80];

	if (map->kind != LZ_YAML_MAP)
		return wrong(r, map, "cut says how many of each kind were left out");
	for (const struct lz_yaml *k = map->first; k; k = k->next->next) {
		int kind = k->kind == LZ_YAML_SCALAR ? kind_of(k->text) : -1;
		if (kind < 0)
			return wrong(r, k, "\"%s\" is no list of a profile", shown(k->text, text));
		if (number_of(r, k->next, &r->p->cut[kind]))
			return LZ_E_FORMAT;
	}
	return 0;
}

/* --- the whole -------------------------------------------------------------------------------- */

/* No key twice, none that is unknown; what heads the file is read here already. */
static int first_look(struct reading *r, const struct lz_yaml *root)
{
	LZ_CLEAN(map) struct lz_map keys;
	char text[80];

	lz_map_init(&keys, 64);
	for (const struct lz_yaml *k = root->first; k; k = k->next->next) {
		bool fresh;
		int code;
		if (k->kind != LZ_YAML_SCALAR)
			return wrong(r, k, "a key is a word");
		code = about_key(r, k->text, k->next);
		if (code < 0)
			return code;
		if (code > 0 && kind_of(k->text) < 0 && !lz_span_is(k->text, "cut"))
			return wrong(r, k, "\"%s\" is no key of a profile", shown(k->text, text));
		if (!lz_map_put(&keys, k->text, &fresh, NULL))
			return lz_fail(r->err, LZ_E_NOMEM, "out of memory");
		if (!fresh)
			return wrong(r, k, "\"%s\" is there twice", shown(k->text, text));
	}
	if (!lz_yaml_get(root, "version"))
		return wrong(r, root, "version is missing");
	if (!r->about.digest.n && !r->about.id.n)
		return wrong(r, root,
			     "digest or id is missing: they say which image this is about");
	return 0;
}

static int document(void *arg, const struct lz_yaml *root)
{
	struct reading *r = arg;
	int code;

	if (!root)
		return 0;
	if (r->documents++)
		return wrong(r, root, "a profile is one document");
	if (root->kind != LZ_YAML_MAP)
		return wrong(r, root, "a profile begins with \"version: 1\"");
	code = first_look(r, root);
	if (code)
		return code;
	r->p = lz_profile_new(&r->about, r->err);
	if (!r->p)
		return LZ_E_NOMEM;
	for (const struct lz_yaml *k = root->first; k && !code; k = k->next->next) {
		int kind = kind_of(k->text);
		if (kind >= 0)
			code = add_list(r, (enum lz_fact_kind)kind, k->next);
	}
	if (!code && lz_yaml_get(root, "cut"))
		code = add_cuts(r, lz_yaml_get(root, "cut"));
	return code;
}

/* Of bytes that are no text at all libyaml says "byte 15: …". */
static void place_of(const struct reading *r, const char *said, unsigned *ret_line,
		     unsigned *ret_column)
{
	unsigned at = 0;

	*ret_line = *ret_column = 1;
	if (sscanf(said, "byte %u", &at) != 1)
		return;
	for (size_t i = 0; i < r->text.n && i < at; i++) {
		*ret_column = r->text.p[i] == '\n' ? 1 : *ret_column + 1;
		*ret_line += r->text.p[i] == '\n';
	}
}

/* What libyaml's errors begin with becomes the place that ours have. */
static void place(struct reading *r, int code)
{
	char text[sizeof(r->err->text)];
	unsigned line, column;
	int n = 0;

	if (code == LZ_E_NOMEM || lz_span_starts(lz_str(r->err->text), r->start))
		return;
	if (sscanf(r->err->text, "line %u, column %u: %n", &line, &column, &n) != 2 || !n) {
		n = 0;
		place_of(r, r->err->text, &line, &column);
	}
	snprintf(text, sizeof(text), "%s", r->err->text + n);
	lz_fail(r->err, code, "%.*s:%u:%u: %s", LZ_FMT(r->file), line, column, text);
}

int lz_profile_read(struct lz_span name, struct lz_span text, struct lz_profile **ret,
		    struct lz_err *err)
{
	LZ_CLEAN(arena) struct lz_arena arena;
	struct lz_err own = {0};
	struct reading r = {.file = name, .text = text, .err = err ? err : &own};
	int code;

	*ret = NULL;
	lz_arena_init(&arena, TREE_BYTES);
	if (text.n > LZ_PROFILE_BYTES)
		return lz_fail(err, LZ_E_LIMIT, "%.*s: larger than %u bytes", LZ_FMT(name),
			       LZ_PROFILE_BYTES);
	snprintf(r.start, sizeof(r.start), "%.*s:", LZ_FMT(name));
	r.err->text[0] = 0;
	code = lz_yaml_each(text, VALUES_MAX, &arena, document, &r, r.err);
	if (code)
		place(&r, code);
	if (!code && !r.p)
		code = lz_fail(err, LZ_E_FORMAT, "%.*s:1:1: the file is empty", LZ_FMT(name));
	if (code) {
		lz_profile_free(r.p);
		return code;
	}
	*ret = r.p;
	return 0;
}
