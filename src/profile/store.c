/* SPDX-License-Identifier: Apache-2.0 */
/* The profiles of a folder. */
#include "profile_in.h"

#include "../base/alloc.h"
#include "../base/clean.h"
#include "../base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { FILES_MAX = 1000, FOLDER_MAX = 3000 };

struct file {
	char path[4096];
	struct lz_profile *p;
	uint64_t stamp; /* 0: not of a file yet */
	bool there;	/* in the folder when it was last looked at */
};

struct lz_profiles {
	char folder[FOLDER_MAX + 1];
	struct lz_vec files; /* struct file * */
	struct lz_map index; /* digest and id → struct file * */
	uint64_t stamp;
	size_t count; /* files with a profile */
};

static int out_of_memory(struct lz_err *err)
{
	return lz_fail(err, LZ_E_NOMEM, "out of memory");
}

struct lz_profiles *lz_profiles_new(const char *folder, struct lz_err *err)
{
	struct lz_profiles *s;
	size_t n = strlen(folder);

	while (n > 1 && folder[n - 1] == '/')
		n--;
	if (!n || n > FOLDER_MAX) {
		lz_fail(err, LZ_E_USAGE, "the name of a folder has 1 to %d bytes", FOLDER_MAX);
		return NULL;
	}
	s = lz_alloc(sizeof(*s));
	if (!s) {
		out_of_memory(err);
		return NULL;
	}
	memcpy(s->folder, folder, n);
	lz_vec_init(&s->files, sizeof(struct file *), 2 * FILES_MAX);
	lz_map_init(&s->index, 4 * FILES_MAX);
	return s;
}

static void drop(struct file *f)
{
	lz_profile_free(f->p);
	lz_free(f);
}

void lz_profiles_free(struct lz_profiles *s)
{
	if (!s)
		return;
	LZ_VEC_EACH (struct file *, f, &s->files)
		drop(*f);
	lz_vec_done(&s->files);
	lz_map_done(&s->index);
	lz_free(s);
}

/* --- which image ------------------------------------------------------------------------------ */

static struct file *file_of(const struct lz_profiles *s, struct lz_span digest, struct lz_span id)
{
	struct lz_map_item *it = digest.n ? lz_map_get(&s->index, digest) : NULL;

	if (!it && id.n)
		it = lz_map_get(&s->index, id);
	return it ? it->value.ptr : NULL;
}

static int index_one(struct lz_profiles *s, struct file *f, struct lz_err *err)
{
	const struct lz_span keys[] = {f->p->about.digest, f->p->about.id};

	for (size_t i = 0; i < 2; i++) {
		struct lz_map_item *it;
		if (!keys[i].n)
			continue;
		it = lz_map_put(&s->index, keys[i], NULL, NULL);
		if (!it)
			return out_of_memory(err);
		it->value.ptr = f;
	}
	return 0;
}

static int index_all(struct lz_profiles *s, struct lz_err *err)
{
	int code = 0;

	lz_map_done(&s->index);
	lz_map_init(&s->index, 4 * FILES_MAX);
	s->count = 0;
	LZ_VEC_EACH (struct file *, f, &s->files) {
		if (!(*f)->p)
			continue;
		s->count++;
		if (!code)
			code = index_one(s, *f, err);
	}
	return code;
}

/* --- the folder ------------------------------------------------------------------------------- */

static int is_profile(const struct dirent *e)
{
	struct lz_span name = lz_str(e->d_name);

	return e->d_name[0] != '.' && (lz_span_ends(name, ".yaml") || lz_span_ends(name, ".yml"));
}

typedef int each_file(void *arg, const char *path, uint64_t stamp, struct lz_err *err);

static uint64_t stamp_of(const char *path)
{
	struct stat st;
	uint64_t parts[5];

	if (stat(path, &st))
		return 1;
	parts[0] = (uint64_t)st.st_ino;
	parts[1] = (uint64_t)st.st_size;
	parts[2] = (uint64_t)st.st_mtim.tv_sec;
	parts[3] = (uint64_t)st.st_mtim.tv_nsec;
	parts[4] = lz_hash_stable(lz_str(path));
	return lz_hash_stable(lz_span(parts, sizeof(parts))) | 1;
}

static int each_of(const struct lz_profiles *s, each_file *each, void *arg, struct lz_err *err)
{
	struct dirent **names = NULL;
	int n = scandir(s->folder, &names, is_profile, alphasort), code = 0;

	if (n < 0 && errno == ENOENT)
		return 0;
	if (n < 0)
		return lz_fail_errno(err, "%s", s->folder);
	if (n > FILES_MAX)
		code = lz_fail(err, LZ_E_LIMIT, "%s: more than %d profiles", s->folder, FILES_MAX);
	for (int i = 0; i < n; i++) {
		char path[FOLDER_MAX + 300];
		snprintf(path, sizeof(path), "%s/%s", s->folder, names[i]->d_name);
		if (!code)
			code = each(arg, path, stamp_of(path), err);
		free(names[i]);
	}
	free(names);
	return code;
}

