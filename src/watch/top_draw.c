/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model as text. Names come from strangers: nothing of them may drive the terminal or be wider
 * than its cell.
 */
#include "top_in.h"

#include "../base/clean.h"
#include "../base/clock.h"
#include "../format/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#define BOLD	"\033[1m"
#define REVERSE "\033[7m"
#define DIM	"\033[2m"
#define PLAIN	"\033[0m"
#define CLEAR	"\033[K"

enum { FIGURES = 57, NAME_LEAST = 12, LINE_MAX = 1024, CELL_MAX = 4 * LINE_MAX };

/* --- cells ------------------------------------------------------------------------------------ */

static size_t character(struct lz_span s)
{
	unsigned char c = s.n ? (unsigned char)s.p[0] : 0;
	size_t n = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;

	return n < s.n ? n : s.n;
}

/* Text in so many columns: cut with "…", padded when asked. */
static void cell(struct lz_buf *out, struct lz_span text, size_t width, bool pad)
{
	LZ_CLEAN(buf) struct lz_buf shown;
	struct lz_span s;
	size_t used = 0, total;

	lz_buf_init(&shown, 8 * CELL_MAX);
	lz_text_show(&shown, lz_span_head(text, CELL_MAX));
	s = lz_buf_view(&shown);
	total = lz_text_width(s);
	while (s.n) {
		size_t n = character(s), w = lz_text_width(lz_span_head(s, n));
		if (used + w > (total > width && width ? width - 1 : width))
			break;
		lz_buf_add(out, s.p, n);
		used += w;
		s = lz_span_from(s, n);
	}
	if (total > width && width && used < width) {
		lz_buf_str(out, "…");
		used++;
	}
	for (; pad && used < width; used++)
		lz_buf_byte(out, ' ');
}

/* At most five columns: 999, 12.3k, 123M. */
static void amount(double v, char ret[16])
{
	static const char units[] = " kMGTPE";
	int u = 0;

	while (v >= 999.5 && u < 6) {
		v /= 1000;
		u++;
	}
	if (!u)
		snprintf(ret, 16, v > 0 && v < 9.95 ? "%.1f" : "%.0f", v);
	else
		snprintf(ret, 16, v < 99.95 ? "%.1f%c" : "%.0f%c", v, units[u]);
}

static void number(struct lz_buf *out, double v, int width)
{
	char text[16];

	amount(v, text);
	lz_buf_printf(out, " %*s", width, text);
}

static void figures(struct lz_buf *out, const struct lz_top_row *r)
{
	lz_buf_printf(out, " %5zu %6.1f", r->processes, r->cpu);
	for (int i = 0; i < TOP_COUNTS; i++)
		number(out, r->rate[i], 6);
	number(out, (double)r->sent_bytes, 7);
	number(out, (double)r->received_bytes, 7);
	lz_buf_printf(out, " %6" PRIu64, r->alerts);
}

static const char heads[] = "  PROC   CPU% EXEC/s OPEN/s CONN/s     OUT      IN ALERTS";

/* --- lines ------------------------------------------------------------------------------------ */

struct page {
	struct lz_buf *out;
	unsigned columns, lines, at;
	bool colour;
};

/* One line, already cut to the width. */
static void put(struct page *p, struct lz_span line, const char *before)
{
	if (p->at >= p->lines)
		return;
	if (p->at++)
		lz_buf_str(p->out, "\r\n");
	lz_buf_str(p->out, CLEAR); /* first: behind a full line it would take its last column */
	if (p->colour && before)
		lz_buf_str(p->out, before);
	lz_buf_span(p->out, line);
	if (p->colour && before)
		lz_buf_str(p->out, PLAIN);
}

static void text_line(struct page *p, struct lz_span text, const char *before)
{
	LZ_CLEAN(buf) struct lz_buf b;

	lz_buf_init(&b, 8 * LINE_MAX);
	cell(&b, text, p->columns, false);
	put(p, lz_buf_view(&b), before);
}

