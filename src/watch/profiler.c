/* SPDX-License-Identifier: Apache-2.0 */
#include "profiler.h"

#include "../base/alloc.h"
#include "../base/clean.h"
#include "../base/clock.h"
#include "../base/limits.h"
#include "../base/log.h"
#include "learner.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define RULE	  "Deviation from profile"
#define FIELD_MAX 16

struct lz_profiler {
	struct lz_profiler_options o;
	struct lz_engine *engine;
	lz_alert_sink *alert;
	void *arg;
	struct lz_profiles *set;
	struct lz_fact_reader *reader;
	struct lz_learner *learner; /* NULL: not learning */
	uint64_t begun_ms;
	unsigned turn;
	struct lz_profiler_counts counts;
	unsigned troubles; /* files that were refused */
	char host[256];
	/* the event at hand */
	struct lz_seen seen;
	enum lz_settled settled;
	struct lz_buf text, other;
};

static void trouble(void *arg, const struct lz_err *err)
{
	struct lz_profiler *p = arg;

	p->troubles++;
	lz_log(LZ_ERROR, "profile not used: %s", err->text);
}

/* Nobody may believe to be told of what can't be judged. */
static void warn_of_cuts(void *arg, struct lz_profile *profile)
{
	struct lz_profiler *p = arg;

	for (int k = 0; k < LZ_FACT_KINDS; k++) {
		uint64_t n = lz_profile_cut(profile, (enum lz_fact_kind)k);
		if (n && k != LZ_FACT_READ)
			lz_log(LZ_WARN,
			       "%s: %s are not judged: %" PRIu64 " found no room when they "
			       "were learnt",
			       lz_profiles_path(p->set, profile), lz_fact_rows[k].key, n);
	}
}

static int load(struct lz_profiler *p, struct lz_err *err)
{
	struct stat st;

	if (p->o.must_exist && !p->o.learn_s && (stat(p->o.folder, &st) || !S_ISDIR(st.st_mode)))
		return lz_fail(err, LZ_E_USAGE,
			       "%s: no such folder of profiles; `lazaret watch "
			       "--learn 15m` makes one",
			       p->o.folder);
	if (lz_profiles_load(p->set, trouble, p, err))
		return err->code;
	lz_profiles_each(p->set, warn_of_cuts, p);
	return 0;
}

struct lz_profiler *lz_profiler_new(const struct lz_profiler_options *o, struct lz_engine *engine,
				    lz_alert_sink *alert, void *arg, struct lz_err *err)
{
	struct lz_profiler *p = lz_alloc(sizeof(*p));

	if (!p) {
		lz_fail(err, LZ_E_NOMEM, "out of memory");
		return NULL;
	}
	*p = (struct lz_profiler){.o = *o, .engine = engine, .alert = alert, .arg = arg};
	lz_buf_init(&p->text, 64 * LZ_K);
	lz_buf_init(&p->other, 64 * LZ_K);
	if (gethostname(p->host, sizeof(p->host) - 1))
		p->host[0] = 0;
	p->begun_ms = lz_now_ms();
	p->set = lz_profiles_new(o->folder, err);
	p->reader = p->set ? lz_fact_reader_new(engine, err) : NULL;
	p->learner = p->reader && o->learn_s ? lz_learner_new(err) : NULL;
	if (p->reader && (p->learner || !o->learn_s) && !load(p, err))
		return p;
	lz_profiler_free(p);
	return NULL;
}

void lz_profiler_free(struct lz_profiler *p)
{
	if (!p)
		return;
	lz_learner_free(p->learner);
	lz_fact_reader_free(p->reader);
	lz_profiles_free(p->set);
	lz_buf_done(&p->text);
	lz_buf_done(&p->other);
	lz_free(p);
}

/* --- alerts ----------------------------------------------------------------------------------- */

/* What makes a deviation the same fact on every run: image, kind, value. */
static void fingerprint(struct lz_alert *a, const struct lz_fact *f, char ret[LZ_FINGERPRINT_SIZE])
{
	struct lz_alert like = {.rule = a->rule, .container = a->container, .lineage_count = 3};

	like.lineage[0].exe = lz_str(lz_fact_rows[f->kind].key);
	like.lineage[1].exe = f->value;
	like.lineage[2].exe = f->parent.n ? f->parent : LZ_SPAN("-");
	if (!lz_alert_fingerprint(&like, ret, NULL))
		a->fingerprint = lz_str(ret);
}

static void say(struct lz_profiler *p, const struct lz_fact *f, const char *file)
{
	struct lz_span exe = lz_shared_span(p->seen.proc->exe_path);

	lz_buf_clear(&p->text);
	lz_buf_printf(&p->text, "New %s for this image: ", lz_fact_rows[f->kind].noun);
	lz_buf_span(&p->text, f->value);
	if (f->kind == LZ_FACT_PROGRAM) {
		lz_buf_str(&p->text, ", started by ");
		lz_buf_span(&p->text, f->parent);
	} else if (exe.n) {
		lz_buf_str(&p->text, ", by ");
		lz_buf_span(&p->text, lz_span_head(exe, 4096));
	}
	lz_buf_printf(&p->text, " (profile %s)", file);
}

