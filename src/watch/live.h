/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside watch/ only: the watch over this host. */
#include "watch.h"

int lz_watch_live(const struct lz_watch_options *o, struct lz_err *err);
/* "programs started"; NULL: no such kind (sensor/bpf/event.h). */
const char *lz_event_kind_text(unsigned kind);
