/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside watch/ only: facts of running containers, gathered by image. A container whose image is not
 * known yet gathers for itself until it is. One thread.
 */
#include "../profile/profile.h"
#include "engine.h"

struct lz_learner;
struct lz_learner *lz_learner_new(struct lz_err *err);
void lz_learner_free(struct lz_learner *l);
/* One fact of a container; c may be NULL, id is its short one. */
void lz_learner_add(struct lz_learner *l, struct lz_span id, const struct lz_container *c,
		    const struct lz_fact *f);
/* Whether the container's profile, as far as it is, has the fact. */
bool lz_learner_has(struct lz_learner *l, struct lz_span id, const struct lz_fact *f);

struct lz_learnt {
	size_t images;	   /* profiles that were written */
	size_t nameless;   /* containers whose image never became known */
	uint64_t unlearnt; /* facts that were lost for want of memory */
};
/* Adds what was learnt to the set and writes its files. Goes on when one can't be written; the first
 * failure is returned. */
int lz_learner_save(struct lz_learner *l, struct lz_profiles *to, uint64_t duration_s,
		    struct lz_learnt *ret, struct lz_err *err);
