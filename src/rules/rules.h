/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Falco's rule language: files in, decisions on events out.
 *
 *	lz_rules_add      one file: lists, macros, rules, appends, overrides (load.c)
 *	lz_rules_compile  all files: conditions become one graph of checks that rules share, and a
 *	                  program for each kind of event
 *	lz_match_event    which rules an event meets
 *	lz_match_possible whether an event could meet one, of which only some is known
 *
 * Not thread-safe; a compiled set may be read by several matchers, one per thread.
 */
#include "../base/arena.h"
#include "../base/buf.h"
#include "../base/err.h"
#include "../base/vec.h"
#include "field.h"

enum lz_priority {
	LZ_PRIO_EMERGENCY,
	LZ_PRIO_ALERT,
	LZ_PRIO_CRITICAL,
	LZ_PRIO_ERROR,
	LZ_PRIO_WARNING,
	LZ_PRIO_NOTICE,
	LZ_PRIO_INFORMATIONAL,
	LZ_PRIO_DEBUG,
};
const char *lz_priority_name(enum lz_priority p); /* "Critical" */

/* What loading had to say. */
struct lz_rules_note {
	bool error;
	const char *code;    /* "LOAD_ERR_COMPILE_CONDITION", as users of Falco know them */
	struct lz_span file; /* as given to lz_rules_add */
	unsigned line, column;
	struct lz_span item; /* "rule 'Terminal shell in container'"; may be empty */
	struct lz_span text;
	struct lz_span source; /* the condition's text around the place; may be empty */
	size_t source_at;      /* where in it */
};

struct lz_format;
struct lz_timing;
struct lz_rule {
	struct lz_span name, desc, output, source;
	struct lz_span respond; /* what to do when it is met; may be empty */
	struct lz_span *tags;
	size_t tag_count;
	enum lz_priority priority;
	bool enabled;
	bool usable;			     /* compiled; false: skipped or in error */
	uint32_t node;			     /* its condition in the graph; "or" of a sequence's */
	const struct lz_timing *timing;	     /* it looks at several events; NULL: at one */
	const struct lz_format *format;	     /* its output, understood */
	uint64_t kinds[LZ_EVENT_KINDS / 64]; /* events it can match */
	struct lz_span file;
	unsigned line;
};

/* What it takes to meet it: "event", "count" (several alike) or "sequence". */
const char *lz_rule_takes(const struct lz_rule *r);

struct lz_rules;
struct lz_rules *lz_rules_new(struct lz_err *err);
void lz_rules_free(struct lz_rules *r);

/* Reads one file's text, which is copied. What is wrong with it becomes notes; the return value is
 * 0 unless memory ran out (LZ_E_NOMEM) or a limit was reached (LZ_E_LIMIT). */
int lz_rules_add(struct lz_rules *r, struct lz_span file, struct lz_span text, struct lz_err *err);
/* Once, behind the last file. Errors are notes, as above. */
int lz_rules_compile(struct lz_rules *r, struct lz_err *err);

const struct lz_vec *lz_rules_notes(const struct lz_rules *r); /* struct lz_rules_note */
size_t lz_rules_errors(const struct lz_rules *r);
const struct lz_vec *lz_rules_all(const struct lz_rules *r); /* struct lz_rule */
size_t lz_rules_macro_count(const struct lz_rules *r);
size_t lz_rules_list_count(const struct lz_rules *r);
size_t lz_rules_check_count(const struct lz_rules *r); /* distinct comparisons in the graph */

/* Whether a usable rule's condition or output refers to the field, with whatever argument. */
bool lz_rules_asks(const struct lz_rules *r, const char *field_name);
/* Kinds of events that usable rules can match, all together. */
void lz_rules_kinds(const struct lz_rules *r, uint64_t ret[LZ_EVENT_KINDS / 64]);

/* --- matching --- */

struct lz_matcher;
struct lz_matcher *lz_matcher_new(const struct lz_rules *r, struct lz_err *err);
void lz_matcher_free(struct lz_matcher *m);
/* Calls hit(arg, rule) for each rule that the event of this kind (-1: unknown) meets, in the order
 * of the files. time_ns is the event's own, of whatever clock: what looks at several events knows
 * no other, so that a replay says the same. It should not go back; an earlier time counts as the
 * latest that was seen. */
