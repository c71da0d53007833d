/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A webhook. What it is to get goes to disk first and from there to the receiver, so that neither
 * his absence nor our end loses it:
 *
 *	queue ──► thread of the output ──► spool ──► thread of the sender ──► POST
 *	                                     ▲──── again, later ───────────────┘
 *
 * What he refuses because he can't read it (400, 413, 422) is given up, one alert at a time. All
 * else, a wrong token too, is tried again: somebody will mend it, and the spool is bounded.
 */
#include "output.h"
#include "spool.h"

#include "../base/clean.h"
#include "../base/clock.h"
#include "../base/io.h"
#include "../base/limits.h"
#include "../base/map.h"
#include "../format/curl.h"
#include "../format/retry.h"

#include <limits.h>
#include <sys/random.h>

enum {
	APPEND_BYTES = 64 * 1024,
	BATCH_BYTES = 1024 * 1024,
	ANSWER_MAX = 64 * 1024, /* of its words, which nobody reads */
	ASKS_MAX_S = 3600,
	LINE_WAIT_MS = 1000,
};

struct webhook {
	struct lz_output *o;
	struct lz_curl curl;
	char *url;
	char header_file[PATH_MAX], ca_file[PATH_MAX];
	uint64_t batch, timeout_s;
	struct lz_spool *spool;

	pthread_t thread;
	bool started;
	pthread_mutex_t lock; /* of the four below */
	pthread_cond_t more, unused;
	bool stop, reread, pending;

	/* of the sender's thread */
	CURL *easy;
	struct curl_slist *headers;
	struct lz_buf body;
	unsigned attempt;
	size_t one_by_one; /* lines of a batch that was refused as a whole */
	uint64_t due_ms;
	size_t answer;
	char said[CURL_ERROR_SIZE];
};

/* --- headers ---------------------------------------------------------------------------------- */

static bool header_fits(struct lz_span line)
{
	ptrdiff_t colon = lz_span_find(line, ':');

	for (size_t i = 0; i < line.n; i++)
		if ((unsigned char)line.p[i] < 32 && line.p[i] != '\t')
			return false;
	return colon > 0 && line.n < 8000;
}

/* What it holds is a secret: no message quotes it. */
static int add_header(struct webhook *w, struct curl_slist **list, struct lz_span line,
		      struct lz_err *err)
{
	struct curl_slist *longer;
	char text[8192];

	if (!lz_span_cstr(line, text, sizeof(text)))
		return lz_fail(err, LZ_E_FORMAT, "a header is too long");
	longer = w->curl.slist_append(*list, text);
	if (!longer)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	*list = longer;
	return 0;
}

static int read_headers(struct webhook *w, struct curl_slist **list, struct lz_err *err)
{
	LZ_CLEAN(buf) struct lz_buf text;
	struct lz_span rest, line;
	unsigned n = 0;
	int code = 0;

	lz_buf_init(&text, 64 * LZ_K);
	if (w->header_file[0])
		code = lz_read_file(w->header_file, &text, err);
	rest = lz_buf_view(&text);
	while (!code && lz_span_line(&rest, &line)) {
		n++;
		line = lz_span_trim(line);
		if (line.n && !header_fits(line))
			code = lz_fail(err, LZ_E_FORMAT,
				       "%s, line %u: expected a header, \"Name: value\"",
				       w->header_file, n);
		else if (line.n)
			code = add_header(w, list, line, err);
	}
	return code;
}

static int load_headers(struct webhook *w, struct lz_err *err)
{
	struct curl_slist *list = NULL;
	int code = add_header(w, &list,
			      w->batch > 1 ? LZ_SPAN("Content-Type: application/x-ndjson")
					   : LZ_SPAN("Content-Type: application/json"),
			      err);

	if (!code) /* no leave to ask for before a body of any size */
		code = add_header(w, &list, LZ_SPAN("Expect:"), err);
	if (!code)
		code = read_headers(w, &list, err);
	if (code) { /* what was read before may still do */
		w->curl.slist_free_all(list);
		return code;
	}
	w->curl.slist_free_all(w->headers);
	w->headers = list;
	return 0;
}

/* --- opening ---------------------------------------------------------------------------------- */

