/* SPDX-License-Identifier: Apache-2.0 */
#include "reduced.h"

#include "../base/alloc.h"
#include "../base/clock.h"
#include "../base/limits.h"
#include "../base/buf.h"
#include "../base/vec.h"
#include "../sensor/proc_record.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS	     100
#define TOLD_MS	     200
#define PIDS	     4194304 /* the most that a kernel has */
#define SOCKET_BYTES (8 * LZ_M)

struct seen {
	uint32_t pid;
	struct lz_proc_mark mark;
};

struct lz_reduced {
	int socket;	    /* -1: /proc is looked at */
	struct lz_vec seen; /* struct seen by pid, at the last look */
	uint64_t looked_ms;
	bool missed;
	struct lz_buf record;
};

/* --- the process connector --- */

static int open_connector(void)
{
	struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};
	enum proc_cn_mcast_op op = PROC_CN_MCAST_LISTEN;
	char ask[NLMSG_HDRLEN + sizeof(struct cn_msg) + sizeof(op)] = {0};
	const struct nlmsghdr head = {.nlmsg_len = sizeof(ask), .nlmsg_type = NLMSG_DONE};
	const struct cn_msg message = {.id = {CN_IDX_PROC, CN_VAL_PROC}, .len = sizeof(op)};
	int s = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
	const int room = SOCKET_BYTES;

	memcpy(ask, &head, sizeof(head));
	memcpy(ask + NLMSG_HDRLEN, &message, sizeof(message));
	memcpy(ask + NLMSG_HDRLEN + sizeof(message), &op, sizeof(op));
	if (s >= 0 && setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(s, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (s >= 0 && (bind(s, (struct sockaddr *)&a, sizeof(a)) ||
		       send(s, ask, sizeof(ask), 0) != (ssize_t)sizeof(ask))) {
		close(s);
		return -1;
	}
	return s;
}

/* Some kernels take the question of one who is not root and never answer: a process of our own
 * shows it. */
static bool is_told(int s)
{
	struct pollfd p = {.fd = s, .events = POLLIN};
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	if (child > 0)
		waitpid(child, NULL, 0);
	return child > 0 && poll(&p, 1, TOLD_MS) > 0;
}

struct lz_reduced *lz_reduced_open(struct lz_err *err)
{
	struct lz_reduced *r = lz_alloc(sizeof(*r));

	if (!r) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	lz_vec_init(&r->seen, sizeof(struct seen), PIDS);
	lz_buf_init(&r->record, LZ_EV_MAX);
	r->socket = open_connector();
	if (r->socket >= 0 && !is_told(r->socket)) {
		close(r->socket);
		r->socket = -1;
	}
	return r;
}

void lz_reduced_close(struct lz_reduced *r)
{
	if (!r)
		return;
	if (r->socket >= 0)
		close(r->socket);
	lz_buf_done(&r->record);
	lz_vec_done(&r->seen);
	lz_free(r);
}

const char *lz_reduced_way(const struct lz_reduced *r)
{
	return r->socket >= 0 ? "the kernel tells of programs that start"
			      : "/proc is looked at ten times a second";
}

/* --- looking --- */

static void tell(struct lz_reduced *r, uint32_t pid, enum lz_ev_kind kind,
		 void (*each)(void *arg, struct lz_span record), void *arg)
{
	if (lz_proc_record(pid, kind, &r->record))
		each(arg, lz_buf_view(&r->record));
}

static void tell_end(uint32_t pid, uint64_t start_ns,
		     void (*each)(void *arg, struct lz_span record), void *arg)
{
	struct lz_ev h = {.size = sizeof(h),
			  .kind = LZ_EV_EXIT,
			  .pid = pid,
			  .tid = pid,
			  .start_ns = start_ns,
			  .flags = LZ_EVF_OTHER};

	h.time_ns = lz_proc_boot_ns();
	each(arg, lz_span(&h, sizeof(h)));
}

static void hear(struct lz_reduced *r, void (*each)(void *arg, struct lz_span record), void *arg)
{
	char bytes[8192] __attribute__((aligned(8)));
	struct sockaddr_nl from;
	socklen_t size = sizeof(from);
	ssize_t n;

	while ((n = recvfrom(r->socket, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &size)) >
		       0 ||
	       (n < 0 && errno == ENOBUFS)) {
		const struct nlmsghdr *h = (const void *)bytes;
		const struct cn_msg *m = NLMSG_DATA(h);
		struct proc_event e;
		r->missed |= n < 0; /* the socket was full; what it holds comes next */
		size = sizeof(from);
		if (n < (ssize_t)(NLMSG_HDRLEN + sizeof(*m) + sizeof(e)) || from.nl_pid)
			continue; /* the kernel's word counts, nobody else's */
		memcpy(&e, m->data, sizeof(e));
		if (e.what == PROC_EVENT_EXEC)
			tell(r, (uint32_t)e.event_data.exec.process_tgid, LZ_EV_EXEC, each, arg);
		else if (e.what == PROC_EVENT_EXIT &&
			 e.event_data.exit.process_pid == e.event_data.exit.process_tgid)
			tell_end((uint32_t)e.event_data.exit.process_tgid, 0, each, arg);
	}
}

static int by_pid(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

/* All processes that there are, by pid. Returns ret->code. */
static int list(struct lz_vec *ret)
{
	DIR *d = opendir("/proc");
	struct dirent *e;

	while (d && !ret->code && (e = readdir(d))) {
		struct seen s = {0};
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		s.pid = (uint32_t)strtoul(e->d_name, NULL, 10);
		if (lz_proc_mark(s.pid, &s.mark))
			lz_vec_add(ret, &s);
	}
	if (!d)
		return LZ_E_IO;
	closedir(d);
	lz_vec_sort(ret, by_pid);
	return ret->code;
}

/* Two lists by pid side by side: who is new or another than before has started, who is not there
 * any more has ended. As tasks: all that are there are told. */
static void look(struct lz_reduced *r, enum lz_ev_kind kind,
		 void (*each)(void *arg, struct lz_span record), void *arg)
{
	struct lz_vec now;
	size_t before = 0;

	lz_vec_init(&now, sizeof(struct seen), PIDS);
	if (list(&now)) { /* half a list would end the other half */
		r->missed = true;
		lz_vec_done(&now);
		return;
	}
	LZ_VEC_EACH (struct seen, s, &now) {
		const struct seen *old = NULL;
		for (; before < r->seen.n; before++) {
			old = lz_vec_at(&r->seen, before);
			if (old->pid >= s->pid)
				break;
			tell_end(old->pid, old->mark.start_ns, each, arg);
		}
		if (old && before < r->seen.n && old->pid == s->pid)
			before++;
		else
			old = NULL;
		if (kind == LZ_EV_TASK || !old || old->mark.start_ns != s->mark.start_ns ||
		    old->mark.program != s->mark.program)
			tell(r, s->pid, kind, each, arg);
	}
	for (; before < r->seen.n; before++) {
		const struct seen *old = lz_vec_at(&r->seen, before);
		tell_end(old->pid, old->mark.start_ns, each, arg);
	}
	lz_vec_done(&r->seen);
	r->seen = now;
}

void lz_reduced_tasks(struct lz_reduced *r, void (*each)(void *arg, struct lz_span record),
		      void *arg)
{
	r->looked_ms = lz_now_ms();
	look(r, LZ_EV_TASK, each, arg);
}

bool lz_reduced_missed(struct lz_reduced *r)
{
	bool missed = r->missed;

	r->missed = false;
	return missed;
}

void lz_reduced_poll(struct lz_reduced *r, int timeout_ms,
		     void (*each)(void *arg, struct lz_span record), void *arg)
{
	uint64_t now = lz_now_ms();

	if (r->socket >= 0) {
		struct pollfd p = {.fd = r->socket, .events = POLLIN};
		if (poll(&p, 1, timeout_ms) > 0)
			hear(r, each, arg);
		return;
	}
	if (now - r->looked_ms >= LOOK_MS) {
		r->looked_ms = now;
		look(r, LZ_EV_EXEC, each, arg);
		return;
	}
	if (timeout_ms > 0) {
		uint64_t left = LOOK_MS - (now - r->looked_ms);
		struct timespec t = {.tv_nsec = 1000000L * (long)(left < (uint64_t)timeout_ms
									  ? left
									  : (uint64_t)timeout_ms)};
		nanosleep(&t, NULL);
	}
}

/* --- why --- */

static bool says(const char *path, const char *text)
{
	char line[256] = "";
	FILE *f = fopen(path, "re");

	if (!f)
		return false;
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	return strstr(line, text) != NULL;
}

/* The first namespaces of a host have numbers that never change. */
static bool is_first(const char *name, const char *number)
{
	char path[64], text[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	n = readlink(path, text, sizeof(text) - 1);
	if (n < 0)
		return false;
	text[n] = 0;
	return strstr(text, number) != NULL;
}

int lz_reduced_why(struct lz_err *err)
{
	if (geteuid())
		return lz_fail(err, LZ_E_DENIED,
			       "kernel programs need root: start it as root, or with `sudo`");
	if (access("/proc/self/stat", R_OK))
		return lz_fail(err, LZ_E_UNSUPPORTED, "/proc is not mounted");
	if (!is_first("pid", "4026531836"))
		return lz_fail(
			err, LZ_E_UNSUPPORTED,
			"this is a container with process ids of its own, so the host can't be "
			"seen: start it with the host's (docker run --pid=host --privileged)");
	if (!is_first("cgroup", "4026531835"))
		return lz_fail(err, LZ_E_UNSUPPORTED,
			       "this is a container with control groups of its own, so containers "
			       "can't be told apart: start it with the host's (docker run "
			       "--cgroupns=host)");
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return lz_fail(
			err, LZ_E_UNSUPPORTED,
			"this kernel has no /sys/kernel/btf/vmlinux: it takes one built with "
			"CONFIG_DEBUG_INFO_BTF, and /sys mounted");
	if (says("/sys/kernel/security/lockdown", "[confidentiality]"))
		return lz_fail(
			err, LZ_E_DENIED,
			"lockdown is \"confidentiality\", which keeps programs from reading the "
			"kernel: boot with lockdown=integrity or less");
	return 0;
}

void lz_reduced_explain(struct lz_err *err)
{
	struct lz_err cause = *err;

	if (cause.sys == EPERM || cause.sys == EACCES)
		lz_fail(err, LZ_E_DENIED,
			"the kernel refuses its programs (%s): capabilities CAP_BPF, CAP_PERFMON "
			"and "
			"CAP_SYS_RESOURCE, or a security module, are in the way",
			cause.text);
	else if (cause.sys == EINVAL || cause.sys == ENOSYS)
		lz_fail(err, LZ_E_UNSUPPORTED,
			"this kernel is too old for the sensor (%s): it takes 5.10 or newer; "
			"`lazaret "
			"watch --doctor` says what is missing",
			cause.text);
}
