/* SPDX-License-Identifier: MIT */
/* Values of one JSON object into a struct, as a table of fields says; see config.h. */
#include "workspace/config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "workspace/connection.h"
#include "workspace/url.h"

#define HOST_SIZE_MAX 253 /* RFC 1035 2.3.4 */
#define TEXT_VALUE_SIZE_MAX 4096
#define KEYS_MAX 64

/* What is being read: the object, the field, its value and where it goes. */
struct slot {
    const struct config_object *object;
    const struct config_field *field;
    const cJSON *node;
    void *target;
    struct error *err;
};

static bool slot_fail(const struct slot *slot, const char *format, ...) PRINTF_LIKE(2, 3);

static bool slot_fail(const struct slot *slot, const char *format, ...)
{
    char sentence[ERROR_MESSAGE_SIZE];
    const char *what = slot->object->what;
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    return config_fail(slot->object->config, slot->node, slot->err, "%s%s\"%s\" %s", what,
                       *what ? ": " : "", slot->field->key, sentence);
}

static bool put_text(const struct slot *slot, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        return error_set(slot->err, ERROR_LIMIT, "out of memory");
    memcpy(slot->target, &copy, sizeof copy);
    return true;
}

static bool get_text(const struct slot *slot, const char **text)
{
    *text = cJSON_GetStringValue(slot->node);
    if (!*text)
        return slot_fail(slot, "must be text in quotes");
    if (!**text)
        return slot_fail(slot, "must not be empty");
    if (text_has_control(*text))
        return slot_fail(slot, "must not hold control characters");
    if (strlen(*text) > TEXT_VALUE_SIZE_MAX)
        return slot_fail(slot, "has %zu bytes, at most %d are possible", strlen(*text),
                         TEXT_VALUE_SIZE_MAX);
    return true;
}

static bool read_text(const struct slot *slot)
{
    const char *text;
    return get_text(slot, &text) && put_text(slot, text);
}

static bool put_path(const struct slot *slot, const char *path)
{
    char *joined = file_join(slot->object->folder, path);
    if (!joined)
        return error_set(slot->err, ERROR_LIMIT, "out of memory");
    memcpy(slot->target, &joined, sizeof joined);
    return true;
}

static bool read_path(const struct slot *slot)
{
    const char *path;
    return get_text(slot, &path) && put_path(slot, path);
}

static bool read_anchor(const struct slot *slot)
{
    const char *name;
    char path[TEXT_VALUE_SIZE_MAX + 32];
    if (!get_text(slot, &name))
        return false;
    if (strchr(name, '/') || strchr(name, '.'))
        return put_path(slot, name);
    snprintf(path, sizeof path, "certificates/%s.pem", name);
    return put_path(slot, path);
}

static bool read_host(const struct slot *slot)
{
    const char *host;
    if (!get_text(slot, &host))
        return false;
    if (strlen(host) > HOST_SIZE_MAX)
        return slot_fail(slot, "has %zu bytes, at most %d are possible", strlen(host),
                         HOST_SIZE_MAX);
    if (!url_is_host(host))
        return slot_fail(slot, "must be a host name or an address alone, without scheme, user, "
                               "port or path");
    return put_text(slot, host);
}

static bool read_url(const struct slot *slot)
{
    const char *url;
    struct url_parts parts;
    char why[128];
    if (!get_text(slot, &url))
        return false;
    if (!url_parse(url, &parts, why, sizeof why))
        return slot_fail(slot, "%s", why); /* the URL itself might hold a password */
    char *copy = strdup(url);
    if (!copy)
        return error_set(slot->err, ERROR_LIMIT, "out of memory");
    for (size_t length = strlen(copy); length > 0 && copy[length - 1] == '/'; length--)
        copy[length - 1] = '\0';
    memcpy(slot->target, &copy, sizeof copy);
    return true;
}

static bool read_flag(const struct slot *slot)
{
    bool flag = cJSON_IsTrue(slot->node);
    if (!cJSON_IsBool(slot->node))
        return slot_fail(slot, "must be true or false");
    memcpy(slot->target, &flag, sizeof flag);
    return true;
}

#define GIVEN_SIZE 32

/* ", not 70000"; "" where it is no number. */
static const char *given(const struct slot *slot, char text[static GIVEN_SIZE])
{
    text[0] = '\0';
    if (cJSON_IsNumber(slot->node))
        snprintf(text, GIVEN_SIZE, ", not %.17g", slot->node->valuedouble);
    return text;
}

