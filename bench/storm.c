/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storm FILE RATE SECONDS [THREADS]: opens FILE so many times a second (0: as fast as it goes), and
 * prints "generated COUNT SECONDS". A call that failed ends it: the count is exact.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define BATCH	    64 /* calls between two looks at the clock */
#define THREADS_MAX 64

static const char *file;
static double rate, seconds; /* rate: of one thread */

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void one(void)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		perror(file);
		exit(1);
	}
	close(fd);
}

static void *work(void *ret)
{
	double from = now_s(), now = from;
	uint64_t n = 0;

	while (now - from < seconds) {
		if (rate > 0 && (double)n > (now - from) * rate) {
			usleep(50);
		} else {
			for (int i = 0; i < BATCH; i++)
				one();
			n += BATCH;
		}
		now = now_s();
	}
	*(uint64_t *)ret = n;
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS_MAX];
	uint64_t counts[THREADS_MAX] = {0}, sum = 0;
	int n = argc > 4 ? atoi(argv[4]) : 1;
	double from = now_s();

	if (argc < 4 || n < 1 || n > THREADS_MAX) {
		fputs("usage: storm FILE RATE SECONDS [THREADS]\n", stderr);
		return 2;
	}
	file = argv[1];
	rate = strtod(argv[2], NULL) / n;
	seconds = strtod(argv[3], NULL);
	for (int i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, work, &counts[i]))
			return 1;
	for (int i = 0; i < n; i++) {
		pthread_join(threads[i], NULL);
		sum += counts[i];
	}
	printf("generated %llu %.3f\n", (unsigned long long)sum, now_s() - from);
	return 0;
}
