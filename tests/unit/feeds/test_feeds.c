/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alpine's secdb, OSV, KEV and EPSS. Documents are written here from the formats' descriptions, and
 * what they must come to was worked out by hand.
 */
#include "collect.h"

#include "vuln/feed_work.h"

static void expect(const char *path, const char *doc, const char *want)
{
	for (size_t chunk = 0; chunk < 40; chunk += 13) { /* every cut reads the same */
		struct collect c;
		struct lz_err err;
		collect_init(&c);
		assert_ok(collect_read(&c, path, lz_str(doc), chunk, &err), err);
		assert_string_equal(collect_text(&c), want);
		collect_done(&c);
	}
}

static void fails(const char *path, const char *doc, const char *says)
{
	struct collect c;
	struct lz_err err = {0};
	int r;

	collect_init(&c);
	r = collect_read(&c, path, lz_str(doc), 0, &err);
	if (r != LZ_E_FORMAT || !strstr(err.text, says))
		fail_msg("%s \"%s\": %d %s", path, doc, r, err.text);
	collect_done(&c);
}

/* --- secdb ------------------------------------------------------------------------------------ */

#define SECDB(fixes) "{\"packages\": [{\"pkg\": {\"name\": \"curl\", \"secfixes\": {" fixes "}}}]}"

static void test_secdb(void **state)
{
	(void)state;
	expect("alpine/v3.18/main.json", SECDB("\"8.4.0-r0\": [\"CVE-2023-38545\"]"),
	       "A CVE-2023-38545 alpine unknown \"\"\n"
	       "  alpine:v3.18 curl apk fixed >0 <8.4.0-r0\n"
	       "I alpine:v3.18 0 1 0\n");
	/* "0": never affected; several names in one string are one vulnerability */
	expect("alpine/edge/main.json", SECDB("\"0\": [\"CVE-2020-0001 GHSA-2222-3333-4444\"]"),
	       "A CVE-2020-0001 alpine unknown \"\" alias=GHSA-2222-3333-4444\n"
	       "  alpine:edge curl apk not_affected\n"
	       "I alpine:edge 0 1 0\n");
	expect("wolfi/security.json", SECDB("\"1.0-r1\": [\"CVE-2021-0002 (+ a note)\"]"),
	       "A CVE-2021-0002 wolfi unknown \"\"\n"
	       "  wolfi curl apk fixed >0 <1.0-r1\n"
	       "I wolfi 0 1 0\n");
	/* the first branches have nothing to tell yet */
	expect("alpine/v3.3/community.json", "{\"distroversion\": \"v3.3\", \"packages\": []}",
	       "I alpine:v3.3 0 0 0\n");
	fails("alpine/v3.18/main.json", "[]", "");
	fails("alpine/v3.18/main.json", "{\"packages\": [{\"pkg\": ", "");
}

/* A CVE that one version fixed and a later one fixed again: the later one holds where both stand.
 */
static void test_secdb_twice(void **state)
{
	struct collect c;
	struct lz_err err;
	int64_t both;

	(void)state;
	collect_init(&c);
	assert_ok(collect_read(&c, "alpine/v3.18/main.json",
			       lz_str(SECDB("\"1.0-r0\": [\"CVE-2020-0007\"], \"1.1-r0\": "
					    "[\"CVE-2020-0007\"]")),
			       0, &err),
		  err);
	both = strstr(collect_text(&c), "<1.1-r0") != NULL;
	assert_true(both);
	collect_done(&c);
}

/* --- OSV -------------------------------------------------------------------------------------- */

static void osv(const char *doc, const char *want)
{
	struct lz_feed_work w;
	struct lz_limits limits;
	struct collect c;
	struct lz_err err;

	lz_limits_default(&limits);
	collect_init(&c);
	lz_feed_work_init(&w, &limits, &c.sink);
	assert_ok(lz_osv_record(&w, lz_str(doc), "x.json", 0, &err), err);
	if (want[0] == 'S')
		assert_non_null(strstr(collect_text(&c), want + 2));
	else
		assert_string_equal(collect_text(&c), want);
	lz_feed_work_done(&w);
	collect_done(&c);
}

#define OSV(id, more, affected)                                            \
	"{\"id\": \"" id "\", \"modified\": \"2025-01-02T00:00:00Z\"" more \
	", \"affected\": [" affected "]}"
#define PKG(eco, name)	    "\"package\": {\"ecosystem\": \"" eco "\", \"name\": \"" name "\"}"
#define RANGE(type, events) "\"ranges\": [{\"type\": \"" type "\", \"events\": [" events "]}]"
#define M		    "m=1735776000" /* date -u -d 2025-01-02 +%s */

