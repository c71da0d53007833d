/* SPDX-License-Identifier: Apache-2.0 */
#include "graph.h"

#include "../base/alloc.h"
#include "../base/clean.h"
#include "../base/limits.h"

#define NODES_MAX 1000000
#define SET_FROM  5 /* texts of an "in" from which looking up beats comparing */
#define NONE	  UINT32_MAX

int lz_graph_init(struct lz_graph *g, struct lz_arena *arena)
{
	*g = (struct lz_graph){.arena = arena};
	lz_vec_init(&g->terms, sizeof(struct lz_graph_term), NODES_MAX);
	lz_vec_init(&g->checks, sizeof(struct lz_graph_check), NODES_MAX);
	lz_vec_init(&g->nodes, sizeof(struct lz_node), NODES_MAX);
	lz_vec_init(&g->children, sizeof(uint32_t), 4 * NODES_MAX);
	lz_vec_init(&g->kinds, sizeof(struct lz_kinds), 2 * NODES_MAX);
	lz_map_init(&g->interned, 3 * NODES_MAX);
	return 0;
}

void lz_graph_done(struct lz_graph *g)
{
	LZ_VEC_EACH (struct lz_graph_check, c, &g->checks)
		if (c->set)
			lz_map_done(c->set);
	lz_vec_done(&g->terms);
	lz_vec_done(&g->checks);
	lz_vec_done(&g->nodes);
	lz_vec_done(&g->children);
	lz_vec_done(&g->kinds);
	lz_map_done(&g->interned);
}

static uint32_t no_memory(struct lz_err *err, int code)
{
	lz_fail(err, code ? code : LZ_E_NOMEM, "rules: %s", lz_code_text(code ? code : LZ_E_NOMEM));
	return NONE;
}

/* The number kept under this key, or *ret_new and the place for it. */
static struct lz_map_item *intern(struct lz_graph *g, struct lz_buf *key, bool *ret_new,
				  struct lz_err *err)
{
	struct lz_map_item *it = lz_map_get(&g->interned, lz_buf_view(key));
	struct lz_span kept;
	int code = key->code;

	*ret_new = false;
	if (it || code) {
		if (code)
			no_memory(err, code);
		return code ? NULL : it;
	}
	kept = lz_arena_dup(g->arena, lz_buf_view(key));
	if (!g->arena->code)
		it = lz_map_put(&g->interned, kept, ret_new, &code);
	if (!it)
		no_memory(err, g->arena->code ? g->arena->code : code);
	return it;
}

static void key_text(struct lz_buf *key, struct lz_span s)
{
	lz_buf_u32le(key, (uint32_t)s.n);
	lz_buf_span(key, s);
}

/* --- terms --- */

static enum lz_field_type type_of(const struct lz_graph *g, const struct lz_graph_term *t)
{
	switch (t->kind) {
	case LZ_TERM_FIELD:
		return t->field->type;
	case LZ_TERM_LEN:
		return LZ_FIELD_UINT;
	case LZ_TERM_VAL:
		return ((struct lz_graph_term *)lz_vec_at(&g->terms, t->args[0]))->type;
	case LZ_TERM_TOLOWER:
	case LZ_TERM_TOUPPER:
	case LZ_TERM_BASENAME: {
		const struct lz_graph_term *a = lz_vec_at(&g->terms, t->args[0]);
		return a->type == LZ_FIELD_LIST ? LZ_FIELD_LIST : LZ_FIELD_STRING;
	}
	case LZ_TERM_B64:
	case LZ_TERM_JOIN:
	case LZ_TERM_CONCAT:
	case LZ_TERM_GETOPT:
	case LZ_TERM_TEXT:
		return LZ_FIELD_STRING;
	}
	return LZ_FIELD_STRING;
}

