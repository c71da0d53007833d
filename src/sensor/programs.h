/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The kernel's side, loaded and attached. What is loaded follows from what rules ask; where the
 * kernel refuses something, the rest goes on and the doctor's rows say what is not seen.
 *
 * One thread. The programs go when the set is freed, or when the process ends.
 */
#include "../base/err.h"
#include "../base/span.h"
#include "bpf/event.h"

enum lz_call_path {
	LZ_PATH_AUTO,
	LZ_PATH_FEXIT,	  /* a program behind each call of interest: others cost nothing */
	LZ_PATH_SYS_EXIT, /* one program behind all calls */
};

struct lz_programs_config {
	enum lz_call_path path;
	/* Per call: mask over classes (event.h) that rules can meet; 0: not watched. */
	uint16_t wanted[LZ_CALLS];
	bool environment;      /* take it at exec */
	bool flows;	       /* TCP connections and conversations by UDP, their bytes */
	bool dns;	       /* questions and answers */
	bool names;	       /* answers: packets that go out need not be looked at for them */
	bool capabilities;     /* first uses */
	uint64_t uring;	       /* bit per io_uring operation to tell of */
	bool discard;	       /* files can be passed over (lz_programs_discard) */
	uint64_t tokens_per_s; /* events a second of one container; 0: no limit */
	size_t ring_bytes;     /* of each ring; a power of two */
	bool trial;	       /* loaded, which is when the kernel says no, and not attached */
};

/* One attach point, for the doctor. */
struct lz_program_row {
	const char *what;    /* "system calls, a program behind each" */
	const char *point;   /* "fexit/__x64_sys_*" */
	const char *without; /* what can't be seen without it */
	bool optional;	     /* something else does its work */
	int error;	     /* errno of the refusal; 0: it works */
};
#define LZ_PROGRAM_ROWS 13
/* Tries each attach point, without leaving anything behind (probe.c). */
void lz_programs_probe(struct lz_program_row ret[LZ_PROGRAM_ROWS]);

struct lz_programs;
/* LZ_E_DENIED: not root; LZ_E_UNSUPPORTED: this kernel can't, the text says why. */
struct lz_programs *lz_programs_load(const struct lz_programs_config *c, struct lz_err *err);
void lz_programs_free(struct lz_programs *p);

/* What was wanted and the kernel refuses: it is not seen, all else is. */
struct lz_program_refused {
	char what[64]; /* "containers that begin", or a call's name */
	int error;     /* errno */
};
size_t lz_programs_refused(const struct lz_programs *p, const struct lz_program_refused **ret);

/* They end; what their rings hold can still be read. */
void lz_programs_detach(struct lz_programs *p);

enum lz_call_path lz_programs_path(const struct lz_programs *p);
/* Descriptors of the rings. */
size_t lz_programs_rings(const struct lz_programs *p, const int **ret_fds);

/* Summed over processors. */
void lz_programs_counts(const struct lz_programs *p, uint64_t ret[LZ_COUNTS]);
/* Lost on each processor; returns how many there are, at most n. */
size_t lz_programs_lost_by_cpu(const struct lz_programs *p, uint64_t *ret, size_t n);
/* Calls that came while the same program already ran on that processor: not seen. */
uint64_t lz_programs_missed(const struct lz_programs *p);
/* What is known of a control group: 1 host, 2 container, 0 forgets it. */
void lz_programs_group(struct lz_programs *p, uint64_t cgroup, unsigned known);
/* Events of a container passed over because it made too many; false: not known. */
bool lz_programs_throttled(const struct lz_programs *p, uint64_t cgroup, uint64_t *ret_dropped,
			   bool *ret_now);
/* From now on events of this kind about this file are passed over; learnt files are forgotten by
 * the second, because a name, a link or a rule changed. */
void lz_programs_discard(struct lz_programs *p, const struct lz_ev_learn *file);
void lz_programs_forget(struct lz_programs *p);
/* Conversations by datagrams in which nobody spoke for that long have ended: a record each. */
void lz_programs_silent(struct lz_programs *p, uint64_t now_ns, uint64_t silent_ns,
			void (*each)(void *arg, struct lz_span record), void *arg);
/* The processes there are, as records of kind TASK; each(arg, record). */
int lz_programs_tasks(struct lz_programs *p, void (*each)(void *arg, struct lz_span record),
		      void *arg, struct lz_err *err);
/* Calls so that a SELFTEST record with this number must come. */
void lz_programs_selftest(uint32_t nonce);

/* Whether the pids controller is a hierarchy of version 1, whose groups then tell containers apart. */
bool lz_cgroup_is_v1(void);
/* Where it, or version 2, is mounted. */
bool lz_cgroup_mount(bool v1, char *buf, size_t size);
