/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `db build`: a folder of feeds becomes one database.
 *
 *	walk ──► jobs, sorted ──► two workers, a confined child each ──► builder ──► FILE, by rename
 *
 * Order never matters: the builder sorts what it was given, and everything a person sees is put
 * together in the order of jobs once all have ended.
 *
 * Fails closed. A database that lacks one feed answers "nothing found" for all that this feed knew,
 * so a feed that can't be read as a whole means no database; the old file stays. All jobs are run
 * even so, and each failure is told. Single records that are malformed, withdrawn or about an
 * ecosystem we do not know are left out by name and counted.
 */
#include "build.h"

#include "../base/clean.h"
#include "../base/clock.h"
#include "../base/progress.h"
#include "../format/text.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/stat.h>

#define WORKERS 2
#define NOTES	10000 /* ignored files and skipped records to tell of; all are counted */

struct crew {
	struct lz_build *b;
	struct lz_build_job *jobs;
	size_t count;
	_Atomic size_t next;
};

static size_t job_end(const struct lz_vec *files, size_t begin)
{
	const struct lz_build_file *first = lz_vec_at(files, begin);
	size_t i = begin + 1;

	for (; i < files->n; i++) {
		const struct lz_build_file *f = lz_vec_at(files, i);
		if (f->format != first->format || !lz_span_eq(f->group, first->group))
			break;
	}
	return i;
}

static int make_jobs(struct lz_build *b, struct lz_vec *jobs, struct lz_err *err)
{
	uint64_t total = 0;

	for (size_t i = 0, end; i < b->files.n; i = end) {
		struct lz_build_job *job = lz_vec_push(jobs);

		end = job_end(&b->files, i);
		if (!job)
			return lz_fail(err, jobs->code, "feed files: %s", lz_code_text(jobs->code));
		job->files = lz_vec_at(&b->files, i);
		job->file_count = end - i;
		lz_arena_init(&job->arena, 16 * LZ_M);
		lz_vec_init(&job->notes, sizeof(struct lz_build_note), 1000);
		lz_vec_init(&job->infos, sizeof(struct lz_feed_info), 8);
		for (size_t k = i; k < end; k++)
			total += ((struct lz_build_file *)lz_vec_at(&b->files, k))->size_bytes;
	}
	b->stats->bytes_read = total;
	lz_progress_total(b->o->progress, total);
	return 0;
}

static void jobs_done(struct lz_vec *jobs)
{
	LZ_VEC_EACH (struct lz_build_job, j, jobs) {
		lz_vec_done(&j->notes);
		lz_vec_done(&j->infos);
		lz_arena_done(&j->arena);
	}
	lz_vec_done(jobs);
}

static void *work(void *arg)
{
	struct crew *c = arg;

	for (;;) {
		size_t i = c->next++;

		if (i >= c->count)
			return NULL;
		if (lz_cancelled()) {
			c->jobs[i].code = lz_fail(&c->jobs[i].err, LZ_E_CANCELLED, "interrupted");
			continue;
		}
		lz_progress_note(c->b->o->progress, c->jobs[i].files[0].group.p);
		lz_build_job_run(c->b, &c->jobs[i]);
	}
}

static int run_jobs(struct lz_build *b, struct lz_vec *jobs, struct lz_err *err)
{
	struct crew crew = {.b = b, .jobs = jobs->p, .count = jobs->n};
	pthread_t threads[WORKERS];
	unsigned n = 0;

	while (n < WORKERS && n < jobs->n && !pthread_create(&threads[n], NULL, work, &crew))
		n++;
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	return n ? 0 : lz_fail(err, LZ_E_NOMEM, "could not start a thread");
}

/* --- what is told -------------------------------------------------------------------------- */

static void note(struct lz_build_stats *s, enum lz_build_note_kind kind, struct lz_span path,
		 struct lz_span text, uint64_t offset)
{
	if (kind != LZ_NOTE_FAILED && s->notes.n >= NOTES)
		return;
	struct lz_build_note n = {
		.kind = kind,
		.path = lz_arena_dup(&s->arena, path),
		.text = lz_arena_dup(&s->arena, text),
		.offset = offset,
	};

	lz_vec_add(&s->notes, &n);
}

