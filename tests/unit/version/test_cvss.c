/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CVSS scores against those published with well-known CVEs (NVD) and in FIRST's example documents.
 */
#include "vuln/vuln.h"

#include "test.h"

static const struct {
	const char *vector;
	double score;
	enum lz_severity severity;
} published[] = {
	{"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0,
	 LZ_SEV_CRITICAL},							/* CVE-2021-44228 */
	{"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8, LZ_SEV_CRITICAL}, /* CVE-2014-6271 */
	{"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 7.5, LZ_SEV_HIGH},	/* CVE-2014-0160 */
	{"CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 7.8, LZ_SEV_HIGH},	/* CVE-2021-3156 */
	{"CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1, LZ_SEV_MEDIUM},	/* CVE-2013-1937 */
	{"CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4, LZ_SEV_MEDIUM},	/* CVE-2013-0375 */
	{"CVSS:3.0/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1, LZ_SEV_LOW},	/* CVE-2014-3566 */
	{"CVSS:3.0/AV:A/AC:L/PR:N/UI:N/S:C/C:H/I:N/A:H", 9.3, LZ_SEV_CRITICAL}, /* CVE-2013-6014 */
	{"CVSS:3.0/AV:P/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 6.8,
	 LZ_SEV_MEDIUM}, /* CVE-2015-... physical */
	{"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0, LZ_SEV_NEGLIGIBLE},
	/* FIRST's examples of 4.0: CVE-2021-44228, -2014-6271, … -2022-41741, -2020-3549,
	 * -2023-3089 (alone and in two environments), -2021-44714, -2022-21830, -2022-22186,
	 * -2023-21989 and CVE-2014-0160 */
	{"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", 10.0, LZ_SEV_CRITICAL},
	{"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 9.3, LZ_SEV_CRITICAL},
	{"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:L/VI:L/VA:L/SC:N/SI:N/SA:N", 6.9, LZ_SEV_MEDIUM},
	{"CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 7.3, LZ_SEV_HIGH},
	{"CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 7.7, LZ_SEV_HIGH},
	{"CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:L/VA:L/SC:N/SI:N/SA:N", 8.3, LZ_SEV_HIGH},
	{"CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:L/VA:L/SC:N/SI:N/SA:N/CR:H/IR:L/AR:L", 8.1,
	 LZ_SEV_HIGH},
	{"CVSS:4.0/AV:L/AC:L/AT:N/PR:N/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N", 4.6, LZ_SEV_MEDIUM},
	{"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:A/VC:N/VI:N/VA:N/SC:L/SI:L/SA:N", 5.1, LZ_SEV_MEDIUM},
	{"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:L/VA:N/SC:N/SI:N/SA:N", 6.9, LZ_SEV_MEDIUM},
	{"CVSS:4.0/AV:L/AC:L/AT:N/PR:H/UI:N/VC:N/VI:N/VA:N/SC:H/SI:N/SA:N", 5.9, LZ_SEV_MEDIUM},
	{"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N/E:A", 8.7, LZ_SEV_HIGH},
	{"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", 0.0, LZ_SEV_NEGLIGIBLE},
	{"AV:N/AC:L/Au:N/C:N/I:N/A:C", 7.8, LZ_SEV_HIGH},   /* CVE-2002-0392 */
	{"AV:N/AC:L/Au:N/C:C/I:C/A:C", 10.0, LZ_SEV_HIGH},  /* CVE-2003-0818 */
	{"AV:L/AC:H/Au:N/C:C/I:C/A:C", 6.2, LZ_SEV_MEDIUM}, /* CVE-2003-0062 */
	{"AV:N/AC:L/Au:N/C:P/I:N/A:N", 5.0, LZ_SEV_MEDIUM}, /* CVE-2014-0160 */
};

static void test_published(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++) {
		struct lz_err err;
		double score = -1;
		assert_ok(lz_cvss_score(lz_str(published[i].vector), &score, &err), err);
		if (score < published[i].score - 0.001 || score > published[i].score + 0.001)
			fail_msg("%s: %.2f, published %.1f", published[i].vector, score,
				 published[i].score);
		assert_int_equal(lz_cvss_severity(lz_str(published[i].vector), score),
				 published[i].severity);
	}
}

static void test_malformed(void **state)
{
	static const char *const bad[] = {
		"",
		"CVSS:3.1/AV:N",
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/AV:N",
		"CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
		"CVSS:3.1/AVN/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
		"AV:N/AC:L/Au:N/C:P/I:N",
	};
	double score = 42;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(lz_cvss_score(lz_str(bad[i]), &score, NULL), LZ_E_FORMAT);
	assert_int_equal(lz_cvss_score(LZ_SPAN("CVSS:5.0/AV:N"), &score, NULL), LZ_E_UNSUPPORTED);
	assert_true(score > 41);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published),
		cmocka_unit_test(test_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
