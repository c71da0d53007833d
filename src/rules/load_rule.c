/* SPDX-License-Identifier: Apache-2.0 */
/* One item "rule" of a rule file: defined anew, appended to, overridden, switched on or off. */
#include "loader.h"

#include "../base/clean.h"

#define VALUES_MAX 2000000

static bool priority(struct lz_loader *l, const struct lz_yaml *v, enum lz_priority *ret)
{
	if (!lz_load_scalar(l, v, "priority"))
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
	return lz_load_invalid(l, v, "\"%.*s\" is no priority", LZ_FMT(v->text));
}

static bool load_tags(struct lz_loader *l, struct lz_rule *rule, enum lz_load_how h)
{
	LZ_CLEAN(vec) struct lz_vec all;

	lz_vec_init(&all, sizeof(struct lz_span), 10000);
	for (size_t i = 0; h == LZ_LOAD_APPEND && i < rule->tag_count; i++)
		if (!lz_vec_add(&all, &rule->tags[i]))
			return lz_load_no_memory(l, all.code);
	if (!lz_load_words(l, lz_load_get(l, "tags"), "tags", &all))
		return false;
	rule->tags = lz_arena_array(&l->r->arena, all.n + 1, sizeof(*rule->tags));
	if (!rule->tags)
		return lz_load_no_memory(l, l->r->arena.code);
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

static bool exception_shape(struct lz_loader *l, struct lz_exception *e, const struct lz_yaml *node)
{
	const struct lz_yaml *fields = lz_yaml_get(node, "fields"),
			     *comps = lz_yaml_get(node, "comps");

	if (!fields)
		return lz_load_invalid(l, node, "exception '%.*s' has no fields", LZ_FMT(e->name));
	e->scalar = fields->kind == LZ_YAML_SCALAR;
	if (!lz_load_words(l, fields, "fields", &e->fields))
		return false;
	if (comps && (comps->kind == LZ_YAML_SCALAR) != e->scalar)
		return lz_load_invalid(
			l, comps,
			"exception '%.*s': fields and comps must both be lists or both be words",
			LZ_FMT(e->name));
	if (comps && !lz_load_words(l, comps, "comps", &e->comps))
		return false;
	for (size_t i = e->comps.n; !comps && i < e->fields.n; i++) {
		struct lz_span def = e->scalar ? LZ_SPAN("in") : LZ_SPAN("=");
		if (!lz_vec_add(&e->comps, &def))
			return lz_load_no_memory(l, e->comps.code);
	}
	if (e->comps.n != e->fields.n)
		return lz_load_invalid(l, comps, "exception '%.*s' has %zu fields and %zu comps",
				       LZ_FMT(e->name), e->fields.n, e->comps.n);
	return true;
}

static bool load_exception(struct lz_loader *l, struct lz_rule_def *d, const struct lz_yaml *node,
			   bool append)
{
	const struct lz_yaml *name = lz_yaml_get(node, "name"),
			     *values = lz_yaml_get(node, "values");
	struct lz_exception *e;

	if (!name || name->kind != LZ_YAML_SCALAR)
		return lz_load_invalid(l, node, "an exception needs a name");
	e = exception_find(d, name->text);
	if (e && !append)
		lz_load_note(l, false, "LOAD_EXCEPTION_NAME_NOT_UNIQUE", name,
			     "two exceptions of one name");
	if (e && append && (lz_yaml_get(node, "fields") || lz_yaml_get(node, "comps")))
		return lz_load_invalid(
			l, node, "exception '%.*s' is there already: only values can be appended",
			LZ_FMT(name->text));
	if (!e || !append) {
		e = lz_vec_push(&d->exceptions);
		if (!e)
			return lz_load_no_memory(l, d->exceptions.code);
		e->name = name->text;
		e->node = name;
		e->file = l->file;
		lz_vec_init(&e->fields, sizeof(struct lz_span), 100);
		lz_vec_init(&e->comps, sizeof(struct lz_span), 100);
		lz_vec_init(&e->values, sizeof(struct lz_keyed), VALUES_MAX);
		if (!exception_shape(l, e, node))
			return false;
	}
	if (!values) {
		if (append)
			lz_load_note(l, false, "LOAD_APPEND_NO_VALUES", node,
				     "an appended exception without values changes nothing");
		return true;
	}
	if (values->kind != LZ_YAML_LIST)
		return lz_load_invalid(l, values, "\"values\" must be a list");
	if (!lz_load_hold(l, values->count * sizeof(struct lz_keyed)))
		return false;
	for (const struct lz_yaml *v = values->first; v; v = v->next)
		if (!lz_vec_add(&e->values, &(struct lz_keyed){l->file, v}))
			return lz_load_no_memory(l, e->values.code);
	return true;
}

void lz_load_exceptions_done(struct lz_rule_def *d)
{
	LZ_VEC_EACH (struct lz_exception, e, &d->exceptions) {
		lz_vec_done(&e->fields);
		lz_vec_done(&e->comps);
		lz_vec_done(&e->values);
	}
	d->exceptions.n = 0;
}

static bool load_exceptions(struct lz_loader *l, struct lz_rule_def *d, enum lz_load_how h)
{
	const struct lz_yaml *list = lz_load_get(l, "exceptions");

	if (list->kind != LZ_YAML_LIST)
		return (list->kind == LZ_YAML_SCALAR && !list->text.n) ||
		       lz_load_invalid(l, list, "\"exceptions\" must be a list");
	if (h != LZ_LOAD_APPEND)
		lz_load_exceptions_done(d);
	for (const struct lz_yaml *e = list->first; e; e = e->next)
		if (!load_exception(l, d, e, h == LZ_LOAD_APPEND))
			return false;
	return true;
}

/* count, within, …: kept as they stand. */
static bool keep_timing(struct lz_loader *l, struct lz_rule_def *d, const char *key,
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
static bool part(struct lz_loader *l, struct lz_rule *rule, struct lz_rule_def *d, const char *key,
		 bool *ret_there)
{
	const struct lz_yaml *v = lz_load_get(l, key);
	enum lz_load_how h;

	*ret_there = v != NULL;
	if (!v)
		return true;
	if (!lz_load_how(l, key, &h))
		return false;
	if (!strcmp(key, "priority"))
		return priority(l, v, &rule->priority);
	if (!strcmp(key, "tags"))
		return load_tags(l, rule, h);
	if (!strcmp(key, "exceptions"))
		return load_exceptions(l, d, h);
	if (!strcmp(key, "enabled"))
		return lz_load_truth(l, key, true, &rule->enabled);
	if (!strcmp(key, "warn_evttypes"))
		return lz_load_truth(l, key, true, &d->warn_kinds);
	if (!strcmp(key, "skip-if-unknown-filter"))
		return lz_load_truth(l, key, false, &d->skip_unknown);
	if (keep_timing(l, d, key, v))
		return true;
	if (!lz_load_scalar(l, v, key))
		return false;
	if (!strcmp(key, "capture") || !strcmp(key, "capture_duration"))
		return true;
	return lz_load_add_text(l,
				!strcmp(key, "condition") ? &d->condition
				: !strcmp(key, "output")  ? &d->output
				: !strcmp(key, "respond") ? &d->respond
							  : &d->desc,
				v, h);
}

static const char *const rule_both[] = {"condition", "output",	   "desc", "respond",
					"tags",	     "exceptions", NULL};
static const char *const rule_replace[] = {
	"priority", "enabled",		"warn_evttypes", "skip-if-unknown-filter",
	"capture",  "capture_duration", "count",	 "within",
	"by",	    "distinct",		"sequence",	 NULL};

static bool parts(struct lz_loader *l, struct lz_rule *rule, struct lz_rule_def *d)
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

static bool is_toggle(const struct lz_loader *l)
{
	return lz_load_get(l, "enabled") && l->item->count == 2;
}

static bool check_source(struct lz_loader *l, struct lz_rule *rule, struct lz_rule_def *d,
			 bool fresh)
{
	const struct lz_yaml *source = lz_load_get(l, "source");

	if (source && !lz_load_scalar(l, source, "source"))
		return false;
	if (!fresh && source && !lz_span_eq(rule->source, source->text))
		return lz_load_invalid(l, source, "this rule was defined for source \"%.*s\"",
				       LZ_FMT(rule->source));
	if (fresh)
		rule->source = source ? source->text : LZ_SPAN("syscall");
	d->source_unknown = !lz_span_is(rule->source, "syscall");
	if (fresh && d->source_unknown)
		lz_load_note(l, false, "LOAD_UNKNOWN_SOURCE", source,
			     "no such source of events here: the rule is left out");
	return true;
}

static bool define_rule(struct lz_loader *l, bool known)
{
	static const char *const required[] = {"condition", "output", "desc", "priority", NULL};
	struct lz_rule_def *d;
	struct lz_rule *rule;
	bool fresh;

	for (size_t i = 0; required[i]; i++)
		if (!lz_load_get(l, required[i]) &&
		    (i || !lz_load_get(l, "sequence"))) /* in place of a condition */
			return lz_load_invalid(
				l, l->name,
				known ? "\"%s\" is missing"
				      : "\"%s\" is missing (and no rule of this name was "
					"defined before)",
				required[i]);
	rule = lz_load_row(l, &l->r->rule_of, &l->r->rules, l->name->text, &fresh);
	if (!rule)
		return false;
	if (fresh) {
		d = lz_vec_push(&l->r->defs);
		if (!d)
			return lz_load_no_memory(l, l->r->defs.code);
		lz_text_init(&d->condition);
		lz_text_init(&d->output);
		lz_text_init(&d->desc);
		lz_text_init(&d->respond);
		lz_vec_init(&d->exceptions, sizeof(struct lz_exception), 10000);
		rule->name = l->name->text;
	}
	d = lz_vec_at(&l->r->defs, (size_t)(rule - (struct lz_rule *)l->r->rules.p));
	d->place = lz_load_place(l, l->name);
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
	lz_load_exceptions_done(d);
	d->broken = !check_source(l, rule, d, fresh) || !parts(l, rule, d);
	return !d->broken;
}

bool lz_load_rule(struct lz_loader *l)
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

	lz_load_unknown_keys(l, keys);
	if (!lz_load_override_keys(l, rule_both, rule_replace) ||
	    !lz_load_truth(l, "append", false, &append))
		return false;
	if (!append && !lz_load_get(l, "override")) {
		if (!known || !is_toggle(l))
			return define_rule(l, known != NULL);
		lz_load_note(l, false, "LOAD_DEPRECATED_ITEM", l->item,
			     "\"enabled\" alone is deprecated: use \"override\"");
		return lz_load_truth(l, "enabled", true, &rule->enabled);
	}
	if (!known)
		return lz_load_invalid(l, l->name,
				       "a rule to append to or override was not defined before");
	d->broken |= !check_source(l, rule, d, false) || !parts(l, rule, d);
	return !d->broken;
}
