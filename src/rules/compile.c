/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From conditions to the graph. Lists are put in as text before anything is parsed, as users of
 * this language rely on; macros are parsed once each and become nodes that conditions share.
 *
 * A macro sees the lists and macros that stand before its own last change; a rule sees all.
 */
#include "timing.h"

#include "../base/clean.h"
#include "../base/limits.h"

#include <stdio.h>

#define NONE	    UINT32_MAX
#define MACRO_DEPTH 64
#define KINDS_WARN  100
#define JOIN_MAX    1000
#define ITEMS_MAX   20000000
#define TEXT_MAX    (16 * LZ_M)

/* One condition on its way. */
struct unit {
	struct lz_rules *r;
	const struct lz_text *from;
	const char *kind; /* "rule" or "macro" */
	struct lz_span name;
	struct lz_place place;
	unsigned sees;	     /* definitions up to this order */
	struct lz_buf text;  /* lists put in */
	struct lz_vec jumps; /* struct jump: where text came from */
	unsigned depth;	     /* of macros */
	struct lz_err *err;
	int code; /* what ends everything: no memory, a limit */
};

struct jump {
	size_t out, in;
};

/* What no other rule could do better: out of memory, beyond a bound. */
static void end_all(struct unit *u, int code, const char *what)
{
	if (!u->code)
		u->code = lz_fail(u->err, code, "%.*s:%u: %s '%.*s': %s: %s", LZ_FMT(u->place.file),
				  u->place.line, u->kind, LZ_FMT(u->name), what,
				  lz_code_text(code));
}

/* --- notes with a place --- */

static void note_at(struct unit *u, bool error, const char *code, size_t at, const char *text)
{
	struct lz_rules_note n = {.error = error,
				  .code = code,
				  .file = u->place.file,
				  .line = u->place.line,
				  .column = u->place.column};
	const struct lz_part *part = NULL;
	char item[300];
	size_t in, from;

	while (at == u->text.n && at && strchr(" \n", u->text.p[at - 1]))
		at = --u->text.n; /* what a folded value ends with is no place to point at */
	from = at > 40 ? at - 40 : 0;
	in = at;
	LZ_VEC_EACH (struct jump, j, &u->jumps)
		if (j->out <= at)
			in = j->in + (at - j->out);
	LZ_VEC_EACH (struct lz_part, p, &u->from->parts)
		if (!part || p->at <= in)
			part = p;
	if (part && part->node) {
		n.file = part->file;
		lz_yaml_place(part->node, in - part->at, &n.line, &n.column);
	}
	snprintf(item, sizeof(item), "%s '%.*s'", u->kind, LZ_FMT(u->name));
	n.item = lz_str(item);
	n.text = lz_str(text);
	n.source = lz_span_head(lz_span_from(lz_buf_view(&u->text), from), 80);
	n.source_at = at - from;
	if (!u->code)
		u->code = lz_note(u->r, &n, u->err);
}

static uint32_t failed(struct unit *u, const char *code, size_t at, const struct lz_err *why)
{
	if (why->code == LZ_E_NOMEM || why->code == LZ_E_LIMIT) {
		u->code = why->code;
		if (u->err)
			*u->err = *why;
	} else {
		note_at(u, true, code, at, why->text);
	}
	return NONE;
}

/* --- lists --- */

static bool is_edge(char c)
{
	return strchr(" \t\b\r\n(),=", c) != NULL;
}

/* Items of a list; a list among them that was there before it is put in, one level deep at each
 * definition, so a chain of them is followed. Returns how many items came out. */
static size_t put_list(struct unit *u, struct lz_list_def *d, struct lz_buf *out, unsigned depth)
{
	size_t n = 0;

	d->used = true;
	LZ_VEC_EACH (struct lz_span, item, &d->items) {
		if (out->code || ++u->r->items_put > ITEMS_MAX) {
			end_all(u, out->code ? out->code : LZ_E_LIMIT, "its lists");
			return n;
		}
		struct lz_list_def *inner = lz_list_find(u->r, *item);
		size_t before = out->n, made = 1;
		if (n)
			lz_buf_str(out, ", ");
		if (inner && inner != d && inner->order < d->changed && depth < 16)
			made = put_list(u, inner, out, depth + 1);
		else
			lz_item_put(out, *item);
		if (!made)
			out->n = before;
		n += made;
	}
	return n;
}

static void drop_comma(struct lz_buf *out)
{
	while (out->n && is_edge(out->p[out->n - 1]) && out->p[out->n - 1] != '(' &&
	       out->p[out->n - 1] != ',')
		out->n--;
	if (out->n && out->p[out->n - 1] == ',')
		out->n--;
}

