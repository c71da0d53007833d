/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Archives that GNU tar and Python's tarfile make of a tree on disk. The truth is the tree: each
 * entry is compared with the file it was made of, and no file may be missing.
 */
#include "tar_make.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/lz-tar-XXXXXX";

static void run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *fmt, ...)
{
	char command[1000], line[1100];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	snprintf(line, sizeof(line), "cd %s && %s", root, command);
	if (system(line) != 0)
		fail_msg("failed: %s", line);
}

/* "plain" is what every format can say; "long" and "sparse" need extensions. */
static int make_trees(void **state)
{
	(void)state;
	if (!mkdtemp(root))
		return -1;
	run("mkdir -p plain/etc/dir plain/empty.d && cd plain && printf '' >etc/empty && "
	    "printf x >etc/one && seq 100 | head -c 511 >etc/n511 && seq 200 | head -c 512 "
	    ">etc/n512 "
	    "&& seq 200 | head -c 513 >etc/n513 && seq 90000 >etc/dir/big && ln etc/one etc/hard "
	    "&& "
	    "ln -s ../etc/one etc/soft && ln -s /nowhere etc/absolute && mkfifo etc/fifo && "
	    "chmod 4755 etc/n511 && chmod 0700 empty.d && printf b >\"etc/$(printf '\\344 b')\"");
	run("cp -a plain old && rm old/etc/fifo"); /* which v7 does not know */
	run("mkdir -p \"long/$(printf '%%0120d' 1)/$(printf '%%0120d' 2)\" && cd long && "
	    "for n in 98 99 100 101 102 154 155 156 254 255; do printf $n >$(printf \"%%0${n}d\" "
	    "3); "
	    "done && for n in 99 100 101 300; do ln -s \"$(printf \"%%0${n}d\" 4)\" link$n; done "
	    "&& "
	    "seq 50 >$(printf '%%0120d' 1)/$(printf '%%0120d' 2)/$(printf '%%0120d' 3) && "
	    "ln $(printf '%%0120d' 1)/$(printf '%%0120d' 2)/$(printf '%%0120d' 3) zhard");
	run("mkdir sparse && cd sparse && truncate -s 1000000 hole && truncate -s 300000 tail && "
	    "printf head | dd of=tail conv=notrunc status=none && printf end | dd of=front bs=1 "
	    "seek=400000 conv=notrunc status=none && for i in $(seq 0 40); do printf piece$i | "
	    "dd of=many bs=1 seek=$((i * 65536)) conv=notrunc status=none; done && printf full "
	    ">full "
	    "&& truncate -s 0 nothing");
	return 0;
}

