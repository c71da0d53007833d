/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show ROOT SOCKET [STATE]: reads lines from standard input, each a control group's path or the word
 * "forget" and a path, and answers each with one line of JSON: all that is known of the container.
 * With "wait" before the path it asks until the answer is complete, 5 seconds at most. "-" as ROOT
 * or SOCKET: not asked. STATE is where a containerd keeps its tasks.
 */
#include "base/clean.h"
#include "base/clock.h"
#include "container/container.h"
#include "format/json.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void text(json_t *o, const char *key, struct lz_span s)
{
	json_object_set_new(o, key, json_stringn(s.p ? s.p : "", s.n));
}

static json_t *labels(const struct lz_label *l, size_t n)
{
	json_t *o = json_object();
	LZ_CLEAN(buf) struct lz_buf key;

	lz_buf_init(&key, 65536);
	for (size_t i = 0; i < n; i++) {
		lz_buf_clear(&key);
		lz_buf_span(&key, l[i].key);
		json_object_set_new(o, key.p ? key.p : "",
				    json_stringn(l[i].value.p, l[i].value.n));
	}
	return o;
}

static json_t *mounts(const struct lz_container *c)
{
	json_t *a = json_array();

	for (size_t i = 0; i < c->mount_count; i++) {
		json_t *o = json_object();
		text(o, "source", c->mounts[i].source);
		text(o, "dest", c->mounts[i].dest);
		text(o, "mode", c->mounts[i].mode);
		text(o, "propagation", c->mounts[i].propagation);
		json_object_set_new(o, "rdwr", json_boolean(c->mounts[i].rdwr));
		json_array_append_new(a, o);
	}
	return a;
}

/* As Go prints it: no zeros at the end. */
static void moment(json_t *o, const char *key, int64_t ns)
{
	char buf[40], fraction[16];
	size_t n = 9;

	lz_time_rfc3339(ns / 1000000000, buf, sizeof(buf));
	snprintf(fraction, sizeof(fraction), "%09lld", (long long)(ns % 1000000000));
	while (n && fraction[n - 1] == '0')
		fraction[--n] = 0;
	snprintf(buf + strlen(buf) - 1, sizeof(buf) - 20, "%s%sZ", n ? "." : "", fraction);
	text(o, key, lz_str(buf));
}

static void flags(json_t *o, const struct lz_container *c)
{
	static const char *const names[] = {"privileged", "host_pid", "host_network", "host_ipc",
					    "sandbox"};

	for (unsigned i = 0; i < 5; i++)
		json_object_set_new(o, names[i],
				    c->known & 1U << i ? json_boolean(c->flags & 1U << i)
						       : json_null());
}

static void show(const struct lz_container *c, uint64_t us)
{
	static const char *const names[] = {
#define LZ_CONTAINER_X(name, max) #name,
		LZ_CONTAINER_TEXTS(LZ_CONTAINER_X)
#undef LZ_CONTAINER_X
	};
	json_t *o = json_object();

	text(o, "id", lz_container_short_id(&c->ref));
	text(o, "full_id", lz_container_id(&c->ref));
	for (size_t i = 0; i < LZ_CT_COUNT; i++)
		text(o, names[i], c->text[i]);
	flags(o, c);
	json_object_set_new(o, "labels", labels(c->labels, c->label_count));
	json_object_set_new(o, "pod_labels", labels(c->pod_labels, c->pod_label_count));
	json_object_set_new(o, "mounts", mounts(c));
	json_object_set_new(o, "pid", json_integer(c->pid));
	json_object_set_new(o, "created_ns", json_integer(c->created_ns));
	json_object_set_new(o, "started_ns", json_integer(c->started_ns));
	moment(o, "created_text", c->created_ns);
	moment(o, "started_text", c->started_ns);
	json_object_set_new(o, "complete", json_boolean(c->complete));
	json_object_set_new(o, "cut", json_boolean(c->cut));
	text(o, "why_not", c->why_not);
	json_object_set_new(o, "bytes", json_integer((json_int_t)lz_container_bytes(c)));
	json_object_set_new(o, "us", json_integer((json_int_t)us));
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(o);
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void answer(struct lz_containers *t, struct lz_span line)
{
	bool forget = lz_span_starts(line, "forget "), wait = lz_span_starts(line, "wait ");
	struct lz_container_ref ref;
	uint64_t until = lz_now_ms() + 5000, begin = now_us();
	const struct lz_container *c;

	line = lz_span_from(line, forget ? 7 : wait ? 5 : 0);
	if (!lz_container_of_cgroup(line, &ref)) {
		puts("{\"id\":\"host\"}");
		fflush(stdout);
		return;
	}
	if (forget) {
		lz_containers_forget(t, &ref);
		puts("{}");
		fflush(stdout);
		return;
	}
	while ((c = lz_containers_get(t, &ref)) && wait && !c->complete && lz_now_ms() < until) {
		lz_container_unref(c);
		poll(NULL, 0, 20);
	}
	if (c)
		show(c, now_us() - begin);
	lz_container_unref(c);
}

int main(int argc, char **argv)
{
	const struct lz_role roles[] = {lz_role_container, {.name = NULL}};
	struct lz_containers_config conf;
	struct lz_containers *t;
	struct lz_err err;
	static char line[8192];

	if (argc > 1 && !strncmp(argv[1], "--role=", 7))
		lz_jail_main(argv[1] + 7, roles);
	if (argc < 3)
		return 2;
	lz_containers_config_default(&conf);
	conf.docker_root = strcmp(argv[1], "-") != 0 ? argv[1] : NULL;
	conf.docker_socket = strcmp(argv[2], "-") != 0 ? argv[2] : NULL;
	if (argc > 3)
		conf.containerd_states[0] = argv[3];
	t = lz_containers_new(&conf, &err);
	if (!t) {
		fprintf(stderr, "show: %s\n", err.text);
		return 1;
	}
	while (fgets(line, sizeof(line), stdin))
		answer(t, lz_span_trim(lz_str(line)));
	lz_containers_free(t);
	return 0;
}