static void jump(struct unit *u, size_t in)
{
	struct jump j = {u->text.n, in};

	if (!lz_vec_add(&u->jumps, &j))
		end_all(u, u->jumps.code, "its lists");
}

/* Words between edges, inside quotes too, that are names of lists give way to their items. */
static int put_lists_in(struct unit *u)
{
	struct lz_span text = lz_buf_view(&u->from->text);
	size_t at = 0;

	lz_buf_init(&u->text, TEXT_MAX);
	lz_vec_init(&u->jumps, sizeof(struct jump), 1000000);
	jump(u, 0);
	while (at < text.n && !u->code && !u->text.code) {
		size_t from = at;
		struct lz_list_def *d;
		while (at < text.n && !is_edge(text.p[at]))
			at++;
		d = at > from ? lz_list_find(u->r, lz_span(text.p + from, at - from)) : NULL;
		if (d && d->order < u->sees) {
			if (!put_list(u, d, &u->text, 0)) {
				size_t next = at;
				while (next < text.n && strchr(" \t\n", text.p[next]))
					next++;
				if (next < text.n && text.p[next] == ',')
					at = next + 1;
				else
					drop_comma(&u->text);
			}
			jump(u, at);
		} else {
			lz_buf_add(&u->text, text.p + from, at - from);
		}
		if (at < text.n && (at == from || is_edge(text.p[at])) && is_edge(text.p[at]))
			lz_buf_byte(&u->text, (unsigned char)text.p[at++]);
	}
	if (u->text.code)
		end_all(u, u->text.code, "its lists");
	return u->code;
}

/* --- expressions --- */

static uint32_t compile(struct unit *u, struct lz_expr *e);

static uint32_t node(struct unit *u, enum lz_node_kind kind, const uint32_t *children, size_t n)
{
	struct lz_err why = {0};
	uint32_t made = lz_graph_node(&u->r->graph, kind, children, n, &why);

	return made == NONE ? failed(u, "LOAD_ERR_COMPILE_CONDITION", 0, &why) : made;
}

static enum lz_node_kind kind_of(const struct unit *u, uint32_t n)
{
	return ((struct lz_node *)lz_vec_at(&u->r->graph.nodes, n))->kind;
}

static uint32_t constant(struct unit *u, bool value)
{
	return node(u, value ? LZ_NODE_TRUE : LZ_NODE_FALSE, NULL, 0);
}

/* "evt.num=0" is how rules say never; nothing is in an empty list. */
static bool never(const struct lz_expr *e)
{
	bool lists = e->op == LZ_OP_IN || e->op == LZ_OP_INTERSECTS || e->op == LZ_OP_PMATCH ||
		     e->modifier;

	if (lists && !e->right && !e->word_count)
		return true;
	return e->left->kind == LZ_TERM_FIELD && !strcmp(e->left->field->name, "evt.num") &&
	       e->op == LZ_OP_EQ && e->words && lz_span_is(e->words->text, "0");
}

static void look_for_na(struct unit *u, const struct lz_expr *e)
{
	for (const struct lz_word *w = e->words; w; w = w->next)
		if (lz_span_is(w->text, "<NA>"))
			note_at(u, false, "LOAD_UNSAFE_NA_CHECK", w->at,
				"a field without a value equals nothing, not even \"<NA>\": use "
				"\"exists\"");
}

static uint32_t compile_check(struct unit *u, const struct lz_expr *e)
{
	struct lz_err why = {0};
	size_t at = e->at;
	uint32_t check = lz_graph_check(&u->r->graph, e, &at, &why);

	if (check == NONE)
		return failed(u, "LOAD_ERR_COMPILE_CONDITION", at, &why);
	look_for_na(u, e);
	return never(e) ? constant(u, false) : node(u, LZ_NODE_CHECK, &check, 1);
}

static uint32_t compile_not(struct unit *u, const struct lz_expr *e)
{
	uint32_t child = compile(u, e->first);

	if (child == NONE)
		return NONE;
	if (kind_of(u, child) == LZ_NODE_FALSE || kind_of(u, child) == LZ_NODE_TRUE)
		return constant(u, kind_of(u, child) == LZ_NODE_FALSE);
	return node(u, LZ_NODE_NOT, &child, 1);
}

