/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Debian security tracker's one JSON document, tens of megabytes, read package by package:
 *
 *	{ "openssl":                                        source package
 *	    { "CVE-2022-0778":
 *	        { "description": "…",
 *	          "releases":
 *	            { "bookworm": { "status": "resolved" | "open" | "undetermined",
 *	                            "fixed_version": "1.1.1n-1" | "0",
 *	                            "urgency": "medium" | "low**" | "not yet assigned" …,
 *	                            "nodsa": "…", "nodsa_reason": "ignored" | "postponed" | "" } } }
 * } }
 *
 * What a row means:
 *	resolved, "0"            this release was never affected
 *	resolved, V              affected below V
 *	open                     affected; a fixed_version that is not in the release's archive yet
 *	                         bounds what is affected but is no update anybody could install
 *	undetermined             Debian does not know: no statement, so no row
 *	no row for a release that the package has rows for elsewhere: affected while older than what
 *	                         unstable was fixed by, again without an update
 *
 * The tracker is fetched from the vendor or a mirror, which may lie or break: types are checked,
 * a package given twice is refused (two readers could disagree), and unknown words leave the record
 * out by name.
 */
#include "feed_work.h"

#include "../base/clean.h"

#include <stdio.h>

static const struct release {
	const char *codename, *ecosystem;
} releases[] = {
	{"woody", "debian:3.0"},   {"sarge", "debian:3.1"},   {"etch", "debian:4"},
	{"lenny", "debian:5"},	   {"squeeze", "debian:6"},   {"wheezy", "debian:7"},
	{"jessie", "debian:8"},	   {"stretch", "debian:9"},   {"buster", "debian:10"},
	{"bullseye", "debian:11"}, {"bookworm", "debian:12"}, {"trixie", "debian:13"},
	{"forky", "debian:14"},	   {"duke", "debian:15"},     {"sid", "debian:sid"},
};
enum { RELEASES = sizeof(releases) / sizeof(releases[0]), SID = RELEASES - 1 };

struct tracker {
	struct lz_feed_work w;
	const char *package;
	uint64_t offset;
	bool present[RELEASES]; /* the package has a row for it under some CVE */
};

static int release_of(const char *codename)
{
	for (int i = 0; i < RELEASES; i++)
		if (!strcmp(codename, releases[i].codename))
			return i;
	return -1;
}

/* "medium**": assigned by the tracker itself rather than by its people; the same word. */
static enum lz_severity urgency(const json_t *row)
{
	struct lz_span s = lz_json_str(row, "urgency");
	enum lz_severity v = LZ_SEV_UNKNOWN;

	while (lz_span_ends(s, "*"))
		s.n--;
	lz_severity_parse(s, &v); /* "not yet assigned", "end-of-life": unknown */
	return v;
}

static enum lz_fix_state why_open(const json_t *row)
{
	struct lz_span reason = lz_json_str(row, "nodsa_reason");

	if (lz_span_is(lz_json_str(row, "urgency"), "end-of-life"))
		return LZ_FIX_EOL;
	if (lz_span_is(reason, "ignored"))
		return LZ_FIX_WONT;
	if (lz_span_is(reason, "postponed"))
		return LZ_FIX_DEFERRED;
	return LZ_FIX_NONE;
}

static void between(struct tracker *t, struct lz_affected *a, enum lz_event_kind kind,
		    struct lz_span end)
{
	struct lz_event *e = lz_arena_array(&t->w.arena, 2, sizeof(*e));

	if (!e)
		return;
	e[0] = (struct lz_event){LZ_EV_INTRODUCED, LZ_SPAN("0")};
	e[1] = (struct lz_event){kind, end};
	a->events = e;
	a->event_count = end.n ? 2 : 1;
}

static void row_base(struct tracker *t, struct lz_affected *a, int release)
{
	*a = (struct lz_affected){
		.ecosystem = lz_str(releases[release].ecosystem),
		.name = lz_str(t->package),
		.order = LZ_ORDER_DPKG,
	};
}

