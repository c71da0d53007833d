/* SPDX-License-Identifier: Apache-2.0 */
/* Transformers: what tolower(proc.name) and its like are worth for the event at hand. */
#include "match.h"

#include <ctype.h>

void lz_term_keep_text(struct lz_made_term *s)
{
	s->own.text = lz_buf_view(&s->made);
	s->own.num = 0;
	s->own.has_num = false;
	s->data = &s->own;
	s->n = 1;
}

static struct lz_span file_name(struct lz_span s)
{
	return lz_span_from(s, (size_t)(lz_span_rfind(s, '/') + 1));
}

static bool decode_b64(struct lz_span s, struct lz_buf *out)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = 0;
	unsigned have = 0;

	while (s.n && s.p[s.n - 1] == '=')
		s.n--;
	for (size_t i = 0; i < s.n; i++) {
		const char *at = s.p[i] ? strchr(letters, s.p[i]) : NULL;
		if (!at)
			return false;
		bits = bits << 6 | (uint32_t)(at - letters);
		have += 6;
		if (have >= 8) {
			have -= 8;
			lz_buf_byte(out, (unsigned char)(bits >> have));
		}
	}
	return true;
}

static void change_case(struct lz_buf *out, struct lz_span s, bool lower)
{
	for (size_t i = 0; i < s.n; i++)
		lz_buf_byte(out, (unsigned char)(lower ? tolower((unsigned char)s.p[i])
						       : toupper((unsigned char)s.p[i])));
}

/* Each value of a list in turn: the texts lie in one buffer and are cut when it grows no more. */
static size_t over_each(struct lz_made_term *s, enum lz_transform kind, const struct lz_datum *v,
			size_t n)
{
	size_t at = 0;

	s->list.n = 0;
	for (size_t i = 0; i < n; i++) {
		struct lz_datum *d = lz_vec_push(&s->list);
		size_t before = s->made.n;
		if (!d)
			return 0;
		if (kind == LZ_TERM_BASENAME)
			lz_buf_span(&s->made, file_name(v[i].text));
		else
			change_case(&s->made, v[i].text, kind == LZ_TERM_TOLOWER);
		d->num = (int64_t)(s->made.n - before);
	}
	LZ_VEC_EACH (struct lz_datum, d, &s->list) {
		d->text = lz_span((s->made.p ? s->made.p : "") + at, (size_t)d->num);
		at += (size_t)d->num;
	}
	s->data = s->list.p;
	return s->made.code ? 0 : s->list.n;
}

/* Words of a command line: a list's values as they are, or one text's between blanks. */
struct words {
	const struct lz_datum *list;
	size_t left;
	bool split;
	struct lz_span rest;
};

static bool next_word(struct words *w, struct lz_span *ret)
{
	*ret = lz_span("", 0);
	if (w->split) {
		while (w->rest.n && !ret->n)
			lz_span_cut(w->rest, ' ', ret, &w->rest);
		return ret->n != 0;
	}
	if (!w->left)
		return false;
	w->left--;
	*ret = w->list++->text;
	return true;
}

/* Option c among words: the word behind it, or the rest of its word. */
static bool option(struct words *words, struct lz_span known, char c, struct lz_span *ret)
{
	struct lz_span word;

	while (next_word(words, &word)) {
		if (word.n < 2 || word.p[0] != '-')
			continue;
		if (lz_span_is(word, "--"))
			return false;
		for (size_t i = 1; i < word.n; i++) {
			const char *k = known.n ? memchr(known.p, word.p[i], known.n) : NULL;
			bool takes = k && (size_t)(k - known.p) + 1 < known.n && k[1] == ':';
			struct lz_span rest = lz_span_from(word, i + 1);
			if (takes && !rest.n)
				next_word(words, &rest);
			if (word.p[i] == c) {
				*ret = takes ? rest : LZ_SPAN("");
				return true;
			}
			if (takes)
				break;
		}
	}
	return false;
}

static size_t two_values(struct lz_matcher *m, const struct lz_graph_term *t,
			 struct lz_made_term *s)
{
	const struct lz_datum *a, *b;
	size_t n = lz_term_values(m, t->args[0], &a), k = lz_term_values(m, t->args[1], &b);
	struct lz_span found;
	struct words words;

	if (!n || !k)
		return 0;
	if (t->kind == LZ_TERM_JOIN) {
		for (size_t i = 0; i < k; i++) {
			if (i)
				lz_buf_span(&s->made, a->text);
			lz_buf_span(&s->made, b[i].text);
		}
		return 1;
	}
	words = (struct words){.list = a,
			       .left = n,
			       .split = m->term[t->args[0]].type != LZ_FIELD_LIST,
			       .rest = a->text};
	if (!option(&words, b->text, t->arg.p[0], &found))
		return 0;
	s->own = (struct lz_datum){.text = found};
	s->data = &s->own;
	return 2;
}

static size_t concat(struct lz_matcher *m, const struct lz_graph_term *t, struct lz_made_term *s)
{
	for (size_t i = 0; i < t->arg_count; i++) {
		const struct lz_datum *v;
		if (!lz_term_values(m, t->args[i], &v))
			return 0;
		lz_buf_span(&s->made, v->text);
	}
	return 1;
}

static size_t one_value(struct lz_matcher *m, const struct lz_graph_term *t, struct lz_made_term *s)
{
	const struct lz_graph_term *inner = &m->term[t->args[0]];
	const struct lz_datum *v;
	size_t n = lz_term_values(m, t->args[0], &v);

	if (t->kind == LZ_TERM_VAL) {
		s->data = v;
		s->n = n;
		return 2;
	}
	if (t->kind == LZ_TERM_LEN) {
		s->own = (struct lz_datum){.num = (int64_t)(inner->type == LZ_FIELD_LIST ? n
							    : n				 ? v->text.n
											 : 0),
					   .has_num = true};
		s->data = &s->own;
		s->n = n || inner->type == LZ_FIELD_LIST;
		return s->n ? 2 : 0;
	}
	if (!n)
		return 0;
	if (t->kind == LZ_TERM_B64)
		return decode_b64(v->text, &s->made);
	s->n = over_each(s, t->kind, v, n);
	return s->n ? 2 : 0;
}

/* 0: no value; 1: the text that was made; 2: s says it all. */
size_t lz_term_transform(struct lz_matcher *m, const struct lz_graph_term *t,
			 struct lz_made_term *s)
{
	switch (t->kind) {
	case LZ_TERM_JOIN:
	case LZ_TERM_GETOPT:
		s->n = 1;
		return two_values(m, t, s);
	case LZ_TERM_CONCAT:
		return concat(m, t, s);
	case LZ_TERM_TEXT:
		lz_buf_span(&s->made, t->arg);
		return 1;
	case LZ_TERM_FIELD: /* asked for directly */
		return 0;
	case LZ_TERM_TOLOWER:
	case LZ_TERM_TOUPPER:
	case LZ_TERM_B64:
	case LZ_TERM_BASENAME:
	case LZ_TERM_LEN:
	case LZ_TERM_VAL:
		break;
	}
	return one_value(m, t, s);
}
