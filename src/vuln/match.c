/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packages against knowledge. docs/matching.md says the same in prose.
 *
 *	name       the source package for deb and for Azure Linux and Photon, the origin for apk,
 * the binary for rpm affected   a range holds the version, or it is listed; a "not affected" row of
 * the same vulnerability wins module     a row of an RPM module speaks of packages of that module
 * and stream only, and the other way round id         the CVE where there is one; an advisory with
 * several CVEs becomes one finding for each
 *
 * A version that can't be compared is a problem, and the scan is then not complete.
 */
#include "vuln.h"

#include "../base/clean.h"

#include <openssl/evp.h>

const char *lz_order_name(enum lz_order o)
{
	static const char *const names[LZ_ORDER_COUNT] = {"dpkg",   "rpm",	 "apk",	  "alpm",
							  "semver", "pep440",	 "maven", "gem",
							  "nuget",  "packagist", "go",	  "other"};

	return (unsigned)o < LZ_ORDER_COUNT ? names[o] : "other";
}

/* --- ranges --- */

/* Version against an event's; "0" is before everything. */
static int against(enum lz_order order, struct lz_span v, struct lz_span event, int *ret,
		   struct lz_err *err)
{
	if (lz_span_is(event, "0")) {
		*ret = 1;
		return 0;
	}
	if (order > LZ_ORDER_ALPM)
		return lz_fail(err, LZ_E_UNSUPPORTED, "versions of order %s are not compared yet",
			       lz_order_name(order));
	return lz_version_cmp((enum lz_version_scheme)order, v, event, ret, err);
}

struct range {
	bool inside;
	struct lz_span fixed;
};

/* One event, in the feed's order. A range is over where the next "introduced" begins. */
static int step(const struct lz_affected *a, const struct lz_event *e, struct lz_span v,
		struct range *r, struct lz_err *err)
{
	int c = 0, code = against(a->order, v, e->version, &c, err);

	if (code)
		return code;
	switch (e->kind) {
	case LZ_EV_INTRODUCED:
		r->inside = c >= 0;
		r->fixed.n = 0;
		break;
	case LZ_EV_FIXED:
		if (r->inside && c < 0 && !r->fixed.n)
			r->fixed = e->version;
		r->inside = r->inside && c < 0;
		break;
	case LZ_EV_LAST_AFFECTED:
		r->inside = r->inside && c <= 0;
		break;
	case LZ_EV_LIMIT:
		r->inside = r->inside && c < 0;
		break;
	}
	return 0;
}

int lz_affected_by(const struct lz_affected *a, struct lz_span version, bool *ret_affected,
		   struct lz_span *ret_fixed, struct lz_err *err)
{
	struct range r = {false, {"", 0}};
	bool affected = false;
	struct lz_span fixed = {"", 0};

	for (size_t i = 0; i < a->version_count && !affected; i++)
		affected = lz_span_eq(a->versions[i], version);
	for (size_t i = 0; i < a->event_count; i++) {
		int code;
		if (a->events[i].kind == LZ_EV_INTRODUCED && r.inside) {
			affected = true;
			fixed = r.fixed;
		}
		code = step(a, &a->events[i], version, &r, err);
		if (code)
			return code;
	}
	if (r.inside) {
		affected = true;
		fixed = r.fixed;
	}
	*ret_affected = affected;
	*ret_fixed = fixed;
	return 0;
}

/* --- one package --- */

#define REFERENCES_MAX 100 /* of one finding */

struct matcher {
	struct lz_vdb *v;
	const struct lz_os *os;
	struct lz_arena *arena;
	struct lz_vec *findings, *problems;
	size_t first; /* of this package's findings */
};

static bool by_source(const struct lz_package *p, const struct lz_os *os)
{
	if (p->type == LZ_PKG_RPM)
		return lz_span_starts(os->feed_key, "azurelinux:") ||
		       lz_span_starts(os->feed_key, "mariner:") ||
		       lz_span_starts(os->feed_key, "photon:");
	return p->type == LZ_PKG_DEB || p->type == LZ_PKG_APK;
}

