/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One output's queue and thread. Who sends takes the lock for as long as a copy of a line takes; the
 * thread takes all that waits at once by swapping two buffers, and writes without the lock. So a
 * burst costs few system calls, a quiet time none, and an alert waits for a thread to wake, no more.
 */
#include "output.h"

#include "../base/clean.h"
#include "../base/clock.h"
#include "../base/limits.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>

enum { RETRY_FIRST_MS = 100, RETRY_MOST_MS = 5000, RECORDS_MAX = 1000000 };

/* --- threads ---------------------------------------------------------------------------------- */

int lz_output_conds(pthread_mutex_t *lock, pthread_cond_t *a, pthread_cond_t *b)
{
	pthread_condattr_t attr;
	int r = pthread_condattr_init(&attr);

	if (r)
		return LZ_E_NOMEM;
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(lock, NULL);
	pthread_cond_init(a, &attr);
	pthread_cond_init(b, &attr);
	pthread_condattr_destroy(&attr);
	return 0;
}

/* Once; may wake early. UINT64_MAX: no end. */
void lz_output_sleep(pthread_cond_t *c, pthread_mutex_t *lock, uint64_t until_ms)
{
	struct timespec t = {.tv_sec = (time_t)(until_ms / 1000),
			     .tv_nsec = (long)(until_ms % 1000) * 1000000};

	if (until_ms == UINT64_MAX)
		pthread_cond_wait(c, lock);
	else
		pthread_cond_timedwait(c, lock, &t);
}

/* With every signal blocked: they are the main thread's, and a closed pipe is an error here. */
int lz_output_thread(pthread_t *ret, void *(*run)(void *), void *arg)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(ret, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r ? LZ_E_LIMIT : 0;
}

int lz_output_wait(struct lz_output *o, int fd, struct lz_err *err)
{
	struct pollfd p[2] = {{.fd = fd, .events = POLLOUT}, {.fd = o->stop_fd, .events = POLLIN}};

	while (poll(p, 2, -1) < 0)
		if (errno != EINTR)
			return lz_fail_errno(err, "poll");
	if (p[0].revents) /* also what makes the next write fail */
		return 0;
	return lz_fail(err, LZ_E_CANCELLED, "stopped");
}

/* --- records ---------------------------------------------------------------------------------- */

static void clear(struct lz_records *r)
{
	lz_buf_clear(&r->bytes);
	r->lens.n = 0;
	r->lens.code = 0;
}

static bool add(struct lz_records *r, struct lz_span s)
{
	uint32_t n = (uint32_t)s.n;
	size_t before = r->bytes.n;

	if (lz_buf_span(&r->bytes, s)) {
		r->bytes.code = 0; /* room may come back */
		return false;
	}
	if (lz_vec_add(&r->lens, &n))
		return true;
	r->lens.code = 0;
	r->bytes.n = before;
	return false;
}

static size_t left(const struct lz_output *o)
{
	return o->batch.lens.n - o->batch_at;
}

/* --- what happens to alerts, with the lock ---------------------------------------------------- */

static void drop(struct lz_output *o, uint64_t n)
{
	o->dropped += n;
	o->unsaid += n;
}

static void take(struct lz_output *o)
{
	struct lz_records r = o->batch;

	clear(&r);
	o->batch = o->waiting;
	o->waiting = r;
	o->batch_at = o->batch_byte = 0;
}

static void done(struct lz_output *o, size_t n)
{
	for (size_t i = 0; i < n; i++)
		o->batch_byte += *(uint32_t *)lz_vec_at(&o->batch.lens, o->batch_at + i);
	o->batch_at += n;
	if (!o->kind->waiting)
		o->sent += n;
}

static void end(struct lz_output *o)
{
	drop(o, left(o) + o->waiting.lens.n);
	clear(&o->waiting);
	clear(&o->batch);
	o->batch_at = o->batch_byte = 0;
	o->ended = true;
}

static bool fits(const struct lz_output *o, size_t bytes)
{
	return o->waiting.bytes.n + bytes <= o->queue_max;
}

/* What was lost is said where it is missing: in front of the next record. False: not yet. */
static bool say_loss(struct lz_output *o, struct lz_span notice, uint64_t said, size_t record_bytes)
{
	if (!notice.n)
		return true;
	if (!fits(o, notice.n + record_bytes) || !add(&o->waiting, notice))
		return false;
	o->unsaid -= said < o->unsaid ? said : o->unsaid;
	o->notices++;
	return true;
}

bool lz_output_put(struct lz_output *o, struct lz_span record, struct lz_span notice, uint64_t said)
{
	bool kept = true;

	pthread_mutex_lock(&o->lock);
	if (o->ended) {
		kept = false;
		o->dropped += record.n > 0;
	} else {
		kept = say_loss(o, notice, said, record.n);
		if (kept && record.n)
			kept = fits(o, record.n) && add(&o->waiting, record);
		if (!kept && record.n)
			drop(o, 1);
		if (!o->sleeping)
			pthread_cond_signal(&o->work);
	}
	pthread_mutex_unlock(&o->lock);
	return kept;
}

