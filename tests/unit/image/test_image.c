/* SPDX-License-Identifier: Apache-2.0 */
/* From documents to images, and from a target's name to its kind: layouts written by hand. */
#include "test.h"

#include "../../folder.h"
#include "image/docs.h"

#include <openssl/sha.h>
#include <sys/stat.h>

#define LAYER_A	      "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LAYER_B	      "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ID_A	      "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define ID_B	      "sha256:2222222222222222222222222222222222222222222222222222222222222222"
#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define INDEX_TYPE    "application/vnd.oci.image.index.v1+json"
#define LAYER_TYPE    "application/vnd.oci.image.layer.v1.tar+gzip"

/* --- a layout in memory --- */

struct layout {
	struct lz_arena arena;
	struct lz_limits limits;
	struct lz_docs docs;
	struct lz_vec images;
	struct lz_image_select select;
	struct lz_err err;
};

static void set_up(struct layout *l)
{
	*l = (struct layout){.select = {.host = {LZ_SPAN("linux"), LZ_SPAN("amd64"), {"", 0}}}};
	lz_limits_default(&l->limits);
	lz_arena_init(&l->arena, 16 * LZ_M);
	lz_docs_init(&l->docs, &l->arena, &l->limits);
	lz_vec_init(&l->images, sizeof(struct lz_image), 100);
}

static void tear_down(struct layout *l)
{
	lz_vec_done(&l->images);
	lz_docs_done(&l->docs);
	lz_arena_done(&l->arena);
}

static void add(struct layout *l, const char *path, const char *text)
{
	assert_ok(lz_docs_add_json(&l->docs, lz_str(path), lz_str(text), &l->err), l->err);
}

struct named {
	char digest[72], path[88];
	size_t size;
};

/* A document under its own digest. */
static struct named add_blob(struct layout *l, const char *text)
{
	unsigned char sum[32];
	struct named n = {.digest = "sha256:", .size = strlen(text)};

	SHA256((const unsigned char *)text, n.size, sum);
	for (int i = 0; i < 32; i++)
		snprintf(n.digest + 7 + 2 * i, 3, "%02x", sum[i]);
	snprintf(n.path, sizeof(n.path), "blobs/sha256/%.64s", n.digest + 7);
	add(l, n.path, text);
	return n;
}

static struct named add_config(struct layout *l, const char *arch, const char *variant)
{
	char text[1500];

	sprintf(text,
		"{\"os\": \"linux\", \"architecture\": \"%s\", \"variant\": \"%s\","
		" \"created\": \"2023-05-04T17:38:00Z\","
		" \"rootfs\": {\"type\": \"layers\", \"diff_ids\": [\"" ID_A "\", \"" ID_B "\"]},"
		" \"history\": [{\"created_by\": \"ADD rootfs\"},"
		" {\"created_by\": \"ENV A=b\", \"empty_layer\": true},"
		" {\"created_by\": \"RUN apk add curl\"}]}",
		arch, variant);
	return add_blob(l, text);
}

static struct named add_manifest(struct layout *l, struct named config)
{
	char text[1500];

	sprintf(text,
		"{\"schemaVersion\": 2, \"config\": {\"digest\": \"%s\", \"size\": %zu},"
		" \"layers\": [{\"mediaType\": \"" LAYER_TYPE "\", \"digest\": \"" LAYER_A
		"\", \"size\": 100}, {\"mediaType\": \"" LAYER_TYPE "\", \"digest\": \"" LAYER_B
		"\", \"size\": 200}]}",
		config.digest, config.size);
	return add_blob(l, text);
}

static struct named add_image(struct layout *l, const char *arch, const char *variant)
{
	return add_manifest(l, add_config(l, arch, variant));
}

/* A descriptor; `more` begins with a comma where there is any. */
static const char *row(struct named n, const char *type, const char *more)
{
	static char text[8][600];
	static unsigned turn;
	char *t = text[turn++ & 7];

	snprintf(t, 600, "{\"mediaType\": \"%s\", \"digest\": \"%s\", \"size\": %zu%s}", type,
		 n.digest, n.size, more);
	return t;
}

