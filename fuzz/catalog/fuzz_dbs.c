/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any cataloger's file. The first byte chooses which path the rest is the content of. Asserted: the
 * same packages, files and problems however the bytes are cut; each package has a name, a version
 * and a source; each problem has words.
 */
#include "base/buf.h"
#include "catalog/catalog.h"
#include "catalog/filelist.h"

#include "fuzz.h"

static const char *const paths[] = {
	"var/lib/dpkg/status",
	"var/lib/dpkg/status.d/x",
	"var/lib/dpkg/status.d/x.md5sums",
	"var/lib/dpkg/info/x:amd64.list",
	"usr/lib/opkg/status",
	"lib/apk/db/installed",
	"var/lib/pacman/local/x-1-1/desc",
	"var/lib/pacman/local/x-1-1/files",
	"var/lib/rpmmanifest/container-manifest-2",
	"etc/os-release",
	"etc/apk/repositories",
	"etc/alpine-release",
	"etc/redhat-release",
	"etc/lsb-release",
	"etc/debian_version",
};

struct seen {
	struct lz_sink sink; /* first */
	struct lz_buf text;
};

static void keep(struct seen *n, struct lz_span s)
{
	lz_buf_span(&n->text, s);
	lz_buf_byte(&n->text, '\n');
}

static int package(struct lz_sink *s, const struct lz_package *p, struct lz_err *err)
{
	struct seen *n = (struct seen *)s;

	(void)err;
	CHECK(p->name.n && p->version.n && p->source.n && p->source_version.n);
	keep(n, p->name);
	keep(n, p->version);
	keep(n, p->source);
	return 0;
}

static int release(struct lz_sink *s, const struct lz_release *r, struct lz_err *err)
{
	struct seen *n = (struct seen *)s;

	(void)err;
	CHECK(r->path.n);
	keep(n, r->id);
	keep(n, r->version_id);
	keep(n, r->text);
	return 0;
}

static int files(struct lz_sink *s, struct lz_span name, struct lz_span arch, struct lz_span list,
		 uint32_t count, struct lz_err *err)
{
	struct seen *n = (struct seen *)s;
	struct lz_filelist_iter it;
	struct lz_span path;
	int more;

	(void)arch;
	keep(n, name);
	lz_filelist_iter(&it, list);
	while ((more = lz_filelist_next(&it, &path, err)) > 0 && count--)
		keep(n, path);
	CHECK(!more && !count);
	return 0;
}

static int problem(struct lz_sink *s, int code, int64_t offset, const char *text,
		   struct lz_err *err)
{
	(void)err;
	CHECK(code < 0 && offset >= 0 && text[0]);
	keep((struct seen *)s, lz_str(text));
	return 0;
}

static int run(const char *path, struct lz_span bytes, size_t chunk, struct seen *n)
{
	const struct lz_cataloger *c = lz_catalog_match(lz_str(path), NULL);
	struct lz_limits limits;
	struct lz_err err = {0};
	struct lz_reader *r = lz_reader_mem(bytes, chunk, &err);
	int code;

	CHECK(c && r);
	lz_limits_default(&limits);
	limits.line_bytes = 1024;
	*n = (struct seen){.sink = {package, release, files, problem}};
	lz_buf_init(&n->text, LZ_G);
	code = checked(c->read(lz_str(path), r, bytes.n, &limits, &n->sink, &err), &err);
	lz_reader_close(r);
	return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen a, b;
	const char *path;
	int code;

	if (!size)
		return 0;
	path = paths[data[0] % (sizeof(paths) / sizeof(paths[0]))];
	code = run(path, lz_span(data + 1, size - 1), 0, &a);
	CHECK(run(path, lz_span(data + 1, size - 1), 1 + size / 7, &b) == code);
	CHECK(lz_span_eq(lz_buf_view(&a.text), lz_buf_view(&b.text)));
	lz_buf_done(&a.text);
	lz_buf_done(&b.text);
	return 0;
}
