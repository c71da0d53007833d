/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Control groups by number, and which of them are containers. Filled by walking the hierarchy once
 * and by records of kind CGROUP from then on; a number that is not known is looked up through the
 * process that has it.
 *
 * One thread.
 */
#include "../container/container.h"
#include "record.h"

struct lz_group {
	uint64_t id;
	struct lz_container_ref ref; /* meaningful when in_container */
	bool in_container;
	bool gone; /* removed; kept a while for events on their way */
	uint64_t gone_ns;
	char short_id[LZ_CONTAINER_SHORT + 1];
	const struct lz_container *container; /* ours to give back; NULL: not asked yet */
	uint64_t asked_ns;
};

struct lz_groups_table;
/* told(arg, id, known): a group became known (1 host, 2 container) or was forgotten (0). */
struct lz_groups_table *lz_groups_table_new(struct lz_containers *containers,
					    void (*told)(void *arg, uint64_t id, unsigned known),
					    void *arg, struct lz_err *err);
void lz_groups_table_free(struct lz_groups_table *g);

/* The groups there are now. */
int lz_groups_table_walk(struct lz_groups_table *g, struct lz_err *err);
void lz_groups_table_take(struct lz_groups_table *g, const struct lz_record *r);
/* pid: a process of the group, asked where the number is not known; 0: none. Never NULL but
 * without memory. */
struct lz_group *lz_groups_table_find(struct lz_groups_table *g, uint64_t id, uint32_t pid);
/* What is known of its container by now; NULL: the host. Valid until the next call of this table. */
const struct lz_container *lz_groups_table_container(struct lz_groups_table *g, struct lz_group *x,
						     uint64_t now_ns);
/* Forgets what went a while ago. */
void lz_groups_table_purge(struct lz_groups_table *g, uint64_t now_ns);
size_t lz_groups_table_count(const struct lz_groups_table *g);
void lz_groups_table_each(struct lz_groups_table *g, void (*each)(void *arg, struct lz_group *x),
			  void *arg);
