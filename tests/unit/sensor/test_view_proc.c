/* SPDX-License-Identifier: Apache-2.0 */
/* proc.*, thread.*, user.*, group.*, container.* and k8s.*, as the documentation of Falco's fields
 * defines them. */
#include "make_view.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct stage *s;

/* systemd(1) ─ sshd(50) ─ bash(80) ─ sh(100), which runs a call. */
static int begin(void **state)
{
	(void)state;
	s = stage_new();
	run(s, 1, 0, "systemd", "/lib/systemd/systemd", "/sbin/init", 11);
	run(s, 50, 1, "sshd", "/usr/sbin/sshd", "sshd: root", 11);
	run(s, 80, 50, "bash", "/bin/bash", "-bash", 6);
	run(s, 100, 80, "sh", "/bin/dash", "sh\0-c\0echo  $X\0", 15);
	return 0;
}

static int end(void **state)
{
	(void)state;
	stage_free(s);
	return 0;
}

static void one_call(void)
{
	call(s, SYS_chmod, 0)->ppid = 80;
	see(s);
}

static void names(void **state)
{
	(void)state;
	one_call();
	is(s, "proc.name", "sh");
	is(s, "proc.exe", "sh");
	is(s, "proc.exepath", "/bin/dash");
	is(s, "proc.args", "-c echo  $X");
	is(s, "proc.cmdline", "sh -c echo  $X");
	is(s, "proc.exeline", "sh -c echo  $X");
	is_number(s, "proc.cmdnargs", 2);
	is_number(s, "proc.cmdlenargs", 10);
	is(s, "proc.cwd", "/srv/www/");
	is(s, "proc.pname", "bash");
	is(s, "proc.pexe", "-bash");
	is(s, "proc.pexepath", "/bin/bash");
	is(s, "proc.pcmdline", "bash");
	are(s, "proc.aname", "bash sshd systemd");
	is(s, "proc.aname[0]", "sh");
	is(s, "proc.aname[1]", "bash");
	is(s, "proc.aname[3]", "systemd");
	none(s, "proc.aname[4]");
	none(s, "proc.aname[65]");
	none(s, "proc.aname[x]");
	are(s, "proc.apid", "80 50 1");
	are(s, "proc.aexepath", "/bin/bash /usr/sbin/sshd /lib/systemd/systemd");
	is(s, "proc.aexe[2]", "sshd: root");
	is(s, "proc.acmdline[2]", "sshd");
	is_number(s, "proc.pid", 100);
	is_number(s, "proc.ppid", 80);
	is_number(s, "proc.vpid", 1);
	is_number(s, "proc.loginshellid", 80); /* the highest shell above */
}

static void odd_arguments(void **state)
{
	(void)state;
	run(s, 100, 80, "x", "/x", "", 0);
	is(s, "proc.exe", "");
	is(s, "proc.args", "");
	is(s, "proc.cmdline", "x");
	is_number(s, "proc.cmdnargs", 0);
	run(s, 100, 80, "x", "/x", "\0\0a\0", 4);
	is(s, "proc.exe", "");
	is(s, "proc.args", " a");
	is(s, "proc.cmdline", "x  a");
	is_number(s, "proc.cmdnargs", 2);
	run(s, 100, 80, "x", "/x", "x\0cut here", 10); /* no NUL at the end: it was cut */
	is(s, "proc.args", "cut here");
	is_number(s, "proc.cmdlenargs", 8);
	run(s, 100, 80, "fifteen-letters", "/x", "x", 2);
	is(s, "proc.name", "fifteen-letters");
	/* What rules have to escape is not escaped here. */
	run(s, 100, 80, "\033[31m", "/x", "x\0\xff\n", 5);
	is(s, "proc.name", "\033[31m");
	is(s, "proc.args", "\xff\n");
}

/* One who was taken over by init: the parents now, not then. */
static void orphan(void **state)
{
	(void)state;
	make(&s->m, LZ_EV_EXIT, 80, 80);
	see(s);
	call(s, SYS_chmod, 0)->ppid = 1;
	see(s);
	is(s, "proc.pname", "systemd");
	are(s, "proc.aname", "systemd");
	is_number(s, "proc.ppid", 1);
	/* A parent that nobody knows: its number is known all the same. */
	call(s, SYS_chmod, 0)->ppid = 4242;
	see(s);
	none(s, "proc.pname");
	is_number(s, "proc.ppid", 4242);
	are(s, "proc.aname", "");
}

