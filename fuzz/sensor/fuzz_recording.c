/* SPDX-License-Identifier: Apache-2.0 */
/* A recording's file, as it is and as the text of a good stream. Asserted: it comes to an end, an
 * error says something, and no chunk is longer than its bound. */
#include "watch/recording.h"

#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

static void read_file(const void *p, size_t n)
{
	int fd = memfd_create("recording", MFD_CLOEXEC);
	struct lz_recording_reader *r;
	struct lz_err err = {0};
	struct lz_span bytes;
	enum lz_chunk type;
	char path[40];
	int code = 1;

	CHECK(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = lz_recording_open(path, &err);
	if (!r)
		checked(err.code, &err);
	for (unsigned i = 0; r && code > 0 && i < 20000; i++) {
		code = checked(lz_recording_next(r, &type, &bytes, &err), &err);
		if (code > 0)
			CHECK(bytes.n <= 256 * 1024);
	}
	lz_recording_reader_free(r);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char packed[1 << 20];
	size_t n;

	if (size > 1 << 16)
		return 0;
	read_file(data, size);
	n = ZSTD_compress(packed, sizeof(packed), data, size, 1);
	CHECK(!ZSTD_isError(n));
	read_file(packed, n);
	return 0;
}
