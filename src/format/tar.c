/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tar, block by block:
 *
 *	[x header][records] [L header][long name] [header][content, padded to 512] ... [0][0]
 *
 * The first parser that hostile bytes meet, and with millions of entries in a layer the hottest:
 * headers are read where they lie in the reader's chunk, paths are built in one buffer, nothing is
 * allocated per entry.
 *
 * Bounds: headers (paths, PAX records) by pax_bytes and path_bytes, entries by layer_entries,
 * sparse maps by count; sizes are checked before they are added. Extension headers can't loop: each
 * consumes input.
 *
 * Whoever makes a layer may want us to see other files than the engine unpacks. Docker, containerd
 * and Podman read layers with Go's archive/tar, so where readers differ Go's answer is taken:
 *
 *	- a name of GNU's 'L' header goes before one of PAX, a second 'x' header replaces the first,
 *	  a global header drops the names that wait for their entry;
 *	- the prefix field of GNU's own format counts when its times are no numbers, the prefix of
 *	  star is shorter.
 *
 * A global header that names paths, which engines ignore and POSIX obeys, is refused, and so is
 * what Go refuses: a wrong checksum, a lone block of zeros.
 */
#include "tar_internal.h"

#include "../base/alloc.h"

struct lz_tar *lz_tar_open(struct lz_reader *r, const struct lz_limits *limits, struct lz_err *err)
{
	struct lz_tar *t = lz_alloc(sizeof(*t));

	if (!t) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	t->r = r;
	t->limits = *limits;
	lz_buf_init(&t->path, (size_t)limits->path_bytes + 512);
	lz_buf_init(&t->link, (size_t)limits->path_bytes + 512);
	lz_buf_init(&t->pax_path, (size_t)limits->pax_bytes);
	lz_buf_init(&t->pax_link, (size_t)limits->pax_bytes);
	lz_buf_init(&t->long_path, (size_t)limits->pax_bytes);
	lz_buf_init(&t->long_link, (size_t)limits->pax_bytes);
	lz_buf_init(&t->sparse_name, (size_t)limits->pax_bytes);
	lz_buf_init(&t->records, (size_t)limits->pax_bytes);
	lz_vec_init(&t->sparse.map, sizeof(struct lz_tar_piece), 1 << 20);
	return t;
}

void lz_tar_close(struct lz_tar *t)
{
	if (!t)
		return;
	lz_buf_done(&t->path);
	lz_buf_done(&t->link);
	lz_buf_done(&t->pax_path);
	lz_buf_done(&t->pax_link);
	lz_buf_done(&t->long_path);
	lz_buf_done(&t->long_link);
	lz_buf_done(&t->sparse_name);
	lz_buf_done(&t->records);
	lz_vec_done(&t->sparse.map);
	lz_free(t);
}

/* --- bytes --- */

/* 1 with *ret_block at 512 bytes valid until the next read; 0 at a clean end; < 0. */
int lz_tar_block(struct lz_tar *t, const char **ret_block, struct lz_err *err)
{
	size_t have = 0;

	if (t->chunk.n >= 512) {
		*ret_block = t->chunk.p;
		t->chunk.p += 512;
		t->chunk.n -= 512;
		t->at += 512;
		return 1;
	}
	while (have < 512) {
		size_t n;
		if (!t->chunk.n) {
			int code = lz_reader_next(t->r, &t->chunk, err);
			if (code < 0)
				return code;
			if (code == 0 && have)
				return lz_fail(err, LZ_E_FORMAT,
					       "tar ends inside a header at byte %llu",
					       (unsigned long long)t->at);
			if (code == 0)
				return 0;
		}
		n = t->chunk.n < 512 - have ? t->chunk.n : 512 - have;
		memcpy(t->block + have, t->chunk.p, n);
		t->chunk = lz_span_from(t->chunk, n);
		t->at += n;
		have += n;
	}
	*ret_block = t->block;
	return 1;
}

