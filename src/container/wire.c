/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks and answers as records (jail/jail.h), and the role that serves them: one child reads asks
 * from its input until that ends. Both sides check every count and length.
 */
#include "parser.h"

#include "../base/bytes.h"
#include "../base/clean.h"
#include "../base/io.h"

#define RECORD_HEAD 6 /* its length and type */

/* --- asks --- */

static void put_ref(struct lz_rec_out *o, const struct lz_container_ref *r)
{
	lz_rec_put_u64(o, r->runtime);
	lz_rec_put_u64(o, r->uid);
	lz_rec_put_span(o, lz_container_id(r));
	lz_rec_put_span(o, lz_span(r->pod_uid, r->pod_uid_n));
}

void lz_ct_put_ask(struct lz_rec_out *o, const struct lz_meta_ask *ask)
{
	lz_rec_begin(o, LZ_CT_ASK);
	put_ref(o, &ask->ref);
	lz_rec_put_span(o, ask->root);
	lz_rec_put_u64(o, ask->source);
	lz_rec_put_u64(o, ask->keep);
	lz_rec_put_u64(o, ask->known);
	lz_rec_put_u64(o, ask->flags);
	lz_rec_put_span(o, ask->trouble);
	lz_rec_put_span(o, ask->hint);
	lz_rec_put_u64(o, ask->doc_count);
	for (size_t i = 0; i < ask->doc_count; i++) {
		lz_rec_put_u64(o, ask->docs[i].kind);
		lz_rec_put_u64(o, (uint64_t)ask->docs[i].mtime_ns);
		lz_rec_put_span(o, ask->docs[i].bytes);
	}
}

static enum lz_runtime take_runtime(struct lz_rec *rec)
{
	uint64_t r = lz_rec_u64(rec);

	if (r >= LZ_RUNTIME_COUNT)
		rec->code = LZ_E_FORMAT;
	return r < LZ_RUNTIME_COUNT ? (enum lz_runtime)r : LZ_RUNTIME_ANY;
}

static void take_ref(struct lz_rec *rec, struct lz_container_ref *ret)
{
	struct lz_span s;

	memset(ret, 0, sizeof(*ret));
	ret->runtime = take_runtime(rec);
	ret->uid = (uint32_t)lz_rec_u64(rec);
	s = lz_rec_span(rec, sizeof(ret->id));
	ret->id_n = (uint8_t)s.n;
	memcpy(ret->id, s.p, s.n);
	s = lz_rec_span(rec, sizeof(ret->pod_uid));
	ret->pod_uid_n = (uint8_t)s.n;
	memcpy(ret->pod_uid, s.p, s.n);
}

int lz_ct_take_ask(struct lz_rec *rec, struct lz_meta_ask *ret, struct lz_vec *docs,
		   struct lz_err *err)
{
	uint64_t n;

	*ret = (struct lz_meta_ask){.docs = NULL};
	take_ref(rec, &ret->ref);
	ret->root = lz_rec_span(rec, 4096);
	ret->source = take_runtime(rec);
	ret->keep = (unsigned)lz_rec_u64(rec);
	ret->known = (uint32_t)lz_rec_u64(rec);
	ret->flags = (uint32_t)lz_rec_u64(rec);
	ret->trouble = lz_rec_span(rec, sizeof(err->text));
	ret->hint = lz_rec_span(rec, sizeof(err->text));
	n = lz_rec_u64(rec);
	for (uint64_t i = 0; i < n && !rec->code; i++) {
		struct lz_meta_doc *doc = lz_vec_push(docs);
		uint64_t kind = lz_rec_u64(rec);
		if (!doc)
			return lz_fail(err, docs->code, "too many documents, or no memory");
		if (kind >= LZ_META_COUNT)
			rec->code = LZ_E_FORMAT;
		doc->kind = kind < LZ_META_COUNT ? (enum lz_meta_kind)kind : LZ_META_PID;
		doc->mtime_ns = (int64_t)lz_rec_u64(rec);
		doc->bytes = lz_rec_span(rec, LZ_CT_ASK_BYTES);
	}
	ret->docs = docs->p;
	ret->doc_count = docs->n;
	return lz_rec_end(rec, err);
}

/* --- answers --- */

static void put_labels(struct lz_rec_out *o, const struct lz_label *l, size_t n)
{
	lz_rec_put_u64(o, n);
	for (size_t i = 0; i < n; i++) {
		lz_rec_put_span(o, l[i].key);
		lz_rec_put_span(o, l[i].value);
	}
}

