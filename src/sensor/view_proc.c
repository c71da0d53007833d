/* SPDX-License-Identifier: Apache-2.0 */
/* proc.* and thread.*: who did it, and whose child it is. */
#include "view_in.h"

#include <stdio.h>
#include <stdlib.h>

#define GETTER(name) \
	static size_t name(struct lz_view *v, struct lz_span arg, const struct lz_datum **ret)
#define ANCESTORS_MAX 64

/* --- who --- */

struct lz_span lz_proc_name(const struct lz_proc *p)
{
	return lz_span(p->task.comm, strnlen(p->task.comm, sizeof(p->task.comm)));
}

struct lz_span lz_proc_first_arg(const struct lz_proc *p)
{
	struct lz_span all = lz_shared_span(p->argv);
	const char *end = all.n ? memchr(all.p, 0, all.n) : NULL;

	if (!all.n)
		return lz_span("", 0);
	return end ? lz_span(all.p, (size_t)(end - all.p)) : all;
}

struct lz_proc *lz_view_ancestor(struct lz_view *v, unsigned n)
{
	struct lz_proc *p = v->at.proc;

	while (p && n--)
		p = lz_procs_parent(v->from.procs, p, v->from.live);
	return p;
}

/* Arguments from the second on, divided by blanks, behind `first`. */
struct lz_span lz_view_cmdline(struct lz_view *v, const struct lz_proc *p, struct lz_span first)
{
	struct lz_span all = lz_shared_span(p->argv), word, rest;
	bool any = false;

	lz_view_begin(v);
	if (first.p)
		lz_view_add(v, first);
	if (!all.n)
		return lz_view_end(v);
	lz_span_cut(all, '\0', &word, &rest);
	while (rest.n) {
		lz_span_cut(rest, '\0', &word, &rest);
		if (any || first.n)
			lz_view_str(v, " ");
		lz_view_add(v, word);
		any = true;
	}
	return lz_view_end(v);
}

struct lz_span lz_view_line(struct lz_view *v, const struct lz_proc *p)
{
	return lz_view_cmdline(v, p, lz_proc_name(p));
}

static size_t exepath_of(struct lz_view *v, const struct lz_proc *p, const struct lz_datum **ret)
{
	return p && p->exe_path ? lz_view_text(v, lz_shared_span(p->exe_path), ret) : 0;
}
static size_t name_of(struct lz_view *v, const struct lz_proc *p, const struct lz_datum **ret)
{
	return p ? lz_view_text(v, lz_proc_name(p), ret) : 0;
}
static size_t exe_of(struct lz_view *v, const struct lz_proc *p, const struct lz_datum **ret)
{
	return p ? lz_view_text(v, lz_proc_first_arg(p), ret) : 0;
}
static size_t cmdline_of(struct lz_view *v, const struct lz_proc *p, const struct lz_datum **ret)
{
	return p ? lz_view_text(v, lz_view_line(v, p), ret) : 0;
}
static size_t pid_of(struct lz_view *v, const struct lz_proc *p, const struct lz_datum **ret)
{
	return p ? lz_view_int(v, p->task.pid, ret) : 0;
}

/* With a number that ancestor, 0 being the process itself; without one, all of them. */
static size_t ancestors(struct lz_view *v, struct lz_span arg,
			size_t (*of)(struct lz_view *, const struct lz_proc *,
				     const struct lz_datum **),
			const struct lz_datum **ret)
{
	struct lz_proc *p = v->at.proc;
	struct lz_datum *all;
	uint64_t n;
	size_t found = 0;

	if (arg.n)
		return lz_span_u64(arg, 10, &n) && n <= ANCESTORS_MAX
			       ? of(v, lz_view_ancestor(v, (unsigned)n), ret)
			       : 0;
	all = lz_view_take(v, ANCESTORS_MAX * sizeof(*all));
	while (all && found < ANCESTORS_MAX &&
	       (p = lz_procs_parent(v->from.procs, p, v->from.live))) {
		const struct lz_datum *d;
		if (of(v, p, &d))
			all[found++] = *d;
	}
	*ret = all;
	return found;
}

