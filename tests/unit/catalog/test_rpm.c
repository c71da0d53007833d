/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three rpm databases. Truth: real databases with lists made by rpm (../shared/rpmdb), and
 * small ones that fuzz/rpm/make_seeds.py writes from the formats. tests/e2e/scan/rpm.sh compares
 * with Debian's rpm.
 */
#include "base/bytes.h"
#include "sink.h"

#define ALPHA                                                                        \
	"package rpm alpha 2:1.2~rc1-3.el9 x86_64 alpha-src 2:1.2~rc1-3.el9\n"       \
	"files alpha x86_64: usr/bin/one usr/share/alpha/two usr/share/alpha/three " \
	"usr/bin/four\n"
#define BETA                                     \
	"package rpm beta 7-1 noarch beta 7-1\n" \
	"files beta noarch: etc/beta.conf etc/beta.d/x\n"

static const char *const seeds[] = {"bdb-le", "bdb-be", "ndb", "sqlite"};
enum { SEEDS = sizeof(seeds) / sizeof(seeds[0]) };

static struct lz_span seed(const char *name)
{
	char path[200];

	snprintf(path, sizeof(path), "fuzz/rpm/corpus/rpm_db/%s", name);
	return slurp_file(source_path(path));
}

static void set16(struct lz_span f, size_t at, uint16_t v)
{
	memcpy((char *)(uintptr_t)f.p + at, &v, sizeof(v));
}

static void set32(struct lz_span f, size_t at, uint32_t v)
{
	memcpy((char *)(uintptr_t)f.p + at, &v, sizeof(v));
}

static void test_each_container(void **state)
{
	(void)state;
	for (int i = 0; i < SEEDS; i++) {
		struct lz_span f = seed(seeds[i]);
		/* the kind is told by the bytes, not by the name */
		struct kept k = kept_of("var/lib/rpm/Packages", f);
		assert_string_equal(kept_text(&k), ALPHA BETA);
		kept_done(&k);
		free((void *)(uintptr_t)f.p);
	}
}

/* Each line of packages.txt, "name epoch:version-release arch sourcerpm", must be there. */
static void against_list(const char *db, const char *list)
{
	struct lz_span f = slurp_file(shared_or_skip(db)), l = slurp_file(shared_or_skip(list));
	struct kept k = kept_of("usr/lib/sysimage/rpm/Packages.db", f);
	struct lz_span text = l, line, part[4];
	unsigned n = 0;

	while (lz_span_line(&text, &line)) {
		char want[600];
		for (int i = 0; i < 4; i++)
			lz_span_cut(line, ' ', &part[i], &line);
		if (lz_span_starts(part[1], "0:"))
			part[1] = lz_span_from(part[1], 2);
		snprintf(want, sizeof(want), "package rpm %.*s %.*s %.*s ", LZ_FMT(part[0]),
			 LZ_FMT(part[1]), LZ_FMT(part[2]));
		if (!strstr(kept_text(&k), want))
			fail_msg("missing: %s", want);
		n++;
	}
	assert_int_equal(k.packages, n);
	assert_int_equal(k.problems, 0);
	assert_true(k.files > n);
	kept_done(&k);
	free((void *)(uintptr_t)l.p);
	free((void *)(uintptr_t)f.p);
}

static void test_real_bdb(void **state)
{
	(void)state;
	against_list("rpmdb/el8-libuuid/Packages", "rpmdb/el8-libuuid/packages.txt");
}

static void test_real_ndb(void **state)
{
	(void)state;
	against_list("rpmdb/sle15-bci/Packages.db", "rpmdb/sle15-bci/packages.txt");
}

