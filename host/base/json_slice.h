/* SPDX-License-Identifier: MIT */
/*
 * The very bytes of a part of a JSON text, for what is passed on: printing a parsed value again
 * would change numbers of more than 15 digits. Pure, thread-safe.
 */
#ifndef BASE_JSON_SLICE_H
#define BASE_JSON_SLICE_H
#include <stdbool.h>
#include <stddef.h>

struct json_slice {
    const char *text; /* borrowed from the whole; no white space around it */
    size_t size;
};

/* The value of member key of the object that text is; text has been taken by json_parse without
 * comments. False: no object, or no such member (a name written with escapes is none). */
bool json_slice_member(const char *text, size_t size, const char *key, struct json_slice *out);
#endif