/* "nodejs:14:8020…:…" belongs to the row "nodejs:14". */
static bool module_fits(struct lz_span row, struct lz_span label)
{
	if (!row.n || !label.n)
		return !row.n && !label.n;
	return lz_span_eq(lz_span_head(label, row.n), row) &&
	       (label.n == row.n || label.p[row.n] == ':');
}

/* ".module_el8.5.0+119+…" : builds of one package for several minor releases stand in one advisory,
 * and only the row of the same minor release tells about a build. */
static struct lz_span module_build(struct lz_span version)
{
	ptrdiff_t at = lz_span_search(version, LZ_SPAN(".module_el"));
	struct lz_span tail = lz_span_from(version, at < 0 ? version.n : (size_t)at);

	return lz_span_head(tail, at < 0 ? 0
					 : (size_t)(lz_span_find(tail, '+') < 0
							    ? (ptrdiff_t)tail.n
							    : lz_span_find(tail, '+')));
}

static bool other_build(const struct lz_affected *a, struct lz_span version)
{
	struct lz_span own = module_build(version);

	for (size_t i = 0; i < a->event_count; i++) {
		struct lz_span theirs = module_build(a->events[i].version);
		if (a->events[i].kind != LZ_EV_FIXED)
			continue;
		if (theirs.n != 0 && own.n == 0)
			return true; /* a module's row, and this package is of no module */
		if (theirs.n == 0 && own.n != 0)
			return true;
		if (theirs.n && !lz_span_eq(theirs, own))
			return true;
	}
	return false;
}

static void problem(struct matcher *m, const struct lz_package *p, const struct lz_advisory *a,
		    const struct lz_err *why)
{
	struct lz_problem *x = lz_vec_push(m->problems);

	if (!x)
		return;
	x->code = why->code;
	x->path = p->db_path;
	x->offset = -1;
	x->text = lz_arena_printf(m->arena, "%.*s of package %.*s: %s", LZ_FMT(a->id),
				  LZ_FMT(p->name), why->text);
}

static bool is_cve(struct lz_span id)
{
	return lz_span_starts(id, "CVE-");
}

/* 0 is the newest. */
static int cvss_age(struct lz_span vector)
{
	static const char *const newest[] = {"CVSS:4.0/", "CVSS:3.1/", "CVSS:3.0/"};
	int age = 0;

	while (age < 3 && !lz_span_starts(vector, newest[age]))
		age++;
	return age;
}

static void set_severity(struct lz_finding *f, const struct lz_advisory *a)
{
	const struct lz_affected *x = a->affected;

	f->cvss_score = -1;
	for (size_t i = 0; i <= a->cvss_count; i++) {
		struct lz_span vector = i ? a->cvss[i - 1] : x->cvss;
		double score;
		/* what is said of this package comes first, then the newest version of CVSS */
		if (!vector.n ||
		    (f->cvss_score >= 0 && (lz_span_eq(f->cvss_vector, x->cvss) ||
					    cvss_age(vector) >= cvss_age(f->cvss_vector))))
			continue;
		if (lz_cvss_score(vector, &score, NULL) == 0) {
			f->cvss_vector = vector;
			f->cvss_score = score;
		}
	}
	f->severity = x->severity ? x->severity : a->severity;
	f->severity_source = f->severity ? a->feed : (struct lz_span){"", 0};
	if (!f->severity && f->cvss_score >= 0) {
		f->severity = lz_cvss_severity(f->cvss_vector, f->cvss_score);
		f->severity_source = LZ_SPAN("cvss");
	}
}

