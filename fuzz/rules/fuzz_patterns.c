/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pattern, and behind a zero byte a text: as a glob, a path's glob and a regular expression.
 * Asserted: a glob of plain characters means equality; "*" around a glob that is met is met; a
 * regular expression that is met is met in parentheses, too.
 */
#include "base/clean.h"
#include "base/limits.h"
#include "rules/glob.h"
#include "rules/regexp.h"

#include "fuzz.h"

static bool plain(struct lz_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr("*?[\\", s.p[i]))
			return false;
	return true;
}

static void check_glob(struct lz_span pattern, struct lz_span text)
{
	bool met = lz_glob_once(pattern, text, false);
	char more[LZ_GLOB_MAX + 2];

	if (pattern.n > LZ_GLOB_MAX)
		return;
	if (plain(pattern))
		CHECK(met == lz_span_eq(pattern, text));
	lz_glob_once(pattern, text, true);
	lz_glob_path_once(pattern, text);
	more[0] = '*';
	if (pattern.n)
		memcpy(more + 1, pattern.p, pattern.n);
	if (met && pattern.n < LZ_GLOB_MAX)
		CHECK(lz_glob_once(lz_span(more, pattern.n + 1), text, false));
}

static void check_regexp(struct lz_span pattern, struct lz_span text)
{
	LZ_CLEAN(arena) struct lz_arena arena;
	struct lz_err err = {0};
	const struct lz_regexp *r, *around;

	lz_arena_init(&arena, 64 * LZ_M);
	r = lz_regexp_compile(&arena, pattern, &err);
	if (!r) {
		CHECK(err.code < 0 && err.text[0]);
		return;
	}
	if (!lz_regexp_match(r, text))
		return;
	around = lz_regexp_compile(
		&arena, lz_arena_printf(&arena, "(%.*s)", (int)pattern.n, pattern.p), &err);
	if (around) /* else it has become too large */
		CHECK(lz_regexp_match(around, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
	struct lz_span pattern = lz_span(data, zero ? (size_t)(zero - data) : size);
	struct lz_span text = zero ? lz_span(zero + 1, size - pattern.n - 1) : LZ_SPAN("");

	check_glob(pattern, text);
	check_regexp(pattern, text);
	return 0;
}
