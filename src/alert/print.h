/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside alert/ only: what both forms of an alert share. */
#include "alert.h"

/* One alert being written. */
struct lz_print {
	struct lz_buf *b;
	const struct lz_alert *a;
	enum lz_alert_form form;
	size_t text_max; /* bytes of one text; longer ones are cut */
	bool cut;
};

/* The part of s that is written; notes that something was cut. Never in the midst of a
 * character. */
struct lz_span lz_print_cut(struct lz_print *p, struct lz_span s);
/* "10:20:30.000000001", local time. */
void lz_print_clock(struct lz_buf *b, uint64_t time_ns);
/* "Warning" */
const char *lz_print_priority(const struct lz_alert *a);
void lz_print_json(struct lz_print *p);
