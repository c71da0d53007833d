/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which distribution is this? os-release first; where it is missing, the older release files; then
 * corrections that only other files can give (apk's branch, Debian's "sid" in debian_version). The
 * answer is a key into the database's ecosystems. What is not recognised is said to be unknown,
 * with what was found: never taken for something near.
 */
#include "catalog.h"

enum shape { WHOLE, MAJOR, MINOR, NO_VERSION, V_MINOR, AMAZON };

static const struct family {
	const char *id;	  /* ID of os-release */
	const char *key;  /* ecosystem of the database */
	enum shape shape; /* how much of the version the key has */
} families[] = {
	{"debian", "debian", MAJOR},
	{"ubuntu", "ubuntu", MINOR},
	{"alpine", "alpine", V_MINOR},
	{"wolfi", "wolfi", NO_VERSION},
	{"chainguard", "chainguard", NO_VERSION},
	{"minimos", "minimos", NO_VERSION},
	{"rhel", "rhel", MAJOR},
	{"redhat", "rhel", MAJOR},
	{"centos", "centos", MAJOR},
	{"rocky", "rocky", MAJOR},
	{"almalinux", "almalinux", MAJOR},
	{"ol", "ol", MAJOR},
	{"fedora", "fedora", MAJOR},
	{"amzn", "amazon", AMAZON},
	{"sles", "sles", WHOLE},
	{"sle-micro", "sle-micro", WHOLE},
	{"sl-micro", "sle-micro", WHOLE},
	{"opensuse-leap", "opensuse-leap", WHOLE},
	{"opensuse-tumbleweed", "opensuse-tumbleweed", NO_VERSION},
	{"photon", "photon", WHOLE},
	{"azurelinux", "azurelinux", MINOR},
	{"mariner", "mariner", MINOR},
	{"arch", "arch", NO_VERSION},
	{"openwrt", "openwrt", WHOLE},
};

static const struct lz_release *at(const struct lz_release *r, size_t n, const char *path)
{
	for (size_t i = 0; i < n; i++)
		if (lz_span_is(r[i].path, path))
			return &r[i];
	return NULL;
}

/* The release file that was found through a link may carry another path: its end tells. */
static const struct lz_release *ending(const struct lz_release *r, size_t n, const char *end)
{
	for (size_t i = 0; i < n; i++)
		if (lz_span_ends(r[i].path, end))
			return &r[i];
	return NULL;
}

static const struct family *family_of(struct lz_span id)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (lz_span_eq_nocase(id, lz_str(families[i].id)))
			return &families[i];
	return NULL;
}

/* "12.4" → "12" with one part, "3.18.4" → "3.18" with two. */
static struct lz_span parts(struct lz_span v, int count)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] == '.' && --count == 0)
			return lz_span_head(v, i);
	return v;
}

static struct lz_span key_of(const struct family *f, struct lz_span version, struct lz_arena *arena)
{
	struct lz_span v = version;

	switch (f->shape) {
	case NO_VERSION:
		return lz_arena_dup(arena, lz_str(f->key));
	case MAJOR:
		v = parts(v, 1);
		break;
	case MINOR:
	case V_MINOR:
		v = parts(v, 2);
		break;
	case AMAZON: /* the first one counted by date, "2018.03"; then came 2 and 2023 */
		v = lz_span_starts(v, "201") ? LZ_SPAN("1") : parts(v, 1);
		break;
	case WHOLE:
		break;
	}
	if (!v.n)
		return (struct lz_span){"", 0};
	return lz_arena_printf(arena, "%s:%s%.*s", f->key,
			       f->shape == V_MINOR && v.p[0] >= '0' && v.p[0] <= '9' ? "v" : "",
			       (int)v.n, v.p);
}

static void from_os_release(const struct lz_release *r, struct lz_os *os)
{
	os->id = r->id;
	os->version = r->version_id;
	os->codename = r->codename;
	os->pretty = r->pretty.n ? r->pretty : r->name;
	os->found_in = r->path;
	if (lz_span_is(r->id, "centos") && lz_span_search(r->name, LZ_SPAN("Stream")) >= 0)
		os->id = LZ_SPAN("centos-stream");
}

/* "CentOS Linux release 7.9.2009 (Core)" → the first word that begins with a digit */
static struct lz_span number_in(struct lz_span text)
{
	struct lz_span word;

	while (text.n) {
		lz_span_cut(text, ' ', &word, &text);
		if (word.n && word.p[0] >= '0' && word.p[0] <= '9')
			return word;
	}
	return text;
}

/* "cpe:/o:redhat:enterprise_linux:8.8::baseos", "cpe:2.3:o:amazon:amazon_linux:2": the first field
 * behind the product that begins with a digit */
static struct lz_span number_in_cpe(struct lz_span text)
{
	struct lz_span field;

	for (int i = 0; text.n; i++) {
		lz_span_cut(text, ':', &field, &text);
		if (i > 2 && field.n && field.p[0] >= '0' && field.p[0] <= '9')
			return field;
	}
	return text;
}

