/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker's own files, what its API (and Podman's, which speaks the same) answers, and what an image
 * is called.
 *
 *	config.v2.json     Name, Config{Image, Labels, Healthcheck}, Image, State, MountPoints
 *	hostconfig.json    Privileged, PidMode, NetworkMode, IpcMode
 *	inspect            all of these in one, mounts as a list
 */
#include "meta.h"

/* --- what both have --- */

static void health(struct lz_draft *d, const json_t *config)
{
	const json_t *test = json_object_get(json_object_get(config, "Healthcheck"), "Test");
	struct lz_span how = lz_json_text(json_array_get(test, 0));

	if (lz_span_is(how, "CMD"))
		lz_draft_words(d, LZ_CT_healthcheck, LZ_SPAN(""), test, 1);
	if (lz_span_is(how, "CMD-SHELL"))
		lz_draft_words(d, LZ_CT_healthcheck, LZ_SPAN("/bin/sh -c"), test, 1);
}

static void address(struct lz_draft *d, const json_t *settings)
{
	const char *key;
	json_t *net;

	lz_draft_text(d, LZ_CT_ip, lz_json_str(settings, "IPAddress"));
	json_object_foreach((json_t *)(uintptr_t)json_object_get(settings, "Networks"), key, net)
		lz_draft_text(d, LZ_CT_ip, lz_json_str(net, "IPAddress"));
}

void lz_draft_docker_host(struct lz_draft *d, const json_t *host)
{
	static const struct {
		const char *key;
		enum lz_container_flag flag;
	} modes[] = {{"PidMode", LZ_CONTAINER_HOST_PID},
		     {"NetworkMode", LZ_CONTAINER_HOST_NETWORK},
		     {"IpcMode", LZ_CONTAINER_HOST_IPC}};
	const json_t *privileged = json_object_get(host, "Privileged");

	if (json_is_boolean(privileged))
		lz_draft_flag(d, LZ_CONTAINER_PRIVILEGED, json_is_true(privileged));
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (json_is_string(json_object_get(host, modes[i].key)))
			lz_draft_flag(d, modes[i].flag,
				      lz_span_is(lz_json_str(host, modes[i].key), "host"));
}

static struct lz_span bare_id(struct lz_span s)
{
	return lz_span_starts(s, "sha256:") ? lz_span_from(s, 7) : s;
}

static bool common(struct lz_draft *d, const json_t *doc)
{
	const json_t *config = json_object_get(doc, "Config");
	const json_t *state = json_object_get(doc, "State");
	const json_t *labels = json_object_get(config, "Labels");
	struct lz_span name = lz_json_str(doc, "Name");

	/* A document of another container, or none at all, says nothing of this one. */
	if (!lz_span_eq(lz_json_str(doc, "ID"), lz_container_id(&d->c.ref)) &&
	    !lz_span_eq(lz_json_str(doc, "Id"), lz_container_id(&d->c.ref))) {
		if (!d->why.code)
			lz_fail(&d->why, LZ_E_FORMAT, "the document is about another container");
		return false;
	}
	d->found = true;
	lz_draft_text(d, LZ_CT_name, lz_span_from(name, lz_span_starts(name, "/")));
	lz_draft_text(d, LZ_CT_image, lz_json_str(config, "Image"));
	lz_draft_text(d, LZ_CT_image_id, bare_id(lz_json_str(doc, "Image")));
	lz_draft_labels(d, &d->labels, labels);
	lz_draft_pod_facts(d, labels);
	lz_draft_probes(
		d,
		lz_json_str(labels, "annotation.kubectl.kubernetes.io/last-applied-configuration"));
	health(d, config);
	lz_draft_time(&d->c.created_ns, lz_json_str(doc, "Created"));
	lz_draft_time(&d->c.started_ns, lz_json_str(state, "StartedAt"));
	lz_draft_pid(d, json_number_value(json_object_get(state, "Pid")));
	address(d, json_object_get(doc, "NetworkSettings"));
	return true;
}

static void mount(struct lz_draft *d, const json_t *m, const char *mode_key)
{
	struct lz_container_mount one = {.source = lz_json_str(m, "Source"),
					 .dest = lz_json_str(m, "Destination"),
					 .mode = lz_json_str(m, mode_key),
					 .propagation = lz_json_str(m, "Propagation"),
					 .rdwr = json_is_true(json_object_get(m, "RW"))};

	if (one.dest.n)
		lz_draft_mount(d, &one);
}

void lz_draft_docker_config(struct lz_draft *d, const json_t *doc)
{
	const json_t *mounts = json_object_get(doc, "MountPoints");
	bool first = !d->mounts.n;
	const char *key;
	json_t *m;

	if (common(d, doc) && first)
		json_object_foreach((json_t *)(uintptr_t)mounts, key, m) mount(d, m, "Relabel");
}

void lz_draft_inspect(struct lz_draft *d, const json_t *doc)
{
	const json_t *mounts = json_object_get(doc, "Mounts");
	const json_t *data = json_object_get(json_object_get(doc, "GraphDriver"), "Data");

	if (!common(d, doc))
		return;
	lz_draft_docker_host(d, json_object_get(doc, "HostConfig"));
	lz_draft_text(d, LZ_CT_upper, lz_json_str(data, "UpperDir"));
	for (size_t i = 0; i < json_array_size(mounts); i++)
		mount(d, json_array_get(mounts, i), "Mode");
}

