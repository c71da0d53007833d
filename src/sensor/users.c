/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files are opened below the process's root without leaving it and without crossing into
 * another mount: a container may have put one there that never answers. Where the tables lie on
 * such a mount the numbers are shown.
 */
#include "users.h"

#include "../base/alloc.h"
#include "../base/clean.h"
#include "../base/clock.h"
#include "../base/io.h"
#include "../base/limits.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define SPACES	  256 /* power of two */
#define TABLE_MAX (256 * LZ_K)

#define LOOK_MS 1000 /* between looks whether a table has changed */

/* What a file looks like from outside. */
struct look {
	uint64_t inode, size;
	struct timespec changed;
};

struct table {
	uint64_t space;
	bool read, given; /* given: by a recording; no file says more */
	uint64_t looked_ms;
	struct look passwd_look, group_look;
	struct lz_buf passwd, group;
};

struct lz_users {
	struct table host;
	struct table *table[SPACES];
	void (*told)(void *arg, uint64_t space, struct lz_span passwd, struct lz_span group);
	void *arg;
};

struct lz_users *lz_users_new(struct lz_err *err)
{
	struct lz_users *u = lz_alloc(sizeof(*u));

	if (!u)
		lz_fail(err, LZ_E_NOMEM, "out of memory");
	return u;
}

static void drop(struct table *t)
{
	lz_buf_done(&t->passwd);
	lz_buf_done(&t->group);
}

void lz_users_free(struct lz_users *u)
{
	if (!u)
		return;
	drop(&u->host);
	for (size_t i = 0; i < SPACES; i++)
		if (u->table[i]) {
			drop(u->table[i]);
			lz_free(u->table[i]);
		}
	lz_free(u);
}

static int open_below(int root, const char *path, int flags)
{
	struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC),
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS |
					  RESOLVE_NO_XDEV};

	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

static struct look look_of(const struct stat *st)
{
	return (struct look){st->st_ino, (uint64_t)st->st_size, st->st_ctim};
}

static bool is_other(int root, const char *path, const struct look *before)
{
	LZ_CLEAN(fd) int fd = open_below(root, path, O_PATH);
	struct look now = {0};
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st))
		now = look_of(&st);
	return now.inode != before->inode || now.size != before->size ||
	       now.changed.tv_sec != before->changed.tv_sec ||
	       now.changed.tv_nsec != before->changed.tv_nsec;
}

