/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret rules explain EVENT RULE: why a rule meets an event, or does not, term by term. */
#include "cmd.h"
#include "rule_files.h"

#include "../base/clean.h"
#include "../base/limits.h"
#include "../base/log.h"

#include <stdlib.h>

static const struct lz_option options[] = {
	{"--rules", 'r', "FILE", "@file",
	 "rule file; may be given several times, later files change earlier ones"},
	{NULL, 0, NULL, NULL, NULL},
};

static const struct lz_rule *rule_named(const struct lz_rules *r, const char *name)
{
	const char *nearest = NULL;
	size_t best = 8;

	LZ_VEC_EACH (struct lz_rule, rule, lz_rules_all(r)) {
		char text[200];
		if (lz_span_is(rule->name, name))
			return rule;
		if (lz_span_cstr(rule->name, text, sizeof(text)) &&
		    lz_cmd_distance(name, text) < best) {
			best = lz_cmd_distance(name, text);
			nearest = rule->name.p;
		}
	}
	lz_log(LZ_ERROR, "rules explain: no rule \"%s\"%s%s%s", name,
	       nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
	return NULL;
}

static int print(const struct lz_rules *r, const struct lz_rule *rule, struct lz_json_event *j)
{
	LZ_CLEAN(buf) struct lz_buf out;
	struct lz_err err = {0};
	struct lz_matcher *m = lz_matcher_new(r, &err);
	struct lz_watch_event *e = lz_json_event_of(j);
	bool met = false;

	lz_buf_init(&out, 64 * LZ_M);
	if (!m) {
		lz_log(LZ_ERROR, "rules explain: %s", err.text);
		return LZ_EXIT_INCOMPLETE;
	}
	lz_match_explain(m, e, rule, &out, &met);
	if (met && rule->timing)
		lz_buf_str(&out,
			   "\nthe event counts for this rule, which looks at several; its alert, "
			   "were this the last of them:");
	if (met) {
		lz_buf_printf(&out, "\n%s: ", lz_priority_name(rule->priority));
		lz_match_output(m, e, rule, &out);
		lz_buf_byte(&out, '\n');
	} else {
		lz_buf_str(&out, "\nthe rule does not meet this event\n");
	}
	fwrite(out.p ? out.p : "", 1, out.n, stdout);
	lz_matcher_free(m);
	return out.code ? LZ_EXIT_INCOMPLETE : LZ_EXIT_PASS;
}

static int explain(char **files, size_t count, const char *event, const char *name)
{
	struct lz_err err = {0};
	struct lz_rules *r = lz_cmd_rules(files, count, &err);
	const struct lz_rule *rule = r ? rule_named(r, name) : NULL;
	struct lz_json_event *j = NULL;
	struct lz_buf text;
	int code = LZ_EXIT_INCOMPLETE;

	lz_buf_init(&text, 16 * LZ_M);
	if (r && rule && !rule->usable) {
		lz_cmd_rules_notes(stderr, r, false);
		lz_log(LZ_ERROR, "rules explain: this rule is %s",
		       rule->enabled ? "in error" : "disabled");
	} else if (rule && !lz_cmd_read_file(event, &text, &err)) {
		j = lz_json_event_new(lz_buf_view(&text), &err);
		if (j)
			code = print(r, rule, j);
	}
	if (err.code)
		lz_log(LZ_ERROR, "rules explain: %s", err.text);
	lz_json_event_free(j);
	lz_buf_done(&text);
	lz_rules_free(r);
	return code;
}

static int run(int argc, char **argv)
{
	struct lz_args a = {.verb = &lz_verb_rules_explain, .argc = argc, .argv = argv};
	char **files = calloc((size_t)argc + 1, sizeof(*files));
	const char *value, *words[2] = {NULL, NULL};
	size_t count = 0, given = 0;
	int option, r = 0;

	while (files && (r = lz_args_next(&a, &option, &value)) > 0) {
		if (r == 1)
			files[count++] = (char *)(uintptr_t)value;
		else if (given < 2)
			words[given++] = value;
		else
			given++;
	}
	if (!r && (given != 2 || !count)) {
		lz_log(LZ_ERROR, "rules explain: name --rules FILE, an EVENT file and a RULE; see "
				 "`lazaret rules explain --help`");
		r = -1;
	}
	r = r < 0 || !files ? LZ_EXIT_USAGE : explain(files, count, words[0], words[1]);
	free(files);
	return r;
}

const struct lz_verb lz_verb_rules_explain = {
	.name = "rules explain",
	.arguments = "EVENT RULE",
	.summary = "show what each term of a rule was worth for an event (JSON)",
	.examples = "lazaret rules explain --rules falco_rules.yaml event.json 'Terminal shell in "
		    "container'\n"
		    "echo '{\"evt.type\": \"execve\", \"proc.name\": \"nc\"}' | lazaret rules "
		    "explain -r my.yaml - 'Netcat'\n",
	.options = options,
	.run = run,
};
