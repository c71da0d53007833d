/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One layer, in the confined child: every tar entry is looked at once, the few that matter become
 * evidence.
 *
 *	.wh.NAME            whiteout: hides NAME in lower layers
 *	.wh..wh..opq        opaque: hides everything in this folder in lower layers
 *	other .wh..wh.*     bookkeeping of aufs, without meaning
 *	symbolic link       kept: a package database may be behind it
 *	wanted file         its cataloger reads it while it passes
 *
 * Links may have moved a database's folder ("var" -> "data/var"), and a link may come after the
 * file. So a file is read when the last two components of its path fit a pattern; whether it is in
 * place is decided when all layers are known.
 */
#include "wire.h"

#include "../format/tar.h"

#include <fnmatch.h>

#define PROBLEMS_MAX   100
#define PROGRESS_BYTES (8 * LZ_M)

/* --- the sink that sends --- */

struct wire_sink {
	struct lz_sink sink;
	struct lz_layer_walk *walk;
	struct lz_span path;
};

static struct wire_sink *self(struct lz_sink *s)
{
	return (struct wire_sink *)(void *)s;
}

static int send_package(struct lz_sink *s, const struct lz_package *p, struct lz_err *err)
{
	return lz_wire_package(self(s)->walk->out, p, err);
}

static int send_release(struct lz_sink *s, const struct lz_release *r, struct lz_err *err)
{
	return lz_wire_release(self(s)->walk->out, r, err);
}

static int send_owned(struct lz_sink *s, struct lz_span package, struct lz_span arch,
		      struct lz_span list, uint32_t count, struct lz_err *err)
{
	return lz_wire_owned(self(s)->walk->out, package, arch, list, count, err);
}

static int problem(struct lz_layer_walk *w, int code, struct lz_span path, int64_t offset,
		   const char *text, struct lz_err *err)
{
	if (w->problems > PROBLEMS_MAX)
		return 0;
	if (w->problems++ == PROBLEMS_MAX)
		return lz_wire_problem(w->out, LZ_REC_PROBLEM, LZ_E_LIMIT, path, -1,
				       "more problems in this layer than are listed", err);
	return lz_wire_problem(w->out, LZ_REC_PROBLEM, code, path, offset, text, err);
}

static int send_problem(struct lz_sink *s, int code, int64_t offset, const char *text,
			struct lz_err *err)
{
	return problem(self(s)->walk, code, self(s)->path, offset, text, err);
}

/* --- which cataloger reads this path? --- */

static struct lz_span tail2(struct lz_span path)
{
	ptrdiff_t a = lz_span_rfind(path, '/');
	ptrdiff_t b = a < 0 ? -1 : lz_span_rfind(lz_span_head(path, (size_t)a), '/');

	return lz_span_from(path, (size_t)(b + 1));
}

static bool tail_fits(struct lz_span path, const char *pattern)
{
	struct lz_span a = tail2(path), b = tail2(lz_str(pattern));
	char text[512];

	return lz_span_cstr(a, text, sizeof(text)) && fnmatch(b.p, text, FNM_PATHNAME) == 0;
}

static const struct lz_cataloger *by_tail(struct lz_span path)
{
	for (size_t i = 0; lz_catalogers[i]; i++)
		for (const char *const *p = lz_catalogers[i]->paths; *p; p++)
			if (tail_fits(path, *p))
				return lz_catalogers[i];
	return NULL;
}

/* A wanted path is literal, or ends with one "*" component for a folder that a link led to. */
static bool wanted_fits(struct lz_span want, struct lz_span path)
{
	if (lz_span_ends(want, "/*")) {
		ptrdiff_t slash = lz_span_rfind(path, '/');
		return slash >= 0 && lz_span_eq(lz_span_head(path, (size_t)slash),
						lz_span_head(want, want.n - 2));
	}
	return lz_span_eq(want, path);
}

static const struct lz_cataloger *reader_of(const struct lz_layer_walk *w, struct lz_span path,
					    struct lz_span name)
{
	const struct lz_cataloger *c = NULL;

	if (lz_catalog_filter_file(&w->filter, path, name)) {
		c = lz_catalog_match(path, NULL);
		if (!c)
			c = by_tail(path);
	}
	for (size_t i = 0; !c && i < w->wanted_count; i++)
		if (wanted_fits(w->wanted[i].path, path))
			c = lz_catalogers[w->wanted[i].cataloger];
	return c;
}

/* --- entries --- */

static int read_file(struct lz_layer_walk *w, struct lz_tar *tar, const struct lz_tar_entry *e,
		     const struct lz_cataloger *c, struct lz_err *err)
{
	struct wire_sink sink = {
		.sink = {send_package, send_release, send_owned, send_problem},
		.walk = w,
		.path = e->path,
	};
	struct lz_err why = {0};
	struct lz_reader *content;
	int r = lz_wire_node(w->out, LZ_NODE_FILE, e->path, (struct lz_span){"", 0}, err);

	if (r)
		return r;
	content = lz_tar_reader(tar, err);
	if (!content)
		return err ? err->code : LZ_E_NOMEM;
	r = c->read(e->path, content, e->size, w->limits, &sink.sink, &why);
	lz_reader_close(content);
	if (r == LZ_E_NOMEM || r == LZ_E_IO) {
		if (err)
			*err = why;
		return r;
	}
	return r ? problem(w, r, e->path, -1, why.text, err) : 0;
}

static int whiteout(struct lz_layer_walk *w, struct lz_span path, size_t name_at,
		    struct lz_err *err)
{
	struct lz_span folder = lz_span_head(path, name_at ? name_at - 1 : 0);
	struct lz_span name = lz_span_from(path, name_at + 4), hidden;
	char text[4097];