/* One change to a seed, and what must then be said. */
static void damaged(const char *name, size_t at, uint32_t value, unsigned bytes,
		    const char *problem, const char *still)
{
	struct lz_span f = seed(name);
	struct kept k;

	if (bytes == 2)
		set16(f, at, (uint16_t)value);
	else
		set32(f, at, value);
	k = kept_of("var/lib/rpm/rpmdb.sqlite", f);
	if (!strstr(kept_text(&k), problem) || !strstr(kept_text(&k), still))
		fail_msg("%s, %zu := %u gives\n%sexpected\n%s\n%s", name, at, value, kept_text(&k),
			 problem, still);
	kept_done(&k);
	free((void *)(uintptr_t)f.p);
}

static void test_bdb_damage(void **state)
{
	(void)state;
	/* page 3 is alpha's first overflow page; 512-byte pages */
	damaged("bdb-le", 3 * 512 + 16, 3, 4, "problem format @1536: overflow pages in a loop",
		BETA);
	damaged("bdb-le", 3 * 512 + 16, 4000, 4, "leads to page 4000", BETA);
	damaged("bdb-le", 3 * 512 + 16, 1, 4, "not an overflow page", BETA);
	damaged("bdb-le", 3 * 512 + 22, 5000, 2, "overflow page 3 claims 5000 bytes", BETA);
	damaged("bdb-le", 3 * 512 + 22, 0, 2, "overflow page 3 claims 0 bytes", BETA);
	damaged("bdb-le", 1 * 512 + 20, 7, 2, "problem format @532: page 1 claims 7 entries", BETA);
	damaged("bdb-le", 2 * 512 + 20, 60000, 2, "page 2 claims 60000 entries", ALPHA);
	damaged("bdb-le", 2 * 512 + 28, 600, 2, "page 2: entry 1 is said to be at 600", ALPHA);
	damaged("bdb-le", 2 * 512 + 24, 0, 2, "should have 4 entries, but only 2 were found",
		ALPHA);
	damaged("bdb-le", 20, 1000, 4, "a page size of 1000 bytes", "");
	damaged("bdb-le", 32, 70, 4, "should have 71 pages, but ends after 7", ALPHA BETA);
	damaged("bdb-le", 24, 0x0801, 2, "encrypted", "");
	damaged("bdb-le", 24, 0x0900, 2, "not a hash", "");
}

static void test_ndb_damage(void **state)
{
	(void)state;
	/* slots from 32 on; blobs from 4096 on */
	damaged("ndb", 32 + 8, 0xfffffff0, 4, "package 1: its slot points outside", BETA);
	damaged("ndb", 32 + 8, 2, 4, "package 1: its slot points outside", BETA);
	damaged("ndb", 32 + 12, 1000, 4, "package 1: its slot points outside", BETA);
	damaged("ndb", 32 + 8, 257, 4, "package 1: its slot leads to something else", BETA);
	damaged("ndb", 32 + 12, 90, 4, "which do not fit its place", BETA);
	damaged("ndb", 48 + 0, 7, 4, "problem format @48: no slot where one should be", ALPHA);
	damaged("ndb", 4096 + 12, 100000, 4, "package 1: claims 100000 bytes", BETA);
	damaged("ndb", 4096 + 400, 77, 4, "problem digest @4096: package 1: its checksum", BETA);
	damaged("ndb", 4, 9, 4, "NDB version 9 is not known", "");
	damaged("ndb", 12, 0, 4, "claims no slots", "");
	damaged("ndb", 12, 100, 4, "should have 409600 bytes of slots", "");
}

static void test_sqlite_damage(void **state)
{
	(void)state;
	/* page 2 is the root of Packages, with three rows; its first goes on to overflow pages */
	damaged("sqlite", 16, 0x0003, 2, "a page size of 768 bytes", ""); /* big endian */
	damaged("sqlite", 512, 0x0a, 2, "problem format @512: page 2 is of kind 0x0a", "");
	damaged("sqlite", 512 + 3, 0xffff, 2, "page 2 claims 65535 cells", "");
	damaged("sqlite", 512 + 8, 0xffff, 2, "a row is said to be at 65535", BETA);
	damaged("sqlite", 100, 0x0a, 2, "page 1 is of kind 0x0a", "");
}

