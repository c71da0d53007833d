/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matching, rule by rule (docs/matching.md). Each case is a database of its own and one package;
 * what must be found was worked out by hand.
 */
#include "vuln/vuln.h"

#include "../../folder.h"

static struct lz_vdb_builder *builder;

static void start(void)
{
	struct lz_limits limits;
	struct lz_err err;

	lz_limits_default(&limits);
	builder = lz_vdb_builder_new(&limits, 64 * LZ_M, &err);
	assert_non_null(builder);
}

/* An advisory on one package; `fixed` NULL: none. */
static void knows(const char *id, const char *alias, const char *eco, enum lz_order order,
		  const char *name, const char *module, const char *fixed, enum lz_fix_state fix,
		  bool not_affected)
{
	struct lz_event events[2] = {{LZ_EV_INTRODUCED, LZ_SPAN("0")},
				     {LZ_EV_FIXED, lz_str(fixed)}};
	struct lz_affected x = {.ecosystem = lz_str(eco),
				.name = lz_str(name),
				.module = lz_str(module),
				.order = order,
				.fix = fix,
				.not_affected = not_affected,
				.events = events,
				.event_count = fixed ? 2 : 1};
	struct lz_span other = lz_str(alias);
	struct lz_advisory a = {.id = lz_str(id),
				.feed = LZ_SPAN("test"),
				.aliases = &other,
				.alias_count = alias ? 1 : 0,
				.affected = &x,
				.affected_count = 1};
	struct lz_err err;

	assert_ok(lz_vdb_add_advisory(builder, &a, &err), err);
}

static void deb(const char *id, const char *name, const char *fixed)
{
	knows(id, NULL, "debian:12", LZ_ORDER_DPKG, name, NULL, fixed, LZ_FIX_AVAILABLE, false);
}

static struct lz_package package(enum lz_pkg_type type, const char *name, const char *version,
				 const char *source, const char *source_version)
{
	return (struct lz_package){.type = type,
				   .name = lz_str(name),
				   .version = lz_str(version),
				   .source = lz_str(source ? source : name),
				   .source_version =
					   lz_str(source_version ? source_version : version),
				   .epoch_known = true,
				   .purl = LZ_SPAN("pkg:x/y/z@1")};
}

/* "ID fixed state; …" of what is found, then "problem" for each that could not be decided. */
static void finds_on(const char *os_id, const char *key, const char *channel, struct lz_package p,
		     const char *want)
{
	struct lz_os os = {.id = lz_str(os_id),
			   .feed_key = lz_str(key),
			   .channel_key = lz_str(channel),
			   .extended = channel != NULL,
			   .known = true};
	struct lz_vec findings, problems;
	struct lz_arena arena;
	struct lz_err err;
	struct lz_vdb *v;
	char got[600] = "";

	assert_ok(lz_vdb_write(builder, in_folder("m.vdb"), 1, NULL, &err), err);
	lz_vdb_builder_free(builder);
	v = lz_vdb_open(in_folder("m.vdb"), &err);
	assert_non_null(v);
	lz_arena_init(&arena, LZ_M);
	lz_vec_init(&findings, sizeof(struct lz_finding), 100);
	lz_vec_init(&problems, sizeof(struct lz_problem), 100);
	assert_ok(lz_match(v, &os, &p, 1, &arena, &findings, &problems, &err), err);
	LZ_VEC_EACH (struct lz_finding, f, &findings)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%.*s %s %.*s; ",
			 LZ_FMT(f->id), lz_fix_state_name(f->fix), LZ_FMT(f->fixed_version));
	for (size_t i = 0; i < problems.n; i++)
		strcat(got, "problem");
	assert_string_equal(got, want);
	lz_vec_done(&problems);
	lz_vec_done(&findings);
	lz_arena_done(&arena);
	lz_vdb_close(v);
}

static void finds(struct lz_package p, const char *want)
{
	finds_on("debian", "debian:12", NULL, p, want);
}

static void finds_rpm(struct lz_package p, const char *want)
{
	finds_on("rocky", "rocky:8", NULL, p, want);
}

/* --- rules ------------------------------------------------------------------------------------ */

static void test_source_name(void **s)
{
	(void)s;
	start(); /* Debian speaks of source packages, and of their versions */
	deb("CVE-2020-0001", "openssl", "3.0.11-1");
	deb("CVE-2020-0002", "libssl3", "99");
	finds(package(LZ_PKG_DEB, "libssl3", "3.0.9-1+b1", "openssl", "3.0.9-1"),
	      "CVE-2020-0001 fixed 3.0.11-1; ");
	start();
	knows("CVE-2020-0001", NULL, "rocky:8", LZ_ORDER_RPM, "openssl-libs", NULL,
	      "1:1.1.1k-9.el8", LZ_FIX_AVAILABLE, false);
	knows("CVE-2020-0002", NULL, "rocky:8", LZ_ORDER_RPM, "openssl", NULL, "99",
	      LZ_FIX_AVAILABLE, false); /* rpm families speak of binary packages */
	finds_rpm(package(LZ_PKG_RPM, "openssl-libs", "1:1.1.1k-7.el8", "openssl", NULL),
		  "CVE-2020-0001 fixed 1:1.1.1k-9.el8; ");
}

static void test_fixed(void **s)
{
	(void)s;
	start();
	deb("CVE-2020-0001", "curl", "7.88-1");
	finds(package(LZ_PKG_DEB, "curl", "7.88-1", NULL, NULL), "");
	start();
	deb("CVE-2020-0001", "curl", "7.88-1");
	finds(package(LZ_PKG_DEB, "curl", "7.88-1~bpo1", NULL, NULL),
	      "CVE-2020-0001 fixed 7.88-1; ");
	start(); /* an epoch outranks every number behind it */
	deb("CVE-2020-0001", "curl", "9.0-1");
	finds(package(LZ_PKG_DEB, "curl", "1:1.0-1", NULL, NULL), "");
	start();
	deb("CVE-2020-0001", "curl", "1:0.1-1");
	finds(package(LZ_PKG_DEB, "curl", "9.0-1", NULL, NULL), "CVE-2020-0001 fixed 1:0.1-1; ");
}