/* 1: a statement; 0: none; < 0: malformed. */
static int take_row(struct tracker *t, int release, const json_t *row, struct lz_affected *a)
{
	struct lz_span status = lz_json_str(row, "status");
	struct lz_span fixed = lz_json_str(row, "fixed_version");

	row_base(t, a, release);
	a->severity = urgency(row);
	if (lz_span_is(status, "undetermined"))
		return 0;
	if (lz_span_is(status, "open")) {
		a->fix = why_open(row);
		between(t, a, LZ_EV_LIMIT, lz_span_is(fixed, "0") ? lz_span("", 0) : fixed);
		return 1;
	}
	if (!lz_span_is(status, "resolved") || !fixed.n)
		return LZ_E_FORMAT;
	a->not_affected = lz_span_is(fixed, "0");
	a->fix = a->not_affected ? LZ_FIX_UNKNOWN : LZ_FIX_AVAILABLE;
	if (!a->not_affected)
		between(t, a, LZ_EV_FIXED, fixed);
	return 1;
}

/* --- one vulnerability of one package -------------------------------------------------------- */

struct rows {
	const json_t *of[RELEASES];
	size_t unknown; /* releases we have no number for */
	const char *unknown_name;
};

static void sort_rows(struct json_t *rel, struct rows *rows)
{
	const char *codename;
	json_t *row;

	*rows = (struct rows){.unknown = 0};
	json_object_foreach(rel, codename, row)
	{
		int i = release_of(codename);

		if (i >= 0) {
			rows->of[i] = row;
		} else {
			rows->unknown++;
			rows->unknown_name = codename;
		}
	}
}

/* Affected until the version that unstable was fixed by, wherever the package is but nobody made
 * a statement. */
static bool silent_row(struct tracker *t, const struct rows *rows, int release,
		       struct lz_affected *a)
{
	struct lz_span fixed = lz_json_str(rows->of[SID], "fixed_version");

	if (!rows->of[SID] || !t->present[release] || !fixed.n || lz_span_is(fixed, "0") ||
	    !lz_span_is(lz_json_str(rows->of[SID], "status"), "resolved"))
		return false;
	row_base(t, a, release);
	a->severity = urgency(rows->of[SID]);
	a->fix = LZ_FIX_NONE;
	between(t, a, LZ_EV_LIMIT, fixed);
	return true;
}

static int vulnerability(struct tracker *t, const char *id, json_t *v, struct lz_err *err)
{
	struct lz_affected affected[RELEASES];
	struct lz_advisory a = {.id = lz_str(id), .feed = LZ_SPAN("debian")};
	json_t *rel = json_object_get(v, "releases");
	struct rows rows;
	int r;

	lz_feed_work_next(&t->w);
	/* The tracker writes no releases as [], and leaves them out of what it has withdrawn. */
	if (!rel || (json_is_array(rel) && !json_array_size(rel)))
		return 0;
	if (!*id || strlen(id) > 256 || !json_is_object(rel))
		return lz_feed_skip(&t->w, true, t->offset, err, "%s %s: no object of \"releases\"",
				    t->package, id);
	sort_rows(rel, &rows);
	for (int i = 0; i < RELEASES; i++) {
		struct lz_affected *at = &affected[a.affected_count];

		r = rows.of[i] ? take_row(t, i, rows.of[i], at) : silent_row(t, &rows, i, at);
		if (r < 0)
			return lz_feed_skip(
				&t->w, true, t->offset, err,
				"%s %s: %s: neither \"open\" nor \"resolved\" by a version",
				t->package, id, releases[i].codename);
		a.affected_count += (size_t)r;
	}
	if (rows.unknown) {
		r = lz_feed_skip(&t->w, !a.affected_count, t->offset, err,
				 "%s %s: unknown release %s", t->package, id, rows.unknown_name);
		if (r)
			return r;
	}
	a.affected = affected;
	a.title = lz_feed_title(lz_json_str(v, "description"));
	/* Without any row, as for a package that was removed, there is nothing to know. */
	return a.affected_count ? lz_feed_put(&t->w, &a, t->offset, err) : 0;
}

