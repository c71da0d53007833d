/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside vuln/ only: what the feed readers share, and the records between child and builder. */
#include "feed.h"

#include "../format/json.h"
#include "../jail/jail.h"

/* One feed file being read. Whatever is built for one record lives in `arena`, which the reader
 * empties before the next record. */
struct lz_feed_work {
	const struct lz_limits *limits;
	struct lz_feed_sink *sink;
	struct lz_arena arena;
	struct lz_feed_info info; /* name borrowed; records and skipped are counted here */
	uint64_t bad;		  /* of the skipped ones: not merely withdrawn or out of scope */
	char first_bad[200];
	bool may_be_empty; /* a feed without records is not cut off or another file */
};

void lz_feed_work_init(struct lz_feed_work *w, const struct lz_limits *limits,
		       struct lz_feed_sink *sink);
void lz_feed_work_done(struct lz_feed_work *w);
/* Forgets the record at hand. */
void lz_feed_work_next(struct lz_feed_work *w);
/* Hands a record on and counts it. A record that is too large to send is skipped by name. */
int lz_feed_put(struct lz_feed_work *w, const struct lz_advisory *a, uint64_t offset,
		struct lz_err *err);
int lz_feed_put_enrichment(struct lz_feed_work *w, const struct lz_enrichment *e,
			   struct lz_err *err);
/* Leaves a record out. `bad`: it is malformed, rather than withdrawn or about something else. */
int lz_feed_skip(struct lz_feed_work *w, bool bad, uint64_t offset, struct lz_err *err,
		 const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Sends the feed's word about itself. LZ_E_FORMAT when there were records and all were bad. */
int lz_feed_finish(struct lz_feed_work *w, struct lz_err *err);
/* 0, or the arena's failure as an error. */
int lz_feed_memory(const struct lz_feed_work *w, struct lz_err *err);

/* A title out of a description: its first sentence, at most 200 bytes, cut between words. */
struct lz_span lz_feed_title(struct lz_span description);
/* Seconds since 1970 of a date member; 0 when absent, malformed or before 1970. */
int64_t lz_feed_date(const json_t *obj, const char *key);
/* "CVE-2024-1234", exactly. */
bool lz_is_cve(struct lz_span id);
bool lz_is_ghsa(struct lz_span id);
/* Component of a path counted from the end: 0 is the file name. Empty when there are fewer. */
struct lz_span lz_path_component(struct lz_span path, unsigned from_end);

/* One OSV record. `name` is what errors and skips call it. Returns 0 also when it was skipped. */
int lz_osv_record(struct lz_feed_work *w, struct lz_span json, const char *name, uint64_t offset,
		  struct lz_err *err);

extern const struct lz_feed_format lz_feed_debian, lz_feed_alpine, lz_feed_rolling, lz_feed_osv_zip,
	lz_feed_osv_files, lz_feed_kev, lz_feed_epss;

/* --- records over the wall (feed_wire.c) --------------------------------------------------- */

enum {
	LZ_REC_ADVISORY = LZ_REC_FIRST_FREE,
	LZ_REC_ENRICHMENT,
	LZ_REC_FEED_INFO,
	LZ_REC_SKIPPED,
};

/* A sink that writes records. */
struct lz_feed_wire {
	struct lz_feed_sink sink;
	struct lz_rec_out *out;
};
void lz_feed_wire_init(struct lz_feed_wire *f, struct lz_rec_out *out);

/* Takes a record apart and hands it to `sink`, whose spans borrow from the record and the arena.
 * The record is hostile: LZ_E_FORMAT for anything a reader would not send. */
int lz_feed_wire_take(struct lz_rec *rec, struct lz_arena *arena, const struct lz_limits *limits,
		      struct lz_feed_sink *sink, struct lz_err *err);

/* The request of the feed role: format name, path below the feed folder. Appends to b. */
int lz_feed_request(struct lz_buf *b, const struct lz_feed_format *format, struct lz_span path,
		    struct lz_err *err);
