/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * System calls that can be watched: a row each. The kernel programs take arguments as the row says;
 * the fields of an event are named by it.
 */
#include "../base/span.h"
#include "bpf/event.h"

#define LZ_CALL_MAX 128

struct lz_call_arg {
	struct lz_span name;
	char kind; /* a letter of calls.c */
};

struct lz_call {
	const char *name;
	int nr;		 /* of the 64-bit table; -1: this machine has none */
	short compat[2]; /* numbers of the 32-bit entry, 0: none */
	enum lz_class class;
	bool ret_fd;
	const char *args; /* "dirfd:F name:A flags:O" */
};

extern const struct lz_call lz_calls[];
extern const size_t lz_call_count;

const struct lz_call *lz_call_by_nr(unsigned nr); /* NULL: not one of ours */
/* Arguments of a row; returns how many. Position is the argument's number. */
size_t lz_call_args(const struct lz_call *c, struct lz_call_arg ret[LZ_EV_ARGS]);
enum lz_how lz_call_how(char kind);

/* An argument as people read it: "O_RDONLY|O_CLOEXEC". Returns the length, 0 when the kind is none
 * that has names. */
size_t lz_call_show(char kind, uint64_t value, char *buf, size_t size);
const char *lz_errno_name(int number); /* "ENOENT"; NULL: unknown */
