/* SPDX-License-Identifier: Apache-2.0 */
/* What is usual for an image, and what is not: against figures worked out by hand. */
#include "watch/workload.h"

#include "test.h"

#define S   1000000000ULL
#define ALL (LZ_STATS_CPU | LZ_STATS_BYTES | LZ_STATS_TCP | LZ_STATS_LISTEN)

static struct lz_workloads *w;

static int begin(void **state)
{
	(void)state;
	w = lz_workloads_new(NULL);
	return !w;
}
static int end(void **state)
{
	(void)state;
	lz_workloads_free(w);
	return 0;
}

static struct lz_workload *of(const char *container, const char *image, uint64_t now)
{
	struct lz_workload *x = lz_workloads_find(w, lz_str(container), lz_str(image), now);

	assert_non_null(x);
	return x;
}

static void rates(void **state)
{
	struct lz_ev_stats s = {.cpu_ns = 5 * S,
				.sent_bytes = 1000,
				.received_bytes = 10,
				.connects = 7,
				.processes = 3,
				.has = ALL};
	struct lz_workload *x = of("c", "i", S);
	struct lz_stat_values v;

	(void)state;
	assert_false(lz_workload_sample(x, &s, 10 * S, &v)); /* nothing to compare with */
	for (int i = 0; i < 50; i++)
		lz_workload_forked(x);
	s.cpu_ns += 4 * S; /* 4 s of 5 */
	s.sent_bytes += 5 * 2048;
	s.received_bytes += 50;
	s.connects += 10;
	s.accepts += 5;
	s.failed += 15;
	s.overflows += 20;
	s.processes = 8;
	assert_true(lz_workload_sample(x, &s, 15 * S, &v));
	assert_int_equal(v.forks, 10);
	assert_int_equal(v.cpu_percent, 80);
	assert_int_equal(v.sent_bytes, 2048);
	assert_int_equal(v.received_bytes, 10);
	assert_int_equal(v.connects, 2);
	assert_int_equal(v.accepts, 1);
	assert_int_equal(v.failed, 3);
	assert_int_equal(v.overflows, 4);
	assert_int_equal(v.processes, 8);
	assert_int_equal(v.sent_times, 0); /* nothing was usual yet */
	assert_int_equal(v.has, ALL);
	/* Counters that begin anew, as of another first process: no rate, no wrap. */
	s.sent_bytes = s.connects = s.cpu_ns = 0;
	assert_true(lz_workload_sample(x, &s, 20 * S, &v));
	assert_int_equal(v.sent_bytes, 0);
	assert_int_equal(v.cpu_percent, 0);
	assert_int_equal(v.forks, 0); /* since the sample before */
}

static void too_soon(void **state)
{
	struct lz_ev_stats s = {.sent_bytes = 0, .has = ALL};
	struct lz_workload *x = of("c", "i", S);
	struct lz_stat_values v;

	(void)state;
	lz_workload_sample(x, &s, 10 * S, &v);
	s.sent_bytes = 1000000;
	assert_false(lz_workload_sample(x, &s, 10 * S + 1, &v));
	assert_false(lz_workload_sample(x, &s, 9 * S, &v)); /* a clock that goes back */
	assert_true(lz_workload_sample(x, &s, 15 * S, &v)); /* and nothing was lost by it */
	assert_int_equal(v.sent_bytes, 200000);
}

/* What could not be read in one of two samples says nothing. */
static void holes(void **state)
{
	struct lz_ev_stats s = {.has = LZ_STATS_CPU};
	struct lz_workload *x = of("c", "i", S);
	struct lz_stat_values v;

	(void)state;
	lz_workload_sample(x, &s, 10 * S, &v);
	s = (struct lz_ev_stats){.sent_bytes = 1 << 30, .cpu_ns = S, .has = ALL};
	assert_true(lz_workload_sample(x, &s, 15 * S, &v));
	assert_int_equal(v.has, LZ_STATS_CPU);
	assert_int_equal(v.sent_times, 0);
}

/* Many samples at a steady rate, then a sudden one. */
static void usual(void **state)
{
	struct lz_ev_stats s = {.has = ALL};
	struct lz_workload *x = of("c", "i", 0);
	struct lz_stat_values v;
	struct lz_usual u;
	uint64_t now = 0;

	(void)state;
	lz_workload_sample(x, &s, now += 5 * S, &v);
	for (int i = 0; i < 100; i++) {
		s.sent_bytes += 5 * 10000;
		s.connects += 5 * 20;
		assert_true(lz_workload_sample(x, &s, now += 5 * S, &v));
		assert_true(i == 0 || v.sent_times == 1 || v.sent_times == 0);
	}
	lz_workload_usual(x, now, &u);
	assert_int_equal(u.samples, 100);
	assert_int_equal(u.age_ns, now);
	assert_int_equal(u.destination_ns, -1);
	s.sent_bytes += 5 * 300000ULL;
	s.connects += 5 * 20;
	assert_true(lz_workload_sample(x, &s, now += 5 * S, &v));
	assert_in_range(v.sent_times, 29, 30);
	assert_in_range(v.connects_times, 0, 1);
	/* A rise counts for little at first: it is still unusual after a minute … */
	for (int i = 0; i < 12; i++) {
		s.sent_bytes += 5 * 300000ULL;
		assert_true(lz_workload_sample(x, &s, now += 5 * S, &v));
	}
	assert_true(v.sent_times >= 5);
	/* … and usual after an hour. */
	for (int i = 0; i < 720; i++) {
		s.sent_bytes += 5 * 300000ULL;
		assert_true(lz_workload_sample(x, &s, now += 5 * S, &v));
	}
	assert_in_range(v.sent_times, 0, 1);
	/* Next to nothing is not worth a comparison: below the floor of 1 KiB. */
	x = of("d", "quiet", now);
	s = (struct lz_ev_stats){.has = ALL};
	lz_workload_sample(x, &s, now += 5 * S, &v);
	lz_workload_sample(x, &s, now += 5 * S, &v);
	s.sent_bytes += 5 * 2000;
	assert_true(lz_workload_sample(x, &s, now += 5 * S, &v));
	assert_int_equal(v.sent_times, 1);
}

