/* SPDX-License-Identifier: Apache-2.0 */
#include "live.h"

#include "../base/alloc.h"
#include "../base/clock.h"
#include "../base/limits.h"
#include "../base/log.h"
#include "../sensor/proc_record.h"
#include "../sensor/ring.h"
#include "engine.h"
#include "others.h"
#include "recording.h"
#include "reduced.h"
#include "rights.h"
#include "sink.h"
#include "stats.h"
#include "want.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS	    5 /* the longest that an event waits to be looked at */
#define SECOND_MS   1000
#define RELOAD_MS   2000 /* between looks at the rule files */
#define SELFTEST_MS 60000
#define ANSWER_MS   5000	   /* a self-test that took longer has failed */
#define SAMPLE_MS   5000	   /* between looks at what containers use */
#define SILENT_NS   30000000000ULL /* that end a conversation by datagrams */
#define FINISH_MS   3000
#define STEP_NS	    1000000 /* of the clock, that counts as one */
#define BURST	    4096    /* records before other things are looked after */

struct live {
	const struct lz_watch_options *o;
	struct lz_rule_set set;
	struct lz_programs_config config;
	struct lz_programs *programs;
	struct lz_rings *rings;
	struct lz_reduced *reduced; /* in place of programs and rings, where those can't be had */
	struct lz_engine *engine;
	struct lz_others *others;
	unsigned turn; /* of theirs, when programs were chosen */
	struct lz_sink *sink;
	struct lz_recording *recording;
	struct lz_stats stats;
	int64_t wall_ns;     /* added to boot time: the time of day */
	uint64_t from_ns;    /* records before this one were told by the programs before these */
	uint64_t lost_base;  /* lost by programs that are gone */
	uint64_t lost_known; /* of these, said already */
	uint64_t kind_known[LZ_EV_KINDS];
	uint64_t discards, folders;
	uint64_t groups_refused; /* told already */
	uint32_t nonce, answered;
	uint64_t second_ms, reload_ms, selftest_ms, stats_ms, sample_ms;
	bool asked; /* a self-test is on its way */
	bool recording_failed;
	bool partial; /* the kernel refused some programs, now or before */
	int signals;
};

static int64_t wall_offset(void)
{
	struct timespec t;
	uint64_t boot = lz_proc_boot_ns();

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec - (int64_t)boot;
}

/* It is measured anew each time and differs a little; a step of the clock differs more. */
static void look_at_clock(struct live *l)
{
	int64_t now = wall_offset(), moved = now - l->wall_ns;

	if (l->wall_ns && moved < STEP_NS && moved > -STEP_NS)
		return;
	l->wall_ns = now;
	lz_engine_clock(l->engine, now);
	if (l->recording)
		lz_recording_clock(l->recording, now);
}

/* --- what the engine tells --- */

static void on_group(void *arg, uint64_t id, unsigned known)
{
	struct live *l = arg;

	if (l->programs)
		lz_programs_group(l->programs, id, known);
}

/* A file that no rule can ask about, or a whole folder of them, is passed over in the kernel from
 * now on. */
static void on_idle(void *arg, const struct lz_record *r)
{
	struct live *l = arg;
	struct lz_ev_learn file;
	enum lz_settled settled = lz_others_idle(l->others);
	enum lz_matters matters;

	if (!lz_record_copy(r, LZ_PART_LEARN, &file, sizeof(file)) || settled == LZ_SETTLED_NOTHING)
		return;
	matters = lz_engine_matters(l->engine, r, file.key.class & LZ_CLASS_DOTS);
	if (matters == LZ_MATTERS)
		return;
	if (matters == LZ_MATTERS_NOT_FOLDER && settled == LZ_SETTLED_FOLDER) {
		file.key.inode = 0;
		file.key.path = file.folder;
		l->folders++;
	}
	lz_programs_discard(l->programs, &file);
	l->discards++;
}

