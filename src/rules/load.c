/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rule files: a stream of YAML documents, each a list of items. An item's first known key says what
 * it is. Whatever is wrong with an item is a note and the next item is read: one mistake hides no
 * other.
 */
#include "loader.h"

#include "../base/alloc.h"
#include "../base/clean.h"
#include "../base/limits.h"

#include <stdio.h>

#define VALUES_MAX  2000000
#define ARENA_BYTES (512 * LZ_M)
#define HELD_BYTES  (256 * LZ_M)
#define DEFS_MAX    100000
#define NOTES_MAX   10000

enum { ENGINE_MINOR = 63 }; /* of Falco's engine whose language this is: 0.63.0 */

/* --- notes --- */

void lz_load_note(struct lz_loader *l, bool error, const char *code, const struct lz_yaml *at,
		  const char *text)
{
	char item[300] = "";
	struct lz_rules_note n = {.error = error, .code = code, .file = l->file};

	if (at) {
		n.line = at->line;
		n.column = at->column;
	}
	if (l->name && l->name->kind == LZ_YAML_SCALAR)
		snprintf(item, sizeof(item), "%s '%.*s'", l->kind, LZ_FMT(l->name->text));
	n.item = lz_str(item);
	n.text = lz_str(text);
	if (!l->code)
		l->code = lz_note(l->r, &n, l->err);
}

bool lz_load_invalid(struct lz_loader *l, const struct lz_yaml *at, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	lz_load_note(l, true, "LOAD_ERR_VALIDATE", at ? at : l->item, text);
	return false;
}

bool lz_load_no_memory(struct lz_loader *l, int code)
{
	if (!l->code)
		l->code = lz_fail(l->err, code ? code : LZ_E_NOMEM, "rules: %s",
				  lz_code_text(code ? code : LZ_E_NOMEM));
	return false;
}

bool lz_load_hold(struct lz_loader *l, size_t bytes)
{
	l->r->held_bytes += bytes;
	if (l->r->held_bytes <= HELD_BYTES)
		return true;
	if (!l->code)
		l->code = lz_fail(l->err, LZ_E_LIMIT, "%.*s:%u: rules grow beyond all measure",
				  LZ_FMT(l->file), l->item->line);
	return false;
}

/* --- values --- */

const struct lz_yaml *lz_load_get(const struct lz_loader *l, const char *key)
{
	return lz_yaml_get(l->item, key);
}

bool lz_load_scalar(struct lz_loader *l, const struct lz_yaml *v, const char *key)
{
	if (v && v->kind == LZ_YAML_SCALAR)
		return true;
	return lz_load_invalid(l, v, "\"%s\" must be text", key);
}

bool lz_load_truth(struct lz_loader *l, const char *key, bool def, bool *ret)
{
	static const char *const yes[] = {"true", "yes", "on", "y"}, *const no[] = {"false", "no",
										    "off", "n"};
	const struct lz_yaml *v = lz_load_get(l, key);

	*ret = def;
	if (!v)
		return true;
	for (int i = 0; v->kind == LZ_YAML_SCALAR && i < 4; i++) {
		if (lz_span_eq_nocase(v->text, lz_str(yes[i])) ||
		    lz_span_eq_nocase(v->text, lz_str(no[i]))) {
			*ret = lz_span_eq_nocase(v->text, lz_str(yes[i]));
			return true;
		}
	}
	return lz_load_invalid(l, v, "\"%s\" must be true or false", key);
}

/* A list of words, or one word. */
bool lz_load_words(struct lz_loader *l, const struct lz_yaml *v, const char *key,
		   struct lz_vec *ret)
{
	const struct lz_yaml *first = v && v->kind == LZ_YAML_SCALAR ? v : v ? v->first : NULL;

