/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event against the graph. A term's values and a node's truth are found when they are first
 * asked for and remembered with the event's number, so nothing has to be cleared between events.
 *
 * A field without a value makes every comparison with it false, "!=" too.
 */
#include "match.h"

#include "../base/alloc.h"
#include "../base/limits.h"

#include <ctype.h>
#include <stdio.h>

#define VALUE_MAX (256 * LZ_K)

/* --- transformers --- */

static void keep_text(struct lz_seen_term *s)
{
	s->own.text = lz_buf_view(&s->made);
	s->own.num = 0;
	s->own.has_num = false;
	s->data = &s->own;
	s->n = 1;
}

static struct lz_span file_name(struct lz_span s)
{
	return lz_span_from(s, (size_t)(lz_span_rfind(s, '/') + 1));
}

static bool decode_b64(struct lz_span s, struct lz_buf *out)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = 0;
	unsigned have = 0;

	while (s.n && s.p[s.n - 1] == '=')
		s.n--;
	for (size_t i = 0; i < s.n; i++) {
		const char *at = s.p[i] ? strchr(letters, s.p[i]) : NULL;
		if (!at)
			return false;
		bits = bits << 6 | (uint32_t)(at - letters);
		have += 6;
		if (have >= 8) {
			have -= 8;
			lz_buf_byte(out, (unsigned char)(bits >> have));
		}
	}
	return true;
}

static void change_case(struct lz_buf *out, struct lz_span s, bool lower)
{
	for (size_t i = 0; i < s.n; i++)
		lz_buf_byte(out, (unsigned char)(lower ? tolower((unsigned char)s.p[i])
						       : toupper((unsigned char)s.p[i])));
}

/* Each value of a list in turn: the texts lie in one buffer and are cut when it grows no more. */
static size_t over_each(struct lz_seen_term *s, enum lz_transform kind, const struct lz_datum *v,
			size_t n)
{
	size_t at = 0;

	s->list.n = 0;
	for (size_t i = 0; i < n; i++) {
		struct lz_datum *d = lz_vec_push(&s->list);
		size_t before = s->made.n;
		if (!d)
			return 0;
		if (kind == LZ_TERM_BASENAME)
			lz_buf_span(&s->made, file_name(v[i].text));
		else
			change_case(&s->made, v[i].text, kind == LZ_TERM_TOLOWER);
		d->num = (int64_t)(s->made.n - before);
	}
	LZ_VEC_EACH (struct lz_datum, d, &s->list) {
		d->text = lz_span((s->made.p ? s->made.p : "") + at, (size_t)d->num);
		at += (size_t)d->num;
	}
	s->data = s->list.p;
	return s->made.code ? 0 : s->list.n;
}

/* Option c among words: the word behind it, or the rest of its word. */
static bool option(struct lz_span words, struct lz_span known, char c, struct lz_span *ret)
{
	const char *at = known.n ? memchr(known.p, c, known.n) : NULL;
	bool takes = at && (size_t)(at - known.p) + 1 < known.n && at[1] == ':';
	struct lz_span word;

	while (lz_span_cut(words, ' ', &word, &words), word.n || words.n) {
		if (word.n < 2 || word.p[0] != '-')
			continue;
		if (lz_span_is(word, "--"))
			return false;
		for (size_t i = 1; i < word.n; i++) {
			const char *k = memchr(known.p, word.p[i], known.n);
			bool arg = k && (size_t)(k - known.p) + 1 < known.n && k[1] == ':';
			struct lz_span rest = lz_span_from(word, i + 1);
			if (arg && !rest.n)
				lz_span_cut(words, ' ', &rest, &words);
			if (word.p[i] == c) {
				*ret = takes ? rest : LZ_SPAN("");
				return true;
			}
			if (arg)
				break;
		}
	}
	return false;
}

