/* SPDX-License-Identifier: Apache-2.0 */
/* fd.* and fs.path.*, as the documentation of Falco's fields defines them. */
#include "make_view.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

static struct stage *s;

static int begin(void **state)
{
	(void)state;
	s = stage_new();
	run(s, 100, 1, "sh", "/bin/dash", "sh\0-i", 6);
	return 0;
}

static int end(void **state)
{
	(void)state;
	stage_free(s);
	return 0;
}

static void add_file(unsigned slot, uint32_t mode, const char *name, unsigned path_flags,
		     unsigned flags)
{
	struct lz_ev_file f = {.inode = 42, .mode = mode, .device = 8 << 20 | 3, .flags = flags};

	part(&s->m, LZ_PART_FILE + slot, &f, sizeof(f));
	path(&s->m, LZ_PART_PATH + slot, path_flags, name);
}

/* openat(AT_FDCWD, "passwd") in /srv/www, where a link leads elsewhere. */
static void open_good(unsigned flags, unsigned file_flags)
{
	call(s, SYS_openat, 7);
	number(&s->m, 0, (uint64_t)AT_FDCWD);
	text(&s->m, 1, "./x/../passwd");
	number(&s->m, 2, flags);
	number(&s->m, 3, 0644);
	add_file(LZ_PART_RET_FILE - LZ_PART_FILE, S_IFREG | 0644, "/etc/passwd", 0, file_flags);
	path(&s->m, LZ_PART_CWD, 0, "/srv/www");
	see(s);
}

static void opened(void **state)
{
	(void)state;
	open_good(O_RDONLY, LZ_FILE_READ);
	is(s, "fd.name", "/etc/passwd"); /* what the kernel opened, not what was asked for */
	is(s, "fd.nameraw", "./x/../passwd");
	is(s, "fd.directory", "/etc");
	is(s, "fd.filename", "passwd");
	is(s, "fd.type", "file");
	is(s, "fd.typechar", "f");
	is_number(s, "fd.num", 7);
	is_number(s, "fd.ino", 42);
	is_number(s, "fd.dev.major", 8);
	is_number(s, "fd.dev.minor", 3);
	is(s, "fd.uid", "1007");
	is(s, "fd.containername", "host:/etc/passwd");
	is(s, "fd.containerdirectory", "host:/etc");
	is(s, "fs.path.name", "/srv/www/passwd"); /* what was asked for, absolute */
	is(s, "fs.path.nameraw", "./x/../passwd");
	none(s, "fs.path.source");
	none(s, "fd.ip");
	none(s, "fd.sip");
	none(s, "fd.l4proto");
	none(s, "fd.sockfamily");
	none(s, "fd.is_server");
	is(s, "fd.is_upper_layer", "false");
	is(s, "fd.is_lower_layer", "false");
	open_good(O_RDONLY, LZ_FILE_READ | LZ_FILE_OVERLAY);
	is(s, "fd.is_lower_layer", "true");
	open_good(O_RDONLY, LZ_FILE_READ | LZ_FILE_OVERLAY | LZ_FILE_UPPER);
	is(s, "fd.is_upper_layer", "true");
	is(s, "fd.is_lower_layer", "false");
}

static void open_failed(void **state)
{
	(void)state;
	call(s, SYS_openat, -EACCES);
	number(&s->m, 0, (uint64_t)AT_FDCWD);
	text(&s->m, 1, "../../../etc//shadow");
	number(&s->m, 2, O_RDWR);
	number(&s->m, 3, 0);
	path(&s->m, LZ_PART_CWD, 0, "/srv/www");
	see(s);
	is_number(s, "fd.num", -1);
	is(s, "fd.name", "/etc/shadow");
	is(s, "fd.nameraw", "../../../etc//shadow");
	is(s, "fd.filename", "shadow");
	none(s, "fd.ino");
	is(s, "fd.type", "file"); /* as rules about failed opens have it */
	is(s, "fd.typechar", "f");
	/* Without a working directory in the record: the process's. */
	call(s, SYS_open, -ENOENT);
	text(&s->m, 0, "no");
	number(&s->m, 1, O_RDONLY);
	see(s);
	is(s, "fd.name", "/srv/www/no");
	/* Nothing was given that could be read. */
	call(s, SYS_open, -EFAULT);
	number(&s->m, 1, O_RDONLY);
	see(s);
	none(s, "fd.name");
	is_number(s, "fd.num", -1);
}

