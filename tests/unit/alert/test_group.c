/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fingerprints against SHA-256 computed elsewhere; timelines worked by hand; and storms made at
 * random, of which only one thing is known: no hit is ever missing from the totals.
 */
#include "sample.h"

#include "base/limits.h"

static const char *print_of(const struct lz_alert *a)
{
	static char print[LZ_FINGERPRINT_SIZE];
	struct lz_err err;

	assert_ok(lz_alert_fingerprint(a, print, &err), err);
	return print;
}

static void test_fingerprint(void **state)
{
	struct lz_alert a = sample();
	char was[LZ_FINGERPRINT_SIZE];

	(void)state;
	/* python3: sha256 over each part with its length in front as eight bytes, little end first */
	assert_string_equal(print_of(&a), "0f053a71e01ae7ca6a27925241223b78");
	memcpy(was, print_of(&a), sizeof(was));
	/* another replica, another run: the same fact */
	a.container.id = LZ_SPAN("ffff");
	a.container.name = LZ_SPAN("web-2");
	a.container.image = LZ_SPAN("reg:5000/shop/web:latest@sha256:aa");
	a.lineage[0].pid = 7;
	a.lineage[0].cmdline = LZ_SPAN("nc -l 99");
	a.time_ns++;
	a.output = LZ_SPAN("else");
	assert_string_equal(print_of(&a), was);
	a.container.digest = LZ_SPAN(""); /* the image's name has it too */
	assert_string_equal(print_of(&a), was);
	a.container.image = LZ_SPAN("reg:5000/shop/web:1.2");
	assert_string_equal(print_of(&a), "b4da35732e41ee276ae93bcfa01219c8");
}

static void test_fingerprint_differs(void **state)
{
	const struct lz_alert base = sample();
	struct lz_alert a;
	char was[LZ_FINGERPRINT_SIZE];

	(void)state;
	memcpy(was, print_of(&base), sizeof(was));
	a = base;
	a.rule = LZ_SPAN("Netcat");
	assert_string_not_equal(print_of(&a), was);
	a = base;
	a.container.digest = LZ_SPAN("sha256:ab");
	assert_string_not_equal(print_of(&a), was);
	a = base;
	a.lineage[2].exe = LZ_SPAN("/tmp/sshd");
	assert_string_not_equal(print_of(&a), was);
	a = base;
	a.lineage_count = 2;
	assert_string_not_equal(print_of(&a), was);
	/* where one part ends and the next begins is part of it */
	a = base;
	a.lineage[0].exe = LZ_SPAN("/usr/bin/nc/bin");
	a.lineage[1].exe = LZ_SPAN("/bash");
	assert_string_not_equal(print_of(&a), was);
}

/* --- timelines -------------------------------------------------------------------------------- */

struct told {
	struct {
		char who[16]; /* the program at the head of the lineage */
		char rule[40], kinds[64];
		uint64_t count, total, more, lost, first_ns, last_ns;
		bool known;
	} got[2000];
	size_t n;
	uint64_t sum, lost;
};

static void on_alert(void *arg, const struct lz_alert *a)
{
	struct told *t = arg;

	assert_true(a->count >= 1 && a->total >= a->count);
	assert_true(a->first_ns <= a->last_ns);
	t->sum += a->count + a->more;
	t->lost += a->lost;
	if (t->n == sizeof(t->got) / sizeof(t->got[0]))
		return;
	lz_span_cstr(a->lineage[0].exe, t->got[t->n].who, sizeof(t->got[0].who));
	lz_span_cstr(a->rule, t->got[t->n].rule, sizeof(t->got[0].rule));
	lz_span_cstr(a->lost_kinds, t->got[t->n].kinds, sizeof(t->got[0].kinds));
	t->got[t->n].count = a->count;
	t->got[t->n].total = a->total;
	t->got[t->n].more = a->more;
	t->got[t->n].lost = a->lost;
	t->got[t->n].first_ns = a->first_ns;
	t->got[t->n].last_ns = a->last_ns;
	t->got[t->n].known = a->known;
	t->n++;
}

static struct lz_groups *groups(struct told *t, const struct lz_group_options *o)
{
	struct lz_err err;
	struct lz_groups *g = lz_groups_new(o, on_alert, t, &err);

