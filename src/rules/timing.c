/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of a rule that Falco does not have: count, within, by, distinct, sequence. They are kept
 * as they stood while files are read, since later ones may replace them, and understood here.
 */
#include "timing.h"

#include "../base/clean.h"
#include "../base/limits.h"

#include <stdio.h>

#define WITHIN_MAX_S (7ULL * 86400)

struct reader {
	struct lz_rules *r;
	struct lz_rule *rule;
	const struct lz_rule_def *d;
	struct lz_timing *t;
	struct lz_err *err;
	int code; /* what ends everything */
};

static bool wrong_at(struct reader *k, const struct lz_keyed *at, const struct lz_yaml *node,
		     const char *text)
{
	struct lz_rules_note n = {.error = true,
				  .code = "LOAD_ERR_VALIDATE",
				  .file = at->file,
				  .line = node->line,
				  .column = node->column,
				  .text = lz_str(text)};
	char item[300];

	snprintf(item, sizeof(item), "rule '%.*s'", LZ_FMT(k->rule->name));
	n.item = lz_str(item);
	if (!k->code)
		k->code = lz_note(k->r, &n, k->err);
	return false;
}

static bool wrong(struct reader *k, enum lz_timing_key key, const char *text)
{
	return wrong_at(k, &k->d->keys[key], k->d->keys[key].node, text);
}

static bool no_memory(struct reader *k, int code)
{
	if (!k->code)
		k->code = lz_fail(k->err, code ? code : LZ_E_NOMEM, "rules: %s",
				  lz_code_text(code ? code : LZ_E_NOMEM));
	return false;
}

static const struct lz_yaml *get(const struct reader *k, enum lz_timing_key key)
{
	return k->d->keys[key].node;
}

/* --- numbers and durations --- */

static bool read_count(struct reader *k)
{
	const struct lz_yaml *v = get(k, LZ_KEY_COUNT);
	uint64_t n;

	if (!v)
		return true;
	if (v->kind != LZ_YAML_SCALAR || !lz_span_u64(v->text, 10, &n) || !n || n > LZ_COUNT_MAX)
		return wrong(k, LZ_KEY_COUNT, "\"count\" must be a number from 1 to 1000");
	k->t->count = (unsigned)n;
	return true;
}

static bool duration(struct lz_span s, uint64_t *ret_ns)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = {{"ms", 1000000},
		     {"s", 1000000000},
		     {"m", 60000000000},
		     {"h", 3600000000000},
		     {"d", 86400000000000}};
	size_t digits = 0;
	uint64_t n;

	while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
		digits++;
	if (!lz_span_u64(lz_span_head(s, digits), 10, &n) || !n)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!lz_span_is(lz_span_from(s, digits), units[i].unit))
			continue;
		if (n > WITHIN_MAX_S * 1000000000 / units[i].ns)
			return false;
		*ret_ns = n * units[i].ns;
		return true;
	}
	return false;
}

static bool read_within(struct reader *k)
{
	const struct lz_yaml *v = get(k, LZ_KEY_WITHIN);

	if (!v)
		return true;
	if (v->kind != LZ_YAML_SCALAR || !duration(v->text, &k->t->within_ns))
		return wrong(
			k, LZ_KEY_WITHIN,
			"\"within\" must be a time such as 500ms, 10s, 5m, 2h or 1d, up to 7d");
	return true;
}

/* --- fields --- */

static bool read_field(struct reader *k, enum lz_timing_key key, const struct lz_yaml *v,
		       struct lz_span text, uint32_t *ret)
{
	size_t took = 0, at = 0;
	struct lz_err why = {0};
	struct lz_term *t = lz_term_parse(text, &k->r->arena, &took, &why);

