/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine lets be seen, found by trying. */
#include "watch.h"

#include "../base/io.h"
#include "../base/limits.h"
#include "../base/clean.h"
#include "../sensor/programs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { REFUSED_MAX = 32, ROW_EXEC = 2 };

static void file_line(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");

	snprintf(buf, size, "?");
	if (!f)
		return;
	if (fgets(buf, (int)size, f))
		buf[strcspn(buf, "\n")] = 0;
	fclose(f);
}

/* "none [integrity] confidentiality" → "integrity" */
static void lockdown(char *buf, size_t size)
{
	char line[128], *at;

	file_line("/sys/kernel/security/lockdown", line, sizeof(line));
	at = strchr(line, '[');
	if (at)
		at[strcspn(at, "]")] = 0;
	snprintf(buf, size, "%s", at ? at + 1 : "not known");
}

struct facts {
	struct utsname kernel;
	bool root, btf;
	char lockdown[128], groups[256];
	bool v1;
	struct lz_program_row rows[LZ_PROGRAM_ROWS];
	bool calls, all;
	struct lz_program_refused refused[REFUSED_MAX]; /* beside the rows */
	size_t refused_count;
};

static bool is_row(const struct facts *f, const char *what)
{
	for (size_t i = 0; i < LZ_PROGRAM_ROWS; i++)
		if (!strcmp(f->rows[i].what, what))
			return true;
	return false;
}

/* The real programs, for all that any rule can ask about: what a small one may, they may not. They are
 * not attached: to take away a hundred programs behind calls takes a kernel many seconds. */
static void find_refused(struct facts *f)
{
	struct lz_programs_config all = {.environment = true,
					 .flows = true,
					 .dns = true,
					 .capabilities = true,
					 .uring = UINT64_MAX,
					 .discard = true,
					 .ring_bytes = 64 * LZ_K,
					 .trial = true};
	const struct lz_program_refused *r;
	struct lz_programs *p;
	struct lz_err err = {0};
	size_t n;

	memset(all.wanted, 0xff, sizeof(all.wanted));
	p = lz_programs_load(&all, &err);
	if (!p) {
		snprintf(f->refused[0].what, sizeof(f->refused[0].what), "all programs together");
		f->refused[f->refused_count++].error = err.sys ? err.sys : EIO;
		return;
	}
	n = lz_programs_refused(p, &r);
	for (size_t i = 0; i < n && f->refused_count < REFUSED_MAX; i++)
		if (!is_row(f, r[i].what))
			f->refused[f->refused_count++] = r[i];
	lz_programs_free(p);
}

static void find_facts(struct facts *f)
{
	uname(&f->kernel);
	f->root = geteuid() == 0;
	f->btf = access("/sys/kernel/btf/vmlinux", R_OK) == 0;
	lockdown(f->lockdown, sizeof(f->lockdown));
	f->v1 = lz_cgroup_is_v1();
	if (!lz_cgroup_mount(f->v1, f->groups, sizeof(f->groups)))
		f->groups[0] = 0;
	lz_programs_probe(f->rows);
	/* The first two rows are ways to the same: one is enough. */
	f->calls = !f->rows[0].error || !f->rows[1].error;
	f->all = f->calls && f->btf && f->groups[0];
	for (size_t i = 2; i < LZ_PROGRAM_ROWS; i++)
		f->all &= !f->rows[i].error;
	if (f->root && f->btf && f->calls && !f->rows[ROW_EXEC].error)
		find_refused(f);
	f->all &= !f->refused_count;
}

static void as_text(struct lz_buf *b, const struct facts *f)
{
	lz_buf_printf(b, "kernel     %s %s, lockdown %s\n", f->kernel.release, f->kernel.machine,
		      f->lockdown);
	lz_buf_printf(b, "rights     %s\n", f->root ? "root" : "not root: kernel programs need it");
	lz_buf_printf(b, "types      %s\n",
		      f->btf ? "/sys/kernel/btf/vmlinux"
			     : "no /sys/kernel/btf/vmlinux (CONFIG_DEBUG_INFO_BTF): no programs");
	lz_buf_printf(b, "groups     %s\n",
		      !f->groups[0] ? "none are mounted: containers can't be told apart"
		      : f->v1	    ? "version 1: the pids hierarchy tells containers apart"
				    : "version 2");
	lz_buf_printf(b, "calls      %s\n\n",
		      !f->rows[0].error
			      ? "by a program behind each call that rules ask about: others "
				"cost nothing"
		      : !f->rows[1].error ? "by one program behind all calls"
					  : "not seen: this kernel takes no program behind them");
	for (size_t i = 0; i < LZ_PROGRAM_ROWS; i++) {
		const struct lz_program_row *r = &f->rows[i];
		lz_buf_printf(b, "%-8s %-38s %s\n", r->error ? "refused" : "works", r->what,
			      r->point);
		if (r->error && (!r->optional || !f->calls || i == 0))
			lz_buf_printf(b, "         %s; so %s\n", strerror(r->error), r->without);
	}
	for (size_t i = 0; i < f->refused_count; i++)
		lz_buf_printf(b, "refused  %-38s %s; so it is not seen\n", f->refused[i].what,
			      strerror(f->refused[i].error));
	lz_buf_printf(b, "\n%s\n",
		      f->all ? "All that rules can ask about is seen here."
			     : "Not all is seen here: the lines above say what is not.");
}

static void as_json(struct lz_buf *b, const struct facts *f)
{
	lz_buf_printf(
		b,
		"{\"kernel\": \"%s\", \"machine\": \"%s\", \"lockdown\": \"%s\", \"root\": %s, "
		"\"btf\": %s, \"cgroups\": \"%s\", \"calls\": \"%s\", \"points\": [",
		f->kernel.release, f->kernel.machine, f->lockdown, f->root ? "true" : "false",
		f->btf ? "true" : "false",
		!f->groups[0] ? "none"
		: f->v1	      ? "v1"
			      : "v2",
		!f->rows[0].error   ? "each"
		: !f->rows[1].error ? "all"
				    : "none");
	for (size_t i = 0; i < LZ_PROGRAM_ROWS; i++) {
		const struct lz_program_row *r = &f->rows[i];
		lz_buf_printf(b, "%s{\"what\": \"%s\", \"point\": \"%s\", \"works\": %s",
			      i ? ", " : "", r->what, r->point, r->error ? "false" : "true");
		if (r->error)
			lz_buf_printf(b, ", \"error\": \"%s\", \"unseen\": \"%s\"",
				      strerror(r->error), r->without);
		lz_buf_str(b, "}");
	}
	lz_buf_str(b, "], \"refused\": [");
	for (size_t i = 0; i < f->refused_count; i++)
		lz_buf_printf(b, "%s{\"what\": \"%s\", \"error\": \"%s\"}", i ? ", " : "",
			      f->refused[i].what, strerror(f->refused[i].error));
	lz_buf_printf(b, "], \"complete\": %s}\n", f->all ? "true" : "false");
}

bool lz_watch_doctor(struct lz_buf *out, bool json)
{
	struct facts f = {.root = false};

	find_facts(&f);
	if (json)
		as_json(out, &f);
	else
		as_text(out, &f);
	return f.all;
}
