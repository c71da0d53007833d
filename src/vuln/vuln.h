/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Knowledge: feeds are read into advisories, advisories are built into one immutable file (the
 * vdb), and packages are matched against it.
 *
 *	feed files ──► confined child (one per file) ──► records ──► builder ──► FILE.vdb
 *	packages of a scan ──► lz_match ◄── mapped FILE.vdb ──► findings
 */
#include "../base/limits.h"
#include "../format/version.h"
#include "../model/model.h"

/* --- what a feed says ------------------------------------------------------------------------ */

/* How versions of an affected package are ordered; the first ones are lz_version_scheme's. Others
 * are stored so that later issues can match them. */
enum lz_order {
	LZ_ORDER_DPKG,
	LZ_ORDER_RPM,
	LZ_ORDER_APK,
	LZ_ORDER_ALPM,
	LZ_ORDER_SEMVER,
	LZ_ORDER_PEP440,
	LZ_ORDER_MAVEN,
	LZ_ORDER_GEM,
	LZ_ORDER_NUGET,
	LZ_ORDER_PACKAGIST,
	LZ_ORDER_GO,
	LZ_ORDER_OTHER,
	LZ_ORDER_COUNT,
};
const char *lz_order_name(enum lz_order o);

/* One event of a range, in the order the feed gives them. */
enum lz_event_kind { LZ_EV_INTRODUCED, LZ_EV_FIXED, LZ_EV_LAST_AFFECTED, LZ_EV_LIMIT };
struct lz_event {
	enum lz_event_kind kind;
	struct lz_span version; /* "0" introduced: from the beginning */
};

/* One package of an advisory. Affected = (any range holds v) or (v in versions). */
struct lz_affected {
	struct lz_span ecosystem; /* "debian:12" "alpine:v3.18" "wolfi" "rocky:8" "npm" "pypi" … */
	struct lz_span name;   /* as matched: source package for Debian, origin for Alpine, … */
	struct lz_span module; /* "name:stream" of RPM modules, else empty */
	enum lz_order order;
	enum lz_fix_state fix;
	bool not_affected; /* an explicit "never affected" row ("0" in secdb and the tracker) */
	enum lz_severity severity;     /* package-specific; UNKNOWN = the advisory's own */
	struct lz_span cvss;	       /* package-specific vector, may be empty */
	const struct lz_event *events; /* a range ends where the next LZ_EV_INTRODUCED begins */
	size_t event_count;
	const struct lz_span *versions;
	size_t version_count;
};

struct lz_advisory {
	struct lz_span id;
	struct lz_span feed; /* "debian" "alpine" "wolfi" "osv" */
	struct lz_span title;
	enum lz_severity severity;  /* the feed's own word, UNKNOWN if none */
	const struct lz_span *cvss; /* vectors of any version */
	size_t cvss_count;
	const struct lz_span *aliases;
	size_t alias_count;
	const struct lz_span *references;
	size_t reference_count;
	int64_t published_s, modified_s, withdrawn_s; /* 0: absent */
	const struct lz_affected *affected;
	size_t affected_count;
};

/* Facts about a CVE from KEV and EPSS. */
struct lz_enrichment {
	struct lz_span cve;
	bool kev;
	int64_t kev_added_s;
	double epss, epss_percentile; /* < 0: absent */
};

/* One feed's own word about itself. */
struct lz_feed_info {
	struct lz_span name; /* "debian" "alpine:v3.9" "wolfi" "osv:Go" "kev" "epss" */
	int64_t date_s;	     /* when the knowledge was current; 0: not known */
	uint64_t records;
	uint64_t skipped;      /* records that could not be used (counted, explained in the log) */
	struct lz_span sha256; /* hex, of the bytes read; may be empty */
};

/* --- building ----------------------------------------------------------------------------------
 */

struct lz_vdb_builder;

/* Everything added is copied. memory is bounded by cap_bytes. */
struct lz_vdb_builder *lz_vdb_builder_new(const struct lz_limits *l, size_t cap_bytes,
					  struct lz_err *err);
void lz_vdb_builder_free(struct lz_vdb_builder *b);
int lz_vdb_add_advisory(struct lz_vdb_builder *b, const struct lz_advisory *a, struct lz_err *err);
int lz_vdb_add_enrichment(struct lz_vdb_builder *b, const struct lz_enrichment *e,
			  struct lz_err *err);
int lz_vdb_add_feed(struct lz_vdb_builder *b, const struct lz_feed_info *f, struct lz_err *err);
/* Sorts, writes beside `path`, syncs, renames. Same additions in any order: same bytes, given the
 * same built_s. `signing_key_pem` may be NULL. On any failure nothing is left and the old file
 * stays. */
int lz_vdb_write(struct lz_vdb_builder *b, const char *path, int64_t built_s,
		 const char *signing_key_pem, struct lz_err *err);

/* Reads a folder laid out like OSV's, secdb's and the tracker's own (see docs/feeds.md), each file
 * in a confined child, and writes a vdb. */