	if (t && (took != text.n || t->kind != LZ_TERM_FIELD)) {
		lz_fail(&why, LZ_E_FORMAT, "\"%.*s\" is no field", LZ_FMT(text));
		t = NULL;
	}
	*ret = t ? lz_graph_term(&k->r->graph, t, &at, &why) : LZ_NO_TERM;
	if (*ret != LZ_NO_TERM)
		return true;
	if (why.code == LZ_E_NOMEM || why.code == LZ_E_LIMIT)
		return no_memory(k, why.code);
	return v ? wrong_at(k, &k->d->keys[key], v, why.text) : no_memory(k, LZ_E_BUG);
}

static bool read_by(struct reader *k)
{
	const struct lz_yaml *v = get(k, LZ_KEY_BY), *one = v;
	bool list = v && v->kind == LZ_YAML_LIST;

	k->t->by = lz_arena_array(&k->r->arena, LZ_BY_MAX, sizeof(*k->t->by));
	if (!k->t->by)
		return no_memory(k, k->r->arena.code);
	if (!v) {
		k->t->by_count = 1;
		return read_field(k, LZ_KEY_BY, NULL, LZ_SPAN("container.id"), k->t->by);
	}
	for (one = list ? v->first : v; one; one = list ? one->next : NULL) {
		if (one->kind != LZ_YAML_SCALAR)
			return wrong_at(k, &k->d->keys[LZ_KEY_BY], one,
					"\"by\" must be a field or a list of fields");
		if (k->t->by_count == LZ_BY_MAX)
			return wrong_at(k, &k->d->keys[LZ_KEY_BY], one,
					"\"by\" names more than 8 fields");
		if (!read_field(k, LZ_KEY_BY, one, one->text, &k->t->by[k->t->by_count++]))
			return false;
	}
	return k->t->by_count || wrong(k, LZ_KEY_BY, "\"by\" must be a field or a list of fields");
}

static bool read_distinct(struct reader *k)
{
	const struct lz_yaml *v = get(k, LZ_KEY_DISTINCT);

	k->t->distinct = LZ_NO_TERM;
	if (!v)
		return true;
	if (v->kind != LZ_YAML_SCALAR)
		return wrong(k, LZ_KEY_DISTINCT, "\"distinct\" must be a field");
	return read_field(k, LZ_KEY_DISTINCT, v, v->text, &k->t->distinct);
}

/* --- a sequence --- */

static bool read_step(struct reader *k, const struct lz_yaml *step, uint32_t *ret)
{
	const struct lz_keyed *at = &k->d->keys[LZ_KEY_SEQUENCE];
	const struct lz_yaml *condition = lz_yaml_get(step, "condition");

	if (step->kind != LZ_YAML_MAP || !condition || condition->kind != LZ_YAML_SCALAR ||
	    !condition->text.n)
		return wrong_at(k, at, step, "each step of a sequence needs a \"condition\"");
	for (const struct lz_yaml *key = step->first; key && key->next; key = key->next->next)
		if (key->next != condition)
			return wrong_at(k, at, key, "a step of a sequence has a condition alone");
	*ret = lz_compile_step(k->r, k->rule, &k->d->place, at->file, condition, k->err, &k->code);
	return *ret != UINT32_MAX;
}

static bool read_sequence(struct reader *k)
{
	const struct lz_yaml *v = get(k, LZ_KEY_SEQUENCE);
	struct lz_err why = {0};
	bool good = true;

	if (v->kind != LZ_YAML_LIST || v->count < 2 || v->count > LZ_SEQUENCE_MAX)
		return wrong(k, LZ_KEY_SEQUENCE,
			     "\"sequence\" must be a list of 2 to 16 steps, each with a condition");
	k->t->steps = lz_arena_array(&k->r->arena, v->count, sizeof(*k->t->steps));
	if (!k->t->steps)
		return no_memory(k, k->r->arena.code);
	for (const struct lz_yaml *s = v->first; s && !k->code; s = s->next)
		good &= read_step(k, s, &k->t->steps[k->t->step_count++]);
	if (!good || k->code)
		return false;
	k->rule->node =
		lz_graph_node(&k->r->graph, LZ_NODE_OR, k->t->steps, k->t->step_count, &why);
	if (k->rule->node == UINT32_MAX && why.code == LZ_E_FORMAT)
		return wrong(k, LZ_KEY_SEQUENCE, why.text);
	return k->rule->node != UINT32_MAX || no_memory(k, why.code);
}

