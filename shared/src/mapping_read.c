/* SPDX-License-Identifier: MIT */
/* Values that the keys of a mapping may have; see mapping_compile.h. */
#include "mapping_compile.h"
#include "mapping_run.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool read_text(struct compiler *compiler, const cJSON *value, const char **out)
{
    if (!cJSON_IsString(value))
        return compiler_error(compiler, "must be a text");
    *out = value->valuestring;
    return true;
}

bool read_flag(struct compiler *compiler, const cJSON *value, bool *out)
{
    if (!cJSON_IsBool(value))
        return compiler_error(compiler, "must be true or false");
    *out = cJSON_IsTrue(value);
    return true;
}

bool read_number(struct compiler *compiler, const cJSON *value, int32_t least, int32_t most,
                 int32_t *out)
{
    if (!cJSON_IsNumber(value) || !(value->valuedouble >= least && value->valuedouble <= most) ||
        value->valuedouble != (double)(int32_t)value->valuedouble)
        return compiler_error(compiler, "must be a whole number from %d to %d", (int)least,
                              (int)most);
    *out = (int32_t)value->valuedouble;
    return true;
}

/* The first of the values in a list, or the one value; *count: how many there are. */
static const cJSON *first_of(const cJSON *value, uint32_t *count)
{
    if (!cJSON_IsArray(value)) {
        *count = 1;
        return value;
    }
    *count = (uint32_t)cJSON_GetArraySize(value);
    return value->child;
}

static const cJSON *next_of(const cJSON *list, const cJSON *item)
{
    return cJSON_IsArray(list) ? item->next : NULL;
}

bool read_words(struct compiler *compiler, const cJSON *value, struct mapping_words *out)
{
    const cJSON *item = first_of(value, &out->count);
    if (!item)
        return compiler_error(compiler, "must not be an empty list");
    const char **list = compiler_keep(compiler, out->count * sizeof *list);
    out->list = list;
    for (; item; item = next_of(value, item)) {
        struct text word = {0};
        if (!json_value_text(item, &word))
            return compiler_error(compiler, "must be a text, a number, true, false, or a list of "
                                            "such");
        *list++ = compiler_copy(compiler, text_string(&word), word.size);
        text_release(&word);
    }
    return true;
}

/* ---- paths -------------------------------------------------------------------------------- */

static bool read_path(struct compiler *compiler, const cJSON *value, struct mapping_path *out)
{
    const char *text = "", *why = "";
    if (!read_text(compiler, value, &text))
        return false;
    struct mapping_token *tokens =
        compiler_keep(compiler, MAPPING_TOKENS_MAX * sizeof *tokens);
    return mapping_path_parse(text, out, tokens, compiler_copy, compiler, &why) ||
           compiler_error(compiler, "\"%s\" %s", text, why);
}

typedef bool read_path_fn(struct compiler *compiler, const cJSON *value, struct mapping_path *out);

static bool read_list(struct compiler *compiler, const cJSON *value, read_path_fn *read,
                      struct mapping_paths *out)
{
    const cJSON *item = first_of(value, &out->count);
    if (!item)
        return compiler_error(compiler, "must not be an empty list");
    struct mapping_path *list = compiler_keep(compiler, out->count * sizeof *list);
    out->list = list;
    for (; item; item = next_of(value, item))
        if (!read(compiler, item, list++))
            return false;
    return true;
}

bool read_paths(struct compiler *compiler, const cJSON *value, struct mapping_paths *out)
{
    return read_list(compiler, value, read_path, out);
}

/* Targets are always in the result, so that no word before them is needed. */
static bool read_target_path(struct compiler *compiler, const cJSON *value,
                             struct mapping_path *out)
{
    if (!read_path(compiler, value, out))
        return false;
    if (out->origin != MAPPING_ITEM)
        return compiler_error(compiler, "\"%s\" is always a place in the result: leave out "
                                        "what is before the '/'", out->text);
    out->origin = MAPPING_RESULT;
    return true;
}

bool read_target(struct compiler *compiler, const cJSON *value, bool with_root,
                 const struct mapping_path **out)
{
    struct mapping_path *path = compiler_keep(compiler, sizeof *path);
    *out = path;
    if (!read_target_path(compiler, value, path))
        return false;
    return with_root || path->token_count > 0 ||
           compiler_error(compiler, "\"\" is the whole result, which cannot be taken away");
}

bool read_targets(struct compiler *compiler, const cJSON *value, struct mapping_paths *out)
{
    if (!read_list(compiler, value, read_target_path, out))
        return false;
    for (uint32_t i = 0; i < out->count; i++)
        if (out->list[i].token_count == 0)
            return compiler_error(compiler, "\"\" is the whole result, which cannot be taken away");
    return true;
}

/* ---- conditions --------------------------------------------------------------------------- */

static const char *const is_names[] = {"present", "missing", "filled", "text", "number",
                                       "boolean", "array",   "object", "null"};
_Static_assert(1u << (COUNT(is_names) - 1) == MAPPING_IS_NULL, "in the order of the bits");

static bool read_is(struct compiler *compiler, const cJSON *value, uint32_t *out)
{
    uint32_t count;
    for (const cJSON *item = first_of(value, &count); item; item = next_of(value, item)) {
        const char *name = "";
        size_t i = 0;
        if (!read_text(compiler, item, &name))
            return false;
        while (i < COUNT(is_names) && strcmp(name, is_names[i]) != 0)
            i++;
        if (i == COUNT(is_names))
            return compiler_unknown(compiler, name, "what \"is\" may ask", is_names,
                                    COUNT(is_names));
        *out |= 1u << i;
    }
    return *out || compiler_error(compiler, "must not be an empty list");
}

