/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret watch: containers as they run. */
#include "cmd.h"
#include "rule_files.h"

#include "../base/clean.h"
#include "../base/limits.h"
#include "../base/log.h"
#include "../watch/watch.h"
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	RULES,
	FORMAT,
	OUTPUT,
	GROUP,
	RECORD,
	REPLAY,
	STATS,
	RATE,
	RING,
	MODE,
	DOCTOR,
	HEADERS,
	SPOOL,
	DOCKER_SOCKET,
	DOCKER_ROOT,
	LEARN,
	PROFILES,
	QUIET,
	DETAIL,
};

static const struct lz_option options[] = {
	[RULES] =
		{"--rules", 'r', "PATH", "@file",
		 "rule file, or folder of them; may be given several times, later ones change "
		 "earlier ones; read again when they change; without any, the set that comes with "
		 "the program (docs/rules-runtime.md)"},
	[FORMAT] = {"--format", 'f', "FORMAT", "text json",
		    "alerts as lines for people (text) or as JSON objects, one a line"},
	[OUTPUT] = {"--output", 'o', "WHERE", NULL,
		    "- (standard output), file:PATH, syslog:, unix:PATH, http://… or https://…; "
		    "may be "
		    "given several times"},
	[GROUP] = {"--group", 0, "SECONDS", NULL,
		   "alike alerts within this time are one with a count (60); 0: each by itself"},
	[RECORD] = {"--record", 0, "FILE", "@file", "also write all events to a recording"},
	[REPLAY] = {"--replay", 0, "FILE", "@file", "events from a recording, not from this host"},
	[STATS] = {"--stats", 0, "SECONDS", NULL,
		   "figures on standard error every so often: seen, passed over, sent, lost"},
	[RATE] = {"--rate", 0, "EVENTS", NULL,
		  "most events a second of one container; beyond, they are counted, not judged (0: "
		  "no "
		  "limit)"},
	[RING] = {"--ring", 0, "SIZE", NULL, "buffer for each two processors, a power of two (8M)"},
	[MODE] = {"--mode", 0, "MODE", "auto full reduced",
		  "full: fail where something can't be seen; reduced: without kernel programs; "
		  "auto: "
		  "what is possible"},
	[DOCTOR] = {"--doctor", 0, NULL, NULL, "say what this machine lets be seen, and end"},
	[HEADERS] = {"--output-headers", 0, "FILE", "@file",
		     "lines \"Name: value\" sent to http outputs, such as a token"},
	[SPOOL] = {"--spool", 0, "FOLDER", "@dir",
		   "where alerts wait for http outputs that can't be reached"},
	[DOCKER_SOCKET] = {"--docker-socket", 0, "PATH", "@file",
			   "where Docker listens (/run/docker.sock, or DOCKER_HOST=unix://…)"},
	[DOCKER_ROOT] = {"--docker-root", 0, "FOLDER", "@dir",
			 "where Docker keeps its containers (/var/lib/docker)"},
	[LEARN] = {"--learn", 0, "TIME", NULL,
		   "learn that long (30s, 15m, 2h) what each image normally does, and tell of what "
		   "is new from then on"},
	[PROFILES] = {"--profiles", 0, "FOLDER", "@dir",
		      "where it is written and read (/var/lib/lazaret/profiles)"},
	[QUIET] = {"--quiet", 'q', NULL, NULL, "no words on standard error but problems"},
	[DETAIL] =
		{"--detail", 0, NULL, NULL,
		 "lines for people also say what to do, where the rule does (JSON always has it)"},
	{NULL, 0, NULL, NULL, NULL},
};

static int doctor(bool json)
{
	LZ_CLEAN(buf) struct lz_buf b;
	bool all;

	lz_buf_init(&b, LZ_M);
	all = lz_watch_doctor(&b, json);
	fwrite(b.p ? b.p : "", 1, b.n, stdout);
	return all ? LZ_EXIT_PASS : LZ_EXIT_INCOMPLETE;
}

