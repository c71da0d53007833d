/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for a terminal. Asserted: what is shown is valid UTF-8 without control characters and bidi
 * overrides, is shown the same when shown again, and costs no more than six bytes a byte.
 */
#include "base/buf.h"
#include "format/text.h"

#include "fuzz.h"

static void check_shown(struct lz_span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i],
			      next = i + 1 < s.n ? (unsigned char)s.p[i + 1] : 0;
		CHECK(c >= 0x20 && c != 0x7f);
		CHECK(!(c == 0xc2 && next >= 0x80 && next < 0xa0)); /* C1 */
	}
	CHECK(lz_span_search(s, LZ_SPAN("\xe2\x80\xae")) < 0); /* right-to-left override */
	CHECK(lz_span_search(s, LZ_SPAN("\xe2\x81\xa6")) < 0); /* isolate */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lz_buf a, b;

	lz_buf_init(&a, 1 << 28);
	lz_buf_init(&b, 1 << 28);
	CHECK(!lz_text_show(&a, lz_span(data, size)));
	CHECK(lz_utf8_valid(lz_buf_view(&a)));
	CHECK(a.n <= 8 * size);
	check_shown(lz_buf_view(&a));
	CHECK(!lz_text_show(&b, lz_buf_view(&a)));
	CHECK(lz_span_eq(lz_buf_view(&a), lz_buf_view(&b)));
	CHECK(lz_text_width(lz_buf_view(&a)) <= 2 * a.n);
	lz_buf_done(&b);
	lz_buf_done(&a);
	return 0;
}
