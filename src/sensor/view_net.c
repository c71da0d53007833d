/* SPDX-License-Identifier: Apache-2.0 */
/* fd.* of sockets: the two ends of a connection, and what is known of them. */
#include "view_in.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define GETTER(name) \
	static size_t name(struct lz_view *v, struct lz_span arg, const struct lz_datum **ret)
#define TCP_SYN_SENT 2
#define TCP_LISTEN   10

/* --- sockets --- */

static bool is_zero(const unsigned char *ip, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (ip[i])
			return false;
	return true;
}

static unsigned ip_bytes(const struct lz_ev_socket *s)
{
	return s->family == AF_INET ? 4 : 16;
}

/* A struct sockaddr as the process holds it: used where the kernel's copy is not to be had. */
static bool from_sockaddr(struct lz_span a, struct lz_ev_socket *s)
{
	uint16_t family;

	if (a.n < 8)
		return false;
	memcpy(&family, a.p, 2);
	if (family == AF_INET) {
		memcpy(s->remote, a.p + 4, 4);
	} else if (family == AF_INET6 && a.n >= 24) {
		memcpy(s->remote, a.p + 8, 16);
	} else {
		return false;
	}
	s->remote_port = (uint16_t)((unsigned char)a.p[2] << 8 | (unsigned char)a.p[3]);
	if (!s->family)
		s->family = family;
	return true;
}

static void fill_remote(struct lz_view *v, struct lz_ev_socket *s)
{
	struct lz_ev_socket asked;
	int nr = v->shape->call->nr;

	if (nr == SYS_bind || nr == SYS_listen)
		return;
	/* A connected socket that was given no address. */
	if (nr != SYS_connect && s->remote_port && !lz_record_has(v->at.record, LZ_PART_ADDRESS))
		return;
	if (lz_record_copy(v->at.record, LZ_PART_ASKED, &asked, sizeof(asked))) {
		if (!asked.remote_port && nr != SYS_connect)
			return;
		memcpy(s->remote, asked.remote, 16);
		s->remote_port = asked.remote_port;
		/* An IPv6 socket may be asked for an IPv4 address and the reverse. */
		s->family = asked.family;
	} else if (!s->remote_port || nr == SYS_sendto || nr == SYS_sendmsg) {
		from_sockaddr(v->at.record->part[LZ_PART_ADDRESS], s);
	}
}

/* IPv4 behind an IPv6 socket (::ffff:1.2.3.4) is IPv4 for people and rules. */
static void unmap(struct lz_ev_socket *s)
{
	static const unsigned char prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	if (s->family != AF_INET6 || memcmp(s->remote, prefix, 12))
		return;
	s->family = AF_INET;
	memmove(s->remote, s->remote + 12, 4);
	if (!memcmp(s->local, prefix, 12))
		memmove(s->local, s->local + 12, 4);
	else
		memset(s->local, 0, 4);
}

static bool flow_socket(struct lz_view *v, struct lz_ev_socket *ret, bool *ret_server)
{
	struct lz_ev_flow f;
	struct lz_ev_dns d;

	if (lz_record_copy(v->at.record, LZ_PART_FLOW, &f, sizeof(f))) {
		*ret = f.socket;
		*ret_server = f.server;
		unmap(ret);
		return true;
	}
	if (!lz_record_copy(v->at.record, LZ_PART_DNS, &d, sizeof(d)))
		return false;
	*ret = (struct lz_ev_socket){
		.family = d.family, .type = SOCK_DGRAM, .protocol = 17, .remote_port = 53};
	memcpy(ret->remote, d.server, 16);
	*ret_server = false;
	return true;
}

bool lz_view_socket(struct lz_view *v, struct lz_ev_socket *ret, bool *ret_server)
{
	int slot = lz_view_fd_slot(v);
	struct lz_ev_file f;

	*ret_server = false;
	if (slot < 0)
		return flow_socket(v, ret, ret_server);
	if (!lz_record_copy(v->at.record, LZ_PART_SOCKET + (unsigned)slot, ret, sizeof(*ret)))
		return false;
	if (ret->family != AF_INET && ret->family != AF_INET6)
		return false;
	fill_remote(v, ret);
	unmap(ret);
	if (v->shape->call->class == LZ_CLASS_ACCEPT)
		*ret_server = true;
	else if (lz_view_file(v, &f))
		*ret_server = lz_sockets_is_server(v->from.sockets, f.inode);
	return true;
}

