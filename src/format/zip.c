/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zip, by minizip. OSV publishes one archive per ecosystem, with one small JSON file per advisory:
 *
 *	local header | deflated bytes     once per member
 *	…
 *	central directory                 name, sizes, CRC-32 and offset of each
 *	end record                        where the directory lies, how many members
 *
 * minizip trusts what it reads only as far as we let it: every number it acts on ends in a call of
 * read_at() below, which stays inside the file as it was when it was opened, and what it inflates
 * goes into buffers that we bound. Members may overlap (the way to a bomb of petabytes), so the sum
 * of all bytes unpacked is bounded as well as each member.
 *
 * minizip reads headers byte by byte, and members and directory in turn: two windows over the file
 * keep that from becoming system calls.
 */
#include "zip.h"

#include "../base/alloc.h"
#include "../base/bytes.h"
#include "../base/io.h"

#include <minizip/unzip.h>
#include <sys/stat.h>

#define WINDOW_BYTES 65536
#define FREE_RATIO   (16 * LZ_M) /* unpacked bytes before the ratio counts */
#define ENCRYPTED    1
#define DEFLATED     8

struct window {
	uint64_t at;
	size_t n;
	unsigned char *bytes;
};

struct lz_zip {
	unzFile unz;
	int fd;
	uint64_t size, pos;
	struct window windows[2];
	unsigned newest;  /* window used last */
	struct lz_err io; /* why the file could not be read, if .code */
	const struct lz_limits *limits;
	struct lz_zip_entry entry;
	uint64_t count, read; /* members promised, delivered */
	uint64_t unpacked, packed;
	unsigned long flags, method;
};

/* --- the file, as minizip sees it ---------------------------------------------------------- */

static struct window *window_at(struct lz_zip *z, uint64_t pos)
{
	struct window *w;

	for (unsigned i = 0; i < 2; i++) {
		w = &z->windows[i];
		if (pos >= w->at && pos - w->at < w->n) {
			z->newest = i;
			return w;
		}
	}
	z->newest = !z->newest;
	w = &z->windows[z->newest];
	/* Aligned: the directory's end is searched backwards, in overlapping pieces. */
	w->at = pos & ~(uint64_t)(WINDOW_BYTES - 1);
	w->n = 0;
	if (lz_pread_full(z->fd, w->bytes, WINDOW_BYTES, w->at, &w->n, &z->io)) {
		w->n = 0;
		return NULL;
	}
	return pos - w->at < w->n ? w : NULL;
}

static uLong read_at(voidpf opaque, voidpf stream, void *to, uLong want)
{
	struct lz_zip *z = opaque;
	uLong done = 0;

	(void)stream;
	while (done < want && z->pos < z->size) {
		struct window *w = window_at(z, z->pos);
		size_t have;

		if (!w)
			break;
		have = w->n - (size_t)(z->pos - w->at);
		if (have > want - done)
			have = want - done;
		memcpy((char *)to + done, w->bytes + (z->pos - w->at), have);
		done += have;
		z->pos += have;
	}
	return done;
}

static voidpf open_nothing(voidpf opaque, const void *name, int mode)
{
	(void)name;
	(void)mode;
	return opaque;
}

static uLong refuse_write(voidpf opaque, voidpf stream, const void *from, uLong n)
{
	(void)opaque;
	(void)stream;
	(void)from;
	(void)n;
	return 0;
}

static ZPOS64_T tell(voidpf opaque, voidpf stream)
{
	(void)stream;
	return ((struct lz_zip *)opaque)->pos;
}

static long seek(voidpf opaque, voidpf stream, ZPOS64_T offset, int origin)
{
	struct lz_zip *z = opaque;
	uint64_t from = origin == ZLIB_FILEFUNC_SEEK_END   ? z->size
			: origin == ZLIB_FILEFUNC_SEEK_CUR ? z->pos
							   : 0;

	(void)stream;
	if (!lz_in(from, offset, z->size))
		return -1;
	z->pos = from + offset;
	return 0;
}

static int close_nothing(voidpf opaque, voidpf stream)
{
	(void)opaque;
	(void)stream;
	return 0;
}

static int any_error(voidpf opaque, voidpf stream)
{
	(void)stream;
	return ((struct lz_zip *)opaque)->io.code;
}
