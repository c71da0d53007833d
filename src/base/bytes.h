/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Numbers out of bytes, either order, without alignment. The caller has checked that the bytes
 * are there; lz_in() does that for (offset, length) pairs that come from a file.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint16_t lz_le16(const void *at)
{
	const unsigned char *b = at;
	return (uint16_t)(b[0] | b[1] << 8);
}
static inline uint32_t lz_le32(const void *at)
{
	const unsigned char *b = at;
	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}
static inline uint64_t lz_le64(const void *at)
{
	const unsigned char *b = at;
	return lz_le32(b) | (uint64_t)lz_le32(b + 4) << 32;
}
static inline uint16_t lz_be16(const void *at)
{
	const unsigned char *b = at;
	return (uint16_t)(b[0] << 8 | b[1]);
}
static inline uint32_t lz_be32(const void *at)
{
	const unsigned char *b = at;
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}
static inline uint64_t lz_be64(const void *at)
{
	const unsigned char *b = at;
	return (uint64_t)lz_be32(b) << 32 | lz_be32(b + 4);
}
/* Do `length` bytes at `offset` lie within `size`? Can't overflow. */
static inline bool lz_in(uint64_t offset, uint64_t length, uint64_t size)
{
	return offset <= size && length <= size - offset;
}