static void below_a_folder(void **state)
{
	(void)state;
	call(s, SYS_openat, -ENOENT);
	number(&s->m, 0, 5);
	text(&s->m, 1, "sub/f");
	number(&s->m, 2, O_RDONLY);
	add_file(0, S_IFDIR | 0755, "/data", 0, 0);
	see(s);
	is(s, "fd.name", "/data/sub/f");
	is(s, "evt.arg.name", "/data/sub/f");
	call(s, SYS_unlinkat, 0);
	number(&s->m, 0, 5);
	text(&s->m, 1, "sub/f");
	number(&s->m, 2, 0);
	add_file(0, S_IFDIR | 0755, "/data", 0, 0);
	see(s);
	is(s, "fs.path.name", "/data/sub/f");
	none(s, "fd.name"); /* a folder to start from is not what the event is about */
	none(s, "fd.num");
	/* Each of two paths from its own folder. */
	call(s, SYS_renameat2, 0);
	number(&s->m, 0, 5);
	text(&s->m, 1, "a");
	number(&s->m, 2, 6);
	text(&s->m, 3, "b");
	number(&s->m, 4, 0);
	add_file(0, S_IFDIR | 0755, "/from", 0, 0);
	add_file(2, S_IFDIR | 0755, "/to", 0, 0);
	see(s);
	is(s, "fs.path.source", "/from/a");
	is(s, "fs.path.sourceraw", "a");
	is(s, "fs.path.target", "/to/b");
	is(s, "fs.path.targetraw", "b");
	none(s, "fs.path.name");
	is(s, "evt.arg.oldpath", "/from/a");
	is(s, "evt.arg.newpath", "/to/b");
}

static void symlinks(void **state)
{
	(void)state;
	call(s, SYS_symlink, 0);
	text(&s->m, 0, "../etc/shadow"); /* what is written into the link: as it is */
	text(&s->m, 1, "/tmp/l");
	see(s);
	is(s, "fs.path.source", "../etc/shadow");
	is(s, "fs.path.target", "/tmp/l");
	is(s, "evt.arg.target", "../etc/shadow");
	is(s, "evt.arg.linkpath", "/tmp/l");
}

