/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The wall. Hostile bytes are parsed in a child of this same binary that holds nothing but three
 * descriptors:
 *
 *	parent                                       child  (`lazaret --role=NAME`)
 *	  request ─────────── pipe ────────────►  LZ_JAIL_REQUEST_FD   one record
 *	  archive, pipe, …  ── inherited ──────►  LZ_JAIL_INPUT_FD     the hostile bytes
 *	  records ◄────────── pipe ────────────   LZ_JAIL_OUTPUT_FD    the answer
 *
 * Before its first hostile byte the child: closes everything else, drops all capabilities, sets
 * no_new_privs, enters an empty Landlock domain, starts its threads, takes a seccomp allow-list
 * (no open, socket, exec, fork, ptrace; a violation kills), and address-space and CPU limits.
 *
 * A record is  u32 length (of what follows) | u16 type | fields.  A field is written and read in
 * a fixed order: u64, or u32 length + bytes. The parent treats every record as hostile.
 */
#include "../base/buf.h"
#include "../base/err.h"
#include "../base/limits.h"

#include <sys/types.h>

enum { LZ_JAIL_REQUEST_FD = 3, LZ_JAIL_INPUT_FD = 4, LZ_JAIL_OUTPUT_FD = 5 };

/* --- records ------------------------------------------------------------------------------ */

struct lz_rec { /* one received record; borrowed until the next receive */
	uint16_t type;
	struct lz_span rest; /* fields not taken yet */
	int code;	     /* sticky LZ_E_FORMAT: a field was missing or too long */
};
uint64_t lz_rec_u64(struct lz_rec *r);
struct lz_span lz_rec_span(struct lz_rec *r, size_t max_bytes);
/* 0 when every field was there and nothing is left over. */
int lz_rec_end(const struct lz_rec *r, struct lz_err *err);

struct lz_rec_out { /* collects records and writes them to a descriptor in large pieces */
	int fd;
	struct lz_buf buf;
	size_t start; /* of the record being built */
	uint64_t max_record;
};
void lz_rec_out_init(struct lz_rec_out *o, int fd, const struct lz_limits *l);
void lz_rec_out_done(struct lz_rec_out *o); /* releases; does not flush or close */
void lz_rec_begin(struct lz_rec_out *o, uint16_t type);
void lz_rec_put_u64(struct lz_rec_out *o, uint64_t v);
void lz_rec_put_span(struct lz_rec_out *o, struct lz_span s);
/* Ends the record; writes out when 64 KiB have gathered. */
int lz_rec_commit(struct lz_rec_out *o, struct lz_err *err);
int lz_rec_flush(struct lz_rec_out *o, struct lz_err *err);

/* --- parent side --------------------------------------------------------------------------- */

struct lz_child;

/* Starts the binary itself as `role`. input_fd becomes LZ_JAIL_INPUT_FD (borrowed: the caller
 * still closes its own). `request` is one finished record's payload (type + fields) as built by
 * lz_rec_*; see lz_jail_request(). Thread-safe. */
struct lz_child *lz_child_start(const char *role, int input_fd, const struct lz_limits *limits,
				struct lz_span request, struct lz_err *err);
/* 1: a record; 0: the child closed its pipe and exited 0; < 0: malformed or oversized record
 * (LZ_E_FORMAT, the child is killed), or it died (LZ_E_CRASH: "killed by seccomp (SIGSYS)",
 * "out of memory or a limit (SIGKILL)", …) or the user cancelled. */
int lz_child_next(struct lz_child *c, struct lz_rec *ret, struct lz_err *err);
/* The same, but waits until this moment of lz_now_ms() at most: LZ_E_LIMIT, the child is killed.
 * That the user cancelled does not end so short a wait. */
int lz_child_next_by(struct lz_child *c, uint64_t until_ms, struct lz_rec *ret, struct lz_err *err);
/* Processor time and peak memory of the finished child, for --stats and the benchmark. */
struct lz_child_usage {
	uint64_t cpu_ms;
	uint64_t max_rss_bytes;
};
struct lz_child_usage lz_child_usage(const struct lz_child *c);
/* Kills it if it still runs, reaps it, releases. NULL accepted. */
void lz_child_free(struct lz_child *c);

/* Tells lz_child_start how to find this binary when /proc/self/exe will not do (tests). */
void lz_jail_set_binary(const char *path);

/* --- child side ---------------------------------------------------------------------------- */

struct lz_role {
	const char *name;
	/* Runs sealed. Reads in_fd, answers through out. Returns 0, or a negative code with err
	 * filled: the parent then gets a LZ_REC_ERROR record followed by a clean end. */
	int (*run)(struct lz_rec *request, int in_fd, const struct lz_limits *limits,
		   struct lz_rec_out *out, struct lz_err *err);
	unsigned threads; /* how many lz_reader_stage threads it may start */
};

enum {
	LZ_REC_ERROR = 1, /* u64 code, span text */
	LZ_REC_FIRST_FREE = 16
};

/* Called by main() when argv[1] is "--role=NAME": seals the process and runs the role. Never
 * returns. `roles` ends with a NULL name. */
_Noreturn void lz_jail_main(const char *role_name, const struct lz_role *roles);

/* What the wall is made of on this kernel, for `scan --stats` and docs: "seccomp, landlock v5,
 * no capabilities, rlimits". */
const char *lz_jail_describe(void);
