/* SPDX-License-Identifier: Apache-2.0 */
/* All outputs: the table of them, what a user writes to name one, and handing alerts out. */
#include "output.h"

#include "../base/clean.h"
#include "../base/clock.h"
#include "../base/limits.h"

#include <sys/eventfd.h>
#include <time.h>

enum { OUTPUTS_MAX = 64, FORMS = LZ_ALERT_JSON + 1, SPEC_MAX = 4096, HOST_MAX = 256 };

const struct lz_alert_output_row lz_alert_outputs[] = {
	{"-", "-[,format=json|text]", "standard output", &lz_output_stdout},
	{"file", "file:PATH[,size=100M][,keep=5][,format=json|text]",
	 "appends to a file; at `size` it becomes PATH.1, and `keep` old ones stay",
	 &lz_output_file},
	{"syslog", "syslog:[facility=authpriv][,path=/dev/log][,format=json|text]",
	 "this machine's log, with the severity that belongs to the priority", &lz_output_syslog},
	{"unix", "unix:PATH[,format=json|text]", "JSON lines for whoever listens at a socket",
	 &lz_output_unix},
	{"http", "http://HOST/PATH[#batch=1][,header=FILE][,ca=FILE][,spool=DIR][,timeout=10]",
	 "POSTs each alert as JSON; what can't be delivered waits on disk", &lz_output_http},
	{"https", "https://HOST/PATH[#batch=1]...", "the same by TLS", &lz_output_http},
};
const size_t lz_alert_output_count = sizeof(lz_alert_outputs) / sizeof(lz_alert_outputs[0]);

struct lz_outputs {
	struct lz_outputs_options o;
	char host[HOST_MAX];
	struct lz_output *outputs[OUTPUTS_MAX];
	size_t count;
	struct lz_buf forms[FORMS]; /* of the alert at hand, made when the first output asks */
	struct lz_buf record, notice, line;
};

/* --- what a user writes ----------------------------------------------------------------------- */

static int known_options(const struct lz_output *o, struct lz_span what,
			 const struct lz_output_option *options, size_t count, struct lz_err *err)
{
	char names[200] = "";

	for (size_t i = 0; i < count; i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s, ",
			 options[i].name);
	return lz_fail(err, LZ_E_USAGE,
		       "output %s: \"%.*s\" is no option of it; there are: %sformat "
		       "(a path can't hold commas)",
		       o->name, LZ_FMT(what), names);
}

static int set_form(struct lz_output *o, struct lz_span value, struct lz_err *err)
{
	if (lz_span_is(value, "json"))
		o->form = LZ_ALERT_JSON;
	else if (lz_span_is(value, "text") && !o->kind->json_only)
		o->form = o->kind->one_line ? LZ_ALERT_ONE_LINE : LZ_ALERT_LINES;
	else
		return lz_fail(err, LZ_E_USAGE, "output %s: format is %s, not \"%.*s\"", o->name,
			       o->kind->json_only ? "json" : "json or text", LZ_FMT(value));
	return 0;
}

static int set_number(const struct lz_output *o, const struct lz_output_option *x,
		      struct lz_span value, struct lz_err *err)
{
	if (!lz_size_parse(value, x->number) || *x->number < x->least || *x->number > x->most)
		return lz_fail(err, LZ_E_USAGE,
			       "output %s: %s is a number from %llu to %llu, not \"%.*s\"", o->name,
			       x->name, (unsigned long long)x->least, (unsigned long long)x->most,
			       LZ_FMT(value));
	return 0;
}

static int set_option(struct lz_output *o, struct lz_span text,
		      const struct lz_output_option *options, size_t count, struct lz_err *err)
{
	struct lz_span name, value;

	if (!lz_span_cut(text, '=', &name, &value))
		return known_options(o, text, options, count, err);
	if (lz_span_is(name, "format"))
		return set_form(o, value, err);
	for (size_t i = 0; i < count; i++) {
		if (!lz_span_is(name, options[i].name))
			continue;
		if (options[i].number)
			return set_number(o, &options[i], value, err);
		if (!value.n)
			return lz_fail(err, LZ_E_USAGE, "output %s: %s is empty", o->name,
				       options[i].name);
		*options[i].text = value;
		return 0;
	}
	return known_options(o, name, options, count, err);
}

