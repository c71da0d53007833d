/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text databases: dpkg, opkg, apk, pacman, Azure Linux's manifest. Inputs are written here from
 * what those tools write; this machine's own dpkg database is compared with dpkg-query.
 */
#include "sink.h"

#include <unistd.h>

static void gives(const char *path, const char *text, const char *want)
{
	struct lz_span bytes = lz_str(text);
	struct kept k = kept_of(path, bytes);

	assert_string_equal(kept_text(&k), want);
	kept_done(&k);
	/* the same however it is cut */
	for (size_t chunk = 1; chunk < 12; chunk += 5) {
		struct lz_limits limits;
		struct lz_err err = {0};
		lz_limits_default(&limits);
		kept_init(&k);
		assert_ok(kept_read(&k, path, bytes, chunk, &limits, &err), err);
		assert_string_equal(kept_text(&k), want);
		kept_done(&k);
	}
}

static void test_dpkg(void **state)
{
	(void)state;
	gives("var/lib/dpkg/status",
	      "Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\n"
	      "Source: openssl (3.0.11-1~deb12u2)\nVersion: 3.0.11-1~deb12u2+b1\n"
	      "Description: words\n more words\n Package: not-a-field\n\n"
	      "Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n\n"
	      "Package: half\nStatus: install ok half-configured\nArchitecture: all\nVersion: "
	      "1:2-3\n"
	      "Source: whole\n\n\n"
	      "Package: last\nStatus: hold ok installed\nArchitecture: all\nVersion: 9",
	      "package deb libssl3 3.0.11-1~deb12u2+b1 amd64 openssl 3.0.11-1~deb12u2\n"
	      "package deb half 1:2-3 all whole 1:2-3\n"
	      "package deb last 9 all last 9\n");
	/* distroless: one stanza a file, without a Status */
	gives("var/lib/dpkg/status.d/tzdata",
	      "Package: tzdata\nVersion: 2024a-0+deb12u1\nArchitecture: all\n",
	      "package deb tzdata 2024a-0+deb12u1 all tzdata 2024a-0+deb12u1\n");
	gives("var/lib/dpkg/status.d/tzdata.md5sums",
	      "0123456789abcdef0123456789abcdef  usr/share/zoneinfo/UTC\n"
	      "0123456789abcdef0123456789abcdef  usr/share/doc/x y\n",
	      "files tzdata : usr/share/zoneinfo/UTC usr/share/doc/x y\n");
	gives("var/lib/dpkg/info/libc6:amd64.list", "/.\n/lib\n/lib/libc.so.6\n",
	      "files libc6 amd64: lib lib/libc.so.6\n");
}

static void test_dpkg_damage(void **state)
{
	struct kept k = kept_of("var/lib/dpkg/status",
				lz_str("Package: a\nStatus: install ok installed\n\n"
				       "Status: install ok installed\nVersion: 1\n\n"
				       "no colon here\n\n"
				       "Package: b\nStatus: install ok installed\nVersion: 2\n"));

	(void)state;
	assert_int_equal(k.packages, 1);
	/* a has no version; one has no name; a line without a colon, in a stanza without a name */
	assert_int_equal(k.problems, 4);
	assert_non_null(strstr(kept_text(&k), "package deb b 2"));
	kept_done(&k);
}

static void test_opkg(void **state)
{
	(void)state;
	gives("usr/lib/opkg/status",
	      "Package: busybox\nVersion: 1.35.0-5\nStatus: install user installed\n"
	      "Architecture: mips_24kc\n\n",
	      "package opkg busybox 1.35.0-5 mips_24kc busybox 1.35.0-5\n");
}

static void test_apk(void **state)
{
	(void)state;
	gives("lib/apk/db/installed",
	      "C:Q1abc=\nP:libcrypto1.1\nV:1.1.1b-r1\nA:x86_64\nS:1\nI:2\nT:words\nL:OpenSSL\n"
	      "o:openssl\nm:Someone <a@b.c>\nF:lib\nR:libcrypto.so.1.1\na:0:0:755\nZ:Q1x=\nF:\n"
	      "R:top\nF:etc/ssl\n\n"
	      "P:musl\nV:1.1.20-r4\nA:x86_64\no:musl\n\n",
	      "package apk libcrypto1.1 1.1.1b-r1 x86_64 openssl 1.1.1b-r1\n"
	      "files libcrypto1.1 : lib/libcrypto.so.1.1 top\n"
	      "package apk musl 1.1.20-r4 x86_64 musl 1.1.20-r4\n");
	gives("usr/lib/apk/db/installed", "P:a\n\nx\n\nP:b\nV:1\n",
	      "problem format @0: line 1: record without a version\n"
	      "problem format @5: line 3: no \"X:\" at its front\n"
	      "problem format @5: line 3: record without a package name\n"
	      "package apk b 1  b 1\n");
}

static void test_alpm(void **state)
{
	(void)state;
	gives("var/lib/pacman/local/gcc-libs-13.2.1-3/desc",
	      "%NAME%\ngcc-libs\n\n%VERSION%\n13.2.1-3\n\n%BASE%\ngcc\n\n%DESC%\nRuntime\n%NAME%"
	      "\n\n"
	      "%ARCH%\nx86_64\n\n%LICENSE%\nGPL\nLGPL\n\n%PACKAGER%\nS <s@x>\n\n%SIZE%\n1\n\n",
	      "package alpm gcc-libs 13.2.1-3 x86_64 gcc 13.2.1-3\n");
	gives("var/lib/pacman/local/acl-1:2.3-1/desc", "%NAME%\nacl\n\n%VERSION%\n1:2.3-1\n",
	      "package alpm acl 1:2.3-1  acl 1:2.3-1\n");
	gives("var/lib/pacman/local/gcc-libs-13.2.1-3/files",
	      "%FILES%\nusr/\nusr/lib/\nusr/lib/libgcc_s.so\n\n%BACKUP%\netc/x\tabc\n",
	      "files gcc-libs : usr/lib/libgcc_s.so\n");
	gives("var/lib/pacman/local/x-1-1/desc", "%NAME%\nx\n\n",
	      "problem format @0: package without a %VERSION%\n");
	gives("var/lib/pacman/local/x-1-1/desc", "",
	      "problem format @0: package without a %NAME%\n");
}

