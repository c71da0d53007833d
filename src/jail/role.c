/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Child side: take the request, seal, run the role, say how it went, end. Nothing hostile is read
 * before the seal is complete; the request comes from our own parent.
 */
#include "jail.h"

#include "../base/clean.h"
#include "../base/io.h"
#include "../format/json.h"
#include "../format/reader.h"
#include "seal.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>

#if defined(__SANITIZE_ADDRESS__)
/* The leak checker stops all threads with ptrace, which is not for a sealed process; a child's
 * memory ends with it. */
const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
	return "abort_on_error=0";
}
#endif

enum { EXIT_NO_WALL = 70, EXIT_NO_REQUEST = 71, EXIT_NO_ROLE = 72, EXIT_NO_PARENT = 73 };

static const struct lz_role *find(const struct lz_role *roles, const char *name)
{
	for (; roles->name; roles++)
		if (!strcmp(roles->name, name))
			return roles;
	return NULL;
}

static int take_request(struct lz_buf *b, struct lz_limits *limits, struct lz_rec *rec)
{
	if (lz_read_fd(LZ_JAIL_REQUEST_FD, "request", b, NULL))
		return LZ_E_IO;
	close(LZ_JAIL_REQUEST_FD);
	if (b->n < sizeof(*limits) + 2)
		return LZ_E_FORMAT;
	memcpy(limits, b->p, sizeof(*limits));
	lz_limits_clamp(limits);
	*rec = (struct lz_rec){
		.rest = lz_span(b->p + sizeof(*limits) + 2, b->n - sizeof(*limits) - 2)};
	return 0;
}

static void answer_error(struct lz_rec_out *out, int code, const char *text)
{
	/* A record half made by the role must not swallow this one. */
	out->buf.code = 0;
	out->buf.n = out->start;
	lz_rec_begin(out, LZ_REC_ERROR);
	lz_rec_put_u64(out, (uint64_t)(int64_t)code);
	lz_rec_put_span(out, lz_str(text));
	lz_rec_commit(out, NULL);
}

_Noreturn void lz_jail_main(const char *role_name, const struct lz_role *roles)
{
	const struct lz_role *role = find(roles, role_name);
	struct lz_limits limits;
	struct lz_buf request;
	struct lz_rec_out out;
	struct lz_err err = {0};
	struct lz_rec rec;
	int r;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	signal(SIGINT, SIG_IGN); /* the parent decides */
	signal(SIGPIPE, SIG_IGN);
	mallopt(M_ARENA_MAX, 1); /* one heap: memory stays small and limits mean something */
	mallopt(M_MMAP_THRESHOLD, 256 * 1024);
	lz_buf_init(&request, 2 * LZ_M);
	if (!role)
		_exit(EXIT_NO_ROLE);
	if (take_request(&request, &limits, &rec))
		_exit(EXIT_NO_REQUEST);
	lz_rec_out_init(&out, LZ_JAIL_OUTPUT_FD, &limits);
	/* Libraries open files at their first use (configuration, /dev/urandom): let them do so
	 * now. */
	json_object_seed(0);
	r = lz_sha256_prepare(&err);
	if (!r)
		r = lz_seal_privileges(&limits, &err);
	if (!r)
		r = lz_stage_threads_start(role->threads, &err);
	if (!r)
		r = lz_seal_calls(&err);
	if (!r)
		r = role->run(&rec, LZ_JAIL_INPUT_FD, &limits, &out, &err);
	if (r)
		answer_error(&out, r, err.text);
	r = lz_rec_flush(&out, NULL);
	_exit(r ? EXIT_NO_PARENT : 0);
}

const char *lz_jail_describe(void)
{
	static char text[80];
	int abi = lz_landlock_abi();

	if (!abi)
		return "seccomp, no capabilities, resource limits (this kernel has no Landlock)";
	snprintf(text, sizeof(text), "seccomp, Landlock %d, no capabilities, resource limits", abi);
	return text;
}
