/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The processes of this host, by process id and start time. What a new process shares with its
 * parent (arguments, path) is held once. Those that ended stay for a few seconds, for their
 * children's ancestry and for events still on their way.
 *
 * One thread. Memory is bounded by PROCS_MAX; past it the longest dead go first, then living ones,
 * which are looked up in /proc when they do something.
 */
#include "record.h"

/* Bytes that several processes share. */
struct lz_shared {
	uint32_t refs;
	uint32_t n;
	char p[];
};

/* Whether its program was started in the container that it is in, or by the runtime outside that set
 * the container up. Found by who knows of containers (watch/facts.c), when a program begins. */
enum lz_proc_began { LZ_BEGAN_UNSEEN, LZ_BEGAN_INSIDE, LZ_BEGAN_OUTSIDE };

struct lz_proc {
	struct lz_proc *next; /* of the same hash */
	struct lz_proc *dead_next;
	struct lz_ev_task task;
	struct lz_ev_file exe;
	struct lz_ev_stdio stdio[3];
	struct lz_shared *exe_path, *argv, *env, *cwd; /* NULL: not known */
	uint64_t exec_ns;			       /* since boot; 0: never seen */
	uint64_t ended_ns;			       /* 0: lives */
	uint64_t seen_ns;			       /* its last record, since boot */
	enum lz_proc_began began;
	unsigned exe_flags; /* LZ_PATH_* of its path */
	bool complete;	    /* its arguments were read */
	bool exec_seen;	    /* since the sensor runs */
};

struct lz_procs;
struct lz_procs *lz_procs_new(struct lz_err *err);
void lz_procs_free(struct lz_procs *p);

/* Tells of each process of which something was read from /proc, so that a recording has it; and
 * takes one back: bytes as lz_procs_save made them. */
void lz_procs_listen(struct lz_procs *p, void (*read)(void *arg, const struct lz_proc *x),
		     void *arg);
int lz_procs_save(struct lz_buf *b, const struct lz_proc *x); /* appends; b->code */
int lz_procs_put(struct lz_procs *p, struct lz_span bytes, struct lz_err *err);

/* Takes in FORK, EXEC, EXIT and TASK, and refreshes what heads say of others. Returns the process
 * that the record is about (of FORK: the parent), made from /proc when `live` and unknown; NULL
 * without memory. Valid until the next lz_procs_* call that ends or purges. */
struct lz_proc *lz_procs_take(struct lz_procs *p, const struct lz_record *r, bool live);
/* start_ns 0: the newest of that number. */
struct lz_proc *lz_procs_find(struct lz_procs *p, uint32_t pid, uint64_t start_ns);
/* The parent now: where the one it had ended, whoever took it over. NULL at the root. */
struct lz_proc *lz_procs_parent(struct lz_procs *p, struct lz_proc *child, bool live);
/* Forgets those that ended more than a few seconds before now. */
void lz_procs_purge(struct lz_procs *p, uint64_t now_ns);
/* Behind TASK records of all there are, the first at since_ns: who was not among them has ended,
 * though nobody said so. */
void lz_procs_sweep(struct lz_procs *p, uint64_t since_ns, uint64_t now_ns);
/* A process that lives in the host's own namespaces: the first one, or else the kernel's own first
 * thread. NULL: neither is known. */
const struct lz_proc *lz_procs_host(struct lz_procs *p);
size_t lz_procs_count(const struct lz_procs *p); /* the dead included */
/* Each living one. */
void lz_procs_each(struct lz_procs *p, void (*each)(void *arg, struct lz_proc *proc), void *arg);

/* Whether its executable has no file: it lies in memory only. */
static inline bool lz_proc_from_memory(const struct lz_proc *p)
{
	return (p->exe_flags & LZ_PATH_NO_MOUNT) && p->exe.inode;
}

static inline struct lz_span lz_shared_span(const struct lz_shared *s)
{
	return s ? lz_span(s->p, s->n) : lz_span(NULL, 0);
}
