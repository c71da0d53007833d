/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths of control groups. A path is walked from the top, one component at a time; the first that a
 * row of the table knows decides.
 *
 *	/system.slice/docker-<64 hex>.scope                             Docker, systemd driver
 *	/docker/<64 hex>                                                Docker, cgroupfs driver
 *	/kubepods/burstable/pod<uid>/<64 hex>                           a pod's, cgroupfs driver
 *	/kubepods.slice/…-pod<uid_>.slice/crio-<64 hex>.scope/container a pod's, systemd driver
 *	/machine.slice/libpod-<64 hex>.scope/container                  Podman, cgroup v2
 *
 * A scope of a conmon is the runtime's own process and the host's.
 */
#include "container.h"

enum id_kind { ID_HEX64, ID_NAME, ID_GARDEN, ID_ECS };

/* "" matches anything as parent; a parent is the whole component above. */
struct pattern {
	const char *parent, *prefix, *suffix;
	enum id_kind id;
	enum lz_runtime runtime;
};

static const struct pattern patterns[] = {
	{"", "docker-", ".scope", ID_HEX64, LZ_RUNTIME_DOCKER},
	{"", "docker-", "", ID_HEX64, LZ_RUNTIME_DOCKER},
	{"", "libpod-payload-", ".scope", ID_HEX64, LZ_RUNTIME_PODMAN},
	{"", "libpod-payload-", "", ID_HEX64, LZ_RUNTIME_PODMAN},
	{"", "libpod-", ".scope", ID_HEX64, LZ_RUNTIME_PODMAN},
	{"", "libpod-", "", ID_HEX64, LZ_RUNTIME_PODMAN},
	{"", "crio-", ".scope", ID_HEX64, LZ_RUNTIME_CRIO},
	{"", "crio-", "", ID_HEX64, LZ_RUNTIME_CRIO},
	{"", "cri-containerd-", ".scope", ID_HEX64, LZ_RUNTIME_CRI},
	{"", "nerdctl-", ".scope", ID_HEX64, LZ_RUNTIME_CONTAINERD},
	{"docker", "", "", ID_HEX64, LZ_RUNTIME_DOCKER},
	{"actions_job", "", "", ID_HEX64, LZ_RUNTIME_DOCKER},
	{"default", "", "", ID_HEX64, LZ_RUNTIME_CONTAINERD},
	{"k8s.io", "", "", ID_HEX64, LZ_RUNTIME_CRI},
	{"moby", "", "", ID_HEX64, LZ_RUNTIME_DOCKER},
	{"lxc", "", "", ID_NAME, LZ_RUNTIME_LXC},
	{"lxc.payload", "", "", ID_NAME, LZ_RUNTIME_LXC},
	{"", "lxc.payload.", "", ID_NAME, LZ_RUNTIME_LXC},
	{"", "systemd-nspawn@", ".service", ID_NAME, LZ_RUNTIME_NSPAWN},
	{"", "machine-", ".scope", ID_NAME, LZ_RUNTIME_NSPAWN},
	{"", "", "", ID_GARDEN, LZ_RUNTIME_GARDEN},
	{"", "", "", ID_ECS, LZ_RUNTIME_ECS},
	{"", "", "", ID_HEX64, LZ_RUNTIME_ANY},
};

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static size_t hex_run(struct lz_span s)
{
	size_t n = 0;

	while (n < s.n && is_hex(s.p[n]))
		n++;
	return n;
}

static bool digits(struct lz_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

/* Groups of hex digits of these lengths with a dash between. */
static bool hex_groups(struct lz_span s, const unsigned char *lengths, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i && (!s.n || s.p[0] != '-'))
			return false;
		s = lz_span_from(s, i != 0);
		if (s.n < lengths[i] || hex_run(lz_span_head(s, lengths[i])) != lengths[i])
			return false;
		s = lz_span_from(s, lengths[i]);
	}
	return s.n == 0;
}

