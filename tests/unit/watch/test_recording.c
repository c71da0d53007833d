/* SPDX-License-Identifier: Apache-2.0 */
#include "watch/recording.h"

#include "base/buf.h"
#include "folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <zstd.h>

/* --- what is written and what is read --- */

static void record_sample(const char *path)
{
	struct lz_err err;
	struct lz_recording *r = lz_recording_create(path, &err);

	assert_non_null(r);
	lz_recording_clock(r, 1700000000000000000);
	lz_recording_add(r, LZ_SPAN("first"));
	lz_recording_flush(r);
	lz_recording_clock(r, 1700000000000000500); /* hardly moved: not worth a word */
	lz_recording_add(r, LZ_SPAN(""));
	lz_recording_chunk(r, LZ_CHUNK_GROUP, LZ_SPAN("\1\0\0\0\0\0\0\0/docker/x"));
	lz_recording_clock(r, 1699999990000000000);
	lz_recording_add(r, LZ_SPAN("last"));
	assert_ok(lz_recording_close(r, &err), err);
}

static const char sample_text[] =
	"T[1700000000000000000]E[first]T[1700000000000000500]E[]G[........\x2f"
	"docker/x]"
	"T[1699999990000000000]E[last]";

/* All of a recording as text; negative: how it ended. */
static int read_all(const char *path, struct lz_buf *out, struct lz_err *err)
{
	struct lz_recording_reader *r = lz_recording_open(path, err);
	struct lz_span bytes;
	enum lz_chunk type;
	int code;

	lz_buf_init(out, 16 << 20);
	if (!r)
		return err->code;
	while ((code = lz_recording_next(r, &type, &bytes, err)) > 0) {
		lz_buf_printf(out, "%c[", (int)type);
		if (type == LZ_CHUNK_CLOCK && bytes.n == 8) {
			int64_t ns;
			memcpy(&ns, bytes.p, 8);
			lz_buf_printf(out, "%lld", (long long)ns);
		} else {
			for (size_t i = 0; i < bytes.n; i++)
				lz_buf_byte(out,
					    bytes.p[i] < ' ' ? '.' : (unsigned char)bytes.p[i]);
		}
		lz_buf_str(out, "]");
	}
	lz_recording_reader_free(r);
	return code;
}

static size_t load(const char *path, char *p, size_t max)
{
	FILE *f = fopen(path, "rb");
	size_t n;

	assert_non_null(f);
	n = fread(p, 1, max, f);
	fclose(f);
	return n;
}

static void store(const char *path, const char *p, size_t n)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	fclose(f);
}

