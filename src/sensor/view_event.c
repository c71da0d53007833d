/* SPDX-License-Identifier: Apache-2.0 */
/* evt.*: what happened, its arguments, its result, its time. */
#include "view_in.h"

#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define GETTER(name) \
	static size_t name(struct lz_view *v, struct lz_span arg, const struct lz_datum **ret)
#define SECOND 1000000000ULL

/* --- time --- */

enum time_form { TIME_OF_DAY, DATE_AND_TIME, ISO_8601 };

static size_t show_time(struct lz_view *v, enum time_form form, bool nanoseconds,
			const struct lz_datum **ret)
{
	uint64_t ns = lz_view_time(v);
	time_t s = (time_t)(ns / SECOND);
	char text[64] = "", rest[16];
	struct tm tm;

	if (!(form == ISO_8601 ? gmtime_r(&s, &tm) : localtime_r(&s, &tm)))
		return 0;
	if (form == TIME_OF_DAY)
		strftime(text, sizeof(text), "%H:%M:%S", &tm);
	else if (form == DATE_AND_TIME)
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	else
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(rest, sizeof(rest), ".%09llu%s", (unsigned long long)(ns % SECOND),
		 form == ISO_8601 ? "Z" : "");
	lz_view_begin(v);
	lz_view_str(v, text);
	if (nanoseconds)
		lz_view_str(v, rest);
	return lz_view_enum(v, (int64_t)ns, lz_view_end(v), ret);
}

GETTER(evt_time)
{
	return show_time(v, TIME_OF_DAY, true, ret);
}
GETTER(evt_time_s)
{
	return show_time(v, TIME_OF_DAY, false, ret);
}
GETTER(evt_iso)
{
	return show_time(v, ISO_8601, true, ret);
}
GETTER(evt_datetime)
{
	return show_time(v, DATE_AND_TIME, true, ret);
}
GETTER(evt_datetime_s)
{
	return show_time(v, DATE_AND_TIME, false, ret);
}
GETTER(evt_rawtime)
{
	return lz_view_int(v, (int64_t)lz_view_time(v), ret);
}
GETTER(evt_rawtime_s)
{
	return lz_view_int(v, (int64_t)(lz_view_time(v) / SECOND), ret);
}
GETTER(evt_rawtime_ns)
{
	return lz_view_int(v, (int64_t)(lz_view_time(v) % SECOND), ret);
}

static uint64_t since_first(const struct lz_view *v)
{
	uint64_t now = v->at.record->head.time_ns;

	return now > v->at.first_ns ? now - v->at.first_ns : 0;
}
GETTER(evt_reltime)
{
	return lz_view_int(v, (int64_t)since_first(v), ret);
}
GETTER(evt_reltime_s)
{
	return lz_view_int(v, (int64_t)(since_first(v) / SECOND), ret);
}
GETTER(evt_reltime_ns)
{
	return lz_view_int(v, (int64_t)(since_first(v) % SECOND), ret);
}

/* --- kind --- */

static struct lz_span type_name(struct lz_view *v)
{
	int kind = lz_view_kind(v, v->at.record);

	return kind >= 0 ? lz_str(lz_event_kinds[kind]) : lz_span(NULL, 0);
}

static bool is_call(const struct lz_view *v)
{
	unsigned k = v->at.record->head.kind;

	return k == LZ_EV_CALL || k == LZ_EV_EXEC || k == LZ_EV_FORK;
}