static bool read_test(struct compiler *compiler, const cJSON *value,
                      struct mapping_condition *condition);

/* "all", "any": a list; "not": one. */
static bool read_tests(struct compiler *compiler, const cJSON *value,
                       struct mapping_condition *condition)
{
    uint32_t count;
    const cJSON *item = first_of(value, &count);
    if ((condition->test == MAPPING_NOT) == cJSON_IsArray(value) || !item)
        return compiler_error(compiler, condition->test == MAPPING_NOT
                                            ? "\"not\" must have one condition, no list"
                                            : "\"all\" and \"any\" must have a list of conditions");
    struct mapping_condition *parts = compiler_keep(compiler, count * sizeof *parts);
    condition->parts = parts;
    condition->part_count = count;
    bool ok = ++compiler->depth <= MAPPING_DEPTH_MAX ||
              compiler_error(compiler, "has conditions inside conditions more than %d deep",
                             MAPPING_DEPTH_MAX);
    for (; ok && item; item = next_of(value, item))
        ok = read_test(compiler, item, parts++);
    compiler->depth--;
    return ok;
}

static const char *const test_keys[] = {"all",      "any",    "not",  "at",         "is", "equals",
                                        "contains", "begins", "ends", "ignore_case"};

static bool read_test_key(struct compiler *compiler, const cJSON *member,
                          struct mapping_condition *condition)
{
    struct mapping_words *const words[] = {&condition->equals, &condition->contains,
                                           &condition->begins, &condition->ends};
    size_t i = 0;
    while (i < COUNT(test_keys) && strcmp(member->string, test_keys[i]) != 0)
        i++;
    if (i == COUNT(test_keys))
        return compiler_unknown(compiler, member->string, "a key of a condition", test_keys,
                                COUNT(test_keys));
    if (i < 3) {
        condition->test = i == 0 ? MAPPING_ALL : i == 1 ? MAPPING_SOME : MAPPING_NOT;
        return read_tests(compiler, member, condition);
    }
    if (i == 3)
        return read_paths(compiler, member, &condition->at);
    if (i == 4)
        return read_is(compiler, member, &condition->is);
    if (i == 9)
        return read_flag(compiler, member, &condition->ignores_case);
    return read_words(compiler, member, words[i - 5]);
}

static bool read_test(struct compiler *compiler, const cJSON *value,
                      struct mapping_condition *condition)
{
    if (!cJSON_IsObject(value) || !value->child)
        return compiler_error(compiler, "must be a condition, as {\"at\": \"/path\", \"is\": "
                                        "\"filled\"}");
    if (!compiler_no_doubles(compiler, value))
        return false;
    for (const cJSON *member = value->child; member; member = member->next)
        if (!read_test_key(compiler, member, condition))
            return false;
    bool asks = condition->is || condition->equals.count || condition->contains.count ||
                condition->begins.count || condition->ends.count;
    if (condition->test != MAPPING_VALUE && value->child->next)
        return compiler_error(compiler, "\"all\", \"any\" and \"not\" stand alone in a condition");
    return condition->test != MAPPING_VALUE || (condition->at.count && asks) ||
           compiler_error(compiler, "a condition needs \"at\" and one of \"is\", \"equals\", "
                                    "\"contains\", \"begins\", \"ends\"");
}

bool read_condition(struct compiler *compiler, const cJSON *value,
                    const struct mapping_condition **out)
{
    struct mapping_condition *condition = compiler_keep(compiler, sizeof *condition);
    uint32_t depth = compiler->depth;
    *out = condition;
    compiler->depth = 0; /* conditions and rules are counted apart */
    bool ok = read_test(compiler, value, condition);
    compiler->depth = depth;
    return ok;
}

/* ---- parts of a text ---------------------------------------------------------------------- */

static bool read_part(struct compiler *compiler, const cJSON *value, struct mapping_part *part)
{
    static const char *const keys[] = {"from", "default"};
    if (cJSON_IsString(value))
        return read_text(compiler, value, &part->text);
    if (!cJSON_IsObject(value))
        return compiler_error(compiler, "must be a list of texts and {\"from\": \"/path\"}");
    for (const cJSON *member = value->child; member; member = member->next) {
        bool is_from = strcmp(member->string, keys[0]) == 0;
        if (!is_from && strcmp(member->string, keys[1]) != 0)
            return compiler_unknown(compiler, member->string, "a key of a part", keys, COUNT(keys));
        if (is_from ? !read_paths(compiler, member, &part->from)
                    : !read_text(compiler, member, &part->default_text))
            return false;
    }
    return (part->from.count && compiler_no_doubles(compiler, value)) ||
           compiler_error(compiler, "a part that is no text needs \"from\", once");
}

bool read_parts(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    if (!cJSON_IsArray(value) || !value->child)
        return compiler_error(compiler, "must be a list of texts and {\"from\": \"/path\"}");
    const cJSON *item = first_of(value, &rule->part_count);
    struct mapping_part *parts = compiler_keep(compiler, rule->part_count * sizeof *parts);
    rule->parts = parts;
    for (; item; item = item->next)
        if (!read_part(compiler, item, parts++))
            return false;
    return true;
}
