/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside watch/ only: the rule files of a watch, read again when they change. */
#include "../rules/rules.h"

struct lz_rule_set {
	struct lz_rules *rules;
	uint64_t stamp; /* of the files' names, sizes and times */
};

/* Reads and compiles all. A file with an error is an error: err names the first place. */
int lz_rule_set_load(char *const *paths, size_t count, struct lz_rule_set *ret, struct lz_err *err);
void lz_rule_set_drop(struct lz_rule_set *s);
/* What the files look like from outside now: another stamp, another content. */
uint64_t lz_rule_set_stamp(char *const *paths, size_t count);
