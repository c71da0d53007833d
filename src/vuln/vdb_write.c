/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building a vdb. Advisories are encoded as they come, row by row; writing sorts the rows, drops
 * doubles, fills blocks and tables. The result depends on what was added, not on the order. The
 * file is written beside its place, synced, and put there by rename: readers see the old one or the
 * new one, never part of one.
 */
#include "vdb_file.h"
#include "vdb_format.h"

#include "../base/clean.h"
#include "../base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <zdict.h>
#include <zstd.h>

enum { LEVEL = 12, SAMPLES = 40000, SAMPLE_BYTES = 8 * 1024 * 1024 };

struct row {
	uint64_t hash; /* of the name: the order of the file */
	struct lz_span ecosystem, name, bytes;
	const struct lz_span *ids; /* id and aliases */
	uint32_t id_count;
};

struct entry { /* where an id is */
	uint64_t hash;
	uint32_t block;
};

struct lz_vdb_builder {
	struct lz_arena arena;
	struct lz_limits limits;
	struct lz_vec rows;	   /* struct row */
	struct lz_vec enrichments; /* struct lz_enrichment */
	struct lz_vec feeds;	   /* struct lz_feed_info */
	struct lz_buf scratch;
	struct lz_map ecosystems; /* names, kept once */
	uint64_t advisories;
};

struct lz_vdb_builder *lz_vdb_builder_new(const struct lz_limits *l, size_t cap_bytes,
					  struct lz_err *err)
{
	struct lz_vdb_builder *b = lz_alloc(sizeof(*b));

	if (!b) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	b->limits = *l;
	lz_arena_init(&b->arena, cap_bytes);
	lz_vec_init(&b->rows, sizeof(struct row), UINT32_MAX);
	lz_vec_init(&b->enrichments, sizeof(struct lz_enrichment), UINT32_MAX);
	lz_vec_init(&b->feeds, sizeof(struct lz_feed_info), 10000);
	lz_buf_init(&b->scratch, (size_t)l->advisory_bytes);
	lz_map_init(&b->ecosystems, 100000);
	return b;
}

void lz_vdb_builder_free(struct lz_vdb_builder *b)
{
	if (!b)
		return;
	lz_vec_done(&b->rows);
	lz_vec_done(&b->enrichments);
	lz_vec_done(&b->feeds);
	lz_buf_done(&b->scratch);
	lz_map_done(&b->ecosystems);
	lz_arena_done(&b->arena);
	lz_free(b);
}

static int full(struct lz_vdb_builder *b, struct lz_err *err)
{
	int code = b->arena.code ? b->arena.code : b->scratch.code ? b->scratch.code : LZ_E_NOMEM;

	return lz_fail(err, code,
		       code == LZ_E_LIMIT ? "the database's content exceeds its memory bound"
					  : "out of memory");
}

static struct lz_span once(struct lz_vdb_builder *b, struct lz_span s)
{
	struct lz_map_item *it = lz_map_get(&b->ecosystems, s);

	if (!it)
		it = lz_map_put(&b->ecosystems, lz_arena_dup(&b->arena, s), NULL, NULL);
	return it ? it->key : lz_arena_dup(&b->arena, s);
}

static const struct lz_span *copy_ids(struct lz_vdb_builder *b, const struct lz_advisory *a)
{
	struct lz_span *ids = lz_arena_array(&b->arena, a->alias_count + 1, sizeof(*ids));

	if (!ids)
		return NULL;
	ids[0] = lz_arena_dup(&b->arena, a->id);
	for (size_t i = 0; i < a->alias_count; i++)
		ids[i + 1] = lz_arena_dup(&b->arena, a->aliases[i]);
	return ids;
}