/* "60" or "8M" within bounds. */
static bool number(const char *option, const char *text, uint64_t max, uint64_t *ret)
{
	static const char units[] = "KMG";
	struct lz_span s = lz_str(text);
	const char *unit = s.n ? strchr(units, s.p[s.n - 1]) : NULL;
	uint64_t factor = 1;

	if (unit && *unit) {
		s.n--;
		for (const char *u = units; u <= unit; u++)
			factor *= 1024;
	}
	if (lz_span_u64(s, 10, ret) && *ret <= max / factor) {
		*ret *= factor;
		return true;
	}
	lz_log(LZ_ERROR, "watch: %s takes a number up to %llu, not \"%s\"", option,
	       (unsigned long long)max, text);
	return false;
}

/* "30s", "15m", "2h": up to a month. */
static bool duration(const char *text, uint64_t *ret_s)
{
	struct lz_span s = lz_str(text);
	char unit = s.n ? s.p[s.n - 1] : 0;
	uint64_t factor = unit == 's' ? 1 : unit == 'm' ? 60 : unit == 'h' ? 3600 : 0;

	if (factor && lz_span_u64(lz_span_head(s, s.n - 1), 10, ret_s) && *ret_s &&
	    *ret_s <= 31 * 86400 / factor) {
		*ret_s *= factor;
		return true;
	}
	lz_log(LZ_ERROR, "watch: --learn takes a time such as 30s, 15m or 2h, not \"%s\"", text);
	return false;
}

struct given {
	struct lz_watch_options o;
	char **rules, **outputs;
	char own_rules[4096]; /* where the set that comes with the program lies */
	bool doctor;
};

static bool one_of(const char *option, const char *value, const char *a, const char *b,
		   const char *c, int *ret)
{
	const char *const names[] = {a, b, c};

	for (int i = 0; i < 3; i++)
		if (names[i] && !strcmp(value, names[i])) {
			*ret = i;
			return true;
		}
	lz_log(LZ_ERROR, "watch: %s takes %s, %s%s%s, not \"%s\"", option, a, b, c ? " or " : "",
	       c ? c : "", value);
	return false;
}

static bool take(struct given *g, int option, const char *value)
{
	uint64_t n = 0;
	int i = 0;

	switch (option) {
	case RULES:
		g->rules[g->o.rule_count++] = (char *)(uintptr_t)value;
		return true;
	case OUTPUT:
		g->outputs[g->o.output_count++] = (char *)(uintptr_t)value;
		return true;
	case FORMAT:
		if (!one_of("--format", value, "text", "json", NULL, &i))
			return false;
		g->o.json = i;
		return true;
	case MODE:
		if (!one_of("--mode", value, "auto", "full", "reduced", &i))
			return false;
		g->o.mode = (enum lz_watch_mode)i;
		return true;
	case GROUP:
		if (!number("--group", value, 86400, &n))
			return false;
		g->o.group_s = (int)n;
		return true;
	case STATS:
		if (!number("--stats", value, 86400, &n))
			return false;
		g->o.stats_s = (unsigned)n;
		return true;
	case LEARN:
		return duration(value, &g->o.learn_s);
	case RATE:
		return number("--rate", value, 1000000000, &g->o.rate);
	case RING:
		if (!number("--ring", value, LZ_G, &n))
			return false;
		g->o.ring_bytes = n;
		if (n >= 64 * LZ_K && !(n & (n - 1)))
			return true;
		lz_log(LZ_ERROR, "watch: --ring takes a power of two from 64K on, not \"%s\"",
		       value);
		return false;
	default:
		break;
	}
	if (option == RECORD)
		g->o.record = value;
	else if (option == REPLAY)
		g->o.replay = value;
	else if (option == HEADERS)
		g->o.header_file = value;
	else if (option == SPOOL)
		g->o.spool_dir = value;
	else if (option == PROFILES)
		g->o.profiles = value;
	else if (option == DOCKER_SOCKET)
		g->o.docker_socket = value;
	else if (option == DOCKER_ROOT)
		g->o.docker_root = value;
	g->doctor |= option == DOCTOR;
	g->o.quiet |= option == QUIET;
	g->o.detail |= option == DETAIL;
	return true;
}

