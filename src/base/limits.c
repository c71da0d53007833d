/* SPDX-License-Identifier: Apache-2.0 */
#include "limits.h"

const struct lz_limit_row lz_limit_rows[] = {
#define LZ_LIMIT(name, def, min, max, why) \
	{#name, (def), (min), (max), (why), offsetof(struct lz_limits, name)},
	LZ_LIMITS(LZ_LIMIT)
#undef LZ_LIMIT
};
const size_t lz_limit_count = sizeof(lz_limit_rows) / sizeof(lz_limit_rows[0]);

static uint64_t *slot(struct lz_limits *l, const struct lz_limit_row *row)
{
	return (uint64_t *)(void *)((char *)l + row->offset);
}

void lz_limits_default(struct lz_limits *l)
{
	for (size_t i = 0; i < lz_limit_count; i++)
		*slot(l, &lz_limit_rows[i]) = lz_limit_rows[i].def;
}

void lz_limits_clamp(struct lz_limits *l)
{
	for (size_t i = 0; i < lz_limit_count; i++) {
		const struct lz_limit_row *row = &lz_limit_rows[i];
		uint64_t *v = slot(l, row);
		if (*v < row->min)
			*v = row->min;
		if (*v > row->max)
			*v = row->max;
	}
}

bool lz_size_parse(struct lz_span s, uint64_t *ret)
{
	uint64_t unit = 1;

	if (s.n) {
		switch (s.p[s.n - 1]) {
		case 'k':
		case 'K':
			unit = LZ_K;
			break;
		case 'm':
		case 'M':
			unit = LZ_M;
			break;
		case 'g':
		case 'G':
			unit = LZ_G;
			break;
		default:
			break;
		}
	}
	if (unit != 1)
		s.n--;
	return lz_span_u64(s, 10, ret) && !__builtin_mul_overflow(*ret, unit, ret);
}

int lz_limits_set(struct lz_limits *l, struct lz_span assignment, struct lz_err *err)
{
	struct lz_span name, value;
	uint64_t v;

	if (!lz_span_cut(assignment, '=', &name, &value))
		return lz_fail(err, LZ_E_USAGE, "--limit %.*s: expected NAME=VALUE",
			       LZ_FMT(assignment));
	for (size_t i = 0; i < lz_limit_count; i++) {
		const struct lz_limit_row *row = &lz_limit_rows[i];
		if (!lz_span_is(name, row->name))
			continue;
		if (!lz_size_parse(value, &v) || v < row->min || v > row->max)
			return lz_fail(err, LZ_E_USAGE,
				       "--limit %.*s: expected a number from %llu to %llu",
				       LZ_FMT(assignment), (unsigned long long)row->min,
				       (unsigned long long)row->max);
		*slot(l, row) = v;
		return 0;
	}
	return lz_fail(err, LZ_E_USAGE, "--limit %.*s: no such limit; see `lazaret list limits`",
		       LZ_FMT(name));
}
