/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of our own: file systems, credentials, namespaces, DNS, flows, io_uring, what is usual. */
#include "view_in.h"

#include "../base/bytes.h"
#include "dns.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define GETTER(name) \
	static size_t name(struct lz_view *v, struct lz_span arg, const struct lz_datum **ret)

/* --- files --- */

static const char *fs_name(uint32_t magic)
{
	static const struct {
		uint32_t magic;
		const char *name;
	} table[] = {{0x9fa0, "proc"},
		     {0x62656572, "sysfs"},
		     {0x27e0eb, "cgroup"},
		     {0x63677270, "cgroup2"},
		     {0x794c7630, "overlay"},
		     {0x01021994, "tmpfs"},
		     {0x858458f6, "ramfs"},
		     {0xef53, "ext4"},
		     {0x58465342, "xfs"},
		     {0x9123683e, "btrfs"},
		     {0x2fc12fc1, "zfs"},
		     {0xf2f52010, "f2fs"},
		     {0xcafe4a11, "bpf"},
		     {0x64626720, "debugfs"},
		     {0x74726163, "tracefs"},
		     {0x73636673, "securityfs"},
		     {0xf97cff8c, "selinuxfs"},
		     {0x62656570, "configfs"},
		     {0x1373, "devfs"},
		     {0x1cd1, "devpts"},
		     {0x19800202, "mqueue"},
		     {0x958458f6, "hugetlbfs"},
		     {0x6e736673, "nsfs"},
		     {0x50495045, "pipefs"},
		     {0x534f434b, "sockfs"},
		     {0x09041934, "anon"},
		     {0x6969, "nfs"},
		     {0xff534d42, "cifs"},
		     {0xfe534d42, "smb2"},
		     {0x01021997, "9p"},
		     {0x65735546, "fuse"},
		     {0x73717368, "squashfs"},
		     {0xe0f5e1e2, "erofs"},
		     {0x4d44, "vfat"},
		     {0x42494e4d, "binfmt_misc"},
		     {0xde5e81e4, "efivarfs"},
		     {0x6165676c, "pstore"},
		     {0x6a656a62, "shiftfs"}};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].magic == magic)
			return table[i].name;
	return NULL;
}

/* By name, or the number for those without one of ours. */
static size_t fs_of(struct lz_view *v, uint32_t magic, const struct lz_datum **ret)
{
	char number[16];

	if (fs_name(magic))
		return lz_view_cstr(v, fs_name(magic), ret);
	if (!magic)
		return 0;
	snprintf(number, sizeof(number), "0x%x", magic);
	return lz_view_text(v, lz_view_keep(v, lz_str(number)), ret);
}

GETTER(fd_fs)
{
	struct lz_ev_file f;

	return lz_view_file(v, &f) ? fs_of(v, f.magic, ret) : 0;
}
GETTER(exe_fs)
{
	return fs_of(v, v->at.proc->exe.magic, ret);
}
GETTER(exe_deleted)
{
	const struct lz_proc *p = v->at.proc;

	if (!p->exe.inode)
		return 0;
	return lz_view_bool(v, (p->exe_flags & LZ_PATH_DELETED) || !p->exe.links, ret);
}

/* What the event is about, by the same name whether it is opened, changed or started. */
GETTER(file_path)
{
	const struct lz_call_shape *s = v->shape;
	struct lz_span path;

	if (v->at.record->head.kind == LZ_EV_EXEC)
		path = lz_shared_span(v->at.proc->exe_path);
	else if (s && s->call->class != LZ_CLASS_OPEN && s->path[0] >= 0)
		path = lz_view_arg_path(v, (unsigned)s->path[s->path[1] >= 0]);
	else
		path = lz_view_fd_name(v);
	return path.n && path.p[0] == '/' ? lz_view_text(v, path, ret) : 0;
}

GETTER(fd_credential)
{
	struct lz_span path = v->shape && v->shape->call->class == LZ_CLASS_OPEN
				      ? lz_view_fd_name(v)
				      : lz_span(NULL, 0);

	return path.n && path.p[0] == '/' ? lz_view_cstr(v, lz_credential_kind(path), ret) : 0;
}

/* --- standard input, output, error --- */

