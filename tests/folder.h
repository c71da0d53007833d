/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A folder of its own for a test program: cmocka_run_group_tests(tests, folder_make,
 * folder_remove).
 */
#include "test.h"

#include <unistd.h>

static char folder[] = "/tmp/lazaret-unit.XXXXXX";

/* A path in it; valid until the fourth next call. */
static inline const char *in_folder(const char *name)
{
	static char path[4][300];
	static int n;
	char *p = path[n++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", folder, name);
	return p;
}

static inline int folder_make(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static inline int folder_remove(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}
