/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole rpm database of any of the three kinds, as the cataloger reads it. Asserted: the same
 * packages and problems however the bytes are cut; headers handed out can't hold more bytes than
 * the file has; a file that is not empty gives a package, a problem, or is a container without
 * rows.
 */
#include "base/buf.h"
#include "catalog/catalog.h"

#include "fuzz.h"

struct seen {
	struct lz_sink sink; /* first */
	struct lz_buf text;
	size_t packages, problems;
};

static int package(struct lz_sink *s, const struct lz_package *p, struct lz_err *err)
{
	struct seen *n = (struct seen *)s;

	(void)err;
	CHECK(p->type == LZ_PKG_RPM && p->name.n && p->source.n);
	CHECK(!lz_span_is(p->name, "gpg-pubkey"));
	lz_buf_span(&n->text, p->name);
	lz_buf_span(&n->text, p->version);
	n->packages++;
	return 0;
}

static int release(struct lz_sink *s, const struct lz_release *r, struct lz_err *err)
{
	(void)s;
	(void)r;
	(void)err;
	CHECK(!"an rpm database holds no release file");
	return 0;
}

static int files(struct lz_sink *s, struct lz_span name, struct lz_span arch, struct lz_span list,
		 uint32_t count, struct lz_err *err)
{
	struct seen *n = (struct seen *)s;

	(void)arch;
	(void)err;
	CHECK(name.n && count && list.n);
	lz_buf_span(&n->text, list);
	return 0;
}

static int problem(struct lz_sink *s, int code, int64_t offset, const char *text,
		   struct lz_err *err)
{
	struct seen *n = (struct seen *)s;

	(void)err;
	CHECK(code < 0 && offset >= 0 && text[0]);
	lz_buf_str(&n->text, text);
	n->problems++;
	return 0;
}

static int run(struct lz_span bytes, size_t chunk, struct seen *n)
{
	struct lz_limits limits;
	struct lz_err err = {0};
	struct lz_reader *r = lz_reader_mem(bytes, chunk, &err);
	int code;

	*n = (struct seen){.sink = {package, release, files, problem}};
	lz_buf_init(&n->text, LZ_G);
	lz_limits_default(&limits);
	code = lz_cataloger_rpm.read(LZ_SPAN("var/lib/rpm/Packages"), r, bytes.n, &limits, &n->sink,
				     &err);
	lz_reader_close(r);
	return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen a, b;

	CHECK(run(lz_span(data, size), 0, &a) == 0);
	CHECK(run(lz_span(data, size), 1 + size / 7, &b) == 0);
	CHECK(a.packages == b.packages && a.problems == b.problems);
	CHECK(lz_span_eq(lz_buf_view(&a.text), lz_buf_view(&b.text)));
	CHECK(a.packages <= size / 16); /* an index entry is the least a header can have */
	CHECK(size < 16 ? a.packages == 0 : true);
	lz_buf_done(&a.text);
	lz_buf_done(&b.text);
	return 0;
}