static void kinds(void **state)
{
	static const struct {
		uint32_t mode;
		unsigned flags;
		const char *name, *type, *letter;
	} rows[] = {
		{S_IFREG, 0, "/a", "file", "f"},
		{S_IFDIR, 0, "/a", "directory", "d"},
		{S_IFCHR, 0, "/dev/null", "file", "f"},
		{S_IFIFO, LZ_PATH_NO_MOUNT, "pipe:", "pipe", "p"},
		{S_IFREG, LZ_PATH_NO_MOUNT, "memfd:x", "memfd", "m"},
		{0600, LZ_PATH_NO_MOUNT, "anon_inode:[eventfd]", "event", "e"},
		{0600, LZ_PATH_NO_MOUNT, "anon_inode:[signalfd]", "signalfd", "s"},
		{0600, LZ_PATH_NO_MOUNT, "anon_inode:[eventpoll]", "eventpoll", "l"},
		{0600, LZ_PATH_NO_MOUNT, "anon_inode:inotify", "inotify", "i"},
		{0600, LZ_PATH_NO_MOUNT, "anon_inode:[timerfd]", "timerfd", "t"},
		{0600, LZ_PATH_NO_MOUNT, "anon_inode:bpf-map", "bpf", "b"},
		{0600, LZ_PATH_NO_MOUNT, "anon_inode:[userfaultfd]", "userfaultfd", "u"},
		{0600, LZ_PATH_NO_MOUNT, "anon_inode:[io_uring]", "io_uring", "r"},
		{0600, LZ_PATH_NO_MOUNT, "anon_inode:[new]", "other", "o"},
		/* A file that only has such a name is a file. */
		{S_IFREG, 0, "/memfd:x", "file", "f"},
		{S_IFREG, 0, "/anon_inode:[eventfd]", "file", "f"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		call(s, SYS_fchmod, 0);
		number(&s->m, 0, 9);
		number(&s->m, 1, 0777);
		add_file(0, rows[i].mode, rows[i].name, rows[i].flags, 0);
		see(s);
		is(s, "fd.type", rows[i].type);
		is(s, "fd.typechar", rows[i].letter);
		is(s, "fd.name", rows[i].name);
		is_number(s, "fd.num", 9);
		if (rows[i].flags)
			none(s, "fd.directory");
	}
	call(s, SYS_fchmod, 0);
	add_file(0, S_IFDIR, "/", 0, 0);
	number(&s->m, 0, 9);
	see(s);
	is(s, "fd.name", "/");
	is(s, "fd.directory", "/");
	call(s, SYS_fchmod, 0);
	add_file(0, S_IFREG, "/top", 0, 0);
	number(&s->m, 0, 9);
	see(s);
	is(s, "fd.directory", "/");
	is(s, "fd.filename", "top");
}

/* --- sockets --- */

static struct lz_ev_socket tcp4(void)
{
	return (struct lz_ev_socket){.family = AF_INET,
				     .type = SOCK_STREAM,
				     .protocol = 6,
				     .state = 1,
				     .local_port = 40000,
				     .remote_port = 443,
				     .local = {10, 0, 0, 5},
				     .remote = {203, 0, 113, 9}};
}

static void add_socket(unsigned slot, const struct lz_ev_socket *k)
{
	struct lz_ev_file f = {.inode = 4242, .mode = S_IFSOCK | 0777};

	part(&s->m, LZ_PART_FILE + slot, &f, sizeof(f));
	part(&s->m, LZ_PART_SOCKET + slot, k, sizeof(*k));
}

static void connected(void **state)
{
	struct lz_ev_socket k = tcp4();

	(void)state;
	call(s, SYS_connect, 0);
	number(&s->m, 0, 3);
	add_socket(0, &k);
	see(s);
	is(s, "fd.name", "10.0.0.5:40000->203.0.113.9:443");
	is(s, "fd.type", "ipv4");
	is(s, "fd.typechar", "4");
	is(s, "fd.l4proto", "tcp");
	is(s, "fd.sockfamily", "ip");
	is(s, "fd.cip", "10.0.0.5");
	is(s, "fd.sip", "203.0.113.9");
	is(s, "fd.lip", "10.0.0.5");
	is(s, "fd.rip", "203.0.113.9");
	is_number(s, "fd.cport", 40000);
	is_number(s, "fd.sport", 443);
	is_number(s, "fd.lport", 40000);
	is_number(s, "fd.rport", 443);
	are(s, "fd.ip", "10.0.0.5 203.0.113.9");
	are(s, "fd.net", "10.0.0.5 203.0.113.9");
	are(s, "fd.port", "40000 443");
	is(s, "fd.sproto", "https");
	is(s, "fd.snet", "203.0.113.9");
	is(s, "fd.is_server", "false");
	is(s, "fd.connected", "true");
	none(s, "fd.directory");
	none(s, "fd.filename");
	none(s, "fd.sip.name");
	lz_hosts_add(s->from.hosts, k.remote, 4, LZ_SPAN("pool.example"), 5);
	lz_hosts_add(s->from.hosts, k.remote, 4, LZ_SPAN("cdn.example"), 6);
	see(s);
	are(s, "fd.sip.name", "cdn.example pool.example");
	none(s, "fd.cip.name");
	are(s, "fd.rip.name", "cdn.example pool.example");
}

/* What was asked for, as the kernel copied it, where the socket doesn't say. */
static void connecting(void **state)
{
	struct lz_ev_socket k = tcp4(), asked = {.family = AF_INET,
						 .remote_port = 80,
						 .remote = {198, 51, 100, 1}};

	(void)state;
	k.remote_port = k.local_port = 0;
	memset(k.remote, 0, 16);
	memset(k.local, 0, 16);
	k.state = 7;
	call(s, SYS_connect, -ECONNREFUSED);
	number(&s->m, 0, 3);
	add_socket(0, &k);
	part(&s->m, LZ_PART_ASKED, &asked, sizeof(asked));
	/* Another thread has changed the process's memory meanwhile: that says nothing. */
	part(&s->m, LZ_PART_ADDRESS, "\2\0\0\x16\6\6\6\6\0\0\0\0\0\0\0\0", 16);
	see(s);
	is(s, "fd.name", "0.0.0.0:0->198.51.100.1:80");
	is(s, "fd.sip", "198.51.100.1");
	is_number(s, "fd.sport", 80);
	is(s, "fd.connected", "false");
	/* Without the kernel's copy the process's is what there is. */
	call(s, SYS_connect, -ECONNREFUSED);
	number(&s->m, 0, 3);
	add_socket(0, &k);
	part(&s->m, LZ_PART_ADDRESS, "\2\0\0\x16\6\6\6\6\0\0\0\0\0\0\0\0", 16);
	see(s);
	is(s, "fd.sip", "6.6.6.6");
	is_number(s, "fd.sport", 22);
}

static void accepted(void **state)
{
	struct lz_ev_socket k = tcp4();

	(void)state;
	k.local_port = 8080;
	k.remote_port = 51000;
	call(s, SYS_accept4, 9);
	number(&s->m, 0, 4);
	add_socket(LZ_PART_RET_FILE - LZ_PART_FILE, &k);
	see(s);
	is(s, "fd.name", "203.0.113.9:51000->10.0.0.5:8080"); /* client first */
	is(s, "fd.cip", "203.0.113.9");
	is(s, "fd.sip", "10.0.0.5");
	is_number(s, "fd.sport", 8080);
	is(s, "fd.lip", "10.0.0.5");
	is(s, "fd.rip", "203.0.113.9");
	is(s, "fd.is_server", "true");
	is_number(s, "fd.num", 9);
	/* Whatever this socket does later, it was accepted. */
	call(s, SYS_recvfrom, 10);
	number(&s->m, 0, 9);
	add_socket(0, &k);
	see(s);
	is(s, "fd.is_server", "true");
	is_number(s, "fd.sport", 8080);
	is(s, "fd.name", "203.0.113.9:51000->10.0.0.5:8080");
}

static void listening(void **state)
{
	struct lz_ev_socket k = {.family = AF_INET,
				 .type = SOCK_STREAM,
				 .protocol = 6,
				 .state = 10,
				 .local_port = 4444};

	(void)state;
	call(s, SYS_listen, 0);
	number(&s->m, 0, 3);
	number(&s->m, 1, 128);
	add_socket(0, &k);
	see(s);
	is(s, "fd.name", "0.0.0.0:4444");
	is_number(s, "fd.sport", 4444);
	is_number(s, "fd.lport", 4444);
	none(s, "fd.rip");
	none(s, "fd.cip");
	are(s, "fd.port", "4444");
	is(s, "fd.is_server", "true");
}

static void six(void **state)
{
	struct lz_ev_socket k = {.family = AF_INET6,
				 .type = SOCK_STREAM,
				 .protocol = 6,
				 .state = 1,
				 .local_port = 5,
				 .remote_port = 6,
				 .local = {[15] = 1},
				 .remote = {0x20, 1, 0xd, 0xb8, [15] = 2}};
	static const unsigned char mapped[16] = {[10] = 0xff, 0xff, 192, 0, 2, 7},
				   mapped2[16] = {[10] = 0xff, 0xff, 192, 0, 2, 8};

	(void)state;
	call(s, SYS_connect, 0);
	number(&s->m, 0, 3);
	add_socket(0, &k);
	see(s);
	is(s, "fd.name", "::1:5->2001:db8::2:6");
	is(s, "fd.type", "ipv6");
	is(s, "fd.typechar", "6");
	is(s, "fd.sip", "2001:db8::2");
	/* IPv4 by way of an IPv6 socket is IPv4. */
	memcpy(k.local, mapped, 16);
	memcpy(k.remote, mapped2, 16);
	call(s, SYS_connect, 0);
	number(&s->m, 0, 3);
	add_socket(0, &k);
	see(s);
	is(s, "fd.name", "192.0.2.7:5->192.0.2.8:6");
	is(s, "fd.type", "ipv4");
	is(s, "fd.sip", "192.0.2.8");
}

static void datagrams(void **state)
{
	struct lz_ev_socket k = {.family = AF_INET,
				 .type = SOCK_DGRAM,
				 .protocol = 17,
				 .state = 7,
				 .local_port = 3333};
	struct lz_ev_socket to = {.family = AF_INET, .remote_port = 53, .remote = {9, 9, 9, 9}};

	(void)state;
	for (int i = 0; i < 3; i++) {
		to.remote[3] = i < 2 ? 9 : 10;
		call(s, SYS_sendto, 30);
		number(&s->m, 0, 3);
		part(&s->m, LZ_PART_BYTES, "hello", 5);
		add_socket(0, &k);
		part(&s->m, LZ_PART_ASKED, &to, sizeof(to));
		see(s);
		is(s, "fd.l4proto", "udp");
		is(s, "fd.connected", "false");
		is(s, "fd.sip", i < 2 ? "9.9.9.9" : "9.9.9.10");
		is(s, "fd.sproto", "domain");
		/* Another end than the datagram before. */
		is(s, "fd.name_changed", i == 1 ? "false" : "true");
		is(s, "evt.buffer", "hello");
		is_number(s, "evt.buflen", 30);
	}
	k.type = SOCK_RAW;
	k.protocol = 1;
	call(s, SYS_sendto, 30);
	number(&s->m, 0, 3);
	add_socket(0, &k);
	see(s);
	is(s, "fd.l4proto", "icmp");
}

static void unix_one(const char *name, size_t n, const char *want)
{
	struct lz_ev_socket k = {.family = AF_UNIX, .type = SOCK_STREAM};

	call(s, SYS_connect, 0);
	number(&s->m, 0, 3);
	add_socket(0, &k);
	if (n)
		part(&s->m, LZ_PART_UNIX, name, n);
	see(s);
	is(s, "fd.name", want);
	is(s, "fd.type", "unix");
	is(s, "fd.typechar", "u");
	is(s, "fd.sockfamily", "unix");
	none(s, "fd.l4proto");
	none(s, "fd.sip");
	none(s, "fd.is_server");
}

static void unix_sockets(void **state)
{
	struct lz_ev_socket k = {.family = AF_UNIX, .type = SOCK_STREAM};
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "/run/gone.sock"};

	(void)state;
	unix_one("/run/docker.sock", 17, "/run/docker.sock");
	unix_one("/run/docker.sock", 16, "/run/docker.sock");
	unix_one("\0abstract", 9, "@abstract");
	unix_one("", 0, "");
	call(s, SYS_connect, -ENOENT);
	number(&s->m, 0, 3);
	add_socket(0, &k);
	part(&s->m, LZ_PART_ADDRESS, &a, sizeof(a));
	see(s);
	is(s, "fd.name", "/run/gone.sock");
}

