/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside sensor/ only: a view and how its getters answer. */
#include "calls.h"
#include "view.h"

#define VIEW_BYTES  (512 * 1024) /* of a block */
#define VIEW_BLOCKS 16
#define VIEW_TEXT   (128 * 1024) /* room that a text finds when it is begun */

/* A row of lz_calls, taken apart once. */
struct lz_call_shape {
	const struct lz_call *call;
	struct lz_call_arg arg[LZ_EV_ARGS];
	uint8_t args;
	int8_t fd;	/* argument that is the event's descriptor; -1: none */
	int8_t path[2]; /* arguments that are paths; -1 */
	int16_t kind;	/* for rules */
};

struct lz_view {
	struct lz_watch_event e;
	struct lz_view_sources from;
	struct lz_view_event at;
	const struct lz_call_shape *shape; /* of a system call; else NULL */
	char *mem;			   /* the block at hand */
	size_t used;
	char *block
		[VIEW_BLOCKS]; /* the first stays, others are made for an event that needs them */
	size_t blocks;
	char *open;		      /* the text being put together */
	struct lz_call_shape *shapes; /* per row of lz_calls */
	int16_t kinds[LZ_EV_KINDS];   /* of records that are no calls */
	int16_t execveat, fork, vfork, clone3;
	bool name_changed; /* the datagram's other end is a new one */
	bool fd_known;	   /* what is below has been found for this event */
	struct lz_datum fd_path;
	bool fd_has_path;
	const void **getters; /* per field */
};

/* One field's answer: how many values; *ret as lz_watch_event.get says. */
typedef size_t lz_getter(struct lz_view *v, struct lz_span arg, const struct lz_datum **ret);
struct lz_getter_row {
	const char *field;
	lz_getter *get;
};
extern const struct lz_getter_row lz_getters_event[], lz_getters_proc[], lz_getters_fd[],
	lz_getters_net[], lz_getters_thread[], lz_getters_who[],
	lz_getters_own[]; /* each ends with a NULL field */

/* --- memory of one event --- */
void *lz_view_take(struct lz_view *v, size_t n); /* NULL: no room left */
struct lz_span lz_view_keep(struct lz_view *v, struct lz_span s);
/* Text put together: begin, any number of adds, end. What does not fit is cut. */
void lz_view_begin(struct lz_view *v);
void lz_view_add(struct lz_view *v, struct lz_span s);
void lz_view_str(struct lz_view *v, const char *s);
void lz_view_num(struct lz_view *v, int64_t n);
void lz_view_address(struct lz_view *v, const unsigned char *ip, unsigned bytes);
struct lz_span lz_view_end(struct lz_view *v);

/* --- answers --- */
size_t lz_view_text(struct lz_view *v, struct lz_span s, const struct lz_datum **ret);
size_t lz_view_cstr(struct lz_view *v, const char *s, const struct lz_datum **ret); /* NULL: none */
size_t lz_view_int(struct lz_view *v, int64_t n, const struct lz_datum **ret);
size_t lz_view_bool(struct lz_view *v, bool b, const struct lz_datum **ret);
/* A number that has a name. */
size_t lz_view_enum(struct lz_view *v, int64_t n, struct lz_span name, const struct lz_datum **ret);
size_t lz_view_ip(struct lz_view *v, const unsigned char *ip, unsigned bytes,
		  const struct lz_datum **ret);

/* --- what several families ask --- */
struct lz_span lz_view_path_part(struct lz_view *v, unsigned part, unsigned *ret_flags);
/* Argument `i` as a path: absolute, without "." and ".." and double slashes. */
struct lz_span lz_view_arg_path(struct lz_view *v, unsigned i);
struct lz_span lz_view_arg_text(struct lz_view *v, unsigned i);
bool lz_view_arg_number(struct lz_view *v, unsigned i, uint64_t *ret);
/* Open flags and mode of a call that opens; false: it does not. */
bool lz_view_open_flags(struct lz_view *v, uint64_t *ret_flags, uint64_t *ret_mode);
/* The descriptor the event is about: offset of its parts (LZ_PART_FILE + …), or -1. */
int lz_view_fd_slot(const struct lz_view *v);
bool lz_view_file(struct lz_view *v, struct lz_ev_file *ret); /* what it is; false: unknown */
/* "client:port->server:port", or the one end there is. */
struct lz_span lz_view_socket_name(struct lz_view *v, const struct lz_ev_socket *s, bool server);
/* "ssh", "aws" …: what kind of credentials a file of this path holds; NULL: none that is known. */
const char *lz_credential_kind(struct lz_span path);
struct lz_proc *lz_view_ancestor(struct lz_view *v, unsigned n); /* 0: the process itself */
struct lz_span lz_proc_name(const struct lz_proc *p);
struct lz_span lz_proc_first_arg(const struct lz_proc *p);
/* "name a b c" (whole false: without the name). */
struct lz_span lz_view_cmdline(struct lz_view *v, const struct lz_proc *p, struct lz_span first);
/* What a descriptor's file is, for fd.type: NULL when it can't be told. */
const char *lz_view_file_type(uint32_t mode, uint16_t family, struct lz_span name, bool no_mount);
struct lz_span lz_view_user(struct lz_view *v, uint32_t uid); /* name; empty: unknown */
struct lz_span lz_view_group(struct lz_view *v, uint32_t gid);
/* The two ends of the event's socket, where it has one: what the call asked for stands in for what
 * the socket does not know. *ret_server: this end accepted. */
bool lz_view_socket(struct lz_view *v, struct lz_ev_socket *ret, bool *ret_server);
/* Name of the event's descriptor, or of the file it is about; .p NULL: none. */
struct lz_span lz_view_fd_name(struct lz_view *v);
/* Shows an argument: "O_RDONLY", "<f>/etc/passwd", "root". */
struct lz_span lz_view_arg_shown(struct lz_view *v, unsigned i);
