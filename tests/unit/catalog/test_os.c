/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which distribution is this? Files as the distributions ship them, reduced to the lines that
 * count, and what they must be taken for.
 */
#include "base/arena.h"
#include "sink.h"

struct file {
	const char *path, *text;
};

static const struct {
	struct file files[4];
	const char *id, *version, *key, *found_in; /* key "": unknown */
	const char *channel;
} cases[] = {
	{{{"etc/os-release",
	   "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian "
	   "GNU/Linux\"\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\nID=debian\n"},
	  {"etc/debian_version", "12.5\n"}},
	 "debian",
	 "12",
	 "debian:12",
	 "etc/os-release",
	 NULL},
	{{{"etc/os-release",
	   "PRETTY_NAME=\"Debian GNU/Linux trixie/sid\"\nVERSION_CODENAME=trixie\nID=debian\n"},
	  {"etc/debian_version", "trixie/sid\n"}},
	 "debian",
	 "13",
	 "debian:13",
	 "etc/os-release",
	 NULL},
	{{{"etc/os-release", "PRETTY_NAME=\"Debian GNU/Linux sid\"\nID=debian\n"},
	  {"etc/debian_version", "forky/sid\n"}},
	 "debian",
	 "sid",
	 "debian:sid",
	 "etc/os-release",
	 NULL},
	{{{"etc/debian_version", "8.11\n"}},
	 "debian",
	 "8.11",
	 "debian:8",
	 "etc/debian_version",
	 NULL},
	{{{"usr/lib/os-release",
	   "NAME=Distroless\nPRETTY_NAME=\"Distroless\"\nID=\"debian\"\nVERSION_ID=\"12\"\n"}},
	 "debian",
	 "12",
	 "debian:12",
	 "usr/lib/os-release",
	 NULL},
	{{{"etc/os-release",
	   "ID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"22.04\"\nVERSION_CODENAME=jammy\n"},
	  {"etc/debian_version", "bookworm/sid\n"}},
	 "ubuntu",
	 "22.04",
	 "ubuntu:22.04",
	 "etc/os-release",
	 NULL},
	{{{"etc/os-release", "ID=ubuntu\nVERSION_ID=\"16.04\"\n"},
	  {"var/lib/ubuntu-advantage/status.json",
	   "{\"attached\": true, \"services\": [{\"name\": \"livepatch\", \"status\": "
	   "\"enabled\"}, {\"name\": \"esm-infra\", \"status\": \"enabled\"}]}"}},
	 "ubuntu",
	 "16.04",
	 "ubuntu:16.04",
	 "etc/os-release",
	 "ubuntu-pro:16.04"},
	{{{"etc/os-release", "ID=ubuntu\nVERSION_ID=\"16.04\"\n"},
	  {"var/lib/ubuntu-advantage/status.json",
	   "{\"attached\": false, \"services\": [{\"name\": \"esm-infra\", \"status\": "
	   "\"enabled\"}]}"}},
	 "ubuntu",
	 "16.04",
	 "ubuntu:16.04",
	 "etc/os-release",
	 NULL},
	{{{"etc/os-release", "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.18.4\n"},
	  {"etc/alpine-release", "3.18.4\n"},
	  {"etc/apk/repositories", "https://dl-cdn.alpinelinux.org/alpine/v3.18/main\n"}},
	 "alpine",
	 "3.18.4",
	 "alpine:v3.18",
	 "etc/os-release",
	 NULL},
	{{{"etc/os-release", "ID=alpine\nVERSION_ID=3.18.4\n"},
	  {"etc/apk/repositories", "#https://x/alpine/v3.18/main\nhttps://x/alpine/edge/main\n"}},
	 "alpine",
	 "edge",
	 "alpine:edge",
	 "etc/os-release",
	 NULL},
	{{{"etc/os-release", "ID=alpine\nVERSION_ID=3.19_alpha20230901\n"}},
	 "alpine",
	 "edge",
	 "alpine:edge",
	 "etc/os-release",
	 NULL},
	{{{"etc/alpine-release", "3.9.4\n"}},
	 "alpine",
	 "3.9.4",
	 "alpine:v3.9",
	 "etc/alpine-release",
	 NULL},
	{{{"etc/os-release", "ID=wolfi\nNAME=\"Wolfi\"\nVERSION_ID=\"20230201\"\n"}},
	 "wolfi",
	 "20230201",
	 "wolfi",
	 "etc/os-release",
	 NULL},
	{{{"etc/os-release", "ID=chainguard\nVERSION_ID=\"20230214\"\n"}},
	 "chainguard",
	 "20230214",
	 "chainguard",
	 "etc/os-release",
	 NULL},
	{{{"etc/os-release", "ID=minimos\nVERSION_ID=\"20250101\"\n"}},
	 "minimos",
	 "20250101",
	 "minimos",
	 "etc/os-release",
	 NULL},
	{{{"etc/os-release",
	   "NAME=\"Red Hat Enterprise Linux\"\nID=\"rhel\"\nVERSION_ID=\"8.8\"\n"}},
	 "rhel",
	 "8.8",
	 "rhel:8",
	 "etc/os-release",
	 NULL},
	{{{"etc/redhat-release", "Red Hat Enterprise Linux Server release 6.10 (Santiago)\n"}},
	 "rhel",
	 "6.10",
	 "rhel:6",
	 "etc/redhat-release",
	 NULL},
	{{{"etc/system-release-cpe", "cpe:/o:redhat:enterprise_linux:7.9:ga:server\n"}},
	 "rhel",
	 "7.9",
	 "rhel:7",
	 "etc/system-release-cpe",
	 NULL},
	{{{"etc/os-release", "NAME=\"CentOS Linux\"\nID=\"centos\"\nVERSION_ID=\"7\"\n"},
	  {"etc/redhat-release", "CentOS Linux release 7.9.2009 (Core)\n"}},
	 "centos",
	 "7",
	 "centos:7",
	 "etc/os-release",
	 NULL},
	{{{"etc/redhat-release", "CentOS release 6.10 (Final)\n"}},
	 "centos",
	 "6.10",
	 "centos:6",
	 "etc/redhat-release",
	 NULL},
	{{{"etc/os-release", "NAME=\"CentOS Stream\"\nID=\"centos\"\nVERSION_ID=\"9\"\n"}},
	 "centos-stream",
	 "9",
	 "centos-stream:9",
	 "etc/os-release",
	 NULL},
	{{{"etc/os-release", "NAME=\"Rocky Linux\"\nID=\"rocky\"\nVERSION_ID=\"9.3\"\n"}},
	 "rocky",
	 "9.3",
	 "rocky:9",
	 "etc/os-release",
	 NULL},
	{{{"etc/os-release", "ID=\"almalinux\"\nVERSION_ID=\"8.9\"\n"}},
	 "almalinux",
	 "8.9",
	 "almalinux:8",
	 "etc/os-release",
	 NULL},
	{{{"etc/os-release", "NAME=\"Oracle Linux Server\"\nID=\"ol\"\nVERSION_ID=\"9.3\"\n"}},
	 "ol",
	 "9.3",
	 "ol:9",
	 "etc/os-release",
	 NULL},
	{{{"etc/oracle-release", "Oracle Linux Server release 6.10\n"},
	  {"etc/redhat-release", "Red Hat Enterprise Linux Server release 6.10 (Santiago)\n"}},
	 "ol",
	 "6.10",
	 "ol:6",
	 "etc/oracle-release",
	 NULL},
	{{{"etc/os-release", "ID=fedora\nVERSION_ID=40\n"}},
	 "fedora",
	 "40",
	 "fedora:40",
	 "etc/os-release",
	 NULL},
	{{{"etc/os-release", "ID=\"amzn\"\nVERSION_ID=\"2023\"\n"}},
	 "amzn",
	 "2023",
	 "amazon:2023",
	 "etc/os-release",
	 NULL},
	{{{"etc/os-release", "ID=\"amzn\"\nVERSION_ID=\"2\"\n"}},
	 "amzn",
	 "2",
	 "amazon:2",
	 "etc/os-release",
	 NULL},
	{{{"etc/system-release", "Amazon Linux AMI release 2018.03\n"}},
	 "amzn",
	 "2018.03",
	 "amazon:1",
	 "etc/system-release",
	 NULL},
	{{{"etc/os-release", "NAME=\"SLES\"\nID=\"sles\"\nVERSION_ID=\"15.5\"\n"}},
	 "sles",
	 "15.5",
	 "sles:15.5",
	 "etc/os-release",
	 NULL},
	{{{"etc/os-release", "ID=\"sle-micro\"\nVERSION_ID=\"5.4\"\n"}},
	 "sle-micro",
	 "5.4",
	 "sle-micro:5.4",
	 "etc/os-release",
	 NULL},
	{{{"etc/os-release", "ID=\"opensuse-leap\"\nVERSION_ID=\"15.5\"\n"}},
	 "opensuse-leap",
	 "15.5",
	 "opensuse-leap:15.5",
	 "etc/os-release",
	 NULL},
	{{{"etc/os-release", "ID=\"opensuse-tumbleweed\"\nVERSION_ID=\"20240101\"\n"}},
	 "opensuse-tumbleweed",
	 "20240101",
	 "opensuse-tumbleweed",
	 "etc/os-release",
	 NULL},
	{{{"etc/os-release", "ID=photon\nVERSION_ID=4.0\n"}},
	 "photon",
	 "4.0",
	 "photon:4.0",
	 "etc/os-release",
	 NULL},
	{{{"etc/os-release", "ID=mariner\nVERSION_ID=\"2.0\"\n"}},
	 "mariner",
	 "2.0",
	 "mariner:2.0",
	 "etc/os-release",
	 NULL},
	{{{"etc/os-release", "ID=azurelinux\nVERSION_ID=\"3.0\"\n"}},
	 "azurelinux",
	 "3.0",
	 "azurelinux:3.0",
	 "etc/os-release",
	 NULL},
	{{{"etc/os-release", "NAME=\"Arch Linux\"\nID=arch\nBUILD_ID=rolling\n"}},
	 "arch",
	 "",
	 "arch",
	 "etc/os-release",
	 NULL},
	/* unknown ones are said to be, never taken for something near */
	{{{"etc/os-release",
	   "ID=frobnix\nID_LIKE=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Frobnix 12\"\n"}},
	 "frobnix",
	 "12",
	 "",
	 "etc/os-release",
	 NULL},
	{{{"etc/os-release", "ID=ubuntu\n"}}, "ubuntu", "", "", "etc/os-release", NULL},
	{{{"etc/redhat-release", "Something else release 3\n"}},
	 "",
	 "",
	 "",
	 "etc/redhat-release",
	 NULL},
};

