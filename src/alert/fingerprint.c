/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What makes two hits the same fact: rule, image and the programs of the lineage. A fingerprint is
 * SHA-256, cut to 128 bits: who is watched must not be able to make his deed look like another that
 * is already being counted.
 */
#include "alert.h"

#include "../base/clean.h"
#include "../base/limits.h"
#include "../format/text.h"

#include <openssl/evp.h>

/* Length in front: "ab" + "c" is not "a" + "bc". */
static void add(struct lz_buf *b, struct lz_span s)
{
	lz_buf_u64le(b, s.n);
	lz_buf_span(b, s);
}

/* "registry:5000/team/app:1.2@sha256:…" without digest, and without tag if there is a digest to
 * stand for it. */
static struct lz_span repository(struct lz_span image, bool has_digest)
{
	ptrdiff_t at = lz_span_find(image, '@'), slash, colon;

	if (at >= 0)
		image = lz_span_head(image, (size_t)at);
	slash = lz_span_rfind(image, '/');
	colon = lz_span_rfind(image, ':');
	return has_digest && colon > slash ? lz_span_head(image, (size_t)colon) : image;
}

static struct lz_span digest_of(const struct lz_alert *a)
{
	ptrdiff_t at = lz_span_find(a->container.image, '@');

	if (a->container.digest.n || at < 0)
		return a->container.digest;
	return lz_span_from(a->container.image, (size_t)at + 1);
}

int lz_alert_fingerprint(const struct lz_alert *a, char ret[LZ_FINGERPRINT_SIZE],
			 struct lz_err *err)
{
	struct lz_span digest = digest_of(a);
	LZ_CLEAN(buf) struct lz_buf b;
	unsigned char sum[32];

	lz_buf_init(&b, 16 * LZ_M);
	add(&b, a->rule);
	add(&b, repository(a->container.image, digest.n > 0));
	add(&b, digest);
	for (size_t i = 0; i < a->lineage_count && i < LZ_ALERT_LINEAGE_MAX; i++) {
		const struct lz_alert_process *p = &a->lineage[i];
		add(&b, p->exe.n ? p->exe : p->name); /* the kernel's own have no program */
	}
	if (b.code)
		return lz_fail(err, b.code, "fingerprint: %s", lz_code_text(b.code));
	if (!EVP_Digest(b.p, b.n, sum, NULL, EVP_sha256(), NULL))
		return lz_fail(err, LZ_E_NOMEM, "fingerprint: SHA-256 is not available");
	lz_hex(sum, (LZ_FINGERPRINT_SIZE - 1) / 2, ret);
	return 0;
}