static const char *index_of(const char *a, const char *b)
{
	static char text[2000];

	snprintf(text, sizeof(text), "{\"schemaVersion\": 2, \"manifests\": [%s%s%s]}", a,
		 b ? ", " : "", b ? b : "");
	return text;
}

static int resolve(struct layout *l)
{
	l->images.n = 0;
	l->err = (struct lz_err){0};
	return lz_image_resolve(&l->docs, &l->select, &l->arena, &l->images, &l->err);
}

static struct lz_image *only(struct layout *l)
{
	assert_ok(resolve(l), l->err);
	assert_int_equal(l->images.n, 1);
	return l->images.p;
}

static void refused(struct layout *l, int code, const char *says)
{
	assert_int_equal(resolve(l), code);
	if (!strstr(l->err.text, says))
		fail_msg("\"%s\" does not say \"%s\"", l->err.text, says);
}

/* --- OCI --- */

static void test_oci_image(void **state)
{
	struct layout l;
	struct named config, manifest;
	struct lz_image *i;
	char path[80];

	(void)state;
	set_up(&l);
	config = add_config(&l, "amd64", "");
	manifest = add_manifest(&l, config);
	snprintf(path, sizeof(path), "blobs/sha256/%s", &LAYER_B[7]);
	assert_ok(lz_docs_add_blob(&l.docs, lz_str(path), 1024, 200, &l.err), l.err);
	add(&l, "index.json",
	    index_of(row(manifest, MANIFEST_TYPE,
			 ", \"annotations\": {\"org.opencontainers.image.ref.name\": \"1.2\"}"),
		     NULL));
	i = only(&l);
	assert_span(i->name, "1.2");
	assert_span(i->digest, manifest.digest);
	assert_span(i->config_digest, config.digest);
	assert_span(i->platform.os, "linux");
	assert_span(i->platform.arch, "amd64");
	assert_int_equal(i->created_s, 1683221880); /* date -d 2023-05-04T17:38:00Z +%s */
	assert_int_equal(i->layer_count, 2);
	assert_span(i->layers[0].digest, LAYER_A);
	assert_span(i->layers[0].diff_id, ID_A);
	assert_span(i->layers[0].media_type, LAYER_TYPE);
	assert_span(i->layers[0].created_by, "ADD rootfs");
	assert_int_equal(i->layers[0].size, 100);
	assert_false(i->layers[0].located);
	assert_span(i->layers[1].diff_id, ID_B);
	assert_span(i->layers[1].created_by, "RUN apk add curl"); /* the step with ENV made none */
	assert_true(i->layers[1].located);
	assert_int_equal(i->layers[1].offset, 1024);
	assert_int_equal(i->layers[1].length, 200);
	tear_down(&l);
}

static void test_platforms(void **state)
{
	struct layout l;
	struct named amd, v7, v6, both;

	(void)state;
	set_up(&l);
	amd = add_image(&l, "amd64", "");
	v6 = add_image(&l, "arm", "v6");
	v7 = add_image(&l, "arm", "v7");
	{
		char three[1800];
		snprintf(three, sizeof(three), "%s, %s",
			 row(v6, MANIFEST_TYPE,
			     ", \"platform\": {\"os\": \"linux\", \"architecture\": \"arm\","
			     " \"variant\": \"v6\"}"),
			 row(v7, MANIFEST_TYPE, "")); /* says so in its config only */
		both = add_blob(&l, index_of(row(amd, MANIFEST_TYPE,
						 ", \"platform\": {\"os\": \"linux\","
						 " \"architecture\": \"amd64\"}"),
					     three));
	}
	add(&l, "index.json", index_of(row(both, INDEX_TYPE, ""), NULL));

	assert_span(only(&l)->digest, amd.digest); /* the host's */
	l.select.platform = (struct lz_platform){LZ_SPAN("linux"), LZ_SPAN("arm"), LZ_SPAN("v7")};
	assert_span(only(&l)->digest, v7.digest);
	l.select.platform.variant = lz_str("");
	assert_span(only(&l)->digest, v6.digest); /* the first that fits */
	l.select.platform.arch = lz_str("s390x");
	refused(&l, LZ_E_NOTFOUND,
		"no image for linux/s390x; there are: linux/amd64, linux/arm/v6, linux/arm/v7");
	l.select.platform.os = lz_str("");
	l.select.host.arch = lz_str("riscv64");
	refused(&l, LZ_E_NOTFOUND, "no image for linux/riscv64; there are: linux/amd64");
	l.select.all_platforms = true;
	assert_ok(resolve(&l), l.err);
	assert_int_equal(l.images.n, 3);
	tear_down(&l);
}