static int torn(const struct lz_tar *t, struct lz_err *err)
{
	if (t->in_extension)
		return lz_fail(
			err, LZ_E_FORMAT,
			"tar entry at byte %llu: the archive ends inside its extended header, "
			"at byte %llu",
			(unsigned long long)t->entry_at, (unsigned long long)t->at);
	return lz_fail(err, LZ_E_FORMAT,
		       "tar entry at byte %llu: the archive ends inside \"%.*s\", at byte %llu",
		       (unsigned long long)t->entry_at, LZ_FMT(lz_buf_view(&t->path)),
		       (unsigned long long)t->at);
}

static int skip(struct lz_tar *t, uint64_t n, struct lz_err *err)
{
	while (n) {
		uint64_t jumped = 0;
		int code;

		if (t->chunk.n) {
			size_t k = t->chunk.n < n ? t->chunk.n : (size_t)n;
			t->chunk = lz_span_from(t->chunk, k);
			t->at += k;
			n -= k;
			continue;
		}
		if (t->r->skip) {
			code = t->r->skip(t->r, n, &jumped, err);
			if (code)
				return code;
			t->at += jumped;
			n -= jumped;
			if (jumped)
				continue;
		}
		code = lz_reader_next(t->r, &t->chunk, err);
		if (code < 0)
			return code;
		if (code == 0)
			return torn(t, err);
	}
	return 0;
}

/* Stored bytes of the current entry: 1, 0 at their end, < 0. */
int lz_tar_stored(struct lz_tar *t, uint64_t max, struct lz_span *ret, struct lz_err *err)
{
	size_t n;

	if (!t->left)
		return 0;
	if (!t->chunk.n) {
		int code = lz_reader_next(t->r, &t->chunk, err);
		if (code < 0)
			return code;
		if (code == 0)
			return torn(t, err);
	}
	n = t->chunk.n;
	if (n > t->left)
		n = (size_t)t->left;
	if (n > max)
		n = (size_t)max;
	*ret = lz_span_head(t->chunk, n);
	t->chunk = lz_span_from(t->chunk, n);
	t->at += n;
	t->left -= n;
	return 1;
}

/* --- header fields --- */

static struct lz_span field(const char *p, size_t n)
{
	return lz_span(p, strnlen(p, n));
}

/* Octal, padded with spaces or NULs; or base 256 when the first bit is set. */
bool lz_tar_number(const char *p, size_t n, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i = 0;

	if ((unsigned char)p[0] & 0x80) {
		if ((unsigned char)p[0] != 0x80)
			return false; /* negative, or far beyond 64 bits */
		for (i = 1; i < n; i++) {
			if (v >> 56)
				return false;
			v = v << 8 | (unsigned char)p[i];
		}
		*ret = v;
		return v <= INT64_MAX;
	}
	while (i < n && (p[i] == ' ' || p[i] == 0))
		i++;
	for (; i < n && p[i] >= '0' && p[i] <= '7'; i++) {
		if (v >> 60)
			return false;
		v = v << 3 | (uint64_t)(p[i] - '0');
	}
	for (; i < n; i++)
		if (p[i] != ' ' && p[i] != 0)
			return false;
	*ret = v;
	return true;
}

/* The sum of all bytes, the checksum's own eight counted as spaces. Some old tars sum signed chars.
 */
static bool checksum_holds(const char *block)
{
	const unsigned char *b = (const unsigned char *)block;
	unsigned sum = 0, own = 0;
	int high = 0;
	uint64_t want;

	for (int i = 0; i < 512; i++)
		sum += b[i];
	for (int i = 148; i < 156; i++)
		own += b[i];
	if (!lz_tar_number(block + 148, 8, &want))
		return false;
	sum = sum - own + 8 * ' ';
	if (want == sum)
		return true;
	for (int i = 0; i < 512; i++)
		high += (i < 148 || i >= 156) && b[i] > 127;
	return want == (uint64_t)(unsigned)((int)sum - 256 * high);
}

static bool all_zero(const char *block)
{
	return block[0] == 0 && memcmp(block, block + 1, 511) == 0;
}

bool lz_tar_is_header(struct lz_span block)
{
	return block.n >= 512 && !all_zero(block.p) && checksum_holds(block.p);
}

/* --- paths --- */

