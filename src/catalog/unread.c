/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Package databases that are known but not read yet. Passing over them would let an image look
 * clean whose packages nobody has seen, so each one makes the answer incomplete and is named. A
 * cataloger that reads one of them takes its paths away from here.
 */
#include "catalog.h"

static int read_nothing(struct lz_span path, struct lz_reader *reader, uint64_t size,
			const struct lz_limits *limits, struct lz_sink *sink, struct lz_err *err)
{
	(void)reader;
	(void)limits;
	if (!size) /* a database that was made but never used holds no packages */
		return 0;
	return sink->problem(sink, LZ_E_UNSUPPORTED, 0,
			     lz_span_ends(path, "/desc")
				     ? "pacman database: this version can't read it; its packages "
				       "are missing from the answer"
				     : "rpm manifest: this version can't read it; its packages "
				       "are missing from the answer",
			     err);
}

static const char *const paths[] = {
	"var/lib/rpmmanifest/container-manifest-2",
	"var/lib/pacman/local/*/desc",
	NULL,
};

const struct lz_cataloger lz_cataloger_unread = {"unread", paths, read_nothing};
