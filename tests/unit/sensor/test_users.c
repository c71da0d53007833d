/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of processes with roots of their own, in a temporary folder. Needs root for chroot(2). */
#include "sensor/users.h"

#include "../../folder.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void put(const char *name, const char *text)
{
	FILE *f = fopen(in_folder(name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* An empty root with an etc/. */
static void fresh(void)
{
	char command[200];

	snprintf(command, sizeof(command), "rm -rf %s/* && mkdir %s/etc", folder, folder);
	assert_int_equal(system(command), 0);
}

/* A process whose root is the folder; mount: with something mounted over its etc. */
static pid_t inhabitant(bool with_mount)
{
	int ready[2];
	char c;
	pid_t pid;

	if (geteuid()) {
		print_message("SKIPPED: chroot needs root\n");
		skip();
	}
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		char etc[400];
		snprintf(etc, sizeof(etc), "%s/etc", folder);
		if (with_mount &&
		    (unshare(CLONE_NEWNS) || mount("", "/", "", MS_REC | MS_PRIVATE, "") ||
		     mount("none", etc, "tmpfs", 0, "")))
			_exit(1);
		if (with_mount) {
			char file[420];
			int fd;
			snprintf(file, sizeof(file), "%s/passwd", etc);
			fd = open(file, O_CREAT | O_WRONLY, 0644);
			if (write(fd, "mounted:x:7:7::/:/\n", 19) != 19)
				_exit(1);
		}
		if (chroot(folder) || write(ready[1], "x", 1) != 1)
			_exit(1);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1) {
		print_message("SKIPPED: no root of its own\n");
		waitpid(pid, NULL, 0);
		close(ready[0]);
		skip();
	}
	close(ready[0]);
	return pid;
}

static void away(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void good(void **state)
{
	struct lz_users *u = lz_users_new(NULL);
	struct lz_user x;
	pid_t pid;

	(void)state;
	fresh();
	put("etc/passwd", "root:x:0:0:r:/root:/bin/bash\n# not a line\nshort\n:::\n"
			  "www:x:33:33:w:/var/www:/usr/sbin/nologin\nbig:x:4294967295:1::/:/\n"
			  "wide:x:4294967296:1::/:/\nneg:x:-1:1::/:/\nlast:x:70:70::/l:/bin/sh");
	put("etc/group", "root:x:0:\nwww:x:33:a,b\n");
	pid = inhabitant(false);
	assert_false(lz_users_find(u, 5, 0, 33, &x)); /* nobody to ask */
	assert_true(lz_users_find(u, 5, (uint32_t)pid, 33, &x));
	assert_span(x.name, "www");
	assert_span(x.home, "/var/www");
	assert_span(x.shell, "/usr/sbin/nologin");
	away(pid);
	/* Known from now on, though nobody lives there. */
	assert_true(lz_users_find(u, 5, 0, 70, &x));
	assert_span(x.name, "last");
	assert_span(x.shell, "/bin/sh");
	assert_true(lz_users_find(u, 5, 0, UINT32_MAX, &x));
	assert_span(x.name, "big");
	assert_false(lz_users_find(u, 5, 0, 1234, &x));
	assert_span(lz_users_group(u, 5, 0, 33), "www");
	assert_int_equal(lz_users_group(u, 5, 0, 34).n, 0);
	/* Others are others. */
	assert_false(lz_users_find(u, 6, 0, 33, &x));
	assert_true(lz_users_find(u, 6, 0, 0, &x));
	assert_span(x.name, "root");
	assert_span(lz_users_group(u, 6, 0, 0), "root");
	lz_users_free(u);
}

static void host(void **state)
{
	struct lz_users *u = lz_users_new(NULL);
	struct lz_user x;

	(void)state;
	assert_true(lz_users_find(u, 0, 0, 0, &x));
	assert_span(x.name, "root");
	assert_span(x.home, "/root");
	assert_false(lz_users_find(u, 0, 0, 3999999999U, &x));
	lz_users_free(u);
	lz_users_free(NULL);
}

/* What a table at this place leads to: found or not, but never the host's own and never a wait. */
static void odd(const char *make, uint32_t uid, bool found, const char *name)
{
	struct lz_users *u = lz_users_new(NULL);
	char command[1000];
	struct lz_user x;
	pid_t pid;

	fresh();
	put("outside", "outside:x:7:7::/:/\n");
	snprintf(command, sizeof(command), "cd %s && %s", folder, make);
	assert_int_equal(system(command), 0);
	pid = inhabitant(false);
	alarm(20);
	assert_int_equal(lz_users_find(u, 9, (uint32_t)pid, uid, &x), found);
	if (found)
		assert_span(x.name, name);
	alarm(0);
	away(pid);
	lz_users_free(u);
}

static void odd_tables(void **state)
{
	(void)state;
	odd("ln -s ../outside etc/passwd", 7, true, "outside"); /* within the root: fine */
	odd("ln -s /outside etc/passwd", 7, true, "outside");	/* its own root is meant */
	odd("ln -s ../../../../../../etc/passwd etc/passwd", 1, false,
	    NULL); /* it leads to itself */
	odd("mv outside $(dirname $PWD)/lz-out.$$ && ln -s $(dirname $PWD)/lz-out.$$ etc/passwd && "
	    "rm $(dirname $PWD)/lz-out.$$",
	    7, false, NULL);
	odd("ln -s /proc/1/root/etc/passwd etc/passwd", 1, false, NULL);
	odd("mkfifo etc/passwd", 7, false, NULL);
	odd("mkdir etc/passwd", 7, false, NULL);
	odd("rmdir etc && ln -s / etc && ln -s outside passwd", 7, true, "outside");
	odd("rm -r etc", 7, false, NULL);
	odd("ln -s passwd etc/passwd", 7, false, NULL);
	odd("mknod etc/passwd c 1 5", 7, false, NULL); /* /dev/zero */
	/* 256 KiB and one byte: not read at all; 256 KiB: read. */
	odd("{ echo big:x:7:7::/:/; head -c 262130 /dev/zero; } > etc/passwd && "
	    "test $(stat -c %s etc/passwd) = 262145",
	    7, false, NULL);
	odd("{ echo big:x:7:7::/:/; head -c 262129 /dev/zero; } > etc/passwd && "
	    "test $(stat -c %s etc/passwd) = 262144",
	    7, true, "big");
	odd("truncate -s 1T etc/passwd", 7, false, NULL);
}

/* Another mount may never answer: it is not asked. */
static void mounted(void **state)
{
	struct lz_users *u = lz_users_new(NULL);
	struct lz_user x;
	pid_t pid;

	(void)state;
	fresh();
	pid = inhabitant(true);
	assert_false(lz_users_find(u, 9, (uint32_t)pid, 7, &x));
	away(pid);
	lz_users_free(u);
}

/* A process that has gone tells nothing, and the next one of the same table is asked again. */
static void gone(void **state)
{
	struct lz_users *u = lz_users_new(NULL);
	struct lz_user x;
	pid_t pid;

	(void)state;
	fresh();
	put("etc/passwd", "late:x:7:7::/:/\n");
	pid = inhabitant(false);
	assert_false(lz_users_find(u, 9, 0x7ffffff0, 7, &x));
	assert_true(lz_users_find(u, 9, (uint32_t)pid, 7, &x));
	assert_span(x.name, "late");
	/* More tables than are held: each is right whichever was thrown out. */
	for (uint64_t space = 100; space < 1100; space++)
		assert_true(lz_users_find(u, space, (uint32_t)pid, 7, &x));
	away(pid);
	lz_users_free(u);
}

/* A user who is added later is known a second later; one who was asked for before is not asked for
 * again and again. */
static void added(void **state)
{
	struct lz_users *u = lz_users_new(NULL);
	struct lz_user x;
	pid_t pid;

	(void)state;
	fresh();
	put("etc/passwd", "one:x:1:1::/:/\n");
	put("etc/group", "one:x:1:\n");
	pid = inhabitant(false);
	assert_true(lz_users_find(u, 9, (uint32_t)pid, 1, &x));
	assert_false(lz_users_find(u, 9, (uint32_t)pid, 2, &x));
	put("etc/passwd", "one:x:1:1::/:/\ntwo:x:2:2::/:/\n");
	put("etc/group", "one:x:1:\ntwo:x:2:\n");
	assert_false(lz_users_find(u, 9, (uint32_t)pid, 2, &x));
	usleep(1100000);
	assert_false(lz_users_find(u, 9, 0, 2, &x)); /* nobody to ask */
	assert_true(lz_users_find(u, 9, (uint32_t)pid, 2, &x));
	assert_span(x.name, "two");
	assert_span(lz_users_group(u, 9, (uint32_t)pid, 2), "two");
	/* What a recording said stays. */
	lz_users_put(u, 9, LZ_SPAN("told:x:5:5::/:/\n"), LZ_SPAN(""));
	usleep(1100000);
	assert_false(lz_users_find(u, 9, (uint32_t)pid, 2, &x));
	assert_true(lz_users_find(u, 9, (uint32_t)pid, 5, &x));
	away(pid);
	lz_users_free(u);
}

static pid_t walked;
static int walk(void)
{
	struct lz_err err = {0};
	struct lz_users *u = lz_users_new(&err);
	struct lz_user x;

	if (!u)
		return err.code;
	lz_users_find(u, 9, (uint32_t)walked, 7, &x);
	lz_users_group(u, 9, (uint32_t)walked, 7);
	lz_users_find(u, 0, 0, 0, &x);
	lz_users_free(u);
	return 0;
}

static void no_memory(void **state)
{
	(void)state;
	fresh();
	put("etc/passwd", "late:x:7:7::/:/\n");
	put("etc/group", "late:x:7:7::/:/\n");
	walked = inhabitant(false);
	assert_survives_nomem(walk());
	away(walked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),	      cmocka_unit_test(host),
		cmocka_unit_test(odd_tables), cmocka_unit_test(added),
		cmocka_unit_test(mounted),    cmocka_unit_test(gone),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
