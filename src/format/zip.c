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
#include <stdio.h>
#include <unistd.h>

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

/* --- members ------------------------------------------------------------------------------- */

static const char *reason(int code)
{
	switch (code) {
	case UNZ_CRCERROR:
		return "its CRC-32 is not what the archive promises";
	case UNZ_BADZIPFILE:
		return "malformed, or the file was cut off";
	case Z_DATA_ERROR:
		return "its packed bytes are damaged";
	case UNZ_ERRNO:
		return "the file ends early";
	case UNZ_INTERNALERROR:
	case Z_MEM_ERROR:
		return "out of memory";
	default:
		return "not readable";
	}
}

static int fail(const struct lz_zip *z, int code, struct lz_err *err)
{
	int ours = code == UNZ_CRCERROR				      ? LZ_E_DIGEST
		   : code == UNZ_INTERNALERROR || code == Z_MEM_ERROR ? LZ_E_NOMEM
								      : LZ_E_FORMAT;

	if (z->io.code) {
		if (err)
			*err = z->io;
		return z->io.code;
	}
	return lz_fail(err, ours, "zip member %s: %s", z->entry.name, reason(code));
}

static int start(struct lz_zip *z, struct lz_err *err)
{
	zlib_filefunc64_def calls = {
		.zopen64_file = open_nothing,
		.zread_file = read_at,
		.zwrite_file = refuse_write,
		.ztell64_file = tell,
		.zseek64_file = seek,
		.zclose_file = close_nothing,
		.zerror_file = any_error,
		.opaque = z,
	};
	unz_global_info64 info;
	off_t end = lseek(z->fd, 0, SEEK_END); /* a confined child may not stat */

	if (end < 0)
		return lz_fail_errno(err, "zip");
	z->size = (uint64_t)end;
	if (z->size > z->limits->feed_bytes)
		return lz_fail(err, LZ_E_LIMIT, "zip of %llu bytes (limit feed_bytes)",
			       (unsigned long long)z->size);
	for (unsigned i = 0; i < 2; i++) {
		z->windows[i].bytes = lz_alloc(WINDOW_BYTES);
		if (!z->windows[i].bytes)
			return lz_fail(err, LZ_E_NOMEM, "out of memory");
	}
	z->unz = unzOpen2_64("", &calls);
	if (z->io.code)
		return fail(z, UNZ_ERRNO, err);
	if (!z->unz || unzGetGlobalInfo64(z->unz, &info) != UNZ_OK)
		return lz_fail(
			err, LZ_E_FORMAT,
			"no zip archive, or cut off: its directory is not at the end of %llu bytes",
			(unsigned long long)z->size);
	z->count = info.number_entry;
	if (z->count > z->limits->advisories)
		return lz_fail(err, LZ_E_LIMIT, "zip of %llu members (limit advisories)",
			       (unsigned long long)z->count);
	return 0;
}

struct lz_zip *lz_zip_open(int fd, const struct lz_limits *limits, struct lz_err *err)
{
	struct lz_zip *z = lz_alloc(sizeof(*z));

	if (!z) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	z->fd = fd;
	z->limits = limits;
	if (start(z, err)) {
		lz_zip_close(z);
		return NULL;
	}
	return z;
}

void lz_zip_close(struct lz_zip *z)
{
	if (!z)
		return;
	if (z->unz)
		unzClose(z->unz);
	for (unsigned i = 0; i < 2; i++)
		lz_free(z->windows[i].bytes);
	lz_free(z);
}

