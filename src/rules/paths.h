/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Which rule files a user means: files as they are named, of folders those that end with .yaml or
 * .yml, in the order of their names.
 */
#include "../base/err.h"
#include "../base/span.h"

#include <sys/stat.h>

/* What is done with each file; another value than 0 ends the walk. */
typedef int lz_rule_path(void *arg, const char *path, const struct stat *st, struct lz_err *err);
/* 0, what a call returned, or LZ_E_IO, LZ_E_LIMIT of a path that can't be read. */
int lz_rule_paths_each(char *const *paths, size_t count, lz_rule_path *each, void *arg,
		       struct lz_err *err);
