/* SPDX-License-Identifier: Apache-2.0 */
#include "collect.h"

#include <zlib.h>

#define ROW(release, rest) "\"" release "\":{" rest "}"
#define DOC(package, rows)                                                            \
	"{\"" package                                                                 \
	"\":{\"CVE-2024-0001\":{\"description\":\"A flaw in x 1.2.3 lets y. More.\"," \
	"\"releases\":{" rows "}}}}"

static void expect(const char *doc, const char *expected)
{
	/* Every cut of the input must read the same. */
	for (size_t chunk = 0; chunk < 40; chunk += 7) {
		struct collect c;
		struct lz_err err;

		collect_init(&c);
		assert_ok(collect_read(&c, "debian/tracker.json", lz_str(doc), chunk, &err), err);
		assert_string_equal(collect_text(&c), expected);
		collect_done(&c);
	}
}

static void fails(const char *doc, int code, const char *part)
{
	struct collect c;
	struct lz_err err;

	collect_init(&c);
	assert_int_equal(collect_read(&c, "debian/tracker.json", lz_str(doc), 0, &err), code);
	assert_non_null(strstr(err.text, part));
	collect_done(&c);
}

static void resolved_rows(void **state)
{
	expect(DOC("x",
		   ROW("bookworm",
		       "\"status\":\"resolved\",\"fixed_version\":\"1.2-3+deb12u1\","
		       "\"urgency\":\"medium**\"") "," ROW("bullseye",
							   "\"status\":"
							   "\"resolved\","
							   "\"fixed_"
							   "version\":"
							   "\"0\","
							   "\"urgency\":"
							   "\"unimportant"
							   "\"") "," ROW("s"
									 "i"
									 "d",
									 "\"status\":\"resolved\","
									 "\"fixed_version\":\"1:1."
									 "4-1\","
									 "\"urgency\":\"not yet "
									 "assigned\"")),
	       "A CVE-2024-0001 debian unknown \"A flaw in x 1.2.3 lets y.\"\n"
	       "  debian:11 x dpkg not_affected negligible\n"
	       "  debian:12 x dpkg fixed medium >0 <1.2-3+deb12u1\n"
	       "  debian:sid x dpkg fixed >0 <1:1.4-1\n"
	       "I debian 0 1 0\n");
}

static void open_rows(void **state)
{
	expect(DOC("x",
		   ROW("buster", "\"status\":\"open\",\"urgency\":\"end-of-life\"") "," ROW(
			   "bullseye",
			   "\"status\":\"open\",\"urgency\":\"low\","
			   "\"nodsa\":\"Minor "
			   "issue\",\"nodsa_reason\":\"ignored\"") "," ROW("bookwo"
									   "rm",
									   "\"stat"
									   "us\":"
									   "\"open"
									   "\","
									   "\"urge"
									   "ncy\":"
									   "\"high"
									   "\","
									   "\"nods"
									   "a\":"
									   "\"Late"
									   "r\","
									   "\"nods"
									   "a_"
									   "reason"
									   "\":"
									   "\"post"
									   "poned"
									   "\"") "," ROW("trixie",
											 "\"status"
											 "\":"
											 "\"open\","
											 "\"fixed_"
											 "version\""
											 ":\"2.0-"
											 "1\"") "," ROW("forky",
													"\"status\":\"undetermined\"") "," ROW("sid",
																	       "\"status\":\"open\",\"nodsa_reason\":\"\",\"nodsa\":\"No DSA\"")),
	       "A CVE-2024-0001 debian unknown \"A flaw in x 1.2.3 lets y.\"\n"
	       "  debian:10 x dpkg end_of_life >0\n"
	       "  debian:11 x dpkg will_not_fix low >0\n"
	       "  debian:12 x dpkg fix_deferred high >0\n"
	       "  debian:13 x dpkg affected >0 |2.0-1\n"
	       "  debian:sid x dpkg affected >0\n"
	       "I debian 0 1 0\n");
}

/* The package is in bookworm, as its other CVE shows; nobody spoke of bookworm for this one. */
static void release_without_row(void **state)
{
	expect("{\"x\":{\"CVE-2024-0001\":{\"releases\":{"
	       "\"sid\":{\"status\":\"resolved\",\"fixed_version\":\"2.0-1\",\"urgency\":\"high\"}}"
	       "},"
	       "\"CVE-2024-0002\":{\"releases\":{"
	       "\"bookworm\":{\"status\":\"resolved\",\"fixed_version\":\"0\",\"urgency\":\"low\"}}"
	       "}}}",
	       "A CVE-2024-0001 debian unknown \"\"\n"
	       "  debian:12 x dpkg affected high >0 |2.0-1\n"
	       "  debian:sid x dpkg fixed high >0 <2.0-1\n"
	       "A CVE-2024-0002 debian unknown \"\"\n"
	       "  debian:12 x dpkg not_affected low\n"
	       "I debian 0 2 0\n");
}