GETTER(proc_name)
{
	return name_of(v, v->at.proc, ret);
}
GETTER(proc_pname)
{
	return name_of(v, lz_view_ancestor(v, 1), ret);
}
GETTER(proc_aname)
{
	return ancestors(v, arg, name_of, ret);
}
GETTER(proc_exe)
{
	return exe_of(v, v->at.proc, ret);
}
GETTER(proc_pexe)
{
	return exe_of(v, lz_view_ancestor(v, 1), ret);
}
GETTER(proc_aexe)
{
	return ancestors(v, arg, exe_of, ret);
}
GETTER(proc_exepath)
{
	return exepath_of(v, v->at.proc, ret);
}
GETTER(proc_pexepath)
{
	return exepath_of(v, lz_view_ancestor(v, 1), ret);
}
GETTER(proc_aexepath)
{
	return ancestors(v, arg, exepath_of, ret);
}
GETTER(proc_cmdline)
{
	return cmdline_of(v, v->at.proc, ret);
}
GETTER(proc_pcmdline)
{
	return cmdline_of(v, lz_view_ancestor(v, 1), ret);
}
GETTER(proc_acmdline)
{
	return ancestors(v, arg, cmdline_of, ret);
}
GETTER(proc_args)
{
	return lz_view_text(v, lz_view_cmdline(v, v->at.proc, lz_span(NULL, 0)), ret);
}
GETTER(proc_exeline)
{
	return lz_view_text(v, lz_view_cmdline(v, v->at.proc, lz_proc_first_arg(v->at.proc)), ret);
}

static size_t count_args(const struct lz_proc *p, size_t *ret_length)
{
	struct lz_span rest = lz_shared_span(p->argv), word;
	size_t n = 0, length = 0;

	while (rest.n) {
		lz_span_cut(rest, '\0', &word, &rest);
		if (n++)
			length += word.n;
	}
	*ret_length = length;
	return n ? n - 1 : 0;
}
GETTER(proc_cmdnargs)
{
	size_t length;

	return lz_view_int(v, (int64_t)count_args(v->at.proc, &length), ret);
}
GETTER(proc_cmdlenargs)
{
	size_t length;

	count_args(v->at.proc, &length);
	return lz_view_int(v, (int64_t)length, ret);
}

/* --- environment --- */

static size_t env_of(struct lz_view *v, const struct lz_proc *p, struct lz_span key,
		     const struct lz_datum **ret)
{
	struct lz_span rest = p ? lz_shared_span(p->env) : lz_span(NULL, 0), word, name, value;
	bool first = true;

	if (!rest.p)
		return 0;
	if (!key.n)
		lz_view_begin(v);
	while (rest.n) {
		lz_span_cut(rest, '\0', &word, &rest);
		if (!key.n) {
			if (!first)
				lz_view_str(v, " ");
			lz_view_add(v, word);
			first = false;
		} else if (lz_span_cut(word, '=', &name, &value) && lz_span_eq(name, key)) {
			return lz_view_text(v, value, ret);
		}
	}
	return key.n ? 0 : lz_view_text(v, lz_view_end(v), ret);
}
GETTER(proc_env)
{
	return env_of(v, v->at.proc, arg, ret);
}
/* "2" is the grandparent's whole environment, a name the variable of whichever ancestor has it. */
GETTER(proc_aenv)
{
	struct lz_proc *p = v->at.proc;
	uint64_t n;

	if (arg.n && lz_span_u64(arg, 10, &n) && n <= ANCESTORS_MAX)
		return env_of(v, lz_view_ancestor(v, (unsigned)n), lz_span(NULL, 0), ret);
	for (unsigned i = 0; i < ANCESTORS_MAX; i++) {
		p = lz_procs_parent(v->from.procs, p, v->from.live);
		if (!p)
			return 0;
		if (env_of(v, p, arg, ret))
			return 1;
	}
	return 0;
}

GETTER(proc_cwd)
{
	struct lz_span s = lz_shared_span(v->at.proc->cwd);

	if (!s.n)
		return 0;
	if (s.p[s.n - 1] == '/')
		return lz_view_text(v, s, ret);
	lz_view_begin(v);
	lz_view_add(v, s);
	lz_view_str(v, "/");
	return lz_view_text(v, lz_view_end(v), ret);
}

/* --- numbers --- */

