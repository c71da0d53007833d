/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of containers. It is bounded twice, by number and by memory; what was used longest ago
 * goes first. A container is looked up under the lock but read outside of it, so that no reader
 * waits for a disk that another waits for.
 */
#include "table.h"

#include "../base/clean.h"
#include "../base/clock.h"

#include <signal.h>
#include <sys/eventfd.h>

/* --- configuration --- */

void lz_containers_config_default(struct lz_containers_config *c)
{
	*c = (struct lz_containers_config){
		.docker_root = "/var/lib/docker",
		.docker_socket = "/run/docker.sock",
		.containerd_states = {"/run/containerd/io.containerd.runtime.v2.task",
				      "/run/k3s/containerd/io.containerd.runtime.v2.task",
				      "/run/host-containerd/io.containerd.runtime.v2.task"},
		.podman_root = "/var/lib/containers/storage",
		.podman_socket = "/run/podman/podman.sock",
		.crio_run = "/run/containers/storage",
		.homes = "/home",
		.cni_results = "/var/lib/cni/results",
		.proc = "/proc",
		.sys_lxc = "/var/lib/lxc",
		.table_max = 4096,
		.bytes_max = 64 * LZ_M,
		.linger_ms = 5000,
		.parse_ms = 500,
		.api_ms = 2000};
	lz_limits_default(&c->limits);
}

#define PLACES 12
static void places_of(struct lz_containers_config *c, const char **ret[PLACES])
{
	const char **all[PLACES] = {&c->docker_root,
				    &c->docker_socket,
				    &c->containerd_states[0],
				    &c->containerd_states[1],
				    &c->containerd_states[2],
				    &c->podman_root,
				    &c->podman_socket,
				    &c->crio_run,
				    &c->homes,
				    &c->cni_results,
				    &c->proc,
				    &c->sys_lxc};

	memcpy(ret, all, sizeof(all));
}

static void config_done(struct lz_containers_config *c)
{
	const char **at[PLACES];

	places_of(c, at);
	for (size_t i = 0; i < PLACES; i++)
		lz_free((void *)(uintptr_t)*at[i]);
}

static int config_copy(struct lz_containers_config *to, const struct lz_containers_config *from,
		       struct lz_err *err)
{
	const char **at[PLACES];
	int r = 0;

	*to = *from;
	places_of(to, at);
	for (size_t i = 0; i < PLACES; i++) {
		const char *text = *at[i];
		size_t n = text ? strlen(text) : 0;
		char *copy = text && !r ? lz_alloc(n + 1) : NULL;
		*at[i] = copy;
		if (copy)
			memcpy(copy, text, n);
		else if (text && !r)
			r = lz_fail(err, LZ_E_NOMEM, "out of memory");
		if (n > 2048 && !r)
			r = lz_fail(err, LZ_E_USAGE, "a place's path of %zu bytes is too long", n);
	}
	return r;
}

/* --- entries --- */

static struct lz_ct_entry **slot(const struct lz_containers *t, const struct lz_container_ref *ref)
{
	return &t->slots[lz_hash(lz_container_id(ref)) & (t->slot_count - 1)];
}

struct lz_ct_entry *lz_ct_find(struct lz_containers *t, const struct lz_container_ref *ref)
{
	struct lz_ct_entry *e = *slot(t, ref);

	while (e && !lz_container_ref_eq(&e->ref, ref))
		e = e->next;
	return e;
}

static void unlink_use(struct lz_containers *t, struct lz_ct_entry *e)
{
	*(e->older ? &e->older->newer : &t->oldest) = e->newer;
	*(e->newer ? &e->newer->older : &t->newest) = e->older;
}

static void link_newest(struct lz_containers *t, struct lz_ct_entry *e)
{
	e->older = t->newest;
	e->newer = NULL;
	*(t->newest ? &t->newest->newer : &t->oldest) = e;
	t->newest = e;
}

static size_t cost(const struct lz_container *c)
{
	return sizeof(struct lz_ct_entry) + lz_container_bytes(c);
}

