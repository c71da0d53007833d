/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One package header as rpm keeps it in its database (big endian throughout):
 *
 *	u32 entries | u32 data bytes | entries x { u32 tag, type, offset, count } | data
 *
 * Whoever made the image chose every byte. What is checked here once need not be checked again:
 * a value's numbers lie within the data, and each of its strings ends within the data.
 */
#include "rpm.h"

#include "../base/bytes.h"

#include <stddef.h>

enum { TYPE_INT32 = 4, TYPE_STRING = 6, TYPE_STRING_ARRAY = 8, TYPE_I18NSTRING = 9 };

enum { ENTRY_BYTES = 16, ENTRIES_MAX = 0xffff }; /* rpm itself refuses more entries */

static const struct known {
	uint32_t tag;
	bool number, array;
	const char *name;
	size_t at;
} known[] = {
#define KNOWN(tag, number, array, field)                                                    \
	{                                                                                   \
		LZ_RPMTAG_##tag, number, array, #tag, offsetof(struct lz_rpm_header, field) \
	}
	KNOWN(NAME, false, false, name),
	KNOWN(VERSION, false, false, version),
	KNOWN(RELEASE, false, false, release),
	KNOWN(EPOCH, true, false, epoch),
	KNOWN(VENDOR, false, false, vendor),
	KNOWN(LICENSE, false, false, license),
	KNOWN(ARCH, false, false, arch),
	KNOWN(OLDFILENAMES, false, true, oldfilenames),
	KNOWN(SOURCERPM, false, false, sourcerpm),
	KNOWN(DIRINDEXES, true, true, dirindexes),
	KNOWN(BASENAMES, false, true, basenames),
	KNOWN(DIRNAMES, false, true, dirnames),
	KNOWN(MODULARITYLABEL, false, false, modularitylabel),
#undef KNOWN
};

static const struct known *find(uint32_t tag)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].tag == tag)
			return &known[i];
	return NULL;
}

static int damaged(const struct known *k, uint64_t at, const char *what, uint64_t *ret_offset,
		   struct lz_err *err)
{
	*ret_offset = at;
	return lz_fail(err, LZ_E_FORMAT, "tag %s: %s", k->name, what);
}

static bool type_fits(const struct known *k, uint32_t type)
{
	if (k->number)
		return type == TYPE_INT32;
	return type == TYPE_STRING || type == TYPE_STRING_ARRAY || type == TYPE_I18NSTRING;
}

/* Do `count` strings end within data? */
static bool strings_fit(struct lz_span data, uint32_t count)
{
	if (count > data.n) /* each needs a byte at least */
		return false;
	while (count--) {
		ptrdiff_t end = lz_span_find(data, '\0');
		if (end < 0)
			return false;
		data = lz_span_from(data, (size_t)end + 1);
	}
	return true;
}

static int entry(const struct known *k, const char *e, uint64_t at, struct lz_span data,
		 struct lz_rpm_header *ret, uint64_t *ret_offset, struct lz_err *err)
{
	struct lz_rpm_value *v = (void *)((char *)ret + k->at);
	uint32_t type = lz_be32(e + 4), offset = lz_be32(e + 8), count = lz_be32(e + 12);

	if (v->data.p)
		return damaged(k, at, "named twice", ret_offset, err);
	if (!type_fits(k, type))
		return damaged(k, at, "has a type it can't have", ret_offset, err);
	if (!count || (!k->array && !k->number && type == TYPE_STRING && count != 1))
		return damaged(k, at, "has a count it can't have", ret_offset, err);
	if (offset >= data.n)
		return damaged(k, at, "points outside the header", ret_offset, err);
	v->data = lz_span_from(data, offset);
	v->type = type;
	v->count = count;
	if (k->number ? count > v->data.n / 4 : !strings_fit(v->data, count))
		return damaged(k, at, "runs over the end of the header", ret_offset, err);
	return 0;
}

int lz_rpm_header_read(struct lz_span blob, struct lz_rpm_header *ret, uint64_t *ret_offset,
		       struct lz_err *err)
{
	uint64_t entries, bytes, data_at;
	int code = 0;

	memset(ret, 0, sizeof(*ret));
	*ret_offset = 0;
	if (blob.n < 8)
		return lz_fail(err, LZ_E_FORMAT, "header of %zu bytes is too short", blob.n);
	entries = lz_be32(blob.p);
	bytes = lz_be32(blob.p + 4);
	data_at = 8 + entries * ENTRY_BYTES;
	if (!entries || entries > ENTRIES_MAX || !lz_in(data_at, bytes, blob.n))
		return lz_fail(err, LZ_E_FORMAT,
			       "header claims %llu entries and %llu bytes of data but has %zu "
			       "bytes in all",
			       (unsigned long long)entries, (unsigned long long)bytes, blob.n);
	for (uint64_t i = 0; !code && i < entries; i++) {
		uint64_t at = 8 + i * ENTRY_BYTES;
		const struct known *k = find(lz_be32(blob.p + at));
		if (k)
			code = entry(k, blob.p + at, at, lz_span(blob.p + data_at, (size_t)bytes),
				     ret, ret_offset, err);
	}
	return code;
}

struct lz_span lz_rpm_string(const struct lz_rpm_value *v)
{
	if (!v->data.p)
		return lz_span("", 0);
	return lz_span_head(v->data, (size_t)lz_span_find(v->data, '\0'));
}

bool lz_rpm_number(const struct lz_rpm_value *v, uint32_t *ret)
{
	if (!v->data.p)
		return false;
	*ret = lz_be32(v->data.p);
	return true;
}

struct lz_rpm_strings lz_rpm_strings(const struct lz_rpm_value *v)
{
	return (struct lz_rpm_strings){v->data, v->data.p ? v->count : 0};
}

bool lz_rpm_strings_next(struct lz_rpm_strings *it, struct lz_span *ret)
{
	ptrdiff_t end = it->left ? lz_span_find(it->rest, '\0') : -1;

	if (end < 0)
		return false;
	*ret = lz_span_head(it->rest, (size_t)end);
	it->rest = lz_span_from(it->rest, (size_t)end + 1);
	it->left--;
	return true;
}
