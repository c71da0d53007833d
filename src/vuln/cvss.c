/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CVSS base scores of version 2.0, 3.0 and 3.1 vectors, by the specifications' formulas. Temporal
 * and environmental metrics may stand in a vector and are read over; a base metric that is missing,
 * doubled or of no known value is an error. Version 4.0 has a room of its own (cvss4.c).
 */
#include "cvss.h"

#include <math.h>

struct metric {
	const char *name;
	const char *values;    /* one letter each */
	const double *weights; /* in the same order */
};

struct metrics {
	const struct metric *table;
	size_t count;
	double value[8];
	char letter[8];
};

static int parse(struct lz_span vector, struct lz_span rest, struct metrics *m, struct lz_err *err)
{
	struct lz_span part, name, value;

	while (rest.n) {
		size_t i = 0;
		lz_span_cut(rest, '/', &part, &rest);
		if (!lz_span_cut(part, ':', &name, &value) || !name.n || !value.n || value.n > 3)
			return lz_fail(err, LZ_E_FORMAT,
				       "CVSS vector \"%.*s\": malformed at byte %zu",
				       LZ_FMT(vector), (size_t)(part.p - vector.p));
		while (i < m->count && !lz_span_is(name, m->table[i].name))
			i++;
		if (i == m->count)
			continue; /* temporal or environmental */
		/* strchr would find its end for a zero byte */
		const char *at = value.n == 1 && value.p[0] ? strchr(m->table[i].values, value.p[0])
							    : NULL;
		if (!at || m->letter[i])
			return lz_fail(err, LZ_E_FORMAT, "CVSS vector \"%.*s\": %s at byte %zu",
				       LZ_FMT(vector), at ? "a metric twice" : "unknown value",
				       (size_t)(part.p - vector.p));
		m->letter[i] = *at;
		m->value[i] = m->table[i].weights[at - m->table[i].values];
	}
	for (size_t i = 0; i < m->count; i++)
		if (!m->letter[i])
			return lz_fail(err, LZ_E_FORMAT, "CVSS vector \"%.*s\": no %s",
				       LZ_FMT(vector), m->table[i].name);
	return 0;
}

/* --- 3.x --- */

static const double w_av[] = {0.85, 0.62, 0.55, 0.2}, w_ac[] = {0.77, 0.44},
		    w_pr[] = {0.85, 0.62, 0.27}, w_ui[] = {0.85, 0.62}, w_s[] = {0, 1},
		    w_cia[] = {0.56, 0.22, 0};
static const struct metric v3[] = {
	{"AV", "NALP", w_av}, {"AC", "LH", w_ac},  {"PR", "NLH", w_pr}, {"UI", "NR", w_ui},
	{"S", "UC", w_s},     {"C", "HLN", w_cia}, {"I", "HLN", w_cia}, {"A", "HLN", w_cia},
};

/* One decimal, upwards. 3.1 does it on integers so that binary fractions can't tip the result. */
static double round_up(double x)
{
	long long n = llround(x * 100000);

	return n % 10000 == 0 ? (double)n / 100000.0 : (double)(n / 10000 + 1) / 10.0;
}

static double round_up_30(double x)
{
	return ceil(x * 10) / 10;
}

static int score3(struct lz_span vector, bool is_31, double *ret, struct lz_err *err)
{
	struct metrics m = {.table = v3, .count = 8};
	double impact, exploit, iss, sum;
	bool changed;
	int r = parse(vector, lz_span_from(vector, 9), &m, err);

	if (r)
		return r;
	changed = m.letter[4] == 'C';
	if (changed && m.letter[2] == 'L')
		m.value[2] = 0.68;
	if (changed && m.letter[2] == 'H')
		m.value[2] = 0.5;
	iss = 1 - (1 - m.value[5]) * (1 - m.value[6]) * (1 - m.value[7]);
	impact = changed ? 7.52 * (iss - 0.029) - 3.25 * pow(iss - 0.02, 15) : 6.42 * iss;
	exploit = 8.22 * m.value[0] * m.value[1] * m.value[2] * m.value[3];
	sum = changed ? 1.08 * (impact + exploit) : impact + exploit;
	if (impact <= 0)
		*ret = 0;
	else
		*ret = is_31 ? round_up(fmin(sum, 10)) : round_up_30(fmin(sum, 10));
	return 0;
}

/* --- 2.0 --- */

static const double w2_av[] = {0.395, 0.646, 1.0}, w2_ac[] = {0.35, 0.61, 0.71},
		    w2_au[] = {0.45, 0.56, 0.704}, w2_cia[] = {0, 0.275, 0.660};
static const struct metric v2[] = {
	{"AV", "LAN", w2_av}, {"AC", "HML", w2_ac}, {"Au", "MSN", w2_au},
	{"C", "NPC", w2_cia}, {"I", "NPC", w2_cia}, {"A", "NPC", w2_cia},
};

static int score2(struct lz_span vector, double *ret, struct lz_err *err)
{
	struct metrics m = {.table = v2, .count = 6};
	double impact, exploit;
	int r = parse(vector, vector, &m, err);

	if (r)
		return r;
	impact = 10.41 * (1 - (1 - m.value[3]) * (1 - m.value[4]) * (1 - m.value[5]));
	exploit = 20 * m.value[0] * m.value[1] * m.value[2];
	*ret = impact > 0 ? round((0.6 * impact + 0.4 * exploit - 1.5) * 1.176 * 10) / 10 : 0;
	return 0;
}

int lz_cvss_score(struct lz_span vector, double *ret_score, struct lz_err *err)
{
	if (vector.n > 512)
		return lz_fail(err, LZ_E_LIMIT, "CVSS vector of %zu bytes", vector.n);
	if (lz_span_starts(vector, "CVSS:3.1/"))
		return score3(vector, true, ret_score, err);
	if (lz_span_starts(vector, "CVSS:3.0/"))
		return score3(vector, false, ret_score, err);
	if (lz_span_starts(vector, "CVSS:4.0/"))
		return lz_cvss4_score(vector, ret_score, err);
	if (lz_span_starts(vector, "CVSS:"))
		return lz_fail(err, LZ_E_UNSUPPORTED, "\"%.*s\": unknown CVSS version",
			       LZ_FMT(vector));
	return score2(vector, ret_score, err);
}

enum lz_severity lz_cvss_severity(struct lz_span vector, double score)
{
	if (!lz_span_starts(vector, "CVSS:")) /* 2.0 has no critical */
		return score >= 7 ? LZ_SEV_HIGH : score >= 4 ? LZ_SEV_MEDIUM : LZ_SEV_LOW;
	if (score >= 9)
		return LZ_SEV_CRITICAL;
	if (score >= 7)
		return LZ_SEV_HIGH;
	if (score >= 4)
		return LZ_SEV_MEDIUM;
	return score > 0 ? LZ_SEV_LOW : LZ_SEV_NEGLIGIBLE;
}
