/* SPDX-License-Identifier: MIT */
/* The keys that rules of mappings may have: one row of a table each, with what reads its value. */
#include "mapping_compile.h"
#include "mapping_run.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef bool read_fn(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule);

static bool key_rule(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    (void)compiler, (void)value, (void)rule;
    return true; /* read before the others */
}

static bool key_note(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    const char *note;
    (void)rule;
    return read_text(compiler, value, &note);
}

static bool key_if(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    return read_condition(compiler, value, &rule->condition);
}

static bool key_where(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    return read_condition(compiler, value, &rule->where);
}

static bool key_from(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    if (rule->kind != MAPPING_RENAME)
        return read_paths(compiler, value, &rule->from);
    rule->from.count = 1;
    return read_target(compiler, value, false, &rule->from.list);
}

static bool key_to(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    return read_target(compiler, value, true, &rule->to);
}

static bool key_in(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    return read_target(compiler, value, true, &rule->in);
}

static bool key_number_to(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    return read_target(compiler, value, false, &rule->number_to);
}

static bool key_at(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    return read_targets(compiler, value, &rule->at);
}

static bool key_value(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    (void)compiler;
    rule->value = value;
    return true;
}

static bool key_parts(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    return read_parts(compiler, value, rule);
}

static bool key_as(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    static const char *const names[] = {"any", "text", "number", "integer", "boolean"};
    const char *name = "";
    if (!read_text(compiler, value, &name))
        return false;
    for (unsigned i = 0; i < COUNT(names); i++)
        if (strcmp(name, names[i]) == 0) {
            rule->as = (enum mapping_type)i;
            return true;
        }
    return compiler_unknown(compiler, name, "a type", names, COUNT(names));
}

static bool read_count(struct compiler *compiler, const cJSON *value, int32_t least, uint32_t *out)
{
    int32_t number = 0;
    bool ok = read_number(compiler, value, least, MAPPING_ITEMS_MAX, &number);
    *out = (uint32_t)number;
    return ok;
}

static bool key_length_max(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    return read_count(compiler, value, 1, &rule->length_max);
}

static bool key_items_min(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    return read_count(compiler, value, 0, &rule->items_min);
}

static bool key_items_max(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    return read_count(compiler, value, 1, &rule->items_max);
}

static bool key_least(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    return read_number(compiler, value, -INT32_MAX, INT32_MAX, &rule->least);
}

static bool key_most(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    return read_number(compiler, value, -INT32_MAX, INT32_MAX, &rule->most);
}

static bool key_keep_empty(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    return read_flag(compiler, value, &rule->keeps_empty);
}

static bool key_required(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    return read_flag(compiler, value, &rule->is_required);
}

static bool key_to_utc(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    return read_flag(compiler, value, &rule->to_utc);
}

static bool key_lookup(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    return read_text(compiler, value, &rule->lookup);
}

static bool key_property(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    return read_words(compiler, value, &rule->property);
}

static bool read_pattern(struct compiler *compiler, const cJSON *value, const char **out)
{
    if (!read_text(compiler, value, out))
        return false;
    const char *why = mapping_date_check(*out);
    return !why || compiler_error(compiler, "\"%.60s\" %s", *out, why);
}

static bool key_read(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    return read_pattern(compiler, value, &rule->read);
}

static bool key_write(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    return read_pattern(compiler, value, &rule->write);
}

static bool key_rules(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    return read_rules(compiler, value, &rule->rules, "");
}

static bool key_else(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    return read_rules(compiler, value, &rule->otherwise, "else.");
}

/* Kinds of rules as bits. */
#define BIT(kind) (1u << MAPPING_##kind)
#define ALL_KINDS ((1u << MAPPING_KIND_COUNT) - 1)
#define SETTERS (BIT(COPY) | BIT(CONCATENATE) | BIT(DATE) | BIT(LOOKUP))
#define CONVERTERS (BIT(COPY) | BIT(LOOKUP))
#define FIXED (BIT(CONSTANT) | BIT(DEFAULT))

