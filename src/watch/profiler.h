/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside watch/ only: profiles of images (profile/profile.h) as a watch learns and uses them.
 *
 *	--learn:  event ─► fact ─► its image's profile ─► files, when the time is over
 *	then:     event ─► fact ─► not in its image's profile ─► alert "Deviation from profile"
 *	          rule hit ─► about something in the profile ─► alert.known
 *
 * One thread.
 */
#include "facts.h"

struct lz_profiler_options {
	const char *folder;
	bool must_exist;  /* somebody named it */
	uint64_t learn_s; /* 0: only use what is there */
	bool quiet;
};

struct lz_profiler;
/* engine outlives it; alert(arg, …) gets deviations. Files that are wrong are told in the log. */
struct lz_profiler *lz_profiler_new(const struct lz_profiler_options *o, struct lz_engine *engine,
				    lz_alert_sink *alert, void *arg, struct lz_err *err);
void lz_profiler_free(struct lz_profiler *p);

/* Each event, before the rules. */
void lz_profiler_see(struct lz_profiler *p, const struct lz_seen *e);
/* Whether the image's profile has what the event seen last is about. */
bool lz_profiler_known(struct lz_profiler *p);
/* Of what more would teach or tell nothing, so that the kernel may pass over it. */
enum lz_settled {
	LZ_SETTLED_NOTHING,
	LZ_SETTLED_FILE,   /* more openings of the file seen last */
	LZ_SETTLED_FOLDER, /* and of other files of its folder */
};
enum lz_settled lz_profiler_settled(const struct lz_profiler *p);

/* About each second. When learning is over its files are written. */
void lz_profiler_tick(struct lz_profiler *p, uint64_t now_ms);
/* Files that changed are read again. */
void lz_profiler_reload(struct lz_profiler *p);
/* Grows when what is wanted, or what is settled, may have changed. */
unsigned lz_profiler_turn(const struct lz_profiler *p);
enum lz_profile_use lz_profiler_use(const struct lz_profiler *p);
/* At the end: what was learnt so far is written. */
int lz_profiler_finish(struct lz_profiler *p, struct lz_err *err);

struct lz_profiler_counts {
	size_t profiles;
	uint64_t deviations, held; /* told; too many to be told */
	uint64_t unjudged;	   /* facts of containers whose image was not known */
};
struct lz_profiler_counts lz_profiler_counts(const struct lz_profiler *p);
