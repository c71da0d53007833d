/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazaret db export, db import: a database goes to, and comes from, a machine without network. Both
 * check every byte of what they write before it takes its place.
 */
#include "cmd.h"

#include "../base/io.h"
#include "../base/log.h"
#include "../vuln/vuln.h"

#include <fcntl.h>
#include <stdio.h>

enum { OPT_DB, OPT_KEY, OPT_OUTPUT };

static const struct lz_option export_options[] = {
	[OPT_DB] = {"--db", 0, "FILE", "@file", "the database (see lazaret-db(1) for the default)"},
	[OPT_KEY] = {"--verify-key", 0, "PEM", "@file", "public key that must have signed it"},
	[OPT_OUTPUT] = {"--output", 'o', "FILE", "@file", "where the copy goes"},
	{NULL, 0, NULL, NULL, NULL},
};
static const struct lz_option import_options[] = {
	[OPT_DB] = {"--db", 0, "FILE", "@file",
		    "the database to replace (see lazaret-db(1) for the default)"},
	[OPT_KEY] = {"--verify-key", 0, "PEM", "@file", "public key that must have signed it"},
	{NULL, 0, NULL, NULL, NULL},
};

struct copy {
	char path[4096];
	const char *db, *key, *other;
};

static int parse(const struct lz_verb *verb, int argc, char **argv, struct copy *c)
{
	struct lz_args args = {.verb = verb, .argc = argc, .argv = argv};
	bool importing = verb == &lz_verb_db_import;
	const char *value;
	struct lz_err err;
	int option, what;

	while ((what = lz_args_next(&args, &option, &value)) > 0) {
		if (what == 2 && (!importing || c->other)) {
			lz_log(LZ_ERROR, "%s: unexpected \"%s\"", verb->name, value);
			return LZ_EXIT_USAGE;
		}
		if (what == 2 || option == OPT_OUTPUT)
			c->other = value;
		else if (option == OPT_DB)
			c->db = value;
		else
			c->key = value;
	}
	if (what < 0)
		return LZ_EXIT_USAGE;
	if (!c->other) {
		lz_log(LZ_ERROR, "%s: %s is needed; see `lazaret %s --help`", verb->name,
		       importing ? "a FILE to import" : "--output FILE", verb->name);
		return LZ_EXIT_USAGE;
	}
	if (c->db)
		return 0;
	c->db = c->path;
	if (!lz_vdb_default_path(c->path, sizeof(c->path), &err))
		return 0;
	lz_log(LZ_ERROR, "%s", err.text);
	return LZ_EXIT_KNOWLEDGE;
}

static int install(const struct lz_verb *verb, const char *from, const char *to, const char *key)
{
	struct lz_limits limits;
	struct lz_err err;

	lz_limits_default(&limits);
	if (!lz_make_folders(AT_FDCWD, to, &err) && !lz_vdb_install(from, to, key, &limits, &err)) {
		lz_log(LZ_INFO, "%s: checked%s, and copied to %s", from,
		       key ? " with its signature" : "", to);
		return LZ_EXIT_PASS;
	}
	lz_log(LZ_ERROR, "%s: nothing was changed: %s", verb->name, err.text);
	return err.code == LZ_E_USAGE ? LZ_EXIT_USAGE : LZ_EXIT_INCOMPLETE;
}

static int run_export(int argc, char **argv)
{
	struct copy c = {.db = NULL};
	int code = parse(&lz_verb_db_export, argc, argv, &c);

	return code ? code : install(&lz_verb_db_export, c.db, c.other, c.key);
}

static int run_import(int argc, char **argv)
{
	struct copy c = {.db = NULL};
	int code = parse(&lz_verb_db_import, argc, argv, &c);

	return code ? code : install(&lz_verb_db_import, c.other, c.db, c.key);
}

const struct lz_verb lz_verb_db_export = {
	.name = "db export",
	.arguments = "",
	.summary = "copy the database, checked, to carry it to a machine without network",
	.examples = "lazaret db export -o /media/stick/lazaret.vdb\n",
	.options = export_options,
	.run = run_export,
};

const struct lz_verb lz_verb_db_import = {
	.name = "db import",
	.arguments = "FILE",
	.summary = "put a database in place, once its checksums and signature hold",
	.examples = "lazaret db import /media/stick/lazaret.vdb --verify-key lazaret.pub\n",
	.options = import_options,
	.run = run_import,
};