int lz_vdb_add_advisory(struct lz_vdb_builder *b, const struct lz_advisory *a, struct lz_err *err)
{
	const struct lz_span *ids;

	if (a->withdrawn_s)
		return 0;
	if (++b->advisories > b->limits.advisories)
		return lz_fail(err, LZ_E_LIMIT, "more than %llu advisories (limit advisories)",
			       (unsigned long long)b->limits.advisories);
	ids = copy_ids(b, a);
	for (size_t i = 0; ids && i < a->affected_count; i++) {
		const struct lz_affected *x = &a->affected[i];
		struct row *r = lz_vec_push(&b->rows);
		lz_buf_clear(&b->scratch);
		lz_vdb_put_row(&b->scratch, a, x);
		if (!r || b->scratch.code)
			return full(b, err);
		r->ecosystem = once(b, x->ecosystem);
		r->name = lz_arena_dup(&b->arena, x->name);
		r->hash = lz_hash_stable(x->name);
		r->bytes = lz_arena_dup(&b->arena, lz_buf_view(&b->scratch));
		r->ids = ids;
		r->id_count = (uint32_t)a->alias_count + 1;
	}
	return b->arena.code ? full(b, err) : 0;
}

int lz_vdb_add_enrichment(struct lz_vdb_builder *b, const struct lz_enrichment *e,
			  struct lz_err *err)
{
	struct lz_enrichment *x = lz_vec_add(&b->enrichments, e);

	if (!x)
		return full(b, err);
	x->cve = lz_arena_dup(&b->arena, e->cve);
	return b->arena.code ? full(b, err) : 0;
}

int lz_vdb_add_feed(struct lz_vdb_builder *b, const struct lz_feed_info *f, struct lz_err *err)
{
	struct lz_feed_info *x = lz_vec_add(&b->feeds, f);

	if (!x)
		return full(b, err);
	x->name = lz_arena_dup(&b->arena, f->name);
	x->sha256 = lz_arena_dup(&b->arena, f->sha256);
	return b->arena.code ? full(b, err) : 0;
}

/* --- order --- */

static int by_group(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int c;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	c = lz_span_cmp(x->name, y->name);
	c = c ? c : lz_span_cmp(x->ecosystem, y->ecosystem);
	return c ? c : lz_span_cmp(x->bytes, y->bytes);
}

static int by_cve(const void *a, const void *b)
{
	const struct lz_enrichment *x = a, *y = b;

	return lz_span_cmp(x->cve, y->cve);
}

static int by_feed(const void *a, const void *b)
{
	const struct lz_feed_info *x = a, *y = b;

	return lz_span_cmp(x->name, y->name);
}

static int by_hash(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->block < y->block ? -1 : x->block > y->block;
}

/* --- sections --- */

struct image {
	struct lz_buf section[LZ_VDB_KINDS];
	struct lz_vec by_id; /* struct entry */
	struct lz_buf block, packed, group;
	uint64_t first; /* hash of the block's first name */
	uint32_t blocks;
	ZSTD_CCtx *zstd;
	ZSTD_CDict *dict; /* NULL: too little to learn one from */
	int code;
};

static size_t pack(struct image *m)
{
	char *to = m->packed.p;
	size_t room = m->packed.cap;

	if (m->dict)
		return ZSTD_compress_usingCDict(m->zstd, to, room, m->block.p, m->block.n, m->dict);
	return ZSTD_compressCCtx(m->zstd, to, room, m->block.p, m->block.n, LEVEL);
}

static void close_block(struct image *m)
{
	struct lz_buf *data = &m->section[LZ_VDB_DATA], *index = &m->section[LZ_VDB_INDEX];
	size_t n;

	if (!m->block.n || m->code)
		return;
	lz_buf_clear(&m->packed);
	if (lz_buf_reserve(&m->packed, ZSTD_compressBound(m->block.n))) {
		m->code = LZ_E_NOMEM;
		return;
	}
	n = pack(m);
	if (ZSTD_isError(n)) {
		m->code = LZ_E_NOMEM;
		return;
	}
	lz_buf_u32le(index, (uint32_t)(m->first >> 32));
	lz_buf_u32le(index, (uint32_t)(data->n / 8));
	lz_buf_add(data, m->packed.p, n);
	lz_buf_zero(data, -n & 7);
	if (data->n / 8 > UINT32_MAX)
		m->code = LZ_E_LIMIT;
	m->blocks++;
	lz_buf_clear(&m->block);
}

static void add_entry(struct image *m, uint64_t hash)
{
	struct entry e = {hash, m->blocks};

	if (!lz_vec_add(&m->by_id, &e))
		m->code = LZ_E_NOMEM;
}

