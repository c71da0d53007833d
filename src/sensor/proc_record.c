/* SPDX-License-Identifier: Apache-2.0 */
#include "proc_record.h"

#include "../base/clean.h"
#include "../base/map.h"
#include "proc_files.h"
#include "programs.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define TEXT_MAX 4096

/* --- single facts --- */

static size_t link_of(uint32_t pid, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	n = readlink(path, buf, size);
	return n > 0 ? (size_t)n : 0;
}

/* "mnt:[4026531841]" */
static uint32_t namespace_of(uint32_t pid, const char *name)
{
	char text[64];
	size_t n = link_of(pid, name, text, sizeof(text) - 1);
	const char *at;

	text[n] = 0;
	at = strchr(text, '[');
	return at ? (uint32_t)strtoul(at + 1, NULL, 10) : 0;
}

static uint64_t cgroup_of(uint32_t pid)
{
	char mount[256], text[8192], path[8600];
	bool v1 = lz_cgroup_is_v1();
	ssize_t n = lz_proc_read(pid, "cgroup", text, sizeof(text));
	struct lz_span rest = lz_span(text, n > 0 ? (size_t)n : 0), line, number, name;
	struct stat st;

	if (!lz_cgroup_mount(v1, mount, sizeof(mount)))
		return 0;
	while (lz_span_line(&rest, &line)) {
		lz_span_cut(line, ':', &number, &line);
		lz_span_cut(line, ':', &name, &line);
		if (v1 ? lz_span_search(name, LZ_SPAN("pids")) < 0 : !lz_span_is(number, "0"))
			continue;
		snprintf(path, sizeof(path), "%s%.*s", mount, LZ_FMT_ALL(line));
		return stat(path, &st) ? 0 : st.st_ino;
	}
	return 0;
}

/* The last number of a line "NSpid:	123	4", in base. */
static uint64_t last_of(struct lz_span text, const char *key, int base)
{
	struct lz_span line;
	uint64_t v = 0;

	while (lz_span_line(&text, &line)) {
		ptrdiff_t at;
		if (!lz_span_starts(line, key))
			continue;
		line = lz_span_trim(lz_span_from(line, strlen(key)));
		at = lz_span_rfind(line, '\t');
		lz_span_u64(lz_span_from(line, (size_t)(at + 1)), base, &v);
		break;
	}
	return v;
}

/* The second number of a line "Uid:	real	effective	saved	fs". */
static uint32_t second_of(struct lz_span text, const char *key)
{
	struct lz_span line, word;
	uint64_t v = 0;

	while (lz_span_line(&text, &line)) {
		if (!lz_span_starts(line, key))
			continue;
		line = lz_span_trim(lz_span_from(line, strlen(key)));
		lz_span_cut(line, '\t', &word, &line);
		lz_span_cut(line, '\t', &word, &line);
		lz_span_u64(word, 10, &v);
		break;
	}
	return (uint32_t)v;
}

/* --- parts --- */

static void part(struct lz_buf *b, unsigned id, const void *p, size_t n)
{
	struct lz_ev_part head = {(uint16_t)id, (uint16_t)n};

	lz_buf_add(b, &head, sizeof(head));
	lz_buf_add(b, p, n);
}

/* A path as programs write it: flags, then names from the last to the first. */
static void path_part(struct lz_buf *b, unsigned id, struct lz_span path)
{
	static const char gone[] = " (deleted)";
	char bytes[TEXT_MAX + LZ_PATH_DEPTH + 1];
	size_t n = 1;

	bytes[0] = 0;
	if (lz_span_ends(path, gone)) {
		path.n -= sizeof(gone) - 1;
		bytes[0] = LZ_PATH_DELETED;
	}
	if (lz_span_starts(path, "/memfd:")) {
		path = lz_span_from(path, 1);
		bytes[0] |= LZ_PATH_NO_MOUNT;
	}
	while (path.n) {
		ptrdiff_t at = lz_span_rfind(path, '/');
		struct lz_span name = lz_span_from(path, (size_t)(at + 1));
		if (name.n && name.n < 256 && n + 1 + name.n <= sizeof(bytes)) {
			bytes[n++] = (char)name.n;
			memcpy(bytes + n, name.p, name.n);
			n += name.n;
		}
		path = lz_span_head(path, at > 0 ? (size_t)at : 0);
	}
	part(b, id, bytes, n);
}

/* What may not be read is not told: an empty path would be the root. */
static void link_part(struct lz_buf *b, unsigned id, uint32_t pid, const char *name)
{
	char text[TEXT_MAX];
	size_t n = link_of(pid, name, text, sizeof(text));

	if (n)
		path_part(b, id, lz_span(text, n));
}

static void exe_part(struct lz_buf *b, uint32_t pid)
{
	char path[64];
	struct stat st;
	struct lz_ev_file f = {0};

	snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	if (stat(path, &st))
		return;
	f.inode = st.st_ino;
	f.ctime_s = (uint64_t)st.st_ctim.tv_sec;
	f.ctime_ns = (uint32_t)st.st_ctim.tv_nsec;
	f.mtime_s = (uint64_t)st.st_mtim.tv_sec;
	f.mtime_ns = (uint32_t)st.st_mtim.tv_nsec;
	f.device = major(st.st_dev) << 20 | minor(st.st_dev);
	f.mode = st.st_mode;
	f.links = (uint32_t)st.st_nlink;
	f.uid = st.st_uid;
	f.gid = st.st_gid;
	part(b, LZ_PART_EXE, &f, sizeof(f));
}

