/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an OCI runtime was told to start (config.json), as containerd, CRI-O and Podman leave it, and
 * what lies beside it: the list of containers/storage, the pod's network, the mounts of its first
 * process.
 *
 * Whoever made the file put names, image and pod into its annotations; what the container may do is
 * read off the specification itself.
 */
#include "meta.h"

#include "../base/clean.h"

/* --- what it may do --- */

static bool holds(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (lz_span_is(lz_json_text(json_array_get(list, i)), text))
			return true;
	return false;
}

static bool all_devices(const json_t *linux_)
{
	const json_t *rules = json_object_get(json_object_get(linux_, "resources"), "devices");

	for (size_t i = 0; i < json_array_size(rules); i++) {
		const json_t *r = json_array_get(rules, i);
		struct lz_span type = lz_json_str(r, "type");
		if (json_is_true(json_object_get(r, "allow")) &&
		    lz_span_is(lz_json_str(r, "access"), "rwm") &&
		    (!type.n || lz_span_is(type, "a")) && !json_object_get(r, "major") &&
		    !json_object_get(r, "minor"))
			return true;
	}
	return false;
}

/* No runtime writes the word down. What "privileged" gives is nothing masked, every device, and
 * capabilities that no default has. */
static bool privileged(const json_t *doc)
{
	const json_t *linux_ = json_object_get(doc, "linux");
	const json_t *caps = json_object_get(json_object_get(doc, "process"), "capabilities");
	const json_t *bounding = json_object_get(caps, "bounding");

	return holds(bounding, "CAP_SYS_ADMIN") && holds(bounding, "CAP_SYS_MODULE") &&
	       !json_array_size(json_object_get(linux_, "maskedPaths")) && all_devices(linux_);
}

static const struct {
	const char *type;
	enum lz_container_flag flag;
} spaces[] = {{"pid", LZ_CONTAINER_HOST_PID},
	      {"network", LZ_CONTAINER_HOST_NETWORK},
	      {"ipc", LZ_CONTAINER_HOST_IPC}};

/* Which namespaces it has not of its own; *ret_joined: those that are another's. */
static unsigned lacks(const json_t *doc, unsigned *ret_joined)
{
	const json_t *list = json_object_get(json_object_get(doc, "linux"), "namespaces");
	unsigned none = LZ_CONTAINER_HOST_PID | LZ_CONTAINER_HOST_NETWORK | LZ_CONTAINER_HOST_IPC;

	*ret_joined = 0;
	for (size_t i = 0; i < json_array_size(list); i++)
		for (size_t k = 0; k < sizeof(spaces) / sizeof(spaces[0]); k++) {
			const json_t *one = json_array_get(list, i);
			struct lz_span path = lz_json_str(one, "path");
			if (!lz_span_is(lz_json_str(one, "type"), spaces[k].type))
				continue;
			/* Docker keeps the host's own under this name. */
			if (lz_span_ends(path, "/netns/default"))
				continue;
			none &= ~(unsigned)spaces[k].flag;
			/* One that was made for it and has a name is its own. */
			if (path.n && lz_span_starts(path, "/proc/"))
				*ret_joined |= (unsigned)spaces[k].flag;
		}
	return none;
}

static void namespaces(struct lz_draft *d, const json_t *doc)
{
	unsigned none = lacks(doc, &d->joined);

	for (size_t k = 0; k < sizeof(spaces) / sizeof(spaces[0]); k++)
		if (!(d->joined & (unsigned)spaces[k].flag))
			lz_draft_flag(d, spaces[k].flag, none & (unsigned)spaces[k].flag);
}

static bool is_propagation(struct lz_span s)
{
	s = lz_span_from(s, lz_span_starts(s, "r"));
	return lz_span_is(s, "private") || lz_span_is(s, "shared") || lz_span_is(s, "slave") ||
	       lz_span_is(s, "unbindable");
}

static void mounts(struct lz_draft *d, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *m = json_array_get(list, i);
		const json_t *options = json_object_get(m, "options");
		struct lz_container_mount one = {.source = lz_json_str(m, "source"),
						 .dest = lz_json_str(m, "destination"),
						 .mode = {"", 0},
						 .propagation = {"", 0},
						 .rdwr = !holds(options, "ro")};
		if (!lz_span_is(lz_json_str(m, "type"), "bind") && !holds(options, "bind") &&
		    !holds(options, "rbind"))
			continue;
		for (size_t k = 0; k < json_array_size(options); k++)
			if (is_propagation(lz_json_text(json_array_get(options, k))))
				one.propagation = lz_json_text(json_array_get(options, k));
		if (one.dest.n)
			lz_draft_mount(d, &one);
	}
}

