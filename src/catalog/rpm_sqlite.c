/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpm's database since 2020: SQLite, "rpmdb.sqlite". Big endian; of SQLite's file format we need
 * tables only (https://www.sqlite.org/fileformat2.html):
 *
 *	page 1           100-byte file header, then the root of table sqlite_schema
 *	interior page    0x05, cells { u32 child page, varint key }, right-most child in its header
 *	leaf page        0x0d, cells { varint payload bytes, varint rowid, payload [, u32 overflow] }
 *	overflow page    u32 next, payload
 *	payload          a record: varint header bytes, a serial type per column, then the columns
 *
 * sqlite_schema leads to the root of table Packages(hnum, blob); each blob is one header. A page
 * has one place in a sound file, so a page met twice tells of a loop, and no file costs more than
 * its size. What SQLite has written to its log but not yet to the file is not seen here: rpm.c
 * speaks up when there is such a log.
 */
#include "rpm.h"

#include "../base/bytes.h"
#include "../base/clean.h"

enum { FILE_HEADER = 100, PAGE_MIN = 512, PAGE_MAX = 65536, USABLE_MIN = 480 };
enum { INTERIOR = 0x05, LEAF = 0x0d };
enum { DEPTH_MAX = 24 }; /* each level has two children at least: 2^24 pages */

struct table {
	struct lz_rpm_walk *w;
	uint32_t page_bytes, usable, pages;
	struct lz_buf taken;   /* one byte per page: was it met? */
	struct lz_buf payload; /* one put together from overflow pages */
	uint32_t packages;     /* root page of table Packages */
	uint32_t room;	       /* of the leaf at hand: bytes that no row has claimed yet */
	/* One row; `at` is where its cell is in the file. */
	int (*row)(struct table *t, struct lz_span record, uint64_t at, struct lz_err *err);
};

bool lz_rpm_is_sqlite(struct lz_span file)
{
	return file.n >= 16 && !memcmp(file.p, "SQLite format 3", 16);
}

/* --- numbers and records ---------------------------------------------------------------------- */

/* Takes a varint from the front of *s: 1 to 9 bytes, 7 bits each but the ninth, which has 8. */
static bool varint(struct lz_span *s, uint64_t *ret)
{
	uint64_t v = 0;

	for (size_t i = 0; i < s->n && i < 9; i++) {
		unsigned char c = (unsigned char)s->p[i];
		v = i == 8 ? v << 8 | c : v << 7 | (c & 0x7f);
		if (i == 8 || c < 0x80) {
			*s = lz_span_from(*s, i + 1);
			*ret = v;
			return true;
		}
	}
	return false;
}

static uint64_t serial_bytes(uint64_t type)
{
	static const unsigned char fixed[12] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0};

	return type < 12 ? fixed[type] : (type - 12) / 2;
}

/* Column `want` of a record; false when the record does not have it whole. */
static bool column(struct lz_span record, unsigned want, uint64_t *ret_type, struct lz_span *ret)
{
	struct lz_span types = record;
	uint64_t header, type, at;

	if (!varint(&types, &header) || header > record.n || header < record.n - types.n)
		return false;
	types.n = (size_t)header - (record.n - types.n);
	at = header;
	for (unsigned i = 0; varint(&types, &type); i++) {
		uint64_t bytes = serial_bytes(type);
		if (!lz_in(at, bytes, record.n))
			return false;
		if (i == want) {
			*ret_type = type;
			*ret = lz_span(record.p + at, (size_t)bytes);
			return true;
		}
		at += bytes;
	}
	return false;
}

static bool is_text(uint64_t type)
{
	return type >= 13 && type % 2;
}

static bool is_blob(uint64_t type)
{
	return type >= 12 && type % 2 == 0;
}

/* --- pages ------------------------------------------------------------------------------------ */

static uint64_t at_page(const struct table *t, uint32_t number)
{
	return (uint64_t)(number - 1) * t->page_bytes;
}

/* Takes page `number`, once. 1: *ret is it; else what `problem` says. `from` is where it is named.
 */
static int take_page(struct table *t, uint32_t number, uint64_t from, struct lz_span *ret,
		     struct lz_err *err)
{
	if (!number || number > t->pages || !lz_in(at_page(t, number), t->page_bytes, t->w->file.n))
		return t->w->problem(t->w, LZ_E_FORMAT, from, err,
				     "page %u is named, which the database does not have", number);
	if (t->taken.p[number])
		return t->w->problem(t->w, LZ_E_FORMAT, from, err,
				     "pages in a loop, met at page %u", number);
	t->taken.p[number] = 1;
	*ret = lz_span(t->w->file.p + at_page(t, number), t->page_bytes);
	return 1;
}

