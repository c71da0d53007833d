/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of our own; numbers of file systems, capabilities and operations are the kernel's. */
#include "make_view.h"

#include <linux/capability.h>
#include <linux/io_uring.h>
#include <linux/magic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static struct stage *s;

static int begin(void **state)
{
	(void)state;
	s = stage_new();
	run(s, 100, 1, "sh", "/bin/sh", "sh", 3);
	memset(&s->at, 0, sizeof(s->at));
	return 0;
}

static int end(void **state)
{
	(void)state;
	stage_free(s);
	return 0;
}

static void opened_on(uint32_t magic, const char *name)
{
	struct lz_ev_file f = {.inode = 7, .mode = S_IFREG | 0600, .links = 1, .magic = magic};

	call(s, SYS_openat, 5);
	number(&s->m, 0, (uint64_t)-100);
	text(&s->m, 1, name);
	number(&s->m, 2, 0);
	part(&s->m, LZ_PART_RET_FILE, &f, sizeof(f));
	path(&s->m, LZ_PART_RET_PATH, 0, name);
	see(s);
}

static void file_systems(void **state)
{
	static const struct {
		uint32_t magic;
		const char *name;
	} known[] = {{PROC_SUPER_MAGIC, "proc"},
		     {SYSFS_MAGIC, "sysfs"},
		     {CGROUP_SUPER_MAGIC, "cgroup"},
		     {CGROUP2_SUPER_MAGIC, "cgroup2"},
		     {OVERLAYFS_SUPER_MAGIC, "overlay"},
		     {TMPFS_MAGIC, "tmpfs"},
		     {RAMFS_MAGIC, "ramfs"},
		     {EXT4_SUPER_MAGIC, "ext4"},
		     {XFS_SUPER_MAGIC, "xfs"},
		     {BTRFS_SUPER_MAGIC, "btrfs"},
		     {BPF_FS_MAGIC, "bpf"},
		     {DEBUGFS_MAGIC, "debugfs"},
		     {TRACEFS_MAGIC, "tracefs"},
		     {SECURITYFS_MAGIC, "securityfs"},
		     {NSFS_MAGIC, "nsfs"},
		     {BINFMTFS_MAGIC, "binfmt_misc"},
		     {EFIVARFS_MAGIC, "efivarfs"},
		     {NFS_SUPER_MAGIC, "nfs"},
		     {SQUASHFS_MAGIC, "squashfs"},
		     {SELINUX_MAGIC, "selinuxfs"},
		     {0x12345, "0x12345"}};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		opened_on(known[i].magic, "/x");
		is(s, "fd.fs", known[i].name);
	}
	opened_on(0, "/x");
	none(s, "fd.fs");
	call(s, SYS_setsid, 0);
	see(s);
	none(s, "fd.fs");
	none(s, "fd.credential");
	none(s, "file.path");
}

static void credentials(void **state)
{
	static const char *const rows[][2] = {
		{"/root/.ssh/id_ed25519", "ssh"},
		{"/etc/ssh/ssh_host_rsa_key", "ssh"},
		{"/home/0a/.aws/credentials", "aws"},
		{"/home/0a/.config/gcloud/credentials.db", "gcloud"},
		{"/root/.azure/msal_token_cache.json", "azure"},
		{"/run/secrets/kubernetes.io/serviceaccount/..2026/token", "kubernetes"},
		{"/root/.kube/config", "kubernetes"},
		{"/root/.docker/config.json", "docker"},
		{"/root/.git-credentials", "git"},
		{"/root/.npmrc", "packages"},
		{"/root/.pgpass", "database"},
		{"/root/.vault-token", "vault"},
		{"/root/.gnupg/private-keys-v1.d/a.key", "gpg"},
		{"/home/0a/.config/chrome/Default/Login Data", "browser"},
		{"/etc/shadow", "system"},
		{"/root/.netrc", "netrc"},
		{"/etc/wireguard/wg0.conf", "vpn"},
		{"/proc/17/environ", "environment"},
	};
	static const char *const harmless[] = {"/root/.ssh/id_ed25519.pub",
					       "/root/.ssh/known_hosts",
					       "/etc/ssh/ssh_host_rsa_key.pub",
					       "/root/.aws/config",
					       "/etc/passwd",
					       "/root/.docker/config",
					       "/proc/17/environs",
					       "/opt/environ",
					       "/etc/shadows",
					       "/root/.kube/cache"};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		opened_on(EXT4_SUPER_MAGIC, rows[i][0]);
		is(s, "fd.credential", rows[i][1]);
		is(s, "file.path", rows[i][0]);
	}
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
		opened_on(EXT4_SUPER_MAGIC, harmless[i]);
		none(s, "fd.credential");
	}
}

