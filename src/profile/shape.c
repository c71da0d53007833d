/* SPDX-License-Identifier: Apache-2.0 */
/* From what was seen to how it is written. Matching is in met.c. */
#include "shape.h"

#include "../format/text.h"

enum { PORT_HIGH = 32768, PORT_LAST = 65535 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* --- random names ----------------------------------------------------------------------------- */

struct look { /* at a run of letters and digits */
	size_t digits, hex, turns;
};

static int class_of(char c)
{
	return is_digit(c) ? 0 : c >= 'a' ? 1 : 2;
}

static struct look look_at(struct lz_span s)
{
	struct look l = {0};

	for (size_t i = 0; i < s.n; i++) {
		l.digits += is_digit(s.p[i]);
		l.hex += is_hex(s.p[i]);
		l.turns += i && class_of(s.p[i]) != class_of(s.p[i - 1]);
	}
	return l;
}

/* Hashes are hex; what a generator drew changes between digits, small and capital letters more often
 * than words do. */
static bool is_random(struct lz_span s)
{
	struct look l = look_at(s);

	if (l.hex == s.n && s.n >= 8 && l.digits && l.digits < s.n)
		return true;
	if (l.hex == s.n && s.n >= 32)
		return true;
	return s.n >= 6 && l.turns * 2 >= s.n;
}

static bool is_uuid(struct lz_span s)
{
	if (s.n != 36)
		return false;
	for (size_t i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? s.p[i] != '-' : !is_hex(s.p[i]))
			return false;
	}
	return true;
}

/* --- one level -------------------------------------------------------------------------------- */

/* Whether people and YAML can read the character; libyaml refuses these three as well. */
static bool is_fit(struct lz_span c)
{
	static const char *const no[] = {"\xef\xbb\xbf", "\xef\xbf\xbe", "\xef\xbf\xbf"};
	char shown[16];
	struct lz_buf b = {.p = shown, .cap = sizeof(shown) - 1, .max = sizeof(shown) - 1};

	if (c.n == 1 && c.p[0] >= ' ' && c.p[0] <= '~')
		return true;
	if (!lz_utf8_valid(c))
		return false;
	for (size_t i = 0; i < 3; i++)
		if (lz_span_is(c, no[i]))
			return false;
	return !lz_text_show(&b, c) && lz_span_eq(lz_buf_view(&b), c);
}

static size_t add_other(struct lz_buf *out, struct lz_span rest)
{
	unsigned char first = (unsigned char)rest.p[0];
	size_t n = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;

	if (n <= rest.n && rest.p[0] != '*' && rest.p[0] != '?' && is_fit(lz_span_head(rest, n))) {
		lz_buf_add(out, rest.p, n);
		return n;
	}
	lz_buf_byte(out, '?');
	return 1;
}

/* A word that is neither a number nor random keeps short numbers: lib64, python3. */
static void add_word(struct lz_buf *out, struct lz_span s, bool numbers)
{
	size_t i = 0, n;

	while (i < s.n) {
		for (n = 0; i + n < s.n && is_digit(s.p[i + n]); n++)
			;
		if (numbers && n >= 4) {
			lz_buf_byte(out, '*');
			i += n;
		} else {
			lz_buf_add(out, s.p + i, n ? n : 1);
			i += n ? n : 1;
		}
	}
}

static size_t add_token(struct lz_buf *out, struct lz_span level, size_t at, bool numbers)
{
	struct lz_span s = lz_span_from(level, at);
	size_t n = 0;
	bool number;

	while (n < s.n && (is_digit(s.p[n]) || is_letter(s.p[n])))
		n++;
	if (!n)
		return add_other(out, s);
	s.n = n;
	number = look_at(s).digits == n;
	if (number ? numbers || n == level.n : is_random(s))
		lz_buf_byte(out, '*');
	else
		add_word(out, s, numbers);
	return n;
}

static void add_level(struct lz_buf *out, struct lz_span s, bool numbers)
{
	static const char machine[] = "x86_64"; /* no number, though it has two */
	size_t at = 0;

	if (is_uuid(s)) {
		lz_buf_byte(out, '*');
		return;
	}
	if (lz_span_is(s, ".") || lz_span_is(s, "..")) { /* the kernel's paths have none */
		lz_buf_str(out, s.n == 1 ? "?" : "?\?");
		return;
	}
	if (lz_span_starts(s, "tmp.") && s.n > 4) { /* mktemp(1) */
		lz_buf_str(out, "tmp.*");
		return;
	}
	if (lz_span_starts(s, "tmp") && s.n == 11) { /* Python's tempfile */
		lz_buf_str(out, "tmp*");
		return;
	}
	while (at < s.n) {
		if (lz_span_starts(lz_span_from(s, at), machine)) {
			lz_buf_str(out, machine);
			at += sizeof(machine) - 1;
		} else {
			at += add_token(out, s, at, numbers);
		}
	}
}

/* --- whole values ----------------------------------------------------------------------------- */

static bool next_level(struct lz_span *rest, struct lz_span *ret)
{
	while (rest->n) {
		lz_span_cut(*rest, '/', ret, rest);
		if (ret->n)
			return true;
	}
	return false;
}

int lz_shape_folder(struct lz_buf *out, struct lz_span path)
{
	struct lz_span rest = lz_span_head(path, LZ_SHAPE_MAX), level;
	unsigned depth = 0;

	while (next_level(&rest, &level)) {
		lz_buf_byte(out, '/');
		if (depth++ == LZ_SHAPE_DEPTH)
			return lz_buf_str(out, "**");
		add_level(out, level, true);
	}
	return depth ? out->code : lz_buf_byte(out, '/');
}

int lz_shape_program(struct lz_buf *out, struct lz_span path)
{
	struct lz_span rest = lz_span_head(path, LZ_SHAPE_MAX), level;
	bool absolute = path.n && path.p[0] == '/', first = true;

	while (next_level(&rest, &level)) {
		if (absolute || !first)
			lz_buf_byte(out, '/');
		first = false;
		add_level(out, level, false);
	}
	return first ? lz_buf_str(out, absolute ? "/" : "?") : out->code;
}

static void add_host(struct lz_buf *out, struct lz_span host)
{
	for (size_t i = 0; i < host.n && i < 255; i++) {
		char c = host.p[i];
		bool plain = is_digit(c) || is_letter(c) || c == '.' || c == '-' || c == '_' ||
			     c == ':';
		lz_buf_byte(out, (unsigned char)(plain ? c : '?'));
	}
	if (!host.n)
		lz_buf_byte(out, '?');
}

int lz_shape_destination(struct lz_buf *out, struct lz_span protocol, struct lz_span host,
			 unsigned port)
{
	lz_buf_span(out, protocol);
	lz_buf_byte(out, ' ');
	if (lz_span_is(protocol, "unix"))
		return lz_shape_program(out, host);
	add_host(out, host);
	return lz_buf_printf(out, " %u", port);
}

int lz_shape_listen(struct lz_buf *out, struct lz_span protocol, unsigned port)
{
	lz_buf_span(out, protocol);
	if (port >= PORT_HIGH)
		return lz_buf_printf(out, " %d-%d", PORT_HIGH, PORT_LAST);
	return lz_buf_printf(out, " %u", port);
}
