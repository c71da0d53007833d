/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the user named. A scheme is taken at its word; a bare path is looked at: a directory with
 * an oci-layout file is a layout, any other directory a root file system, a file an archive.
 */
#include "image.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/utsname.h>

static const struct {
	const char *scheme;
	enum lz_target_kind kind;
} schemes[] = {
	{"archive", LZ_TARGET_ARCHIVE},
	{"oci", LZ_TARGET_OCI},
	{"dir", LZ_TARGET_DIR},
};

const char *lz_target_kind_name(enum lz_target_kind k)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (schemes[i].kind == k)
			return schemes[i].scheme;
	return "unknown";
}

static bool is_word(struct lz_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 'a' || s.p[i] > 'z')
			return false;
	return s.n > 0;
}

static int by_scheme(struct lz_span scheme, struct lz_target *t, struct lz_err *err)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (lz_span_is(scheme, schemes[i].scheme)) {
			t->kind = schemes[i].kind;
			return 0;
		}
	}
	return lz_fail(err, LZ_E_USAGE,
		       "%.*s: unknown scheme \"%.*s\"; use archive:FILE, oci:PATH or dir:PATH",
		       LZ_FMT(t->given), LZ_FMT(scheme));
}

static bool has_file(const char *dir, const char *name, struct lz_arena *arena)
{
	struct lz_span path = lz_arena_printf(arena, "%s/%s", dir, name);
	struct stat st;

	return path.n && stat(path.p, &st) == 0 && S_ISREG(st.st_mode);
}

static int look(struct lz_target *t, struct lz_arena *arena, struct lz_err *err)
{
	struct stat st;

	if (stat(t->path.p, &st) < 0) {
		if (errno == ENOENT && !t->recognised)
			return lz_fail(err, LZ_E_NOTFOUND, "%.*s: no such file or directory",
				       LZ_FMT(t->path));
		if (errno == ENOENT)
			return lz_fail(err, LZ_E_NOTFOUND,
				       "%.*s: no such file or directory; TARGET is a file made by "
				       "`docker save`, an OCI layout, or dir:PATH",
				       LZ_FMT(t->path));
		return lz_fail_errno(err, "%.*s", LZ_FMT(t->path));
	}
	if (t->recognised) {
		if (!S_ISDIR(st.st_mode))
			t->kind = LZ_TARGET_ARCHIVE;
		else
			t->kind = has_file(t->path.p, "oci-layout", arena) ||
						  has_file(t->path.p, "index.json", arena)
					  ? LZ_TARGET_OCI
					  : LZ_TARGET_DIR;
	}
	if (t->kind == LZ_TARGET_DIR && !S_ISDIR(st.st_mode))
		return lz_fail(err, LZ_E_USAGE, "dir:%.*s: not a directory", LZ_FMT(t->path));
	if (t->kind == LZ_TARGET_ARCHIVE && S_ISDIR(st.st_mode))
		return lz_fail(err, LZ_E_USAGE,
			       "archive:%.*s: is a directory; use oci: or dir: for it",
			       LZ_FMT(t->path));
	if (t->kind == LZ_TARGET_OCI && !S_ISDIR(st.st_mode))
		t->kind = LZ_TARGET_ARCHIVE; /* a layout as tar reads like any archive */
	return 0;
}

int lz_target_parse(struct lz_span given, struct lz_arena *arena, struct lz_target *ret,
		    struct lz_err *err)
{
	struct lz_target t = {.given = lz_arena_dup(arena, given)};
	struct lz_span scheme, rest;
	int r;

	if (lz_span_cut(given, ':', &scheme, &rest) && is_word(scheme)) {
		r = by_scheme(scheme, &t, err);
		if (r)
			return r;
	} else {
		rest = given;
		t.recognised = !lz_span_is(given, "-");
		t.kind = LZ_TARGET_ARCHIVE;
	}
	if (!rest.n || memchr(rest.p, 0, rest.n))
		return lz_fail(err, LZ_E_USAGE, "%.*s: names nothing", LZ_FMT(given));
	t.path = lz_arena_dup(arena, rest);
	if (arena->code)
		return lz_fail(err, arena->code, "out of memory");
	if (!(t.kind == LZ_TARGET_ARCHIVE && lz_span_is(t.path, "-"))) {
		r = look(&t, arena, err);
		if (r)
			return r;
	}
	*ret = t;
	return 0;
}

int lz_platform_parse(struct lz_span s, struct lz_platform *ret, struct lz_err *err)
{
	struct lz_platform p = {{"", 0}, {"", 0}, {"", 0}};
	struct lz_span rest;

	lz_span_cut(s, '/', &p.os, &rest);
	lz_span_cut(rest, '/', &p.arch, &p.variant);
	if (!is_word(p.os) || !p.arch.n || lz_span_find(p.variant, '/') >= 0)
		return lz_fail(err, LZ_E_USAGE,
			       "--platform %.*s: expected os/arch[/variant], such as linux/arm64",
			       LZ_FMT(s));
	*ret = p;
	return 0;
}

static const struct {
	const char *machine; /* uname -m */
	const char *arch;
	const char *variant;
} machines[] = {
	{"x86_64", "amd64", ""},    {"aarch64", "arm64", ""}, {"armv7l", "arm", "v7"},
	{"armv6l", "arm", "v6"},    {"i686", "386", ""},      {"ppc64le", "ppc64le", ""},
	{"riscv64", "riscv64", ""}, {"s390x", "s390x", ""},
};

void lz_platform_host(struct lz_platform *ret)
{
	struct utsname u;

	*ret = (struct lz_platform){LZ_SPAN("linux"), LZ_SPAN("amd64"), {"", 0}};
	if (uname(&u) < 0)
		return;
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		if (!strcmp(u.machine, machines[i].machine)) {
			ret->arch = lz_str(machines[i].arch);
			ret->variant = lz_str(machines[i].variant);
		}
	}
}
