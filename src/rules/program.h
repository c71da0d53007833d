/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside rules/ only: what an event of one kind is put through. Conditions are specialised for the
 * kind (what evt.type decides is gone), and what all of a rule's condition needs ("a and b and not
 * c") is laid side by side with that of up to 63 other rules:
 *
 *	step   node 17 must hold       for rules 0 3 4 9 of this group
 *	step   node 5 must not hold    for rules 3 4
 *	…
 *
 * A step that fails strikes its rules out; one whose rules are all out is not asked; the rules left
 * at the end are met.
 */
#include "rules.h"

struct lz_graph;
struct lz_node;

struct lz_step {
	uint64_t rules; /* bits of the group's targets */
	uint32_t node;
	uint32_t ref; /* of the node: see quick.h */
	bool want;
};

struct lz_target {
	const struct lz_rule *rule;
	uint32_t node; /* of its condition, specialised */
	uint32_t step; /* of its sequence; these stand in a row, the last one first */
};

enum { LZ_GROUP_RULES = 64 };

struct lz_group {
	struct lz_step *steps;
	size_t step_count;
	const struct lz_target *targets;
	uint64_t all;
};

struct lz_program {
	const struct lz_group *groups;
	size_t group_count;
};

struct lz_programs {
	const struct lz_program *of_kind[LZ_EVENT_KINDS];
	const struct lz_program *any; /* kind unknown, or one whose turn never came */
};

/* For all rules that run. Memory is the graph's arena. */
int lz_programs_make(struct lz_programs *p, struct lz_graph *g, const struct lz_vec *rules,
		     struct lz_err *err);

/* Steps of one group in the order in which they are best asked. LZ_E_NOMEM. */
int lz_steps_order(const struct lz_graph *g, const struct lz_step *steps, size_t n,
		   struct lz_step *ret);
/* The refs of a node's children, likewise; explanations keep the order that was written. */
void lz_children_order(struct lz_graph *g, const struct lz_node *n);
