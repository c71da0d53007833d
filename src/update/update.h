/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Feeds from their vendors, or from a mirror, into a folder laid out as lz_db_build reads it:
 *
 *	sources.c   which feeds there are and where
 *	transfer.c  one file: conditional, resumed, tried again
 *	update.c    all of them, some at a time
 *	meta.c      what is remembered of each file between runs
 *
 * Below the cache folder: feeds/ holds whole files only; state/ what is needed to ask for less the
 * next time (FILE.meta), and what came of a transfer that was cut off (FILE.part).
 */
#include "../base/arena.h"
#include "../base/buf.h"
#include "../base/err.h"
#include "../base/limits.h"
#include "../base/vec.h"
#include "../format/retry.h"

struct lz_progress;

/* --- sources ---------------------------------------------------------------------------------- */

struct lz_source {
	struct lz_span name; /* "alpine:v3.18", as --feeds takes it */
	struct lz_span path; /* below the feed folder: "alpine/v3.18/main.json" */
	struct lz_span url;  /* at its vendor; empty: to be found in OSV's list of ecosystems */
	bool optional;	     /* its vendor may not have it (yet, or any more) */
	bool asked_for;	     /* named in full by the user: must be there */
};
/* The sources that `feeds` names, "debian,alpine:v3.18,osv", NULL for all; struct lz_source in the
 * arena. LZ_E_USAGE names a word that is no feed, and those there are. */
int lz_sources(const char *feeds, struct lz_arena *arena, struct lz_vec *ret, struct lz_err *err);
/* Is `path` (below the feed folder, perhaps with .gz) one of these sources? */
bool lz_sources_have(const struct lz_vec *sources, struct lz_span path);
/* The address of OSV's archive for an ecosystem whose name begins with `first`, from the vendor's
 * list of all names, one a line. Empty when the list has none. */
struct lz_span lz_source_of_osv(struct lz_span list, const char *first, struct lz_arena *arena);
extern const char lz_source_osv_list[]; /* the address of that list */

/* --- memory of a file ------------------------------------------------------------------------- */

struct lz_meta {
	char url[1024];
	char etag[256];	   /* as sent, quotes and all; empty: none */
	char modified[64]; /* Last-Modified, as sent; empty: none */
	uint64_t bytes;	   /* size of the whole file; 0: not known */
};
/* Lines "key value". Anything odd makes it empty: the file is then asked for anew. */
void lz_meta_parse(struct lz_span text, struct lz_meta *ret);
void lz_meta_print(const struct lz_meta *m, struct lz_buf *b);
/* A missing or odd file gives an empty one. */
void lz_meta_load(int dir_fd, const char *path, struct lz_meta *ret);
/* Whole or not at all. */
int lz_meta_save(int dir_fd, const char *path, const struct lz_meta *m, struct lz_err *err);

/* --- the whole -------------------------------------------------------------------------------- */

struct lz_update_options {
	const char *cache_dir; /* made if it is not there */
	const char *mirror;    /* http(s) address in place of all vendors; NULL: the vendors */
	const char *feeds;     /* see lz_sources */
	unsigned retries;      /* beyond the first try, for each file */
	unsigned patience_s;   /* without a byte */
	struct lz_limits limits;
	struct lz_progress *progress; /* borrowed; may be NULL */
};

enum lz_update_note_kind { LZ_UPDATE_ABSENT, LZ_UPDATE_RETRY, LZ_UPDATE_FAILED };
struct lz_update_note {
	enum lz_update_note_kind kind;
	struct lz_span source, text;
};
struct lz_update_stats {
	uint64_t fetched, unchanged, absent, failed, bytes;
	struct lz_vec notes; /* struct lz_update_note */
	struct lz_arena arena;
};
/* Brings <cache>/feeds up to date. Fails when any file that must be there could not be had, after
 * all others have been tried; files that were there before are then still there, whole. stats is
 * filled in any case and released by lz_update_stats_done. Stops soon after lz_cancelled(). */
int lz_update(const struct lz_update_options *o, struct lz_update_stats *stats, struct lz_err *err);
void lz_update_stats_done(struct lz_update_stats *s);
/* `path` (below feeds/) turned out to be no feed: the next run asks for it anew. */
void lz_update_distrust(const char *cache_dir, struct lz_span path);
