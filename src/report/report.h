/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Findings to text. A format is one file and one row; it writes to a FILE and knows nothing of
 * how the answer came about.
 */
#include "../scan/scan.h"

#include <stdio.h>

struct lz_report_options {
	bool colour;
	unsigned columns;     /* of the terminal; 0: not a terminal, don't cut */
	bool packages;	      /* list packages too */
	bool files;	      /* and the files they own */
	bool show_suppressed; /* list them in the table too; JSON always has them */
};

struct lz_report_format {
	const char *name; /* "table" "json" */
	const char *help;
	/* All targets of one run. */
	int (*write)(const struct lz_scan *const *scans, size_t count,
		     const struct lz_report_options *o, FILE *out, struct lz_err *err);
};

extern const struct lz_report_format *const lz_report_formats[];	   /* ends with NULL */
extern const struct lz_report_format lz_report_table, lz_report_json;	   /* one file each */
const struct lz_report_format *lz_report_format_find(struct lz_span name); /* or NULL */

/* What a summary says about one scan. Hidden and suppressed findings are counted apart. */
struct lz_report_counts {
	size_t total; /* findings shown */
	size_t by_severity[LZ_SEV_COUNT];
	size_t fixable, unfixed, kev, suppressed, hidden;
};
void lz_report_count(const struct lz_scan *s, struct lz_report_counts *ret);