/* The last four bytes of the first row name its overflow page: bring them into a circle. */
static void test_sqlite_loop(void **state)
{
	struct lz_span f = seed("sqlite");
	size_t cell = 512 + lz_be16(f.p + 512 + 8), local;
	uint32_t next = 0;
	struct kept k;

	(void)state;
	for (local = 0; local < 480; local++) {
		next = lz_be32(f.p + cell + local);
		if (next > 2 && next < f.n / 512 && lz_be32(f.p + (next - 1) * 512) == next + 1)
			break;
	}
	assert_true(local < 480);
	set32(f, (next - 1) * 512, __builtin_bswap32(next));
	k = kept_of("var/lib/rpm/rpmdb.sqlite", f);
	assert_non_null(strstr(kept_text(&k), "pages in a loop"));
	assert_non_null(strstr(kept_text(&k), BETA));
	assert_null(strstr(kept_text(&k), "package rpm alpha"));
	kept_done(&k);
	free((void *)(uintptr_t)f.p);
}

/* A page whose every cell pointer names one row would cost more time than its bytes. */
static void test_sqlite_overlap(void **state)
{
	struct lz_span f = seed("sqlite");
	struct kept k;

	(void)state;
	set16(f, 512 + 3, 0x2000); /* 32 rows, big endian, all where the second is */
	for (size_t i = 0; i < 32; i++)
		memcpy((char *)(uintptr_t)f.p + 512 + 8 + 2 * i, f.p + 512 + 10, 2);
	k = kept_of("var/lib/rpm/rpmdb.sqlite", f);
	assert_non_null(strstr(kept_text(&k), "rows that lie over each other"));
	assert_true(k.packages < 4);
	kept_done(&k);
	free((void *)(uintptr_t)f.p);
}

/* --- properties ------------------------------------------------------------------------------- */

static int read_seed(struct kept *k, struct lz_span f, size_t chunk, struct lz_err *err)
{
	struct lz_limits limits;

	lz_limits_default(&limits);
	kept_init(k);
	return kept_read(k, "var/lib/rpm/Packages", f, chunk, &limits, err);
}

/* Wherever the file is cut: what is lost is said. */
static void test_truncated(void **state)
{
	(void)state;
	for (int i = 0; i < SEEDS; i++) {
		struct lz_span f = seed(seeds[i]);
		for (size_t n = 1; n < f.n; n += 13) {
			struct lz_err err = {0};
			struct kept k;
			/* a copy of that size, so that ASan sees a read behind it */
			char *cut = malloc(n);
			memcpy(cut, f.p, n);
			assert_ok(read_seed(&k, lz_span(cut, n), 0, &err), err);
			if (k.packages < 2 && !k.problems)
				fail_msg("%s cut at %zu: %u packages and no word", seeds[i], n,
					 k.packages);
			kept_done(&k);
			free(cut);
		}
		free((void *)(uintptr_t)f.p);
	}
}

/* Where a single changed byte makes a package vanish lawfully: what says that there is none. */
static bool lawful(const char *name, struct lz_span f, size_t at)
{
	if (!strcmp(name, "ndb")) /* package number 0: a free slot */
		return at >= 36 && at < 80 && at % 16 >= 4 && at % 16 < 8;
	if (!strcmp(name, "sqlite")) /* fewer cells on a page: rows were deleted */
		return at == 512 + 3 || at == 512 + 4;
	/* a key of 0: rpm's counter; a page that is none and the count of keys can't both be hit */
	return !memcmp(f.p + at, "\1\0\0\0", 4) || at % 512 >= 480;
}

