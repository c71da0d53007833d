/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

const struct lz_report_format *const lz_report_formats[] = {
	&lz_report_table,
	&lz_report_json,
	NULL,
};

const struct lz_report_format *lz_report_format_find(struct lz_span name)
{
	for (size_t i = 0; lz_report_formats[i]; i++)
		if (lz_span_is(name, lz_report_formats[i]->name))
			return lz_report_formats[i];
	return NULL;
}

void lz_report_count(const struct lz_scan *s, struct lz_report_counts *ret)
{
	struct lz_report_counts c = {0};

	LZ_VEC_EACH (struct lz_finding, f, &s->findings) {
		if (f->suppressed) {
			c.suppressed++;
			continue;
		}
		if (f->hidden) {
			c.hidden++;
			continue;
		}
		c.total++;
		c.by_severity[f->severity]++;
		c.fixable += f->fix == LZ_FIX_AVAILABLE;
		c.unfixed += f->fix != LZ_FIX_AVAILABLE;
		c.kev += f->kev;
	}
	*ret = c;
}
