/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside watch/ only. */
#include "live.h"

int lz_watch_replay(const struct lz_watch_options *o, struct lz_err *err);
