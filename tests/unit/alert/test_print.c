/* SPDX-License-Identifier: Apache-2.0 */
/* An alert as text, against lines written by hand; and what strangers put into it. */
#include "sample.h"

#include "base/limits.h"
#include "format/json.h"
#include "format/text.h"

static struct lz_buf b;

static const char *printed(const struct lz_alert *a, enum lz_alert_form form)
{
	lz_buf_done(&b);
	lz_buf_init(&b, 4 * LZ_M);
	assert_int_equal(lz_alert_print(&b, a, form), 0);
	assert_int_equal(strlen(b.p), b.n);
	assert_true(b.n <= LZ_ALERT_PRINT_MAX);
	assert_int_equal(b.p[b.n - 1], '\n');
	return b.p;
}

static void test_people(void **state)
{
	struct lz_alert a = sample();

	(void)state;
	assert_string_equal(
		printed(&a, LZ_ALERT_LINES),
		"10:20:30.000000001: Warning netcat runs (command=nc -l) (container web, "
		"image reg:5000/shop/web:1.2)\n"
		"    sshd(12) > bash(40) > nc(51)\n");
	assert_string_equal(
		printed(&a, LZ_ALERT_COLOURED),
		"10:20:30.000000001: \033[33mWarning\033[0m netcat runs (command=nc -l) "
		"(container web, image reg:5000/shop/web:1.2)\n"
		"    sshd(12) > bash(40) > nc(51)\n");
	assert_string_equal(printed(&a, LZ_ALERT_ONE_LINE),
			    "Warning netcat runs (command=nc -l) (container web, "
			    "image reg:5000/shop/web:1.2) [sshd(12) > bash(40) > nc(51)]\n");
}

/* What is to be done: always for machines, for people when they want it. */
static void test_respond(void **state)
{
	struct lz_alert a = sample();

	(void)state;
	assert_null(strstr(printed(&a, LZ_ALERT_JSON), "respond"));
	a.respond = LZ_SPAN("Stop \"it\".");
	assert_non_null(
		strstr(printed(&a, LZ_ALERT_JSON), ", \"respond\": \"Stop \\\"it\\\".\", "));
	a.respond = LZ_SPAN("Stop it.\033[2J");
	assert_null(strstr(printed(&a, LZ_ALERT_LINES), "Stop"));
	a.detail = true;
	assert_string_equal(
		printed(&a, LZ_ALERT_LINES),
		"10:20:30.000000001: Warning netcat runs (command=nc -l) (container web, "
		"image reg:5000/shop/web:1.2)\n"
		"    sshd(12) > bash(40) > nc(51)\n"
		"    what to do: Stop it.\\x1b[2J\n");
	assert_null(strstr(printed(&a, LZ_ALERT_ONE_LINE), "Stop"));
}

static void test_counts(void **state)
{
	struct lz_alert a = sample();

	(void)state;
	a.output = LZ_SPAN("nc in web of reg:5000/shop/web:1.2"); /* says both already */
	a.count = 17;
	a.total = 18;
	a.more = 3;
	a.first_ns = a.time_ns - 59700000000;
	a.last_ns = a.time_ns;
	a.lost = 37;
	a.lost_kinds = LZ_SPAN("open, connect");
	a.known = true;
	assert_string_equal(printed(&a, LZ_ALERT_LINES),
			    "10:20:30.000000001: Warning nc in web of reg:5000/shop/web:1.2\n"
			    "    sshd(12) > bash(40) > nc(51); ×17 in 60 s; 18 in all; "
			    "and 3 more of this rule; known for this image; "
			    "37 events lost meanwhile (open, connect)\n");
	a.lineage_count = 0;
	a.known = false;
	a.lost = 1;
	a.lost_kinds = LZ_SPAN("");
	a.more = 0;
	a.total = 17;
	a.first_ns = a.time_ns - 1500000;
	a.container.id = LZ_SPAN("host");
	a.output = LZ_SPAN("o");
	assert_string_equal(printed(&a, LZ_ALERT_LINES),
			    "10:20:30.000000001: Warning o\n"
			    "    ×17 in 2 ms; 1 event lost meanwhile\n");
	a.count = a.total = a.lost = 0;
	assert_string_equal(printed(&a, LZ_ALERT_LINES), "10:20:30.000000001: Warning o\n");
	assert_string_equal(printed(&a, LZ_ALERT_ONE_LINE), "Warning o\n");
}

