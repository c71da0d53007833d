/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal in raw mode, on its second screen. Whatever ends the program, the terminal is given
 * back: by close, and by a handler for signals that kill. That handler has to find what was there
 * before, which is why this is one of the few places with a variable of its own.
 */
#include "top_in.h"

#include "../base/alloc.h"
#include "../base/err.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

/* Second screen, no cursor, no wrapping at the right edge; and back. */
#define ENTER "\033[?1049h\033[?25l\033[?7l\033[2J\033[H"
#define LEAVE "\033[?7h\033[?25h\033[?1049l\033[0m"

static struct {
	volatile sig_atomic_t taken;
	struct termios before;
} terminal;

static const int deadly[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGQUIT};
#define DEADLY (sizeof(deadly) / sizeof(deadly[0]))

struct lz_top_term {
	int winch;
	struct sigaction old[DEADLY];
};

static void give_back(void)
{
	if (!terminal.taken)
		return;
	terminal.taken = 0;
	/* The screen last: who sees it may type, and Enter must be one again by then. */
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal.before);
	if (write(STDOUT_FILENO, LEAVE, sizeof(LEAVE) - 1) < 0) {
		/* It is gone: there is nothing to give back. */
	}
}

static void on_death(int number)
{
	give_back();
	raise(number); /* SA_RESETHAND: now it kills */
}

static void watch_deaths(struct lz_top_term *t)
{
	struct sigaction a = {.sa_handler = on_death, .sa_flags = (int)SA_RESETHAND | SA_NODEFER};

	for (size_t i = 0; i < DEADLY; i++)
		sigaction(deadly[i], &a, &t->old[i]);
}

static int take(struct lz_err *err)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &terminal.before))
		return lz_fail_errno(err, "terminal");
	raw = terminal.before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_iflag &= ~(tcflag_t)(IXON | ICRNL);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	raw.c_cc[VSUSP] = _POSIX_VDISABLE; /* Ctrl-Z would leave the screen as it is */
	terminal.taken = 1;
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) ||
	    write(STDOUT_FILENO, ENTER, sizeof(ENTER) - 1) < 0)
		return lz_fail_errno(err, "terminal");
	return 0;
}

struct lz_top_term *lz_top_term_open(struct lz_err *err)
{
	struct lz_top_term *t = lz_alloc(sizeof(*t));
	sigset_t winch;

	if (!t) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	sigemptyset(&winch);
	sigaddset(&winch, SIGWINCH);
	sigprocmask(SIG_BLOCK, &winch, NULL);
	t->winch = signalfd(-1, &winch, SFD_NONBLOCK | SFD_CLOEXEC);
	watch_deaths(t);
	if (t->winch >= 0 && !take(err))
		return t;
	if (t->winch < 0)
		lz_fail_errno(err, "signals");
	lz_top_term_close(t);
	return NULL;
}

void lz_top_term_close(struct lz_top_term *t)
{
	if (!t)
		return;
	give_back();
	for (size_t i = 0; i < DEADLY; i++)
		sigaction(deadly[i], &t->old[i], NULL);
	if (t->winch >= 0)
		close(t->winch);
	lz_free(t);
}

void lz_top_term_size(unsigned *ret_columns, unsigned *ret_lines)
{
	struct winsize w;
	bool known = !ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) && w.ws_col && w.ws_row;

	*ret_columns = known ? w.ws_col : 80;
	*ret_lines = known ? w.ws_row : 24;
}

bool lz_top_term_read(struct lz_top_term *t, char *buf, size_t size, size_t *ret_n,
		      bool *ret_resized)
{
	struct pollfd p[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
			      {.fd = t->winch, .events = POLLIN}};
	struct signalfd_siginfo s;
	ssize_t n;

	*ret_n = 0;
	*ret_resized = false;
	if (poll(p, 2, 0) <= 0)
		return true;
	while (p[1].revents && read(t->winch, &s, sizeof(s)) == (ssize_t)sizeof(s))
		*ret_resized = true;
	if (!p[0].revents)
		return true;
	n = read(STDIN_FILENO, buf, size);
	*ret_n = n > 0 ? (size_t)n : 0;
	return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}
