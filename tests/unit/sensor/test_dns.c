/* SPDX-License-Identifier: Apache-2.0 */
/* Messages written by hand from RFC 1035, sections 4.1 to 4.1.4, and RFC 3596 for AAAA. */
#include "sensor/dns.h"
#include "sensor/hosts.h"
#include "sensor/sockets.h"

#include "../../test.h"

#define ASK(flags, answers) "\x12\x34" flags "\0\1" answers "\0\0\0\0"
#define EXAMPLE		    "\3www\7EXAMPLE\3com\0" /* at 12, "EXAMPLE" at 16, "com" at 24; 17 bytes */
#define S(lit)		    lz_span(lit, sizeof(lit) - 1)

static struct lz_dns d;

static void question(void **state)
{
	(void)state;
	assert_true(lz_dns_read(S(ASK("\1\0", "\0\0") EXAMPLE "\0\1\0\1"), &d));
	assert_false(d.answer);
	assert_int_equal(d.id, 0x1234);
	assert_int_equal(d.type, 1);
	assert_string_equal(d.name, "www.example.com");
	assert_int_equal(d.name_n, 15);
	assert_int_equal(d.addresses, 0);
	/* The root itself. */
	assert_true(lz_dns_read(S(ASK("\1\0", "\0\0") "\0\0\2\0\1"), &d));
	assert_string_equal(d.name, "");
	assert_int_equal(d.type, 2);
}

static void answers(void **state)
{
	static const unsigned char six[16] = {0x20, 1, 0xd, 0xb8, [15] = 9};

	(void)state;
	assert_true(lz_dns_read(S(ASK("\x81\x80", "\0\2") EXAMPLE
				  "\0\1\0\1"
				  "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1"
				  "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\2"),
				&d));
	assert_true(d.answer);
	assert_int_equal(d.code, 0);
	assert_int_equal(d.addresses, 2);
	assert_memory_equal(d.address[0].ip, "\xc0\0\2\1", 4);
	assert_memory_equal(d.address[1].ip, "\xc0\0\2\2", 4);
	assert_int_equal(d.address[1].bytes, 4);

	assert_true(lz_dns_read(S(ASK("\x81\x80", "\0\1") EXAMPLE
				  "\0\x1c\0\1"
				  "\xc0\x0c\0\x1c\0\1\0\0\0\x3c\0\x10"
				  "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09"),
				&d));
	assert_int_equal(d.type, 28);
	assert_int_equal(d.addresses, 1);
	assert_int_equal(d.address[0].bytes, 16);
	assert_memory_equal(d.address[0].ip, six, 16);

	assert_true(lz_dns_read(S(ASK("\x81\x83", "\0\0") EXAMPLE "\0\1\0\1"), &d));
	assert_int_equal(d.code, 3);
}

/* www.example.com → edge.cdn.com → its address: the address belongs to the name that was asked. */
static void cname_chain(void **state)
{
	(void)state;
	assert_true(lz_dns_read(S(ASK("\x81\x80", "\0\2") EXAMPLE
				  "\0\1\0\1"
				  "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\x0b"
				  "\4edge\3cdn\xc0\x18"
				  "\xc0\x2d\0\1\0\1\0\0\0\x3c\0\4\xc6\x33\x64\7"),
				&d));
	assert_string_equal(d.name, "www.example.com");
	assert_int_equal(d.addresses, 1);
	assert_memory_equal(d.address[0].ip, "\xc6\x33\x64\7", 4);
}

/* Addresses of other sizes than their types have, other types, more than are kept. */
static void odd_answers(void **state)
{
	struct lz_span head = S(ASK("\x81\x80", "\0\x28") EXAMPLE "\0\1\0\1");
	char bytes[2000];
	size_t n = head.n;

	(void)state;
	assert_true(lz_dns_read(S(ASK("\x81\x80", "\0\3") EXAMPLE
				  "\0\1\0\1"
				  "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\3\xc0\0\2"
				  "\xc0\x0c\0\x10\0\1\0\0\0\x3c\0\4\3abc"
				  "\xc0\x0c\0\x1c\0\1\0\0\0\x3c\0\4\xc0\0\2\2"),
				&d));
	assert_int_equal(d.addresses, 0);
	memcpy(bytes, head.p, head.n);
	for (int i = 0; i < 40; i++, n += 16)
		memcpy(bytes + n, "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1", 16);
	assert_true(lz_dns_read(lz_span(bytes, n), &d));
	assert_int_equal(d.addresses, LZ_DNS_ADDRESSES);
}

