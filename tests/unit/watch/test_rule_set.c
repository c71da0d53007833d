/* SPDX-License-Identifier: Apache-2.0 */
#include "watch/rule_set.h"

#include "folder.h"

#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>

static char path_of_folder[] = "rules";

static void put(const char *name, const char *text)
{
	FILE *f = fopen(in_folder(name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int begin(void **state)
{
	char command[200];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s/* && mkdir %s/%s", folder, folder,
		 path_of_folder);
	return system(command);
}

#define RULE(name)                                                    \
	"- rule: " name "\n  desc: d\n  condition: evt.type = open\n" \
	"  output: o\n  priority: INFO\n"

static int load_of(char *const *paths, size_t n, struct lz_rule_set *s, struct lz_err *err)
{
	*err = (struct lz_err){0};
	return lz_rule_set_load(paths, n, s, err);
}

static void order(void **state)
{
	char *paths[] = {strdup(in_folder("z.yaml")), strdup(in_folder("rules"))};
	const struct lz_vec *all;
	struct lz_rule_set s;
	struct lz_err err;

	(void)state;
	put("z.yaml", RULE("zero"));
	put("rules/20.yml", RULE("two"));
	put("rules/10.yaml", RULE("one"));
	put("rules/.30.yaml", "hidden: [");
	put("rules/notes.txt", "notes: [");
	assert_ok(load_of(paths, 2, &s, &err), err);
	all = lz_rules_all(s.rules);
	assert_int_equal(all->n, 3);
	{
		static const char *const want[] = {"zero", "one", "two"};
		size_t i = 0;
		LZ_VEC_EACH (struct lz_rule, r, all)
			assert_span(r->name, want[i++]);
	}
	assert_int_equal(s.stamp, lz_rule_set_stamp(paths, 2));
	lz_rule_set_drop(&s);
	assert_null(s.rules);
	lz_rule_set_drop(&s);
	free(paths[0]);
	free(paths[1]);
}

static void fails(char *path, int code, const char *words)
{
	struct lz_rule_set s;
	struct lz_err err;

	alarm(20);
	assert_int_equal(load_of(&path, 1, &s, &err), code);
	alarm(0);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" does not say \"%s\"", err.text, words);
}

static void errors(void **state)
{
	char one[300], dir[300], command[700];

	(void)state;
	snprintf(one, sizeof(one), "%s/one.yaml", folder);
	snprintf(dir, sizeof(dir), "%s/rules", folder);
	fails(one, LZ_E_NOTFOUND, "one.yaml");
	put("one.yaml", "- rule: x\n  desc: d\n  condition: evt.type = open and proc.nme = sh\n"
			"  output: o\n  priority: INFO\n");
	fails(one, LZ_E_FORMAT, "one.yaml:3:");
	fails(one, LZ_E_FORMAT, "proc.nme");
	put("one.yaml", "- rule: [\n");
	fails(one, LZ_E_FORMAT, "one.yaml");
	/* One bad file in a folder: nothing of the folder counts. */
	put("rules/a.yaml", RULE("good"));
	put("rules/b.yaml", "- nonsense: [\n");
	fails(dir, LZ_E_FORMAT, "b.yaml");
	assert_int_equal(unlink(in_folder("rules/b.yaml")), 0);
	assert_int_equal(symlink("nowhere", in_folder("rules/b.yaml")), 0);
	fails(dir, LZ_E_NOTFOUND, "b.yaml");
	assert_int_equal(unlink(in_folder("rules/b.yaml")), 0);
	/* What is no file is not waited for. */
	assert_int_equal(mkfifo(in_folder("rules/b.yaml"), 0600), 0);
	fails(dir, LZ_E_UNSUPPORTED, "b.yaml");
	assert_int_equal(unlink(in_folder("rules/b.yaml")), 0);
	assert_int_equal(mkdir(in_folder("rules/b.yaml"), 0700), 0);
	fails(dir, LZ_E_UNSUPPORTED, "b.yaml");
	assert_int_equal(rmdir(in_folder("rules/b.yaml")), 0);
	snprintf(command, sizeof(command), "head -c 17000000 /dev/zero > %s/rules/b.yaml", folder);
	assert_int_equal(system(command), 0);
	fails(dir, LZ_E_LIMIT, "b.yaml");
	snprintf(command, sizeof(command),
		 "cd %s/rules; rm b.yaml; i=0; while [ $i -lt 1001 ]; do : > $i.yaml; i=$((i+1)); "
		 "done",
		 folder);
	assert_int_equal(system(command), 0);
	fails(dir, LZ_E_LIMIT, "1000");
}

static void stamps(void **state)
{
	char dir[300], *paths[] = {dir};
	struct timeval later[2] = {{.tv_sec = 2000000000}, {.tv_sec = 2000000000}};
	uint64_t a, b;

	(void)state;
	snprintf(dir, sizeof(dir), "%s/rules", folder);
	put("rules/a.yaml", RULE("good"));
	a = lz_rule_set_stamp(paths, 1);
	assert_true(a);
	assert_true(lz_rule_set_stamp(paths, 1) == a);
	put("rules/b.yaml", "");
	b = lz_rule_set_stamp(paths, 1);
	assert_true(b && b != a);
	assert_int_equal(unlink(in_folder("rules/b.yaml")), 0);
	assert_true(lz_rule_set_stamp(paths, 1) == a);
	put("rules/ignored.txt", "x");
	assert_true(lz_rule_set_stamp(paths, 1) == a);
	assert_int_equal(utimes(in_folder("rules/a.yaml"), later), 0);
	b = lz_rule_set_stamp(paths, 1);
	assert_true(b && b != a);
	/* Another file of the same size and time, as rename makes it. */
	put("rules/.new", RULE("evil"));
	assert_int_equal(utimes(in_folder("rules/.new"), later), 0);
	assert_int_equal(rename(in_folder("rules/.new"), in_folder("rules/a.yaml")), 0);
	assert_true(lz_rule_set_stamp(paths, 1) != b);
	assert_int_equal(rename(in_folder("rules/a.yaml"), in_folder("rules/c.yaml")), 0);
	a = lz_rule_set_stamp(paths, 1);
	assert_true(a && a != b);
	snprintf(dir, sizeof(dir), "%s/missing", folder);
	assert_int_equal(lz_rule_set_stamp(paths, 1), 0);
}

static int load_one(void)
{
	char dir[300], *paths[] = {dir};
	struct lz_rule_set s;
	struct lz_err err;
	int code;

	snprintf(dir, sizeof(dir), "%s/rules", folder);
	code = load_of(paths, 1, &s, &err);
	if (!code)
		lz_rule_set_drop(&s);
	return code;
}

static void no_memory(void **state)
{
	(void)state;
	put("rules/a.yaml", RULE("good"));
	assert_survives_nomem(load_one());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(order, begin),
		cmocka_unit_test_setup(errors, begin),
		cmocka_unit_test_setup(stamps, begin),
		cmocka_unit_test_setup(no_memory, begin),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