static void on_selftest(void *arg, uint32_t nonce)
{
	struct live *l = arg;

	l->answered = nonce;
}

static void on_event(void *arg, const struct lz_seen *e)
{
	struct live *l = arg;

	lz_others_event(l->others, e);
}

static void on_alert(void *arg, const struct lz_alert *a)
{
	struct live *l = arg;
	struct lz_alert with = *a;

	if (!lz_others_alert(l->others, &with))
		lz_sink_add(l->sink, &with);
}

/* What the others have to say themselves. */
static void on_word(void *arg, const struct lz_alert *a)
{
	struct live *l = arg;

	lz_sink_add(l->sink, a);
}

static void on_known(void *arg, int type, struct lz_span bytes)
{
	struct live *l = arg;

	lz_recording_chunk(l->recording, (enum lz_chunk)type, bytes);
}

static struct lz_engine_hooks hooks_of(struct live *l)
{
	return (struct lz_engine_hooks){.arg = l,
					.event = on_event,
					.group = on_group,
					.idle = on_idle,
					.selftest = on_selftest,
					.known = l->recording ? on_known : NULL,
					.alert = on_alert};
}

/* --- loss --- */

static const char *const kind_names[LZ_EV_KINDS] = {
	[LZ_EV_CALL] = "calls",
	[LZ_EV_EXEC] = "programs started",
	[LZ_EV_FORK] = "processes begun",
	[LZ_EV_EXIT] = "processes ended",
	[LZ_EV_TASK] = "processes",
	[LZ_EV_CGROUP] = "containers",
	[LZ_EV_CAPABILITY] = "capabilities",
	[LZ_EV_FLOW] = "connections",
	[LZ_EV_DNS] = "names",
	[LZ_EV_IO_URING] = "io_uring operations",
	[LZ_EV_THROTTLE] = "throttling",
	[LZ_EV_SELFTEST] = "self-tests",
	[LZ_EV_STATS] = "statistics",
};

const char *lz_event_kind_text(unsigned kind)
{
	return kind < LZ_EV_KINDS ? kind_names[kind] : NULL;
}

static void take_record(void *arg, struct lz_span record)
{
	struct live *l = arg;

	/* What it is judged by is learnt, and recorded, first. */
	lz_engine_take(l->engine, record);
	if (l->recording)
		lz_recording_add(l->recording, record);
}

/* The processes there are. Some kernels' walk leaves out the first one, whom orphans call parent. */
static int take_processes(struct live *l, struct lz_err *err)
{
	struct lz_buf record;
	int code;

	if (l->reduced) {
		lz_reduced_tasks(l->reduced, take_record, l);
		return 0;
	}
	code = lz_programs_tasks(l->programs, take_record, l, err);
	if (code || lz_procs_find(lz_engine_procs(l->engine), 1, 0))
		return code;
	lz_buf_init(&record, LZ_EV_MAX);
	if (lz_proc_record(1, LZ_EV_TASK, &record))
		take_record(l, lz_buf_view(&record));
	lz_buf_done(&record);
	return 0;
}

/* Beginnings and ends that were lost leave wrong ancestries: what is there is read anew. */
static void repair(struct live *l)
{
	struct lz_err err = {0};
	uint64_t since_ns = lz_proc_boot_ns();
	int code = take_processes(l, &err);

	if (!code)
		lz_procs_sweep(lz_engine_procs(l->engine), since_ns, lz_proc_boot_ns());
	if (code || lz_engine_walk(l->engine, &err))
		lz_log(LZ_WARN, "after a loss of events: %s", err.text);
	l->stats.repairs++;
}