GETTER(evt_num)
{
	return lz_view_int(v, (int64_t)v->at.number, ret);
}
GETTER(evt_source)
{
	return lz_view_text(v, LZ_SPAN("syscall"), ret);
}
GETTER(evt_hostname)
{
	char name[256];

	if (gethostname(name, sizeof(name)))
		return 0;
	name[sizeof(name) - 1] = 0;
	return lz_view_text(v, lz_view_keep(v, lz_str(name)), ret);
}
GETTER(evt_dir)
{
	return lz_view_text(v, LZ_SPAN("<"), ret);
}
GETTER(evt_type)
{
	struct lz_span s = type_name(v);

	return s.p ? lz_view_text(v, s, ret) : 0;
}
GETTER(evt_type_is)
{
	return lz_view_int(v, lz_span_eq(type_name(v), arg), ret);
}
GETTER(syscall_type)
{
	return is_call(v) ? evt_type(v, arg, ret) : 0;
}
GETTER(evt_is_async)
{
	return lz_view_bool(v, !is_call(v) && v->at.record->head.kind != LZ_EV_EXIT, ret);
}
GETTER(evt_asynctype)
{
	return !is_call(v) && v->at.record->head.kind != LZ_EV_EXIT ? evt_type(v, arg, ret) : 0;
}
GETTER(evt_cpu)
{
	return lz_view_int(v, v->at.record->head.cpu, ret);
}

GETTER(evt_category)
{
	static const struct {
		const char *category, *calls;
	} table[] = {
		{"file",
		 " open openat openat2 creat open_by_handle_at rename renameat renameat2 unlink "
		 "unlinkat rmdir mkdir mkdirat mknod mknodat link linkat symlink symlinkat chmod "
		 "fchmod fchmodat fchmodat2 chown fchown lchown fchownat chdir fchdir chroot "
		 "pivot_root mount umount2 move_mount fsopen fsconfig fsmount open_tree dup dup2 "
		 "dup3 memfd_create "},
		{"net",
		 " socket connect bind listen accept accept4 sendto sendmsg recvfrom recvmsg dns "
		 "flow "},
		{"process",
		 " execve execveat clone clone3 fork vfork procexit prctl setsid setns unshare "
		 "ptrace process_vm_readv process_vm_writev pidfd_open pidfd_getfd kill "},
		{"user", " setuid setgid setreuid setregid setresuid setresgid capset "},
		{"memory", " userfaultfd "},
	};
	struct lz_span s = type_name(v);
	char word[64];

	if (!s.p || s.n > sizeof(word) - 3)
		return 0;
	snprintf(word, sizeof(word), " %.*s ", LZ_FMT(s));
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strstr(table[i].calls, word))
			return lz_view_cstr(v, table[i].category, ret);
	return lz_view_cstr(v, is_call(v) ? "system" : "other", ret);
}

/* --- result --- */

static bool has_result(const struct lz_view *v)
{
	return is_call(v) || v->at.record->head.kind == LZ_EV_EXIT;
}

static int64_t result(const struct lz_view *v)
{
	const struct lz_ev *h = &v->at.record->head;

	return h->kind == LZ_EV_EXEC ? 0 : h->ret;
}

GETTER(evt_rawres)
{
	return has_result(v) ? lz_view_int(v, result(v), ret) : 0;
}

static struct lz_span result_name(struct lz_view *v)
{
	int64_t r = result(v);
	const char *name = r < 0 && r > -4096 ? lz_errno_name((int)-r) : "SUCCESS";

	if (name)
		return lz_str(name);
	lz_view_begin(v);
	lz_view_num(v, r);
	return lz_view_end(v);
}

GETTER(evt_res)
{
	return has_result(v) ? lz_view_text(v, result_name(v), ret) : 0;
}
GETTER(evt_failed)
{
	return has_result(v) ? lz_view_bool(v, result(v) < 0, ret) : 0;
}
GETTER(evt_count)
{
	return lz_view_int(v, 1, ret);
}
GETTER(evt_count_error)
{
	return has_result(v) && result(v) < 0 ? lz_view_int(v, 1, ret) : 0;
}

/* --- arguments --- */

/* "<4t>1.2.3.4:5->6.7.8.9:80", as people know it. */
static void add_fd(struct lz_view *v, unsigned i, int64_t number)
{
	struct lz_ev_file f;
	struct lz_span path;
	unsigned flags;

	if (!lz_record_copy(v->at.record, LZ_PART_FILE + i, &f, sizeof(f))) {
		lz_view_begin(v);
		lz_view_num(v, number);
		return;
	}
	path = lz_view_path_part(v, LZ_PART_PATH + i, &flags);
	lz_view_begin(v);
	lz_view_num(v, number);
	lz_view_str(v, (f.mode & 0170000) == 0140000   ? "(<s>"
		       : (f.mode & 0170000) == 0040000 ? "(<d>"
						       : "(<f>");
	lz_view_add(v, path);
	lz_view_str(v, ")");
}

