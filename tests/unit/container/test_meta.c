/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From documents to a container, in this process: shapes of four runtimes, lies, and memory that
 * ends. Expected values are what the documents of docs.h say.
 */
#include "base/clean.h"
#include "container/parser.h"

#include "../../test.h"
#include "docs.h"

struct asked {
	struct lz_meta m;
	struct lz_arena arena;
	struct lz_container c;
	struct lz_err err;
};

#define DOC(kind, text)                          \
	{                                        \
		LZ_META_##kind, 1000000007,      \
		{                                \
			(text), sizeof(text) - 1 \
		}                                \
	}
#define ASK(path, who, ...)                                             \
	read_docs(path, who, (const struct lz_meta_doc[]){__VA_ARGS__}, \
		  sizeof((const struct lz_meta_doc[]){__VA_ARGS__}) / sizeof(struct lz_meta_doc))

static struct asked a; /* one at a time; freed by done() */

static int read_into(struct asked *to, const char *path, enum lz_runtime who,
		     const struct lz_meta_doc *docs, size_t n)
{
	struct lz_meta_ask ask = {
		.root = LZ_SPAN("/r"), .source = who, .keep = ~0U, .docs = docs, .doc_count = n};
	struct lz_limits limits;

	lz_limits_default(&limits);
	lz_meta_init(&to->m, &limits);
	lz_arena_init(&to->arena, 8 * LZ_M);
	assert_true(lz_container_of_cgroup(lz_str(path), &ask.ref));
	return lz_meta_read(&to->m, &ask, &to->arena, &to->c, &to->err);
}

static void done(void)
{
	lz_arena_done(&a.arena);
	lz_meta_done(&a.m);
}

static const struct lz_container *read_docs(const char *path, enum lz_runtime who,
					    const struct lz_meta_doc *docs, size_t n)
{
	assert_ok(read_into(&a, path, who, docs, n), a.err);
	return &a.c;
}

static void assert_flags(const struct lz_container *c, unsigned known, unsigned set)
{
	assert_int_equal(c->known, known);
	assert_int_equal(c->flags, set);
}

enum {
	P = LZ_CONTAINER_PRIVILEGED,
	HP = LZ_CONTAINER_HOST_PID,
	HN = LZ_CONTAINER_HOST_NETWORK,
	HI = LZ_CONTAINER_HOST_IPC,
	SB = LZ_CONTAINER_SANDBOX
};

static void test_docker_files(void **state)
{
	const struct lz_container *c =
		ASK("/docker/" ID_A, LZ_RUNTIME_DOCKER, DOC(DOCKER_CONFIG, DOCKER_CONFIG),
		    DOC(DOCKER_HOST, DOCKER_HOST), DOC(DOCKER_MOUNT, MNT "\n"),
		    DOC(DOCKER_REPOS, DOCKER_REPOS));

	(void)state;
	assert_span(c->why_not, "");
	assert_true(c->complete && !c->cut);
	assert_span(c->type, "docker");
	assert_span(c->name, "web");
	assert_span(c->image, "reg.example:5000/team/app:1.2");
	assert_span(c->image_id, IMG);
	assert_span(c->image_repository, "reg.example:5000/team/app");
	assert_span(c->image_tag, "1.2");
	assert_span(c->image_digest, "sha256:" DIG);
	assert_span(c->ip, "172.17.0.2");
	assert_span(c->healthcheck, "/bin/sh -c curl -f localhost");
	assert_span(c->upper, "/r/overlay2/" MNT "/diff");
	assert_int_equal(c->created_ns, 1690021230123456789);
	assert_int_equal(c->started_ns, 1690021231000000005);
	assert_int_equal(c->pid, 4711);
	assert_flags(c, P | HP | HN | HI, P | HN);
	assert_int_equal(c->label_count, 2);
	assert_span(lz_container_label(c->labels, 2, LZ_SPAN("a")), "x\001y");
	assert_null(lz_container_label(c->labels, 2, LZ_SPAN("c")).p);
	assert_int_equal(c->mount_count, 1);
	assert_span(c->mounts[0].source, "/srv/data");
	assert_span(c->mounts[0].dest, "/data");
	assert_span(c->mounts[0].mode, "ro");
	assert_span(c->mounts[0].propagation, "rprivate");
	assert_false(c->mounts[0].rdwr);
	done();
}

