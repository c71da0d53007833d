/* SPDX-License-Identifier: Apache-2.0 */
/* Makes programs out of conditions: see program.h. */
#include "program.h"

#include "../base/alloc.h"
#include "../base/clean.h"
#include "../base/limits.h"
#include "timing.h"

#define NONE	   UINT32_MAX
#define VISITS_MAX 4000000 /* work for all kinds: behind it, kinds share the general program */
#define NODES_MAX  500000  /* half of what a graph may hold */
#define STEPS_RULE 1000	   /* of one rule; what is beyond stays together */
#define STEPS_MAX  (2 * STEPS_RULE * LZ_GROUP_RULES)

struct maker {
	struct lz_graph *g;
	const struct lz_vec *rules;
	struct lz_vec special; /* struct special: by node */
	struct lz_map made;    /* targets → program */
	int kind;
	uint64_t visits;
	struct lz_err *err;
};

struct special {
	uint32_t node; /* what remains of it */
	int kind;      /* for this kind, plus one; 0: never asked */
};

static int no_memory(struct maker *k, int code)
{
	code = code ? code : LZ_E_NOMEM;
	return lz_fail(k->err, code, "rules: %s", lz_code_text(code));
}

/* --- a condition for one kind --- */

static const struct lz_node *node_at(const struct maker *k, uint32_t number)
{
	return lz_vec_at(&k->g->nodes, number);
}

static uint32_t constant(struct maker *k, bool value)
{
	return lz_graph_node(k->g, value ? LZ_NODE_TRUE : LZ_NODE_FALSE, NULL, 0, k->err);
}

static uint32_t specialise(struct maker *k, uint32_t number);

/* Children that the kind makes neutral are gone; one that decides decides. */
static uint32_t special_children(struct maker *k, const struct lz_node n)
{
	enum lz_node_kind decides = n.kind == LZ_NODE_AND ? LZ_NODE_FALSE : LZ_NODE_TRUE;
	uint32_t *left = lz_alloc((n.count + 1) * sizeof(*left)), result = NONE;
	bool decided = false;
	uint32_t count = 0;

	if (!left)
		return no_memory(k, 0), NONE;
	for (uint32_t i = 0; i < n.count && !decided; i++) {
		uint32_t c = specialise(k, *(uint32_t *)lz_vec_at(&k->g->children, n.first + i));
		enum lz_node_kind kind;
		if (c == NONE)
			goto out;
		kind = node_at(k, c)->kind;
		decided = kind == decides;
		if (kind != LZ_NODE_TRUE && kind != LZ_NODE_FALSE)
			left[count++] = c;
	}
	if (decided || !count)
		result = constant(k, decided == (n.kind == LZ_NODE_OR));
	else
		result = count == 1 ? left[0] : lz_graph_node(k->g, n.kind, left, count, k->err);
out:
	lz_free(left);
	return result;
}

static uint32_t special_not(struct maker *k, const struct lz_node n)
{
	uint32_t c = specialise(k, *(uint32_t *)lz_vec_at(&k->g->children, n.first));
	enum lz_node_kind kind;

	if (c == NONE)
		return NONE;
	kind = node_at(k, c)->kind;
	if (kind == LZ_NODE_TRUE || kind == LZ_NODE_FALSE)
		return constant(k, kind == LZ_NODE_FALSE);
	return lz_graph_node(k->g, LZ_NODE_NOT, &c, 1, k->err);
}

static uint32_t special_new(struct maker *k, uint32_t number, const struct lz_node n)
{
	const struct lz_kinds *may = lz_vec_at(&k->g->kinds, 2 * (size_t)number);
	uint64_t bit = 1ULL << k->kind % 64;

	k->visits++;
	if (!(may[0].bits[k->kind / 64] & bit))
		return constant(k, false);
	if (!(may[1].bits[k->kind / 64] & bit))
		return constant(k, true);
	if (n.kind == LZ_NODE_AND || n.kind == LZ_NODE_OR)
		return special_children(k, n);
	return n.kind == LZ_NODE_NOT ? special_not(k, n) : number;
}

static uint32_t specialise(struct maker *k, uint32_t number)
{
	const struct lz_node n = *node_at(k, number);
	struct special *s;
	uint32_t result;

	if (!n.mentions_kind)
		return number;
	s = lz_vec_at(&k->special, number);
	if (s->kind == k->kind + 1)
		return s->node;
	result = special_new(k, number, n);
	s->node = result;
	s->kind = result == NONE ? 0 : k->kind + 1;
	return result;
}

