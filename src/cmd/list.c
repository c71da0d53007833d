/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret list THING: what this program knows, from its own tables. */
#include "cmd.h"

#include "../base/limits.h"
#include "../base/log.h"
#include "../catalog/catalog.h"
#include "../report/report.h"
#include "../rules/field.h"
#include "../sensor/view.h"

#include <stdio.h>
#include <string.h>

static void list_limits(void)
{
	for (size_t i = 0; i < lz_limit_count; i++)
		printf("%-16s %14llu  %s\n", lz_limit_rows[i].name,
		       (unsigned long long)lz_limit_rows[i].def, lz_limit_rows[i].why);
}

static void list_catalogers(void)
{
	for (size_t i = 0; lz_catalogers[i]; i++)
		for (const char *const *p = lz_catalogers[i]->paths; *p; p++)
			printf("%-12s %s\n", lz_catalogers[i]->name, *p);
}

static void list_formats(void)
{
	for (size_t i = 0; lz_report_formats[i]; i++)
		printf("%-12s %s\n", lz_report_formats[i]->name, lz_report_formats[i]->help);
}

static void list_fields(void)
{
	static const char *const args[] = {"", "[n]", "[n]", "[key]", "[key]"};

	for (size_t i = 0; i < lz_field_count; i++) {
		char name[80];
		snprintf(name, sizeof(name), "%s%s", lz_fields[i].name, args[lz_fields[i].arg]);
		printf("%-44s %-8s %s%s\n", name, lz_field_type_name(lz_fields[i].type),
		       lz_fields[i].help,
		       lz_view_answers(&lz_fields[i]) ? "" : " (never has a value)");
	}
}

static void list_verbs(void)
{
	for (size_t i = 0; lz_verbs[i]; i++)
		printf("%-12s %s\n", lz_verbs[i]->name, lz_verbs[i]->summary);
}

static const struct {
	const char *name;
	void (*list)(void);
} things[] = {
	{"limits", list_limits}, {"catalogers", list_catalogers}, {"formats", list_formats},
	{"fields", list_fields}, {"verbs", list_verbs},
};

static int run(int argc, char **argv)
{
	for (size_t i = 0; argc == 1 && i < sizeof(things) / sizeof(things[0]); i++) {
		if (!strcmp(argv[0], things[i].name)) {
			things[i].list();
			return LZ_EXIT_PASS;
		}
	}
	lz_log(LZ_ERROR, "list: name one of limits, catalogers, formats, fields, verbs");
	return LZ_EXIT_USAGE;
}

const struct lz_verb lz_verb_list = {
	.name = "list",
	.arguments = "limits|catalogers|formats|verbs",
	.summary = "print one of the program's own tables",
	.examples = "lazaret list limits\n",
	.options = (const struct lz_option[]){{NULL, 0, NULL, NULL, NULL}},
	.run = run,
};
