/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * From a control group's path to a container, and from a container to what its runtime knows of it.
 *
 *	"/system.slice/docker-<id>.scope"  ──► struct lz_container_ref      pure, no memory
 *	ref  ──► lz_containers_get() ──► struct lz_container                files now, the API later
 *
 * All that a container says of itself is its owner's text: names, labels and paths may hold any
 * byte but are valid UTF-8 when they come from JSON. The documents are parsed in a confined child
 * (role "container"); this side only opens files, speaks HTTP to the runtime's socket and checks
 * records.
 */
#include "../base/err.h"
#include "../base/limits.h"
#include "../base/span.h"
#include "../jail/jail.h"

/* --- which container --------------------------------------------------------------------------- */

enum lz_runtime {
	LZ_RUNTIME_ANY, /* an id, but not whose: all are asked */
	LZ_RUNTIME_DOCKER,
	LZ_RUNTIME_PODMAN,
	LZ_RUNTIME_CRIO,
	LZ_RUNTIME_CONTAINERD, /* also by way of nerdctl */
	LZ_RUNTIME_CRI,	       /* containerd, for Kubernetes */
	LZ_RUNTIME_POD,	       /* of a Kubernetes pod, served by any of the above */
	LZ_RUNTIME_LXC,
	LZ_RUNTIME_NSPAWN,
	LZ_RUNTIME_GARDEN,
	LZ_RUNTIME_ECS,
	LZ_RUNTIME_COUNT
};

enum { LZ_CONTAINER_ID_MAX = 128, LZ_CONTAINER_SHORT = 12 };

struct lz_container_ref {
	enum lz_runtime runtime;
	uint32_t uid;		 /* whose rootless runtime; 0: the system's */
	uint8_t id_n, pod_uid_n; /* bytes of these; pod_uid may be empty */
	char id[LZ_CONTAINER_ID_MAX];
	char pod_uid[36];
};

/* The container a control group belongs to; false: the host. The path is one of /proc/PID/cgroup,
 * of either hierarchy. Pure. The outermost container counts: what lies below is named by the
 * container itself, which could otherwise take another one's name. For the same reason a user's own
 * slice gives a ref with that user's uid, for which only that user's files are read. */
bool lz_container_of_cgroup(struct lz_span path, struct lz_container_ref *ret);

static inline struct lz_span lz_container_id(const struct lz_container_ref *r)
{
	return lz_span(r->id, r->id_n);
}
/* What people see: 12 characters of a 64-digit id, others whole. */
struct lz_span lz_container_short_id(const struct lz_container_ref *r);
bool lz_container_ref_eq(const struct lz_container_ref *a, const struct lz_container_ref *b);
const char *lz_runtime_text(enum lz_runtime r); /* "docker", …; never NULL */

/* --- what is known of it ----------------------------------------------------------------------- */

/* Texts, each empty when not known: X(name, most bytes). */
#define LZ_CONTAINER_TEXTS(X)                                                       \
	X(type, 32)		  /* docker, podman, cri-o, containerd, lxc, … */ \
	X(name, 1024)		  /* without Docker's slash */                      \
	X(image, 4096)		  /* as it was asked for */                         \
	X(image_id, 256)	  /* 64 hex digits, without "sha256:" */            \
	X(image_repository, 4096) /* without tag and digest */                      \
	X(image_tag, 256)                                                           \
	X(image_digest, 256) /* "sha256:…", of the registry */                    \
	X(ip, 64)                                                                   \
	X(healthcheck, 4096) /* a command, its words joined by spaces */            \
	X(liveness_probe, 4096)                                                     \
	X(readiness_probe, 4096)                                                    \
	X(cni_json, 16384)                                                          \
	X(upper, 4096) /* overlayfs's upper directory, as the host names it */      \
	X(pod_name, 1024)                                                           \
	X(pod_namespace, 1024)                                                      \
	X(pod_uid, 256)                                                             \
	X(pod_sandbox_id, 256) /* whole */                                          \
	X(pod_ip, 64)                                                               \
	X(pod_cni_json, 16384)

enum lz_container_text {
#define LZ_CONTAINER_X(name, max) LZ_CT_##name,
	LZ_CONTAINER_TEXTS(LZ_CONTAINER_X)
#undef LZ_CONTAINER_X
		LZ_CT_COUNT
};

