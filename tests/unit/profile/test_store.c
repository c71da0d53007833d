/* SPDX-License-Identifier: Apache-2.0 */
/* The profiles of a folder: found, read again, written whole or not at all. */
#include "folder.h"

#include "base/clean.h"
#include "base/io.h"
#include "profile/profile.h"

#include <dirent.h>
#include <sys/stat.h>

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static char told[1000];
static unsigned troubles;

static void trouble(void *arg, const struct lz_err *err)
{
	(void)arg;
	snprintf(told, sizeof(told), "%s", err->text);
	troubles++;
}

static void put_file(const char *name, const char *text)
{
	FILE *f = fopen(in_folder(name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static struct lz_profiles *open_store(const char *path)
{
	struct lz_err err = {0};
	struct lz_profiles *s = lz_profiles_new(path, &err);

	assert_non_null(s);
	return s;
}

static void load(struct lz_profiles *s)
{
	struct lz_err err = {0};

	troubles = 0;
	assert_ok(lz_profiles_load(s, trouble, NULL, &err), err);
}

static bool knows(struct lz_profiles *s, const char *id, const char *folder_name)
{
	struct lz_profile *p = lz_profiles_find(s, lz_span("", 0), lz_str(id));

	return p && lz_profile_has(p, &(struct lz_fact){LZ_FACT_READ, lz_str(folder_name), {0}});
}

static void read_again(void **state)
{
	struct lz_profiles *s = open_store(folder);

	(void)state;
	put_file("a.yaml", "version: 1\nid: " A "\nreads: [/one]\n");
	put_file("b.yml", "version: 1\ndigest: sha256:" B "\nid: " B "\nreads: [/two]\n");
	put_file("c.txt", "no profile");
	load(s);
	assert_int_equal(lz_profiles_count(s), 2);
	assert_int_equal(troubles, 0);
	assert_true(knows(s, A, "/one"));
	assert_true(knows(s, B, "/two"));
	assert_non_null(lz_profiles_find(s, LZ_SPAN("sha256:" B), lz_span("", 0)));
	assert_null(lz_profiles_find(s, LZ_SPAN("sha256:" A), LZ_SPAN("cccc")));
	assert_false(lz_profiles_changed(s));

	/* A bad file: told once, and what was read before stays. */
	put_file("a.yaml", "version: 1\nid: " A "\nreads: /longer\n");
	assert_true(lz_profiles_changed(s));
	load(s);
	assert_int_equal(troubles, 1);
	assert_non_null(strstr(told, "a.yaml:3:8: reads is a list"));
	assert_true(knows(s, A, "/one"));
	load(s);
	assert_int_equal(troubles, 0);

	put_file("a.yaml", "version: 1\nid: " A "\nreads: [/three]\n");
	load(s);
	assert_false(knows(s, A, "/one"));
	assert_true(knows(s, A, "/three"));

	/* Two about one image, a pipe in the place of a file, one that went. */
	put_file("d.yaml", "version: 1\nid: " A "\nreads: [/four]\n");
	assert_int_equal(mkfifo(in_folder("pipe.yaml"), 0600), 0);
	load(s);
	assert_int_equal(troubles, 2);
	assert_true(knows(s, A, "/three"));
	unlink(in_folder("a.yaml"));
	unlink(in_folder("pipe.yaml"));
	load(s);
	assert_false(knows(s, A, "/three"));
	assert_true(knows(s, A, "/four")); /* the second is the only one now */
	unlink(in_folder("b.yml"));
	unlink(in_folder("d.yaml"));
	load(s);
	assert_int_equal(lz_profiles_count(s), 0);
	lz_profiles_free(s);
}

static struct lz_profile *learnt(const char *read)
{
	struct lz_profile_about about = {
		.digest = LZ_SPAN("sha256:" B), .learnt_s = 1, .events = 3};
	struct lz_err err = {0};
	struct lz_profile *p = lz_profile_new(&about, &err);

	assert_non_null(p);
	assert_ok(lz_profile_add(p, &(struct lz_fact){LZ_FACT_READ, lz_str(read), {0}}, &err), err);
	return p;
}

static unsigned files_in(const char *path)
{
	DIR *d = opendir(path);
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void saved(void **state)
{
	const char *deep = in_folder("made/of/late");
	struct lz_profiles *s = open_store(deep), *t;
	struct lz_err err = {0};
	struct lz_profile *p = learnt("/one");

	(void)state;
	load(s); /* a folder that is not there is empty */
	assert_ok(lz_profiles_put(s, p, &err), err);
	assert_ok(lz_profiles_save(s, p, &err), err);
	assert_string_equal(lz_profiles_path(s, p) + strlen(deep), "/" B ".yaml");
	t = open_store(deep);
	load(t);
	assert_non_null(lz_profiles_find(t, LZ_SPAN("sha256:" B), lz_span("", 0)));
	lz_profiles_free(t);

	/* When writing fails the old file is there, whole, and nothing else. */
	p = learnt("/two");
	assert_ok(lz_profiles_put(s, p, &err), err);
	lz_io_fail_at(1);
	assert_true(lz_profiles_save(s, p, &err) < 0);
	lz_io_fail_at(0);
	assert_int_equal(files_in(deep), 1);
	assert_int_equal(lz_profiles_count(s), 1);
	t = open_store(deep);
	load(t);
	assert_true(lz_profile_has(lz_profiles_find(t, LZ_SPAN("sha256:" B), lz_span("", 0)),
				   &(struct lz_fact){LZ_FACT_READ, LZ_SPAN("/one"), {0}}));
	lz_profiles_free(t);
	lz_profiles_free(s);
}

static int life(void)
{
	struct lz_err err = {0};
	struct lz_profiles *s = lz_profiles_new(folder, &err);
	int code = s ? lz_profiles_load(s, NULL, NULL, &err) : LZ_E_NOMEM;
	struct lz_profile_about about = {.id = LZ_SPAN(A)};
	struct lz_profile *p = code ? NULL : lz_profile_new(&about, &err);

	if (!code)
		code = p ? lz_profiles_put(s, p, &err) : LZ_E_NOMEM;
	if (!code)
		code = lz_profiles_save(s, p, &err);
	lz_profiles_free(s);
	return code;
}

static void no_memory(void **state)
{
	(void)state;
	put_file("x.yaml", "version: 1\nid: " B "\nreads: [/one]\n");
	assert_survives_nomem(life());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_again),
		cmocka_unit_test(saved),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
