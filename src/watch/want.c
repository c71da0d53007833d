/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For each call and each class of its events (failed or not, host or container, reading or writing,
 * kind of socket) the rules are asked whether they could be met, knowing only what the class says.
 * A class stands for several worlds: a failed call may have any error, a container any id. It is
 * sent when one of them could meet a rule.
 */
#include "want.h"

#include "../base/vec.h"
#include "../sensor/calls.h"
#include "../sensor/view.h"

#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>

#define FACTS	12
#define IDS_MAX 64
#define ERRNOS	133 /* the last one that calls return to programs */

struct fact {
	const char *field;
	struct lz_datum value;
	bool none; /* known to have no value */
};

struct world {
	struct lz_watch_event e;
	struct fact fact[FACTS];
	size_t n;
};

static const struct fact *fact_of(const struct world *w, const struct lz_field *f)
{
	for (size_t i = 0; i < w->n; i++)
		if (!strcmp(w->fact[i].field, f->name))
			return &w->fact[i];
	return NULL;
}

static size_t get(struct lz_watch_event *e, const struct lz_field *f, struct lz_span arg,
		  const struct lz_datum **ret)
{
	const struct world *w = (const struct world *)(const void *)e;
	const struct fact *x = fact_of(w, f);

	(void)arg;
	if (!x || x->none)
		return 0;
	*ret = &x->value;
	return 1;
}

static enum lz_knowledge knows(void *arg, const struct lz_field *f, struct lz_span index)
{
	(void)index;
	return fact_of(arg, f) ? LZ_KNOWN : LZ_UNKNOWN;
}

static void say(struct world *w, const char *field, const char *text, int64_t num, bool has_num)
{
	w->fact[w->n++] = (struct fact){
		field,
		{.text = text ? lz_str(text) : lz_span("", 0), .num = num, .has_num = has_num},
		!text};
}
static void say_bool(struct world *w, const char *field, bool b)
{
	say(w, field, b ? "true" : "false", b, true);
}

struct asking {
	struct lz_matcher *m;
	int kind;
	const struct lz_call *call;
	struct lz_span id[IDS_MAX]; /* of containers that rules name */
	size_t ids;
	bool any_id; /* rules look at ids in ways that can't be listed */
};

static bool possible(struct asking *a, struct world *w)
{
	w->e.get = get;
	return lz_match_possible(a->m, &w->e, a->kind, knows, w);
}

/* --- worlds of one class --- */

static bool in_any_container(struct asking *a, const struct world *base, bool container)
{
	struct world w = *base;

	if (!container) {
		say(&w, "container.id", "host", 0, false);
		return possible(a, &w);
	}
	if (a->any_id)
		return possible(a, &w);
	say(&w, "container.id", "-", 0, false); /* none that a rule names */
	if (possible(a, &w))
		return true;
	for (size_t i = 0; i < a->ids; i++) {
		w.fact[w.n - 1].value.text = a->id[i];
		if (!lz_span_is(a->id[i], "host") && possible(a, &w))
			return true;
	}
	return false;
}

static bool with_error(struct asking *a, const struct world *base, int number, bool container)
{
	const char *name = lz_errno_name(number);
	struct world w = *base;

	if (!name)
		return false;
	say_bool(&w, "evt.failed", true);
	say(&w, "evt.res", name, 0, false);
	say(&w, "evt.rawres", "", -number, true);
	if (a->call->ret_fd)
		say(&w, "fd.num", "-1", -1, true);
	return in_any_container(a, &w, container);
}

static bool with_result(struct asking *a, const struct world *base, bool failed, bool container)
{
	struct world w = *base;

	if (!failed) {
		say_bool(&w, "evt.failed", false);
		say(&w, "evt.res", "SUCCESS", 0, false);
		/* EINPROGRESS is sent with what succeeds: its connection is on its way. */
		return in_any_container(a, &w, container) ||
		       (a->call->class == LZ_CLASS_SOCKET &&
			with_error(a, base, EINPROGRESS, container));
	}
	for (int e = 1; e <= ERRNOS; e++)
		if (with_error(a, base, e, container))
			return true;
	return false;
}

static bool with_socket(struct asking *a, const struct world *base, unsigned what, bool failed,
			bool container)
{
	static const char *const types[][3] = {{"ipv4", "4", "ip"}, {"ipv6", "6", "ip"}};
	struct world w;

	if (what == 0)
		return with_result(a, base, failed, container);
	if (what == 3) {
		w = *base;
		say(&w, "fd.type", "unix", 0, false);
		say(&w, "fd.typechar", "u", 0, false);
		say(&w, "fd.sockfamily", "unix", 0, false);
		say(&w, "fd.l4proto", NULL, 0, false);
		return with_result(a, &w, failed, container);
	}
	for (size_t i = 0; i < 2; i++) {
		w = *base;
		say(&w, "fd.type", types[i][0], 0, false);
		say(&w, "fd.typechar", types[i][1], 0, false);
		say(&w, "fd.sockfamily", types[i][2], 0, false);
		if (what == 1)
			say(&w, "fd.l4proto", "tcp", 0, false);
		if (with_result(a, &w, failed, container))
			return true;
	}
	return false;
}