	if (!v || v->kind == LZ_YAML_MAP)
		return lz_load_invalid(l, v, "\"%s\" must be a list", key);
	if (!lz_load_hold(l, v->count * sizeof(struct lz_span)))
		return false;
	for (; first; first = v->kind == LZ_YAML_SCALAR ? NULL : first->next) {
		if (!lz_load_scalar(l, first, key))
			return false;
		if (!lz_vec_add(ret, &first->text))
			return lz_load_no_memory(l, ret->code);
	}
	return true;
}

void lz_load_unknown_keys(struct lz_loader *l, const char *const *known)
{
	for (const struct lz_yaml *k = l->item->first; k && k->next; k = k->next->next) {
		char text[200];
		size_t i = 0;
		while (known[i] && !lz_span_is(k->text, known[i]))
			i++;
		snprintf(text, sizeof(text), "unknown key \"%.*s\"",
			 (int)(k->text.n < 100 ? k->text.n : 100), k->text.p);
		if (!known[i])
			lz_load_note(l, false, "LOAD_UNKNOWN_KEY", k, text);
	}
}

bool lz_load_how(struct lz_loader *l, const char *key, enum lz_load_how *ret)
{
	const struct lz_yaml *override = lz_load_get(l, "override");
	const struct lz_yaml *o = lz_yaml_get(override, key);
	bool append;

	*ret = LZ_LOAD_DEFINE;
	if (!lz_load_truth(l, "append", false, &append))
		return false;
	if (append)
		*ret = LZ_LOAD_APPEND;
	if (!override)
		return true;
	if (!o)
		return lz_load_invalid(
			l, lz_load_get(l, key),
			"\"%s\" is here, but \"override\" does not say whether to append or "
			"replace",
			key);
	if (lz_yaml_is(o, "append"))
		*ret = LZ_LOAD_APPEND;
	else if (lz_yaml_is(o, "replace"))
		*ret = LZ_LOAD_REPLACE;
	else
		return lz_load_invalid(l, o, "override: \"%s\" must be append or replace", key);
	return true;
}

bool lz_load_override_keys(struct lz_loader *l, const char *const *both,
			   const char *const *replace_only)
{
	const struct lz_yaml *override = lz_load_get(l, "override"), *k;
	bool append;

	if (!lz_load_truth(l, "append", false, &append))
		return false;
	if (append)
		lz_load_note(l, false, "LOAD_DEPRECATED_ITEM", lz_load_get(l, "append"),
			     "\"append\" is deprecated: use \"override\"");
	if (!override)
		return true;
	if (append)
		return lz_load_invalid(l, override,
				       "\"append\" and \"override\" can't stand together");
	if (override->kind != LZ_YAML_MAP)
		return lz_load_invalid(l, override,
				       "\"override\" must say append or replace for each key");
	for (k = override->first; k && k->next; k = k->next->next) {
		size_t i = 0, j = 0;
		char key[80];
		while (both[i] && !lz_span_is(k->text, both[i]))
			i++;
		while (replace_only[j] && !lz_span_is(k->text, replace_only[j]))
			j++;
		if (!both[i] && !replace_only[j])
			return lz_load_invalid(l, k, "override: \"%.*s\" can't be overridden",
					       LZ_FMT(k->text));
		if (!both[i] && !lz_yaml_is(k->next, "replace"))
			return lz_load_invalid(l, k, "override: \"%.*s\" can only be replaced",
					       LZ_FMT(k->text));
		if (!lz_span_cstr(k->text, key, sizeof(key)) || !lz_load_get(l, key))
			return lz_load_invalid(l, k, "override: \"%.*s\" is not in this item",
					       LZ_FMT(k->text));
	}
	return true;
}

struct lz_place lz_load_place(const struct lz_loader *l, const struct lz_yaml *at)
{
	return (struct lz_place){l->file, at->line, at->column};
}

bool lz_load_add_text(struct lz_loader *l, struct lz_text *t, const struct lz_yaml *v,
		      enum lz_load_how h)
{
	struct lz_err err = {0};

