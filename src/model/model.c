/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

static const char *const severities[LZ_SEV_COUNT] = {
	[LZ_SEV_UNKNOWN] = "unknown", [LZ_SEV_NEGLIGIBLE] = "negligible",
	[LZ_SEV_LOW] = "low",	      [LZ_SEV_MEDIUM] = "medium",
	[LZ_SEV_HIGH] = "high",	      [LZ_SEV_CRITICAL] = "critical",
};

const char *lz_severity_name(enum lz_severity s)
{
	return (unsigned)s < LZ_SEV_COUNT ? severities[s] : "unknown";
}

static const struct {
	const char *word;
	enum lz_severity means;
} severity_synonyms[] = {
	{"moderate", LZ_SEV_MEDIUM},
	{"important", LZ_SEV_HIGH},
	{"unimportant", LZ_SEV_NEGLIGIBLE},
	{"none", LZ_SEV_NEGLIGIBLE},
};

bool lz_severity_parse(struct lz_span s, enum lz_severity *ret)
{
	for (int i = 0; i < LZ_SEV_COUNT; i++) {
		if (lz_span_eq_nocase(s, lz_str(severities[i]))) {
			*ret = (enum lz_severity)i;
			return true;
		}
	}
	for (size_t i = 0; i < sizeof(severity_synonyms) / sizeof(severity_synonyms[0]); i++) {
		if (lz_span_eq_nocase(s, lz_str(severity_synonyms[i].word))) {
			*ret = severity_synonyms[i].means;
			return true;
		}
	}
	return false;
}

const char *lz_pkg_type_name(enum lz_pkg_type t)
{
	static const char *const names[LZ_PKG_TYPE_COUNT] = {"unknown", "deb", "opkg",
							     "apk",	"rpm", "alpm"};

	return (unsigned)t < LZ_PKG_TYPE_COUNT ? names[t] : "unknown";
}

const char *lz_fix_state_name(enum lz_fix_state s)
{
	static const char *const names[LZ_FIX_COUNT] = {
		[LZ_FIX_UNKNOWN] = "unknown",	    [LZ_FIX_AVAILABLE] = "fixed",
		[LZ_FIX_NONE] = "affected",	    [LZ_FIX_WONT] = "will_not_fix",
		[LZ_FIX_DEFERRED] = "fix_deferred", [LZ_FIX_EOL] = "end_of_life",
	};

	return (unsigned)s < LZ_FIX_COUNT ? names[s] : "unknown";
}

const char *lz_finding_kind_name(enum lz_finding_kind k)
{
	return k == LZ_KIND_VULNERABILITY ? "vulnerability" : "unknown";
}

int lz_finding_risk_cmp(const struct lz_finding *a, const struct lz_finding *b)
{
	int c;

	if (a->kev != b->kev)
		return a->kev ? -1 : 1;
	if (a->severity != b->severity)
		return a->severity > b->severity ? -1 : 1;
	if (a->epss > b->epss || a->epss < b->epss)
		return a->epss > b->epss ? -1 : 1;
	if ((a->fix == LZ_FIX_AVAILABLE) != (b->fix == LZ_FIX_AVAILABLE))
		return a->fix == LZ_FIX_AVAILABLE ? -1 : 1;
	c = lz_span_cmp(a->id, b->id);
	if (!c && a->package && b->package)
		c = lz_span_cmp(a->package->name, b->package->name);
	return c;
}

bool lz_digest_valid(struct lz_span s)
{
	size_t want = lz_span_starts(s, "sha256:") ? 64 : lz_span_starts(s, "sha512:") ? 128 : 0;

	if (!want || s.n != 7 + want)
		return false;
	for (size_t i = 7; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return true;
}
