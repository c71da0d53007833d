/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which documents there may be about a container, by runtime. The paths are made of the id alone,
 * whose characters cgroup.c has checked; a user's rootless runtime is looked for in that user's
 * home only.
 *
 *	Docker      ROOT/containers/ID/{config.v2,hostconfig}.json, ROOT/image/overlay2/…
 *	containerd  STATE/NAMESPACE/ID/{config.json,init.pid}
 *	Podman      ROOT/overlay-containers/ID/userdata/{config.json,pidfile}, ROOT/overlay-…/….json
 *	CRI-O       RUN/overlay-containers/ID/userdata/…, lists as Podman's
 */
#include "places.h"

#include "../base/clean.h"
#include "../base/clock.h"

#include <fcntl.h>
#include <stdio.h>

enum {
	DOC_BYTES = 1024 * 1024,
	LIST_BYTES = 8 * 1024 * 1024, /* of all images or containers of a host */
	USER_BYTES = 512 * 1024,      /* either, when its user may write it as often as he likes */
	ANSWER_BYTES = 4 * 1024 * 1024,
	DOCS_MAX = 16,
	PATH_BYTES = 4096
};

struct look {
	const struct lz_containers_config *config;
	struct lz_parser *parser;
	const struct lz_container_ref *ref;
	struct lz_meta_doc docs[DOCS_MAX];
	struct lz_buf bufs[DOCS_MAX];
	size_t n;
	enum lz_runtime source;
	char root[PATH_BYTES];
	/* where the pod's sandbox would lie: base/head ID tail */
	char base[PATH_BYTES];
	const char *sandbox_head, *sandbox_tail;
	unsigned keep;
	uint32_t known, flags;		       /* LZ_CONTAINER_HOST_*, from the kernel */
	struct lz_file_id kept[LZ_META_COUNT]; /* what the parser will hold after this ask */
	struct lz_err trouble, of_socket;
	int code; /* LZ_E_NOMEM sticks */
};

static void done(struct look *l)
{
	for (size_t i = 0; i < l->n; i++)
		lz_buf_done(&l->bufs[i]);
	l->n = 0;
}

/* The first thing that is wrong is told; that something is not there is nothing wrong. */
static void note(struct look *l, const struct lz_err *err, struct lz_err *where)
{
	if (err->code == LZ_E_NOMEM)
		l->code = LZ_E_NOMEM;
	if (err->code != LZ_E_NOTFOUND && !where->code)
		*where = *err;
}

static void add(struct look *l, enum lz_meta_kind kind, int64_t mtime_ns, struct lz_buf *taken)
{
	if (l->n == DOCS_MAX) {
		lz_buf_done(taken);
		return;
	}
	l->bufs[l->n] = *taken;
	l->docs[l->n++] = (struct lz_meta_doc){kind, mtime_ns, lz_buf_view(taken)};
}

/* True: the file is there, even if nothing could be made of it. */
static bool add_file(struct look *l, enum lz_meta_kind kind, const char *base, const char *rel,
		     size_t max)
{
	struct lz_place_file f;
	struct lz_err err = {0};

	if (l->ref->uid && max > USER_BYTES)
		max = USER_BYTES;
	if (lz_place_read(base, rel, max, &f, &err)) {
		lz_buf_done(&f.bytes);
		note(l, &err, &l->trouble);
		return err.code != LZ_E_NOTFOUND;
	}
	add(l, kind, lz_file_id(&f.st).mtime_ns, &f.bytes);
	return true;
}

/* A list of all images or containers: read again only when it is another than the parser holds. */
static void add_list(struct look *l, enum lz_meta_kind kind, const char *base, const char *rel)
{
	struct lz_file_id id;
	struct stat st;
	struct lz_err err = {0};
	int fd = lz_place_open(base, rel, &st, &err);

	if (fd < 0) {
		note(l, &err, &l->trouble);
		return;
	}
	close(fd);
	id = lz_file_id(&st);
	if (memcmp(&id, &l->parser->kept[kind], sizeof(id)) != 0) {
		size_t before = l->n;
		add_file(l, kind, base, rel, LIST_BYTES);
		if (l->n == before)
			return; /* nothing speaks in the place of one that can't be read */
	}
	l->kept[kind] = id;
	l->keep |= 1U << kind;
}

