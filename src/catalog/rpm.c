/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RPM packages. The database is read into memory (bounded by db_bytes) and walked there; which of
 * the three containers it is, its first bytes say, whatever its name. A damaged header costs that
 * package and is said; the others stay.
 *
 * A database that SQLite has not finished writing has a second file beside it. It holds the newest
 * pages, which the database alone lacks: packages may be missing or gone, so that is said too.
 */
#include "filelist.h"
#include "rpm.h"

#include "../base/bytes.h"
#include "../base/clean.h"

struct rpm {
	struct lz_rpm_walk walk; /* first: callbacks get a pointer to it */
	const struct lz_limits *limits;
	struct lz_sink *sink;
	struct lz_arena arena; /* texts and folders of one package */
	struct lz_filelist files;
	struct lz_buf path;
};

/* --- one package ------------------------------------------------------------------------------ */

static struct lz_span text(struct rpm *r, const struct lz_rpm_value *v)
{
	return lz_span_head(lz_rpm_string(v), (size_t)r->limits->field_bytes);
}

/* --- its files -------------------------------------------------------------------------------- */

static int add_file(struct rpm *r, struct lz_span folder, struct lz_span name)
{
	lz_buf_clear(&r->path);
	lz_buf_span(&r->path, folder);
	lz_buf_span(&r->path, name);
	if (r->path.code)
		return r->path.code;
	return lz_filelist_add(&r->files, lz_span_from(lz_buf_view(&r->path),
						       lz_span_starts(lz_buf_view(&r->path), "/")));
}

static int old_files(struct rpm *r, const struct lz_rpm_header *h)
{
	struct lz_rpm_strings names = lz_rpm_strings(&h->oldfilenames);
	struct lz_span name;
	int code = 0;

	while (!code && lz_rpm_strings_next(&names, &name))
		code = add_file(r, name, lz_span("", 0));
	return code;
}

/* Folders are named once, files say by number which is theirs. */
static int files(struct rpm *r, const struct lz_rpm_header *h)
{
	struct lz_rpm_strings names = lz_rpm_strings(&h->basenames);
	struct lz_rpm_strings folders = lz_rpm_strings(&h->dirnames);
	struct lz_span *folder, name;
	uint32_t n = 0;
	int code = 0;

	if (!h->basenames.data.p)
		return old_files(r, h);
	if (!h->dirnames.data.p || h->dirindexes.count != h->basenames.count)
		return LZ_E_FORMAT;
	folder = lz_arena_array(&r->arena, h->dirnames.count, sizeof(*folder));
	if (!folder)
		return r->arena.code;
	while (n < h->dirnames.count && lz_rpm_strings_next(&folders, &folder[n]))
		n++;
	for (uint32_t i = 0; !code && lz_rpm_strings_next(&names, &name); i++) {
		uint32_t at = lz_be32(h->dirindexes.data.p + 4ULL * i);
		code = at < n ? add_file(r, folder[at], name) : LZ_E_FORMAT;
	}
	return code;
}

static int give_files(struct rpm *r, const struct lz_rpm_header *h, const struct lz_package *p,
		      uint64_t offset, struct lz_err *err)
{
	lz_filelist_clear(&r->files);
	switch (files(r, h)) {
	case 0:
		break;
	case LZ_E_NOMEM:
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	case LZ_E_LIMIT:
		return r->walk.problem(&r->walk, LZ_E_LIMIT, offset, err,
				       "package %.*s: the list of its files is too long",
				       LZ_FMT(p->name));
	default:
		return r->walk.problem(&r->walk, LZ_E_FORMAT, offset, err,
				       "package %.*s: the list of its files is damaged",
				       LZ_FMT(p->name));
	}
	if (!r->files.count)
		return 0;
	return r->sink->files(r->sink, p->name, p->arch, lz_buf_view(&r->files.buf), r->files.count,
			      err);
}

/* --- callbacks of the walk -------------------------------------------------------------------- */

__attribute__((format(printf, 5, 6))) static int
problem(struct lz_rpm_walk *w, int code, uint64_t offset, struct lz_err *err, const char *fmt, ...)
{
	struct rpm *r = (struct rpm *)w;
	char why[240];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	return r->sink->problem(r->sink, code, (int64_t)offset, why, err);
}

static int header(struct lz_rpm_walk *w, struct lz_span blob, uint64_t offset, struct lz_err *err)
{
	struct rpm *r = (struct rpm *)w;
	struct lz_package p = {.type = LZ_PKG_RPM};
	struct lz_rpm_header h;
	struct lz_err why = {0};
	uint64_t at;
	uint32_t epoch = 0;
	int code;

	lz_arena_done(&r->arena);
	if (lz_rpm_header_read(blob, &h, &at, &why))
		return w->problem(w, LZ_E_FORMAT, offset + at, err, "package header: %s", why.text);
	p.name = text(r, &h.name);
	if (lz_span_is(p.name, "gpg-pubkey")) /* a key that rpm trusts, kept as if a package */
		return 0;
	if (!p.name.n || !h.version.data.p)
		return w->problem(w, LZ_E_FORMAT, offset, err, "package header without a %s",
				  p.name.n ? "version" : "name");
	p.epoch_known = lz_rpm_number(&h.epoch, &epoch);
	p.version = lz_rpm_evr(&r->arena, epoch, text(r, &h.version), text(r, &h.release));
	p.arch = text(r, &h.arch);
	p.vendor = text(r, &h.vendor);
	p.licence = text(r, &h.license);
	p.module = text(r, &h.modularitylabel);
	p.source_rpm = text(r, &h.sourcerpm);
	lz_rpm_source(&r->arena, &p, epoch);
	if (r->arena.code)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	code = r->sink->package(r->sink, &p, err);
	return code ? code : give_files(r, &h, &p, offset, err);
}

