/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over every file of the folders and files named: the corpus as a test, with
 * any compiler. Also over each file cut short at a few places, which finds missing bounds cheaply.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long runs;

static void one(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	uint8_t *data;
	size_t n;

	if (!f || fstat(fileno(f), &st) < 0) {
		perror(path);
		exit(1);
	}
	n = (size_t)st.st_size;
	data = malloc(n + 1);
	if (!data || fread(data, 1, n, f) != n) {
		perror(path);
		exit(1);
	}
	fclose(f);
	for (int eighth = 0; eighth <= 8; eighth++) {
		/* A block of its exact size, so that a sanitizer sees the first byte too many. */
		size_t part = n * (size_t)eighth / 8;
		uint8_t *copy = malloc(part ? part : 1);
		if (!copy)
			exit(1);
		memcpy(copy, data, part);
		LLVMFuzzerTestOneInput(copy, part);
		free(copy);
		runs++;
	}
	free(data);
}

static void all(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	if (!d) {
		one(path);
		return;
	}
	while ((e = readdir(d))) {
		char child[4096];
		if (e->d_name[0] == '.')
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, e->d_name);
		all(child);
	}
	closedir(d);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		all(argv[i]);
	printf("%lu inputs\n", runs);
	return runs ? 0 : 1;
}