static bool joins(const struct lz_expr *e)
{
	const struct lz_term *t = e->kind == LZ_EXPR_CHECK ? e->left : NULL;

	if (!t || t->kind != LZ_TERM_FIELD || e->right || e->modifier || !e->words || never(e) ||
	    (t->field->type != LZ_FIELD_STRING && t->field->type != LZ_FIELD_ENUM))
		return false;
	return e->op == LZ_OP_EQ || e->op == LZ_OP_IN || e->op == LZ_OP_STARTSWITH ||
	       e->op == LZ_OP_ENDSWITH || e->op == LZ_OP_CONTAINS;
}

static bool join_up(const struct lz_expr *a, const struct lz_expr *b)
{
	bool same_op = a->op == b->op || (a->op == LZ_OP_EQ && b->op == LZ_OP_IN) ||
		       (a->op == LZ_OP_IN && b->op == LZ_OP_EQ);

	return same_op && a->left->field == b->left->field &&
	       lz_span_eq(a->left->arg, b->left->arg);
}

/* "f startswith a or f startswith b": one check of f against both. */
static void join_checks(struct lz_expr *any)
{
	if (any->count > JOIN_MAX)
		return; /* each is held against each */
	for (struct lz_expr *a = any->first; a; a = a->next) {
		struct lz_expr *before = a;
		if (!joins(a))
			continue;
		for (struct lz_expr *b = a->next; b; b = before->next) {
			struct lz_word *last = a->words;
			if (!joins(b) || !join_up(a, b)) {
				before = b;
				continue;
			}
			while (last->next)
				last = last->next;
			last->next = b->words;
			a->word_count += b->word_count;
			a->op = a->op == LZ_OP_EQ ? LZ_OP_IN : a->op;
			before->next = b->next;
			any->count--;
		}
	}
}

/* Children that can't matter are left out; one that decides decides. */
static uint32_t compile_all(struct unit *u, struct lz_expr *e)
{
	enum lz_node_kind kind = e->kind == LZ_EXPR_AND ? LZ_NODE_AND : LZ_NODE_OR;
	enum lz_node_kind decides = kind == LZ_NODE_AND ? LZ_NODE_FALSE : LZ_NODE_TRUE;
	uint32_t *children = lz_arena_array(&u->r->arena, e->count, sizeof(*children));
	bool decided = false;
	size_t n = 0;

	if (e->kind == LZ_EXPR_OR)
		join_checks(e);
	if (!children) {
		u->code = lz_fail(u->err, u->r->arena.code, "rules: out of memory");
		return NONE;
	}
	for (struct lz_expr *c = e->first; c; c = c->next) {
		uint32_t one = compile(u, c);
		if (one == NONE)
			return NONE;
		decided |= kind_of(u, one) == decides;
		if (kind_of(u, one) != LZ_NODE_TRUE && kind_of(u, one) != LZ_NODE_FALSE)
			children[n++] = one;
	}
	if (decided || !n)
		return constant(u, decided == (kind == LZ_NODE_OR));
	return n == 1 ? children[0] : node(u, kind, children, n);
}

static uint32_t condition(struct unit *u);

static uint32_t compile_macro(struct unit *u, const struct lz_expr *e)
{
	struct lz_macro_def *m = lz_macro_find(u->r, e->name);
	char text[200];
	struct unit inner;

	if (!m || m->order >= u->sees) {
		snprintf(text, sizeof(text), "undefined macro '%.*s'%s",
			 (int)(e->name.n < 100 ? e->name.n : 100), e->name.p,
			 m ? " (it is defined further down)" : "");
		note_at(u, true, "LOAD_ERR_COMPILE_CONDITION", e->at, text);
		return NONE;
	}
	m->used = true;
	if (m->state == LZ_MACRO_DONE)
		return m->node;
	if (m->state == LZ_MACRO_FAILED)
		return NONE; /* which has been said */
	if (m->state == LZ_MACRO_OPEN || u->depth >= MACRO_DEPTH) {
		note_at(u, true, "LOAD_ERR_COMPILE_CONDITION", e->at,
			m->state == LZ_MACRO_OPEN ? "this macro refers to itself"
						  : "macros nest too deep");
		return NONE;
	}
	m->state = LZ_MACRO_OPEN;
	inner = (struct unit){.r = u->r,
			      .from = &m->condition,
			      .kind = "macro",
			      .name = m->name,
			      .place = m->place,
			      .sees = m->changed,
			      .depth = u->depth + 1,
			      .err = u->err};
	m->node = condition(&inner);
	m->state = m->node == NONE ? LZ_MACRO_FAILED : LZ_MACRO_DONE;
	u->code = inner.code;
	return m->node;
}

