/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON for machines, as data/schema/scan.schema.json describes it: one object for one image, an
 * array of such objects for several. Written value by value into a buffer that is flushed as it
 * fills, so that a report of a hundred thousand findings needs no more memory than one of ten.
 */
#include "report.h"

#include "../base/clean.h"
#include "../base/clock.h"
#include "../catalog/filelist.h"
#include "../format/json.h"

#include "config.h"

#include <math.h>

#define FLUSH_AT 65536

struct writer {
	FILE *out;
	struct lz_buf b;
	bool comma; /* something stands before at this level */
	int code;
};

static void flush(struct writer *w)
{
	if (!w->code && w->b.code)
		w->code = w->b.code;
	if (!w->code && w->b.n && fwrite(w->b.p, 1, w->b.n, w->out) != w->b.n)
		w->code = LZ_E_IO;
	lz_buf_clear(&w->b);
}

static void key(struct writer *w, const char *name)
{
	if (w->b.n > FLUSH_AT)
		flush(w);
	if (w->comma)
		lz_buf_byte(&w->b, ',');
	if (name) {
		lz_json_quote(&w->b, lz_str(name));
		lz_buf_byte(&w->b, ':');
	}
	w->comma = true;
}

static void begin(struct writer *w, const char *name, char bracket)
{
	key(w, name);
	lz_buf_byte(&w->b, (unsigned char)bracket);
	w->comma = false;
}

static void end(struct writer *w, char bracket)
{
	lz_buf_byte(&w->b, (unsigned char)bracket);
	w->comma = true;
}

static void text(struct writer *w, const char *name, struct lz_span value)
{
	key(w, name);
	lz_json_quote(&w->b, value);
}

/* A text that may be absent is null then. */
static void maybe(struct writer *w, const char *name, struct lz_span value)
{
	key(w, name);
	if (value.n)
		lz_json_quote(&w->b, value);
	else
		lz_buf_str(&w->b, "null");
}

static void flag(struct writer *w, const char *name, bool value)
{
	key(w, name);
	lz_buf_str(&w->b, value ? "true" : "false");
}

static void number(struct writer *w, const char *name, uint64_t value)
{
	key(w, name);
	lz_buf_printf(&w->b, "%llu", (unsigned long long)value);
}

static void fraction(struct writer *w, const char *name, double value, int digits)
{
	key(w, name);
	if (value < 0 || !isfinite(value))
		lz_buf_str(&w->b, "null");
	else
		lz_buf_printf(&w->b, "%.*f", digits, value);
}

static void when(struct writer *w, const char *name, int64_t unix_s)
{
	char t[32];

	key(w, name);
	if (!unix_s) {
		lz_buf_str(&w->b, "null");
		return;
	}
	lz_time_rfc3339(unix_s, t, sizeof(t));
	lz_json_quote(&w->b, lz_str(t));
}

static void texts(struct writer *w, const char *name, const struct lz_span *values, size_t count)
{
	begin(w, name, '[');
	for (size_t i = 0; i < count; i++)
		text(w, NULL, values[i]);
	end(w, ']');
}

static void target(struct writer *w, const struct lz_scan *s)
{
	static const char *const eol[] = {"unknown", "supported", "ended"};
	struct lz_buf p;

	begin(w, "target", '{');
	text(w, "name", s->name);
	text(w, "source", s->target.given);
	text(w, "type", lz_str(lz_target_kind_name(s->target.kind)));
	flag(w, "recognised", s->target.recognised);
	maybe(w, "digest", s->digest);
	lz_buf_init(&p, 4096);
	if (s->platform.os.n)
		lz_buf_printf(&p, "%.*s/%.*s%s%.*s", LZ_FMT(s->platform.os),
			      LZ_FMT(s->platform.arch), s->platform.variant.n ? "/" : "",
			      LZ_FMT(s->platform.variant));
	maybe(w, "platform", lz_buf_view(&p));
	lz_buf_done(&p);
	begin(w, "os", '{');
	maybe(w, "id", s->os.id);
	maybe(w, "version", s->os.version);
	maybe(w, "name", s->os.pretty);
	flag(w, "known", s->os.known);
	text(w, "eol", lz_str(eol[s->os.eol]));
	when(w, "eol_date", s->os.eol_s);
	end(w, '}');
	begin(w, "layers", '[');
	for (size_t i = 0; i < s->layer_count && s->target.kind != LZ_TARGET_DIR; i++) {
		begin(w, NULL, '{');
		maybe(w, "digest", s->layers[i].digest);
		maybe(w, "diff_id", s->layers[i].diff_id);
		maybe(w, "created_by", s->layers[i].created_by);
		number(w, "size", s->layers[i].size);
		end(w, '}');
	}
	end(w, ']');
	end(w, '}');
}

