/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret db compare SCHEME: settles which version is newer. */
#include "cmd.h"

#include "../base/log.h"
#include "../format/version.h"

#include <stdio.h>
#include <stdlib.h>

static int compare_line(enum lz_version_scheme scheme, struct lz_span line, unsigned long number)
{
	struct lz_span a, b;
	struct lz_err err;
	int c;

	lz_span_cut(lz_span_trim(line), ' ', &a, &b);
	b = lz_span_trim(b);
	if (!b.n || lz_span_find(b, ' ') >= 0) {
		lz_log(LZ_ERROR, "line %lu: expected two versions, divided by a blank", number);
		return LZ_EXIT_INCOMPLETE;
	}
	if (lz_version_cmp(scheme, a, b, &c, &err)) {
		lz_log(LZ_ERROR, "line %lu: %s", number, err.text);
		return LZ_EXIT_INCOMPLETE;
	}
	puts(c < 0 ? "<" : c > 0 ? ">" : "=");
	return 0;
}

static int run(int argc, char **argv)
{
	enum lz_version_scheme scheme;
	unsigned long number = 0;
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	int code = 0;

	if (argc != 1 || !lz_version_scheme_parse(lz_str(argv[0]), &scheme)) {
		lz_log(LZ_ERROR, "db compare: name one SCHEME: dpkg, rpm, apk or alpm");
		return LZ_EXIT_USAGE;
	}
	while ((n = getline(&line, &room, stdin)) > 0) {
		int r = compare_line(scheme, lz_span(line, (size_t)n), ++number);
		code = r ? r : code;
	}
	free(line);
	return code;
}

const struct lz_verb lz_verb_db_compare = {
	.name = "db compare",
	.arguments = "SCHEME",
	.summary = "compare versions: lines \"a b\" in, <, = or > out",
	.examples = "echo '1.0~rc1-1 1.0-1' | lazaret db compare dpkg\n",
	.options = (const struct lz_option[]){{NULL, 0, NULL, NULL, NULL}},
	.run = run,
};
