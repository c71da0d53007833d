/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rule language, worked by hand from its description: what a condition means for an event, what
 * loading says, and the community's own files. Then conditions made at random, against an evaluator
 * that walks them naively.
 */
#include "test.h"

#include "rules/rules.h"

#include "base/limits.h"

/* --- one condition, one event --- */

struct asked {
	const struct lz_rule *hit;
	size_t hits;
};

static void on_hit(void *arg, const struct lz_rule *rule)
{
	struct asked *a = arg;

	a->hit = rule;
	a->hits++;
}

static struct lz_rules *load(const char *text)
{
	struct lz_err err = {0};
	struct lz_rules *r = lz_rules_new(&err);

	assert_non_null(r);
	assert_ok(lz_rules_add(r, LZ_SPAN("t.yaml"), lz_str(text), &err), err);
	assert_ok(lz_rules_compile(r, &err), err);
	return r;
}

static size_t matches(struct lz_rules *r, const char *event, struct lz_buf *output)
{
	struct lz_err err = {0};
	struct lz_json_event *j = lz_json_event_new(lz_str(event), &err);
	struct lz_matcher *m = lz_matcher_new(r, &err);
	struct asked a = {0};

	if (!j || !m)
		fail_msg("%s: %s", event, err.text);
	lz_match_event(m, lz_json_event_of(j), lz_json_event_kind(j), 0, on_hit, &a);
	if (output && a.hit)
		lz_match_output(m, lz_json_event_of(j), a.hit, output);
	lz_matcher_free(m);
	lz_json_event_free(j);
	return a.hits;
}

#define RULE(condition) \
	"- rule: r\n  desc: d\n  priority: INFO\n  output: o\n  condition: >\n    " condition "\n"

static void no_errors(const struct lz_rules *r, const char *about)
{
	LZ_VEC_EACH (struct lz_rules_note, n, lz_rules_notes(r))
		if (n->error)
			fail_msg("%s: %u:%u: %.*s", about, n->line, n->column, LZ_FMT(n->text));
}

static void expect(const char *condition, const char *event, bool met)
{
	char text[2000];
	struct lz_rules *r;

	snprintf(text, sizeof(text), RULE("%s"), condition);
	r = load(text);
	no_errors(r, condition);
	if (matches(r, event, NULL) != met)
		fail_msg("%s: expected %s for %s", condition, met ? "true" : "false", event);
	lz_rules_free(r);
}

#define EVENT                                                                                     \
	"{\"evt.type\": \"openat\", \"proc.name\": \"Bash\", \"fd.name\": \"/etc/ssl/a.key\","    \
	" \"fd.num\": 3, \"fd.sport\": 443, \"fd.port\": [443, 51000], \"fd.sip\": \"10.1.2.3\"," \
	" \"fd.ip\": [\"10.1.2.3\", \"192.168.0.9\"], \"fd.snet\": \"10.1.2.3\","                 \
	" \"evt.is_open_read\": true, \"evt.rawres\": -2, \"proc.aname\": [\"sshd\", \"init\"],"  \
	" \"proc.aname[1]\": \"sshd\", \"evt.arg.path\": \"/etc\", \"evt.arg.cmd\": 5,"           \
	" \"fd.types\": [\"file\", \"ipv4\"], \"proc.args\": \"-c id -o /tmp/x\","                \
	" \"proc.cmdline\": \"aGVsbG8=\", \"evt.buffer\": \"\\u0001AB\", \"proc.env[HOME]\": "    \
	"\"/root\"}"

static const struct {
	const char *condition;
	bool met;
} meanings[] = {
	{"evt.type=openat", true},
	{"evt.type = open", false},
	{"evt.type!=open", true},
	{"evt.type in (open, openat)", true},
	{"evt.type in (open)", false},
	{"evt.type in ()", false},
	{"not evt.type in ()", true},
	{"proc.name = bash", false},
	{"tolower(proc.name) = bash", true},
	{"toupper(proc.name)=BASH", true},
	{"proc.name = 'Bash' and fd.num>=0", true},
	{"proc.name = \"Bash\" and fd.num>3", false},
	{"fd.num < 4 and fd.num <= 3 and fd.num > 2", true},
	{"fd.num = 0x3", true},
	{"evt.rawres < 0", true},
	{"evt.rawres = -2", true},
	{"evt.rawres in (-1, -2)", true},
	/* no value: every comparison is false, its opposite is not */
	{"fd.lport != 1", false},
	{"not fd.lport = 1", true},
	{"fd.lport exists", false},
	{"fd.name exists", true},
	/* texts */
	{"fd.name startswith /etc", true},
	{"fd.name startswith /etc/ssl/a.key2", false},
	{"fd.name endswith .key", true},
	{"fd.name contains ssl", true},
	{"fd.name contains SSL", false},
	{"fd.name icontains SSL", true},
	{"fd.name glob /etc/*.key", true}, /* "*" crosses "/" */
	{"fd.name glob /etc/*.KEY", false},
	{"fd.name iglob /etc/*.KEY", true},
	{"fd.name regex '/etc/.*key'", true},
	{"fd.name regex '/etc'", false}, /* whole or not at all */
	{"fd.name pmatch (/etc/ssl)", true},
	{"fd.name pmatch (/etc/s)", false},
	{"fd.name pmatch (/var, /etc/*/a.key)", true},
	{"fd.name pmatch (/etc/ssl/a.key/b)", false},
	{"fd.name contains oneof (etc, ssl)", false},
	{"fd.name contains oneof (etc, var)", true},
	{"fd.name contains anyof (var, ssl)", true},
	{"fd.name contains allof (etc, ssl)", true},
	{"fd.name contains allof (etc, var)", false},
	{"fd.name contains anyof ()", false},
	/* both ends */
	{"fd.port = 443", true},
	{"fd.port = https", true},
	{"fd.port = 80", false},
	{"fd.port != 443", false}, /* one end has it */
	{"fd.port != 80", true},
	{"fd.port in (1, 51000)", true},
	{"fd.ip = 192.168.0.9", true},
	{"fd.ip != 192.168.0.9", false},
	{"fd.sip in (10.1.2.3, ::1)", true},
	{"fd.snet = 10.0.0.0/8", true},
	{"fd.snet in ('172.16.0.0/12', 10.1.0.0/255.255.0.0)", true},
	{"fd.snet != 10.0.0.0/8", false},
	{"fd.snet = fe80::/10", false},
	/* several values */
	{"proc.aname = init", true},
	{"proc.aname in (cron, sshd)", true},
	{"proc.aname[1] = sshd", true},
	{"proc.aname[2] = sshd", false},
	{"fd.types in (file, ipv4, ipv6)", true}, /* all of them */
	{"fd.types in (file)", false},
	{"fd.types intersects (file)", true},
	{"fd.types intersects (pipe)", false},
	/* arguments and enums */
	{"evt.arg.path = /etc", true},
	{"evt.arg[path] = /etc", true},
	{"evt.arg.cmd = 5", true},
	{"evt.arg.cmd in (4, 0x5)", true},
	{"proc.env[HOME] startswith /root", true},
	{"proc.env[PATH] startswith /", false},
	{"evt.is_open_read = true", true},
	{"evt.is_open_read != true", false},
	/* transformers */
	{"b64(proc.cmdline) = hello", true},
	{"basename(fd.name) = a.key", true},
	{"len(proc.name) = 4", true},
	{"len(fd.types) = 2", true},
	{"join(\",\", fd.types) = 'file,ipv4'", true},
	{"concat(proc.name, \"/\", evt.type) = Bash/openat", true},
	{"getopt(proc.args, \"c:o:\")[o] = /tmp/x", true},
	{"getopt(proc.args, \"c:o:\")[x] exists", false},
	{"fd.name startswith val(evt.arg.path)", true},
	{"evt.type = val(proc.name)", false},
	{"proc.name = concat(\"B\", \"ash\")", true},
	/* bytes */
	{"evt.buffer bcontains 4142", true},
	{"evt.buffer bstartswith 01", true},
	{"evt.buffer bcontains cafebabe", false},
	/* logic and spelling */
	{"evt.num=0", false},
	{"not evt.num=0", true},
	{"evt.type=open or evt.type=openat and fd.num=3", true},
	{"(evt.type=open or evt.type=openat) and fd.num=4", false},
	{"evt.type=openat or evt.type=open and fd.num=4", true}, /* and binds closer */
	{"not not evt.type=openat", true},
	{"not(evt.type=open)and(fd.num=3)", true},
	{"proc.name='B\\x61sh'", true},
};

