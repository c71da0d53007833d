/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The nouns every room shares: severity, package, operating system, advisory ids, finding.
 * No behaviour but naming and comparing. All spans borrow from the arena of the work at hand
 * (one scan); none is NUL-terminated by contract.
 */
#include "../base/arena.h"
#include "../base/err.h"
#include "../base/span.h"
#include "../base/vec.h"

#include <stdint.h>

enum lz_severity {
	LZ_SEV_UNKNOWN,
	LZ_SEV_NEGLIGIBLE,
	LZ_SEV_LOW,
	LZ_SEV_MEDIUM,
	LZ_SEV_HIGH,
	LZ_SEV_CRITICAL,
	LZ_SEV_COUNT,
};
const char *lz_severity_name(enum lz_severity s); /* "unknown" … "critical" */
/* Any case; "moderate" and "important" (Red Hat), "unimportant" (Debian) are known too. */
bool lz_severity_parse(struct lz_span s, enum lz_severity *ret);

/* What installed a package; decides version order, purl type and how names are matched. */
enum lz_pkg_type {
	LZ_PKG_UNKNOWN,
	LZ_PKG_DEB,
	LZ_PKG_OPKG,
	LZ_PKG_APK,
	LZ_PKG_RPM,
	LZ_PKG_ALPM,
	LZ_PKG_TYPE_COUNT,
};
const char *lz_pkg_type_name(enum lz_pkg_type t); /* purl type: "deb" "opkg" "apk" "rpm" "alpm" */

struct lz_package {
	enum lz_pkg_type type;
	struct lz_span name;
	struct lz_span version; /* as its tool prints it, with epoch when there is one: "1:2.3-4" */
	struct lz_span arch;
	struct lz_span source;	       /* source package or apk origin; = name when none is given */
	struct lz_span source_version; /* = version when none is given */
	struct lz_span source_rpm;     /* file name of the source rpm, as stored */
	struct lz_span module;	       /* RPM modularity label "name:stream:version:context:arch" */
	struct lz_span vendor;	       /* rpm Vendor, deb Maintainer */
	struct lz_span licence;
	bool epoch_known; /* rpm: the header has an EPOCH tag (also 0). Others: true */

	/* Where it was found. */
	struct lz_span db_path; /* "var/lib/dpkg/status", inside the image, no leading slash */
	uint32_t layer;		/* index into the scan's layers; 0 for a directory */
	struct lz_span purl;	/* filled by lz_purl once the distribution is known */

	/* Files it owns: front-coded, see catalog/filelist.h; n == 0 when the database has none. */
	struct lz_span files;
	uint32_t file_count;
};

enum lz_eol_state { LZ_EOL_UNKNOWN, LZ_EOL_SUPPORTED, LZ_EOL_ENDED };

struct lz_os {
	struct lz_span id;	    /* os-release ID or our word: "debian" "alpine" "rhel" … */
	struct lz_span version;	    /* "12" "3.18.4" "8.9" "edge" ""; as found */
	struct lz_span codename;    /* "bookworm", may be empty */
	struct lz_span pretty;	    /* for people: "Debian GNU/Linux 12 (bookworm)" */
	struct lz_span feed_key;    /* the vdb's ecosystem: "debian:12", "alpine:v3.18", "wolfi" */
	struct lz_span found_in;    /* path of the file that told us */
	bool extended;		    /* Ubuntu Pro / ESM attached: */
	struct lz_span channel_key; /* … its own fixes: "ubuntu-pro:16.04"; else empty */
	bool known;		    /* false: unknown; found_in and pretty say what was there */
	enum lz_eol_state eol;
	int64_t eol_s; /* end of support, seconds since 1970; 0 = not known */
};

/* Why a vulnerability has no fix, or whether it has. */
enum lz_fix_state {
	LZ_FIX_UNKNOWN,
	LZ_FIX_AVAILABLE, /* fixed_version says where */
	LZ_FIX_NONE,	  /* affected, no fix yet */
	LZ_FIX_WONT,	  /* the vendor will not fix it */
	LZ_FIX_DEFERRED,  /* postponed */
	LZ_FIX_EOL,	  /* the package or release is out of support */
	LZ_FIX_COUNT,
};
const char *lz_fix_state_name(enum lz_fix_state s); /* "fixed" "affected" "will_not_fix" … */

enum lz_finding_kind { LZ_KIND_VULNERABILITY, LZ_KIND_COUNT };
const char *lz_finding_kind_name(enum lz_finding_kind k);

/*
 * Why something matters. Today each finding is a vulnerability of a package; other risks add a
 * kind and, where they must, a field.
 */
struct lz_finding {
	enum lz_finding_kind kind;
	struct lz_span id; /* CVE preferred */
	enum lz_severity severity;
	struct lz_span severity_source; /* feed that said so, or "cvss" */
	struct lz_span cvss_vector;
	double cvss_score; /* < 0: none */
	double epss;	   /* 0..1, < 0: none */
	double epss_percentile;
	bool kev;
	const struct lz_package *package;
	struct lz_span fixed_version; /* empty unless fix == LZ_FIX_AVAILABLE */
	enum lz_fix_state fix;
	struct lz_span title;
	struct lz_span feed; /* which knowledge said so: "debian", "alpine", "osv" */
	struct lz_span *aliases;
	size_t alias_count;
	struct lz_span *references;
	size_t reference_count;
	int64_t published_s;  /* 0: not known */
	char fingerprint[33]; /* 32 hex digits; kind + id + purl without version: stable */

	/* A decision acts here; a suppressed finding stays visible. */
	bool suppressed;
	struct lz_span suppressed_by;	  /* "--ignore" */
	struct lz_span suppressed_reason; /* may be empty */
	bool hidden; /* left out of reports and of the exit code by --severity or --only-fixed */
};

/* Order for people: KEV first, then severity, EPSS, fixable, id, package name. */
int lz_finding_risk_cmp(const struct lz_finding *a, const struct lz_finding *b);

/* A problem that makes an answer incomplete: what, where, why. */
struct lz_problem {
	int code;	      /* an enum lz_code */
	struct lz_span asset; /* "archive:x.tar" */
	struct lz_span layer; /* digest or blob path; empty if not about one layer */
	struct lz_span path;  /* file inside it; may be empty */
	int64_t offset;	      /* byte in the file or blob; < 0: not known */
	struct lz_span text;
};

/* A sha256 (or sha512) in its text form "sha256:<hex>". */
bool lz_digest_valid(struct lz_span s);