static void look_for_loss(struct live *l)
{
	uint64_t counts[LZ_COUNTS], missed = lz_programs_missed(l->programs), lost;
	char kinds[128] = "";
	size_t n = 0;
	bool state = missed > l->stats.missed;

	lz_programs_counts(l->programs, counts);
	lost = counts[LZ_COUNT_LOST] + missed;
	for (unsigned k = 1; k < LZ_EV_KINDS; k++) {
		uint64_t now = counts[LZ_COUNT_LOST_KIND + k];
		if (now > l->kind_known[k] && kind_names[k] && n < sizeof(kinds) - 40)
			n += (size_t)snprintf(kinds + n, sizeof(kinds) - n, "%s%s", n ? ", " : "",
					      kind_names[k]);
		state |= now > l->kind_known[k] && k != LZ_EV_CALL;
		l->kind_known[k] = now;
	}
	if (missed > l->stats.missed && n < sizeof(kinds) - 40)
		snprintf(kinds + n, sizeof(kinds) - n, "%sinterrupted", n ? ", " : "");
	if (lost > l->lost_known) {
		lz_engine_lost(l->engine, lost - l->lost_known, kinds);
		if (!l->o->quiet)
			lz_log(LZ_WARN, "%" PRIu64 " events lost (%s)", lost - l->lost_known,
			       kinds);
	}
	l->lost_known = lost;
	l->stats.missed = missed;
	if (state)
		repair(l);
}

/* Events of groups that there is no room for pass for the host's: as good as lost. */
static void look_for_groups(struct live *l)
{
	uint64_t n = lz_cgroups_refused(lz_engine_cgroups(l->engine));

	if (n == l->groups_refused)
		return;
	lz_engine_lost(l->engine, n - l->groups_refused, kind_names[LZ_EV_CGROUP]);
	l->lost_base += n - l->groups_refused;
	if (!l->groups_refused)
		lz_log(LZ_ERROR, "more control groups than can be known: events of new ones pass "
				 "for the host's");
	l->groups_refused = n;
}

/* How many there were nobody knows: one at least. */
static void look_for_missed(struct live *l)
{
	if (!lz_reduced_missed(l->reduced))
		return;
	lz_engine_lost(l->engine, 1, kind_names[LZ_EV_EXEC]);
	l->lost_base++;
	lz_log(LZ_WARN, "programs started faster than they could be looked at: some were missed");
	repair(l);
}

/* --- programs --- */

static void tell_refused(struct live *l)
{
	const struct lz_program_refused *r;
	size_t n = lz_programs_refused(l->programs, &r);

	for (size_t i = 0; i < n; i++)
		lz_log(LZ_WARN, "not seen: %s: the kernel refuses it: %s", r[i].what,
		       strerror(r[i].error));
	l->partial |= n > 0;
}

static int start_programs(struct live *l, struct lz_err *err)
{
	const int *fds;
	size_t n;

	l->programs = lz_programs_load(&l->config, err);
	if (!l->programs)
		return err->code;
	n = lz_programs_rings(l->programs, &fds);
	l->rings = lz_rings_open(fds, n, err);
	if (!l->rings)
		return err->code;
	tell_refused(l);
	return 0;
}

static void tell_group(void *arg, struct lz_cgroup *g)
{
	struct live *l = arg;

	if (!g->guessed)
		lz_programs_group(l->programs, g->id, g->in_container ? 2 : 1);
}

static void drain(struct live *l, uint64_t until_ns)
{
	struct lz_span record;
	struct lz_ev head;

	while (lz_rings_next(l->rings, &record) > 0) {
		memcpy(&head, record.p, sizeof(head));
		if (head.time_ns < until_ns)
			take_record(l, record);
	}
	lz_rings_release(l->rings);
}

/* What old programs have told, and what they lost since the last look. */
static void finish_old(struct live *l, struct lz_programs *old, struct lz_rings *rings)
{
	struct lz_programs *programs = l->programs;
	struct lz_rings *fresh = l->rings;

	l->rings = rings;
	drain(l, l->from_ns);
	l->programs = old;
	look_for_loss(l);
	l->rings = fresh;
	l->programs = programs;
}

