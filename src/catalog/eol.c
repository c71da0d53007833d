/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the vendors' free support of a release ends (for Debian with its LTS, for Ubuntu without
 * Pro): after that day no fixes appear, so "nothing to fix" means nothing.
 */
#include "catalog.h"

#include "../base/clock.h"

static const struct {
	const char *id;
	const char *version; /* matches it and everything that goes on with "." */
	const char *day;
} ends[] = {
	{"debian", "7", "2018-05-31"},
	{"debian", "8", "2020-06-30"},
	{"debian", "9", "2022-06-30"},
	{"debian", "10", "2024-06-30"},
	{"debian", "11", "2026-08-31"},
	{"debian", "12", "2028-06-30"},
	{"debian", "13", "2030-06-30"},
	{"ubuntu", "14.04", "2019-04-25"},
	{"ubuntu", "16.04", "2021-04-30"},
	{"ubuntu", "18.04", "2023-05-31"},
	{"ubuntu", "20.04", "2025-05-31"},
	{"ubuntu", "22.04", "2027-04-01"},
	{"ubuntu", "24.04", "2029-04-25"},
	{"alpine", "3.3", "2017-11-01"},
	{"alpine", "3.4", "2018-05-01"},
	{"alpine", "3.5", "2018-11-01"},
	{"alpine", "3.6", "2019-05-01"},
	{"alpine", "3.7", "2019-11-01"},
	{"alpine", "3.8", "2020-05-01"},
	{"alpine", "3.9", "2020-11-01"},
	{"alpine", "3.10", "2021-05-01"},
	{"alpine", "3.11", "2021-11-01"},
	{"alpine", "3.12", "2022-05-01"},
	{"alpine", "3.13", "2022-11-01"},
	{"alpine", "3.14", "2023-05-01"},
	{"alpine", "3.15", "2023-11-01"},
	{"alpine", "3.16", "2024-05-23"},
	{"alpine", "3.17", "2024-11-22"},
	{"alpine", "3.18", "2025-05-09"},
	{"alpine", "3.19", "2025-11-01"},
	{"alpine", "3.20", "2026-04-01"},
	{"alpine", "3.21", "2026-11-01"},
	{"alpine", "3.22", "2027-05-01"},
	{"rhel", "6", "2020-11-30"},
	{"rhel", "7", "2024-06-30"},
	{"rhel", "8", "2029-05-31"},
	{"rhel", "9", "2032-05-31"},
	{"rhel", "10", "2035-05-31"},
	{"centos", "6", "2020-11-30"},
	{"centos", "7", "2024-06-30"},
	{"centos", "8", "2021-12-31"},
	{"centos-stream", "8", "2024-05-31"},
	{"centos-stream", "9", "2027-05-31"},
	{"rocky", "8", "2029-05-31"},
	{"rocky", "9", "2032-05-31"},
	{"almalinux", "8", "2029-03-01"},
	{"almalinux", "9", "2032-05-31"},
	{"ol", "7", "2024-12-31"},
	{"ol", "8", "2029-07-31"},
	{"ol", "9", "2032-06-30"},
	{"amzn", "1", "2023-12-31"},
	{"amzn", "2018.03", "2023-12-31"},
	{"amzn", "2", "2026-06-30"},
	{"amzn", "2023", "2029-06-30"},
	{"mariner", "2.0", "2025-07-31"},
};

static bool same(struct lz_span v, const char *want)
{
	size_t n = strlen(want);

	return lz_span_starts(v, want) && (v.n == n || v.p[n] == '.');
}

enum lz_eol_state lz_os_eol(struct lz_span id, struct lz_span version, int64_t now_s,
			    int64_t *ret_end_s)
{
	int64_t day;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (!lz_span_is(id, ends[i].id) || !same(version, ends[i].version) ||
		    !lz_time_parse(ends[i].day, strlen(ends[i].day), &day))
			continue;
		*ret_end_s = day;
		return now_s > day + 86400 ? LZ_EOL_ENDED : LZ_EOL_SUPPORTED;
	}
	return LZ_EOL_UNKNOWN;
}
