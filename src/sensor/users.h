/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Names of users and groups: of the host, and of each container's own tables, which are hostile.
 * Tables are read when they are first asked for and kept, and read again when somebody is not in one
 * that has changed; few are held. One thread.
 */
#include "../base/err.h"
#include "../base/span.h"

#include <stdint.h>

struct lz_user {
	struct lz_span name, home, shell; /* empty: not known */
};

struct lz_users;
struct lz_users *lz_users_new(struct lz_err *err);
void lz_users_free(struct lz_users *u);

/* Tells of each table that is read, so that a recording has it; and takes one back. */
void lz_users_listen(struct lz_users *u,
		     void (*read)(void *arg, uint64_t space, struct lz_span passwd,
				  struct lz_span group),
		     void *arg);
void lz_users_put(struct lz_users *u, uint64_t space, struct lz_span passwd, struct lz_span group);

/* `space` tells tables apart (0: the host's); pid: a process whose root holds them, or 0 to only
 * look at what is known already. Valid until the next call. */
bool lz_users_read(struct lz_users *u, uint64_t space, uint32_t pid); /* whether they are known */
bool lz_users_find(struct lz_users *u, uint64_t space, uint32_t pid, uint32_t uid,
		   struct lz_user *ret);
struct lz_span lz_users_group(struct lz_users *u, uint64_t space, uint32_t pid, uint32_t gid);
