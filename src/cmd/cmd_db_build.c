/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazaret db build: a folder of feeds becomes one database file.
 */
#include "cmd.h"

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/progress.h"
#include "../vuln/vuln.h"

#include <stdlib.h>

enum { OPT_FROM, OPT_OUTPUT, OPT_SIGN_KEY, OPT_LIMIT };

static const struct lz_option options[] = {
	[OPT_FROM] = {"--from", 0, "DIR", "@dir", "folder of feeds (see docs/feeds.md)"},
	[OPT_OUTPUT] = {"--output", 'o', "FILE", "@file", "database to write, whole or not at all"},
	[OPT_SIGN_KEY] = {"--sign-key", 0, "FILE", "@file", "sign with this Ed25519 key (PEM)"},
	[OPT_LIMIT] = {"--limit", 0, "NAME=VALUE", NULL,
		       "change a bound on input; `lazaret list limits` names them (repeatable)"},
	{NULL, 0, NULL, NULL, NULL},
};

static int take(struct lz_build_options *o, int option, const char *value, struct lz_err *err)
{
	switch (option) {
	case OPT_FROM:
		o->from_dir = value;
		return 0;
	case OPT_OUTPUT:
		o->out_path = value;
		return 0;
	case OPT_SIGN_KEY:
		o->sign_key = value;
		return 0;
	case OPT_LIMIT:
		return lz_limits_set(&o->limits, lz_str(value), err);
	default:
		return lz_fail(err, LZ_E_BUG, "option %d is not handled", option);
	}
}

static int parse(struct lz_build_options *o, int argc, char **argv)
{
	struct lz_args args = {.verb = &lz_verb_db_build, .argc = argc, .argv = argv};
	const char *value;
	struct lz_err err;
	int option, what;

	while ((what = lz_args_next(&args, &option, &value)) > 0) {
		int r = what == 2 ? lz_fail(&err, LZ_E_USAGE, "db build: unexpected \"%s\"", value)
				  : take(o, option, value, &err);
		if (r) {
			lz_log(LZ_ERROR, "%s", err.text);
			return LZ_EXIT_USAGE;
		}
	}
	if (what < 0)
		return LZ_EXIT_USAGE;
	if (!o->from_dir || !o->out_path) {
		lz_log(LZ_ERROR, "db build: --from DIR and --output FILE are needed; see "
				 "`lazaret db build --help`");
		return LZ_EXIT_USAGE;
	}
	return LZ_EXIT_PASS;
}

static void summary(const struct lz_build_options *o, const struct lz_build_stats *s,
		    uint64_t took_ms)
{
	lz_log(LZ_INFO,
	       "%s: %llu advisories for %llu packages and %llu facts on CVEs from %llu feeds, "
	       "%.1f MB, in %.1f s",
	       o->out_path, (unsigned long long)s->advisories, (unsigned long long)s->affected,
	       (unsigned long long)s->enrichments, (unsigned long long)s->feeds,
	       (double)s->bytes_written / 1e6, (double)took_ms / 1e3);
}

static int run(int argc, char **argv)
{
	struct lz_build_options o = {.from_dir = NULL};
	uint64_t start_ms = lz_now_ms();
	struct lz_build_stats stats;
	struct lz_err err;
	int r;

	lz_limits_default(&o.limits);
	r = parse(&o, argc, argv);
	if (r)
		return r;
	/* Reproducible across copies of a folder, whose modification times differ. */
	if (getenv("SOURCE_DATE_EPOCH"))
		o.built_s = lz_today_s();
	o.progress = lz_progress_new("building", 0);
	r = lz_db_build(&o, &stats, &err);
	lz_progress_free(o.progress);
	lz_cmd_build_notes(&stats);
	if (r)
		lz_log(LZ_ERROR, "%s was not written: %s", o.out_path, err.text);
	else
		summary(&o, &stats, lz_now_ms() - start_ms);
	lz_build_stats_done(&stats);
	return r ? LZ_EXIT_INCOMPLETE : LZ_EXIT_PASS;
}

const struct lz_verb lz_verb_db_build = {
	.name = "db build",
	.arguments = "",
	.summary = "build a vulnerability database from a folder of feeds",
	.examples = "lazaret db build --from feeds/ -o lazaret.vdb\n"
		    "lazaret db build --from feeds/ -o lazaret.vdb --sign-key key.pem\n"
		    "SOURCE_DATE_EPOCH=1735689600 lazaret db build --from feeds/ -o lazaret.vdb\n",
	.options = options,
	.run = run,
};
