/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wall. This program is its own child, as lazaret is: "--role=hostile" runs an attack behind
 * the wall, "--role=open-field" the same one without. The second shows that the attack works and
 * that the first can fail.
 */
#include "base/clock.h"
#include "jail/hostile.h"
#include "jail/jail.h"
#include "jail/seal.h"

#include "../../test.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

static volatile sig_atomic_t signalled;

static void on_usr1(int sig)
{
	(void)sig;
	signalled++;
}

/* --- one run ---------------------------------------------------------------------------------- */

struct outcome {
	int code; /* of lz_child_next at the end */
	struct lz_err err;
	char said[100]; /* text of the last LZ_REC_FIRST_FREE, or of LZ_REC_ERROR */
	unsigned records;
};

static struct lz_span request(const char *attack, uint64_t arg, struct lz_rec_out *out,
			      const struct lz_limits *limits)
{
	lz_rec_out_init(out, -1, limits);
	lz_rec_begin(out, 0);
	lz_rec_put_span(out, lz_str(attack));
	lz_rec_put_u64(out, arg);
	return lz_span(out->buf.p + 4, out->buf.n - 4); /* as the child takes it: type and fields */
}

static void receive(struct lz_child *c, struct outcome *o, unsigned most)
{
	struct lz_rec rec;

	while (o->records < most && (o->code = lz_child_next(c, &rec, &o->err)) > 0) {
		o->records++;
		if (rec.type == LZ_REC_ERROR)
			lz_rec_u64(&rec);
		if (rec.type == LZ_REC_ERROR || rec.type == LZ_REC_FIRST_FREE)
			if (!lz_span_cstr(lz_rec_span(&rec, 90), o->said, sizeof(o->said)))
				o->said[0] = 0;
	}
}

static struct outcome attack(const char *role, const char *name, uint64_t arg,
			     const struct lz_limits *limits)
{
	struct outcome o = {.code = 0};
	struct lz_rec_out out;
	struct lz_child *c;
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);

	c = lz_child_start(role, in, limits, request(name, arg, &out, limits), &o.err);
	if (!c)
		fail_msg("%s %s: %s", role, name, o.err.text);
	receive(c, &o, 100000);
	lz_child_free(c);
	lz_rec_out_done(&out);
	close(in);
	return o;
}

static struct lz_limits defaults(void)
{
	struct lz_limits l;

	lz_limits_default(&l);
	return l;
}

/* --- what must fail --------------------------------------------------------------------------- */

static int listener(uint64_t *ret_port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0 && !bind(fd, (struct sockaddr *)&at, sizeof(at)) && !listen(fd, 4));
	getsockname(fd, (struct sockaddr *)&at, &n);
	*ret_port = ntohs(at.sin_port);
	return fd;
}

/* Each ends the process with SIGSYS behind the wall, and works without it. */
static void test_reaching_out(void **state)
{
	static const char *const names[] = {"open",   "create", "connect", "exec", "fork",
					    "ptrace", "peek",	"kill",	   "code", "prctl"};
	struct lz_limits limits = defaults();
	uint64_t port;
	int listening = listener(&port);

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct outcome o = attack("open-field", names[i], port, &limits);
		/* in a container even root may not trace: then this host can't show it */
		if (o.code || (strcmp(o.said, "done") && strcmp(names[i], "ptrace")))
			fail_msg("%s does not work even without the wall: %s %s", names[i], o.said,
				 o.err.text);
		if (SANITIZED && !strcmp(names[i], "prctl"))
			continue; /* the sanitizers' runtime needs it */
		signalled = 0;
		o = attack("hostile", names[i], port, &limits);
		if (o.code != LZ_E_CRASH || !strstr(o.err.text, "SIGSYS") || o.said[0])
			fail_msg("%s behind the wall: %d %s; said \"%s\"", names[i], o.code,
				 o.err.text, o.said);
		assert_int_equal(signalled, 0);
	}
	close(listening);
}

static void test_descriptors(void **state)
{
	struct lz_limits limits = defaults();
	int mine[2];
	char c;

	(void)state;
	/* inheritable, on purpose: the start must close it all the same */
	assert_true(pipe(mine) == 0 && dup2(mine[1], 77) == 77);
	struct outcome o = attack("hostile", "write", 0, &limits);
	assert_int_equal(o.code, 0);
	assert_true(!strncmp(o.said, "refused", 7));
	fcntl(mine[0], F_SETFL, O_NONBLOCK);
	assert_int_equal(read(mine[0], &c, 1), -1);
	close(77);
	close(mine[0]);
	close(mine[1]);
}

static void test_memory(void **state)
{
	struct lz_limits limits = defaults();

	(void)state;
	if (SANITIZED) /* their shadow is terabytes of address space: no such limit */
		skip();
	limits.child_bytes = 128 * LZ_M;
	struct outcome o = attack("open-field", "memory", 300, &limits);
	assert_string_equal(o.said, "done");
	o = attack("hostile", "memory", 300, &limits);
	assert_true(o.code == LZ_E_CRASH || !strncmp(o.said, "refused", 7));
}

static void test_processor(void **state)
{
	struct lz_limits limits = defaults();
	uint64_t start = lz_now_ms();

	(void)state;
	limits.child_cpu_s = 1;
	struct outcome o = attack("hostile", "spin", 0, &limits);
	assert_int_equal(o.code, LZ_E_LIMIT);
	assert_non_null(strstr(o.err.text, "child_cpu_s"));
	assert_true(lz_now_ms() - start < 30000);
}