static void test_manifest(void **state)
{
	(void)state;
	gives("var/lib/rpmmanifest/container-manifest-2",
	      "filesystem\t1.1-9.cm2\t1653816591\t1653753130\tMicrosoft Corporation\t(none)\t7596\t"
	      "x86_64\t0\tfilesystem-1.1-9.cm2.src.rpm\n"
	      "libssl\t1.1.1k-15.cm2\t1\t2\tMicrosoft Corporation\t3\t7\tx86_64\t3\t"
	      "openssl-1.1.1k-15.cm2.src.rpm\n"
	      "gpg-pubkey\t1-1\t1\t2\tx\t(none)\t7\t(none)\t0\t(none)\n",
	      "package rpm filesystem 1.1-9.cm2 x86_64 filesystem 1.1-9.cm2\n"
	      "package rpm libssl 3:1.1.1k-15.cm2 x86_64 openssl 3:1.1.1k-15.cm2\n");
	gives("var/lib/rpmmanifest/container-manifest-2",
	      "a\tb\nc\t1\t1\t2\tx\t0\t7\ty\tz\t(none)\n",
	      "problem format @0: line 1: not a package in ten columns\n"
	      "problem format @4: line 2: not a package in ten columns\n");
}

/* This machine's database: the truth is dpkg-query's. */
static void test_host(void **state)
{
	struct lz_span f;
	struct kept k;
	char line[1024];
	unsigned n = 0;
	FILE *q;

	(void)state;
	if (access("/var/lib/dpkg/status", R_OK))
		skip();
	f = slurp_file("/var/lib/dpkg/status");
	k = kept_of("var/lib/dpkg/status", f);
	q = popen("dpkg-query -W -f '${db:Status-Status} package deb ${Package} ${Version} "
		  "${Architecture} ${source:Package} ${source:Version}\\n' | "
		  "sed -n 's/^\\(installed\\|half[^ ]*\\|unpacked\\|trigger[^ ]*\\) //p'",
		  "r");
	assert_non_null(q);
	while (fgets(line, sizeof(line), q)) {
		if (!strstr(kept_text(&k), line))
			fail_msg("missing: %s", line);
		n++;
	}
	pclose(q);
	assert_true(n > 50);
	assert_int_equal(k.packages, n);
	assert_int_equal(k.problems, 0);
	kept_done(&k);
	free((void *)(uintptr_t)f.p);
}

/* A line without end costs no more than its limit, is said, and does not hide what follows. */
static void test_long_line(void **state)
{
	static const struct {
		const char *path, *front, *back, *want;
	} cases[] = {
		{"var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nX: ",
		 "\nVersion: 1\n", "package deb a 1"},
		{"lib/apk/db/installed", "P:a\nX:", "\nV:1\n", "package apk a 1"},
		{"var/lib/pacman/local/a-1-1/desc", "%NAME%\na\n\n%DESC%\n", "\n\n%VERSION%\n1\n",
		 "package alpm a 1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lz_buf b;
		struct kept k;
		lz_buf_init(&b, LZ_G);
		lz_buf_str(&b, cases[i].front);
		for (int j = 0; j < 3 * 1024; j++)
			lz_buf_printf(&b, "%01023d", 7);
		lz_buf_str(&b, cases[i].back);
		k = kept_of(cases[i].path, lz_buf_view(&b));
		assert_non_null(strstr(kept_text(&k), cases[i].want));
		kept_done(&k);
		lz_buf_done(&b);
	}
}

static int once(const char *path, const char *text)
{
	struct lz_limits limits;
	struct lz_err err = {0};
	struct kept k;
	int code;

	lz_limits_default(&limits);
	kept_init(&k);
	code = kept_read(&k, path, lz_str(text), 3, &limits, &err);
	if (!code)
		assert_true(k.packages == 1 || k.problems);
	kept_done(&k);
	return code;
}

static void test_no_memory(void **state)
{
	(void)state;
	assert_survives_nomem(once("var/lib/dpkg/status",
				   "Package: a\nStatus: install ok installed\n"
				   "Version: 1\nArchitecture: all\n"));
	assert_survives_nomem(once("lib/apk/db/installed", "P:a\nV:1\nA:x\nF:lib\nR:y\n\n"));
	assert_survives_nomem(
		once("var/lib/pacman/local/a-1-1/desc", "%NAME%\na\n\n%VERSION%\n1-1\n\n"));
	assert_survives_nomem(once("var/lib/rpmmanifest/container-manifest-2",
				   "a\t1-1\t1\t2\tv\t1\t7\tx\t1\ta-1-1.src.rpm\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dpkg),	  cmocka_unit_test(test_dpkg_damage),
		cmocka_unit_test(test_opkg),	  cmocka_unit_test(test_apk),
		cmocka_unit_test(test_alpm),	  cmocka_unit_test(test_manifest),
		cmocka_unit_test(test_host),	  cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
