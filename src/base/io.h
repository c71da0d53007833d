/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Reading and writing whole runs of bytes, and opening files that somebody else may have shaped.
 */
#include "buf.h"
#include "err.h"

#include <sys/types.h>

/* Reads until n bytes or the end; *ret_n says how many. EINTR is retried. */
int lz_read_full(int fd, void *p, size_t n, size_t *ret_n, struct lz_err *err);
/* One read: whatever is there, at most n bytes; *ret_n 0 is the end. EINTR is retried. */
int lz_read_some(int fd, void *p, size_t n, size_t *ret_n, struct lz_err *err);
int lz_pread_full(int fd, void *p, size_t n, uint64_t offset, size_t *ret_n, struct lz_err *err);
int lz_write_full(int fd, const void *p, size_t n, struct lz_err *err);
/* Appends the whole file to b; its maximum bounds it (LZ_E_LIMIT names the path). */
int lz_read_file(const char *path, struct lz_buf *b, struct lz_err *err);
int lz_read_fd(int fd, const char *name, struct lz_buf *b, struct lz_err *err);

/* Makes every folder above the last component of `path`, which is relative to at_fd (AT_FDCWD: the
 * current folder) or absolute. Those that are there stay as they are. */
int lz_make_folders(int at_fd, const char *path, struct lz_err *err);
/* Opens `path` as if `root_fd` were "/" (openat2 RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS), never
 * leaving it, never blocking on a FIFO and never opening a device: anything but a regular file or
 * directory is LZ_E_UNSUPPORTED. Returns the descriptor or a negative code. */
int lz_open_in_root(int root_fd, const char *path, struct lz_err *err);

/* Fault injection for tests: the nth call of the reading and writing functions above from now fails
 * with EIO. 0 switches it off. */
void lz_io_fail_at(unsigned long nth);