	memset(t, 0, sizeof(*t));
	assert_non_null(g);
	return g;
}

/* One hit of `who` at that millisecond. */
static void hit(struct lz_groups *g, const char *who, uint64_t ms)
{
	struct lz_alert a = sample();

	a.lineage[0].exe = lz_str(who);
	a.time_ns = 1000000000000 + ms * 1000000;
	lz_groups_add(g, &a, ms);
}

#define NS(ms) (1000000000000 + (uint64_t)(ms)*1000000)

static void assert_told(const struct told *t, size_t i, const char *who, uint64_t count,
			uint64_t total, uint64_t first_ms, uint64_t last_ms)
{
	assert_true(i < t->n);
	assert_string_equal(t->got[i].who, who);
	assert_int_equal(t->got[i].count, count);
	assert_int_equal(t->got[i].total, total);
	assert_int_equal(t->got[i].first_ns, NS(first_ms));
	assert_int_equal(t->got[i].last_ns, NS(last_ms));
}

static void test_timeline(void **state)
{
	static struct told t;
	struct lz_groups *g = groups(&t, NULL);

	(void)state;
	hit(g, "a", 1000);
	assert_int_equal(t.n, 1);
	assert_told(&t, 0, "a", 1, 1, 1000, 1000);
	hit(g, "b", 2000); /* another fact */
	assert_told(&t, 1, "b", 1, 1, 2000, 2000);
	hit(g, "a", 3000);
	hit(g, "a", 50000);
	assert_int_equal(t.n, 2);
	lz_groups_tick(g, 60999);
	assert_int_equal(t.n, 2);
	lz_groups_tick(g, 61000);
	assert_int_equal(t.n, 3);
	assert_told(&t, 2, "a", 2, 3, 3000, 50000);
	lz_groups_tick(g, 70000); /* b was alone: nothing to say */
	assert_int_equal(t.n, 3);
	hit(g, "a", 80000); /* a new window: at once */
	assert_told(&t, 3, "a", 1, 1, 80000, 80000);
	hit(g, "a", 80001);
	lz_groups_flush(g, 80002);
	assert_told(&t, 4, "a", 1, 2, 80001, 80001);
	assert_int_equal(t.sum, 6);
	lz_groups_free(g);
}

/* A storm is visible while it lasts: at 10, 100 and 1000. */
static void test_powers_of_ten(void **state)
{
	static struct told t;
	struct lz_groups *g = groups(&t, NULL);

	(void)state;
	for (unsigned i = 0; i < 2500; i++)
		hit(g, "a", 1000 + i);
	assert_int_equal(t.n, 4);
	assert_told(&t, 0, "a", 1, 1, 1000, 1000);
	assert_told(&t, 1, "a", 9, 10, 1001, 1009);
	assert_told(&t, 2, "a", 90, 100, 1010, 1099);
	assert_told(&t, 3, "a", 900, 1000, 1100, 1999);
	lz_groups_tick(g, 61000);
	assert_told(&t, 4, "a", 1500, 2500, 2000, 3499);
	assert_int_equal(t.sum, 2500);
	lz_groups_free(g);
}

/* 60 facts of one rule at once: 50 go out, the rest is carried by the next. */
static void test_limit(void **state)
{
	static struct told t;
	struct lz_groups *g = groups(&t, NULL);
	char who[16];

	(void)state;
	for (unsigned i = 0; i < 60; i++) {
		snprintf(who, sizeof(who), "p%u", i);
		hit(g, who, 1000);
	}
	assert_int_equal(t.n, 50);
	assert_int_equal(t.sum, 50);
	hit(g, "next", 1100);
	assert_int_equal(t.n, 51);
	assert_int_equal(t.sum, 60); /* p50 spoke for the other nine; "next" is held */
	assert_string_equal(t.got[50].who, "p50");
	assert_int_equal(t.got[50].more, 9);
	hit(g, "later", 1300);
	assert_string_equal(t.got[51].who, "next");
	assert_string_equal(t.got[52].who, "later");
	assert_int_equal(t.sum, 62);
	/* another rule has its own */
	lz_groups_free(g);
}