/* The socket's answer goes before the files: it is newer. */
static void test_docker_socket(void **state)
{
	const struct lz_container *c = ASK("/docker/" ID_A, LZ_RUNTIME_DOCKER,
					   DOC(INSPECT, DOCKER_INSPECT), DOC(IMAGE, DOCKER_IMAGE),
					   DOC(DOCKER_CONFIG, DOCKER_CONFIG),
					   DOC(DOCKER_HOST, DOCKER_HOST));

	(void)state;
	assert_true(c->complete);
	assert_span(c->name, "renamed");
	assert_span(c->ip, "172.17.0.3");
	assert_span(c->upper, "/d/overlay2/u/diff");
	/* asked for by its id: what it is called says the image */
	assert_span(c->image, IMG);
	assert_span(c->image_repository, "busybox");
	assert_span(c->image_tag, "1.36");
	assert_span(c->image_digest, "sha256:" DIG);
	assert_flags(c, P | HP | HN | HI, HP | HI);
	assert_int_equal(c->mount_count, 1);
	assert_span(c->mounts[0].mode, "z");
	assert_true(c->mounts[0].rdwr);
	done();
}

static void test_image_names(void **state)
{
	static const struct {
		const char *image, *repository, *tag, *digest;
	} rows[] = {
		{"busybox", "busybox", "latest", ""},
		{"busybox:1", "busybox", "1", ""},
		{"h:5000/busybox", "h:5000/busybox", "latest", ""},
		{"h:5000/a/b:2", "h:5000/a/b", "2", ""},
		{"a/b@sha256:" DIG, "a/b", "", "sha256:" DIG},
		{"a/b:3@sha256:" DIG, "a/b", "3", "sha256:" DIG},
		{"sha256:" IMG, "", "", ""},
	};
	char text[1000];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lz_meta_doc doc = {.kind = LZ_META_DOCKER_CONFIG};
		int n = snprintf(text, sizeof(text),
				 "{\"ID\":\"" ID_A "\",\"Config\":{\"Image\":\"%s\"}}",
				 rows[i].image);
		doc.bytes = lz_span(text, (size_t)n);
		read_docs("/docker/" ID_A, LZ_RUNTIME_DOCKER, &doc, 1);
		assert_span(a.c.image_repository, rows[i].repository);
		assert_span(a.c.image_tag, rows[i].tag);
		assert_span(a.c.image_digest, rows[i].digest);
		done();
	}
}

#define POD_PATH "/kubepods/burstable/pod" POD "/" ID_A

static void test_containerd_pod(void **state)
{
	const struct lz_container *c = ASK(POD_PATH, LZ_RUNTIME_CONTAINERD, DOC(OCI, CRI_CONTAINER),
					   DOC(PID, "4711"), DOC(MOUNTINFO, MOUNTINFO),
					   DOC(OCI_SANDBOX, CRI_SANDBOX), DOC(CNI, CNI_RESULT));

	(void)state;
	assert_span(c->why_not, "");
	assert_true(c->complete);
	assert_span(c->type, "containerd");
	assert_span(c->name, "app");
	assert_span(c->image, "docker.io/library/nginx:1.25");
	assert_span(c->image_repository, "docker.io/library/nginx");
	assert_span(c->image_tag, "1.25");
	assert_span(c->pod_name, "web-0");
	assert_span(c->pod_namespace, "shop");
	assert_span(c->pod_uid, POD);
	assert_span(c->pod_sandbox_id, ID_B);
	assert_span(c->pod_ip, "10.244.1.7");
	assert_span(c->ip, "10.244.1.7");
	assert_non_null(strstr(c->pod_cni_json.p, "\"address\":\"10.244.1.7/24\""));
	assert_span(c->upper, "/snap s/9/fs");
	assert_int_equal(c->pid, 4711);
	assert_int_equal(c->started_ns, 1000000007);
	/* the network is the sandbox's, which has none of its own: the host's */
	assert_flags(c, P | HP | HN | HI | SB, HN);
	assert_int_equal(c->mount_count, 1);
	assert_span(c->mounts[0].dest, "/etc/hosts");
	assert_span(c->mounts[0].propagation, "rprivate");
	assert_false(c->mounts[0].rdwr);
	done();
	/* without the sandbox's file, whose network it is stays unknown */
	c = ASK(POD_PATH, LZ_RUNTIME_CONTAINERD, DOC(OCI, CRI_CONTAINER), DOC(PID, "4711"));
	assert_flags(c, P | HP | SB, 0);
	done();
}

