/* SPDX-License-Identifier: Apache-2.0 */
/* An event written as JSON: for explaining a rule, for trying one out, for tests. */
#include "../base/alloc.h"
#include "../base/clean.h"
#include "../base/limits.h"
#include "../format/json.h"
#include "rules.h"

#include <stdio.h>

#define VALUES_MAX 4096

struct lz_json_event {
	struct lz_watch_event e;
	json_t *root;
	const json_t *fields;
	struct lz_arena arena;
};

static bool read_value(struct lz_json_event *j, const struct lz_field *f, const json_t *v,
		       struct lz_datum *d)
{
	uint64_t n;

	*d = (struct lz_datum){0};
	if (json_is_string(v)) {
		d->text = lz_json_text(v);
		if (f->type == LZ_FIELD_IP || f->type == LZ_FIELD_NET)
			return lz_datum_address(d->text, d);
		d->has_num = lz_span_u64(d->text, 10, &n);
		d->num = d->has_num ? (int64_t)n : 0;
		if (f->type == LZ_FIELD_BOOL) {
			d->num = lz_span_is(d->text, "true");
			return d->num || lz_span_is(d->text, "false");
		}
		return d->has_num || f->type == LZ_FIELD_STRING || f->type == LZ_FIELD_ENUM ||
		       f->type == LZ_FIELD_BYTES || f->type == LZ_FIELD_LIST;
	}
	if (!json_is_integer(v) && !json_is_boolean(v))
		return false;
	d->has_num = true;
	d->num = json_is_boolean(v) ? json_is_true(v) : json_integer_value(v);
	d->text = json_is_boolean(v) ? lz_str(d->num ? "true" : "false")
				     : lz_arena_printf(&j->arena, "%lld", (long long)d->num);
	return f->type != LZ_FIELD_IP && f->type != LZ_FIELD_NET;
}

static const json_t *lookup(const struct lz_json_event *j, const struct lz_field *f,
			    struct lz_span arg)
{
	char name[400];
	const json_t *v;

	if (!arg.n)
		return json_object_get(j->fields, f->name);
	snprintf(name, sizeof(name), "%s[%.*s]", f->name, LZ_FMT_ALL(arg));
	v = json_object_get(j->fields, name);
	if (v)
		return v;
	snprintf(name, sizeof(name), "%s.%.*s", f->name, LZ_FMT_ALL(arg));
	return json_object_get(j->fields, name);
}

/* Each answer is kept in the arena until the event goes: a rule set asks for some dozens. */
static size_t get(struct lz_watch_event *e, const struct lz_field *f, struct lz_span arg,
		  const struct lz_datum **ret)
{
	struct lz_json_event *j = (struct lz_json_event *)(void *)e;
	const json_t *v = lookup(j, f, arg);
	size_t many = json_is_array(v) ? json_array_size(v) : 1, n = 0;
	struct lz_datum *d;

	if (!v || json_is_null(v) || many > VALUES_MAX)
		return 0;
	d = lz_arena_array(&j->arena, many + 1, sizeof(*d));
	if (!d)
		return 0;
	for (size_t i = 0; i < many; i++)
		n += read_value(j, f, json_is_array(v) ? json_array_get(v, i) : v, &d[n]);
	*ret = d;
	return n;
}

struct lz_json_event *lz_json_event_new(struct lz_span text, struct lz_err *err)
{
	struct lz_json_event *j = lz_alloc(sizeof(*j));
	struct lz_limits limits;
	const json_t *fields;

	if (!j) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	lz_limits_default(&limits);
	lz_arena_init(&j->arena, 64 * LZ_M);
	j->root = lz_json_load(text, &limits, "event", err);
	if (j->root && !json_is_object(j->root))
		lz_fail(err, LZ_E_FORMAT, "event: expected {\"field\": value, …}");
	if (!json_is_object(j->root)) {
		lz_json_event_free(j);
		return NULL;
	}
	fields = json_object_get(j->root, "output_fields");
	j->fields = json_is_object(fields) ? fields : j->root;
	j->e.get = get;
	return j;
}

void lz_json_event_free(struct lz_json_event *j)
{
	if (!j)
		return;
	json_decref(j->root);
	lz_arena_done(&j->arena);
	lz_free(j);
}

struct lz_watch_event *lz_json_event_of(struct lz_json_event *j)
{
	return &j->e;
}

int lz_json_event_kind(const struct lz_json_event *j)
{
	return lz_event_kind(lz_json_str(j->fields, "evt.type"));
}
