/* SPDX-License-Identifier: Apache-2.0 */
/* user.*, group.*, container.*, k8s.*: on whose behalf, and where. */
#include "view_in.h"

#include "../base/map.h"

#include <fnmatch.h>
#include <stdlib.h>

#define GETTER(name) \
	static size_t name(struct lz_view *v, struct lz_span arg, const struct lz_datum **ret)

/* --- users and groups --- */

/* Tables are told apart by container and mount namespace, whose number alone is given out again; on
 * the host they are the host's. */
static uint64_t space_of(struct lz_view *v)
{
	return v->at.in_container
		       ? (lz_hash_stable(lz_view_container(v)) ^ v->at.proc->task.mntns) | 1
		       : 0;
}

static uint32_t reader_pid(const struct lz_view *v)
{
	return v->from.live && !v->at.proc->ended_ns ? v->at.proc->task.pid : 0;
}

/* Where the process has gone already, its container's first one has the same tables. */
static void read_tables(struct lz_view *v)
{
	const struct lz_container *c = v->at.container;

	if (space_of(v) && v->from.live &&
	    !lz_users_read(v->from.users, space_of(v), reader_pid(v)) && c && c->pid)
		lz_users_read(v->from.users, space_of(v), c->pid);
}

static bool user_of(struct lz_view *v, uint32_t uid, struct lz_user *ret)
{
	read_tables(v);
	return lz_users_find(v->from.users, space_of(v), reader_pid(v), uid, ret);
}

struct lz_span lz_view_user(struct lz_view *v, uint32_t uid)
{
	struct lz_user u;

	return user_of(v, uid, &u) ? lz_view_keep(v, u.name) : lz_span(NULL, 0);
}

struct lz_span lz_view_group(struct lz_view *v, uint32_t gid)
{
	read_tables(v);
	return lz_view_keep(v, lz_users_group(v->from.users, space_of(v), reader_pid(v), gid));
}

static uint32_t uid_of(const struct lz_view *v)
{
	return v->at.proc->task.uid;
}

GETTER(user_uid)
{
	return lz_view_int(v, uid_of(v), ret);
}
GETTER(user_name)
{
	struct lz_span s = lz_view_user(v, uid_of(v));

	return s.n ? lz_view_text(v, s, ret) : 0;
}
GETTER(user_home)
{
	struct lz_user u;

	return user_of(v, uid_of(v), &u) && u.home.p ? lz_view_text(v, lz_view_keep(v, u.home), ret)
						     : 0;
}
GETTER(user_shell)
{
	struct lz_user u;

	return user_of(v, uid_of(v), &u) && u.shell.p
		       ? lz_view_text(v, lz_view_keep(v, u.shell), ret)
		       : 0;
}
GETTER(user_loginuid)
{
	return lz_view_int(v, (int32_t)v->at.proc->task.loginuid, ret);
}
GETTER(user_loginname)
{
	struct lz_user u;

	if (v->at.proc->task.loginuid == (uint32_t)-1 ||
	    !lz_users_find(v->from.users, 0, 0, v->at.proc->task.loginuid, &u))
		return 0;
	return lz_view_text(v, lz_view_keep(v, u.name), ret);
}
GETTER(group_gid)
{
	return lz_view_int(v, v->at.proc->task.gid, ret);
}
GETTER(group_name)
{
	struct lz_span s = lz_view_group(v, v->at.proc->task.gid);

	return s.n ? lz_view_text(v, s, ret) : 0;
}

/* --- container --- */

struct lz_span lz_view_container(struct lz_view *v)
{
	if (v->at.container)
		return lz_container_short_id(&v->at.container->ref);
	return lz_str(v->at.in_container && v->at.container_id ? v->at.container_id : "host");
}

GETTER(container_id)
{
	return lz_view_text(v, lz_view_container(v), ret);
}
GETTER(container_full_id)
{
	if (v->at.container)
		return lz_view_text(v, lz_container_id(&v->at.container->ref), ret);
	return v->at.in_container ? 0 : lz_view_cstr(v, "host", ret);
}

static size_t container_text(struct lz_view *v, enum lz_container_text which,
			     const struct lz_datum **ret)
{
	const struct lz_container *c = v->at.container;

	return c && c->text[which].n ? lz_view_text(v, c->text[which], ret) : 0;
}
#define TEXT(name, which)                             \
	GETTER(name)                                  \
	{                                             \
		return container_text(v, which, ret); \
	}
TEXT(container_image, LZ_CT_image)
TEXT(container_image_id, LZ_CT_image_id)
TEXT(container_repository, LZ_CT_image_repository)
TEXT(container_tag, LZ_CT_image_tag)
TEXT(container_digest, LZ_CT_image_digest)
TEXT(container_ip, LZ_CT_ip)
TEXT(container_cni, LZ_CT_cni_json)
TEXT(container_healthcheck, LZ_CT_healthcheck)
TEXT(container_liveness, LZ_CT_liveness_probe)
TEXT(container_readiness, LZ_CT_readiness_probe)
TEXT(pod_ns, LZ_CT_pod_namespace)
TEXT(pod_name, LZ_CT_pod_name)
TEXT(pod_uid, LZ_CT_pod_uid)
TEXT(pod_sandbox, LZ_CT_pod_sandbox_id)
TEXT(pod_ip, LZ_CT_pod_ip)
TEXT(pod_cni, LZ_CT_pod_cni_json)

