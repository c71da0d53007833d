/* SPDX-License-Identifier: Apache-2.0 */
#include "stats.h"

#include "../base/clean.h"
#include "../base/limits.h"
#include "live.h"

#include <inttypes.h>
#include <sys/resource.h>

size_t lz_stats_rules(const struct lz_rules *r)
{
	size_t n = 0;

	LZ_VEC_EACH (struct lz_rule, x, lz_rules_all(r))
		n += x->enabled && x->usable;
	return n;
}

static uint64_t resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long all = 0, resident = 0;

	if (f) {
		if (fscanf(f, "%lu %lu", &all, &resident) != 2)
			resident = 0;
		fclose(f);
	}
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static double cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void print_json(const struct lz_stats *s, struct lz_buf *b)
{
	const uint64_t *k = s->kernel;

	lz_buf_printf(b,
		      "{\"stats\": {\"seen\": %" PRIu64 ", \"passed_over\": {\"class\": %" PRIu64
		      ", \"file\": %" PRIu64 ", \"throttled\": %" PRIu64 "}, \"sent\": %" PRIu64
		      ", \"lost\": %" PRIu64 ", \"lost_by_kind\": {",
		      k[LZ_COUNT_SEEN], k[LZ_COUNT_CLASS], k[LZ_COUNT_DISCARDED],
		      k[LZ_COUNT_THROTTLED], k[LZ_COUNT_SENT], s->lost);
	for (unsigned i = 1; i < LZ_EV_KINDS; i++)
		if (lz_event_kind_text(i))
			lz_buf_printf(b, "%s\"%s\": %" PRIu64, i > 1 ? ", " : "",
				      lz_event_kind_text(i), k[LZ_COUNT_LOST_KIND + i]);
	lz_buf_str(b, "}, \"lost_by_cpu\": [");
	for (size_t i = 0; i < s->cpus; i++)
		lz_buf_printf(b, "%s%" PRIu64, i ? ", " : "", s->lost_by_cpu[i]);
	lz_buf_printf(b,
		      "], \"interrupted\": %" PRIu64 ", \"received\": %" PRIu64
		      ", \"unreadable\": %" PRIu64 ", \"hits\": %" PRIu64
		      ", \"processes\": %zu, \"groups\": %zu, \"ring\": {\"held\": %zu, \"size\": "
		      "%zu}, \"files_learnt\": %" PRIu64 ", \"folders_learnt\": %" PRIu64
		      ", \"repairs\": %" PRIu64 ", \"rule_changes\": %" PRIu64
		      ", \"self_tests\": %" PRIu64 ", \"self_tests_failed\": %" PRIu64
		      ", \"profiles\": {\"used\": %zu, \"deviations\": %" PRIu64
		      ", \"held\": %" PRIu64 ", \"not_judged\": %" PRIu64 "}"
		      ", \"resident_bytes\": %" PRIu64 ", \"cpu_s\": %.3f}}\n",
		      s->missed, s->engine.records, s->engine.bad, s->engine.hits, s->processes,
		      s->groups, s->ring_held, s->ring_size, s->discards, s->folders, s->repairs,
		      s->reloads, s->selftests, s->selftests_failed, s->profiler.profiles,
		      s->profiler.deviations, s->profiler.held, s->profiler.unjudged,
		      resident_bytes(), cpu_s());
}

static void print_text(const struct lz_stats *s, struct lz_buf *b)
{
	const uint64_t *k = s->kernel;

	lz_buf_printf(b,
		      "lazaret: %" PRIu64 " events seen, passed over: %" PRIu64
		      " by class, %" PRIu64 " by file, %" PRIu64 " throttled; %" PRIu64
		      " sent, %" PRIu64 " lost; %" PRIu64
		      " rule hits; %zu processes, %.1f MiB, %.2f s of processor\n",
		      k[LZ_COUNT_SEEN], k[LZ_COUNT_CLASS], k[LZ_COUNT_DISCARDED],
		      k[LZ_COUNT_THROTTLED], k[LZ_COUNT_SENT], s->lost, s->engine.hits,
		      s->processes, (double)resident_bytes() / (double)LZ_M, cpu_s());
}

void lz_stats_print(const struct lz_stats *s, bool json)
{
	LZ_CLEAN(buf) struct lz_buf b;

	lz_buf_init(&b, 64 * LZ_K);
	if (json)
		print_json(s, &b);
	else
		print_text(s, &b);
	fwrite(b.p ? b.p : "", 1, b.n, stderr);
}
