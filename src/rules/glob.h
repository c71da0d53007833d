/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Globs as fnmatch(3) knows them without flags: * ? [a-z] [!a] [[:alpha:]] \x, and "/" is a
 * character like others. Time is linear in the text, whatever the pattern: all ways to match are
 * followed at once, a bit each. Bytes are bytes; classes and case are those of ASCII.
 *
 * An unterminated "[" stands for itself. A backslash at the end, a range without its end, a name
 * "[.x.]" that is none, or an unknown class matches nothing.
 */
#include "../base/arena.h"

enum { LZ_GLOB_MAX = 4095 }; /* bytes of a pattern that callers accept: a path */

struct lz_glob;

/* Memory is the arena's; NULL when it is out. Patterns of L bytes cost about 256 × L / 8 bytes at
 * most, mostly far less. */
const struct lz_glob *lz_glob_compile(struct lz_arena *arena, struct lz_span pattern, bool nocase);
bool lz_glob_match(const struct lz_glob *g, struct lz_span text);
/* For a pattern that is used once. False, too, for one longer than LZ_GLOB_MAX or without memory. */
bool lz_glob_once(struct lz_span pattern, struct lz_span text, bool nocase);

/* "/a/b" and all below it, component by component, each of which may be a glob. */
struct lz_glob_path;
const struct lz_glob_path *lz_glob_path_compile(struct lz_arena *arena, struct lz_span pattern);
bool lz_glob_path_match(const struct lz_glob_path *p, struct lz_span path);
bool lz_glob_path_once(struct lz_span pattern, struct lz_span path);