static void test_meaning(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		expect(meanings[i].condition, EVENT, meanings[i].met);
}

/* --- lists, macros, changes --- */

static const char changed[] =
	"- list: inner\n  items: [sh, 'a b']\n"
	"- list: shells\n  items: [bash, inner]\n"
	"- list: nothing\n  items: []\n"
	"- macro: is_shell\n  condition: proc.name in (shells)\n"
	"- macro: opened\n  condition: (evt.type in (open, nothing, openat))\n"
	"- rule: one\n  desc: first\n  priority: WARNING\n  tags: [a, b]\n"
	"  output: shell %proc.name at %fd.name\n  condition: opened and is_shell\n"
	"---\n"
	"- list: inner\n  items: [zsh]\n  override:\n    items: append\n"
	"- macro: opened\n  condition: or evt.type=creat\n  override:\n    condition: append\n"
	"- rule: one\n  condition: and not fd.name=/x\n  tags: [b, c]\n  priority: ERROR\n"
	"  override:\n    condition: append\n    tags: append\n    priority: replace\n";

static void test_changes(void **state)
{
	struct lz_rules *r = load(changed);
	const struct lz_rule *rule = lz_rules_all(r)->p;
	struct lz_buf out;

	(void)state;
	no_errors(r, "changes");
	assert_int_equal(rule->priority, LZ_PRIO_ERROR);
	assert_int_equal(rule->tag_count, 3);
	assert_span(rule->tags[2], "c");
	assert_int_equal(matches(r, "{\"evt.type\":\"open\",\"proc.name\":\"bash\"}", NULL), 1);
	assert_int_equal(matches(r, "{\"evt.type\":\"open\",\"proc.name\":\"sh\"}", NULL), 1);
	assert_int_equal(matches(r, "{\"evt.type\":\"open\",\"proc.name\":\"a b\"}", NULL), 1);
	assert_int_equal(matches(r, "{\"evt.type\":\"creat\",\"proc.name\":\"bash\"}", NULL), 1);
	assert_int_equal(matches(r, "{\"evt.type\":\"close\",\"proc.name\":\"bash\"}", NULL), 0);
	assert_int_equal(matches(r, "{\"evt.type\":\"open\",\"proc.name\":\"cat\"}", NULL), 0);
	assert_int_equal(
		matches(r, "{\"evt.type\":\"open\",\"proc.name\":\"sh\",\"fd.name\":\"/x\"}", NULL),
		0);
	lz_buf_init(&out, 1000);
	matches(r, "{\"evt.type\":\"open\",\"proc.name\":\"sh\"}", &out);
	assert_span(lz_buf_view(&out), "shell sh at <NA>");
	lz_buf_done(&out);
	lz_rules_free(r);
}

static void test_exceptions(void **state)
{
	struct lz_rules *r =
		load(RULE("evt.type=open") "  exceptions:\n"
					   "    - name: pairs\n      fields: [proc.name, "
					   "fd.name]\n      comps: [=, startswith]\n"
					   "      values:\n        - [cat, /proc/]\n"
					   "    - name: dirs\n      fields: fd.directory\n      "
					   "values: [/tmp, '/my dir']\n"
					   "    - name: unused\n      fields: [proc.name]\n"
					   "- rule: r\n  exceptions:\n    - name: pairs\n      "
					   "values:\n        - [dog, /sys]\n"
					   "  override:\n    exceptions: append\n");

	(void)state;
	no_errors(r, "exceptions");
	assert_int_equal(matches(r,
				 "{\"evt.type\":\"open\",\"proc.name\":\"cat\",\"fd.name\":\"/x\"}",
				 NULL),
			 1);
	assert_int_equal(
		matches(r, "{\"evt.type\":\"open\",\"proc.name\":\"cat\",\"fd.name\":\"/proc/1\"}",
			NULL),
		0);
	assert_int_equal(
		matches(r, "{\"evt.type\":\"open\",\"proc.name\":\"dog\",\"fd.name\":\"/sys/a\"}",
			NULL),
		0);
	assert_int_equal(matches(r, "{\"evt.type\":\"open\",\"fd.directory\":\"/my dir\"}", NULL),
			 0);
	assert_int_equal(matches(r, "{\"evt.type\":\"open\",\"fd.directory\":\"/my\"}", NULL), 1);
	lz_rules_free(r);
}

/* A row that doesn't fit is pointed at where it stands. */
static void test_exception_rows(void **state)
{
	struct lz_err err = {0};
	struct lz_rules *r = lz_rules_new(&err);
	const struct lz_rules_note *n;

	(void)state;
	assert_non_null(r);
	assert_ok(
		lz_rules_add(r, LZ_SPAN("a.yaml"),
			     LZ_SPAN(RULE("evt.type=open") "  exceptions:\n    - name: pairs\n"
							   "      fields: [proc.name, fd.name]\n"),
			     &err),
		err);
	assert_ok(
		lz_rules_add(r, LZ_SPAN("b.yaml"),
			     LZ_SPAN("- rule: r\n  override: {exceptions: append}\n  exceptions:\n"
				     "    - name: pairs\n      values:\n        - [a, b]\n"
				     "        - [a]\n"),
			     &err),
		err);
	assert_ok(lz_rules_compile(r, &err), err);
	assert_int_equal(lz_rules_errors(r), 1);
	n = lz_vec_at(lz_rules_notes(r), lz_rules_notes(r)->n - 1);
	assert_span(n->file, "b.yaml");
	assert_int_equal(n->line, 7);
	assert_int_equal(n->column, 11);
	lz_rules_free(r);
}

