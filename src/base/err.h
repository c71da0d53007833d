/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One way to fail.
 *
 * A function that can fail returns 0 (or a count) or a negative LZ_E_ code, and describes what
 * happened in a struct lz_err that lives on the caller's stack. Nothing is allocated and nothing
 * has to be released. The last parameter may always be NULL. It need not be initialised: it is
 * only written on failure.
 *
 *	return lz_fail(err, LZ_E_FORMAT, "dpkg status, line %u: no version", n);
 *
 * A caller with more to say puts it in front: lz_wrap(err, "layer %s", digest).
 */
#include <stdarg.h>

enum lz_code {
	LZ_OK = 0,
	LZ_E_NOMEM = -1,       /* no memory, or the arena's cap was reached */
	LZ_E_LIMIT = -2,       /* a limit of base/limits.h was reached */
	LZ_E_IO = -3,	       /* the system refused; errno is in .sys */
	LZ_E_FORMAT = -4,      /* bytes that do not follow their format */
	LZ_E_NOTFOUND = -5,    /* what was asked for is not there */
	LZ_E_DENIED = -6,      /* not permitted */
	LZ_E_UNSUPPORTED = -7, /* well formed, but nothing we read */
	LZ_E_DIGEST = -8,      /* bytes differ from their promised digest or size */
	LZ_E_USAGE = -9,       /* wrong arguments */
	LZ_E_STALE = -10,      /* knowledge missing or too old */
	LZ_E_CANCELLED = -11,  /* a signal or the caller stopped the work */
	LZ_E_CRASH = -12,      /* a confined child died */
	LZ_E_BUG = -13,	       /* our own mistake */
};

struct lz_err {
	int code;	/* an enum lz_code */
	int sys;	/* errno at the time, or 0 */
	char text[480]; /* one line, no newline, NUL-terminated, cut if longer */
};

/* Fills err (which may be NULL) and returns code. errno is kept in err->sys for LZ_E_IO. */
int lz_fail(struct lz_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Like lz_fail with LZ_E_IO (LZ_E_NOMEM for ENOMEM, LZ_E_DENIED for EACCES/EPERM, LZ_E_NOTFOUND
 * for ENOENT); appends strerror(errno). */
int lz_fail_errno(struct lz_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "what I was doing: " in front of err's text; returns err->code (LZ_E_BUG if err is NULL,
 * so callers return their own code in that case). */
int lz_wrap(struct lz_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Short name of a code, "limit reached"; for JSON: "limit". Never NULL. */
const char *lz_code_text(int code);
const char *lz_code_name(int code);
