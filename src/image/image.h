/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * From a target's name to images and the bytes of their layers. Three questions, three places:
 *
 *	what did the user name?      lz_target_parse       parent, looks at names and magic only
 *	which images are in there?   lz_image_resolve      child: manifests, indexes, configs
 *	what is in a layer?          catalog/layer         child, one per layer
 *
 * Everything that reads content of the target runs in a confined child. The parent opens files
 * and hands over descriptors.
 */
#include "../base/limits.h"
#include "../base/map.h"
#include "../format/reader.h"
#include "../model/model.h"

enum lz_target_kind {
	LZ_TARGET_ARCHIVE, /* one file: docker-archive or OCI layout as tar; plain or packed; "-" */
	LZ_TARGET_OCI,	   /* OCI image layout: a directory (a tar is LZ_TARGET_ARCHIVE) */
	LZ_TARGET_DIR,	   /* root file system */
};

struct lz_target {
	enum lz_target_kind kind;
	struct lz_span given; /* as the user wrote it */
	struct lz_span path;  /* without the scheme; "-" is standard input */
	bool recognised;      /* no scheme was given: the report says what it was taken for */
};
/* "archive:x.tar", "oci:dir", "oci:x.tar", "dir:/", or a bare path recognised by content.
 * LZ_E_USAGE for an unknown scheme, LZ_E_NOTFOUND when nothing is there. */
int lz_target_parse(struct lz_span given, struct lz_arena *arena, struct lz_target *ret,
		    struct lz_err *err);
const char *lz_target_kind_name(enum lz_target_kind k); /* "archive" "oci" "dir" */

struct lz_platform {
	struct lz_span os, arch, variant; /* Go's names: linux, amd64, arm64 / v8 */
};
/* "linux/arm64/v8"; LZ_E_USAGE. */
int lz_platform_parse(struct lz_span s, struct lz_platform *ret, struct lz_err *err);
void lz_platform_host(struct lz_platform *ret);

struct lz_image_select {
	struct lz_span image;	     /* --image NAME (repo:tag, ref name, or digest), or empty */
	struct lz_platform platform; /* os empty: the only one there is, else host */
	/* Set by lz_archive_request: who resolves is behind the wall and can't ask the kernel. */
	struct lz_platform host;
	bool all_platforms;
};

/* One layer as the manifest promises it. */
struct lz_layer {
	struct lz_span
		blob; /* path in the archive or layout: "blobs/sha256/…", "ab12…/layer.tar" */
	struct lz_span digest;	/* promised digest of the blob; empty in legacy archives */
	uint64_t size;		/* promised size; UINT64_MAX when none is */
	struct lz_span diff_id; /* promised digest of the unpacked bytes; empty if none */
	struct lz_span media_type;
	struct lz_span created_by; /* history line; empty if none */
	uint64_t offset;	   /* of the blob's bytes, in a plain seekable archive */
	uint64_t length;
	bool located; /* offset and length are valid */
};

struct lz_image {
	struct lz_span name;   /* repo:tag or ref name; may be empty */
	struct lz_span digest; /* manifest digest (OCI) or config digest (docker-archive) */
	struct lz_span config_digest;
	struct lz_platform platform;
	struct lz_layer *layers; /* lowest first */
	size_t layer_count;
	size_t layer_room; /* while one is being received: how many were announced */
	int64_t created_s;
};

/* --- child side: from documents to images --------------------------------------------------------
 */

/* What an archive or layout holds: small JSON documents whole, everything else by place. All is
 * copied into the arena given at birth. */
struct lz_docs {
	struct lz_map by_path; /* struct lz_doc * */
	struct lz_arena *arena;
	const struct lz_limits *limits;
	uint64_t json_bytes; /* so far, against json_total */
};
void lz_docs_init(struct lz_docs *d, struct lz_arena *arena, const struct lz_limits *limits);
void lz_docs_done(struct lz_docs *d);
/* A later entry of the same path replaces the earlier one. LZ_E_LIMIT: json_total or blobs. */
int lz_docs_add_json(struct lz_docs *d, struct lz_span path, struct lz_span text,
		     struct lz_err *err);
int lz_docs_add_link(struct lz_docs *d, struct lz_span path, struct lz_span target, bool symbolic,
		     struct lz_err *err);
int lz_docs_add_blob(struct lz_docs *d, struct lz_span path, uint64_t offset, uint64_t length,
		     struct lz_err *err);

/* The images that `select` asks for, as struct lz_image. LZ_E_NOTFOUND: none for this platform (the
 * text lists those there are) or this is no image at all; LZ_E_USAGE: several images and none was
 * picked, or one that is not there;
 * LZ_E_DIGEST: a manifest or config differs from its digest; LZ_E_FORMAT, LZ_E_UNSUPPORTED,
 * LZ_E_LIMIT. */
int lz_image_resolve(const struct lz_docs *docs, const struct lz_image_select *select,
		     struct lz_arena *arena, struct lz_vec *ret_images, struct lz_err *err);

/* Why a layer of this media type can't be read ("foreign layer …", "encrypted layer …"), or NULL.
 */
const char *lz_layer_refusal(struct lz_span media_type);