/* Other rules want other events: new programs begin, then the old ones end. Both tell of the time
 * between; what is before the switch counts from the old ones, what is behind it from the new. */
static int change_programs(struct live *l, const struct lz_programs_config *config,
			   struct lz_err *err)
{
	struct lz_programs_config before = l->config;
	struct lz_programs *old = l->programs;
	struct lz_rings *rings = l->rings;
	struct timespec pause = {.tv_nsec = 20000000};

	l->config = *config;
	l->programs = NULL;
	l->rings = NULL;
	if (start_programs(l, err)) {
		lz_rings_close(l->rings);
		lz_programs_free(l->programs);
		l->config = before;
		l->programs = old;
		l->rings = rings;
		return err->code;
	}
	lz_cgroups_each(lz_engine_cgroups(l->engine), tell_group, l);
	l->from_ns = lz_proc_boot_ns();
	lz_programs_detach(old);
	nanosleep(&pause, NULL); /* who was within a program is out of it by now */
	finish_old(l, old, rings);
	/* Groups that a loss of the old ones brought to light. */
	lz_cgroups_each(lz_engine_cgroups(l->engine), tell_group, l);
	lz_rings_close(rings);
	lz_programs_free(old);
	memset(l->kind_known, 0, sizeof(l->kind_known));
	l->lost_base += l->lost_known;
	l->lost_known = 0;
	l->stats.missed = 0;
	return 0;
}

/* --- rules --- */

/* What rules and all others need. */
static int want(struct live *l, const struct lz_rules *rules, struct lz_programs_config *ret,
		struct lz_err *err)
{
	int code = lz_want(rules, ret, err);

	l->turn = lz_others_turn(l->others);
	lz_others_want(l->others, ret);
	return code;
}

/* The others want other events than before. */
static void look_at_others(struct live *l)
{
	struct lz_programs_config c = l->config;
	struct lz_err err = {0};

	if (!l->programs || l->turn == lz_others_turn(l->others))
		return;
	if (want(l, l->set.rules, &c, &err) ||
	    (!lz_want_same(&c, &l->config) && change_programs(l, &c, &err)))
		lz_log(LZ_ERROR, "events stay as they were: %s", err.text);
	else
		lz_programs_forget(l->programs);
}

static int swap_rules(struct live *l, struct lz_rule_set *fresh, struct lz_err *err)
{
	struct lz_programs_config wanted = l->config, before = l->config;
	struct lz_err again;

	if (want(l, fresh->rules, &wanted, err))
		return err->code;
	if (l->programs && !lz_want_same(&wanted, &l->config) && change_programs(l, &wanted, err))
		return err->code;
	if (lz_engine_rules(l->engine, fresh->rules, err)) {
		/* The old rules stay, and what they want. */
		if (l->programs && !lz_want_same(&before, &l->config) &&
		    change_programs(l, &before, &again))
			lz_log(LZ_ERROR, "the old rules miss events: %s", again.text);
		return err->code;
	}
	/* What was of no interest may be now. */
	if (l->programs)
		lz_programs_forget(l->programs);
	return 0;
}

static void reload(struct live *l, bool asked)
{
	uint64_t stamp = lz_rule_set_stamp(l->o->rules, l->o->rule_count);
	struct lz_rule_set fresh;
	struct lz_err err = {0};

	lz_others_reload(l->others);
	if (!asked && (stamp == l->set.stamp || stamp == l->stats.bad_stamp))
		return;
	if (lz_rule_set_load(l->o->rules, l->o->rule_count, &fresh, &err)) {
		l->stats.bad_stamp = stamp;
		lz_log(LZ_ERROR, "rules not changed, the old ones stay: %s", err.text);
		return;
	}
	if (swap_rules(l, &fresh, &err)) {
		l->stats.bad_stamp = stamp;
		lz_log(LZ_ERROR, "rules not changed, the old ones stay: %s", err.text);
		lz_rule_set_drop(&fresh);
		return;
	}
	lz_rule_set_drop(&l->set);
	l->set = fresh;
	l->stats.reloads++;
	if (!l->o->quiet)
		lz_log(LZ_INFO, "rules changed: %zu in use", lz_stats_rules(l->set.rules));
}

