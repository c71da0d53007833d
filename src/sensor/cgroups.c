/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroups.h"

#include "../base/alloc.h"
#include "proc_files.h"
#include "programs.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUCKETS	   4096 /* power of two */
#define GROUPS_MAX 65536
#define GONE_NS	   5000000000ULL
/* What went is kept until the last of its conversations has been told of, unless much goes. */
#define LATE_NS	  35000000000ULL
#define LATE_KEPT 1024
#define AGAIN_NS  50000000ULL /* before a container that is not whole is asked for again */
#define DEPTH_MAX 32
#define GUESSES	  16 /* times that /proc is asked for a group that it does not show */

struct node {
	struct lz_cgroup group;
	struct node *next;
	struct node *gone_next;
};

struct lz_cgroups {
	struct lz_containers *containers;
	void (*told)(void *arg, uint64_t id, unsigned known);
	void *arg;
	struct node *bucket[BUCKETS];
	struct node *gone_first, *gone_last;
	size_t count, gone_count;
	uint64_t refused;
	bool v1;
	char mount[256];
	uint32_t hierarchy; /* as records say it; 0 when version 2 */
	void (*known)(void *arg, uint64_t id, const struct lz_container *c);
	void *known_arg;
};

static struct node **slot(struct lz_cgroups *g, uint64_t id)
{
	return &g->bucket[(id * 0x9e3779b97f4a7c15ULL) >> 40 & (BUCKETS - 1)];
}

static struct node *find(struct lz_cgroups *g, uint64_t id)
{
	struct node *n = *slot(g, id);

	while (n && n->group.id != id)
		n = n->next;
	return n;
}

static void release(struct lz_cgroups *g, struct node *n)
{
	struct node **at = slot(g, n->group.id);

	while (*at && *at != n)
		at = &(*at)->next;
	if (*at)
		*at = n->next;
	g->count--;
	lz_container_unref(n->group.container);
	lz_free(n);
}

static void drop_first_gone(struct lz_cgroups *g)
{
	struct node *n = g->gone_first;

	g->gone_first = n->gone_next;
	if (!g->gone_first)
		g->gone_last = NULL;
	g->gone_count--;
	g->told(g->arg, n->group.id, 0);
	release(g, n);
}

/* Groups that nobody could say anything of, as when their processes were gone already. */
static void drop_guessed(struct lz_cgroups *g)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct node *n = g->bucket[i], *next; n; n = next) {
			next = n->next;
			if (n->group.guessed && !n->group.gone)
				release(g, n);
		}
}

static void name_group(struct lz_cgroup *x)
{
	snprintf(x->short_id, sizeof(x->short_id), "%.*s", LZ_FMT(lz_container_short_id(&x->ref)));
}

/* Says what a group is by its path; without one it is guessed, and nobody is told. */
static void settle(struct lz_cgroups *g, struct node *n, struct lz_span path)
{
	struct lz_cgroup *x = &n->group;

	x->guessed = !path.n;
	x->guesses += x->guessed;
	if (x->guessed)
		return;
	x->in_container = lz_container_of_cgroup(path, &x->ref);
	if (x->in_container)
		name_group(x);
	g->told(g->arg, x->id, x->in_container ? 2 : 1);
	if (g->known && !x->in_container)
		g->known(g->known_arg, x->id, NULL);
}

static struct node *add(struct lz_cgroups *g, uint64_t id, struct lz_span path)
{
	struct node *n;

	while (g->count >= GROUPS_MAX && g->gone_first)
		drop_first_gone(g);
	n = g->count < GROUPS_MAX ? lz_alloc(sizeof(*n)) : NULL;
	if (!n) {
		g->refused++;
		return NULL;
	}
	n->group.id = id;
	n->next = *slot(g, id);
	*slot(g, id) = n;
	g->count++;
	settle(g, n, path);
	return n;
}

