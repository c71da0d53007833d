/* SPDX-License-Identifier: Apache-2.0 */
/* fd.* and fs.path.*: the descriptor or the file that an event is about. */
#include "view_in.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#define GETTER(name) \
	static size_t name(struct lz_view *v, struct lz_span arg, const struct lz_datum **ret)

/* --- which descriptor --- */

int lz_view_fd_slot(const struct lz_view *v)
{
	const struct lz_call_shape *s = v->shape;

	if (!s)
		return -1;
	if (s->call->ret_fd && lz_record_has(v->at.record, LZ_PART_RET_FILE))
		return LZ_PART_RET_FILE - LZ_PART_FILE;
	return s->fd >= 0 && lz_record_has(v->at.record, LZ_PART_FILE + (unsigned)s->fd) ? s->fd
											 : -1;
}

bool lz_view_file(struct lz_view *v, struct lz_ev_file *ret)
{
	int slot = lz_view_fd_slot(v);

	return slot >= 0 &&
	       lz_record_copy(v->at.record, LZ_PART_FILE + (unsigned)slot, ret, sizeof(*ret));
}

static struct lz_span unix_name(struct lz_view *v, int slot)
{
	struct lz_span s = v->at.record->part[LZ_PART_UNIX + (unsigned)slot];
	struct lz_span a = v->at.record->part[LZ_PART_ADDRESS];
	uint16_t family = 0;

	if (!s.n && a.n > 2) {
		memcpy(&family, a.p, 2);
		if (family == AF_UNIX)
			s = lz_span_from(a, 2);
	}
	if (s.n && s.p[0] == 0) { /* abstract: people write it with @ */
		lz_view_begin(v);
		lz_view_str(v, "@");
		lz_view_add(v, lz_span_from(s, 1));
		return lz_view_end(v);
	}
	/* One that nobody named has the empty name: it is not this or that, which rules ask. */
	return s.n ? lz_span_head(s, strnlen(s.p, s.n)) : LZ_SPAN("");
}

/* --- files --- */

/* The path that a call is about where no descriptor came of it. */
static struct lz_span failed_path(struct lz_view *v)
{
	const struct lz_call_shape *s = v->shape;

	if (!s || s->call->class != LZ_CLASS_OPEN || s->path[0] < 0)
		return lz_span(NULL, 0);
	return lz_view_arg_path(v, (unsigned)s->path[0]);
}

static struct lz_span find_name(struct lz_view *v)
{
	int slot = lz_view_fd_slot(v);
	struct lz_ev_socket s;
	struct lz_ev_file f;
	unsigned flags;
	bool server;

	if (lz_view_socket(v, &s, &server))
		return lz_view_socket_name(v, &s, server);
	if (slot < 0)
		return failed_path(v);
	if (lz_view_file(v, &f) && (f.mode & S_IFMT) == S_IFSOCK)
		return unix_name(v, slot);
	return lz_view_path_part(v, LZ_PART_PATH + (unsigned)slot, &flags);
}

struct lz_span lz_view_fd_name(struct lz_view *v)
{
	if (!v->fd_known) {
		struct lz_span s = find_name(v);
		v->fd_known = true;
		v->fd_path = (struct lz_datum){.text = s};
		v->fd_has_path = s.p != NULL;
	}
	return v->fd_has_path ? v->fd_path.text : lz_span(NULL, 0);
}

