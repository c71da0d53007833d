/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazaret scan TARGET…: reads flags, opens the database, calls scan/, prints through report/.
 */
#include "cmd.h"

#include "../base/clean.h"
#include "../base/clock.h"
#include "../base/log.h"
#include "../base/progress.h"
#include "../jail/jail.h"
#include "../report/report.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

enum {
	OPT_FORMAT,
	OPT_OUTPUT,
	OPT_DB,
	OPT_NO_DB,
	OPT_IMAGE,
	OPT_PLATFORM,
	OPT_ALL_PLATFORMS,
	OPT_SEVERITY,
	OPT_ONLY_FIXED,
	OPT_FAIL_ON,
	OPT_IGNORE,
	OPT_SHOW_SUPPRESSED,
	OPT_PACKAGES,
	OPT_FILES,
	OPT_MAX_AGE,
	OPT_ALLOW_STALE,
	OPT_JOBS,
	OPT_LIMIT,
	OPT_STATS,
};

static const struct lz_option options[] = {
	[OPT_FORMAT] = {"--format", 'f', "FORMAT", "table json", "how to print the answer (table)"},
	[OPT_OUTPUT] = {"--output", 'o', "FILE", "@file",
			"write the answer to FILE, whole or not at all"},
	[OPT_DB] = {"--db", 0, "FILE", "@file",
		    "vulnerability database (see lazaret-db(1) for the default)"},
	[OPT_NO_DB] = {"--no-db", 0, NULL, NULL, "inventory only: ask no database"},
	[OPT_IMAGE] = {"--image", 0, "NAME", NULL, "which image of an archive that holds several"},
	[OPT_PLATFORM] = {"--platform", 0, "OS/ARCH[/VARIANT]",
			  "linux/amd64 linux/arm64 linux/arm/v7",
			  "which platform of a multi-platform image (the host's)"},
	[OPT_ALL_PLATFORMS] = {"--all-platforms", 0, NULL, NULL, "every platform, one answer each"},
	[OPT_SEVERITY] = {"--severity", 0, "LEVEL", "negligible low medium high critical",
			  "hide findings below LEVEL"},
	[OPT_ONLY_FIXED] = {"--only-fixed", 0, NULL, NULL, "hide findings that no update fixes"},
	[OPT_FAIL_ON] = {"--fail-on", 0, "LEVEL", "negligible low medium high critical",
			 "exit 1 when a finding of LEVEL or above is left"},
	[OPT_IGNORE] = {"--ignore", 0, "ID[:REASON]", NULL,
			"suppress a vulnerability; it stays visible in JSON (repeatable)"},
	[OPT_SHOW_SUPPRESSED] = {"--show-suppressed", 0, NULL, NULL,
				 "list suppressed findings too"},
	[OPT_PACKAGES] = {"--packages", 0, NULL, NULL, "list the packages found"},
	[OPT_FILES] = {"--files", 0, NULL, NULL,
		       "with --packages in JSON: the files each package owns"},
	[OPT_MAX_AGE] = {"--max-age", 0, "DAYS", NULL, "how old the database may be (7)"},
	[OPT_ALLOW_STALE] = {"--allow-stale", 0, NULL, NULL, "accept an older database"},
	[OPT_JOBS] = {"--jobs", 'j', "N", NULL, "layers analysed at the same time (processors)"},
	[OPT_LIMIT] = {"--limit", 0, "NAME=VALUE", NULL,
		       "change a bound on input; `lazaret list limits` names them (repeatable)"},
	[OPT_STATS] = {"--stats", 0, NULL, NULL, "time, memory and confinement, on standard error"},
	{NULL, 0, NULL, NULL, NULL},
};

struct flags {
	struct lz_scan_options scan;
	struct lz_report_options report;
	const struct lz_report_format *format;
	const char *output;
	const char *db;
	bool no_db, allow_stale, stats, fail_on_set;
	enum lz_severity fail_on;
	int64_t max_age_s;
	struct lz_vec ignores; /* struct lz_ignore */
	struct lz_vec targets; /* const char * */
};

static int level(const char *option, const char *value, enum lz_severity *ret, struct lz_err *err)
{
	if (lz_severity_parse(lz_str(value), ret))
		return 0;
	return lz_fail(err, LZ_E_USAGE, "%s %s: expected negligible, low, medium, high or critical",
		       option, value);
}

static int count_of(const char *option, const char *value, uint64_t max, uint64_t *ret,
		    struct lz_err *err)
{
	if (lz_span_u64(lz_str(value), 10, ret) && *ret <= max)
		return 0;
	return lz_fail(err, LZ_E_USAGE, "%s %s: expected a number up to %llu", option, value,
		       (unsigned long long)max);
}

static int add_ignore(struct flags *f, const char *value, struct lz_err *err)
{
	struct lz_ignore i;

	lz_span_cut(lz_str(value), ':', &i.id, &i.reason);
	if (!i.id.n)
		return lz_fail(err, LZ_E_USAGE, "--ignore %s: expected ID or ID:REASON", value);
	return lz_vec_add(&f->ignores, &i) ? 0 : lz_fail(err, LZ_E_NOMEM, "out of memory");
}

