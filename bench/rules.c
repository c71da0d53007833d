/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules SECONDS FILE…: events against rule files, on one core, the way a sensor asks: fields lie
 * ready, and nothing is printed. The mix is that of a busy host: mostly files opened, some programs
 * started, connections, the rest. Prints "name value" lines; `possible_per_second` is how often it
 * can be asked whether an event could meet a rule of which all but the process is known.
 */
#include "base/buf.h"
#include "base/limits.h"
#include "rules/rules.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EVENTS = 256, FIELDS = 400, SLOTS = 64 };

struct ready { /* an event whose fields lie in a row, as a sensor has them */
	struct lz_watch_event e;
	int kind;
	struct lz_datum data[SLOTS];
	bool there[SLOTS];
};

static struct ready events[EVENTS];
static unsigned char slot_of[FIELDS]; /* 0: a field that no event here has */
static unsigned char slots = 1;
static unsigned long asked;

static size_t get(struct lz_watch_event *e, const struct lz_field *f, struct lz_span arg,
		  const struct lz_datum **ret)
{
	struct ready *r = (struct ready *)(void *)e;
	size_t i = slot_of[f - lz_fields];

	asked++;
	(void)arg;
	*ret = &r->data[i];
	return r->there[i];
}

static size_t slot(const char *field)
{
	struct lz_span arg;
	unsigned char *s = &slot_of[lz_field_find(lz_str(field), &arg) - lz_fields];

	if (!*s)
		*s = slots++;
	return *s;
}

static void text(struct ready *r, const char *field, const char *value)
{
	size_t i = slot(field);

	r->data[i].text = lz_str(value);
	r->there[i] = true;
}

static void number(struct ready *r, const char *field, int64_t value)
{
	size_t i = slot(field);

	r->data[i].num = value;
	r->data[i].has_num = true;
	r->there[i] = true;
}

static const char *const programs[] = {"nginx", "python3", "bash", "postgres",
				       "node",	"cc1",	   "sh",   "java"};
static const char *const files[] = {"/usr/lib/x86_64-linux-gnu/libc.so.6",
				    "/etc/ld.so.cache",
				    "/proc/self/status",
				    "/var/lib/app/data/0001.log",
				    "/usr/share/zoneinfo/UTC",
				    "/tmp/build/obj/main.o",
				    "/etc/hosts",
				    "/srv/www/index.html"};
static const char *const kinds[] = {"openat",  "openat", "openat",   "openat", "openat",
				    "connect", "execve", "unlinkat", "sendto", "accept4"};

static void process(struct ready *r, unsigned i)
{
	const char *name = programs[i % 8];

	text(r, "proc.name", name);
	text(r, "proc.exepath", "/usr/bin/program");
	text(r, "proc.exe", name);
	text(r, "proc.pname", programs[(i + 3) % 8]);
	text(r, "proc.aname", "systemd");
	text(r, "proc.cmdline", "program --listen 0.0.0.0:8080 --workers 4");
	text(r, "proc.args", "--listen 0.0.0.0:8080 --workers 4");
	text(r, "proc.pcmdline", "systemd --system");
	text(r, "user.name", "www-data");
	text(r, "proc.cwd", "/srv");
	number(r, "user.uid", 33);
	number(r, "user.loginuid", -1);
	number(r, "proc.tty", 0);
	number(r, "proc.vpid", 7);
	number(r, "proc.duration", 1000000000);
	number(r, "proc.is_exe_upper_layer", 0);
	number(r, "proc.is_exe_from_memfd", 0);
	text(r, "container.id", i % 3 ? "0123456789ab" : "host");
	text(r, "container.image.repository", "acme/web");
	number(r, "container.privileged", 0);
	text(r, "thread.cap_permitted", "CAP_CHOWN CAP_KILL");
	text(r, "thread.cap_effective", "CAP_CHOWN CAP_KILL");
}

