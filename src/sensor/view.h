/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One event as rules see it: the fields of rules/field.h answered from the record, the process
 * table, the container and the tables of users and names. Values are made when they are asked for.
 *
 * One thread. What a view hands out is valid until the next lz_view_set.
 */
#include "../container/container.h"
#include "../rules/field.h"
#include "hosts.h"
#include "procs.h"
#include "sockets.h"
#include "users.h"

/* Where the answers come from; all outlive the view. */
struct lz_view_sources {
	struct lz_procs *procs;
	struct lz_users *users;
	struct lz_hosts *hosts;	    /* names seen in DNS answers */
	struct lz_sockets *sockets; /* which end a socket is */
	bool live;		    /* /proc may be asked; false for recordings */
};

/* What a container used lately, and how that compares: watch/workload.h makes it. */
struct lz_stat_values {
	/* each second, since the sample before */
	uint64_t forks, connects, accepts, failed, sent_bytes, received_bytes, overflows;
	uint64_t cpu_percent; /* of one processor */
	uint64_t processes;
	uint64_t new_destinations;	     /* within the last minute */
	uint64_t sent_times, connects_times; /* how often what is usual for its image */
	unsigned has;			     /* LZ_STATS_* */
};

/* What is known of a container's image from what its containers did before. */
struct lz_usual {
	uint64_t age_ns;	/* since the image was first seen */
	uint64_t samples;	/* that its usual figures were made of */
	int64_t destination_ns; /* since the event's destination was first gone to; -1: it has none */
};

struct lz_view_event {
	const struct lz_record *record;
	struct lz_proc *proc;
	const struct lz_container *container; /* NULL: the host, or not known yet */
	bool in_container;
	const char *container_id;	   /* used when container is NULL */
	uint64_t number;		   /* from 1 */
	int64_t wall_ns;		   /* added to boot time: time since 1970 */
	uint64_t first_ns;		   /* boot time of the first event */
	const struct lz_usual *usual;	   /* NULL: nobody keeps count; lz_view_know */
	const struct lz_stat_values *stat; /* of STATS, NULL in a container's first */
};

struct lz_view;
struct lz_view *lz_view_new(const struct lz_view_sources *s, struct lz_err *err);
void lz_view_free(struct lz_view *v);
void lz_view_set(struct lz_view *v, const struct lz_view_event *e);
/* What is usual, for the event at hand; borrowed until the next lz_view_set. */
void lz_view_know(struct lz_view *v, const struct lz_usual *usual,
		  const struct lz_stat_values *stat);
struct lz_watch_event *lz_view_event(struct lz_view *v);

/* The kind of a record for rules: an index of lz_event_kinds, or -1. */
int lz_view_kind(const struct lz_view *v, const struct lz_record *r);
/* Whether a field can ever have a value: every row of lz_fields but those that docs/fields.md
 * marks as never answered. */
bool lz_view_answers(const struct lz_field *f);
/* An io_uring operation: "openat"; NULL: newer than this program. */
const char *lz_uring_name(unsigned operation);
/* Where the event at hand goes: of a connection that this end begins. false: it is none. */
bool lz_view_destination(struct lz_view *v, unsigned char ret_ip[16], unsigned *ret_bytes);
/* A field's first value by its name, for those who are no rules; .p NULL: none. */
struct lz_span lz_view_ask(struct lz_view *v, const char *field);
/* A process's name and arguments, on one line. */
struct lz_span lz_view_line(struct lz_view *v, const struct lz_proc *p);
struct lz_span lz_view_container(struct lz_view *v); /* short id; "host" outside */
const char *lz_cap_name(unsigned number);	     /* "SYS_ADMIN"; NULL: none */
/* Time since 1970 of the event at hand. */
uint64_t lz_view_time(const struct lz_view *v);