static void refused(void **state)
{
	char long_name[400] = ASK("\1\0", "\0\0");
	size_t n = 12;

	(void)state;
	assert_false(lz_dns_read(lz_span(NULL, 0), &d));
	assert_false(
		lz_dns_read(S("\x12\x34\1\0\0\0\0\0\0\0\0\0\0\0\1\0\1"), &d)); /* asks nothing */
	/* A pointer to itself, to what lies ahead, two that lead to each other, behind the end. */
	assert_false(lz_dns_read(S(ASK("\1\0", "\0\0") "\xc0\x0c\0\1\0\1"), &d));
	assert_false(lz_dns_read(S(ASK("\1\0", "\0\0") "\xc0\x10\0\1\0\1"), &d));
	assert_false(lz_dns_read(S(ASK("\1\0", "\0\0") "\xc0\x0e\xc0\x0c\0\1\0\1"), &d));
	assert_false(lz_dns_read(S(ASK("\1\0", "\0\0") "\xff\xff\0\1\0\1"), &d));
	/* A label and a pointer back to it go round without end. */
	assert_false(lz_dns_read(S(ASK("\1\0", "\0\0") "\1a\xc0\x0c\0\1\0\1"), &d));
	/* Lengths that RFC 1035 keeps for later: 64 to 191. */
	assert_false(lz_dns_read(S(ASK("\1\0", "\0\0") "\x40"
						       "a\0\0\1\0\1"),
				 &d));
	assert_false(lz_dns_read(S(ASK("\1\0", "\0\0") "\x80"
						       "a\0\0\1\0\1"),
				 &d));
	/* Longer than 255. */
	for (int i = 0; i < 5; i++, n += 64) {
		long_name[n] = 63;
		memset(long_name + n + 1, 'a', 63);
	}
	n += 5;
	assert_false(lz_dns_read(lz_span(long_name, n), &d));
}

/* 63 + 1 + 63 + 1 + 63 + 1 + 61 = 253, the most that fits on the wire with its lengths and end. */
static void longest(void **state)
{
	char bytes[400] = ASK("\1\0", "\0\0");
	size_t n = 12;

	(void)state;
	for (int i = 0; i < 4; i++) {
		int length = i < 3 ? 63 : 61;
		bytes[n++] = (char)length;
		memset(bytes + n, 'A' + i, (size_t)length);
		n += (size_t)length;
	}
	memcpy(bytes + n, "\0\0\1\0\1", 5);
	assert_true(lz_dns_read(lz_span(bytes, n + 5), &d));
	assert_int_equal(d.name_n, 253);
	assert_int_equal(d.name[0], 'a');
	assert_int_equal(d.name[252], 'd');
}

/* Cut anywhere: within the question it is none, behind it what is whole counts. Copies are exact
 * so that reading past the end is seen. */
static void cut(void **state)
{
	static const char whole[] = ASK("\x81\x80", "\0\2") EXAMPLE
		"\0\1\0\1"
		"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1"
		"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\2";

	(void)state;
	for (size_t n = 0; n < sizeof(whole); n++) {
		char *copy = malloc(n ? n : 1);
		memcpy(copy, whole, n);
		assert_int_equal(lz_dns_read(lz_span(copy, n), &d), n >= 33);
		if (n >= 33)
			assert_int_equal(d.addresses, n >= 65 ? 2 : n >= 49 ? 1 : 0);
		free(copy);
	}
}

static void types(void **state)
{
	(void)state;
	assert_string_equal(lz_dns_type_name(1), "A");
	assert_string_equal(lz_dns_type_name(5), "CNAME");
	assert_string_equal(lz_dns_type_name(16), "TXT");
	assert_string_equal(lz_dns_type_name(28), "AAAA");
	assert_string_equal(lz_dns_type_name(65), "HTTPS");
	assert_null(lz_dns_type_name(0));
	assert_null(lz_dns_type_name(60000));
}

/* --- names of addresses --- */

static const unsigned char one[16] = {192, 0, 2, 1}, two[16] = {192, 0, 2, 2};

static void hosts(void **state)
{
	struct lz_hosts *h = lz_hosts_new(NULL);
	struct lz_span n[LZ_HOST_NAMES];
	char name[300];

	(void)state;
	assert_non_null(h);
	assert_int_equal(lz_hosts_names(h, one, 4, n), 0);
	lz_hosts_add(h, one, 4, LZ_SPAN("a.example"), 10);
	lz_hosts_add(h, one, 4, LZ_SPAN("b.example"), 20);
	lz_hosts_add(h, two, 4, LZ_SPAN("c.example"), 15);
	assert_int_equal(lz_hosts_names(h, one, 4, n), 2);
	assert_span(n[0], "b.example");
	assert_span(n[1], "a.example");
	lz_hosts_add(h, one, 4, LZ_SPAN("a.example"), 30); /* seen again: the newest now */
	assert_int_equal(lz_hosts_names(h, one, 4, n), 2);
	assert_span(n[0], "a.example");
	/* The same bytes as an address of the other family are another. */
	assert_int_equal(lz_hosts_names(h, one, 16, n), 0);
	/* The oldest goes first. */
	for (unsigned i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		lz_hosts_add(h, one, 4, lz_str(name), 100 + i);
	}
	assert_int_equal(lz_hosts_names(h, one, 4, n), LZ_HOST_NAMES);
	assert_span(n[0], "n7.example");
	assert_span(n[7], "n0.example");
	memset(name, 'x', sizeof(name));
	lz_hosts_add(h, two, 4, lz_span(name, 256), 500);
	lz_hosts_add(h, two, 4, lz_span("", 0), 500);
	assert_int_equal(lz_hosts_names(h, two, 4, n), 1);
	lz_hosts_add(h, two, 4, lz_span(name, 255), 501);
	assert_int_equal(lz_hosts_names(h, two, 4, n), 2);
	assert_int_equal(n[0].n, 255);
	/* At the very beginning of time, too, and once more. */
	lz_hosts_add(h, (const unsigned char *)"\1\2\3\4", 4, LZ_SPAN("z"), 0);
	lz_hosts_add(h, (const unsigned char *)"\1\2\3\4", 4, LZ_SPAN("z"), 0);
	assert_int_equal(lz_hosts_names(h, (const unsigned char *)"\1\2\3\4", 4, n), 1);
	lz_hosts_free(h);
	lz_hosts_free(NULL);
}

