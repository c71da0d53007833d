/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EPSS, how likely a CVE is to be exploited within thirty days; a quarter of a million lines:
 *
 *	#model_version:v2023.03.01,score_date:2025-02-20T00:00:00+0000     optional
 *	cve,epss,percentile
 *	CVE-1999-0001,0.00383,0.73075
 *
 * Read line by line in constant memory. A header that says otherwise is another file and fails the
 * feed; a bad line is left out by its number.
 */
#include "feed_work.h"

#include "../base/clean.h"
#include "../base/clock.h"

#include <stdlib.h>

#define LINE_BYTES 4096 /* a line has 40; the comment in front some 80 */

struct lines {
	struct lz_reader *r;
	struct lz_span chunk;
	struct lz_buf line;
	uint64_t number; /* of the line at hand, from 1 */
};

/* 1: *ret without its end of line; 0: end; < 0. */
static int next_line(struct lines *l, struct lz_span *ret, struct lz_err *err)
{
	int r = 1;

	lz_buf_clear(&l->line);
	l->number++;
	for (;;) {
		ptrdiff_t end;

		if (!l->chunk.n) {
			r = lz_reader_next(l->r, &l->chunk, err);
			if (r < 0)
				return r;
			if (!r)
				break;
		}
		end = lz_span_find(l->chunk, '\n');
		lz_buf_span(&l->line, end < 0 ? l->chunk : lz_span_head(l->chunk, (size_t)end));
		if (l->line.code)
			return lz_fail(err, l->line.code == LZ_E_LIMIT ? LZ_E_FORMAT : LZ_E_NOMEM,
				       "line %llu: longer than %d bytes",
				       (unsigned long long)l->number, LINE_BYTES);
		l->chunk = lz_span_from(l->chunk, end < 0 ? l->chunk.n : (size_t)end + 1);
		if (end >= 0)
			break;
	}
	*ret = lz_span_trim(lz_buf_view(&l->line));
	return r || l->line.n;
}

static int64_t score_date(struct lz_span comment)
{
	ptrdiff_t at = lz_span_search(comment, LZ_SPAN("score_date:"));
	struct lz_span date, rest;
	int64_t t;

	if (at < 0)
		return 0;
	lz_span_cut(lz_span_from(comment, (size_t)at + 11), ',', &date, &rest);
	return lz_time_parse(date.p, date.n, &t) && t > 0 ? t : 0;
}

/* A number from 0 to 1 and nothing else. */
static bool share(struct lz_span s, double *ret)
{
	char text[32], *end;

	for (size_t i = 0; i < s.n; i++)
		if (!strchr("0123456789.eE-+", s.p[i]))
			return false;
	if (!s.n || !lz_span_cstr(s, text, sizeof(text)))
		return false;
	*ret = strtod(text, &end);
	return !*end && *ret >= 0 && *ret <= 1;
}

static int score(struct lz_feed_work *w, struct lz_span line, uint64_t number, struct lz_err *err)
{
	struct lz_enrichment e = {.kev = false};
	struct lz_span epss, percentile;

	lz_span_cut(line, ',', &e.cve, &epss);
	lz_span_cut(epss, ',', &epss, &percentile);
	if (!lz_is_cve(e.cve) || !share(epss, &e.epss) || !share(percentile, &e.epss_percentile))
		return lz_feed_skip(w, true, number, err,
				    "line %llu: \"%.*s\" is no CVE with two numbers from 0 to 1",
				    (unsigned long long)number, LZ_FMT(lz_span_head(line, 80)));
	return lz_feed_put_enrichment(w, &e, err);
}

static int table(struct lz_feed_work *w, struct lines *l, struct lz_err *err)
{
	struct lz_span line = {"", 0};
	int r = next_line(l, &line, err);

	if (r > 0 && lz_span_starts(line, "#")) {
		w->info.date_s = score_date(line);
		r = next_line(l, &line, err);
	}
	if (r < 0)
		return r;
	if (!r || !lz_span_is(line, "cve,epss,percentile"))
		return lz_fail(err, LZ_E_FORMAT,
			       "line %llu: the header is \"%.*s\", not \"cve,epss,percentile\"",
			       (unsigned long long)l->number, LZ_FMT(lz_span_head(line, 80)));
	while ((r = next_line(l, &line, err)) > 0) {
		r = line.n ? score(w, line, l->number, err) : 0;
		if (r)
			return r;
	}
	return r;
}

static int read_epss(struct lz_span path, struct lz_reader *r, int fd,
		     const struct lz_limits *limits, struct lz_feed_sink *sink, struct lz_err *err)
{
	struct lines l = {.r = r};
	struct lz_feed_work w;
	int code;

	(void)path;
	(void)fd;
	lz_buf_init(&l.line, LINE_BYTES);
	lz_feed_work_init(&w, limits, sink);
	w.info.name = LZ_SPAN("epss");
	code = table(&w, &l, err);
	if (!code)
		code = lz_feed_finish(&w, err);
	lz_buf_done(&l.line);
	lz_reader_close(r);
	lz_feed_work_done(&w);
	return code;
}

static const char *const paths[] = {"epss/*.csv", NULL};

const struct lz_feed_format lz_feed_epss = {.name = "epss", .paths = paths, .read = read_epss};