/* A circle of parents, as only a hostile recording has it, comes to an end. */
static void circle(void **state)
{
	const struct lz_datum *d;

	(void)state;
	make(&s->m, LZ_EV_CALL, 80, 80)->ppid = 100;
	memcpy(head_of(&s->m)->comm, "bash", 4);
	see(s);
	one_call();
	assert_int_equal(values(s, "proc.aname", &d), 64);
	is(s, "proc.aname[63]", "bash");
	is_number(s, "proc.loginshellid", 80);
}

static void environment(void **state)
{
	(void)state;
	none(s, "proc.env");
	make(&s->m, LZ_EV_EXEC, 80, 80)->ppid = 50;
	part(&s->m, LZ_PART_ENV, "P=1\0LD_PRELOAD=/x.so\0", 21);
	see(s);
	is(s, "proc.env", "P=1 LD_PRELOAD=/x.so");
	make(&s->m, LZ_EV_EXEC, 100, 100)->ppid = 80;
	part(&s->m, LZ_PART_ENV, "HOME=/root\0A=b=c\0EMPTY=\0ODD\0A=2", 32);
	see(s);
	is(s, "proc.env[HOME]", "/root");
	is(s, "proc.env[A]", "b=c");
	is(s, "proc.env[EMPTY]", "");
	none(s, "proc.env[ODD]");
	none(s, "proc.env[HOM]");
	is(s, "proc.aenv[LD_PRELOAD]", "/x.so");
	is(s, "proc.aenv[1]", "P=1 LD_PRELOAD=/x.so");
	none(s, "proc.aenv[HOME]");
}

static void numbers(void **state)
{
	struct lz_ev_task t = {.pid = 100,
			       .start_ns = 100,
			       .ppid = 80,
			       .parent_start_ns = 80,
			       .vpid = 7,
			       .vppid = 3,
			       .sid = 80,
			       .vsid = 2,
			       .pgid = 100,
			       .vpgid = 7,
			       .uid = 0,
			       .gid = 0,
			       .loginuid = 1000,
			       .tty = 34816,
			       .threads = 3,
			       .pidns_start_ns = 90,
			       .cap_inheritable = 1,
			       .cap_effective = 1ULL << 21 | 1,
			       .cap_permitted = 1ULL << 40,
			       .comm = "sh"};
	struct lz_ev_file f = {.inode = 55,
			       .mode = 0100775,
			       .uid = 5,
			       .gid = 0,
			       .ctime_s = 1000,
			       .ctime_ns = 7,
			       .mtime_s = 900,
			       .flags = LZ_FILE_OVERLAY};
	struct lz_ev_stdio io[3] = {
		{.mode = S_IFSOCK, .family = 2}, {.mode = S_IFIFO}, {.mode = 0}};
	struct lz_ev *h = make(&s->m, LZ_EV_EXEC, 100, 100);

	(void)state;
	h->ppid = 80;
	part(&s->m, LZ_PART_TASK, &t, sizeof(t));
	part(&s->m, LZ_PART_EXE, &f, sizeof(f));
	part(&s->m, LZ_PART_STDIO, io, sizeof(io));
	s->at.wall_ns = 2000000000000;
	see(s);
	is_number(s, "proc.vpid", 7);
	is_number(s, "proc.pvpid", 3);
	is_number(s, "proc.sid", 2);
	is(s, "proc.sname", "bash");
	is(s, "proc.sid.exe", "-bash");
	is(s, "proc.sid.exepath", "/bin/bash");
	is(s, "proc.is_sid_leader", "false");
	is_number(s, "proc.vpgid", 7);
	is_number(s, "proc.pgid", 100);
	is(s, "proc.pgid.name", "sh");
	is(s, "proc.is_vpgid_leader", "true");
	is(s, "proc.is_pgid_leader", "true");
	is_number(s, "proc.tty", 34816);
	is_number(s, "proc.nthreads", 3);
	is_number(s, "proc.nchilds", 0);
	is_number(s, "user.uid", 0);
	is(s, "user.name", "root");
	is_number(s, "user.loginuid", 1000);
	is(s, "group.name", "root");
	is_number(s, "group.gid", 0);
	is_number(s, "proc.duration", 1000);
	is_number(s, "proc.pid.ts", 2000000000100);
	is_number(s, "proc.ppid.ts", 2000000000080);
	is_number(s, "proc.pidns_init_start_ts", 2000000000090);
	is_number(s, "proc.exe_ino", 55);
	is_number(s, "proc.exe_ino.ctime", 1000000000007);
	is_number(s, "proc.exe_ino.mtime", 900000000000);
	is_number(s, "proc.exe_ino.ctime_duration_proc_start", 2000000001100 - 1000000000007);
	is_number(s, "proc.exe_ino.ctime_duration_pidns_start", 2000000000090 - 1000000000007);
	is(s, "proc.is_exe_writable", "true"); /* by its group */
	is(s, "proc.is_exe_upper_layer", "false");
	is(s, "proc.is_exe_lower_layer", "true");
	is(s, "proc.is_exe_from_memfd", "false");
	is(s, "thread.cap_effective", "CAP_CHOWN CAP_SYS_ADMIN");
	is(s, "thread.cap_permitted", "CAP_CHECKPOINT_RESTORE");
	is(s, "thread.cap_inheritable", "CAP_CHOWN");
	is(s, "proc.stdin.type", "ipv4");
	is(s, "proc.stdout.type", "pipe");
	none(s, "proc.stderr.type");
	/* The parent's children. */
	call(s, SYS_chmod, 0)->ppid = 80;
	head_of(&s->m)->pid = head_of(&s->m)->tid = 80;
	head_of(&s->m)->start_ns = 80;
	head_of(&s->m)->ppid = 50;
	see(s);
	is_number(s, "proc.nchilds", 1);
}