static size_t two_values(struct lz_matcher *m, const struct lz_graph_term *t,
			 struct lz_seen_term *s)
{
	const struct lz_datum *a, *b;
	size_t n = lz_term_values(m, t->args[0], &a), k = lz_term_values(m, t->args[1], &b);
	struct lz_span found;

	if (!n || !k)
		return 0;
	if (t->kind == LZ_TERM_JOIN) {
		for (size_t i = 0; i < k; i++) {
			if (i)
				lz_buf_span(&s->made, a->text);
			lz_buf_span(&s->made, b[i].text);
		}
		return 1;
	}
	for (size_t i = 0; i < n; i++) {
		if (i)
			lz_buf_byte(&s->made, ' ');
		lz_buf_span(&s->made, a[i].text);
	}
	if (!option(lz_buf_view(&s->made), b->text, t->arg.p[0], &found))
		return 0;
	s->own = (struct lz_datum){.text = found};
	s->data = &s->own;
	return 2;
}

static size_t concat(struct lz_matcher *m, const struct lz_graph_term *t, struct lz_seen_term *s)
{
	for (size_t i = 0; i < t->arg_count; i++) {
		const struct lz_datum *v;
		if (!lz_term_values(m, t->args[i], &v))
			return 0;
		lz_buf_span(&s->made, v->text);
	}
	return 1;
}

static size_t one_value(struct lz_matcher *m, const struct lz_graph_term *t, struct lz_seen_term *s)
{
	const struct lz_graph_term *inner = &m->term[t->args[0]];
	const struct lz_datum *v;
	size_t n = lz_term_values(m, t->args[0], &v);

	if (t->kind == LZ_TERM_VAL) {
		s->data = v;
		s->n = n;
		return 2;
	}
	if (t->kind == LZ_TERM_LEN) {
		s->own = (struct lz_datum){.num = (int64_t)(inner->type == LZ_FIELD_LIST ? n
							    : n				 ? v->text.n
											 : 0),
					   .has_num = true};
		s->data = &s->own;
		s->n = n || inner->type == LZ_FIELD_LIST;
		return s->n ? 2 : 0;
	}
	if (!n)
		return 0;
	if (t->kind == LZ_TERM_B64)
		return decode_b64(v->text, &s->made);
	s->n = over_each(s, t->kind, v, n);
	return s->n ? 2 : 0;
}

/* 0: no value; 1: the text that was made; 2: s says it all. */
static size_t transform(struct lz_matcher *m, const struct lz_graph_term *t, struct lz_seen_term *s)
{
	switch (t->kind) {
	case LZ_TERM_JOIN:
	case LZ_TERM_GETOPT:
		s->n = 1;
		return two_values(m, t, s);
	case LZ_TERM_CONCAT:
		return concat(m, t, s);
	case LZ_TERM_TEXT:
		lz_buf_span(&s->made, t->arg);
		return 1;
	case LZ_TERM_FIELD: /* asked for directly */
		return 0;
	case LZ_TERM_TOLOWER:
	case LZ_TERM_TOUPPER:
	case LZ_TERM_B64:
	case LZ_TERM_BASENAME:
	case LZ_TERM_LEN:
	case LZ_TERM_VAL:
		break;
	}
	return one_value(m, t, s);
}

static void ask(struct lz_matcher *m, uint32_t term, struct lz_seen_term *s)
{
	const struct lz_graph_term *t = &m->term[term];
	size_t what;

	s->event = m->event;
	if (t->kind == LZ_TERM_FIELD) {
		s->n = m->e->get(m->e, t->field, t->arg, &s->data);
		return;
	}
	lz_buf_clear(&s->made);
	what = transform(m, t, s);
	if (what == 0 || s->made.code)
		s->n = 0;
	else if (what == 1)
		keep_text(s);
}

size_t lz_term_values(struct lz_matcher *m, uint32_t term, const struct lz_datum **ret)
{
	struct lz_seen_term *s = &m->terms[term];

	if (s->event != m->event)
		ask(m, term, s);
	*ret = s->data;
	return s->n;
}

