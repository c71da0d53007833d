/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside watch/ only: from hits to outputs, grouped as the options say. One thread. */
#include "watch.h"

struct lz_sink;
struct lz_sink *lz_sink_new(const struct lz_watch_options *o, struct lz_err *err);
/* Nothing is waited for: what can't be sent stays in spools. */
void lz_sink_free(struct lz_sink *s);
void lz_sink_add(void *sink, const struct lz_alert *a); /* an lz_alert_sink */
void lz_sink_tick(struct lz_sink *s, uint64_t now_ms);
/* When the next tick has something to do, ms from now; -1: nothing waits. */
int lz_sink_due_ms(struct lz_sink *s, uint64_t now_ms);
/* All that waits goes out, at most that long. */
void lz_sink_finish(struct lz_sink *s, uint64_t timeout_ms);
bool lz_sink_alive(struct lz_sink *s); /* false: nobody reads any more */
void lz_sink_reopen(struct lz_sink *s);
struct lz_outputs *lz_sink_outputs(struct lz_sink *s);
