/* SPDX-License-Identifier: Apache-2.0 */
/* One value against one constant. */
#include "graph.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <strings.h>

/* --- constants --- */

static bool is_number(enum lz_field_type t)
{
	return t == LZ_FIELD_INT || t == LZ_FIELD_UINT || t == LZ_FIELD_PORT || t == LZ_FIELD_TIME;
}

static bool read_number(struct lz_span s, int64_t *ret)
{
	bool negative = s.n && s.p[0] == '-';
	struct lz_span digits = lz_span_from(s, negative || (s.n && s.p[0] == '+'));
	bool hex = lz_span_starts(digits, "0x") || lz_span_starts(digits, "0X");
	uint64_t n;

	if (!lz_span_u64(hex ? lz_span_from(digits, 2) : digits, hex ? 16 : 10, &n))
		return false;
	*ret = negative ? (int64_t)(0 - n) : (int64_t)n;
	return true;
}

static bool read_port(struct lz_span s, int64_t *ret)
{
	char name[64];
	const struct servent *service;

	if (read_number(s, ret))
		return *ret >= 0 && *ret < 65536;
	if (!lz_span_cstr(s, name, sizeof(name)))
		return false;
	service = getservbyname(name, NULL);
	if (service)
		*ret = ntohs((uint16_t)service->s_port);
	return service != NULL;
}

bool lz_datum_address(struct lz_span s, struct lz_datum *d)
{
	char text[64];

	if (!lz_span_cstr(s, text, sizeof(text)))
		return false;
	if (inet_pton(AF_INET, text, d->ip) == 1)
		d->ip_bytes = 4;
	else if (inet_pton(AF_INET6, text, d->ip) == 1)
		d->ip_bytes = 16;
	else
		return false;
	return true;
}

static bool read_network(struct lz_span s, struct lz_operand *o)
{
	struct lz_span address, bits;
	uint64_t n;

	if (!lz_span_cut(s, '/', &address, &bits) || !lz_datum_address(address, &o->value))
		return false;
	if (!lz_span_u64(bits, 10, &n)) { /* 255.255.0.0 */
		struct lz_datum mask = {0};
		if (o->value.ip_bytes != 4 || !lz_datum_address(bits, &mask) || mask.ip_bytes != 4)
			return false;
		memcpy(o->mask, mask.ip, 4);
		return true;
	}
	if (n > 8U * o->value.ip_bytes)
		return false;
	for (uint64_t i = 0; i < n; i++)
		o->mask[i / 8] |= (unsigned char)(0x80 >> i % 8);
	return true;
}

static int hex_of(struct lz_arena *arena, struct lz_span s, struct lz_span *ret)
{
	char *out = lz_arena_alloc(arena, s.n / 2 + 1);

	if (!out)
		return LZ_E_NOMEM;
	if (!s.n || s.n % 2)
		return LZ_E_FORMAT;
	for (size_t i = 0; i < s.n; i += 2) {
		uint64_t byte;
		if (!lz_span_u64(lz_span(s.p + i, 2), 16, &byte))
			return LZ_E_FORMAT;
		out[i / 2] = (char)byte;
	}
	*ret = lz_span(out, s.n / 2);
	return 0;
}

static int wrong(struct lz_err *err, struct lz_span s, const char *want)
{
	return lz_fail(err, LZ_E_FORMAT, "\"%.*s\" is not %s", LZ_FMT(s), want);
}

static int read_typed(enum lz_field_type type, struct lz_span s, struct lz_operand *o,
		      struct lz_err *err)
{
	struct lz_datum *d = &o->value;

	d->has_num = true;
	if (type == LZ_FIELD_BOOL) {
		d->num = lz_span_is(s, "true");
		return d->num || lz_span_is(s, "false") ? 0 : wrong(err, s, "true or false");
	}
	if (type == LZ_FIELD_PORT)
		return read_port(s, &d->num) ? 0 : wrong(err, s, "a port or a service");
	if (is_number(type))
		return read_number(s, &d->num) ? 0 : wrong(err, s, "a number");
	if (type == LZ_FIELD_IP)
		return lz_datum_address(s, d) ? 0 : wrong(err, s, "an address");
	if (type == LZ_FIELD_NET)
		return read_network(s, o) ? 0 : wrong(err, s, "a network, such as 10.0.0.0/8");
	d->has_num = type == LZ_FIELD_ENUM && read_number(s, &d->num);
	return 0;
}

static int read_pattern(struct lz_arena *arena, enum lz_op op, struct lz_span text,
			struct lz_operand *o, struct lz_err *err)
{
	if (text.n > LZ_GLOB_MAX)
		return lz_fail(err, LZ_E_FORMAT, "a pattern longer than %d bytes", LZ_GLOB_MAX);
	if (op == LZ_OP_PMATCH)
		o->path = lz_glob_path_compile(arena, text);
	else
		o->glob = lz_glob_compile(arena, text, op == LZ_OP_IGLOB);
	return o->path || o->glob ? 0 : lz_fail(err, arena->code, "out of memory");
}

int lz_operand_read(struct lz_arena *arena, enum lz_field_type type, enum lz_op op,
		    struct lz_span text, struct lz_operand *ret, struct lz_err *err)
{
	struct lz_err why = {0};
	int code;