const char *lz_view_file_type(uint32_t mode, uint16_t family, struct lz_span name, bool no_mount)
{
	static const struct {
		const char *name, *type;
	} anonymous[] = {{"anon_inode:[eventfd]", "event"},
			 {"anon_inode:[signalfd]", "signalfd"},
			 {"anon_inode:[eventpoll]", "eventpoll"},
			 {"anon_inode:inotify", "inotify"},
			 {"anon_inode:[timerfd]", "timerfd"},
			 {"anon_inode:[userfaultfd]", "userfaultfd"},
			 {"anon_inode:[io_uring]", "io_uring"},
			 {"anon_inode:[pidfd]", "pidfd"}};

	switch (mode & S_IFMT) {
	case S_IFSOCK:
		return family == AF_INET      ? "ipv4"
		       : family == AF_INET6   ? "ipv6"
		       : family == AF_UNIX    ? "unix"
		       : family == AF_NETLINK ? "netlink"
					      : "other";
	case S_IFDIR:
		return "directory";
	case S_IFIFO:
		return "pipe";
	default:
		break;
	}
	if (!no_mount)
		return "file";
	if (lz_span_starts(name, "memfd:"))
		return "memfd";
	for (size_t i = 0; i < sizeof(anonymous) / sizeof(anonymous[0]); i++)
		if (lz_span_starts(name, anonymous[i].name))
			return anonymous[i].type;
	return lz_span_starts(name, "anon_inode:bpf") ? "bpf"
	       : lz_span_starts(name, "anon_inode:")  ? "other"
						      : "file";
}

/* Of what could not be opened: what was asked for. */
static const char *failed_type(struct lz_view *v)
{
	uint64_t open_flags, mode;

	if (!lz_view_open_flags(v, &open_flags, &mode))
		return NULL;
	return open_flags & 0200000 ? "directory" : "file";
}

static const char *type_of(struct lz_view *v)
{
	int slot = lz_view_fd_slot(v);
	struct lz_ev_socket s;
	struct lz_ev_file f;
	unsigned flags = 0;
	uint16_t family = 0;
	bool server;

	if (lz_view_socket(v, &s, &server))
		return s.family == AF_INET ? "ipv4" : "ipv6";
	if (!lz_view_file(v, &f))
		return failed_type(v);
	if (lz_record_copy(v->at.record, LZ_PART_SOCKET + (unsigned)slot, &s, sizeof(s)))
		family = s.family;
	if (lz_record_has(v->at.record, LZ_PART_PATH + (unsigned)slot))
		lz_view_path_part(v, LZ_PART_PATH + (unsigned)slot, &flags);
	return lz_view_file_type(f.mode, family, lz_view_fd_name(v), flags & LZ_PATH_NO_MOUNT);
}

GETTER(fd_type)
{
	return lz_view_cstr(v, type_of(v), ret);
}
GETTER(fd_typechar)
{
	static const struct {
		const char *type, *letter;
	} letters[] = {{"file", "f"},	 {"directory", "d"},   {"ipv4", "4"},
		       {"ipv6", "6"},	 {"unix", "u"},	       {"pipe", "p"},
		       {"event", "e"},	 {"signalfd", "s"},    {"eventpoll", "l"},
		       {"inotify", "i"}, {"timerfd", "t"},     {"netlink", "n"},
		       {"bpf", "b"},	 {"userfaultfd", "u"}, {"io_uring", "r"},
		       {"memfd", "m"},	 {"pidfd", "P"}};
	const char *type = type_of(v);

	for (size_t i = 0; type && i < sizeof(letters) / sizeof(letters[0]); i++)
		if (!strcmp(letters[i].type, type))
			return lz_view_cstr(v, letters[i].letter, ret);
	return type ? lz_view_cstr(v, "o", ret) : 0;
}

GETTER(fd_num)
{
	const struct lz_ev *h = &v->at.record->head;
	uint64_t n;

	if (!v->shape)
		return 0;
	if (v->shape->call->ret_fd)
		return lz_view_int(v, h->ret < 0 ? -1 : h->ret, ret);
	return v->shape->fd >= 0 && lz_view_arg_number(v, (unsigned)v->shape->fd, &n)
		       ? lz_view_int(v, (int32_t)n, ret)
		       : 0;
}
/* /proc/self/exe, /proc/123/fd/4: links that lead to a file without a path. */
static bool is_magic(struct lz_span path)
{
	static const char *const ends[] = {"exe", "fd", "cwd", "root"};
	struct lz_span who, what, rest, number;

	if (!lz_span_starts(path, "/proc/"))
		return false;
	lz_span_cut(lz_span_from(path, 6), '/', &who, &rest);
	lz_span_cut(rest, '/', &what, &number);
	for (size_t i = 0; who.n && i < sizeof(ends) / sizeof(ends[0]); i++)
		if (lz_span_is(what, ends[i]))
			return i == 1 ? number.n != 0 : !number.n;
	return false;
}

