/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules that look at several events: timelines by hand, then timelines made at random against the
 * definition itself, which keeps all that happened and looks through it each time.
 */
#include "test.h"

#include "rules/rules.h"

#include "base/limits.h"

#define SECOND 1000000000ULL

static unsigned seed = 20261127;

static unsigned any(unsigned below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % below;
}

/* --- a rule set at work --- */

struct work {
	struct lz_rules *r;
	struct lz_matcher *m;
	struct lz_rules_state *s;
};

static struct lz_rules *load(const char *text)
{
	struct lz_err err = {0};
	struct lz_rules *r = lz_rules_new(&err);

	assert_non_null(r);
	assert_ok(lz_rules_add(r, LZ_SPAN("t.yaml"), lz_str(text), &err), err);
	assert_ok(lz_rules_compile(r, &err), err);
	return r;
}

static struct work start(const char *text, size_t keys)
{
	struct work w = {.r = load(text)};

	LZ_VEC_EACH (struct lz_rules_note, n, lz_rules_notes(w.r))
		if (n->error)
			fail_msg("%u:%u: %.*s", n->line, n->column, LZ_FMT(n->text));
	w.m = lz_matcher_new(w.r, NULL);
	w.s = lz_rules_state_new(w.r, keys, NULL);
	assert_non_null(w.m);
	assert_non_null(w.s);
	lz_matcher_use(w.m, w.s);
	return w;
}

static void stop(struct work *w)
{
	lz_rules_state_free(w->s);
	lz_matcher_free(w->m);
	lz_rules_free(w->r);
}

static void on_hit(void *arg, const struct lz_rule *rule)
{
	(void)rule;
	++*(unsigned *)arg;
}

/* An event of fields, name and value in turn, at a time in milliseconds. */
static unsigned event(struct work *w, uint64_t ms, const char *fields)
{
	struct lz_err err = {0};
	struct lz_json_event *j = lz_json_event_new(lz_str(fields), &err);
	unsigned hits = 0;

	if (!j)
		fail_msg("%s: %s", fields, err.text);
	lz_match_event(w->m, lz_json_event_of(j), lz_json_event_kind(j), ms * SECOND / 1000, on_hit,
		       &hits);
	lz_json_event_free(j);
	return hits;
}

#define HEAD	 "- rule: r\n  desc: d\n  priority: INFO\n  output: o\n"
#define OPEN(id) "{\"evt.type\":\"open\",\"container.id\":\"" id "\"}"
#define CONNECT(id, ip) \
	"{\"evt.type\":\"connect\",\"container.id\":\"" id "\",\"fd.sip\":\"" ip "\"}"
#define EXEC(id, name) \
	"{\"evt.type\":\"execve\",\"container.id\":\"" id "\",\"proc.name\":\"" name "\"}"

/* --- by hand --- */

static void test_count(void **state)
{
	struct work w = start(HEAD "  condition: evt.type=open\n  count: 3\n  within: 10s\n", 100);

	(void)state;
	assert_int_equal(event(&w, 0, OPEN("a")), 0);
	assert_int_equal(event(&w, 1000, OPEN("a")), 0);
	assert_int_equal(event(&w, 2000, OPEN("b")), 0); /* counts for itself */
	assert_int_equal(event(&w, 3000, CONNECT("a", "::1")), 0);
	assert_int_equal(event(&w, 10000, OPEN("a")), 1); /* 10 s is within 10 s */
	assert_int_equal(event(&w, 10001, OPEN("a")), 0); /* anew */
	assert_int_equal(event(&w, 10002, OPEN("a")), 0);
	assert_int_equal(event(&w, 20002, OPEN("a")), 0); /* 10001 is too long ago by 1 ms */
	assert_int_equal(event(&w, 20003, OPEN("a")), 0); /* 10002 too */
	assert_int_equal(event(&w, 20004, OPEN("a")), 1);
	assert_int_equal(event(&w, 19000, OPEN("c")), 0);
	assert_int_equal(event(&w, 18000, OPEN("c")), 0); /* time goes back: taken as 19000 */
	assert_int_equal(event(&w, 29000, OPEN("c")), 1);
	stop(&w);
}

