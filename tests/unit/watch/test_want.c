/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel is asked to send. By hand: a rule, and the classes that its events can be of. At
 * random: rules and whole events, as the view shows them; one whose class is not sent must meet no
 * rule. The class is found here as the kernel's side does (sensor/bpf/call.h), but from the record.
 */
#include "watch/want.h"

#include "make_view.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static struct lz_rules *load(const char *condition, const char *output)
{
	char text[4000];
	struct lz_err err = {0};
	struct lz_rules *r = lz_rules_new(&err);

	snprintf(text, sizeof(text),
		 "- rule: r\n  desc: d\n  condition: >\n    %s\n  output: '%s'\n"
		 "  priority: INFO\n",
		 condition, output);
	assert_ok(lz_rules_add(r, LZ_SPAN("t.yaml"), lz_str(text), &err), err);
	assert_ok(lz_rules_compile(r, &err), err);
	LZ_VEC_EACH (struct lz_rules_note, n, lz_rules_notes(r))
		if (n->error)
			fail_msg("%s: %.*s", condition, LZ_FMT(n->text));
	return r;
}

static struct lz_programs_config want(const char *condition)
{
	struct lz_programs_config c = {0};
	struct lz_rules *r = load(condition, "o");
	struct lz_err err;

	assert_ok(lz_want(r, &c, &err), err);
	lz_rules_free(r);
	return c;
}

/* --- by hand --- */

/* Bits of a mask: good and failed, on the host and in containers. */
#define HOST_OK	 0x1
#define HOST_BAD 0x2
#define IN_OK	 0x4
#define IN_BAD	 0x8
#define ALL	 0xf
#define WRITE(x) ((x) << 4) /* of opening */
#define TCP(x)	 ((x) << 4) /* of sockets */
#define IP(x)	 ((x) << 8)
#define UNIX(x)	 ((x) << 12)

