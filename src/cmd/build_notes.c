/* SPDX-License-Identifier: Apache-2.0 */
/* What a user should know of the feeds a database was built from. */
#include "cmd.h"

#include "../base/log.h"
#include "../vuln/vuln.h"

void lz_cmd_build_notes(const struct lz_build_stats *s)
{
	const struct lz_build_note *first = NULL;

	LZ_VEC_EACH (struct lz_build_note, n, &s->notes) {
		if (n->kind == LZ_NOTE_SKIPPED && !first)
			first = n;
		if (n->kind == LZ_NOTE_FAILED &&
		    s->failed > 1) /* the only one is told at the end */
			lz_log(LZ_ERROR, "%.*s: %.*s", LZ_FMT(n->path), LZ_FMT(n->text));
		if (n->kind != LZ_NOTE_FAILED)
			lz_log(LZ_DEBUG, "%.*s: %s: %.*s", LZ_FMT(n->path),
			       n->kind == LZ_NOTE_IGNORED ? "ignored" : "left out",
			       LZ_FMT(n->text));
	}
	if (s->ignored)
		lz_log(LZ_INFO, "%llu files or folders are no feed and were ignored",
		       (unsigned long long)s->ignored);
	if (first)
		lz_log(LZ_INFO,
		       "%llu records were left out, wholly or in part: withdrawn, malformed, or of "
		       "an "
		       "ecosystem we do not know; such as %.*s: %.*s",
		       (unsigned long long)s->skipped, LZ_FMT(first->path), LZ_FMT(first->text));
}