/* --- now and then --- */

static void self_test(struct live *l, uint64_t now_ms)
{
	if (l->asked && l->answered == l->nonce) {
		l->asked = false;
		l->stats.selftests++;
	} else if (l->asked && now_ms - l->selftest_ms > ANSWER_MS) {
		l->asked = false;
		l->stats.selftests_failed++;
		lz_log(LZ_ERROR, "self-test %u came to no answer: events may not arrive", l->nonce);
	}
	if (!l->asked && (!l->nonce || now_ms - l->selftest_ms >= SELFTEST_MS)) {
		l->asked = true;
		l->selftest_ms = now_ms;
		lz_programs_selftest(++l->nonce);
	}
}

/* A container that is cut off, or heard again, is an event of its own. */
static void look_at_rate(void *arg, struct lz_cgroup *g)
{
	struct live *l = arg;
	struct {
		struct lz_ev head;
		struct lz_ev_part part;
		struct lz_ev_throttle throttle;
	} __attribute__((packed)) r = {.head = {.size = sizeof(r), .kind = LZ_EV_THROTTLE}};
	uint64_t dropped;
	bool now;

	if (!g->in_container || !lz_programs_throttled(l->programs, g->id, &dropped, &now) ||
	    (now == g->throttled && !(dropped > g->dropped && !now)))
		return;
	r.head.time_ns = lz_proc_boot_ns();
	r.head.cgroup = g->id;
	r.head.pid = r.head.tid = g->container ? g->container->pid : 0;
	r.head.flags = LZ_EVF_OTHER;
	r.part = (struct lz_ev_part){LZ_PART_THROTTLE, sizeof(r.throttle)};
	r.throttle.dropped = dropped - g->dropped;
	r.throttle.began = now;
	g->throttled = now;
	if (!now)
		g->dropped = dropped;
	lz_log(LZ_WARN,
	       now ? "container %s makes more than %llu events a second: the rest is not judged"
		   : "container %s is heard again, after %llu events that were not judged",
	       g->short_id, (unsigned long long)(now ? l->o->rate : r.throttle.dropped));
	take_record(l, lz_span(&r, sizeof(r)));
}

static void fill_stats(struct live *l)
{
	if (l->programs) {
		lz_programs_counts(l->programs, l->stats.kernel);
		l->stats.cpus =
			lz_programs_lost_by_cpu(l->programs, l->stats.lost_by_cpu, LZ_STATS_CPUS);
		l->stats.ring_held = lz_rings_held(l->rings);
		l->stats.ring_size = lz_rings_size(l->rings);
		l->stats.path = lz_programs_path(l->programs);
	}
	l->stats.lost = l->lost_base + l->lost_known;
	l->stats.engine = lz_engine_counts(l->engine);
	l->stats.processes = lz_engine_processes(l->engine);
	l->stats.groups = lz_cgroups_count(lz_engine_cgroups(l->engine));
	l->stats.discards = l->discards;
	l->stats.profiler = lz_others_counts(l->others);
	l->stats.folders = l->folders;
}

/* The watch goes on without it; its end will say so again. */
static void look_at_recording(struct live *l)
{
	struct lz_err err;

	lz_recording_flush(l->recording);
	if (l->recording_failed || !lz_recording_state(l->recording, &err))
		return;
	l->recording_failed = true;
	lz_log(LZ_ERROR, "recording %s ends here: %s", l->o->record, err.text);
}

