/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file from a server, which may be slow, gone, wrong or hostile:
 *
 *	have it whole  ──► If-None-Match / If-Modified-Since ──► 304: done
 *	have a part    ──► Range + If-Range ──► 206: append; 200: it changed, begin anew
 *	have nothing   ──► plain GET
 *
 * Bytes go to PART beside; only a file whose length is the one promised is renamed into its place.
 * Its memory (meta) is removed before and written after that, so that at no moment an old memory
 * speaks of a new file. What the bytes say is for the feed's reader, behind the wall.
 */
#include "transfer.h"

#include "../base/clean.h"
#include "../base/clock.h"
#include "../base/io.h"
#include "../base/log.h"
#include "../base/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { REDIRECTS_MAX = 5, CONNECT_S = 20, SERVER_ASKS_MAX_S = 120 };

/* --- places ----------------------------------------------------------------------------------- */

/* Spaces, the only bytes of our paths that an address can't hold. False: no room. */
static bool escape(char *url, size_t size)
{
	for (char *c = url; *c; c++) {
		if (*c != ' ')
			continue;
		if (strlen(url) + 3 > size)
			return false;
		memmove(c + 3, c + 1, strlen(c));
		memcpy(c, "%20", 3);
	}
	return true;
}

/* A mirror may keep "tracker.json" as it is or packed. */
static int set_paths(struct lz_transfer *t, struct lz_err *err)
{
	const char *gz = t->packed ? ".gz" : "";
	int n[4];

	n[0] = snprintf(t->path, sizeof(t->path), "%.*s%s", LZ_FMT_ALL(t->source->path), gz);
	n[1] = snprintf(t->part, sizeof(t->part), "%s.part", t->path);
	n[2] = snprintf(t->meta, sizeof(t->meta), "%s.meta", t->path);
	if (t->mirrored)
		n[3] = snprintf(t->url, sizeof(t->url), "%s/%s", t->o->mirror, t->path);
	else
		n[3] = snprintf(t->url, sizeof(t->url), "%.*s", LZ_FMT_ALL(t->source->url));
	for (int i = 0; i < 4; i++)
		if (n[i] < 0 || (size_t)n[i] >= sizeof(t->part) - 16)
			return lz_fail(err, LZ_E_LIMIT, "%.*s: its address is too long",
				       LZ_FMT(t->source->name));
	return escape(t->url, sizeof(t->url))
		       ? 0
		       : lz_fail(err, LZ_E_LIMIT, "%.*s: its address is too long",
				 LZ_FMT(t->source->name));
}

static bool exists(int dir_fd, const char *path)
{
	return !faccessat(dir_fd, path, F_OK, AT_SYMLINK_NOFOLLOW);
}

static bool can_be_packed(const struct lz_transfer *t)
{
	return t->mirrored && lz_span_ends(t->source->path, ".json");
}

int lz_transfer_init(struct lz_transfer *t, struct lz_err *err)
{
	int code;

	t->fd = -1;
	t->packed = can_be_packed(t);
	code = set_paths(t, err);
	if (!code && t->packed && !exists(t->feeds_fd, t->path)) {
		t->packed = false;
		code = set_paths(t, err);
	}
	if (!code)
		code = lz_make_folders(t->feeds_fd, t->path, err);
	return code ? code : lz_make_folders(t->state_fd, t->path, err);
}

/* --- what the server says --------------------------------------------------------------------- */

static bool header_is(struct lz_span line, const char *name, struct lz_span *ret_value)
{
	struct lz_span key;

	if (!lz_span_cut(line, ':', &key, ret_value) || !lz_span_eq_nocase(key, lz_str(name)))
		return false;
	*ret_value = lz_span_trim(*ret_value);
	return true;
}

