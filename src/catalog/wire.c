/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence as records. Each encoder stands beside its decoder, so that the two can't drift apart.
 * The child is not trusted: the decoder bounds every length, checks every enum, and puts all it
 * keeps into one capped arena.
 */
#include "wire.h"

#include <stdio.h>

#define ROOM 4096 /* records of one layer's problems are cut to this */

static void put_path(struct lz_rec_out *o, struct lz_span path)
{
	lz_rec_put_span(o, path);
}

int lz_wire_node(struct lz_rec_out *o, enum lz_node_kind kind, struct lz_span path,
		 struct lz_span target, struct lz_err *err)
{
	lz_rec_begin(o, LZ_REC_NODE);
	lz_rec_put_u64(o, kind);
	put_path(o, path);
	put_path(o, target);
	return lz_rec_commit(o, err);
}

int lz_wire_package(struct lz_rec_out *o, const struct lz_package *p, struct lz_err *err)
{
	const struct lz_span fields[] = {p->name,   p->version,	       p->arch,
					 p->source, p->source_version, p->source_rpm,
					 p->module, p->vendor,	       p->licence};

	lz_rec_begin(o, LZ_REC_PACKAGE);
	lz_rec_put_u64(o, p->type);
	lz_rec_put_u64(o, p->epoch_known);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		lz_rec_put_span(o, fields[i]);
	return lz_rec_commit(o, err);
}

int lz_wire_release(struct lz_rec_out *o, const struct lz_release *r, struct lz_err *err)
{
	const struct lz_span fields[] = {r->path,     r->id,	  r->version_id, r->name, r->pretty,
					 r->codename, r->variant, r->id_like,	 r->cpe,  r->text};

	lz_rec_begin(o, LZ_REC_RELEASE);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		lz_rec_put_span(o, fields[i]);
	return lz_rec_commit(o, err);
}

int lz_wire_owned(struct lz_rec_out *o, struct lz_span package, struct lz_span arch,
		  struct lz_span list, uint32_t count, struct lz_err *err)
{
	lz_rec_begin(o, LZ_REC_OWNED);
	lz_rec_put_span(o, package);
	lz_rec_put_span(o, arch);
	lz_rec_put_span(o, list);
	lz_rec_put_u64(o, count);
	return lz_rec_commit(o, err);
}

int lz_wire_problem(struct lz_rec_out *o, uint16_t type, int code, struct lz_span path,
		    int64_t offset, const char *text, struct lz_err *err)
{
	lz_rec_begin(o, type);
	lz_rec_put_u64(o, (uint64_t)(int64_t)code);
	lz_rec_put_span(o, lz_span_head(path, ROOM));
	lz_rec_put_u64(o, (uint64_t)offset);
	lz_rec_put_span(o, lz_span_head(lz_str(text), ROOM));
	return lz_rec_commit(o, err);
}

int lz_wire_progress(struct lz_rec_out *o, uint64_t bytes, struct lz_err *err)
{
	int r;

	lz_rec_begin(o, LZ_REC_PROGRESS);
	lz_rec_put_u64(o, bytes);
	r = lz_rec_commit(o, err);
	return r ? r : lz_rec_flush(o, err);
}

int lz_wire_layer_end(struct lz_rec_out *o, const struct lz_layer_sums *s, struct lz_err *err)
{
	lz_rec_begin(o, LZ_REC_LAYER_END);
	lz_rec_put_u64(o, s->packed);
	lz_rec_put_u64(o, s->unpacked);
	lz_rec_put_u64(o, s->entries);
	lz_rec_put_span(o, lz_span(s->digest, s->hashed ? 32 : 0));
	lz_rec_put_span(o, lz_span(s->diff_id, s->hashed ? 32 : 0));
	return lz_rec_commit(o, err);
}

/* --- decoding -----------------------------------------------------------------------------------
 */

