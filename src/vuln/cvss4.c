/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CVSS 4.0 (specification of FIRST, section 8). A vector falls into one of 270 classes, its macro
 * vector, whose highest score experts have set. From there the score sinks with the distance
 * between the vector and the worst one of its class, in proportion to the drop to the next lower
 * class; the mean over the five groups of metrics counts.
 *
 *	EQ1  AV PR UI       EQ2  AC AT       EQ3 and EQ6  VC VI VA with CR IR AR
 *	EQ4  SC SI SA       EQ5  E
 */
#include "cvss.h"

#include <math.h>

/* --- metrics ---------------------------------------------------------------------------------- */

/* Values from the worst to the least. */
enum metric { AV, PR, UI, AC, AT, VC, VI, VA, SC, SI, SA, E, CR, IR, AR, METRICS };
static const struct {
	const char *name, *values;
	bool needed;
} metrics[METRICS] = {
	{"AV", "NALP", true}, {"PR", "NLH", true},  {"UI", "NPA", true},  {"AC", "LH", true},
	{"AT", "NP", true},   {"VC", "HLN", true},  {"VI", "HLN", true},  {"VA", "HLN", true},
	{"SC", "SHLN", true}, {"SI", "SHLN", true}, {"SA", "SHLN", true}, {"E", "APU", false},
	{"CR", "HML", false}, {"IR", "HML", false}, {"AR", "HML", false},
};

struct vector {
	int level[METRICS];   /* 0 is the worst; -1 not given */
	int changed[METRICS]; /* by the environment (MAV, MPR …); -1 not given */
};

static int level_of(const struct vector *v, enum metric m)
{
	int level = v->changed[m] >= 0 ? v->changed[m] : v->level[m];

	return level < 0 ? 0 : level; /* E, CR, IR and AR are the worst when nothing is said */
}