GETTER(container_name)
{
	return v->at.in_container ? container_text(v, LZ_CT_name, ret)
				  : lz_view_cstr(v, "host", ret);
}
GETTER(container_type)
{
	return v->at.in_container ? container_text(v, LZ_CT_type, ret)
				  : lz_view_cstr(v, "host", ret);
}
GETTER(pod_short_sandbox)
{
	const struct lz_container *c = v->at.container;

	return c && c->pod_sandbox_id.n
		       ? lz_view_text(v, lz_span_head(c->pod_sandbox_id, LZ_CONTAINER_SHORT), ret)
		       : 0;
}

static size_t flag_of(struct lz_view *v, unsigned flag, const struct lz_datum **ret)
{
	const struct lz_container *c = v->at.container;

	return c && (c->known & flag) ? lz_view_bool(v, (c->flags & flag) != 0, ret) : 0;
}
GETTER(container_privileged)
{
	return flag_of(v, LZ_CONTAINER_PRIVILEGED, ret);
}
GETTER(container_host_pid)
{
	return flag_of(v, LZ_CONTAINER_HOST_PID, ret);
}
GETTER(container_host_network)
{
	return flag_of(v, LZ_CONTAINER_HOST_NETWORK, ret);
}
GETTER(container_host_ipc)
{
	return flag_of(v, LZ_CONTAINER_HOST_IPC, ret);
}

/* --- mounts --- */

static void add_mount(struct lz_view *v, const struct lz_container_mount *m)
{
	lz_view_add(v, m->source);
	lz_view_str(v, ":");
	lz_view_add(v, m->dest);
	lz_view_str(v, ":");
	lz_view_add(v, m->mode);
	lz_view_str(v, m->rdwr ? ":true:" : ":false:");
	lz_view_add(v, m->propagation);
}
GETTER(container_mounts)
{
	const struct lz_container *c = v->at.container;

	if (!c)
		return 0;
	lz_view_begin(v);
	for (size_t i = 0; i < c->mount_count; i++) {
		lz_view_str(v, i ? "," : "");
		add_mount(v, &c->mounts[i]);
	}
	return lz_view_text(v, lz_view_end(v), ret);
}

static bool glob(struct lz_span pattern, struct lz_span text)
{
	char p[512], t[4096];

	return lz_span_cstr(pattern, p, sizeof(p)) && lz_span_cstr(text, t, sizeof(t)) &&
	       !fnmatch(p, t, FNM_PATHNAME);
}

/* By number, or by a glob over the source (of `dest` and the whole) or the destination. */
static const struct lz_container_mount *mount_of(struct lz_view *v, struct lz_span arg,
						 bool by_source)
{
	const struct lz_container *c = v->at.container;
	uint64_t n;

	if (!c)
		return NULL;
	if (lz_span_u64(arg, 10, &n))
		return n < c->mount_count ? &c->mounts[n] : NULL;
	for (size_t i = 0; i < c->mount_count; i++)
		if (glob(arg, by_source ? c->mounts[i].source : c->mounts[i].dest))
			return &c->mounts[i];
	return NULL;
}
/* As rules know it: "N/A" where the container's mounts are known and none is meant. */
static size_t no_mount(struct lz_view *v, const struct lz_datum **ret)
{
	return v->at.container && v->at.container->name.n ? lz_view_cstr(v, "N/A", ret) : 0;
}

GETTER(container_mount)
{
	const struct lz_container_mount *m = mount_of(v, arg, true);

	if (!m)
		return no_mount(v, ret);
	lz_view_begin(v);
	add_mount(v, m);
	return lz_view_text(v, lz_view_end(v), ret);
}
GETTER(mount_source)
{
	const struct lz_container_mount *m = mount_of(v, arg, false);

	return m ? lz_view_text(v, m->source, ret) : no_mount(v, ret);
}
GETTER(mount_dest)
{
	const struct lz_container_mount *m = mount_of(v, arg, true);

	return m ? lz_view_text(v, m->dest, ret) : no_mount(v, ret);
}
GETTER(mount_mode)
{
	const struct lz_container_mount *m = mount_of(v, arg, true);

	return m ? lz_view_text(v, m->mode, ret) : no_mount(v, ret);
}
GETTER(mount_rdwr)
{
	const struct lz_container_mount *m = mount_of(v, arg, true);

	return m ? lz_view_cstr(v, m->rdwr ? "true" : "false", ret) : no_mount(v, ret);
}
GETTER(mount_propagation)
{
	const struct lz_container_mount *m = mount_of(v, arg, true);

	return m ? lz_view_text(v, m->propagation, ret) : no_mount(v, ret);
}

/* --- labels --- */