/* The same name, whatever is done to it. */
static void one_file(void **state)
{
	struct lz_ev_file f = {.inode = 7, .mode = S_IFREG};

	(void)state;
	call(s, SYS_chmod, 0);
	text(&s->m, 0, "/srv//x/../tool");
	number(&s->m, 1, 0755);
	see(s);
	is(s, "file.path", "/srv/tool");
	call(s, SYS_fchmod, 0);
	number(&s->m, 0, 3);
	number(&s->m, 1, 0755);
	part(&s->m, LZ_PART_FILE, &f, sizeof(f));
	path(&s->m, LZ_PART_PATH, 0, "/srv/tool");
	see(s);
	is(s, "file.path", "/srv/tool");
	call(s, SYS_rename, 0);
	text(&s->m, 0, "/tmp/a");
	text(&s->m, 1, "/srv/tool");
	see(s);
	is(s, "file.path", "/srv/tool");
	run(s, 101, 100, "tool", "/srv/tool", "tool", 5);
	is(s, "file.path", "/srv/tool");
	make(&s->m, LZ_EV_EXEC, 101, 101); /* in memory: a name, but no path */
	path(&s->m, LZ_PART_EXE_PATH, LZ_PATH_NO_MOUNT, "memfd:tool");
	see(s);
	none(s, "file.path");
}

/* --- processes --- */

static void started(uint32_t pid, uint32_t ppid, const struct lz_ev_file *exe, unsigned path_flags,
		    const struct lz_ev_stdio *stdio, struct lz_ev_task t)
{
	t.pid = pid;
	t.start_ns = pid;
	t.ppid = ppid;
	t.parent_start_ns = ppid;
	make(&s->m, LZ_EV_EXEC, pid, pid)->ppid = ppid;
	part(&s->m, LZ_PART_TASK, &t, sizeof(t));
	part(&s->m, LZ_PART_EXE, exe, sizeof(*exe));
	path(&s->m, LZ_PART_EXE_PATH, path_flags, "/x");
	if (stdio)
		part(&s->m, LZ_PART_STDIO, stdio, 3 * sizeof(*stdio));
	see(s);
}

static void executables(void **state)
{
	struct lz_ev_file f = {.inode = 9, .links = 1, .magic = TMPFS_MAGIC};
	const struct lz_ev_task t = {0};

	(void)state;
	started(200, 100, &f, 0, NULL, t);
	is(s, "proc.exe.deleted", "false");
	is(s, "proc.exe.fs", "tmpfs");
	started(201, 100, &f, LZ_PATH_DELETED, NULL, t);
	is(s, "proc.exe.deleted", "true");
	f.links = 0;
	started(202, 100, &f, 0, NULL, t);
	is(s, "proc.exe.deleted", "true");
	memset(&f, 0, sizeof(f));
	started(203, 100, &f, 0, NULL, t);
	none(s, "proc.exe.deleted");
	none(s, "proc.exe.fs");
}

static void one_socket(void **state)
{
	const struct lz_ev_file f = {.inode = 9, .links = 1};
	const struct lz_ev_task t = {0};
	struct lz_ev_stdio io[3];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		io[i] = (struct lz_ev_stdio){77, S_IFSOCK | 0777, AF_INET, 1};
	started(200, 100, &f, 0, io, t);
	is(s, "proc.stdio.socket", "true");
	is(s, "proc.pstdio.socket", "false");
	/* Its children have the same, and it shows that it is no news. */
	started(201, 200, &f, 0, io, t);
	is(s, "proc.pstdio.socket", "true");
	io[2].inode = 78;
	started(202, 100, &f, 0, io, t);
	is(s, "proc.stdio.socket", "false");
	io[2] = io[1] = io[0] = (struct lz_ev_stdio){77, S_IFSOCK, AF_UNIX, 1};
	started(203, 100, &f, 0, io, t);
	is(s, "proc.stdio.socket", "false");
	io[2] = io[1] = io[0] = (struct lz_ev_stdio){77, S_IFSOCK, AF_INET6, 0};
	started(204, 100, &f, 0, io, t);
	is(s, "proc.stdio.socket", "false");
	io[2] = io[1] = io[0] = (struct lz_ev_stdio){0};
	started(205, 100, &f, 0, io, t);
	is(s, "proc.stdio.socket", "false");
}

