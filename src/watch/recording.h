/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A recording: all that the engine was told, so that rules decide on it again exactly. A zstd stream
 * of
 *
 *	"LZREC" NUL, version 2 bytes
 *	chunks: type 1 byte, length 4 bytes, bytes
 *		E  a record as sensor/bpf/event.h has it
 *		T  8 bytes: what is added to boot time for the time of day
 *		G  a control group of the host: id 8 bytes
 *		C  what is known of a container: id of its group 8 bytes, the container
 *		U  tables of users: space 8 bytes, length of passwd 4 bytes, passwd, group
 *		P  a process, as far as /proc said of it
 *
 * What an event was judged by stands before it.
 *
 * Integers are little-endian. A recording is hostile when it is read. One thread.
 */
#include "../base/err.h"
#include "../base/span.h"

enum lz_chunk {
	LZ_CHUNK_EVENT = 'E',
	LZ_CHUNK_CLOCK = 'T',
	LZ_CHUNK_GROUP = 'G',
	LZ_CHUNK_CONTAINER = 'C',
	LZ_CHUNK_USERS = 'U',
	LZ_CHUNK_PROCESS = 'P',
};

/* --- writing --- */
struct lz_recording;
struct lz_recording *lz_recording_create(const char *path, struct lz_err *err);
/* A failure sticks and is told by close. */
void lz_recording_chunk(struct lz_recording *r, enum lz_chunk type, struct lz_span bytes);
void lz_recording_add(struct lz_recording *r, struct lz_span record);
void lz_recording_clock(struct lz_recording *r, int64_t wall_ns);
/* What was added can be read by others from here on; called every second or so. */
void lz_recording_flush(struct lz_recording *r);
/* 0, or what went wrong since it was created. */
int lz_recording_state(const struct lz_recording *r, struct lz_err *err);
int lz_recording_close(struct lz_recording *r, struct lz_err *err);

/* --- reading --- */
struct lz_recording_reader;
struct lz_recording_reader *lz_recording_open(const char *path, struct lz_err *err);
/* 1, 0 at the end, negative: LZ_E_FORMAT with the offset, also for a recording that ends early. Valid
 * until the next call. */
int lz_recording_next(struct lz_recording_reader *r, enum lz_chunk *ret_type, struct lz_span *ret,
		      struct lz_err *err);
void lz_recording_reader_free(struct lz_recording_reader *r);
