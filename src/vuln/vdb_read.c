/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a vdb: mapped, never copied, every number in it treated as hostile at the moment it is
 * used. Opening looks at the header and the section table alone; a look-up does a binary search in
 * the index and unpacks one block. lz_vdb_expect has the kernel fetch what look-ups will need, all
 * at once: on a cold file each page asked for alone would cost a wait of its own.
 */
#include "vdb_format.h"

#include "../base/bytes.h"
#include "../base/clean.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <zstd.h>

#define FETCH_MAX (4 * LZ_M) /* of an index, read whole ahead */
#define FETCH_GAP ((size_t)24 * 1024)

struct lz_vdb {
	struct lz_span file;
	bool mapped;
	uint32_t flags;
	int64_t built_s;
	struct lz_span section[LZ_VDB_KINDS];
	ZSTD_DDict *dict; /* NULL: none */
	ZSTD_DCtx *zstd;  /* one thread at a time looks up */
	struct lz_buf block;
};

static int damaged(struct lz_err *err, const char *what, uint64_t offset)
{
	return lz_fail(err, LZ_E_FORMAT, "vulnerability database: %s at byte %llu; get it anew",
		       what, (unsigned long long)offset);
}

static int read_head(struct lz_vdb *v, struct lz_err *err)
{
	uint64_t at = LZ_VDB_HEADER + (uint64_t)LZ_VDB_KINDS * LZ_VDB_SECTION;
	const char *p = v->file.p;

	if (v->file.n < LZ_VDB_HEADER || memcmp(p, LZ_VDB_MAGIC, 8))
		return lz_fail(err, LZ_E_FORMAT,
			       "not a vulnerability database (wrong magic at byte 0)");
	if (lz_le32(p + 8) != LZ_VDB_VERSION)
		return lz_fail(err, LZ_E_UNSUPPORTED,
			       "vulnerability database of format %u, this program reads %u: build "
			       "or update it",
			       lz_le32(p + 8), LZ_VDB_VERSION);
	v->flags = lz_le32(p + 12);
	v->built_s = (int64_t)lz_le64(p + 16);
	if (lz_le64(p + 24) != v->file.n)
		return damaged(err, "the file has another size than it says", 24);
	if (lz_le32(p + 32) != LZ_VDB_KINDS ||
	    v->file.n < LZ_VDB_HEADER + (uint64_t)LZ_VDB_KINDS * LZ_VDB_SECTION)
		return damaged(err, "wrong number of sections", 32);
	for (uint32_t i = 0; i < LZ_VDB_KINDS; i++) {
		const char *row = p + LZ_VDB_HEADER + (size_t)i * LZ_VDB_SECTION;
		uint64_t offset = lz_le64(row + 8), length = lz_le64(row + 16);
		/* one behind the other, so that none can lie over another */
		if (lz_le32(row) != i || offset != at || !lz_in(offset, length, v->file.n))
			return damaged(err, "impossible section", (uint64_t)(row - p));
		v->section[i] = lz_span(p + offset, (size_t)length);
		at += (length + 7) & ~7ULL;
	}
	if (at + (v->flags & LZ_VDB_SIGNED ? LZ_VDB_SIGNATURE : 0) != v->file.n)
		return damaged(err, "bytes behind the last section", at);
	return 0;
}

/* Has the kernel begin to read s, without waiting for it. */
static void fetch(const struct lz_vdb *v, struct lz_span s)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), from = (size_t)(s.p - v->file.p),
	       start = from & ~(page - 1);

	if (s.n)
		madvise((char *)(uintptr_t)v->file.p + start, s.n + from - start, MADV_WILLNEED);
}

static int make_unpacker(struct lz_vdb *v, struct lz_err *err)
{
	struct lz_span dict = v->section[LZ_VDB_DICT];

	if (v->mapped)
		fetch(v, dict);
	v->zstd = ZSTD_createDCtx();
	if (dict.n)
		v->dict = ZSTD_createDDict(dict.p, dict.n);
	if (!v->zstd)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	if (dict.n && !v->dict)
		return damaged(err, "damaged dictionary", (uint64_t)(dict.p - v->file.p));
	return 0;
}

