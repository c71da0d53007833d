/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The records that the kernel programs write and the sensor reads: a head of fixed size, then
 * parts of any size. Both sides include this file; a change of it changes the recording format
 * (docs/sensor.md) too, so LZ_EV_VERSION goes up.
 *
 * Integers are the machine's own. A record is never longer than LZ_EV_MAX.
 */
#ifndef __bpf__
#include <stdint.h>
typedef uint8_t __lz_u8;
typedef uint16_t __lz_u16;
typedef uint32_t __lz_u32;
typedef uint64_t __lz_u64;
typedef int64_t __lz_s64;
#else
typedef unsigned char __lz_u8;
typedef unsigned short __lz_u16;
typedef unsigned int __lz_u32;
typedef unsigned long long __lz_u64;
typedef long long __lz_s64;
#endif

#define LZ_EV_VERSION  1
#define LZ_EV_MAX      (28 * 1024)
#define LZ_CALLS       512 /* system call numbers below this can be watched */
#define LZ_EV_ARGS     6
#define LZ_SOCKETCALLS 32      /* what the 32-bit socketcall(2) can be asked for */
#define LZ_SELFTEST_FD -0x4c5a /* no descriptor; the argument behind it comes back */

enum lz_ev_kind {
	LZ_EV_CALL = 1,	  /* a system call returned */
	LZ_EV_EXEC,	  /* a new program runs */
	LZ_EV_FORK,	  /* a new process; the head is its parent's */
	LZ_EV_EXIT,	  /* a process ended, all its threads */
	LZ_EV_TASK,	  /* a process that was there before, from an iterator */
	LZ_EV_CGROUP,	  /* a control group was made, removed: lz_ev_cgroup, its path in NAME */
	LZ_EV_CAPABILITY, /* first use of a capability by a process */
	LZ_EV_FLOW,	  /* a TCP connection began or ended */
	LZ_EV_DNS,	  /* a DNS message went by */
	LZ_EV_IO_URING,	  /* an operation asked for past system calls */
	LZ_EV_THROTTLE,	  /* a container makes too many events, or no longer */
	LZ_EV_SELFTEST,	  /* the sensor's own question, answered by the whole path */
	LZ_EV_STATS, /* what a container used up to now: made by the sensor, not by a program */
	LZ_EV_KINDS,
};

struct lz_ev {
	__lz_u32 size;	   /* of the record, this head included */
	__lz_u16 kind;	   /* enum lz_ev_kind */
	__lz_u16 nr;	   /* system call, as the 64-bit table numbers it */
	__lz_u64 time_ns;  /* since boot, suspension included */
	__lz_s64 ret;	   /* of the call; EXIT: status; CAPABILITY: its number */
	__lz_u64 start_ns; /* when the process began: with pid, what names a process */
	__lz_u64 cgroup;   /* id of its control group */
	__lz_u64 cap_effective, cap_permitted;
	__lz_u32 pid, tid, ppid; /* as the host sees them */
	__lz_u32 uid, gid, loginuid;
	__lz_u32 cpu;
	__lz_u32 flags; /* LZ_EVF_* */
	char comm[16];
};
#define LZ_EVF_CUT    1 /* something did not fit and was left out */
#define LZ_EVF_COMPAT 2 /* the 32-bit entry was used */
#define LZ_EVF_OTHER  4 /* told of the process named, by another: credentials are not its own */

/* What a part is: its bytes follow, n of them, unaligned. */
struct lz_ev_part {
	__lz_u16 id;
	__lz_u16 n;
};