/* Stable across runs and updates: kind, id, and the package without version or qualifiers. */
static void fingerprint(struct lz_finding *f)
{
	struct lz_span purl = f->package->purl, name;
	unsigned char sum[32];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	lz_span_cut(purl, '@', &name, &purl);
	if (ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL)) {
		EVP_DigestUpdate(ctx, "vulnerability\n", 14);
		EVP_DigestUpdate(ctx, f->id.p, f->id.n);
		EVP_DigestUpdate(ctx, "\n", 1);
		EVP_DigestUpdate(ctx, name.p, name.n);
		if (EVP_DigestFinal_ex(ctx, sum, NULL))
			for (int i = 0; i < 16; i++)
				snprintf(f->fingerprint + 2 * i, 3, "%02x", sum[i]);
	}
	EVP_MD_CTX_free(ctx);
}

static bool same_vulnerability(const struct lz_finding *f, struct lz_span id,
			       const struct lz_advisory *a)
{
	if (lz_span_eq(f->id, id))
		return true;
	if (is_cve(f->id) && is_cve(id))
		return false; /* two CVEs are two, whatever advisory names both */
	for (size_t i = 0; i < f->alias_count; i++)
		if (lz_span_eq(f->aliases[i], id))
			return true;
	for (size_t i = 0; i < a->alias_count; i++)
		if (lz_span_eq(a->aliases[i], f->id))
			return true;
	return false;
}

static void add_once(struct lz_span *list, size_t *n, struct lz_span s)
{
	for (size_t i = 0; i < *n; i++)
		if (lz_span_eq(list[i], s))
			return;
	list[(*n)++] = s;
}

/* All names but the one it goes by; another CVE is another vulnerability. */
static int add_names(struct matcher *m, struct lz_finding *f, struct lz_span own,
		     const struct lz_advisory *a)
{
	struct lz_span *names =
		lz_arena_array(m->arena, f->alias_count + a->alias_count + 2, sizeof(*names));
	size_t n = 0;

	if (!names)
		return m->arena->code;
	for (size_t i = 0; i < f->alias_count; i++)
		add_once(names, &n, f->aliases[i]);
	for (size_t i = 0; i <= a->alias_count + 1; i++) {
		struct lz_span s = i == 0 ? own : i == 1 ? a->id : a->aliases[i - 2];
		if (s.n && !lz_span_eq(s, f->id) && !(is_cve(s) && is_cve(f->id)))
			add_once(names, &n, s);
	}
	f->aliases = names;
	f->alias_count = n;
	return 0;
}

static int add_references(struct matcher *m, struct lz_finding *f, const struct lz_advisory *a)
{
	struct lz_span *list = lz_arena_array(m->arena, f->reference_count + a->reference_count + 1,
					      sizeof(*list));
	size_t n = 0;

	if (!list)
		return m->arena->code;
	for (size_t i = 0; i < f->reference_count; i++)
		list[n++] = f->references[i];
	for (size_t i = 0; i < a->reference_count && n < REFERENCES_MAX; i++)
		add_once(list, &n, a->references[i]);
	f->references = list;
	f->reference_count = n;
	return 0;
}

/* Two advisories about one vulnerability of one package: the later fix holds, the known severity,
 * all facts and names; a CVE is the name it goes by. */
static int join(struct matcher *m, struct lz_finding *f, const struct lz_vdb_row *row,
		struct lz_span id, struct lz_span fixed, enum lz_fix_state fix)
{
	const struct lz_affected *x = row->advisory.affected;
	struct lz_span old = f->id;
	int c = 0, r;

	if (fix == LZ_FIX_AVAILABLE &&
	    (f->fix != LZ_FIX_AVAILABLE ||
	     (!against(x->order, fixed, f->fixed_version, &c, NULL) && c > 0))) {
		f->fix = fix;
		f->fixed_version = fixed;
	}
	if (!f->severity)
		set_severity(f, &row->advisory);
	f->kev |= row->enrichment.kev;
	if (f->epss < 0) {
		f->epss = row->enrichment.epss;
		f->epss_percentile = row->enrichment.epss_percentile;
	}
	if (!f->title.n)
		f->title = row->advisory.title;
	if (is_cve(id) && !is_cve(old)) {
		f->id = id;
		fingerprint(f);
	}
	r = add_names(m, f, old, &row->advisory);
	return r ? r : add_references(m, f, &row->advisory);
}