static uint32_t compile(struct unit *u, struct lz_expr *e)
{
	if (u->code)
		return NONE;
	switch (e->kind) {
	case LZ_EXPR_AND:
	case LZ_EXPR_OR:
		return compile_all(u, e);
	case LZ_EXPR_NOT:
		return compile_not(u, e);
	case LZ_EXPR_CHECK:
		return compile_check(u, e);
	case LZ_EXPR_MACRO:
		return compile_macro(u, e);
	}
	return NONE;
}

static uint32_t condition(struct unit *u)
{
	struct lz_err why = {0};
	uint32_t made = NONE;
	struct lz_expr *e;
	size_t at = 0;

	if (!put_lists_in(u)) {
		e = lz_expr_parse(lz_buf_view(&u->text), &u->r->arena, &at, &why);
		made = e ? compile(u, e) : failed(u, "LOAD_ERR_COMPILE_CONDITION", at, &why);
	}
	lz_buf_done(&u->text);
	lz_vec_done(&u->jumps);
	return made;
}

/* --- exceptions --- */

/* Where the row stands, which another file may have added. */
static void note_row(struct unit *u, const struct lz_exception *e, const struct lz_keyed *row)
{
	char item[300], text[200];
	struct lz_rules_note n = {.error = true,
				  .code = "LOAD_ERR_VALIDATE",
				  .file = row->file,
				  .line = row->node->line,
				  .column = row->node->column};

	snprintf(item, sizeof(item), "%s '%.*s'", u->kind, LZ_FMT(u->name));
	snprintf(text, sizeof(text),
		 "exception '%.*s': values must be lists of as many values as there are fields",
		 LZ_FMT(e->name));
	n.item = lz_str(item);
	n.text = lz_str(text);
	if (!u->code)
		u->code = lz_note(u->r, &n, u->err);
}

/* (condition) and not (exception) and not (exception) … */
static int with_exceptions(struct unit *u, const struct lz_rule_def *d, struct lz_text *ret)
{
	const struct lz_exception *bad = NULL;
	struct lz_keyed row = {0};
	int code = lz_exceptions_put(d, ret, &bad, &row);

	if (code == LZ_E_FORMAT)
		note_row(u, bad, &row);
	else if (code)
		end_all(u, code, "with its exceptions");
	return code;
}

/* --- which events a rule can match --- */

static void find_kinds(struct unit *u, struct lz_rule *rule, const struct lz_rule_def *d)
{
	const struct lz_kinds *k;
	unsigned count = 0;
	int code = lz_graph_update_kinds(&u->r->graph);

	if (code) {
		u->code = lz_fail(u->err, code, "rules: %s", lz_code_text(code));
		return;
	}
	k = lz_vec_at(&u->r->graph.kinds, 2 * (size_t)rule->node);
	memcpy(rule->kinds, k->bits, sizeof(rule->kinds));
	for (size_t i = 0; i < LZ_EVENT_KINDS / 64; i++)
		count += (unsigned)__builtin_popcountll(k->bits[i]);
	if (count > KINDS_WARN && d->warn_kinds)
		note_at(u, false, "LOAD_NO_EVTTYPE", 0,
			"the rule matches too many kinds of events, which costs time: add evt.type "
			"to its condition");
}

/* --- rules --- */

static void compile_output(struct unit *u, struct lz_rule *rule, const struct lz_rule_def *d)
{
	struct unit out = *u;
	struct lz_err why = {0};
	size_t at = 0;

	out.from = &d->output;
	lz_buf_init(&out.text, TEXT_MAX);
	lz_buf_span(&out.text, lz_buf_view(&d->output.text));
	lz_vec_init(&out.jumps, sizeof(struct jump), 1);
	rule->format = lz_format_read(u->r, lz_buf_view(&d->output.text), &at, &why);
	if (!rule->format && d->skip_unknown && why.code == LZ_E_FORMAT)
		note_at(&out, false, "LOAD_UNKNOWN_FILTER", at, why.text);
	else if (!rule->format)
		failed(&out, "LOAD_ERR_COMPILE_OUTPUT", at, &why);
	u->code = out.code;
	lz_buf_done(&out.text);
	lz_vec_done(&out.jumps);
}

uint32_t lz_compile_step(struct lz_rules *r, const struct lz_rule *rule,
			 const struct lz_place *place, struct lz_span file,
			 const struct lz_yaml *condition_node, struct lz_err *err, int *ret_code)
{
	struct lz_text text;
	struct unit u = {.r = r,
			 .from = &text,
			 .kind = "rule",
			 .name = rule->name,
			 .place = *place,
			 .sees = UINT32_MAX,
			 .err = err};
	uint32_t made = NONE;

	lz_text_init(&text);
	*ret_code = lz_text_append(&text, file, condition_node, condition_node->text, err);
	if (!*ret_code) {
		made = condition(&u);
		*ret_code = u.code;
	}
	lz_text_done(&text);
	return made;
}

