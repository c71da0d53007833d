/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of an update that need no server: when to try again, what is remembered of a file, and
 * which sources a list of words names. Transfers themselves: tests/e2e/update.
 */
#include "base/buf.h"
#include "update/update.h"

#include "../../test.h"

static void test_wait(void **state)
{
	(void)state;
	/* full jitter: between nothing and 1, 2, 4 … 32, 60 s */
	static const uint64_t most[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};
	for (unsigned n = 1; n <= 9; n++) {
		uint64_t low = UINT64_MAX, high = 0;
		for (uint64_t random = 0; random < 200000; random += 7) {
			uint64_t ms = lz_retry_wait_ms(n, 0, random * 0x9e3779b97f4a7c15);
			low = ms < low ? ms : low;
			high = ms > high ? ms : high;
		}
		assert_true(high <= most[n - 1] && high > most[n - 1] * 9 / 10);
		assert_true(low < most[n - 1] / 10);
	}
	/* never sooner than the server asks, and not all at the same moment */
	for (uint64_t random = 0; random < 5000; random++) {
		uint64_t ms = lz_retry_wait_ms(3, 30, random);
		assert_true(ms >= 30000 && ms <= 31000);
	}
	assert_true(lz_retry_wait_ms(3, 30, 7) != lz_retry_wait_ms(3, 30, 8));
	assert_true(lz_retry_wait_ms(4000000000U, 0, 12345) <= 60000);
}

static void test_status(void **state)
{
	(void)state;
	const long again[] = {408, 425, 429, 500, 502, 503, 504};
	const long never[] = {400, 401, 403, 404, 405, 410, 413, 451, 501, 505, 511};
	for (size_t i = 0; i < sizeof(again) / sizeof(again[0]); i++)
		assert_true(lz_retry_status(again[i]));
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		assert_false(lz_retry_status(never[i]));
}

static void test_meta(void **state)
{
	struct lz_meta m, back;
	struct lz_buf b;

	(void)state;
	lz_meta_parse(
		LZ_SPAN("url http://h/a b\netag W/\"x y\"\nmodified Tue, 01 Jul 2025 00:00:00 "
			"GMT\nbytes 42\n"),
		&m);
	assert_string_equal(m.url, "http://h/a b");
	assert_string_equal(m.etag, "W/\"x y\"");
	assert_string_equal(m.modified, "Tue, 01 Jul 2025 00:00:00 GMT");
	assert_int_equal(m.bytes, 42);
	lz_buf_init(&b, 4096);
	lz_meta_print(&m, &b);
	lz_meta_parse(lz_buf_view(&b), &back);
	assert_memory_equal(&m, &back, sizeof(m));
	lz_buf_done(&b);
}

/* Anything odd is forgotten as a whole: half a memory would ask for the wrong thing. */
static void test_odd_meta(void **state)
{
	const struct lz_span odd[] = {
		LZ_SPAN("url http://h/\netag \"a\r\nCookie: x\"\n"),
		LZ_SPAN("url http://h/\netag \"\x01\"\n"),
		LZ_SPAN("url http://h/\nbytes -1\n"),
		LZ_SPAN("url http://h/\nbytes 99999999999999999999\n"),
		LZ_SPAN("url http://h/\nsurprise 1\n"),
		LZ_SPAN("url http://h/\nnothing\n"),
		LZ_SPAN("url http://h/\n\n"),
		LZ_SPAN("\0\0\0\0"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct lz_meta m, none = {0};
		lz_meta_parse(odd[i], &m);
		assert_memory_equal(&m, &none, sizeof(m));
	}
	for (size_t n = 200; n < 2000; n += 100) { /* too long for its place */
		struct lz_meta m;
		char text[2100];
		memcpy(text, "etag ", 5);
		memset(text + 5, 'e', n);
		text[5 + n] = '\n';
		lz_meta_parse(lz_span(text, n + 6), &m);
		assert_int_equal(strlen(m.etag), n < sizeof(m.etag) ? n : 0);
	}
}

static unsigned named(const char *feeds, const char *path, struct lz_source *ret)
{
	struct lz_arena arena;
	struct lz_vec v;
	struct lz_err err;
	unsigned n = 0;

	lz_arena_init(&arena, LZ_M);
	lz_vec_init(&v, sizeof(struct lz_source), 1000);
	assert_ok(lz_sources(feeds, &arena, &v, &err), err);
	LZ_VEC_EACH (struct lz_source, s, &v) {
		if (path && lz_span_is(s->path, path) && ret)
			*ret = *s;
		n++;
	}
	if (path)
		assert_true(lz_sources_have(&v, lz_str(path)));
	lz_vec_done(&v);
	lz_arena_done(&arena);
	return n;
}

static void test_sources(void **state)
{
	struct lz_source s = {0};
	unsigned all = named(NULL, NULL, NULL);

	(void)state;
	assert_true(all > 50);
	assert_int_equal(named("debian", "debian/tracker.json", &s), 1);
	assert_true(s.asked_for);
	assert_int_equal(named("debian", "debian/tracker.json.gz", NULL), 1);
	assert_int_equal(named("ALPINE:v3.18", "alpine/v3.18/main.json", &s), 2);
	assert_true(s.asked_for && !s.optional);
	assert_int_equal(named("alpine:v3.2", "alpine/v3.2/community.json", &s), 2);
	assert_true(s.optional && !s.asked_for); /* Alpine 3.2 had no such repository */
	assert_int_equal(named("alpine", "alpine/edge/main.json", &s), 2 * 26);
	assert_false(s.asked_for);
	assert_int_equal(named("debian,debian, kev", NULL, NULL), 2);
	assert_int_equal(named("osv,alpine,debian,wolfi,chainguard,minimos,kev,epss", NULL, NULL),
			 all);
}

static void test_unknown_source(void **state)
{
	static const char *const wrong[] = {"debia", "debianx", "alpine:v3.1", "",
					    ",",     "osv:",	"debian,,kev", "v3.18"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct lz_arena arena;
		struct lz_vec v;
		struct lz_err err;
		lz_arena_init(&arena, LZ_M);
		lz_vec_init(&v, sizeof(struct lz_source), 1000);
		assert_int_equal(lz_sources(wrong[i], &arena, &v, &err), LZ_E_USAGE);
		lz_vec_done(&v);
		lz_arena_done(&arena);
	}
}

static void test_osv_list(void **state)
{
	struct lz_arena arena;
	struct lz_span list = LZ_SPAN("AlmaLinux\nGo\nhexagon\nhex.example\nnpm\n");

	(void)state;
	lz_arena_init(&arena, LZ_M);
	assert_true(lz_span_ends(lz_source_of_osv(list, "hex.", &arena), "/hex.example/all.zip"));
	assert_true(lz_span_ends(lz_source_of_osv(list, "hexa", &arena), "/hexagon/all.zip"));
	assert_int_equal(lz_source_of_osv(list, "crates", &arena).n, 0);
	/* a name that would lead elsewhere */
	assert_int_equal(lz_source_of_osv(LZ_SPAN("crates/../../x\n"), "crates", &arena).n, 0);
	lz_arena_done(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wait),	 cmocka_unit_test(test_status),
		cmocka_unit_test(test_meta),	 cmocka_unit_test(test_odd_meta),
		cmocka_unit_test(test_sources),	 cmocka_unit_test(test_unknown_source),
		cmocka_unit_test(test_osv_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
