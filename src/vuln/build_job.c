/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One job: start a confined child on one feed file, or on a stream of many, and add what it says.
 *
 *	file ── descriptor ──────────► child ── records ──► checked ──► builder (one lock)
 *	files ── thread, tar, pipe ──►
 *
 * The child parses bytes that a mirror or anybody with an advisory to publish could have made. If
 * it were taken over it could still only send advisories, and only under the name of its own feed.
 */
#include "build.h"

#include "../base/clean.h"
#include "../base/clock.h"
#include "../base/io.h"
#include "../base/progress.h"
#include "../format/tar.h"
#include "../format/text.h"
#include "feed_work.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#define NOTES_PER_JOB 200 /* the rest is counted */
#define PIPE_BYTES    (256 * 1024)

/* --- what the child says --------------------------------------------------------------------- */

struct receiver {
	struct lz_feed_sink sink;
	struct lz_build *b;
	struct lz_build_job *job;
	struct lz_span feed; /* the only name its advisories may bear */
};

static struct receiver *receiver_of(struct lz_feed_sink *s)
{
	return (struct receiver *)(void *)s;
}

static int add_advisory(struct lz_feed_sink *s, const struct lz_advisory *a, struct lz_err *err)
{
	struct receiver *rc = receiver_of(s);
	int r;

	if (!lz_span_eq(a->feed, rc->feed))
		return lz_fail(err, LZ_E_FORMAT, "the parser sent an advisory of feed \"%.*s\"",
			       LZ_FMT(a->feed));
	pthread_mutex_lock(&rc->b->lock);
	r = lz_vdb_add_advisory(rc->b->builder, a, err);
	rc->b->stats->advisories += !r;
	rc->b->stats->affected += r ? 0 : a->affected_count;
	pthread_mutex_unlock(&rc->b->lock);
	return r;
}

static int add_enrichment(struct lz_feed_sink *s, const struct lz_enrichment *e, struct lz_err *err)
{
	struct receiver *rc = receiver_of(s);
	int r;

	pthread_mutex_lock(&rc->b->lock);
	r = lz_vdb_add_enrichment(rc->b->builder, e, err);
	rc->b->stats->enrichments += !r;
	pthread_mutex_unlock(&rc->b->lock);
	return r;
}

static int add_info(struct lz_feed_sink *s, const struct lz_feed_info *f, struct lz_err *err)
{
	struct lz_build_job *job = receiver_of(s)->job;
	struct lz_feed_info copy = *f;

	if (job->infos.n)
		return lz_fail(err, LZ_E_FORMAT, "the parser spoke twice for its feed");
	if (!lz_span_starts(f->name, receiver_of(s)->feed.p))
		return lz_fail(err, LZ_E_FORMAT, "the parser spoke for feed \"%.*s\"",
			       LZ_FMT(f->name));
	copy.name = lz_arena_dup(&job->arena, f->name);
	copy.sha256 = lz_span("", 0); /* known when all bytes were handed over */
	if (!copy.name.n || !lz_vec_add(&job->infos, &copy))
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	return 0;
}

static int add_skipped(struct lz_feed_sink *s, uint64_t offset, const char *why, struct lz_err *err)
{
	struct lz_build_job *job = receiver_of(s)->job;
	struct lz_build_note n = {.kind = LZ_NOTE_SKIPPED, .offset = offset};

	if (job->notes.n >= NOTES_PER_JOB)
		return 0;
	n.path = job->files[0].group;
	n.text = lz_arena_dup(&job->arena, lz_str(why));
	if (!lz_vec_add(&job->notes, &n) || job->arena.code)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	return 0;
}

/* "debian" "alpine" "wolfi" "osv" …: the first folder. */
static struct lz_span feed_of(struct lz_build_job *job)
{
	struct lz_span first, rest;

	lz_span_cut(job->files[0].path, '/', &first, &rest);
	return lz_arena_dup(&job->arena, first); /* for its NUL */
}

static int remote_error(struct lz_rec *rec, struct lz_err *err)
{
	int64_t code = (int64_t)lz_rec_u64(rec);
	struct lz_span text = lz_rec_span(rec, 4096);

	if (lz_rec_end(rec, err))
		return LZ_E_FORMAT;
	if (code >= 0 || code < LZ_E_BUG)
		code = LZ_E_FORMAT;
	return lz_fail(err, (int)code, "%.*s", (int)text.n, text.p);
}

