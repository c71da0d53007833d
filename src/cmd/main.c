/* SPDX-License-Identifier: Apache-2.0 */
#include "verb.h"

#include "../base/clock.h"

int main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	lz_signals_install();
	return LZ_EXIT_USAGE;
}
