/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs as their readers see them: real files, pipes and sockets. */
#include "folder.h"
#include "sample.h"

#include "base/clean.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

/* "file:%s/log" with the test's folder in place of "%s". */
static const char *in_dir(const char *text)
{
	static char full[8][256];
	static unsigned i;
	const char *at = strstr(text, "%s");
	char *t = full[i++ % 8];

	if (at)
		snprintf(t, sizeof(full[0]), "%.*s%s%s", (int)(at - text), text, dir, at + 2);
	else
		snprintf(t, sizeof(full[0]), "%s", text);
	return t;
}

static struct lz_outputs *with(const struct lz_outputs_options *o, const char *spec)
{
	struct lz_err err = {0};
	struct lz_outputs *os = lz_outputs_new(o, &err);

	assert_non_null(os);
	assert_ok(lz_outputs_add(os, spec, &err), err);
	return os;
}

static void send_n(struct lz_outputs *os, unsigned n)
{
	struct lz_alert a = sample();
	char text[32];

	a.lineage_count = 0;
	a.container.id = LZ_SPAN("host");
	snprintf(text, sizeof(text), "alert %u", n);
	a.output = lz_str(text);
	lz_outputs_send(os, &a);
}

#define LINE "10:20:30.000000001: Warning alert %u\n"
enum { LINE_BYTES = 36 }; /* of one digit */

static struct lz_output_stats stats(struct lz_outputs *os)
{
	struct lz_output_stats s;

	lz_outputs_stats(os, 0, &s);
	return s;
}

static const char *content(const char *path)
{
	static char text[65536];
	struct lz_err err;
	struct lz_buf b;

	lz_buf_init(&b, sizeof(text) - 1);
	if (lz_read_file(path, &b, &err))
		snprintf(text, sizeof(text), "(%s)", strerror(err.sys));
	else
		snprintf(text, sizeof(text), "%.*s", (int)b.n, b.p ? b.p : "");
	lz_buf_done(&b);
	return text;
}

static const char *lines(unsigned from, unsigned to)
{
	static char text[65536];
	size_t n = 0;

	for (unsigned i = from; i <= to; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, LINE, i);
	text[n] = 0;
	return text;
}

/* --- names ------------------------------------------------------------------------------------ */