static void remove_entry(struct lz_containers *t, struct lz_ct_entry *e)
{
	struct lz_ct_entry **at = slot(t, &e->ref);

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	unlink_use(t, e);
	t->live--;
	t->bytes -= cost(e->c);
	lz_container_unref(e->c);
	lz_free(e);
}

static void evict(struct lz_containers *t, const struct lz_ct_entry *spare)
{
	while (t->oldest && t->oldest != spare &&
	       (t->live > t->config.table_max || t->bytes > t->config.bytes_max)) {
		remove_entry(t, t->oldest);
		t->evicted++;
	}
}

void lz_ct_replace(struct lz_containers *t, struct lz_ct_entry *e, const struct lz_container *c)
{
	t->bytes += cost(c) - cost(e->c);
	lz_container_unref(e->c);
	e->c = c;
	evict(t, e);
}

void lz_ct_gone(struct lz_containers *t, struct lz_ct_entry *e, uint64_t now_ms)
{
	if (e->gone_ms)
		return;
	e->gone_ms = now_ms + t->config.linger_ms;
	e->again_ms = 0;
	if (!t->next_gone_ms || e->gone_ms < t->next_gone_ms)
		t->next_gone_ms = e->gone_ms;
}

void lz_ct_purge(struct lz_containers *t, uint64_t now_ms)
{
	struct lz_ct_entry *e = t->oldest;

	if (!t->next_gone_ms || now_ms < t->next_gone_ms)
		return;
	t->next_gone_ms = 0;
	while (e) {
		struct lz_ct_entry *newer = e->newer;
		if (e->gone_ms && e->gone_ms <= now_ms)
			remove_entry(t, e);
		else if (e->gone_ms && (!t->next_gone_ms || e->gone_ms < t->next_gone_ms))
			t->next_gone_ms = e->gone_ms;
		e = newer;
	}
	/* Many that end one after another are walked over once in a while, not once each. */
	if (t->next_gone_ms && t->next_gone_ms < now_ms + 100)
		t->next_gone_ms = now_ms + 100;
}

uint64_t lz_ct_again(unsigned tries, uint64_t now_ms)
{
	static const unsigned delays_ms[] = {50, 200, 1000, 3000, 10000};

	return tries < sizeof(delays_ms) / sizeof(delays_ms[0]) ? now_ms + delays_ms[tries] : 0;
}

/* --- the public side --- */

static void wake(struct lz_containers *t)
{
	uint64_t one = 1;
	ssize_t n = write(t->wake, &one, sizeof(one));

	(void)n; /* full: it is awake */
}

static const struct lz_container *found(struct lz_containers *t, struct lz_ct_entry *e)
{
	unlink_use(t, e);
	link_newest(t, e);
	return lz_container_ref_get(e->c);
}

/* Takes c's reference. */
static const struct lz_container *
insert(struct lz_containers *t, const struct lz_container_ref *ref, const struct lz_container *c)
{
	struct lz_ct_entry *e = lz_ct_find(t, ref);

	if (e) { /* another thread was faster */
		lz_container_unref(c);
		return found(t, e);
	}
	e = lz_alloc(sizeof(*e));
	if (!e)
		return c; /* not remembered, but answered */
	e->c = c;
	e->ref = *ref;
	e->again_ms = c->complete ? 0 : lz_ct_again(0, lz_now_ms());
	e->next = *slot(t, ref);
	*slot(t, ref) = e;
	link_newest(t, e);
	t->live++;
	t->bytes += cost(c);
	evict(t, e);
	if (e->again_ms)
		wake(t);
	return lz_container_ref_get(c);
}