static int add(struct matcher *m, const struct lz_package *p, const struct lz_vdb_row *row,
	       struct lz_span id, struct lz_span fixed, struct lz_err *err)
{
	const struct lz_advisory *a = &row->advisory;
	enum lz_fix_state fix = fixed.n ? LZ_FIX_AVAILABLE : a->affected->fix;
	struct lz_finding *f;

	if (fix == LZ_FIX_AVAILABLE && !fixed.n)
		fix = LZ_FIX_NONE;
	for (size_t i = m->first; i < m->findings->n; i++) {
		f = lz_vec_at(m->findings, i);
		if (same_vulnerability(f, id, a)) {
			return join(m, f, row, id, fixed, fix)
				       ? lz_fail(err, m->arena->code, "out of memory")
				       : 0;
		}
	}
	f = lz_vec_push(m->findings);
	if (!f)
		return lz_fail(err, m->findings->code, "too many findings");
	*f = (struct lz_finding){.id = id,
				 .package = p,
				 .fix = fix ? fix : LZ_FIX_NONE,
				 .fixed_version = fixed,
				 .title = a->title,
				 .feed = a->feed,
				 .published_s = a->published_s,
				 .kev = row->enrichment.kev,
				 .epss = row->enrichment.epss,
				 .epss_percentile = row->enrichment.epss_percentile};
	set_severity(f, a);
	if (add_names(m, f, id, a) || add_references(m, f, a))
		return lz_fail(err, m->arena->code, "out of memory");
	fingerprint(f);
	return 0;
}

/* One finding for each CVE; without any, one for the advisory. */
static int add_each(struct matcher *m, const struct lz_package *p, const struct lz_vdb_row *row,
		    struct lz_span fixed, struct lz_err *err)
{
	const struct lz_advisory *a = &row->advisory;
	bool any = is_cve(a->id);
	int r = any ? add(m, p, row, a->id, fixed, err) : 0;

	for (size_t i = 0; !r && i < a->alias_count; i++) {
		if (!is_cve(a->aliases[i]))
			continue;
		any = true;
		r = add(m, p, row, a->aliases[i], fixed, err);
	}
	return r || any ? r : add(m, p, row, a->id, fixed, err);
}

static bool denied(const struct lz_vec *rows, const struct lz_advisory *a)
{
	LZ_VEC_EACH (struct lz_vdb_row, r, rows) {
		if (!r->advisory.affected->not_affected)
			continue;
		if (lz_span_eq(r->advisory.id, a->id))
			return true;
		for (size_t i = 0; i < a->alias_count; i++)
			if (lz_span_eq(a->aliases[i], r->advisory.id))
				return true;
	}
	return false;
}

static int match_row(struct matcher *m, const struct lz_package *p, struct lz_span version,
		     const struct lz_vec *rows, const struct lz_vdb_row *row, struct lz_err *err)
{
	const struct lz_affected *x = row->advisory.affected;
	struct lz_span fixed;
	struct lz_err why;
	bool affected;

	if (x->not_affected || row->advisory.withdrawn_s || denied(rows, &row->advisory))
		return 0;
	if (p->type == LZ_PKG_RPM && (x->module.n || p->module.n) &&
	    !module_fits(x->module, p->module) && x->module.n)
		return 0;
	if (p->type == LZ_PKG_RPM && !x->module.n && other_build(x, version))
		return 0;
	if (lz_affected_by(x, version, &affected, &fixed, &why)) {
		problem(m, p, &row->advisory, &why);
		return 0;
	}
	return affected ? add_each(m, p, row, fixed, err) : 0;
}

struct asked {
	const struct lz_package *packages;
	const struct lz_os *os;
};

static struct lz_span name_asked(const void *arg, size_t i)
{
	const struct asked *a = arg;
	const struct lz_package *p = &a->packages[i];

	return by_source(p, a->os) ? p->source : p->name;
}

