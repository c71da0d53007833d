/* SPDX-License-Identifier: Apache-2.0 */
/* A profile: added to, judged by, written and read again. */
#include "test.h"

#include "base/clean.h"
#include "base/io.h"
#include "profile/profile.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct lz_profile *make(void)
{
	struct lz_err err = {0};
	struct lz_profile *p =
		lz_profile_new(&(struct lz_profile_about){.image = LZ_SPAN("shop/web:1"),
							  .id = LZ_SPAN(ID),
							  .learnt_s = 1000000000,
							  .duration_s = 900,
							  .containers = 2,
							  .events = 77},
			       &err);

	assert_non_null(p);
	return p;
}

static void add(struct lz_profile *p, enum lz_fact_kind kind, const char *value, const char *parent)
{
	struct lz_err err = {0};
	struct lz_fact f = {kind, lz_str(value), lz_str(parent)};

	assert_ok(lz_profile_add(p, &f, &err), err);
}

static enum lz_verdict judge(struct lz_profile *p, enum lz_fact_kind kind, const char *value,
			     const char *parent, uint64_t now_ms)
{
	struct lz_fact f = {kind, lz_str(value), lz_str(parent)};

	return lz_profile_judge(p, &f, now_ms);
}

static const char *text_of(const struct lz_profile *p)
{
	static char text[2 * LZ_PROFILE_BYTES];
	LZ_CLEAN(buf) struct lz_buf b;

	lz_buf_init(&b, sizeof(text) - 1);
	assert_int_equal(lz_profile_write(p, &b), 0);
	memcpy(text, b.p, b.n + 1);
	return text;
}

static struct lz_profile *read_text(const char *text)
{
	struct lz_profile *p;
	struct lz_err err = {0};

	assert_ok(lz_profile_read(LZ_SPAN("web.yaml"), lz_str(text), &p, &err), err);
	return p;
}

static void fill(struct lz_profile *p)
{
	add(p, LZ_FACT_PROGRAM, "/bin/sh", "outside");
	add(p, LZ_FACT_PROGRAM, "/bin/sh", "/bin/sh");
	add(p, LZ_FACT_PROGRAM, "/bin/cat", "/bin/sh");
	add(p, LZ_FACT_READ, "/etc", NULL);
	add(p, LZ_FACT_READ, "/proc/*", NULL);
	add(p, LZ_FACT_WRITE, "/tmp", NULL);
	add(p, LZ_FACT_DESTINATION, "tcp db.internal 5432", NULL);
	add(p, LZ_FACT_DESTINATION, "udp 2001:db8::1 53", NULL);
	add(p, LZ_FACT_LISTEN, "tcp 80", NULL);
	add(p, LZ_FACT_CAPABILITY, "NET_RAW", NULL);
	add(p, LZ_FACT_CALL, "mount", NULL);
}

/* The file as docs/profiles.md shows it. */
static void written(void **state)
{
	static const char expected[] = "version: 1\n"
				       "image: \"shop/web:1\"\n"
				       "id: \"" ID "\"\n"
				       "learnt: \"2001-09-09T01:46:40Z\"\n"
				       "learning: 15m\n"
				       "containers: 2\n"
				       "events: 77\n"
				       "programs:\n"
				       "  - path: /bin/cat\n"
				       "    parents:\n"
				       "      - /bin/sh\n"
				       "  - path: /bin/sh\n"
				       "    parents:\n"
				       "      - /bin/sh\n"
				       "      - outside\n"
				       "reads:\n"
				       "  - /etc\n"
				       "  - /proc/*\n"
				       "writes:\n"
				       "  - /tmp\n"
				       "destinations:\n"
				       "  - tcp db.internal 5432\n"
				       "  - \"udp 2001:db8::1 53\"\n"
				       "listens:\n"
				       "  - tcp 80\n"
				       "capabilities:\n"
				       "  - NET_RAW\n"
				       "calls:\n"
				       "  - mount\n";
	struct lz_profile *p = make(), *q;
	char first[4096];

	(void)state;
	fill(p);
	snprintf(first, sizeof(first), "%s", text_of(p));
	assert_non_null(strstr(first, expected));
	assert_non_null(strstr(first,
			       "# What containers of this image normally do: shop/web:1\n"
			       "# Learnt until 2001-09-09T01:46:40Z, for 15m, from 2 containers "
			       "and 77 events.\n"));
	q = read_text(first);
	assert_string_equal(text_of(q), first);
	lz_profile_free(p);
	lz_profile_free(q);
}