enum lz_ev_part_id {
	LZ_PART_ARG = 0,       /* … 5: the call's arguments, by how the table says */
	LZ_PART_FILE = 8,      /* … 13: what the descriptor in that argument is (lz_ev_file) */
	LZ_PART_PATH = 16,     /* … 21: its path */
	LZ_PART_SOCKET = 24,   /* … 29: lz_ev_socket, when it is one */
	LZ_PART_UNIX = 32,     /* … 37: the name that a Unix socket or its peer is bound to */
	LZ_PART_RET_FILE = 14, /* the same four of the descriptor that the call returned */
	LZ_PART_RET_PATH = 22,
	LZ_PART_RET_SOCKET = 30,
	LZ_PART_RET_UNIX = 38,
	LZ_PART_CWD = 40, /* path of the working directory */
	LZ_PART_TASK,	  /* lz_ev_task: of EXEC, FORK (the child's), TASK */
	LZ_PART_EXE,	  /* lz_ev_file of the executable */
	LZ_PART_EXE_PATH,
	LZ_PART_NAME, /* the path that was asked for: EXEC */
	LZ_PART_ARGV, /* arguments, each with a NUL behind it */
	LZ_PART_ENV,
	LZ_PART_ADDRESS,  /* struct sockaddr given to the call */
	LZ_PART_CGROUP,	  /* lz_ev_cgroup */
	LZ_PART_FLOW,	  /* lz_ev_flow */
	LZ_PART_BYTES,	  /* first bytes that were sent or received; DNS: the message */
	LZ_PART_STDIO,	  /* lz_ev_stdio[3]: EXEC */
	LZ_PART_DNS,	  /* lz_ev_dns; the message itself in BYTES */
	LZ_PART_ASKED,	  /* lz_ev_socket: address given to the call, as the kernel copied it */
	LZ_PART_THROTTLE, /* lz_ev_throttle */
	LZ_PART_LEARN,	  /* lz_ev_learn: under which the file can be passed over */
	LZ_PART_STATS,	  /* lz_ev_stats */
	LZ_PART_COUNT,
};

/* A path: one byte of flags, then names from the last to the first, each behind its length. */
#define LZ_PATH_DELETED	 1 /* no name leads there any more */
#define LZ_PATH_CUT	 2 /* deeper than was read: the beginning is missing */
#define LZ_PATH_NO_MOUNT 4 /* pipe:, socket:, memfd:, anon_inode: the name is no path */
#define LZ_PATH_DEPTH	 256

#define LZ_FILE_UPPER	1 /* lies in the upper layer of an overlay: not from the image */
#define LZ_FILE_OVERLAY 2
#define LZ_FILE_WRITE	4 /* open for writing */
#define LZ_FILE_READ	8
#define LZ_FILE_CREATED 16 /* this call made it */
struct lz_ev_file {
	__lz_u64 inode;
	__lz_u64 ctime_s, mtime_s;
	__lz_u32 ctime_ns, mtime_ns;
	__lz_u32 device;
	__lz_u32 mode;	/* type and rights */
	__lz_u32 links; /* names it has; 0: none */
	__lz_u32 uid, gid;
	__lz_u32 magic;	 /* of the file system */
	__lz_u32 flags;	 /* LZ_FILE_* */
	__lz_u32 number; /* of the descriptor */
};

struct lz_ev_socket {
	__lz_u16 family, type, protocol;
	__lz_u16 state; /* of TCP */
	__lz_u16 local_port, remote_port;
	__lz_u32 reserved;
	__lz_u8 local[16], remote[16]; /* IPv4 in the first four bytes */
};

struct lz_ev_stdio {
	__lz_u64 inode;
	__lz_u32 mode;
	__lz_u16 family; /* of a socket */
	__lz_u16 connected;
};

struct lz_ev_task {
	__lz_u64 start_ns, parent_start_ns;
	__lz_u64 cgroup;
	__lz_u64 cap_inheritable, cap_effective, cap_permitted;
	__lz_u64 pidns_start_ns;	   /* when the first process of its PID namespace began */
	__lz_u32 pid, ppid, sid, pgid;	   /* as the host sees them */
	__lz_u32 vpid, vppid, vsid, vpgid; /* as its PID namespace does */
	__lz_u32 uid, gid, loginuid;
	__lz_u32 tty; /* device number, 0: none */
	__lz_u32 pidns, mntns, netns;
	__lz_u32 argv_bytes, env_bytes; /* whole, even where less was read */
	__lz_u32 threads;
	char comm[16];
};

