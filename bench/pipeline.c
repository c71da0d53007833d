/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipeline [-1] FILE...: what lazaret's readers cost for the same layers as bench/floor, one file
 * after the other:
 *
 *	pread > SHA-256 > stage > unpack > stage > SHA-256 > tar
 *
 * With -1 without the stages, on one thread, for a profile that is easy to read. Prints one line:
 *
 *	pipeline WALL_SECONDS CPU_SECONDS PACKED_BYTES UNPACKED_BYTES ENTRIES
 */
#include "base/clean.h"
#include "format/tar.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SLOTS 12

static uint64_t packed_total, unpacked_total, entries;

static struct lz_reader *staged(struct lz_reader *r, bool threads, struct lz_err *err)
{
	return r && threads ? lz_reader_stage(r, 0, SLOTS, err) : r;
}

static int walk(struct lz_reader *r, const struct lz_limits *limits, struct lz_err *err)
{
	struct lz_tar *t = lz_tar_open(r, limits, err);
	struct lz_tar_entry e;
	int code;

	if (!t)
		return err->code;
	while ((code = lz_tar_next(t, &e, err)) > 0)
		entries++;
	lz_tar_close(t);
	return code ? code : lz_reader_drain(r, err);
}

static int one(const char *path, bool threads, struct lz_err *err)
{
	LZ_CLEAN(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	LZ_CLEAN(reader) struct lz_reader *r = NULL;
	struct lz_limits limits;
	unsigned char digest[32];
	struct stat st;
	int code;

	if (fd < 0 || fstat(fd, &st) < 0)
		return lz_fail_errno(err, "open");
	lz_limits_default(&limits);
	r = lz_reader_pread(fd, 0, (uint64_t)st.st_size, err);
	r = r ? lz_reader_sha256(r, err) : NULL;
	r = staged(r, threads, err);
	r = r ? lz_reader_unpack(r, &limits, threads ? SLOTS : 0, NULL, err) : NULL;
	r = r ? lz_reader_sha256(r, err) : NULL;
	if (!r)
		return err->code;
	code = walk(r, &limits, err);
	if (!code)
		code = lz_reader_sha256_final(r, digest, err);
	packed_total += (uint64_t)st.st_size;
	unpacked_total += r->offset;
	return code;
}

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	double wall = seconds(CLOCK_MONOTONIC);
	bool threads = argc < 2 || strcmp(argv[1], "-1") != 0;
	int first = threads ? 1 : 2;

	if (argc <= first) {
		fputs("usage: pipeline [-1] FILE...\n", stderr);
		return 2;
	}
	for (int i = first; i < argc; i++) {
		struct lz_err err = {0};
		if (one(argv[i], threads, &err)) {
			fprintf(stderr, "pipeline: %s: %s\n", argv[i], err.text);
			return 1;
		}
	}
	printf("pipeline %.3f %.3f %llu %llu %llu\n", seconds(CLOCK_MONOTONIC) - wall,
	       seconds(CLOCK_PROCESS_CPUTIME_ID), (unsigned long long)packed_total,
	       (unsigned long long)unpacked_total, (unsigned long long)entries);
	return 0;
}
