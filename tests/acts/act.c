/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the act that is asked for; serves a test that asks for many. */
#include "act.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_MAX_BYTES 16384
#define WORDS_MAX      64
#define WORD_END       '\x1f'

int act_failed(const char *what)
{
	fprintf(stderr, "act: %s: %s\n", what, strerror(errno));
	return ACT_FAILED;
}

int act_done(long result, const char *what)
{
	return result < 0 ? act_failed(what) : 0;
}

const char *act_find(const char *name, char *buf, size_t size)
{
	const char *dir = getenv("PATH"), *end;

	if (strchr(name, '/') || !dir)
		return name;
	for (; *dir; dir = *end ? end + 1 : end) {
		end = strchrnul(dir, ':');
		snprintf(buf, size, "%.*s/%s", (int)(end - dir), dir, name);
		if (!access(buf, X_OK))
			return buf;
	}
	return name;
}

int act_exec(char **argv)
{
	char path[4096];

	if (!argv[0]) {
		errno = EINVAL;
		return act_failed("nothing to run");
	}
	execv(act_find(argv[0], path, sizeof(path)), argv);
	return act_failed(argv[0]);
}

int act_run(int argc, char **argv)
{
	static const struct act *const families[] = {acts_files, acts_net, acts_proc, acts_priv,
						     acts_ours};

	for (size_t i = 0; argc && i < sizeof(families) / sizeof(families[0]); i++)
		for (const struct act *a = families[i]; a->name; a++) {
			if (strcmp(a->name, argv[0]) != 0)
				continue;
			if (argc > a->least)
				return a->run(argc, argv);
			fprintf(stderr, "act: %s %s\n", a->name, a->usage);
			return ACT_UNKNOWN;
		}
	return ACT_UNKNOWN;
}

/* Runs one command and waits for it; its output goes nowhere. */
static int perform(char **argv, int nowhere)
{
	pid_t child = fork();
	int status;

	if (!child) {
		dup2(nowhere, 0);
		dup2(nowhere, 1);
		_exit(act_exec(argv));
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return act_failed("fork");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void words(char *line, char **argv)
{
	int n = 0;

	line[strcspn(line, "\n")] = 0;
	while (line && n < WORDS_MAX - 1) {
		char *end = strchr(line, WORD_END);

		if (end)
			*end++ = 0;
		argv[n++] = line;
		line = end;
	}
	argv[n] = NULL;
}

/* A command per line, its words divided by WORD_END; answers with the exit code of each. */
static int serve(void)
{
	static char line[LINE_MAX_BYTES];
	char *argv[WORDS_MAX];
	int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (nowhere < 0)
		return act_failed("/dev/null");
	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		words(line, argv);
		printf("%d\n", perform(argv, nowhere));
		fflush(stdout);
	}
	return 0;
}

/* A program of another name that is asked for no act only had to be run. */
int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');
	int ret;

	name = name ? name + 1 : argv[0];
	if (argc == 2 && !strcmp(argv[1], "serve"))
		return serve();
	ret = argc > 1 ? act_run(argc - 1, argv + 1) : ACT_UNKNOWN;
	return ret == ACT_UNKNOWN && strcmp(name, "act") != 0 ? 0 : ret;
}