static bool takes(enum lz_transform kind, enum lz_field_type type, size_t place)
{
	switch ((int)kind) {
	case LZ_TERM_TOLOWER:
	case LZ_TERM_TOUPPER:
	case LZ_TERM_BASENAME:
		return type == LZ_FIELD_STRING || type == LZ_FIELD_ENUM || type == LZ_FIELD_LIST;
	case LZ_TERM_B64:
	case LZ_TERM_LEN:
		return type == LZ_FIELD_STRING || type == LZ_FIELD_ENUM || type == LZ_FIELD_BYTES ||
		       (kind == LZ_TERM_LEN && type == LZ_FIELD_LIST);
	case LZ_TERM_JOIN:
		return place == 0 ? type == LZ_FIELD_STRING : type == LZ_FIELD_LIST;
	case LZ_TERM_GETOPT:
		return type == LZ_FIELD_STRING || (place == 0 && type == LZ_FIELD_LIST);
	case LZ_TERM_CONCAT:
		return type == LZ_FIELD_STRING || type == LZ_FIELD_ENUM;
	default:
		return true;
	}
}

static bool term_args(struct lz_graph *g, const struct lz_term *t, uint32_t *args, size_t *ret_at,
		      struct lz_err *err)
{
	size_t n = 0;

	for (const struct lz_term *a = t->first; a; a = a->next, n++) {
		const struct lz_graph_term *made;
		args[n] = lz_graph_term(g, a, ret_at, err);
		if (args[n] == NONE)
			return false;
		made = lz_vec_at(&g->terms, args[n]);
		if (!takes(t->kind, made->type, n)) {
			*ret_at = a->at;
			lz_fail(err, LZ_E_FORMAT, "%s() can't take a value of type %s here",
				lz_transform_name(t->kind), lz_field_type_name(made->type));
			return false;
		}
	}
	return true;
}

uint32_t lz_graph_term(struct lz_graph *g, const struct lz_term *t, size_t *ret_at,
		       struct lz_err *err)
{
	uint32_t *args = lz_arena_array(g->arena, t->count + 1, sizeof(*args));
	struct lz_graph_term *made;
	struct lz_map_item *it;
	struct lz_buf key;
	bool fresh;

	if (!args)
		return no_memory(err, g->arena->code);
	if (!term_args(g, t, args, ret_at, err))
		return NONE;
	lz_buf_init(&key, LZ_M);
	lz_buf_printf(&key, "T%d ", t->kind);
	key_text(&key, t->field ? lz_str(t->field->name) : lz_span("", 0));
	key_text(&key, t->arg);
	lz_buf_add(&key, args, t->count * sizeof(*args));
	it = intern(g, &key, &fresh, err);
	lz_buf_done(&key);
	if (!it || !fresh)
		return it ? (uint32_t)it->value.num : NONE;
	made = lz_vec_push(&g->terms);
	if (!made)
		return no_memory(err, g->terms.code);
	it->value.num = g->terms.n - 1;
	made->kind = t->kind;
	made->field = t->field;
	made->arg = lz_arena_dup(g->arena, t->arg);
	made->args = args;
	made->arg_count = t->count;
	made->type = type_of(g, made);
	return (uint32_t)g->terms.n - 1;
}

/* --- checks --- */

static unsigned bit(enum lz_op op)
{
	return 1U << op;
}

/* The relations a type knows. */
static unsigned relations(enum lz_field_type type)
{
	unsigned same = bit(LZ_OP_EQ) | bit(LZ_OP_NE) | bit(LZ_OP_IN) | bit(LZ_OP_INTERSECTS) |
			bit(LZ_OP_EXISTS);
	unsigned ordered = bit(LZ_OP_LT) | bit(LZ_OP_LE) | bit(LZ_OP_GT) | bit(LZ_OP_GE);
	unsigned ends = bit(LZ_OP_CONTAINS) | bit(LZ_OP_STARTSWITH) | bit(LZ_OP_ENDSWITH);

	switch (type) {
	case LZ_FIELD_INT:
	case LZ_FIELD_UINT:
	case LZ_FIELD_PORT:
	case LZ_FIELD_TIME:
		return same | ordered;
	case LZ_FIELD_BOOL:
	case LZ_FIELD_IP:
	case LZ_FIELD_NET:
		return same;
	case LZ_FIELD_STRING:
	case LZ_FIELD_ENUM:
		return same | ordered | ends | bit(LZ_OP_ICONTAINS) | bit(LZ_OP_GLOB) |
		       bit(LZ_OP_IGLOB) | bit(LZ_OP_REGEX) | bit(LZ_OP_PMATCH);
	case LZ_FIELD_BYTES:
		return same | ends | bit(LZ_OP_BCONTAINS) | bit(LZ_OP_BSTARTSWITH);
	case LZ_FIELD_LIST:
		return bit(LZ_OP_IN) | bit(LZ_OP_INTERSECTS) | bit(LZ_OP_EXISTS) |
		       bit(LZ_OP_PMATCH);
	}
	return 0;
}

