/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What containers of one image normally do, learnt while they did it or written by people.
 *
 *	event ──► fact (watch/facts.c) ──► lz_profile_add     while learning
 *	                               └─► lz_profile_judge   afterwards: known, new, …
 *	lz_profile_write ──► YAML file, for people ──► lz_profile_read
 *	lz_profiles_*: all files of a folder (store.c)
 *
 * Bounded: LZ_PROFILE_BYTES of text and so many entries of each kind; what finds no room is
 * counted, and the kind is not judged until somebody completed it. One thread.
 */
#include "../base/err.h"
#include "../base/buf.h"

enum lz_fact_kind {
	LZ_FACT_PROGRAM,     /* started: its path, and the path of who started it */
	LZ_FACT_READ,	     /* folder of a file opened for reading */
	LZ_FACT_WRITE,	     /* folder of a file opened for writing */
	LZ_FACT_DESTINATION, /* "tcp example.com 443", "unix /run/x.sock" */
	LZ_FACT_LISTEN,	     /* "tcp 80" */
	LZ_FACT_CAPABILITY,  /* "NET_RAW" */
	LZ_FACT_CALL,	     /* "mount": a system call worth a note */
	LZ_FACT_KINDS
};

struct lz_fact_row {
	const char *key;  /* in the file: "programs" */
	const char *noun; /* "program" */
	size_t max;	  /* entries of one profile */
};
extern const struct lz_fact_row lz_fact_rows[LZ_FACT_KINDS];

/* Values are as shape.h makes them. */
struct lz_fact {
	enum lz_fact_kind kind;
	struct lz_span value;
	struct lz_span parent; /* of a program; LZ_PARENT_OUTSIDE: nobody in the container */
};
#define LZ_PARENT_OUTSIDE "outside"
enum { LZ_PARENTS_MAX = 16 }; /* of one program; more become "*": whoever */

#define LZ_PROFILE_BYTES (1024 * 1024)

/* What heads the file. Spans are copied when given. */
struct lz_profile_about {
	struct lz_span image;  /* "shop/web:1.2"; for people */
	struct lz_span digest; /* "sha256:…" of the registry; may be empty if id is not */
	struct lz_span id;     /* hex digits of the image's id; may be empty */
	int64_t learnt_s;      /* since 1970, when learning ended; 0: written by people */
	uint64_t duration_s, containers, events; /* of all learning so far */
};

struct lz_profile;
struct lz_profile *lz_profile_new(const struct lz_profile_about *about, struct lz_err *err);
void lz_profile_free(struct lz_profile *p);
const struct lz_profile_about *lz_profile_about(const struct lz_profile *p);
/* What more is known of the image, and was seen: names that were empty are taken over, sums grow. */
int lz_profile_more(struct lz_profile *p, const struct lz_profile_about *more, struct lz_err *err);

/* 0; LZ_E_NOMEM. What is too much is counted as cut. */
int lz_profile_add(struct lz_profile *p, const struct lz_fact *f, struct lz_err *err);
/* All of `from`, its cuts too. */
int lz_profile_merge(struct lz_profile *p, const struct lz_profile *from, struct lz_err *err);
/* More than a few folders beside each other become one with "*": their names mean nothing. */
int lz_profile_settle(struct lz_profile *p, struct lz_err *err);
size_t lz_profile_count(const struct lz_profile *p, enum lz_fact_kind kind);
uint64_t lz_profile_cut(const struct lz_profile *p, enum lz_fact_kind kind);
/* Whether it holds the fact; a program without parent: by whomever it was started. */
bool lz_profile_has(struct lz_profile *p, const struct lz_fact *f);

/* --- judging ---------------------------------------------------------------------------------- */

enum lz_verdict {
	LZ_VERDICT_KNOWN,
	LZ_VERDICT_NEW,	  /* not in the profile, and not told before */
	LZ_VERDICT_AGAIN, /* … told before */
	LZ_VERDICT_HELD,  /* … too many this minute: counted */
	LZ_VERDICT_OPEN,  /* can't be said: this kind was cut when it was learnt */
};
enum { LZ_DEVIATIONS_A_MINUTE = 300, LZ_DEVIATIONS_TOLD = 10000 };

enum lz_verdict lz_profile_judge(struct lz_profile *p, const struct lz_fact *f, uint64_t now_ms);
/* How many were held back in a minute that is over; asked once for each, 0 otherwise. */
uint64_t lz_profile_held(struct lz_profile *p, uint64_t now_ms);
/* What `old` told is not told again: for a file that was read anew. */
void lz_profile_inherit(struct lz_profile *p, struct lz_profile *old);

/* --- files ------------------------------------------------------------------------------------ */

/* Appends the file's text: sorted, the same for the same content. Returns out->code. */
int lz_profile_write(const struct lz_profile *p, struct lz_buf *out);
/* `name` is the file's, for errors: "web.yaml:12:5: …". LZ_E_FORMAT, LZ_E_LIMIT, LZ_E_NOMEM. */
int lz_profile_read(struct lz_span name, struct lz_span text, struct lz_profile **ret,
		    struct lz_err *err);

/* All of a folder; each image has one file, named by its digest or id. */
struct lz_profiles;
struct lz_profiles *lz_profiles_new(const char *folder, struct lz_err *err);
void lz_profiles_free(struct lz_profiles *s);
/* Reads what is there. A file that is wrong is told to trouble(arg, …), and what was read of it
 * before stays. LZ_E_NOMEM, LZ_E_IO: the folder can't be read, nothing changed; a folder that is not
 * there is an empty one. */
int lz_profiles_load(struct lz_profiles *s, void (*trouble)(void *arg, const struct lz_err *err),
		     void *arg, struct lz_err *err);
/* Whether the files look different from when they were read. */
bool lz_profiles_changed(struct lz_profiles *s);
size_t lz_profiles_count(const struct lz_profiles *s);
/* By digest, else by id. NULL: none. */
struct lz_profile *lz_profiles_find(struct lz_profiles *s, struct lz_span digest,
				    struct lz_span id);
/* The file of a profile of this set; valid as long as the profile. */
const char *lz_profiles_path(const struct lz_profiles *s, const struct lz_profile *p);
/* Puts it into the set (which owns it from now on, also on failure); what was there for its image
 * goes. lz_profiles_save writes it to its file, whole or not at all. */
int lz_profiles_put(struct lz_profiles *s, struct lz_profile *p, struct lz_err *err);
int lz_profiles_save(struct lz_profiles *s, const struct lz_profile *p, struct lz_err *err);
void lz_profiles_each(struct lz_profiles *s, void (*each)(void *arg, struct lz_profile *p),
		      void *arg);