/* --- what loading says --- */

static const struct {
	const char *text;
	const char *code;
	bool error;
	unsigned line, column; /* 0: not looked at */
	const char *says;
} mistakes[] = {
	{RULE("evt.type = open and"), "LOAD_ERR_COMPILE_CONDITION", true, 6, 0, "expected a field"},
	{RULE("evt.type = open and\n    nope.field = 1"), "LOAD_ERR_COMPILE_CONDITION", true, 7, 5,
	 "unknown field \"nope.field\""},
	{RULE("nobody and evt.type=open"), "LOAD_ERR_COMPILE_CONDITION", true, 6, 5,
	 "undefined macro 'nobody'"},
	{RULE("evt.type ~ open"), "LOAD_ERR_COMPILE_CONDITION", true, 6, 14,
	 "expected an operator"},
	{RULE("(evt.type=open"), "LOAD_ERR_COMPILE_CONDITION", true, 0, 0, "expected ')'"},
	{RULE("evt.type=open)"), "LOAD_ERR_COMPILE_CONDITION", true, 6, 18, "expected \"and\""},
	{RULE("fd.num = many"), "LOAD_ERR_COMPILE_CONDITION", true, 6, 14,
	 "\"many\" is not a number"},
	{RULE("evt.type=open") "  exceptions: {a: b}\n", "LOAD_ERR_VALIDATE", true, 7, 0,
	 "\"exceptions\" must be a list"},
	{RULE("fd.num contains 3"), "LOAD_ERR_COMPILE_CONDITION", true, 6, 5, "does not go with"},
	{RULE("proc.name bcontains 41"), "LOAD_ERR_COMPILE_CONDITION", true, 0, 0,
	 "does not go with"},
	{RULE("evt.is_open_read = yes"), "LOAD_ERR_COMPILE_CONDITION", true, 0, 0, "true or false"},
	{RULE("fd.snet = 10.0.0.1"), "LOAD_ERR_COMPILE_CONDITION", true, 0, 0, "is not a network"},
	{RULE("proc.name regex '('"), "LOAD_ERR_COMPILE_CONDITION", true, 0, 0,
	 "no regular expression"},
	{RULE("proc.name = 'a"), "LOAD_ERR_COMPILE_CONDITION", true, 6, 17, "not closed"},
	{RULE("proc.name = '\\q'"), "LOAD_ERR_COMPILE_CONDITION", true, 0, 0, "unknown escape"},
	{RULE("tolower(fd.num) = a"), "LOAD_ERR_COMPILE_CONDITION", true, 6, 13,
	 "can't take a value"},
	{RULE("tolower(proc.aname) = a"), "LOAD_ERR_COMPILE_CONDITION", true, 0, 0,
	 "can't be transformed"},
	{RULE("proc.name[1] = a"), "LOAD_ERR_COMPILE_CONDITION", true, 0, 0, "takes no argument"},
	{RULE("evt.arg = a"), "LOAD_ERR_COMPILE_CONDITION", true, 0, 0, "needs an argument"},
	{RULE("proc.aname[x] = a"), "LOAD_ERR_COMPILE_CONDITION", true, 0, 0, "a small number"},
	{RULE("proc.name = a"), "LOAD_NO_EVTTYPE", false, 0, 0, "too many kinds"},
	{RULE("evt.type=open and proc.name=<NA>"), "LOAD_UNSAFE_NA_CHECK", false, 6, 33, "exists"},
	{"- rule: r\n  desc: d\n  priority: INFO\n  output: \"%no.field\"\n  condition: "
	 "evt.type=open\n",
	 "LOAD_ERR_COMPILE_OUTPUT", true, 4, 0, "unknown field"},
	{"- rule: r\n  desc: d\n  priority: INFO\n  output: \"100%\"\n  condition: evt.type=open\n",
	 "LOAD_ERR_COMPILE_OUTPUT", true, 4, 0, "ends with"},
	{"- rule: r\n  desc: d\n  priority: LOUD\n  output: o\n  condition: evt.type=open\n",
	 "LOAD_ERR_VALIDATE", true, 3, 13, "\"LOUD\" is no priority"},
	{"- rule: r\n  desc: d\n  output: o\n  condition: evt.type=open\n", "LOAD_ERR_VALIDATE",
	 true, 1, 9, "\"priority\" is missing"},
	{"- rule: r\n  condition: and fd.num=1\n  append: true\n", "LOAD_ERR_VALIDATE", true, 1, 9,
	 "not defined before"},
	{"- list: l\n  items: [a]\n  colour: red\n", "LOAD_UNKNOWN_KEY", false, 3, 3, "\"colour\""},
	{"- list: l\n  items: [a]\n", "LOAD_UNUSED_LIST", false, 1, 9, "no rule uses it"},
	{"- macro: m\n  condition: evt.type=open\n", "LOAD_UNUSED_MACRO", false, 1, 10,
	 "no rule uses it"},
	{"- macro: a\n  condition: a or evt.type=open\n- rule: r\n  desc: d\n  priority: INFO\n"
	 "  output: o\n  condition: a\n",
	 "LOAD_ERR_COMPILE_CONDITION", true, 2, 14, "defined further down"},
	{"- wonder: 1\n", "LOAD_UNKNOWN_ITEM", false, 1, 3, "neither"},
	{"wonder: 1\n", "LOAD_ERR_YAML_VALIDATE", true, 1, 1, "expected a list"},
	{"- [\n", "LOAD_ERR_YAML_PARSE", true, 0, 0, "line 2"},
	{"- required_engine_version: 0.64.0\n", "LOAD_ERR_VALIDATE", true, 1, 28, "up to 0.63.0"},
	{"- required_engine_version: 99\n", "LOAD_ERR_VALIDATE", true, 1, 28, "up to 0.63.0"},
	{"- required_plugin_versions:\n    - name: k8saudit\n      version: 0.7.0\n",
	 "LOAD_ERR_VALIDATE", true, 2, 7, "k8saudit is not part"},
	{RULE("evt.type=open") "  source: k8s_audit\n", "LOAD_UNKNOWN_SOURCE", false, 7, 11,
	 "left out"},
	{RULE("nope.field=1") "  skip-if-unknown-filter: true\n", "LOAD_UNKNOWN_FILTER", false, 6,
	 5, "unknown field"},
};

static bool says(const struct lz_rules *r, size_t i)
{
	LZ_VEC_EACH (struct lz_rules_note, n, lz_rules_notes(r)) {
		if (strcmp(n->code, mistakes[i].code) ||
		    lz_span_search(n->text, lz_str(mistakes[i].says)) < 0)
			continue;
		assert_int_equal(n->error, mistakes[i].error);
		if (mistakes[i].line && n->line != mistakes[i].line)
			fail_msg("%s: line %u, expected %u", mistakes[i].says, n->line,
				 mistakes[i].line);
		if (mistakes[i].column && n->column != mistakes[i].column)
			fail_msg("%s: column %u, expected %u", mistakes[i].says, n->column,
				 mistakes[i].column);
		return true;
	}
	return false;
}