void lz_cgroups_listen(struct lz_cgroups *g,
		       void (*known)(void *arg, uint64_t id, const struct lz_container *c),
		       void *arg)
{
	g->known = known;
	g->known_arg = arg;
}

void lz_cgroups_put(struct lz_cgroups *g, uint64_t id, const struct lz_container *c)
{
	struct node *n = find(g, id);

	if (!n)
		n = add(g, id, LZ_SPAN("/"));
	if (!n || !c)
		return;
	lz_container_unref(n->group.container);
	n->group.container = lz_container_ref_get(c);
	n->group.in_container = true;
	n->group.ref = c->ref;
	name_group(&n->group);
}

/* The number that the kernel gives hierarchies of version 1: "12:pids:/docker/…". */
static uint32_t pids_hierarchy(void)
{
	char text[4096];
	ssize_t n = lz_proc_read((uint32_t)getpid(), "cgroup", text, sizeof(text));
	struct lz_span rest = lz_span(text, n > 0 ? (size_t)n : 0), line, number, name;
	uint64_t v;

	while (lz_span_line(&rest, &line)) {
		lz_span_cut(line, ':', &number, &line);
		lz_span_cut(line, ':', &name, &line);
		if (lz_span_search(name, LZ_SPAN("pids")) >= 0 && lz_span_u64(number, 10, &v))
			return (uint32_t)v;
	}
	return 0;
}

struct lz_cgroups *lz_cgroups_new(struct lz_containers *containers,
				  void (*told)(void *arg, uint64_t id, unsigned known), void *arg,
				  struct lz_err *err)
{
	struct lz_cgroups *g = lz_alloc(sizeof(*g));

	if (!g) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	g->containers = containers;
	g->told = told;
	g->arg = arg;
	g->v1 = lz_cgroup_is_v1();
	g->hierarchy = g->v1 ? pids_hierarchy() : 0;
	if (!lz_cgroup_mount(g->v1, g->mount, sizeof(g->mount)))
		g->mount[0] = 0;
	return g;
}

void lz_cgroups_free(struct lz_cgroups *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (g->bucket[i])
			release(g, g->bucket[i]);
	lz_free(g);
}

/* --- what is there --- */

/* Makes a group known by its path; one that was guessed before is settled. */
static struct node *know(struct lz_cgroups *g, uint64_t id, struct lz_span path)
{
	struct node *n = find(g, id);

	if (!n)
		return add(g, id, path);
	if (n->group.guessed)
		settle(g, n, path);
	return n;
}