static void test_container(void **state)
{
	struct lz_alert a = sample();

	(void)state;
	a.lineage_count = 0;
	a.container.name = LZ_SPAN("");
	a.container.image = LZ_SPAN("");
	a.output = LZ_SPAN("o");
	assert_string_equal(printed(&a, LZ_ALERT_ONE_LINE), "Warning o (container 0123456789ab)\n");
	a.output = LZ_SPAN("o 0123456789ab");
	assert_string_equal(printed(&a, LZ_ALERT_ONE_LINE), "Warning o 0123456789ab\n");
	a.container.image = LZ_SPAN("i");
	assert_string_equal(printed(&a, LZ_ALERT_ONE_LINE), "Warning o 0123456789ab (image i)\n");
}

static void test_json(void **state)
{
	struct lz_alert a = sample();

	(void)state;
	a.fingerprint = LZ_SPAN("0f053a71e01ae7ca6a27925241223b78");
	assert_string_equal(
		printed(&a, LZ_ALERT_JSON),
		"{\"time\": \"2026-11-23T10:20:30.000000001Z\", \"rule\": \"Netcat in a "
		"container\", "
		"\"priority\": \"Warning\", \"source\": \"syscall\", \"hostname\": \"node-1\", "
		"\"output\": \"10:20:30.000000001: Warning netcat runs (command=nc -l)\", "
		"\"tags\": [\"container\", \"shell\"], \"output_fields\": {"
		"\"evt.time\": 1795429230000000001, \"proc.name\": \"nc\", \"proc.tty\": -1, "
		"\"container.privileged\": true, \"fd.name\": null}, "
		"\"count\": 1, \"total\": 1, \"more\": 0, "
		"\"first_time\": \"2026-11-23T10:20:30.000000001Z\", "
		"\"last_time\": \"2026-11-23T10:20:30.000000001Z\", \"lineage\": ["
		"{\"pid\": 51, \"name\": \"nc\", \"exe\": \"/usr/bin/nc\", \"cmdline\": \"nc "
		"-l\"}, "
		"{\"pid\": 40, \"name\": \"bash\", \"exe\": \"/bin/bash\", \"cmdline\": \"bash\"}, "
		"{\"pid\": 12, \"name\": \"sshd\", \"exe\": \"/usr/sbin/sshd\", "
		"\"cmdline\": \"sshd -D\"}], \"container\": {\"id\": \"0123456789abcdef\", "
		"\"name\": \"web\", \"image\": \"reg:5000/shop/web:1.2\", \"digest\": "
		"\"sha256:aa\"}, "
		"\"lost\": 0, \"lost_kinds\": \"\", \"known\": false, "
		"\"fingerprint\": \"0f053a71e01ae7ca6a27925241223b78\"}\n");
}