/* One image of whatever platform needs no choice; asking for another one is refused. */
static void test_single_platform(void **state)
{
	struct layout l;
	struct named arm;

	(void)state;
	set_up(&l);
	arm = add_image(&l, "arm64", "v8");
	add(&l, "index.json", index_of(row(arm, MANIFEST_TYPE, ""), NULL));
	assert_span(only(&l)->platform.arch, "arm64");
	l.select.platform = (struct lz_platform){LZ_SPAN("linux"), LZ_SPAN("amd64"), {"", 0}};
	refused(&l, LZ_E_NOTFOUND, "there are: linux/arm64/v8");
	tear_down(&l);
}

static void test_names(void **state)
{
	static const struct {
		const char *want;
		int which; /* 1, 2, or 0: refused */
	} cases[] = {
		{"docker.io/library/alpine:latest", 1},
		{"library/alpine:latest", 1},
		{"alpine:latest", 1},
		{"alpine", 1},
		{"latest", 0},
		{"pine", 0},
		{"pine:latest", 0},
		{"docker.io/acme/web:2.0", 2},
		{"web:2.0", 2},
		{"web", 0}, /* that would be web:latest */
		{"ALPINE", 0},
	};
	struct layout l;
	struct named one, two;

	(void)state;
	set_up(&l);
	one = add_image(&l, "amd64", "");
	two = add_image(&l, "arm64", "");
	add(&l, "index.json",
	    index_of(row(one, MANIFEST_TYPE,
			 ", \"annotations\": {\"org.opencontainers.image.ref.name\": \"latest\","
			 " \"io.containerd.image.name\": \"docker.io/library/alpine:latest\"}"),
		     row(two, MANIFEST_TYPE,
			 ", \"annotations\": {\"org.opencontainers.image.ref.name\":"
			 " \"docker.io/acme/web:2.0\"}")));
	refused(&l, LZ_E_USAGE,
		"holds several images; choose one with --image NAME: "
		"docker.io/library/alpine:latest, docker.io/acme/web:2.0");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		l.select.image = lz_str(cases[i].want);
		if (cases[i].which)
			assert_span(only(&l)->digest,
				    cases[i].which == 1 ? one.digest : two.digest);
		else
			refused(&l, LZ_E_USAGE, "no image named");
	}
	l.select.image = lz_str(two.digest);
	assert_span(only(&l)->digest, two.digest);
	l.select.image = lz_span(two.digest + 7, 12); /* as docker shortens it */
	assert_span(only(&l)->digest, two.digest);
	l.select.image = lz_span(two.digest + 7, 11);
	refused(&l, LZ_E_USAGE, "no image named");
	tear_down(&l);
}

/* Two tags of one image are one image; what BuildKit attests is none. */
static void test_rows_that_are_no_images(void **state)
{
	struct layout l;
	struct named one, attest;
	char rows[1300];

	(void)state;
	set_up(&l);
	one = add_image(&l, "amd64", "");
	attest = add_image(&l, "unknown", "");
	snprintf(rows, sizeof(rows), "%s, %s",
		 row(one, MANIFEST_TYPE,
		     ", \"annotations\": {\"org.opencontainers.image.ref.name\": \"b\"}"),
		 row(attest, MANIFEST_TYPE,
		     ", \"platform\": {\"os\": \"unknown\", \"architecture\": \"unknown\"}"));
	add(&l, "index.json",
	    index_of(row(one, MANIFEST_TYPE,
			 ", \"annotations\": {\"org.opencontainers.image.ref.name\": \"a\"}"),
		     rows));
	assert_span(only(&l)->name, "a");
	l.select.image = lz_str("b");
	assert_span(only(&l)->digest, one.digest);
	tear_down(&l);
}