struct lz_label {
	struct lz_span key, value;
};
struct lz_container_mount {
	struct lz_span source, dest, mode, propagation;
	bool rdwr;
};

/* Bits of .flags; .known says which of them are known. */
enum lz_container_flag {
	LZ_CONTAINER_PRIVILEGED = 1,
	LZ_CONTAINER_HOST_PID = 2,
	LZ_CONTAINER_HOST_NETWORK = 4,
	LZ_CONTAINER_HOST_IPC = 8,
	LZ_CONTAINER_SANDBOX = 16 /* the pause container of a pod */
};

/* Never changes once made; lives until its last reference is given back. Any thread. */
struct lz_container {
	struct lz_container_ref ref;
	union {
		struct {
#define LZ_CONTAINER_X(name, max) struct lz_span name;
			LZ_CONTAINER_TEXTS(LZ_CONTAINER_X)
#undef LZ_CONTAINER_X
		};
		struct lz_span text[LZ_CT_COUNT];
	};
	const struct lz_label *labels, *pod_labels;
	size_t label_count, pod_label_count;
	const struct lz_container_mount *mounts;
	size_t mount_count;
	uint32_t flags, known;
	uint32_t pid;			/* of its first process, as the host counts; 0: unknown */
	int64_t created_ns, started_ns; /* since 1970; 0: unknown */
	bool complete; /* the runtime's data were found and all that is expected of it is there */
	bool cut;      /* something was too long or too much, and left out or shortened */
	struct lz_span why_not; /* one line; empty when complete and not cut */
};

const struct lz_container *lz_container_ref_get(const struct lz_container *c);
void lz_container_unref(const struct lz_container *c); /* NULL accepted */
size_t lz_container_bytes(const struct lz_container *c);
/* The value of a label; NULL p when there is none. */
struct lz_span lz_container_label(const struct lz_label *labels, size_t n, struct lz_span key);

/* As bytes, to be kept and read again; what is read is checked as hostile. NULL with err. */
int lz_container_save(struct lz_buf *b, const struct lz_container *c); /* appends; b->code */
struct lz_container *lz_container_load(struct lz_span bytes, struct lz_err *err);

/* --- all of them ------------------------------------------------------------------------------- */

/* Places; NULL: not asked. Copied by lz_containers_new. */
struct lz_containers_config {
	const char *docker_root;	  /* /var/lib/docker */
	const char *docker_socket;	  /* /run/docker.sock */
	const char *containerd_states[3]; /* …/io.containerd.runtime.v2.task; k3s has its own */
	const char *podman_root;	  /* /var/lib/containers/storage */
	const char *podman_socket;	  /* /run/podman/podman.sock */
	const char *crio_run;		  /* /run/containers/storage */
	const char *homes;		  /* /home: rootless storage below each */
	const char *cni_results;	  /* /var/lib/cni/results */
	const char *proc;		  /* /proc */
	const char *sys_lxc;		  /* /var/lib/lxc */
	size_t table_max;		  /* containers held */
	size_t bytes_max;		  /* of all of them */
	unsigned linger_ms;		  /* how long a forgotten one is kept */
	unsigned parse_ms;		  /* the most one parse may take */
	unsigned api_ms;		  /* the most one request to a socket may take */
	struct lz_limits limits;	  /* of the confined child */
};
void lz_containers_config_default(struct lz_containers_config *c);

struct lz_containers;
/* Starts the parser and the thread that asks the sockets. */
struct lz_containers *lz_containers_new(const struct lz_containers_config *config,
					struct lz_err *err);
void lz_containers_free(struct lz_containers *c); /* references given out stay valid */

/* A reference, at once; NULL only without memory. The first time this reads files (about a
 * millisecond); when they say nothing, or not all, the thread asks on and a later get has the
 * better answer. Any thread. */
const struct lz_container *lz_containers_get(struct lz_containers *c,
					     const struct lz_container_ref *ref);
/* Its group is gone: kept for linger_ms for events still on their way, then released. */
void lz_containers_forget(struct lz_containers *c, const struct lz_container_ref *ref);

struct lz_containers_stats {
	size_t live, bytes;
	uint64_t read, asked, evicted; /* from files, from sockets, pushed out by others */
	uint64_t parser_starts;	       /* more than two: something made parsers die */
};
struct lz_containers_stats lz_containers_stats(struct lz_containers *c);

extern const struct lz_role lz_role_container;
