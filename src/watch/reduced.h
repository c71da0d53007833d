/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside watch/ only: the source of events where kernel programs can't be had. The kernel tells of
 * forks and execs by itself where it may (process connector: root); else /proc is looked at ten
 * times a second. Only programs that start are seen.
 */
#include "../base/err.h"
#include "../base/span.h"

struct lz_reduced;
struct lz_reduced *lz_reduced_open(struct lz_err *err);
void lz_reduced_close(struct lz_reduced *r);
/* The processes that there are, as tasks: first of all, and after something was missed. */
void lz_reduced_tasks(struct lz_reduced *r, void (*each)(void *arg, struct lz_span record),
		      void *arg);
/* Whether starts or ends were missed since the last ask: the kernel's word came too fast. */
bool lz_reduced_missed(struct lz_reduced *r);
/* Programs that started since the last call, at most that long waited for. */
void lz_reduced_poll(struct lz_reduced *r, int timeout_ms,
		     void (*each)(void *arg, struct lz_span record), void *arg);
const char *lz_reduced_way(const struct lz_reduced *r); /* how it looks, for people */

/* Why kernel programs can't work here, in one sentence with what to do; 0: they may. */
int lz_reduced_why(struct lz_err *err);
/* A failure of loading, in such a sentence. */
void lz_reduced_explain(struct lz_err *err);