static bool comparable(enum lz_field_type a, enum lz_field_type b)
{
	bool text_a = a == LZ_FIELD_STRING || a == LZ_FIELD_ENUM || a == LZ_FIELD_LIST;
	bool text_b = b == LZ_FIELD_STRING || b == LZ_FIELD_ENUM || b == LZ_FIELD_LIST;

	return a == b || (text_a && text_b) ||
	       (!text_a && !text_b && a != LZ_FIELD_BYTES && b != LZ_FIELD_BYTES &&
		a != LZ_FIELD_BOOL && b != LZ_FIELD_BOOL);
}

static bool read_operands(struct lz_graph *g, const struct lz_expr *e, enum lz_field_type type,
			  struct lz_graph_check *c, size_t *ret_at, struct lz_err *err)
{
	c->operands = lz_arena_array(g->arena, e->word_count + 1, sizeof(*c->operands));
	if (!c->operands)
		return no_memory(err, g->arena->code), false;
	for (const struct lz_word *w = e->words; w; w = w->next) {
		*ret_at = w->at;
		if (lz_operand_read(g->arena, type, e->op, w->text, &c->operands[c->operand_count],
				    err))
			return false;
		c->operand_count++;
	}
	return true;
}

/* The shapes in which the commonest comparisons are fast. */
static bool prepare(struct lz_graph *g, struct lz_graph_check *c, struct lz_err *err)
{
	int code = 0;

	if (!c->text)
		return true;
	c->texts = lz_arena_array(g->arena, c->operand_count + 1, sizeof(*c->texts));
	for (size_t i = 0; c->texts && i < c->operand_count; i++)
		c->texts[i] = c->operands[i].value.text;
	if (c->texts && (c->op == LZ_OP_IN || c->op == LZ_OP_INTERSECTS) &&
	    c->operand_count >= SET_FROM)
		c->set = LZ_ARENA_NEW(g->arena, struct lz_map);
	if (g->arena->code)
		return no_memory(err, g->arena->code), false;
	if (!c->set)
		return true;
	lz_map_init(c->set, c->operand_count);
	for (size_t i = 0; i < c->operand_count; i++) {
		c->lengths |= 1ULL << c->texts[i].n % 64;
		if (!lz_map_put(c->set, c->texts[i], NULL, &code))
			return no_memory(err, code), false;
	}
	return true;
}

static bool fits(const struct lz_graph *g, const struct lz_expr *e, uint32_t left, uint32_t right,
		 size_t *ret_at, struct lz_err *err)
{
	const struct lz_graph_term *l = lz_vec_at(&g->terms, left), *r;

	*ret_at = e->left->at;
	if (!(relations(l->type) & bit(e->op))) {
		lz_fail(err, LZ_E_FORMAT, "\"%s\" does not go with a value of type %s",
			lz_op_name(e->op), lz_field_type_name(l->type));
		return false;
	}
	if (right == LZ_NO_TERM)
		return true;
	r = lz_vec_at(&g->terms, right);
	*ret_at = e->right->at;
	if (!comparable(l->type, r->type) || e->op == LZ_OP_REGEX || e->modifier) {
		lz_fail(err, LZ_E_FORMAT,
			"a value of type %s can't stand to the right of \"%s\" here",
			lz_field_type_name(r->type), lz_op_name(e->op));
		return false;
	}
	return true;
}

static void check_key(struct lz_buf *key, const struct lz_expr *e, uint32_t left, uint32_t right)
{
	lz_buf_printf(key, "C%d %d %u %u ", e->op, e->modifier, left, right);
	for (const struct lz_word *w = e->words; w; w = w->next)
		key_text(key, w->text);
}

