/* SPDX-License-Identifier: Apache-2.0 */
/* What containers use: the kernel's texts, and a round over processes of this machine. */
#include "sensor/programs.h"
#include "sensor/sample.h"

#include "make_record.h"

#include <unistd.h>

static const char dev[] =
	"Inter-|   Receive                                                |  Transmit\n"
	" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs\n"
	"    lo:  999999     100    0    0    0     0          0         0   888888     100    0\n"
	"  eth0: 1000      10    0    0    0     0          0         0     2000      20    0\n"
	"eth1:30 1 0 0 0 0 0 0 4 1 0 0 0 0 0 0\n";
static const char snmp[] = "Ip: Forwarding DefaultTTL\nIp: 1 64\n"
			   "Tcp: RtoAlgorithm ActiveOpens PassiveOpens AttemptFails EstabResets\n"
			   "Tcp: 1 11 22 33 44\n"
			   "TcpLike: ActiveOpens\nTcpLike: 5\n";

static void interfaces(void **state)
{
	struct lz_ev_stats s = {0};

	(void)state;
	assert_true(lz_sample_net_dev(lz_str(dev), &s));
	assert_int_equal(s.received_bytes, 1030);
	assert_int_equal(s.sent_bytes, 2004);
	assert_false(lz_sample_net_dev(LZ_SPAN(""), &s));
	assert_int_equal(s.sent_bytes, 0);
	/* Cut anywhere it is still read without harm. */
	for (size_t n = 0; n < sizeof(dev); n++)
		lz_sample_net_dev(lz_span(dev, n), &s);
	assert_true(lz_sample_net_dev(LZ_SPAN("x: 1 2\ny: a 0 0 0 0 0 0 0 7\n"), &s));
	assert_int_equal(s.sent_bytes, 0);
}

static void columns(void **state)
{
	uint64_t n = 0;

	(void)state;
	assert_true(lz_sample_column(lz_str(snmp), "Tcp:", "ActiveOpens", &n));
	assert_int_equal(n, 11);
	assert_true(lz_sample_column(lz_str(snmp), "Tcp:", "AttemptFails", &n));
	assert_int_equal(n, 33);
	assert_true(lz_sample_column(lz_str(snmp), "Ip:", "DefaultTTL", &n));
	assert_int_equal(n, 64);
	assert_false(lz_sample_column(lz_str(snmp), "Tcp:", "Opens", &n));
	assert_false(lz_sample_column(lz_str(snmp), "Udp:", "ActiveOpens", &n));
	assert_false(lz_sample_column(LZ_SPAN("Tcp: a b\n"), "Tcp:", "b", &n));
	assert_false(lz_sample_column(LZ_SPAN("Tcp: a b\nTcp: 1\n"), "Tcp:", "b", &n));
	assert_false(lz_sample_column(LZ_SPAN("Tcp: a b\nTcp: 1 x\n"), "Tcp:", "b", &n));
	for (size_t i = 0; i < sizeof(snmp); i++)
		lz_sample_column(lz_span(snmp, i), "Tcp:", "EstabResets", &n);
}

static void groups(void **state)
{
	static const char text[] =
		"12:cpuset:/a\n4:cpu,cpuacct:/docker/x\n1:name=systemd:/s\n0::/u\n";

	(void)state;
	assert_span(lz_sample_group(lz_str(text), "cpuacct"), "/docker/x");
	assert_span(lz_sample_group(lz_str(text), "cpu"), "/docker/x");
	assert_span(lz_sample_group(lz_str(text), ""), "/u");
	assert_null(lz_sample_group(lz_str(text), "acct").p);
	assert_null(lz_sample_group(LZ_SPAN("12:cpuset"), "x").p);
}

/* --- a round --- */

#define ID "3f4b0c1d2e5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"

static void nobody(void *arg, uint64_t id, unsigned known)
{
	(void)arg;
	(void)id;
	(void)known;
}

static struct {
	size_t n;
	struct lz_record last;
	struct lz_ev_stats stats;
	char bytes[512];
} got;

