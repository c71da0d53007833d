/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazaret db update: what vendors say today becomes the database. Any failure leaves the old one.
 */
#include "cmd.h"

#include "../base/clock.h"
#include "../base/io.h"
#include "../base/log.h"
#include "../base/progress.h"
#include "../update/update.h"
#include "../vuln/vuln.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPT_DB, OPT_FEEDS, OPT_MIRROR, OPT_CACHE, OPT_RETRIES, OPT_TIMEOUT, OPT_SIGN, OPT_LIMIT };

static const struct lz_option options[] = {
	[OPT_DB] = {"--db", 0, "FILE", "@file",
		    "the database to write (see lazaret-db(1) for the default)"},
	[OPT_FEEDS] = {"--feeds", 0, "LIST", NULL,
		       "only these, such as debian,alpine:v3.18,osv:npm,kev,epss (all)"},
	[OPT_MIRROR] = {"--mirror", 0, "URL|DIR", "@dir",
			"a copy of all feeds, in place of their vendors"},
	[OPT_CACHE] = {"--cache", 0, "DIR", "@dir", "where downloads are kept (~/.cache/lazaret)"},
	[OPT_RETRIES] = {"--retries", 0, "N", NULL, "further tries for each file (4)"},
	[OPT_TIMEOUT] = {"--timeout", 0, "SECONDS", NULL, "patience without a byte (30)"},
	[OPT_SIGN] = {"--sign-key", 0, "FILE", "@file", "sign with this Ed25519 key (PEM)"},
	[OPT_LIMIT] = {"--limit", 0, "NAME=VALUE", NULL,
		       "change a bound on input; `lazaret list limits` names them (repeatable)"},
	{NULL, 0, NULL, NULL, NULL},
};

struct job {
	struct lz_update_options update;
	struct lz_build_options build;
	const char *db;
	char db_path[4096], cache[4096], feeds[4200], built[4200];
};

static int number(const char *value, uint64_t max, unsigned *ret, struct lz_err *err)
{
	uint64_t n;

	if (!lz_span_u64(lz_str(value), 10, &n) || n > max)
		return lz_fail(err, LZ_E_USAGE, "\"%s\": expected a number up to %llu", value,
			       (unsigned long long)max);
	*ret = (unsigned)n;
	return 0;
}

static int take(struct job *j, int option, const char *value, struct lz_err *err)
{
	switch (option) {
	case OPT_DB:
		j->db = value;
		return 0;
	case OPT_FEEDS:
		j->update.feeds = value;
		return 0;
	case OPT_MIRROR:
		j->update.mirror = value;
		return 0;
	case OPT_CACHE:
		j->update.cache_dir = value;
		return 0;
	case OPT_RETRIES:
		return number(value, 100, &j->update.retries, err);
	case OPT_TIMEOUT:
		return number(value, 86400, &j->update.patience_s, err);
	case OPT_SIGN:
		j->build.sign_key = value;
		return 0;
	case OPT_LIMIT:
		return lz_limits_set(&j->update.limits, lz_str(value), err);
	default:
		return lz_fail(err, LZ_E_BUG, "option %d is not handled", option);
	}
}

/* Downloads are shared by all databases of a user. */
static void default_cache(struct job *j)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	if (cache && *cache)
		snprintf(j->cache, sizeof(j->cache), "%s/lazaret", cache);
	else if (home && *home)
		snprintf(j->cache, sizeof(j->cache), "%s/.cache/lazaret", home);
	else
		snprintf(j->cache, sizeof(j->cache), "%s.cache", j->db);
	j->update.cache_dir = j->cache;
}

static int places(struct job *j, struct lz_err *err)
{
	if (!j->db) {
		if (lz_vdb_default_path(j->db_path, sizeof(j->db_path), err))
			return err->code;
		j->db = j->db_path;
	}
	if (!j->update.cache_dir)
		default_cache(j);
	snprintf(j->feeds, sizeof(j->feeds), "%s/feeds", j->update.cache_dir);
	snprintf(j->built, sizeof(j->built), "%s/state/built.vdb", j->update.cache_dir);
	return lz_make_folders(AT_FDCWD, j->db, err);
}

/* A mirror may be a folder, and then is read where it is. */
static int check_mirror(struct job *j, struct lz_err *err)
{
	const char *m = j->update.mirror;
	struct stat st;

	if (!m)
		return 0;
	if (!strncasecmp(m, "http://", 7) || !strncasecmp(m, "https://", 8))
		return 0;
	if (!strncmp(m, "file://", 7))
		m += 7;
	if (stat(m, &st) < 0 || !S_ISDIR(st.st_mode))
		return lz_fail(err, LZ_E_USAGE,
			       "--mirror %s: neither a folder nor an http:// or https:// address",
			       j->update.mirror);
	j->build.from_dir = m;
	return 0;
}

static int parse(struct job *j, int argc, char **argv)
{
	struct lz_args args = {.verb = &lz_verb_db_update, .argc = argc, .argv = argv};
	const char *value;
	struct lz_err err;
	int option, what, r = 0;

	while (!r && (what = lz_args_next(&args, &option, &value)) > 0)
		r = what == 2 ? lz_fail(&err, LZ_E_USAGE, "unexpected \"%s\"", value)
			      : take(j, option, value, &err);
	if (!r && what < 0)
		return LZ_EXIT_USAGE;
	r = r ? r : check_mirror(j, &err);
	r = r ? r : places(j, &err);
	if (!r)
		return LZ_EXIT_PASS;
	lz_log(LZ_ERROR, "db update: %s", err.text);
	return r == LZ_E_USAGE ? LZ_EXIT_USAGE : LZ_EXIT_INCOMPLETE;
}

