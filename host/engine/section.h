/* SPDX-License-Identifier: MIT */
/*
 * The sections of a module's file, for what travels in custom ones (manifest, signature). No judgement: that
 * is the verifier's. Pure, thread-safe.
 */
#ifndef ENGINE_SECTION_H
#define ENGINE_SECTION_H
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define SECTION_MODULE_HEAD 8u /* bytes before the first section */

struct section {
    const char *begin, *end; /* the whole of it */
    const char *content;     /* of a custom one: what is behind its name */
    const char *name;        /* of a custom one, name_size bytes; else NULL */
    size_t name_size;
};

/* The section at *at, which moves behind it; false at the end and where the bytes are no section. */
bool section_next(const char **at, const char *end, struct section *out);
bool section_is_named(const struct section *section, const char *name);

/* Appends a custom section. */
void section_append(struct buf *module, const char *name, const void *content, size_t size);
#endif
