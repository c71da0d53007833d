/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside alert/ only: one output and its thread.
 *
 *	lz_outputs_send ──► waiting ──► (taken whole by the thread) batch ──► kind->write
 *	   never waits       bounded                                    as much as goes, again later
 */
#include "alert.h"
#include "../base/vec.h"

#include <pthread.h>
#include <sys/un.h>

/* Records, one behind the other, each ending with a newline: an alert, or a notice of our own that
 * some were lost. */
struct lz_records {
	struct lz_buf bytes;
	struct lz_vec lens; /* uint32_t: bytes of each */
};
/* What is left of a batch. */
struct lz_batch {
	const char *p;
	const uint32_t *lens;
	size_t count;
};

struct lz_output;
struct lz_output_kind {
	bool json;	/* its form unless said otherwise: it is read by programs */
	bool json_only; /* nothing else makes sense there */
	bool one_line;	/* of text it takes a line for each alert, without time */
	/* what stands behind "name:"; sets o->state */
	int (*open)(struct lz_output *o, struct lz_span rest, struct lz_err *err);
	/* What goes in front of each record; may be NULL. */
	void (*prefix)(struct lz_output *o, struct lz_buf *b, const struct lz_alert *a);
	/* In the thread: *ret_done records have been dealt with, also on failure. LZ_E_CANCELLED:
	 * the reader has gone for good. Other failures are tried again later. */
	int (*write)(struct lz_output *o, const struct lz_batch *b, size_t *ret_done,
		     struct lz_err *err);
	void (*reopen)(struct lz_output *o);	  /* in the thread; may be NULL */
	uint64_t (*waiting)(struct lz_output *o); /* beyond the queue; may be NULL */
	void (*close)(struct lz_output *o);	  /* the thread has ended */
};
extern const struct lz_output_kind lz_output_stdout, lz_output_file, lz_output_syslog,
	lz_output_unix, lz_output_http;

struct lz_output {
	const struct lz_output_kind *kind;
	const struct lz_outputs_options *o;
	char *name;
	void *state;
	enum lz_alert_form form;
	size_t queue_max;
	int stop_fd; /* readable as soon as the thread has to stop: for poll() */

	pthread_t thread;
	bool started;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t work, idle;
	struct lz_records waiting, batch;
	size_t batch_at, batch_byte; /* records and bytes of the batch that are done */
	bool stop, reopen, ended, sleeping, failing;
	uint64_t sent, dropped, notices;
	uint64_t unsaid; /* dropped, and not told yet */
	struct lz_err last;
};

/* --- queue.c --- */
int lz_output_start(struct lz_output *o, struct lz_err *err);
/* A record for the queue, or none; in front of it the notice, which says that `said` alerts were
 * dropped, or none. False: the record was dropped, and counted. */
bool lz_output_put(struct lz_output *o, struct lz_span record, struct lz_span notice,
		   uint64_t said);
void lz_output_free(struct lz_output *o); /* NULL accepted */
/* Called by kinds whose delivery is later than their write. */
void lz_output_sent(struct lz_output *o, uint64_t n);
void lz_output_dropped(struct lz_output *o, uint64_t n, const struct lz_err *why);
void lz_output_trouble(struct lz_output *o, const struct lz_err *why);
bool lz_output_stopping(struct lz_output *o);
/* Waits for fd to become writable. 0; LZ_E_CANCELLED: the output is to stop. */
int lz_output_wait(struct lz_output *o, int fd, struct lz_err *err);
int lz_output_conds(pthread_mutex_t *lock, pthread_cond_t *a, pthread_cond_t *b);
void lz_output_sleep(pthread_cond_t *c, pthread_mutex_t *lock, uint64_t until_ms);
int lz_output_thread(pthread_t *ret, void *(*run)(void *), void *arg);

/* --- local.c --- */
/* Connects to a socket of this machine, of SOCK_STREAM or SOCK_DGRAM, if *fd is -1; the same thread
 * closes it. LZ_E_IO: nobody is there, *fd stays -1. */
int lz_output_connect(int *fd, int type, const struct sockaddr_un *to, struct lz_err *err);
void lz_output_hang_up(int *fd); /* -1 accepted */

/* --- outputs.c --- */
struct lz_output_option {
	const char *name;
	struct lz_span *text; /* or: */
	uint64_t *number, least, most;
};
/* "b=1,c=x", perhaps empty; `format` is understood for all. LZ_E_USAGE says what is known. */
int lz_output_options(struct lz_output *o, struct lz_span text,
		      const struct lz_output_option *options, size_t count, struct lz_err *err);
/* The path in front of the options, fit for the system. */
int lz_output_path(struct lz_output *o, struct lz_span path, char *buf, size_t size,
		   struct lz_err *err);
