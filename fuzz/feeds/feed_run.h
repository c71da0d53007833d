/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Runs one feed reader over the input. Asserted of every feed: the same knowledge however the bytes
 * are cut; each advisory has what the builder needs; a feed either fails with words, or says what
 * it was; what went over the wire comes back the same.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "fuzz.h"
#include "vuln/feed_work.h"

#include <sys/mman.h>
#include <unistd.h>

struct feed_seen {
	struct lz_feed_sink sink; /* first */
	struct lz_buf text;
	size_t advisories, skipped, infos;
};

static void feed_spans(struct feed_seen *n, const struct lz_span *s, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		lz_buf_span(&n->text, s[i]);
		lz_buf_byte(&n->text, ' ');
	}
}

static int feed_advisory(struct lz_feed_sink *s, const struct lz_advisory *a, struct lz_err *err)
{
	struct feed_seen *n = (struct feed_seen *)(void *)s;

	(void)err;
	CHECK(a->id.n && a->feed.n && a->severity < LZ_SEV_COUNT);
	feed_spans(n, &a->id, 1);
	feed_spans(n, &a->title, 1);
	feed_spans(n, a->aliases, a->alias_count);
	for (size_t i = 0; i < a->affected_count; i++) {
		const struct lz_affected *f = &a->affected[i];
		CHECK(f->ecosystem.n && f->name.n && f->order < LZ_ORDER_COUNT &&
		      f->fix < LZ_FIX_COUNT);
		feed_spans(n, &f->ecosystem, 1);
		feed_spans(n, &f->name, 1);
		for (size_t k = 0; k < f->event_count; k++)
			feed_spans(n, &f->events[k].version, 1);
		feed_spans(n, f->versions, f->version_count);
	}
	n->advisories++;
	return 0;
}

static int feed_enrichment(struct lz_feed_sink *s, const struct lz_enrichment *e,
			   struct lz_err *err)
{
	struct feed_seen *n = (struct feed_seen *)(void *)s;

	(void)err;
	CHECK(lz_is_cve(e->cve));
	CHECK(e->kev || (e->epss >= 0 && e->epss <= 1));
	feed_spans(n, &e->cve, 1);
	return 0;
}

static int feed_info(struct lz_feed_sink *s, const struct lz_feed_info *f, struct lz_err *err)
{
	struct feed_seen *n = (struct feed_seen *)(void *)s;

	(void)err;
	CHECK(f->name.n);
	n->infos++;
	return 0;
}

static int feed_skipped(struct lz_feed_sink *s, uint64_t offset, const char *why,
			struct lz_err *err)
{
	struct feed_seen *n = (struct feed_seen *)(void *)s;

	(void)err;
	(void)offset;
	CHECK(why[0]);
	n->skipped++;
	return 0;
}

static void feed_seen_init(struct feed_seen *n)
{
	*n = (struct feed_seen){.sink = {feed_advisory, feed_enrichment, feed_info, feed_skipped}};
	lz_buf_init(&n->text, LZ_G);
}

static int feed_read(const struct lz_feed_format *f, const char *path, struct lz_span bytes,
		     size_t chunk, struct feed_seen *n)
{
	struct lz_limits limits;
	struct lz_err err = {0};
	struct lz_reader *r = NULL;
	int fd = -1, code;

	lz_limits_default(&limits);
	limits.feed_bytes = 16 * LZ_M; /* a bomb must end soon */
	feed_seen_init(n);
	if (f->seekable) {
		fd = memfd_create("fuzz", MFD_CLOEXEC);
		CHECK(fd >= 0 && write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n);
	} else {
		r = lz_reader_mem(bytes, chunk, &err);
		CHECK(r);
	}
	code = checked(f->read(lz_str(path), r, fd, &limits, &n->sink, &err), &err);
	if (fd >= 0)
		close(fd);
	CHECK(code || n->infos == 1);
	return code;
}

static inline int feed_run(const struct lz_feed_format *f, const char *path, const uint8_t *data,
			   size_t size)
{
	struct lz_span bytes = lz_span(data, size);
	struct feed_seen a, b;
	int code = feed_read(f, path, bytes, 0, &a);

	CHECK(feed_read(f, path, bytes, 1 + size / 5, &b) == code);
	CHECK(a.advisories == b.advisories && a.skipped == b.skipped);
	CHECK(lz_span_eq(lz_buf_view(&a.text), lz_buf_view(&b.text)));
	lz_buf_done(&a.text);
	lz_buf_done(&b.text);
	return 0;
}
