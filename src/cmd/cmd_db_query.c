/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret db query: what the database says of a package or a vulnerability. */
#include "cmd.h"

#include "../base/buf.h"
#include "../base/clean.h"
#include "../base/log.h"
#include "../format/json.h"
#include "../format/text.h"
#include "../vuln/vuln.h"

#include <stdio.h>
#include <string.h>

enum { OPT_DB, OPT_FORMAT };

static const struct lz_option options[] = {
	[OPT_DB] = {"--db", 0, "FILE", "@file", "the database (see lazaret-db(1) for the default)"},
	[OPT_FORMAT] = {"--format", 'f', "FORMAT", "table json", "how to print the answer (table)"},
	{NULL, 0, NULL, NULL, NULL},
};

static void put(const char *label, struct lz_span s)
{
	LZ_CLEAN(buf) struct lz_buf b;

	lz_buf_init(&b, LZ_M);
	lz_text_show(&b, s);
	printf("%s%.*s", label, (int)b.n, b.p ? b.p : "");
}

static void put_row(const struct lz_vdb_row *r)
{
	static const char *const events[] = {"from", "fixed in", "up to", "before"};
	const struct lz_advisory *a = &r->advisory;
	const struct lz_affected *x = a->affected;

	put("", a->id);
	put("  ", x->ecosystem);
	put("  ", x->name);
	for (size_t i = 0; i < x->event_count && i < 64; i++) {
		if (x->events[i].kind == LZ_EV_INTRODUCED && lz_span_is(x->events[i].version, "0"))
			continue;
		printf("  %s", events[x->events[i].kind]);
		put(" ", x->events[i].version);
	}
	if (x->not_affected)
		printf("  not affected");
	else if (x->fix != LZ_FIX_AVAILABLE && x->fix != LZ_FIX_UNKNOWN)
		printf("  %s", lz_fix_state_name(x->fix));
	if (x->severity || a->severity)
		printf("  %s", lz_severity_name(x->severity ? x->severity : a->severity));
	if (r->enrichment.kev)
		printf("  KEV");
	if (a->title.n)
		put("  ", a->title);
	putchar('\n');
}

/* --- JSON ------------------------------------------------------------------------------------- */

static const char *const event_names[] = {"introduced", "fixed", "last_affected", "limit"};

static void quote(struct lz_buf *b, const char *before, struct lz_span s)
{
	lz_buf_str(b, before);
	if (s.n)
		lz_json_quote(b, s);
	else
		lz_buf_str(b, "null");
}

static void quote_list(struct lz_buf *b, const char *before, const struct lz_span *s, size_t n)
{
	lz_buf_str(b, before);
	for (size_t i = 0; i < n; i++)
		quote(b, i ? "," : "", s[i]);
	lz_buf_byte(b, ']');
}

static void json_row(struct lz_buf *b, const struct lz_vdb_row *r)
{
	const struct lz_advisory *a = &r->advisory;
	const struct lz_affected *x = a->affected;
	enum lz_severity s = x->severity ? x->severity : a->severity;

	quote(b, "{\"id\":", a->id);
	quote(b, ",\"feed\":", a->feed);
	quote_list(b, ",\"aliases\":[", a->aliases, a->alias_count);
	quote(b, ",\"ecosystem\":", x->ecosystem);
	quote(b, ",\"package\":", x->name);
	quote(b, ",\"module\":", x->module);
	lz_buf_str(b, ",\"events\":[");
	for (size_t i = 0; i < x->event_count; i++) {
		lz_buf_printf(b, "%s{\"%s\":", i ? "," : "", event_names[x->events[i].kind]);
		quote(b, "", x->events[i].version);
		lz_buf_byte(b, '}');
	}
	quote_list(b, "],\"versions\":[", x->versions, x->version_count);
	quote(b,
	      ",\"status\":", lz_str(x->not_affected ? "not_affected" : lz_fix_state_name(x->fix)));
	quote(b, ",\"severity\":", lz_str(lz_severity_name(s)));
	quote_list(b, ",\"cvss\":[", a->cvss, a->cvss_count);
	lz_buf_printf(b, ",\"kev\":%s", r->enrichment.kev ? "true" : "false");
	if (r->enrichment.epss >= 0)
		lz_buf_printf(b, ",\"epss\":%g", r->enrichment.epss);
	else
		lz_buf_str(b, ",\"epss\":null");
	quote(b, ",\"title\":", a->title);
	quote_list(b, ",\"references\":[", a->references, a->reference_count);
	lz_buf_byte(b, '}');
}