static void unset_login(void **state)
{
	(void)state;
	one_call();
	is_number(s, "user.loginuid", -1);
	none(s, "user.loginname");
}

static void threads(void **state)
{
	struct lz_ev *h = call(s, SYS_chmod, 0);

	(void)state;
	h->tid = 101;
	see(s);
	is_number(s, "thread.tid", 101);
	is(s, "thread.ismain", "false");
	is(s, "thread.nametid", "sh101");
	none(s, "thread.vtid");
	one_call();
	is_number(s, "thread.tid", 100);
	is(s, "thread.ismain", "true");
	is_number(s, "thread.vtid", 1);
}

static void in_memory(void **state)
{
	struct lz_ev_file f = {.inode = 55, .mode = 0100777};

	(void)state;
	make(&s->m, LZ_EV_EXEC, 100, 100)->ppid = 80;
	part(&s->m, LZ_PART_EXE, &f, sizeof(f));
	path(&s->m, LZ_PART_EXE_PATH, LZ_PATH_NO_MOUNT, "memfd:evil");
	see(s);
	is(s, "proc.is_exe_from_memfd", "true");
	is(s, "proc.exepath", "memfd:evil");
	is(s, "evt.arg.flags", "EXE_WRITABLE|EXE_FROM_MEMFD");
}

/* Of a recording nothing is asked of /proc, whoever has the number now. */
static void not_live(void **state)
{
	static const char *const fields[] = {
		"proc.vmsize",	    "proc.vmrss",     "proc.vmswap",
		"proc.fdopencount", "proc.fdlimit",   "proc.fdusage",
		"proc.stdin.name",  "thread.cgroups", "thread.exectime"};

	(void)state;
	make(&s->m, LZ_EV_CALL, (uint32_t)getpid(), 1);
	see(s);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		none(s, fields[i]);
}

/* --- containers --- */

static void host(void **state)
{
	(void)state;
	one_call();
	is(s, "container.id", "host");
	is(s, "container.full_id", "host");
	is(s, "container.name", "host");
	is(s, "container.type", "host");
	none(s, "container.image");
	none(s, "container.privileged");
	none(s, "container.mounts");
	none(s, "container.mount.dest[/x]");
	none(s, "k8s.pod.name");
	is(s, "proc.is_container_healthcheck", "false");
}

#define S(lit)                         \
	{                              \
		(lit), sizeof(lit) - 1 \
	} /* of static data */

static struct lz_container sample(void)
{
	static const struct lz_container_mount mounts[] = {
		{S("/var/run/docker.sock"), S("/run/d.sock"), S("ro"), S("rprivate"), false},
		{S("/data/a"), S("/a"), S(""), S("rslave"), true}};
	static const struct lz_label labels[] = {{S("app"), S("web")}, {S("x.y"), S("")}};
	struct lz_container c = {.complete = true};

