/* SPDX-License-Identifier: Apache-2.0 */
#include "learner.h"

#include "../base/alloc.h"
#include "../base/clean.h"
#include "../base/clock.h"

enum { CONTAINERS_MAX = 16384, IMAGES_MAX = 900 };

struct image {
	struct lz_profile *p;
	uint64_t containers, events;
};

struct inmate { /* a container */
	char id[LZ_CONTAINER_ID_MAX + 1];
	struct image *image;	   /* NULL: not known yet */
	struct lz_profile *before; /* gathered until then; NULL: nothing */
	uint64_t events;	   /* of `before` */
};

struct lz_learner {
	struct lz_map inmates; /* id → struct inmate */
	struct lz_vec images;  /* struct image * */
	uint64_t unlearnt;
};

struct lz_learner *lz_learner_new(struct lz_err *err)
{
	struct lz_learner *l = lz_alloc(sizeof(*l));

	if (!l) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	lz_map_init(&l->inmates, CONTAINERS_MAX);
	lz_vec_init(&l->images, sizeof(struct image *), IMAGES_MAX);
	return l;
}

void lz_learner_free(struct lz_learner *l)
{
	if (!l)
		return;
	LZ_MAP_EACH (it, &l->inmates) {
		struct inmate *x = it->value.ptr;
		lz_profile_free(x->before);
		lz_free(x);
	}
	LZ_VEC_EACH (struct image *, i, &l->images) {
		lz_profile_free((*i)->p);
		lz_free(*i);
	}
	lz_map_done(&l->inmates);
	lz_vec_done(&l->images);
	lz_free(l);
}

static struct inmate *inmate_of(struct lz_learner *l, struct lz_span id)
{
	struct lz_map_item *it = lz_map_get(&l->inmates, id);
	struct inmate *x = it ? it->value.ptr : NULL;

	if (x || id.n > LZ_CONTAINER_ID_MAX)
		return x;
	x = lz_alloc(sizeof(*x));
	if (!x)
		return NULL;
	memcpy(x->id, id.p, id.n);
	it = lz_map_put(&l->inmates, lz_span(x->id, id.n), NULL, NULL);
	if (it) {
		it->value.ptr = x;
		return x;
	}
	lz_free(x);
	return NULL;
}

static struct lz_profile_about about_of(const struct lz_container *c)
{
	return (struct lz_profile_about){
		.image = c->image, .digest = c->image_digest, .id = c->image_id};
}

static bool same(struct lz_span a, struct lz_span b)
{
	return a.n && lz_span_eq(a, b);
}

static struct image *image_of(struct lz_learner *l, const struct lz_container *c)
{
	struct lz_profile_about about = about_of(c);
	struct image *x, **at;

	LZ_VEC_EACH (struct image *, i, &l->images) {
		const struct lz_profile_about *a = lz_profile_about((*i)->p);
		if (!same(a->digest, about.digest) && !same(a->id, about.id))
			continue;
		lz_profile_more((*i)->p, &about, NULL);
		return *i;
	}
	x = lz_alloc(sizeof(*x));
	if (x)
		x->p = lz_profile_new(&about, NULL);
	at = x && x->p ? lz_vec_push(&l->images) : NULL;
	if (at)
		return *at = x;
	if (x)
		lz_profile_free(x->p);
	lz_free(x);
	return NULL;
}

/* Its image is known now: what it gathered is the image's. */
static void settle_in(struct lz_learner *l, struct inmate *x, const struct lz_container *c)
{
	x->image = image_of(l, c);
	if (!x->image)
		return;
	x->image->containers++;
	x->image->events += x->events;
	if (x->before && lz_profile_merge(x->image->p, x->before, NULL))
		l->unlearnt++;
	lz_profile_free(x->before);
	x->before = NULL;
}

void lz_learner_add(struct lz_learner *l, struct lz_span id, const struct lz_container *c,
		    const struct lz_fact *f)
{
	struct inmate *x = inmate_of(l, id);
	struct lz_profile *p;

	if (x && !x->image && c && (c->image_digest.n || c->image_id.n))
		settle_in(l, x, c);
	if (x && !x->image && !x->before)
		x->before = lz_profile_new(&(struct lz_profile_about){0}, NULL);
	p = !x ? NULL : x->image ? x->image->p : x->before;
	if (!p || lz_profile_add(p, f, NULL)) {
		l->unlearnt++;
		return;
	}
	*(x->image ? &x->image->events : &x->events) += 1;
}

bool lz_learner_has(struct lz_learner *l, struct lz_span id, const struct lz_fact *f)
{
	struct lz_map_item *it = lz_map_get(&l->inmates, id);
	struct inmate *x = it ? it->value.ptr : NULL;
	struct lz_profile *p = !x ? NULL : x->image ? x->image->p : x->before;

	return p && lz_profile_has(p, f);
}

/* --- the end ---------------------------------------------------------------------------------- */

static struct lz_profile * final(const struct image *x, struct lz_profile *old, uint64_t duration_s,
				 struct lz_err *err)
{
	struct lz_profile_about about = *lz_profile_about(x->p);
	struct lz_profile *p;
	int code;

	about.learnt_s = lz_today_s();
	about.duration_s = duration_s;
	about.containers = x->containers;
	about.events = x->events;
	p = lz_profile_new(&about, err);
	if (!p)
		return NULL;
	code = lz_profile_merge(p, x->p, err);
	if (!code && old)
		code = lz_profile_merge(p, old, err);
	if (!code && old)
		code = lz_profile_more(p, lz_profile_about(old), err);
	if (!code)
		code = lz_profile_settle(p, err);
	if (!code)
		return p;
	lz_profile_free(p);
	return NULL;
}

static int save(const struct image *x, struct lz_profiles *to, uint64_t duration_s,
		struct lz_err *err)
{
	const struct lz_profile_about *a = lz_profile_about(x->p);
	struct lz_profile *p = final(x, lz_profiles_find(to, a->digest, a->id), duration_s, err);
	int code = p ? lz_profiles_put(to, p, err) : LZ_E_NOMEM;

	return code ? code : lz_profiles_save(to, p, err);
}

int lz_learner_save(struct lz_learner *l, struct lz_profiles *to, uint64_t duration_s,
		    struct lz_learnt *ret, struct lz_err *err)
{
	int code = 0;

	*ret = (struct lz_learnt){.unlearnt = l->unlearnt};
	LZ_MAP_EACH (it, &l->inmates)
		ret->nameless += !((struct inmate *)it->value.ptr)->image;
	LZ_VEC_EACH (struct image *, i, &l->images) {
		int r = save(*i, to, duration_s, code ? NULL : err);
		ret->images += !r;
		code = code ? code : r;
	}
	return code;
}
