/* SPDX-License-Identifier: Apache-2.0 */
#include "sample.h"

#include "../base/alloc.h"
#include "../base/io.h"
#include "../base/limits.h"
#include "proc_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define FILE_BYTES (64 * 1024)
#define CPUACCT	   "/sys/fs/cgroup/cpuacct"
#define UNIFIED	   "/sys/fs/cgroup"

struct one {
	const char *short_id; /* of its group, which stays while this runs */
	const struct lz_cgroup *group;
	struct lz_proc *first; /* the oldest that lives */
	uint32_t processes;
};

struct round {
	struct lz_cgroups *groups;
	struct one *all;
	size_t n;
	uint16_t slot[2 * LZ_SAMPLES_MAX]; /* index + 1 by hash of the id */
	char text[FILE_BYTES];
};

/* --- texts --- */

/* Column i (from 0) of numbers divided by blanks. */
static bool number_at(struct lz_span line, unsigned i, uint64_t *ret)
{
	struct lz_span word;

	for (;;) {
		line = lz_span_trim(line);
		if (!line.n)
			return false;
		lz_span_cut(line, ' ', &word, &line);
		if (!i--)
			return lz_span_u64(word, 10, ret);
	}
}

bool lz_sample_net_dev(struct lz_span text, struct lz_ev_stats *ret)
{
	struct lz_span line, name;
	uint64_t received, sent;
	bool any = false;

	ret->sent_bytes = ret->received_bytes = 0;
	while (lz_span_line(&text, &line)) {
		if (!lz_span_cut(line, ':', &name, &line))
			continue;
		any = true;
		if (lz_span_is(lz_span_trim(name), "lo") || !number_at(line, 0, &received) ||
		    !number_at(line, 8, &sent))
			continue;
		ret->received_bytes += received;
		ret->sent_bytes += sent;
	}
	return any;
}

bool lz_sample_column(struct lz_span text, const char *group, const char *name, uint64_t *ret)
{
	struct lz_span line, names = lz_span(NULL, 0), word;
	unsigned i = 0;

	while (lz_span_line(&text, &line)) {
		if (!lz_span_starts(line, group) || line.n <= strlen(group) ||
		    line.p[strlen(group)] != ' ')
			continue;
		if (!names.p) {
			names = lz_span_from(line, strlen(group) + 1);
			continue;
		}
		line = lz_span_from(line, strlen(group) + 1);
		for (; names.n; i++) {
			lz_span_cut(names, ' ', &word, &names);
			if (lz_span_is(word, name))
				return number_at(line, i, ret);
		}
		return false;
	}
	return false;
}

struct lz_span lz_sample_group(struct lz_span text, const char *controller)
{
	struct lz_span line, names, name;

	while (lz_span_line(&text, &line)) {
		lz_span_cut(line, ':', &name, &line);
		lz_span_cut(line, ':', &names, &line);
		if (!names.n && !controller[0])
			return line;
		while (names.n && controller[0]) {
			lz_span_cut(names, ',', &name, &names);
			if (lz_span_is(name, controller))
				return line;
		}
	}
	return lz_span(NULL, 0);
}

/* --- files --- */

static struct lz_span proc_file(struct round *r, uint32_t pid, const char *name)
{
	ssize_t n = lz_proc_read(pid, name, r->text, sizeof(r->text));

	return lz_span(r->text, n > 0 ? (size_t)n : 0);
}

/* A file of a control group; its path may be any text. */
static size_t group_file(const char *mount, struct lz_span path, const char *name, char *buf,
			 size_t size)
{
	char whole[4096];
	ssize_t n;
	int fd;

	if (!path.n || path.p[0] != '/' ||
	    snprintf(whole, sizeof(whole), "%s%.*s/%s", mount, LZ_FMT_ALL(path), name) >= 4096)
		return 0;
	fd = open(whole, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, buf, size);
	close(fd);
	return n > 0 ? (size_t)n : 0;
}

static bool cpu_of(struct round *r, uint32_t pid, uint64_t *ret_ns)
{
	static const char key[] = "usage_usec ";
	struct lz_span text = proc_file(r, pid, "cgroup"), line;
	char buf[4096];
	size_t n = group_file(CPUACCT, lz_sample_group(text, "cpuacct"), "cpuacct.usage", buf,
			      sizeof(buf));

	if (n)
		return lz_span_u64(lz_span_trim(lz_span(buf, n)), 10, ret_ns);
	n = group_file(UNIFIED, lz_sample_group(text, ""), "cpu.stat", buf, sizeof(buf));
	text = lz_span(buf, n);
	while (lz_span_line(&text, &line))
		if (lz_span_starts(line, key) &&
		    lz_span_u64(lz_span_from(line, sizeof(key) - 1), 10, ret_ns)) {
			*ret_ns *= 1000;
			return true;
		}
	return false;
}

