/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Flows and names. Packets and changes of state come by in the context of whoever runs just then,
 * so the process that a socket belongs to is remembered when it connects, sends or accepts.
 */
#include "fd.h"

#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT	2
#define TCP_CLOSE	7
#define DNS_PORT	53
#define DNS_MAX		512
#define IPPROTO_UDP_	17

struct owner {
	u64 start_ns, cgroup, began_ns;
	u32 pid, tid, uid, gid;
	u32 server, known; /* known: its beginning was told */
	char comm[16];
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u64); /* address of the socket, or its cookie */
	__type(value, struct owner);
} owners SEC(".maps");

/* The address that a process asks for, as the kernel copied it: what is looked at afterwards in the
 * process's own memory may have been changed meanwhile. */
struct asked {
	u16 what, family; /* enum lz_asks */
	u32 port;
	u8 ip[16];
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, u64); /* thread */
	__type(value, struct asked);
} addresses SEC(".maps");

static __always_inline void fill_owner(struct owner *w)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 id = bpf_get_current_pid_tgid();

	w->start_ns = task->group_leader->start_boottime;
	w->cgroup = cgroup_of(task);
	w->began_ns = bpf_ktime_get_boot_ns();
	w->pid = id >> 32;
	w->tid = (u32)id;
	id = bpf_get_current_uid_gid();
	w->uid = (u32)id;
	w->gid = id >> 32;
	bpf_get_current_comm(w->comm, sizeof(w->comm));
}

static __always_inline void remember(u64 key, bool server)
{
	struct owner w = {};

	fill_owner(&w);
	w.server = server;
	bpf_map_update_elem(&owners, &key, &w, BPF_ANY);
}

/* The head, for the process that the socket belongs to; programs on packets may not ask who runs. */
static __always_inline struct out *begin_for(u16 kind, const struct owner *w)
{
	struct out *o = begin_plain(kind);

	if (!o)
		return 0;
	o->ev.start_ns = w->start_ns;
	o->ev.cgroup = w->cgroup;
	o->ev.pid = w->pid;
	o->ev.tid = w->tid;
	o->ev.uid = w->uid;
	o->ev.gid = w->gid;
	o->ev.ppid = 0;
	o->ev.loginuid = (u32)-1;
	o->ev.cap_effective = 0;
	o->ev.cap_permitted = 0;
	o->ev.flags |= LZ_EVF_OTHER;
	__builtin_memcpy(o->ev.comm, w->comm, sizeof(w->comm));
	return o;
}

static __always_inline void send_flow(struct sock *sk, const struct owner *w, bool ended)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;
	struct out *o = begin_for(LZ_EV_FLOW, w);
	struct lz_ev_flow f = {};

	if (!o)
		return;
	read_socket(sk, &f.socket);
	f.sent_bytes = BPF_CORE_READ(tcp, bytes_acked);
	f.received_bytes = BPF_CORE_READ(tcp, bytes_received);
	f.began_ns = w->began_ns;
	f.ended = ended;
	f.server = w->server;
	put_bytes(o, LZ_PART_FLOW, &f, sizeof(f));
	finish(o);
}

SEC("?tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_state, const struct sock *sk, int before, int after)
{
	u64 key = (u64)sk;
	struct owner *w, copy;

	if (BPF_CORE_READ(sk, sk_protocol) != 6)
		return 0;
	if (after == TCP_SYN_SENT) {
		remember(key, false);
		return 0;
	}
	if (after != TCP_ESTABLISHED && after != TCP_CLOSE)
		return 0;
	w = bpf_map_lookup_elem(&owners, &key);
	if (!w)
		return 0;
	count(LZ_COUNT_SEEN);
	copy = *w;
	if (after == TCP_CLOSE)
		bpf_map_delete_elem(&owners, &key);
	else
		w->known = 1;
	if (after == TCP_ESTABLISHED || copy.known)
		send_flow((struct sock *)sk, &copy, after == TCP_CLOSE);
	return 0;
}

/* A connection that was accepted: called when accept returns. Apart, because all that calls each
 * other has 512 bytes of stack, and the verifier counts each function's as a multiple of 32. */
__noinline int flow_accepted(u32 fd)
{
	struct file *file = (struct file *)file_of_fd(fd);
	struct owner *w;
	struct sock *sk;
	u64 key;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT_) != S_IFSOCK_)
		return 0;
	sk = sock_of(file);
	if (BPF_CORE_READ(sk, sk_protocol) != 6)
		return 0;
	key = (u64)sk;
	remember(key, true);
	w = bpf_map_lookup_elem(&owners, &key);
	if (!w)
		return 0;
	w->known = 1;
	send_flow(sk, w, false);
	return 0;
}

