/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread boundary inside a stack of readers.
 *
 *	producer thread                         consumer (whoever calls next)
 *	inner->next ──► ring of spans ────────► chunk
 *
 * The ring holds a handful of chunks of 128 KiB, so both sides meet at a lock a few thousand times
 *per gigabyte: a mutex costs nothing here. Chunks that their maker keeps valid long enough cross
 *without a copy.
 *
 * A sealed child can't start threads, so a few are started beforehand and wait for work.
 */
#include "reader.h"

#include "../base/alloc.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#define SLOTS_MAX    16
#define STACK_BYTES  (256 * 1024)
#define CLOSE_WAIT_S 2

struct stage {
	struct lz_reader r;
	struct lz_reader *inner;
	pthread_mutex_t lock;
	pthread_cond_t filled, freed, finished;
	struct lz_span ring[SLOTS_MAX];
	char *buffers; /* slots + 2 of chunk bytes; NULL when nothing is copied */
	size_t chunk;
	struct lz_span left; /* of an inner chunk larger than a buffer */
	unsigned slots, head, count, made;
	bool stop, ended, running;
	int code;
	struct lz_err err;
};

/* --- threads that wait for work
 * ------------------------------------------------------------------------------ */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t work, ready;
	unsigned idle;
	struct stage *queue[64];
	unsigned queued;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER,
	  .work = PTHREAD_COND_INITIALIZER,
	  .ready = PTHREAD_COND_INITIALIZER};

static void produce(struct stage *s);

static void *parked(void *arg)
{
	(void)arg;
	for (;;) {
		struct stage *s;

		pthread_mutex_lock(&pool.lock);
		pool.idle++;
		pthread_cond_broadcast(&pool.ready);
		while (!pool.queued)
			pthread_cond_wait(&pool.work, &pool.lock);
		s = pool.queue[--pool.queued];
		pthread_mutex_unlock(&pool.lock);
		produce(s);
	}
	return NULL;
}

static int start_thread(void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attr, run, arg);
	pthread_attr_destroy(&attr);
	return r;
}

int lz_stage_threads_start(unsigned n, struct lz_err *err)
{
	unsigned want;

	pthread_mutex_lock(&pool.lock);
	want = pool.idle + n;
	pthread_mutex_unlock(&pool.lock);
	for (unsigned i = 0; i < n; i++)
		if (start_thread(parked, NULL))
			return lz_fail(err, LZ_E_NOMEM, "could not start a thread");
	/* Until all have made the calls that starting a thread needs and the seal will forbid. */
	pthread_mutex_lock(&pool.lock);
	while (pool.idle < want)
		pthread_cond_wait(&pool.ready, &pool.lock);
	pthread_mutex_unlock(&pool.lock);
	return 0;
}

static bool give_to_parked(struct stage *s)
{
	bool taken = false;

	pthread_mutex_lock(&pool.lock);
	if (pool.idle && pool.queued < 64) {
		pool.idle--;
		pool.queue[pool.queued++] = s;
		pthread_cond_signal(&pool.work);
		taken = true;
	}
	pthread_mutex_unlock(&pool.lock);
	return taken;
}

/* --- producer
 * --------------------------------------------------------------------------------------------------
 */

/* The next chunk to hand over: 1, 0 at the end, < 0. Only the producer thread touches what it uses.
 */
static int make_chunk(struct stage *s, struct lz_span *ret)
{
	int code = 1;
	char *to;

	if (!s->left.n)
		code = lz_reader_next(s->inner, &s->left, &s->err);
	if (code <= 0)
		return code;
	if (!s->buffers) {
		*ret = s->left;
		s->left.n = 0;
		return 1;
	}
	to = s->buffers + (size_t)(s->made++ % (s->slots + 2)) * s->chunk;
	*ret = lz_span(to, s->left.n < s->chunk ? s->left.n : s->chunk);
	memcpy(to, s->left.p, ret->n);
	s->left = lz_span_from(s->left, ret->n);
	return 1;
}

