/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret db query: what the database says of a package or a vulnerability. */
#include "cmd.h"

#include "../base/buf.h"
#include "../base/clean.h"
#include "../base/log.h"
#include "../format/text.h"
#include "../vuln/vuln.h"

#include <stdio.h>

enum { OPT_DB };

static const struct lz_option options[] = {
	[OPT_DB] = {"--db", 0, "FILE", "@file", "the database (see lazaret-db(1) for the default)"},
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

static int look(struct lz_vdb *v, const char *what)
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
	const char *value, *what = NULL, *db = NULL;
	char path[4096];
	struct lz_vdb *v;
	struct lz_err err;
	int option, kind, code;

	while ((kind = lz_args_next(&args, &option, &value)) > 0) {
		if (kind == 1)
			db = value;
		else
			what = what ? "" : value;
	}
	if (kind < 0 || !what || !*what) {
		if (!kind)
			lz_log(LZ_ERROR, "db query: name one PACKAGE or one vulnerability");
		return LZ_EXIT_USAGE;
	}
	if (!db && !lz_vdb_default_path(path, sizeof(path), &err))
		db = path;
	v = db ? lz_vdb_open(db, &err) : NULL;
	if (!v) {
		lz_log(LZ_ERROR, "%s", err.text);
		return LZ_EXIT_KNOWLEDGE;
	}
	code = look(v, what);
	lz_vdb_close(v);
	return code;
}

const struct lz_verb lz_verb_db_query = {
	.name = "db query",
	.arguments = "PACKAGE|CVE",
	.summary = "print what the database knows of a package or a vulnerability",
	.examples = "lazaret db query CVE-2021-44228\nlazaret db query openssl\n",
	.options = options,
	.run = run,
};
