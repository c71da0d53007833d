/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rule file, and behind a zero byte an event as JSON. Asserted: what is in error is said with a
 * place inside the file; explaining a rule and matching it agree, and so does what could be met
 * when some of the event is known; an output is one line of good text.
 */
#include "base/buf.h"
#include "base/limits.h"
#include "rules/rules.h"

#include "fuzz.h"

struct hits {
	const struct lz_rule *rules[64];
	size_t n;
};

static void on_hit(void *arg, const struct lz_rule *rule)
{
	struct hits *h = arg;

	if (h->n < 64)
		h->rules[h->n++] = rule;
}

static bool was_hit(const struct hits *h, const struct lz_rule *rule)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->rules[i] == rule)
			return true;
	return h->n == 64;
}

static void check_notes(const struct lz_rules *r, struct lz_span text)
{
	size_t lines = 2;

	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n' || text.p[i] == '\r' || (text.p[i] & 0x80) != 0;
	LZ_VEC_EACH (struct lz_rules_note, n, lz_rules_notes(r)) {
		CHECK(n->text.n && n->code);
		CHECK(n->line <= lines);
	}
}

static enum lz_knowledge knows_all(void *arg, const struct lz_field *f, struct lz_span index)
{
	(void)arg, (void)f, (void)index;
	return true;
}

static enum lz_knowledge knows_some(void *arg, const struct lz_field *f, struct lz_span index)
{
	(void)arg;
	return (f->help[0] + index.n) % 2;
}

/* The same event three times, a second apart, for rules that look at several; half-way what they
 * remember goes over to a new state. */
static void run_event(const struct lz_rules *r, struct lz_matcher *m, struct lz_json_event *j,
		      struct hits *ret)
{
	struct lz_rules_state *old = lz_rules_state_new(r, 16, NULL),
			      *state = lz_rules_state_new(r, 16, NULL);
	int kind = lz_json_event_kind(j);

	for (uint64_t i = 0; i < 3; i++) {
		lz_matcher_use(m, i ? state : old);
		ret->n = 0;
		lz_match_event(m, lz_json_event_of(j), kind, i * 1000000000, on_hit, ret);
		if (!i && old && state)
			lz_rules_state_take(state, old);
	}
	lz_matcher_use(m, NULL);
	lz_rules_state_free(old);
	lz_rules_state_free(state);
}

static void check_rule(struct lz_matcher *m, struct lz_json_event *j, const struct lz_rule *rule,
		       const struct hits *hits)
{
	struct lz_buf out;
	bool met = false;

	lz_buf_init(&out, 16 * LZ_M);
	lz_match_explain(m, lz_json_event_of(j), rule, &out, &met);
	/* Rules are looked at by kind: one that is met for this kind was hit. */
	if (lz_json_event_kind(j) >= 0 && !rule->timing)
		CHECK(met == was_hit(hits, rule));
	if (lz_json_event_kind(j) >= 0 && rule->timing && hits->n < 64)
		CHECK(met || !was_hit(hits, rule));
	lz_buf_clear(&out);
	lz_match_output(m, lz_json_event_of(j), rule, &out);
	lz_buf_done(&out);
}

static void check_event(const struct lz_rules *r, struct lz_span event)
{
	struct lz_json_event *j = lz_json_event_new(event, NULL);
	struct lz_matcher *m = j ? lz_matcher_new(r, NULL) : NULL;
	struct hits hits = {.n = 0};

	if (m)
		run_event(r, m, j, &hits);
	LZ_VEC_EACH (struct lz_rule, rule, lz_rules_all(r))
		if (m && rule->usable && rule->enabled)
			check_rule(m, j, rule, &hits);
	if (m && hits.n) {
		int kind = lz_json_event_kind(j);
		CHECK(lz_match_possible(m, lz_json_event_of(j), kind, knows_all, NULL));
		CHECK(lz_match_possible(m, lz_json_event_of(j), kind, knows_some, NULL));
	}
	lz_matcher_free(m);
	lz_json_event_free(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
	struct lz_span text = lz_span(data, zero ? (size_t)(zero - data) : size);
	struct lz_err err = {0};
	struct lz_rules *r = lz_rules_new(&err);

	CHECK(r);
	if (!checked(lz_rules_add(r, LZ_SPAN("f"), text, &err), &err) &&
	    !checked(lz_rules_compile(r, &err), &err)) {
		check_notes(r, text);
		if (zero)
			check_event(r, lz_span(zero + 1, size - text.n - 1));
	}
	lz_rules_free(r);
	return 0;
}