/* Appends `from` to out without "//", "./" and a leading or trailing "/". False: it has ".." or a
 * NUL. Millions of paths pass here, so room is made once, not for each part. */
static bool normalise(struct lz_buf *out, struct lz_span from)
{
	const char *p = from.p, *end = from.p + from.n;
	bool safe = true;
	char *to;

	if (!from.n || lz_buf_reserve(out, from.n + 1))
		return true;
	to = out->p + out->n;
	while (p < end) {
		const char *slash = memchr(p, '/', (size_t)(end - p));
		size_t n = (size_t)((slash ? slash : end) - p);

		if (n == 2 && p[0] == '.' && p[1] == '.')
			safe = false;
		if (n && !(n == 1 && p[0] == '.')) {
			if (to != out->p)
				*to++ = '/';
			memcpy(to, p, n);
			to += n;
		}
		p += n + 1;
	}
	*to = 0;
	out->n = (size_t)(to - out->p);
	return safe && !memchr(from.p, 0, from.n);
}

static int too_long(const struct lz_tar *t, struct lz_err *err)
{
	return lz_fail(err, LZ_E_LIMIT,
		       "tar entry at byte %llu: path longer than %llu bytes (limit path_bytes)",
		       (unsigned long long)t->entry_at, (unsigned long long)t->limits.path_bytes);
}

/* GNU's own format keeps times where ustar keeps the prefix. Writers have put a prefix there all
 * the same, and Go takes it for one when the times are no numbers and the text is ASCII. */
static struct lz_span gnu_prefix(const char *h)
{
	struct lz_span none = {"", 0}, prefix = field(h + 345, 155);
	uint64_t n;

	for (const char *time = h + 345; time <= h + 357; time += 12) {
		if (!time[0] || (time[0] & 0x80) || lz_tar_number(time, 12, &n))
			continue;
		for (size_t i = 0; i < prefix.n; i++)
			if (prefix.p[i] & 0x80)
				return none;
		return prefix;
	}
	return none;
}

static struct lz_span prefix_of(const char *h)
{
	if (memcmp(h + 257, "ustar", 5) != 0)
		return (struct lz_span){"", 0};
	if (h[262] == ' ' && memcmp(h + 263, " ", 2) == 0)
		return gnu_prefix(h);
	if (h[262] != 0)
		return (struct lz_span){"", 0};
	return field(h + 345, memcmp(h + 508, "tar", 4) == 0 ? 131 : 155); /* star, ustar */
}

static struct lz_span name_of(const struct lz_tar *t, const char *h)
{
	return t->long_path.n  ? lz_buf_view(&t->long_path)
	       : t->pax_path.n ? lz_buf_view(&t->pax_path)
			       : field(h, 100);
}

static struct lz_span link_of(const struct lz_tar *t, const char *h)
{
	return t->long_link.n  ? lz_buf_view(&t->long_link)
	       : t->pax_link.n ? lz_buf_view(&t->pax_link)
			       : field(h + 157, 100);
}

static int set_paths(struct lz_tar *t, const char *h, struct lz_tar_entry *e, struct lz_err *err)
{
	struct lz_span name = name_of(t, h), link = link_of(t, h), prefix = {"", 0};

	lz_buf_clear(&t->path);
	lz_buf_clear(&t->link);
	e->unsafe = false;
	if (t->sparse.kind != LZ_SPARSE_NONE && t->sparse_name.n)
		name = lz_buf_view(&t->sparse_name);
	else if (name.p == h)
		prefix = prefix_of(h);
	if (prefix.n)
		e->unsafe = !normalise(&t->path, prefix);
	e->unsafe |= !normalise(&t->path, name);
	if (e->type == LZ_TAR_HARDLINK)
		e->unsafe |= !normalise(&t->link, link);
	else
		lz_buf_span(&t->link, link);
	if (t->path.code == LZ_E_LIMIT || t->link.code == LZ_E_LIMIT ||
	    t->path.n > t->limits.path_bytes || t->link.n > t->limits.path_bytes)
		return too_long(t, err);
	if (t->path.code || t->link.code)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	e->path = lz_buf_view(&t->path);
	e->link = lz_buf_view(&t->link);
	return 0;
}