static void test_osv(void **state)
{
	(void)state;
	osv(OSV("GO-2099-1", ", \"aliases\": [\"CVE-2099-1\"], \"summary\": \"Title\"",
		"{" PKG("Go", "e.com/m") ", " RANGE(
			"SEMVER",
			"{\"introduced\": \"0\"}, {\"fixed\": \"1.2.3\"}, "
			"{\"introduced\": \"2.0.0\"}, {\"last_affected\": \"2.1.0\"}") "}"),
	    "A GO-2099-1 osv unknown \"Title\" alias=CVE-2099-1 " M "\n"
	    "  go e.com/m go fixed >0 <1.2.3 >2.0.0 =2.1.0\n");
	/* no range, explicit versions only, so nothing is said of a fix; a severity in a vector and
	 * in a word */
	osv(OSV("GHSA-2222-3333-4444",
		", \"severity\": [{\"type\": \"CVSS_V3\", \"score\": "
		"\"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/"
		"S:U/C:H/I:H/A:H\"}], \"database_specific\": {\"severity\": \"MODERATE\"}",
		"{" PKG("PyPI", "A_B") ", \"versions\": [\"1.0\", \"1.1\"]}"),
	    "A GHSA-2222-3333-4444 osv medium \"\" "
	    "cvss=CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H " M "\n"
	    "  pypi a-b pep440 unknown versions=1.0,1.1\n");
	/* distributions carry their release */
	osv(OSV("ALSA-2023:1", "",
		"{" PKG("AlmaLinux:8", "curl") ", " RANGE(
			"ECOSYSTEM",
			"{\"introduced\": \"0\"}, {\"fixed\": \"7.61.1-30.el8\"}") "}"),
	    "A ALSA-2023:1 osv unknown \"\" " M "\n"
	    "  almalinux:8 curl rpm fixed >0 <7.61.1-30.el8\n");
	/* ranges of commits say nothing of versions */
	osv(OSV("X-1", "",
		"{" PKG("npm", "x") ", " RANGE("GIT", "{\"introduced\": \"0\"}, "
						      "{\"fixed\": \"abcdef\"}") "}"),
	    "S x.json");
	osv("{\"id\": \"X-2\", \"modified\": \"2025-01-02T00:00:00Z\", \"withdrawn\": "
	    "\"2025-01-03T00:00:00Z\"}",
	    "S withdrawn");
	osv(OSV("X-3", "", "{" PKG("Nowhere", "x") ", \"versions\": [\"1\"]}"), "S Nowhere");
	osv("{\"id\": \"X-4\"", "S x.json");
	osv("[]", "S x.json");
	osv("{\"modified\": \"2025-01-02T00:00:00Z\"}", "S id");
}

/* --- KEV and EPSS ----------------------------------------------------------------------------- */

static void test_kev(void **state)
{
	(void)state;
	expect("kev/known_exploited_vulnerabilities.json",
	       "{\"dateReleased\": \"2025-01-02T00:00:00.0Z\", \"count\": 2, \"vulnerabilities\": ["
	       "{\"cveID\": \"CVE-2021-44228\", \"dateAdded\": \"2021-12-10\"}, "
	       "{\"cveID\": \"CVE-2014-0160\", \"dateAdded\": \"2022-05-04\"}]}",
	       /* date -u -d 2021-12-10 +%s, 2022-05-04 */
	       "E CVE-2021-44228 kev=1639094400 epss=-1.00000 percentile=-1.00000\n"
	       "E CVE-2014-0160 kev=1651622400 epss=-1.00000 percentile=-1.00000\n"
	       "I kev 1735776000 2 0\n");
	fails("kev/known_exploited_vulnerabilities.json", "{\"title\": \"x\"}", "vulnerabilities");
	fails("kev/known_exploited_vulnerabilities.json",
	      "{\"vulnerabilities\": [{\"cveID\": \"not one\"}]}", "");
}

static void test_epss(void **state)
{
	(void)state;
	expect("epss/x.csv",
	       "#model_version:v2025.03.14,score_date:2025-01-02T00:00:00+0000\n"
	       "cve,epss,percentile\nCVE-1999-0001,0.0134,0.79\r\nCVE-2021-44228,1,0.99958\n",
	       "E CVE-1999-0001 kev=-1 epss=0.01340 percentile=0.79000\n"
	       "E CVE-2021-44228 kev=-1 epss=1.00000 percentile=0.99958\n"
	       "I epss 1735776000 2 0\n");
	fails("epss/x.csv", "cve,epss,percentile\n", "no record");
	fails("epss/x.csv", "<html>\n", "");
	fails("epss/x.csv", "cve,epss,percentile\nCVE-1999-0001,1.5,0.1\n", "");
}

static int once(const char *path, const char *doc)
{
	struct collect c;
	struct lz_err err = {0};
	int r;

	collect_init(&c);
	r = collect_read(&c, path, lz_str(doc), 0, &err);
	collect_done(&c);
	return r;
}

static void test_no_memory(void **state)
{
	(void)state;
	assert_survives_nomem(
		once("alpine/v3.18/main.json", SECDB("\"8.4.0-r0\": [\"CVE-2023-38545\"]")));
	assert_survives_nomem(once("epss/x.csv", "cve,epss,percentile\nCVE-1999-0001,0.5,0.5\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secdb), cmocka_unit_test(test_secdb_twice),
		cmocka_unit_test(test_osv),   cmocka_unit_test(test_kev),
		cmocka_unit_test(test_epss),  cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