static void test_wrong(void **state)
{
	static const struct {
		const char *spec, *says;
	} wrong[] = {
		{"", "expected one of -, file:PATH"},
		{"fil:/x", "expected one of -, file:PATH"},
		{"-x", "expected one of"},
		{"-,size=3", "\"size\" is no option"},
		{"-,format=xml", "format is json or text"},
		{"file:", "a path belongs behind the colon"},
		{"file:%s/f,sise=3", "\"sise\" is no option of it; there are: size, keep, format"},
		{"file:%s/f,size=0", "size is a number from 1"},
		{"file:%s/f,size=1X", "size is a number"},
		{"file:%s/f,keep=1001", "keep is a number from 1 to 1000"},
		{"file:%s/f,more", "\"more\" is no option"},
		{"syslog:facility=lokal0", "no facility \"lokal0\""},
		{"syslog:path=", "path is empty"},
		{"unix:", "a path belongs behind the colon"},
		{"http://h/", "#spool=DIR"},
		{"http:///x", "expected http://HOST/PATH"},
		{"http:h", "expected http://HOST/PATH"},
		{"http://h/a b", "neither blanks"},
		{"http://h/#batch=0", "batch is a number from 1 to 10000"},
		{"http://h/#format=text", "format is json, not"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct lz_err err = {0};
		struct lz_outputs *os = lz_outputs_new(NULL, &err);
		const char *spec = in_dir(wrong[i].spec);
		if (lz_outputs_add(os, spec, &err) != LZ_E_USAGE ||
		    !strstr(err.text, wrong[i].says))
			fail_msg("%s: %s", spec, err.text);
		assert_int_equal(lz_outputs_count(os), 0);
		lz_outputs_free(os);
	}
}

static void test_secrets(void **state)
{
	struct lz_err err = {0};
	struct lz_outputs *os = lz_outputs_new(NULL, &err);

	(void)state;
	assert_int_equal(lz_outputs_add(os, "https://me:word@h/p?key=secret#batch=0", &err),
			 LZ_E_USAGE);
	assert_null(strstr(err.text, "word"));
	assert_null(strstr(err.text, "secret"));
	assert_non_null(strstr(err.text, "https://h/p:"));
	lz_outputs_free(os);
}

static void test_table(void **state)
{
	(void)state;
	assert_true(lz_alert_output_count >= 6);
	for (size_t i = 0; i < lz_alert_output_count; i++) {
		const struct lz_alert_output_row *r = &lz_alert_outputs[i];
		assert_true(r->name[0] && r->help[0] && r->kind);
		assert_memory_equal(r->syntax, r->name, strlen(r->name));
	}
}

/* --- files ------------------------------------------------------------------------------------ */

static void test_file(void **state)
{
	const char *path = in_dir("%s/log");
	struct lz_outputs *os;
	struct stat st;
	mode_t mask = umask(022);

	(void)state;
	os = with(NULL, in_dir("file:%s/log"));
	for (unsigned i = 0; i < 3; i++)
		send_n(os, i);
	assert_int_equal(lz_outputs_flush(os, 5000), 0);
	assert_string_equal(content(path), lines(0, 2));
	assert_int_equal(stats(os).sent, 3);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	umask(mask);
	/* moved away by somebody, and we are told */
	assert_int_equal(rename(path, in_dir("%s/moved")), 0);
	lz_outputs_reopen(os);
	send_n(os, 3);
	assert_int_equal(lz_outputs_flush(os, 5000), 0);
	assert_string_equal(content(path), lines(3, 3));
	assert_string_equal(content(in_dir("%s/moved")), lines(0, 2));
	lz_outputs_free(os);
	/* appended to; what a crash tore is closed */
	assert_int_equal(truncate(path, LINE_BYTES - 4), 0);
	os = with(NULL, in_dir("file:%s/log"));
	send_n(os, 4);
	lz_outputs_free(os); /* what waits goes out without a flush too, if it can */
	assert_string_equal(content(path), "10:20:30.000000001: Warning aler\n" /* the torn one */
					   "10:20:30.000000001: Warning alert 4\n");
}

static void test_file_places(void **state)
{
	struct lz_err err = {0};
	struct lz_outputs *os = lz_outputs_new(NULL, &err);

	(void)state;
	assert_int_equal(symlink("/etc/passwd", in_dir("%s/link")), 0);
	assert_int_equal(lz_outputs_add(os, in_dir("file:%s/link"), &err), LZ_E_DENIED);
	assert_non_null(strstr(err.text, "symbolic link"));
	assert_int_equal(mkfifo(in_dir("%s/fifo"), 0600), 0);
	assert_int_equal(lz_outputs_add(os, in_dir("file:%s/fifo"), &err), LZ_E_UNSUPPORTED);
	assert_int_equal(lz_outputs_add(os, in_dir("file:%s/no/log"), &err), LZ_E_NOTFOUND);
	assert_true(lz_outputs_add(os, in_dir("file:%s"), &err) < 0);
	lz_outputs_free(os);
}

static void test_rotation(void **state)
{
	struct lz_outputs *os = with(NULL, in_dir("file:%s/log,size=80,keep=2")); /* two lines */

	(void)state;
	for (unsigned i = 0; i < 9; i++)
		send_n(os, i);
	assert_int_equal(lz_outputs_flush(os, 5000), 0);
	lz_outputs_free(os);
	assert_string_equal(content(in_dir("%s/log")), lines(8, 8));
	assert_string_equal(content(in_dir("%s/log.1")), lines(6, 7));
	assert_string_equal(content(in_dir("%s/log.2")), lines(4, 5));
	assert_int_equal(access(in_dir("%s/log.3"), F_OK), -1);
	/* a line longer than the size still goes somewhere, whole */
	os = with(NULL, in_dir("file:%s/log,size=10,keep=2"));
	send_n(os, 9);
	lz_outputs_free(os);
	assert_string_equal(content(in_dir("%s/log")), lines(9, 9));
	assert_string_equal(content(in_dir("%s/log.1")), lines(8, 8));
}

static void test_disk_full(void **state)
{
	struct lz_outputs *os;
	struct lz_span rest, line;
	const char *filler;
	unsigned n = 0, whole = 0;
	int fd;
	char zeros[4096] = {0};

	(void)state;
	if (mount("lazaret-test", dir, "tmpfs", 0, "size=64k")) {
		print_message("SKIPPED: no tmpfs can be mounted here\n");
		skip();
	}
	os = with(NULL, in_dir("file:%s/log"));
	filler = in_dir("%s/filler");
	fd = open(filler, O_WRONLY | O_CREAT, 0600);
	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
	assert_int_equal(ftruncate(fd, lseek(fd, 0, SEEK_END) - 4096), 0); /* one page of room */
	close(fd);
	for (; n < 200; n++)
		send_n(os, n % 10);
	assert_true(lz_outputs_flush(os, 300) > 0);
	assert_int_equal(stats(os).last.sys, ENOSPC);
	assert_int_equal(stats(os).dropped, 0);
	assert_int_equal(stats(os).sent + stats(os).waiting, n);
	rest = lz_str(content(in_dir("%s/log")));
	assert_int_equal(rest.n % LINE_BYTES, 0); /* no half line */
	unlink(filler);
	assert_int_equal(lz_outputs_flush(os, 10000), 0);
	rest = lz_str(content(in_dir("%s/log")));
	while (lz_span_line(&rest, &line))
		whole += line.n == LINE_BYTES - 1 && line.p[line.n - 1] == (char)('0' + whole % 10);
	assert_int_equal(whole, n); /* all, in order, none twice */
	lz_outputs_free(os);
	umount2(dir, MNT_DETACH);
}

/* --- standard output -------------------------------------------------------------------------- */

static void test_pipe(void **state)
{
	int p[2];
	struct lz_outputs_options o = {.colour = true};
	struct lz_outputs *os;
	char text[200];
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(p), 0);
	o.stdout_fd = p[1];
	os = with(&o, "-");
	send_n(os, 1);
	n = read(p[0], text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
	assert_string_equal(text, "10:20:30.000000001: \033[33mWarning\033[0m alert 1\n");
	close(p[0]); /* the reader has seen enough */
	send_n(os, 2);
	lz_outputs_flush(os, 5000);
	assert_false(lz_outputs_alive(os));
	assert_true(stats(os).ended);
	assert_int_equal(stats(os).sent, 1);
	assert_int_equal(stats(os).dropped, 1);
	send_n(os, 3);
	assert_int_equal(lz_outputs_flush(os, 5000), 0);
	assert_int_equal(stats(os).dropped, 2);
	lz_outputs_free(os);
	close(p[1]);
}

/* A reader that sleeps: nobody waits for him, and what he missed is said where it is missing. */
static void test_overflow(void **state)
{
	static char text[4000000];
	int p[2];
	struct lz_outputs_options o = {.queue_bytes = 10000};
	struct lz_outputs *os;
	uint64_t before = lz_now_ms();
	struct lz_span rest, line;
	size_t n = 0;
	unsigned alerts = 0, notices = 0, lost = 0, x;

	(void)state;
	assert_int_equal(pipe(p), 0);
	o.stdout_fd = p[1];
	os = with(&o, "-");
	for (unsigned i = 0; i < 20000; i++)
		send_n(os, i);
	assert_true(lz_now_ms() - before < 5000);
	assert_true(stats(os).dropped > 10000);
	while (lz_outputs_flush(os, 20)) /* the reader wakes */
		n += (size_t)read(p[0], text + n, 65536);
	send_n(os, 7);
	assert_int_equal(lz_outputs_flush(os, 5000), 0);
	assert_int_equal(stats(os).waiting, 0);
	assert_int_equal(stats(os).sent + stats(os).dropped, 20001 + stats(os).notices);
	x = (unsigned)stats(os).dropped;
	lz_outputs_free(os);
	close(p[1]);
	for (ssize_t r; (r = read(p[0], text + n, 65536)) > 0;)
		n += (size_t)r;
	rest = lz_span(text, n);
	while (lz_span_line(&rest, &line)) {
		unsigned k;
		ptrdiff_t at = lz_span_search(line, LZ_SPAN("Error "));
		if (at < 0) {
			alerts++;
			continue;
		}
		notices++;
		assert_int_equal(sscanf(line.p + at, "Error %u alerts were lost on the way", &k),
				 1);
		lost += k;
	}
	assert_true(notices >= 1);
	assert_int_equal(lost, x);
	assert_int_equal(alerts + lost, 20001);
	close(p[0]);
}

/* Nobody reads, and we have to go. */
static void test_stop(void **state)
{
	int p[2];
	struct lz_outputs_options o = {0};
	struct lz_outputs *os;
	uint64_t before;

	(void)state;
	assert_int_equal(pipe(p), 0);
	o.stdout_fd = p[1];
	os = with(&o, "-");
	for (unsigned i = 0; i < 5000; i++)
		send_n(os, i);
	before = lz_now_ms();
	assert_true(lz_outputs_flush(os, 50) > 0);
	lz_outputs_free(os);
	assert_true(lz_now_ms() - before < 3000);
	close(p[0]);
	close(p[1]);
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* From the call to the reader's end of the pipe. */
static void test_latency(void **state)
{
	double us[200];
	int p[2];
	struct lz_outputs_options o = {0};
	struct lz_outputs *os;
	char text[4096];

	(void)state;
	assert_int_equal(pipe(p), 0);
	o.stdout_fd = p[1];
	os = with(&o, "-");
	for (unsigned i = 0; i < 200; i++) {
		double t = now_us();
		send_n(os, i);
		assert_true(read(p[0], text, sizeof(text)) > 0);
		us[i] = now_us() - t;
		usleep(500);
	}
	lz_outputs_free(os);
	qsort(us, 200, sizeof(us[0]), by_size);
	print_message("latency: median %.0f us, 90 %% %.0f us, worst %.0f us\n", us[100], us[180],
		      us[199]);
	assert_true(us[100] < 1000);
	close(p[0]);
	close(p[1]);
}

/* --- sockets ---------------------------------------------------------------------------------- */

static int bound(const char *name, int type)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s", dir, name);
	unlink(a.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 5), 0);
	return fd;
}