/* --- one runtime each: true when it knows the container ---
 *
 * `base` is a folder that only root may shape; `below`, empty or ending with a slash, leads on
 * through what a user may, and no link is followed there. */

static void set_root(struct look *l, const char *base, const char *below)
{
	int n = (int)strlen(below);

	snprintf(l->root, sizeof(l->root), "%s%s%.*s", base, n ? "/" : "", n ? n - 1 : 0, below);
}

static bool docker(struct look *l, const char *base, const char *below)
{
	char rel[512];
	int n = (int)l->ref->id_n;
	const char *id = l->ref->id;

	snprintf(rel, sizeof(rel), "%scontainers/%.*s/config.v2.json", below, n, id);
	if (!add_file(l, LZ_META_DOCKER_CONFIG, base, rel, DOC_BYTES))
		return false;
	l->source = LZ_RUNTIME_DOCKER;
	set_root(l, base, below);
	snprintf(rel, sizeof(rel), "%scontainers/%.*s/hostconfig.json", below, n, id);
	add_file(l, LZ_META_DOCKER_HOST, base, rel, DOC_BYTES);
	snprintf(rel, sizeof(rel), "%simage/overlay2/layerdb/mounts/%.*s/mount-id", below, n, id);
	add_file(l, LZ_META_DOCKER_MOUNT, base, rel, 256);
	snprintf(rel, sizeof(rel), "%simage/overlay2/repositories.json", below);
	add_list(l, LZ_META_DOCKER_REPOS, base, rel);
	return true;
}

static bool docker_of_system(struct look *l)
{
	return l->config->docker_root && docker(l, l->config->docker_root, "");
}

/* The mounts of its first process, as far as they go into the buffer. */
static void add_mountinfo(struct look *l, uint64_t pid)
{
	char rel[64];
	struct stat st;
	struct lz_buf b;
	LZ_CLEAN(fd) int fd = -1;
	ssize_t n = 1;

	snprintf(rel, sizeof(rel), "%llu/mountinfo", (unsigned long long)pid);
	fd = lz_place_open(l->config->proc, rel, &st, NULL);
	if (fd < 0)
		return; /* it has ended */
	lz_buf_init(&b, 65536);
	while (n > 0 && b.n < 61440 && !lz_buf_reserve(&b, 4096)) {
		n = read(fd, b.p + b.n, 4096);
		b.n += n > 0 ? (size_t)n : 0;
	}
	add(l, LZ_META_MOUNTINFO, 0, &b);
}

/* "net:[4026531840]"; false: it has ended, or may not be looked at. */
static bool namespace_of(const struct look *l, uint64_t pid, const char *name, char *ret,
			 size_t size)
{
	char path[PATH_BYTES + 64];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%llu/ns/%s", l->config->proc, (unsigned long long)pid,
		 name);
	n = readlink(path, ret, size - 1);
	ret[n > 0 ? n : 0] = 0;
	return n > 0;
}

/* Whether it lives in the host's namespaces is no matter of what a document says: specifications
 * name namespaces by paths, of which some lead to the host's. */
static void compare_namespaces(struct look *l, uint64_t pid)
{
	static const struct {
		const char *name;
		enum lz_container_flag flag;
	} rows[] = {{"pid", LZ_CONTAINER_HOST_PID},
		    {"net", LZ_CONTAINER_HOST_NETWORK},
		    {"ipc", LZ_CONTAINER_HOST_IPC}};
	char its[64], hosts[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!namespace_of(l, pid, rows[i].name, its, sizeof(its)) ||
		    !namespace_of(l, 1, rows[i].name, hosts, sizeof(hosts)))
			continue;
		l->known |= (unsigned)rows[i].flag;
		l->flags |= strcmp(its, hosts) ? 0 : (unsigned)rows[i].flag;
	}
}

