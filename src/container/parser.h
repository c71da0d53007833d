/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside container/ only: the confined child as one thread sees it, and containers as memory. */
#include "meta.h"

#include <sys/stat.h>

/* --- wire.c: records, both ways --- */

enum {
	LZ_CT_ASK = LZ_REC_FIRST_FREE,	   /* parent to child: lz_meta_ask */
	LZ_CT_ASK_EVENT,		   /* span line */
	LZ_CT_ANSWER,			   /* child to parent: lz_container */
	LZ_CT_ANSWER_EVENT,		   /* span action, span id */
	LZ_CT_ASK_BYTES = 24 * 1024 * 1024 /* of one ask at most */
};

void lz_ct_put_ask(struct lz_rec_out *o, const struct lz_meta_ask *ask);
/* docs: struct lz_meta_doc, borrowing from the record. */
int lz_ct_take_ask(struct lz_rec *rec, struct lz_meta_ask *ret, struct lz_vec *docs,
		   struct lz_err *err);
void lz_ct_put_answer(struct lz_rec_out *o, const struct lz_container *c);
/* A container of its own memory; its ref is the caller's, whatever the record says. */
struct lz_container *lz_ct_take_answer(struct lz_rec *rec, const struct lz_container_ref *ref,
				       struct lz_err *err);

/* --- container.c --- */

/* A copy in one block, with one reference. */
struct lz_container *lz_container_pack(const struct lz_container *c, struct lz_err *err);
/* One of which nothing is known, and why. */
struct lz_container *lz_container_blank(const struct lz_container_ref *ref, struct lz_span why,
					struct lz_err *err);

/* --- parser.c --- */

struct lz_file_id { /* of a file as it was when it was read */
	uint64_t dev, ino, size;
	int64_t mtime_ns, ctime_ns;
};
struct lz_file_id lz_file_id(const struct stat *st);

struct lz_parser {
	struct lz_limits limits;
	unsigned parse_ms;
	struct lz_child *child;
	int sock;
	unsigned served; /* by this child */
	uint64_t starts;
	struct lz_file_id kept[LZ_META_COUNT]; /* what the child holds; zero: nothing */
	struct lz_rec_out out;
};
void lz_parser_init(struct lz_parser *p, const struct lz_limits *limits, unsigned parse_ms);
void lz_parser_done(struct lz_parser *p);
/* Makes sure that a child is there: before anything is said about what it keeps. */
int lz_parser_ready(struct lz_parser *p, struct lz_err *err);
/* NULL: the child died, took too long or lied, and is gone; the next ask has a new one. */
struct lz_container *lz_parser_read(struct lz_parser *p, const struct lz_meta_ask *ask,
				    struct lz_err *err);
struct lz_event_text { /* a copy */
	char action[65], id[LZ_CONTAINER_ID_MAX + 1];
};
int lz_parser_event(struct lz_parser *p, struct lz_span line, struct lz_event_text *ret,
		    struct lz_err *err);
