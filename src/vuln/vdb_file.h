/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside vuln/ only: a database file takes its place whole or not at all. It is written beside
 * (PATH.PID.part), synced, and renamed; readers have the old one or the new one. What a killed
 * writer left is swept away by the next.
 */
#include "vuln.h"

struct lz_vdb_file {
	const char *path;
	char *part;
	int fd; /* write here */
};
int lz_vdb_file_begin(struct lz_vdb_file *f, const char *path, struct lz_err *err);
/* `code` < 0: give up, the old file stays. Returns code, or what went wrong at the end. */
int lz_vdb_file_end(struct lz_vdb_file *f, int code, struct lz_err *err);
