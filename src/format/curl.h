/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * libcurl, loaded when it is first needed: it brings thirty libraries with it, which no scan should
 * have to load or trust.
 */
#include "../base/err.h"

#include <stdbool.h>

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

#define LZ_CURL_CALLS(CALL)       \
	CALL(global_init)         \
	CALL(easy_init)           \
	CALL(easy_setopt)         \
	CALL(easy_getinfo)        \
	CALL(easy_perform)        \
	CALL(easy_strerror)       \
	CALL(easy_cleanup)        \
	CALL(easy_reset)          \
	CALL(slist_append)        \
	CALL(slist_free_all)      \
	CALL(multi_init)          \
	CALL(multi_setopt)        \
	CALL(multi_add_handle)    \
	CALL(multi_remove_handle) \
	CALL(multi_perform)       \
	CALL(multi_poll)          \
	CALL(multi_info_read)     \
	CALL(multi_strerror)      \
	CALL(multi_cleanup)

struct lz_curl {
#define CALL(name) __typeof__(curl_##name) *name;
	LZ_CURL_CALLS(CALL)
#undef CALL
};
/* Fills c. LZ_E_NOTFOUND names the package to install. Not thread-safe; may be
 * called again, which gives the same. */
int lz_curl_load(struct lz_curl *c, struct lz_err *err);
