/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One rpm package header. Asserted: what was accepted can be read without leaving the blob, and
 * arrays hold as many strings as they claim.
 */
#include "catalog/rpm.h"

#include "fuzz.h"

static void check_array(struct lz_span blob, const struct lz_rpm_value *v)
{
	struct lz_rpm_strings it = lz_rpm_strings(v);
	struct lz_span s;
	uint32_t n = 0;

	while (lz_rpm_strings_next(&it, &s)) {
		CHECK(s.p >= blob.p && s.p + s.n < blob.p + blob.n && !s.p[s.n]);
		n++;
	}
	CHECK(n == (v->data.p ? v->count : 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lz_span blob = lz_span(data, size);
	struct lz_rpm_header h;
	struct lz_err err = {0};
	uint64_t at;
	uint32_t number;

	if (lz_rpm_header_read(blob, &h, &at, &err)) {
		CHECK(err.text[0] && at <= size);
		return 0;
	}
	check_array(blob, &h.basenames);
	check_array(blob, &h.dirnames);
	check_array(blob, &h.oldfilenames);
	check_array(blob, &h.name);
	CHECK(!memchr(lz_rpm_string(&h.version).p, 0, lz_rpm_string(&h.version).n));
	if (lz_rpm_number(&h.epoch, &number))
		CHECK(h.epoch.count <= size / 4);
	if (h.dirindexes.data.p)
		CHECK(h.dirindexes.count <= h.dirindexes.data.n / 4);
	return 0;
}