static void test_distinct(void **state)
{
	struct work w = start(HEAD "  condition: evt.type=connect\n  count: 3\n  within: 1m\n"
				   "  by: [container.id, user.uid]\n  distinct: fd.sip\n",
			      100);

	(void)state;
	assert_int_equal(event(&w, 0, CONNECT("a", "10.0.0.1")), 0);
	assert_int_equal(event(&w, 1, CONNECT("a", "10.0.0.1")), 0);
	assert_int_equal(event(&w, 2, CONNECT("a", "10.0.0.2")), 0);
	assert_int_equal(event(&w, 3, "{\"evt.type\":\"connect\",\"container.id\":\"a\"}"), 0);
	assert_int_equal(event(&w, 4, CONNECT("b", "10.0.0.3")), 0);
	assert_int_equal(event(&w, 5, CONNECT("a", "10.0.0.3")), 1);
	/* a value seen again stays longer */
	assert_int_equal(event(&w, 100000, CONNECT("a", "10.0.0.1")), 0);
	assert_int_equal(event(&w, 110000, CONNECT("a", "10.0.0.2")), 0);
	assert_int_equal(event(&w, 150000, CONNECT("a", "10.0.0.1")), 0);
	assert_int_equal(event(&w, 170001, CONNECT("a", "10.0.0.3")), 0); /* .2 is gone */
	assert_int_equal(event(&w, 170002, CONNECT("a", "10.0.0.4")), 1);
	stop(&w);
}

#define STEPS                                   \
	HEAD "  within: 10s\n  sequence:\n"     \
	     "    - condition: shells\n"        \
	     "    - condition: evt.type=open\n" \
	     "    - condition: evt.type=connect\n"

static void test_sequence(void **state)
{
	struct work w = start(
		"- macro: shells\n  condition: evt.type=execve and proc.name=sh\n" STEPS, 100);

	(void)state;
	assert_int_equal(event(&w, 0, CONNECT("a", "::1")), 0); /* out of order */
	assert_int_equal(event(&w, 1, OPEN("a")), 0);
	assert_int_equal(event(&w, 2, EXEC("a", "sh")), 0);
	assert_int_equal(event(&w, 3, OPEN("b")), 0); /* elsewhere */
	assert_int_equal(event(&w, 4, CONNECT("a", "::1")), 0);
	assert_int_equal(event(&w, 5, EXEC("a", "ls")), 0); /* in between */
	assert_int_equal(event(&w, 6, OPEN("a")), 0);
	assert_int_equal(event(&w, 10002, CONNECT("a", "::1")), 1);
	assert_int_equal(event(&w, 10003, CONNECT("a", "::1")), 0); /* anew */
	/* too late by 1 ms; a later beginning saves it */
	assert_int_equal(event(&w, 20000, EXEC("a", "sh")), 0);
	assert_int_equal(event(&w, 20001, OPEN("a")), 0);
	assert_int_equal(event(&w, 30001, CONNECT("a", "::1")), 0);
	assert_int_equal(event(&w, 40000, EXEC("a", "sh")), 0);
	assert_int_equal(event(&w, 44000, EXEC("a", "sh")), 0);
	assert_int_equal(event(&w, 45000, OPEN("a")), 0);
	assert_int_equal(event(&w, 54000, CONNECT("a", "::1")), 1);
	stop(&w);
}

/* An event is one step, even when it meets two; the one that ends a sequence begins no other. */
static void test_sequence_of_same(void **state)
{
	struct work w = start(HEAD "  within: 10s\n  by: user.name\n  sequence:\n"
				   "    - condition: evt.type=open\n"
				   "    - condition: evt.type in (open, connect)\n",
			      100);

	(void)state;
	assert_int_equal(event(&w, 0, OPEN("a")), 0);
	assert_int_equal(event(&w, 1, OPEN("a")), 1);
	assert_int_equal(event(&w, 2, OPEN("a")), 0);
	assert_int_equal(event(&w, 3, CONNECT("b", "::1")), 1); /* no user: all alike */
	stop(&w);
}

