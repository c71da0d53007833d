/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum lz_level threshold = LZ_INFO;

void lz_log_level(enum lz_level level)
{
	threshold = level;
}

int lz_log_colour(void)
{
	const char *no = getenv("NO_COLOR");

	return isatty(STDERR_FILENO) && (!no || !*no);
}

static const struct {
	const char *word;
	const char *colour;
} levels[] = {
	[LZ_ERROR] = {"error: ", "\033[31m"},
	[LZ_WARN] = {"warning: ", "\033[33m"},
	[LZ_INFO] = {"", ""},
	[LZ_DEBUG] = {"debug: ", "\033[2m"},
};

void lz_log(enum lz_level level, const char *fmt, ...)
{
	char raw[1024], line[4 * sizeof(raw) + 64];
	size_t n;
	va_list ap;

	if (level > threshold)
		return;
	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	n = (size_t)snprintf(line, sizeof(line), "lazaret: %s%s%s",
			     lz_log_colour() ? levels[level].colour : "", levels[level].word,
			     lz_log_colour() && *levels[level].colour ? "\033[0m" : "");
	for (const char *p = raw; *p; p++) {
		unsigned char c = (unsigned char)*p;
		if (c < 32 || c == 127)
			n += (size_t)sprintf(line + n, "\\x%02x", c);
		else
			line[n++] = (char)c;
	}
	line[n++] = '\n';
	/* One write, so that lines of threads don't mix; nothing to do if it fails. */
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}
