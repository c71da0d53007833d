/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside rules/ only: one file while it is read. What is wrong with an item becomes a note, and the
 * function that found it returns false; l->code is what ends loading: no memory, a limit.
 */
#include "set.h"

struct lz_loader {
	struct lz_rules *r;
	struct lz_span file;
	const char *kind; /* "rule", for notes */
	const struct lz_yaml *name, *item;
	struct lz_err *err;
	int code;
};

/* What to do with a key that stands in an item: by `append`, by `override`, or define anew. */
enum lz_load_how { LZ_LOAD_DEFINE, LZ_LOAD_APPEND, LZ_LOAD_REPLACE };

void lz_load_note(struct lz_loader *l, bool error, const char *code, const struct lz_yaml *at,
		  const char *text);
/* An error at `at`, or at the item; false. */
bool lz_load_invalid(struct lz_loader *l, const struct lz_yaml *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
bool lz_load_no_memory(struct lz_loader *l, int code); /* false */
/* Accounts for bytes that an item keeps: what all keep is bounded, and an alias makes a short file
 * keep much. False when that is the end. */
bool lz_load_hold(struct lz_loader *l, size_t bytes);

/* A key of the item, or NULL. */
const struct lz_yaml *lz_load_get(const struct lz_loader *l, const char *key);
bool lz_load_scalar(struct lz_loader *l, const struct lz_yaml *v, const char *key);
bool lz_load_truth(struct lz_loader *l, const char *key, bool def, bool *ret);
/* A list of words, or one word, added to ret (struct lz_span). */
bool lz_load_words(struct lz_loader *l, const struct lz_yaml *v, const char *key,
		   struct lz_vec *ret);
void lz_load_unknown_keys(struct lz_loader *l, const char *const *known);
bool lz_load_how(struct lz_loader *l, const char *key, enum lz_load_how *ret);
/* Whether `override` names nothing but these, and says what it may. */
bool lz_load_override_keys(struct lz_loader *l, const char *const *both,
			   const char *const *replace_only);
struct lz_place lz_load_place(const struct lz_loader *l, const struct lz_yaml *at);
bool lz_load_add_text(struct lz_loader *l, struct lz_text *t, const struct lz_yaml *v,
		      enum lz_load_how h);
/* The row of a name, found or made; NULL: no memory. */
void *lz_load_row(struct lz_loader *l, struct lz_map *map, struct lz_vec *rows, struct lz_span name,
		  bool *ret_new);

bool lz_load_rule(struct lz_loader *l);
void lz_load_exceptions_done(struct lz_rule_def *d);
