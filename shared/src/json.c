/* SPDX-License-Identifier: MIT */
/* JSON for flows; see json.h. */
#include "sluice/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void use_our_memory(void)
{
    static bool is_done;
    if (is_done)
        return;
    is_done = true;
    cJSON_Hooks hooks = {.malloc_fn = memory_new, .free_fn = free};
    cJSON_InitHooks(&hooks);
}

cJSON *json_object(void)
{
    use_our_memory();
    return cJSON_CreateObject();
}

cJSON *json_array(void)
{
    use_our_memory();
    return cJSON_CreateArray();
}

/* The deepest nesting, counted before parsing so that the parser's recursion is bounded. */
static unsigned depth_of(const char *bytes, size_t size)
{
    unsigned depth = 0, deepest = 0;
    bool in_string = false;
    for (size_t i = 0; i < size; i++) {
        char c = bytes[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '[' || c == '{'))
            deepest = ++depth > deepest ? depth : deepest;
        else if (!in_string && (c == ']' || c == '}') && depth > 0)
            depth--;
    }
    return deepest;
}

/* Written again it would be null. */
static bool has_infinity(const cJSON *value)
{
    if (cJSON_IsNumber(value) && isinf(value->valuedouble))
        return true;
    for (const cJSON *child = value->child; child; child = child->next)
        if (has_infinity(child))
            return true;
    return false;
}

cJSON *json_read(const char *bytes, size_t size, struct text *why)
{
    return json_read_nested(bytes, size, JSON_DEPTH_MAX, why);
}

cJSON *json_read_nested(const char *bytes, size_t size, unsigned depth_max, struct text *why)
{
    use_our_memory();
    if (size == 0) {
        text_set(why, "is empty");
        return NULL;
    }
    if (!utf8_is_valid(bytes, size) || memchr(bytes, '\0', size)) {
        text_set(why, "is not UTF-8 text");
        return NULL;
    }
    if (depth_of(bytes, size) > depth_max) {
        text_clear(why);
        text_add_format(why, "is nested deeper than %u levels", depth_max);
        return NULL;
    }
    struct text copy = {0}; /* cJSON wants the NUL to know that nothing follows */
    text_add_bytes(&copy, bytes, size);
    const char *end = NULL;
    cJSON *value = cJSON_ParseWithLengthOpts(copy.data, size + 1, &end, true);
    if (!value) {
        text_clear(why);
        text_add_format(why, "is not JSON: near byte %u",
                        end ? (unsigned)(end - copy.data) + 1 : 1u);
    }
    text_release(&copy);
    if (value && has_infinity(value)) {
        text_set(why, "holds a number that is too large");
        cJSON_Delete(value);
        return NULL;
    }
    return value;
}

const cJSON *json_member(const cJSON *object, const char *name)
{
    if (!cJSON_IsObject(object))
        return NULL;
    for (const cJSON *member = object->child; member; member = member->next)
        if (name_is_same(member->string, name))
            return member;
    return NULL;
}

bool json_value_text(const cJSON *value, struct text *out)
{
    if (cJSON_IsString(value))
        text_add(out, value->valuestring);
    else if (cJSON_IsBool(value))
        text_add(out, cJSON_IsTrue(value) ? "true" : "false");
    else if (cJSON_IsNumber(value) && value->valuedouble > -1e15 && value->valuedouble < 1e15 &&
             value->valuedouble == (double)(int64_t)value->valuedouble)
        text_add_format(out, "%" PRId64, (int64_t)value->valuedouble);
    else if (cJSON_IsNumber(value))
        json_print(value, out);
    else
        return false;
    return true;
}

bool json_member_text(const cJSON *object, const char *name, struct text *out)
{
    size_t before = out->size;
    return json_value_text(json_member(object, name), out) && out->size > before;
}

void json_add_text(cJSON *object, const char *name, const char *value)
{
    if (utf8_is_valid(value, strlen(value))) {
        cJSON_AddStringToObject(object, name, value);
        return;
    }
    struct text clean = {0};
    text_add_printable(&clean, value, strlen(value));
    cJSON_AddStringToObject(object, name, text_string(&clean));
    text_release(&clean);
}

void json_add_count(cJSON *object, const char *name, uint64_t value)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, value);
    cJSON_AddRawToObject(object, name, digits);
}

void json_print(const cJSON *value, struct text *out)
{
    char *printed = cJSON_PrintUnformatted(value);
    if (!printed)
        return;
    text_add(out, printed);
    free(printed);
}