static void test_crio(void **state)
{
	const struct lz_container *c = ASK(
		"/kubepods.slice/kubepods-pod" POD_ ".slice/crio-" ID_A ".scope", LZ_RUNTIME_CRIO,
		DOC(OCI, CRIO_CONTAINER), DOC(PID, "4711\n"), DOC(OCI_SANDBOX, CRIO_SANDBOX));

	(void)state;
	assert_span(c->why_not, "");
	assert_span(c->type, "cri-o");
	assert_span(c->name, "db");
	assert_span(c->image, "quay.io/team/db:15");
	assert_span(c->image_id, IMG);
	assert_span(c->pod_name, "db-0");
	assert_span(c->pod_ip, "10.85.0.4");
	assert_span(c->upper, "/var/lib/containers/storage/overlay/" MNT "/diff");
	assert_span(c->liveness_probe, "pg_isready -q");
	assert_span(c->readiness_probe, "");
	assert_span(lz_container_label(c->pod_labels, c->pod_label_count, LZ_SPAN("app")), "db");
	assert_int_equal(c->label_count, 3);
	assert_int_equal(c->created_ns, 1690021230500000000);
	/* nothing masked, every device, all capabilities; no process ids or IPC of its own */
	assert_flags(c, P | HP | HN | HI | SB, P | HP | HI);
	done();
}

static void test_podman(void **state)
{
	const struct lz_container *c = ASK(
		"/machine.slice/libpod-" ID_A ".scope", LZ_RUNTIME_PODMAN, DOC(OCI, PODMAN_OCI),
		DOC(PID, "4711"), DOC(STORE, PODMAN_CONTAINERS), DOC(STORE_IMAGES, PODMAN_IMAGES));

	(void)state;
	assert_span(c->why_not, "");
	assert_span(c->type, "podman");
	assert_span(c->name, "dove");
	assert_span(c->image, "docker.io/library/alpine:3.18");
	assert_span(c->image_id, IMG);
	assert_span(c->image_digest, "sha256:" DIG);
	assert_span(c->upper, "/r/overlay/" MNT "/diff");
	assert_int_equal(c->created_ns, 1690021230250000000);
	assert_flags(c, P | HP | HN | HI, HI);
	done();
}

static void test_lxc(void **state)
{
	const struct lz_container *c = ASK("/lxc/box", LZ_RUNTIME_LXC,
					   DOC(LXC, "# c\nlxc.uts.name = web\nlxc.arch = x\n"));

	(void)state;
	assert_true(c->complete);
	assert_span(c->type, "lxc");
	assert_span(c->name, "box");
	done();
}

/* Pods are for those in pods: a label does not put a container into one. */
static void test_pretended_pod(void **state)
{
	static const char config[] =
		"{\"ID\":\"" ID_A "\",\"Name\":\"/x\",\"Config\":{\"Image\":\"i\",\"Labels\":{"
		"\"io.kubernetes.pod.namespace\":\"kube-system\",\"io.kubernetes.pod.name\":\"p\","
		"\"annotation.kubectl.kubernetes.io/last-applied-configuration\":\"{broken\"}}}";
	const struct lz_container *c =
		ASK("/docker/" ID_A, LZ_RUNTIME_DOCKER, DOC(DOCKER_CONFIG, config));

	(void)state;
	assert_span(c->pod_namespace, "");
	assert_span(c->pod_name, "");
	assert_int_equal(c->label_count, 3);
	assert_false(c->complete);
	assert_non_null(strstr(c->why_not.p, "last-applied-configuration"));
	done();
	c = ASK("/kubepods/pod" POD "/" ID_A, LZ_RUNTIME_DOCKER, DOC(DOCKER_CONFIG, config));
	assert_span(c->pod_namespace, "kube-system");
	done();
}

/* --- lies --- */

static void lie(const char *doc, const char *why)
{
	struct lz_meta_doc d = {LZ_META_DOCKER_CONFIG, 0, lz_str(doc)};

	read_docs("/docker/" ID_A, LZ_RUNTIME_DOCKER, &d, 1);
	if (a.c.complete || !lz_span_ends(lz_span_head(a.c.why_not, 480), "") ||
	    lz_span_search(a.c.why_not, lz_str(why)) < 0)
		fail_msg("%.60s: \"%.*s\"", doc, LZ_FMT(a.c.why_not));
	for (size_t i = 0; i < a.c.why_not.n; i++)
		assert_true((unsigned char)a.c.why_not.p[i] >= 0x20);
	done();
}

