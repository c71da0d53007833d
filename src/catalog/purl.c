/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Package URLs:  pkg:TYPE/NAMESPACE/NAME@VERSION?KEY=VALUE&…   with qualifiers in the order of
 * their keys. An RPM's epoch is a qualifier, everybody else's is part of the version. Source
 * packages go into "upstream", as other tools do.
 */
#include "catalog.h"

#include "../base/buf.h"

static const struct {
	const char *id;
	const char *space;
} namespaces[] = {
	{"rhel", "redhat"},
	{"centos", "centos"},
	{"centos-stream", "centos"},
	{"ol", "oracle"},
	{"amzn", "amzn"},
	{"sles", "suse"},
	{"sle-micro", "suse"},
	{"opensuse-leap", "opensuse"},
	{"opensuse-tumbleweed", "opensuse"},
};

static struct lz_span namespace_of(struct lz_span id)
{
	for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++)
		if (lz_span_is(id, namespaces[i].id))
			return lz_str(namespaces[i].space);
	return id;
}

static void encode(struct lz_buf *b, struct lz_span s, bool lower)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			     (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_' || c == '~';
		if (lower && c >= 'A' && c <= 'Z')
			c = (unsigned char)(c + 32);
		if (plain)
			lz_buf_byte(b, c);
		else
			lz_buf_printf(b, "%%%02X", c);
	}
}

static void qualifier(struct lz_buf *b, bool *first, const char *key)
{
	lz_buf_byte(b, *first ? '?' : '&');
	lz_buf_str(b, key);
	lz_buf_byte(b, '=');
	*first = false;
}

static void upstream(struct lz_buf *b, bool *first, const struct lz_package *p)
{
	if (p->type == LZ_PKG_RPM) {
		if (!p->source_rpm.n)
			return;
		qualifier(b, first, "upstream");
		encode(b, p->source_rpm, false);
		return;
	}
	if (!p->source.n ||
	    (lz_span_eq(p->source, p->name) && lz_span_eq(p->source_version, p->version)))
		return;
	qualifier(b, first, "upstream");
	encode(b, p->source, false);
	if (p->source_version.n && !lz_span_eq(p->source_version, p->version)) {
		lz_buf_str(b, "%40");
		encode(b, p->source_version, false);
	}
}

struct lz_span lz_purl(const struct lz_package *p, const struct lz_os *os, struct lz_arena *arena)
{
	struct lz_span space = namespace_of(os->id), version = p->version, epoch = {"", 0}, rest,
		       copy;
	bool first = true;
	struct lz_buf b;

	lz_buf_init(&b, 64 * 1024);
	if (p->type == LZ_PKG_RPM && lz_span_cut(version, ':', &epoch, &rest))
		version = rest;
	else
		epoch.n = 0;
	lz_buf_printf(&b, "pkg:%s/", lz_pkg_type_name(p->type));
	if (space.n) {
		encode(&b, space, true);
		lz_buf_byte(&b, '/');
	}
	encode(&b, p->name, p->type != LZ_PKG_RPM);
	lz_buf_byte(&b, '@');
	encode(&b, version, false);
	if (p->arch.n) {
		qualifier(&b, &first, "arch");
		encode(&b, p->arch, false);
	}
	if (os->id.n) {
		qualifier(&b, &first, "distro");
		encode(&b, os->id, false);
		if (os->version.n) {
			lz_buf_byte(&b, '-');
			encode(&b, os->version, false);
		}
	}
	if (epoch.n) {
		qualifier(&b, &first, "epoch");
		encode(&b, epoch, false);
	}
	upstream(&b, &first, p);
	copy = lz_arena_dup(arena, lz_buf_view(&b));
	lz_buf_done(&b);
	return copy;
}
