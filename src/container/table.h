/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside container/ only: the table, and the thread that betters what is in it.
 *
 *	slots[hash] ──► entry ──► entry          by uid and id
 *	oldest ◄──► … ◄──► newest                by last use, for eviction
 */
#include "places.h"

#include <pthread.h>
#include <stdatomic.h>

struct lz_ct_entry {
	struct lz_ct_entry *next;	   /* of the same hash */
	struct lz_ct_entry *older, *newer; /* by last use */
	const struct lz_container *c;
	struct lz_container_ref ref;
	uint64_t gone_ms;  /* to be released then; 0: its group lives */
	uint64_t again_ms; /* to be asked for again then; 0: not */
	unsigned tries;
	bool changed; /* the runtime said so: what comes now replaces even a complete one */
};

struct lz_containers {
	struct lz_containers_config config; /* its texts are ours */
	pthread_mutex_t lock;		    /* of all below but the parsers */
	struct lz_ct_entry **slots;
	size_t slot_count; /* power of two */
	struct lz_ct_entry *oldest, *newest;
	size_t live, bytes;
	uint64_t next_gone_ms; /* no entry is to be released before; 0: none is */
	uint64_t read, asked, evicted;
	pthread_mutex_t front_lock;
	struct lz_parser front; /* of those who get */
	struct lz_parser back;	/* of the thread */
	pthread_t thread;
	bool has_thread;
	int wake; /* eventfd */
	_Atomic bool stop;
	_Atomic uint64_t starts, back_starts; /* of parsers */
};

/* All with the lock held. */
struct lz_ct_entry *lz_ct_find(struct lz_containers *t, const struct lz_container_ref *ref);
void lz_ct_replace(struct lz_containers *t, struct lz_ct_entry *e, const struct lz_container *c);
void lz_ct_purge(struct lz_containers *t, uint64_t now_ms);
void lz_ct_gone(struct lz_containers *t, struct lz_ct_entry *e, uint64_t now_ms);
/* When to ask again after `tries` times; 0: no more. */
uint64_t lz_ct_again(unsigned tries, uint64_t now_ms);

/* --- events.c --- */

void *lz_ct_thread(void *containers);
