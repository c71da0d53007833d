/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container is put together from several documents, best first: the first to know a text, a flag
 * or a number is believed. Everything is bounded; what is left out is said.
 */
#include "meta.h"

#include "../base/clean.h"
#include "../base/clock.h"

static void refuse_bytes(struct lz_draft *d)
{
	d->c.cut = true;
}

/* A copy within the container's bounds; longer texts are cut between characters. */
static struct lz_span keep(struct lz_draft *d, struct lz_span s, size_t max)
{
	if (s.n > max) {
		s.n = max;
		while (s.n && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
			s.n--;
		d->c.cut = true;
	}
	if (d->bytes + s.n > LZ_CT_MEMORY_MAX) {
		refuse_bytes(d);
		return lz_span("", 0);
	}
	d->bytes += s.n;
	return lz_arena_dup(d->arena, s);
}

static const size_t text_max[] = {
#define LZ_CONTAINER_X(name, max) max,
	LZ_CONTAINER_TEXTS(LZ_CONTAINER_X)
#undef LZ_CONTAINER_X
};

void lz_draft_text(struct lz_draft *d, enum lz_container_text which, struct lz_span s)
{
	if (!d->c.text[which].n && s.n)
		d->c.text[which] = keep(d, s, text_max[which]);
}

void lz_draft_flag(struct lz_draft *d, enum lz_container_flag flag, bool set)
{
	if (d->c.known & (unsigned)flag)
		return;
	d->c.known |= (unsigned)flag;
	d->c.flags |= set ? (unsigned)flag : 0;
}

void lz_draft_label(struct lz_draft *d, struct lz_vec *labels, struct lz_span key,
		    struct lz_span value)
{
	struct lz_label *l;