int lz_zip_next(struct lz_zip *z, struct lz_zip_entry *ret, struct lz_err *err)
{
	unz_file_info64 info;
	size_t n;
	int r;

	if (z->read == z->count)
		return 0;
	snprintf(z->entry.name, sizeof(z->entry.name), "number %llu of %llu",
		 (unsigned long long)z->read + 1, (unsigned long long)z->count);
	r = z->read ? unzGoToNextFile(z->unz) : unzGoToFirstFile(z->unz);
	if (r != UNZ_OK)
		return fail(z, r == UNZ_END_OF_LIST_OF_FILE ? UNZ_BADZIPFILE : r, err);
	r = unzGetCurrentFileInfo64(z->unz, &info, z->entry.name, sizeof(z->entry.name) - 1, NULL,
				    0, NULL, 0);
	if (r != UNZ_OK)
		return fail(z, r, err);
	n = info.size_filename < sizeof(z->entry.name) ? info.size_filename
						       : sizeof(z->entry.name) - 1;
	z->entry.name[n] = 0;
	n = strlen(z->entry.name);
	z->entry.folder = n && z->entry.name[n - 1] == '/';
	z->entry.size_bytes = info.uncompressed_size;
	z->entry.packed_bytes = info.compressed_size;
	z->entry.number = z->read++;
	z->flags = info.flag;
	z->method = info.compression_method;
	*ret = z->entry;
	return 1;
}

/* Before anything is inflated: is this member, with all before it, within bounds? */
static int admit(struct lz_zip *z, const struct lz_buf *b, struct lz_err *err)
{
	const char *name = z->entry.name;
	uint64_t size = z->entry.size_bytes;

	if (z->flags & ENCRYPTED)
		return lz_fail(err, LZ_E_UNSUPPORTED, "zip member %s: is encrypted", name);
	if (z->method && z->method != DEFLATED)
		return lz_fail(err, LZ_E_UNSUPPORTED,
			       "zip member %s: packed by method %lu; only deflate is read", name,
			       z->method);
	if (size > b->max)
		return lz_fail(err, LZ_E_LIMIT,
			       "zip member %s: %llu bytes, more than %zu (limit advisory_bytes)",
			       name, (unsigned long long)size, b->max);
	if (size > z->limits->feed_bytes - z->unpacked)
		return lz_fail(err, LZ_E_LIMIT,
			       "zip member %s: more than %llu bytes unpacked (limit feed_bytes)",
			       name, (unsigned long long)z->limits->feed_bytes);
	z->unpacked += size;
	if (!lz_in(z->entry.packed_bytes, 0, z->size))
		return fail(z, UNZ_BADZIPFILE, err);
	z->packed += z->entry.packed_bytes;
	if (z->unpacked > FREE_RATIO && z->unpacked / z->limits->layer_ratio > z->packed)
		return lz_fail(err, LZ_E_LIMIT,
			       "zip member %s: %llu bytes out of %llu (limit layer_ratio)", name,
			       (unsigned long long)z->unpacked, (unsigned long long)z->packed);
	return 0;
}

int lz_zip_read(struct lz_zip *z, struct lz_buf *b, struct lz_err *err)
{
	int r = admit(z, b, err), closed;

	if (r)
		return r;
	lz_buf_clear(b);
	/* minizip never delivers more than the promised size, which was admitted. */
	if (lz_buf_reserve(b, (size_t)z->entry.size_bytes))
		return lz_fail(err, b->code, "zip member %s: %s", z->entry.name,
			       lz_code_text(b->code));
	r = unzOpenCurrentFile(z->unz);
	if (r != UNZ_OK)
		return fail(z, r, err);
	do {
		size_t left = (size_t)z->entry.size_bytes - b->n;
		r = left ? unzReadCurrentFile(z->unz, b->p + b->n,
					      left < LZ_M ? (unsigned)left : (unsigned)LZ_M)
			 : 0;
		if (r > 0)
			b->n += (size_t)r;
	} while (r > 0);
	closed = unzCloseCurrentFile(z->unz);
	if (r < 0)
		return fail(z, r, err);
	if (b->n != z->entry.size_bytes)
		return lz_fail(err, LZ_E_DIGEST, "zip member %s: %zu bytes, %llu were promised",
			       z->entry.name, b->n, (unsigned long long)z->entry.size_bytes);
	if (b->p)
		b->p[b->n] = 0;
	return closed == UNZ_OK ? 0 : fail(z, closed, err);
}