static void test_without_state(void **state)
{
	struct work w = start(HEAD "  condition: evt.type=open\n  count: 1\n  within: 1s\n", 10);

	(void)state;
	assert_int_equal(event(&w, 0, OPEN("a")), 1);
	assert_int_equal(event(&w, 0, OPEN("a")), 1);
	lz_matcher_use(w.m, NULL);
	assert_int_equal(event(&w, 0, OPEN("a")), 0);
	stop(&w);
}

static void test_eviction(void **state)
{
	struct work w = start(HEAD "  condition: evt.type=open\n  count: 2\n  within: 10s\n", 16);
	struct lz_rules_state_counts c;

	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		char text[100];
		snprintf(text, sizeof(text), "{\"evt.type\":\"open\",\"container.id\":\"%u\"}", i);
		assert_int_equal(event(&w, i, text), 0);
	}
	c = lz_rules_state_count(w.s);
	assert_int_equal(c.keys, 16);
	assert_int_equal(c.evicted, 0);
	assert_int_equal(event(&w, 20, OPEN("0")), 1); /* it was there, and is used up */
	assert_int_equal(event(&w, 21, OPEN("x")), 0);
	assert_int_equal(event(&w, 22, OPEN("y")), 0); /* "1" goes */
	c = lz_rules_state_count(w.s);
	assert_int_equal(c.keys, 16);
	assert_int_equal(c.evicted, 1);
	assert_int_equal(event(&w, 23, OPEN("1")), 0); /* "2" goes */
	assert_int_equal(event(&w, 24, OPEN("3")), 1);
	assert_int_equal(event(&w, 25, OPEN("1")), 1);
	/* What is too old to count is no loss when it goes. */
	for (unsigned i = 0; i < 16; i++) {
		char text[100];
		snprintf(text, sizeof(text), "{\"evt.type\":\"open\",\"container.id\":\"n%u\"}", i);
		assert_int_equal(event(&w, 60000 + i, text), 0);
	}
	assert_int_equal(lz_rules_state_count(w.s).evicted, 2);
	stop(&w);
}

/* --- hot reload --- */

#define OTHER                                                                                  \
	"- rule: other\n  desc: d\n  priority: INFO\n  output: o\n  condition: evt.type=dns\n" \
	"  count: 2\n  within: 10s\n"

static void test_reload(void **state)
{
	static const char same[] = OTHER HEAD
		"  condition: evt.type=open\n  count: 2\n  within: 10s\n",
			  changed[] = HEAD
			  "  condition: evt.type=open\n  count: 2\n  within: 11s\n";
	struct work old =
		start(HEAD "  condition: evt.type=open\n  count: 2\n  within: 10s\n", 100);
	struct work kept = start(same, 100), fresh = start(changed, 100);

	(void)state;
	assert_int_equal(event(&old, 0, OPEN("a")), 0);
	assert_int_equal(lz_rules_state_take(fresh.s, old.s), 0);
	assert_int_equal(event(&fresh, 1, OPEN("a")), 0);
	assert_int_equal(lz_rules_state_take(kept.s, old.s), 1);
	stop(&old);
	assert_int_equal(event(&kept, 1, OPEN("a")), 1);
	stop(&kept);
	stop(&fresh);
}

static void test_overrides(void **state)
{
	struct work w = start(HEAD "  condition: evt.type=open\n"
				   "- rule: r\n  count: 2\n  within: 1s\n"
				   "  override: {count: replace, within: replace}\n",
			      100);

	(void)state;
	assert_int_equal(event(&w, 0, OPEN("a")), 0);
	assert_int_equal(event(&w, 1, OPEN("a")), 1);
	stop(&w);
	/* Defined anew, nothing of the old stays. */
	w = start(STEPS "- macro: shells\n  condition: evt.type=execve\n" HEAD
			"  condition: evt.type=open\n",
		  100);
	assert_int_equal(event(&w, 0, OPEN("a")), 1);
	stop(&w);
}