int lz_output_options(struct lz_output *o, struct lz_span text,
		      const struct lz_output_option *options, size_t count, struct lz_err *err)
{
	struct lz_span one;
	int code = 0;

	while (text.n && !code) {
		lz_span_cut(text, ',', &one, &text);
		code = set_option(o, one, options, count, err);
	}
	return code;
}

int lz_output_path(struct lz_output *o, struct lz_span path, char *buf, size_t size,
		   struct lz_err *err)
{
	if (!path.n)
		return lz_fail(err, LZ_E_USAGE, "output %s: a path belongs behind the colon",
			       o->name);
	if (!lz_span_cstr(path, buf, size))
		return lz_fail(err, LZ_E_USAGE, "output %s: the path is too long", o->name);
	return 0;
}

/* "https://user:word@host/path?key=…#…" without what is nobody's business. */
static char *public_name(const char *spec)
{
	const char *at = strstr(spec, "://"), *host, *monkey, *slash;
	char *name = lz_alloc(strlen(spec) + 1);

	if (!name)
		return NULL;
	if (!at || strncmp(spec, "http", 4)) {
		memcpy(name, spec, strlen(spec));
		return name;
	}
	at += 3;
	slash = at + strcspn(at, "/?#");
	monkey = memrchr(at, '@', (size_t)(slash - at));
	host = monkey ? monkey + 1 : at;
	memcpy(name, spec, (size_t)(at - spec));
	memcpy(name + (at - spec), host, strcspn(host, "?#"));
	return name;
}

/* --- adding one ------------------------------------------------------------------------------- */

static const struct lz_alert_output_row *row_of(struct lz_span spec, struct lz_span *ret_rest)
{
	struct lz_span name;
	bool colon;

	if (lz_span_is(spec, "-") || lz_span_starts(spec, "-,")) {
		*ret_rest = lz_span_from(spec, 2);
		return &lz_alert_outputs[0];
	}
	colon = lz_span_cut(spec, ':', &name, ret_rest);
	for (size_t i = 1; colon && i < lz_alert_output_count; i++)
		if (lz_span_is(name, lz_alert_outputs[i].name))
			return &lz_alert_outputs[i];
	return NULL;
}

static int unknown(const char *spec, struct lz_err *err)
{
	char all[300] = "";

	for (size_t i = 0; i < lz_alert_output_count; i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%.*s", i ? ", " : "",
			 (int)strcspn(lz_alert_outputs[i].syntax, "["), lz_alert_outputs[i].syntax);
	return lz_fail(err, LZ_E_USAGE, "output \"%.200s\": expected one of %s", spec, all);
}

static int make(struct lz_outputs *os, const struct lz_output_kind *kind, const char *spec,
		struct lz_output **ret, struct lz_err *err)
{
	struct lz_output *o = lz_alloc(sizeof(*o));

	if (!o)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	o->stop_fd = -1;
	if (lz_output_conds(&o->lock, &o->work, &o->idle)) {
		lz_free(o);
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	}
	*ret = o;
	o->kind = kind;
	o->o = &os->o;
	o->queue_max = os->o.queue_bytes ? os->o.queue_bytes : 4 * LZ_M;
	o->name = public_name(spec);
	o->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!o->name)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	if (o->stop_fd < 0)
		return lz_fail_errno(err, "output %s", o->name);
	return set_form(o, os->o.json || kind->json ? LZ_SPAN("json") : LZ_SPAN("text"), err);
}

