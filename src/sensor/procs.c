/* SPDX-License-Identifier: Apache-2.0 */
#include "procs.h"

#include "../base/alloc.h"
#include "../base/bytes.h"
#include "../base/clean.h"
#include "../base/limits.h"
#include "proc_files.h"

#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PROCS_MAX  131072
#define BUCKETS	   16384 /* power of two */
#define DEAD_NS	   5000000000ULL
#define DEAD_MAX   8192
#define PROC_BYTES 4096 /* of arguments, as the programs take them */

struct lz_procs {
	struct lz_proc *bucket[BUCKETS];
	struct lz_proc *dead_first, *dead_last;
	size_t count, dead;
	void (*told)(void *arg, const struct lz_proc *x);
	void *arg;
	struct lz_proc *held; /* the one at hand: it stays whatever else has to go */
	size_t hand;	      /* bucket from which the next living one goes */
};

static struct lz_shared *share(struct lz_span s)
{
	struct lz_shared *x = s.p ? lz_alloc(sizeof(*x) + s.n + 1) : NULL;

	if (!x)
		return NULL;
	x->refs = 1;
	x->n = (uint32_t)s.n;
	if (s.n)
		memcpy(x->p, s.p, s.n);
	return x;
}

static struct lz_shared *again(struct lz_shared *x)
{
	if (x)
		x->refs++;
	return x;
}

static void unshare_one(struct lz_shared **x)
{
	if (*x && !--(*x)->refs)
		lz_free(*x);
	*x = NULL;
}

static void replace(struct lz_shared **x, struct lz_span s)
{
	struct lz_shared *fresh;

	if (*x && lz_span_eq(lz_shared_span(*x), s))
		return;
	fresh = share(s);
	unshare_one(x);
	*x = fresh;
}

static size_t bucket_of(uint32_t pid)
{
	return (pid * 2654435761U) >> 18 & (BUCKETS - 1);
}

struct lz_procs *lz_procs_new(struct lz_err *err)
{
	struct lz_procs *p = lz_alloc(sizeof(*p));

	if (!p)
		lz_fail(err, LZ_E_NOMEM, "out of memory");
	return p;
}

static void forget_texts(struct lz_proc *x)
{
	unshare_one(&x->exe_path);
	unshare_one(&x->argv);
	unshare_one(&x->env);
	unshare_one(&x->cwd);
}

static void release(struct lz_proc *x)
{
	forget_texts(x);
	lz_free(x);
}

void lz_procs_free(struct lz_procs *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (p->bucket[i]) {
			struct lz_proc *x = p->bucket[i];
			p->bucket[i] = x->next;
			release(x);
		}
	lz_free(p);
}

const struct lz_proc *lz_procs_host(struct lz_procs *p)
{
	for (uint32_t pid = 1; pid <= 2; pid++) {
		const struct lz_proc *x = lz_procs_find(p, pid, 0);
		if (x && x->task.mntns && x->task.pidns)
			return x;
	}
	return NULL;
}

size_t lz_procs_count(const struct lz_procs *p)
{
	return p->count;
}

void lz_procs_each(struct lz_procs *p, void (*each)(void *arg, struct lz_proc *proc), void *arg)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct lz_proc *x = p->bucket[i]; x; x = x->next)
			if (!x->ended_ns)
				each(arg, x);
}

struct lz_proc *lz_procs_find(struct lz_procs *p, uint32_t pid, uint64_t start_ns)
{
	struct lz_proc *best = NULL;

	for (struct lz_proc *x = p->bucket[bucket_of(pid)]; x; x = x->next) {
		if (x->task.pid != pid)
			continue;
		if (start_ns && x->task.start_ns == start_ns)
			return x;
		if (!start_ns && (!best || x->task.start_ns > best->task.start_ns))
			best = x;
	}
	return best;
}

static void remove_one(struct lz_procs *p, struct lz_proc *gone)
{
	struct lz_proc **at = &p->bucket[bucket_of(gone->task.pid)];

	while (*at && *at != gone)
		at = &(*at)->next;
	if (*at)
		*at = gone->next;
	p->count--;
	release(gone);
}

static void add_dead(struct lz_procs *p, struct lz_proc *x)
{
	x->dead_next = NULL;
	if (p->dead_last)
		p->dead_last->dead_next = x;
	else
		p->dead_first = x;
	p->dead_last = x;
	p->dead++;
}

/* The longest dead goes; the one at hand takes its place in the row anew. */
static void drop_dead(struct lz_procs *p)
{
	struct lz_proc *x = p->dead_first;

	p->dead_first = x->dead_next;
	if (!p->dead_first)
		p->dead_last = NULL;
	p->dead--;
	if (x == p->held)
		add_dead(p, x);
	else
		remove_one(p, x);
}