/* How much of a payload is on its leaf; the format's own arithmetic. */
static uint64_t local_bytes(const struct table *t, uint64_t payload)
{
	uint64_t most = t->usable - 35, least = (t->usable - 12) * 32 / 255 - 23, n;

	if (payload <= most)
		return payload;
	n = least + (payload - least) % (t->usable - 4);
	return n <= most ? n : least;
}

/* 1: t->payload holds `want` bytes. */
static int gather(struct table *t, struct lz_span local, uint64_t want, uint32_t next, uint64_t at,
		  struct lz_err *err)
{
	lz_buf_clear(&t->payload);
	lz_buf_span(&t->payload, local);
	while (t->payload.n < want) {
		struct lz_span p = {0};
		size_t n = (size_t)(want - t->payload.n);
		int code = take_page(t, next, at, &p, err);
		if (code <= 0)
			return code;
		at = at_page(t, next);
		next = lz_be32(p.p);
		if (lz_buf_add(&t->payload, p.p + 4, n < t->usable - 4 ? n : t->usable - 4))
			return lz_fail(err, LZ_E_NOMEM, "out of memory");
	}
	return 1;
}

static int leaf_cell(struct table *t, struct lz_span cell, uint64_t at, struct lz_err *err)
{
	uint64_t bytes, rowid, local;
	struct lz_span record = cell;
	int code;

	if (!varint(&record, &bytes) || !varint(&record, &rowid) || bytes > t->w->file.n)
		return t->w->problem(t->w, LZ_E_FORMAT, at, err, "a row of impossible size");
	local = local_bytes(t, bytes);
	if (local + (local < bytes ? 4 : 0) > record.n)
		return t->w->problem(t->w, LZ_E_FORMAT, at, err, "a row runs over its page");
	if (local > t->room)
		return t->w->problem(t->w, LZ_E_FORMAT, at, err, "rows that lie over each other");
	t->room -= (uint32_t)local;
	if (local < bytes) {
		code = gather(t, lz_span_head(record, (size_t)local), bytes,
			      lz_be32(record.p + local), at, err);
		if (code <= 0)
			return code;
		record = lz_buf_view(&t->payload);
	}
	return t->row(t, lz_span_head(record, (size_t)bytes), at, err);
}

/* --- trees ------------------------------------------------------------------------------------ */

static int tree(struct table *t, uint32_t number, uint64_t from, unsigned depth,
		struct lz_err *err);

static int interior(struct table *t, struct lz_span page, uint64_t base, size_t head,
		    uint16_t cells, unsigned depth, struct lz_err *err)
{
	int code = 0;

	for (uint32_t i = 0; !code && i < cells; i++) {
		uint16_t at = lz_be16(page.p + head + 12 + 2 * (size_t)i);
		if (at < head || !lz_in(at, 5, t->usable))
			code = t->w->problem(t->w, LZ_E_FORMAT, base + head + 12 + 2ULL * i, err,
					     "a cell is said to be at %u", at);
		else
			code = tree(t, lz_be32(page.p + at), base + at, depth + 1, err);
	}
	if (code)
		return code;
	return tree(t, lz_be32(page.p + head + 8), base + head + 8, depth + 1, err);
}

static int leaf(struct table *t, struct lz_span page, uint64_t base, size_t head, uint16_t cells,
		struct lz_err *err)
{
	int code = 0;

	t->room = t->usable;
	for (uint32_t i = 0; !code && i < cells; i++) {
		uint16_t at = lz_be16(page.p + head + 8 + 2 * (size_t)i);
		if (at < head + 8 || at >= t->usable)
			code = t->w->problem(t->w, LZ_E_FORMAT, base + head + 8 + 2ULL * i, err,
					     "a row is said to be at %u", at);
		else
			code = leaf_cell(t, lz_span(page.p + at, t->usable - at), base + at, err);
	}
	return code;
}

static int tree(struct table *t, uint32_t number, uint64_t from, unsigned depth, struct lz_err *err)
{
	struct lz_span page = {0};
	size_t head = number == 1 ? FILE_HEADER : 0;
	uint64_t base;
	uint16_t cells;
	int code = take_page(t, number, from, &page, err);

	if (code <= 0)
		return code;
	base = at_page(t, number);
	if (depth > DEPTH_MAX)
		return t->w->problem(t->w, LZ_E_LIMIT, from, err, "a tree deeper than %d pages",
				     DEPTH_MAX);
	cells = lz_be16(page.p + head + 3);
	if (cells * 2U > t->usable - head - 12)
		return t->w->problem(t->w, LZ_E_FORMAT, base + head + 3, err,
				     "page %u claims %u cells", number, cells);
	switch ((unsigned char)page.p[head]) {
	case INTERIOR:
		return interior(t, page, base, head, cells, depth, err);
	case LEAF:
		return leaf(t, page, base, head, cells, err);
	default:
		return t->w->problem(t->w, LZ_E_FORMAT, base + head, err,
				     "page %u is of kind 0x%02x, not part of a table", number,
				     (unsigned char)page.p[head]);
	}
}

