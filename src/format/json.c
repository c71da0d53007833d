/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON by jansson, and what jansson does not do: a bound on nesting before anything is built, and
 * walking a document of any size one member at a time. The walker knows only strings, brackets and
 * commas; each value it cuts out is checked by jansson afterwards, so a malformed one can't slip
 * through.
 */
#include "json.h"

#include "../base/alloc.h"
#include "../base/buf.h"

/* Deepest nesting in text, strings left out. */
static size_t depth_of(struct lz_span text)
{
	size_t depth = 0, most = 0;
	bool in_string = false;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > most)
				most = depth;
		} else if ((c == '}' || c == ']') && depth) {
			depth--;
		}
	}
	return most;
}

static json_t *load(struct lz_span text, const struct lz_limits *limits, size_t flags,
		    const char *name, struct lz_err *err)
{
	json_error_t why;
	json_t *j;

	if (depth_of(text) > limits->json_depth) {
		lz_fail(err, LZ_E_LIMIT, "%s: JSON nests deeper than %llu (limit json_depth)", name,
			(unsigned long long)limits->json_depth);
		return NULL;
	}
	flags |= JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY;
	j = json_loadb(text.p, text.n, flags, &why);
	if (!j)
		lz_fail(err,
			json_error_code(&why) == json_error_out_of_memory ? LZ_E_NOMEM
									  : LZ_E_FORMAT,
			"%s: JSON, line %d, byte %d: %s", name, why.line, why.position, why.text);
	return j;
}

json_t *lz_json_load(struct lz_span text, const struct lz_limits *limits, const char *name,
		     struct lz_err *err)
{
	return load(text, limits, 0, name, err);
}

json_t *lz_json_load_wide(struct lz_span text, const struct lz_limits *limits, const char *name,
			  struct lz_err *err)
{
	return load(text, limits, JSON_DECODE_INT_AS_REAL, name, err);
}

struct lz_span lz_json_text(const json_t *value)
{
	return json_is_string(value) ? lz_span(json_string_value(value), json_string_length(value))
				     : (struct lz_span){"", 0};
}

struct lz_span lz_json_str(const json_t *obj, const char *key)
{
	return lz_json_text(json_object_get(obj, key));
}

int64_t lz_json_int(const json_t *obj, const char *key, int64_t fallback)
{
	const json_t *v = json_object_get(obj, key);

	return json_is_integer(v) ? (int64_t)json_integer_value(v) : fallback;
}

/* --- one member at a time --- */

#define DEPTH_MAX 2048

struct lz_json_split {
	struct lz_reader *r;
	struct lz_span chunk;
	uint64_t at;
	const char *path;
	size_t max;
	struct lz_buf key, value;
	json_t *name_value; /* the decoded key */
	enum { TOP, INSIDE, ENDED } where;
	char top_close, inside_close;
	bool first;
	int code;
};

struct lz_json_split *lz_json_split_open(struct lz_reader *r, const char *path, size_t max_bytes,
					 struct lz_err *err)
{
	struct lz_json_split *s = lz_alloc(sizeof(*s));