static struct lz_vdb *open_bytes(struct lz_span bytes, bool mapped, struct lz_err *err)
{
	struct lz_vdb *v = lz_alloc(sizeof(*v));

	if (!v) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	v->file = bytes;
	v->mapped = mapped;
	lz_buf_init(&v->block, LZ_VDB_BLOCK_MAX);
	if (read_head(v, err) || make_unpacker(v, err)) {
		v->mapped = false;
		lz_vdb_close(v);
		return NULL;
	}
	return v;
}

struct lz_vdb *lz_vdb_open_mem(struct lz_span bytes, struct lz_err *err)
{
	return open_bytes(bytes, false, err);
}

struct lz_vdb *lz_vdb_open(const char *path, struct lz_err *err)
{
	LZ_CLEAN(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct lz_vdb *v;
	struct stat st;
	void *p;

	if (fd < 0) {
		lz_fail_errno(err, "vulnerability database %s", path);
		return NULL;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < LZ_VDB_HEADER) {
		lz_fail(err, LZ_E_FORMAT, "%s: not a vulnerability database", path);
		return NULL;
	}
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED) {
		lz_fail_errno(err, "map %s", path);
		return NULL;
	}
	/* Look-ups jump about: reading ahead would fetch megabytes for each page that is asked for.
	 */
	madvise(p, (size_t)st.st_size, MADV_RANDOM);
	v = open_bytes(lz_span(p, (size_t)st.st_size), true, err);
	if (!v) {
		munmap(p, (size_t)st.st_size);
		lz_wrap(err, "%s", path);
	}
	return v;
}

void lz_vdb_close(struct lz_vdb *v)
{
	if (!v)
		return;
	ZSTD_freeDCtx(v->zstd);
	ZSTD_freeDDict(v->dict);
	lz_buf_done(&v->block);
	if (v->mapped)
		munmap((void *)(uintptr_t)v->file.p, v->file.n);
	lz_free(v);
}

int64_t lz_vdb_built_s(const struct lz_vdb *v)
{
	return v->built_s;
}

/* --- feeds and ecosystems --- */

uint64_t lz_vdb_advisory_count(const struct lz_vdb *v)
{
	struct lz_vdb_cursor c = {.rest = v->section[LZ_VDB_FEEDS]};

	return lz_vdb_num(&c);
}

size_t lz_vdb_feed_count(const struct lz_vdb *v)
{
	struct lz_vdb_cursor c = {.rest = v->section[LZ_VDB_FEEDS]};
	uint64_t n;

	lz_vdb_num(&c);
	n = lz_vdb_num(&c);
	return c.bad || n > c.rest.n ? 0 : (size_t)n;
}

int lz_vdb_feed(const struct lz_vdb *v, size_t i, struct lz_feed_info *ret, struct lz_err *err)
{
	struct lz_vdb_cursor c = {.rest = v->section[LZ_VDB_FEEDS]};
	struct lz_feed_info f = {0};

	lz_vdb_num(&c);
	if (i >= lz_vdb_num(&c))
		return lz_fail(err, LZ_E_NOTFOUND, "no such feed");
	for (size_t k = 0; k <= i && !c.bad; k++) {
		f.name = lz_vdb_text(&c);
		f.date_s = (int64_t)lz_vdb_num(&c);
		f.records = lz_vdb_num(&c);
		f.skipped = lz_vdb_num(&c);
		f.sha256 = lz_vdb_text(&c);
	}
	if (c.bad)
		return damaged(err, "malformed list of feeds",
			       (uint64_t)(v->section[LZ_VDB_FEEDS].p - v->file.p));
	*ret = f;
	return 0;
}

bool lz_vdb_covers(const struct lz_vdb *v, struct lz_span ecosystem)
{
	struct lz_vdb_cursor c = {.rest = v->section[LZ_VDB_ECOSYSTEMS]};

	while (c.rest.n && !c.bad)
		if (lz_span_eq(lz_vdb_text(&c), ecosystem))
			return true;
	return false;
}

/* --- looking up --- */