void lz_ct_put_answer(struct lz_rec_out *o, const struct lz_container *c)
{
	lz_rec_begin(o, LZ_CT_ANSWER);
	for (size_t i = 0; i < LZ_CT_COUNT; i++)
		lz_rec_put_span(o, c->text[i]);
	put_labels(o, c->labels, c->label_count);
	put_labels(o, c->pod_labels, c->pod_label_count);
	lz_rec_put_u64(o, c->mount_count);
	for (size_t i = 0; i < c->mount_count; i++) {
		lz_rec_put_span(o, c->mounts[i].source);
		lz_rec_put_span(o, c->mounts[i].dest);
		lz_rec_put_span(o, c->mounts[i].mode);
		lz_rec_put_span(o, c->mounts[i].propagation);
		lz_rec_put_u64(o, c->mounts[i].rdwr);
	}
	lz_rec_put_u64(o, c->flags);
	lz_rec_put_u64(o, c->known);
	lz_rec_put_u64(o, c->pid);
	lz_rec_put_u64(o, (uint64_t)c->created_ns);
	lz_rec_put_u64(o, (uint64_t)c->started_ns);
	lz_rec_put_u64(o, (c->complete ? 1 : 0) | (c->cut ? 2 : 0));
	lz_rec_put_span(o, c->why_not);
}

static const size_t text_max[] = {
#define LZ_CONTAINER_X(name, max) max,
	LZ_CONTAINER_TEXTS(LZ_CONTAINER_X)
#undef LZ_CONTAINER_X
};

static uint64_t take_count(struct lz_rec *rec, uint64_t max)
{
	uint64_t n = lz_rec_u64(rec);

	if (n > max)
		rec->code = LZ_E_FORMAT;
	return n > max ? 0 : n;
}

static void take_labels(struct lz_rec *rec, struct lz_vec *v)
{
	uint64_t n = take_count(rec, LZ_CT_LABELS_MAX);

	for (uint64_t i = 0; i < n && !rec->code; i++) {
		struct lz_label *l = lz_vec_push(v);
		if (!l)
			return; /* sticks */
		l->key = lz_rec_span(rec, LZ_CT_LABEL_MAX);
		l->value = lz_rec_span(rec, LZ_CT_LABEL_MAX);
	}
}

static void take_mounts(struct lz_rec *rec, struct lz_vec *v)
{
	uint64_t n = take_count(rec, LZ_CT_MOUNTS_MAX);

	for (uint64_t i = 0; i < n && !rec->code; i++) {
		struct lz_container_mount *m = lz_vec_push(v);
		if (!m)
			return;
		m->source = lz_rec_span(rec, 4096);
		m->dest = lz_rec_span(rec, 4096);
		m->mode = lz_rec_span(rec, 256);
		m->propagation = lz_rec_span(rec, 64);
		m->rdwr = lz_rec_u64(rec) != 0;
	}
}

static void take_numbers(struct lz_rec *rec, struct lz_container *c)
{
	uint64_t said;

	c->flags = (uint32_t)lz_rec_u64(rec);
	c->known = (uint32_t)lz_rec_u64(rec) & (2 * LZ_CONTAINER_SANDBOX - 1);
	c->flags &= c->known;
	c->pid = (uint32_t)lz_rec_u64(rec);
	c->created_ns = (int64_t)lz_rec_u64(rec);
	c->started_ns = (int64_t)lz_rec_u64(rec);
	said = lz_rec_u64(rec);
	c->complete = said & 1;
	c->cut = said & 2;
	c->why_not = lz_rec_span(rec, 480);
}

/* What one container may take is checked once more on this side. */
static struct lz_container *check_and_pack(const struct lz_container *c, struct lz_err *err)
{
	struct lz_container *packed = lz_container_pack(c, err);

	if (packed && lz_container_bytes(packed) > LZ_CT_MEMORY_MAX + sizeof(*c) + 4096) {
		lz_container_unref(packed);
		lz_fail(err, LZ_E_FORMAT, "the parser's answer is larger than a container may be");
		return NULL;
	}
	return packed;
}

struct lz_container *lz_ct_take_answer(struct lz_rec *rec, const struct lz_container_ref *ref,
				       struct lz_err *err)
{
	LZ_CLEAN(vec) struct lz_vec labels, pod_labels, mounts;
	struct lz_container c = {.ref = *ref};

	lz_vec_init(&labels, sizeof(struct lz_label), LZ_CT_LABELS_MAX);
	lz_vec_init(&pod_labels, sizeof(struct lz_label), LZ_CT_LABELS_MAX);
	lz_vec_init(&mounts, sizeof(struct lz_container_mount), LZ_CT_MOUNTS_MAX);
	for (size_t i = 0; i < LZ_CT_COUNT; i++)
		c.text[i] = lz_rec_span(rec, text_max[i]);
	take_labels(rec, &labels);
	take_labels(rec, &pod_labels);
	take_mounts(rec, &mounts);
	take_numbers(rec, &c);
	if (labels.code || pod_labels.code || mounts.code) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	if (lz_rec_end(rec, err)) {
		lz_wrap(err, "the parser's answer");
		return NULL;
	}
	c.labels = labels.p;
	c.label_count = labels.n;
	c.pod_labels = pod_labels.p;
	c.pod_label_count = pod_labels.n;
	c.mounts = mounts.p;
	c.mount_count = mounts.n;
	return check_and_pack(&c, err);
}

