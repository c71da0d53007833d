/* SPDX-License-Identifier: Apache-2.0 */
/* proc.* and thread.*: what a process may do, its threads and streams, and what only /proc knows. */
#include "view_in.h"

#include "proc_files.h"

#include <stdio.h>

#define GETTER(name) \
	static size_t name(struct lz_view *v, struct lz_span arg, const struct lz_datum **ret)

/* --- capabilities --- */

static const char *const caps[] = {"CHOWN",
				   "DAC_OVERRIDE",
				   "DAC_READ_SEARCH",
				   "FOWNER",
				   "FSETID",
				   "KILL",
				   "SETGID",
				   "SETUID",
				   "SETPCAP",
				   "LINUX_IMMUTABLE",
				   "NET_BIND_SERVICE",
				   "NET_BROADCAST",
				   "NET_ADMIN",
				   "NET_RAW",
				   "IPC_LOCK",
				   "IPC_OWNER",
				   "SYS_MODULE",
				   "SYS_RAWIO",
				   "SYS_CHROOT",
				   "SYS_PTRACE",
				   "SYS_PACCT",
				   "SYS_ADMIN",
				   "SYS_BOOT",
				   "SYS_NICE",
				   "SYS_RESOURCE",
				   "SYS_TIME",
				   "SYS_TTY_CONFIG",
				   "MKNOD",
				   "LEASE",
				   "AUDIT_WRITE",
				   "AUDIT_CONTROL",
				   "SETFCAP",
				   "MAC_OVERRIDE",
				   "MAC_ADMIN",
				   "SYSLOG",
				   "WAKE_ALARM",
				   "BLOCK_SUSPEND",
				   "AUDIT_READ",
				   "PERFMON",
				   "BPF",
				   "CHECKPOINT_RESTORE"};

const char *lz_cap_name(unsigned number)
{
	return number < sizeof(caps) / sizeof(caps[0]) ? caps[number] : NULL;
}

static size_t show_caps(struct lz_view *v, uint64_t bits, const struct lz_datum **ret)
{
	bool any = false;

	lz_view_begin(v);
	for (unsigned i = 0; lz_cap_name(i); i++) {
		if (!(bits >> i & 1))
			continue;
		lz_view_str(v, any ? " CAP_" : "CAP_");
		lz_view_str(v, lz_cap_name(i));
		any = true;
	}
	return lz_view_text(v, lz_view_end(v), ret);
}
GETTER(cap_permitted)
{
	return show_caps(v, v->at.proc->task.cap_permitted, ret);
}
GETTER(cap_inheritable)
{
	return show_caps(v, v->at.proc->task.cap_inheritable, ret);
}
GETTER(cap_effective)
{
	return show_caps(v, v->at.proc->task.cap_effective, ret);
}

/* --- threads --- */

GETTER(thread_tid)
{
	return lz_view_int(v, v->at.record->head.tid, ret);
}
GETTER(thread_vtid)
{
	const struct lz_ev *h = &v->at.record->head;

	return h->tid == h->pid ? lz_view_int(v, v->at.proc->task.vpid, ret) : 0;
}
GETTER(thread_ismain)
{
	return lz_view_bool(v, v->at.record->head.tid == v->at.record->head.pid, ret);
}
GETTER(thread_nametid)
{
	lz_view_begin(v);
	lz_view_add(v, lz_proc_name(v->at.proc));
	lz_view_num(v, v->at.record->head.tid);
	return lz_view_text(v, lz_view_end(v), ret);
}
GETTER(nthreads)
{
	return lz_view_int(v, v->at.proc->task.threads, ret);
}

static void count_child(void *arg, struct lz_proc *p)
{
	const uint32_t *of = arg;

	if (p->task.ppid == of[0])
		((uint32_t *)arg)[1]++;
}
GETTER(nchilds)
{
	uint32_t of[2] = {v->at.proc->task.pid, 0};

	lz_procs_each(v->from.procs, count_child, of);
	return lz_view_int(v, of[1], ret);
}

/* --- standard streams --- */

static size_t stdio_type(struct lz_view *v, unsigned i, const struct lz_datum **ret)
{
	const struct lz_ev_stdio *s = &v->at.proc->stdio[i];

	return s->mode ? lz_view_cstr(v,
				      lz_view_file_type(s->mode, s->family, lz_span("", 0), false),
				      ret)
		       : 0;
}
GETTER(stdin_type)
{
	return stdio_type(v, 0, ret);
}
GETTER(stdout_type)
{
	return stdio_type(v, 1, ret);
}
GETTER(stderr_type)
{
	return stdio_type(v, 2, ret);
}

