/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of this machine, on which somebody may listen or not. */
#include "output.h"

#include <sys/socket.h>
#include <unistd.h>

void lz_output_hang_up(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int lz_output_connect(int *fd, int type, const struct sockaddr_un *to, struct lz_err *err)
{
	if (*fd >= 0)
		return 0;
	*fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return lz_fail_errno(err, "socket");
	if (!connect(*fd, (const struct sockaddr *)to, sizeof(*to)))
		return 0;
	lz_fail_errno(err, "%s", to->sun_path);
	lz_output_hang_up(fd);
	return LZ_E_IO;
}
