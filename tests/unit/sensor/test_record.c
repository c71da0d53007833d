/* SPDX-License-Identifier: Apache-2.0 */
#include "make_record.h"

static struct made m;

static int code_of(struct lz_span bytes)
{
	struct lz_record r;
	struct lz_err err = {0};
	int code = lz_record_read(bytes, &r, &err);

	if (code)
		assert_true(err.text[0]);
	return code;
}

static void heads(void **state)
{
	struct lz_record r;
	struct lz_err err;

	(void)state;
	make(&m, LZ_EV_CALL, 7, 100)->nr = 257;
	head_of(&m)->ret = -2;
	assert_ok(lz_record_read(made_span(&m), &r, &err), err);
	assert_int_equal(r.head.pid, 7);
	assert_int_equal(r.head.nr, 257);
	assert_int_equal(r.head.ret, -2);
	for (unsigned i = 0; i < LZ_PART_COUNT; i++)
		assert_false(lz_record_has(&r, i));

	for (size_t n = 0; n < sizeof(struct lz_ev); n++)
		assert_int_equal(code_of(lz_span(m.bytes, n)), LZ_E_FORMAT);
	head_of(&m)->size++;
	assert_int_equal(code_of(lz_span(m.bytes, m.n)), LZ_E_FORMAT);
	head_of(&m)->size = 0;
	assert_int_equal(code_of(lz_span(m.bytes, m.n)), LZ_E_FORMAT);
	for (unsigned kind = 0; kind < 70000; kind += kind < 300 ? 1 : 999) {
		head_of(&m)->kind = (uint16_t)kind;
		assert_int_equal(code_of(made_span(&m)),
				 (uint16_t)kind && (uint16_t)kind < LZ_EV_KINDS ? 0 : LZ_E_FORMAT);
	}
}

/* Unaligned in memory: parts and heads are copied. */
static void anywhere(void **state)
{
	static char raw[sizeof(m.bytes) + 8];
	struct lz_ev_task t = {.pid = 5, .start_ns = 9}, back;
	struct lz_record r;
	struct lz_err err;

	(void)state;
	make(&m, LZ_EV_FORK, 4, 100);
	part(&m, LZ_PART_NAME, "x", 1);
	part(&m, LZ_PART_TASK, &t, sizeof(t));
	for (size_t at = 0; at < 8; at++) {
		memcpy(raw + at, made_span(&m).p, m.n);
		assert_ok(lz_record_read(lz_span(raw + at, m.n), &r, &err), err);
		assert_true(lz_record_copy(&r, LZ_PART_TASK, &back, sizeof(back)));
		assert_memory_equal(&t, &back, sizeof(t));
	}
}

/* What a part of that number has to be, from event.h; 0: any size. */
static size_t size_of_part(unsigned id)
{
	if (id >= 8 && id < 16)
		return 64; /* a file */
	if (id >= 24 && id < 32)
		return 48; /* a socket */
	switch (id) {
	case LZ_PART_EXE:
		return 64;
	case LZ_PART_ASKED:
		return 48;
	case LZ_PART_TASK:
		return 144;
	case LZ_PART_CGROUP:
	case LZ_PART_THROTTLE:
		return 16;
	case LZ_PART_FLOW:
		return 80;
	case LZ_PART_DNS:
		return 24;
	case LZ_PART_STDIO:
		return 48;
	case LZ_PART_LEARN:
		return 64;
	case LZ_PART_STATS:
		return sizeof(struct lz_ev_stats);
	default:
		return 0;
	}
}

static void sizes(void **state)
{
	static const char zero[512];

	(void)state;
	for (unsigned id = 0; id < LZ_PART_COUNT + 3; id++)
		for (size_t n = 0; n < 300; n++) {
			size_t want = size_of_part(id);
			make(&m, LZ_EV_CALL, 7, 100);
			part(&m, id, zero, n);
			if (id >= LZ_PART_COUNT || (want && n != want))
				assert_int_equal(code_of(made_span(&m)), LZ_E_FORMAT);
			else
				assert_int_equal(code_of(made_span(&m)), 0);
		}
	make(&m, LZ_EV_CALL, 7, 100);
	part(&m, 0xffff, zero, 4);
	assert_int_equal(code_of(made_span(&m)), LZ_E_FORMAT);
}

