/* SPDX-License-Identifier: Apache-2.0 */
#include "recording.h"

#include "../base/alloc.h"
#include "../base/bytes.h"
#include "../base/clean.h"
#include "../base/io.h"
#include "../base/limits.h"
#include "../sensor/bpf/event.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#define VERSION	  1
#define LEVEL	  1
#define HEAD	  5 /* of a chunk */
#define CHUNK_MAX LZ_M
#define IN_BYTES  (64 * LZ_K)
#define WINDOW	  23 /* log2 of the most a stream may refer back to */

static const char magic[6] = "LZREC";

/* --- writing --- */

struct lz_recording {
	int fd;
	ZSTD_CCtx *zstd;
	char *out;
	size_t out_size;
	struct lz_err err;
};

static void push(struct lz_recording *r, const void *p, size_t n, ZSTD_EndDirective how)
{
	ZSTD_inBuffer in = {p, n, 0};
	size_t left;

	do {
		ZSTD_outBuffer out = {r->out, r->out_size, 0};
		if (r->err.code)
			return;
		left = ZSTD_compressStream2(r->zstd, &out, &in, how);
		if (ZSTD_isError(left)) {
			lz_fail(&r->err, LZ_E_BUG, "recording: %s", ZSTD_getErrorName(left));
			return;
		}
		if (out.pos && lz_write_full(r->fd, r->out, out.pos, &r->err))
			return;
	} while (in.pos < in.size || (how != ZSTD_e_continue && left));
}

struct lz_recording *lz_recording_create(const char *path, struct lz_err *err)
{
	struct lz_recording *r = lz_alloc(sizeof(*r));
	char head[8];

	if (!r) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	r->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	r->zstd = ZSTD_createCCtx();
	r->out_size = ZSTD_CStreamOutSize();
	r->out = lz_alloc(r->out_size);
	if (r->fd < 0 || !r->zstd || !r->out) {
		if (r->fd < 0)
			lz_fail_errno(err, "%s", path);
		else
			lz_fail(err, LZ_E_NOMEM, "out of memory");
		lz_recording_close(r, NULL);
		return NULL;
	}
	ZSTD_CCtx_setParameter(r->zstd, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(r->zstd, ZSTD_c_checksumFlag, 1);
	memcpy(head, magic, 6);
	head[6] = VERSION;
	head[7] = 0;
	push(r, head, sizeof(head), ZSTD_e_continue);
	return r;
}

void lz_recording_chunk(struct lz_recording *r, enum lz_chunk type, struct lz_span bytes)
{
	unsigned char head[HEAD] = {(unsigned char)type};
	uint32_t length;

	if (bytes.n > CHUNK_MAX)
		return;
	length = htole32((uint32_t)bytes.n);
	memcpy(head + 1, &length, sizeof(length));
	push(r, head, sizeof(head), ZSTD_e_continue);
	push(r, bytes.p, bytes.n, ZSTD_e_continue);
}

void lz_recording_add(struct lz_recording *r, struct lz_span record)
{
	lz_recording_chunk(r, LZ_CHUNK_EVENT, record);
}

void lz_recording_clock(struct lz_recording *r, int64_t wall_ns)
{
	uint64_t bytes = htole64((uint64_t)wall_ns);

	lz_recording_chunk(r, LZ_CHUNK_CLOCK, lz_span(&bytes, sizeof(bytes)));
}

void lz_recording_flush(struct lz_recording *r)
{
	push(r, "", 0, ZSTD_e_flush);
}

int lz_recording_state(const struct lz_recording *r, struct lz_err *err)
{
	*err = r->err;
	return r->err.code;
}

int lz_recording_close(struct lz_recording *r, struct lz_err *err)
{
	int code;

	if (r->zstd && r->fd >= 0 && r->out)
		push(r, "", 0, ZSTD_e_end);
	if (r->fd >= 0 && close(r->fd) && !r->err.code)
		lz_fail_errno(&r->err, "recording");
	code = r->err.code;
	if (code && err)
		*err = r->err;
	ZSTD_freeCCtx(r->zstd);
	lz_free(r->out);
	lz_free(r);
	return code;
}

/* --- reading --- */

struct lz_recording_reader {
	int fd;
	ZSTD_DCtx *zstd;
	char *in;
	ZSTD_inBuffer at;
	bool end;      /* of the file */
	bool complete; /* the stream's last frame is whole */
	struct lz_buf chunk;
	uint64_t offset; /* of what is unpacked */
};

void lz_recording_reader_free(struct lz_recording_reader *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	ZSTD_freeDCtx(r->zstd);
	lz_free(r->in);
	lz_buf_done(&r->chunk);
	lz_free(r);
}

/* Up to n unpacked bytes; less at the end only. */
static int pull(struct lz_recording_reader *r, char *p, size_t n, size_t *ret_n, struct lz_err *err)
{
	ZSTD_outBuffer out = {p, n, 0};

	while (out.pos < n) {
		size_t left;
		if (r->at.pos == r->at.size && !r->end) {
			size_t got;
			int code = lz_read_some(r->fd, r->in, IN_BYTES, &got, err);
			if (code)
				return code;
			r->at = (ZSTD_inBuffer){r->in, got, 0};
			r->end = !got;
		}
		if (r->end && r->at.pos == r->at.size && r->complete)
			break;
		left = ZSTD_decompressStream(r->zstd, &out, &r->at);
		if (ZSTD_isError(left))
			return lz_fail(err, LZ_E_FORMAT, "recording, byte %llu: %s",
				       (unsigned long long)(r->offset + out.pos),
				       ZSTD_getErrorName(left));
		r->complete = left == 0;
		if (r->end && left && out.pos < n && r->at.pos == r->at.size)
			break;
	}
	r->offset += out.pos;
	*ret_n = out.pos;
	return 0;
}

static int read_head(struct lz_recording_reader *r, const char *path, struct lz_err *err)
{
	char head[8];
	size_t n;
	int code = pull(r, head, sizeof(head), &n, err);

	if (code && code != LZ_E_FORMAT)
		return code;
	if (code || n != sizeof(head) || memcmp(head, magic, 6))
		return lz_fail(err, LZ_E_FORMAT, "%s: not a recording", path);
	if (head[6] != VERSION || head[7])
		return lz_fail(err, LZ_E_UNSUPPORTED,
			       "%s: recording of version %u; this program reads %u", path,
			       (unsigned)(unsigned char)head[6], VERSION);
	return 0;
}

struct lz_recording_reader *lz_recording_open(const char *path, struct lz_err *err)
{
	struct lz_recording_reader *r = lz_alloc(sizeof(*r));
	int code = 0;