static bool is_network(const struct lz_ev_stdio *s)
{
	return s->inode && s->connected && (s->family == AF_INET || s->family == AF_INET6);
}
static bool on_socket(const struct lz_proc *p)
{
	const struct lz_ev_stdio *s = p->stdio;

	return is_network(s) && s[1].inode == s->inode && s[2].inode == s->inode &&
	       s[1].family == s->family && s[2].family == s->family;
}
GETTER(stdio_socket)
{
	return lz_view_bool(v, on_socket(v->at.proc), ret);
}
GETTER(pstdio_socket)
{
	const struct lz_proc *p = lz_view_ancestor(v, 1);

	return p ? lz_view_bool(v, on_socket(p), ret) : 0;
}

/* --- namespaces --- */

static size_t same_ns(struct lz_view *v, size_t field, const struct lz_datum **ret)
{
	const struct lz_proc *host = lz_procs_host(v->from.procs);
	uint32_t own, hosts;

	if (!host)
		return 0;
	memcpy(&own, (const char *)&v->at.proc->task + field, sizeof(own));
	memcpy(&hosts, (const char *)&host->task + field, sizeof(hosts));
	return own && hosts ? lz_view_bool(v, own == hosts, ret) : 0;
}
GETTER(ns_mnt)
{
	return same_ns(v, offsetof(struct lz_ev_task, mntns), ret);
}
GETTER(ns_pid)
{
	return same_ns(v, offsetof(struct lz_ev_task, pidns), ret);
}
GETTER(ns_net)
{
	return same_ns(v, offsetof(struct lz_ev_task, netns), ret);
}
GETTER(ns_changed)
{
	const struct lz_ev_task *t = &v->at.proc->task;
	const struct lz_proc *first =
		v->at.container && v->at.container->pid
			? lz_procs_find(v->from.procs, v->at.container->pid, 0)
			: NULL;

	if (!first || first->ended_ns || !first->task.mntns || !t->mntns)
		return 0;
	return lz_view_bool(v,
			    t->mntns != first->task.mntns || t->pidns != first->task.pidns ||
				    t->netns != first->task.netns,
			    ret);
}

/* --- DNS --- */

static struct lz_dns *dns_of(struct lz_view *v)
{
	struct lz_dns *d;

	if (v->at.record->head.kind != LZ_EV_DNS)
		return NULL;
	d = lz_view_take(v, sizeof(*d));
	return d && lz_dns_read(v->at.record->part[LZ_PART_BYTES], d) ? d : NULL;
}
GETTER(dns_question)
{
	const struct lz_dns *d = dns_of(v);

	return d ? lz_view_text(v, lz_span(d->name, d->name_n), ret) : 0;
}
GETTER(dns_type)
{
	const struct lz_dns *d = dns_of(v);

	if (!d)
		return 0;
	if (lz_dns_type_name(d->type))
		return lz_view_cstr(v, lz_dns_type_name(d->type), ret);
	lz_view_begin(v);
	lz_view_str(v, "TYPE");
	lz_view_num(v, d->type);
	return lz_view_text(v, lz_view_end(v), ret);
}
GETTER(dns_is_answer)
{
	const struct lz_dns *d = dns_of(v);

	return d ? lz_view_bool(v, d->answer, ret) : 0;
}
GETTER(dns_code)
{
	const struct lz_dns *d = dns_of(v);

	return d && d->answer ? lz_view_int(v, d->code, ret) : 0;
}
GETTER(dns_answers)
{
	const struct lz_dns *d = dns_of(v);
	struct lz_datum *all = d && d->addresses ? lz_view_take(v, d->addresses * sizeof(*all))
						 : NULL;
	const struct lz_datum *one;
	size_t n = 0;

	for (size_t i = 0; all && i < d->addresses; i++)
		if (lz_view_ip(v, d->address[i].ip, d->address[i].bytes, &one))
			all[n++] = *one;
	*ret = all;
	return n;
}
GETTER(dns_server)
{
	struct lz_ev_dns d;

	if (!lz_record_copy(v->at.record, LZ_PART_DNS, &d, sizeof(d)))
		return 0;
	return lz_view_ip(v, d.server, d.family == AF_INET ? 4 : 16, ret);
}

/* --- flows --- */