/* A record of many parts, cut at every byte, the head saying the length that is there: parts end
 * where they say or the record is refused. */
static void cut(void **state)
{
	struct lz_ev_task t = {.pid = 1};
	struct lz_record r;
	size_t whole, good = 0;

	(void)state;
	make(&m, LZ_EV_EXEC, 7, 100);
	text(&m, LZ_PART_NAME, "/bin/sh");
	part(&m, LZ_PART_TASK, &t, sizeof(t));
	path(&m, LZ_PART_EXE_PATH, 0, "/usr/bin/dash");
	part(&m, LZ_PART_ARGV, "sh\0-c\0true", 11);
	part(&m, LZ_PART_ENV, "", 0);
	whole = m.n;
	for (size_t n = 0; n <= whole; n++) {
		char *copy = malloc(n ? n : 1);
		uint32_t size = (uint32_t)n;
		memcpy(copy, m.bytes, n);
		if (n >= sizeof(size))
			memcpy(copy, &size, sizeof(size));
		if (!lz_record_read(lz_span(copy, n), &r, NULL)) {
			good++;
			for (unsigned i = 0; i < LZ_PART_COUNT; i++)
				assert_true(!r.part[i].p ||
					    (r.part[i].p >= copy &&
					     r.part[i].p + r.part[i].n <= copy + n));
		}
		free(copy);
	}
	assert_int_equal(good, 6); /* between parts only */
	assert_int_equal(code_of(lz_span(m.bytes, whole)), 0);
	r = read_made(&m);
	assert_true(lz_record_has(&r, LZ_PART_ENV));
	assert_int_equal(r.part[LZ_PART_ENV].n, 0);
}

static void bounds(void **state)
{
	static const char zero[LZ_EV_MAX];

	(void)state;
	make(&m, LZ_EV_CALL, 7, 100);
	part(&m, LZ_PART_BYTES, zero, LZ_EV_MAX - sizeof(struct lz_ev) - sizeof(struct lz_ev_part));
	assert_int_equal(m.n, LZ_EV_MAX);
	assert_int_equal(code_of(made_span(&m)), 0);
	make(&m, LZ_EV_CALL, 7, 100);
	part(&m, LZ_PART_BYTES, zero,
	     LZ_EV_MAX - sizeof(struct lz_ev) - sizeof(struct lz_ev_part) + 1);
	assert_int_equal(code_of(made_span(&m)), LZ_E_FORMAT);
	/* A part that says it goes on behind the record. */
	make(&m, LZ_EV_CALL, 7, 100);
	part(&m, LZ_PART_BYTES, zero, 10);
	m.n--;
	assert_int_equal(code_of(made_span(&m)), LZ_E_FORMAT);
}

static void answers(void **state)
{
	struct lz_record r;
	uint64_t v = 0;
	char small[4];

	(void)state;
	make(&m, LZ_EV_CALL, 7, 100);
	number(&m, LZ_PART_ARG + 0, 0x1122334455667788ULL);
	part(&m, LZ_PART_ARG + 1, "abcd", 4);
	text(&m, LZ_PART_ARG + 2, "a path");
	part(&m, LZ_PART_ARG + 3, "no end", 6);
	part(&m, LZ_PART_ARG + 4, "", 0);
	r = read_made(&m);
	assert_true(lz_record_number(&r, LZ_PART_ARG + 0, &v));
	assert_true(v == 0x1122334455667788ULL);
	assert_false(lz_record_number(&r, LZ_PART_ARG + 1, &v));
	assert_true(lz_record_copy(&r, LZ_PART_ARG + 1, small, 4));
	assert_false(lz_record_copy(&r, LZ_PART_ARG + 5, small, 4));
	assert_span(lz_record_text(&r, LZ_PART_ARG + 2), "a path");
	assert_span(lz_record_text(&r, LZ_PART_ARG + 3), "no end");
	assert_span(lz_record_text(&r, LZ_PART_ARG + 4), "");
	assert_null(lz_record_text(&r, LZ_PART_ARG + 5).p);
}

