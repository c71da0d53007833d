/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a recording holds, as the engine takes it: chunks of a type, two bytes of length and bytes.
 * The size in a record's head is set right, so that what lies behind it is reached. Asserted: each
 * field that an event is asked for answers within its bounds and the same when asked again; an
 * alert's texts can be read; and whatever came before, an event of the usual kind is met by its rule.
 */
#include "base/clean.h"
#include "watch/engine.h"

#include "fuzz.h"

#include <fcntl.h>
#include <sys/syscall.h>

static const char rule_text[] =
	"- rule: Everything\n  desc: d\n  condition: evt.type exists\n"
	"  output: '%evt.type %evt.args %proc.cmdline %proc.aname[2] %fd.name %fd.sip.name "
	"%container.id "
	"%container.mounts %user.name %proc.env[A] %evt.arg.path'\n  priority: INFO\n"
	"- rule: Usual\n  desc: d\n  condition: evt.type = setuid and evt.arg.uid = 4242\n"
	"  output: o\n  priority: INFO\n"
	"- rule: Often\n  desc: d\n  condition: evt.type in (openat, execve)\n  count: 3\n  "
	"within: 5s\n"
	"  by: [proc.name, fd.name]\n  output: o\n  priority: INFO\n";

static size_t usual;
extern size_t fuzz_zeros;
size_t fuzz_zeros; /* so that every byte is really read */

static void read_all(struct lz_span s)
{
	for (size_t i = 0; i < s.n; i++)
		fuzz_zeros += !s.p[i];
}

static void on_alert(void *arg, const struct lz_alert *a)
{
	(void)arg;
	usual += lz_span_is(a->rule, "Usual");
	read_all(a->output);
	for (size_t i = 0; i < a->field_count; i++) {
		CHECK(a->fields[i].name.n);
		read_all(a->fields[i].text);
	}
	CHECK(a->lineage_count <= LZ_ALERT_LINEAGE_MAX);
	for (size_t i = 0; i < a->lineage_count; i++)
		read_all(a->lineage[i].exe);
}

static void ask(struct lz_watch_event *e, const struct lz_field *f, const char *index)
{
	const struct lz_datum *d = NULL, *again = NULL;
	size_t n = e->get(e, f, lz_str(index), &d);

	CHECK(n < 5000);
	for (size_t i = 0; i < n; i++) {
		CHECK(d[i].ip_bytes == 0 || d[i].ip_bytes == 4 || d[i].ip_bytes == 16);
		read_all(d[i].text);
	}
	if (n && n < 3 && f->type != LZ_FIELD_BYTES && e->get(e, f, lz_str(index), &again) == n)
		CHECK(lz_span_eq(d[0].text, again[0].text));
}

static unsigned asked;

static void on_event(void *arg, const struct lz_seen *x)
{
	static const char *const keys[] = {"", "path", "A", "/run/docker.sock"};
	static const char *const numbers[] = {"", "0", "3"};

	(void)arg;
	if (asked++ % 5) /* what came before makes a difference, too */
		return;
	for (size_t i = 0; i < lz_field_count; i++) {
		const struct lz_field *f = &lz_fields[i];
		bool by_key = f->arg == LZ_ARG_KEY || f->arg == LZ_ARG_KEY_OPTIONAL;
		size_t n = f->arg == LZ_ARG_NONE ? 1 : by_key ? 4 : 3;
		for (size_t k = 0; k < n; k++)
			ask(lz_view_event(x->view), f, by_key ? keys[k] : numbers[k]);
	}
}

static struct lz_engine *engine;

static void on_idle(void *arg, const struct lz_record *r)
{
	(void)arg;
	(void)lz_engine_matters(engine, r, true);
}

static struct lz_rules *load(void)
{
	struct lz_rules *r = lz_rules_new(NULL);
	struct lz_err err;

	CHECK(r && !lz_rules_add(r, LZ_SPAN("t"), lz_str(rule_text), &err));
	CHECK(!lz_rules_compile(r, &err) && !lz_rules_errors(r));
	return r;
}

/* Whatever was told before. */
static void take_usual(void)
{
	struct {
		struct lz_ev head;
		struct lz_ev_part part;
		unsigned char uid[8];
	} e = {.head = {.size = sizeof(e.head) + sizeof(e.part) + 8,
			.kind = LZ_EV_CALL,
			.nr = SYS_setuid,
			.pid = 7,
			.tid = 7,
			.start_ns = 1},
	       .part = {LZ_PART_ARG, 8},
	       .uid = {4242 & 255, 4242 >> 8}};
	size_t before = usual;

	lz_engine_take(engine, lz_span(&e, e.head.size));
	CHECK(usual == before + 1);
}

static void take(unsigned char type, struct lz_span bytes)
{
	static char copy[LZ_EV_MAX];
	struct lz_err err = {0};
	uint32_t size;

	if (type != 'E') {
		checked(lz_engine_known(engine, type, bytes, &err), &err);
		return;
	}
	if (bytes.n > sizeof(copy))
		bytes = lz_span_head(bytes, sizeof(copy));
	memcpy(copy, bytes.p, bytes.n);
	size = (uint32_t)bytes.n;
	if (bytes.n >= sizeof(size))
		memcpy(copy, &size, sizeof(size));
	lz_engine_take(engine, lz_span(copy, bytes.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct lz_engine_hooks hooks = {
		.event = on_event, .idle = on_idle, .alert = on_alert};
	static struct lz_rules *rules;
	struct lz_span rest = lz_span(data, size);

	if (!rules)
		rules = load();
	engine = lz_engine_new(rules, NULL, &hooks, NULL);
	CHECK(engine);
	asked = 0;
	for (unsigned n = 0; rest.n >= 3 && n < 16; n++) {
		size_t length = (size_t)(unsigned char)rest.p[1] | (size_t)(unsigned char)rest.p[2]
									   << 8;
		unsigned char type = (unsigned char)rest.p[0];
		struct lz_span bytes = lz_span_head(lz_span_from(rest, 3), length);
		take(type, bytes);
		rest = lz_span_from(rest, 3 + bytes.n);
	}
	take_usual();
	lz_engine_free(engine);
	return 0;
}
