/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml.h"

#include "../base/clean.h"
#include "../base/map.h"

#include <yaml.h>

#define DEPTH_MAX   64
#define ANCHORS_MAX 10000

struct builder {
	yaml_parser_t parser;
	struct lz_span text;
	struct lz_arena *arena;
	size_t values, max_values;
	struct lz_yaml *open[DEPTH_MAX];
	size_t depth;
	struct lz_yaml *root;
	struct lz_map anchors;
	/* What was looked at last, and its byte: marks only ever move on. */
	size_t line, column, at;
};

static int fault(struct builder *b, const yaml_mark_t *at, int code, const char *what,
		 struct lz_err *err)
{
	(void)b;
	return lz_fail(err, code, "line %zu, column %zu: %s", at->line + 1, at->column + 1, what);
}

/* The byte at a mark: libyaml counts characters, a line's beginning is the same in both. */
static size_t byte_at(struct builder *b, const yaml_mark_t *mark)
{
	if (mark->line < b->line || (mark->line == b->line && mark->column < b->column))
		b->line = b->column = b->at = 0;
	for (; b->line < mark->line && b->at < b->text.n; b->at++)
		if (b->text.p[b->at] == '\n') {
			b->line++;
			b->column = 0;
		}
	for (; b->at < b->text.n && b->column < mark->column; b->at++)
		b->column += (b->text.p[b->at] & 0xc0) != 0x80;
	while (b->at < b->text.n && (b->text.p[b->at] & 0xc0) == 0x80)
		b->at++;
	return b->at;
}

static int put(struct builder *b, struct lz_yaml *node, const yaml_mark_t *at, struct lz_err *err)
{
	struct lz_yaml *parent = b->depth ? b->open[b->depth - 1] : NULL;

	if (!parent) {
		b->root = node;
		return 0;
	}
	if (parent->kind == LZ_YAML_MAP && parent->count % 2 == 0 && node->kind != LZ_YAML_SCALAR)
		return fault(b, at, LZ_E_FORMAT, "a key must be a word", err);
	if (parent->last)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
	parent->count++;
	return 0;
}

static struct lz_yaml *node_new(struct builder *b, enum lz_yaml_kind kind, const yaml_mark_t *at,
				struct lz_err *err)
{
	struct lz_yaml *n;

	if (++b->values > b->max_values) {
		fault(b, at, LZ_E_LIMIT, "too many values", err);
		return NULL;
	}
	n = LZ_ARENA_NEW(b->arena, struct lz_yaml);
	if (!n) {
		lz_fail(err, b->arena->code, "YAML: %s", lz_code_text(b->arena->code));
		return NULL;
	}
	n->kind = kind;
	n->line = (unsigned)at->line + 1;
	n->column = (unsigned)at->column + 1;
	return n;
}

static int keep_anchor(struct builder *b, const yaml_char_t *name, struct lz_yaml *node,
		       struct lz_err *err)
{
	struct lz_map_item *it;
	int code = 0;

	if (!name)
		return 0;
	it = lz_map_put(&b->anchors, lz_arena_dup(b->arena, lz_str((const char *)name)), NULL,
			&code);
	if (!it)
		return lz_fail(err, code, "YAML: %s", lz_code_text(code));
	it->value.ptr = node;
	return 0;
}

static int scalar(struct builder *b, const yaml_event_t *e, struct lz_err *err)
{
	struct lz_yaml *n = node_new(b, LZ_YAML_SCALAR, &e->start_mark, err);
	char *copy;
	size_t from, to;

	if (!n)
		return err ? err->code : LZ_E_NOMEM;
	copy = lz_arena_cstr(b->arena, lz_span(e->data.scalar.value, e->data.scalar.length));
	if (!copy)
		return lz_fail(err, b->arena->code, "YAML: %s", lz_code_text(b->arena->code));
	n->text = lz_span(copy, e->data.scalar.length);
	n->quoted = e->data.scalar.style == YAML_SINGLE_QUOTED_SCALAR_STYLE ||
		    e->data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	from = byte_at(b, &e->start_mark);
	to = byte_at(b, &e->end_mark);
	n->raw = lz_span_from(lz_span_head(b->text, to), from);
	if (memchr(copy, 0, n->text.n))
		return fault(b, &e->start_mark, LZ_E_FORMAT, "a zero byte in a value", err);
	return put(b, n, &e->start_mark, err) ? LZ_E_FORMAT
					      : keep_anchor(b, e->data.scalar.anchor, n, err);
}

/* An alias is a copy of its anchor's node; what is below is shared. */
static int alias(struct builder *b, const yaml_event_t *e, struct lz_err *err)
{
	const struct lz_map_item *it =
		lz_map_get(&b->anchors, lz_str((const char *)e->data.alias.anchor));
	struct lz_yaml *n;

	if (!it)
		return fault(b, &e->start_mark, LZ_E_FORMAT, "an alias of nothing", err);
	for (size_t i = 0; i < b->depth; i++)
		if (b->open[i] == it->value.ptr)
			return fault(b, &e->start_mark, LZ_E_FORMAT, "an alias of itself", err);
	n = node_new(b, LZ_YAML_SCALAR, &e->start_mark, err);
	if (!n)
		return err ? err->code : LZ_E_NOMEM;
	*n = *(struct lz_yaml *)it->value.ptr;
	n->next = NULL;
	return put(b, n, &e->start_mark, err);
}