/* --- entries --- */

static enum lz_tar_type type_of(char flag, struct lz_span name)
{
	switch (flag) {
	case '\0': /* before ustar, a folder was a file whose name ends with a slash */
		return lz_span_ends(name, "/") ? LZ_TAR_DIR : LZ_TAR_FILE;
	case '0':
	case '7':
	case 'S':
		return LZ_TAR_FILE;
	case '1':
		return LZ_TAR_HARDLINK;
	case '2':
		return LZ_TAR_SYMLINK;
	case '5':
		return LZ_TAR_DIR;
	default:
		return LZ_TAR_OTHER;
	}
}

/* Reads the whole content of an extension header into b. */
static int read_extension(struct lz_tar *t, uint64_t size, struct lz_buf *b, struct lz_err *err)
{
	struct lz_span chunk;
	int code;

	if (size > t->limits.pax_bytes)
		return lz_fail(
			err, LZ_E_LIMIT,
			"tar entry at byte %llu: extended header of %llu bytes (limit pax_bytes)",
			(unsigned long long)t->entry_at, (unsigned long long)size);
	lz_buf_clear(b);
	t->left = size;
	t->in_extension = true;
	while ((code = lz_tar_stored(t, UINT64_MAX, &chunk, err)) > 0)
		if (lz_buf_span(b, chunk))
			return lz_fail(err, b->code, "tar entry at byte %llu: %s",
				       (unsigned long long)t->entry_at, lz_code_text(b->code));
	if (!code)
		code = skip(t, -size & 511, err);
	t->in_extension = false;
	return code;
}

/* A long name ends at its first NUL. */
static int read_long(struct lz_tar *t, uint64_t size, struct lz_buf *b, struct lz_err *err)
{
	int code = read_extension(t, size, b, err);

	if (!code && b->p)
		b->n = strnlen(b->p, b->n);
	return code;
}

static void forget_pax(struct lz_tar *t)
{
	t->pax_path.n = 0;
	t->pax_link.n = 0;
	t->sparse_name.n = 0;
	t->has_size = false;
	lz_tar_sparse_reset(t);
}

static void forget_extensions(struct lz_tar *t)
{
	if (!t->extended)
		return;
	t->long_path.n = 0;
	t->long_link.n = 0;
	forget_pax(t);
	t->extended = false;
}

static bool is_extension(char flag)
{
	return flag == 'L' || flag == 'K' || flag == 'x' || flag == 'g';
}

static int take_extension(struct lz_tar *t, char flag, uint64_t size, struct lz_err *err)
{
	int code;

	t->extended = true;
	if (flag == 'L')
		return read_long(t, size, &t->long_path, err);
	if (flag == 'K')
		return read_long(t, size, &t->long_link, err);
	code = read_extension(t, size, &t->records, err);
	if (flag == 'g')
		forget_extensions(t);
	else
		forget_pax(t);
	return code ? code : lz_tar_pax(t, lz_buf_view(&t->records), flag == 'g', err);
}

static int finish_entry(struct lz_tar *t, struct lz_err *err)
{
	uint64_t rest;

	if (__builtin_add_overflow(t->left, t->padding, &rest))
		return lz_fail(err, LZ_E_FORMAT, "tar entry at byte %llu: impossible size",
			       (unsigned long long)t->entry_at);
	t->left = 0;
	t->padding = 0;
	return rest ? skip(t, rest, err) : 0;
}

static int end_of_archive(struct lz_tar *t, struct lz_err *err)
{
	const char *block;
	int code = lz_tar_block(t, &block, err);

	if (code > 0 && !all_zero(block))
		return lz_fail(err, LZ_E_FORMAT, "tar: a lone block of zeros at byte %llu",
			       (unsigned long long)(t->at - 1024));
	t->ended = code >= 0;
	return code < 0 ? code : 0;
}