	LZ_VEC_EACH (struct lz_label, had, labels)
		if (lz_span_eq(had->key, key))
			return;
	if (labels->n >= LZ_CT_LABELS_MAX || d->bytes + key.n + sizeof(*l) > LZ_CT_MEMORY_MAX ||
	    key.n > LZ_CT_LABEL_MAX) {
		refuse_bytes(d);
		return;
	}
	d->bytes += sizeof(*l);
	l = lz_vec_push(labels);
	if (!l)
		return; /* sticks */
	l->key = keep(d, key, LZ_CT_LABEL_MAX);
	l->value = keep(d, value, LZ_CT_LABEL_MAX);
}

void lz_draft_labels(struct lz_draft *d, struct lz_vec *labels, const json_t *map)
{
	const char *key;
	json_t *value;
	size_t key_n;

	json_object_keylen_foreach((json_t *)(uintptr_t)map, key, key_n, value)
	{
		if (labels->n >= LZ_CT_LABELS_MAX) {
			refuse_bytes(d);
			return;
		}
		if (json_is_string(value))
			lz_draft_label(d, labels, lz_span(key, key_n), lz_json_text(value));
	}
}

void lz_draft_mount(struct lz_draft *d, const struct lz_container_mount *m)
{
	struct lz_container_mount *kept;

	/* Half a path would name another place: a mount is kept whole or not at all. */
	if (d->mounts.n >= LZ_CT_MOUNTS_MAX || m->source.n > 4096 || m->dest.n > 4096 ||
	    m->mode.n > 256 || m->propagation.n > 64 ||
	    d->bytes + sizeof(*m) + m->source.n + m->dest.n + m->mode.n + m->propagation.n >
		    LZ_CT_MEMORY_MAX) {
		refuse_bytes(d);
		return;
	}
	kept = lz_vec_push(&d->mounts);
	if (!kept)
		return;
	d->bytes += sizeof(*m);
	kept->source = keep(d, m->source, 4096);
	kept->dest = keep(d, m->dest, 4096);
	kept->mode = keep(d, m->mode, 256);
	kept->propagation = keep(d, m->propagation, 64);
	kept->rdwr = m->rdwr;
}

void lz_draft_words(struct lz_draft *d, enum lz_container_text which, struct lz_span first,
		    const json_t *words, size_t from)
{
	LZ_CLEAN(buf) struct lz_buf b;

	lz_buf_init(&b, 16 * LZ_M);
	lz_buf_span(&b, json_array_size(words) > from ? first : LZ_SPAN(""));
	for (size_t i = from; i < json_array_size(words); i++) {
		if (b.n)
			lz_buf_byte(&b, ' ');
		lz_buf_span(&b, lz_json_text(json_array_get(words, i)));
		if (b.n > text_max[which])
			break;
	}
	if (b.code && !d->arena->code)
		d->arena->code = b.code;
	lz_draft_text(d, which, lz_buf_view(&b));
}

void lz_draft_time(int64_t *ns, struct lz_span s)
{
	ptrdiff_t dot = lz_span_find(s, '.');
	int64_t unix_s, fraction = 0, unit = 100000000;

	/* Go writes "never" as the year 1. */
	if (*ns || !s.n || !lz_time_parse(s.p, s.n, &unix_s) || unix_s <= 0 || unix_s > 9000000000)
		return;
	for (size_t i = (size_t)dot + 1; dot >= 0 && i < s.n && s.p[i] >= '0' && s.p[i] <= '9';
	     i++) {
		fraction += (s.p[i] - '0') * unit;
		unit /= 10;
	}
	*ns = unix_s * 1000000000 + fraction;
}

void lz_draft_pid(struct lz_draft *d, double pid)
{
	if (!d->c.pid && pid >= 1 && pid <= 4194304) /* the kernel's most */
		d->c.pid = (uint32_t)pid;
}

/* --- pods --- */

void lz_draft_pod_facts(struct lz_draft *d, const json_t *map)
{
	static const struct {
		const char *key;
		enum lz_container_text which;
	} facts[] = {
		{"io.kubernetes.container.name", LZ_CT_name},
		{"io.kubernetes.cri.container-name", LZ_CT_name},
		{"io.kubernetes.cri-o.ImageName", LZ_CT_image},
		{"io.kubernetes.cri.image-name", LZ_CT_image},
		{"io.kubernetes.pod.name", LZ_CT_pod_name},
		{"io.kubernetes.cri.sandbox-name", LZ_CT_pod_name},
		{"io.kubernetes.cri-o.KubeName", LZ_CT_pod_name},
		{"io.kubernetes.pod.namespace", LZ_CT_pod_namespace},
		{"io.kubernetes.cri.sandbox-namespace", LZ_CT_pod_namespace},
		{"io.kubernetes.cri-o.Namespace", LZ_CT_pod_namespace},
		{"io.kubernetes.pod.uid", LZ_CT_pod_uid},
		{"io.kubernetes.cri.sandbox-uid", LZ_CT_pod_uid},
		{"io.kubernetes.sandbox.id", LZ_CT_pod_sandbox_id},
		{"io.kubernetes.cri.sandbox-id", LZ_CT_pod_sandbox_id},
		{"io.kubernetes.cri-o.SandboxID", LZ_CT_pod_sandbox_id},
		{"io.kubernetes.cri-o.IP.0", LZ_CT_pod_ip},
	};
	struct lz_span type = lz_json_str(map, "io.kubernetes.cri.container-type");

	/* Anybody may put such labels on a container that is in no pod. */
	if (!d->pods)
		return;
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		lz_draft_text(d, facts[i].which, lz_json_str(map, facts[i].key));
	type = type.n ? type : lz_json_str(map, "io.kubernetes.cri-o.ContainerType");
	type = type.n ? type : lz_json_str(map, "io.kubernetes.docker.type");
	if (type.n)
		lz_draft_flag(d, LZ_CONTAINER_SANDBOX,
			      lz_span_is(type, "sandbox") || lz_span_is(type, "podsandbox"));
}

/* The pod as it was last applied: the probes of the container that has our name, or of the first
 * that has any. */
void lz_draft_probes(struct lz_draft *d, struct lz_span applied)
{
	static const char name[] = "last-applied-configuration";
	LZ_CLEAN_JSON json_t *doc = NULL;
	const json_t *list;

	if (!applied.n)
		return;
	doc = lz_json_load_wide(applied, &d->m->limits, name, d->why.code ? NULL : &d->why);
	list = json_object_get(json_object_get(doc, "spec"), "containers");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *c = json_array_get(list, i);
		const json_t *live = json_object_get(json_object_get(c, "livenessProbe"), "exec");
		const json_t *ready = json_object_get(json_object_get(c, "readinessProbe"), "exec");
		if (d->c.name.n && !lz_span_eq(lz_json_str(c, "name"), d->c.name))
			continue;
		lz_draft_words(d, LZ_CT_liveness_probe, LZ_SPAN(""),
			       json_object_get(live, "command"), 0);
		lz_draft_words(d, LZ_CT_readiness_probe, LZ_SPAN(""),
			       json_object_get(ready, "command"), 0);
	}
}