	assert_true(
		lz_container_of_cgroup(LZ_SPAN("/docker/3f4b0c1d2e5a69788796a5b4c3d2e1f00f1e2d3c"
					       "4b5a69788796a5b4c3d2e1f0"),
				       &c.ref));
	c.name = LZ_SPAN("web");
	c.type = LZ_SPAN("docker");
	c.image = LZ_SPAN("shop/web:1");
	c.image_repository = LZ_SPAN("shop/web");
	c.image_tag = LZ_SPAN("1");
	c.image_digest = LZ_SPAN("sha256:00");
	c.ip = LZ_SPAN("172.17.0.2");
	c.healthcheck = LZ_SPAN("sh -c echo  $X");
	c.pod_name = LZ_SPAN("web-7");
	c.pod_namespace = LZ_SPAN("shop");
	c.pod_sandbox_id = LZ_SPAN("aaaaaaaaaaaabbbb");
	c.known = LZ_CONTAINER_PRIVILEGED | LZ_CONTAINER_HOST_PID;
	c.flags = LZ_CONTAINER_PRIVILEGED;
	c.mounts = mounts;
	c.mount_count = 2;
	c.labels = c.pod_labels = labels;
	c.label_count = c.pod_label_count = 2;
	c.created_ns = 1000000000000;
	c.started_ns = 1000000000500;
	return c;
}

static void container(void **state)
{
	struct lz_container c = sample();

	(void)state;
	s->at.container = &c;
	s->at.in_container = true;
	s->at.wall_ns = 2000000000000;
	one_call();
	is(s, "container.id", "3f4b0c1d2e5a");
	is(s, "container.full_id",
	   "3f4b0c1d2e5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0");
	is(s, "container.name", "web");
	is(s, "container.type", "docker");
	is(s, "container.image", "shop/web:1");
	is(s, "container.image.repository", "shop/web");
	is(s, "container.image.tag", "1");
	is(s, "container.image.digest", "sha256:00");
	none(s, "container.image.id");
	is(s, "container.ip", "172.17.0.2");
	is(s, "container.privileged", "true");
	is(s, "container.host_pid", "false");
	none(s, "container.host_network"); /* not known */
	is(s, "container.mounts",
	   "/var/run/docker.sock:/run/d.sock:ro:false:rprivate,/data/a:/a::true:rslave");
	is(s, "container.mount[0]", "/var/run/docker.sock:/run/d.sock:ro:false:rprivate");
	is(s, "container.mount[/data/*]", "/data/a:/a::true:rslave");
	is(s, "container.mount.dest[/var/run/docker.sock]", "/run/d.sock");
	is(s, "container.mount.dest[/etc]", "N/A");
	is(s, "container.mount.source[/a]", "/data/a");
	is(s, "container.mount.mode[0]", "ro");
	is(s, "container.mount.rdwr[1]", "true");
	is(s, "container.mount.propagation[1]", "rslave");
	is(s, "container.label[app]", "web");
	is(s, "container.label[x.y]", "");
	none(s, "container.label[ap]");
	is(s, "container.labels", "app:web, x.y:");
	is(s, "k8s.pod.label[app]", "web");
	is(s, "k8s.pod.name", "web-7");
	is(s, "k8s.ns.name", "shop");
	is(s, "k8s.pod.sandbox_id", "aaaaaaaaaaaa");
	is(s, "k8s.pod.full_sandbox_id", "aaaaaaaaaaaabbbb");
	is_number(s, "container.start_ts", 1000000000500);
	is_number(s, "container.duration", 2005000000000 - 1000000000500);
	is(s, "proc.is_container_healthcheck", "true");
	is(s, "proc.is_container_liveness_probe", "false");
}

/* Only its id is known yet. */
static void unknown_container(void **state)
{
	(void)state;
	s->at.in_container = true;
	s->at.container_id = "3f4b0c1d2e5a";
	one_call();
	is(s, "container.id", "3f4b0c1d2e5a");
	none(s, "container.full_id");
	none(s, "container.name");
	none(s, "container.type");
	none(s, "container.image.repository");
	none(s, "container.mount.dest[/etc]");
	/* The host's users are not its own. */
	call(s, SYS_chmod, 0)->uid = 1;
	see(s);
	none(s, "user.name");
	is_number(s, "user.uid", 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names),
		TEST(odd_arguments),
		TEST(orphan),
		TEST(circle),
		TEST(environment),
		TEST(numbers),
		TEST(unset_login),
		TEST(threads),
		TEST(in_memory),
		TEST(not_live),
		TEST(host),
		TEST(container),
		TEST(unknown_container),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
