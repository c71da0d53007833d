/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside watch/ only: what the kernel has to send so that no rule misses anything. */
#include "../rules/rules.h"
#include "../sensor/programs.h"

/* Fills what follows from the rules: calls and their classes, environment, flows and so on. */
int lz_want(const struct lz_rules *r, struct lz_programs_config *c, struct lz_err *err);
/* Whether two answers differ in what has to be loaded. */
bool lz_want_same(const struct lz_programs_config *a, const struct lz_programs_config *b);