struct lz_span lz_view_arg_shown(struct lz_view *v, unsigned i)
{
	const struct lz_call_arg *a = &v->shape->arg[i];
	char text[400];
	uint64_t n = 0;
	size_t length;

	switch (a->kind) {
	case 'P':
	case 'A':
	case 'c':
		return lz_view_arg_path(v, i);
	case 'S':
		return lz_view_arg_text(v, i);
	case 'B':
		return v->at.record->part[LZ_PART_BYTES];
	case 'K':
	case 'Z':
		return lz_view_fd_name(v);
	default:
		break;
	}
	if (a->kind == 'H') {
		uint64_t mode;
		lz_view_open_flags(v, &n, &mode);
	} else if (!lz_view_arg_number(v, i, &n)) {
		return lz_span(NULL, 0);
	}
	length = lz_call_show(a->kind == 'H' ? 'O' : a->kind, n, text, sizeof(text));
	if (length)
		return lz_view_keep(v, lz_span(text, length));
	if (a->kind == 'U' || a->kind == 'G') {
		struct lz_span name = a->kind == 'U' ? lz_view_user(v, (uint32_t)n)
						     : lz_view_group(v, (uint32_t)n);
		if (name.n)
			return name;
		lz_view_begin(v);
		lz_view_num(v, (int32_t)n);
		return lz_view_end(v);
	}
	if (a->kind == 'F' || a->kind == 'd') {
		add_fd(v, i, (int32_t)n);
		return lz_view_end(v);
	}
	lz_view_begin(v);
	if (a->kind == 'x') {
		snprintf(text, sizeof(text), "0x%llx", (unsigned long long)n);
		lz_view_str(v, text);
	} else {
		lz_view_num(v, (int64_t)n);
	}
	return lz_view_end(v);
}

/* The names that rules know an argument by, where a call has several. */
static bool same_name(const struct lz_call_shape *s, unsigned i, struct lz_span name)
{
	static const char *const groups[][4] = {
		{"path", "filename", "name", "pathname"},
		{"fd", "dirfd", NULL, NULL},
		{"flags", "how", NULL, NULL},
		{"addr", "tuple", "msg", NULL},
	};
	const struct lz_span own = s->arg[i].name;

	if (lz_span_eq(own, name))
		return true;
	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
		bool mine = false, asked = false;
		for (size_t k = 0; k < 4 && groups[g][k]; k++) {
			mine |= lz_span_is(own, groups[g][k]);
			asked |= lz_span_is(name, groups[g][k]);
		}
		if (mine && asked)
			return true;
	}
	return false;
}

static size_t call_arg(struct lz_view *v, unsigned i, bool raw, const struct lz_datum **ret)
{
	const struct lz_call_arg *a = &v->shape->arg[i];
	uint64_t n = 0;
	struct lz_span text = raw && strchr("PAc", a->kind) ? lz_view_arg_text(v, i)
							    : lz_view_arg_shown(v, i);

	if (!text.p)
		return 0;
	if (!lz_view_arg_number(v, i, &n))
		return lz_view_text(v, text, ret);
	if (strchr("iFdUG", a->kind))
		n = (uint64_t)(int64_t)(int32_t)n;
	if (raw)
		return lz_view_int(v, (int64_t)n, ret);
	return lz_view_enum(v, (int64_t)n, text, ret);
}

