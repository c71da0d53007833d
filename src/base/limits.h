/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Every bound on hostile input, in one table, each with its reason. A user changes one with
 * `--limit NAME=VALUE` (K, M, G suffixes); `lazaret list limits` prints the table.
 * The struct is plain data: it is handed to confined children byte for byte.
 *
 *	LZ_LIMIT(name, default, minimum, maximum, "reason")
 */
#include "err.h"
#include "span.h"

#include <stdint.h>

#define LZ_K 1024ULL
#define LZ_M (1024ULL * 1024)
#define LZ_G (1024ULL * 1024 * 1024)

#define LZ_LIMITS(LZ_LIMIT)                                                                        \
	LZ_LIMIT(layer_bytes, 64 * LZ_G, 1, 1024 * LZ_G,                                           \
		 "unpacked size of one layer; stops decompression bombs")                          \
	LZ_LIMIT(layer_ratio, 1100, 1, 100000,                                                     \
		 "unpacked / packed of one stream after its first 16 MiB; deflate can't exceed "   \
		 "1032")                                                                           \
	LZ_LIMIT(layer_entries, 20000000, 1, 1000000000, "files in one layer")                     \
	LZ_LIMIT(layers, 1024, 1, 65536, "layers of one image; overlayfs stops at 500")            \
	LZ_LIMIT(path_bytes, 64 * LZ_K, 256, 16 * LZ_M,                                            \
		 "one path in a layer; the kernel stops at 4 KiB, PAX does not")                   \
	LZ_LIMIT(pax_bytes, 1 * LZ_M, 512, 64 * LZ_M, "one PAX header or GNU long name")           \
	LZ_LIMIT(json_bytes, 4 * LZ_M, 1 * LZ_K, 256 * LZ_M,                                       \
		 "one manifest, index or image config")                                            \
	LZ_LIMIT(json_total, 32 * LZ_M, 1 * LZ_K, LZ_G,                                            \
		 "all manifests and configs of one archive")                                       \
	LZ_LIMIT(json_depth, 64, 4, 2048, "nesting of one JSON document")                          \
	LZ_LIMIT(blobs, 65536, 1, 10000000, "blobs in one archive or layout")                      \
	LZ_LIMIT(small_file, 1 * LZ_M, 1 * LZ_K, 64 * LZ_M,                                        \
		 "one release file, status.d stanza or md5sums list")                              \
	LZ_LIMIT(line_bytes, 1 * LZ_M, 1 * LZ_K, 64 * LZ_M, "one line of a text package database") \
	LZ_LIMIT(db_bytes, 256 * LZ_M, 1 * LZ_M, 4 * LZ_G,                                         \
		 "one RPM database held in memory; large systems have 100 MB")                     \
	LZ_LIMIT(packages, 200000, 1, 10000000, "packages of one layer")                           \
	LZ_LIMIT(field_bytes, 4 * LZ_K, 64, LZ_M, "one name or version of a package")              \
	LZ_LIMIT(owned_bytes, 64 * LZ_M, 1 * LZ_M, LZ_G,                                           \
		 "file lists of one image, kept compactly (about 10 bytes a path)")                \
	LZ_LIMIT(links_bytes, 48 * LZ_M, 1 * LZ_K, LZ_G, "symbolic links of one image")            \
	LZ_LIMIT(evidence_bytes, 512 * LZ_M, 1 * LZ_M, 8 * LZ_G, "all evidence of one image")      \
	LZ_LIMIT(record_bytes, 8 * LZ_M, 4 * LZ_K, 64 * LZ_M, "one record a confined child sends") \
	LZ_LIMIT(child_bytes, 1 * LZ_G, 64 * LZ_M, 64 * LZ_G, "address space of a confined child") \
	LZ_LIMIT(child_cpu_s, 1800, 1, 86400, "processor time of a confined child")                \
	LZ_LIMIT(zstd_window, 128 * LZ_M, 1 * LZ_K, 2 * LZ_G, "window a zstd stream may ask for")  \
	LZ_LIMIT(xz_memory, 128 * LZ_M, 1 * LZ_M, 2 * LZ_G, "dictionary an xz stream may ask for") \
	LZ_LIMIT(feed_bytes, 2 * LZ_G, 1 * LZ_K, 64 * LZ_G,                                        \
		 "one feed file, downloaded or unpacked")                                          \
	LZ_LIMIT(advisory_bytes, 16 * LZ_M, 1 * LZ_K, 256 * LZ_M,                                  \
		 "one advisory; the largest published one has 5 MB")                               \
	LZ_LIMIT(advisories, 5000000, 1, 100000000, "advisories of one database")                  \
	LZ_LIMIT(vdb_bytes, LZ_G, 4 * LZ_K, 16 * LZ_G, "one vulnerability database file")

struct lz_limits {
#define LZ_LIMIT(name, def, min, max, why) uint64_t name;
	LZ_LIMITS(LZ_LIMIT)
#undef LZ_LIMIT
};

struct lz_limit_row {
	const char *name;
	uint64_t def, min, max;
	const char *why;
	size_t offset; /* into struct lz_limits */
};

extern const struct lz_limit_row lz_limit_rows[];
extern const size_t lz_limit_count;

void lz_limits_default(struct lz_limits *l);
/* "name=64M"; LZ_E_USAGE says what is wrong and which names exist. */
int lz_limits_set(struct lz_limits *l, struct lz_span assignment, struct lz_err *err);
/* Pulls every value into its row's bounds: for structs that came over a pipe. */
void lz_limits_clamp(struct lz_limits *l);
/* "64M": a number with K, M or G behind it, or without; false on anything else. */
bool lz_size_parse(struct lz_span s, uint64_t *ret);
