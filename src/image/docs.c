/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in an archive, remembered just enough to find its images: JSON documents are kept whole
 * (their sum is bounded), links by target, everything else by place. Paths come normalised from
 * the tar reader. Hostile archives may hold link cycles, so following stops after 16 steps.
 */
#include "docs.h"

#include <openssl/evp.h>

#define LINK_STEPS 16

void lz_docs_init(struct lz_docs *d, struct lz_arena *arena, const struct lz_limits *limits)
{
	*d = (struct lz_docs){.arena = arena, .limits = limits};
	lz_map_init(&d->by_path, limits->blobs);
}

void lz_docs_done(struct lz_docs *d)
{
	lz_map_done(&d->by_path);
}

static int put(struct lz_docs *d, const struct lz_doc *doc, struct lz_err *err)
{
	struct lz_doc *copy = LZ_ARENA_NEW(d->arena, struct lz_doc);
	struct lz_map_item *it;
	int code = 0;

	if (!copy)
		return lz_fail(err, d->arena->code, "%.*s: too much to remember",
			       LZ_FMT(doc->path));
	*copy = *doc;
	copy->path = lz_arena_dup(d->arena, doc->path);
	copy->text = lz_arena_dup(d->arena, doc->text);
	if (d->arena->code)
		return lz_fail(err, d->arena->code, "%.*s: too much to remember",
			       LZ_FMT(doc->path));
	it = lz_map_put(&d->by_path, copy->path, NULL, &code);
	if (!it)
		return lz_fail(err, code, "more than %llu members in this archive (limit blobs)",
			       (unsigned long long)d->limits->blobs);
	it->value.ptr = copy;
	return 0;
}

int lz_docs_add_json(struct lz_docs *d, struct lz_span path, struct lz_span text,
		     struct lz_err *err)
{
	d->json_bytes += text.n;
	if (d->json_bytes > d->limits->json_total)
		return lz_fail(err, LZ_E_LIMIT,
			       "%.*s: manifests and configs exceed %llu bytes (limit json_total)",
			       LZ_FMT(path), (unsigned long long)d->limits->json_total);
	return put(d, &(struct lz_doc){.kind = LZ_DOC_JSON, .path = path, .text = text}, err);
}

int lz_docs_add_blob(struct lz_docs *d, struct lz_span path, uint64_t offset, uint64_t length,
		     struct lz_err *err)
{
	return put(d,
		   &(struct lz_doc){
			   .kind = LZ_DOC_BLOB, .path = path, .offset = offset, .length = length},
		   err);
}

/* Joins a link's target to the folder of the link, taking "." and ".." out; never above the root.
 */
static struct lz_span join(struct lz_arena *arena, struct lz_span from, struct lz_span target)
{
	ptrdiff_t slash = lz_span_rfind(from, '/');
	struct lz_span parts[2] = {lz_span_head(from, slash < 0 ? 0 : (size_t)slash), target};
	char *out = lz_arena_alloc(arena, from.n + target.n + 2);
	size_t n = 0;

	if (!out)
		return (struct lz_span){"", 0};
	if (target.n && target.p[0] == '/')
		parts[0].n = 0;
	for (int i = 0; i < 2; i++) {
		struct lz_span rest = parts[i], part;
		while (rest.n) {
			lz_span_cut(rest, '/', &part, &rest);
			if (part.n == 0 || lz_span_is(part, "."))
				continue;
			if (lz_span_is(part, "..")) {
				while (n && out[--n] != '/')
					;
				continue;
			}
			if (n)
				out[n++] = '/';
			memcpy(out + n, part.p, part.n);
			n += part.n;
		}
	}
	return lz_span(out, n);
}

int lz_docs_add_link(struct lz_docs *d, struct lz_span path, struct lz_span target, bool symbolic,
		     struct lz_err *err)
{
	struct lz_span full = symbolic ? join(d->arena, path, target) : target;

	return put(d, &(struct lz_doc){.kind = LZ_DOC_LINK, .path = path, .text = full}, err);
}

const struct lz_doc *lz_docs_find(const struct lz_docs *d, struct lz_span path)
{
	for (int i = 0; i <= LINK_STEPS; i++) {
		const struct lz_map_item *it = lz_map_get(&d->by_path, path);
		const struct lz_doc *doc = it ? it->value.ptr : NULL;

		if (!doc || doc->kind != LZ_DOC_LINK)
			return doc;
		path = doc->text;
	}
	return NULL;
}

int lz_doc_verify(struct lz_span text, struct lz_span digest, uint64_t size, const char *what,
		  struct lz_err *err)
{
	unsigned char sum[32];
	char hex[72] = "sha256:";

	if (size != UINT64_MAX && size != text.n)
		return lz_fail(err, LZ_E_DIGEST, "%s %.*s: has %zu bytes, its descriptor says %llu",
			       what, LZ_FMT(digest), text.n, (unsigned long long)size);
	if (!EVP_Digest(text.p, text.n, sum, NULL, EVP_sha256(), NULL))
		return lz_fail(err, LZ_E_NOMEM, "SHA-256 is not available");
	for (int i = 0; i < 32; i++)
		snprintf(hex + 7 + 2 * i, 3, "%02x", sum[i]);
	if (!lz_span_is(digest, hex))
		return lz_fail(err, LZ_E_DIGEST, "%s %.*s: its content has digest %s", what,
			       LZ_FMT(digest), hex);
	return 0;
}

int lz_blob_path(struct lz_span digest, struct lz_arena *arena, struct lz_span *ret,
		 struct lz_err *err)
{
	if (!lz_digest_valid(digest))
		return lz_fail(err, LZ_E_FORMAT, "\"%.*s\" is not a digest", LZ_FMT(digest));
	if (!lz_span_starts(digest, "sha256:"))
		return lz_fail(err, LZ_E_UNSUPPORTED, "%.*s: only sha256 digests are supported",
			       LZ_FMT(digest));
	*ret = lz_arena_printf(arena, "blobs/sha256/%.*s", 64, digest.p + 7);
	return arena->code ? lz_fail(err, arena->code, "out of memory") : 0;
}