/* Whatever the order in which it was seen. */
static void stable(void **state)
{
	struct lz_profile *p = make(), *q = make();
	char value[40], first[16384];

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(value, sizeof(value), "/bin/p%02d", i * 37 % 100);
		add(p, LZ_FACT_PROGRAM, value, i & 1 ? "outside" : "/bin/sh");
		snprintf(value, sizeof(value), "/bin/p%02d", i * 73 % 100);
		add(q, LZ_FACT_PROGRAM, value, i * 73 % 100 * 73 % 100 & 1 ? "outside" : "/bin/sh");
	}
	snprintf(first, sizeof(first), "%s", text_of(p));
	(void)q;
	lz_profile_free(q);
	q = make();
	lz_profile_merge(q, p, NULL);
	assert_string_equal(text_of(q), first);
	lz_profile_free(p);
	lz_profile_free(q);
}

static void judged(void **state)
{
	struct lz_profile *p = make();

	(void)state;
	fill(p);
	assert_int_equal(judge(p, LZ_FACT_PROGRAM, "/bin/sh", "outside", 1), LZ_VERDICT_KNOWN);
	assert_int_equal(judge(p, LZ_FACT_PROGRAM, "/bin/cat", "outside", 1), LZ_VERDICT_NEW);
	assert_int_equal(judge(p, LZ_FACT_PROGRAM, "/bin/cat", "outside", 1), LZ_VERDICT_AGAIN);
	assert_int_equal(judge(p, LZ_FACT_PROGRAM, "/tmp/x", "/bin/sh", 1), LZ_VERDICT_NEW);
	assert_int_equal(judge(p, LZ_FACT_WRITE, "/tmp", NULL, 1), LZ_VERDICT_KNOWN);
	assert_int_equal(judge(p, LZ_FACT_WRITE, "/etc", NULL, 1), LZ_VERDICT_NEW);
	assert_int_equal(judge(p, LZ_FACT_READ, "/proc/self", NULL, 1), LZ_VERDICT_KNOWN);
	assert_int_equal(judge(p, LZ_FACT_READ, "/proc/self", NULL, 1), LZ_VERDICT_KNOWN);
	assert_int_equal(judge(p, LZ_FACT_CALL, "bpf", NULL, 1), LZ_VERDICT_NEW);
	assert_int_equal(judge(p, LZ_FACT_CALL, "bpf", NULL, 9999999), LZ_VERDICT_AGAIN);
	assert_true(lz_profile_has(
		p, &(struct lz_fact){LZ_FACT_PROGRAM, LZ_SPAN("/bin/cat"), lz_span(NULL, 0)}));
	lz_profile_free(p);
}

static void bounded_rate(void **state)
{
	struct lz_profile *p = make(), *q;
	unsigned told = 0, held = 0;
	char value[40];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		enum lz_verdict v;
		snprintf(value, sizeof(value), "tcp 10.0.%d.%d 1", i / 250, i % 250);
		v = judge(p, LZ_FACT_DESTINATION, value, NULL, 5000);
		told += v == LZ_VERDICT_NEW;
		held += v == LZ_VERDICT_HELD;
	}
	assert_int_equal(told, LZ_DEVIATIONS_A_MINUTE);
	assert_int_equal(held, 1000 - told);
	assert_int_equal(lz_profile_held(p, 64999), 0);
	assert_int_equal(lz_profile_held(p, 65000), held);
	assert_int_equal(lz_profile_held(p, 65001), 0);
	/* What was held back is told when it happens again; what was told stays so in a new file. */
	assert_int_equal(judge(p, LZ_FACT_DESTINATION, value, NULL, 65002), LZ_VERDICT_NEW);
	q = make();
	lz_profile_inherit(q, p);
	assert_int_equal(judge(q, LZ_FACT_DESTINATION, value, NULL, 65003), LZ_VERDICT_AGAIN);
	lz_profile_free(p);
	lz_profile_free(q);
}

/* Whoever makes up names that a profile allows takes no room from what is told. */
static void room_for_what_is_told(void **state)
{
	struct lz_err err = {0};
	struct lz_profile *p = NULL;
	static char value[4001];

	(void)state;
	assert_ok(lz_profile_read(LZ_SPAN("f"),
				  LZ_SPAN("version: 1\nid: " ID "\nreads: [/srv/*]\n"), &p, &err),
		  err);
	for (int i = 0; i < 20000; i++) {
		snprintf(value, sizeof(value), "/srv/%d", i);
		memset(value + strlen(value), 'x', sizeof(value) - 1 - strlen(value));
		assert_int_equal(judge(p, LZ_FACT_READ, value, NULL, 5000), LZ_VERDICT_KNOWN);
	}
	for (int i = 0; i < LZ_DEVIATIONS_A_MINUTE; i++) {
		snprintf(value, sizeof(value), "/etc/%d", i);
		assert_int_equal(judge(p, LZ_FACT_READ, value, NULL, 5000), LZ_VERDICT_NEW);
		assert_int_equal(judge(p, LZ_FACT_READ, value, NULL, 5000), LZ_VERDICT_AGAIN);
	}
	lz_profile_free(p);
}