/* --- all together --- */

/* Which keys may stand beside which. */
static bool fit(struct reader *k)
{
	bool sequence = get(k, LZ_KEY_SEQUENCE) != NULL, count = get(k, LZ_KEY_COUNT) != NULL;

	if (sequence && k->d->condition.text.n)
		return wrong(k, LZ_KEY_SEQUENCE, "a rule has a condition or a sequence, not both");
	if (sequence && count)
		return wrong(k, LZ_KEY_COUNT, "\"count\" can't stand beside \"sequence\"");
	if (sequence && k->d->exceptions.n)
		return wrong(k, LZ_KEY_SEQUENCE,
			     "a sequence has no exceptions: write them into its steps");
	if ((sequence || count) && !get(k, LZ_KEY_WITHIN))
		return wrong(k, sequence ? LZ_KEY_SEQUENCE : LZ_KEY_COUNT,
			     "\"within\" is missing: in what time?");
	for (int key = LZ_KEY_WITHIN; key < LZ_KEY_SEQUENCE && !sequence && !count; key++)
		if (get(k, (enum lz_timing_key)key))
			return wrong(k, (enum lz_timing_key)key,
				     "this is of use with \"count\" or \"sequence\" only");
	if (sequence && get(k, LZ_KEY_DISTINCT))
		return wrong(k, LZ_KEY_DISTINCT, "\"distinct\" is of use with \"count\" only");
	return true;
}

static void put_yaml(struct lz_buf *b, const struct lz_yaml *v, unsigned depth)
{
	lz_buf_printf(b, "%d %zu ", v->kind, v->text.n);
	lz_buf_span(b, v->text);
	for (const struct lz_yaml *c = v->first; c && depth < 4 && !b->code; c = c->next)
		put_yaml(b, c, depth + 1);
	lz_buf_byte(b, '.');
}

static bool find_identity(struct reader *k)
{
	LZ_CLEAN(buf) struct lz_buf b;

	lz_buf_init(&b, 64 * LZ_M);
	lz_buf_printf(&b, "%zu ", k->rule->name.n);
	lz_buf_span(&b, k->rule->name);
	lz_buf_span(&b, lz_buf_view(&k->d->condition.text));
	for (int key = 0; key < LZ_KEYS; key++) {
		lz_buf_printf(&b, "|%d ", key);
		if (k->d->keys[key].node)
			put_yaml(&b, k->d->keys[key].node, 0);
	}
	k->t->identity = lz_hash_stable(lz_buf_view(&b));
	return !b.code || no_memory(k, b.code);
}

int lz_timing_compile(struct lz_rules *r, struct lz_rule *rule, const struct lz_rule_def *d,
		      bool *ret_good, struct lz_err *err)
{
	struct reader k = {.r = r, .rule = rule, .d = d, .err = err};
	bool any = false;

	*ret_good = true;
	for (int key = 0; key < LZ_KEYS; key++)
		any |= d->keys[key].node != NULL;
	if (!any)
		return 0;
	k.t = LZ_ARENA_NEW(&r->arena, struct lz_timing);
	if (!k.t) {
		no_memory(&k, r->arena.code);
		return k.code;
	}
	*ret_good = fit(&k) && read_count(&k) && read_within(&k) && read_by(&k) &&
		    read_distinct(&k) && (!get(&k, LZ_KEY_SEQUENCE) || read_sequence(&k)) &&
		    find_identity(&k);
	k.t->number = (uint32_t)r->timings;
	r->timings += *ret_good;
	rule->timing = *ret_good ? k.t : NULL;
	return k.code;
}

const char *lz_rule_takes(const struct lz_rule *r)
{
	if (!r->timing)
		return "event";
	return r->timing->count ? "count" : "sequence";
}
