/* SPDX-License-Identifier: Apache-2.0 */
/* What keys do, and the order of rows. */
#include "top_in.h"

static double worth(const struct lz_top_row *r, enum lz_top_sort sort)
{
	switch (sort) {
	case TOP_BY_CPU:
		return r->cpu;
	case TOP_BY_EXECS:
		return r->rate[TOP_EXECS];
	case TOP_BY_OPENS:
		return r->rate[TOP_OPENS];
	case TOP_BY_CONNECTS:
		return r->rate[TOP_CONNECTS];
	case TOP_BY_OUT:
		return (double)r->sent_bytes;
	case TOP_BY_ALERTS:
		return (double)r->alerts;
	case TOP_BY_NAME:
	case TOP_SORTS:
		break;
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct lz_top_row *x = *(struct lz_top_row *const *)a;
	const struct lz_top_row *y = *(struct lz_top_row *const *)b;
	int c = strcmp(x->name, y->name);

	return c ? c : strcmp(x->id, y->id);
}

static int compare(const void *a, const void *b, enum lz_top_sort sort)
{
	double x = worth(*(struct lz_top_row *const *)a, sort);
	double y = worth(*(struct lz_top_row *const *)b, sort);

	return x > y ? -1 : x < y ? 1 : by_name(a, b);
}

#define BY(sort)                                           \
	static int by_##sort(const void *a, const void *b) \
	{                                                  \
		return compare(a, b, sort);                \
	}
BY(TOP_BY_CPU)
BY(TOP_BY_EXECS)
BY(TOP_BY_OPENS)
BY(TOP_BY_CONNECTS)
BY(TOP_BY_OUT)
BY(TOP_BY_ALERTS)
#undef BY

void lz_top_sort(struct lz_top_model *m)
{
	static int (*const by[TOP_SORTS])(const void *, const void *) = {
		by_TOP_BY_CPU, by_TOP_BY_EXECS,	 by_TOP_BY_OPENS, by_TOP_BY_CONNECTS,
		by_TOP_BY_OUT, by_TOP_BY_ALERTS, by_name};

	lz_vec_sort(&m->rows, by[m->sort % TOP_SORTS]);
}

static size_t selected_at(const struct lz_top_model *m)
{
	for (size_t i = 0; i < m->rows.n; i++)
		if (!strcmp((*(struct lz_top_row **)lz_vec_at(&m->rows, i))->id, m->selected))
			return i;
	return 0;
}

struct lz_top_row *lz_top_selected(const struct lz_top_model *m)
{
	return m->rows.n ? *(struct lz_top_row **)lz_vec_at(&m->rows, selected_at(m)) : NULL;
}

static void select_at(struct lz_top_model *m, size_t i)
{
	if (i < m->rows.n)
		memcpy(m->selected, (*(struct lz_top_row **)lz_vec_at(&m->rows, i))->id, TOP_ID);
}

static void move(struct lz_top_model *m, bool down)
{
	size_t at = selected_at(m), inside = 0;

	if (m->detail) {
		const struct lz_top_row *r = lz_top_selected(m);
		LZ_VEC_EACH (struct lz_top_proc, x, &m->procs)
			inside += x->row == r;
		if (down && m->scroll + 1 < inside)
			m->scroll++;
		else if (!down && m->scroll)
			m->scroll--;
		return;
	}
	select_at(m, down ? at + 1 : at ? at - 1 : 0);
}

void lz_top_press(struct lz_top_model *m, enum lz_top_key key)
{
	switch (key) {
	case TOP_KEY_UP:
	case TOP_KEY_DOWN:
		move(m, key == TOP_KEY_DOWN);
		break;
	case TOP_KEY_ENTER:
		if (!m->detail)
			select_at(m, selected_at(m));
		m->detail = m->rows.n > 0;
		m->scroll = 0;
		break;
	case TOP_KEY_BACK:
		m->detail = false;
		break;
	case TOP_KEY_SORT:
		m->sort = (m->sort + 1) % TOP_SORTS;
		lz_top_sort(m);
		break;
	case TOP_KEY_PAUSE:
		m->paused = !m->paused;
		break;
	case TOP_KEY_QUIT:
		m->quit = true;
		break;
	case TOP_KEY_NONE:
		break;
	}
}

/* Bytes of what one key sent: letters stand for themselves, others are "ESC [ … letter". */
static size_t code_of(struct lz_span s)
{
	size_t n = 2;

	if (!lz_span_starts(s, "\033[") && !lz_span_starts(s, "\033O"))
		return 1;
	while (n < s.n && (unsigned char)s.p[n] < 0x40)
		n++;
	return n < s.n ? n + 1 : s.n;
}

enum lz_top_key lz_top_key(struct lz_span *bytes)
{
	static const struct {
		const char *sent;
		enum lz_top_key key;
	} table[] = {
		{"\033[A", TOP_KEY_UP},	   {"\033OA", TOP_KEY_UP},    {"k", TOP_KEY_UP},
		{"\033[B", TOP_KEY_DOWN},  {"\033OB", TOP_KEY_DOWN},  {"j", TOP_KEY_DOWN},
		{"\033[C", TOP_KEY_ENTER}, {"\033OC", TOP_KEY_ENTER}, {"\r", TOP_KEY_ENTER},
		{"\n", TOP_KEY_ENTER},	   {"l", TOP_KEY_ENTER},      {"\033[D", TOP_KEY_BACK},
		{"\033OD", TOP_KEY_BACK},  {"h", TOP_KEY_BACK},	      {"\177", TOP_KEY_BACK},
		{"\b", TOP_KEY_BACK},	   {"s", TOP_KEY_SORT},	      {"p", TOP_KEY_PAUSE},
		{" ", TOP_KEY_PAUSE},	   {"q", TOP_KEY_QUIT},	      {"Q", TOP_KEY_QUIT},
		{"\033", TOP_KEY_BACK},
	};

	while (bytes->n) {
		for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
			if (!lz_span_starts(*bytes, table[i].sent) ||
			    (code_of(*bytes) > strlen(table[i].sent)))
				continue;
			*bytes = lz_span_from(*bytes, strlen(table[i].sent));
			return table[i].key;
		}
		*bytes = lz_span_from(*bytes, code_of(*bytes));
	}
	return TOP_KEY_NONE;
}