/* Arguments that Falco's events have and system calls do not. */
static size_t made_arg(struct lz_view *v, struct lz_span name, const struct lz_datum **ret)
{
	uint64_t flags, mode;
	const struct lz_ev *h = &v->at.record->head;

	if (lz_span_is(name, "res") ||
	    (lz_span_is(name, "fd") && v->shape && v->shape->call->ret_fd))
		return has_result(v) ? lz_view_enum(v, result(v),
						    result(v) < 0 ? result_name(v)
								  : (lz_view_begin(v),
								     lz_view_num(v, result(v)),
								     lz_view_end(v)),
						    ret)
				     : 0;
	if (lz_view_open_flags(v, &flags, &mode)) {
		char text[400];
		if (lz_span_is(name, "flags"))
			return lz_view_enum(
				v, (int64_t)flags,
				lz_view_keep(v, lz_span(text, lz_call_show('O', flags, text,
									   sizeof(text)))),
				ret);
		if (lz_span_is(name, "mode"))
			return lz_view_enum(
				v, (int64_t)mode,
				lz_view_keep(v, lz_span(text, lz_call_show('M', mode, text,
									   sizeof(text)))),
				ret);
	}
	if (h->kind == LZ_EV_EXIT && lz_span_is(name, "status"))
		return lz_view_int(v, h->ret, ret);
	return 0;
}

/* --- arguments of a program that was started --- */

static struct lz_span exec_flags(struct lz_view *v)
{
	const struct lz_proc *p = v->at.proc;
	bool may = p->task.cap_effective >> 1 & 1; /* CAP_DAC_OVERRIDE */

	may |= p->exe.uid == p->task.uid && (p->exe.mode & 0200);
	may |= p->exe.gid == p->task.gid && (p->exe.mode & 020);
	may |= (p->exe.mode & 02) != 0;
	lz_view_begin(v);
	if (may)
		lz_view_str(v, "EXE_WRITABLE");
	if (p->exe.flags & LZ_FILE_UPPER)
		lz_view_str(v, may ? "|EXE_UPPER_LAYER" : "EXE_UPPER_LAYER");
	if ((p->exe.flags & LZ_FILE_OVERLAY) && !(p->exe.flags & LZ_FILE_UPPER))
		lz_view_str(v, may ? "|EXE_LOWER_LAYER" : "EXE_LOWER_LAYER");
	if (lz_proc_from_memory(p))
		lz_view_str(v, may ? "|EXE_FROM_MEMFD" : "EXE_FROM_MEMFD");
	return lz_view_end(v);
}

static size_t exec_arg(struct lz_view *v, struct lz_span name, const struct lz_datum **ret)
{
	const struct lz_proc *p = v->at.proc;
	struct lz_span s;

	if (lz_span_is(name, "res"))
		return lz_view_enum(v, 0, LZ_SPAN("0"), ret);
	if (lz_span_is(name, "filename")) {
		s = lz_record_text(v->at.record, LZ_PART_NAME);
		return s.p ? lz_view_text(v, s, ret) : 0;
	}
	if (lz_span_is(name, "exe"))
		return lz_view_text(v, lz_proc_first_arg(p), ret);
	if (lz_span_is(name, "args"))
		return lz_view_text(v, lz_view_cmdline(v, p, lz_span(NULL, 0)), ret);
	if (lz_span_is(name, "comm"))
		return lz_view_text(v, lz_proc_name(p), ret);
	if (lz_span_is(name, "cwd"))
		return lz_view_text(v, lz_shared_span(p->cwd), ret);
	if (lz_span_is(name, "flags"))
		return lz_view_text(v, exec_flags(v), ret);
	if (lz_span_is(name, "trusted_exepath"))
		return lz_view_text(v, lz_shared_span(p->exe_path), ret);
	if (lz_span_is(name, "uid"))
		return lz_view_enum(v, p->task.uid, lz_view_user(v, p->task.uid), ret);
	if (lz_span_is(name, "gid"))
		return lz_view_enum(v, p->task.gid, lz_view_group(v, p->task.gid), ret);
	if (lz_span_is(name, "pid"))
		return lz_view_int(v, p->task.pid, ret);
	if (lz_span_is(name, "tid"))
		return lz_view_int(v, v->at.record->head.tid, ret);
	if (lz_span_is(name, "ptid"))
		return lz_view_int(v, p->task.ppid, ret);
	if (lz_span_is(name, "tty"))
		return lz_view_int(v, p->task.tty, ret);
	if (lz_span_is(name, "loginuid"))
		return lz_view_int(v, (int32_t)p->task.loginuid, ret);
	if (lz_span_is(name, "exe_ino"))
		return lz_view_int(v, (int64_t)p->exe.inode, ret);
	return 0;
}