/* Name, parent and what else stat says: "pid (name) state ppid pgrp session tty …". */
static bool stat_facts(uint32_t pid, struct lz_ev_task *t)
{
	char buf[2048];
	ssize_t n = lz_proc_read(pid, "stat", buf, sizeof(buf));
	struct lz_span all = lz_span(buf, n > 0 ? (size_t)n : 0), rest, word;
	ptrdiff_t open = lz_span_find(all, '('), close = lz_span_rfind(all, ')');
	uint64_t v[6] = {0};

	if (open < 0 || close < open || !lz_proc_stat(pid, &t->ppid, &t->start_ns))
		return false;
	memcpy(t->comm, all.p + open + 1,
	       (size_t)(close - open - 1) < 15 ? (size_t)(close - open - 1) : 15);
	rest = lz_span_from(all, (size_t)close + 2);
	for (unsigned i = 0; i < 5; i++) {
		lz_span_cut(rest, ' ', &word, &rest);
		if (i)
			lz_span_u64(word, 10, &v[i]);
	}
	t->pgid = (uint32_t)v[2];
	t->sid = (uint32_t)v[3];
	t->tty = (uint32_t)v[4];
	return true;
}

static bool task_facts(uint32_t pid, struct lz_ev_task *t)
{
	LZ_CLEAN(buf) struct lz_buf status;
	uint64_t login = UINT32_MAX, start;
	uint32_t grandparent;
	struct lz_span s;
	char text[32];
	ssize_t n;

	lz_buf_init(&status, LZ_PROC_STATUS_MAX);
	if (!lz_proc_status_text(pid, &status) || !stat_facts(pid, t))
		return false;
	s = lz_buf_view(&status);
	t->pid = pid;
	if (lz_proc_stat(t->ppid, &grandparent, &start))
		t->parent_start_ns = start;
	t->vpid = (uint32_t)last_of(s, "NSpid:", 10);
	t->vsid = (uint32_t)last_of(s, "NSsid:", 10);
	t->vpgid = (uint32_t)last_of(s, "NSpgid:", 10);
	t->uid = second_of(s, "Uid:");
	t->gid = second_of(s, "Gid:");
	t->threads = (uint32_t)last_of(s, "Threads:", 10);
	t->cap_inheritable = last_of(s, "CapInh:", 16);
	t->cap_permitted = last_of(s, "CapPrm:", 16);
	t->cap_effective = last_of(s, "CapEff:", 16);
	n = lz_proc_read(pid, "loginuid", text, sizeof(text));
	lz_span_u64(lz_span_trim(lz_span(text, n > 0 ? (size_t)n : 0)), 10, &login);
	t->loginuid = (uint32_t)login;
	t->pidns = namespace_of(pid, "ns/pid");
	t->mntns = namespace_of(pid, "ns/mnt");
	t->netns = namespace_of(pid, "ns/net");
	t->cgroup = cgroup_of(pid);
	return true;
}

uint64_t lz_proc_boot_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void head_of(struct lz_ev *h, enum lz_ev_kind kind, const struct lz_ev_task *t)
{
	h->kind = (uint16_t)kind;
	h->nr = kind == LZ_EV_EXEC ? SYS_execve : 0;
	h->time_ns = lz_proc_boot_ns();
	h->start_ns = t->start_ns;
	h->cgroup = t->cgroup;
	h->cap_effective = t->cap_effective;
	h->cap_permitted = t->cap_permitted;
	h->pid = h->tid = t->pid;
	h->ppid = t->ppid;
	h->uid = t->uid;
	h->gid = t->gid;
	h->loginuid = t->loginuid;
	memcpy(h->comm, t->comm, sizeof(h->comm));
}

bool lz_proc_record(uint32_t pid, enum lz_ev_kind kind, struct lz_buf *b)
{
	struct lz_ev_task t = {0};
	struct lz_ev h = {0};
	char text[TEXT_MAX];
	ssize_t n;

	lz_buf_clear(b);
	if (!task_facts(pid, &t))
		return false;
	head_of(&h, kind, &t);
	lz_buf_add(b, &h, sizeof(h));
	part(b, LZ_PART_TASK, &t, sizeof(t));
	exe_part(b, pid);
	link_part(b, LZ_PART_EXE_PATH, pid, "exe");
	link_part(b, LZ_PART_CWD, pid, "cwd");
	n = lz_proc_read(pid, "cmdline", text, sizeof(text));
	part(b, LZ_PART_ARGV, text, n > 0 ? (size_t)n : 0);
	n = lz_proc_read(pid, "environ", text, sizeof(text));
	if (n > 0)
		part(b, LZ_PART_ENV, text, (size_t)n);
	if (b->code)
		return false;
	h.size = (uint32_t)b->n;
	memcpy(b->p, &h, sizeof(h));
	return true;
}

bool lz_proc_mark(uint32_t pid, struct lz_proc_mark *ret)
{
	char text[TEXT_MAX + 256];
	uint32_t ppid;
	size_t n;
	ssize_t m;

	if (!lz_proc_stat(pid, &ppid, &ret->start_ns))
		return false;
	n = link_of(pid, "exe", text, 256);
	m = lz_proc_read(pid, "cmdline", text + n, TEXT_MAX);
	ret->program = lz_hash(lz_span(text, n + (m > 0 ? (size_t)m : 0)));
	return true;
}