/* --- checks --- */

static inline bool same_bytes(const char *a, const char *b, size_t n)
{
	return !n || (*a == *b && !memcmp(a, b, n));
}

/* The commonest comparisons, without a call for most of them. */
static bool against_texts(const struct lz_graph_check *c, struct lz_span v)
{
	for (size_t i = 0; i < c->operand_count; i++) {
		struct lz_span t = c->texts[i];
		if (t.n > v.n)
			continue;
		if (c->op == LZ_OP_STARTSWITH || c->op == LZ_OP_ENDSWITH) {
			if (same_bytes(c->op == LZ_OP_ENDSWITH ? v.p + (v.n - t.n) : v.p, t.p, t.n))
				return true;
		} else if (t.n == v.n && same_bytes(v.p, t.p, t.n)) {
			return true;
		}
	}
	return false;
}

static bool against(const struct lz_graph_check *c, const struct lz_datum *v)
{
	size_t met = 0;

	if (c->set)
		return (c->lengths >> v->text.n % 64 & 1) && lz_map_get(c->set, v->text);
	if (c->text)
		return against_texts(c, v->text);
	for (size_t i = 0; i < c->operand_count; i++) {
		met += lz_compare(c->type, c->op, v, &c->operands[i]);
		if (met && c->modifier != LZ_MOD_ONEOF && c->modifier != LZ_MOD_ALLOF)
			return true;
	}
	if (c->modifier == LZ_MOD_ONEOF)
		return met == 1;
	return c->modifier == LZ_MOD_ALLOF && met && met == c->operand_count;
}

static bool against_term(struct lz_matcher *m, const struct lz_graph_check *c,
			 const struct lz_datum *v)
{
	const struct lz_datum *other;
	size_t n = lz_term_values(m, c->right, &other);

	for (size_t i = 0; i < n; i++) {
		struct lz_operand x = {.value = other[i]};
		memset(x.mask, 0xff, sizeof(x.mask));
		if (lz_compare(c->type, c->op, v, &x))
			return true;
	}
	return false;
}

bool lz_check_holds(struct lz_matcher *m, const struct lz_graph_check *c)
{
	const struct lz_datum *v;
	size_t n = lz_term_values(m, c->left, &v);

	if (!n || c->op == LZ_OP_EXISTS)
		return n != 0;
	for (size_t i = 0; i < n; i++) {
		bool one = c->right == LZ_NO_TERM ? against(c, &v[i]) : against_term(m, c, &v[i]);
		if (one != c->all)
			return one;
	}
	return c->all;
}

/* --- nodes --- */

static bool find_out(struct lz_matcher *m, uint32_t number, const struct lz_node *n);

static inline bool holds(struct lz_matcher *m, uint32_t number)
{
	struct lz_seen_node *seen = &m->nodes[number];

	if (seen->event != m->event) {
		seen->value = find_out(m, number, &m->node[number]);
		seen->event = m->event;
	}
	return seen->value;
}

static __attribute__((noinline)) bool find_out(struct lz_matcher *m, uint32_t number,
					       const struct lz_node *n)
{
	const uint32_t *child = m->children + n->first;

	if (n->about_kind && m->kind >= 0) {
		const struct lz_kinds *may = m->kinds + 2 * (size_t)number;
		uint64_t bit = 1ULL << m->kind % 64;
		if (!(may[0].bits[m->kind / 64] & bit))
			return false;
		if (!(may[1].bits[m->kind / 64] & bit))
			return true;
	}
	switch ((enum lz_node_kind)n->kind) {
	case LZ_NODE_CHECK:
		return lz_check_holds(m, &m->check[n->first]);
	case LZ_NODE_NOT:
		return !holds(m, child[0]);
	case LZ_NODE_AND:
		for (uint32_t i = 0; i < n->count; i++)
			if (!holds(m, child[i]))
				return false;
		return true;
	case LZ_NODE_OR:
		for (uint32_t i = 0; i < n->count; i++)
			if (holds(m, child[i]))
				return true;
		return false;
	case LZ_NODE_TRUE:
	case LZ_NODE_FALSE:
		break;
	}
	return n->kind == LZ_NODE_TRUE;
}

