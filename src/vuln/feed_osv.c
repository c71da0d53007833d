/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One OSV record, a JSON object of at most advisory_bytes:
 *
 *	{ "id": "GHSA-…", "aliases": ["CVE-…"], "withdrawn": DATE, "severity": [{type, score}],
 *	  "affected": [ { "package": {"ecosystem", "name", "purl"},
 *	                  "ranges": [ {"type": "SEMVER" | "ECOSYSTEM" | "GIT",
 *	                               "events": [{"introduced": V}, {"fixed": V}, …]} ],
 *	                  "versions": [V, …] } ] }
 *
 * Anybody can publish to some ecosystem, so each field may be missing, of another type or absurd.
 * The record is then left out by name, or only the affected package it concerns; the rest is kept.
 *
 * Where distributions differ from the schema's letter: their advisories (ALSA, RLSA, USN, CGA) name
 * the CVEs they fix in `related` or `upstream`, and without them no finding could bear its CVE. So
 * for distribution ecosystems those CVEs count as aliases.
 */
#include "feed_work.h"

#include "../base/map.h"

#include <ctype.h>

#define ID_BYTES   256
#define REFERENCES 8 /* what a report can show; a feed lists up to hundreds */

struct record {
	struct lz_feed_work *w;
	const json_t *root;
	struct lz_advisory a;
	struct lz_affected *affected;
	bool distro;	     /* some affected package belongs to a distribution */
	size_t left_out;     /* affected entries */
	bool malformed;	     /* at least one of them because of its form */
	char left_text[160]; /* why the first one was left out */
};

static struct lz_span keep(struct record *r, struct lz_span s)
{
	return s.n ? lz_arena_dup(&r->w->arena, s) : lz_span("", 0);
}

/* Always false: `return leave_out(…)`. */
static bool leave_out(struct record *r, bool malformed, struct lz_span what, const char *why)
{
	if (!r->left_out++)
		snprintf(r->left_text, sizeof(r->left_text), "%.*s: %s",
			 (int)(what.n > 80 ? 80 : what.n), what.p ? what.p : "", why);
	r->malformed |= malformed;
	return false;
}

/* --- ranges ------------------------------------------------------------------------------- */

static const struct {
	const char *key;
	enum lz_event_kind kind;
} event_keys[] = {
	{"introduced", LZ_EV_INTRODUCED},
	{"fixed", LZ_EV_FIXED},
	{"last_affected", LZ_EV_LAST_AFFECTED},
	{"limit", LZ_EV_LIMIT},
};

static bool is_version_range(const json_t *range)
{
	struct lz_span type = lz_json_str(range, "type");

	return lz_span_is(type, "SEMVER") || lz_span_is(type, "ECOSYSTEM");
}

static size_t count_events(const json_t *ranges)
{
	size_t n = 0, i, k;
	const json_t *range, *event;

	json_array_foreach(ranges, i, range)
	{
		json_array_foreach(json_object_get(range, "events"), k, event)
		{
			n += json_object_size(event);
		}
	}
	return n;
}

/* Appends the events of one object; false when one of them is no version. */
static bool take_event(struct record *r, const json_t *event, struct lz_event *to, size_t *n)
{
	size_t before = *n;

	for (size_t i = 0; i < sizeof(event_keys) / sizeof(event_keys[0]); i++) {
		const json_t *v = json_object_get(event, event_keys[i].key);
		struct lz_span version = lz_json_text(v);

		if (!v)
			continue;
		/* OSV writes "*" for no limit. */
		if (event_keys[i].kind == LZ_EV_LIMIT && lz_span_is(version, "*"))
			return true;
		if (!version.n)
			return false;
		to[(*n)++] = (struct lz_event){event_keys[i].kind, keep(r, version)};
	}
	return *n > before;
}

/* A range begins where something was introduced. The schema lets events come in any order, but
 * only one introduction can be put in its place without comparing versions of every scheme. */
static bool put_in_order(struct lz_event *e, size_t n)
{
	size_t introduced = 0, at = 0;

	for (size_t i = 0; i < n; i++) {
		if (e[i].kind != LZ_EV_INTRODUCED)
			continue;
		introduced++;
		at = i;
	}
	if (!introduced)
		return false;
	if (e[0].kind == LZ_EV_INTRODUCED)
		return true;
	if (introduced > 1)
		return false;
	struct lz_event first = e[at];
	memmove(e + 1, e, at * sizeof(*e));
	e[0] = first;
	return true;
}