static int check_url(struct lz_output *o, struct lz_span url, struct lz_err *err)
{
	struct lz_span host = lz_span_from(url, lz_span_starts(url, "https") ? 8 : 7);

	for (size_t i = 0; i < url.n; i++)
		if ((unsigned char)url.p[i] <= ' ' || url.p[i] == 127)
			return lz_fail(err, LZ_E_USAGE,
				       "output %s: an address holds neither blanks nor control "
				       "characters",
				       o->name);
	if ((!lz_span_starts(url, "http://") && !lz_span_starts(url, "https://")) || !host.n ||
	    host.p[0] == '/')
		return lz_fail(err, LZ_E_USAGE,
			       "output %s: expected http://HOST/PATH or https://HOST/PATH",
			       o->name);
	return 0;
}

static int path_option(struct lz_output *o, struct lz_span given, const char *instead, char *buf,
		       struct lz_err *err)
{
	if (!given.n && instead)
		given = lz_str(instead);
	return given.n ? lz_output_path(o, given, buf, PATH_MAX, err) : 0;
}

/* Its own folder, or one below the common one by the address's hash, so that the next run finds
 * what this one could not deliver. */
static int open_spool(struct webhook *w, struct lz_span dir, struct lz_err *err)
{
	const struct lz_outputs_options *o = w->o->o;
	uint64_t cap = o->spool_bytes ? o->spool_bytes : 64 * LZ_M;
	char path[PATH_MAX];
	int n;

	if (!dir.n && !o->spool_dir)
		return lz_fail(err, LZ_E_USAGE,
			       "output %s: needs a folder for what can't be delivered at once: "
			       "put #spool=DIR behind the address",
			       w->o->name);
	if (cap < 2 * LZ_M)
		return lz_fail(err, LZ_E_USAGE, "output %s: the spool holds 2M at least",
			       w->o->name);
	if (dir.n)
		n = snprintf(path, sizeof(path), "%.*s", (int)dir.n, dir.p);
	else
		n = snprintf(path, sizeof(path), "%s/%016llx", o->spool_dir,
			     (unsigned long long)lz_hash_stable(lz_str(w->url)));
	if (n < 0 || (size_t)n >= sizeof(path))
		return lz_fail(err, LZ_E_USAGE, "output %s: the spool's path is too long",
			       w->o->name);
	w->spool = lz_spool_open(path, cap, err);
	return w->spool ? 0 : lz_wrap(err, "spool");
}

static void *sender(void *arg);
static void deal(struct webhook *w, bool dealt_with, uint64_t sent, uint64_t refused,
		 const struct lz_err *why);

static int start(struct webhook *w, struct lz_err *err)
{
	int code = lz_curl_load(&w->curl, err);
	struct lz_err torn;

	if (!code)
		code = load_headers(w, err);
	if (code)
		return code;
	w->easy = w->curl.easy_init();
	if (!w->easy)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	w->pending = lz_spool_lines(w->spool) > 0;
	lz_fail(&torn, LZ_E_FORMAT, "%s: a crash had torn a line in the spool", w->o->name);
	deal(w, false, 0, 0, &torn);
	if (lz_output_thread(&w->thread, sender, w))
		return lz_fail(err, LZ_E_LIMIT, "%s: no thread can be started", w->o->name);
	w->started = true;
	return 0;
}

static int set_up(struct webhook *w, struct lz_span spec, struct lz_err *err)
{
	struct lz_output *o = w->o;
	struct lz_span url, options, header = {0}, ca = {0}, spool = {0};
	const struct lz_output_option known[] = {
		{.name = "batch", .number = &w->batch, .least = 1, .most = 10000},
		{.name = "timeout", .number = &w->timeout_s, .least = 1, .most = 600},
		{.name = "header", .text = &header},
		{.name = "ca", .text = &ca},
		{.name = "spool", .text = &spool},
	};
	int code;

	lz_span_cut(spec, '#', &url, &options);
	code = check_url(o, url, err);
	if (!code)
		code = lz_output_options(o, options, known, sizeof(known) / sizeof(known[0]), err);
	if (!code)
		code = path_option(o, header, o->o->header_file, w->header_file, err);
	if (!code)
		code = path_option(o, ca, o->o->ca_file, w->ca_file, err);
	if (code)
		return code;
	w->url = lz_alloc(url.n + 1);
	if (!w->url)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	memcpy(w->url, url.p, url.n);
	code = open_spool(w, spool, err);
	return code ? code : start(w, err);
}

static int open_it(struct lz_output *o, struct lz_span spec, struct lz_err *err)
{
	struct webhook *w = lz_alloc(sizeof(*w));

	if (!w)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	if (lz_output_conds(&w->lock, &w->more, &w->unused)) {
		lz_free(w);
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	}
	o->state = w;
	w->o = o;
	w->batch = 1;
	w->timeout_s = o->o->timeout_s ? o->o->timeout_s : 10;
	lz_buf_init(&w->body, BATCH_BYTES + 2 * LZ_SPOOL_LINE_MAX);
	return set_up(w, spec, err);
}

