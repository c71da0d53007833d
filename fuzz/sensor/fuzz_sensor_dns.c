/* SPDX-License-Identifier: Apache-2.0 */
/* A DNS message. Asserted: what is read stays in its bounds, is the same when read again, and a
 * message with more behind it reads at least as many addresses. */
#include "sensor/dns.h"
#include "sensor/hosts.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lz_span m = lz_span(data, size), names[LZ_HOST_NAMES];
	struct lz_hosts *h = lz_hosts_new(NULL);
	struct lz_dns d, again, half;

	CHECK(h);
	if (lz_dns_read(m, &d)) {
		CHECK(d.name_n <= LZ_DNS_NAME && d.name[d.name_n] == 0);
		CHECK(d.addresses <= LZ_DNS_ADDRESSES && d.addresses <= d.answers);
		for (size_t i = 0; i < d.name_n; i++)
			CHECK(d.name[i] < 'A' || d.name[i] > 'Z');
		CHECK(lz_dns_read(m, &again) && !memcmp(&d, &again, sizeof(d)));
		if (lz_dns_read(lz_span_head(m, size - size / 4), &half))
			CHECK(half.addresses <= d.addresses && half.name_n == d.name_n);
	}
	lz_hosts_learn(h, m, 5);
	for (size_t i = 0; d.answer && d.name_n && i < d.addresses; i++)
		CHECK(lz_hosts_names(h, d.address[i].ip, d.address[i].bytes, names) > 0);
	lz_hosts_free(h);
	return 0;
}