const struct lz_container *lz_containers_get(struct lz_containers *t,
					     const struct lz_container_ref *ref)
{
	const struct lz_container *c = NULL;
	struct lz_ct_entry *e;
	bool asked;

	pthread_mutex_lock(&t->lock);
	lz_ct_purge(t, lz_now_ms());
	e = lz_ct_find(t, ref);
	if (e)
		c = found(t, e);
	pthread_mutex_unlock(&t->lock);
	if (c)
		return c;
	pthread_mutex_lock(&t->front_lock);
	c = lz_places_look(&t->config, &t->front, ref, false, &asked);
	atomic_store(&t->starts, t->front.starts);
	pthread_mutex_unlock(&t->front_lock);
	if (!c)
		return NULL;
	pthread_mutex_lock(&t->lock);
	t->read++;
	c = insert(t, ref, c);
	pthread_mutex_unlock(&t->lock);
	return c;
}

void lz_containers_forget(struct lz_containers *t, const struct lz_container_ref *ref)
{
	struct lz_ct_entry *e;

	pthread_mutex_lock(&t->lock);
	e = lz_ct_find(t, ref);
	if (e)
		lz_ct_gone(t, e, lz_now_ms());
	lz_ct_purge(t, lz_now_ms());
	pthread_mutex_unlock(&t->lock);
}

struct lz_containers_stats lz_containers_stats(struct lz_containers *t)
{
	struct lz_containers_stats s;

	pthread_mutex_lock(&t->lock);
	lz_ct_purge(t, lz_now_ms());
	s = (struct lz_containers_stats){.live = t->live,
					 .bytes = t->bytes,
					 .read = t->read,
					 .asked = t->asked,
					 .evicted = t->evicted,
					 .parser_starts = atomic_load(&t->starts) +
							  atomic_load(&t->back_starts)};
	pthread_mutex_unlock(&t->lock);
	return s;
}

/* --- birth and end --- */

/* The program's signals are for its other threads. */
static int start_thread(struct lz_containers *t, struct lz_err *err)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	r = pthread_create(&t->thread, NULL, lz_ct_thread, t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r)
		return lz_fail(err, LZ_E_NOMEM, "can't start a thread");
	t->has_thread = true;
	return 0;
}

static int open_table(struct lz_containers *t, const struct lz_containers_config *config,
		      struct lz_err *err)
{
	int r = config_copy(&t->config, config, err);

	if (r)
		return r;
	if (!t->config.table_max || t->config.table_max > 1000000)
		return lz_fail(err, LZ_E_USAGE, "a table of %zu containers", t->config.table_max);
	for (t->slot_count = 64; t->slot_count < t->config.table_max;)
		t->slot_count *= 2;
	t->slots = lz_alloc(t->slot_count * sizeof(*t->slots));
	if (!t->slots)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	t->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (t->wake < 0)
		return lz_fail_errno(err, "eventfd");
	r = lz_parser_ready(&t->front, err);
	atomic_store(&t->starts, t->front.starts);
	return r ? r : start_thread(t, err);
}

struct lz_containers *lz_containers_new(const struct lz_containers_config *config,
					struct lz_err *err)
{
	struct lz_containers *t = lz_alloc(sizeof(*t));

	if (!t) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	t->wake = -1;
	pthread_mutex_init(&t->lock, NULL);
	pthread_mutex_init(&t->front_lock, NULL);
	lz_parser_init(&t->front, &config->limits, config->parse_ms);
	lz_parser_init(&t->back, &config->limits, config->parse_ms);
	if (open_table(t, config, err)) {
		lz_containers_free(t);
		return NULL;
	}
	return t;
}

void lz_containers_free(struct lz_containers *t)
{
	if (!t)
		return;
	atomic_store(&t->stop, true);
	if (t->has_thread) {
		wake(t);
		pthread_join(t->thread, NULL);
	}
	while (t->oldest)
		remove_entry(t, t->oldest);
	lz_parser_done(&t->front);
	lz_parser_done(&t->back);
	if (t->wake >= 0)
		close(t->wake);
	pthread_mutex_destroy(&t->lock);
	pthread_mutex_destroy(&t->front_lock);
	lz_free(t->slots);
	config_done(&t->config);
	lz_free(t);
}
