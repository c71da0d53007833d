/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * From a rule's hit to the people who must know of it:
 *
 *	hit ──► lz_groups_add ──► one alert per fact ──► lz_outputs_send ──► queue ─► thread ─► file
 *	        group.c           count, first, last     format once per     queue ─► thread ─► HTTP
 *	                                                 form, never waits   …
 *
 *	fingerprint.c  what makes two hits the same fact
 *	group.c        repeats are counted; a storm is held back but never hidden
 *	print_*.c      a line for people, or an object of JSON with Falco's names
 *	outputs.c      the table of outputs, what a user writes to name one; queue.c: their threads
 *	out_*.c        one output each; spool.c: what the webhook keeps on disk
 */
#include "../base/buf.h"
#include "../base/err.h"
#include "../rules/rules.h"

enum lz_alert_value { LZ_ALERT_NONE, LZ_ALERT_TEXT, LZ_ALERT_NUMBER, LZ_ALERT_TRUTH };

struct lz_alert_field {
	struct lz_span name; /* "proc.cmdline" */
	enum lz_alert_value kind;
	struct lz_span text; /* of LZ_ALERT_TEXT */
	int64_t num;	     /* of LZ_ALERT_NUMBER and LZ_ALERT_TRUTH (0: false) */
};

struct lz_alert_process {
	int64_t pid;
	struct lz_span name, exe, cmdline;
};

enum { LZ_ALERT_LINEAGE_MAX = 6, LZ_FINGERPRINT_SIZE = 33 /* 32 hex digits and a NUL */ };

/* Plain data, zero is empty; spans are borrowed for the call it is given to. */
struct lz_alert {
	struct lz_span rule, source; /* "Terminal shell in container", "syscall" */
	enum lz_priority priority;
	const struct lz_span *tags;
	size_t tag_count;
	uint64_t time_ns; /* since 1970 */
	struct lz_span host;
	struct lz_span output;	/* as lz_match_output made it: neither time nor priority */
	struct lz_span respond; /* what the rule says is to be done; may be empty */
	bool detail;		/* lines for people tell that, too */
	const struct lz_alert_field *fields;
	size_t field_count;
	struct lz_alert_process lineage[LZ_ALERT_LINEAGE_MAX]; /* the process itself first */
	size_t lineage_count;
	struct {
		struct lz_span id; /* "host" or empty: outside of any */
		struct lz_span name, image, digest;
	} container;
	uint64_t lost;		   /* events lost since the alert before */
	struct lz_span lost_kinds; /* "open, connect"; may be empty */
	bool known;		   /* the profile learnt of its image has seen this before */
	struct lz_span fingerprint;

	/* What grouping adds. All 0: one hit, this one. */
	uint64_t count; /* hits this alert stands for, which no other alert counts */
	uint64_t total; /* hits of this fact since it was first told, this one included */
	uint64_t more;	/* other hits of the rule that its rate limit held back */
	uint64_t first_ns, last_ns; /* of those counted */
};

/* Hex over rule, image and the lineage's programs: the same for the same fact on every run and
 * host, whatever its container and process ids. */
int lz_alert_fingerprint(const struct lz_alert *a, char ret[LZ_FINGERPRINT_SIZE],
			 struct lz_err *err);
/* Puts kinds of lost events, "open, connect", into a list of such, each once, while there is room. */
void lz_alert_kinds_add(char *kinds, size_t size_bytes, struct lz_span more);
/* A copy that borrows nothing, in one piece of memory; lz_free releases it. */
struct lz_alert *lz_alert_copy(const struct lz_alert *a, size_t *ret_bytes, struct lz_err *err);

/* --- grouping --------------------------------------------------------------------------------- */

struct lz_group_options {
	uint64_t window_ms;   /* repeats are counted that long; 0: 60 s */
	unsigned rate, burst; /* alerts of one rule per second; 0: 10 and 50 */
	size_t groups_max;    /* facts remembered at a time; 0: 4096 */
	size_t bytes_max;     /* memory of them; 0: 32 MiB */
};

/* Every hit is in exactly one alert that goes out: as one of its `count` or of its `more`. */
struct lz_groups;
typedef void lz_alert_sink(void *arg, const struct lz_alert *a);
/* o may be NULL. sink is called from within the functions below. Not thread-safe. */
struct lz_groups *lz_groups_new(const struct lz_group_options *o, lz_alert_sink *sink, void *arg,
				struct lz_err *err);
/* Without what is still held back: lz_groups_flush first. */
void lz_groups_free(struct lz_groups *g);
/* One hit. now_ms: any clock that never goes back. Without memory for its group the alert goes out
 * alone: this can't fail. */
