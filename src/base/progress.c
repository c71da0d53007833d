/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include "alloc.h"
#include "clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUIET_MS  500
#define REDRAW_MS 100
#define BAR_CELLS 24

struct lz_progress {
	char what[32];
	char note[64];
	_Atomic uint64_t done;
	_Atomic uint64_t total;
	uint64_t start_ms;
	uint64_t drawn_ms;
	bool shown;
	pthread_mutex_t lock;
};

static bool quiet;

void lz_progress_quiet(void)
{
	quiet = true;
}

struct lz_progress *lz_progress_new(const char *what, uint64_t total_bytes)
{
	const char *term = getenv("TERM");
	struct lz_progress *p;

	if (quiet || !isatty(STDERR_FILENO) || (term && !strcmp(term, "dumb")))
		return NULL;
	p = lz_alloc(sizeof(*p));
	if (!p)
		return NULL;
	snprintf(p->what, sizeof(p->what), "%s", what);
	atomic_store(&p->total, total_bytes);
	p->start_ms = lz_now_ms();
	pthread_mutex_init(&p->lock, NULL);
	return p;
}

static void draw(struct lz_progress *p, uint64_t now)
{
	uint64_t done = atomic_load(&p->done), total = atomic_load(&p->total);
	double mib = (double)done / 1048576.0, secs = (double)(now - p->start_ms) / 1000.0;
	char line[256], bar[BAR_CELLS + 1];
	int n;

	if (total) {
		size_t cells = done >= total ? BAR_CELLS : (size_t)(done * BAR_CELLS / total);
		memset(bar, '.', BAR_CELLS);
		memset(bar, '#', cells);
		bar[BAR_CELLS] = 0;
		n = snprintf(line, sizeof(line), "\r\033[K%s [%s] %3u%%  %.1f MiB  %.1f MiB/s  %s",
			     p->what, bar, (unsigned)(done >= total ? 100 : done * 100 / total),
			     mib, secs > 0 ? mib / secs : 0, p->note);
	} else {
		n = snprintf(line, sizeof(line), "\r\033[K%s  %.1f MiB  %.1f MiB/s  %s", p->what,
			     mib, secs > 0 ? mib / secs : 0, p->note);
	}
	if (n > 0 &&
	    write(STDERR_FILENO, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1) < 0)
		return;
	p->shown = true;
	p->drawn_ms = now;
}

void lz_progress_add(struct lz_progress *p, uint64_t bytes)
{
	uint64_t now;

	if (!p)
		return;
	atomic_fetch_add(&p->done, bytes);
	now = lz_now_ms();
	if (now - p->start_ms < QUIET_MS || pthread_mutex_trylock(&p->lock))
		return;
	if (now - p->drawn_ms >= REDRAW_MS)
		draw(p, now);
	pthread_mutex_unlock(&p->lock);
}

void lz_progress_total(struct lz_progress *p, uint64_t total_bytes)
{
	if (p)
		atomic_store(&p->total, total_bytes);
}

void lz_progress_note(struct lz_progress *p, const char *note)
{
	size_t n = 0;

	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	for (; note[n] && n < sizeof(p->note) - 1; n++)
		p->note[n] = note[n] >= 32 && note[n] < 127 ? note[n] : '?';
	p->note[n] = 0;
	pthread_mutex_unlock(&p->lock);
}

void lz_progress_free(struct lz_progress *p)
{
	if (!p)
		return;
	if (p->shown && write(STDERR_FILENO, "\r\033[K", 4) < 0)
		p->shown = false;
	pthread_mutex_destroy(&p->lock);
	lz_free(p);
}
