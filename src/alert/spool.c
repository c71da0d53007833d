/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments on disk and what is known of them in memory. A line that was appended survives the end
 * of this process; that of the machine it survives as far as the file system had written it.
 */
#include "spool.h"

#include "../base/clean.h"
#include "../base/io.h"
#include "../base/limits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

#define CHUNK	(64 * LZ_K)
#define SEQ_MAX (1ULL << 62) /* a greater number was not counted by us */

struct segment {
	uint64_t seq, bytes;
	uint64_t lines; /* not dealt with */
};

struct lz_spool {
	char *dir;
	int dir_fd, cursor_fd;
	int write_fd; /* of the last segment; -1: the next append begins one */
	int read_fd;  /* of the first; -1: not open */
	uint64_t cap, segment_max, total, next_seq;
	uint64_t read_at; /* in the first */
	struct lz_vec segments;
	struct lz_buf chunk;
	uint64_t lost; /* not told yet */

	/* what lz_spool_read gave out */
	bool reading, orphan; /* its segment was pushed out meanwhile */
	uint64_t batch_bytes, batch_all, batch_damaged;
	pthread_mutex_t lock;
};

static bool any(const struct lz_spool *s)
{
	return s->segments.n > 0;
}

/* Of both: only if there are any. */
static struct segment *first(const struct lz_spool *s)
{
	return lz_vec_at(&s->segments, 0);
}

static struct segment *last(const struct lz_spool *s)
{
	return lz_vec_at(&s->segments, s->segments.n - 1);
}

