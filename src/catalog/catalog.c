/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of catalogers, and the question asked of every entry of every layer: could this path be
 * one of ours?
 */
#include "catalog.h"

#include "config.h"

#include <fnmatch.h>

#if LZ_HOSTILE_PARSER
extern const struct lz_cataloger lz_cataloger_hostile;
#endif

const struct lz_cataloger *const lz_catalogers[] = {
#if LZ_HOSTILE_PARSER
	&lz_cataloger_hostile,
#endif
	&lz_cataloger_release,	   &lz_cataloger_dpkg, &lz_cataloger_opkg,
	&lz_cataloger_apk,	   &lz_cataloger_rpm,  &lz_cataloger_rpmlog,
	&lz_cataloger_rpmmanifest, &lz_cataloger_alpm, NULL,
};

const struct lz_cataloger *lz_catalog_match(struct lz_span path, const char **ret_pattern)
{
	char text[512];

	if (!lz_span_cstr(path, text, sizeof(text)))
		return NULL;
	for (size_t i = 0; lz_catalogers[i]; i++) {
		for (const char *const *p = lz_catalogers[i]->paths; *p; p++) {
			if (fnmatch(*p, text, FNM_PATHNAME))
				continue;
			if (ret_pattern)
				*ret_pattern = *p;
			return lz_catalogers[i];
		}
	}
	return NULL;
}

/* The last two components of a path, without allocating. */
static void tail(struct lz_span path, struct lz_span *ret_folder, struct lz_span *ret_name)
{
	ptrdiff_t slash = lz_span_rfind(path, '/');
	struct lz_span front = lz_span_head(path, slash < 0 ? 0 : (size_t)slash);

	*ret_name = lz_span_from(path, (size_t)(slash + 1));
	*ret_folder = lz_span_from(front, (size_t)(lz_span_rfind(front, '/') + 1));
}

/* One component against one of a pattern: literal, "*", or "*" and a literal ending. */
static bool fits(struct lz_span have, struct lz_span want)
{
	if (!want.n || want.p[0] != '*')
		return lz_span_eq(have, want);
	want = lz_span_from(want, 1);
	return have.n >= want.n && lz_span_eq(lz_span_from(have, have.n - want.n), want);
}

bool lz_catalog_candidate(struct lz_span path)
{
	struct lz_span folder, name, f, n;

	tail(path, &folder, &name);
	for (size_t i = 0; lz_catalogers[i]; i++) {
		for (const char *const *p = lz_catalogers[i]->paths; *p; p++) {
			tail(lz_str(*p), &f, &n);
			if (fits(name, n) && fits(folder, f))
				return true;
		}
	}
	return false;
}

/* --- the question for every entry of a layer -------------------------------------------------- */

static void filter_name(struct lz_catalog_filter *f, struct lz_span name)
{
	unsigned char last = (unsigned char)name.p[name.n - 1];
	uint64_t bit = 1ULL << (name.n < 63 ? name.n : 63);

	/* "*.list" may be of any length from that of its ending on. */
	f->by_end[last] |= name.p[0] == '*' ? ~(bit / 2 - 1) : bit;
}

static void filter_pattern(struct lz_catalog_filter *f, struct lz_span pattern)
{
	struct lz_span rest = pattern, part, folder, name;

	tail(pattern, &folder, &name);
	if (!lz_span_is(name, "*"))
		filter_name(f, name);
	else if (f->folders < sizeof(f->folder) / sizeof(f->folder[0]))
		f->folder[f->folders++] = folder;
	else
		memset(f->by_end, 0xff, sizeof(f->by_end)); /* correct all the same, but slow */
	while (rest.n) {
		lz_span_cut(rest, '/', &part, &rest);
		f->component_by_end[(unsigned char)part.p[part.n - 1]] |=
			1ULL << (part.n < 63 ? part.n : 63);
	}
}

void lz_catalog_filter_init(struct lz_catalog_filter *f)
{
	memset(f, 0, sizeof(*f));
	for (size_t i = 0; lz_catalogers[i]; i++)
		for (const char *const *p = lz_catalogers[i]->paths; *p; p++)
			filter_pattern(f, lz_str(*p));
}

static bool may_be(const uint64_t by_end[256], struct lz_span name)
{
	return name.n &&
	       by_end[(unsigned char)name.p[name.n - 1]] >> (name.n < 63 ? name.n : 63) & 1;
}

bool lz_catalog_filter_file(const struct lz_catalog_filter *f, struct lz_span path,
			    struct lz_span name)
{
	if (may_be(f->by_end, name))
		return lz_catalog_candidate(path);
	if (path.n <= name.n)
		return false;
	path.n -= name.n + 1; /* the folder; its last component is what counts */
	for (unsigned i = 0; i < f->folders; i++) {
		struct lz_span want = f->folder[i];
		if (path.n >= want.n && !memcmp(path.p + path.n - want.n, want.p, want.n) &&
		    (path.n == want.n || path.p[path.n - want.n - 1] == '/'))
			return true;
	}
	return false;
}

bool lz_catalog_filter_component(const struct lz_catalog_filter *f, struct lz_span component)
{
	return may_be(f->component_by_end, component) && lz_catalog_component(component);
}

bool lz_catalog_component(struct lz_span component)
{
	for (size_t i = 0; lz_catalogers[i]; i++) {
		for (const char *const *p = lz_catalogers[i]->paths; *p; p++) {
			struct lz_span rest = lz_str(*p), part;
			while (rest.n) {
				lz_span_cut(rest, '/', &part, &rest);
				if (lz_span_eq(part, component))
					return true;
			}
		}
	}
	return false;
}
