/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside catalog/ only: evidence as records, child side. */
#include "evidence.h"

struct lz_layer_sums {
	uint64_t packed, unpacked, entries;
	bool hashed;
	unsigned char digest[32], diff_id[32];
};

int lz_wire_node(struct lz_rec_out *o, enum lz_node_kind kind, struct lz_span path,
		 struct lz_span target, struct lz_err *err);
int lz_wire_package(struct lz_rec_out *o, const struct lz_package *p, struct lz_err *err);
int lz_wire_release(struct lz_rec_out *o, const struct lz_release *r, struct lz_err *err);
int lz_wire_owned(struct lz_rec_out *o, struct lz_span package, struct lz_span arch,
		  struct lz_span list, uint32_t count, struct lz_err *err);
int lz_wire_problem(struct lz_rec_out *o, uint16_t type, int code, struct lz_span path,
		    int64_t offset, const char *text, struct lz_err *err);
int lz_wire_progress(struct lz_rec_out *o, uint64_t bytes, struct lz_err *err);
int lz_wire_layer_end(struct lz_rec_out *o, const struct lz_layer_sums *s, struct lz_err *err);

int lz_wire_image(struct lz_rec_out *o, const struct lz_image *image, struct lz_err *err);

/* Walks one layer's tar and sends its evidence; `r` delivers unpacked bytes. Returns an error that
 * lost the rest of the layer (already without context of which layer). *ret_entries counts. */
struct lz_layer_walk {
	const struct lz_limits *limits;
	struct lz_rec_out *out;
	const struct lz_wanted *wanted;
	size_t wanted_count;
	uint64_t entries;
	unsigned problems; /* sent so far; after 100 only a count is sent */
	uint64_t (*packed)(
		void *arg); /* bytes of the blob read so far, for progress; may be NULL */
	void *packed_arg;
	uint64_t reported;
	struct lz_catalog_filter filter; /* made by lz_layer_walk */
};
int lz_layer_walk(struct lz_layer_walk *w, struct lz_reader *r, struct lz_err *err);

/* Requests, child side. The spans of wanted borrow from the record. */
int lz_wanted_take(struct lz_rec *rec, struct lz_arena *arena, struct lz_wanted **ret,
		   size_t *ret_count, struct lz_err *err);
void lz_wanted_put(struct lz_rec_out *o, const struct lz_wanted *wanted, size_t count);

/* Analyses one blob from its first packed byte to its end: hashes it as stored, unpacks, hashes
 * again, walks. Sends LAYER_END when it reached the end. Takes ownership of `packed`. With
 * `threads`, stages overlap. */
int lz_layer_analyse(struct lz_layer_walk *w, struct lz_reader *packed, bool hash, bool threads,
		     struct lz_err *err);