static int begin(struct builder *b, enum lz_yaml_kind kind, const yaml_event_t *e,
		 const yaml_char_t *anchor, struct lz_err *err)
{
	struct lz_yaml *n;
	int code;

	if (b->depth == DEPTH_MAX)
		return fault(b, &e->start_mark, LZ_E_LIMIT, "nested deeper than 64 levels", err);
	n = node_new(b, kind, &e->start_mark, err);
	if (!n)
		return err ? err->code : LZ_E_NOMEM;
	code = put(b, n, &e->start_mark, err);
	if (!code)
		code = keep_anchor(b, anchor, n, err);
	b->open[b->depth++] = n;
	return code;
}

static void end(struct builder *b)
{
	struct lz_yaml *n = b->open[--b->depth];

	if (n->kind == LZ_YAML_MAP)
		n->count /= 2;
}

static int handle(struct builder *b, const yaml_event_t *e, struct lz_err *err)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return scalar(b, e, err);
	case YAML_ALIAS_EVENT:
		return alias(b, e, err);
	case YAML_SEQUENCE_START_EVENT:
		return begin(b, LZ_YAML_LIST, e, e->data.sequence_start.anchor, err);
	case YAML_MAPPING_START_EVENT:
		return begin(b, LZ_YAML_MAP, e, e->data.mapping_start.anchor, err);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		end(b);
		return 0;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return 0;
	}
	return 0;
}

static int library_fault(const struct builder *b, struct lz_err *err)
{
	const yaml_parser_t *p = &b->parser;

	if (p->error == YAML_MEMORY_ERROR)
		return lz_fail(err, LZ_E_NOMEM, "YAML: out of memory");
	if (p->error == YAML_READER_ERROR)
		return lz_fail(err, LZ_E_FORMAT, "byte %zu: %s", p->problem_offset,
			       p->problem ? p->problem : "not YAML");
	return lz_fail(err, LZ_E_FORMAT, "line %zu, column %zu: %s", p->problem_mark.line + 1,
		       p->problem_mark.column + 1, p->problem ? p->problem : "not YAML");
}

static int documents(struct builder *b, int (*each)(void *arg, const struct lz_yaml *root),
		     void *arg, struct lz_err *err)
{
	for (;;) {
		yaml_event_t e;
		yaml_event_type_t type;
		int code;

		if (!yaml_parser_parse(&b->parser, &e))
			return library_fault(b, err);
		type = e.type;
		code = handle(b, &e, err);
		yaml_event_delete(&e);
		if (!code && type == YAML_DOCUMENT_END_EVENT) {
			code = each(arg, b->root);
			b->root = NULL;
			lz_map_done(&b->anchors);
			lz_map_init(&b->anchors, ANCHORS_MAX);
		}
		if (code || type == YAML_STREAM_END_EVENT)
			return code;
	}
}

int lz_yaml_each(struct lz_span text, size_t max_values, struct lz_arena *arena,
		 int (*each)(void *arg, const struct lz_yaml *root), void *arg, struct lz_err *err)
{
	struct builder b = {.text = text, .arena = arena, .max_values = max_values};
	int code;

	if (!yaml_parser_initialize(&b.parser))
		return lz_fail(err, LZ_E_NOMEM, "YAML: out of memory");
	yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&b.parser, (const unsigned char *)text.p, text.n);
	lz_map_init(&b.anchors, ANCHORS_MAX);
	code = documents(&b, each, arg, err);
	lz_map_done(&b.anchors);
	yaml_parser_delete(&b.parser);
	return code;
}

const struct lz_yaml *lz_yaml_get(const struct lz_yaml *map, const char *key)
{
	if (!map || map->kind != LZ_YAML_MAP)
		return NULL;
	for (const struct lz_yaml *k = map->first; k && k->next; k = k->next->next)
		if (lz_span_is(k->text, key))
			return k->next;
	return NULL;
}

bool lz_yaml_is(const struct lz_yaml *scalar, const char *text)
{
	return scalar && scalar->kind == LZ_YAML_SCALAR && lz_span_is(scalar->text, text);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Folding moves blanks about and nothing else: the nth character that is none stays the nth. */
void lz_yaml_place(const struct lz_yaml *scalar, size_t offset, unsigned *ret_line,
		   unsigned *ret_column)
{
	unsigned line = scalar->line, column = scalar->column;
	size_t want = 0, at = 0;

	for (size_t i = 0; i < offset && i < scalar->text.n; i++)
		want += !is_blank(scalar->text.p[i]);
	if (scalar->raw.n && strchr("|>", scalar->raw.p[0]))
		while (at < scalar->raw.n && scalar->raw.p[at] != '\n')
			at++, column++;
	else if (scalar->quoted)
		at++, column++;
	*ret_line = line;
	*ret_column = column;
	for (; at < scalar->raw.n; at++) {
		char c = scalar->raw.p[at];
		bool found = !is_blank(c) && !want--;
		if (!is_blank(c)) {
			*ret_line = line;
			*ret_column = column + !found; /* else the place behind it */
		}
		if (found)
			break;
		column += (c & 0xc0) != 0x80;
		if (c == '\n') {
			line++;
			column = 1;
		}
	}
}