static void __attribute__((format(printf, 3, 4)))
line(struct page *p, const char *before, const char *fmt, ...)
{
	char text[TOP_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text_line(p, lz_str(text), before);
}

static const char *const sort_names[TOP_SORTS] = {
	[TOP_BY_CPU] = "CPU",	    [TOP_BY_EXECS] = "programs",
	[TOP_BY_OPENS] = "files",   [TOP_BY_CONNECTS] = "connections",
	[TOP_BY_OUT] = "bytes out", [TOP_BY_ALERTS] = "alerts",
	[TOP_BY_NAME] = "name",
};

static void clock_of(int64_t s, char ret[16])
{
	time_t t = (time_t)s;
	struct tm tm = {0};

	localtime_r(&t, &tm);
	snprintf(ret, 16, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void summary(struct page *p, const struct lz_top_model *m)
{
	size_t processes = 0, containers = 0;
	char now[16], events[16], lost[40] = "";

	LZ_VEC_EACH (struct lz_top_row *, r, &m->rows) {
		processes += (*r)->processes;
		containers += strcmp((*r)->id, "host") != 0;
	}
	clock_of(m->now_s, now);
	amount(m->events, events);
	if (m->lost)
		snprintf(lost, sizeof(lost), ", %" PRIu64 " lost", m->lost);
	line(p, BOLD, "lazaret top %s  %zu container%s, %zu processes, %s events/s%s%s", now,
	     containers, containers == 1 ? "" : "s", processes, events, lost,
	     m->paused ? "  [paused]" : "");
}

static void key_help(struct page *p, const char *text)
{
	if (!p->lines)
		return;
	while (p->at + 1 < p->lines)
		put(p, LZ_SPAN(""), NULL);
	text_line(p, lz_str(text), DIM);
}

/* --- all containers --------------------------------------------------------------------------- */

static void row_line(struct page *p, const struct lz_top_row *r, bool selected, size_t name,
		     size_t image)
{
	LZ_CLEAN(buf) struct lz_buf b, whole;

	lz_buf_init(&b, 8 * LINE_MAX);
	lz_buf_init(&whole, 8 * LINE_MAX);
	lz_buf_str(&b, selected ? ">" : " ");
	cell(&b, lz_str(r->name[0] ? r->name : r->id), name, true);
	if (image) {
		lz_buf_byte(&b, ' ');
		cell(&b, lz_str(r->image), image, true);
	}
	figures(&b, r);
	cell(&whole, lz_buf_view(&b), p->columns, false);
	put(p, lz_buf_view(&whole), selected ? REVERSE : NULL);
}

/* The first row to show, so that the selected one is on the page. */
static size_t first_row(const struct lz_top_model *m, size_t room)
{
	const struct lz_top_row *s = lz_top_selected(m);
	size_t i = 0;

	LZ_VEC_EACH (struct lz_top_row *, r, &m->rows) {
		if (*r == s)
			break;
		i++;
	}
	return i < m->rows.n && i >= room && room ? i - room + 1 : 0;
}

static void draw_rows(const struct lz_top_model *m, struct page *p)
{
	size_t room = p->columns > FIGURES + NAME_LEAST ? p->columns - FIGURES - 1 : NAME_LEAST;
	size_t image = room > 40 ? room / 2 : 0, name = image ? room - image - 1 : room;
	LZ_CLEAN(buf) struct lz_buf b;

	summary(p, m);
	line(p, NULL, "sorted by %s", sort_names[m->sort]);
	lz_buf_init(&b, LINE_MAX);
	lz_buf_printf(&b, " %-*s", (int)(name < 200 ? name : 200), "CONTAINER");
	if (image)
		lz_buf_printf(&b, " %-*s", (int)(image < 200 ? image : 200), "IMAGE");
	lz_buf_str(&b, heads);
	text_line(p, lz_buf_view(&b), BOLD);
	for (size_t i = first_row(m, p->lines > 4 ? p->lines - 4 : 0);
	     i < m->rows.n && p->at + 1 < p->lines; i++) {
		const struct lz_top_row *r = *(struct lz_top_row **)lz_vec_at(&m->rows, i);
		row_line(p, r, r == lz_top_selected(m), name, image);
	}
	key_help(p, "q quit  s sort  up/down select  enter look inside  p pause");
}

/* --- one container ---------------------------------------------------------------------------- */

static void draw_procs(const struct lz_top_model *m, const struct lz_top_row *r, struct page *p,
		       size_t room)
{
	size_t skip = m->scroll, shown = 0;

	line(p, BOLD, "    PID   CPU%% COMMAND");
	LZ_VEC_EACH (struct lz_top_proc, x, &m->procs) {
		char text[TOP_TEXT + 32];
		if (x->row != r)
			continue;
		if (skip) {
			skip--;
			continue;
		}
		if (shown++ == room)
			break;
		snprintf(text, sizeof(text), "%7u %6.1f %s", x->pid, x->cpu, x->text);
		text_line(p, lz_str(text), NULL);
	}
	for (; shown < room; shown++)
		put(p, LZ_SPAN(""), NULL);
}

static void draw_flows(const struct lz_top_model *m, const struct lz_top_row *r, struct page *p,
		       size_t room)
{
	size_t shown = 0;

	line(p, BOLD, "TIME         OUT      IN CONNECTION");
	for (size_t i = 0; i < TOP_FLOWS && shown < room; i++) {
		const struct lz_top_flow *f =
			&m->flow[(m->flow_next + 2 * TOP_FLOWS - 1 - i) % TOP_FLOWS];
		char when[16], out[16], in[16], text[TOP_TEXT + 64];
		if (!f->time_ns || strcmp(f->id, r->id))
			continue;
		clock_of((int64_t)(f->time_ns / 1000000000), when);
		amount((double)f->sent_bytes, out);
		amount((double)f->received_bytes, in);
		snprintf(text, sizeof(text), "%s %7s %7s %s%s", when, f->ended ? out : "",
			 f->ended ? in : "", f->text, f->ended ? "" : " (open)");
		text_line(p, lz_str(text), NULL);
		shown++;
	}
	for (; shown < room; shown++)
		put(p, LZ_SPAN(""), NULL);
}

static void draw_alerts(const struct lz_top_model *m, const struct lz_top_row *r, struct page *p,
			size_t room)
{
	size_t shown = 0;

	line(p, BOLD, "TIME     LAST ALERTS");
	for (size_t i = 0; i < TOP_ALERTS && shown < room; i++) {
		const struct lz_top_alert *a =
			&m->alert[(m->alert_next + 2 * TOP_ALERTS - 1 - i) % TOP_ALERTS];
		char when[16], text[TOP_TEXT + 64];
		if (!a->time_ns || strcmp(a->id, r->id))
			continue;
		clock_of((int64_t)(a->time_ns / 1000000000), when);
		snprintf(text, sizeof(text), "%s %s %s", when, lz_priority_name(a->priority),
			 a->text);
		text_line(p, lz_str(text), NULL);
		shown++;
	}
}

static void draw_detail(const struct lz_top_model *m, const struct lz_top_row *r, struct page *p)
{
	size_t room = p->lines > 7 ? p->lines - 7 : 0, third = room / 3;
	LZ_CLEAN(buf) struct lz_buf b;

	summary(p, m);
	lz_buf_init(&b, LINE_MAX);
	lz_buf_printf(&b, "%s", r->name[0] ? r->name : r->id);
	if (r->image[0])
		lz_buf_printf(&b, "  image %s", r->image);
	if (r->name[0] && strcmp(r->id, "host"))
		lz_buf_printf(&b, "  id %s", r->id);
	text_line(p, lz_buf_view(&b), BOLD);
	line(p, NULL,
	     "%zu processes, CPU %.1f %%, %.1f programs/s, %.1f files/s, %.1f connections/s",
	     r->processes, r->cpu, r->rate[TOP_EXECS], r->rate[TOP_OPENS], r->rate[TOP_CONNECTS]);
	draw_procs(m, r, p, room - 2 * third);
	draw_flows(m, r, p, third);
	draw_alerts(m, r, p, third);
	key_help(p, "q quit  left back  up/down scroll processes  p pause");
}

void lz_top_draw(const struct lz_top_model *m, unsigned columns, unsigned lines, bool colour,
		 struct lz_buf *out)
{
	struct page p = {out, columns < LINE_MAX ? columns : LINE_MAX, lines, 0, colour};
	const struct lz_top_row *r = m->detail ? lz_top_selected(m) : NULL;

	lz_buf_str(out, "\033[H");
	if (r)
		draw_detail(m, r, &p);
	else
		draw_rows(m, &p);
}

void lz_top_table(const struct lz_top_model *m, struct lz_buf *out)
{
	lz_buf_printf(out, "%-24s %-24s %-12s%s\n", "CONTAINER", "IMAGE", "ID", heads);
	LZ_VEC_EACH (struct lz_top_row *, r, &m->rows) {
		cell(out, lz_str((*r)->name[0] ? (*r)->name : (*r)->id), 24, true);
		lz_buf_byte(out, ' ');
		cell(out, lz_str((*r)->image[0] ? (*r)->image : "-"), 24, true);
		lz_buf_byte(out, ' ');
		cell(out, lz_str((*r)->id), 12, true);
		figures(out, *r);
		lz_buf_byte(out, '\n');
	}
	if (m->lost)
		lz_buf_printf(out, "%" PRIu64 " events lost\n", m->lost);
}
