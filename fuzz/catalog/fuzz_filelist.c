/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of files. The input is decoded as it is, as the parent decodes what a child sends; and it
 * is taken as lines, encoded and decoded again: they must come back.
 */
#include "catalog/filelist.h"

#include "fuzz.h"

static void decode(struct lz_span bytes)
{
	struct lz_filelist_iter it;
	struct lz_span path;
	struct lz_err err = {0};
	size_t n = 0;

	lz_filelist_iter(&it, bytes);
	while (checked(lz_filelist_next(&it, &path, &err), &err) > 0) {
		CHECK(path.n <= 4096);
		CHECK(++n <= bytes.n); /* each costs bytes */
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lz_span text = lz_span(data, size), line, back;
	struct lz_filelist l;
	struct lz_filelist_iter it;
	struct lz_err err = {0};
	bool lost = false;

	decode(text);
	lz_filelist_init(&l, 1 << 20);
	while (!lost && lz_span_line(&text, &line))
		lost = lz_filelist_add(&l, line) != 0;
	text = lz_span(data, size);
	lz_filelist_iter(&it, lz_buf_view(&l.buf));
	while (!lost && lz_span_line(&text, &line)) {
		CHECK(lz_filelist_next(&it, &back, &err) == 1);
		CHECK(lz_span_eq(line, back));
	}
	CHECK(lost || lz_filelist_next(&it, &back, &err) == 0);
	lz_filelist_done(&l);
	return 0;
}
