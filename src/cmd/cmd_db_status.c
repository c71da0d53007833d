/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret db status, db verify: how old the database is, what it was made of, whether it is whole.
 */
#include "cmd.h"

#include "../base/clock.h"
#include "../base/log.h"
#include "../vuln/vuln.h"

#include <stdio.h>

enum { OPT_DB, OPT_MAX_AGE, OPT_KEY };

static const struct lz_option status_options[] = {
	[OPT_DB] = {"--db", 0, "FILE", "@file", "the database (see lazaret-db(1) for the default)"},
	[OPT_MAX_AGE] = {"--max-age", 0, "DAYS", NULL, "exit 4 when it is older (7)"},
	{NULL, 0, NULL, NULL, NULL},
};
static const struct lz_option verify_options[] = {
	[OPT_DB] = {"--db", 0, "FILE", "@file", "the database (see lazaret-db(1) for the default)"},
	[OPT_MAX_AGE] = {"--verify-key", 0, "PEM", "@file", "public key that must have signed it"},
	{NULL, 0, NULL, NULL, NULL},
};

struct flags {
	char path[4096];
	const char *db, *key;
	uint64_t days;
};

static int parse(const struct lz_verb *verb, int argc, char **argv, struct flags *f)
{
	struct lz_args args = {.verb = verb, .argc = argc, .argv = argv};
	const char *value;
	struct lz_err err;
	int option, what;

	while ((what = lz_args_next(&args, &option, &value)) > 0) {
		if (what == 2) {
			lz_log(LZ_ERROR, "%s: takes no argument", verb->name);
			return LZ_EXIT_USAGE;
		}
		if (option == OPT_DB)
			f->db = value;
		else if (verb == &lz_verb_db_verify)
			f->key = value;
		else if (!lz_span_u64(lz_str(value), 10, &f->days) || f->days > 36500) {
			lz_log(LZ_ERROR, "--max-age %s: expected a number of days", value);
			return LZ_EXIT_USAGE;
		}
	}
	if (what < 0)
		return LZ_EXIT_USAGE;
	if (f->db)
		return 0;
	if (lz_vdb_default_path(f->path, sizeof(f->path), &err)) {
		lz_log(LZ_ERROR, "%s", err.text);
		return LZ_EXIT_KNOWLEDGE;
	}
	f->db = f->path;
	return 0;
}

static void print_feeds(const struct lz_vdb *v)
{
	char day[32];

	for (size_t i = 0; i < lz_vdb_feed_count(v); i++) {
		struct lz_feed_info f;
		if (lz_vdb_feed(v, i, &f, NULL))
			continue;
		lz_time_rfc3339(f.date_s, day, sizeof(day));
		printf("  %-24.*s %10llu records", LZ_FMT(f.name), (unsigned long long)f.records);
		if (f.skipped)
			printf(", %llu skipped", (unsigned long long)f.skipped);
		if (f.date_s)
			printf(", newest %.10s, %lld days ago", day,
			       (long long)((lz_today_s() - f.date_s) / 86400));
		putchar('\n');
	}
}

static struct lz_vdb *open_it(const struct flags *f)
{
	struct lz_err err;
	struct lz_vdb *v = lz_vdb_open(f->db, &err);

	if (!v)
		lz_log(LZ_ERROR, "%s", err.text);
	return v;
}

static int run_status(int argc, char **argv)
{
	struct flags f = {.days = 7};
	int code = parse(&lz_verb_db_status, argc, argv, &f);
	struct lz_vdb *v = code ? NULL : open_it(&f);
	int64_t age;
	char day[32];

	if (!v)
		return code ? code : LZ_EXIT_KNOWLEDGE;
	age = lz_today_s() - lz_vdb_built_s(v);
	lz_time_rfc3339(lz_vdb_built_s(v), day, sizeof(day));
	printf("%s: %llu advisories, of %s (%lld days old)\n", f.db,
	       (unsigned long long)lz_vdb_advisory_count(v), day, (long long)(age / 86400));
	print_feeds(v);
	lz_vdb_close(v);
	if (age <= (int64_t)f.days * 86400)
		return LZ_EXIT_PASS;
	lz_log(LZ_WARN, "older than %llu days", (unsigned long long)f.days);
	return LZ_EXIT_KNOWLEDGE;
}

static int run_verify(int argc, char **argv)
{
	struct flags f = {.days = 7};
	int code = parse(&lz_verb_db_verify, argc, argv, &f);
	struct lz_vdb *v = code ? NULL : open_it(&f);
	struct lz_err err;

	if (!v)
		return code ? code : LZ_EXIT_KNOWLEDGE;
	if (lz_vdb_verify(v, f.key, &err)) {
		lz_log(LZ_ERROR, "%s: %s", f.db, err.text);
		code = err.code == LZ_E_USAGE ? LZ_EXIT_USAGE : LZ_EXIT_INCOMPLETE;
	} else {
		printf("%s: every checksum holds%s\n", f.db, f.key ? ", the signature too" : "");
	}
	lz_vdb_close(v);
	return code;
}

const struct lz_verb lz_verb_db_status = {
	.name = "db status",
	.arguments = "",
	.summary = "say how old the vulnerability database is and what it holds",
	.examples = "lazaret db status --max-age 1\n",
	.options = status_options,
	.run = run_status,
};

const struct lz_verb lz_verb_db_verify = {
	.name = "db verify",
	.arguments = "",
	.summary = "check every checksum of the database, and its signature",
	.examples = "lazaret db verify --db lazaret.vdb --verify-key lazaret.pub\n",
	.options = verify_options,
	.run = run_verify,
};
