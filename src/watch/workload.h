/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside watch/ only: what each container used lately and what is usual for its image. Fed by the
 * events themselves, so that a replay comes to the same figures.
 *
 *	FORK, connect, FLOW ──► counted for the container, the image learns the destination
 *	STATS (each 5 s)    ──► rates since the sample before, as a multiple of the image's usual
 *
 * One thread. Bounded: past LZ_WORKLOADS_MAX containers or LZ_IMAGES_MAX images the one that was
 * not heard of for longest goes; an image remembers LZ_DESTINATIONS_MAX addresses, the one that was
 * first gone to longest ago making room among those that fall together with the new one.
 */
#include "../sensor/view.h"

enum { LZ_WORKLOADS_MAX = 2048, LZ_IMAGES_MAX = 512, LZ_DESTINATIONS_MAX = 512 };

struct lz_workloads;
struct lz_workload;
struct lz_workloads *lz_workloads_new(struct lz_err *err);
void lz_workloads_free(struct lz_workloads *w);

/* The container's; image may be empty: then it is compared with itself alone. NULL without memory.
 * Valid until the next call of this or of purge. */
struct lz_workload *lz_workloads_find(struct lz_workloads *w, struct lz_span container,
				      struct lz_span image, uint64_t now_ns);
/* Containers of which nothing was heard for ten minutes. */
void lz_workloads_purge(struct lz_workloads *w, uint64_t now_ns);
size_t lz_workloads_count(const struct lz_workloads *w);

void lz_workload_forked(struct lz_workload *x);
/* A connection goes there. How long ago one of this image first did: 0, just now. */
uint64_t lz_workload_goes(struct lz_workload *x, const unsigned char *ip, unsigned bytes,
			  uint64_t now_ns);
void lz_workload_usual(const struct lz_workload *x, uint64_t now_ns, struct lz_usual *ret);
/* Takes a sample. false: it is the container's first, or it came too soon after another: there is
 * nothing to compare it with. */
bool lz_workload_sample(struct lz_workload *x, const struct lz_ev_stats *s, uint64_t now_ns,
			struct lz_stat_values *ret);
