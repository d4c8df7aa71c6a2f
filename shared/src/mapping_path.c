/* SPDX-License-Identifier: MIT */
/* Paths of mappings: JSON Pointers (RFC 6901) that are read, made and emptied. */
#include <string.h>

#include "mapping_run.h"

/* ---- parsing ------------------------------------------------------------------------------ */

/* An array index as RFC 6901 has it: no leading zeros. */
static int32_t index_of(const char *name)
{
    int32_t index = 0;
    if (strcmp(name, "-") == 0)
        return MAPPING_APPEND;
    if (!*name || strlen(name) > 8 || (name[0] == '0' && name[1]))
        return MAPPING_NO_INDEX;
    for (const char *at = name; *at; at++) {
        if (*at < '0' || *at > '9')
            return MAPPING_NO_INDEX;
        index = index * 10 + (*at - '0');
    }
    return index;
}

/* "~1" is '/', "~0" is '~'; false: another '~'. */
static bool unescape(char *name)
{
    char *out = name;
    for (const char *in = name; *in; in++) {
        if (*in == '~' && in[1] != '0' && in[1] != '1')
            return false;
        *out++ = *in != '~' ? *in : *++in == '0' ? '~' : '/';
    }
    *out = '\0';
    return true;
}

static const char *skip_origin(const char *text, enum mapping_origin *origin)
{
    static const struct {
        const char *name;
        enum mapping_origin origin;
    } origins[] = {{"message:", MAPPING_WHOLE}, {"result:", MAPPING_RESULT}};
    *origin = MAPPING_ITEM;
    for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++) {
        size_t size = strlen(origins[i].name);
        if (strncmp(text, origins[i].name, size) == 0) {
            *origin = origins[i].origin;
            return text + size;
        }
    }
    return text;
}

bool mapping_path_parse(const char *text, struct mapping_path *path, struct mapping_token *tokens,
                        char *(*copy)(void *context, const char *bytes, size_t size),
                        void *context, const char **why)
{
    *path = (struct mapping_path){.text = text, .tokens = tokens};
    const char *at = skip_origin(text, &path->origin);
    if (*at && *at != '/') {
        *why = "is no path: a path is \"\" or begins with '/' (also behind \"message:\" and "
               "\"result:\")";
        return false;
    }
    while (*at) {
        size_t size = strcspn(++at, "/");
        if (path->token_count == MAPPING_TOKENS_MAX) {
            *why = "has more parts than a path may have (16)";
            return false;
        }
        char *name = copy(context, at, size);
        if (!unescape(name)) {
            *why = "has a '~' that is neither ~0 (for '~') nor ~1 (for '/')";
            return false;
        }
        tokens[path->token_count++] = (struct mapping_token){name, index_of(name)};
        at += size;
    }
    return true;
}
_Static_assert(MAPPING_TOKENS_MAX == 16, "the error text above says so");

/* ---- reading ------------------------------------------------------------------------------ */

static cJSON *element_of(const cJSON *array, int32_t index)
{
    return index < 0 ? NULL : cJSON_GetArrayItem(array, index);
}

/* What the token names below node. cJSON's functions give a pointer that may be written to. */
static cJSON *child_of(const cJSON *node, const struct mapping_token *token)
{
    if (cJSON_IsArray(node))
        return element_of(node, token->index);
    return cJSON_IsObject(node) ? cJSON_GetObjectItemCaseSensitive(node, token->name) : NULL;
}

static const cJSON *tolerant_child_of(const cJSON *node, const struct mapping_token *token)
{
    return cJSON_IsArray(node) ? element_of(node, token->index) : json_member(node, token->name);
}

const cJSON *mapping_find(const struct mapping_run *run, const struct mapping_frame *frame,
                          const struct mapping_path *path)
{
    const cJSON *node = path->origin == MAPPING_RESULT  ? frame->result
                        : path->origin == MAPPING_WHOLE ? run->input->message
                                                        : frame->item;
    bool is_tolerant = run->mapping->is_tolerant && path->origin != MAPPING_RESULT;
    for (uint32_t i = 0; node && i < path->token_count; i++)
        node = is_tolerant ? tolerant_child_of(node, &path->tokens[i])
                           : child_of(node, &path->tokens[i]);
    return node;
}

bool mapping_is_filled(const cJSON *value)
{
    if (cJSON_IsString(value))
        return value->valuestring[0] != '\0';
    if (cJSON_IsArray(value) || cJSON_IsObject(value))
        return value->child != NULL;
    return value && !cJSON_IsNull(value);
}

const cJSON *mapping_first(const struct mapping_run *run, const struct mapping_frame *frame,
                           const struct mapping_paths *paths, unsigned wanted,
                           const struct mapping_path **used)
{
    if (used)
        *used = paths->list;
    for (uint32_t i = 0; i < paths->count; i++) {
        const cJSON *value = mapping_find(run, frame, &paths->list[i]);
        bool is_plain = !cJSON_IsArray(value) && !cJSON_IsObject(value);
        bool is_there = wanted & MAPPING_EMPTY_TOO ? value != NULL : mapping_is_filled(value);
        if (!is_there || (wanted & MAPPING_PLAIN_ONLY && !is_plain))
            continue;
        if (used)
            *used = &paths->list[i];
        return value;
    }
    return NULL;
}

