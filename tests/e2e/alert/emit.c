/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit [OPTION...] OUTPUT... <ALERTS: hands alerts to the room as the sensor does.
 *
 * An alert is a line of JSON: {"rule": "r", "priority": 4, "output": "o", "time_ns": 1, "repeat": 3,
 * "fields": {"proc.name": "x", "proc.pid": 1}, "tags": ["a"], "lineage": [{"pid": 1, "name": "sh",
 * "exe": "/bin/sh", "cmdline": "sh"}], "container": {"id": "…", …}, "lost": 0, "lost_kinds": "",
 * "known": false}. {"sleep_ms": 100} waits, {"reopen": true} has files opened anew.
 *
 *	--json  --no-group  --window MS  --flush MS  --spool DIR  --spool-bytes N  --header FILE
 *	--ca FILE  --queue BYTES
 *
 * At the end a line for each output, on standard error: NAME sent N waiting N dropped N [last TEXT].
 */
#include "alert/alert.h"
#include "base/clean.h"
#include "base/clock.h"
#include "base/limits.h"
#include "format/json.h"

#include <getopt.h>
#include <signal.h>
#include <time.h>

enum { TAGS = 16, FIELDS = 64 };

struct emit {
	struct lz_outputs *outputs;
	struct lz_groups *groups; /* NULL: each hit goes out by itself */
};

static void on_alert(void *arg, const struct lz_alert *a)
{
	lz_outputs_send(arg, a);
}

static size_t read_fields(const json_t *from, struct lz_alert_field fields[FIELDS])
{
	const char *key;
	json_t *v;
	size_t n = 0;

	json_object_foreach((json_t *)(uintptr_t)from, key, v)
	{
		if (n == FIELDS)
			break;
		fields[n++] = (struct lz_alert_field){
			.name = lz_str(key),
			.kind = json_is_string(v)    ? LZ_ALERT_TEXT
				: json_is_integer(v) ? LZ_ALERT_NUMBER
				: json_is_boolean(v) ? LZ_ALERT_TRUTH
						     : LZ_ALERT_NONE,
			.text = lz_json_text(v),
			.num = json_is_true(v) ? 1 : json_integer_value(v),
		};
	}
	return n;
}

static void read_lineage(const json_t *from, struct lz_alert *a)
{
	for (size_t i = 0; i < json_array_size(from) && i < LZ_ALERT_LINEAGE_MAX; i++) {
		const json_t *p = json_array_get(from, i);
		a->lineage[a->lineage_count++] = (struct lz_alert_process){
			.pid = lz_json_int(p, "pid", 0),
			.name = lz_json_str(p, "name"),
			.exe = lz_json_str(p, "exe"),
			.cmdline = lz_json_str(p, "cmdline"),
		};
	}
}

static void emit_one(struct emit *e, const json_t *j)
{
	struct lz_alert_field fields[FIELDS];
	struct lz_span tags[TAGS];
	const json_t *t = json_object_get(j, "tags"), *c = json_object_get(j, "container");
	struct lz_alert a = {.rule = lz_json_str(j, "rule"),
			     .source = lz_json_str(j, "source"),
			     .priority = (enum lz_priority)(lz_json_int(j, "priority", 4) & 7),
			     .host = LZ_SPAN("testhost"),
			     .output = lz_json_str(j, "output"),
			     .time_ns = (uint64_t)lz_json_int(j, "time_ns", 0),
			     .lost = (uint64_t)lz_json_int(j, "lost", 0),
			     .lost_kinds = lz_json_str(j, "lost_kinds"),
			     .known = json_is_true(json_object_get(j, "known")),
			     .container = {lz_json_str(c, "id"), lz_json_str(c, "name"),
					   lz_json_str(c, "image"), lz_json_str(c, "digest")}};

	for (; a.tag_count < json_array_size(t) && a.tag_count < TAGS; a.tag_count++)
		tags[a.tag_count] = lz_json_text(json_array_get(t, a.tag_count));
	a.tags = tags;
	a.field_count = read_fields(json_object_get(j, "fields"), fields);
	a.fields = fields;
	read_lineage(json_object_get(j, "lineage"), &a);
	for (int64_t i = lz_json_int(j, "repeat", 1); i > 0; i--, a.time_ns++) {
		if (e->groups)
			lz_groups_add(e->groups, &a, lz_now_ms());
		else
			lz_outputs_send(e->outputs, &a);
	}
}