static void other_families(void **state)
{
	struct lz_ev_socket k = {.family = AF_NETLINK, .type = SOCK_RAW};

	(void)state;
	call(s, SYS_bind, 0);
	number(&s->m, 0, 3);
	add_socket(0, &k);
	see(s);
	is(s, "fd.type", "netlink");
	is(s, "fd.typechar", "n");
	none(s, "fd.sip");
	none(s, "fd.sockfamily");
	k.family = AF_PACKET;
	call(s, SYS_bind, 0);
	number(&s->m, 0, 3);
	add_socket(0, &k);
	see(s);
	is(s, "fd.typechar", "o");
}

static void flows(void **state)
{
	struct lz_ev_flow f = {.socket = tcp4(), .ended = 1};
	struct lz_ev_dns d = {.server = {9, 9, 9, 9}, .family = AF_INET};

	(void)state;
	make(&s->m, LZ_EV_FLOW, 100, 100);
	part(&s->m, LZ_PART_FLOW, &f, sizeof(f));
	see(s);
	is(s, "fd.name", "10.0.0.5:40000->203.0.113.9:443");
	is(s, "fd.is_server", "false");
	f.server = 1;
	make(&s->m, LZ_EV_FLOW, 100, 100);
	part(&s->m, LZ_PART_FLOW, &f, sizeof(f));
	see(s);
	is(s, "fd.name", "203.0.113.9:443->10.0.0.5:40000");
	none(s, "fd.num");
	make(&s->m, LZ_EV_DNS, 100, 100);
	part(&s->m, LZ_PART_DNS, &d, sizeof(d));
	see(s);
	is(s, "fd.sip", "9.9.9.9");
	is_number(s, "fd.sport", 53);
	is(s, "fd.l4proto", "udp");
}