static int set_format(struct flags *f, const char *value, struct lz_err *err)
{
	f->format = lz_report_format_find(lz_str(value));
	return f->format ? 0
			 : lz_fail(err, LZ_E_USAGE, "--format %s: expected table or json", value);
}

static int take(struct flags *f, int option, const char *value, struct lz_err *err)
{
	uint64_t n = 0;
	int r = 0;

	switch (option) {
	case OPT_FORMAT:
		return set_format(f, value, err);
	case OPT_OUTPUT:
		f->output = value;
		break;
	case OPT_DB:
		f->db = value;
		break;
	case OPT_NO_DB:
		f->no_db = true;
		break;
	case OPT_IMAGE:
		f->scan.select.image = lz_str(value);
		break;
	case OPT_PLATFORM:
		return lz_platform_parse(lz_str(value), &f->scan.select.platform, err);
	case OPT_ALL_PLATFORMS:
		f->scan.select.all_platforms = true;
		break;
	case OPT_SEVERITY:
		return level("--severity", value, &f->scan.min_severity, err);
	case OPT_ONLY_FIXED:
		f->scan.only_fixed = true;
		break;
	case OPT_FAIL_ON:
		f->fail_on_set = true;
		return level("--fail-on", value, &f->fail_on, err);
	case OPT_IGNORE:
		return add_ignore(f, value, err);
	case OPT_SHOW_SUPPRESSED:
		f->report.show_suppressed = true;
		break;
	case OPT_PACKAGES:
		f->report.packages = true;
		break;
	case OPT_FILES:
		f->report.packages = f->report.files = f->scan.want_files = true;
		break;
	case OPT_MAX_AGE:
		r = count_of("--max-age", value, 36500, &n, err);
		f->max_age_s = (int64_t)n * 86400;
		break;
	case OPT_ALLOW_STALE:
		f->allow_stale = true;
		break;
	case OPT_JOBS:
		r = count_of("--jobs", value, 64, &n, err);
		f->scan.jobs = (unsigned)n;
		break;
	case OPT_LIMIT:
		return lz_limits_set(&f->scan.limits, lz_str(value), err);
	case OPT_STATS:
		f->stats = true;
		break;
	default:
		return lz_fail(err, LZ_E_BUG, "option %d is not handled", option);
	}
	return r;
}

/* 0, or an exit code after it was reported. */
static int parse(struct flags *f, int argc, char **argv)
{
	struct lz_args args = {.verb = &lz_verb_scan, .argc = argc, .argv = argv};
	const char *value;
	struct lz_err err;
	int option, what;

	while ((what = lz_args_next(&args, &option, &value)) > 0) {
		int r = what == 2 ? (lz_vec_add(&f->targets, &value)
					     ? 0
					     : lz_fail(&err, LZ_E_NOMEM, "out of memory"))
				  : take(f, option, value, &err);
		if (r) {
			lz_log(LZ_ERROR, "%s", err.text);
			return LZ_EXIT_USAGE;
		}
	}
	if (what < 0)
		return LZ_EXIT_USAGE;
	if (!f->targets.n) {
		lz_log(LZ_ERROR,
		       "scan: name a TARGET: a file made by `docker save`, an OCI layout, or "
		       "dir:PATH; see `lazaret scan --help`");
		return LZ_EXIT_USAGE;
	}
	return 0;
}

static int open_db(struct flags *f, struct lz_vdb **ret)
{
	struct lz_err err;
	char path[4096];
	int64_t age;
	int r = 0;

	if (f->no_db)
		return 0;
	if (!f->db) {
		r = lz_vdb_default_path(path, sizeof(path), &err);
		f->db = path;
	}
	*ret = r ? NULL : lz_vdb_open(f->db, &err);
	if (!*ret) {
		lz_log(LZ_ERROR, "%s", err.text);
		lz_log(LZ_INFO, "`lazaret db update` downloads one, `lazaret db build` makes one "
				"of a folder of feeds; --no-db lists packages only");
		f->db = NULL;
		return LZ_EXIT_KNOWLEDGE;
	}
	age = f->scan.now_s - lz_vdb_built_s(*ret);
	if (age > f->max_age_s && !f->allow_stale) {
		lz_log(LZ_ERROR,
		       "%s: is %lld days old, more than %lld: run `lazaret db update`, or accept "
		       "it with --allow-stale",
		       f->db, (long long)(age / 86400), (long long)(f->max_age_s / 86400));
		return LZ_EXIT_KNOWLEDGE;
	}
	return 0;
}

/* Wrong words on the command line are 2; everything else that kept us from an answer is 3. */
static int exit_of(int code)
{
	switch (code) {
	case LZ_E_USAGE:
		return LZ_EXIT_USAGE;
	case LZ_E_STALE:
		return LZ_EXIT_KNOWLEDGE;
	default:
		return LZ_EXIT_INCOMPLETE;
	}
}

