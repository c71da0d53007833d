/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines by the rows of a verb's option table: options and targets in any order, "--name
 * value", "--name=value",
 * "-n value"; "--" ends options.
 */
#include "../base/log.h"
#include "cmd.h"

#include <stdio.h>
#include <string.h>

/* Edit distance, cut at short words: for "did you mean". Two letters that changed places are one
 * slip, not two. */
size_t lz_cmd_distance(const char *a, const char *b)
{
	size_t row[64], before[64], n = strlen(b);

	if (n >= 63)
		return 99;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0], above[64];
		memcpy(above, row, sizeof(row));
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			row[j] = best;
		}
		memcpy(before, above, sizeof(before));
	}
	return row[n];
}

static int unknown(const struct lz_args *a, const char *given)
{
	const char *nearest = "--help";
	size_t best = lz_cmd_distance(given, nearest);

	for (const struct lz_option *o = a->verb->options; o && o->name; o++) {
		size_t d = lz_cmd_distance(given, o->name);
		if (d < best) {
			best = d;
			nearest = o->name;
		}
	}
	if (best < 4)
		lz_log(LZ_ERROR, "%s: unknown option %s; did you mean %s?", a->verb->name, given,
		       nearest);
	else
		lz_log(LZ_ERROR, "%s: unknown option %s; see `lazaret %s --help`", a->verb->name,
		       given, a->verb->name);
	return -1;
}

static const struct lz_option *find(const struct lz_verb *v, const char *word, size_t n)
{
	for (const struct lz_option *o = v->options; o && o->name; o++) {
		if (strlen(o->name) == n && !memcmp(o->name, word, n))
			return o;
		if (n == 2 && o->letter && word[1] == o->letter && word[0] == '-')
			return o;
	}
	return NULL;
}

int lz_args_next(struct lz_args *a, int *ret_option, const char **ret_value)
{
	const struct lz_option *o;
	const char *word, *equals;
	size_t n;

	if (a->at >= a->argc)
		return 0;
	word = a->argv[a->at++];
	if (!a->only_positional && !strcmp(word, "--")) {
		a->only_positional = true;
		return lz_args_next(a, ret_option, ret_value);
	}
	if (a->only_positional || word[0] != '-' || !word[1]) {
		*ret_value = word;
		return 2;
	}
	equals = strncmp(word, "--", 2) ? NULL : strchr(word, '=');
	n = equals ? (size_t)(equals - word) : strlen(word);
	o = find(a->verb, word, n);
	if (!o)
		return unknown(a, word);
	*ret_option = (int)(o - a->verb->options);
	*ret_value = NULL;
	if (!o->value && equals) {
		lz_log(LZ_ERROR, "%s: %s takes no value", a->verb->name, o->name);
		return -1;
	}
	if (!o->value)
		return 1;
	if (!equals && a->at >= a->argc) {
		lz_log(LZ_ERROR, "%s: %s needs a value: %s", a->verb->name, o->name, o->value);
		return -1;
	}
	*ret_value = equals ? equals + 1 : a->argv[a->at++];
	return 1;
}
