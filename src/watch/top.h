/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside watch/ only: `lazaret top`, what each container does now. On a terminal a screen that
 * changes and takes keys; else a table of plain text every so often.
 *
 *	events ─► counters per container (top.c) ─┐
 *	/proc  ─► processes, processor time ──────┼─► model ─► text (top_draw.c) ─► terminal
 *	rules  ─► alerts ─────────────────────────┘    ▲
 *	                                          keys ┘ (top_term.c)
 *
 * One thread.
 */
#include "../sensor/programs.h"
#include "engine.h"
#include "watch.h"

struct lz_top;
/* engine outlives it. Takes the terminal, which lz_top_free gives back. */
struct lz_top *lz_top_new(const struct lz_top_options *o, struct lz_engine *engine,
			  struct lz_err *err);
void lz_top_free(struct lz_top *t);
void lz_top_want(struct lz_programs_config *c);
void lz_top_event(struct lz_top *t, const struct lz_seen *e);
void lz_top_alert(struct lz_top *t, const struct lz_alert *a);
/* Keys are taken, and the screen is drawn when it is due. */
void lz_top_tick(struct lz_top *t, uint64_t now_ms, uint64_t lost);
bool lz_top_running(const struct lz_top *t);