static void each_second(struct live *l, uint64_t now_ms)
{
	look_at_clock(l);
	if (l->recording)
		look_at_recording(l);
	if (l->programs) {
		look_for_loss(l);
		self_test(l, now_ms);
		if (l->o->rate)
			lz_cgroups_each(lz_engine_cgroups(l->engine), look_at_rate, l);
	}
	look_for_groups(l);
	if (l->reduced)
		look_for_missed(l);
	lz_sink_look(l->sink, now_ms);
	lz_engine_purge(l->engine, lz_proc_boot_ns());
	if (now_ms - l->sample_ms >= SAMPLE_MS) {
		l->sample_ms = now_ms;
		lz_engine_sample(l->engine, lz_proc_boot_ns(), take_record, l);
		if (l->programs && l->config.flows)
			lz_programs_silent(l->programs, lz_proc_boot_ns(), SILENT_NS, take_record,
					   l);
	}
	if (now_ms - l->reload_ms >= RELOAD_MS) {
		l->reload_ms = now_ms;
		reload(l, false);
	}
	lz_others_second(l->others, now_ms);
	look_at_others(l);
	if (l->o->stats_s && now_ms - l->stats_ms >= l->o->stats_s * 1000ULL) {
		l->stats_ms = now_ms;
		fill_stats(l);
		lz_stats_print(&l->stats, l->o->json);
	}
}

static void look_for_signals(struct live *l)
{
	struct signalfd_siginfo s;

	while (read(l->signals, &s, sizeof(s)) == (ssize_t)sizeof(s)) {
		lz_sink_reopen(l->sink);
		reload(l, true);
	}
}

static void housekeeping(struct live *l)
{
	uint64_t now = lz_now_ms();

	lz_sink_tick(l->sink, now);
	lz_others_tick(l->others, now, l->lost_base + l->lost_known);
	if (now - l->second_ms < SECOND_MS)
		return;
	l->second_ms = now;
	look_for_signals(l);
	each_second(l, now);
}

static bool alive(const struct live *l)
{
	return !lz_cancelled() && (l->o->top ? lz_others_alive(l->others) : lz_sink_alive(l->sink));
}

static void loop(struct live *l)
{
	while (l->reduced && alive(l)) {
		lz_reduced_poll(l->reduced, WAIT_MS, take_record, l);
		housekeeping(l);
	}
	while (l->programs && alive(l)) {
		struct lz_span record;
		struct lz_ev head;
		unsigned n = 0;
		while (n < BURST && lz_rings_next(l->rings, &record) > 0) {
			n++;
			memcpy(&head, record.p, sizeof(head));
			if (head.time_ns >= l->from_ns)
				take_record(l, record);
		}
		lz_rings_release(l->rings);
		housekeeping(l);
		if (n < BURST)
			lz_rings_wait(l->rings, WAIT_MS);
	}
}

/* --- beginning and end --- */

static int open_signals(struct live *l, struct lz_err *err)
{
	sigset_t hup;

	sigemptyset(&hup);
	sigaddset(&hup, SIGHUP);
	sigprocmask(SIG_BLOCK, &hup, NULL);
	l->signals = signalfd(-1, &hup, SFD_NONBLOCK | SFD_CLOEXEC);
	return l->signals < 0 ? lz_fail_errno(err, "signals") : 0;
}

/* Kernel programs, or what can be had without them. */
static int start_source(struct live *l, struct lz_err *err)
{
	int code = l->o->mode == LZ_WATCH_REDUCED ? LZ_E_DENIED : lz_reduced_why(err);

	if (!code) {
		code = start_programs(l, err);
		if (code)
			lz_reduced_explain(err);
	}
	if (!code)
		return take_processes(l, err);
	if (l->o->mode == LZ_WATCH_FULL)
		return code;
	if (l->o->mode == LZ_WATCH_AUTO)
		lz_log(LZ_WARN, "%s", err->text);
	lz_rings_close(l->rings);
	lz_programs_free(l->programs);
	l->rings = NULL;
	l->programs = NULL;
	l->reduced = lz_reduced_open(err);
	if (!l->reduced)
		return err->code;
	lz_log(LZ_WARN,
	       "reduced: %s; files, connections, calls, and programs that end at once are "
	       "not seen",
	       lz_reduced_way(l->reduced));
	return take_processes(l, err);
}

