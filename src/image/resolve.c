/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which image did the user mean? Candidates come from the layout's index or the archive's
 * manifest.json. They are narrowed by name, then by platform:
 *
 *	--image NAME given      only candidates of that name
 *	--all-platforms         all that are left
 *	--platform given        the one of that platform, or an error listing the platforms
 *	neither                 a single candidate whatever its platform; else the host's
 *
 * Candidates of different names with no --image are an error that lists the names.
 */
#include "docs.h"

#include "../base/clean.h"

static const struct lz_span none = {"", 0};

/* "alpine" means "alpine:latest", and "docker.io/library/alpine:latest" too. */
static bool name_is(struct lz_span name, struct lz_span want)
{
	struct lz_span cut = name;

	if (lz_span_eq(name, want))
		return true;
	if (lz_span_find(want, '@') < 0 && lz_span_ends(cut, ":latest") &&
	    !lz_span_ends(want, ":latest"))
		cut.n -= 7;
	return cut.n >= want.n && want.n && lz_span_eq(lz_span_from(cut, cut.n - want.n), want) &&
	       (cut.n == want.n || cut.p[cut.n - want.n - 1] == '/');
}

static bool candidate_is(const struct lz_candidate *c, struct lz_span want)
{
	if (lz_span_eq(c->digest, want) ||
	    (c->digest.n > 7 && want.n >= 12 &&
	     lz_span_eq(lz_span_head(lz_span_from(c->digest, 7), want.n), want)))
		return true;
	for (size_t i = 0; i < c->name_count; i++)
		if (name_is(c->names[i], want))
			return true;
	return false;
}

static bool platform_is(const struct lz_platform *p, const struct lz_platform *want)
{
	return lz_span_eq(p->os, want->os) && lz_span_eq(p->arch, want->arch) &&
	       (!want->variant.n || !p->variant.n || lz_span_eq(p->variant, want->variant));
}

static int list_names(const struct lz_vec *candidates, int code, const char *say,
		      struct lz_err *err)
{
	char list[320];
	size_t n = 0;

	LZ_VEC_EACH (struct lz_candidate, c, candidates) {
		struct lz_span name = c->name_count ? c->names[0] : c->digest;
		int k = snprintf(list + n, sizeof(list) - n, "%s%.*s", n ? ", " : "", LZ_FMT(name));
		if (k < 0 || (size_t)k >= sizeof(list) - n) {
			snprintf(list + sizeof(list) - 4, 4, "...");
			break;
		}
		n += (size_t)k;
	}
	return lz_fail(err, code, "%s: %s", say, n ? list : "none");
}

static int list_platforms(const struct lz_vec *images, const struct lz_platform *want,
			  struct lz_err *err)
{
	char list[320] = "";
	size_t n = 0;

	LZ_VEC_EACH (struct lz_image, i, images) {
		int k = snprintf(list + n, sizeof(list) - n, "%s%.*s/%.*s%s%.*s", n ? ", " : "",
				 LZ_FMT(i->platform.os), LZ_FMT(i->platform.arch),
				 i->platform.variant.n ? "/" : "", LZ_FMT(i->platform.variant));
		if (k < 0 || (size_t)k >= sizeof(list) - n)
			break;
		n += (size_t)k;
	}
	return lz_fail(err, LZ_E_NOTFOUND,
		       "no image for %.*s/%.*s; there are: %s (choose with --platform)",
		       LZ_FMT(want->os), LZ_FMT(want->arch), list);
}

/* Without --image, candidates must agree on their name (or have none). */
static bool names_differ(const struct lz_vec *candidates)
{
	const struct lz_candidate *first = candidates->p;

	LZ_VEC_EACH (struct lz_candidate, c, candidates) {
		struct lz_span a = first->name_count ? first->names[0] : none;
		struct lz_span b = c->name_count ? c->names[0] : none;
		if (!lz_span_eq(a, b))
			return true;
	}
	return false;
}

