/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secdb, the form in which Alpine, Wolfi, Chainguard and MinimOS say what their packages fix:
 *
 *	{ "distroversion": "v3.9", "reponame": "main",
 *	  "packages": [ { "pkg": { "name": "openssl",                  the origin package
 *	                           "secfixes": { "1.1.1b-r1": ["CVE-2019-1543", "CVE-2019-1 XSA-2"],
 *	                                         "0": ["CVE-2019-1551"] } } } ] }
 *
 * A version lists what it fixed; "0" lists what the package never had. Only the release
 * ("alpine:v3.9") tells documents apart; it is in the document, or else in the path. The others
 * roll and have none.
 *
 * One id under several versions was fixed incompletely at first: the package is vulnerable below
 * the highest of them. (Vulnerable below any of them is the same thing.) A "0" beside a version
 * loses: better a finding too many than one too few.
 *
 * The ids are typed by people: "CVE 2018-16859", "CVE_2019-2426", "CVE-2017-2616 (+ regression
 * fix)", "CVE-2017-2620 XSA-209". Each CVE of a text is a vulnerability, other names in the same
 * text are its aliases; a word that is no identifier is left out by name.
 */
#include "feed_work.h"

#include "../base/map.h"
#include "../base/vec.h"

#include <ctype.h>
#include <stdio.h>

#define IDS_IN_TEXT    16
#define IDS_IN_PACKAGE 200000 /* the kernel has thousands; an entry here takes 300 bytes */

struct secdb {
	struct lz_feed_work w;
	struct lz_span feed;	/* "alpine": first component of the path */
	struct lz_span release; /* of the document, or of the path until it says one */
	char release_text[48];
	char ecosystem_text[64];
	struct lz_span ecosystem;
	bool said, used; /* the document named its release; the release was used already */
	uint64_t offset;
	struct lz_vec fixes; /* struct fix, of the package at hand */
	struct lz_map by_id; /* into fixes */
};

/* What one package says about one id. */
struct fix {
	struct lz_span id, version; /* the highest so far; empty: only "0" */
	struct lz_span odd;	    /* one that apk could not compare: the matcher will say so */
	struct lz_span aliases[IDS_IN_TEXT];
	size_t alias_count;
};

/* --- identifiers --------------------------------------------------------------------------- */

static bool is_id(struct lz_span s)
{
	bool dash = false, digit = false;

	if (lz_span_starts(s, "CVE"))
		return lz_is_cve(s);
	if (lz_is_ghsa(s)) /* may be without a digit */
		return true;
	if (s.n < 4 || s.n > 64 || !isalpha((unsigned char)s.p[0]))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!isalnum((unsigned char)s.p[i]) && !strchr("-:._", s.p[i]))
			return false;
		dash |= s.p[i] == '-' && i > 1;
		digit |= isdigit((unsigned char)s.p[i]) != 0;
	}
	return dash && digit;
}

/* Up to where the CVE's own digits end: "CVE-2017-17434-1" is the first part of a fix,
 * "CVE-2017-8073.patch" the name of one. */
static size_t cve_length(struct lz_span s)
{
	size_t n = 9;

	while (n < s.n && isdigit((unsigned char)s.p[n]))
		n++;
	return n < s.n && (s.p[n] == '-' || s.p[n] == '.') ? n : s.n;
}

/* "CVE_2019-2426", "cve-2019-2426": what was meant is beyond doubt. */
static struct lz_span mended(struct lz_arena *arena, struct lz_span word)
{
	struct lz_span s = lz_arena_dup(arena, word);
	char *p = (char *)(uintptr_t)s.p;

	if (s.n > 9 && lz_span_eq_nocase(lz_span_head(s, 3), LZ_SPAN("CVE"))) {
		for (size_t i = 0; i < s.n; i++)
			p[i] = p[i] == '_' ? '-' : (char)toupper((unsigned char)p[i]);
		s.n = cve_length(s);
	}
	return s;
}