static int add_stamp(void *arg, const char *path, uint64_t stamp, struct lz_err *err)
{
	uint64_t *sum = arg;
	uint64_t parts[2] = {*sum, stamp};

	(void)path;
	(void)err;
	*sum = lz_hash_stable(lz_span(parts, sizeof(parts)));
	return 0;
}

static uint64_t folder_stamp(const struct lz_profiles *s)
{
	uint64_t sum = 1;

	return each_of(s, add_stamp, &sum, NULL) ? 0 : sum;
}

bool lz_profiles_changed(struct lz_profiles *s)
{
	return folder_stamp(s) != s->stamp;
}

/* --- reading ---------------------------------------------------------------------------------- */

static int read_text(const char *path, struct lz_buf *text, struct lz_err *err)
{
	LZ_CLEAN(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return lz_fail_errno(err, "%s", path);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return lz_fail(err, LZ_E_UNSUPPORTED, "%s: no plain file", path);
	return lz_read_fd(fd, path, text, err);
}

static int read_profile(const char *path, struct lz_profile **ret, struct lz_err *err)
{
	LZ_CLEAN(buf) struct lz_buf text;
	int code;

	lz_buf_init(&text, LZ_PROFILE_BYTES + 1);
	code = read_text(path, &text, err);
	return code ? code : lz_profile_read(lz_str(path), lz_buf_view(&text), ret, err);
}

struct loading {
	struct lz_profiles *s;
	void (*trouble)(void *arg, const struct lz_err *err);
	void *arg;
	bool again; /* memory ran out over one: all is to be read again */
};

static struct file *by_path(const struct lz_profiles *s, const char *path)
{
	LZ_VEC_EACH (struct file *, f, &s->files)
		if (!strcmp((*f)->path, path))
			return *f;
	return NULL;
}

static struct file *make(struct lz_profiles *s, const char *path, struct lz_err *err)
{
	struct file *f = lz_alloc(sizeof(*f));
	struct file **at = f ? lz_vec_push(&s->files) : NULL;

	if (!at) {
		lz_free(f);
		out_of_memory(err);
		return NULL;
	}
	snprintf(f->path, sizeof(f->path), "%s", path);
	*at = f;
	return f;
}

static void tell(const struct loading *l, const struct lz_err *err)
{
	if (l->trouble)
		l->trouble(l->arg, err);
}

static int load_file(void *arg, const char *path, uint64_t stamp, struct lz_err *err)
{
	struct loading *l = arg;
	struct lz_err why = {0};
	struct lz_profile *p;
	struct file *f = by_path(l->s, path);
	int code;

	if (!f)
		f = make(l->s, path, err);
	if (!f)
		return LZ_E_NOMEM;
	f->there = true;
	if (f->stamp == stamp)
		return 0;
	f->stamp = stamp; /* a bad one is told once */
	code = read_profile(path, &p, &why);
	if (code == LZ_E_NOMEM) {
		f->stamp = 0;
		l->again = true;
	}
	if (code) {
		tell(l, &why);
		return 0;
	}
	if (f->p)
		lz_profile_inherit(p, f->p);
	lz_profile_free(f->p);
	f->p = p;
	return 0;
}

/* The second file about an image is no use to anybody. */
static void refuse_twins(const struct loading *l)
{
	LZ_VEC_EACH (struct file *, f, &l->s->files)
		for (struct file **g = l->s->files.p; g < f && (*f)->p; g++) {
			const struct lz_profile_about *a = &(*f)->p->about;
			const struct lz_profile_about *b = (*g)->p ? &(*g)->p->about : NULL;
			struct lz_err why;
			if (!b || !((a->digest.n && lz_span_eq(a->digest, b->digest)) ||
				    (a->id.n && lz_span_eq(a->id, b->id))))
				continue;
			lz_fail(&why, LZ_E_FORMAT,
				"%.200s is about the same image as %.200s and is not used",
				(*f)->path, (*g)->path);
			lz_profile_free((*f)->p);
			(*f)->p = NULL;
			(*f)->stamp = 0; /* it is of use when the first one goes */
			tell(l, &why);
		}
}

static void forget_gone(struct lz_profiles *s)
{
	size_t to = 0;

	LZ_VEC_EACH (struct file *, f, &s->files) {
		if (!(*f)->there)
			drop(*f);
		else
			((struct file **)s->files.p)[to++] = *f;
	}
	s->files.n = to;
}

int lz_profiles_load(struct lz_profiles *s, void (*trouble)(void *arg, const struct lz_err *err),
		     void *arg, struct lz_err *err)
{
	struct loading l = {.s = s, .trouble = trouble, .arg = arg};
	uint64_t stamp = folder_stamp(s);
	int code;

	LZ_VEC_EACH (struct file *, f, &s->files)
		(*f)->there = false;
	code = each_of(s, load_file, &l, err);
	if (code) /* what was there stays */
		LZ_VEC_EACH (struct file *, f, &s->files)
			(*f)->there = true;
	forget_gone(s);
	refuse_twins(&l);
	s->stamp = l.again ? 0 : stamp;
	return code ? (index_all(s, NULL), code) : index_all(s, err);
}

size_t lz_profiles_count(const struct lz_profiles *s)
{
	return s->count;
}

struct lz_profile *lz_profiles_find(struct lz_profiles *s, struct lz_span digest, struct lz_span id)
{
	struct file *f = file_of(s, digest, id);

	return f ? f->p : NULL;
}

const char *lz_profiles_path(const struct lz_profiles *s, const struct lz_profile *p)
{
	const struct file *f = file_of(s, p->about.digest, p->about.id);

	return f ? f->path : s->folder;
}

void lz_profiles_each(struct lz_profiles *s, void (*each)(void *arg, struct lz_profile *p),
		      void *arg)
{
	LZ_VEC_EACH (struct file *, f, &s->files)
		if ((*f)->p)
			each(arg, (*f)->p);
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Digits of the digest, else of the id: nothing of it may lead out of the folder. */
static void name_of(const struct lz_profile_about *a, char ret[160])
{
	struct lz_span s = a->digest.n ? a->digest : a->id;
	size_t n = 0;

	s = lz_span_from(s, (size_t)(lz_span_rfind(s, ':') + 1));
	for (size_t i = 0; i < s.n && n < 128; i++)
		if ((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'z') ||
		    (s.p[i] >= 'A' && s.p[i] <= 'Z'))
			ret[n++] = s.p[i];
	memcpy(ret + n, ".yaml", 6);
}

int lz_profiles_put(struct lz_profiles *s, struct lz_profile *p, struct lz_err *err)
{
	struct file *f = file_of(s, p->about.digest, p->about.id);
	char name[160], path[FOLDER_MAX + 300];

	if (!f) {
		name_of(&p->about, name);
		snprintf(path, sizeof(path), "%s/%s", s->folder, name);
		f = by_path(s, path); /* it was bad */
	}
	if (!f)
		f = make(s, path, err);
	if (!f) {
		lz_profile_free(p);
		return LZ_E_NOMEM;
	}
	if (f->p && f->p != p) {
		lz_profile_inherit(p, f->p);
		lz_profile_free(f->p);
	}
	f->p = p;
	return index_all(s, err);
}

static int write_part(const char *part, struct lz_span text, struct lz_err *err)
{
	LZ_CLEAN(fd) int fd = -1;
	int code;

	unlink(part);
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return lz_fail_errno(err, "%s", part);
	code = lz_write_full(fd, text.p, text.n, err);
	if (code)
		return lz_wrap(err, "%s", part), code;
	return fsync(fd) ? lz_fail_errno(err, "%s", part) : 0;
}

int lz_profiles_save(struct lz_profiles *s, const struct lz_profile *p, struct lz_err *err)
{
	struct file *f = file_of(s, p->about.digest, p->about.id);
	const char *path = lz_profiles_path(s, p), *name = strrchr(path, '/') + 1;
	bool as_read = folder_stamp(s) == s->stamp;
	LZ_CLEAN(buf) struct lz_buf text;
	char part[FOLDER_MAX + 400];
	int code;

	lz_buf_init(&text, 2 * LZ_PROFILE_BYTES);
	if (lz_profile_write(p, &text))
		return lz_fail(err, text.code, "%s: %s", path, lz_code_text(text.code));
	snprintf(part, sizeof(part), "%s/.%.300s.%d.part", s->folder, name, (int)getpid());
	code = lz_make_folders(AT_FDCWD, part, err);
	if (!code)
		code = write_part(part, lz_buf_view(&text), err);
	if (!code && rename(part, path))
		code = lz_fail_errno(err, "%s", path);
	if (code) {
		unlink(part);
		return code;
	}
	/* What we wrote need not be read, unless somebody else wrote meanwhile. */
	if (f && as_read) {
		f->stamp = stamp_of(path);
		s->stamp = folder_stamp(s);
	}
	return 0;
}