static size_t one_label(struct lz_view *v, const struct lz_label *l, size_t n, struct lz_span key,
			const struct lz_datum **ret)
{
	struct lz_span s = lz_container_label(l, n, key);

	return s.p ? lz_view_text(v, s, ret) : 0;
}
static size_t all_labels(struct lz_view *v, const struct lz_label *l, size_t n,
			 const struct lz_datum **ret)
{
	if (!n)
		return 0;
	lz_view_begin(v);
	for (size_t i = 0; i < n; i++) {
		lz_view_str(v, i ? ", " : "");
		lz_view_add(v, l[i].key);
		lz_view_str(v, ":");
		lz_view_add(v, l[i].value);
	}
	return lz_view_text(v, lz_view_end(v), ret);
}
GETTER(container_label)
{
	const struct lz_container *c = v->at.container;

	return c ? one_label(v, c->labels, c->label_count, arg, ret) : 0;
}
GETTER(container_labels)
{
	const struct lz_container *c = v->at.container;

	return c ? all_labels(v, c->labels, c->label_count, ret) : 0;
}
GETTER(pod_label)
{
	const struct lz_container *c = v->at.container;

	return c ? one_label(v, c->pod_labels, c->pod_label_count, arg, ret) : 0;
}
GETTER(pod_labels)
{
	const struct lz_container *c = v->at.container;

	return c ? all_labels(v, c->pod_labels, c->pod_label_count, ret) : 0;
}

/* --- times --- */

static int64_t started(const struct lz_view *v)
{
	const struct lz_container *c = v->at.container;

	return !c ? 0 : c->started_ns ? c->started_ns : c->created_ns;
}
GETTER(container_start)
{
	return started(v) ? lz_view_int(v, started(v), ret) : 0;
}
GETTER(container_duration)
{
	int64_t now = (int64_t)lz_view_time(v);

	return started(v) ? lz_view_int(v, now > started(v) ? now - started(v) : 0, ret) : 0;
}
GETTER(container_info)
{
	return lz_view_cstr(v, "", ret);
}

/* --- probes: the runtime's own questions to a container --- */

/* The program that a probe runs, or a child of it: the command line begins with the probe's. */
static bool runs(struct lz_view *v, struct lz_span command)
{
	struct lz_proc *p = v->at.proc;

	for (unsigned i = 0; command.n && p && i < 8; i++) {
		struct lz_span line = lz_view_cmdline(v, p, lz_proc_first_arg(p));
		if (lz_span_eq(line, command))
			return true;
		p = lz_procs_parent(v->from.procs, p, v->from.live);
	}
	return false;
}
GETTER(is_healthcheck)
{
	return lz_view_bool(v, v->at.container && runs(v, v->at.container->healthcheck), ret);
}
GETTER(is_liveness)
{
	return lz_view_bool(v, v->at.container && runs(v, v->at.container->liveness_probe), ret);
}
GETTER(is_readiness)
{
	return lz_view_bool(v, v->at.container && runs(v, v->at.container->readiness_probe), ret);
}

const struct lz_getter_row lz_getters_who[] = {
	{"user.uid", user_uid},
	{"user.name", user_name},
	{"user.homedir", user_home},
	{"user.shell", user_shell},
	{"user.loginuid", user_loginuid},
	{"user.loginname", user_loginname},
	{"group.gid", group_gid},
	{"group.name", group_name},
	{"container.id", container_id},
	{"container.full_id", container_full_id},
	{"container.name", container_name},
	{"container.image", container_image},
	{"container.image.id", container_image_id},
	{"container.image.repository", container_repository},
	{"container.image.tag", container_tag},
	{"container.image.digest", container_digest},
	{"container.type", container_type},
	{"container.privileged", container_privileged},
	{"container.mounts", container_mounts},
	{"container.mount", container_mount},
	{"container.mount.source", mount_source},
	{"container.mount.dest", mount_dest},
	{"container.mount.mode", mount_mode},
	{"container.mount.rdwr", mount_rdwr},
	{"container.mount.propagation", mount_propagation},
	{"container.healthcheck", container_healthcheck},
	{"container.liveness_probe", container_liveness},
	{"container.readiness_probe", container_readiness},
	{"container.start_ts", container_start},
	{"container.duration", container_duration},
	{"container.ip", container_ip},
	{"container.cni.json", container_cni},
	{"container.host_pid", container_host_pid},
	{"container.host_network", container_host_network},
	{"container.host_ipc", container_host_ipc},
	{"container.label", container_label},
	{"container.labels", container_labels},
	{"container.info", container_info},
	{"proc.is_container_healthcheck", is_healthcheck},
	{"proc.is_container_liveness_probe", is_liveness},
	{"proc.is_container_readiness_probe", is_readiness},
	{"k8s.ns.name", pod_ns},
	{"k8s.pod.name", pod_name},
	{"k8s.pod.id", pod_uid},
	{"k8s.pod.uid", pod_uid},
	{"k8s.pod.sandbox_id", pod_short_sandbox},
	{"k8s.pod.full_sandbox_id", pod_sandbox},
	{"k8s.pod.label", pod_label},
	{"k8s.pod.labels", pod_labels},
	{"k8s.pod.ip", pod_ip},
	{"k8s.pod.cni.json", pod_cni},
	{NULL, NULL},
};
