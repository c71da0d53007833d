/* SPDX-License-Identifier: Apache-2.0 */
/* What a rule's output and its conditions are made of, for those who carry events to them. */
#include "match.h"

#include <stdio.h>

void lz_match_fields(struct lz_matcher *m, const struct lz_rule *rule,
		     void (*each)(void *arg, struct lz_span name, enum lz_field_type type,
				  const struct lz_datum *d, size_t n),
		     void *arg)
{
	for (size_t i = 0; rule->format && i < rule->format->count; i++) {
		const struct lz_piece *p = &rule->format->pieces[i];
		const struct lz_graph_term *t;
		const struct lz_datum *d = NULL;
		char name[256];
		size_t n;
		if (p->kind != LZ_PIECE_TERM)
			continue;
		t = &m->term[p->term];
		if (t->kind != LZ_TERM_FIELD)
			continue;
		n = lz_term_values(m, p->term, &d);
		if (t->arg.n)
			snprintf(name, sizeof(name), "%s[%.*s]", t->field->name, LZ_FMT(t->arg));
		else
			snprintf(name, sizeof(name), "%s", t->field->name);
		each(arg, lz_str(name), t->type, d, n);
	}
}

bool lz_rules_constants(const struct lz_rules *r, const char *field,
			void (*each)(void *arg, struct lz_span text), void *arg)
{
	LZ_VEC_EACH (struct lz_graph_check, c, &r->graph.checks) {
		const struct lz_graph_term *t = lz_vec_at(&r->graph.terms, c->left);
		if (t->kind != LZ_TERM_FIELD || strcmp(t->field->name, field))
			continue;
		if (c->right != LZ_NO_TERM || (c->op != LZ_OP_EQ && c->op != LZ_OP_NE &&
					       c->op != LZ_OP_IN && c->op != LZ_OP_EXISTS))
			return false;
		for (size_t i = 0; i < c->operand_count; i++)
			each(arg, c->operands[i].value.text);
	}
	return true;
}
