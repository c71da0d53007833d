/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A sink that keeps what a cataloger gives as lines of text, so that a test can say what it expects
 * in a form people read:
 *
 *	package rpm alpha 2:1.2-3 x86_64 alpha-src 2:1.2-3
 *	files alpha x86_64: usr/bin/one usr/bin/two
 *	release os-release debian 12
 *	problem format @20: what was said
 */
#include "catalog/catalog.h"
#include "catalog/filelist.h"

#include "base/buf.h"

#include "../../test.h"

struct kept {
	struct lz_sink sink; /* first */
	struct lz_buf text;
	unsigned packages, problems, files;
};

static int kept_code(struct kept *k, struct lz_err *err)
{
	return k->text.code ? lz_fail(err, k->text.code, "sink") : 0;
}

static int keep_package(struct lz_sink *s, const struct lz_package *p, struct lz_err *err)
{
	struct kept *k = (struct kept *)s;

	k->packages++;
	lz_buf_printf(&k->text, "package %s %.*s %.*s %.*s %.*s %.*s\n", lz_pkg_type_name(p->type),
		      LZ_FMT(p->name), LZ_FMT(p->version), LZ_FMT(p->arch), LZ_FMT(p->source),
		      LZ_FMT(p->source_version));
	return kept_code(k, err);
}

static int keep_release(struct lz_sink *s, const struct lz_release *r, struct lz_err *err)
{
	struct kept *k = (struct kept *)s;

	lz_buf_printf(&k->text, "release %.*s %.*s %.*s %.*s\n", LZ_FMT(r->path), LZ_FMT(r->id),
		      LZ_FMT(r->version_id), LZ_FMT(r->text));
	return kept_code(k, err);
}

static int keep_files(struct lz_sink *s, struct lz_span package, struct lz_span arch,
		      struct lz_span list, uint32_t count, struct lz_err *err)
{
	struct kept *k = (struct kept *)s;
	struct lz_filelist_iter it;
	struct lz_span path;
	uint32_t n = 0;
	int code;

	k->files += count;
	lz_buf_printf(&k->text, "files %.*s %.*s:", LZ_FMT(package), LZ_FMT(arch));
	lz_filelist_iter(&it, list);
	while ((code = lz_filelist_next(&it, &path, err)) > 0) {
		lz_buf_printf(&k->text, " %.*s", LZ_FMT(path));
		n++;
	}
	assert_true(code == 0 && n == count);
	lz_buf_str(&k->text, "\n");
	return kept_code(k, err);
}

static int keep_problem(struct lz_sink *s, int code, int64_t offset, const char *text,
			struct lz_err *err)
{
	struct kept *k = (struct kept *)s;

	k->problems++;
	lz_buf_printf(&k->text, "problem %s @%lld: %s\n", lz_code_name(code), (long long)offset,
		      text);
	return kept_code(k, err);
}

static inline void kept_init(struct kept *k)
{
	*k = (struct kept){.sink = {keep_package, keep_release, keep_files, keep_problem}};
	lz_buf_init(&k->text, 64 * LZ_M);
}

static inline void kept_done(struct kept *k)
{
	lz_buf_done(&k->text);
}

/* Reads bytes as the file `path` with its cataloger; in chunks of `chunk` bytes (0: one). */
static inline int kept_read(struct kept *k, const char *path, struct lz_span bytes, size_t chunk,
			    const struct lz_limits *limits, struct lz_err *err)
{
	const struct lz_cataloger *c = lz_catalog_match(lz_str(path), NULL);
	struct lz_reader *r;
	int code;

	if (!c)
		fail_msg("no cataloger reads %s", path);
	r = lz_reader_mem(bytes, chunk, err);
	if (!r)
		return err->code;
	code = c->read(lz_str(path), r, bytes.n, limits, &k->sink, err);
	lz_reader_close(r);
	return code;
}

/* What a whole file gives; the caller releases with kept_done. */
static inline struct kept kept_of(const char *path, struct lz_span bytes)
{
	struct lz_limits limits;
	struct lz_err err = {0};
	struct kept k;

	lz_limits_default(&limits);
	kept_init(&k);
	assert_ok(kept_read(&k, path, bytes, 0, &limits, &err), err);
	return k;
}

static inline const char *kept_text(const struct kept *k)
{
	return k->text.p ? k->text.p : "";
}

/* A whole file; released with free(). */
static inline struct lz_span slurp_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *p;
	long n;

	if (!f)
		fail_msg("%s: can't be opened", path);
	fseek(f, 0, SEEK_END);
	n = ftell(f);
	rewind(f);
	p = malloc((size_t)n + 1);
	assert_non_null(p);
	assert_int_equal(fread(p, 1, (size_t)n, f), (size_t)n);
	p[n] = 0;
	fclose(f);
	return lz_span(p, (size_t)n);
}