/* Whatever a byte becomes: no crash, and a lost package is said. */
static void test_flipped(void **state)
{
	static const unsigned char flips[] = {0x01, 0x80, 0xff};

	(void)state;
	for (int i = 0; i < SEEDS; i++) {
		struct lz_span f = seed(seeds[i]);
		for (size_t at = 0; at < f.n; at++) {
			struct lz_err err = {0};
			unsigned char *c = (unsigned char *)(uintptr_t)f.p + at;
			unsigned char was = *c;
			struct kept k;
			for (size_t j = 0; j <= sizeof(flips); j++) {
				*c = j < sizeof(flips) ? was ^ flips[j] : 0;
				assert_ok(read_seed(&k, f, 0, &err), err);
				if (k.packages < 2 && !k.problems) {
					unsigned char now = *c;
					*c = was;
					if (!lawful(seeds[i], f, at))
						fail_msg("%s: byte %zu from %02x to %02x: %s",
							 seeds[i], at, was, now, kept_text(&k));
				}
				kept_done(&k);
			}
			*c = was;
		}
		free((void *)(uintptr_t)f.p);
	}
}

static void test_chunks(void **state)
{
	(void)state;
	for (int i = 0; i < SEEDS; i++) {
		struct lz_span f = seed(seeds[i]);
		for (size_t chunk = 1; chunk < 40; chunk += 6) {
			struct lz_err err = {0};
			struct kept k;
			assert_ok(read_seed(&k, f, chunk, &err), err);
			assert_string_equal(kept_text(&k), ALPHA BETA);
			kept_done(&k);
		}
		free((void *)(uintptr_t)f.p);
	}
}

static void test_limit(void **state)
{
	struct lz_limits limits;
	struct lz_err err = {0};
	struct lz_span f = seed("ndb");
	struct kept k;

	(void)state;
	lz_limits_default(&limits);
	limits.db_bytes = 5000;
	kept_init(&k);
	assert_int_equal(kept_read(&k, "var/lib/rpm/Packages", f, 100, &limits, &err), LZ_E_LIMIT);
	assert_non_null(strstr(err.text, "db_bytes"));
	kept_done(&k);
	free((void *)(uintptr_t)f.p);
}

static int once(struct lz_span f)
{
	struct lz_err err = {0};
	struct kept k;
	int code = read_seed(&k, f, 0, &err);

	if (!code) /* what was given up for want of memory must not look whole */
		assert_true(k.problems || k.packages == 2);
	kept_done(&k);
	return code;
}

static void test_no_memory(void **state)
{
	(void)state;
	for (int i = 0; i < SEEDS; i++) {
		struct lz_span f = seed(seeds[i]);
		assert_survives_nomem(once(f));
		free((void *)(uintptr_t)f.p);
	}
}

static void test_empty_and_foreign(void **state)
{
	struct kept k = kept_of("var/lib/rpm/Packages", lz_span("", 0));

	(void)state;
	assert_string_equal(kept_text(&k), "");
	kept_done(&k);
	k = kept_of("var/lib/rpm/Packages", lz_str("no database at all, but text"));
	assert_non_null(strstr(kept_text(&k), "no rpm database"));
	kept_done(&k);
}

static void test_logs(void **state)
{
	struct kept k = kept_of("usr/lib/sysimage/rpm/rpmdb.sqlite-wal", lz_span("\0\0\0", 3));

	(void)state;
	assert_int_equal(k.problems, 0);
	kept_done(&k);
	k = kept_of("usr/lib/sysimage/rpm/rpmdb.sqlite-wal", lz_str("7\177\6\202"));
	assert_non_null(strstr(kept_text(&k), "newest changes are still in this log"));
	kept_done(&k);
	k = kept_of("var/lib/rpm/rpmdb.sqlite-journal", lz_str("\331\325\5\371"));
	assert_non_null(strstr(kept_text(&k), "cut off and is not undone"));
	kept_done(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_container),
		cmocka_unit_test(test_real_bdb),
		cmocka_unit_test(test_real_ndb),
		cmocka_unit_test(test_bdb_damage),
		cmocka_unit_test(test_ndb_damage),
		cmocka_unit_test(test_sqlite_damage),
		cmocka_unit_test(test_sqlite_loop),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_empty_and_foreign),
		cmocka_unit_test(test_sqlite_overlap),
		cmocka_unit_test(test_logs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