static void namespaces(void **state)
{
	const struct lz_ev_file f = {.inode = 9, .links = 1};
	const struct lz_ev_task host = {.mntns = 11, .pidns = 12, .netns = 13};
	const struct lz_ev_task inside = {.mntns = 21, .pidns = 22, .netns = 23};
	struct lz_container c = {.complete = true, .pid = 300};
	struct lz_ev_task t = inside;

	(void)state;
	started(300, 1, &f, 0, NULL, inside);
	none(s, "proc.ns.mnt_is_host"); /* nobody knows the host's */
	started(2, 0, &f, 0, NULL, host);
	started(300, 1, &f, 0, NULL, inside);
	is(s, "proc.ns.mnt_is_host", "false"); /* by the kernel's own first thread */
	started(1, 0, &f, 0, NULL, host);
	started(300, 1, &f, 0, NULL, inside);
	is(s, "proc.ns.mnt_is_host", "false");
	is(s, "proc.ns.pid_is_host", "false");
	is(s, "proc.ns.net_is_host", "false");
	none(s, "proc.ns.changed"); /* of no container */
	s->at.in_container = true;
	s->at.container = &c;
	t.mntns = host.mntns;
	started(301, 300, &f, 0, NULL, t);
	is(s, "proc.ns.mnt_is_host", "true");
	is(s, "proc.ns.pid_is_host", "false");
	is(s, "proc.ns.changed", "true");
	started(302, 300, &f, 0, NULL, inside);
	is(s, "proc.ns.changed", "false");
	t = (struct lz_ev_task){0};
	started(303, 300, &f, 0, NULL, t);
	none(s, "proc.ns.net_is_host");
	none(s, "proc.ns.changed");
}

/* --- DNS: messages as RFC 1035 has them --- */

static const char question[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
			       "\x04POOL\x07"
			       "example\x03org\x00\x00\x1c\x00\x01";
static const char answer[] = "\x12\x34\x81\x80\x00\x01\x00\x02\x00\x00\x00\x00"
			     "\x01"
			     "a\x02"
			     "bc\x00\x00\x01\x00\x01"
			     "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x01\x02\x03\x04"
			     "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x05\x06\x07\x08";
static const char refused[] = "\x12\x34\x81\x83\x00\x01\x00\x00\x00\x00\x00\x00"
			      "\x01x\x00\xff\x42\x00\x01";

static void message(const void *p, size_t n, bool is_answer)
{
	struct lz_ev_dns d = {.server = {9, 9, 9, 9}, .family = AF_INET, .answer = is_answer};

	make(&s->m, LZ_EV_DNS, 100, 100)->flags = LZ_EVF_OTHER;
	part(&s->m, LZ_PART_DNS, &d, sizeof(d));
	part(&s->m, LZ_PART_BYTES, p, n);
	see(s);
}

static void names(void **state)
{
	(void)state;
	message(question, sizeof(question) - 1, false);
	is(s, "dns.question", "pool.example.org");
	is(s, "dns.type", "AAAA");
	is(s, "dns.is_answer", "false");
	is(s, "dns.server", "9.9.9.9");
	none(s, "dns.code");
	are(s, "dns.answers", "");
	message(answer, sizeof(answer) - 1, true);
	is(s, "dns.question", "a.bc");
	is(s, "dns.is_answer", "true");
	is_number(s, "dns.code", 0);
	are(s, "dns.answers", "1.2.3.4 5.6.7.8");
	message(refused, sizeof(refused) - 1, true);
	is_number(s, "dns.code", 3);
	is(s, "dns.type", "TYPE65346");
	/* Cut at each byte: no more than the name and what came before. */
	for (size_t n = 0; n < sizeof(answer) - 1; n++) {
		const struct lz_datum *d;
		message(answer, n, true);
		assert_true(values(s, "dns.answers", &d) <= 1);
	}
	call(s, SYS_setsid, 0);
	see(s);
	none(s, "dns.question");
	none(s, "dns.server");
}

/* --- flows --- */

static void flows(void **state)
{
	struct lz_ev_flow f = {.socket = {.family = AF_INET,
					  .type = SOCK_STREAM,
					  .protocol = 6,
					  .local_port = 40000,
					  .remote_port = 443,
					  .local = {10, 0, 0, 1},
					  .remote = {203, 0, 113, 9}},
			       .sent_bytes = 12345,
			       .received_bytes = 67,
			       .began_ns = 1000,
			       .ended = 1};
	unsigned char ip[16];
	unsigned bytes;

	(void)state;
	make(&s->m, LZ_EV_FLOW, 100, 100)->time_ns = 51000;
	part(&s->m, LZ_PART_FLOW, &f, sizeof(f));
	see(s);
	is_number(s, "flow.sent_bytes", 12345);
	is_number(s, "flow.received_bytes", 67);
	is_number(s, "flow.duration", 50000);
	is(s, "flow.ended", "true");
	is(s, "flow.is_server", "false");
	is(s, "fd.sip", "203.0.113.9");
	none(s, "flow.destination_age");
	assert_true(lz_view_destination(s->view, ip, &bytes));
	assert_int_equal(bytes, 4);
	assert_memory_equal(ip, f.socket.remote, 4);
	lz_view_know(s->view, &(struct lz_usual){.age_ns = 9, .samples = 2, .destination_ns = 7},
		     NULL);
	is_number(s, "flow.destination_age", 7);
	is_number(s, "container.stat.age", 9);
	is_number(s, "container.stat.samples", 2);
	none(s, "container.stat.cpu");
	f.server = 1;
	make(&s->m, LZ_EV_FLOW, 100, 100);
	part(&s->m, LZ_PART_FLOW, &f, sizeof(f));
	see(s);
	is(s, "flow.is_server", "true");
	is_number(s, "flow.duration", 100); /* 1100 − 1000 */
	assert_false(lz_view_destination(s->view, ip, &bytes));
	none(s, "container.stat.age"); /* known for one event only */
	call(s, SYS_setsid, 0);
	see(s);
	none(s, "flow.ended");
	none(s, "flow.duration");
	assert_false(lz_view_destination(s->view, ip, &bytes));
}

/* --- numbers with names --- */

static void capabilities_and_operations(void **state)
{
	static const struct {
		int number;
		const char *name;
	} operations[] = {{IORING_OP_NOP, "nop"},
			  {IORING_OP_ACCEPT, "accept"},
			  {IORING_OP_CONNECT, "connect"},
			  {IORING_OP_OPENAT, "openat"},
			  {IORING_OP_OPENAT2, "openat2"},
			  {IORING_OP_RENAMEAT, "renameat"},
			  {IORING_OP_UNLINKAT, "unlinkat"},
			  {IORING_OP_LINKAT, "linkat"},
			  {IORING_OP_MSG_RING, "msg_ring"},
			  {IORING_OP_SOCKET, "socket"},
			  {IORING_OP_URING_CMD, "uring_cmd"},
			  {255, "255"}};

	(void)state;
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		make(&s->m, LZ_EV_IO_URING, 100, 100)->ret = operations[i].number;
		see(s);
		is(s, "uring.op", operations[i].name);
		none(s, "cap.name");
	}
	make(&s->m, LZ_EV_CAPABILITY, 100, 100)->ret = CAP_SYS_ADMIN;
	see(s);
	is(s, "cap.name", "CAP_SYS_ADMIN");
	none(s, "uring.op");
	make(&s->m, LZ_EV_CAPABILITY, 100, 100)->ret = 63;
	see(s);
	none(s, "cap.name");
	make(&s->m, LZ_EV_CAPABILITY, 100, 100)->ret = -1;
	see(s);
	none(s, "cap.name");
	make(&s->m, LZ_EV_IO_URING, 100, 100)->ret = -1;
	see(s);
	none(s, "uring.op");
}

