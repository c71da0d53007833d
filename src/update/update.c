/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All transfers, a few at a time, in one thread: libcurl's multi interface tells which have ended.
 * A failure does not stop the others: whoever comes back after mending one thing should not find
 * the next one broken.
 */
#include "transfer.h"

#include "../base/alloc.h"
#include "../base/clean.h"
#include "../base/clock.h"
#include "../base/io.h"
#include "../base/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

enum { AT_ONCE = 4, POLL_MS = 100, LIST_MAX = 64 * 1024 };

struct run {
	const struct lz_update_options *o;
	struct lz_update_stats *stats;
	struct lz_curl curl;
	CURLM *multi;
	int cache_fd, feeds_fd, state_fd, lock_fd;
	struct lz_transfer *transfers;
	size_t count, running;
};

static uint64_t random_number(void)
{
	uint64_t n = 0;

	if (getrandom(&n, sizeof(n), GRND_NONBLOCK) != sizeof(n))
		n = lz_now_ms() * 0x9e3779b97f4a7c15;
	return n;
}

/* --- folders ---------------------------------------------------------------------------------- */

static int open_folder(int at, const char *path, int *ret_fd, struct lz_err *err)
{
	if (mkdirat(at, path, 0755) < 0 && errno != EEXIST)
		return lz_fail_errno(err, "%s", path);
	*ret_fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd < 0 ? lz_fail_errno(err, "%s", path) : 0;
}

