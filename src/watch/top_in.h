/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside top_*.c only: what is known of the moment, and how it looks. */
#include "../base/buf.h"
#include "../base/vec.h"
#include "../rules/rules.h"
#include "../sensor/bpf/event.h"

enum {
	TOP_ID = 16,
	TOP_NAME = 128,
	TOP_TEXT = 256,
	TOP_ROWS_MAX = 4096,
	TOP_PROCS_MAX = 16384,
	TOP_FLOWS = 256, /* remembered, of all containers together */
	TOP_ALERTS = 128,
};

enum lz_top_count { TOP_EXECS, TOP_OPENS, TOP_CONNECTS, TOP_COUNTS };

struct lz_top_row {	 /* a container, or the host */
	char id[TOP_ID]; /* short; "host" */
	char name[TOP_NAME], image[TOP_NAME];
	uint64_t count[TOP_COUNTS], counted[TOP_COUNTS]; /* now, and at the last look */
	double rate[TOP_COUNTS];			 /* a second */
	uint64_t sent_bytes, received_bytes;		 /* of connections that ended */
	uint64_t alerts;
	uint64_t ticks, ticked; /* processor time of its processes, now and before */
	double cpu;		/* percent of one processor */
	size_t processes;
	uint64_t seen_ms; /* it had a process or an event */
};

struct lz_top_proc {
	uint64_t start_ns;
	uint32_t pid;
	const struct lz_top_row *row;
	uint64_t ticks;
	double cpu;
	char text[TOP_TEXT]; /* command line, else name */
};

struct lz_top_flow {
	char id[TOP_ID], text[TOP_TEXT]; /* "→ 10.0.0.5:443 example.com" */
	struct lz_ev_socket socket;
	uint64_t sent_bytes, received_bytes;
	uint64_t time_ns; /* of its last news, since 1970; 0: none there */
	bool ended;
};

struct lz_top_alert {
	char id[TOP_ID], text[TOP_TEXT];
	enum lz_priority priority;
	uint64_t time_ns;
};

enum lz_top_sort {
	TOP_BY_CPU,
	TOP_BY_EXECS,
	TOP_BY_OPENS,
	TOP_BY_CONNECTS,
	TOP_BY_OUT,
	TOP_BY_ALERTS,
	TOP_BY_NAME,
	TOP_SORTS
};

struct lz_top_model {
	struct lz_vec rows;  /* struct lz_top_row *, sorted */
	struct lz_vec procs; /* struct lz_top_proc, by processor time; of the last look */
	struct lz_top_flow flow[TOP_FLOWS]; /* rings: the newest is at next - 1 */
	size_t flow_next;
	struct lz_top_alert alert[TOP_ALERTS];
	size_t alert_next;
	uint64_t lost;
	double events; /* a second */
	int64_t now_s; /* of the last look */
	/* what the person asked for */
	enum lz_top_sort sort;
	char selected[TOP_ID]; /* "": the first */
	size_t scroll;	       /* of the processes in the detail */
	bool detail, paused, quit;
};

void lz_top_sort(struct lz_top_model *m);
/* The row selected; NULL: there is none. */
struct lz_top_row *lz_top_selected(const struct lz_top_model *m);

enum lz_top_key {
	TOP_KEY_NONE,
	TOP_KEY_UP,
	TOP_KEY_DOWN,
	TOP_KEY_ENTER,
	TOP_KEY_BACK,
	TOP_KEY_SORT,
	TOP_KEY_PAUSE,
	TOP_KEY_QUIT
};
void lz_top_press(struct lz_top_model *m, enum lz_top_key key);
/* The next key of what a terminal sent; takes its bytes off. NONE: nothing (more) that is one. */
enum lz_top_key lz_top_key(struct lz_span *bytes);

/* The screen: `lines` lines of at most `columns` columns, each behind the code that clears it. */
void lz_top_draw(const struct lz_top_model *m, unsigned columns, unsigned lines, bool colour,
		 struct lz_buf *out);
/* All rows as plain text, for files and pipes. */
void lz_top_table(const struct lz_top_model *m, struct lz_buf *out);

/* --- the terminal --- */
struct lz_top_term;
struct lz_top_term *lz_top_term_open(struct lz_err *err);
/* Gives the terminal back as it was. */
void lz_top_term_close(struct lz_top_term *t);
void lz_top_term_size(unsigned *ret_columns, unsigned *ret_lines);
/* What was typed since; false: the terminal is gone. *ret_resized: its size changed. */
bool lz_top_term_read(struct lz_top_term *t, char *buf, size_t size, size_t *ret_n,
		      bool *ret_resized);
