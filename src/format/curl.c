/* SPDX-License-Identifier: Apache-2.0 */
#include "curl.h"

#include <dlfcn.h>
#include <string.h>

/* ISO C has no cast from an object's address to a function's; POSIX has, by memory. */
static bool symbol(void *library, const char *name, void *to)
{
	void *at = dlsym(library, name);

	memcpy(to, &at, sizeof(at));
	return at != NULL;
}

int lz_curl_load(struct lz_curl *c, struct lz_err *err)
{
	void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
	bool whole = library != NULL;

	if (!library)
		return lz_fail(err, LZ_E_NOTFOUND,
			       "HTTP needs libcurl: apt-get install libcurl4 (%s)", dlerror());
#define CALL(name) whole = whole && symbol(library, "curl_" #name, &c->name);
	LZ_CURL_CALLS(CALL)
#undef CALL
	if (!whole)
		return lz_fail(err, LZ_E_UNSUPPORTED, "libcurl.so.4 is too old: 7.85 is needed");
	if (c->global_init(CURL_GLOBAL_DEFAULT))
		return lz_fail(err, LZ_E_NOMEM, "libcurl does not start");
	return 0; /* stays loaded until the process ends */
}
