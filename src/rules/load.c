/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rule files: a stream of YAML documents, each a list of items. An item's first known key says what
 * it is. Whatever is wrong with an item is a note and the next item is read: one mistake hides no
 * other.
 */
#include "set.h"

#include "../base/alloc.h"
#include "../base/clean.h"
#include "../base/limits.h"

#include <stdio.h>

#define VALUES_MAX  2000000
#define ARENA_BYTES (512 * LZ_M)
#define TEXT_MAX    (4 * LZ_M)
#define DEFS_MAX    100000
#define NOTES_MAX   10000

enum { ENGINE_MINOR = 63 }; /* of Falco's engine whose language this is: 0.63.0 */

struct loader {
	struct lz_rules *r;
	struct lz_span file;
	const char *kind; /* "rule", for notes */
	const struct lz_yaml *name, *item;
	struct lz_err *err;
	int code; /* what ends loading: no memory, a limit */
};

/* --- notes --- */

static void note(struct loader *l, bool error, const char *code, const struct lz_yaml *at,
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

static bool invalid(struct loader *l, const struct lz_yaml *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static bool invalid(struct loader *l, const struct lz_yaml *at, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	note(l, true, "LOAD_ERR_VALIDATE", at ? at : l->item, text);
	return false;
}

static bool out_of_memory(struct loader *l, int code)
{
	if (!l->code)
		l->code = lz_fail(l->err, code ? code : LZ_E_NOMEM, "rules: %s",
				  lz_code_text(code ? code : LZ_E_NOMEM));
	return false;
}

/* --- values --- */

static const struct lz_yaml *get(const struct loader *l, const char *key)
{
	return lz_yaml_get(l->item, key);
}

static bool scalar(struct loader *l, const struct lz_yaml *v, const char *key)
{
	if (v && v->kind == LZ_YAML_SCALAR)
		return true;
	return invalid(l, v, "\"%s\" must be text", key);
}

static bool truth(struct loader *l, const char *key, bool def, bool *ret)
{
	static const char *const yes[] = {"true", "yes", "on", "y"}, *const no[] = {"false", "no",
										    "off", "n"};
	const struct lz_yaml *v = get(l, key);

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
	return invalid(l, v, "\"%s\" must be true or false", key);
}

/* A list of words, or one word. */
static bool words(struct loader *l, const struct lz_yaml *v, const char *key, struct lz_vec *ret)
{
	const struct lz_yaml *first = v && v->kind == LZ_YAML_SCALAR ? v : v ? v->first : NULL;

	if (!v || v->kind == LZ_YAML_MAP)
		return invalid(l, v, "\"%s\" must be a list", key);
	for (; first; first = v->kind == LZ_YAML_SCALAR ? NULL : first->next) {
		if (!scalar(l, first, key))
			return false;
		if (!lz_vec_add(ret, &first->text))
			return out_of_memory(l, ret->code);
	}
	return true;
}

static void unknown_keys(struct loader *l, const char *const *known)
{
	for (const struct lz_yaml *k = l->item->first; k && k->next; k = k->next->next) {
		char text[200];
		size_t i = 0;
		while (known[i] && !lz_span_is(k->text, known[i]))
			i++;
		snprintf(text, sizeof(text), "unknown key \"%.*s\"",
			 (int)(k->text.n < 100 ? k->text.n : 100), k->text.p);
		if (!known[i])
			note(l, false, "LOAD_UNKNOWN_KEY", k, text);
	}
}

/* What to do with a key that stands in an item: by `append`, by `override`, or define anew. */
enum how { DEFINE, APPEND, REPLACE };

static bool how(struct loader *l, const char *key, enum how *ret)
{
	const struct lz_yaml *override = get(l, "override");
	const struct lz_yaml *o = lz_yaml_get(override, key);
	bool append;

	*ret = DEFINE;
	if (!truth(l, "append", false, &append))
		return false;
	if (append)
		*ret = APPEND;
	if (!override)
		return true;
	if (!o)
		return invalid(l, get(l, key),
			       "\"%s\" is here, but \"override\" does not say whether to append or "
			       "replace",
			       key);
	if (lz_yaml_is(o, "append"))
		*ret = APPEND;
	else if (lz_yaml_is(o, "replace"))
		*ret = REPLACE;
	else
		return invalid(l, o, "override: \"%s\" must be append or replace", key);
	return true;
}

static bool override_keys(struct loader *l, const char *const *both,
			  const char *const *replace_only)
{
	const struct lz_yaml *override = get(l, "override"), *k;
	bool append;

	if (!truth(l, "append", false, &append))
		return false;
	if (append)
		note(l, false, "LOAD_DEPRECATED_ITEM", get(l, "append"),
		     "\"append\" is deprecated: use \"override\"");
	if (!override)
		return true;
	if (append)
		return invalid(l, override, "\"append\" and \"override\" can't stand together");
	if (override->kind != LZ_YAML_MAP)
		return invalid(l, override, "\"override\" must say append or replace for each key");
	for (k = override->first; k && k->next; k = k->next->next) {
		size_t i = 0, j = 0;
		char key[80];
		while (both[i] && !lz_span_is(k->text, both[i]))
			i++;
		while (replace_only[j] && !lz_span_is(k->text, replace_only[j]))
			j++;
		if (!both[i] && !replace_only[j])
			return invalid(l, k, "override: \"%.*s\" can't be overridden",
				       LZ_FMT(k->text));
		if (!both[i] && !lz_yaml_is(k->next, "replace"))
			return invalid(l, k, "override: \"%.*s\" can only be replaced",
				       LZ_FMT(k->text));
		if (!lz_span_cstr(k->text, key, sizeof(key)) || !get(l, key))
			return invalid(l, k, "override: \"%.*s\" is not in this item",
				       LZ_FMT(k->text));
	}
	return true;
}

static struct lz_place place_of(const struct loader *l, const struct lz_yaml *at)
{
	return (struct lz_place){l->file, at->line, at->column};
}

static bool add_text(struct loader *l, struct lz_text *t, const struct lz_yaml *v, enum how h)
{
	struct lz_err err = {0};

	if (h != APPEND) {
		lz_text_done(t);
		lz_text_init(t);
	}
	return lz_text_append(t, l->file, v, v->text, &err) == 0 || out_of_memory(l, err.code);
}

/* The row of a name, found or made; NULL: no memory. */
static void *row_of(struct loader *l, struct lz_map *map, struct lz_vec *rows, struct lz_span name,
		    bool *ret_new)
{
	int code = 0;
	struct lz_map_item *it = lz_map_put(map, name, ret_new, &code);
	void *row;

	if (!it)
		return out_of_memory(l, code), NULL;
	if (!*ret_new)
		return lz_vec_at(rows, it->value.num);
	row = lz_vec_push(rows);
	if (!row) {
		lz_map_del(map, name);
		return out_of_memory(l, rows->code), NULL;
	}
	it->value.num = rows->n - 1;
	return row;
}

/* --- lists and macros --- */

static void warn_name(struct loader *l, bool good, const char *code)
{
	if (!good)
		note(l, false, code, l->name, "a name that conditions can't refer to");
}

static bool bare(struct lz_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr("()\"'=, \t\n\r\b", s.p[i]))
			return false;
	return s.n > 0;
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

static bool load_list(struct loader *l)
{
	static const char *const keys[] = {"list", "items", "append", "override", NULL};
	static const char *const both[] = {"items", NULL}, *const none[] = {NULL};
	const struct lz_yaml *items = get(l, "items");
	struct lz_list_def *d;
	bool fresh;
	enum how h;

	unknown_keys(l, keys);
	warn_name(l, bare(l->name->text), "LOAD_INVALID_LIST_NAME");
	if (!items || items->kind != LZ_YAML_LIST)
		return invalid(l, items, "\"items\" must be a list");
	if (!override_keys(l, both, none) || !how(l, "items", &h))
		return false;
	if (h == APPEND && !lz_map_get(&l->r->list_of, l->name->text))
		return invalid(l, l->name, "a list to append to was not defined before");
	d = row_of(l, &l->r->list_of, &l->r->lists, l->name->text, &fresh);
	if (!d)
		return false;
	if (fresh) {
		d->name = l->name->text;
		d->order = l->r->order;
		d->place = place_of(l, l->name);
		lz_vec_init(&d->items, sizeof(struct lz_span), VALUES_MAX);
	}
	if (h != APPEND)
		d->items.n = 0;
	d->changed = l->r->order;
	return words(l, items, "items", &d->items);
}

static bool load_macro(struct loader *l)
{
	static const char *const keys[] = {"macro", "condition", "append", "override", NULL};
	static const char *const both[] = {"condition", NULL}, *const none[] = {NULL};
	const struct lz_yaml *condition = get(l, "condition");
	struct lz_macro_def *d;
	bool fresh;
	enum how h;

	unknown_keys(l, keys);
	warn_name(l, identifier(l->name->text), "LOAD_INVALID_MACRO_NAME");
	if (!scalar(l, condition, "condition") || !override_keys(l, both, none) ||
	    !how(l, "condition", &h))
		return false;
	if (h == APPEND && !lz_map_get(&l->r->macro_of, l->name->text))
		return invalid(l, l->name, "a macro to append to was not defined before");
	d = row_of(l, &l->r->macro_of, &l->r->macros, l->name->text, &fresh);
	if (!d)
		return false;
	if (fresh) {
		d->name = l->name->text;
		d->order = l->r->order;
		d->place = place_of(l, l->name);
		lz_text_init(&d->condition);
	}
	d->changed = l->r->order;
	return add_text(l, &d->condition, condition, h);
}

/* --- rules --- */

static bool priority(struct loader *l, const struct lz_yaml *v, enum lz_priority *ret)
{
	if (!scalar(l, v, "priority"))
		return false;
	for (unsigned p = 0; p <= LZ_PRIO_DEBUG; p++) {
		if (lz_span_eq_nocase(v->text, lz_str(lz_priority_name((enum lz_priority)p)))) {
			*ret = (enum lz_priority)p;
			return true;
		}
	}
	*ret = LZ_PRIO_INFORMATIONAL;
	if (lz_span_eq_nocase(v->text, LZ_SPAN("info")))
		return true;
	return invalid(l, v, "\"%.*s\" is no priority", LZ_FMT(v->text));
}

static bool load_tags(struct loader *l, struct lz_rule *rule, enum how h)
{
	LZ_CLEAN(vec) struct lz_vec all;

	lz_vec_init(&all, sizeof(struct lz_span), 10000);
	for (size_t i = 0; h == APPEND && i < rule->tag_count; i++)
		if (!lz_vec_add(&all, &rule->tags[i]))
			return out_of_memory(l, all.code);
	if (!words(l, get(l, "tags"), "tags", &all))
		return false;
	rule->tags = lz_arena_array(&l->r->arena, all.n + 1, sizeof(*rule->tags));
	if (!rule->tags)
		return out_of_memory(l, l->r->arena.code);
	rule->tag_count = 0;
	LZ_VEC_EACH (struct lz_span, t, &all) {
		size_t i = 0;
		while (i < rule->tag_count && !lz_span_eq(rule->tags[i], *t))
			i++;
		if (i == rule->tag_count)
			rule->tags[rule->tag_count++] = *t;
	}
	return true;
}

static struct lz_exception *exception_find(struct lz_rule_def *d, struct lz_span name)
{
	LZ_VEC_EACH (struct lz_exception, e, &d->exceptions)
		if (lz_span_eq(e->name, name))
			return e;
	return NULL;
}

static bool exception_shape(struct loader *l, struct lz_exception *e, const struct lz_yaml *node)
{
	const struct lz_yaml *fields = lz_yaml_get(node, "fields"),
			     *comps = lz_yaml_get(node, "comps");

	if (!fields)
		return invalid(l, node, "exception '%.*s' has no fields", LZ_FMT(e->name));
	e->scalar = fields->kind == LZ_YAML_SCALAR;
	if (!words(l, fields, "fields", &e->fields))
		return false;
	if (comps && (comps->kind == LZ_YAML_SCALAR) != e->scalar)
		return invalid(
			l, comps,
			"exception '%.*s': fields and comps must both be lists or both be words",
			LZ_FMT(e->name));
	if (comps && !words(l, comps, "comps", &e->comps))
		return false;
	for (size_t i = e->comps.n; !comps && i < e->fields.n; i++) {
		struct lz_span def = e->scalar ? LZ_SPAN("in") : LZ_SPAN("=");
		if (!lz_vec_add(&e->comps, &def))
			return out_of_memory(l, e->comps.code);
	}
	if (e->comps.n != e->fields.n)
		return invalid(l, comps, "exception '%.*s' has %zu fields and %zu comps",
			       LZ_FMT(e->name), e->fields.n, e->comps.n);
	return true;
}

static bool load_exception(struct loader *l, struct lz_rule_def *d, const struct lz_yaml *node,
			   bool append)
{
	const struct lz_yaml *name = lz_yaml_get(node, "name"),
			     *values = lz_yaml_get(node, "values");
	struct lz_exception *e;

	if (!name || name->kind != LZ_YAML_SCALAR)
		return invalid(l, node, "an exception needs a name");
	e = exception_find(d, name->text);
	if (e && !append)
		note(l, false, "LOAD_EXCEPTION_NAME_NOT_UNIQUE", name,
		     "two exceptions of one name");
	if (e && append && (lz_yaml_get(node, "fields") || lz_yaml_get(node, "comps")))
		return invalid(l, node,
			       "exception '%.*s' is there already: only values can be appended",
			       LZ_FMT(name->text));
	if (!e || !append) {
		e = lz_vec_push(&d->exceptions);
		if (!e)
			return out_of_memory(l, d->exceptions.code);
		e->name = name->text;
		e->node = name;
		e->file = l->file;
		lz_vec_init(&e->fields, sizeof(struct lz_span), 100);
		lz_vec_init(&e->comps, sizeof(struct lz_span), 100);
		lz_vec_init(&e->values, sizeof(struct lz_yaml *), VALUES_MAX);
		if (!exception_shape(l, e, node))
			return false;
	}
	if (!values) {
		if (append)
			note(l, false, "LOAD_APPEND_NO_VALUES", node,
			     "an appended exception without values changes nothing");
		return true;
	}
	if (values->kind != LZ_YAML_LIST)
		return invalid(l, values, "\"values\" must be a list");
	for (const struct lz_yaml *v = values->first; v; v = v->next)
		if (!lz_vec_add(&e->values, &v))
			return out_of_memory(l, e->values.code);
	return true;
}

static void exceptions_done(struct lz_rule_def *d)
{
	LZ_VEC_EACH (struct lz_exception, e, &d->exceptions) {
		lz_vec_done(&e->fields);
		lz_vec_done(&e->comps);
		lz_vec_done(&e->values);
	}
	d->exceptions.n = 0;
}

static bool load_exceptions(struct loader *l, struct lz_rule_def *d, enum how h)
{
	const struct lz_yaml *list = get(l, "exceptions");

	if (list->kind != LZ_YAML_LIST)
		return lz_span_eq(list->text, LZ_SPAN("")) ||
		       invalid(l, list, "\"exceptions\" must be a list");
	if (h != APPEND)
		exceptions_done(d);
	for (const struct lz_yaml *e = list->first; e; e = e->next)
		if (!load_exception(l, d, e, h == APPEND))
			return false;
	return true;
}

/* count, within, …: kept as they stand. */
static bool keep_timing(struct loader *l, struct lz_rule_def *d, const char *key,
			const struct lz_yaml *v)
{
	static const char *const names[LZ_KEYS] = {[LZ_KEY_COUNT] = "count",
						   [LZ_KEY_WITHIN] = "within",
						   [LZ_KEY_BY] = "by",
						   [LZ_KEY_DISTINCT] = "distinct",
						   [LZ_KEY_SEQUENCE] = "sequence"};

	for (int k = 0; k < LZ_KEYS; k++) {
		if (strcmp(key, names[k]) != 0)
			continue;
		d->keys[k] = (struct lz_keyed){l->file, v};
		return true;
	}
	return false;
}

/* One key of a rule, if it is there. */
static bool part(struct loader *l, struct lz_rule *rule, struct lz_rule_def *d, const char *key,
		 bool *ret_there)
{
	const struct lz_yaml *v = get(l, key);
	enum how h;

	*ret_there = v != NULL;
	if (!v)
		return true;
	if (!how(l, key, &h))
		return false;
	if (!strcmp(key, "priority"))
		return priority(l, v, &rule->priority);
	if (!strcmp(key, "tags"))
		return load_tags(l, rule, h);
	if (!strcmp(key, "exceptions"))
		return load_exceptions(l, d, h);
	if (!strcmp(key, "enabled"))
		return truth(l, key, true, &rule->enabled);
	if (!strcmp(key, "warn_evttypes"))
		return truth(l, key, true, &d->warn_kinds);
	if (!strcmp(key, "skip-if-unknown-filter"))
		return truth(l, key, false, &d->skip_unknown);
	if (keep_timing(l, d, key, v))
		return true;
	if (!scalar(l, v, key))
		return false;
	if (!strcmp(key, "capture") || !strcmp(key, "capture_duration"))
		return true;
	return add_text(l,
			!strcmp(key, "condition") ? &d->condition
			: !strcmp(key, "output")  ? &d->output
			: !strcmp(key, "respond") ? &d->respond
						  : &d->desc,
			v, h);
}

static const char *const rule_both[] = {"condition", "output", "desc", "respond", "tags", "exceptions", NULL};
static const char *const rule_replace[] = {
	"priority", "enabled",		"warn_evttypes", "skip-if-unknown-filter",
	"capture",  "capture_duration", "count",	 "within",
	"by",	    "distinct",		"sequence",	 NULL};

static bool parts(struct loader *l, struct lz_rule *rule, struct lz_rule_def *d)
{
	bool there;

	for (size_t i = 0; rule_both[i]; i++)
		if (!part(l, rule, d, rule_both[i], &there))
			return false;
	for (size_t i = 0; rule_replace[i]; i++)
		if (!part(l, rule, d, rule_replace[i], &there))
			return false;
	return true;
}

static bool is_toggle(const struct loader *l)
{
	return get(l, "enabled") && l->item->count == 2;
}

static bool check_source(struct loader *l, struct lz_rule *rule, struct lz_rule_def *d, bool fresh)
{
	const struct lz_yaml *source = get(l, "source");

	if (source && !scalar(l, source, "source"))
		return false;
	if (!fresh && source && !lz_span_eq(rule->source, source->text))
		return invalid(l, source, "this rule was defined for source \"%.*s\"",
			       LZ_FMT(rule->source));
	if (fresh)
		rule->source = source ? source->text : LZ_SPAN("syscall");
	d->source_unknown = !lz_span_is(rule->source, "syscall");
	if (fresh && d->source_unknown)
		note(l, false, "LOAD_UNKNOWN_SOURCE", source,
		     "no such source of events here: the rule is left out");
	return true;
}

static bool define_rule(struct loader *l, bool known)
{
	static const char *const required[] = {"condition", "output", "desc", "priority", NULL};
	struct lz_rule_def *d;
	struct lz_rule *rule;
	bool fresh;

	for (size_t i = 0; required[i]; i++)
		if (!get(l, required[i]) &&
		    (i || !get(l, "sequence"))) /* in place of a condition */
			return invalid(l, l->name,
				       known ? "\"%s\" is missing"
					     : "\"%s\" is missing (and no rule of this name was "
					       "defined before)",
				       required[i]);
	rule = row_of(l, &l->r->rule_of, &l->r->rules, l->name->text, &fresh);
	if (!rule)
		return false;
	if (fresh) {
		d = lz_vec_push(&l->r->defs);
		if (!d)
			return out_of_memory(l, l->r->defs.code);
		lz_text_init(&d->condition);
		lz_text_init(&d->output);
		lz_text_init(&d->desc);
		lz_text_init(&d->respond);
		lz_vec_init(&d->exceptions, sizeof(struct lz_exception), 10000);
		rule->name = l->name->text;
	}
	d = lz_vec_at(&l->r->defs, (size_t)(rule - (struct lz_rule *)l->r->rules.p));
	d->place = place_of(l, l->name);
	d->warn_kinds = true;
	d->skip_unknown = false;
	rule->enabled = true;
	rule->tag_count = 0;
	rule->file = l->file;
	rule->line = l->name->line;
	memset(d->keys, 0, sizeof(d->keys));
	lz_text_done(&d->condition);
	lz_text_init(&d->condition);
	lz_text_done(&d->respond); /* what is not required does not stay */
	lz_text_init(&d->respond);
	exceptions_done(d);
	d->broken = !check_source(l, rule, d, fresh) || !parts(l, rule, d);
	return !d->broken;
}

static bool load_rule(struct loader *l)
{
	static const char *const keys[] = {"rule",
					   "condition",
					   "output",
					   "desc",
					   "respond",
					   "priority",
					   "source",
					   "enabled",
					   "capture",
					   "capture_duration",
					   "warn_evttypes",
					   "skip-if-unknown-filter",
					   "tags",
					   "exceptions",
					   "count",
					   "within",
					   "by",
					   "distinct",
					   "sequence",
					   "override",
					   "append",
					   NULL};
	const struct lz_map_item *known = lz_map_get(&l->r->rule_of, l->name->text);
	struct lz_rule *rule = known ? lz_vec_at(&l->r->rules, known->value.num) : NULL;
	struct lz_rule_def *d = known ? lz_vec_at(&l->r->defs, known->value.num) : NULL;
	bool append;

	unknown_keys(l, keys);
	if (!override_keys(l, rule_both, rule_replace) || !truth(l, "append", false, &append))
		return false;
	if (!append && !get(l, "override")) {
		if (!known || !is_toggle(l))
			return define_rule(l, known != NULL);
		note(l, false, "LOAD_DEPRECATED_ITEM", l->item,
		     "\"enabled\" alone is deprecated: use \"override\"");
		return truth(l, "enabled", true, &rule->enabled);
	}
	if (!known)
		return invalid(l, l->name,
			       "a rule to append to or override was not defined before");
	d->broken |= !check_source(l, rule, d, false) || !parts(l, rule, d);
	return !d->broken;
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

static bool load_engine(struct loader *l)
{
	const struct lz_yaml *v = get(l, "required_engine_version");
	uint64_t want[3] = {0, 0, 0};

	l->name = NULL;
	if (!scalar(l, v, "required_engine_version"))
		return false;
	if (!version(v->text, want) && !lz_span_u64(v->text, 10, &want[1]))
		return invalid(l, v, "required_engine_version: \"%.*s\" is no version",
			       LZ_FMT(v->text));
	if (want[0] > 0 || want[1] > ENGINE_MINOR || (want[1] == ENGINE_MINOR && want[2] > 0))
		return invalid(
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

static bool load_plugins(struct loader *l)
{
	const struct lz_yaml *all = get(l, "required_plugin_versions");

	l->name = NULL;
	if (all->kind != LZ_YAML_LIST)
		return invalid(l, all, "required_plugin_versions must be a list");
	for (const struct lz_yaml *p = all->first; p; p = p->next) {
		const struct lz_yaml *name = lz_yaml_get(p, "name"),
				     *others = lz_yaml_get(p, "alternatives");
		const struct lz_yaml *a = others ? others->first : NULL;
		if (!name || !lz_yaml_get(p, "version"))
			return invalid(l, p, "a required plugin needs name and version");
		while (a && !have_plugin(a))
			a = a->next;
		if (!a && !have_plugin(p))
			return invalid(l, p, "plugin %.*s is not part of this program",
				       LZ_FMT(name->text));
	}
	return true;
}

/* --- files --- */

static const struct {
	const char *key;
	bool (*load)(struct loader *l);
	bool named;
} items[] = {
	{"required_engine_version", load_engine, false},
	{"required_plugin_versions", load_plugins, false},
	{"list", load_list, true},
	{"macro", load_macro, true},
	{"rule", load_rule, true},
};

static void load_item(struct loader *l, const struct lz_yaml *item)
{
	l->item = item;
	l->name = NULL;
	if (item->kind == LZ_YAML_SCALAR && !item->text.n)
		return;
	if (item->kind != LZ_YAML_MAP) {
		invalid(l, item, "expected a rule, a macro or a list");
		return;
	}
	l->r->order++;
	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		const struct lz_yaml *name = get(l, items[i].key);
		if (!name)
			continue;
		l->kind = items[i].key;
		l->name = name;
		if (items[i].named && (name->kind != LZ_YAML_SCALAR || !name->text.n))
			invalid(l, name, "a %s needs a name", items[i].key);
		else
			items[i].load(l);
		return;
	}
	note(l, false, "LOAD_UNKNOWN_ITEM", item, "neither a rule nor a macro nor a list");
}

static int load_document(void *arg, const struct lz_yaml *root)
{
	struct loader *l = arg;

	if (!root || (root->kind == LZ_YAML_SCALAR && !root->text.n))
		return 0;
	l->name = NULL;
	l->item = root;
	if (root->kind != LZ_YAML_LIST) {
		note(l, true, "LOAD_ERR_YAML_VALIDATE", root,
		     "expected a list of rules, macros and lists");
		return l->code;
	}
	for (const struct lz_yaml *i = root->first; i && !l->code; i = i->next)
		load_item(l, i);
	return l->code;
}

int lz_rules_add(struct lz_rules *r, struct lz_span file, struct lz_span text, struct lz_err *err)
{
	struct loader l = {.r = r, .file = lz_arena_dup(&r->arena, file), .err = err};
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
	note(&l, true, "LOAD_ERR_YAML_PARSE", NULL, why.text);
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
		exceptions_done(d);
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