void lz_procs_purge(struct lz_procs *p, uint64_t now_ns)
{
	p->held = NULL;
	while (p->dead_first && (p->dead > DEAD_MAX || p->dead_first->ended_ns + DEAD_NS < now_ns))
		drop_dead(p);
}

static void end(struct lz_procs *p, struct lz_proc *x, uint64_t now_ns)
{
	if (x->ended_ns)
		return;
	x->ended_ns = now_ns ? now_ns : 1;
	add_dead(p, x);
	if (p->dead > DEAD_MAX)
		drop_dead(p);
}

void lz_procs_sweep(struct lz_procs *p, uint64_t since_ns, uint64_t now_ns)
{
	p->held = NULL;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct lz_proc *x = p->bucket[i], *next; x; x = next) {
			next = x->next;
			if (!x->ended_ns && x->seen_ns < since_ns)
				end(p, x, now_ns);
		}
}

/* Where all live, some living one has to go: it is looked up again when it does something. */
static void drop_living(struct lz_procs *p)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		struct lz_proc *x = p->bucket[p->hand = (p->hand + 1) & (BUCKETS - 1)];
		while (x && (x->ended_ns || x == p->held))
			x = x->next;
		if (x) {
			remove_one(p, x);
			return;
		}
	}
}

/* A place for a process; an older one of the same number has ended, said or not. */
static struct lz_proc *make(struct lz_procs *p, uint32_t pid, uint64_t start_ns, uint64_t now_ns)
{
	struct lz_proc *x = lz_procs_find(p, pid, 0);
	size_t at = bucket_of(pid);

	if (x && x->task.start_ns < start_ns)
		end(p, x, now_ns);
	if (p->count >= PROCS_MAX && p->dead_first)
		drop_dead(p);
	if (p->count >= PROCS_MAX)
		drop_living(p);
	x = lz_alloc(sizeof(*x));
	if (!x)
		return NULL;
	x->seen_ns = now_ns;
	x->task.pid = pid;
	x->task.start_ns = start_ns;
	x->next = p->bucket[at];
	p->bucket[at] = x;
	p->count++;
	return x;
}

/* --- from /proc, for what was there before or was lost --- */

static void link_text(uint32_t pid, const char *name, struct lz_shared **to)
{
	char path[64], target[4096];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	n = readlink(path, target, sizeof(target));
	if (n > 0 && n < (ssize_t)sizeof(target))
		replace(to, lz_span(target, (size_t)n));
}

/* What the programs could not say: arguments, paths. The exe's link shows " (deleted)". */
static void complete(struct lz_proc *x)
{
	static const char gone[] = " (deleted)";
	char args[PROC_BYTES];
	struct lz_span path;
	ssize_t n;

	x->complete = true;
	n = lz_proc_read(x->task.pid, "cmdline", args, sizeof(args));
	if (n >= 0)
		replace(&x->argv, lz_span(args, (size_t)n));
	link_text(x->task.pid, "exe", &x->exe_path);
	path = lz_shared_span(x->exe_path);
	if (path.n && lz_span_ends(path, gone)) {
		char copy[4096];
		size_t length = path.n - (sizeof(gone) - 1);
		bool memory = lz_span_starts(path, "/memfd:") && !x->exe.links;
		memcpy(copy, path.p + memory, length - memory);
		replace(&x->exe_path, lz_span(copy, length - memory));
		x->exe_flags = memory ? LZ_PATH_NO_MOUNT : LZ_PATH_DELETED;
	}
	link_text(x->task.pid, "cwd", &x->cwd);
}

/* Whether the process of that number is the one that the record means. /proc counts in ticks. */
static bool runs(const struct lz_ev *head)
{
	uint64_t start = 0, tick = 1000000000ULL / (uint64_t)sysconf(_SC_CLK_TCK);
	uint32_t ppid;

	return lz_proc_stat(head->pid, &ppid, &start) && head->start_ns >= start &&
	       head->start_ns - start <= tick;
}

static void from_head(struct lz_proc *x, const struct lz_ev *head)
{
	x->task.ppid = head->ppid;
	x->task.uid = head->uid;
	x->task.gid = head->gid;
	x->task.loginuid = head->loginuid;
	x->task.cgroup = head->cgroup;
	x->task.vpid = head->pid;
	memcpy(x->task.comm, head->comm, sizeof(x->task.comm));
}

static void tell(struct lz_procs *p, const struct lz_proc *x)
{
	if (p->told)
		p->told(p->arg, x);
}

