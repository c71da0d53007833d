/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside sensor/ only: what /proc says of a process now. Each false or 0 when it has gone. */
#include "../base/buf.h"
#include "../base/span.h"

#include <stdint.h>
#include <sys/types.h>

/* A file below /proc/PID, at most n bytes; -1: it can't be read. */
ssize_t lz_proc_read(uint32_t pid, const char *file, char *buf, size_t n);
/* /proc/PID/status whole, into b, which is empty: a process may have 65,536 groups, whose line stands
 * in front of its capabilities. */
#define LZ_PROC_STATUS_MAX ((size_t)1 << 20)
bool lz_proc_status_text(uint32_t pid, struct lz_buf *b);
/* Number behind a key of /proc/PID/status: "VmRSS:". */
bool lz_proc_status(uint32_t pid, const char *key, uint64_t *ret);
bool lz_proc_fds(uint32_t pid, uint64_t *ret_open, uint64_t *ret_limit);
/* What a descriptor's link says. */
size_t lz_proc_fd_name(uint32_t pid, unsigned fd, char *buf, size_t n);
bool lz_proc_cpu(uint32_t pid, uint64_t *ret_ns);
/* "cpuset=/a memory=/b" */
size_t lz_proc_cgroups(uint32_t pid, char *buf, size_t n);
/* Its parent and when it began, ns since boot. */
bool lz_proc_stat(uint32_t pid, uint32_t *ret_ppid, uint64_t *ret_start_ns);