static void tell_all(struct lz_build *b, const struct lz_vec *jobs)
{
	struct lz_build_stats *s = b->stats;

	LZ_VEC_EACH (struct lz_span, path, &b->ignored) {
		s->ignored++;
		note(s, LZ_NOTE_IGNORED, *path, LZ_SPAN("no feed that we know"), 0);
	}
	LZ_VEC_EACH (struct lz_build_job, j, jobs) {
		LZ_VEC_EACH (struct lz_build_note, n, &j->notes)
			note(s, n->kind, n->path, n->text, n->offset);
		if (j->code) {
			s->failed++;
			note(s, LZ_NOTE_FAILED, j->files[0].group, lz_str(j->err.text), 0);
		}
	}
}

static int verdict(const struct lz_build *b, const struct lz_vec *jobs, struct lz_err *err)
{
	const struct lz_build_stats *s = b->stats;

	LZ_VEC_EACH (struct lz_build_job, j, jobs) {
		if (!j->code)
			continue;
		if (j->code == LZ_E_CANCELLED)
			return lz_fail(err, j->code, "interrupted");
		return lz_fail(err, j->code,
			       s->failed == 1 ? "%.*s: %s"
					      : "%.*s: %s (the first of several feeds that could "
						"not be read)",
			       LZ_FMT(j->files[0].group), j->err.text);
	}
	if (s->notes.code || s->arena.code)
		return lz_fail(err, s->arena.code ? s->arena.code : s->notes.code,
			       "notes of the build: %s", lz_code_text(s->arena.code));
	return 0;
}

/* --- feeds --------------------------------------------------------------------------------- */

/* Several files may speak for one feed ("alpine:v3.9": main and community). */
struct feed {
	struct lz_feed_info info;
	EVP_MD_CTX *hash; /* over the sums of its files, in the order of paths */
	size_t files;
	char sha256[65];
};

static int by_name(const void *a, const void *b)
{
	return lz_span_cmp(((const struct feed *)a)->info.name,
			   ((const struct feed *)b)->info.name);
}

/* When a job's bytes were obtained. */
static int64_t obtained(const struct lz_build *b, const struct lz_build_job *j)
{
	int64_t newest = 0;

	if (b->o->built_s)
		return b->o->built_s;
	for (size_t i = 0; i < j->file_count; i++)
		if (j->files[i].modified_s > newest)
			newest = j->files[i].modified_s;
	return newest;
}

/* Knowledge can't be newer than the day it was obtained, whatever it says; and where it does not
 * say, it was current that day. */
static int64_t current(int64_t said, int64_t got)
{
	return said > 0 && said < got ? said : got;
}

static int merge(struct lz_build *b, const struct lz_build_job *j, struct lz_vec *feeds,
		 struct lz_map *names, struct lz_err *err)
{
	LZ_VEC_EACH (struct lz_feed_info, i, &j->infos) {
		int64_t date = current(i->date_s, obtained(b, j));
		bool is_new = false;
		struct lz_map_item *item = lz_map_put(names, i->name, &is_new, NULL);
		struct feed *f;

		if (item && is_new) {
			item->value.num = feeds->n;
			f = lz_vec_push(feeds);
			if (f)
				f->info.name = i->name;
		}
		if (!item || feeds->code)
			return lz_fail(err, LZ_E_NOMEM, "out of memory");
		f = lz_vec_at(feeds, (size_t)item->value.num);
		f->info.records += i->records;
		f->info.skipped += i->skipped;
		b->stats->skipped += i->skipped;
		/* As old as the oldest of its parts. */
		if (!f->files || date < f->info.date_s)
			f->info.date_s = date;
		if (!f->hash)
			f->hash = EVP_MD_CTX_new();
		if (!f->hash || (!f->files && !EVP_DigestInit_ex(f->hash, EVP_sha256(), NULL)) ||
		    !EVP_DigestUpdate(f->hash, i->sha256.p, i->sha256.n))
			return lz_fail(err, LZ_E_NOMEM, "out of memory");
		if (!f->files++)
			snprintf(f->sha256, sizeof(f->sha256), "%.*s", LZ_FMT(i->sha256));
	}
	return 0;
}