static bool default_rules(struct given *g)
{
	if (!lz_cmd_own_rules(g->own_rules, sizeof(g->own_rules)))
		return false;
	g->rules[g->o.rule_count++] = g->own_rules;
	return true;
}

static int parse(struct given *g, int argc, char **argv)
{
	struct lz_args a = {.verb = &lz_verb_watch, .argc = argc, .argv = argv};
	const char *value;
	int option, r;

	while ((r = lz_args_next(&a, &option, &value)) > 0) {
		if (r == 2) {
			lz_log(LZ_ERROR,
			       "watch: \"%s\" is no option; rule files are named by --rules",
			       value);
			return -1;
		}
		if (!take(g, option, value))
			return -1;
	}
	if (r < 0 || g->doctor)
		return r;
	if (g->o.profiles && !*g->o.profiles) {
		lz_log(LZ_ERROR, "watch: --profiles needs the name of a folder");
		return -1;
	}
	if (!g->o.rule_count && !default_rules(g) && !g->o.learn_s && !g->o.profiles) {
		lz_log(LZ_ERROR,
		       "watch: the rules that come with the program are not in %s; name "
		       "others: --rules FILE",
		       LZ_RULES_DIR);
		return -1;
	}
	if (g->o.record && g->o.replay) {
		lz_log(LZ_ERROR, "watch: --record and --replay don't go together");
		return -1;
	}
	if (g->o.replay && (g->o.learn_s || g->o.profiles)) {
		lz_log(LZ_ERROR, "watch: --replay uses no profiles");
		return -1;
	}
	return 0;
}

static int exit_of(const struct lz_err *err)
{
	if (err->code == LZ_E_USAGE)
		return LZ_EXIT_USAGE;
	return LZ_EXIT_INCOMPLETE;
}

static int run(int argc, char **argv)
{
	struct given g = {.o = {.group_s = -1, .ring_bytes = 8 * LZ_M}};
	const char *docker = getenv("DOCKER_HOST");
	struct lz_err err = {0};
	int r = LZ_EXIT_USAGE;

	if (docker && !strncmp(docker, "unix://", 7))
		g.o.docker_socket = docker + 7;
	g.rules = calloc((size_t)argc + 1, sizeof(*g.rules));
	g.outputs = calloc((size_t)argc + 1, sizeof(*g.outputs));
	if (g.rules && g.outputs && !parse(&g, argc, argv)) {
		g.o.rules = g.rules;
		g.o.outputs = g.outputs;
		g.o.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR") && !lz_cmd_no_colour;
		r = LZ_EXIT_PASS;
		if (g.doctor) {
			r = doctor(g.o.json);
		} else if (lz_watch_run(&g.o, &err)) {
			lz_log(LZ_ERROR, "watch: %s", err.text);
			r = exit_of(&err);
		}
	}
	free(g.rules);
	free(g.outputs);
	return r;
}

const struct lz_verb lz_verb_watch = {
	.name = "watch",
	.arguments = "",
	.summary = "watch containers and this host as they run, by rules in Falco's language",
	.examples =
		"lazaret watch\n"
		"lazaret watch --rules falco_rules.yaml\n"
		"lazaret watch -r rules/ --format json -o file:/var/log/lazaret.json,size=100M\n"
		"lazaret watch -r my.yaml --replay incident.lzrec --group 0\n"
		"lazaret watch -r rules/ --learn 15m\n"
		"lazaret watch --doctor\n",
	.options = options,
	.run = run,
};
