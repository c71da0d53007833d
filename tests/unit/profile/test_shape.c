/* SPDX-License-Identifier: Apache-2.0 */
/* How values are generalised, and what a pattern is met by. */
#include "test.h"

#include "base/clean.h"
#include "profile/shape.h"

static const char *folder_of(const char *path)
{
	static char text[2 * LZ_SHAPE_MAX];
	LZ_CLEAN(buf) struct lz_buf b;

	lz_buf_init(&b, sizeof(text) - 1);
	assert_int_equal(lz_shape_folder(&b, lz_str(path)), 0);
	snprintf(text, sizeof(text), "%.*s", (int)b.n, b.p);
	return text;
}

static const char *program_of(const char *path)
{
	static char text[2 * LZ_SHAPE_MAX];
	LZ_CLEAN(buf) struct lz_buf b;

	lz_buf_init(&b, sizeof(text) - 1);
	assert_int_equal(lz_shape_program(&b, lz_str(path)), 0);
	snprintf(text, sizeof(text), "%.*s", (int)b.n, b.p);
	return text;
}

static void folders(void **state)
{
	static const char *const rows[][2] = {
		{"/", "/"},
		{"", "/"},
		{"/etc", "/etc"},
		{"//etc//ssl/", "/etc/ssl"},
		{"/proc/4711/fd", "/proc/*/fd"},
		{"/usr/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu"},
		{"/usr/lib/python3/dist-packages", "/usr/lib/python3/dist-packages"},
		{"/usr/lib64", "/usr/lib64"},
		{"/var/log/2024-01-02", "/var/log/*-*-*"},
		{"/var/lib/postgresql/15/main", "/var/lib/postgresql/*/main"},
		{"/tmp/tmp.Ab3dE6", "/tmp/tmp.*"},
		{"/tmp/tmpx8_k2abq", "/tmp/tmp*"},
		{"/run/123e4567-e89b-12d3-a456-426614174000/x", "/run/*/x"},
		{"/sys/fs/cgroup/docker/0123456789abcdef0123456789abcdef",
		 "/sys/fs/cgroup/docker/*"},
		{"/data/pod12345", "/data/pod*"},
		{"/data/pod7", "/data/pod7"},
		{"/opt/NetworkManager/LC_MESSAGES", "/opt/NetworkManager/LC_MESSAGES"},
		{"/srv/aB3xK9zQ", "/srv/*"},
		{"/a/b/c/d/e/f", "/a/b/c/d/e/f"},
		{"/a/b/c/d/e/f/g", "/a/b/c/d/e/f/**"},
		{"/a/b/c/d/e/f/g/h/i", "/a/b/c/d/e/f/**"},
		{"/we*ird/\x1b[2J", "/we?ird/?[2J"},
		{"/bad\xff/ok\xc3\xa4", "/bad?/ok\xc3\xa4"},
		{"/\xe2\x80\xae/x", "/?\?\?/x"},
		{"/\xef\xbf\xbe", "/?\?\?"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(folder_of(rows[i][0]), rows[i][1]);
}

static void programs(void **state)
{
	static const char *const rows[][2] = {
		{"/bin/sh", "/bin/sh"},
		{"/usr/bin/python3.11", "/usr/bin/python3.11"},
		{"/usr/bin/x86_64-linux-gnu-gcc-12", "/usr/bin/x86_64-linux-gnu-gcc-12"},
		{"/opt/releases/20240101/app", "/opt/releases/*/app"},
		{"/tmp/tmp.8fKd2LmQz1", "/tmp/tmp.*"},
		{"memfd:x", "memfd:x"},
		{"", "?"},
		{"/a/b/c/d/e/f/g/h", "/a/b/c/d/e/f/g/h"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(program_of(rows[i][0]), rows[i][1]);
}

static void ends(void **state)
{
	LZ_CLEAN(buf) struct lz_buf b;

	(void)state;
	lz_buf_init(&b, 1000);
	lz_shape_destination(&b, LZ_SPAN("tcp"), LZ_SPAN("db.internal"), 5432);
	assert_span(lz_buf_view(&b), "tcp db.internal 5432");
	lz_buf_clear(&b);
	lz_shape_destination(&b, LZ_SPAN("udp"), LZ_SPAN("ev il\n.x*"), 53);
	assert_span(lz_buf_view(&b), "udp ev?il?.x? 53");
	lz_buf_clear(&b);
	lz_shape_destination(&b, LZ_SPAN("unix"), LZ_SPAN("/run/docker.sock"), 0);
	assert_span(lz_buf_view(&b), "unix /run/docker.sock");
	lz_buf_clear(&b);
	lz_shape_listen(&b, LZ_SPAN("tcp"), 80);
	assert_span(lz_buf_view(&b), "tcp 80");
	lz_buf_clear(&b);
	lz_shape_listen(&b, LZ_SPAN("udp"), 40000);
	assert_span(lz_buf_view(&b), "udp 32768-65535");
}

static void paths_met(void **state)
{
	static const struct {
		const char *shape, *path;
		bool met;
	} rows[] = {
		{"/etc", "/etc", true},
		{"/etc", "/etc/ssl", false},
		{"/etc/*", "/etc/ssl", true},
		{"/etc/*", "/etc", false},
		{"/etc/*", "/etc/ssl/certs", false},
		{"/etc/**", "/etc/ssl/certs", true},
		{"/etc/**", "/etc", true},
		{"/etc/**", "/etcetera", false},
		{"/**", "/anything/at/all", true},
		{"/tmp/tmp.*", "/tmp/tmp.x", true},
		{"/tmp/tmp.*", "/tmp/tmpx", false},
		{"/a?c", "/abc", true},
		{"/a?c", "/a/c", false},
		{"/*a*b*c", "/xxaxxbxxc", true},
		{"/*a*b*c", "/xxaxxbxx", false},
		{"/bin/*", "bin/x", false},
		{"memfd:*", "memfd:x", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (lz_shape_met(lz_str(rows[i].shape), lz_str(rows[i].path)) != rows[i].met)
			fail_msg("%s and %s", rows[i].shape, rows[i].path);
}

static void ends_met(void **state)
{
	static const struct {
		const char *shape, *end;
		bool met;
	} rows[] = {
		{"tcp example.com 443", "tcp example.com 443", true},
		{"tcp *.example.com 443", "tcp a.b.example.com 443", true},
		{"tcp *.example.com 443", "tcp example.com 443", false},
		{"tcp * 443", "tcp 1.2.3.4 443", true},
		{"tcp * *", "tcp 1.2.3.4 1", true},
		{"tcp * 443", "udp 1.2.3.4 443", false},
		{"tcp 10.0.0.0/8 443", "tcp 10.255.0.1 443", true},
		{"tcp 10.0.0.0/8 443", "tcp 11.0.0.1 443", false},
		{"tcp 10.0.0.0/9 443", "tcp 10.128.0.1 443", false},
		{"tcp 10.0.0.0/8 443", "tcp ten.example 443", false},
		{"tcp 2001:db8::/32 1-9", "tcp 2001:db8:1::5 9", true},
		{"tcp 2001:db8::/32 1-9", "tcp 2001:db9::5 9", false},
		{"tcp 2001:db8::/32 1-9", "tcp 2001:db8::5 10", false},
		{"tcp 0.0.0.0/0 1", "tcp 9.9.9.9 1", true},
		{"tcp 80", "tcp 80", true},
		{"tcp 80-90", "tcp 85", true},
		{"tcp 80-90", "tcp 91", false},
		{"tcp 32768-65535", "tcp 32768-65535", true},
		{"tcp *", "tcp 32768-65535", true},
		{"unix /run/*", "unix /run/x.sock", true},
		{"unix /run/*", "unix /tmp/x.sock", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (lz_shape_met_end(lz_str(rows[i].shape), lz_str(rows[i].end)) != rows[i].met)
			fail_msg("%s and %s", rows[i].shape, rows[i].end);
}

static void wrongs(void **state)
{
	static const char *const paths[] = {"",	       "/a//b", "/a/../b", "/a/..", "/a\nb",
					    "/a/**/b", "/a**",	"/\xff",   "**"};
	static const char *const places[] = {"tcp",	    "tcp x",	 "sctp x 1",
					     "tcp x 65536", "tcp x 9-1", "tcp 10.0.0.0/33 1",
					     "tcp x/8 1",   "tcp a b 1", "unix /a//b",
					     "tcp x 1 "};
	static const char *const ports[] = {"tcp", "80", "tcp 80000", "tcp x", "tcp  80"};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_non_null(lz_shape_wrong_path(lz_str(paths[i])));
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		assert_non_null(lz_shape_wrong_destination(lz_str(places[i])));
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		assert_non_null(lz_shape_wrong_listen(lz_str(ports[i])));
	assert_null(lz_shape_wrong_path(LZ_SPAN("/srv/**")));
	assert_null(lz_shape_wrong_destination(LZ_SPAN("tcp *.x.org 1-2")));
	assert_null(lz_shape_wrong_listen(LZ_SPAN("udp *")));
}

/* Whatever the bytes: well formed, met by what it was made of, and the same again. */
static void property(void **state)
{
	static const char alphabet[] = "aZ09/._-*? \n\xff\xc3\xa4\xe2\x80\xae";
	unsigned seed = 4711;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		LZ_CLEAN(buf) struct lz_buf folder, program;
		char text[80] = "/";
		size_t n = 1 + (size_t)(rand_r(&seed) % 60);
		struct lz_span path = lz_span(text, n);
		for (size_t i = 1; i < n; i++)
			text[i] = alphabet[(size_t)rand_r(&seed) % (sizeof(alphabet) - 1)];
		lz_buf_init(&folder, 8192);
		lz_buf_init(&program, 8192);
		assert_int_equal(lz_shape_folder(&folder, path), 0);
		assert_int_equal(lz_shape_program(&program, path), 0);
		assert_true(lz_shape_met(lz_buf_view(&folder), path));
		assert_true(lz_shape_met(lz_buf_view(&program), path));
		assert_null(lz_shape_wrong_path(lz_buf_view(&folder)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folders),   cmocka_unit_test(programs), cmocka_unit_test(ends),
		cmocka_unit_test(paths_met), cmocka_unit_test(ends_met), cmocka_unit_test(wrongs),
		cmocka_unit_test(property),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