void lz_match_begin(struct lz_matcher *m, struct lz_watch_event *e, int kind)
{
	m->e = e;
	m->kind = kind < LZ_EVENT_KINDS ? kind : -1;
	if (++m->event)
		return;
	/* After 2^32 events the numbers begin anew. */
	for (size_t i = 0; i < m->rules->graph.terms.n; i++)
		m->terms[i].event = m->terms[i].known_event = 0;
	memset(m->nodes, 0, m->rules->graph.nodes.n * sizeof(*m->nodes));
	memset(m->can, 0, m->rules->graph.nodes.n * sizeof(*m->can));
	m->event = 1;
}

void lz_match_event(struct lz_matcher *m, struct lz_watch_event *e, int kind,
		    void (*hit)(void *arg, const struct lz_rule *rule), void *arg)
{
	const struct lz_vec *some = kind >= 0 && kind < LZ_EVENT_KINDS ? &m->by_kind[kind]
								       : &m->all;

	lz_match_begin(m, e, kind);
	LZ_VEC_EACH (struct lz_candidate_rule, c, some)
		if (holds(m, c->node))
			hit(arg, c->rule);
}

/* --- explaining --- */

static void describe(struct lz_buf *out, const struct lz_graph *g, uint32_t number)
{
	const struct lz_graph_term *t = lz_vec_at(&g->terms, number);

	if (t->kind == LZ_TERM_FIELD || t->kind == LZ_TERM_TEXT) {
		lz_buf_str(out, t->field ? t->field->name : "\"");
		if (!t->field || t->arg.n)
			lz_buf_printf(out, t->field ? "[%.*s]" : "%.*s\"", LZ_FMT(t->arg));
		return;
	}
	lz_buf_printf(out, "%s(", lz_transform_name(t->kind));
	for (size_t i = 0; i < t->arg_count; i++) {
		lz_buf_str(out, i ? ", " : "");
		describe(out, g, t->args[i]);
	}
	lz_buf_byte(out, ')');
	if (t->arg.n)
		lz_buf_printf(out, "[%.*s]", LZ_FMT(t->arg));
}

static void explain_check(struct lz_matcher *m, const struct lz_graph_check *c, struct lz_buf *out)
{
	static const char *const modifiers[] = {"", " oneof", " anyof", " allof"};
	const struct lz_graph *g = &m->rules->graph;
	const struct lz_graph_term *t = lz_vec_at(&g->terms, c->left);
	const struct lz_datum *v;
	size_t n = lz_term_values(m, c->left, &v);

	describe(out, g, c->left);
	lz_buf_printf(out, " %s%s", lz_op_name(c->op), modifiers[c->modifier]);
	if (c->right != LZ_NO_TERM) {
		lz_buf_byte(out, ' ');
		describe(out, g, c->right);
	}
	for (size_t i = 0; i < c->operand_count && i < 4; i++)
		lz_buf_printf(out, "%s%.*s", i ? ", " : " ", LZ_FMT(c->operands[i].value.text));
	if (c->operand_count > 4)
		lz_buf_printf(out, ", … (%zu)", c->operand_count);
	lz_buf_str(out, "   value: ");
	for (size_t i = 0; i < n && i < 4; i++) {
		lz_buf_str(out, i ? ", " : "");
		lz_datum_print(out, t->type, &v[i]);
	}
	if (!n)
		lz_buf_str(out, "<NA>");
}

#define LINES_MAX 5000

static void explain_node(struct lz_matcher *m, uint32_t number, unsigned depth, unsigned *lines,
			 struct lz_buf *out)
{
	static const char *const names[] = {"never", "always", "and", "or", "not", ""};
	const struct lz_graph *g = &m->rules->graph;
	const struct lz_node *n = lz_vec_at(&g->nodes, number);