static void test_oci_damaged(void **state)
{
	static const struct {
		const char *index;
		int code;
		const char *says;
	} cases[] = {
		{"{}", LZ_E_FORMAT, "index has no \"manifests\" list"},
		{"[]", LZ_E_FORMAT, "index has no \"manifests\" list"},
		{"{\"manifests\": []}", LZ_E_NOTFOUND, "there is no image in it"},
		{"{\"manifests\": [{}]}", LZ_E_FORMAT, "index row 0 has no valid digest"},
		{"{\"manifests\": [{\"digest\": \"sha256:12\"}]}", LZ_E_FORMAT,
		 "row 0 has no valid"},
		{"{\"manifests\": [{\"digest\": \"" LAYER_A "\"}]}", LZ_E_NOTFOUND,
		 "manifest " LAYER_A " is missing (no blobs/sha256/aaaa"},
		{"{\"manifests\": [{\"digest\": \"sha512:"
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		 "aaa"
		 "aaaa\"}]}",
		 LZ_E_UNSUPPORTED, "only sha256 digests are supported"},
		{"{\"manifests\": [", LZ_E_FORMAT, "index.json"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct layout l;
		set_up(&l);
		add(&l, "index.json", cases[i].index);
		refused(&l, cases[i].code, cases[i].says);
		tear_down(&l);
	}
}

static void fill(char *to, size_t room, const char *form, const char *digest)
{
	const char *at = strchr(form, '@');

	snprintf(to, room, "%.*s%s%s", (int)(at - form), form, digest, at + 1);
}

/* What a manifest and a config must say about each other. */
static void test_manifest_damaged(void **state)
{
	static const struct {
		const char *manifest; /* "@" is the config's digest */
		int code;
		const char *says;
	} cases[] = {
		{"{\"config\": {\"digest\": \"@\"}}", LZ_E_FORMAT, "manifest has no \"layers\""},
		{"{\"schemaVersion\": 1, \"x\": \"@\"}", LZ_E_UNSUPPORTED, "schema version 1"},
		{"[\"@\"]", LZ_E_FORMAT, "is not a JSON object"},
		{"{\"config\": {\"digest\": \"@\"}, \"layers\": []}", LZ_E_FORMAT,
		 "manifest lists 0 layers, image config lists 2 diff_ids"},
		{"{\"config\": {\"digest\": \"@\"}, \"layers\": [{\"digest\": \"x\"}]}",
		 LZ_E_FORMAT, "layer 0: \"x\" is not a digest"},
		{"{\"config\": {\"digest\": \"" LAYER_A "\"}, \"x\": \"@\", \"layers\": []}",
		 LZ_E_NOTFOUND, "image config " LAYER_A " is missing"},
		{"{\"config\": {\"digest\": \"@\", \"size\": 3}, \"layers\": []}", LZ_E_DIGEST,
		 "its descriptor says 3"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct layout l;
		struct named config;
		char text[600];
		set_up(&l);
		config = add_config(&l, "amd64", "");
		fill(text, sizeof(text), cases[i].manifest, config.digest);
		add(&l, "index.json", index_of(row(add_blob(&l, text), MANIFEST_TYPE, ""), NULL));
		refused(&l, cases[i].code, cases[i].says);
		tear_down(&l);
	}
}

static void test_config_damaged(void **state)
{
	static const struct {
		const char *config;
		int code;
		const char *says;
	} cases[] = {
		{"[]", LZ_E_FORMAT, "image config is not a JSON object"},
		{"{}", LZ_E_UNSUPPORTED, "no rootfs.diff_ids"},
		{"{\"rootfs\": {\"diff_ids\": [\"" ID_A "\"]}}", LZ_E_FORMAT, "lists 1 diff_ids"},
		{"{\"rootfs\": {\"diff_ids\": [\"" ID_A "\", \"sha256:2\"]}}", LZ_E_FORMAT,
		 "diff_id 1 is no digest"},
		{"{\"rootfs\": {\"diff_ids\": [\"" ID_A "\", 2]}}", LZ_E_FORMAT,
		 "diff_id 1 is no digest"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct layout l;
		struct named manifest;
		set_up(&l);
		manifest = add_manifest(&l, add_blob(&l, cases[i].config));
		add(&l, "index.json", index_of(row(manifest, MANIFEST_TYPE, ""), NULL));
		refused(&l, cases[i].code, cases[i].says);
		tear_down(&l);
	}
}

/* A history that does not fit the layers is left out: a wrong line would be worse than none. */
static void test_history_that_does_not_fit(void **state)
{
	struct layout l;
	struct named config;
	struct lz_image *i;

	(void)state;
	set_up(&l);
	config = add_blob(&l, "{\"os\": \"linux\", \"rootfs\": {\"diff_ids\": [\"" ID_A
			      "\", \"" ID_B "\"]}, \"history\": [{\"created_by\": \"one\"}]}");
	add(&l, "index.json", index_of(row(add_manifest(&l, config), MANIFEST_TYPE, ""), NULL));
	i = only(&l);
	assert_int_equal(i->layers[0].created_by.n, 0);
	assert_int_equal(i->layers[1].created_by.n, 0);
	tear_down(&l);
}

/* A document that is not what its name says is never believed. */
static void test_digests(void **state)
{
	struct layout l;
	struct named manifest;

	(void)state;
	set_up(&l);
	manifest = add_image(&l, "amd64", "");
	add(&l, "index.json", index_of(row(manifest, MANIFEST_TYPE, ""), NULL));
	add(&l, manifest.path, "{\"layers\": []}");
	refused(&l, LZ_E_DIGEST, "has 14 bytes, its descriptor says");
	manifest.size = 14;
	add(&l, "index.json", index_of(row(manifest, MANIFEST_TYPE, ""), NULL));
	refused(&l, LZ_E_DIGEST, "its content has digest sha256:");
	tear_down(&l);
}

/* 8 levels are read, the ninth is not; rows without a type are looked at. */
static void test_nested_indexes(void **state)
{
	for (int depth = 1; depth < 12; depth++) {
		struct layout l;
		struct named n;
		(void)state;
		set_up(&l);
		n = add_image(&l, "amd64", "");
		for (int i = 0; i < depth; i++)
			n = add_blob(&l, index_of(row(n, i ? "" : MANIFEST_TYPE, ""), NULL));
		add(&l, "index.json", index_of(row(n, "", ""), NULL));
		if (depth <= 8)
			assert_span(only(&l)->platform.arch, "amd64");
		else
			refused(&l, LZ_E_LIMIT, "indexes nest too deep");
		tear_down(&l);
	}
}

static void test_layer_refusal(void **state)
{
	static const struct {
		const char *type, *says; /* NULL: can be read */
	} cases[] = {
		{"", NULL},
		{"application/vnd.oci.image.layer.v1.tar", NULL},
		{"application/vnd.oci.image.layer.v1.tar+gzip", NULL},
		{"application/vnd.oci.image.layer.v1.tar+zstd", NULL},
		{"application/vnd.docker.image.rootfs.diff.tar.gzip", NULL},
		{"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "foreign"},
		{"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "foreign"},
		{"application/vnd.oci.image.layer.v1.tar+gzip+encrypted", "encrypted"},
		{"application/vnd.in-toto+json", "not a file system layer"},
		{"application/vnd.cncf.helm.chart.content.v1.tar+gzip", "not a file system layer"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *got = lz_layer_refusal(lz_str(cases[i].type));
		if (!cases[i].says)
			assert_null(got);
		else
			assert_non_null(got ? strstr(got, cases[i].says) : NULL);
	}
}

/* --- docker-archive --- */

static void test_docker_legacy(void **state)
{
	struct layout l;
	struct named config;
	char manifest[700], name[80];
	struct lz_image *i;

	(void)state;
	set_up(&l);
	config = add_config(&l, "amd64", "");
	snprintf(name, sizeof(name), "%.64s.json", config.digest + 7);
	assert_ok(lz_docs_add_link(&l.docs, lz_str(name), lz_str(config.path), false, &l.err),
		  l.err);
	assert_ok(lz_docs_add_blob(&l.docs, lz_str("abc/layer.tar"), 512, 10240, &l.err), l.err);
	assert_ok(lz_docs_add_link(&l.docs, lz_str("def/layer.tar"), lz_str("../abc/layer.tar"),
				   true, &l.err),
		  l.err);
	snprintf(manifest, sizeof(manifest),
		 "[{\"Config\": \"%s\", \"RepoTags\": [\"acme/web:1\", \"acme/web:latest\"],"
		 " \"Layers\": [\"abc/layer.tar\", \"def/layer.tar\"]}]",
		 name);
	add(&l, "manifest.json", manifest);
	i = only(&l);
	assert_span(i->name, "acme/web:1");
	assert_span(i->digest, config.digest);
	assert_int_equal(i->layer_count, 2);
	assert_span(i->layers[0].blob, "abc/layer.tar");
	assert_int_equal(i->layers[0].digest.n, 0);	 /* promised by nobody */
	assert_span(i->layers[1].blob, "abc/layer.tar"); /* through the link */
	assert_int_equal(i->layers[1].offset, 512);
	assert_span(i->layers[1].created_by, "RUN apk add curl");
	l.select.image = lz_str("web");
	only(&l);
	tear_down(&l);
}

static void test_docker_blobs(void **state)
{
	struct layout l;
	struct named config;
	char manifest[700];
	struct lz_image *i;

	(void)state;
	set_up(&l);
	config = add_config(&l, "amd64", "");
	snprintf(manifest, sizeof(manifest),
		 "[{\"Config\": \"%s\", \"RepoTags\": null, \"Layers\": [\"blobs/sha256/%s\","
		 " \"blobs/sha256/%s\"]}]",
		 config.path, &LAYER_A[7], &LAYER_B[7]);
	add(&l, "manifest.json", manifest);
	i = only(&l);
	assert_int_equal(i->name.n, 0);
	assert_span(i->layers[0].digest, LAYER_A); /* from the name */
	assert_span(i->layers[1].digest, LAYER_B);
	assert_false(i->layers[1].located);
	tear_down(&l);
}

static void test_docker_damaged(void **state)
{
	static const struct {
		const char *manifest;
		int code;
		const char *says;
	} cases[] = {
		{"{}", LZ_E_FORMAT, "not a list of images"},
		{"[]", LZ_E_FORMAT, "not a list of images"},
		{"[{}]", LZ_E_FORMAT, "image 0 lacks Config or Layers"},
		{"[{\"Config\": \"x.json\", \"Layers\": []}]", LZ_E_NOTFOUND,
		 "image config x.json is not in the archive"},
		{"[{\"Config\": \"loop\", \"Layers\": []}]", LZ_E_NOTFOUND,
		 "is not in the archive"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct layout l;
		set_up(&l);
		add(&l, "manifest.json", cases[i].manifest);
		lz_docs_add_link(&l.docs, lz_str("loop"), lz_str("pool"), true, &l.err);
		lz_docs_add_link(&l.docs, lz_str("pool"), lz_str("loop"), true, &l.err);
		refused(&l, cases[i].code, cases[i].says);
		tear_down(&l);
	}
}

static void test_no_image(void **state)
{
	struct layout l;

	(void)state;
	set_up(&l);
	add(&l, "package.json", "{}");
	refused(&l, LZ_E_NOTFOUND, "neither index.json nor manifest.json");
	tear_down(&l);
}

static void test_links(void **state)
{
	static const struct {
		const char *from, *to, *found;
	} cases[] = {
		{"a/b/link", "../../x", "x"},	   {"a/b/link", "../c/x", "a/c/x"},
		{"a/b/link", "./x", "a/b/x"},	   {"a/b/link", "/x", "x"},
		{"link", "../../../x", "x"},	   {"a/link", "c//./x", "a/c/x"},
		{"a/link", "c/../../../x/.", "x"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct layout l;
		const struct lz_doc *doc;
		set_up(&l);
		add(&l, cases[i].found, "{}");
		assert_ok(lz_docs_add_link(&l.docs, lz_str(cases[i].from), lz_str(cases[i].to),
					   true, &l.err),
			  l.err);
		doc = lz_docs_find(&l.docs, lz_str(cases[i].from));
		assert_non_null(doc);
		assert_span(doc->path, cases[i].found);
		tear_down(&l);
	}
}

static void test_docs_limits(void **state)
{
	struct layout l;

	(void)state;
	set_up(&l);
	l.limits.json_total = 10;
	assert_int_equal(lz_docs_add_json(&l.docs, lz_str("a"), lz_str("12345678901"), &l.err),
			 LZ_E_LIMIT);
	assert_non_null(strstr(l.err.text, "limit json_total"));
	tear_down(&l);
	set_up(&l);
	lz_docs_done(&l.docs);
	l.limits.blobs = 2;
	lz_docs_init(&l.docs, &l.arena, &l.limits);
	assert_int_equal(lz_docs_add_blob(&l.docs, lz_str("a"), 0, 0, &l.err), 0);
	assert_int_equal(lz_docs_add_blob(&l.docs, lz_str("b"), 0, 0, &l.err), 0);
	assert_int_equal(lz_docs_add_blob(&l.docs, lz_str("b"), 0, 1, &l.err), 0); /* the same */
	assert_int_equal(lz_docs_add_blob(&l.docs, lz_str("c"), 0, 0, &l.err), LZ_E_LIMIT);
	assert_non_null(strstr(l.err.text, "limit blobs"));
	tear_down(&l);
}

static struct layout *two_images;

static int resolve_once(void)
{
	struct lz_err err = {0};
	struct lz_arena arena;
	struct lz_vec images;
	int code;

	lz_arena_init(&arena, LZ_M);
	lz_vec_init(&images, sizeof(struct lz_image), 10);
	code = lz_image_resolve(&two_images->docs, &two_images->select, &arena, &images, &err);
	assert_int_equal(images.n, code ? 0 : 1);
	lz_vec_done(&images);
	lz_arena_done(&arena);
	return code;
}

static void test_nomem(void **state)
{
	struct layout l;

	(void)state;
	set_up(&l);
	add(&l, "index.json",
	    index_of(row(add_image(&l, "arm64", ""), MANIFEST_TYPE, ""),
		     row(add_image(&l, "amd64", ""), MANIFEST_TYPE, "")));
	two_images = &l;
	assert_survives_nomem(resolve_once());
	tear_down(&l);
}

/* --- targets --- */

static void test_targets(void **state)
{
	static const struct {
		const char *given; /* below the folder; "@" stands for it */
		int kind;	   /* or the error */
		bool recognised;
		const char *says;
	} cases[] = {
		{"archive:@/file", LZ_TARGET_ARCHIVE, false, NULL},
		{"@/file", LZ_TARGET_ARCHIVE, true, NULL},
		{"-", LZ_TARGET_ARCHIVE, false, NULL},
		{"archive:-", LZ_TARGET_ARCHIVE, false, NULL},
		{"oci:@/file", LZ_TARGET_ARCHIVE, false, NULL}, /* a layout as tar */
		{"oci:@/layout", LZ_TARGET_OCI, false, NULL},
		{"@/layout", LZ_TARGET_OCI, true, NULL},
		{"dir:@/layout", LZ_TARGET_DIR, false, NULL},
		{"@/root", LZ_TARGET_DIR, true, NULL},
		{"@/with:colon", LZ_TARGET_ARCHIVE, true, NULL},
		{"archive:@/with:colon", LZ_TARGET_ARCHIVE, false, NULL},
		{"archive:@/root", LZ_E_USAGE, false, "is a directory; use oci: or dir:"},
		{"dir:@/file", LZ_E_USAGE, false, "not a directory"},
		{"docker:@/file", LZ_E_USAGE, false, "unknown scheme \"docker\""},
		{"@/absent", LZ_E_NOTFOUND, false, "no such file or directory; TARGET is a file"},
		{"dir:@/absent", LZ_E_NOTFOUND, false, "absent: no such file or directory"},
		{"dir:", LZ_E_USAGE, false, "names nothing"},
		{"", LZ_E_USAGE, false, "names nothing"},
	};
	char path[200];

	(void)state;
	for (int i = 0; i < 4; i++) {
		static const char *const names[] = {"layout", "root", "file", "with:colon"};
		if (i < 2)
			assert_int_equal(mkdir(in_folder(names[i]), 0700), 0);
		else
			fclose(fopen(in_folder(names[i]), "w"));
	}
	fclose(fopen(in_folder("layout/oci-layout"), "w"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *at = strchr(cases[i].given, '@');
		struct lz_target t = {0};
		struct lz_err err = {0};
		struct lz_arena arena;
		int code;
		lz_arena_init(&arena, LZ_M);
		snprintf(path, sizeof(path), "%.*s%s%s",
			 (int)(at ? at - cases[i].given : (ptrdiff_t)strlen(cases[i].given)),
			 cases[i].given, at ? folder : "", at ? at + 1 : "");
		code = lz_target_parse(lz_str(path), &arena, &t, &err);
		if (cases[i].says) {
			assert_int_equal(code, cases[i].kind);
			if (!strstr(err.text, cases[i].says))
				fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].says);
		} else {
			assert_ok(code, err);
			assert_int_equal(t.kind, cases[i].kind);
			assert_int_equal(t.recognised, cases[i].recognised);
			assert_span(t.given, path);
		}
		lz_arena_done(&arena);
	}
}

static void test_platform_names(void **state)
{
	static const struct {
		const char *given, *os, *arch, *variant;
	} cases[] = {
		{"linux/amd64", "linux", "amd64", ""}, {"linux/arm64/v8", "linux", "arm64", "v8"},
		{"linux", NULL, NULL, NULL},	       {"", NULL, NULL, NULL},
		{"/amd64", NULL, NULL, NULL},	       {"linux/", NULL, NULL, NULL},
		{"Linux/amd64", NULL, NULL, NULL},     {"linux/arm/v7/x", NULL, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lz_platform p = {0};
		struct lz_err err = {0};
		int code = lz_platform_parse(lz_str(cases[i].given), &p, &err);
		if (!cases[i].os) {
			assert_int_equal(code, LZ_E_USAGE);
			assert_non_null(strstr(err.text, "expected os/arch[/variant]"));
			continue;
		}
		assert_ok(code, err);
		assert_span(p.os, cases[i].os);
		assert_span(p.arch, cases[i].arch);
		assert_span(p.variant, cases[i].variant);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oci_image),
		cmocka_unit_test(test_platforms),
		cmocka_unit_test(test_single_platform),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_rows_that_are_no_images),
		cmocka_unit_test(test_oci_damaged),
		cmocka_unit_test(test_manifest_damaged),
		cmocka_unit_test(test_config_damaged),
		cmocka_unit_test(test_history_that_does_not_fit),
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_nested_indexes),
		cmocka_unit_test(test_layer_refusal),
		cmocka_unit_test(test_docker_legacy),
		cmocka_unit_test(test_docker_blobs),
		cmocka_unit_test(test_docker_damaged),
		cmocka_unit_test(test_no_image),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_docs_limits),
		cmocka_unit_test(test_nomem),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_platform_names),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