static bool get_number(const struct slot *slot, uint64_t min, uint64_t max, uint64_t *number)
{
    char text[GIVEN_SIZE];
    double value = cJSON_GetNumberValue(slot->node);
    bool whole = cJSON_IsNumber(slot->node) && floor(value) == value;
    if (!whole || value < (double)min || value > (double)max)
        return slot_fail(slot, "must be a whole number from %llu to %llu%s", (unsigned long long)min,
                         (unsigned long long)max, given(slot, text));
    *number = (uint64_t)value;
    return true;
}

static bool read_port(const struct slot *slot)
{
    uint64_t number;
    if (!get_number(slot, 1, UINT16_MAX, &number))
        return false;
    uint16_t port = (uint16_t)number;
    memcpy(slot->target, &port, sizeof port);
    return true;
}

static bool read_number(const struct slot *slot)
{
    uint64_t number;
    if (!get_number(slot, slot->field->min, slot->field->max, &number))
        return false;
    uint32_t small = (uint32_t)number;
    memcpy(slot->target, &small, sizeof small);
    return true;
}

static bool read_seconds(const struct slot *slot)
{
    char text[GIVEN_SIZE];
    double value = cJSON_GetNumberValue(slot->node);
    double min = (double)slot->field->min, max = (double)slot->field->max;
    if (!cJSON_IsNumber(slot->node) || !(value >= min && value <= max))
        return slot_fail(slot, "must be a number of seconds from %.0f to %.0f%s", min, max,
                         given(slot, text));
    uint32_t milliseconds = (uint32_t)(value * 1000);
    memcpy(slot->target, &milliseconds, sizeof milliseconds);
    return true;
}

static bool read_size(const struct slot *slot)
{
    uint64_t size;
    char low[TEXT_SIZE_SIZE], high[TEXT_SIZE_SIZE];
    const char *text = cJSON_GetStringValue(slot->node);
    bool ok = text && text_parse_size(text, &size);
    if (!text && cJSON_IsNumber(slot->node)) {
        double value = cJSON_GetNumberValue(slot->node);
        ok = value >= 0 && value <= 9007199254740992.0 && floor(value) == value;
        size = ok ? (uint64_t)value : 0;
    }
    if (!ok || size < slot->field->min || size > slot->field->max)
        return slot_fail(slot, "must be a size from %s to %s: bytes, or text such as \"64MiB\"",
                         text_format_size(slot->field->min, low),
                         text_format_size(slot->field->max, high));
    memcpy(slot->target, &size, sizeof size);
    return true;
}

static size_t word_count(const char *const *words)
{
    size_t count = 0;
    while (words[count])
        count++;
    return count;
}

static void append_quoted_list(struct buf *out, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%s\"%s\"", i ? ", " : "", words[i]);
}

