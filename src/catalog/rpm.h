/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * RPM package databases. Three containers have been in use, all holding the same thing: one header
 * per package. Each container has a walker that works on the whole file in memory and gives the
 * headers it finds to a struct lz_rpm_walk; rpm.c reads the file, picks the walker by magic, and
 * makes packages of headers.
 *
 *	Packages      Berkeley DB hash  rpm_bdb.c
 *	Packages.db   NDB               rpm_ndb.c     ──► header ──► rpm_header.c ──► sink
 *	rpmdb.sqlite  SQLite            rpm_sqlite.c
 */
#include "catalog.h"

/* --- walking a container ---------------------------------------------------------------------- */

struct lz_rpm_walk {
	struct lz_span file;
	/* One header; `blob` lives during the call, `offset` is where it (or its first part) begins
	 * in the file. 0, or a negative code that ends the walk. */
	int (*header)(struct lz_rpm_walk *w, struct lz_span blob, uint64_t offset,
		      struct lz_err *err);
	/* Part of the database can't be read; the walk goes on where it can. */
	int (*problem)(struct lz_rpm_walk *w, int code, uint64_t offset, struct lz_err *err,
		       const char *fmt, ...) __attribute__((format(printf, 5, 6)));
};

/* Each returns 0 when it has come to the end (damage went to `problem`), or the code with which a
 * callback ended the walk, or LZ_E_NOMEM. Time is linear in the size of the file. */
int lz_rpm_bdb(struct lz_rpm_walk *w, struct lz_err *err);
int lz_rpm_ndb(struct lz_rpm_walk *w, struct lz_err *err);
int lz_rpm_sqlite(struct lz_rpm_walk *w, struct lz_err *err);

bool lz_rpm_is_bdb(struct lz_span file);
bool lz_rpm_is_ndb(struct lz_span file);
bool lz_rpm_is_sqlite(struct lz_span file);

/* --- one header ------------------------------------------------------------------------------- */

enum {
	LZ_RPMTAG_NAME = 1000,
	LZ_RPMTAG_VERSION = 1001,
	LZ_RPMTAG_RELEASE = 1002,
	LZ_RPMTAG_EPOCH = 1003,
	LZ_RPMTAG_VENDOR = 1011,
	LZ_RPMTAG_LICENSE = 1014,
	LZ_RPMTAG_ARCH = 1022,
	LZ_RPMTAG_OLDFILENAMES = 1027,
	LZ_RPMTAG_SOURCERPM = 1044,
	LZ_RPMTAG_DIRINDEXES = 1116,
	LZ_RPMTAG_BASENAMES = 1117,
	LZ_RPMTAG_DIRNAMES = 1118,
	LZ_RPMTAG_MODULARITYLABEL = 5096,
};

/* The values of one tag that we read; absent: data.p is NULL. */
struct lz_rpm_value {
	struct lz_span data; /* from its first byte to the end of the header's data */
	uint32_t type, count;
};

struct lz_rpm_header {
	struct lz_rpm_value name, version, release, epoch, vendor, license, arch, oldfilenames,
		sourcerpm, dirindexes, basenames, dirnames, modularitylabel;
};
/* Looks at every index entry and keeps those we know. LZ_E_FORMAT with the offset in the header in
 * *ret_offset when counts, types or offsets don't fit the blob. Spans borrow from blob. */
int lz_rpm_header_read(struct lz_span blob, struct lz_rpm_header *ret, uint64_t *ret_offset,
		       struct lz_err *err);
/* The (first) string of a value; empty when absent. */
struct lz_span lz_rpm_string(const struct lz_rpm_value *v);
/* The first number; false when absent. */
bool lz_rpm_number(const struct lz_rpm_value *v, uint32_t *ret);

/* Takes the strings of an array one by one; false at the end. A value that passed
 * lz_rpm_header_read holds as many as its count says. */
struct lz_rpm_strings {
	struct lz_span rest;
	uint32_t left;
};
struct lz_rpm_strings lz_rpm_strings(const struct lz_rpm_value *v);
bool lz_rpm_strings_next(struct lz_rpm_strings *it, struct lz_span *ret);

/* --- names ------------------------------------------------------------------------------------ */

/* "2:1.0-3"; an epoch of 0 is left away, as rpm does. In the arena. */
struct lz_span lz_rpm_evr(struct lz_arena *a, uint32_t epoch, struct lz_span version,
			  struct lz_span release);
/* Sets p's source and source_version from its source_rpm, or from its own name and version. */
void lz_rpm_source(struct lz_arena *a, struct lz_package *p, uint32_t epoch);