static void test_mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct lz_rules *r = load(mistakes[i].text);
		if (!says(r, i)) {
			LZ_VEC_EACH (struct lz_rules_note, n, lz_rules_notes(r))
				print_message("  it said %s: %.*s\n", n->code, LZ_FMT(n->text));
			fail_msg("nothing says %s \"%s\" of:\n%s", mistakes[i].code,
				 mistakes[i].says, mistakes[i].text);
		}
		assert_int_equal(lz_rules_errors(r) != 0, mistakes[i].error);
		LZ_VEC_EACH (struct lz_rule, rule, lz_rules_all(r))
			if (mistakes[i].error && rule->usable)
				fail_msg("a rule in error is used: %s", mistakes[i].text);
		lz_rules_free(r);
	}
}

/* One mistake hides no other, and what is right stays usable. */
static void test_mistakes_side_by_side(void **state)
{
	struct lz_rules *r = load("- rule: a\n  desc: d\n  priority: INFO\n  output: o\n"
				  "  condition: evt.type=open and x.y=1\n"
				  "- rule: b\n  desc: d\n  priority: INFO\n  output: o\n"
				  "  condition: evt.type=open\n"
				  "- rule: c\n  desc: d\n  priority: INFO\n  output: o\n"
				  "  condition: fd.num=x\n");

	(void)state;
	assert_int_equal(lz_rules_errors(r), 2);
	assert_int_equal(matches(r, "{\"evt.type\":\"open\"}", NULL), 1);
	lz_rules_free(r);
}

/* --- outputs --- */

static void test_outputs(void **state)
{
	static const struct {
		const char *output, *want;
	} cases[] = {
		{"plain", "plain"},
		{"*%proc.name", "Bash"},
		{"%proc.name%fd.num.", "Bash3."},
		{"%fd.lport", "<NA>"},
		{"%6proc.name|%2proc.name|", "Bash  |Ba|"},
		{"100%% %evt.rawres", "100% -2"},
		{"%toupper(proc.name) %evt.arg.path %proc.aname[1]", "BASH /etc sshd"},
		{"%fd.types %fd.sip %evt.is_open_read", "(file,ipv4) 10.1.2.3 true"},
		{"%evt.buffer", "\\u0001AB"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[400];
		struct lz_rules *r;
		struct lz_buf out;
		snprintf(text, sizeof(text),
			 "- rule: r\n  desc: d\n  priority: INFO\n  output: '%s'\n"
			 "  condition: evt.type=openat\n",
			 cases[i].output);
		r = load(text);
		no_errors(r, cases[i].output);
		lz_buf_init(&out, 10000);
		assert_int_equal(matches(r, EVENT, &out), 1);
		assert_span(lz_buf_view(&out), cases[i].want);
		lz_buf_done(&out);
		lz_rules_free(r);
	}
}

/* Whatever bytes a value holds, the line stays one line of good text. */
static void test_outputs_are_harmless(void **state)
{
	static const struct {
		const char *bytes; /* in base64, as JSON can't hold them */
		const char *want;
	} cases[] = {
		{"YRtb", "a\\u001b["}, /* ESC */
		{"YQpi", "a\\nb"},     /* newline */
		{"/2E=", "\xef\xbf\xbd"
			 "a"},			      /* ff */
		{"wpth", "\\u009ba"},		      /* U+009B, a control too */
		{"w6Q=", "\xc3\xa4"},		      /* U+00E4 */
		{"4oI=", "\xef\xbf\xbd\xef\xbf\xbd"}, /* a character cut short */
	};
	struct lz_rules *r = load("- rule: r\n  desc: d\n  priority: INFO\n"
				  "  output: '%b64(proc.args)'\n  condition: evt.type=open\n");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char event[100];
		struct lz_buf out;
		lz_buf_init(&out, 1000);
		snprintf(event, sizeof(event), "{\"evt.type\":\"open\",\"proc.args\":\"%s\"}",
			 cases[i].bytes);
		assert_int_equal(matches(r, event, &out), 1);
		assert_span(lz_buf_view(&out), cases[i].want);
		lz_buf_done(&out);
	}
	lz_rules_free(r);
}

/* --- the community's files --- */

static void test_stock_files(void **state)
{
	static const struct {
		const char *path;
		size_t rules, disabled, macros, lists; /* counted by hand with grep */
	} files[] = {
		{"compat/falco/falco_rules.yaml", 25, 0, 87, 49},
		{"compat/falco/falco-incubating_rules.yaml", 31, 0, 82, 54},
		{"compat/falco/falco-sandbox_rules.yaml", 37, 12, 183, 60},
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const char *path = shared_or_skip(files[i].path);
		FILE *f = fopen(path, "rb");
		static char text[200000];
		size_t n = fread(text, 1, sizeof(text), f), disabled = 0;
		struct lz_err err = {0};
		struct lz_rules *r = lz_rules_new(&err);
		fclose(f);
		assert_ok(lz_rules_add(r, lz_str(path), lz_span(text, n), &err), err);
		assert_ok(lz_rules_compile(r, &err), err);
		no_errors(r, path);
		assert_int_equal(lz_rules_all(r)->n, files[i].rules);
		assert_int_equal(lz_rules_macro_count(r), files[i].macros);
		assert_int_equal(lz_rules_list_count(r), files[i].lists);
		LZ_VEC_EACH (struct lz_rule, rule, lz_rules_all(r)) {
			assert_true(rule->usable);
			disabled += !rule->enabled;
		}
		assert_int_equal(disabled, files[i].disabled);
		lz_rules_free(r);
	}
}

static void test_stock_rule_fires(void **state)
{
	const char *path = shared_or_skip("compat/falco/falco_rules.yaml");
	FILE *f = fopen(path, "rb");
	static char text[200000];
	size_t n = fread(text, 1, sizeof(text), f);
	struct lz_err err = {0};
	struct lz_rules *r = lz_rules_new(&err);

	(void)state;
	fclose(f);
	assert_ok(lz_rules_add(r, lz_str(path), lz_span(text, n), &err), err);
	assert_ok(lz_rules_compile(r, &err), err);
	assert_int_equal(
		matches(r,
			"{\"evt.type\": \"execve\", \"container.id\": \"0123456789ab\","
			" \"container.image.repository\": \"alpine\", \"proc.name\": \"bash\","
			" \"proc.tty\": 34816, \"proc.pname\": \"runc\", \"evt.res\": \"SUCCESS\","
			" \"proc.cmdline\": \"bash\", \"evt.rawres\": 0, \"proc.exepath\": "
			"\"/bin/bash\"}",
			NULL),
		1); /* Terminal shell in container */
	assert_int_equal(matches(r,
				 "{\"evt.type\": \"execve\", \"container.id\": \"host\", "
				 "\"proc.name\": \"bash\","
				 " \"proc.tty\": 34816, \"proc.pname\": \"login\", \"evt.res\": "
				 "\"SUCCESS\"}",
				 NULL),
			 0);
	lz_rules_free(r);
}