/* One that was not known: it was there before the sensor, or its beginning was lost. What others
 * tell of one that has gone must not make it live for ever. */
static void meet(struct lz_procs *p, struct lz_proc *x, const struct lz_ev *head, bool live)
{
	bool here = live && runs(head);

	if (head->kind == LZ_EV_TASK || head->kind == LZ_EV_EXEC)
		return;
	from_head(x, head);
	if (here)
		complete(x);
	else if (head->flags & LZ_EVF_OTHER)
		end(p, x, head->time_ns);
	if (live)
		tell(p, x);
}

void lz_procs_listen(struct lz_procs *p, void (*read)(void *arg, const struct lz_proc *x),
		     void *arg)
{
	p->told = read;
	p->arg = arg;
}

static void put_text(struct lz_buf *b, const struct lz_shared *s)
{
	lz_buf_u32le(b, s ? s->n + 1 : 0);
	if (s)
		lz_buf_add(b, s->p, s->n);
}

int lz_procs_save(struct lz_buf *b, const struct lz_proc *x)
{
	lz_buf_add(b, &x->task, sizeof(x->task));
	lz_buf_add(b, &x->exe, sizeof(x->exe));
	lz_buf_u32le(b, x->exe_flags);
	put_text(b, x->exe_path);
	put_text(b, x->argv);
	return put_text(b, x->cwd), b->code;
}

static bool take_text(struct lz_span *rest, struct lz_shared **to)
{
	uint32_t n;

	if (rest->n < 4)
		return false;
	n = lz_le32(rest->p);
	*rest = lz_span_from(*rest, 4);
	if (!n)
		return true;
	if (n - 1 > rest->n)
		return false;
	replace(to, lz_span_head(*rest, n - 1));
	*rest = lz_span_from(*rest, n - 1);
	return true;
}

int lz_procs_put(struct lz_procs *p, struct lz_span bytes, struct lz_err *err)
{
	struct lz_ev_task t;
	struct lz_proc *x;

	if (bytes.n < sizeof(t) + sizeof(x->exe) + 4)
		return lz_fail(err, LZ_E_FORMAT, "process of %zu bytes", bytes.n);
	memcpy(&t, bytes.p, sizeof(t));
	x = lz_procs_find(p, t.pid, t.start_ns);
	if (!x)
		x = make(p, t.pid, t.start_ns, t.start_ns);
	if (!x)
		return lz_fail(err, LZ_E_NOMEM, "too many processes, or out of memory");
	x->task = t;
	memcpy(&x->exe, bytes.p + sizeof(t), sizeof(x->exe));
	bytes = lz_span_from(bytes, sizeof(t) + sizeof(x->exe));
	x->exe_flags = lz_le32(bytes.p);
	bytes = lz_span_from(bytes, 4);
	x->complete = true;
	if (take_text(&bytes, &x->exe_path) && take_text(&bytes, &x->argv) &&
	    take_text(&bytes, &x->cwd) && !bytes.n)
		return 0;
	return lz_fail(err, LZ_E_FORMAT, "process %u: its texts don't fit", t.pid);
}

/* --- records --- */

static void on_fork(struct lz_procs *p, const struct lz_record *r, const struct lz_proc *parent)
{
	struct lz_ev_task t;
	struct lz_proc *x;

	if (!lz_record_copy(r, LZ_PART_TASK, &t, sizeof(t)) || lz_procs_find(p, t.pid, t.start_ns))
		return;
	x = make(p, t.pid, t.start_ns, r->head.time_ns);
	if (!x)
		return;
	x->task = t;
	if (!parent || !parent->complete)
		return;
	x->exe = parent->exe;
	memcpy(x->stdio, parent->stdio, sizeof(x->stdio));
	x->exe_flags = parent->exe_flags;
	x->exe_path = again(parent->exe_path);
	x->argv = again(parent->argv);
	x->env = again(parent->env);
	x->cwd = again(parent->cwd);
	x->exec_ns = parent->exec_ns;
	x->began = parent->began;
	x->complete = true;
}

static void take_path(struct lz_shared **to, const struct lz_record *r, unsigned part,
		      unsigned *flags)
{
	LZ_CLEAN(buf) struct lz_buf b;

	lz_buf_init(&b, 64 * LZ_K);
	if (lz_record_has(r, part) && !lz_record_path(r, part, &b, flags))
		replace(to, lz_buf_view(&b));
}