void lz_output_sent(struct lz_output *o, uint64_t n)
{
	pthread_mutex_lock(&o->lock);
	o->sent += n;
	o->failing = o->failing && !n;
	pthread_cond_broadcast(&o->idle);
	pthread_mutex_unlock(&o->lock);
}

void lz_output_dropped(struct lz_output *o, uint64_t n, const struct lz_err *why)
{
	pthread_mutex_lock(&o->lock);
	drop(o, n);
	if (why)
		o->last = *why;
	pthread_cond_broadcast(&o->idle);
	pthread_mutex_unlock(&o->lock);
}

void lz_output_trouble(struct lz_output *o, const struct lz_err *why)
{
	pthread_mutex_lock(&o->lock);
	o->last = *why;
	o->failing = true;
	pthread_mutex_unlock(&o->lock);
}

bool lz_output_stopping(struct lz_output *o)
{
	struct pollfd p = {.fd = o->stop_fd, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

/* --- the thread ------------------------------------------------------------------------------- */

static void pause_after_failure(struct lz_output *o, unsigned *failures)
{
	uint64_t wait = *failures < 6 ? (uint64_t)RETRY_FIRST_MS << *failures : RETRY_MOST_MS;
	uint64_t until = lz_now_ms() + (wait < RETRY_MOST_MS ? wait : RETRY_MOST_MS);

	(*failures)++;
	o->sleeping = true;
	while (!o->stop && !o->reopen && lz_now_ms() < until)
		lz_output_sleep(&o->work, &o->lock, until);
	o->sleeping = false;
}

/* Writes the batch, or some of it. False: there is nothing more to do for this output. */
static bool work(struct lz_output *o, unsigned *failures)
{
	struct lz_batch b = {.p = o->batch.bytes.p + o->batch_byte,
			     .lens = lz_vec_at(&o->batch.lens, o->batch_at),
			     .count = left(o)};
	struct lz_err err = {0};
	size_t n = 0;
	int code;

	pthread_mutex_unlock(&o->lock);
	code = o->kind->write(o, &b, &n, &err);
	pthread_mutex_lock(&o->lock);
	done(o, n);
	*failures = n || !code ? 0 : *failures;
	if (code || !o->kind->waiting)
		o->failing = code != 0;
	if (!code)
		return true;
	if (code != LZ_E_CANCELLED || !o->stop)
		o->last = err;
	if (code == LZ_E_CANCELLED || o->stop)
		return false;
	pause_after_failure(o, failures);
	return true;
}

static void *run(void *arg)
{
	struct lz_output *o = arg;
	unsigned failures = 0;

	pthread_mutex_lock(&o->lock);
	for (;;) {
		if (o->reopen) {
			o->reopen = false;
			pthread_mutex_unlock(&o->lock);
			if (o->kind->reopen)
				o->kind->reopen(o);
			pthread_mutex_lock(&o->lock);
			continue;
		}
		if (!left(o))
			take(o);
		if (left(o)) {
			if (!work(o, &failures))
				break;
			continue;
		}
		pthread_cond_broadcast(&o->idle);
		if (o->stop)
			break;
		pthread_cond_wait(&o->work, &o->lock);
	}
	end(o);
	pthread_cond_broadcast(&o->idle);
	pthread_mutex_unlock(&o->lock);
	return NULL;
}

int lz_output_start(struct lz_output *o, struct lz_err *err)
{
	lz_vec_init(&o->waiting.lens, sizeof(uint32_t), RECORDS_MAX);
	lz_vec_init(&o->batch.lens, sizeof(uint32_t), RECORDS_MAX);
	lz_buf_init(&o->waiting.bytes, o->queue_max);
	lz_buf_init(&o->batch.bytes, o->queue_max);
	if (lz_output_thread(&o->thread, run, o))
		return lz_fail(err, LZ_E_LIMIT, "%s: no thread can be started", o->name);
	o->started = true;
	return 0;
}

void lz_output_free(struct lz_output *o)
{
	if (!o)
		return;
	if (o->started) {
		pthread_mutex_lock(&o->lock);
		o->stop = true;
		eventfd_write(o->stop_fd, 1);
		pthread_cond_signal(&o->work);
		pthread_mutex_unlock(&o->lock);
		pthread_join(o->thread, NULL);
	}
	if (o->state && o->kind->close)
		o->kind->close(o);
	if (o->stop_fd >= 0)
		close(o->stop_fd);
	lz_buf_done(&o->waiting.bytes);
	lz_buf_done(&o->batch.bytes);
	lz_vec_done(&o->waiting.lens);
	lz_vec_done(&o->batch.lens);
	pthread_cond_destroy(&o->work);
	pthread_cond_destroy(&o->idle);
	pthread_mutex_destroy(&o->lock);
	lz_free(o->name);
	lz_free(o);
}
