/* SPDX-License-Identifier: Apache-2.0 */
/* A profile as a file for people: sorted, one entry a line, so that changes show in a diff. */
#include "profile_in.h"

#include "../base/clean.h"
#include "../base/clock.h"
#include "../format/text.h"

#include <inttypes.h>

static int by_value(const void *a, const void *b)
{
	return lz_span_cmp(((const struct lz_entry_of *)a)->value,
			   ((const struct lz_entry_of *)b)->value);
}

static int by_bytes(const void *a, const void *b)
{
	return lz_span_cmp(*(const struct lz_span *)a, *(const struct lz_span *)b);
}

/* What YAML reads as the same text without quotes, whatever stands around it. */
static bool is_plain(struct lz_span s)
{
	if (!s.n || !((s.p[0] >= 'a' && s.p[0] <= 'z') || (s.p[0] >= 'A' && s.p[0] <= 'Z') ||
		      s.p[0] == '/'))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!s.p[i] || !strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789/._-+@*? ",
				       s.p[i]))
			return false;
	return s.p[s.n - 1] != ' ';
}

static void scalar(struct lz_buf *out, struct lz_span s)
{
	if (is_plain(s)) {
		lz_buf_span(out, s);
		return;
	}
	lz_buf_byte(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c == '"' || c == '\\')
			lz_buf_byte(out, '\\');
		if (c < 0x20 || c == 0x7f)
			lz_buf_printf(out, "\\x%02x", c);
		else
			lz_buf_byte(out, c);
	}
	lz_buf_byte(out, '"');
}

/* Names from a runtime may hold any byte: what people can't see becomes "?". */
static void name(struct lz_buf *out, struct lz_span s)
{
	LZ_CLEAN(buf) struct lz_buf b;

	lz_buf_init(&b, 64 * 1024);
	lz_text_show(&b, s);
	if (b.code)
		out->code = b.code;
	scalar(out, lz_buf_view(&b));
}

static void duration(struct lz_buf *out, uint64_t s)
{
	if (s && s % 3600 == 0)
		lz_buf_printf(out, "%" PRIu64 "h", s / 3600);
	else if (s && s % 60 == 0)
		lz_buf_printf(out, "%" PRIu64 "m", s / 60);
	else
		lz_buf_printf(out, "%" PRIu64 "s", s);
}

static void heading(const struct lz_profile_about *a, struct lz_buf *out)
{
	char when[32] = "";

	lz_buf_str(out, "# What containers of this image normally do: ");
	lz_text_show(out, a->image.n ? a->image : a->digest.n ? a->digest : a->id);
	if (a->learnt_s) {
		lz_time_rfc3339(a->learnt_s, when, sizeof(when));
		lz_buf_printf(out, "\n# Learnt until %s, for ", when);
		duration(out, a->duration_s);
		lz_buf_printf(out, ", from %" PRIu64 " container%s and %" PRIu64 " events.",
			      a->containers, a->containers == 1 ? "" : "s", a->events);
	}
	lz_buf_str(out,
		   "\n# Edit it as you like: `lazaret watch` reads it again when it changes and "
		   "tells of what is\n# not listed. \"*\" and \"?\" stay within one level of a "
		   "path, \"**\" at the end is all below;\n# see docs/profiles.md.\n");
}

static void about(const struct lz_profile_about *a, struct lz_buf *out)
{
	const struct {
		const char *key;
		struct lz_span value;
	} names[] = {{"image", a->image}, {"digest", a->digest}, {"id", a->id}};
	char when[32];

	lz_buf_str(out, "version: 1\n");
	for (size_t i = 0; i < 3; i++) {
		if (!names[i].value.n)
			continue;
		lz_buf_printf(out, "%s: ", names[i].key);
		name(out, names[i].value);
		lz_buf_byte(out, '\n');
	}
	if (!a->learnt_s)
		return;
	lz_time_rfc3339(a->learnt_s, when, sizeof(when));
	lz_buf_printf(out, "learnt: \"%s\"\nlearning: ", when);
	duration(out, a->duration_s);
	lz_buf_printf(out, "\ncontainers: %" PRIu64 "\nevents: %" PRIu64 "\n", a->containers,
		      a->events);
}

static void program(struct lz_buf *out, const struct lz_entry_of *e)
{
	struct lz_span parent[LZ_PARENTS_MAX];
	struct lz_vec v = {.p = parent, .n = e->parent_count, .elem_bytes = sizeof(parent[0])};

	lz_buf_str(out, "  - path: ");
	scalar(out, e->value);
	lz_buf_str(out, e->parent_count ? "\n    parents:\n" : "\n");
	if (!e->parent_count)
		return;
	memcpy(parent, e->parents, e->parent_count * sizeof(parent[0]));
	lz_vec_sort(&v, by_bytes);
	for (unsigned i = 0; i < e->parent_count; i++) {
		lz_buf_str(out, "      - ");
		scalar(out, parent[i]);
		lz_buf_byte(out, '\n');
	}
}

static int kind(const struct lz_profile *p, enum lz_fact_kind k, struct lz_buf *out)
{
	LZ_CLEAN(vec) struct lz_vec all;

	lz_vec_init(&all, sizeof(struct lz_entry_of), lz_fact_rows[k].max);
	if (lz_profile_sorted(p, k, &all))
		return out->code = all.code;
	lz_vec_sort(&all, by_value);
	lz_buf_printf(out, "%s:%s\n", lz_fact_rows[k].key, all.n ? "" : " []");
	LZ_VEC_EACH (struct lz_entry_of, e, &all) {
		if (k == LZ_FACT_PROGRAM) {
			program(out, e);
			continue;
		}
		lz_buf_str(out, "  - ");
		scalar(out, e->value);
		lz_buf_byte(out, '\n');
	}
	return out->code;
}

static void cuts(const struct lz_profile *p, struct lz_buf *out)
{
	bool any = false;

	for (unsigned k = 0; k < LZ_FACT_KINDS; k++) {
		if (!p->cut[k])
			continue;
		if (!any)
			lz_buf_str(out,
				   "# So many found no room. While a kind is listed here, nothing "
				   "is told of what is missing\n# above: complete it, perhaps by "
				   "patterns, and take it out.\ncut:\n");
		any = true;
		lz_buf_printf(out, "  %s: %" PRIu64 "\n", lz_fact_rows[k].key, p->cut[k]);
	}
}

int lz_profile_write(const struct lz_profile *p, struct lz_buf *out)
{
	heading(&p->about, out);
	about(&p->about, out);
	for (unsigned k = 0; k < LZ_FACT_KINDS && !out->code; k++)
		kind(p, (enum lz_fact_kind)k, out);
	cuts(p, out);
	return out->code;
}
