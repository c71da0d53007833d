/* SPDX-License-Identifier: Apache-2.0 */
/* Which checks are quick: see quick.h. */
#include "quick.h"

#include "graph.h"

#define FILTER_MAX 65536 /* bits */
#define PER_TEXT   8	 /* bits */

static bool is_number(enum lz_field_type t)
{
	return t == LZ_FIELD_INT || t == LZ_FIELD_UINT || t == LZ_FIELD_PORT ||
	       t == LZ_FIELD_TIME || t == LZ_FIELD_BOOL;
}

static void quick_number(const struct lz_graph_check *c, struct lz_quick *q)
{
	bool is_signed = c->type == LZ_FIELD_INT || c->type == LZ_FIELD_PORT;

	q->num = c->operands->value.num;
	if (c->op == LZ_OP_EQ || c->op == LZ_OP_NE || c->op == LZ_OP_IN)
		q->form = LZ_QUICK_NUMBER;
	else if (is_signed && (c->op == LZ_OP_GE || c->op == LZ_OP_LT))
		q->form = LZ_QUICK_LEAST;
	else if (is_signed && (c->op == LZ_OP_LE || c->op == LZ_OP_GT))
		q->form = LZ_QUICK_MOST;
	q->no = c->op == LZ_OP_NE || c->op == LZ_OP_LT || c->op == LZ_OP_GT;
}

static void quick_text(const struct lz_graph_check *c, struct lz_quick *q)
{
	struct lz_span s = c->operands->value.text;

	if (c->op == LZ_OP_EQ || c->op == LZ_OP_NE || c->op == LZ_OP_IN)
		q->form = LZ_QUICK_EQUAL;
	else if (c->op == LZ_OP_STARTSWITH)
		q->form = LZ_QUICK_STARTS;
	else if (c->op == LZ_OP_ENDSWITH)
		q->form = LZ_QUICK_ENDS;
	else if (c->op == LZ_OP_CONTAINS)
		q->form = LZ_QUICK_CONTAINS;
	else
		return;
	q->no = c->op == LZ_OP_NE;
	q->n = (uint32_t)s.n;
	q->text = s.p;
	if (s.n)
		q->probe = c->op == LZ_OP_ENDSWITH ? s.p[0] : s.p[s.n - 1];
}

static void quick_set(struct lz_graph *g, const struct lz_graph_check *c, struct lz_quick *q)
{
	uint64_t *filter;
	size_t bits = 64;

	while (bits < c->operand_count * PER_TEXT && bits < FILTER_MAX)
		bits *= 2;
	filter = lz_arena_array(g->arena, bits / 64, sizeof(*filter));
	if (!filter)
		return;
	for (size_t i = 0; i < c->operand_count; i++) {
		uint32_t h = lz_quick_mix(c->operands[i].value.text) & (uint32_t)(bits - 1);
		filter[h / 64] |= 1ULL << h % 64;
	}
	q->form = LZ_QUICK_SET;
	q->n = (uint32_t)(bits - 1);
	q->filter = filter;
}

static void quick(struct lz_graph *g, const struct lz_graph_check *c, struct lz_quick *q)
{
	q->term = c->left;
	if (c->op == LZ_OP_EXISTS)
		q->form = LZ_QUICK_EXISTS;
	if (c->op == LZ_OP_EXISTS || c->right != LZ_NO_TERM || c->modifier || !c->operand_count)
		return;
	if (c->operand_count == 1 && is_number(c->type))
		quick_number(c, q);
	else if (c->operand_count == 1 && c->type == LZ_FIELD_STRING)
		quick_text(c, q);
	else if (c->type == LZ_FIELD_STRING && c->op == LZ_OP_IN)
		quick_set(g, c, q);
}

uint32_t lz_quick_ref(const struct lz_graph *g, uint32_t node)
{
	const struct lz_node *n = lz_vec_at(&g->nodes, node);

	uint8_t form = n->kind == LZ_NODE_CHECK ? g->quick[n->first].form : LZ_QUICK_NONE;

	return form && form != LZ_QUICK_CONTAINS ? n->first | LZ_REF_CHECK : node;
}

int lz_quick_make(struct lz_graph *g)
{
	uint32_t number = 0;

	g->quick = lz_arena_array(g->arena, g->checks.n + 1, sizeof(*g->quick));
	g->refs = lz_arena_array(g->arena, g->children.n + 1, sizeof(*g->refs));
	if (g->arena->code)
		return g->arena->code;
	LZ_VEC_EACH (struct lz_graph_check, c, &g->checks) {
		g->quick[number].check = number;
		quick(g, c, &g->quick[number++]);
	}
	for (size_t i = 0; i < g->children.n; i++)
		g->refs[i] = lz_quick_ref(g, *(uint32_t *)lz_vec_at(&g->children, i));
	return g->arena->code;
}
