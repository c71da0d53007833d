/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside watch/ only. */
#include "../base/err.h"

/* Gives up, for this process and all threads that it will start, every capability but those that a
 * watch needs: to load kernel programs, to look at processes and at files of runtimes. Not for who
 * has none. */
int lz_rights_keep_few(struct lz_err *err);