static size_t add_fields(struct lz_profiler *p, const struct lz_fact *f, const char *file,
			 struct lz_alert_field *ret)
{
	static const char *const asked[] = {
		"evt.type",	"proc.exepath",	  "proc.cmdline",
		"proc.pname",	"user.name",	  "fd.name",
		"container.id", "container.name", "container.image.repository"};
	const struct {
		const char *name;
		struct lz_span value;
	} own[] = {{"profile.kind", lz_str(lz_fact_rows[f->kind].key)},
		   {"profile.value", f->value},
		   {"profile.parent", f->parent},
		   {"profile.file", lz_str(file)}};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (own[i].value.n)
			ret[n++] = (struct lz_alert_field){.name = lz_str(own[i].name),
							   .kind = LZ_ALERT_TEXT,
							   .text = own[i].value};
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]) && n < FIELD_MAX; i++) {
		struct lz_span s = lz_view_ask(p->seen.view, asked[i]);
		if (s.n)
			ret[n++] = (struct lz_alert_field){
				.name = lz_str(asked[i]), .kind = LZ_ALERT_TEXT, .text = s};
	}
	return n;
}

static void deviates(struct lz_profiler *p, const struct lz_profile *profile,
		     const struct lz_fact *f)
{
	static const struct lz_span tags[] = {{"lazaret_profile", 15}};
	const struct lz_container *c = p->seen.container;
	const char *file = lz_profiles_path(p->set, profile);
	struct lz_alert_field fields[FIELD_MAX];
	char print[LZ_FINGERPRINT_SIZE];
	struct lz_alert a = {.rule = LZ_SPAN(RULE),
			     .source = LZ_SPAN("syscall"),
			     .priority = LZ_PRIO_NOTICE,
			     .tags = tags,
			     .tag_count = 1,
			     .time_ns = lz_view_time(p->seen.view),
			     .host = lz_str(p->host),
			     .fields = fields};

	if (f->kind == LZ_FACT_PROGRAM || f->kind == LZ_FACT_CAPABILITY)
		a.priority = LZ_PRIO_WARNING;
	say(p, f, file);
	a.output = lz_buf_view(&p->text);
	a.container.id = lz_view_container(p->seen.view);
	a.container.name = c->name;
	a.container.image = c->image;
	a.container.digest = c->image_digest;
	fingerprint(&a, f, print);
	a.field_count = add_fields(p, f, file, fields);
	lz_engine_lineage(p->engine, p->seen.proc, &a);
	p->counts.deviations++;
	p->alert(p->arg, &a);
}

struct telling {
	struct lz_profiler *p;
	uint64_t now_ms;
};

/* What was too much to tell in a minute is told as a number. */
static void tell_held(void *arg, struct lz_profile *profile)
{
	struct telling *t = arg;
	struct lz_profiler *p = t->p;
	uint64_t n = lz_profile_held(profile, t->now_ms);
	const struct lz_profile_about *about = lz_profile_about(profile);
	struct lz_alert a = {.rule = LZ_SPAN(RULE),
			     .source = LZ_SPAN("lazaret"),
			     .priority = LZ_PRIO_WARNING,
			     .host = lz_str(p->host)};

	if (!n)
		return;
	p->counts.held += n;
	lz_buf_clear(&p->text);
	lz_buf_printf(&p->text,
		      "%" PRIu64 " more deviations within a minute than can be told (profile %s)",
		      n, lz_profiles_path(p->set, profile));
	a.time_ns = (uint64_t)lz_today_s() * 1000000000;
	a.output = lz_buf_view(&p->text);
	a.container.image = about->image;
	a.container.digest = about->digest;
	p->alert(p->arg, &a);
}

/* --- events ----------------------------------------------------------------------------------- */

static struct lz_profile *profile_of(struct lz_profiler *p, const struct lz_seen *e)
{
	const struct lz_container *c = e->container;

	return c ? lz_profiles_find(p->set, c->image_digest, c->image_id) : NULL;
}

static bool any_known(struct lz_profile *profile, const struct lz_facts *f)
{
	if (lz_profile_has(profile, &f->fact))
		return true;
	for (size_t i = 0; i < f->others; i++)
		if (lz_profile_has(profile, &f->other[i]))
			return true;
	return false;
}

static void learn(struct lz_profiler *p, const struct lz_seen *e, const struct lz_facts *f)
{
	struct lz_span id = lz_str(e->group->short_id);

	/* An address that is known by one of its names needs no other. */
	for (size_t i = 0; i < f->others; i++)
		if (lz_learner_has(p->learner, id, &f->other[i])) {
			lz_learner_add(p->learner, id, e->container, &f->other[i]);
			return;
		}
	lz_learner_add(p->learner, id, e->container, &f->fact);
}