	if (!r) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	lz_buf_init(&r->chunk, CHUNK_MAX);
	r->fd = open(path, O_RDONLY | O_CLOEXEC);
	r->zstd = ZSTD_createDCtx();
	r->in = lz_alloc(IN_BYTES);
	if (r->fd < 0)
		code = lz_fail_errno(err, "%s", path);
	else if (!r->zstd || !r->in)
		code = lz_fail(err, LZ_E_NOMEM, "out of memory");
	if (!code) {
		ZSTD_DCtx_setParameter(r->zstd, ZSTD_d_windowLogMax, WINDOW);
		code = read_head(r, path, err);
	}
	if (!code)
		return r;
	lz_recording_reader_free(r);
	return NULL;
}

int lz_recording_next(struct lz_recording_reader *r, enum lz_chunk *ret_type, struct lz_span *ret,
		      struct lz_err *err)
{
	unsigned char head[HEAD];
	uint64_t at = r->offset;
	uint32_t length;
	size_t n;
	int code = pull(r, (char *)head, sizeof(head), &n, err);

	if (code)
		return code;
	if (!n && r->complete)
		return 0;
	if (n < sizeof(head))
		return lz_fail(err, LZ_E_FORMAT, "recording ends early, at byte %llu",
			       (unsigned long long)at);
	length = lz_le32(head + 1);
	if (length > CHUNK_MAX)
		return lz_fail(err, LZ_E_FORMAT, "recording, byte %llu: chunk of %u bytes",
			       (unsigned long long)at, length);
	lz_buf_clear(&r->chunk);
	if (lz_buf_reserve(&r->chunk, length + 1))
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	code = pull(r, r->chunk.p, length, &n, err);
	if (code)
		return code;
	if (n < length)
		return lz_fail(err, LZ_E_FORMAT, "recording ends early, at byte %llu",
			       (unsigned long long)r->offset);
	*ret_type = (enum lz_chunk)head[0];
	*ret = lz_span(r->chunk.p, length);
	return 1;
}
