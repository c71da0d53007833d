/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A process as /proc shows it, as a record of the kind that kernel programs write: for hosts that
 * take none. Upper layers and what descriptors are stay unknown.
 */
#include "../base/buf.h"
#include "bpf/event.h"

/* What tells a process's programs apart: it changes with each exec. 0: it has gone. */
struct lz_proc_mark {
	uint64_t start_ns;
	uint64_t program; /* hash of executable and arguments */
};
bool lz_proc_mark(uint32_t pid, struct lz_proc_mark *ret);
/* LZ_EV_EXEC or LZ_EV_TASK; false: it has gone, or b could not take it. `b` is emptied first. */
bool lz_proc_record(uint32_t pid, enum lz_ev_kind kind, struct lz_buf *b);
uint64_t lz_proc_boot_ns(void); /* now */