static bool judge(struct lz_profiler *p, const struct lz_seen *e, const struct lz_facts *f)
{
	struct lz_profile *profile = profile_of(p, e);
	enum lz_verdict v;

	if (!e->container || (!e->container->image_digest.n && !e->container->image_id.n)) {
		p->counts.unjudged++;
		return false;
	}
	if (!profile || f->fact.kind == LZ_FACT_READ)
		return true;
	if (f->others && any_known(profile, f))
		return true;
	v = lz_profile_judge(profile, &f->fact, lz_now_ms());
	if (v == LZ_VERDICT_NEW)
		deviates(p, profile, &f->fact);
	return v != LZ_VERDICT_HELD;
}

/* A profile has folders of plain files, but devices and folders themselves by their own names. */
static enum lz_settled settled_by(const struct lz_seen *e, const struct lz_fact *fact)
{
	struct lz_ev_file f;

	return lz_record_copy(e->record, LZ_PART_RET_FILE, &f, sizeof(f)) && S_ISREG(f.mode) &&
			       !lz_span_starts(fact->value, "/dev")
		       ? LZ_SETTLED_FOLDER
		       : LZ_SETTLED_FILE;
}

void lz_profiler_see(struct lz_profiler *p, const struct lz_seen *e)
{
	struct lz_facts f;

	p->seen = *e;
	p->settled = LZ_SETTLED_FOLDER;
	lz_facts_meet(p->reader, e);
	if (!e->group || !e->group->in_container || (!p->learner && !lz_profiles_count(p->set)))
		return;
	/* What the runtime opens says nothing of what the container may open there. */
	p->settled = LZ_SETTLED_NOTHING;
	if (!lz_facts_of(p->reader, e, &f))
		return;
	if (p->learner)
		learn(p, e, &f);
	else if (!judge(p, e, &f))
		return;
	p->settled = settled_by(e, &f.fact);
}

bool lz_profiler_known(struct lz_profiler *p)
{
	struct lz_profile *profile = p->seen.record ? profile_of(p, &p->seen) : NULL;
	struct lz_facts f;

	return profile && lz_facts_about(p->reader, &p->seen, &f) && any_known(profile, &f);
}

enum lz_settled lz_profiler_settled(const struct lz_profiler *p)
{
	return p->settled;
}

/* --- now and then ----------------------------------------------------------------------------- */

static int save(struct lz_profiler *p, uint64_t now_ms, struct lz_err *err)
{
	struct lz_learnt n;
	uint64_t s = (now_ms - p->begun_ms + 500) / 1000;
	int code = lz_learner_save(p->learner, p->set, s ? s : 1, &n, err);

	lz_learner_free(p->learner);
	p->learner = NULL;
	p->turn++;
	lz_profiles_each(p->set, warn_of_cuts, p);
	if (n.nameless)
		lz_log(LZ_WARN,
		       "nothing was learnt of %zu containers: which image they run was not "
		       "to be found out",
		       n.nameless);
	if (n.unlearnt)
		lz_log(LZ_WARN, "%" PRIu64 " facts were not learnt: out of memory", n.unlearnt);
	if (!p->o.quiet)
		lz_log(LZ_INFO, "learnt for %" PRIu64 " s: %zu profiles written to %s", s, n.images,
		       p->o.folder);
	return code;
}

void lz_profiler_tick(struct lz_profiler *p, uint64_t now_ms)
{
	struct telling t = {p, now_ms};
	struct lz_err err = {0};

	if (p->learner && now_ms - p->begun_ms >= p->o.learn_s * 1000 && save(p, now_ms, &err))
		lz_log(LZ_ERROR, "profiles: %s", err.text);
	lz_profiles_each(p->set, tell_held, &t);
}

void lz_profiler_reload(struct lz_profiler *p)
{
	unsigned troubles = p->troubles;
	struct lz_err err = {0};

	if (!lz_profiles_changed(p->set))
		return;
	if (lz_profiles_load(p->set, trouble, p, &err))
		lz_log(LZ_ERROR, "profiles not changed, the old ones stay: %s", err.text);
	else if (!p->o.quiet && troubles == p->troubles)
		lz_log(LZ_INFO, "profiles changed: %zu in use", lz_profiles_count(p->set));
	lz_profiles_each(p->set, warn_of_cuts, p);
	p->turn++;
}

unsigned lz_profiler_turn(const struct lz_profiler *p)
{
	return p->turn;
}

enum lz_profile_use lz_profiler_use(const struct lz_profiler *p)
{
	if (p->learner)
		return LZ_PROFILE_LEARN;
	return lz_profiles_count(p->set) ? LZ_PROFILE_JUDGE : LZ_PROFILE_UNUSED;
}

int lz_profiler_finish(struct lz_profiler *p, struct lz_err *err)
{
	return p->learner ? save(p, lz_now_ms(), err) : 0;
}

struct lz_profiler_counts lz_profiler_counts(const struct lz_profiler *p)
{
	struct lz_profiler_counts c = p->counts;

	c.profiles = lz_profiles_count(p->set);
	return c;
}