static void round_trip(void **state)
{
	struct lz_err err;
	struct lz_buf b;
	struct stat st;

	(void)state;
	record_sample(in_folder("r"));
	assert_int_equal(read_all(in_folder("r"), &b, &err), 0);
	assert_span(lz_buf_view(&b), sample_text);
	lz_buf_done(&b);
	/* It may hold what processes were told in secret. */
	assert_int_equal(stat(in_folder("r"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void large(void **state)
{
	static char bytes[28 * 1024];
	struct lz_recording *r = lz_recording_create(in_folder("r"), NULL);
	struct lz_recording_reader *in;
	unsigned seed = 1;
	struct lz_span got;
	enum lz_chunk type;
	struct lz_err err;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		for (size_t k = 0; k < sizeof(bytes); k += 97)
			bytes[k] = (char)((seed = seed * 1103515245 + 12345) >> 16);
		lz_recording_add(r, lz_span(bytes, (size_t)i * 14));
	}
	assert_ok(lz_recording_close(r, &err), err);
	in = lz_recording_open(in_folder("r"), &err);
	seed = 1;
	memset(bytes, 0, sizeof(bytes));
	for (int i = 0; i < 2000; i++) {
		for (size_t k = 0; k < sizeof(bytes); k += 97)
			bytes[k] = (char)((seed = seed * 1103515245 + 12345) >> 16);
		assert_int_equal(lz_recording_next(in, &type, &got, &err), 1);
		assert_true(lz_span_eq(got, lz_span(bytes, (size_t)i * 14)));
	}
	assert_int_equal(lz_recording_next(in, &type, &got, &err), 0);
	assert_int_equal(lz_recording_next(in, &type, &got, &err), 0);
	lz_recording_reader_free(in);
	lz_recording_reader_free(NULL);
}

/* What was flushed can be read while the rest is still being written, and says that it ends early. */
static void unfinished(void **state)
{
	struct lz_recording *r = lz_recording_create(in_folder("r"), NULL);
	struct lz_err err;
	struct lz_buf b;

	(void)state;
	lz_recording_add(r, LZ_SPAN("told"));
	lz_recording_flush(r);
	lz_recording_add(r, LZ_SPAN("not yet"));
	assert_int_equal(read_all(in_folder("r"), &b, &err), LZ_E_FORMAT);
	assert_span(lz_buf_view(&b), "E[told]");
	assert_non_null(strstr(err.text, "ends early"));
	lz_buf_done(&b);
	assert_ok(lz_recording_close(r, &err), err);
}

/* --- damage --- */

/* Cut anywhere: what is read is a beginning of what was written, and that it is one is said. */
static void cut(void **state)
{
	char bytes[2000];
	struct lz_err err;
	struct lz_buf b;
	size_t n;

	(void)state;
	record_sample(in_folder("r"));
	n = load(in_folder("r"), bytes, sizeof(bytes));
	assert_true(n > 50 && n < sizeof(bytes));
	for (size_t i = 0; i < n; i++) {
		store(in_folder("c"), bytes, i);
		err = (struct lz_err){0};
		assert_int_equal(read_all(in_folder("c"), &b, &err), LZ_E_FORMAT);
		assert_true(err.text[0]);
		assert_true(b.n <= strlen(sample_text));
		assert_memory_equal(lz_buf_view(&b).p, sample_text, b.n);
		lz_buf_done(&b);
	}
}

/* Each byte turned in three ways: an error, or the same events. */
static void turned(void **state)
{
	static const unsigned char ways[] = {0xff, 0x01, 0x80};
	char bytes[2000];
	struct lz_err err;
	size_t n, good = 0;

	(void)state;
	record_sample(in_folder("r"));
	n = load(in_folder("r"), bytes, sizeof(bytes));
	for (size_t i = 0; i < n; i++)
		for (size_t w = 0; w < sizeof(ways); w++) {
			struct lz_buf b;
			int code;
			bytes[i] = (char)(bytes[i] ^ ways[w]);
			store(in_folder("c"), bytes, n);
			bytes[i] = (char)(bytes[i] ^ ways[w]);
			code = read_all(in_folder("c"), &b, &err);
			if (!code) {
				good++;
				assert_span(lz_buf_view(&b), sample_text);
			} else {
				assert_true(code == LZ_E_FORMAT || code == LZ_E_UNSUPPORTED);
				assert_true(err.text[0]);
			}
			lz_buf_done(&b);
		}
	assert_true(good < n / 4);
}

/* --- what is no recording, or a hostile one --- */

static void pack(const char *path, struct lz_span plain)
{
	char out[4096];
	size_t n = ZSTD_compress(out, sizeof(out), plain.p, plain.n, 1);

	assert_false(ZSTD_isError(n));
	store(path, out, n);
}

static int code_of(const char *path, const char *words)
{
	struct lz_err err = {0};
	struct lz_buf b;
	int code = read_all(path, &b, &err);

	lz_buf_done(&b);
	if (code < 0 && !strstr(err.text, words))
		fail_msg("\"%s\" does not say \"%s\"", err.text, words);
	return code;
}

static void refused(void **state)
{
	(void)state;
	assert_int_equal(code_of(in_folder("missing"), "missing"), LZ_E_NOTFOUND);
	store(in_folder("c"), "", 0);
	assert_int_equal(code_of(in_folder("c"), "not a recording"), LZ_E_FORMAT);
	store(in_folder("c"), "LZREC\0\1\0E\0\0\0\0", 13);
	assert_true(code_of(in_folder("c"), "recording") < 0);
	pack(in_folder("c"), LZ_SPAN("LZREC\0\1\0"));
	assert_int_equal(code_of(in_folder("c"), ""), 0); /* nothing happened */
	pack(in_folder("c"), LZ_SPAN("LZREK\0\1\0"));
	assert_int_equal(code_of(in_folder("c"), "not a recording"), LZ_E_FORMAT);
	pack(in_folder("c"), LZ_SPAN("LZREC\0\2\0"));
	assert_int_equal(code_of(in_folder("c"), "version 2"), LZ_E_UNSUPPORTED);
	pack(in_folder("c"), LZ_SPAN("LZREC\0\1\0E\1\0\0\0"));
	assert_int_equal(code_of(in_folder("c"), "ends early"), LZ_E_FORMAT);
	pack(in_folder("c"), LZ_SPAN("LZREC\0\1\0E\xff\xff\xff\x7f"));
	assert_int_equal(code_of(in_folder("c"), "chunk of 2147483647 bytes"), LZ_E_FORMAT);
	pack(in_folder("c"), LZ_SPAN("LZREC\0\1\0?\1\0\0\0x"));
	assert_int_equal(code_of(in_folder("c"), ""),
			 0); /* a kind of later: whoever reads decides */
}

static void bad_places(void **state)
{
	struct lz_err err = {0};
	struct lz_recording *r;

	(void)state;
	assert_null(lz_recording_create(in_folder("no/such/folder"), &err));
	assert_non_null(strstr(err.text, "no/such/folder"));
	assert_null(lz_recording_create(folder, &err));
	/* A link that somebody put there is not followed. */
	assert_int_equal(symlink(in_folder("victim"), in_folder("link")), 0);
	assert_null(lz_recording_create(in_folder("link"), &err));
	assert_int_not_equal(access(in_folder("victim"), F_OK), 0);
	/* A full disk sticks, and is told at the end. */
	r = lz_recording_create("/dev/full", &err);
	assert_non_null(r);
	for (int i = 0; i < 100; i++)
		lz_recording_add(r, LZ_SPAN("a record"));
	lz_recording_flush(r);
	assert_true(lz_recording_state(r, &err) < 0);
	assert_non_null(strstr(err.text, "No space left"));
	lz_recording_add(r, LZ_SPAN("another"));
	assert_true(lz_recording_close(r, &err) < 0);
	assert_non_null(strstr(err.text, "No space left"));
}

static int write_and_read(void)
{
	struct lz_err err = {0};
	struct lz_recording *r = lz_recording_create(in_folder("r"), &err);
	struct lz_buf b;
	int code;

	if (!r)
		return err.code;
	lz_recording_add(r, LZ_SPAN("x"));
	code = lz_recording_close(r, &err);
	if (!code)
		code = read_all(in_folder("r"), &b, &err);
	lz_buf_done(&b);
	return code;
}

static void no_memory(void **state)
{
	(void)state;
	assert_survives_nomem(write_and_read());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(large),
		cmocka_unit_test(unfinished), cmocka_unit_test(cut),
		cmocka_unit_test(turned),     cmocka_unit_test(refused),
		cmocka_unit_test(bad_places), cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
