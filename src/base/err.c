/* SPDX-License-Identifier: Apache-2.0 */
#include "err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Messages quote names that strangers chose: one error stays one line. */
__attribute__((format(printf, 3, 0))) static void put(char *text, size_t size, const char *fmt,
						      va_list ap)
{
	vsnprintf(text, size, fmt, ap);
	for (; *text; text++)
		if ((unsigned char)*text < 32 || *text == 127)
			*text = '?';
}

int lz_fail(struct lz_err *err, int code, const char *fmt, ...)
{
	int sys = errno;
	va_list ap;

	if (!err)
		return code;
	err->code = code;
	err->sys = code == LZ_E_IO ? sys : 0;
	va_start(ap, fmt);
	put(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return code;
}

static int code_of_errno(int sys)
{
	switch (sys) {
	case ENOMEM:
		return LZ_E_NOMEM;
	case EACCES:
	case EPERM:
		return LZ_E_DENIED;
	case ENOENT:
		return LZ_E_NOTFOUND;
	default:
		return LZ_E_IO;
	}
}

int lz_fail_errno(struct lz_err *err, const char *fmt, ...)
{
	int sys = errno;
	int code = code_of_errno(sys);
	size_t n;
	va_list ap;

	if (!err)
		return code;
	err->code = code;
	err->sys = sys;
	va_start(ap, fmt);
	put(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	n = strlen(err->text);
	snprintf(err->text + n, sizeof(err->text) - n, ": %s", strerror(sys));
	return code;
}

int lz_wrap(struct lz_err *err, const char *fmt, ...)
{
	char tail[sizeof(err->text)];
	size_t n;
	va_list ap;

	if (!err)
		return LZ_E_BUG;
	memcpy(tail, err->text, sizeof(tail));
	va_start(ap, fmt);
	put(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	n = strlen(err->text);
	snprintf(err->text + n, sizeof(err->text) - n, ": %s", tail);
	return err->code;
}

static const struct {
	int code;
	const char *name;
	const char *text;
} codes[] = {
	{LZ_OK, "ok", "no error"},
	{LZ_E_NOMEM, "memory", "out of memory"},
	{LZ_E_LIMIT, "limit", "limit reached"},
	{LZ_E_IO, "io", "input or output failed"},
	{LZ_E_FORMAT, "format", "malformed input"},
	{LZ_E_NOTFOUND, "notfound", "not found"},
	{LZ_E_DENIED, "denied", "not permitted"},
	{LZ_E_UNSUPPORTED, "unsupported", "not supported"},
	{LZ_E_DIGEST, "digest", "digest mismatch"},
	{LZ_E_USAGE, "usage", "wrong usage"},
	{LZ_E_STALE, "stale", "knowledge missing or stale"},
	{LZ_E_CANCELLED, "cancelled", "cancelled"},
	{LZ_E_CRASH, "crash", "a confined parser died"},
	{LZ_E_BUG, "bug", "internal error"},
};

const char *lz_code_text(int code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == code)
			return codes[i].text;
	return "unknown error";
}

const char *lz_code_name(int code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == code)
			return codes[i].name;
	return "unknown";
}