/* --- documents --- */

static void read_mount_id(struct lz_draft *d, struct lz_span text)
{
	text = lz_span_trim(text);
	for (size_t i = 0; i < text.n; i++)
		if (!((text.p[i] >= '0' && text.p[i] <= '9') ||
		      (text.p[i] >= 'a' && text.p[i] <= 'z') || text.p[i] == '-'))
			text.n = 0;
	if (text.n && text.n <= 128)
		lz_draft_text(d, LZ_CT_upper,
			      lz_arena_printf(d->arena, "%.*s/overlay2/%.*s/diff",
					      LZ_FMT(d->ask->root), LZ_FMT(text)));
}

static void read_pid(struct lz_draft *d, const struct lz_meta_doc *doc)
{
	uint64_t pid;

	if (!lz_span_u64(lz_span_trim(doc->bytes), 10, &pid) || pid > 4194304)
		return;
	lz_draft_pid(d, (double)pid);
	if (!d->c.started_ns && doc->mtime_ns > 0)
		d->c.started_ns = doc->mtime_ns;
}

/* LXC has lines "key = value"; little of it is asked for. */
static void read_lxc(struct lz_draft *d, struct lz_span text)
{
	struct lz_span line, key, value;

	d->found = true;
	lz_draft_text(d, LZ_CT_name, lz_container_id(&d->c.ref));
	while (lz_span_line(&text, &line))
		if (lz_span_cut(line, '=', &key, &value) &&
		    lz_span_is(lz_span_trim(key), "lxc.uts.name"))
			lz_draft_text(d, LZ_CT_name, lz_span_trim(value));
}

static const char *const doc_names[LZ_META_COUNT] = {"the runtime's answer",
						     "config.v2.json",
						     "hostconfig.json",
						     "mount-id",
						     "repositories.json",
						     "image's answer",
						     "containers.json",
						     "images.json",
						     "config.json",
						     "sandbox's config.json",
						     "pidfile",
						     "mountinfo",
						     "CNI result",
						     "config"};

/* Kept until the next of its kind; a broken one is forgotten too. */
static void keep_json(json_t **kept, json_t **j)
{
	json_decref(*kept);
	*kept = *j;
	*j = NULL;
}

static void read_json(struct lz_draft *d, const struct lz_meta_doc *doc)
{
	LZ_CLEAN_JSON json_t *j = lz_json_load_wide(doc->bytes, &d->m->limits, doc_names[doc->kind],
						    d->why.code ? NULL : &d->why);

	switch ((int)doc->kind) {
	case LZ_META_DOCKER_REPOS:
		keep_json(&d->m->repos, &j);
		return;
	case LZ_META_STORE:
		keep_json(&d->m->store, &j);
		return;
	case LZ_META_STORE_IMAGES:
		keep_json(&d->m->images, &j);
		return;
	}
	if (!j)
		return;
	if (!json_is_object(j)) {
		if (!d->why.code)
			lz_fail(&d->why, LZ_E_FORMAT, "%s: is no JSON object",
				doc_names[doc->kind]);
		return;
	}
	switch ((int)doc->kind) {
	case LZ_META_INSPECT:
		lz_draft_inspect(d, j);
		break;
	case LZ_META_DOCKER_CONFIG:
		lz_draft_docker_config(d, j);
		break;
	case LZ_META_DOCKER_HOST:
		lz_draft_docker_host(d, j);
		break;
	case LZ_META_IMAGE:
		json_decref(d->image);
		d->image = json_incref(j);
		break;
	case LZ_META_OCI:
		lz_draft_oci(d, j);
		break;
	case LZ_META_OCI_SANDBOX:
		lz_draft_oci_sandbox(d, j);
		break;
	case LZ_META_CNI:
		lz_draft_cni(d, j);
		break;
	}
}

