/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside format/ only: what a version order is made of. */
#include "version.h"

struct lz_version_order {
	const char *name;
	const char *(*check)(struct lz_span v);		    /* NULL, or what is wrong with it */
	int (*compare)(struct lz_span a, struct lz_span b); /* both have passed check */
};

extern const struct lz_version_order lz_version_dpkg, lz_version_rpm, lz_version_apk,
	lz_version_alpm;

/* Numbers of any length, as text: leading zeros don't count, empty is 0. */
int lz_digits_cmp(struct lz_span a, struct lz_span b);
/* Takes the digits at the front off *v. */
struct lz_span lz_take_digits(struct lz_span *v);
/* Takes "N:" off *v; false when there is none. */
bool lz_take_epoch(struct lz_span *v, struct lz_span *ret_epoch);
