/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OSV's ecosystem names, "Base" or "Base:suffix", to ours. Ours are lower case, and for
 * distributions they are the feed keys that the catalog finds for an image ("debian:12").
 *
 * Three shapes:
 *	language   "PyPI" -> "pypi"            a suffix (Maven's repository address) says nothing
 *	release    "Rocky Linux:8" -> "rocky:8"   the suffix is needed: without it no image can
 * match rolling    "Wolfi" -> "wolfi"
 *
 * Ubuntu, Red Hat, SUSE and Azure Linux have grammars of their own. A name that is not here is not
 * guessed: the caller counts the record as skipped and names it.
 */
#include "feed.h"

#include <ctype.h>

enum shape { LANGUAGE, RELEASE, ROLLING };

struct eco {
	const char *osv;
	const char *ours;
	enum lz_order order;
	enum shape shape;
};

static const struct eco ecos[] = {
	{"AlmaLinux", "almalinux", LZ_ORDER_RPM, RELEASE},
	{"Alpaquita", "alpaquita", LZ_ORDER_APK, RELEASE},
	{"Alpine", "alpine", LZ_ORDER_APK, RELEASE},
	{"Bitnami", "bitnami", LZ_ORDER_SEMVER, LANGUAGE},
	{"CRAN", "cran", LZ_ORDER_OTHER, LANGUAGE},
	{"Chainguard", "chainguard", LZ_ORDER_APK, ROLLING},
	{"ConanCenter", "conan", LZ_ORDER_OTHER, LANGUAGE},
	{"Debian", "debian", LZ_ORDER_DPKG, RELEASE},
	{"Echo", "echo", LZ_ORDER_DPKG, ROLLING},
	{"GitHub Actions", "githubactions", LZ_ORDER_SEMVER, LANGUAGE},
	{"Go", "go", LZ_ORDER_GO, LANGUAGE},
	{"Hackage", "hackage", LZ_ORDER_OTHER, LANGUAGE},
	{"Hex", "hex", LZ_ORDER_SEMVER, LANGUAGE},
	{"Julia", "julia", LZ_ORDER_SEMVER, LANGUAGE},
	{"Mageia", "mageia", LZ_ORDER_RPM, RELEASE},
	{"Maven", "maven", LZ_ORDER_MAVEN, LANGUAGE},
	{"MinimOS", "minimos", LZ_ORDER_APK, ROLLING},
	{"NuGet", "nuget", LZ_ORDER_NUGET, LANGUAGE},
	{"Packagist", "composer", LZ_ORDER_PACKAGIST, LANGUAGE},
	{"Photon OS", "photon", LZ_ORDER_RPM, RELEASE},
	{"Pub", "pub", LZ_ORDER_SEMVER, LANGUAGE},
	{"PyPI", "pypi", LZ_ORDER_PEP440, LANGUAGE},
	{"Rocky Linux", "rocky", LZ_ORDER_RPM, RELEASE},
	{"RubyGems", "gem", LZ_ORDER_GEM, LANGUAGE},
	{"SwiftURL", "swift", LZ_ORDER_SEMVER, LANGUAGE},
	{"Wolfi", "wolfi", LZ_ORDER_APK, ROLLING},
	{"npm", "npm", LZ_ORDER_SEMVER, LANGUAGE},
	{"openEuler", "openeuler", LZ_ORDER_RPM, RELEASE},
};

/* Of the letters that releases are written with, and short: a key is compared, never cut. */
static bool plain(struct lz_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!isalnum((unsigned char)s.p[i]) && !strchr(".-_", s.p[i]))
			return false;
	return s.n && s.n <= 40;
}

static struct lz_span lower(struct lz_arena *arena, struct lz_span s)
{
	struct lz_span copy = lz_arena_dup(arena, s);
	char *p = (char *)(uintptr_t)copy.p;

	for (size_t i = 0; i < copy.n; i++)
		p[i] = (char)tolower((unsigned char)p[i]);
	return copy;
}

static struct lz_span joined(struct lz_arena *arena, const char *base, struct lz_span suffix)
{
	return lower(arena, lz_arena_printf(arena, "%s:%.*s", base, LZ_FMT(suffix)));
}

/* "22.04:LTS" -> ubuntu:22.04; "Pro:14.04:LTS" -> ubuntu-pro:14.04; "Pro:FIPS-updates:20.04:LTS" ->
 * ubuntu-pro-fips-updates:20.04: each channel has its own fixes, so each is a place of its own. */
static bool ubuntu(struct lz_span rest, struct lz_arena *arena, struct lz_span *ret)
{
	struct lz_span word, release = {"", 0};
	char base[64] = "ubuntu";
	size_t at = strlen(base);

	while (rest.n) {
		lz_span_cut(rest, ':', &word, &rest);
		if (lz_span_is(word, "LTS"))
			continue;
		if (!plain(word))
			return false;
		if (isdigit((unsigned char)word.p[0])) {
			release = word;
		} else {
			if (at + word.n + 2 > sizeof(base))
				return false;
			base[at++] = '-';
			memcpy(base + at, word.p, word.n);
			at += word.n;
			base[at] = 0;
		}
	}
	*ret = joined(arena, base, release);
	return release.n != 0;
}

