/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One feed format is one file and one row. A reader runs in the confined child: it pulls bytes and
 * puts advisories into a sink; the parent decodes them again and adds them to the builder.
 */
#include "../format/reader.h"
#include "vuln.h"

struct lz_feed_sink {
	int (*advisory)(struct lz_feed_sink *s, const struct lz_advisory *a, struct lz_err *err);
	int (*enrichment)(struct lz_feed_sink *s, const struct lz_enrichment *e,
			  struct lz_err *err);
	int (*info)(struct lz_feed_sink *s, const struct lz_feed_info *f, struct lz_err *err);
	/* One record that could not be used; the feed goes on. Counted in the feed's `skipped`. */
	int (*skipped)(struct lz_feed_sink *s, uint64_t offset, const char *why,
		       struct lz_err *err);
};

struct lz_feed_format {
	const char *name; /* "debian" */
	/* Where it lies below the feed folder: "debian/tracker.json", "alpine/STAR/STAR.json",
	 * "osv/STAR.zip" (STAR: an asterisk, any letters of one component; two of them: any
	 * components); ".gz" may follow unless seekable or gathered; ends with NULL. */
	const char *const *paths;
	/* `path` is relative to the feed folder ("alpine/v3.9/main.json"): only its last components
	 * carry meaning. `fd` is seekable for zip (and r NULL), else -1 and bytes come from r
	 * (already unpacked), which is closed. Records that can't be used are left out by name; an
	 * error says that the feed as a whole could not be read. */
	int (*read)(struct lz_span path, struct lz_reader *r, int fd,
		    const struct lz_limits *limits, struct lz_feed_sink *sink, struct lz_err *err);
	bool seekable;
	/* All files that match below one folder come as one tar stream, path by path in order. */
	bool gathered;
};

extern const struct lz_feed_format *const lz_feed_formats[]; /* ends with NULL */
/* By path below the feed folder, or by name; NULL when there is none. */
const struct lz_feed_format *lz_feed_format_of(struct lz_span path);
const struct lz_feed_format *lz_feed_format_find(struct lz_span name);

/* OSV's ecosystem names to ours (`package` is not needed so far): "Debian:12" -> "debian:12",
 * "Alpine:v3.18" -> "alpine:v3.18", "PyPI" -> "pypi", "Rocky Linux:8" -> "rocky:8", "AlmaLinux:8"
 * -> "almalinux:8", "Ubuntu:22.04:LTS" -> "ubuntu:22.04"; false (and skipped) for ecosystems we
 * don't know. */
bool lz_ecosystem_of_osv(struct lz_span osv, struct lz_span package, struct lz_arena *arena,
			 struct lz_span *ret_ecosystem, enum lz_order *ret_order);