/* ---- writing ------------------------------------------------------------------------------ */

/* Gives node the content of value, which is deleted: node stays where it is and who points to it. */
static void replace_content(cJSON *node, cJSON *value)
{
    cJSON old = *node;
    node->type = value->type;
    node->child = value->child;
    node->valuestring = value->valuestring;
    node->valueint = value->valueint;
    node->valuedouble = value->valuedouble;
    value->type = old.type;
    value->child = old.child;
    value->valuestring = old.valuestring;
    cJSON_Delete(value);
}

static const char *shape_of(const cJSON *node)
{
    return cJSON_IsString(node)   ? "a text"
           : cJSON_IsNumber(node) ? "a number"
           : cJSON_IsBool(node)   ? "a boolean"
                                  : "something";
}

static bool put_in_array(struct mapping_run *run, const struct mapping_rule *rule,
                         const struct mapping_path *path, cJSON *array, int32_t index, cJSON *value)
{
    int count = cJSON_GetArraySize(array);
    if (index == MAPPING_APPEND || index == count)
        return cJSON_AddItemToArray(array, value);
    if (index >= 0 && index < count)
        return cJSON_ReplaceItemInArray(array, index, value);
    cJSON_Delete(value);
    if (index == MAPPING_NO_INDEX)
        return mapping_stop(run, rule, MAPPING_FAILED_MESSAGE,
                            "%s: the result has an array there, whose elements are numbers or '-'",
                            path->text);
    return mapping_stop(run, rule, MAPPING_FAILED_MESSAGE,
                        "%s: the array has only %d elements; '-' adds one behind them", path->text,
                        count);
}

static bool put(struct mapping_run *run, const struct mapping_rule *rule,
                const struct mapping_path *path, cJSON *node, const struct mapping_token *token,
                cJSON *value)
{
    if (cJSON_IsArray(node))
        return put_in_array(run, rule, path, node, token->index, value);
    if (cJSON_IsObject(node))
        return cJSON_GetObjectItemCaseSensitive(node, token->name)
                   ? cJSON_ReplaceItemInObjectCaseSensitive(node, token->name, value)
                   : cJSON_AddItemToObject(node, token->name, value);
    cJSON_Delete(value);
    return mapping_stop(run, rule, MAPPING_FAILED_MESSAGE,
                        "%s: the result has %s on the way there, not an object or an array",
                        path->text, shape_of(node));
}

/* The object or array around the last token of path, made where there is nothing. A new one is an
 * array if the next token is its first element. */
static cJSON *reach(struct mapping_run *run, const struct mapping_frame *frame,
                    const struct mapping_rule *rule, const struct mapping_path *path)
{
    cJSON *node = frame->result;
    for (uint32_t i = 0; i + 1 < path->token_count; i++) {
        cJSON *next = child_of(node, &path->tokens[i]);
        if (!next || cJSON_IsNull(next)) {
            int32_t index = path->tokens[i + 1].index;
            next = index == 0 || index == MAPPING_APPEND ? json_array() : json_object();
            if (!put(run, rule, path, node, &path->tokens[i], next))
                return NULL;
        }
        node = next;
    }
    return node;
}

bool mapping_set(struct mapping_run *run, const struct mapping_frame *frame,
                 const struct mapping_rule *rule, const struct mapping_path *path, cJSON *value)
{
    cJSON *node = NULL;
    if (!mapping_count(run, rule, value, frame->depth + path->token_count) ||
        (path->token_count > 0 && !(node = reach(run, frame, rule, path)))) {
        cJSON_Delete(value);
        return false;
    }
    if (node)
        return put(run, rule, path, node, &path->tokens[path->token_count - 1], value);
    replace_content(frame->result, value);
    return true;
}

cJSON *mapping_take(const struct mapping_frame *frame, const struct mapping_path *path)
{
    cJSON *parent = NULL, *node = frame->result;
    for (uint32_t i = 0; node && i < path->token_count; i++) {
        parent = node;
        node = child_of(node, &path->tokens[i]);
    }
    return node && parent ? cJSON_DetachItemViaPointer(parent, node) : NULL;
}

cJSON *mapping_array(struct mapping_run *run, const struct mapping_frame *frame,
                     const struct mapping_rule *rule, const struct mapping_path *path)
{
    cJSON *node = frame->result;
    if (path->token_count > 0) {
        cJSON *parent = reach(run, frame, rule, path);
        const struct mapping_token *last = &path->tokens[path->token_count - 1];
        node = parent ? child_of(parent, last) : NULL;
        if (parent && !node) {
            node = json_array();
            if (!put(run, rule, path, parent, last, node))
                return NULL;
        }
    }
    if (node && !cJSON_IsArray(node) && !mapping_is_filled(node))
        replace_content(node, json_array());
    if (!node || cJSON_IsArray(node))
        return node;
    mapping_stop(run, rule, MAPPING_FAILED_MESSAGE, "%s: the result has something else than an array there",
                 path->text);
    return NULL;
}