static int set_size(struct lz_tar *t, const char *h, struct lz_tar_entry *e, struct lz_err *err)
{
	bool content = e->type == LZ_TAR_FILE || e->type == LZ_TAR_OTHER;
	uint64_t size;

	if (!lz_tar_number(h + 124, 12, &size))
		return lz_fail(err, LZ_E_FORMAT, "tar entry at byte %llu: malformed size",
			       (unsigned long long)t->entry_at);
	if (t->has_size)
		size = t->size;
	/* Links and folders, and devices of the known kinds, have no content whatever their size
	 * says. */
	if (!content || h[156] == '3' || h[156] == '4' || h[156] == '6')
		size = 0;
	if (size > INT64_MAX)
		return lz_fail(err, LZ_E_FORMAT, "tar entry at byte %llu: impossible size",
			       (unsigned long long)t->entry_at);
	t->left = size;
	t->padding = -size & 511;
	e->size = size;
	e->sparse = false;
	return 0;
}

static int entry(struct lz_tar *t, const char *h, struct lz_tar_entry *e, struct lz_err *err)
{
	uint64_t mode = 0;
	char flag = h[156];
	int code;

	e->type = type_of(flag, name_of(t, h));
	lz_tar_number(h + 100, 8, &mode);
	e->mode = (uint32_t)mode & 07777;
	e->offset = t->entry_at;
	code = set_paths(t, h, e, err);
	if (!code)
		code = set_size(t, h, e, err);
	if (code)
		return code;
	if (++t->entries > t->limits.layer_entries)
		return lz_fail(err, LZ_E_LIMIT, "more than %llu tar entries (limit layer_entries)",
			       (unsigned long long)t->limits.layer_entries);
	if (flag == 'S' || t->sparse.kind != LZ_SPARSE_NONE) {
		t->extended = true;
		code = lz_tar_sparse_begin(t, h, e, err);
		if (code)
			return code;
	}
	e->data_offset = t->at;
	return 1;
}

int lz_tar_next(struct lz_tar *t, struct lz_tar_entry *ret, struct lz_err *err)
{
	const char *h;
	uint64_t size;
	int code = finish_entry(t, err);

	if (code || t->ended)
		return code;
	forget_extensions(t);
	t->entry_at = t->at;
	while ((code = lz_tar_block(t, &h, err)) > 0) {
		if (h[0] == 0 && all_zero(h))
			return end_of_archive(t, err);
		if (!checksum_holds(h))
			return lz_fail(err, LZ_E_FORMAT, "tar header at byte %llu: wrong checksum",
				       (unsigned long long)(t->at - 512));
		if (!is_extension(h[156]))
			return entry(t, h, ret, err);
		if (!lz_tar_number(h + 124, 12, &size))
			return lz_fail(err, LZ_E_FORMAT, "tar header at byte %llu: malformed size",
				       (unsigned long long)(t->at - 512));
		code = take_extension(t, h[156], size, err);
		if (code < 0)
			return code;
	}
	if (code == 0 && !t->entries)
		return lz_fail(err, LZ_E_FORMAT, "empty: not a tar archive");
	if (code == 0 && t->entry_at != t->at)
		return lz_fail(err, LZ_E_FORMAT, "tar ends behind an extended header at byte %llu",
			       (unsigned long long)t->at);
	t->ended = true;
	return code;
}

int lz_tar_read(struct lz_tar *t, struct lz_span *ret, struct lz_err *err)
{
	if (t->sparse.reading)
		return lz_tar_sparse_read(t, ret, err);
	return lz_tar_stored(t, UINT64_MAX, ret, err);
}

/* --- content as a reader --- */

struct content {
	struct lz_reader r;
	struct lz_tar *t;
};

static int content_next(struct lz_reader *r, struct lz_span *ret, struct lz_err *err)
{
	int code = lz_tar_read(((struct content *)(void *)r)->t, ret, err);

	if (code > 0)
		__atomic_store_n(&r->offset, r->offset + ret->n, __ATOMIC_RELAXED);
	return code;
}

static void content_close(struct lz_reader *r)
{
	lz_free(r);
}

struct lz_reader *lz_tar_reader(struct lz_tar *t, struct lz_err *err)
{
	struct content *c = lz_alloc(sizeof(*c));

	if (!c) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	c->r = (struct lz_reader){.next = content_next, .close = content_close};
	c->t = t;
	return &c->r;
}