static const struct old_file {
	const char *path;
	const char *id;
	const char *must_hold; /* NULL: nothing */
} old_files[] = {
	{"etc/alpine-release", "alpine", NULL},
	{"etc/rocky-release", "rocky", NULL},
	{"etc/almalinux-release", "almalinux", NULL},
	{"etc/oracle-release", "ol", NULL},
	{"etc/fedora-release", "fedora", "Fedora"},
	{"etc/centos-release", "centos", "CentOS"},
	{"etc/redhat-release", "centos", "CentOS"},
	{"etc/redhat-release", "rocky", "Rocky"},
	{"etc/redhat-release", "almalinux", "AlmaLinux"},
	{"etc/redhat-release", "fedora", "Fedora"},
	{"etc/redhat-release", "rhel", "Red Hat"},
	{"etc/system-release", "amzn", "Amazon Linux"},
	{"etc/photon-release", "photon", NULL},
	{"etc/mariner-release", "mariner", NULL},
	{"etc/azurelinux-release", "azurelinux", NULL},
	{"etc/arch-release", "arch", NULL},
	{"etc/system-release-cpe", "amzn", "cpe:2.3:o:amazon"},
	{"etc/system-release-cpe", "amzn", "cpe:/o:amazon"},
	{"etc/system-release-cpe", "rhel", "cpe:/o:redhat:enterprise_linux"},
	{"etc/system-release-cpe", "centos", "cpe:/o:centos:"},
	{"etc/debian_version", "debian", NULL},
};

static void from_old_files(const struct lz_release *r, size_t n, struct lz_os *os)
{
	for (size_t i = 0; i < sizeof(old_files) / sizeof(old_files[0]); i++) {
		const struct lz_release *x = at(r, n, old_files[i].path);
		if (!x || (old_files[i].must_hold &&
			   lz_span_search(x->text, lz_str(old_files[i].must_hold)) < 0))
			continue;
		os->id = lz_str(old_files[i].id);
		os->version = lz_span_ends(x->path, "-cpe") ? number_in_cpe(x->text)
							    : number_in(x->text);
		os->pretty = x->text.n ? x->text : lz_str(old_files[i].id);
		os->found_in = x->path;
		return;
	}
	if (n) { /* something is there; say what */
		os->pretty = r[0].text.n ? r[0].text : r[0].pretty;
		os->found_in = r[0].path;
	}
}

static const struct {
	const char *name;
	const char *version;
} debian_names[] = {
	{"wheezy", "7"},    {"jessie", "8"},	{"stretch", "9"}, {"buster", "10"},
	{"bullseye", "11"}, {"bookworm", "12"}, {"trixie", "13"}, {"forky", "14"},
};

/* Testing and sid have no VERSION_ID; debian_version says "trixie/sid". */
static void correct_debian(const struct lz_release *r, size_t n, struct lz_os *os)
{
	const struct lz_release *v = ending(r, n, "etc/debian_version");

	if (os->version.n)
		return;
	for (size_t i = 0; i < sizeof(debian_names) / sizeof(debian_names[0]); i++)
		if (lz_span_is(os->codename, debian_names[i].name))
			os->version = lz_str(debian_names[i].version);
	if (!os->version.n && v && v->text.n)
		os->version = lz_span_ends(v->text, "/sid") || lz_span_is(v->text, "sid")
				      ? LZ_SPAN("sid")
				      : v->text;
}

/* An image of edge keeps the last release's number; only its repositories tell.
 * "3.19_alpha20230901" too. */
static void correct_alpine(const struct lz_release *r, size_t n, struct lz_os *os)
{
	const struct lz_release *v = ending(r, n, "etc/apk/repositories");

	if ((v && lz_span_is(v->text, "edge")) ||
	    lz_span_search(os->version, LZ_SPAN("_alpha")) >= 0)
		os->version = LZ_SPAN("edge");
}

/* A machine with Ubuntu Pro gets fixes that others do not; the client notes that it is attached. */
static void correct_ubuntu(const struct lz_release *r, size_t n, struct lz_os *os)
{
	const struct lz_release *v = ending(r, n, "ubuntu-advantage/status.json");

	os->extended = v && v->text.n;
}

int lz_os_detect(const struct lz_release *releases, size_t count, int64_t now_s,
		 struct lz_arena *arena, struct lz_os *ret, struct lz_err *err)
{
	const struct lz_release *main_file = at(releases, count, "etc/os-release");
	struct lz_os os = {0};
	const struct family *f;

	if (!main_file || !main_file->id.n)
		main_file = at(releases, count, "usr/lib/os-release");
	if (main_file && main_file->id.n)
		from_os_release(main_file, &os);
	else
		from_old_files(releases, count, &os);
	if (lz_span_is(os.id, "debian"))
		correct_debian(releases, count, &os);
	else if (lz_span_is(os.id, "alpine"))
		correct_alpine(releases, count, &os);
	else if (lz_span_is(os.id, "ubuntu"))
		correct_ubuntu(releases, count, &os);
	f = lz_span_is(os.id, "centos-stream")
		    ? &(const struct family){"centos-stream", "centos-stream", MAJOR}
		    : family_of(os.id);
	if (f) {
		os.feed_key = key_of(f, os.version, arena);
		os.known = os.feed_key.n > 0;
		if (os.known && os.extended)
			os.channel_key = lz_arena_printf(arena, "ubuntu-pro:%.*s",
							 LZ_FMT(parts(os.version, 2)));
	}
	os.eol = os.known ? lz_os_eol(os.id, os.version, now_s, &os.eol_s) : LZ_EOL_UNKNOWN;
	if (arena->code)
		return lz_fail(err, arena->code, "out of memory");
	*ret = os;
	return 0;
}
