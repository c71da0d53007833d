/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One scan: a target becomes evidence (catalog/), evidence becomes findings (vuln/), and all of it
 * one answer. The rooms below do the work; this one keeps the order and decides what "complete"
 * means.
 */
#include "../image/image.h"
#include "../model/model.h"
#include "../vuln/vuln.h"

struct lz_ignore {
	struct lz_span id;     /* CVE or alias */
	struct lz_span reason; /* may be empty */
};

struct lz_scan_options {
	struct lz_image_select select;
	struct lz_limits limits;
	unsigned jobs;	    /* layers analysed at the same time; 0: processors available */
	struct lz_vdb *vdb; /* NULL: inventory only */
	const struct lz_ignore *ignores;
	size_t ignore_count;
	enum lz_severity min_severity; /* findings below are hidden */
	bool only_fixed;	       /* findings without a fix are hidden */
	int64_t now_s;
	bool want_files; /* keep the lists of files that packages own */
};

struct lz_scan_layer {
	struct lz_span digest;	/* of the blob as stored; verified */
	struct lz_span diff_id; /* of the unpacked bytes; verified */
	struct lz_span created_by;
	uint64_t size; /* packed */
	uint64_t unpacked;
	uint64_t entries;
};

/* The answer about one image or root file system. All memory is in its arena. */
struct lz_scan {
	struct lz_arena arena;
	struct lz_target target;
	struct lz_span name;   /* of the image; the path for a directory */
	struct lz_span digest; /* of the manifest or config; empty for a directory */
	struct lz_platform platform;
	struct lz_os os;
	struct lz_scan_layer *layers;
	size_t layer_count;
	struct lz_vec packages; /* struct lz_package */
	struct lz_vec findings; /* struct lz_finding, in risk order, suppressed ones too */
	struct lz_vec problems; /* struct lz_problem */
	bool complete;		/* false: something could not be read */
	int knowledge_code;	/* 0, or LZ_E_STALE: no feed for this distribution */
	struct lz_span knowledge_text;
	int64_t created_s;
	struct lz_vdb *vdb; /* borrowed; for the report's "knowledge" */
	/* figures */
	uint64_t wall_ms, child_cpu_ms, child_max_rss_bytes;
};

/* Scans one target: one struct lz_scan * per image found in it is appended to ret_scans (owned by
 * the caller, lz_scan_free). A negative code only when there is no image to speak of; all other
 * trouble is in the scans' problems. */
int lz_scan_run(struct lz_span target, const struct lz_scan_options *o, struct lz_vec *ret_scans,
		struct lz_err *err);
void lz_scan_free(struct lz_scan *s);

/* Exit code of the whole run: 0, 1 (fail_on reached by an unsuppressed finding), 3, 4; the worst
 * kind of not knowing wins: 4 over 3 over 1. */
int lz_scan_exit(const struct lz_scan *const *scans, size_t count, bool fail_on_set,
		 enum lz_severity fail_on);