/* Metrics that say something about a vulnerability but do not count. */
static bool supplemental(struct lz_span name)
{
	static const char *const names[] = {"S", "AU", "R", "V", "RE", "U"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (lz_span_is(name, names[i]))
			return true;
	return false;
}

/* Which metric, and whether as the environment changes it. */
static enum metric find(struct lz_span name, bool *ret_changed)
{
	*ret_changed = name.n == 3 && name.p[0] == 'M';
	if (*ret_changed)
		name = lz_span_from(name, 1);
	for (enum metric m = 0; m < METRICS; m++)
		if (lz_span_is(name, metrics[m].name) && (!*ret_changed || m < E))
			return m;
	return METRICS;
}

/* 0, or what is wrong. */
static const char *take(struct vector *v, struct lz_span name, struct lz_span value)
{
	bool changed;
	enum metric m = find(name, &changed);
	int *to = changed ? v->changed : v->level;
	const char *at;

	if (m == METRICS)
		return supplemental(name) ? NULL : "unknown metric";
	if (value.n != 1 || !value.p[0])
		return "unknown value";
	if (to[m] >= 0)
		return "a metric twice";
	if (value.p[0] == 'X' && (changed || !metrics[m].needed))
		return NULL; /* not defined */
	at = strchr(metrics[m].values, value.p[0]);
	/* only the environment may say that safety is at stake */
	if (!at || (value.p[0] == 'S' && !(changed && (m == SI || m == SA))))
		return "unknown value";
	to[m] = (int)(at - metrics[m].values);
	return NULL;
}

static int parse(struct lz_span text, struct vector *v, struct lz_err *err)
{
	struct lz_span rest = lz_span_from(text, strlen("CVSS:4.0/")), part, name, value;

	for (int m = 0; m < METRICS; m++)
		v->level[m] = v->changed[m] = -1;
	while (rest.n) {
		const char *wrong = "malformed";
		lz_span_cut(rest, '/', &part, &rest);
		if (lz_span_cut(part, ':', &name, &value) && name.n && value.n)
			wrong = take(v, name, value);
		if (wrong)
			return lz_fail(err, LZ_E_FORMAT, "CVSS vector \"%.*s\": %s at byte %zu",
				       LZ_FMT(text), wrong, (size_t)(part.p - text.p));
	}
	for (enum metric m = 0; m < METRICS; m++)
		if (metrics[m].needed && v->level[m] < 0)
			return lz_fail(err, LZ_E_FORMAT, "CVSS vector \"%.*s\": no %s",
				       LZ_FMT(text), metrics[m].name);
	return 0;
}

/* --- classes ---------------------------------------------------------------------------------- */

enum { H3 = 0, H4 = 1, N4 = 3 }; /* levels: H of VC, CR …; H and N of SC, SI, SA */

/* Highest scores in tenths: [EQ1][EQ2][EQ3 and EQ6: 00 01 10 11 21][EQ4][EQ5]. */
static const unsigned char highest[3][2][5][3][3] = {
	{
		{
			{{100, 98, 95}, {100, 93, 91}, {93, 89, 81}},
			{{99, 95, 92}, {96, 87, 81}, {90, 80, 68}},
			{{98, 95, 90}, {93, 89, 81}, {88, 78, 69}},
			{{95, 92, 84}, {92, 81, 65}, {80, 70, 48}},
			{{92, 82, 72}, {79, 69, 50}, {69, 55, 27}},
		},
		{
			{{99, 95, 92}, {95, 90, 84}, {92, 82, 72}},
			{{97, 92, 85}, {91, 83, 71}, {81, 71, 53}},
			{{95, 92, 85}, {92, 80, 70}, {84, 71, 50}},
			{{93, 85, 73}, {82, 72, 59}, {70, 52, 30}},
			{{86, 75, 52}, {71, 52, 29}, {63, 29, 17}},
		},
	},
	{
		{
			{{98, 94, 91}, {94, 86, 77}, {87, 74, 63}},
			{{95, 87, 81}, {89, 74, 64}, {75, 63, 49}},
			{{94, 88, 76}, {86, 74, 59}, {72, 57, 52}},
			{{89, 77, 67}, {76, 58, 50}, {57, 52, 25}},
			{{83, 70, 54}, {65, 58, 26}, {53, 21, 13}},
		},
		{
			{{95, 88, 76}, {90, 75, 61}, {77, 68, 52}},
			{{90, 76, 70}, {77, 62, 53}, {66, 59, 30}},
			{{89, 76, 62}, {74, 57, 47}, {61, 57, 24}},
			{{78, 67, 58}, {59, 57, 23}, {52, 29, 16}},
			{{71, 59, 30}, {58, 26, 15}, {23, 13, 6}},
		},
	},
	{
		{
			{{93, 86, 75}, {86, 74, 56}, {70, 52, 40}},
			{{87, 72, 58}, {74, 61, 34}, {54, 40, 22}},
			{{85, 74, 62}, {72, 55, 46}, {53, 34, 19}},
			{{75, 55, 51}, {57, 41, 19}, {36, 19, 8}},
			{{64, 51, 20}, {47, 21, 11}, {24, 9, 4}},
		},
		{
			{{88, 73, 60}, {73, 59, 41}, {54, 45, 20}},
			{{75, 53, 50}, {55, 40, 20}, {43, 22, 11}},
			{{75, 58, 40}, {61, 48, 20}, {46, 17, 8}},
			{{55, 45, 21}, {51, 18, 9}, {18, 7, 2}},
			{{53, 24, 14}, {24, 12, 5}, {10, 3, 1}},
		},
	},
};

struct macro {
	int eq1, eq2, eq36, eq4, eq5;
};

static int score_of(struct macro m)
{
	return highest[m.eq1][m.eq2][m.eq36][m.eq4][m.eq5];
}

static struct macro classify(const int l[METRICS])
{
	struct macro m = {.eq5 = l[E]};
	bool eq6 = (l[CR] == H3 && l[VC] == H3) || (l[IR] == H3 && l[VI] == H3) ||
		   (l[AR] == H3 && l[VA] == H3);

	if (l[AV] || l[PR] || l[UI])
		m.eq1 = (!l[AV] || !l[PR] || !l[UI]) && l[AV] != 3 ? 1 : 2;
	m.eq2 = l[AC] || l[AT];
	if (l[VC] == H3 && l[VI] == H3)
		m.eq36 = eq6 ? 0 : 1;
	else if (l[VC] == H3 || l[VI] == H3 || l[VA] == H3)
		m.eq36 = eq6 ? 2 : 3;
	else
		m.eq36 = 4;
	if (l[SI] && l[SA])
		m.eq4 = l[SC] == H4 || l[SI] == H4 || l[SA] == H4 ? 1 : 2;
	return m;
}

/* --- distances -------------------------------------------------------------------------------- */

/* One group: its metrics, and for each class the worst vectors there are and how many steps lead
 * from them to the next class. */
struct group {
	int count;
	enum metric metric[6];
	struct {
		int depth, worst_count;
		signed char worst[5][6];
	} class[5];
};

static const struct group eq1 = {3,
				 {AV, PR, UI},
				 {{1, 1, {{0, 0, 0}}},
				  {4, 3, {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}},
				  {5, 2, {{3, 0, 0}, {1, 1, 1}}}}};
static const struct group eq2 = {2, {AC, AT}, {{1, 1, {{0, 0}}}, {2, 2, {{1, 0}, {0, 1}}}}};
static const struct group eq36 = {6,
				  {VC, VI, VA, CR, IR, AR},
				  {{7, 1, {{0, 0, 0, 0, 0, 0}}},
				   {6, 2, {{0, 0, 1, 1, 1, 0}, {0, 0, 0, 1, 1, 1}}},
				   {8, 2, {{1, 0, 0, 0, 0, 0}, {0, 1, 0, 0, 0, 0}}},
				   {8,
				    5,
				    {{1, 0, 1, 0, 1, 0},
				     {1, 0, 0, 0, 1, 1},
				     {0, 1, 0, 1, 0, 1},
				     {0, 1, 1, 1, 0, 0},
				     {1, 1, 0, 0, 0, 1}}},
				   {10, 1, {{1, 1, 1, 0, 0, 0}}}}};
static const struct group eq4 = {
	3, {SC, SI, SA}, {{6, 1, {{1, 0, 0}}}, {5, 1, {{1, 1, 1}}}, {4, 1, {{2, 2, 2}}}}};

/* Steps from the first of the class's worst vectors that is nowhere less than this one. */
static int distance(const struct group *g, int class, const int l[METRICS])
{
	for (int w = 0; w < g->class[class].worst_count; w++) {
		int sum = 0, i = 0;
		for (; i < g->count; i++) {
			int step = l[g->metric[i]] - g->class[class].worst[w][i];
			if (step < 0)
				break;
			sum += step;
		}
		if (i == g->count)
			return sum;
	}
	return 0;
}

/* The share of the drop to `lower` that this group takes. */
static double share(const struct group *g, int class, const int l[METRICS], int value, int lower)
{
	return (double)(value - lower) * distance(g, class, l) / g->class[class].depth;
}

/* Below EQ3/EQ6 00 lie both 01 and 10: the higher one counts. */
static int lower_eq36(struct macro m)
{
	struct macro a = m, b = m;

	a.eq36 = m.eq36 == 0 ? 1 : m.eq36 == 3 ? 4 : 3;
	b.eq36 = m.eq36 == 0 ? 2 : a.eq36;
	return score_of(a) > score_of(b) ? score_of(a) : score_of(b);
}

int lz_cvss4_score(struct lz_span text, double *ret, struct lz_err *err)
{
	int l[METRICS], value, groups = 0;
	struct vector v;
	struct macro m, next;
	double drop = 0;
	int r = parse(text, &v, err);

	if (r)
		return r;
	for (enum metric i = 0; i < METRICS; i++)
		l[i] = level_of(&v, i);
	*ret = 0;
	if (l[VC] == 2 && l[VI] == 2 && l[VA] == 2 && l[SC] == N4 && l[SI] == N4 && l[SA] == N4)
		return 0; /* no impact at all */
	m = classify(l);
	value = score_of(m);
#define DROP(eq, most)                                              \
	next = m;                                                   \
	if (++next.eq <= (most)) {                                  \
		drop += share(&eq, m.eq, l, value, score_of(next)); \
		groups++;                                           \
	}
	DROP(eq1, 2)
	DROP(eq2, 1)
	DROP(eq4, 2)
#undef DROP
	if (m.eq36 < 4) {
		drop += share(&eq36, m.eq36, l, value, lower_eq36(m));
		groups++;
	}
	groups += m.eq5 < 2; /* E has one value a class: no distance, but it counts in the mean */
	if (groups)
		drop /= groups;
	*ret = fmax(0, floor(value - drop + 0.5 + 1e-9)) / 10;
	return 0;
}
