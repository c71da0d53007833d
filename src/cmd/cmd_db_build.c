/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret db build: a folder of feeds into one database file. */
#include "cmd.h"

#include "../base/clock.h"
#include "../base/log.h"
#include "../vuln/vuln.h"

#include <stdio.h>

enum { OPT_FROM, OPT_OUT, OPT_KEY, OPT_LIMIT };

static const struct lz_option options[] = {
	[OPT_FROM] = {"--from", 0, "DIR", "@dir",
		      "folder of feeds, laid out as docs/feeds.md says"},
	[OPT_OUT] = {"--output", 'o', "FILE", "@file", "database to write, whole or not at all"},
	[OPT_KEY] = {"--sign-key", 0, "PEM", "@file", "Ed25519 private key to sign it with"},
	[OPT_LIMIT] = {"--limit", 0, "NAME=VALUE", NULL, "change a bound on input (repeatable)"},
	{NULL, 0, NULL, NULL, NULL},
};

static int parse(struct lz_build_options *o, int argc, char **argv)
{
	struct lz_args args = {.verb = &lz_verb_db_build, .argc = argc, .argv = argv};
	const char *value;
	struct lz_err err;
	int option, what;

	while ((what = lz_args_next(&args, &option, &value)) > 0) {
		if (what == 2) {
			lz_log(LZ_ERROR, "db build: unexpected \"%s\"", value);
			return LZ_EXIT_USAGE;
		}
		if (option == OPT_FROM)
			o->from_dir = value;
		else if (option == OPT_OUT)
			o->out_path = value;
		else if (option == OPT_KEY)
			o->sign_key = value;
		else if (lz_limits_set(&o->limits, lz_str(value), &err)) {
			lz_log(LZ_ERROR, "%s", err.text);
			return LZ_EXIT_USAGE;
		}
	}
	if (what < 0)
		return LZ_EXIT_USAGE;
	if (o->from_dir && o->out_path)
		return 0;
	lz_log(LZ_ERROR, "db build: both --from DIR and --output FILE are needed");
	return LZ_EXIT_USAGE;
}

static int run(int argc, char **argv)
{
	struct lz_build_options o = {0};
	struct lz_build_stats s;
	uint64_t start = lz_now_ms();
	struct lz_err err;
	int code;

	lz_limits_default(&o.limits);
	code = parse(&o, argc, argv);
	if (code)
		return code;
	if (lz_db_build(&o, &s, &err)) {
		lz_log(LZ_ERROR, "%s", err.text);
		return err.code == LZ_E_USAGE ? LZ_EXIT_USAGE : LZ_EXIT_INCOMPLETE;
	}
	printf("%s: %llu advisories from %llu feed files (%llu records skipped), %.1f MiB, %.1f "
	       "s\n",
	       o.out_path, (unsigned long long)s.advisories, (unsigned long long)s.feeds,
	       (unsigned long long)s.skipped, (double)s.bytes_written / 1048576.0,
	       (double)(lz_now_ms() - start) / 1000.0);
	return LZ_EXIT_PASS;
}

const struct lz_verb lz_verb_db_build = {
	.name = "db build",
	.arguments = "",
	.summary = "make a vulnerability database from a folder of feeds",
	.examples = "lazaret db build --from feeds/ -o lazaret.vdb\n"
		    "lazaret db build --from feeds/ -o lazaret.vdb --sign-key key.pem\n",
	.options = options,
	.run = run,
};
