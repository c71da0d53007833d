/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deeds that need threads, odd calls or speed, for races.py:
 *
 *	swap A B N       opens one buffer N times while a thread changes the path in it from A to B and
 *	                 back; prints how often the kernel opened each
 *	swap-connect A B N   connects N times to a port of this machine while a thread changes it from A
 *	                 to B and back; prints how often each was reached
 *	thread ARGV…     a thread that is not the first becomes another program
 *	reuse N ARGV…    N processes one after the other that all have the same number; prints it
 *	storm PATH N     opens PATH N times
 *	pairs PATH N     forks N times; each child opens PATH
 *	compat PATH PORT ARGV…   by the 32-bit entry: openat, connect, sendmsg of ARGV[1], execve
 *	uring PATH       opens PATH by io_uring; prints its number
 *	uring-rename FROM TO
 *	deep FOLDER N    a file below N folders of one letter each, below FOLDER; prints its path's end
 *	containers GROUPS ROOT MARK FIRST N LIVE_MS   N control groups with the names that Docker gives,
 *	                 LIVE_MS each, that open MARK/NUMBER; config.v2.json of each below ROOT
 *	sleepers N       N processes that sleep; prints "ready", ends when its input does
 *
 * Each ends with 0, or says why not; 77: this kernel has no such thing.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ABSENT	77
#define AT_ONCE 16 /* containers */

static int failed(const char *what)
{
	fprintf(stderr, "racer: %s: %s\n", what, strerror(errno));
	return 1;
}

static void sleep_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

/* --- a pointer that changes --- */

static struct {
	volatile bool stop;
	char *buffer;
	const char *path[2];
} swapping;

static void *swap_paths(void *arg)
{
	(void)arg;
	for (unsigned i = 0; !swapping.stop; i++)
		memcpy(swapping.buffer, swapping.path[i & 1], strlen(swapping.path[0]) + 1);
	return NULL;
}

static int swap(int argc, char **argv)
{
	unsigned long n = argc == 3 ? strtoul(argv[2], NULL, 10) : 0, count[2] = {0, 0};
	static char buffer[4096];
	pthread_t t;

	/* Of one length, and differing in one byte: never a mix of both. */
	if (!n || strlen(argv[0]) != strlen(argv[1]))
		return failed("swap A B N");
	swapping.buffer = buffer;
	swapping.path[0] = argv[0];
	swapping.path[1] = argv[1];
	memcpy(buffer, argv[0], strlen(argv[0]));
	if (pthread_create(&t, NULL, swap_paths, NULL))
		return failed("thread");
	for (unsigned long i = 0; i < n; i++) {
		int fd = open(buffer, O_RDONLY | O_CLOEXEC);
		char real[4096], link[40];
		ssize_t got;
		if (fd < 0)
			continue;
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		got = readlink(link, real, sizeof(real) - 1);
		if (got > 0) {
			real[got] = 0;
			count[0] += !strcmp(real, argv[0]);
			count[1] += !strcmp(real, argv[1]);
		}
		close(fd);
	}
	swapping.stop = true;
	pthread_join(t, NULL);
	printf("%lu %lu\n", count[0], count[1]);
	return 0;
}

static void *swap_ports(void *arg)
{
	volatile struct sockaddr_in *a = arg;

	while (!swapping.stop) {
		a->sin_port = htons((uint16_t)atoi(swapping.path[0]));
		a->sin_port = htons((uint16_t)atoi(swapping.path[1]));
	}
	return NULL;
}

