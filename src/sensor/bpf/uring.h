/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Operations asked for through io_uring, which makes no system calls for them. */
#include "core.h"

const volatile u64 uring_wanted; /* bit per operation */

static __always_inline int on_request(struct io_kiocb *request)
{
	u32 opcode = BPF_CORE_READ(request, opcode);
	struct out *o;

	if (opcode > 63 || !(uring_wanted >> opcode & 1))
		return 0;
	count(LZ_COUNT_SEEN);
	o = begin(LZ_EV_IO_URING);
	if (!o)
		return 0;
	o->ev.ret = opcode;
	finish(o);
	return 0;
}

SEC("?tp_btf/io_uring_submit_req")
int BPF_PROG(uring_request, struct io_kiocb *request)
{
	return on_request(request);
}

/* Its name before 6.3. */
SEC("?tp_btf/io_uring_submit_sqe")
int BPF_PROG(uring_submission, struct io_kiocb *request)
{
	return on_request(request);
}