static const struct key {
    const char *name;
    uint32_t legal, needed; /* for which kinds */
    read_fn *read;
} keys[] = {
    {"rule", ALL_KINDS, ALL_KINDS, key_rule},
    {"note", ALL_KINDS, 0, key_note},
    {"if", ALL_KINDS, BIT(CONDITION), key_if},
    {"from", BIT(COPY) | BIT(DATE) | BIT(RENAME) | BIT(REPEAT),
     BIT(COPY) | BIT(DATE) | BIT(RENAME), key_from},
    {"to", SETTERS | FIXED | BIT(RENAME) | BIT(REPEAT), SETTERS | FIXED | BIT(RENAME), key_to},
    {"in", BIT(REPEAT), 0, key_in},
    {"at", BIT(REMOVE), BIT(REMOVE), key_at},
    {"value", FIXED, FIXED, key_value},
    {"default", SETTERS, 0, key_value},
    {"required", SETTERS | BIT(RENAME) | BIT(REPEAT), 0, key_required},
    {"as", CONVERTERS, 0, key_as},
    {"least", CONVERTERS, 0, key_least},
    {"most", CONVERTERS, 0, key_most},
    {"length_max", CONVERTERS | BIT(CONCATENATE), 0, key_length_max},
    {"keep_empty", BIT(COPY), 0, key_keep_empty},
    {"parts", BIT(CONCATENATE) | BIT(FAIL), BIT(CONCATENATE) | BIT(FAIL), key_parts},
    {"lookup", BIT(LOOKUP), BIT(LOOKUP), key_lookup},
    {"property", BIT(LOOKUP), 0, key_property},
    {"property_from", BIT(LOOKUP), 0, key_from},
    {"read", BIT(DATE), 0, key_read},
    {"write", BIT(DATE), BIT(DATE), key_write},
    {"to_utc", BIT(DATE), 0, key_to_utc},
    {"where", BIT(REPEAT), 0, key_where},
    {"number_to", BIT(REPEAT), 0, key_number_to},
    {"items_min", BIT(REPEAT), 0, key_items_min},
    {"items_max", BIT(REPEAT), 0, key_items_max},
    {"rules", BIT(REPEAT), BIT(REPEAT), key_rules},
    {"then", BIT(CONDITION), BIT(CONDITION), key_rules},
    {"else", BIT(CONDITION), 0, key_else},
};

bool read_key(struct compiler *compiler, const cJSON *member, struct mapping_rule *rule)
{
    const char *names[COUNT(keys)];
    char what[48];
    size_t count = 0;
    for (size_t i = 0; i < COUNT(keys); i++) {
        if (!(keys[i].legal & (1u << rule->kind)))
            continue;
        if (strcmp(member->string, keys[i].name) == 0) {
            compiler->key = keys[i].name;
            bool ok = keys[i].read(compiler, member, rule);
            compiler->key = NULL;
            return ok;
        }
        names[count++] = keys[i].name;
    }
    snprintf(what, sizeof what, "a key of the rule %s", mapping_kind_names[rule->kind]);
    return compiler_unknown(compiler, member->string, what, names, count);
}

static bool has_needed(struct compiler *compiler, const cJSON *value,
                       const struct mapping_rule *rule)
{
    for (size_t i = 0; i < COUNT(keys); i++)
        if (keys[i].needed & (1u << rule->kind) &&
            !cJSON_GetObjectItemCaseSensitive(value, keys[i].name))
            return compiler_error(compiler, "\"%s\" is missing", keys[i].name);
    return true;
}

/* What one key means for another. */
static bool agrees(struct compiler *compiler, const struct mapping_rule *rule)
{
    if (rule->kind == MAPPING_REPEAT && (rule->in ? rule->from.count || rule->to
                                                  : !rule->from.count || !rule->to))
        return compiler_error(compiler, "needs \"from\" and \"to\", or \"in\" alone to work on what "
                                        "the result has there");
    if (rule->in && (rule->number_to || rule->items_min || rule->items_max))
        return compiler_error(compiler, "\"number_to\", \"items_min\" and \"items_max\" need \"to\"");
    if (rule->kind == MAPPING_LOOKUP && (rule->property.count > 0) == (rule->from.count > 0))
        return compiler_error(compiler, "needs one of \"property\" and \"property_from\"");
    if (rule->as != MAPPING_INTEGER && (rule->least != -INT32_MAX || rule->most != INT32_MAX))
        return compiler_error(compiler, "\"least\" and \"most\" need \"as\": \"integer\"");
    if (rule->length_max && rule->as > MAPPING_TEXT)
        return compiler_error(compiler, "\"length_max\" is for texts, not for numbers");
    return rule->least <= rule->most ||
           compiler_error(compiler, "\"least\" is more than \"most\"");
}

bool check_keys(struct compiler *compiler, const cJSON *value, const struct mapping_rule *rule)
{
    return has_needed(compiler, value, rule) && agrees(compiler, rule);
}