static void test_limit_per_rule(void **state)
{
	static struct told t;
	const struct lz_group_options o = {.rate = 1, .burst = 1};
	struct lz_groups *g = groups(&t, &o);
	struct lz_alert a = sample();

	(void)state;
	hit(g, "a", 10);
	hit(g, "b", 10);
	a.rule = LZ_SPAN("Another");
	lz_groups_add(g, &a, 10);
	assert_int_equal(t.n, 2);
	assert_string_equal(t.got[1].rule, "Another");
	lz_groups_flush(g, 11); /* the end comes before a token does */
	assert_int_equal(t.n, 3);
	assert_string_equal(t.got[2].who, "b");
	assert_int_equal(t.sum, 3);
	lz_groups_free(g);
}

/* More rules than limits are remembered for: what a forgotten one owed is told first. */
static void test_many_rules(void **state)
{
	static struct told t;
	const struct lz_group_options o = {.rate = 1, .burst = 1, .groups_max = 100000};
	struct lz_groups *g = groups(&t, &o);

	(void)state;
	for (unsigned i = 0; i < 3 * 1500; i++) {
		struct lz_alert a = sample();
		char rule[16], who[16];
		snprintf(rule, sizeof(rule), "r%u", i / 3);
		snprintf(who, sizeof(who), "p%u", i % 3);
		a.rule = lz_str(rule);
		a.lineage[0].exe = lz_str(who);
		lz_groups_add(g, &a, 5);
	}
	assert_int_equal(t.sum, 1500 + 2 * (1500 - 1024));
	lz_groups_flush(g, 6);
	assert_int_equal(t.sum, 3 * 1500);
	lz_groups_free(g);
}

/* The table is full: who was not seen for longest goes, with his count. */
static void test_full(void **state)
{
	static struct told t;
	const struct lz_group_options o = {.groups_max = 2, .burst = 100};
	struct lz_groups *g = groups(&t, &o);

	(void)state;
	hit(g, "a", 1);
	hit(g, "a", 2);
	hit(g, "b", 3);
	hit(g, "b", 4);
	hit(g, "a", 5);
	assert_int_equal(t.n, 2);
	hit(g, "c", 6);
	assert_int_equal(t.n, 4);
	assert_told(&t, 2, "b", 1, 2, 4, 4);
	assert_told(&t, 3, "c", 1, 1, 6, 6);
	hit(g, "a", 7); /* still known */
	assert_int_equal(t.n, 4);
	lz_groups_flush(g, 8);
	assert_told(&t, 4, "a", 3, 4, 2, 7);
	assert_int_equal(t.sum, 7);
	lz_groups_free(g);
}

static void test_kinds(void **state)
{
	char kinds[24] = "";

	(void)state;
	lz_alert_kinds_add(kinds, sizeof(kinds), LZ_SPAN("reopened, calls"));
	lz_alert_kinds_add(kinds, sizeof(kinds), LZ_SPAN("open, calls"));
	assert_string_equal(kinds, "reopened, calls, open");
	lz_alert_kinds_add(kinds, sizeof(kinds), LZ_SPAN("names")); /* no room */
	lz_alert_kinds_add(kinds, sizeof(kinds), LZ_SPAN(""));
	assert_string_equal(kinds, "reopened, calls, open");
}

/* What was lost before a hit that is only counted is told with the next alert that goes out. */
static void test_loss(void **state)
{
	static struct told t;
	struct lz_groups *g = groups(&t, NULL);
	struct lz_alert a = sample();

	(void)state;
	lz_groups_add(g, &a, 1);
	a.lost = 5;
	a.lost_kinds = LZ_SPAN("open");
	lz_groups_add(g, &a, 2);
	a.lost = 7;
	a.lost_kinds = LZ_SPAN("connect");
	a.known = true;
	lz_groups_add(g, &a, 3);
	a.lost = 0;
	lz_groups_tick(g, 60001);
	assert_int_equal(t.n, 2);
	assert_int_equal(t.got[0].lost, 0);
	assert_int_equal(t.got[1].lost, 12);
	assert_string_equal(t.got[1].kinds, "open, connect");
	assert_false(t.got[1].known); /* one of the two was not */
	lz_groups_add(g, &a, 60002);
	assert_int_equal(t.got[2].lost, 0);
	assert_true(t.got[2].known);
	lz_groups_free(g);
}

