/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside cmd/ only: the rows of the verb table and what verbs share. */
#include "verb.h"

extern const struct lz_verb lz_verb_scan, lz_verb_db_build, lz_verb_db_status, lz_verb_db_query,
	lz_verb_db_verify, lz_verb_db_compare, lz_verb_db_update, lz_verb_db_export,
	lz_verb_db_import, lz_verb_rules_check, lz_verb_rules_explain, lz_verb_watch, lz_verb_top,
	lz_verb_list, lz_verb_completion;

/* --no-color was given. */
extern bool lz_cmd_no_colour;

/* How many slips of the finger make a into b. */
size_t lz_cmd_distance(const char *a, const char *b);

void lz_help_overview(void);
/* The verbs that begin with `word`: "db". */
void lz_help_group(const char *word);
void lz_help_verb(const struct lz_verb *v);

/* Failures are said in any case; what was left out only when asked for (--verbose), but its number
 * and one example always. */
struct lz_build_stats;
void lz_cmd_build_notes(const struct lz_build_stats *s);