static void cut(void **state)
{
	struct lz_profile *p = make(), *q;
	char value[5000];
	size_t n;

	(void)state;
	for (int i = 0; i < 1100; i++) {
		snprintf(value, sizeof(value), "/srv/d%dx", i);
		add(p, LZ_FACT_WRITE, value, NULL);
	}
	assert_int_equal(lz_profile_count(p, LZ_FACT_WRITE), lz_fact_rows[LZ_FACT_WRITE].max);
	assert_int_equal(lz_profile_cut(p, LZ_FACT_WRITE), 100);
	assert_int_equal(judge(p, LZ_FACT_WRITE, "/other", NULL, 1), LZ_VERDICT_OPEN);
	/* Long ones: the bound is that of the text. */
	memset(value, 'a', sizeof(value));
	value[0] = '/';
	for (int i = 0; i < 1000; i++) {
		snprintf(value + 4000, 10, "%d", i);
		add(p, LZ_FACT_PROGRAM, value, "outside");
	}
	n = strlen(text_of(p));
	assert_true(n > LZ_PROFILE_BYTES * 8 / 10 && n <= LZ_PROFILE_BYTES);
	assert_true(lz_profile_cut(p, LZ_FACT_PROGRAM) > 0);
	q = read_text(text_of(p));
	assert_int_equal(lz_profile_cut(q, LZ_FACT_WRITE), 100);
	assert_int_equal(lz_profile_count(q, LZ_FACT_PROGRAM),
			 lz_profile_count(p, LZ_FACT_PROGRAM));
	lz_profile_free(p);
	lz_profile_free(q);
}

static void many_parents(void **state)
{
	struct lz_profile *p = make();
	char value[40];

	(void)state;
	for (int i = 0; i < 17; i++) {
		snprintf(value, sizeof(value), "/bin/p%d", i);
		add(p, LZ_FACT_PROGRAM, "/bin/sh", value);
	}
	assert_int_equal(judge(p, LZ_FACT_PROGRAM, "/bin/sh", "/bin/other", 1), LZ_VERDICT_KNOWN);
	assert_non_null(strstr(text_of(p), "- \"*\"\n"));
	lz_profile_free(p);
}

static void settled(void **state)
{
	struct lz_profile *p = make();
	struct lz_err err = {0};
	char value[80];

	(void)state;
	for (int i = 0; i < 40; i++) {
		snprintf(value, sizeof(value), "/srv/%c%c/data", 'a' + i % 26, 'a' + i / 26);
		add(p, LZ_FACT_READ, value, NULL);
		snprintf(value, sizeof(value), "/srv/%c%c", 'a' + i % 26, 'a' + i / 26);
		add(p, LZ_FACT_READ, value, NULL);
		snprintf(value, sizeof(value), "/top%c%c", 'a' + i % 26, 'a' + i / 26);
		add(p, LZ_FACT_WRITE, value, NULL);
	}
	add(p, LZ_FACT_READ, "/srv", NULL);
	add(p, LZ_FACT_READ, "/srvx/a", NULL);
	assert_ok(lz_profile_settle(p, &err), err);
	assert_int_equal(lz_profile_count(p, LZ_FACT_READ), 4);
	assert_non_null(strstr(text_of(p), "  - /srv\n  - /srv/*\n  - /srv/*/data\n  - /srvx/a\n"));
	assert_int_equal(lz_profile_count(p, LZ_FACT_WRITE), 40);
	lz_profile_free(p);
}

