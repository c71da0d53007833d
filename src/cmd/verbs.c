/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd.h"

const struct lz_verb *const lz_verbs[] = {
	&lz_verb_scan,	     &lz_verb_db_update,   &lz_verb_db_build,	   &lz_verb_db_status,
	&lz_verb_db_query,   &lz_verb_db_verify,   &lz_verb_db_export,	   &lz_verb_db_import,
	&lz_verb_db_compare, &lz_verb_rules_check, &lz_verb_rules_explain, &lz_verb_watch,
	&lz_verb_top,	     &lz_verb_list,	   &lz_verb_completion,	   NULL,
};
