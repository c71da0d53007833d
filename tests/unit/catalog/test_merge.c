/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers over each other, against the plainest model there is: a list of paths, each with the layer
 * that put it there. Every layer first takes away what its whiteouts and opaque folders name, then
 * puts its own files. Links and hard links are tried end to end, against umoci
 * (tests/e2e/scan/oci.sh).
 */
#include "catalog/evidence.h"

#include "../../test.h"

static const char *const paths[] = {
	"etc/os-release",	   "var/lib/dpkg/status",  "var/lib/dpkg/status.d/a",
	"var/lib/dpkg/status.d/b", "lib/apk/db/installed", "usr/lib/opkg/status",
};
static const char *const folders[] = {
	"etc",	   "var", "var/lib",	 "var/lib/dpkg", "var/lib/dpkg/status.d",
	"lib/apk", "lib", "usr/lib/opkg"};
enum { PATHS = sizeof(paths) / sizeof(paths[0]), FOLDERS = sizeof(folders) / sizeof(folders[0]) };
enum { LAYERS = 6, ROUNDS = 3000 };

static uint64_t state_;

static unsigned any(unsigned below)
{
	state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(state_ >> 33) % below;
}

static bool below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return !strncmp(path, folder, n) && path[n] == '/';
}

static void node(struct lz_evidence *e, enum lz_node_kind kind, const char *path)
{
	struct lz_node *n = lz_vec_push(&e->nodes);

	assert_non_null(n);
	n->kind = kind;
	n->path = lz_str(path);
	if (kind == LZ_NODE_FILE)
		n->file = LZ_ARENA_NEW(&e->arena, struct lz_file_evidence);
}

/* One random layer, into the evidence and into the model (-1: not there). */
static void layer(struct lz_evidence *e, int model[PATHS], int number)
{
	bool own[PATHS] = {false};

	for (unsigned i = any(3); i; i--) {
		unsigned f = any(FOLDERS), p = any(PATHS);
		unsigned kind = any(3);
		const char *what = kind == 2 ? paths[p] : folders[f];
		node(e, kind == 1 ? LZ_NODE_OPAQUE : LZ_NODE_WHITEOUT, what);
		for (int k = 0; k < PATHS; k++)
			if (below(paths[k], what) || (kind == 2 && !strcmp(paths[k], what)))
				model[k] = -1;
	}
	for (unsigned i = any(4); i; i--)
		own[any(PATHS)] = true;
	for (int k = 0; k < PATHS; k++)
		if (own[k]) {
			node(e, LZ_NODE_FILE, paths[k]);
			model[k] = number;
		}
	e->ended = true;
}

static void check(struct lz_merge *m, const int model[PATHS], unsigned round)
{
	struct lz_arena arena;
	struct lz_vec visible, wanted, circles;
	struct lz_err err;
	size_t expected = 0;

	lz_arena_init(&arena, LZ_M);
	lz_vec_init(&visible, sizeof(struct lz_visible), 100);
	lz_vec_init(&wanted, sizeof(struct lz_wanted), 100);
	lz_vec_init(&circles, sizeof(struct lz_span), 100);
	assert_ok(lz_merge_files(m, &arena, &visible, &wanted, &circles, &err), err);
	for (int k = 0; k < PATHS; k++) {
		int found = -1;
		LZ_VEC_EACH (struct lz_visible, v, &visible)
			if (lz_span_is(v->path, paths[k]))
				found = (int)v->version->layer;
		if (found != model[k])
			fail_msg("round %u: %s is of layer %d, expected %d", round, paths[k], found,
				 model[k]);
		expected += model[k] >= 0;
	}
	assert_int_equal(visible.n, expected);
	assert_int_equal(wanted.n + circles.n, 0);
	lz_vec_done(&circles);
	lz_vec_done(&wanted);
	lz_vec_done(&visible);
	lz_arena_done(&arena);
}

static void test_against_model(void **state)
{
	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct lz_evidence e[LAYERS];
		struct lz_limits limits;
		struct lz_err err;
		struct lz_merge *m;
		int model[PATHS];
		state_ = round;
		for (int k = 0; k < PATHS; k++)
			model[k] = -1;
		lz_limits_default(&limits);
		m = lz_merge_new(&limits, &err);
		assert_non_null(m);
		for (int i = 0; i < LAYERS; i++) {
			lz_evidence_init(&e[i], &limits);
			layer(&e[i], model, i);
			assert_ok(lz_merge_layer(m, &e[i], (uint32_t)i, &err), err);
		}
		check(m, model, round);
		lz_merge_free(m);
		for (int i = 0; i < LAYERS; i++)
			lz_evidence_done(&e[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_model)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