/* --- against a naive evaluator --- */

static unsigned seed = 20261124;

static unsigned any(unsigned below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % below;
}

/* Fields of the event: four have one of three texts, or no value (3); one a number from -1 to 1, or
 * none (3). Its kind is one of four. */
enum { TEXTS = 4, NUMBER = 4, WORTHS = 5 };
static int worth[WORTHS];
static unsigned kind_now;
static const char *const names[WORTHS] = {"proc.name", "proc.pname", "fd.name", "user.name",
					  "fd.num"};
static const char *const texts[3] = {"ab", "abc", "c"};
static const char *const some_kinds[4] = {"open", "openat", "execve", "connect"};

static bool ends(const char *s, const char *end)
{
	return strlen(s) >= strlen(end) && !strcmp(s + strlen(s) - strlen(end), end);
}

static bool random_text_leaf(struct lz_buf *to, unsigned field, unsigned value)
{
	static const char *const ops[] = {"startswith", "endswith", "contains", "exists"};
	unsigned op = any(4);
	const char *x = texts[value], *v = worth[field] < 3 ? texts[worth[field]] : NULL;

	lz_buf_printf(to, "%s %s %s", names[field], ops[op], op < 3 ? x : "");
	if (!v)
		return false;
	return op == 3 || (op == 0   ? !strncmp(v, x, strlen(x))
			   : op == 1 ? ends(v, x)
				     : strstr(v, x) != NULL);
}

static bool random_number_leaf(struct lz_buf *to)
{
	static const char *const ops[] = {"<", "<=", ">", ">=", "=", "!="};
	int x = (int)any(3) - 1, v = worth[NUMBER];
	unsigned op = any(6);
	const bool is[] = {v<x, v <= x, v> x, v >= x, v == x, v != x};

	lz_buf_printf(to, "fd.num %s %d", ops[op], x);
	return v != 3 && is[op];
}

static bool random_leaf(struct lz_buf *to, unsigned kind)
{
	unsigned field = any(4), value = any(3), other = any(3), which = any(4);

	if (kind == 6) {
		lz_buf_printf(to, "evt.type in (%s, creat)", some_kinds[which]);
		return which == kind_now;
	}
	if (kind == 7) {
		lz_buf_printf(to, "evt.type != %s", some_kinds[which]);
		return which != kind_now;
	}
	if (kind == 8)
		return random_text_leaf(to, field, value);
	if (kind == 9)
		return random_number_leaf(to);
	if (kind == 2) {
		lz_buf_printf(to, "%s in (%s, %s)", names[field], texts[value], texts[other]);
		return worth[field] == (int)value || worth[field] == (int)other;
	}
	lz_buf_printf(to, "%s%s%s", names[field], kind ? "!=" : "=", texts[value]);
	return worth[field] != 3 && (worth[field] == (int)value) == (kind == 0);
}

/* Writes a condition and returns what it is worth. */
static bool random_condition(struct lz_buf *to, int depth)
{
	unsigned kind = depth > 4 ? any(2) : any(10), n = 2 + any(3);
	bool result;

	if (kind < 3 || kind > 5)
		return random_leaf(to, kind);
	if (kind == 3) {
		lz_buf_printf(to, "not (");
		result = !random_condition(to, depth + 1);
		lz_buf_printf(to, ")");
		return result;
	}
	result = kind == 4;
	lz_buf_printf(to, "(");
	for (unsigned i = 0; i < n; i++) {
		bool one;
		lz_buf_printf(to, "%s", i == 0 ? "" : kind == 4 ? " and " : " or ");
		one = random_condition(to, depth + 1);
		result = kind == 4 ? result && one : result || one;
	}
	lz_buf_printf(to, ")");
	return result;
}

/* An event as said by worth and kind_now; only fields that are known may be asked for. */
struct random_event {
	struct lz_watch_event e;
	bool known[WORTHS];
	struct lz_datum d[WORTHS + 1];
};
#define ALL_KNOWN                            \
	{                                    \
		true, true, true, true, true \
	}

static size_t random_get(struct lz_watch_event *e, const struct lz_field *f, struct lz_span arg,
			 const struct lz_datum **ret)
{
	struct random_event *r = (struct random_event *)(void *)e;

	(void)arg;
	for (int i = 0; i < WORTHS; i++) {
		if (strcmp(f->name, names[i]))
			continue;
		assert_true(r->known[i]);
		*ret = &r->d[i];
		r->d[i].num = worth[i];
		r->d[i].text = lz_str(i < TEXTS && worth[i] < 3 ? texts[worth[i]] : "");
		return worth[i] != 3;
	}
	assert_string_equal(f->name, "evt.type");
	*ret = &r->d[WORTHS];
	r->d[WORTHS].text = lz_str(some_kinds[kind_now]);
	return 1;
}

static enum lz_knowledge random_knows(void *arg, const struct lz_field *f, struct lz_span index)
{
	const struct random_event *r = arg;

	(void)index;
	for (int i = 0; i < WORTHS; i++)
		if (!strcmp(f->name, names[i]))
			return r->known[i];
	return true;
}

static bool random_matches(struct lz_matcher *m, bool say_kind)
{
	struct random_event r = {.e.get = random_get, .known = ALL_KNOWN};
	struct asked a = {0};

	lz_match_event(m, &r.e, say_kind ? lz_event_kind(lz_str(some_kinds[kind_now])) : -1, 0,
		       on_hit, &a);
	return a.hits > 0;
}

/* A rule set of one random condition; what it is worth is said by random_again. */
static char random_text[210000];
static struct lz_rules *random_rules(unsigned *ret_seed)
{
	struct lz_buf condition;
	struct lz_rules *r;

	*ret_seed = seed;
	lz_buf_init(&condition, 200000);
	random_condition(&condition, 0);
	lz_buf_byte(&condition, 0);
	assert_int_equal(condition.code, 0);
	snprintf(random_text, sizeof(random_text), RULE("%s"), condition.p ? condition.p : "");
	lz_buf_done(&condition);
	r = load(random_text);
	no_errors(r, random_text);
	return r;
}

static bool random_again(unsigned from, int depth)
{
	unsigned after = seed;
	struct lz_buf scratch;
	bool result;

	seed = from;
	lz_buf_init(&scratch, 200000);
	result = random_condition(&scratch, depth);
	lz_buf_done(&scratch);
	seed = after;
	return result;
}

static void random_worth(const bool *keep)
{
	for (int i = 0; i < WORTHS; i++)
		if (!keep || !keep[i])
			worth[i] = (int)any(4);
	if (worth[NUMBER] == 2 && (!keep || !keep[NUMBER]))
		worth[NUMBER] = -1;
}

/* Each for all kinds in turn, on one matcher: what was found out for one event must not leak into
 * the next. */
