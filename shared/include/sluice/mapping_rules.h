/* SPDX-License-Identifier: MIT */
/*
 * What a mapping is compiled into: constant tables that mapping_apply walks. Whoever adds a key to
 * the language adds it here, to the table of keys in mapping_compile.c, and to mapping_table.c
 * (tools/), which writes these tables as C.
 */
#ifndef SLUICE_MAPPING_RULES_H
#define SLUICE_MAPPING_RULES_H
#include <stdbool.h>
#include <stdint.h>

#include "sluice/mapping.h"

/* X(enumerator, name in the document) */
#define MAPPING_KINDS(X)                                                                           \
    X(COPY, "copy")                                                                                \
    X(CONSTANT, "constant")                                                                        \
    X(DEFAULT, "default")                                                                          \
    X(CONCATENATE, "concatenate")                                                                  \
    X(DATE, "date")                                                                                \
    X(LOOKUP, "lookup")                                                                            \
    X(CONDITION, "condition")                                                                      \
    X(REMOVE, "remove")                                                                            \
    X(RENAME, "rename")                                                                            \
    X(REPEAT, "repeat")                                                                            \
    X(FAIL, "fail")

enum mapping_kind {
#define MAPPING_ENUMERATOR(enumerator, name) MAPPING_##enumerator,
    MAPPING_KINDS(MAPPING_ENUMERATOR)
#undef MAPPING_ENUMERATOR
    MAPPING_KIND_COUNT
};

/* What the values are turned into. */
enum mapping_type { MAPPING_ANY, MAPPING_TEXT, MAPPING_NUMBER, MAPPING_INTEGER, MAPPING_BOOLEAN };

/* Where a path begins. */
enum mapping_origin {
    MAPPING_ITEM,   /* "/a": what is being read: the message, in a repeat its current element */
    MAPPING_WHOLE,  /* "message:/a": the whole message */
    MAPPING_RESULT, /* "result:/a": what is being made: the result, in a repeat its new element */
};

#define MAPPING_NO_INDEX (-1)
#define MAPPING_APPEND (-2) /* "-": behind the last element */

struct mapping_token {
    const char *name;
    int32_t index; /* in an array, or one of the two above */
};

struct mapping_path {
    const char *text; /* as written */
    enum mapping_origin origin;
    uint32_t token_count;
    const struct mapping_token *tokens;
};

struct mapping_paths {
    uint32_t count;
    const struct mapping_path *list;
};

struct mapping_words {
    uint32_t count;
    const char *const *list;
};

/* What "is" asks for: bits. */
#define MAPPING_IS_PRESENT 1u
#define MAPPING_IS_MISSING 2u
#define MAPPING_IS_FILLED 4u
#define MAPPING_IS_TEXT 8u
#define MAPPING_IS_NUMBER 16u
#define MAPPING_IS_BOOLEAN 32u
#define MAPPING_IS_ARRAY 64u
#define MAPPING_IS_OBJECT 128u
#define MAPPING_IS_NULL 256u

enum mapping_test { MAPPING_VALUE, MAPPING_ALL, MAPPING_SOME, MAPPING_NOT };

struct mapping_condition {
    enum mapping_test test;
    bool ignores_case;
    uint32_t is; /* 0: not asked */
    uint32_t part_count;
    const struct mapping_condition *parts; /* of all other tests than MAPPING_VALUE */
    struct mapping_paths at;
    struct mapping_words equals, contains, begins, ends; /* count 0: not asked */
};

/* A piece of a text: a word, or a value. */
struct mapping_part {
    const char *text;          /* NULL: from */
    struct mapping_paths from;
    const char *default_text;  /* NULL: without the value there is no text */
};

struct mapping_rule;
struct mapping_rules {
    uint32_t count;
    const struct mapping_rule *list;
};

struct mapping_rule {
    enum mapping_kind kind;
    enum mapping_type as;
    uint32_t number;   /* counts all rules of the mapping from 0 */
    const char *label; /* "rule 3.2 (copy)" */
    const struct mapping_condition *condition; /* NULL: always */
    const struct mapping_condition *where;     /* of repeat; NULL: every element */
    struct mapping_paths from;
    struct mapping_paths at;             /* of remove */
    const struct mapping_path *to;       /* of repeat: NULL if it works in place, on in */
    const struct mapping_path *in;       /* of repeat */
    const struct mapping_path *number_to; /* of repeat; NULL: elements are not numbered */
    const cJSON *value;                  /* of constant; also the default of the others, or NULL */
    uint32_t part_count;
    const struct mapping_part *parts;
    const char *lookup;
    struct mapping_words property;
    const char *read, *write; /* date patterns; NULL: ISO 8601 */
    uint32_t length_max;      /* UTF-16 units of a text; 0: no limit */
    uint32_t items_min, items_max; /* items_max 0: MAPPING_ITEMS_MAX, and more are an error */
    int32_t least, most; /* of an integer */
    bool is_required, keeps_empty, to_utc;
    struct mapping_rules rules, otherwise;
};

struct mapping {
    bool starts_empty; /* else the result begins as a copy of the message */
    bool is_tolerant;  /* names are read without case and punctuation */
    uint32_t rule_count; /* those inside others included */
    struct mapping_rules rules;
};
#endif
