/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders whose names mean nothing show by their number: where more than SIBLINGS lie beside each
 * other, the level becomes "*". The first level never does.
 */
#include "profile_in.h"

#include "../base/clean.h"

#include <stdlib.h>

enum { SIBLINGS = 16 };

static int by_bytes(const void *a, const void *b)
{
	return lz_span_cmp(*(const struct lz_span *)a, *(const struct lz_span *)b);
}

/* Where level `depth` (from 0) of a path begins, and the level itself; false: it has none. */
static bool level_at(struct lz_span path, unsigned depth, struct lz_span *ret)
{
	size_t at = 0;

	for (unsigned d = 0;; d++) {
		struct lz_span rest;
		while (at < path.n && path.p[at] == '/')
			at++;
		if (at == path.n)
			return false;
		rest = lz_span_from(path, at);
		lz_span_cut(rest, '/', ret, &rest);
		if (d == depth)
			return true;
		at += ret->n;
	}
}

static size_t prefix_of(struct lz_span path, unsigned depth)
{
	struct lz_span level;

	return level_at(path, depth, &level) ? (size_t)(level.p - path.p) : 0;
}

/* How many of a sorted array, from i on, share what is in front of level `depth`; 0: i has no such
 * level. */
static size_t family(const struct lz_span *path, size_t n, size_t i, unsigned depth)
{
	size_t prefix = prefix_of(path[i], depth), end = i + 1;

	if (!prefix)
		return 0;
	while (end < n && path[end].n > prefix && !memcmp(path[end].p, path[i].p, prefix))
		end++;
	return end - i;
}

/* Different names at that level; negative without memory. */
static int names_of(const struct lz_span *path, size_t n, unsigned depth)
{
	LZ_CLEAN(map) struct lz_map names;
	struct lz_span level;

	lz_map_init(&names, SIBLINGS + 1);
	for (size_t i = 0; i < n && names.live <= SIBLINGS; i++)
		if (level_at(path[i], depth, &level) && !lz_span_is(level, "**") &&
		    !lz_map_put(&names, level, NULL, NULL))
			return LZ_E_NOMEM;
	return (int)names.live;
}

static bool star(struct lz_arena *arena, struct lz_span *path, unsigned depth)
{
	struct lz_span level;
	size_t before, after;
	char *p;

	if (!level_at(*path, depth, &level) || lz_span_is(level, "**"))
		return true;
	before = (size_t)(level.p - path->p);
	after = path->n - before - level.n;
	p = lz_arena_alloc(arena, before + 1 + after + 1);
	if (!p)
		return false;
	memcpy(p, path->p, before);
	p[before] = '*';
	memcpy(p + before + 1, level.p + level.n, after);
	*path = lz_span(p, before + 1 + after);
	return true;
}

static size_t unique(struct lz_span *path, size_t n)
{
	size_t to = 0;

	if (n)
		qsort(path, n, sizeof(*path), by_bytes);
	for (size_t i = 0; i < n; i++)
		if (!to || !lz_span_eq(path[i], path[to - 1]))
			path[to++] = path[i];
	return to;
}

int lz_settle_paths(struct lz_arena *arena, struct lz_span *path, size_t n)
{
	n = unique(path, n);
	for (unsigned depth = 1; depth < LZ_SHAPE_DEPTH; depth++) {
		for (size_t i = 0, count; i < n; i += count) {
			int names;
			count = family(path, n, i, depth);
			names = count > SIBLINGS ? names_of(path + i, count, depth) : 0;
			if (names < 0)
				return names;
			for (size_t j = i; names > SIBLINGS && j < i + count; j++)
				if (!star(arena, &path[j], depth))
					return LZ_E_NOMEM;
			count = count ? count : 1;
		}
		n = unique(path, n);
	}
	return (int)n;
}
