/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One alert, which each test changes to its liking. */
#include "test.h"

#include "alert/alert.h"

static const struct lz_span sample_tags[] = {{"container", 9}, {"shell", 5}};
static const struct lz_alert_field sample_fields[] = {
	{.name = {"evt.time", 8}, .kind = LZ_ALERT_NUMBER, .num = 1795429230000000001},
	{.name = {"proc.name", 9}, .kind = LZ_ALERT_TEXT, .text = {"nc", 2}},
	{.name = {"proc.tty", 8}, .kind = LZ_ALERT_NUMBER, .num = -1},
	{.name = {"container.privileged", 20}, .kind = LZ_ALERT_TRUTH, .num = 1},
	{.name = {"fd.name", 7}, .kind = LZ_ALERT_NONE},
};

static inline struct lz_alert sample(void)
{
	return (struct lz_alert){
		.rule = LZ_SPAN("Netcat in a container"),
		.priority = LZ_PRIO_WARNING,
		.source = LZ_SPAN("syscall"),
		.tags = sample_tags,
		.tag_count = 2,
		.time_ns = 1795429230000000001, /* 2026-11-23T10:20:30Z and a nanosecond */
		.host = LZ_SPAN("node-1"),
		.output = LZ_SPAN("netcat runs (command=nc -l)"),
		.fields = sample_fields,
		.field_count = 5,
		.lineage = {{51, LZ_SPAN("nc"), LZ_SPAN("/usr/bin/nc"), LZ_SPAN("nc -l")},
			    {40, LZ_SPAN("bash"), LZ_SPAN("/bin/bash"), LZ_SPAN("bash")},
			    {12, LZ_SPAN("sshd"), LZ_SPAN("/usr/sbin/sshd"), LZ_SPAN("sshd -D")}},
		.lineage_count = 3,
		.container = {.id = LZ_SPAN("0123456789abcdef"),
			      .name = LZ_SPAN("web"),
			      .image = LZ_SPAN("reg:5000/shop/web:1.2"),
			      .digest = LZ_SPAN("sha256:aa")},
	};
}
