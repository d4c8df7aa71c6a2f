/* SPDX-License-Identifier: MIT */
/* One scan checks limits and shape before cJSON sees the text; see json.h. */
#include "base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

#define JSON_FILE_SIZE_MAX (4u << 20)

static bool position_error(struct error *err, const char *name, const char *text, size_t at,
                           const char *what)
{
    size_t line = 1, column = 1;
    for (size_t i = 0; i < at && text[i]; i++) {
        column = text[i] == '\n' ? 1 : column + 1;
        line += text[i] == '\n';
    }
    return error_set(err, ERROR_INVALID, "%s:%zu:%zu: %s", name, line, column, what);
}

/* Replaces comments by blanks so that positions stay right (cJSON_Minify would move them). */
static void blank_comments(char *text)
{
    bool in_string = false;
    for (char *at = text; *at; at++) {
        if (in_string) {
            if (*at == '\\' && at[1])
                at++;
            else if (*at == '"')
                in_string = false;
        } else if (*at == '"') {
            in_string = true;
        } else if (at[0] == '/' && at[1] == '/') {
            while (*at && *at != '\n')
                *at++ = ' ';
            if (!*at)
                return;
        } else if (at[0] == '/' && at[1] == '*') {
            char *end = strstr(at + 2, "*/");
            if (!end)
                return;
            for (; at < end + 2; at++)
                *at = *at == '\n' ? '\n' : ' ';
            at--;
        }
    }
}

bool json_check_depth(const char *text, size_t size, const char *name, struct error *err)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < size; i++) {
        if (in_string) {
            if (text[i] == '\\')
                i++;
            else if (text[i] == '"')
                in_string = false;
        } else if (text[i] == '"') {
            in_string = true;
        } else if (text[i] == '{' || text[i] == '[') {
            if (++depth > JSON_DEPTH_MAX)
                return position_error(err, name, text, i, "nested deeper than 64 levels");
        } else if (text[i] == '}' || text[i] == ']') {
            depth -= depth > 0;
        }
    }
    return true;
}

/* A NUL that is written as an escape: whoever reads the text as a C string would see half of it. */
static bool check_escapes(const char *text, size_t size, const char *name, struct error *err)
{
    for (size_t i = 0; i + 1 < size; i++) {
        if (text[i] != '\\')
            continue;
        if (size - i >= 6 && memcmp(text + i, "\\u0000", 6) == 0)
            return position_error(err, name, text, i, "a NUL character (\\u0000) cannot be used");
        i++;
    }
    return true;
}

/* A number that a double cannot hold would become null when the value is written again. text ends with a
 * NUL and is valid but for that. */
static bool check_numbers(const char *text, const char *name, struct error *err)
{
    bool in_string = false;
    for (const char *at = text; *at; at++) {
        if (in_string && *at == '\\')
            at++;
        else if (*at == '"')
            in_string = !in_string;
        if (in_string || (*at != '-' && (*at < '0' || *at > '9')))
            continue;
        char *end;
        if (!isfinite(strtod(at, &end)))
            return position_error(err, name, text, (size_t)(at - text),
                                  "this number is too large (1.8e308 is the limit)");
        at = end > at ? end - 1 : at;
    }
    return true;
}

static const char out_of_memory[] = ""; /* told apart by its address */

static int by_key(const void *a, const void *b)
{
    return strcmp((*(const cJSON *const *)a)->string, (*(const cJSON *const *)b)->string);
}

/* Sorted, because objects come from outside: comparing each with each would take minutes for the
 * members that fit a few megabytes. */
static const char *twice_among(const cJSON *object, size_t count)
{
    const char *found = NULL;
    const cJSON **members = malloc(count * sizeof *members);
    if (!members)
        return out_of_memory;
    size_t filled = 0;
    for (const cJSON *member = object->child; member; member = member->next)
        members[filled++] = member;
    qsort(members, count, sizeof *members, by_key);
    for (size_t i = 1; i < count && !found; i++)
        if (strcmp(members[i - 1]->string, members[i]->string) == 0)
            found = members[i]->string;
    free(members);
    return found;
}

static const char *member_twice(const cJSON *object)
{
    size_t count = 0;
    for (const cJSON *member = object->child; member; member = member->next)
        count++;
    return count > 1 ? twice_among(object, count) : NULL;
}

/* Depth is bounded by JSON_DEPTH_MAX. */
static const char *duplicate_key(const cJSON *value)
{
    const char *found = cJSON_IsObject(value) ? member_twice(value) : NULL;
    for (const cJSON *child = value->child; child && !found; child = child->next)
        found = duplicate_key(child);
    return found;
}

static size_t skip_back(const char *text, size_t at)
{
    while (at > 0 && strchr(" \t\r\n", text[at - 1]))
        at--;
    return at;
}