/* What rows have in common, learnt from some of them, spread evenly. */
static void learn(struct image *m, const struct lz_vec *rows)
{
	struct lz_buf *dict = &m->section[LZ_VDB_DICT];
	size_t stride = rows->n / SAMPLES + 1, count = 0, n;
	LZ_CLEAN(buf) struct lz_buf text;
	LZ_CLEAN(mem) size_t *sizes = lz_alloc((rows->n / stride + 1) * sizeof(*sizes));

	lz_buf_init(&text, SAMPLE_BYTES);
	for (size_t i = 0; sizes && i < rows->n; i += stride) {
		const struct row *r = lz_vec_at(rows, i);
		if (r->bytes.n > LZ_VDB_BLOCK_BYTES || text.n + r->bytes.n > SAMPLE_BYTES)
			continue;
		lz_buf_span(&text, r->bytes);
		sizes[count++] = r->bytes.n;
	}
	if (!sizes || text.code || lz_buf_reserve(dict, LZ_VDB_DICT_BYTES)) {
		m->code = LZ_E_NOMEM;
		return;
	}
	if (text.n < 20 * LZ_VDB_DICT_BYTES) /* it would cost more than it saves */
		return;
	n = ZDICT_trainFromBuffer(dict->p, LZ_VDB_DICT_BYTES, text.p, sizes, (unsigned)count);
	if (ZDICT_isError(n))
		return;
	dict->n = n;
	m->dict = ZSTD_createCDict(dict->p, n, LEVEL);
	if (!m->dict)
		m->code = LZ_E_NOMEM;
}

static size_t group_end(const struct lz_vec *rows, size_t from)
{
	const struct row *first = lz_vec_at(rows, from);
	size_t to = from + 1;

	for (; to < rows->n; to++) {
		const struct row *r = lz_vec_at(rows, to);
		if (!lz_span_eq(r->ecosystem, first->ecosystem) ||
		    !lz_span_eq(r->name, first->name))
			break;
	}
	return to;
}

static void put_group(struct image *m, const struct lz_vec *rows, size_t from, size_t to)
{
	const struct row *first = lz_vec_at(rows, from), *last = NULL;
	size_t count = 0;

	for (size_t i = from; i < to; i++) {
		const struct row *r = lz_vec_at(rows, i);
		count += !last || !lz_span_eq(r->bytes, last->bytes);
		last = r;
	}
	if (m->block.n >= LZ_VDB_BLOCK_BYTES)
		close_block(m);
	if (!m->block.n)
		m->first = first->hash;
	lz_buf_clear(&m->group);
	lz_vdb_put_text(&m->group, first->ecosystem);
	lz_vdb_put_text(&m->group, first->name);
	lz_vdb_put_num(&m->group, count);
	last = NULL;
	for (size_t i = from; i < to; i++) {
		const struct row *r = lz_vec_at(rows, i);
		if (last && lz_span_eq(r->bytes, last->bytes))
			continue;
		lz_vdb_put_text(&m->group, r->bytes);
		for (uint32_t k = 0; k < r->id_count; k++)
			add_entry(m, lz_hash_stable(r->ids[k]));
		last = r;
	}
	lz_vdb_put_text(&m->block, lz_buf_view(&m->group));
	if (m->group.code || m->block.code)
		m->code = m->group.code ? m->group.code : m->block.code;
}

static void put_ids(struct image *m)
{
	struct lz_buf *out = &m->section[LZ_VDB_BY_ID];
	const struct entry *last = NULL;

	lz_vec_sort(&m->by_id, by_hash);
	LZ_VEC_EACH (struct entry, e, &m->by_id) {
		if (last && by_hash(last, e) == 0)
			continue;
		lz_buf_u64le(out, e->hash);
		lz_buf_u32le(out, e->block);
		last = e;
	}
}

static int by_text(const void *a, const void *b)
{
	return lz_span_cmp(*(const struct lz_span *)a, *(const struct lz_span *)b);
}

static void put_ecosystems(struct image *m, const struct lz_vdb_builder *b)
{
	LZ_CLEAN(vec) struct lz_vec names;

	lz_vec_init(&names, sizeof(struct lz_span), UINT32_MAX);
	LZ_MAP_EACH (it, &b->ecosystems)
		if (!lz_vec_add(&names, &it->key))
			m->code = LZ_E_NOMEM;
	lz_vec_sort(&names, by_text);
	LZ_VEC_EACH (struct lz_span, s, &names)
		lz_vdb_put_text(&m->section[LZ_VDB_ECOSYSTEMS], *s);
}

