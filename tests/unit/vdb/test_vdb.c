/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database file: what was put in comes out, the same content gives the same bytes, and a file
 * that somebody has changed is never taken for whole. The model it is compared with is the list of
 * what was added, searched from front to back.
 */
#include "base/io.h"
#include "vuln/vuln.h"

#include "../../folder.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- what is put in --------------------------------------------------------------------------- */

enum { NAMES = 97, ECOSYSTEMS = 5 };

static uint64_t state = 1;

static uint64_t any(uint64_t below)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 33) % below;
}

struct fake {
	char id[24], alias[24], title[120], name[3][24], fixed[3][24];
	unsigned eco[3], affected;
	bool not_affected;
};

static const char *const ecosystems[ECOSYSTEMS] = {"debian:11", "debian:12", "alpine:v3.18", "npm",
						   "go"};

static struct fake *make(size_t count)
{
	struct fake *f = calloc(count, sizeof(*f));

	assert_non_null(f);
	for (size_t i = 0; i < count; i++) {
		snprintf(f[i].id, sizeof(f[i].id), "ADV-%zu", i);
		snprintf(f[i].alias, sizeof(f[i].alias), "CVE-2020-%u",
			 1000 + (unsigned)any(count));
		snprintf(f[i].title, sizeof(f[i].title), "title %zu of %u words or so, %08x%08x", i,
			 (unsigned)any(100), (unsigned)any(UINT32_MAX), (unsigned)any(UINT32_MAX));
		f[i].affected = 1 + (unsigned)any(3);
		f[i].not_affected = !any(10);
		for (unsigned k = 0; k < f[i].affected; k++) {
			snprintf(f[i].name[k], sizeof(f[i].name[k]), "package-%u",
				 (unsigned)any(NAMES));
			snprintf(f[i].fixed[k], sizeof(f[i].fixed[k]), "%u.%u", (unsigned)any(9),
				 (unsigned)any(99));
			f[i].eco[k] = (unsigned)any(ECOSYSTEMS);
		}
	}
	return f;
}

static int add(struct lz_vdb_builder *b, const struct fake *f, struct lz_err *err)
{
	struct lz_event events[3][2];
	struct lz_affected affected[3];
	struct lz_span alias = lz_str(f->alias), link = LZ_SPAN("https://example.org/x");

	for (unsigned k = 0; k < f->affected; k++) {
		events[k][0] = (struct lz_event){LZ_EV_INTRODUCED, LZ_SPAN("0")};
		events[k][1] = (struct lz_event){LZ_EV_FIXED, lz_str(f->fixed[k])};
		affected[k] = (struct lz_affected){.ecosystem = lz_str(ecosystems[f->eco[k]]),
						   .name = lz_str(f->name[k]),
						   .fix = LZ_FIX_AVAILABLE,
						   .not_affected = f->not_affected,
						   .events = events[k],
						   .event_count = 2};
	}
	return lz_vdb_add_advisory(b,
				   &(struct lz_advisory){.id = lz_str(f->id),
							 .feed = LZ_SPAN("test"),
							 .title = lz_str(f->title),
							 .severity = LZ_SEV_HIGH,
							 .aliases = &alias,
							 .alias_count = 1,
							 .references = &link,
							 .reference_count = 1,
							 .affected = affected,
							 .affected_count = f->affected},
				   err);
}

static int write_all(const struct fake *f, size_t count, const size_t *order, const char *path,
		     const char *key, struct lz_err *err)
{
	struct lz_limits limits;
	struct lz_vdb_builder *b;
	int r = 0;

	lz_limits_default(&limits);
	b = lz_vdb_builder_new(&limits, 512 * LZ_M, err);
	if (!b)
		return err->code;
	for (size_t i = 0; !r && i < count; i++)
		r = add(b, &f[order ? order[i] : i], err);
	if (!r)
		r = lz_vdb_add_feed(
			b, &(struct lz_feed_info){.name = LZ_SPAN("test"), .records = count}, err);
	if (!r)
		r = lz_vdb_add_enrichment(b,
					  &(struct lz_enrichment){.cve = LZ_SPAN("CVE-2020-1001"),
								  .kev = true,
								  .kev_added_s = 86400 * 365,
								  .epss = -1,
								  .epss_percentile = -1},
					  err);
	if (!r)
		r = lz_vdb_write(b, path, 1700000000, key, err);
	lz_vdb_builder_free(b);
	return r;
}