static void learning(void **state)
{
	struct lz_hosts *h = lz_hosts_new(NULL);
	struct lz_span n[LZ_HOST_NAMES];

	(void)state;
	lz_hosts_learn(h,
		       S(ASK("\x81\x80", "\0\1") EXAMPLE
			 "\0\1\0\1"
			 "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1"),
		       5);
	assert_int_equal(lz_hosts_names(h, one, 4, n), 1);
	assert_span(n[0], "www.example.com");
	/* A question that carries what looks like an answer is none. */
	lz_hosts_learn(h,
		       S(ASK("\1\0", "\0\1") EXAMPLE "\0\1\0\1"
						     "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\2"),
		       5);
	assert_int_equal(lz_hosts_names(h, two, 4, n), 0);
	lz_hosts_learn(h, S("rubbish"), 5);
	lz_hosts_free(h);
}

/* However many addresses pass by, what is kept is bounded: nothing to assert but that it ends, and
 * that what came last is there. */
static void many(void **state)
{
	struct lz_hosts *h = lz_hosts_new(NULL);
	struct lz_span n[LZ_HOST_NAMES];
	uint32_t ip = 0;

	(void)state;
	for (; ip < 200000; ip++)
		lz_hosts_add(h, (const unsigned char *)&ip, 4, LZ_SPAN("many.example"), 1 + ip);
	ip--;
	assert_int_equal(lz_hosts_names(h, (const unsigned char *)&ip, 4, n), 1);
	lz_hosts_free(h);
}

static int add_one(void)
{
	struct lz_err err = {0};
	struct lz_hosts *h = lz_hosts_new(&err);

	if (!h)
		return err.code;
	lz_hosts_add(h, one, 4, LZ_SPAN("a.example"), 10);
	lz_hosts_free(h);
	return 0;
}

static void no_memory(void **state)
{
	(void)state;
	assert_survives_nomem(add_one());
}

/* --- sockets --- */

static void sockets(void **state)
{
	struct lz_sockets *s = lz_sockets_new(NULL);
	struct lz_ev_socket to = {.family = 2, .remote_port = 53, .remote = {9, 9, 9, 9}};

	(void)state;
	assert_false(lz_sockets_is_server(s, 5));
	lz_sockets_accepted(s, 5, true);
	assert_true(lz_sockets_is_server(s, 5));
	assert_false(lz_sockets_is_server(s, 6));
	assert_true(lz_sockets_went(s, 5, &to));
	assert_false(lz_sockets_went(s, 5, &to));
	to.remote_port = 54;
	assert_true(lz_sockets_went(s, 5, &to));
	to.remote[3] = 8;
	assert_true(lz_sockets_went(s, 5, &to));
	assert_false(lz_sockets_went(s, 5, &to));
	assert_true(lz_sockets_is_server(s, 5)); /* that it was accepted is not forgotten */
	for (uint64_t inode = 10; inode < 100000; inode++)
		lz_sockets_accepted(s, inode, true);
	assert_true(lz_sockets_is_server(s, 99999));
	lz_sockets_free(s);
}

static int sockets_made(void)
{
	struct lz_err err = {0};
	struct lz_sockets *s = lz_sockets_new(&err);

	lz_sockets_free(s);
	return s ? 0 : err.code;
}

static void sockets_no_memory(void **state)
{
	(void)state;
	assert_survives_nomem(sockets_made());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(question),    cmocka_unit_test(answers),
		cmocka_unit_test(cname_chain), cmocka_unit_test(odd_answers),
		cmocka_unit_test(refused),     cmocka_unit_test(longest),
		cmocka_unit_test(cut),	       cmocka_unit_test(types),
		cmocka_unit_test(hosts),       cmocka_unit_test(learning),
		cmocka_unit_test(many),	       cmocka_unit_test(no_memory),
		cmocka_unit_test(sockets),     cmocka_unit_test(sockets_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
