/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How OSV records arrive:
 *
 *	osv/Go.zip, osv/Go/all.zip    one member per record; read where they lie (seekable)
 *	osv/Go/….json, osv/….json     single files: the parent, which may open them, sends those of
 *	                              one folder as one tar stream, so that 300,000 files need one
 *	                              child
 *
 * A damaged archive fails the feed. A damaged record is left out by name.
 */
#include "feed_work.h"

#include "../base/clean.h"
#include "../format/tar.h"
#include "../format/zip.h"

#include <stdio.h>

/* --- zip ----------------------------------------------------------------------------------- */

static int zip_members(struct lz_feed_work *w, struct lz_zip *z, struct lz_err *err)
{
	LZ_CLEAN(buf) struct lz_buf text;
	struct lz_zip_entry e;
	int r;

	lz_buf_init(&text, (size_t)w->limits->advisory_bytes);
	while ((r = lz_zip_next(z, &e, err)) > 0) {
		if (e.folder)
			continue;
		if (!lz_span_ends(lz_str(e.name), ".json")) {
			r = lz_feed_skip(w, true, e.number, err, "%s: no .json file", e.name);
		} else {
			r = lz_zip_read(z, &text, err);
			if (!r)
				r = lz_osv_record(w, lz_buf_view(&text), e.name, e.number, err);
		}
		if (r)
			break;
	}
	return r;
}

/* OSV's own mirror says Go/all.zip, others say Go.zip. */
static struct lz_span zip_name(struct lz_feed_work *w, struct lz_span path)
{
	struct lz_span name = lz_path_component(path, 0);

	name = lz_span_head(name, name.n < 4 ? 0 : name.n - 4);
	if (lz_span_is(name, "all") && lz_path_component(path, 1).n)
		name = lz_path_component(path, 1);
	return lz_arena_printf(&w->arena, "osv:%.*s", LZ_FMT(name));
}

static int read_zip(struct lz_span path, struct lz_reader *r, int fd,
		    const struct lz_limits *limits, struct lz_feed_sink *sink, struct lz_err *err)
{
	struct lz_feed_work w;
	struct lz_zip *z = lz_zip_open(fd, limits, err);
	int code;

	lz_reader_close(r);
	if (!z)
		return err ? err->code : LZ_E_FORMAT;
	lz_feed_work_init(&w, limits, sink);
	code = zip_members(&w, z, err);
	lz_zip_close(z);
	lz_feed_work_next(&w);
	w.info.name = zip_name(&w, path);
	if (!code)
		code = lz_feed_memory(&w, err);
	if (!code)
		code = lz_feed_finish(&w, err);
	lz_feed_work_done(&w);
	return code;
}

static const char *const zip_paths[] = {"osv/*.zip", "osv/*/*.zip", NULL};

const struct lz_feed_format lz_feed_osv_zip = {
	.name = "osv-zip", .paths = zip_paths, .read = read_zip, .seekable = true};

/* --- single files, as one tar stream ---------------------------------------------------------- */

static int member_text(struct lz_tar *t, const char *name, struct lz_buf *b, struct lz_err *err)
{
	struct lz_span chunk;
	int r;

	lz_buf_clear(b);
	while ((r = lz_tar_read(t, &chunk, err)) > 0)
		if (lz_buf_span(b, chunk))
			return lz_fail(err, b->code, "%s: %s (limit advisory_bytes)", name,
				       lz_code_text(b->code));
	return r;
}

static int tar_members(struct lz_feed_work *w, struct lz_reader *r, struct lz_err *err)
{
	struct lz_tar *t = lz_tar_open(r, w->limits, err);
	struct lz_tar_entry e;
	struct lz_buf text;
	char name[512];
	int code;

	if (!t)
		return err ? err->code : LZ_E_NOMEM;
	lz_buf_init(&text, (size_t)w->limits->advisory_bytes);
	while ((code = lz_tar_next(t, &e, err)) > 0) {
		snprintf(name, sizeof(name), "%.*s", LZ_FMT(e.path));
		code = member_text(t, name, &text, err);
		if (code == LZ_E_LIMIT && text.code == LZ_E_LIMIT)
			code = lz_feed_skip(w, true, e.offset, err,
					    "%s: larger than advisory_bytes", name);
		else if (!code)
			code = lz_osv_record(w, lz_buf_view(&text), name, e.offset, err);
		if (code)
			break;
	}
	lz_buf_done(&text);
	lz_tar_close(t);
	return code;
}

/* `path` is the folder that the parent gathered: "osv" or "osv/Go". */
static int read_files(struct lz_span path, struct lz_reader *r, int fd,
		      const struct lz_limits *limits, struct lz_feed_sink *sink, struct lz_err *err)
{
	struct lz_feed_work w;
	int code;

	(void)fd;
	lz_feed_work_init(&w, limits, sink);
	code = tar_members(&w, r, err);
	lz_reader_close(r);
	lz_feed_work_next(&w);
	w.info.name = LZ_SPAN("osv");
	if (lz_path_component(path, 1).n)
		w.info.name =
			lz_arena_printf(&w.arena, "osv:%.*s", LZ_FMT(lz_path_component(path, 0)));
	if (!code)
		code = lz_feed_memory(&w, err);
	if (!code)
		code = lz_feed_finish(&w, err);
	lz_feed_work_done(&w);
	return code;
}

/* "**": any folders between; the files of one folder below osv/ are gathered into one stream. */
static const char *const file_paths[] = {"osv/**.json", NULL};

const struct lz_feed_format lz_feed_osv_files = {
	.name = "osv-files", .paths = file_paths, .read = read_files, .gathered = true};