static void make(struct ready *r, unsigned i)
{
	const char *kind = kinds[i % 10], *file = files[(i / 3) % 8];
	const char *slash = strrchr(file, '/');

	r->e.get = get;
	r->kind = lz_event_kind(lz_str(kind));
	text(r, "evt.type", kind);
	text(r, "evt.res", "SUCCESS");
	number(r, "evt.rawres", 3);
	number(r, "evt.num", i + 1);
	process(r, i);
	if (kind[0] == 'c' || kind[0] == 's' || kind[0] == 'a') {
		text(r, "fd.typechar", "4");
		text(r, "fd.type", "ipv4");
		text(r, "fd.name", "10.0.0.5:40000->10.0.0.9:5432");
		text(r, "fd.l4proto", "tcp");
		number(r, "fd.sport", 5432);
		number(r, "fd.port", 5432);
		number(r, "fd.num", 5);
		return;
	}
	number(r, "fd.num", 3);
	text(r, "fd.typechar", "f");
	text(r, "fd.type", "file");
	text(r, "fd.name", file);
	text(r, "fd.nameraw", file);
	text(r, "fd.filename", slash + 1);
	text(r, "fd.directory", "/usr/lib/x86_64-linux-gnu");
	number(r, "evt.is_open_read", i % 4 != 0);
	number(r, "evt.is_open_write", i % 4 == 0);
	text(r, "evt.arg", file);
}

static void on_hit(void *arg, const struct lz_rule *rule)
{
	(void)rule;
	++*(unsigned long *)arg;
}

static int add(struct lz_rules *r, const char *path, struct lz_err *err)
{
	FILE *f = fopen(path, "rb");
	struct lz_buf b;
	int code;

	if (!f)
		return lz_fail_errno(err, "%s", path);
	lz_buf_init(&b, 16 * LZ_M);
	while (!lz_buf_reserve(&b, 65536)) {
		size_t n = fread(b.p + b.n, 1, 65536, f);
		b.n += n;
		if (!n)
			break;
	}
	fclose(f);
	code = lz_rules_add(r, lz_str(path), lz_buf_view(&b), err);
	lz_buf_done(&b);
	return code;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double run(struct lz_matcher *m, double seconds, unsigned long *ret_events,
		  unsigned long *hits)
{
	double start = now(), end;

	do {
		for (unsigned i = 0; i < EVENTS; i++)
			lz_match_event(m, &events[i].e, events[i].kind, 0, on_hit, hits);
		*ret_events += EVENTS;
		end = now();
	} while (end - start < seconds);
	return end - start;
}

static enum lz_knowledge knows_file(void *arg, const struct lz_field *f, struct lz_span index)
{
	(void)arg, (void)index;
	return strncmp(f->name, "proc.", 5) != 0 && strncmp(f->name, "user.", 5) != 0 &&
	       strncmp(f->name, "thread.", 7) != 0;
}

static double ask_possible(struct lz_matcher *m, double seconds, unsigned long *ret_events,
			   unsigned long *possible)
{
	double start = now(), end;

	do {
		for (unsigned i = 0; i < EVENTS; i++)
			*possible += lz_match_possible(m, &events[i].e, events[i].kind, knows_file,
						       NULL);
		*ret_events += EVENTS;
		end = now();
	} while (end - start < seconds);
	return end - start;
}

int main(int argc, char **argv)
{
	unsigned long count = 0, hits = 0;
	struct lz_err err = {0};
	struct lz_rules *r = lz_rules_new(&err);
	struct lz_matcher *m;
	double took;

	if (argc < 3) {
		fputs("usage: rules SECONDS FILE...\n", stderr);
		return 2;
	}
	for (unsigned i = 0; i < EVENTS; i++)
		make(&events[i], i);
	for (int i = 2; i < argc; i++)
		if (!r || add(r, argv[i], &err)) {
			fprintf(stderr, "rules: %s\n", err.text);
			return 1;
		}
	if (lz_rules_compile(r, &err) || !(m = lz_matcher_new(r, &err))) {
		fprintf(stderr, "rules: %s\n", err.text);
		return 1;
	}
	took = run(m, atof(argv[1]), &count, &hits);
	printf("events_per_second %.0f\n", (double)count / took);
	printf("hits %.4f\n", (double)hits / (double)count);
	printf("fields_asked %.1f\n", (double)asked / (double)count);
	count = hits = 0;
	took = ask_possible(m, atof(argv[1]) / 4, &count, &hits);
	printf("possible_per_second %.0f\n", (double)count / took);
	printf("possible %.4f\n", (double)hits / (double)count);
	lz_matcher_free(m);
	lz_rules_free(r);
	return 0;
}