/* Containers of one image learn from each other. */
static void by_image(void **state)
{
	struct lz_ev_stats s = {.has = ALL};
	struct lz_stat_values v;
	struct lz_usual u;

	(void)state;
	lz_workload_sample(of("a", "i", 1), &s, 5 * S, &v);
	lz_workload_sample(of("a", "i", 1), &s, 10 * S, &v);
	lz_workload_usual(of("b", "i", 20 * S), 20 * S, &u);
	assert_int_equal(u.samples, 1);
	assert_int_equal(u.age_ns, 20 * S - 1);
	lz_workload_usual(of("b", "j", 20 * S), 21 * S, &u); /* the runtime knew better later */
	assert_int_equal(u.samples, 0);
	assert_int_equal(u.age_ns, S);
	/* Without an image a container is compared with itself. */
	lz_workload_usual(of("x", "", 30 * S), 31 * S, &u);
	assert_int_equal(u.age_ns, S);
	lz_workload_usual(of("y", "", 31 * S), 31 * S, &u);
	assert_int_equal(u.age_ns, 0);
	assert_int_equal(lz_workloads_count(w), 4);
}

static void destinations(void **state)
{
	const unsigned char one[4] = {10, 0, 0, 1}, two[4] = {10, 0, 0, 2};
	const unsigned char six[16] = {10, 0, 0, 1};
	struct lz_ev_stats s = {.has = ALL};
	struct lz_workload *a = of("a", "i", S), *b;
	struct lz_stat_values v;

	(void)state;
	assert_int_equal(lz_workload_goes(a, one, 4, 5 * S), 0);
	assert_int_equal(lz_workload_goes(a, one, 4, 9 * S), 4 * S);
	assert_int_equal(lz_workload_goes(a, six, 16, 9 * S), 0); /* another address */
	b = of("b", "i", S);
	assert_int_equal(lz_workload_goes(b, one, 4, 10 * S), 5 * S); /* learnt for the image */
	assert_int_equal(lz_workload_goes(of("c", "j", S), one, 4, 10 * S), 0);
	/* Counted for a minute, from the first sample on. */
	b = of("b", "i", S);
	lz_workload_sample(b, &s, 10 * S, &v);
	lz_workload_goes(b, two, 4, 11 * S);
	for (uint64_t t = 15; t < 75; t += 5) {
		assert_true(lz_workload_sample(b, &s, t * S, &v));
		assert_int_equal(v.new_destinations, 1);
	}
	assert_true(lz_workload_sample(b, &s, 75 * S, &v));
	assert_int_equal(v.new_destinations, 0);
	assert_int_equal(lz_workload_goes(b, two, 4, 3 * S), 0); /* a clock that goes back */
}

/* The newest stay, and memory does not grow. */
static void bounds(void **state)
{
	char name[32];
	struct lz_usual u;

	(void)state;
	for (int i = 0; i < LZ_WORKLOADS_MAX + 500; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		of(name, name, (uint64_t)(i + 1) * S);
	}
	assert_int_equal(lz_workloads_count(w), LZ_WORKLOADS_MAX);
	lz_workload_usual(of(name, name, 9000 * S), 9000 * S, &u);
	assert_true(u.age_ns > 6000 * S); /* this one was kept */
	lz_workload_usual(of("c0", "c0", 9000 * S), 9000 * S, &u);
	assert_int_equal(u.age_ns, 0); /* the first one was not */
	for (int i = 0; i < 5000; i++) {
		unsigned char ip[4] = {(unsigned char)(i >> 8), (unsigned char)i, 1, 1};
		assert_int_equal(
			lz_workload_goes(of("c0", "c0", 9001 * S), ip, 4, 9001 * S + (uint64_t)i),
			0);
	}
	lz_workloads_purge(w, 9001 * S);
	assert_int_equal(lz_workloads_count(w), 2);
	lz_workloads_purge(w, 1); /* before all: nothing is old */
	assert_int_equal(lz_workloads_count(w), 2);
	lz_workloads_purge(w, 99999 * S);
	assert_int_equal(lz_workloads_count(w), 0);
}

static int a_life(void)
{
	const unsigned char ip[4] = {1, 2, 3, 4};
	struct lz_err err = {0};
	struct lz_workloads *t = lz_workloads_new(&err);
	struct lz_workload *x;
	int code = t ? 0 : err.code;

	x = t ? lz_workloads_find(t, LZ_SPAN("c"), LZ_SPAN("i"), S) : NULL;
	if (t && !x)
		code = LZ_E_NOMEM;
	/* Without memory for it a destination is as old as the image. */
	if (x && lz_workload_goes(x, ip, 4, 9 * S) == 8 * S)
		code = LZ_E_NOMEM;
	lz_workloads_free(t);
	return code;
}

static void no_memory(void **state)
{
	(void)state;
	assert_survives_nomem(a_life());
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(rates),    T(too_soon),     T(holes),	 T(usual),
		T(by_image), T(destinations), T(bounds), cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