static bool class_wanted(struct asking *a, unsigned class)
{
	bool failed = class & LZ_CLASS_FAILED, container = class & LZ_CLASS_CONTAINER;
	unsigned what = class >> 2;
	struct world w = {.n = 0};

	switch (a->call->class) {
	case LZ_CLASS_PLAIN:
		break;
	case LZ_CLASS_OPEN:
		if (what > 1 || (what == 1 && failed))
			return false;
		if (!failed)
			say_bool(&w, "evt.is_open_write", what);
		break;
	case LZ_CLASS_SOCKET:
		return with_socket(a, &w, what, failed, container);
	case LZ_CLASS_ACCEPT:
		return failed ? !what && with_result(a, &w, true, container)
			      : with_socket(a, &w, what, failed, container);
	}
	return (what == 0 || a->call->class != LZ_CLASS_PLAIN) &&
	       with_result(a, &w, failed, container);
}

/* --- all calls --- */

static void take_id(void *arg, struct lz_span text)
{
	struct asking *a = arg;

	if (a->ids < IDS_MAX)
		a->id[a->ids++] = text;
	else
		a->any_id = true;
}

static bool has_kind(const uint64_t *kinds, const char *name)
{
	int k = lz_event_kind(lz_str(name));

	return k >= 0 && (kinds[k / 64] >> k % 64 & 1);
}

static void want_calls(struct asking *a, const uint64_t *kinds, struct lz_programs_config *c)
{
	for (size_t i = 0; i < lz_call_count; i++) {
		uint16_t mask = 0;
		a->call = &lz_calls[i];
		a->kind = lz_event_kind(lz_str(a->call->name));
		if (a->call->nr < 0 || a->kind < 0 || !has_kind(kinds, a->call->name))
			continue;
		for (unsigned class = 0; class < 16; class ++)
			if (class_wanted(a, class))
				mask |= (uint16_t)(1U << class);
		/* A program that was started is an event of its own. */
		if (a->call->nr == SYS_execve || a->call->nr == SYS_execveat)
			mask &= (uint16_t)(1U << LZ_CLASS_FAILED |
					   1U << (LZ_CLASS_FAILED | LZ_CLASS_CONTAINER));
		c->wanted[a->call->nr] = mask;
	}
}

/* io_uring operations that stand for calls that rules ask about. */
static uint64_t want_uring(const uint64_t *kinds)
{
	static const struct {
		unsigned operation;
		const char *call;
	} table[] = {{13, "accept4"},  {16, "connect"},	  {18, "openat"},    {26, "sendto"},
		     {27, "recvfrom"}, {28, "openat2"},	  {35, "renameat2"}, {36, "unlinkat"},
		     {37, "mkdirat"},  {38, "symlinkat"}, {39, "linkat"},    {9, "sendmsg"},
		     {10, "recvmsg"},  {45, "socket"},	  {56, "bind"},	     {57, "listen"}};
	uint64_t bits = 0;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (has_kind(kinds, table[i].call))
			bits |= 1ULL << table[i].operation;
	return bits;
}

/* Where rules tell operations apart, those that could meet one; else opening stands for all. */
static uint64_t named_uring(struct asking *a, const struct lz_rules *r)
{
	uint64_t bits = 0;

	if (!lz_rules_asks(r, "uring.op"))
		return 1ULL << 18;
	a->kind = lz_event_kind(LZ_SPAN("io_uring"));
	for (unsigned i = 0; i < 64; i++) {
		struct world w = {.n = 0};
		char number[8];
		snprintf(number, sizeof(number), "%u", i);
		say(&w, "uring.op", lz_uring_name(i) ? lz_uring_name(i) : number, 0, false);
		if (possible(a, &w))
			bits |= 1ULL << i;
	}
	return bits;
}

int lz_want(const struct lz_rules *r, struct lz_programs_config *c, struct lz_err *err)
{
	struct asking a = {.m = lz_matcher_new(r, err)};
	uint64_t kinds[LZ_EVENT_KINDS / 64];

	if (!a.m)
		return LZ_E_NOMEM;
	lz_rules_kinds(r, kinds);
	a.any_id = !lz_rules_constants(r, "container.id", take_id, &a);
	memset(c->wanted, 0, sizeof(c->wanted));
	want_calls(&a, kinds, c);
	c->environment = lz_rules_asks(r, "proc.env") || lz_rules_asks(r, "proc.aenv");
	/* Where containers go is learnt from all connections that came about. */
	c->flows = has_kind(kinds, "flow") || lz_rules_asks(r, "flow.destination_age") ||
		   lz_rules_asks(r, "container.stat.new_destinations");
	/* Names of addresses come from answers that passed before. */
	c->dns = has_kind(kinds, "dns");
	c->names = lz_rules_asks(r, "fd.sip.name") || lz_rules_asks(r, "fd.cip.name") ||
		   lz_rules_asks(r, "fd.lip.name") || lz_rules_asks(r, "fd.rip.name");
	c->capabilities = has_kind(kinds, "capability");
	c->uring = has_kind(kinds, "io_uring") ? want_uring(kinds) | named_uring(&a, r) : 0;
	lz_matcher_free(a.m);
	/* Where a process is after it moved. */
	if (lz_rules_asks(r, "proc.cwd"))
		for (size_t i = 0; i < 2; i++)
			c->wanted[i ? SYS_fchdir : SYS_chdir] |= 1 | 1 << LZ_CLASS_CONTAINER;
	return 0;
}

bool lz_want_same(const struct lz_programs_config *a, const struct lz_programs_config *b)
{
	return !memcmp(a->wanted, b->wanted, sizeof(a->wanted)) &&
	       a->environment == b->environment && a->flows == b->flows && a->dns == b->dns &&
	       a->names == b->names && a->capabilities == b->capabilities && a->uring == b->uring;
}