/* --- steps --- */

static bool add_step(struct maker *k, struct lz_vec *steps, struct lz_map *known, uint32_t node,
		     bool want, uint64_t rule)
{
	uint64_t key[1] = {(uint64_t)node << 1 | want};
	struct lz_map_item *it = lz_map_get(known, lz_span(key, sizeof(key)));
	struct lz_step *step;
	int code = 0;

	if (it) {
		((struct lz_step *)lz_vec_at(steps, it->value.num))->rules |= rule;
		return true;
	}
	it = lz_map_put(known, lz_arena_dup(k->g->arena, lz_span(key, sizeof(key))), NULL, &code);
	step = it ? lz_vec_push(steps) : NULL;
	if (!step)
		return no_memory(k, it ? steps->code : code), false;
	it->value.num = steps->n - 1;
	*step = (struct lz_step){.rules = rule, .node = node, .want = want};
	return true;
}

/* Takes a condition apart: each thing that must be so, or must not be, is a step. Macros that
 * stand in macros twice each make a graph that is far larger when walked, hence *left. */
static bool add_steps(struct maker *k, struct lz_vec *steps, struct lz_map *known, uint32_t number,
		      bool want, uint64_t rule, size_t *left)
{
	const struct lz_node n = *node_at(k, number);

	if (n.kind == LZ_NODE_TRUE && want)
		return true;
	if (n.kind == LZ_NODE_NOT)
		return add_steps(k, steps, known, *(uint32_t *)lz_vec_at(&k->g->children, n.first),
				 !want, rule, left);
	if (n.kind != (want ? LZ_NODE_AND : LZ_NODE_OR) || n.count > *left)
		return add_step(k, steps, known, number, want, rule);
	*left -= n.count;
	for (uint32_t i = 0; i < n.count; i++)
		if (!add_steps(k, steps, known,
			       *(uint32_t *)lz_vec_at(&k->g->children, n.first + i), want, rule,
			       left))
			return false;
	return true;
}

/* --- programs --- */

static int make_group(struct maker *k, const struct lz_target *targets, size_t n,
		      struct lz_group *ret)
{
	LZ_CLEAN(vec) struct lz_vec steps;
	struct lz_map known;
	struct lz_step *kept;
	bool good = true;

	lz_vec_init(&steps, sizeof(struct lz_step), STEPS_MAX);
	lz_map_init(&known, STEPS_MAX);
	for (size_t i = 0; i < n && good; i++) {
		size_t left = STEPS_RULE;
		good = add_steps(k, &steps, &known, targets[i].node, true, 1ULL << i, &left);
	}
	lz_map_done(&known);
	if (!good)
		return k->err->code;
	k->visits += steps.n / 4;
	kept = lz_arena_array(k->g->arena, steps.n + 1, sizeof(*kept));
	if (!kept)
		return no_memory(k, k->g->arena->code);
	if (lz_steps_order(k->g, steps.p, steps.n, kept))
		return no_memory(k, 0);
	*ret = (struct lz_group){kept, steps.n, targets, n == 64 ? ~0ULL : (1ULL << n) - 1};
	return 0;
}

static int make_program(struct maker *k, const struct lz_vec *targets,
			const struct lz_program **ret)
{
	size_t n = (targets->n + LZ_GROUP_RULES - 1) / LZ_GROUP_RULES;
	struct lz_group *groups = lz_arena_array(k->g->arena, n + 1, sizeof(*groups));
	struct lz_target *kept = lz_arena_array(k->g->arena, targets->n + 1, sizeof(*kept));
	struct lz_program *p = LZ_ARENA_NEW(k->g->arena, struct lz_program);

	if (!groups || !kept || !p)
		return no_memory(k, k->g->arena->code);
	if (targets->n)
		memcpy(kept, targets->p, targets->n * sizeof(*kept));
	for (size_t i = 0; i < n; i++) {
		size_t from = i * LZ_GROUP_RULES, left = targets->n - from;
		int code = make_group(k, kept + from, left < LZ_GROUP_RULES ? left : LZ_GROUP_RULES,
				      &groups[i]);
		if (code)
			return code;
	}
	*p = (struct lz_program){groups, n};
	*ret = p;
	return 0;
}