static void take(void *arg, struct lz_span record)
{
	struct lz_err err;

	(void)arg;
	assert_true(record.n <= sizeof(got.bytes));
	memcpy(got.bytes, record.p, record.n);
	assert_ok(lz_record_read(lz_span(got.bytes, record.n), &got.last, &err), err);
	assert_true(lz_record_copy(&got.last, LZ_PART_STATS, &got.stats, sizeof(got.stats)));
	got.n++;
}

static struct made m;

static void add_process(struct lz_procs *p, uint32_t pid, uint64_t start_ns, uint64_t cgroup)
{
	struct lz_ev_task t = {
		.pid = pid, .start_ns = start_ns, .cgroup = cgroup, .uid = 5, .comm = "served"};
	struct lz_record r;

	make(&m, LZ_EV_EXEC, pid, start_ns)->cgroup = cgroup;
	part(&m, LZ_PART_TASK, &t, sizeof(t));
	r = read_made(&m);
	assert_non_null(lz_procs_take(p, &r, false));
}

/* The one that this machine's groups of processes lie in. */
static uint32_t hierarchy(void)
{
	FILE *f = lz_cgroup_is_v1() ? fopen("/proc/self/cgroup", "r") : NULL;
	unsigned number = 0;
	char line[500];

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, ":pids:"))
			sscanf(line, "%u", &number);
	if (f)
		fclose(f);
	return number;
}

static void add_group(struct lz_cgroups *g, uint64_t id, const char *name)
{
	struct lz_ev_cgroup c = {.id = id, .hierarchy = hierarchy()};
	struct lz_record r;

	make(&m, LZ_EV_CGROUP, 1, 1);
	part(&m, LZ_PART_CGROUP, &c, sizeof(c));
	text(&m, LZ_PART_NAME, name);
	r = read_made(&m);
	lz_cgroups_take(g, &r);
}

static void one_round(void **state)
{
	struct lz_procs *p = lz_procs_new(NULL);
	struct lz_cgroups *g = lz_cgroups_new(NULL, nobody, NULL, NULL);
	uint32_t self = (uint32_t)getpid();

	(void)state;
	memset(&got, 0, sizeof(got));
	lz_sample_containers(g, p, 99, take, NULL);
	assert_int_equal(got.n, 0);
	add_group(g, 7, "/docker/" ID);
	add_group(g, 8, "/docker/" ID "/inner");
	add_group(g, 9, "/user.slice");
	add_process(p, self, 30, 7); /* the oldest: its files are read */
	add_process(p, 4000001, 40, 8);
	add_process(p, 4000002, 50, 7);
	add_process(p, 4000003, 10, 9); /* the host's */
	lz_sample_containers(g, p, 99, take, NULL);
	assert_int_equal(got.n, 1);
	assert_int_equal(got.last.head.kind, LZ_EV_STATS);
	assert_int_equal(got.last.head.time_ns, 99);
	assert_int_equal(got.last.head.pid, self);
	assert_int_equal(got.last.head.start_ns, 30);
	assert_int_equal(got.last.head.cgroup, 7);
	assert_int_equal(got.last.head.uid, 5);
	assert_true(got.last.head.flags & LZ_EVF_OTHER);
	assert_string_equal(got.last.head.comm, "served");
	assert_int_equal(got.stats.processes, 3);
	/* No namespace of the network is known to be its own: nothing is said of it. */
	assert_false(got.stats.has & (LZ_STATS_BYTES | LZ_STATS_TCP | LZ_STATS_LISTEN));
	for (unsigned long nth = 1; nth < 4; nth++) {
		lz_alloc_fail_at(nth, false);
		lz_sample_containers(g, p, 99, take, NULL);
		lz_alloc_fail_at(0, false);
	}
	lz_cgroups_free(g);
	lz_procs_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interfaces),
		cmocka_unit_test(columns),
		cmocka_unit_test(groups),
		cmocka_unit_test(one_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