static void path_is(unsigned flags, const char *given, const char *want)
{
	struct lz_record r;
	struct lz_buf b;
	unsigned got = 99;

	make(&m, LZ_EV_CALL, 7, 100);
	path(&m, LZ_PART_CWD, flags, given);
	r = read_made(&m);
	lz_buf_init(&b, 64 * 1024);
	assert_int_equal(lz_record_path(&r, LZ_PART_CWD, &b, &got), 0);
	assert_span(lz_buf_view(&b), want);
	assert_int_equal(got, flags);
	lz_buf_done(&b);
}

static void paths(void **state)
{
	(void)state;
	path_is(0, "/etc/shadow", "/etc/shadow");
	path_is(0, "/", "/");
	path_is(LZ_PATH_DELETED, "/tmp/x", "/tmp/x");
	path_is(LZ_PATH_CUT, "/c/d", "…/c/d");
	path_is(LZ_PATH_NO_MOUNT, "pipe:", "pipe:");
	path_is(LZ_PATH_NO_MOUNT, "memfd:x", "memfd:x");
}

/* A path whose lengths lie: nothing behind the part is read, names before the lie stay. */
static void bad_paths(void **state)
{
	static const struct {
		const char *p;
		size_t n, names;
	} rows[] = {
		{"", 0, 0},
		{"\0", 1, 0},
		{"\0\xff"
		 "abc",
		 5, 0},
		{"\0\4ab", 4, 0},
		{"\0\1a\1", 4, 1},
		{"\0\1a\5bc", 6, 1},
		{"\0\0\0\0", 4, 3},
		{"\0\1a\2bc", 6, 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lz_span name[LZ_PATH_DEPTH];
		struct lz_record r;
		unsigned flags;
		make(&m, LZ_EV_CALL, 7, 100);
		part(&m, LZ_PART_CWD, rows[i].p, rows[i].n);
		r = read_made(&m);
		assert_int_equal(lz_record_names(&r, LZ_PART_CWD, name, &flags), rows[i].names);
	}
}

/* More names than a path holds are left out, not written behind the table. */
static void deep_path(void **state)
{
	struct lz_span name[LZ_PATH_DEPTH];
	char bytes[1 + 2 * 1000] = "";
	struct lz_record r;
	unsigned flags;

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		bytes[1 + 2 * i] = 1;
		bytes[2 + 2 * i] = 'a';
	}
	make(&m, LZ_EV_CALL, 7, 100);
	part(&m, LZ_PART_CWD, bytes, sizeof(bytes));
	r = read_made(&m);
	assert_int_equal(lz_record_names(&r, LZ_PART_CWD, name, &flags), LZ_PATH_DEPTH);
}

static int one_path(void)
{
	struct lz_record r = read_made(&m);
	struct lz_buf b;
	unsigned flags;
	int code;

	lz_buf_init(&b, 4096);
	code = lz_record_path(&r, LZ_PART_CWD, &b, &flags);
	lz_buf_done(&b);
	return code;
}

static void no_memory(void **state)
{
	(void)state;
	make(&m, LZ_EV_CALL, 7, 100);
	path(&m, LZ_PART_CWD, 0,
	     "/a/rather/long/path/that/makes/the/buffer/grow/more/than/once/or/so");
	assert_survives_nomem(one_path());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads),     cmocka_unit_test(anywhere),
		cmocka_unit_test(sizes),     cmocka_unit_test(cut),
		cmocka_unit_test(bounds),    cmocka_unit_test(answers),
		cmocka_unit_test(paths),     cmocka_unit_test(bad_paths),
		cmocka_unit_test(deep_path), cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
