/* SPDX-License-Identifier: MIT */
/* Opening a configuration file and finding the line of a value in it; see config.h. */
#include "workspace/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

static bool parse(struct config *config, struct error *err)
{
    config->root = json_parse(buf_text(&config->text), config->text.size, config->name,
                              JSON_COMMENTS, err);
    if (!config->root)
        return false;
    return cJSON_IsObject(config->root) ||
           error_set(err, ERROR_INVALID, "%s:1:1: expected an object: { ... }", config->name);
}

bool config_open(struct config *config, const char *folder, const char *name, struct error *err)
{
    *config = (struct config){.name = name};
    buf_init(&config->text, CONFIG_FILE_SIZE_MAX);
    char *path = file_join(folder, name);
    if (!path)
        return error_set(err, ERROR_LIMIT, "%s: out of memory", name);
    bool ok = file_read(path, &config->text, err) && parse(config, err);
    free(path);
    if (!ok)
        config_close(config);
    return ok;
}

bool config_take(struct config *config, const char *text, const char *name, struct error *err)
{
    *config = (struct config){.name = name};
    buf_init(&config->text, CONFIG_FILE_SIZE_MAX);
    buf_append_text(&config->text, text);
    bool ok = config->text.failed
                  ? error_set(err, ERROR_LIMIT, "%s: more than %u bytes", name, CONFIG_FILE_SIZE_MAX)
                  : parse(config, err);
    if (!ok)
        config_close(config);
    return ok;
}

void config_close(struct config *config)
{
    buf_release(&config->text);
    cJSON_Delete(config->root);
    config->root = NULL;
}

/* Counts values in document order until wanted; depth is bounded by JSON_DEPTH_MAX. */
static bool find_ordinal(const cJSON *value, const cJSON *wanted, size_t *ordinal)
{
    if (value == wanted)
        return true;
    ++*ordinal;
    for (const cJSON *child = value->child; child; child = child->next)
        if (find_ordinal(child, wanted, ordinal))
            return true;
    return false;
}

/* The next value, key or opening bracket, or the end. */
static const char *next_token(const char *at)
{
    at = json_skip_blank(at);
    while (*at && strchr(",:]}", *at))
        at = json_skip_blank(at + 1);
    return at;
}

/* The text is known to be well-formed: json_parse took it. A value with a key is found at its key. */
static const char *find_in_text(const char *text, size_t ordinal)
{
    const char *key = NULL;
    for (const char *at = next_token(text); *at; at = next_token(at)) {
        const char *start = at;
        if (*at == '"') {
            at = json_skip_string(at);
            if (*json_skip_blank(at) == ':') {
                key = start;
                continue;
            }
        } else if (*at == '{' || *at == '[') {
            at++;
        } else {
            at += 1 + strcspn(at + 1, " \t\r\n,:]}/");
        }
        if (ordinal-- == 0)
            return key ? key : start;
        key = NULL;
    }
    return text;
}

void config_place(const struct config *config, const cJSON *node, char *text, size_t size)
{
    size_t ordinal = 0, line = 1, column = 1;
    find_ordinal(config->root, node, &ordinal);
    const char *bytes = buf_text(&config->text);
    for (const char *at = bytes, *end = find_in_text(bytes, ordinal); at < end; at++) {
        column = *at == '\n' ? 1 : column + 1;
        line += *at == '\n';
    }
    snprintf(text, size, "%s:%zu:%zu", config->name, line, column);
}

bool config_fail(const struct config *config, const cJSON *node, struct error *err,
                 const char *format, ...)
{
    char sentence[ERROR_MESSAGE_SIZE], place[320];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    config_place(config, node, place, sizeof place);
    return error_set(err, ERROR_INVALID, "%s: %s", place, sentence);
}
