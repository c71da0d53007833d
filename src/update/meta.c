/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered of a downloaded file: enough to ask its server "is it still this one?", or
 * "give me the rest of it". Values go into request headers, so nothing but printable characters is
 * taken back.
 */
#include "update.h"

#include "../base/clean.h"
#include "../base/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { META_MAX = 4096 };

static bool printable(struct lz_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return true;
}

static bool take(struct lz_meta *m, struct lz_span key, struct lz_span value)
{
	if (!printable(value))
		return false;
	if (lz_span_is(key, "url"))
		return lz_span_cstr(value, m->url, sizeof(m->url));
	if (lz_span_is(key, "etag"))
		return lz_span_cstr(value, m->etag, sizeof(m->etag));
	if (lz_span_is(key, "modified"))
		return lz_span_cstr(value, m->modified, sizeof(m->modified));
	if (lz_span_is(key, "bytes"))
		return lz_span_u64(value, 10, &m->bytes);
	return false;
}

void lz_meta_parse(struct lz_span text, struct lz_meta *ret)
{
	struct lz_span line, key, value;

	memset(ret, 0, sizeof(*ret));
	while (lz_span_line(&text, &line)) {
		if (lz_span_cut(line, ' ', &key, &value) && take(ret, key, value))
			continue;
		memset(ret, 0, sizeof(*ret));
		return;
	}
}

void lz_meta_print(const struct lz_meta *m, struct lz_buf *b)
{
	lz_buf_printf(b, "url %s\n", m->url);
	if (m->etag[0])
		lz_buf_printf(b, "etag %s\n", m->etag);
	if (m->modified[0])
		lz_buf_printf(b, "modified %s\n", m->modified);
	if (m->bytes)
		lz_buf_printf(b, "bytes %llu\n", (unsigned long long)m->bytes);
}

void lz_meta_load(int dir_fd, const char *path, struct lz_meta *ret)
{
	LZ_CLEAN(fd) int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	LZ_CLEAN(buf) struct lz_buf b;

	lz_buf_init(&b, META_MAX);
	memset(ret, 0, sizeof(*ret));
	if (fd >= 0 && !lz_read_fd(fd, path, &b, NULL))
		lz_meta_parse(lz_buf_view(&b), ret);
}

int lz_meta_save(int dir_fd, const char *path, const struct lz_meta *m, struct lz_err *err)
{
	LZ_CLEAN(buf) struct lz_buf b;
	char beside[1024];
	int fd, code;

	lz_buf_init(&b, META_MAX);
	lz_meta_print(m, &b);
	if (b.code)
		return lz_fail(err, b.code, "%s: %s", path, lz_code_text(b.code));
	snprintf(beside, sizeof(beside), "%s.new", path);
	fd = openat(dir_fd, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return lz_fail_errno(err, "%s", beside);
	code = lz_write_full(fd, b.p, b.n, err);
	close(fd);
	if (!code && renameat(dir_fd, beside, dir_fd, path) < 0)
		code = lz_fail_errno(err, "%s", path);
	return code;
}
