/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Fields: what a rule can ask of an event, one row each, and the values that answer. Names and
 * meanings are those of Falco's rule language, so that the community's rules run as they are.
 */
#include "../base/span.h"

enum lz_field_type {
	LZ_FIELD_STRING,
	LZ_FIELD_INT,
	LZ_FIELD_UINT,
	LZ_FIELD_BOOL,
	LZ_FIELD_ENUM, /* a number that has a name: matches by either */
	LZ_FIELD_IP,
	LZ_FIELD_NET, /* an address, compared with networks */
	LZ_FIELD_PORT,
	LZ_FIELD_BYTES,
	LZ_FIELD_LIST, /* of strings */
	LZ_FIELD_TIME, /* nanoseconds */
};
const char *lz_field_type_name(enum lz_field_type t);

enum lz_field_arg {
	LZ_ARG_NONE,
	LZ_ARG_INDEX_OPTIONAL, /* proc.aname[2] */
	LZ_ARG_INDEX,	       /* thread.cgroup-like: a number must be given */
	LZ_ARG_KEY_OPTIONAL,   /* proc.env[HOME] */
	LZ_ARG_KEY,	       /* evt.arg[name], also evt.arg.name */
};

enum lz_field_flag {
	LZ_FIELD_SEVERAL = 1, /* has several values at once; one that matches is enough */
	LZ_FIELD_ENDS = 2,    /* either end of a connection; "!=" asks both */
	LZ_FIELD_PLAIN = 4,   /* neither transformed nor on the right-hand side */
};

struct lz_field {
	const char *name;
	enum lz_field_type type;
	enum lz_field_arg arg;
	unsigned flags;
	const char *help;
};
extern const struct lz_field lz_fields[];
extern const size_t lz_field_count;

/* By name; "evt.arg.path" is the row evt.arg with *ret_arg = "path". NULL: there is none. */
const struct lz_field *lz_field_find(struct lz_span name, struct lz_span *ret_arg);

/* One value. What is set depends on the type: text always for what prints as text; num for
 * numbers, truth values and enums; ip for addresses. */
struct lz_datum {
	struct lz_span text;
	int64_t num;
	unsigned char ip[16];
	unsigned char ip_bytes; /* 4 or 16 */
	bool has_num;
};

/* Reads "10.0.0.1" or "fe80::1" into d->ip; false: it is none. */
bool lz_datum_address(struct lz_span s, struct lz_datum *d);

/* Answers for one event. Returns how many values there are (0: the field has none here, and every
 * comparison with it is false), *ret valid until the next event. */
struct lz_watch_event {
	size_t (*get)(struct lz_watch_event *e, const struct lz_field *f, struct lz_span arg,
		      const struct lz_datum **ret);
};

/* Kinds of events by name: system calls and what else evt.type can say. */
#define LZ_EVENT_KINDS 512
extern const char *const lz_event_kinds[];
extern const size_t lz_event_kind_count;
int lz_event_kind(struct lz_span name); /* index, or -1 */
