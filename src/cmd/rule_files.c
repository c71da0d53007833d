/* SPDX-License-Identifier: Apache-2.0 */
/* What the `rules` verbs share: reading files, and saying what loading had to say. */
#include "rule_files.h"

#include "../base/io.h"
#include "../base/limits.h"
#include "../format/text.h"
#include "../rules/paths.h"
#include "config.h"

#include <stdio.h>
#include <unistd.h>

#define FILE_MAX (16 * LZ_M)

int lz_cmd_read_file(const char *path, struct lz_buf *ret, struct lz_err *err)
{
	return strcmp(path, "-") ? lz_read_file(path, ret, err)
				 : lz_read_fd(STDIN_FILENO, "standard input", ret, err);
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

static int add_path(void *arg, const char *path, const struct stat *st, struct lz_err *err)
{
	(void)st;
	return add_file(arg, path, err);
}

bool lz_cmd_own_rules(char *ret, size_t size)
{
	static const char in_tree[] = "../data/rules/runtime";
	ssize_t n = readlink("/proc/self/exe", ret, size - sizeof(in_tree));
	char *end;

	ret[n > 0 ? n : 0] = 0;
	end = strrchr(ret, '/');
	if (end)
		memcpy(end + 1, in_tree, sizeof(in_tree));
	if (!end || access(ret, R_OK))
		lz_span_cstr(LZ_SPAN(LZ_RULES_DIR), ret, size);
	return !access(ret, R_OK);
}

struct lz_rules *lz_cmd_rules(char *const *paths, size_t count, struct lz_err *err)
{
	struct lz_rules *r = lz_rules_new(err);
	int code = r ? 0 : err->code;

	for (size_t i = 0; i < count && !code; i++)
		code = strcmp(paths[i], "-") ? lz_rule_paths_each(paths + i, 1, add_path, r, err)
					     : add_file(r, "-", err);
	if (!code)
		code = lz_rules_compile(r, err);
	if (!code)
		return r;
	lz_rules_free(r);
	return NULL;
}

/* On one line: what broke it becomes a blank. */
static void show_line(struct lz_buf *b, struct lz_span s)
{
	while (s.n) {
		struct lz_span head = s;
		size_t n = 0;
		while (n < s.n && !strchr("\n\t\r", s.p[n]))
			n++;
		head.n = n;
		lz_text_show(b, head);
		if (n < s.n)
			lz_buf_byte(b, ' ');
		s = lz_span_from(s, n + 1);
	}
}

/* file:line:column: error: rule 'X': text [CODE], then the place in the condition. */
static void say(FILE *to, const struct lz_rules_note *n)
{
	size_t columns;
	struct lz_buf b;

	lz_buf_init(&b, LZ_M);
	lz_text_show(&b, n->file);
	if (n->line)
		lz_buf_printf(&b, ":%u:%u", n->line, n->column);
	lz_buf_printf(&b, ": %s: ", n->error ? "error" : "warning");
	lz_text_show(&b, n->item);
	lz_buf_str(&b, n->item.n ? ": " : "");
	lz_text_show(&b, n->text);
	lz_buf_printf(&b, " [%s]\n", n->code);
	if (n->error && n->source.n) {
		size_t from = b.n + 4;
		lz_buf_str(&b, "    ");
		show_line(&b, lz_span_head(n->source, n->source_at));
		columns = lz_text_width(lz_span_from(lz_buf_view(&b), from));
		show_line(&b, lz_span_from(n->source, n->source_at));
		lz_buf_printf(&b, "\n    %*s^\n", (int)columns, "");
	}
	fwrite(b.p ? b.p : "", 1, b.n, to);
	lz_buf_done(&b);
}

void lz_cmd_rules_notes(FILE *to, const struct lz_rules *r, bool warnings)
{
	LZ_VEC_EACH (struct lz_rules_note, n, lz_rules_notes(r))
		if (n->error || warnings)
			say(to, n);
}
