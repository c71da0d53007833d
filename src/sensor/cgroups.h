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

struct lz_cgroup {
	uint64_t id;
	struct lz_container_ref ref; /* meaningful when in_container */
	bool in_container;
	unsigned guesses;
	bool guessed; /* nobody could say what it is: taken for the host's until somebody does */
	bool gone;    /* removed; kept a while for events on their way */
	uint64_t gone_ns;
	char short_id[LZ_CONTAINER_SHORT + 1];
	const struct lz_container *container; /* ours to give back; NULL: not asked yet */
	uint64_t asked_ns;
	/* how its events fare in the kernel, for whoever looks */
	bool throttled;
	uint64_t dropped;
};

struct lz_cgroups;
/* told(arg, id, known): a group became known (1 host, 2 container) or was forgotten (0). */
struct lz_cgroups *lz_cgroups_new(struct lz_containers *containers,
				  void (*told)(void *arg, uint64_t id, unsigned known), void *arg,
				  struct lz_err *err);
void lz_cgroups_free(struct lz_cgroups *g);

/* Tells of each group that is added (c NULL) and of each container that becomes known, so that a
 * recording has it; and takes one back. c is kept (a reference more). */
void lz_cgroups_listen(struct lz_cgroups *g,
		       void (*known)(void *arg, uint64_t id, const struct lz_container *c),
		       void *arg);
void lz_cgroups_put(struct lz_cgroups *g, uint64_t id, const struct lz_container *c);

/* The groups there are now. */
int lz_cgroups_walk(struct lz_cgroups *g, struct lz_err *err);
void lz_cgroups_take(struct lz_cgroups *g, const struct lz_record *r);
/* pid: a process of the group, asked where the number is not known; 0: none. Never NULL but
 * without memory. */
struct lz_cgroup *lz_cgroups_find(struct lz_cgroups *g, uint64_t id, uint32_t pid);
/* What is known of its container by now; NULL: the host. Valid until the next call of this table. */
const struct lz_container *lz_cgroups_container(struct lz_cgroups *g, struct lz_cgroup *x,
						uint64_t now_ns);
/* Forgets what went a while ago. */
void lz_cgroups_purge(struct lz_cgroups *g, uint64_t now_ns);
size_t lz_cgroups_count(const struct lz_cgroups *g);
/* How often a group was asked for that there was no room for: it passes for the host's. */
uint64_t lz_cgroups_refused(const struct lz_cgroups *g);
void lz_cgroups_each(struct lz_cgroups *g, void (*each)(void *arg, struct lz_cgroup *x), void *arg);
