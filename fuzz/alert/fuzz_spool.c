/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A spool's segment and cursor, as a crash or a stranger left them. The first two bytes say how many
 * lines and bytes a batch may have. Asserted: reading comes to an end; what it gives are lines that
 * stand in the segment, in order, each a JSON object; each other line is counted as damaged; and it
 * does not matter how they are cut into batches.
 */
#include "alert/spool.h"
#include "base/buf.h"
#include "base/limits.h"
#include "format/json.h"

#include "fuzz.h"

struct sum {
	struct lz_buf all;
	uint64_t lines, damaged;
};

static void read_all(struct lz_span text, size_t lines_max, size_t bytes_max, struct sum *sum)
{
	struct lz_buf batch;

	lz_buf_init(&batch, 16 * LZ_M);
	lz_buf_init(&sum->all, 16 * LZ_M);
	sum->lines = sum->damaged = 0;
	while (text.n) {
		size_t lines;
		uint64_t damaged;
		int64_t n;
		lz_buf_clear(&batch);
		n = lz_spool_take(text, lines_max, bytes_max, &batch, &lines, &damaged);
		CHECK(n > 0 && (uint64_t)n <= text.n);
		CHECK(lines <= lines_max && lines + damaged <= (uint64_t)n);
		CHECK(lines <= 1 || batch.n <= bytes_max);
		CHECK((batch.n > 0) == (lines > 0));
		sum->lines += lines;
		sum->damaged += damaged;
		lz_buf_span(&sum->all, lz_buf_view(&batch));
		text = lz_span_from(text, (size_t)n);
	}
	CHECK(!batch.code && !sum->all.code);
	lz_buf_done(&batch);
}

static void check_lines(struct lz_span text, struct lz_span got)
{
	struct lz_limits limits;
	struct lz_span rest = text;

	lz_limits_default(&limits);
	while (got.n) {
		ptrdiff_t end = lz_span_find(got, '\n'), at;
		json_t *j;
		CHECK(end > 0);
		j = lz_json_load(lz_span_head(got, (size_t)end), &limits, "line", NULL);
		CHECK(json_is_object(j));
		json_decref(j);
		at = lz_span_search(rest, lz_span_head(got, (size_t)end + 1));
		CHECK(at >= 0);
		rest = lz_span_from(rest, (size_t)at + (size_t)end + 1);
		got = lz_span_from(got, (size_t)end + 1);
	}
}

static void check_cursor(struct lz_span text)
{
	uint64_t segment, at;
	char again[40];

	if (!lz_spool_cursor(lz_span_head(text, 34), &segment, &at))
		return;
	snprintf(again, sizeof(again), "%016llx %016llx\n", (unsigned long long)segment,
		 (unsigned long long)at);
	CHECK(lz_span_eq_nocase(lz_span_head(text, 34), lz_str(again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lz_span text = lz_span(data, size);
	struct sum one, some;

	check_cursor(text);
	if (size < 2)
		return 0;
	text = lz_span_from(text, 2);
	read_all(text, 1, 1, &one);
	read_all(text, 1 + data[0] % 32, 1 + (size_t)data[1] * 16, &some);
	CHECK(one.lines == some.lines && one.damaged == some.damaged);
	CHECK(lz_span_eq(lz_buf_view(&one.all), lz_buf_view(&some.all)));
	check_lines(text, lz_buf_view(&one.all));
	lz_buf_done(&one.all);
	lz_buf_done(&some.all);
	return 0;
}
