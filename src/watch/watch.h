/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The run-time watch: events from the kernel or from a recording, against rules, become alerts.
 *
 *	programs ─► rings ─┐
 *	                   ├─► engine: processes, containers, view ─► rules ─► alerts ─► outputs
 *	recording ─────────┘        └─► recording
 */
#include "../alert/alert.h"
#include "../base/err.h"

enum lz_watch_mode {
	LZ_WATCH_AUTO,	  /* all that this kernel and these rights allow, reduced when need be */
	LZ_WATCH_FULL,	  /* fail where something is missing */
	LZ_WATCH_REDUCED, /* without kernel programs: what /proc shows */
};

/* `lazaret top`: what each container does now, in place of alerts. */
struct lz_top_options {
	bool screen;	     /* standard input and output are a terminal that can be drawn on */
	bool once, colour;   /* once: one table and the end */
	unsigned interval_s; /* between tables, or looks at the processes */
};

#define LZ_PROFILES_FOLDER "/var/lib/lazaret/profiles"

struct lz_watch_options {
	char *const *rules; /* files, or folders whose .yaml and .yml files are taken by name */
	size_t rule_count;
	char *const *outputs; /* as alert/alert.h has them */
	size_t output_count;
	const char *record; /* NULL: don't */
	const char *replay; /* NULL: live */
	bool json, colour;
	bool detail; /* lines for people say what to do, too */
	bool quiet;  /* no words on standard error but problems */
	enum lz_watch_mode mode;
	int group_s;	  /* window of alike alerts; 0: each by itself, -1: the default */
	unsigned stats_s; /* every so often; 0: never */
	const char *header_file, *spool_dir;
	uint64_t rate; /* events a second of one container; 0: no limit */
	size_t ring_bytes;
	const char *docker_socket, *docker_root; /* NULL: where they usually are */
	const char *profiles; /* folder of what images normally do; NULL: LZ_PROFILES_FOLDER */
	uint64_t learn_s;     /* that long they are learnt first; 0: only used */
	const struct lz_top_options *top; /* NULL: alerts go to outputs */
};

/* Runs until a signal, the recording's end, or the last output went. 0; LZ_E_… as its parts. */
int lz_watch_run(const struct lz_watch_options *o, struct lz_err *err);

/* What this machine lets be seen, for people or as JSON. Returns whether all of it is. */
bool lz_watch_doctor(struct lz_buf *out, bool json);
