/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Acts: small harmless deeds that rules look for, each done for real. One static program holds them
 * all and is copied or linked to whatever name an act needs. Words behind an act's own arguments
 * are left alone: tests put their marks there.
 */
#include <stddef.h>

struct act {
	const char *name;
	int least; /* arguments that it needs */
	int (*run)(int argc, char **argv);
	const char *usage;
};

/* Each ends with a row without a name. */
extern const struct act acts_files[], acts_net[], acts_proc[], acts_priv[], acts_ours[];

#define ACT_FAILED  1
#define ACT_UNKNOWN 64

/* Runs the act that argv[0] names. ACT_UNKNOWN: there is none. */
int act_run(int argc, char **argv);
/* Ends this program and becomes argv[0], searched in PATH without trying to run what is not there:
 * an exec that fails is an event too. Returns only when that failed. */
int act_exec(char **argv);
/* The program that a name stands for. */
const char *act_find(const char *name, char *buf, size_t size);
/* Says what failed and why; ACT_FAILED. */
int act_failed(const char *what);
/* 0 where a call returned at least 0. */
int act_done(long result, const char *what);
