/* SPDX-License-Identifier: Apache-2.0 */
#include "others.h"

#include "../base/alloc.h"

struct lz_others {
	struct lz_profiler *profiler; /* NULL: there is a top */
	struct lz_top *top;	      /* NULL: nobody looks */
};

struct lz_others *lz_others_new(const struct lz_watch_options *o, struct lz_engine *engine,
				lz_alert_sink *alert, void *arg, struct lz_err *err)
{
	const struct lz_profiler_options p = {.folder = o->profiles ? o->profiles
								    : LZ_PROFILES_FOLDER,
					      .must_exist = o->profiles != NULL,
					      .learn_s = o->learn_s,
					      .quiet = o->quiet};
	struct lz_others *x = lz_alloc(sizeof(*x));

	if (!x) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	if (o->top)
		x->top = lz_top_new(o->top, engine, err);
	else
		x->profiler = lz_profiler_new(&p, engine, alert, arg, err);
	if (x->top || x->profiler)
		return x;
	lz_free(x);
	return NULL;
}

void lz_others_free(struct lz_others *x)
{
	if (!x)
		return;
	lz_profiler_free(x->profiler);
	lz_top_free(x->top);
	lz_free(x);
}

void lz_others_want(const struct lz_others *x, struct lz_programs_config *c)
{
	if (x->profiler)
		lz_facts_want(lz_profiler_use(x->profiler), c);
	if (x->top)
		lz_top_want(c);
}

unsigned lz_others_turn(const struct lz_others *x)
{
	return x->profiler ? lz_profiler_turn(x->profiler) : 0;
}

void lz_others_event(struct lz_others *x, const struct lz_seen *e)
{
	if (x->profiler)
		lz_profiler_see(x->profiler, e);
	if (x->top)
		lz_top_event(x->top, e);
}

enum lz_settled lz_others_idle(const struct lz_others *x)
{
	return x->profiler ? lz_profiler_settled(x->profiler) : LZ_SETTLED_FOLDER;
}

bool lz_others_alert(struct lz_others *x, struct lz_alert *a)
{
	if (x->profiler)
		a->known = lz_profiler_known(x->profiler);
	if (x->top)
		lz_top_alert(x->top, a);
	return x->top != NULL;
}

void lz_others_tick(struct lz_others *x, uint64_t now_ms, uint64_t lost)
{
	if (x->top)
		lz_top_tick(x->top, now_ms, lost);
}

void lz_others_second(struct lz_others *x, uint64_t now_ms)
{
	if (x->profiler)
		lz_profiler_tick(x->profiler, now_ms);
}

void lz_others_reload(struct lz_others *x)
{
	if (x->profiler)
		lz_profiler_reload(x->profiler);
}

bool lz_others_alive(const struct lz_others *x)
{
	return !x->top || lz_top_running(x->top);
}

struct lz_profiler_counts lz_others_counts(const struct lz_others *x)
{
	return x->profiler ? lz_profiler_counts(x->profiler) : (struct lz_profiler_counts){0};
}

int lz_others_finish(struct lz_others *x, struct lz_err *err)
{
	return x->profiler ? lz_profiler_finish(x->profiler, err) : 0;
}