/* --- addresses asked for, owners by cookie --- */

static __always_inline int asked_for(struct bpf_sock_addr *ctx, u32 family, u32 what)
{
	u64 cookie = bpf_get_socket_cookie(ctx), thread = bpf_get_current_pid_tgid();
	struct asked a = {.what = what, .family = family};

	if (cookie && ctx->protocol == IPPROTO_UDP_)
		remember(cookie, false);
	a.port = __builtin_bswap16((u16)ctx->user_port);
	if (family == AF_INET_) {
		u32 ip = ctx->user_ip4;
		__builtin_memcpy(a.ip, &ip, 4);
	} else {
		u32 ip[4];
		ip[0] = ctx->user_ip6[0];
		ip[1] = ctx->user_ip6[1];
		ip[2] = ctx->user_ip6[2];
		ip[3] = ctx->user_ip6[3];
		__builtin_memcpy(a.ip, ip, 16);
	}
	bpf_map_update_elem(&addresses, &thread, &a, BPF_ANY);
	return 1;
}

SEC("?cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	return asked_for(ctx, AF_INET_, LZ_ASKS_CONNECT);
}
SEC("?cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	return asked_for(ctx, AF_INET6_, LZ_ASKS_CONNECT);
}
SEC("?cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx)
{
	return asked_for(ctx, AF_INET_, LZ_ASKS_SEND);
}
SEC("?cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *ctx)
{
	return asked_for(ctx, AF_INET6_, LZ_ASKS_SEND);
}
SEC("?cgroup/bind4")
int bind4(struct bpf_sock_addr *ctx)
{
	return asked_for(ctx, AF_INET_, LZ_ASKS_BIND);
}
SEC("?cgroup/bind6")
int bind6(struct bpf_sock_addr *ctx)
{
	return asked_for(ctx, AF_INET6_, LZ_ASKS_BIND);
}

/* --- packets: conversations by datagrams, DNS questions and answers --- */

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct lz_udp_key);
	__type(value, struct lz_udp_flow);
} conversations SEC(".maps");

static __always_inline void begin_conversation(const struct lz_udp_key *key, struct lz_udp_flow *u,
					       const struct owner *w)
{
	struct out *o;
	struct lz_ev_flow f = {};

	u->start_ns = w->start_ns;
	u->cgroup = w->cgroup;
	u->began_ns = u->last_ns;
	u->pid = w->pid;
	u->uid = w->uid;
	u->gid = w->gid;
	__builtin_memcpy(u->comm, w->comm, sizeof(u->comm));
	bpf_map_update_elem(&conversations, key, u, BPF_ANY);
	count(LZ_COUNT_SEEN);
	o = begin_for(LZ_EV_FLOW, w);
	if (!o)
		return;
	f.socket.family = key->family;
	f.socket.type = 2; /* SOCK_DGRAM */
	f.socket.protocol = IPPROTO_UDP_;
	f.socket.local_port = key->local_port;
	f.socket.remote_port = key->remote_port;
	__builtin_memcpy(f.socket.local, u->local, 16);
	__builtin_memcpy(f.socket.remote, key->remote, 16);
	f.began_ns = u->began_ns;
	f.server = u->server;
	put_bytes(o, LZ_PART_FLOW, &f, sizeof(f));
	finish(o);
}

