/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An alert for people:
 *
 *	10:20:30.000000001: Warning a shell in a container (container web, image shop:1)
 *	    sshd(12) > bash(40) > nc(51); ×17 in 60 s; 37 events lost meanwhile (open)
 *
 * The message was made of what a stranger did: nothing in it may drive the terminal or begin a line
 * of its own.
 */
#include "print.h"

#include "../format/text.h"

#include <time.h>

enum { TEXT_MAX = 32 * 1024, TEXT_LEAST = 256 };
#define NS_PER_S 1000000000ULL

struct lz_span lz_print_cut(struct lz_print *p, struct lz_span s)
{
	if (s.n <= p->text_max)
		return s;
	p->cut = true;
	s.n = p->text_max;
	for (int back = 0; back < 3 && s.n && ((unsigned char)s.p[s.n] & 0xc0) == 0x80; back++)
		s.n--;
	return s;
}

void lz_print_clock(struct lz_buf *b, uint64_t time_ns)
{
	time_t s = (time_t)(time_ns / NS_PER_S);
	struct tm tm = {0};

	localtime_r(&s, &tm);
	lz_buf_printf(b, "%02d:%02d:%02d.%09u", tm.tm_hour, tm.tm_min, tm.tm_sec,
		      (unsigned)(time_ns % NS_PER_S));
}

const char *lz_print_priority(const struct lz_alert *a)
{
	return lz_priority_name(a->priority);
}

/* --- pieces ----------------------------------------------------------------------------------- */

static const char *colour(enum lz_priority p)
{
	static const char *const colours[] = {
		[LZ_PRIO_EMERGENCY] = "\033[1;31m", [LZ_PRIO_ALERT] = "\033[1;31m",
		[LZ_PRIO_CRITICAL] = "\033[1;31m",  [LZ_PRIO_ERROR] = "\033[31m",
		[LZ_PRIO_WARNING] = "\033[33m",	    [LZ_PRIO_NOTICE] = "\033[36m",
		[LZ_PRIO_INFORMATIONAL] = "",	    [LZ_PRIO_DEBUG] = "\033[2m",
	};

	return (unsigned)p < sizeof(colours) / sizeof(colours[0]) ? colours[p] : "";
}

static void show(struct lz_print *p, struct lz_span s)
{
	struct lz_span part = lz_print_cut(p, s);

	lz_text_show(p->b, part);
	if (part.n < s.n)
		lz_buf_str(p->b, "…");
}

static void show_priority(struct lz_print *p)
{
	const char *c = p->form == LZ_ALERT_COLOURED ? colour(p->a->priority) : "";

	lz_buf_printf(p->b, "%s%s%s ", c, lz_print_priority(p->a), *c ? "\033[0m" : "");
}

static bool in_message(const struct lz_print *p, struct lz_span s)
{
	return lz_span_search(p->a->output, s) >= 0;
}

/* Where it was, when the message does not say so. */
static void show_container(struct lz_print *p)
{
	struct lz_span id = p->a->container.id, name = p->a->container.name;
	struct lz_span image = p->a->container.image;
	bool say_name, say_image;

	if (!id.n || lz_span_is(id, "host"))
		return;
	if (!name.n)
		name = lz_span_head(id, 12);
	say_name = !in_message(p, name) && !in_message(p, lz_span_head(id, 12));
	say_image = image.n && !in_message(p, image);
	if (!say_name && !say_image)
		return;
	lz_buf_str(p->b, say_name ? " (container " : " (image ");
	show(p, say_name ? name : image);
	if (say_name && say_image) {
		lz_buf_str(p->b, ", image ");
		show(p, image);
	}
	lz_buf_byte(p->b, ')');
}

/* --- what is behind the message --------------------------------------------------------------- */

static void separate(struct lz_print *p, size_t from)
{
	if (p->b->n > from)
		lz_buf_str(p->b, "; ");
}

static void show_lineage(struct lz_print *p)
{
	size_t n = p->a->lineage_count < LZ_ALERT_LINEAGE_MAX ? p->a->lineage_count
							      : LZ_ALERT_LINEAGE_MAX;

	for (size_t i = n; i-- > 0;) {
		const struct lz_alert_process *x = &p->a->lineage[i];
		show(p, x->name.n ? x->name : LZ_SPAN("<NA>"));
		lz_buf_printf(p->b, "(%lld)%s", (long long)x->pid, i ? " > " : "");
	}
}