static int receive(struct lz_build *b, struct lz_build_job *job, struct lz_child *c,
		   struct lz_err *err)
{
	struct receiver rc = {
		.sink = {add_advisory, add_enrichment, add_info, add_skipped},
		.b = b,
		.job = job,
		.feed = feed_of(job),
	};
	struct lz_arena arena;
	struct lz_rec rec;
	int r, failed = 0;

	if (!rc.feed.n)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	/* Twelve bytes of a record may unfold to a hundred and fifty. */
	lz_arena_init(&arena, (size_t)b->o->limits.record_bytes * 16 + LZ_M);
	while ((r = lz_child_next(c, &rec, failed ? NULL : err)) > 0) {
		lz_arena_done(&arena);
		if (rec.type == LZ_REC_ERROR) {
			failed = remote_error(&rec, err);
			continue;
		}
		r = lz_feed_wire_take(&rec, &arena, &b->o->limits, &rc.sink, err);
		if (r)
			break;
	}
	lz_arena_done(&arena);
	if (failed)
		return failed;
	if (!r && !job->infos.n)
		return lz_fail(err, LZ_E_CRASH, "the parser ended without a last word");
	return r;
}

/* --- what the child is given ----------------------------------------------------------------- */

static int hash_file(struct lz_build_job *job, int fd, uint64_t size, struct lz_err *err)
{
	LZ_CLEAN(reader) struct lz_reader *r = lz_reader_pread(fd, 0, size, err);
	unsigned char sum[32];
	int code;

	if (r)
		r = lz_reader_sha256(r, err);
	if (!r)
		return err ? err->code : LZ_E_NOMEM;
	code = lz_reader_drain(r, err);
	if (!code)
		code = lz_reader_sha256_final(r, sum, err);
	if (!code)
		lz_hex(sum, sizeof(sum), job->sha256);
	return code;
}

static int start(struct lz_build *b, struct lz_build_job *job, int fd, struct lz_child **ret,
		 struct lz_err *err)
{
	LZ_CLEAN(buf) struct lz_buf request;
	int r;

	lz_buf_init(&request, LZ_M);
	r = lz_feed_request(&request, job->files[0].format, job->files[0].group, err);
	if (r)
		return r;
	*ret = lz_child_start("feed", fd, &b->o->limits, lz_buf_view(&request), err);
	return *ret ? 0 : err ? err->code : LZ_E_NOMEM;
}

static int one_file(struct lz_build *b, struct lz_build_job *job, struct lz_err *err)
{
	const struct lz_build_file *f = job->files;
	LZ_CLEAN(fd) int fd = lz_open_in_root(b->root_fd, f->path.p, err);
	struct lz_child *c;
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return lz_fail_errno(err, "%s", f->path.p);
	if ((uint64_t)st.st_size > b->o->limits.feed_bytes)
		return lz_fail(err, LZ_E_LIMIT, "%llu bytes (limit feed_bytes)",
			       (unsigned long long)st.st_size);
	r = hash_file(job, fd, (uint64_t)st.st_size, err);
	if (!r)
		r = start(b, job, fd, &c, err);
	if (r)
		return r;
	r = receive(b, job, c, err);
	lz_child_free(c);
	lz_progress_add(b->o->progress, f->size_bytes);
	return r;
}

/* --- many files as one stream ---------------------------------------------------------------- */

struct feeding {
	struct lz_build *b;
	struct lz_build_job *job;
	struct lz_buf buf;
	EVP_MD_CTX *hash;
	int fd;
	uint64_t bytes;
	int code; /* of what went wrong on this side */
	struct lz_err err;
};

/* A closed pipe is the child's doing; it tells why itself, so it is not remembered here. */
static bool flush(struct feeding *f)
{
	bool ok = f->buf.code == 0 && EVP_DigestUpdate(f->hash, f->buf.p ? f->buf.p : "", f->buf.n);

	if (!ok)
		f->code = lz_fail(&f->err, LZ_E_NOMEM, "out of memory");
	ok = ok && !lz_write_full(f->fd, f->buf.p, f->buf.n, NULL);
	lz_buf_clear(&f->buf);
	return ok;
}

static bool gone(struct feeding *f, const char *path, const char *why)
{
	f->code = lz_fail(&f->err, LZ_E_IO, "%s: %s", path, why);
	return false;
}