struct lz_progress;
struct lz_build_options {
	const char *from_dir;
	const char *out_path;
	const char *sign_key; /* PEM file or NULL */
	struct lz_limits limits;
	/* When the knowledge was obtained; 0: the newest modification time of the files read, so
	 * that the same folder gives the same bytes. */
	int64_t built_s;
	struct lz_progress *progress; /* borrowed; may be NULL */
	/* Which files below from_dir to read; NULL: all. */
	bool (*wants)(const void *arg, struct lz_span path);
	const void *wants_arg;
};
/* What the user should know of one file: not used at all, one record left out, or not readable. */
enum lz_build_note_kind { LZ_NOTE_IGNORED, LZ_NOTE_SKIPPED, LZ_NOTE_FAILED };
struct lz_build_note {
	enum lz_build_note_kind kind;
	struct lz_span path; /* below from_dir */
	struct lz_span text;
	uint64_t offset; /* of a skipped record: byte, line or member, as its text says */
};
struct lz_build_stats {
	uint64_t feeds, advisories, affected, enrichments, skipped, ignored, failed;
	uint64_t bytes_read, bytes_written;
	struct lz_vec notes; /* struct lz_build_note, in the order of paths; some per file */
	struct lz_arena arena;
};
/* Fails closed: when any file can't be read nothing is written, all others are read all the same,
 * and each failure is a note. LZ_E_NOTFOUND when the folder holds no feed. ret_stats is filled in
 * any case and released by lz_build_stats_done. */
int lz_db_build(const struct lz_build_options *o, struct lz_build_stats *ret_stats,
		struct lz_err *err);
void lz_build_stats_done(struct lz_build_stats *s);

/* --- reading ------------------------------------------------------------------------------------
 */

struct lz_vdb;

/* Maps read-only; checks header, version and section bounds (not checksums: lz_vdb_verify).
 * Everything in the file is treated as hostile at use. */
struct lz_vdb *lz_vdb_open(const char *path, struct lz_err *err);
struct lz_vdb *lz_vdb_open_mem(struct lz_span bytes,
			       struct lz_err *err); /* borrowed; tests, fuzz */
void lz_vdb_close(struct lz_vdb *v);
/* $LAZARET_DB, else lazaret/lazaret.vdb below $XDG_CACHE_HOME or ~/.cache. */
int lz_vdb_default_path(char *buf, size_t size, struct lz_err *err);
int64_t lz_vdb_built_s(const struct lz_vdb *v);
size_t lz_vdb_feed_count(const struct lz_vdb *v);
int lz_vdb_feed(const struct lz_vdb *v, size_t i, struct lz_feed_info *ret, struct lz_err *err);
/* Does any feed cover this ecosystem ("debian:12")? */
bool lz_vdb_covers(const struct lz_vdb *v, struct lz_span ecosystem);
uint64_t lz_vdb_advisory_count(const struct lz_vdb *v);
/* Every section's checksum; the signature too when verify_key_pem (a file) is given. */
int lz_vdb_verify(const struct lz_vdb *v, const char *verify_key_pem, struct lz_err *err);

/* Copies a database to `to` once every checksum of the copy holds (and its signature, when a key is
 * given); else the old file stays. LZ_E_DIGEST says what is wrong. */
int lz_vdb_install(const char *from, const char *to, const char *verify_key_pem,
		   const struct lz_limits *limits, struct lz_err *err);

/* Says which names will be looked up, so that a cold file is read all at once and not page by page.
 * name(arg, i) is called for i from 0 to count - 1. */
void lz_vdb_expect(const struct lz_vdb *v, struct lz_span (*name)(const void *arg, size_t i),
		   const void *arg, size_t count);
/* Rows of one (ecosystem, name), decoded into the arena. An advisory comes with the one affected
 * entry that was asked for. 0 rows is not an error. One thread at a time. */
struct lz_vdb_row {
	struct lz_advisory advisory;	 /* affected_count == 1 */
	struct lz_enrichment enrichment; /* of its CVE (id or alias); epss < 0, kev false if none */
};
int lz_vdb_lookup(struct lz_vdb *v, struct lz_span ecosystem, struct lz_span name,
		  struct lz_arena *arena, struct lz_vec *ret_rows, struct lz_err *err);
/* All rows of one id or alias; all ecosystems of one package name: for `db query`. */
int lz_vdb_by_id(struct lz_vdb *v, struct lz_span id, struct lz_arena *arena,
		 struct lz_vec *ret_rows, struct lz_err *err);
int lz_vdb_by_name(struct lz_vdb *v, struct lz_span name, struct lz_arena *arena,
		   struct lz_vec *ret_rows, struct lz_err *err);

/* --- matching --- */

/* Appends struct lz_finding (spans in the arena) for every vulnerability of the packages: one per
 * vulnerability and package, aliases merged, CVE preferred, KEV and EPSS joined. What could not be
 * decided (a version its scheme can't parse) goes to problems (struct lz_problem), never to
 * silence. LZ_E_STALE when the database has no feed for this distribution. */
int lz_match(struct lz_vdb *v, const struct lz_os *os, const struct lz_package *packages,
	     size_t count, struct lz_arena *arena, struct lz_vec *ret_findings,
	     struct lz_vec *ret_problems, struct lz_err *err);
/* Is `version` affected by this entry? The fixed version that applies goes to *ret_fixed (empty:
 * none). */
int lz_affected_by(const struct lz_affected *a, struct lz_span version, bool *ret_affected,
		   struct lz_span *ret_fixed, struct lz_err *err);

/* --- severity --- */

/* Base score of a CVSS 2.0, 3.0, 3.1 or 4.0 vector, computed by us. LZ_E_FORMAT if malformed. */
int lz_cvss_score(struct lz_span vector, double *ret_score, struct lz_err *err);
enum lz_severity lz_cvss_severity(struct lz_span vector, double score);

/* Feed roles for lz_jail_main: parses one feed file in the confined child. */
struct lz_role;
extern const struct lz_role lz_role_feed;
