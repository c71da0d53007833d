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

#define VALUE_MAX (256 * LZ_K)

/* --- terms --- */

static __attribute__((noinline)) void ask(struct lz_matcher *m, uint32_t term,
					  struct lz_seen_term *seen)
{
	const struct lz_graph_term *t = &m->term[term];
	struct lz_made_term *s = &m->made[term];
	size_t what, n;

	seen->event = m->event;
	if (t->kind == LZ_TERM_FIELD) {
		n = m->e->get(m->e, t->field, t->arg, &seen->data);
		seen->n = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
		return;
	}
	lz_buf_clear(&s->made);
	what = lz_term_transform(m, t, s);
	if (what == 0 || s->made.code)
		s->n = 0;
	else if (what == 1)
		lz_term_keep_text(s);
	seen->n = (uint32_t)s->n;
	seen->data = s->data;
}

static inline size_t values(struct lz_matcher *m, uint32_t term, const struct lz_datum **ret)
{
	struct lz_seen_term *s = &m->terms[term];

	if (s->event != m->event)
		ask(m, term, s);
	*ret = s->data;
	return s->n;
}

size_t lz_term_values(struct lz_matcher *m, uint32_t term, const struct lz_datum **ret)
{
	return values(m, term, ret);
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

static bool long_holds(struct lz_matcher *m, const struct lz_graph_check *c)
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

static inline bool quick_holds(struct lz_matcher *m, const struct lz_quick *q)
{
	const struct lz_datum *v;
	size_t n = values(m, q->term, &v);

	if (!n)
		return false;
	if (q->form == LZ_QUICK_EXISTS)
		return true;
	if (n > 1)
		return long_holds(m, &m->check[q->check]);
	if (q->form == LZ_QUICK_NUMBER)
		return (v->num == q->num) != q->no;
	if (q->form == LZ_QUICK_LEAST)
		return (v->num >= q->num) != q->no;
	if (q->form == LZ_QUICK_MOST)
		return (v->num <= q->num) != q->no;
	if (q->form == LZ_QUICK_SET)
		return lz_quick_text(q, v->text) && against(&m->check[q->check], v);
	return lz_quick_text(q, v->text) != q->no;
}

bool lz_check_holds(struct lz_matcher *m, uint32_t check)
{
	const struct lz_quick *q = &m->quick[check];

	return q->form ? quick_holds(m, q) : long_holds(m, &m->check[check]);
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

static inline bool ref_holds(struct lz_matcher *m, uint32_t ref)
{
	return ref & LZ_REF_CHECK ? quick_holds(m, &m->quick[ref & ~LZ_REF_CHECK]) : holds(m, ref);
}

static __attribute__((noinline)) bool find_out(struct lz_matcher *m, uint32_t number,
					       const struct lz_node *n)
{
	const uint32_t *child = m->refs + n->first;

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
		return lz_check_holds(m, n->first);
	case LZ_NODE_NOT:
		return !ref_holds(m, child[0]);
	case LZ_NODE_AND:
		for (uint32_t i = 0; i < n->count; i++)
			if (!ref_holds(m, child[i]))
				return false;
		return true;
	case LZ_NODE_OR:
		for (uint32_t i = 0; i < n->count; i++)
			if (ref_holds(m, child[i]))
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
		m->terms[i].event = m->known[i].event = 0;
	memset(m->nodes, 0, m->rules->graph.nodes.n * sizeof(*m->nodes));
	memset(m->can, 0, m->rules->graph.nodes.n * sizeof(*m->can));
	m->event = 1;
}

const struct lz_program *lz_match_program(const struct lz_matcher *m, int kind)
{
	const struct lz_programs *p = &m->rules->programs;

	return kind >= 0 && kind < LZ_EVENT_KINDS ? p->of_kind[kind] : p->any;
}

void lz_matcher_use(struct lz_matcher *m, struct lz_rules_state *s)
{
	m->state = s;
}

void lz_match_event(struct lz_matcher *m, struct lz_watch_event *e, int kind, uint64_t time_ns,
		    void (*hit)(void *arg, const struct lz_rule *rule), void *arg)
{
	const struct lz_program *p = lz_match_program(m, kind);
	const struct lz_rule *met = NULL;

	lz_match_begin(m, e, kind);
	for (size_t i = 0; i < p->group_count; i++) {
		const struct lz_group *g = &p->groups[i];
		const struct lz_step *s = g->steps, *end = s + g->step_count;
		uint64_t left = g->all;
		for (; s < end && left; s++)
			if ((left & s->rules) && ref_holds(m, s->ref) != s->want)
				left &= ~s->rules;
		for (; left; left &= left - 1) {
			const struct lz_target *t = &g->targets[__builtin_ctzll(left)];
			/* The event that ends a sequence begins no other of the same rule. */
			if (t->rule->timing &&
			    (t->rule == met || !m->state ||
			     !lz_state_met(m, t->rule->timing, t->step, time_ns)))
				continue;
			met = t->rule;
			hit(arg, met);
		}
	}
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

struct lz_matcher *lz_matcher_new(const struct lz_rules *r, struct lz_err *err)
{
	struct lz_matcher *m = lz_alloc(sizeof(*m));
	bool whole = m != NULL;

	if (!m) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	if (!r->programs.any) {
		lz_free(m);
		lz_fail(err, LZ_E_BUG, "rules were not compiled");
		return NULL;
	}
	m->rules = r;
	m->node = r->graph.nodes.p;
	m->children = r->graph.children.p;
	m->check = r->graph.checks.p;
	m->term = r->graph.terms.p;
	m->kinds = r->graph.kinds.p;
	m->quick = r->graph.quick;
	m->refs = r->graph.refs;
	m->terms = lz_alloc((r->graph.terms.n + 1) * sizeof(*m->terms));
	m->made = lz_alloc((r->graph.terms.n + 1) * sizeof(*m->made));
	m->known = lz_alloc((r->graph.terms.n + 1) * sizeof(*m->known));
	m->nodes = lz_alloc((r->graph.nodes.n + 1) * sizeof(*m->nodes));
	m->can = lz_alloc((r->graph.nodes.n + 1) * sizeof(*m->can));
	for (size_t i = 0; m->made && i < r->graph.terms.n; i++) {
		lz_buf_init(&m->made[i].made, VALUE_MAX);
		lz_vec_init(&m->made[i].list, sizeof(struct lz_datum), 100000);
	}
	whole = m->terms && m->made && m->known && m->nodes && m->can;
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
	for (size_t i = 0; m->made && i < m->rules->graph.terms.n; i++) {
		lz_buf_done(&m->made[i].made);
		lz_vec_done(&m->made[i].list);
	}
	lz_free(m->terms);
	lz_free(m->made);
	lz_free(m->known);
	lz_free(m->nodes);
	lz_free(m->can);
	lz_free(m);
}
