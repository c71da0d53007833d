/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What every unit test needs: cmocka behind one include, the place of shared test data, and the
 * loop that makes each allocation fail in turn.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/span.h"

/* Path below ../shared, or NULL (say so and skip) when it is not there. */
static inline const char *shared_path(const char *rel)
{
	static char path[4096];
	const char *root = getenv("LZ_SHARED");
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root ? root : "../shared", rel);
	f = fopen(path, "rb");
	if (!f) {
		print_message("SKIPPED: %s is absent (shared test data)\n", path);
		return NULL;
	}
	fclose(f);
	return path;
}
/* cmocka's skip() jumps: use as  const char *p = shared_or_skip("versions/apk.txt"); */
#define shared_or_skip(rel)                        \
	__extension__({                            \
		const char *p_ = shared_path(rel); \
		if (!p_)                           \
			skip();                    \
		p_;                                \
	})
static inline const char *source_path(const char *rel)
{
	static char path[4096];
	const char *root = getenv("LZ_SOURCE");

	snprintf(path, sizeof(path), "%s/%s", root ? root : ".", rel);
	return path;
}

#define assert_span(s, text)                                                       \
	do {                                                                       \
		struct lz_span s_ = (s);                                           \
		const char *t_ = (text);                                           \
		if (!lz_span_is(s_, t_))                                           \
			fail_msg("got \"%.*s\", expected \"%s\"", LZ_FMT(s_), t_); \
	} while (0)

#define assert_ok(call, err)                                                          \
	do {                                                                          \
		int r_ = (call);                                                      \
		if (r_ < 0)                                                           \
			fail_msg("%s: %s (%s)", #call, (err).text, lz_code_name(r_)); \
	} while (0)

/*
 * Runs `call` with the 1st, 2nd, 3rd … allocation failing until a run succeeds: every failing run
 * must return LZ_E_NOMEM (or LZ_E_LIMIT, where a cap speaks first) and leak nothing (ASan tells).
 */
#define assert_survives_nomem(call)                                        \
	do {                                                               \
		for (unsigned long nth_ = 1;; nth_++) {                    \
			int r_;                                            \
			lz_alloc_fail_at(nth_, false);                     \
			r_ = (call);                                       \
			bool hit_ = lz_alloc_failed();                     \
			lz_alloc_fail_at(0, false);                        \
			if (!hit_)                                         \
				break;                                     \
			if (r_ >= 0)                                       \
				continue; /* the failure was survivable */ \
			assert_int_equal(r_, LZ_E_NOMEM);                  \
		}                                                          \
	} while (0)
