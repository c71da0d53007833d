/* SPDX-License-Identifier: Apache-2.0 */
/* Acts that the rules of data/rules/runtime look for and the stock rules don't. */
#include "act.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void pause_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct sockaddr_in place(const char *ip, int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};

	if (inet_pton(AF_INET, ip, &a.sin_addr) != 1) {
		fprintf(stderr, "act: %s is no address\n", ip);
		exit(ACT_UNKNOWN);
	}
	return a;
}

static int go(int type, const char *ip, int port)
{
	struct sockaddr_in a = place(ip, port);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 && errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	return fd;
}

/* --- shells and programs --- */

static int act_stdio(int argc, char **argv)
{
	int fd = go(SOCK_STREAM, argv[1], atoi(argv[2]));

	if (fd < 0)
		return act_failed(argv[1]);
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	return act_exec(argv + 3);
}

/* FILE is a copy of this program; its name is gone before it runs. */
static int act_deleted(int argc, char **argv)
{
	int fd = open(argv[1], O_RDONLY);

	if (fd < 0 || unlink(argv[1]) < 0)
		return act_failed(argv[1]);
	return act_done(syscall(SYS_execveat, fd, "", argv + 2, environ, AT_EMPTY_PATH),
			"execveat");
}

static int act_old(int argc, char **argv)
{
	struct timespec t[2] = {{1000000000, 0}, {1000000000, 0}};

	return act_done(utimensat(AT_FDCWD, argv[1], t, 0), argv[1]);
}

/* --- out of a container --- */

static int act_enter(int argc, char **argv)
{
	int fd = open(argv[1], O_RDONLY | O_CLOEXEC), status;
	pid_t child;

	if (fd < 0 || setns(fd, 0) < 0)
		return act_failed(argv[1]);
	child = fork(); /* of process ids only children change */
	if (!child) {
		execv(argv[2], argv + 2);
		_exit(ACT_FAILED);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return act_failed("fork");
	return WIFEXITED(status) ? WEXITSTATUS(status) : ACT_FAILED;
}

static int act_unix(int argc, char **argv)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", argv[1]);
	return act_done(connect(fd, (struct sockaddr *)&a, sizeof(a)), argv[1]);
}

static int act_unix_listen(int argc, char **argv)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), end;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", argv[1]);
	unlink(argv[1]);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 8) < 0)
		return act_failed(argv[1]);
	end = fork();
	if (end)
		return end < 0;
	pause_ms(600000);
	return 0;
}

static int act_mount(int argc, char **argv)
{
	int ret = mount(argv[1], argv[2], argv[3], 0, NULL);

	if (!ret)
		umount2(argv[2], MNT_DETACH);
	return act_done(ret, argv[1]);
}

static int act_block(int argc, char **argv)
{
	return act_done(mknod(argv[1], S_IFBLK | 0600, makedev(7, 200)), argv[1]);
}

static int act_handle(int argc, char **argv)
{
	struct {
		struct file_handle head;
		char bytes[MAX_HANDLE_SZ];
	} h = {.head = {.handle_bytes = MAX_HANDLE_SZ}};
	int mount_id, at = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (at < 0 || name_to_handle_at(at, argv[2], &h.head, &mount_id, 0) < 0)
		return act_failed(argv[2]);
	return act_done(open_by_handle_at(at, &h.head, O_RDONLY), "open_by_handle_at");
}

static int act_fdcwd(int argc, char **argv)
{
	int fd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return act_done(chdir(path), path);
}

static int act_kexec(int argc, char **argv)
{
	syscall(SYS_kexec_load, 0, 1, NULL, 0xffff0000); /* no such machine: refused by all */
	return 0;
}

/* --- others' memory, the kernel --- */

static int act_environs(int argc, char **argv)
{
	int n = atoi(argv[1]), bad = 0;
	pid_t children[64];

	for (int i = 0; i < n && i < 64; i++) {
		children[i] = fork();
		if (!children[i])
			pause_ms(20000), _exit(0);
	}
	for (int i = 0; i < n && i < 64; i++) {
		char path[64];
		int fd;
		snprintf(path, sizeof(path), "/proc/%d/environ", children[i]);
		fd = open(path, O_RDONLY);
		bad |= fd < 0;
		close(fd);
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
	}
	return bad ? act_failed("environ") : 0;
}