	if (!s) {
		lz_reader_close(r);
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	s->r = r;
	s->path = path;
	s->max = max_bytes;
	lz_buf_init(&s->key, 65536);
	lz_buf_init(&s->value, max_bytes);
	return s;
}

void lz_json_split_close(struct lz_json_split *s)
{
	if (!s)
		return;
	lz_reader_close(s->r);
	lz_buf_done(&s->key);
	lz_buf_done(&s->value);
	json_decref(s->name_value);
	lz_free(s);
}

static int bad(const struct lz_json_split *s, const char *what, struct lz_err *err)
{
	return lz_fail(err, LZ_E_FORMAT, "JSON: %s at byte %llu", what, (unsigned long long)s->at);
}

/* The byte at hand: 1, 0 at the end, < 0. */
static int peek(struct lz_json_split *s, char *ret, struct lz_err *err)
{
	while (!s->chunk.n) {
		int code = lz_reader_next(s->r, &s->chunk, err);
		if (code <= 0)
			return code;
	}
	*ret = s->chunk.p[0];
	return 1;
}

static void advance(struct lz_json_split *s)
{
	s->chunk = lz_span_from(s->chunk, 1);
	s->at++;
}

/* The next byte that is no white space, not taken: 1, or an error (also at the end). */
static int token(struct lz_json_split *s, char *ret, struct lz_err *err)
{
	int code;

	while ((code = peek(s, ret, err)) > 0) {
		if (*ret != ' ' && *ret != '\t' && *ret != '\r' && *ret != '\n')
			return 1;
		advance(s);
	}
	return code < 0 ? code : bad(s, "ends early", err);
}

struct scanner {
	size_t depth;
	bool in_string, escaped;
};

/* Where in `chunk` the value ends: *ret_n bytes belong to it; true when it is complete. */
static bool scan_value(struct scanner *v, struct lz_span chunk, size_t *ret_n)
{
	for (size_t i = 0; i < chunk.n; i++) {
		char c = chunk.p[i];
		if (v->in_string) {
			if (v->escaped)
				v->escaped = false;
			else if (c == '\\')
				v->escaped = true;
			else if (c == '"') {
				v->in_string = false;
				if (!v->depth) {
					*ret_n = i + 1;
					return true;
				}
			}
		} else if (c == '"') {
			v->in_string = true;
		} else if (c == '{' || c == '[') {
			v->depth++;
		} else if (c == '}' || c == ']') {
			if (!v->depth) { /* the end of what holds a number or word */
				*ret_n = i;
				return true;
			}
			if (!--v->depth) {
				*ret_n = i + 1;
				return true;
			}
		} else if (!v->depth &&
			   (c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n')) {
			*ret_n = i;
			return true;
		}
	}
	*ret_n = chunk.n;
	return false;
}

/* Takes one whole value's text into b. */
static int take_value(struct lz_json_split *s, struct lz_buf *b, struct lz_err *err)
{
	struct scanner v = {0};
	bool done = false;
	char c;

	lz_buf_clear(b);
	while (!done) {
		size_t n;
		int code = peek(s, &c, err);
		if (code < 0)
			return code;
		if (code == 0)
			return bad(s, "ends inside a value", err);
		done = scan_value(&v, s->chunk, &n);
		if (v.depth > DEPTH_MAX)
			return lz_fail(err, LZ_E_LIMIT, "JSON: nests too deep at byte %llu",
				       (unsigned long long)s->at);
		if (lz_buf_add(b, s->chunk.p, n))
			return b->code == LZ_E_LIMIT ? lz_fail(err, LZ_E_LIMIT,
							       "JSON: a value of more than %zu "
							       "bytes at byte %llu",
							       b->max, (unsigned long long)s->at)
						     : lz_fail(err, b->code, "out of memory");
		s->chunk = lz_span_from(s->chunk, n);
		s->at += n;
	}
	return b->n ? 0 : bad(s, "a value is missing", err);
}

static int take_key(struct lz_json_split *s, struct lz_err *err)
{
	char c;
	int code = token(s, &c, err);

	if (code > 0 && c != '"')
		return bad(s, "a member name is missing", err);
	if (code > 0)
		code = take_value(s, &s->key, err);
	if (code < 0)
		return code;
	json_decref(s->name_value);
	s->name_value = json_loadb(s->key.p, s->key.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (!s->name_value)
		return bad(s, "malformed member name", err);
	code = token(s, &c, err);
	if (code > 0 && c != ':')
		return bad(s, "\":\" expected", err);
	if (code < 0)
		return code;
	advance(s);
	return 0;
}

static int open_level(struct lz_json_split *s, char *ret_close, struct lz_err *err)
{
	char c;
	int code = token(s, &c, err);

	if (code < 0)
		return code;
	if (c != '{' && c != '[')
		return bad(s, "an object or array was expected", err);
	*ret_close = c == '{' ? '}' : ']';
	s->first = true;
	advance(s);
	return 0;
}

/* Behind the document only white space may follow. */
static int tail(struct lz_json_split *s, struct lz_err *err)
{
	char c;
	int code;

	while ((code = peek(s, &c, err)) > 0) {
		if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
			return bad(s, "other bytes follow the document", err);
		advance(s);
	}
	return code;
}

/* Commas and closing brackets: 1 when a member follows at the current level, 0 at the very end. */
static int to_member(struct lz_json_split *s, struct lz_err *err)
{
	for (;;) {
		char close = s->where == INSIDE ? s->inside_close : s->top_close, c;
		int code = token(s, &c, err);

		if (code < 0)
			return code;
		if (c == close) {
			advance(s);
			s->first = false;
			if (s->where == TOP) {
				s->where = ENDED;
				return tail(s, err);
			}
			s->where = TOP;
			continue;
		}
		if (!s->first) {
			if (c != ',')
				return bad(s, "\",\" expected", err);
			advance(s);
		}
		s->first = false;
		return 1;
	}
}

static int next(struct lz_json_split *s, struct lz_json_member *ret, struct lz_err *err)
{
	int code = 0;
	char c;

	if (!s->top_close)
		code = open_level(s, &s->top_close, err);
	while (!code && s->where != ENDED) {
		bool object;
		code = to_member(s, err);
		if (code <= 0)
			return code;
		object = (s->where == INSIDE ? s->inside_close : s->top_close) == '}';
		code = object ? take_key(s, err) : 0;
		if (!code)
			code = token(s, &c, err) < 0 ? LZ_E_FORMAT : 0;
		if (code)
			return code;
		ret->key = object ? lz_json_text(s->name_value) : (struct lz_span){"", 0};
		if (s->where == TOP && s->path && object && lz_span_is(ret->key, s->path) &&
		    (c == '{' || c == '[')) {
			code = open_level(s, &s->inside_close, err);
			s->where = INSIDE;
			continue;
		}
		ret->offset = s->at;
		ret->inside = s->where == INSIDE || !s->path;
		code = take_value(s, &s->value, err);
		ret->value = lz_buf_view(&s->value);
		return code ? code : 1;
	}
	return code;
}

int lz_json_split_next(struct lz_json_split *s, struct lz_json_member *ret, struct lz_err *err)
{
	int code;

	if (s->code)
		return lz_fail(err, s->code, "JSON: already failed");
	code = next(s, ret, err);
	if (code < 0)
		s->code = code;
	return code;
}

/* --- writing --- */

static size_t utf8_length(const unsigned char *p, size_t n)
{
	size_t len = p[0] < 0x80   ? 1
		     : p[0] < 0xc2 ? 0
		     : p[0] < 0xe0 ? 2
		     : p[0] < 0xf0 ? 3
		     : p[0] < 0xf5 ? 4
				   : 0;

	if (!len || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

/* How many bytes from here on stand for themselves. */
static size_t plain(const unsigned char *p, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] >= 32 && p[i] < 127 && p[i] != '"' && p[i] != '\\')
		i++;
	return i;
}

int lz_json_quote(struct lz_buf *b, struct lz_span s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t len;

	lz_buf_byte(b, '"');
	for (size_t i = 0; i < s.n; i += len) {
		len = plain(p + i, s.n - i);
		if (len) {
			lz_buf_add(b, p + i, len);
			continue;
		}
		len = utf8_length(p + i, s.n - i);
		if (!len) {
			lz_buf_str(b, "\xef\xbf\xbd");
			len = 1;
		} else if (p[i] == '"' || p[i] == '\\') {
			lz_buf_byte(b, '\\');
			lz_buf_byte(b, p[i]);
		} else if (p[i] < 32 || p[i] == 127) {
			lz_buf_printf(b, "\\u%04x", p[i]);
		} else if (len == 2 && p[i] == 0xc2 && p[i + 1] < 0xa0) {
			/* C1, which terminals obey as they do ESC [ */
			lz_buf_printf(b, "\\u%04x", p[i + 1]);
		} else {
			lz_buf_add(b, p + i, len);
		}
	}
	return lz_buf_byte(b, '"');
}