struct lz_ev_cgroup {
	__lz_u64 id;
	__lz_u32 hierarchy; /* 0: version 2 */
	__lz_u32 removed;
};

struct lz_ev_flow {
	struct lz_ev_socket socket;
	__lz_u64 sent_bytes, received_bytes;
	__lz_u64 began_ns;
	__lz_u32 ended;
	__lz_u32 server; /* this end accepted */
};

struct lz_ev_dns {
	__lz_u8 server[16]; /* who is asked, who answers */
	__lz_u16 family;
	__lz_u16 answer;
	__lz_u32 reserved;
};

struct lz_ev_throttle {
	__lz_u64 dropped;
	__lz_u32 began; /* 1: from here on events are dropped, 0: no longer */
	__lz_u32 reserved;
};

/* Since the container began; what could not be read is 0 and not in `has`. */
#define LZ_STATS_CPU	1 /* cpu_ns */
#define LZ_STATS_BYTES	2 /* sent_bytes, received_bytes: of its own interfaces, "lo" left out */
#define LZ_STATS_TCP	4 /* connects, accepts, failed */
#define LZ_STATS_LISTEN 8 /* overflows */
struct lz_ev_stats {
	__lz_u64 cpu_ns;
	__lz_u64 sent_bytes, received_bytes;
	__lz_u64 connects, accepts, failed; /* TCP connections: asked for, taken, in vain */
	__lz_u64 overflows; /* connections that found no room where they were listened for */
	__lz_u32 processes;
	__lz_u32 has; /* LZ_STATS_* */
};

/* How an argument is taken. */
enum lz_how {
	LZ_HOW_NONE,
	LZ_HOW_NUMBER,	/* 8 bytes */
	LZ_HOW_FD,	/* 8 bytes, and what the descriptor is */
	LZ_HOW_DIRFD,	/* 8 bytes, and its path when the path behind it is relative */
	LZ_HOW_PATH,	/* text as given; a relative one is from the working directory */
	LZ_HOW_PATH_AT, /* … or from the descriptor in the argument before */
	LZ_HOW_CHDIR,	/* text, and the working directory that it led to */
	LZ_HOW_TEXT,
	LZ_HOW_ADDRESS,	 /* struct sockaddr, its size in the next argument */
	LZ_HOW_OPEN_HOW, /* struct open_how: 24 bytes */
	LZ_HOW_MESSAGE,	 /* struct msghdr: the address and first bytes in it */
	LZ_HOW_BYTES,	 /* a buffer; the call's result or the next argument says how long */
};

/* Which of a call's events are wanted, by class: bit (failed | container << 1 | what << 2). */
enum lz_class {
	LZ_CLASS_PLAIN,	 /* "what" is 0 */
	LZ_CLASS_OPEN,	 /* 0 for reading, 1 for writing */
	LZ_CLASS_SOCKET, /* of descriptor in argument 0: 0 other, 1 TCP, 2 other IP, 3 Unix */
	LZ_CLASS_ACCEPT, /* the same of the descriptor returned */
};
#define LZ_CLASS_FAILED	   1
#define LZ_CLASS_CONTAINER 2
#define LZ_CLASS_WHAT(x)   ((x) << 2)
#define LZ_CLASS_DOTS	   256 /* only of what is learnt: the path as given may have ".." in it */

enum lz_asks { LZ_ASKS_NOTHING, LZ_ASKS_CONNECT, LZ_ASKS_SEND, LZ_ASKS_BIND };