/* --- what an image is called ------------------------------------------------------------------- */

struct names {				    /* of one image; the best that was seen so far */
	struct lz_span tag, digest;	    /* whole references */
	struct lz_span any_tag, any_digest; /* of another repository */
};

struct asked {
	struct lz_span repository, tag, digest;
};

/* "host:5000/team/app:1.2@sha256:…" into its three parts. */
static struct asked split(struct lz_span image)
{
	struct asked a = {.tag = {"", 0}, .digest = {"", 0}};
	struct lz_span head;
	ptrdiff_t colon, slash;

	lz_span_cut(image, '@', &head, &a.digest);
	colon = lz_span_rfind(head, ':');
	slash = lz_span_rfind(head, '/');
	if (colon > slash) {
		a.tag = lz_span_from(head, (size_t)colon + 1);
		head = lz_span_head(head, (size_t)colon);
	}
	a.repository = head;
	return a;
}

static bool is_id(struct lz_span image, struct lz_span id)
{
	image = bare_id(image);
	return image.n >= 12 && image.n <= id.n && lz_span_eq(image, lz_span_head(id, image.n));
}

/* Docker shortens "docker.io/library/"; others write it out. */
static struct lz_span familiar(struct lz_span repository)
{
	if (lz_span_starts(repository, "docker.io/library/"))
		return lz_span_from(repository, 18);
	return lz_span_from(repository, lz_span_starts(repository, "docker.io/") ? 10 : 0);
}

static void name_seen(struct names *n, struct lz_span wanted, struct lz_span reference)
{
	struct asked a = split(reference);
	bool same = lz_span_eq(familiar(a.repository), familiar(wanted));
	struct lz_span *best = a.digest.n ? &n->digest : &n->tag;
	struct lz_span *other = a.digest.n ? &n->any_digest : &n->any_tag;

	if (lz_span_is(a.repository, "<none>"))
		return;
	if (same && !best->n)
		*best = reference;
	if (!other->n)
		*other = reference;
}

static void names_listed(struct names *n, struct lz_span wanted, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		name_seen(n, wanted, lz_json_text(json_array_get(list, i)));
}

/* {"Repositories": {"app": {"app:1": "sha256:…", "app@sha256:…": "sha256:…"}}} */
static void names_in_repos(struct names *n, struct lz_span wanted, const json_t *repos,
			   struct lz_span id)
{
	const char *repository, *reference;
	json_t *inner, *value;

	json_object_foreach((json_t *)(uintptr_t)json_object_get(repos, "Repositories"), repository,
			    inner)
		json_object_foreach(inner, reference,
				    value) if (lz_span_eq(bare_id(lz_json_text(value)), id))
			name_seen(n, wanted, lz_str(reference));
}

/* [{"id": …, "digest": "sha256:…", "names": […]}] */
static void names_in_store(struct lz_draft *d, struct names *n, struct lz_span wanted)
{
	for (size_t i = 0; i < json_array_size(d->m->images); i++) {
		const json_t *image = json_array_get(d->m->images, i);
		struct lz_span digest = lz_json_str(image, "digest");
		if (!lz_span_eq(lz_json_str(image, "id"), d->c.image_id))
			continue;
		names_listed(n, wanted, json_object_get(image, "names"));
		if (digest.n && !n->digest.n)
			n->digest = lz_arena_printf(d->arena, "@%.*s", LZ_FMT(digest));
	}
}

static struct names find_names(struct lz_draft *d, struct lz_span wanted)
{
	struct names n = {.tag = {"", 0}};

	names_listed(&n, wanted, json_object_get(d->image, "RepoTags"));
	names_listed(&n, wanted, json_object_get(d->image, "RepoDigests"));
	if (!d->c.image_id.n)
		return n;
	if (d->ask->source == LZ_RUNTIME_DOCKER)
		names_in_repos(&n, wanted, d->m->repos, d->c.image_id);
	else
		names_in_store(d, &n, wanted);
	return n;
}

void lz_draft_image(struct lz_draft *d)
{
	struct asked a = split(d->c.image);
	bool by_id = is_id(d->c.image, d->c.image_id) || lz_span_starts(d->c.image, "sha256:");
	struct names n;

	if (by_id)
		a = (struct asked){.repository = {"", 0}, .tag = {"", 0}, .digest = {"", 0}};
	n = find_names(d, a.repository);
	if (by_id && n.any_tag.n)
		a = split(n.any_tag);
	else if (by_id && n.any_digest.n)
		a = split(n.any_digest);
	lz_draft_text(d, LZ_CT_image_repository, a.repository);
	lz_draft_text(d, LZ_CT_image_tag, a.tag);
	lz_draft_text(d, LZ_CT_image_tag, split(n.tag).tag);
	if (a.repository.n && !a.digest.n)
		lz_draft_text(d, LZ_CT_image_tag, LZ_SPAN("latest"));
	lz_draft_text(d, LZ_CT_image_digest, a.digest);
	lz_draft_text(d, LZ_CT_image_digest, split(n.digest).digest);
	lz_draft_text(d, LZ_CT_image_digest, split(n.any_digest).digest);
}