static bool flow_of(const struct lz_view *v, struct lz_ev_flow *ret)
{
	return lz_record_copy(v->at.record, LZ_PART_FLOW, ret, sizeof(*ret));
}
GETTER(flow_sent)
{
	struct lz_ev_flow f;

	return flow_of(v, &f) ? lz_view_int(v, (int64_t)f.sent_bytes, ret) : 0;
}
GETTER(flow_received)
{
	struct lz_ev_flow f;

	return flow_of(v, &f) ? lz_view_int(v, (int64_t)f.received_bytes, ret) : 0;
}
GETTER(flow_duration)
{
	struct lz_ev_flow f;
	uint64_t now = v->at.record->head.time_ns;

	if (!flow_of(v, &f))
		return 0;
	return lz_view_int(v, now > f.began_ns ? (int64_t)(now - f.began_ns) : 0, ret);
}
GETTER(flow_ended)
{
	struct lz_ev_flow f;

	return flow_of(v, &f) ? lz_view_bool(v, f.ended, ret) : 0;
}
GETTER(flow_server)
{
	struct lz_ev_flow f;

	return flow_of(v, &f) ? lz_view_bool(v, f.server, ret) : 0;
}

bool lz_view_destination(struct lz_view *v, unsigned char ret_ip[16], unsigned *ret_bytes)
{
	struct lz_ev_socket s;
	bool server;

	if (v->at.record->head.kind != LZ_EV_FLOW &&
	    !(v->shape && v->shape->call->nr == SYS_connect))
		return false;
	if (!lz_view_socket(v, &s, &server) || server)
		return false;
	*ret_bytes = s.family == AF_INET ? 4 : 16;
	memset(ret_ip, 0, 16);
	memcpy(ret_ip, s.remote, *ret_bytes);
	return true;
}
void lz_view_know(struct lz_view *v, const struct lz_usual *usual,
		  const struct lz_stat_values *stat)
{
	v->at.usual = usual;
	v->at.stat = stat;
}
GETTER(destination_age)
{
	const struct lz_usual *u = v->at.usual;

	return u && u->destination_ns >= 0 ? lz_view_int(v, u->destination_ns, ret) : 0;
}

/* --- capabilities, io_uring --- */

GETTER(cap_name)
{
	const struct lz_ev *h = &v->at.record->head;
	const char *name = h->kind == LZ_EV_CAPABILITY && h->ret >= 0 && h->ret < 64
				   ? lz_cap_name((unsigned)h->ret)
				   : NULL;

	if (!name)
		return 0;
	lz_view_begin(v);
	lz_view_str(v, "CAP_");
	lz_view_str(v, name);
	return lz_view_text(v, lz_view_end(v), ret);
}

GETTER(throttle_began)
{
	struct lz_ev_throttle t;

	return lz_record_copy(v->at.record, LZ_PART_THROTTLE, &t, sizeof(t))
		       ? lz_view_bool(v, t.began != 0, ret)
		       : 0;
}
GETTER(throttle_dropped)
{
	struct lz_ev_throttle t;

	return lz_record_copy(v->at.record, LZ_PART_THROTTLE, &t, sizeof(t))
		       ? lz_view_int(v, (int64_t)t.dropped, ret)
		       : 0;
}
const char *lz_uring_name(unsigned operation)
{
	static const char *const names[] = {"nop",
					    "readv",
					    "writev",
					    "fsync",
					    "read_fixed",
					    "write_fixed",
					    "poll_add",
					    "poll_remove",
					    "sync_file_range",
					    "sendmsg",
					    "recvmsg",
					    "timeout",
					    "timeout_remove",
					    "accept",
					    "async_cancel",
					    "link_timeout",
					    "connect",
					    "fallocate",
					    "openat",
					    "close",
					    "files_update",
					    "statx",
					    "read",
					    "write",
					    "fadvise",
					    "madvise",
					    "send",
					    "recv",
					    "openat2",
					    "epoll_ctl",
					    "splice",
					    "provide_buffers",
					    "remove_buffers",
					    "tee",
					    "shutdown",
					    "renameat",
					    "unlinkat",
					    "mkdirat",
					    "symlinkat",
					    "linkat",
					    "msg_ring",
					    "fsetxattr",
					    "setxattr",
					    "fgetxattr",
					    "getxattr",
					    "socket",
					    "uring_cmd",
					    "send_zc",
					    "sendmsg_zc",
					    "read_multishot",
					    "waitid",
					    "futex_wait",
					    "futex_wake",
					    "futex_waitv",
					    "fixed_fd_install",
					    "ftruncate",
					    "bind",
					    "listen",
					    "recv_zc",
					    "epoll_wait",
					    "readv_fixed",
					    "writev_fixed",
					    "pipe"};

	return operation < sizeof(names) / sizeof(names[0]) ? names[operation] : NULL;
}

