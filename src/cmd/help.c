/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Help, from the verb table alone.
 */
#include "cmd.h"

#include "config.h"

#include <stdio.h>
#include <string.h>

static const char exit_codes[] =
	"Exit codes: 0 passed; 1 denied by policy (--fail-on); 2 wrong usage; 3 something could "
	"not be\n"
	"read, so the answer is not complete; 4 knowledge is missing or too old.\n";

void lz_help_overview(void)
{
	printf("lazaret %s: known vulnerabilities in container images, read behind a wall.\n\n"
	       "Usage: lazaret VERB [OPTION…] [ARGUMENT…]\n\n",
	       LZ_VERSION);
	for (size_t i = 0; lz_verbs[i]; i++)
		printf("  %-12s  %s\n", lz_verbs[i]->name, lz_verbs[i]->summary);
	printf("\n`lazaret VERB --help` says more about a verb. Before any verb: --quiet, "
	       "--verbose,\n"
	       "--no-color, --version.\n\n%s",
	       exit_codes);
}

void lz_help_group(const char *word)
{
	size_t n = strlen(word);

	printf("Usage: lazaret %s VERB [OPTION…] [ARGUMENT…]\n\n", word);
	for (size_t i = 0; lz_verbs[i]; i++)
		if (!strncmp(lz_verbs[i]->name, word, n) && lz_verbs[i]->name[n] == ' ')
			printf("  %-12s  %s\n", lz_verbs[i]->name, lz_verbs[i]->summary);
	printf("\n`lazaret %s VERB --help` says more about a verb.\n", word);
}

static void put_option(const struct lz_option *o)
{
	char left[80];

	snprintf(left, sizeof(left), "%s%c%s%s%s%s", o->letter ? "-" : "",
		 o->letter ? o->letter : ' ', o->letter ? ", " : "   ", o->name,
		 o->value ? " " : "", o->value ? o->value : "");
	if (strlen(left) > 30)
		printf("  %s\n  %-30s  %s\n", left, "", o->help);
	else
		printf("  %-30s  %s\n", left, o->help);
}

void lz_help_verb(const struct lz_verb *v)
{
	const char *line = v->examples;

	printf("Usage: lazaret %s [OPTION…] %s\n\n%s.\n", v->name, v->arguments ? v->arguments : "",
	       v->summary);
	if (v->options && v->options->name)
		printf("\nOptions:\n");
	for (const struct lz_option *o = v->options; o && o->name; o++)
		put_option(o);
	if (line && *line)
		printf("\nExamples:\n");
	while (line && *line) {
		size_t n = strcspn(line, "\n");
		printf("  %.*s\n", (int)n, line);
		line += n + (line[n] == '\n');
	}
	printf("\n%s", exit_codes);
}