void lz_evidence_init(struct lz_evidence *e, const struct lz_limits *limits)
{
	memset(e, 0, sizeof(*e));
	lz_arena_init(&e->arena, limits->evidence_bytes);
	lz_vec_init(&e->nodes, sizeof(struct lz_node), SIZE_MAX / sizeof(struct lz_node));
	lz_vec_init(&e->problems, sizeof(struct lz_problem), 10000);
}

void lz_evidence_done(struct lz_evidence *e)
{
	lz_vec_done(&e->nodes);
	lz_vec_done(&e->problems);
	lz_arena_done(&e->arena);
}

void lz_evidence_problem(struct lz_evidence *e, int code, struct lz_span path, int64_t offset,
			 const char *text)
{
	struct lz_problem *p = lz_vec_push(&e->problems);

	if (!p)
		return;
	p->code = code;
	p->path = lz_arena_dup(&e->arena, path);
	p->offset = offset;
	p->text = lz_arena_dup(&e->arena, lz_str(text));
}

static struct lz_span keep(struct lz_evidence *e, struct lz_rec *rec, size_t max)
{
	return lz_arena_dup(&e->arena, lz_rec_span(rec, max));
}

/* An array that doubles inside the arena; old copies are lost there, which at most doubles its
 * cost. */
static void *array_push(struct lz_arena *a, void **items, size_t *count, size_t elem)
{
	size_t n = *count;

	if (n == 0 || (n >= 4 && (n & (n - 1)) == 0)) {
		void *grown = lz_arena_array(a, n ? n * 2 : 4, elem);
		if (!grown)
			return NULL;
		if (n)
			memcpy(grown, *items, n * elem);
		*items = grown;
	}
	(*count)++;
	return (char *)*items + n * elem;
}

static struct lz_file_evidence *current_file(struct lz_evidence *e)
{
	struct lz_node *last = e->nodes.n ? lz_vec_at(&e->nodes, e->nodes.n - 1) : NULL;

	return last ? last->file : NULL;
}

static void take_node(struct lz_evidence *e, struct lz_rec *rec, const struct lz_limits *l)
{
	uint64_t kind = lz_rec_u64(rec);
	struct lz_node *n;

	if (kind >= LZ_NODE_COUNT) {
		rec->code = LZ_E_FORMAT;
		return;
	}
	n = lz_vec_push(&e->nodes);
	if (!n)
		return;
	n->kind = (enum lz_node_kind)kind;
	n->path = keep(e, rec, l->path_bytes);
	n->target = keep(e, rec, l->path_bytes);
	if (n->kind == LZ_NODE_FILE)
		n->file = LZ_ARENA_NEW(&e->arena, struct lz_file_evidence);
}

static void take_package(struct lz_evidence *e, struct lz_rec *rec, const struct lz_limits *l)
{
	struct lz_file_evidence *f = current_file(e);
	struct lz_package *p;
	uint64_t type = lz_rec_u64(rec);
	void *items;

	if (!f || type >= LZ_PKG_TYPE_COUNT || f->package_count >= l->packages) {
		rec->code = LZ_E_FORMAT;
		return;
	}
	items = f->packages;
	p = array_push(&e->arena, &items, &f->package_count, sizeof(*p));
	f->packages = items;
	if (!p)
		return;
	p->type = (enum lz_pkg_type)type;
	p->epoch_known = lz_rec_u64(rec) != 0;
	struct lz_span *fields[] = {&p->name,	&p->version,	    &p->arch,
				    &p->source, &p->source_version, &p->source_rpm,
				    &p->module, &p->vendor,	    &p->licence};
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		*fields[i] = keep(e, rec, l->field_bytes);
}

static void take_release(struct lz_evidence *e, struct lz_rec *rec, const struct lz_limits *l)
{
	struct lz_file_evidence *f = current_file(e);
	struct lz_release *r;
	void *items;

	if (!f || f->release_count >= 16) {
		rec->code = LZ_E_FORMAT;
		return;
	}
	items = f->releases;
	r = array_push(&e->arena, &items, &f->release_count, sizeof(*r));
	f->releases = items;
	if (!r)
		return;
	struct lz_span *fields[] = {&r->path,	  &r->id,      &r->version_id, &r->name, &r->pretty,
				    &r->codename, &r->variant, &r->id_like,    &r->cpe,	 &r->text};
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		*fields[i] = keep(e, rec, i ? l->field_bytes : l->path_bytes);
}

