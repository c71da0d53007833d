/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Entries in, packages out. A cataloger is one ecosystem in one file and one row in catalogers[].
 * It runs in the confined child and sees one file at a time; what it finds it puts into a sink.
 */
#include "../base/limits.h"
#include "../format/reader.h"
#include "../model/model.h"

/* --- where evidence goes -------------------------------------------------------------------- */

/* One release file, reduced to what distribution detection needs. */
struct lz_release {
	struct lz_span path; /* "etc/os-release" */
	struct lz_span id, version_id, name, pretty, codename, variant, id_like, cpe;
	struct lz_span text; /* for one-line files (alpine-release, redhat-release …): that line,
			      * trimmed; for apk repositories: the release they point at ("v3.9",
			      * "edge"); for Ubuntu's Pro status: "esm-infra" when attached */
};

struct lz_sink {
	/* Copies what it keeps; spans need only live during the call. Return 0 or a negative code,
	 * which the cataloger passes on. */
	int (*package)(struct lz_sink *s, const struct lz_package *p, struct lz_err *err);
	int (*release)(struct lz_sink *s, const struct lz_release *r, struct lz_err *err);
	/* Files owned by a package of the same database: name (and arch, may be empty) + list. */
	int (*files)(struct lz_sink *s, struct lz_span package, struct lz_span arch,
		     struct lz_span filelist, uint32_t count, struct lz_err *err);
	/* Something could not be read but the rest could: makes the answer incomplete. offset < 0:
	 * not known. */
	int (*problem)(struct lz_sink *s, int code, int64_t offset, const char *text,
		       struct lz_err *err);
};

/* --- the table ------------------------------------------------------------------------------ */

struct lz_cataloger {
	const char *name; /* "dpkg" */
	/* Paths it reads, without leading slash, ending with NULL. "*" stands for one whole
	 * component, or for the beginning of the last one ("info/" + "*.list"). At least the last
	 * component, or the one before it, is literal. */
	const char *const *paths;
	/* Reads one file that matched. `path` is the path in the image. Returns 0, or a negative
	 * code when the file as a whole is lost (packages put into the sink before that stay). */
	int (*read)(struct lz_span path, struct lz_reader *r, uint64_t size,
		    const struct lz_limits *limits, struct lz_sink *sink, struct lz_err *err);
};

extern const struct lz_cataloger lz_cataloger_release, lz_cataloger_dpkg, lz_cataloger_opkg,
	lz_cataloger_apk, lz_cataloger_rpm, lz_cataloger_rpmlog, lz_cataloger_rpmmanifest,
	lz_cataloger_alpm;
extern const struct lz_cataloger *const lz_catalogers[]; /* ends with NULL */

/* Which cataloger reads this path exactly (anchored at the root)? NULL if none; *ret_pattern
 * (may be NULL) is its matching pattern. */
const struct lz_cataloger *lz_catalog_match(struct lz_span path, const char **ret_pattern);
/* Cheap first look for every entry of a layer: could this path be one of ours, given that
 * symbolic links may have moved its directory? Compares the last two components only. */
bool lz_catalog_candidate(struct lz_span path);
/* Is this single component part of any pattern ("var", "lib", "dpkg")? For replaced directories. */
bool lz_catalog_component(struct lz_span component);

/* The same two questions for millions of entries: one look into a table made from the patterns
 * turns nearly all away. Filled once per layer; plain data, may be shared by threads after that. */
struct lz_catalog_filter {
	uint64_t by_end[256]; /* [last byte of a file's name], bit: its length (63: or more) */
	uint64_t component_by_end[256];
	struct lz_span folder[8]; /* of patterns that end with a component "*" */
	unsigned folders;
};
void lz_catalog_filter_init(struct lz_catalog_filter *f);
/* lz_catalog_candidate(path); `name` is the last component of `path`. */
bool lz_catalog_filter_file(const struct lz_catalog_filter *f, struct lz_span path,
			    struct lz_span name);
bool lz_catalog_filter_component(const struct lz_catalog_filter *f, struct lz_span component);

/* --- distribution ---------------------------------------------------------------------------- */

/* Decides from all release files that are visible in the merged image. `now_s` for end of life. */
int lz_os_detect(const struct lz_release *releases, size_t count, int64_t now_s,
		 struct lz_arena *arena, struct lz_os *ret, struct lz_err *err);
/* pkg:deb/debian/curl@7.88.1-10?arch=amd64&distro=debian-12 */
struct lz_span lz_purl(const struct lz_package *p, const struct lz_os *os, struct lz_arena *arena);
/* One row per release: when support ends. */
enum lz_eol_state lz_os_eol(struct lz_span id, struct lz_span version, int64_t now_s,
			    int64_t *ret_end_s);