static void test_lies(void **state)
{
	char deep[500] = "";

	(void)state;
	memset(deep, '[', 400);
	lie("", "config.v2.json");
	lie("{", "config.v2.json: JSON");
	lie("[]", "is no JSON object");
	lie("3", "is no JSON object");
	lie(deep, "json_depth");
	lie("{}", "another container");
	lie("{\"ID\":\"" ID_B "\",\"Name\":\"/trusted\"}", "another container");
	lie("{\"ID\":7,\"Name\":{}}", "another container");
	lie("{\"ID\":\"" ID_A "\",\"ID\":\"" ID_A "\"}", "duplicate");
	lie("{\"ID\":\"\xff\"}", "unable to decode");
	lie("{\"a\n\x01\":", "config.v2.json");
	lie("{\"ID\":\"" ID_A "\",\"Name\":[],\"Config\":7,\"State\":\"x\",\"MountPoints\":[1],"
	    "\"NetworkSettings\":{\"Networks\":[]},\"Image\":{}}",
	    "its name is not known");
	lie("{\"ID\":\"" ID_A "\",\"Name\":\"/x\",\"Config\":{\"Image\":\"i\",\"Labels\":[1]},"
	    "\"State\":{\"Pid\":-4,\"StartedAt\":\"soon\"},\"Created\":9}",
	    "not started");
	lie("{\"ID\":\"" ID_A "\",\"Name\":\"/x\",\"Config\":{\"Image\":\"i\"},"
	    "\"State\":{\"Pid\":1e300,\"StartedAt\":\"9999-12-31T23:59:59.999999999999Z\"}}",
	    "not started");
}

/* Too much is cut, flagged, and never more than 256 KiB. */
static void test_too_much(void **state)
{
	struct lz_meta_doc d = {.kind = LZ_META_DOCKER_CONFIG};
	struct lz_container *packed;
	LZ_CLEAN(buf) struct lz_buf b;

	(void)state;
	lz_buf_init(&b, 16 * LZ_M);
	lz_buf_str(&b, "{\"ID\":\"" ID_A "\",\"Name\":\"/x\",\"State\":{\"Pid\":5},"
		       "\"MountPoints\":{");
	for (int i = 0; i < 600; i++)
		lz_buf_printf(&b, "%s\"/%d\":{\"Destination\":\"/%d\"}", i ? "," : "", i, i);
	lz_buf_str(&b, "},\"Config\":{\"Image\":\"i\",\"Labels\":{\"first\":\"");
	for (int i = 0; i < 3000; i++)
		lz_buf_str(&b, "\xc3\xa4");
	lz_buf_byte(&b, '"');
	for (int i = 0; i < 3000; i++)
		lz_buf_printf(&b, ",\"%d\":\"%0200d\"", i, i);
	lz_buf_str(&b, "}}}");
	d.bytes = lz_buf_view(&b);
	read_docs("/docker/" ID_A, LZ_RUNTIME_DOCKER, &d, 1);
	assert_true(a.c.complete && a.c.cut && a.c.why_not.n);
	assert_span(a.c.name, "x");
	assert_true(a.c.label_count > 900 && a.c.label_count <= LZ_CT_LABELS_MAX);
	assert_true(a.c.mount_count <= LZ_CT_MOUNTS_MAX);
	for (size_t i = 0; i < a.c.label_count; i++)
		if (lz_span_is(a.c.labels[i].key, "first"))
			assert_int_equal(a.c.labels[i].value.n, LZ_CT_LABEL_MAX);
	packed = lz_container_pack(&a.c, &a.err);
	assert_non_null(packed);
	assert_true(lz_container_bytes(packed) <= LZ_CT_MEMORY_MAX + 8192);
	lz_container_unref(packed);
	done();
}

/* A list that is not to be kept any more says nothing. */
static void test_stale_list(void **state)
{
	static const struct lz_meta_doc docs[] = {DOC(STORE, PODMAN_CONTAINERS),
						  DOC(OCI, PODMAN_OCI)};
	struct lz_meta_ask ask = {.source = LZ_RUNTIME_PODMAN};

	(void)state;
	read_docs("/libpod_parent/libpod-" ID_A, LZ_RUNTIME_PODMAN, docs, 2);
	assert_span(a.c.name, "dove");
	ask.ref = a.c.ref;
	ask.docs = docs + 1;
	ask.doc_count = 1;
	ask.keep = 1U << LZ_META_STORE;
	assert_ok(lz_meta_read(&a.m, &ask, &a.arena, &a.c, &a.err), a.err);
	assert_span(a.c.name, "dove");
	ask.keep = 0;
	assert_ok(lz_meta_read(&a.m, &ask, &a.arena, &a.c, &a.err), a.err);
	assert_span(a.c.name, "");
	done();
}

/* --- records --- */

static struct lz_rec record(struct lz_rec_out *o)
{
	return (struct lz_rec){.type = LZ_CT_ANSWER, .rest = lz_span(o->buf.p + 6, o->buf.n - 6)};
}

