/* SPDX-License-Identifier: Apache-2.0 */
#include "rule_set.h"

#include "../base/clean.h"
#include "../base/io.h"
#include "../base/limits.h"
#include "../base/map.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define FILE_MAX  (16 * LZ_M)
#define FILES_MAX 1000

/* What is done with each rule file. */
typedef int each_file(void *arg, const char *path, const struct stat *st, struct lz_err *err);

static int is_rule_file(const struct dirent *e)
{
	struct lz_span name = lz_str(e->d_name);

	return e->d_name[0] != '.' && (lz_span_ends(name, ".yaml") || lz_span_ends(name, ".yml"));
}

static int one_file(const char *path, each_file *each, void *arg, struct lz_err *err)
{
	struct stat st;

	if (stat(path, &st))
		return lz_fail_errno(err, "%s", path);
	/* A pipe that somebody put there would be waited for without end. */
	if (!S_ISREG(st.st_mode))
		return lz_fail(err, LZ_E_UNSUPPORTED, "%s: not a regular file", path);
	return each(arg, path, &st, err);
}

/* The files of a folder, in the order of their names. */
static int folder(const char *path, each_file *each, void *arg, struct lz_err *err)
{
	struct dirent **names = NULL;
	int n = scandir(path, &names, is_rule_file, alphasort), code = 0;

	if (n < 0)
		return lz_fail_errno(err, "%s", path);
	if (n > FILES_MAX)
		code = lz_fail(err, LZ_E_LIMIT, "%s: more than %d rule files", path, FILES_MAX);
	for (int i = 0; i < n; i++) {
		char whole[4096];
		if (!code && snprintf(whole, sizeof(whole), "%s/%s", path, names[i]->d_name) >= 4096)
			code = lz_fail(err, LZ_E_LIMIT, "%s: name too long", path);
		if (!code)
			code = one_file(whole, each, arg, err);
		free(names[i]);
	}
	free(names);
	return code;
}

static int each_of(char *const *paths, size_t count, each_file *each, void *arg, struct lz_err *err)
{
	int code = 0;

	for (size_t i = 0; i < count && !code; i++) {
		struct stat st;
		if (stat(paths[i], &st))
			return lz_fail_errno(err, "%s", paths[i]);
		code = S_ISDIR(st.st_mode) ? folder(paths[i], each, arg, err)
					   : each(arg, paths[i], &st, err);
	}
	return code;
}

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
	const uint64_t parts[] = {*stamp, (uint64_t)st->st_ino, (uint64_t)st->st_size,
				  (uint64_t)st->st_mtim.tv_sec, (uint64_t)st->st_mtim.tv_nsec,
				  lz_hash_stable(lz_str(path))};

	(void)err;
	*stamp = lz_hash_stable(lz_span(parts, sizeof(parts)));
	return 0;
}

uint64_t lz_rule_set_stamp(char *const *paths, size_t count)
{
	uint64_t stamp = 1;

	return each_of(paths, count, stamp_file, &stamp, NULL) ? 0 : stamp;
}

static int first_error(const struct lz_rules *r, struct lz_err *err)
{
	LZ_VEC_EACH (struct lz_rules_note, n, lz_rules_notes(r))
		if (n->error)
			return lz_fail(err, LZ_E_FORMAT, "%.*s:%u:%u: %.*s%s%.*s (%zu errors; "
				       "`lazaret rules check` shows all)", LZ_FMT(n->file), n->line,
				       n->column, LZ_FMT(n->item), n->item.n ? ": " : "",
				       LZ_FMT(n->text), lz_rules_errors(r));
	return 0;
}

int lz_rule_set_load(char *const *paths, size_t count, struct lz_rule_set *ret, struct lz_err *err)
{
	struct lz_rules *r = lz_rules_new(err);
	uint64_t stamp = lz_rule_set_stamp(paths, count);
	int code = r ? each_of(paths, count, add_file, r, err) : LZ_E_NOMEM;

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
