/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The verb table. A verb is one file and one row: help text, completion, man tables and tests
 * derive from the rows.
 */
#include <stdbool.h>
#include <stddef.h>

enum lz_exit { /* the same for every verb */
	       LZ_EXIT_PASS = 0,
	       LZ_EXIT_DENIED = 1,
	       LZ_EXIT_USAGE = 2,
	       LZ_EXIT_INCOMPLETE = 3,
	       LZ_EXIT_KNOWLEDGE = 4,
};

struct lz_option {
	const char *name;    /* "--format" */
	char letter;	     /* 'f' or 0 */
	const char *value;   /* "FORMAT" or NULL for a switch */
	const char *choices; /* "table json" for completion, "@file" "@dir", or NULL */
	const char *help;
};

struct lz_verb {
	const char *name;		 /* "scan", "db build" */
	const char *arguments;		 /* "TARGET…" */
	const char *summary;		 /* one line */
	const char *examples;		 /* whole lines, each "lazaret …" with a remark */
	const struct lz_option *options; /* ends with a NULL name; --help is implied */
	int (*run)(int argc,
		   char **argv); /* argv[0] is the first word after the verb; an lz_exit */
};

extern const struct lz_verb *const lz_verbs[]; /* ends with NULL */

/* Walks argv by the verb's option rows, in any order, "--name value", "--name=value", "-n value";
 * "--" ends options. Returns 1 with *ret_option (index into verb->options) and *ret_value (NULL
 * for a switch); 2 with *ret_value = a positional argument; 0 at the end; -1 on a usage error
 * (already reported, with the nearest option name suggested). */
struct lz_args {
	const struct lz_verb *verb;
	int argc;
	char **argv;
	int at;
	bool only_positional;
};
int lz_args_next(struct lz_args *a, int *ret_option, const char **ret_value);