static int worse(int a, int b)
{
	static const int rank[] = {
		[LZ_EXIT_PASS] = 0,	  [LZ_EXIT_DENIED] = 1,	   [LZ_EXIT_USAGE] = 4,
		[LZ_EXIT_INCOMPLETE] = 2, [LZ_EXIT_KNOWLEDGE] = 3,
	};

	return rank[a] >= rank[b] ? a : b;
}

static void look_at_terminal(struct lz_report_options *o, FILE *out)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	struct winsize w;

	if (!isatty(fileno(out)))
		return;
	o->colour = (!no || !*no) && term && strcmp(term, "dumb") && !lz_cmd_no_colour;
	if (ioctl(fileno(out), TIOCGWINSZ, &w) == 0)
		o->columns = w.ws_col;
}

static int print(struct flags *f, const struct lz_vec *scans, struct lz_err *err)
{
	LZ_CLEAN(mem) char *part = NULL;
	FILE *out = stdout;
	int r;

	if (f->output) {
		if (asprintf(&part, "%s.%d.part", f->output, (int)getpid()) < 0)
			return lz_fail(err, LZ_E_NOMEM, "out of memory");
		out = fopen(part, "we");
		if (!out)
			return lz_fail_errno(err, "%s", part);
	}
	look_at_terminal(&f->report, out);
	r = f->format->write(scans->p, scans->n, &f->report, out, err);
	if (!f->output)
		return r;
	if (fclose(out) && !r)
		r = lz_fail_errno(err, "%s", part);
	if (!r && rename(part, f->output) < 0)
		r = lz_fail_errno(err, "%s", f->output);
	if (r)
		unlink(part);
	return r;
}

static void stats(const struct lz_vec *scans)
{
	LZ_VEC_EACH (struct lz_scan *, s, scans)
		lz_log(LZ_INFO,
		       "%.*s: %llu ms, children used %llu ms of processor and at most %llu KiB "
		       "each; wall: %s",
		       LZ_FMT((*s)->name), (unsigned long long)(*s)->wall_ms,
		       (unsigned long long)(*s)->child_cpu_ms,
		       (unsigned long long)(*s)->child_max_rss_bytes / 1024, lz_jail_describe());
}

static int scan_all(struct flags *f, struct lz_vec *scans)
{
	int code = LZ_EXIT_PASS, r;
	struct lz_err err;

	LZ_VEC_EACH (const char *, t, &f->targets) {
		r = lz_scan_run(lz_str(*t), &f->scan, scans, &err);
		if (!r)
			continue;
		lz_log(LZ_ERROR, "%s: %s", *t, err.text);
		code = worse(code, exit_of(r));
		if (lz_cancelled())
			return LZ_EXIT_INCOMPLETE;
	}
	if (scans->n) {
		r = print(f, scans, &err);
		if (r) {
			lz_log(LZ_ERROR, "%s", err.text);
			code = worse(code, LZ_EXIT_INCOMPLETE);
		}
	}
	return worse(code, lz_scan_exit(scans->p, scans->n, f->fail_on_set, f->fail_on));
}

static int run(int argc, char **argv)
{
	struct flags f = {.format = lz_report_formats[0], .max_age_s = (int64_t)7 * 86400};
	LZ_CLEAN(vec) struct lz_vec scans;
	struct lz_vdb *vdb = NULL;
	int code;

	lz_limits_default(&f.scan.limits);
	lz_vec_init(&f.ignores, sizeof(struct lz_ignore), 100000);
	lz_vec_init(&f.targets, sizeof(const char *), 100000);
	lz_vec_init(&scans, sizeof(struct lz_scan *), 1000000);
	f.scan.now_s = lz_today_s();
	code = parse(&f, argc, argv);
	if (!code)
		code = open_db(&f, &vdb);
	f.scan.vdb = vdb;
	f.scan.ignores = f.ignores.p;
	f.scan.ignore_count = f.ignores.n;
	if (!code)
		code = scan_all(&f, &scans);
	if (f.stats)
		stats(&scans);
	LZ_VEC_EACH (struct lz_scan *, s, &scans)
		lz_scan_free(*s);
	lz_vdb_close(vdb);
	lz_vec_done(&f.ignores);
	lz_vec_done(&f.targets);
	return code;
}

const struct lz_verb lz_verb_scan = {
	.name = "scan",
	.arguments = "TARGET…",
	.summary = "find known vulnerabilities in an image, archive or root file system",
	.examples =
		"docker save alpine | lazaret scan -\n"
		"lazaret scan image.tar.gz --fail-on high\n"
		"lazaret scan oci:layout/ --platform linux/arm64 --format json\n"
		"lazaret scan dir:/ --only-fixed\n"
		"lazaret scan image.tar --ignore \"CVE-2023-1234:not reachable, see TICKET-7\"\n",
	.options = options,
	.run = run,
};
