/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts of /proc that samples are made of. Interfaces and groups have names that their owners chose.
 * Asserted: "lo" counts for nothing; a column is found again where the same two lines stand behind
 * others; a group's path lies within the text.
 */
#include "base/buf.h"
#include "base/clean.h"
#include "sensor/sample.h"

#include "fuzz.h"

static void behind_others(struct lz_span text, const char *group, const char *name)
{
	LZ_CLEAN(buf) struct lz_buf b;
	uint64_t n = 0, again = 0;

	lz_buf_init(&b, text.n + 100);
	if (!lz_sample_column(text, group, name, &n))
		return;
	lz_buf_str(&b, "Other: x\nOther: 1\n");
	lz_buf_span(&b, text);
	CHECK(lz_sample_column(lz_buf_view(&b), group, name, &again) && again == n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lz_span text = lz_span(data, size), path;
	struct lz_ev_stats s = {0}, with_lo = {0};
	LZ_CLEAN(buf) struct lz_buf b;

	lz_buf_init(&b, size + 100);
	lz_buf_str(&b, "  lo: 5 0 0 0 0 0 0 0 6 0\n");
	lz_buf_span(&b, text);
	lz_sample_net_dev(text, &s);
	CHECK(lz_sample_net_dev(lz_buf_view(&b), &with_lo));
	CHECK(s.sent_bytes == with_lo.sent_bytes && s.received_bytes == with_lo.received_bytes);
	behind_others(text, "Tcp:", "ActiveOpens");
	behind_others(text, "TcpExt:", "ListenOverflows");
	path = lz_sample_group(text, "cpuacct");
	CHECK(!path.p || (path.p >= text.p && path.p + path.n <= text.p + text.n));
	path = lz_sample_group(text, "");
	CHECK(!path.p || (path.p >= text.p && path.p + path.n <= text.p + text.n));
	return 0;
}