static void by_hand(void **state)
{
	static const struct {
		int nr;
		unsigned mask;
		const char *condition;
	} rows[] = {
		{SYS_unlink, ALL, "evt.type = unlink"},
		{SYS_unlink, 0, "evt.type = rename"},
		{SYS_unlink, 0, "evt.type = unlink and evt.num = 0"},
		{SYS_unlink, HOST_OK | IN_OK, "evt.type = unlink and evt.res = SUCCESS"},
		{SYS_unlink, HOST_OK | IN_OK, "evt.type = unlink and evt.failed = false"},
		{SYS_unlink, HOST_BAD | IN_BAD, "evt.type = unlink and evt.failed = true"},
		{SYS_unlink, HOST_BAD | IN_BAD, "evt.type = unlink and evt.res = EACCES"},
		{SYS_unlink, HOST_BAD | IN_BAD, "evt.type = unlink and evt.res startswith E"},
		{SYS_unlink, HOST_BAD | IN_BAD, "evt.type = unlink and not evt.res = SUCCESS"},
		{SYS_unlink, 0, "evt.type = unlink and evt.res = NOSUCHERROR"},
		{SYS_unlink, ALL, "evt.type = unlink and evt.res in (SUCCESS, ENOENT)"},
		{SYS_unlink, IN_OK | IN_BAD, "evt.type = unlink and container.id != host"},
		{SYS_unlink, HOST_OK | HOST_BAD, "evt.type = unlink and container.id = host"},
		{SYS_unlink, IN_OK,
		 "evt.type = unlink and container.id != host and evt.res = SUCCESS"},
		{SYS_unlink, IN_OK | IN_BAD, "evt.type = unlink and container.id = 3f4b0c1d2e5a"},
		{SYS_unlink, IN_OK | IN_BAD, "evt.type = unlink and container.id startswith 3f"},
		{SYS_unlink, ALL, "evt.type = unlink and container.name = web"},
		{SYS_unlink, HOST_OK | IN_BAD,
		 "evt.type = unlink and ((container.id = host and evt.failed = false) or "
		 "(container.id != host and evt.failed = true))"},
		{SYS_unlink, ALL, "evt.type in (unlink, rename) and proc.name = rm"},
		{SYS_open, ALL | WRITE(HOST_OK | IN_OK), "evt.type = open"},
		{SYS_open, HOST_BAD | IN_BAD | WRITE(HOST_OK | IN_OK),
		 "evt.type = open and evt.is_open_write = true"},
		{SYS_open, WRITE(HOST_OK | IN_OK),
		 "evt.type = open and evt.is_open_write = true and fd.num >= 0"},
		{SYS_open, WRITE(IN_OK),
		 "evt.type = open and evt.is_open_write = true and "
		 "evt.failed = false and container.id != host"},
		{SYS_open, HOST_OK | IN_OK,
		 "evt.type = open and evt.is_open_write = false and evt.rawres >= 0"},
		{SYS_open, ALL | WRITE(HOST_OK | IN_OK), "evt.type = open and fd.num = -1"},
		{SYS_connect, (HOST_BAD | IN_BAD) * 0x1111,
		 "evt.type = connect and evt.res = ECONNREFUSED"},
		{SYS_openat, 0, "evt.type = open"},
		{SYS_connect, ALL | TCP(ALL) | IP(ALL) | UNIX(ALL), "evt.type = connect"},
		{SYS_connect, ALL | TCP(ALL) | IP(ALL),
		 "evt.type = connect and fd.sockfamily = ip"},
		{SYS_connect, ALL | TCP(ALL) | IP(ALL), "evt.type = connect and fd.typechar = 4"},
		{SYS_connect, ALL | TCP(ALL) | IP(ALL),
		 "evt.type = connect and fd.type in (ipv4, ipv6)"},
		{SYS_connect, ALL | IP(ALL), "evt.type = connect and fd.l4proto = udp"},
		{SYS_connect, ALL | TCP(ALL) | IP(ALL), "evt.type = connect and fd.l4proto = tcp"},
		{SYS_connect, ALL | UNIX(ALL), "evt.type = connect and fd.type = unix"},
		{SYS_connect, ALL | UNIX(ALL),
		 "evt.type = connect and fd.name = /x and fd.typechar = u"},
		/* On its way is sent with what succeeds. */
		{SYS_connect, (HOST_OK | IN_OK) * 0x1111 | (HOST_BAD | IN_BAD) * 0x1111,
		 "evt.type = connect and (evt.rawres >= 0 or evt.res = EINPROGRESS)"},
		{SYS_connect, 0xffff, "evt.type = connect and evt.failed = true"},
		{SYS_accept,
		 ALL | TCP(HOST_OK | IN_OK) | IP(HOST_OK | IN_OK) | UNIX(HOST_OK | IN_OK),
		 "evt.type = accept"},
		{SYS_accept, HOST_OK | IN_OK | TCP(HOST_OK | IN_OK) | IP(HOST_OK | IN_OK),
		 "evt.type = accept and fd.type = ipv4 and fd.num >= 0"},
		/* Programs that start come by themselves. */
		{SYS_execve, HOST_BAD | IN_BAD, "evt.type = execve"},
		{SYS_execve, 0, "evt.type = execve and evt.failed = false"},
		{SYS_execveat, HOST_BAD | IN_BAD,
		 "evt.type in (execve, execveat) and proc.name = x"},
		/* Where processes are. */
		{SYS_chdir, HOST_OK | IN_OK, "evt.type = unlink and proc.cwd = /tmp/"},
		{SYS_chdir, 0, "evt.type = unlink and proc.name = x"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lz_programs_config c = want(rows[i].condition);
		if (c.wanted[rows[i].nr] != rows[i].mask)
			fail_msg("%s: %s wants %#x, expected %#x", rows[i].condition,
				 lz_call_by_nr((unsigned)rows[i].nr)->name, c.wanted[rows[i].nr],
				 rows[i].mask);
	}
}

/* chdir with its own rule and a rule about proc.cwd: both count. */
static void together(void **state)
{
	struct lz_programs_config c = want("evt.type = chdir and proc.cwd = /tmp/");

	(void)state;
	assert_int_equal(c.wanted[SYS_chdir], ALL);
	c = want("evt.type = chdir and evt.failed = true and proc.cwd = /tmp/");
	assert_int_equal(c.wanted[SYS_chdir], ALL);
}

static void extras(void **state)
{
	struct lz_programs_config c = want("evt.type = unlink"), d;

	(void)state;
	assert_false(c.environment || c.flows || c.dns || c.names || c.capabilities || c.uring);
	assert_true(want("evt.type = execve and proc.env contains X").environment);
	assert_true(want("evt.type = execve and proc.aenv[1] contains y").environment);
	assert_true(want("evt.type = flow").flows);
	assert_true(want("evt.type = dns").dns);
	c = want("evt.type = connect and fd.sip.name = x");
	assert_true(c.names && !c.dns); /* what goes out is no matter */
	c = want("evt.type = connect and fd.rip.name = x");
	assert_true(c.names && !c.dns);
	c = want("evt.type = connect and fd.sip = 1.2.3.4");
	assert_false(c.names || c.dns);
	assert_true(want("evt.type = capability").capabilities);
	assert_true(want("evt.type = io_uring").uring >> 18 & 1);
	c = want("evt.type in (io_uring, unlinkat)");
	assert_true(c.uring >> 36 & 1);
	/* Where rules name operations, these and no others. */
	assert_true(want("evt.type = io_uring and uring.op in (connect, unlinkat)").uring ==
		    (1ULL << 16 | 1ULL << 36));
	assert_false(want("evt.type = io_uring and not uring.op in (read, write)").uring >> 22 & 3);
	assert_true(want("evt.type = io_uring and not uring.op in (read, write)").uring >> 34 & 1);
	/* Outputs ask, too. */
	{
		struct lz_rules *r = load("evt.type = execve", "%proc.env[X] %fd.sip.name");
		struct lz_err err;
		assert_ok(lz_want(r, &c, &err), err);
		assert_true(c.environment && c.names && !c.dns);
		lz_rules_free(r);
	}
	c = want("evt.type = unlink");
	d = want("evt.type = unlink and proc.name = x");
	assert_true(lz_want_same(&c, &d));
	d = want("evt.type = unlink and evt.failed = true");
	assert_false(lz_want_same(&c, &d));
	d = want("evt.type in (unlink, flow)");
	assert_false(lz_want_same(&c, &d));
}

/* --- at random --- */

static unsigned seed = 20261125;

static unsigned any(unsigned below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % below;
}

static const char *const call_names[] = {"open",   "openat",  "creat",	"openat2", "connect",
					 "accept", "accept4", "bind",	"sendto",  "recvfrom",
					 "unlink", "setuid",  "socket", "dup",	   "listen"};
#define CALLS (sizeof(call_names) / sizeof(call_names[0]))

static const char *const checks[] = {"evt.failed = true",
				     "evt.failed = false",
				     "evt.failed != true",
				     "evt.res = SUCCESS",
				     "evt.res != SUCCESS",
				     "evt.res in (EACCES, EINPROGRESS)",
				     "evt.res startswith E",
				     "evt.res = EINPROGRESS",
				     "evt.res exists",
				     "evt.rawres >= 0",
				     "evt.rawres < 0",
				     "evt.rawres = -115",
				     "evt.rawres in (0, -2)",
				     "fd.num >= 0",
				     "fd.num = -1",
				     "fd.num = 7",
				     "fd.num exists",
				     "evt.is_open_write = true",
				     "evt.is_open_write = false",
				     "evt.is_open_write exists",
				     "evt.is_open_read = true",
				     "fd.type = ipv4",
				     "fd.type = ipv6",
				     "fd.type in (ipv4, unix)",
				     "fd.type != unix",
				     "fd.type exists",
				     "fd.typechar = 4",
				     "fd.typechar = u",
				     "fd.typechar != f",
				     "fd.typechar = d",
				     "fd.sockfamily = ip",
				     "fd.sockfamily != ip",
				     "fd.sockfamily = unix",
				     "fd.l4proto = tcp",
				     "fd.l4proto = udp",
				     "fd.l4proto != tcp",
				     "fd.l4proto exists",
				     "container.id = host",
				     "container.id != host",
				     "container.id = 3f4b0c1d2e5a",
				     "container.id in (host, aaaaaaaaaaaa)",
				     "container.id startswith 3",
				     "container.id exists",
				     "container.name = host",
				     "proc.name = sh",
				     "fd.name contains etc",
				     "fd.sport = 443",
				     "evt.arg.flags contains O_CREAT",
				     "container.id contains o",
				     "evt.res glob *S*"};
#define CHECKS (sizeof(checks) / sizeof(checks[0]))

static size_t expression(char *out, size_t size, unsigned depth)
{
	size_t n = 0;

	if (!depth || any(4) == 0)
		return (size_t)snprintf(out, size, "%s", checks[any(CHECKS)]);
	n += (size_t)snprintf(out, size, any(3) ? "(" : "not (");
	n += expression(out + n, size - n, depth - 1);
	for (unsigned i = any(3); i; i--) {
		n += (size_t)snprintf(out + n, size - n, any(2) ? " and " : " or ");
		n += expression(out + n, size - n, depth - 1);
		if (strstr(out, " or ") && any(2))
			break;
	}
	return n + (size_t)snprintf(out + n, size - n, ")");
}

struct event {
	const struct lz_call *call;
	bool container;
	unsigned class;
};

static int64_t any_result(bool fd)
{
	static const int errors[] = {1, 2, 13, 14, 22, 104, 110, 111, 115, 115};

	return any(2) ? (fd ? 3 + (int64_t)any(8) : 0) : -errors[any(10)];
}

static void add_file(unsigned slot, uint32_t mode, unsigned flags, struct made *m)
{
	struct lz_ev_file f = {.inode = 1 + any(50), .mode = mode, .flags = flags};

	part(m, LZ_PART_FILE + slot, &f, sizeof(f));
	if (mode != S_IFSOCK)
		path(m, LZ_PART_PATH + slot, 0, any(2) ? "/etc/passwd" : "/tmp/x");
}

/* A descriptor for a socket call: of any kind, or of none. Returns what the kernel's side says of it. */
static unsigned add_socket(unsigned slot, struct made *m)
{
	static const struct {
		uint16_t family, type, protocol;
		unsigned what;
	} kinds[] = {{AF_INET, SOCK_STREAM, 6, 1}, {AF_INET6, SOCK_STREAM, 6, 1},
		     {AF_INET, SOCK_DGRAM, 17, 2}, {AF_INET6, SOCK_DGRAM, 17, 2},
		     {AF_INET, SOCK_RAW, 1, 2},	   {AF_UNIX, SOCK_STREAM, 0, 3},
		     {AF_NETLINK, SOCK_RAW, 0, 0}};
	unsigned k = any(9);
	struct lz_ev_socket s = {0};

	if (k == 8)
		return 0; /* no such descriptor */
	if (k == 7) {
		add_file(slot, any(2) ? S_IFREG : S_IFDIR, 0, m);
		return 0;
	}
	add_file(slot, S_IFSOCK, 0, m);
	s.family = kinds[k].family;
	s.type = kinds[k].type;
	s.protocol = kinds[k].protocol;
	s.state = any(12);
	s.local_port = any(2) ? 443 : 0;
	s.remote_port = any(2) ? 443 : 0;
	s.remote[0] = any(2) ? 9 : 0;
	if (s.family == AF_INET6 && any(2)) { /* IPv4 by way of it */
		memset(s.remote, 0, 10);
		s.remote[10] = s.remote[11] = 0xff;
	}
	part(m, LZ_PART_SOCKET + slot, &s, sizeof(s));
	if (s.family != AF_UNIX && s.family != AF_NETLINK && any(2)) {
		struct lz_ev_socket asked = {.family = any(2) ? AF_INET : AF_INET6,
					     .remote_port = (uint16_t)any(2) * 443,
					     .remote = {7}};
		part(m, LZ_PART_ASKED, &asked, sizeof(asked));
	}
	return kinds[k].what;
}

static void arguments(const struct lz_call *c, unsigned flags, struct made *m)
{
	struct lz_call_arg a[LZ_EV_ARGS];
	size_t n = lz_call_args(c, a);

	for (unsigned i = 0; i < n; i++) {
		uint64_t how[3] = {flags, 0, 0};
		switch (lz_call_how(a[i].kind)) {
		case LZ_HOW_NUMBER:
		case LZ_HOW_FD:
		case LZ_HOW_DIRFD:
			number(m, LZ_PART_ARG + i, a[i].kind == 'O' ? flags : any(9));
			break;
		case LZ_HOW_PATH:
		case LZ_HOW_PATH_AT:
		case LZ_HOW_TEXT:
			text(m, LZ_PART_ARG + i, any(2) ? "/etc/x" : "rel");
			break;
		case LZ_HOW_OPEN_HOW:
			part(m, LZ_PART_ARG + i, how, sizeof(how));
			break;
		case LZ_HOW_NONE:
		case LZ_HOW_CHDIR:
		case LZ_HOW_ADDRESS:
		case LZ_HOW_MESSAGE:
		case LZ_HOW_BYTES:
			break;
		}
	}
}

/* What the kernel makes of open's flags. */
static unsigned file_flags(unsigned flags)
{
	static const unsigned modes[] = {LZ_FILE_READ, LZ_FILE_WRITE, LZ_FILE_READ | LZ_FILE_WRITE,
					 0};

	return flags & O_PATH ? 0 : modes[flags & 3];
}

static struct event any_event(struct stage *s)
{
	struct event e = {.call = lz_calls, .container = any(2)};
	bool failed;
	unsigned flags;
	struct lz_ev *h;

	for (size_t i = 0, k = any(CALLS); i < lz_call_count; i++)
		if (!strcmp(lz_calls[i].name, call_names[k]))
			e.call = &lz_calls[i];
	flags = e.call->nr == SYS_creat ? O_WRONLY | O_CREAT | O_TRUNC
					: any(4) | (any(3) ? 0 : O_CREAT) | (any(5) ? 0 : O_PATH);
	h = call(s, e.call->nr, any_result(e.call->ret_fd));
	if (e.call->class != LZ_CLASS_SOCKET && h->ret == -EINPROGRESS)
		h->ret = -EACCES; /* others never say so */
	failed = h->ret < 0 && h->ret != -EINPROGRESS;
	e.class = failed ? LZ_CLASS_FAILED : 0;
	arguments(e.call, flags, &s->m);
	if (e.call->class == LZ_CLASS_OPEN && !failed) {
		add_file(LZ_PART_RET_FILE - LZ_PART_FILE, any(3) ? S_IFREG : S_IFDIR,
			 file_flags(flags), &s->m);
		e.class |= LZ_CLASS_WHAT(file_flags(flags) & LZ_FILE_WRITE ? 1 : 0);
	} else if (e.call->class == LZ_CLASS_SOCKET) {
		e.class |= LZ_CLASS_WHAT(add_socket(0, &s->m));
	} else if (e.call->class == LZ_CLASS_ACCEPT && !failed) {
		e.class |= LZ_CLASS_WHAT(add_socket(LZ_PART_RET_FILE - LZ_PART_FILE, &s->m));
	}
	if (e.container)
		e.class |= LZ_CLASS_CONTAINER;
	s->at.in_container = e.container;
	s->at.container_id = any(2) ? "3f4b0c1d2e5a" : "bbbbbbbbbbbb";
	return e;
}

static void count_hit(void *arg, const struct lz_rule *rule)
{
	(void)rule;
	++*(size_t *)arg;
}

static void no_hit_is_masked(void **state)
{
	struct stage *s = stage_new();
	size_t sent = 0, masked = 0, hits = 0;

	(void)state;
	run(s, 100, 1, "sh", "/bin/dash", "sh\0-i", 6);
	for (unsigned i = 0; i < 400; i++) {
		char condition[3000];
		struct lz_programs_config c = {0};
		struct lz_matcher *m;
		struct lz_rules *r;
		struct lz_err err;
		size_t n = (size_t)snprintf(condition, sizeof(condition), "evt.type in (");
		for (size_t k = 0; k < CALLS; k++)
			n += (size_t)snprintf(condition + n, sizeof(condition) - n, "%s%s",
					      k ? ", " : "", call_names[k]);
		n += (size_t)snprintf(condition + n, sizeof(condition) - n, ") and (");
		n += expression(condition + n, sizeof(condition) - n - 2, 3);
		snprintf(condition + n, sizeof(condition) - n, ")");
		r = load(condition, "o");
		assert_ok(lz_want(r, &c, &err), err);
		m = lz_matcher_new(r, &err);
		for (unsigned k = 0; k < 150; k++) {
			struct event e = any_event(s);
			size_t hit = 0;
			see(s);
			lz_match_event(m, lz_view_event(s->view), lz_view_kind(s->view, &s->record),
				       s->record.head.time_ns, count_hit, &hit);
			if (c.wanted[e.call->nr] >> e.class & 1) {
				sent++;
				hits += hit;
			} else {
				masked++;
				if (hit)
					fail_msg(
						"%s: %s, class %u, result %lld is met but not sent",
						condition, e.call->name, e.class,
						(long long)s->record.head.ret);
			}
		}
		lz_matcher_free(m);
		lz_rules_free(r);
	}
	/* And it is worth something: many are not sent, and of those that are many are met. */
	assert_true(masked > 6000);
	assert_true(hits > 6000);
	print_message("%zu sent, %zu of them met, %zu not sent\n", sent, hits, masked);
	stage_free(s);
}

static struct lz_rules *walked;
static int want_once(void)
{
	struct lz_programs_config c = {0};
	struct lz_err err;

	return lz_want(walked, &c, &err);
}

static void no_memory(void **state)
{
	(void)state;
	walked = load(
		"evt.type in (open, connect) and container.id in (a, b) and fd.name contains x",
		"o");
	assert_survives_nomem(want_once());
	lz_rules_free(walked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_hand),   cmocka_unit_test(together),
		cmocka_unit_test(extras),    cmocka_unit_test(no_hit_is_masked),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
