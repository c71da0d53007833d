/* SPDX-License-Identifier: Apache-2.0 */
#include "rights.h"

#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the headers that this may be built with. */
#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF	    39
#endif

static const int kept[] = {
	CAP_BPF,	     /* load programs, now and when rules change */
	CAP_PERFMON,	     /* … that read the kernel's memory */
	CAP_NET_ADMIN,	     /* … that sit on control groups; hear of processes (reduced) */
	CAP_SYS_RESOURCE,    /* memory of maps, on kernels that count it against a limit */
	CAP_SYS_PTRACE,	     /* roots, environments and executables of other users' processes */
	CAP_DAC_READ_SEARCH, /* what runtimes keep, also of rootless ones */
};

int lz_rights_keep_few(struct lz_err *err)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct now[2], few[2] = {{0}, {0}};
	uint64_t bits = 0;

	if (syscall(SYS_capget, &head, now))
		return lz_fail_errno(err, "capabilities");
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		bits |= 1ULL << kept[i];
	for (unsigned i = 0; i < 2; i++)
		few[i].permitted = few[i].effective = now[i].permitted & (uint32_t)(bits >> 32 * i);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_capset, &head, few))
		return lz_fail_errno(err, "giving up capabilities");
	return 0;
}
