/* SPDX-License-Identifier: Apache-2.0 */
/* What the `rules` verbs share: reading files, and saying what loading had to say. */
#include "rule_files.h"

#include "../base/io.h"
#include "../base/limits.h"
#include "../base/log.h"

#include <errno.h>
#include <stdio.h>

#define FILE_MAX (16 * LZ_M)

int lz_cmd_read_file(const char *path, struct lz_buf *ret, struct lz_err *err)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "rbe") : stdin;
	size_t n;

	if (!f)
		return lz_fail_errno(err, "%s", path);
	do {
		if (lz_buf_reserve(ret, 65536))
			break;
		n = fread(ret->p + ret->n, 1, 65536, f);
		ret->n += n;
	} while (n);
	if (ferror(f))
		lz_fail_errno(err, "%s", path);
	else if (ret->code == LZ_E_LIMIT)
		lz_fail(err, LZ_E_LIMIT, "%s: larger than %llu bytes", path, FILE_MAX);
	else if (ret->code)
		lz_fail(err, ret->code, "%s: %s", path, lz_code_text(ret->code));
	else
		err->code = 0;
	if (f != stdin)
		fclose(f);
	return err->code;
}

static int add_file(struct lz_rules *r, const char *path, struct lz_err *err)
{
	struct lz_buf text;
	int code;

	lz_buf_init(&text, FILE_MAX);
	code = lz_cmd_read_file(path, &text, err);
	if (!code)
		code = lz_rules_add(r, lz_str(path), lz_buf_view(&text), err);
	lz_buf_done(&text);
	return code;
}

struct lz_rules *lz_cmd_rules(char *const *paths, size_t count, struct lz_err *err)
{
	struct lz_rules *r = lz_rules_new(err);
	int code = r ? 0 : err->code;

	for (size_t i = 0; i < count && !code; i++)
		code = add_file(r, paths[i], err);
	if (!code)
		code = lz_rules_compile(r, err);
	if (!code)
		return r;
	lz_rules_free(r);
	return NULL;
}

/* file:line:column: error: rule 'X': text [CODE], then the place in the condition. */
static void say(FILE *to, const struct lz_rules_note *n)
{
	fprintf(to, "%.*s", LZ_FMT(n->file));
	if (n->line)
		fprintf(to, ":%u:%u", n->line, n->column);
	fprintf(to, ": %s: %.*s%s%.*s [%s]\n", n->error ? "error" : "warning", LZ_FMT(n->item),
		n->item.n ? ": " : "", LZ_FMT(n->text), n->code);
	if (!n->source.n || !n->error)
		return;
	fputs("    ", to);
	for (size_t i = 0; i < n->source.n; i++)
		fputc((unsigned char)n->source.p[i] < 32 ? ' ' : n->source.p[i], to);
	fprintf(to, "\n    %*s^\n", (int)n->source_at, "");
}

void lz_cmd_rules_notes(FILE *to, const struct lz_rules *r, bool warnings)
{
	LZ_VEC_EACH (struct lz_rules_note, n, lz_rules_notes(r))
		if (n->error || warnings)
			say(to, n);
}