/* "in" over a list asks all its elements, "!=" both ends of a connection. */
static bool needs_all(const struct lz_graph_term *t, enum lz_op op)
{
	if (t->type == LZ_FIELD_LIST)
		return op == LZ_OP_IN;
	return t->kind == LZ_TERM_FIELD && (t->field->flags & LZ_FIELD_ENDS) && op == LZ_OP_NE;
}

static bool is_text(enum lz_field_type type, const struct lz_expr *e)
{
	return (type == LZ_FIELD_STRING || type == LZ_FIELD_LIST) && !e->modifier && !e->right &&
	       (e->op == LZ_OP_EQ || e->op == LZ_OP_IN || e->op == LZ_OP_INTERSECTS ||
		e->op == LZ_OP_STARTSWITH || e->op == LZ_OP_ENDSWITH);
}

uint32_t lz_graph_check(struct lz_graph *g, const struct lz_expr *e, size_t *ret_at,
			struct lz_err *err)
{
	uint32_t left = lz_graph_term(g, e->left, ret_at, err), right = LZ_NO_TERM;
	enum lz_field_type type;
	struct lz_graph_check *c;
	struct lz_map_item *it;
	struct lz_buf key;
	bool fresh;

	if (left == NONE)
		return NONE;
	if (e->right) {
		right = lz_graph_term(g, e->right, ret_at, err);
		if (right == NONE)
			return NONE;
	}
	if (!fits(g, e, left, right, ret_at, err))
		return NONE;
	lz_buf_init(&key, 16 * LZ_M);
	check_key(&key, e, left, right);
	it = intern(g, &key, &fresh, err);
	lz_buf_done(&key);
	if (!it || !fresh)
		return it ? (uint32_t)it->value.num : NONE;
	it->live = true;
	it->value.num = g->checks.n;
	c = lz_vec_push(&g->checks);
	if (!c)
		return no_memory(err, g->checks.code);
	type = ((struct lz_graph_term *)lz_vec_at(&g->terms, left))->type;
	*c = (struct lz_graph_check){.left = left,
				     .right = right,
				     .op = e->op,
				     .modifier = e->modifier,
				     .type = type,
				     .all = needs_all(lz_vec_at(&g->terms, left), e->op),
				     .text = is_text(type, e)};
	if (!read_operands(g, e, type, c, ret_at, err) || !prepare(g, c, err)) {
		/* Whoever writes the same again is told the same again. */
		lz_map_del(&g->interned, it->key);
		return NONE;
	}
	return (uint32_t)g->checks.n - 1;
}

/* --- nodes --- */

uint32_t lz_graph_node(struct lz_graph *g, enum lz_node_kind kind, const uint32_t *children,
		       size_t count, struct lz_err *err)
{
	uint32_t first = kind == LZ_NODE_CHECK ? children[0] : (uint32_t)g->children.n;
	struct lz_map_item *it;
	uint16_t depth = 0;
	struct lz_node *n;
	struct lz_buf key;
	bool fresh;

	for (size_t i = 0; kind != LZ_NODE_CHECK && i < count; i++) {
		n = lz_vec_at(&g->nodes, children[i]);
		depth = n->depth > depth ? n->depth : depth;
	}
	if (++depth > LZ_GRAPH_DEPTH) {
		lz_fail(err, LZ_E_FORMAT, "macros nest too deep");
		return NONE;
	}
	lz_buf_init(&key, 16 * LZ_M);
	lz_buf_printf(&key, "N%d ", kind);
	lz_buf_add(&key, children, count * sizeof(*children));
	it = intern(g, &key, &fresh, err);
	lz_buf_done(&key);
	if (!it || !fresh)
		return it ? (uint32_t)it->value.num : NONE;
	it->value.num = g->nodes.n;
	for (size_t i = 0; kind != LZ_NODE_CHECK && i < count; i++)
		if (!lz_vec_add(&g->children, &children[i]))
			return no_memory(err, g->children.code);
	n = lz_vec_push(&g->nodes);
	if (!n)
		return no_memory(err, g->nodes.code);
	*n = (struct lz_node){
		.kind = kind, .depth = depth, .first = first, .count = (uint32_t)count};
	return (uint32_t)g->nodes.n - 1;
}