static void read_doc(struct lz_draft *d, const struct lz_meta_doc *doc)
{
	switch ((int)doc->kind) {
	case LZ_META_DOCKER_MOUNT:
		read_mount_id(d, doc->bytes);
		break;
	case LZ_META_PID:
		read_pid(d, doc);
		break;
	case LZ_META_MOUNTINFO:
		lz_draft_mountinfo(d, doc->bytes);
		break;
	case LZ_META_LXC:
		read_lxc(d, doc->bytes);
		break;
	default:
		read_json(d, doc);
	}
}

/* --- the end --- */

/* A namespace that is another's is the host's when the sandbox has none of its own. */
static void settle_namespaces(struct lz_draft *d)
{
	static const enum lz_container_flag flags[] = {
		LZ_CONTAINER_HOST_PID, LZ_CONTAINER_HOST_NETWORK, LZ_CONTAINER_HOST_IPC};

	for (size_t i = 0; i < 3 && d->sandbox_read; i++)
		if (d->joined & (unsigned)flags[i])
			lz_draft_flag(d, flags[i], d->sandbox_lacks & (unsigned)flags[i]);
}

static const char *missing(const struct lz_draft *d)
{
	const struct lz_container *c = &d->c;

	if (!d->found)
		return "the runtime has no data of it where they are looked for";
	if (!c->name.n)
		return d->ask->source == LZ_RUNTIME_CONTAINERD
			       ? "containerd's state files hold neither name nor image"
			       : "its name is not known";
	if (!c->image.n && !c->image_id.n && d->ask->source != LZ_RUNTIME_LXC &&
	    !(c->flags & LZ_CONTAINER_SANDBOX))
		return "its image is not known";
	if (!c->pid && d->ask->source != LZ_RUNTIME_LXC)
		return "it was not started yet, or has ended";
	return NULL;
}

static void say_why(struct lz_draft *d)
{
	const char *lacks = missing(d);
	struct lz_span why = d->why.code	       ? lz_str(d->why.text)
			     : d->ask->trouble.n       ? d->ask->trouble
			     : lacks && d->ask->hint.n ? d->ask->hint
			     : lacks		       ? lz_str(lacks)
			     : d->c.cut ? LZ_SPAN("too many or too long labels or mounts: some "
						  "were left out or cut")
					: LZ_SPAN("");
	char *copy = lz_arena_cstr(d->arena, why);

	for (size_t i = 0; copy && i < why.n; i++)
		if ((unsigned char)copy[i] < 0x20 || (unsigned char)copy[i] >= 0x7f)
			copy[i] = '?';
	d->c.why_not = copy ? lz_span(copy, why.n) : LZ_SPAN("");
	d->c.complete = !lacks && !d->why.code && !d->ask->trouble.n;
}

static int finish(struct lz_draft *d, struct lz_err *err)
{
	enum lz_runtime who = d->ask->source ? d->ask->source : d->c.ref.runtime;

	lz_draft_store(d);
	lz_draft_image(d);
	settle_namespaces(d);
	lz_draft_text(d, LZ_CT_type, lz_str(lz_runtime_text(who)));
	lz_draft_text(d, LZ_CT_ip, d->c.pod_ip);
	if (d->pods) {
		lz_draft_text(d, LZ_CT_pod_ip, d->c.ip);
		lz_draft_text(d, LZ_CT_cni_json, d->c.pod_cni_json);
	}
	say_why(d);
	d->c.labels = d->labels.p;
	d->c.label_count = d->labels.n;
	d->c.pod_labels = d->pod_labels.p;
	d->c.pod_label_count = d->pod_labels.n;
	d->c.mounts = d->mounts.p;
	d->c.mount_count = d->mounts.n;
	if (d->arena->code || d->labels.code == LZ_E_NOMEM || d->mounts.code == LZ_E_NOMEM ||
	    d->pod_labels.code == LZ_E_NOMEM)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	return 0;
}