	if (!lz_load_hold(l, v->text.n))
		return false;
	if (h != LZ_LOAD_APPEND) {
		lz_text_done(t);
		lz_text_init(t);
	}
	return lz_text_append(t, l->file, v, v->text, &err) == 0 || lz_load_no_memory(l, err.code);
}

/* The row of a name, found or made; NULL: no memory. */
void *lz_load_row(struct lz_loader *l, struct lz_map *map, struct lz_vec *rows, struct lz_span name,
		  bool *ret_new)
{
	int code = 0;
	struct lz_map_item *it = lz_map_put(map, name, ret_new, &code);
	void *row;

	if (!it)
		return lz_load_no_memory(l, code), NULL;
	if (!*ret_new)
		return lz_vec_at(rows, it->value.num);
	row = lz_vec_push(rows);
	if (!row) {
		lz_map_del(map, name);
		return lz_load_no_memory(l, rows->code), NULL;
	}
	it->value.num = rows->n - 1;
	return row;
}

/* --- lists and macros --- */

static void warn_name(struct lz_loader *l, bool good, const char *code)
{
	if (!good)
		lz_load_note(l, false, code, l->name, "a name that conditions can't refer to");
}

static bool identifier(struct lz_span s)
{
	for (size_t i = 0; i < s.n; i++) {
		bool letter = (s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z');
		bool other = s.p[i] == '_' || (s.p[i] >= '0' && s.p[i] <= '9');
		if (!letter && (i == 0 || !other))
			return false;
	}
	return s.n > 0;
}

static bool load_list(struct lz_loader *l)
{
	static const char *const keys[] = {"list", "items", "append", "override", NULL};
	static const char *const both[] = {"items", NULL}, *const none[] = {NULL};
	const struct lz_yaml *items = lz_load_get(l, "items");
	struct lz_list_def *d;
	bool fresh;
	enum lz_load_how h;

	lz_load_unknown_keys(l, keys);
	warn_name(l, lz_item_is_plain(l->name->text), "LOAD_INVALID_LIST_NAME");
	if (!items || items->kind != LZ_YAML_LIST)
		return lz_load_invalid(l, items, "\"items\" must be a list");
	if (!lz_load_override_keys(l, both, none) || !lz_load_how(l, "items", &h))
		return false;
	if (h == LZ_LOAD_APPEND && !lz_map_get(&l->r->list_of, l->name->text))
		return lz_load_invalid(l, l->name, "a list to append to was not defined before");
	d = lz_load_row(l, &l->r->list_of, &l->r->lists, l->name->text, &fresh);
	if (!d)
		return false;
	if (fresh) {
		d->name = l->name->text;
		d->order = l->r->order;
		d->place = lz_load_place(l, l->name);
		lz_vec_init(&d->items, sizeof(struct lz_span), VALUES_MAX);
	}
	if (h != LZ_LOAD_APPEND)
		d->items.n = 0;
	d->changed = l->r->order;
	return lz_load_words(l, items, "items", &d->items);
}

static bool load_macro(struct lz_loader *l)
{
	static const char *const keys[] = {"macro", "condition", "append", "override", NULL};
	static const char *const both[] = {"condition", NULL}, *const none[] = {NULL};
	const struct lz_yaml *condition = lz_load_get(l, "condition");
	struct lz_macro_def *d;
	bool fresh;
	enum lz_load_how h;

	lz_load_unknown_keys(l, keys);
	warn_name(l, identifier(l->name->text), "LOAD_INVALID_MACRO_NAME");
	if (!lz_load_scalar(l, condition, "condition") || !lz_load_override_keys(l, both, none) ||
	    !lz_load_how(l, "condition", &h))
		return false;
	if (h == LZ_LOAD_APPEND && !lz_map_get(&l->r->macro_of, l->name->text))
		return lz_load_invalid(l, l->name, "a macro to append to was not defined before");
	d = lz_load_row(l, &l->r->macro_of, &l->r->macros, l->name->text, &fresh);
	if (!d)
		return false;
	if (fresh) {
		d->name = l->name->text;
		d->order = l->r->order;
		d->place = lz_load_place(l, l->name);
		lz_text_init(&d->condition);
	}
	d->changed = l->r->order;
	return lz_load_add_text(l, &d->condition, condition, h);
}

/* --- requirements --- */

static bool version(struct lz_span s, uint64_t ret[3])
{
	struct lz_span rest = s, one;

	for (int i = 0; i < 3; i++) {
		lz_span_cut(rest, '.', &one, &rest);
		if (!lz_span_u64(one, 10, &ret[i]))
			return false;
	}
	return !rest.n;
}

static bool load_engine(struct lz_loader *l)
{
	const struct lz_yaml *v = lz_load_get(l, "required_engine_version");
	uint64_t want[3] = {0, 0, 0};

	l->name = NULL;
	if (!lz_load_scalar(l, v, "required_engine_version"))
		return false;
	if (!version(v->text, want) && !lz_span_u64(v->text, 10, &want[1]))
		return lz_load_invalid(l, v, "required_engine_version: \"%.*s\" is no version",
				       LZ_FMT(v->text));
	if (want[0] > 0 || want[1] > ENGINE_MINOR || (want[1] == ENGINE_MINOR && want[2] > 0))
		return lz_load_invalid(
			l, v, "rules for engine %.*s; this program knows the language up to 0.%d.0",
			LZ_FMT(v->text), ENGINE_MINOR);
	return true;
}

/* Container fields are built in, in the shape of the container plugin before 1.0. */
static bool have_plugin(const struct lz_yaml *p)
{
	const struct lz_yaml *v = lz_yaml_get(p, "version");
	uint64_t want[3];

	return lz_yaml_is(lz_yaml_get(p, "name"), "container") && v && version(v->text, want) &&
	       want[0] == 0;
}

static bool load_plugins(struct lz_loader *l)
{
	const struct lz_yaml *all = lz_load_get(l, "required_plugin_versions");

	l->name = NULL;
	if (all->kind != LZ_YAML_LIST)
		return lz_load_invalid(l, all, "required_plugin_versions must be a list");
	for (const struct lz_yaml *p = all->first; p; p = p->next) {
		const struct lz_yaml *name = lz_yaml_get(p, "name"),
				     *others = lz_yaml_get(p, "alternatives");
		const struct lz_yaml *a = others ? others->first : NULL;
		if (!name || !lz_yaml_get(p, "version"))
			return lz_load_invalid(l, p, "a required plugin needs name and version");
		while (a && !have_plugin(a))
			a = a->next;
		if (!a && !have_plugin(p))
			return lz_load_invalid(l, p, "plugin %.*s is not part of this program",
					       LZ_FMT(name->text));
	}
	return true;
}

/* --- files --- */

static const struct {
	const char *key;
	bool (*load)(struct lz_loader *l);
	bool named;
} items[] = {
	{"required_engine_version", load_engine, false},
	{"required_plugin_versions", load_plugins, false},
	{"list", load_list, true},
	{"macro", load_macro, true},
	{"rule", lz_load_rule, true},
};

static void load_item(struct lz_loader *l, const struct lz_yaml *item)
{
	l->item = item;
	l->name = NULL;
	if (item->kind == LZ_YAML_SCALAR && !item->text.n)
		return;
	if (item->kind != LZ_YAML_MAP) {
		lz_load_invalid(l, item, "expected a rule, a macro or a list");
		return;
	}
	l->r->order++;
	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		const struct lz_yaml *name = lz_load_get(l, items[i].key);
		if (!name)
			continue;
		l->kind = items[i].key;
		l->name = name;
		if (items[i].named && (name->kind != LZ_YAML_SCALAR || !name->text.n))
			lz_load_invalid(l, name, "a %s needs a name", items[i].key);
		else
			items[i].load(l);
		return;
	}
	lz_load_note(l, false, "LOAD_UNKNOWN_ITEM", item, "neither a rule nor a macro nor a list");
}