/* What may stand in a path of ours and in a request. */
static bool name_ok(struct lz_span s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!is_hex(c) && !(c >= 'g' && c <= 'z') && !(c >= 'G' && c <= 'Z') && c != '-' &&
		    c != '_' && !(c == '.' && i))
			return false;
	}
	return s.n > 0 && s.n <= LZ_CONTAINER_ID_MAX;
}

static bool id_ok(enum id_kind kind, struct lz_span s)
{
	static const unsigned char garden[] = {8, 4, 4, 4, 4};

	switch (kind) {
	case ID_HEX64:
		return s.n == 64 && hex_run(s) == 64;
	case ID_NAME:
		return name_ok(s);
	case ID_GARDEN:
		return hex_groups(s, garden, sizeof(garden));
	case ID_ECS: /* task and number, as Fargate names them */
		return s.n > 33 && s.n <= 64 && hex_run(lz_span_head(s, 32)) == 32 &&
		       s.p[32] == '-' && digits(lz_span_from(s, 33));
	}
	return false;
}

/* systemd writes a dash inside a name as "\x2d". */
static struct lz_span unescape(struct lz_span s, char *buf)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n && n < LZ_CONTAINER_ID_MAX; i++)
		if (s.n - i >= 4 && !memcmp(s.p + i, "\\x2d", 4)) {
			buf[n++] = '-';
			i += 3;
		} else {
			buf[n++] = s.p[i];
		}
	return lz_span(buf, n);
}

static bool take(const struct pattern *p, struct lz_span parent, struct lz_span c,
		 struct lz_container_ref *ret)
{
	size_t pre = strlen(p->prefix), suf = strlen(p->suffix);
	char buf[LZ_CONTAINER_ID_MAX];

	if ((p->parent[0] && !lz_span_is(parent, p->parent)) || c.n < pre + suf ||
	    !lz_span_starts(c, p->prefix) || !lz_span_ends(c, p->suffix))
		return false;
	c = lz_span(c.p + pre, c.n - pre - suf);
	if (p->id == ID_NAME && c.n <= LZ_CONTAINER_ID_MAX)
		c = unescape(c, buf);
	if (!id_ok(p->id, c))
		return false;
	/* Virtual machines of libvirt are machines too, but no containers. */
	if (p->runtime == LZ_RUNTIME_NSPAWN && lz_span_starts(c, "qemu-"))
		return false;
	ret->runtime = p->runtime;
	ret->id_n = (uint8_t)c.n;
	memcpy(ret->id, c.p, c.n);
	return true;
}

/* "kubepods-besteffort-pod<uid>.slice:cri-containerd:<id>" and the like: the id is last. */
static bool take_colons(struct lz_span c, struct lz_container_ref *ret)
{
	static const struct {
		const char *mark;
		enum lz_runtime runtime;
	} marks[] = {{":cri-containerd:", LZ_RUNTIME_CRI},
		     {":crio:", LZ_RUNTIME_CRIO},
		     {":docker:", LZ_RUNTIME_DOCKER},
		     {":nerdctl:", LZ_RUNTIME_CONTAINERD},
		     {":libpod:", LZ_RUNTIME_PODMAN}};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		struct pattern p = {"", "", "", ID_HEX64, marks[i].runtime};
		ptrdiff_t at = lz_span_search(c, lz_str(marks[i].mark));
		if (at >= 0 &&
		    take(&p, LZ_SPAN(""), lz_span_from(c, (size_t)at + strlen(marks[i].mark)), ret))
			return true;
	}
	return false;
}

/* "pod<uid>" of a group or slice, dashes perhaps written as underscores. */
static void take_pod(struct lz_span c, struct lz_container_ref *ret)
{
	static const unsigned char uuid[] = {8, 4, 4, 4, 12};
	static const size_t sizes[] = {36, 32}; /* static pods: a hash without dashes */
	ptrdiff_t at = lz_span_starts(c, "pod") ? 0 : lz_span_search(c, LZ_SPAN("-pod"));
	char buf[36];

	if (at < 0)
		return;
	c = lz_span_from(c, (size_t)at + (at ? 4 : 3));
	for (size_t i = 0; i < 2; i++) {
		size_t n = sizes[i];
		if (c.n < n || (c.n > n && c.p[n] != '.' && c.p[n] != ':'))
			continue;
		for (size_t k = 0; k < n; k++)
			buf[k] = c.p[k] == '_' ? '-' : c.p[k];
		if (n == 36 ? !hex_groups(lz_span(buf, n), uuid, 5) : hex_run(lz_span(buf, n)) != n)
			continue;
		memcpy(ret->pod_uid, buf, n);
		ret->pod_uid_n = (uint8_t)n;
		return;
	}
}