/* --- one request ------------------------------------------------------------------------------ */

static size_t on_answer(char *p, size_t one, size_t n, void *arg)
{
	struct webhook *w = arg;

	(void)p;
	w->answer += one * n;
	return w->answer > ANSWER_MAX ? 0 : one * n;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct webhook *w = arg;

	(void)a, (void)b, (void)c, (void)d;
	return lz_output_stopping(w->o);
}

/* One object without its newline, or lines. */
static bool set_options(struct webhook *w)
{
	curl_off_t bytes = (curl_off_t)w->body.n - (w->batch == 1);
	CURLcode r = CURLE_OK;

#define SET(option, value) r = r ? r : w->curl.easy_setopt(w->easy, CURLOPT_##option, value)
	SET(URL, w->url);
	SET(POST, 1L);
	SET(POSTFIELDS, w->body.p);
	SET(POSTFIELDSIZE_LARGE, bytes);
	SET(HTTPHEADER, w->headers);
	SET(USERAGENT, "lazaret");
	SET(ERRORBUFFER, w->said);
	SET(WRITEFUNCTION, on_answer);
	SET(WRITEDATA, w);
	SET(XFERINFOFUNCTION, on_progress);
	SET(XFERINFODATA, w);
	SET(NOPROGRESS, 0L);
	SET(NOSIGNAL, 1L);
	SET(PROTOCOLS_STR, "http,https");
	SET(FOLLOWLOCATION, 0L); /* what we know goes to whom the user named */
	SET(CONNECTTIMEOUT, (long)w->timeout_s);
	SET(TIMEOUT, (long)w->timeout_s);
	if (w->ca_file[0])
		SET(CAINFO, w->ca_file);
#undef SET
	return r == CURLE_OK;
}

/* The status, or 0 with err. */
static long post(struct webhook *w, struct lz_err *err)
{
	long status = 0;
	CURLcode r;

	w->answer = 0;
	w->said[0] = 0;
	if (!set_options(w)) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return 0;
	}
	r = w->curl.easy_perform(w->easy);
	w->curl.easy_getinfo(w->easy, CURLINFO_RESPONSE_CODE, &status);
	if (r == CURLE_OK || (r == CURLE_WRITE_ERROR && w->answer > ANSWER_MAX))
		return status;
	lz_fail(err, LZ_E_IO, "%s: %s", w->o->name,
		w->said[0] ? w->said : w->curl.easy_strerror(r));
	return 0;
}

/* --- what comes of it ------------------------------------------------------------------------- */

static void deal(struct webhook *w, bool dealt_with, uint64_t sent, uint64_t refused,
		 const struct lz_err *why)
{
	uint64_t lost = 0;

	lz_spool_done(w->spool, dealt_with, &lost);
	if (lost + refused)
		lz_output_dropped(w->o, lost + refused, why);
	lz_output_sent(w->o, sent);
}

static void later(struct webhook *w, const struct lz_err *why)
{
	curl_off_t asks = 0;
	uint64_t random = 0;

	w->curl.easy_getinfo(w->easy, CURLINFO_RETRY_AFTER, &asks);
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = lz_now_ms() * 2654435761U;
	asks = asks < 0 ? 0 : asks > ASKS_MAX_S ? ASKS_MAX_S : asks;
	w->attempt++;
	w->due_ms = lz_now_ms() + lz_retry_wait_ms(w->attempt, (uint64_t)asks, random);
	lz_output_trouble(w->o, why);
	deal(w, false, 0, 0, NULL);
}

static bool refused(long status)
{
	return status == 400 || status == 413 || status == 422;
}

static void judge(struct webhook *w, long status, size_t lines, struct lz_err *err)
{
	if (status >= 200 && status < 300) {
		w->attempt = 0;
		w->one_by_one -= w->one_by_one ? 1 : 0;
		deal(w, true, lines, 0, NULL);
		return;
	}
	if (status)
		lz_fail(err, LZ_E_IO, "%s: the receiver answered %ld", w->o->name, status);
	if (refused(status) && lines > 1) { /* which of them is it? */
		w->one_by_one = lines;
		deal(w, false, 0, 0, NULL);
	} else if (refused(status)) {
		w->one_by_one -= w->one_by_one ? 1 : 0;
		deal(w, true, 0, lines, err);
	} else {
		if (status == 401 || status == 403) { /* perhaps there is a new token */
			pthread_mutex_lock(&w->lock);
			w->reread = true;
			pthread_mutex_unlock(&w->lock);
		}
		later(w, err);
	}
}

