/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside watch/ only: figures of a watch, for people or as a line of JSON on standard error. */
#include "../sensor/programs.h"
#include "engine.h"
#include "profiler.h"

struct lz_stats {
#define LZ_STATS_CPUS 512
	uint64_t kernel[LZ_COUNTS];
	uint64_t lost_by_cpu[LZ_STATS_CPUS];
	size_t cpus;
	uint64_t missed, lost;
	struct lz_engine_counts engine;
	size_t processes, groups, ring_held, ring_size;
	uint64_t discards, folders, repairs, reloads, selftests, selftests_failed;
	uint64_t bad_stamp; /* rule files that were refused */
	struct lz_profiler_counts profiler;
	enum lz_call_path path;
};

void lz_stats_print(const struct lz_stats *s, bool json);
size_t lz_stats_rules(const struct lz_rules *r); /* that are in use */
