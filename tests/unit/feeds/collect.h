/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A sink that writes what a feed says as one line each, so that a test can state what it expects:
 *
 *	A id feed severity "title" cvss=… alias=… ref=N p=DATE w=DATE
 *	  ecosystem name[module] order fix severity cvss events versions
 *	E cve kev=DATE epss=… percentile=…
 *	S why
 *	I name date records skipped
 */
#include "../../test.h"

#include "vuln/feed.h"

struct collect {
	struct lz_feed_sink sink;
	FILE *out;
	char *text;
	size_t size;
	uint64_t advisories, affected, events, versions, aliases, enrichments, skips;
	bool quiet; /* count only */
	int fail;   /* returned by the sink for advisories */
};

static inline void collect_spans(FILE *o, const char *what, const struct lz_span *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(o, "%s%.*s", i ? "," : what, (int)s[i].n, s[i].p);
}

static inline void collect_affected(FILE *o, const struct lz_affected *a)
{
	static const char *const orders[] = {"dpkg",   "rpm",	    "apk",   "alpm",
					     "semver", "pep440",    "maven", "gem",
					     "nuget",  "packagist", "go",    "other"};
	static const char marks[] = {'>', '<', '=', '|'}; /* introduced fixed last limit */

	fprintf(o, "  %.*s %.*s", (int)a->ecosystem.n, a->ecosystem.p, (int)a->name.n, a->name.p);
	if (a->module.n)
		fprintf(o, "[%.*s]", (int)a->module.n, a->module.p);
	fprintf(o, " %s %s", orders[a->order],
		a->not_affected ? "not_affected" : lz_fix_state_name(a->fix));
	if (a->severity)
		fprintf(o, " %s", lz_severity_name(a->severity));
	if (a->cvss.n)
		fprintf(o, " %.*s", (int)a->cvss.n, a->cvss.p);
	for (size_t i = 0; i < a->event_count; i++)
		fprintf(o, " %c%.*s", marks[a->events[i].kind], (int)a->events[i].version.n,
			a->events[i].version.p);
	collect_spans(o, " versions=", a->versions, a->version_count);
	fputc('\n', o);
}

static inline int collect_advisory(struct lz_feed_sink *s, const struct lz_advisory *a,
				   struct lz_err *err)
{
	struct collect *c = (struct collect *)(void *)s;

	if (c->fail)
		return lz_fail(err, c->fail, "sink");
	c->advisories++;
	c->affected += a->affected_count;
	c->aliases += a->alias_count;
	for (size_t i = 0; i < a->affected_count; i++) {
		c->events += a->affected[i].event_count;
		c->versions += a->affected[i].version_count;
	}
	if (c->quiet)
		return 0;
	fprintf(c->out, "A %.*s %.*s %s \"%.*s\"", (int)a->id.n, a->id.p, (int)a->feed.n, a->feed.p,
		lz_severity_name(a->severity), (int)a->title.n, a->title.p);
	collect_spans(c->out, " cvss=", a->cvss, a->cvss_count);
	collect_spans(c->out, " alias=", a->aliases, a->alias_count);
	collect_spans(c->out, " ref=", a->references, a->reference_count);
	if (a->published_s)
		fprintf(c->out, " p=%lld", (long long)a->published_s);
	if (a->modified_s)
		fprintf(c->out, " m=%lld", (long long)a->modified_s);
	fputc('\n', c->out);
	for (size_t i = 0; i < a->affected_count; i++)
		collect_affected(c->out, &a->affected[i]);
	return 0;
}

static inline int collect_enrichment(struct lz_feed_sink *s, const struct lz_enrichment *e,
				     struct lz_err *err)
{
	struct collect *c = (struct collect *)(void *)s;

	(void)err;
	c->enrichments++;
	if (!c->quiet)
		fprintf(c->out, "E %.*s kev=%lld epss=%.5f percentile=%.5f\n", (int)e->cve.n,
			e->cve.p, e->kev ? (long long)e->kev_added_s : -1, e->epss,
			e->epss_percentile);
	return 0;
}

static inline int collect_info(struct lz_feed_sink *s, const struct lz_feed_info *f,
			       struct lz_err *err)
{
	(void)err;
	fprintf(((struct collect *)(void *)s)->out, "I %.*s %lld %llu %llu\n", (int)f->name.n,
		f->name.p, (long long)f->date_s, (unsigned long long)f->records,
		(unsigned long long)f->skipped);
	return 0;
}

static inline int collect_skipped(struct lz_feed_sink *s, uint64_t offset, const char *why,
				  struct lz_err *err)
{
	struct collect *c = (struct collect *)(void *)s;

	(void)offset;
	(void)err;
	c->skips++;
	if (!c->quiet)
		fprintf(c->out, "S %s\n", why);
	return 0;
}

static inline void collect_init(struct collect *c)
{
	*c = (struct collect){
		.sink = {collect_advisory, collect_enrichment, collect_info, collect_skipped}};
	c->out = open_memstream(&c->text, &c->size);
}

/* What was said so far. */
static inline const char *collect_text(struct collect *c)
{
	fflush(c->out);
	return c->text;
}

static inline void collect_done(struct collect *c)
{
	fclose(c->out);
	free(c->text);
}

/* Reads `text` as the feed at `path`, in chunks of `chunk` bytes (0: one). */
static inline int collect_read(struct collect *c, const char *path, struct lz_span text,
			       size_t chunk, struct lz_err *err)
{
	const struct lz_feed_format *f = lz_feed_format_of(lz_str(path));
	struct lz_limits limits;
	struct lz_reader *r;

	assert_non_null(f);
	lz_limits_default(&limits);
	r = lz_reader_mem(text, chunk, err);
	return r ? f->read(lz_str(path), r, -1, &limits, &c->sink, err) : err->code;
}