	*ret = (struct lz_operand){.value = {.text = lz_arena_dup(arena, text)}};
	if (arena->code)
		return lz_fail(err, arena->code, "out of memory");
	if (op == LZ_OP_BCONTAINS || op == LZ_OP_BSTARTSWITH) {
		code = hex_of(arena, text, &ret->value.text);
		return code == LZ_E_FORMAT ? wrong(err, text, "bytes in hexadecimal")
		       : code		   ? lz_fail(err, code, "out of memory")
					   : 0;
	}
	if (op == LZ_OP_GLOB || op == LZ_OP_IGLOB || op == LZ_OP_PMATCH)
		return read_pattern(arena, op, text, ret, err);
	if (op == LZ_OP_REGEX) {
		ret->regex = lz_regexp_compile(arena, ret->value.text, &why);
		return ret->regex ? 0 : lz_fail(err, why.code, "%s", why.text);
	}
	return read_typed(type, text, ret, err);
}

/* --- relations --- */

static bool order(int c, enum lz_op op)
{
	switch ((int)op) {
	case LZ_OP_EQ:
	case LZ_OP_IN:
	case LZ_OP_INTERSECTS:
		return c == 0;
	case LZ_OP_NE:
		return c != 0;
	case LZ_OP_LT:
		return c < 0;
	case LZ_OP_LE:
		return c <= 0;
	case LZ_OP_GT:
		return c > 0;
	case LZ_OP_GE:
		return c >= 0;
	default:
		return false;
	}
}

static bool in_network(const struct lz_datum *v, const struct lz_operand *x)
{
	if (v->ip_bytes != x->value.ip_bytes)
		return false;
	for (unsigned i = 0; i < v->ip_bytes; i++)
		if ((v->ip[i] ^ x->value.ip[i]) & x->mask[i])
			return false;
	return v->ip_bytes != 0;
}

static bool contains_nocase(struct lz_span a, struct lz_span b)
{
	for (size_t i = 0; i + b.n <= a.n; i++)
		if (lz_span_eq_nocase(lz_span(a.p + i, b.n), b))
			return true;
	return false;
}

static bool compare_text(enum lz_op op, struct lz_span v, const struct lz_operand *x)
{
	struct lz_span t = x->value.text;

	switch (op) {
	case LZ_OP_CONTAINS:
	case LZ_OP_BCONTAINS:
		return lz_span_search(v, t) >= 0;
	case LZ_OP_ICONTAINS:
		return contains_nocase(v, t);
	case LZ_OP_STARTSWITH:
	case LZ_OP_BSTARTSWITH:
		return v.n >= t.n && lz_span_eq(lz_span_head(v, t.n), t);
	case LZ_OP_ENDSWITH:
		return v.n >= t.n && lz_span_eq(lz_span_from(v, v.n - t.n), t);
	case LZ_OP_GLOB:
	case LZ_OP_IGLOB:
		return x->glob ? lz_glob_match(x->glob, v) : lz_glob_once(t, v, op == LZ_OP_IGLOB);
	case LZ_OP_REGEX:
		return x->regex && lz_regexp_match(x->regex, v);
	case LZ_OP_PMATCH:
		return x->path ? lz_glob_path_match(x->path, v) : lz_glob_path_once(t, v);
	case LZ_OP_EXISTS:
		return true;
	case LZ_OP_EQ:
	case LZ_OP_NE:
	case LZ_OP_LT:
	case LZ_OP_LE:
	case LZ_OP_GT:
	case LZ_OP_GE:
	case LZ_OP_IN:
	case LZ_OP_INTERSECTS:
		break;
	}
	return order(lz_span_cmp(v, t), op);
}

static bool compare_number(enum lz_field_type type, enum lz_op op, int64_t v, int64_t x)
{
	if (type == LZ_FIELD_UINT || type == LZ_FIELD_TIME)
		return order((uint64_t)v < (uint64_t)x ? -1 : (uint64_t)v > (uint64_t)x, op);
	return order(v < x ? -1 : v > x, op);
}

bool lz_compare(enum lz_field_type type, enum lz_op op, const struct lz_datum *v,
		const struct lz_operand *x)
{
	bool same;

	if (is_number(type) || type == LZ_FIELD_BOOL)
		return compare_number(type, op, v->num, x->value.num);
	if (type == LZ_FIELD_NET)
		return in_network(v, x) == (op != LZ_OP_NE);
	if (type == LZ_FIELD_IP) {
		same = v->ip_bytes == x->value.ip_bytes && v->ip_bytes &&
		       !memcmp(v->ip, x->value.ip, v->ip_bytes);
		return same == (op != LZ_OP_NE);
	}
	if (type == LZ_FIELD_ENUM && v->has_num && x->value.has_num && op <= LZ_OP_GE)
		return compare_number(LZ_FIELD_INT, op, v->num, x->value.num);
	if (type == LZ_FIELD_ENUM && v->has_num && x->value.has_num &&
	    (op == LZ_OP_IN || op == LZ_OP_INTERSECTS))
		return v->num == x->value.num;
	return compare_text(op, v->text, x);
}
