/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PAX extended headers: records of the form
 *
 *	"<length> <key>=<value>\n"      length counts the whole record, itself included
 *
 * Known keys: path, linkpath, size and GNU's sparse ones; all others speak of what we don't look
 * at. A record that does not fit its length is refused: engines do so too, and guessing would let
 * two readers see two names. For the same reason a global header may not name paths or sizes: POSIX
 * and GNU's tar apply them to all that follows, the engines ignore them.
 */
#include "tar_internal.h"

static int malformed(const struct lz_tar *t, const char *what, struct lz_err *err)
{
	return lz_fail(err, LZ_E_FORMAT, "tar entry at byte %llu: %s",
		       (unsigned long long)t->entry_at, what);
}

/* Takes the next record off *rest; false when it is malformed. */
static bool next_record(struct lz_span *rest, struct lz_span *key, struct lz_span *value)
{
	struct lz_span digits, tail, record;
	uint64_t length;

	if (!lz_span_cut(lz_span_head(*rest, 21), ' ', &digits, &tail) ||
	    !lz_span_u64(digits, 10, &length) || length > rest->n || length < digits.n + 4)
		return false;
	record = lz_span(rest->p + digits.n + 1, (size_t)length - digits.n - 1);
	if (record.p[record.n - 1] != '\n')
		return false;
	record.n--;
	*rest = lz_span_from(*rest, (size_t)length);
	return lz_span_cut(record, '=', key, value) && key->n;
}

static int add_piece(struct lz_tar *t, uint64_t offset, uint64_t length, struct lz_err *err)
{
	struct lz_tar_piece *p = lz_vec_push(&t->sparse.map);

	if (!p)
		return lz_fail(err, t->sparse.map.code, "tar entry at byte %llu: sparse map: %s",
			       (unsigned long long)t->entry_at, lz_code_text(t->sparse.map.code));
	p->offset = offset;
	p->length = length;
	return 0;
}

/* 0.1: "offset,length,offset,length,…" */
static int whole_map(struct lz_tar *t, struct lz_span text, struct lz_err *err)
{
	struct lz_span a, b;
	uint64_t offset, length;
	int code = 0;

	t->sparse.map.n = 0;
	while (text.n && !code) {
		if (!lz_span_cut(text, ',', &a, &text))
			return malformed(t, "odd sparse map", err);
		if (lz_span_cut(text, ',', &b, &text) && !text.n)
			return malformed(t, "odd sparse map", err);
		if (!lz_span_u64(a, 10, &offset) || !lz_span_u64(b, 10, &length))
			return malformed(t, "malformed sparse map", err);
		code = add_piece(t, offset, length, err);
	}
	return code;
}

static int keep(struct lz_buf *to, struct lz_span value, struct lz_err *err)
{
	lz_buf_clear(to);
	return lz_buf_span(to, value) ? lz_fail(err, to->code, "%s", lz_code_text(to->code)) : 0;
}

static int sparse_record(struct lz_tar *t, struct lz_span key, struct lz_span value,
			 struct lz_err *err)
{
	struct lz_tar_sparse *s = &t->sparse;
	struct lz_tar_piece *last = s->map.n ? lz_vec_at(&s->map, s->map.n - 1) : NULL;
	uint64_t n = 0;

	if (lz_span_is(key, "name")) {
		return keep(&t->sparse_name, value, err);
	}
	if (lz_span_is(key, "map")) {
		if (s->kind == LZ_SPARSE_NONE)
			s->kind = LZ_SPARSE_PAX0;
		return whole_map(t, value, err);
	}
	if (!lz_span_u64(value, 10, &n))
		return malformed(t, "malformed sparse record", err);
	if (lz_span_is(key, "major")) {
		s->major = n;
		s->has_major = true;
		s->kind = n ? LZ_SPARSE_PAX1 : LZ_SPARSE_PAX0;
	} else if (lz_span_is(key, "minor")) {
		s->minor = n;
		s->has_minor = true;
	} else if (lz_span_is(key, "size") || lz_span_is(key, "realsize")) {
		s->real_size = n;
		s->has_real_size = true;
	} else if (lz_span_is(key, "offset")) {
		if (s->half_piece)
			return malformed(t, "sparse offset without a length", err);
		s->half_piece = true;
		if (s->kind == LZ_SPARSE_NONE)
			s->kind = LZ_SPARSE_PAX0;
		return add_piece(t, n, 0, err);
	} else if (lz_span_is(key, "numbytes")) {
		if (!s->half_piece || !last)
			return malformed(t, "sparse length without an offset", err);
		s->half_piece = false;
		last->length = n;
	}
	return 0;
}

/* An empty value takes an earlier one back: the header's own field counts again. */
static int size_record(struct lz_tar *t, struct lz_span value, struct lz_err *err)
{
	t->has_size = value.n != 0;
	if (value.n && !lz_span_u64(value, 10, &t->size))
		return malformed(t, "malformed PAX size", err);
	return 0;
}

static int record(struct lz_tar *t, struct lz_span key, struct lz_span value, bool global,
		  struct lz_err *err)
{
	bool path = lz_span_is(key, "path"), link = lz_span_is(key, "linkpath");
	bool size = lz_span_is(key, "size"), sparse = lz_span_starts(key, "GNU.sparse.");

	if (global && (path || link || size || sparse))
		return lz_fail(
			err, LZ_E_UNSUPPORTED,
			"tar entry at byte %llu: a global header sets \"%.*s\", which engines "
			"and tar read differently: pack the layer again without it",
			(unsigned long long)t->entry_at, LZ_FMT(key));
	if (path)
		return keep(&t->pax_path, value, err);
	if (link)
		return keep(&t->pax_link, value, err);
	if (size)
		return size_record(t, value, err);
	return sparse ? sparse_record(t, lz_span_from(key, 11), value, err) : 0;
}

int lz_tar_pax(struct lz_tar *t, struct lz_span records, bool global, struct lz_err *err)
{
	struct lz_span rest = records, key, value;

	while (rest.n) {
		int code;
		if (!next_record(&rest, &key, &value))
			return malformed(t, "malformed PAX record", err);
		code = record(t, key, value, global, err);
		if (code)
			return code;
	}
	return 0;
}