/* Rules know such a link by its own name, others the file it led to: both are its names. */
GETTER(fd_name)
{
	const struct lz_call_shape *s = v->shape;
	struct lz_span name = lz_view_fd_name(v), given;
	struct lz_datum *both;

	if (!name.p)
		return 0;
	if (!s || s->call->class != LZ_CLASS_OPEN || s->path[0] < 0)
		return lz_view_text(v, name, ret);
	given = lz_view_arg_text(v, (unsigned)s->path[0]);
	if (!given.n || given.p[0] != '/' || !is_magic(given))
		return lz_view_text(v, name, ret);
	both = lz_view_take(v, 2 * sizeof(*both));
	if (!both)
		return lz_view_text(v, name, ret);
	both[0] = (struct lz_datum){.text = name};
	both[1] = (struct lz_datum){.text = given};
	*ret = both;
	return 2;
}
GETTER(fd_nameraw)
{
	const struct lz_call_shape *s = v->shape;
	struct lz_span given;

	if (!s || s->path[0] < 0 || s->call->class != LZ_CLASS_OPEN)
		return fd_name(v, arg, ret);
	given = lz_view_arg_text(v, (unsigned)s->path[0]);
	return given.p ? lz_view_text(v, given, ret) : 0;
}

static bool is_path(struct lz_view *v, struct lz_span *ret)
{
	const char *type = type_of(v);

	*ret = lz_view_fd_name(v);
	return ret->n && ret->p[0] == '/' &&
	       (!type || !strcmp(type, "file") || !strcmp(type, "directory"));
}
GETTER(fd_directory)
{
	const char *type = type_of(v);
	struct lz_span s;
	ptrdiff_t at;

	if (!is_path(v, &s))
		return 0;
	if (type && !strcmp(type, "directory"))
		return lz_view_text(v, s, ret);
	at = lz_span_rfind(s, '/');
	return lz_view_text(v, lz_span_head(s, at > 0 ? (size_t)at : 1), ret);
}
GETTER(fd_filename)
{
	struct lz_span s;

	if (!is_path(v, &s))
		return 0;
	return lz_view_text(v, lz_span_from(s, (size_t)(lz_span_rfind(s, '/') + 1)), ret);
}

GETTER(fd_sockfamily)
{
	const char *type = type_of(v);

	if (!type)
		return 0;
	return !strncmp(type, "ipv", 3) ? lz_view_cstr(v, "ip", ret)
	       : !strcmp(type, "unix")	? lz_view_cstr(v, "unix", ret)
					: 0;
}

GETTER(fd_uid)
{
	const struct lz_datum *d;

	if (!fd_num(v, arg, &d))
		return 0;
	lz_view_begin(v);
	lz_view_num(v, v->at.record->head.tid);
	lz_view_num(v, d->num);
	return lz_view_text(v, lz_view_end(v), ret);
}

static size_t with_container(struct lz_view *v, struct lz_span s, const struct lz_datum **ret)
{
	lz_view_begin(v);
	lz_view_add(v, lz_view_container(v));
	lz_view_str(v, ":");
	lz_view_add(v, s);
	return lz_view_text(v, lz_view_end(v), ret);
}
GETTER(fd_containername)
{
	struct lz_span s = lz_view_fd_name(v);

	return s.p ? with_container(v, s, ret) : 0;
}
GETTER(fd_containerdirectory)
{
	const struct lz_datum *d;

	return fd_directory(v, arg, &d) ? with_container(v, d->text, ret) : 0;
}