/* --- annotations --- */

/* CRI-O keeps maps as JSON inside an annotation. */
static json_t *inner(struct lz_draft *d, const json_t *notes, const char *key)
{
	struct lz_span text = lz_json_str(notes, key);

	if (!text.n)
		return NULL;
	return lz_json_load_wide(text, &d->m->limits, key, d->why.code ? NULL : &d->why);
}

static void crio(struct lz_draft *d, const json_t *notes)
{
	LZ_CLEAN_JSON json_t *labels = inner(d, notes, "io.kubernetes.cri-o.Labels");
	struct lz_span point = lz_json_str(notes, "io.kubernetes.cri-o.MountPoint");
	struct lz_span image = lz_json_str(notes, "io.kubernetes.cri-o.ImageRef");

	lz_draft_labels(d, &d->labels, labels);
	lz_draft_pod_facts(d, labels);
	image = image.n ? image : lz_json_str(notes, "io.kubernetes.cri-o.Image");
	if (image.n == 64)
		lz_draft_text(d, LZ_CT_image_id, image);
	lz_draft_time(&d->c.created_ns, lz_json_str(notes, "io.kubernetes.cri-o.Created"));
	if (lz_span_ends(point, "/merged"))
		lz_draft_text(d, LZ_CT_upper,
			      lz_arena_printf(d->arena, "%.*s/diff", (int)(point.n - 7), point.p));
}

void lz_draft_oci(struct lz_draft *d, const json_t *doc)
{
	const json_t *notes = json_object_get(doc, "annotations");

	d->found = true;
	lz_draft_pod_facts(d, notes);
	if (d->ask->source == LZ_RUNTIME_CRIO)
		crio(d, notes);
	if (d->ask->source == LZ_RUNTIME_CONTAINERD && !d->pods) {
		/* nerdctl repeats its labels here. */
		lz_draft_text(d, LZ_CT_name, lz_json_str(notes, "nerdctl/name"));
		lz_draft_labels(d, &d->labels, notes);
	}
	if (d->c.flags & LZ_CONTAINER_SANDBOX)
		lz_draft_text(d, LZ_CT_name, d->c.pod_name);
	lz_draft_flag(d, LZ_CONTAINER_PRIVILEGED, privileged(doc));
	namespaces(d, doc);
	mounts(d, json_object_get(doc, "mounts"));
}

/* The pod's own facts; what it says of itself as a container is not ours. */
void lz_draft_oci_sandbox(struct lz_draft *d, const json_t *doc)
{
	const json_t *notes = json_object_get(doc, "annotations");
	LZ_CLEAN_JSON json_t *labels = inner(d, notes, "io.kubernetes.cri-o.Labels");
	LZ_CLEAN_JSON json_t *pod = inner(d, notes, "io.kubernetes.cri-o.Annotations");
	unsigned joined;

	d->sandbox_read = true;
	d->sandbox_lacks = lacks(doc, &joined);
	lz_draft_text(d, LZ_CT_pod_name, lz_json_str(notes, "io.kubernetes.cri.sandbox-name"));
	lz_draft_text(d, LZ_CT_pod_name, lz_json_str(notes, "io.kubernetes.cri-o.KubeName"));
	lz_draft_text(d, LZ_CT_pod_namespace,
		      lz_json_str(notes, "io.kubernetes.cri.sandbox-namespace"));
	lz_draft_text(d, LZ_CT_pod_namespace, lz_json_str(notes, "io.kubernetes.cri-o.Namespace"));
	lz_draft_text(d, LZ_CT_pod_ip, lz_json_str(notes, "io.kubernetes.cri-o.IP.0"));
	lz_draft_labels(d, &d->pod_labels, labels);
	lz_draft_probes(d, lz_json_str(pod, "kubectl.kubernetes.io/last-applied-configuration"));
}

/* --- beside it --- */

