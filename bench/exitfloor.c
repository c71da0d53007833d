/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exitfloor: puts the smallest program behind all system calls (bpf/floor.bpf.c), says "ready" on
 * standard error, and takes it away when it is told to end or its standard input closes.
 */
#include <signal.h>
#include <stdio.h>
#include <stdint.h>
#include <unistd.h>

/* The names that the program's own source gives to integers. */
typedef uint64_t u64;
#include "bpf/floor.skel.h"

static volatile sig_atomic_t ended;

static void end(int signal_number)
{
	(void)signal_number;
	ended = 1;
}

int main(void)
{
	struct sigaction a = {.sa_handler = end};
	struct floor *f = floor__open_and_load();
	char c;

	if (!f || floor__attach(f)) {
		fputs("exitfloor: this kernel takes no program on tp_btf/sys_exit\n", stderr);
		return 1;
	}
	sigaction(SIGTERM, &a, NULL);
	fputs("ready\n", stderr);
	while (!ended && read(STDIN_FILENO, &c, 1) > 0)
		continue;
	floor__destroy(f);
	return 0;
}
