/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Version orders against the public case files in ../shared/versions, every case in both
 * directions, and against properties that any order must have.
 */
#include "format/version.h"

#include "test.h"

static int sign(int x)
{
	return x < 0 ? -1 : x > 0;
}

static void one_case(enum lz_version_scheme scheme, const char *a, char op, const char *b,
		     unsigned line)
{
	int want = op == '<' ? -1 : op == '>' ? 1 : 0, c = 99;
	struct lz_err err;

	assert_ok(lz_version_cmp(scheme, lz_str(a), lz_str(b), &c, &err), err);
	if (sign(c) != want)
		fail_msg("line %u: %s %c %s, got %d", line, a, op, b, c);
	assert_ok(lz_version_cmp(scheme, lz_str(b), lz_str(a), &c, &err), err);
	if (sign(c) != -want)
		fail_msg("line %u, reversed: %s %c %s, got %d", line, a, op, b, c);
}

static void file_cases(const char *rel, enum lz_version_scheme scheme, unsigned least)
{
	const char *path = shared_or_skip(rel);
	FILE *f = fopen(path, "r");
	char a[300], b[300], op;
	unsigned n = 0;

	assert_non_null(f);
	while (fscanf(f, "%299s %c %299s", a, &op, b) == 3)
		one_case(scheme, a, op, b, ++n);
	fclose(f);
	assert_true(n >= least);
}

static void test_dpkg(void **state)
{
	(void)state;
	file_cases("versions/dpkg.txt", LZ_VER_DPKG, 5000);
}

static void test_rpm(void **state)
{
	(void)state;
	file_cases("versions/rpm.txt", LZ_VER_RPM, 50);
}

static void test_apk(void **state)
{
	(void)state;
	file_cases("versions/apk.txt", LZ_VER_APK, 5000);
}

/* From deb-version(7), rpm's documentation and the Alpine wiki, so that something is asked without
 * ../shared too. */
static void test_by_hand(void **state)
{
	(void)state;
	one_case(LZ_VER_DPKG, "1.0~rc1-1", '<', "1.0-1", 1);
	one_case(LZ_VER_DPKG, "1:0.1", '>', "99", 2);
	one_case(LZ_VER_DPKG, "1.0-1+deb12u1", '>', "1.0-1", 3);
	one_case(LZ_VER_DPKG, "1.2.10", '>', "1.2.9", 4);
	one_case(LZ_VER_DPKG, "1.0+dfsg-1", '<', "1.0.1-1", 5);
	one_case(LZ_VER_RPM, "1.0~rc1-1", '<', "1.0-1", 6);
	one_case(LZ_VER_RPM, "1.0^git1-1", '>', "1.0-1", 7);
	one_case(LZ_VER_RPM, "1.0^git1", '<', "1.0.1", 8);
	one_case(LZ_VER_RPM, "1:1.0-1", '>', "2.0-1", 9);
	one_case(LZ_VER_APK, "1.0_rc1", '<', "1.0", 10);
	one_case(LZ_VER_APK, "1.0_p1", '>', "1.0", 11);
	one_case(LZ_VER_APK, "1.0-r9", '<', "1.0-r10", 12);
}

static void test_refused(void **state)
{
	static const struct {
		enum lz_version_scheme scheme;
		const char *text;
	} bad[] = {
		{LZ_VER_DPKG, ""},   {LZ_VER_DPKG, "1:"},    {LZ_VER_DPKG, "1.0 beta"},
		{LZ_VER_DPKG, ":1"}, {LZ_VER_DPKG, "1.0$x"}, {LZ_VER_RPM, "a b"},
		{LZ_VER_RPM, "3:"},  {LZ_VER_APK, "1 2"},    {LZ_VER_APK, "1;rm"},
		{LZ_VER_RPM, ""},    {LZ_VER_APK, ""},
	};
	static char huge[2000];
	struct lz_err err;
	int c = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
			lz_version_cmp(bad[i].scheme, lz_str(bad[i].text), LZ_SPAN("1"), &c, &err),
			LZ_E_FORMAT);
		assert_non_null(strstr(err.text, lz_version_scheme_name(bad[i].scheme)));
	}
	memset(huge, '1', sizeof(huge));
	assert_int_equal(lz_version_check(LZ_VER_DPKG, lz_span(huge, sizeof(huge)), &err),
			 LZ_E_LIMIT);
	assert_int_equal(c, 7); /* outputs change on success only */
}

/* Random versions from each scheme's alphabet: an order is antisymmetric and transitive. */
static void test_is_an_order(void **state)
{
	static const char *const alphabet[] = {"019.+~-abz", "019.~^-abz", "019._pr-ab",
					       "019.-abz"};
	uint64_t seed = 42;

	(void)state;
	for (int s = 0; s < LZ_VER_COUNT; s++) {
		for (int round = 0; round < 30000; round++) {
			char v[3][12];
			int ab, bc, ac, ba;
			for (int k = 0; k < 3; k++) {
				size_t n = 1;
				v[k][0] = '1';
				for (; n < 8; n++) {
					seed = seed * 6364136223846793005ULL +
					       1442695040888963407ULL;
					if ((seed >> 60) == 0)
						break;
					v[k][n] = alphabet[s][(seed >> 33) % strlen(alphabet[s])];
				}
				v[k][n] = 0;
			}
			if (lz_version_cmp((enum lz_version_scheme)s, lz_str(v[0]), lz_str(v[1]),
					   &ab, NULL) ||
			    lz_version_cmp((enum lz_version_scheme)s, lz_str(v[1]), lz_str(v[2]),
					   &bc, NULL) ||
			    lz_version_cmp((enum lz_version_scheme)s, lz_str(v[0]), lz_str(v[2]),
					   &ac, NULL) ||
			    lz_version_cmp((enum lz_version_scheme)s, lz_str(v[1]), lz_str(v[0]),
					   &ba, NULL))
				continue;
			if (sign(ab) != -sign(ba))
				fail_msg("%s ? %s is not antisymmetric", v[0], v[1]);
			/* Apk's odd forms compare as equal in groups, which is no order: symmetry
			 * must do there. */
			if (s != LZ_VER_APK && sign(ab) <= 0 && sign(bc) <= 0)
				if (sign(ac) > 0)
					fail_msg("%s <= %s <= %s, but not transitive", v[0], v[1],
						 v[2]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dpkg),	cmocka_unit_test(test_rpm),
		cmocka_unit_test(test_apk),	cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_is_an_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