/* --- the document -------------------------------------------------------------------------- */

static void note_releases(struct tracker *t, json_t *vulns)
{
	const char *id, *codename;
	json_t *v, *row;

	memset(t->present, 0, sizeof(t->present));
	json_object_foreach(vulns, id, v)
	{
		json_object_foreach(json_object_get(v, "releases"), codename, row)
		{
			int i = release_of(codename);

			if (i >= 0)
				t->present[i] = true;
		}
	}
}

static int package(struct tracker *t, const struct lz_json_member *m, struct lz_err *err)
{
	LZ_CLEAN_JSON json_t *vulns = NULL;
	char name[256];
	const char *id;
	struct lz_err why;
	json_t *v;
	int r;

	t->offset = m->offset;
	t->package = name;
	if (!m->key.n || !lz_span_cstr(m->key, name, sizeof(name)))
		return lz_fail(err, LZ_E_FORMAT, "byte %llu: an object of packages was expected",
			       (unsigned long long)m->offset);
	vulns = lz_json_load(m->value, t->w.limits, name, &why);
	if (!vulns && why.code == LZ_E_NOMEM)
		return lz_fail(err, why.code, "%s", why.text);
	if (!json_is_object(vulns))
		return lz_feed_skip(&t->w, true, m->offset, err, "%s%s", vulns ? name : why.text,
				    vulns ? ": no object of vulnerabilities" : "");
	note_releases(t, vulns);
	json_object_foreach(vulns, id, v)
	{
		r = vulnerability(t, id, v, err);
		if (r)
			return r;
	}
	return 0;
}

static int once(struct lz_map *seen, struct lz_arena *names, const struct lz_json_member *m,
		struct lz_err *err)
{
	struct lz_span name = lz_arena_dup(names, m->key);
	bool is_new;
	int code = names->code;

	if (!code && lz_map_put(seen, name, &is_new, &code) && !is_new)
		return lz_fail(err, LZ_E_FORMAT, "package %.*s is given twice, again at byte %llu",
			       LZ_FMT(m->key), (unsigned long long)m->offset);
	return code ? lz_fail(err, code, "package names: %s", lz_code_text(code)) : 0;
}

static int packages(struct tracker *t, struct lz_json_split *s, struct lz_err *err)
{
	LZ_CLEAN(arena) struct lz_arena names;
	LZ_CLEAN(map) struct lz_map seen;
	struct lz_json_member m;
	int r;

	lz_arena_init(&names, 64 * LZ_M);
	lz_map_init(&seen, 1000000);
	while ((r = lz_json_split_next(s, &m, err)) > 0) {
		r = once(&seen, &names, &m, err);
		if (!r)
			r = package(t, &m, err);
		if (r)
			break;
	}
	return r;
}

static int read_tracker(struct lz_span path, struct lz_reader *r, int fd,
			const struct lz_limits *limits, struct lz_feed_sink *sink,
			struct lz_err *err)
{
	/* A package with thousands of vulnerabilities, such as the kernel, is one value. */
	struct lz_json_split *s =
		lz_json_split_open(r, NULL, (size_t)limits->advisory_bytes * 4, err);
	struct tracker t;
	int code;

	(void)path;
	(void)fd;
	if (!s)
		return err ? err->code : LZ_E_NOMEM;
	lz_feed_work_init(&t.w, limits, sink);
	t.w.info.name = LZ_SPAN("debian");
	code = packages(&t, s, err);
	lz_json_split_close(s);
	if (!code)
		code = lz_feed_finish(&t.w, err);
	lz_feed_work_done(&t.w);
	return code;
}

static const char *const paths[] = {"debian/tracker.json", NULL};

const struct lz_feed_format lz_feed_debian = {
	.name = "debian", .paths = paths, .read = read_tracker};
