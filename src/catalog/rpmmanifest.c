/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distroless images of Azure Linux (Mariner) have no rpm database but a list that rpm wrote when
 * the image was made, var/lib/rpmmanifest/container-manifest-2; a line is a package, divided by
 * tabs:
 *
 *	name  version-release  installed  built  vendor  epoch or "(none)"  size  arch  epoch number
 *	source rpm
 */
#include "lines.h"
#include "rpm.h"

#include "../base/clean.h"

enum { NAME, VERSION, INSTALLED, BUILT, VENDOR, EPOCH, SIZE, ARCH, EPOCHNUM, SOURCERPM, COLUMNS };

static struct lz_span given(struct lz_span s)
{
	return lz_span_is(s, "(none)") ? lz_span("", 0) : s;
}

static int package(struct lz_span *column, struct lz_arena *a, struct lz_sink *sink,
		   struct lz_err *err)
{
	struct lz_package p = {.type = LZ_PKG_RPM,
			       .name = column[NAME],
			       .vendor = given(column[VENDOR]),
			       .arch = given(column[ARCH]),
			       .source_rpm = given(column[SOURCERPM])};
	uint64_t epoch = 0;

	if (!lz_span_u64(column[EPOCHNUM], 10, &epoch) || epoch > UINT32_MAX)
		return LZ_E_FORMAT;
	p.epoch_known = epoch || !lz_span_is(column[EPOCH], "(none)");
	p.version = lz_rpm_evr(a, (uint32_t)epoch, column[VERSION], lz_span("", 0));
	lz_rpm_source(a, &p, (uint32_t)epoch);
	if (a->code)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	return sink->package(sink, &p, err);
}

static int line(const struct lz_lines *l, struct lz_span rest, size_t max, struct lz_arena *a,
		struct lz_sink *sink, struct lz_err *err)
{
	struct lz_span column[COLUMNS];
	bool odd = l->too_long || lz_span_find(rest, '\0') >= 0;
	int n = 0, code = LZ_E_FORMAT;
	char why[120];

	if (lz_span_starts(rest, "gpg-pubkey\t")) /* a key that rpm trusts, kept as if a package */
		return 0;
	for (bool more = true; more && n < COLUMNS; n++) {
		more = lz_span_cut(rest, '\t', &column[n], &rest);
		column[n] = lz_span_head(column[n], max);
	}
	if (n == COLUMNS && !odd && column[NAME].n && column[VERSION].n)
		code = package(column, a, sink, err);
	lz_arena_done(a);
	if (code != LZ_E_FORMAT)
		return code;
	snprintf(why, sizeof(why), "line %llu: not a package in ten columns",
		 (unsigned long long)l->number);
	return sink->problem(sink, LZ_E_FORMAT, (int64_t)l->offset, why, err);
}

static int read_manifest(struct lz_span path, struct lz_reader *reader, uint64_t size,
			 const struct lz_limits *limits, struct lz_sink *sink, struct lz_err *err)
{
	LZ_CLEAN(arena) struct lz_arena arena;
	struct lz_lines l;
	struct lz_span text;
	int code, failed = 0;

	(void)path;
	(void)size;
	lz_arena_init(&arena, LZ_M);
	lz_lines_init(&l, reader, limits);
	while (!failed && (code = lz_lines_next(&l, &text, err)) > 0)
		if (text.n)
			failed = line(&l, text, (size_t)limits->field_bytes, &arena, sink, err);
	lz_lines_done(&l);
	return failed ? failed : code;
}

static const char *const paths[] = {"var/lib/rpmmanifest/container-manifest-2", NULL};

const struct lz_cataloger lz_cataloger_rpmmanifest = {"rpm manifest", paths, read_manifest};