/* What is listened on has one end only. */
static bool one_ended(const struct lz_ev_socket *s)
{
	return !s->remote_port && is_zero(s->remote, ip_bytes(s));
}

static void add_end(struct lz_view *v, const struct lz_ev_socket *s, bool remote)
{
	lz_view_address(v, remote ? s->remote : s->local, ip_bytes(s));
	lz_view_str(v, ":");
	lz_view_num(v, remote ? s->remote_port : s->local_port);
}

struct lz_span lz_view_socket_name(struct lz_view *v, const struct lz_ev_socket *s, bool server)
{
	lz_view_begin(v);
	if (one_ended(s)) {
		add_end(v, s, false);
	} else {
		add_end(v, s, server);
		lz_view_str(v, "->");
		add_end(v, s, !server);
	}
	return lz_view_end(v);
}
/* --- ends of a connection --- */

/* Which: 'c' client, 's' server, 'l' this end, 'r' the other. false: no such end. */
static bool end_of(struct lz_view *v, char which, const unsigned char **ret_ip, unsigned *ret_bytes,
		   uint16_t *ret_port)
{
	struct lz_ev_socket *s = lz_view_take(v, sizeof(*s));
	bool server, remote;

	if (!s || !lz_view_socket(v, s, &server))
		return false;
	remote = which == 'r' || (which == 'c' ? server : which == 's' ? !server : false);
	if (one_ended(s)) {
		if (which == 'r' || which == 'c')
			return false;
		remote = false;
	}
	*ret_ip = remote ? s->remote : s->local;
	*ret_bytes = ip_bytes(s);
	*ret_port = remote ? s->remote_port : s->local_port;
	return true;
}

static size_t one_ip(struct lz_view *v, char which, const struct lz_datum **ret)
{
	const unsigned char *ip;
	unsigned bytes;
	uint16_t port;

	return end_of(v, which, &ip, &bytes, &port) ? lz_view_ip(v, ip, bytes, ret) : 0;
}
static size_t one_port(struct lz_view *v, char which, const struct lz_datum **ret)
{
	const unsigned char *ip;
	unsigned bytes;
	uint16_t port;

	return end_of(v, which, &ip, &bytes, &port) ? lz_view_int(v, port, ret) : 0;
}

/* Both ends as two values side by side. */
static size_t both(struct lz_view *v,
		   size_t (*one)(struct lz_view *, char, const struct lz_datum **),
		   const struct lz_datum **ret)
{
	const struct lz_datum *a, *b;
	struct lz_datum *all = lz_view_take(v, 2 * sizeof(*all));
	size_t n = 0;

	if (all && one(v, 'l', &a))
		all[n++] = *a;
	if (all && one(v, 'r', &b))
		all[n++] = *b;
	*ret = all;
	return n;
}