static void *produce_thread(void *arg)
{
	produce(arg);
	return NULL;
}

static void produce(struct stage *s)
{
	struct lz_span chunk;
	bool stop = false;
	int code = 1;

	while (!stop && code > 0) {
		code = make_chunk(s, &chunk);
		pthread_mutex_lock(&s->lock);
		while (code > 0 && s->count == s->slots && !s->stop)
			pthread_cond_wait(&s->freed, &s->lock);
		stop = s->stop;
		if (code > 0 && !stop) {
			s->ring[(s->head + s->count++) % SLOTS_MAX] = chunk;
			pthread_cond_signal(&s->filled);
		}
		pthread_mutex_unlock(&s->lock);
	}
	pthread_mutex_lock(&s->lock);
	s->ended = true;
	s->code = code < 0 ? code : 0;
	s->running = false;
	pthread_cond_signal(&s->filled);
	pthread_cond_signal(&s->finished);
	pthread_mutex_unlock(&s->lock);
}

/* --- consumer
 * ----------------------------------------------------------------------------------------------------
 */

static int stage_next(struct lz_reader *r, struct lz_span *ret, struct lz_err *err)
{
	struct stage *s = (struct stage *)(void *)r;
	int code;

	pthread_mutex_lock(&s->lock);
	while (!s->count && !s->ended)
		pthread_cond_wait(&s->filled, &s->lock);
	if (s->count) {
		*ret = s->ring[s->head % SLOTS_MAX];
		s->head++;
		s->count--;
		pthread_cond_signal(&s->freed);
		code = 1;
		r->offset += ret->n;
	} else {
		code = s->code;
		if (code && err)
			*err = s->err;
	}
	pthread_mutex_unlock(&s->lock);
	return code;
}

static void stage_free(struct stage *s)
{
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->filled);
	pthread_cond_destroy(&s->freed);
	pthread_cond_destroy(&s->finished);
	lz_free(s->buffers);
	lz_free(s);
}

/* The producer may sit in a read of a pipe that nobody writes to. It is waited for, but not for
 * ever: then its memory is left to the end of the process, which in a confined child is near. */
static void stage_close(struct lz_reader *r)
{
	struct stage *s = (struct stage *)(void *)r;
	struct timespec until;
	bool running;
	int waited = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += CLOSE_WAIT_S;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->freed);
	while (s->running && waited != ETIMEDOUT)
		waited = pthread_cond_timedwait(&s->finished, &s->lock, &until);
	running = s->running;
	pthread_mutex_unlock(&s->lock);
	if (running)
		return;
	lz_reader_close(s->inner);
	stage_free(s);
}

struct lz_reader *lz_reader_stage(struct lz_reader *inner, size_t chunk_bytes, unsigned slots,
				  struct lz_err *err)
{
	struct stage *s = lz_alloc(sizeof(*s));

	if (!s) {
		lz_reader_close(inner);
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	s->r = (struct lz_reader){.next = stage_next, .close = stage_close};
	s->inner = inner;
	s->slots = slots < 1 ? 1 : slots > SLOTS_MAX ? SLOTS_MAX : slots;
	s->chunk = chunk_bytes;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->filled, NULL);
	pthread_cond_init(&s->freed, NULL);
	pthread_cond_init(&s->finished, NULL);
	/* Alive at once: those in the ring, the one being read, the one being made. */
	if (inner->keeps < s->slots + 1) {
		s->buffers = lz_realloc(NULL, chunk_bytes * (s->slots + 2));
		if (!s->buffers)
			goto fail;
	}
	s->running = true;
	if (!give_to_parked(s) && start_thread(produce_thread, s))
		goto fail;
	return &s->r;
fail:
	lz_reader_close(inner);
	stage_free(s);
	lz_fail(err, LZ_E_NOMEM, "could not start a thread");
	return NULL;
}