/* --- what the rest of the program is told --- */

static enum lz_knowledge knows_none(void *arg, const struct lz_field *f, struct lz_span index)
{
	(void)arg, (void)f, (void)index;
	return false;
}

static void test_steps_are_rules(void **state)
{
	uint64_t kinds[LZ_EVENT_KINDS / 64];
	int open = lz_event_kind(LZ_SPAN("open")), exec = lz_event_kind(LZ_SPAN("execve"));
	struct work w =
		start("- macro: shells\n  condition: evt.type=execve and proc.name=sh\n" STEPS
		      "  by: fd.sip\n",
		      100);
	struct lz_json_event *j = lz_json_event_new(LZ_SPAN("{}"), NULL);

	(void)state;
	assert_non_null(j);
	lz_rules_kinds(w.r, kinds);
	assert_true(kinds[open / 64] >> open % 64 & 1);
	assert_true(kinds[exec / 64] >> exec % 64 & 1);
	assert_true(lz_rules_asks(w.r, "proc.name"));
	assert_true(lz_rules_asks(w.r, "fd.sip"));
	assert_false(lz_rules_asks(w.r, "container.id"));
	assert_true(lz_match_possible(w.m, lz_json_event_of(j), open, knows_none, NULL));
	assert_true(lz_match_possible(w.m, lz_json_event_of(j), exec, knows_none, NULL));
	assert_false(lz_match_possible(w.m, lz_json_event_of(j), lz_event_kind(LZ_SPAN("dns")),
				       knows_none, NULL));
	lz_json_event_free(j);
	stop(&w);
}

/* --- mistakes --- */

static const struct {
	const char *keys;
	unsigned line, column;
	const char *text;
} mistakes[] = {
	{"  condition: evt.type=open\n  within: 1s\n  sequence: [{condition: evt.type=open}, "
	 "{condition: evt.type=dns}]\n",
	 7, 13, "not both"},
	{"  condition: evt.type=open\n  count: 2\n", 6, 10, "\"within\" is missing"},
	{"  condition: evt.type=open\n  count: 0\n  within: 1s\n", 6, 10, "from 1 to 1000"},
	{"  condition: evt.type=open\n  count: 1001\n  within: 1s\n", 6, 10, "from 1 to 1000"},
	{"  condition: evt.type=open\n  count: two\n  within: 1s\n", 6, 10, "from 1 to 1000"},
	{"  condition: evt.type=open\n  count: 2\n  within: 10\n", 7, 11, "must be a time"},
	{"  condition: evt.type=open\n  count: 2\n  within: 0s\n", 7, 11, "must be a time"},
	{"  condition: evt.type=open\n  count: 2\n  within: 8d\n", 7, 11, "must be a time"},
	{"  condition: evt.type=open\n  count: 2\n  within: 99999999999999999999s\n", 7, 11,
	 "must be a time"},
	{"  condition: evt.type=open\n  count: 2\n  within: 1s\n  by: no.such\n", 8, 7,
	 "unknown field \"no.such\""},
	{"  condition: evt.type=open\n  count: 2\n  within: 1s\n  by: [fd.sip, no.such]\n", 8, 16,
	 "unknown field \"no.such\""},
	{"  condition: evt.type=open\n  count: 2\n  within: 1s\n  by: tolower(proc.name)\n", 8, 7,
	 "is no field"},
	{"  condition: evt.type=open\n  count: 2\n  within: 1s\n  by: []\n", 8, 7,
	 "must be a field"},
	{"  condition: evt.type=open\n  count: 2\n  within: 1s\n  distinct: evt.arg\n", 8, 13,
	 "needs an argument"},
	{"  condition: evt.type=open\n  within: 1s\n", 6, 11, "of use with"},
	{"  condition: evt.type=open\n  distinct: fd.sip\n", 6, 13, "of use with"},
	{"  within: 1s\n  sequence: [{condition: evt.type=open}]\n", 6, 13, "2 to 16 steps"},
	{"  within: 1s\n  sequence: evt.type=open\n", 6, 13, "2 to 16 steps"},
	{"  within: 1s\n  sequence: [{condition: evt.type=open}, evt.type=dns]\n", 6, 42,
	 "needs a \"condition\""},
	{"  within: 1s\n  sequence: [{condition: evt.type=open}, {condition: a, by: b}]\n", 6, 57,
	 "condition alone"},
	{"  within: 1s\n  sequence:\n  - condition: evt.type=open\n  - condition: proc.name = x or "
	 "no.such=1\n",
	 8, 33, "unknown field \"no.such\""},
	{"  sequence: [{condition: evt.type=open}, {condition: evt.type=dns}]\n", 5, 13,
	 "\"within\" is missing"},
	{"  within: 1s\n", 1, 9, "\"condition\" is missing"},
};

