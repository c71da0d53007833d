/* SPDX-License-Identifier: Apache-2.0 */
#include "places.h"

#include "../base/clean.h"
#include "../base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>

static int open_below(int base, const char *rel)
{
	struct open_how how = {.flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
					  RESOLVE_NO_MAGICLINKS};
	int fd = (int)syscall(SYS_openat2, base, rel, &how, sizeof(how));

	if (fd < 0 && errno == ENOSYS) /* before 5.6: the last component at least */
		fd = openat(base, rel, (int)how.flags);
	return fd;
}

int lz_place_open(const char *base, const char *rel, struct stat *ret_st, struct lz_err *err)
{
	LZ_CLEAN(fd) int dir = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	LZ_CLEAN(fd) int fd = dir < 0 ? -1 : open_below(dir, rel);

	if (fd < 0 && (errno == ELOOP || errno == EXDEV))
		return lz_fail(err, LZ_E_UNSUPPORTED, "%s/%s: is or passes a symbolic link", base,
			       rel);
	if (fd < 0 && errno == ENOTDIR)
		return lz_fail(err, LZ_E_NOTFOUND, "%s/%s: not found", base, rel);
	if (fd < 0 && errno == ENXIO)
		return lz_fail(err, LZ_E_UNSUPPORTED, "%s/%s: is no regular file", base, rel);
	if (fd < 0 || fstat(fd, ret_st) < 0)
		return lz_fail_errno(err, "%s/%s", base, rel);
	if (!S_ISREG(ret_st->st_mode))
		return lz_fail(err, LZ_E_UNSUPPORTED, "%s/%s: is no regular file", base, rel);
	return lz_take_fd(&fd);
}

int lz_place_read(const char *base, const char *rel, size_t max_bytes, struct lz_place_file *ret,
		  struct lz_err *err)
{
	LZ_CLEAN(fd) int fd = lz_place_open(base, rel, &ret->st, err);
	char name[256];

	lz_buf_init(&ret->bytes, max_bytes);
	if (fd < 0)
		return fd;
	if ((uint64_t)ret->st.st_size > max_bytes)
		return lz_fail(err, LZ_E_LIMIT, "%s/%s: %llu bytes, more than the %zu allowed",
			       base, rel, (unsigned long long)ret->st.st_size, max_bytes);
	snprintf(name, sizeof(name), "%.80s/%.160s", base, rel);
	return lz_read_fd(fd, name, &ret->bytes, err);
}

int lz_place_find(const char *dir, bool (*fits)(void *arg, int dir_fd, const char *name), void *arg,
		  char *ret, size_t size, struct lz_err *err)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	ret[0] = 0;
	if (!d)
		return lz_fail_errno(err, "%s", dir);
	for (int i = 0; i < 4096 && !ret[0] && (e = readdir(d)); i++)
		if (e->d_name[0] != '.' && strlen(e->d_name) < size &&
		    fits(arg, dirfd(d), e->d_name))
			snprintf(ret, size, "%s", e->d_name);
	closedir(d);
	return ret[0] ? 0 : lz_fail(err, LZ_E_NOTFOUND, "%s: nothing there fits", dir);
}