/* Whether a text that began before at ends behind it. */
static bool is_inside_text(const char *text, size_t at)
{
    bool inside = false;
    for (size_t i = 0; i < at; i++) {
        if (inside && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            inside = !inside;
    }
    return inside;
}

/* cJSON steps over the first byte of a key or text before it finds fault with it: back to that. */
static size_t fault_start(const char *text, size_t at)
{
    size_t before = at > 0 ? skip_back(text, at - 1) : 0;
    bool is_text = at > 0 && text[at - 1] == '"' && is_inside_text(text, at);
    bool is_key = before > 0 && (text[before - 1] == '{' || text[before - 1] == ',') &&
                  !strchr("\"{[]:, \t\r\n", text[at - 1]);
    return is_text || is_key ? at - 1 : at;
}

/* What must stand at text[at], told by what is around it. inside: cJSON stopped in a text. */
static const char *expectation(const char *text, size_t at, bool inside)
{
    size_t before = skip_back(text, at);
    bool is_end = !text[at + strspn(text + at, " \t\r\n")];
    if (before == 0)
        return is_end ? "empty, expected a JSON value"
                      : "not valid JSON here: expected a JSON value";
    if (is_end && !inside)
        return "not valid JSON: it ends before every bracket is closed";
    if (inside)
        return strchr(text + at + 1, '"')
                   ? "not valid JSON: this text has an escape that JSON does not know (a "
                     "backslash is written \\\\)"
                   : "not valid JSON: the text that begins here has no closing quote";
    switch (text[before - 1]) {
    case '{':
        return "not valid JSON here: expected a key in double quotes, or }";
    case ':':
    case '[':
        return "not valid JSON here: expected a value (text stands in double quotes)";
    case ',':
        return "not valid JSON here: expected another element after the comma";
    default:
        return "not valid JSON here: expected a comma, a colon, a closing bracket or the end";
    }
}

static bool check_keys(const cJSON *value, const char *name, struct error *err)
{
    const char *twice = duplicate_key(value);
    if (twice == out_of_memory)
        return error_set(err, ERROR_LIMIT, "%s: out of memory", name);
    return !twice || error_set(err, ERROR_INVALID, "%s: key \"%.100s\" is given twice", name, twice);
}

static cJSON *parse_checked(const char *text, size_t size, const char *name, struct error *err)
{
    const char *end = NULL;
    cJSON *value = cJSON_ParseWithLengthOpts(text, size + 1, &end, true);
    if (!value) {
        size_t stop = end ? (size_t)(end - text) : 0, at = fault_start(text, stop);
        position_error(err, name, text, at, expectation(text, at, is_inside_text(text, stop)));
        return NULL;
    }
    if (check_keys(value, name, err) && check_numbers(text, name, err))
        return value;
    cJSON_Delete(value);
    return NULL;
}

cJSON *json_parse(const char *text, size_t size, const char *name, enum json_style style,
                  struct error *err)
{
    if (!text_is_utf8(text, size)) {
        error_set(err, ERROR_INVALID, "%s: not UTF-8 text", name);
        return NULL;
    }
    char *copy = malloc(size + 1);
    if (!copy) {
        error_set(err, ERROR_LIMIT, "%s: out of memory", name);
        return NULL;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    if (style == JSON_COMMENTS)
        blank_comments(copy);
    cJSON *value = json_check_depth(copy, size, name, err) && check_escapes(copy, size, name, err)
                       ? parse_checked(copy, size, name, err) : NULL;
    free(copy);
    return value;
}

cJSON *json_read_file(const char *path, enum json_style style, struct error *err)
{
    struct buf text;
    buf_init(&text, JSON_FILE_SIZE_MAX);
    cJSON *value = NULL;
    if (file_read(path, &text, err))
        value = json_parse(buf_text(&text), text.size, path, style, err);
    buf_release(&text);
    return value;
}

const char *json_skip_blank(const char *at)
{
    for (;;) {
        while (*at && (unsigned char)*at <= ' ') /* as cJSON has it */
            at++;
        if (at[0] == '/' && at[1] == '/') {
            at += strcspn(at, "\n");
        } else if (at[0] == '/' && at[1] == '*') {
            const char *end = strstr(at + 2, "*/");
            at = end ? end + 2 : at + strlen(at);
        } else {
            return at;
        }
    }
}

const char *json_skip_string(const char *at)
{
    for (at++; *at && *at != '"'; at++)
        if (*at == '\\' && at[1])
            at++;
    return *at ? at + 1 : at;
}

const char *json_text(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static size_t valid_prefix(const char *text, size_t size)
{
    size_t length = size < 4 ? size : 4;
    for (size_t i = 1; i <= length; i++)
        if (text_is_utf8(text, i))
            return i;
    return 0;
}

/* How many bytes at the beginning of text stand for themselves in a JSON string: ASCII but for
 * control characters, quote and backslash. */
static size_t plain_prefix(const char *text, size_t size)
{
    size_t count = 0;
    while (count < size && text[count] >= 0x20 && text[count] < 0x7F && text[count] != '"' &&
           text[count] != '\\')
        count++;
    return count;
}

void json_append_text(struct buf *out, const char *text, size_t size)
{
    buf_append_char(out, '"');
    while (size > 0) {
        size_t plain = plain_prefix(text, size);
        if (plain > 0) {
            buf_append(out, text, plain);
            text += plain;
            size -= plain;
            continue;
        }
        size_t length = valid_prefix(text, size);
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\')
            buf_printf(out, "\\%c", byte);
        else if (byte < 0x20)
            buf_printf(out, "\\u%04x", byte);
        else if (length == 0)
            buf_append_text(out, "\xEF\xBF\xBD");
        else
            buf_append(out, text, length);
        size -= length ? length : 1;
        text += length ? length : 1;
    }
    buf_append_char(out, '"');
}
