/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Now and then: what each container used up to now, read from /proc and its control group and told
 * as a record of kind STATS of its oldest process. Nothing is read inside of containers. One thread.
 */
#include "cgroups.h"
#include "procs.h"

enum { LZ_SAMPLES_MAX = 2048 /* containers in one round */ };

/* take(arg, record) for each container with a process that lives. */
void lz_sample_containers(struct lz_cgroups *groups, struct lz_procs *procs, uint64_t now_ns,
			  void (*take)(void *arg, struct lz_span record), void *arg);

/* --- texts of the kernel, for tests and fuzzing --- */

/* "lo: …" and the other lines of /proc/PID/net/dev. */
bool lz_sample_net_dev(struct lz_span text, struct lz_ev_stats *ret);
/* The number of a column of /proc/PID/net/snmp and netstat: two lines, names and numbers, that
 * begin with the same word ("Tcp:"). */
bool lz_sample_column(struct lz_span text, const char *group, const char *name, uint64_t *ret);
/* The path of a control group in /proc/PID/cgroup: controller "cpuacct", or "" for version 2. */
struct lz_span lz_sample_group(struct lz_span text, const char *controller);
