/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside container/ only: from the runtimes' documents to a container. This is what runs in the
 * confined child; wire.c carries it there and back.
 */
#include "../base/arena.h"
#include "../base/vec.h"
#include "../format/json.h"
#include "container.h"

/* Documents, in the order of the table in meta.c. */
enum lz_meta_kind {
	LZ_META_INSPECT,       /* GET /containers/ID/json, of Docker or Podman */
	LZ_META_DOCKER_CONFIG, /* config.v2.json */
	LZ_META_DOCKER_HOST,   /* hostconfig.json */
	LZ_META_DOCKER_MOUNT,  /* layerdb/mounts/ID/mount-id */
	LZ_META_DOCKER_REPOS,  /* repositories.json; kept until the next one */
	LZ_META_IMAGE,	       /* GET /images/ID/json */
	LZ_META_STORE,	       /* containers.json; kept */
	LZ_META_STORE_IMAGES,  /* images.json; kept */
	LZ_META_OCI,	       /* config.json of the OCI runtime */
	LZ_META_OCI_SANDBOX,   /* the same of the pod's sandbox */
	LZ_META_PID,	       /* init.pid, pidfile: its time is when it was started */
	LZ_META_MOUNTINFO,     /* of its first process */
	LZ_META_CNI,	       /* cached result of the pod's network */
	LZ_META_LXC,	       /* LXC's config */
	LZ_META_COUNT
};

struct lz_meta_doc {
	enum lz_meta_kind kind;
	int64_t mtime_ns;
	struct lz_span bytes;
};

/* What a parser knows before it reads. Spans borrowed. */
struct lz_meta_ask {
	struct lz_container_ref ref;
	struct lz_span root;	/* of the runtime's data, to name what lies there */
	enum lz_runtime source; /* whose documents these are; ANY: none were found */
	unsigned keep;		/* 1 << kind: what was kept of earlier asks and still holds */
	uint32_t known, flags;	/* LZ_CONTAINER_HOST_*, as the kernel tells: above any document */
	struct lz_span trouble; /* a document is there but could not be read */
	struct lz_span hint;	/* a socket's trouble; told when something is missing */
	const struct lz_meta_doc *docs;
	size_t doc_count;
};

/* What stays from one container to the next. */
struct lz_meta {
	struct lz_limits limits;
	json_t *repos, *store, *images;
};
void lz_meta_init(struct lz_meta *m, const struct lz_limits *limits);
void lz_meta_done(struct lz_meta *m);

/* Fills ret, which borrows from the arena. What is wrong with a document is told in ret->why_not;
 * fails only without memory. */
int lz_meta_read(struct lz_meta *m, const struct lz_meta_ask *ask, struct lz_arena *arena,
		 struct lz_container *ret, struct lz_err *err);

/* One line of Docker's event stream. */
struct lz_meta_event {
	struct lz_span action, id; /* empty: of no interest */
};
int lz_meta_event(struct lz_meta *m, struct lz_span line, struct lz_arena *arena,
		  struct lz_meta_event *ret, struct lz_err *err);

/* --- inside the reader ------------------------------------------------------------------------- */

enum {
	LZ_CT_LABELS_MAX = 1024,
	LZ_CT_MOUNTS_MAX = 512,
	LZ_CT_LABEL_MAX = 4096,	      /* bytes of one value */
	LZ_CT_MEMORY_MAX = 256 * 1024 /* of one container, all in all */
};

struct lz_draft {
	struct lz_meta *m;
	const struct lz_meta_ask *ask;
	struct lz_arena *arena;
	struct lz_container c;
	struct lz_vec labels, pod_labels; /* struct lz_label */
	struct lz_vec mounts;		  /* struct lz_container_mount */
	size_t bytes;			  /* taken so far, of LZ_CT_MEMORY_MAX */
	struct lz_err why;		  /* the first trouble with a document */
	bool found;			  /* a document of the runtime was read */
	bool pods;			  /* what it says of pods may be believed */
	json_t *image;			  /* an answer about the image, or NULL */
	struct lz_span layer;		  /* of containers/storage */
	bool sandbox_read;
	unsigned sandbox_lacks; /* LZ_CONTAINER_HOST_*: no namespace of its own */
	unsigned joined;	/* LZ_CONTAINER_HOST_*: lives in one of another's */
};

/* The first to know a text is believed; longer than allowed is cut. */
void lz_draft_text(struct lz_draft *d, enum lz_container_text which, struct lz_span s);
void lz_draft_flag(struct lz_draft *d, enum lz_container_flag flag, bool set);
void lz_draft_label(struct lz_draft *d, struct lz_vec *labels, struct lz_span key,
		    struct lz_span value);
void lz_draft_labels(struct lz_draft *d, struct lz_vec *labels, const json_t *map);
void lz_draft_mount(struct lz_draft *d, const struct lz_container_mount *m);
/* A command: `first`, then the words of an array. */
void lz_draft_words(struct lz_draft *d, enum lz_container_text which, struct lz_span first,
		    const json_t *words, size_t from);
void lz_draft_time(int64_t *ns, struct lz_span rfc3339);
void lz_draft_pid(struct lz_draft *d, double pid);
/* Facts of pods out of labels or annotations. */
void lz_draft_pod_facts(struct lz_draft *d, const json_t *map);
void lz_draft_probes(struct lz_draft *d, struct lz_span applied);

void lz_draft_inspect(struct lz_draft *d, const json_t *doc);
void lz_draft_docker_config(struct lz_draft *d, const json_t *doc);
void lz_draft_docker_host(struct lz_draft *d, const json_t *doc);
void lz_draft_oci(struct lz_draft *d, const json_t *doc);
void lz_draft_oci_sandbox(struct lz_draft *d, const json_t *doc);
void lz_draft_store(struct lz_draft *d);
void lz_draft_cni(struct lz_draft *d, const json_t *doc);
void lz_draft_mountinfo(struct lz_draft *d, struct lz_span text);
/* Containers/storage's list, and repository, tag and digest, when all documents were read. */
void lz_draft_image(struct lz_draft *d);
