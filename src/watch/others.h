/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside watch/ only: who looks at events beside the rules, in one place, so that the loop (live.c)
 * need not know how many there are: profiles of images, and the view of `lazaret top`.
 *
 * One thread.
 */
#include "profiler.h"
#include "top.h"
#include "watch.h"

struct lz_others;
/* engine outlives it; alert(arg, …) gets what they have to say themselves. */
struct lz_others *lz_others_new(const struct lz_watch_options *o, struct lz_engine *engine,
				lz_alert_sink *alert, void *arg, struct lz_err *err);
void lz_others_free(struct lz_others *x); /* NULL accepted */

/* Adds what the kernel has to send. */
void lz_others_want(const struct lz_others *x, struct lz_programs_config *c);
/* Grows when that has changed. */
unsigned lz_others_turn(const struct lz_others *x);

void lz_others_event(struct lz_others *x, const struct lz_seen *e);
/* What the kernel may pass over from the event seen last on. */
enum lz_settled lz_others_idle(const struct lz_others *x);
/* A rule was met by the event seen last. True: it is shown, and goes nowhere else. */
bool lz_others_alert(struct lz_others *x, struct lz_alert *a);

void lz_others_tick(struct lz_others *x, uint64_t now_ms, uint64_t lost); /* many times a second */
void lz_others_second(struct lz_others *x, uint64_t now_ms);
void lz_others_reload(struct lz_others *x);
bool lz_others_alive(const struct lz_others *x); /* false: whoever looks has had enough */
struct lz_profiler_counts lz_others_counts(const struct lz_others *x);
int lz_others_finish(struct lz_others *x, struct lz_err *err);
