/* SPDX-License-Identifier: Apache-2.0 */
#include "paths.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define FILES_MAX 1000

static int is_rule_file(const struct dirent *e)
{
	struct lz_span name = lz_str(e->d_name);

	return e->d_name[0] != '.' && (lz_span_ends(name, ".yaml") || lz_span_ends(name, ".yml"));
}

static int one_file(const char *path, lz_rule_path *each, void *arg, struct lz_err *err)
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
static int folder(const char *path, lz_rule_path *each, void *arg, struct lz_err *err)
{
	struct dirent **names = NULL;
	int n = scandir(path, &names, is_rule_file, alphasort), code = 0;

	if (n < 0)
		return lz_fail_errno(err, "%s", path);
	if (n > FILES_MAX)
		code = lz_fail(err, LZ_E_LIMIT, "%s: more than %d rule files", path, FILES_MAX);
	for (int i = 0; i < n; i++) {
		char whole[4096];
		if (!code &&
		    snprintf(whole, sizeof(whole), "%s/%s", path, names[i]->d_name) >= 4096)
			code = lz_fail(err, LZ_E_LIMIT, "%s: name too long", path);
		if (!code)
			code = one_file(whole, each, arg, err);
		free(names[i]);
	}
	free(names);
	return code;
}

int lz_rule_paths_each(char *const *paths, size_t count, lz_rule_path *each, void *arg,
		       struct lz_err *err)
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