GETTER(proc_loginshellid)
{
	struct lz_proc *p = v->at.proc, *found = NULL;

	for (unsigned i = 0; p && i < ANCESTORS_MAX; i++) {
		if (lz_span_ends(lz_proc_name(p), "sh"))
			found = p;
		p = lz_procs_parent(v->from.procs, p, v->from.live);
	}
	return pid_of(v, found, ret);
}
GETTER(proc_tty)
{
	return lz_view_int(v, v->at.proc->task.tty, ret);
}
GETTER(proc_pid)
{
	return pid_of(v, v->at.proc, ret);
}
GETTER(proc_ppid)
{
	struct lz_proc *p = lz_view_ancestor(v, 1);

	return lz_view_int(v, p ? p->task.pid : v->at.proc->task.ppid, ret);
}
GETTER(proc_apid)
{
	return ancestors(v, arg, pid_of, ret);
}
GETTER(proc_vpid)
{
	return lz_view_int(v, v->at.proc->task.vpid, ret);
}
GETTER(proc_pvpid)
{
	return lz_view_int(v, v->at.proc->task.vppid, ret);
}
GETTER(proc_sid)
{
	return lz_view_int(v, v->at.proc->task.vsid, ret);
}
GETTER(proc_vpgid)
{
	return lz_view_int(v, v->at.proc->task.vpgid, ret);
}
GETTER(proc_pgid)
{
	return lz_view_int(v, v->at.proc->task.pgid, ret);
}
GETTER(is_sid_leader)
{
	return lz_view_bool(v, v->at.proc->task.sid == v->at.proc->task.pid, ret);
}
GETTER(is_vpgid_leader)
{
	return lz_view_bool(v, v->at.proc->task.vpgid == v->at.proc->task.vpid, ret);
}
GETTER(is_pgid_leader)
{
	return lz_view_bool(v, v->at.proc->task.pgid == v->at.proc->task.pid, ret);
}

static struct lz_proc *by_pid(struct lz_view *v, uint32_t pid)
{
	return pid ? lz_procs_find(v->from.procs, pid, 0) : NULL;
}
GETTER(sid_name)
{
	return name_of(v, by_pid(v, v->at.proc->task.sid), ret);
}
GETTER(sid_exe)
{
	return exe_of(v, by_pid(v, v->at.proc->task.sid), ret);
}
GETTER(sid_exepath)
{
	return exepath_of(v, by_pid(v, v->at.proc->task.sid), ret);
}
GETTER(pgid_name)
{
	return name_of(v, by_pid(v, v->at.proc->task.pgid), ret);
}
GETTER(pgid_exe)
{
	return exe_of(v, by_pid(v, v->at.proc->task.pgid), ret);
}
GETTER(pgid_exepath)
{
	return exepath_of(v, by_pid(v, v->at.proc->task.pgid), ret);
}

/* --- times --- */

static size_t since(struct lz_view *v, uint64_t then_ns, const struct lz_datum **ret)
{
	uint64_t now = v->at.record->head.time_ns;

	return then_ns ? lz_view_int(v, now > then_ns ? (int64_t)(now - then_ns) : 0, ret) : 0;
}
static size_t wall(struct lz_view *v, uint64_t boot_ns, const struct lz_datum **ret)
{
	return boot_ns ? lz_view_int(v, (int64_t)boot_ns + v->at.wall_ns, ret) : 0;
}
GETTER(proc_duration)
{
	return since(v, v->at.proc->task.start_ns, ret);
}
GETTER(ppid_duration)
{
	struct lz_proc *p = lz_view_ancestor(v, 1);

	return p ? since(v, p->task.start_ns, ret) : 0;
}
GETTER(pid_ts)
{
	return wall(v, v->at.proc->task.start_ns, ret);
}
GETTER(ppid_ts)
{
	struct lz_proc *p = lz_view_ancestor(v, 1);

	return p ? wall(v, p->task.start_ns, ret) : 0;
}
GETTER(pidns_ts)
{
	return wall(v, v->at.proc->task.pidns_start_ns, ret);
}

/* --- the executable --- */

static bool exe_writable(const struct lz_proc *p)
{
	return (p->task.cap_effective >> 1 & 1) ||
	       (p->exe.uid == p->task.uid && (p->exe.mode & 0200)) ||
	       (p->exe.gid == p->task.gid && (p->exe.mode & 020)) || (p->exe.mode & 02);
}
GETTER(is_exe_writable)
{
	return v->at.proc->exe.inode ? lz_view_bool(v, exe_writable(v->at.proc), ret) : 0;
}
GETTER(is_exe_upper)
{
	return lz_view_bool(v, (v->at.proc->exe.flags & LZ_FILE_UPPER) != 0, ret);
}
GETTER(is_exe_lower)
{
	unsigned f = v->at.proc->exe.flags;

	return lz_view_bool(v, (f & LZ_FILE_OVERLAY) && !(f & LZ_FILE_UPPER), ret);
}
GETTER(is_exe_memfd)
{
	return lz_view_bool(v, lz_proc_from_memory(v->at.proc), ret);
}
GETTER(exe_ino)
{
	return v->at.proc->exe.inode ? lz_view_int(v, (int64_t)v->at.proc->exe.inode, ret) : 0;
}