static void wait_ms(struct emit *e, uint64_t ms)
{
	uint64_t until = lz_now_ms() + ms;

	while (lz_now_ms() < until) {
		if (e->groups)
			lz_groups_tick(e->groups, lz_now_ms());
		usleep(1000);
	}
}

static int emit_all(struct emit *e)
{
	struct lz_limits limits;
	struct lz_err err;
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	int code = 0;

	lz_limits_default(&limits);
	while (!code && lz_outputs_alive(e->outputs) && (n = getline(&line, &size, stdin)) > 0) {
		json_t *j = lz_json_load(lz_span(line, (size_t)n), &limits, "alert", &err);
		if (!j) {
			fprintf(stderr, "emit: %s\n", err.text);
			code = 1;
		} else if (json_object_get(j, "sleep_ms")) {
			wait_ms(e, (uint64_t)lz_json_int(j, "sleep_ms", 0));
		} else if (json_object_get(j, "reopen")) {
			lz_outputs_reopen(e->outputs);
		} else {
			emit_one(e, j);
		}
		json_decref(j);
	}
	free(line);
	return code;
}

static void tell(struct lz_outputs *outputs)
{
	for (size_t i = 0; i < lz_outputs_count(outputs); i++) {
		struct lz_output_stats s;
		lz_outputs_stats(outputs, i, &s);
		fprintf(stderr, "%s sent %llu waiting %llu dropped %llu notices %llu%s%s%s\n",
			s.name, (unsigned long long)s.sent, (unsigned long long)s.waiting,
			(unsigned long long)s.dropped, (unsigned long long)s.notices,
			s.ended ? " ended" : "", s.last.code ? " last " : "",
			s.last.code ? s.last.text : "");
	}
}

struct flags {
	struct lz_outputs_options outputs;
	struct lz_group_options groups;
	bool no_group;
	uint64_t flush_ms;
};

static bool read_flags(int argc, char **argv, struct flags *f)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"no-group", no_argument, NULL, 'n'},
		{"window", required_argument, NULL, 'w'},
		{"flush", required_argument, NULL, 'f'},
		{"spool", required_argument, NULL, 's'},
		{"spool-bytes", required_argument, NULL, 'S'},
		{"header", required_argument, NULL, 'h'},
		{"ca", required_argument, NULL, 'c'},
		{"queue", required_argument, NULL, 'q'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		uint64_t n = optarg ? strtoull(optarg, NULL, 10) : 0;
		switch (c) {
		case 'j':
			f->outputs.json = true;
			break;
		case 'n':
			f->no_group = true;
			break;
		case 'w':
			f->groups.window_ms = n;
			break;
		case 'f':
			f->flush_ms = n;
			break;
		case 's':
			f->outputs.spool_dir = optarg;
			break;
		case 'S':
			f->outputs.spool_bytes = n;
			break;
		case 'h':
			f->outputs.header_file = optarg;
			break;
		case 'c':
			f->outputs.ca_file = optarg;
			break;
		case 'q':
			f->outputs.queue_bytes = n;
			break;
		default:
			return false;
		}
	}
	return optind < argc;
}

int main(int argc, char **argv)
{
	struct flags f = {.flush_ms = 5000};
	struct emit e = {0};
	struct lz_err err = {0};
	int code = 0;

	signal(SIGPIPE, SIG_IGN);
	if (!read_flags(argc, argv, &f))
		return 2;
	e.outputs = lz_outputs_new(&f.outputs, &err);
	if (e.outputs && !f.no_group)
		e.groups = lz_groups_new(&f.groups, on_alert, e.outputs, &err);
	code = err.code;
	for (int i = optind; i < argc && !code; i++)
		code = lz_outputs_add(e.outputs, argv[i], &err);
	if (code) {
		fprintf(stderr, "emit: %s\n", err.text);
		lz_groups_free(e.groups);
		lz_outputs_free(e.outputs);
		return code == LZ_E_USAGE ? 2 : 3;
	}
	code = emit_all(&e);
	if (e.groups)
		lz_groups_flush(e.groups, lz_now_ms());
	lz_outputs_flush(e.outputs, f.flush_ms);
	tell(e.outputs);
	lz_groups_free(e.groups);
	lz_outputs_free(e.outputs);
	return code;
}
