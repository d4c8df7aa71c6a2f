/* SPDX-License-Identifier: MIT */
/*
 * Version numbers as integrations carry them: "01.23.3000" is major, minor, patch. Leading zeros do
 * not count. Pure functions, thread-safe.
 */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H
#include <stdbool.h>
#include <stddef.h>

#define VERSION_PARTS_MAX 3
#define VERSION_DIGITS_MAX 6 /* of one part */

struct version {
    unsigned parts[VERSION_PARTS_MAX]; /* what is not told is 0 */
    size_t count;                      /* 2 or 3: "1.23" or "1.23.3000" */
};

/* False: not two or three numbers with dots between them. */
bool version_parse(const char *text, size_t size, struct version *out);

/* Below 0: a is the older one; 0: the same ("1.0" is "01.00.0000"). */
int version_compare(const struct version *a, const struct version *b);

/* Whether version is what asked names: asked's parts are its first ones. */
bool version_covers(const struct version *asked, const struct version *version);
#endif