static bool take_ranges(struct record *r, const json_t *ranges, struct lz_affected *a)
{
	struct lz_event *events =
		lz_arena_array(&r->w->arena, count_events(ranges) + 1, sizeof(*events));
	size_t n = 0, i, k;
	const json_t *range, *event;

	json_array_foreach(ranges, i, range)
	{
		size_t begin = n;

		if (!is_version_range(range) || !events)
			continue; /* GIT: commits are no versions */
		json_array_foreach(json_object_get(range, "events"), k, event)
		{
			if (!take_event(r, event, events, &n))
				return leave_out(r, true, a->name, "an event without a version");
		}
		if (!put_in_order(events + begin, n - begin))
			return leave_out(r, true, a->name, "a range that begins nowhere");
	}
	a->events = events;
	a->event_count = n;
	return true;
}

static bool take_versions(struct record *r, const json_t *versions, struct lz_affected *a)
{
	struct lz_span *to =
		lz_arena_array(&r->w->arena, json_array_size(versions) + 1, sizeof(*to));
	size_t i;
	const json_t *v;

	json_array_foreach(versions, i, v)
	{
		if (!lz_json_text(v).n)
			return leave_out(r, true, a->name, "a version that is no text");
		if (to)
			to[a->version_count++] = keep(r, lz_json_text(v));
	}
	a->versions = to;
	return true;
}

static enum lz_fix_state fix_state(const struct lz_affected *a)
{
	bool open_end = false;

	for (size_t i = 0; i < a->event_count; i++) {
		if (a->events[i].kind == LZ_EV_FIXED)
			return LZ_FIX_AVAILABLE;
		open_end = a->events[i].kind == LZ_EV_INTRODUCED;
	}
	return open_end ? LZ_FIX_NONE : LZ_FIX_UNKNOWN;
}

/* --- one affected package -------------------------------------------------------------------- */

/* Some registries hold one package under many spellings: the matcher asks for one. */
static struct lz_span normal_name(struct record *r, struct lz_span ecosystem, struct lz_span name)
{
	bool pypi = lz_span_is(ecosystem, "pypi");
	struct lz_span copy = keep(r, name);
	char *p = (char *)(uintptr_t)copy.p;
	size_t n = 0;

	if (!pypi && !lz_span_is(ecosystem, "nuget") && !lz_span_is(ecosystem, "composer"))
		return copy;
	for (size_t i = 0; i < copy.n; i++) {
		char c = (char)tolower((unsigned char)p[i]);

		if (pypi && (c == '.' || c == '_'))
			c = '-';
		if (pypi && c == '-' && n && p[n - 1] == '-')
			continue;
		p[n++] = c;
	}
	return lz_span_head(copy, n);
}

/* "name:stream" of an RPM module, from where publishers put it: a member of their own, or the
 * package URL's qualifier. */
static struct lz_span module_of(struct record *r, const json_t *affected, const json_t *package)
{
	struct lz_span m = lz_json_str(json_object_get(affected, "ecosystem_specific"), "rpmmod");
	struct lz_span name, stream, purl, rest;
	ptrdiff_t at;

	if (!m.n)
		m = lz_json_str(json_object_get(affected, "database_specific"), "rpmmod");
	if (!m.n) {
		purl = lz_json_str(package, "purl");
		at = lz_span_search(purl, LZ_SPAN("rpmmod="));
		if (at > 0 && (purl.p[at - 1] == '?' || purl.p[at - 1] == '&'))
			lz_span_cut(lz_span_from(purl, (size_t)at + 7), '&', &m, &rest);
	}
	if (!lz_span_cut(m, ':', &name, &rest))
		return keep(r, m);
	lz_span_cut(rest, ':', &stream, &rest);
	return keep(r, lz_span(m.p, name.n + 1 + stream.n));
}

static bool is_vector(const json_t *severity)
{
	return lz_span_starts(lz_json_str(severity, "type"), "CVSS_V") &&
	       lz_json_str(severity, "score").n;
}

/* The publisher's own word, wherever it is kept. */
static enum lz_severity word_in(const json_t *specific)
{
	static const char *const keys[] = {"severity", "urgency", "ubuntu_priority"};
	enum lz_severity s = LZ_SEV_UNKNOWN;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (lz_severity_parse(lz_json_str(specific, keys[i]), &s))
			return s;
	return LZ_SEV_UNKNOWN;
}

/* A severity whose type is no vector holds a word: {"type": "Ubuntu", "score": "medium"}. */
static enum lz_severity word_among(const json_t *severities)
{
	enum lz_severity s = LZ_SEV_UNKNOWN;
	const json_t *one;
	size_t i;

	json_array_foreach(severities, i, one)
	{
		if (!is_vector(one) && lz_severity_parse(lz_json_str(one, "score"), &s))
			return s;
	}
	return LZ_SEV_UNKNOWN;
}

