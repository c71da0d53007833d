/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outputs: text in which "%field", "%field[arg]" and "%transformer(field)" stand for values;
 * "%30proc.name" is 30 characters wide. A field without a value prints as <NA>.
 */
#include "match.h"

#include "../base/clean.h"
#include "../base/limits.h"
#include "../format/text.h"

#include <arpa/inet.h>
#include <stdio.h>

#define WIDTH_MAX 1000

static int add(struct lz_vec *pieces, const struct lz_piece *p, struct lz_err *err)
{
	return lz_vec_add(pieces, p)
		       ? 0
		       : lz_fail(err, pieces->code, "output: %s", lz_code_text(pieces->code));
}

static int add_text(struct lz_vec *pieces, struct lz_span text, struct lz_err *err)
{
	return text.n ? add(pieces, &(struct lz_piece){.kind = LZ_PIECE_TEXT, .text = text}, err)
		      : 0;
}

/* What follows a "%" at text[*at]. */
static int read_term(struct lz_rules *r, struct lz_span text, size_t *at, struct lz_vec *pieces,
		     struct lz_err *err)
{
	struct lz_piece p = {.kind = LZ_PIECE_TERM};
	size_t from = ++*at, took = 0, inner = 0;
	struct lz_term *t;

	while (*at < text.n && text.p[*at] >= '0' && text.p[*at] <= '9' && p.width <= WIDTH_MAX)
		p.width = p.width * 10 + (unsigned)(text.p[(*at)++] - '0');
	if (p.width > WIDTH_MAX)
		return lz_fail(err, LZ_E_FORMAT, "a field wider than %d characters", WIDTH_MAX);
	if (*at < text.n && text.p[*at] == '%' && *at == from) {
		(*at)++;
		return add_text(pieces, LZ_SPAN("%"), err);
	}
	if (*at >= text.n)
		return lz_fail(err, LZ_E_FORMAT, "ends with \"%%\"");
	t = lz_term_parse(lz_span_from(text, *at), &r->arena, &took, err);
	if (!t) {
		*at = from;
		return err->code;
	}
	p.term = lz_graph_term(&r->graph, t, &inner, err);
	if (p.term == UINT32_MAX)
		return err->code;
	*at += took;
	return add(pieces, &p, err);
}

const struct lz_format *lz_format_read(struct lz_rules *r, struct lz_span text, size_t *ret_at,
				       struct lz_err *err)
{
	LZ_CLEAN(vec) struct lz_vec pieces;
	struct lz_format *f = LZ_ARENA_NEW(&r->arena, struct lz_format);
	size_t at = text.n && text.p[0] == '*', from = at;
	int code = f ? 0 : lz_fail(err, r->arena.code, "out of memory");

	lz_vec_init(&pieces, sizeof(struct lz_piece), 100000);
	while (!code && at < text.n) {
		if (text.p[at] != '%') {
			at++;
			continue;
		}
		code = add_text(&pieces, lz_span(text.p + from, at - from), err);
		if (!code)
			code = read_term(r, text, &at, &pieces, err);
		from = at;
	}
	if (!code)
		code = add_text(&pieces, lz_span_from(text, from), err);
	*ret_at = at;
	if (code)
		return NULL;
	f->count = pieces.n;
	f->pieces = lz_arena_array(&r->arena, pieces.n + 1, sizeof(*f->pieces));
	if (!f->pieces) {
		lz_fail(err, r->arena.code, "out of memory");
		return NULL;
	}
	if (pieces.n)
		memcpy(f->pieces, pieces.p, pieces.n * sizeof(*f->pieces));
	return f;
}

/* --- printing --- */

void lz_datum_print(struct lz_buf *out, enum lz_field_type type, const struct lz_datum *d)
{
	char ip[INET6_ADDRSTRLEN];

	switch (type) {
	case LZ_FIELD_INT:
	case LZ_FIELD_PORT:
		lz_buf_printf(out, "%lld", (long long)d->num);
		return;
	case LZ_FIELD_UINT:
	case LZ_FIELD_TIME:
		lz_buf_printf(out, "%llu", (unsigned long long)d->num);
		return;
	case LZ_FIELD_BOOL:
		lz_buf_str(out, d->num ? "true" : "false");
		return;
	case LZ_FIELD_IP:
	case LZ_FIELD_NET:
		if (d->ip_bytes &&
		    inet_ntop(d->ip_bytes == 4 ? AF_INET : AF_INET6, d->ip, ip, sizeof(ip)))
			lz_buf_str(out, ip);
		return;
	case LZ_FIELD_STRING:
	case LZ_FIELD_ENUM:
	case LZ_FIELD_BYTES:
	case LZ_FIELD_LIST:
		break;
	}
	lz_buf_span(out, d->text);
}

/* Bytes of the good UTF-8 character that s begins with, or 0. */
static size_t character(struct lz_span s)
{
	unsigned char c = (unsigned char)s.p[0];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	return n <= s.n && lz_utf8_valid(lz_span_head(s, n)) ? n : 0;
}

/* A line stays a line, and a terminal does what it did. */
static void harmless(struct lz_buf *out, struct lz_span s)
{
	static const char named[] = "\b\f\n\r\t", letters[] = "bfnrt";

	while (s.n) {
		unsigned char c = (unsigned char)s.p[0];
		const char *known = c ? strchr(named, c) : NULL;
		size_t n = character(s);
		if (known)
			lz_buf_printf(out, "\\%c", letters[known - named]);
		else if (c < 0x20 || c == 0x7f ||
			 (n == 2 && c == 0xc2 && (unsigned char)s.p[1] < 0xa0))
			lz_buf_printf(out, "\\u%04x", n == 2 ? (unsigned)(unsigned char)s.p[1] : c);
		else if (!n)
			lz_buf_str(out, "\xef\xbf\xbd");
		else
			lz_buf_add(out, s.p, n);
		s = lz_span_from(s, n ? n : 1);
	}
}

static void print_term(struct lz_matcher *m, const struct lz_piece *p, struct lz_buf *out)
{
	const struct lz_graph_term *t = lz_vec_at(&m->rules->graph.terms, p->term);
	const struct lz_datum *v;
	size_t n = lz_term_values(m, p->term, &v), from = out->n;
	LZ_CLEAN(buf) struct lz_buf raw;

	lz_buf_init(&raw, LZ_M);
	for (size_t i = 0; i < n && (i == 0 || t->type == LZ_FIELD_LIST); i++) {
		lz_buf_str(&raw, i ? "," : t->type == LZ_FIELD_LIST ? "(" : "");
		lz_datum_print(&raw, t->type, &v[i]);
	}
	lz_buf_str(&raw, !n ? "<NA>" : t->type == LZ_FIELD_LIST ? ")" : "");
	harmless(out, lz_buf_view(&raw));
	if (raw.code && !out->code)
		out->code = raw.code;
	if (!p->width)
		return;
	while (out->n - from < p->width && !out->code)
		lz_buf_byte(out, ' ');
	while (out->n > from + p->width) /* never in the midst of a character */
		do
			out->n--;
		while (out->n > from && (out->p[out->n] & 0xc0) == 0x80);
}

int lz_match_output(struct lz_matcher *m, struct lz_watch_event *e, const struct lz_rule *rule,
		    struct lz_buf *out)
{
	(void)e;
	for (size_t i = 0; rule->format && i < rule->format->count; i++) {
		const struct lz_piece *p = &rule->format->pieces[i];
		if (p->kind == LZ_PIECE_TEXT)
			lz_buf_span(out, p->text);
		else
			print_term(m, p, out);
	}
	return out->code;
}