static int swap_connect(int argc, char **argv)
{
	static struct sockaddr_in to = {.sin_family = AF_INET};
	unsigned long n = argc == 3 ? strtoul(argv[2], NULL, 10) : 0, count[2] = {0, 0};
	const struct linger at_once = {1, 0};
	pthread_t t;

	if (!n)
		return failed("swap-connect A B N");
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((uint16_t)atoi(argv[0]));
	swapping.path[0] = argv[0];
	swapping.path[1] = argv[1];
	if (pthread_create(&t, NULL, swap_ports, &to))
		return failed("thread");
	for (unsigned long i = 0; i < n; i++) {
		int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		struct sockaddr_in peer = {0};
		socklen_t size = sizeof(peer);
		if (!connect(s, (struct sockaddr *)&to, sizeof(to)) &&
		    !getpeername(s, (struct sockaddr *)&peer, &size))
			count[ntohs(peer.sin_port) != atoi(argv[0])]++;
		setsockopt(s, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		close(s);
	}
	swapping.stop = true;
	pthread_join(t, NULL);
	printf("%lu %lu\n", count[0], count[1]);
	return 0;
}

/* --- who runs --- */

static void *become(void *arg)
{
	char **argv = arg;

	prctl(PR_SET_NAME, "worker");
	execv(argv[0], argv);
	failed(argv[0]);
	_exit(1);
}

static int thread(int argc, char **argv)
{
	pthread_t t;

	printf("%d\n", getpid());
	fflush(stdout);
	if (!argc || pthread_create(&t, NULL, become, argv))
		return failed("thread");
	for (;;)
		pause();
}

static pid_t fork_as(pid_t pid)
{
	struct clone_args a = {
		.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&pid, .set_tid_size = 1};

	return (pid_t)syscall(SYS_clone3, &a, sizeof(a));
}

/* Each runs ARGV with its turn behind. */
static int reuse(int argc, char **argv)
{
	unsigned long n = argc > 1 ? strtoul(argv[0], NULL, 10) : 0;
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	printf("%d\n", pid);
	fflush(stdout);
	for (unsigned long i = 0; i < n; i++) {
		char turn[30], *args[20] = {NULL};
		pid_t child = fork_as(pid);
		if (child < 0 && errno == EEXIST) {
			i--; /* somebody was faster: it will end */
			sleep_ms(1);
			continue;
		}
		if (child < 0)
			return errno == ENOSYS || errno == EPERM ? ABSENT : failed("clone3");
		if (!child) {
			snprintf(turn, sizeof(turn), "turn-%lu", i);
			for (int k = 1; k < argc && k < 18; k++)
				args[k - 1] = argv[k];
			args[argc - 1] = turn;
			execv(args[0], args);
			_exit(1);
		}
		waitpid(child, NULL, 0);
	}
	return 0;
}

static int storm(int argc, char **argv)
{
	unsigned long n = argc == 2 ? strtoul(argv[1], NULL, 10) : 0, good = 0;

	for (unsigned long i = 0; i < n; i++) {
		int fd = open(argv[0], O_RDONLY | O_CLOEXEC);
		good += fd >= 0;
		close(fd);
	}
	printf("%lu\n", good);
	return 0;
}

static int pairs(int argc, char **argv)
{
	unsigned long n = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;

	for (unsigned long i = 0; i < n; i++) {
		pid_t pid = fork();
		if (!pid)
			_exit(open(argv[0], O_RDONLY | O_CLOEXEC) < 0);
		waitpid(pid, NULL, 0);
	}
	return 0;
}

/* --- the 32-bit entry --- */

#if defined(__x86_64__)
static long call32(long nr, long a, long b, long c)
{
	long ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "0"(nr), "b"(a), "c"(b), "d"(c), "S"(0L)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)ret;
}

static long low(char **room, const void *p, size_t n)
{
	char *at = *room;

	memcpy(at, p, n);
	*room += (n + 15) & ~(size_t)15;
	return (long)at;
}

static int compat(int argc, char **argv)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	char *room = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	uint32_t words[20] = {0}, args[3], vector[2], message[7] = {0};
	long fd;

	if (argc < 3 || room == MAP_FAILED)
		return failed("compat PATH PORT ARGV…");
	fd = call32(295 /* openat */, AT_FDCWD, low(&room, argv[0], strlen(argv[0]) + 1), O_RDONLY);
	if (fd == -ENOSYS)
		return ABSENT;
	if (fd < 0)
		return errno = (int)-fd, failed("openat");
	a.sin_port = htons((uint16_t)atoi(argv[1]));
	args[0] = AF_INET;
	args[1] = SOCK_STREAM;
	args[2] = 0;
	fd = call32(102 /* socketcall */, 1, low(&room, args, sizeof(args)), 0);
	if (fd < 0)
		return errno = (int)-fd, failed("socket");
	args[0] = (uint32_t)fd;
	args[1] = (uint32_t)low(&room, &a, sizeof(a));
	args[2] = sizeof(a);
	call32(102, 3, low(&room, args, sizeof(args)), 0);
	if (argc > 3) {
		vector[0] = (uint32_t)low(&room, argv[3], strlen(argv[3]) + 1);
		vector[1] = (uint32_t)strlen(argv[3]);
		message[2] = (uint32_t)low(&room, vector, sizeof(vector));
		message[3] = 1;
		call32(370 /* sendmsg */, fd, low(&room, message, sizeof(message)), 0);
	}
	for (int i = 2; i < argc && i < 20; i++)
		words[i - 2] = (uint32_t)low(&room, argv[i], strlen(argv[i]) + 1);
	fd = call32(11 /* execve */, words[0], low(&room, words, sizeof(words)), 0);
	return errno = (int)-fd, failed("execve");
}
#else
static int compat(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return ABSENT;
}
#endif