static void test_mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		char text[1000];
		const struct lz_rules_note *n;
		struct lz_rules *r;
		snprintf(text, sizeof(text), HEAD "%s", mistakes[i].keys);
		r = load(text);
		if (lz_rules_errors(r) != 1)
			fail_msg("%s: %zu errors", text, lz_rules_errors(r));
		for (n = lz_rules_notes(r)->p; !n->error; n++)
			;
		if (n->line != mistakes[i].line || n->column != mistakes[i].column ||
		    !strstr(n->text.p, mistakes[i].text))
			fail_msg("%s: %u:%u: %.*s", text, n->line, n->column, LZ_FMT(n->text));
		LZ_VEC_EACH (struct lz_rule, rule, lz_rules_all(r))
			assert_false(rule->usable);
		lz_rules_free(r);
	}
}

/* --- against the definition --- */

enum { EVENTS_MAX = 200 };

struct seen {
	uint64_t ms;
	unsigned key, value, kind;
	bool used_up; /* before or with a firing of its key */
};

static struct seen seen[EVENTS_MAX];

static bool in_window(const struct seen *e, const struct seen *now, uint64_t within)
{
	return !e->used_up && e->key == now->key && now->ms - e->ms <= within;
}

static bool naive_count(unsigned now, unsigned count, uint64_t within, bool distinct)
{
	unsigned n = 0;

	for (unsigned i = 0; i <= now; i++) {
		bool counts = in_window(&seen[i], &seen[now], within) && seen[i].kind == 0;
		/* of equal values the last one counts */
		for (unsigned j = i + 1; j <= now && distinct && counts; j++)
			counts = seen[j].used_up || seen[j].key != seen[i].key ||
				 seen[j].kind != 0 || seen[j].value != seen[i].value;
		n += counts;
	}
	return n >= count;
}

/* Whether events up to `end` hold a chain for steps 0 to `step`, whose last is `end`. */
static bool naive_chain(unsigned end, unsigned step, unsigned now, uint64_t within)
{
	if (seen[end].kind != step || !in_window(&seen[end], &seen[now], within))
		return false;
	for (unsigned i = 0; i < end && step; i++)
		if (naive_chain(i, step - 1, now, within))
			return true;
	return step == 0;
}

