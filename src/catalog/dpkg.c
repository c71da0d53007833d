/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debian's package database:
 *
 *	var/lib/dpkg/status         stanzas of "Field: value" lines, divided by blank lines
 *	var/lib/dpkg/status.d/NAME  one stanza per file, without Status (distroless)
 *	var/lib/dpkg/info/NAME.list the files of a package, one path a line; NAME may have ":arch"
 *
 * A package that was removed but left its configuration has a stanza too: "Status: deinstall ok
 * config-files". All else that Status may say means that files of the package may be there. Of a
 * field given twice the last one holds, as for dpkg. A stanza without name or version is a problem,
 * not nothing.
 */
#include "catalog.h"
#include "filelist.h"
#include "lines.h"

#include "../base/clean.h"

struct stanza {
	struct lz_arena arena;
	struct lz_span name, version, arch, source, status, maintainer;
	uint64_t line, offset;
	bool any;
};

static void forget(struct stanza *s)
{
	struct lz_arena keep = s->arena;

	lz_arena_done(&keep);
	*s = (struct stanza){.arena = keep};
}

static void field(struct stanza *s, struct lz_span key, struct lz_span value, size_t max)
{
	const struct {
		const char *name;
		struct lz_span *to;
	} known[] = {
		{"Package", &s->name},	{"Version", &s->version}, {"Architecture", &s->arch},
		{"Source", &s->source}, {"Status", &s->status},	  {"Maintainer", &s->maintainer},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (lz_span_eq_nocase(key, lz_str(known[i].name)))
			*known[i].to = lz_arena_dup(&s->arena, lz_span_head(value, max));
}

/* "deinstall ok config-files", "purge ok not-installed": nothing of it is on disk but settings. */
static bool removed(struct lz_span status)
{
	ptrdiff_t space = lz_span_rfind(status, ' ');
	struct lz_span state = lz_span_from(status, (size_t)(space + 1));

	return lz_span_is(state, "config-files") || lz_span_is(state, "not-installed");
}

static int problem(struct lz_sink *sink, uint64_t line, uint64_t offset, const char *what,
		   struct lz_err *err)
{
	char text[160];

	snprintf(text, sizeof(text), "line %llu: %s", (unsigned long long)line, what);
	return sink->problem(sink, LZ_E_FORMAT, (int64_t)offset, text, err);
}

static int give(struct stanza *s, struct lz_sink *sink, enum lz_pkg_type type, struct lz_err *err)
{
	struct lz_package p = {.type = type, .epoch_known = true};
	struct lz_span name, version;

	if (!s->any || removed(s->status))
		return 0;
	if (!s->name.n || !s->version.n)
		return problem(sink, s->line, s->offset,
			       s->name.n ? "package without a version"
					 : "stanza without a package name",
			       err);
	p.name = s->name;
	p.version = s->version;
	p.arch = s->arch;
	p.vendor = s->maintainer;
	p.source = s->name;
	p.source_version = s->version;
	if (s->source.n) { /* "name" or "name (version)" */
		if (lz_span_cut(s->source, '(', &name, &version) && lz_span_ends(version, ")"))
			version = lz_span_trim(lz_span_head(version, version.n - 1));
		else
			version.n = 0;
		name = lz_span_trim(name);
		p.source = name.n ? name : p.source;
		p.source_version = version.n ? version : p.source_version;
	}
	return sink->package(sink, &p, err);
}

static int line(struct stanza *s, const struct lz_lines *l, struct lz_span text, size_t max,
		struct lz_sink *sink, struct lz_err *err)
{
	struct lz_span key, value;

	if (!s->any) {
		s->any = true;
		s->line = l->number;
		s->offset = l->offset;
	}
	if (l->too_long) {
		int r = sink->problem(
			sink, LZ_E_LIMIT, (int64_t)l->offset,
			"a line is too long (limit line_bytes); its end was passed over", err);
		if (r)
			return r;
	}
	if (text.p[0] == ' ' || text.p[0] == '\t')
		return 0; /* goes on with a field we don't need whole */
	if (!lz_span_cut(text, ':', &key, &value))
		return problem(sink, l->number, l->offset, "no \":\" in a field", err);
	field(s, key, lz_span_trim(value), max);
	return s->arena.code ? lz_fail(err, LZ_E_NOMEM, "out of memory") : 0;
}

static int read_status(enum lz_pkg_type type, struct lz_reader *r, const struct lz_limits *limits,
		       struct lz_sink *sink, struct lz_err *err)
{
	struct stanza s = {0};
	struct lz_lines l;
	struct lz_span text;
	int code, failed = 0;

	lz_arena_init(&s.arena, LZ_M);
	lz_lines_init(&l, r, limits);
	while ((code = lz_lines_next(&l, &text, err)) > 0) {
		if (lz_span_trim(text).n) {
			failed = line(&s, &l, text, (size_t)limits->field_bytes, sink, err);
		} else {
			failed = give(&s, sink, type, err);
			forget(&s);
		}
		if (failed)
			break;
	}
	if (!code && !failed)
		failed = give(&s, sink, type, err);
	lz_lines_done(&l);
	lz_arena_done(&s.arena);
	return failed ? failed : code;
}

/* "info/libc6:amd64.list" → libc6, amd64. Distroless images have "status.d/libc6.md5sums" instead,
 * where a sum stands in front of each path. */
static int read_list(struct lz_span path, struct lz_reader *r, const struct lz_limits *limits,
		     struct lz_sink *sink, struct lz_err *err)
{
	struct lz_span name = lz_span_from(path, (size_t)(lz_span_rfind(path, '/') + 1)), arch,
		       text;
	struct lz_filelist files;
	bool sums = lz_span_ends(name, ".md5sums");
	struct lz_lines l;
	int code, failed = 0;

	name.n -= strlen(sums ? ".md5sums" : ".list");
	lz_span_cut(name, ':', &name, &arch);
	lz_filelist_init(&files, (size_t)limits->record_bytes / 2);
	lz_lines_init(&l, r, limits);
	while (!failed && (code = lz_lines_next(&l, &text, err)) > 0) {
		if (sums)
			text = lz_span_trim(lz_span_from(text, 32)); /* hex digits of MD5 */
		while (text.n && text.p[0] == '/')
			text = lz_span_from(text, 1);
		if (text.n && !lz_span_is(text, "."))
			failed = lz_filelist_add(&files, text);
	}
	if (failed)
		code = lz_fail(err, failed, "line %llu: %s", (unsigned long long)l.number,
			       failed == LZ_E_LIMIT ? "path or list is too long" : "out of memory");
	if (!code)
		code = sink->files(sink, name, arch, lz_buf_view(&files.buf), files.count, err);
	lz_lines_done(&l);
	lz_filelist_done(&files);
	return code;
}

static int read_dpkg(struct lz_span path, struct lz_reader *r, uint64_t size,
		     const struct lz_limits *limits, struct lz_sink *sink, struct lz_err *err)
{
	(void)size;
	if (lz_span_ends(path, ".list") || lz_span_ends(path, ".md5sums"))
		return read_list(path, r, limits, sink, err);
	return read_status(LZ_PKG_DEB, r, limits, sink, err);
}

static int read_opkg(struct lz_span path, struct lz_reader *r, uint64_t size,
		     const struct lz_limits *limits, struct lz_sink *sink, struct lz_err *err)
{
	(void)size;
	if (lz_span_ends(path, ".list"))
		return read_list(path, r, limits, sink, err);
	return read_status(LZ_PKG_OPKG, r, limits, sink, err);
}

static const char *const dpkg_paths[] = {"var/lib/dpkg/status", "var/lib/dpkg/status.d/*",
					 "var/lib/dpkg/info/*.list", NULL};
static const char *const opkg_paths[] = {"usr/lib/opkg/status",	     "var/lib/opkg/status",
					 "lib/opkg/status",	     "usr/lib/opkg/info/*.list",
					 "var/lib/opkg/info/*.list", NULL};

const struct lz_cataloger lz_cataloger_dpkg = {"dpkg", dpkg_paths, read_dpkg};
const struct lz_cataloger lz_cataloger_opkg = {"opkg", opkg_paths, read_opkg};
