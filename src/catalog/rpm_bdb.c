/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpm's database until 2020: a Berkeley DB hash, "Packages". Written in the byte order of the
 * machine that made it. Page 0 describes the file; of the others only two kinds matter:
 *
 *	hash page      index of u16 offsets behind the page header; items alternate key, data, and
 *	               are laid down from the end of the page: an item ends where the one before
 *	               it begins
 *	overflow page  a part of an item too large for its hash page, chained by next_pgno
 *
 * Hash pages are read in the order of the file, not by bucket: nothing is looked up here, and it
 * finds every page whatever the bucket table says. The count of keys on page 0 then tells whether
 * a page was missed. An overflow page belongs to one item: one that is met
 * again tells of a loop, and all chains together can't be longer than the file.
 */
#include "rpm.h"

#include "../base/bytes.h"
#include "../base/clean.h"

enum { MAGIC = 0x00061561 };
enum { PAGE_MIN = 512, PAGE_MAX = 65536, PAGE_HEADER = 26 };
enum { PAGE_HASH_UNSORTED = 2, PAGE_OVERFLOW = 7, PAGE_HASHMETA = 8, PAGE_HASH = 13 };
enum { ITEM_KEYDATA = 1, ITEM_DUPLICATE = 2, ITEM_OFFPAGE = 3, ITEM_OFFDUP = 4 };
enum { META_CHECKSUM = 1 };

struct bdb {
	struct lz_rpm_walk *w;
	bool big;
	uint32_t page_bytes, last;
	uint64_t keys;	     /* pairs seen */
	struct lz_buf item;  /* one item put together from its overflow pages */
	struct lz_buf taken; /* one byte per page: has an item taken it? */
};

static uint16_t u16(const struct bdb *b, const char *p)
{
	return b->big ? lz_be16(p) : lz_le16(p);
}

static uint32_t u32(const struct bdb *b, const char *p)
{
	return b->big ? lz_be32(p) : lz_le32(p);
}

bool lz_rpm_is_bdb(struct lz_span file)
{
	return file.n >= 16 && (lz_le32(file.p + 12) == MAGIC || lz_be32(file.p + 12) == MAGIC);
}

/* Empty when the page is not (wholly) in the file. */
static struct lz_span page(const struct bdb *b, uint32_t number)
{
	uint64_t at = (uint64_t)number * b->page_bytes;

	if (number > b->last || !lz_in(at, b->page_bytes, b->w->file.n))
		return lz_span("", 0);
	return lz_span(b->w->file.p + at, b->page_bytes);
}

/* Puts an item together that begins on overflow page `first`. 1: b->item holds it; 0: it is lost
 * and that was said; < 0: the walk ends. */
static int gather(struct bdb *b, uint32_t first, uint32_t want, struct lz_err *err)
{
	uint64_t at = (uint64_t)first * b->page_bytes;
	uint32_t next = first;

	lz_buf_clear(&b->item);
	while (b->item.n < want) {
		struct lz_span p = page(b, next);
		uint16_t n;
		if (!p.n || (unsigned char)p.p[25] != PAGE_OVERFLOW)
			return b->w->problem(b->w, LZ_E_FORMAT, at, err,
					     "an entry's chain leads to page %u, which is not an "
					     "overflow page",
					     next);
		if (b->taken.p[next])
			return b->w->problem(b->w, LZ_E_FORMAT, at, err,
					     "overflow pages in a loop, met at page %u", next);
		b->taken.p[next] = 1;
		n = u16(b, p.p + 22);
		if (!n || n > b->page_bytes - PAGE_HEADER || n > want - b->item.n)
			return b->w->problem(b->w, LZ_E_FORMAT, (uint64_t)next * b->page_bytes + 22,
					     err, "overflow page %u claims %u bytes", next, n);
		if (lz_buf_add(&b->item, p.p + PAGE_HEADER, n))
			return lz_fail(err, LZ_E_NOMEM, "out of memory");
		next = u32(b, p.p + 16);
	}
	return 1;
}

/* The value of one pair. */
static int data(struct bdb *b, struct lz_span item, uint64_t at, struct lz_err *err)
{
	uint32_t bytes;
	int code;

	switch ((unsigned char)item.p[0]) {
	case ITEM_KEYDATA:
		return b->w->header(b->w, lz_span_from(item, 1), at + 1, err);
	case ITEM_OFFPAGE:
		break;
	default:
		return b->w->problem(b->w, LZ_E_UNSUPPORTED, at, err,
				     "an entry of kind %u, which rpm does not write",
				     (unsigned char)item.p[0]);
	}
	if (item.n < 12)
		return b->w->problem(b->w, LZ_E_FORMAT, at, err, "an entry is cut short");
	bytes = u32(b, item.p + 8);
	if (bytes > b->w->file.n)
		return b->w->problem(b->w, LZ_E_FORMAT, at + 8, err,
				     "an entry claims %u bytes, more than the file has", bytes);
	code = gather(b, u32(b, item.p + 4), bytes, err);
	if (code <= 0)
		return code;
	return b->w->header(b->w, lz_buf_view(&b->item), at, err);
}

