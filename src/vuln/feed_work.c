/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the feed readers share: counting, leaving out by name, titles, dates, identifiers.
 */
#include "feed_work.h"

#include "../base/clock.h"

#include <stdio.h>

#define TITLE_BYTES 200

void lz_feed_work_init(struct lz_feed_work *w, const struct lz_limits *limits,
		       struct lz_feed_sink *sink)
{
	*w = (struct lz_feed_work){.limits = limits, .sink = sink};
	lz_arena_init(&w->arena, (size_t)limits->advisory_bytes * 4 + LZ_M);
}

void lz_feed_work_done(struct lz_feed_work *w)
{
	lz_arena_done(&w->arena);
}

void lz_feed_work_next(struct lz_feed_work *w)
{
	lz_arena_done(&w->arena);
}

int lz_feed_memory(const struct lz_feed_work *w, struct lz_err *err)
{
	if (!w->arena.code)
		return 0;
	return lz_fail(err, w->arena.code, "one advisory: %s (limit advisory_bytes)",
		       lz_code_text(w->arena.code));
}

int lz_feed_put(struct lz_feed_work *w, const struct lz_advisory *a, uint64_t offset,
		struct lz_err *err)
{
	struct lz_err why;
	int r = lz_feed_memory(w, err);

	if (r)
		return r;
	r = w->sink->advisory(w->sink, a, &why);
	if (r == LZ_E_LIMIT)
		return lz_feed_skip(w, true, offset, err, "%.*s: %s", LZ_FMT(a->id), why.text);
	if (r) {
		if (err)
			*err = why;
		return r;
	}
	w->info.records++;
	/* The newest record tells how current a feed is that does not say so itself. */
	if (a->modified_s > w->info.date_s)
		w->info.date_s = a->modified_s;
	return 0;
}

int lz_feed_put_enrichment(struct lz_feed_work *w, const struct lz_enrichment *e,
			   struct lz_err *err)
{
	int r = w->sink->enrichment(w->sink, e, err);

	w->info.records += !r;
	return r;
}

int lz_feed_skip(struct lz_feed_work *w, bool bad, uint64_t offset, struct lz_err *err,
		 const char *fmt, ...)
{
	char why[sizeof(((struct lz_err *)0)->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	w->info.skipped++;
	if (bad && !w->bad++)
		snprintf(w->first_bad, sizeof(w->first_bad), "%.190s", why);
	return w->sink->skipped(w->sink, offset, why, err);
}

int lz_feed_finish(struct lz_feed_work *w, struct lz_err *err)
{
	/* Withdrawn and foreign records are a feed's right; a feed of nothing but broken ones is
	 * not the feed it claims to be. */
	if (!w->info.records && w->bad)
		return lz_fail(err, LZ_E_FORMAT,
			       "none of %llu records could be used; the first: %s",
			       (unsigned long long)w->info.skipped, w->first_bad);
	if (!w->info.records && !w->info.skipped && !w->may_be_empty)
		return lz_fail(err, LZ_E_FORMAT, "holds no record at all");
	return w->sink->info(w->sink, &w->info, err);
}

struct lz_span lz_feed_title(struct lz_span description)
{
	struct lz_span t = lz_span_trim(description);
	size_t end = t.n < TITLE_BYTES ? t.n : TITLE_BYTES, word = 0;

	for (size_t i = 0; i < end; i++) {
		char c = t.p[i];

		if (c == '\n')
			return lz_span_trim(lz_span_head(t, i));
		if (c == ' ')
			word = i;
		/* A full stop inside a version or a name has no space behind it. */
		if (c == '.' && i + 1 < t.n && (t.p[i + 1] == ' ' || t.p[i + 1] == '\n'))
			return lz_span_head(t, i + 1);
	}
	if (end == t.n)
		return t;
	if (word)
		return lz_span_head(t, word);
	while (end && ((unsigned char)t.p[end] & 0xc0) == 0x80) /* not inside a character */
		end--;
	return lz_span_head(t, end);
}

int64_t lz_feed_date(const json_t *obj, const char *key)
{
	struct lz_span s = lz_json_str(obj, key);
	int64_t t;

	return lz_time_parse(s.p, s.n, &t) && t > 0 ? t : 0;
}

static bool digits(struct lz_span s, size_t min, size_t max)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n >= min && s.n <= max;
}

bool lz_is_cve(struct lz_span id)
{
	return lz_span_starts(id, "CVE-") && id.n > 9 && id.p[8] == '-' &&
	       digits(lz_span(id.p + 4, 4), 4, 4) && digits(lz_span_from(id, 9), 4, 12);
}

bool lz_is_ghsa(struct lz_span id)
{
	return lz_span_starts(id, "GHSA-") && id.n == 19 && id.p[9] == '-' && id.p[14] == '-';
}

struct lz_span lz_path_component(struct lz_span path, unsigned from_end)
{
	for (;;) {
		ptrdiff_t slash = lz_span_rfind(path, '/');

		if (!from_end--)
			return slash < 0 ? path : lz_span_from(path, (size_t)slash + 1);
		if (slash < 0)
			return lz_span("", 0);
		path = lz_span_head(path, (size_t)slash);
	}
}
