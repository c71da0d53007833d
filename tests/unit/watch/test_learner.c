/* SPDX-License-Identifier: Apache-2.0 */
/* Facts of containers become profiles of images. */
#include "watch/learner.h"

#include "folder.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

#define TEXT(s)                    \
	{                          \
		(s), sizeof(s) - 1 \
	}
static const struct lz_container nameless = {0};
static const struct lz_container web = {.image = TEXT("web:1"), .image_id = TEXT(A)};
static const struct lz_container web_pushed = {
	.image = TEXT("web:1"), .image_id = TEXT(A), .image_digest = TEXT("sha256:" B)};

static void add(struct lz_learner *l, const char *id, const struct lz_container *c,
		const char *call)
{
	lz_learner_add(l, lz_str(id), c, &(struct lz_fact){LZ_FACT_CALL, lz_str(call), {0}});
}

static struct lz_profiles *store(void)
{
	struct lz_err err = {0};
	struct lz_profiles *s = lz_profiles_new(folder, &err);

	assert_non_null(s);
	assert_ok(lz_profiles_load(s, NULL, NULL, &err), err);
	return s;
}

static bool knows(struct lz_profiles *s, const char *call)
{
	struct lz_profile *p = lz_profiles_find(s, lz_span("", 0), LZ_SPAN(A));

	return p && lz_profile_has(p, &(struct lz_fact){LZ_FACT_CALL, lz_str(call), {0}});
}

static void gathered(void **state)
{
	struct lz_err err = {0};
	struct lz_learner *l = lz_learner_new(&err);
	struct lz_profiles *s = store();
	const struct lz_profile_about *a;
	struct lz_learnt n;

	(void)state;
	/* What came before the image was known counts, too; two containers are one image. */
	add(l, "one", NULL, "mount");
	add(l, "one", &nameless, "bpf");
	assert_true(lz_learner_has(l, LZ_SPAN("one"),
				   &(struct lz_fact){LZ_FACT_CALL, LZ_SPAN("bpf"), {0}}));
	add(l, "one", &web, "ptrace");
	add(l, "two", &web_pushed, "unshare");
	add(l, "three", NULL, "keyctl");
	assert_ok(lz_learner_save(l, s, 60, &n, &err), err);
	assert_int_equal(n.images, 1);
	assert_int_equal(n.nameless, 1);
	assert_int_equal(n.unlearnt, 0);
	assert_true(knows(s, "mount") && knows(s, "bpf") && knows(s, "ptrace") &&
		    knows(s, "unshare"));
	assert_false(knows(s, "keyctl"));
	a = lz_profile_about(lz_profiles_find(s, LZ_SPAN("sha256:" B), lz_span("", 0)));
	assert_int_equal(a->containers, 2);
	assert_int_equal(a->events, 4);
	assert_int_equal(a->duration_s, 60);
	lz_learner_free(l);
	lz_profiles_free(s);

	/* Learnt again: added to what the file has, under whichever name. */
	l = lz_learner_new(&err);
	s = store();
	assert_int_equal(lz_profiles_count(s), 1);
	add(l, "four", &web, "setns");
	assert_ok(lz_learner_save(l, s, 30, &n, &err), err);
	lz_learner_free(l);
	lz_profiles_free(s);
	s = store();
	assert_int_equal(lz_profiles_count(s), 1);
	assert_true(knows(s, "mount") && knows(s, "setns"));
	a = lz_profile_about(lz_profiles_find(s, LZ_SPAN("sha256:" B), lz_span("", 0)));
	assert_int_equal(a->containers, 3);
	assert_int_equal(a->duration_s, 90);
	lz_profiles_free(s);
}

static int life(struct lz_learnt *n)
{
	struct lz_err err = {0};
	struct lz_learner *l = lz_learner_new(&err);
	struct lz_profiles *s = lz_profiles_new(folder, &err);
	int code = l && s ? 0 : LZ_E_NOMEM;

	if (!code) {
		add(l, "one", NULL, "mount");
		add(l, "one", &web, "bpf");
		code = lz_learner_save(l, s, 1, n, &err);
	}
	lz_learner_free(l);
	lz_profiles_free(s);
	return code;
}

static void no_memory(void **state)
{
	struct lz_learnt n = {0};

	(void)state;
	assert_survives_nomem(life(&n));
	assert_int_equal(n.images, 1);
	assert_int_equal(n.unlearnt, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gathered),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
