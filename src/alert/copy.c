/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An alert that outlives its call:
 *
 *	alert │ tags[] │ fields[] │ bytes of all texts
 *
 * in one piece, so that there is one failure and one release. Walked twice by the same code: once
 * to measure, once to copy.
 */
#include "alert.h"

#include "../base/alloc.h"

struct move {
	char *to;  /* NULL: only measure */
	size_t at; /* bytes of text so far */
};

static void move(struct move *m, struct lz_span *s)
{
	if (m->to && s->n) {
		memcpy(m->to + m->at, s->p, s->n);
		s->p = m->to + m->at;
	} else if (m->to) {
		*s = (struct lz_span){"", 0};
	}
	m->at += s->n;
}

static void move_texts(struct move *m, struct lz_alert *a)
{
	struct lz_span *const own[] = {
		&a->rule,	    &a->source,		 &a->host,
		&a->output,	    &a->respond,	 &a->container.id,
		&a->container.name, &a->container.image, &a->container.digest,
		&a->lost_kinds,	    &a->fingerprint};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		move(m, own[i]);
	for (size_t i = 0; i < a->lineage_count; i++) {
		move(m, &a->lineage[i].name);
		move(m, &a->lineage[i].exe);
		move(m, &a->lineage[i].cmdline);
	}
}

static void move_arrays(struct move *m, struct lz_span *tags, size_t tag_count,
			struct lz_alert_field *fields, size_t field_count)
{
	for (size_t i = 0; i < tag_count; i++)
		move(m, &tags[i]);
	for (size_t i = 0; i < field_count; i++) {
		move(m, &fields[i].name);
		move(m, &fields[i].text);
	}
}

static size_t measure(const struct lz_alert *a)
{
	struct lz_alert like = *a;
	struct move m = {.to = NULL};

	move_texts(&m, &like);
	/* measuring writes nothing, so the cast takes no promise away */
	move_arrays(&m, (struct lz_span *)(uintptr_t)a->tags, a->tag_count,
		    (struct lz_alert_field *)(uintptr_t)a->fields, a->field_count);
	return m.at;
}

struct lz_alert *lz_alert_copy(const struct lz_alert *a, size_t *ret_bytes, struct lz_err *err)
{
	struct lz_alert from = *a, *copy;
	struct lz_alert_field *fields;
	struct lz_span *tags;
	struct move m;
	size_t bytes;

	if (from.lineage_count > LZ_ALERT_LINEAGE_MAX)
		from.lineage_count = LZ_ALERT_LINEAGE_MAX;
	bytes = sizeof(*copy) + from.tag_count * sizeof(*tags) +
		from.field_count * sizeof(*fields) + measure(&from);
	copy = lz_alloc(bytes);
	if (!copy) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	*copy = from;
	tags = (struct lz_span *)(void *)(copy + 1);
	fields = (struct lz_alert_field *)(void *)(tags + from.tag_count);
	m = (struct move){.to = (char *)(fields + from.field_count)};
	if (from.tag_count)
		memcpy(tags, a->tags, from.tag_count * sizeof(*tags));
	if (from.field_count)
		memcpy(fields, a->fields, from.field_count * sizeof(*fields));
	move_texts(&m, copy);
	move_arrays(&m, tags, from.tag_count, fields, from.field_count);
	copy->tags = tags;
	copy->fields = fields;
	if (ret_bytes)
		*ret_bytes = bytes;
	return copy;
}
