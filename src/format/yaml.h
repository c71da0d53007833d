/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * YAML by libyaml, as a tree that knows where each value stood: for files people write and want
 * errors about by line and column. Scalars stay text; what they mean is their reader's business.
 * Aliases share their anchor's node, so that none can make a small file large. Bounds: bytes and
 * values in the caller's hands, nesting 64.
 */
#include "../base/arena.h"
#include "../base/err.h"

enum lz_yaml_kind { LZ_YAML_SCALAR, LZ_YAML_LIST, LZ_YAML_MAP };

struct lz_yaml {
	enum lz_yaml_kind kind;
	bool quoted;	       /* scalar in quotes: never a number, a truth value or null */
	unsigned line, column; /* of its beginning, from 1; columns count characters */
	struct lz_span text;   /* scalar; NUL-terminated */
	struct lz_span raw;    /* scalar: the source it was made of */
	struct lz_yaml *first, *last, *next; /* children of a list; of a map key, value, key, … */
	size_t count;			     /* of children; pairs of a map */
};

/* One document after the other from `text`, which outlives the tree. Calls each(arg, root) for
 * every document (root is NULL for an empty one) until it returns other than 0, which is passed on.
 * LZ_E_FORMAT with "line L, column C: …"; LZ_E_LIMIT past max_values or 64 levels; LZ_E_NOMEM. */
int lz_yaml_each(struct lz_span text, size_t max_values, struct lz_arena *arena,
		 int (*each)(void *arg, const struct lz_yaml *root), void *arg, struct lz_err *err);

/* The value of a key, the first if it is there twice; NULL if it is not. */
const struct lz_yaml *lz_yaml_get(const struct lz_yaml *map, const char *key);
bool lz_yaml_is(const struct lz_yaml *scalar, const char *text);

/* Where in its file the character at `offset` of a scalar's text stood. Exact for plain, literal
 * and folded scalars and for quoted ones without escapes. */
void lz_yaml_place(const struct lz_yaml *scalar, size_t offset, unsigned *ret_line,
		   unsigned *ret_column);