static void ask_kernel(struct look *l, struct lz_span pid)
{
	uint64_t number;

	/* A user may write any number into a file of his own. */
	if (l->ref->uid || !l->config->proc || !lz_span_u64(lz_span_trim(pid), 10, &number) ||
	    !number)
		return;
	add_mountinfo(l, number);
	compare_namespaces(l, number);
}

/* config.json and a process id, in one folder. */
static bool oci(struct look *l, const char *base, const char *folder, const char *pid_name)
{
	char rel[512];

	snprintf(rel, sizeof(rel), "%s/config.json", folder);
	if (!add_file(l, LZ_META_OCI, base, rel, DOC_BYTES))
		return false;
	snprintf(rel, sizeof(rel), "%s/%s", folder, pid_name);
	if (add_file(l, LZ_META_PID, base, rel, 64) && l->n &&
	    l->docs[l->n - 1].kind == LZ_META_PID)
		ask_kernel(l, l->docs[l->n - 1].bytes);
	snprintf(l->base, sizeof(l->base), "%s", base);
	return true;
}

static bool has_container(void *arg, int dir_fd, const char *name)
{
	const struct lz_container_ref *ref = arg;
	char rel[PATH_BYTES];
	struct stat st;

	snprintf(rel, sizeof(rel), "%.255s/%.*s", name, (int)ref->id_n, ref->id);
	return fstatat(dir_fd, rel, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static bool containerd(struct look *l)
{
	enum lz_runtime before = l->source;

	for (size_t i = 0; i < 3; i++) {
		const char *state = l->config->containerd_states[i];
		char ns[256], folder[400];
		if (!state || lz_place_find(state, has_container, (void *)(uintptr_t)l->ref, ns,
					    sizeof(ns), NULL))
			continue;
		snprintf(folder, sizeof(folder), "%s/%.*s", ns, (int)l->ref->id_n, l->ref->id);
		l->source = LZ_RUNTIME_CONTAINERD;
		l->sandbox_head = "k8s.io/";
		l->sandbox_tail = "/config.json";
		if (oci(l, state, folder, "init.pid"))
			return true;
	}
	l->source = before;
	return false;
}

/* The lists lie in the storage's root even where the run-time folder is another. */
static bool storage(struct look *l, enum lz_runtime who, const char *run, const char *root,
		    const char *below)
{
	enum lz_runtime before = l->source;
	char folder[400], rel[300];

	snprintf(folder, sizeof(folder), "%soverlay-containers/%.*s/userdata", below,
		 (int)l->ref->id_n, l->ref->id);
	l->source = who;
	if (!oci(l, run, folder, "pidfile")) {
		l->source = before;
		return false;
	}
	set_root(l, root, below);
	if (!below[0]) {
		l->sandbox_head = "overlay-containers/";
		l->sandbox_tail = "/userdata/config.json";
	}
	snprintf(rel, sizeof(rel), "%soverlay-containers/containers.json", below);
	add_list(l, LZ_META_STORE, root, rel);
	snprintf(rel, sizeof(rel), "%soverlay-images/images.json", below);
	add_list(l, LZ_META_STORE_IMAGES, root, rel);
	return true;
}

static bool podman(struct look *l)
{
	const char *root = l->config->podman_root;

	return root && storage(l, LZ_RUNTIME_PODMAN, root, root, "");
}

static bool crio(struct look *l)
{
	const char *run = l->config->crio_run;
	const char *root = l->config->podman_root ? l->config->podman_root : run;

	return run && storage(l, LZ_RUNTIME_CRIO, run, root, "");
}

static bool lxc(struct look *l)
{
	char rel[300];

	snprintf(rel, sizeof(rel), "%.*s/config", (int)l->ref->id_n, l->ref->id);
	if (!l->config->sys_lxc || !add_file(l, LZ_META_LXC, l->config->sys_lxc, rel, DOC_BYTES))
		return false;
	l->source = LZ_RUNTIME_LXC;
	return true;
}

static bool is_users(void *arg, int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
	       st.st_uid == *(const uint32_t *)arg;
}

/* All below a home is its user's to shape; links on the way are refused. */
static bool rootless(struct look *l)
{
	char name[256], home[PATH_BYTES];
	uint32_t uid = l->ref->uid;

	if (!l->config->homes ||
	    lz_place_find(l->config->homes, is_users, &uid, name, sizeof(name), NULL))
		return false;
	snprintf(home, sizeof(home), "%.3000s/%s", l->config->homes, name);
	if (l->ref->runtime != LZ_RUNTIME_DOCKER &&
	    storage(l, LZ_RUNTIME_PODMAN, home, home, ".local/share/containers/storage/"))
		return true;
	return l->ref->runtime != LZ_RUNTIME_PODMAN && docker(l, home, ".local/share/docker/");
}

static bool files(struct look *l)
{
	if (l->ref->uid)
		return rootless(l);
	switch (l->ref->runtime) {
	case LZ_RUNTIME_DOCKER:
		return docker_of_system(l);
	case LZ_RUNTIME_PODMAN:
		return podman(l);
	case LZ_RUNTIME_CRIO:
		return crio(l);
	case LZ_RUNTIME_CONTAINERD:
	case LZ_RUNTIME_CRI:
		return containerd(l);
	case LZ_RUNTIME_POD:
		return containerd(l) || crio(l) || docker_of_system(l);
	case LZ_RUNTIME_ANY:
		return docker_of_system(l) || containerd(l) || podman(l) || crio(l);
	case LZ_RUNTIME_LXC:
		return lxc(l);
	case LZ_RUNTIME_NSPAWN:
	case LZ_RUNTIME_GARDEN:
	case LZ_RUNTIME_ECS:
	case LZ_RUNTIME_COUNT:
		break;
	}
	return false;
}

/* --- sockets --- */

static const char *socket_of(const struct look *l, enum lz_runtime *ret_who)
{
	enum lz_runtime r = l->source ? l->source : l->ref->runtime;

	*ret_who = r == LZ_RUNTIME_PODMAN ? LZ_RUNTIME_PODMAN : LZ_RUNTIME_DOCKER;
	if (l->ref->uid)
		return NULL; /* a user's socket answers what the user likes, and may keep us waiting */
	if (r == LZ_RUNTIME_PODMAN)
		return l->config->podman_socket;
	return r == LZ_RUNTIME_DOCKER || r == LZ_RUNTIME_ANY || r == LZ_RUNTIME_POD
		       ? l->config->docker_socket
		       : NULL;
}

static bool add_answer(struct look *l, enum lz_meta_kind kind, const char *path, const char *target)
{
	struct lz_err err = {0};
	struct lz_buf b;

	lz_buf_init(&b, ANSWER_BYTES);
	if (lz_http_get(path, target, lz_now_ms() + l->config->api_ms, &b, &err)) {
		lz_buf_done(&b);
		note(l, &err, &l->of_socket);
		return false;
	}
	add(l, kind, 0, &b);
	return true;
}

static bool sockets(struct look *l)
{
	enum lz_runtime who;
	const char *path = socket_of(l, &who);
	char target[300];

	snprintf(target, sizeof(target), "/containers/%.*s/json", (int)l->ref->id_n, l->ref->id);
	if (!path || !add_answer(l, LZ_META_INSPECT, path, target))
		return false;
	l->source = who;
	return true;
}

static bool is_image_id(struct lz_span id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!((id.p[i] >= '0' && id.p[i] <= '9') || (id.p[i] >= 'a' && id.p[i] <= 'f')))
			return false;
	return id.n == 64;
}

/* --- what the first answer leads to --- */

static bool of_sandbox(void *arg, int dir_fd, const char *name)
{
	const struct lz_span *id = arg;

	(void)dir_fd;
	return lz_span_search(lz_str(name), *id) >= 0;
}

static bool more_of_pod(struct look *l, const struct lz_container *c)
{
	struct lz_span id = c->pod_sandbox_id;
	char rel[256];
	size_t before = l->n;

	if (!is_image_id(id)) /* the same alphabet and length: nothing that could be a path */
		return false;
	if (l->sandbox_head) {
		snprintf(rel, sizeof(rel), "%s%.*s%s", l->sandbox_head, (int)id.n, id.p,
			 l->sandbox_tail);
		add_file(l, LZ_META_OCI_SANDBOX, l->base, rel, DOC_BYTES);
	}
	if (l->config->cni_results &&
	    !lz_place_find(l->config->cni_results, of_sandbox, &id, rel, sizeof(rel), NULL))
		add_file(l, LZ_META_CNI, l->config->cni_results, rel, DOC_BYTES);
	return l->n > before;
}

static bool more_of_image(struct look *l, const struct lz_container *c)
{
	enum lz_runtime who;
	const char *path = socket_of(l, &who);
	char target[100];

	/* Images built here have no digest: their list says so as well as the socket would. */
	if (!path || !is_image_id(c->image_id) || c->image_digest.n ||
	    (l->source == LZ_RUNTIME_DOCKER && l->keep & (1U << LZ_META_DOCKER_REPOS)))
		return false;
	snprintf(target, sizeof(target), "/images/sha256:%.64s/json", c->image_id.p);
	return add_answer(l, LZ_META_IMAGE, path, target);
}

/* Lists that this runtime's documents are not asked about stay with the parser for the next. Of
 * those that are, only what stands where it was just looked for may speak. */
static void keep_others(struct look *l)
{
	static const enum lz_meta_kind lists[] = {LZ_META_DOCKER_REPOS, LZ_META_STORE,
						  LZ_META_STORE_IMAGES};
	bool of_storage = l->source == LZ_RUNTIME_PODMAN || l->source == LZ_RUNTIME_CRIO;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		enum lz_meta_kind k = lists[i];
		if (k == LZ_META_DOCKER_REPOS ? l->source == LZ_RUNTIME_DOCKER : of_storage)
			continue;
		l->keep |= 1U << k;
		l->kept[k] = l->parser->kept[k];
	}
}

