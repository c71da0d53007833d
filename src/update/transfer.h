/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside update/ only: one file on its way. */
#include "../format/curl.h"
#include "update.h"

enum lz_transfer_state {
	LZ_TRANSFER_WAITING, /* for due_ms */
	LZ_TRANSFER_RUNNING,
	LZ_TRANSFER_FETCHED,
	LZ_TRANSFER_UNCHANGED,
	LZ_TRANSFER_ABSENT,
	LZ_TRANSFER_FAILED, /* why says it */
};

struct lz_transfer {
	const struct lz_update_options *o;
	const struct lz_curl *curl;
	const struct lz_source *source;
	int feeds_fd, state_fd;
	bool mirrored;
	bool packed;	 /* the mirror has it with ".gz" behind its name */
	bool other_form; /* both ways have been tried */
	char path[512];	 /* below feeds/ */
	char part[512];	 /* below state/; its meta is at PART.meta */
	char meta[512];	 /* below state/ */
	char url[1024];

	enum lz_transfer_state state;
	unsigned attempt; /* tries so far */
	uint64_t due_ms;
	struct lz_err why;

	/* of the try at hand */
	CURL *easy;
	struct curl_slist *headers;
	int fd;		       /* PART, or -1 */
	uint64_t resumed;      /* bytes it had before this try */
	uint64_t size;	       /* bytes it has */
	struct lz_meta answer; /* what the server says of the file */
	uint64_t range_from;   /* of Content-Range; UINT64_MAX: none */
	bool begun;	       /* the body has begun */
	char said[CURL_ERROR_SIZE];
};

/* Paths, address and folders; o, curl, source, feeds_fd, state_fd and mirrored are set. */
int lz_transfer_init(struct lz_transfer *t, struct lz_err *err);
/* Gets the next try ready in t->easy, which the caller hands to libcurl. */
int lz_transfer_begin(struct lz_transfer *t, struct lz_err *err);
/* The try has ended: sets state, and due_ms or why. Returns < 0 only for failures of this machine
 * (no memory, disk full), which end everything. */
int lz_transfer_end(struct lz_transfer *t, CURLcode result, uint64_t random, struct lz_err *err);
void lz_transfer_done(struct lz_transfer *t);