static void walk(struct lz_cgroups *g, int dir, char *path, size_t n, unsigned depth)
{
	DIR *d = fdopendir(dir);
	struct dirent *e;
	struct stat st;

	if (!d) {
		close(dir);
		return;
	}
	/* A group's number is its folder's inode. */
	if (!fstat(dir, &st))
		know(g, st.st_ino, lz_span(n ? path : "/", n ? n : 1));
	while (depth < DEPTH_MAX && (e = readdir(d))) {
		size_t length = strlen(e->d_name);
		int below;
		if (e->d_type != DT_DIR || e->d_name[0] == '.' || n + 1 + length >= 4096)
			continue;
		below = openat(dir, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (below < 0)
			continue;
		path[n] = '/';
		memcpy(path + n + 1, e->d_name, length + 1);
		walk(g, below, path, n + 1 + length, depth + 1);
	}
	path[n] = 0;
	closedir(d);
}

int lz_cgroups_walk(struct lz_cgroups *g, struct lz_err *err)
{
	char path[4096] = "";
	int root;

	if (!g->mount[0])
		return lz_fail(err, LZ_E_NOTFOUND, "no control groups are mounted");
	root = open(g->mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return lz_fail_errno(err, "%s", g->mount);
	walk(g, root, path, 0, 0);
	return 0;
}

/* --- what changes --- */

static void went(struct lz_cgroups *g, struct node *n, uint64_t now_ns)
{
	if (n->group.gone)
		return;
	n->group.gone = true;
	n->group.gone_ns = now_ns;
	if (g->gone_last)
		g->gone_last->gone_next = n;
	else
		g->gone_first = n;
	g->gone_last = n;
	g->gone_count++;
	if (n->group.in_container && g->containers)
		lz_containers_forget(g->containers, &n->group.ref);
}

void lz_cgroups_take(struct lz_cgroups *g, const struct lz_record *r)
{
	struct lz_ev_cgroup c;
	struct node *n;

	if (!lz_record_copy(r, LZ_PART_CGROUP, &c, sizeof(c)) || c.hierarchy != g->hierarchy)
		return;
	if (c.removed) {
		n = find(g, c.id);
		if (n)
			went(g, n, r->head.time_ns);
		return;
	}
	n = know(g, c.id, lz_record_text(r, LZ_PART_NAME));
	/* Its runtime's files are there already: read them while nothing waits for the answer. */
	if (n && n->group.in_container)
		lz_cgroups_container(g, &n->group, r->head.time_ns);
}

/* "12:pids:/docker/…" or "0::/…" of a process: its path in the hierarchy that counts. */
static struct lz_span path_of(const struct lz_cgroups *g, char *text, size_t size, uint32_t pid)
{
	ssize_t n = lz_proc_read(pid, "cgroup", text, size);
	struct lz_span rest = lz_span(text, n > 0 ? (size_t)n : 0), line, number, name;
	uint64_t v;

	while (lz_span_line(&rest, &line)) {
		lz_span_cut(line, ':', &number, &line);
		lz_span_cut(line, ':', &name, &line);
		if (lz_span_u64(number, 10, &v) && v == g->hierarchy)
			return line;
	}
	return lz_span(NULL, 0);
}

struct lz_cgroup *lz_cgroups_find(struct lz_cgroups *g, uint64_t id, uint32_t pid)
{
	struct node *n = find(g, id);
	struct lz_span path = lz_span(NULL, 0);
	char text[8192], full[8192];
	struct stat st;

	if (n && (!n->group.guessed || !pid || n->group.guesses > GUESSES))
		return &n->group;
	if (pid)
		path = path_of(g, text, sizeof(text), pid);
	/* The process may have moved on since: only a path that leads to this number counts. */
	if (path.n && snprintf(full, sizeof(full), "%s%.*s", g->mount, LZ_FMT_ALL(path)) < 8192 &&
	    (stat(full, &st) || st.st_ino != id))
		path = lz_span(NULL, 0);
	n = know(g, id, path);
	return n ? &n->group : NULL;
}

const struct lz_container *lz_cgroups_container(struct lz_cgroups *g, struct lz_cgroup *x,
						uint64_t now_ns)
{
	const struct lz_container *before = x->container;

	if (!x->in_container || !g->containers)
		return x->container;
	if (before &&
	    (x->gone || now_ns - x->asked_ns < (before->complete ? 20 * AGAIN_NS : AGAIN_NS)))
		return before;
	x->container = lz_containers_get(g->containers, &x->ref);
	x->asked_ns = now_ns;
	if (g->known && x->container && x->container != before)
		g->known(g->known_arg, x->id, x->container);
	lz_container_unref(before);
	return x->container;
}

void lz_cgroups_purge(struct lz_cgroups *g, uint64_t now_ns)
{
	while (g->gone_first &&
	       g->gone_first->group.gone_ns + (g->gone_count > LATE_KEPT ? GONE_NS : LATE_NS) <
		       now_ns)
		drop_first_gone(g);
	if (g->count > GROUPS_MAX / 2)
		drop_guessed(g);
}

size_t lz_cgroups_count(const struct lz_cgroups *g)
{
	return g->count;
}

uint64_t lz_cgroups_refused(const struct lz_cgroups *g)
{
	return g->refused;
}

void lz_cgroups_each(struct lz_cgroups *g, void (*each)(void *arg, struct lz_cgroup *x), void *arg)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct node *n = g->bucket[i]; n; n = n->next)
			each(arg, &n->group);
}
