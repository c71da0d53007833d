/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A parser that has been taken over: what it can still do from behind the wall. Only in builds with
 * -Dhostile=true, and in the wall's own tests.
 */
#include "jail.h"

/* Tries the attack called `name` ("open", "connect", "exec", …). Sends a record of type
 * LZ_REC_FIRST_FREE with "done" when it succeeded, "refused: …" when the kernel said no; most end
 * the process instead. `arg`: a port, where one is needed. LZ_E_USAGE: there is no such attack. */
int lz_hostile_attack(struct lz_span name, uint64_t arg, struct lz_rec_out *out,
		      struct lz_err *err);

/* Role "hostile": request is span name, u64 arg. */
extern const struct lz_role lz_role_hostile;
