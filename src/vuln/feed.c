/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The feed formats, one row each, and which of them a path belongs to.
 */
#include "feed_work.h"

const struct lz_feed_format *const lz_feed_formats[] = {
	&lz_feed_debian,    &lz_feed_alpine, &lz_feed_rolling, &lz_feed_osv_zip,
	&lz_feed_osv_files, &lz_feed_kev,    &lz_feed_epss,    NULL,
};

/* "*" stands for letters of one component, "**" for anything. Patterns are ours and short; a path
 * is tried at each of its positions for each star, at most two stars to a pattern. */
static bool matches(const char *pattern, struct lz_span path)
{
	for (; *pattern && *pattern != '*'; pattern++) {
		if (!path.n || path.p[0] != *pattern)
			return false;
		path = lz_span_from(path, 1);
	}
	if (!*pattern)
		return !path.n;
	bool deep = pattern[1] == '*';
	pattern += deep ? 2 : 1;
	for (size_t i = 0; i <= path.n; i++) {
		if (matches(pattern, lz_span_from(path, i)))
			return i > 0; /* a star is never empty */
		if (i < path.n && path.p[i] == '/' && !deep)
			return false;
	}
	return false;
}

static bool belongs(const struct lz_feed_format *f, struct lz_span path)
{
	struct lz_span plain = path;

	if (!f->seekable && !f->gathered && lz_span_ends(path, ".gz"))
		plain.n -= 3;
	for (const char *const *p = f->paths; *p; p++)
		if (matches(*p, plain))
			return true;
	return false;
}

const struct lz_feed_format *lz_feed_format_of(struct lz_span path)
{
	for (const struct lz_feed_format *const *f = lz_feed_formats; *f; f++)
		if (belongs(*f, path))
			return *f;
	return NULL;
}

const struct lz_feed_format *lz_feed_format_find(struct lz_span name)
{
	for (const struct lz_feed_format *const *f = lz_feed_formats; *f; f++)
		if (lz_span_is(name, (*f)->name))
			return *f;
	return NULL;
}
