/* SPDX-License-Identifier: Apache-2.0 */
/* For which kinds of events a condition can be true, and for which false, by its evt.type terms. */
#include "graph.h"

static void all_kinds(struct lz_kinds *k, bool value)
{
	memset(k->bits, value ? 0xff : 0, sizeof(k->bits));
}

static void check_kinds(const struct lz_graph *g, const struct lz_graph_check *c,
			struct lz_kinds *yes, struct lz_kinds *no)
{
	const struct lz_graph_term *t = lz_vec_at(&g->terms, c->left);
	bool about = t->kind == LZ_TERM_FIELD && !strcmp(t->field->name, "evt.type") &&
		     c->right == LZ_NO_TERM && !c->modifier;

	all_kinds(yes, true);
	all_kinds(no, true);
	if (!about || (c->op != LZ_OP_EQ && c->op != LZ_OP_IN && c->op != LZ_OP_NE))
		return;
	all_kinds(yes, false);
	for (size_t i = 0; i < c->operand_count; i++) {
		int kind = lz_event_kind(c->operands[i].value.text);
		if (kind >= 0)
			yes->bits[kind / 64] |= 1ULL << kind % 64;
	}
	for (size_t i = 0; i < LZ_EVENT_KINDS / 64; i++)
		no->bits[i] = ~yes->bits[i];
	if (c->op == LZ_OP_NE) {
		struct lz_kinds swap = *yes;
		*yes = *no;
		*no = swap;
	}
}

/* and: the kinds of all; or: of any; turned round when negated. */
static void join_kinds(const struct lz_graph *g, const struct lz_node *n, struct lz_kinds *yes,
		       struct lz_kinds *no)
{
	bool and = n->kind == LZ_NODE_AND;

	all_kinds(yes, and);
	all_kinds(no, !and);
	for (uint32_t i = 0; i < n->count; i++) {
		const struct lz_kinds *child =
			lz_vec_at(&g->kinds,
				  2 * (size_t) * (uint32_t *)lz_vec_at(&g->children, n->first + i));
		for (size_t w = 0; w < LZ_EVENT_KINDS / 64; w++) {
			yes->bits[w] = and? yes->bits[w] & child[0].bits[w]
					  : yes->bits[w] | child[0].bits[w];
			no->bits[w] = and? no->bits[w] | child[1].bits[w]
					 : no->bits[w] & child[1].bits[w];
		}
	}
}

/* Whether for some kind of event the node can't be true, or can't be false. */
static bool decides(const struct lz_kinds both[2])
{
	for (size_t w = 0; w < LZ_EVENT_KINDS / 64; w++)
		if (~both[0].bits[w] || ~both[1].bits[w])
			return true;
	return false;
}

static void mark(struct lz_graph *g, struct lz_node *n, bool about)
{
	n->about_kind = n->mentions_kind = about;
	for (uint32_t i = 0; n->kind != LZ_NODE_CHECK && i < n->count; i++) {
		uint32_t child = *(uint32_t *)lz_vec_at(&g->children, n->first + i);
		n->mentions_kind |= ((struct lz_node *)lz_vec_at(&g->nodes, child))->mentions_kind;
	}
}

/* Children stand before parents. */
int lz_graph_update_kinds(struct lz_graph *g)
{
	for (size_t i = g->kinds.n / 2; i < g->nodes.n; i++) {
		const struct lz_node *n = lz_vec_at(&g->nodes, i);
		struct lz_kinds both[2];
		if (n->kind == LZ_NODE_CHECK) {
			check_kinds(g, lz_vec_at(&g->checks, n->first), &both[0], &both[1]);
		} else if (n->kind == LZ_NODE_NOT) {
			const struct lz_kinds *child = lz_vec_at(
				&g->kinds,
				2 * (size_t) * (uint32_t *)lz_vec_at(&g->children, n->first));
			both[0] = child[1];
			both[1] = child[0];
		} else if (n->kind == LZ_NODE_AND || n->kind == LZ_NODE_OR) {
			join_kinds(g, n, &both[0], &both[1]);
		} else {
			all_kinds(&both[0], n->kind == LZ_NODE_TRUE);
			all_kinds(&both[1], n->kind != LZ_NODE_TRUE);
		}
		mark(g, lz_vec_at(&g->nodes, i), decides(both));
		if (!lz_vec_add(&g->kinds, &both[0]) || !lz_vec_add(&g->kinds, &both[1]))
			return g->kinds.code;
	}
	return 0;
}
