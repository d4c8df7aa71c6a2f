/* SPDX-License-Identifier: MIT */
/*
 * A YAML 1.2 document as it grows: block style, two spaces a level, texts always in double quotes,
 * so that no value is taken for something else. Not thread-safe.
 */
#ifndef CLI_YAML_H
#define CLI_YAML_H
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct yaml {
    struct buf text;
    int depth;
    bool has_dash; /* the next line begins a list's item */
};

void yaml_init(struct yaml *yaml);
void yaml_comment(struct yaml *yaml, const char *text);
void yaml_document(struct yaml *yaml); /* begins another one in the same file */

/* key is a plain word, or NULL inside a list. */
void yaml_text(struct yaml *yaml, const char *key, const char *value);
void yaml_number(struct yaml *yaml, const char *key, int64_t value);
void yaml_flag(struct yaml *yaml, const char *key, bool value);
/* A value of an enumeration, or an empty collection such as "{}", as it is. */
void yaml_word(struct yaml *yaml, const char *key, const char *word);

/* What follows is inside until yaml_close. */
void yaml_open(struct yaml *yaml, const char *key); /* a mapping, or a list */
void yaml_item(struct yaml *yaml);                  /* a mapping as a list's item */
void yaml_close(struct yaml *yaml);
#endif