static int remove_trees(void **state)
{
	char command[60];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static void same_content(struct lz_tar *t, const char *path, uint64_t size)
{
	FILE *f = fopen(path, "rb");
	struct lz_err err = {0};
	struct lz_span s;
	uint64_t n = 0;
	int code;

	assert_non_null(f);
	while ((code = lz_tar_read(t, &s, &err)) > 0) {
		static char part[1 << 20];
		assert_true(s.n <= sizeof(part));
		assert_int_equal(fread(part, 1, s.n, f), s.n);
		assert_memory_equal(part, s.p, s.n);
		n += s.n;
	}
	assert_ok(code, err);
	assert_int_equal(n, size);
	assert_int_equal(fgetc(f), EOF);
	fclose(f);
}

/* Compares one entry with the file it was made of. */
static void same_as_on_disk(struct lz_tar *t, const struct lz_tar_entry *e, const char *tree,
			    bool read)
{
	char path[1500], other[1500], target[1000];
	struct stat st, to;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s/%.*s", root, tree, (int)e->path.n, e->path.p);
	if (lstat(path, &st) < 0)
		fail_msg("%s: not on disk", path);
	assert_false(e->unsafe);
	switch (e->type) {
	case LZ_TAR_DIR:
		assert_true(S_ISDIR(st.st_mode));
		break;
	case LZ_TAR_SYMLINK:
		assert_true(S_ISLNK(st.st_mode));
		n = readlink(path, target, sizeof(target) - 1);
		assert_int_equal(n, e->link.n);
		assert_memory_equal(target, e->link.p, e->link.n);
		return; /* its mode is the writer's choice */
	case LZ_TAR_HARDLINK:
		snprintf(other, sizeof(other), "%s/%s/%.*s", root, tree, (int)e->link.n, e->link.p);
		assert_int_equal(lstat(other, &to), 0);
		assert_int_equal(to.st_ino, st.st_ino);
		break;
	case LZ_TAR_FILE:
		assert_true(S_ISREG(st.st_mode));
		assert_int_equal(e->size, st.st_size);
		if (read)
			same_content(t, path, e->size);
		break;
	case LZ_TAR_OTHER:
		assert_true(S_ISFIFO(st.st_mode));
		break;
	}
	assert_int_equal(e->mode, st.st_mode & 07777);
}

static unsigned files_in(const char *tree)
{
	char command[200];
	unsigned n = 0;
	FILE *f;

	snprintf(command, sizeof(command), "find %s/%s -printf x | wc -c", root, tree);
	f = popen(command, "r");
	assert_int_equal(fscanf(f, "%u", &n), 1);
	pclose(f);
	return n;
}

/* Returns how many entries were sparse. */
static unsigned compare(const char *tree, bool read)
{
	char path[100];
	struct lz_limits l = limits();
	struct lz_err err = {0};
	struct lz_tar_entry e;
	struct lz_reader *r;
	struct lz_tar *t;
	struct stat st;
	unsigned n = 0, sparse = 0;
	int fd, code;

	snprintf(path, sizeof(path), "%s/out.tar", root);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	r = lz_reader_pread(fd, 0, (uint64_t)st.st_size, &err);
	t = lz_tar_open(r, &l, &err);
	while ((code = lz_tar_next(t, &e, &err)) > 0) {
		same_as_on_disk(t, &e, tree, read);
		sparse += e.sparse;
		n++;
	}
	assert_ok(code, err);
	assert_int_equal(n, files_in(tree));
	lz_tar_close(t);
	lz_reader_close(r);
	close(fd);
	return sparse;
}

/* Any split of the archive into chunks tells the same story. */
static void splits(void)
{
	static const size_t chunks[] = {1, 7, 511, 512, 513, 1000, 10240, 131072};
	struct lz_limits l = limits();
	struct lz_err err = {0};
	struct lz_buf tar, whole, part;
	char path[100];
	FILE *f;

	init(&tar);
	init(&whole);
	init(&part);
	snprintf(path, sizeof(path), "%s/out.tar", root);
	f = fopen(path, "rb");
	assert_int_equal(lz_buf_reserve(&tar, 8 * LZ_M), 0);
	tar.n = fread(tar.p, 1, 8 * LZ_M, f);
	fclose(f);
	assert_ok(tell(lz_buf_view(&tar), 0, &l, true, &whole, &err), err);
	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		lz_buf_clear(&part);
		assert_ok(tell(lz_buf_view(&tar), chunks[i], &l, true, &part, &err), err);
		assert_int_equal(part.n, whole.n);
		assert_memory_equal(part.p, whole.p, whole.n);
	}
	lz_buf_done(&tar);
	lz_buf_done(&whole);
	lz_buf_done(&part);
}

static const struct {
	const char *tree, *options;
} archives[] = {
	{"old", "--format=v7"},
	{"plain", "--format=oldgnu"},
	{"plain", "--format=gnu"},
	{"plain", "--format=ustar"},
	{"plain", "--format=pax"},
	{"plain", "--format=pax --pax-option=comment:=hello,delete=atime"},
	{"plain", "--format=pax --pax-option=globexthdr.name=/tmp/g,comment=hello"},
	{"plain", "--format=gnu --numeric-owner --owner=4000000000 --group=4000000000"},
	{"plain", "--format=pax --xattrs --acls --selinux"},
	{"plain", "--format=gnu --mtime=@-1"},
	{"plain", "--format=gnu --blocking-factor=1"},
	{"long", "--format=oldgnu"},
	{"long", "--format=gnu"},
	{"long", "--format=pax"},
	{"sparse", "--format=oldgnu --sparse"},
	{"sparse", "--format=gnu --sparse"},
	{"sparse", "--format=gnu --sparse --hole-detection=raw"},
	{"sparse", "--format=pax --sparse --sparse-version=0.0"},
	{"sparse", "--format=pax --sparse --sparse-version=0.1"},
	{"sparse", "--format=pax --sparse --sparse-version=1.0"},
	{"sparse", "--format=pax"},
};

