/* SPDX-License-Identifier: Apache-2.0 */
/* The screen of `lazaret top`: what fits, what keys do, what strangers' names can't. */
#include "watch/top.h"
#include "watch/top_in.h"

#include "test.h"

#include "base/clean.h"
#include "format/text.h"

static struct lz_top_row rows[30];
static struct lz_top_model m;

static void begin(size_t n)
{
	memset(rows, 0, sizeof(rows));
	memset(&m, 0, sizeof(m));
	lz_vec_init(&m.rows, sizeof(struct lz_top_row *), TOP_ROWS_MAX);
	lz_vec_init(&m.procs, sizeof(struct lz_top_proc), TOP_PROCS_MAX);
	for (size_t i = 0; i < n; i++) {
		struct lz_top_row **at = lz_vec_push(&m.rows);
		*at = &rows[i];
		snprintf(rows[i].id, sizeof(rows[i].id), "id%02zu", i);
		snprintf(rows[i].name, sizeof(rows[i].name), "name%02zu", i);
		snprintf(rows[i].image, sizeof(rows[i].image), "image%02zu", i);
		rows[i].cpu = (double)i;
		rows[i].processes = i;
		rows[i].rate[TOP_EXECS] = (double)(n - i);
		rows[i].sent_bytes = 1234567 * i;
	}
	lz_top_sort(&m);
}

static void end(void)
{
	lz_vec_done(&m.rows);
	lz_vec_done(&m.procs);
}

static char screen[65536];

/* Without the codes that we put in ourselves; any other control byte is an error. */
static const char *drawn(unsigned columns, unsigned lines)
{
	static const char *const codes[] = {"\033[H",  "\033[K",  "\033[0m",
					    "\033[1m", "\033[7m", "\033[2m"};
	LZ_CLEAN(buf) struct lz_buf b;
	unsigned line = 1;
	size_t to = 0;
	struct lz_span rest, text;

	lz_buf_init(&b, sizeof(screen) - 1);
	lz_top_draw(&m, columns, lines, true, &b);
	assert_int_equal(b.code, 0);
	for (size_t i = 0; i < b.n; i++) {
		for (size_t c = 0; b.p[i] == '\033' && c < 6; c++)
			if (i + strlen(codes[c]) <= b.n &&
			    !memcmp(b.p + i, codes[c], strlen(codes[c]))) {
				i += strlen(codes[c]);
				c = (size_t)-1;
			}
		if (i == b.n)
			break;
		if (b.p[i] == '\r')
			continue;
		assert_true((unsigned char)b.p[i] >= 0x20 || b.p[i] == '\n');
		line += b.p[i] == '\n';
		screen[to++] = b.p[i];
	}
	screen[to] = 0;
	assert_int_equal(line, lines);
	rest = lz_span(screen, to);
	while (lz_span_line(&rest, &text))
		if (lz_text_width(text) > columns)
			fail_msg("%zu columns: %.*s", lz_text_width(text), LZ_FMT(text));
	return screen;
}

static void overview(void **state)
{
	char row[200];

	(void)state;
	begin(3);
	drawn(80, 24);
	assert_non_null(strstr(screen,
			       " CONTAINER               PROC   CPU% EXEC/s OPEN/s CONN/s     "
			       "OUT      IN ALERTS\n"));
	snprintf(row, sizeof(row), "\n>%-22s %5d %6s %6s %6s %6s %7s %7s %6s\n", "name02", 2, "2.0",
		 "1.0", "0", "0", "2.5M", "0", "0");
	assert_non_null(strstr(screen, row));
	assert_non_null(strstr(screen, "\n name01 "));
	assert_null(strstr(screen, "image01"));
	drawn(132, 24);
	assert_non_null(strstr(screen, "image01"));
	end();
}

static void sizes(void **state)
{
	(void)state;
	begin(30);
	for (unsigned columns = 1; columns < 200; columns += 7)
		for (unsigned lines = 1; lines < 50; lines += 3) {
			m.detail = columns & 1;
			drawn(columns, lines);
		}
	end();
}

static void scrolled(void **state)
{
	(void)state;
	begin(30);
	for (int i = 0; i < 40; i++) {
		lz_top_press(&m, TOP_KEY_DOWN);
		drawn(80, 10);
		assert_non_null(strstr(screen, "\n>name"));
	}
	assert_non_null(strstr(screen, "\n>name00"));
	for (int i = 0; i < 40; i++)
		lz_top_press(&m, TOP_KEY_UP);
	drawn(80, 10);
	assert_non_null(strstr(screen, "\n>name29"));
	end();
}

static void orders(void **state)
{
	(void)state;
	begin(5);
	assert_string_equal(lz_top_selected(&m)->id, "id04");
	lz_top_press(&m, TOP_KEY_DOWN);
	assert_string_equal(lz_top_selected(&m)->id, "id03");
	lz_top_press(&m, TOP_KEY_SORT);
	assert_non_null(strstr(drawn(80, 24), "sorted by programs"));
	assert_string_equal((*(struct lz_top_row **)m.rows.p)->id, "id00");
	assert_string_equal(lz_top_selected(&m)->id, "id03"); /* the mark stays */
	for (int i = 1; i < TOP_SORTS; i++)
		lz_top_press(&m, TOP_KEY_SORT);
	assert_non_null(strstr(drawn(80, 24), "sorted by CPU"));
	end();
}

