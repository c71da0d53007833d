/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Text from strangers, made fit to show or to store.
 */
#include "../base/buf.h"

bool lz_utf8_valid(struct lz_span s);
/* Appends s for a terminal: control characters (C0, C1, bidi overrides) and invalid UTF-8 are
 * shown as \xNN or \u{NNNN}, so that a package name can't move the cursor. */
int lz_text_show(struct lz_buf *b, struct lz_span s);
/* Columns s takes on a terminal (wide East Asian characters count 2, combining ones 0). */
size_t lz_text_width(struct lz_span s);
/* Lower-case hex of n bytes; ret holds 2 n + 1. */
void lz_hex(const unsigned char *p, size_t n, char *ret);