/* The head says who it is, and where it is found: a recording may say otherwise in the part. */
static void take_task(struct lz_proc *x, const struct lz_record *r)
{
	lz_record_copy(r, LZ_PART_TASK, &x->task, sizeof(x->task));
	x->task.pid = r->head.pid;
	x->task.start_ns = r->head.start_ns;
}

static void on_exec(struct lz_proc *x, const struct lz_record *r)
{
	unsigned ignored;

	x->exec_ns = r->head.time_ns;
	x->exec_seen = true;
	take_task(x, r);
	x->began = LZ_BEGAN_UNSEEN;
	lz_record_copy(r, LZ_PART_EXE, &x->exe, sizeof(x->exe));
	lz_record_copy(r, LZ_PART_STDIO, x->stdio, sizeof(x->stdio));
	take_path(&x->exe_path, r, LZ_PART_EXE_PATH, &x->exe_flags);
	take_path(&x->cwd, r, LZ_PART_CWD, &ignored);
	replace(&x->argv, lz_record_has(r, LZ_PART_ARGV) ? r->part[LZ_PART_ARGV] : LZ_SPAN(""));
	unshare_one(&x->env);
	if (lz_record_has(r, LZ_PART_ENV))
		replace(&x->env, r->part[LZ_PART_ENV]);
	x->complete = true;
}

static void refresh(struct lz_procs *p, struct lz_proc *x, const struct lz_record *r)
{
	const struct lz_ev *h = &r->head;
	unsigned ignored;

	if (h->flags & LZ_EVF_OTHER)
		return; /* told by somebody else */
	if (x->task.ppid != h->ppid) {
		const struct lz_proc *parent = lz_procs_find(p, h->ppid, 0);
		x->task.ppid = h->ppid;
		x->task.parent_start_ns = parent ? parent->task.start_ns : 0;
	}
	x->task.uid = h->uid;
	x->task.gid = h->gid;
	x->task.loginuid = h->loginuid;
	x->task.cgroup = h->cgroup;
	x->task.cap_effective = h->cap_effective;
	x->task.cap_permitted = h->cap_permitted;
	if (h->tid == h->pid)
		memcpy(x->task.comm, h->comm, sizeof(h->comm));
	take_path(&x->cwd, r, LZ_PART_CWD, &ignored);
	if (h->kind == LZ_EV_CALL && h->nr == SYS_fchdir && !h->ret)
		take_path(&x->cwd, r, LZ_PART_PATH, &ignored);
}

struct lz_proc *lz_procs_take(struct lz_procs *p, const struct lz_record *r, bool live)
{
	const struct lz_ev *h = &r->head;
	struct lz_proc *x = lz_procs_find(p, h->pid, h->start_ns);

	p->held = NULL;
	if (!x) {
		x = make(p, h->pid, h->start_ns, h->time_ns);
		if (!x)
			return NULL;
		p->held = x;
		meet(p, x, h, live);
	}
	p->held = x;
	if (!(h->flags & LZ_EVF_OTHER))
		x->seen_ns = h->time_ns;
	switch (h->kind) {
	case LZ_EV_TASK:
		take_task(x, r);
		lz_record_copy(r, LZ_PART_EXE, &x->exe, sizeof(x->exe));
		if (live && !x->complete) {
			complete(x);
			tell(p, x);
		} else if (lz_record_has(r, LZ_PART_ARGV))
			on_exec(x, r);
		break;
	case LZ_EV_EXEC:
		on_exec(x, r);
		break;
	case LZ_EV_FORK:
		refresh(p, x, r);
		on_fork(p, r, x);
		break;
	case LZ_EV_EXIT:
		refresh(p, x, r);
		end(p, x, h->time_ns);
		break;
	default:
		refresh(p, x, r);
	}
	return x;
}

struct lz_proc *lz_procs_parent(struct lz_procs *p, struct lz_proc *child, bool live)
{
	struct lz_proc *x;
	uint64_t start;
	uint32_t ppid;

	if (!child->task.ppid || child->task.ppid == child->task.pid)
		return NULL;
	x = lz_procs_find(p, child->task.ppid, child->task.parent_start_ns);
	/* The child's own last event named it, at or after its end: it was the parent then. */
	if (x && (!x->ended_ns || child->seen_ns >= x->ended_ns))
		return x;
	if (live && !child->ended_ns && lz_proc_stat(child->task.pid, &ppid, &start)) {
		struct lz_proc *now = lz_procs_find(p, ppid, 0);
		if (now && !now->ended_ns && ppid != child->task.pid) {
			child->task.ppid = ppid;
			child->task.parent_start_ns = now->task.start_ns;
			tell(p, child);
			return now;
		}
	}
	return x ? x : lz_procs_find(p, child->task.ppid, 0);
}