void lz_groups_add(struct lz_groups *g, const struct lz_alert *a, uint64_t now_ms);
/* What is due goes out. */
void lz_groups_tick(struct lz_groups *g, uint64_t now_ms);
/* All that waits goes out, at the end of the program. */
void lz_groups_flush(struct lz_groups *g, uint64_t now_ms);

/* --- text ------------------------------------------------------------------------------------- */

enum lz_alert_form {
	LZ_ALERT_LINES,	   /* for people; what is behind the message is on an indented line */
	LZ_ALERT_COLOURED, /* the same for a terminal */
	LZ_ALERT_ONE_LINE, /* without time, for logs that have their own */
	LZ_ALERT_JSON,	   /* one object; data/schema/alert.schema.json */
};
enum { LZ_ALERT_PRINT_MAX = 1024 * 1024 };
/* Appends the alert and a newline: at most LZ_ALERT_PRINT_MAX bytes, long texts are cut and marked
 * as such. Returns b->code. */
int lz_alert_print(struct lz_buf *b, const struct lz_alert *a, enum lz_alert_form form);

/* --- outputs ---------------------------------------------------------------------------------- */

struct lz_output_kind;
struct lz_alert_output_row {
	const char *name;   /* "file" */
	const char *syntax; /* "file:PATH[,size=100M][,keep=5][,format=json]" */
	const char *help;
	const struct lz_output_kind *kind; /* what does it, inside alert/ */
};
extern const struct lz_alert_output_row lz_alert_outputs[];
extern const size_t lz_alert_output_count;

/* Texts are borrowed until the last lz_outputs_add. */
struct lz_outputs_options {
	bool json;	    /* the form of outputs whose own is not given */
	bool colour;	    /* for "-" when it prints for people */
	int stdout_fd;	    /* of "-"; 0: standard output */
	const char *host;   /* for what the outputs have to say themselves; NULL: asked for */
	size_t queue_bytes; /* what may wait in memory for each output; 0: 4 MiB */
	const char *
		spool_dir; /* webhooks keep undelivered alerts below it; NULL: each names its own */
	uint64_t spool_bytes;	 /* for each webhook; 0: 64 MiB */
	const char *header_file; /* lines "Name: value" for webhooks, such as a token; NULL: none */
	const char *ca_file;	 /* certificates to trust in place of the system's; NULL: none */
	unsigned timeout_s;	 /* for one answer of a webhook; 0: 10 */
};

struct lz_output_stats {
	const char
		*name; /* as the user wrote it, without passwords; valid as long as the outputs */
	uint64_t sent; /* alerts out of our hands */
	uint64_t waiting; /* in memory or in the spool */
	uint64_t kept;	  /* those of them that are in the spool: the next run sends them */
	uint64_t dropped; /* lost for this output: no room, refused, damaged */
	uint64_t notices; /* of ours, that some were lost: sent + waiting + dropped = alerts handed
			   * over + notices */
	bool failing;	  /* the last try failed; it is tried again */
	bool ended;	  /* its reader has gone for good: nothing more goes there */
	struct lz_err last; /* the last failure; code 0: none */
};

struct lz_outputs;
struct lz_outputs *lz_outputs_new(const struct lz_outputs_options *o, struct lz_err *err);
/* Opens one, "file:/var/log/alerts.json,format=json", and starts its thread. What can be seen to be
 * wrong now (its name, a folder that is not there) is an error now. */
int lz_outputs_add(struct lz_outputs *o, const char *spec, struct lz_err *err);
/* Hands one alert to every output. Never waits: an output that can't keep up loses it, counts it
 * and says so in front of the next alert it gets. One thread at a time. */
void lz_outputs_send(struct lz_outputs *o, const struct lz_alert *a);
/* False when every output has ended, as when the reader of our standard output has gone. */
bool lz_outputs_alive(struct lz_outputs *o);
/* Files are opened anew (after logrotate), tokens read again. Does not wait. */
void lz_outputs_reopen(struct lz_outputs *o);
/* Waits until everything is out, at most that long. Returns how many alerts still wait; those in a
 * spool are sent by the next run. */
uint64_t lz_outputs_flush(struct lz_outputs *o, uint64_t timeout_ms);
size_t lz_outputs_count(const struct lz_outputs *o);
void lz_outputs_stats(struct lz_outputs *o, size_t i, struct lz_output_stats *ret);
/* Stops the threads, also those in the midst of something. */
void lz_outputs_free(struct lz_outputs *o);
