/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents of a runtime: the first byte says whose container it is, then for each document a byte
 * for its kind and its bytes up to a NUL. Asserted: what is not complete says why, in one printable
 * line; nothing is longer than its bound; the answer crosses the wire and comes back the same; and
 * bytes that are no answer are refused, not believed.
 */
#include "base/clean.h"
#include "container/parser.h"

#include "fuzz.h"

static const char *const paths[] = {
	"/docker/3f4b0c1d2e5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0",
	"/kubepods/pod1f4c2b1a-77aa-4e2d-9f00-0123456789ab/"
	"3f4b0c1d2e5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0",
	"/machine.slice/"
	"libpod-3f4b0c1d2e5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0.scope",
	"/kubepods.slice/"
	"crio-3f4b0c1d2e5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0.scope",
	"/lxc/web"};
static const enum lz_runtime sources[] = {LZ_RUNTIME_DOCKER, LZ_RUNTIME_CONTAINERD,
					  LZ_RUNTIME_PODMAN, LZ_RUNTIME_CRIO, LZ_RUNTIME_LXC};

static void check_container(const struct lz_container *c)
{
	CHECK(c->complete || c->why_not.n);
	CHECK(!c->cut || c->why_not.n);
	for (size_t i = 0; i < c->why_not.n; i++)
		CHECK(c->why_not.p[i] >= 0x20 && c->why_not.p[i] < 0x7f);
	CHECK(c->type.n);
	CHECK((c->flags & ~c->known) == 0);
	CHECK(c->label_count <= LZ_CT_LABELS_MAX && c->mount_count <= LZ_CT_MOUNTS_MAX);
	CHECK(c->created_ns >= 0 && c->started_ns >= 0);
}

static void check_wire(const struct lz_container *c)
{
	struct lz_rec_out o = {.fd = -1};
	struct lz_container *back;
	struct lz_err err;
	struct lz_rec rec;

	lz_buf_init(&o.buf, 4 * LZ_M);
	lz_ct_put_answer(&o, c);
	CHECK(!o.buf.code);
	CHECK(o.buf.n < 2 * LZ_CT_MEMORY_MAX); /* the record_bytes of the room's child */
	rec = (struct lz_rec){.rest = lz_span(o.buf.p + 6, o.buf.n - 6)};
	back = lz_ct_take_answer(&rec, &c->ref, &err);
	CHECK(back);
	for (size_t i = 0; i < LZ_CT_COUNT; i++)
		CHECK(lz_span_eq(back->text[i], c->text[i]));
	CHECK(back->label_count == c->label_count && back->mount_count == c->mount_count);
	CHECK(lz_span_eq(back->why_not, c->why_not) && back->complete == c->complete);
	CHECK(back->flags == c->flags && back->started_ns == c->started_ns);
	lz_container_unref(back);
	lz_buf_done(&o.buf);
}

static void check_reading(struct lz_span bytes)
{
	LZ_CLEAN(vec) struct lz_vec docs;
	struct lz_container_ref ref = {.id_n = 1};
	struct lz_rec rec = {.rest = bytes};
	struct lz_meta_ask ask;
	struct lz_err err;

	lz_container_unref(lz_ct_take_answer(&rec, &ref, &err));
	rec = (struct lz_rec){.rest = bytes};
	lz_vec_init(&docs, sizeof(struct lz_meta_doc), 64);
	checked(lz_ct_take_ask(&rec, &ask, &docs, &err), &err);
}

static size_t take_docs(struct lz_span rest, struct lz_meta_doc *docs, size_t max)
{
	struct lz_span one;
	size_t n = 0;

	while (rest.n && n < max) {
		lz_span_cut(rest, 0, &one, &rest);
		if (!one.n)
			continue;
		docs[n++] = (struct lz_meta_doc){
			(enum lz_meta_kind)((unsigned char)one.p[0] % LZ_META_COUNT), 1,
			lz_span_from(one, 1)};
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lz_meta_doc docs[16];
	struct lz_meta_ask ask = {.docs = docs, .keep = ~0U, .root = LZ_SPAN("/r")};
	LZ_CLEAN(arena) struct lz_arena arena;
	struct lz_meta_event event;
	struct lz_container c;
	struct lz_limits limits;
	struct lz_err err = {0};
	struct lz_meta m;
	unsigned who;

	lz_arena_init(&arena, 8 * LZ_M);
	if (!size)
		return 0;
	who = data[0] % 5;
	ask.source = sources[who];
	CHECK(lz_container_of_cgroup(lz_str(paths[who]), &ask.ref));
	ask.doc_count = take_docs(lz_span(data + 1, size - 1), docs, 16);
	lz_limits_default(&limits);
	lz_meta_init(&m, &limits);
	if (!checked(lz_meta_read(&m, &ask, &arena, &c, &err), &err)) {
		check_container(&c);
		check_wire(&c);
	}
	lz_meta_event(&m, lz_span(data, size), &arena, &event, &err);
	lz_meta_done(&m);
	check_reading(lz_span(data, size));
	return 0;
}
