/* SPDX-License-Identifier: Apache-2.0 */
/* Acts on sockets. Nothing leaves the machine: tests give "lo" the addresses that are named. */
#include "act.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static union address address(const char *ip, const char *port)
{
	union address a = {.v6.sin6_port = htons((unsigned short)atoi(port))};

	if (inet_pton(AF_INET, ip, &a.v4.sin_addr) == 1) {
		a.any.sa_family = AF_INET;
	} else if (inet_pton(AF_INET6, ip, &a.v6.sin6_addr) == 1) {
		a.any.sa_family = AF_INET6;
	} else {
		fprintf(stderr, "act: %s is no address\n", ip);
		exit(ACT_UNKNOWN);
	}
	return a;
}

static socklen_t size_of(const union address *a)
{
	return a->any.sa_family == AF_INET ? sizeof(a->v4) : sizeof(a->v6);
}

static int connected(int type, const char *ip, const char *port)
{
	union address a = address(ip, port);
	int fd = socket(a.any.sa_family, type | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, &a.any, size_of(&a)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int bound(int type, const char *ip, const char *port)
{
	union address a = address(ip, port);
	int fd = socket(a.any.sa_family, type | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return bind(fd, &a.any, size_of(&a)) < 0 ? -1 : fd;
}

static int listening(const char *ip, const char *port)
{
	int fd = bound(SOCK_STREAM, ip, port);

	return fd < 0 || listen(fd, 64) < 0 ? -1 : fd;
}

/* Waits for ever; connections complete by themselves as long as they are few. */
static int act_listen(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (listening("::", argv[i]) < 0 && listening("0.0.0.0", argv[i]) < 0)
			return act_failed(argv[i]);
	if (daemon(0, 0) < 0)
		return act_failed("daemon");
	for (;;)
		pause();
}

static int act_tcp(int argc, char **argv)
{
	return act_done(connected(SOCK_STREAM, argv[1], argv[2]), argv[1]);
}

static int act_udp(int argc, char **argv)
{
	return act_done(connected(SOCK_DGRAM, argv[1], argv[2]), argv[1]);
}

/* A datagram without a connection, from an address of our own. */
static int act_sendto(int argc, char **argv)
{
	union address a = address(argv[2], argv[3]);
	int fd = bound(SOCK_DGRAM, argv[1], "0");

	return act_done(sendto(fd, "x", 1, 0, &a.any, size_of(&a)), argv[2]);
}

static int act_sendmsg(int argc, char **argv)
{
	union address a = address(argv[2], argv[3]);
	char byte = 'x';
	struct iovec data = {.iov_base = &byte, .iov_len = 1};
	struct msghdr m = {&a, size_of(&a), &data, 1, NULL, 0, 0};

	return act_done(sendmsg(bound(SOCK_DGRAM, argv[1], "0"), &m, 0), argv[2]);
}

/* Takes a datagram that a child sends from another address. */
static int act_datagram(int argc, char **argv)
{
	union address a = address(argv[1], argv[3]), from;
	socklen_t size = sizeof(from);
	struct iovec room = {.iov_base = (char[8]){0}, .iov_len = 8};
	struct msghdr m = {&from, sizeof(from), &room, 1, NULL, 0, 0};
	int fd = bound(SOCK_DGRAM, argv[1], argv[3]);
	pid_t child = fd < 0 ? -1 : fork();
	ssize_t n;

	if (!child) {
		prctl(PR_SET_NAME, "client");
		n = sendto(bound(SOCK_DGRAM, argv[2], "0"), "x", 1, 0, &a.any, size_of(&a));
		_exit(n < 0 ? act_failed(argv[2]) : 0);
	}
	if (child < 0)
		return act_failed(argv[1]);
	n = argc > 4 && !strcmp(argv[4], "msg")
		    ? recvmsg(fd, &m, 0)
		    : recvfrom(fd, room.iov_base, 8, 0, &from.any, &size);
	waitpid(child, NULL, 0);
	return act_done(n, "datagram");
}

/* Doesn't wait for the connection: the call says that it is under way. */
static int act_tcp_begin(int argc, char **argv)
{
	union address a = address(argv[1], argv[2]);
	int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int ret = connect(fd, &a.any, size_of(&a));

	return ret < 0 && errno == EINPROGRESS ? 0 : act_done(ret, argv[1]);
}

static int act_listen_at(int argc, char **argv)
{
	return act_done(listening(argv[1], argv[2]), argv[1]);
}

static int act_accept(int argc, char **argv)
{
	int fd = listening(argv[1], argv[3]), one;
	pid_t child;

	if (fd < 0)
		return act_failed(argv[1]);
	child = fork();
	if (!child) {
		prctl(PR_SET_NAME, "client");
		one = connected(SOCK_STREAM, argv[2], argv[3]);
		_exit(one < 0 ? act_failed(argv[2]) : 0);
	}
	one = argc > 4 && !strcmp(argv[4], "4") ? accept4(fd, NULL, NULL, SOCK_CLOEXEC)
						: accept(fd, NULL, NULL);
	waitpid(child, NULL, 0);
	return act_done(one, "accept");
}

/* Puts a connection in the place of a descriptor, as one does before a shell is run. */
static int act_dup(int argc, char **argv)
{
	int fd = connected(SOCK_STREAM, argv[1], argv[2]);

	if (fd < 0)
		return act_failed(argv[1]);
	return act_done(dup2(fd, atoi(argv[3])), "dup2");
}

static int act_dup3(int argc, char **argv)
{
	int fd = connected(SOCK_STREAM, argv[1], argv[2]);

	if (fd < 0)
		return act_failed(argv[1]);
	return act_done(dup3(fd, atoi(argv[3]), 0), "dup3");
}

/* Frees standard input first, so that plain dup lands there. */
static int act_dup_plain(int argc, char **argv)
{
	int fd = connected(SOCK_STREAM, argv[1], argv[2]);

	close(0);
	return act_done(dup(fd), "dup");
}

static int act_packet(int argc, char **argv)
{
	return act_done(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), "packet socket");
}

static int act_raw(int argc, char **argv)
{
	return act_done(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP), "raw socket");
}

/* A query for the address of a name; returns its size. */
static size_t query(const char *name, unsigned char *p, size_t size)
{
	static const unsigned char head[12] = {0x4c, 0x5a, 1, 0, 0, 1}, tail[4] = {0, 1, 0, 1};
	size_t n = sizeof(head), part;

	memcpy(p, head, sizeof(head));
	for (; *name && n + strlen(name) + 8 < size; name += part + (name[part] == '.')) {
		part = strcspn(name, ".");
		p[n++] = (unsigned char)part;
		memcpy(p + n, name, part);
		n += part;
	}
	p[n++] = 0;
	memcpy(p + n, tail, sizeof(tail));
	return n + sizeof(tail);
}

/* Answers one query with one address, as a name server would. */
static int answer_one(int fd, const char *ip)
{
	static const unsigned char record[12] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4};
	unsigned char p[512];
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	ssize_t n = recvfrom(fd, p, sizeof(p) - 16, 0, (struct sockaddr *)&from, &size);

	if (n < 12)
		return act_failed("query");
	p[2] |= 0x80;
	p[7] = 1;
	memcpy(p + n, record, sizeof(record));
	if (inet_pton(AF_INET, ip, p + n + sizeof(record)) != 1)
		return ACT_FAILED;
	return act_done(sendto(fd, p, (size_t)n + 16, 0, (struct sockaddr *)&from, size), "answer");
}