/* --- one file --------------------------------------------------------------------------------- */

static int slurp(struct lz_reader *reader, struct lz_buf *b, uint64_t size, struct lz_err *err)
{
	struct lz_span chunk;
	int code;

	if (size && size <= b->max) /* only a hint: the file may be shorter */
		lz_buf_reserve(b, (size_t)size);
	while ((code = lz_reader_next(reader, &chunk, err)) > 0) {
		lz_buf_span(b, chunk);
		if (b->code == LZ_E_LIMIT)
			return lz_fail(err, LZ_E_LIMIT,
				       "larger than %zu bytes: raise --limit db_bytes", b->max);
		if (b->code)
			return lz_fail(err, LZ_E_NOMEM, "out of memory");
	}
	return code;
}

static int walk(struct rpm *r, struct lz_err *err)
{
	struct lz_span f = r->walk.file;

	if (lz_rpm_is_sqlite(f))
		return lz_rpm_sqlite(&r->walk, err);
	if (lz_rpm_is_ndb(f))
		return lz_rpm_ndb(&r->walk, err);
	if (lz_rpm_is_bdb(f))
		return lz_rpm_bdb(&r->walk, err);
	return problem(&r->walk, LZ_E_FORMAT, 0, err,
		       "no rpm database: neither SQLite, NDB nor Berkeley DB begins like this");
}

static int read_rpm(struct lz_span path, struct lz_reader *reader, uint64_t size,
		    const struct lz_limits *limits, struct lz_sink *sink, struct lz_err *err)
{
	struct rpm r = {
		.walk = {.header = header, .problem = problem}, .limits = limits, .sink = sink};
	LZ_CLEAN(buf) struct lz_buf file;
	int code;

	(void)path;
	lz_buf_init(&file, (size_t)limits->db_bytes);
	code = slurp(reader, &file, size, err);
	if (code || !file.n) /* made but never used: holds no packages */
		return code;
	r.walk.file = lz_buf_view(&file);
	lz_arena_init(&r.arena, (size_t)limits->record_bytes);
	lz_filelist_init(&r.files, (size_t)limits->record_bytes / 2);
	lz_buf_init(&r.path, (size_t)limits->path_bytes);
	code = walk(&r, err);
	lz_buf_done(&r.path);
	lz_filelist_done(&r.files);
	lz_arena_done(&r.arena);
	return code;
}

static const char *const paths[] = {
	"var/lib/rpm/Packages",
	"var/lib/rpm/Packages.db",
	"var/lib/rpm/rpmdb.sqlite",
	"usr/lib/sysimage/rpm/Packages",
	"usr/lib/sysimage/rpm/Packages.db",
	"usr/lib/sysimage/rpm/rpmdb.sqlite",
	"usr/share/rpm/Packages",
	"usr/share/rpm/Packages.db",
	"usr/share/rpm/rpmdb.sqlite",
	NULL,
};

const struct lz_cataloger lz_cataloger_rpm = {"rpm", paths, read_rpm};

/* --- what SQLite left beside it --------------------------------------------------------------- */

static int read_log(struct lz_span path, struct lz_reader *reader, uint64_t size,
		    const struct lz_limits *limits, struct lz_sink *sink, struct lz_err *err)
{
	struct lz_span chunk = {0};
	bool zero = true;
	int code;

	(void)limits;
	(void)size;
	/* Emptied logs stay with no bytes, or with zeros where their header was. */
	while (zero && (code = lz_reader_next(reader, &chunk, err)) != 0) {
		if (code < 0)
			return code;
		for (size_t i = 0; zero && i < chunk.n; i++)
			zero = !chunk.p[i];
	}
	if (zero)
		return 0;
	return sink->problem(
		sink, LZ_E_UNSUPPORTED, 0,
		lz_span_ends(path, "-wal")
			? "rpm database: its newest changes are still in this log, not "
			  "in the database; run `rpm -qa` or `rpm --rebuilddb` in the "
			  "image's build"
			: "rpm database: a change was cut off and is not undone; run "
			  "`rpm --rebuilddb` in the image's build",
		err);
}

static const char *const log_paths[] = {
	"var/lib/rpm/rpmdb.sqlite-wal",
	"var/lib/rpm/rpmdb.sqlite-journal",
	"usr/lib/sysimage/rpm/rpmdb.sqlite-wal",
	"usr/lib/sysimage/rpm/rpmdb.sqlite-journal",
	"usr/share/rpm/rpmdb.sqlite-wal",
	"usr/share/rpm/rpmdb.sqlite-journal",
	NULL,
};

const struct lz_cataloger lz_cataloger_rpmlog = {"rpm log", log_paths, read_log};
