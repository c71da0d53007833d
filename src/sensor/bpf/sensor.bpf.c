// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* The kernel's side of the sensor: one family of events per file, linked here into one object. */
#include "core.h"

#include "capability.h"
#include "fexit.h"
#include "group.h"
#include "net.h"
#include "process.h"
#include "uring.h"

char LICENSE[] SEC("license") = "GPL";