static struct lz_span file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	char *p;

	assert_non_null(f);
	fstat(fileno(f), &st);
	p = malloc((size_t)st.st_size + 1);
	assert_int_equal(fread(p, 1, (size_t)st.st_size, f), (size_t)st.st_size);
	fclose(f);
	return lz_span(p, (size_t)st.st_size);
}

/* --- what comes out --------------------------------------------------------------------------- */

static bool in_rows(const struct lz_vec *rows, const struct fake *f, unsigned k)
{
	LZ_VEC_EACH (struct lz_vdb_row, r, rows) {
		const struct lz_affected *x = r->advisory.affected;
		if (lz_span_is(r->advisory.id, f->id) &&
		    lz_span_is(x->ecosystem, ecosystems[f->eco[k]]) &&
		    lz_span_is(x->name, f->name[k]) && x->event_count == 2 &&
		    lz_span_is(x->events[1].version, f->fixed[k]) &&
		    x->not_affected == f->not_affected && lz_span_is(r->advisory.title, f->title) &&
		    lz_span_is(r->advisory.aliases[0], f->alias) &&
		    r->advisory.severity == LZ_SEV_HIGH)
			return true;
	}
	return false;
}

/* Two packages of one advisory may be the same: then they are one row, or two that differ. */
static bool repeats(const struct fake *f, unsigned k)
{
	for (unsigned i = 0; i < k; i++)
		if (f->eco[i] == f->eco[k] && !strcmp(f->name[i], f->name[k]) &&
		    !strcmp(f->fixed[i], f->fixed[k]))
			return true;
	return false;
}

static void check_keys(struct lz_vdb *v, const struct fake *f, size_t count)
{
	struct lz_err err;

	for (unsigned e = 0; e <= ECOSYSTEMS; e++)
		for (unsigned n = 0; n < NAMES + 3; n++) {
			struct lz_arena arena;
			struct lz_vec rows;
			char name[24];
			size_t want = 0;
			lz_arena_init(&arena, 256 * LZ_M);
			lz_vec_init(&rows, sizeof(struct lz_vdb_row), 1000000);
			snprintf(name, sizeof(name), "package-%u", n);
			assert_ok(e < ECOSYSTEMS
					  ? lz_vdb_lookup(v, lz_str(ecosystems[e]), lz_str(name),
							  &arena, &rows, &err)
					  : lz_vdb_by_name(v, lz_str(name), &arena, &rows, &err),
				  err);
			for (size_t i = 0; i < count; i++)
				for (unsigned k = 0; k < f[i].affected; k++) {
					if (strcmp(f[i].name[k], name) ||
					    (e < ECOSYSTEMS && f[i].eco[k] != e))
						continue;
					want += !repeats(&f[i], k);
					if (!in_rows(&rows, &f[i], k))
						fail_msg("%s of %s is missing", f[i].id, name);
				}
			assert_int_equal(rows.n, want);
			lz_vec_done(&rows);
			lz_arena_done(&arena);
		}
}

static void check_ids(struct lz_vdb *v, const struct fake *f, size_t count)
{
	struct lz_err err;

	for (size_t i = 0; i < count; i += count / 300 + 1) {
		struct lz_arena arena;
		struct lz_vec rows;
		size_t want = 0;
		lz_arena_init(&arena, 256 * LZ_M);
		lz_vec_init(&rows, sizeof(struct lz_vdb_row), 1000000);
		assert_ok(lz_vdb_by_id(v, lz_str(f[i].alias), &arena, &rows, &err), err);
		for (size_t j = 0; j < count; j++)
			for (unsigned k = 0; k < f[j].affected; k++)
				if (!strcmp(f[j].alias, f[i].alias)) {
					want += !repeats(&f[j], k);
					assert_true(in_rows(&rows, &f[j], k));
				}
		assert_int_equal(rows.n, want);
		LZ_VEC_EACH (struct lz_vdb_row, r, &rows)
			assert_int_equal(r->enrichment.kev, !strcmp(f[i].alias, "CVE-2020-1001"));
		lz_vec_done(&rows);
		lz_arena_done(&arena);
	}
}