static void test_gnu_tar(void **state)
{
	unsigned sparse;

	(void)state;
	for (size_t i = 0; i < sizeof(archives) / sizeof(archives[0]); i++) {
		run("tar -cf out.tar %s -C %s . 2>tar.err", archives[i].options, archives[i].tree);
		sparse = compare(archives[i].tree, true);
		assert_int_equal(sparse > 3, strstr(archives[i].options, "--sparse") != NULL);
		compare(archives[i].tree, false);
		splits();
	}
}

static void test_python(void **state)
{
	static const char *const formats[] = {"USTAR", "GNU", "PAX"};
	static const char *const trees[] = {"plain", "long", "sparse"};

	(void)state;
	for (int f = 0; f < 3; f++) {
		for (int t = 0; t < 3; t++) {
			if (f == 0 && t == 1)
				continue; /* ustar can't hold the names */
			run("python3 -c \"import tarfile; "
			    "t=tarfile.open('out.tar','w',format=tarfile.%s_FORMAT,"
			    "errors='surrogateescape'); t.add('%s','.'); t.close()\"",
			    formats[f], trees[t]);
			compare(trees[t], true);
			splits();
		}
	}
}

/* Without two blocks of zeros, but whole; and cut in the midst of anything else. */
static void test_cut(void **state)
{
	struct lz_limits l = limits();
	struct lz_buf tar, out;
	char path[100];
	FILE *f;
	int cut_well = 0;

	(void)state;
	run("tar -cf out.tar --format=gnu --blocking-factor=1 -C long .");
	init(&tar);
	init(&out);
	snprintf(path, sizeof(path), "%s/out.tar", root);
	f = fopen(path, "rb");
	assert_int_equal(lz_buf_reserve(&tar, LZ_M), 0);
	tar.n = fread(tar.p, 1, LZ_M, f);
	fclose(f);
	for (size_t n = 1; n < tar.n - 1024; n += n % 512 ? 511 : 1) {
		struct lz_err err = {0};
		int code;
		lz_buf_clear(&out);
		code = tell(lz_span(tar.p, n), 0, &l, true, &out, &err);
		if (n % 512 == 0 && code == 0) {
			cut_well++;
			continue;
		}
		assert_int_equal(code, LZ_E_FORMAT);
		assert_non_null(strstr(err.text, "at byte "));
	}
	assert_true(cut_well > 5);
	lz_buf_done(&tar);
	lz_buf_done(&out);
}

/* GNU tar unpacks what we write. */
static void test_ours_unpacks(void **state)
{
	char name[300], path[100];
	struct lz_buf b;
	FILE *f;

	(void)state;
	init(&b);
	memset(name, 'n', sizeof(name));
	memcpy(name, "deep/", 5);
	lz_tar_put_header(&b, LZ_TAR_DIR, LZ_SPAN("deep"), LZ_SPAN(""), 0);
	lz_tar_put_header(&b, LZ_TAR_FILE, lz_span(name, 250), LZ_SPAN(""), 5);
	put_content(&b, "hello", 5);
	lz_tar_put_header(&b, LZ_TAR_FILE, LZ_SPAN("etc/os-release"), LZ_SPAN(""), 3);
	put_content(&b, "ID=", 3);
	lz_tar_put_header(&b, LZ_TAR_SYMLINK, LZ_SPAN("soft"), lz_span(name, 200), 0);
	assert_int_equal(
		lz_tar_put_header(&b, LZ_TAR_FILE, LZ_SPAN("huge"), LZ_SPAN(""), 9000000000), 0);
	snprintf(path, sizeof(path), "%s/ours.tar", root);
	f = fopen(path, "wb");
	assert_int_equal(fwrite(b.p, 1, b.n, f), b.n);
	fclose(f);
	/* The last file's content is not there; its header is what is looked at. */
	run("tar -tvf ours.tar 2>/dev/null | tee list | grep -q ' 9000000000 .* huge$'");
	run("test \"$(wc -l <list)\" = 5");
	run("mkdir x; tar -xf ours.tar -C x --exclude=huge 2>/dev/null; "
	    "test \"$(cat x/%.250s)\" = hello",
	    name);
	run("test \"$(cat x/etc/os-release)\" = ID= && test \"$(readlink x/soft)\" = %.200s", name);
	lz_buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gnu_tar),
		cmocka_unit_test(test_python),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_ours_unpacks),
	};

	return cmocka_run_group_tests(tests, make_trees, remove_trees);
}
