/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text from strangers, made fit to show. A decoder that is strict (no overlong forms, no
 * surrogates, nothing above U+10FFFF) decides what is a character; everything that would move a
 * cursor, change direction or hide is shown by number.
 */
#include "text.h"

#include "../base/err.h"

/* Length of the character at p, its code point in *ret; 0 when the bytes are no UTF-8. */
static size_t decode(const unsigned char *p, size_t n, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = p[0] < 0x80   ? 1
		     : p[0] < 0xc2 ? 0
		     : p[0] < 0xe0 ? 2
		     : p[0] < 0xf0 ? 3
		     : p[0] < 0xf5 ? 4
				   : 0;
	uint32_t c = len == 1 ? p[0] : len == 2 ? p[0] & 31 : len == 3 ? p[0] & 15 : p[0] & 7;

	if (!len || len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 63);
	}
	if (c < least[len] || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
		return 0;
	*ret = c;
	return len;
}

bool lz_utf8_valid(struct lz_span s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	uint32_t c;

	for (size_t i = 0, n; i < s.n; i += n) {
		n = decode(p + i, s.n - i, &c);
		if (!n)
			return false;
	}
	return true;
}

/* Controls, direction changes, line separators, invisible joiners and tags. */
static bool harmful(uint32_t c)
{
	return c < 32 || (c >= 127 && c < 160) || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
	       (c >= 0xe0000 && c <= 0xe007f);
}

int lz_text_show(struct lz_buf *b, struct lz_span s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	uint32_t c;

	for (size_t i = 0, n; i < s.n; i += n) {
		n = decode(p + i, s.n - i, &c);
		if (!n) {
			lz_buf_printf(b, "\\x%02x", p[i]);
			n = 1;
		} else if (harmful(c)) {
			if (c < 256)
				lz_buf_printf(b, "\\x%02x", c);
			else
				lz_buf_printf(b, "\\u{%04x}", c);
		} else {
			lz_buf_add(b, p + i, n);
		}
	}
	return b->code;
}

static size_t columns(uint32_t c)
{
	if ((c >= 0x300 && c <= 0x36f) || (c >= 0xfe00 && c <= 0xfe0f))
		return 0;
	if ((c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) ||
	    (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
	    (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
	    (c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd))
		return 2;
	return 1;
}

size_t lz_text_width(struct lz_span s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t width = 0;
	uint32_t c;

	for (size_t i = 0, n; i < s.n; i += n) {
		n = decode(p + i, s.n - i, &c);
		width += n ? columns(c) : 1;
		n = n ? n : 1;
	}
	return width;
}

void lz_hex(const unsigned char *p, size_t n, char *ret)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		ret[2 * i] = digits[p[i] >> 4];
		ret[2 * i + 1] = digits[p[i] & 15];
	}
	ret[2 * n] = 0;
}