static void errors(struct writer *w, const struct lz_scan *s)
{
	begin(w, "errors", '[');
	LZ_VEC_EACH (struct lz_problem, p, &s->problems) {
		begin(w, NULL, '{');
		text(w, "code", lz_str(lz_code_name(p->code)));
		text(w, "asset", p->asset);
		maybe(w, "layer", p->layer);
		maybe(w, "path", p->path);
		key(w, "offset");
		if (p->offset < 0)
			lz_buf_str(&w->b, "null");
		else
			lz_buf_printf(&w->b, "%lld", (long long)p->offset);
		text(w, "message", p->text);
		end(w, '}');
	}
	if (s->knowledge_code) {
		begin(w, NULL, '{');
		text(w, "code", lz_str(lz_code_name(s->knowledge_code)));
		text(w, "asset", s->target.given);
		maybe(w, "layer", (struct lz_span){"", 0});
		maybe(w, "path", (struct lz_span){"", 0});
		maybe(w, "offset", (struct lz_span){"", 0});
		text(w, "message", s->knowledge_text);
		end(w, '}');
	}
	end(w, ']');
}

static struct lz_span layer_digest(const struct lz_scan *s, const struct lz_package *p)
{
	if (s->target.kind == LZ_TARGET_DIR || p->layer >= s->layer_count)
		return (struct lz_span){"", 0};
	return s->layers[p->layer].digest;
}

static void package_fields(struct writer *w, const struct lz_scan *s, const struct lz_package *p)
{
	text(w, "name", p->name);
	text(w, "version", p->version);
	text(w, "type", lz_str(lz_pkg_type_name(p->type)));
	maybe(w, "arch", p->arch);
	text(w, "purl", p->purl);
	maybe(w, "source", p->source);
	maybe(w, "source_version", p->source_version);
	maybe(w, "layer", layer_digest(s, p));
	text(w, "path", p->db_path);
}

static void files(struct writer *w, const struct lz_package *p)
{
	struct lz_filelist_iter it;
	struct lz_span path;

	begin(w, "files", '[');
	lz_filelist_iter(&it, p->files);
	while (lz_filelist_next(&it, &path, NULL) > 0)
		text(w, NULL, path);
	end(w, ']');
}

static void packages(struct writer *w, const struct lz_scan *s, bool with_files)
{
	begin(w, "packages", '[');
	LZ_VEC_EACH (struct lz_package, p, &s->packages) {
		begin(w, NULL, '{');
		package_fields(w, s, p);
		maybe(w, "module", p->module);
		maybe(w, "vendor", p->vendor);
		maybe(w, "licence", p->licence);
		if (with_files)
			files(w, p);
		end(w, '}');
	}
	end(w, ']');
}

