/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread boundary inside a stack of readers.
 *
 *	producer thread                         consumer (whoever calls next)
 *	inner->next ──► ring of spans ────────► chunk
 *
 * The ring holds a handful of chunks of 128 KiB, so both sides meet at a lock a few thousand times
 * per gigabyte: a mutex costs nothing here. Waking a thread does (5 % of a layer, measured), so a
 * side is woken when two chunks are worth its while, or at the end: nobody waits while the ring
 * can't fill or drain further, for the consumer sleeps only when it is empty and the producer only
 * when it is full. The price is that a chunk may rest here until the next one arrives. Chunks that
 * their maker keeps valid long enough cross without a copy.
 *
 * A sealed child can't start threads (its filter kills it for trying), so a few are started
 * beforehand and wait for work. Invariant: pool.idle counts the threads that will look at the queue
 * without anybody's doing; a thread counts itself idle before its stage is released, so that a
 * stage opened right after another was closed always finds the thread that was freed.
 *
 * Closing early: the readers below are told to stop (a pipe may be silent for ever), then the
 * thread is waited for. Nothing of `inner` is touched by two threads at once.
 */
#include "reader.h"

#include "../base/alloc.h"

#include <pthread.h>

#define SLOTS_MAX   16
#define QUEUE_MAX   64
#define STACK_BYTES (256 * 1024)

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
	unsigned batch; /* chunks, or free slots, worth waking the other side for */
	bool stop, ended, running;
	bool parked; /* runs in a thread of the pool */
	int code;
	struct lz_err err;
};

/* --- threads that wait for work --- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t work, ready;
	bool only_parked; /* no other threads may be started */
	unsigned idle, queued, waiting;
	struct stage *queue[QUEUE_MAX];
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER,
	  .work = PTHREAD_COND_INITIALIZER,
	  .ready = PTHREAD_COND_INITIALIZER};

static void produce(struct stage *s);

static void *parked(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&pool.lock);
	pool.waiting++;
	pthread_cond_signal(&pool.ready);
	pthread_mutex_unlock(&pool.lock);
	for (;;) {
		struct stage *s;

		pthread_mutex_lock(&pool.lock);
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

static void count_idle(void)
{
	pthread_mutex_lock(&pool.lock);
	pool.only_parked = true;
	pool.idle++;
	pthread_mutex_unlock(&pool.lock);
}

int lz_stage_threads_start(unsigned n, struct lz_err *err)
{
	unsigned want;

	pthread_mutex_lock(&pool.lock);
	want = pool.waiting + n;
	pthread_mutex_unlock(&pool.lock);
	for (unsigned i = 0; i < n; i++) {
		if (start_thread(parked, NULL))
			return lz_fail(err, LZ_E_NOMEM, "could not start a thread");
		count_idle();
	}
	/* Until all have made the calls that starting a thread needs and a seal will forbid. */
	pthread_mutex_lock(&pool.lock);
	while (pool.waiting < want)
		pthread_cond_wait(&pool.ready, &pool.lock);
	pthread_mutex_unlock(&pool.lock);
	return 0;
}

static void *produce_once(void *arg)
{
	produce(arg);
	return NULL;
}

/* False: there is no thread for s. */
static bool give_to_thread(struct stage *s)
{
	bool only_parked, taken;

	pthread_mutex_lock(&pool.lock);
	only_parked = pool.only_parked;
	taken = pool.idle && pool.queued < QUEUE_MAX;
	if (taken) {
		s->parked = true;
		pool.idle--;
		pool.queue[pool.queued++] = s;
		pthread_cond_signal(&pool.work);
	}
	pthread_mutex_unlock(&pool.lock);
	return taken || (!only_parked && start_thread(produce_once, s) == 0);
}

/* --- producer --- */

/* The next chunk to hand over: 1, 0 at the end, < 0. Only the producer touches what it uses. */
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
	*ret = lz_span_head(s->left, s->chunk);
	memcpy(to, ret->p, ret->n);
	ret->p = to;
	s->left = lz_span_from(s->left, ret->n);
	return 1;
}