static void name_of(uint64_t seq, char name[32])
{
	snprintf(name, 32, "%016llx.ndjson", (unsigned long long)seq);
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static uint64_t newlines(const char *p, size_t n)
{
	uint64_t count = 0;

	for (const char *end = p + n; p < end && (p = memchr(p, '\n', (size_t)(end - p))); p++)
		count++;
	return count;
}

/* --- segments --------------------------------------------------------------------------------- */

/* Losing this write costs a line sent twice after a crash, no more. */
static void save_cursor(struct lz_spool *s)
{
	char text[40];
	ssize_t r;

	snprintf(text, sizeof(text), "%016llx %016llx\n",
		 (unsigned long long)(any(s) ? first(s)->seq : s->next_seq - 1),
		 (unsigned long long)s->read_at);
	r = pwrite(s->cursor_fd, text, 34, 0);
	(void)r;
}

static void remove_first(struct lz_spool *s)
{
	struct segment *x = first(s);
	char name[32];

	if (s->segments.n == 1)
		shut(&s->write_fd);
	shut(&s->read_fd);
	name_of(x->seq, name);
	s->total -= x->bytes;
	memmove(x, x + 1, --s->segments.n * sizeof(*x));
	s->read_at = 0;
	save_cursor(s);
	unlinkat(s->dir_fd, name, 0);
}

/* The cap was reached: lines that nobody is sending at the moment are lost. */
static void push_out(struct lz_spool *s)
{
	uint64_t lines = first(s)->lines;

	if (s->reading && !s->orphan) {
		s->orphan = true;
		lines -= lines < s->batch_all ? lines : s->batch_all;
	}
	s->lost += lines;
	remove_first(s);
}

static int new_segment(struct lz_spool *s, struct lz_err *err)
{
	struct segment *x;
	char name[32];

	shut(&s->write_fd);
	name_of(s->next_seq, name);
	s->write_fd = openat(s->dir_fd, name,
			     O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->write_fd < 0)
		return lz_fail_errno(err, "%s/%s", s->dir, name);
	x = lz_vec_push(&s->segments);
	if (!x) {
		shut(&s->write_fd);
		unlinkat(s->dir_fd, name, 0);
		return lz_fail(err, s->segments.code, "%s: %s", s->dir,
			       lz_code_text(s->segments.code));
	}
	x->seq = s->next_seq++;
	return 0;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* Counts its lines; what is behind the last newline was torn by a crash, and goes. */
static int measure(struct lz_spool *s, struct segment *x, const char *name, struct lz_err *err)
{
	LZ_CLEAN(fd)
	int fd = openat(s->dir_fd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	uint64_t at = 0, whole = 0;
	struct stat st;
	char p[16384];

	if (fd < 0 || fstat(fd, &st) < 0)
		return lz_fail_errno(err, "%s/%s", s->dir, name);
	if (!S_ISREG(st.st_mode))
		return lz_fail(err, LZ_E_UNSUPPORTED, "%s/%s: is no regular file", s->dir, name);
	for (;;) {
		const char *nl;
		size_t n;
		if (lz_read_some(fd, p, sizeof(p), &n, err))
			return lz_wrap(err, "%s/%s", s->dir, name);
		if (!n)
			break;
		x->lines += newlines(p, n);
		nl = memrchr(p, '\n', n);
		whole = nl ? at + (uint64_t)(nl - p) + 1 : whole;
		at += n;
	}
	if (at > whole && ftruncate(fd, (off_t)whole) < 0)
		return lz_fail_errno(err, "%s/%s", s->dir, name);
	s->lost += at > whole;
	x->bytes = whole;
	return 0;
}

static int by_seq(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int list(struct lz_spool *s, struct lz_err *err)
{
	int fd = openat(s->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int code = 0;

	if (!d) {
		code = lz_fail_errno(err, "%s", s->dir);
		shut(&fd);
		return code;
	}
	while (!code && (e = readdir(d))) {
		struct segment x = {0};
		char ours[32];
		if (!lz_span_u64(lz_span_head(lz_str(e->d_name), 16), 16, &x.seq) ||
		    x.seq >= SEQ_MAX)
			continue;
		name_of(x.seq, ours);
		if (strcmp(ours, e->d_name))
			continue;
		code = measure(s, &x, e->d_name, err);
		if (!code && !lz_vec_add(&s->segments, &x))
			code = lz_fail(err, s->segments.code, "%s: %s", s->dir,
				       lz_code_text(s->segments.code));
		s->total += x.bytes;
	}
	closedir(d);
	lz_vec_sort(&s->segments, by_seq);
	return code;
}

/* Lines in front of the cursor have been delivered. */
static int skip(struct lz_spool *s, uint64_t at, struct lz_err *err)
{
	struct segment *x = first(s);
	LZ_CLEAN(fd) int fd = -1;
	char name[32], p[16384];
	uint64_t done = 0;
	size_t n = 0;

	if (!at || at > x->bytes)
		return 0;
	name_of(x->seq, name);
	fd = openat(s->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || pread(fd, p, 1, (off_t)at - 1) != 1)
		return lz_fail_errno(err, "%s/%s", s->dir, name);
	if (p[0] != '\n') /* it speaks of another file */
		return 0;
	while (s->read_at < at) {
		uint64_t left = at - s->read_at;
		if (lz_pread_full(fd, p, left < sizeof(p) ? left : sizeof(p), s->read_at, &n, err))
			return lz_wrap(err, "%s/%s", s->dir, name);
		if (!n)
			break;
		done += newlines(p, n);
		s->read_at += n;
	}
	x->lines -= done < x->lines ? done : x->lines;
	return 0;
}

static int load_cursor(struct lz_spool *s, struct lz_err *err)
{
	uint64_t seq, at;
	char text[64];
	ssize_t n = pread(s->cursor_fd, text, sizeof(text), 0);

	s->next_seq = any(s) ? last(s)->seq + 1 : 1;
	if (n < 0 || !lz_spool_cursor(lz_span(text, (size_t)n), &seq, &at) || seq >= SEQ_MAX)
		return 0;
	s->next_seq = seq >= s->next_seq ? seq + 1 : s->next_seq;
	while (any(s) && first(s)->seq < seq) /* a crash came before they were removed */
		remove_first(s);
	return any(s) && first(s)->seq == seq ? skip(s, at, err) : 0;
}

static int open_dir(struct lz_spool *s, struct lz_err *err)
{
	int code = lz_make_folders(AT_FDCWD, s->dir, err);

	if (code)
		return code;
	if (mkdir(s->dir, 0700) < 0 && errno != EEXIST)
		return lz_fail_errno(err, "%s", s->dir);
	s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->dir_fd < 0)
		return lz_fail_errno(err, "%s", s->dir);
	if (flock(s->dir_fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK
			       ? lz_fail(err, LZ_E_USAGE,
					 "%s: another output or program keeps its alerts there",
					 s->dir)
			       : lz_fail_errno(err, "%s", s->dir);
	s->cursor_fd = openat(s->dir_fd, "cursor", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	return s->cursor_fd < 0 ? lz_fail_errno(err, "%s/cursor", s->dir) : 0;
}

struct lz_spool *lz_spool_open(const char *dir, uint64_t cap_bytes, struct lz_err *err)
{
	struct lz_spool *s = lz_alloc(sizeof(*s));
	int code;

	if (!s) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	s->dir_fd = s->cursor_fd = s->write_fd = s->read_fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	lz_vec_init(&s->segments, sizeof(struct segment), 100000);
	lz_buf_init(&s->chunk, 16 * LZ_M);
	s->cap = cap_bytes;
	s->segment_max = cap_bytes / 16 < 4 * LZ_M ? cap_bytes / 16 : 4 * LZ_M;
	s->dir = lz_alloc(strlen(dir) + 1);
	if (s->dir)
		memcpy(s->dir, dir, strlen(dir));
	code = s->dir ? open_dir(s, err) : lz_fail(err, LZ_E_NOMEM, "out of memory");
	if (!code)
		code = list(s, err);
	if (!code)
		code = load_cursor(s, err);
	if (!code)
		return s;
	lz_spool_close(s);
	return NULL;
}

void lz_spool_close(struct lz_spool *s)
{
	if (!s)
		return;
	if (s->write_fd >= 0)
		fdatasync(s->write_fd);
	shut(&s->write_fd);
	while (s->cursor_fd >= 0 && any(s) && !first(s)->lines && s->read_at == first(s)->bytes)
		remove_first(s);
	shut(&s->read_fd);
	shut(&s->cursor_fd);
	shut(&s->dir_fd);
	lz_vec_done(&s->segments);
	lz_buf_done(&s->chunk);
	pthread_mutex_destroy(&s->lock);
	lz_free(s->dir);
	lz_free(s);
}

/* --- writing ---------------------------------------------------------------------------------- */

static int append(struct lz_spool *s, struct lz_span text, size_t count, struct lz_err *err)
{
	struct segment *x;
	int code = 0;

	if (text.n > s->cap)
		return lz_fail(err, LZ_E_LIMIT, "%s: %zu bytes are more than it may hold", s->dir,
			       text.n);
	while (any(s) && s->total + text.n > s->cap)
		push_out(s);
	if (s->write_fd < 0 || (last(s)->bytes && last(s)->bytes + text.n > s->segment_max))
		code = new_segment(s, err);
	if (code)
		return code;
	x = last(s);
	code = lz_write_full(s->write_fd, text.p, text.n, err);
	if (code) {
		/* if this fails too, only the bytes that we know of are ever read */
		if (ftruncate(s->write_fd, (off_t)x->bytes) < 0)
			shut(&s->write_fd);
		return lz_wrap(err, "%s", s->dir);
	}
	x->bytes += text.n;
	x->lines += count;
	s->total += text.n;
	return 0;
}

static uint64_t tell_lost(struct lz_spool *s)
{
	uint64_t n = s->lost;

	s->lost = 0;
	return n;
}

int lz_spool_append(struct lz_spool *s, struct lz_span text, size_t count, uint64_t *ret_lost,
		    struct lz_err *err)
{
	int code;

	pthread_mutex_lock(&s->lock);
	code = append(s, text, count, err);
	*ret_lost = tell_lost(s);
	pthread_mutex_unlock(&s->lock);
	return code;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* The next bytes of the first segment, up to a newline if there is one. */
static int read_chunk(struct lz_spool *s, size_t want, struct lz_span *ret, struct lz_err *err)
{
	const struct segment *x = first(s);
	uint64_t left = x->bytes - s->read_at;
	const char *nl;
	char name[32];
	size_t n = 0;

	name_of(x->seq, name);
	if (s->read_fd < 0)
		s->read_fd = openat(s->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (s->read_fd < 0 && errno != ENOENT)
		return lz_fail_errno(err, "%s/%s", s->dir, name);
	want = left < want ? (size_t)left : want;
	lz_buf_clear(&s->chunk);
	if (lz_buf_reserve(&s->chunk, want))
		return lz_fail(err, s->chunk.code, "%s: %s", s->dir, lz_code_text(s->chunk.code));
	if (s->read_fd >= 0 && lz_pread_full(s->read_fd, s->chunk.p, want, s->read_at, &n, err))
		return lz_wrap(err, "%s/%s", s->dir, name);
	nl = n ? memrchr(s->chunk.p, '\n', n) : NULL;
	*ret = lz_span(s->chunk.p, nl ? (size_t)(nl - s->chunk.p) + 1 : n);
	return 0;
}

/* n bytes of the first segment are dealt with. */
static void advance(struct lz_spool *s, uint64_t n, uint64_t lines)
{
	struct segment *x = first(s);

	s->read_at += n;
	x->lines -= lines < x->lines ? lines : x->lines;
	if (s->read_at < x->bytes)
		return;
	/* the segment being written stays until it is worth a file */
	if (s->write_fd < 0 || s->segments.n > 1 || x->bytes >= s->segment_max / 4) {
		s->lost += x->lines;
		remove_first(s);
	}
}

static int read_some(struct lz_spool *s, size_t lines_max, size_t bytes_max, struct lz_buf *ret,
		     size_t *ret_lines, struct lz_err *err)
{
	struct lz_span text = {0};
	int64_t took;
	int code = read_chunk(s, CHUNK, &text, err);

	if (!code && text.n == CHUNK && text.p[text.n - 1] != '\n')
		code = read_chunk(s, LZ_SPOOL_LINE_MAX, &text, err);
	if (code)
		return code;
	if (!text.n) { /* somebody took the file away, or its end */
		s->lost += first(s)->lines;
		first(s)->lines = 0;
		remove_first(s);
		return 0;
	}
	took = lz_spool_take(text, lines_max, bytes_max, ret, ret_lines, &s->batch_damaged);
	if (took < 0)
		return lz_fail(err, (int)took, "%s: %s", s->dir, lz_code_text((int)took));
	s->batch_bytes = (uint64_t)took;
	s->batch_all = newlines(text.p, (size_t)took);
	if (*ret_lines) {
		s->reading = true;
		s->orphan = false;
	} else { /* nothing in it is worth waiting for an answer */
		s->lost += s->batch_damaged;
		advance(s, s->batch_bytes, s->batch_all);
	}
	return 0;
}

int lz_spool_read(struct lz_spool *s, size_t lines_max, size_t bytes_max, struct lz_buf *ret,
		  size_t *ret_lines, struct lz_err *err)
{
	int code = 0;

	pthread_mutex_lock(&s->lock);
	*ret_lines = 0;
	while (!code && !*ret_lines && any(s) &&
	       (s->read_at < first(s)->bytes || s->segments.n > 1)) {
		if (s->read_at >= first(s)->bytes)
			advance(s, 0, 0);
		else
			code = read_some(s, lines_max, bytes_max, ret, ret_lines, err);
	}
	pthread_mutex_unlock(&s->lock);
	return code;
}

void lz_spool_done(struct lz_spool *s, bool dealt_with, uint64_t *ret_lost)
{
	pthread_mutex_lock(&s->lock);
	if (s->reading && dealt_with)
		s->lost += s->batch_damaged;
	if (s->reading && s->orphan && !dealt_with)
		s->lost += s->batch_all;
	if (s->reading && !s->orphan && dealt_with) {
		advance(s, s->batch_bytes, s->batch_all);
		save_cursor(s);
	}
	s->reading = s->orphan = false;
	*ret_lost = tell_lost(s);
	pthread_mutex_unlock(&s->lock);
}

uint64_t lz_spool_lines(struct lz_spool *s)
{
	uint64_t n = 0;

	pthread_mutex_lock(&s->lock);
	LZ_VEC_EACH (struct segment, x, &s->segments)
		n += x->lines;
	/* being sent, pushed out on disk: still waiting for its answer */
	n += s->reading && s->orphan ? s->batch_all : 0;
	pthread_mutex_unlock(&s->lock);
	return n;
}