GETTER(fd_dev)
{
	struct lz_ev_file f;

	return lz_view_file(v, &f) ? lz_view_int(v, f.device, ret) : 0;
}
/* The kernel keeps 12 bits of major above 20 of minor. */
GETTER(fd_dev_major)
{
	struct lz_ev_file f;

	return lz_view_file(v, &f) ? lz_view_int(v, f.device >> 20, ret) : 0;
}
GETTER(fd_dev_minor)
{
	struct lz_ev_file f;

	return lz_view_file(v, &f) ? lz_view_int(v, f.device & 0xfffff, ret) : 0;
}
GETTER(fd_ino)
{
	struct lz_ev_file f;

	return lz_view_file(v, &f) ? lz_view_int(v, (int64_t)f.inode, ret) : 0;
}
GETTER(fd_upper)
{
	struct lz_ev_file f;

	return lz_view_file(v, &f) ? lz_view_bool(v, (f.flags & LZ_FILE_UPPER) != 0, ret) : 0;
}
GETTER(fd_lower)
{
	struct lz_ev_file f;

	return lz_view_file(v, &f)
		       ? lz_view_bool(v, (f.flags & LZ_FILE_OVERLAY) && !(f.flags & LZ_FILE_UPPER),
				      ret)
		       : 0;
}

/* --- fs.path.*: the paths of calls that are about names, not descriptors --- */

static int path_arg(const struct lz_view *v, unsigned which)
{
	const struct lz_call_shape *s = v->shape;

	if (!s || s->path[0] < 0)
		return -1;
	return s->path[1] < 0 ? (which ? -1 : s->path[0]) : s->path[which];
}
static size_t path_shown(struct lz_view *v, int i, bool raw, const struct lz_datum **ret)
{
	struct lz_span s;

	if (i < 0)
		return 0;
	s = raw || v->shape->arg[i].kind == 'S' ? lz_view_arg_text(v, (unsigned)i)
						: lz_view_arg_path(v, (unsigned)i);
	return s.p ? lz_view_text(v, s, ret) : 0;
}
/* Of two paths: none is "the" path. */
GETTER(fs_name)
{
	return v->shape && v->shape->path[1] < 0 ? path_shown(v, path_arg(v, 0), false, ret) : 0;
}
GETTER(fs_nameraw)
{
	return v->shape && v->shape->path[1] < 0 ? path_shown(v, path_arg(v, 0), true, ret) : 0;
}
static int two_paths(const struct lz_view *v, unsigned which)
{
	return v->shape && v->shape->path[1] >= 0 ? path_arg(v, which) : -1;
}
GETTER(fs_source)
{
	return path_shown(v, two_paths(v, 0), false, ret);
}
GETTER(fs_sourceraw)
{
	return path_shown(v, two_paths(v, 0), true, ret);
}
GETTER(fs_target)
{
	return path_shown(v, two_paths(v, 1), false, ret);
}
GETTER(fs_targetraw)
{
	return path_shown(v, two_paths(v, 1), true, ret);
}

const struct lz_getter_row lz_getters_fd[] = {
	{"fd.num", fd_num},
	{"fd.type", fd_type},
	{"fd.typechar", fd_typechar},
	{"fd.name", fd_name},
	{"fd.nameraw", fd_nameraw},
	{"fd.directory", fd_directory},
	{"fd.filename", fd_filename},
	{"fd.sockfamily", fd_sockfamily},
	{"fd.uid", fd_uid},
	{"fd.containername", fd_containername},
	{"fd.containerdirectory", fd_containerdirectory},
	{"fd.dev", fd_dev},
	{"fd.dev.major", fd_dev_major},
	{"fd.dev.minor", fd_dev_minor},
	{"fd.ino", fd_ino},
	{"fd.is_upper_layer", fd_upper},
	{"fd.is_lower_layer", fd_lower},
	{"fs.path.name", fs_name},
	{"fs.path.nameraw", fs_nameraw},
	{"fs.path.source", fs_source},
	{"fs.path.sourceraw", fs_sourceraw},
	{"fs.path.target", fs_target},
	{"fs.path.targetraw", fs_targetraw},
	{NULL, NULL},
};