static int json(const struct lz_vec *rows, const char *what)
{
	LZ_CLEAN(buf) struct lz_buf b;
	bool first = true;

	lz_buf_init(&b, LZ_G);
	quote(&b, "{\"schema_version\":1,\"query\":", lz_str(what));
	lz_buf_str(&b, ",\"rows\":[");
	LZ_VEC_EACH (struct lz_vdb_row, row, rows) {
		lz_buf_str(&b, first ? "" : ",\n");
		json_row(&b, row);
		first = false;
	}
	lz_buf_str(&b, "]}\n");
	if (!b.code && fwrite(b.p, 1, b.n, stdout) == b.n)
		return LZ_EXIT_PASS;
	lz_log(LZ_ERROR, "the answer could not be written");
	return LZ_EXIT_INCOMPLETE;
}

static int look(struct lz_vdb *v, const char *what, bool as_json)
{
	LZ_CLEAN(arena) struct lz_arena arena;
	LZ_CLEAN(vec) struct lz_vec rows;
	struct lz_err err;
	int r;

	lz_arena_init(&arena, LZ_G);
	lz_vec_init(&rows, sizeof(struct lz_vdb_row), 1000000);
	r = lz_vdb_by_id(v, lz_str(what), &arena, &rows, &err);
	if (!r)
		r = lz_vdb_by_name(v, lz_str(what), &arena, &rows, &err);
	if (r) {
		lz_log(LZ_ERROR, "%s", err.text);
		return LZ_EXIT_INCOMPLETE;
	}
	if (as_json)
		return json(&rows, what);
	LZ_VEC_EACH (struct lz_vdb_row, row, &rows)
		put_row(row);
	if (!rows.n)
		lz_log(LZ_INFO,
		       "%s: the database knows no package and no vulnerability of this name", what);
	return LZ_EXIT_PASS;
}

static int run(int argc, char **argv)
{
	struct lz_args args = {.verb = &lz_verb_db_query, .argc = argc, .argv = argv};
	const char *value, *what = NULL, *db = NULL, *format = "table";
	char path[4096];
	struct lz_vdb *v;
	struct lz_err err;
	int option, kind, code;

	while ((kind = lz_args_next(&args, &option, &value)) > 0) {
		if (kind == 1 && option == OPT_DB)
			db = value;
		else if (kind == 1)
			format = value;
		else
			what = what ? "" : value;
	}
	if (kind < 0 || !what || !*what) {
		if (!kind)
			lz_log(LZ_ERROR, "db query: name one PACKAGE or one vulnerability");
		return LZ_EXIT_USAGE;
	}
	if (strcmp(format, "table") && strcmp(format, "json")) {
		lz_log(LZ_ERROR, "db query: --format %s: expected table or json", format);
		return LZ_EXIT_USAGE;
	}
	if (!db && !lz_vdb_default_path(path, sizeof(path), &err))
		db = path;
	v = db ? lz_vdb_open(db, &err) : NULL;
	if (!v) {
		lz_log(LZ_ERROR, "%s", err.text);
		return LZ_EXIT_KNOWLEDGE;
	}
	code = look(v, what, !strcmp(format, "json"));
	lz_vdb_close(v);
	return code;
}

const struct lz_verb lz_verb_db_query = {
	.name = "db query",
	.arguments = "PACKAGE|CVE",
	.summary = "print what the database knows of a package or a vulnerability",
	.examples = "lazaret db query CVE-2021-44228\nlazaret db query openssl --format json\n",
	.options = options,
	.run = run,
};
