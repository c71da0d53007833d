/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret rules check FILE…: whether rules can be loaded, without a kernel. */
#include "cmd.h"
#include "rule_files.h"

#include "../base/limits.h"
#include "../base/log.h"
#include "../format/json.h"
#include "../format/text.h"

#include <stdlib.h>

static const struct lz_option options[] = {
	{"--format", 'f', "FORMAT", "text json", "how to answer; default text"},
	{"--quiet-warnings", 'q', NULL, NULL, "say only what is an error"},
	{NULL, 0, NULL, NULL, NULL},
};

static json_t *text_of(struct lz_span s)
{
	json_t *text = json_stringn(s.n ? s.p : "", s.n);
	struct lz_buf good;

	if (text)
		return text;
	lz_buf_init(&good, LZ_M); /* what a file holds need not be UTF-8 */
	lz_text_show(&good, s);
	text = json_stringn(good.p ? good.p : "", good.n);
	lz_buf_done(&good);
	return text ? text : json_string("");
}

static json_t *rule_of(const struct lz_rule *r)
{
	json_t *tags = json_array();

	for (size_t i = 0; i < r->tag_count; i++)
		json_array_append_new(tags, text_of(r->tags[i]));
	return json_pack("{s:o, s:o, s:s, s:o, s:o, s:s, s:o, s:b, s:b, s:o, s:i}", "name",
			 text_of(r->name), "description", text_of(lz_span_trim(r->desc)),
			 "priority", lz_priority_name(r->priority), "source", text_of(r->source),
			 "tags", tags, "takes", lz_rule_takes(r), "respond",
			 text_of(lz_span_trim(r->respond)), "enabled", r->enabled, "usable",
			 r->usable, "file", text_of(r->file), "line", (int)r->line);
}

static int print_json(const struct lz_rules *r)
{
	json_t *root = json_object(), *notes = json_array(), *rules = json_array();
	int code;

	LZ_VEC_EACH (struct lz_rules_note, n, lz_rules_notes(r))
		json_array_append_new(notes,
				      json_pack("{s:s, s:s, s:o, s:i, s:i, s:o, s:o}", "level",
						n->error ? "error" : "warning", "code", n->code,
						"file", text_of(n->file), "line", (int)n->line,
						"column", (int)n->column, "item", text_of(n->item),
						"message", text_of(n->text)));
	LZ_VEC_EACH (struct lz_rule, rule, lz_rules_all(r))
		json_array_append_new(rules, rule_of(rule));
	json_object_set_new(root, "schema_version", json_integer(1));
	json_object_set_new(root, "valid", json_boolean(!lz_rules_errors(r)));
	json_object_set_new(root, "rules", rules);
	json_object_set_new(root, "notes", notes);
	code = json_dumpf(root, stdout, JSON_INDENT(2)) ? LZ_E_IO : 0;
	json_decref(root);
	putchar('\n');
	return code;
}

static void print_text(const struct lz_rules *r, bool warnings)
{
	size_t usable = 0, disabled = 0, warned = 0;

	lz_cmd_rules_notes(stdout, r, warnings);
	LZ_VEC_EACH (struct lz_rule, rule, lz_rules_all(r)) {
		usable += rule->usable;
		disabled += !rule->enabled;
	}
	warned = lz_rules_notes(r)->n - lz_rules_errors(r);
	printf("%zu rules: %zu ready, %zu disabled; %zu macros, %zu lists, %zu different checks; "
	       "%zu errors, %zu warnings\n",
	       lz_rules_all(r)->n, usable, disabled, lz_rules_macro_count(r),
	       lz_rules_list_count(r), lz_rules_check_count(r), lz_rules_errors(r), warned);
}

static int check(char **files, size_t count, bool json, bool warnings)
{
	struct lz_err err = {0};
	struct lz_rules *r = lz_cmd_rules(files, count, &err);
	int code;

	if (!r) {
		lz_log(LZ_ERROR, "rules check: %s", err.text);
		return LZ_EXIT_INCOMPLETE;
	}
	if (json)
		print_json(r);
	else
		print_text(r, warnings);
	code = lz_rules_errors(r) ? LZ_EXIT_INCOMPLETE : LZ_EXIT_PASS;
	lz_rules_free(r);
	return code;
}

static int run(int argc, char **argv)
{
	struct lz_args a = {.verb = &lz_verb_rules_check, .argc = argc, .argv = argv};
	char **files = calloc((size_t)argc + 1, sizeof(*files));
	bool json = false, warnings = true, usage = !files;
	const char *value;
	size_t count = 0;
	int option, r;

	while (!usage && (r = lz_args_next(&a, &option, &value)) != 0) {
		if (r == 2)
			files[count++] = (char *)(uintptr_t)value;
		else if (r == 1 && option == 1)
			warnings = false;
		else if (r == 1 && (!strcmp(value, "json") || !strcmp(value, "text")))
			json = value[0] == 'j';
		else if (r == 1)
			lz_log(LZ_ERROR, "rules check: --format is text or json"), usage = true;
		else
			usage = true;
	}
	if (!usage && !count)
		lz_log(LZ_ERROR,
		       "rules check: name at least one FILE; see `lazaret rules check --help`"),
			usage = true;
	r = usage ? LZ_EXIT_USAGE : check(files, count, json, warnings);
	free(files);
	return r;
}

const struct lz_verb lz_verb_rules_check = {
	.name = "rules check",
	.arguments = "FILE…",
	.summary = "say whether rule files can be loaded, and where they can't",
	.examples = "lazaret rules check falco_rules.yaml\n"
		    "lazaret rules check falco_rules.yaml my_rules.yaml --format json\n",
	.options = options,
	.run = run,
};
