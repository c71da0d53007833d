/* SPDX-License-Identifier: Apache-2.0 */
#include "workload.h"

#include "../base/alloc.h"
#include "../base/map.h"

#define BUCKETS	  512 /* power of two */
#define IDLE_NS	  600000000000ULL
#define SECOND_NS 1000000000ULL
#define SOON_NS	  (SECOND_NS / 2) /* samples closer than this say nothing of a rate */
#define MINUTE	  12		  /* samples, five seconds apart */
#define WAYS	  8
#define SETS	  (LZ_DESTINATIONS_MAX / WAYS)
#define SLOWEST	  64 /* samples: what is usual follows that slowly in the end */
#define SETTLED	  12 /* samples from which on a sudden rise is not taken for what is usual */
#define RISE_MAX  8  /* times the usual that one sample may count for */
/* Less than this a second is not worth comparing. */
#define SENT_FLOOR     1024.0
#define CONNECTS_FLOOR 1.0

/* What containers and images have in common: how they are found and go. */
struct entry {
	struct entry *next; /* of the same bucket */
	uint64_t key, seen_ns;
};

struct table {
	struct entry *bucket[BUCKETS];
	size_t count, max;
	void (*drop)(struct entry *e);
};

struct destination {
	uint64_t key, first_ns; /* 0: empty */
};

struct image {
	struct entry e;
	uint64_t first_ns, samples;
	double sent, connects;	     /* each second, usually */
	struct destination *gone_to; /* SETS × WAYS; NULL: nowhere yet */
};

struct lz_workload {
	struct entry e;
	struct image *image;
	uint64_t forks;
	uint64_t new_now; /* destinations since the last sample that were new to the image */
	uint16_t fresh[MINUTE];
	unsigned at;
	bool sampled;
	uint64_t sampled_ns;
	struct lz_ev_stats last;
};

struct lz_workloads {
	struct table containers, images;
};

/* --- tables --- */

static struct entry **bucket(struct table *t, uint64_t key)
{
	return &t->bucket[key & (BUCKETS - 1)];
}

static struct entry *look_up(struct table *t, uint64_t key)
{
	struct entry *e = *bucket(t, key);

	while (e && e->key != key)
		e = e->next;
	return e;
}

static void take_out(struct table *t, struct entry *e)
{
	struct entry **at = bucket(t, e->key);

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	t->count--;
	t->drop(e);
}

static struct entry *oldest(struct table *t)
{
	struct entry *found = NULL;

	for (size_t i = 0; i < BUCKETS; i++)
		for (struct entry *e = t->bucket[i]; e; e = e->next)
			if (!found || e->seen_ns < found->seen_ns)
				found = e;
	return found;
}

static struct entry *add(struct table *t, uint64_t key, size_t size)
{
	struct entry *e = lz_alloc(size);

	if (!e)
		return NULL;
	e->key = key;
	e->next = *bucket(t, key);
	*bucket(t, key) = e;
	t->count++;
	return e;
}

static void drop_container(struct entry *e)
{
	lz_free(e);
}

static void drop_image(struct entry *e)
{
	lz_free(((struct image *)(void *)e)->gone_to);
	lz_free(e);
}

struct lz_workloads *lz_workloads_new(struct lz_err *err)
{
	struct lz_workloads *w = lz_alloc(sizeof(*w));

	if (!w) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	w->containers = (struct table){.max = LZ_WORKLOADS_MAX, .drop = drop_container};
	w->images = (struct table){.max = LZ_IMAGES_MAX, .drop = drop_image};
	return w;
}

static void empty(struct table *t)
{
	for (size_t i = 0; i < BUCKETS; i++)
		while (t->bucket[i])
			take_out(t, t->bucket[i]);
}

void lz_workloads_free(struct lz_workloads *w)
{
	if (!w)
		return;
	empty(&w->containers);
	empty(&w->images);
	lz_free(w);
}

/* Containers of an image that goes have to find another. */
static void forget_image(struct lz_workloads *w, struct image *gone)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct entry *e = w->containers.bucket[i]; e; e = e->next) {
			struct lz_workload *x = (struct lz_workload *)(void *)e;
			if (x->image == gone)
				x->image = NULL;
		}
	take_out(&w->images, &gone->e);
}

static struct image *image_of(struct lz_workloads *w, uint64_t key, uint64_t now_ns)
{
	struct image *i = (struct image *)(void *)look_up(&w->images, key);

	if (i)
		return i;
	if (w->images.count >= w->images.max)
		forget_image(w, (struct image *)(void *)oldest(&w->images));
	i = (struct image *)(void *)add(&w->images, key, sizeof(*i));
	if (i)
		i->first_ns = now_ns;
	return i;
}

struct lz_workload *lz_workloads_find(struct lz_workloads *w, struct lz_span container,
				      struct lz_span image, uint64_t now_ns)
{
	uint64_t key = lz_hash(container), image_key = lz_hash(image.n ? image : container);
	struct lz_workload *x = (struct lz_workload *)(void *)look_up(&w->containers, key);

	if (!x) {
		if (w->containers.count >= w->containers.max)
			take_out(&w->containers, oldest(&w->containers));
		x = (struct lz_workload *)(void *)add(&w->containers, key, sizeof(*x));
	}
	if (!x)
		return NULL;
	x->e.seen_ns = now_ns;
	/* The runtime may say late what image it is. */
	if (!x->image || x->image->e.key != image_key)
		x->image = image_of(w, image_key, now_ns);
	if (!x->image)
		return NULL;
	x->image->e.seen_ns = now_ns;
	return x;
}

