/* SPDX-License-Identifier: Apache-2.0 */
#include "group.h"

#include "../base/alloc.h"
#include "../base/map.h"

void lz_link_init(struct lz_link *head)
{
	head->next = head->prev = head;
}

void lz_link_last(struct lz_link *head, struct lz_link *x)
{
	x->prev = head->prev;
	x->next = head;
	head->prev->next = x;
	head->prev = x;
}

void lz_link_out(struct lz_link *x)
{
	x->prev->next = x->next;
	x->next->prev = x->prev;
	x->next = x->prev = x;
}

int lz_table_init(struct lz_table *t, size_t max, struct lz_err *err)
{
	size_t heads = 16;

	while (heads < max && heads < (size_t)1 << 24)
		heads *= 2;
	*t = (struct lz_table){.head_count = heads, .max = max};
	lz_link_init(&t->used);
	t->heads = lz_alloc(heads * sizeof(struct lz_entry *));
	return t->heads ? 0 : lz_fail(err, LZ_E_NOMEM, "out of memory");
}

void lz_table_done(struct lz_table *t)
{
	lz_free(t->heads);
	t->heads = NULL;
}

static struct lz_entry **place(struct lz_table *t, struct lz_span key)
{
	struct lz_entry **e = &t->heads[lz_hash(key) & (t->head_count - 1)];

	while (*e && !lz_span_eq((*e)->key, key))
		e = &(*e)->chain;
	return e;
}

struct lz_entry *lz_table_get(struct lz_table *t, struct lz_span key)
{
	return *place(t, key);
}

void lz_table_put(struct lz_table *t, struct lz_entry *e)
{
	*place(t, e->key) = e;
	e->chain = NULL;
	lz_link_last(&t->used, &e->used);
	t->n++;
}

void lz_table_del(struct lz_table *t, struct lz_entry *e)
{
	struct lz_entry **at = place(t, e->key);

	*at = e->chain;
	lz_link_out(&e->used);
	t->n--;
}

void lz_table_touch(struct lz_table *t, struct lz_entry *e)
{
	lz_link_out(&e->used);
	lz_link_last(&t->used, &e->used);
}
