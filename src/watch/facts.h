/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside watch/ only: what an event says of its container's habits, as profiles write it
 * (profile/profile.h). One thread.
 */
#include "../profile/profile.h"
#include "../sensor/programs.h"
#include "engine.h"

struct lz_facts {
	struct lz_fact fact;
	/* The same destination by its other names, its address last. */
	struct lz_fact other[LZ_HOST_NAMES];
	size_t others;
};

struct lz_fact_reader;
/* engine outlives it. */
struct lz_fact_reader *lz_fact_reader_new(struct lz_engine *engine, struct lz_err *err);
void lz_fact_reader_free(struct lz_fact_reader *r);

/* Each event, those of the host, too, before it is asked about: notes where programs begin. */
void lz_facts_meet(struct lz_fact_reader *r, const struct lz_seen *e);
/* What of the event belongs in a profile. False: nothing, or it is the doing of who sets the
 * container up from outside (runc): no habit of the image. Valid until the next call. */
bool lz_facts_of(struct lz_fact_reader *r, const struct lz_seen *e, struct lz_facts *ret);
/* What an event of any kind is about, for rules that it meets: also files that are removed, renamed
 * and so on. */
bool lz_facts_about(struct lz_fact_reader *r, const struct lz_seen *e, struct lz_facts *ret);

enum lz_profile_use {
	LZ_PROFILE_UNUSED,
	LZ_PROFILE_JUDGE, /* what is new is told: opens for writing, connections, … */
	LZ_PROFILE_LEARN, /* all that a profile holds */
};
/* Adds what the kernel has to send. */
void lz_facts_want(enum lz_profile_use use, struct lz_programs_config *c);
