/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside format/ only: what unpack.c and the codecs share. */
#include "reader.h"

#define LZ_UNPACK_CHUNK	  ((size_t)128 * 1024)
#define LZ_UNPACK_BUFFERS 15

struct lz_unpacker;

struct lz_codec {
	int (*start)(struct lz_unpacker *u, struct lz_err *err);
	/* Unpacks from u->in into out; *ret_made bytes were made. u->at_end: nothing more will come
	 * in. */
	int (*step)(struct lz_unpacker *u, char *out, size_t room, size_t *ret_made,
		    struct lz_err *err);
	void (*stop)(struct lz_unpacker *u);
	bool summed; /* leaves the CRC-32 of what it makes to the reader above (gzip.c) */
};
extern const struct lz_codec lz_codec_gzip;

/* Said by a gzip member's trailer about the bytes since the trailer before. */
struct lz_member_end {
	bool set;
	uint32_t crc;
	uint64_t packed_at; /* of the trailer's end */
};

struct lz_unpacker {
	struct lz_reader r;
	struct lz_reader *inner;
	const struct lz_codec *codec; /* NULL: plain bytes */
	struct lz_limits limits;
	struct lz_span in;   /* packed bytes not used yet */
	struct lz_span rest; /* behind them, when `in` is head */
	char head[8];
	bool at_end;	  /* inner has ended */
	bool between;	  /* at a place where the stream may end */
	bool frame_start; /* zstd: the next byte is the first of a frame */
	bool done;
	int code;
	struct lz_err err;
	uint64_t made; /* unpacked so far, for limits and messages */
	unsigned buffer;
	void *state;
	char *out; /* BUFFERS × CHUNK */
	/* Where members end: a chunk never reaches over it, so that each has its sum. */
	struct lz_member_end ended;			/* before the next byte that is made */
	struct lz_member_end before[LZ_UNPACK_BUFFERS]; /* before the buffer's first byte */
};

uint64_t lz_unpack_packed_at(const struct lz_unpacker *u);
/* LZ_E_FORMAT: `what`, and where in the packed and in the unpacked stream. */
int lz_unpack_broken(const struct lz_unpacker *u, const char *what, struct lz_err *err);

/* On top of an unpacker of a summed codec (and the stage it may run in; both are `inner`'s): sums
 * what is delivered and compares with what the trailers say. */
struct lz_reader *lz_reader_members(struct lz_reader *inner, struct lz_unpacker *u,
				    struct lz_err *err);
