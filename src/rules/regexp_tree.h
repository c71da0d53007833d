/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside rules/ only: a regular expression as it was read, for the program to be made of. */
#include "../base/arena.h"
#include "../base/err.h"
#include "../base/vec.h"

enum { LZ_RE_STEPS_MAX = 10000 };

enum lz_re_op {
	LZ_RE_BYTE,
	LZ_RE_SET,
	LZ_RE_ANY,
	LZ_RE_SPLIT,
	LZ_RE_JUMP,
	LZ_RE_BEGIN,
	LZ_RE_END,
	LZ_RE_EDGE,   /* of a word */
	LZ_RE_INSIDE, /* no edge */
	LZ_RE_MET,
};

struct lz_re_set { /* of bytes */
	uint64_t bits[4];
};

enum lz_re_kind { LZ_RE_LEAF, LZ_RE_ROW, LZ_RE_EITHER, LZ_RE_REPEAT };
#define LZ_RE_NO_END UINT32_MAX

struct lz_re_tree {
	enum lz_re_kind kind;
	enum lz_re_op op;     /* of a leaf */
	uint32_t x;	      /* its byte, or its set's number */
	uint32_t least, most; /* of a repeat; LZ_RE_NO_END */
	unsigned depth;
	struct lz_re_tree *first, *last, *next;
};

/* NULL with err. Trees are the arena's; sets (struct lz_re_set) are added to. */
struct lz_re_tree *lz_re_read(struct lz_span pattern, struct lz_arena *arena, struct lz_vec *sets,
			      struct lz_err *err);
/* Says what is wrong with a pattern; NULL. */
void *lz_re_wrong(struct lz_span pattern, const char *what, struct lz_err *err);
int lz_re_is_word(int c);