static bool next_word(struct lz_span *text, struct lz_span *ret)
{
	size_t n = 0;

	while (text->n && strchr(" \t,;", text->p[0]))
		*text = lz_span_from(*text, 1);
	if (!text->n || text->p[0] == '(') /* a remark, to the end */
		return false;
	while (n < text->n && !strchr(" \t,;(", text->p[n]))
		n++;
	*ret = lz_span_head(*text, n);
	*text = lz_span_from(*text, n);
	return true;
}

struct ids {
	struct lz_span of[IDS_IN_TEXT]; /* CVEs first */
	size_t n, cves;
	struct lz_span odd; /* the first word that is none, or one too many */
};

static void ids_of(struct lz_arena *arena, struct lz_span text, struct ids *ids)
{
	struct lz_span word, id;

	*ids = (struct ids){.n = 0};
	while (next_word(&text, &word)) {
		if (lz_span_eq_nocase(word, LZ_SPAN("CVE")) && next_word(&text, &id))
			word = lz_arena_printf(arena, "CVE-%.*s", LZ_FMT(id));
		id = mended(arena, word);
		if (ids->n == IDS_IN_TEXT || !is_id(id)) {
			if (!ids->odd.n)
				ids->odd = word;
		} else if (lz_is_cve(id)) {
			ids->of[ids->n++] = ids->of[ids->cves];
			ids->of[ids->cves++] = id;
		} else {
			ids->of[ids->n++] = id;
		}
	}
}

/* --- one package --------------------------------------------------------------------------- */

static void raise_to(struct fix *f, struct lz_span version)
{
	int cmp = 0;

	if (lz_span_is(version, "0"))
		return;
	if (lz_version_check(LZ_VER_APK, version, NULL))
		f->odd = version;
	else if (!f->version.n ||
		 (!lz_version_cmp(LZ_VER_APK, f->version, version, &cmp, NULL) && cmp < 0))
		f->version = version;
}

static void add_aliases(struct fix *f, const struct lz_span *ids, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool there = lz_span_eq(ids[i], f->id);

		for (size_t k = 0; k < f->alias_count; k++)
			there |= lz_span_eq(ids[i], f->aliases[k]);
		if (!there && f->alias_count < IDS_IN_TEXT)
			f->aliases[f->alias_count++] = ids[i];
	}
}

static int add_id(struct secdb *d, struct lz_span id, struct lz_span version,
		  const struct lz_span *aliases, size_t alias_count, struct lz_err *err)
{
	struct lz_map_item *item;
	bool is_new = false;
	struct fix *f;
	int code = 0;

	item = lz_map_put(&d->by_id, id, &is_new, &code);
	if (item && is_new) {
		item->value.num = d->fixes.n;
		f = lz_vec_push(&d->fixes);
		if (f)
			f->id = id;
	}
	if (!item || d->fixes.code)
		return lz_fail(err, item ? d->fixes.code : code, "secfixes of one package: %s",
			       lz_code_text(item ? d->fixes.code : code));
	f = lz_vec_at(&d->fixes, (size_t)item->value.num);
	raise_to(f, version);
	add_aliases(f, aliases, alias_count);
	return 0;
}

/* Several CVEs in one text are several vulnerabilities; its other names belong to each. A word that
 * is no identifier is told of, and the others count. */
static int take_text(struct secdb *d, struct lz_span name, struct lz_span version,
		     struct lz_span text, struct lz_err *err)
{
	struct ids ids;
	size_t heads;
	int r;

	ids_of(&d->w.arena, text, &ids);
	r = lz_feed_memory(&d->w, err);
	if (!r && (ids.odd.n || !ids.n))
		r = lz_feed_skip(&d->w, true, d->offset, err,
				 "%.*s %.*s: \"%.*s\" is no identifier", LZ_FMT(name),
				 LZ_FMT(version), LZ_FMT(ids.odd.n ? ids.odd : text));
	heads = ids.cves ? ids.cves : ids.n;
	for (size_t i = 0; !r && i < heads; i++)
		r = add_id(d, ids.of[i], version, ids.of + heads, ids.n - heads, err);
	return r;
}

