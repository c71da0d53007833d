/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The kernel's ring buffers, read where they lie: several rings as one stream in order of time.
 * One thread.
 */
#include "../base/err.h"
#include "../base/span.h"

struct lz_rings;
struct lz_rings *lz_rings_open(const int *fds, size_t count, struct lz_err *err);
void lz_rings_close(struct lz_rings *r);

/* The oldest record that is whole. 1, 0 (none now); valid until the next call. */
int lz_rings_next(struct lz_rings *r, struct lz_span *ret);
/* Lets the kernel have back what was read. Called by lz_rings_next now and then, and to be called
 * when it said 0. */
void lz_rings_release(struct lz_rings *r);
/* Sleeps until the kernel wakes it (a quarter of a ring is full), another descriptor of `others`
 * is ready, or the time is over. */
void lz_rings_wait(struct lz_rings *r, int timeout_ms);
/* One descriptor that is readable when the kernel woke us: for a loop of the caller's. */
int lz_rings_fd(const struct lz_rings *r);
size_t lz_rings_held(const struct lz_rings *r); /* bytes waiting in all rings */
size_t lz_rings_size(const struct lz_rings *r); /* bytes of all rings */