/* The vectors' elements move into the arena, so that the container borrows from one place. */
static void move(struct lz_draft *d, struct lz_vec *v, const void **ret)
{
	void *p = v->n ? lz_arena_array(d->arena, v->n, v->elem_bytes) : NULL;

	if (p)
		memcpy(p, v->p, v->n * v->elem_bytes);
	*ret = p;
	lz_vec_done(v);
}

/* A list that no longer stands where it stood, or is another user's, must not speak. */
static void forget_json(struct lz_meta *m, const struct lz_meta_ask *ask)
{
	struct {
		enum lz_meta_kind kind;
		json_t **kept;
	} all[] = {{LZ_META_DOCKER_REPOS, &m->repos},
		   {LZ_META_STORE, &m->store},
		   {LZ_META_STORE_IMAGES, &m->images}};

	for (size_t i = 0; i < 3; i++)
		if (!(ask->keep & 1U << all[i].kind)) {
			json_decref(*all[i].kept);
			*all[i].kept = NULL;
		}
}

int lz_meta_read(struct lz_meta *m, const struct lz_meta_ask *ask, struct lz_arena *arena,
		 struct lz_container *ret, struct lz_err *err)
{
	struct lz_draft d = {.m = m, .ask = ask, .arena = arena, .c = {.ref = ask->ref}};
	enum lz_runtime r = ask->ref.runtime;
	const void *labels, *pod_labels, *mounts;
	int code;

	d.c.known = ask->known;
	d.c.flags = ask->flags & ask->known;
	d.pods = r == LZ_RUNTIME_CRI || r == LZ_RUNTIME_POD || r == LZ_RUNTIME_CRIO ||
		 ask->ref.pod_uid_n;
	lz_vec_init(&d.labels, sizeof(struct lz_label), LZ_CT_LABELS_MAX);
	lz_vec_init(&d.pod_labels, sizeof(struct lz_label), LZ_CT_LABELS_MAX);
	lz_vec_init(&d.mounts, sizeof(struct lz_container_mount), LZ_CT_MOUNTS_MAX);
	lz_draft_text(&d, LZ_CT_pod_uid, lz_span(ask->ref.pod_uid, ask->ref.pod_uid_n));
	forget_json(m, ask);
	for (size_t i = 0; i < ask->doc_count; i++)
		read_doc(&d, &ask->docs[i]);
	code = finish(&d, err);
	json_decref(d.image);
	move(&d, &d.labels, &labels);
	move(&d, &d.pod_labels, &pod_labels);
	move(&d, &d.mounts, &mounts);
	if (!code && arena->code)
		code = lz_fail(err, LZ_E_NOMEM, "out of memory");
	d.c.labels = labels;
	d.c.pod_labels = pod_labels;
	d.c.mounts = mounts;
	*ret = d.c;
	return code;
}

int lz_meta_event(struct lz_meta *m, struct lz_span line, struct lz_arena *arena,
		  struct lz_meta_event *ret, struct lz_err *err)
{
	LZ_CLEAN_JSON json_t *j = lz_json_load_wide(line, &m->limits, "the runtime's event", err);
	struct lz_span id = lz_json_str(json_object_get(j, "Actor"), "ID");

	*ret = (struct lz_meta_event){{"", 0}, {"", 0}};
	if (!j)
		return err ? err->code : LZ_E_FORMAT;
	if (!lz_span_is(lz_json_str(j, "Type"), "container"))
		return 0;
	id = id.n ? id : lz_json_str(j, "id");
	ret->action = lz_arena_dup(arena, lz_span_head(lz_json_str(j, "Action"), 64));
	ret->id = lz_arena_dup(arena, lz_span_head(id, LZ_CONTAINER_ID_MAX));
	return arena->code ? lz_fail(err, LZ_E_NOMEM, "out of memory") : 0;
}

void lz_meta_init(struct lz_meta *m, const struct lz_limits *limits)
{
	*m = (struct lz_meta){.limits = *limits};
}

void lz_meta_done(struct lz_meta *m)
{
	json_decref(m->repos);
	json_decref(m->store);
	json_decref(m->images);
}