/* rpm's key is a u32, the package's number; 0 is where rpm keeps the highest number so far. */
static bool is_package(const struct bdb *b, struct lz_span key)
{
	return key.n != 5 || (unsigned char)key.p[0] != ITEM_KEYDATA || u32(b, key.p + 1);
}

static int hash_page(struct bdb *b, uint32_t number, struct lz_span p, struct lz_err *err)
{
	uint64_t base = (uint64_t)number * b->page_bytes;
	uint16_t entries = u16(b, p.p + 20);
	uint32_t end = b->page_bytes;
	struct lz_span key = {0};

	if (entries % 2 || entries > (b->page_bytes - PAGE_HEADER) / 2)
		return b->w->problem(b->w, LZ_E_FORMAT, base + 20, err, "page %u claims %u entries",
				     number, entries);
	for (uint16_t i = 0; i < entries; i++) {
		uint16_t at = u16(b, p.p + PAGE_HEADER + 2 * i);
		struct lz_span item;
		int code;
		if (at < PAGE_HEADER + 2 * entries || at >= end)
			return b->w->problem(b->w, LZ_E_FORMAT, base + PAGE_HEADER + 2U * i, err,
					     "page %u: entry %u is said to be at %u", number, i,
					     at);
		item = lz_span(p.p + at, end - at);
		end = at;
		if (i % 2 == 0) {
			key = item;
			continue;
		}
		b->keys++;
		if (!is_package(b, key))
			continue;
		code = data(b, item, base + at, err);
		if (code)
			return code;
	}
	return 0;
}

static int unsupported(struct bdb *b, uint64_t at, const char *what, struct lz_err *err)
{
	return b->w->problem(b->w, LZ_E_UNSUPPORTED, at, err, "Berkeley DB %s", what);
}

/* 1: go on. */
static int meta_page(struct bdb *b, struct lz_err *err)
{
	struct lz_span f = b->w->file;

	if (f.n < PAGE_MIN)
		return b->w->problem(b->w, LZ_E_FORMAT, f.n, err,
				     "the database ends within its first page");
	b->big = lz_be32(f.p + 12) == MAGIC;
	b->page_bytes = u32(b, f.p + 20);
	b->last = u32(b, f.p + 32);
	if (b->page_bytes < PAGE_MIN || b->page_bytes > PAGE_MAX ||
	    (b->page_bytes & (b->page_bytes - 1)))
		return b->w->problem(b->w, LZ_E_FORMAT, 20, err, "a page size of %u bytes",
				     b->page_bytes);
	if (f.p[24])
		return unsupported(b, 24, "file is encrypted", err);
	if ((unsigned char)f.p[25] != PAGE_HASHMETA)
		return unsupported(b, 25, "file is not a hash, which rpm's is", err);
	if (f.p[26] & META_CHECKSUM)
		return unsupported(b, 26, "file has checksummed pages, which rpm does not write",
				   err);
	return 1;
}

static int walk(struct bdb *b, struct lz_err *err)
{
	uint64_t have = b->w->file.n / b->page_bytes;
	uint32_t nelem = u32(b, b->w->file.p + 88);
	int code = 0;

	for (uint32_t i = 1; !code && i < have && i <= b->last; i++) {
		struct lz_span p = page(b, i);
		unsigned char kind = (unsigned char)p.p[25];
		if (kind == PAGE_HASH || kind == PAGE_HASH_UNSORTED)
			code = hash_page(b, i, p, err);
	}
	if (!code && b->last >= have)
		return b->w->problem(b->w, LZ_E_FORMAT, b->w->file.n, err,
				     "the database should have %llu pages, but ends after %llu",
				     (unsigned long long)b->last + 1, (unsigned long long)have);
	if (!code && b->keys < nelem)
		return b->w->problem(
			b->w, LZ_E_FORMAT, 88, err,
			"the database should have %u entries, but only %llu were found", nelem,
			(unsigned long long)b->keys);
	return code;
}

int lz_rpm_bdb(struct lz_rpm_walk *w, struct lz_err *err)
{
	struct bdb b = {.w = w};
	int code = meta_page(&b, err);

	if (code <= 0)
		return code;
	lz_buf_init(&b.item, w->file.n);
	lz_buf_init(&b.taken, w->file.n / b.page_bytes + 1);
	if (lz_buf_zero(&b.taken, w->file.n / b.page_bytes + 1))
		code = lz_fail(err, LZ_E_NOMEM, "out of memory");
	else
		code = walk(&b, err);
	lz_buf_done(&b.taken);
	lz_buf_done(&b.item);
	return code;
}