static void put_feeds(struct image *m, struct lz_vdb_builder *b)
{
	struct lz_buf *out = &m->section[LZ_VDB_FEEDS];

	lz_vec_sort(&b->feeds, by_feed);
	lz_vdb_put_num(out, b->advisories);
	lz_vdb_put_num(out, b->feeds.n);
	LZ_VEC_EACH (struct lz_feed_info, f, &b->feeds) {
		lz_vdb_put_text(out, f->name);
		lz_vdb_put_num(out, (uint64_t)f->date_s);
		lz_vdb_put_num(out, f->records);
		lz_vdb_put_num(out, f->skipped);
		lz_vdb_put_text(out, f->sha256);
	}
}

static uint32_t millionths(double x)
{
	return x < 0 || x > 1 ? UINT32_MAX : (uint32_t)(x * 1e6 + 0.5);
}

struct fact {
	uint64_t hash, kev;
	uint32_t epss, percentile;
};

static int fact_by_hash(const void *a, const void *b)
{
	const struct fact *x = a, *y = b;

	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/* KEV and EPSS speak of the same CVEs: one entry joins what both say. */
static void put_enrichments(struct image *m, struct lz_vdb_builder *b)
{
	LZ_CLEAN(vec) struct lz_vec facts;
	struct lz_span last = {NULL, 0};
	struct fact *f = NULL;

	lz_vec_init(&facts, sizeof(struct fact), UINT32_MAX);
	lz_vec_sort(&b->enrichments, by_cve);
	LZ_VEC_EACH (struct lz_enrichment, e, &b->enrichments) {
		if (!last.p || !lz_span_eq(last, e->cve)) {
			f = lz_vec_push(&facts);
			if (!f) {
				m->code = LZ_E_NOMEM;
				return;
			}
			f->hash = lz_hash_stable(e->cve);
			f->epss = f->percentile = UINT32_MAX;
		}
		last = e->cve;
		if (e->kev && f)
			f->kev = (uint64_t)(e->kev_added_s / 86400) + 1;
		if (e->epss >= 0 && f) {
			f->epss = millionths(e->epss);
			f->percentile = millionths(e->epss_percentile);
		}
	}
	lz_vec_sort(&facts, fact_by_hash);
	LZ_VEC_EACH (struct fact, x, &facts) {
		lz_buf_u64le(&m->section[LZ_VDB_FACTS], x->hash);
		lz_buf_u32le(&m->section[LZ_VDB_FACTS], x->epss);
		lz_buf_u32le(&m->section[LZ_VDB_FACTS], x->percentile);
		lz_buf_u64le(&m->section[LZ_VDB_FACTS], x->kev);
	}
}

static void image_init(struct image *m, const struct lz_limits *l)
{
	memset(m, 0, sizeof(*m));
	for (int i = 0; i < LZ_VDB_KINDS; i++)
		lz_buf_init(&m->section[i], (size_t)l->vdb_bytes);
	lz_vec_init(&m->by_id, sizeof(struct entry), UINT32_MAX);
	lz_buf_init(&m->block, LZ_VDB_BLOCK_MAX);
	lz_buf_init(&m->group, LZ_VDB_BLOCK_MAX);
	lz_buf_init(&m->packed, LZ_VDB_BLOCK_MAX + LZ_M);
	m->zstd = ZSTD_createCCtx();
	if (!m->zstd)
		m->code = LZ_E_NOMEM;
}

static void image_done(struct image *m)
{
	for (int i = 0; i < LZ_VDB_KINDS; i++)
		lz_buf_done(&m->section[i]);
	lz_vec_done(&m->by_id);
	lz_buf_done(&m->block);
	lz_buf_done(&m->group);
	lz_buf_done(&m->packed);
	ZSTD_freeCDict(m->dict);
	ZSTD_freeCCtx(m->zstd);
}

static int make(struct image *m, struct lz_vdb_builder *b, struct lz_err *err)
{
	lz_vec_sort(&b->rows, by_group);
	learn(m, &b->rows);
	for (size_t i = 0, to; i < b->rows.n && !m->code; i = to) {
		to = group_end(&b->rows, i);
		put_group(m, &b->rows, i, to);
	}
	close_block(m);
	lz_buf_u32le(&m->section[LZ_VDB_INDEX], UINT32_MAX);
	lz_buf_u32le(&m->section[LZ_VDB_INDEX], (uint32_t)(m->section[LZ_VDB_DATA].n / 8));
	put_ids(m);
	put_ecosystems(m, b);
	put_feeds(m, b);
	put_enrichments(m, b);
	for (int i = 0; i < LZ_VDB_KINDS && !m->code; i++)
		m->code = m->section[i].code;
	return m->code ? lz_fail(err, m->code, "database: %s", lz_code_text(m->code)) : 0;
}

/* --- the file --- */

static int put_head(const struct image *m, struct lz_buf *head, int64_t built_s, bool sign,
		    struct lz_err *err)
{
	uint64_t at = LZ_VDB_HEADER + (uint64_t)LZ_VDB_KINDS * LZ_VDB_SECTION, end = at;
	unsigned char sum[32];

	for (int i = 0; i < LZ_VDB_KINDS; i++)
		end += (m->section[i].n + 7) & ~(size_t)7;
	lz_buf_add(head, LZ_VDB_MAGIC, 8);
	lz_buf_u32le(head, LZ_VDB_VERSION);
	lz_buf_u32le(head, sign ? LZ_VDB_SIGNED : 0);
	lz_buf_u64le(head, (uint64_t)built_s);
	lz_buf_u64le(head, end + (sign ? LZ_VDB_SIGNATURE : 0));
	lz_buf_u32le(head, LZ_VDB_KINDS);
	lz_buf_zero(head, LZ_VDB_HEADER - 36);
	for (int i = 0; i < LZ_VDB_KINDS; i++) {
		struct lz_span s = lz_buf_view(&m->section[i]);
		if (!EVP_Digest(s.p, s.n, sum, NULL, EVP_sha256(), NULL))
			return lz_fail(err, LZ_E_NOMEM, "SHA-256 is not available");
		lz_buf_u32le(head, (uint32_t)i);
		lz_buf_u32le(head, 0);
		lz_buf_u64le(head, at);
		lz_buf_u64le(head, s.n);
		lz_buf_add(head, sum, 32);
		lz_buf_zero(head, 8);
		at += (s.n + 7) & ~(size_t)7;
	}
	return head->code ? lz_fail(err, head->code, "out of memory") : 0;
}

static int write_all(int fd, const struct image *m, const struct lz_buf *head, const char *key,
		     struct lz_err *err)
{
	static const char pad[8];
	unsigned char signature[LZ_VDB_SIGNATURE];
	int r = lz_write_full(fd, head->p, head->n, err);

	for (int i = 0; !r && i < LZ_VDB_KINDS; i++) {
		r = lz_write_full(fd, m->section[i].p, m->section[i].n, err);
		if (!r)
			r = lz_write_full(fd, pad, -m->section[i].n & 7, err);
	}
	if (!r && key) {
		r = lz_vdb_sign(key, lz_buf_view(head), signature, err);
		if (!r)
			r = lz_write_full(fd, signature, sizeof(signature), err);
	}
	return r;
}

static int install(const struct image *m, const struct lz_buf *head, const char *path,
		   const char *key, struct lz_err *err)
{
	struct lz_vdb_file f;
	int r = lz_vdb_file_begin(&f, path, err);

	return r ? r : lz_vdb_file_end(&f, write_all(f.fd, m, head, key, err), err);
}

int lz_vdb_write(struct lz_vdb_builder *b, const char *path, int64_t built_s,
		 const char *signing_key_pem, struct lz_err *err)
{
	LZ_CLEAN(buf) struct lz_buf head;
	struct image m;
	int r;

	lz_buf_init(&head, 65536);
	image_init(&m, &b->limits);
	r = m.code ? lz_fail(err, m.code, "out of memory") : make(&m, b, err);
	if (!r)
		r = put_head(&m, &head, built_s, signing_key_pem != NULL, err);
	if (!r)
		r = install(&m, &head, path, signing_key_pem, err);
	image_done(&m);
	return r;
}
