/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside container/ only: where documents lie, on disk and behind sockets. */
#include "parser.h"

/* --- files.c: files that others may have shaped --- */

struct lz_place_file {
	struct lz_buf bytes;
	struct stat st;
};
/* Opens base/rel without following a link below base, waiting for a FIFO or leaving base; anything
 * but a regular file is LZ_E_UNSUPPORTED. Errors name the path. */
int lz_place_open(const char *base, const char *rel, struct stat *ret_st, struct lz_err *err);
/* The whole file; more than max_bytes is LZ_E_LIMIT. ret->bytes is to be released in any case. */
int lz_place_read(const char *base, const char *rel, size_t max_bytes, struct lz_place_file *ret,
		  struct lz_err *err);
/* The name below `dir` that `fits` likes first, of at most 4096 looked at; empty: none. */
int lz_place_find(const char *dir, bool (*fits)(void *arg, int dir_fd, const char *name), void *arg,
		  char *ret, size_t size, struct lz_err *err);

/* --- http.c: one request, one answer --- */

/* Connects and asks; *ret_body is the rest of what came with the head. Returns the descriptor,
 * whose next bytes are of the body; the answer was 200. LZ_E_NOTFOUND: it was 404, or there is no
 * socket. HTTP/1.0, so that the body simply ends. */
int lz_http_open(const char *socket_path, const char *target, uint64_t until_ms,
		 struct lz_buf *ret_body, struct lz_err *err);
int lz_http_get(const char *socket_path, const char *target, uint64_t until_ms,
		struct lz_buf *ret_body, struct lz_err *err);

/* --- places.c --- */

/* All that is known of ref at this moment; NULL only without memory. With `api`, sockets are asked
 * too; *ret_asked is then true when one answered. */
struct lz_container *lz_places_look(const struct lz_containers_config *config, struct lz_parser *p,
				    const struct lz_container_ref *ref, bool api, bool *ret_asked);