static int start(struct live *l, struct lz_err *err)
{
	struct lz_containers_config containers;
	struct lz_engine_hooks hooks;
	int code = lz_rule_set_load(l->o->rules, l->o->rule_count, &l->set, err);

	if (!code)
		code = lz_rights_keep_few(err);
	if (code)
		return code;
	l->config.ring_bytes = l->o->ring_bytes;
	l->config.tokens_per_s = l->o->rate;
	l->config.discard = true;
	code = open_signals(l, err);
	if (code)
		return code;
	if (l->o->record) {
		l->recording = lz_recording_create(l->o->record, err);
		if (!l->recording)
			return err->code;
	}
	hooks = hooks_of(l);
	lz_containers_config_default(&containers);
	if (l->o->docker_socket)
		containers.docker_socket = l->o->docker_socket;
	if (l->o->docker_root)
		containers.docker_root = l->o->docker_root;
	l->sink = lz_sink_new(l->o, err);
	l->engine = l->sink ? lz_engine_new(l->set.rules, &containers, &hooks, err) : NULL;
	if (!l->engine)
		return err->code;
	l->others = lz_others_new(l->o, l->engine, on_word, l, err);
	if (!l->others)
		return err->code;
	look_at_clock(l);
	code = want(l, l->set.rules, &l->config, err);
	if (!code)
		code = start_source(l, err);
	if (!code && l->reduced && l->o->learn_s)
		code = lz_fail(err, LZ_E_UNSUPPORTED,
			       "--learn needs kernel programs: without them "
			       "a profile would hold programs only, and all else be a deviation");
	if (code)
		return code;
	if (lz_engine_walk(l->engine, err) && l->programs)
		return err->code;
	return 0;
}

static int stop(struct live *l, int code, struct lz_err *err)
{
	if (l->others && !code)
		code = lz_others_finish(l->others, err);
	if (l->sink) {
		int r = lz_sink_finish(l->sink, FINISH_MS, code ? NULL : err);
		code = code ? code : r;
	}
	if (l->engine && l->o->stats_s) {
		fill_stats(l);
		lz_stats_print(&l->stats, l->o->json);
	}
	if (l->recording) {
		int r = lz_recording_close(l->recording, code ? NULL : err);
		code = code ? code : r;
	}
	lz_rings_close(l->rings);
	lz_programs_free(l->programs);
	lz_reduced_close(l->reduced);
	lz_others_free(l->others);
	lz_engine_free(l->engine);
	lz_sink_free(l->sink);
	lz_rule_set_drop(&l->set);
	if (l->signals >= 0)
		close(l->signals);
	lz_free(l);
	return code;
}

int lz_watch_live(const struct lz_watch_options *o, struct lz_err *err)
{
	struct live *l = lz_alloc(sizeof(*l));
	int code;

	if (!l)
		return lz_fail(err, LZ_E_NOMEM, "out of memory");
	l->o = o;
	l->signals = -1;
	code = start(l, err);
	if (!code) {
		if (!o->top)
			fprintf(stderr, "lazaret: watching: %zu rules, %zu processes, %s\n",
				lz_stats_rules(l->set.rules), lz_engine_processes(l->engine),
				l->reduced ? "reduced"
				: lz_programs_path(l->programs) == LZ_PATH_FEXIT
					? "system calls by a program behind each"
					: "system calls by one program behind all");
		loop(l);
		if (l->reduced)
			code = lz_fail(err, LZ_E_UNSUPPORTED, "reduced: not all was seen");
		else if (l->partial)
			code = lz_fail(err, LZ_E_UNSUPPORTED,
				       "the kernel refused some programs: not all was seen");
	}
	return stop(l, code, err);
}
