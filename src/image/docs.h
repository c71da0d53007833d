/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside image/ only: one remembered member of an archive, and how candidates become images. */
#include "image.h"

enum lz_doc_kind { LZ_DOC_JSON, LZ_DOC_LINK, LZ_DOC_BLOB };

struct lz_doc {
	enum lz_doc_kind kind;
	struct lz_span path;
	struct lz_span text; /* JSON: the document; link: its target, normalised from the root */
	uint64_t offset, length;
};

/* Follows links (at most 16); NULL when nothing is there. */
const struct lz_doc *lz_docs_find(const struct lz_docs *d, struct lz_span path);

/* One image a user could mean. */
struct lz_candidate {
	struct lz_span names[16]; /* repo:tag or ref names; may be none */
	size_t name_count;
	struct lz_span digest;	     /* manifest digest, or the config's in a docker-archive */
	uint64_t size;		     /* promised size of the manifest; UINT64_MAX: not promised */
	struct lz_platform platform; /* os empty: not known yet */
	struct lz_span config;	     /* docker-archive: path of the config */
	struct lz_span *layer_paths; /* docker-archive: paths of the layers */
	size_t layer_count;
};

/* docker-archive: candidates of manifest.json, then one candidate as an image. */
int lz_docker_candidates(const struct lz_docs *d, struct lz_arena *arena, struct lz_vec *ret,
			 struct lz_err *err);
int lz_docker_image(const struct lz_docs *d, const struct lz_candidate *c, struct lz_arena *arena,
		    struct lz_image *ret, struct lz_err *err);
/* OCI layout: candidates of index.json and the indexes below it, then one candidate as an image. */
int lz_oci_candidates(const struct lz_docs *d, struct lz_arena *arena, struct lz_vec *ret,
		      struct lz_err *err);
int lz_oci_image(const struct lz_docs *d, const struct lz_candidate *c, struct lz_arena *arena,
		 struct lz_image *ret, struct lz_err *err);

/* Checks text against a promised "sha256:<hex>" and size (UINT64_MAX: none promised). */
int lz_doc_verify(struct lz_span text, struct lz_span digest, uint64_t size, const char *what,
		  struct lz_err *err);
/* Fills platform, created, diff_ids and history lines of ret from an image config, whose layers
 * have been set (count and blobs). */
int lz_config_apply(struct lz_span text, const struct lz_limits *limits, struct lz_arena *arena,
		    struct lz_image *ret, struct lz_err *err);
/* "blobs/sha256/<hex>" of a valid sha256 digest; LZ_E_UNSUPPORTED for other algorithms. */
int lz_blob_path(struct lz_span digest, struct lz_arena *arena, struct lz_span *ret,
		 struct lz_err *err);