/* Two runs at once would write into each other's parts. */
static int lock(struct run *r, struct lz_err *err)
{
	r->lock_fd = openat(r->cache_fd, "update.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (r->lock_fd < 0)
		return lz_fail_errno(err, "%s/update.lock", r->o->cache_dir);
	if (flock(r->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return lz_fail(err, LZ_E_DENIED,
			       "%s is in use by another update; wait for it, or use another folder",
			       r->o->cache_dir);
	return 0;
}

static int open_cache(struct run *r, struct lz_err *err)
{
	int code = lz_make_folders(AT_FDCWD, r->o->cache_dir, err);

	code = code ? code : open_folder(AT_FDCWD, r->o->cache_dir, &r->cache_fd, err);
	code = code ? code : open_folder(r->cache_fd, "feeds", &r->feeds_fd, err);
	code = code ? code : open_folder(r->cache_fd, "state", &r->state_fd, err);
	return code ? code : lock(r, err);
}

/* --- the loop --------------------------------------------------------------------------------- */

static void note(struct run *r, enum lz_update_note_kind kind, const struct lz_transfer *t,
		 const char *text)
{
	struct lz_update_note *n = lz_vec_push(&r->stats->notes);

	if (!n)
		return;
	n->kind = kind;
	n->source = lz_arena_dup(&r->stats->arena, t->source->name);
	n->text = lz_arena_dup(&r->stats->arena, lz_str(text));
}

static int start(struct run *r, struct lz_transfer *t, struct lz_err *err)
{
	int code = lz_transfer_begin(t, err);

	if (code) {
		lz_transfer_done(t);
		return code;
	}
	lz_progress_note(r->o->progress, t->path);
	if (r->curl.multi_add_handle(r->multi, t->easy))
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	r->running++;
	return 0;
}

static void count(struct run *r, const struct lz_transfer *t)
{
	switch (t->state) {
	case LZ_TRANSFER_FETCHED:
		r->stats->fetched++;
		break;
	case LZ_TRANSFER_UNCHANGED:
		r->stats->unchanged++;
		break;
	case LZ_TRANSFER_ABSENT:
		r->stats->absent++;
		note(r, LZ_UPDATE_ABSENT, t, "not there");
		break;
	case LZ_TRANSFER_FAILED:
		r->stats->failed++;
		note(r, LZ_UPDATE_FAILED, t, t->why.text);
		break;
	case LZ_TRANSFER_WAITING:
		if (t->why.code)
			note(r, LZ_UPDATE_RETRY, t, t->why.text);
		break;
	case LZ_TRANSFER_RUNNING:
		break;
	}
}

static int ended(struct run *r, const CURLMsg *m, struct lz_err *err)
{
	struct lz_transfer *t = NULL;
	CURLcode result = m->data.result;
	curl_off_t n = 0;
	int code;

	r->curl.easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
	r->curl.easy_getinfo(m->easy_handle, CURLINFO_SIZE_DOWNLOAD_T, &n);
	r->stats->bytes += (uint64_t)n;
	r->curl.multi_remove_handle(r->multi, m->easy_handle);
	r->running--;
	code = lz_transfer_end(t, result, random_number(), err);
	count(r, t);
	return code;
}

/* Starts what is due. *ret_left: transfers not at their end. */
static int start_due(struct run *r, size_t *ret_left, struct lz_err *err)
{
	uint64_t now = lz_now_ms();
	int code = 0;

	*ret_left = r->running;
	for (size_t i = 0; !code && i < r->count; i++) {
		struct lz_transfer *t = &r->transfers[i];
		if (t->state != LZ_TRANSFER_WAITING)
			continue;
		++*ret_left;
		if (r->running < AT_ONCE && t->due_ms <= now)
			code = start(r, t, err);
	}
	return code;
}

static int loop(struct run *r, struct lz_err *err)
{
	size_t left = 1;
	int code = 0;

	while (!code && left) {
		const CURLMsg *m;
		int alive, more;
		CURLMcode c = CURLM_OK;
		if (lz_cancelled())
			return lz_fail(err, LZ_E_CANCELLED, "stopped; what was fetched is kept");
		code = start_due(r, &left, err);
		if (!code)
			c = r->curl.multi_perform(r->multi, &alive);
		if (c)
			code = lz_fail(err, LZ_E_BUG, "libcurl: %s", r->curl.multi_strerror(c));
		while (!code && (m = r->curl.multi_info_read(r->multi, &more)))
			if (m->msg == CURLMSG_DONE)
				code = ended(r, m, err);
		if (!code && left)
			r->curl.multi_poll(r->multi, NULL, 0, POLL_MS, NULL);
	}
	return code;
}

/* Fetches the sources of v to their end, into a folder. */
static int fetch(struct run *r, const struct lz_vec *v, bool mirrored, int into_fd,
		 struct lz_err *err)
{
	LZ_CLEAN(mem) struct lz_transfer *transfers = lz_alloc(v->n * sizeof(*transfers));
	int code = 0;

	if (!transfers)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	r->transfers = transfers;
	r->count = v->n;
	for (size_t i = 0; !code && i < v->n; i++) {
		transfers[i] = (struct lz_transfer){.o = r->o,
						    .curl = &r->curl,
						    .source = lz_vec_at(v, i),
						    .feeds_fd = into_fd,
						    .state_fd = r->state_fd,
						    .mirrored = mirrored,
						    .fd = -1};
		code = lz_transfer_init(&transfers[i], err);
	}
	if (!code)
		code = loop(r, err);
	for (size_t i = 0; i < v->n; i++) {
		if (transfers[i].easy)
			r->curl.multi_remove_handle(r->multi, transfers[i].easy);
		lz_transfer_done(&transfers[i]);
	}
	r->running = 0;
	return code;
}

/* --- OSV's names ------------------------------------------------------------------------------ */

/* One of OSV's folders is not named as people call the ecosystem: its list tells how. */
static int look_up(struct run *r, struct lz_vec *sources, struct lz_arena *arena,
		   struct lz_err *err)
{
	struct lz_source list = {.name = LZ_SPAN("osv:ecosystems"),
				 .path = LZ_SPAN("ecosystems.txt"),
				 .url = lz_str(lz_source_osv_list),
				 .asked_for = true};
	LZ_CLEAN(vec) struct lz_vec one;
	LZ_CLEAN(buf) struct lz_buf text;
	bool needed = false;
	int fd, code;

	lz_vec_init(&one, sizeof(list), 1);
	lz_buf_init(&text, LIST_MAX);
	LZ_VEC_EACH (struct lz_source, s, sources)
		needed = needed || !s->url.n;
	if (!needed)
		return 0;
	lz_vec_add(&one, &list);
	code = one.code ? lz_fail(err, one.code, "out of memory")
			: fetch(r, &one, false, r->state_fd, err);
	if (code || r->stats->failed)
		return code;
	r->stats->fetched = r->stats->unchanged = 0; /* not a feed */
	fd = openat(r->state_fd, "ecosystems.txt", O_RDONLY | O_CLOEXEC);
	code = fd < 0 ? lz_fail_errno(err, "ecosystems.txt")
		      : lz_read_fd(fd, "ecosystems.txt", &text, err);
	if (fd >= 0)
		close(fd);
	LZ_VEC_EACH (struct lz_source, s, sources) {
		if (code || s->url.n)
			continue;
		s->url = lz_source_of_osv(lz_buf_view(&text), "crates", arena);
		if (!s->url.n)
			code = lz_fail(err, LZ_E_NOTFOUND, "%.*s: OSV's list does not name it",
				       LZ_FMT(s->name));
	}
	return code;
}

/* --- the whole -------------------------------------------------------------------------------- */

static int verdict(const struct run *r, struct lz_err *err)
{
	const struct lz_update_stats *s = r->stats;

	LZ_VEC_EACH (struct lz_update_note, n, &s->notes)
		if (n->kind == LZ_UPDATE_FAILED)
			return lz_fail(err, LZ_E_IO,
				       "%llu of the feeds could not be had, such as %.*s: %.*s",
				       (unsigned long long)s->failed, LZ_FMT(n->source),
				       LZ_FMT(n->text));
	if (!s->fetched && !s->unchanged)
		return lz_fail(err, LZ_E_NOTFOUND, "%s has none of the feeds",
			       r->o->mirror ? r->o->mirror : "their vendors");
	return 0;
}

static int run(struct run *r, struct lz_err *err)
{
	LZ_CLEAN(arena) struct lz_arena arena;
	LZ_CLEAN(vec) struct lz_vec sources;
	int code;

	lz_arena_init(&arena, LZ_M);
	lz_vec_init(&sources, sizeof(struct lz_source), 1000);
	code = lz_sources(r->o->feeds, &arena, &sources, err);
	code = code ? code : open_cache(r, err);
	code = code ? code : lz_curl_load(&r->curl, err);
	if (code)
		return code;
	r->multi = r->curl.multi_init();
	if (!r->multi)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	if (!r->o->mirror)
		code = look_up(r, &sources, &arena, err);
	if (!code && !r->stats->failed)
		code = fetch(r, &sources, r->o->mirror != NULL, r->feeds_fd, err);
	return code ? code : verdict(r, err);
}

int lz_update(const struct lz_update_options *o, struct lz_update_stats *stats, struct lz_err *err)
{
	struct run r = {.o = o,
			.stats = stats,
			.cache_fd = -1,
			.feeds_fd = -1,
			.state_fd = -1,
			.lock_fd = -1};
	int code;

	memset(stats, 0, sizeof(*stats));
	lz_arena_init(&stats->arena, LZ_M);
	lz_vec_init(&stats->notes, sizeof(struct lz_update_note), 10000);
	code = run(&r, err);
	if (r.multi)
		r.curl.multi_cleanup(r.multi);
	for (int *fd = (int[]){r.lock_fd, r.state_fd, r.feeds_fd, r.cache_fd, -2}; *fd != -2; fd++)
		if (*fd >= 0)
			close(*fd);
	return code;
}

void lz_update_stats_done(struct lz_update_stats *s)
{
	lz_vec_done(&s->notes);
	lz_arena_done(&s->arena);
}

void lz_update_distrust(const char *cache_dir, struct lz_span path)
{
	char meta[4096];
	int n = snprintf(meta, sizeof(meta), "%s/state/%.*s.meta", cache_dir, (int)path.n, path.p);

	if (n > 0 && (size_t)n < sizeof(meta))
		unlink(meta);
}
