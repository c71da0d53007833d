/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine's own log: one datagram of RFC 3164 for each alert,
 *
 *	<84>Nov 23 10:20:30 lazaret[17]: Warning a shell in a container …
 *
 * whose severity is the priority: both count from 0, emergency, to 7, debug.
 */
#include "output.h"

#include "../base/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { DATAGRAM_MAX = 8192 }; /* what rsyslog and journald take whole by default */

struct logger {
	struct sockaddr_un to;
	unsigned facility;
	int fd;
};

static const struct {
	const char *name;
	unsigned number;
} facilities[] = {
	{"kern", 0},	  {"user", 1},	  {"daemon", 3},  {"auth", 4},	  {"syslog", 5},
	{"authpriv", 10}, {"local0", 16}, {"local1", 17}, {"local2", 18}, {"local3", 19},
	{"local4", 20},	  {"local5", 21}, {"local6", 22}, {"local7", 23},
};

static int set_facility(struct lz_output *o, struct lz_span name, struct lz_err *err)
{
	struct logger *s = o->state;

	for (size_t i = 0; i < sizeof(facilities) / sizeof(facilities[0]); i++)
		if (lz_span_is(name, facilities[i].name)) {
			s->facility = facilities[i].number;
			return 0;
		}
	return lz_fail(err, LZ_E_USAGE,
		       "output %s: no facility \"%.*s\"; there are auth, authpriv, daemon, user, "
		       "local0 to local7",
		       o->name, LZ_FMT(name));
}

static int open_it(struct lz_output *o, struct lz_span rest, struct lz_err *err)
{
	struct lz_span path = LZ_SPAN("/dev/log"), facility = LZ_SPAN("authpriv");
	const struct lz_output_option options[] = {
		{.name = "facility", .text = &facility},
		{.name = "path", .text = &path},
	};
	struct logger *s = lz_alloc(sizeof(*s));

	if (!s)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	o->state = s;
	s->fd = -1;
	s->to.sun_family = AF_UNIX;
	if (lz_output_options(o, rest, options, 2, err) || set_facility(o, facility, err))
		return LZ_E_USAGE;
	return lz_output_path(o, path, s->to.sun_path, sizeof(s->to.sun_path), err);
}

static void prefix(struct lz_output *o, struct lz_buf *b, const struct lz_alert *a)
{
	static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	const struct logger *s = o->state;
	time_t t = (time_t)(a->time_ns / 1000000000);
	struct tm tm = {0};

	localtime_r(&t, &tm); /* as the RFC wants it; its names of months are English */
	lz_buf_printf(b, "<%u>%s %2d %02d:%02d:%02d lazaret[%d]: ",
		      s->facility * 8 + ((unsigned)a->priority & 7), months[tm.tm_mon % 12],
		      tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)getpid());
}

/* At most what a logger takes; never in the midst of a character. */
static size_t fitting(const char *p, size_t n)
{
	n--; /* the newline: a datagram needs none */
	if (n <= DATAGRAM_MAX)
		return n;
	n = DATAGRAM_MAX;
	while (n && ((unsigned char)p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static int say(struct lz_output *o, struct logger *s, const char *p, size_t n, struct lz_err *err)
{
	while (send(s->fd, p, n, MSG_NOSIGNAL) < 0) {
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN) {
			if (lz_output_wait(o, s->fd, err))
				return LZ_E_CANCELLED;
		} else if (errno == EMSGSIZE && n > 1024) {
			n = 1024;
			while (n && ((unsigned char)p[n] & 0xc0) == 0x80)
				n--;
		} else {
			return lz_fail_errno(err, "%s", s->to.sun_path);
		}
	}
	return 0;
}

static int write_it(struct lz_output *o, const struct lz_batch *b, size_t *ret_done,
		    struct lz_err *err)
{
	struct logger *s = o->state;
	const char *p = b->p;
	bool again = false; /* the logger was started anew: the old connection is worth nothing */

	while (*ret_done < b->count) {
		size_t n = b->lens[*ret_done];
		int code = lz_output_connect(&s->fd, SOCK_DGRAM, &s->to, err);
		if (code)
			return code;
		code = say(o, s, p, fitting(p, n), err);
		if (code) {
			lz_output_hang_up(&s->fd);
			if (again || code == LZ_E_CANCELLED)
				return code;
			again = true;
			continue;
		}
		again = false;
		p += n;
		(*ret_done)++;
	}
	return 0;
}

static void reopen(struct lz_output *o)
{
	struct logger *s = o->state;

	lz_output_hang_up(&s->fd);
}

static void close_it(struct lz_output *o)
{
	reopen(o);
	lz_free(o->state);
	o->state = NULL;
}

const struct lz_output_kind lz_output_syslog = {
	.one_line = true,
	.open = open_it,
	.prefix = prefix,
	.write = write_it,
	.reopen = reopen,
	.close = close_it,
};
