/* SPDX-License-Identifier: MIT */
/*
 * What the files that compile a mapping share: memory that lives as long as the tables, errors with
 * their place, and readers of the values that keys may have. A reader returns false after it told
 * what is wrong.
 */
#ifndef MAPPING_COMPILE_H
#define MAPPING_COMPILE_H
#include "sluice/mapping_rules.h"

struct compiler {
    struct text *errors;
    uint32_t error_count;
    void *blocks;
    const char *label; /* what errors are told of: "rule 3 (copy)" */
    const char *key;   /* the key being read, or NULL */
    uint32_t rule_count;
    uint32_t depth; /* of rules inside rules, or of conditions */
};

/* Zeroed memory that mapping_release gives back. */
void *compiler_keep(struct compiler *compiler, size_t size);
char *compiler_copy(void *compiler, const char *bytes, size_t size);

/* One error, as printf; always returns false. */
bool compiler_error(struct compiler *compiler, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The error that given is none of names, of which the nearest is proposed. */
bool compiler_unknown(struct compiler *compiler, const char *given, const char *what,
                      const char *const *names, size_t count);

/* Whether no member of object is there twice. */
bool compiler_no_doubles(struct compiler *compiler, const cJSON *object);

extern const char *const mapping_kind_names[MAPPING_KIND_COUNT];

/* A list of rules; branch comes before their numbers in errors: "" or "else.". */
bool read_rules(struct compiler *compiler, const cJSON *value, struct mapping_rules *out,
                const char *branch);

/* One member of a rule, whose kind is known; then whether all that are needed are there and fit. */
bool read_key(struct compiler *compiler, const cJSON *member, struct mapping_rule *rule);
bool check_keys(struct compiler *compiler, const cJSON *value, const struct mapping_rule *rule);

bool read_text(struct compiler *compiler, const cJSON *value, const char **out);
bool read_flag(struct compiler *compiler, const cJSON *value, bool *out);
bool read_number(struct compiler *compiler, const cJSON *value, int32_t least, int32_t most,
                 int32_t *out);
bool read_words(struct compiler *compiler, const cJSON *value, struct mapping_words *out);

/* Paths to read from: one, or a list. */
bool read_paths(struct compiler *compiler, const cJSON *value, struct mapping_paths *out);

/* A path in the result, and a list of such; with_root: "" is one. */
bool read_target(struct compiler *compiler, const cJSON *value, bool with_root,
                 const struct mapping_path **out);
bool read_targets(struct compiler *compiler, const cJSON *value, struct mapping_paths *out);

bool read_condition(struct compiler *compiler, const cJSON *value,
                    const struct mapping_condition **out);
bool read_parts(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule);
#endif