static void set_pending(struct webhook *w, bool pending)
{
	pthread_mutex_lock(&w->lock);
	w->pending = pending;
	pthread_mutex_unlock(&w->lock);
}

static void send_next(struct webhook *w)
{
	struct lz_err err = {0};
	size_t lines = 0;

	set_pending(w, false); /* what is appended from here on says so again */
	lz_buf_clear(&w->body);
	if (lz_spool_read(w->spool, w->one_by_one ? 1 : w->batch, BATCH_BYTES, &w->body, &lines,
			  &err)) {
		lz_output_trouble(w->o, &err);
		w->due_ms = lz_now_ms() + LINE_WAIT_MS;
		set_pending(w, true);
	} else if (!lines) {
		lz_fail(&err, LZ_E_FORMAT, "%s: lines in the spool were damaged", w->o->name);
		deal(w, true, 0, 0, &err);
	} else {
		set_pending(w, true);
		judge(w, post(w, &err), lines, &err);
	}
}

/* False: stop. */
static bool next(struct webhook *w, bool *ret_reread)
{
	bool stop;

	pthread_mutex_lock(&w->lock);
	while (!w->stop && (!w->pending || lz_now_ms() < w->due_ms))
		lz_output_sleep(&w->more, &w->lock, w->pending ? w->due_ms : UINT64_MAX);
	stop = w->stop;
	*ret_reread = w->reread;
	w->reread = false;
	pthread_mutex_unlock(&w->lock);
	return !stop;
}

static void *sender(void *arg)
{
	struct webhook *w = arg;
	struct lz_err err = {0};
	bool reread = false;

	while (next(w, &reread)) {
		if (reread && load_headers(w, &err))
			lz_output_trouble(w->o, &err);
		send_next(w);
	}
	return NULL;
}

/* --- the output's own thread ------------------------------------------------------------------ */

static int write_it(struct lz_output *o, const struct lz_batch *b, size_t *ret_done,
		    struct lz_err *err)
{
	struct webhook *w = o->state;
	const char *p = b->p;
	int code = 0;

	while (*ret_done < b->count && !code) {
		struct lz_err full = {0};
		size_t n = 0, bytes = 0;
		uint64_t lost = 0;
		while (*ret_done + n < b->count &&
		       (!n || bytes + b->lens[*ret_done + n] <= APPEND_BYTES))
			bytes += b->lens[*ret_done + n++];
		code = lz_spool_append(w->spool, lz_span(p, bytes), n, &lost, err);
		if (lost) {
			lz_fail(&full, LZ_E_LIMIT,
				"the spool is full or damaged: the oldest had to go");
			lz_output_dropped(o, lost, &full);
		}
		if (code)
			break;
		*ret_done += n;
		p += bytes;
		pthread_mutex_lock(&w->lock);
		w->pending = true;
		pthread_cond_signal(&w->more);
		pthread_mutex_unlock(&w->lock);
	}
	return code;
}

static void reopen(struct lz_output *o)
{
	struct webhook *w = o->state;

	pthread_mutex_lock(&w->lock);
	w->reread = true;
	pthread_mutex_unlock(&w->lock);
}

static uint64_t waiting(struct lz_output *o)
{
	return lz_spool_lines(((struct webhook *)o->state)->spool);
}

static void close_it(struct lz_output *o)
{
	struct webhook *w = o->state;

	if (w->started) {
		pthread_mutex_lock(&w->lock);
		w->stop = true;
		pthread_cond_signal(&w->more);
		pthread_mutex_unlock(&w->lock);
		pthread_join(w->thread, NULL);
	}
	if (w->easy)
		w->curl.easy_cleanup(w->easy);
	if (w->headers)
		w->curl.slist_free_all(w->headers);
	lz_spool_close(w->spool);
	lz_buf_done(&w->body);
	pthread_cond_destroy(&w->more);
	pthread_cond_destroy(&w->unused);
	pthread_mutex_destroy(&w->lock);
	lz_free(w->url);
	lz_free(w);
	o->state = NULL;
}

const struct lz_output_kind lz_output_http = {
	.json = true,
	.json_only = true,
	.open = open_it,
	.write = write_it,
	.reopen = reopen,
	.waiting = waiting,
	.close = close_it,
};
