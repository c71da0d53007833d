/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table for people: what was scanned, what is known to be wrong with it, most urgent first, and a
 * line that sums up. On a terminal titles are cut to its width and severities coloured; in a pipe
 * nothing is cut. All text from images and feeds is made fit to show: it can't drive the terminal.
 */
#include "report.h"

#include "../base/clean.h"
#include "../base/clock.h"
#include "../format/text.h"

#define COLUMNS 7
#define GAP	2

static const char *const headings[COLUMNS] = {"VULNERABILITY", "SEVERITY", "EPSS", "PACKAGE",
					      "INSTALLED",     "FIXED IN", "TITLE"};

static const char *const colours[LZ_SEV_COUNT] = {
	[LZ_SEV_UNKNOWN] = "\033[2m", [LZ_SEV_NEGLIGIBLE] = "\033[2m",
	[LZ_SEV_LOW] = "\033[36m",    [LZ_SEV_MEDIUM] = "\033[33m",
	[LZ_SEV_HIGH] = "\033[31m",   [LZ_SEV_CRITICAL] = "\033[1;31m",
};

struct page {
	FILE *out;
	const struct lz_report_options *o;
	struct lz_buf cell;
	size_t width[COLUMNS];
};

static struct lz_span shown(struct page *p, struct lz_span s)
{
	lz_buf_clear(&p->cell);
	lz_text_show(&p->cell, s);
	return lz_buf_view(&p->cell);
}

static void put(struct page *p, const char *label, struct lz_span s)
{
	struct lz_span t = shown(p, s);

	fprintf(p->out, "%s%.*s", label, (int)t.n, t.p);
}

static const char *on(const struct page *p, const char *code)
{
	return p->o->colour ? code : "";
}

/* --- cells --- */

static struct lz_span fix_text(const struct lz_finding *f)
{
	switch (f->fix) {
	case LZ_FIX_AVAILABLE:
		return f->fixed_version;
	case LZ_FIX_WONT:
		return LZ_SPAN("(will not be fixed)");
	case LZ_FIX_DEFERRED:
		return LZ_SPAN("(postponed)");
	case LZ_FIX_EOL:
		return LZ_SPAN("(end of life)");
	case LZ_FIX_NONE:
	case LZ_FIX_UNKNOWN:
	case LZ_FIX_COUNT:
		break;
	}
	return LZ_SPAN("(no fix)");
}

static struct lz_span cell(struct page *p, const struct lz_finding *f, int column)
{
	char tmp[64];

	lz_buf_clear(&p->cell);
	switch (column) {
	case 0:
		lz_text_show(&p->cell, f->id);
		break;
	case 1:
		lz_buf_printf(&p->cell, "%s%s", lz_severity_name(f->severity),
			      f->kev ? " KEV" : "");
		break;
	case 2:
		snprintf(tmp, sizeof(tmp), "%.1f%%", f->epss * 100);
		lz_buf_str(&p->cell, f->epss < 0 ? "-" : tmp);
		break;
	case 3:
		lz_text_show(&p->cell, f->package->name);
		break;
	case 4:
		lz_text_show(&p->cell, f->package->version);
		break;
	case 5:
		lz_text_show(&p->cell, fix_text(f));
		break;
	default:
		lz_text_show(&p->cell, f->title);
		if (f->suppressed) {
			lz_buf_str(&p->cell, " [suppressed");
			if (f->suppressed_reason.n)
				lz_buf_str(&p->cell, ": ");
			lz_text_show(&p->cell, f->suppressed_reason);
			lz_buf_str(&p->cell, "]");
		}
		break;
	}
	return lz_buf_view(&p->cell);
}

static bool listed(const struct page *p, const struct lz_finding *f)
{
	return !f->hidden && (!f->suppressed || p->o->show_suppressed);
}

/* As many bytes of s as fit into `columns`, never in the middle of a character. */
static size_t fit(struct lz_span s, size_t columns)
{
	size_t n = s.n;

	while (n && lz_text_width(lz_span_head(s, n)) > columns)
		do
			n--;
		while (n && ((unsigned char)s.p[n] & 0xc0) == 0x80);
	return n;
}

static void pad(struct page *p, size_t from, size_t to)
{
	for (; from < to; from++)
		fputc(' ', p->out);
}

static void put_row(struct page *p, const struct lz_finding *f)
{
	size_t used = GAP;

	pad(p, 0, GAP);
	for (int c = 0; c < COLUMNS; c++) {
		struct lz_span s = f ? cell(p, f, c) : lz_str(headings[c]);
		size_t wide = lz_text_width(s);

		if (c == COLUMNS - 1) {
			if (p->o->columns > used + 8 && wide > p->o->columns - used) {
				s.n = fit(s, p->o->columns - used - 3);
				fprintf(p->out, "%.*s...", (int)s.n, s.p);
			} else {
				fprintf(p->out, "%.*s", (int)s.n, s.p);
			}
			break;
		}
		fprintf(p->out, "%s%.*s%s",
			f && c == 1 ? on(p, colours[f->severity]) : (f ? "" : on(p, "\033[1m")),
			(int)s.n, s.p, on(p, "\033[0m"));
		pad(p, wide, p->width[c] + GAP);
		used += p->width[c] + GAP;
	}
	fputc('\n', p->out);
}

static void put_findings(struct page *p, const struct lz_scan *s)
{
	bool any = false;

	for (int c = 0; c < COLUMNS; c++)
		p->width[c] = strlen(headings[c]);
	LZ_VEC_EACH (struct lz_finding, f, &s->findings) {
		for (int c = 0; c < COLUMNS - 1 && listed(p, f); c++) {
			size_t wide = lz_text_width(cell(p, f, c));
			if (wide > p->width[c])
				p->width[c] = wide;
			any = true;
		}
	}
	if (!any)
		return;
	fputc('\n', p->out);
	put_row(p, NULL);
	LZ_VEC_EACH (struct lz_finding, f, &s->findings)
		if (listed(p, f))
			put_row(p, f);
}

