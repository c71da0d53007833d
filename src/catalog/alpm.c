/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arch's package database, var/lib/pacman/local/NAME-VERSION-RELEASE/:
 *
 *	desc   sections "%NAME%", its lines, a blank line
 *	files  sections of the same kind; %FILES% lists folders (ending with a slash) and files
 */
#include "catalog.h"
#include "filelist.h"
#include "lines.h"

#include "../base/clean.h"

struct section {
	const char *title;
	struct lz_span *to;
};

static void take(const struct section *known, size_t count, struct lz_span title,
		 struct lz_span value, struct lz_arena *a)
{
	for (size_t i = 0; i < count; i++)
		if (lz_span_is(title, known[i].title) && !known[i].to->n)
			*known[i].to = lz_arena_dup(a, value);
}

static bool is_title(struct lz_span s)
{
	return s.n > 2 && s.p[0] == '%' && s.p[s.n - 1] == '%';
}

static int give(struct lz_package *p, struct lz_sink *sink, struct lz_err *err)
{
	if (!p->name.n || !p->version.n)
		return sink->problem(sink, LZ_E_FORMAT, 0,
				     p->name.n ? "package without a %VERSION%"
					       : "package without a %NAME%",
				     err);
	if (!p->source.n)
		p->source = p->name;
	p->source_version = p->version;
	return sink->package(sink, p, err);
}

static int read_desc(struct lz_lines *l, const struct lz_limits *limits, struct lz_sink *sink,
		     struct lz_err *err)
{
	struct lz_package p = {.type = LZ_PKG_ALPM, .epoch_known = true};
	const struct section known[] = {
		{"%NAME%", &p.name},   {"%VERSION%", &p.version}, {"%ARCH%", &p.arch},
		{"%BASE%", &p.source}, {"%PACKAGER%", &p.vendor}, {"%LICENSE%", &p.licence},
	};
	LZ_CLEAN(arena) struct lz_arena arena;
	struct lz_span text, title = {"", 0};
	int code;

	lz_arena_init(&arena, LZ_M);
	while ((code = lz_lines_next(l, &text, err)) > 0) {
		text = lz_span_head(text, (size_t)limits->field_bytes);
		if (!text.n)
			title = text;
		else if (!title.n && is_title(text))
			title = lz_arena_dup(&arena, text);
		else
			take(known, sizeof(known) / sizeof(known[0]), title, text, &arena);
		if (arena.code)
			return lz_fail(err, arena.code, "out of memory or sections without end");
	}
	return code ? code : give(&p, sink, err);
}

/* ".../local/gcc-libs-13.2.1-3/files" is of package "gcc-libs". */
static struct lz_span owner(struct lz_span path)
{
	struct lz_span folder = lz_span_head(path, (size_t)lz_span_rfind(path, '/'));

	folder = lz_span_from(folder, (size_t)(lz_span_rfind(folder, '/') + 1));
	for (int i = 0; i < 2; i++) {
		ptrdiff_t dash = lz_span_rfind(folder, '-');
		folder.n = dash < 0 ? 0 : (size_t)dash;
	}
	return folder;
}

static int read_files(struct lz_span path, struct lz_lines *l, const struct lz_limits *limits,
		      struct lz_sink *sink, struct lz_err *err)
{
	struct lz_filelist files;
	struct lz_span text;
	bool here = false;
	int code, failed = 0;

	lz_filelist_init(&files, (size_t)limits->record_bytes / 2);
	while (!failed && (code = lz_lines_next(l, &text, err)) > 0) {
		if (is_title(text))
			here = lz_span_is(text, "%FILES%");
		else if (here && text.n && text.p[text.n - 1] != '/')
			failed = lz_filelist_add(&files, text);
	}
	if (failed)
		code = lz_fail(err, failed, "line %llu: %s", (unsigned long long)l->number,
			       failed == LZ_E_LIMIT ? "path or list is too long" : "out of memory");
	if (!code && files.count)
		code = sink->files(sink, owner(path), lz_span("", 0), lz_buf_view(&files.buf),
				   files.count, err);
	lz_filelist_done(&files);
	return code;
}

static int read_alpm(struct lz_span path, struct lz_reader *reader, uint64_t size,
		     const struct lz_limits *limits, struct lz_sink *sink, struct lz_err *err)
{
	struct lz_lines l;
	int code;

	(void)size;
	lz_lines_init(&l, reader, limits);
	if (lz_span_ends(path, "/desc"))
		code = read_desc(&l, limits, sink, err);
	else
		code = read_files(path, &l, limits, sink, err);
	lz_lines_done(&l);
	return code;
}

static const char *const paths[] = {"var/lib/pacman/local/*/desc", "var/lib/pacman/local/*/files",
				    NULL};

const struct lz_cataloger lz_cataloger_alpm = {"alpm", paths, read_alpm};
