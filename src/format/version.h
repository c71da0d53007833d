/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Version orders. One file per scheme, one row per scheme in one table.
 */
#include "../base/err.h"
#include "../base/span.h"

enum lz_version_scheme {
	LZ_VER_DPKG,
	LZ_VER_RPM,
	LZ_VER_APK,
	LZ_VER_ALPM, /* rpmvercmp as pacman varies it */
	LZ_VER_COUNT,
};

/* *ret_cmp < 0, 0 or > 0. LZ_E_FORMAT when the scheme can't parse one of them (never a guess);
 * the error quotes it. Versions longer than 1,024 bytes are LZ_E_LIMIT. */
int lz_version_cmp(enum lz_version_scheme scheme, struct lz_span a, struct lz_span b, int *ret_cmp,
		   struct lz_err *err);
/* 0 when the scheme can parse v. */
int lz_version_check(enum lz_version_scheme scheme, struct lz_span v, struct lz_err *err);
const char *lz_version_scheme_name(enum lz_version_scheme s); /* "dpkg" "rpm" "apk" "alpm" */
bool lz_version_scheme_parse(struct lz_span name, enum lz_version_scheme *ret);
