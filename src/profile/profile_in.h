/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside profile/ only: a profile, and its entries in order. */
#include "../base/arena.h"
#include "../base/map.h"
#include "../base/vec.h"
#include "profile.h"
#include "shape.h"

enum { PROFILE_ARENA = 8 * LZ_PROFILE_BYTES, SEEN_ARENA = 16 * LZ_PROFILE_BYTES };

struct lz_entry_of { /* one value of one kind */
	struct lz_span value;
	struct lz_span *parents; /* of a program; room for LZ_PARENTS_MAX */
	unsigned parent_count;
};

struct lz_profile {
	struct lz_profile_about about;
	struct lz_arena arena;
	struct lz_map of[LZ_FACT_KINDS];   /* value → struct lz_entry_of */
	struct lz_vec open[LZ_FACT_KINDS]; /* struct lz_entry_of *: those that stand for others */
	uint64_t cut[LZ_FACT_KINDS];
	size_t bytes; /* of the text, at most */
	/* judging */
	struct lz_arena seen_arena;
	struct lz_map seen; /* fact → 1 known by an open entry, 2 told */
	size_t told;
	uint64_t minute_ms, minute_told, held, held_before;
};

/* "/a/x1", "/a/x2" … become "/a/ *" (settle.c). Sorts; returns how many are left, negative without
 * memory. */
int lz_settle_paths(struct lz_arena *arena, struct lz_span *path, size_t n);
/* Each entry, in the order of their values; negative without memory, or what each() returned. */
int lz_profile_sorted(const struct lz_profile *p, enum lz_fact_kind kind, struct lz_vec *ret);
