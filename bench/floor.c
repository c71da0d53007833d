/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor [-j N] FILE...: the least that verifying layers can cost. Inflates each file and hashes its
 * packed and unpacked bytes with the libraries that lazaret uses, whole files spread over N
 * threads, and parses nothing. Prints one line:
 *
 *	floor WALL_SECONDS CPU_SECONDS PACKED_BYTES UNPACKED_BYTES
 *
 * Shares no code with the program, so that a slow reader there can't raise the floor. Files are
 * gzip or plain.
 */
#include "config.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#if LZ_HAVE_ISAL
#include <isa-l/igzip_lib.h>
#else
#include <zlib.h>
#endif

#define CHUNK (128 * 1024)

static char **files;
static int file_count, next_file;
static uint64_t packed_total, unpacked_total;

static _Noreturn void die(const char *path, const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", path, what);
	exit(1);
}

struct inflater {
#if LZ_HAVE_ISAL
	struct inflate_state s;
#else
	z_stream s;
#endif
	EVP_MD_CTX *packed, *unpacked;
	uint64_t made;
	unsigned char in[CHUNK], out[CHUNK];
};

#if LZ_HAVE_ISAL
static void begin(struct inflater *f)
{
	isal_inflate_init(&f->s);
	f->s.crc_flag = ISAL_GZIP;
}

/* False: broken. */
static bool step(struct inflater *f)
{
	if (f->s.block_state == ISAL_BLOCK_FINISH) { /* the next member */
		isal_inflate_reset(&f->s);
		f->s.crc_flag = ISAL_GZIP;
	}
	f->s.next_out = f->out;
	f->s.avail_out = CHUNK;
	return isal_inflate(&f->s) >= 0;
}

static void end(struct inflater *f)
{
	(void)f;
}
#else
static void begin(struct inflater *f)
{
	memset(&f->s, 0, sizeof(f->s));
	inflateInit2(&f->s, 16 + MAX_WBITS);
}

static bool step(struct inflater *f)
{
	int r;

	f->s.next_out = f->out;
	f->s.avail_out = CHUNK;
	r = inflate(&f->s, Z_NO_FLUSH);
	if (r == Z_STREAM_END)
		inflateReset(&f->s);
	return r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR;
}

static void end(struct inflater *f)
{
	inflateEnd(&f->s);
}
#endif

static void unpack(struct inflater *f, const char *path, size_t n)
{
	f->s.next_in = f->in;
	f->s.avail_in = (uint32_t)n;
	do {
		size_t made;
		if (!step(f))
			die(path, "not gzip");
		made = CHUNK - f->s.avail_out;
		EVP_DigestUpdate(f->unpacked, f->out, made);
		f->made += made;
	} while (f->s.avail_in || f->s.avail_out == 0);
}

static void one(struct inflater *f, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool gzip = false;
	uint64_t taken = 0;
	ssize_t n;

	if (fd < 0)
		die(path, "can't be opened");
	EVP_DigestInit_ex(f->packed, EVP_sha256(), NULL);
	EVP_DigestInit_ex(f->unpacked, EVP_sha256(), NULL);
	begin(f);
	f->made = 0;
	while ((n = read(fd, f->in, CHUNK)) > 0) {
		if (!taken)
			gzip = f->in[0] == 0x1f;
		taken += (uint64_t)n;
		EVP_DigestUpdate(f->packed, f->in, (size_t)n);
		if (gzip)
			unpack(f, path, (size_t)n);
	}
	end(f);
	close(fd);
	__atomic_fetch_add(&packed_total, taken, __ATOMIC_RELAXED);
	__atomic_fetch_add(&unpacked_total, gzip ? f->made : taken, __ATOMIC_RELAXED);
}

static void *work(void *arg)
{
	struct inflater *f = calloc(1, sizeof(*f));
	int i;

	(void)arg;
	if (!f)
		die("-", "no memory");
	f->packed = EVP_MD_CTX_new();
	f->unpacked = EVP_MD_CTX_new();
	while ((i = __atomic_fetch_add(&next_file, 1, __ATOMIC_RELAXED)) < file_count)
		one(f, files[i]);
	EVP_MD_CTX_free(f->packed);
	EVP_MD_CTX_free(f->unpacked);
	free(f);
	return NULL;
}

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	pthread_t threads[64];
	int n = 1, c;
	double wall = seconds(CLOCK_MONOTONIC);

	while ((c = getopt(argc, argv, "j:")) == 'j')
		n = (int)strtol(optarg, NULL, 10);
	if (c != -1 || optind == argc || n < 1 || n > 64) {
		fputs("usage: floor [-j N] FILE...\n", stderr);
		return 2;
	}
	files = argv + optind;
	file_count = argc - optind;
	for (int i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, work, NULL))
			die("-", "no thread");
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	printf("floor %.3f %.3f %llu %llu\n", seconds(CLOCK_MONOTONIC) - wall,
	       seconds(CLOCK_PROCESS_CPUTIME_ID), (unsigned long long)packed_total,
	       (unsigned long long)unpacked_total);
	return 0;
}