static void receive(int fd, char *text, size_t size)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t n;

	assert_int_equal(poll(&p, 1, 10000), 1);
	n = recv(fd, text, size - 1, 0);
	text[n > 0 ? n : 0] = 0;
}

static void test_syslog(void **state)
{
	int fd = bound("log", SOCK_DGRAM);
	struct lz_outputs *os = with(NULL, in_dir("syslog:path=%s/log"));
	struct lz_alert a = sample();
	char text[10000], want[200];
	static char longer[20000];

	(void)state;
	lz_outputs_send(os, &a);
	receive(fd, text, sizeof(text));
	snprintf(want, sizeof(want),
		 "<84>Nov 23 10:20:30 lazaret[%d]: Warning netcat runs (command=nc -l) (container "
		 "web, image reg:5000/shop/web:1.2) [sshd(12) > bash(40) > nc(51)]",
		 (int)getpid());
	assert_string_equal(text, want);
	for (int p = LZ_PRIO_EMERGENCY; p <= LZ_PRIO_DEBUG; p++) {
		a.priority = (enum lz_priority)p;
		lz_outputs_send(os, &a);
		receive(fd, text, sizeof(text));
		assert_int_equal(strtol(text + 1, NULL, 10), 80 + p);
	}
	memset(longer, 'x', sizeof(longer));
	a.output = lz_span(longer, sizeof(longer));
	lz_outputs_send(os, &a);
	receive(fd, text, sizeof(text));
	assert_int_equal(strlen(text), 8192);
	close(fd); /* the logger is started anew */
	fd = bound("log", SOCK_DGRAM);
	send_n(os, 5);
	receive(fd, text, sizeof(text));
	assert_non_null(strstr(text, "alert 5"));
	lz_outputs_free(os);
	os = with(NULL, in_dir("syslog:facility=local3,path=%s/log,format=json"));
	send_n(os, 6);
	receive(fd, text, sizeof(text));
	assert_memory_equal(text, "<156>Nov 23", 11);
	assert_non_null(strstr(text, "]: {\"time\": "));
	lz_outputs_free(os);
	close(fd);
}