static void round_trip(size_t count)
{
	struct fake *f = make(count);
	struct lz_err err;
	struct lz_vdb *v;

	assert_ok(write_all(f, count, NULL, in_folder("a.vdb"), NULL, &err), err);
	v = lz_vdb_open(in_folder("a.vdb"), &err);
	assert_non_null(v);
	assert_ok(lz_vdb_verify(v, NULL, &err), err);
	assert_int_equal(lz_vdb_advisory_count(v), count);
	assert_int_equal(lz_vdb_built_s(v), 1700000000);
	assert_int_equal(lz_vdb_feed_count(v), 1);
	assert_int_equal(lz_vdb_covers(v, LZ_SPAN("debian:1")), 0);
	if (count > 100)
		for (int e = 0; e < ECOSYSTEMS; e++)
			assert_true(lz_vdb_covers(v, lz_str(ecosystems[e])));
	check_keys(v, f, count);
	check_ids(v, f, count);
	lz_vdb_close(v);
	free(f);
}

static void test_round_trip(void **s)
{
	(void)s;
	round_trip(0);
	round_trip(1);
	round_trip(2000);
}

/* Enough rows for a dictionary to be learnt from them. */
static void test_with_dictionary(void **s)
{
	(void)s;
	round_trip(12000);
}

static void test_deterministic(void **s)
{
	enum { COUNT = 500 };
	struct fake *f = make(COUNT);
	size_t order[COUNT];
	struct lz_err err;
	struct lz_span a, b;

	(void)s;
	for (size_t i = 0; i < COUNT; i++)
		order[i] = i;
	for (size_t i = COUNT - 1; i; i--) {
		size_t j = any(i + 1), t = order[i];
		order[i] = order[j];
		order[j] = t;
	}
	assert_ok(write_all(f, COUNT, NULL, in_folder("a.vdb"), NULL, &err), err);
	assert_ok(write_all(f, COUNT, order, in_folder("b.vdb"), NULL, &err), err);
	a = file(in_folder("a.vdb"));
	b = file(in_folder("b.vdb"));
	assert_true(lz_span_eq(a, b));
	free((void *)(uintptr_t)a.p);
	free((void *)(uintptr_t)b.p);
	free(f);
}

/* --- what somebody has changed ---------------------------------------------------------------- */

static void use(struct lz_vdb *v)
{
	struct lz_arena arena;
	struct lz_vec rows;
	struct lz_feed_info feed;

	lz_arena_init(&arena, 64 * LZ_M);
	lz_vec_init(&rows, sizeof(struct lz_vdb_row), 1000000);
	for (size_t i = 0; i < lz_vdb_feed_count(v) && i < 10; i++)
		lz_vdb_feed(v, i, &feed, NULL);
	lz_vdb_covers(v, LZ_SPAN("npm"));
	for (unsigned n = 0; n < NAMES; n += 16) {
		char name[24];
		snprintf(name, sizeof(name), "package-%u", n);
		lz_vdb_lookup(v, LZ_SPAN("npm"), lz_str(name), &arena, &rows, NULL);
	}
	lz_vdb_by_id(v, LZ_SPAN("ADV-7"), &arena, &rows, NULL);
	lz_vec_done(&rows);
	lz_arena_done(&arena);
}

/* Any changed byte: no crash whoever asks, and verify refuses. */
static void test_changed(void **s)
{
	struct fake *f = make(60);
	struct lz_err err;
	struct lz_span a;

	(void)s;
	assert_ok(write_all(f, 60, NULL, in_folder("a.vdb"), NULL, &err), err);
	a = file(in_folder("a.vdb"));
	for (size_t at = 0; at < a.n; at++) {
		char *c = (char *)(uintptr_t)a.p + at, was = *c;
		struct lz_vdb *v;
		/* the date, reserved bytes and padding are under no checksum but the signature's */
		bool free_byte = at < 512 && (at < 64 ? (at >= 12 && at < 24) || at >= 36
						      : at % 64 < 8 || at % 64 >= 56);
		*c = (char)(was ^ (1 << at % 8));
		v = lz_vdb_open_mem(a, &err);
		if (v) {
			use(v);
			if (!lz_vdb_verify(v, NULL, &err) && !free_byte && was)
				fail_msg("byte %zu may be changed", at);
			lz_vdb_close(v);
		}
		*c = was;
	}
	for (size_t n = 0; n < a.n; n += 17) {
		char *cut = malloc(n + 1);
		memcpy(cut, a.p, n);
		assert_null(lz_vdb_open_mem(lz_span(cut, n), &err));
		free(cut);
	}
	free((void *)(uintptr_t)a.p);
	free(f);
}

