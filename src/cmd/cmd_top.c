/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret top: what each container does now. */
#include "cmd.h"
#include "rule_files.h"

#include "../base/clean.h"
#include "../base/limits.h"
#include "../base/log.h"
#include "../watch/watch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RULES, INTERVAL, ONCE, RATE, DOCKER_SOCKET, DOCKER_ROOT };

static const struct lz_option options[] = {
	[RULES] = {"--rules", 'r', "PATH", "@file",
		   "rule file, or folder of them, whose alerts are counted and shown (the set that "
		   "comes "
		   "with the program); may be given several times"},
	[INTERVAL] = {"--interval", 'i', "SECONDS", NULL, "time between looks (2)"},
	[ONCE] = {"--once", 0, NULL, NULL,
		  "one table as plain text after one interval, and the end"},
	[RATE] = {"--rate", 0, "EVENTS", NULL,
		  "most events a second of one container; beyond, they are not counted (0: no "
		  "limit)"},
	[DOCKER_SOCKET] = {"--docker-socket", 0, "PATH", "@file",
			   "where Docker listens (/run/docker.sock, or DOCKER_HOST=unix://…)"},
	[DOCKER_ROOT] = {"--docker-root", 0, "FOLDER", "@dir",
			 "where Docker keeps its containers (/var/lib/docker)"},
	{NULL, 0, NULL, NULL, NULL},
};

struct given {
	struct lz_watch_options o;
	struct lz_top_options top;
	char **rules;
	char own_rules[4096];
};

static bool number(const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	if (lz_span_u64(lz_str(text), 10, ret) && *ret >= min && *ret <= max)
		return true;
	lz_log(LZ_ERROR, "top: %s takes a number from %llu to %llu, not \"%s\"", option,
	       (unsigned long long)min, (unsigned long long)max, text);
	return false;
}

static bool take(struct given *g, int option, const char *value)
{
	uint64_t n;

	switch (option) {
	case RULES:
		g->rules[g->o.rule_count++] = (char *)(uintptr_t)value;
		return true;
	case INTERVAL:
		if (!number("--interval", value, 1, 3600, &n))
			return false;
		g->top.interval_s = (unsigned)n;
		return true;
	case ONCE:
		g->top.once = true;
		return true;
	case RATE:
		return number("--rate", value, 0, 1000000000, &g->o.rate);
	case DOCKER_SOCKET:
		g->o.docker_socket = value;
		return true;
	default:
		g->o.docker_root = value;
		return true;
	}
}

static int parse(struct given *g, int argc, char **argv)
{
	struct lz_args a = {.verb = &lz_verb_top, .argc = argc, .argv = argv};
	const char *value;
	int option, r;

	while ((r = lz_args_next(&a, &option, &value)) > 0) {
		if (r == 2) {
			lz_log(LZ_ERROR,
			       "top: \"%s\" is no option; rule files are named by --rules", value);
			return -1;
		}
		if (!take(g, option, value))
			return -1;
	}
	return r;
}

static void look_at_terminal(struct given *g)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	g->top.screen = !g->top.once && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term &&
			strcmp(term, "dumb");
	g->top.colour = g->top.screen && (!no || !*no) && !lz_cmd_no_colour;
}

static int run(int argc, char **argv)
{
	struct given g = {
		.o = {.group_s = 0, .ring_bytes = 8 * LZ_M, .mode = LZ_WATCH_FULL, .quiet = true},
		.top = {.interval_s = 2}};
	const char *docker = getenv("DOCKER_HOST");
	struct lz_err err = {0};
	int r = LZ_EXIT_USAGE;

	if (docker && !strncmp(docker, "unix://", 7))
		g.o.docker_socket = docker + 7;
	g.rules = calloc((size_t)argc + 1, sizeof(*g.rules));
	if (g.rules && !parse(&g, argc, argv)) {
		look_at_terminal(&g);
		if (!g.o.rule_count && lz_cmd_own_rules(g.own_rules, sizeof(g.own_rules)))
			g.rules[g.o.rule_count++] = g.own_rules;
		g.o.rules = g.rules;
		g.o.top = &g.top;
		r = LZ_EXIT_PASS;
		if (lz_watch_run(&g.o, &err)) {
			lz_log(LZ_ERROR, "top: %s", err.text);
			r = err.code == LZ_E_USAGE ? LZ_EXIT_USAGE : LZ_EXIT_INCOMPLETE;
		}
	}
	free(g.rules);
	return r;
}

const struct lz_verb lz_verb_top = {
	.name = "top",
	.arguments = "",
	.summary = "show what each container does now: programs, files, connections, alerts",
	.examples = "lazaret top\n"
		    "lazaret top --rules falco_rules.yaml\n"
		    "lazaret top --once --interval 5\n",
	.options = options,
	.run = run,
};
