/* SPDX-License-Identifier: MIT */
/*
 * cJSON behind a bounded front: size and depth limits, errors with line and column, strict UTF-8,
 * duplicate keys and NUL characters (\u0000) refused, // and block comments accepted only where
 * asked. Thread-safe.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define JSON_DEPTH_MAX 64

enum json_style {
    JSON_STRICT,   /* RFC 8259: messages from outside */
    JSON_COMMENTS, /* configuration files: comments allowed */
};

/* Parses exactly one value. ERROR_INVALID says "<name>:<line>:<column>: ...". Caller owns the result
 * (cJSON_Delete). NULL on error. */
cJSON *json_parse(const char *text, size_t size, const char *name, enum json_style style,
                  struct error *err);

/* Whether text nests at most JSON_DEPTH_MAX deep, whatever else may be wrong with it. ERROR_INVALID as
 * json_parse has it. */
MUST_USE bool json_check_depth(const char *text, size_t size, const char *name, struct error *err);

/* file_read + json_parse; the file may hold at most 4 MiB. */
cJSON *json_read_file(const char *path, enum json_style style, struct error *err);

/* Over the text of a value that json_parse took with JSON_COMMENTS, for whoever must know where in a file a
 * value stands: behind blanks and comments; behind the string that begins at a quote. Both stop at a NUL. */
const char *json_skip_blank(const char *at);
const char *json_skip_string(const char *at);

/* Text of member key, or NULL if it is missing or not text. */
const char *json_text(const cJSON *object, const char *key);

/* Appends text as a JSON string with its quotes; invalid UTF-8 becomes U+FFFD. */
void json_append_text(struct buf *out, const char *text, size_t size);
#endif
