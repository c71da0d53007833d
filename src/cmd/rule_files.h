/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside cmd/ only: what the `rules` verbs share. */
#include "../rules/rules.h"

#include <stdio.h>

/* Whole file, or standard input for "-". */
int lz_cmd_read_file(const char *path, struct lz_buf *ret, struct lz_err *err);
/* Read and compiled; mistakes in the rules are notes of the set. NULL with err: a file can't be
 * read, no memory. */
struct lz_rules *lz_cmd_rules(char *const *paths, size_t count, struct lz_err *err);
/* The folder of the set that comes with the program: beside it in the source tree, or where it was
 * installed. False: it is not there (its name is filled in all the same). */
bool lz_cmd_own_rules(char *ret, size_t size);
void lz_cmd_rules_notes(FILE *to, const struct lz_rules *r, bool warnings);