bool config_word(const struct config_object *object, const cJSON *node, const char *const *words,
                 int *index, struct error *err)
{
    const char *text = cJSON_GetStringValue(node);
    size_t count = word_count(words);
    for (size_t i = 0; text && i < count; i++) {
        if (strcmp(text, words[i]) == 0) {
            *index = (int)i;
            return true;
        }
    }
    struct buf legal;
    buf_init(&legal, ERROR_MESSAGE_SIZE);
    append_quoted_list(&legal, words, count);
    const char *nearest = text ? text_nearest(text, words, count) : NULL;
    config_fail(object->config, node, err, "%s%s\"%s\" must be one of %s%s%s%s", object->what,
                *object->what ? ": " : "", node->string ? node->string : "", buf_text(&legal),
                nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    buf_release(&legal);
    return false;
}

static bool read_word(const struct slot *slot)
{
    int index;
    if (!config_word(slot->object, slot->node, slot->field->words, &index, slot->err))
        return false;
    memcpy(slot->target, &index, sizeof index);
    return true;
}

static bool read_credential(const struct slot *slot)
{
    const char *name;
    if (!get_text(slot, &name))
        return false;
    if (name[0] == '.' || strchr(name, '/'))
        return slot_fail(slot, "must be the name of a file in $" CREDENTIALS_DIRECTORY
                               ", without '/' and not beginning with '.'");
    char *path = credential_path(name);
    if (!path)
        return error_set(slot->err, ERROR_LIMIT, "out of memory");
    memcpy(slot->target, &path, sizeof path);
    return true;
}

/* The one member of an object, or NULL. */
static const cJSON *only_member(const cJSON *node)
{
    return cJSON_IsObject(node) && node->child && !node->child->next ? node->child : NULL;
}

#define SECRET_WAYS                                                                                \
    "{\"env\": \"NAME\"} for an environment variable, {\"file\": \"PATH\"} for a file or "            \
    "{\"credential\": \"NAME\"} for a file in $" CREDENTIALS_DIRECTORY

static bool read_secret(const struct slot *slot)
{
    static bool (*const ways[])(const struct slot *) = {read_text, read_path, read_credential};
    static const char *const names[] = {"env", "file", "credential"};
    struct secret secret = {0};
    const cJSON *way = only_member(slot->node);
    if (cJSON_IsString(slot->node))
        return slot_fail(slot, "is a secret in plain text, which is refused; give " SECRET_WAYS);
    size_t index = 0;
    while (way && index < 3 && strcmp(way->string, names[index]) != 0)
        index++;
    if (!way || index == 3)
        return slot_fail(slot, "must be " SECRET_WAYS);
    struct slot inner = *slot;
    inner.node = way;
    inner.target = index == 0 ? &secret.env : &secret.file;
    if (!ways[index](&inner))
        return false;
    if (secret.env && strchr(secret.env, '=')) {
        free(secret.env);
        return slot_fail(slot, "names an environment variable with '=' in it");
    }
    memcpy(slot->target, &secret, sizeof secret);
    return true;
}

static bool read_object(const struct slot *slot)
{
    struct config_object inner = *slot->object;
    if (!cJSON_IsObject(slot->node))
        return slot_fail(slot, "must be an object");
    inner.node = slot->node;
    inner.what = slot->field->key;
    inner.kind = 1;
    inner.handled = NULL;
    return config_read(&inner, slot->field->fields, *slot->field->field_count, slot->target, slot->err);
}

/* The path of a file is no secret, so it may stand for the key in it. */
static bool read_key(const struct slot *slot)
{
    struct secret key = {0};
    struct slot inner = *slot;
    inner.target = &key.file;
    if (!cJSON_IsString(slot->node))
        return read_secret(slot);
    if (!read_path(&inner))
        return false;
    memcpy(slot->target, &key, sizeof key);
    return true;
}

static bool (*const readers[])(const struct slot *) = {
    [CONFIG_TEXT] = read_text,       [CONFIG_PATH] = read_path,     [CONFIG_ANCHOR] = read_anchor,
    [CONFIG_HOST] = read_host,       [CONFIG_URL] = read_url,       [CONFIG_FLAG] = read_flag,
    [CONFIG_PORT] = read_port,       [CONFIG_NUMBER] = read_number, [CONFIG_SECONDS] = read_seconds,
    [CONFIG_SIZE] = read_size,       [CONFIG_WORD] = read_word,     [CONFIG_SECRET] = read_secret,
    [CONFIG_OBJECT] = read_object,
    [CONFIG_KEY] = read_key,
};

static bool unknown_key(const struct config_object *object, const struct config_field *fields,
                        size_t count, const cJSON *node, struct error *err)
{
    const char *keys[KEYS_MAX];
    size_t key_count = 0;
    for (size_t i = 0; i < count && key_count < KEYS_MAX; i++)
        if (fields[i].legal & object->kind)
            keys[key_count++] = fields[i].key;
    if (object->handled && key_count < KEYS_MAX)
        keys[key_count++] = object->handled;
    struct buf legal;
    buf_init(&legal, ERROR_MESSAGE_SIZE);
    append_quoted_list(&legal, keys, key_count);
    const char *nearest = text_nearest(node->string, keys, key_count);
    config_fail(object->config, node, err, "%s%sunknown key \"%.64s\"%s%s%s; legal here: %s",
                object->what, *object->what ? ": " : "", node->string,
                nearest ? " (did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?)" : "",
                buf_text(&legal));
    buf_release(&legal);
    return false;
}

static const struct config_field *find_field(const struct config_object *object,
                                             const struct config_field *fields, size_t count,
                                             const char *key)
{
    for (size_t i = 0; i < count; i++)
        if ((fields[i].legal & object->kind) && strcmp(fields[i].key, key) == 0)
            return &fields[i];
    return NULL;
}

static bool check_required(const struct config_object *object, const struct config_field *fields,
                           size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (!(fields[i].required & object->kind))
            continue;
        if (!cJSON_GetObjectItemCaseSensitive(object->node, fields[i].key))
            return config_fail(object->config, object->node, err, "%s%s\"%s\" is missing",
                               object->what, *object->what ? ": " : "", fields[i].key);
    }
    return true;
}

bool config_read(const struct config_object *object, const struct config_field *fields,
                 size_t count, void *target, struct error *err)
{
    for (const cJSON *node = object->node->child; node; node = node->next) {
        if (object->handled && strcmp(node->string, object->handled) == 0)
            continue;
        const struct config_field *field = find_field(object, fields, count, node->string);
        if (!field)
            return unknown_key(object, fields, count, node, err);
        struct slot slot = {object, field, node, (char *)target + field->offset, err};
        if (!readers[field->kind](&slot))
            return false;
    }
    return check_required(object, fields, count, err);
}