static void figures(void **state)
{
	const struct lz_usual usual = {.age_ns = 1, .samples = 3, .destination_ns = -1};
	struct lz_stat_values v = {.forks = 1,
				   .connects = 2,
				   .accepts = 3,
				   .failed = 4,
				   .sent_bytes = 5,
				   .received_bytes = 6,
				   .overflows = 7,
				   .cpu_percent = 8,
				   .processes = 9,
				   .new_destinations = 10,
				   .sent_times = UINT64_MAX,
				   .connects_times = 12,
				   .has = LZ_STATS_CPU | LZ_STATS_BYTES | LZ_STATS_TCP |
					  LZ_STATS_LISTEN};

	(void)state;
	make(&s->m, LZ_EV_STATS, 100, 100)->flags = LZ_EVF_OTHER;
	part(&s->m, LZ_PART_STATS, &(struct lz_ev_stats){0}, sizeof(struct lz_ev_stats));
	see(s);
	is(s, "evt.type", "stats");
	none(s, "container.stat.processes");
	lz_view_know(s->view, &usual, &v);
	is_number(s, "container.stat.forks", 1);
	is_number(s, "container.stat.connects", 2);
	is_number(s, "container.stat.accepts", 3);
	is_number(s, "container.stat.failed", 4);
	is_number(s, "container.stat.sent", 5);
	is_number(s, "container.stat.received", 6);
	is_number(s, "container.stat.listen_overflows", 7);
	is_number(s, "container.stat.cpu", 8);
	is_number(s, "container.stat.processes", 9);
	is_number(s, "container.stat.new_destinations", 10);
	is_number(s, "container.stat.sent_times", INT64_MAX);
	is_number(s, "container.stat.connects_times", 12);
	none(s, "flow.destination_age");
	v.has = 0; /* what could not be read is not 0 */
	none(s, "container.stat.cpu");
	none(s, "container.stat.sent");
	none(s, "container.stat.connects");
	none(s, "container.stat.listen_overflows");
	is_number(s, "container.stat.processes", 9);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(file_systems), T(credentials),
		T(one_file),	 T(executables),
		T(one_socket),	 T(namespaces),
		T(names),	 T(flows),
		T(figures),	 T(capabilities_and_operations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