/* --- around the table --- */

static void put_head(struct page *p, const struct lz_scan *s)
{
	char day[32];

	fputs(on(p, "\033[1m"), p->out);
	put(p, "", s->target.given);
	fputs(on(p, "\033[0m"), p->out);
	if (s->target.recognised)
		fprintf(p->out, "  (taken for %s:)", lz_target_kind_name(s->target.kind));
	fputc('\n', p->out);
	if (s->digest.n || s->platform.os.n) {
		put(p, "  image     ", s->name);
		if (s->digest.n)
			put(p, "  ", s->digest);
		if (s->platform.os.n) {
			put(p, "  ", s->platform.os);
			put(p, "/", s->platform.arch);
			if (s->platform.variant.n)
				put(p, "/", s->platform.variant);
		}
		fputc('\n', p->out);
	}
	if (s->os.known)
		put(p, "  system    ", s->os.pretty.n ? s->os.pretty : s->os.id);
	else if (s->os.pretty.n || s->os.id.n)
		put(p, "  system    unknown: ", s->os.pretty.n ? s->os.pretty : s->os.id);
	else
		fputs("  system    none found", p->out);
	if (s->os.eol == LZ_EOL_ENDED) {
		lz_time_rfc3339(s->os.eol_s, day, sizeof(day));
		fprintf(p->out,
			"  %sout of support since %.10s: no more fixes are published for it%s",
			on(p, "\033[31m"), day, on(p, "\033[0m"));
	}
	fprintf(p->out, "\n  packages  %zu", s->packages.n);
	if (s->target.kind != LZ_TARGET_DIR)
		fprintf(p->out, " in %zu layer%s", s->layer_count, s->layer_count == 1 ? "" : "s");
	fputc('\n', p->out);
}

static void put_packages(struct page *p, const struct lz_scan *s)
{
	fputc('\n', p->out);
	LZ_VEC_EACH (struct lz_package, x, &s->packages) {
		put(p, "  ", x->name);
		put(p, " ", x->version);
		if (x->arch.n)
			put(p, " ", x->arch);
		put(p, "  ", x->purl);
		fputc('\n', p->out);
	}
}

static void put_summary(struct page *p, const struct lz_scan *s)
{
	struct lz_report_counts c;
	const char *sep = ": ";

	lz_report_count(s, &c);
	if (!s->vdb) {
		fputs("\n  Inventory only: no vulnerability database was asked.\n", p->out);
		return;
	}
	if (!c.total && s->complete && !s->knowledge_code)
		fprintf(p->out, "\n  No known vulnerabilities");
	else
		fprintf(p->out, "\n  %zu known vulnerabilit%s", c.total,
			c.total == 1 ? "y" : "ies");
	for (int i = LZ_SEV_COUNT - 1; i >= 0; i--) {
		if (!c.by_severity[i])
			continue;
		fprintf(p->out, "%s%s%zu %s%s", sep, on(p, colours[i]), c.by_severity[i],
			lz_severity_name((enum lz_severity)i), on(p, "\033[0m"));
		sep = ", ";
	}
	fputc('.', p->out);
	if (c.total)
		fprintf(p->out, " %zu can be fixed by an update, %zu can not.", c.fixable,
			c.unfixed);
	if (c.kev)
		fprintf(p->out, " %zu known to be exploited (KEV).", c.kev);
	if (c.suppressed)
		fprintf(p->out, " %zu suppressed (--show-suppressed lists them).", c.suppressed);
	if (c.hidden)
		fprintf(p->out, " %zu hidden by --severity or --only-fixed.", c.hidden);
	fputc('\n', p->out);
}

static void put_problems(struct page *p, const struct lz_scan *s)
{
	if (!s->complete) {
		fprintf(p->out,
			"\n  %sINCOMPLETE%s: not everything could be read, so this is not the "
			"whole answer.\n",
			on(p, "\033[1;31m"), on(p, "\033[0m"));
		LZ_VEC_EACH (struct lz_problem, x, &s->problems) {
			fputs("   - ", p->out);
			if (x->layer.n)
				put(p, "layer ", x->layer);
			if (x->path.n)
				put(p, x->layer.n ? ", " : "", x->path);
			if (x->offset >= 0)
				fprintf(p->out, ", offset %lld", (long long)x->offset);
			put(p, x->layer.n || x->path.n ? ": " : "", x->text);
			fputc('\n', p->out);
		}
	}
	if (s->knowledge_code) {
		fprintf(p->out, "\n  %sKNOWLEDGE MISSING%s: ", on(p, "\033[1;31m"),
			on(p, "\033[0m"));
		put(p, "", s->knowledge_text);
		fputc('\n', p->out);
	}
}

static int write_table(const struct lz_scan *const *scans, size_t count,
		       const struct lz_report_options *o, FILE *out, struct lz_err *err)
{
	struct page p = {.out = out, .o = o};

	lz_buf_init(&p.cell, LZ_M);
	for (size_t i = 0; i < count; i++) {
		if (i)
			fputc('\n', out);
		put_head(&p, scans[i]);
		if (o->packages)
			put_packages(&p, scans[i]);
		put_findings(&p, scans[i]);
		put_summary(&p, scans[i]);
		put_problems(&p, scans[i]);
	}
	lz_buf_done(&p.cell);
	if (fflush(out) || ferror(out))
		return lz_fail_errno(err, "write the report");
	return 0;
}

const struct lz_report_format lz_report_table = {
	.name = "table",
	.help = "for people; the default",
	.write = write_table,
};