/* Of a network namespace of its own only: others' traffic would be taken for the container's. */
static void network_of(struct round *r, uint32_t pid, struct lz_ev_stats *s)
{
	uint64_t drops = 0;
	struct lz_span text;

	if (lz_sample_net_dev(proc_file(r, pid, "net/dev"), s))
		s->has |= LZ_STATS_BYTES;
	text = proc_file(r, pid, "net/snmp");
	if (lz_sample_column(text, "Tcp:", "ActiveOpens", (uint64_t *)&s->connects) &&
	    lz_sample_column(text, "Tcp:", "PassiveOpens", (uint64_t *)&s->accepts) &&
	    lz_sample_column(text, "Tcp:", "AttemptFails", (uint64_t *)&s->failed))
		s->has |= LZ_STATS_TCP;
	text = proc_file(r, pid, "net/netstat");
	if (lz_sample_column(text, "TcpExt:", "ListenOverflows", (uint64_t *)&s->overflows) &&
	    lz_sample_column(text, "TcpExt:", "TCPReqQFullDrop", &drops)) {
		s->overflows += drops;
		s->has |= LZ_STATS_LISTEN;
	}
}

/* --- one round --- */

static size_t hash_id(const char *id)
{
	size_t h = 5381;

	while (*id)
		h = h * 33 ^ (unsigned char)*id++;
	return h;
}

/* The container of a group: its row, made when there is room. */
static struct one *row_of(struct round *r, const struct lz_cgroup *g)
{
	const size_t slots = sizeof(r->slot) / sizeof(r->slot[0]);
	size_t at = hash_id(g->short_id) % slots;

	for (; r->slot[at]; at = (at + 1) % slots)
		if (!strcmp(r->all[r->slot[at] - 1].short_id, g->short_id))
			return &r->all[r->slot[at] - 1];
	if (r->n == LZ_SAMPLES_MAX)
		return NULL;
	r->all[r->n] = (struct one){.short_id = g->short_id, .group = g};
	r->slot[at] = (uint16_t)(r->n + 1);
	return &r->all[r->n++];
}

static void count(void *arg, struct lz_proc *p)
{
	struct round *r = arg;
	struct lz_cgroup *g = lz_cgroups_find(r->groups, p->task.cgroup, p->task.pid);
	struct one *x = g && g->in_container && !g->gone ? row_of(r, g) : NULL;

	if (!x)
		return;
	x->processes++;
	if (!x->first || p->task.start_ns < x->first->task.start_ns) {
		x->first = p;
		x->group = g;
	}
}

static void tell(const struct one *x, const struct lz_ev_stats *s, uint64_t now_ns,
		 void (*take)(void *arg, struct lz_span record), void *arg)
{
	const struct lz_ev_task *t = &x->first->task;
	struct lz_ev head = {.size = sizeof(head) + sizeof(struct lz_ev_part) + sizeof(*s),
			     .kind = LZ_EV_STATS,
			     .time_ns = now_ns,
			     .start_ns = t->start_ns,
			     .cgroup = x->group->id,
			     .pid = t->pid,
			     .tid = t->pid,
			     .uid = t->uid,
			     .gid = t->gid,
			     .loginuid = t->loginuid,
			     .flags = LZ_EVF_OTHER};
	struct lz_ev_part part = {.id = LZ_PART_STATS, .n = sizeof(*s)};
	char record[sizeof(head) + sizeof(part) + sizeof(*s)];

	memcpy(head.comm, t->comm, sizeof(head.comm));
	memcpy(record, &head, sizeof(head));
	memcpy(record + sizeof(head), &part, sizeof(part));
	memcpy(record + sizeof(head) + sizeof(part), s, sizeof(*s));
	take(arg, lz_span(record, sizeof(record)));
}

void lz_sample_containers(struct lz_cgroups *groups, struct lz_procs *procs, uint64_t now_ns,
			  void (*take)(void *arg, struct lz_span record), void *arg)
{
	struct round *r = lz_alloc(sizeof(*r));
	const struct lz_proc *host = lz_procs_host(procs);

	if (r)
		r->all = lz_alloc(LZ_SAMPLES_MAX * sizeof(*r->all));
	if (r && r->all) {
		r->groups = groups;
		lz_procs_each(procs, count, r);
		for (size_t i = 0; i < r->n; i++) {
			struct lz_ev_stats s = {.processes = r->all[i].processes};
			const struct lz_ev_task *t = &r->all[i].first->task;
			if (cpu_of(r, t->pid, (uint64_t *)&s.cpu_ns))
				s.has |= LZ_STATS_CPU;
			if (host && t->netns && t->netns != host->task.netns)
				network_of(r, t->pid, &s);
			tell(&r->all[i], &s, now_ns, take, arg);
		}
		lz_free(r->all);
	}
	lz_free(r);
}