static void test_random_conditions(void **state)
{
	(void)state;
	for (int round = 0; round < 3000; round++) {
		unsigned from;
		struct lz_rules *r = random_rules(&from);
		struct lz_matcher *m = lz_matcher_new(r, NULL);
		assert_non_null(m);
		for (int i = 0; i < 8; i++) {
			kind_now = (unsigned)i % 4;
			random_worth(NULL);
			if (random_matches(m, i != 5) != random_again(from, 0))
				fail_msg("%s: wrong for %s %d %d %d %d %d", random_text,
					 some_kinds[kind_now], worth[0], worth[1], worth[2],
					 worth[3], worth[4]);
		}
		lz_matcher_free(m);
		lz_rules_free(r);
	}
}

/* Many rules beside each other, more than one group of a program holds: each is met when its own
 * condition is, and they come in order. */
enum { SET_RULES = 150 };

struct set_hits {
	unsigned n, rule[SET_RULES];
};

static void on_set_hit(void *arg, const struct lz_rule *rule)
{
	struct set_hits *h = arg;
	uint64_t n = 0;

	assert_true(lz_span_u64(rule->name, 10, &n));
	assert_true(h->n < SET_RULES);
	h->rule[h->n++] = (unsigned)n;
}

static void random_set(struct lz_buf *text, unsigned *from)
{
	struct lz_buf condition;

	for (int i = 0; i < SET_RULES; i++) {
		lz_buf_init(&condition, 200000);
		from[i] = seed;
		random_condition(&condition, 2);
		lz_buf_printf(text,
			      "- rule: %d\n  desc: d\n  priority: INFO\n  output: o\n"
			      "  condition: >\n    %.*s\n",
			      i, (int)condition.n, condition.p ? (const char *)condition.p : "");
		lz_buf_done(&condition);
	}
	lz_buf_byte(text, 0);
	assert_int_equal(text->code, 0);
}

static void test_random_sets(void **state)
{
	(void)state;
	for (int round = 0; round < 12; round++) {
		unsigned from[SET_RULES];
		struct lz_buf text;
		struct lz_rules *r;
		struct lz_matcher *m;
		lz_buf_init(&text, 16 * LZ_M);
		random_set(&text, from);
		r = load(text.p ? text.p : "");
		no_errors(r, "a set");
		m = lz_matcher_new(r, NULL);
		assert_non_null(m);
		for (int event = 0; event < 24; event++) {
			struct random_event e = {.e.get = random_get, .known = ALL_KNOWN};
			struct set_hits h = {0};
			unsigned at = 0;
			kind_now = any(4);
			random_worth(NULL);
			lz_match_event(m, &e.e,
				       event % 5 ? lz_event_kind(lz_str(some_kinds[kind_now])) : -1,
				       0, on_set_hit, &h);
			for (unsigned i = 0; i < SET_RULES; i++)
				if (random_again(from[i], 2))
					assert_true(at < h.n && h.rule[at++] == i);
			assert_int_equal(at, h.n);
		}
		lz_matcher_free(m);
		lz_rules_free(r);
		lz_buf_done(&text);
	}
}

/* --- events of which some is known --- */

/* What lz_match_possible calls impossible no completion makes true; when all is known, it is the
 * exact answer. random_get fails when an unknown field is asked for. */
static void test_possible_never_lies(void **state)
{
	unsigned impossible = 0;

	(void)state;
	for (int round = 0; round < 1500; round++) {
		struct random_event e = {.e.get = random_get};
		unsigned from, all = round % 8 ? any(31) : 31;
		struct lz_rules *r = random_rules(&from);
		struct lz_matcher *m = lz_matcher_new(r, NULL);
		bool possible;
		assert_non_null(m);
		kind_now = any(4);
		random_worth(NULL);
		for (unsigned i = 0; i < WORTHS; i++)
			e.known[i] = all >> i & 1;
		possible = lz_match_possible(m, &e.e, lz_event_kind(lz_str(some_kinds[kind_now])),
					     random_knows, &e);
		impossible += !possible && all != 31;
		if (all == 31)
			assert_int_equal(possible, random_again(from, 0));
		for (int i = 0; i < 40; i++) {
			bool exact = random_matches(m, true);
			assert_int_equal(exact, random_again(from, 0));
			assert_true(possible || !exact);
			random_worth(e.known);
		}
		lz_matcher_free(m);
		lz_rules_free(r);
	}
	assert_true(impossible > 100); /* it says so often enough to be of use */
}

struct partial {
	const char *
		known; /* names of fields, each with a blank behind it; ~ before: the beginning, ! what it lacks */
};

static enum lz_knowledge partial_knows(void *arg, const struct lz_field *f, struct lz_span index)
{
	const struct partial *p = arg;
	char name[200];

	snprintf(name, sizeof(name), index.n ? "~%s[%.*s] " : "~%s ", f->name, LZ_FMT(index));
	if (strstr(p->known, name))
		return LZ_BEGINS;
	name[0] = '!';
	if (strstr(p->known, name))
		return LZ_LACKS;
	return strstr(p->known, name + 1) ? LZ_KNOWN : LZ_UNKNOWN;
}