	if (lz_span_is(name, ".wh..opq"))
		return lz_wire_node(w->out, LZ_NODE_OPAQUE, folder, (struct lz_span){"", 0}, err);
	if (lz_span_starts(name, ".wh.") || !name.n)
		return 0;
	if (path.n >= sizeof(text))
		return problem(w, LZ_E_LIMIT, path, -1, "whiteout of an overlong path", err);
	memcpy(text, path.p, name_at);
	memcpy(text + name_at, name.p, name.n);
	hidden = lz_span(text, name_at + name.n);
	return lz_wire_node(w->out, LZ_NODE_WHITEOUT, hidden, (struct lz_span){"", 0}, err);
}

static int link_entry(struct lz_layer_walk *w, const struct lz_tar_entry *e, struct lz_span name,
		      struct lz_err *err)
{
	if (e->type == LZ_TAR_SYMLINK)
		return lz_wire_node(w->out, LZ_NODE_SYMLINK, e->path, e->link, err);
	if (!reader_of(w, e->path, name))
		return 0;
	return lz_wire_node(w->out, LZ_NODE_HARDLINK, e->path, e->link, err);
}

static int one(struct lz_layer_walk *w, struct lz_tar *tar, const struct lz_tar_entry *e,
	       struct lz_err *err)
{
	size_t name_at = (size_t)(lz_span_rfind(e->path, '/') + 1);
	struct lz_span name = lz_span_from(e->path, name_at);
	const struct lz_cataloger *c;

	if (e->unsafe)
		return problem(w, LZ_E_FORMAT, e->path, (int64_t)e->offset,
			       "path leaves the image or holds a NUL; the entry was not read", err);
	if (!e->path.n)
		return 0;
	if (name.n > 4 && memcmp(name.p, ".wh.", 4) == 0)
		return whiteout(w, e->path, name_at, err);
	if (e->type == LZ_TAR_SYMLINK || e->type == LZ_TAR_HARDLINK)
		return link_entry(w, e, name, err);
	if (e->type == LZ_TAR_FILE) {
		c = reader_of(w, e->path, name);
		if (c)
			return read_file(w, tar, e, c, err);
	}
	if (!lz_catalog_filter_component(&w->filter, name))
		return 0;
	return lz_wire_node(w->out, e->type == LZ_TAR_DIR ? LZ_NODE_DIR : LZ_NODE_OTHER, e->path,
			    (struct lz_span){"", 0}, err);
}

static int progress(struct lz_layer_walk *w, struct lz_err *err)
{
	uint64_t now = w->packed ? w->packed(w->packed_arg) : 0, more = now - w->reported;

	if (more < PROGRESS_BYTES)
		return 0;
	w->reported = now;
	return lz_wire_progress(w->out, more, err);
}

int lz_layer_walk(struct lz_layer_walk *w, struct lz_reader *r, struct lz_err *err)
{
	struct lz_tar *tar = lz_tar_open(r, w->limits, err);
	struct lz_tar_entry e;
	int code;

	if (!tar)
		return err ? err->code : LZ_E_NOMEM;
	lz_catalog_filter_init(&w->filter);
	while ((code = lz_tar_next(tar, &e, err)) > 0) {
		w->entries++;
		code = one(w, tar, &e, err);
		if (!code && (w->entries & 63) == 0)
			code = progress(w, err);
		if (code)
			break;
	}
	lz_tar_close(tar);
	return code;
}

/* --- a whole blob --- */

/* Of readers on either side of the inflating thread. Rings this deep outlast the time slice for
 * which a third thread may take one of two cores: 2 % of a large layer against rings of 4. */
#define CHUNK ((size_t)128 * 1024)
#define SLOTS 12

static uint64_t offset_of(void *reader)
{
	return __atomic_load_n(&((struct lz_reader *)reader)->offset, __ATOMIC_RELAXED);
}

int lz_layer_analyse(struct lz_layer_walk *w, struct lz_reader *packed, bool hash, bool threads,
		     struct lz_err *err)
{
	struct lz_layer_sums sums = {.hashed = hash};
	struct lz_reader *stored = packed, *plain, *top;
	enum lz_packing packing = LZ_PACK_NONE;
	int r;

	if (hash)
		stored = lz_reader_sha256(packed, err);
	plain = stored && threads ? lz_reader_stage(stored, CHUNK, SLOTS, err) : stored;
	if (plain)
		plain = lz_reader_unpack(plain, w->limits, threads ? SLOTS : 0, &packing, err);
	/* A layer stored plain needs no second hash of the same bytes. */
	top = plain && hash && packing != LZ_PACK_NONE ? lz_reader_sha256(plain, err) : plain;
	if (!top)
		return err ? err->code : LZ_E_NOMEM;
	w->packed = offset_of;
	w->packed_arg = stored;
	r = lz_layer_walk(w, top, err);
	if (!r)
		r = lz_reader_drain(top, err);
	sums.packed = offset_of(stored);
	sums.unpacked = top->offset;
	sums.entries = w->entries;
	if (!r && hash)
		r = lz_reader_sha256_final(stored, sums.digest, err);
	if (!r && hash && packing != LZ_PACK_NONE)
		r = lz_reader_sha256_final(top, sums.diff_id, err);
	else
		memcpy(sums.diff_id, sums.digest, sizeof(sums.diff_id));
	lz_reader_close(top);
	return r ? r : lz_wire_layer_end(w->out, &sums, err);
}
