/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter that every entry of a layer passes must never turn away what a cataloger reads. The
 * slow question and fnmatch(3) are the truth; the paths are the patterns themselves, filled in,
 * moved below other folders, and with one byte changed, added or taken away.
 */
#include "catalog/catalog.h"

#include "test.h"

#include <stdio.h>

static uint64_t chance(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* The pattern with each "*" replaced by a name of 1 to 80 bytes. */
static size_t fill(char *out, size_t size, const char *pattern, uint64_t *seed)
{
	size_t n = 0;

	for (; *pattern && n < size - 100; pattern++) {
		if (*pattern != '*') {
			out[n++] = *pattern;
			continue;
		}
		for (uint64_t k = 1 + chance(seed) % 80; k; k--)
			out[n++] = (char)('a' + chance(seed) % 26);
	}
	out[n] = 0;
	return n;
}

static void damage(char *text, size_t *n, uint64_t *seed)
{
	size_t at = chance(seed) % *n;

	switch (chance(seed) % 4) {
	case 0:
		text[at] = (char)('a' + chance(seed) % 26);
		break;
	case 1:
		memmove(text + at, text + at + 1, *n - at);
		--*n;
		break;
	case 2:
		memmove(text + at + 1, text + at, *n - at + 1);
		text[at] = '/';
		++*n;
		break;
	default:
		break;
	}
}

static void agree(const struct lz_catalog_filter *f, struct lz_span path)
{
	struct lz_span name = lz_span_from(path, (size_t)(lz_span_rfind(path, '/') + 1));

	if (lz_catalog_filter_file(f, path, name) != lz_catalog_candidate(path))
		fail_msg("%.*s: the filter and the question differ", LZ_FMT(path));
	if (lz_catalog_filter_component(f, name) != lz_catalog_component(name))
		fail_msg("%.*s: differ as a component", LZ_FMT(name));
}

static void test_patterns_pass(void **state)
{
	struct lz_catalog_filter f;
	uint64_t seed = 88172645463325252ULL;
	char text[700], moved[800];

	(void)state;
	lz_catalog_filter_init(&f);
	for (size_t i = 0; lz_catalogers[i]; i++)
		for (const char *const *p = lz_catalogers[i]->paths; *p; p++)
			for (int k = 0; k < 200; k++) {
				size_t n = fill(text, sizeof(text), *p, &seed);
				struct lz_span path = lz_span(text, n), name;
				const char *pattern = NULL;

				name = lz_span_from(path, (size_t)(lz_span_rfind(path, '/') + 1));
				assert_true(lz_catalog_filter_file(&f, path, name));
				assert_non_null(lz_catalog_match(path, &pattern));
				/* a folder may have been moved: two components still decide */
				snprintf(moved, sizeof(moved), "srv/x/%s", text);
				agree(&f, lz_str(moved));
			}
}

static void test_near_misses_agree(void **state)
{
	struct lz_catalog_filter f;
	uint64_t seed = 2463534242ULL;
	char text[700];

	(void)state;
	lz_catalog_filter_init(&f);
	for (size_t i = 0; lz_catalogers[i]; i++)
		for (const char *const *p = lz_catalogers[i]->paths; *p; p++)
			for (int k = 0; k < 2000; k++) {
				size_t n = fill(text, sizeof(text), *p, &seed);
				damage(text, &n, &seed);
				if (n)
					agree(&f, lz_span(text, n));
			}
}

static void test_most_are_turned_away(void **state)
{
	static const char *const paths[] = {"usr/bin/bash",
					    "usr/share/doc/curl/copyright",
					    "var/lib/dpkg/status-old",
					    "etc/passwd",
					    "a",
					    "x/"};
	struct lz_catalog_filter f;

	(void)state;
	lz_catalog_filter_init(&f);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct lz_span path = lz_str(paths[i]);
		struct lz_span name = lz_span_from(path, (size_t)(lz_span_rfind(path, '/') + 1));
		assert_false(lz_catalog_filter_file(&f, path, name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patterns_pass),
		cmocka_unit_test(test_near_misses_agree),
		cmocka_unit_test(test_most_are_turned_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
