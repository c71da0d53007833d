/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table with its thread, its confined child and a runtime made of a folder and a socket. This
 * program is its own child, as lazaret is; a limit that nobody uses tells the child to misbehave.
 */
#include "base/clean.h"
#include "base/clock.h"
#include "base/io.h"
#include "container/parser.h"

#include "../../test.h"
#include "docs.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

static char dir[64];

/* --- a runtime -------------------------------------------------------------------------------- */

__attribute__((format(printf, 1, 2))) static const char *in_dir(const char *fmt, ...)
{
	static char path[4][700];
	static unsigned at;
	char *p = path[at++ % 4];
	int n = snprintf(p, sizeof(path[0]), "%s/", dir);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p + n, sizeof(path[0]) - (size_t)n, fmt, ap);
	va_end(ap);
	return p;
}

static void put(const char *path, const char *text)
{
	FILE *f;

	assert_int_equal(lz_make_folders(AT_FDCWD, path, NULL), 0);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* 64 digits that end with n. */
static const char *id_of(unsigned n)
{
	static char id[4][65];
	static unsigned at;
	char *p = id[at++ % 4];

	snprintf(p, 65, "%056x%08x", 0xabcdef, n);
	return p;
}

static struct lz_container_ref ref_of(const char *fmt, const char *id)
{
	struct lz_container_ref ref;
	char path[400];

	snprintf(path, sizeof(path), "%s%s", fmt, id);
	assert_true(lz_container_of_cgroup(lz_str(path), &ref));
	return ref;
}

static void put_docker(const char *id, const char *name)
{
	char text[1000];

	snprintf(text, sizeof(text),
		 "{\"ID\":\"%s\",\"Name\":\"/%s\",\"Image\":\"sha256:" IMG
		 "\",\"State\":{\"Pid\":%d},"
		 "\"Config\":{\"Image\":\"reg.example:5000/team/"
		 "app:1.2\",\"Labels\":{\"a\":\"b\"}}}",
		 id, name, getpid());
	put(in_dir("docker/containers/%s/config.v2.json", id), text);
	put(in_dir("docker/containers/%s/hostconfig.json", id), DOCKER_HOST);
	put(in_dir("docker/image/overlay2/layerdb/mounts/%s/mount-id", id), MNT);
}

static struct lz_containers_config config(void)
{
	struct lz_containers_config c = {.proc = "/proc", .table_max = 64, .bytes_max = LZ_M};
	static char docker[80], state[80], storage[80], homes[80], cni[80];

	snprintf(docker, sizeof(docker), "%s/docker", dir);
	snprintf(state, sizeof(state), "%s/state", dir);
	snprintf(storage, sizeof(storage), "%s/storage", dir);
	snprintf(homes, sizeof(homes), "%s/homes", dir);
	snprintf(cni, sizeof(cni), "%s/cni", dir);
	c.docker_root = docker;
	c.containerd_states[0] = state;
	c.podman_root = c.crio_run = storage;
	c.homes = homes;
	c.cni_results = cni;
	c.linger_ms = 100;
	c.parse_ms = 5000;
	c.api_ms = 1000;
	lz_limits_default(&c.limits);
	return c;
}

static struct lz_containers *start(const struct lz_containers_config *c)
{
	struct lz_err err;
	struct lz_containers *t = lz_containers_new(c, &err);

	if (!t)
		fail_msg("%s", err.text);
	return t;
}

static const struct lz_container *get(struct lz_containers *t, struct lz_container_ref ref)
{
	const struct lz_container *c = lz_containers_get(t, &ref);

	assert_non_null(c);
	return c;
}

static bool until(struct lz_containers *t, struct lz_container_ref ref, const char *name)
{
	for (int i = 0; i < 500; i++) {
		const struct lz_container *c = get(t, ref);
		bool is = lz_span_is(c->name, name);
		lz_container_unref(c);
		if (is)
			return true;
		poll(NULL, 0, 10);
	}
	return false;
}

/* --- files ------------------------------------------------------------------------------------ */

static void test_docker(void **state)
{
	struct lz_containers_config conf = config();
	struct lz_containers *t;
	const struct lz_container *c, *again;
	struct lz_container_ref ref = ref_of("/docker/", id_of(1));

	(void)state;
	put_docker(id_of(1), "web");
	put_docker(id_of(2), "db");
	put(in_dir("docker/image/overlay2/repositories.json"), DOCKER_REPOS);
	t = start(&conf);
	c = get(t, ref);
	assert_span(c->why_not, "");
	assert_true(c->complete);
	assert_span(c->name, "web");
	assert_span(c->image_digest, "sha256:" DIG);
	assert_span(c->upper, in_dir("docker/overlay2/%s/diff", MNT));
	assert_int_equal(c->flags, LZ_CONTAINER_PRIVILEGED | LZ_CONTAINER_HOST_NETWORK);
	again = get(t, ref);
	assert_ptr_equal(c, again);
	lz_container_unref(again);
	/* the list of images is not read a second time, but still known */
	again = get(t, ref_of("/docker/", id_of(2)));
	assert_span(again->name, "db");
	assert_span(again->image_digest, "sha256:" DIG);
	lz_container_unref(again);
	assert_int_equal(lz_containers_stats(t).live, 2);
	lz_containers_forget(t, &ref);
	again = get(t, ref); /* for events on their way */
	assert_ptr_equal(c, again);
	lz_container_unref(again);
	poll(NULL, 0, 300);
	assert_int_equal(lz_containers_stats(t).live, 1);
	lz_containers_free(t);
	assert_span(c->name, "web"); /* what was given out stays */
	lz_container_unref(c);
}

/* containerd's state, the sandbox beside it, the pod's network; then another namespace. */
static void test_containerd(void **state)
{
	struct lz_containers_config conf = config();
	struct lz_containers *t = start(&conf);
	const struct lz_container *c;
	char pid[20];

	(void)state;
	snprintf(pid, sizeof(pid), "%d", getpid());
	put(in_dir("state/k8s.io/%s/config.json", ID_A), CRI_CONTAINER);
	put(in_dir("state/k8s.io/%s/init.pid", ID_A), pid);
	put(in_dir("state/k8s.io/%s/config.json", ID_B), CRI_SANDBOX);
	put(in_dir("cni/cbr0-%s-eth0", ID_B), CNI_RESULT);
	put(in_dir("state/tools/%s/config.json", id_of(3)), "{\"annotations\":{\"nerdctl/name\":"
							    "\"box\"}}");
	c = get(t, ref_of("/kubepods/pod" POD "/", ID_A));
	assert_span(c->why_not, "");
	assert_span(c->type, "containerd");
	assert_span(c->pod_name, "web-0");
	assert_span(c->pod_ip, "10.244.1.7");
	assert_true(c->flags & LZ_CONTAINER_HOST_NETWORK);
	/* its first process is this one: where that can be seen, it goes before what a file says */
	if (!access("/proc/1/ns/pid", R_OK) && !geteuid())
		assert_true(c->flags & LZ_CONTAINER_HOST_PID);
	assert_int_equal(c->pid, getpid());
	assert_true(c->started_ns / 1000000000 > time(NULL) - 100);
	lz_container_unref(c);
	c = get(t, ref_of("/default/", id_of(3)));
	assert_span(c->name, "box");
	assert_span(c->type, "containerd");
	assert_false(c->complete);
	lz_container_unref(c);
	lz_containers_free(t);
}

static void put_podman(const char *base, uint32_t uid)
{
	put(in_dir("%soverlay-containers/%s/userdata/config.json", base, ID_A), PODMAN_OCI);
	put(in_dir("%soverlay-containers/%s/userdata/pidfile", base, ID_A), "1");
	put(in_dir("%soverlay-containers/containers.json", base), PODMAN_CONTAINERS);
	put(in_dir("%soverlay-images/images.json", base), PODMAN_IMAGES);
	if (uid)
		assert_int_equal(chown(in_dir("homes/ann"), uid, uid), 0);
}

static void test_podman(void **state)
{
	struct lz_containers_config conf = config();
	struct lz_containers *t = start(&conf);
	const struct lz_container *c;
	struct lz_container_ref user = {0};

	(void)state;
	put_podman("storage/", 0);
	c = get(t, ref_of("/machine.slice/libpod-" ID_A ".scope", ""));
	assert_span(c->name, "dove");
	assert_span(c->image_digest, "sha256:" DIG);
	assert_span(c->upper, in_dir("storage/overlay/%s/diff", MNT));
	assert_true(c->complete);
	lz_container_unref(c);
	/* a user's container of the same id is not that one */
	user = ref_of("/user.slice/user-4242.slice/user@4242.service/libpod-" ID_A, "");
	c = get(t, user);
	assert_span(c->name, "");
	assert_false(c->complete);
	lz_container_unref(c);
	lz_containers_free(t);
	if (geteuid())
		return;
	/* nor does a link in that user's home make it one of the system's */
	put(in_dir("homes/ann/.local/share/x"), "");
	assert_int_equal(chown(in_dir("homes/ann"), 4242, 4242), 0);
	put_docker(ID_A, "trusted");
	assert_int_equal(symlink(in_dir("docker"), in_dir("homes/ann/.local/share/docker")), 0);
	t = start(&conf);
	c = get(t,
		ref_of("/user.slice/user-4242.slice/user@4242.service/docker-" ID_A ".scope", ""));
	assert_span(c->name, "");
	assert_non_null(strstr(c->why_not.p, "symbolic link"));
	lz_container_unref(c);
	lz_containers_free(t);
	put_podman("homes/ann/.local/share/containers/storage/", 4242);
	t = start(&conf);
	c = get(t, user);
	assert_span(c->why_not, "");
	assert_span(c->name, "dove");
	assert_span(c->upper,
		    in_dir("homes/ann/.local/share/containers/storage/overlay/%s/diff", MNT));
	lz_container_unref(c);
	lz_containers_free(t);
}

/* One parser serves all: what it keeps for one runtime neither gets lost nor speaks for another. */
static void test_alternating(void **state)
{
	struct lz_containers_config conf = config();
	struct lz_containers *t = start(&conf);

	(void)state;
	put_docker(id_of(40), "d");
	put_docker(id_of(41), "e");
	put_podman("storage/", 0);
	for (int i = 0; i < 3; i++) {
		const struct lz_container *c =
			get(t, ref_of("/docker/", id_of(40 + (unsigned)i % 2)));
		assert_span(c->image_digest, "sha256:" DIG);
		lz_container_unref(c);
		c = get(t, ref_of("/libpod_parent/libpod-" ID_A, ""));
		assert_span(c->name, "dove");
		lz_container_unref(c);
		lz_containers_forget(t, &(struct lz_container_ref){0});
	}
	/* without the list, the images' names are not known any more */
	assert_int_equal(rename(in_dir("docker/image/overlay2/repositories.json"), in_dir("away")),
			 0);
	put_docker(id_of(42), "f");
	const struct lz_container *c = get(t, ref_of("/docker/", id_of(42)));
	assert_span(c->name, "f");
	assert_span(c->image_digest, "");
	lz_container_unref(c);
	assert_int_equal(rename(in_dir("away"), in_dir("docker/image/overlay2/repositories.json")),
			 0);
	lz_containers_free(t);
}

/* --- lies on disk ------------------------------------------------------------------------------ */

static void expect_why(unsigned n, const char *why)
{
	struct lz_containers_config conf = config();
	struct lz_containers *t = start(&conf);
	uint64_t begin = lz_now_ms();
	const struct lz_container *c = get(t, ref_of("/docker/", id_of(n)));

	if (c->complete || lz_span_search(c->why_not, lz_str(why)) < 0)
		fail_msg("expected \"%s\": \"%.*s\"", why, LZ_FMT(c->why_not));
	assert_true(lz_now_ms() - begin < 6000);
	assert_span(c->type, "docker");
	lz_container_unref(c);
	lz_containers_free(t);
}

static void test_disk_lies(void **state)
{
	const char *path;

	(void)state;
	expect_why(100, "no data");
	put(in_dir("secret"), DOCKER_CONFIG);
	path = in_dir("docker/containers/%s/config.v2.json", id_of(101));
	assert_int_equal(lz_make_folders(AT_FDCWD, path, NULL), 0);
	assert_int_equal(symlink(in_dir("secret"), path), 0);
	expect_why(101, "symbolic link");
	path = in_dir("docker/containers/%s", id_of(102));
	assert_int_equal(symlink(in_dir("docker/containers/%s", id_of(1)), path), 0);
	expect_why(102, "symbolic link");
	path = in_dir("docker/containers/%s/config.v2.json", id_of(103));
	assert_int_equal(lz_make_folders(AT_FDCWD, path, NULL), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_why(103, "no regular file");
	path = in_dir("docker/containers/%s/config.v2.json/x", id_of(104));
	assert_int_equal(lz_make_folders(AT_FDCWD, path, NULL), 0);
	expect_why(104, "no regular file");
	put(in_dir("docker/containers/%s/config.v2.json", id_of(105)), "{");
	assert_int_equal(
		truncate(in_dir("docker/containers/%s/config.v2.json", id_of(105)), 100000000), 0);
	expect_why(105, "100000000 bytes, more than");
	put(in_dir("docker/containers/%s/config.v2.json", id_of(106)), "[[[[");
	expect_why(106, "config.v2.json");
	/* one good file beside a bad one: what is known, and that it is not all */
	put_docker(id_of(107), "half");
	path = in_dir("docker/containers/%s/hostconfig.json", id_of(107));
	assert_int_equal(unlink(path) | symlink("/etc/passwd", path), 0);
	expect_why(107, "hostconfig.json: is or passes a symbolic link");
}

/* --- a child that misbehaves ------------------------------------------------------------------- */

enum { MODE_CRASH = 1001, MODE_SILENT, MODE_GARBAGE, MODE_LIE, MODE_QUIT };

static int misbehave(struct lz_rec *request, int in_fd, const struct lz_limits *limits,
		     struct lz_rec_out *out, struct lz_err *err)
{
	char head[4];
	struct lz_container c = {.label_count = 0};

	switch (limits->advisories) {
	case MODE_CRASH:
		if (read(in_fd, head, 4) == 4)
			abort();
		return 0;
	case MODE_SILENT:
		for (;;)
			poll(NULL, 0, 1000);
	case MODE_GARBAGE:
		if (read(in_fd, head, 4) == 4)
			return lz_write_full(LZ_JAIL_OUTPUT_FD, "\xff\xff\xff\xff", 4, err);
		return 0;
	case MODE_LIE: /* more labels than there may be */
		if (read(in_fd, head, 4) != 4)
			return 0;
		lz_rec_begin(out, LZ_CT_ANSWER);
		for (size_t i = 0; i < LZ_CT_COUNT; i++)
			lz_rec_put_span(out, c.name);
		lz_rec_put_u64(out, 1000000000);
		return lz_rec_commit(out, err);
	case MODE_QUIT:
		return 0;
	default:
		return lz_role_container.run(request, in_fd, limits, out, err);
	}
}

static void test_bad_child(void **state)
{
	static const struct {
		unsigned mode;
		const char *why;
	} rows[] = {{MODE_CRASH, "confined parser"},
		    {MODE_SILENT, "in time"},
		    {MODE_GARBAGE, "record of"},
		    {MODE_LIE, "parser's answer"},
		    {MODE_QUIT, "confined parser"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lz_containers_config conf = config();
		struct lz_containers *t;
		conf.limits.advisories = rows[i].mode;
		conf.parse_ms = 1000;
		t = start(&conf);
		for (unsigned n = 1; n <= 2; n++) {
			const struct lz_container *c = get(t, ref_of("/docker/", id_of(n)));
			if (c->complete || lz_span_search(c->why_not, lz_str(rows[i].why)) < 0)
				fail_msg("%u: \"%.*s\"", rows[i].mode, LZ_FMT(c->why_not));
			assert_span(c->type, "docker");
			lz_container_unref(c);
		}
		assert_true(lz_containers_stats(t).parser_starts >= 2);
		lz_containers_free(t);
	}
}

/* A child that dies between two containers harms neither. */
static void test_killed_child(void **state)
{
	struct lz_containers_config conf = config();
	struct lz_containers *t = start(&conf);
	const struct lz_container *c = get(t, ref_of("/docker/", id_of(1)));
	char path[64], pids[256] = "";
	FILE *f;

	(void)state;
	lz_container_unref(c);
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	f = fopen(path, "r");
	if (!f || !fgets(pids, sizeof(pids), f))
		pids[0] = 0;
	if (f)
		fclose(f);
	if (pids[0]) {
		kill((pid_t)strtol(pids, NULL, 10), SIGKILL);
		poll(NULL, 0, 100);
		c = get(t, ref_of("/docker/", id_of(2)));
		assert_span(c->why_not, "");
		assert_span(c->image_digest, "sha256:" DIG); /* the list was sent again */
		lz_container_unref(c);
		assert_int_equal(lz_containers_stats(t).parser_starts, 2);
	}
	lz_containers_free(t);
}

/* --- a socket ---------------------------------------------------------------------------------- */

enum manner { GOOD, MUTE, HUGE, NO_HTTP, CHUNKED, LATE };
struct server {
	char path[100];
	int fd;
	pthread_t thread;
	enum manner manner;
	_Atomic int events; /* lines to send */
	_Atomic int asked;
	_Atomic bool stop;
	_Atomic int stream;
};

static void answer(struct server *s, int fd, const char *ask)
{
	static const char head[] = "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n";
	static const char chunked[] =
		"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}";

	if (s->manner == MUTE)
		return;
	if (s->manner == NO_HTTP)
		dprintf(fd, "SSH-2.0\r\n\r\n");
	else if (s->manner == CHUNKED)
		dprintf(fd, "%s", chunked);
	else if (s->manner == LATE && s->asked < 2)
		dprintf(fd, "HTTP/1.0 404 Not Found\r\n\r\n{\"message\":\"no such container\"}");
	else if (strstr(ask, "/images/"))
		dprintf(fd, "%s%s", head, DOCKER_IMAGE);
	else
		dprintf(fd, "%s%s", head, DOCKER_INSPECT);
	for (int i = 0; s->manner == HUGE && i < 10000; i++)
		if (dprintf(fd, "%01000d", 7) < 0)
			break;
}

static void serve_one(struct server *s)
{
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
	char ask[1000];
	ssize_t n = fd < 0 ? -1 : read(fd, ask, sizeof(ask) - 1);

	if (n <= 0)
		return;
	ask[n] = 0;
	if (strstr(ask, "/events") && s->manner != MUTE) {
		dprintf(fd, "HTTP/1.0 200 OK\r\n\r\n");
		s->stream = fd;
		return;
	}
	s->asked += strstr(ask, "/containers/") != NULL;
	answer(s, fd, ask);
	if (s->manner == MUTE)
		poll(NULL, 0, 200);
	close(fd);
}

static void *serve(void *arg)
{
	struct server *s = arg;

	while (!s->stop) {
		struct pollfd p = {.fd = s->fd, .events = POLLIN};
		if (poll(&p, 1, 20) > 0)
			serve_one(s);
		if (s->events && s->stream >= 0) {
			s->events = 0;
			dprintf(s->stream,
				"{\"Type\":\"container\",\"Action\":\"rename\",\"Actor\":{\"ID\":"
				"\"" ID_A
				"\"}}\nnonsense\n{\"Type\":\"container\",\"Action\":\"destroy\","
				"\"id\":\"%s\"}\n",
				id_of(1));
		}
	}
	return NULL;
}

static void serve_begin(struct server *s, enum manner manner)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	memset(s, 0, sizeof(*s));
	s->manner = manner;
	s->stream = -1;
	snprintf(s->path, sizeof(s->path), "%s/sock", dir);
	unlink(s->path);
	memcpy(at.sun_path, s->path, strlen(s->path));
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(s->fd, 16), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void serve_end(struct server *s)
{
	s->stop = true;
	pthread_join(s->thread, NULL);
	close(s->fd);
	if (s->stream >= 0)
		close(s->stream);
	unlink(s->path);
}

static void test_socket(void **state)
{
	struct lz_containers_config conf = config();
	struct server s;
	struct lz_containers *t;
	struct lz_container_ref ref = ref_of("/docker/", ID_A);
	const struct lz_container *c;

	(void)state;
	conf.docker_root = NULL; /* as where it can't be read */
	serve_begin(&s, LATE);
	conf.docker_socket = s.path;
	t = start(&conf);
	c = get(t, ref);
	assert_false(c->complete);
	assert_span(c->name, "");
	lz_container_unref(c);
	assert_true(until(t, ref, "renamed"));
	c = get(t, ref);
	assert_true(c->complete);
	assert_span(c->image_repository, "busybox");
	assert_span(c->image_digest, "sha256:" DIG);
	assert_int_equal(c->pid, 4711);
	lz_container_unref(c);
	lz_containers_free(t);
	serve_end(&s);
}

/* The files said one name; an event says that there is news. */
static void test_events(void **state)
{
	struct lz_containers_config conf = config();
	struct server s;
	struct lz_containers *t;
	struct lz_container_ref ref = ref_of("/docker/", ID_A);
	const struct lz_container *c;
	unsigned live = 2;

	(void)state;
	put_docker(ID_A, "first");
	serve_begin(&s, GOOD);
	conf.docker_socket = s.path;
	t = start(&conf);
	for (int i = 0; i < 300 && s.stream < 0; i++)
		poll(NULL, 0, 10);
	c = get(t, ref);
	assert_span(c->name, "first");
	lz_container_unref(c);
	lz_container_unref(get(t, ref_of("/docker/", id_of(1))));
	poll(NULL, 0, 100);
	assert_int_equal(s.asked, 0);
	s.events = 1;
	assert_true(until(t, ref, "renamed"));
	for (int i = 0; i < 300 && live != 1; i++) { /* the other one was destroyed */
		live = (unsigned)lz_containers_stats(t).live;
		poll(NULL, 0, 10);
	}
	assert_int_equal(live, 1);
	lz_containers_free(t);
	serve_end(&s);
}

static void test_bad_sockets(void **state)
{
	static const struct {
		enum manner manner;
		const char *why;
	} rows[] = {{MUTE, "no answer in time"},
		    {HUGE, "an answer of more than"},
		    {NO_HTTP, "does not speak HTTP"},
		    {CHUNKED, "transfer encoding"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lz_containers_config conf = config();
		struct lz_container_ref ref = ref_of("/docker/", ID_B);
		struct server s;
		struct lz_containers *t;
		bool said = false;
		serve_begin(&s, rows[i].manner);
		conf.docker_socket = s.path;
		conf.api_ms = rows[i].manner == MUTE ? 100 : 5000;
		t = start(&conf);
		for (int k = 0; k < 1000 && !said; k++) {
			uint64_t begin = lz_now_ms();
			const struct lz_container *c = get(t, ref);
			assert_true(lz_now_ms() - begin < 2000);
			said = lz_span_search(c->why_not, lz_str(rows[i].why)) >= 0;
			lz_container_unref(c);
			poll(NULL, 0, 10);
		}
		if (!said)
			fail_msg("never said: %s", rows[i].why);
		lz_containers_free(t);
		serve_end(&s);
	}
}

/* --- bounds ------------------------------------------------------------------------------------ */

static void test_bounds(void **state)
{
	struct lz_containers_config conf = config();
	struct lz_containers *t;
	struct lz_containers_stats s;

	(void)state;
	conf.table_max = 8;
	t = start(&conf);
	for (unsigned i = 1000; i < 1100; i++)
		lz_container_unref(get(t, ref_of("/docker/", id_of(i))));
	s = lz_containers_stats(t);
	assert_int_equal(s.live, 8);
	assert_int_equal(s.evicted, 92);
	lz_containers_free(t);
	conf = config();
	conf.table_max = 1000;
	conf.bytes_max = 16384;
	t = start(&conf);
	for (unsigned i = 1000; i < 1100; i++)
		lz_container_unref(get(t, ref_of("/docker/", id_of(i))));
	s = lz_containers_stats(t);
	assert_true(s.live > 1 && s.bytes <= 16384);
	lz_containers_free(t);
}

static unsigned descriptors(void)
{
	unsigned n = 0;
	DIR *d = opendir("/proc/self/fd");

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Many short lives, one after another, as a build farm has them. */
static void test_churn(void **state)
{
	struct lz_containers_config conf = config();
	struct lz_containers *t;
	unsigned before = descriptors(), n = 1000;
	uint64_t begin;

	(void)state;
	conf.table_max = 4096;
	for (unsigned i = 0; i < 50; i++)
		put_docker(id_of(5000 + i), "short");
	t = start(&conf);
	begin = lz_now_ms();
	for (unsigned i = 0; i < n; i++) {
		struct lz_container_ref ref = ref_of("/docker/", id_of(5000 + i % 50));
		const struct lz_container *c = get(t, ref);
		if (!c->complete)
			fail_msg("%u: %.*s", i, LZ_FMT(c->why_not));
		lz_container_unref(c);
		ref.uid = 7; /* and one that was never there */
		ref.id[0] = "0123456789abcdef"[i % 16];
		lz_container_unref(get(t, ref));
		lz_containers_forget(t, &ref);
		ref = ref_of("/docker/", id_of(5000 + i % 50));
		lz_containers_forget(t, &ref);
	}
	print_message("%u gets and forgets: %llu ms\n", 2 * n,
		      (unsigned long long)(lz_now_ms() - begin));
	/* so many different ones that the child is renewed */
	for (unsigned i = 0; i < 2100; i++) {
		struct lz_container_ref ref = ref_of("/lxc/", id_of(i));
		lz_container_unref(get(t, ref));
		lz_containers_forget(t, &ref);
	}
	assert_true(lz_containers_stats(t).parser_starts >= 2);
	poll(NULL, 0, 400);
	assert_int_equal(lz_containers_stats(t).live, 0);
	assert_int_equal(lz_containers_stats(t).bytes, 0);
	lz_containers_free(t);
	assert_int_equal(descriptors(), before);
}

static void *many_gets(void *arg)
{
	struct lz_containers *t = arg;

	for (unsigned i = 0; i < 200; i++) {
		struct lz_container_ref ref = ref_of("/docker/", ID_A);
		const struct lz_container *c;
		ref.id[5] = "0123456789abcdef"[i % 16];
		c = lz_containers_get(t, &ref);
		if (!c)
			return NULL;
		lz_container_unref(c);
		if (i % 7 == 0)
			lz_containers_forget(t, &ref);
	}
	return arg;
}

static void test_threads(void **state)
{
	struct lz_containers_config conf = config();
	struct lz_containers *t;
	pthread_t threads[4];
	void *ret;

	(void)state;
	conf.linger_ms = 1;
	t = start(&conf);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, many_gets, t), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &ret);
		assert_ptr_equal(ret, t);
	}
	lz_containers_free(t);
}

static int one_life(void)
{
	struct lz_containers_config conf = config();
	struct lz_err err = {0};
	struct lz_container_ref ref = ref_of("/docker/", id_of(1));
	struct lz_containers *t = lz_containers_new(&conf, &err);
	const struct lz_container *c;

	if (!t)
		return err.code;
	c = lz_containers_get(t, &ref);
	lz_container_unref(c);
	lz_containers_forget(t, &ref);
	lz_containers_free(t);
	return c ? 0 : LZ_E_NOMEM;
}

static void test_no_memory(void **state)
{
	(void)state;
	assert_survives_nomem(one_life());
}

static int begin_all(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/lz-container.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int end_all(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_docker),	     cmocka_unit_test(test_containerd),
		cmocka_unit_test(test_podman),	     cmocka_unit_test(test_alternating),
		cmocka_unit_test(test_disk_lies),    cmocka_unit_test(test_bad_child),
		cmocka_unit_test(test_killed_child), cmocka_unit_test(test_socket),
		cmocka_unit_test(test_events),	     cmocka_unit_test(test_bad_sockets),
		cmocka_unit_test(test_bounds),	     cmocka_unit_test(test_churn),
		cmocka_unit_test(test_threads),	     cmocka_unit_test(test_no_memory),
	};
	const struct lz_role roles[] = {{.name = "container", .run = misbehave}, {.name = NULL}};

	if (argc > 1 && !strncmp(argv[1], "--role=", 7))
		lz_jail_main(argv[1] + 7, roles);
	signal(SIGPIPE, SIG_IGN); /* of the server */
	return cmocka_run_group_tests(tests, begin_all, end_all);
}