static int put_fix(struct secdb *d, struct lz_span name, const struct fix *f, struct lz_err *err)
{
	struct lz_event e[4];
	struct lz_affected a = {
		.ecosystem = d->ecosystem,
		.name = name,
		.order = LZ_ORDER_APK,
		.not_affected = !f->version.n && !f->odd.n,
		.events = e,
	};
	struct lz_advisory advisory = {
		.id = f->id,
		.feed = d->feed,
		.aliases = f->aliases,
		.alias_count = f->alias_count,
		.affected = &a,
		.affected_count = 1,
	};
	const struct lz_span ends[] = {f->version, f->odd};

	for (size_t i = 0; i < 2; i++) {
		if (!ends[i].n)
			continue;
		a.fix = LZ_FIX_AVAILABLE;
		e[a.event_count++] = (struct lz_event){LZ_EV_INTRODUCED, LZ_SPAN("0")};
		e[a.event_count++] = (struct lz_event){LZ_EV_FIXED, ends[i]};
	}
	return lz_feed_put(&d->w, &advisory, d->offset, err);
}

static int take_fixes(struct secdb *d, struct lz_span name, json_t *fixes, struct lz_err *err)
{
	const char *version;
	json_t *ids, *id;
	size_t i;
	int r;

	json_object_foreach(fixes, version, ids)
	{
		if ((!json_is_array(ids) && !json_is_null(ids)) || !*version) {
			r = lz_feed_skip(&d->w, true, d->offset, err,
					 "%.*s \"%s\": no version with an array of identifiers",
					 LZ_FMT(name), version);
			if (r)
				return r;
		}
		json_array_foreach(ids, i, id)
		{
			r = take_text(d, name, lz_str(version), lz_json_text(id), err);
			if (r)
				return r;
		}
	}
	return 0;
}

/* --- the document -------------------------------------------------------------------------- */

static bool plain(struct lz_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!isalnum((unsigned char)s.p[i]) && !strchr(".-_", s.p[i]))
			return false;
	return s.n && s.n < 40;
}

/* Members may come in any order, and packages are handed on as they come: a release that the
 * document names too late must be the one assumed. */
static int take_release(struct secdb *d, struct lz_span said, struct lz_err *err)
{
	char text[sizeof(d->release_text)];

	if (!lz_span_is(d->feed, "alpine"))
		return 0;
	if (!plain(said) || !lz_span_cstr(said, text, sizeof(text)))
		return lz_fail(err, LZ_E_FORMAT, "distroversion \"%.*s\" is no release",
			       LZ_FMT(said));
	if (d->used && !lz_span_is(d->release, text))
		return lz_fail(err, LZ_E_FORMAT,
			       "distroversion %s behind packages, and the path says %.*s", text,
			       LZ_FMT(d->release));
	memcpy(d->release_text, text, sizeof(text));
	d->release = lz_str(d->release_text);
	d->said = true;
	return 0;
}

static int settle_release(struct secdb *d, struct lz_err *err)
{
	if (d->used)
		return 0;
	d->used = true;
	d->ecosystem = d->feed;
	if (!lz_span_is(d->feed, "alpine"))
		return 0;
	if (!plain(d->release))
		return lz_fail(err, LZ_E_FORMAT,
			       "no \"distroversion\", and no release in the path "
			       "(alpine/v3.18/main.json)");
	snprintf(d->ecosystem_text, sizeof(d->ecosystem_text), "alpine:%.*s", LZ_FMT(d->release));
	d->ecosystem = lz_str(d->ecosystem_text);
	return 0;
}