static bool in_pods(struct lz_span c)
{
	return lz_span_starts(c, "kubepods") &&
	       (c.n == 8 || c.p[8] == '.' || c.p[8] == '-' || c.p[8] == '_');
}

/* Whose: "user-1000.slice" below "user.slice". */
static void take_user(struct lz_span parent, struct lz_span c, struct lz_container_ref *ret)
{
	uint64_t uid;

	if (lz_span_is(parent, "user.slice") && lz_span_starts(c, "user-") &&
	    lz_span_ends(c, ".slice") && lz_span_u64(lz_span(c.p + 5, c.n - 11), 10, &uid) &&
	    uid < UINT32_MAX)
		ret->uid = (uint32_t)uid;
}

static bool is_conmon(struct lz_span c)
{
	return lz_span_starts(c, "libpod-conmon-") || lz_span_starts(c, "crio-conmon-") ||
	       lz_span_starts(c, "lxc.monitor");
}

/* One component: true when it decides; *ret_found says how. */
static bool decide(struct lz_span parent, struct lz_span c, bool pods, struct lz_span rest,
		   struct lz_container_ref *ret, bool *ret_found)
{
	*ret_found = false;
	if (is_conmon(c))
		return true;
	*ret_found = take_colons(c, ret);
	for (size_t i = 0; !*ret_found && i < sizeof(patterns) / sizeof(patterns[0]); i++)
		*ret_found = take(&patterns[i], parent, c, ret);
	if (!*ret_found)
		return false;
	if (ret->runtime == LZ_RUNTIME_ANY && pods)
		ret->runtime = LZ_RUNTIME_POD;
	/* nspawn's own process lies beside its payload. */
	if (ret->runtime == LZ_RUNTIME_NSPAWN && lz_span_is(rest, "supervisor"))
		*ret_found = false;
	return true;
}

bool lz_container_of_cgroup(struct lz_span path, struct lz_container_ref *ret)
{
	struct lz_span parent = LZ_SPAN(""), c, rest;
	bool pods = false, found = false;

	memset(ret, 0, sizeof(*ret));
	if (lz_span_ends(path, " (deleted)"))
		path.n -= 10;
	for (; path.n && !found; path = rest) {
		lz_span_cut(path, '/', &c, &rest);
		if (!c.n)
			continue;
		take_user(parent, c, ret);
		pods = pods || in_pods(c);
		if (pods)
			take_pod(c, ret);
		if (decide(parent, c, pods, rest, ret, &found))
			break;
		parent = c;
	}
	if (!found)
		memset(ret, 0, sizeof(*ret));
	return found;
}

struct lz_span lz_container_short_id(const struct lz_container_ref *r)
{
	struct lz_span id = lz_container_id(r);

	return id.n == 64 && hex_run(id) == 64 ? lz_span_head(id, LZ_CONTAINER_SHORT) : id;
}

bool lz_container_ref_eq(const struct lz_container_ref *a, const struct lz_container_ref *b)
{
	return a->uid == b->uid && lz_span_eq(lz_container_id(a), lz_container_id(b));
}

const char *lz_runtime_text(enum lz_runtime r)
{
	static const char *const names[LZ_RUNTIME_COUNT] = {
		"container", "docker", "podman",	 "cri-o",  "containerd", "containerd",
		"cri",	     "lxc",    "systemd-nspawn", "garden", "ecs"};

	return (unsigned)r < LZ_RUNTIME_COUNT ? names[r] : "container";
}
