/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a rule set can be about: its fields, its kinds of events, and whether an event of which only
 * some is known could meet a rule.
 *
 * Three-valued logic is kept as two questions that each end early: can a node be true (some of the
 * unknown fields' values would make it so, as far as terms one by one can tell), and can it be
 * false. "and" can be true when all of it can, "or" when any can; "not" asks the other question.
 */
#include "match.h"
#include "timing.h"

/* --- terms --- */

static enum lz_knowledge knowledge(struct lz_matcher *m, uint32_t number);

static enum lz_knowledge ask_known(struct lz_matcher *m, uint32_t number)
{
	const struct lz_graph_term *t = &m->term[number];

	if (t->kind == LZ_TERM_FIELD)
		return m->knows(m->knows_arg, t->field, t->arg);
	for (size_t i = 0; i < t->arg_count; i++)
		if (knowledge(m, t->args[i]) != LZ_KNOWN)
			return LZ_UNKNOWN;
	return LZ_KNOWN;
}

static enum lz_knowledge knowledge(struct lz_matcher *m, uint32_t number)
{
	struct lz_seen_known *s = &m->known[number];

	if (s->event != m->event) {
		s->known = (uint8_t)ask_known(m, number);
		s->event = m->event;
	}
	return (enum lz_knowledge)s->known;
}

static bool known(struct lz_matcher *m, uint32_t number)
{
	return knowledge(m, number) == LZ_KNOWN;
}

/* --- texts of which the beginning is known --- */

static bool starts(struct lz_span s, struct lz_span with)
{
	return s.n >= with.n && !memcmp(s.p, with.p, with.n);
}

/* Of a pattern: what stands before its first special sign. */
static struct lz_span literal_head(struct lz_span pattern)
{
	size_t n = 0;

	while (n < pattern.n && !memchr("*?[\\", pattern.p[n], 4))
		n++;
	return lz_span_head(pattern, n);
}

/* Whether one that begins with `head` can stand in relation op to x; *ret_must: it can't but do. */
static bool beginning_can(enum lz_op op, struct lz_span head, struct lz_span x, bool *ret_must)
{
	switch (op) {
	case LZ_OP_EQ:
	case LZ_OP_IN:
		return starts(x, head);
	case LZ_OP_STARTSWITH:
		*ret_must |= starts(head, x);
		return starts(head, x) || starts(x, head);
	case LZ_OP_GLOB:
	case LZ_OP_PMATCH:
		x = literal_head(x);
		return starts(head, x) || starts(x, head);
	case LZ_OP_CONTAINS:
		*ret_must |= lz_span_search(head, x) >= 0;
		return true;
	case LZ_OP_EXISTS:
		*ret_must = true;
		return true;
	case LZ_OP_NE:
	case LZ_OP_LT:
	case LZ_OP_LE:
	case LZ_OP_GT:
	case LZ_OP_GE:
	case LZ_OP_ICONTAINS:
	case LZ_OP_BCONTAINS:
	case LZ_OP_BSTARTSWITH:
	case LZ_OP_ENDSWITH:
	case LZ_OP_IGLOB:
	case LZ_OP_REGEX:
	case LZ_OP_INTERSECTS:
	default:
		return true;
	}
}

/* A value without a text in it is none that needs that text. */
static bool lacking_check(struct lz_matcher *m, const struct lz_graph_check *c, bool want)
{
	const struct lz_datum *v;

	if (!want || c->right != LZ_NO_TERM || c->modifier || !lz_term_values(m, c->left, &v))
		return true;
	if (c->op != LZ_OP_EQ && c->op != LZ_OP_IN && c->op != LZ_OP_CONTAINS &&
	    c->op != LZ_OP_STARTSWITH && c->op != LZ_OP_ENDSWITH)
		return true;
	for (size_t i = 0; i < c->operand_count; i++)
		if (lz_span_search(c->operands[i].value.text, v->text) < 0)
			return true;
	return false;
}

static bool beginning_check(struct lz_matcher *m, const struct lz_graph_check *c, bool want)
{
	const struct lz_datum *v;
	bool may = false, must = false;

	if (c->right != LZ_NO_TERM || c->modifier || c->op == LZ_OP_NE || c->all ||
	    !lz_term_values(m, c->left, &v))
		return true;
	if (c->op == LZ_OP_EXISTS)
		return want;
	for (size_t i = 0; i < c->operand_count; i++)
		may |= beginning_can(c->op, v->text, c->operands[i].value.text, &must);
	return want ? may : !must;
}

/* --- nodes --- */

static bool lacks_value(struct lz_matcher *m, uint32_t term)
{
	const struct lz_datum *v;

	return known(m, term) && !lz_term_values(m, term, &v);
}

static bool check_can(struct lz_matcher *m, uint32_t check, bool want)
{
	const struct lz_graph_check *c = &m->check[check];
	bool right = c->right != LZ_NO_TERM;

	if (knowledge(m, c->left) == LZ_BEGINS)
		return beginning_check(m, c, want);
	if (knowledge(m, c->left) == LZ_LACKS)
		return lacking_check(m, c, want);
	if (known(m, c->left) && (!right || known(m, c->right)))
		return lz_check_holds(m, check) == want;
	/* One side without a value decides, whatever the other is. */
	if (lacks_value(m, c->left) || (right && lacks_value(m, c->right)))
		return !want;
	return true;
}

static bool can(struct lz_matcher *m, uint32_t number, bool want);

/* "and" can be true, "or" can be false, when each child can; the other two when any can. */
static bool children_can(struct lz_matcher *m, const struct lz_node *n, bool want)
{
	bool each = (n->kind == LZ_NODE_AND) == want;

	for (uint32_t i = 0; i < n->count; i++)
		if (can(m, m->children[n->first + i], want) != each)
			return !each;
	return each;
}

static bool find_out(struct lz_matcher *m, uint32_t number, bool want)
{
	const struct lz_node *n = &m->node[number];

	if (n->about_kind && m->kind >= 0) {
		const struct lz_kinds *may = &m->kinds[2 * (size_t)number + !want];
		if (!(may->bits[m->kind / 64] >> m->kind % 64 & 1))
			return false;
	}
	switch ((enum lz_node_kind)n->kind) {
	case LZ_NODE_CHECK:
		return check_can(m, n->first, want);
	case LZ_NODE_NOT:
		return can(m, m->children[n->first], !want);
	case LZ_NODE_AND:
	case LZ_NODE_OR:
		return children_can(m, n, want);
	case LZ_NODE_TRUE:
	case LZ_NODE_FALSE:
		break;
	}
	return (n->kind == LZ_NODE_TRUE) == want;
}

static bool can(struct lz_matcher *m, uint32_t number, bool want)
{
	const struct lz_node *n = &m->node[number];
	struct lz_seen_can *seen = &m->can[number];

	/* What is quickly asked is not worth remembering. */
	if (n->kind == LZ_NODE_CHECK && !n->about_kind && m->quick[n->first].form)
		return known(m, m->quick[n->first].term)
			       ? lz_check_holds(m, n->first) == want
			       : knowledge(m, m->quick[n->first].term) == LZ_UNKNOWN ||
					 check_can(m, n->first, want);

	if (seen->event[want] != m->event) {
		seen->value[want] = find_out(m, number, want);
		seen->event[want] = m->event;
	}
	return seen->value[want];
}

bool lz_match_possible(struct lz_matcher *m, struct lz_watch_event *e, int kind,
		       enum lz_knowledge (*knows)(void *arg, const struct lz_field *f,
						  struct lz_span index),
		       void *arg)
{
	const struct lz_program *p = lz_match_program(m, kind);

	lz_match_begin(m, e, kind);
	m->knows = knows;
	m->knows_arg = arg;
	for (size_t i = 0; i < p->group_count; i++) {
		const struct lz_group *g = &p->groups[i];
		uint64_t left = g->all;
		for (size_t s = 0; s < g->step_count && left; s++)
			if ((left & g->steps[s].rules) &&
			    !can(m, g->steps[s].node, g->steps[s].want))
				left &= ~g->steps[s].rules;
		if (left)
			return true;
	}
	return false;
}

/* --- a rule set as a whole --- */

static void use_term(struct lz_graph *g, uint32_t number)
{
	if (number != LZ_NO_TERM)
		((struct lz_graph_term *)lz_vec_at(&g->terms, number))->used = true;
}

static void use_below(struct lz_graph *g, const struct lz_node *n)
{
	if (n->kind == LZ_NODE_CHECK) {
		const struct lz_graph_check *c = lz_vec_at(&g->checks, n->first);
		use_term(g, c->left);
		use_term(g, c->right);
		return;
	}
	for (uint32_t i = 0; i < n->count; i++) {
		uint32_t child = *(uint32_t *)lz_vec_at(&g->children, n->first + i);
		((struct lz_node *)lz_vec_at(&g->nodes, child))->used = true;
	}
}

void lz_rules_mark_used(struct lz_rules *r)
{
	struct lz_graph *g = &r->graph;

	LZ_VEC_EACH (struct lz_rule, rule, &r->rules) {
		if (!rule->usable || !rule->enabled)
			continue;
		((struct lz_node *)lz_vec_at(&g->nodes, rule->node))->used = true;
		for (size_t i = 0; i < rule->format->count; i++)
			if (rule->format->pieces[i].kind == LZ_PIECE_TERM)
				use_term(g, rule->format->pieces[i].term);
		for (size_t i = 0; rule->timing && i < rule->timing->by_count; i++)
			use_term(g, rule->timing->by[i]);
		if (rule->timing)
			use_term(g, rule->timing->distinct);
	}
	/* What a node or term is made of stands before it. */
	for (size_t i = g->nodes.n; i--;) {
		const struct lz_node *n = lz_vec_at(&g->nodes, i);
		if (n->used)
			use_below(g, n);
	}
	for (size_t i = g->terms.n; i--;) {
		const struct lz_graph_term *t = lz_vec_at(&g->terms, i);
		for (size_t a = 0; t->used && a < t->arg_count; a++)
			use_term(g, t->args[a]);
	}
}

bool lz_rules_asks(const struct lz_rules *r, const char *field_name)
{
	struct lz_span arg = {0};
	const struct lz_field *f = lz_field_find(lz_str(field_name), &arg);

	LZ_VEC_EACH (struct lz_graph_term, t, &r->graph.terms)
		if (f && t->used && t->field == f && (!arg.n || lz_span_eq(t->arg, arg)))
			return true;
	return false;
}

void lz_rules_kinds(const struct lz_rules *r, uint64_t ret[LZ_EVENT_KINDS / 64])
{
	memset(ret, 0, LZ_EVENT_KINDS / 8);
	LZ_VEC_EACH (struct lz_rule, rule, &r->rules)
		for (size_t w = 0; rule->usable && rule->enabled && w < LZ_EVENT_KINDS / 64; w++)
			ret[w] |= rule->kinds[w];
}