static void take_owned(struct lz_evidence *e, struct lz_rec *rec, const struct lz_limits *l)
{
	struct lz_file_evidence *f = current_file(e);
	struct lz_owned *o;
	void *items;

	if (!f || f->owned_count >= l->packages) {
		rec->code = LZ_E_FORMAT;
		return;
	}
	items = f->owned;
	o = array_push(&e->arena, &items, &f->owned_count, sizeof(*o));
	f->owned = items;
	if (!o)
		return;
	o->package = keep(e, rec, l->field_bytes);
	o->arch = keep(e, rec, l->field_bytes);
	o->list = keep(e, rec, l->record_bytes);
	o->count = (uint32_t)lz_rec_u64(rec);
}

static void take_problem(struct lz_evidence *e, struct lz_rec *rec)
{
	int64_t code = (int64_t)lz_rec_u64(rec);
	struct lz_span path = lz_rec_span(rec, ROOM);
	int64_t offset = (int64_t)lz_rec_u64(rec);
	struct lz_problem *p = lz_vec_push(&e->problems);

	if (!p)
		return;
	p->code = code < 0 && code >= LZ_E_BUG ? (int)code : LZ_E_FORMAT;
	p->path = lz_arena_dup(&e->arena, path);
	p->offset = offset;
	p->text = keep(e, rec, ROOM);
}

static void take_sum(struct lz_rec *rec, char ret[72])
{
	struct lz_span sum = lz_rec_span(rec, 32);

	if (sum.n != 0 && sum.n != 32) {
		rec->code = LZ_E_FORMAT;
		return;
	}
	ret[0] = 0;
	if (sum.n) {
		memcpy(ret, "sha256:", 7);
		for (size_t i = 0; i < 32; i++)
			snprintf(ret + 7 + 2 * i, 3, "%02x", (unsigned char)sum.p[i]);
	}
}

static void take_end(struct lz_evidence *e, struct lz_rec *rec)
{
	e->packed = lz_rec_u64(rec);
	e->unpacked = lz_rec_u64(rec);
	e->entries = lz_rec_u64(rec);
	take_sum(rec, e->digest);
	take_sum(rec, e->diff_id);
	e->ended = true;
}

int lz_evidence_take(struct lz_evidence *e, struct lz_rec *rec, const struct lz_limits *limits,
		     uint64_t *bytes, struct lz_err *err)
{
	int r;

	switch (rec->type) {
	case LZ_REC_PROGRESS:
		*bytes += lz_rec_u64(rec);
		break;
	case LZ_REC_NODE:
		take_node(e, rec, limits);
		break;
	case LZ_REC_PACKAGE:
		take_package(e, rec, limits);
		break;
	case LZ_REC_RELEASE:
		take_release(e, rec, limits);
		break;
	case LZ_REC_OWNED:
		take_owned(e, rec, limits);
		break;
	case LZ_REC_PROBLEM:
		take_problem(e, rec);
		break;
	case LZ_REC_LAYER_END:
		take_end(e, rec);
		break;
	default:
		return lz_fail(err, LZ_E_FORMAT, "the parser sent an unexpected record (type %u)",
			       rec->type);
	}
	if (e->arena.code)
		return lz_fail(err, e->arena.code,
			       "evidence of one layer exceeds %llu bytes (limit evidence_bytes)",
			       (unsigned long long)limits->evidence_bytes);
	if (e->nodes.code || (e->problems.code && e->problems.code != LZ_E_LIMIT))
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	r = lz_rec_end(rec, err);
	if (r) {
		lz_wrap(err, "the parser sent a malformed record (type %u)", rec->type);
		return r;
	}
	return rec->type == LZ_REC_LAYER_END;
}