static void finding(struct writer *w, const struct lz_scan *s, const struct lz_finding *f)
{
	begin(w, NULL, '{');
	text(w, "id", f->id);
	text(w, "kind", lz_str(lz_finding_kind_name(f->kind)));
	text(w, "severity", lz_str(lz_severity_name(f->severity)));
	maybe(w, "severity_source", f->severity_source);
	begin(w, "cvss", '{');
	maybe(w, "vector", f->cvss_vector);
	fraction(w, "score", f->cvss_score, 1);
	end(w, '}');
	fraction(w, "epss", f->epss, 5);
	flag(w, "kev", f->kev);
	begin(w, "package", '{');
	package_fields(w, s, f->package);
	end(w, '}');
	maybe(w, "fixed_version", f->fixed_version);
	text(w, "status", lz_str(lz_fix_state_name(f->fix)));
	text(w, "title", f->title);
	text(w, "feed", f->feed);
	texts(w, "aliases", f->aliases, f->alias_count);
	texts(w, "references", f->references, f->reference_count);
	when(w, "published", f->published_s);
	text(w, "fingerprint", lz_str(f->fingerprint));
	if (f->suppressed) {
		begin(w, "suppressed", '{');
		text(w, "by", f->suppressed_by);
		maybe(w, "reason", f->suppressed_reason);
		end(w, '}');
	}
	end(w, '}');
}

static void summary(struct writer *w, const struct lz_scan *s)
{
	struct lz_report_counts c;

	lz_report_count(s, &c);
	begin(w, "summary", '{');
	number(w, "total", c.total);
	begin(w, "by_severity", '{');
	for (int i = LZ_SEV_COUNT - 1; i >= 0; i--)
		number(w, lz_severity_name((enum lz_severity)i), c.by_severity[i]);
	end(w, '}');
	number(w, "fixable", c.fixable);
	number(w, "unfixed", c.unfixed);
	number(w, "kev", c.kev);
	number(w, "suppressed", c.suppressed);
	number(w, "hidden", c.hidden);
	number(w, "packages", s->packages.n);
	end(w, '}');
}

static void knowledge(struct writer *w, const struct lz_scan *s)
{
	begin(w, "knowledge", '{');
	when(w, "built", s->vdb ? lz_vdb_built_s(s->vdb) : 0);
	begin(w, "feeds", '[');
	for (size_t i = 0; s->vdb && i < lz_vdb_feed_count(s->vdb); i++) {
		struct lz_feed_info f;
		if (lz_vdb_feed(s->vdb, i, &f, NULL))
			continue;
		begin(w, NULL, '{');
		text(w, "name", f.name);
		when(w, "date", f.date_s);
		number(w, "records", f.records);
		number(w, "skipped", f.skipped);
		end(w, '}');
	}
	end(w, ']');
	end(w, '}');
}

static void one(struct writer *w, const struct lz_scan *s, const struct lz_report_options *o)
{
	begin(w, NULL, '{');
	number(w, "schema_version", 1);
	begin(w, "tool", '{');
	text(w, "name", LZ_SPAN("lazaret"));
	text(w, "version", LZ_SPAN(LZ_VERSION));
	end(w, '}');
	when(w, "created", s->created_s);
	target(w, s);
	flag(w, "complete", s->complete && !s->knowledge_code);
	errors(w, s);
	if (o->packages)
		packages(w, s, o->files);
	begin(w, "findings", '[');
	LZ_VEC_EACH (struct lz_finding, f, &s->findings)
		if (!f->hidden)
			finding(w, s, f);
	end(w, ']');
	summary(w, s);
	knowledge(w, s);
	end(w, '}');
	lz_buf_byte(&w->b, '\n');
}

static int write_json(const struct lz_scan *const *scans, size_t count,
		      const struct lz_report_options *o, FILE *out, struct lz_err *err)
{
	struct writer w = {.out = out};

	/* One value is far smaller: flushing keeps the buffer near FLUSH_AT. */
	lz_buf_init(&w.b, 64 * LZ_M);
	if (count != 1)
		lz_buf_str(&w.b, "[\n");
	for (size_t i = 0; i < count; i++)
		one(&w, scans[i], o);
	if (count != 1)
		lz_buf_str(&w.b, "]\n");
	flush(&w);
	lz_buf_done(&w.b);
	if (w.code || fflush(out))
		return w.code == LZ_E_NOMEM || w.code == LZ_E_LIMIT
			       ? lz_fail(err, w.code, "report: %s", lz_code_text(w.code))
			       : lz_fail_errno(err, "write the report");
	return 0;
}

const struct lz_report_format lz_report_json = {
	.name = "json",
	.help = "one JSON object per image, see data/schema/scan.schema.json",
	.write = write_json,
};
