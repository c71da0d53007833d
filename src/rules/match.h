/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside rules/ only: what a matcher remembers of the event at hand. */
#include "set.h"

struct lz_seen_term {
	uint32_t event; /* for which this holds */
	uint32_t n;
	const struct lz_datum *data;
};

struct lz_made_term { /* beside it, for what is not simply a field */
	size_t n;
	const struct lz_datum *data;
	struct lz_datum own; /* of a transformer; its text lies in made */
	struct lz_buf made;
	struct lz_vec list; /* struct lz_datum: of a transformer over a list */
};

struct lz_seen_known { /* see lz_match_possible */
	uint32_t event;
	uint8_t known; /* enum lz_knowledge */
};

struct lz_seen_node {
	uint32_t event;
	bool value;
};

struct lz_seen_can { /* be false, be true, as far as is known of the event */
	uint32_t event[2];
	bool value[2];
};

struct lz_matcher {
	const struct lz_rules *rules;
	/* of its graph, where they lie: asked a hundred times per event */
	const struct lz_node *node;
	const uint32_t *children;
	const struct lz_graph_check *check;
	const struct lz_graph_term *term;
	const struct lz_kinds *kinds;
	int kind; /* of the event at hand; -1: unknown */
	const struct lz_quick *quick;
	const uint32_t *refs;
	struct lz_rules_state *state;
	struct lz_seen_term *terms;
	struct lz_made_term *made;
	struct lz_seen_known *known;
	struct lz_seen_node *nodes;
	struct lz_seen_can *can;
	enum lz_knowledge (*knows)(void *arg, const struct lz_field *f, struct lz_span index);
	void *knows_arg;
	uint32_t event;
	struct lz_watch_event *e;
};

/* What a transformer makes, in s. 0: no value; 1: the text in s->made, which lz_term_keep_text makes
 * its value; 2: s says it all. */
size_t lz_term_transform(struct lz_matcher *m, const struct lz_graph_term *t,
			 struct lz_made_term *s);
void lz_term_keep_text(struct lz_made_term *s);
/* The values of a term for the event at hand. */
size_t lz_term_values(struct lz_matcher *m, uint32_t term, const struct lz_datum **ret);
/* Forgets the event before. */
void lz_match_begin(struct lz_matcher *m, struct lz_watch_event *e, int kind);
bool lz_check_holds(struct lz_matcher *m, uint32_t check);
/* What the event at hand, which meets this step (or the condition: 0), does to a rule that looks at
 * several events: whether it is met now. */
bool lz_state_met(struct lz_matcher *m, const struct lz_timing *t, uint32_t step, uint64_t time_ns);
/* What an event of this kind is put through. */
const struct lz_program *lz_match_program(const struct lz_matcher *m, int kind);
/* A value as it prints. */
void lz_datum_print(struct lz_buf *out, enum lz_field_type type, const struct lz_datum *d);

enum lz_piece_kind { LZ_PIECE_TEXT, LZ_PIECE_TERM };
struct lz_piece {
	enum lz_piece_kind kind;
	struct lz_span text;
	uint32_t term;
	unsigned width; /* 0: as long as it is */
};
struct lz_format {
	struct lz_piece *pieces;
	size_t count;
};
