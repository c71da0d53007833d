/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Documents in the shape that Docker 20.10, containerd, Podman and CRI-O give them, with little in
 * them. */
#define ID_A "3f4b0c1d2e5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
#define ID_B "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
#define IMG  "1111111111111111111111111111111111111111111111111111111111111111"
#define DIG  "2222222222222222222222222222222222222222222222222222222222222222"
#define MNT  "3333333333333333333333333333333333333333333333333333333333333333"
#define POD  "1f4c2b1a-77aa-4e2d-9f00-0123456789ab"
#define POD_ "1f4c2b1a_77aa_4e2d_9f00_0123456789ab"

#define DOCKER_CONFIG                                                                             \
	"{\"StreamConfig\":{},\"State\":{\"Running\":true,\"Paused\":false,\"Pid\":4711,"         \
	"\"ExitCode\":0,\"StartedAt\":\"2023-07-22T10:20:31.000000005Z\","                        \
	"\"FinishedAt\":\"0001-01-01T00:00:00Z\",\"Health\":null},\"ID\":\"" ID_A "\","           \
	"\"Created\":\"2023-07-22T10:20:30.123456789Z\",\"Managed\":false,\"Path\":\"sleep\","    \
	"\"Args\":[\"9\"],\"Config\":{\"Hostname\":\"web\",\"Env\":[\"A=b\"],\"Cmd\":[\"sleep\"," \
	"\"9\"],\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"curl -f localhost\"]},"                \
	"\"Image\":\"reg.example:5000/team/app:1.2\",\"Labels\":{\"b\":\"2\",\"a\":\"x\\u0001y\"" \
	"}},\"Image\":\"sha256:" IMG "\",\"NetworkSettings\":{\"Bridge\":\"\",\"Networks\":{"     \
	"\"bridge\":{\"IPAddress\":\"172.17.0.2\"}}},\"Name\":\"/web\",\"Driver\":\"overlay2\","  \
	"\"MountPoints\":{\"/data\":{\"Source\":\"/srv/data\",\"Destination\":\"/data\","         \
	"\"RW\":false,\"Type\":\"bind\",\"Relabel\":\"ro\",\"Propagation\":\"rprivate\","         \
	"\"Spec\":{\"Type\":\"bind\"}}}}"
#define DOCKER_HOST                                                                             \
	"{\"Binds\":[\"/srv/data:/data:ro\"],\"NetworkMode\":\"host\",\"IpcMode\":\"private\"," \
	"\"PidMode\":\"\",\"Privileged\":true,\"Memory\":18446744073709551615}"
#define DOCKER_REPOS                                                                           \
	"{\"Repositories\":{\"other\":{\"other:9\":\"sha256:" DIG "\"},"                       \
	"\"reg.example:5000/team/app\":{\"reg.example:5000/team/app:1.2\":\"sha256:" IMG "\"," \
	"\"reg.example:5000/team/app@sha256:" DIG "\":\"sha256:" IMG "\"}}}"
#define DOCKER_INSPECT                                                                            \
	"{\"Id\":\"" ID_A "\",\"Created\":\"2023-07-22T10:20:30.123456789Z\",\"State\":{"         \
	"\"Pid\":4711,\"StartedAt\":\"2023-07-22T10:20:31.000000005Z\"},\"Image\":\"sha256:" IMG  \
	"\",\"Name\":\"/renamed\",\"HostConfig\":{\"Privileged\":false,\"PidMode\":\"host\","     \
	"\"NetworkMode\":\"default\",\"IpcMode\":\"host\"},\"GraphDriver\":{\"Data\":{"           \
	"\"UpperDir\":\"/d/overlay2/u/diff\"}},\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/a\"," \
	"\"Destination\":\"/b\",\"Mode\":\"z\",\"RW\":true,\"Propagation\":\"rslave\"}],"         \
	"\"Config\":{\"Image\":\"" IMG "\",\"Labels\":{\"k\":\"v\"}},"                            \
	"\"NetworkSettings\":{\"IPAddress\":\"172.17.0.3\"}}"
#define DOCKER_IMAGE                                                                   \
	"{\"Id\":\"sha256:" IMG "\",\"RepoTags\":[\"busybox:1.36\"],\"RepoDigests\":[" \
	"\"busybox@sha256:" DIG "\"]}"

#define CRI_CONTAINER                                                                             \
	"{\"ociVersion\":\"1.0.2-dev\",\"process\":{\"user\":{\"uid\":0},\"args\":[\"/pause\"],"  \
	"\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_KILL\"]},\"rlimits\":[{\"type\":"    \
	"\"RLIMIT_NOFILE\",\"hard\":18446744073709551615,\"soft\":1024}]},\"mounts\":["           \
	"{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"                      \
	"{\"destination\":\"/etc/hosts\",\"type\":\"bind\",\"source\":\"/var/lib/kubelet/pods/x/" \
	"etc-hosts\",\"options\":[\"rbind\",\"rprivate\",\"ro\"]}],\"annotations\":{"             \
	"\"io.kubernetes.cri.container-name\":\"app\",\"io.kubernetes.cri.container-type\":"      \
	"\"container\",\"io.kubernetes.cri.image-name\":\"docker.io/library/nginx:1.25\","        \
	"\"io.kubernetes.cri.sandbox-id\":\"" ID_B "\",\"io.kubernetes.cri.sandbox-name\":"       \
	"\"web-0\",\"io.kubernetes.cri.sandbox-namespace\":\"shop\","                             \
	"\"io.kubernetes.cri.sandbox-uid\":\"" POD "\"},\"linux\":{\"maskedPaths\":[\"/proc/kc"   \
	"ore\"],\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"ipc\",\"path\":\"/proc/77/ns/ipc"  \
	"\"},{\"type\":\"network\",\"path\":\"/proc/77/ns/net\"},{\"type\":\"mount\"}]}}"