/* --- the two tables --------------------------------------------------------------------------- */

static int schema_row(struct table *t, struct lz_span record, uint64_t at, struct lz_err *err)
{
	struct lz_span kind, name, root;
	uint64_t type, number = 0;

	if (!column(record, 0, &type, &kind) || !is_text(type) ||
	    !column(record, 1, &type, &name) || !is_text(type))
		return t->w->problem(t->w, LZ_E_FORMAT, at, err, "a damaged row of sqlite_schema");
	if (!lz_span_is(kind, "table") || !lz_span_is(name, "Packages"))
		return 0;
	if (!column(record, 3, &type, &root) || (type == 0 || type > 9) || root.n > 4)
		return t->w->problem(t->w, LZ_E_FORMAT, at, err,
				     "table Packages is said to have no root page");
	for (size_t i = 0; i < root.n; i++)
		number = number << 8 | (unsigned char)root.p[i];
	t->packages = type == 9 ? 1 : (uint32_t)number;
	return 0;
}

static int package_row(struct table *t, struct lz_span record, uint64_t at, struct lz_err *err)
{
	struct lz_span blob;
	uint64_t type;

	if (!column(record, 1, &type, &blob) || !is_blob(type))
		return t->w->problem(t->w, LZ_E_FORMAT, at, err,
				     "a row of table Packages without a header");
	return t->w->header(t->w, blob, at, err);
}

/* 1: go on. */
static int file_header(struct table *t, struct lz_err *err)
{
	struct lz_span f = t->w->file;
	uint32_t said;
	uint64_t have;
	int code;

	if (f.n < PAGE_MIN)
		return t->w->problem(t->w, LZ_E_FORMAT, f.n, err,
				     "the database ends within its first page");
	t->page_bytes = lz_be16(f.p + 16) == 1 ? PAGE_MAX : lz_be16(f.p + 16);
	if (t->page_bytes < PAGE_MIN || (t->page_bytes & (t->page_bytes - 1)))
		return t->w->problem(t->w, LZ_E_FORMAT, 16, err, "a page size of %u bytes",
				     t->page_bytes);
	t->usable = t->page_bytes - (unsigned char)f.p[20];
	if (t->usable < USABLE_MIN)
		return t->w->problem(t->w, LZ_E_FORMAT, 20, err, "%u reserved bytes in each page",
				     (unsigned char)f.p[20]);
	if (lz_be32(f.p + 56) > 1)
		return t->w->problem(t->w, LZ_E_UNSUPPORTED, 56, err,
				     "text in UTF-16, which rpm does not write");
	have = f.n / t->page_bytes;
	t->pages = have < UINT32_MAX ? (uint32_t)have : UINT32_MAX;
	said = lz_be32(f.p + 28); /* true only if the last writer kept it up */
	if (lz_be32(f.p + 24) != lz_be32(f.p + 92) || said <= t->pages)
		return 1;
	code = t->w->problem(t->w, LZ_E_FORMAT, f.n, err,
			     "the database should have %u pages, but ends after %u", said,
			     t->pages);
	return code ? code : 1;
}

static int walk(struct table *t, struct lz_err *err)
{
	int code;

	t->row = schema_row;
	code = tree(t, 1, 0, 0, err);
	if (code)
		return code;
	if (!t->packages)
		return t->w->problem(t->w, LZ_E_FORMAT, FILE_HEADER, err,
				     "no table Packages: not a database of rpm, or damaged");
	t->row = package_row;
	return tree(t, t->packages, FILE_HEADER, 0, err);
}

int lz_rpm_sqlite(struct lz_rpm_walk *w, struct lz_err *err)
{
	struct table t = {.w = w};
	int code = file_header(&t, err);

	if (code <= 0)
		return code;
	lz_buf_init(&t.payload, w->file.n);
	lz_buf_init(&t.taken, (size_t)t.pages + 1);
	if (lz_buf_zero(&t.taken, (size_t)t.pages + 1))
		code = lz_fail(err, LZ_E_NOMEM, "out of memory");
	else
		code = walk(&t, err);
	lz_buf_done(&t.taken);
	lz_buf_done(&t.payload);
	return code;
}
