/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tar headers, for sources that hand files on disk to a confined child as a stream.
 */
#include "tar.h"

#include "../base/buf.h"

#include <stdio.h>

#define OCTAL_MAX 077777777777ULL

static void octal(char *at, int digits, uint64_t v)
{
	for (int i = digits - 1; i >= 0; i--, v >>= 3)
		at[i] = (char)('0' + (v & 7));
}

static void header(struct lz_buf *b, char flag, struct lz_span path, struct lz_span link,
		   uint64_t size)
{
	char h[512] = {0};
	unsigned sum = 0;

	memcpy(h, path.p, path.n < 100 ? path.n : 100);
	octal(h + 100, 7, flag == '5' ? 0755 : 0644);
	octal(h + 108, 7, 0);
	octal(h + 116, 7, 0);
	octal(h + 124, 11, size <= OCTAL_MAX ? size : 0);
	octal(h + 136, 11, 0);
	h[156] = flag;
	if (link.n)
		memcpy(h + 157, link.p, link.n < 100 ? link.n : 100);
	memcpy(h + 257, "ustar\00000", 8);
	memset(h + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += (unsigned char)h[i];
	octal(h + 148, 6, sum);
	h[154] = 0;
	lz_buf_add(b, h, sizeof(h));
}

/* The length of a record counts its own digits. */
static void record(struct lz_buf *b, const char *key, struct lz_span value)
{
	size_t rest = strlen(key) + value.n + 3, digits = 1, total;

	for (;;) {
		total = rest + digits;
		if ((size_t)snprintf(NULL, 0, "%zu", total) == digits)
			break;
		digits++;
	}
	lz_buf_printf(b, "%zu %s=", total, key);
	lz_buf_span(b, value);
	lz_buf_byte(b, '\n');
}

int lz_tar_put_header(struct lz_buf *b, enum lz_tar_type type, struct lz_span path,
		      struct lz_span link, uint64_t size)
{
	static const char flags[] = {
		[LZ_TAR_FILE] = '0', [LZ_TAR_HARDLINK] = '1', [LZ_TAR_SYMLINK] = '2',
		[LZ_TAR_DIR] = '5',  [LZ_TAR_OTHER] = '6',
	};

	if (path.n > 100 || link.n > 100 || size > OCTAL_MAX) {
		struct lz_buf pax;
		char number[24];

		lz_buf_init(&pax, path.n + link.n + 256);
		if (path.n > 100)
			record(&pax, "path", path);
		if (link.n > 100)
			record(&pax, "linkpath", link);
		snprintf(number, sizeof(number), "%llu", (unsigned long long)size);
		if (size > OCTAL_MAX)
			record(&pax, "size", lz_str(number));
		if (pax.code)
			b->code = pax.code;
		header(b, 'x', LZ_SPAN("pax"), (struct lz_span){"", 0}, pax.n);
		lz_buf_span(b, lz_buf_view(&pax));
		lz_buf_zero(b, -pax.n & 511);
		lz_buf_done(&pax);
	}
	header(b, flags[type], path, link, type == LZ_TAR_FILE ? size : 0);
	return b->code;
}
