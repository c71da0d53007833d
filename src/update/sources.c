/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which feeds there are. A row here, a reader in vuln/, and `db update` has one more.
 */
#include "update.h"

#include "../base/clean.h"

#define OSV    "https://osv-vulnerabilities.storage.googleapis.com/"
#define ALPINE "https://secdb.alpinelinux.org/"

const char lz_source_osv_list[] = OSV "ecosystems.txt";

/* Alpine's branches. Later ones than those known today are asked for too: one that is not there
 * yet costs a request. */
enum { ALPINE_FIRST = 2, ALPINE_KNOWN = 22, ALPINE_LAST = 26 };

static const struct row {
	const char *name, *path, *url;
} rows[] = {
	{"debian", "debian/tracker.json", "https://security-tracker.debian.org/tracker/data/json"},
	{"wolfi", "wolfi/security.json", "https://packages.wolfi.dev/os/security.json"},
	{"chainguard", "chainguard/security.json",
	 "https://packages.cgr.dev/chainguard/security.json"},
	{"minimos", "minimos/security.json",
	 "https://packages.mini.dev/advisories/secdb/security.json"},
	{"kev", "kev/known_exploited_vulnerabilities.json",
	 "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json"},
	{"epss", "epss/epss_scores-current.csv.gz",
	 "https://epss.cyentia.com/epss_scores-current.csv.gz"},
	{"osv:AlmaLinux", "osv/AlmaLinux.zip", OSV "AlmaLinux/all.zip"},
	{"osv:Rocky", "osv/Rocky Linux.zip", OSV "Rocky%20Linux/all.zip"},
	{"osv:RedHat", "osv/Red Hat.zip", OSV "Red%20Hat/all.zip"},
	{"osv:SUSE", "osv/SUSE.zip", OSV "SUSE/all.zip"},
	{"osv:openSUSE", "osv/openSUSE.zip", OSV "openSUSE/all.zip"},
	{"osv:Ubuntu", "osv/Ubuntu.zip", OSV "Ubuntu/all.zip"},
	{"osv:AzureLinux", "osv/Azure Linux.zip", OSV "Azure%20Linux/all.zip"},
	{"osv:Go", "osv/Go.zip", OSV "Go/all.zip"},
	{"osv:Maven", "osv/Maven.zip", OSV "Maven/all.zip"},
	{"osv:npm", "osv/npm.zip", OSV "npm/all.zip"},
	{"osv:NuGet", "osv/NuGet.zip", OSV "NuGet/all.zip"},
	{"osv:Packagist", "osv/Packagist.zip", OSV "Packagist/all.zip"},
	{"osv:PyPI", "osv/PyPI.zip", OSV "PyPI/all.zip"},
	{"osv:RubyGems", "osv/RubyGems.zip", OSV "RubyGems/all.zip"},
	{"osv:Rust", "osv/Rust.zip", ""}, /* its folder has a name of its own: looked up */
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static void add(struct lz_vec *v, struct lz_span name, struct lz_span path, struct lz_span url,
		bool optional)
{
	struct lz_source s = {.name = name, .path = path, .url = url, .optional = optional};

	lz_vec_add(v, &s);
}

static void add_alpine(struct lz_arena *a, struct lz_vec *v, const char *branch, bool optional)
{
	static const char *const repositories[] = {"main", "community"};

	for (size_t i = 0; i < 2; i++) {
		struct lz_span path =
			lz_arena_printf(a, "alpine/%s/%s.json", branch, repositories[i]);
		add(v, lz_arena_printf(a, "alpine:%s", branch), path,
		    lz_arena_printf(a, ALPINE "%s/%s.json", branch, repositories[i]),
		    /* the first branch had no community repository */
		    optional || (i == 1 && !strcmp(branch, "v3.2")));
	}
}

static void all(struct lz_arena *a, struct lz_vec *v)
{
	char branch[16];

	for (size_t i = 0; i < ROWS; i++)
		add(v, lz_str(rows[i].name), lz_str(rows[i].path), lz_str(rows[i].url), false);
	for (int i = ALPINE_FIRST; i <= ALPINE_LAST; i++) {
		snprintf(branch, sizeof(branch), "v3.%d", i);
		add_alpine(a, v, branch, i > ALPINE_KNOWN);
	}
	add_alpine(a, v, "edge", false);
}

/* "alpine" is asked for by "alpine"; "alpine:v3.18" by "alpine:v3.18" and "alpine". */
static bool asks_for(struct lz_span word, struct lz_span name)
{
	return name.n >= word.n && lz_span_eq_nocase(lz_span_head(name, word.n), word) &&
	       (name.n == word.n || name.p[word.n] == ':');
}

static int unknown(struct lz_span word, struct lz_err *err)
{
	char names[400] = "";
	size_t n = 0;

	for (size_t i = 0; i < ROWS; i++)
		n += (size_t)snprintf(names + n, n < sizeof(names) ? sizeof(names) - n : 0, " %s",
				      rows[i].name);
	return lz_fail(err, LZ_E_USAGE,
		       "no feed is called \"%.*s\"; there are alpine alpine:v3.18 osv%s",
		       LZ_FMT(word), names);
}

/* Is s in the list? Notes whether by its full name. */
static bool chosen(const char *feeds, struct lz_source *s)
{
	struct lz_span rest = lz_str(feeds), word;
	bool found = false;

	while (rest.n) {
		lz_span_cut(rest, ',', &word, &rest);
		word = lz_span_trim(word);
		if (!word.n || !asks_for(word, s->name))
			continue;
		found = true;
		/* whoever names a group takes what there is of it; of a branch, "main" is the least
		 */
		if (word.n == s->name.n && (!s->optional || lz_span_ends(s->path, "main.json")))
			s->asked_for = true;
	}
	return found;
}

static int check_words(const char *feeds, const struct lz_vec *known, struct lz_err *err)
{
	struct lz_span rest = lz_str(feeds), word;

	while (rest.n) {
		bool found = false;
		lz_span_cut(rest, ',', &word, &rest);
		word = lz_span_trim(word);
		LZ_VEC_EACH (struct lz_source, s, known)
			found = found || (word.n && asks_for(word, s->name));
		if (!found)
			return unknown(word, err);
	}
	return 0;
}

int lz_sources(const char *feeds, struct lz_arena *arena, struct lz_vec *ret, struct lz_err *err)
{
	LZ_CLEAN(vec) struct lz_vec known;

	lz_vec_init(&known, sizeof(struct lz_source), 1000);
	all(arena, &known);
	if (feeds && check_words(feeds, &known, err))
		return LZ_E_USAGE;
	LZ_VEC_EACH (struct lz_source, s, &known)
		if (!feeds || chosen(feeds, s))
			lz_vec_add(ret, s);
	if (arena->code || known.code || ret->code)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	return ret->n ? 0 : lz_fail(err, LZ_E_USAGE, "--feeds names no feed");
}

bool lz_sources_have(const struct lz_vec *sources, struct lz_span path)
{
	if (lz_span_ends(path, ".json.gz"))
		path.n -= 3;
	LZ_VEC_EACH (struct lz_source, s, sources)
		if (lz_span_eq(s->path, path))
			return true;
	return false;
}

struct lz_span lz_source_of_osv(struct lz_span list, const char *first, struct lz_arena *arena)
{
	struct lz_span line;

	while (lz_span_line(&list, &line))
		if (lz_span_starts(line, first) && lz_span_find(line, '/') < 0 && line.n < 64)
			return lz_arena_printf(arena, OSV "%.*s/all.zip", LZ_FMT(line));
	return lz_span("", 0);
}
