/* SPDX-License-Identifier: Apache-2.0 */
/* Rules over a recording. */
#include "replay.h"

#include "../base/alloc.h"
#include "../base/clock.h"
#include "engine.h"
#include "recording.h"
#include "sink.h"
#include "stats.h"

#include <stdio.h>

#define FINISH_MS 10000

struct replay {
	const struct lz_watch_options *o;
	struct lz_rule_set set;
	struct lz_engine *engine;
	struct lz_sink *sink;
	struct lz_recording_reader *reader;
};

static void on_alert(void *arg, const struct lz_alert *a)
{
	struct replay *r = arg;

	lz_sink_add(r->sink, a);
}

static int play(struct replay *r, struct lz_err *err)
{
	enum lz_chunk type;
	struct lz_span bytes;
	int code = 1;

	while (!lz_cancelled() && lz_sink_alive(r->sink) &&
	       (code = lz_recording_next(r->reader, &type, &bytes, err)) > 0) {
		if (type == LZ_CHUNK_EVENT)
			lz_engine_take(r->engine, bytes);
		else if (lz_engine_known(r->engine, (int)type, bytes, err))
			return lz_wrap(err, "%s", r->o->replay);
	}
	if (code > 0)
		return lz_fail(err, LZ_E_CANCELLED, "stopped before the recording's end");
	return code < 0 ? lz_wrap(err, "%s", r->o->replay) : code;
}

static int start(struct replay *r, struct lz_err *err)
{
	const struct lz_engine_hooks hooks = {.arg = r, .alert = on_alert};
	int code = lz_rule_set_load(r->o->rules, r->o->rule_count, &r->set, err);

	if (code)
		return code;
	r->reader = lz_recording_open(r->o->replay, err);
	r->sink = r->reader ? lz_sink_new(r->o, err) : NULL;
	r->engine = r->sink ? lz_engine_new(r->set.rules, NULL, &hooks, err) : NULL;
	return r->engine ? 0 : err->code;
}

int lz_watch_replay(const struct lz_watch_options *o, struct lz_err *err)
{
	struct replay r = {.o = o};
	struct lz_engine_counts c;
	int code = start(&r, err), sent;

	if (!code)
		code = play(&r, err);
	if (r.engine && r.sink) {
		sent = lz_sink_finish(r.sink, FINISH_MS, code ? NULL : err);
		code = code ? code : sent;
		c = lz_engine_counts(r.engine);
		if (!o->quiet)
			fprintf(stderr, "lazaret: %llu events, %llu hits of %zu rules\n",
				(unsigned long long)c.records, (unsigned long long)c.hits,
				lz_stats_rules(r.set.rules));
		if (!code && c.bad)
			code = lz_fail(err, LZ_E_FORMAT, "%s: %llu events can't be read", o->replay,
				       (unsigned long long)c.bad);
	}
	lz_recording_reader_free(r.reader);
	lz_engine_free(r.engine);
	lz_sink_free(r.sink);
	lz_rule_set_drop(&r.set);
	return code;
}

int lz_watch_run(const struct lz_watch_options *o, struct lz_err *err)
{
	return o->replay ? lz_watch_replay(o, err) : lz_watch_live(o, err);
}