static void test_unfixed(void **s)
{
	(void)s;
	start();
	knows("CVE-2020-0001", NULL, "debian:12", LZ_ORDER_DPKG, "curl", NULL, NULL, LZ_FIX_WONT,
	      false);
	knows("CVE-2020-0002", NULL, "debian:12", LZ_ORDER_DPKG, "curl", NULL, NULL,
	      LZ_FIX_DEFERRED, false);
	finds(package(LZ_PKG_DEB, "curl", "1", NULL, NULL),
	      "CVE-2020-0001 will_not_fix ; CVE-2020-0002 fix_deferred ; ");
}

static void test_not_affected(void **s)
{
	(void)s;
	start(); /* the word that a package was never affected outranks another feed's range */
	knows("CVE-2020-0001", NULL, "debian:12", LZ_ORDER_DPKG, "curl", NULL, NULL, LZ_FIX_NONE,
	      true);
	deb("CVE-2020-0001", "curl", "99");
	finds(package(LZ_PKG_DEB, "curl", "1", NULL, NULL), "");
}

static void test_other_release(void **s)
{
	(void)s;
	start();
	deb("CVE-2020-0001", "curl", "2");
	knows("CVE-2020-0002", NULL, "debian:11", LZ_ORDER_DPKG, "curl", NULL, "2",
	      LZ_FIX_AVAILABLE, false);
	finds(package(LZ_PKG_DEB, "curl", "1", NULL, NULL), "CVE-2020-0001 fixed 2; ");
}

static void test_aliases(void **s)
{
	(void)s;
	start(); /* one vulnerability under three names: the CVE's, and the later fix */
	knows("DSA-1", "CVE-2020-0001", "debian:12", LZ_ORDER_DPKG, "curl", NULL, "2",
	      LZ_FIX_AVAILABLE, false);
	knows("GHSA-2222-3333-4444", "CVE-2020-0001", "debian:12", LZ_ORDER_DPKG, "curl", NULL, "3",
	      LZ_FIX_AVAILABLE, false);
	finds(package(LZ_PKG_DEB, "curl", "1", NULL, NULL), "CVE-2020-0001 fixed 3; ");
	start(); /* without a CVE the advisory's own name serves */
	deb("DSA-7", "curl", "2");
	finds(package(LZ_PKG_DEB, "curl", "1", NULL, NULL), "DSA-7 fixed 2; ");
}

static void test_modules(void **s)
{
	struct lz_package p =
		package(LZ_PKG_RPM, "nodejs", "1:18.1-1.module+el8.9.0+1+aa", NULL, NULL);
	static const struct {
		const char *module, *want;
	} cases[] = {
		{"nodejs:18", "CVE-2020-0001 fixed 1:18.2-1.module+el8.9.0+2+bb; "},
		{"nodejs:16", ""},
		{"perl:18", ""},
	};

	(void)s;
	p.module = LZ_SPAN("nodejs:18:8090020240:abcd:x86_64");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start();
		knows("CVE-2020-0001", NULL, "rocky:8", LZ_ORDER_RPM, "nodejs", cases[i].module,
		      "1:18.2-1.module+el8.9.0+2+bb", LZ_FIX_AVAILABLE, false);
		finds_rpm(p, cases[i].want);
	}
}

static void test_channel(void **s)
{
	struct lz_package p = package(LZ_PKG_DEB, "curl", "1.0-1", NULL, NULL);

	(void)s;
	for (int pro = 0; pro < 2; pro++) {
		start(); /* who has extended support is told of its fixes, everybody else of none */
		knows("CVE-2020-0001", NULL, "ubuntu:16.04", LZ_ORDER_DPKG, "curl", NULL, NULL,
		      LZ_FIX_NONE, false);
		knows("CVE-2020-0001", NULL, "ubuntu-pro:16.04", LZ_ORDER_DPKG, "curl", NULL,
		      "1.0-1+esm1", LZ_FIX_AVAILABLE, false);
		finds_on("ubuntu", "ubuntu:16.04", pro ? "ubuntu-pro:16.04" : NULL, p,
			 pro ? "CVE-2020-0001 fixed 1.0-1+esm1; " : "CVE-2020-0001 affected ; ");
	}
	start();
	knows("CVE-2020-0001", NULL, "ubuntu:16.04", LZ_ORDER_DPKG, "curl", NULL, NULL, LZ_FIX_NONE,
	      false);
	knows("CVE-2020-0001", NULL, "ubuntu-pro:16.04", LZ_ORDER_DPKG, "curl", NULL, "1.0-1+esm1",
	      LZ_FIX_AVAILABLE, false);
	p.version = p.source_version = LZ_SPAN("1.0-1+esm1");
	finds_on("ubuntu", "ubuntu:16.04", "ubuntu-pro:16.04", p, "");
}

static void test_bad_version(void **s)
{
	(void)s;
	start(); /* what can't be parsed is said, not guessed */
	deb("CVE-2020-0001", "curl", "2");
	finds(package(LZ_PKG_DEB, "curl", "no version!", NULL, NULL), "problem");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_source_name),   cmocka_unit_test(test_fixed),
		cmocka_unit_test(test_unfixed),	      cmocka_unit_test(test_not_affected),
		cmocka_unit_test(test_other_release), cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_modules),	      cmocka_unit_test(test_channel),
		cmocka_unit_test(test_bad_version),
	};
	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
