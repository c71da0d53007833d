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
/* Logs which outputs fail, end or lose alerts, and which go on again: each once. */
void lz_sink_look(struct lz_sink *s, uint64_t now_ms);
/* All that waits goes out, at most that long. LZ_E_IO: alerts did not get through, now or before;
 * those in a spool, which the next run sends, are none of them, nor what a reader who has gone
 * would have got. */
int lz_sink_finish(struct lz_sink *s, uint64_t timeout_ms, struct lz_err *err);
bool lz_sink_alive(struct lz_sink *s); /* false: nobody reads any more */
void lz_sink_reopen(struct lz_sink *s);
