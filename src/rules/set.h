/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside rules/ only: a rule set while it is read and compiled. */
#include "../format/yaml.h"
#include "graph.h"
#include "program.h"

/* A stretch of a condition and the value in a file that it came from. */
struct lz_part {
	size_t at; /* in the text put together */
	struct lz_span file;
	const struct lz_yaml *node;
};

/* Text that several files may have added to. */
struct lz_text {
	struct lz_buf text;
	struct lz_vec parts; /* struct lz_part */
};

struct lz_place {
	struct lz_span file;
	unsigned line, column;
};

struct lz_list_def {
	struct lz_span name;
	struct lz_vec items;	 /* struct lz_span */
	unsigned order, changed; /* of the first definition and the last change */
	struct lz_place place;
	bool used;
};

enum lz_macro_state { LZ_MACRO_WAITS, LZ_MACRO_OPEN, LZ_MACRO_DONE, LZ_MACRO_FAILED };

struct lz_macro_def {
	struct lz_span name;
	struct lz_text condition;
	unsigned order, changed; /* of the first definition and the last change */
	struct lz_place place;
	bool used;
	enum lz_macro_state state;
	uint32_t node;
};

struct lz_keyed { /* as it stands in a file; node NULL: it does not */
	struct lz_span file;
	const struct lz_yaml *node;
};

struct lz_exception {
	struct lz_span name, file;
	const struct lz_yaml *node;
	struct lz_vec fields, comps; /* struct lz_span */
	bool scalar;		     /* one field, one comparison, a list of values */
	struct lz_vec values;	     /* struct lz_keyed; several files may add to them */
};

/* Keys of rules that Falco does not have: see timing.c. */
enum lz_timing_key {
	LZ_KEY_COUNT,
	LZ_KEY_WITHIN,
	LZ_KEY_BY,
	LZ_KEY_DISTINCT,
	LZ_KEY_SEQUENCE,
	LZ_KEYS
};

struct lz_rule_def { /* beside the lz_rule of the same number */
	struct lz_text condition, output, desc, respond;
	struct lz_vec exceptions; /* struct lz_exception */
	struct lz_keyed keys[LZ_KEYS];
	struct lz_place place;
	bool warn_kinds, skip_unknown;
	bool source_unknown;
	bool broken; /* said to be wrong while it was read: not to be compiled */
};

struct lz_rules {
	struct lz_arena arena;
	struct lz_vec lists, macros, rules, defs, notes;
	struct lz_map list_of, macro_of, rule_of; /* name → number */
	struct lz_graph graph;
	struct lz_programs programs;
	unsigned order;
	size_t errors;
	size_t timings;	   /* rules that look at several events */
	size_t items_put;  /* of lists into conditions, for a bound */
	size_t held_bytes; /* by lists, texts and exceptions, for a bound */
	bool compiled;
};

/* Adds a note; fields of `n` that point into text are copied. LZ_E_NOMEM or LZ_E_LIMIT. */
int lz_note(struct lz_rules *r, const struct lz_rules_note *n, struct lz_err *err);

/* Marks nodes and terms that rules which run refer to; once, when all is compiled. */
void lz_rules_mark_used(struct lz_rules *r);

struct lz_list_def *lz_list_find(struct lz_rules *r, struct lz_span name);
struct lz_macro_def *lz_macro_find(struct lz_rules *r, struct lz_span name);

int lz_text_append(struct lz_text *t, struct lz_span file, const struct lz_yaml *node,
		   struct lz_span text, struct lz_err *err);
void lz_text_init(struct lz_text *t);
void lz_text_done(struct lz_text *t);

/* "(condition) and not (exception) and not (exception)" into ret, which is empty. LZ_E_FORMAT: the
 * values at *ret_row don't fit the fields of the exception *ret_bad. */
int lz_exceptions_put(const struct lz_rule_def *d, struct lz_text *ret,
		      const struct lz_exception **ret_bad, struct lz_keyed *ret_row);
/* Whether a word can stand in a condition without quotes. */
bool lz_item_is_plain(struct lz_span s);
/* A word as a condition writes it: in quotes when it needs them. */
void lz_item_put(struct lz_buf *out, struct lz_span s);

/* One step of a sequence, for compile.c. UINT32_MAX: notes say why, or *ret_code does. */
uint32_t lz_compile_step(struct lz_rules *r, const struct lz_rule *rule,
			 const struct lz_place *place, struct lz_span file,
			 const struct lz_yaml *condition, struct lz_err *err, int *ret_code);

/* An output's text, understood: the pieces are the set's. NULL with err and *ret_at. */
const struct lz_format *lz_format_read(struct lz_rules *r, struct lz_span text, size_t *ret_at,
				       struct lz_err *err);
