/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zip archives. Asserted: members have the size they promise; bombs end at the limit; the end
 * comes.
 */
#include "base/buf.h"
#include "format/zip.h"

#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC), code;
	struct lz_zip_entry e;
	struct lz_limits limits;
	struct lz_err err = {0};
	struct lz_buf b;
	struct lz_zip *z;
	size_t n = 0;
	uint64_t total = 0;

	CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	lz_limits_default(&limits);
	limits.feed_bytes = 4 * LZ_M;
	lz_buf_init(&b, 1 << 20);
	z = lz_zip_open(fd, &limits, &err);
	CHECK(z || err.text[0]);
	while (z && (code = checked(lz_zip_next(z, &e, &err), &err)) > 0) {
		CHECK(e.number == n++ && n <= size);
		if (!checked(lz_zip_read(z, &b, &err), &err)) {
			CHECK(b.n == e.size_bytes);
			total += b.n;
		}
		CHECK(total <= limits.feed_bytes);
	}
	lz_zip_close(z);
	lz_buf_done(&b);
	close(fd);
	return 0;
}
