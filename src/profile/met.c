/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a shape is met, and whether what somebody wrote is one. */
#include "shape.h"

#include "../format/text.h"

#include <arpa/inet.h>

bool lz_shape_open(struct lz_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '*' || s.p[i] == '?')
			return true;
	return false;
}

/* "*" any bytes, "?" any one. Only the last star is tried again, so time is n × m at most. */
static bool wild(struct lz_span p, struct lz_span s)
{
	size_t i = 0, j = 0, star = SIZE_MAX, from = 0;

	while (j < s.n) {
		if (i < p.n && p.p[i] == '*') {
			star = i++;
			from = j;
		} else if (i < p.n && (p.p[i] == '?' || p.p[i] == s.p[j])) {
			i++;
			j++;
		} else if (star != SIZE_MAX) {
			i = star + 1;
			j = ++from;
		} else {
			return false;
		}
	}
	while (i < p.n && p.p[i] == '*')
		i++;
	return i == p.n;
}

static struct lz_span level_of(struct lz_span *rest)
{
	struct lz_span level = lz_span("", 0);

	while (rest->n && !level.n)
		lz_span_cut(*rest, '/', &level, rest);
	return level;
}

bool lz_shape_met(struct lz_span shape, struct lz_span path)
{
	bool rooted = shape.n && shape.p[0] == '/';

	if (rooted != (path.n && path.p[0] == '/'))
		return false;
	for (;;) {
		struct lz_span a = level_of(&shape), b = level_of(&path);
		if (lz_span_is(a, "**") && !shape.n)
			return true;
		if (!a.n || !b.n)
			return a.n == b.n;
		if (!wild(a, b))
			return false;
	}
}

/* --- ends of connections ---------------------------------------------------------------------- */

static bool ports_of(struct lz_span s, uint64_t *ret_from, uint64_t *ret_to)
{
	struct lz_span from, to;

	*ret_from = 0;
	*ret_to = 65535;
	if (lz_span_is(s, "*"))
		return true;
	if (!lz_span_cut(s, '-', &from, &to))
		to = from;
	return lz_span_u64(from, 10, ret_from) && lz_span_u64(to, 10, ret_to) &&
	       *ret_from <= *ret_to && *ret_to <= 65535;
}

static bool port_met(struct lz_span shape, struct lz_span port)
{
	uint64_t from, to, a, b;

	return ports_of(shape, &from, &to) && ports_of(port, &a, &b) && a >= from && b <= to;
}

struct network {
	unsigned char ip[16];
	unsigned bytes, bits;
};

static bool address_of(struct lz_span s, struct network *ret)
{
	char text[INET6_ADDRSTRLEN];

	if (!lz_span_cstr(s, text, sizeof(text)))
		return false;
	ret->bytes = lz_span_find(s, ':') >= 0 ? 16 : 4;
	ret->bits = ret->bytes * 8;
	return inet_pton(ret->bytes == 4 ? AF_INET : AF_INET6, text, ret->ip) == 1;
}

static bool network_of(struct lz_span s, struct network *ret)
{
	struct lz_span host, length;
	uint64_t bits;

	if (!lz_span_cut(s, '/', &host, &length) || !address_of(host, ret) ||
	    !lz_span_u64(length, 10, &bits) || bits > ret->bits)
		return false;
	ret->bits = (unsigned)bits;
	return true;
}

static bool in_network(const struct network *net, const struct network *a)
{
	unsigned whole = net->bits / 8, rest = net->bits % 8;

	if (net->bytes != a->bytes || memcmp(net->ip, a->ip, whole))
		return false;
	return !rest || (net->ip[whole] ^ a->ip[whole]) >> (8 - rest) == 0;
}

static bool host_met(struct lz_span shape, struct lz_span host)
{
	struct network net, a;

	if (lz_span_find(shape, '/') >= 0)
		return network_of(shape, &net) && address_of(host, &a) && in_network(&net, &a);
	return wild(shape, host);
}

bool lz_shape_met_end(struct lz_span shape, struct lz_span end)
{
	struct lz_span protocol, its, host, port, other;

	lz_span_cut(shape, ' ', &protocol, &shape);
	lz_span_cut(end, ' ', &its, &end);
	if (!lz_span_eq(protocol, its))
		return false;
	if (lz_span_is(protocol, "unix"))
		return lz_shape_met(shape, end);
	if (!lz_span_cut(shape, ' ', &host, &port))
		return lz_span_find(end, ' ') < 0 && port_met(shape, end);
	return lz_span_cut(end, ' ', &other, &end) && host_met(host, other) && port_met(port, end);
}

/* --- what people wrote ------------------------------------------------------------------------ */

static bool is_plain(struct lz_span s)
{
	if (!lz_utf8_valid(s))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return true;
}

const char *lz_shape_wrong_path(struct lz_span s)
{
	ptrdiff_t at;

	if (!s.n || s.n > 3 * LZ_SHAPE_MAX)
		return "a path of 1 to 12288 bytes is wanted";
	if (!is_plain(s))
		return "control characters are not allowed in a path";
	if (lz_span_search(s, LZ_SPAN("//")) >= 0 || lz_span_search(s, LZ_SPAN("/./")) >= 0 ||
	    lz_span_search(s, LZ_SPAN("/../")) >= 0 || lz_span_ends(s, "/.."))
		return "a path without \"//\", \".\" and \"..\" is wanted";
	at = lz_span_search(s, LZ_SPAN("**"));
	if (at >= 0 && ((size_t)at + 2 != s.n || !at || s.p[at - 1] != '/'))
		return "\"**\" may only be the last level of a path";
	return NULL;
}

static bool is_protocol(struct lz_span s)
{
	return lz_span_is(s, "tcp") || lz_span_is(s, "udp") || lz_span_is(s, "icmp") ||
	       lz_span_is(s, "raw") || lz_span_is(s, "other");
}

static const char *wrong_host(struct lz_span s)
{
	struct network net;

	if (!s.n || s.n > 255)
		return "a host of 1 to 255 bytes is wanted";
	if (lz_span_find(s, '/') >= 0)
		return network_of(s, &net) ? NULL : "this is no network such as 10.0.0.0/8";
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:*?",
			    s.p[i]) ||
		    !s.p[i])
			return "a host is a name, an address or a network";
	return NULL;
}

const char *lz_shape_wrong_destination(struct lz_span s)
{
	struct lz_span protocol, host, port;
	uint64_t from, to;

	if (!lz_span_cut(s, ' ', &protocol, &s))
		return "PROTOCOL HOST PORT is wanted, as in: tcp example.com 443";
	if (lz_span_is(protocol, "unix"))
		return lz_shape_wrong_path(s);
	if (!is_protocol(protocol))
		return "the protocol is tcp, udp, icmp, raw, other or unix";
	if (!lz_span_cut(s, ' ', &host, &port))
		return "PROTOCOL HOST PORT is wanted, as in: tcp example.com 443";
	if (!ports_of(port, &from, &to))
		return "a port is 0 to 65535, a range such as 8000-8999, or *";
	return wrong_host(host);
}

const char *lz_shape_wrong_listen(struct lz_span s)
{
	struct lz_span protocol, port;
	uint64_t from, to;

	if (!lz_span_cut(s, ' ', &protocol, &port) || !is_protocol(protocol))
		return "PROTOCOL PORT is wanted, as in: tcp 80";
	return ports_of(port, &from, &to) ? NULL
					  : "a port is 0 to 65535, a range such as 8000-8999, or *";
}
