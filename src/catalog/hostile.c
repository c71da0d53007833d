/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Only in builds with -Dhostile=true: a cataloger with a fatal bug. The file etc/lazaret-attack of
 * an image names what its author makes of it; tests/e2e/bad/hostile.sh shows that it leads nowhere.
 */
#include "../jail/hostile.h"
#include "catalog.h"

#include "../base/clean.h"

static int read_attack(struct lz_span path, struct lz_reader *r, uint64_t size,
		       const struct lz_limits *limits, struct lz_sink *sink, struct lz_err *err)
{
	struct lz_span name = {"", 0};
	struct lz_rec_out out;
	int code;

	(void)path;
	(void)size;
	(void)sink;
	code = lz_reader_next(r, &name, err);
	if (code <= 0)
		return code;
	lz_rec_out_init(&out, LZ_JAIL_OUTPUT_FD, limits);
	code = lz_hostile_attack(lz_span_trim(name), 1, &out, err);
	return code ? code : lz_rec_flush(&out, err);
}

static const char *const paths[] = {"etc/lazaret-attack", NULL};

const struct lz_cataloger lz_cataloger_hostile = {"hostile", paths, read_attack};
