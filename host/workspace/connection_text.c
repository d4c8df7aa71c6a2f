/* SPDX-License-Identifier: MIT */
/* A walk over JSON text with comments; see connection_text.h. */
#include "workspace/connection_text.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "base/json.h"

/* A part of the text. */
struct span {
    const char *start, *end;
};

/* Brackets are counted, not nested calls: depth is outside's. */
static const char *skip_value(const char *at)
{
    size_t depth = 0;
    do {
        at = json_skip_blank(at);
        if (*at == '"') {
            at = json_skip_string(at);
        } else if (*at == '{' || *at == '[') {
            depth++;
            at++;
        } else if (*at == '}' || *at == ']') {
            depth -= depth > 0;
            at++;
        } else if (*at == ',' || *at == ':') {
            at++;
        } else if (*at) {
            size_t size = strcspn(at, " \t\r\n,:]}/\"");
            at += size ? size : 1;
        }
    } while (depth > 0 && *at);
    return at;
}

static bool is_name(struct span token, const char *name)
{
    cJSON *string = cJSON_ParseWithLength(token.start, (size_t)(token.end - token.start));
    const char *value = cJSON_GetStringValue(string);
    bool same = value && strcmp(value, name) == 0;
    cJSON_Delete(string);
    return same;
}

/* The value of the member of that name in the object at `at` (its '{'). False: there is none. */
static bool find_member(const char *at, const char *name, struct span *value)
{
    at = json_skip_blank(at + 1);
    while (*at == '"') {
        struct span token = {at, json_skip_string(at)};
        at = json_skip_blank(token.end);
        value->start = json_skip_blank(at + (*at == ':'));
        value->end = skip_value(value->start);
        if (is_name(token, name))
            return true;
        at = json_skip_blank(value->end);
        at = json_skip_blank(at + (*at == ','));
    }
    return false;
}

/* Between the brace and the first member lies what new members are set off with. */
static void append_new_member(struct buf *out, const char *brace, const char *key, const char *value)
{
    size_t lead = strspn(brace + 1, " \t\r\n");
    bool is_empty = *json_skip_blank(brace + 1) == '}';
    buf_append(out, brace + 1, lead);
    buf_printf(out, "\"%s\": %s%s", key, value, is_empty ? "" : ",");
}

static bool take_over(struct buf *text, struct buf *changed, struct error *err)
{
    if (changed->failed) {
        buf_release(changed);
        return error_set(err, ERROR_LIMIT, "connections.json would be larger than %zu bytes",
                         text->size_max);
    }
    buf_release(text);
    *text = *changed;
    return true;
}

bool connection_text_set(struct buf *text, const char *connection, const char *key,
                         const char *value, struct error *err)
{
    struct span object, old;
    struct buf changed;
    const char *whole = buf_text(text), *root = json_skip_blank(whole);
    if (*root != '{' || !find_member(root, connection, &object) || *object.start != '{')
        return error_set(err, ERROR_NOT_FOUND, "no connection is called '%.128s'", connection);
    buf_init(&changed, text->size_max);
    if (find_member(object.start, key, &old)) {
        buf_append(&changed, whole, (size_t)(old.start - whole));
        buf_append_text(&changed, value);
        buf_append_text(&changed, old.end);
    } else {
        buf_append(&changed, whole, (size_t)(object.start + 1 - whole));
        append_new_member(&changed, object.start, key, value);
        buf_append_text(&changed, object.start + 1);
    }
    return take_over(text, &changed, err);
}
