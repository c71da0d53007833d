/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the verb and runs it. With "--role=NAME" as first word this is a confined child and never
 * returns.
 */
#include "cmd.h"

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/progress.h"
#include "../catalog/evidence.h"
#include "../container/container.h"
#include "../jail/jail.h"
#include "../vuln/vuln.h"

#include "config.h"

#include <stdio.h>
#include <string.h>

bool lz_cmd_no_colour;

static bool global_option(const char *word)
{
	if (!strcmp(word, "--quiet")) {
		lz_log_level(LZ_ERROR);
		lz_progress_quiet();
	} else if (!strcmp(word, "--verbose")) {
		lz_log_level(LZ_DEBUG);
	} else if (!strcmp(word, "--no-color")) {
		lz_cmd_no_colour = true;
	} else {
		return false;
	}
	return true;
}

/* "db build" is two words: *ret_used says how many the verb took. */
static const struct lz_verb *find(int argc, char **argv, int *ret_used)
{
	char two[64];

	for (size_t i = 0; lz_verbs[i]; i++) {
		const char *name = lz_verbs[i]->name;
		if (!strcmp(name, argv[0])) {
			*ret_used = 1;
			return lz_verbs[i];
		}
		if (argc < 2 || !strchr(name, ' '))
			continue;
		snprintf(two, sizeof(two), "%.30s %.30s", argv[0], argv[1]);
		if (!strcmp(name, two)) {
			*ret_used = 2;
			return lz_verbs[i];
		}
	}
	return NULL;
}

static bool asks_for_help(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

/* Is `word` the first of two-word verbs? */
static bool is_group(const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; lz_verbs[i]; i++)
		if (!strncmp(lz_verbs[i]->name, word, n) && lz_verbs[i]->name[n] == ' ')
			return true;
	return false;
}

static int unknown(int argc, char **argv)
{
	bool group = is_group(argv[0]);
	const char *nearest = NULL;
	size_t best = 3;
	char given[64];

	if (group && (argc == 1 || asks_for_help(argc, argv))) {
		lz_help_group(argv[0]);
		return argc == 1 ? LZ_EXIT_USAGE : LZ_EXIT_PASS;
	}
	snprintf(given, sizeof(given), "%.30s%s%.30s", argv[0], group ? " " : "",
		 group ? argv[1] : "");
	for (size_t i = 0; lz_verbs[i]; i++) {
		size_t d = lz_cmd_distance(given, lz_verbs[i]->name);
		if (d < best) {
			best = d;
			nearest = lz_verbs[i]->name;
		}
	}
	if (nearest)
		lz_log(LZ_ERROR, "unknown verb \"%s\"; did you mean \"%s\"?", given, nearest);
	else
		lz_log(LZ_ERROR, "unknown verb \"%s\"; `lazaret help` lists them", given);
	return LZ_EXIT_USAGE;
}

static int run(int argc, char **argv)
{
	const struct lz_verb *v;
	bool help = false;
	int used;

	if (!strcmp(argv[0], "help")) {
		help = true;
		argc--;
		argv++;
	}
	if (argc == 0 || !strcmp(argv[0], "--help") || !strcmp(argv[0], "-h")) {
		lz_help_overview();
		return LZ_EXIT_PASS;
	}
	v = find(argc, argv, &used);
	if (!v && help && is_group(argv[0])) {
		lz_help_group(argv[0]);
		return LZ_EXIT_PASS;
	}
	if (!v)
		return unknown(argc, argv);
	if (help || asks_for_help(argc - used, argv + used)) {
		lz_help_verb(v);
		return LZ_EXIT_PASS;
	}
	return v->run(argc - used, argv + used);
}

int main(int argc, char **argv)
{
	/* Not const: a role is a copy of what its room exports. */
	struct lz_role roles[] = {
		lz_role_layer, lz_role_archive, lz_role_feed, lz_role_container, {.name = NULL}};

	if (argc > 1 && !strncmp(argv[1], "--role=", 7))
		lz_jail_main(argv[1] + 7, roles);
	lz_signals_install();
	argc--;
	argv++;
	while (argc && global_option(argv[0])) {
		argc--;
		argv++;
	}
	if (argc && !strcmp(argv[0], "--version")) {
		printf("lazaret %s\n", LZ_VERSION);
		return LZ_EXIT_PASS;
	}
	if (!argc) {
		lz_help_overview();
		return LZ_EXIT_USAGE;
	}
	return run(argc, argv);
}