/* What a field means comes out of the JSON as it went in, whatever its bytes. */
static void test_rude(void **state)
{
	const struct lz_alert_field fields[] = {
		{.name = LZ_SPAN("proc.cmdline"),
		 .kind = LZ_ALERT_TEXT,
		 .text = LZ_SPAN("a\x1b[2J\"\\\n\xc2\x9b"
				 "31m\x7f")},
		{.name = LZ_SPAN("proc.name"), .kind = LZ_ALERT_TEXT, .text = LZ_SPAN("x\xff\xc0")},
		{.name = LZ_SPAN("proc.name"), .kind = LZ_ALERT_TEXT, .text = LZ_SPAN("again")},
	};
	struct lz_alert a = sample();
	struct lz_limits limits;
	struct lz_err err;
	json_t *j, *f;

	(void)state;
	a.fields = fields;
	a.field_count = 3;
	a.output = LZ_SPAN("one\ntwo\r\x1b]0;t\x07 \xe2\x80\xae \xff");
	a.rule = LZ_SPAN("r\n\xfe");
	a.container.name = LZ_SPAN("web\x1b[31m");
	a.lineage[0].name = LZ_SPAN("\xc2\x9b"
				    "1m");
	printed(&a, LZ_ALERT_LINES);
	assert_string_equal(b.p, "10:20:30.000000001: Warning one\\x0atwo\\x0d\\x1b]0;t\\x07 "
				 "\\u{202e} \\xff (container web\\x1b[31m, image "
				 "reg:5000/shop/web:1.2)\n    sshd(12) > bash(40) > \\x9b1m(51)\n");
	printed(&a, LZ_ALERT_JSON);
	assert_ptr_equal(memchr(b.p, '\n', b.n), b.p + b.n - 1);
	assert_null(memchr(b.p, 27, b.n));
	assert_null(memmem(b.p, b.n, "\xc2\x9b", 2));
	lz_limits_default(&limits);
	j = lz_json_load(lz_buf_view(&b), &limits, "alert", &err);
	assert_non_null(j);
	f = json_object_get(j, "output_fields");
	assert_span(lz_json_str(f, "proc.cmdline"), "a\x1b[2J\"\\\n\xc2\x9b"
						    "31m\x7f");
	assert_span(lz_json_str(f, "proc.name"), "x\xef\xbf\xbd\xef\xbf\xbd");
	json_decref(j);
}

/* A megabyte is the most, and what was cut says so. */
static void test_long(void **state)
{
	static char text[200000];
	struct lz_alert_field fields[300];
	char names[300][12];
	struct lz_alert a = sample();
	struct lz_limits limits;
	struct lz_err err;
	json_t *j;

	(void)state;
	memset(text, 1, sizeof(text));
	for (unsigned i = 0; i < 300; i++) {
		snprintf(names[i], sizeof(names[i]), "f%u", i);
		fields[i] = (struct lz_alert_field){.name = lz_str(names[i]),
						    .kind = LZ_ALERT_TEXT,
						    .text = lz_span(text, sizeof(text))};
	}
	a.fields = fields;
	a.field_count = 300;
	for (unsigned i = 0; i < 3; i++)
		a.lineage[i].exe = a.lineage[i].cmdline = lz_span(text, sizeof(text));
	a.output = a.rule = lz_span(text, sizeof(text));
	for (int form = LZ_ALERT_LINES; form <= LZ_ALERT_JSON; form++)
		printed(&a, (enum lz_alert_form)form);
	lz_limits_default(&limits);
	j = lz_json_load(lz_buf_view(&b), &limits, "alert", &err);
	assert_non_null(j);
	assert_true(json_is_true(json_object_get(j, "cut")));
	assert_int_equal(json_object_size(json_object_get(j, "output_fields")), 256);
	json_decref(j);
	/* one long text alone keeps 32 KiB, cut between characters */
	a = sample();
	memcpy(text + 32 * 1024 - 1, "\xc3\xa9", 2);
	memset(text, 'x', 32 * 1024 - 1);
	a.output = lz_span(text, sizeof(text));
	printed(&a, LZ_ALERT_JSON);
	assert_non_null(memmem(b.p, b.n, "xxx…\", \"tags\"", 15));
	assert_true(lz_utf8_valid(lz_buf_view(&b)));
}

static int print_all(void)
{
	struct lz_alert a = sample();
	struct lz_buf own;
	int code = 0;

	for (int form = LZ_ALERT_LINES; form <= LZ_ALERT_JSON && !code; form++) {
		lz_buf_init(&own, LZ_M);
		lz_buf_str(&own, "before");
		code = own.code ? own.code : lz_alert_print(&own, &a, (enum lz_alert_form)form);
		if (code && own.p)
			assert_true(own.n <= 6); /* half an alert is none */
		lz_buf_done(&own);
	}
	return code;
}

static void test_without_memory(void **state)
{
	(void)state;
	assert_survives_nomem(print_all());
}

static int tidy(void **state)
{
	(void)state;
	lz_buf_done(&b);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_respond), cmocka_unit_test(test_people),
		cmocka_unit_test(test_counts),	cmocka_unit_test(test_container),
		cmocka_unit_test(test_json),	cmocka_unit_test(test_rude),
		cmocka_unit_test(test_long),	cmocka_unit_test(test_without_memory),
	};
	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, tidy);
}