static void own_severity(struct record *r, const json_t *affected, struct lz_affected *a)
{
	const json_t *list = json_object_get(affected, "severity"), *one;
	size_t i;

	a->severity = word_among(list);
	if (a->severity == LZ_SEV_UNKNOWN)
		a->severity = word_in(json_object_get(affected, "ecosystem_specific"));
	if (a->severity == LZ_SEV_UNKNOWN)
		a->severity = word_in(json_object_get(affected, "database_specific"));
	json_array_foreach(list, i, one)
	{
		if (is_vector(one)) {
			a->cvss = keep(r, lz_json_str(one, "score"));
			break;
		}
	}
}

static bool is_distro(enum lz_order o)
{
	return o == LZ_ORDER_DPKG || o == LZ_ORDER_RPM || o == LZ_ORDER_APK || o == LZ_ORDER_ALPM;
}

static bool absent_or_array(const json_t *v)
{
	return !v || json_is_null(v) || json_is_array(v);
}

static bool take_affected(struct record *r, const json_t *affected, struct lz_affected *a)
{
	const json_t *package = json_object_get(affected, "package");
	const json_t *ranges = json_object_get(affected, "ranges");
	const json_t *versions = json_object_get(affected, "versions");
	struct lz_span ecosystem = lz_json_str(package, "ecosystem");
	struct lz_span name = lz_json_str(package, "name");

	*a = (struct lz_affected){.ecosystem = {"", 0}};
	if (!package)
		return leave_out(r, false, lz_span("affected", 8), "source code without a package");
	if (!ecosystem.n || !name.n)
		return leave_out(r, true, lz_span("affected", 8), "no ecosystem or package name");
	if (!lz_ecosystem_of_osv(ecosystem, name, &r->w->arena, &a->ecosystem, &a->order))
		return leave_out(r, false, ecosystem, "unknown ecosystem");
	a->name = normal_name(r, a->ecosystem, name);
	if (!absent_or_array(ranges) || !absent_or_array(versions))
		return leave_out(r, true, a->name, "ranges or versions are no array");
	if (!take_ranges(r, ranges, a) || !take_versions(r, versions, a))
		return false;
	if (!a->event_count && !a->version_count)
		return leave_out(r, false, a->name, "no versions");
	a->module = module_of(r, affected, package);
	a->fix = fix_state(a);
	own_severity(r, affected, a);
	r->distro |= is_distro(a->order);
	return true;
}

/* --- the record ---------------------------------------------------------------------------- */

/* Each text once, in the order of the record. */
struct once {
	struct lz_map seen;
	struct lz_span *items;
	size_t n, max;
	int code;
};

static void add_once(struct record *r, struct once *o, struct lz_span s)
{
	bool is_new = false;

	if (!s.n || s.n > ID_BYTES * 16 || !o->items || o->n == o->max)
		return;
	s = keep(r, s);
	if (lz_map_put(&o->seen, s, &is_new, &o->code) && is_new)
		o->items[o->n++] = s;
}

static void once_init(struct record *r, struct once *o, size_t max)
{
	*o = (struct once){.max = max};
	lz_map_init(&o->seen, max + 1);
	o->items = lz_arena_array(&r->w->arena, max + 1, sizeof(*o->items));
}

/* "UBUNTU-CVE-2021-3782" says which CVE it is about. */
static struct lz_span embedded_cve(struct lz_span id)
{
	ptrdiff_t at = lz_span_search(id, LZ_SPAN("-CVE-"));

	if (at > 0 && lz_is_cve(lz_span_from(id, (size_t)at + 1)))
		return lz_span_from(id, (size_t)at + 1);
	return lz_span("", 0);
}

static void add_upstream(struct record *r, struct once *o, const char *key, bool ghsa)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(r->root, key), i, v)
	{
		struct lz_span s = lz_json_text(v), cve = embedded_cve(s);

		if (cve.n)
			s = cve;
		if (lz_is_cve(s) || (ghsa && lz_is_ghsa(s)))
			add_once(r, o, s);
	}
}

static int take_aliases(struct record *r)
{
	const json_t *own = json_object_get(r->root, "aliases"), *v;
	struct once o;
	size_t i, max = json_array_size(own) + 1 +
			json_array_size(json_object_get(r->root, "upstream")) +
			json_array_size(json_object_get(r->root, "related"));

	once_init(r, &o, max);
	json_array_foreach(own, i, v)
	{
		add_once(r, &o, lz_json_text(v));
	}
	if (r->distro) {
		add_once(r, &o, embedded_cve(r->a.id));
		add_upstream(r, &o, "upstream", true);
		add_upstream(r, &o, "related", false);
	}
	r->a.aliases = o.items;
	r->a.alias_count = o.n;
	lz_map_done(&o.seen);
	return o.code;
}

