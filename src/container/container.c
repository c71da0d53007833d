/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container in memory: one block, counted references.
 *
 *	[ refs, size | struct lz_container | labels | pod labels | mounts | all texts ]
 */
#include "parser.h"

#include "../base/alloc.h"

#include <stdatomic.h>

struct block {
	_Atomic unsigned refs;
	size_t bytes;
	struct lz_container c;
	max_align_t data[];
};

static struct block *of(const struct lz_container *c)
{
	return (struct block *)((uintptr_t)c - offsetof(struct block, c));
}

const struct lz_container *lz_container_ref_get(const struct lz_container *c)
{
	atomic_fetch_add_explicit(&of(c)->refs, 1, memory_order_relaxed);
	return c;
}

void lz_container_unref(const struct lz_container *c)
{
	if (c && atomic_fetch_sub_explicit(&of(c)->refs, 1, memory_order_acq_rel) == 1)
		lz_free(of(c));
}

size_t lz_container_bytes(const struct lz_container *c)
{
	return of(c)->bytes;
}

/* Calls `each` for every text of c. */
static void texts(struct lz_container *c, struct lz_label *labels, struct lz_label *pod_labels,
		  struct lz_container_mount *mounts, void (*each)(void *arg, struct lz_span *s),
		  void *arg)
{
	for (size_t i = 0; i < LZ_CT_COUNT; i++)
		each(arg, &c->text[i]);
	for (size_t i = 0; i < c->label_count; i++) {
		each(arg, &labels[i].key);
		each(arg, &labels[i].value);
	}
	for (size_t i = 0; i < c->pod_label_count; i++) {
		each(arg, &pod_labels[i].key);
		each(arg, &pod_labels[i].value);
	}
	for (size_t i = 0; i < c->mount_count; i++) {
		each(arg, &mounts[i].source);
		each(arg, &mounts[i].dest);
		each(arg, &mounts[i].mode);
		each(arg, &mounts[i].propagation);
	}
	each(arg, &c->why_not);
}

static void count(void *arg, struct lz_span *s)
{
	*(size_t *)arg += s->n + (s->n != 0);
}

/* Each ends with a NUL, for debuggers. */
static void copy(void *arg, struct lz_span *s)
{
	char **at = arg;
	char *p = *at;

	if (!s->n) {
		*s = lz_span("", 0);
		return;
	}
	memcpy(p, s->p, s->n);
	p[s->n] = 0;
	*at += s->n + 1;
	*s = lz_span(p, s->n);
}

static void *put_array(char **at, const void *from, size_t n, size_t each)
{
	void *p = *at;

	if (n)
		memcpy(p, from, n * each);
	*at += n * each;
	return p;
}

struct lz_container *lz_container_pack(const struct lz_container *c, struct lz_err *err)
{
	size_t size = c->label_count * sizeof(*c->labels) +
		      c->pod_label_count * sizeof(*c->labels) + c->mount_count * sizeof(*c->mounts);
	struct lz_label *labels, *pod_labels;
	struct lz_container_mount *mounts;
	struct block *b;
	char *at;

	texts((struct lz_container *)(uintptr_t)c, (struct lz_label *)(uintptr_t)c->labels,
	      (struct lz_label *)(uintptr_t)c->pod_labels,
	      (struct lz_container_mount *)(uintptr_t)c->mounts, count, &size);
	b = lz_alloc(sizeof(*b) + size);
	if (!b) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	atomic_init(&b->refs, 1);
	b->bytes = sizeof(*b) + size;
	b->c = *c;
	at = (char *)b->data;
	labels = put_array(&at, c->labels, c->label_count, sizeof(*labels));
	pod_labels = put_array(&at, c->pod_labels, c->pod_label_count, sizeof(*pod_labels));
	mounts = put_array(&at, c->mounts, c->mount_count, sizeof(*mounts));
	texts(&b->c, labels, pod_labels, mounts, copy, &at);
	b->c.labels = labels;
	b->c.pod_labels = pod_labels;
	b->c.mounts = mounts;
	return &b->c;
}

struct lz_container *lz_container_blank(const struct lz_container_ref *ref, struct lz_span why,
					struct lz_err *err)
{
	struct lz_container c = {.ref = *ref, .why_not = why};

	c.type = lz_str(lz_runtime_text(ref->runtime));
	c.pod_uid = lz_span(ref->pod_uid, ref->pod_uid_n);
	return lz_container_pack(&c, err);
}

struct lz_span lz_container_label(const struct lz_label *labels, size_t n, struct lz_span key)
{
	for (size_t i = 0; i < n; i++)
		if (lz_span_eq(labels[i].key, key))
			return labels[i].value;
	return lz_span(NULL, 0);
}