static void inside(void **state)
{
	struct lz_top_proc *p;

	(void)state;
	begin(2);
	for (unsigned i = 0; i < 40; i++) {
		p = lz_vec_push(&m.procs);
		p->pid = 100 + i;
		p->row = &rows[i & 1];
		snprintf(p->text, sizeof(p->text), "process%u", i);
	}
	m.flow[0] = (struct lz_top_flow){.id = "id01",
					 .text = "-> 10.0.0.5 port 443",
					 .sent_bytes = 12345,
					 .time_ns = 1,
					 .ended = true};
	m.flow[1] = (struct lz_top_flow){.id = "id00", .text = "-> other", .time_ns = 1};
	m.flow_next = 2;
	m.alert[0] = (struct lz_top_alert){
		.id = "id01", .text = "a shell", .priority = LZ_PRIO_WARNING, .time_ns = 1};
	m.alert_next = 1;
	lz_top_press(&m, TOP_KEY_ENTER);
	drawn(80, 24);
	assert_non_null(strstr(screen, "name01  image image01"));
	assert_non_null(strstr(screen, "    101    0.0 process1\n"));
	assert_null(strstr(screen, "process0\n"));
	assert_non_null(strstr(screen, "  12.3k       0 -> 10.0.0.5 port 443\n"));
	assert_null(strstr(screen, "-> other"));
	assert_non_null(strstr(screen, "Warning a shell"));
	lz_top_press(&m, TOP_KEY_DOWN);
	assert_null(strstr(drawn(80, 24), "process1\n"));
	lz_top_press(&m, TOP_KEY_BACK);
	assert_non_null(strstr(drawn(80, 24), "CONTAINER"));
	end();
}

static void strangers(void **state)
{
	static const char *const names[] = {"\033[2Jx",
					    "a\nb",
					    ("\xe2\x80\xae"
					     "evil"),
					    "\xff\xfe",
					    "\xc2\x9bm",
					    "日本語日本語日本語日本語日本語日本語",
					    "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81"};
	struct lz_top_proc *p;

	(void)state;
	begin(sizeof(names) / sizeof(names[0]));
	for (size_t i = 0; i < m.rows.n; i++) {
		snprintf(rows[i].name, TOP_NAME, "%s", names[i]);
		snprintf(rows[i].image, TOP_NAME, "%s", names[i]);
		p = lz_vec_push(&m.procs);
		p->row = &rows[i];
		snprintf(p->text, sizeof(p->text), "%s", names[i]);
		snprintf(m.alert[i].text, TOP_TEXT, "%s", names[i]);
		snprintf(m.alert[i].id, TOP_ID, "%s", rows[i].id);
		m.alert[i].time_ns = 1;
	}
	m.alert_next = m.rows.n;
	for (unsigned columns = 10; columns < 140; columns += 13) {
		m.detail = false;
		drawn(columns, 24);
		m.detail = true;
		for (size_t i = 0; i < m.rows.n; i++) {
			memcpy(m.selected, rows[i].id, TOP_ID);
			drawn(columns, 24);
		}
	}
	end();
}

static void keys(void **state)
{
	struct lz_span typed = LZ_SPAN("\033[A\033OBx\rq\033[D\033[5~sp\033");
	static const enum lz_top_key wanted[] = {TOP_KEY_UP, TOP_KEY_DOWN, TOP_KEY_ENTER,
						 TOP_KEY_QUIT, TOP_KEY_BACK};

	(void)state;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		assert_int_equal(lz_top_key(&typed), wanted[i]);
	assert_int_equal(lz_top_key(&typed), TOP_KEY_SORT); /* a key that we have no use for */
	assert_int_equal(lz_top_key(&typed), TOP_KEY_PAUSE);
	assert_int_equal(lz_top_key(&typed), TOP_KEY_BACK);
	assert_int_equal(lz_top_key(&typed), TOP_KEY_NONE);
}

static void nothing(void **state)
{
	(void)state;
	begin(0);
	drawn(80, 24);
	for (enum lz_top_key k = TOP_KEY_NONE; k <= TOP_KEY_QUIT; k++)
		lz_top_press(&m, k);
	assert_true(m.quit);
	assert_null(lz_top_selected(&m));
	drawn(80, 24);
	end();
}

static void plain(void **state)
{
	LZ_CLEAN(buf) struct lz_buf b;

	(void)state;
	begin(2);
	lz_buf_init(&b, 65536);
	lz_top_table(&m, &b);
	assert_non_null(strstr(
		b.p, "\nname01                   image01                  id01             1"));
	assert_null(strchr(b.p, '\033'));
	end();
}

static int made_and_gone(void)
{
	const struct lz_top_options o = {.interval_s = 1};
	struct lz_err err = {0};
	struct lz_top *t = lz_top_new(&o, NULL, &err);

	lz_top_free(t);
	return t ? 0 : err.code;
}

static void no_memory(void **state)
{
	(void)state;
	assert_survives_nomem(made_and_gone());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overview),  cmocka_unit_test(sizes),	cmocka_unit_test(scrolled),
		cmocka_unit_test(orders),    cmocka_unit_test(inside),	cmocka_unit_test(strangers),
		cmocka_unit_test(keys),	     cmocka_unit_test(nothing), cmocka_unit_test(plain),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