static int act_vm_write(int argc, char **argv)
{
	static char target[8];
	char mine[8] = "written";
	struct iovec from = {mine, 8}, to = {target, 8};
	pid_t child = fork();
	ssize_t n;

	if (!child)
		pause_ms(20000), _exit(0);
	n = process_vm_writev(child, &from, 1, &to, 1, 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return act_done(n, "process_vm_writev");
}

/* "return 0" for a socket: nothing ever runs it. */
static int act_bpf_load(int argc, char **argv)
{
	struct bpf_insn code[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
				  {.code = BPF_JMP | BPF_EXIT}};
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	a.insns = (unsigned long)code;
	a.insn_cnt = 2;
	a.license = (unsigned long)"Apache-2.0";
	return act_done(syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a)), "bpf");
}

/* Opens FILE without a system call for it. */
static int act_uring_open(int argc, char **argv)
{
	struct io_uring_params p = {0};
	int ring = (int)syscall(SYS_io_uring_setup, 4, &p);
	struct io_uring_sqe *entries;
	unsigned *array, *tail;
	char *queue;

	if (ring < 0)
		return act_failed("io_uring_setup");
	queue = mmap(NULL, p.sq_off.array + p.sq_entries * sizeof(unsigned), PROT_READ | PROT_WRITE,
		     MAP_SHARED, ring, IORING_OFF_SQ_RING);
	entries = mmap(NULL, p.sq_entries * sizeof(*entries), PROT_READ | PROT_WRITE, MAP_SHARED,
		       ring, IORING_OFF_SQES);
	if (queue == MAP_FAILED || entries == MAP_FAILED)
		return act_failed("mmap");
	array = (unsigned *)(void *)(queue + p.sq_off.array);
	tail = (unsigned *)(void *)(queue + p.sq_off.tail);
	entries[0] = (struct io_uring_sqe){.opcode = !strcmp(argv[2], "open") ? IORING_OP_OPENAT
									      : IORING_OP_NOP,
					   .fd = AT_FDCWD,
					   .addr = (unsigned long)argv[1]};
	array[0] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	return act_done(syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0),
			"io_uring_enter");
}

/* --- the network --- */

static int act_ports(int argc, char **argv)
{
	for (int i = 0; i < atoi(argv[3]); i++)
		close(go(SOCK_STREAM | SOCK_NONBLOCK, argv[1], atoi(argv[2]) + i));
	return 0;
}

static int act_hosts(int argc, char **argv)
{
	for (int i = 1; i <= atoi(argv[3]); i++) {
		char ip[64];
		snprintf(ip, sizeof(ip), "%s%d", argv[1], i);
		close(go(SOCK_STREAM | SOCK_NONBLOCK, ip, atoi(argv[2])));
	}
	return 0;
}

/* To ourselves: a child takes it. */
static int act_send(int argc, char **argv)
{
	struct sockaddr_in a = place(argv[1], atoi(argv[2]));
	int door = socket(AF_INET, SOCK_STREAM, 0), on = 1, fd;
	long left = atol(argv[3]);
	char buf[65536] = {0};
	pid_t child;

	setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(door, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(door, 1) < 0)
		return act_failed(argv[1]);
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fd = accept(door, NULL, NULL);
		while (read(fd, buf, sizeof(buf)) > 0)
			;
		_exit(0);
	}
	fd = go(SOCK_STREAM, argv[1], atoi(argv[2]));
	for (ssize_t n = 0; fd >= 0 && left > 0 && n >= 0; left -= n)
		n = send(fd, buf, left < (long)sizeof(buf) ? (size_t)left : sizeof(buf),
			 MSG_NOSIGNAL);
	close(fd);
	waitpid(child, NULL, 0);
	return fd < 0 || left > 0 ? act_failed("send") : 0;
}