static int package(struct secdb *d, const struct lz_json_member *m, struct lz_err *err)
{
	LZ_CLEAN_JSON json_t *root = NULL;
	struct lz_span name;
	struct lz_err why;
	json_t *pkg, *fixes;
	int r;

	lz_feed_work_next(&d->w);
	d->offset = m->offset;
	root = lz_json_load(m->value, d->w.limits, "package", &why);
	if (!root && why.code == LZ_E_NOMEM)
		return lz_fail(err, why.code, "%s", why.text);
	if (!root)
		return lz_feed_skip(&d->w, true, m->offset, err, "%s", why.text);
	pkg = json_object_get(root, "pkg");
	name = lz_json_str(pkg, "name");
	fixes = json_object_get(pkg, "secfixes");
	if (!name.n || name.n > 256 || (fixes && !json_is_object(fixes) && !json_is_null(fixes)))
		return lz_feed_skip(&d->w, true, m->offset, err,
				    "a package without \"name\" or with strange \"secfixes\"");
	lz_map_init(&d->by_id, IDS_IN_PACKAGE);
	d->fixes.n = 0;
	r = take_fixes(d, name, fixes, err);
	LZ_VEC_EACH (struct fix, f, &d->fixes) {
		if (!r)
			r = put_fix(d, name, f, err);
	}
	lz_map_done(&d->by_id);
	return r;
}

static int document(struct secdb *d, struct lz_json_split *s, struct lz_err *err)
{
	struct lz_json_member m;
	bool packages = false;
	int r;

	while ((r = lz_json_split_next(s, &m, err)) > 0) {
		if (m.inside) {
			packages = true;
			r = settle_release(d, err);
			if (!r)
				r = package(d, &m, err);
		} else if (lz_span_is(m.key, "distroversion")) {
			LZ_CLEAN_JSON json_t *v =
				lz_json_load(m.value, d->w.limits, "distroversion", err);
			r = v ? take_release(d, lz_json_text(v), err)
			      : (err ? err->code : LZ_E_FORMAT);
		} else if (lz_span_is(m.key, "packages")) {
			packages = lz_span_is(m.value, "null"); /* how Alpine writes none */
		}
		if (r < 0)
			return r;
	}
	/* An empty list leaves nothing behind to know it by; a document without one is another. */
	if (!r && !packages && !d->said && d->w.info.records == 0)
		return lz_fail(err, LZ_E_FORMAT, "no secdb document: no \"packages\"");
	return r;
}

static int read_secdb(struct lz_span path, struct lz_reader *r, int fd,
		      const struct lz_limits *limits, struct lz_feed_sink *sink, struct lz_err *err)
{
	struct lz_json_split *s =
		lz_json_split_open(r, "packages", (size_t)limits->advisory_bytes, err);
	struct secdb d = {.used = false};
	struct lz_span rest;
	int code;

	(void)fd;
	if (!s)
		return err ? err->code : LZ_E_NOMEM;
	lz_feed_work_init(&d.w, limits, sink);
	d.w.may_be_empty = true; /* the first branches of a repository have no fixes yet */
	lz_vec_init(&d.fixes, sizeof(struct fix), IDS_IN_PACKAGE);
	lz_span_cut(path, '/', &d.feed, &rest);
	d.release = lz_path_component(path, 1);
	code = document(&d, s, err);
	if (!code)
		code = settle_release(&d, err);
	lz_json_split_close(s);
	d.w.info.name = d.ecosystem;
	if (!code)
		code = lz_feed_finish(&d.w, err);
	lz_vec_done(&d.fixes);
	lz_feed_work_done(&d.w);
	return code;
}

static const char *const alpine_paths[] = {"alpine/*/*.json", NULL};
static const char *const rolling_paths[] = {"wolfi/security.json", "chainguard/security.json",
					    "minimos/security.json", NULL};

const struct lz_feed_format lz_feed_alpine = {
	.name = "alpine", .paths = alpine_paths, .read = read_secdb};
const struct lz_feed_format lz_feed_rolling = {
	.name = "rolling", .paths = rolling_paths, .read = read_secdb};