static void test_wire(void **state)
{
	struct lz_rec_out o = {.fd = -1};
	struct lz_container *back;
	struct lz_rec rec;
	size_t whole;

	(void)state;
	ASK("/docker/" ID_A, LZ_RUNTIME_DOCKER, DOC(DOCKER_CONFIG, DOCKER_CONFIG),
	    DOC(DOCKER_HOST, DOCKER_HOST));
	lz_buf_init(&o.buf, LZ_M);
	lz_ct_put_answer(&o, &a.c);
	rec = record(&o);
	back = lz_ct_take_answer(&rec, &a.c.ref, &a.err);
	assert_non_null(back);
	for (size_t i = 0; i < LZ_CT_COUNT; i++)
		assert_true(lz_span_eq(back->text[i], a.c.text[i]));
	assert_int_equal(back->label_count, a.c.label_count);
	assert_int_equal(back->mount_count, a.c.mount_count);
	assert_span(back->mounts[0].dest, "/data");
	assert_int_equal(back->started_ns, a.c.started_ns);
	assert_int_equal(back->flags, a.c.flags);
	assert_true(lz_container_bytes(back) < 4096);
	lz_container_unref(back);
	/* cut anywhere it is malformed, never read beyond */
	whole = o.buf.n;
	for (size_t n = 6; n < whole; n++) {
		char *exact = lz_alloc(n);
		memcpy(exact, o.buf.p, n);
		rec = (struct lz_rec){.rest = lz_span(exact + 6, n - 6)};
		assert_null(lz_ct_take_answer(&rec, &a.c.ref, &a.err));
		lz_free(exact);
	}
	lz_buf_done(&o.buf);
	done();
}

static int all_of_it(void)
{
	static const struct lz_meta_doc docs[] = {DOC(DOCKER_CONFIG, DOCKER_CONFIG),
						  DOC(DOCKER_HOST, DOCKER_HOST),
						  DOC(DOCKER_REPOS, DOCKER_REPOS),
						  DOC(OCI, CRIO_CONTAINER),
						  DOC(OCI_SANDBOX, CRIO_SANDBOX),
						  DOC(MOUNTINFO, MOUNTINFO),
						  DOC(CNI, CNI_RESULT)};
	struct lz_rec_out o = {.fd = -1};
	struct lz_container *c = NULL;
	struct lz_rec rec;
	int r = read_into(&a, POD_PATH, LZ_RUNTIME_DOCKER, docs, 7);

	lz_buf_init(&o.buf, LZ_M);
	if (!r) {
		lz_ct_put_answer(&o, &a.c);
		r = o.buf.code;
	}
	if (!r) {
		rec = record(&o);
		c = lz_ct_take_answer(&rec, &a.c.ref, &a.err);
		r = c ? 0 : a.err.code;
	}
	lz_container_unref(c);
	lz_buf_done(&o.buf);
	done();
	return r;
}

static void test_no_memory(void **state)
{
	(void)state;
	assert_survives_nomem(all_of_it());
}

static void test_event(void **state)
{
	static const char line[] = "{\"status\":\"rename\",\"id\":\"" ID_A
				   "\",\"Type\":\"container\","
				   "\"Action\":\"rename\",\"Actor\":{\"ID\":\"" ID_A
				   "\",\"Attributes\":{\"name\":\"x\"}}}\n";
	struct lz_meta_event e;
	struct lz_limits limits;

	(void)state;
	lz_limits_default(&limits);
	lz_meta_init(&a.m, &limits);
	lz_arena_init(&a.arena, LZ_M);
	assert_ok(lz_meta_event(&a.m, LZ_SPAN(line), &a.arena, &e, &a.err), a.err);
	assert_span(e.action, "rename");
	assert_span(e.id, ID_A);
	assert_true(lz_meta_event(&a.m, LZ_SPAN("{"), &a.arena, &e, &a.err) < 0);
	assert_ok(lz_meta_event(&a.m, LZ_SPAN("{\"Type\":\"image\"}"), &a.arena, &e, &a.err),
		  a.err);
	assert_int_equal(e.id.n, 0);
	done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_docker_files), cmocka_unit_test(test_docker_socket),
		cmocka_unit_test(test_image_names),  cmocka_unit_test(test_containerd_pod),
		cmocka_unit_test(test_crio),	     cmocka_unit_test(test_podman),
		cmocka_unit_test(test_lxc),	     cmocka_unit_test(test_pretended_pod),
		cmocka_unit_test(test_lies),	     cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_stale_list),   cmocka_unit_test(test_wire),
		cmocka_unit_test(test_no_memory),    cmocka_unit_test(test_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