/* Datagrams, so many bytes a second. */
static int act_flood(int argc, char **argv)
{
	int fd = go(SOCK_DGRAM, argv[1], atoi(argv[2]));
	double end = seconds() + atof(argv[4]);
	char buf[1200] = {0};
	long each_10ms = atol(argv[3]) / 100;

	if (fd < 0)
		return act_failed(argv[1]);
	while (seconds() < end) {
		for (long n = 0; n < each_10ms; n += (long)sizeof(buf))
			(void)!send(fd, buf, sizeof(buf), MSG_DONTWAIT);
		pause_ms(10);
	}
	return 0;
}

/* So many connections a second. */
static int act_storm(int argc, char **argv)
{
	double end = seconds() + atof(argv[4]);
	long each_10ms = atol(argv[3]) / 100;

	while (seconds() < end) {
		for (long i = 0; i < each_10ms; i++)
			close(go(SOCK_STREAM | SOCK_NONBLOCK, argv[1], atoi(argv[2])));
		pause_ms(10);
	}
	return 0;
}

/* The same to a door with room for one; what waits stays open for a moment. */
static int act_overflow(int argc, char **argv)
{
	struct sockaddr_in a = place(argv[1], atoi(argv[2]));
	int door = socket(AF_INET, SOCK_STREAM, 0), fds[512], n = 0;
	double end = seconds() + atof(argv[4]);
	long each_10ms = atol(argv[3]) / 100;

	if (bind(door, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(door, 0) < 0)
		return act_failed(argv[1]);
	for (int i = 0; i < 512; i++)
		fds[i] = -1;
	while (seconds() < end) {
		for (long i = 0; i < each_10ms; i++, n = (n + 1) % 512) {
			close(fds[n]);
			fds[n] = go(SOCK_STREAM | SOCK_NONBLOCK, argv[1], atoi(argv[2]));
		}
		pause_ms(10);
	}
	return 0;
}

/* --- processes and processors --- */

static int act_burn(int argc, char **argv)
{
	double end = seconds() + atof(argv[1]);

	while (seconds() < end)
		;
	return 0;
}

/* N of them at once, then more and more until the time is up. */
static int act_crowd(int argc, char **argv)
{
	double end = seconds() + atof(argv[2]);
	int n = atoi(argv[1]);

	setpgid(0, 0);
	signal(SIGCHLD, SIG_IGN);
	while (seconds() < end) {
		pid_t child = fork();
		if (!child) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			pause_ms(n > 0 ? 60000 : 100);
			_exit(0);
		}
		if (n-- <= 0)
			pause_ms(10);
	}
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	return 0;
}

const struct act acts_ours[] = {
	{"stdio", 3, act_stdio, "ADDRESS PORT COMMAND"},
	{"deleted", 2, act_deleted, "FILE ARGUMENTS"},
	{"old", 1, act_old, "FILE"},
	{"enter", 2, act_enter, "NAMESPACE COMMAND"},
	{"unix", 1, act_unix, "SOCKET"},
	{"unix-listen", 1, act_unix_listen, "SOCKET"},
	{"mount", 3, act_mount, "WHAT WHERE TYPE"},
	{"block", 1, act_block, "FILE"},
	{"handle", 2, act_handle, "FOLDER FILE"},
	{"fdcwd", 1, act_fdcwd, "FOLDER"},
	{"kexec", 0, act_kexec, ""},
	{"environs", 1, act_environs, "COUNT"},
	{"vm-write", 0, act_vm_write, ""},
	{"bpf-load", 0, act_bpf_load, ""},
	{"uring", 2, act_uring_open, "FILE open|nothing"},
	{"ports", 3, act_ports, "ADDRESS FIRST COUNT"},
	{"hosts", 3, act_hosts, "ADDRESS-BEGIN PORT COUNT"},
	{"send", 3, act_send, "OWN-ADDRESS PORT BYTES"},
	{"flood", 4, act_flood, "ADDRESS PORT BYTES-A-SECOND SECONDS"},
	{"storm", 4, act_storm, "ADDRESS PORT CONNECTIONS-A-SECOND SECONDS"},
	{"overflow", 4, act_overflow, "OWN-ADDRESS PORT CONNECTIONS-A-SECOND SECONDS"},
	{"burn", 1, act_burn, "SECONDS"},
	{"crowd", 2, act_crowd, "COUNT SECONDS"},
	{NULL, 0, NULL, NULL},
};
