/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside jail/ (and its tests): the steps that take everything away from this process. */
#include "../base/err.h"
#include "../base/limits.h"

/* Capabilities, no_new_privs, Landlock, limits. Before threads are started. */
int lz_seal_privileges(const struct lz_limits *l, struct lz_err *err);
/* The system call filter, over all threads. Last. */
int lz_seal_calls(struct lz_err *err);
/* Landlock ABI of this kernel; 0: none. */
int lz_landlock_abi(void);
