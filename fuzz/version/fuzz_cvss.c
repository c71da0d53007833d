/* SPDX-License-Identifier: Apache-2.0 */
/* CVSS vectors. Asserted: a score is between 0 and 10 and has one decimal. */
#include "vuln/vuln.h"

#include "fuzz.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lz_err err = {0};
	double score = -1;

	if (checked(lz_cvss_score(lz_span(data, size), &score, &err), &err))
		return 0;
	CHECK(score >= 0 && score <= 10);
	CHECK(fabs(score * 10 - round(score * 10)) < 1e-6);
	CHECK(lz_cvss_severity(lz_span(data, size), score) < LZ_SEV_COUNT);
	return 0;
}