/* --- what the parent must bear ---------------------------------------------------------------- */

static void says(const char *name, int code, const char *text)
{
	struct lz_limits limits = defaults();
	struct outcome o = attack("hostile", name, 0, &limits);

	if (o.code != code || !strstr(o.err.text, text))
		fail_msg("%s: %d \"%s\"", name, o.code, o.err.text);
}

static void test_wrong_answers(void **state)
{
	(void)state;
	says("huge", LZ_E_FORMAT, "record of 4294967295 bytes");
	says("tiny", LZ_E_FORMAT, "record of 1 bytes");
	says("garbage", LZ_E_FORMAT, "record_bytes");
	says("cut", LZ_E_FORMAT, "cut off");
	says("crash", LZ_E_CRASH, SANITIZED ? "confined parser" : "crashed");
	says("close", LZ_E_CRASH, "closed its pipe but did not end");
}

/* A flood is taken at the parent's pace: it holds one pipe and one buffer, however much is sent. */
static void test_flood(void **state)
{
	struct lz_limits limits = defaults();
	struct outcome o = {.code = 0};
	struct lz_rec_out out;
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct lz_child *c =
		lz_child_start("hostile", in, &limits, request("flood", 0, &out, &limits), &o.err);

	(void)state;
	assert_non_null(c);
	receive(c, &o, 2000000);
	assert_int_equal(o.records, 2000000);
	lz_child_free(c); /* and it is gone, though it had more to say */
	assert_true(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
	lz_rec_out_done(&out);
	close(in);
}

static void *interrupt(void *arg)
{
	(void)arg;
	poll(NULL, 0, 300);
	kill(getpid(), SIGINT);
	return NULL;
}

/* Whoever can't wait says until when. */
static void test_deadline(void **state)
{
	struct lz_limits limits = defaults();
	struct lz_rec_out out;
	struct lz_rec rec;
	struct lz_err err;
	uint64_t start = lz_now_ms();
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct lz_child *c =
		lz_child_start("hostile", in, &limits, request("silent", 0, &out, &limits), &err);

	(void)state;
	assert_non_null(c);
	assert_int_equal(lz_child_next_by(c, start + 500, &rec, &err), LZ_E_LIMIT);
	assert_non_null(strstr(err.text, "in time"));
	assert_true(lz_now_ms() - start >= 500 && lz_now_ms() - start < 5000);
	assert_true(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
	lz_child_free(c);
	lz_rec_out_done(&out);
	close(in);
}

/* Last: the flag stays. */
static void test_silence(void **state)
{
	struct lz_limits limits = defaults();
	uint64_t start = lz_now_ms();
	pthread_t t;

	(void)state;
	lz_signals_install();
	assert_int_equal(pthread_create(&t, NULL, interrupt, NULL), 0);
	struct outcome o = attack("hostile", "silent", 0, &limits);
	pthread_join(t, NULL);
	assert_int_equal(o.code, LZ_E_CANCELLED);
	assert_true(lz_now_ms() - start < 5000);
}

static unsigned open_descriptors(void)
{
	unsigned n = 0;
	DIR *d = opendir("/proc/self/fd");

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void test_nothing_left(void **state)
{
	struct lz_limits limits = defaults();
	unsigned before = open_descriptors();

	(void)state;
	for (int i = 0; i < 20; i++)
		attack("hostile", i % 2 ? "open" : "cut", 0, &limits);
	assert_int_equal(open_descriptors(), before);
	assert_true(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

static void test_no_such_role(void **state)
{
	struct lz_limits limits = defaults();
	struct outcome o = attack("nobody", "open", 0, &limits);

	(void)state;
	assert_int_equal(o.code, LZ_E_CRASH);
	assert_non_null(strstr(o.err.text, "status 72"));
}

static void test_error_record(void **state)
{
	struct lz_limits limits = defaults();
	struct outcome o = attack("hostile", "no such thing", 0, &limits);

	(void)state;
	assert_int_equal(o.code, 0);
	assert_string_equal(o.said, "no attack is called \"no such thing\"");
}

/* --- the children ----------------------------------------------------------------------------- */

/* As lz_jail_main, but without a wall. */
_Noreturn static void open_field(void)
{
	struct lz_limits limits;
	struct lz_rec_out out;
	struct lz_err err;
	static char buf[65536];
	ssize_t n = read(LZ_JAIL_REQUEST_FD, buf, sizeof(buf));
	struct lz_rec rec = {
		.rest = lz_span(buf + sizeof(limits) + 2, (size_t)n - sizeof(limits) - 2)};

	lz_limits_default(&limits);
	lz_rec_out_init(&out, LZ_JAIL_OUTPUT_FD, &limits);
	if (lz_role_hostile.run(&rec, LZ_JAIL_INPUT_FD, &limits, &out, &err))
		_exit(2);
	_exit(lz_rec_flush(&out, &err) ? 3 : 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reaching_out),  cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_memory),	      cmocka_unit_test(test_processor),
		cmocka_unit_test(test_wrong_answers), cmocka_unit_test(test_flood),
		cmocka_unit_test(test_nothing_left),  cmocka_unit_test(test_no_such_role),
		cmocka_unit_test(test_error_record),  cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_silence),
	};
	const struct lz_role roles[] = {lz_role_hostile, {.name = NULL}};

	if (argc > 1 && !strcmp(argv[1], "--role=open-field"))
		open_field();
	if (argc > 1 && !strncmp(argv[1], "--role=", 7))
		lz_jail_main(argv[1] + 7, roles);
	signal(SIGUSR1, on_usr1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
