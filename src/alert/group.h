/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside alert/ only: the tables that grouping remembers in. */
#include "alert.h"

/* A doubly linked list through its members; `next` of the head is the oldest. */
struct lz_link {
	struct lz_link *next, *prev;
};
void lz_link_init(struct lz_link *head);
void lz_link_last(struct lz_link *head, struct lz_link *x); /* behind all others */
void lz_link_out(struct lz_link *x);
static inline bool lz_link_none(const struct lz_link *head)
{
	return head->next == head;
}

/* Members of a table begin with this. */
struct lz_entry {
	struct lz_link used; /* least recently used first */
	struct lz_entry *chain;
	struct lz_span key; /* as long as the entry */
};

/* Unlike lz_map this one forgets, key and all: it lives as long as the program. */
struct lz_table {
	struct lz_entry **heads;
	size_t head_count; /* a power of two */
	size_t n, max;
	struct lz_link used;
};
int lz_table_init(struct lz_table *t, size_t max, struct lz_err *err);
void lz_table_done(struct lz_table *t); /* not its entries */
struct lz_entry *lz_table_get(struct lz_table *t, struct lz_span key);
void lz_table_put(struct lz_table *t, struct lz_entry *e); /* its key is not there yet */
void lz_table_del(struct lz_table *t, struct lz_entry *e);
void lz_table_touch(struct lz_table *t, struct lz_entry *e); /* now the most recently used */
/* NULL when it is empty. */
static inline struct lz_entry *lz_table_oldest(const struct lz_table *t)
{
	return t->n ? (struct lz_entry *)(void *)t->used.next : NULL;
}
