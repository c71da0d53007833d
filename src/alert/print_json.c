/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An alert as one JSON object on one line: Falco's names for what Falco has, so that what reads its
 * alerts reads ours; plain names for the rest. data/schema/alert.schema.json is the promise.
 */
#include "print.h"

#include "../base/clean.h"
#include "../base/clock.h"
#include "../format/json.h"

enum { FIELDS_MAX = 256, TAGS_MAX = 64 };
#define NS_PER_S 1000000000ULL

static void quote(struct lz_print *p, struct lz_span s)
{
	struct lz_span part = lz_print_cut(p, s);

	lz_json_quote(p->b, part);
	if (part.n < s.n && !p->b->code) { /* the mark goes inside the quotes */
		p->b->n--;
		lz_buf_str(p->b, "…\"");
	}
}

static void text(struct lz_print *p, const char *key, struct lz_span s)
{
	lz_buf_printf(p->b, ", \"%s\": ", key);
	quote(p, s);
}

static void number(struct lz_print *p, const char *key, uint64_t n)
{
	lz_buf_printf(p->b, ", \"%s\": %llu", key, (unsigned long long)n);
}

/* "2026-11-23T10:20:30.000000001Z" */
static void moment(struct lz_print *p, const char *key, uint64_t time_ns)
{
	char s[32];

	lz_time_rfc3339((int64_t)(time_ns / NS_PER_S), s, sizeof(s));
	lz_buf_printf(p->b, "\"%s\": \"%.19s.%09uZ\"", key, s, (unsigned)(time_ns % NS_PER_S));
}

/* As Falco prints it: time and priority in front. */
static void output(struct lz_print *p)
{
	LZ_CLEAN(buf) struct lz_buf line;
	struct lz_span part = lz_print_cut(p, p->a->output);

	lz_buf_init(&line, p->text_max + 256);
	lz_print_clock(&line, p->a->time_ns);
	lz_buf_printf(&line, ": %s ", lz_print_priority(p->a));
	lz_buf_span(&line, part);
	if (part.n < p->a->output.n)
		lz_buf_str(&line, "…");
	lz_buf_str(p->b, ", \"output\": ");
	lz_json_quote(p->b, lz_buf_view(&line));
	if (line.code && !p->b->code)
		p->b->code = line.code;
}

static void tags(struct lz_print *p)
{
	size_t n = p->a->tag_count < TAGS_MAX ? p->a->tag_count : TAGS_MAX;

	p->cut = p->cut || n < p->a->tag_count;
	lz_buf_str(p->b, ", \"tags\": [");
	for (size_t i = 0; i < n; i++) {
		lz_buf_str(p->b, i ? ", " : "");
		quote(p, p->a->tags[i]);
	}
	lz_buf_byte(p->b, ']');
}

static void field(struct lz_print *p, const struct lz_alert_field *f)
{
	quote(p, f->name);
	lz_buf_str(p->b, ": ");
	switch (f->kind) {
	case LZ_ALERT_TEXT:
		quote(p, f->text);
		break;
	case LZ_ALERT_NUMBER:
		lz_buf_printf(p->b, "%lld", (long long)f->num);
		break;
	case LZ_ALERT_TRUTH:
		lz_buf_str(p->b, f->num ? "true" : "false");
		break;
	case LZ_ALERT_NONE:
	default:
		lz_buf_str(p->b, "null");
		break;
	}
}

static bool named_before(const struct lz_alert *a, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (lz_span_eq(a->fields[i].name, a->fields[j].name))
			return true;
	return false;
}

static void fields(struct lz_print *p)
{
	size_t n = p->a->field_count < FIELDS_MAX ? p->a->field_count : FIELDS_MAX;
	bool any = false;

	p->cut = p->cut || n < p->a->field_count;
	lz_buf_str(p->b, ", \"output_fields\": {");
	for (size_t i = 0; i < n; i++) {
		if (named_before(p->a, i)) /* an output may name a field twice, an object may not */
			continue;
		lz_buf_str(p->b, any ? ", " : "");
		field(p, &p->a->fields[i]);
		any = true;
	}
	lz_buf_byte(p->b, '}');
}

static void lineage(struct lz_print *p)
{
	lz_buf_str(p->b, ", \"lineage\": [");
	for (size_t i = 0; i < p->a->lineage_count && i < LZ_ALERT_LINEAGE_MAX; i++) {
		const struct lz_alert_process *x = &p->a->lineage[i];
		lz_buf_printf(p->b, "%s{\"pid\": %lld", i ? ", " : "", (long long)x->pid);
		text(p, "name", x->name);
		text(p, "exe", x->exe);
		text(p, "cmdline", x->cmdline);
		lz_buf_byte(p->b, '}');
	}
	lz_buf_byte(p->b, ']');
}

static void container(struct lz_print *p)
{
	struct lz_span id = p->a->container.id;

	lz_buf_str(p->b, ", \"container\": {\"id\": ");
	quote(p, id.n ? id : LZ_SPAN("host"));
	if (id.n && !lz_span_is(id, "host")) {
		text(p, "name", p->a->container.name);
		text(p, "image", p->a->container.image);
		text(p, "digest", p->a->container.digest);
	}
	lz_buf_byte(p->b, '}');
}

static void counts(struct lz_print *p)
{
	const struct lz_alert *a = p->a;
	uint64_t count = a->count ? a->count : 1;

	number(p, "count", count);
	number(p, "total", a->total > count ? a->total : count);
	number(p, "more", a->more);
	lz_buf_str(p->b, ", ");
	moment(p, "first_time", a->first_ns ? a->first_ns : a->time_ns);
	lz_buf_str(p->b, ", ");
	moment(p, "last_time", a->last_ns ? a->last_ns : a->time_ns);
}

void lz_print_json(struct lz_print *p)
{
	const struct lz_alert *a = p->a;

	lz_buf_byte(p->b, '{');
	moment(p, "time", a->time_ns);
	text(p, "rule", a->rule);
	text(p, "priority", lz_str(lz_print_priority(a)));
	text(p, "source", a->source.n ? a->source : LZ_SPAN("syscall"));
	text(p, "hostname", a->host);
	output(p);
	if (a->respond.n)
		text(p, "respond", a->respond);
	tags(p);
	fields(p);
	counts(p);
	lineage(p);
	container(p);
	number(p, "lost", a->lost);
	text(p, "lost_kinds", a->lost_kinds);
	lz_buf_printf(p->b, ", \"known\": %s", a->known ? "true" : "false");
	text(p, "fingerprint", a->fingerprint);
	lz_buf_str(p->b, p->cut ? ", \"cut\": true}\n" : "}\n");
}
