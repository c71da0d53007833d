/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A control group's path. Asserted: an id is something that may stand in a path and in a request;
 * what lies below a container's group belongs to the same container; the host has no id.
 */
#include "base/buf.h"
#include "base/clean.h"
#include "container/container.h"

#include "fuzz.h"

static void check_id(struct lz_span id)
{
	CHECK(id.n > 0 && id.n <= LZ_CONTAINER_ID_MAX && id.p[0] != '.');
	for (size_t i = 0; i < id.n; i++)
		CHECK((id.p[i] >= '0' && id.p[i] <= '9') || (id.p[i] >= 'a' && id.p[i] <= 'z') ||
		      (id.p[i] >= 'A' && id.p[i] <= 'Z') || strchr("-_.", id.p[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lz_span path = lz_span(data, size);
	struct lz_container_ref ref, below;
	LZ_CLEAN(buf) struct lz_buf b;

	lz_buf_init(&b, size + 200);
	if (!lz_container_of_cgroup(path, &ref)) {
		CHECK(ref.id_n == 0 && ref.pod_uid_n == 0 && ref.uid == 0);
		return 0;
	}
	CHECK(ref.runtime < LZ_RUNTIME_COUNT);
	check_id(lz_container_id(&ref));
	CHECK(lz_container_short_id(&ref).n <= ref.id_n);
	CHECK(ref.pod_uid_n == 0 || ref.pod_uid_n == 36 || ref.pod_uid_n == 32);
	/* nspawn tells its own group from the payload's by what is below; " (deleted)" ends a path */
	if (ref.runtime == LZ_RUNTIME_NSPAWN || lz_span_ends(path, " (deleted)"))
		return 0;
	lz_buf_span(&b, path);
	lz_buf_str(&b, "/docker/b0b1b2b3b4b5b6b7b8b9babbbcbdbebfb0b1b2b3b4b5b6b7b8b9babbbcbdbebf");
	CHECK(lz_container_of_cgroup(lz_buf_view(&b), &below));
	CHECK(lz_container_ref_eq(&ref, &below) && ref.runtime == below.runtime);
	return 0;
}