static int load_document(void *arg, const struct lz_yaml *root)
{
	struct lz_loader *l = arg;

	if (!root || (root->kind == LZ_YAML_SCALAR && !root->text.n))
		return 0;
	l->name = NULL;
	l->item = root;
	if (root->kind != LZ_YAML_LIST) {
		lz_load_note(l, true, "LOAD_ERR_YAML_VALIDATE", root,
			     "expected a list of rules, macros and lists");
		return l->code;
	}
	for (const struct lz_yaml *i = root->first; i && !l->code; i = i->next)
		load_item(l, i);
	return l->code;
}

int lz_rules_add(struct lz_rules *r, struct lz_span file, struct lz_span text, struct lz_err *err)
{
	struct lz_loader l = {.r = r, .file = lz_arena_dup(&r->arena, file), .err = err};
	struct lz_span copy = lz_arena_dup(&r->arena, text);
	struct lz_err why = {0};
	int code;

	if (r->arena.code)
		return lz_fail(err, r->arena.code, "rules: %s", lz_code_text(r->arena.code));
	if (r->compiled)
		return lz_fail(err, LZ_E_BUG, "rules were compiled already");
	code = lz_yaml_each(copy, VALUES_MAX, &r->arena, load_document, &l, &why);
	if (l.code || !code)
		return l.code;
	if (code != LZ_E_FORMAT && code != LZ_E_LIMIT)
		return lz_fail(err, code, "%s", why.text);
	lz_load_note(&l, true, "LOAD_ERR_YAML_PARSE", NULL, why.text);
	return l.code;
}