static const struct {
	const char *condition, *known, *event;
	bool possible;
} partials[] = {
	{"evt.type=openat and fd.name=/x", "", "{}", true},
	{"evt.type=execve and fd.name=/x", "", "{}", false}, /* of another kind */
	{"evt.is_open_write=true and fd.name=/x", "evt.is_open_write ",
	 "{\"evt.is_open_write\": false}", false},
	{"evt.is_open_write=true and fd.name=/x", "evt.is_open_write ",
	 "{\"evt.is_open_write\": true}", true},
	/* known, and without a value */
	{"fd.name=/x or proc.name=a", "fd.name proc.name ", "{}", false},
	{"fd.name=/x or proc.name=a", "fd.name ", "{}", true},
	{"not fd.name=/x and proc.name=a", "fd.name ", "{}", true},
	{"not (fd.name=/x or proc.name=a)", "fd.name ", "{\"fd.name\": \"/x\"}", false},
	{"not (fd.name=/x and proc.name=a)", "fd.name ", "{\"fd.name\": \"/x\"}", true},
	/* terms over unknown fields are unknown, one by one */
	{"proc.name=a and not proc.name=a", "", "{}", true},
	{"fd.name exists", "", "{}", true},
	{"not fd.name exists", "", "{}", true},
	{"tolower(proc.name)=a", "", "{}", true},
	{"tolower(proc.name)=a", "proc.name ", "{\"proc.name\": \"B\"}", false},
	{"concat(proc.name, fd.name)=ab", "proc.name ", "{\"proc.name\": \"a\"}", true},
	{"proc.name=val(proc.pname)", "proc.pname ", "{}", false},
	{"proc.name=val(proc.pname)", "proc.name ", "{}", false},
	{"proc.name=val(proc.pname)", "proc.name ", "{\"proc.name\": \"a\"}", true},
	{"proc.env[A]=1", "proc.env[A] ", "{\"proc.env[A]\": \"2\"}", false},
/* a text of which only the beginning is known */
#define LIB "{\"fd.name\": \"/usr/lib/\"}"
	{"fd.name=/etc/shadow", "~fd.name ", LIB, false},
	{"fd.name=/usr/lib/x", "~fd.name ", LIB, true},
	{"fd.name!=/etc/shadow", "~fd.name ", LIB, true},
	{"not fd.name=/etc/shadow", "~fd.name ", LIB, true},
	{"fd.name in (/etc/shadow, /srv/x)", "~fd.name ", LIB, false},
	{"fd.name in (/etc/shadow, /usr/lib/x)", "~fd.name ", LIB, true},
	{"fd.name startswith /etc", "~fd.name ", LIB, false},
	{"fd.name startswith /usr/lib/x86", "~fd.name ", LIB, true},
	{"fd.name startswith /usr", "~fd.name ", LIB, true},
	{"not fd.name startswith /usr", "~fd.name ", LIB, false},
	{"not fd.name startswith /usr/lib/x86", "~fd.name ", LIB, true},
	{"fd.name contains lib", "~fd.name ", LIB, true},
	{"not fd.name contains lib", "~fd.name ", LIB, false},
	{"fd.name contains shadow", "~fd.name ", LIB, true},
	{"fd.name endswith .so", "~fd.name ", LIB, true},
	{"fd.name glob /proc/*/environ", "~fd.name ", LIB, false},
	{"fd.name glob /usr/*/x", "~fd.name ", LIB, true},
	{"fd.name pmatch (/etc, /root)", "~fd.name ", LIB, false},
	{"fd.name pmatch (/usr)", "~fd.name ", LIB, true},
	{"fd.name exists", "~fd.name ", LIB, true},
	{"not fd.name exists", "~fd.name ", LIB, false},
	{"fd.name startswith anyof (/etc, /root)", "~fd.name ", LIB, true}, /* not looked into */
	{"tolower(fd.name)=/etc/shadow", "~fd.name ", LIB, true},
	{"fd.name=/etc/shadow", "~fd.name ", "{}", true},
/* a text that is known to lack another */
#define NO_DOTS "{\"fd.name\": \"..\"}"
	{"fd.name contains ../", "!fd.name ", NO_DOTS, false},
	{"not fd.name contains ../", "!fd.name ", NO_DOTS, true},
	{"fd.name startswith ../..", "!fd.name ", NO_DOTS, false},
	{"fd.name endswith /..", "!fd.name ", NO_DOTS, false},
	{"fd.name contains ./", "!fd.name ", NO_DOTS, true},
	{"fd.name glob *..*", "!fd.name ", NO_DOTS, true}, /* not looked into */
	{"fd.name in (a..b, x..y)", "!fd.name ", NO_DOTS, false},
	{"fd.name in (a..b, xy)", "!fd.name ", NO_DOTS, true},
	{"fd.name != a..b", "!fd.name ", NO_DOTS, true},
	{"proc.env[B]=1", "proc.env[A] ", "{\"proc.env[A]\": \"2\"}", true},
};

static void test_possible(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(partials) / sizeof(partials[0]); i++) {
		struct partial p = {partials[i].known};
		char text[2000];
		struct lz_json_event *j = lz_json_event_new(lz_str(partials[i].event), NULL);
		struct lz_matcher *m;
		struct lz_rules *r;
		snprintf(text, sizeof(text), RULE("%s"), partials[i].condition);
		r = load(text);
		no_errors(r, text);
		m = lz_matcher_new(r, NULL);
		if (!j || !m)
			fail_msg("no memory");
		for (int again = 0; again < 2; again++)
			if (lz_match_possible(m, lz_json_event_of(j),
					      lz_event_kind(LZ_SPAN("openat")), partial_knows,
					      &p) != partials[i].possible)
				fail_msg("%s, known %s, %s", partials[i].condition,
					 partials[i].known, partials[i].event);
		lz_matcher_free(m);
		lz_json_event_free(j);
		lz_rules_free(r);
	}
}

static void test_asks(void **state)
{
	uint64_t kinds[LZ_EVENT_KINDS / 64];
	int open = lz_event_kind(LZ_SPAN("open")), dns = lz_event_kind(LZ_SPAN("dns"));
	struct lz_rules *r = load(
		"- macro: unused\n  condition: proc.vpid=1\n"
		"- macro: used\n  condition: not (evt.arg.flags=1 or tolower(proc.pname)=a)\n"
		"- rule: a\n  desc: d\n  priority: INFO\n  output: '%user.name "
		"%basename(fd.name)'\n"
		"  condition: evt.type=open and used and proc.name=val(proc.exe)\n"
		"- rule: b\n  desc: d\n  priority: INFO\n  output: '%proc.cwd'\n  enabled: false\n"
		"  condition: evt.type=dns and proc.tty=0\n");

	(void)state;
	no_errors(r, "asks");
	assert_true(lz_rules_asks(r, "evt.type"));
	assert_true(lz_rules_asks(r, "evt.arg"));
	assert_true(lz_rules_asks(r, "evt.arg.flags"));
	assert_false(lz_rules_asks(r, "evt.arg.mode"));
	assert_true(lz_rules_asks(r, "proc.pname"));
	assert_true(lz_rules_asks(r, "proc.exe"));
	assert_true(lz_rules_asks(r, "user.name"));
	assert_true(lz_rules_asks(r, "fd.name"));
	assert_false(lz_rules_asks(r, "proc.vpid"));
	assert_false(lz_rules_asks(r, "proc.tty"));
	assert_false(lz_rules_asks(r, "proc.cwd"));
	assert_false(lz_rules_asks(r, "no.such"));
	lz_rules_kinds(r, kinds);
	assert_true(kinds[open / 64] >> open % 64 & 1);
	assert_false(kinds[dns / 64] >> dns % 64 & 1);
	lz_rules_free(r);
}

/* --- words --- */

/* A list's values are words as they are; a text's are between blanks. */
static void test_getopt(void **state)
{
	static const char list[] = "{\"evt.type\": \"open\", \"fd.types\": [\"x\", \"-c\", "
				   "\"id -o no\", \"-o\", \"/tmp/a b\", \"-e\", \"\", "
				   "\"-z\"]}";

	(void)state;
	expect("getopt(fd.types, \"c:o:e:z\")[o] = \"/tmp/a b\"", list, true);
	expect("getopt(fd.types, \"c:o:e:z\")[c] = \"id -o no\"", list, true);
	expect("getopt(fd.types, \"c:o:e:z\")[e] = \"\"", list, true);
	expect("getopt(fd.types, \"c:o:e:z\")[z] exists", list, true);
	expect("getopt(fd.types, \"c:o:e:z\")[q] exists", list, false);
	expect("getopt(fd.types, \"co:e:z\")[o] = no", list, false);
}

/* --- bounds --- */

static enum lz_knowledge knows_everything(void *arg, const struct lz_field *f, struct lz_span index)
{
	(void)arg, (void)f, (void)index;
	return true;
}

