/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include "../base/limits.h"

/* Parts of fixed size; all others are texts, paths and bytes. */
static size_t fixed_size(unsigned id)
{
	if ((id >= LZ_PART_FILE && id < LZ_PART_FILE + 8) || id == LZ_PART_EXE)
		return sizeof(struct lz_ev_file);
	if (id >= LZ_PART_SOCKET && id < LZ_PART_SOCKET + 8)
		return sizeof(struct lz_ev_socket);
	if (id == LZ_PART_TASK)
		return sizeof(struct lz_ev_task);
	if (id == LZ_PART_CGROUP)
		return sizeof(struct lz_ev_cgroup);
	if (id == LZ_PART_DNS)
		return sizeof(struct lz_ev_dns);
	if (id == LZ_PART_LEARN)
		return sizeof(struct lz_ev_learn);
	if (id == LZ_PART_ASKED)
		return sizeof(struct lz_ev_socket);
	if (id == LZ_PART_THROTTLE)
		return sizeof(struct lz_ev_throttle);
	if (id == LZ_PART_FLOW)
		return sizeof(struct lz_ev_flow);
	if (id == LZ_PART_STATS)
		return sizeof(struct lz_ev_stats);
	if (id == LZ_PART_STDIO)
		return 3 * sizeof(struct lz_ev_stdio);
	return 0;
}

int lz_record_read(struct lz_span bytes, struct lz_record *ret, struct lz_err *err)
{
	struct lz_ev_part part;
	size_t at = sizeof(ret->head);

	memset(ret, 0, sizeof(*ret));
	if (bytes.n < sizeof(ret->head))
		return lz_fail(err, LZ_E_FORMAT, "record of %zu bytes has no whole head", bytes.n);
	memcpy(&ret->head, bytes.p, sizeof(ret->head));
	if (ret->head.size != bytes.n || bytes.n > LZ_EV_MAX)
		return lz_fail(err, LZ_E_FORMAT, "record of %zu bytes says it has %u", bytes.n,
			       ret->head.size);
	if (!ret->head.kind || ret->head.kind >= LZ_EV_KINDS)
		return lz_fail(err, LZ_E_FORMAT, "record of unknown kind %u", ret->head.kind);
	while (at < bytes.n) {
		if (bytes.n - at < sizeof(part))
			return lz_fail(err, LZ_E_FORMAT, "record ends within a part at byte %zu",
				       at);
		memcpy(&part, bytes.p + at, sizeof(part));
		at += sizeof(part);
		if (part.n > bytes.n - at || part.id >= LZ_PART_COUNT)
			return lz_fail(err, LZ_E_FORMAT, "part %u at byte %zu: %u bytes of %zu",
				       part.id, at, part.n, bytes.n - at);
		if (fixed_size(part.id) && part.n != fixed_size(part.id))
			return lz_fail(err, LZ_E_FORMAT,
				       "part %u at byte %zu has %u bytes, not %zu", part.id, at,
				       part.n, fixed_size(part.id));
		ret->part[part.id] = lz_span(bytes.p + at, part.n);
		at += part.n;
	}
	return 0;
}

bool lz_record_copy(const struct lz_record *r, unsigned part, void *ret, size_t n)
{
	if (!r->part[part].p || r->part[part].n != n)
		return false;
	memcpy(ret, r->part[part].p, n);
	return true;
}

bool lz_record_number(const struct lz_record *r, unsigned part, uint64_t *ret)
{
	return lz_record_copy(r, part, ret, sizeof(*ret));
}

struct lz_span lz_record_text(const struct lz_record *r, unsigned part)
{
	struct lz_span s = r->part[part];
	const char *end = s.n ? memchr(s.p, 0, s.n) : NULL;

	return end ? lz_span(s.p, (size_t)(end - s.p)) : s;
}

size_t lz_record_names(const struct lz_record *r, unsigned part, struct lz_span name[LZ_PATH_DEPTH],
		       unsigned *ret_flags)
{
	struct lz_span s = r->part[part];
	size_t n = 0, at = 1;

	*ret_flags = s.n ? (unsigned char)s.p[0] : 0;
	while (at < s.n && n < LZ_PATH_DEPTH) {
		size_t length = (unsigned char)s.p[at];
		if (length > s.n - at - 1)
			break;
		name[n++] = lz_span(s.p + at + 1, length);
		at += 1 + length;
	}
	return n;
}

int lz_record_path(const struct lz_record *r, unsigned part, struct lz_buf *out,
		   unsigned *ret_flags)
{
	struct lz_span name[LZ_PATH_DEPTH];
	size_t n = lz_record_names(r, part, name, ret_flags);

	if (!r->part[part].n)
		return out->code;
	if (!n)
		return lz_buf_byte(out, '/');
	if (*ret_flags & LZ_PATH_CUT)
		lz_buf_str(out, "…");
	while (n--) {
		if (n || !(*ret_flags & LZ_PATH_NO_MOUNT))
			lz_buf_byte(out, '/');
		lz_buf_span(out, name[n]);
	}
	return out->code;
}