static int unchanged(const struct job *j, const struct lz_err *err)
{
	lz_log(LZ_ERROR, "%s %s: %s", j->db,
	       access(j->db, F_OK) ? "was not written" : "stays as it was", err->text);
	return err->code == LZ_E_USAGE ? LZ_EXIT_USAGE : LZ_EXIT_INCOMPLETE;
}

/* "alpine:v3.2" once, though two of its files are not there. */
static void tell_absent(const struct lz_update_stats *s, bool mirror)
{
	struct lz_span last = {"", 0};
	struct lz_buf names;

	lz_buf_init(&names, 4096);
	LZ_VEC_EACH (struct lz_update_note, n, &s->notes) {
		if (n->kind != LZ_UPDATE_ABSENT || lz_span_eq(n->source, last))
			continue;
		lz_buf_printf(&names, " %.*s", LZ_FMT(n->source));
		last = n->source;
	}
	if (names.n)
		lz_log(mirror ? LZ_WARN : LZ_DEBUG, "%s does not have:%s",
		       mirror ? "the mirror" : "the vendor", names.p);
	lz_buf_done(&names);
}

static void tell(const struct lz_update_stats *s, bool mirror)
{
	LZ_VEC_EACH (struct lz_update_note, n, &s->notes) {
		if (n->kind == LZ_UPDATE_FAILED &&
		    s->failed > 1) /* the only one is told at the end */
			lz_log(LZ_ERROR, "%.*s: %.*s", LZ_FMT(n->source), LZ_FMT(n->text));
		if (n->kind == LZ_UPDATE_RETRY)
			lz_log(LZ_DEBUG, "%.*s: tried again: %.*s", LZ_FMT(n->source),
			       LZ_FMT(n->text));
	}
	tell_absent(s, mirror);
	if (!s->failed)
		lz_log(LZ_INFO, "%llu files fetched (%.1f MB), %llu unchanged",
		       (unsigned long long)s->fetched, (double)s->bytes / 1e6,
		       (unsigned long long)s->unchanged);
}

static int fetch(struct job *j, struct lz_err *err)
{
	struct lz_update_stats s;
	int r;

	j->update.progress = lz_progress_new("downloading", 0);
	r = lz_update(&j->update, &s, err);
	lz_progress_free(j->update.progress);
	tell(&s, j->update.mirror != NULL);
	lz_update_stats_done(&s);
	return r;
}

static bool wants(const void *sources, struct lz_span path)
{
	return lz_sources_have(sources, path);
}

/* Builds from the downloads that are enabled, checks what was built, and puts it in place. */
static int build(struct job *j, const struct lz_vec *sources, struct lz_err *err)
{
	bool own = !j->build.from_dir;
	struct lz_build_stats s;
	int r;

	if (own)
		j->build.from_dir = j->feeds;
	if (own || j->update.feeds) {
		j->build.wants = wants;
		j->build.wants_arg = sources;
	}
	j->build.out_path = own ? j->built : j->db;
	j->build.limits = j->update.limits;
	j->build.built_s = own ? lz_today_s() : 0; /* a folder knows how old it is */
	j->build.progress = lz_progress_new("building", 0);
	r = lz_db_build(&j->build, &s, err);
	lz_progress_free(j->build.progress);
	lz_cmd_build_notes(&s);
	LZ_VEC_EACH (struct lz_build_note, n, &s.notes)
		if (own && n->kind == LZ_NOTE_FAILED)
			lz_update_distrust(j->update.cache_dir, n->path);
	if (!r)
		lz_log(LZ_INFO, "%s: %llu advisories for %llu packages from %llu feeds, %.1f MB",
		       j->db, (unsigned long long)s.advisories, (unsigned long long)s.affected,
		       (unsigned long long)s.feeds, (double)s.bytes_written / 1e6);
	lz_build_stats_done(&s);
	if (!r && own) {
		r = lz_vdb_install(j->built, j->db, NULL, &j->update.limits, err);
		unlink(j->built);
	}
	return r;
}

static int run(int argc, char **argv)
{
	struct job j = {.update = {.retries = 4, .patience_s = 30}};
	struct lz_arena arena;
	struct lz_vec sources;
	struct lz_err err;
	int r;

	lz_limits_default(&j.update.limits);
	r = parse(&j, argc, argv);
	if (r)
		return r;
	lz_arena_init(&arena, LZ_M);
	lz_vec_init(&sources, sizeof(struct lz_source), 1000);
	r = lz_sources(j.update.feeds, &arena, &sources, &err);
	if (!r && !j.build.from_dir)
		r = fetch(&j, &err);
	if (!r)
		r = build(&j, &sources, &err);
	r = r ? unchanged(&j, &err) : LZ_EXIT_PASS;
	lz_vec_done(&sources);
	lz_arena_done(&arena);
	return r;
}

const struct lz_verb lz_verb_db_update = {
	.name = "db update",
	.arguments = "",
	.summary = "download the feeds and build the vulnerability database",
	.examples = "lazaret db update\n"
		    "lazaret db update --feeds debian,alpine,osv:npm,kev,epss\n"
		    "lazaret db update --mirror https://mirror.example/feeds\n"
		    "lazaret db update --mirror /media/stick/feeds\n",
	.options = options,
	.run = run,
};