/* --- io_uring, without its library --- */

/* One operation, to its end. */
static int uring_do(const struct io_uring_sqe *what)
{
	struct io_uring_params p = {0};
	int ring = (int)syscall(SYS_io_uring_setup, 2, &p);
	struct io_uring_sqe *sqe;
	uint32_t *tail, *array, *mask;
	char *sq;

	if (ring < 0)
		return errno == ENOSYS || errno == EPERM ? ABSENT : failed("io_uring_setup");
	sq = mmap(NULL, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED, ring,
		  IORING_OFF_SQ_RING);
	sqe = mmap(NULL, p.sq_entries * sizeof(*sqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring,
		   (off_t)IORING_OFF_SQES);
	if (sq == MAP_FAILED || sqe == MAP_FAILED)
		return failed("io_uring");
	*sqe = *what;
	tail = (uint32_t *)(void *)(sq + p.sq_off.tail);
	mask = (uint32_t *)(void *)(sq + p.sq_off.ring_mask);
	array = (uint32_t *)(void *)(sq + p.sq_off.array);
	array[*tail & *mask] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	return syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1
		       ? 0
		       : failed("io_uring_enter");
}

static int uring(int argc, char **argv)
{
	struct io_uring_sqe e = {.opcode = IORING_OP_OPENAT,
				 .fd = AT_FDCWD,
				 .addr = (uintptr_t)argv[0],
				 .open_flags = O_RDONLY};

	printf("%d\n", getpid());
	return argc == 1 ? uring_do(&e) : failed("uring PATH");
}

/* A rename that no call of that name makes. */
static int uring_rename(int argc, char **argv)
{
	struct io_uring_sqe e = {.opcode = IORING_OP_RENAMEAT,
				 .fd = AT_FDCWD,
				 .addr = (uintptr_t)argv[0],
				 .len = (uint32_t)AT_FDCWD,
				 .addr2 = (uintptr_t)argv[1]};
	int r = argc == 2 ? uring_do(&e) : failed("uring-rename FROM TO");

	return r ? r : access(argv[1], F_OK) ? ABSENT : 0;
}

/* --- far down --- */

static int deep(int argc, char **argv)
{
	unsigned long n = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	int fd;

	if (!n || chdir(argv[0]))
		return failed("deep FOLDER N");
	for (unsigned long i = 0; i < n; i++)
		if ((mkdir("d", 0700) && errno != EEXIST) || chdir("d"))
			return failed("d");
	fd = open("lzrace-bottom", O_CREAT | O_RDWR, 0600);
	return fd < 0 ? failed("lzrace-bottom") : 0;
}

/* --- what Docker makes of a container, as far as the sensor looks --- */

static void container_id(char *p, const char *mark, unsigned long i)
{
	uint64_t h = 1469598103934665603ULL;

	for (; *mark; mark++)
		h = (h ^ (unsigned char)*mark) * 1099511628211ULL;
	snprintf(p, 65, "%08lx%016llx%040lx", i, (unsigned long long)h, i);
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n < 0 ? failed(path) : 0;
}

struct fleet {
	const char *groups, *root, *mark;
	unsigned long live_ms;
};

/* Its process, or -1. */
static pid_t begin_container(const struct fleet *f, unsigned long i)
{
	char id[65], path[4096], text[4096];
	pid_t pid;

	container_id(id, f->mark, i);
	snprintf(path, sizeof(path), "%s/containers/%s", f->root, id);
	if (mkdir(path, 0700))
		return -failed(path);
	snprintf(path, sizeof(path), "%s/containers/%s/config.v2.json", f->root, id);
	snprintf(text, sizeof(text),
		 "{\"ID\":\"%s\",\"Name\":\"/"
		 "lzrace-%lu\",\"Image\":\"sha256:%064lu\",\"State\":{\"Pid\":1,"
		 "\"Running\":true,\"StartedAt\":\"2024-05-01T10:00:00Z\"},\"Created\":\"2024-05-"
		 "01T10:00:00Z\","
		 "\"Config\":{\"Image\":\"shop/web:%lu\",\"Labels\":{}},\"MountPoints\":{},"
		 "\"NetworkSettings\":{\"Networks\":{}}}",
		 id, i, i, i);
	if (put(path, text))
		return -1;
	snprintf(path, sizeof(path), "%s/containers/%s/hostconfig.json", f->root, id);
	if (put(path, "{\"Privileged\":false,\"PidMode\":\"\",\"NetworkMode\":\"default\","
		      "\"IpcMode\":\"private\"}"))
		return -1;
	snprintf(path, sizeof(path), "%s/docker/%s", f->groups, id);
	if (mkdir(path, 0755))
		return -failed(path);
	pid = fork();
	if (pid)
		return pid < 0 ? -failed("fork") : pid;
	snprintf(path, sizeof(path), "%s/docker/%s/cgroup.procs", f->groups, id);
	if (put(path, "0"))
		_exit(1);
	snprintf(path, sizeof(path), "%s/%lu", f->mark, i);
	(void)open(path, O_RDONLY); /* it isn't there: that is told, too */
	sleep_ms((long)f->live_ms);
	_exit(0);
}

static void end_container(const struct fleet *f, unsigned long i)
{
	char id[65], path[4096];

	container_id(id, f->mark, i);
	snprintf(path, sizeof(path), "%s/docker/%s", f->groups, id);
	for (int k = 0; k < 200 && rmdir(path) && errno == EBUSY; k++)
		sleep_ms(5);
	snprintf(path, sizeof(path), "%s/containers/%s/config.v2.json", f->root, id);
	unlink(path);
	snprintf(path, sizeof(path), "%s/containers/%s/hostconfig.json", f->root, id);
	unlink(path);
	snprintf(path, sizeof(path), "%s/containers/%s", f->root, id);
	rmdir(path);
}

static int containers(int argc, char **argv)
{
	struct fleet f = {argc == 6 ? argv[0] : NULL, argv[1], argv[2], 0};
	unsigned long first, n;
	pid_t pid[AT_ONCE];

	if (argc != 6)
		return failed("containers GROUPS ROOT MARK FIRST N LIVE_MS");
	first = strtoul(argv[3], NULL, 10);
	n = strtoul(argv[4], NULL, 10);
	f.live_ms = strtoul(argv[5], NULL, 10);
	for (unsigned long i = 0; i < n + AT_ONCE; i++) {
		if (i >= AT_ONCE) {
			int status = 1;
			while (waitpid(pid[i % AT_ONCE], &status, 0) < 0 && errno == EINTR)
				;
			if (status)
				return errno = 0, failed("a container of its own");
			end_container(&f, first + i - AT_ONCE);
		}
		if (i < n)
			pid[i % AT_ONCE] = begin_container(&f, first + i);
		if (i < n && pid[i % AT_ONCE] < 0)
			return 1;
	}
	return 0;
}

static int sleepers(int argc, char **argv)
{
	unsigned long n = argc > 0 ? strtoul(argv[0], NULL, 10) : 0;
	char c;

	for (unsigned long i = 0; i < n; i++) {
		pid_t pid = fork();
		if (pid < 0)
			return failed("fork");
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
	}
	printf("ready\n");
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
	return 0;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} deeds[] = {{"swap", swap},
	     {"swap-connect", swap_connect},
	     {"thread", thread},
	     {"reuse", reuse},
	     {"storm", storm},
	     {"pairs", pairs},
	     {"compat", compat},
	     {"uring", uring},
	     {"uring-rename", uring_rename},
	     {"deep", deep},
	     {"containers", containers},
	     {"sleepers", sleepers}};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(deeds) / sizeof(deeds[0]); i++)
		if (!strcmp(deeds[i].name, argv[1]))
			return deeds[i].run(argc - 2, argv + 2);
	fprintf(stderr, "racer: no such deed\n");
	return 2;
}