	if (++*lines > LINES_MAX || depth > 100) {
		if (*lines == LINES_MAX + 1)
			lz_buf_str(out, "…\n");
		return;
	}
	lz_buf_printf(out, "%-5s  %*s%s", holds(m, number) ? "true" : "false", (int)(2 * depth), "",
		      names[n->kind]);
	if (n->kind == LZ_NODE_CHECK)
		explain_check(m, lz_vec_at(&g->checks, n->first), out);
	lz_buf_byte(out, '\n');
	for (uint32_t i = 0; n->kind != LZ_NODE_CHECK && i < n->count; i++)
		explain_node(m, *(uint32_t *)lz_vec_at(&g->children, n->first + i), depth + 1,
			     lines, out);
}

int lz_match_explain(struct lz_matcher *m, struct lz_watch_event *e, const struct lz_rule *rule,
		     struct lz_buf *out, bool *ret_met)
{
	unsigned lines = 0;

	lz_match_begin(m, e, -1);
	*ret_met = holds(m, rule->node);
	explain_node(m, rule->node, 0, &lines, out);
	return out->code;
}

/* --- a matcher --- */

static bool sort_rules(struct lz_matcher *m)
{
	for (uint32_t i = 0; i < m->rules->rules.n; i++) {
		const struct lz_rule *rule = lz_vec_at(&m->rules->rules, i);
		struct lz_candidate_rule c;
		if (!rule->usable || !rule->enabled)
			continue;
		c = (struct lz_candidate_rule){rule, rule->node};
		if (!lz_vec_add(&m->all, &c))
			return false;
		for (size_t k = 0; k < LZ_EVENT_KINDS; k++)
			if ((rule->kinds[k / 64] >> k % 64 & 1) && !lz_vec_add(&m->by_kind[k], &c))
				return false;
	}
	return true;
}

struct lz_matcher *lz_matcher_new(const struct lz_rules *r, struct lz_err *err)
{
	struct lz_matcher *m = lz_alloc(sizeof(*m));
	bool whole = m != NULL;

	if (!m) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	m->rules = r;
	m->node = r->graph.nodes.p;
	m->children = r->graph.children.p;
	m->check = r->graph.checks.p;
	m->term = r->graph.terms.p;
	m->kinds = r->graph.kinds.p;
	lz_vec_init(&m->all, sizeof(struct lz_candidate_rule), 1000000);
	for (size_t k = 0; k < LZ_EVENT_KINDS; k++)
		lz_vec_init(&m->by_kind[k], sizeof(struct lz_candidate_rule), 1000000);
	m->terms = lz_alloc((r->graph.terms.n + 1) * sizeof(*m->terms));
	m->nodes = lz_alloc((r->graph.nodes.n + 1) * sizeof(*m->nodes));
	m->can = lz_alloc((r->graph.nodes.n + 1) * sizeof(*m->can));
	for (size_t i = 0; m->terms && i < r->graph.terms.n; i++) {
		lz_buf_init(&m->terms[i].made, VALUE_MAX);
		lz_vec_init(&m->terms[i].list, sizeof(struct lz_datum), 100000);
	}
	whole = m->terms && m->nodes && m->can && sort_rules(m);
	if (!whole) {
		lz_matcher_free(m);
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	return m;
}

void lz_matcher_free(struct lz_matcher *m)
{
	if (!m)
		return;
	for (size_t i = 0; m->terms && i < m->rules->graph.terms.n; i++) {
		lz_buf_done(&m->terms[i].made);
		lz_vec_done(&m->terms[i].list);
	}
	for (size_t k = 0; k < LZ_EVENT_KINDS; k++)
		lz_vec_done(&m->by_kind[k]);
	lz_vec_done(&m->all);
	lz_free(m->terms);
	lz_free(m->nodes);
	lz_free(m->can);
	lz_free(m);
}