struct kept_release {
	struct lz_sink sink; /* first */
	struct lz_arena *arena;
	struct lz_release r[4];
	size_t n;
};

static int take(struct lz_sink *s, const struct lz_release *r, struct lz_err *err)
{
	struct kept_release *k = (struct kept_release *)s;
	struct lz_release *to = &k->r[k->n++];

	(void)err;
	*to = *r;
	for (struct lz_span *f = &to->path; f <= &to->text; f++)
		*f = lz_arena_dup(k->arena, *f);
	return 0;
}

static void one(size_t i)
{
	struct lz_arena arena;
	struct kept_release k = {.sink = {.release = take}, .arena = &arena};
	struct lz_limits limits;
	struct lz_err err = {0};
	struct lz_os os;

	lz_arena_init(&arena, LZ_M);
	lz_limits_default(&limits);
	for (int f = 0; f < 4 && cases[i].files[f].path; f++) {
		struct lz_span path = lz_str(cases[i].files[f].path),
			       text = lz_str(cases[i].files[f].text);
		struct lz_reader *r = lz_reader_mem(text, 7, &err);
		assert_ptr_equal(lz_catalog_match(path, NULL), &lz_cataloger_release);
		assert_ok(lz_cataloger_release.read(path, r, text.n, &limits, &k.sink, &err), err);
		lz_reader_close(r);
	}
	assert_ok(lz_os_detect(k.r, k.n, 1764000000, &arena, &os, &err), err);
	if (!lz_span_is(os.id, cases[i].id) || !lz_span_is(os.version, cases[i].version) ||
	    !lz_span_is(os.feed_key, cases[i].key) || os.known != (cases[i].key[0] != 0) ||
	    !lz_span_is(os.found_in, cases[i].found_in))
		fail_msg("case %zu: %.*s %.*s \"%.*s\" in %.*s, expected %s %s \"%s\"", i,
			 LZ_FMT(os.id), LZ_FMT(os.version), LZ_FMT(os.feed_key),
			 LZ_FMT(os.found_in), cases[i].id, cases[i].version, cases[i].key);
	assert_int_equal(os.extended, cases[i].channel != NULL);
	if (cases[i].channel)
		assert_span(os.channel_key, cases[i].channel);
	if (!os.known)
		assert_true(os.found_in.n > 0);
	lz_arena_done(&arena);
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		one(i);
}

