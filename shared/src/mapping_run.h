/* SPDX-License-Identifier: MIT */
/*
 * What the files that apply a mapping share: the state of one application, and its steps.
 */
#ifndef MAPPING_RUN_H
#define MAPPING_RUN_H
#include "sluice/mapping_rules.h"

/* Rules being applied. */
struct mapping_run {
    const struct mapping *mapping;
    const struct mapping_input *input;
    struct mapping_report *report;
    cJSON **looked_up; /* by number of the rule: a lookup's value, asked for once */
    uint32_t steps;
    size_t size; /* of what was put into the result, about */
};

/* What paths are relative to. */
struct mapping_frame {
    const cJSON *item; /* NULL: an element that was made from nothing */
    cJSON *result;
    uint32_t depth;  /* of result */
    bool is_live;    /* item is part of the result and may change under the rules */
};

/* Parses a path. false: *why says what is wrong with it. tokens has room for MAPPING_TOKENS_MAX;
 * names are copies made by copy. */
bool mapping_path_parse(const char *text, struct mapping_path *path, struct mapping_token *tokens,
                        char *(*copy)(void *context, const char *bytes, size_t size),
                        void *context, const char **why);

/* The value at path; NULL: there is none. Borrowed. */
const cJSON *mapping_find(const struct mapping_run *run, const struct mapping_frame *frame,
                          const struct mapping_path *path);

/* The first value of paths that is filled (there, and neither null nor empty), or with
 * MAPPING_EMPTY_TOO just there; with MAPPING_PLAIN_ONLY arrays and objects are passed over. NULL:
 * none. *used (may be NULL) is the path of it, else the first one. */
#define MAPPING_EMPTY_TOO 1u
#define MAPPING_PLAIN_ONLY 2u
const cJSON *mapping_first(const struct mapping_run *run, const struct mapping_frame *frame,
                           const struct mapping_paths *paths, unsigned wanted,
                           const struct mapping_path **used);

bool mapping_is_filled(const cJSON *value);

/* Puts value, which it takes, at path below frame->result, making objects and arrays on the way.
 * false: report says why. */
bool mapping_set(struct mapping_run *run, const struct mapping_frame *frame,
                 const struct mapping_rule *rule, const struct mapping_path *path, cJSON *value);

/* Takes the value at path, which has a token, out of frame->result; NULL: there is none. For
 * cJSON_Delete. */
cJSON *mapping_take(const struct mapping_frame *frame, const struct mapping_path *path);

/* The array at path, made if there is none; NULL: report says why. */
cJSON *mapping_array(struct mapping_run *run, const struct mapping_frame *frame,
                     const struct mapping_rule *rule, const struct mapping_path *path);

bool mapping_test(const struct mapping_run *run, const struct mapping_frame *frame,
                  const struct mapping_condition *condition);

/* A new value: value as the rule wants it ("as", "length_max", ...). NULL: it cannot be, and why
 * says so, in words that follow the value's path. */
cJSON *mapping_convert(const struct mapping_rule *rule, const cJSON *value, struct text *why);

/* Reads text by one pattern and appends it by another. false: why says what is wrong. */
bool mapping_date(const char *text, const char *read, const char *write, bool to_utc,
                  struct text *out, struct text *why);
/* NULL, or what is wrong with a pattern. */
const char *mapping_date_check(const char *pattern);

/* Puts value, taken, where the rule says, or what stands in for it where it is NULL. missing: what
 * has no value, for the error of a rule that requires one. */
bool mapping_finish(struct mapping_run *run, const struct mapping_frame *frame,
                    const struct mapping_rule *rule, cJSON *value, const char *missing);

/* The rules, one function each. false: report says why. */
typedef bool mapping_apply_fn(struct mapping_run *run, const struct mapping_frame *frame,
                              const struct mapping_rule *rule);
mapping_apply_fn mapping_apply_copy, mapping_apply_constant, mapping_apply_default, mapping_apply_concatenate, mapping_apply_fail, mapping_apply_date, mapping_apply_lookup, mapping_apply_remove, mapping_apply_rename, mapping_apply_condition, mapping_apply_repeat;

/* All of them, in their order. */
bool mapping_apply_rules(struct mapping_run *run, const struct mapping_frame *frame,
                         const struct mapping_rules *rules);

/* Counts one application of a rule, or one element of a repeat. */
bool mapping_count_step(struct mapping_run *run, const struct mapping_rule *rule);

/* What the least value and what separates it take in the result, in bytes. */
#define MAPPING_NODE_SIZE 2u

/* Ends the application: sets report, returns false. */
bool mapping_stop(struct mapping_run *run, const struct mapping_rule *rule,
                  enum mapping_failure failure, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Counts value towards the limits; depth is where it will be. */
bool mapping_count(struct mapping_run *run, const struct mapping_rule *rule, const cJSON *value,
                   uint32_t depth);
#endif
