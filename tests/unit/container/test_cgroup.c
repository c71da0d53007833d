/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control group paths as the runtimes make them, with the systemd and the cgroupfs driver, on
 * cgroup v1 and v2; and paths by which somebody could claim to be another container.
 */
#include "container/container.h"

#include "../../test.h"

#define ID_A "3f4b0c1d2e5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
#define ID_B "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
#define POD  "1f4c2b1a-77aa-4e2d-9f00-0123456789ab"
#define POD_ "1f4c2b1a_77aa_4e2d_9f00_0123456789ab"

struct row {
	const char *path;
	enum lz_runtime runtime;
	const char *id;	 /* NULL: the host */
	const char *pod; /* NULL: none */
	uint32_t uid;
};

static const struct row rows[] = {
	/* the host */
	{"/", 0, NULL, NULL, 0},
	{"", 0, NULL, NULL, 0},
	{"/init.scope", 0, NULL, NULL, 0},
	{"/system.slice/docker.service", 0, NULL, NULL, 0},
	{"/system.slice/containerd.service", 0, NULL, NULL, 0},
	{"/user.slice/user-1000.slice/session-3.scope", 0, NULL, NULL, 0},
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" POD_ ".slice", 0, NULL,
	 NULL, 0},
	/* Docker: cgroupfs (v1 and v2 look alike), systemd, in a pod, a job of a CI runner */
	{"/docker/" ID_A, LZ_RUNTIME_DOCKER, ID_A, NULL, 0},
	{"docker/" ID_A, LZ_RUNTIME_DOCKER, ID_A, NULL, 0},
	{"/docker/" ID_A "/", LZ_RUNTIME_DOCKER, ID_A, NULL, 0},
	{"/docker/" ID_A " (deleted)", LZ_RUNTIME_DOCKER, ID_A, NULL, 0},
	{"/system.slice/docker-" ID_A ".scope", LZ_RUNTIME_DOCKER, ID_A, NULL, 0},
	{"/system.slice/docker-" ID_A ".scope/init", LZ_RUNTIME_DOCKER, ID_A, NULL, 0},
	{"/my-parent.slice/docker-" ID_A ".scope", LZ_RUNTIME_DOCKER, ID_A, NULL, 0},
	{"/actions_job/" ID_A, LZ_RUNTIME_DOCKER, ID_A, NULL, 0},
	{"/kubepods.slice/kubepods-pod" POD_ ".slice/docker-" ID_A ".scope", LZ_RUNTIME_DOCKER,
	 ID_A, POD, 0},
	{"/kubepods/besteffort/pod" POD "/" ID_A, LZ_RUNTIME_POD, ID_A, POD, 0},
	{"/process_api/inner/docker/" ID_A, LZ_RUNTIME_DOCKER, ID_A, NULL, 0},
	/* groups that a container makes below its own */
	{"/docker/" ID_A "/system.slice/sshd.service", LZ_RUNTIME_DOCKER, ID_A, NULL, 0},
	{"/docker/" ID_A "/kubelet/kubepods/burstable/pod" POD "/" ID_B, LZ_RUNTIME_DOCKER, ID_A,
	 NULL, 0},
	/* Podman */
	{"/machine.slice/libpod-" ID_A ".scope", LZ_RUNTIME_PODMAN, ID_A, NULL, 0},
	{"/machine.slice/libpod-" ID_A ".scope/container", LZ_RUNTIME_PODMAN, ID_A, NULL, 0},
	{"/libpod_parent/libpod-" ID_A, LZ_RUNTIME_PODMAN, ID_A, NULL, 0},
	{"/libpod_parent/libpod_pod_" ID_B "/libpod-" ID_A, LZ_RUNTIME_PODMAN, ID_A, NULL, 0},
	{"/machine.slice/machine-libpod_pod_" ID_B ".slice/libpod-" ID_A ".scope/container",
	 LZ_RUNTIME_PODMAN, ID_A, NULL, 0},
	{"/system.slice/web.service/libpod-payload-" ID_A, LZ_RUNTIME_PODMAN, ID_A, NULL, 0},
	{"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID_A ".scope/container",
	 LZ_RUNTIME_PODMAN, ID_A, NULL, 1000},
	{"/user.slice/user-0.slice/session-1.scope/libpod-" ID_A, LZ_RUNTIME_PODMAN, ID_A, NULL, 0},
	{"/user.slice/user-1000.slice/user@1000.service/app.slice/docker-" ID_A ".scope",
	 LZ_RUNTIME_DOCKER, ID_A, NULL, 1000},
	/* the runtimes' own processes are the host's */
	{"/machine.slice/libpod-conmon-" ID_A ".scope", 0, NULL, NULL, 0},
	{"/kubepods.slice/kubepods-pod" POD_ ".slice/crio-conmon-" ID_A ".scope", 0, NULL, NULL, 0},
	{"/libpod_parent/conmon", 0, NULL, NULL, 0},
	{"/lxc.monitor.web", 0, NULL, NULL, 0},
	/* CRI-O */
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" POD_ ".slice/crio-" ID_A
	 ".scope",
	 LZ_RUNTIME_CRIO, ID_A, POD, 0},
	{"/kubepods.slice/kubepods-pod" POD_ ".slice/crio-" ID_A ".scope/container",
	 LZ_RUNTIME_CRIO, ID_A, POD, 0},
	{"/kubepods/burstable/pod" POD "/crio-" ID_A, LZ_RUNTIME_CRIO, ID_A, POD, 0},
	/* containerd's CRI */
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" POD_
	 ".slice/cri-containerd-" ID_A ".scope",
	 LZ_RUNTIME_CRI, ID_A, POD, 0},
	{"/system.slice/containerd.service/kubepods-besteffort-pod" POD_
	 ".slice:cri-containerd:" ID_A,
	 LZ_RUNTIME_CRI, ID_A, POD, 0},
	{"/kubepods-besteffort-pod" POD_ ".slice:cri-containerd:" ID_A, LZ_RUNTIME_CRI, ID_A, POD,
	 0},
	{"/kubepods/pod0123456789abcdef0123456789abcdef/" ID_A, LZ_RUNTIME_POD, ID_A,
	 "0123456789abcdef0123456789abcdef", 0},
	{"/k8s.io/" ID_A, LZ_RUNTIME_CRI, ID_A, NULL, 0},
	/* nerdctl and containerd by themselves */
	{"/default/" ID_A, LZ_RUNTIME_CONTAINERD, ID_A, NULL, 0},
	{"/system.slice/nerdctl-" ID_A ".scope", LZ_RUNTIME_CONTAINERD, ID_A, NULL, 0},
	{"/system.slice:nerdctl:" ID_A, LZ_RUNTIME_CONTAINERD, ID_A, NULL, 0},
	/* a parent nobody knows */
	{"/batch/" ID_A, LZ_RUNTIME_ANY, ID_A, NULL, 0},
	/* LXC, nspawn, Garden, Fargate */
	{"/lxc/web-1", LZ_RUNTIME_LXC, "web-1", NULL, 0},
	{"/lxc/web-1/init.scope", LZ_RUNTIME_LXC, "web-1", NULL, 0},
	{"/lxc.payload/web", LZ_RUNTIME_LXC, "web", NULL, 0},
	{"/lxc.payload.web/system.slice", LZ_RUNTIME_LXC, "web", NULL, 0},
	{"/machine.slice/machine-my\\x2dbox.scope/payload", LZ_RUNTIME_NSPAWN, "my-box", NULL, 0},
	{"/machine.slice/systemd-nspawn@box.service/payload/x", LZ_RUNTIME_NSPAWN, "box", NULL, 0},
	{"/machine.slice/systemd-nspawn@box.service/supervisor", 0, NULL, NULL, 0},
	{"/machine.slice/machine-qemu\\x2d1\\x2dvm.scope", 0, NULL, NULL, 0},
	{"/garden/6f2c1a8b-3d4e-4f50-6a7b-8c9d", LZ_RUNTIME_GARDEN, "6f2c1a8b-3d4e-4f50-6a7b-8c9d",
	 NULL, 0},
	{"/ecs/0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef-2495160603",
	 LZ_RUNTIME_ECS, "0123456789abcdef0123456789abcdef-2495160603", NULL, 0},
	{"/ecs/0123456789abcdef0123456789abcdef/" ID_A, LZ_RUNTIME_ANY, ID_A, NULL, 0},
	/* whoever names groups below its own can't become another */
	{"/docker/" ID_A "/docker-" ID_B ".scope", LZ_RUNTIME_DOCKER, ID_A, NULL, 0},
	{"/lxc/web/docker/" ID_B, LZ_RUNTIME_LXC, "web", NULL, 0},
	{"/docker/" ID_A "/crio-conmon-" ID_B, LZ_RUNTIME_DOCKER, ID_A, NULL, 0},
	{"/user.slice/user-1000.slice/user@1000.service/docker/" ID_B, LZ_RUNTIME_DOCKER, ID_B,
	 NULL, 1000},
	/* nearly */
	{"/docker/" ID_A "0", 0, NULL, NULL, 0},
	{"/docker/3f4b0c1d2e5a", 0, NULL, NULL, 0},
	{"/docker/../../etc/shadow", 0, NULL, NULL, 0},
	{"/lxc/..", 0, NULL, NULL, 0},
	{"/lxc/a b", 0, NULL, NULL, 0},
	{"/lxc/\x01", 0, NULL, NULL, 0},
	{"/system.slice/docker-" ID_A ".service", 0, NULL, NULL, 0},
	{"/docker-.scope", 0, NULL, NULL, 0},
	{"/docker-", 0, NULL, NULL, 0},
	{"/machine-.scope", 0, NULL, NULL, 0},
	{"/:cri-containerd:", 0, NULL, NULL, 0},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct lz_container_ref ref;
		bool found = lz_container_of_cgroup(lz_str(r->path), &ref);
		if (found != (r->id != NULL))
			fail_msg("%s: %s", r->path, found ? "taken for a container" : "not seen");
		if (!found) {
			assert_int_equal(ref.id_n + ref.pod_uid_n + ref.uid, 0);
			continue;
		}
		if (ref.runtime != r->runtime || !lz_span_is(lz_container_id(&ref), r->id) ||
		    ref.uid != r->uid)
			fail_msg("%s: %s %.*s, user %u", r->path, lz_runtime_text(ref.runtime),
				 LZ_FMT(lz_container_id(&ref)), ref.uid);
		assert_span(lz_span(ref.pod_uid, ref.pod_uid_n), r->pod ? r->pod : "");
	}
}

static void test_short_id(void **state)
{
	struct lz_container_ref ref;

	(void)state;
	assert_true(lz_container_of_cgroup(LZ_SPAN("/docker/" ID_A), &ref));
	assert_span(lz_container_short_id(&ref), "3f4b0c1d2e5a");
	assert_true(lz_container_of_cgroup(LZ_SPAN("/lxc/a-long-name-of-mine"), &ref));
	assert_span(lz_container_short_id(&ref), "a-long-name-of-mine");
}

/* Names at and beyond what an id may hold. */
static void test_long(void **state)
{
	char path[6000];
	struct lz_container_ref ref;

	(void)state;
	for (size_t n = 120; n < 140; n++) {
		memcpy(path, "/lxc/", 5);
		memset(path + 5, 'a', n);
		assert_int_equal(lz_container_of_cgroup(lz_span(path, n + 5), &ref),
				 n <= LZ_CONTAINER_ID_MAX);
	}
	memset(path, '/', sizeof(path));
	assert_false(lz_container_of_cgroup(lz_span(path, sizeof(path)), &ref));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_short_id),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
