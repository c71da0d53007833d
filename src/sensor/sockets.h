/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a socket's kernel object does not say: whether it was accepted, and where its last datagram
 * went. By inode, in a table of fixed size in which the newest wins. One thread.
 */
#include "../base/buf.h"
#include "../base/err.h"
#include "bpf/event.h"

struct lz_sockets;
struct lz_sockets *lz_sockets_new(struct lz_err *err);
void lz_sockets_free(struct lz_sockets *s);

/* The other end is the client (server true), or this one. */
void lz_sockets_accepted(struct lz_sockets *s, uint64_t inode, bool server);
bool lz_sockets_is_server(const struct lz_sockets *s, uint64_t inode);
/* Remembers the other end; true when it differs from the last one. */
bool lz_sockets_went(struct lz_sockets *s, uint64_t inode, const struct lz_ev_socket *to);