/* --- at random -------------------------------------------------------------------------------- */

static uint32_t dice(uint32_t *seed, uint32_t sides)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % sides;
}

static void storm(uint32_t seed)
{
	static struct told t;
	const struct lz_group_options o = {.window_ms = 1 + dice(&seed, 5000),
					   .rate = 1 + dice(&seed, 20),
					   .burst = 1 + dice(&seed, 50),
					   .groups_max = 1 + dice(&seed, 40),
					   .bytes_max = dice(&seed, 2) ? 0 : 3000};
	struct lz_groups *g = groups(&t, &o);
	uint64_t now = dice(&seed, 1000000), lost = 0;
	uint32_t hits = 3000, facts = 1 + dice(&seed, 100), rules = 1 + dice(&seed, 5);

	for (uint32_t i = 0; i < hits; i++) {
		struct lz_alert a = sample();
		char who[16], rule[16];
		snprintf(who, sizeof(who), "p%u", dice(&seed, facts));
		snprintf(rule, sizeof(rule), "r%u", dice(&seed, rules));
		a.lineage[0].exe = lz_str(who);
		a.rule = lz_str(rule);
		a.time_ns = NS(now) - dice(&seed, 1000);
		a.lost = dice(&seed, 10) ? 0 : dice(&seed, 100);
		lost += a.lost;
		lz_groups_add(g, &a, now);
		now += dice(&seed, 3) ? 0 : dice(&seed, 300);
		if (!dice(&seed, 20))
			lz_groups_tick(g, now);
		assert_true(t.sum <= i + 1);
	}
	lz_groups_flush(g, now);
	assert_int_equal(t.sum, hits);
	assert_int_equal(t.lost, lost);
	lz_groups_free(g);
}

static void test_storms(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 60; seed++)
		storm(seed * 7919);
}

/* --- no memory -------------------------------------------------------------------------------- */

/* Whatever can't be remembered goes out alone: the sum stays right. */
static int without_memory(void)
{
	static struct told t;
	const struct lz_group_options o = {.groups_max = 3, .rate = 1, .burst = 2};
	struct lz_err err = {0};
	struct lz_groups *g = lz_groups_new(&o, on_alert, &t, &err);

	memset(&t, 0, sizeof(t));
	if (!g)
		return err.code;
	for (unsigned i = 0; i < 12; i++) {
		static const char *const who[] = {"a", "b", "a", "c", "d", "a", "b", "e"};
		hit(g, who[i % 8], 10 + i);
	}
	lz_groups_flush(g, 100);
	assert_int_equal(t.sum, 12);
	lz_groups_free(g);
	return 0;
}

static void test_without_memory(void **state)
{
	(void)state;
	assert_survives_nomem(without_memory());
}

static int copy_it(void)
{
	struct lz_alert a = sample(), *copy;
	struct lz_err err = {0};
	size_t bytes = 0;

	a.respond = LZ_SPAN("stop it");
	copy = lz_alert_copy(&a, &bytes, &err);
	if (!copy)
		return err.code;
	assert_true(bytes > sizeof(a));
	assert_ptr_not_equal(copy->fields[1].text.p, a.fields[1].text.p);
	assert_span(copy->fields[1].text, "nc");
	assert_span(copy->tags[1], "shell");
	assert_span(copy->respond, "stop it");
	assert_ptr_not_equal(copy->respond.p, a.respond.p);
	assert_span(copy->lineage[2].cmdline, "sshd -D");
	assert_span(copy->container.digest, "sha256:aa");
	lz_free(copy);
	return 0;
}

static void test_copy(void **state)
{
	(void)state;
	assert_survives_nomem(copy_it());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fingerprint), cmocka_unit_test(test_fingerprint_differs),
		cmocka_unit_test(test_timeline),    cmocka_unit_test(test_powers_of_ten),
		cmocka_unit_test(test_limit),	    cmocka_unit_test(test_limit_per_rule),
		cmocka_unit_test(test_many_rules),  cmocka_unit_test(test_full),
		cmocka_unit_test(test_kinds),	    cmocka_unit_test(test_loss),
		cmocka_unit_test(test_storms),	    cmocka_unit_test(test_without_memory),
		cmocka_unit_test(test_copy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