/* Keys and truth of signatures come from openssl. */
static void test_signature(void **s)
{
	struct fake *f = make(30);
	char command[1200], pub[200], other[200];
	struct lz_err err;
	struct lz_vdb *v;
	struct lz_span a;

	(void)s;
	snprintf(command, sizeof(command),
		 "cd %s && for k in key other; do openssl genpkey -algorithm ed25519 -out $k && "
		 "openssl pkey -in $k -pubout -out $k.pub; done 2>/dev/null",
		 folder);
	if (system(command))
		skip();
	snprintf(pub, sizeof(pub), "%s/key.pub", folder);
	snprintf(other, sizeof(other), "%s/other.pub", folder);
	assert_ok(write_all(f, 30, NULL, in_folder("s.vdb"), in_folder("key"), &err), err);
	v = lz_vdb_open(in_folder("s.vdb"), &err);
	assert_non_null(v);
	assert_ok(lz_vdb_verify(v, pub, &err), err);
	assert_int_equal(lz_vdb_verify(v, other, &err), LZ_E_DIGEST);
	assert_true(lz_vdb_verify(v, in_folder("no.such.key"), &err) < 0);
	lz_vdb_close(v);
	/* openssl agrees: the signature is over header and table */
	snprintf(command, sizeof(command),
		 "cd %s && head -c 512 s.vdb >head && tail -c 64 s.vdb >sig && openssl pkeyutl "
		 "-verify -pubin -inkey key.pub -rawin -in head -sigfile sig >/dev/null",
		 folder);
	assert_int_equal(system(command), 0);
	a = file(in_folder("s.vdb"));
	for (size_t at = 0; at < 512; at++) { /* the signature leaves no byte free */
		char *c = (char *)(uintptr_t)a.p + at;
		*c ^= 4;
		v = lz_vdb_open_mem(a, &err);
		if (v)
			assert_true(lz_vdb_verify(v, pub, &err) < 0);
		lz_vdb_close(v);
		*c ^= 4;
	}
	free((void *)(uintptr_t)a.p);
	free(f);
}

/* --- what goes wrong while it is written ------------------------------------------------------ */

static void test_disk_full(void **s)
{
	struct fake *f = make(3000);
	char place[200], path[220];
	struct lz_err err;

	(void)s;
	snprintf(place, sizeof(place), "%s/small", folder);
	mkdir(place, 0755);
	if (mount("none", place, "tmpfs", 0, "size=64k")) {
		print_message("SKIPPED: no tmpfs can be mounted here\n");
		free(f);
		skip();
	}
	snprintf(path, sizeof(path), "%s/x.vdb", place);
	assert_ok(write_all(f, 20, NULL, path, NULL, &err), err);
	assert_int_equal(write_all(f, 3000, NULL, path, NULL, &err), LZ_E_IO);
	assert_non_null(strstr(err.text, "No space left"));
	struct lz_vdb *v = lz_vdb_open(path, &err); /* the old one is whole */
	assert_non_null(v);
	assert_ok(lz_vdb_verify(v, NULL, &err), err);
	assert_int_equal(lz_vdb_advisory_count(v), 20);
	lz_vdb_close(v);
	umount(place);
	free(f);
}

static int write_some(const struct fake *f)
{
	struct lz_err err = {0};

	return write_all(f, 8, NULL, in_folder("n.vdb"), NULL, &err);
}

static void test_no_memory(void **s)
{
	struct fake *f = make(8);

	(void)s;
	assert_survives_nomem(write_some(f));
	free(f);
}

/* Whichever write fails, the old database stays whole and nothing is left beside it. */
static void test_write_faults(void **s)
{
	struct fake *f = make(40);
	struct lz_err err;
	struct lz_span old, now;
	unsigned long nth = 0;
	int r;

	(void)s;
	assert_ok(write_all(f, 20, NULL, in_folder("w.vdb"), NULL, &err), err);
	old = file(in_folder("w.vdb"));
	do {
		lz_io_fail_at(++nth);
		r = write_all(f, 40, NULL, in_folder("w.vdb"), NULL, &err);
		lz_io_fail_at(0);
		now = file(in_folder("w.vdb"));
		if (r) {
			assert_int_equal(r, LZ_E_IO);
			assert_true(lz_span_eq(now, old));
		}
		free((void *)(uintptr_t)now.p);
	} while (r && nth < 1000);
	assert_true(nth > 5 && !r);
	free((void *)(uintptr_t)old.p);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_with_dictionary),
		cmocka_unit_test(test_deterministic), cmocka_unit_test(test_changed),
		cmocka_unit_test(test_signature),     cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_no_memory),     cmocka_unit_test(test_write_faults),
	};
	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