static int take_vectors(struct record *r)
{
	const json_t *list = json_object_get(r->root, "severity"), *one;
	struct once o;
	size_t i;

	once_init(r, &o, json_array_size(list));
	json_array_foreach(list, i, one)
	{
		if (is_vector(one))
			add_once(r, &o, lz_json_str(one, "score"));
	}
	r->a.cvss = o.items;
	r->a.cvss_count = o.n;
	lz_map_done(&o.seen);
	return o.code;
}

static int take_references(struct record *r)
{
	const json_t *list = json_object_get(r->root, "references"), *one;
	struct once o;
	size_t i;

	once_init(r, &o, REFERENCES);
	json_array_foreach(list, i, one)
	{
		add_once(r, &o, lz_json_str(one, "url"));
	}
	r->a.references = o.items;
	r->a.reference_count = o.n;
	lz_map_done(&o.seen);
	return o.code;
}

/* Errata put their severity in front of the summary: "Important: firefox security update". */
static void take_texts(struct record *r)
{
	const json_t *specific = json_object_get(r->root, "database_specific");
	struct lz_span title = lz_span_trim(lz_json_str(r->root, "summary")), head, rest;
	enum lz_severity word = LZ_SEV_UNKNOWN;

	r->a.severity = word_among(json_object_get(r->root, "severity"));
	if (r->a.severity == LZ_SEV_UNKNOWN)
		r->a.severity = word_in(specific);
	if (r->distro && lz_span_cut(title, ':', &head, &rest) && lz_severity_parse(head, &word)) {
		title = lz_span_trim(rest);
		if (r->a.severity == LZ_SEV_UNKNOWN)
			r->a.severity = word;
	}
	if (!title.n)
		title = lz_json_str(r->root, "details");
	r->a.title = keep(r, lz_feed_title(title));
}

static int take_all(struct record *r, const json_t *affected)
{
	const json_t *one;
	size_t i;
	int code;

	r->affected =
		lz_arena_array(&r->w->arena, json_array_size(affected) + 1, sizeof(*r->affected));
	json_array_foreach(affected, i, one)
	{
		if (r->affected && take_affected(r, one, &r->affected[r->a.affected_count]))
			r->a.affected_count++;
	}
	r->a.affected = r->affected;
	r->a.published_s = lz_feed_date(r->root, "published");
	r->a.modified_s = lz_feed_date(r->root, "modified");
	take_texts(r);
	code = take_aliases(r);
	if (!code)
		code = take_vectors(r);
	return code ? code : take_references(r);
}

static int send(struct record *r, uint64_t offset, const char *name, struct lz_err *err)
{
	const json_t *affected = json_object_get(r->root, "affected");
	int code;

	if (json_object_get(r->root, "withdrawn"))
		return lz_feed_skip(r->w, false, offset, err, "%s: %.*s: withdrawn", name,
				    LZ_FMT(r->a.id));
	if (!absent_or_array(affected))
		return lz_feed_skip(r->w, true, offset, err, "%s: \"affected\" is no array", name);
	if (!json_array_size(affected))
		return lz_feed_skip(r->w, false, offset, err, "%s: %.*s: affects no package", name,
				    LZ_FMT(r->a.id));
	code = take_all(r, affected);
	if (code == LZ_E_NOMEM || r->w->arena.code == LZ_E_NOMEM)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	if (code || r->w->arena.code)
		return lz_feed_skip(r->w, true, offset, err, "%s: %.*s: larger than advisory_bytes",
				    name, LZ_FMT(r->a.id));
	if (r->a.affected_count)
		code = lz_feed_put(r->w, &r->a, offset, err);
	if (!code && r->left_out)
		code = lz_feed_skip(r->w, r->malformed && !r->a.affected_count, offset, err,
				    "%s: %.*s: %zu of %zu affected packages left out: %s", name,
				    LZ_FMT(r->a.id), r->left_out, json_array_size(affected),
				    r->left_text);
	return code;
}

int lz_osv_record(struct lz_feed_work *w, struct lz_span json, const char *name, uint64_t offset,
		  struct lz_err *err)
{
	struct record r = {.w = w};
	struct lz_err why;
	LZ_CLEAN_JSON json_t *root = NULL;

	lz_feed_work_next(w);
	root = lz_json_load(json, w->limits, name, &why);
	if (!root && why.code == LZ_E_NOMEM) {
		if (err)
			*err = why;
		return why.code;
	}
	if (!root)
		return lz_feed_skip(w, true, offset, err, "%s", why.text);
	r.root = root;
	r.a.id = lz_json_str(root, "id");
	r.a.feed = LZ_SPAN("osv");
	if (!r.a.id.n || r.a.id.n > ID_BYTES)
		return lz_feed_skip(w, true, offset, err, "%s: no OSV record: no \"id\" of text",
				    name);
	return send(&r, offset, name, err);
}
