/* SPDX-License-Identifier: Apache-2.0 */
#include "sink.h"

#include "../base/alloc.h"
#include "../base/clock.h"
#include "../base/log.h"

#define LOSS_SAID_MS 10000

/* What has been said of an output. */
struct said {
	bool failing, ended;
	uint64_t dropped, dropped_ms;
};

struct lz_sink {
	struct lz_groups *groups; /* NULL: each hit by itself */
	struct lz_outputs *outputs;
	struct said *said; /* one for each output */
	bool detail;
};

static void send(void *arg, const struct lz_alert *a)
{
	struct lz_sink *s = arg;

	lz_outputs_send(s->outputs, a);
}

struct lz_sink *lz_sink_new(const struct lz_watch_options *o, struct lz_err *err)
{
	const struct lz_outputs_options out = {.json = o->json,
					       .colour = o->colour,
					       .spool_dir = o->spool_dir,
					       .header_file = o->header_file};
	const struct lz_group_options group = {
		.window_ms = o->group_s > 0 ? (uint64_t)o->group_s * 1000 : 0};
	struct lz_sink *s = lz_alloc(sizeof(*s));
	int code = 0;

	if (!s) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	s->detail = o->detail;
	s->outputs = lz_outputs_new(&out, err);
	if (s->outputs && o->group_s)
		s->groups = lz_groups_new(&group, send, s, err);
	code = !s->outputs || (o->group_s && !s->groups) ? LZ_E_NOMEM : 0;
	for (size_t i = 0; i < o->output_count && !code; i++)
		code = lz_outputs_add(s->outputs, o->outputs[i], err);
	if (!code && !o->output_count && !o->top)
		code = lz_outputs_add(s->outputs, "-", err);
	if (!code) {
		s->said = lz_alloc((lz_outputs_count(s->outputs) + 1) * sizeof(*s->said));
		code = s->said ? 0 : lz_fail(err, LZ_E_NOMEM, "out of memory");
	}
	if (!code)
		return s;
	lz_sink_free(s);
	return NULL;
}

void lz_sink_free(struct lz_sink *s)
{
	if (!s)
		return;
	lz_groups_free(s->groups);
	lz_outputs_free(s->outputs);
	lz_free(s->said);
	lz_free(s);
}

void lz_sink_add(void *sink, const struct lz_alert *a)
{
	struct lz_sink *s = sink;
	char print[LZ_FINGERPRINT_SIZE];
	struct lz_alert with = *a;

	with.detail = s->detail;
	if (s->groups) {
		lz_groups_add(s->groups, &with, lz_now_ms());
		return;
	}
	if (!a->fingerprint.n && !lz_alert_fingerprint(a, print, NULL))
		with.fingerprint = lz_str(print);
	lz_outputs_send(s->outputs, &with);
}

void lz_sink_tick(struct lz_sink *s, uint64_t now_ms)
{
	if (s->groups)
		lz_groups_tick(s->groups, now_ms);
}

/* Lost alerts are said at once, and then at most that often. */
static void look_at_loss(struct said *said, const struct lz_output_stats *s, uint64_t now_ms)
{
	if (s->dropped == said->dropped ||
	    (said->dropped && now_ms - said->dropped_ms < LOSS_SAID_MS))
		return;
	lz_log(LZ_ERROR, "output %s: %llu alerts are lost: %s", s->name,
	       (unsigned long long)s->dropped, s->last.code ? s->last.text : "it does not keep up");
	said->dropped = s->dropped;
	said->dropped_ms = now_ms;
}

static void look_at(struct said *said, const struct lz_output_stats *s, uint64_t now_ms)
{
	if (s->ended && !said->ended)
		lz_log(LZ_WARN, "output %s: its reader has gone", s->name);
	else if (s->failing && !said->failing)
		lz_log(LZ_WARN, "output %s: %s; it is tried again", s->name, s->last.text);
	else if (said->failing && !s->failing && !s->ended)
		lz_log(LZ_WARN, "output %s: it works again", s->name);
	said->failing = s->failing;
	said->ended = s->ended;
	if (!s->ended)
		look_at_loss(said, s, now_ms);
}

void lz_sink_look(struct lz_sink *s, uint64_t now_ms)
{
	struct lz_output_stats stats;

	for (size_t i = 0; i < lz_outputs_count(s->outputs); i++) {
		lz_outputs_stats(s->outputs, i, &stats);
		look_at(&s->said[i], &stats, now_ms);
	}
}

int lz_sink_finish(struct lz_sink *s, uint64_t timeout_ms, struct lz_err *err)
{
	struct lz_output_stats stats;
	int code = 0;

	if (s->groups)
		lz_groups_flush(s->groups, lz_now_ms());
	lz_outputs_flush(s->outputs, timeout_ms);
	for (size_t i = 0; i < lz_outputs_count(s->outputs); i++) {
		uint64_t lost;
		lz_outputs_stats(s->outputs, i, &stats);
		lost = stats.ended ? 0 : stats.dropped + stats.waiting - stats.kept;
		if (stats.kept)
			lz_log(LZ_WARN, "output %s: %llu alerts wait in the spool for the next run",
			       stats.name, (unsigned long long)stats.kept);
		if (lost && !code)
			code = lz_fail(err, LZ_E_IO,
				       "output %s: %llu alerts did not get through: %s", stats.name,
				       (unsigned long long)lost,
				       stats.last.code ? stats.last.text : "it did not keep up");
	}
	return code;
}

bool lz_sink_alive(struct lz_sink *s)
{
	return lz_outputs_alive(s->outputs);
}

void lz_sink_reopen(struct lz_sink *s)
{
	lz_outputs_reopen(s->outputs);
}
