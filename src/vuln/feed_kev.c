/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CISA's catalogue of known exploited vulnerabilities:
 *
 *	{ "dateReleased": "2025-08-25T17:04:19.9796Z", "count": 1404,
 *	  "vulnerabilities": [ { "cveID": "CVE-2025-48384", "dateAdded": "2025-08-25", … } ] }
 *
 * It says that a CVE is exploited and since when that is known; the rest is for other readers.
 * `count` must agree with what was read: a catalogue cut short must not pass for a whole one.
 */
#include "feed_work.h"

#include "../base/clock.h"

struct kev {
	struct lz_feed_work w;
	int64_t promised; /* -1: the document did not say */
};

static int entry(struct kev *k, const struct lz_json_member *m, struct lz_err *err)
{
	struct lz_enrichment e = {.kev = true, .epss = -1, .epss_percentile = -1};
	LZ_CLEAN_JSON json_t *v = NULL;
	struct lz_err why;

	v = lz_json_load(m->value, k->w.limits, "entry", &why);
	if (!v && why.code == LZ_E_NOMEM)
		return lz_fail(err, why.code, "%s", why.text);
	if (!v)
		return lz_feed_skip(&k->w, true, m->offset, err, "%s", why.text);
	e.cve = lz_json_str(v, "cveID");
	if (!lz_is_cve(e.cve))
		return lz_feed_skip(&k->w, true, m->offset, err, "cveID \"%.*s\" is no CVE",
				    LZ_FMT(e.cve));
	e.kev_added_s = lz_feed_date(v, "dateAdded");
	return lz_feed_put_enrichment(&k->w, &e, err);
}

static int top(struct kev *k, const struct lz_json_member *m, struct lz_err *err)
{
	LZ_CLEAN_JSON json_t *v = lz_json_load(m->value, k->w.limits, "catalogue", err);
	struct lz_span text = lz_json_text(v);

	if (!v)
		return err ? err->code : LZ_E_FORMAT;
	if (lz_span_is(m->key, "count") && json_is_integer(v))
		k->promised = (int64_t)json_integer_value(v);
	if (lz_span_is(m->key, "dateReleased") &&
	    (!lz_time_parse(text.p, text.n, &k->w.info.date_s) || k->w.info.date_s < 0))
		k->w.info.date_s = 0;
	return 0;
}

static int document(struct kev *k, struct lz_json_split *s, struct lz_err *err)
{
	struct lz_json_member m;
	uint64_t seen;
	int r;

	while ((r = lz_json_split_next(s, &m, err)) > 0) {
		r = m.inside ? entry(k, &m, err) : top(k, &m, err);
		if (r)
			return r;
	}
	seen = k->w.info.records + k->w.info.skipped;
	if (!r && !seen)
		return lz_fail(err, LZ_E_FORMAT, "no KEV catalogue: no \"vulnerabilities\"");
	if (!r && k->promised >= 0 && (uint64_t)k->promised != seen)
		return lz_fail(err, LZ_E_FORMAT,
			       "%llu vulnerabilities, but \"count\" promises %lld: not the whole "
			       "catalogue",
			       (unsigned long long)seen, (long long)k->promised);
	return r;
}

static int read_kev(struct lz_span path, struct lz_reader *r, int fd,
		    const struct lz_limits *limits, struct lz_feed_sink *sink, struct lz_err *err)
{
	struct lz_json_split *s =
		lz_json_split_open(r, "vulnerabilities", (size_t)limits->json_bytes, err);
	struct kev k = {.promised = -1};
	int code;

	(void)path;
	(void)fd;
	if (!s)
		return err ? err->code : LZ_E_NOMEM;
	lz_feed_work_init(&k.w, limits, sink);
	k.w.info.name = LZ_SPAN("kev");
	code = document(&k, s, err);
	lz_json_split_close(s);
	if (!code)
		code = lz_feed_finish(&k.w, err);
	lz_feed_work_done(&k.w);
	return code;
}

static const char *const paths[] = {"kev/known_exploited_vulnerabilities.json", NULL};

const struct lz_feed_format lz_feed_kev = {.name = "kev", .paths = paths, .read = read_kev};