static int64_t changed_ns(const struct lz_proc *p)
{
	return (int64_t)p->exe.ctime_s * 1000000000 + p->exe.ctime_ns;
}
GETTER(exe_ctime)
{
	return v->at.proc->exe.inode ? lz_view_int(v, changed_ns(v->at.proc), ret) : 0;
}
GETTER(exe_mtime)
{
	const struct lz_ev_file *f = &v->at.proc->exe;

	return f->inode ? lz_view_int(v, (int64_t)f->mtime_s * 1000000000 + f->mtime_ns, ret) : 0;
}
static size_t from_change(struct lz_view *v, uint64_t boot_ns, const struct lz_datum **ret)
{
	int64_t then = (int64_t)boot_ns + v->at.wall_ns, changed = changed_ns(v->at.proc);

	return boot_ns && v->at.proc->exe.inode
		       ? lz_view_int(v, then > changed ? then - changed : 0, ret)
		       : 0;
}
GETTER(ctime_to_start)
{
	const struct lz_proc *p = v->at.proc;

	return from_change(v, p->exec_seen ? p->exec_ns : p->task.start_ns, ret);
}
GETTER(ctime_to_pidns)
{
	return from_change(v, v->at.proc->task.pidns_start_ns, ret);
}

const struct lz_getter_row lz_getters_proc[] = {
	{"proc.exe", proc_exe},
	{"proc.pexe", proc_pexe},
	{"proc.aexe", proc_aexe},
	{"proc.exepath", proc_exepath},
	{"proc.pexepath", proc_pexepath},
	{"proc.aexepath", proc_aexepath},
	{"proc.name", proc_name},
	{"proc.pname", proc_pname},
	{"proc.aname", proc_aname},
	{"proc.args", proc_args},
	{"proc.cmdline", proc_cmdline},
	{"proc.pcmdline", proc_pcmdline},
	{"proc.acmdline", proc_acmdline},
	{"proc.cmdnargs", proc_cmdnargs},
	{"proc.cmdlenargs", proc_cmdlenargs},
	{"proc.exeline", proc_exeline},
	{"proc.env", proc_env},
	{"proc.aenv", proc_aenv},
	{"proc.cwd", proc_cwd},
	{"proc.loginshellid", proc_loginshellid},
	{"proc.tty", proc_tty},
	{"proc.pid", proc_pid},
	{"proc.ppid", proc_ppid},
	{"proc.apid", proc_apid},
	{"proc.vpid", proc_vpid},
	{"proc.pvpid", proc_pvpid},
	{"proc.sid", proc_sid},
	{"proc.sname", sid_name},
	{"proc.sid.exe", sid_exe},
	{"proc.sid.exepath", sid_exepath},
	{"proc.vpgid", proc_vpgid},
	{"proc.vpgid.name", pgid_name},
	{"proc.vpgid.exe", pgid_exe},
	{"proc.vpgid.exepath", pgid_exepath},
	{"proc.pgid", proc_pgid},
	{"proc.pgid.name", pgid_name},
	{"proc.pgid.exe", pgid_exe},
	{"proc.pgid.exepath", pgid_exepath},
	{"proc.duration", proc_duration},
	{"proc.ppid.duration", ppid_duration},
	{"proc.pid.ts", pid_ts},
	{"proc.ppid.ts", ppid_ts},
	{"proc.is_exe_writable", is_exe_writable},
	{"proc.is_exe_upper_layer", is_exe_upper},
	{"proc.is_exe_lower_layer", is_exe_lower},
	{"proc.is_exe_from_memfd", is_exe_memfd},
	{"proc.is_sid_leader", is_sid_leader},
	{"proc.is_vpgid_leader", is_vpgid_leader},
	{"proc.is_pgid_leader", is_pgid_leader},
	{"proc.exe_ino", exe_ino},
	{"proc.exe_ino.ctime", exe_ctime},
	{"proc.exe_ino.mtime", exe_mtime},
	{"proc.exe_ino.ctime_duration_proc_start", ctime_to_start},
	{"proc.exe_ino.ctime_duration_pidns_start", ctime_to_pidns},
	{"proc.pidns_init_start_ts", pidns_ts},
	{"thread.pidns_init_start_ts", pidns_ts},
	{NULL, NULL},
};