static void test_unix(void **state)
{
	struct lz_outputs *os = with(NULL, in_dir("unix:%s/sock,format=text"));
	char text[4096];
	int fd, peer;

	(void)state;
	send_n(os, 1); /* nobody is there yet */
	assert_int_equal(lz_outputs_flush(os, 100), 1);
	assert_int_equal(stats(os).last.code, LZ_E_NOTFOUND);
	assert_true(stats(os).failing);
	fd = bound("sock", SOCK_STREAM);
	peer = accept(fd, NULL, NULL);
	receive(peer, text, sizeof(text));
	assert_string_equal(text, lines(1, 1));
	close(peer);
	send_n(os, 2);
	peer = accept(fd, NULL, NULL);
	receive(peer, text, sizeof(text));
	assert_string_equal(text, lines(2, 2));
	assert_int_equal(lz_outputs_flush(os, 5000), 0);
	assert_int_equal(stats(os).sent, 2);
	assert_false(stats(os).failing);
	lz_outputs_free(os);
	close(peer);
	close(fd);
}

/* --- no memory -------------------------------------------------------------------------------- */

static int walk(void)
{
	struct lz_err err = {0};
	struct lz_outputs *os = lz_outputs_new(NULL, &err);
	static const char *const specs[] = {"file:%s/log", "syslog:path=%s/none", "unix:%s/none",
					    "http://127.0.0.1:9/#spool=%s/spool"};
	struct lz_output_stats s;
	int code = 0;

	if (!os)
		return err.code;
	for (size_t i = 0; i < 4 && !code; i++)
		code = lz_outputs_add(os, in_dir(specs[i]), &err);
	if (!code) {
		send_n(os, 1);
		send_n(os, 2);
		lz_outputs_flush(os, 1);
		for (size_t i = 0; i < lz_outputs_count(os); i++) {
			lz_outputs_stats(os, i, &s); /* wherever it was lost, it was counted */
			assert_true(s.sent + s.waiting + s.dropped >= 2);
		}
	}
	lz_outputs_free(os);
	return code;
}

static void test_without_memory(void **state)
{
	(void)state;
	assert_survives_nomem(walk());
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		T(test_wrong),	     T(test_secrets),	     T(test_table),	T(test_file),
		T(test_file_places), T(test_rotation),	     T(test_disk_full), T(test_pipe),
		T(test_overflow),    T(test_stop),	     T(test_latency),	T(test_syslog),
		T(test_unix),	     T(test_without_memory),
	};
	setenv("TZ", "UTC", 1);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
