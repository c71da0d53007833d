/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * How what a container did is written in a profile, so that the next run of the same program is
 * written the same: process ids, dates, hashes and random names become "*".
 *
 *	/proc/4711/fd                      ──► /proc/ * /fd        (without the blanks)
 *	/tmp/tmp.x3f8kQ/a-2024-01-02       ──► /tmp/tmp.* /a-*-*-*
 *	/a/b/c/d/e/f/g/h                   ──► /a/b/c/d/e/f/ **     six levels, then all below
 *
 * A byte that is unfit for people to read, and a "*" or "?" of the name itself, becomes "?": any one
 * byte. What is made here is met by what it was made of (lz_shape_met). All append to `out` and
 * return its code. Pure.
 */
#include "../base/buf.h"

enum { LZ_SHAPE_DEPTH = 6, LZ_SHAPE_MAX = 4096 };

/* A folder. One that does not begin with "/" is taken as if it did. */
int lz_shape_folder(struct lz_buf *out, struct lz_span path);
/* A program or a socket's file: exact, but for random parts and folders that are a number. */
int lz_shape_program(struct lz_buf *out, struct lz_span path);
/* "tcp example.com 443"; host is a name or an address. */
int lz_shape_destination(struct lz_buf *out, struct lz_span protocol, struct lz_span host,
			 unsigned port);
/* "tcp 80"; ports that the system hands out are one: "tcp 32768-65535". */
int lz_shape_listen(struct lz_buf *out, struct lz_span protocol, unsigned port);

/* Whether the shape stands for other values than itself. */
bool lz_shape_open(struct lz_span shape);
/* A shape of a path: "*" and "?" stay within one level, "**" at the end is any number of them. */
bool lz_shape_met(struct lz_span shape, struct lz_span path);
/* A shape of a destination or a listening port: host may be "*.example.com" or "10.0.0.0/8", port
 * "*", "443" or "8000-8999". */
bool lz_shape_met_end(struct lz_span shape, struct lz_span end);

/* NULL: it is well formed; else what is wrong, for people. */
const char *lz_shape_wrong_path(struct lz_span shape);
const char *lz_shape_wrong_destination(struct lz_span shape);
const char *lz_shape_wrong_listen(struct lz_span shape);