static int find_arg(const struct lz_call_shape *s, struct lz_span name)
{
	uint64_t n;

	for (unsigned i = 0; i < s->args; i++)
		if (s->arg[i].kind != '-' && same_name(s, i, name))
			return (int)i;
	return lz_span_u64(name, 10, &n) && n < s->args && s->arg[n].kind != '-' ? (int)n : -1;
}

static size_t any_arg(struct lz_view *v, struct lz_span name, bool raw, const struct lz_datum **ret)
{
	size_t n;
	int i;

	if (v->at.record->head.kind == LZ_EV_EXEC)
		return exec_arg(v, name, ret);
	n = made_arg(v, name, ret);
	if (n || !v->shape)
		return n;
	i = find_arg(v->shape, name);
	return i >= 0 ? call_arg(v, (unsigned)i, raw, ret) : 0;
}

GETTER(evt_arg)
{
	return any_arg(v, arg, false, ret);
}
GETTER(evt_rawarg)
{
	return any_arg(v, arg, true, ret);
}

GETTER(evt_args)
{
	static const char *const of_exec[] = {"filename", "exe", "args", "cwd",
					      "flags",	  "uid", NULL};
	struct lz_span shown[LZ_EV_ARGS], name[LZ_EV_ARGS], res = result_name(v);
	const struct lz_datum *d;
	size_t n = 0;

	if (!has_result(v))
		return 0;
	if (v->shape) {
		for (unsigned i = 0; i < v->shape->args; i++)
			if (v->shape->arg[i].kind != '-') {
				name[n] = v->shape->arg[i].name;
				shown[n++] = lz_view_arg_shown(v, i);
			}
	} else if (v->at.record->head.kind == LZ_EV_EXEC) {
		for (; of_exec[n] && n < LZ_EV_ARGS; n++) {
			name[n] = lz_str(of_exec[n]);
			shown[n] = exec_arg(v, name[n], &d) ? d->text : lz_span(NULL, 0);
		}
	}
	lz_view_begin(v);
	lz_view_str(v, "res=");
	lz_view_num(v, result(v));
	if (result(v) < 0) {
		lz_view_str(v, "(");
		lz_view_add(v, res);
		lz_view_str(v, ")");
	}
	for (size_t i = 0; i < n; i++) {
		lz_view_str(v, " ");
		lz_view_add(v, name[i]);
		lz_view_str(v, "=");
		lz_view_add(v, shown[i]);
	}
	return lz_view_text(v, lz_view_end(v), ret);
}

/* --- opening, reading, writing --- */

/* What the kernel made of the flags, where a file was opened: with O_PATH neither is true. The
 * programs pass events over by the same. */
static bool opened_for(struct lz_view *v, unsigned what, bool *ret)
{
	struct lz_ev_file f;
	uint64_t flags, mode;

	if (!lz_view_open_flags(v, &flags, &mode))
		return false;
	if (lz_record_copy(v->at.record, LZ_PART_RET_FILE, &f, sizeof(f)))
		*ret = (f.flags & what) != 0;
	else
		*ret = !(flags & 010000000) &&
		       (what == LZ_FILE_WRITE ? (flags & 3) == 1 || (flags & 3) == 2
					      : !(flags & 1));
	return true;
}
GETTER(is_open_read)
{
	bool yes;

	return opened_for(v, LZ_FILE_READ, &yes) ? lz_view_bool(v, yes, ret) : 0;
}
GETTER(is_open_write)
{
	bool yes;

	return opened_for(v, LZ_FILE_WRITE, &yes) ? lz_view_bool(v, yes, ret) : 0;
}
GETTER(is_open_exec)
{
	uint64_t flags, mode;

	return lz_view_open_flags(v, &flags, &mode)
		       ? lz_view_bool(v, (flags & (0100 | 020000000)) && (mode & 0111), ret)
		       : 0;
}
GETTER(is_open_create)
{
	struct lz_ev_file f;
	uint64_t flags, mode;

	if (!lz_view_open_flags(v, &flags, &mode))
		return 0;
	return lz_view_bool(v,
			    lz_record_copy(v->at.record, LZ_PART_RET_FILE, &f, sizeof(f)) &&
				    (f.flags & LZ_FILE_CREATED),
			    ret);
}