/* --- kept --- */

int lz_container_save(struct lz_buf *b, const struct lz_container *c)
{
	struct lz_rec_out o;
	struct lz_limits l;

	lz_limits_default(&l);
	lz_rec_out_init(&o, -1, &l);
	put_ref(&o, &c->ref);
	lz_ct_put_answer(&o, c);
	lz_buf_span(b, lz_buf_view(&o.buf));
	if (o.buf.code && !b->code)
		b->code = o.buf.code;
	lz_rec_out_done(&o);
	return b->code;
}

struct lz_container *lz_container_load(struct lz_span bytes, struct lz_err *err)
{
	struct lz_rec rec = {.rest = bytes};
	struct lz_container_ref ref;

	take_ref(&rec, &ref);
	rec.rest = lz_span_from(rec.rest, RECORD_HEAD);
	return lz_ct_take_answer(&rec, &ref, err);
}

/* --- the role --- */

/* One ask into b: 1, 0 at the end, < 0. */
static int next_ask(int fd, struct lz_buf *b, struct lz_rec *ret, struct lz_err *err)
{
	char head[4];
	size_t n;
	uint32_t want;
	int code = lz_read_full(fd, head, 4, &n, err);

	if (code || n == 0)
		return code;
	want = n == 4 ? lz_le32(head) : 0;
	if (want < 2 || want > LZ_CT_ASK_BYTES)
		return lz_fail(err, LZ_E_FORMAT, "an ask of %u bytes", want);
	lz_buf_clear(b);
	if (lz_buf_reserve(b, want))
		return lz_fail(err, b->code, "out of memory");
	code = lz_read_full(fd, b->p, want, &n, err);
	if (!code && n != want)
		code = lz_fail(err, LZ_E_FORMAT, "an ask is cut off");
	*ret = (struct lz_rec){.type = lz_le16(b->p), .rest = lz_span(b->p + 2, want - 2)};
	return code ? code : 1;
}

static int serve_ask(struct lz_meta *m, struct lz_rec *rec, struct lz_arena *arena,
		     struct lz_rec_out *out, struct lz_err *err)
{
	LZ_CLEAN(vec) struct lz_vec docs;
	struct lz_container c;
	struct lz_meta_ask ask;
	int r;

	lz_vec_init(&docs, sizeof(struct lz_meta_doc), 64);
	r = lz_ct_take_ask(rec, &ask, &docs, err);
	if (!r)
		r = lz_meta_read(m, &ask, arena, &c, err);
	if (!r)
		lz_ct_put_answer(out, &c);
	return r;
}

static int serve_event(struct lz_meta *m, struct lz_rec *rec, struct lz_arena *arena,
		       struct lz_rec_out *out, struct lz_err *err)
{
	struct lz_span line = lz_rec_span(rec, LZ_CT_ASK_BYTES);
	struct lz_meta_event e = {{"", 0}, {"", 0}};

	if (lz_rec_end(rec, err))
		return LZ_E_FORMAT;
	lz_meta_event(m, line, arena, &e, err); /* a broken one is of no interest */
	lz_rec_begin(out, LZ_CT_ANSWER_EVENT);
	lz_rec_put_span(out, e.action);
	lz_rec_put_span(out, e.id);
	return 0;
}

static int run(struct lz_rec *request, int in_fd, const struct lz_limits *limits,
	       struct lz_rec_out *out, struct lz_err *err)
{
	LZ_CLEAN(arena) struct lz_arena arena;
	LZ_CLEAN(buf) struct lz_buf b;
	struct lz_meta m;
	struct lz_rec rec;
	int r = lz_rec_end(request, err);

	lz_arena_init(&arena, 8 * LZ_M);
	lz_buf_init(&b, LZ_CT_ASK_BYTES + 16);
	lz_meta_init(&m, limits);
	while (!r && (r = next_ask(in_fd, &b, &rec, err)) > 0) {
		r = rec.type == LZ_CT_ASK_EVENT ? serve_event(&m, &rec, &arena, out, err)
						: serve_ask(&m, &rec, &arena, out, err);
		if (!r)
			r = lz_rec_commit(out, err);
		if (!r)
			r = lz_rec_flush(out, err);
		lz_arena_done(&arena);
		if (b.cap > LZ_M)
			lz_buf_done(&b);
	}
	lz_meta_done(&m);
	return r;
}

const struct lz_role lz_role_container = {.name = "container", .run = run, .threads = 0};