static void refused(void **state)
{
#define HEAD "version: 1\nid: " ID "\n"
	static const char *const rows[][2] = {
		{"", "f:1:1: the file is empty"},
		{"[]", "f:1:1: a profile begins with"},
		{"version: 1\n", "f:1:1: digest or id is missing"},
		{"id: " ID "\n", "f:1:1: version is missing"},
		{"version: 2\nid: " ID "\n", "f:1:10: version 1 is the only"},
		{HEAD "read: [/etc]\n", "f:3:1: \"read\" is no key"},
		{HEAD "reads: [/a]\nreads: [/b]\n", "f:4:1: \"reads\" is there twice"},
		{HEAD "reads: /etc\n", "f:3:8: reads is a list"},
		{HEAD "reads:\n  - etc\n", "f:4:5: \"etc\": a folder that begins with /"},
		{HEAD "reads:\n  - {a: b}\n", "f:4:5: a text is wanted"},
		{HEAD "writes: [\"/a\\nb\"]\n", "f:3:10: \"/a?b\": control characters"},
		{HEAD "programs: [{parents: [/a]}]\n", "f:3:12: a program has a path"},
		{HEAD "programs: [{path: /a, args: b}]\n", "f:3:23: \"args\": path and parents"},
		{HEAD "programs: [{path: /a, path: /b}]\n", "f:3:23: \"path\" is there twice"},
		{HEAD "programs: [{path: /a, parents: /b}]\n", "f:3:32: a list of programs"},
		{HEAD "programs: [{path: /a, parents: []}]\n", "f:3:32: no parent"},
		{HEAD "destinations: [tcp x]\n", "f:3:16: \"tcp x\": PROTOCOL HOST PORT"},
		{HEAD "listens: [80]\n", "f:3:11: \"80\": PROTOCOL PORT"},
		{HEAD "capabilities: [CAP_NET_RAW]\n", "f:3:16: \"CAP_NET_RAW\": a capability is"},
		{HEAD "capabilities: [net_raw]\n", "f:3:16: \"net_raw\": a capability such"},
		{HEAD "calls: [\"\"]\n", "f:3:9: \"\": a name of 1"},
		{HEAD "cut: {reeds: 1}\n", "f:3:7: \"reeds\" is no list"},
		{HEAD "cut: {reads: -1}\n", "f:3:14: a whole number"},
		{HEAD "events: many\n", "f:3:9: a whole number"},
		{HEAD "learning: 15\n", "f:3:11: a duration such as"},
		{HEAD "learnt: yesterday\n", "f:3:9: a time such as"},
		{"version: 1\nid: ../../etc\n", "f:2:5: hex digits"},
		{"version: 1\ndigest: sha256:xyz\n", "f:2:9: a digest such as"},
		{HEAD "---\n" HEAD, "a profile is one document"},
		{HEAD "reads: [/a\n", "f:4:1: "},
		{HEAD "\treads: []\n", "f:3:"},
		{HEAD "reads: [\033]\n", "f:3:9: "},
		{"\xff\xfe\xff", "f:1:"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lz_profile *p = NULL;
		struct lz_err err = {0};
		int code = lz_profile_read(LZ_SPAN("f"), lz_str(rows[i][0]), &p, &err);
		assert_null(p);
		if (code != LZ_E_FORMAT || !strstr(err.text, rows[i][1]))
			fail_msg("%s\n  said: %s\n  expected: %s", rows[i][0], err.text,
				 rows[i][1]);
	}
}

static void refused_size(void **state)
{
	LZ_CLEAN(buf) struct lz_buf b;
	struct lz_profile *p;
	struct lz_err err = {0};

	(void)state;
	lz_buf_init(&b, 2 * LZ_PROFILE_BYTES);
	lz_buf_str(&b, HEAD "reads:\n");
	for (int i = 0; i < 1001; i++)
		lz_buf_printf(&b, " - /d%d\n", i);
	assert_int_equal(lz_profile_read(LZ_SPAN("f"), lz_buf_view(&b), &p, &err), LZ_E_LIMIT);
	assert_non_null(strstr(err.text, "f:1004:4: no more than 1000 reads"));
	while (b.n <= LZ_PROFILE_BYTES)
		lz_buf_str(&b, "# \n");
	assert_int_equal(lz_profile_read(LZ_SPAN("f"), lz_buf_view(&b), &p, &err), LZ_E_LIMIT);
	/* A billion laughs, and a tower. */
	lz_buf_clear(&b);
	lz_buf_str(&b, HEAD "reads:\n - &a [x,x,x,x]\n - [*a,*a,*a]\n");
	assert_int_equal(lz_profile_read(LZ_SPAN("f"), lz_buf_view(&b), &p, &err), LZ_E_FORMAT);
	lz_buf_clear(&b);
	lz_buf_str(&b, "version: 1\nid: ");
	for (int i = 0; i < 5000; i++)
		lz_buf_byte(&b, '[');
	assert_true(lz_profile_read(LZ_SPAN("f"), lz_buf_view(&b), &p, &err) < 0);
	lz_buf_clear(&b);
	lz_buf_str(&b, HEAD);
	lz_buf_byte(&b, 0);
	assert_true(lz_profile_read(LZ_SPAN("f"), lz_buf_view(&b), &p, &err) < 0);
}

/* Any values that shapes can have, there and back. */
static void round_trip(void **state)
{
	static const char alphabet[] = "aZ0 /._-*?\"\\:#'{}[]&!|>%@`,\xc3\xa4";
	unsigned seed = 42;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct lz_profile *p = make(), *q;
		char first[65536];
		for (int i = 0; i < 20; i++) {
			char value[40] = "/";
			size_t n = 1 + (size_t)(rand_r(&seed) % 30);
			for (size_t j = 1; j < n; j++)
				value[j] = alphabet[(size_t)rand_r(&seed) % (sizeof(alphabet) - 3)];
			if (strstr(value, "//") || strstr(value, "**") || strstr(value, "/./") ||
			    strstr(value, "/..") || n < 2)
				continue;
			add(p, i & 1 ? LZ_FACT_WRITE : LZ_FACT_PROGRAM, value,
			    i & 1 ? NULL : value);
		}
		snprintf(first, sizeof(first), "%s", text_of(p));
		q = read_text(first);
		assert_string_equal(text_of(q), first);
		lz_profile_free(p);
		lz_profile_free(q);
	}
}

