/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How rpm spells versions and source packages.
 */
#include "rpm.h"

struct lz_span lz_rpm_evr(struct lz_arena *a, uint32_t epoch, struct lz_span version,
			  struct lz_span release)
{
	const char *dash = release.n ? "-" : "";

	if (!epoch)
		return lz_arena_printf(a, "%.*s%s%.*s", (int)version.n, version.p, dash,
				       (int)release.n, release.p);
	return lz_arena_printf(a, "%u:%.*s%s%.*s", epoch, (int)version.n, version.p, dash,
			       (int)release.n, release.p);
}

/* "util-linux-2.32.1-42.el8_8.src.rpm" is name, version, release. The epoch is not in a file's
 * name; a source package has that of its main package, nearly always that of all its packages. */
void lz_rpm_source(struct lz_arena *a, struct lz_package *p, uint32_t epoch)
{
	struct lz_span rest = p->source_rpm, version, release;
	ptrdiff_t dash;

	p->source = p->name;
	p->source_version = p->version;
	if (lz_span_ends(rest, ".nosrc.rpm"))
		rest.n -= strlen(".nosrc.rpm");
	else if (lz_span_ends(rest, ".src.rpm"))
		rest.n -= strlen(".src.rpm");
	else
		return;
	dash = lz_span_rfind(rest, '-');
	if (dash <= 0)
		return;
	release = lz_span_from(rest, (size_t)dash + 1);
	rest = lz_span_head(rest, (size_t)dash);
	dash = lz_span_rfind(rest, '-');
	if (dash <= 0)
		return;
	version = lz_span_from(rest, (size_t)dash + 1);
	if (!version.n || !release.n)
		return;
	p->source = lz_span_head(rest, (size_t)dash);
	p->source_version = lz_rpm_evr(a, epoch, version, release);
}