/* Sockets whose parts do not fit each other, as only hostile recordings have them. */
static void nonsense(void **state)
{
	struct lz_ev_socket k = tcp4(), asked = {.family = AF_UNIX};
	struct lz_ev_flow f = {.socket = {.family = 77}};
	const struct lz_datum *d;

	(void)state;
	call(s, SYS_connect, 0);
	number(&s->m, 0, 3);
	part(&s->m, LZ_PART_SOCKET, &k, sizeof(k)); /* no file */
	see(s);
	none(s, "fd.name");
	call(s, SYS_connect, 0);
	number(&s->m, 0, 3);
	add_socket(0, &k);
	part(&s->m, LZ_PART_ASKED, &asked, sizeof(asked));
	see(s);
	values(s, "fd.name", &d);
	values(s, "fd.ip", &d);
	make(&s->m, LZ_EV_FLOW, 100, 100);
	part(&s->m, LZ_PART_FLOW, &f, sizeof(f));
	see(s);
	values(s, "fd.name", &d);
	call(s, SYS_connect, 0);
	number(&s->m, 0, 3);
	part(&s->m, LZ_PART_ADDRESS, "\2", 1);
	k.remote_port = 0;
	memset(k.remote, 0, 16);
	add_socket(0, &k);
	see(s);
	is(s, "fd.name", "10.0.0.5:40000");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(opened),	      TEST(open_failed), TEST(below_a_folder), TEST(symlinks),
		TEST(kinds),	      TEST(connected),	 TEST(connecting),     TEST(accepted),
		TEST(listening),      TEST(six),	 TEST(datagrams),      TEST(unix_sockets),
		TEST(other_families), TEST(flows),	 TEST(nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