static int compile_rule(struct lz_rules *r, struct lz_rule *rule, struct lz_rule_def *d,
			struct lz_err *err)
{
	struct unit u = {.r = r,
			 .from = &d->condition,
			 .kind = "rule",
			 .name = rule->name,
			 .place = d->place,
			 .sees = UINT32_MAX,
			 .err = err};
	bool sequence = d->keys[LZ_KEY_SEQUENCE].node != NULL, timed = true;
	size_t notes = r->notes.n;
	struct lz_text whole;

	lz_buf_init(&u.text, 1);
	lz_vec_init(&u.jumps, sizeof(struct jump), 1);
	rule->desc = lz_buf_view(&d->desc.text);
	rule->output = lz_buf_view(&d->output.text);
	rule->respond = lz_buf_view(&d->respond.text);
	if (d->source_unknown || d->broken)
		return 0;
	lz_text_init(&whole);
	u.code = lz_timing_compile(r, rule, d, &timed, err);
	if (sequence) {
		rule->usable = timed;
	} else if (!u.code && !with_exceptions(&u, d, &whole)) {
		u.from = d->exceptions.n ? &whole : &d->condition;
		rule->node = condition(&u);
		rule->usable = timed && rule->node != NONE;
	}
	if (rule->usable && !u.code)
		find_kinds(&u, rule, d);
	/* A rule for newer engines may ask to be passed over instead. */
	if (!rule->usable && d->skip_unknown && !u.code)
		for (size_t i = notes; i < r->notes.n; i++) {
			struct lz_rules_note *n = lz_vec_at(&r->notes, i);
			if (n->error && lz_span_starts(n->text, "unknown field")) {
				n->error = false;
				n->code = "LOAD_UNKNOWN_FILTER";
				r->errors--;
			}
		}
	lz_text_done(&whole);
	if (rule->usable && !u.code)
		compile_output(&u, rule, d);
	rule->usable &= rule->format != NULL;
	return u.code;
}

static int unused(struct lz_rules *r, struct lz_span name, const struct lz_place *place,
		  const char *kind, struct lz_err *err)
{
	char item[200];
	struct lz_rules_note n = {.code = kind[0] == 'm' ? "LOAD_UNUSED_MACRO" : "LOAD_UNUSED_LIST",
				  .file = place->file,
				  .line = place->line,
				  .column = place->column,
				  .text = LZ_SPAN("no rule uses it")};

	snprintf(item, sizeof(item), "%s '%.*s'", kind, (int)(name.n < 150 ? name.n : 150), name.p);
	n.item = lz_str(item);
	return lz_note(r, &n, err);
}

/* Macros that no rule uses must still be right. */
static int compile_rest(struct lz_rules *r, struct lz_err *err)
{
	int code = 0;

	LZ_VEC_EACH (struct lz_macro_def, m, &r->macros) {
		struct unit u = {.r = r,
				 .from = &m->condition,
				 .kind = "macro",
				 .name = m->name,
				 .place = m->place,
				 .sees = m->changed,
				 .err = err};
		if (m->state != LZ_MACRO_WAITS)
			continue;
		m->state = LZ_MACRO_OPEN;
		m->node = condition(&u);
		m->state = m->node == NONE ? LZ_MACRO_FAILED : LZ_MACRO_DONE;
		if (u.code)
			return u.code;
	}
	if (r->errors) /* what a rule in error would have used is not known */
		return 0;
	LZ_VEC_EACH (struct lz_macro_def, m, &r->macros)
		if (!m->used && !code)
			code = unused(r, m->name, &m->place, "macro", err);
	LZ_VEC_EACH (struct lz_list_def, l, &r->lists)
		if (!l->used && !code)
			code = unused(r, l->name, &l->place, "list", err);
	return code;
}

int lz_rules_compile(struct lz_rules *r, struct lz_err *err)
{
	int code = 0;

	r->compiled = true;
	for (size_t i = 0; i < r->rules.n && !code; i++)
		code = compile_rule(r, lz_vec_at(&r->rules, i), lz_vec_at(&r->defs, i), err);
	if (!code)
		code = compile_rest(r, err);
	if (!code)
		code = lz_programs_make(&r->programs, &r->graph, &r->rules, err);
	if (!code)
		lz_rules_mark_used(r);
	return code;
}
