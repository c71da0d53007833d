/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The documents of an archive or layout: path, text, path, text … divided by zero bytes; "%" in a
 * text stands for the digest of the document before it, so that a fuzzer can make manifests that
 * hold. Asserted: the images that come out have layers with paths or digests, and no more than the
 * documents can name.
 */
#include "base/buf.h"
#include "image/image.h"

#include "format/text.h"
#include "fuzz.h"

#include <openssl/sha.h>

static void fill(struct lz_buf *b, struct lz_span text, const char *digest)
{
	lz_buf_clear(b);
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '%')
			lz_buf_printf(b, "sha256:%s", digest);
		else
			lz_buf_byte(b, (unsigned char)text.p[i]);
}

static void check_images(const struct lz_vec *images, size_t size)
{
	LZ_VEC_EACH (struct lz_image, i, images) {
		CHECK(i->layer_count <= size);
		for (size_t k = 0; k < i->layer_count; k++)
			CHECK(i->layers[k].blob.n || i->layers[k].digest.n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lz_span rest = lz_span(data, size), path, text;
	struct lz_image_select select = {.host = {LZ_SPAN("linux"), LZ_SPAN("amd64"), {"", 0}}};
	unsigned char sum[32];
	char hex[65] = "";
	struct lz_limits limits;
	struct lz_err err = {0};
	struct lz_arena arena;
	struct lz_docs docs;
	struct lz_vec images;
	struct lz_buf b;
	char blob[100];

	lz_limits_default(&limits);
	lz_arena_init(&arena, 64 * LZ_M);
	lz_docs_init(&docs, &arena, &limits);
	lz_vec_init(&images, sizeof(struct lz_image), 1000);
	lz_buf_init(&b, 1 << 20);
	while (rest.n) {
		lz_span_cut(rest, '\0', &path, &rest);
		lz_span_cut(rest, '\0', &text, &rest);
		fill(&b, text, hex);
		SHA256((const unsigned char *)lz_buf_view(&b).p, b.n, sum);
		lz_hex(sum, 32, hex);
		snprintf(blob, sizeof(blob), "blobs/sha256/%s", hex);
		checked(lz_docs_add_json(&docs, path.n ? path : lz_str(blob), lz_buf_view(&b),
					 &err),
			&err);
	}
	for (int all = 0; all < 2; all++) {
		select.all_platforms = all;
		images.n = 0;
		if (!checked(lz_image_resolve(&docs, &select, &arena, &images, &err), &err))
			check_images(&images, size);
	}
	lz_buf_done(&b);
	lz_vec_done(&images);
	lz_docs_done(&docs);
	lz_arena_done(&arena);
	return 0;
}