/* So many that specialising them for every kind would take too long: kinds whose turn does not come
 * share the general program, which must say the same. */
static void test_many_rules(void **state)
{
	static const char *const kinds[] = {"accept", "writev", "open"};
	struct lz_matcher *m;
	struct lz_rules *r;
	struct lz_buf b;

	(void)state;
	lz_buf_init(&b, 4 * LZ_M);
	for (int i = 0; i < 6000; i++)
		lz_buf_printf(&b,
			      "- rule: %d\n  desc: d\n  priority: INFO\n  output: o\n  condition: "
			      "(evt.type != open and fd.num = %d) or proc.name = %d\n",
			      i, i, i);
	lz_buf_byte(&b, 0);
	assert_int_equal(b.code, 0);
	r = load(b.p ? b.p : "");
	lz_buf_done(&b);
	no_errors(r, "many");
	m = lz_matcher_new(r, NULL);
	assert_non_null(m);
	for (int i = 0; i < 3; i++) {
		struct set_hits h = {0};
		char event[100];
		struct lz_json_event *j;
		snprintf(event, sizeof(event),
			 "{\"evt.type\":\"%s\",\"fd.num\":17,\"proc.name\":\"5999\"}", kinds[i]);
		j = lz_json_event_new(lz_str(event), NULL);
		assert_non_null(j);
		lz_match_event(m, lz_json_event_of(j), lz_json_event_kind(j), 0, on_set_hit, &h);
		assert_int_equal(h.n, i == 2 ? 1 : 2);
		assert_int_equal(h.rule[0], i == 2 ? 5999 : 17);
		assert_true(lz_match_possible(m, lz_json_event_of(j), lz_json_event_kind(j),
					      knows_everything, NULL));
		lz_json_event_free(j);
	}
	lz_matcher_free(m);
	lz_rules_free(r);
}

/* Arguments may have 128 KiB: no comparison gives up on them. */
static void test_long_values(void **state)
{
	static const char *const conditions[] = {
		"proc.args glob *secret",     "proc.args iglob *SECRET",
		"proc.args regex '.*secret'", "proc.args contains xxsecret",
		"proc.args endswith secret",  "proc.args pmatch (/x*secret)",
	};
	struct lz_buf event;

	(void)state;
	lz_buf_init(&event, LZ_M);
	lz_buf_str(&event, "{\"evt.type\": \"open\", \"proc.args\": \"/");
	for (int i = 0; i < 131072; i++)
		lz_buf_byte(&event, 'x');
	lz_buf_str(&event, "secret\"}");
	lz_buf_byte(&event, 0);
	assert_int_equal(event.code, 0);
	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++)
		expect(conditions[i], event.p ? event.p : "", true);
	lz_buf_done(&event);
}

static void test_long_pattern(void **state)
{
	struct lz_buf text;
	struct lz_rules *r;

	(void)state;
	for (int n = 4095; n <= 4096; n++) {
		lz_buf_init(&text, LZ_M);
		lz_buf_str(&text, RULE("evt.type=open and fd.name glob "));
		text.n--; /* the newline */
		for (int i = 0; i < n; i++)
			lz_buf_byte(&text, '*');
		lz_buf_add(&text, "\n", 2);
		r = load(text.p ? text.p : "");
		assert_int_equal(lz_rules_errors(r), n > 4095);
		lz_rules_free(r);
		lz_buf_done(&text);
	}
}

static int load_once(void)
{
	struct lz_err err = {0};
	struct lz_rules *r = lz_rules_new(&err);
	int code = r ? lz_rules_add(r, LZ_SPAN("t.yaml"), lz_str(changed), &err) : err.code;
	struct lz_matcher *m = NULL;

	if (!code)
		code = lz_rules_compile(r, &err);
	if (!code) {
		m = lz_matcher_new(r, &err);
		code = m ? 0 : err.code;
	}
	lz_matcher_free(m);
	lz_rules_free(r);
	return code;
}

static void test_nomem(void **state)
{
	(void)state;
	assert_survives_nomem(load_once());
}

static void test_tables(void **state)
{
	(void)state;
	for (size_t i = 1; i < lz_event_kind_count; i++)
		assert_true(strcmp(lz_event_kinds[i - 1], lz_event_kinds[i]) < 0);
	for (size_t i = 0; i < lz_event_kind_count; i++)
		assert_int_equal(lz_event_kind(lz_str(lz_event_kinds[i])), i);
	assert_int_equal(lz_event_kind(LZ_SPAN("nonsense")), -1);
	for (size_t i = 0; i < lz_field_count; i++) {
		struct lz_span arg;
		assert_ptr_equal(lz_field_find(lz_str(lz_fields[i].name), &arg), &lz_fields[i]);
		assert_true(strlen(lz_fields[i].help) > 3);
	}
}

/* respond: a text of ours beside the others. */
static void respond(void **state)
{
	static const char first[] = "- rule: r\n  desc: d\n  priority: INFO\n  output: o\n"
				    "  condition: evt.type = open\n";
	char text[600];
	struct lz_rules *r;

	(void)state;
	snprintf(text, sizeof(text), "%s  respond: stop it\n", first);
	r = load(text);
	no_errors(r, text);
	assert_int_equal(lz_rules_notes(r)->n, 0);
	assert_span(((struct lz_rule *)lz_rules_all(r)->p)->respond, "stop it");
	lz_rules_free(r);
	snprintf(text, sizeof(text),
		 "%s  respond: stop it\n- rule: r\n  respond: now\n  override: {respond: append}\n",
		 first);
	r = load(text);
	no_errors(r, text);
	assert_span(((struct lz_rule *)lz_rules_all(r)->p)->respond, "stop it now");
	lz_rules_free(r);
	/* A rule defined anew has only what it says itself. */
	snprintf(text, sizeof(text), "%s  respond: stop it\n%s", first, first);
	r = load(text);
	no_errors(r, text);
	assert_int_equal(((struct lz_rule *)lz_rules_all(r)->p)->respond.n, 0);
	lz_rules_free(r);
	snprintf(text, sizeof(text), "%s  respond: [a]\n", first);
	r = load(text);
	assert_int_equal(lz_rules_errors(r), 1);
	lz_rules_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(respond),
		cmocka_unit_test(test_meaning),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_exceptions),
		cmocka_unit_test(test_exception_rows),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_mistakes_side_by_side),
		cmocka_unit_test(test_outputs),
		cmocka_unit_test(test_outputs_are_harmless),
		cmocka_unit_test(test_stock_files),
		cmocka_unit_test(test_stock_rule_fires),
		cmocka_unit_test(test_random_conditions),
		cmocka_unit_test(test_random_sets),
		cmocka_unit_test(test_possible_never_lies),
		cmocka_unit_test(test_possible),
		cmocka_unit_test(test_asks),
		cmocka_unit_test(test_getopt),
		cmocka_unit_test(test_many_rules),
		cmocka_unit_test(test_long_values),
		cmocka_unit_test(test_long_pattern),
		cmocka_unit_test(test_nomem),
		cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