static size_t on_header(char *p, size_t one, size_t n, void *arg)
{
	struct lz_transfer *t = arg;
	struct lz_span line = lz_span(p, one * n), value, from, rest;

	if (lz_span_starts(line, "HTTP/")) { /* also after a redirect */
		memset(&t->answer, 0, sizeof(t->answer));
		t->range_from = UINT64_MAX;
	} else if (header_is(line, "etag", &value)) {
		lz_span_cstr(value, t->answer.etag, sizeof(t->answer.etag));
	} else if (header_is(line, "last-modified", &value)) {
		lz_span_cstr(value, t->answer.modified, sizeof(t->answer.modified));
	} else if (header_is(line, "content-range", &value) && lz_span_starts(value, "bytes ")) {
		value = lz_span_from(value, 6);
		if (lz_span_cut(value, '-', &from, &rest) && !lz_span_u64(from, 10, &t->range_from))
			t->range_from = UINT64_MAX;
	}
	return one * n;
}

static long status_of(struct lz_transfer *t)
{
	long status = 0;

	t->curl->easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* The first byte of a body that we want: is it the rest, or the whole? */
static int begin_body(struct lz_transfer *t, long status)
{
	char meta[520];

	t->begun = true;
	if (status == 206 && t->range_from == t->resumed)
		return 0;
	if (status == 206)
		return lz_fail(&t->why, LZ_E_FORMAT,
			       "the server gives another part of the file than was asked for");
	t->resumed = t->size = 0;
	if (t->fd >= 0)
		close(t->fd);
	t->fd = openat(t->state_fd, t->part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		       0644);
	if (t->fd < 0)
		return lz_fail_errno(&t->why, "%s", t->part);
	snprintf(meta, sizeof(meta), "%s.meta", t->part);
	snprintf(t->answer.url, sizeof(t->answer.url), "%s", t->url);
	return lz_meta_save(t->state_fd, meta, &t->answer, &t->why);
}

static size_t on_body(char *p, size_t one, size_t n, void *arg)
{
	struct lz_transfer *t = arg;
	long status = status_of(t);

	n *= one;
	if (status != 200 && status != 206) /* the words of an error page */
		return n;
	if (!t->begun && begin_body(t, status))
		return 0;
	if (t->size > t->o->limits.feed_bytes || n > t->o->limits.feed_bytes - t->size) {
		lz_fail(&t->why, LZ_E_LIMIT, "larger than %llu bytes: raise --limit feed_bytes",
			(unsigned long long)t->o->limits.feed_bytes);
		return 0;
	}
	if (lz_write_full(t->fd, p, n, &t->why))
		return 0;
	t->size += n;
	lz_progress_add(t->o->progress, n);
	return n;
}

/* --- asking ----------------------------------------------------------------------------------- */

/* False: no memory. Then nothing may be asked: half of the headers would ask for something else. */
static bool add_header(struct lz_transfer *t, const char *name, const char *value)
{
	struct curl_slist *more;
	char line[400];

	snprintf(line, sizeof(line), "%s: %s", name, value);
	more = t->curl->slist_append(t->headers, line);
	if (more)
		t->headers = more;
	return more != NULL;
}

static void forget_part(struct lz_transfer *t)
{
	char meta[520];

	snprintf(meta, sizeof(meta), "%s.meta", t->part);
	unlinkat(t->state_fd, t->part, 0);
	unlinkat(t->state_fd, meta, 0);
}

/* What is here decides what to ask for. */
static int ask(struct lz_transfer *t, struct lz_err *err)
{
	struct lz_meta have;
	char meta[520], range[40];
	struct stat st;

	t->resumed = t->size = 0;
	snprintf(meta, sizeof(meta), "%s.meta", t->part);
	lz_meta_load(t->state_fd, meta, &have);
	t->fd = openat(t->state_fd, t->part, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (t->fd < 0 && errno != ENOENT)
		return lz_fail_errno(err, "%s", t->part);
	/* a weak tag ("W/…") does not promise the same bytes */
	if (t->fd >= 0 && !fstat(t->fd, &st) && st.st_size && !strcmp(have.url, t->url) &&
	    (have.etag[0] == '"' || have.modified[0])) {
		t->resumed = t->size = (uint64_t)st.st_size;
		t->answer = have;
		snprintf(range, sizeof(range), "bytes=%llu-", (unsigned long long)t->size);
		if (!add_header(t, "Range", range) ||
		    !add_header(t, "If-Range", have.etag[0] == '"' ? have.etag : have.modified))
			return lz_fail(err, LZ_E_NOMEM, "out of memory");
		return lseek(t->fd, 0, SEEK_END) < 0 ? lz_fail_errno(err, "%s", t->part) : 0;
	}
	forget_part(t);
	lz_meta_load(t->state_fd, t->meta, &have);
	if (strcmp(have.url, t->url) || fstatat(t->feeds_fd, t->path, &st, AT_SYMLINK_NOFOLLOW) ||
	    (uint64_t)st.st_size != have.bytes)
		return 0;
	if ((have.etag[0] && !add_header(t, "If-None-Match", have.etag)) ||
	    (have.modified[0] && !add_header(t, "If-Modified-Since", have.modified)))
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	return 0;
}

static bool set_options(struct lz_transfer *t)
{
	const struct lz_curl *c = t->curl;
	bool tls = !strncasecmp(t->url, "https:", 6);
	long patience = (long)t->o->patience_s;
	CURL *e = t->easy;
	CURLcode r = CURLE_OK;

#define SET(option, value) r = r ? r : c->easy_setopt(e, CURLOPT_##option, value)
	SET(URL, t->url);
	SET(PRIVATE, t);
	SET(ERRORBUFFER, t->said);
	SET(USERAGENT, "lazaret");
	SET(HTTPHEADER, t->headers);
	SET(HEADERFUNCTION, on_header);
	SET(HEADERDATA, t);
	SET(WRITEFUNCTION, on_body);
	SET(WRITEDATA, t);
	SET(NOSIGNAL, 1L);
	SET(PROTOCOLS_STR, "http,https");
	/* who asked by TLS is not sent on without it */
	SET(REDIR_PROTOCOLS_STR, tls ? "https" : "http,https");
	SET(FOLLOWLOCATION, 1L);
	SET(MAXREDIRS, (long)REDIRECTS_MAX);
	SET(CONNECTTIMEOUT, patience < CONNECT_S ? patience : CONNECT_S);
	SET(LOW_SPEED_LIMIT, 1L);
	SET(LOW_SPEED_TIME, patience);
#undef SET
	return r == CURLE_OK;
}

int lz_transfer_begin(struct lz_transfer *t, struct lz_err *err)
{
	int code;

	memset(&t->answer, 0, sizeof(t->answer));
	memset(&t->why, 0, sizeof(t->why));
	t->range_from = UINT64_MAX;
	t->begun = false;
	t->said[0] = 0;
	t->attempt++;
	code = ask(t, err);
	if (code)
		return lz_wrap(err, "%.*s", LZ_FMT(t->source->name));
	t->easy = t->curl->easy_init();
	if (!t->easy || !set_options(t))
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	t->state = LZ_TRANSFER_RUNNING;
	lz_log(LZ_DEBUG, "%s: try %u, %llu bytes are here", t->url, t->attempt,
	       (unsigned long long)t->resumed);
	return 0;
}

/* --- the end of a try ------------------------------------------------------------------------- */

/* PART is whole: into its place. */
static int keep(struct lz_transfer *t, struct lz_err *err)
{
	char other[520];

	if (fsync(t->fd) < 0)
		return lz_fail_errno(err, "%s", t->part);
	unlinkat(t->state_fd, t->meta, 0);
	if (renameat(t->state_fd, t->part, t->feeds_fd, t->path) < 0)
		return lz_fail_errno(err, "%s", t->path);
	if (can_be_packed(t)) { /* the same file in its other form would be read too */
		snprintf(other, sizeof(other), "%.*s%s", LZ_FMT_ALL(t->source->path),
			 t->packed ? "" : ".gz");
		unlinkat(t->feeds_fd, other, 0);
	}
	snprintf(t->answer.url, sizeof(t->answer.url), "%s", t->url);
	t->answer.bytes = t->size;
	forget_part(t);
	t->state = LZ_TRANSFER_FETCHED;
	return lz_meta_save(t->state_fd, t->meta, &t->answer, err);
}

static void fail(struct lz_transfer *t, int code, const char *what)
{
	t->state = LZ_TRANSFER_FAILED;
	lz_fail(&t->why, code, "%s: %s", t->url, what);
}

/* The same again, later; or give up. */
static void again(struct lz_transfer *t, const char *what, uint64_t random)
{
	curl_off_t asks = 0;

	t->curl->easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &asks);
	lz_fail(&t->why, LZ_E_IO, "%s: %s", t->url, what);
	if (t->attempt > t->o->retries || asks > SERVER_ASKS_MAX_S) {
		t->state = LZ_TRANSFER_FAILED;
		if (asks > SERVER_ASKS_MAX_S)
			lz_fail(&t->why, LZ_E_IO, "%s: %s; the server asks to come back in %lld s",
				t->url, what, (long long)asks);
		return;
	}
	t->state = LZ_TRANSFER_WAITING;
	t->due_ms =
		lz_now_ms() + lz_retry_wait_ms(t->attempt, asks > 0 ? (uint64_t)asks : 0, random);
}

static int absent(struct lz_transfer *t, struct lz_err *err)
{
	char form[2][512];
	bool had;

	snprintf(form[0], sizeof(form[0]), "%.*s", LZ_FMT_ALL(t->source->path));
	snprintf(form[1], sizeof(form[1]), "%.*s.gz", LZ_FMT_ALL(t->source->path));
	had = exists(t->feeds_fd, form[0]) || exists(t->feeds_fd, form[1]);
	if (can_be_packed(t) && !t->other_form) { /* perhaps packed, or no longer */
		t->other_form = true;
		t->packed = !t->packed;
		t->attempt = 0;
		t->due_ms = 0;
		t->state = LZ_TRANSFER_WAITING;
		return set_paths(t, err);
	}
	t->state = LZ_TRANSFER_ABSENT;
	if (t->source->asked_for || had || !(t->mirrored || t->source->optional))
		fail(t, LZ_E_NOTFOUND,
		     had ? "the server no longer has it (404)"
			 : "the server does not have it (404)");
	return 0;
}

static int by_status(struct lz_transfer *t, long status, uint64_t random, struct lz_err *err)
{
	char what[80];

	if (status == 200 || status == 206)
		return t->begun ? keep(t, err)
				: (fail(t, LZ_E_FORMAT, "the server sent an empty file"), 0);
	if (status == 304) {
		t->state = LZ_TRANSFER_UNCHANGED;
		return 0;
	}
	if (status == 404 || status == 410)
		return absent(t, err);
	snprintf(what, sizeof(what), "the server answered %ld", status);
	if (status == 416 && t->resumed) { /* nothing is left of our part: begin anew, at once */
		forget_part(t);
		t->state = LZ_TRANSFER_WAITING;
		t->due_ms = 0;
		t->attempt--;
	} else if (lz_retry_status(status)) {
		again(t, what, random);
	} else {
		fail(t, LZ_E_IO, what);
	}
	return 0;
}

/* Troubles of the way, which may be gone a little later. */
static bool passing(CURLcode r)
{
	switch ((int)r) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_PARTIAL_FILE:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
	case CURLE_SSL_CONNECT_ERROR:
		return true;
	default:
		return false;
	}
}

int lz_transfer_end(struct lz_transfer *t, CURLcode result, uint64_t random, struct lz_err *err)
{
	const char *what = t->said[0] ? t->said : t->curl->easy_strerror(result);
	int code = 0;

	if (t->why.code == LZ_E_IO && t->why.sys) { /* this machine's disk, not the server */
		if (err)
			*err = t->why;
		code = t->why.code;
	} else if (t->why.code) {
		forget_part(t);
		t->state = LZ_TRANSFER_FAILED;
		lz_wrap(&t->why, "%s", t->url);
	} else if (result == CURLE_OK) {
		code = by_status(t, status_of(t), random, err);
	} else if (passing(result)) {
		again(t, what, random);
	} else {
		fail(t, LZ_E_IO, what);
	}
	lz_transfer_done(t);
	return code;
}

void lz_transfer_done(struct lz_transfer *t)
{
	if (t->easy)
		t->curl->easy_cleanup(t->easy);
	if (t->headers)
		t->curl->slist_free_all(t->headers);
	if (t->fd >= 0)
		close(t->fd);
	t->easy = NULL;
	t->headers = NULL;
	t->fd = -1;
}
