/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside rules/ only: what makes a rule look at several events. */
#include "set.h"

enum { LZ_COUNT_MAX = 1000, LZ_SEQUENCE_MAX = 16, LZ_BY_MAX = 8 };

struct lz_timing {
	uint32_t number; /* among the rule set's */
	unsigned count;	 /* events that must meet the condition; 0: a sequence */
	uint64_t within_ns;
	uint32_t *steps; /* nodes: conditions of a sequence */
	size_t step_count;
	uint32_t *by; /* terms whose values make a key */
	size_t by_count;
	uint32_t distinct; /* a term of which different values are counted, or LZ_NO_TERM */
	uint64_t identity; /* the rule's name and all that it says, for hot reloads */
};

/* A sequence's steps become rule->node, "or"; all else about timing becomes rule->timing. What is
 * wrong becomes notes, and *ret_good false. */
int lz_timing_compile(struct lz_rules *r, struct lz_rule *rule, const struct lz_rule_def *d,
		      bool *ret_good, struct lz_err *err);
