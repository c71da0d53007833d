/* SPDX-License-Identifier: Apache-2.0 */
/* In which order checks are asked. Any order gives the same answers; a good one gives them soon. */
#include "../base/alloc.h"
#include "../base/err.h"
#include "graph.h"
#include "program.h"

#define COST_DEPTH   3
#define CHILDREN_MAX 64 /* of one node, put in order */

/* About how long asking takes, in units of one short comparison. */
static double cost(const struct lz_graph *g, uint32_t number, unsigned depth)
{
	const struct lz_node *n = lz_vec_at(&g->nodes, number);
	const struct lz_graph_check *c;
	double sum = 0.5;

	if (n->kind != LZ_NODE_CHECK) {
		for (uint32_t i = 0; i < n->count && i < 20 && depth < COST_DEPTH; i++)
			sum += 0.6 * cost(g, *(uint32_t *)lz_vec_at(&g->children, n->first + i),
					  depth + 1);
		return sum;
	}
	c = lz_vec_at(&g->checks, n->first);
	if (((struct lz_graph_term *)lz_vec_at(&g->terms, c->left))->kind != LZ_TERM_FIELD)
		sum += 10;
	switch ((int)c->op) {
	case LZ_OP_REGEX:
		return sum + 50;
	case LZ_OP_GLOB:
	case LZ_OP_IGLOB:
	case LZ_OP_PMATCH:
	case LZ_OP_CONTAINS:
	case LZ_OP_ICONTAINS:
	case LZ_OP_BCONTAINS:
		return sum + 4.0 * (double)(c->operand_count + 1);
	default:
		return sum + (c->set ? 2 : 0.2 * (double)c->operand_count);
	}
}

/* Fields of which most events that get here have the value that rules ask for. */
static bool is_usual(const struct lz_graph_term *t)
{
	static const char *const names[] = {"evt.dir",	   "evt.res", "evt.rawres", "fd.type",
					    "fd.typechar", "fd.num",  "evt.failed"};

	for (size_t i = 0; t->kind == LZ_TERM_FIELD && i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(t->field->name, names[i]))
			return true;
	return false;
}

/* How often it strikes its rules out: few events have the one value that a rule asks for. */
static double strikes(const struct lz_graph *g, const struct lz_step *s)
{
	const struct lz_node *n = lz_vec_at(&g->nodes, s->node);
	const struct lz_graph_check *c;
	const struct lz_graph_term *t;
	bool rare;

	if (n->kind != LZ_NODE_CHECK)
		return s->want == (n->kind == LZ_NODE_AND) ? 0.8 : s->want ? 0.6 : 0.1;
	c = lz_vec_at(&g->checks, n->first);
	t = lz_vec_at(&g->terms, c->left);
	if (is_usual(t))
		return 0.1;
	if (c->type == LZ_FIELD_BOOL)
		return 0.7;
	if (t->kind == LZ_TERM_FIELD && !strcmp(t->field->name, "container.id"))
		return 0.5;
	rare = c->op != LZ_OP_NE && c->op != LZ_OP_EXISTS;
	return rare == s->want ? 0.9 : 0.1;
}

/* --- steps --- */

struct rank {
	double gain; /* when it was worked out last: it can only have fallen since */
	double odds, cost;
	size_t step;
};

static bool before(const struct rank *a, const struct rank *b)
{
	return a->gain > b->gain || (a->gain >= b->gain && a->step < b->step);
}

static void sink(struct rank *heap, size_t n, size_t at)
{
	for (;;) {
		size_t first = at;
		struct rank swap;
		for (size_t c = 2 * at + 1; c < 2 * at + 3 && c < n; c++)
			if (before(&heap[c], &heap[first]))
				first = c;
		if (first == at)
			return;
		swap = heap[at];
		heap[at] = heap[first];
		heap[first] = swap;
		at = first;
	}
}

static void work_out(struct rank *r, uint64_t rules, const double *left)
{
	double sum = 0;

	for (; rules; rules &= rules - 1)
		sum += left[__builtin_ctzll(rules)];
	r->gain = sum * r->odds / r->cost;
}

/* The next step is the one that strikes most of the rules that are likely to be left, for its
 * cost. A gain that is still the greatest when worked out anew is the greatest of all. */
int lz_steps_order(const struct lz_graph *g, const struct lz_step *steps, size_t n,
		   struct lz_step *ret)
{
	struct rank *heap = lz_alloc((n + 1) * sizeof(*heap));
	double left[LZ_GROUP_RULES];
	size_t put = 0;

	if (!heap)
		return LZ_E_NOMEM;
	for (size_t i = 0; i < LZ_GROUP_RULES; i++)
		left[i] = 1;
	for (size_t i = 0; i < n; i++) {
		heap[i] = (struct rank){.odds = strikes(g, &steps[i]),
					.cost = cost(g, steps[i].node, 0),
					.step = i};
		work_out(&heap[i], steps[i].rules, left);
	}
	for (size_t i = n / 2; i--;)
		sink(heap, n, i);
	while (put < n) {
		const struct lz_step *s = &steps[heap->step];
		double was = heap->gain;
		work_out(heap, s->rules, left);
		if (heap->gain < was) {
			sink(heap, n - put, 0);
			continue;
		}
		for (uint64_t r = s->rules; r; r &= r - 1)
			left[__builtin_ctzll(r)] *= 1 - heap->odds;
		ret[put++] = *s;
		*heap = heap[n - put];
		sink(heap, n - put, 0);
	}
	lz_free(heap);
	return 0;
}

/* --- children --- */

/* Inside a condition the same: what decides most for its cost comes first. Only refs change their
 * places, so that explanations show a condition as it was written. */
void lz_children_order(struct lz_graph *g, const struct lz_node *n)
{
	double gain[CHILDREN_MAX];
	uint32_t *ref = g->refs + n->first;

	if (n->count > CHILDREN_MAX || (n->kind != LZ_NODE_AND && n->kind != LZ_NODE_OR))
		return;
	for (uint32_t i = 0; i < n->count; i++) {
		uint32_t child = *(uint32_t *)lz_vec_at(&g->children, n->first + i);
		uint32_t moved = ref[i], at = i;
		struct lz_step as = {.node = child, .want = n->kind == LZ_NODE_AND};
		double its = strikes(g, &as) / cost(g, child, 0);
		for (; at && gain[at - 1] < its; at--) {
			gain[at] = gain[at - 1];
			ref[at] = ref[at - 1];
		}
		gain[at] = its;
		ref[at] = moved;
	}
}
