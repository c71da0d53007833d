/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside rules/ only: all conditions of a rule set as one graph. Equal terms, checks and
 * sub-conditions are one node, however many rules they stand in, so that an event asks each once.
 */
#include "../base/map.h"
#include "expr.h"
#include "glob.h"
#include "quick.h"
#include "regexp.h"

/* A value: a field, or a transformer over other terms. */
struct lz_graph_term {
	enum lz_transform kind;
	enum lz_field_type type;
	const struct lz_field *field;
	struct lz_span arg;
	uint32_t *args; /* other terms */
	size_t arg_count;
	bool used; /* by a rule that runs: see lz_rules_mark_used */
};

struct lz_operand {
	struct lz_datum value;
	unsigned char mask[16]; /* of a network */
	const struct lz_regexp *regex;
	const struct lz_glob *glob;
	const struct lz_glob_path *path;
};

struct lz_graph_check {
	uint32_t left, right; /* terms; right: LZ_NO_TERM when constants stand there */
	enum lz_op op;
	enum lz_modifier modifier;
	enum lz_field_type type; /* of the left term */
	bool all;		 /* each of the left term's values must be met, not one */
	bool text;		 /* bytes of one text against bytes of another: the short way */
	struct lz_operand *operands;
	size_t operand_count;
	struct lz_span *texts; /* of the operands, side by side, when text is set */
	struct lz_map *set;    /* of texts, for "in" over many; else NULL */
	uint64_t lengths;      /* of the set's texts, modulo 64: most others end here */
};
#define LZ_NO_TERM UINT32_MAX

enum lz_node_kind {
	LZ_NODE_FALSE,
	LZ_NODE_TRUE,
	LZ_NODE_AND,
	LZ_NODE_OR,
	LZ_NODE_NOT,
	LZ_NODE_CHECK
};

/* Macros in macros: what walks conditions goes down as deep. */
#define LZ_GRAPH_DEPTH 1000

struct lz_node {
	uint8_t kind;	       /* enum lz_node_kind */
	bool about_kind;       /* the event's kind alone may decide it: see lz_graph.kinds */
	bool mentions_kind;    /* it, or what it is made of, is about evt.type */
	bool used;	       /* by a rule that runs */
	uint16_t depth;	       /* of what it is made of, at most LZ_GRAPH_DEPTH */
	uint32_t first, count; /* into children; a check: its number in first */
};

struct lz_kinds {
	uint64_t bits[LZ_EVENT_KINDS / 64];
};

struct lz_graph {
	struct lz_arena *arena;
	struct lz_vec terms, checks, nodes, children; /* children: uint32_t */
	struct lz_vec kinds;	/* two per node: of events it can be true for, and false for */
	struct lz_map interned; /* by what makes it up → number */
	/* When all is compiled: */
	struct lz_quick *quick; /* by check */
	uint32_t *refs;		/* beside children */
};

int lz_graph_init(struct lz_graph *g, struct lz_arena *arena);
void lz_graph_done(struct lz_graph *g);

/* Each finds or makes; UINT32_MAX with err when memory ran out or the term, the operator and the
 * constants don't go together, or the node would lie too deep; *ret_at is then the offset in the condition. */
uint32_t lz_graph_term(struct lz_graph *g, const struct lz_term *t, size_t *ret_at,
		       struct lz_err *err);
uint32_t lz_graph_check(struct lz_graph *g, const struct lz_expr *e, size_t *ret_at,
			struct lz_err *err);
uint32_t lz_graph_node(struct lz_graph *g, enum lz_node_kind kind, const uint32_t *children,
		       size_t count, struct lz_err *err);

/* Finds the kinds of each node that is new, for itself and for its opposite: see lz_graph.kinds. */
int lz_graph_update_kinds(struct lz_graph *g);

/* Whether v, of this type, stands in relation op to x. Several-valued fields and sets are the
 * matcher's business. */
bool lz_compare(enum lz_field_type type, enum lz_op op, const struct lz_datum *v,
		const struct lz_operand *x);
/* Reads a constant for comparisons with a type: LZ_E_FORMAT says what it should be. */
int lz_operand_read(struct lz_arena *arena, enum lz_field_type type, enum lz_op op,
		    struct lz_span text, struct lz_operand *ret, struct lz_err *err);
