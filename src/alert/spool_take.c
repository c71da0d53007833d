/* SPDX-License-Identifier: Apache-2.0 */
/* What a spool's files say. A crash, a full disk or somebody's editor may have been there before. */
#include "spool.h"

#include "../base/limits.h"
#include "../format/json.h"

/* A receiver that gets one line it can't read may refuse all of a batch, again and again: nothing
 * but a JSON object is sent. Memory that is short is not damage. */
static int is_object(struct lz_span line, bool *ret)
{
	LZ_CLEAN_JSON json_t *j = NULL;
	struct lz_limits limits;
	struct lz_err err = {0};

	*ret = false;
	if (line.n < 2 || line.p[0] != '{' || line.n > LZ_SPOOL_LINE_MAX)
		return 0;
	lz_limits_default(&limits);
	j = lz_json_load(line, &limits, "spool", &err);
	*ret = j && json_is_object(j);
	return !j && err.code == LZ_E_NOMEM ? LZ_E_NOMEM : 0;
}

int64_t lz_spool_take(struct lz_span text, size_t lines_max, size_t bytes_max, struct lz_buf *ret,
		      size_t *ret_lines, uint64_t *ret_damaged)
{
	size_t at = 0, before = ret->n;

	*ret_lines = 0;
	*ret_damaged = 0;
	while (at < text.n && *ret_lines < lines_max && at < bytes_max) {
		struct lz_span rest = lz_span_from(text, at), line;
		ptrdiff_t end = lz_span_find(rest, '\n');
		bool good = false;
		if (end < 0) { /* torn, or longer than any that was written */
			at = text.n;
			++*ret_damaged;
			break;
		}
		line = lz_span_head(rest, (size_t)end);
		if (is_object(line, &good))
			return LZ_E_NOMEM;
		/* the first one goes whatever its length; no other makes the batch too long */
		if (good && *ret_lines && ret->n - before + line.n + 1 > bytes_max)
			break;
		if (good && lz_buf_span(ret, lz_span_head(rest, (size_t)end + 1)))
			return ret->code;
		*ret_lines += good;
		*ret_damaged += !good && line.n > 0;
		at += (size_t)end + 1;
	}
	return (int64_t)at;
}

bool lz_spool_cursor(struct lz_span text, uint64_t *ret_segment, uint64_t *ret_at)
{
	struct lz_span line, segment, at;

	if (text.n != 34 || text.p[33] != '\n')
		return false;
	line = lz_span_head(text, 33);
	return lz_span_cut(line, ' ', &segment, &at) && segment.n == 16 && at.n == 16 &&
	       lz_span_u64(segment, 16, ret_segment) && lz_span_u64(at, 16, ret_at);
}
