/* SPDX-License-Identifier: MIT */
/*
 * Customisations: WASI programs and mappings of a tenant at the extension points of a flow. A set is
 * what one flow has; an execution holds the set that it began with. Immutable once it is made; held by
 * count, thread-safe.
 */
#ifndef CAPABILITY_FILTER_H
#define CAPABILITY_FILTER_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "engine/module.h"

#define FILTER_DIGEST_SIZE 65
#define FILTER_SETS_TEXT_MAX 65536u /* bytes of a set as text */

struct filter {
    char *point; /* "message" */
    char *name;  /* of its file: "message.10-mask.wasm", "mapping.json" */
    char digest[FILTER_DIGEST_SIZE]; /* SHA-256 of the file */
    char signer[64]; /* the trusted key that signed it; "": none, or it was not asked */
    struct module *module; /* of the cache that opened it; NULL: it cannot be used, see problem */
    const char *mapping;   /* the document of a mapping; borrowed as module; NULL: it is a program */
    struct error problem;
};

struct filter_set {
    atomic_uint holders;
    char *flow; /* identifier */
    struct filter *filters; /* in the order they run in, points apart */
    size_t count;
};

/* An empty set, held once; NULL: no memory. */
struct filter_set *filter_set_new(const char *flow);
struct filter_set *filter_set_hold(struct filter_set *set); /* NULL is fine: gives NULL */
void filter_set_release(struct filter_set *set);            /* NULL is fine */

/* Room for one more behind the others, with point and name copied and everything else zero. NULL: no
 * memory. Before the set is shared. */
struct filter *filter_set_add(struct filter_set *set, const char *point, const char *name);

/* The filter behind previous (NULL: the first) at point; NULL: there is none. set may be NULL. */
const struct filter *filter_next(const struct filter_set *set, const char *point,
                                 const struct filter *previous);

/* A line "FLOW POINT NAME DIGEST" for each filter at point (NULL: all); of one that cannot be used the
 * digest is all zeros. set may be NULL. */
void filter_set_text(const struct filter_set *set, const char *point, struct buf *out);

/* One such line, cut into its words (they are NUL-terminated in *line). Moves *text behind it; false: no
 * further line, or (with *text not at the end) a damaged one. */
struct filter_line {
    char words[1024];
    const char *flow, *point, *name, *digest;
};
bool filter_line_next(const char **text, struct filter_line *line);
#endif
