/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside sensor/ only: which attach points this kernel takes, found by trying. */
#include "programs.h"

enum lz_point {
	LZ_POINT_FEXIT,
	LZ_POINT_SYS_EXIT,
	LZ_POINT_EXEC,
	LZ_POINT_FORK,
	LZ_POINT_EXIT,
	LZ_POINT_TASKS,
	LZ_POINT_CGROUP_MKDIR,
	LZ_POINT_CGROUP_RMDIR,
	LZ_POINT_CAPABLE,
	LZ_POINT_TCP_STATE,
	LZ_POINT_URING,
	LZ_POINT_ADDRESS,
	LZ_POINT_PACKET,
	LZ_POINTS,
};
_Static_assert(LZ_POINTS == LZ_PROGRAM_ROWS, "a row each");

/* Loads and attaches a program that does nothing. 0, or -errno. *ret_older: where older kernels have
 * it, as the first way is refused. */
int lz_probe_point(enum lz_point p, bool *ret_older);
const char *lz_probe_what(enum lz_point p); /* "containers that begin" */
bool lz_probe_btf(void);
