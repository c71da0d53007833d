/* SPDX-License-Identifier: Apache-2.0 */
/* From hits to outputs: what does not get through is known at the end. */
#include "watch/sink.h"

#include "base/clock.h"
#include "folder.h"

static struct lz_sink *sink_to(char *output, int group_s)
{
	struct lz_watch_options o = {
		.outputs = &output, .output_count = 1, .group_s = group_s, .spool_dir = folder};
	struct lz_err err = {0};
	struct lz_sink *s = lz_sink_new(&o, &err);

	if (!s)
		fail_msg("%s: %s", output, err.text);
	return s;
}

static void add(struct lz_sink *s, size_t hits)
{
	const struct lz_alert a = {
		.rule = LZ_SPAN("r"), .output = LZ_SPAN("o"), .time_ns = 1, .first_ns = 1};

	for (size_t i = 0; i < hits; i++)
		lz_sink_add(s, &a);
}

/* What is held back is one alert more, at the end. */
static void all_got_through(void **state)
{
	struct lz_err err = {0};
	char output[300], line[10000];
	struct lz_sink *s;
	unsigned lines = 0;
	FILE *f;

	(void)state;
	snprintf(output, sizeof(output), "file:%s", in_folder("alerts"));
	s = sink_to(output, 60);
	add(s, 3);
	lz_sink_look(s, lz_now_ms());
	assert_ok(lz_sink_finish(s, 10000, &err), err);
	lz_sink_free(s);
	f = fopen(in_folder("alerts"), "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		lines += line[0] != ' '; /* more about an alert is set in */
	fclose(f);
	assert_int_equal(lines, 2);
}

static void nobody_listens(void **state)
{
	struct lz_err err = {0};
	char output[300], want[500];
	struct lz_sink *s;

	(void)state;
	snprintf(output, sizeof(output), "unix:%s", in_folder("nobody"));
	s = sink_to(output, 0);
	add(s, 3);
	lz_sink_look(s, lz_now_ms());
	assert_int_equal(lz_sink_finish(s, 300, &err), LZ_E_IO);
	snprintf(want, sizeof(want), "output %s: 3 alerts did not get through: ", output);
	assert_true(lz_span_starts(lz_str(err.text), want));
	assert_non_null(strstr(err.text, "No such file"));
	lz_sink_free(s);
}

/* What waits on disk is for the next run. */
static void in_the_spool(void **state)
{
	char address[] = "http://127.0.0.1:1/";
	struct lz_err err = {0};
	struct lz_sink *s = sink_to(address, 0);

	(void)state;
	add(s, 3);
	assert_ok(lz_sink_finish(s, 300, &err), err);
	lz_sink_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_got_through),
		cmocka_unit_test(nobody_listens),
		cmocka_unit_test(in_the_spool),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