/* A channel of extended support has rows of its own; for an advisory it speaks of, its word holds.
 */
static int look_up(struct matcher *m, struct lz_span name, struct lz_vec *rows, struct lz_err *err)
{
	size_t channel, kept;
	int r = 0;

	if (m->os->channel_key.n)
		r = lz_vdb_lookup(m->v, m->os->channel_key, name, m->arena, rows, err);
	channel = kept = rows->n;
	r = r ? r : lz_vdb_lookup(m->v, m->os->feed_key, name, m->arena, rows, err);
	for (size_t i = channel; i < rows->n; i++) {
		struct lz_vdb_row *row = lz_vec_at(rows, i);
		bool spoken = false;
		for (size_t k = 0; k < channel; k++) {
			const struct lz_vdb_row *other = lz_vec_at(rows, k);
			spoken = spoken || lz_span_eq(other->advisory.id, row->advisory.id);
		}
		if (!spoken)
			*(struct lz_vdb_row *)lz_vec_at(rows, kept++) = *row;
	}
	rows->n = kept;
	return r;
}

static int match_package(struct matcher *m, const struct lz_package *p, struct lz_err *err)
{
	bool source = by_source(p, m->os);
	struct lz_span name = source ? p->source : p->name;
	struct lz_span version = source ? p->source_version : p->version;
	LZ_CLEAN(vec) struct lz_vec rows;
	int r;

	lz_vec_init(&rows, sizeof(struct lz_vdb_row), 1000000);
	m->first = m->findings->n;
	r = look_up(m, name, &rows, err);
	LZ_VEC_EACH (struct lz_vdb_row, row, &rows)
		if (!r)
			r = match_row(m, p, version, &rows, row, err);
	return r;
}

/* Some feeds say that a package is affected but not how bad it is (Alpine's, Wolfi's). How bad a
 * CVE is does not hang on who packages it, so another feed's word on the same CVE serves, and is
 * named as the source. What is fixed where is never taken from elsewhere. */
static int borrow_severity(struct matcher *m, struct lz_finding *f, struct lz_err *err)
{
	LZ_CLEAN(vec) struct lz_vec rows;
	int r;

	lz_vec_init(&rows, sizeof(struct lz_vdb_row), 1000000);
	r = lz_vdb_by_id(m->v, f->id, m->arena, &rows, err);
	LZ_VEC_EACH (struct lz_vdb_row, row, &rows) {
		struct lz_finding other = {.package = f->package};
		set_severity(&other, &row->advisory);
		if (r || !other.severity || other.severity < f->severity)
			continue;
		f->severity = other.severity;
		f->severity_source = row->advisory.feed;
		if (other.cvss_score >= 0 && f->cvss_score < 0) {
			f->cvss_vector = other.cvss_vector;
			f->cvss_score = other.cvss_score;
		}
		if (!f->title.n)
			f->title = row->advisory.title;
	}
	return r;
}

int lz_match(struct lz_vdb *v, const struct lz_os *os, const struct lz_package *packages,
	     size_t count, struct lz_arena *arena, struct lz_vec *ret_findings,
	     struct lz_vec *ret_problems, struct lz_err *err)
{
	struct matcher m = {v, os, arena, ret_findings, ret_problems, 0};
	int r = 0;

	if (!os->known)
		return lz_fail(
			err, LZ_E_STALE,
			"the distribution is not known, so nothing is known about its packages");
	if (!lz_vdb_covers(v, os->feed_key))
		return lz_fail(err, LZ_E_STALE, "the database has no feed for \"%.*s\"",
			       LZ_FMT(os->feed_key));
	lz_vdb_expect(v, name_asked, &(struct asked){packages, os}, count);
	for (size_t i = 0; !r && i < count; i++)
		r = match_package(&m, &packages[i], err);
	LZ_VEC_EACH (struct lz_finding, f, ret_findings)
		if (!r && !f->severity && is_cve(f->id))
			r = borrow_severity(&m, f, err);
	return r;
}
