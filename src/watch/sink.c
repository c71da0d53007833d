/* SPDX-License-Identifier: Apache-2.0 */
#include "sink.h"

#include "../base/alloc.h"
#include "../base/clock.h"

#include <limits.h>

struct lz_sink {
	struct lz_groups *groups; /* NULL: each hit by itself */
	struct lz_outputs *outputs;
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

int lz_sink_due_ms(struct lz_sink *s, uint64_t now_ms)
{
	uint64_t due = s->groups ? lz_groups_due_ms(s->groups, now_ms) : UINT64_MAX;

	if (due == UINT64_MAX)
		return -1;
	due = due > now_ms ? due - now_ms : 0;
	return due > INT_MAX ? INT_MAX : (int)due;
}

void lz_sink_finish(struct lz_sink *s, uint64_t timeout_ms)
{
	if (s->groups)
		lz_groups_flush(s->groups, lz_now_ms());
	lz_outputs_flush(s->outputs, timeout_ms);
}

bool lz_sink_alive(struct lz_sink *s)
{
	return lz_outputs_alive(s->outputs);
}

void lz_sink_reopen(struct lz_sink *s)
{
	lz_outputs_reopen(s->outputs);
}

struct lz_outputs *lz_sink_outputs(struct lz_sink *s)
{
	return s->outputs;
}