struct lz_rules *lz_rules_new(struct lz_err *err)
{
	struct lz_rules *r = lz_alloc(sizeof(*r));

	if (!r) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	lz_arena_init(&r->arena, ARENA_BYTES);
	lz_vec_init(&r->lists, sizeof(struct lz_list_def), DEFS_MAX);
	lz_vec_init(&r->macros, sizeof(struct lz_macro_def), DEFS_MAX);
	lz_vec_init(&r->rules, sizeof(struct lz_rule), DEFS_MAX);
	lz_vec_init(&r->defs, sizeof(struct lz_rule_def), DEFS_MAX);
	lz_vec_init(&r->notes, sizeof(struct lz_rules_note), NOTES_MAX);
	lz_map_init(&r->list_of, DEFS_MAX);
	lz_map_init(&r->macro_of, DEFS_MAX);
	lz_map_init(&r->rule_of, DEFS_MAX);
	lz_graph_init(&r->graph, &r->arena);
	return r;
}

void lz_rules_free(struct lz_rules *r)
{
	if (!r)
		return;
	lz_graph_done(&r->graph);
	LZ_VEC_EACH (struct lz_list_def, l, &r->lists)
		lz_vec_done(&l->items);
	LZ_VEC_EACH (struct lz_macro_def, m, &r->macros)
		lz_text_done(&m->condition);
	LZ_VEC_EACH (struct lz_rule_def, d, &r->defs) {
		lz_text_done(&d->condition);
		lz_text_done(&d->output);
		lz_text_done(&d->desc);
		lz_text_done(&d->respond);
		lz_load_exceptions_done(d);
		lz_vec_done(&d->exceptions);
	}
	lz_vec_done(&r->lists);
	lz_vec_done(&r->macros);
	lz_vec_done(&r->rules);
	lz_vec_done(&r->defs);
	lz_vec_done(&r->notes);
	lz_map_done(&r->list_of);
	lz_map_done(&r->macro_of);
	lz_map_done(&r->rule_of);
	lz_arena_done(&r->arena);
	lz_free(r);
}