/* Asks for a name as C libraries do; the name server is a child of ours. */
static int resolve(const char *name, const char *ip, bool by_msg)
{
	unsigned char p[512];
	struct iovec room = {.iov_base = p, .iov_len = sizeof(p)};
	struct msghdr m = {.msg_iov = &room, .msg_iovlen = 1};
	int server = bound(SOCK_DGRAM, "127.0.0.53", "53"), fd;
	size_t size = query(name, p, sizeof(p));
	pid_t child = server < 0 ? -1 : fork();
	ssize_t n;

	if (!child) {
		prctl(PR_SET_NAME, "nameserver");
		_exit(answer_one(server, ip));
	}
	fd = child < 0 ? -1 : connected(SOCK_DGRAM, "127.0.0.53", "53");
	if (fd < 0 || send(fd, p, size, MSG_NOSIGNAL) < 0)
		return act_failed("name server");
	n = by_msg ? recvmsg(fd, &m, 0) : recvfrom(fd, p, sizeof(p), 0, NULL, NULL);
	waitpid(child, NULL, 0);
	close(fd);
	return act_done(n, "answer");
}

static int act_resolve(int argc, char **argv)
{
	int ret = resolve(argv[1], argv[2], argc > 4 && !strcmp(argv[4], "msg"));

	return ret ? ret : act_done(connected(SOCK_STREAM, argv[2], argv[3]), argv[2]);
}

/* Reads bytes from a connection to ourselves. */
static int act_receive(int argc, char **argv)
{
	int fd = listening("127.0.0.1", argv[1]), client, server;
	char buf[64];
	size_t n = 0;

	if (fd < 0 || (client = connected(SOCK_STREAM, "127.0.0.1", argv[1])) < 0)
		return act_failed(argv[1]);
	server = accept(fd, NULL, NULL);
	for (unsigned byte; n < 32 && sscanf(argv[2] + 2 * n, "%2x", &byte) == 1; n++)
		buf[n] = (char)byte;
	if (send(server, buf, n, MSG_NOSIGNAL) < 0)
		return act_failed("send");
	return act_done(recv(client, buf, sizeof(buf), 0), "recv");
}

const struct act acts_net[] = {
	{"listen", 1, act_listen, "PORT..."},
	{"tcp", 2, act_tcp, "ADDRESS PORT"},
	{"udp", 2, act_udp, "ADDRESS PORT"},
	{"sendto", 3, act_sendto, "OWN-ADDRESS ADDRESS PORT"},
	{"sendmsg", 3, act_sendmsg, "OWN-ADDRESS ADDRESS PORT"},
	{"datagram", 3, act_datagram, "OWN-ADDRESS SENDER-ADDRESS PORT [msg]"},
	{"tcp-begin", 2, act_tcp_begin, "ADDRESS PORT"},
	{"listen-at", 2, act_listen_at, "ADDRESS PORT"},
	{"accept", 3, act_accept, "OWN-ADDRESS CALLED-ADDRESS PORT [4]"},
	{"dup", 2, act_dup_plain, "ADDRESS PORT"},
	{"dup2", 3, act_dup, "ADDRESS PORT DESCRIPTOR"},
	{"dup3", 3, act_dup3, "ADDRESS PORT DESCRIPTOR"},
	{"packet", 0, act_packet, ""},
	{"raw", 0, act_raw, ""},
	{"resolve", 3, act_resolve, "NAME ADDRESS PORT [msg]"},
	{"receive", 2, act_receive, "PORT HEX"},
	{NULL, 0, NULL, NULL},
};
