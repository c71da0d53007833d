/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside watch/ only: records in, alerts out. The same for the kernel's records and a recording's,
 * so that a replay decides as the watch did.
 *
 * One thread.
 */
#include "../sensor/cgroups.h"
#include "../sensor/view.h"
#include "rule_set.h"
#include "watch.h"

struct lz_engine_counts {
	uint64_t records; /* taken in */
	uint64_t bad;	  /* that could not be read */
	uint64_t matched; /* put to the rules */
	uint64_t hits;	  /* rules met */
	uint64_t lost;	  /* events that did not reach us, as far as told */
	uint64_t unnamed; /* alerts of a container whose runtime said nothing of it */
};

/* An event as the engine understands it; valid during the call. */
struct lz_seen {
	const struct lz_record *record;
	struct lz_proc *proc;
	const struct lz_container *container; /* NULL: the host, or nothing is known of it */
	const struct lz_cgroup *group;	      /* NULL without memory */
	int kind;			      /* for rules: lz_event_kinds */
	struct lz_view *view;		      /* answers for its fields */
};

struct lz_engine_hooks {
	void *arg;
	/* Each event, before the rules; may be NULL. */
	void (*event)(void *arg, const struct lz_seen *e);
	/* A group became known; as cgroups.h has it. May be NULL. */
	void (*group)(void *arg, uint64_t id, unsigned known);
	/* The record met no rule and is about a file; may be NULL. */
	void (*idle)(void *arg, const struct lz_record *r);
	/* A SELFTEST record came. May be NULL. */
	void (*selftest)(void *arg, uint32_t nonce);
	/* What the engine learnt beside events, for a recording: enum lz_chunk. May be NULL. */
	void (*known)(void *arg, int type, struct lz_span bytes);
	lz_alert_sink *alert; /* with arg */
};

struct lz_engine;
/* rules outlive the engine or the next lz_engine_rules. */
/* containers: where runtimes keep what they know; NULL: a replay, nothing outside is asked. */
struct lz_engine *lz_engine_new(const struct lz_rules *rules,
				const struct lz_containers_config *containers,
				const struct lz_engine_hooks *hooks, struct lz_err *err);
void lz_engine_free(struct lz_engine *e);
/* Another rule set; what is known of processes and containers stays. */
int lz_engine_rules(struct lz_engine *e, const struct lz_rules *rules, struct lz_err *err);

/* What is there already: control groups. Live only. */
int lz_engine_walk(struct lz_engine *e, struct lz_err *err);
void lz_engine_take(struct lz_engine *e, struct lz_span record);
/* Added to boot time: time since 1970. */
void lz_engine_clock(struct lz_engine *e, int64_t wall_ns);
/* What a recording says beside events: groups, containers, users (enum lz_chunk). */
int lz_engine_known(struct lz_engine *e, int type, struct lz_span bytes, struct lz_err *err);
/* Events were lost: said in the next alerts. */
void lz_engine_lost(struct lz_engine *e, uint64_t n, const char *kinds);
void lz_engine_purge(struct lz_engine *e, uint64_t now_ns);
/* Records of what each container uses, to be taken like others; nothing where no rule asks. Live. */
void lz_engine_sample(struct lz_engine *e, uint64_t now_ns,
		      void (*take)(void *arg, struct lz_span record), void *arg);
/* Whether some rule could still be met by the way in which the file of this record was opened,
 * whoever does it. dots: the path as it was given may have ".." in it. */
enum lz_matters {
	LZ_MATTERS,
	LZ_MATTERS_NOT_FILE,   /* this file does not */
	LZ_MATTERS_NOT_FOLDER, /* nor any other file of its folder */
};
enum lz_matters lz_engine_matters(struct lz_engine *e, const struct lz_record *r, bool dots);

/* The process at hand and its ancestors, for an alert; valid until the next event. */
void lz_engine_lineage(struct lz_engine *e, struct lz_proc *p, struct lz_alert *a);

struct lz_engine_counts lz_engine_counts(const struct lz_engine *e);
size_t lz_engine_processes(const struct lz_engine *e);
struct lz_cgroups *lz_engine_cgroups(struct lz_engine *e);
struct lz_procs *lz_engine_procs(struct lz_engine *e);