static void left_out_by_name(void **state)
{
	expect("{\"x\":{\"CVE-2024-0001\":{\"releases\":{"
	       "\"zurg\":{\"status\":\"open\"},"
	       "\"sid\":{\"status\":\"open\"}}},"
	       "\"CVE-2024-0002\":{\"releases\":{\"sid\":{\"status\":\"fixed?\"}}},"
	       "\"CVE-2024-0003\":{\"releases\":{\"sid\":{\"status\":\"resolved\"}}},"
	       "\"CVE-2024-0004\":{\"releases\":[1]},"
	       "\"CVE-2024-0005\":{\"releases\":[]}},\"y\":7}",
	       "S x CVE-2024-0001: unknown release zurg\n"
	       "A CVE-2024-0001 debian unknown \"\"\n"
	       "  debian:sid x dpkg affected >0\n"
	       "S x CVE-2024-0002: sid: neither \"open\" nor \"resolved\" by a version\n"
	       "S x CVE-2024-0003: sid: neither \"open\" nor \"resolved\" by a version\n"
	       "S x CVE-2024-0004: no object of \"releases\"\n"
	       "S y: no object of vulnerabilities\n"
	       "I debian 0 1 5\n");
}

static void broken_documents(void **state)
{
	fails("{\"x\":{\"CVE-2024-0001\":", LZ_E_FORMAT, "ends inside a value at byte");
	fails("{\"x\":{},\"x\":{}}", LZ_E_FORMAT, "package x is given twice");
	fails("[{\"a\":1},{\"b\":2}]", LZ_E_FORMAT, "an object of packages was expected");
	fails("{\"x\":{\"CVE-2024-0001\":{\"releases\":{},\"releases\":{}}}}", LZ_E_FORMAT,
	      "duplicate");
	fails("{\"x\":{\"CVE-2024-0001\":{\"description\":\"\xff\"}}}", LZ_E_FORMAT,
	      "decode byte 0xff");
	fails("<html>429</html>", LZ_E_FORMAT, "at byte 0");
}

static void the_samples(void **state)
{
	const char *path = shared_or_skip("feeds/samples/debian/tracker-sample.json");
	char text[16384];
	FILE *f = fopen(path, "rb");
	size_t n = fread(text, 1, sizeof(text), f);
	struct collect c;
	struct lz_err err;

	fclose(f);
	collect_init(&c);
	assert_ok(collect_read(&c, "debian/tracker.json", lz_span(text, n), 0, &err), err);
	/* By hand from the file: six packages with seven vulnerabilities, one of them (chromium-
	 * browser) without any release. */
	assert_non_null(strstr(collect_text(&c),
			       "  debian:10 chromium dpkg end_of_life >0\n"
			       "  debian:11 chromium dpkg fixed >0 <98.0.4758.80-1~deb11u1\n"
			       "  debian:12 chromium dpkg fixed >0 <98.0.4758.80-1\n"
			       "  debian:sid chromium dpkg fixed >0 <98.0.4758.80-1\n"));
	assert_non_null(strstr(collect_text(&c), "  debian:12 sope dpkg fixed >0 <5.8.0-1+deb12u1\n"
						 "  debian:13 sope dpkg fixed >0 <5.12.1-2\n"));
	assert_non_null(
		strstr(collect_text(&c), "  debian:sid prototypejs dpkg not_affected negl"));
	assert_non_null(strstr(collect_text(&c), "I debian 0 6 0\n"));
	collect_done(&c);
}

/* jq says: 24,042 vulnerabilities of packages, 33,899 rows, all resolved, none fixed by "0", and no
 * row for sid, from which others could follow; woody and sarge have minor numbers. */
static void the_whole_tracker(void **state)
{
	const char *path = shared_or_skip("feeds/debian/tracker.json.gz");
	gzFile gz = gzopen(path, "rb");
	size_t cap = 8 << 20;
	char *text = malloc(cap);
	int n = gzread(gz, text, (unsigned)cap);
	struct collect c;
	struct lz_err err;

	gzclose(gz);
	assert_in_range(n, 6000000, (int)cap - 1);
	collect_init(&c);
	c.quiet = true;
	assert_ok(collect_read(&c, "debian/tracker.json", lz_span(text, (size_t)n), 65536, &err),
		  err);
	assert_int_equal(c.advisories, 24042);
	assert_int_equal(c.affected, 33899);
	assert_int_equal(c.events, 2 * 33899);
	assert_int_equal(c.skips, 0);
	collect_done(&c);
	free(text);
}

static int run_short(void)
{
	struct collect c;
	struct lz_err err;
	int r;

	collect_init(&c);
	c.quiet = true;
	r = collect_read(&c, "debian/tracker.json",
			 lz_str("{\"x\":{\"CVE-2024-0001\":{\"releases\":{\"sid\":{\"status\":"
				"\"resolved\",\"fixed_version\":\"1\"}}}},\"y\":{}}"),
			 5, &err);
	collect_done(&c);
	return r;
}

static void no_memory(void **state)
{
	assert_survives_nomem(run_short());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resolved_rows),       cmocka_unit_test(open_rows),
		cmocka_unit_test(release_without_row), cmocka_unit_test(left_out_by_name),
		cmocka_unit_test(broken_documents),    cmocka_unit_test(the_samples),
		cmocka_unit_test(the_whole_tracker),   cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