GETTER(uring_op)
{
	const struct lz_ev *h = &v->at.record->head;

	if (h->kind != LZ_EV_IO_URING || h->ret < 0)
		return 0;
	if (h->ret < 64 && lz_uring_name((unsigned)h->ret))
		return lz_view_cstr(v, lz_uring_name((unsigned)h->ret), ret);
	return lz_view_int(v, h->ret, ret);
}

/* --- what a container uses --- */

GETTER(stat_age)
{
	return v->at.usual ? lz_view_int(v, (int64_t)v->at.usual->age_ns, ret) : 0;
}
GETTER(stat_samples)
{
	return v->at.usual ? lz_view_int(v, (int64_t)v->at.usual->samples, ret) : 0;
}

static size_t figure(struct lz_view *v, unsigned needs, size_t field, const struct lz_datum **ret)
{
	const struct lz_stat_values *s = v->at.stat;
	uint64_t n;

	if (!s || (s->has & needs) != needs)
		return 0;
	memcpy(&n, (const char *)s + field, sizeof(n));
	return lz_view_int(v, n > INT64_MAX ? INT64_MAX : (int64_t)n, ret);
}
#define STAT(name, needs)                                                            \
	GETTER(stat_##name)                                                          \
	{                                                                            \
		return figure(v, needs, offsetof(struct lz_stat_values, name), ret); \
	}
STAT(forks, 0)
STAT(processes, 0)
STAT(new_destinations, 0)
STAT(cpu_percent, LZ_STATS_CPU)
STAT(connects, LZ_STATS_TCP)
STAT(connects_times, LZ_STATS_TCP)
STAT(accepts, LZ_STATS_TCP)
STAT(failed, LZ_STATS_TCP)
STAT(sent_bytes, LZ_STATS_BYTES)
STAT(sent_times, LZ_STATS_BYTES)
STAT(received_bytes, LZ_STATS_BYTES)
STAT(overflows, LZ_STATS_LISTEN)

const struct lz_getter_row lz_getters_own[] = {
	{"file.path", file_path},
	{"fd.fs", fd_fs},
	{"fd.credential", fd_credential},
	{"proc.exe.deleted", exe_deleted},
	{"proc.exe.fs", exe_fs},
	{"proc.stdio.socket", stdio_socket},
	{"proc.pstdio.socket", pstdio_socket},
	{"proc.ns.mnt_is_host", ns_mnt},
	{"proc.ns.pid_is_host", ns_pid},
	{"proc.ns.net_is_host", ns_net},
	{"proc.ns.changed", ns_changed},
	{"dns.question", dns_question},
	{"dns.type", dns_type},
	{"dns.is_answer", dns_is_answer},
	{"dns.code", dns_code},
	{"dns.answers", dns_answers},
	{"dns.server", dns_server},
	{"flow.sent_bytes", flow_sent},
	{"flow.received_bytes", flow_received},
	{"flow.duration", flow_duration},
	{"flow.ended", flow_ended},
	{"flow.is_server", flow_server},
	{"flow.destination_age", destination_age},
	{"cap.name", cap_name},
	{"throttle.began", throttle_began},
	{"throttle.dropped", throttle_dropped},
	{"uring.op", uring_op},
	{"container.stat.age", stat_age},
	{"container.stat.samples", stat_samples},
	{"container.stat.forks", stat_forks},
	{"container.stat.processes", stat_processes},
	{"container.stat.cpu", stat_cpu_percent},
	{"container.stat.connects", stat_connects},
	{"container.stat.connects_times", stat_connects_times},
	{"container.stat.accepts", stat_accepts},
	{"container.stat.failed", stat_failed},
	{"container.stat.sent", stat_sent_bytes},
	{"container.stat.sent_times", stat_sent_times},
	{"container.stat.received", stat_received_bytes},
	{"container.stat.listen_overflows", stat_overflows},
	{"container.stat.new_destinations", stat_new_destinations},
	{NULL, NULL},
};