/* src and dst are the packet's; out: this end sends. */
static __noinline int converse(struct __sk_buff *skb, u32 v4, u32 ports, u32 out)
{
	u64 cookie = bpf_get_socket_cookie(skb);
	struct lz_udp_key key = {.cookie = cookie, .family = v4 ? AF_INET_ : AF_INET6_};
	struct lz_udp_flow fresh = {}, *u;
	struct owner *w;

	key.local_port = __builtin_bswap16(out ? ports & 0xffff : ports >> 16);
	key.remote_port = __builtin_bswap16(out ? ports >> 16 : ports & 0xffff);
	if (v4) {
		bpf_skb_load_bytes(skb, out ? 16 : 12, key.remote, 4);
		bpf_skb_load_bytes(skb, out ? 12 : 16, fresh.local, 4);
	} else {
		bpf_skb_load_bytes(skb, out ? 24 : 8, key.remote, 16);
		bpf_skb_load_bytes(skb, out ? 8 : 24, fresh.local, 16);
	}
	u = bpf_map_lookup_elem(&conversations, &key);
	if (u) {
		u->last_ns = bpf_ktime_get_boot_ns();
		__sync_fetch_and_add(out ? &u->sent_bytes : &u->received_bytes, skb->len);
		return 0;
	}
	w = bpf_map_lookup_elem(&owners, &cookie);
	if (!w)
		return 0;
	fresh.last_ns = bpf_ktime_get_boot_ns();
	fresh.server = !out;
	if (out)
		fresh.sent_bytes = skb->len;
	else
		fresh.received_bytes = skb->len;
	begin_conversation(&key, &fresh, w);
	return 0;
}

/* Most packets are none: they are known by a byte of the header that needs no call to be read. */
static __always_inline bool is_udp(struct __sk_buff *skb, u8 *first, u32 *headers)
{
	u8 *head = (u8 *)(long)skb->data, *end = (u8 *)(long)skb->data_end;
	u8 copy[20];

	if (head + sizeof(copy) > end) {
		if (bpf_skb_load_bytes(skb, 0, copy, sizeof(copy)))
			return false;
		head = copy;
	}
	*first = head[0];
	if (*first >> 4 == 4) {
		*headers = (*first & 15) * 4;
		return head[9] == IPPROTO_UDP_;
	}
	*headers = 40;
	return head[6] == IPPROTO_UDP_;
}

static __always_inline int packet(struct __sk_buff *skb, bool out)
{
	u64 cookie;
	u32 from, n, headers, both = 0;
	struct owner *w;
	struct lz_ev_dns dns = {};
	struct out *o;
	u8 first = 0;
	u16 ports[2] = {};
	char *at;

	if (!is_udp(skb, &first, &headers))
		return 1;
	if (bpf_skb_load_bytes(skb, headers, ports, 4))
		return 1;
	if (__builtin_bswap16(ports[out]) != DNS_PORT) {
		__builtin_memcpy(&both, ports, 4);
		if (set_flows && ports[!out] != __builtin_bswap16(DNS_PORT))
			converse(skb, first >> 4 == 4, both, out);
		return 1;
	}
	if (!set_dns)
		return 1;
	cookie = bpf_get_socket_cookie(skb);
	w = bpf_map_lookup_elem(&owners, &cookie);
	count(LZ_COUNT_SEEN);
	from = headers + 8;
	if (!w || skb->len <= from)
		return 1;
	n = skb->len - from;
	if (n > DNS_MAX)
		n = DNS_MAX;
	o = begin_for(LZ_EV_DNS, w);
	if (!o)
		return 1;
	dns.answer = !out;
	dns.family = first >> 4 == 4 ? AF_INET_ : AF_INET6_;
	if (first >> 4 == 4)
		bpf_skb_load_bytes(skb, out ? 16 : 12, dns.server, 4);
	else
		bpf_skb_load_bytes(skb, out ? 24 : 8, dns.server, 16);
	put_bytes(o, LZ_PART_DNS, &dns, sizeof(dns));
	at = part_room(o, DNS_MAX);
	n--; /* 1 … DNS_MAX, in the one way that 6.1's verifier understands */
	barrier_var(n);
	n = (n & (DNS_MAX - 1)) + 1;
	if (at && !bpf_skb_load_bytes(skb, from, at + sizeof(struct lz_ev_part), n))
		part_end(o, at, LZ_PART_BYTES, n);
	finish(o);
	return 1;
}

SEC("?cgroup_skb/egress")
int packet_out(struct __sk_buff *skb)
{
	return packet(skb, true);
}
SEC("?cgroup_skb/ingress")
int packet_in(struct __sk_buff *skb)
{
	return packet(skb, false);
}