/* Kinds of which the same remains share a program. */
static int find_program(struct maker *k, const struct lz_vec *targets,
			const struct lz_program **ret)
{
	struct lz_span key = lz_span(targets->p, targets->n * sizeof(struct lz_target));
	struct lz_map_item *it = lz_map_get(&k->made, key);
	int code;

	if (it) {
		*ret = it->value.ptr;
		return 0;
	}
	code = make_program(k, targets, ret);
	if (code)
		return code;
	it = lz_map_put(&k->made,
			lz_span((*ret)->group_count ? (*ret)->groups->targets : NULL, key.n), NULL,
			&code);
	if (!it)
		return no_memory(k, code);
	it->value.ptr = (void *)(uintptr_t)*ret;
	return 0;
}

static int add_target(struct maker *k, struct lz_vec *ret, const struct lz_rule *rule,
		      uint32_t node, uint32_t step)
{
	struct lz_target t;

	memset(&t, 0, sizeof(t)); /* it is a key */
	t.rule = rule;
	t.step = step;
	t.node = k->kind < 0 ? node : specialise(k, node);
	if (t.node == NONE)
		return k->err->code;
	if (node_at(k, t.node)->kind != LZ_NODE_FALSE && !lz_vec_add(ret, &t))
		return no_memory(k, ret->code);
	return 0;
}

/* What remains of all rules for k->kind; -1: all of them as they are. */
static int find_targets(struct maker *k, struct lz_vec *ret)
{
	int code = 0;

	ret->n = 0;
	LZ_VEC_EACH (struct lz_rule, rule, k->rules) {
		const struct lz_timing *t = rule->timing;
		bool about = k->kind < 0 || (rule->kinds[k->kind / 64] >> k->kind % 64 & 1);
		if (!rule->usable || !rule->enabled || !about)
			continue;
		if (!t || !t->steps)
			code = add_target(k, ret, rule, rule->node, 0);
		for (size_t s = t ? t->step_count : 0; s-- && !code;)
			code = add_target(k, ret, rule, t->steps[s], (uint32_t)s);
		if (code)
			return code;
	}
	return 0;
}

static int make_all(struct maker *k, struct lz_programs *p)
{
	LZ_CLEAN(vec) struct lz_vec targets;
	int code;

	lz_vec_init(&targets, sizeof(struct lz_target), (k->rules->n + 1) * LZ_SEQUENCE_MAX);
	k->kind = -1;
	code = find_targets(k, &targets);
	if (!code)
		code = make_program(k, &targets, &p->any);
	for (k->kind = 0; k->kind < LZ_EVENT_KINDS && !code; k->kind++) {
		p->of_kind[k->kind] = p->any;
		if (k->visits > VISITS_MAX || k->g->nodes.n > NODES_MAX)
			continue;
		code = find_targets(k, &targets);
		if (!code)
			code = find_program(k, &targets, &p->of_kind[k->kind]);
	}
	return code;
}

static void add_program_refs(const struct lz_graph *g, const struct lz_program *p)
{
	for (size_t i = 0; i < p->group_count; i++)
		for (size_t s = 0; s < p->groups[i].step_count; s++)
			p->groups[i].steps[s].ref = lz_quick_ref(g, p->groups[i].steps[s].node);
}

static void add_refs(struct maker *k, const struct lz_programs *p)
{
	add_program_refs(k->g, p->any);
	LZ_MAP_EACH (it, &k->made)
		add_program_refs(k->g, it->value.ptr);
}

int lz_programs_make(struct lz_programs *p, struct lz_graph *g, const struct lz_vec *rules,
		     struct lz_err *err)
{
	struct lz_err why = {0};
	struct maker k = {.g = g, .rules = rules, .err = err ? err : &why};
	int code = 0;

	/* Only nodes of the rules themselves are about kinds; what is made here is not. */
	lz_vec_init(&k.special, sizeof(struct special), g->nodes.n + 1);
	lz_map_init(&k.made, LZ_EVENT_KINDS + 1);
	for (size_t i = g->nodes.n; i-- && !code;)
		if (!lz_vec_push(&k.special))
			code = no_memory(&k, k.special.code);
	if (!code)
		code = make_all(&k, p);
	if (!code && (code = lz_quick_make(g)) != 0)
		no_memory(&k, code);
	if (!code)
		add_refs(&k, p);
	for (size_t i = 0; i < g->nodes.n && !code; i++)
		lz_children_order(g, lz_vec_at(&g->nodes, i));
	lz_vec_done(&k.special);
	lz_map_done(&k.made);
	return code;
}