struct lz_call_row { /* one per system call, in read-only data of the programs */
	__lz_u8 how[LZ_EV_ARGS];
	__lz_u8 ret_fd;	 /* the result is a descriptor */
	__lz_u8 class;	 /* enum lz_class */
	__lz_u16 wanted; /* mask over classes */
	__lz_u8 discard; /* files that no rule asks about may be learnt and passed over */
	__lz_u8 moves;	 /* it may change what mounts lie where: what was learnt is void */
	__lz_u8 asks;	 /* enum lz_asks: the kernel's copy of an address comes with it */
	__lz_u8 path;	 /* which argument is the path, of calls that open */
	__lz_u8 reserved[2];
};

/* What is counted, per CPU. */
enum lz_ev_count {
	LZ_COUNT_SEEN,	     /* events that reached a program because a rule wants their kind */
	LZ_COUNT_CLASS,	     /* passed over: failed, host or container, reading or writing */
	LZ_COUNT_DISCARDED,  /* passed over: a file that no rule asks about */
	LZ_COUNT_THROTTLED,  /* passed over: too many of one container */
	LZ_COUNT_SENT,	     /* written to a ring */
	LZ_COUNT_NO_SCRATCH, /* lost: interrupted too often at one place */
	LZ_COUNT_LOST,	     /* lost: the ring was full */
	LZ_COUNT_LOST_KIND,  /* … + enum lz_ev_kind: the same by kind */
	LZ_COUNTS = LZ_COUNT_LOST_KIND + LZ_EV_KINDS,
};

/* A way to a file: the same file by another name, folder, mount or root is another. */
struct lz_discard_key {
	__lz_u64 path;	/* made of the names up to the root of the mount; 0: not to be learnt */
	__lz_u64 inode; /* 0: the folder of that path, and any file of it */
	__lz_u64 root;	/* inode of the task's root folder */
	__lz_u32 device, root_device;
	__lz_u32 mount; /* its number in the kernel */
	__lz_u32 nr;
	__lz_u32 class;
	__lz_u32 reserved;
};
/* A conversation by datagrams, counted in the kernel until it falls silent. */
struct lz_udp_key {
	__lz_u64 cookie; /* of the socket */
	__lz_u8 remote[16];
	__lz_u16 remote_port, local_port;
	__lz_u16 family, reserved;
};
struct lz_udp_flow {
	__lz_u64 start_ns, cgroup; /* of the process that has the socket */
	__lz_u64 began_ns, last_ns;
	__lz_u64 sent_bytes, received_bytes;
	__lz_u8 local[16];
	__lz_u32 pid, uid, gid;
	__lz_u32 server; /* the other end spoke first */
	char comm[16];
};

struct lz_ev_learn {
	struct lz_discard_key key;
	__lz_u64 folder; /* the folder's path */
	__lz_u32 age;	 /* of what was learnt, when the event happened */
	__lz_u32 reserved;
};

/* What is known of a control group. */
struct lz_cgroup_state {
	__lz_u32 known; /* 1 host, 2 container */
	__lz_u32 throttled;
	__lz_u64 tokens, filled_ns, dropped;
};

_Static_assert(sizeof(struct lz_ev) == 104, "the head is part of the format");
_Static_assert(sizeof(struct lz_ev_file) == 64, "part of the format");
_Static_assert(sizeof(struct lz_ev_socket) == 48, "part of the format");
_Static_assert(sizeof(struct lz_ev_task) == 144, "part of the format");
_Static_assert(sizeof(struct lz_ev_cgroup) == 16, "part of the format");
_Static_assert(sizeof(struct lz_ev_flow) == 80, "part of the format");
_Static_assert(sizeof(struct lz_ev_stats) == 64, "part of the format");
_Static_assert(sizeof(struct lz_ev_dns) == 24, "part of the format");
_Static_assert(sizeof(struct lz_udp_key) == 32, "no holes: it is hashed as bytes");
_Static_assert(sizeof(struct lz_discard_key) == 48, "no holes: it is hashed as bytes");
_Static_assert(sizeof(struct lz_ev_throttle) == 16, "part of the format");
