/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread behind the table. It asks again for what is incomplete, later and later, and listens
 * to Docker's events, which say when a container was started, renamed, changed or removed. It never
 * holds the table's lock while it waits for anybody.
 */
#include "table.h"

#include "../base/clean.h"
#include "../base/clock.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

enum { LINE_MAX_BYTES = 1024 * 1024, DIAL_AGAIN_MS = 5000, IDLE_MS = 1000, BATCH = 64 };

struct listener {
	struct lz_containers *t;
	int fd; /* the event stream; -1: none */
	struct lz_buf line;
	bool overlong; /* the rest of this line is skipped */
	uint64_t dial_ms;
};

/* --- asking again --- */

static bool better(const struct lz_ct_entry *e, const struct lz_container *c)
{
	if (c->complete || !e->c->name.n)
		return true;
	return c->name.n && (e->changed || !e->c->complete);
}

static void refresh(struct lz_containers *t, const struct lz_container_ref *ref)
{
	bool asked;
	struct lz_container *c = lz_places_look(&t->config, &t->back, ref, true, &asked);
	struct lz_ct_entry *e;

	atomic_store(&t->back_starts, t->back.starts);
	pthread_mutex_lock(&t->lock);
	t->asked += asked;
	e = lz_ct_find(t, ref);
	if (e && c && better(e, c)) {
		lz_ct_replace(t, e, c);
		c = NULL;
	}
	if (e) {
		e->tries++;
		e->changed = false;
		e->again_ms = e->c->complete || e->gone_ms ? 0 : lz_ct_again(e->tries, lz_now_ms());
	}
	pthread_mutex_unlock(&t->lock);
	lz_container_unref(c);
}

/* Up to BATCH that are due; *ret_next_ms is when the next one will be. */
static size_t due(struct lz_containers *t, struct lz_container_ref *ret, uint64_t *ret_next_ms)
{
	uint64_t now = lz_now_ms();
	size_t n = 0;

	*ret_next_ms = now + IDLE_MS;
	pthread_mutex_lock(&t->lock);
	lz_ct_purge(t, now);
	for (struct lz_ct_entry *e = t->oldest; e; e = e->newer) {
		if (!e->again_ms)
			continue;
		if (e->again_ms <= now && n < BATCH)
			ret[n++] = e->ref;
		else if (e->again_ms < *ret_next_ms)
			*ret_next_ms = e->again_ms;
	}
	pthread_mutex_unlock(&t->lock);
	return n;
}

/* --- events --- */

static bool of_docker(const struct lz_ct_entry *e)
{
	return !e->ref.uid &&
	       (e->ref.runtime == LZ_RUNTIME_DOCKER || lz_span_is(e->c->type, "docker"));
}

static void ask_soon(struct lz_ct_entry *e)
{
	e->tries = 0;
	e->changed = true;
	e->again_ms = lz_now_ms();
}

static void happened(struct lz_containers *t, const struct lz_event_text *what)
{
	static const char *const changes[] = {"start", "rename", "update", "restart"};
	struct lz_container_ref ref = {.runtime = LZ_RUNTIME_DOCKER};
	struct lz_ct_entry *e;
	size_t n = strlen(what->id);

	if (!n || n > sizeof(ref.id))
		return;
	ref.id_n = (uint8_t)n;
	memcpy(ref.id, what->id, n);
	pthread_mutex_lock(&t->lock);
	e = lz_ct_find(t, &ref);
	if (e && !strcmp(what->action, "destroy"))
		lz_ct_gone(t, e, lz_now_ms());
	for (size_t i = 0; e && i < sizeof(changes) / sizeof(changes[0]); i++)
		if (!strcmp(what->action, changes[i]))
			ask_soon(e);
	pthread_mutex_unlock(&t->lock);
}

static void take_line(struct listener *l, struct lz_span line)
{
	struct lz_event_text what;

	if (lz_span_trim(line).n && !lz_parser_event(&l->t->back, line, &what, NULL))
		happened(l->t, &what);
}

static void take_lines(struct listener *l)
{
	struct lz_span rest = lz_buf_view(&l->line), line, after;
	size_t left;

	while (lz_span_cut(rest, '\n', &line, &after)) {
		if (!l->overlong)
			take_line(l, line);
		l->overlong = false;
		rest = after;
	}
	left = rest.n;
	if (left >= LINE_MAX_BYTES) {
		l->overlong = true;
		left = 0;
	}
	if (left && left != l->line.n)
		memmove(l->line.p, rest.p, left);
	l->line.n = left;
}

static void hang_up(struct listener *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	l->dial_ms = lz_now_ms() + DIAL_AGAIN_MS;
	l->overlong = false;
	lz_buf_clear(&l->line);
}

static void hear(struct listener *l)
{
	ssize_t n;

	if (lz_buf_reserve(&l->line, 65536)) {
		hang_up(l);
		return;
	}
	n = recv(l->fd, l->line.p + l->line.n, 65536, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		hang_up(l);
		return;
	}
	l->line.n += (size_t)n;
	take_lines(l);
}

/* What happened while nobody listened is asked for. */
static void catch_up(struct lz_containers *t)
{
	pthread_mutex_lock(&t->lock);
	for (struct lz_ct_entry *e = t->oldest; e; e = e->newer)
		if (of_docker(e) && !e->gone_ms)
			ask_soon(e);
	pthread_mutex_unlock(&t->lock);
}

static void dial(struct listener *l)
{
	static const char target[] = "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D";
	const struct lz_containers_config *c = &l->t->config;
	uint64_t now = lz_now_ms();

	if (l->fd >= 0 || !c->docker_socket || now < l->dial_ms)
		return;
	lz_buf_clear(&l->line);
	l->fd = lz_http_open(c->docker_socket, target, now + c->api_ms, &l->line, NULL);
	if (l->fd < 0) {
		hang_up(l);
		return;
	}
	catch_up(l->t);
	take_lines(l);
}

/* --- the loop --- */

static void wait_until(struct listener *l, uint64_t until_ms)
{
	struct pollfd p[2] = {{.fd = l->t->wake, .events = POLLIN},
			      {.fd = l->fd, .events = POLLIN}};
	uint64_t now = lz_now_ms(), count;

	if (poll(p, 2, until_ms > now ? (int)(until_ms - now) : 0) <= 0)
		return;
	if (p[0].revents && read(l->t->wake, &count, sizeof(count)) < 0)
		return;
	if (p[1].revents)
		hear(l);
}

void *lz_ct_thread(void *containers)
{
	struct listener l = {.t = containers, .fd = -1};
	struct lz_container_ref refs[BATCH];
	uint64_t next_ms;

	lz_buf_init(&l.line, LINE_MAX_BYTES + 65536);
	while (!atomic_load(&l.t->stop)) {
		size_t n;
		dial(&l);
		n = due(l.t, refs, &next_ms);
		for (size_t i = 0; i < n && !atomic_load(&l.t->stop); i++)
			refresh(l.t, &refs[i]);
		wait_until(&l, n ? 0 : next_ms);
	}
	hang_up(&l);
	lz_buf_done(&l.line);
	return NULL;
}