/* Waits for room; false when nobody wants more. */
static bool hand_over(struct stage *s, struct lz_span chunk)
{
	bool wanted;

	pthread_mutex_lock(&s->lock);
	while (s->count == s->slots && !s->stop)
		pthread_cond_wait(&s->freed, &s->lock);
	wanted = !s->stop;
	if (wanted) {
		s->ring[(s->head + s->count++) % SLOTS_MAX] = chunk;
		if (s->count >= s->batch)
			pthread_cond_signal(&s->filled);
	}
	pthread_mutex_unlock(&s->lock);
	return wanted;
}

static void finish(struct stage *s, int code)
{
	pthread_mutex_lock(&s->lock);
	s->ended = true;
	s->code = code < 0 ? code : 0;
	s->running = false;
	pthread_cond_signal(&s->filled);
	pthread_cond_signal(&s->finished);
	pthread_mutex_unlock(&s->lock); /* from here on s may be gone */
}

static void produce(struct stage *s)
{
	struct lz_span chunk;
	int code;

	while ((code = make_chunk(s, &chunk)) > 0)
		if (!hand_over(s, chunk))
			break;
	if (s->parked)
		count_idle();
	finish(s, code);
}

/* --- consumer --- */

static int stage_next(struct lz_reader *r, struct lz_span *ret, struct lz_err *err)
{
	struct stage *s = (struct stage *)(void *)r;
	int code;

	pthread_mutex_lock(&s->lock);
	while (!s->count && !s->ended && !s->stop)
		pthread_cond_wait(&s->filled, &s->lock);
	if (s->stop) {
		code = lz_fail(err, LZ_E_CANCELLED, "stopped");
	} else if (s->count) {
		*ret = s->ring[s->head];
		s->head = (s->head + 1) % SLOTS_MAX;
		s->count--;
		if (s->slots - s->count >= s->batch)
			pthread_cond_signal(&s->freed);
		code = 1;
		__atomic_store_n(&r->offset, r->offset + ret->n, __ATOMIC_RELAXED);
	} else {
		code = s->code;
		if (code && err)
			*err = s->err;
	}
	pthread_mutex_unlock(&s->lock);
	return code;
}

static void stage_stop(struct lz_reader *r)
{
	struct stage *s = (struct stage *)(void *)r;

	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->freed);
	pthread_cond_signal(&s->filled);
	pthread_mutex_unlock(&s->lock);
	if (s->inner->stop)
		s->inner->stop(s->inner);
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

static void stage_close(struct lz_reader *r)
{
	struct stage *s = (struct stage *)(void *)r;

	stage_stop(r);
	pthread_mutex_lock(&s->lock);
	while (s->running)
		pthread_cond_wait(&s->finished, &s->lock);
	pthread_mutex_unlock(&s->lock);
	lz_reader_close(s->inner);
	stage_free(s);
}

/* Alive at once: the chunks in the ring, the one being read, the one being made. */
static bool set_up(struct stage *s, size_t chunk_bytes, unsigned slots)
{
	size_t bytes;

	s->r = (struct lz_reader){.next = stage_next, .stop = stage_stop, .close = stage_close};
	s->slots = slots < 1 ? 1 : slots > SLOTS_MAX ? SLOTS_MAX : slots;
	s->chunk = chunk_bytes ? chunk_bytes : 128 * 1024;
	s->batch = s->slots < 3 ? 1 : 2;
	s->running = true;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->filled, NULL);
	pthread_cond_init(&s->freed, NULL);
	pthread_cond_init(&s->finished, NULL);
	if (s->inner->keeps >= s->slots + 1)
		return true;
	if (lz_mul(s->chunk, s->slots + 2, &bytes))
		s->buffers = lz_realloc(NULL, bytes);
	return s->buffers != NULL;
}

struct lz_reader *lz_reader_stage(struct lz_reader *inner, size_t chunk_bytes, unsigned slots,
				  struct lz_err *err)
{
	struct stage *s = lz_alloc(sizeof(*s));

	if (s)
		s->inner = inner;
	if (!s || !set_up(s, chunk_bytes, slots)) {
		if (s)
			stage_free(s);
		lz_reader_close(inner);
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	if (give_to_thread(s))
		return &s->r;
	stage_free(s);
	return inner;
}
