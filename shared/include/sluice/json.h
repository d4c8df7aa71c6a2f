/* SPDX-License-Identifier: MIT */
/*
 * JSON for flows: cJSON (<cJSON.h>) with bounds for what comes from outside, member names that
 * tolerate the spellings in use, and out-of-memory as in text.h (so cJSON's functions for building
 * never return NULL once json_object, json_array or json_read was called).
 */
#ifndef SLUICE_JSON_H
#define SLUICE_JSON_H
#include <cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "sluice/text.h"

/* Brackets inside brackets in a message; deeper ones are refused. */
#define JSON_DEPTH_MAX 32

cJSON *json_object(void);
cJSON *json_array(void);

/* Parses one JSON value with nothing behind it. NULL: *why says what is wrong, in words that follow
 * "the message" ("is not JSON: near byte 17"). The caller frees with cJSON_Delete, or never. */
cJSON *json_read(const char *bytes, size_t size, struct text *why);
/* The same with another depth than JSON_DEPTH_MAX, for messages that are wrapped in something. */
cJSON *json_read_nested(const char *bytes, size_t size, unsigned depth_max, struct text *why);

/* The first member whose name is the same without case and punctuation; NULL: none, or object is
 * not an object (NULL included). Borrowed. */
const cJSON *json_member(const cJSON *object, const char *name);

/* A string as it is, a number or a boolean in its JSON form, appended to out. false, and nothing
 * appended, for anything else (NULL included). */
bool json_value_text(const cJSON *value, struct text *out);

/* The same for a member; false if it is absent, of another type or empty. */
bool json_member_text(const cJSON *object, const char *name, struct text *out);

/* Adds a string member; what is not UTF-8 in value becomes '?'. */
void json_add_text(cJSON *object, const char *name, const char *value);

/* Adds an integer member of any size (cJSON's numbers are exact up to 2^53 only). */
void json_add_count(cJSON *object, const char *name, uint64_t value);

/* Appends the value without white space. */
void json_print(const cJSON *value, struct text *out);
#endif