static void storage_entry(struct lz_draft *d, const json_t *one)
{
	const json_t *names = json_object_get(one, "names");
	struct lz_span text = lz_json_str(one, "metadata"), layer = lz_json_str(one, "layer");
	LZ_CLEAN_JSON json_t *more = NULL;

	d->found = true;
	if (text.n)
		more = lz_json_load_wide(text, &d->m->limits, "metadata in containers.json",
					 d->why.code ? NULL : &d->why);
	if (d->ask->source == LZ_RUNTIME_PODMAN) {
		lz_draft_text(d, LZ_CT_name, lz_json_text(json_array_get(names, 0)));
		lz_draft_text(d, LZ_CT_name, lz_json_str(more, "name"));
	}
	lz_draft_text(d, LZ_CT_image, lz_json_str(more, "image-name"));
	lz_draft_text(d, LZ_CT_image_id, lz_json_str(one, "image"));
	lz_draft_time(&d->c.created_ns, lz_json_str(one, "created"));
	if (layer.n && lz_span_find(layer, '/') < 0)
		lz_draft_text(d, LZ_CT_upper,
			      lz_arena_printf(d->arena, "%.*s/overlay/%.*s/diff",
					      LZ_FMT(d->ask->root), LZ_FMT(layer)));
}

void lz_draft_store(struct lz_draft *d)
{
	if (d->ask->source != LZ_RUNTIME_PODMAN && d->ask->source != LZ_RUNTIME_CRIO)
		return;
	for (size_t i = 0; i < json_array_size(d->m->store); i++) {
		const json_t *one = json_array_get(d->m->store, i);
		if (lz_span_eq(lz_json_str(one, "id"), lz_container_id(&d->c.ref)))
			storage_entry(d, one);
	}
}

/* {"result": {"ips": [{"address": "10.0.0.7/24"}]}}; the whole goes to rules that ask for it. */
void lz_draft_cni(struct lz_draft *d, const json_t *doc)
{
	const json_t *result = json_object_get(doc, "result");
	const json_t *ips = json_object_get(result, "ips");
	struct lz_span address = lz_json_str(json_array_get(ips, 0), "address");
	char *compact;

	lz_span_cut(address, '/', &address, &(struct lz_span){"", 0});
	lz_draft_text(d, LZ_CT_pod_ip, address);
	if (!json_is_object(result))
		return;
	compact = json_dumps(result, JSON_COMPACT);
	if (compact)
		lz_draft_text(d, LZ_CT_pod_cni_json, lz_str(compact));
	free(compact);
}

/* The kernel writes bytes that separate as "\040". */
static struct lz_span unescape(struct lz_arena *a, struct lz_span s)
{
	char *p = lz_arena_alloc(a, s.n + 1);
	size_t n = 0;
	uint64_t byte;

	for (size_t i = 0; p && i < s.n; i++)
		if (s.p[i] == '\\' && s.n - i >= 4 &&
		    lz_span_u64(lz_span(s.p + i + 1, 3), 8, &byte) && byte < 256) {
			p[n++] = (char)byte;
			i += 3;
		} else {
			p[n++] = s.p[i];
		}
	return lz_span(p ? p : "", n);
}

/* "36 35 0:41 / / rw,relatime - overlay overlay rw,lowerdir=…,upperdir=…,workdir=…" */
static bool root_overlay(struct lz_span line, struct lz_span *ret_options)
{
	struct lz_span word, rest = line;
	ptrdiff_t dash;

	for (int i = 0; i < 5; i++)
		if (!lz_span_cut(rest, ' ', &word, &rest))
			return false;
	dash = lz_span_search(rest, LZ_SPAN(" - overlay "));
	if (!lz_span_is(word, "/") || dash < 0)
		return false;
	rest = lz_span_from(rest, (size_t)dash + 11);
	return lz_span_cut(rest, ' ', &word, ret_options);
}

void lz_draft_mountinfo(struct lz_draft *d, struct lz_span text)
{
	struct lz_span line, options, one;

	while (lz_span_line(&text, &line)) {
		if (!root_overlay(line, &options))
			continue;
		while (options.n) {
			lz_span_cut(options, ',', &one, &options);
			if (lz_span_starts(one, "upperdir="))
				lz_draft_text(d, LZ_CT_upper,
					      unescape(d->arena, lz_span_from(one, 9)));
		}
		return; /* what lies over it came later */
	}
}
