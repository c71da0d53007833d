/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of catalogers, and the question asked of every entry of every layer: could this path be
 * one of ours?
 */
#include "catalog.h"

#include <fnmatch.h>

const struct lz_cataloger *const lz_catalogers[] = {
	&lz_cataloger_release, &lz_cataloger_dpkg, &lz_cataloger_opkg, &lz_cataloger_apk, NULL,
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
