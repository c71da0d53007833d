/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * JSON, by jansson, strict: duplicate keys, invalid UTF-8, trailing bytes and nesting deeper than
 * limits->json_depth are errors that name the byte offset. Very large documents (a feed of tens
 * of megabytes) are cut at the top by lz_json_split and loaded value by value.
 */
#include "../base/err.h"
#include "../base/limits.h"
#include "../base/span.h"
#include "reader.h"

#include <jansson.h>

#define LZ_CLEAN_JSON __attribute__((cleanup(lz_clean_json)))
static inline void lz_clean_json(json_t **j)
{
	json_decref(*j);
}

/* Whole text as one value; NULL on failure. `name` goes into the error. */
json_t *lz_json_load(struct lz_span text, const struct lz_limits *limits, const char *name,
		     struct lz_err *err);

/* The same for documents whose integers may be beyond 64 bits, as a resource limit without end is:
 * every number becomes a real. */
json_t *lz_json_load_wide(struct lz_span text, const struct lz_limits *limits, const char *name,
			  struct lz_err *err);

/* Typed access that never fails: empty span / fallback when absent or of another type. Spans
 * borrow from the value. */
struct lz_span lz_json_str(const json_t *obj, const char *key);
struct lz_span lz_json_text(const json_t *value);
int64_t lz_json_int(const json_t *obj, const char *key, int64_t fallback);

/* Walks a document by pull, buffering one member at a time.
 *
 *	{"a": V1, "b": V2}      depth 1: members ("a", V1), ("b", V2)
 *	{"packages": [V1, V2]}  with path "packages": elements V1, V2 of that array or object
 *
 * Other top-level members than `path` are delivered too, as key + raw text, when small
 * (json_bytes).
 */
struct lz_json_split;
struct lz_json_member {
	struct lz_span key;   /* decoded member name; empty for array elements */
	struct lz_span value; /* raw JSON text, valid until the next call */
	bool inside;	      /* below `path`; false for a sibling at the top */
	uint64_t offset;
};
/* `path` NULL: the members of the top-level object or array itself. A value larger than max_bytes
 * is LZ_E_LIMIT. Takes ownership of r. */
struct lz_json_split *lz_json_split_open(struct lz_reader *r, const char *path, size_t max_bytes,
					 struct lz_err *err);
int lz_json_split_next(struct lz_json_split *s, struct lz_json_member *ret, struct lz_err *err);
void lz_json_split_close(struct lz_json_split *s);

/* Appends s as a JSON string with quotes; invalid UTF-8 becomes U+FFFD, controls are escaped. */
struct lz_buf;
int lz_json_quote(struct lz_buf *b, struct lz_span s);
