/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What every target needs: its entry point, and a property that must hold. */
#include "base/err.h"
#include "base/span.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(cond)                                                        \
	do {                                                               \
		if (!(cond)) {                                             \
			fprintf(stderr, "line %d: %s\n", __LINE__, #cond); \
			abort();                                           \
		}                                                          \
	} while (0)

/* An error says something, in one line. */
static inline int checked(int code, const struct lz_err *err)
{
	if (code < 0) {
		CHECK(err->text[0] && !strchr(err->text, '\n'));
		CHECK(code != LZ_E_BUG);
	}
	return code;
}