void lz_workloads_purge(struct lz_workloads *w, uint64_t now_ns)
{
	struct entry *next;

	for (size_t i = 0; i < BUCKETS; i++)
		for (struct entry *e = w->containers.bucket[i]; e; e = next) {
			next = e->next;
			if (now_ns > e->seen_ns && now_ns - e->seen_ns > IDLE_NS)
				take_out(&w->containers, e);
		}
}

size_t lz_workloads_count(const struct lz_workloads *w)
{
	return w->containers.count;
}

/* --- what happens --- */

void lz_workload_forked(struct lz_workload *x)
{
	x->forks++;
}

static uint64_t since(uint64_t then_ns, uint64_t now_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

uint64_t lz_workload_goes(struct lz_workload *x, const unsigned char *ip, unsigned bytes,
			  uint64_t now_ns)
{
	uint64_t key = lz_hash(lz_span(ip, bytes));
	struct image *i = x->image;
	struct destination *set, *place;

	if (!i->gone_to)
		i->gone_to = lz_alloc(LZ_DESTINATIONS_MAX * sizeof(*i->gone_to));
	if (!i->gone_to)
		return since(i->first_ns, now_ns); /* not worth an alert */
	set = place = i->gone_to + key % SETS * WAYS;
	for (struct destination *d = set; d < set + WAYS; d++) {
		if (d->first_ns && d->key == key)
			return since(d->first_ns, now_ns);
		if (d->first_ns < place->first_ns)
			place = d;
	}
	*place = (struct destination){key, now_ns ? now_ns : 1};
	x->new_now++;
	return 0;
}

void lz_workload_usual(const struct lz_workload *x, uint64_t now_ns, struct lz_usual *ret)
{
	*ret = (struct lz_usual){.age_ns = since(x->image->first_ns, now_ns),
				 .samples = x->image->samples,
				 .destination_ns = -1};
}

/* --- samples --- */

/* Counters of a namespace or a group that was made anew begin again: then nothing is known. */
static double rate(uint64_t before, uint64_t now, double seconds)
{
	return now > before ? (double)(now - before) / seconds : 0;
}

/* How many times the usual; what is usual moves a little towards it. */
static uint64_t compare(double *usual, uint64_t samples, double now, double floor)
{
	double base = *usual > floor ? *usual : floor;
	uint64_t times = samples ? (uint64_t)(now / base) : 0;
	double weight = 1.0 / (double)(samples < SLOWEST ? samples + 1 : SLOWEST);

	if (samples >= SETTLED && now > base * RISE_MAX)
		now = base * RISE_MAX;
	*usual += (now - *usual) * weight;
	return times;
}

static uint64_t fresh_destinations(struct lz_workload *x)
{
	uint64_t sum = 0;

	x->fresh[x->at++ % MINUTE] = x->new_now < UINT16_MAX ? (uint16_t)x->new_now : UINT16_MAX;
	x->new_now = 0;
	for (unsigned i = 0; i < MINUTE; i++)
		sum += x->fresh[i];
	return sum;
}

static void figures(struct lz_workload *x, const struct lz_ev_stats *s, double seconds,
		    struct lz_stat_values *ret)
{
	const struct lz_ev_stats *before = &x->last;
	struct image *i = x->image;
	double sent = rate(before->sent_bytes, s->sent_bytes, seconds);
	double connects = rate(before->connects, s->connects, seconds);

	*ret = (struct lz_stat_values){
		.has = s->has & before->has,
		.processes = s->processes,
		.forks = (uint64_t)rate(0, x->forks, seconds),
		.cpu_percent = (uint64_t)(rate(before->cpu_ns, s->cpu_ns, seconds) / 1e7),
		.sent_bytes = (uint64_t)sent,
		.received_bytes =
			(uint64_t)rate(before->received_bytes, s->received_bytes, seconds),
		.connects = (uint64_t)connects,
		.accepts = (uint64_t)rate(before->accepts, s->accepts, seconds),
		.failed = (uint64_t)rate(before->failed, s->failed, seconds),
		.overflows = (uint64_t)rate(before->overflows, s->overflows, seconds)};
	if (ret->has & LZ_STATS_BYTES)
		ret->sent_times = compare(&i->sent, i->samples, sent, SENT_FLOOR);
	if (ret->has & LZ_STATS_TCP)
		ret->connects_times = compare(&i->connects, i->samples, connects, CONNECTS_FLOOR);
	i->samples++;
}

bool lz_workload_sample(struct lz_workload *x, const struct lz_ev_stats *s, uint64_t now_ns,
			struct lz_stat_values *ret)
{
	uint64_t passed = since(x->sampled_ns, now_ns);
	bool can = x->sampled && passed >= SOON_NS;

	if (x->sampled && !can)
		return false;
	if (can)
		figures(x, s, (double)passed / SECOND_NS, ret);
	x->forks = 0;
	x->last = *s;
	x->sampled = true;
	x->sampled_ns = now_ns;
	if (can)
		ret->new_destinations = fresh_destinations(x);
	else
		x->new_now = 0;
	return can;
}