/* The purl specification's examples, and what distributions' own tools print. */
static void test_purl(void **state)
{
	static const struct {
		enum lz_pkg_type type;
		const char *os, *version, *name, *pkg_version, *arch, *want;
	} purls[] = {
		{LZ_PKG_DEB, "debian", "12", "curl", "7.50.3-1", "i386",
		 "pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=debian-12"},
		{LZ_PKG_DEB, "ubuntu", "22.04", "dpkg", "1.19.0.4", "amd64",
		 "pkg:deb/ubuntu/dpkg@1.19.0.4?arch=amd64&distro=ubuntu-22.04"},
		{LZ_PKG_APK, "alpine", "3.18.4", "curl", "7.83.0-r0", "x86",
		 "pkg:apk/alpine/curl@7.83.0-r0?arch=x86&distro=alpine-3.18.4"},
		{LZ_PKG_RPM, "fedora", "25", "curl", "7.50.3-1.fc25", "i386",
		 "pkg:rpm/fedora/curl@7.50.3-1.fc25?arch=i386&distro=fedora-25"},
		{LZ_PKG_RPM, "centos", "7", "bind", "32:9.9.4-61.el7", "x86_64",
		 "pkg:rpm/centos/bind@9.9.4-61.el7?arch=x86_64&distro=centos-7&epoch=32"},
		{LZ_PKG_ALPM, "arch", "", "pacman", "6.0.1-1", "x86_64",
		 "pkg:alpm/arch/pacman@6.0.1-1?arch=x86_64&distro=arch"},
		{LZ_PKG_DEB, "debian", "12", "libstdc++6", "1:12.2.0-14+x y", "amd64",
		 "pkg:deb/debian/libstdc%2B%2B6@1%3A12.2.0-14%2Bx%20y?arch=amd64&distro=debian-12"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(purls) / sizeof(purls[0]); i++) {
		struct lz_arena arena;
		struct lz_os os = {.id = lz_str(purls[i].os),
				   .version = lz_str(purls[i].version),
				   .known = true};
		struct lz_package p = {.type = purls[i].type,
				       .name = lz_str(purls[i].name),
				       .version = lz_str(purls[i].pkg_version),
				       .arch = lz_str(purls[i].arch)};
		p.source = p.name;
		p.source_version = p.version;
		lz_arena_init(&arena, LZ_M);
		assert_span(lz_purl(&p, &os, &arena), purls[i].want);
		lz_arena_done(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_purl),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
