/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions of a rule become text of its condition, as its author could have written it. */
#include "set.h"

#include "../base/clean.h"
#include "../base/limits.h"

#define TEXT_MAX (16 * LZ_M)

bool lz_item_is_plain(struct lz_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr("()\"'=, \t\n\r\b", s.p[i]))
			return false;
	return s.n > 0;
}

void lz_item_put(struct lz_buf *out, struct lz_span s)
{
	bool has_quotes = s.n > 1 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.n - 1] == s.p[0];

	if (lz_item_is_plain(s) || has_quotes) {
		lz_buf_span(out, s);
		return;
	}
	lz_buf_byte(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			lz_buf_byte(out, '\\');
		lz_buf_byte(out, (unsigned char)s.p[i]);
	}
	lz_buf_byte(out, '"');
}

static bool is_list_op(struct lz_span comp)
{
	return lz_span_is(comp, "in") || lz_span_is(comp, "pmatch") ||
	       lz_span_is(comp, "intersects") || lz_span_ends(comp, "oneof") ||
	       lz_span_ends(comp, "anyof") || lz_span_ends(comp, "allof");
}

static void put_words(struct lz_buf *out, const struct lz_yaml *v)
{
	lz_buf_byte(out, '(');
	for (const struct lz_yaml *i = v->first; i && !out->code; i = i->next) {
		lz_item_put(out, i->text);
		if (i->next)
			lz_buf_str(out, ", ");
	}
	lz_buf_byte(out, ')');
}

static void put_value(struct lz_buf *out, struct lz_span comp, const struct lz_yaml *v)
{
	if (v->kind == LZ_YAML_LIST)
		put_words(out, v);
	else if (is_list_op(comp) && !lz_span_starts(v->text, "("))
		lz_buf_printf(out, "(%.*s)", (int)v->text.n, v->text.p);
	else if (is_list_op(comp))
		lz_buf_span(out, v->text);
	else
		lz_item_put(out, v->text);
}

/* One row of values, or all of them for a single field. False: they don't fit. */
static bool put_row(struct lz_buf *out, const struct lz_exception *e, const struct lz_yaml *row)
{
	const struct lz_yaml *v = row->first;

	if (row->kind != LZ_YAML_LIST || row->count != e->fields.n)
		return false;
	lz_buf_byte(out, '(');
	for (size_t i = 0; i < e->fields.n; i++, v = v->next) {
		struct lz_span f = *(struct lz_span *)lz_vec_at(&e->fields, i),
			       c = *(struct lz_span *)lz_vec_at(&e->comps, i);
		lz_buf_printf(out, "%s%.*s %.*s ", i ? " and " : "", (int)f.n, f.p, (int)c.n, c.p);
		put_value(out, c, v);
	}
	lz_buf_byte(out, ')');
	return true;
}

/* False: *ret_row does not fit. */
static bool put_exception(struct lz_buf *out, const struct lz_exception *e,
			  struct lz_keyed *ret_row)
{
	struct lz_span f, c;
	bool first = true;

	if (!e->scalar) {
		LZ_VEC_EACH (struct lz_keyed, row, &e->values) {
			if (out->code)
				return true; /* which the caller sees; aliases make rows without end */
			lz_buf_str(out, first ? "" : " or ");
			first = false;
			*ret_row = *row;
			if (!put_row(out, e, row->node))
				return false;
		}
		return true;
	}
	f = *(struct lz_span *)e->fields.p;
	c = *(struct lz_span *)e->comps.p;
	lz_buf_printf(out, "%.*s %.*s (", (int)f.n, f.p, (int)c.n, c.p);
	LZ_VEC_EACH (struct lz_keyed, v, &e->values) {
		if (out->code)
			return true;
		lz_buf_str(out, first ? "" : ", ");
		first = false;
		*ret_row = *v;
		if (v->node->kind != LZ_YAML_SCALAR)
			return false;
		lz_item_put(out, v->node->text);
	}
	lz_buf_byte(out, ')');
	return true;
}

static int put_condition(const struct lz_rule_def *d, struct lz_text *ret)
{
	int code = 0;

	lz_buf_byte(&ret->text, '(');
	LZ_VEC_EACH (struct lz_part, p, &d->condition.parts) {
		size_t end = p + 1 < (struct lz_part *)d->condition.parts.p + d->condition.parts.n
				     ? p[1].at
				     : d->condition.text.n;
		if (!code)
			code = lz_text_append(ret, p->file, p->node,
					      lz_span(d->condition.text.p + p->at, end - p->at),
					      NULL);
	}
	lz_buf_byte(&ret->text, ')');
	return code;
}

int lz_exceptions_put(const struct lz_rule_def *d, struct lz_text *ret,
		      const struct lz_exception **ret_bad, struct lz_keyed *ret_row)
{
	LZ_CLEAN(buf) struct lz_buf more;
	int code = put_condition(d, ret);

	lz_buf_init(&more, TEXT_MAX);
	LZ_VEC_EACH (struct lz_exception, e, &d->exceptions) {
		if (!e->values.n || code)
			continue;
		lz_buf_clear(&more);
		lz_buf_str(&more, "and not (");
		if (!put_exception(&more, e, ret_row)) {
			*ret_bad = e;
			return LZ_E_FORMAT;
		}
		lz_buf_byte(&more, ')');
		code = more.code ? more.code
				 : lz_text_append(ret, e->file, e->node, lz_buf_view(&more), NULL);
	}
	return code ? code : ret->text.code;
}