/* "enterprise_linux:8::baseos" -> rhel:8. Extended-update channels and layered products have
 * fixes that the main line never gets, so they are not the main line. */
static bool red_hat(struct lz_span rest, struct lz_arena *arena, struct lz_span *ret)
{
	struct lz_span product, release;

	lz_span_cut(rest, ':', &product, &rest);
	lz_span_cut(rest, ':', &release, &rest);
	lz_span_cut(release, '.', &release, &rest);
	*ret = joined(arena, "rhel", release);
	return lz_span_is(product, "enterprise_linux") && plain(release);
}

/* "15 SP5" or "15 SP5-LTSS" -> "15.5", "12" -> "12". */
static bool service_pack(struct lz_span s, struct lz_arena *arena, struct lz_span *ret)
{
	struct lz_span major, rest, pack;
	uint64_t n;

	lz_span_cut(s, ' ', &major, &rest);
	lz_span_cut(rest, '-', &pack, &rest);
	lz_span_cut(major, '-', &major, &rest);
	if (!lz_span_u64(major, 10, &n))
		return false;
	*ret = major;
	if (!pack.n)
		return true;
	if (!lz_span_starts(pack, "SP") || !lz_span_u64(lz_span_from(pack, 2), 10, &n))
		return false;
	*ret = lz_arena_printf(arena, "%.*s.%.*s", LZ_FMT(major), LZ_FMT(lz_span_from(pack, 2)));
	return true;
}

/* A server's packages come from its modules, which carry its release: "Linux Enterprise Module for
 * Basesystem 15 SP5" is what a SLES 15.5 installs. */
static bool suse(struct lz_span rest, struct lz_arena *arena, struct lz_span *ret)
{
	struct lz_span release;
	size_t digit = 0;

	if (lz_span_starts(rest, "Linux Enterprise Micro ")) {
		*ret = joined(arena, "sle-micro", lz_span_from(rest, 23));
		return plain(lz_span_from(rest, 23));
	}
	if (lz_span_starts(rest, "Linux Enterprise Server "))
		digit = 24;
	else if (lz_span_starts(rest, "Linux Enterprise Module for "))
		for (digit = 28; digit < rest.n; digit++)
			if (rest.p[digit - 1] == ' ' && isdigit((unsigned char)rest.p[digit]))
				break;
	if (!digit || !service_pack(lz_span_from(rest, digit), arena, &release))
		return false;
	*ret = joined(arena, "sles", release);
	return true;
}

static bool opensuse(struct lz_span rest, struct lz_arena *arena, struct lz_span *ret)
{
	if (lz_span_starts(rest, "Leap ") && plain(lz_span_from(rest, 5)))
		*ret = joined(arena, "opensuse-leap", lz_span_from(rest, 5));
	else if (lz_span_is(rest, "Tumbleweed"))
		*ret = LZ_SPAN("opensuse-tumbleweed");
	else
		return false;
	return true;
}

/* The releases before 3 had another name. */
static bool azure(struct lz_span rest, struct lz_arena *arena, struct lz_span *ret)
{
	struct lz_span major, minor;
	uint64_t n;

	lz_span_cut(rest, '.', &major, &minor);
	if (!lz_span_u64(major, 10, &n) || (minor.n && !plain(minor)))
		return false;
	*ret = lz_arena_printf(arena, "%s:%llu.%.*s", n < 3 ? "mariner" : "azurelinux",
			       (unsigned long long)n, LZ_FMT(minor.n ? minor : LZ_SPAN("0")));
	return true;
}

static const struct {
	const char *osv;
	bool (*of)(struct lz_span rest, struct lz_arena *arena, struct lz_span *ret);
	enum lz_order order;
} grammars[] = {
	{"Ubuntu", ubuntu, LZ_ORDER_DPKG},    {"Red Hat", red_hat, LZ_ORDER_RPM},
	{"SUSE", suse, LZ_ORDER_RPM},	      {"openSUSE", opensuse, LZ_ORDER_RPM},
	{"Azure Linux", azure, LZ_ORDER_RPM},
};

bool lz_ecosystem_of_osv(struct lz_span osv, struct lz_span package, struct lz_arena *arena,
			 struct lz_span *ret_ecosystem, enum lz_order *ret_order)
{
	struct lz_span base, suffix;

	(void)package;
	lz_span_cut(osv, ':', &base, &suffix);
	for (size_t i = 0; i < sizeof(grammars) / sizeof(grammars[0]); i++) {
		if (lz_span_is(base, grammars[i].osv)) {
			*ret_order = grammars[i].order;
			return grammars[i].of(suffix, arena, ret_ecosystem);
		}
	}
	/* Rust's ecosystem bears the name of its registry's host. */
	if (lz_span_starts(base, "crates")) {
		*ret_order = LZ_ORDER_SEMVER;
		*ret_ecosystem = LZ_SPAN("cargo");
		return true;
	}
	for (size_t i = 0; i < sizeof(ecos) / sizeof(ecos[0]); i++) {
		const struct eco *e = &ecos[i];

		if (!lz_span_is(base, e->osv))
			continue;
		*ret_order = e->order;
		*ret_ecosystem = e->shape == RELEASE ? joined(arena, e->ours, suffix)
						     : lz_str(e->ours);
		return e->shape != RELEASE || plain(suffix);
	}
	return false;
}
