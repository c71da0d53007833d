/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazaret completion SHELL: a script made from the verb table. The bash one is used by zsh too,
 * through bashcompinit.
 */
#include "cmd.h"

#include "../base/log.h"

#include <stdio.h>
#include <string.h>

static void put_words(const struct lz_verb *v)
{
	printf("\t\"%s\") words=\"--help", v->name);
	for (const struct lz_option *o = v->options; o && o->name; o++)
		printf(" %s", o->name);
	printf("\" ;;\n");
}

static void put_values(const struct lz_verb *v)
{
	for (const struct lz_option *o = v->options; o && o->name; o++)
		if (o->value && o->choices && o->choices[0] != '@')
			printf("\t\"%s %s\") COMPREPLY=($(compgen -W \"%s\" -- \"$cur\")); return "
			       ";;\n",
			       v->name, o->name, o->choices);
}

static void put_verbs(bool second, const char *group)
{
	for (size_t i = 0; lz_verbs[i]; i++) {
		const char *name = lz_verbs[i]->name, *space = strchr(name, ' ');
		if (!second && (!space || i == 0 ||
				strncmp(lz_verbs[i - 1]->name, name, (size_t)(space - name))))
			printf(" %.*s", space ? (int)(space - name) : (int)strlen(name), name);
		if (second && space && !strncmp(name, group, strlen(group)))
			printf(" %s", space + 1);
	}
}

static void put_script(void)
{
	printf("_lazaret() {\n"
	       "\tlocal cur prev verb words\n"
	       "\tcur=\"${COMP_WORDS[COMP_CWORD]}\" prev=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
	       "\tif [ \"$COMP_CWORD\" = 1 ]; then COMPREPLY=($(compgen -W \"help");
	put_verbs(false, "");
	printf("\" -- \"$cur\")); return; fi\n\tverb=\"${COMP_WORDS[1]}\"\n"
	       "\tif [ \"$verb\" = db ]; then\n"
	       "\t\tif [ \"$COMP_CWORD\" = 2 ]; then COMPREPLY=($(compgen -W \"");
	put_verbs(true, "db ");
	printf("\" -- \"$cur\")); return; fi\n\t\tverb=\"db ${COMP_WORDS[2]}\"\n\tfi\n"
	       "\tcase \"$verb $prev\" in\n");
	for (size_t i = 0; lz_verbs[i]; i++)
		put_values(lz_verbs[i]);
	printf("\tesac\n\tcase \"$verb\" in\n");
	for (size_t i = 0; lz_verbs[i]; i++)
		put_words(lz_verbs[i]);
	printf("\tesac\n\tcase \"$cur\" in\n"
	       "\t-*) COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")) ;;\n"
	       "\t*) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n\tesac\n}\n"
	       "complete -o filenames -F _lazaret lazaret\n");
}

static int run(int argc, char **argv)
{
	if (argc != 1 || (strcmp(argv[0], "bash") && strcmp(argv[0], "zsh"))) {
		lz_log(LZ_ERROR, "completion: name a shell: bash or zsh");
		return LZ_EXIT_USAGE;
	}
	if (!strcmp(argv[0], "zsh"))
		printf("autoload -U +X bashcompinit && bashcompinit\n");
	put_script();
	return LZ_EXIT_PASS;
}

const struct lz_verb lz_verb_completion = {
	.name = "completion",
	.arguments = "bash|zsh",
	.summary = "print a completion script for a shell",
	.examples = "source <(lazaret completion bash)\n",
	.options = (const struct lz_option[]){{NULL, 0, NULL, NULL, NULL}},
	.run = run,
};