static int io_of(const struct lz_view *v)
{
	if (!v->shape)
		return 0;
	switch (v->shape->call->nr) {
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_process_vm_writev:
		return 'w';
	case SYS_recvfrom:
	case SYS_recvmsg:
	case SYS_process_vm_readv:
		return 'r';
	default:
		return 0;
	}
}
GETTER(evt_is_io)
{
	return lz_view_bool(v, io_of(v) != 0, ret);
}
GETTER(evt_is_io_read)
{
	return lz_view_bool(v, io_of(v) == 'r', ret);
}
GETTER(evt_is_io_write)
{
	return lz_view_bool(v, io_of(v) == 'w', ret);
}
GETTER(evt_io_dir)
{
	int io = io_of(v);

	return lz_view_cstr(v, io == 'r' ? "r" : io == 'w' ? "w" : "-", ret);
}
GETTER(evt_is_wait)
{
	return lz_view_bool(v, false, ret);
}
GETTER(evt_is_syslog)
{
	return lz_view_bool(v, io_of(v) == 'w' && lz_span_is(lz_view_fd_name(v), "/dev/log"), ret);
}
GETTER(evt_buffer)
{
	struct lz_span s = v->at.record->part[LZ_PART_BYTES];

	return s.p ? lz_view_text(v, s, ret) : 0;
}
GETTER(evt_buflen)
{
	return io_of(v) && v->at.record->head.ret >= 0 ? lz_view_int(v, v->at.record->head.ret, ret)
						       : 0;
}

const struct lz_getter_row lz_getters_event[] = {
	{"evt.num", evt_num},
	{"evt.time", evt_time},
	{"evt.time.s", evt_time_s},
	{"evt.time.iso8601", evt_iso},
	{"evt.datetime", evt_datetime},
	{"evt.datetime.s", evt_datetime_s},
	{"evt.rawtime", evt_rawtime},
	{"evt.rawtime.s", evt_rawtime_s},
	{"evt.rawtime.ns", evt_rawtime_ns},
	{"evt.reltime", evt_reltime},
	{"evt.reltime.s", evt_reltime_s},
	{"evt.reltime.ns", evt_reltime_ns},
	{"evt.source", evt_source},
	{"evt.is_async", evt_is_async},
	{"evt.asynctype", evt_asynctype},
	{"evt.hostname", evt_hostname},
	{"evt.dir", evt_dir},
	{"evt.type", evt_type},
	{"evt.type.is", evt_type_is},
	{"syscall.type", syscall_type},
	{"evt.category", evt_category},
	{"evt.cpu", evt_cpu},
	{"evt.args", evt_args},
	{"evt.info", evt_args},
	{"evt.arg", evt_arg},
	{"evt.rawarg", evt_rawarg},
	{"evt.buffer", evt_buffer},
	{"evt.buflen", evt_buflen},
	{"evt.res", evt_res},
	{"evt.rawres", evt_rawres},
	{"evt.failed", evt_failed},
	{"evt.is_io", evt_is_io},
	{"evt.is_io_read", evt_is_io_read},
	{"evt.is_io_write", evt_is_io_write},
	{"evt.io_dir", evt_io_dir},
	{"evt.is_wait", evt_is_wait},
	{"evt.is_syslog", evt_is_syslog},
	{"evt.count", evt_count},
	{"evt.count.error", evt_count_error},
	{"evt.is_open_read", is_open_read},
	{"evt.is_open_write", is_open_write},
	{"evt.is_open_exec", is_open_exec},
	{"evt.is_open_create", is_open_create},
	{NULL, NULL},
};
