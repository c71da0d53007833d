/* SPDX-License-Identifier: Apache-2.0 */
#include "rule_set.h"

#include "../base/clean.h"
#include "../base/io.h"
#include "../base/limits.h"
#include "../base/map.h"
#include "../rules/paths.h"

#include <sys/stat.h>

#define FILE_MAX (16 * LZ_M)

static int add_file(void *arg, const char *path, const struct stat *st, struct lz_err *err)
{
	struct lz_rules *r = arg;
	LZ_CLEAN(buf) struct lz_buf text;
	int code;

	(void)st;
	lz_buf_init(&text, FILE_MAX);
	code = lz_read_file(path, &text, err);
	return code ? code : lz_rules_add(r, lz_str(path), lz_buf_view(&text), err);
}

static int stamp_file(void *arg, const char *path, const struct stat *st, struct lz_err *err)
{
	uint64_t *stamp = arg;
	const uint64_t parts[] = {*stamp,
				  (uint64_t)st->st_ino,
				  (uint64_t)st->st_size,
				  (uint64_t)st->st_mtim.tv_sec,
				  (uint64_t)st->st_mtim.tv_nsec,
				  lz_hash_stable(lz_str(path))};

	(void)err;
	*stamp = lz_hash_stable(lz_span(parts, sizeof(parts)));
	return 0;
}

uint64_t lz_rule_set_stamp(char *const *paths, size_t count)
{
	uint64_t stamp = 1;

	return lz_rule_paths_each(paths, count, stamp_file, &stamp, NULL) ? 0 : stamp;
}

static int first_error(const struct lz_rules *r, struct lz_err *err)
{
	LZ_VEC_EACH (struct lz_rules_note, n, lz_rules_notes(r))
		if (n->error)
			return lz_fail(err, LZ_E_FORMAT,
				       "%.*s:%u:%u: %.*s%s%.*s (%zu errors; "
				       "`lazaret rules check` shows all)",
				       LZ_FMT(n->file), n->line, n->column, LZ_FMT(n->item),
				       n->item.n ? ": " : "", LZ_FMT(n->text), lz_rules_errors(r));
	return 0;
}

int lz_rule_set_load(char *const *paths, size_t count, struct lz_rule_set *ret, struct lz_err *err)
{
	struct lz_rules *r = lz_rules_new(err);
	uint64_t stamp = lz_rule_set_stamp(paths, count);
	int code = r ? lz_rule_paths_each(paths, count, add_file, r, err) : LZ_E_NOMEM;

	if (!code)
		code = lz_rules_compile(r, err);
	if (!code)
		code = first_error(r, err);
	if (code) {
		lz_rules_free(r);
		return code;
	}
	*ret = (struct lz_rule_set){r, stamp};
	return 0;
}

void lz_rule_set_drop(struct lz_rule_set *s)
{
	lz_rules_free(s->rules);
	*s = (struct lz_rule_set){0};
}
