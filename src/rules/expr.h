/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside rules/ only: a condition as it was written. */
#include "rules.h"

enum lz_expr_kind { LZ_EXPR_AND, LZ_EXPR_OR, LZ_EXPR_NOT, LZ_EXPR_CHECK, LZ_EXPR_MACRO };

enum lz_op {
	LZ_OP_EXISTS,
	LZ_OP_EQ,
	LZ_OP_NE,
	LZ_OP_LT,
	LZ_OP_LE,
	LZ_OP_GT,
	LZ_OP_GE,
	LZ_OP_CONTAINS,
	LZ_OP_ICONTAINS,
	LZ_OP_BCONTAINS,
	LZ_OP_STARTSWITH,
	LZ_OP_BSTARTSWITH,
	LZ_OP_ENDSWITH,
	LZ_OP_GLOB,
	LZ_OP_IGLOB,
	LZ_OP_REGEX,
	LZ_OP_IN,
	LZ_OP_INTERSECTS,
	LZ_OP_PMATCH,
};
const char *lz_op_name(enum lz_op op);

enum lz_modifier { LZ_MOD_NONE, LZ_MOD_ONEOF, LZ_MOD_ANYOF, LZ_MOD_ALLOF };

enum lz_transform {
	LZ_TERM_FIELD,
	LZ_TERM_TOLOWER,
	LZ_TERM_TOUPPER,
	LZ_TERM_B64,
	LZ_TERM_BASENAME,
	LZ_TERM_LEN,
	LZ_TERM_JOIN,
	LZ_TERM_CONCAT,
	LZ_TERM_GETOPT,
	LZ_TERM_VAL,
	LZ_TERM_TEXT, /* a constant among a transformer's arguments */
};
const char *lz_transform_name(enum lz_transform t);

struct lz_term {
	enum lz_transform kind;
	const struct lz_field *field;
	struct lz_span arg; /* of the field; the text of a constant; [c] of getopt */
	struct lz_term *first, *next;
	size_t count, at;
};

struct lz_word {
	struct lz_span text;
	size_t at;
	struct lz_word *next;
};

struct lz_expr {
	enum lz_expr_kind kind;
	size_t at; /* in the text */
	struct lz_expr *first, *last, *next;
	size_t count;
	struct lz_span name;	      /* macro */
	struct lz_term *left, *right; /* right: NULL unless a term stands there */
	enum lz_op op;
	enum lz_modifier modifier;
	struct lz_word *words; /* constants on the right */
	size_t word_count;
};

/* NULL with err and *ret_at, the offset at which the text can't be understood. */
struct lz_expr *lz_expr_parse(struct lz_span text, struct lz_arena *arena, size_t *ret_at,
			      struct lz_err *err);
/* A term alone, as an output writes it; *ret_n: how much of the text it took. NULL: none begins
 * here. */
struct lz_term *lz_term_parse(struct lz_span text, struct lz_arena *arena, size_t *ret_n,
			      struct lz_err *err);
