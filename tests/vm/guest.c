/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `./dev vmtest` asks inside a guest, in lines that its host side reads:
 *
 *	guest programs fexit|sys_exit	loads every kernel program there is for that path: which were
 *					refused, with the verifier's last words
 *	guest idle CALLS [sys_exit]	runs of all loaded programs during so many getppid(2); needs
 *					kernel.bpf_stats_enabled. sys_exit: loads those of that path
 *
 * libbpf's messages are heard by wrapping the call that the loader hears them with (the linker's
 * --wrap), so that the loader is tested as it is.
 */
#include "base/alloc.h"
#include "sensor/calls.h"
#include "sensor/programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PROGRAMS_MAX 1024

libbpf_print_fn_t __real_libbpf_set_print(libbpf_print_fn_t f);
libbpf_print_fn_t __wrap_libbpf_set_print(libbpf_print_fn_t f);

static libbpf_print_fn_t loader_hears;
static int refusals;

/* The last line but one of a verifier's log is its reason. */
static void say_reason(const char *log)
{
	const char *end = strstr(log, "\nprocessed "), *from = end;

	while (from && from > log && from[-1] != '\n')
		from--;
	if (from)
		printf("reason %.*s\n", (int)(end - from), from);
}

static int hear(enum libbpf_print_level level, const char *fmt, va_list args)
{
	static char text[1 << 20];
	va_list copy;
	char *name;

	va_copy(copy, args);
	vsnprintf(text, sizeof(text), fmt, copy);
	va_end(copy);
	name = strstr(text, "prog '");
	if (name && strstr(text, "BEGIN PROG LOAD LOG"))
		say_reason(text);
	if (name && strstr(text, "': failed to load")) {
		refusals++;
		printf("refused %.*s\n", (int)strcspn(name + 6, "'"), name + 6);
	}
	return loader_hears ? loader_hears(level, fmt, args) : 0;
}

libbpf_print_fn_t __wrap_libbpf_set_print(libbpf_print_fn_t f)
{
	libbpf_print_fn_t before = loader_hears;

	loader_hears = f;
	__real_libbpf_set_print(hear);
	return before;
}

/* --- loaded programs --- */

struct loaded {
	__u32 id;
	uint64_t runs;
	char name[BPF_OBJ_NAME_LEN];
};

static size_t list(struct loaded *ret)
{
	size_t n = 0;
	__u32 id = 0;

	while (n < PROGRAMS_MAX && !bpf_prog_get_next_id(id, &id)) {
		struct bpf_prog_info info = {0};
		__u32 size = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id);
		if (fd < 0)
			continue;
		if (!bpf_obj_get_info_by_fd(fd, &info, &size)) {
			ret[n].id = id;
			ret[n].runs = info.run_cnt;
			memcpy(ret[n++].name, info.name, sizeof(info.name));
		}
		close(fd);
	}
	return n;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int idle(unsigned long calls)
{
	static struct loaded before[PROGRAMS_MAX], after[PROGRAMS_MAX];
	size_t had = list(before), have;
	uint64_t runs = 0;
	double from = now_s();

	for (unsigned long i = 0; i < calls; i++)
		syscall(SYS_getppid);
	from = now_s() - from;
	have = list(after);
	for (size_t i = 0; i < have; i++)
		for (size_t k = 0; k < had; k++)
			if (after[i].id == before[k].id && after[i].runs != before[k].runs) {
				runs += after[i].runs - before[k].runs;
				printf("moved %s %llu\n", after[i].name,
				       (unsigned long long)(after[i].runs - before[k].runs));
			}
	printf("idle %lu calls %llu runs %zu programs %.0f ns\n", calls, (unsigned long long)runs,
	       have, from * 1e9 / (double)calls);
	return 0;
}

/* --- loading everything --- */

/* Calls of the table that no program stands behind. The kernel cuts names. */
static void say_without(const struct loaded *all, size_t n)
{
	char name[BPF_OBJ_NAME_LEN];

	for (size_t i = 0; i < lz_call_count; i++) {
		bool found = lz_calls[i].nr < 0;
		snprintf(name, sizeof(name), "x_%s", lz_calls[i].name);
		for (size_t k = 0; !found && k < n; k++)
			found = !strcmp(all[k].name, name);
		if (!found)
			printf("without %s\n", lz_calls[i].name);
	}
}

static struct lz_programs *load(enum lz_call_path path)
{
	struct lz_programs_config c = {.path = path,
				       .environment = true,
				       .flows = true,
				       .dns = true,
				       .capabilities = true,
				       .uring = UINT64_MAX,
				       .discard = true,
				       .tokens_per_s = 5000,
				       .ring_bytes = 1 << 20};
	struct lz_err err = {0};
	struct lz_programs *p;

	memset(c.wanted, 0xff, sizeof(c.wanted));
	p = lz_programs_load(&c, &err);
	if (!p)
		printf("failed %s\n", err.text);
	return p;
}

static int programs(enum lz_call_path path)
{
	static struct loaded all[PROGRAMS_MAX];
	double from = now_s();
	struct lz_programs *p = load(path);
	size_t n;

	if (!p)
		return 1;
	n = list(all);
	if (path == LZ_PATH_FEXIT)
		say_without(all, n);
	printf("loaded %zu refused %d in %.1f s\n", n, refusals, now_s() - from);
	lz_programs_free(p);
	return refusals != 0;
}

static int idle_behind_all(unsigned long calls)
{
	struct lz_programs *p = load(LZ_PATH_SYS_EXIT);
	int r = p ? idle(calls) : 1;

	lz_programs_free(p);
	return r;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "idle"))
		return idle(strtoul(argv[2], NULL, 10));
	if (argc == 4 && !strcmp(argv[1], "idle") && !strcmp(argv[3], "sys_exit"))
		return idle_behind_all(strtoul(argv[2], NULL, 10));
	if (argc == 3 && !strcmp(argv[1], "programs"))
		return programs(!strcmp(argv[2], "fexit") ? LZ_PATH_FEXIT : LZ_PATH_SYS_EXIT);
	fputs("usage: guest programs fexit|sys_exit; guest idle CALLS [sys_exit]\n", stderr);
	return 2;
}