static int narrow_by_name(struct lz_vec *candidates, struct lz_span want, struct lz_err *err)
{
	struct lz_candidate *all = candidates->p;
	size_t kept = 0;

	if (!candidates->n)
		return lz_fail(err, LZ_E_NOTFOUND, "there is no image in it");
	if (!want.n)
		return names_differ(candidates)
			       ? list_names(candidates, LZ_E_USAGE,
					    "holds several images; choose one with --image NAME",
					    err)
			       : 0;
	for (size_t i = 0; i < candidates->n; i++)
		if (candidate_is(&all[i], want))
			all[kept++] = all[i];
	if (!kept) {
		char say[300];
		snprintf(say, sizeof(say), "no image named \"%.*s\"; there are", LZ_FMT(want));
		return list_names(candidates, LZ_E_USAGE, say, err);
	}
	candidates->n = kept;
	return 0;
}

struct source {
	const struct lz_docs *docs;
	bool oci;
};

static int load(const struct source *s, const struct lz_candidate *c, struct lz_arena *arena,
		struct lz_image *ret, struct lz_err *err)
{
	return s->oci ? lz_oci_image(s->docs, c, arena, ret, err)
		      : lz_docker_image(s->docs, c, arena, ret, err);
}

static int take(const struct source *s, const struct lz_candidate *c, struct lz_arena *arena,
		struct lz_vec *ret, struct lz_err *err)
{
	struct lz_image image;
	int r = load(s, c, arena, &image, err);

	if (r)
		return r;
	if (!lz_vec_add(ret, &image))
		return lz_fail(err, ret->code, "too many images");
	return 0;
}

/* A descriptor that names no platform is asked through its config; one whose documents are not here
 * (another platform's, not copied) stays unknown and can't be chosen. */
static void learn_platform(const struct source *s, struct lz_candidate *c, struct lz_arena *arena)
{
	struct lz_image image;

	if (!c->platform.os.n && !load(s, c, arena, &image, NULL))
		c->platform = image.platform;
}

static int choose_platform(const struct source *s, const struct lz_vec *candidates,
			   const struct lz_platform *want, struct lz_arena *arena,
			   struct lz_vec *ret, struct lz_err *err)
{
	LZ_CLEAN(vec) struct lz_vec seen;

	lz_vec_init(&seen, sizeof(struct lz_image), candidates->n);
	LZ_VEC_EACH (struct lz_candidate, c, candidates) {
		struct lz_image *i;
		learn_platform(s, c, arena);
		if (platform_is(&c->platform, want))
			return take(s, c, arena, ret, err);
		i = lz_vec_push(&seen);
		if (i)
			i->platform = c->platform;
	}
	return list_platforms(&seen, want, err);
}

int lz_image_resolve(const struct lz_docs *docs, const struct lz_image_select *select,
		     struct lz_arena *arena, struct lz_vec *ret_images, struct lz_err *err)
{
	struct source s = {.docs = docs, .oci = lz_docs_find(docs, LZ_SPAN("index.json")) != NULL};
	LZ_CLEAN(vec) struct lz_vec candidates;
	int r;

	lz_vec_init(&candidates, sizeof(struct lz_candidate), 4096);
	if (!s.oci && !lz_docs_find(docs, LZ_SPAN("manifest.json")))
		return lz_fail(err, LZ_E_NOTFOUND,
			       "neither index.json nor manifest.json: this is no container image "
			       "(for a root file system use dir:PATH)");
	r = s.oci ? lz_oci_candidates(docs, arena, &candidates, err)
		  : lz_docker_candidates(docs, arena, &candidates, err);
	if (!r)
		r = narrow_by_name(&candidates, select->image, err);
	if (r)
		return r;
	if (select->all_platforms) {
		LZ_VEC_EACH (struct lz_candidate, c, &candidates) {
			r = take(&s, c, arena, ret_images, err);
			if (r)
				return r;
		}
		return 0;
	}
	if (select->platform.os.n)
		return choose_platform(&s, &candidates, &select->platform, arena, ret_images, err);
	if (candidates.n == 1)
		return take(&s, candidates.p, arena, ret_images, err);
	return choose_platform(&s, &candidates, &select->host, arena, ret_images, err);
}
