/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers over each other: a tree of the few paths that matter, as the union file system would show
 * them.
 *
 *	/ ── etc ── os-release         symlink → ../usr/lib/os-release
 *	  ├─ usr ── lib ── os-release  file, layer 0
 *	  └─ var ── lib ── dpkg ── status   file, layer 3 (older: layer 0)
 *
 * Children are found through one hash table keyed by (parent's number, name), so that removing a
 * subtree is one step: its top is marked dead and can't be reached any more. Links are followed
 * inside the image only; a hostile image may make them run in circles, so a walk follows at most
 * LINK_STEPS of them.
 */
#include "evidence.h"

#include "../base/clean.h"
#include "../base/map.h"

#include <fnmatch.h>

#define LINK_STEPS 64
#define TREE_DEPTH 4096

struct tnode {
	struct lz_span name;
	struct tnode *parent, *first_child, *next, *prev;
	uint32_t number;
	unsigned depth;
	bool dead, shown;
	enum lz_node_kind
		kind; /* LZ_NODE_DIR, FILE, SYMLINK, HARDLINK (a link from the root), OTHER */
	struct lz_span target;
	const struct lz_file_version *version;
};

struct lz_merge {
	struct lz_arena arena;
	struct lz_map children; /* u32 parent's number + name -> struct tnode */
	struct tnode root;
	uint32_t count;
	struct lz_buf key;
	uint64_t path_bytes;
};

struct lz_merge *lz_merge_new(const struct lz_limits *limits, struct lz_err *err)
{
	struct lz_merge *m = lz_alloc(sizeof(*m));

	if (!m) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	lz_arena_init(&m->arena, limits->links_bytes);
	lz_map_init(&m->children, UINT32_MAX);
	lz_buf_init(&m->key, limits->path_bytes + 8);
	m->root.kind = LZ_NODE_DIR;
	m->path_bytes = limits->path_bytes;
	return m;
}

void lz_merge_free(struct lz_merge *m)
{
	if (!m)
		return;
	lz_map_done(&m->children);
	lz_buf_done(&m->key);
	lz_arena_done(&m->arena);
	lz_free(m);
}

/* --- the tree --- */

static struct lz_span key_of(struct lz_merge *m, const struct tnode *parent, struct lz_span name)
{
	lz_buf_clear(&m->key);
	lz_buf_u32le(&m->key, parent->number);
	lz_buf_span(&m->key, name);
	return lz_buf_view(&m->key);
}

static struct tnode *child(struct lz_merge *m, const struct tnode *parent, struct lz_span name)
{
	const struct lz_map_item *it = lz_map_get(&m->children, key_of(m, parent, name));
	struct tnode *n = it ? it->value.ptr : NULL;

	return n && !n->dead ? n : NULL;
}

static struct tnode *add_child(struct lz_merge *m, struct tnode *parent, struct lz_span name)
{
	struct lz_span key = lz_arena_dup(&m->arena, key_of(m, parent, name));
	struct tnode *n = LZ_ARENA_NEW(&m->arena, struct tnode);
	struct lz_map_item *it;
	int code = LZ_E_NOMEM;

	if (!n || m->key.code || parent->depth >= TREE_DEPTH) {
		if (!m->arena.code)
			m->arena.code = LZ_E_LIMIT;
		return NULL;
	}
	it = lz_map_put(&m->children, key, NULL, &code);
	if (!it) {
		m->arena.code = code;
		return NULL;
	}
	it->value.ptr = n;
	n->name = lz_span_from(it->key, 4);
	n->number = ++m->count;
	n->depth = parent->depth + 1;
	n->kind = LZ_NODE_DIR;
	n->parent = parent;
	n->next = parent->first_child;
	if (n->next)
		n->next->prev = n;
	parent->first_child = n;
	return n;
}

static void cut_off(struct tnode *n)
{
	if (!n->parent)
		return;
	n->dead = true;
	if (n->prev)
		n->prev->next = n->next;
	else
		n->parent->first_child = n->next;
	if (n->next)
		n->next->prev = n->prev;
}

/* --- walking --- */

enum outcome { FOUND, MISSING, CIRCLE };

struct walk {
	struct tnode *at;   /* FOUND: the node; else the last directory reached */
	struct lz_buf rest; /* MISSING: components from `at` that were not there */
	bool via_link;
};

static struct lz_span first_part(struct lz_span *rest)
{
	struct lz_span part;

	do {
		lz_span_cut(*rest, '/', &part, rest);
	} while (!part.n && rest->n);
	return part;
}

static bool is_link(const struct tnode *n)
{
	return n->kind == LZ_NODE_SYMLINK || n->kind == LZ_NODE_HARDLINK;
}

/* Puts a link's target in front of what is left to walk. */
static bool push_target(struct walk *w, struct tnode *link, struct lz_span left, size_t max)
{
	LZ_CLEAN(buf) struct lz_buf next;
	struct lz_buf swap;

	lz_buf_init(&next, max);
	lz_buf_span(&next, link->target);
	if (left.n) {
		lz_buf_byte(&next, '/');
		lz_buf_span(&next, left);
	}
	if (next.code)
		return false;
	swap = w->rest;
	w->rest = next;
	next = swap;
	return true;
}

/* From `from` along `path`, following links on the way and, with follow_last, at its end. */
static enum outcome walk(struct lz_merge *m, struct tnode *from, struct lz_span path,
			 bool follow_last, struct walk *w)
{
	size_t max = (size_t)m->path_bytes * 4;
	struct lz_span rest;
	unsigned steps = 0;

	lz_buf_init(&w->rest, max);
	w->at = from;
	w->via_link = false;
	if (lz_buf_span(&w->rest, path))
		return CIRCLE;
	rest = lz_buf_view(&w->rest);
	while (rest.n) {
		struct lz_span part = first_part(&rest);
		struct tnode *n;

		if (!part.n || lz_span_is(part, "."))
			continue;
		if (lz_span_is(part, "..")) {
			w->at = w->at->parent ? w->at->parent : w->at;
			continue;
		}
		n = child(m, w->at, part);
		if (!n) {
			/* What is missing, from this component on. */
			struct lz_span left = lz_span(part.p, (size_t)(rest.p + rest.n - part.p));
			memmove(w->rest.p, left.p, left.n);
			w->rest.n = left.n;
			return MISSING;
		}
		if (is_link(n) && (rest.n || follow_last)) {
			if (++steps > LINK_STEPS || !push_target(w, n, rest, max))
				return CIRCLE;
			w->via_link = true;
			if (n->kind == LZ_NODE_HARDLINK || (n->target.n && n->target.p[0] == '/'))
				w->at = &m->root;
			rest = lz_buf_view(&w->rest);
			continue;
		}
		w->at = n;
	}
	return FOUND;
}

/* --- applying a layer --- */

/* The directory that holds path's last component, links followed, made where it is missing. */
static struct tnode *make_parent(struct lz_merge *m, struct lz_span path, struct lz_span *ret_name)
{
	ptrdiff_t slash = lz_span_rfind(path, '/');
	struct walk w;
	enum outcome o;
	struct lz_span rest;

	*ret_name = lz_span_from(path, (size_t)(slash + 1));
	if (slash <= 0)
		return &m->root;
	o = walk(m, &m->root, lz_span_head(path, (size_t)slash), true, &w);
	if (o == MISSING) {
		rest = lz_buf_view(&w.rest);
		while (rest.n && w.at) {
			struct lz_span part = first_part(&rest);
			if (lz_span_is(part, ".."))
				w.at = w.at->parent ? w.at->parent : w.at;
			else if (part.n && !lz_span_is(part, ".")) {
				struct tnode *have = child(m, w.at, part);
				w.at = have ? have : add_child(m, w.at, part);
			}
		}
	}
	lz_buf_done(&w.rest);
	if (o == CIRCLE)
		return NULL; /* a file nobody could reach either */
	if (w.at && w.at->kind != LZ_NODE_DIR) {
		w.at->kind = LZ_NODE_DIR; /* the layer has a directory where a file was */
		w.at->version = NULL;
	}
	return w.at;
}

static void hide(struct lz_merge *m, const struct lz_node *node)
{
	struct walk w;

	if (walk(m, &m->root, node->path, false, &w) == FOUND) {
		if (node->kind == LZ_NODE_WHITEOUT)
			cut_off(w.at);
		else
			for (struct tnode *c = w.at->first_child, *next; c; c = next) {
				next = c->next;
				cut_off(c);
			}
	}
	lz_buf_done(&w.rest);
}

static const struct lz_file_version *new_version(struct lz_merge *m, const struct lz_node *node,
						 uint32_t layer,
						 const struct lz_file_version *older)
{
	struct lz_file_version *v = LZ_ARENA_NEW(&m->arena, struct lz_file_version);

	if (!v)
		return NULL;
	/* The same path twice in one layer: the last one wins, the first was never visible. */
	while (older && older->layer == layer)
		older = older->older;
	*v = (struct lz_file_version){.file = node->file, .layer = layer, .older = older};
	return v;
}

static void put_hardlink(struct lz_merge *m, struct tnode *n, const struct lz_node *node)
{
	struct walk w;

	n->kind = LZ_NODE_HARDLINK;
	n->target = node->target;
	/* A hard link shares the file as it is now; a later change of the other name is not its
	 * own. */
	if (walk(m, &m->root, node->target, false, &w) == FOUND && w.at != n &&
	    w.at->kind == LZ_NODE_FILE) {
		n->kind = LZ_NODE_FILE;
		n->version = w.at->version;
	}
	lz_buf_done(&w.rest);
}

static void put(struct lz_merge *m, const struct lz_node *node, uint32_t layer)
{
	struct lz_span name;
	struct tnode *parent = make_parent(m, node->path, &name), *n;
	const struct lz_file_version *older;

	if (!parent || !name.n)
		return;
	n = child(m, parent, name);
	if (n && node->kind == LZ_NODE_DIR && n->kind == LZ_NODE_DIR)
		return;
	if (!n && (node->kind == LZ_NODE_OTHER))
		return;
	older = n && n->kind == LZ_NODE_FILE ? n->version : NULL;
	if (n)
		cut_off(n);
	n = add_child(m, parent, name);
	if (!n)
		return;
	n->kind = node->kind;
	n->target = node->target;
	if (node->kind == LZ_NODE_FILE)
		n->version = new_version(m, node, layer, older);
	else if (node->kind == LZ_NODE_HARDLINK)
		put_hardlink(m, n, node);
}

int lz_merge_layer(struct lz_merge *m, const struct lz_evidence *e, uint32_t index,
		   struct lz_err *err)
{
	/* Whiteouts speak of lower layers only, wherever they stand in this one. */
	LZ_VEC_EACH (struct lz_node, n, &e->nodes)
		if (n->kind == LZ_NODE_WHITEOUT || n->kind == LZ_NODE_OPAQUE)
			hide(m, n);
	LZ_VEC_EACH (struct lz_node, n, &e->nodes)
		if (n->kind != LZ_NODE_WHITEOUT && n->kind != LZ_NODE_OPAQUE)
			put(m, n, index);
	if (m->arena.code)
		return lz_fail(err, m->arena.code,
			       "too many links and folders in this image (limit links_bytes)");
	return 0;
}

/* --- what is visible --- */

struct search {
	struct lz_merge *m;
	struct lz_arena *arena;
	struct lz_vec *visible, *wanted, *circles;
	unsigned cataloger;
	int code;
};

static struct lz_span path_of(const struct tnode *n, struct lz_span tail, struct lz_arena *arena)
{
	size_t len = tail.n ? tail.n + 1 : 0;
	char *out, *p;

	for (const struct tnode *x = n; x->parent; x = x->parent)
		len += x->name.n + 1;
	if (!len)
		return (struct lz_span){"", 0};
	out = lz_arena_alloc(arena, len);
	if (!out)
		return (struct lz_span){"", 0};
	p = out + len;
	if (tail.n) {
		p -= tail.n;
		memcpy(p, tail.p, tail.n);
	}
	for (const struct tnode *x = n; x->parent; x = x->parent) {
		if (p != out + len)
			*--p = '/';
		p -= x->name.n;
		memcpy(p, x->name.p, x->name.n);
	}
	return lz_span(p, (size_t)(out + len - p));
}

static void show(struct search *s, struct tnode *n)
{
	struct lz_visible *v;

	if (n->kind != LZ_NODE_FILE || n->shown || !n->version)
		return;
	n->shown = true;
	v = lz_vec_push(s->visible);
	if (!v) {
		s->code = s->visible->code;
		return;
	}
	v->path = path_of(n, (struct lz_span){"", 0}, s->arena);
	v->version = n->version;
}

/* A link led to where nothing is known. If the place has a name we look for anyway, nothing is
 * there; otherwise the layers must be asked again. */
static void want(struct search *s, const struct walk *w, struct lz_span pattern_left)
{
	struct lz_span tail = lz_buf_view((struct lz_buf *)(uintptr_t)&w->rest), path;
	struct lz_wanted *x;

	while (tail.n && tail.p[tail.n - 1] == '/')
		tail.n--;
	path = path_of(w->at, tail, s->arena);
	if (pattern_left.n)
		path = lz_arena_printf(s->arena, "%.*s/*", (int)path.n, path.p);
	else if (lz_catalog_candidate(path))
		return;
	LZ_VEC_EACH (struct lz_wanted, have, s->wanted)
		if (lz_span_eq(have->path, path) && have->cataloger == s->cataloger)
			return;
	x = lz_vec_push(s->wanted);
	if (!x) {
		s->code = s->wanted->code;
		return;
	}
	*x = (struct lz_wanted){.path = path, .cataloger = s->cataloger};
}

static int by_name(const void *a, const void *b)
{
	struct tnode *const *x = a, *const *y = b;

	return lz_span_cmp((*x)->name, (*y)->name);
}

static void find(struct search *s, struct tnode *dir, struct lz_span pattern);

static void find_each(struct search *s, struct tnode *dir, struct lz_span glob, struct lz_span left)
{
	LZ_CLEAN(vec) struct lz_vec names;
	char pattern[256], name[256];

	lz_vec_init(&names, sizeof(struct tnode *), UINT32_MAX);
	for (struct tnode *c = dir->first_child; c; c = c->next)
		lz_vec_add(&names, &c);
	if (names.code)
		s->code = names.code;
	lz_vec_sort(&names, by_name);
	if (!lz_span_cstr(glob, pattern, sizeof(pattern)))
		return;
	LZ_VEC_EACH (struct tnode *, c, &names) {
		struct walk w;
		enum outcome o;
		if (!lz_span_cstr((*c)->name, name, sizeof(name)) || fnmatch(pattern, name, 0))
			continue;
		/* Walked, not searched: a hostile file may be called "*". */
		o = walk(s->m, dir, (*c)->name, true, &w);
		if (o == FOUND && left.n)
			find(s, w.at, left);
		else if (o == FOUND)
			show(s, w.at);
		else if (o == MISSING && !left.n)
			want(s, &w, left);
		lz_buf_done(&w.rest);
	}
}

/* Literal components are walked, a component with "*" is tried on all children. */
static void find(struct search *s, struct tnode *dir, struct lz_span pattern)
{
	ptrdiff_t star = lz_span_find(pattern, '*');
	ptrdiff_t slash = star < 0 ? -1 : lz_span_rfind(lz_span_head(pattern, (size_t)star), '/');
	struct lz_span literal = star < 0 ? pattern
					  : lz_span_head(pattern, (size_t)(slash < 0 ? 0 : slash));
	struct lz_span glob = {"", 0}, left = {"", 0};
	struct walk w;
	enum outcome o;

	if (star >= 0)
		lz_span_cut(lz_span_from(pattern, (size_t)(slash + 1)), '/', &glob, &left);
	o = walk(s->m, dir, literal, true, &w);
	if (o == FOUND && star < 0) {
		show(s, w.at);
	} else if (o == FOUND) {
		find_each(s, w.at, glob, left);
	} else if (o == MISSING && w.via_link) {
		/* Two literal components at the end are looked for everywhere already. */
		if (!left.n)
			want(s, &w, glob);
	} else if (o == CIRCLE) {
		struct lz_span *c = lz_vec_push(s->circles);
		if (c)
			*c = lz_arena_dup(s->arena, pattern);
	}
	lz_buf_done(&w.rest);
}

int lz_merge_files(struct lz_merge *m, struct lz_arena *arena, struct lz_vec *ret_visible,
		   struct lz_vec *ret_wanted, struct lz_vec *ret_circles, struct lz_err *err)
{
	struct search s = {
		.m = m,
		.arena = arena,
		.visible = ret_visible,
		.wanted = ret_wanted,
		.circles = ret_circles,
	};

	for (s.cataloger = 0; lz_catalogers[s.cataloger]; s.cataloger++)
		for (const char *const *p = lz_catalogers[s.cataloger]->paths; *p; p++)
			find(&s, &m->root, lz_str(*p));
	if (arena->code)
		s.code = arena->code;
	return s.code ? lz_fail(err, s.code, "too much evidence in this image") : 0;
}
