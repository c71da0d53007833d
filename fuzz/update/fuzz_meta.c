/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered of a downloaded file. Asserted: what was taken can't break out of a request
 * header, and is the same after it was written and read again.
 */
#include "base/buf.h"
#include "update/update.h"

#include "fuzz.h"

static void check_text(const char *s)
{
	for (; *s; s++)
		CHECK(*s >= ' ' && *s <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lz_meta m, again;
	struct lz_buf b;

	lz_meta_parse(lz_span(data, size), &m);
	check_text(m.url);
	check_text(m.etag);
	check_text(m.modified);
	lz_buf_init(&b, 65536);
	lz_meta_print(&m, &b);
	lz_meta_parse(lz_buf_view(&b), &again);
	CHECK(!strcmp(m.url, again.url) && !strcmp(m.etag, again.etag) &&
	      !strcmp(m.modified, again.modified) && m.bytes == again.bytes);
	lz_buf_done(&b);
	return 0;
}