static void random_timeline(const char *rule, unsigned form, unsigned count, uint64_t within_ms,
			    unsigned *fired)
{
	struct work w = start(rule, 100);
	uint64_t ms = 0;

	for (unsigned i = 0; i < EVENTS_MAX; i++) {
		char text[300];
		bool want;
		ms += any(3) ? any(40) : 0;
		seen[i] = (struct seen){ms, any(3), any(4), any(form == 2 ? 3 : 2), false};
		snprintf(text, sizeof(text),
			 "{\"evt.type\":\"open\",\"container.id\":\"%u\",\"fd.num\":%u,"
			 "\"proc.name\":\"%u\"}",
			 seen[i].key, seen[i].value, seen[i].kind);
		if (form == 2)
			want = naive_chain(i, 2, i, within_ms);
		else
			want = seen[i].kind == 0 && naive_count(i, count, within_ms, form == 1);
		if (event(&w, ms, text) != want)
			fail_msg("%s: event %u at %lu: expected %d", rule, i, (unsigned long)ms,
				 want);
		for (unsigned k = 0; k <= i && want; k++)
			seen[k].used_up |= seen[k].key == seen[i].key;
		*fired += want;
	}
	stop(&w);
}

static void test_random_timelines(void **state)
{
	unsigned fired[3] = {0};

	(void)state;
	for (int round = 0; round < 60; round++) {
		unsigned form = (unsigned)round % 3, count = 1 + any(4);
		unsigned within = 20 + any(200);
		char rule[600];
		if (form == 2)
			snprintf(rule, sizeof(rule),
				 HEAD "  within: %ums\n  sequence: [{condition: proc.name=0}, "
				      "{condition: proc.name=1}, {condition: proc.name=2}]\n",
				 within);
		else
			snprintf(rule, sizeof(rule),
				 HEAD "  condition: proc.name=0\n  count: %u\n  within: %ums\n%s",
				 count, within, form ? "  distinct: fd.num\n" : "");
		random_timeline(rule, form, count, within, &fired[form]);
	}
	assert_true(fired[0] > 100 && fired[1] > 100 && fired[2] > 30);
}

/* --- no memory --- */

static int once(void)
{
	static const char text[] = STEPS "- rule: s\n  desc: d\n  priority: INFO\n  output: o\n"
					 "  condition: evt.type=open\n  count: 2\n  within: 1s\n";
	struct lz_err err = {0};
	struct lz_rules *r = lz_rules_new(&err);
	struct lz_rules_state *s = NULL, *next = NULL;
	int code = r ? lz_rules_add(r, LZ_SPAN("t.yaml"), lz_str(text), &err) : err.code;

	if (!code)
		code = lz_rules_compile(r, &err);
	if (!code) {
		s = lz_rules_state_new(r, 100, &err);
		next = s ? lz_rules_state_new(r, 100, &err) : NULL;
		code = next ? 0 : err.code;
	}
	if (next)
		lz_rules_state_take(next, s);
	lz_rules_state_free(s);
	lz_rules_state_free(next);
	lz_rules_free(r);
	return code;
}

static void test_nomem(void **state)
{
	(void)state;
	assert_survives_nomem(once());
}

/* An event that can't be remembered is counted as lost. */
static void test_lost(void **state)
{
	struct work w = start(HEAD "  condition: evt.type=open\n  count: 1\n  within: 1s\n", 100);
	struct lz_json_event *j = lz_json_event_new(LZ_SPAN(OPEN("a")), NULL);
	unsigned hits = 0, lost = 0;

	(void)state;
	assert_non_null(j);
	for (unsigned long n = 1; n < 6; n++) {
		lz_alloc_fail_at(n, false);
		lz_match_event(w.m, lz_json_event_of(j), lz_json_event_kind(j), 0, on_hit, &hits);
		lost += lz_alloc_failed();
		lz_alloc_fail_at(0, false);
	}
	assert_true(lost > 0);
	assert_int_equal(hits + lz_rules_state_count(w.s).lost, 5);
	lz_json_event_free(j);
	stop(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_distinct),
		cmocka_unit_test(test_sequence),
		cmocka_unit_test(test_sequence_of_same),
		cmocka_unit_test(test_without_state),
		cmocka_unit_test(test_eviction),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_overrides),
		cmocka_unit_test(test_steps_are_rules),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_random_timelines),
		cmocka_unit_test(test_nomem),
		cmocka_unit_test(test_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