int lz_outputs_add(struct lz_outputs *os, const char *spec, struct lz_err *err)
{
	const struct lz_alert_output_row *row;
	struct lz_output *o = NULL;
	struct lz_span rest;
	int code;

	row = row_of(lz_str(spec), &rest);
	if (!row)
		return unknown(spec, err);
	if (strlen(spec) > SPEC_MAX)
		return lz_fail(err, LZ_E_USAGE, "output \"%.60s…\" is too long", spec);
	if (os->count == OUTPUTS_MAX)
		return lz_fail(err, LZ_E_LIMIT, "more than %d outputs", OUTPUTS_MAX);
	if (row->kind == &lz_output_http) /* it wants the whole address */
		rest = lz_str(spec);
	code = make(os, row->kind, spec, &o, err);
	if (!code)
		code = row->kind->open(o, rest, err);
	if (!code)
		code = lz_output_start(o, err);
	if (code)
		lz_output_free(o);
	else
		os->outputs[os->count++] = o;
	return code;
}

struct lz_outputs *lz_outputs_new(const struct lz_outputs_options *o, struct lz_err *err)
{
	struct lz_outputs *os = lz_alloc(sizeof(*os));

	if (!os) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	if (o)
		os->o = *o;
	if (os->o.host)
		snprintf(os->host, sizeof(os->host), "%s", os->o.host);
	else if (gethostname(os->host, sizeof(os->host) - 1))
		snprintf(os->host, sizeof(os->host), "localhost");
	for (size_t i = 0; i < FORMS; i++)
		lz_buf_init(&os->forms[i], 2 * LZ_ALERT_PRINT_MAX);
	lz_buf_init(&os->record, 3 * LZ_ALERT_PRINT_MAX);
	lz_buf_init(&os->notice, LZ_M);
	lz_buf_init(&os->line, 1024);
	return os;
}

void lz_outputs_free(struct lz_outputs *os)
{
	if (!os)
		return;
	for (size_t i = 0; i < os->count; i++)
		lz_output_free(os->outputs[i]);
	for (size_t i = 0; i < FORMS; i++)
		lz_buf_done(&os->forms[i]);
	lz_buf_done(&os->record);
	lz_buf_done(&os->notice);
	lz_buf_done(&os->line);
	lz_free(os);
}

/* --- handing out ------------------------------------------------------------------------------ */

static int print(struct lz_output *o, struct lz_buf *b, const struct lz_alert *a)
{
	lz_buf_clear(b);
	if (o->kind->prefix)
		o->kind->prefix(o, b, a);
	return lz_alert_print(b, a, o->form);
}

/* An alert of our own: `lost` alerts did not get here. */
static struct lz_span notice(struct lz_outputs *os, struct lz_output *o, uint64_t lost,
			     const char *why)
{
	struct lz_alert_field field = {.name = LZ_SPAN("lazaret.alerts_lost"),
				       .kind = LZ_ALERT_NUMBER,
				       .num = (int64_t)lost};
	struct lz_alert a = {.rule = LZ_SPAN("Lazaret lost alerts"),
			     .source = LZ_SPAN("lazaret"),
			     .priority = LZ_PRIO_ERROR,
			     .host = lz_str(os->host),
			     .fields = &field,
			     .field_count = 1};
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	a.time_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	lz_buf_clear(&os->line);
	lz_buf_printf(&os->line, "%llu %s lost on the way to this output: %s",
		      (unsigned long long)lost, lost == 1 ? "alert was" : "alerts were", why);
	a.output = lz_buf_view(&os->line);
	return os->line.code || print(o, &os->notice, &a) ? LZ_SPAN("") : lz_buf_view(&os->notice);
}

static uint64_t unsaid(struct lz_output *o, char why[sizeof(((struct lz_err *)0)->text)])
{
	uint64_t n;

	pthread_mutex_lock(&o->lock);
	n = o->unsaid;
	if (n)
		snprintf(why, sizeof(o->last.text), "%s",
			 o->last.code ? o->last.text : "it did not keep up");
	pthread_mutex_unlock(&o->lock);
	return n;
}

static void put(struct lz_outputs *os, struct lz_output *o, struct lz_span record)
{
	char why[sizeof(((struct lz_err *)0)->text)];
	uint64_t lost = unsaid(o, why);

	lz_output_put(o, record, lost ? notice(os, o, lost, why) : LZ_SPAN(""), lost);
}