/* First entry of a table whose hash is not below. */
static size_t lower_bound(struct lz_span table, size_t width, uint64_t hash)
{
	size_t from = 0, to = table.n / width;

	while (from < to) {
		size_t mid = from + (to - from) / 2;
		if (lz_le64(table.p + mid * width) < hash)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static size_t block_count(const struct lz_vdb *v)
{
	size_t rows = v->section[LZ_VDB_INDEX].n / LZ_VDB_INDEX_ROW;

	return rows ? rows - 1 : 0; /* the last row marks the end */
}

static uint32_t first_hash(const struct lz_vdb *v, size_t block)
{
	return lz_le32(v->section[LZ_VDB_INDEX].p + block * LZ_VDB_INDEX_ROW);
}

/* The packed bytes of a block; LZ_E_FORMAT when the index leads nowhere. */
static int packed_block(const struct lz_vdb *v, size_t block, struct lz_span *ret,
			struct lz_err *err)
{
	struct lz_span index = v->section[LZ_VDB_INDEX], data = v->section[LZ_VDB_DATA];
	const char *row = index.p + block * LZ_VDB_INDEX_ROW;
	uint64_t from, to;

	if (block >= block_count(v))
		return damaged(err, "no such block", (uint64_t)(index.p - v->file.p));
	from = (uint64_t)lz_le32(row + 4) * 8;
	to = (uint64_t)lz_le32(row + LZ_VDB_INDEX_ROW + 4) * 8;
	if (from > to || to > data.n)
		return damaged(err, "impossible block", (uint64_t)(row - v->file.p));
	*ret = lz_span(data.p + from, (size_t)(to - from));
	return 0;
}

static int unpack_block(struct lz_vdb *v, size_t block, struct lz_err *err)
{
	struct lz_span packed;
	unsigned long long plain;
	size_t n;
	int r = packed_block(v, block, &packed, err);

	if (r)
		return r;
	plain = ZSTD_getFrameContentSize(packed.p, packed.n);
	if (plain > LZ_VDB_BLOCK_MAX) /* also when it does not say */
		return damaged(err, "impossible block", (uint64_t)(packed.p - v->file.p));
	n = ZSTD_findFrameCompressedSize(packed.p, packed.n); /* zeros may follow, up to 7 */
	if (ZSTD_isError(n) || packed.n - n > 7)
		return damaged(err, "damaged block", (uint64_t)(packed.p - v->file.p));
	packed.n = n;
	lz_buf_clear(&v->block);
	if (lz_buf_reserve(&v->block, (size_t)plain))
		return lz_fail(err, v->block.code, "out of memory");
	if (v->dict)
		n = ZSTD_decompress_usingDDict(v->zstd, v->block.p, (size_t)plain, packed.p,
					       packed.n, v->dict);
	else
		n = ZSTD_decompressDCtx(v->zstd, v->block.p, (size_t)plain, packed.p, packed.n);
	if (ZSTD_isError(n) || n != plain)
		return damaged(err, "damaged block", (uint64_t)(packed.p - v->file.p));
	v->block.n = n;
	return 0;
}

static void join_facts(const struct lz_vdb *v, struct lz_span cve, struct lz_enrichment *e)
{
	struct lz_span table = v->section[LZ_VDB_FACTS];
	uint64_t hash = lz_hash_stable(cve);
	size_t i = lower_bound(table, LZ_VDB_FACT_ROW, hash);
	const char *row = table.p + i * LZ_VDB_FACT_ROW;

	if (!lz_span_starts(cve, "CVE-") || i >= table.n / LZ_VDB_FACT_ROW || lz_le64(row) != hash)
		return;
	e->cve = cve;
	if (lz_le32(row + 8) <= 1000000)
		e->epss = lz_le32(row + 8) / 1e6;
	if (lz_le32(row + 12) <= 1000000)
		e->epss_percentile = lz_le32(row + 12) / 1e6;
	if (lz_le64(row + 16) && lz_le64(row + 16) < 1000000) {
		e->kev = true;
		e->kev_added_s = (int64_t)(lz_le64(row + 16) - 1) * 86400;
	}
}

static void enrich(const struct lz_vdb *v, struct lz_vdb_row *row)
{
	row->enrichment = (struct lz_enrichment){.epss = -1, .epss_percentile = -1};
	join_facts(v, row->advisory.id, &row->enrichment);
	for (size_t i = 0; i < row->advisory.alias_count && !row->enrichment.cve.n; i++)
		join_facts(v, row->advisory.aliases[i], &row->enrichment);
}

struct question {
	struct lz_span ecosystem, name, id; /* empty: any */
};

static bool has_id(const struct lz_advisory *a, struct lz_span id)
{
	if (lz_span_eq(a->id, id))
		return true;
	for (size_t i = 0; i < a->alias_count; i++)
		if (lz_span_eq(a->aliases[i], id))
			return true;
	return false;
}

static int take_group(const struct lz_vdb *v, struct lz_span bytes, const struct question *q,
		      struct lz_arena *arena, struct lz_vec *ret, struct lz_err *err)
{
	struct lz_vdb_cursor c = {.rest = bytes};
	struct lz_span ecosystem = lz_vdb_text(&c), name = lz_vdb_text(&c);
	uint64_t rows = lz_vdb_num(&c);

	/* Another key with the same hash is no answer. */
	if ((q->ecosystem.n && !lz_span_eq(q->ecosystem, ecosystem)) ||
	    (q->name.n && !lz_span_eq(q->name, name)))
		return 0;
	for (uint64_t i = 0; i < rows && !c.bad; i++) {
		struct lz_vdb_cursor row = {.rest = lz_vdb_text(&c)};
		struct lz_vdb_row found;
		int r;
		if (c.bad)
			break;
		r = lz_vdb_take_row(&row, arena, ecosystem, name, &found.advisory, err);
		if (r)
			return r;
		if (q->id.n && !has_id(&found.advisory, q->id))
			continue;
		enrich(v, &found);
		if (!lz_vec_add(ret, &found))
			return lz_fail(err, ret->code, "too many rows");
	}
	return c.bad ? damaged(err, "malformed group", 0) : 0;
}

static int take_block(struct lz_vdb *v, size_t block, const struct question *q,
		      struct lz_arena *arena, struct lz_vec *ret, struct lz_err *err)
{
	struct lz_vdb_cursor c;
	int r = unpack_block(v, block, err);

	c = (struct lz_vdb_cursor){.rest = r ? lz_span("", 0) : lz_buf_view(&v->block)};
	while (!r && c.rest.n) {
		struct lz_span group = lz_vdb_text(&c);
		r = c.bad ? damaged(err, "malformed block", block)
			  : take_group(v, group, q, arena, ret, err);
	}
	return r;
}

/* First block that may hold a name of this hash: the one before the first that begins with such a
 * hash or a later one. */
static size_t block_of(const struct lz_vdb *v, uint32_t hash)
{
	size_t from = 0, to = block_count(v);

	while (from < to) {
		size_t mid = from + (to - from) / 2;
		if (first_hash(v, mid) < hash)
			from = mid + 1;
		else
			to = mid;
	}
	return from ? from - 1 : 0;
}

static int by_name(struct lz_vdb *v, const struct question *q, struct lz_arena *arena,
		   struct lz_vec *ret, struct lz_err *err)
{
	uint32_t hash = (uint32_t)(lz_hash_stable(q->name) >> 32);
	size_t n = block_count(v);
	int r = 0;

	for (size_t i = block_of(v, hash); !r && i < n && first_hash(v, i) <= hash; i++)
		r = take_block(v, i, q, arena, ret, err);
	return r;
}

int lz_vdb_lookup(struct lz_vdb *v, struct lz_span ecosystem, struct lz_span name,
		  struct lz_arena *arena, struct lz_vec *ret_rows, struct lz_err *err)
{
	return by_name(v, &(struct question){.ecosystem = ecosystem, .name = name}, arena, ret_rows,
		       err);
}

int lz_vdb_by_name(struct lz_vdb *v, struct lz_span name, struct lz_arena *arena,
		   struct lz_vec *ret_rows, struct lz_err *err)
{
	return by_name(v, &(struct question){.name = name}, arena, ret_rows, err);
}

int lz_vdb_by_id(struct lz_vdb *v, struct lz_span id, struct lz_arena *arena,
		 struct lz_vec *ret_rows, struct lz_err *err)
{
	struct lz_span table = v->section[LZ_VDB_BY_ID];
	uint64_t hash = lz_hash_stable(id);
	struct question q = {.id = id};
	int r = 0;

	for (size_t i = lower_bound(table, LZ_VDB_ID_ROW, hash); !r && i < table.n / LZ_VDB_ID_ROW;
	     i++) {
		const char *row = table.p + i * LZ_VDB_ID_ROW;
		if (lz_le64(row) != hash)
			break;
		r = take_block(v, lz_le32(row + 8), &q, arena, ret_rows, err);
	}
	return r;
}

/* --- reading ahead --------------------------------------------------------------------------- */

/* A request to the disk costs as much as some 30 KB of it, so small gaps are read too. */
static void fetch_all(const struct lz_vdb *v, const struct lz_vec *blocks)
{
	struct lz_span run = {NULL, 0};

	LZ_VEC_EACH (struct lz_span, b, blocks) {
		if (run.n && b->p <= run.p + run.n + FETCH_GAP) {
			run.n = (size_t)(b->p + b->n - run.p);
			continue;
		}
		fetch(v, run);
		run = *b;
	}
	fetch(v, run);
}

static int by_place(const void *a, const void *b)
{
	const struct lz_span *x = a, *y = b;

	return x->p < y->p ? -1 : x->p > y->p;
}

void lz_vdb_expect(const struct lz_vdb *v, struct lz_span (*name)(const void *arg, size_t i),
		   const void *arg, size_t count)
{
	LZ_CLEAN(vec) struct lz_vec blocks;
	struct lz_span packed;

	if (!v->mapped || !block_count(v))
		return;
	lz_vec_init(&blocks, sizeof(packed), count);
	if (v->section[LZ_VDB_INDEX].n <= FETCH_MAX)
		fetch(v, v->section[LZ_VDB_INDEX]);
	for (size_t i = 0; i < count; i++)
		if (!packed_block(v, block_of(v, (uint32_t)(lz_hash_stable(name(arg, i)) >> 32)),
				  &packed, NULL) &&
		    !lz_vec_add(&blocks, &packed))
			break; /* no memory: what is missing is read when it is asked for */
	lz_vec_sort(&blocks, by_place);
	fetch_all(v, &blocks);
}

/* --- all of it --- */

int lz_vdb_verify(const struct lz_vdb *v, const char *verify_key_pem, struct lz_err *err)
{
	size_t head = LZ_VDB_HEADER + (size_t)LZ_VDB_KINDS * LZ_VDB_SECTION;
	unsigned char sum[32];

	if (v->mapped)
		madvise((void *)(uintptr_t)v->file.p, v->file.n, MADV_SEQUENTIAL);
	for (size_t i = 0; i < LZ_VDB_KINDS; i++) {
		const char *row = v->file.p + LZ_VDB_HEADER + i * LZ_VDB_SECTION;
		if (!EVP_Digest(v->section[i].p, v->section[i].n, sum, NULL, EVP_sha256(), NULL))
			return lz_fail(err, LZ_E_NOMEM, "SHA-256 is not available");
		if (memcmp(sum, row + 24, 32))
			return lz_fail(err, LZ_E_DIGEST,
				       "vulnerability database: section %zu is damaged", i);
	}
	if (!verify_key_pem)
		return 0;
	if (!(v->flags & LZ_VDB_SIGNED) || v->file.n < head + LZ_VDB_SIGNATURE)
		return lz_fail(err, LZ_E_DIGEST, "vulnerability database: it is not signed");
	return lz_vdb_check_signature(verify_key_pem, lz_span_head(v->file, head),
				      lz_span_from(v->file, v->file.n - LZ_VDB_SIGNATURE), err);
}

int lz_vdb_default_path(char *buf, size_t size, struct lz_err *err)
{
	const char *own = getenv("LAZARET_DB"), *cache = getenv("XDG_CACHE_HOME"),
		   *home = getenv("HOME");
	int n;

	if (own && *own)
		n = snprintf(buf, size, "%s", own);
	else if (cache && *cache)
		n = snprintf(buf, size, "%s/lazaret/lazaret.vdb", cache);
	else if (home && *home)
		n = snprintf(buf, size, "%s/.cache/lazaret/lazaret.vdb", home);
	else
		return lz_fail(err, LZ_E_STALE,
			       "no place for a database: set LAZARET_DB or HOME, or use --db");
	return n < 0 || (size_t)n >= size
		       ? lz_fail(err, LZ_E_LIMIT, "the database's path is too long")
		       : 0;
}