void lz_match_event(struct lz_matcher *m, struct lz_watch_event *e, int kind, uint64_t time_ns,
		    void (*hit)(void *arg, const struct lz_rule *rule), void *arg);
/* Whether some usable rule could be met by an event of this kind of which only some fields are
 * known: knows(arg, field, index) says which; a known field without a value is one that has none.
 * Terms over unknown fields are unknown (three-valued logic): false is certain, true is not.
 * Only known fields are asked of the event. The event given last is forgotten: outputs come first. */
enum lz_knowledge {
	LZ_UNKNOWN = 0,
	LZ_KNOWN = 1,
	LZ_BEGINS = 2, /* the value begins with the text that the event has: a folder's files */
	LZ_LACKS = 3,  /* the value does not contain the text that the event has */
};
bool lz_match_possible(struct lz_matcher *m, struct lz_watch_event *e, int kind,
		       enum lz_knowledge (*knows)(void *arg, const struct lz_field *f,
						  struct lz_span index),
		       void *arg);
/* Whether one rule is met by the event given last, and what its terms were worth: as lines of text
 * indented by depth. */
int lz_match_explain(struct lz_matcher *m, struct lz_watch_event *e, const struct lz_rule *rule,
		     struct lz_buf *out, bool *ret_met);
/* The rule's output for the event: fields filled in, "<NA>" where there is no value, control bytes
 * and bad UTF-8 made harmless. */
int lz_match_output(struct lz_matcher *m, struct lz_watch_event *e, const struct lz_rule *rule,
		    struct lz_buf *out);

/* Each field that the rule's output names, in order, with its values for the event given last
 * (n 0: none). */
void lz_match_fields(struct lz_matcher *m, const struct lz_rule *rule,
		     void (*each)(void *arg, struct lz_span name, enum lz_field_type type,
				  const struct lz_datum *d, size_t n),
		     void *arg);
/* Each constant that a field is compared with. false: it is compared in other ways, too, so that
 * other values could be told apart. */
bool lz_rules_constants(const struct lz_rules *r, const char *field,
			void (*each)(void *arg, struct lz_span text), void *arg);

/* --- what rules remember that look at several events: count, sequence --- */

struct lz_rules_state;
enum { LZ_RULES_STATE_KEYS = 4096 };

/* keys_max bounds each rule's keys (values of its "by" fields), and its memory to keys_max KiB; the
 * key not seen for longest goes first. */
struct lz_rules_state *lz_rules_state_new(const struct lz_rules *r, size_t keys_max,
					  struct lz_err *err);
void lz_rules_state_free(struct lz_rules_state *s);
/* For hot reloads: what `from` remembers goes over to `to` for rules whose name and text are the
 * same. Neither rule set is looked at. Returns for how many. */
size_t lz_rules_state_take(struct lz_rules_state *to, struct lz_rules_state *from);

struct lz_rules_state_counts {
	size_t keys;	  /* now */
	uint64_t evicted; /* keys that went while they still counted */
	uint64_t lost;	  /* events that could not be remembered: no memory */
};
struct lz_rules_state_counts lz_rules_state_count(const struct lz_rules_state *s);
/* The state, of the matcher's own rule set, that it uses from now on. Without one, rules that look
 * at several events are never met. One matcher at a time. */
void lz_matcher_use(struct lz_matcher *m, struct lz_rules_state *s);

/* --- an event from JSON --- */

/* {"evt.type": "execve", "proc.name": "bash", "proc.aname[1]": …}, or Falco's own JSON lines, whose
 * "output_fields" are taken. Lists are arrays. */
struct lz_json_event;
struct lz_json_event *lz_json_event_new(struct lz_span text, struct lz_err *err);
void lz_json_event_free(struct lz_json_event *e);
struct lz_watch_event *lz_json_event_of(struct lz_json_event *e);
int lz_json_event_kind(const struct lz_json_event *e);
