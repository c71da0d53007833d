/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A folder of its own for each test, whose path is short enough for the name of a socket. */
#include "test.h"

#include <sys/mount.h>

static char dir[64];

static inline int begin(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(dir, sizeof(dir), "%s/lazaret-alert.XXXXXX",
		 tmp && strlen(tmp) < 30 ? tmp : "/tmp");
	return mkdtemp(dir) ? 0 : -1;
}

static inline int end(void **state)
{
	char command[100];

	(void)state;
	umount2(dir, MNT_DETACH); /* a test of full disks that failed leaves one */
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}