/* of a pod with hostNetwork: no namespace of that type */
#define CRI_SANDBOX                                                                         \
	"{\"annotations\":{\"io.kubernetes.cri.container-type\":\"sandbox\","               \
	"\"io.kubernetes.cri.sandbox-id\":\"" ID_B "\",\"io.kubernetes.cri.sandbox-name\":" \
	"\"web-0\"},\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"ipc\"}]}}"
#define CNI_RESULT                                                                               \
	"{\"kind\":\"cniCacheV1\",\"containerId\":\"" ID_B "\",\"ifName\":\"eth0\",\"result\":{" \
	"\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.244.1.7/24\",\"interface\":2}]}}"

#define CRIO_CONTAINER                                                                            \
	"{\"process\":{\"capabilities\":{\"bounding\":[\"CAP_SYS_ADMIN\",\"CAP_SYS_MODULE\"]}},"  \
	"\"annotations\":{\"io.kubernetes.cri-o.ContainerType\":\"container\","                   \
	"\"io.kubernetes.cri-o.ImageName\":\"quay.io/team/db:15\",\"io.kubernetes.cri-o.Image\":" \
	"\"" IMG "\",\"io.kubernetes.cri-o.SandboxID\":\"" ID_B "\",\"io.kubernetes.cri-o."       \
	"MountPoint\":\"/var/lib/containers/storage/overlay/" MNT "/merged\","                    \
	"\"io.kubernetes.cri-o.Created\":\"2023-07-22T10:20:30.5Z\",\"io.kubernetes.cri-o."       \
	"Labels\":\"{\\\"io.kubernetes.container.name\\\":\\\"db\\\",\\\"io.kubernetes.pod.name"  \
	"\\\":\\\"db-0\\\",\\\"io.kubernetes.pod.namespace\\\":\\\"shop\\\"}\"},\"linux\":{"      \
	"\"resources\":{\"devices\":[{\"allow\":true,\"access\":\"rwm\"}]},\"namespaces\":[{"     \
	"\"type\":\"network\",\"path\":\"/var/run/netns/x\"}]}}"
#define CRIO_SANDBOX                                                                            \
	"{\"annotations\":{\"io.kubernetes.cri-o.IP.0\":\"10.85.0.4\",\"io.kubernetes.cri-o."   \
	"Labels\":\"{\\\"app\\\":\\\"db\\\"}\",\"io.kubernetes.cri-o.Annotations\":\"{\\\"kube" \
	"ctl.kubernetes.io/last-applied-configuration\\\":\\\"{\\\\\\\"spec\\\\\\\":{\\\\\\\""  \
	"containers\\\\\\\":[{\\\\\\\"name\\\\\\\":\\\\\\\"side\\\\\\\",\\\\\\\"livenessProbe"  \
	"\\\\\\\":{\\\\\\\"exec\\\\\\\":{\\\\\\\"command\\\\\\\":[\\\\\\\"no\\\\\\\"]}}},{"     \
	"\\\\\\\"name\\\\\\\":\\\\\\\"db\\\\\\\",\\\\\\\"livenessProbe\\\\\\\":{\\\\\\\"exec"   \
	"\\\\\\\":{\\\\\\\"command\\\\\\\":[\\\\\\\"pg_isready\\\\\\\",\\\\\\\"-q\\\\\\\"]}}}]" \
	"}}\\\"}\"},\"linux\":{\"namespaces\":[]}}"

#define PODMAN_CONTAINERS                                                                        \
	"[{\"id\":\"" ID_B "\",\"names\":[\"other\"],\"image\":\"" DIG "\",\"layer\":\"x\"},{"   \
	"\"id\":\"" ID_A "\",\"names\":[\"dove\"],\"image\":\"" IMG "\",\"layer\":\"" MNT "\","  \
	"\"metadata\":\"{\\\"image-name\\\":\\\"docker.io/library/alpine:3.18\\\",\\\"name\\\":" \
	"\\\"dove\\\",\\\"created-at\\\":1690021230}\",\"created\":\"2023-07-22T10:20:30.25Z\"}]"
#define PODMAN_IMAGES                                                    \
	"[{\"id\":\"" IMG "\",\"digest\":\"sha256:" DIG "\",\"names\":[" \
	"\"docker.io/library/alpine:3.18\"]}]"
#define PODMAN_OCI                                                                           \
	"{\"annotations\":{\"io.container.manager\":\"libpod\"},\"linux\":{\"namespaces\":[" \
	"{\"type\":\"pid\"},{\"type\":\"network\",\"path\":\"/run/netns/n\"}]}}"

#define MOUNTINFO                                                                                \
	"700 650 0:60 / / rw,relatime - overlay overlay rw,lowerdir=/l,upperdir=/snap\\040s/9"   \
	"/fs,workdir=/w\n701 700 0:61 / /proc rw - proc proc rw\n702 700 0:62 / / rw - overlay " \
	"overlay rw,upperdir=/lie\n"
