/* SPDX-License-Identifier: Apache-2.0 */
#include "proc_files.h"

#include "../base/clean.h"
#include "../base/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

ssize_t lz_proc_read(uint32_t pid, const char *file, char *buf, size_t n)
{
	char path[64];
	LZ_CLEAN(fd) int fd = -1;
	ssize_t got, all = 0;

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -1;
	while ((size_t)all < n && (got = read(fd, buf + all, n - (size_t)all)) > 0)
		all += got;
	return all;
}

bool lz_proc_status_text(uint32_t pid, struct lz_buf *b)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	return !lz_read_file(path, b, NULL) && b->n;
}

bool lz_proc_status(uint32_t pid, const char *key, uint64_t *ret)
{
	LZ_CLEAN(buf) struct lz_buf b;
	struct lz_span text, line, word;

	lz_buf_init(&b, LZ_PROC_STATUS_MAX);
	if (!lz_proc_status_text(pid, &b))
		return false;
	text = lz_buf_view(&b);
	while (lz_span_line(&text, &line)) {
		if (!lz_span_starts(line, key))
			continue;
		line = lz_span_trim(lz_span_from(line, strlen(key)));
		lz_span_cut(line, ' ', &word, &line);
		return lz_span_u64(word, 10, ret);
	}
	return false;
}

static uint64_t count_entries(uint32_t pid)
{
	char path[64];
	uint64_t n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	d = opendir(path);
	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n > 2 ? n - 2 : 0;
}

bool lz_proc_fds(uint32_t pid, uint64_t *ret_open, uint64_t *ret_limit)
{
	static const char key[] = "Max open files";
	char buf[4096];
	ssize_t n = lz_proc_read(pid, "limits", buf, sizeof(buf));
	struct lz_span text = lz_span(buf, n > 0 ? (size_t)n : 0), line, word;

	*ret_open = count_entries(pid);
	while (lz_span_line(&text, &line)) {
		if (!lz_span_starts(line, key))
			continue;
		line = lz_span_trim(lz_span_from(line, sizeof(key) - 1));
		lz_span_cut(line, ' ', &word, &line);
		return lz_span_u64(word, 10, ret_limit);
	}
	return false;
}

size_t lz_proc_fd_name(uint32_t pid, unsigned fd, char *buf, size_t n)
{
	char path[64];
	ssize_t got;

	snprintf(path, sizeof(path), "/proc/%u/fd/%u", pid, fd);
	got = readlink(path, buf, n);
	return got > 0 ? (size_t)got : 0;
}

/* Fields of /proc/PID/stat from the state on; the name may hold anything, so from its last ')'. */
static bool stat_fields(uint32_t pid, uint64_t *v, unsigned want)
{
	char buf[2048];
	ssize_t n = lz_proc_read(pid, "stat", buf, sizeof(buf));
	struct lz_span rest = lz_span(buf, n > 0 ? (size_t)n : 0), word;
	ptrdiff_t close = lz_span_rfind(rest, ')');
	unsigned i = 0;

	if (close < 0)
		return false;
	rest = lz_span_from(rest, (size_t)close + 2);
	for (; i < want && rest.n; i++) {
		lz_span_cut(rest, ' ', &word, &rest);
		v[i] = 0;
		if (i)
			lz_span_u64(word, 10, &v[i]);
	}
	return i == want;
}

static uint64_t ticks_to_ns(uint64_t ticks)
{
	long hz = sysconf(_SC_CLK_TCK);

	return ticks * (1000000000ULL / (hz > 0 ? (uint64_t)hz : 100));
}

bool lz_proc_stat(uint32_t pid, uint32_t *ret_ppid, uint64_t *ret_start_ns)
{
	uint64_t v[20];

	if (!stat_fields(pid, v, 20))
		return false;
	*ret_ppid = (uint32_t)v[1];
	*ret_start_ns = ticks_to_ns(v[19]);
	return true;
}

bool lz_proc_cpu(uint32_t pid, uint64_t *ret_ns)
{
	uint64_t v[13];

	if (!stat_fields(pid, v, 13))
		return false;
	*ret_ns = ticks_to_ns(v[11] + v[12]);
	return true;
}

size_t lz_proc_cgroups(uint32_t pid, char *buf, size_t n)
{
	char raw[8192];
	ssize_t got = lz_proc_read(pid, "cgroup", raw, sizeof(raw));
	struct lz_span text = lz_span(raw, got > 0 ? (size_t)got : 0), line, number, names, path;
	size_t at = 0;

	while (lz_span_line(&text, &line)) {
		int r;
		lz_span_cut(line, ':', &number, &line);
		lz_span_cut(line, ':', &names, &path);
		r = snprintf(buf + at, n - at, "%s%.*s=%.*s", at ? " " : "", LZ_FMT_ALL(names),
			     LZ_FMT_ALL(path));
		if (r < 0 || (size_t)r >= n - at)
			break;
		at += (size_t)r;
	}
	return at;
}
