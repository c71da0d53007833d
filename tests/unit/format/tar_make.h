/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Makes tar blocks by hand, right or wrong in one place, and tells what lz_tar makes of them. */
#include "../../test.h"

#include "base/buf.h"
#include "format/tar.h"

struct made { /* what a header says beyond its defaults; 0 and NULL: the default */
	const char *name, *link, *prefix, *magic;
	char flag;
	unsigned long long size;
	int at; /* where `raw` replaces bytes before the checksum is made */
	const char *raw;
	size_t raw_bytes;
	bool signed_sum;
};

static inline void put_sum(char *h, bool as_signed)
{
	int sum = 0;

	memset(h + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += as_signed ? (signed char)h[i] : (unsigned char)h[i];
	snprintf(h + 148, 8, "%06o", (unsigned)sum);
	h[155] = ' ';
}

static inline void put_header(struct lz_buf *b, struct made m)
{
	char h[512] = {0};

	memcpy(h, m.name ? m.name : "file", strlen(m.name ? m.name : "file"));
	memcpy(h + 100, "0000644\0000000000\0000000000", 24);
	snprintf(h + 124, 12, "%011llo", m.size);
	h[156] = m.flag ? m.flag : '0';
	if (m.link)
		memcpy(h + 157, m.link, strlen(m.link));
	memcpy(h + 257, m.magic ? m.magic : "ustar\00000", 8);
	if (m.prefix)
		memcpy(h + 345, m.prefix, strlen(m.prefix));
	if (m.raw)
		memcpy(h + m.at, m.raw, m.raw_bytes);
	put_sum(h, m.signed_sum);
	assert_int_equal(lz_buf_add(b, h, 512), 0);
}

static inline void put_content(struct lz_buf *b, const void *p, size_t n)
{
	lz_buf_add(b, p, n);
	assert_int_equal(lz_buf_zero(b, -n & 511), 0);
}

static inline void put_extension(struct lz_buf *b, char flag, const void *p, size_t n)
{
	put_header(b, (struct made){.name = "extension", .flag = flag, .size = n});
	put_content(b, p, n);
}
#define PUT_EXTENSION(b, flag, lit) put_extension((b), (flag), (lit), sizeof(lit) - 1)

static inline void put_end(struct lz_buf *b)
{
	assert_int_equal(lz_buf_zero(b, 1024), 0);
}

/* One line per entry, "type path link size [unsafe] [sparse] = content", and the outcome's code.
 * The content of large entries is told by a hash. */
static inline int tell(struct lz_span tar, size_t chunk, const struct lz_limits *limits,
		       bool read_content, struct lz_buf *out, struct lz_err *err)
{
	struct lz_reader *r = lz_reader_mem(tar, chunk, err);
	struct lz_tar *t = r ? lz_tar_open(r, limits, err) : NULL;
	struct lz_tar_entry e;
	int code = t ? 1 : err->code;

	while (code > 0 && (code = lz_tar_next(t, &e, err)) > 0) {
		struct lz_span s;
		uint64_t sum = 0, n = 0;
		char head[40];
		lz_buf_printf(out, "%c %.*s", "fhldo"[e.type], LZ_FMT(e.path));
		if (e.link.n)
			lz_buf_printf(out, " -> %.*s", LZ_FMT(e.link));
		lz_buf_printf(out, " %llu%s%s", (unsigned long long)e.size,
			      e.unsafe ? " unsafe" : "", e.sparse ? " sparse" : "");
		while (read_content && (code = lz_tar_read(t, &s, err)) > 0) {
			n += s.n;
			if (n <= sizeof(head))
				memcpy(head + n - s.n, s.p, s.n);
			for (size_t i = 0; i < s.n; i++)
				sum = (sum ^ (unsigned char)s.p[i]) * 0x100000001b3;
		}
		if (code == 0 && n > sizeof(head))
			lz_buf_printf(out, " #%llx", (unsigned long long)sum);
		else if (code == 0 && n)
			lz_buf_printf(out, " = %.*s", (int)n, head);
		lz_buf_byte(out, '\n');
		code = code < 0 ? code : 1;
		if (code > 0 && read_content)
			assert_int_equal(n, e.size);
	}
	lz_tar_close(t);
	lz_reader_close(r);
	return code;
}

static inline void init(struct lz_buf *b)
{
	lz_buf_init(b, 64 * LZ_M);
}

static inline struct lz_limits limits(void)
{
	struct lz_limits l;

	lz_limits_default(&l);
	return l;
}

/* b (which is released) gives these lines and then a proper end. */
static inline void gives(struct lz_buf *b, const char *lines)
{
	struct lz_limits l = limits();
	struct lz_err err = {0};
	struct lz_buf out;

	init(&out);
	assert_ok(tell(lz_buf_view(b), 0, &l, true, &out, &err), err);
	assert_string_equal(lz_buf_view(&out).p, lines);
	lz_buf_done(&out);
	lz_buf_done(b);
}

/* b (which is released) gives these lines and then fails like this. */
static inline void refused(struct lz_buf *b, const char *lines, int code, const char *says)
{
	struct lz_limits l = limits();
	struct lz_err err = {0};
	struct lz_buf out;

	init(&out);
	assert_int_equal(tell(lz_buf_view(b), 0, &l, true, &out, &err), code);
	assert_string_equal(lz_buf_view(&out).p, lines);
	if (!strstr(err.text, says))
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
	lz_buf_done(&out);
	lz_buf_done(b);
}

#define HELLO put_content(&b, "hello", 5)
