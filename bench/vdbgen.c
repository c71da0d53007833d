/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vulnerability database of any size, shaped like the real ones, for `./dev bench vdb`:
 *
 *	vdbgen build COUNT FILE    through the builder that `db build` uses
 *	vdbgen lookup COUNT FILE   opens it and asks for COUNT packages, as a scan does
 *
 * Always the same numbers: the generator is seeded by the count. Prints "name value" lines.
 */
#include "base/clock.h"
#include "vuln/vuln.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PACKAGES = 60000, BUILT_S = 1764000000 };

static uint64_t state;

static uint64_t any(uint64_t below)
{
	state += 0x9e3779b97f4a7c15;
	uint64_t z = state;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (z ^ z >> 31) % below;
}

static const struct {
	const char *name;
	enum lz_order order;
} ecosystems[] = {
	{"debian:11", LZ_ORDER_DPKG},	{"debian:12", LZ_ORDER_DPKG},
	{"debian:13", LZ_ORDER_DPKG},	{"ubuntu:22.04", LZ_ORDER_DPKG},
	{"alpine:v3.18", LZ_ORDER_APK}, {"alpine:v3.20", LZ_ORDER_APK},
	{"rocky:8", LZ_ORDER_RPM},	{"almalinux:9", LZ_ORDER_RPM},
	{"npm", LZ_ORDER_SEMVER},	{"pypi", LZ_ORDER_PEP440},
	{"maven", LZ_ORDER_MAVEN},	{"go", LZ_ORDER_GO},
};
enum { ECOSYSTEMS = sizeof(ecosystems) / sizeof(ecosystems[0]) };

static const char *const words[] = {
	"buffer", "overflow",  "in",	  "the",     "parser",	 "allows",  "remote",  "attackers",
	"to",	  "cause",     "a",	  "denial",  "of",	 "service", "or",      "execute",
	"code",	  "via",       "crafted", "input",   "improper", "check",   "header",  "length",
	"memory", "use",       "after",	  "free",    "race",	 "between", "worker",  "threads",
	"path",	  "traversal", "when",	  "archive", "contains", "links",   "session", "token",
};

static struct lz_span name_of(char *buf, size_t size, uint64_t n)
{
	static const char *const parts[] = {"lib", "node", "py",    "core",
					    "net", "xml",  "crypt", "img"};

	snprintf(buf, size, "%s-%s%llu", parts[n % 8], parts[n / 8 % 8], (unsigned long long)n);
	return lz_str(buf);
}

static struct lz_span version_of(char *buf, size_t size)
{
	snprintf(buf, size, "%u.%u.%u", (unsigned)any(9), (unsigned)any(40), (unsigned)any(20));
	return lz_str(buf);
}

