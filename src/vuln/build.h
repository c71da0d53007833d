/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside vuln/ only: how a feed folder becomes jobs (build_walk.c), a job becomes additions to the
 * builder (build_job.c), and all of them a database (build.c). */
#include "feed.h"

#include <pthread.h>

struct lz_build_file {
	const struct lz_feed_format *format;
	struct lz_span path;  /* below the folder, NUL behind it */
	struct lz_span group; /* the folder gathered into one stream, or the path itself */
	uint64_t size_bytes;
	int64_t modified_s;
};

struct lz_build {
	const struct lz_build_options *o;
	int root_fd;
	struct lz_arena arena; /* paths; while walking, then read only */
	struct lz_vec files;   /* struct lz_build_file, by format, group and path */
	struct lz_vec ignored; /* struct lz_span: paths that are no feed */
	struct lz_vdb_builder *builder;
	struct lz_build_stats *stats;
	pthread_mutex_t lock; /* of builder and stats' numbers */
};

/* One child: a run of files of one group. */
struct lz_build_job {
	const struct lz_build_file *files;
	size_t file_count;
	struct lz_arena arena; /* of notes and infos */
	struct lz_vec notes;   /* struct lz_build_note */
	struct lz_vec infos;   /* struct lz_feed_info */
	struct lz_err err;
	int code;
	char sha256[65]; /* of what the child was given */
};

/* Fills files and ignored. */
int lz_build_walk(struct lz_build *b, struct lz_err *err);
/* Reads one job and adds what it says; the outcome is in job->code and job->err. Thread-safe. */
void lz_build_job_run(struct lz_build *b, struct lz_build_job *job);
