/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Large JSON documents, cut at the top. Asserted: the same members however the bytes are cut; what
 * jansson takes as a whole, the splitter takes member by member, and finds as many; what it hands
 * out lies where it says.
 */
#include "base/buf.h"
#include "base/bytes.h"
#include "format/json.h"
#include "format/text.h"

#include "fuzz.h"

static int split(struct lz_span bytes, size_t chunk, size_t *ret_count, struct lz_buf *out)
{
	struct lz_err err = {0};
	struct lz_json_split *s;
	struct lz_json_member m;
	int code;

	*ret_count = 0;
	s = lz_json_split_open(lz_reader_mem(bytes, chunk, &err), NULL, 64 * 1024, &err);
	CHECK(s);
	while ((code = checked(lz_json_split_next(s, &m, &err), &err)) > 0) {
		CHECK(m.offset < bytes.n && lz_in(m.offset, m.value.n, bytes.n));
		CHECK(!memcmp(bytes.p + m.offset, m.value.p, m.value.n));
		lz_buf_span(out, m.key);
		lz_buf_span(out, m.value);
		++*ret_count;
	}
	lz_json_split_close(s);
	return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lz_span bytes = lz_span(data, size);
	struct lz_limits limits;
	struct lz_err err = {0};
	struct lz_buf a, b;
	size_t n, n2;
	json_t *whole;
	int code;

	lz_limits_default(&limits);
	lz_buf_init(&a, LZ_G);
	lz_buf_init(&b, LZ_G);
	code = split(bytes, 0, &n, &a);
	CHECK(split(bytes, 1 + size / 9, &n2, &b) == code && n2 == n);
	CHECK(lz_span_eq(lz_buf_view(&a), lz_buf_view(&b)));
	whole = lz_json_load(bytes, &limits, "fuzz", &err);
	if (whole) {
		CHECK(lz_utf8_valid(bytes));
		if (json_is_object(whole) || json_is_array(whole))
			CHECK(!code && n == (json_is_object(whole) ? json_object_size(whole)
								   : json_array_size(whole)));
	} else {
		CHECK(err.text[0]);
	}
	json_decref(whole);
	lz_buf_clear(&a);
	CHECK(!lz_json_quote(&a, bytes)); /* any bytes at all make a string that is JSON */
	whole = json_loadb(a.p, a.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	CHECK(whole && json_is_string(whole));
	json_decref(whole);
	lz_buf_done(&b);
	lz_buf_done(&a);
	return 0;
}
