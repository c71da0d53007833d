/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside scan/ only: from a target to the evidence of all its layers. */
#include "../base/map.h"
#include "../base/progress.h"
#include "../catalog/evidence.h"
#include "scan.h"

/* One blob on its way to evidence. Two images may share it. */
struct lz_blob {
	struct lz_span path;
	const struct lz_layer
		*layer; /* first promise made about it; NULL in a stream until known */
	struct lz_evidence evidence;
	struct lz_child_usage usage;
	bool analysed;
};

struct lz_bundle {
	struct lz_arena arena;
	struct lz_limits limits;
	struct lz_vec images;	/* struct lz_image */
	struct lz_vec problems; /* struct lz_problem outside any layer */
	struct lz_map blobs;	/* path -> struct lz_blob * */
	uint64_t cpu_ms, max_rss_bytes;
	bool torn; /* the archive could not be read to its end; the images were found all the same
		    */
};
int lz_bundle_init(struct lz_bundle *b, const struct lz_limits *limits);
void lz_bundle_done(struct lz_bundle *b);
struct lz_blob *lz_bundle_blob(struct lz_bundle *b, struct lz_span path, struct lz_err *err);
/* Copies what it is given; text from err. */
int lz_bundle_problem(struct lz_bundle *b, const struct lz_err *why, struct lz_span path,
		      struct lz_err *err);

struct lz_gather {
	const struct lz_target *target;
	const struct lz_scan_options *options;
	const struct lz_wanted *wanted;
	size_t wanted_count;
	struct lz_progress *progress;
	bool again; /* may be called a second time for this target (false for a pipe) */
};
/* One per target kind. A negative code when no image could be made out. */
int lz_gather_archive(struct lz_gather *g, struct lz_bundle *b, struct lz_err *err);
int lz_gather_oci(struct lz_gather *g, struct lz_bundle *b, struct lz_err *err);
int lz_gather_dir(struct lz_gather *g, struct lz_bundle *b, struct lz_err *err);

/* Reads a child's records of one role until its end: evidence into `blob` (a stream's LZ_REC_BLOB
 * switches to another one), images and archive problems into the bundle. What goes wrong inside one
 * blob becomes a problem there; < 0: the child as a whole failed. */
int lz_receive(struct lz_gather *g, struct lz_bundle *b, struct lz_child *c, struct lz_blob *blob,
	       struct lz_err *err);

/* Analyses every blob of the images that is not analysed yet, `jobs` at a time. open_blob gives a
 * descriptor and window, or a negative code. */
typedef int (*lz_blob_opener)(void *arg, const struct lz_layer *layer, int *ret_fd,
			      uint64_t *ret_offset, uint64_t *ret_length, struct lz_err *err);
int lz_analyse_blobs(struct lz_gather *g, struct lz_bundle *b, lz_blob_opener open_blob, void *arg,
		     struct lz_err *err);

/* A thread that writes files as one tar stream into a pipe. */
struct lz_feed_pipe {
	int fd; /* write end */
	struct lz_buf buf;
	int code;		  /* sticky: the reader is gone, or no memory */
	struct lz_bundle *bundle; /* problems go here; only the feeding thread touches them */
	struct lz_gather *gather;
};
/* Adds one file: `name` in the stream, content from fd (borrowed). */
void lz_feed_file(struct lz_feed_pipe *p, struct lz_span name, int fd, uint64_t size);
/* Starts role `role` on a pipe, runs feed() in a thread, receives until the end. */
int lz_feed_child(struct lz_gather *g, struct lz_bundle *b, const char *role,
		  struct lz_span request, void (*feed)(struct lz_feed_pipe *p, void *arg),
		  void *arg, struct lz_blob *blob, struct lz_err *err);

/* From evidence to answer, for one image of the bundle. Paths that need a second look go to wanted.
 */
int lz_answer(const struct lz_gather *g, struct lz_bundle *b, const struct lz_image *image,
	      struct lz_scan *scan, struct lz_vec *wanted, struct lz_err *err);
