/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions put together from several values, notes, and the small things a rule set is asked. */
#include "set.h"

#include "../base/limits.h"

#define TEXT_MAX (4 * LZ_M)

const char *lz_priority_name(enum lz_priority p)
{
	static const char *const names[] = {"Emergency", "Alert",  "Critical",	    "Error",
					    "Warning",	 "Notice", "Informational", "Debug"};

	return (unsigned)p < sizeof(names) / sizeof(names[0]) ? names[p] : "unknown";
}

void lz_text_init(struct lz_text *t)
{
	lz_buf_init(&t->text, TEXT_MAX);
	lz_vec_init(&t->parts, sizeof(struct lz_part), 100000);
}

void lz_text_done(struct lz_text *t)
{
	lz_buf_done(&t->text);
	lz_vec_done(&t->parts);
}

int lz_text_append(struct lz_text *t, struct lz_span file, const struct lz_yaml *node,
		   struct lz_span text, struct lz_err *err)
{
	struct lz_part part = {.file = file, .node = node};

	if (t->text.n)
		lz_buf_byte(&t->text, ' ');
	part.at = t->text.n;
	lz_buf_span(&t->text, text);
	if (!lz_vec_add(&t->parts, &part))
		return lz_fail(err, t->parts.code, "rules: %s", lz_code_text(t->parts.code));
	return t->text.code ? lz_fail(err, t->text.code, "rules: %s", lz_code_text(t->text.code))
			    : 0;
}

int lz_note(struct lz_rules *r, const struct lz_rules_note *n, struct lz_err *err)
{
	struct lz_rules_note *kept = lz_vec_push(&r->notes);

	r->errors += n->error;
	if (!kept)
		return lz_fail(err, r->notes.code, "too many mistakes in these rules");
	*kept = *n;
	kept->item = lz_arena_dup(&r->arena, n->item);
	kept->text = lz_arena_dup(&r->arena, n->text);
	kept->source = lz_arena_dup(&r->arena, n->source);
	return r->arena.code ? lz_fail(err, r->arena.code, "rules: %s", lz_code_text(r->arena.code))
			     : 0;
}

struct lz_list_def *lz_list_find(struct lz_rules *r, struct lz_span name)
{
	const struct lz_map_item *it = lz_map_get(&r->list_of, name);

	return it ? lz_vec_at(&r->lists, it->value.num) : NULL;
}

struct lz_macro_def *lz_macro_find(struct lz_rules *r, struct lz_span name)
{
	const struct lz_map_item *it = lz_map_get(&r->macro_of, name);

	return it ? lz_vec_at(&r->macros, it->value.num) : NULL;
}

const struct lz_vec *lz_rules_notes(const struct lz_rules *r)
{
	return &r->notes;
}

size_t lz_rules_errors(const struct lz_rules *r)
{
	return r->errors;
}

const struct lz_vec *lz_rules_all(const struct lz_rules *r)
{
	return &r->rules;
}

size_t lz_rules_macro_count(const struct lz_rules *r)
{
	return r->macros.n;
}

size_t lz_rules_list_count(const struct lz_rules *r)
{
	return r->lists.n;
}

size_t lz_rules_check_count(const struct lz_rules *r)
{
	return r->graph.checks.n;
}