/* The example for people is one. */
static void documented(void **state)
{
	LZ_CLEAN(buf) struct lz_buf b;
	struct lz_err err = {0};
	struct lz_profile *p;
	char *from, *to;

	(void)state;
	lz_buf_init(&b, LZ_PROFILE_BYTES);
	assert_ok(lz_read_file(source_path("docs/profiles.md"), &b, &err), err);
	from = strstr(b.p, "```yaml\n");
	assert_non_null(from);
	from += 8;
	to = strstr(from, "```");
	assert_non_null(to);
	*to = 0;
	p = read_text(from);
	assert_int_equal(lz_profile_count(p, LZ_FACT_DESTINATION), 5);
	assert_int_equal(judge(p, LZ_FACT_PROGRAM, "/bin/sh", "outside", 1), LZ_VERDICT_KNOWN);
	assert_int_equal(judge(p, LZ_FACT_PROGRAM, "/bin/sh", "/tmp/x", 1), LZ_VERDICT_NEW);
	assert_int_equal(judge(p, LZ_FACT_PROGRAM, "/usr/bin/id", "/tmp/x", 1), LZ_VERDICT_KNOWN);
	assert_int_equal(judge(p, LZ_FACT_WRITE, "/var/cache/nginx/a/b", NULL, 1),
			 LZ_VERDICT_KNOWN);
	assert_int_equal(judge(p, LZ_FACT_DESTINATION, "udp 192.0.2.1 53", NULL, 1),
			 LZ_VERDICT_KNOWN);
	lz_profile_free(p);
}

static int whole_life(void)
{
	struct lz_profile_about about = {.id = LZ_SPAN(ID), .image = LZ_SPAN("x")};
	struct lz_err err = {0};
	struct lz_profile *p = lz_profile_new(&about, &err), *q = NULL;
	LZ_CLEAN(buf) struct lz_buf b;
	int code = p ? 0 : LZ_E_NOMEM;

	lz_buf_init(&b, LZ_PROFILE_BYTES);
	for (int i = 0; i < 20 && !code; i++) {
		char value[20];
		snprintf(value, sizeof(value), "/a/b%c*", 'a' + i);
		code = lz_profile_add(p, &(struct lz_fact){LZ_FACT_READ, lz_str(value), {0}}, &err);
		if (!code)
			code = lz_profile_add(p,
					      &(struct lz_fact){LZ_FACT_PROGRAM, lz_str(value),
								LZ_SPAN("outside")},
					      &err);
	}
	if (!code)
		code = lz_profile_settle(p, &err);
	if (!code)
		code = lz_profile_write(p, &b);
	if (!code)
		code = lz_profile_read(LZ_SPAN("f"), lz_buf_view(&b), &q, &err);
	if (!code)
		code = lz_profile_merge(p, q, &err);
	if (!code)
		lz_profile_judge(p, &(struct lz_fact){LZ_FACT_CALL, LZ_SPAN("bpf"), {0}}, 1);
	lz_profile_free(p);
	lz_profile_free(q);
	return code;
}

static void no_memory(void **state)
{
	(void)state;
	assert_survives_nomem(whole_life());
	assert_int_equal(whole_life(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written),
		cmocka_unit_test(stable),
		cmocka_unit_test(judged),
		cmocka_unit_test(bounded_rate),
		cmocka_unit_test(room_for_what_is_told),
		cmocka_unit_test(cut),
		cmocka_unit_test(many_parents),
		cmocka_unit_test(settled),
		cmocka_unit_test(refused),
		cmocka_unit_test(refused_size),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(documented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
