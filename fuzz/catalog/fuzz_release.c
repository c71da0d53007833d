/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which distribution is this? The input is release files, divided by zero bytes: path, then text,
 * by turns. Asserted: whatever they say there is an answer, and a purl can be made of it.
 */
#include "base/arena.h"
#include "catalog/catalog.h"

#include "fuzz.h"

struct kept {
	struct lz_sink sink; /* first */
	struct lz_arena *arena;
	struct lz_release r[8];
	size_t n;
};

static int release(struct lz_sink *s, const struct lz_release *r, struct lz_err *err)
{
	struct kept *k = (struct kept *)s;
	struct lz_release *to = &k->r[k->n];

	(void)err;
	if (k->n == 8)
		return 0;
	k->n++;
	*to = *r;
	for (struct lz_span *f = &to->path; f <= &to->text; f++)
		*f = lz_arena_dup(k->arena, *f);
	return 0;
}

static int problem(struct lz_sink *s, int code, int64_t offset, const char *text,
		   struct lz_err *err)
{
	(void)s;
	(void)offset;
	(void)err;
	CHECK(code < 0 && text[0]);
	return 0;
}

static void read_one(struct kept *k, struct lz_span path, struct lz_span text)
{
	struct lz_limits limits;
	struct lz_err err = {0};
	struct lz_reader *r;

	if (lz_catalog_match(path, NULL) != &lz_cataloger_release)
		return;
	lz_limits_default(&limits);
	r = lz_reader_mem(text, 0, &err);
	CHECK(r);
	checked(lz_cataloger_release.read(path, r, text.n, &limits, &k->sink, &err), &err);
	lz_reader_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lz_span rest = lz_span(data, size), path, text;
	struct lz_package p = {
		.type = LZ_PKG_RPM, .name = LZ_SPAN("a/b c"), .version = LZ_SPAN("1:2")};
	struct lz_arena arena;
	struct kept k = {.sink = {NULL, release, NULL, problem}, .arena = &arena};
	struct lz_err err = {0};
	struct lz_os os;

	lz_arena_init(&arena, 64 * LZ_M);
	while (rest.n && k.n < 8) {
		lz_span_cut(rest, '\0', &path, &rest);
		lz_span_cut(rest, '\0', &text, &rest);
		read_one(&k, path, text);
	}
	CHECK(checked(lz_os_detect(k.r, k.n, 1764000000, &arena, &os, &err), &err) == 0);
	CHECK(!os.known || os.id.n);
	CHECK(!os.feed_key.n || os.known);
	CHECK(lz_span_starts(lz_purl(&p, &os, &arena), "pkg:rpm/"));
	lz_arena_done(&arena);
	return 0;
}