#define END(name, which)                           \
	GETTER(fd_##name##ip)                      \
	{                                          \
		return one_ip(v, which, ret);      \
	}                                          \
	GETTER(fd_##name##port)                    \
	{                                          \
		return one_port(v, which, ret);    \
	}                                          \
	GETTER(fd_##name##proto)                   \
	{                                          \
		return one_service(v, which, ret); \
	}                                          \
	GETTER(fd_##name##ipname)                  \
	{                                          \
		return ip_names(v, which, ret);    \
	}

static size_t one_service(struct lz_view *v, char which, const struct lz_datum **ret)
{
	const unsigned char *ip;
	struct servent e, *found;
	struct lz_ev_socket s;
	char buf[1024];
	unsigned bytes;
	uint16_t port;
	bool server;

	if (!end_of(v, which, &ip, &bytes, &port) || !lz_view_socket(v, &s, &server))
		return 0;
	if (!getservbyport_r(htons(port), s.protocol == 6 ? "tcp" : "udp", &e, buf, sizeof(buf),
			     &found) &&
	    found)
		return lz_view_enum(v, port, lz_view_keep(v, lz_str(e.s_name)), ret);
	return lz_view_int(v, port, ret);
}

static size_t ip_names(struct lz_view *v, char which, const struct lz_datum **ret)
{
	struct lz_span names[LZ_HOST_NAMES];
	const unsigned char *ip;
	struct lz_datum *all;
	unsigned bytes;
	uint16_t port;
	size_t n;

	if (!end_of(v, which, &ip, &bytes, &port))
		return 0;
	n = lz_hosts_names(v->from.hosts, ip, bytes, names);
	all = n ? lz_view_take(v, n * sizeof(*all)) : NULL;
	for (size_t i = 0; all && i < n; i++)
		all[i] = (struct lz_datum){.text = lz_view_keep(v, names[i])};
	*ret = all;
	return all ? n : 0;
}

END(c, 'c')
END(s, 's')
END(l, 'l')
END(r, 'r')

GETTER(fd_ip)
{
	return both(v, one_ip, ret);
}
GETTER(fd_port)
{
	return both(v, one_port, ret);
}
GETTER(fd_proto)
{
	return both(v, one_service, ret);
}

GETTER(fd_l4proto)
{
	struct lz_ev_socket s;
	bool server;

	if (!lz_view_socket(v, &s, &server))
		return 0;
	switch (s.protocol) {
	case IPPROTO_TCP:
		return lz_view_cstr(v, "tcp", ret);
	case IPPROTO_UDP:
		return lz_view_cstr(v, "udp", ret);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return lz_view_cstr(v, "icmp", ret);
	default:
		return lz_view_cstr(v, s.type == SOCK_RAW ? "raw" : "<NA>", ret);
	}
}
GETTER(fd_is_server)
{
	struct lz_ev_socket s;
	bool server;

	return lz_view_socket(v, &s, &server)
		       ? lz_view_bool(v, server || s.state == TCP_LISTEN, ret)
		       : 0;
}
/* For a datagram: whether the socket itself has another end, by connect. */
GETTER(fd_connected)
{
	int slot = lz_view_fd_slot(v);
	struct lz_ev_socket s;

	if (slot < 0 ||
	    !lz_record_copy(v->at.record, LZ_PART_SOCKET + (unsigned)slot, &s, sizeof(s)))
		return 0;
	return lz_view_bool(v, s.state == 1 || s.state == TCP_SYN_SENT, ret);
}
GETTER(fd_name_changed)
{
	return lz_view_bool(v, v->at.record->head.kind == LZ_EV_CALL && v->name_changed, ret);
}
const struct lz_getter_row lz_getters_net[] = {
	{"fd.ip", fd_ip},
	{"fd.cip", fd_cip},
	{"fd.sip", fd_sip},
	{"fd.lip", fd_lip},
	{"fd.rip", fd_rip},
	{"fd.net", fd_ip},
	{"fd.cnet", fd_cip},
	{"fd.snet", fd_sip},
	{"fd.lnet", fd_lip},
	{"fd.rnet", fd_rip},
	{"fd.port", fd_port},
	{"fd.cport", fd_cport},
	{"fd.sport", fd_sport},
	{"fd.lport", fd_lport},
	{"fd.rport", fd_rport},
	{"fd.cproto", fd_cproto},
	{"fd.sproto", fd_sproto},
	{"fd.lproto", fd_lproto},
	{"fd.rproto", fd_rproto},
	{"fd.proto", fd_proto},
	{"fd.cip.name", fd_cipname},
	{"fd.sip.name", fd_sipname},
	{"fd.lip.name", fd_lipname},
	{"fd.rip.name", fd_ripname},
	{"fd.l4proto", fd_l4proto},
	{"fd.is_server", fd_is_server},
	{"fd.connected", fd_connected},
	{"fd.name_changed", fd_name_changed},
	{NULL, NULL},
};