/* One advisory of 1 to 5 packages, some with several ranges. */
static int add(struct lz_vdb_builder *b, uint64_t i, struct lz_err *err)
{
	static char id[40], alias[40], title[200], vector[80], names[10][64], versions[40][24],
		links[6][80];
	struct lz_event events[40];
	struct lz_affected affected[10];
	struct lz_span aliases[1], references[6], cvss[1];
	/* the feeds we know have 1.7 packages an advisory, half of them one package in several
	 * releases */
	size_t n = any(10) < 7 ? 1 : 2 + any(4), v = 0, at = 0;
	uint64_t package = any(PACKAGES);
	bool releases = any(2);

	snprintf(id, sizeof(id), "GHSA-%04llx-%04llx-%04llx", (unsigned long long)any(65536),
		 (unsigned long long)(i & 65535), (unsigned long long)(i >> 16));
	snprintf(alias, sizeof(alias), "CVE-%u-%llu", (unsigned)(2010 + i % 16),
		 (unsigned long long)(1000 + i));
	for (int w = 0; w < 12; w++)
		at += (size_t)snprintf(title + at, sizeof(title) - at, "%s ",
				       words[any(sizeof(words) / sizeof(words[0]))]);
	snprintf(vector, sizeof(vector), "CVSS:3.1/AV:%c/AC:%c/PR:%c/UI:N/S:U/C:%c/I:%c/A:%c",
		 "NALP"[any(4)], "LH"[any(2)], "NLH"[any(3)], "HLN"[any(3)], "HLN"[any(3)],
		 "HLN"[any(3)]);
	for (size_t k = 0; k < n; k++) {
		size_t eco = (i + (releases ? k : 0)) % ECOSYSTEMS, ranges = any(5) ? 1 : 2;
		affected[k] = (struct lz_affected){.ecosystem = lz_str(ecosystems[eco].name),
						   .order = ecosystems[eco].order,
						   .fix = LZ_FIX_AVAILABLE,
						   .events = &events[v],
						   .event_count = 2 * ranges};
		affected[k].name =
			name_of(names[k], sizeof(names[k]), releases ? package : any(PACKAGES));
		for (size_t r = 0; r < ranges; r++, v += 2) {
			events[v] = (struct lz_event){LZ_EV_INTRODUCED, LZ_SPAN("0")};
			events[v + 1] = (struct lz_event){
				LZ_EV_FIXED, version_of(versions[v + 1], sizeof(versions[0]))};
		}
	}
	for (size_t k = 0; k < 4; k++) {
		snprintf(links[k], sizeof(links[k]), "https://example.org/advisories/%s/%llu", id,
			 (unsigned long long)k);
		references[k] = lz_str(links[k]);
	}
	aliases[0] = lz_str(alias);
	cvss[0] = lz_str(vector);
	return lz_vdb_add_advisory(b,
				   &(struct lz_advisory){.id = lz_str(id),
							 .feed = LZ_SPAN("osv"),
							 .title = lz_str(title),
							 .cvss = cvss,
							 .cvss_count = 1,
							 .aliases = aliases,
							 .alias_count = 1,
							 .references = references,
							 .reference_count = 4,
							 .published_s = 1500000000 + (int64_t)i,
							 .modified_s = 1700000000,
							 .affected = affected,
							 .affected_count = n},
				   err);
}

static int build(uint64_t count, const char *path, struct lz_err *err)
{
	struct lz_limits limits;
	struct lz_vdb_builder *b;
	uint64_t start = lz_now_ms();
	int code = 0;

	lz_limits_default(&limits);
	b = lz_vdb_builder_new(&limits, 1 * LZ_G, err);
	if (!b)
		return err->code;
	code = lz_vdb_add_feed(
		b, &(struct lz_feed_info){.name = LZ_SPAN("osv:generated"), .records = count}, err);
	for (uint64_t i = 0; !code && i < count; i++)
		code = add(b, i, err);
	if (!code)
		code = lz_vdb_write(b, path, BUILT_S, NULL, err);
	lz_vdb_builder_free(b);
	printf("milliseconds %llu\n", (unsigned long long)(lz_now_ms() - start));
	return code;
}

static uint64_t microseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static struct lz_span asked(const void *arg, size_t i)
{
	static char name[64];

	(void)arg;
	return name_of(name, sizeof(name), i * 7919 % PACKAGES);
}

static int lookup(uint64_t count, const char *path, struct lz_err *err)
{
	uint64_t rows_seen = 0, start = microseconds();
	struct lz_vdb *v = lz_vdb_open(path, err);
	int code = v ? 0 : err->code;

	if (v)
		lz_vdb_expect(v, asked, NULL, count);
	for (uint64_t i = 0; !code && i < count; i++) {
		struct lz_arena arena;
		struct lz_vec rows;
		lz_arena_init(&arena, 64 * LZ_M);
		lz_vec_init(&rows, sizeof(struct lz_vdb_row), 100000);
		code = lz_vdb_lookup(v, lz_str(ecosystems[i % ECOSYSTEMS].name), asked(NULL, i),
				     &arena, &rows, err);
		rows_seen += rows.n;
		lz_vec_done(&rows);
		lz_arena_done(&arena);
	}
	printf("microseconds %llu\n", (unsigned long long)(microseconds() - start));
	if (v)
		lz_vdb_close(v);
	printf("rows %llu\n", (unsigned long long)rows_seen);
	return code;
}

int main(int argc, char **argv)
{
	struct lz_err err = {0};
	uint64_t count;
	int code;

	if (argc != 4 || !lz_span_u64(lz_str(argv[2]), 10, &count)) {
		fprintf(stderr, "vdbgen build|lookup COUNT FILE\n");
		return 2;
	}
	state = count;
	code = !strcmp(argv[1], "build") ? build(count, argv[3], &err)
					 : lookup(count, argv[3], &err);
	if (code)
		fprintf(stderr, "vdbgen: %s\n", err.text);
	return code ? 1 : 0;
}