static void hand(struct lz_outputs *os, struct lz_output *o, const struct lz_alert *a)
{
	struct lz_buf *b = o->kind->prefix ? &os->record : &os->forms[o->form];
	struct lz_err err;
	int code = 0;

	if (o->kind->prefix || !b->n)
		code = print(o, b, a);
	if (!code) {
		put(os, o, lz_buf_view(b));
		return;
	}
	lz_fail(&err, code, "an alert could not be written: %s", lz_code_text(code));
	lz_buf_clear(b);
	lz_output_dropped(o, 1, &err);
}

void lz_outputs_send(struct lz_outputs *os, const struct lz_alert *a)
{
	for (size_t i = 0; i < FORMS; i++)
		lz_buf_clear(&os->forms[i]);
	for (size_t i = 0; i < os->count; i++)
		hand(os, os->outputs[i], a);
}

bool lz_outputs_alive(struct lz_outputs *os)
{
	bool alive = false;

	for (size_t i = 0; i < os->count; i++) {
		struct lz_output *o = os->outputs[i];
		pthread_mutex_lock(&o->lock);
		alive = alive || !o->ended;
		pthread_mutex_unlock(&o->lock);
	}
	return alive;
}

void lz_outputs_reopen(struct lz_outputs *os)
{
	for (size_t i = 0; i < os->count; i++) {
		struct lz_output *o = os->outputs[i];
		pthread_mutex_lock(&o->lock);
		o->reopen = true;
		pthread_cond_signal(&o->work);
		pthread_mutex_unlock(&o->lock);
	}
}

/* Behind the queue, if anything can be there. */
static uint64_t beyond(struct lz_output *o)
{
	return o->kind->waiting ? o->kind->waiting(o) : 0;
}

/* With its lock. */
static uint64_t waiting(struct lz_output *o)
{
	uint64_t n = o->waiting.lens.n + o->batch.lens.n - o->batch_at;

	return n + (o->ended ? 0 : beyond(o));
}

/* True when there is nothing left to do for it, also to say; *ret_n alerts wait. */
static bool drain(struct lz_output *o, uint64_t until_ms, uint64_t *ret_n)
{
	bool done;

	pthread_mutex_lock(&o->lock);
	while (waiting(o) && !o->ended && lz_now_ms() < until_ms)
		lz_output_sleep(&o->idle, &o->lock, until_ms);
	*ret_n = waiting(o);
	done = o->ended || !o->unsaid || lz_now_ms() >= until_ms;
	pthread_mutex_unlock(&o->lock);
	return done;
}

uint64_t lz_outputs_flush(struct lz_outputs *os, uint64_t timeout_ms)
{
	uint64_t until = lz_now_ms() + timeout_ms, sum = 0, n = 0;

	for (size_t i = 0; i < os->count; i++) {
		struct lz_output *o = os->outputs[i];
		/* a loss that no alert came behind to tell: when there is room for it */
		for (int pass = 0; pass < 3; pass++) {
			put(os, o, LZ_SPAN(""));
			if (drain(o, until, &n))
				break;
		}
		sum += n;
	}
	return sum;
}

size_t lz_outputs_count(const struct lz_outputs *os)
{
	return os->count;
}

void lz_outputs_stats(struct lz_outputs *os, size_t i, struct lz_output_stats *ret)
{
	struct lz_output *o = os->outputs[i];
	uint64_t behind = beyond(o); /* may have to wait for a disk: not with the senders' lock */

	pthread_mutex_lock(&o->lock);
	*ret = (struct lz_output_stats){
		.name = o->name,
		.sent = o->sent,
		.waiting = behind + o->waiting.lens.n + o->batch.lens.n - o->batch_at,
		.kept = behind,
		.dropped = o->dropped,
		.notices = o->notices,
		.failing = o->failing && !o->ended,
		.ended = o->ended,
		.last = o->last,
	};
	pthread_mutex_unlock(&o->lock);
}