static void read_table(int root, const char *path, struct lz_buf *b, struct look *look)
{
	LZ_CLEAN(fd) int fd = open_below(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	struct lz_err err;
	struct stat st;

	lz_buf_init(b, TABLE_MAX);
	if (fd < 0 || fstat(fd, &st))
		return;
	*look = look_of(&st);
	if (!S_ISREG(st.st_mode) || st.st_size > (off_t)TABLE_MAX)
		return;
	if (lz_read_fd(fd, path, b, &err))
		lz_buf_done(b);
}

void lz_users_listen(struct lz_users *u,
		     void (*read)(void *arg, uint64_t space, struct lz_span passwd,
				  struct lz_span group),
		     void *arg)
{
	u->told = read;
	u->arg = arg;
}

/* The root of a process; the host's own, which a container's first process still has before it moves
 * into its own, is none. */
static int open_root(uint32_t pid)
{
	struct stat own, st;
	char path[40];
	int root;

	snprintf(path, sizeof(path), "/proc/%u/root", pid);
	root = open(pid ? path : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || !pid)
		return root;
	if (!fstat(root, &st) && !stat("/", &own) &&
	    (st.st_ino != own.st_ino || st.st_dev != own.st_dev))
		return root;
	close(root);
	return -1;
}

static bool fill(struct lz_users *u, struct table *t, uint32_t pid)
{
	LZ_CLEAN(fd) int root = open_root(pid);

	if (root < 0)
		return false;
	read_table(root, "etc/passwd", &t->passwd, &t->passwd_look);
	read_table(root, "etc/group", &t->group, &t->group_look);
	t->read = true;
	t->looked_ms = lz_now_ms();
	if (u->told)
		u->told(u->arg, t->space, lz_buf_view(&t->passwd), lz_buf_view(&t->group));
	return true;
}

static struct table **slot(struct lz_users *u, uint64_t space)
{
	return &u->table[(space * 0x9e3779b97f4a7c15ULL) >> 40 & (SPACES - 1)];
}

/* An empty table at a place, whoever had it before. */
static struct table *fresh(struct table **at, uint64_t space)
{
	if (!*at)
		*at = lz_alloc(sizeof(**at));
	if (!*at)
		return NULL;
	drop(*at);
	**at = (struct table){.space = space};
	return *at;
}

static struct table *known(struct lz_users *u, uint64_t space)
{
	struct table *t = space ? *slot(u, space) : &u->host;

	return t && t->space == space && t->read ? t : NULL;
}

bool lz_users_read(struct lz_users *u, uint64_t space, uint32_t pid)
{
	struct table t = {.space = space}, *at;

	if (known(u, space))
		return true;
	/* Whoever has the place keeps it until there is something to put there. */
	if ((space && !pid) || !fill(u, &t, space ? pid : 0))
		return false;
	at = space ? fresh(slot(u, space), space) : &u->host;
	if (at)
		*at = t;
	else
		drop(&t);
	return at != NULL;
}

static struct table *table_of(struct lz_users *u, uint64_t space, uint32_t pid)
{
	return lz_users_read(u, space, pid) ? known(u, space) : NULL;
}

void lz_users_put(struct lz_users *u, uint64_t space, struct lz_span passwd, struct lz_span group)
{
	struct table *t = space ? fresh(slot(u, space), space) : &u->host;

	if (!t)
		return;
	drop(t);
	lz_buf_init(&t->passwd, TABLE_MAX);
	lz_buf_init(&t->group, TABLE_MAX);
	lz_buf_span(&t->passwd, passwd);
	lz_buf_span(&t->group, group);
	t->read = t->given = true;
}

/* Fields of the line whose third field is the number. */
static bool find_line(struct lz_span text, uint32_t number, struct lz_span ret[7])
{
	struct lz_span line;

	while (lz_span_line(&text, &line)) {
		uint64_t n;
		for (size_t i = 0; i < 7; i++)
			lz_span_cut(line, ':', &ret[i], &line);
		if (lz_span_u64(ret[2], 10, &n) && n == number)
			return true;
	}
	return false;
}

/* Somebody is not in the table: it is read again when it has changed, as when users are added. */
static bool reread(struct lz_users *u, struct table *t, uint32_t pid)
{
	struct table fresh_one = {.space = t->space};
	uint64_t now = lz_now_ms();
	bool changed;
	int root;

	if (t->given || (t->space && !pid) || now - t->looked_ms < LOOK_MS)
		return false;
	t->looked_ms = now;
	root = open_root(t->space ? pid : 0);
	if (root < 0)
		return false;
	changed = is_other(root, "etc/passwd", &t->passwd_look) ||
		  is_other(root, "etc/group", &t->group_look);
	close(root);
	if (!changed || !fill(u, &fresh_one, t->space ? pid : 0))
		return false;
	drop(t);
	*t = fresh_one;
	return true;
}

static bool find_in(struct lz_users *u, struct table *t, bool group, uint32_t number, uint32_t pid,
		    struct lz_span ret[7])
{
	const struct lz_buf *b = t ? group ? &t->group : &t->passwd : NULL;

	if (!t)
		return false;
	return (b->p && find_line(lz_buf_view(b), number, ret)) ||
	       (reread(u, t, pid) && b->p && find_line(lz_buf_view(b), number, ret));
}

bool lz_users_find(struct lz_users *u, uint64_t space, uint32_t pid, uint32_t uid,
		   struct lz_user *ret)
{
	struct table *t = table_of(u, space, pid);
	struct lz_span f[7];

	*ret = (struct lz_user){0};
	if (find_in(u, t, false, uid, pid, f)) {
		*ret = (struct lz_user){f[0], f[5], f[6]};
		return true;
	}
	if (uid)
		return false;
	ret->name = LZ_SPAN("root");
	return true;
}

struct lz_span lz_users_group(struct lz_users *u, uint64_t space, uint32_t pid, uint32_t gid)
{
	struct table *t = table_of(u, space, pid);
	struct lz_span f[7];

	if (find_in(u, t, true, gid, pid, f))
		return f[0];
	return gid ? lz_span(NULL, 0) : LZ_SPAN("root");
}