static void show_duration(struct lz_buf *b, uint64_t ns)
{
	uint64_t ms = (ns + 999999) / 1000000;

	if (ms < 1000)
		lz_buf_printf(b, "%llu ms", (unsigned long long)ms);
	else if (ms < 600 * 1000)
		lz_buf_printf(b, "%llu s", (unsigned long long)((ms + 500) / 1000));
	else
		lz_buf_printf(b, "%llu min", (unsigned long long)((ms + 30000) / 60000));
}

static void show_counts(struct lz_print *p, size_t from)
{
	const struct lz_alert *a = p->a;

	if (a->count > 1) {
		separate(p, from);
		lz_buf_printf(p->b, "×%llu in ", (unsigned long long)a->count);
		show_duration(p->b, a->last_ns > a->first_ns ? a->last_ns - a->first_ns : 0);
	}
	if (a->total > (a->count ? a->count : 1)) {
		separate(p, from);
		lz_buf_printf(p->b, "%llu in all", (unsigned long long)a->total);
	}
	if (a->more) {
		separate(p, from);
		lz_buf_printf(p->b, "and %llu more of this rule", (unsigned long long)a->more);
	}
}

static void show_rest(struct lz_print *p)
{
	size_t from = p->b->n;

	show_lineage(p);
	show_counts(p, from);
	if (p->a->known) {
		separate(p, from);
		lz_buf_str(p->b, "known for this image");
	}
	if (p->a->lost) {
		separate(p, from);
		lz_buf_printf(p->b, "%llu %s lost meanwhile", (unsigned long long)p->a->lost,
			      p->a->lost == 1 ? "event" : "events");
		if (p->a->lost_kinds.n) {
			lz_buf_str(p->b, " (");
			show(p, p->a->lost_kinds);
			lz_buf_byte(p->b, ')');
		}
	}
}

static void print_people(struct lz_print *p)
{
	bool one = p->form == LZ_ALERT_ONE_LINE;
	size_t before, begun;

	if (!one) {
		lz_print_clock(p->b, p->a->time_ns);
		lz_buf_str(p->b, ": ");
	}
	show_priority(p);
	show(p, p->a->output);
	show_container(p);
	before = p->b->n;
	lz_buf_str(p->b, one ? " [" : "\n    ");
	begun = p->b->n;
	show_rest(p);
	if (p->b->n == begun && !p->b->code)
		p->b->n = before;
	else if (one)
		lz_buf_byte(p->b, ']');
	if (p->a->detail && p->a->respond.n && !one) {
		lz_buf_str(p->b, "\n    what to do: ");
		show(p, p->a->respond);
	}
	lz_buf_byte(p->b, '\n');
}

static void weigh(size_t *sum, struct lz_span s)
{
	*sum += s.n < TEXT_MAX ? s.n : TEXT_MAX;
}

/* Bytes of an alert's texts, long ones cut. */
static size_t weight(const struct lz_alert *a)
{
	size_t sum = 0;

	weigh(&sum, a->rule);
	weigh(&sum, a->source);
	weigh(&sum, a->host);
	weigh(&sum, a->output);
	weigh(&sum, a->respond);
	weigh(&sum, a->container.id);
	weigh(&sum, a->container.name);
	weigh(&sum, a->container.image);
	weigh(&sum, a->container.digest);
	weigh(&sum, a->lost_kinds);
	for (size_t i = 0; i < a->lineage_count && i < LZ_ALERT_LINEAGE_MAX; i++) {
		weigh(&sum, a->lineage[i].name);
		weigh(&sum, a->lineage[i].exe);
		weigh(&sum, a->lineage[i].cmdline);
	}
	for (size_t i = 0; i < a->tag_count; i++)
		weigh(&sum, a->tags[i]);
	for (size_t i = 0; i < a->field_count; i++) {
		weigh(&sum, a->fields[i].name);
		weigh(&sum, a->fields[i].text);
	}
	return sum;
}

int lz_alert_print(struct lz_buf *b, const struct lz_alert *a, enum lz_alert_form form)
{
	/* One byte can take six, as \u001b does; texts are cut short only if all of them together
	 * could be too much. */
	bool heavy = weight(a) > LZ_ALERT_PRINT_MAX / 8;
	struct lz_print p = {
		.b = b, .a = a, .form = form, .text_max = heavy ? TEXT_LEAST : TEXT_MAX};
	size_t from = b->n;

	if (form == LZ_ALERT_JSON)
		lz_print_json(&p);
	else
		print_people(&p);
	if (b->code && b->p) { /* half an alert is none */
		b->n = from;
		b->p[from] = 0;
	}
	return b->code;
}
