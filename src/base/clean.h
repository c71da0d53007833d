/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Handles that close themselves at the end of their scope.
 *
 *	LZ_CLEAN(fd) int fd = open(…);
 *	LZ_CLEAN(buf) struct lz_buf b; lz_buf_init(&b, max);
 *	return lz_take_fd(&fd);      // keep it open after all
 */
#include "alloc.h"
#include "arena.h"
#include "buf.h"
#include "map.h"
#include "vec.h"

#include <stdio.h>
#include <unistd.h>

#define LZ_CLEAN(kind) __attribute__((cleanup(lz_clean_##kind)))

static inline void lz_clean_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
static inline void lz_clean_file(FILE **f)
{
	if (*f)
		fclose(*f);
}
static inline void lz_clean_mem(void *pp)
{
	lz_free(*(void **)pp);
}
static inline void lz_clean_buf(struct lz_buf *b)
{
	lz_buf_done(b);
}
static inline void lz_clean_arena(struct lz_arena *a)
{
	lz_arena_done(a);
}
static inline void lz_clean_vec(struct lz_vec *v)
{
	lz_vec_done(v);
}
static inline void lz_clean_map(struct lz_map *m)
{
	lz_map_done(m);
}
static inline int lz_take_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}
