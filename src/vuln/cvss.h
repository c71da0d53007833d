/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside vuln/ only: scores of one version of CVSS each. */
#include "vuln.h"

/* `text` begins with "CVSS:4.0/". LZ_E_FORMAT says which byte is wrong. */
int lz_cvss4_score(struct lz_span text, double *ret_score, struct lz_err *err);