static int add_feeds(struct lz_build *b, struct lz_vec *feeds, struct lz_err *err)
{
	int r = 0;

	lz_vec_sort(feeds, by_name);
	LZ_VEC_EACH (struct feed, f, feeds) {
		unsigned char sum[32];

		/* One file's sum is its own, so that it can be compared with the vendor's. */
		if (f->files > 1 && EVP_DigestFinal_ex(f->hash, sum, NULL))
			lz_hex(sum, sizeof(sum), f->sha256);
		f->info.sha256 = lz_str(f->sha256);
		b->stats->feeds++;
		if (!r)
			r = lz_vdb_add_feed(b->builder, &f->info, err);
	}
	return r;
}

static int join_feeds(struct lz_build *b, const struct lz_vec *jobs, struct lz_err *err)
{
	LZ_CLEAN(vec) struct lz_vec feeds;
	LZ_CLEAN(map) struct lz_map names;
	int r = 0;

	lz_vec_init(&feeds, sizeof(struct feed), jobs->n + 1);
	lz_map_init(&names, jobs->n + 1);
	LZ_VEC_EACH (struct lz_build_job, j, jobs) {
		if (!r)
			r = merge(b, j, &feeds, &names, err);
	}
	if (!r)
		r = add_feeds(b, &feeds, err);
	LZ_VEC_EACH (struct feed, f, &feeds)
		EVP_MD_CTX_free(f->hash);
	return r;
}

/* --- the database -------------------------------------------------------------------------- */

static int write_out(struct lz_build *b, const struct lz_vec *jobs, struct lz_err *err)
{
	int64_t built = 0;
	struct stat st;
	int r;

	LZ_VEC_EACH (struct lz_build_job, j, jobs) {
		if (obtained(b, j) > built)
			built = obtained(b, j);
	}
	r = lz_vdb_write(b->builder, b->o->out_path, built, b->o->sign_key, err);
	if (!r && stat(b->o->out_path, &st) == 0)
		b->stats->bytes_written = (uint64_t)st.st_size;
	return r;
}

static int build(struct lz_build *b, struct lz_vec *jobs, struct lz_err *err)
{
	int r = lz_build_walk(b, err);

	if (!r)
		r = make_jobs(b, jobs, err);
	if (!r)
		r = run_jobs(b, jobs, err);
	tell_all(b, jobs);
	if (!r)
		r = verdict(b, jobs, err);
	if (!r)
		r = join_feeds(b, jobs, err);
	return r ? r : write_out(b, jobs, err);
}

int lz_db_build(const struct lz_build_options *o, struct lz_build_stats *ret_stats,
		struct lz_err *err)
{
	struct lz_build b = {.o = o, .stats = ret_stats};
	struct lz_vec jobs;
	int r;

	*ret_stats = (struct lz_build_stats){.feeds = 0};
	lz_arena_init(&ret_stats->arena, 64 * LZ_M);
	lz_vec_init(&ret_stats->notes, sizeof(struct lz_build_note), 1000000);
	b.root_fd = open(o->from_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b.root_fd < 0)
		return lz_fail_errno(err, "%s", o->from_dir);
	lz_arena_init(&b.arena, 512 * LZ_M);
	lz_vec_init(&b.files, sizeof(struct lz_build_file), (size_t)o->limits.advisories);
	lz_vec_init(&b.ignored, sizeof(struct lz_span), (size_t)o->limits.advisories);
	lz_vec_init(&jobs, sizeof(struct lz_build_job), (size_t)o->limits.advisories);
	pthread_mutex_init(&b.lock, NULL);
	b.builder = lz_vdb_builder_new(&o->limits, (size_t)o->limits.vdb_bytes, err);
	r = b.builder ? build(&b, &jobs, err) : (err ? err->code : LZ_E_NOMEM);
	lz_vdb_builder_free(b.builder);
	pthread_mutex_destroy(&b.lock);
	jobs_done(&jobs);
	lz_vec_done(&b.files);
	lz_vec_done(&b.ignored);
	lz_arena_done(&b.arena);
	close(b.root_fd);
	return r;
}

void lz_build_stats_done(struct lz_build_stats *s)
{
	lz_vec_done(&s->notes);
	lz_arena_done(&s->arena);
}
