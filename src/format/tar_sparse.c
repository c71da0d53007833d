/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sparse files: only the runs that are not zero are stored, a map says where they belong. Three
 * encodings of the map (old GNU, PAX 0.x, PAX 1.0) become one vector of pieces; reading then
 * expands holes to zeros.
 *
 * The map is hostile: pieces must ascend without overlap, lie inside the real size, and their
 * lengths must sum up to what is stored.
 */
#include "tar_internal.h"

static const char zeros[64 * 1024];

void lz_tar_sparse_reset(struct lz_tar *t)
{
	struct lz_vec map = t->sparse.map;

	map.n = 0;
	t->sparse = (struct lz_tar_sparse){.map = map};
}

static int malformed(const struct lz_tar *t, const char *what, struct lz_err *err)
{
	return lz_fail(err, LZ_E_FORMAT, "tar entry at byte %llu: sparse file: %s",
		       (unsigned long long)t->entry_at, what);
}

static int add(struct lz_tar *t, uint64_t offset, uint64_t length, struct lz_err *err)
{
	struct lz_tar_piece *p = lz_vec_push(&t->sparse.map);

	if (!p)
		return lz_fail(err, t->sparse.map.code, "tar entry at byte %llu: sparse map: %s",
			       (unsigned long long)t->entry_at, lz_code_text(t->sparse.map.code));
	*p = (struct lz_tar_piece){offset, length};
	return 0;
}

/* `count` pairs of 12-byte numbers; an empty field ends the map. */
static int gnu_pieces(struct lz_tar *t, const char *at, int count, struct lz_err *err)
{
	for (int i = 0; i < count; i++, at += 24) {
		uint64_t offset, length;
		int code;
		if (at[0] == 0)
			return 0;
		if (!lz_tar_number(at, 12, &offset) || !lz_tar_number(at + 12, 12, &length))
			return malformed(t, "malformed map", err);
		code = add(t, offset, length, err);
		if (code)
			return code;
	}
	return 0;
}

static int gnu_map(struct lz_tar *t, const char *header, struct lz_err *err)
{
	bool more = header[482] != 0;
	int code;

	if (!lz_tar_number(header + 483, 12, &t->sparse.real_size))
		return malformed(t, "malformed real size", err);
	code = gnu_pieces(t, header + 386, 4, err);
	while (!code && more) {
		const char *block;
		code = lz_tar_block(t, &block, err);
		if (code == 0)
			return malformed(t, "the archive ends inside the map", err);
		if (code < 0)
			return code;
		more = block[504] != 0;
		code = gnu_pieces(t, block, 21, err);
	}
	return code;
}

/* One decimal line of a 1.0 map. The map is part of the stored content. */
static int line(struct lz_tar *t, uint64_t *used, uint64_t *ret, struct lz_err *err)
{
	char digits[24];
	size_t n = 0;

	for (;;) {
		struct lz_span c;
		int code = lz_tar_stored(t, 1, &c, err);
		if (code < 0)
			return code;
		if (code == 0 || n == sizeof(digits))
			return malformed(t, "malformed map", err);
		(*used)++;
		if (c.p[0] == '\n')
			break;
		digits[n++] = c.p[0];
	}
	return lz_span_u64(lz_span(digits, n), 10, ret) ? 0 : malformed(t, "malformed map", err);
}

static int pax1_map(struct lz_tar *t, struct lz_err *err)
{
	uint64_t used = 0, count, offset = 0, length = 0, pad;
	int code = line(t, &used, &count, err);

	if (!code && count > t->sparse.map.max)
		return lz_fail(err, LZ_E_LIMIT, "tar entry at byte %llu: sparse map is too long",
			       (unsigned long long)t->entry_at);
	t->sparse.map.n = 0;
	for (uint64_t i = 0; !code && i < count; i++) {
		code = line(t, &used, &offset, err);
		if (!code)
			code = line(t, &used, &length, err);
		if (!code)
			code = add(t, offset, length, err);
	}
	for (pad = -used & 511; !code && pad;) {
		struct lz_span chunk;
		int r = lz_tar_stored(t, pad, &chunk, err);
		if (r < 0)
			return r;
		if (r == 0)
			return malformed(t, "the map is not padded", err);
		pad -= chunk.n;
	}
	return code;
}

static int check(const struct lz_tar *t, struct lz_err *err)
{
	uint64_t end = 0, sum = 0;

	LZ_VEC_EACH (struct lz_tar_piece, p, &t->sparse.map) {
		uint64_t stop;
		if (p->offset < end || __builtin_add_overflow(p->offset, p->length, &stop) ||
		    stop > t->sparse.real_size)
			return malformed(t, "pieces overlap or lie outside", err);
		end = stop;
		sum += p->length; /* can't overflow: pieces are disjoint */
	}
	return sum == t->left ? 0 : malformed(t, "pieces do not add up to what is stored", err);
}

/* 0.0 and 0.1 need not say so, 1.0 must. */
static bool known_version(const struct lz_tar_sparse *s)
{
	if (!s->has_major && !s->has_minor)
		return true;
	return s->has_major && s->has_minor &&
	       ((s->major == 0 && s->minor <= 1) || (s->major == 1 && s->minor == 0));
}

int lz_tar_sparse_begin(struct lz_tar *t, const char *header, struct lz_tar_entry *e,
			struct lz_err *err)
{
	struct lz_tar_sparse *s = &t->sparse;
	int code = 0;

	if (header[156] == 'S') {
		s->kind = LZ_SPARSE_GNU;
		s->map.n = 0;
		code = gnu_map(t, header, err);
	} else if (e->type != LZ_TAR_FILE) {
		return malformed(t, "its map belongs to something that is no file", err);
	} else if (!known_version(s)) {
		return lz_fail(err, LZ_E_UNSUPPORTED,
			       "tar entry at byte %llu: unknown sparse format %llu.%llu",
			       (unsigned long long)t->entry_at, (unsigned long long)s->major,
			       (unsigned long long)s->minor);
	} else if (s->kind == LZ_SPARSE_PAX1) {
		code = pax1_map(t, err);
	} else if (s->half_piece) {
		code = malformed(t, "an offset has no length", err);
	}
	if (!code && s->kind != LZ_SPARSE_GNU && !s->has_real_size)
		code = malformed(t, "no real size", err);
	if (!code && s->real_size > INT64_MAX)
		code = malformed(t, "impossible size", err);
	if (!code)
		code = check(t, err);
	if (code)
		return code;
	s->reading = true;
	e->sparse = true;
	e->size = s->real_size;
	return 0;
}

int lz_tar_sparse_read(struct lz_tar *t, struct lz_span *ret, struct lz_err *err)
{
	struct lz_tar_sparse *s = &t->sparse;
	const struct lz_tar_piece *p = NULL;
	uint64_t hole_end = s->real_size;

	while (s->piece < s->map.n) {
		p = lz_vec_at(&s->map, s->piece);
		if (s->at < p->offset + p->length)
			break;
		s->piece++;
		p = NULL;
	}
	if (p && s->at >= p->offset) {
		int code = lz_tar_stored(t, p->offset + p->length - s->at, ret, err);
		if (code > 0)
			s->at += ret->n;
		return code;
	}
	if (p)
		hole_end = p->offset;
	if (s->at >= hole_end)
		return 0;
	*ret = lz_span(zeros, sizeof(zeros));
	if (hole_end - s->at < sizeof(zeros))
		ret->n = (size_t)(hole_end - s->at);
	s->at += ret->n;
	return 1;
}
