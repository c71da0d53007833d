/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Which names led to an address, from DNS answers that passed by: what programs asked, never
 * questions of our own. Bounded; the oldest goes first. One thread.
 */
#include "../base/err.h"
#include "../base/span.h"

#include <stdint.h>

struct lz_hosts;
struct lz_hosts *lz_hosts_new(struct lz_err *err);
void lz_hosts_free(struct lz_hosts *h);

/* One name of an address; when says how long ago (ns since boot). */
void lz_hosts_add(struct lz_hosts *h, const unsigned char *ip, unsigned bytes, struct lz_span name,
		  uint64_t now_ns);
#define LZ_HOST_NAMES 8
/* The names that led to an address, the newest first; returns how many. Valid until the next add. */
size_t lz_hosts_names(const struct lz_hosts *h, const unsigned char *ip, unsigned bytes,
		      struct lz_span ret[LZ_HOST_NAMES]);
/* Takes a DNS message: an answer's addresses are learnt for the name that was asked. */
void lz_hosts_learn(struct lz_hosts *h, struct lz_span message, uint64_t now_ns);