static struct lz_container *parse(struct look *l, struct lz_err *err)
{
	struct lz_meta_ask ask;
	struct lz_container *c;

	keep_others(l);
	ask = (struct lz_meta_ask){.ref = *l->ref,
				   .root = lz_str(l->root),
				   .source = l->source,
				   .keep = l->keep,
				   .known = l->known,
				   .flags = l->flags,
				   .docs = l->docs,
				   .doc_count = l->n};
	if (l->trouble.code)
		ask.trouble = lz_str(l->trouble.text);
	if (l->of_socket.code)
		ask.hint = lz_str(l->of_socket.text);
	c = lz_parser_read(l->parser, &ask, err);
	if (!c)
		return NULL;
	memcpy(l->parser->kept, l->kept, sizeof(l->kept));
	return c;
}

static struct lz_container *look(struct look *l, bool api, bool *ret_asked, struct lz_err *err)
{
	struct lz_container *c, *better;

	if (lz_parser_ready(l->parser, err))
		return NULL;
	if (api)
		*ret_asked = sockets(l);
	files(l);
	if (l->code) {
		lz_fail(err, l->code, "out of memory");
		return NULL;
	}
	c = parse(l, err);
	if (c && (more_of_pod(l, c) || (api && more_of_image(l, c)))) {
		better = parse(l, err);
		if (better) {
			lz_container_unref(c);
			c = better;
		}
	}
	return c;
}

struct lz_container *lz_places_look(const struct lz_containers_config *config, struct lz_parser *p,
				    const struct lz_container_ref *ref, bool api, bool *ret_asked)
{
	struct look *l = lz_alloc(sizeof(*l));
	struct lz_container *c = NULL;
	struct lz_err err = {0};

	*ret_asked = false;
	if (!l)
		return NULL;
	l->config = config;
	l->parser = p;
	l->ref = ref;
	c = look(l, api, ret_asked, &err);
	done(l);
	lz_free(l);
	if (!c)
		c = lz_container_blank(ref, lz_str(err.text), NULL);
	return c;
}
