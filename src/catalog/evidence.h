/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Evidence: what one layer holds, as far as we look. It depends on the layer's bytes alone, so it
 * can be kept under the layer's digest for ever. A confined child makes it (layer.c), the parent
 * decodes it as hostile (evidence.c), layers are laid over each other by merge.c.
 *
 *	layer bytes ──► child: tar, catalogers ──► records ──► struct lz_evidence
 *	lz_evidence × n, lowest first ──► lz_merge ──► packages, release files
 */
#include "../base/limits.h"
#include "../base/vec.h"
#include "../image/image.h"
#include "../jail/jail.h"
#include "catalog.h"

/* --- one layer -------------------------------------------------------------------------------- */

enum lz_node_kind {
	LZ_NODE_FILE,	  /* a file a cataloger has read; `file` says what was in it */
	LZ_NODE_SYMLINK,  /* target as stored */
	LZ_NODE_HARDLINK, /* a wanted path that is another name of `target` */
	LZ_NODE_WHITEOUT, /* hides path and all below it in lower layers */
	LZ_NODE_OPAQUE,	  /* hides all below path in lower layers */
	LZ_NODE_DIR,	  /* a directory of this name: takes the place of a link */
	LZ_NODE_OTHER,	  /* a file or device of this name: takes the place of a directory */
	LZ_NODE_COUNT,
};

struct lz_file_evidence {
	struct lz_package *packages;
	size_t package_count;
	struct lz_release *releases;
	size_t release_count;
	struct lz_owned {
		struct lz_span package, arch, list;
		uint32_t count;
	} * owned;
	size_t owned_count;
};

struct lz_node {
	enum lz_node_kind kind;
	struct lz_span path;
	struct lz_span target;
	struct lz_file_evidence *file;
};

struct lz_evidence {
	struct lz_arena arena;
	struct lz_vec nodes;	/* struct lz_node, in the layer's order */
	struct lz_vec problems; /* struct lz_problem; asset and layer are left to the scan */
	char digest[72];	/* "sha256:…" of the blob as stored; empty: not measured */
	char diff_id[72];	/* of the unpacked bytes */
	uint64_t packed, unpacked, entries;
	bool ended; /* the child reached the end of the layer */
};
void lz_evidence_init(struct lz_evidence *e, const struct lz_limits *limits);
void lz_evidence_done(struct lz_evidence *e);
/* Adds a problem of our own; text is copied and cut. */
void lz_evidence_problem(struct lz_evidence *e, int code, struct lz_span path, int64_t offset,
			 const char *text);

/* --- talking to the child --- */

enum {					    /* record types of the roles "layer" and "archive" */
       LZ_REC_PROGRESS = LZ_REC_FIRST_FREE, /* packed bytes since the last one */
       LZ_REC_NODE,
       LZ_REC_PACKAGE, /* belongs to the file node before it */
       LZ_REC_RELEASE,
       LZ_REC_OWNED,
       LZ_REC_PROBLEM,
       LZ_REC_LAYER_END,       /* sizes and digests */
       LZ_REC_BLOB,	       /* archive: the evidence that follows is of this member */
       LZ_REC_IMAGE,	       /* archive: one chosen image */
       LZ_REC_IMAGE_LAYER,     /* archive: its next layer, lowest first */
       LZ_REC_ARCHIVE_PROBLEM, /* archive: something wrong outside any layer */
};

/* A path outside the patterns that a link led to, and who reads it: second look at a layer. */
struct lz_wanted {
	struct lz_span path;
	unsigned cataloger; /* index into lz_catalogers[] */
};

struct lz_layer_request {
	uint64_t offset, length; /* window of the input; length UINT64_MAX: all of a stream */
	bool seekable;
	bool hash; /* measure digests (not for a stream we made ourselves) */
	const struct lz_wanted *wanted;
	size_t wanted_count;
};
/* The request for role "layer"; appended to b. */
int lz_layer_request(struct lz_buf *b, const struct lz_layer_request *q);

struct lz_archive_request {
	bool seekable; /* plain tar that can be read by offset: layers are left for later */
	uint64_t size; /* of the input; UINT64_MAX when not known */
	struct lz_image_select select;
	const struct lz_wanted *wanted;
	size_t wanted_count;
};
int lz_archive_request(struct lz_buf *b, const struct lz_archive_request *q);

/* Takes one record into e. 1: e ended (LAYER_END); 0: more to come; < 0: malformed. Progress is
 * added to *bytes. Other record types than evidence are LZ_E_FORMAT. */
int lz_evidence_take(struct lz_evidence *e, struct lz_rec *rec, const struct lz_limits *limits,
		     uint64_t *bytes, struct lz_err *err);

/* Takes an LZ_REC_IMAGE or LZ_REC_IMAGE_LAYER into images (struct lz_image, spans in arena). */
int lz_image_take(struct lz_rec *rec, struct lz_arena *arena, const struct lz_limits *limits,
		  struct lz_vec *images, struct lz_err *err);
/* Takes an LZ_REC_ARCHIVE_PROBLEM into problems (struct lz_problem, spans in arena). */
int lz_archive_problem_take(struct lz_rec *rec, struct lz_arena *arena, struct lz_vec *problems,
			    struct lz_err *err);

extern const struct lz_role lz_role_layer;
extern const struct lz_role lz_role_archive;

/* --- layers over each other --- */

struct lz_merge;

/* Evidence is borrowed and must outlive the merge. Memory is bounded by limits->links_bytes. */
struct lz_merge *lz_merge_new(const struct lz_limits *limits, struct lz_err *err);
void lz_merge_free(struct lz_merge *m);
/* Next layer up; `index` is kept with what it brings. */
int lz_merge_layer(struct lz_merge *m, const struct lz_evidence *e, uint32_t index,
		   struct lz_err *err);

/* What one layer put at a path, over what lower layers had put there (without a whiteout between).
 */
struct lz_file_version {
	const struct lz_file_evidence *file;
	uint32_t layer;
	const struct lz_file_version *older;
};
/* One visible file. */
struct lz_visible {
	struct lz_span path; /* canonical, in the arena */
	const struct lz_file_version *version;
};
/* All visible files that catalogers want, each once, in the order of the cataloger table and then
 * by path: struct lz_visible. Paths that links lead to and that no layer was asked for go to
 * ret_wanted (struct lz_wanted, in arena); paths whose links run in a circle to ret_circles (struct
 * lz_span). */
int lz_merge_files(struct lz_merge *m, struct lz_arena *arena, struct lz_vec *ret_visible,
		   struct lz_vec *ret_wanted, struct lz_vec *ret_circles, struct lz_err *err);
