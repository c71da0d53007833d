/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets.h"

#include "../base/alloc.h"
#include "../base/err.h"
#include "../base/map.h"

#define SLOTS 8192 /* power of two */

struct slot {
	uint64_t inode;
	uint32_t other; /* hash of the other end, 0: none yet */
	bool server;
};

struct lz_sockets {
	struct slot slot[SLOTS];
};

struct lz_sockets *lz_sockets_new(struct lz_err *err)
{
	struct lz_sockets *s = lz_alloc(sizeof(*s));

	if (!s)
		lz_fail(err, LZ_E_NOMEM, "out of memory");
	return s;
}

void lz_sockets_free(struct lz_sockets *s)
{
	lz_free(s);
}

static struct slot *slot_of(struct lz_sockets *s, uint64_t inode)
{
	struct slot *x = &s->slot[(inode * 0x9e3779b97f4a7c15ULL) >> 32 & (SLOTS - 1)];

	if (x->inode != inode)
		*x = (struct slot){.inode = inode};
	return x;
}

void lz_sockets_accepted(struct lz_sockets *s, uint64_t inode, bool server)
{
	slot_of(s, inode)->server = server;
}

bool lz_sockets_is_server(const struct lz_sockets *s, uint64_t inode)
{
	const struct slot *x = &s->slot[(inode * 0x9e3779b97f4a7c15ULL) >> 32 & (SLOTS - 1)];

	return x->inode == inode && x->server;
}

bool lz_sockets_went(struct lz_sockets *s, uint64_t inode, const struct lz_ev_socket *to)
{
	struct slot *x = slot_of(s, inode);
	unsigned char key[20];
	uint32_t hash;

	memcpy(key, to->remote, 16);
	memcpy(key + 16, &to->remote_port, 2);
	memcpy(key + 18, &to->family, 2);
	hash = (uint32_t)lz_hash(lz_span(key, sizeof(key))) | 1;
	if (x->other == hash)
		return false;
	x->other = hash;
	return true;
}
