/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

uint64_t lz_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int64_t lz_today_s(void)
{
	const char *fixed = getenv("SOURCE_DATE_EPOCH");
	char *end;

	if (fixed && *fixed) {
		long long v = strtoll(fixed, &end, 10);
		if (!*end && v >= 0)
			return v;
	}
	return (int64_t)time(NULL);
}

/* Days since 1970-01-01 of a Gregorian date, and back: arithmetic on 400-year eras that begin in
 * March, so that the leap day is the last of its year. */
static int64_t days_of(int64_t y, unsigned m, unsigned d)
{
	int64_t era;
	unsigned yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = (unsigned)(y - era * 400);
	doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	return era * 146097 + (int64_t)(yoe * 365 + yoe / 4 - yoe / 100 + doy) - 719468;
}

void lz_time_rfc3339(int64_t unix_s, char *buf, size_t size)
{
	int64_t days = unix_s / 86400, rest = unix_s % 86400;
	unsigned doe, yoe, doy, mp, d, m;
	int64_t era, y;

	if (rest < 0) {
		rest += 86400;
		days--;
	}
	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	doe = (unsigned)(days - era * 146097);
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	d = doy - (153 * mp + 2) / 5 + 1;
	m = mp < 10 ? mp + 3 : mp - 9;
	y = (int64_t)yoe + era * 400 + (m <= 2);
	snprintf(buf, size, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)(y < 0 ? 0 : y % 10000), m,
		 d, (unsigned)(rest / 3600), (unsigned)(rest / 60 % 60), (unsigned)(rest % 60));
}

static bool number(const char **p, const char *end, int digits, unsigned *ret)
{
	unsigned v = 0;

	if (end - *p < digits)
		return false;
	for (int i = 0; i < digits; i++, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		v = v * 10 + (unsigned)(**p - '0');
	}
	*ret = v;
	return true;
}

static bool mark(const char **p, const char *end, char c)
{
	if (*p == end || **p != c)
		return false;
	(*p)++;
	return true;
}

static unsigned days_in(unsigned y, unsigned m)
{
	static const unsigned char len[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return len[m - 1] + (m == 2 && (y % 4 == 0 && (y % 100 != 0 || y % 400 == 0)));
}

bool lz_time_parse(const char *p, size_t n, int64_t *ret_unix_s)
{
	const char *end = p + n;
	unsigned y, mo, d, h = 0, mi = 0, s = 0, zh = 0, zm = 0;
	int sign = 0;

	if (!number(&p, end, 4, &y) || !mark(&p, end, '-') || !number(&p, end, 2, &mo) ||
	    !mark(&p, end, '-') || !number(&p, end, 2, &d))
		return false;
	if (mo < 1 || mo > 12 || d < 1 || d > days_in(y, mo))
		return false;
	if (p != end) {
		if (!mark(&p, end, 'T') && !mark(&p, end, 't') && !mark(&p, end, ' '))
			return false;
		if (!number(&p, end, 2, &h) || !mark(&p, end, ':') || !number(&p, end, 2, &mi) ||
		    !mark(&p, end, ':') || !number(&p, end, 2, &s) || h > 23 || mi > 59 || s > 60)
			return false;
		if (mark(&p, end, '.'))
			while (p != end && *p >= '0' && *p <= '9')
				p++;
		if (p != end && (*p == '+' || *p == '-')) {
			sign = *p++ == '+' ? 1 : -1;
			if (!number(&p, end, 2, &zh) || (mark(&p, end, ':'), false) ||
			    !number(&p, end, 2, &zm) || zh > 23 || zm > 59)
				return false;
		} else if (p != end && !mark(&p, end, 'Z') && !mark(&p, end, 'z')) {
			return false;
		}
	}
	if (p != end)
		return false;
	*ret_unix_s = days_of(y, mo, d) * 86400 + (int64_t)(h * 3600 + mi * 60 + s) -
		      sign * (int64_t)(zh * 3600 + zm * 60);
	return true;
}

static volatile sig_atomic_t cancelled;

static void on_signal(int number_)
{
	(void)number_;
	cancelled = 1;
}

void lz_signals_install(void)
{
	struct sigaction a = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	sigaction(SIGINT, &a, NULL);
	sigaction(SIGTERM, &a, NULL);
	signal(SIGPIPE, SIG_IGN);
}

bool lz_cancelled(void)
{
	return cancelled != 0;
}
