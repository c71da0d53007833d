/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A static program with three uses:
 *
 *	crowd				does nothing: what `calls` starts
 *	crowd wait ...			waits for its end
 *	crowd GROUP COUNT [...]		COUNT processes that wait, each a program of its own, in the
 *					control group of this folder; then says "ready" and waits for
 *					its standard input to close; all end with it
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static int enter(const char *group)
{
	char path[4096];
	int fd, r;

	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	r = write(fd, "0", 1) == 1 ? 0 : -1;
	close(fd);
	return r;
}

static int one(const char *group, const char *self, int number)
{
	char text[16];
	pid_t pid = fork();

	if (pid)
		return pid < 0 ? -1 : 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(text, sizeof(text), "%d", number);
	if (!enter(group))
		execl(self, "crowd", "wait", "--number", text, "--config", "/etc/crowd/crowd.conf",
		      (char *)NULL);
	_exit(1);
}

int main(int argc, char **argv)
{
	char c;

	if (argc == 1)
		return 0;
	if (!strcmp(argv[1], "wait"))
		for (;;)
			pause();
	for (int i = 1; i + 1 < argc; i += 2)
		for (int k = 0, n = atoi(argv[i + 1]); k < n; k++)
			if (one(argv[i], "/proc/self/exe", k)) {
				perror("crowd");
				return 1;
			}
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		continue;
	return 0;
}
