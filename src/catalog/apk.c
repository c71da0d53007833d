/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alpine's package database, lib/apk/db/installed: records of "X:value" lines, divided by blank
 * lines.
 *
 *	P name  V version  A architecture  o origin  L licence  m maintainer
 *	F folder            R file in the folder named last
 */
#include "catalog.h"
#include "filelist.h"
#include "lines.h"

#include "../base/clean.h"

struct record {
	struct lz_arena arena;
	struct lz_package p;
	struct lz_filelist files;
	struct lz_buf path;
	size_t folder; /* length of the folder at the front of path */
	uint64_t line, offset;
	bool any, files_lost;
};

static void forget(struct record *r)
{
	lz_arena_done(&r->arena);
	lz_filelist_clear(&r->files);
	lz_buf_clear(&r->path);
	r->folder = 0;
	r->p = (struct lz_package){.type = LZ_PKG_APK, .epoch_known = true};
	r->any = r->files_lost = false;
}

static int give(struct record *r, struct lz_sink *sink, struct lz_err *err)
{
	char text[120];
	int code;

	if (!r->any)
		return 0;
	if (!r->p.name.n || !r->p.version.n) {
		snprintf(text, sizeof(text), "line %llu: record without %s",
			 (unsigned long long)r->line, r->p.name.n ? "a version" : "a package name");
		return sink->problem(sink, LZ_E_FORMAT, (int64_t)r->offset, text, err);
	}
	if (!r->p.source.n)
		r->p.source = r->p.name;
	r->p.source_version = r->p.version;
	code = sink->package(sink, &r->p, err);
	if (!code && r->files_lost)
		code = sink->problem(sink, LZ_E_LIMIT, (int64_t)r->offset,
				     "the list of a package's files is too long", err);
	else if (!code && r->files.count)
		code = sink->files(sink, r->p.name, (struct lz_span){"", 0},
				   lz_buf_view(&r->files.buf), r->files.count, err);
	return code;
}

static void add_file(struct record *r, struct lz_span name)
{
	r->path.n = r->folder;
	if (r->folder)
		lz_buf_byte(&r->path, '/');
	lz_buf_span(&r->path, name);
	if (r->path.code || lz_filelist_add(&r->files, lz_buf_view(&r->path)))
		r->files_lost = true;
}

static void take(struct record *r, char key, struct lz_span value, size_t max)
{
	struct lz_package *p = &r->p;
	struct lz_span *to = NULL;

	switch (key) {
	case 'P':
		to = &p->name;
		break;
	case 'V':
		to = &p->version;
		break;
	case 'A':
		to = &p->arch;
		break;
	case 'o':
		to = &p->source;
		break;
	case 'L':
		to = &p->licence;
		break;
	case 'm':
		to = &p->vendor;
		break;
	case 'F':
		lz_buf_clear(&r->path);
		lz_buf_span(&r->path, value);
		r->folder = r->path.n;
		break;
	case 'R':
		add_file(r, value);
		break;
	default:
		break;
	}
	if (to)
		*to = lz_arena_dup(&r->arena, lz_span_head(lz_span_trim(value), max));
}

static int line(struct record *r, const struct lz_lines *l, struct lz_span text, size_t max,
		struct lz_sink *sink, struct lz_err *err)
{
	char why[80];

	if (!r->any) {
		r->any = true;
		r->line = l->number;
		r->offset = l->offset;
	}
	if (l->too_long)
		return sink->problem(
			sink, LZ_E_LIMIT, (int64_t)l->offset,
			"a line is too long (limit line_bytes); its end was passed over", err);
	if (text.n < 2 || text.p[1] != ':') {
		snprintf(why, sizeof(why), "line %llu: no \"X:\" at its front",
			 (unsigned long long)l->number);
		return sink->problem(sink, LZ_E_FORMAT, (int64_t)l->offset, why, err);
	}
	take(r, text.p[0], lz_span_from(text, 2), max);
	return r->arena.code ? lz_fail(err, LZ_E_NOMEM, "out of memory") : 0;
}

static int read_apk(struct lz_span path, struct lz_reader *reader, uint64_t size,
		    const struct lz_limits *limits, struct lz_sink *sink, struct lz_err *err)
{
	struct record r = {0};
	struct lz_lines l;
	struct lz_span text;
	int code, failed = 0;

	(void)path;
	(void)size;
	lz_arena_init(&r.arena, LZ_M);
	lz_filelist_init(&r.files, (size_t)limits->record_bytes / 2);
	lz_buf_init(&r.path, 4096);
	lz_lines_init(&l, reader, limits);
	forget(&r);
	while ((code = lz_lines_next(&l, &text, err)) > 0) {
		if (text.n) {
			failed = line(&r, &l, text, (size_t)limits->field_bytes, sink, err);
		} else {
			failed = give(&r, sink, err);
			forget(&r);
		}
		if (failed)
			break;
	}
	if (!code && !failed)
		failed = give(&r, sink, err);
	lz_lines_done(&l);
	lz_filelist_done(&r.files);
	lz_buf_done(&r.path);
	lz_arena_done(&r.arena);
	return failed ? failed : code;
}

static const char *const paths[] = {"lib/apk/db/installed", "usr/lib/apk/db/installed", NULL};

const struct lz_cataloger lz_cataloger_apk = {"apk", paths, read_apk};