static bool copy(struct feeding *f, int fd, const char *path, uint64_t size)
{
	uint64_t left = size;

	while (left) {
		size_t want = left < 65536 ? (size_t)left : 65536, got = 0;

		if (lz_buf_reserve(&f->buf, want))
			return flush(f);
		if (lz_read_full(fd, f->buf.p + f->buf.n, want, &got, NULL))
			return gone(f, path, "could not be read");
		if (got < want)
			return gone(f, path, "became shorter while it was read");
		f->buf.n += want;
		left -= want;
		if (f->buf.n >= PIPE_BYTES / 2 && !flush(f))
			return false;
	}
	lz_buf_zero(&f->buf, (size_t)(-size & 511));
	return true;
}

static bool feed_file(struct feeding *f, const struct lz_build_file *file)
{
	LZ_CLEAN(fd) int fd = lz_open_in_root(f->b->root_fd, file->path.p, &f->err);
	struct stat st;

	if (fd < 0) {
		f->code = f->err.code;
		return false;
	}
	if (fstat(fd, &st) < 0 || lz_cancelled())
		return gone(f, file->path.p, lz_cancelled() ? "interrupted" : "could not be read");
	f->bytes += (uint64_t)st.st_size;
	if (f->bytes > f->b->o->limits.feed_bytes) {
		f->code = lz_fail(&f->err, LZ_E_LIMIT,
				  "%s: more than %llu bytes (limit feed_bytes)", file->path.p,
				  (unsigned long long)f->b->o->limits.feed_bytes);
		return false;
	}
	if (PIPE_BYTES / 2 < f->buf.n && !flush(f))
		return false;
	lz_tar_put_header(&f->buf, LZ_TAR_FILE, file->path, lz_span("", 0), (uint64_t)st.st_size);
	lz_progress_add(f->b->o->progress, (uint64_t)st.st_size);
	return copy(f, fd, file->path.p, (uint64_t)st.st_size);
}

static void *feed_files(void *arg)
{
	struct feeding *f = arg;
	unsigned char sum[32];
	bool ok = true;

	for (size_t i = 0; ok && i < f->job->file_count; i++)
		ok = feed_file(f, &f->job->files[i]);
	if (ok) {
		lz_buf_zero(&f->buf, 1024);
		ok = flush(f);
	}
	if (ok && EVP_DigestFinal_ex(f->hash, sum, NULL))
		lz_hex(sum, sizeof(sum), f->job->sha256);
	close(f->fd);
	return NULL;
}

/* The feeder's own trouble explains the child's: it saw a stream that ended early. */
static int stream(struct feeding *f, struct lz_child *c, struct lz_err *err)
{
	pthread_t thread;
	int r;

	if (pthread_create(&thread, NULL, feed_files, f)) {
		close(f->fd);
		lz_child_free(c);
		return lz_fail(err, LZ_E_NOMEM, "could not start a thread");
	}
	r = receive(f->b, f->job, c, err);
	lz_child_free(c); /* a feeder that waits for room gets EPIPE */
	pthread_join(thread, NULL);
	if (f->code && err)
		*err = f->err;
	return f->code ? f->code : r;
}

static int many_files(struct lz_build *b, struct lz_build_job *job, struct lz_err *err)
{
	struct feeding f = {.b = b, .job = job};
	struct lz_child *c;
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return lz_fail_errno(err, "pipe");
	fcntl(fds[1], F_SETPIPE_SZ, 1 << 20); /* fewer switches; a refusal does no harm */
	r = start(b, job, fds[0], &c, err);
	close(fds[0]);
	if (r) {
		close(fds[1]);
		return r;
	}
	f.fd = fds[1];
	lz_buf_init(&f.buf, PIPE_BYTES + 65536);
	f.hash = EVP_MD_CTX_new();
	if (f.hash && EVP_DigestInit_ex(f.hash, EVP_sha256(), NULL)) {
		r = stream(&f, c, err);
	} else {
		r = lz_fail(err, LZ_E_NOMEM, "out of memory");
		close(f.fd);
		lz_child_free(c);
	}
	EVP_MD_CTX_free(f.hash);
	lz_buf_done(&f.buf);
	return r;
}

void lz_build_job_run(struct lz_build *b, struct lz_build_job *job)
{
	job->code = job->files[0].format->gathered ? many_files(b, job, &job->err)
						   : one_file(b, job, &job->err);
	LZ_VEC_EACH (struct lz_feed_info, i, &job->infos) {
		i->sha256 = lz_str(job->sha256);
	}
}