/* --- what only /proc knows, while the process lives --- */

static size_t from_status(struct lz_view *v, const char *key, const struct lz_datum **ret)
{
	uint64_t n;

	return v->from.live && lz_proc_status(v->at.proc->task.pid, key, &n)
		       ? lz_view_int(v, (int64_t)n, ret)
		       : 0;
}
GETTER(vmsize)
{
	return from_status(v, "VmSize:", ret);
}
GETTER(vmrss)
{
	return from_status(v, "VmRSS:", ret);
}
GETTER(vmswap)
{
	return from_status(v, "VmSwap:", ret);
}
static bool fd_counts(struct lz_view *v, uint64_t *ret_open, uint64_t *ret_limit)
{
	return v->from.live && lz_proc_fds(v->at.proc->task.pid, ret_open, ret_limit);
}
GETTER(fdopencount)
{
	uint64_t open, limit;

	return fd_counts(v, &open, &limit) ? lz_view_int(v, (int64_t)open, ret) : 0;
}
GETTER(fdlimit)
{
	uint64_t open, limit;

	return fd_counts(v, &open, &limit) ? lz_view_int(v, (int64_t)limit, ret) : 0;
}
GETTER(fdusage)
{
	uint64_t open, limit;

	return fd_counts(v, &open, &limit) && limit
		       ? lz_view_int(v, (int64_t)(open * 100 / limit), ret)
		       : 0;
}
static size_t stdio_name(struct lz_view *v, unsigned i, const struct lz_datum **ret)
{
	char *name = lz_view_take(v, 4096);
	size_t n = name && v->from.live ? lz_proc_fd_name(v->at.proc->task.pid, i, name, 4096) : 0;

	return n ? lz_view_text(v, lz_span(name, n), ret) : 0;
}
GETTER(stdin_name)
{
	return stdio_name(v, 0, ret);
}
GETTER(stdout_name)
{
	return stdio_name(v, 1, ret);
}
GETTER(stderr_name)
{
	return stdio_name(v, 2, ret);
}
static size_t cpu_time(struct lz_view *v, const struct lz_datum **ret)
{
	uint64_t ns;

	return v->from.live && lz_proc_cpu(v->at.proc->task.pid, &ns)
		       ? lz_view_int(v, (int64_t)ns, ret)
		       : 0;
}
GETTER(exectime)
{
	return cpu_time(v, ret);
}
GETTER(cgroups)
{
	size_t room = 16384, n;
	char *text = lz_view_take(v, room);

	n = text && v->from.live ? lz_proc_cgroups(v->at.proc->task.pid, text, room) : 0;
	return n ? lz_view_text(v, lz_span(text, n), ret) : 0;
}
/* "cpuset=/a memory=/b": the one that is named. */
GETTER(cgroup)
{
	const struct lz_datum *d;
	struct lz_span rest, word, name, path;

	if (!cgroups(v, lz_span(NULL, 0), &d))
		return 0;
	for (rest = d->text; rest.n;) {
		lz_span_cut(rest, ' ', &word, &rest);
		if (lz_span_cut(word, '=', &name, &path) && lz_span_eq(name, arg))
			return lz_view_text(v, path, ret);
	}
	return 0;
}

const struct lz_getter_row lz_getters_thread[] = {
	{"proc.thread.cap_permitted", cap_permitted},
	{"proc.fdopencount", fdopencount},
	{"proc.fdlimit", fdlimit},
	{"proc.fdusage", fdusage},
	{"proc.vmsize", vmsize},
	{"proc.vmrss", vmrss},
	{"proc.vmswap", vmswap},
	{"proc.nchilds", nchilds},
	{"proc.nthreads", nthreads},
	{"proc.stdin.type", stdin_type},
	{"proc.stdout.type", stdout_type},
	{"proc.stderr.type", stderr_type},
	{"proc.stdin.name", stdin_name},
	{"proc.stdout.name", stdout_name},
	{"proc.stderr.name", stderr_name},
	{"thread.tid", thread_tid},
	{"thread.vtid", thread_vtid},
	{"thread.ismain", thread_ismain},
	{"thread.nametid", thread_nametid},
	{"thread.cgroups", cgroups},
	{"thread.cgroup", cgroup},
	{"thread.cap_permitted", cap_permitted},
	{"thread.cap_inheritable", cap_inheritable},
	{"thread.cap_effective", cap_effective},
	{"thread.exectime", exectime},
	{"thread.totexectime", exectime},
	{"thread.vmsize", vmsize},
	{"thread.vmrss", vmrss},
	{NULL, NULL},
};
